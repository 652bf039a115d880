// Evidence that a quorum signed although what is in it does not hold: every leaf is where the proofs say, every proof leads
// to a signed root, and only the check that this is about can refuse it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { EvidenceError, verify } from "../../web/verify.js";
import { checkNames } from "../../web/verify/evidence.js";
import { consentBytes, memberSigner, registrationPayload, renewalPayload, sealText, signerBytes } from "./builders/formats.mjs";
import { Actor, CASE, ITEM, Key, Ledger, NaiveIndex, b64, documentOf, eventAt, hash, rfc, time } from "./ledger.mjs";

const begin = eventAt(60, { epcList: [ITEM], action: "ADD", bizStep: "commissioning" });

/** A ledger on which Acme made the item and sent it to Seoul, which received it. */
function journey({ members = 1 } = {}) {
  const ledger = new Ledger({ members });
  const acme = new Actor(1, "Acme Pharma", { gs1CompanyPrefixes: ["9506000"], glns: ["9506000134307"] });
  const seoul = new Actor(2, "Seoul Medical", { roles: ["distributor"], glns: ["8800000000015"] });
  ledger.register(acme, seoul);
  const destinationList = [{ type: "possessing_party", destination: "https://id.gs1.org/417/8800000000015" }];
  const leaves = [
    ledger.capture(acme, begin),
    ledger.capture(acme, eventAt(120, { epcList: [ITEM], bizStep: "shipping", destinationList })),
    ledger.capture(seoul, eventAt(180, { epcList: [ITEM], bizStep: "receiving" })),
  ];
  return { ledger, acme, seoul, leaves };
}

const headerOf = (ledger, actor, change = {}) => ({
  alg: "ES256", typ: "epcis+jws", "x5t#S256": actor.thumbprint, aud: ledger.origin, iat: Math.floor(time(60) / 1000), ...change,
});
const refused = async (ledger, evidence, code, because = /./) => {
  await assert.rejects(verify(JSON.stringify(evidence), { anchor: ledger.anchor(), id: evidence.id }), (error) => {
    assert.ok(error instanceof EvidenceError, error.stack);
    assert.ok([code].flat().includes(error.code) && because.test(error.message), `${error.code}: ${error.message}`);
    return true;
  });
};
const word = async (ledger, id = ITEM) => (await verify(JSON.stringify(ledger.evidence(id)), { anchor: ledger.anchor(), id })).verdict;

test("the journey that is changed below holds as it is", async () => {
  assert.equal(await word(journey().ledger), "authentic");
  assert.equal(await word(journey({ members: 4 }).ledger), "authentic");
});

// --- Captures

test("no capture stands whose signature does not hold, whichever it is", async () => {
  const ways = {
    "another participant's key": ({ ledger, acme, seoul }, text) => {
      const own = JSON.parse(Buffer.from(text.split(".")[0], "base64url"));
      const key = own["x5t#S256"] === acme.thumbprint ? seoul.key : acme.key;
      return key.statement(headerOf(ledger, { thumbprint: own["x5t#S256"] }), Buffer.from(text.split(".")[1], "base64url").toString());
    },
    "a stranger's key": (_, text) => `${text.slice(0, text.lastIndexOf("."))}.${b64(new Key().sign(text.slice(0, text.lastIndexOf("."))))}`,
    "one bit": (_, text) => {
      const [header, payload, signature] = text.split(".");
      const bytes = Buffer.from(signature, "base64url");
      bytes[63] ^= 1;
      return `${header}.${payload}.${b64(bytes)}`;
    },
    "no signature at all": (_, text) => `${text.slice(0, text.lastIndexOf("."))}.${b64(Buffer.alloc(64))}`,
    "another payload": (_, text) => {
      const [header, payload, signature] = text.split(".");
      return `${header}.${b64(Buffer.from(payload, "base64url").toString().replace("2026-03-01T0", "2026-03-02T0"))}.${signature}`;
    },
    "another header": ({ ledger }, text) => {
      const [header, payload, signature] = text.split(".");
      const read = JSON.parse(Buffer.from(header, "base64url"));
      return `${b64(JSON.stringify({ ...read, aud: ledger.origin, iat: read.iat - 1 }))}.${payload}.${signature}`;
    },
  };
  for (const [what, change] of Object.entries(ways)) {
    for (const at of [0, 1, 2]) {
      const world = journey();
      const { ledger, leaves } = world;
      const text = ledger.captures.get(leaves[at]).text;
      const changed = change(world, text);
      assert.notEqual(changed, text, what);
      ledger.exchange(leaves[at], changed);
      await refused(ledger, ledger.evidence(ITEM), "bad-signature", new RegExp(`leaf ${leaves[at]}`));
    }
  }
});

