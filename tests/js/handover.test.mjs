// Handovers: a ledger whose members change ten times, and what a thief, a removed member and a lying node could try.

import assert from "node:assert/strict";
import { test } from "node:test";

import { EvidenceError, trustedAnchor, verify } from "../../web/verify.js";
import { HANDOVERS_MAX, MemberChain, readHandovers } from "../../web/verify/handover.js";
import { parse } from "../../web/verify/json.js";
import { Signatures } from "../../web/verify/jws.js";
import { verifyReceipt } from "../../web/verify/receipt.js";
import { registrationPayload } from "./builders/formats.mjs";
import { Actor, ITEM, Key, Ledger, b64, eventAt, hash, time } from "./ledger.mjs";

const CHANGES = 10;
const PLACE = "https://id.gs1.org/414/9506000134307";

/**
 * Ten changes: at each one member goes and one comes. Before the third Acme is registered by one who leaves at the third; before
 * the seventh Seoul, by one who came and goes between. `removed` are the keys that went, `heights` the blocks of the changes.
 */
function story() {
  const ledger = new Ledger({ members: 4 });
  const acme = new Actor(1, "Acme Pharma", { gs1CompanyPrefixes: ["9506000"], glns: ["9506000134307"] });
  const seoul = new Actor(2, "Seoul Medical", { roles: ["distributor"], glns: ["8800000000015"] });
  const [removed, heights] = [[], []];
  let [queue, leaf] = [[...ledger.keys], undefined];
  for (let change = 1; change <= CHANGES; change++) {
    const [going, ...staying] = queue;
    if (change === 3) register(ledger, acme, going);
    if (change === 4) leaf = ledger.capture(acme, eventAt(60, { epcList: [ITEM], action: "ADD", bizStep: "commissioning", readPoint: { id: PLACE } }));
    if (change === 7) register(ledger, seoul, going);
    queue = [...staying, new Key()];
    heights.push(ledger.handOver(queue));
    removed.push(going);
  }
  ledger.capture(acme, eventAt(180, { epcList: [ITEM], bizStep: "shipping", destinationList: [{ type: "possessing_party", destination: "https://id.gs1.org/417/8800000000015" }] }));
  ledger.capture(seoul, eventAt(240, { epcList: [ITEM], bizStep: "receiving" }));
  return { ledger, acme, seoul, removed, heights, leaf };
}

function register(ledger, { id, claims, der, key }, by) {
  const certificate = { der, jwk: key.jwk, notBefore: time(-1e6), notAfter: time(1e6) };
  ledger.admin(registrationPayload({ participant: id, claims, certificate }), { by });
  ledger.close();
}

const answer = (ledger, evidence, anchor = ledger.anchor()) => verify(JSON.stringify(evidence), { anchor, id: ITEM });

async function refused(evidence, anchor, code, because = /./) {
  await assert.rejects(verify(JSON.stringify(evidence), { anchor, id: ITEM }), (error) => {
    assert.ok(error instanceof EvidenceError, error.stack);
    assert.ok(error.code === code && because.test(error.message), `${error.code}: ${error.message}`);
    return true;
  });
}

const chainOf = async (ledger, handovers, height = 0) => {
  const anchor = await trustedAnchor(JSON.stringify(ledger.anchor(height)));
  const read = readHandovers(parse(JSON.stringify(handovers)), (message) => assert.fail(message));
  return MemberChain.verify(anchor, read, new Signatures());
};

const breaks = (ledger, handovers, because) =>
  assert.rejects(chainOf(ledger, handovers), (error) => {
    assert.ok(error instanceof EvidenceError && error.code === "handovers" && because.test(error.message), `${error.code}: ${error.message}`);
    return true;
  });

