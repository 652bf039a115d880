// Proofs of misbehaviour: the cases of tests/faults.rs, of which this verifier says what the core says.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import "./webcrypto.mjs";
import { EvidenceError } from "../../web/verify/bytes.js";
import { checkFaults } from "../../web/verify/fault.js";

const { anchor, kid, cases } = JSON.parse(readFileSync(new URL("./faults.json", import.meta.url), "utf8"));
const check = (document) => checkFaults(JSON.stringify(document), { anchor });

const refuses = (document, code, message) =>
  assert.rejects(check(document), (error) => {
    assert.ok(error instanceof EvidenceError, `${message}: ${error.stack}`);
    assert.equal(error.code, code, `${message}: ${error.message}`);
    return true;
  });

for (const { name, reason, proof } of cases) {
  test(`${name}: ${reason ?? "convicts"}`, async () => {
    if (reason !== null) return refuses(proof, `fault-${reason}`, name);
    const { height, round, kind } = proof.first;
    assert.deepEqual(await check(proof), [{ kid, name: "Member 2", height, round, kind }]);
  });
}

test("a list is checked as a whole", async () => {
  const proven = cases.filter(({ reason }) => reason === null).map(({ proof }) => proof);
  assert.equal((await check({ faults: proven })).length, proven.length);
  assert.equal((await check(proven)).length, proven.length);
  assert.deepEqual(await check({ faults: [] }), []);
  const idle = cases.find(({ reason }) => reason === "apart").proof;
  await refuses({ faults: [...proven, idle] }, "fault-apart", "one that proves nothing");
});

test("what is no list of proofs is refused", async () => {
  for (const document of [{}, { faults: 1 }, "faults", [7], null]) await refuses(document, "fault-shape", JSON.stringify(document));
  await assert.rejects(checkFaults("{", { anchor }), { code: "fault-shape" });
});

test("a signature that was changed anywhere proves nothing", async () => {
  const [{ proof }] = cases;
  for (let at = 0; at < 85; at += 5) {
    const { signature } = proof.first;
    const changed = signature.slice(0, at) + (signature[at] === "A" ? "B" : "A") + signature.slice(at + 1);
    await refuses({ ...proof, first: { ...proof.first, signature: changed } }, "fault-bad-signature", `at ${at}`);
  }
});
