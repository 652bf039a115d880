import assert from "node:assert/strict";
import { test } from "node:test";

import { ProofError, entryHash, inclusionRoot, indexRoot, multiRoot, rootOf, verifyConsistency, verifyIndexEntry } from "../../web/verify/tree.js";
import { emptyNode, innerNode, listEntryHash, listValueHash, signerBytes, subjectKey, subjectNode } from "./builders/formats.mjs";
import { NaiveIndex, b64, hash, naiveMultiProof, naiveRoot } from "./ledger.mjs";

let state = 1;

/** A number from 0 to 1: the same ones in every run (a linear congruential generator). */
function random() {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
}

const ACME = "00000000-0000-4000-8000-000000000001";
const entryOf = (leaf) => ({ leaf, signer: ACME, acts: leaf % 256 });
/** What an entry of the index shows of these leaves. */
const showing = (leaves) => ({ leaves, signers: leaves.map(() => signerBytes(ACME)), acts: leaves.map((leaf) => entryOf(leaf).acts) });
const leavesOf = (count) => Array.from({ length: count }, (_, at) => hash([0], [at]));

/** RFC 9162 §2.1.3.1 and §2.1.4.1, as they stand there. */
function path(m, leaves) {
  if (leaves.length <= 1) return [];
  const k = split(leaves.length);
  return m < k ? [...path(m, leaves.slice(0, k)), naiveRoot(leaves.slice(k))] : [...path(m - k, leaves.slice(k)), naiveRoot(leaves.slice(0, k))];
}

function subproof(m, leaves, whole) {
  if (m === leaves.length) return whole ? [] : [naiveRoot(leaves)];
  const k = split(leaves.length);
  if (m <= k) return [...subproof(m, leaves.slice(0, k), whole), naiveRoot(leaves.slice(k))];
  return [...subproof(m - k, leaves.slice(k), false), naiveRoot(leaves.slice(0, k))];
}

function split(count) {
  let k = 1;
  while (k * 2 < count) k *= 2;
  return k;
}

const same = (a, b) => Buffer.from(a).equals(Buffer.from(b));
const holds = (check) => {
  try {
    return check() !== false;
  } catch (error) {
    if (error instanceof ProofError) return false;
    throw error;
  }
};

test("roots and inclusion proofs are those of a naive tree", () => {
  for (let size = 1; size < 40; size++) {
    const leaves = leavesOf(size);
    const root = naiveRoot(leaves);
    assert.ok(same(rootOf(leaves), root));
    for (let at = 0; at < size; at++) {
      const proof = path(at, leaves);
      assert.ok(same(inclusionRoot(at, size, leaves[at], proof), root), `${at} of ${size}`);
      for (const other of [at + 1, size, at - 1].filter((index) => index !== at && index >= 0)) {
        assert.ok(!holds(() => same(inclusionRoot(other, size, leaves[at], proof), root)), `${at} as ${other} of ${size}`);
      }
      assert.ok(!holds(() => same(inclusionRoot(at, size, leaves[at], [...proof, root]), root)));
      if (proof.length > 0) assert.ok(!holds(() => same(inclusionRoot(at, size, leaves[at], proof.slice(1)), root)));
    }
  }
});

test("consistency proofs are those of a naive tree", () => {
  for (let to = 1; to < 34; to++) {
    const leaves = leavesOf(to);
    const later = { size: to, root: naiveRoot(leaves) };
    for (let from = 1; from <= to; from++) {
      const earlier = { size: from, root: naiveRoot(leaves.slice(0, from)) };
      const proof = subproof(from, leaves, true);
      verifyConsistency(earlier, later, proof);
      const other = { size: from, root: hash([from]) };
      assert.ok(!holds(() => verifyConsistency(other, later, proof)), `${from} to ${to}`);
      assert.ok(!holds(() => verifyConsistency(earlier, { size: to, root: hash([to]) }, proof)));
      assert.ok(!holds(() => verifyConsistency(earlier, later, [...proof, hash()])));
      if (proof.length > 0) assert.ok(!holds(() => verifyConsistency(earlier, later, proof.slice(0, -1))));
    }
  }
  assert.ok(!holds(() => verifyConsistency({ size: 0, root: hash() }, { size: 1, root: hash() }, [])));
});

