// Handovers: the changes of a ledger's members, each by a quorum of those in force before it (docs/FORMATS.md, "Handover").

import { checkFinal } from "./anchor.js";
import { EvidenceError, fail, fromBase64url, isHash, toBase64url } from "./bytes.js";
import { isText, membersOf } from "./json.js";
import { Signatures } from "./jws.js";
import { checkCommit, checkSealPlace, membersHash, parseCheckpoint, parseSeal, readCommit, readMembers, sealLeaf } from "./ledger.js";
import { ProofError, inclusionRoot, leafHash } from "./tree.js";

const MEMBERS = ["checkpoint", "commit", "seal", "sealInclusionProof", "members"];
export const HANDOVERS_MAX = 500;

/** Reads a list of handovers from parsed JSON. Nothing in them is believed yet. */
export function readHandovers(value, wrong) {
  if (!Array.isArray(value)) wrong("handovers is no list");
  return value.map((item) => {
    const read = membersOf(item, MEMBERS, [], wrong);
    if (!isText(read.checkpoint) || !isText(read.seal)) wrong("a handover's checkpoint or seal is no text");
    const proof = read.sealInclusionProof;
    if (!Array.isArray(proof) || !proof.every(isHash)) wrong("a handover's proof is malformed");
    const members = readMembers(read.members, wrong);
    return { checkpoint: read.checkpoint, commit: readCommit(read.commit, wrong), seal: read.seal, proof: proof.map(fromBase64url), members };
  });
}

/** A trust anchor and the handovers after its block: who is in force at each height above it. */
export class MemberChain {
  /** By ascending height: `{height, members, hash}`, each in force from the height after its own. */
  #sets;

  constructor(anchor) {
    this.anchor = anchor;
    this.#sets = [{ height: anchor.height, members: anchor.members, hash: anchor.membersHash }];
  }

  /**
   * Verifies handovers in their order. Those of the anchor's block and of earlier ones are passed over: the anchor has what they
   * led to.
   */
  static async verify(anchor, handovers, signatures) {
    if (handovers.length > HANDOVERS_MAX) fail("handovers", `there are ${handovers.length} handovers, and ${HANDOVERS_MAX} are read: use a newer trust anchor`);
    const chain = new MemberChain(anchor);
    let before;
    for (const [position, handover] of handovers.entries()) {
      const wrong = (message) => fail("handovers", `handover ${position}, from 0: ${message}`);
      try {
        const seal = parseSeal(handover.seal, `${position} of handovers`);
        if (before >= seal.height) wrong(`it is of block ${seal.height}, and stands after that of block ${before}`);
        before = seal.height;
        if (seal.height > anchor.height) await chain.#append(handover, seal, signatures, wrong);
      } catch (error) {
        if (error instanceof EvidenceError && error.code !== "handovers") wrong(error.message);
        if (error instanceof ProofError) wrong(`the proof of its seal: ${error.message}`);
        throw error;
      }
    }
    return chain;
  }

  async #append({ checkpoint: text, commit, proof, members }, seal, signatures, wrong) {
    const checkpoint = parseCheckpoint(text);
    if (checkpoint.origin !== this.anchor.origin) wrong("its checkpoint is of another ledger");
    checkSealPlace(seal, checkpoint.size - 1, checkpoint, commit);
    const before = this.#sets.at(-1);
    if (seal.membersHash !== before.hash) wrong("its block was made by other members than the handovers before it lead to: one is left out");
    if (seal.nextMembersHash === seal.membersHash) wrong("its block changes no members");
    const hash = membersHash(members);
    if (seal.nextMembersHash !== hash) wrong("its block hands over to other members than those given");
    const own = new Signatures(signatures);
    checkCommit(checkpoint, commit, before.members, own);
    await own.settle();
    const root = inclusionRoot(checkpoint.size - 1, checkpoint.size, leafHash(sealLeaf(seal.text)), proof);
    if (toBase64url(root) !== toBase64url(checkpoint.root)) wrong("the proof of its seal leads to another root");
    this.#sets.push({ height: seal.height, members, hash });
  }

  /** The height of the last change above the anchor's block; `undefined` where there is none. */
  get lastChange() {
    return this.#sets.length > 1 ? this.#sets.at(-1).height : undefined;
  }

  /** Whose quorum makes the block of a height final: `{members, hash}`; `undefined` where the anchor does not tell. */
  inForceAt(height) {
    return this.#sets.findLast((set) => set.height < height);
  }

  /** The members of each set up to a height, in order. */
  setsThrough(height) {
    return this.#sets.filter((set) => set.height < height).map(({ members }) => members);
  }

  /** Checks that a checkpoint is final: above the anchor's block by a quorum, and the anchor's own by the anchor alone. */
  checkFinal(checkpoint, commit, signatures) {
    checkFinal(checkpoint, commit, this.anchor, this.inForceAt(commit.height)?.members, signatures);
  }

  /** Checks that a seal names the members in force at its block; of the anchor's own block, those after it. */
  checkSealMembers(seal) {
    const set = this.inForceAt(seal.height);
    if (!set) this.checkNextMembers(seal);
    else if (seal.membersHash !== set.hash) fail("seal-members", `block ${seal.height} was made by other members than the trust anchor and the handovers lead to: a handover is left out`);
  }

  /** Checks that a seal hands over to the members who are in force after its block. */
  checkNextMembers(seal) {
    const { hash } = this.inForceAt(seal.height + 1) ?? this.#sets[0];
    if (seal.nextMembersHash !== hash) fail("seal-members", `block ${seal.height} hands over to other members than the trust anchor and the handovers lead to`);
  }
}
