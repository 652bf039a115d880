// Statements: compact JWS, ES256 (docs/FORMATS.md, "Statement"). WebCrypto checks the signatures.

import { byteLength, charLength, digest, fail, fromBase64url, isHash, isTime, utf8 } from "./bytes.js";
import { JsonError, isMap, isText, isWhole, parse } from "./json.js";

export const STATEMENT_BYTES_MAX = 4 * 1024 * 1024;
const HEADER_BYTES_MAX = 4096;
const FORBIDDEN = ["crit", "b64", "jwk", "jku", "x5c", "x5u", "x5t"];
/** Who signs a statement of a typ, by the member that names the key; what is not taken yet names nobody. */
const TYPS = new Map([
  ["epcis+jws", "x5t#S256"],
  ["sealane-admin+jws", "kid"],
  ...["epcis+sd-jwt", "sealane-key+jws", "sealane-mandate+jws", "sealane-erasure+jws", "sealane-owner+jws", "sealane-document+jws",
    "sealane-contract+jws"].map((typ) => [typ, undefined]),
]);
const KNOWN = ["alg", "typ", "x5t#S256", "kid", "aud", "iat"];

/**
 * Reads a statement in compact form: `{typ, signer, aud, iat, payload, signature, input, id, length}`, with `iat` in
 * milliseconds and `signer` the hash in `x5t#S256` or `kid`. Refusals have the codes of the ledger's own.
 */
export function parseStatement(compact) {
  const length = byteLength(compact);
  if (length > STATEMENT_BYTES_MAX) fail("statement-too-long", `the statement has ${length} bytes`);
  const parts = compact.split(".", 4);
  if (parts.length !== 3) fail("not-three-parts", "a compact JWS has three parts, header.payload.signature");
  const stray = /[^A-Za-z0-9_.-]/.exec(compact);
  if (stray && /\s/.test(stray[0])) fail("white-space", "a compact JWS has no white space");
  if (stray) fail("not-base64url", "the statement has a character outside A-Z a-z 0-9 - _");
  if (parts[0].length > Math.ceil(HEADER_BYTES_MAX / 3) * 4) fail("header-too-long", "the header is too long");
  const header = part("header", parts[0]);
  if (header.length > HEADER_BYTES_MAX) fail("header-too-long", "the header is too long");
  const read = readHeader(header);
  const payload = part("payload", parts[1]);
  const signature = part("signature", parts[2]);
  if (signature.length !== 64) fail("signature-length", `the signature has ${signature.length} bytes; ES256 has 64`);
  if (payload.length === 0) fail("missing-payload", "the statement has no payload");
  const input = utf8(compact.slice(0, parts[0].length + 1 + parts[1].length));
  return { ...read, payload, signature, input, id: digest(input), length, compact };
}

function part(name, text) {
  return fromBase64url(text) ?? fail("not-base64url", `the ${name} is not base64url`);
}

function readHeader(bytes) {
  const members = headerMembers(bytes);
  const need = (name) => (members.has(name) ? members.get(name) : fail(`missing-${codeOf(name)}`, `the header has no ${name}`));
  if (need("alg") !== "ES256") fail("alg-not-allowed", 'the only algorithm taken is "ES256"');
  const forbidden = FORBIDDEN.find((name) => members.has(name));
  if (forbidden) fail(`${forbidden}-not-allowed`, `the header's ${forbidden} is refused`);
  const unknown = [...members.keys()].find((name) => !KNOWN.includes(name));
  if (unknown !== undefined) fail("unknown-header-member", `the header's ${unknown.slice(0, 80)} is unknown`);
  const typ = need("typ");
  if (!TYPS.has(typ)) fail("bad-typ", "the header's typ is unknown");
  const own = TYPS.get(typ) ?? fail("type-reserved", `typ "${typ}" is kept for later, and not taken yet`);
  const other = own === "kid" ? "x5t#S256" : "kid";
  if (members.has(other)) fail("wrong-signer-member", `a statement of this typ names its signer by ${own} alone`);
  const signer = need(own);
  if (!isHash(signer)) fail(`bad-${codeOf(own)}`, `the header's ${own} is no SHA-256 in base64url`);
  const aud = need("aud");
  const fits = isText(aud) && aud !== "" && charLength(aud) <= 255;
  if (!fits) fail("bad-aud", "the header's aud is no string of 1 to 255 characters");
  const iat = need("iat");
  if (!isWhole(iat) || !isTime(iat * 1000)) fail("bad-iat", "the header's iat is no whole number of seconds");
  return { typ, signer, aud, iat: iat * 1000 };
}

const codeOf = (name) => (name === "x5t#S256" ? "x5t-s256" : name);

function headerMembers(bytes) {
  let members;
  try {
    members = parse(bytes);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    if (error.kind === "duplicate") fail("duplicate-header-member", `the header: ${error.message}`);
    fail("header-not-json", `the header is not strict JSON: ${error.message}`);
  }
  return isMap(members) ? members : fail("header-not-object", "the header must be a JSON object");
}

const FIELD = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
const CURVE_B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;
const SPKI_PREFIX = [
  0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
  0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];

/** A P-256 key from its JWK as parsed JSON: `{x, y, thumbprint}`; `undefined` where it is none. */
export function keyOf(jwk) {
  if (!isMap(jwk) || jwk.size !== 4 || jwk.get("kty") !== "EC" || jwk.get("crv") !== "P-256") return undefined;
  const [x, y] = [jwk.get("x"), jwk.get("y")];
  if (!isHash(x) || !isHash(y)) return undefined;
  const [xBytes, yBytes] = [fromBase64url(x), fromBase64url(y)];
  const [a, b] = [xBytes, yBytes].map((bytes) => bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n));
  if (a >= FIELD || b >= FIELD || (b * b - a * a * a + 3n * a - CURVE_B) % FIELD !== 0n) return undefined;
  return { x, y, thumbprint: digest(Uint8Array.from(SPKI_PREFIX), xBytes, yBytes) };
}

/**
 * Signatures under way. They run side by side; `settle` gives the fault of the first that does not hold, in the order
 * in which they were asked for.
 */
export class Signatures {
  count = 0;
  #asked = [];
  #keys = new Map();
  #whole;

  /** A part of `whole` is counted there, and shares its keys. */
  constructor(whole) {
    this.#whole = whole;
    if (whole) this.#keys = whole.#keys;
  }

  /** Asks whether `signature` (r then s) over `message` is `key`'s, and gives `fault()` if it is not. */
  ask(key, message, signature, fault) {
    const asked = { holds: this.#holds(key, message, signature), fault };
    asked.holds.catch(() => {});
    this.#asked.push(asked);
    (this.#whole ?? this).count++;
  }

  async settle() {
    for (const { holds, fault } of this.#asked) if (!(await holds)) fault();
  }

  async #holds(key, message, signature) {
    const subtle = globalThis.crypto?.subtle;
    // This is no fault of the evidence, and so no `EvidenceError`.
    if (!subtle) throw new Error("signatures cannot be checked here: browsers give WebCrypto to pages over HTTPS only");
    const algorithm = { name: "ECDSA", namedCurve: "P-256" };
    const jwk = { kty: "EC", crv: "P-256", x: key.x, y: key.y };
    if (!this.#keys.has(key.thumbprint)) {
      this.#keys.set(key.thumbprint, subtle.importKey("jwk", jwk, algorithm, false, ["verify"]));
    }
    try {
      return await subtle.verify({ name: "ECDSA", hash: "SHA-256" }, await this.#keys.get(key.thumbprint), signature, message);
    } catch {
      return false;
    }
  }
}
