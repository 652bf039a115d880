import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

import { EvidenceError } from "../../web/verify.js";
import { readEpcis } from "../../web/verify/epcis.js";
import { vectors } from "./builders/vectors.mjs";
import { documentOf, eventAt } from "./ledger.mjs";

const bytes = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value));
const read = (members, frame) => readEpcis(bytes(documentOf([eventAt(0, members)], frame)))[0];
const ITEM = "https://id.gs1.org/01/09506000134352/21/A1";

const refuses = (value) =>
  assert.throws(() => readEpcis(bytes(value)), (error) => error instanceof EvidenceError && error.code === "epcis", JSON.stringify(value).slice(0, 200));
const refusesEvent = (members, frame) => refuses(documentOf([eventAt(0, members)], frame));

test("ids, words and times become what they stand for", () => {
  const event = read({
    epcList: ["urn:epc:id:sgtin:9506000.013435.A1"], eventTime: "2026-11-21T18:30:00.1239+09:00", bizStep: "https://ref.gs1.org/cbv/BizStep-shipping",
    disposition: "cbv:Disp-in_transit", readPoint: { id: "urn:epc:id:sgln:9506000.13430.0" },
    destinationList: [{ type: "possessing_party", destination: "urn:epc:id:pgln:9506000.13430" }],
    persistentDisposition: { set: ["recalled"], unset: ["urn:x:mine"] },
  });
  assert.deepEqual(event.ids.map(([part, { text }]) => [part, text]), [["object", ITEM]]);
  assert.equal(event.time, Date.parse("2026-11-21T09:30:00.123Z"));
  assert.deepEqual([event.step, event.disposition, event.set, event.unset], ["shipping", "in_transit", ["recalled"], ["urn:x:mine"]]);
  assert.equal(event.readPoint.text, "https://id.gs1.org/414/9506000134307");
  assert.equal(event.destinations[0].text, "https://id.gs1.org/417/9506000134307");
});

test("a business transaction is indexed as an id, or as it stands where no id may be written so", () => {
  const written = ["urn:epc:id:gdti:9506000.13435.1", "https://shop.example/orders/7", "https://id.gs1.org/orders/7", "urn:epcglobal:cbv::po", "x:y"];
  const bizTransactionList = written.map((bizTransaction) => ({ type: "po", bizTransaction }));
  const expected = ["https://id.gs1.org/253/95060001343521", ...written.slice(1)];
  assert.deepEqual(read({ epcList: [ITEM], bizTransactionList }).transactions, expected);
  for (const type of ["AggregationEvent", "AssociationEvent"]) {
    const members = { type, action: "ADD", epcList: undefined, parentID: "urn:x:box", childEPCs: [ITEM], bizTransactionList };
    assert.deepEqual(read(members).transactions, expected, type);
  }
  assert.deepEqual(read({ epcList: [ITEM] }).transactions, []);
});

test("content is compared whatever its spelling, order and eventID", () => {
  const one = read({ epcList: [ITEM, "urn:x:b"], bizStep: "storing", eventID: "urn:x:1", "ext:n": 1.0 });
  const two = read({ "ext:n": 1, bizStep: "cbv:BizStep-storing", epcList: ["urn:x:b", "urn:epc:id:sgtin:9506000.013435.A1"], eventID: "urn:x:2" });
  assert.equal(one.content, two.content);
  assert.notEqual(one.content, read({ epcList: [ITEM, "urn:x:b"], bizStep: "storing", "ext:n": 2 }).content);
});

