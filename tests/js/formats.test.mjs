// The worked examples of docs/FORMATS.md, read from the page as a stranger would.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import "./webcrypto.mjs";
import { trustedAnchor, verify } from "../../web/verify.js";
import { actsIn, signerOf } from "../../web/verify/acts.js";
import { founderBytes } from "../../web/verify/anchor.js";
import { digest, sha256, toBase64url, toHex, utf8 } from "../../web/verify/bytes.js";
import { isEd25519Key } from "../../web/verify/ed25519.js";
import { readEpcis } from "../../web/verify/epcis.js";
import { prefixesOf } from "../../web/verify/subjects.js";
import { IdError, classOf, parseUri } from "../../web/verify/gs1.js";
import { MemberChain, readHandovers } from "../../web/verify/handover.js";
import { parse } from "../../web/verify/json.js";
import { Signatures, keyOf, parseStatement } from "../../web/verify/jws.js";
import { checkCommit, commitBytes, membersText, parseCheckpoint, parseSeal, readCommit, readMembers, sealLeaf, statementLeaf } from "../../web/verify/ledger.js";
import { verifyNote } from "../../web/verify/note.js";
import { verifyReceipt } from "../../web/verify/receipt.js";
import { emptyHash, entryHash, leafHash, multiRoot, nodeHash, rootOf, subjectKey, valueHash, verifyIndexEntry } from "../../web/verify/tree.js";
import { memberSigner, noteKeyId, u64 } from "./builders/formats.mjs";

const page = readFileSync(new URL("../../docs/FORMATS.md", import.meta.url), "utf8");
const examples = new Map([...page.matchAll(/```text example:([\w-]+)\n([\s\S]*?)\n```/g)].map(([, name, text]) => [name, text]));
const example = (name) => examples.get(name) ?? assert.fail(`the page has no example:${name}`);
/** The rows of a table of names and hexadecimal hashes. */
const table = (name) => new Map(example(name).split("\n").map((line) => line.split(/ {2,}/)));
const bytes = (text) => Buffer.from(text, "base64url");
const never = (message) => assert.fail(message);

const CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld";

const anchor = () => JSON.parse(example("anchor"));

test("note keys and signed notes", async () => {
  const [member] = readMembers(parse(example("members")), never);
  assert.equal(member.noteKey, example("member-note-key"));
  assert.ok(isEd25519Key(bytes(member.noteKey)));
  const [, name, id, key] = /^([^+]+)\+([0-9a-f]{8})\+(.*)$/.exec(example("note-key-ed25519"));
  assert.deepEqual([name, Buffer.from(key, "base64").toString("hex")], ["ledger.example/formats", `01${bytes(member.noteKey).toString("hex")}`]);
  assert.equal(Buffer.from(noteKeyId(name, member.noteKey)).toString("hex"), id);
  const { signed, checkpoint } = await verifyNote(`${example("signed-note")}\n`, { anchor: anchor() });
  assert.deepEqual(signed.map(({ alg }) => alg).sort(), ["ES256", "EdDSA"]);
  assert.equal(checkpoint.size, 4);
});

test("the trust anchor and a founder's consent", async () => {
  const { origin, height, size, members, fingerprint } = await trustedAnchor(example("anchor"));
  assert.deepEqual([origin, height, size, fingerprint], ["ledger.example/formats", 0, 2, anchor().fingerprint]);
  assert.equal(membersText(members), example("members"));
  assert.equal(anchor().genesis, example("genesis-compact"));
  assert.equal(toHex(founderBytes(origin, members[0])), example("founder-bytes"));
  assert.equal(toHex(bytes(anchor().root)), table("tree").get("node 0-1"));
});

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

test("what an event says", () => {
  const [event, text] = example("pre-hash").split("\n");
  const [read] = readEpcis(utf8(event));
  assert.equal(read.content, `ni:///sha-256;${toHex(sha256(utf8(text)))}?ver=CBV2.0`);
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
  const [ACME, SEOUL] = ["5f0c1f6e-6d0b-4a57-9a35-0f4a3a1c7f10", "9b2f4c1e-0a3d-4e5f-8b7a-6c5d4e3f2a1b"];
  const said = new Map([[2, [ACME, 0x01]], [5, [ACME, 0x02]], [9, [SEOUL, 0x04]]]);
  said.set(0, [memberSigner(example("member-key-kid")), 0]);
  const entryOf = (leaf) => ({ leaf, signer: signerOf(said.get(leaf)[0]), acts: said.get(leaf)[1] });
  for (const [place, hex] of table("index-entries")) {
    const { leaf, signer, acts } = entryOf(Number(place.split(" ")[1]));
    assert.equal(toHex(Buffer.concat([u64(leaf), signer, Buffer.from([acts])])), hex, place);
  }
  assert.equal(table("index-entries").size, 4);
  const list = (...leaves) => rootOf(leaves.map((leaf) => entryHash(entryOf(leaf))));
  assert.equal(toHex(emptyHash()), hashes.get("empty subtree"));
  assert.equal(toHex(valueHash(1, list(2))), hashes.get("value of leaf 2"));
  assert.equal(toHex(valueHash(1, list(0))), hashes.get("value of leaf 0"));
  assert.equal(toHex(valueHash(3, list(2, 5, 9))), hashes.get("value of the longer list"));
  const entry = (text) => {
    const read = JSON.parse(text);
    const siblings = read.siblings.map((sibling) => (sibling === null ? undefined : bytes(sibling)));
    const signers = read.signers.map((number) => signerOf([ACME, SEOUL][number]));
    const other = read.other && { key: bytes(read.other.key), value: bytes(read.other.value) };
    return { ...read, signers, path: read.path.map(bytes), siblings, other };
  };
  const root = Buffer.from(hashes.get("index root of seal 1"), "hex");
  verifyIndexEntry(entry(example("index-presence")), root);
  verifyIndexEntry(entry(example("index-absence")), root);
  const [rootLine, part] = example("index-part").split("\n");
  verifyIndexEntry(entry(part), Buffer.from(rootLine.split(/ {2,}/)[1], "hex"));
});

test("acts", () => {
  const lines = example("acts").split("\n").map((line) => line.split("  "));
  assert.ok(lines.length > 5);
  for (const [acts, text] of lines) {
    const event = { "@context": CONTEXT, eventTime: "2026-11-21T09:29:00.000Z", eventTimeZoneOffset: "+00:00", ...JSON.parse(text) };
    const [read] = readEpcis(Buffer.from(JSON.stringify(event)));
    assert.equal(actsIn(read, "https://id.gs1.org/01/09506000134352/21/A1"), Number(acts), text);
  }
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

test("a handover to a second member", async () => {
  const trusted = await trustedAnchor(JSON.stringify(anchor()));
  const read = readHandovers(parse(`[${example("handover")}]`), assert.fail);
  const chain = await MemberChain.verify(trusted, read, new Signatures());
  assert.deepEqual([chain.inForceAt(2).members.length, chain.inForceAt(3).members.length, chain.lastChange], [1, 2, 2]);
  assert.equal(chain.inForceAt(3).hash, JSON.parse(JSON.parse(example("handover")).seal).nextMembersHash);
});
