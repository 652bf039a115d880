// Receipts: where a statement went (docs/FORMATS.md, "Receipt").

import { readAnchor } from "./anchor.js";
import { fail, fromBase64url, isHash, toBase64url } from "./bytes.js";
import { readJson } from "./document.js";
import { MemberChain, readHandovers } from "./handover.js";
import { isText, membersOf } from "./json.js";
import { Signatures } from "./jws.js";
import { checkSealPlace, isIndex, parseCheckpoint, parseSeal, readCommit, sealLeaf, statementLeaf } from "./ledger.js";
import { readAdmin } from "./registry.js";
import { ProofError, inclusionRoot, leafHash } from "./tree.js";

const MEMBERS = ["leafIndex", "treeSize", "leafHash", "inclusionProof", "checkpoint", "commit"];

/**
 * Checks that a receipt shows the statement (compact form) in the ledger of the trust anchor:
 * `{leafIndex, checkpoint: {origin, size, root}, time}`, the time only where the receipt has its seal. `handovers` are the changes of
 * members between the anchor's block and the receipt's (`GET /ledger/handovers`).
 */
export async function verifyReceipt(receipt, { anchor, statement, handovers = [] }) {
  const wrong = (message) => fail("receipt", `the receipt: ${message}`);
  const read = membersOf(readJson(receipt, "receipt", "the receipt"), MEMBERS, ["seal", "sealInclusionProof"], wrong);
  const { leafIndex, treeSize } = read;
  if (!isIndex(leafIndex) || !isIndex(treeSize) || !isText(read.checkpoint)) wrong("a number or the checkpoint is malformed");
  const signatures = new Signatures();
  const trusted = readAnchor(readJson(anchor, "anchor", "the trust anchor"), signatures, readAdmin);
  const checkpoint = parseCheckpoint(read.checkpoint);
  if (checkpoint.size !== treeSize) wrong("its checkpoint has another size");
  const commit = readCommit(read.commit, wrong);
  const chain = await MemberChain.verify(trusted, readHandovers(readJson(handovers, "handovers", "the handovers"), wrong), signatures);
  chain.checkFinal(checkpoint, commit, signatures);
  const include = (index, data, proof) => {
    if (!Array.isArray(proof) || !proof.every(isHash)) wrong("a proof is malformed");
    const root = inclusionRoot(index, treeSize, leafHash(data), proof.map(fromBase64url));
    if (toBase64url(root) !== toBase64url(checkpoint.root)) throw new ProofError("the proof leads to another root");
  };
  const data = statementLeaf(statement);
  if (toBase64url(leafHash(data)) !== read.leafHash) wrong("it is for another statement");
  let seal;
  try {
    include(leafIndex, data, read.inclusionProof);
    if (read.seal !== undefined) {
      if (!isText(read.seal)) wrong("its seal is malformed");
      seal = parseSeal(read.seal, treeSize - 1);
      checkSealPlace(seal, treeSize - 1, checkpoint, commit);
      chain.checkSealMembers(seal);
      include(treeSize - 1, sealLeaf(read.seal), read.sealInclusionProof);
    }
  } catch (error) {
    if (error instanceof ProofError) wrong(error.message);
    throw error;
  }
  await signatures.settle();
  const { origin, size, root } = checkpoint;
  const within = seal && seal.previousSize <= leafIndex;
  return { leafIndex, checkpoint: { origin, size, root: toBase64url(root) }, ...(within && { time: seal.time }) };
}