test("what is no EPCIS document is refused, and nothing else happens", () => {
  const texts = ["", "{", "null", "[]", "1", '"x"', "{}", '{"type":1}', '{"type":"EPCISQueryDocument"}', '\ufeff{"type":"EPCISDocument"}', "[".repeat(100)];
  texts.forEach(refuses);
  for (const event of [null, [], 1, "x", {}, { type: 1 }, { type: "__proto__" }, { type: "OtherEvent" }]) refuses(documentOf([event]));
  for (const epcisBody of [undefined, null, [], { eventList: {} }, {}]) refuses({ ...documentOf([]), epcisBody });
  for (const members of [
    {}, { epcList: "x" }, { epcList: [1] }, { epcList: [null] }, { epcList: [ITEM, ITEM] }, { epcList: ["https://id.gs1.org/01/09506000134353/21/A1"] },
    { epcList: [ITEM], action: "MAYBE" }, { epcList: [ITEM], action: undefined }, { epcList: [ITEM], eventTime: "now" }, { epcList: [ITEM], bizStep: "walking" },
    { epcList: [ITEM], bizStep: "urn:epcglobal:cbv:bizstep:shipping" }, { epcList: [ITEM], bizStep: "https://ref.gs1.org/cbv/BizStep-walking" },
    { epcList: [ITEM], eventTimeZoneOffset: "+15:00" }, { epcList: [ITEM], readPoint: "x" }, { epcList: [ITEM], readPoint: {} },
    { epcList: [ITEM], quantityList: [{}] }, { epcList: [ITEM], quantityList: [null] }, { epcList: [ITEM], persistentDisposition: {} },
    { epcList: [ITEM], persistentDisposition: { set: [] } }, { epcList: [ITEM], unknown: 1 }, { epcList: [ITEM], "epcis:action": "ADD" },
    { epcList: [ITEM], ilmd: {} }, { epcList: [ITEM], errorDeclaration: {} }, { epcList: [ITEM], destinationList: [{ destination: ITEM }] },
    { epcList: [ITEM], sensorElementList: [{}] }, { epcList: [ITEM], recordTime: 1 }, { epcList: [ITEM], bizTransactionList: [{}] },
    { type: "AggregationEvent", action: "ADD", childEPCs: [ITEM] }, { type: "AggregationEvent", action: "ADD", parentID: "urn:x:y" },
    { type: "TransformationEvent", inputEPCList: [ITEM] }, { type: "TransformationEvent", transformationID: "urn:x:y" },
    { type: "AssociationEvent", action: "ADD", childEPCs: [ITEM] }, { type: "TransactionEvent", action: "ADD", epcList: [ITEM] },
  ]) refusesEvent(members);
  for (const frame of [{ schemaVersion: "two" }, { creationDate: 1 }, { "@context": 1 }, { "@context": undefined }, { other: 1 }, { epcisHeader: [] }]) {
    refusesEvent({ epcList: [ITEM] }, frame);
  }
});

test("a context adds names, and changes none", () => {
  const url = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld";
  for (const inline of [{ x: "https://x.example/" }, { "@version": 1.1 }, { gs1: "https://gs1.org/voc/" }, { id: "@id" }, { x: { "@id": "urn:x:" } },
    { "@protected": true, "@language": "de", "@direction": null, "@base": "https://x.example/", "@propagate": true }, { "@type": { "@container": "@set" } },
    { "@import": "https://x.example/c" },
  ]) {
    assert.ok(read({ epcList: [ITEM] }, { "@context": [url, inline] }), JSON.stringify(inline));
  }
  for (const inline of [
    { "@vocab": "urn:x:" }, { bizStep: "urn:x:" }, { x: "@id" }, { x: "https://ref.gs1.org/epcis/" }, { gs1: "urn:x:" }, { type: "@id" },
    { "@protected": 1 }, { "@language": 1 }, { "@base": "here" }, { "@version": 2 }, { "@type": { "@id": "urn:x:" } }, { "@id": "urn:x:" }, { "@other": 1 },
    { "epcis:action": "urn:x:" }, 1, null, url,
  ]) refusesEvent({ epcList: [ITEM] }, { "@context": [url, inline] });
});

