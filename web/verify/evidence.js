// From an evidence document and a trust anchor to a history that needs nobody's word, by the steps of docs/FORMATS.md,
// "Evidence", in their order.

import { actsOf, bySigner, memberSigner, participantOf, participantSigner } from "./acts.js";
import { breathe } from "./breathe.js";
import { EvidenceError, equal, fail, firstWhere, fromBase64url, toBase64url, toHex } from "./bytes.js";
import { readEvidence } from "./document.js";
import { readEpcis } from "./epcis.js";
import { firstWanted, follow, isBeforeSpan } from "./follow.js";
import { bySubject, holdsCaptures, kindOf, namesOfAdmin, namesOfEvent, textOf } from "./subjects.js";
import { MemberChain } from "./handover.js";
import { Signatures, parseStatement } from "./jws.js";
import { checkSealPlace, parseCheckpoint, parseSeal, sealLeaf, statementLeaf } from "./ledger.js";
import { Registry, readAdmin } from "./registry.js";
import { ProofError, leafHash, multiRoot, verifyIndexEntry } from "./tree.js";

/**
 * Checks evidence (parsed JSON) about an id, with its label if it has one, against an anchor: `{history, checkpoint, seal, checks}`. `last` is the
 * `{size, root}` of a checkpoint of this origin that was seen before.
 */
export async function checkEvidence(value, { id, label = new Map() }, anchor, last) {
  const evidence = readEvidence(value);
  if (evidence.id !== id.text) fail("other-id", `the evidence is about ${evidence.id}, and was asked for about ${id.text}`);
  const isSame = evidence.label.size === label.size && [...label].every(([ai, text]) => evidence.label.get(ai) === text);
  if (!isSame) fail("other-label", `the evidence answers for the label ${labelText(evidence.label)}, and was asked for with ${labelText(label)}`);
  const checkpoint = parseCheckpoint(evidence.checkpoint);
  const signatures = new Signatures();
  const chain = await MemberChain.verify(anchor, evidence.handovers, signatures);
  if (chain.lastChange > evidence.commit.height) fail("handovers", `it has the handover of block ${chain.lastChange}, and is itself of block ${evidence.commit.height}`);
  chain.checkFinal(checkpoint, evidence.commit, signatures);
  // From here on a quorum has signed what is read, so that no stranger can ask for work.
  await signatures.settle();
  const seal = sealOf(evidence.seal);
  checkSealPlace(seal, evidence.seal.leaf, checkpoint, evidence.commit);
  chain.checkSealMembers(seal);
  chain.checkNextMembers(seal);
  checkLast(checkpoint, last);
  const leaves = checkLeaves(evidence, checkpoint);
  await breathe();
  checkIndex(evidence, fromBase64url(seal.indexRoot));
  await breathe();
  const { places, enacted } = placesOf(evidence, chain);
  const { registry, admins } = await readRegistrations(evidence, places, enacted, chain, signatures);
  checkFormerMembers(evidence, anchor, admins);
  const captures = await readCaptures(evidence.statements, places, registry, signatures);
  await breathe();
  const trail = follow(id, new Shown(evidence.index, registry, captures), label);
  checkShown(evidence, trail);
  await breathe();
  checkNames(evidence.index, captures, admins);
  const { records, unopened, limitReached } = trail;
  return {
    history: { id, label, asOf: seal.time, treeSize: checkpoint.size, records, unopened, limitReached, registry },
    checkpoint,
    seal,
    checks: { signatures: signatures.count, proofs: 1 + evidence.index.length, subjects: evidence.index.length, leaves },
  };
}

const labelText = (label) => JSON.stringify([...label].map(([ai, text]) => `(${ai})${text}`).join("").slice(0, 160));

function checkLast(checkpoint, last) {
  if (!last) return;
  if (checkpoint.size < last.size) fail("older-than-seen", `this answer is of ${checkpoint.size} leaves; one of ${last.size} was seen before`);
  const fork = checkpoint.size === last.size && toBase64url(checkpoint.root) !== last.root;
  if (fork) fail("fork", `two ledgers of ${last.size} leaves were signed: this one, and one seen before`);
}

