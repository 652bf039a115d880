// Evidence from a ledger in memory: what holds, and what a server could try.

import assert from "node:assert/strict";
import { test } from "node:test";

import { EvidenceError, trustedAnchor, verify } from "../../web/verify.js";
import { VERSIONS, evidenceDocument } from "./builders/formats.mjs";
import { Actor, CASE, ITEM, Key, Ledger, NaiveIndex, PALLET, b64, documentOf, eventAt, hash, naiveMultiProof, naiveRoot, rfc, time } from "./ledger.mjs";

const VERSION = `"version":${VERSIONS.evidence}`;
const PLACE = "https://id.gs1.org/414/9506000134307";
const SEOUL = "https://id.gs1.org/417/8800000000015";
const LOT = "https://id.gs1.org/01/09506000134352/10/L7";
const INPUT = "https://id.gs1.org/01/09521567000018/21/I1";

/** A product with an input, a lot, a case, a pallet, a recall of another lot and a revocation. */
function journey({ members = 1 } = {}) {
  const ledger = new Ledger({ members });
  const acme = new Actor(1, "Acme Pharma", { gs1CompanyPrefixes: ["9506000"], glns: ["9506000134307"] });
  const seoul = new Actor(2, "Seoul Medical", { roles: ["distributor"], glns: ["8800000000015"] });
  const other = new Actor(3, "Other Works", { gs1CompanyPrefixes: ["9521567"], namespaces: ["https://id.example.com/x/"] });
  const lost = new Actor(4, "Lost Key", {});
  ledger.register(acme, seoul);
  ledger.register(other, lost);
  const at = { readPoint: { id: PLACE }, bizLocation: { id: PLACE } };
  ledger.capture(other, eventAt(10, { epcList: [INPUT], action: "ADD", bizStep: "commissioning" }));
  ledger.capture(acme, eventAt(60, {
    type: "TransformationEvent", inputEPCList: [INPUT], outputEPCList: [ITEM], transformationID: "urn:x:t1",
    ilmd: { "ext:lotNumber": "L7" }, bizStep: "creating_class_instance", ...at,
  }));
  ledger.add(acme, eventAt(120, { type: "AggregationEvent", action: "ADD", parentID: CASE, childEPCs: [ITEM], bizStep: "packing", ...at }));
  ledger.add(acme, eventAt(130, { type: "AggregationEvent", action: "ADD", parentID: PALLET, childEPCs: [CASE], bizStep: "packing", ...at }));
  ledger.close();
  ledger.capture(acme, eventAt(180, {
    epcList: [PALLET], bizStep: "shipping", ...at, destinationList: [{ type: "possessing_party", destination: SEOUL }],
  }));
  ledger.capture(lost, eventAt(200, { epcList: ["https://id.gs1.org/01/09506000134352/21/S2"], bizStep: "storing" }));
  ledger.revoke(lost, time(100));
  ledger.capture(seoul, eventAt(240, { epcList: [PALLET], bizStep: "receiving" }));
  return { ledger, acme, seoul, other, lost };
}

const answer = (ledger, evidence, change = {}) =>
  verify(JSON.stringify(evidence), { anchor: ledger.anchor(), id: evidence.id, ...change });

const refused = async (ledger, evidence, codes, change = {}) => {
  const expected = [codes].flat();
  const text = typeof evidence === "string" ? evidence : JSON.stringify(evidence);
  const asked = { anchor: ledger.anchor(), id: ITEM, ...change };
  await assert.rejects(verify(text, asked), (error) => {
    assert.ok(error instanceof EvidenceError, error.stack);
    assert.ok(expected.includes(error.code), `${error.code} instead of ${expected}: ${error.message}`);
    return true;
  });
};

const clone = (value) => JSON.parse(JSON.stringify(value));

/** A ledger of four members that vote on the end of the registration of one who had the item. */
function voted(second = 1) {
  const ledger = new Ledger({ members: 4 });
  const acme = new Actor(1, "Acme Pharma", { gs1CompanyPrefixes: ["9506000"] });
  const gone = new Actor(2, "Gone Works", {});
  ledger.register(acme, gone);
  ledger.capture(acme, eventAt(60, { epcList: [ITEM], action: "ADD", bizStep: "commissioning" }));
  ledger.capture(gone, eventAt(120, { epcList: [ITEM], bizStep: "inspecting", readPoint: { id: "urn:x:place" } }));
  const proposal = ledger.propose(gone, { by: ledger.keys[0], compromisedSince: time(90) });
  ledger.vote(proposal, { by: ledger.keys[second] });
  return { ledger, acme, gone, proposal, last: { by: ledger.keys[2] } };
}

const judged = async (ledger) => answer(ledger, ledger.evidence(ITEM));
const rules = ({ reasons }) => reasons.map(({ rule }) => rule);
const compromised = (verdict) => rules(verdict).some((rule) => rule === "signed-after-compromise" || rule === "compromised-stranger");

