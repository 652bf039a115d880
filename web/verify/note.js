// Signed notes: a checkpoint as other tools read it (docs/FORMATS.md, "Checkpoint and signed note"; C2SP signed-note).

import { readAnchor } from "./anchor.js";
import { byteLength, concat, equal, fail, fromBase64, fromBase64url, sha256, toBase64url, utf8 } from "./bytes.js";
import { readJson } from "./document.js";
import { Signatures } from "./jws.js";
import { parseCheckpoint } from "./ledger.js";
import { readAdmin } from "./registry.js";

const BYTES_MAX = 65536;
const LINES_MAX = 100;
const KEY_ID_BYTES = 4;
const SCALAR_BYTES = 32;
const [ED25519, ECDSA] = [1, 2];

/**
 * Checks a signed note against a trust anchor, of whose members one must have signed it: `{checkpoint: {origin, size, root},
 * signed: [{kid, alg}], unchecked: [kid]}`. `alg` is `ES256` or `EdDSA`. Not every browser's WebCrypto has Ed25519: where it
 * has not, the lines by note keys are passed over, and `unchecked` names whose they say they are.
 */
export async function verifyNote(note, { anchor }) {
  const wrong = (message) => fail("note", `the note: ${message}`);
  if (byteLength(note) > BYTES_MAX) wrong(`it has more than ${BYTES_MAX} bytes`);
  const cut = note.indexOf("\n\n");
  if (cut < 0 || !note.endsWith("\n")) wrong("it is a text, an empty line, and lines of signatures");
  const checkpoint = parseCheckpoint(note.slice(0, cut + 1));
  const lines = note.slice(cut + 2, -1).split("\n");
  if (lines.length > LINES_MAX) wrong(`it has more than ${LINES_MAX} signatures`);
  const signatures = new Signatures();
  const trusted = readAnchor(readJson(anchor, "anchor", "the trust anchor"), signatures, readAdmin);
  if (checkpoint.origin !== trusted.origin) fail("other-origin", "the note is of another ledger");
  const keys = trusted.members.flatMap((member) => keysOf(member, trusted.origin));
  const [signed, unchecked] = [[], []];
  for (const line of lines) {
    const { name, id, signature } = readLine(line, wrong);
    const key = name === trusted.origin ? keys.find((one) => equal(one.id, id)) : undefined;
    if (!key) continue;
    const { kid } = key.member;
    const fault = () => wrong(`the signature of the member ${kid} does not hold`);
    if (key.type === ED25519) {
      const holds = await holdsEd25519(key.member.noteKey, signature, utf8(checkpoint.text));
      if (holds === undefined) unchecked.push(kid);
      else if (!holds) fault();
      else signed.push({ kid, alg: "EdDSA" });
    } else {
      signatures.ask(key.member.key, utf8(checkpoint.text), rawOf(signature) ?? fault(), fault);
      signed.push({ kid, alg: "ES256" });
    }
  }
  await signatures.settle();
  if (signed.length === 0) wrong("no member's signature is on it that can be checked here");
  const { origin, size, root } = checkpoint;
  return { checkpoint: { origin, size, root: toBase64url(root) }, signed, unchecked };
}

/** The keys by which a member signs notes, each with its id under the name of the ledger's origin. */
function keysOf(member, origin) {
  const noteId = sha256(utf8(`${origin}\n`), Uint8Array.of(ED25519), fromBase64url(member.noteKey));
  return [
    { type: ECDSA, member, id: fromBase64url(member.kid).subarray(0, KEY_ID_BYTES) },
    { type: ED25519, member, id: noteId.subarray(0, KEY_ID_BYTES) },
  ];
}

function readLine(line, wrong) {
  const [, name, text] = /^\u2014 ([^ ]+) ([^ ]+)$/.exec(line) ?? wrong("a line of signature is malformed");
  const bytes = fromBase64(text);
  if (!bytes || bytes.length <= KEY_ID_BYTES) wrong("a line of signature is malformed");
  return { name, id: bytes.subarray(0, KEY_ID_BYTES), signature: bytes.subarray(KEY_ID_BYTES) };
}

/** Whether an Ed25519 signature holds; `undefined` where WebCrypto has no Ed25519. */
async function holdsEd25519(noteKey, signature, message) {
  const subtle = globalThis.crypto?.subtle;
  let key;
  try {
    key = await subtle.importKey("raw", fromBase64url(noteKey), { name: "Ed25519" }, false, ["verify"]);
  } catch {
    return undefined;
  }
  return subtle.verify({ name: "Ed25519" }, key, signature, message);
}

/** r then s, of 32 bytes each, from a signature in DER in its one form (X.690 §8.3, §10.1); `undefined` for another. */
function rawOf(der) {
  if (der.length < 2 || der[0] !== 0x30 || der[1] !== der.length - 2) return undefined;
  const r = integerAt(der, 2);
  const s = r && integerAt(der, r.end);
  return s?.end === der.length ? concat(r.bytes, s.bytes) : undefined;
}

function integerAt(der, at) {
  const [tag, length] = [der[at], der[at + 1]];
  const end = at + 2 + length;
  if (tag !== 0x02 || !(length >= 1 && length <= SCALAR_BYTES + 1) || end > der.length) return undefined;
  const value = der.subarray(at + 2, end);
  const isLong = length > 1 && value[0] === 0 && value[1] < 0x80;
  const magnitude = value[0] === 0 ? value.subarray(1) : value;
  if (value[0] >= 0x80 || isLong || magnitude.length > SCALAR_BYTES) return undefined;
  return { end, bytes: concat(new Uint8Array(SCALAR_BYTES - magnitude.length), magnitude) };
}