test("namespaces, names, contexts and pre-hash strings have a length", () => {
  const long = (chars) => `urn:${"ü".repeat(chars - 4)}`;
  const takes = (members, inline = {}) => assert.ok(read({ epcList: [ITEM], ...members }, { "@context": ["https://x.example/c", inline] }));
  const refusesIn = (members, inline = {}) => refusesEvent({ epcList: [ITEM], ...members }, { "@context": ["https://x.example/c", inline] });
  takes({}, { a: long(256) });
  takes({}, { a: { "@id": long(256) } });
  refusesIn({}, { a: long(257) });
  refusesIn({}, { a: { "@id": long(257) } });
  refusesIn({}, { a: long(100), b: `a:${long(100)}`, c: `b:${long(100)}` });
  const one = long(100);
  refusesEvent({ epcList: [ITEM] }, { "@context": [{ a: one }, { b: `a:${one}` }, { c: `b:${one}` }] });
  refusesIn({ "@context": { b: `a:${"b".repeat(250)}` } }, { a: "https://a.example/" });
  for (const far of [{ "x:y": [1, { "x:z": { "@context": [{ b: long(257) }] } }] }, { comment: { "@context": { b: long(257) } } }]) refusesIn(far);
  takes({ "x:y": [{ [`x:${"n".repeat(254)}`]: 1 }] });
  refusesIn({ "x:y": [{ [`x:${"n".repeat(255)}`]: 1 }] });
  const filled = (bytes) => ({ a: "urn:a:", "@language": "x".repeat(bytes - 8 - 1 - 14 - 9 - 8) });
  takes({ "@context": filled(16384) });
  refusesIn({ "@context": filled(16385) });
  refusesIn({ "x:y": { "@context": filled(16385) } });
  const name = `a:${"n".repeat(254)}`;
  const half = 16 * 1024 * 1024;
  const items = (bytes) => Array(Math.floor(bytes / 514)).fill(1);
  const inline = { a: `urn:${"a".repeat(252)}` };
  const two = (bytes) => documentOf([half, bytes].map((size, at) => eventAt(at, { epcList: [ITEM], [name]: items(size) })), { "@context": [inline] });
  assert.equal(readEpcis(bytes(two(half - 4096))).length, 2);
  refuses(two(half + 514));
});

test("every context in force counts in what an event says", () => {
  const content = (members, inline) => read({ epcList: [ITEM], ...members }, { "@context": ["https://x.example/c", inline] }).content;
  const plain = content({ "a:x": "1" }, { a: "https://a.example/" });
  assert.equal(content({ "b:x": "1" }, { b: "https://a.example/" }), plain);
  assert.equal(content({ "b:x": "1", "@context": { b: "https://a.example/" } }, { b: "urn:other:" }), plain, "the event's own");
  assert.equal(content({ "c:x": "1" }, { b: { "@id": "https://a." }, c: "b:example/" }), plain, "a prefix in a namespace");
  assert.notEqual(content({ "a:x": "1" }, { a: "https://b.example/" }), plain);
  assert.notEqual(content({ "a:x": "1", "@context": { a: null } }, { a: "https://a.example/" }), plain, "taken away");
  const deep = (inner) => content({ "a:x": { "@context": inner, "d:y": 1 } }, { a: "https://a.example/", d: "urn:d:" });
  assert.notEqual(deep({ d: "urn:e:" }), deep({ d: "urn:d:" }));
});

test("an eventID that is an event hash id is that of its event", () => {
  const unnamed = read({ epcList: [ITEM], eventID: undefined });
  assert.equal(read({ epcList: [ITEM], eventID: unnamed.content }).eventId, unnamed.content);
  const other = `ni:///sha-256;${"0".repeat(64)}?ver=CBV2.0`;
  for (const eventID of [other, unnamed.content.toUpperCase(), unnamed.content.replace("CBV", "cbv")]) refusesEvent({ epcList: [ITEM], eventID });
  assert.equal(read({ epcList: [ITEM], eventID: other.replace("2.0", "2.1") }).eventId, other.replace("2.0", "2.1"));
});

test("a byte order mark is passed over", () => {
  const text = JSON.stringify(documentOf([eventAt(0, { epcList: [ITEM] })]));
  assert.equal(readEpcis(bytes(`\ufeff${text}`))[0].content, readEpcis(bytes(text))[0].content);
  refuses(`\ufeff\ufeff${text}`);
});

const hashes = vectors("epcis/event-hash-reference/examples");

test("event hash ids are the published ones", { skip: hashes.skip }, () => {
  const published = readdirSync(hashes.path).filter((file) => file.endsWith(".hashes"));
  assert.ok(published.length > 5);
  for (const file of published) {
    const source = `${hashes.path}/${file.replace(".hashes", ".jsonld")}`;
    if (!existsSync(source)) continue;
    const document = JSON.parse(readFileSync(source, "utf8").replace(/^\ufeff/, ""));
    // What answers a query is not recorded.
    if (document.type === "EPCISQueryDocument") continue;
    const events = document.epcisBody?.eventList ?? [document];
    for (const event of events) delete event.eventID;
    const expected = readFileSync(`${hashes.path}/${file}`, "utf8").split(/\s+/).filter((text) => text !== "").sort();
    assert.deepEqual(readEpcis(bytes(document)).map(({ eventId }) => eventId).sort(), expected, file);
  }
});
