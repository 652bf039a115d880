import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";

import * as bytes from "../../web/verify/bytes.js";
import { timeText } from "../../web/verify/days.js";

test("SHA-256 is that of node:crypto, whatever the lengths and cuts", () => {
  for (let length = 0; length < 300; length++) {
    const data = randomBytes(length);
    const expected = createHash("sha256").update(data).digest("base64url");
    assert.equal(bytes.digest(data), expected, `${length} bytes`);
    const [a, b] = [length >> 1, length - (length >> 3)];
    assert.equal(bytes.digest(data.subarray(0, a), data.subarray(a, b), data.subarray(b)), expected, `${length} in three`);
  }
  const large = randomBytes(1 << 20);
  assert.equal(bytes.digest(large), createHash("sha256").update(large).digest("base64url"));
});

test("base64url has one spelling", () => {
  for (let length = 0; length < 70; length++) {
    const data = randomBytes(length);
    assert.equal(bytes.toBase64url(data), data.toString("base64url"));
    assert.deepEqual(Buffer.from(bytes.fromBase64url(data.toString("base64url"))), data);
    assert.equal(bytes.toBase64(data), data.toString("base64"));
    assert.deepEqual(Buffer.from(bytes.fromBase64(data.toString("base64"))), data);
  }
  for (const text of ["A", "AA=", "AB", "AAB", "A+", "A/", "A A", "Aé", "AA\n"]) {
    assert.equal(bytes.fromBase64url(text), undefined, JSON.stringify(text));
  }
  for (const text of ["AA", "AB==", "AA=A", "A===", "AAB=", "A_==", "AA==\n"]) {
    assert.equal(bytes.fromBase64(text), undefined, JSON.stringify(text));
  }
});

test("text is ordered and counted as UTF-8", () => {
  const texts = ["", "a", "ab", "é", "\u{ff5e}", "\u{1f600}", "\u{ffff}", "\u{10ffff}", "z"];
  const expected = [...texts].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  assert.deepEqual([...texts].sort(bytes.byBytes), expected);
  for (const text of texts) assert.equal(bytes.byteLength(text), Buffer.byteLength(text), text);
  assert.equal(bytes.charLength("a\u{1f600}"), 2);
  assert.equal(bytes.trim("\u0085\u3000 a b\ufeff\t"), "a b\ufeff");
});

test("times are RFC 3339, cut to milliseconds", () => {
  const read = (text) => (bytes.timeOf(text) === undefined ? undefined : timeText(bytes.timeOf(text)));
  assert.equal(read("2026-11-21T18:30:00.1239+09:00"), "2026-11-21T09:30:00.123Z");
  assert.equal(read("2026-11-21t09:30:00z"), "2026-11-21T09:30:00.000Z");
  assert.equal(read("1969-12-31T23:59:59.9999Z"), "1969-12-31T23:59:59.999Z");
  assert.equal(read("2016-12-31T23:59:60Z"), "2016-12-31T23:59:59.999Z");
  assert.equal(read("0000-01-01T00:00:00Z"), "0000-01-01T00:00:00.000Z");
  const wrong = [
    "", "now", "2026-11-21", "2026-11-21T09:30:00", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-00-10T00:00:00Z",
    "2026-11-21T24:00:00Z", "2026-11-21T09:60:00Z", "2026-11-21T09:30:61Z", "2016-12-30T23:59:60Z", "2026-11-21T09:30:00.Z",
    "2026-11-21T09:30:00+24:00", "2026-11-21T09:30:00+0900", "0000-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00",
    " 2026-11-21T09:30:00Z", "2026-11-21T09:30:00Z\n", "2026-11-21 09:30:00Z", "2026-11-21509:30:00Z", "2026-11-21X09:30:00Z",
    "2026-11-21\t09:30:00Z",
  ];
  for (const text of wrong) assert.equal(read(text), undefined, JSON.stringify(text));
});
