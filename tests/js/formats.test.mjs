// The worked examples of docs/FORMATS.md, read from the page as a stranger would.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import "./webcrypto.mjs";
import { verify } from "../../web/verify.js";
import { digest, sha256, toBase64url, toHex, utf8 } from "../../web/verify/bytes.js";
import { readEpcis } from "../../web/verify/epcis.js";
import { prefixesOf } from "../../web/verify/follow.js";
import { IdError, classOf, parseUri } from "../../web/verify/gs1.js";
import { parse } from "../../web/verify/json.js";
import { Signatures, keyOf, parseStatement } from "../../web/verify/jws.js";
import { checkCommit, commitBytes, membersText, parseCheckpoint, parseSeal, readCommit, readMembers, sealLeaf, statementLeaf } from "../../web/verify/ledger.js";
import { verifyReceipt } from "../../web/verify/receipt.js";
import { emptyHash, entryHash, leafHash, multiRoot, nodeHash, rootOf, subjectKey, valueHash, verifyIndexEntry } from "../../web/verify/tree.js";
import { anchorDocument } from "./builders/formats.mjs";

const page = readFileSync(new URL("../../docs/FORMATS.md", import.meta.url), "utf8");
const examples = new Map([...page.matchAll(/```text example:([\w-]+)\n([\s\S]*?)\n```/g)].map(([, name, text]) => [name, text]));
const example = (name) => examples.get(name) ?? assert.fail(`the page has no example:${name}`);
/** The rows of a table of names and hexadecimal hashes. */
const table = (name) => new Map(example(name).split("\n").map((line) => line.split(/ {2,}/)));
const bytes = (text) => Buffer.from(text, "base64url");
const never = (message) => assert.fail(message);

const anchor = () =>
  anchorDocument({ origin: "ledger.example/formats", members: JSON.parse(example("members")), genesis: example("genesis-compact") });

test("keys and statements", async () => {
  const key = keyOf(parse(example("participant-key-jwk")));
  assert.equal(keyOf(parse(example("member-key-jwk"))).thumbprint, example("member-key-kid"));
  const statement = parseStatement(example("statement-compact"));
  assert.equal(statement.id, example("statement-id"));
  assert.equal(new TextDecoder().decode(statement.payload), example("statement-payload"));
  const signatures = new Signatures();
  signatures.ask(key, statement.input, statement.signature, () => never("the participant's signature"));
  await signatures.settle();
  const [event] = readEpcis(statement.payload);
  assert.deepEqual(event.ids.map(([part, { text }]) => [part, text]), [["object", "https://id.gs1.org/01/09506000134352/21/A1"]]);
});

test("ids", () => {
  for (const line of example("ids").split("\n")) {
    const [spelling, expected] = line.split("  ");
    let found = "refused";
    try {
      const { text } = parseUri(spelling);
      found = text === spelling ? "stands as it is" : text;
    } catch (error) {
      if (!(error instanceof IdError)) throw error;
    }
    assert.equal(found, expected, spelling);
  }
  for (const line of example("id-prefixes").split("\n")) {
    const [text, expectedClass, candidates] = line.split("  ");
    const id = parseUri(text);
    assert.equal(id.text, text);
    assert.equal(classOf(id)?.text ?? "no class", expectedClass, text);
    assert.equal(prefixesOf(id).join(" ") || "no candidates", candidates, text);
  }
});

