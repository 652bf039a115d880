// The evidence document as it is written (docs/FORMATS.md, "Evidence"): its members and their shapes, and nothing believed.

import { signerOf } from "./acts.js";
import { byteLength, fail, fromBase64url, isHash } from "./bytes.js";
import { subject } from "./subjects.js";
import { readHandovers } from "./handover.js";
import { asEvidence, checkVersion, isMap, isText, membersOf, parse } from "./json.js";
import { keyOf } from "./jws.js";
import { isCount, isIndex, readCommit } from "./ledger.js";
import { KINDS } from "./tree.js";

const VERSION = 3;
const IF_OLDER = "ask the node for the evidence again (GET /evidence)";
const BYTES_MAX = 64 * 1024 * 1024;
const MEMBERS = [
  "version", "id", "label", "checkpoint", "commit", "seal", "signers", "index", "statements", "registrations", "seals",
  "handovers", "formerMembers", "inclusionProof",
];

const ENTRY = ["kind", "subject", "count", "first", "leaves", "signers", "acts", "path", "siblings"];

/** Parses JSON that came as text, bytes, or already parsed. */
export function readJson(input, code, what) {
  const bytes = input instanceof ArrayBuffer ? new Uint8Array(input) : input;
  const given = isText(bytes) || bytes instanceof Uint8Array ? bytes : JSON.stringify(bytes) ?? "";
  const length = isText(given) ? byteLength(given) : given.length;
  if (length > BYTES_MAX) fail("too-long", `${what} has ${length} bytes; ${BYTES_MAX} are read`);
  return asEvidence(code, what, () => parse(given));
}

/** Reads evidence from parsed JSON. Hashes and signers become bytes. */
export function readEvidence(value) {
  const wrong = (message) => fail("shape", `this is no evidence: ${message}`);
  const version = isMap(value) ? value.get("version") : undefined;
  if (isCount(version)) checkVersion(version, VERSION, IF_OLDER, (message) => fail("version", `the evidence: ${message}`));
  const read = membersOf(value, MEMBERS, [], wrong);
  if (read.version !== VERSION || !isText(read.id) || !isText(read.checkpoint)) wrong("version, id or checkpoint is malformed");
  if (!isMap(read.label) || ![...read.label.values()].every(isText)) wrong("label is no object of texts");
  const list = (items, each) => (Array.isArray(items) ? items.map(each) : wrong("a list is missing"));
  const hash = (text) => (isHash(text) ? fromBase64url(text) : wrong("a hash is malformed"));
  const count = (number) => (isCount(number) ? number : wrong("a number is malformed"));
  const leaf = (number) => (isIndex(number) ? number : wrong("a leaf index is malformed"));
  const placed = (name) => (item) => {
    const found = membersOf(item, ["leafIndex", name], [], wrong);
    return { leaf: leaf(found.leafIndex), text: isText(found[name]) ? found[name] : wrong(`${name} is no text`) };
  };
  const signers = list(read.signers, (text) => (isText(text) ? signerOf(text) : undefined) ?? wrong("a signer is malformed"));
  return {
    id: read.id,
    label: read.label,
    checkpoint: read.checkpoint,
    commit: readCommit(read.commit, wrong),
    seal: placed("seal")(read.seal),
    signers,
    index: list(read.index, (item) => {
      const entry = membersOf(item, ENTRY, ["other"], wrong);
      if (!KINDS.includes(entry.kind) || !isText(entry.subject)) wrong("a subject is malformed");
      const other = entry.other === undefined ? undefined : membersOf(entry.other, ["key", "value"], [], wrong);
      const leaves = list(entry.leaves, leaf);
      const numbers = list(entry.signers, (number) => (isCount(number) && number < signers.length ? number : wrong("a signer's number is malformed")));
      const acts = list(entry.acts, (number) => (isCount(number) && number <= 0xff ? number : wrong("acts are malformed")));
      if (numbers.length !== leaves.length || acts.length !== leaves.length) wrong("leaves, signers and acts have not one length");
      return {
        kind: entry.kind,
        subject: entry.subject,
        key: subject(entry.kind, entry.subject),
        count: count(entry.count),
        first: count(entry.first),
        leaves,
        numbers,
        signers: numbers.map((number) => signers[number]),
        acts,
        path: list(entry.path, hash),
        siblings: list(entry.siblings, (sibling) => (sibling === null ? undefined : hash(sibling))),
        other: other && { key: hash(other.key), value: hash(other.value) },
      };
    }),
    statements: list(read.statements, placed("statement")),
    registrations: list(read.registrations, placed("statement")),
    seals: list(read.seals, placed("seal")),
    handovers: readHandovers(read.handovers, wrong),
    formerMembers: list(read.formerMembers, (jwk) => keyOf(jwk) ?? wrong("a former member's key is no P-256 key")),
    inclusionProof: list(read.inclusionProof, hash),
  };
}