test("the first fault is the one that reading in order finds", async () => {
  const broken = ({ ledger, acme }) => acme.key.statement(headerOf(ledger, acme), documentOf([{ ...begin, action: "MAYBE" }]));
  const unsigned = ({ ledger, acme }) => new Key().statement(headerOf(ledger, acme), documentOf([begin]));
  const stranger = ({ ledger }) => new Key().statement(headerOf(ledger, { thumbprint: b64(hash()) }), documentOf([begin]));
  for (const [first, second, code] of [[broken, unsigned, "epcis"], [unsigned, broken, "bad-signature"], [broken, stranger, "epcis"], [unsigned, stranger, "bad-signature"], [stranger, unsigned, "signer"]]) {
    const world = journey();
    const { ledger, leaves } = world;
    ledger.exchange(leaves[0], first(world));
    ledger.exchange(leaves[1], second(world));
    await refused(ledger, ledger.evidence(ITEM), code, new RegExp(`leaf ${leaves[0]}`));
  }
});

test("a capture is for this ledger, is one, and has a registered certificate", async () => {
  const cases = [
    ["wrong-audience", ({ ledger, acme }) => acme.key.statement(headerOf(ledger, acme, { aud: "ledger.example/other" }), documentOf([begin]))],
    ["kind", ({ ledger }) => ledger.keys[0].statement({ alg: "ES256", typ: "sealane-admin+jws", kid: ledger.keys[0].kid, aud: ledger.origin, iat: 1 }, { type: "rejection" })],
    ["signer", ({ ledger, acme }) => acme.key.statement(headerOf(ledger, { thumbprint: acme.key.kid }), documentOf([begin]))],
  ];
  for (const [code, make] of cases) {
    const world = journey();
    world.ledger.exchange(world.leaves[0], make(world));
    await refused(world.ledger, world.ledger.evidence(ITEM), code);
  }
});

// --- Registrations

const adminHeader = (ledger, key, change = {}) => ({ alg: "ES256", typ: "sealane-admin+jws", kid: key.kid, aud: ledger.origin, iat: 1, ...change });
const certificateOf = (actor, name = "another") => ({ der: Buffer.from(`certificate of ${name}`), jwk: actor.key.jwk, notBefore: time(-1e6), notAfter: time(1e6) });

test("no registration stands whose signature does not hold, or that no member signed", async () => {
  const stranger = new Key();
  const cases = [
    ["bad-signature", ({ ledger }, payload) => stranger.statement(adminHeader(ledger, ledger.keys[0]), payload)],
    ["bad-signature", ({ ledger }, payload) => ledger.keys[1].statement(adminHeader(ledger, ledger.keys[0]), payload)],
    ["refused", ({ ledger }, payload) => stranger.statement(adminHeader(ledger, stranger), payload)],
    ["refused", ({ ledger, acme }, payload) => acme.key.statement(adminHeader(ledger, acme.key), payload)],
    ["wrong-audience", ({ ledger }, payload) => ledger.keys[0].statement(adminHeader(ledger, ledger.keys[0], { aud: "ledger.example/other" }), payload)],
    ["kind", ({ ledger, acme }) => acme.key.statement(headerOf(ledger, acme), documentOf([begin]))],
  ];
  for (const [code, make] of cases) {
    for (const which of [0, 1]) {
      const world = journey({ members: 4 });
      const leaf = [...world.ledger.admins.keys()][1 + which];
      const payload = Buffer.from(world.ledger.admins.get(leaf).text.split(".")[1], "base64url").toString();
      world.ledger.exchange(leaf, make(world, payload));
      await refused(world.ledger, world.ledger.evidence(ITEM), code, new RegExp(`leaf ${leaf}`));
    }
  }
});

test("any member registers, each by its own key", async () => {
  for (const by of [0, 1, 2, 3]) {
    const ledger = new Ledger({ members: 4 });
    const acme = new Actor(1, "Acme Pharma", { gs1CompanyPrefixes: ["9506000"] });
    ledger.admin(registrationPayload({ participant: acme.id, claims: acme.claims, certificate: { ...certificateOf(acme), der: acme.der } }), { by: ledger.keys[by] });
    ledger.close();
    ledger.capture(acme, begin);
    assert.equal(await word(ledger), "authentic");
    const [, leaf] = [...ledger.admins.keys()];
    const payload = Buffer.from(ledger.admins.get(leaf).text.split(".")[1], "base64url").toString();
    ledger.exchange(leaf, ledger.keys[(by + 1) % 4].statement(adminHeader(ledger, ledger.keys[by]), payload));
    await refused(ledger, ledger.evidence(ITEM), "bad-signature");
  }
});

