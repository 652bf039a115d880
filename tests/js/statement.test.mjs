import assert from "node:assert/strict";
import { test } from "node:test";

import { EvidenceError } from "../../web/verify/bytes.js";
import { parse } from "../../web/verify/json.js";
import { Signatures, keyOf, parseStatement } from "../../web/verify/jws.js";
import { Key, b64, hash } from "./ledger.mjs";

const key = new Key();
const HEADER = { alg: "ES256", typ: "sealane-admin+jws", kid: key.kid, aud: "ledger.example", iat: 1795253370 };
const made = (change = {}, payload = "{}") => key.statement({ ...HEADER, ...change }, payload);
const withHeader = (text) => `${b64(text)}.${b64("{}")}.${b64(Buffer.alloc(64, 1))}`;

const refused = (compact, code) => {
  assert.throws(() => parseStatement(compact), (error) => error instanceof EvidenceError && error.code === code, `${code}: ${compact.slice(0, 80)}`);
};

test("a statement is read, with all in its header", () => {
  const read = parseStatement(made());
  assert.deepEqual([read.typ, read.signer, read.aud, read.iat], ["sealane-admin+jws", key.kid, "ledger.example", 1795253370000]);
  assert.equal(parseStatement(made({ typ: "epcis+jws", kid: undefined, "x5t#S256": key.kid })).signer, key.kid);
});

test("the header has these members and no other", () => {
  refused(made({ alg: "none" }), "alg-not-allowed");
  refused(made({ alg: undefined }), "missing-alg");
  refused(made({ alg: "none", crit: [] }), "alg-not-allowed");
  for (const name of ["crit", "b64", "jwk", "jku", "x5c", "x5u", "x5t"]) refused(made({ [name]: 1 }), `${name}-not-allowed`);
  refused(made({ nonce: "1" }), "unknown-header-member");
  refused(made({ typ: undefined }), "missing-typ");
  refused(made({ typ: "JWT" }), "bad-typ");
  for (const kept of ["epcis+sd-jwt", "sealane-key+jws", "sealane-mandate+jws", "sealane-erasure+jws", "sealane-owner+jws", "sealane-document+jws", "sealane-contract+jws"]) {
    refused(made({ typ: kept }), "type-reserved");
  }
  refused(made({ "x5t#S256": key.kid }), "wrong-signer-member");
  refused(made({ typ: "epcis+jws" }), "wrong-signer-member");
  refused(made({ kid: undefined }), "missing-kid");
  refused(made({ typ: "epcis+jws", kid: undefined }), "missing-x5t-s256");
  refused(made({ kid: `${key.kid}=` }), "bad-kid");
  refused(made({ kid: 1 }), "bad-kid");
  refused(made({ aud: undefined }), "missing-aud");
  for (const aud of ["", [], "x".repeat(256)]) refused(made({ aud }), "bad-aud");
  assert.ok(parseStatement(made({ aud: "\u{1f600}".repeat(255) })));
  refused(made({ iat: undefined }), "missing-iat");
  for (const iat of ["1", 1.5, 1e300, null]) refused(made({ iat }), "bad-iat");
  refused(withHeader(JSON.stringify(HEADER).replace("1795253370", "1795253370.0")), "bad-iat");
  refused(withHeader(JSON.stringify(HEADER).replace('"aud"', '"kid":"","aud"')), "duplicate-header-member");
  refused(withHeader("[]"), "header-not-object");
  refused(withHeader("{"), "header-not-json");
  refused(withHeader(Buffer.of(0x7b, 0xff, 0x7d)), "header-not-json");
  refused(made({ aud: "x".repeat(5000) }), "header-too-long");
});

test("a compact JWS has one form", () => {
  const [header, payload, signature] = made().split(".");
  refused(`${header}.${payload}`, "not-three-parts");
  refused(`${header}.${payload}.${signature}.`, "not-three-parts");
  refused('{"payload":"e30"}', "not-three-parts");
  refused(".".repeat(1000), "not-three-parts");
  refused(` ${header}.${payload}.${signature}`, "white-space");
  refused(`${header}.${payload}.${signature}\n`, "white-space");
  refused(`${header}.${payload}=.${signature}`, "not-base64url");
  refused(`${header}.${payload}é.${signature}`, "not-base64url");
  refused(`${header}.e31.${signature}`, "not-base64url");
  refused(`${header}..${signature}`, "missing-payload");
  refused(`${header}.${payload}.`, "signature-length");
  refused(`${header}.${payload}.${signature}AA`, "signature-length");
  refused(`${header}.${payload}.${b64(Buffer.alloc(71, 0x30))}`, "signature-length");
  refused(`${header}.${"A".repeat(4 * 1024 * 1024)}.${signature}`, "statement-too-long");
});

