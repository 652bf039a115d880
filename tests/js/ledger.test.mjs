// The ledger's own formats, rule by rule: quorums, commits, checkpoints, members, seals, leaves, trust anchors.

import assert from "node:assert/strict";
import { test } from "node:test";

import { EvidenceError } from "../../web/verify/bytes.js";
import { timeText } from "../../web/verify/days.js";
import { parse } from "../../web/verify/json.js";
import {
  checkApart, checkCommit, commitBytes, isOrigin, membersText, parseCheckpoint, parseSeal, readCommit, readMembers, sealLeaf, statementLeaf,
} from "../../web/verify/ledger.js";
import * as formats from "./builders/formats.mjs";
import { Key, b64, hash } from "./ledger.mjs";

const ORIGIN = "ledger.example/ledger";
const refuses = (run, code, because = /./) => {
  const isMeant = (error) => error instanceof EvidenceError && error.code === code && because.test(error.message);
  assert.throws(run, isMeant, `${code} ${because}`);
};
const value = (plain) => parse(JSON.stringify(plain));

class Wrong extends Error {}
const wrong = (message) => {
  throw new Wrong(message);
};
const refusesShape = (run, because) => assert.throws(run, (error) => error instanceof Wrong && because.test(error.message), String(because));

// --- Commit

const TEXT = formats.checkpointText({ origin: ORIGIN, size: 7, root: hash("root") });
const checkpoint = parseCheckpoint(TEXT);
const kid = (number) => b64(hash(`member ${number}`));
const members = (count) => Array.from({ length: count }, (_, number) => ({ kid: kid(number), key: `key ${number}` }));
const entry = (number, alg = "ES256") => ({ alg, kid: kid(number), signature: `signature ${number}` });
const noted = () => ({ asked: [], ask(...args) { this.asked.push(args); } });

test("a quorum is more than two thirds of the members", () => {
  const needed = [undefined, 1, 2, 3, 3, 4, 5, 5];
  for (let count = 1; count <= 7; count++) {
    for (let signed = 0; signed <= count; signed++) {
      // Whoever signs, in whatever order.
      const signers = Array.from({ length: signed }, (_, at) => entry(count - 1 - at));
      const run = () => checkCommit(checkpoint, { height: 3, round: 0, signatures: signers }, members(count), noted());
      if (signed >= needed[count]) assert.doesNotThrow(run, `${signed} of ${count}`);
      else refuses(run, "commit", new RegExp(`${signed} of ${count} members signed; ${needed[count]} are needed`));
    }
  }
});