test("a vote ends a registration once a seal says so, and not before", async () => {
  const { ledger, acme, proposal, last } = voted();
  assert.ok(!compromised(await judged(ledger)), "it is open");
  ledger.vote(proposal, { ...last, enacted: [proposal] });
  assert.ok(compromised(await judged(ledger)));
  const entry = ledger.evidence(ITEM).index.find(({ kind }) => kind === "proposal");
  assert.deepEqual([entry.count, entry.first, entry.leaves.length], [3, 2, 1]);
  ledger.capture(acme, eventAt(600, { epcList: [ITEM], bizStep: "inspecting" }));
  assert.ok(compromised(await judged(ledger)), "and it stays so");
  const lost = voted();
  lost.ledger.vote(lost.proposal, lost.last);
  assert.ok(!compromised(await judged(lost.ledger)), "the quorum has not counted it");
  const another = voted();
  another.ledger.vote(another.proposal, { ...another.last, enacted: [b64(hash("another proposal"))] });
  assert.ok(!compromised(await judged(another.ledger)), "it enacted another one");
});

test("what is enacted counts from its place on, and of those whom it is about alone", async () => {
  const { ledger, acme, gone, proposal, last } = voted();
  // While the vote is open the registration is in force; after it another may have the prefix.
  ledger.admin({ type: "endorsement", registration: gone.id });
  ledger.close();
  ledger.vote(proposal, { ...last, enacted: [proposal] });
  const whole = ledger.propose(acme, { by: ledger.keys[1] });
  ledger.vote(whole, { by: ledger.keys[2], enacted: [whole] });
  const heir = new Actor(3, "Heir", { gs1CompanyPrefixes: ["9506000"] });
  ledger.register(heir);
  ledger.capture(heir, eventAt(600, { epcList: [ITEM], bizStep: "inspecting", readPoint: { id: "urn:x:place" } }));
  assert.ok(compromised(await judged(ledger)));
  const lists = () => ledger.evidence(ITEM).index.filter(({ kind }) => kind === "proposal").length;
  assert.equal(lists(), 2);
  // One that is about a policy of a participant here, and ends the registration of one who is not.
  const stranger = new Actor(7, "Stranger", {});
  ledger.register(stranger);
  const policy = { type: "policy", name: "newIdsInAll", value: 5, participant: heir.id };
  const end = { type: "revoke", participant: stranger.id, reason: "a test" };
  ledger.admin({ type: "proposal", changes: [policy, end], expires: rfc(ledger.now + 86400000) });
  ledger.close();
  assert.equal(lists(), 2);
  await judged(ledger);
});

test("what a vote came to is neither hidden nor made up", async () => {
  const { ledger, proposal } = voted(0);
  // By a member that signed other things too, so that all signers are named whatever is left out.
  ledger.vote(proposal, { by: ledger.keys[0], enacted: [proposal] });
  ledger.register(new Actor(9, "Later", {}));
  const sound = clone(ledger.evidence(ITEM));
  const key = `proposal ${proposal}`;
  const at = sound.index.findIndex(({ kind }) => kind === "proposal");
  const leafOf = sound.index[at].leaves[0];
  const seal = sound.seals.findIndex(({ leafIndex }) => leafIndex > leafOf);
  const changed = (change) => {
    const evidence = clone(sound);
    change(evidence);
    const leaves = [...evidence.statements, ...evidence.registrations, ...evidence.seals, evidence.seal].map(({ leafIndex }) => leafIndex);
    evidence.inclusionProof = ledger.prove([...new Set(leaves)].sort((a, b) => a - b));
    return evidence;
  };
  await refused(ledger, changed(({ index }) => index.splice(at, 1)), "seal-unneeded");
  await refused(ledger, changed(({ seals }) => seals.splice(seal, 1)), "no-seal");
  const later = ledger.seals.at(-1);
  await refused(ledger, changed(({ seals }) => seals.splice(seal, 1, { leafIndex: later.leaf, seal: later.seal })), "no-seal");
  await refused(ledger, changed(({ seals }) => { seals[seal].seal = seals[seal].seal.replace(`["${proposal}"]`, "[]"); }), "inclusion");
  const proposed = sound.registrations.at(-1).leafIndex;
  const silent = (one) => {
    one.registrations.pop();
    one.seals.splice(one.seals.findIndex(({ leafIndex }) => leafIndex > proposed), 1);
  };
  await refused(ledger, changed(silent), "subject-unneeded");
  const mute = changed((one) => {
    silent(one);
    one.index.splice(at, 1);
    one.seals = one.seals.filter(({ leafIndex }) => leafIndex !== sound.seals[seal].leafIndex);
  });
  await refused(ledger, mute, "statement-missing");
  const index = new NaiveIndex(ledger.lists);
  const list = ledger.lists.get(key).map(({ leaf }) => leaf);
  assert.equal(list[0], proposed);
  for (const [first, leaves] of [[0, list], [0, list.slice(0, 2)], [1, list.slice(1, 2)], [0, []]]) {
    const evidence = changed((one) => {
      const entry = clone(evidenceDocument({ index: [index.entry(key, first, leaves)] })).index[0];
      const own = one.index[at];
      one.index[at] = { ...entry, signers: leaves.map(() => own.signers[0]) };
      const seals = leaves.map((leaf) => ledger.seals.find((seal) => seal.leaf > leaf)).map(({ leaf, seal }) => ({ leafIndex: leaf, seal }));
      const all = [...one.seals.filter((_, number) => number !== seal), ...seals];
      one.seals = [...new Map(all.map((each) => [each.leafIndex, each])).values()].sort((a, b) => a.leafIndex - b.leafIndex);
    });
    await refused(ledger, evidence, ["other-leaves", "cut-short"]);
  }
});

