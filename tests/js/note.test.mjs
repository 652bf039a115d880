// Signed notes, made with node:crypto, and the keys that sign them.

import assert from "node:assert/strict";
import { generateKeyPairSync, sign, webcrypto } from "node:crypto";
import { test } from "node:test";

import { EvidenceError } from "../../web/verify/bytes.js";
import { isEd25519Key } from "../../web/verify/ed25519.js";
import { verifyNote } from "../../web/verify/note.js";
import { noteKeyId } from "./builders/formats.mjs";
import { Key, Ledger } from "./ledger.mjs";

const line = (name, id, signature) => `— ${name} ${Buffer.concat([id, signature]).toString("base64")}\n`;
const ecdsa = (ledger, key, text = ledger.checkpoint()) =>
  line(ledger.origin, Buffer.from(key.kid, "base64url").subarray(0, 4), sign("sha256", Buffer.from(text), key.privateKey));
const ed25519 = (ledger, key, text = ledger.checkpoint()) =>
  line(ledger.origin, noteKeyId(ledger.origin, key.noteKey), sign(null, Buffer.from(text), key.notePrivateKey));

const note = (ledger, ...lines) => `${ledger.checkpoint()}\n${lines.join("")}`;
const refuses = async (text, ledger, because, code = "note") => {
  const isMeant = (error) => error instanceof EvidenceError && error.code === code && because.test(error.message);
  await assert.rejects(verifyNote(text, { anchor: ledger.anchor() }), isMeant, String(because));
};