test("a key that a participant did not agree to signs nothing for it", async () => {
  const thief = new Key();
  const renewed = async (by, bytes) => {
    const { ledger, acme } = journey();
    const asked = { origin: ledger.origin, participant: acme.id, request: "request" };
    const certificate = certificateOf({ key: thief }, "the new key");
    ledger.admin(renewalPayload({ participant: acme.id, request: "request", current: acme.thumbprint, consent: by(acme).sign(bytes ?? consentBytes(asked)), certificate }));
    ledger.close();
    const renewedActor = { ...acme, key: thief, thumbprint: b64(hash(certificate.der)) };
    ledger.capture(renewedActor, eventAt(240, { epcList: [ITEM], bizStep: "holding", readPoint: { id: "https://id.gs1.org/414/8800000000015" } }));
    return ledger;
  };
  assert.equal(await word(await renewed(({ key }) => key)), "authentic");
  for (const ledger of [await renewed(() => thief), await renewed(({ key }) => key, Buffer.from("another request"))]) {
    await refused(ledger, ledger.evidence(ITEM), "refused", /agreement does not hold/);
  }
});

test("a registration that comes after what its certificate signed gives no right to it", async () => {
  const ledger = new Ledger();
  const late = new Actor(1, "Late Works", { gs1CompanyPrefixes: ["9506000"] });
  ledger.capture(late, begin);
  ledger.register(late);
  const { verdict, reasons } = await verify(JSON.stringify(ledger.evidence(ITEM)), { anchor: ledger.anchor(), id: ITEM });
  assert.equal(verdict, "suspect");
  assert.ok(reasons.some(({ rule }) => rule === "signer-not-in-force"));
});

// --- Lists

const ACME = "00000000-0000-4000-8000-000000000001";
/** What is left of an event that says nothing but that it names `urn:x:1`. */
const observed = {
  type: "ObjectEvent", action: "OBSERVE", step: "", ids: [["object", { text: "urn:x:1" }]], unset: [], set: [], transactions: [],
};

/** The journey, with what a node signs into its index. */
function lying(lie) {
  const world = journey();
  lie(world.ledger.lists, world);
  world.ledger.close();
  return world.ledger;
}

test("an admin statement in a list of captures is found out, and a capture in a list of registrations", async () => {
  const [, registration] = [...journey().ledger.admins.keys()];
  const put = (ledger, key, leaf) => ledger.list(key, { ...ledger.lists.get(key)[0], leaf });
  const inParty = lying((_, { ledger, leaves }) => put(ledger, `party ${ACME}`, leaves[0]));
  await refused(inParty, inParty.evidence(ITEM), "not-named");
  const { ledger } = journey();
  const evidence = ledger.evidence(ITEM);
  const withRegistration = { ...evidence, index: evidence.index.map((one) => (one.kind === "id" ? { ...one, leaves: [registration, ...one.leaves], signers: [0, ...one.signers], acts: [0, ...one.acts], count: one.count + 1 } : one)) };
  await refused(ledger, withRegistration, "index");
});

test("what a list holds is of its kind, though the statement names the key", () => {
  const claims = { gs1CompanyPrefixes: ["9506000"], glns: [], namespaces: [] };
  const member = new Key().kid;
  const admin = { type: "registration", participant: "p", claims, member };
  const [captures, admins] = [new Map(), new Map([[5, admin]])];
  const list = (kind, key, signer = signerBytes(memberSigner(member))) => ({ kind, key, first: 0, count: 1, leaves: [5], signers: [signer], acts: [0] });
  const party = list("party", "party p");
  checkNames([party, list("prefix", "prefix 9506000")], captures, admins);
  for (const kind of ["id", "recall", "transformation"]) {
    assert.throws(() => checkNames([list(kind, "party p")], captures, admins), (error) => error.code === "not-named", kind);
  }
  const held = new Map([[5, { signer: ACME, events: [observed] }]]);
  const byAcme = (kind, key) => list(kind, key, signerBytes(ACME));
  checkNames([byAcme("id", "id urn:x:1")], held, new Map());
  for (const [kind, key] of [["id", "id urn:x:2"], ["recall", "recall urn:x:1"], ["transformation", "transformation urn:x:1"]]) {
    assert.throws(() => checkNames([byAcme("id", "id urn:x:1"), byAcme(kind, key)], held, new Map()), (error) => error.code === "not-named", key);
  }
  for (const kind of ["party", "prefix"]) {
    assert.throws(() => checkNames([list(kind, "id urn:x:1")], held, new Map()), (error) => error.code === "not-named", kind);
  }
});