test("a journey through containers holds, in whatever form it comes", async () => {
  const { ledger, seoul } = journey({ members: 4 });
  const evidence = ledger.evidence(ITEM);
  const verdict = await answer(ledger, evidence, { now: ledger.now });
  assert.equal(verdict.verdict, "authentic", JSON.stringify(verdict.reasons));
  assert.equal(verdict.state.custodian.id, seoul.id);
  assert.equal(verdict.timeline.length, 5);
  assert.equal(verdict.checks.leaves, new Set([...evidence.statements, ...evidence.registrations, ...evidence.seals, evidence.seal].map(({ leafIndex }) => leafIndex)).size);
  const forms = [evidence, Buffer.from(JSON.stringify(evidence)), JSON.stringify(evidence, null, 2)];
  for (const form of forms) {
    const other = await verify(form, { anchor: JSON.stringify(ledger.anchor()), id: "(01)09506000134352(21)S1" });
    assert.deepEqual([other.verdict, other.checkpoint], ["authentic", verdict.checkpoint]);
  }
  const subjects = evidence.index.map(({ kind, subject }) => `${kind} ${subject}`);
  for (const needed of [`id ${PALLET}`, `id ${INPUT}`, "transformation urn:x:t1", `recall ${LOT}`, "prefix 8800000000015", "prefix 9521567"]) {
    assert.ok(subjects.includes(needed), needed);
  }
});

test("absence, classes, other URIs and recalls are answered too", async () => {
  const { ledger, acme, other } = journey();
  const judge = async (id) => {
    const { verdict, reasons } = await answer(ledger, ledger.evidence(id));
    return [verdict, reasons.map(({ rule }) => rule).filter((rule) => !/registered|unbroken|copied|holder/.test(rule))];
  };
  assert.deepEqual(await judge("https://id.gs1.org/01/09506000134352/21/NOBODY"), ["unknown", []]);
  assert.deepEqual(await judge("https://id.example.com/x/1"), ["unknown", []]);
  assert.deepEqual(await judge(CASE), ["traced", ["load"]]);
  ledger.capture(other, eventAt(300, { epcList: ["https://id.example.com/x/1"], action: "ADD", bizStep: "commissioning" }));
  assert.deepEqual(await judge("https://id.example.com/x/1"), ["authentic", []]);
  ledger.capture(acme, eventAt(310, { quantityList: [{ epcClass: LOT }], disposition: "recalled", bizStep: "holding" }));
  assert.deepEqual(await judge(ITEM), ["recalled", ["recalled"]]);
  ledger.capture(acme, eventAt(320, { quantityList: [{ epcClass: LOT }], bizStep: "holding", persistentDisposition: { unset: ["recalled"] } }));
  assert.deepEqual(await judge(ITEM), ["authentic", ["recall-lifted"]]);
  ledger.capture(other, eventAt(330, { epcList: [INPUT], disposition: "recalled" }));
  assert.deepEqual(await judge(ITEM), ["recalled", ["recalled-input", "recall-lifted"]]);
});

test("an answer is as old as its seal, and never older than one seen before", async () => {
  const { ledger } = journey();
  const evidence = ledger.evidence(ITEM);
  const { checkpoint } = await answer(ledger, evidence);
  const { size, root } = checkpoint;
  for (const now of [ledger.now + 3600001, ledger.now - 3600001]) {
    const old = await answer(ledger, evidence, { now });
    assert.deepEqual([old.verdict, old.reasons[0].rule], ["incomplete", "answer-too-old"]);
  }
  assert.equal((await answer(ledger, evidence, { now: ledger.now + 5000000, policy: { maxAgeMs: 5000000 } })).verdict, "authentic");
  assert.equal((await answer(ledger, evidence, { last: { size, root } })).verdict, "authentic");
  assert.equal((await answer(ledger, evidence, { last: { size: size - 1, root: b64(hash()) } })).verdict, "authentic");
  await refused(ledger, evidence, "older-than-seen", { last: { size: size + 1, root } });
  await refused(ledger, evidence, "fork", { last: { size, root: b64(hash()) } });
});

