// The ledger's own formats: checkpoint, commit, members, seal, leaf (docs/FORMATS.md).

import {
  charLength, concat, digest, fail, fromBase64, fromBase64url, hasControl, hasSpace, isHash, sha256, timeOf,
  u32be, u64be, utf8,
} from "./bytes.js";
import { timeText } from "./days.js";
import { isEd25519Key } from "./ed25519.js";
import { asEvidence, checkVersion, isMap, isText, isWhole, membersOf, parse } from "./json.js";
import { keyOf } from "./jws.js";

/** The number of the rules by which blocks are made and checked. */
const RULES = 1;
export const SIZE_MAX = Number.MAX_SAFE_INTEGER;
const LEAF_BYTES_MAX = 65535;
/** Proposals that one block enacts. */
const ENACTED_MAX = 100;
const NOTHING = digest();

export const isOrigin = (text) =>
  isText(text) && text !== "" && charLength(text) <= 255 && !hasSpace(text) && !hasControl(text) && !text.includes("+");
export const isCount = (value) => isWhole(value) && value >= 0;
export const isIndex = (value) => isCount(value) && value < SIZE_MAX;
export const isSignature = (value) => isText(value) && fromBase64url(value)?.length === 64;

/** Reads a checkpoint's text: `{origin, size, root, text}`, the root as bytes. */
export function parseCheckpoint(text) {
  const lines = text.split("\n", 6);
  const wrong = (message) => fail("checkpoint", `the checkpoint: ${message}`);
  if (lines.length !== 4 || lines[3] !== "") wrong("it is three lines, each ended by a newline");
  const [origin, sizeText, rootText] = lines;
  if (!isOrigin(origin)) wrong("line 1 is no origin");
  const size = Number(sizeText);
  if (!/^(0|[1-9][0-9]{0,15})$/.test(sizeText) || size > SIZE_MAX) wrong("line 2 is no size");
  const root = fromBase64(rootText);
  if (root?.length !== 32) wrong("line 3 is no root in base64");
  return { origin, size, root, text };
}

/** Reads a certificate of commit from parsed JSON. */
export function readCommit(value, wrong) {
  const commit = membersOf(value, ["height", "round", "signatures"], [], wrong);
  if (!isCount(commit.height)) wrong("height is no whole number");
  if (!isCount(commit.round) || commit.round >= 2 ** 32) wrong("round is no whole number");
  if (!Array.isArray(commit.signatures)) wrong("signatures is no list");
  const signatures = commit.signatures.map((entry) => {
    const read = membersOf(entry, ["alg", "kid", "signature"], [], wrong);
    if (!isText(read.alg) || !isHash(read.kid) || !isSignature(read.signature)) wrong("a signature is malformed");
    return { ...read, signature: fromBase64url(read.signature) };
  });
  return { height: commit.height, round: commit.round, signatures };
}

export function commitBytes({ origin, text }, height, round) {
  return concat(
    utf8("sealane/commit/v1\0"), sha256(utf8(origin)), u64be(height), u32be(round), sha256(utf8(text)),
  );
}

/** Checks that a quorum of `members` signed the checkpoint; the signatures themselves by `signatures`. */
export function checkCommit(checkpoint, commit, members, signatures) {
  const bytes = commitBytes(checkpoint, commit.height, commit.round);
  const counted = new Set();
  for (const { alg, kid, signature } of commit.signatures) {
    const wrong = (message) => fail("commit", `the commit: the entry of ${kid} ${message}`);
    if (alg !== "ES256") wrong('has another alg than "ES256"');
    const member = members.find((one) => one.kid === kid) ?? wrong("is no member's");
    if (counted.has(kid)) wrong("stands twice");
    counted.add(kid);
    signatures.ask(member.key, bytes, signature, () => wrong("does not hold for this checkpoint, height and round"));
  }
  const needed = Math.floor((2 * members.length) / 3) + 1;
  if (counted.size < needed) fail("commit", `the commit: ${counted.size} of ${members.length} members signed; ${needed} are needed`);
}

/** The first bytes of a kid, by which the index names its member. */
const KID_BYTES = 16;

/** Reads the members of a consortium from parsed JSON, in their one order: `[{kid, name, key, noteKey}]`. */
export function readMembers(value, wrong) {
  if (!Array.isArray(value) || value.length < 1 || value.length > 100) wrong("there are 1 to 100 members");
  const members = value.map((item) => {
    const { kid, name, jwk, noteKey } = membersOf(item, ["kid", "name", "jwk", "noteKey"], [], wrong);
    const key = keyOf(jwk) ?? wrong("a member's jwk is no P-256 key");
    if (!isText(name) || name === "" || charLength(name) > 200 || hasControl(name)) wrong("a member's name is wrong");
    if (kid !== key.thumbprint) wrong("a member's kid is not that of its key");
    if (!isHash(noteKey) || !isEd25519Key(fromBase64url(noteKey))) wrong("a member's noteKey is no Ed25519 key");
    return { kid, name, key, noteKey };
  });
  checkApart(members, wrong);
  return members;
}