/** A seal of the evidence, parsed once. */
const sealOf = (placed) => (placed.seal ??= parseSeal(placed.text, placed.leaf));

function checkLeaves({ statements, registrations, seals, seal, inclusionProof }, checkpoint) {
  for (const list of [statements, registrations, seals]) {
    const late = list.find((one, at) => at > 0 && list[at - 1].leaf >= one.leaf);
    if (late) fail("order", `the leaves are not in ledger order at leaf ${late.leaf}`);
  }
  const hashes = new Map();
  const place = (leaf, data) => {
    if (hashes.has(leaf)) fail("leaf-twice", `two things are said to stand at leaf ${leaf}`);
    hashes.set(leaf, leafHash(data));
  };
  for (const { leaf, text } of [...statements, ...registrations]) place(leaf, statementLeaf(text));
  const others = seals.filter((one) => one.leaf !== seal.leaf || one.text !== seal.text);
  for (const placed of [...others, seal]) place(placed.leaf, sealLeaf(sealOf(placed).text));
  const shown = [...hashes].sort(([a], [b]) => a - b);
  proving("inclusion", "the leaves are not in the tree of the checkpoint", () => {
    const root = toBase64url(multiRoot(checkpoint.size, shown, inclusionProof));
    if (root !== toBase64url(checkpoint.root)) throw new ProofError(`the proof leads to the root ${root}`);
  });
  return hashes.size;
}

function proving(code, what, check) {
  try {
    check();
  } catch (error) {
    if (error instanceof ProofError) fail(code, `${what}: ${error.message}`);
    throw error;
  }
}

function checkIndex({ signers, index }, indexRoot) {
  const late = signers.findIndex((signer, at) => at > 0 && bySigner(signers[at - 1], signer) >= 0);
  if (late >= 0) fail("signers-order", `the signers are not in their one order at number ${late}`);
  index.forEach((entry, at) => {
    if (at > 0 && bySubject(index[at - 1].key, entry.key) >= 0) fail("index-order", `the subjects are out of order at ${entry.key}`);
    proving("index", `what the index says of ${entry.key}`, () => verifyIndexEntry(entry, indexRoot));
  });
  const named = new Set(index.flatMap(({ numbers }) => numbers));
  const unnamed = signers.findIndex((_, at) => !named.has(at));
  if (unnamed >= 0) fail("signer-unneeded", `signer number ${unnamed} is named by none of the lists here`);
}

/**
 * The place of each statement: its block is the one whose seal comes next, and begins at or before it. And where proposals were
 * enacted, by their ids: the seal of the block of the last statement about one names it then.
 */
function placesOf({ index, statements, registrations, seals }, chain) {
  const read = seals.map((placed) => ({ leaf: placed.leaf, seal: sealOf(placed) }));
  const needed = new Set();
  const [places, enacted] = [new Map(), new Map()];
  const sealAfter = (leaf) => {
    const found = read[firstWhere(read.length, (at) => read[at].leaf > leaf)];
    if (!found || found.seal.previousSize > leaf) fail("no-seal", `the evidence holds no seal of the block of leaf ${leaf}`);
    needed.add(found.leaf);
    return found.seal;
  };
  for (const { leaf } of [...statements, ...registrations]) {
    const { time, height } = sealAfter(leaf);
    places.set(leaf, { leaf, time, height });
  }
  for (const { key, kind, leaves } of index) {
    if (kind !== "proposal") continue;
    for (const leaf of leaves) {
      const { time, enacted: named } = sealAfter(leaf);
      if (named.includes(textOf(key))) enacted.set(textOf(key), { leaf, time });
    }
  }
  const unneeded = read.find(({ leaf }) => !needed.has(leaf));
  if (unneeded) fail("seal-unneeded", `the seal of leaf ${unneeded.leaf} is of no block of these statements`);
  for (const { seal } of read) if (seal.height > chain.anchor.height) chain.checkSealMembers(seal);
  return { places, enacted };
}

