// Where one leaf stands: that its bytes are in the ledger by the commit of its block, and who signed what it holds. For the pages of
// single records and blocks; evidence about a product has its own way (./evidence.js).

import { readAnchor } from "./anchor.js";
import { fail, fromBase64url, isHash, sha256, toBase64url } from "./bytes.js";
import { readJson } from "./document.js";
import { MemberChain, readHandovers } from "./handover.js";
import { isText } from "./json.js";
import { Signatures, parseStatement } from "./jws.js";
import { checkSealPlace, parseCheckpoint, parseSeal, readCommit, sealLeaf, statementLeaf } from "./ledger.js";
import { readAdmin } from "./registry.js";
import { ProofError, inclusionRoot, leafHash } from "./tree.js";

/** The first byte of a leaf: what it is (docs/FORMATS.md, "Leaf"). */
export const KIND_OF_LEAF = ["seal", "statement", "long-statement"];

/**
 * A block of the ledger of an anchor, checked: a quorum of its members signed its checkpoint, and its seal is its last leaf.
 *
 * `anchor` is the anchor of genesis (`GET /trust?height=0`) and `handovers` all changes of members since, for a block may be older than
 * the anchor that is usual. `block` is as `GET /ledger/blocks/{height}` gives it. Throws an `EvidenceError` for what does not hold.
 */
export class CheckedBlock {
  static async of({ anchor, handovers, block, sealProof }) {
    const one = new CheckedBlock();
    const wrong = (message) => fail("block", `the block: ${message}`);
    one.signatures = new Signatures();
    one.anchor = readAnchor(readJson(anchor, "anchor", "the trust anchor"), one.signatures, readAdmin);
    one.chain = await MemberChain.verify(one.anchor, readHandovers(readJson(handovers, "handovers", "the handovers"), wrong), one.signatures);
    const { checkpoint, seal, from, to } = block;
    if (!isText(checkpoint) || !isText(seal)) wrong("its checkpoint or seal is no text");
    one.commit = readCommit(readJson(block.commit, "commit", "the commit"), wrong);
    one.checkpoint = parseCheckpoint(checkpoint);
    one.chain.checkFinal(one.checkpoint, one.commit, one.signatures);
    one.seal = parseSeal(seal, one.checkpoint.size - 1);
    checkSealPlace(one.seal, one.checkpoint.size - 1, one.checkpoint, one.commit);
    one.chain.checkSealMembers(one.seal);
    if (from !== one.seal.previousSize || to !== one.checkpoint.size) wrong("it does not have the leaves that its seal says");
    one.include(one.checkpoint.size - 1, sealLeaf(seal), sealProof);
    await one.signatures.settle();
    return one;
  }

  /** Checks by an inclusion proof (hashes in base64url) that a leaf's data is in the tree of the block. */
  include(index, data, proof) {
    const wrong = (message) => fail("inclusion", `leaf ${index}: ${message}`);
    if (!Array.isArray(proof) || !proof.every(isHash)) wrong("its proof is malformed");
    try {
      const root = inclusionRoot(index, this.checkpoint.size, leafHash(data), proof.map(fromBase64url));
      if (toBase64url(root) !== toBase64url(this.checkpoint.root)) wrong("its proof leads to another root");
    } catch (error) {
      if (error instanceof ProofError) wrong(error.message);
      throw error;
    }
  }

  /** The members that signed the block, by name. */
  get signers() {
    const { members = this.anchor.members } = this.chain.inForceAt(this.commit.height) ?? {};
    return this.commit.signatures.map(({ kid }) => members.find((one) => one.kid === kid)?.name ?? kid);
  }

  /**
   * Checks who signed the statement of a leaf, by the certificate that its signer was given in an earlier leaf of the ledger:
   * `{statement, organization}`; of a member's statement `{statement, member}`. `registration` is that leaf's statement in compact form.
   */
  async signer(compact, registration) {
    const statement = parseStatement(compact);
    const wrong = (message) => fail("signature", `the statement: ${message}`);
    if (statement.aud !== this.anchor.origin) wrong("it is for another ledger");
    const signatures = new Signatures();
    const bad = () => wrong("its signature does not hold");
    if (statement.typ === "sealane-admin+jws") {
      const member = this.member(statement.signer) ?? wrong("it is signed by no member");
      signatures.ask(member.key, statement.input, statement.signature, bad);
      await signatures.settle();
      return { statement, member: member.name };
    }
    const given = parseStatement(registration);
    const by = this.member(given.signer) ?? wrong("its signer's certificate is from no member");
    const admin = readAdmin(given.payload, (message) => wrong(`its signer's registration: ${message}`));
    if (admin.certificate?.thumbprint !== statement.signer) wrong("it is signed by another certificate than that of its signer");
    signatures.ask(by.key, given.input, given.signature, () => wrong("its signer's registration is not signed by a member"));
    signatures.ask(admin.certificate.key, statement.input, statement.signature, bad);
    await signatures.settle();
    return { statement, organization: admin.claims?.organization };
  }

  /** A member up to this block, by its key. */
  member(kid) {
    const all = [this.anchor.founders, ...this.chain.setsThrough(this.commit.height + 1)];
    return all.flat().find((one) => one.kid === kid);
  }
}

/** Checks that a long statement's bytes are those that its leaf stands for. */
export function isStatementOf(data, compact) {
  const made = statementLeaf(compact);
  return made.length === data.length && made.every((byte, at) => byte === data[at]);
}

/** The SHA-256 that a long statement's leaf names, by which its bytes are asked for. */
export const hashInLeaf = (data) => toBase64url(data.subarray(1, 33));

/** A fingerprint in groups that two people compare by telephone: of each two bytes the number, in five digits (docs/FORMATS.md). */
export function groupsOf(hash) {
  const bytes = fromBase64url(hash);
  const pairs = Array.from({ length: bytes.length / 2 }, (_, at) => bytes[2 * at] * 256 + bytes[2 * at + 1]);
  return pairs.map((pair) => String(pair).padStart(5, "0"));
}

/** The SHA-256 of bytes in base64url, as pages show it. */
export const hashOf = (bytes) => toBase64url(sha256(bytes));
