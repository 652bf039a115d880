// The consortium's rules, each at the function that has it: who may register with what, who may sign where, and what each
// role may record.

import assert from "node:assert/strict";
import { test } from "node:test";

import { EvidenceError } from "../../web/verify/bytes.js";
import { parseId, parseUri } from "../../web/verify/gs1.js";
import { Signatures } from "../../web/verify/jws.js";
import { Registry, breach, broughtIntoBeing, covers, holdsLocation, namespaceCandidates, readAdmin } from "../../web/verify/registry.js";
import { checkpointText, consentBytes, genesisPayload, memberEntry, registrationPayload, renewalPayload, revocationPayload } from "./builders/formats.mjs";
import { Key, b64, hash } from "./ledger.mjs";

const ORIGIN = "ledger.example/registry";
const uuid = (number) => `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;
const hour = (at) => Date.UTC(2026, 2, 1, at);
const at = (leaf, time = leaf) => ({ leaf, time: hour(time) });
const noClaims = { organization: "An organisation", roles: ["manufacturer"], glns: [], gs1CompanyPrefixes: [], namespaces: [] };

class Wrong extends Error {}
const wrong = (message) => {
  throw new Wrong(message);
};

/** A certificate as the registry keeps it, of a key with a name. */
const certificate = (name, { key = name, from = -1000, until = 1000 } = {}) => ({
  thumbprint: `certificate ${name}`, key: { thumbprint: `key ${key}` }, notBefore: hour(from), notAfter: hour(until),
});
const registration = (number, claims = {}, options = {}) => ({
  type: "registration", participant: uuid(number), claims: { ...noClaims, ...claims }, certificate: certificate(options.name ?? `${number}`, options),
});
const renewal = (number, current, options = {}) => ({
  type: "renewal", participant: uuid(number), current: `certificate ${current}`, request: Buffer.from("request"), consent: Buffer.alloc(64),
  certificate: certificate(options.name, options),
});
const revocation = (number, compromisedSince) => ({ type: "revocation", participant: uuid(number), reason: "x", compromisedSince });

/** Signatures that are only noted. */
const noted = () => ({ asked: [], ask(...args) { this.asked.push(args); } });

/** A registry to which `[admin, place]` were applied. */
function registryOf(...steps) {
  const registry = new Registry(ORIGIN, []);
  for (const [admin, place] of steps) registry.apply(admin, place, noted(), wrong);
  return registry;
}

const takes = (registry, admin, place, signatures = noted()) => registry.apply(admin, place, signatures, wrong);
const refuses = (registry, admin, place, because) => {
  assert.throws(() => registry.apply(admin, place, noted(), wrong), (error) => error instanceof Wrong && because.test(error.message), String(because));
};

// --- Registration

test("a participant registers once", () => {
  const registry = registryOf([registration(1), at(1)]);
  refuses(registry, registration(1, {}, { name: "another" }), at(2), /registered already/);
  takes(registry, revocation(1), at(3));
  refuses(registry, registration(1, {}, { name: "another" }), at(4), /registered already/);
});

test("a certificate is registered once, by a registration or a renewal", () => {
  const registry = registryOf([registration(1), at(1)], [renewal(1, "1", { name: "1b" }), at(2)]);
  for (const name of ["1", "1b"]) refuses(registry, registration(2, {}, { name, key: "fresh" }), at(3), /certificate is registered already/);
  refuses(registry, renewal(1, "1", { name: "1b" }), at(3), /certificate is registered already/);
});

test("a certificate that has expired is not registered, and one that ends later is", () => {
  refuses(registryOf(), registration(1, {}, { until: 4 }), at(5), /expired already/);
  refuses(registryOf(), registration(1, {}, { until: 5 }), at(5), /expired already/);
  takes(registryOf(), registration(1, {}, { until: 6 }), at(5));
  takes(registryOf(), registration(1, {}, { from: 8, until: 9 }), at(5));
  refuses(registryOf([registration(1), at(1)]), renewal(1, "1", { name: "1b", until: 5 }), at(5), /expired already/);
});

test("a key is held by one participant, even by one that was revoked", () => {
  const registry = registryOf([registration(1), at(1)], [renewal(1, "1", { name: "1b", key: "second" }), at(2)], [revocation(1), at(3)]);
  for (const key of ["1", "second"]) refuses(registry, registration(2, {}, { name: "2", key }), at(4), /key is held/);
  takes(registry, registration(2), at(4));
});

test("claims do not collide with those of others, until these are revoked", () => {
  const own = { gs1CompanyPrefixes: ["9506000"], namespaces: ["https://id.example.com/x/"], glns: ["9506000134307"] };
  const others = [
    { gs1CompanyPrefixes: ["9506000"] }, { gs1CompanyPrefixes: ["95060"] }, { gs1CompanyPrefixes: ["950600099"] },
    { gs1CompanyPrefixes: ["9521567", "95060001"] }, { namespaces: ["https://id.example.com/x/"] }, { namespaces: ["http://id.example.com/x/y/"] },
    { namespaces: ["http://id.example.com/"] }, { glns: ["9506000134307"] },
  ];
  for (const claims of others) {
    const registry = registryOf([registration(1, own), at(1)]);
    refuses(registry, registration(2, claims), at(2), /collides/);
    takes(registry, revocation(1), at(3));
    takes(registry, registration(2, claims), at(4));
  }
  const apart = { gs1CompanyPrefixes: ["9506001"], namespaces: ["https://id.example.com/y/"], glns: ["8800000000015"] };
  takes(registryOf([registration(1, own), at(1)]), registration(2, apart), at(2));
});

test("a single key has one holder, and covers what belongs to it", () => {
  const key = (ai, value) => `https://id.gs1.org/${ai}/${value}`;
  const [gtin8, gln] = [key("01", "00000096385074"), key("414", "9521000000018")];
  const own = { gs1CompanyPrefixes: ["9506000"], gs1Keys: [gtin8, gln] };
  for (const claims of [
    { gs1Keys: [gtin8] }, { gs1Keys: [key("01", "09506000134352")] }, { gs1CompanyPrefixes: ["9521000"] }, { glns: ["9521000000018"] },
  ]) {
    refuses(registryOf([registration(1, own), at(1)]), registration(2, claims), at(2), /collides/);
  }
  takes(registryOf([registration(1, own), at(1)]), registration(2, { gs1Keys: [key("01", "10000096385071")] }), at(2));
  const claims = { ...noClaims, ...own };
  assert.ok(covers(claims, parseUri(`${gtin8}/21/A`)) && covers(claims, parseUri(`${gln}/254/7`)));
  assert.ok(!covers(claims, parseUri(key("01", "10000096385071"))) && !covers(noClaims, parseUri(gtin8)));
});