function readPlaced({ leaf, text }, typ, origin) {
  const wrong = (code, message) => fail(code, `the statement of leaf ${leaf}: ${message}`);
  let statement;
  try {
    statement = parseStatement(text);
  } catch (error) {
    if (error instanceof EvidenceError) wrong(error.code, error.message);
    throw error;
  }
  if (statement.aud !== origin) wrong("wrong-audience", `it is for ${statement.aud}`);
  if (statement.typ !== typ) wrong("kind", `a ${statement.typ} does not belong there`);
  return statement;
}

/**
 * Reads statements and then, once their signatures hold, what is in them, each in order: the first fault is the one that
 * reading one after the other would find. `open` gives a statement and the key that must have signed it.
 */
async function inTwoPasses(list, signatures, open, read) {
  const opened = [];
  let fault;
  for (const placed of list) {
    try {
      const { statement, key } = open(placed);
      const own = new Signatures(signatures);
      own.ask(key, statement.input, statement.signature, () =>
        fail("bad-signature", `the statement of leaf ${placed.leaf}: its signature does not hold`),
      );
      opened.push({ placed, statement, own });
    } catch (error) {
      fault = error;
      break;
    }
  }
  for (const [at, { own }] of opened.entries()) {
    try {
      await own.settle();
    } catch (error) {
      fault = error;
      opened.length = at;
      break;
    }
  }
  for (const { placed, statement } of opened) read(placed.leaf, statement);
  if (fault) throw fault;
}

async function readRegistrations(evidence, places, enacted, chain, signatures) {
  const { anchor } = chain;
  const registry = new Registry(anchor.origin, anchor.members);
  const admins = new Map();
  const consents = new Signatures(signatures);
  const open = (placed) => {
    const statement = readPlaced(placed, "sealane-admin+jws", anchor.origin);
    return { statement, key: keyOfSigner(statement.signer, places.get(placed.leaf), evidence, chain) };
  };
  const refuse = (leaf) => (message) => fail("refused", `the registration of leaf ${leaf} cannot stand there: ${message}`);
  /** Proposals that were enacted, with where, as long as that has not been reached. */
  const due = [];
  const enact = (before) => {
    for (const [leaf, place] of due.splice(0)) {
      if (place.leaf < before) registry.enact(admins.get(leaf), place, refuse(leaf));
      else due.push([leaf, place]);
    }
  };
  const read = (leaf, { id, payload, signer }) => {
    enact(leaf);
    const admin = readAdmin(payload, (message) => fail("admin", `the registration of leaf ${leaf}: ${message}`));
    Object.assign(admin, { id, member: signer });
    registry.apply(admin, places.get(leaf), consents, refuse(leaf));
    admins.set(leaf, admin);
    if (enacted.has(id)) due.push([leaf, enacted.get(id)]);
  };
  try {
    await inTwoPasses(evidence.registrations, signatures, open, read);
    enact(Infinity);
  } finally {
    await consents.settle();
  }
  return { registry, admins };
}

const keyIn = (members, kid) => members.find((one) => one.kid === kid)?.key;

/**
 * The key of the member who signed an admin statement. Above the anchor's block the member is in force there by the anchor and the
 * handovers. Before its end the anchor does not tell who was: the quorum has signed the list entry that names the signer.
 */
function keyOfSigner(kid, { leaf, height }, { handovers, formerMembers }, chain) {
  const refuse = (message) => fail("refused", `the registration of leaf ${leaf}: ${message}`);
  const { anchor } = chain;
  const inForce = chain.inForceAt(height);
  if (inForce || leaf >= anchor.size) {
    return keyIn(inForce?.members ?? [], kid) ?? refuse(`only a member may sign it, and ${kid} is none in force at block ${height}`);
  }
  for (const members of [anchor.founders, anchor.members, ...handovers.map((one) => one.members)]) {
    const key = keyIn(members, kid);
    if (key) return key;
  }
  return formerMembers.find((key) => key.thumbprint === kid) ?? refuse(`it stands before the trust anchor's block, and the key of its signer ${kid} is not among formerMembers`);
}

