// What the lists of the index say of a leaf: its signer, and its acts by the tables of docs/FORMATS.md.

import assert from "node:assert/strict";
import { test } from "node:test";

import { actsIn, actsOf, bySigner, memberSigner, participantSigner, signerOf } from "../../web/verify/acts.js";
import { readEpcis } from "../../web/verify/epcis.js";
import { namesOfEvent } from "../../web/verify/subjects.js";
import { memberSigner as memberText, signerBytes } from "./builders/formats.mjs";
import { CASE, ITEM, Key, b64, documentOf, eventAt } from "./ledger.mjs";

const [BRINGS_FORTH, LETS_GO, TAKES, HAS_IN_HAND, ENDS, PACKS, DECLARES_ERROR] = [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40];
const ACME = "00000000-0000-4000-8000-0000000000ff";
const LOT = "https://id.gs1.org/01/09506000134352/10/L7";
const CLASS = "https://id.gs1.org/01/09506000134352";
const readPoint = { id: "urn:x:place" };
const declared = { errorDeclaration: { declarationTime: "2026-03-09T00:00:00Z" } };

const read = (members) => readEpcis(Buffer.from(JSON.stringify(documentOf([eventAt(0, { epcList: [ITEM], ...members })]))))[0];
const acts = (members, id = ITEM) => actsIn(read(members), id);

test("an event lets go, takes, or has in hand where it says where", () => {
  for (const bizStep of ["shipping", "consigning", "departing"]) assert.equal(acts({ bizStep, readPoint }), LETS_GO, bizStep);
  for (const bizStep of ["receiving", "accepting"]) assert.equal(acts({ bizStep, readPoint }), TAKES, bizStep);
  for (const bizStep of ["storing", "arriving", "inspecting", "packing", undefined, "urn:x:step"]) {
    assert.equal(acts({ bizStep, readPoint }), HAS_IN_HAND, bizStep);
    assert.equal(acts({ bizStep, bizLocation: readPoint }), HAS_IN_HAND, bizStep);
    assert.equal(acts({ bizStep }), 0, bizStep);
  }
  for (const spelling of ["cbv:BizStep-shipping", "https://ref.gs1.org/cbv/BizStep-shipping", "http://ref.gs1.org/cbv/BizStep-shipping"]) {
    assert.equal(acts({ bizStep: spelling }), LETS_GO, spelling);
  }
});

test("what is done from afar, or takes back, is none of these", () => {
  for (const bizStep of ["void_shipping", "sensor_reporting", "reserving"]) assert.equal(acts({ bizStep, readPoint }), 0, bizStep);
  assert.equal(acts({ bizStep: "holding", disposition: "stolen", readPoint }), 0);
  assert.equal(acts({ bizStep: "holding", persistentDisposition: { set: ["stolen"] }, readPoint }), 0);
  assert.equal(acts({ bizStep: "holding", persistentDisposition: { unset: ["stolen"] }, readPoint }), HAS_IN_HAND);
  const transaction = { type: "TransactionEvent", bizTransactionList: [{ bizTransaction: "urn:x:order" }] };
  assert.equal(acts({ ...transaction, bizStep: "holding", readPoint }), 0);
  assert.equal(acts({ ...transaction, bizStep: "shipping" }), LETS_GO);
  assert.equal(acts({ bizStep: "shipping", disposition: "stolen" }), LETS_GO);
});

test("an event brings forth what it adds or puts out, and then says no more of having it", () => {
  assert.equal(acts({ action: "ADD", bizStep: "commissioning", readPoint }), BRINGS_FORTH);
  assert.equal(acts({ action: "ADD", epcList: [], quantityList: [{ epcClass: LOT }], readPoint }, LOT), BRINGS_FORTH);
  assert.equal(acts({ action: "ADD", bizStep: "shipping" }), BRINGS_FORTH | LETS_GO);
  const made = { type: "TransformationEvent", action: undefined, epcList: undefined, inputEPCList: [CASE], outputEPCList: [ITEM], readPoint };
  assert.equal(acts(made), BRINGS_FORTH);
  assert.equal(acts(made, CASE), HAS_IN_HAND);
});

