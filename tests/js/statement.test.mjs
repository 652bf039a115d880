import assert from "node:assert/strict";
import { test } from "node:test";

import { EvidenceError } from "../../web/verify/bytes.js";
import { parse } from "../../web/verify/json.js";
import { Signatures, keyOf, parseStatement } from "../../web/verify/jws.js";
import { Key, b64 } from "./ledger.mjs";

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
  refused(made({ typ: "epcis+sd-jwt" }), "typ-not-yet");
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