/** Checks that the former members are in their order, that nothing else shows them, and that each has signed something. */
function checkFormerMembers({ handovers, formerMembers }, { founders }, admins) {
  const wrong = (message) => fail("former-members", `formerMembers: ${message}`);
  const signers = new Set([...admins.values()].map(({ member }) => member));
  const shown = new Set([founders, ...handovers.map(({ members }) => members)].flatMap((members) => members.map(({ kid }) => kid)));
  const bytes = ({ thumbprint }) => toHex(fromBase64url(thumbprint));
  formerMembers.forEach((key, at) => {
    if (at > 0 && bytes(formerMembers[at - 1]) >= bytes(key)) wrong(`they are out of order, or one stands twice, at ${key.thumbprint}`);
    if (shown.has(key.thumbprint)) wrong(`${key.thumbprint} is shown as a founder or by a handover`);
    if (!signers.has(key.thumbprint)) wrong(`${key.thumbprint} signed none of the registrations here`);
  });
}

async function readCaptures(list, places, registry, signatures) {
  const captures = new Map();
  const wrong = (leaf, code, message) => fail(code, `the capture of leaf ${leaf}: ${message}`);
  const open = (placed) => {
    const statement = readPlaced(placed, "epcis+jws", registry.origin);
    const found = registry.certificate(statement.signer);
    if (!found) wrong(placed.leaf, "signer", "no registration has the certificate that it names");
    return { statement, key: found.certificate.key };
  };
  const read = (leaf, { id, payload, signer, iat, length }) => {
    let events;
    try {
      events = readEpcis(payload);
    } catch (error) {
      if (error instanceof EvidenceError) wrong(leaf, error.code, error.message);
      throw error;
    }
    const { participant } = registry.certificate(signer);
    const place = places.get(leaf);
    captures.set(leaf, { place, statement: id, signer: participant.id, certificate: signer, signedAt: iat, bytes: length, events });
  };
  await inTwoPasses(list, signatures, open, read);
  return captures;
}

/** Evidence as the source that `follow` goes through: what is not in it, was left out. */
class Shown {
  constructor(index, registry, captures) {
    Object.assign(this, { registry, captures, entries: new Map(index.map((entry) => [entry.key, entry])) });
  }

  list(key, wanted) {
    const entry = this.entries.get(key) ?? this.#missing("subject-missing", `the index says nothing here of ${key}`);
    const first = Math.max(firstWanted(wanted, entry.count), entry.first);
    const entries = entry.leaves.map((leaf, at) => ({ leaf, signer: participantOf(entry.signers[at]), acts: entry.acts[at] }));
    return { count: entry.count, first, entries: entries.slice(first - entry.first) };
  }

  /** If the entry before the span is not here, more is asked for than is here. */
  startOfSpan(entries, since) {
    const isBefore = ({ leaf }) => this.captures.has(leaf) && isBeforeSpan(this.captures.get(leaf).place.time, since);
    return Math.max(entries.findLastIndex(isBefore), 0);
  }

  captureWithin(leaf, bytes) {
    const capture = this.captures.get(leaf);
    return capture && capture.bytes <= bytes ? capture : undefined;
  }

  capture(leaf) {
    return this.captures.get(leaf) ?? this.#missing("capture-missing", `a list leads to leaf ${leaf}, and the capture there is not here`);
  }

  registeredAt(leaf) {
    return this.registry.registeredAt(leaf);
  }

  cutShort(key) {
    this.#missing("cut-short", `the list of ${key} goes on where it is no longer shown`);
  }

  noRegistration(key, leaf) {
    this.#missing("no-registration", `leaf ${leaf}, in the list of ${key}, registers nobody`);
  }

  noProposal(key, leaf) {
    this.#missing("no-proposal", `leaf ${leaf}, which a member signed in the list of ${key}, proposes nothing`);
  }