const holds = async (jwk, message, signature) => {
  let held = true;
  const signatures = new Signatures();
  signatures.ask(keyOf(parse(JSON.stringify(jwk))), Buffer.from(message), signature, () => (held = false));
  await signatures.settle();
  return held;
};

const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const number = (bytes) => BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
const bytesOf = (value) => Buffer.from(value.toString(16).padStart(64, "0"), "hex");

test("signatures hold for their bytes and key alone, with r and s in range", async () => {
  const signature = key.sign("message");
  const [r, s] = [signature.subarray(0, 32), signature.subarray(32)];
  assert.ok(await holds(key.jwk, "message", signature));
  assert.ok(await holds(key.jwk, "message", Buffer.concat([r, bytesOf(ORDER - number(s))])), "s in the other half");
  assert.ok(!(await holds(key.jwk, "another", signature)));
  assert.ok(!(await holds(new Key().jwk, "message", signature)));
  const [zero, order, most] = [Buffer.alloc(32), bytesOf(ORDER), Buffer.alloc(32, 0xff)];
  const wrong = [[zero, s], [r, zero], [zero, zero], [order, s], [r, order], [most, s], [r, most], [s, r], [order, order]];
  const large = [[bytesOf(1n), bytesOf(1n)]];
  for (const pair of [...wrong, ...large]) assert.ok(!(await holds(key.jwk, "message", Buffer.concat(pair))));
  if (number(s) + ORDER < 2n ** 256n) assert.ok(!(await holds(key.jwk, "message", Buffer.concat([r, bytesOf(number(s) + ORDER)]))));
});

test("keys are points of P-256 and nothing else", () => {
  const read = (change) => keyOf(parse(JSON.stringify({ ...key.jwk, ...change })));
  assert.equal(read({}).thumbprint, key.kid);
  const field = b64(Buffer.from("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff", "hex"));
  const changes = [
    { x: key.jwk.y, y: key.jwk.x }, { y: b64(Buffer.alloc(32)) }, { x: field }, { kty: "RSA" }, { crv: "P-384" }, { d: "AA" },
    { y: undefined }, { x: `${key.jwk.x}=` }, { x: b64(Buffer.alloc(31)) }, { x: 1 },
  ];
  for (const change of changes) assert.equal(read(change), undefined, JSON.stringify(change));
  for (const other of ["null", "[]", "1", '"EC"']) assert.equal(keyOf(parse(other)), undefined);
});

test("ES256 is the only algorithm, to the letter", () => {
  for (const alg of ["ES384", "ES512", "ES256K", "EdDSA", "Ed25519", "HS256", "RS256", "PS256", "es256", "ES256 ", "", 256, null, ["ES256"], {}]) {
    refused(made({ alg }), "alg-not-allowed");
  }
});

test("the two types, to the letter", () => {
  for (const typ of ["epcis+jws ", "EPCIS+JWS", "application/epcis+jws", "sealane-admin", "", null, ["epcis+jws"]]) refused(made({ typ }), "bad-typ");
});

test("a signer is named by 32 bytes and no other length", () => {
  for (const kid of [b64(Buffer.alloc(31)), b64(Buffer.alloc(33)), "", null, [key.kid]]) {
    refused(made({ kid }), "bad-kid");
    refused(made({ typ: "epcis+jws", kid: undefined, "x5t#S256": kid }), "bad-x5t-s256");
  }
});

test("an audience has 1 to 255 characters, and iat is whole seconds of the years 0000 to 9999", () => {
  assert.equal(parseStatement(made({ aud: "x".repeat(255) })).aud.length, 255);
  refused(made({ aud: "\u{1f600}".repeat(256) }), "bad-aud");
  const [first, last] = [-62167219200, 253402300799];
  for (const iat of [first, last, 0, -1]) assert.equal(parseStatement(made({ iat })).iat, iat * 1000);
  for (const iat of [first - 1, last + 1, true, [1], Number.MAX_SAFE_INTEGER]) refused(made({ iat }), "bad-iat");
});

