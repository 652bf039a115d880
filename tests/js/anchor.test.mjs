// Trust anchors: what one must say of its ledger, and which checkpoints are final by it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { EvidenceError, verify } from "../../web/verify.js";
import { readAnchor } from "../../web/verify/anchor.js";
import { MemberChain } from "../../web/verify/handover.js";
import { parse } from "../../web/verify/json.js";
import { Signatures } from "../../web/verify/jws.js";
import { membersHash, parseCheckpoint } from "../../web/verify/ledger.js";
import { verifyReceipt } from "../../web/verify/receipt.js";
import { readAdmin } from "../../web/verify/registry.js";
import * as formats from "./builders/formats.mjs";
import { Actor, ITEM, Key, Ledger, b64, eventAt, hash, naiveRoot, time } from "./ledger.mjs";

const ORIGIN = "ledger.example/anchor";
const CREATED = time(0);
const keys = Array.from({ length: 4 }, () => new Key()).sort((a, b) => Buffer.compare(Buffer.from(a.kid, "base64url"), Buffer.from(b.kid, "base64url")));
const entries = keys.map((key, at) => formats.memberEntry(key, `Member ${at}`));
const [first, second] = keys;

const header = (key, change = {}) => ({ alg: "ES256", typ: "sealane-admin+jws", kid: key.kid, aud: ORIGIN, iat: 1, ...change });
const payload = (change = {}) => ({ ...formats.genesisPayload({ origin: ORIGIN, members: entries, keys, created: CREATED }), ...change });
const GENESIS = first.statement(header(first), payload());

/** The tree of block 0, made the plain way. */
function blockZero(genesis) {
  const nodes = entries.map(({ kid }) => ({
    key: formats.subjectKey("party", kid),
    value: formats.listValueHash(1, formats.listEntryHash({ leaf: 0, signer: formats.memberSigner(first.kid), acts: 0 })),
  }));
  const bit = (key, depth) => (key[depth >> 3] >> (7 - (depth & 7))) & 1;
  const rootOf = (some, depth) => {
    if (some.length === 0) return formats.emptyNode();
    if (some.length === 1) return formats.subjectNode(some[0].key, some[0].value);
    const [left, right] = [0, 1].map((side) => some.filter(({ key }) => bit(key, depth) === side));
    return formats.innerNode(rootOf(left, depth + 1), rootOf(right, depth + 1));
  };
  const seal = formats.sealText({
    height: 0, time: CREATED, previousSize: 0, previousRoot: b64(hash()), indexRoot: b64(rootOf(nodes, 0)), membersHash: formats.membersHash(entries),
  });
  return b64(naiveRoot([formats.statementLeaf(genesis), formats.sealLeaf(seal)].map((data) => hash([0], data))));
}

/** An anchor whose fingerprint is right, whatever else is not. */
const anchorOf = (genesis = GENESIS, change = {}) =>
  formats.anchorDocument({ origin: ORIGIN, members: entries, genesis, size: 2, root: blockZero(genesis), ...change });

async function read(document) {
  const signatures = new Signatures();
  const anchor = readAnchor(parse(JSON.stringify(document)), signatures, readAdmin);
  await signatures.settle();
  return anchor;
}

const refuses = async (document, because, code = "anchor") => {
  const isMeant = (error) => error instanceof EvidenceError && error.code === code && because.test(error.message);
  await assert.rejects(read(document), isMeant, String(because));
};

test("an anchor of height 0 is what the genesis statement gives", async () => {
  const { origin, height, size, members, fingerprint } = await read(anchorOf());
  assert.deepEqual([origin, height, size, members.length, fingerprint], [ORIGIN, 0, 2, 4, anchorOf().fingerprint]);
  const shifted = anchorOf(GENESIS, { members: entries.slice(1) });
  for (const wrong of [anchorOf(GENESIS, { size: 3 }), anchorOf(GENESIS, { root: b64(hash()) }), shifted]) {
    await refuses(wrong, /not those of block 0/);
  }
});

