// The ledger's own formats: checkpoint, commit, members, seal, leaf, trust anchor (docs/FORMATS.md).

import {
  charLength, concat, digest, fail, fromBase64, fromBase64url, hasControl, hasSpace, isHash, sha256, timeOf,
  timeText, u32be, u64be, utf8,
} from "./bytes.js";
import { asEvidence, isText, isWhole, membersOf, parse } from "./json.js";
import { keyOf, parseStatement } from "./jws.js";

export const SIZE_MAX = Number.MAX_SAFE_INTEGER;
const LEAF_BYTES_MAX = 65535;
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

/** Reads the members of a consortium from parsed JSON, in their one order: `[{kid, name, key}]`. */
export function readMembers(value, wrong) {
  if (!Array.isArray(value) || value.length < 1 || value.length > 100) wrong("there are 1 to 100 members");
  const members = value.map((item) => {
    const { kid, name, jwk } = membersOf(item, ["kid", "name", "jwk"], [], wrong);
    const key = keyOf(jwk) ?? wrong("a member's jwk is no P-256 key");
    if (!isText(name) || name === "" || charLength(name) > 200 || hasControl(name)) wrong("a member's name is wrong");
    if (kid !== key.thumbprint) wrong("a member's kid is not that of its key");
    return { kid, name, key };
  });
  const hex = (kid) => [...fromBase64url(kid)].map((byte) => String.fromCharCode(byte)).join("");
  if (members.some((member, at) => at > 0 && hex(members[at - 1].kid) >= hex(member.kid))) wrong("the members are out of order");
  return members;
}

/** The members' one JSON form, over which `membersHash` goes. */
export function membersText(members) {
  const one = ({ kid, name, key }) =>
    `{"kid":"${kid}","name":${JSON.stringify(name)},"jwk":{"kty":"EC","crv":"P-256","x":"${key.x}","y":"${key.y}"}}`;
  return `[${members.map(one).join(",")}]`;
}

const SEAL_HASHES = ["previousRoot", "indexRoot", "membersHash", "nextMembersHash"];
const SEAL = ["version", "height", "time", "previousSize", ...SEAL_HASHES];

/** Reads a seal's JSON, whose one form is checked byte for byte. `time` becomes milliseconds. */
export function parseSeal(text, leaf) {
  const wrong = (message) => fail("seal", `the seal of leaf ${leaf}: ${message}`);
  const seal = membersOf(asEvidence("seal", `the seal of leaf ${leaf}`, () => parse(text)), SEAL, [], wrong);
  if (!isCount(seal.version) || !isCount(seal.height) || !isCount(seal.previousSize)) wrong("a number is malformed");
  if (!SEAL_HASHES.every((name) => isHash(seal[name]))) wrong("a hash is malformed");
  const time = isText(seal.time) ? timeOf(seal.time) : undefined;
  if (time === undefined) wrong("its time is malformed");
  if (seal.version !== 1) wrong(`its version ${seal.version} is unknown`);
  if (JSON.stringify({ ...seal, time: timeText(time) }) !== text) wrong("it is not written in its one form");
  const first = seal.height === 0;
  if (first !== (seal.previousSize === 0) || first !== (seal.previousRoot === NOTHING)) wrong("only genesis follows nothing");
  return { ...seal, time, text };
}

/** The data of a seal's leaf. */
export const sealLeaf = (text) => concat(Uint8Array.of(0), utf8(text));

/** The data of a statement's leaf: itself where it fits, else its hash and length. */
export function statementLeaf(compact) {
  const bytes = utf8(compact);
  if (bytes.length < LEAF_BYTES_MAX) return concat(Uint8Array.of(1), bytes);
  return concat(Uint8Array.of(2), sha256(bytes), u32be(bytes.length));
}

/**
 * Reads a trust anchor: `{origin, members, fingerprint}`. `signatures` is asked for that of the genesis
 * statement.
 */
export function readAnchor(anchor, signatures, readAdmin) {
  const wrong = (message) => fail("anchor", `the trust anchor: ${message}`);
  const document = membersOf(anchor, ["version", "origin", "fingerprint", "members", "genesis"], [], wrong);
  if (document.version !== 1) wrong("its version is unknown");
  if (!isText(document.genesis)) wrong("genesis is no statement");
  const statement = parseStatement(document.genesis);
  const genesis = readAdmin(statement.payload, wrong);
  if (genesis.type !== "genesis") wrong("its statement is no genesis statement");
  if (statement.aud !== genesis.origin) wrong("its genesis statement is for another ledger");
  const signer = genesis.members.find((member) => member.kid === statement.signer);
  if (statement.typ !== "sealane-admin+jws" || !signer) wrong("its genesis statement is signed by no member that it names");
  signatures.ask(signer.key, statement.input, statement.signature, () => wrong("its signature does not hold"));
  const members = document.members;
  const same = Array.isArray(members) && members.length === genesis.members.length && members.every((item, at) => {
    const { name, kid, jwk } = membersOf(item, ["name", "kid", "jwk"], [], wrong);
    const own = genesis.members[at];
    return name === own.name && kid === own.kid && keyOf(jwk)?.thumbprint === own.kid;
  });
  if (document.origin !== genesis.origin || document.fingerprint !== statement.id || !same) {
    wrong("its origin, fingerprint or members are not those of its genesis statement");
  }
  return { origin: genesis.origin, members: genesis.members, fingerprint: statement.id };
}