test("a header has 4,096 bytes at most, and a statement 4 MiB", () => {
  const longest = (length) => {
    const bare = JSON.stringify(HEADER);
    return withHeader(bare.replace("{", `{${" ".repeat(length - bare.length)}`));
  };
  assert.equal(parseStatement(longest(4096)).aud, HEADER.aud);
  for (const length of [4097, 4098, 5000, 100_000]) refused(longest(length), "header-too-long");
  const most = 4 * 1024 * 1024;
  const [header, , signature] = made().split(".");
  const length = most - header.length - signature.length - 2;
  // A text of base64 may have any length but one more than a multiple of four.
  const short = length % 4 === 1 ? 1 : 0;
  const fits = `${header}.${"A".repeat(length - short)}.${signature}`;
  assert.equal(parseStatement(fits).length, most - short);
  refused(`${header}.${"A".repeat(length + 1)}.${signature}`, "statement-too-long");
});

test("what is signed is the header and the payload as they were written", () => {
  const compact = made({}, '{"a":1}');
  const { input, id, payload, signature, length } = parseStatement(compact);
  const signed = compact.slice(0, compact.lastIndexOf("."));
  assert.equal(Buffer.from(input).toString(), signed);
  assert.equal(id, b64(hash(signed)));
  assert.deepEqual([Buffer.from(payload).toString(), b64(signature), length], ['{"a":1}', compact.split(".")[2], compact.length]);
});

test("a key's coordinates are numbers of the field, each written in one way", () => {
  const FIELD = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
  const key = (x, y) => keyOf(parse(JSON.stringify({ kty: "EC", crv: "P-256", x: b64(bytesOf(x)), y: b64(bytesOf(y)) })));
  // Points of P-256 with a coordinate so small that the field's size fits on top of it in 32 bytes.
  const points = [
    [0n, 0x66485c780e2f83d72433bd5d84a06bb6541c2af31dae871728bf856a174f93f4n],
    [5n, 0x459243b9aa581806fe913bce99817ade11ca503c64d9a3c533415c083248fbccn],
    [0xd7325d7646cd60d80a92738ceb345f844cffaf35841022cab176f692de8de1d7n, 5n],
  ];
  for (const [x, y] of points) {
    assert.ok(key(x, y), `${x} ${y}`);
    assert.ok(key(x, FIELD - y), "the point below");
    for (const [a, b] of [[x + FIELD, y], [x, y + FIELD], [x + FIELD, y + FIELD]]) {
      if (a < 2n ** 256n && b < 2n ** 256n) assert.equal(key(a, b), undefined, `${a} ${b}`);
    }
    assert.equal(key(x, y + 1n), undefined, "off the curve");
  }
});

test("each signature is held against its own key", async () => {
  const other = new Key();
  const [one, two] = [key, other].map(({ jwk }) => keyOf(parse(JSON.stringify(jwk))));
  const faults = [];
  const whole = new Signatures();
  const part = new Signatures(whole);
  whole.ask(one, Buffer.from("a"), key.sign("a"), () => faults.push("own"));
  whole.ask(two, Buffer.from("a"), other.sign("a"), () => faults.push("other's own"));
  whole.ask(two, Buffer.from("a"), key.sign("a"), () => faults.push("first"));
  part.ask(one, Buffer.from("a"), other.sign("a"), () => faults.push("of the part"));
  part.ask(one, Buffer.from("b"), key.sign("a"), () => faults.push("another message"));
  await whole.settle();
  assert.deepEqual(faults, ["first"]);
  await part.settle();
  assert.deepEqual(faults, ["first", "of the part", "another message"]);
  assert.deepEqual([whole.count, part.count], [5, 0]);
});

test("the first fault is that of the signature asked for first", async () => {
  const own = keyOf(parse(JSON.stringify(key.jwk)));
  const signatures = new Signatures();
  for (const name of ["first", "second"]) {
    signatures.ask(own, Buffer.from("a"), key.sign("b"), () => {
      throw new Error(name);
    });
  }
  await assert.rejects(signatures.settle(), /first/);
});
