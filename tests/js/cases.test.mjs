// What people sent: each document of the folder that SEALANE_CASES names, or that stands beside the checkout, read as the
// ledger reads it. The tests of the core have the same table. A missing folder is said and skipped.

import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

import { readEpcis } from "../../web/verify/epcis.js";

const root = process.env.SEALANE_CASES ?? new URL("../../../shared/cases", import.meta.url).pathname;
const folder = `${root}/documents`;
const skip = existsSync(folder) ? false : `no cases at ${folder}`;
const read = (name) => readEpcis(readFileSync(`${folder}/${name}`));

/** What a document is refused for, where it is. */
const REFUSED = new Map([
  ...["X", "digit", "euro", "frac-empty", "leap-space", "plus-minus", "space-frac", "tab", "umlaut"].map((name) => [
    `e03-sep-${name}.json`, /eventTime: must be an RFC 3339 date-time/,
  ]),
  ["e03-time-space.json", /eventTime: must be an RFC 3339 date-time/],
  ["e04f-context-nested-array.json", /@context/],
  ["e06-urn-17-gmn.json", /epcList\/0/],
  ["e08b-gs1-type-curie.json", /sensorReport\/1\/type/],
  ["e08c-exception-only.json", /type is missing/],
  ["e09b-cert-object.json", /certificationInfo\/0/],
  ["e10-master-data.json", /id|attribute/],
  ["e10c-blank-node-document-id.json", /id: must be an absolute URI/],
]);

test("every document is read or refused as is right", { skip }, () => {
  for (const name of readdirSync(folder)) {
    const reason = REFUSED.get(name);
    if (reason) assert.throws(() => read(name), reason, name);
    else assert.ok(read(name).length > 0, name);
  }
});

test("the same said again has the same content", { skip }, () => {
  const all = readdirSync(folder).filter((name) => name.startsWith("e13"));
  for (const letter of "abcdefghij") {
    const [one, other] = all.filter((name) => name.startsWith(`e13${letter}`)).sort().map((name) => read(name)[0]);
    assert.equal(one.content, other.content, letter);
    assert.equal(one.eventId, one.content, "it has no other name");
  }
  const [first] = read("e15a-first.json");
  assert.deepEqual(read("e15b-batch-with-one-resent.json").map((one) => one.content === first.content), [false, true]);
});

test("what differs is two events", { skip }, () => {
  for (const [one, other] of [["e01a-long-number-string", "e01b-long-number-string"], ["e01e-lot-that-looks-like-a-number", "e01f-lot-that-looks-like-a-number"]]) {
    assert.notEqual(read(`${one}.json`)[0].content, read(`${other}.json`)[0].content);
  }
});
