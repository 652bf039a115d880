// Merkle proofs: RFC 9162 trees, several leaves at once, and the index (docs/FORMATS.md, "Tree", "Index").
//
// Hashes are bytes here. Every function throws a `ProofError` with the reason, or returns.

import { equal, sha256, toBase64url, u64be, utf8 } from "./bytes.js";

export class ProofError extends Error {}

const wrong = (message) => {
  throw new ProofError(message);
};
const byte = (value) => Uint8Array.of(value);
const [LEAF, NODE, SUBJECT, INNER, EMPTY, VALUE] = [0, 1, 2, 3, 4, 5].map(byte);

export const leafHash = (data) => sha256(LEAF, data);
export const nodeHash = (left, right) => sha256(NODE, left, right);

/** The root of a tree with these leaf hashes. */
export function rootOf(hashes) {
  if (hashes.length === 0) return sha256();
  let level = hashes;
  while (level.length > 1) {
    const above = [];
    for (let at = 0; at + 1 < level.length; at += 2) above.push(nodeHash(level[at], level[at + 1]));
    if (level.length % 2 === 1) above.push(level[level.length - 1]);
    level = above;
  }
  return level[0];
}

/** The root that an inclusion proof (RFC 9162 §2.1.3.2) leads to. */
export function inclusionRoot(index, size, hash, proof) {
  if (!(index < size)) wrong(`leaf ${index} is not in a tree of ${size}`);
  let [node, last] = [index, size - 1];
  for (const sibling of proof) {
    if (last === 0) wrong("the proof is too long");
    if (node % 2 === 1 || node === last) {
      hash = nodeHash(sibling, hash);
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)];
    } else {
      hash = nodeHash(hash, sibling);
    }
    [node, last] = [half(node), half(last)];
  }
  if (last !== 0) wrong("the proof is too short");
  return hash;
}

// Sizes go up to 2^53, and JavaScript's shifts only to 2^32.
const half = (number) => Math.floor(number / 2);

/** Checks that the tree `to` begins with the tree `from`, each `{size, root}` (RFC 9162 §2.1.4.2). */
export function verifyConsistency(from, to, proof) {
  if (!(from.size >= 1 && from.size <= to.size)) wrong("consistency runs from one leaf or more to as many or more");
  if (from.size === to.size) {
    if (proof.length !== 0) wrong("the proof is too long");
    if (!equal(from.root, to.root)) wrong("two trees of one size have different roots");
    return;
  }
  const isPower = 2 ** Math.round(Math.log2(from.size)) === from.size;
  const hashes = isPower ? [from.root, ...proof] : [...proof];
  if (hashes.length === 0) wrong("the proof is too short");
  let [node, last] = [from.size - 1, to.size - 1];
  while (node % 2 === 1) [node, last] = [half(node), half(last)];
  let [earlier, later] = [hashes[0], hashes[0]];
  for (const sibling of hashes.slice(1)) {
    if (last === 0) wrong("the proof is too long");
    if (node % 2 === 1 || node === last) {
      earlier = nodeHash(sibling, earlier);
      later = nodeHash(sibling, later);
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)];
    } else {
      later = nodeHash(later, sibling);
    }
    [node, last] = [half(node), half(last)];
  }
  if (last !== 0) wrong("the proof is too short");
  if (!equal(earlier, from.root)) wrong("the proof leads to another earlier root");
  if (!equal(later, to.root)) wrong("the proof leads to another root");
}

/** The root that a multi-leaf inclusion proof leads to. `leaves` are `[index, hash]`, ascending by index. */
export function multiRoot(size, leaves, proof) {
  if (leaves.length === 0) wrong("no leaf is shown");
  for (let at = 0; at < leaves.length; at++) {
    if (at > 0 && leaves[at][0] <= leaves[at - 1][0]) wrong("the leaves do not ascend");
  }
  if (leaves[leaves.length - 1][0] >= size) wrong("a leaf lies outside the tree");
  let [shown, used] = [0, 0];
  const range = (lo, hi) => {
    if (shown === leaves.length || leaves[shown][0] >= hi) {
      if (used === proof.length) wrong("the proof is too short");
      return proof[used++];
    }
    if (hi - lo === 1) return leaves[shown++][1];
    const middle = lo + powerBelow(hi - lo);
    const left = range(lo, middle);
    return nodeHash(left, range(middle, hi));
  };
  const root = range(0, size);
  if (used !== proof.length) wrong("the proof is too long");
  return root;
}