test("participants are in the order of their ids, and found by their leaves", () => {
  const registry = registryOf([registration(3), at(1)], [registration(1), at(2)], [registration(2), at(5)]);
  assert.deepEqual(registry.participants.map(({ id }) => id), [1, 2, 3].map(uuid));
  assert.deepEqual([1, 2, 5].map((leaf) => registry.registeredAt(leaf).id), [3, 1, 2].map(uuid));
  assert.equal(registry.registeredAt(3), undefined);
});

test("only registrations, renewals and revocations change the registry", () => {
  for (const type of ["genesis", "rejection", "constructor"]) refuses(registryOf(), { type, participant: uuid(1) }, at(1), /never stands there/);
});

// --- Renewal and revocation

test("a renewal is of a participant in force, under a key that is its own or nobody's", () => {
  refuses(registryOf(), renewal(1, "1", { name: "1b" }), at(1), /not registered/);
  const registry = registryOf([registration(1), at(1)], [registration(2), at(2)], [registration(3), at(3)], [revocation(3), at(4)]);
  refuses(registry, renewal(3, "3", { name: "3b" }), at(5), /has been revoked/);
  for (const key of ["2", "3"]) refuses(registry, renewal(1, "1", { name: "1b", key }), at(5), /held by another/);
  takes(registry, renewal(1, "1", { name: "1b", key: "1" }), at(5));
  takes(registry, renewal(1, "1b", { name: "1c", key: "fresh" }), at(6));
});