test("multi-leaf proofs show exactly the leaves that they are for", () => {
  for (let size = 1; size < 20; size++) {
    const leaves = leavesOf(size);
    const root = naiveRoot(leaves);
    for (let round = 0; round < 30; round++) {
      const shown = leaves.map((_, at) => at).filter(() => random() < 0.3);
      if (shown.length === 0) continue;
      const proof = naiveMultiProof(leaves, shown);
      const pairs = shown.map((at) => [at, leaves[at]]);
      assert.ok(same(multiRoot(size, pairs, proof), root));
      const fails = (others, by = proof, of = size) => assert.ok(!holds(() => same(multiRoot(of, others, by), root)));
      fails([]);
      fails(pairs.map(([at, leaf], index) => [at, index === 0 ? hash([1]) : leaf]));
      fails(pairs, [...proof, root]);
      if (proof.length > 0) fails(pairs, proof.slice(1));
      if (proof.length > 1 && !same(proof[0], proof[1])) fails(pairs, [proof[1], proof[0], ...proof.slice(2)]);
      if (pairs.length > 1) {
        fails(pairs.slice(1));
        fails([...pairs].reverse());
        fails([pairs[0], ...pairs]);
      }
      fails([...pairs, [size, leaves[0]]]);
    }
  }
  const last = 2 ** 53 - 2;
  assert.ok(!holds(() => multiRoot(2 ** 53 - 1, [[last, hash()]], [])), "as deep as a tree can be");
});

test("the index proves presence, parts and absence, and no change of them", () => {
  const bytes = (entry) => ({
    ...entry,
    signers: entry.signers.map(signerBytes),
    path: entry.path.map((text) => Buffer.from(text, "base64url")),
    siblings: entry.siblings.map((text) => (text === null ? undefined : Buffer.from(text, "base64url"))),
    other: entry.other && { key: Buffer.from(entry.other.key, "base64url"), value: Buffer.from(entry.other.value, "base64url") },
  });
  for (let round = 0; round < 16; round++) {
    const lists = new Map();
    for (let subject = 0; subject < round; subject++) {
      const leaves = new Set(Array.from({ length: 1 + (subject % 5) }, () => Math.floor(random() * 1000)));
      lists.set(`id urn:x:${subject}`, [...leaves].sort((a, b) => a - b).map(entryOf));
    }
    const index = new NaiveIndex(lists);
    const root = index.root();
    for (const [subject, list] of lists) {
      const all = list.map(({ leaf }) => leaf);
      for (let first = 0; first < list.length; first++) {
        for (let end = first + 1; end <= list.length; end++) {
          const entry = bytes(index.entry(subject, first, all.slice(first, end)));
          verifyIndexEntry(entry, root);
          const more = { leaves: [...entry.leaves, 2000], signers: [...entry.signers, signerBytes(ACME)], acts: [...entry.acts, 0] };
          const changes = [
            { leaves: entry.leaves.slice(1) }, more, { count: entry.count + 1 }, { first: first + 1 },
            { subject: "urn:x:other" }, { kind: "recall" }, { siblings: [...entry.siblings, undefined] },
            { path: [...entry.path, hash()] }, { other: { key: hash(), value: hash() } }, { count: 0, leaves: [], first: 0, path: [] },
            { leaves: entry.leaves.map((leaf) => leaf + 1) }, { acts: entry.acts.map((acts) => acts ^ 1) },
            { signers: entry.signers.map(() => signerBytes("00000000-0000-4000-8000-000000000002")) },
            { signers: entry.signers.map((signer) => Buffer.concat([Buffer.from([1]), signer.subarray(1)])) },
          ];
          for (const change of changes) assert.ok(!holds(() => verifyIndexEntry({ ...entry, ...change }, root)), JSON.stringify(change));
        }
      }
      const nothing = { ...bytes(index.entry(subject, 0, all)), ...showing([]), path: [naiveRoot(list.map(listEntryHash))] };
      verifyIndexEntry(nothing, root);
      assert.ok(!holds(() => verifyIndexEntry({ ...nothing, first: 1 }, root)));
    }
    for (let absent = 0; absent < 5; absent++) {
      const entry = bytes(index.entry(`id urn:absent:${Math.floor(random() * 1e9)}`, 0, []));
      verifyIndexEntry(entry, root);
      assert.ok(!holds(() => verifyIndexEntry({ ...entry, ...showing([1]) }, root)));
      assert.ok(!holds(() => verifyIndexEntry({ ...entry, count: 1, ...showing([1]) }, root)));
      assert.ok(!holds(() => verifyIndexEntry(entry, hash([9]))));
    }
  }
  const written = { kind: "id", subject: "urn:x:1", count: 0, first: 0, ...showing([]), path: [], siblings: [hash([4])] };
  assert.ok(!holds(() => verifyIndexEntry(written, hash([3], hash([4]), hash([4])))), "an empty subtree written out");
});