test("an event ends what it names by its step, its dispositions or a DELETE", () => {
  for (const bizStep of ["destroying", "retail_selling", "dispensing", "decommissioning"]) assert.equal(acts({ bizStep }), ENDS, bizStep);
  for (const disposition of ["destroyed", "disposed", "retail_sold", "dispensed", "inactive"]) {
    assert.equal(acts({ disposition }), ENDS, disposition);
    assert.equal(acts({ persistentDisposition: { set: [disposition] } }), ENDS, disposition);
    assert.equal(acts({ persistentDisposition: { unset: [disposition] } }), 0, disposition);
  }
  assert.equal(acts({ action: "DELETE" }), ENDS);
  const partly = { disposition: "partially_dispensed" };
  for (const members of [{ bizStep: "dispensing" }, { bizStep: "decommissioning" }, { action: "DELETE" }]) assert.equal(acts({ ...members, ...partly }), 0);
  for (const members of [{ bizStep: "destroying" }, { bizStep: "retail_selling" }]) assert.equal(acts({ ...members, ...partly }), ENDS);
  assert.equal(acts({ disposition: "recalled" }), 0);
  const packed = { type: "AggregationEvent", epcList: undefined, parentID: CASE, childEPCs: [ITEM] };
  assert.equal(acts({ ...packed, action: "DELETE" }), PACKS);
});

test("an aggregation packs by ADD and DELETE, and nothing else does", () => {
  const packed = { type: "AggregationEvent", epcList: undefined, parentID: CASE, childEPCs: [ITEM], readPoint };
  for (const id of [ITEM, CASE]) {
    for (const action of ["ADD", "DELETE"]) assert.equal(acts({ ...packed, action }, id), PACKS | HAS_IN_HAND, action);
    assert.equal(acts({ ...packed, action: "OBSERVE" }, id), HAS_IN_HAND);
    assert.equal(acts({ ...packed, type: "AssociationEvent", action: "ADD" }, id), HAS_IN_HAND);
  }
});

test("a declaration of an error has its bit beside what is declared wrong", () => {
  assert.equal(acts({ bizStep: "receiving", ...declared }), TAKES | DECLARES_ERROR);
  assert.equal(acts({ action: "ADD", ...declared }), BRINGS_FORTH | DECLARES_ERROR);
});

test("a class that is named because of a recall alone has nothing done to it", () => {
  const recalled = { disposition: "recalled", bizStep: "shipping", readPoint };
  const speaking = (...all) => all.map(read).map((event) => ({ event, subjects: namesOfEvent(event, ACME) }));
  assert.equal(actsOf(speaking(recalled), `id ${CLASS}`), 0);
  assert.equal(actsOf(speaking({ ...recalled, ...declared }), `id ${CLASS}`), DECLARES_ERROR);
  assert.equal(actsOf(speaking(recalled), `id ${ITEM}`), LETS_GO);
  assert.equal(actsOf(speaking({ ...recalled, epcList: [ITEM], quantityList: [{ epcClass: CLASS }] }), `id ${CLASS}`), LETS_GO);
});

test("acts are the bits of all events that name the id, and 0 of every other kind", () => {
  const speaking = [{ bizStep: "shipping" }, { bizStep: "receiving" }, { epcList: [CASE], bizStep: "destroying", ...declared }, { disposition: "recalled" }]
    .map(read).map((event) => ({ event, subjects: namesOfEvent(event, ACME) }));
  assert.equal(actsOf(speaking, `id ${ITEM}`), LETS_GO | TAKES);
  assert.equal(actsOf(speaking, `id ${CASE}`), ENDS | DECLARES_ERROR);
  assert.equal(actsOf(speaking, "id urn:x:not-named"), 0);
  for (const kind of ["recall", "transformation", "transaction", "party"]) assert.equal(actsOf(speaking, `${kind} ${ITEM}`), 0, kind);
});

test("a signer is a participant or a member, and JSON has one text for it", () => {
  const { kid } = new Key();
  assert.deepEqual(Buffer.from(participantSigner(ACME)), Buffer.from("000000000000004000800000000000" + "00ff", "hex"));
  assert.deepEqual([...memberSigner(kid)], [1, ...Buffer.from(kid, "base64url").subarray(0, 16)]);
  for (const text of [ACME, memberText(kid)]) assert.deepEqual(Buffer.from(signerOf(text)), signerBytes(text));
  const spare = `${b64(Buffer.alloc(16)).slice(0, -1)}B`;
  for (const text of ["", ACME.toUpperCase(), ACME.slice(1), `${ACME}0`, kid, b64(Buffer.alloc(15)), b64(Buffer.alloc(17)), spare, `${b64(Buffer.alloc(16))}==`]) {
    assert.equal(signerOf(text), undefined, text);
  }
});

test("signers are ordered by their bytes, participants first", () => {
  const member = b64(Buffer.alloc(16));
  const texts = ["00000000-0000-4000-8000-000000000001", ACME, "80000000-0000-4000-8000-000000000000", member, memberText(b64(Buffer.alloc(32, 0xff)))];
  const bytes = texts.map(signerOf);
  assert.deepEqual([...bytes].reverse().sort(bySigner), bytes);
  assert.equal(bySigner(bytes[0], bytes[0]), 0);
});