/** Checks that members stand in their order and are told apart by what names them. */
export function checkApart(members, wrong) {
  const bytes = (kid) => [...fromBase64url(kid)].map((byte) => String.fromCharCode(byte)).join("");
  if (members.some((member, at) => at > 0 && bytes(members[at - 1].kid) >= bytes(member.kid))) wrong("the members are out of order");
  const twice = (read) => new Set(members.map(read)).size < members.length;
  if (twice(({ kid }) => bytes(kid).slice(0, KID_BYTES))) wrong(`two members' kids have the first ${KID_BYTES} bytes in common`);
  if (twice(({ noteKey }) => noteKey)) wrong("two members have one noteKey");
}

/** The members' one JSON form, over which `membersHash` goes. */
export const membersText = (members) => `[${members.map(memberText).join(",")}]`;

/** A member's own JSON in that form. */
export function memberText({ kid, name, key, noteKey }) {
  const jwk = `{"kty":"EC","crv":"P-256","x":"${key.x}","y":"${key.y}"}`;
  return `{"kid":"${kid}","name":${JSON.stringify(name)},"jwk":${jwk},"noteKey":"${noteKey}"}`;
}

/** The hash of the members, as seals name them. */
export const membersHash = (members) => digest(utf8(membersText(members)));

const SEAL_HASHES = ["previousRoot", "indexRoot", "membersHash", "nextMembersHash"];
const SEAL = ["version", "height", "time", "previousSize", ...SEAL_HASHES, "rules", "enacted"];
const SEAL_VERSION = 2;
export const OLDER_LEDGER = "a ledger of an earlier version cannot be read, nor changed into one of this: start a new one";

/** Checks that a block was made by rules that are known here. */
export function checkRules(rules, wrong) {
  if (!isCount(rules)) wrong("the number of its rules is malformed");
  if (rules !== RULES) wrong(`it goes by rules ${rules}, and rules ${RULES} are known here; use a newer version of this program`);
}

/** A seal's one form. `time` is text. */
export const sealText = (seal) => JSON.stringify({ version: SEAL_VERSION, ...seal });

/** Reads a seal's JSON, whose one form is checked byte for byte. `time` becomes milliseconds. */
export function parseSeal(text, leaf) {
  const wrong = (message) => fail("seal", `the seal of leaf ${leaf}: ${message}`);
  const value = asEvidence("seal", `the seal of leaf ${leaf}`, () => parse(text));
  if (isMap(value) && value.has("version")) checkVersion(value.get("version"), SEAL_VERSION, OLDER_LEDGER, wrong);
  const seal = membersOf(value, SEAL, [], wrong);
  if (!isCount(seal.height) || !isCount(seal.previousSize)) wrong("a number is malformed");
  if (!SEAL_HASHES.every((name) => isHash(seal[name]))) wrong("a hash is malformed");
  const time = isText(seal.time) ? timeOf(seal.time) : undefined;
  if (time === undefined) wrong("its time is malformed");
  checkRules(seal.rules, wrong);
  const { enacted } = seal;
  if (!Array.isArray(enacted) || !enacted.every(isHash) || enacted.length > ENACTED_MAX || new Set(enacted).size < enacted.length) {
    wrong(`it enacts up to ${ENACTED_MAX} proposals, none twice, each by its id`);
  }
  if (JSON.stringify({ ...seal, time: timeText(time) }) !== text) wrong("it is not written in its one form");
  const first = seal.height === 0;
  if (first !== (seal.previousSize === 0) || first !== (seal.previousRoot === NOTHING)) wrong("only genesis follows nothing");
  return { ...seal, time, text };
}

/** Checks that a seal found at a leaf is the one that belongs to this checkpoint and commit. */
export function checkSealPlace(seal, leaf, checkpoint, commit) {
  const wrong = (message) => fail("seal-place", `the checkpoint's seal: ${message}`);
  if (leaf + 1 !== checkpoint.size) wrong(`it stands at leaf ${leaf}, not at the last of ${checkpoint.size}`);
  if (seal.height !== commit.height) wrong(`it has height ${seal.height}, and the commit ${commit.height}`);
  if (seal.previousSize >= checkpoint.size) wrong("it says that its block begins after the checkpoint's end");
}

/** The data of a seal's leaf. */
export const sealLeaf = (text) => concat(Uint8Array.of(0), utf8(text));

/** The data of a statement's leaf: itself where it fits, else its hash and length. */
export function statementLeaf(compact) {
  const bytes = utf8(compact);
  if (bytes.length < LEAF_BYTES_MAX) return concat(Uint8Array.of(1), bytes);
  return concat(Uint8Array.of(2), sha256(bytes), u32be(bytes.length));
}
