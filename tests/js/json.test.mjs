import assert from "node:assert/strict";
import { test } from "node:test";

import { Decimal, JsonError, parse, plainNumber } from "../../web/verify/json.js";

const refuses = (input) => assert.throws(() => parse(input), JsonError, JSON.stringify(input));

test("what JSON allows is read", () => {
  assert.deepEqual(parse(' {"a":[1,true,null,"x"],"":{}} '), new Map([["a", [1, true, null, "x"]], ["", new Map()]]));
  assert.equal(parse('"\\u00e9\\ud83d\\ude00\\n\\/"'), "é\u{1f600}\n/");
  assert.deepEqual([...parse('{"b":1,"10":2,"1":3}').keys()], ["b", "10", "1"]);
});

test("numbers are whole or decimal, and never silently other", () => {
  assert.equal(parse("9007199254740991"), Number.MAX_SAFE_INTEGER);
  for (const text of ["1.0", "1e2", "-0", "9007199254740992", "12345678901234567890", "0.1"]) {
    assert.ok(parse(text) instanceof Decimal, text);
  }
  for (const text of ["01", "+1", "1.", ".5", "1e", "NaN", "Infinity", "-", "1e400", "0x1", "-Infinity", "1e-400"]) refuses(text);
});

test("numbers keep their digits, and are compared by them", () => {
  for (const [text, plain] of [
    ["0", "0"], ["-0.0", "0"], ["0e999", "0"], ["12E4", "120000"], ["120000", "120000"], ["1.50", "1.5"], ["-0.007", "-0.007"],
    ["0.0001e2", "0.01"], ["1.25e1", "12.5"], ["1e-3", "0.001"], ["195060001343500016", "195060001343500016"],
    ["195060001343500017", "195060001343500017"], ["0.1000000000000000000000000001", "0.1000000000000000000000000001"],
    ["100e-2", "1"], ["12345678901234567890.250", "12345678901234567890.25"],
  ]) {
    assert.equal(plainNumber(parse(text)), plain, text);
  }
});

test("names mean nothing to JavaScript", () => {
  const read = parse('{"__proto__":{"polluted":1},"constructor":2,"toString":3}');
  assert.equal(read.size, 3);
  assert.equal({}.polluted, undefined);
  assert.equal(read.get("constructor"), 2);
});

test("what readers could read differently is refused", () => {
  const texts = [
    '{"a":1,"a":2}', '{"a":1,"\\u0061":2}', '{"a":1,}', "[1,]", "[1 2]", "", " ", "{", "[", '"', '"a', "tru", "nul", "'a'", "1 2",
    '"\n"', '"\\x"', '"\\u12"', '"\\ud800"', '"\\udc00\\ud800"', '"\\ud800\\u0041"', "\ufeff1", "//\n1", '{a:1}', "undefined",
    '"\ud800"', '"\udc00"',
  ];
  texts.forEach(refuses);
  refuses(Uint8Array.of(0x22, 0xff, 0x22));
  refuses(Uint8Array.of(0x22, 0xc0, 0x80, 0x22));
  refuses(Uint8Array.of(0xef, 0xbb, 0xbf, 0x31));
});

test("depth and brackets are bounded", () => {
  assert.ok(parse("[".repeat(64) + "]".repeat(64)));
  refuses("[".repeat(65) + "]".repeat(65));
  refuses("[".repeat(5_000_000));
  refuses('{"a":'.repeat(100_000));
  refuses(`[${"[],".repeat(3_000_000)}[]]`);
});
