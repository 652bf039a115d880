// The list of wrong code that tests must notice stands for the code as it is. No mutant is run here: scripts/mutants does that.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";

const root = new URL("../../", import.meta.url);
const read = (file) => readFileSync(new URL(file, root), "utf8");
const list = JSON.parse(read("tests/js/mutants.json"));
// scripts/mutants changes a copy of the code and runs all tests there: this one would notice every mutant, and prove nothing.
const skip = existsSync(new URL("scripts/mutants", root)) ? false : "a copy of the code that scripts/mutants changes";

test("each text that a mutant changes stands once in its file", { skip }, () => {
  assert.ok(list.length > 0);
  const texts = new Map();
  const textOf = (file) => {
    if (!texts.has(file)) texts.set(file, existsSync(new URL(file, root)) ? read(file) : "");
    return texts.get(file);
  };
  const count = ({ file, find }) => textOf(file).split(find).length - 1;
  const stale = list.filter((mutant) => count(mutant) !== 1);
  assert.deepEqual(stale.map((mutant) => `${mutant.file} has it ${count(mutant)} times (${mutant.means}): ${mutant.find}`), []);
});

test("each mutant changes something, and names a test that is there", { skip }, () => {
  for (const { find, replace, means, test: name } of list) {
    assert.notEqual(find, "", means);
    assert.notEqual(replace, find, means);
    assert.match(name, /\.test\.mjs$/, means);
    assert.ok(existsSync(new URL(`tests/js/${name}`, root)), `${means}: ${name}`);
  }
});