test("a member counts once, a stranger never, and by ES256 alone", () => {
  const check = (...signatures) => checkCommit(checkpoint, { height: 3, round: 0, signatures }, members(4), noted());
  assert.doesNotThrow(() => check(entry(0), entry(1), entry(2)));
  refuses(() => check(entry(0), entry(1), entry(1)), "commit", /stands twice/);
  refuses(() => check(entry(0), entry(1), entry(2), entry(2)), "commit", /stands twice/);
  refuses(() => check(entry(0), entry(1), entry(9)), "commit", /no member's/);
  refuses(() => check(entry(0), entry(1), entry(2), entry(9)), "commit", /no member's/);
  for (const alg of ["ES384", "es256", "", "none"]) refuses(() => check(entry(0), entry(1), entry(2, alg)), "commit", /alg/);
});

test("every signature of a commit is asked for, by its member's key over what was committed", () => {
  const signatures = noted();
  checkCommit(checkpoint, { height: 3, round: 2, signatures: [entry(2), entry(0), entry(1), entry(3)] }, members(4), signatures);
  assert.deepEqual(signatures.asked.map(([key, , signature]) => [key, signature]), [2, 0, 1, 3].map((at) => [`key ${at}`, `signature ${at}`]));
  for (const [, bytes] of signatures.asked) {
    assert.deepEqual(Buffer.from(bytes), formats.commitBytes({ origin: ORIGIN, height: 3, round: 2, checkpoint: TEXT }));
  }
  for (const [, , , fault] of signatures.asked) refuses(fault, "commit", /does not hold/);
});

test("a commit is for one checkpoint, height and round of one ledger", () => {
  const all = [
    [checkpoint, 3, 2], [checkpoint, 2, 3], [checkpoint, 3, 3], [checkpoint, 4, 2], [{ ...checkpoint, origin: "ledger.example/other" }, 3, 2],
    [{ ...checkpoint, text: `${TEXT} ` }, 3, 2], [checkpoint, 2 ** 32, 2], [checkpoint, 0, 2],
  ].map(([of, height, round]) => b64(commitBytes(of, height, round)));
  assert.equal(new Set(all).size, all.length);
  for (const text of all) assert.equal(Buffer.from(text, "base64url").length, 94);
});

test("a commit is read strictly", () => {
  const good = { height: 3, round: 0, signatures: [{ alg: "ES256", kid: kid(0), signature: b64(Buffer.alloc(64)) }] };
  const read = (change) => readCommit(value({ ...good, ...change }), wrong);
  assert.equal(read({}).signatures[0].signature.length, 64);
  assert.equal(read({ round: 2 ** 32 - 1 }).round, 2 ** 32 - 1);
  for (const height of [-1, 1.5, "3", null, 2 ** 53]) refusesShape(() => read({ height }), /height/);
  for (const round of [-1, 0.5, "0", 2 ** 32, null]) refusesShape(() => read({ round }), /round/);
  for (const signatures of [null, {}, "x"]) refusesShape(() => read({ signatures }), /signatures is no list/);
  refusesShape(() => read({ extra: 1 }), /extra is unknown/);
  const [one] = good.signatures;
  for (const change of [{ alg: 1 }, { kid: "x" }, { kid: b64(Buffer.alloc(31)) }, { signature: b64(Buffer.alloc(63)) }, { signature: b64(Buffer.alloc(65)) }, { signature: 1 }]) {
    refusesShape(() => read({ signatures: [{ ...one, ...change }] }), /signature is malformed/);
  }
  refusesShape(() => read({ signatures: [{ ...one, extra: 1 }] }), /extra is unknown/);
});

// --- Checkpoint

test("a checkpoint is three lines in one spelling", () => {
  assert.deepEqual([checkpoint.origin, checkpoint.size, b64(checkpoint.root)], [ORIGIN, 7, b64(hash("root"))]);
  const root = hash("root").toString("base64");
  const text = (origin = ORIGIN, size = "7", hash = root) => `${origin}\n${size}\n${hash}\n`;
  for (const size of ["0", "9007199254740991"]) assert.equal(parseCheckpoint(text(ORIGIN, size)).size, Number(size));
  for (const size of ["", "07", "+7", "-7", "7 ", "7.0", "1e3", "9007199254740992", "9999999999999999", "10000000000000000"]) {
    refuses(() => parseCheckpoint(text(ORIGIN, size)), "checkpoint", /no size/);
  }
  for (const origin of ["", "a b", "a+b", "a\tb", "a\u0000b", "x".repeat(256)]) refuses(() => parseCheckpoint(text(origin)), "checkpoint", /no origin/);
  for (const hash of ["", root.slice(0, -1), `${root.slice(0, -4)}AAA=`.slice(4), Buffer.alloc(31).toString("base64"), Buffer.alloc(33).toString("base64")]) {
    refuses(() => parseCheckpoint(text(ORIGIN, "7", hash)), "checkpoint", /no root/);
  }
  for (const other of [text().slice(0, -1), `${text()}\n`, `${text()}extension\n`, `\n${text()}`, "", text().replaceAll("\n", "\r\n")]) {
    refuses(() => parseCheckpoint(other), "checkpoint");
  }
});

test("an origin is a name without spaces, control characters and plus signs", () => {
  for (const origin of ["a", "ledger.example/x", "é", "\u{1f600}".repeat(255)]) assert.ok(isOrigin(origin), origin);
  for (const origin of ["", "a b", "a\u00a0b", "a\u2003b", "a\u0085b", "a\u001fb", "a+b", "\u{1f600}".repeat(256), 1, undefined]) assert.ok(!isOrigin(origin), String(origin));
});

// --- Members

/** Four keys in the order of the bytes of their kids, which is not the order of their texts. */
function keysInOrder() {
  for (;;) {
    const keys = Array.from({ length: 4 }, () => new Key()).sort((a, b) => Buffer.compare(Buffer.from(a.kid, "base64url"), Buffer.from(b.kid, "base64url")));
    if (keys.some(({ kid }, at) => at > 0 && keys[at - 1].kid > kid)) return keys;
  }
}

const keys = keysInOrder();
const entries = keys.map((key, at) => formats.memberEntry(key, `Member ${at}`));
const readEntries = (list) => readMembers(value(list), wrong);

test("members stand in the order of their kids, each once, under the hash of their keys", () => {
  const read = readEntries(entries);
  assert.deepEqual(read.map(({ kid, name }) => [kid, name]), entries.map(({ kid, name }) => [kid, name]));
  assert.equal(membersText(read), JSON.stringify(entries));
  const [one, two, ...rest] = entries;
  refusesShape(() => readEntries([two, one, ...rest]), /out of order/);
  refusesShape(() => readEntries([one, one]), /out of order/);
  refusesShape(() => readEntries([{ ...one, kid: two.kid }]), /kid is not that of its key/);
  refusesShape(() => readEntries([{ ...one, jwk: two.jwk }, two]), /kid is not that of its key/);
  refusesShape(() => readEntries([{ ...one, jwk: { ...one.jwk, crv: "P-384" } }]), /no P-256 key/);
  for (const name of ["", "x".repeat(201), "a\nb", 1, null]) refusesShape(() => readEntries([{ ...one, name }]), /name is wrong/);
  for (const noteKey of ["", b64(Buffer.alloc(31)), b64(Buffer.alloc(32)), 1, undefined]) refusesShape(() => readEntries([{ ...one, noteKey }]), /noteKey is (no Ed25519 key|missing)/);
  refusesShape(() => readEntries([one, { ...two, noteKey: one.noteKey }]), /have one noteKey/);
  assert.equal(readEntries([{ ...one, name: "\u{1f600}".repeat(200) }]).length, 1);
  refusesShape(() => readEntries([{ ...one, extra: 1 }]), /extra is unknown/);
});

test("no two members' kids begin with the same 16 bytes, by which the index names them", () => {
  const kidOf = (first, last) => b64(Buffer.concat([Buffer.alloc(15), Buffer.from([first]), Buffer.alloc(15), Buffer.from([last])]));
  const pair = (one, other) => [{ kid: one, noteKey: "a" }, { kid: other, noteKey: "b" }];
  checkApart(pair(kidOf(1, 0), kidOf(2, 0)), wrong);
  refusesShape(() => checkApart(pair(kidOf(1, 0), kidOf(1, 1)), wrong), /first 16 bytes in common/);
});

test("there are 1 to 100 members", () => {
  for (const list of [[], {}, null]) refusesShape(() => readEntries(list), /1 to 100 members/);
  refusesShape(() => readEntries(Array(101).fill(null)), /1 to 100 members/);
  // A hundred are too few to be refused for their number.
  refusesShape(() => readEntries(Array(100).fill(null)), /must be an object/);
});

// --- Seal

const first = { height: 0, time: Date.UTC(2026, 2, 1), previousSize: 0, previousRoot: b64(hash()), indexRoot: b64(hash("i")), membersHash: b64(hash("m")) };
const later = { ...first, height: 3, previousSize: 5, previousRoot: b64(hash("p")) };

test("a seal is read in its one form", () => {
  const seal = parseSeal(formats.sealText(later), 9);
  assert.deepEqual([seal.height, seal.previousSize, timeText(seal.time), seal.indexRoot], [3, 5, "2026-03-01T00:00:00.000Z", later.indexRoot]);
  const bad = (change, because) => refuses(() => parseSeal(formats.sealText(later, change), 9), "seal", because);
  for (const name of ["height", "previousSize"]) for (const number of [-1, 1.5, "1", null]) bad({ [name]: number }, /number is malformed/);
  for (const name of ["previousRoot", "indexRoot", "membersHash", "nextMembersHash"]) {
    for (const text of ["", b64(Buffer.alloc(31)), 1, null]) bad({ [name]: text }, /hash is malformed/);
  }
  for (const time of ["now", "2026-03-01", 1, null]) bad({ time }, /time is malformed/);
  const known = formats.VERSIONS.seal;
  bad({ version: known + 1 }, new RegExp(`of version ${known + 1}, and version ${known} is read here; use a newer version`));
  bad({ version: known - 1 }, new RegExp(`of version ${known - 1}, and version ${known} is read here; .*start a new one`));
  for (const version of [-1, 1.5, "1", null]) bad({ version }, /version is no whole number/);
  // The version is looked at before anything else.
  refuses(() => parseSeal(`{"version":${known - 1}}`, 9), "seal", /is read here/);
  for (const rules of [0, 2]) bad({ rules }, new RegExp(`rules ${rules}, and rules 1 are known here`));
  for (const rules of ["1", 1.5, null]) bad({ rules }, /number of its rules/);
  for (const enacted of [[b64(hash()), b64(hash())], ["x"], [1], {}, null]) bad({ enacted }, /enacts up to 100 proposals/);
  for (const time of ["2026-03-01T00:00:00Z", "2026-03-01T01:00:00.000+01:00", "2026-03-01T00:00:00.0000Z"]) bad({ time }, /one form/);
  bad({ extra: 1 }, /extra is unknown/);
  const text = formats.sealText(later);
  for (const other of [` ${text}`, text.replace(",", ", "), text.replace(/"height":3,(.*?),"previousSize":5/, '"previousSize":5,$1,"height":3')]) {
    refuses(() => parseSeal(other, 9), "seal", /one form/);
  }
  refuses(() => parseSeal("{", 9), "seal", /strict JSON/);
});

test("only the first seal follows nothing", () => {
  assert.equal(parseSeal(formats.sealText(first), 1).height, 0);
  for (const change of [{ height: 1 }, { previousSize: 1 }, { previousRoot: b64(hash("p")) }]) {
    refuses(() => parseSeal(formats.sealText(first, change), 1), "seal", /genesis/);
  }
  for (const change of [{ height: 0 }, { previousSize: 0 }, { previousRoot: b64(hash()) }]) {
    refuses(() => parseSeal(formats.sealText(later, change), 9), "seal", /genesis/);
  }
});

// --- Leaves

test("a statement stands in its leaf whole, or by hash and length from 65,535 bytes on", () => {
  for (const length of [1, 65533, 65534, 65535, 65536, 100_000]) {
    assert.deepEqual(Buffer.from(statementLeaf("x".repeat(length))), formats.statementLeaf("x".repeat(length)), `${length}`);
  }
  assert.deepEqual([...statementLeaf("ab")], [1, 0x61, 0x62]);
  assert.equal(statementLeaf("x".repeat(65534))[0], 1);
  assert.deepEqual([statementLeaf("x".repeat(65535))[0], statementLeaf("x".repeat(65535)).length], [2, 37]);
  assert.deepEqual([...sealLeaf("ab")], [0, 0x61, 0x62]);
});
