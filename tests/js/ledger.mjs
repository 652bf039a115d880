// A ledger in memory, made the plain way: what the verifier is tested against. It shares the verifier's reading of
// statements and its `follow`, and none of its proofs.

import { generateKeyPairSync, sign } from "node:crypto";

import "./webcrypto.mjs";
import {
  anchorDocument, b64, checkpointText, commitBytes, emptyNode, evidenceDocument, genesisPayload, handoverDocument, hash, innerNode,
  listEntryHash, listValueHash, memberEntry, memberSigner, membersHash, registrationPayload, revocationPayload, rfc, sealLeaf, sealText, statementLeaf,
  subjectKey, subjectNode,
} from "./builders/formats.mjs";
import { actsOf } from "../../web/verify/acts.js";
import { readEpcis } from "../../web/verify/epcis.js";
import { firstWanted, follow, isBeforeSpan } from "../../web/verify/follow.js";
import { bySubject, kindOf, namesOfAdmin, namesOfEvent, textOf } from "../../web/verify/subjects.js";
import { parseQuestion } from "../../web/verify/gs1.js";
import { Signatures, keyOf } from "../../web/verify/jws.js";
import { parse } from "../../web/verify/json.js";
import { Registry, readAdmin } from "../../web/verify/registry.js";

export { b64, hash, rfc, statementLeaf } from "./builders/formats.mjs";

/** A P-256 key with its JWK and its thumbprint. */
export class Key {
  constructor() {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const { kty, crv, x, y } = publicKey.export({ format: "jwk" });
    const note = generateKeyPairSync("ed25519");
    Object.assign(this, { notePrivateKey: note.privateKey, noteKey: note.publicKey.export({ format: "jwk" }).x });
    Object.assign(this, { privateKey, jwk: { kty, crv, x, y }, kid: b64(hash(publicKey.export({ format: "der", type: "spki" }))) });
  }

  sign(bytes) {
    return sign("sha256", Buffer.from(bytes), { key: this.privateKey, dsaEncoding: "ieee-p1363" });
  }

  statement(header, payload) {
    const text = typeof payload === "string" ? payload : JSON.stringify(payload);
    const input = `${b64(JSON.stringify(header))}.${b64(text)}`;
    return `${input}.${b64(this.sign(input))}`;
  }
}

/** The root of a tree, by the definition of RFC 9162 §2.1.1. */
export function naiveRoot(leaves) {
  if (leaves.length === 0) return hash();
  if (leaves.length === 1) return leaves[0];
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  return hash([1], naiveRoot(leaves.slice(0, k)), naiveRoot(leaves.slice(k)));
}

/** A multi-leaf proof, by the definition in docs/FORMATS.md. */
export function naiveMultiProof(leaves, shown) {
  const walk = (lo, hi) => {
    if (!shown.some((leaf) => lo <= leaf && leaf < hi)) return [naiveRoot(leaves.slice(lo, hi))];
    if (hi - lo === 1) return [];
    let k = 1;
    while (k * 2 < hi - lo) k *= 2;
    return [...walk(lo, lo + k), ...walk(lo + k, hi)];
  };
  return walk(0, leaves.length);
}

const bit = (key, depth) => (key[depth >> 3] >> (7 - (depth & 7))) & 1;

/** The index over lists of `{leaf, signer, acts}` by subject, by the definition in docs/FORMATS.md. */
export class NaiveIndex {
  constructor(lists) {
    this.lists = lists;
    this.nodes = [...lists].map(([subject, list]) => {
      const key = NaiveIndex.key(subject);
      const value = listValueHash(list.length, naiveRoot(list.map(listEntryHash)));
      return { subject, key, value };
    });
  }

  /** The order of subjects in evidence. */
  static order(a, b) {
    return bySubject(a, b);
  }

  static key(subject) {
    return subjectKey(kindOf(subject), textOf(subject));
  }

  root(nodes = this.nodes, depth = 0) {
    if (nodes.length === 0) return emptyNode();
    if (nodes.length === 1) return subjectNode(nodes[0].key, nodes[0].value);
    const [left, right] = [0, 1].map((side) => nodes.filter(({ key }) => bit(key, depth) === side));
    return innerNode(this.root(left, depth + 1), this.root(right, depth + 1));
  }