test("a node's two lines hold, alone and together, among those of strangers", async () => {
  const ledger = new Ledger({ members: 4 });
  const anchor = ledger.anchor();
  const [key, other] = ledger.keys;
  const read = (...lines) => verifyNote(note(ledger, ...lines), { anchor });
  const both = await read(ecdsa(ledger, key), ed25519(ledger, key));
  assert.deepEqual([both.checkpoint.origin, both.checkpoint.size], [ledger.origin, ledger.size]);
  assert.deepEqual(new Set(both.signed.map(({ kid, alg }) => `${kid} ${alg}`)), new Set([`${key.kid} ES256`, `${key.kid} EdDSA`]));
  assert.deepEqual(both.unchecked, []);
  assert.deepEqual((await read(ecdsa(ledger, key))).signed, [{ kid: key.kid, alg: "ES256" }]);
  assert.deepEqual((await read(ed25519(ledger, other))).signed, [{ kid: other.kid, alg: "EdDSA" }]);
  const strangers = [line("witness.example", Buffer.from([1, 2, 3, 4]), Buffer.alloc(72)), ecdsa(ledger, new Key()), ed25519(ledger, new Key())];
  assert.equal((await read(...strangers, ecdsa(ledger, key))).signed.length, 1);
  await refuses(note(ledger, ...strangers), ledger, /no member's signature/);
});

test("a line by a member's key that does not hold spoils a note", async () => {
  const ledger = new Ledger({ members: 2 });
  const [key, other] = ledger.keys;
  const good = ecdsa(ledger, key);
  const elsewhere = ledger.checkpoint().replace(/\n\d+\n/, "\n7\n");
  const impostor = Object.assign(new Key(), { kid: other.kid, noteKey: other.noteKey });
  for (const bad of [ecdsa(ledger, other, elsewhere), ed25519(ledger, other, elsewhere), ecdsa(ledger, impostor), ed25519(ledger, impostor)]) {
    await refuses(note(ledger, good, bad), ledger, new RegExp(`member ${other.kid} does not hold`));
  }
  // A commit's form of the same signature is none of a note's.
  const raw = line(ledger.origin, Buffer.from(other.kid, "base64url").subarray(0, 4), other.sign(ledger.checkpoint()));
  await refuses(note(ledger, raw), ledger, /does not hold/);
});

test("an ECDSA line is DER in its one form", async () => {
  const ledger = new Ledger();
  const [key] = ledger.keys;
  const id = Buffer.from(key.kid, "base64url").subarray(0, 4);
  const der = sign("sha256", Buffer.from(ledger.checkpoint()), key.privateKey);
  const length = der[3];
  const [r, s] = [der.subarray(4, 4 + length), der.subarray(6 + length)];
  const integer = (bytes) => Buffer.concat([Buffer.from([2, bytes.length]), bytes]);
  const sequence = (...parts) => Buffer.concat([Buffer.from([0x30, Buffer.concat(parts).length]), ...parts]);
  const signed = (bytes) => note(ledger, line(ledger.origin, id, bytes));
  assert.equal((await verifyNote(signed(sequence(integer(r), integer(s))), { anchor: ledger.anchor() })).signed.length, 1);
  const zero = Buffer.from([0]);
  const others = [
    sequence(integer(Buffer.concat([zero, zero, r])), integer(s)), sequence(integer(r), integer(s), zero), Buffer.concat([der, zero]), der.subarray(0, -1),
    sequence(integer(r)), Buffer.concat([Buffer.from([0x31]), der.subarray(1)]), sequence(Buffer.concat([Buffer.from([3, r.length]), r]), integer(s)),
    sequence(integer(zero), integer(s)), sequence(integer(Buffer.alloc(0)), integer(s)), Buffer.from([0x30]), Buffer.from([0x30, 0]),
    sequence(integer(Buffer.alloc(34, 1)), integer(s)), sequence(integer(Buffer.from([0x80])), integer(s)),
  ];
  for (const other of others) await refuses(signed(other), ledger, /does not hold/);
});

test("a note is a checkpoint of this ledger, an empty line and lines of signatures", async () => {
  const ledger = new Ledger();
  const [key] = ledger.keys;
  const good = note(ledger, ecdsa(ledger, key));
  for (const text of ["", ledger.checkpoint(), good.slice(0, -1), good.replace("\n\n", "\n")]) await refuses(text, ledger, /an empty line|three lines/, text === "" || !text.includes("\n\n") || !text.endsWith("\n") ? "note" : "checkpoint");
  for (const wrong of ["x\n", "- a b\n", `— ${ledger.origin}\n`, `— ${ledger.origin} AAAA\n`, `— ${ledger.origin} ====\n`, `— ${ledger.origin} AAAAAAAA b\n`, "\n"]) {
    await refuses(`${good}${wrong}`, ledger, /line of signature is malformed/);
  }
  await refuses(`${good}${"— a AAAAAAAA\n".repeat(100)}`, ledger, /more than 100 signatures/);
  assert.equal((await verifyNote(`${good}${"— a AAAAAAAA\n".repeat(99)}`, { anchor: ledger.anchor() })).signed.length, 1);
  await refuses(good + "x".repeat(65536), ledger, /more than 65536 bytes/);
  await refuses(good, new Ledger({ origin: "ledger.example/other" }), /another ledger/, "other-origin");
});

test("without Ed25519 in WebCrypto the ECDSA line alone is checked, and it is said whose was not", async () => {
  const ledger = new Ledger({ members: 2 });
  const anchor = ledger.anchor();
  const [key] = ledger.keys;
  const { importKey } = webcrypto.subtle;
  const without = async (run) => {
    webcrypto.subtle.importKey = function (format, data, algorithm, ...rest) {
      if ((algorithm.name ?? algorithm) === "Ed25519") return Promise.reject(new DOMException("Unrecognized name.", "NotSupportedError"));
      return importKey.call(this, format, data, algorithm, ...rest);
    };
    try {
      return await run();
    } finally {
      delete webcrypto.subtle.importKey;
    }
  };
  const read = await without(() => verifyNote(note(ledger, ecdsa(ledger, key), ed25519(ledger, key)), { anchor }));
  assert.deepEqual([read.signed, read.unchecked], [[{ kid: key.kid, alg: "ES256" }], [key.kid]]);
  await without(() => refuses(note(ledger, ed25519(ledger, key)), ledger, /no member's signature is on it that can be checked here/));
  assert.equal((await verifyNote(note(ledger, ed25519(ledger, key)), { anchor })).signed.length, 1);
});

test("an Ed25519 key is a point of the curve, and not of small order", () => {
  for (let number = 0; number < 20; number++) {
    const { x } = generateKeyPairSync("ed25519").publicKey.export({ format: "jwk" });
    assert.ok(isEd25519Key(Buffer.from(x, "base64url")), x);
  }
  // RFC 8032 §7.1, the public key of test 1.
  assert.ok(isEd25519Key(Buffer.from("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "hex")));
  const smallOrder = [
    "0100000000000000000000000000000000000000000000000000000000000000", "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000", "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
  ];
  // y is not below the field's order, or belongs to no x.
  const noPoint = [`edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f`, "f2".padEnd(62, "f") + "7f", "ff".repeat(32), "02".padEnd(64, "0")];
  for (const hex of [...smallOrder, ...noPoint]) assert.ok(!isEd25519Key(Buffer.from(hex, "hex")), hex);
  for (const length of [0, 31, 33]) assert.ok(!isEd25519Key(Buffer.alloc(length, 9)), `${length} bytes`);
});