test("an answer outlives ten changes of members, from each anchor on the way", async () => {
  const { ledger, heights, seoul } = story();
  const evidence = ledger.evidence(ITEM);
  assert.deepEqual([evidence.handovers.length, evidence.formerMembers], [CHANGES, []]);
  for (const height of [0, ...heights, ledger.seals.length - 1]) {
    const { verdict, state } = await answer(ledger, evidence, ledger.anchor(height));
    assert.deepEqual([verdict, state.custodian.id], ["authentic", seoul.id]);
  }
});

test("from a later block on fewer handovers do, with the keys of those who signed before", async () => {
  const { ledger, heights, removed } = story();
  for (const [at, from] of heights.entries()) {
    const evidence = ledger.evidence(ITEM, {}, { from });
    assert.equal(evidence.handovers.length, CHANGES - 1 - at);
    // Who registered Acme was a founder. Who registered Seoul went with the seventh change, and is shown by the sixth.
    assert.deepEqual(evidence.formerMembers, at < 5 ? [] : [removed[6].jwk]);
    for (const height of heights.slice(at)) assert.equal((await answer(ledger, evidence, ledger.anchor(height))).verdict, "authentic");
    if (at > 0) await refused(evidence, ledger.anchor(heights[at - 1]), at < CHANGES - 1 ? "handovers" : "commit");
  }
});

test("a chain says who is in force at each height", async () => {
  const { ledger, heights } = story();
  const chain = await chainOf(ledger, ledger.handovers);
  assert.equal(chain.lastChange, heights.at(-1));
  for (let height = 1; height < ledger.seals.length; height++) {
    const { membersHash } = JSON.parse(ledger.seals[height].seal);
    assert.equal(chain.inForceAt(height).hash, membersHash, `at height ${height}`);
  }
  assert.equal(chain.inForceAt(0), undefined);
  const later = await chainOf(ledger, ledger.handovers, heights[4]);
  assert.deepEqual([later.inForceAt(heights[4]), later.lastChange], [undefined, heights.at(-1)]);
});

test("no handover can be left out, put elsewhere or shown twice", async () => {
  const { ledger } = story();
  const { handovers } = ledger;
  for (let at = 0; at < CHANGES - 1; at++) {
    await breaks(ledger, handovers.toSpliced(at, 1), /left out/);
    await breaks(ledger, handovers.toSpliced(at, 2, handovers[at + 1], handovers[at]), /left out|stands after/);
    await breaks(ledger, handovers.toSpliced(at, 0, handovers[at]), /stands after/);
  }
  // Without the last the chain holds, and the evidence does not.
  const evidence = ledger.evidence(ITEM);
  await refused({ ...evidence, handovers: handovers.slice(0, -1) }, ledger.anchor(), "commit");
  const { removed: _, ledger: other } = story();
  await breaks(ledger, [other.handovers[0]], /other members|left out/);
});