  /**
   * The entry of evidence for a subject, showing `leaves` from the position `first` of its list. Its `signers` are texts
   * (`evidenceDocument` numbers them).
   */
  entry(subject, first, leaves) {
    const key = NaiveIndex.key(subject);
    const siblings = [];
    let [nodes, depth] = [this.nodes, 0];
    while (nodes.length > 1) {
      const here = nodes.filter((node) => bit(node.key, depth) === bit(key, depth));
      const beside = nodes.filter((node) => bit(node.key, depth) !== bit(key, depth));
      siblings.push(beside.length === 0 ? null : b64(this.root(beside, depth + 1)));
      [nodes, depth] = [here, depth + 1];
    }
    const list = this.lists.get(subject) ?? [];
    const entries = list.map(listEntryHash);
    const shown = leaves.map((_, at) => first + at);
    const told = (name) => shown.map((at) => list[at]?.[name] ?? list[0]?.[name]);
    const path = leaves.length === list.length ? [] : naiveMultiProof(entries, shown).map(b64);
    const [end] = nodes;
    const other = end && !end.key.equals(key) ? { other: { key: b64(end.key), value: b64(end.value) } } : {};
    return {
      kind: kindOf(subject), subject: textOf(subject), count: list.length, first, leaves, signers: told("signer"), acts: told("acts"), path,
      siblings, ...other,
    };
  }
}

export const time = (minutes) => Date.UTC(2026, 2, 1) + minutes * 60000;

