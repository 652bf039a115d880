// What people type: the table that the core reads too (crates/core/tests/typed.json).

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { parseQuestion } from "../../web/verify/gs1.js";
import { Refusal, otherCases, readTyped } from "../../web/verify/typed.js";

const here = (path) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const cases = JSON.parse(here("crates/core/tests/typed.json"));
const messages = JSON.parse(here("web/messages.json"));

/** The id with its label as the query of a Digital Link. */
const uri = ({ id, label }) =>
  id.text + [...label].map(([ai, value], at) => `${at === 0 ? "?" : "&"}${ai}=${encodeURIComponent(value)}`).join("");

function read(text) {
  try {
    const asked = readTyped(text);
    return { id: uri(asked), lot: asked.orLot?.text };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const values = Object.fromEntries(Object.entries(error.values).map(([name, value]) => [name, String(value)]));
    return { refused: error.rule, values };
  }
}

test("what is typed is read or refused as the table says", () => {
  assert.ok(cases.length >= 40);
  for (const { typed, id, lot, refused, values = {} } of cases) {
    assert.deepEqual(read(typed), refused ? { refused, values } : { id, lot }, JSON.stringify(typed));
  }
});

test("every refusal is one sentence in each language, with all that it repeats", () => {
  for (const { typed, refused, values = {}, sentence } of cases.filter(({ refused }) => refused)) {
    for (const language of ["en", "ko"]) {
      const told = messages[`refused.${refused}`][language];
      const names = [...told.matchAll(/\{([a-z]+)\}/g)].map(([, name]) => name);
      assert.deepEqual(names.filter((name) => !Object.hasOwn(values, name)), [], `${typed}: ${told}`);
      if (sentence && language === "en") assert.equal(told.replace(/\{([a-z]+)\}/g, (_, name) => values[name]), sentence);
    }
  }
});

test("the other cases of a serial are offered", () => {
  const others = (text) => otherCases(parseQuestion(text).id).map((id) => id.text.split("/").at(-1));
  assert.deepEqual(others("(01)09506000134352(21)ab1"), ["AB1"]);
  assert.deepEqual(others("(01)09506000134352(21)AB1"), ["ab1"]);
  assert.deepEqual(others("(01)09506000134352(10)Ab"), ["AB", "ab"]);
  for (const none of ["(01)09506000134352(21)123", "9506000134352", "(00)095060001000000012", "https://a.example/x"]) {
    assert.deepEqual(others(none), [], none);
  }
});