test("a list's entry is 26 bytes: its leaf, its signer and its acts", () => {
  const member = b64(Buffer.alloc(16, 7));
  for (const [leaf, signer, acts] of [[0, ACME, 0], [2 ** 40 + 1, ACME, 0xff], [5, member, 0]]) {
    const bytes = Buffer.concat([u64(leaf), signerBytes(signer), Buffer.from([acts])]);
    assert.equal(bytes.length, 26);
    assert.ok(same(entryHash({ leaf, signer: signerBytes(signer), acts }), hash([0], bytes)));
  }
});

test("the root over subjects is that of a naive index", () => {
  for (let count = 0; count < 20; count++) {
    const index = new NaiveIndex(new Map(Array.from({ length: count }, (_, at) => [`party ${at}`, [entryOf(at)]])));
    assert.ok(same(indexRoot(index.nodes), index.root()), `${count}`);
  }
});

const u64 = (number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(number));
  return bytes;
};

// --- Proofs that lead to a signed root all the same: what a node could sign that lies.

const bitOf = (text) => subjectKey("id", text)[0] >> 7;
/** A subject whose key begins with a bit. */
const subjectAt = (bit, number = 0) => (bitOf(`urn:x:${number}`) === bit ? `urn:x:${number}` : subjectAt(bit, number + 1));
const refusesEntry = (entry, root, because) =>
  assert.throws(() => verifyIndexEntry(entry, root), (error) => error instanceof ProofError && because.test(error.message), String(because));
const absent = (subject, members) => ({ kind: "id", subject, count: 0, first: 0, leaves: [], signers: [], acts: [], path: [], siblings: [], ...members });

test("a subject's own node does not prove its absence", () => {
  for (const depth of [0, 1, 5]) {
    const subject = "urn:x:present";
    const key = subjectKey("id", subject);
    const value = listValueHash(1, listEntryHash(entryOf(7)));
    const beside = hash("another");
    let root = subjectNode(key, value);
    for (let at = depth - 1; at >= 0; at--) root = (key[at >> 3] >> (7 - (at & 7))) & 1 ? innerNode(beside, root) : innerNode(root, beside);
    const siblings = Array(depth).fill(beside);
    verifyIndexEntry({ ...absent(subject, { siblings }), count: 1, ...showing([7]) }, root);
    refusesEntry(absent(subject, { siblings, other: { key, value } }), root, /cannot stand at the end of this way/);
  }
});

test("another subject proves an absence only at the end of the way that both go", () => {
  const [left, right] = [subjectAt(0), subjectAt(1)];
  const value = listValueHash(1, listEntryHash(entryOf(7)));
  const other = (subject) => ({ key: subjectKey("id", subject), value });
  const node = (subject) => subjectNode(subjectKey("id", subject), value);
  // Alone in the index, it proves that every other subject is absent.
  verifyIndexEntry(absent(left, { other: other(right) }), node(right));
  // A node signed the right one's into the left half.
  const lie = innerNode(node(right), emptyNode());
  refusesEntry(absent(left, { siblings: [undefined], other: other(right) }), lie, /cannot stand at the end of this way/);
  const third = subjectAt(0, Number(left.split(":")[2]) + 1);
  verifyIndexEntry(absent(left, { siblings: [undefined], other: other(third) }), innerNode(node(third), emptyNode()));
});

test("an absent subject has no leaves, whatever the proof leads to", () => {
  for (const change of [{ first: 1 }, { leaves: [7] }, { path: [hash()] }]) refusesEntry(absent("urn:x:1", change), emptyNode(), /has no leaves/);
  verifyIndexEntry(absent("urn:x:1"), emptyNode());
});