test("what a statement names stands in each list that is shown up to there", async () => {
  for (const [key, code] of [[`party ${ACME}`, "not-indexed"], ["prefix 9506000", "not-indexed"]]) {
    const without = lying((lists) => lists.delete(key));
    await refused(without, without.evidence(ITEM), code);
  }
  const checked = (list) => () => checkNames([list], new Map([[5, { signer: ACME, events: [observed] }]]), new Map());
  const list = (first, leaves, count) => ({
    kind: "id", key: "id urn:x:1", first, count, leaves, signers: leaves.map(() => signerBytes(ACME)), acts: leaves.map(() => 0),
  });
  const isHidden = (error) => error.code === "not-indexed";
  assert.throws(checked(list(0, [], 0)), isHidden, "an empty list");
  const named = (leaf) => ({ signer: ACME, events: [observed], leaf });
  const around = (list, ...leaves) => () => checkNames([list], new Map(leaves.map((leaf) => [leaf, named(leaf)])), new Map());
  assert.throws(around(list(0, [7], 1), 5, 7), isHidden, "before the first of a whole list");
  assert.throws(around(list(0, [7], 1), 7, 9), isHidden, "after the last of a whole list");
  assert.throws(around(list(1, [7, 11], 4), 7, 9, 11), isHidden, "between two that are shown");
  assert.doesNotThrow(around(list(1, [7], 3), 5, 7, 9), "beyond the part that is shown");
  assert.throws(around(list(2, [7], 3), 7, 9), isHidden, "after the last of a part that ends with its list");
  assert.throws(around(list(0, [7], 3), 5, 7), isHidden, "before the first of a part that begins with its list");
});

test("nothing is shown on which the answer does not rest, and no leaf as two things", async () => {
  const { ledger } = journey();
  const evidence = ledger.evidence(ITEM);
  const unneeded = new NaiveIndex(ledger.lists).entry(`recall ${CASE}`, 0, []);
  const key = ({ kind, subject }) => `${kind} ${subject}`;
  const index = [...evidence.index, unneeded].sort((a, b) => NaiveIndex.order(key(a), key(b)));
  await refused(ledger, { ...evidence, index }, "subject-unneeded");
  const [one] = evidence.registrations;
  const statements = [one, ...evidence.statements].sort((a, b) => a.leafIndex - b.leafIndex);
  await refused(ledger, { ...evidence, statements }, "leaf-twice");
  await refused(ledger, { ...evidence, inclusionProof: [b64(hash()), ...evidence.inclusionProof.slice(1)] }, "inclusion");
});

// --- Commit and checkpoint

test("evidence is of the ledger that is trusted, about the id that was asked for, and a quorum committed it", async () => {
  const { ledger } = journey({ members: 4 });
  const evidence = ledger.evidence(ITEM);
  const asked = { anchor: ledger.anchor(), id: ITEM };
  const refuses = (document, change, code) =>
    assert.rejects(verify(JSON.stringify(document), { ...asked, ...change }), (error) => error instanceof EvidenceError && error.code === code, code);
  await refuses(evidence, { id: CASE }, "other-id");
  await refuses({ ...evidence, checkpoint: evidence.checkpoint.replace(ledger.origin, "ledger.example/other") }, {}, "other-origin");
  await refuses({ ...evidence, commit: ledger.commit({ signers: ledger.keys.slice(2) }) }, {}, "commit");
  await refuses({ ...evidence, commit: ledger.commit({ signers: [new Key(), ...ledger.keys.slice(1)] }) }, {}, "commit");
  await refuses({ ...evidence, commit: ledger.commit({ round: 1, checkpoint: `${evidence.checkpoint} ` }) }, {}, "commit");
  await refuses({ ...evidence, seal: { ...evidence.seal, leafIndex: evidence.seal.leafIndex - 1 } }, {}, "seal-place");
});