test("anything taken away, changed or added is refused", async () => {
  const { ledger } = journey();
  const evidence = ledger.evidence(ITEM);
  const lists = ["index", "statements", "registrations", "seals", "inclusionProof"];
  for (const name of lists) {
    for (let at = 0; at < evidence[name].length; at++) {
      for (const change of [
        (list) => list.splice(at, 1),
        (list) => list.splice(at, 0, clone(list[at])),
        (list) => list.reverse(),
        (list) => list.splice(at, list.length),
      ]) {
        const changed = clone(evidence);
        change(changed[name]);
        if (JSON.stringify(changed) === JSON.stringify(evidence)) continue;
        await assert.rejects(answer(ledger, changed), EvidenceError, `${name} ${at}`);
      }
    }
  }
});

test("every character of evidence counts", async () => {
  const { ledger } = journey();
  const evidence = JSON.stringify(ledger.evidence(ITEM));
  const { verdict } = await answer(ledger, JSON.parse(evidence));
  let accepted = 0;
  for (let at = 0; at < evidence.length; at += 37) {
    const other = evidence[at] === "A" ? "B" : evidence[at] === "1" ? "2" : "A";
    const changed = evidence.slice(0, at) + other + evidence.slice(at + 1);
    try {
      const found = await verify(changed, { anchor: ledger.anchor(), id: ITEM });
      // The sign of a second valid signature cannot come about by one character.
      assert.equal(found.verdict, verdict, `character ${at}`);
      accepted++;
    } catch (error) {
      assert.ok(error instanceof EvidenceError, `character ${at}: ${error.stack}`);
    }
  }
  assert.equal(accepted, 0);
});