  #missing(code, message) {
    fail(code, `something is left out: ${message}`);
  }
}

const same = (one, other) => one.length === other.length && one.every((leaf, at) => leaf === other[at]);

/** Checks that the evidence shows what the answer rests on, and nothing else. */
function checkShown({ index, statements, registrations }, { shown, opened, proposed }) {
  for (const { key, first, leaves } of index) {
    const list = shown.get(key) ?? fail("subject-unneeded", `the index is shown for ${key}, on which the answer does not rest`);
    if (list.first !== first || !same(list.entries.map(({ leaf }) => leaf), leaves)) {
      fail("other-leaves", `of the list of ${key} other leaves are shown than the answer rests on`);
    }
  }
  const admins = new Set(proposed);
  for (const [key, { entries }] of shown) {
    if (kindOf(key) === "proposal" || holdsCaptures(kindOf(key))) continue;
    for (const { leaf } of entries) admins.add(leaf);
  }
  const unrelated = statements.find(({ leaf }) => !opened.has(leaf)) ?? registrations.find(({ leaf }) => !admins.has(leaf));
  if (unrelated) fail("unrelated", `the statement of leaf ${unrelated.leaf} is named by none of the lists here`);
}

/**
 * Checks that each statement names what the index says that it names, and nothing else of what is shown, and that it is by
 * whom, and says what, the index says.
 */
export function checkNames(index, captures, admins) {
  const told = new Map();
  for (const [leaf, { events, signer }] of captures) {
    const speaking = events.map((event) => ({ event, subjects: namesOfEvent(event, signer) }));
    const subjects = new Set(speaking.flatMap((one) => [...one.subjects]));
    told.set(leaf, { subjects, signer: participantSigner(signer), acts: (key) => actsOf(speaking, key) });
  }
  for (const [leaf, admin] of admins) {
    told.set(leaf, { subjects: namesOfAdmin(admin), signer: memberSigner(admin.member), acts: () => 0 });
  }
  const isLift = (kind, leaf) => kind === "recall" && admins.get(leaf)?.type === "proposal";
  const listed = new Map();
  for (const { key, kind, leaves, signers, acts, first, count } of index) {
    leaves.forEach((leaf, at) => {
      // What was said last of a proposal is not needed: where it stands is. Which captures are, was followed.
      if ((kind === "proposal" || holdsCaptures(kind)) && !told.has(leaf)) return;
      const said = told.get(leaf) ?? fail("statement-missing", `something is left out: leaf ${leaf} names ${key}, and its statement is not here`);
      // A list of recalls has captures, and proposals to lift one.
      if (!said.subjects.has(key) || (holdsCaptures(kind) !== captures.has(leaf) && !isLift(kind, leaf))) {
        fail("not-named", `the index has leaf ${leaf} in the list of ${key}, which its statement does not name`);
      }
      if (!equal(said.signer, signers[at])) {
        fail("other-signer", `the index says in the list of ${key} that another signed leaf ${leaf} than did`);
      }
      if (said.acts(key) !== acts[at]) {
        fail("other-acts", `the index says in the list of ${key} that leaf ${leaf} did ${acts[at]} to it, and its events did ${said.acts(key)}`);
      }
    });
    // Where the part that is shown begins or ends with its list, it reaches to every leaf on that side.
    const from = count === 0 || (leaves.length > 0 && first === 0) ? 0 : (leaves[0] ?? Infinity);
    const to = first + leaves.length === count ? Infinity : (leaves.at(-1) ?? -1);
    listed.set(key, { leaves: new Set(leaves), from, to });
  }
  for (const leaf of [...told.keys()].sort((a, b) => a - b)) {
    for (const key of told.get(leaf).subjects) {
      const list = listed.get(key);
      const within = list && list.from <= leaf && leaf <= list.to;
      if (within && !list.leaves.has(leaf)) {
        fail("not-indexed", `the statement of leaf ${leaf} names ${key}, and the index does not have it in that list`);
      }
    }
  }
}