test("no answer is older than one that was seen, nor of another ledger of that size", async () => {
  const { ledger } = journey();
  const evidence = JSON.stringify(ledger.evidence(ITEM));
  const asked = { anchor: ledger.anchor(), id: ITEM };
  const { size, root } = (await verify(evidence, asked)).checkpoint;
  const seen = (last) => verify(evidence, { ...asked, last }).then(() => "taken", ({ code }) => code);
  assert.equal(await seen({ size, root }), "taken");
  assert.equal(await seen({ size: size - 1, root: b64(hash()) }), "taken");
  assert.equal(await seen({ size: size + 1, root }), "older-than-seen");
  assert.equal(await seen({ size, root: b64(hash()) }), "fork");
});

// --- Seals

test("each statement's block is that of the next seal, which begins at or before it", async () => {
  const { ledger, leaves } = journey();
  const evidence = ledger.evidence(ITEM);
  const without = (at) => ({ ...evidence, seals: evidence.seals.filter((_, index) => index !== at) });
  for (let at = 0; at < evidence.seals.length; at++) await refused(ledger, without(at), ["no-seal", "inclusion"]);
  // A seal that says that its block begins later is not that of what stands before.
  const late = journey();
  const seal = late.ledger.seals.find(({ leaf }) => leaf > late.leaves[0]);
  const read = JSON.parse(seal.seal);
  seal.seal = sealText({ ...read, time: Date.parse(read.time) }, { previousSize: late.leaves[0] + 1 });
  late.ledger.leaves[seal.leaf] = Buffer.concat([Buffer.from([0]), Buffer.from(seal.seal)]);
  await refused(late.ledger, late.ledger.evidence(ITEM), "no-seal", new RegExp(`leaf ${leaves[0]}`));
});

test("a seal of no block of these statements is not shown", async () => {
  const { ledger } = journey();
  const evidence = ledger.evidence(ITEM);
  const shown = new Set(evidence.seals.map(({ leafIndex }) => leafIndex));
  const extra = ledger.seals.find(({ leaf }) => !shown.has(leaf));
  assert.ok(extra, "genesis' own seal");
  const more = withSeals(ledger, evidence, [...ledger.seals.filter(({ leaf }) => shown.has(leaf) || leaf === extra.leaf)]);
  await refused(ledger, more, "seal-unneeded", new RegExp(`leaf ${extra.leaf}`));
});

/** Evidence that shows other seals, proved anew. */
function withSeals(ledger, evidence, seals) {
  const shown = [...evidence.statements, ...evidence.registrations, evidence.seal].map(({ leafIndex }) => leafIndex);
  const all = [...new Set([...shown, ...seals.map(({ leaf }) => leaf)])].sort((a, b) => a - b);
  return { ...evidence, seals: seals.map(({ leaf, seal }) => ({ leafIndex: leaf, seal })), inclusionProof: ledger.prove(all) };
}

/** Changes the last seal in a way that a quorum signed. */
async function resealed(change) {
  const { ledger } = journey({ members: 4 });
  const last = ledger.seals.at(-1);
  const read = JSON.parse(last.seal);
  last.seal = sealText({ ...read, time: Date.parse(read.time) }, change);
  ledger.leaves[last.leaf] = Buffer.concat([Buffer.from([0]), Buffer.from(last.seal)]);
  return ledger;
}

test("the checkpoint's seal names the members, the index and the height that count", async () => {
  const others = await resealed({ membersHash: b64(hash("others")) });
  await refused(others, others.evidence(ITEM), "seal-members", /other members/);
  const height = await resealed({ height: 99 });
  await refused(height, height.evidence(ITEM), "seal-place", /height/);
  const later = await resealed({ previousSize: 99 });
  await refused(later, later.evidence(ITEM), "seal-place", /begins after/);
  const index = await resealed({ indexRoot: b64(hash("another")) });
  await refused(index, index.evidence(ITEM), "index");
});

test("the answer's time is the last seal's, and a block's that of its own", async () => {
  const { ledger } = journey();
  const { asOf, timeline } = await verify(JSON.stringify(ledger.evidence(ITEM)), { anchor: ledger.anchor(), id: ITEM });
  assert.equal(asOf, rfc(ledger.now));
  assert.deepEqual(timeline.map(({ accepted }) => accepted), [3, 2, 1].map((hours) => rfc(ledger.now - (hours - 1) * 3600000)));
});

test("evidence about a container shows what was packed into it by the same statements", async () => {
  const { ledger, acme } = journey();
  ledger.capture(acme, eventAt(300, { type: "AggregationEvent", action: "ADD", parentID: CASE, childEPCs: ["https://id.gs1.org/01/09506000134352/21/S9"], bizStep: "packing" }));
  assert.equal(await word(ledger), "authentic");
  assert.equal(await word(ledger, CASE), "traced");
});