/** The largest power of two below `width`, which is 2 or more. */
function powerBelow(width) {
  let power = 2 ** (Math.ceil(Math.log2(width)) - 1);
  while (power * 2 < width) power *= 2;
  while (power >= width) power /= 2;
  return power;
}

/** In the order of their bytes, from 1. */
export const KINDS = [
  "id", "party", "prefix", "transformation", "policy", "recall", "blind", "mandate", "owner", "document", "transaction",
  "key", "contract", "notice", "erasure", "proposal", "fault",
];
const KEY_DOMAIN = utf8("sealane/index/v2\0");

export const kindByte = (kind) => KINDS.indexOf(kind) + 1;
export const subjectKey = (kind, text) => sha256(KEY_DOMAIN, byte(kindByte(kind)), utf8(text));
export const emptyHash = () => EMPTY_HASH;
const EMPTY_HASH = sha256(EMPTY);
/** Of a list's entry: `signer` is the 17 bytes that name who signed the leaf, `acts` what was done. */
export const entryHash = ({ leaf, signer, acts }) => sha256(LEAF, u64be(leaf), signer, byte(acts));
export const valueHash = (count, listRoot) => sha256(VALUE, u64be(count), listRoot);

const nodeOf = (key, value) => sha256(SUBJECT, key, value);

/** The root of the index with these subjects and no others, each `{key, value}`. */
export function indexRoot(subjects, depth = 0) {
  if (subjects.length === 0) return EMPTY_HASH;
  if (subjects.length === 1) return nodeOf(subjects[0].key, subjects[0].value);
  const under = (right) => indexRoot(subjects.filter(({ key }) => turnsRight(key, depth) === right), depth + 1);
  return sha256(INNER, under(false), under(true));
}

const turnsRight = (key, depth) => ((key[depth >> 3] >> (7 - (depth & 7))) & 1) === 1;

function sharedBits(one, other) {
  for (let depth = 0; depth < 256; depth++) if (turnsRight(one, depth) !== turnsRight(other, depth)) return depth;
  return 256;
}

/**
 * Checks what the index says of one subject:
 * `{kind, subject, count, first, leaves, signers, acts, path, siblings, other: {key, value} | undefined}`, hashes and
 * signers as bytes.
 */
export function verifyIndexEntry(entry, root) {
  const key = subjectKey(entry.kind, entry.subject);
  const depth = entry.siblings.length;
  if (depth > 256) wrong(`the way has ${depth} steps; a key has 256 bits`);
  let hash = entry.count === 0 ? vacancy(entry, key, depth) : presence(entry, key);
  for (let at = depth - 1; at >= 0; at--) {
    if (entry.siblings[at] && equal(entry.siblings[at], EMPTY_HASH)) wrong("an empty subtree is written out");
    const sibling = entry.siblings[at] ?? EMPTY_HASH;
    hash = turnsRight(key, at) ? sha256(INNER, sibling, hash) : sha256(INNER, hash, sibling);
  }
  if (!equal(hash, root)) wrong(`the proof leads to the index root ${toBase64url(hash)}, which is not the seal's`);
}

function vacancy(entry, key, depth) {
  if (entry.first !== 0 || entry.leaves.length > 0 || entry.path.length > 0) wrong("an absent subject has no leaves");
  if (!entry.other) return EMPTY_HASH;
  if (equal(entry.other.key, key) || sharedBits(entry.other.key, key) < depth) {
    wrong("the other key cannot stand at the end of this way");
  }
  return nodeOf(entry.other.key, entry.other.value);
}

function presence(entry, key) {
  if (entry.other) wrong("a present subject has no other in its place");
  const listRoot = partRoot(entry);
  return nodeOf(key, valueHash(entry.count, listRoot));
}

function partRoot({ count, first, leaves, signers, acts, path }) {
  for (let at = 1; at < leaves.length; at++) if (leaves[at - 1] >= leaves[at]) wrong("the list does not ascend");
  if (leaves.length === 0) {
    if (first !== 0 || path.length !== 1) wrong("of a list of which nothing is shown, the path is its root alone");
    return path[0];
  }
  if (first + leaves.length > count) wrong("more leaves are shown than the list has");
  const entry = (leaf, at) => [first + at, entryHash({ leaf, signer: signers[at], acts: acts[at] })];
  return multiRoot(count, leaves.map(entry), path);
}

