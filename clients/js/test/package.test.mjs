// The package as it is installed: what its types promise is there, and its example runs.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";

import "../../../tests/js/webcrypto.mjs";
import { Actor, ITEM, Ledger, eventAt } from "../../../tests/js/ledger.mjs";

const root = join(import.meta.dirname, "../../..");
const place = mkdtempSync(join(tmpdir(), "sealane-js-"));
after(() => rmSync(place, { recursive: true }));
execFileSync(join(root, "scripts/pack-clients"), [join(place, "packed")], { stdio: "ignore" });
mkdirSync(join(place, "node_modules"));
cpSync(join(place, "packed/js"), join(place, "node_modules/sealane"), { recursive: true });

/** Runs a module in a directory that has nothing but the package. */
function run(source) {
  writeFileSync(join(place, "run.mjs"), source);
  return execFileSync(process.execPath, ["--no-warnings", "run.mjs"], { cwd: place, encoding: "utf8" }).trim();
}

test("what the types promise is there", async () => {
  const types = readFileSync(join(place, "node_modules/sealane/index.d.ts"), "utf8");
  const promised = [...types.matchAll(/^export (?:function|class|const) (\w+)/gm)].map(([, name]) => name).sort();
  const module = await import(pathToFileURL(join(place, "node_modules/sealane/verify.js")));
  assert.ok(promised.length >= 8);
  assert.deepEqual(promised.filter((name) => module[name] === undefined), []);
  const receipt = await import(pathToFileURL(join(place, "node_modules/sealane/verify/receipt.js")));
  assert.equal(typeof receipt.verifyReceipt, "function");
});

test("the example of the README runs", () => {
  const ledger = new Ledger();
  const acme = new Actor(1, "Acme Pharma", { gs1CompanyPrefixes: ["9506000"] });
  ledger.register(acme);
  ledger.capture(acme, eventAt(60, { epcList: [ITEM], action: "ADD", bizStep: "commissioning" }));
  writeFileSync(join(place, "trust.json"), JSON.stringify(ledger.anchor()));
  const [, example] = /```js\n([\s\S]*?)```/.exec(readFileSync(join(root, "clients/js/README.md"), "utf8"));
  const asked = /const id = "(.*)";/.exec(example)[1];
  const moment = Date.parse(JSON.parse(ledger.evidence(ITEM).seal.seal).time) + 1_000;
  const with_ = (evidence) => run(`Date.now = () => ${moment};\nglobalThis.fetch = async () => new Response(${JSON.stringify(JSON.stringify(evidence))});\n${example.replace(asked, ITEM)}`);
  assert.match(with_(ledger.evidence(ITEM)), /^authentic Genuine .*“Acme Pharma”/);
  assert.match(with_({ ...ledger.evidence(ITEM), handovers: [1] }), /^somebody altered the answer: .*\[shape\]$/);
});