/** A participant: its key, claims and certificates are made up as it registers. */
export class Actor {
  constructor(number, name, claims) {
    this.id = `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;
    this.key = new Key();
    this.der = Buffer.from(`certificate of ${name}`);
    this.thumbprint = b64(hash(this.der));
    this.claims = { organization: name, roles: ["manufacturer"], glns: [], gs1CompanyPrefixes: [], namespaces: [], ...claims };
  }
}

/** A consortium's ledger with a few members. Time passes by an hour for each block. */
export class Ledger {
  constructor({ origin = "ledger.example/js", members = 1 } = {}) {
    this.origin = origin;
    this.#setMembers(Array.from({ length: members }, () => new Key()));
    this.founders = this.members;
    /** The members after each block, and the handovers of those that changed them. */
    this.membersAfter = [];
    this.handovers = [];
    this.leaves = [];
    this.lists = new Map();
    this.seals = [];
    this.now = time(0);
    this.captures = new Map();
    this.admins = new Map();
    this.pending = [];
    const created = this.now + 3600000;
    this.genesis = this.admin(genesisPayload({ origin, members: this.members, keys: this.keys, created }));
    const kidKeys = this.members.map(({ kid, name, jwk }) => ({ kid, name, key: keyOf(parse(JSON.stringify(jwk))) }));
    this.registry = new Registry(origin, kidKeys);
    this.close();
  }

  /** The trust anchor of the block `height`, by default of genesis. */
  anchor(height = 0) {
    const { origin, genesis, seals } = this;
    const members = this.membersAfter[height];
    const size = seals[height].leaf + 1;
    const root = b64(naiveRoot(this.leaves.slice(0, size).map((data) => hash([0], data))));
    return anchorDocument({ origin, members, genesis, height, size, root });
  }

  get size() {
    return this.leaves.length;
  }

  /** Puts an admin statement on the ledger. */
  admin(payload, { by = this.keys[0], aud = this.origin } = {}) {
    const text = by.statement({ alg: "ES256", typ: "sealane-admin+jws", kid: by.kid, aud, iat: Math.floor(this.now / 1000) }, payload);
    this.pending.push({ leaf: this.size, text, admin: payload, by });
    this.leaves.push(statementLeaf(text));
    return text;
  }

  register(...actors) {
    for (const { id, claims, der, key } of actors) {
      const certificate = { der, jwk: key.jwk, notBefore: time(-1e6), notAfter: time(1e6) };
      this.admin(registrationPayload({ participant: id, claims, certificate }));
    }
    this.close();
  }

  revoke(actor, compromisedSince) {
    this.admin(revocationPayload({ participant: actor.id, compromisedSince }));
    this.close();
  }

  /** Proposes the end of a registration, in a block of its own. Gives the proposal's id. */
  propose(actor, { by, compromisedSince } = {}) {
    const since = compromisedSince === undefined ? {} : { compromisedSince: rfc(compromisedSince) };
    const change = { type: "revoke", participant: actor.id, reason: "a test", ...since };
    const text = this.admin({ type: "proposal", changes: [change], expires: rfc(this.now + 86400000) }, { by });
    this.close();
    return b64(hash(text.slice(0, text.lastIndexOf("."))));
  }

  /** A ballot in a block of its own, whose seal says what it enacts. */
  vote(proposal, { by, yes = true, enacted = [] } = {}) {
    this.admin({ type: "ballot", proposal, yes }, { by });
    this.close(undefined, enacted);
  }

  /** Puts a capture of events on the ledger, and closes its block. Gives its leaf. */
  capture(actor, ...events) {
    const leaf = this.add(actor, ...events);
    this.close();
    return leaf;
  }

  add(actor, ...events) {
    const header = { alg: "ES256", typ: "epcis+jws", "x5t#S256": actor.thumbprint, aud: this.origin, iat: Math.floor(this.now / 1000) };
    const text = actor.key.statement(header, documentOf(events));
    this.pending.push({ leaf: this.size, text, capture: actor });
    this.leaves.push(statementLeaf(text));
    return this.size - 1;
  }

  #setMembers(keys) {
    this.keys = [...keys].sort((a, b) => Buffer.compare(Buffer.from(a.kid, "base64url"), Buffer.from(b.kid, "base64url")));
    this.members = this.keys.map((key) => memberEntry(key, `Member ${key.kid.slice(0, 4)}`));
    this.membersHash = membersHash(this.members);
  }

  /** Closes a block that hands over to the members with these keys. Gives its height. */
  handOver(keys) {
    const before = { keys: this.keys, membersHash: this.membersHash };
    this.#setMembers(keys);
    this.close(before);
    const { leaf, seal } = this.seals.at(-1);
    this.handovers.push(handoverDocument({
      checkpoint: this.checkpoint(), commit: this.commit({ signers: before.keys }), seal, sealInclusionProof: this.path(leaf), members: this.members,
    }));
    return this.seals.length - 1;
  }

  /** The handovers of the blocks after some height. */
  handoversFrom(height) {
    return this.handovers.filter(({ commit }) => commit.height > height);
  }

  /** The inclusion proof of a leaf (RFC 9162 §2.1.3.1). */
  path(at) {
    const hashes = this.leaves.map((data) => hash([0], data));
    const walk = (lo, hi) => {
      if (hi - lo === 1) return [];
      let k = 1;
      while (k * 2 < hi - lo) k *= 2;
      return at < lo + k ? [...walk(lo, lo + k), naiveRoot(hashes.slice(lo + k, hi))] : [...walk(lo + k, hi), naiveRoot(hashes.slice(lo, lo + k))];
    };
    return walk(0, hashes.length).map(b64);
  }

  /** Closes a block, made final by its signers: by default the members, who stay. */
  close(before = { keys: this.keys, membersHash: this.membersHash }, enacted = []) {
    this.now += 3600000;
    for (const one of this.pending) this.#index(one);
    this.pending = [];
    const last = { leaf: this.size - 1, time: this.now };
    for (const { admin } of this.admins.values()) {
      if (enacted.includes(admin.id)) this.registry.enact(admin, last, (message) => { throw new Error(message); });
    }
    const previousSize = this.seals.length === 0 ? 0 : this.seals.at(-1).leaf + 1;
    const seal = sealText({
      height: this.seals.length,
      time: this.now,
      previousSize,
      previousRoot: b64(naiveRoot(this.leaves.slice(0, previousSize).map((data) => hash([0], data)))),
      indexRoot: b64(new NaiveIndex(this.lists).root()),
      membersHash: before.membersHash,
      nextMembersHash: this.membersHash,
      enacted,
    });
    this.signers = before.keys;
    this.membersAfter.push(this.members);
    this.seals.push({ leaf: this.size, seal });
    this.leaves.push(sealLeaf(seal));
  }

  /** Exchanges the statement at a leaf, as a quorum could that signs anything: later proofs hold. */
  exchange(leaf, text) {
    (this.captures.get(leaf) ?? this.admins.get(leaf)).text = text;
    this.leaves[leaf] = statementLeaf(text);
  }

  #index({ leaf, text, admin, by, capture }) {
    const place = { leaf, time: this.now };
    const payload = Buffer.from(text.split(".")[1], "base64url");
    let [subjects, signer, acts] = [undefined, undefined, () => 0];
    if (admin) {
      const told = JSON.parse(payload.toString());
      const read = told.type === "ballot" ? told : readAdmin(payload, (message) => {
        throw new Error(message);
      });
      read.id = b64(hash(text.slice(0, text.lastIndexOf("."))));
      // What counts votes is for who follows the whole ledger.
      if (!["genesis", "ballot"].includes(read.type)) this.registry.apply(read, place, new Signatures(), (message) => { throw new Error(message); });
      subjects = read.type === "ballot" ? [`proposal ${read.proposal}`] : namesOfAdmin(read);
      signer = memberSigner(by.kid);
      this.admins.set(leaf, { text, admin: read, by });
    } else {
      const events = readEpcis(payload);
      const speaking = events.map((event) => ({ event, subjects: namesOfEvent(event, capture.id) }));
      subjects = new Set(speaking.flatMap((one) => [...one.subjects]));
      signer = capture.id;
      acts = (subject) => actsOf(speaking, subject);
      const iat = JSON.parse(Buffer.from(text.split(".")[0], "base64url")).iat * 1000;
      this.captures.set(leaf, {
        text, place, signer: capture.id, certificate: capture.thumbprint, signedAt: iat, bytes: text.length, events,
      });
    }
    for (const subject of subjects) this.list(subject, { leaf, signer, acts: acts(subject) });
  }

  /** Puts an entry into a subject's list. */
  list(subject, entry) {
    this.lists.set(subject, [...(this.lists.get(subject) ?? []), entry].sort((a, b) => a.leaf - b.leaf));
  }

  /** The proof that these leaves, ascending, stand on the ledger. */
  prove(leaves) {
    return naiveMultiProof(this.leaves.map((data) => hash([0], data)), leaves).map(b64);
  }

  checkpoint() {
    const root = naiveRoot(this.leaves.map((data) => hash([0], data)));
    return checkpointText({ origin: this.origin, size: this.size, root });
  }

  commit({ signers = this.signers, round = 0, height = this.seals.length - 1, checkpoint = this.checkpoint() } = {}) {
    const bytes = commitBytes({ origin: this.origin, height, round, checkpoint });
    const signatures = signers.map((key) => ({ alg: "ES256", kid: key.kid, signature: b64(key.sign(bytes)) }));
    return { height, round, signatures };
  }

  /** The source that a server would follow through. */
  source() {
    const { lists, captures, registry, seals } = this;
    const blockTime = (leaf) => Date.parse(JSON.parse(seals.find((one) => one.leaf > leaf).seal).time);
    const listed = ({ leaf, signer, acts }) => ({ leaf, signer: signer.length === 36 ? signer : undefined, acts });
    return {
      registry,
      registeredAt: (leaf) => registry.registeredAt(leaf),
      capture: (leaf) => captures.get(leaf),
      captureWithin: (leaf, bytes) => (captures.get(leaf).bytes <= bytes ? captures.get(leaf) : undefined),
      startOfSpan: (entries, since) => Math.max(entries.findLastIndex(({ leaf }) => isBeforeSpan(blockTime(leaf), since)), 0),
      cutShort: (subject) => { throw new Error(`cut short: ${subject}`); },
      noRegistration: (subject) => { throw new Error(`no registration: ${subject}`); },
      noProposal: (subject) => { throw new Error(`no proposal: ${subject}`); },
      list(subject, wanted) {
        const list = (lists.get(subject) ?? []).map(listed);
        const first = firstWanted(wanted, list.length);
        return { count: list.length, first, entries: list.slice(first) };
      },
    };
  }

  /**
   * The keys that evidence with some handovers has to show beside them: of members that signed some of its registrations, and
   * are neither founders nor in a handover.
   */
  formerMembers(leaves, handovers) {
    const shown = new Set([this.founders, ...handovers.map(({ members }) => members)].flat().map(({ kid }) => kid));
    const signers = new Map(leaves.filter((leaf) => this.admins.has(leaf)).map((leaf) => [this.admins.get(leaf).by.kid, this.admins.get(leaf).by]));
    const former = [...signers.values()].filter(({ kid }) => !shown.has(kid));
    return former.sort((a, b) => Buffer.compare(Buffer.from(a.kid, "base64url"), Buffer.from(b.kid, "base64url"))).map(({ jwk }) => jwk);
  }

  /** Evidence about an id, as a value whose `JSON.stringify` is the document, with the handovers after a block. */
  evidence(text, change = {}, { from = 0 } = {}) {
    const { id, label } = parseQuestion(text);
    const { shown, opened, proposed } = follow(id, this.source(), label);
    const lists = new Map(this.lists);
    const index = new NaiveIndex(lists);
    const entries = [...shown].sort(([a], [b]) => bySubject(a, b)).map(([key, { first, entries: listed }]) => index.entry(key, first, listed.map(({ leaf }) => leaf)));
    const leavesOf = (some) => [...new Set(some.flatMap((entry) => entry.leaves))].sort((a, b) => a - b);
    // Of a proposal's list the seal of the last leaf's block is shown, and no statement; of other lists the captures that were opened.
    const admins = leavesOf(entries.filter(({ kind }) => kind === "prefix" || kind === "party"));
    const leaves = [...new Set([...admins, ...proposed, ...opened])].sort((a, b) => a - b);
    const ends = leavesOf(entries.filter(({ kind }) => kind === "proposal"));
    const placed = (map) => leaves.filter((leaf) => map.has(leaf)).map((leafIndex) => ({ leafIndex, statement: map.get(leafIndex).text }));
    const sealOf = (leaf) => this.seals.find((seal) => seal.leaf > leaf);
    const seals = [...new Set([...leaves, ...ends].sort((a, b) => a - b).map(sealOf))].map(({ leaf, seal }) => ({ leafIndex: leaf, seal }));
    const { leaf, seal } = this.seals.at(-1);
    const all = [...new Set([...leaves, ...seals.map(({ leafIndex }) => leafIndex), leaf])].sort((a, b) => a - b);
    return evidenceDocument({
      id: id.text,
      checkpoint: this.checkpoint(),
      commit: this.commit(),
      seal: { leafIndex: leaf, seal },
      index: entries,
      statements: placed(this.captures),
      registrations: placed(this.admins),
      seals,
      handovers: this.handoversFrom(from),
      formerMembers: this.formerMembers(leaves, this.handoversFrom(from)),
      inclusionProof: this.prove(all),
    }, { ...(label.size && { label: Object.fromEntries(label) }), ...change });
  }
}

const CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld";

export function documentOf(events, members = {}) {
  return {
    "@context": [CONTEXT, { ext: "https://ext.example/" }],
    type: "EPCISDocument",
    schemaVersion: "2.0",
    creationDate: rfc(time(0)),
    ...members,
    epcisBody: { eventList: events },
  };
}

/** An event at some minute, with the members that every event has. */
export function eventAt(minutes, members) {
  return {
    type: "ObjectEvent",
    eventTime: rfc(time(minutes)),
    eventTimeZoneOffset: "+00:00",
    action: members.type === "TransformationEvent" ? undefined : "OBSERVE",
    ...members,
  };
}

export const ITEM = "https://id.gs1.org/01/09506000134352/21/S1";
export const CASE = "https://id.gs1.org/00/095060001343520000";
export const PALLET = "https://id.gs1.org/00/195060001343520007";
