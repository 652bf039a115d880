// The page of a record, of a block, or of the trust anchor: this device checks what it shows.

import { Failed, askBytes, askJson, askText } from "./ask.js";
import { button, element } from "./elements.js";
import { detailOfFault, sentenceOfFault } from "./faults.js";
import { isOfOneLedger, recall } from "./memory.js";
import { fill, say } from "./messages.js";
import { EvidenceError } from "./verify/bytes.js";
import { minute } from "./verify/days.js";
import { CheckedBlock, KIND_OF_LEAF, groupsOf, hashInLeaf, isStatementOf } from "./verify/standing.js";
import { trustedAnchor } from "./verify/trusted.js";

const $ = (id) => document.getElementById(id);
const proof = $("proof");

/** What this page itself finds to be wrong: the message that says so. */
class Wrong extends Error {}

async function run() {
  tell([say("check.running")], "busy");
  try {
    tell(await { leaf: leafLines, block: blockLines, trust: trustLines }[proof.dataset.page](), "checked");
  } catch (error) {
    if (error instanceof Wrong) tell([fill("proof.wrong", { why: say(error.message) })], "alarm");
    else if (error instanceof Failed) failed(say(`failed.${error.why}`));
    else {
      const why = sentenceOfFault(error, { say });
      if (error instanceof EvidenceError && error.code !== "version") tell([fill("proof.wrong", { why })], "alarm");
      else failed(why);
      $("status").append(detailOfFault(error));
    }
  }
}

function failed(why) {
  tell([fill("check.failed", { why })], "alarm");
  $("status").append(button(say("check.again"), run));
}

function tell(lines, look) {
  const status = $("status");
  status.className = `status ${look}`;
  status.replaceChildren(...lines.map((line) => element("p", {}, line)));
}

const proofOf = async (leaf, size) => (await askJson(`/ledger/proofs/inclusion?leaf=${leaf}&size=${size}`)).proof;

/** The block of a height, checked against the anchor of genesis; which has to be of the ledger that this device knows. */
async function checkedBlock(height) {
  const [anchor, handovers, block] = await Promise.all([askText("/trust?height=0"), askText("/ledger/handovers"), askJson(`/ledger/blocks/${height}`)]);
  mustBeKnown(anchor);
  return { block, checked: await CheckedBlock.of({ anchor, handovers, block, sealProof: await proofOf(block.to - 1, block.to) }) };
}

function mustBeKnown(anchor) {
  const held = recall();
  if (held && !isOfOneLedger(held.anchor, anchor)) throw new Wrong("proof.other");
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
  const { bytes: data } = await askBytes(`/ledger/leaves/${leaf}`, { accept: "application/octet-stream" });
  checked.include(Number(leaf), data, await proofOf(leaf, size));
  const kind = KIND_OF_LEAF[data[0]];
  if (kind === "seal") return undefined;
  const compact = kind === "statement" ? new TextDecoder().decode(data.subarray(1)) : await askText(`/ledger/statements/${hashInLeaf(data)}`, "application/jose");
  if (!isStatementOf(data, compact)) throw new Wrong("proof.statement");
  return compact;
}

async function trustLines() {
  const anchor = await askText("/trust");
  mustBeKnown(anchor);
  const { fingerprint } = await trustedAnchor(anchor);
  const shown = [...document.querySelectorAll("#groups span")].map((one) => one.textContent);
  // A page may be older than the anchor; what it shows has to be the digits of an anchor that holds.
  if (shown.join() !== groupsOf(fingerprint).join()) throw new Wrong("proof.digits");
  const held = recall();
  return [say("proof.trust"), held ? fill("proof.known", { date: minute(held.since) }) : say("proof.first")];
}

if (!window.isSecureContext || !globalThis.crypto?.subtle) tell([say("check.insecure")], "alarm");
else await run();