test("each fault has its code, the first one in the order of the steps", async () => {
  const { ledger } = journey({ members: 4 });
  const evidence = ledger.evidence(ITEM);
  const [first, second, third, fourth] = ledger.keys;
  const change = (members) => ({ ...clone(evidence), ...members });
  const commit = (options) => change({ commit: ledger.commit(options) });
  await refused(ledger, "{", "json");
  await refused(ledger, JSON.stringify(evidence).replace(VERSION, `${VERSION},${VERSION}`), "json");
  await refused(ledger, "[".repeat(1000), "json");
  for (const other of ["null", "[]", "1", '"x"', "{}"]) await refused(ledger, other, "shape");
  await refused(ledger, { version: VERSIONS.evidence + 1 }, "version");
  await refused(ledger, { version: VERSIONS.evidence - 1 }, "version");
  await refused(ledger, { ...change({}), limitReached: true }, "shape");
  await refused(ledger, change({ version: VERSIONS.evidence + 0.5 }), "shape");
  await refused(ledger, evidence, "other-id", { id: PALLET });
  await refused(ledger, change({ id: "https://id.gs1.org/01/09506000134352/22/V/21/S1" }), "other-id");
  await refused(ledger, evidence, "id", { id: "not an id" });
  await refused(ledger, change({ checkpoint: `${evidence.checkpoint}x` }), "checkpoint");
  await refused(ledger, change({ checkpoint: evidence.checkpoint.replace("\n", "\n0") }), "checkpoint");
  await refused(ledger, change({ checkpoint: evidence.checkpoint.replace("js", "other") }), "other-origin");
  await refused(ledger, commit({ signers: [first, second] }), "commit");
  await refused(ledger, commit({ signers: [first, first, second] }), "commit");
  await refused(ledger, commit({ signers: [first, second, new Key()] }), "commit");
  await refused(ledger, commit({ checkpoint: evidence.checkpoint.replace(/\n\d+\n/, "\n1\n") }), "commit");
  await refused(ledger, change({ commit: { ...ledger.commit(), round: 1 } }), "commit");
  await refused(ledger, change({ commit: { ...ledger.commit(), signatures: ledger.commit().signatures.map((one) => ({ ...one, alg: "ES384" })) } }), "commit");
  await refused(ledger, commit({ height: 3 }), "seal-place");
  assert.equal((await answer(ledger, commit({ signers: [second, third, fourth] }))).verdict, "authentic");
  assert.equal((await answer(ledger, commit({ round: 7 }))).verdict, "authentic");
  const seal = (members) => change({ seal: { ...evidence.seal, ...members } });
  await refused(ledger, seal({ seal: `${evidence.seal.seal} ` }), "seal");
  await refused(ledger, seal({ seal: evidence.seal.seal.replace(`"version":${VERSIONS.seal}`, `"version":${VERSIONS.seal + 1}`) }), "seal");
  await refused(ledger, seal({ leafIndex: evidence.seal.leafIndex - 1 }), "seal-place");
  await refused(ledger, seal({ seal: evidence.seal.seal.replace(/"time":"\d{4}/, '"time":"2031') }), ["leaf-twice", "inclusion"]);
  const older = { leafIndex: evidence.seal.leafIndex, seal: evidence.seals[0].seal };
  await refused(ledger, change({ seal: older }), ["seal-place"]);
});

test("what a later version will say is refused, and named", async () => {
  const { ledger } = journey();
  const evidence = ledger.evidence(ITEM);
  const because = (change, code, message) =>
    assert.rejects(verify(JSON.stringify({ ...evidence, ...change }), { anchor: ledger.anchor(), id: ITEM }), (error) => {
      assert.ok(error instanceof EvidenceError && error.code === code && message.test(error.message), `${error.code}: ${error.message}`);
      return true;
    });
  for (const handovers of [[null], [{}], [{ height: 1 }]]) await because({ handovers }, "shape", /./);
  for (const formerMembers of [[null], [{}], null, undefined]) await because({ formerMembers }, "shape", /./);
  for (const handovers of [null, {}, undefined]) await because({ handovers }, "shape", /./);
  for (const label of [{ 10: 7 }, null, [], undefined]) await because({ label }, "shape", /label/);
  await because({ label: { 10: "L7" } }, "other-label", /for the label "\(10\)L7", and was asked for with ""/);
  const known = VERSIONS.evidence;
  await because({ version: known - 1 }, "version", new RegExp(`of version ${known - 1}, and version ${known} is read here; ask the node`));
  await because({ version: known + 1 }, "version", new RegExp(`of version ${known + 1}, and version ${known} is read here; use a newer version`));
});

test("an answer is for the label that was asked about", async () => {
  const { ledger } = journey();
  const asked = `${ITEM}?10=L8&17=311130`;
  const evidence = ledger.evidence(asked);
  assert.ok(evidence.index.some(({ kind, subject }) => kind === "recall" && subject.endsWith("/10/L8")), "its lot is looked up");
  const verdict = await answer(ledger, evidence, { id: asked });
  assert.deepEqual([verdict.id, verdict.label, verdict.verdict], [ITEM, { 10: "L8", 17: "311130" }, "suspect"]);
  await answer(ledger, evidence, { label: { 10: "L8", 17: "311130" } });
  const { label } = evidence;
  for (const other of [{}, { ...label, 17: "321130" }, { 10: "L8" }, { ...label, 22: "A" }]) {
    await refused(ledger, { ...evidence, label: other }, "other-label", { id: asked });
  }
  await refused(ledger, evidence, "other-label");
  // What is shown is what the label leads to.
  await refused(ledger, { ...ledger.evidence(ITEM), label }, "subject-missing", { id: asked });
  await refused(ledger, { ...evidence, label: {} }, "subject-unneeded");
  await refused(ledger, evidence, "id", { id: `${ITEM}?17=311131` });
});

test("signers ascend, each once, each used, and a list's numbers name them", async () => {
  const { ledger } = journey();
  const evidence = ledger.evidence(ITEM);
  const { signers, index } = evidence;
  assert.equal(signers.length, 4, "a member, and Acme, Seoul and Other Works");
  const numbered = (change) => index.map((entry) => ({ ...entry, signers: entry.signers.map(change) }));
  const swapped = { signers: [signers[1], signers[0], ...signers.slice(2)], index: numbered((number) => (number < 2 ? 1 - number : number)) };
  await refused(ledger, { ...evidence, ...swapped }, "signers-order");
  const [first, ...rest] = signers;
  await refused(ledger, { ...evidence, signers: [first, first, ...rest], index: numbered((number) => number + 1) }, "signers-order");
  const last = b64(Buffer.alloc(16, 0xff));
  await refused(ledger, { ...evidence, signers: [...signers, last] }, "signer-unneeded");
  await refused(ledger, { ...evidence, signers: [first, "00000000-0000-4000-8000-000000000001a", ...rest] }, "shape");
  for (const text of ["", 1, null, first.toUpperCase().replace(/0/g, "A"), `${last}A`]) await refused(ledger, { ...evidence, signers: [text, ...rest] }, "shape");
  const present = index.findIndex(({ leaves }) => leaves.length > 1);
  const entry = (change) => ({ ...evidence, index: index.map((one, at) => (at === present ? { ...one, ...change } : one)) });
  const { signers: numbers, acts, leaves } = index[present];
  for (const number of [signers.length, -1, 0.5, "0", null]) await refused(ledger, entry({ signers: [number, ...numbers.slice(1)] }), "shape");
  for (const number of [256, -1, 0.5, "0", null]) await refused(ledger, entry({ acts: [number, ...acts.slice(1)] }), "shape");
  for (const change of [{ signers: numbers.slice(1) }, { acts: acts.slice(1) }, { leaves: leaves.slice(1) }, { acts: [...acts, 0] }]) {
    await refused(ledger, entry(change), "shape");
  }
  await refused(ledger, entry({ acts: acts.map((one) => one ^ 1) }), "index");
  const other = (number) => (number === 0 ? 1 : 0);
  await refused(ledger, entry({ signers: numbers.map(other) }), "index");
});

test("whatever stands in a document, it is refused as evidence and in few words", async () => {
  const { ledger } = journey();
  const evidence = ledger.evidence(ITEM);
  const text = JSON.stringify(evidence);
  const put = (found, other) => {
    assert.ok(text.includes(found), found);
    return text.replace(found, () => other);
  };
  const long = (letter) => letter.repeat(3_000_000);
  const present = evidence.index.findIndex(({ count }) => count > 0);
  const entry = (members) => JSON.stringify({ ...evidence, index: evidence.index.map((one, at) => (at === present ? { ...one, ...members } : one)) });
  const leavesOf = (count) => ({ leaves: [...Array(count).keys()], signers: Array(count).fill(0), acts: Array(count).fill(0) });
  const number = (name, written) => entry({ [name]: "@" }).replace('"@"', written);
  const sealed = (change) => JSON.stringify({ ...evidence, seal: { ...evidence.seal, seal: change(evidence.seal.seal) } });
  const cases = [
    [`${text}\0`, "json"], [`${text} true`, "json"], [`${text},`, "json"], [`\ufeff${text}`, "json"],
    [put("{", `{"__proto__":{${VERSION}},`), "shape"], [put("{", '{"constructor":null,'), "shape"],
    [put(VERSION, `"__proto__":{${VERSION}}`), "shape"],
    [put('"commit":{', '"commit":{"__proto__":{"height":0},'), "shape"],
    [put('"kind":"id"', '"kind":"__proto__"'), "shape"], [put('"kind":"id"', '"kind":"toString"'), "shape"],
    [put(ITEM, `${ITEM}\\ud800`), "json"], [put(ITEM, `${ITEM}\ud800`), "json"], [put(ITEM, `${ITEM}e\u0301`), "other-id"],
    [put(ITEM, ITEM + long("\n\u2028").replaceAll("\n", "\\n")), "other-id"], [put("{", `{"${long("x")}":1,`), "shape"],
    [put("{", `{"${long("x")}":1,"${long("x")}":1,`), "json"], [put(VERSION, `"version":${long("2")}`), "json"],
    [put(VERSION, `${VERSION}.${long("0")}`), "shape"], [put(VERSION, `${VERSION}e-${long("0")}`), "shape"],
    [put('"signatures":[', `"signatures":[${"null,".repeat(500_000)}`), "shape"],
    [JSON.stringify({ ...evidence, checkpoint: long("x\n") }), "checkpoint"],
    [JSON.stringify({ ...evidence, checkpoint: evidence.checkpoint.replace(/\n\d+/, `\n${long("1")}`) }), "checkpoint"],
    [sealed((seal) => seal.replace("000Z", `${long("0")}Z`)), "seal"], [sealed((seal) => seal.replace("000Z", long("0"))), "seal"],
    [sealed((seal) => seal.replace("{", '{"__proto__":1,')), "seal"], [sealed(() => "[".repeat(65)), "seal"],
    [sealed((seal) => seal.replace(/"height":(\d+)/, '"height":$1.0')), "seal"],
    [number("count", "1e3"), "shape"], [number("count", "-0"), "shape"], [number("count", "9007199254740993"), "shape"],
    [number("first", "9007199254740991"), "index"], [number("first", "18446744073709551615"), "shape"],
    [number("leaves", "[9007199254740991]"), "shape"], [number("leaves", '{"length":1}'), "shape"],
    [entry({ siblings: Array(300_000).fill(null) }), "index"], [entry(leavesOf(300_000)), "index"], [entry({ leaves: [...Array(300_000).keys()] }), "shape"],
    [entry({ path: Array(50_000).fill(b64(hash())) }), "index"],
  ];
  for (const [changed, code] of cases) {
    await assert.rejects(verify(changed, { anchor: ledger.anchor(), id: ITEM }), (error) => {
      assert.ok(error instanceof EvidenceError, `${code}: ${error.stack}`);
      assert.equal(error.code, code, error.message);
      assert.ok(error.message.length <= 2001, `${code}: ${error.message.length}`);
      return true;
    });
  }
  assert.equal({}.version, undefined);
  await refused(ledger, { ...evidence, id: `${ITEM}\ud800` }, "json");
});

test("only what the answer rests on is shown, and all of it", async () => {
  const { ledger } = journey();
  const evidence = ledger.evidence(ITEM);
  const index = new NaiveIndex(ledger.lists);
  /** Evidence that shows other subjects or parts, with all its proofs right. */
  const showing = (change) => {
    const entries = evidence.index.map(({ kind, subject, first, leaves }) => ({ key: `${kind} ${subject}`, first, leaves }));
    const shown = change(entries) ?? entries;
    const all = shown.map(({ key, first, leaves }) => index.entry(key, first, leaves));
    const leaves = [...new Set(all.flatMap((entry) => entry.leaves))].sort((a, b) => a - b);
    const placed = (map) => leaves.filter((leaf) => map.has(leaf)).map((leafIndex) => ({ leafIndex, statement: map.get(leafIndex).text }));
    const seals = [...new Set(leaves.map((leaf) => ledger.seals.find((one) => one.leaf > leaf)))].map(({ leaf, seal }) => ({ leafIndex: leaf, seal }));
    const stand = [...new Set([...leaves, ...seals.map(({ leafIndex }) => leafIndex), evidence.seal.leafIndex])].sort((a, b) => a - b);
    const hashes = ledger.leaves.map((data) => hash([0], data));
    return evidenceDocument({
      ...evidence, index: all, statements: placed(ledger.captures), registrations: placed(ledger.admins), seals,
      inclusionProof: naiveMultiProof(hashes, stand).map(b64),
    });
  };
  assert.equal((await answer(ledger, showing(() => {}))).verdict, "authentic");
  const entries = evidence.index.length;
  for (let at = 0; at < entries; at++) {
    const without = showing((list) => list.filter((_, index) => index !== at));
    await refused(ledger, without, ["subject-missing", "signer"]);
    const { leaves } = evidence.index[at];
    if (leaves.length === 0) continue;
    const cut = showing((list) => list.map((entry, index) => (index === at ? { ...entry, leaves: leaves.slice(0, -1) } : entry)));
    const reasons = ["cut-short", "other-leaves", "index", "signer", "refused", "not-indexed", "subject-unneeded", "capture-missing", "subject-missing"];
    if (leaves.length > 1) await refused(ledger, cut, reasons);
  }
  const more = showing((list) => [...list, { key: `recall ${PALLET}`, first: 0, leaves: [] }].sort((a, b) => NaiveIndex.order(a.key, b.key)));
  await refused(ledger, more, "subject-unneeded");
  const another = showing((list) => {
    const key = "id https://id.gs1.org/01/09506000134352/21/S2";
    return [...list, { key, first: 0, leaves: ledger.lists.get(key).map(({ leaf }) => leaf) }].sort((a, b) => NaiveIndex.order(a.key, b.key));
  });
  // Its signer's registration is not shown either.
  await refused(ledger, another, "signer");
});

/** A ledger whose node signs whatever it likes into the index. */
function lying(lie) {
  const { ledger } = journey();
  lie(ledger);
  ledger.close();
  return ledger;
}

test("an index that lies is found out where it shows", async () => {
  const key = `id ${ITEM}`;
  const pallet = `id ${PALLET}`;
  // What put the case on the pallet is shown in the case's list.
  const hidden = lying(({ lists }) => lists.set(pallet, lists.get(pallet).slice(1)));
  await refused(hidden, hidden.evidence(ITEM), "not-indexed");
  // Who signed, and what was done, is held against each statement that is shown.
  const seoul = "00000000-0000-4000-8000-000000000002";
  const change = (key, members) => lying(({ lists }) => lists.set(key, lists.get(key).map((entry, at) => (at === 0 ? { ...entry, ...members } : entry))));
  const party = `party ${seoul}`;
  for (const of of [key, pallet, party, "prefix 9506000", "transformation urn:x:t1"]) {
    const evidence = (members) => [change(of, members)].map((ledger) => [ledger, ledger.evidence(ITEM)])[0];
    await refused(...evidence({ signer: "00000000-0000-4000-8000-000000000004" }), "other-signer");
    // A member records nothing, so that nothing is opened by its name.
    if (of === party || of.startsWith("prefix")) await refused(...evidence({ signer: b64(Buffer.alloc(16, 7)) }), "other-signer");
    await refused(...evidence({ acts: 0x80 }), "other-acts");
  }
  const acted = journey().ledger.lists.get(key);
  assert.ok(acted.some(({ acts }) => acts !== 0));
  for (const bit of [1, 2, 4, 8, 16, 32, 64, 128]) {
    const ledger = change(key, { acts: acted[0].acts ^ bit });
    await refused(ledger, ledger.evidence(ITEM), "other-acts");
  }
  const invented = lying((ledger) => ledger.list(key, { ...ledger.lists.get(key)[0], leaf: [...ledger.captures.keys()].at(-1) }));
  await refused(invented, invented.evidence(ITEM), "not-named");
});

test("statements that should not stand on a ledger are refused", async () => {
  const cases = [
    ["wrong-audience", (ledger, acme) => acme.key.statement({ alg: "ES256", typ: "epcis+jws", "x5t#S256": acme.thumbprint, aud: "other", iat: 1 }, documentOf([eventAt(60, { epcList: [ITEM] })]))],
    ["signer", (ledger, acme) => acme.key.statement({ alg: "ES256", typ: "epcis+jws", "x5t#S256": b64(hash()), aud: ledger.origin, iat: 1 }, documentOf([eventAt(60, { epcList: [ITEM] })]))],
    ["bad-signature", (ledger, acme) => new Key().statement({ alg: "ES256", typ: "epcis+jws", "x5t#S256": acme.thumbprint, aud: ledger.origin, iat: 1 }, documentOf([eventAt(60, { epcList: [ITEM] })]))],
    ["epcis", (ledger, acme) => acme.key.statement({ alg: "ES256", typ: "epcis+jws", "x5t#S256": acme.thumbprint, aud: ledger.origin, iat: 1 }, documentOf([eventAt(60, { epcList: [ITEM], action: "MAYBE" })]))],
    ["kind", (ledger) => ledger.keys[0].statement({ alg: "ES256", typ: "sealane-admin+jws", kid: ledger.keys[0].kid, aud: ledger.origin, iat: 1 }, {})],
    ["not-three-parts", () => "nonsense"],
  ];
  for (const [code, make] of cases) {
    const ledger = new Ledger();
    const acme = new Actor(1, "Acme", { gs1CompanyPrefixes: ["9506000"] });
    ledger.register(acme);
    const leaf = ledger.capture(acme, eventAt(60, { epcList: [ITEM], action: "ADD", bizStep: "commissioning" }));
    const text = make(ledger, acme);
    ledger.captures.get(leaf).text = text;
    ledger.leaves[leaf] = Buffer.concat([Buffer.from([1]), Buffer.from(text)]);
    const { seal } = ledger.seals[2];
    const previousRoot = b64(naiveRoot(ledger.leaves.slice(0, JSON.parse(seal).previousSize).map((data) => hash([0], data))));
    assert.equal(JSON.parse(seal).previousRoot, previousRoot);
    await refused(ledger, ledger.evidence(ITEM), code);
  }
});

test("registrations that cannot stand where they stand are refused", async () => {
  const registration = (ledger, actor, change = {}) => ({
    type: "registration", participant: actor.id, claims: actor.claims, request: b64("r"),
    certificate: { x509: b64(actor.der), jwk: actor.key.jwk, notBefore: rfc(time(-1e6)), notAfter: rfc(time(1e6)) }, ...change,
  });
  const acme = new Actor(1, "Acme", { gs1CompanyPrefixes: ["9506000"], glns: ["9506000134307"] });
  const other = new Actor(2, "Other", { gs1CompanyPrefixes: ["95060"] });
  const cases = [
    ["refused", (ledger) => registration(ledger, other)],
    ["refused", (ledger) => registration(ledger, { ...other, claims: { ...other.claims, gs1CompanyPrefixes: ["9506000"] }, key: acme.key })],
    ["admin", (ledger) => registration(ledger, { ...other, claims: { ...other.claims, roles: [] } })],
    ["admin", (ledger) => registration(ledger, { ...other, claims: { ...other.claims, organization: "A\u202eB" } })],
    ["admin", (ledger) => registration(ledger, other, { extra: 1 })],
    ["admin", () => ({ type: "constructor" })],
    ["refused", () => ({ type: "revocation", participant: other.id, reason: "never registered" })],
    ["refused", () => ({ type: "rejection", participant: other.id, key: b64(hash()), reason: "x" })],
  ];
  for (const [code, payload] of cases) {
    const ledger = new Ledger();
    ledger.register(acme);
    ledger.register(new Actor(3, "Third", { gs1CompanyPrefixes: ["9521567"] }));
    ledger.capture(acme, eventAt(60, { epcList: [ITEM], action: "ADD", bizStep: "commissioning" }));
    // The registration that stands in Acme's own list is exchanged for one that a member signed in vain.
    const [leaf] = [...ledger.admins.keys()].slice(-1);
    const key = ledger.keys[0];
    const text = key.statement({ alg: "ES256", typ: "sealane-admin+jws", kid: key.kid, aud: ledger.origin, iat: 1 }, payload(ledger));
    ledger.admins.get(leaf).text = text;
    ledger.leaves[leaf] = Buffer.concat([Buffer.from([1]), Buffer.from(text)]);
    ledger.list(`party ${acme.id}`, { ...ledger.lists.get(`party ${acme.id}`)[0], leaf });
    ledger.close();
    await refused(ledger, ledger.evidence(ITEM), code);
  }
});

test("a trust anchor is one only where its genesis statement says so", async () => {
  const { ledger } = journey();
  const anchor = ledger.anchor();
  assert.deepEqual((await trustedAnchor(anchor)).fingerprint, anchor.fingerprint);
  const changes = [
    { version: VERSIONS.anchor + 1 }, { origin: "other" }, { fingerprint: b64(hash()) }, { members: [] }, { members: [{ ...anchor.members[0], name: "Other" }] },
    { extra: 1 }, { genesis: 1 }, { genesis: anchor.genesis.slice(0, -4) + "AAAA" },
  ];
  for (const change of changes) {
    await assert.rejects(trustedAnchor({ ...anchor, ...change }), EvidenceError, JSON.stringify(change));
  }
  await assert.rejects(trustedAnchor("{"), { code: "anchor" });
  const stranger = new Ledger();
  await refused(ledger, ledger.evidence(ITEM), "commit", { anchor: stranger.anchor() });
});

test("statements longer than a leaf stand by their hash", async () => {
  const ledger = new Ledger();
  const acme = new Actor(1, "Acme", { gs1CompanyPrefixes: ["9506000"] });
  ledger.register(acme);
  const ids = Array.from({ length: 1500 }, (_, at) => `https://id.gs1.org/01/09506000134352/21/X${at}`);
  ledger.capture(acme, eventAt(60, { epcList: [ITEM, ...ids], action: "ADD", bizStep: "commissioning" }));
  const evidence = ledger.evidence(ITEM);
  assert.ok(evidence.statements[0].statement.length > 65535);
  assert.equal((await answer(ledger, evidence)).verdict, "authentic");
});