test("a genesis statement is signed by the first member, with the consent of each", async () => {
  const stranger = new Key();
  const genesis = (by, change = {}, say = payload()) => anchorOf(by.statement(header(by, change), say));
  await refuses(genesis(second), /not signed by the first of its members/);
  await refuses(genesis(stranger), /not signed by the first of its members/);
  await refuses(genesis(stranger, { kid: first.kid }), /its signature does not hold/);
  await refuses(genesis(first, { aud: "ledger.example/other" }), /for another ledger/);
  await refuses(genesis(first, {}, formats.revocationPayload({ participant: "00000000-0000-4000-8000-000000000001" })), /no genesis/);
  await refuses(genesis(first, { typ: "epcis+jws", kid: undefined, "x5t#S256": first.kid }), /not signed by the first of its members/);
  const { founders } = payload();
  const with_ = (at, signature) => payload({ founders: founders.map((one, number) => (number === at ? { ...one, signature } : one)) });
  for (const at of keys.keys()) {
    const others = [
      // Another key, another origin, another entry, a commit's bytes: each is signed, and no consent to this.
      stranger.sign(formats.founderBytes(ORIGIN, entries[at])), keys[at].sign(formats.founderBytes("ledger.example/other", entries[at])),
      keys[at].sign(formats.founderBytes(ORIGIN, { ...entries[at], name: "Other" })),
      keys[at].sign(formats.commitBytes({ origin: ORIGIN, height: 0, round: 0, checkpoint: "" })), Buffer.alloc(64),
    ];
    for (const signature of others) {
      await refuses(genesis(first, {}, with_(at, b64(signature))), new RegExp(`consent of the founder ${keys[at].kid} does not hold`));
    }
  }
});

test("another version is named, with the one that is read here and what to do", async () => {
  const known = formats.VERSIONS.anchor;
  await refuses({ version: known - 1 }, new RegExp(`of version ${known - 1}, and version ${known} is read here; fetch the trust anchor anew`));
  await refuses({ ...anchorOf(), version: known + 1 }, new RegExp(`of version ${known + 1}, and version ${known} is read here; use a newer version`));
  for (const version of ["2", null, 1.5]) await refuses({ ...anchorOf(), version }, /version is no whole number/);
});

test("its members say what they are, and its fingerprint is of all that it says", async () => {
  const good = anchorOf();
  for (const name of Object.keys(good)) {
    const { [name]: _, ...without } = good;
    await refuses(without, new RegExp(`${name} is missing`));
  }
  await refuses({ ...good, extra: 1 }, /extra is unknown/);
  await refuses({ ...good, genesis: 1 }, /no statement/);
  for (const change of [{ height: -1 }, { height: "0" }, { size: 1.5 }, { root: "x" }, { root: null }]) await refuses({ ...good, ...change }, /height, size or root is malformed/);
  await refuses({ ...good, origin: "ledger.example/other" }, /origin is not that of its genesis/);
  await refuses({ ...good, members: [] }, /1 to 100 members/);
  for (const change of [{ fingerprint: b64(hash()) }, { height: 7 }, { root: b64(hash()) }, { members: entries.slice(1) }]) {
    await refuses({ ...good, ...change }, /fingerprint is not that of what it says/);
  }
});

test("of a later height its root and its members are trusted", async () => {
  const members = entries.slice(1);
  const later = anchorOf(GENESIS, { height: 7, size: 40, root: b64(hash("later")), members });
  const anchor = await read(later);
  assert.deepEqual([anchor.height, anchor.size, anchor.members.length], [7, 40, 3]);
  assert.notEqual(anchorOf(GENESIS, { height: 8, size: 40, root: b64(hash("later")), members }).fingerprint, later.fingerprint);
});

// --- Which checkpoints are final by an anchor

function journey() {
  const ledger = new Ledger({ origin: ORIGIN, members: 4 });
  const acme = new Actor(1, "Acme Pharma", { gs1CompanyPrefixes: ["9506000"] });
  ledger.register(acme);
  const leaf = ledger.capture(acme, eventAt(60, { epcList: [ITEM], action: "ADD", bizStep: "commissioning" }));
  return { ledger, acme, statement: ledger.captures.get(leaf).text, leaf };
}

