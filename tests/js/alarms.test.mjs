// What pages say of the verifier's faults: a sentence in each language for every code that the verifier has.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

import { FAULTS, sentenceOfFault, tamperedText } from "../../web/faults.js";

const folder = new URL("../../web/verify/", import.meta.url);
const messages = JSON.parse(readFileSync(new URL("../../web/messages.json", import.meta.url), "utf8"));
const told = Object.values(FAULTS).flat();

/** Proofs of misbehaviour are checked on no page; what is typed has refusals of its own. */
const ELSEWHERE = ["fault.js", "typed.js", "gs1.js"];

/** Codes of statements that are written wrongly, as far as the sources do not put them together. */
const OF_STATEMENTS = [
  "alg-not-allowed", "bad-aud", "bad-iat", "bad-typ", "duplicate-header-member", "epcis", "header-not-json", "header-not-object",
  "header-too-long", "kind", "missing-payload", "not-base64url", "not-three-parts", "statement-too-long", "type-reserved",
  "unknown-header-member", "white-space", "wrong-signer-member",
];

function codesInSources() {
  const files = readdirSync(folder).filter((file) => file.endsWith(".js") && !ELSEWHERE.includes(file));
  const sources = files.map((file) => readFileSync(new URL(file, folder), "utf8")).join("\n") + readFileSync(new URL("../../web/verify.js", import.meta.url), "utf8");
  const calls = /(?:\bfail|#missing|\bproving|\bEvidenceError|\bwrong)\((?:(?:placed\.)?leaf, )?"([a-z0-9-]+)",|\breadJson\([\w.]+, "([a-z-]+)"/g;
  return new Set([...sources.matchAll(calls)].map(([, code, read]) => code ?? read));
}

test("every code of the verifier is told by a sentence, and no other", () => {
  const found = codesInSources();
  assert.ok(found.size > 60, `${found.size} codes were found`);
  assert.deepEqual([...found].filter((code) => !told.includes(code)).toSorted(), OF_STATEMENTS);
  assert.deepEqual(told.filter((code) => !found.has(code)), []);
  assert.equal(new Set(told).size, told.length, "a code stands in two families");
});

test("every family has its sentence in both languages, and there is no other", () => {
  const keys = Object.keys(messages).filter((key) => key.startsWith("fault.")).map((key) => key.slice("fault.".length));
  assert.deepEqual(keys.toSorted(), [...Object.keys(FAULTS), "own", "statement"].toSorted());
  for (const key of keys) {
    const { en, ko } = messages[`fault.${key}`];
    assert.match(en, /^[A-Z][^{}]*\.$/, key);
    assert.match(ko, /[가-힣][^{}]*니다\.|십시오\.$/, key);
  }
});

test("an alarm says in the page's language what does not hold", () => {
  const ko = { say: (key) => messages[key].ko };
  ko.fill = (key, values) => ko.say(key).replace(/\{(\w+)\}/g, (_, name) => values[name]);
  assert.equal(sentenceOfFault({ code: "commit" }, ko), messages["fault.commit"].ko);
  assert.equal(sentenceOfFault({ code: "bad-typ" }, ko), messages["fault.statement"].ko);
  assert.equal(sentenceOfFault(new TypeError("x is not a function"), ko), messages["fault.own"].ko);
  const altered = { key: "tampered.evidence", values: {}, fault: { code: "inclusion", message: "the leaves are not in the tree" } };
  assert.equal(tamperedText(altered, ko), `증거가 맞지 않습니다: ${messages["fault.proof"].ko}`);
});