test("the tree", () => {
  const hashes = table("tree");
  const leaves = [
    statementLeaf(example("genesis-compact")),
    sealLeaf(example("seal-0")),
    statementLeaf(example("statement-compact")),
    sealLeaf(example("seal-1")),
  ].map(leafHash);
  leaves.forEach((leaf, at) => assert.equal(toHex(leaf), hashes.get(`leaf ${at}`)));
  assert.equal(toHex(nodeHash(leaves[0], leaves[1])), hashes.get("node 0-1"));
  assert.equal(toHex(rootOf(leaves)), hashes.get("root 0-3"));
  assert.equal(toHex(rootOf([])), hashes.get("no leaves"));
  const proof = [...table("multi-leaf-proof").values()].map((hex) => Buffer.from(hex, "hex"));
  assert.equal(toHex(multiRoot(4, [[1, leaves[1]], [2, leaves[2]]], proof)), hashes.get("root 0-3"));
  assert.equal(toHex(statementLeaf("x".repeat(70000))), example("leaf-long-statement"));
});

test("seals, members, checkpoint and commit", async () => {
  assert.equal(parseSeal(example("seal-0"), 1).height, 0);
  assert.equal(parseSeal(example("seal-1"), 3).previousSize, 2);
  const members = readMembers(parse(example("members")), never);
  assert.equal(membersText(members), example("members"));
  assert.equal(digest(utf8(membersText(members))), example("members-hash"));
  const checkpoint = parseCheckpoint(`${example("checkpoint")}\n`);
  assert.equal(toHex(sha256(utf8(checkpoint.origin))), example("origin-hash"));
  assert.equal(toHex(sha256(utf8(checkpoint.text))), example("checkpoint-hash"));
  assert.equal(toHex(commitBytes(checkpoint, 1, 0)), example("commit-bytes"));
  const signatures = new Signatures();
  checkCommit(checkpoint, readCommit(parse(example("commit")), never), members, signatures);
  await signatures.settle();
});

test("the index", () => {
  for (const line of example("index-keys").split("\n")) {
    const [kind, key, subject] = line.split(/ {2,}/);
    assert.equal(toHex(subjectKey(kind, subject)), key, kind);
  }
  const hashes = table("index-hashes");
  const list = (...leaves) => rootOf(leaves.map(entryHash));
  assert.equal(toHex(emptyHash()), hashes.get("empty subtree"));
  assert.equal(toHex(valueHash(1, list(2))), hashes.get("value of leaves [2]"));
  assert.equal(toHex(valueHash(3, list(2, 5, 9))), hashes.get("value of leaves [2, 5, 9]"));
  const entry = (text) => {
    const read = JSON.parse(text);
    const siblings = read.siblings.map((sibling) => (sibling === null ? undefined : bytes(sibling)));
    return { ...read, path: read.path.map(bytes), siblings };
  };
  const root = Buffer.from(hashes.get("index root of seal 1"), "hex");
  verifyIndexEntry(entry(example("index-presence")), root);
  verifyIndexEntry(entry(example("index-absence")), root);
  const [rootLine, part] = example("index-part").split("\n");
  verifyIndexEntry(entry(part), Buffer.from(rootLine.split(/ {2,}/)[1], "hex"));
});

test("the receipt", async () => {
  const statement = example("statement-compact");
  const { leafIndex, checkpoint } = await verifyReceipt(example("receipt"), { anchor: anchor(), statement });
  assert.deepEqual([leafIndex, checkpoint.size], [2, 4]);
  const other = example("genesis-compact");
  await assert.rejects(verifyReceipt(example("receipt"), { anchor: anchor(), statement: other }), { code: "receipt" });
});

test("evidence that an id is unknown", async () => {
  const evidence = example("evidence");
  const { id } = JSON.parse(evidence);
  const answer = await verify(evidence, { anchor: JSON.stringify(anchor()), id });
  assert.deepEqual([answer.verdict, answer.reasons, answer.timeline], ["unknown", [], []]);
  assert.equal(answer.checkpoint.root, toBase64url(parseCheckpoint(`${example("checkpoint")}\n`).root));
  const now = Date.parse("2026-11-22T09:30:00Z");
  const later = await verify(evidence, { anchor: anchor(), id, now });
  assert.deepEqual(later.reasons.map(({ rule }) => rule), ["answer-too-old"]);
  assert.equal(later.verdict, "unknown");
});