test("a handover is by a quorum of the members before it", async () => {
  const { ledger, heights } = story();
  const [first, ...rest] = ledger.handovers;
  const founders = first.commit.signatures.map(({ kid }) => kid);
  assert.equal(founders.length, 4);
  const few = { ...first, commit: { ...first.commit, signatures: first.commit.signatures.slice(0, 2) } };
  await breaks(ledger, [few, ...rest], /2 of 4 members signed; 3 are needed/);
  await chainOf(ledger, [{ ...first, commit: { ...first.commit, signatures: first.commit.signatures.slice(0, 3) } }, ...rest]);
  // Those who come sign the block that brings them in.
  const signers = ledger.keys;
  const byNew = ledger.commit({ signers, height: heights[9], checkpoint: ledger.handovers[9].checkpoint });
  await breaks(ledger, ledger.handovers.with(9, { ...ledger.handovers[9], commit: byNew }), /no member's/);
  const forged = { ...first.commit, signatures: first.commit.signatures.map((one, at, all) => ({ ...one, signature: all[(at + 1) % 4].signature })) };
  await breaks(ledger, [{ ...first, commit: forged }, ...rest], /does not hold/);
});

test("a handover is of this ledger, whole, and leads to the members that its seal names", async () => {
  const { ledger } = story();
  const [first, second, ...rest] = ledger.handovers;
  const with_ = (change) => [{ ...first, ...change }, second, ...rest];
  await breaks(ledger, with_({ checkpoint: first.checkpoint.replace("ledger.example/js", "ledger.example/other") }), /another ledger/);
  await breaks(ledger, with_({ members: second.members }), /other members than those given/);
  await breaks(ledger, with_({ members: first.members.slice(1) }), /other members than those given/);
  await breaks(ledger, with_({ seal: `${first.seal} ` }), /one form/);
  await breaks(ledger, with_({ seal: first.seal.replace('"rules":1', '"rules":2') }), /goes by rules 2/);
  await breaks(ledger, with_({ seal: first.seal.replace(/"time":"2026/, '"time":"2031') }), /another root/);
  await breaks(ledger, with_({ commit: { ...first.commit, height: first.commit.height + 1 } }), /it has height/);
  for (const sealInclusionProof of [[], first.sealInclusionProof.slice(1), [...first.sealInclusionProof, b64(hash())], [b64(hash()), ...first.sealInclusionProof.slice(1)]]) {
    await breaks(ledger, with_({ sealInclusionProof }), /proof of its seal|another root/);
  }
});

test("a block that changes no members hands nothing over", async () => {
  const ledger = new Ledger({ members: 4 });
  ledger.close();
  const { leaf, seal } = ledger.seals.at(-1);
  const idle = { checkpoint: ledger.checkpoint(), commit: ledger.commit(), seal, sealInclusionProof: ledger.path(leaf), members: ledger.members };
  await breaks(ledger, [idle], /changes no members/);
});

test("there is an end to handovers", async () => {
  const { ledger } = story();
  const many = Array.from({ length: HANDOVERS_MAX + 1 }, () => ledger.handovers[0]);
  await breaks(ledger, many, /501 handovers, and 500 are read/);
});

test("evidence has no handover of a later block, and all up to its own", async () => {
  const early = new Ledger({ members: 4 });
  const acme = new Actor(1, "Acme Pharma", { gs1CompanyPrefixes: ["9506000"] });
  register(early, acme, early.keys[0]);
  early.capture(acme, eventAt(60, { epcList: [ITEM], action: "ADD", bizStep: "commissioning" }));
  const before = early.evidence(ITEM);
  early.handOver([...early.keys.slice(1), new Key()]);
  await refused({ ...before, handovers: early.handovers }, early.anchor(), "handovers", /is itself of block/);
  // The block of the change itself: it is made by the old members, and shows the new ones.
  const at = early.evidence(ITEM);
  assert.equal((await answer(early, at)).verdict, "authentic");
  await refused({ ...at, handovers: [] }, early.anchor(), "seal-members", /hands over to other members/);
});

test("a removed member's stolen key registers nobody: not now, and not in its own time's name", async () => {
  const { ledger, heights, removed } = story();
  const mallory = new Actor(9, "Mallory", { gs1CompanyPrefixes: ["9521567"] });
  const [stolen] = removed;
  // What no honest quorum would sign: a registration by the removed key stands on the ledger, and leads to the product.
  register(ledger, mallory, stolen);
  ledger.capture(mallory, eventAt(300, { epcList: [ITEM], bizStep: "storing", readPoint: { id: "urn:x:place" } }));
  const evidence = ledger.evidence(ITEM);
  for (const height of [0, heights[4], heights[9]]) {
    const shown = { ...evidence, formerMembers: [] };
    await refused(shown, ledger.anchor(height), "refused", /none in force at block/);
    // Its key among the former members is no excuse.
    await refused({ ...shown, formerMembers: [stolen.jwk] }, ledger.anchor(height), "refused", /none in force at block/);
  }
});

test("a member who is to come registers nobody before", async () => {
  const ledger = new Ledger({ members: 4 });
  const acme = new Actor(1, "Acme Pharma", { gs1CompanyPrefixes: ["9506000"] });
  const coming = new Key();
  register(ledger, acme, coming);
  ledger.capture(acme, eventAt(60, { epcList: [ITEM], action: "ADD", bizStep: "commissioning" }));
  ledger.handOver([...ledger.keys, coming]);
  ledger.close();
  await refused(ledger.evidence(ITEM), ledger.anchor(), "refused", /none in force at block 1/);
});

test("former members are those who signed, in order, and no stranger", async () => {
  const { ledger, heights, removed } = story();
  const from = heights[5];
  const evidence = ledger.evidence(ITEM, {}, { from });
  const own = removed[6].jwk;
  assert.deepEqual(evidence.formerMembers, [own]);
  const later = ledger.anchor(heights[8]);
  const with_ = (formerMembers) => ({ ...evidence, formerMembers });
  await refused(with_([]), later, "refused", /not among formerMembers/);
  const stranger = new Key();
  await refused(with_([stranger.jwk]), later, "refused", /not among formerMembers/);
  const both = [own, stranger.jwk].sort((a, b) => (kidOf(a, removed, stranger) < kidOf(b, removed, stranger) ? -1 : 1));
  await refused(with_(both), later, "former-members", /signed none/);
  await refused(with_([own, own]), later, "former-members", /out of order/);
  await refused(with_(both.toReversed()), later, "former-members", /out of order|signed none/);
  // A founder's key is known, and so is one that a handover shows.
  await refused(with_([own, removed[2].jwk].sort((a, b) => (kidOf(a, removed, stranger) < kidOf(b, removed, stranger) ? -1 : 1))), later, "former-members", /founder|signed none/);
  await refused({ ...ledger.evidence(ITEM), formerMembers: [own] }, later, "former-members", /by a handover/);
  await refused(with_([{ ...own, kid: "x" }]), later, "shape", /former member/);
});

const kidOf = (jwk, removed, stranger) =>
  Buffer.from([...removed, stranger].find((key) => key.jwk.x === jwk.x).kid, "base64url").toString("hex");

test("another key in a former member's name does not hold, though a quorum signed the leaf", async () => {
  const ledger = new Ledger({ members: 4 });
  const acme = new Actor(1, "Acme Pharma", { gs1CompanyPrefixes: ["9506000"] });
  const came = new Key();
  ledger.handOver([...ledger.keys, came]);
  register(ledger, acme, came);
  ledger.capture(acme, eventAt(60, { epcList: [ITEM], action: "ADD", bizStep: "commissioning" }));
  const [leaf, { text }] = [...ledger.admins].at(-1);
  const [header, payload] = text.split(".").slice(0, 2).map((part) => JSON.parse(Buffer.from(part, "base64url")));
  ledger.exchange(leaf, new Key().statement(header, payload));
  const height = ledger.handOver(ledger.keys.filter((key) => key !== came));
  ledger.close();
  const evidence = ledger.evidence(ITEM, {}, { from: height });
  assert.deepEqual(evidence.formerMembers, [came.jwk]);
  await refused(evidence, ledger.anchor(height), "bad-signature");
});

test("a list that names another signer before the anchor's block is refused", async () => {
  const ledger = new Ledger({ members: 4 });
  const acme = new Actor(1, "Acme Pharma", { gs1CompanyPrefixes: ["9506000"] });
  const stranger = new Key();
  // Signed by a stranger, and in the lists as by a member: what a quorum of liars could sign.
  ledger.admin(registrationPayload({ participant: acme.id, claims: acme.claims, certificate: { der: acme.der, jwk: acme.key.jwk, notBefore: time(-1e6), notAfter: time(1e6) } }), { by: stranger });
  ledger.pending.at(-1).by = ledger.keys[0];
  ledger.close();
  ledger.capture(acme, eventAt(60, { epcList: [ITEM], action: "ADD", bizStep: "commissioning" }));
  const height = ledger.handOver([...ledger.keys.slice(1), new Key()]);
  ledger.close();
  const evidence = { ...ledger.evidence(ITEM, {}, { from: height }), formerMembers: [stranger.jwk] };
  await refused(evidence, ledger.anchor(height), "other-signer");
});

test("an endorsement changes nothing, and is by a member in force", async () => {
  const endorsed = (by) => {
    const ledger = new Ledger({ members: 4 });
    const acme = new Actor(1, "Acme Pharma", { gs1CompanyPrefixes: ["9506000"] });
    register(ledger, acme, ledger.keys[0]);
    ledger.admin({ type: "endorsement", registration: acme.id }, { by: by ?? ledger.keys[1] });
    ledger.close();
    ledger.capture(acme, eventAt(60, { epcList: [ITEM], action: "ADD", bizStep: "commissioning" }));
    return ledger;
  };
  const ledger = endorsed();
  assert.equal((await answer(ledger, ledger.evidence(ITEM))).verdict, "authentic");
  const lied = endorsed(new Key());
  await refused(lied.evidence(ITEM), lied.anchor(), "refused", /none in force/);
  const nobody = new Ledger({ members: 4 });
  const acme = new Actor(1, "Acme Pharma", { gs1CompanyPrefixes: ["9506000"] });
  register(nobody, acme, nobody.keys[0]);
  const leaf = nobody.size;
  nobody.revoke(acme);
  nobody.exchange(leaf, nobody.keys[0].statement({ alg: "ES256", typ: "sealane-admin+jws", kid: nobody.keys[0].kid, aud: nobody.origin, iat: 1 }, { type: "endorsement", registration: "00000000-0000-4000-8000-000000000007" }));
  nobody.close();
  await refused(nobody.evidence(ITEM), nobody.anchor(), "refused", /is not registered/);
});

test("a seal on the way names the members in force at its block", async () => {
  const ledger = new Ledger({ members: 4 });
  const acme = new Actor(1, "Acme Pharma", { gs1CompanyPrefixes: ["9506000"] });
  const { membersHash } = ledger;
  ledger.membersHash = b64(hash("others"));
  register(ledger, acme, ledger.keys[0]);
  ledger.membersHash = membersHash;
  ledger.capture(acme, eventAt(60, { epcList: [ITEM], action: "ADD", bizStep: "commissioning" }));
  await refused(ledger.evidence(ITEM), ledger.anchor(), "seal-members", /block 1 was made by other members/);
});

test("a receipt holds by the handovers up to its block", async () => {
  const { ledger, heights } = story();
  const leaf = [...ledger.captures.keys()].at(-1);
  const { leaf: last, seal } = ledger.seals.at(-1);
  const receipt = {
    leafIndex: leaf, treeSize: ledger.size, leafHash: b64(hash([0], ledger.leaves[leaf])), inclusionProof: ledger.path(leaf),
    checkpoint: ledger.checkpoint(), commit: ledger.commit(), seal, sealInclusionProof: ledger.path(last),
  };
  const statement = ledger.captures.get(leaf).text;
  const asked = (height, handovers) => ({ anchor: ledger.anchor(height), statement, handovers });
  for (const height of [0, heights[4], heights[9]]) {
    assert.equal((await verifyReceipt(receipt, asked(height, ledger.handovers))).leafIndex, leaf);
  }
  assert.equal((await verifyReceipt(receipt, asked(heights[9]))).leafIndex, leaf);
  await assert.rejects(verifyReceipt(receipt, asked(0)), { code: "commit" });
  await assert.rejects(verifyReceipt(receipt, asked(0, ledger.handovers.slice(1))), { code: "handovers" });
  await assert.rejects(verifyReceipt(receipt, asked(0, {})), { code: "receipt" });
});