test("the certificate that agrees to a renewal is this participant's and has not expired", () => {
  const registry = registryOf([registration(1, {}, { until: 10 }), at(1)], [registration(2), at(2)]);
  for (const current of ["2", "never"]) refuses(registry, renewal(1, current, { name: "1b" }), at(5), /is not this participant's/);
  refuses(registry, renewal(1, "1", { name: "1b" }), at(11), /agrees has expired/);
  takes(registry, renewal(1, "1", { name: "1b" }), at(10));
  refuses(registry, renewal(1, "1", { name: "1c" }), at(11), /agrees has expired/);
  takes(registry, renewal(1, "1b", { name: "1c" }), at(12));
});

test("the participant's current key signs its agreement, over this ledger, participant and request", async () => {
  const [key, thief] = [new Key(), new Key()];
  const asked = { origin: ORIGIN, participant: uuid(1), request: "request" };
  const outcome = async (by, bytes) => {
    const registry = registryOf([{ ...registration(1), certificate: { ...certificate("1"), key: { ...key.jwk, thumbprint: key.kid } } }, at(1)]);
    const signatures = new Signatures();
    takes(registry, { ...renewal(1, "1", { name: "1b" }), consent: by.sign(bytes) }, at(2), signatures);
    assert.equal(signatures.count, 1);
    return signatures.settle().then(() => "taken", (error) => (error instanceof Wrong ? error.message : Promise.reject(error)));
  };
  assert.equal(await outcome(key, consentBytes(asked)), "taken");
  const refused = "the participant's agreement does not hold";
  assert.equal(await outcome(thief, consentBytes(asked)), refused);
  for (const change of [{ origin: "ledger.example/other" }, { participant: uuid(2) }, { request: "another" }]) {
    assert.equal(await outcome(key, consentBytes({ ...asked, ...change })), refused, JSON.stringify(change));
  }
  assert.equal(await outcome(key, consentBytes(asked).subarray(1)), refused);
});

test("it is the certificate that a renewal names as the current one whose key agrees, and not the new one", () => {
  const registry = registryOf([registration(1), at(1)], [renewal(1, "1", { name: "1b", key: "second" }), at(2)]);
  const signatures = noted();
  takes(registry, renewal(1, "1", { name: "1c", key: "third" }), at(3), signatures);
  takes(registry, renewal(1, "1b", { name: "1d", key: "fourth" }), at(4), signatures);
  assert.deepEqual(signatures.asked.map(([{ thumbprint }]) => thumbprint), ["key 1", "key second"]);
});

test("a revocation is of a participant in force", () => {
  const registry = registryOf([registration(1), at(1)]);
  refuses(registry, revocation(2), at(2), /not registered/);
  takes(registry, revocation(1, hour(2)), at(3));
  assert.deepEqual(registry.participant(uuid(1)).revoked, { at: at(3), reason: "x", compromisedSince: hour(2) });
  refuses(registry, revocation(1), at(4), /has been revoked/);
});

// --- Who may sign where

const signer = (registry, name, place) => {
  const { participant, refusal } = registry.signerAt(`certificate ${name}`, place);
  return participant?.id ?? refusal;
};

test("a certificate signs from the leaf after the one that registers it", () => {
  const registry = registryOf([registration(1), at(5)], [renewal(1, "1", { name: "1b" }), at(9)]);
  assert.deepEqual([4, 5, 6].map((leaf) => signer(registry, "1", at(leaf))), ["unknown", "unknown", uuid(1)]);
  assert.deepEqual([6, 9, 10].map((leaf) => signer(registry, "1b", at(leaf))), ["unknown", "unknown", uuid(1)]);
  // One block may hold both: the leaf decides, and not the time.
  assert.deepEqual([4, 6].map((leaf) => signer(registry, "1", at(leaf, 5))), ["unknown", uuid(1)]);
  assert.equal(signer(registry, "1", at(10)), uuid(1));
  assert.equal(signer(registry, "never", at(10)), "unknown");
});

test("a revocation ends what is signed after its leaf, whatever the block's time", () => {
  const registry = registryOf([registration(1), at(1)], [renewal(1, "1", { name: "1b" }), at(2)], [revocation(1), at(5)]);
  for (const name of ["1", "1b"]) {
    assert.deepEqual([4, 6].map((leaf) => signer(registry, name, at(leaf, 5))), [uuid(1), "revoked"]);
    assert.deepEqual([4, 6].map((leaf) => signer(registry, name, at(leaf))), [uuid(1), "revoked"]);
  }
  assert.equal(registry.signerAt("certificate 1", at(7)).time, hour(5));
});

test("a certificate signs from its first moment to its last", () => {
  const registry = registryOf([registration(1, {}, { from: 10, until: 20 }), at(1)]);
  const found = [9, 10, 20, 21].map((time) => registry.signerAt("certificate 1", at(5, time)));
  assert.deepEqual(found.map(({ participant, refusal }) => participant?.id ?? refusal), ["not-yet-valid", uuid(1), uuid(1), "expired"]);
  assert.deepEqual([found[0].time, found[3].time], [hour(10), hour(20)]);
});

test("who holds a prefix holds it after its registration and before its revocation", () => {
  const registry = registryOf(
    [registration(1, { gs1CompanyPrefixes: ["9506000"] }), at(2)], [revocation(1), at(5)],
    [registration(2, { gs1CompanyPrefixes: ["9506000"] }), at(7)],
  );
  const id = parseId("https://id.gs1.org/01/09506000134352/21/S1");
  const holders = [1, 2, 3, 4, 5, 6, 7, 8].map((leaf) => registry.holderAt(id, leaf)?.id);
  assert.deepEqual(holders, [undefined, undefined, uuid(1), uuid(1), undefined, undefined, undefined, uuid(2)]);
  assert.equal(registry.holderAt(parseId("https://id.gs1.org/01/09521567000018/21/S1"), 8), undefined);
});

// --- Claims over ids

test("prefixes cover keys, namespaces other URIs", () => {
  const claims = { ...noClaims, gs1CompanyPrefixes: ["9506000"], namespaces: ["https://id.example.com/x/", "urn:example:acme."] };
  const covered = (text) => covers(claims, parseUri(text));
  for (const text of [
    "https://id.gs1.org/01/09506000134352/21/S1", "https://id.gs1.org/414/9506000134307", "https://id.example.com/x/1",
    "http://id.example.com/x/1", "urn:example:acme.1",
  ]) assert.ok(covered(text), text);
  for (const text of [
    "https://id.gs1.org/01/09521567000018/21/S1", "https://id.example.com/x/", "https://id.example.com/y/1", "https://id.example.com/xx/1",
    "urn:example:acme.", "urn:example:acme2", "ftp://id.example.com/x/1",
  ]) assert.ok(!covered(text), text);
});

test("a registered GLN is a place and a party, and no part of a place", () => {
  const claims = { ...noClaims, glns: ["9506000134307"] };
  const holds = (text) => holdsLocation(claims, parseUri(text));
  assert.ok(holds("https://id.gs1.org/414/9506000134307"));
  assert.ok(holds("https://id.gs1.org/417/9506000134307"));
  for (const text of [
    "https://id.gs1.org/414/9506000134307/254/X", "https://id.gs1.org/414/8800000000015", "https://id.gs1.org/01/09506000134352",
    "https://example.com/9506000134307",
  ]) assert.ok(!holds(text), text);
});

test("the namespaces that could hold a URI end at a delimiter after something with a name", () => {
  assert.deepEqual(namespaceCandidates("https://id.example.com/x/1"), ["http://id.example.com/", "http://id.example.com/x/"]);
  assert.deepEqual(namespaceCandidates("urn:a:b.c"), ["urn:a:", "urn:a:b."]);
  assert.deepEqual(namespaceCandidates("nothing"), []);
  assert.equal(namespaceCandidates(`https://e.com/${"a/".repeat(40)}`).length, 16);
});

// --- Reading admin statements

const key = new Key();
const given = { der: "a certificate", jwk: key.jwk, notBefore: hour(0), notAfter: hour(1) };
const payloads = {
  genesis: genesisPayload({ origin: ORIGIN, members: [memberEntry(key, "Member")], keys: [key], created: hour(0) }),
  registration: registrationPayload({ participant: uuid(1), claims: noClaims, certificate: given }),
  renewal: renewalPayload({ participant: uuid(1), request: "r", current: b64(hash()), consent: Buffer.alloc(64, 1), certificate: given }),
  revocation: revocationPayload({ participant: uuid(1), compromisedSince: hour(1) }),
  rejection: { type: "rejection", participant: uuid(1), key: key.kid, reason: "x" },
};
const read = (payload) => readAdmin(Buffer.from(typeof payload === "string" ? payload : JSON.stringify(payload)), wrong);
const refusesPayload = (payload, because) =>
  assert.throws(() => read(payload), (error) => error instanceof Wrong && because.test(error.message), `${because}: ${JSON.stringify(payload)}`);

test("each admin statement has its members and no other", () => {
  for (const [type, payload] of Object.entries(payloads)) {
    assert.equal(read(payload).type, type);
    refusesPayload({ ...payload, extra: 1 }, /extra is unknown/);
    for (const name of Object.keys(payload)) {
      if (name === "type" || name === "compromisedSince") continue;
      const { [name]: _, ...without } = payload;
      assert.throws(() => read(without), (error) => error instanceof Wrong, `${type} without ${name}`);
    }
  }
  for (const type of ["constructor", "toString", "", 1, null, undefined]) refusesPayload({ ...payloads.revocation, type }, /type is unknown/);
  for (const other of ["null", "[]", "1", '"registration"']) refusesPayload(other, /type is unknown/);
  assert.throws(() => read('{"type":"rejection","type":"rejection"}'), (error) => error instanceof EvidenceError && error.code === "admin");
  const { origin, members, created } = read(payloads.genesis);
  assert.deepEqual([origin, members.map(({ kid }) => kid), created], [ORIGIN, [key.kid], hour(0)]);
});

test("genesis names an origin, a version and members", () => {
  const { version: known } = payloads.genesis;
  refusesPayload({ ...payloads.genesis, version: known - 1 }, new RegExp(`of version ${known - 1}, and version ${known} is read here; .*start a new one`));
  refusesPayload({ ...payloads.genesis, version: known + 1 }, new RegExp(`of version ${known + 1}, and version ${known} is read here; use a newer version`));
  // The version is looked at before anything else.
  refusesPayload({ type: "genesis", version: known - 1 }, /is read here/);
  for (const version of [-1, 1.5, "1", null]) refusesPayload({ ...payloads.genesis, version }, /version is no whole number/);
  for (const origin of ["", "a b", "a+b", "a\u0000b", "x".repeat(256), 1]) refusesPayload({ ...payloads.genesis, origin }, /origin is malformed/);
  for (const created of ["now", 1, null]) refusesPayload({ ...payloads.genesis, created }, /time is malformed/);
  for (const members of [[], {}, null]) refusesPayload({ ...payloads.genesis, members }, /1 to 100 members/);
  for (const rules of [0, 2]) refusesPayload({ ...payloads.genesis, rules }, new RegExp(`rules ${rules}, and rules 1 are known here`));
  for (const rules of ["1", 1.5, null]) refusesPayload({ ...payloads.genesis, rules }, /number of its rules/);
});

test("genesis has each founder's consent in the order of the members", () => {
  const { founders } = payloads.genesis;
  for (const other of [[], null, {}, [...founders, ...founders]]) refusesPayload({ ...payloads.genesis, founders: other }, /one founder's consent for each member/);
  for (const change of [{ kid: new Key().kid }, { kid: 1 }, { signature: b64(Buffer.alloc(63)) }, { signature: null }]) {
    refusesPayload({ ...payloads.genesis, founders: [{ ...founders[0], ...change }] }, /founder's consent is malformed/);
  }
  refusesPayload({ ...payloads.genesis, founders: [{ ...founders[0], extra: 1 }] }, /extra is unknown/);
});

test("genesis may go on from one ledger that was lost, which is another", () => {
  const checkpoint = checkpointText({ origin: "ledger.example/lost", size: 7, root: hash("root") });
  const continues = { origin: "ledger.example/lost", checkpoint, fingerprint: b64(hash("fingerprint")) };
  assert.equal(read({ ...payloads.genesis, continues }).type, "genesis");
  const refusesLost = (change, because) => refusesPayload({ ...payloads.genesis, continues: { ...continues, ...change } }, because);
  refusesPayload({ ...payloads.genesis, continues: null }, /must be an object/);
  for (const origin of [ORIGIN, "a b", 1]) refusesLost({ origin }, /no other ledger's origin/);
  refusesLost({ origin: "ledger.example/third" }, /no checkpoint of that origin/);
  refusesLost({ checkpoint: 1 }, /no checkpoint of that origin/);
  refusesLost({ fingerprint: "x" }, /no fingerprint/);
  refusesLost({ extra: 1 }, /extra is unknown/);
  assert.throws(() => read({ ...payloads.genesis, continues: { ...continues, checkpoint: "x" } }), { code: "checkpoint" });
});

test("types that are kept for later are refused by name", () => {
  for (const type of ["withdrawal", "ballot", "ready", "fault"]) {
    assert.throws(() => read({ type }), (error) => error instanceof EvidenceError && error.code === "type-reserved" && error.message.includes(type));
  }
  for (const type of ["another", "constructor", 1]) {
    assert.throws(() => read(proposal([{ type }])), (error) => error.code === "type-reserved" && error.message.includes(`${type}`), type);
  }
});

const proposal = (changes, more = {}) => ({ type: "proposal", changes, expires: "2026-03-02T00:00:00.000Z", ...more });
const aboutOf = ({ names }) => names.filter(([kind]) => kind === "party").map(([, text]) => text);
const revoke = (number, more = {}) => ({ type: "revoke", participant: uuid(number), reason: "it lied", ...more });

test("of a proposal is read whom it is about, and whose registrations it would end", () => {
  const since = "2026-03-01T00:00:00.000Z";
  const ofOne = { type: "policy", name: "newIdsInAll", value: 5, participant: uuid(2) };
  const others = [{ type: "admit" }, { type: "remove" }, { type: "replace" }, { type: "rules" }, { type: "policy", name: "terms", value: {} }];
  const one = read(proposal([revoke(1), ofOne, ...others, revoke(3, { compromisedSince: since })]));
  assert.deepEqual(aboutOf(one), [1, 2, 3].map(uuid));
  const revocations = one.changes.filter(({ type }) => type === "revoke");
  assert.deepEqual(revocations.map(({ participant, compromisedSince }) => [participant, compromisedSince]), [[uuid(1), undefined], [uuid(3), Date.parse(since)]]);
  refusesPayload(proposal([]), /1 to 10 changes/);
  refusesPayload(proposal({}), /1 to 10 changes/);
  assert.deepEqual(read(proposal(Array(10).fill({ type: "rules" }))).names[0], ["policy", "rules"]);
  refusesPayload(proposal(Array(11).fill({ type: "rules" })), /1 to 10 changes/);
  refusesPayload(proposal([revoke(1)], { expires: "soon" }), /a time is malformed/);
  refusesPayload(proposal([revoke(1)], { more: 1 }), /more is unknown/);
  refusesPayload(proposal([revoke(1, { reason: " " })]), /1 to 1000 characters/);
  refusesPayload(proposal([revoke(1, { compromisedSince: null })]), /a time is malformed/);
  assert.equal(read(proposal([revoke(1, { dismissesClaims: true })])).changes[0].dismissesClaims, true);
  for (const flag of [false, null, 1]) refusesPayload(proposal([revoke(1, { dismissesClaims: flag })]), /flag that is not set is left out/);
  for (const participant of ["", null, 1, "A"]) {
    refusesPayload(proposal([revoke(1, { participant })]), /no UUID/);
    refusesPayload(proposal([{ ...ofOne, participant }]), /no UUID/);
  }
});

const RECALLED = "https://id.gs1.org/01/09506000134352/21/A1";
const dismiss = (number, claims, more = {}) => ({ type: "dismiss", participant: uuid(number), claims, reason: "smears", ...more });
const lift = (ids, more = {}) => ({ type: "lift", recall: 7, ids, reason: "no fault", ...more });
const authority = (number) => ({ type: "authority", registration: uuid(number) });
const succeeds = (former, next) => ({ type: "succeeds", former: uuid(former), participant: uuid(next) });

test("of a proposal is read what a verdict reads, and what it names", () => {
  const speed = { type: "policy", name: "maxSpeedKmh", value: 900 };
  const changes = [dismiss(1, [{ from: 1, to: 2 }, { from: 4, to: 4 }]), lift([RECALLED, "urn:x:1"]), authority(2), succeeds(3, 4), speed];
  const one = read(proposal(changes));
  assert.deepEqual(one.names, [
    ["party", uuid(1)], ["recall", RECALLED], ["recall", "urn:x:1"], ["party", uuid(2)], ["policy", "verdict"],
    ["party", uuid(3)], ["party", uuid(4)], ["policy", "maxSpeedKmh"], ["policy", "verdict"],
  ]);
  const wrongs = [
    [dismiss(1, []), /1 to 100 ranges/], [dismiss(1, {}), /1 to 100 ranges/],
    [dismiss(1, Array.from({ length: 101 }, (_, at) => ({ from: 3 * at, to: 3 * at }))), /1 to 100 ranges/],
    [dismiss(1, [{ from: 2, to: 1 }]), /is none/], [dismiss(1, [{ from: -1, to: 1 }]), /is none/], [dismiss(1, [{ from: 0.5, to: 1 }]), /is none/],
    [dismiss(1, [{ from: 1, to: 2 }, { from: 3, to: 4 }]), /apart from the one before/], [dismiss(1, [{ from: 1, to: 2, more: 1 }]), /unknown/],
    [dismiss(1, [{ from: 1, to: 2 }], { reason: " " }), /1 to 1000 characters/], [dismiss("x", [{ from: 1, to: 2 }]), /no UUID/],
    [lift([]), /1 to 1000 ids/], [lift(["x"]), /not canonical/], [lift([RECALLED.replace("id.gs1.org", "shop.example")]), /not canonical/],
    [lift([RECALLED, RECALLED]), /named twice/], [lift([RECALLED], { recall: -1 }), /no leaf/], [lift([RECALLED], { reason: "" }), /1 to 1000 characters/],
    [{ type: "authority", registration: "x" }, /no UUID/], [succeeds(1, 1), /does not succeed itself/],
    [{ ...speed, value: 0 }, /1 to 28000/], [{ ...speed, value: 28001 }, /1 to 28000/], [{ ...speed, value: "900" }, /1 to 28000/],
    [{ ...speed, participant: uuid(1) }, /same for all/], [{ type: "policy", name: 1, value: 1 }, /has no name/],
  ];
  for (const [change, because] of wrongs) refusesPayload(proposal([change]), because);
});

test("what members decide about records is asked of the registry", () => {
  const registry = registryOf([registration(1), at(1)], [registration(2, { roles: ["authority"] }), at(2)], [registration(3), at(8)]);
  const other = { from: 20, to: 22 };
  const enact = (changes, place, id) => registry.enact({ ...read(proposal(changes)), id }, place, wrong);
  const speed = (value) => ({ type: "policy", name: "maxSpeedKmh", value });
  enact([dismiss(1, [{ from: 3, to: 4 }, other]), lift([RECALLED]), authority(2), succeeds(1, 3), speed(900)], at(10), "first");
  enact([dismiss(1, [{ from: 4, to: 6 }], { reason: "again" }), speed(800)], at(11), "second");
  assert.deepEqual([2, 3, 4, 5, 6, 7, 21].map((leaf) => registry.dismissalOf(uuid(1), leaf)?.proposal), [undefined, "first", "first", "second", "second", undefined, "first"]);
  assert.equal(registry.dismissalOf(uuid(2), 3), undefined);
  assert.deepEqual(registry.liftsOf(7, RECALLED), [{ recall: 7, ids: [RECALLED], reason: "no fault", at: at(10), proposal: "first" }]);
  assert.equal(registry.liftsOf(8, RECALLED).length + registry.liftsOf(7, "urn:x:1").length, 0);
  assert.deepEqual([10, 11].map((leaf) => registry.isAuthorityAt(uuid(2), leaf)), [false, true]);
  assert.ok(!registry.isAuthorityAt(uuid(1), 11));
  assert.equal(registry.successorOf(uuid(1)).participant, uuid(3));
  assert.deepEqual([8, 9].map((leaf) => registry.custodianAt(uuid(1), leaf)), [uuid(1), uuid(3)]);
  assert.equal(registry.custodianAt(uuid(2), 9), uuid(2));
  assert.equal(registry.policy("maxSpeedKmh"), 800);
  // A revocation dismisses what was claimed before it, also of one whose registration is not shown.
  enact([revoke(2, { dismissesClaims: true }), revoke(9, { dismissesClaims: true }), revoke(3)], at(12), "third");
  assert.deepEqual([11, 12].map((leaf) => registry.dismissalOf(uuid(2), leaf)?.proposal), ["third", undefined]);
  assert.equal(registry.dismissalOf(uuid(9), 0).reason, "it lied");
  assert.equal(registry.dismissalOf(uuid(3), 11), undefined);
  assert.ok(registry.isAuthorityAt(uuid(2), 11) && !registry.isAuthorityAt(uuid(2), 13));
  takes(registry, { ...read({ type: "revocation", participant: uuid(1), reason: "alone", dismissesClaims: true }) }, at(14));
  assert.equal(registry.dismissalOf(uuid(1), 13).proposal, undefined);
});

test("an authority stands alone, and records what it looks at", () => {
  const of = (roles) => ({ ...payloads.registration, claims: { ...payloads.registration.claims, roles } });
  assert.deepEqual(read(of(["authority"])).claims.roles, ["authority"]);
  refusesPayload(of(["authority", "shipper"]), /stands alone/);
});

test("a proposal about participants has a longest length", () => {
  const padded = (changes, length) => {
    const text = JSON.stringify(proposal(changes));
    return Buffer.from(`${text.slice(0, -1)}${" ".repeat(length - text.length)}}`);
  };
  assert.equal(aboutOf(readAdmin(padded([revoke(1)], 16384), wrong)).length, 1);
  assert.throws(() => readAdmin(padded([revoke(1)], 16385), wrong), /at most 16384 bytes/);
  assert.equal(aboutOf(readAdmin(padded([{ type: "rules" }], 16385), wrong)).length, 0);
});

test("a proposal changes nothing until it is enacted, and then what is shown here", () => {
  const registry = registryOf([registration(1), at(1)], [registration(2), at(2)]);
  const one = { id: "p", ...read(proposal([revoke(1), revoke(9)])) };
  takes(registry, one, at(3));
  assert.equal(registry.participant(uuid(1)).revoked, undefined);
  assert.equal(registry.proposedAt(3), one);
  registry.enact(one, at(5), wrong);
  assert.deepEqual(registry.participant(uuid(1)).revoked, { at: at(5), reason: "it lied", compromisedSince: undefined });
  assert.equal(registry.participant(uuid(2)).revoked, undefined);
  assert.throws(() => registry.enact(one, at(6), wrong), /has been revoked/);
});

test("an endorsement names a registration, and counts nothing", () => {
  assert.deepEqual(read({ type: "endorsement", registration: uuid(1) }), { type: "endorsement", participant: uuid(1) });
  for (const registration of ["", 1, null, uuid(1).toUpperCase().replaceAll("0", "A")]) refusesPayload({ type: "endorsement", registration }, /no UUID/);
  refusesPayload({ type: "endorsement", registration: uuid(1), participant: uuid(1) }, /unknown/);
});

test("a participant is a UUID in lower case", () => {
  for (const participant of ["", "00000000-0000-4000-8000-00000000000", "00000000-0000-4000-8000-00000000000A", `${uuid(1)}0`, ` ${uuid(1)}`, 1]) {
    for (const type of ["registration", "renewal", "revocation", "rejection"]) refusesPayload({ ...payloads[type], participant }, /no UUID/);
  }
});

test("a certificate has bytes, a P-256 key and a time to be valid", () => {
  const refusesCertificate = (change, because) => {
    for (const type of ["registration", "renewal"]) {
      refusesPayload({ ...payloads[type], certificate: { ...payloads[type].certificate, ...change } }, because);
    }
  };
  const { certificate: found } = read(payloads.registration);
  assert.deepEqual(found.thumbprint, b64(hash("a certificate")));
  assert.deepEqual([found.key.thumbprint, found.notBefore, found.notAfter], [key.kid, hour(0), hour(1)]);
  refusesCertificate({ jwk: { ...key.jwk, crv: "P-384" } }, /no P-256 key/);
  for (const x509 of ["=", "A", 1, null]) refusesCertificate({ x509 }, /bytes are malformed/);
  for (const notAfter of ["2026-03-01", 1]) refusesCertificate({ notAfter }, /time is malformed/);
  refusesCertificate({ notAfter: payloads.registration.certificate.notBefore }, /later than notBefore/);
  refusesCertificate({ notBefore: new Date(hour(2)).toISOString() }, /later than notBefore/);
  refusesCertificate({ extra: 1 }, /extra is unknown/);
  for (const request of ["=", 1]) refusesPayload({ ...payloads.registration, request }, /bytes are malformed/);
});

test("a renewal has the hash of a certificate and a signature of 64 bytes", () => {
  for (const change of [{ current: "x" }, { current: 1 }, { consent: b64(Buffer.alloc(63)) }, { consent: b64(Buffer.alloc(65)) }, { consent: 1 }]) {
    refusesPayload({ ...payloads.renewal, ...change }, /consent is malformed/);
  }
});

test("a reason has 1 to 1,000 characters, and a compromise may have no time", () => {
  for (const type of ["revocation", "rejection"]) {
    for (const reason of ["", " \u3000\n", "x".repeat(1001), 1, null]) refusesPayload({ ...payloads[type], reason }, /reason/);
    assert.ok(read({ ...payloads[type], reason: "\u{1f600}".repeat(1000) }));
  }
  assert.equal(read(payloads.revocation).compromisedSince, hour(1));
  for (const compromisedSince of [null, undefined]) assert.equal(read({ ...payloads.revocation, compromisedSince }).compromisedSince, undefined);
  refusesPayload({ ...payloads.revocation, compromisedSince: "yesterday" }, /time is malformed/);
  refusesPayload({ ...payloads.rejection, key: "x" }, /key is malformed/);
});

const claiming = (change) => ({ ...payloads.registration, claims: { ...noClaims, ...change } });
const claims = (change) => read(claiming(change)).claims;

test("an organisation has a name that people can read", () => {
  assert.equal(claims({ organization: "  Acme \u3000" }).organization, "Acme");
  assert.ok(claims({ organization: "\u{1f600}".repeat(200) }));
  for (const organization of ["", " ", "x".repeat(201), "A\nB", "A\u0085B", "A\u202eB", "A\u200bB", "A\u00adB", "A\ufeffB", "A\u{e0041}B", 1, null]) {
    refusesPayload(claiming({ organization }), /organization is wrong/);
  }
});

test("roles are known, there is one at least, and none stands twice", () => {
  assert.deepEqual(claims({ roles: ["carrier", "manufacturer"] }).roles, ["shipper", "manufacturer"]);
  for (const roles of [[], null, "shipper", {}]) refusesPayload(claiming({ roles }), /no role/);
  for (const roles of [["king"], [1], ["shipper", null]]) refusesPayload(claiming({ roles }), /roles are malformed/);
  for (const roles of [["shipper", "shipper"], ["carrier", "shipper"]]) refusesPayload(claiming({ roles }), /one stands twice/);
});

test("GLNs, prefixes and namespaces are well formed, at most a hundred, and none stands twice or within another", () => {
  for (const glns of [["9506000134308"], ["950600013430"], [1], null]) refusesPayload(claiming({ glns }), /glns are malformed/);
  refusesPayload(claiming({ glns: ["9506000134307", "9506000134307"] }), /stands twice/);
  for (const gs1CompanyPrefixes of [["950"], ["9506000134307"], ["95060a0"], ["00000963"], [1]]) refusesPayload(claiming({ gs1CompanyPrefixes }), /malformed/);
  for (const gs1Keys of [["96385074"], ["urn:x:y"], [1], null]) refusesPayload(claiming({ gs1Keys }), /gs1Keys are malformed/);
  refusesPayload(claiming({ gs1Keys: [] }), /gs1Keys are empty/);
  refusesPayload(claiming({ gs1CompanyPrefixes: ["9506000"], gs1Keys: ["https://id.gs1.org/01/09506000134352"] }), /two claims collide/);
  refusesPayload(claiming({ gs1CompanyPrefixes: ["9506000", "95060001"] }), /two claims collide/);
  refusesPayload(claiming({ gs1CompanyPrefixes: ["95060001", "9506000"] }), /two claims collide/);
  refusesPayload(claiming({ namespaces: ["https://id.example.com/x/", "http://id.example.com/x/"] }), /two claims collide/);
  const prefixes = (count) => Array.from({ length: count }, (_, number) => String(950600000 + number));
  assert.equal(claims({ gs1CompanyPrefixes: prefixes(100) }).gs1CompanyPrefixes.length, 100);
  refusesPayload(claiming({ gs1CompanyPrefixes: prefixes(101) }), /more than 100/);
});

test("a namespace is a plainly spelt beginning of URIs that one organisation gives out", () => {
  const good = [
    "https://id.example.com/", "http://id.example.com/x/", "https://id.example.com/x#", "https://id.example.com/x=", "https://id.example.com:8443/",
    "urn:example:", "urn:example:acme.", "urn:example:acme:", "tag:example.com,2026:", "https://id.example.com/%2F/", `https://e.com/${"x".repeat(1008)}/`,
  ];
  for (const namespace of good) assert.deepEqual(claims({ namespaces: [namespace] }).namespaces, [namespace]);
  const bad = [
    "", "https://id.example.com/x", "https://id.example.com", "id.example.com/", ":x/", "urn:", "did:", "did:web:example.com:", "URN:example:", "urn:Example:x:",
    "urn:uuid:", "urn:uuid:8c9a2f4e:", "urn:isbn:1:", "urn:oid:1.", "urn:ietf:rfc:", "urn:issn:1:", "urn:nbn:de:", "DID:web:a:", "Https://id.example.com/",
    "https://id.Example.com/", "https://user@id.example.com/", "https://id.example.com:443/", "http://id.example.com:80/", "https://id.example.com:08443/",
    "https://id.example.com:/", "https://localhost/", "https://id_x.example.com/", "https://id.example.com/./", "https://id.example.com/../", "https://id.example.com/%2f/",
    "https://id.example.com/%41/", "https:///", "https://./", `https://e.com/${"x".repeat(1009)}/`, `https://id.example.com/${"a/".repeat(16)}`,
    "https://id.gs1.org/01/09506000134352/21/", 1, null,
  ];
  for (const namespace of bad) refusesPayload(claiming({ namespaces: [namespace] }), /namespaces are malformed/);
  assert.ok(claims({ namespaces: [`https://id.example.com/${"a/".repeat(15)}`] }));
});

// --- Rights

const ITEM = parseId("https://id.gs1.org/01/09506000134352/21/S1");
const OTHERS = parseId("https://id.gs1.org/01/09521567000018/21/I1");
const event = (change = {}) => ({ type: "ObjectEvent", action: "OBSERVE", step: "", disposition: undefined, set: [], unset: [], ids: [["object", ITEM]], ...change });
const of = (...roles) => ({ claims: { ...noClaims, roles, gs1CompanyPrefixes: ["9506000"] } });
const breaks = (roles, change) => breach(of(...[roles].flat()), event(change))?.rule;

const MOVING = `accepting arriving collecting consigning cycle_counting departing entering_exiting holding inspecting loading other packing
picking receiving sampling sensor_reporting shipping staging_outbound stock_taking storing transporting unloading unpacking void_shipping`.split(/\s+/);
const TRADING = `decommissioning destroying dispensing removing repairing replacing reserving retail_selling stocking`.split(/\s+/);
const MAKING = `assembling commissioning creating_class_instance disassembling encoding installing killing repackaging`.split(/\s+/);

test("each role records its steps and no other", () => {
  const steps = [...MOVING, ...TRADING, ...MAKING];
  const may = (role) => steps.filter((step) => breaks(role, { step }) === undefined);
  assert.deepEqual(may("shipper"), MOVING);
  assert.deepEqual(may("distributor"), [...MOVING, ...TRADING]);
  assert.deepEqual(may("manufacturer"), steps);
  assert.deepEqual(may(["shipper", "distributor"]), [...MOVING, ...TRADING]);
  for (const role of ["shipper", "distributor"]) {
    for (const step of MAKING) assert.equal(breaks(role, { step }), "role-step", step);
    // Steps of another vocabulary, and none, are everybody's.
    for (const step of ["", "urn:x:step"]) assert.equal(breaks(role, { step }), undefined);
  }
});

test("what ends a product is for those who may record the step that ends it", () => {
  const ends = [
    { action: "DELETE" }, { disposition: "destroyed" }, { disposition: "dispensed" }, { disposition: "disposed" }, { disposition: "inactive" },
    { disposition: "retail_sold" }, { set: ["destroyed"] }, { set: ["retail_sold"] },
  ];
  for (const end of ends) {
    assert.equal(breaks("shipper", end), "role-step", JSON.stringify(end));
    for (const role of ["distributor", "manufacturer"]) assert.equal(breaks(role, end), undefined, JSON.stringify(end));
  }
  const { key: sentence, params } = breach(of("shipper"), event({ action: "DELETE" }));
  assert.deepEqual([sentence, params], ["end", { by: "action", step: "decommissioning" }]);
  assert.equal(breaks("shipper", { type: "AggregationEvent", action: "DELETE" }), undefined, "to unpack ends nothing");
  assert.equal(breaks("shipper", { unset: ["destroyed"], disposition: "damaged" }), undefined);
});

test("a manufacturer brings into being what has its own number, and nobody else brings anything into being", () => {
  const adds = { action: "ADD" };
  const makes = { type: "TransformationEvent", action: undefined, ids: [["input", OTHERS], ["output", ITEM]] };
  for (const change of [adds, makes]) {
    assert.equal(breaks("manufacturer", change), undefined);
    assert.equal(breaks(["distributor", "shipper"], change), "role-commission");
    assert.equal(breaks(["shipper", "manufacturer"], change), undefined);
  }
  assert.equal(breaks("manufacturer", { ...adds, ids: [["object", ITEM], ["object", OTHERS]] }), "own-claim");
  assert.equal(breaks("manufacturer", { ...makes, ids: [["input", ITEM], ["output", OTHERS]] }), "own-claim");
  for (const type of ["TransactionEvent", "AggregationEvent", "AssociationEvent"]) assert.equal(breaks("shipper", { type, ...adds }), undefined);
  assert.deepEqual(broughtIntoBeing(event(makes)), [ITEM]);
  assert.deepEqual(broughtIntoBeing(event(adds)), [ITEM]);
  for (const action of ["OBSERVE", "DELETE"]) assert.deepEqual(broughtIntoBeing(event({ action })), []);
});