const word = async (evidence, anchor) => (await verify(JSON.stringify(evidence), { anchor, id: ITEM })).verdict;
const refusesEvidence = async (evidence, anchor, code, because = /./) => {
  const isMeant = (error) => error instanceof EvidenceError && error.code === code && because.test(error.message);
  await assert.rejects(verify(JSON.stringify(evidence), { anchor, id: ITEM }), isMeant, code);
};

test("evidence above an anchor's block is final by a quorum of its members", async () => {
  const { ledger } = journey();
  const evidence = ledger.evidence(ITEM);
  assert.equal(await word(evidence, ledger.anchor()), "authentic");
  assert.equal(await word(evidence, ledger.anchor(1)), "authentic");
  const unsigned = { ...evidence, commit: ledger.commit({ signers: ledger.keys.slice(2) }) };
  await refusesEvidence(unsigned, ledger.anchor(1), "commit");
});

test("an anchor's own block is trusted by it, and not by signatures", async () => {
  const { ledger } = journey();
  const evidence = ledger.evidence(ITEM);
  const own = ledger.anchor(2);
  assert.equal(await word(evidence, own), "authentic");
  const unsigned = { ...evidence, commit: { ...evidence.commit, signatures: [] } };
  assert.equal(await word(unsigned, own), "authentic");
  await refusesEvidence(unsigned, ledger.anchor(1), "commit");
  for (const change of [{ root: b64(hash()) }, { size: own.size + 1 }]) {
    await refusesEvidence(evidence, formats.anchorDocument({ ...own, ...change }), "other-tree");
  }
});

test("a block below an anchor's is shown by an older anchor only", async () => {
  const { ledger } = journey();
  const evidence = ledger.evidence(ITEM);
  ledger.close();
  await refusesEvidence(evidence, ledger.anchor(3), "below-anchor", /block 2, and the trust anchor of block 3: only an older trust anchor/);
  assert.equal(await word(evidence, ledger.anchor(2)), "authentic");
});

test("a seal names an anchor's members: before its own block's change, after every later block's", async () => {
  const anchor = await read(anchorOf(GENESIS, { height: 7, size: 40, root: b64(hash()) }));
  const [own, other] = [membersHash(anchor.members), b64(hash())];
  const seal = (height, before, after) => ({ height, membersHash: before, nextMembersHash: after });
  for (const good of [seal(7, other, own), seal(8, own, own), seal(8, own, other)]) new MemberChain(anchor).checkSealMembers(good);
  for (const bad of [seal(7, own, other), seal(8, other, own)]) {
    assert.throws(() => new MemberChain(anchor).checkSealMembers(bad), (error) => error.code === "seal-members" && /other members/.test(error.message));
  }
});

test("a checkpoint of another origin is not final, whoever signed", async () => {
  const anchor = await read(anchorOf());
  const checkpoint = parseCheckpoint(formats.checkpointText({ origin: "ledger.example/other", size: 2, root: hash() }));
  assert.throws(() => new MemberChain(anchor).checkFinal(checkpoint, { height: 1, round: 0, signatures: [] }), { code: "other-origin" });
});

test("receipts go by the same anchors", async () => {
  const { ledger, statement, leaf } = journey();
  const receipt = {
    leafIndex: leaf, treeSize: ledger.size, leafHash: b64(hash([0], ledger.leaves[leaf])), inclusionProof: ledger.path(leaf),
    checkpoint: ledger.checkpoint(), commit: { ...ledger.commit(), signatures: [] }, seal: ledger.seals.at(-1).seal, sealInclusionProof: ledger.path(ledger.size - 1),
  };
  assert.equal((await verifyReceipt(receipt, { anchor: ledger.anchor(2), statement })).time, ledger.now);
  await assert.rejects(verifyReceipt(receipt, { anchor: ledger.anchor(1), statement }), { code: "commit" });
  await assert.rejects(verifyReceipt(receipt, { anchor: formats.anchorDocument({ ...ledger.anchor(2), height: 3 }), statement }), { code: "below-anchor" });
});
