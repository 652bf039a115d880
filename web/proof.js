// The page of a record, of a block, or of the trust anchor: this device checks what it shows.

import { element } from "./elements.js";
import { detailOfFault, sentenceOfFault } from "./faults.js";
import { recall } from "./memory.js";
import { messages } from "./messages.js";
import { minute } from "./verify/days.js";

const $ = (id) => document.getElementById(id);
const proof = $("proof");
const { say, fill } = await messages({ proving: true });

/** What could not be fetched, which proves nothing against any party. */
class Failed extends Error {}

/** What this page itself finds to be wrong: the message that says so. */
class Wrong extends Error {}

async function run() {
  tell([say("check.running")], "busy");
  const { EvidenceError, trustedAnchor } = await import("./verify.js");
  try {
    const lines = await { leaf: leafLines, block: blockLines, trust: () => trustLines(trustedAnchor) }[proof.dataset.page]();
    tell(lines, "checked");
  } catch (error) {
    if (error instanceof Failed) tell([fill("check.failed", { why: say("check.offline") })], "alarm");
    else if (error instanceof Wrong) tell([fill("proof.wrong", { why: say(error.message) })], "alarm");
    else {
      const key = error instanceof EvidenceError && error.code !== "version" ? "proof.wrong" : "check.failed";
      tell([fill(key, { why: sentenceOfFault(error, { say }) })], "alarm");
      $("status").append(detailOfFault(error));
    }
  }
}

function tell(lines, look) {
  const status = $("status");
  status.className = `status ${look}`;
  status.replaceChildren(...lines.map((line) => element("p", {}, line)));
}

async function fetched(path, accept = "application/json") {
  let answer;
  try {
    answer = await fetch(path, { headers: { accept }, credentials: "omit" });
  } catch {
    throw new Failed();
  }
  if (!answer.ok) throw new Failed();
  return answer;
}

const json = async (path) => (await fetched(path)).json();
const text = async (path, accept) => (await fetched(path, accept)).text();
const proofOf = async (leaf, size) => (await json(`/ledger/proofs/inclusion?leaf=${leaf}&size=${size}`)).proof;

/** The block of a height, checked against the anchor of genesis; which has to be of the ledger that this device knows. */
async function checkedBlock(height) {
  const { CheckedBlock } = await import("./verify/standing.js");
  const [anchor, handovers, block] = await Promise.all([text("/trust?height=0"), text("/ledger/handovers"), json(`/ledger/blocks/${height}`)]);
  await mustBeKnown(anchor);
  return { block, checked: await CheckedBlock.of({ anchor, handovers, block, sealProof: await proofOf(block.to - 1, block.to) }) };
}

async function mustBeKnown(anchor) {
  const held = recall();
  if (!held) return;
  const [known, shown] = [held.anchor, anchor].map((one) => JSON.parse(one));
  if (known.genesis === shown.genesis && known.origin === shown.origin) return;
  throw new Wrong("proof.other");
}

function blockLine(checked) {
  return fill("proof.block", { height: checked.commit.height, names: checked.signers.map((name) => `“${name}”`).join(", ") });
}

async function blockLines() {
  const { checked } = await checkedBlock(proof.dataset.height);
  return [blockLine(checked), fill("proof.seal", { leaf: checked.checkpoint.size - 1 })];
}

async function leafLines() {
  const { leaf, height } = proof.dataset;
  const { block, checked } = await checkedBlock(height);
  const compact = await statementAt(checked, leaf, block.to);
  const stands = [fill("proof.stands", { leaf, root: block.checkpoint.split("\n")[2] }), blockLine(checked)];
  if (compact === undefined) return stands;
  const { member, organization } = await checked.signer(compact, await registration(checked, block.to));
  const who = member ?? organization;
  return [who === undefined ? say("proof.signed") : fill("proof.signed-by", { who: `“${who}”` }), ...stands];
}

/** The statement that gave the signer its certificate, which has to stand in the ledger too; `undefined` if a member signed. */
async function registration(checked, size) {
  const { certified } = proof.dataset;
  // A seal gives no certificate, and is refused as no statement.
  return certified === undefined ? undefined : ((await statementAt(checked, certified, size)) ?? "");
}

/** The statement at a leaf, which has to stand in the tree of a checked block and be what the leaf holds; `undefined` of a seal. */
async function statementAt(checked, leaf, size) {
  const { isStatementOf, hashInLeaf, KIND_OF_LEAF } = await import("./verify/standing.js");
  const data = new Uint8Array(await (await fetched(`/ledger/leaves/${leaf}`, "application/octet-stream")).arrayBuffer());
  checked.include(Number(leaf), data, await proofOf(leaf, size));
  const kind = KIND_OF_LEAF[data[0]];
  if (kind === "seal") return undefined;
  const compact = kind === "statement" ? new TextDecoder().decode(data.subarray(1)) : await text(`/ledger/statements/${hashInLeaf(data)}`, "application/jose");
  if (!isStatementOf(data, compact)) throw new Wrong("proof.statement");
  return compact;
}

async function trustLines(trustedAnchor) {
  const anchor = await text("/trust");
  await mustBeKnown(anchor);
  const { groupsOf } = await import("./verify/standing.js");
  const { fingerprint } = await trustedAnchor(anchor);
  const shown = [...document.querySelectorAll("#groups span")].map((one) => one.textContent);
  // A page may be older than the anchor; what it shows has to be the digits of an anchor that holds.
  if (shown.join() !== groupsOf(fingerprint).join()) throw new Wrong("proof.digits");
  const held = recall();
  return [say("proof.trust"), held ? fill("proof.known", { date: minute(held.since) }) : say("proof.first")];
}

if (!window.isSecureContext || !globalThis.crypto?.subtle) tell([say("check.insecure")], "alarm");
else await run();