test("a list that was signed out of order, or with a leaf twice, is no list", () => {
  const key = subjectKey("id", "urn:x:1");
  const entry = (leaves) => ({ ...absent("urn:x:1"), count: leaves.length, ...showing(leaves) });
  const root = (leaves) => subjectNode(key, listValueHash(leaves.length, naiveRoot(leaves.map((leaf) => listEntryHash(entryOf(leaf))))));
  verifyIndexEntry(entry([3, 5, 9]), root([3, 5, 9]));
  for (const leaves of [[5, 3], [3, 3], [3, 9, 5], [3, 5, 5]]) refusesEntry(entry(leaves), root(leaves), /does not ascend/);
});

test("of a list of which nothing is shown the path is its root alone", () => {
  const list = naiveRoot([3, 5].map((leaf) => listEntryHash(entryOf(leaf))));
  const root = subjectNode(subjectKey("id", "urn:x:1"), listValueHash(2, list));
  const nothing = { ...absent("urn:x:1"), count: 2, path: [list] };
  verifyIndexEntry(nothing, root);
  refusesEntry({ ...nothing, path: [list, hash()] }, root, /its root alone/);
  refusesEntry({ ...nothing, path: [] }, root, /its root alone/);
  refusesEntry({ ...nothing, first: 2 }, root, /its root alone/);
});

test("more leaves than a list has are not shown of it", () => {
  const list = naiveRoot([3, 5].map((leaf) => listEntryHash(entryOf(leaf))));
  const root = subjectNode(subjectKey("id", "urn:x:1"), listValueHash(2, list));
  refusesEntry({ ...absent("urn:x:1"), count: 2, first: 2, ...showing([9]), path: [list] }, root, /more leaves are shown than the list has/);
});

test("a present subject has no other in its place", () => {
  const root = subjectNode(subjectKey("id", "urn:x:1"), listValueHash(1, listEntryHash(entryOf(7))));
  const present = { ...absent("urn:x:1"), count: 1, ...showing([7]) };
  verifyIndexEntry(present, root);
  refusesEntry({ ...present, other: { key: hash(), value: hash() } }, root, /no other in its place/);
});

test("a way has as many steps as a key has bits, at most", () => {
  const way = (depth) => {
    const key = subjectKey("id", "urn:x:1");
    let root = emptyNode();
    for (let at = depth - 1; at >= 0; at--) root = (key[at >> 3] >> (7 - (at & 7))) & 1 ? innerNode(emptyNode(), root) : innerNode(root, emptyNode());
    return [absent("urn:x:1", { siblings: Array(depth).fill(undefined) }), root];
  };
  verifyIndexEntry(...way(256));
  refusesEntry(...way(257), /257 steps/);
});

test("a multi-leaf proof takes each leaf once, and none outside of the tree", () => {
  const leaves = leavesOf(2);
  const root = naiveRoot(leaves);
  assert.ok(same(multiRoot(2, [[1, leaves[1]]], [leaves[0]]), root));
  const hidden = hash("hidden");
  for (const shown of [[[1, leaves[1]], [1, hidden]], [[1, leaves[1]], [0, hidden]]]) {
    assert.throws(() => multiRoot(2, shown, [leaves[0]]), /do not ascend/);
  }
  // The whole tree stands for a range without a leaf.
  assert.throws(() => multiRoot(2, [[2, hidden]], [root]), /outside the tree/);
  assert.throws(() => multiRoot(2, [[0, leaves[0]], [2, hidden]], [leaves[1]]), /outside the tree/);
  assert.throws(() => multiRoot(2, [], [root]), /no leaf/);
});

test("an inclusion proof has the length of its way", () => {
  const [leaf] = leavesOf(1);
  assert.ok(same(inclusionRoot(0, 1, leaf, []), leaf));
  assert.throws(() => inclusionRoot(0, 1, leaf, [hash()]), /too long/);
  assert.throws(() => inclusionRoot(0, 2, leaf, []), /too short/);
  for (const [index, size] of [[1, 1], [2, 1], [0, 0], [NaN, 1]]) assert.throws(() => inclusionRoot(index, size, leaf, []), /is not in a tree/);
});
