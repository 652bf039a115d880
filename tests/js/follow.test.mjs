// Which lists an answer rests on, how far, and what a source that leaves something out is told.

import assert from "node:assert/strict";
import { test } from "node:test";

import { actsOf } from "../../web/verify/acts.js";
import { firstWanted, follow, isBeforeSpan } from "../../web/verify/follow.js";
import { LIMITS } from "../../web/verify/limits.js";
import { namesOfAdmin, namesOfEvent, subject } from "../../web/verify/subjects.js";
import { parseId, parseUri } from "../../web/verify/gs1.js";
import { Registry } from "../../web/verify/registry.js";

const item = (number) => parseId(`https://id.gs1.org/01/09506000134352/21/S${number}`);
const ITEM = item(1);
const CLASS = "https://id.gs1.org/01/09506000134352";
const box = (number) => parseUri(`urn:x:box-${String(number).padStart(4, "0")}`);
const place = (number) => parseUri(`urn:x:place-${String(number).padStart(4, "0")}`);
const HOUR = 3600000;
/** A participant's id: its number, or the id itself. */
const uuid = (number) => (typeof number === "string" ? number : `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`);

const event = (members) => ({
  type: "ObjectEvent", action: "OBSERVE", time: 0, step: "", disposition: undefined, set: [], unset: [], ids: [["object", ITEM]], parent: undefined,
  transformationId: undefined, transactions: [], ilmd: undefined, destinations: [], ...members,
});
const packs = (parent, child, time = 0) =>
  event({ type: "AggregationEvent", action: "ADD", parent, ids: [["parent", parent], ["child", child]], time });
const makes = (output, inputs, tie) =>
  event({ type: "TransformationEvent", action: undefined, ids: [...inputs.map((id) => ["input", id]), ["output", output]], transformationId: tie && parseUri(tie) });

class Left extends Error {}

/** A ledger's lists and captures without a ledger: what `follow` asks of a source. */
class Source {
  lists = new Map();
  captures = new Map();
  registry = new Registry("ledger.example", []);
  leaf = 1;
  asked = [];
  /** What a list that leaves something out says in place of the truth: `(answer, subject, wanted) => answer`. */
  lie = (answer) => answer;

  #list(key, leaf, signer, acts = 0) {
    this.lists.set(key, [...(this.lists.get(key) ?? []), { leaf, signer, acts }]);
  }

  join(number, claims = {}) {
    const leaf = this.leaf++;
    const all = { organization: "x", roles: ["manufacturer"], glns: [], gs1CompanyPrefixes: [], namespaces: [], ...claims };
    const certificate = { thumbprint: `${number}`, key: { thumbprint: `${number}` }, notBefore: -1e15, notAfter: 1e15 };
    const admin = { type: "registration", participant: uuid(number), claims: all, certificate };
    this.registry.apply(admin, { leaf, time: 0 }, undefined, assert.fail);
    for (const key of namesOfAdmin(admin)) this.#list(key, leaf);
  }

  /** Puts a capture on the ledger, `time` being that of its block. Gives its leaf. */
  put(number, events, { time = 0, bytes = 100 } = {}) {
    const leaf = this.leaf++;
    const signer = uuid(number);
    this.captures.set(leaf, { place: { leaf, time }, signer, certificate: `${number}`, signedAt: time, bytes, events: [events].flat() });
    const speaking = [events].flat().map((one) => ({ event: one, subjects: namesOfEvent(one, signer) }));
    for (const key of new Set(speaking.flatMap((one) => [...one.subjects]))) this.#list(key, leaf, signer, actsOf(speaking, key));
    return leaf;
  }

  list(key, wanted) {
    this.asked.push([key, wanted]);
    const list = this.lists.get(key) ?? [];
    const first = firstWanted(wanted, list.length);
    return this.lie({ count: list.length, first, entries: list.slice(first) }, key, wanted);
  }

  startOfSpan = (entries, since) => Math.max(entries.findLastIndex(({ leaf }) => isBeforeSpan(this.captures.get(leaf).place.time, since)), 0);

  capture = (leaf) => this.captures.get(leaf);
  captureWithin = (leaf, bytes) => (this.captures.get(leaf).bytes <= bytes ? this.captures.get(leaf) : undefined);
  registeredAt = (leaf) => this.registry.registeredAt(leaf);

  cutShort(key) {
    throw new Left(`cut short: ${key}`);
  }

  noRegistration(key) {
    throw new Left(`no registration: ${key}`);
  }

  follow(id = ITEM, limits = LIMITS) {
    const { records, ...trail } = follow(id, this, undefined, limits);
    return { leaves: records.map(({ place: { leaf } }) => leaf), ...trail };
  }
}

const cutShort = (source, key) =>
  assert.throws(() => source.follow(), (error) => error instanceof Left && error.message === `cut short: ${key}`, key);
const listOf = (id) => subject("id", id.text);

test("an id, its containers, inputs, ties, destinations, recalls and parties are followed", () => {
  const source = new Source();
  source.join(1, { gs1CompanyPrefixes: ["9506000"], glns: ["9506000134307"] });
  source.join(2);
  const leaves = [
    source.put(2, makes(box(9), [box(8)])), source.put(1, makes(ITEM, [box(9)], "urn:x:tie")), source.put(1, makes(item(2), [item(3)], "urn:x:tie")),
    source.put(1, packs(box(1), ITEM)), source.put(1, packs(box(2), box(1))),
    source.put(1, event({ ids: [["object", box(2)]], destinations: [parseUri("https://id.gs1.org/417/9506000134307"), place(1)] })),
  ];
  const { leaves: found, shown, limitReached } = source.follow();
  assert.deepEqual([found, limitReached], [leaves, false]);
  const expected = [
    listOf(ITEM), listOf(box(1)), listOf(box(2)), listOf(box(8)), listOf(box(9)), listOf(item(3)), "transformation urn:x:tie", "prefix 9506000134307",
    "prefix 9506000", "prefix urn:x:", `party ${uuid(1)}`, `party ${uuid(2)}`, `recall ${ITEM.text}`, `recall ${CLASS}`, `recall ${uuid(1)} ${ITEM.text}`,
    `recall ${uuid(1)} ${CLASS}`, `recall ${box(9).text}`,
  ];
  for (const key of expected) assert.ok(shown.has(key), key);
  for (const key of [listOf(item(2)), `recall ${box(1).text}`, `recall ${uuid(2)} ${ITEM.text}`]) assert.ok(!shown.has(key), key);
});

test("an event names its ids, its tie, its transactions, what it recalls, by itself and by its signer, and a recall the classes too", () => {
  const names = (members) => [...namesOfEvent(event(members), uuid(1))];
  assert.deepEqual(names({}), [listOf(ITEM)]);
  const recalls = [`recall ${ITEM.text}`, `recall ${uuid(1)} ${ITEM.text}`];
  assert.deepEqual(names({ disposition: "recalled" }), [listOf(ITEM), `id ${CLASS}`, ...recalls]);
  assert.deepEqual(names({ set: ["recalled"] }), [listOf(ITEM), `id ${CLASS}`, ...recalls]);
  assert.deepEqual(names({ unset: ["recalled"] }), [listOf(ITEM), ...recalls]);
  assert.deepEqual(names({ transactions: ["urn:x:b", "urn:x:a", "urn:x:b"] }), [listOf(ITEM), "transaction urn:x:b", "transaction urn:x:a"]);
  assert.deepEqual([...namesOfEvent(makes(ITEM, [box(1)], "urn:x:tie"), uuid(1))], [listOf(box(1)), listOf(ITEM), "transformation urn:x:tie"]);
});

test("an admin statement names its participant, and a registration what it claims", () => {
  const claims = { gs1CompanyPrefixes: ["9506000"], glns: ["9506000134307"], namespaces: ["https://e.com/"] };
  const names = (type) => [...namesOfAdmin({ type, participant: uuid(1), claims })];
  assert.deepEqual(names("registration"), [`party ${uuid(1)}`, "prefix 9506000", "prefix 9506000134307", "prefix http://e.com/"]);
  for (const type of ["renewal", "revocation", "rejection"]) assert.deepEqual(names(type), [`party ${uuid(1)}`]);
  assert.deepEqual([...namesOfAdmin({ type: "genesis", members: [{ kid: "a" }, { kid: "b" }] })], ["party a", "party b"]);
});

// --- What is left out

const journey = () => {
  const source = new Source();
  source.join(1, { gs1CompanyPrefixes: ["9506000"] });
  for (let at = 0; at < 3; at++) source.put(1, event({ time: at }));
  for (let at = 0; at < 3; at++) source.put(1, event({ disposition: "recalled", time: at }));
  return source;
};

test("each list that an answer rests on is shown to its end and from its beginning", () => {
  const keys = [...journey().follow().shown].filter(([, { count }]) => count > 0).map(([key]) => key);
  assert.ok(keys.length >= 5);
  const lies = [
    (answer) => ({ ...answer, entries: answer.entries.slice(0, -1) }),
    (answer) => ({ ...answer, first: 1, entries: answer.entries.slice(1) }),
    (answer) => ({ ...answer, first: 1 }),
    (answer) => ({ ...answer, count: answer.count + 1 }),
    (answer) => ({ ...answer, entries: [] }),
  ];
  for (const key of keys) {
    for (const lie of lies) {
      const source = journey();
      source.lie = (answer, asked) => (asked === key ? lie(answer) : answer);
      cutShort(source, key);
    }
  }
  const source = journey();
  source.lie = (answer, asked) => (asked === "prefix 9506000" ? { ...answer, entries: [{ ...answer.entries[0], leaf: 3 }] } : answer);
  assert.throws(() => source.follow(), /no registration: prefix 9506000/);
});

/** A box that is followed from hour 100 on, and that the item was made from, too. */
function seenLater() {
  const source = new Source();
  source.join(1, { gs1CompanyPrefixes: ["9506000"] });
  const early = [0, 30, 60].map((at) => source.put(1, event({ ids: [["object", box(1)]], time: at * HOUR }), { time: at * HOUR }));
  source.put(1, [makes(ITEM, [], "urn:x:tie"), packs(box(1), ITEM, 100 * HOUR)], { time: 100 * HOUR });
  source.put(1, makes(item(2), [box(1)], "urn:x:tie"), { time: 101 * HOUR });
  const late = source.put(1, event({ ids: [["object", box(1)]], time: 110 * HOUR }), { time: 110 * HOUR });
  return { source, early, late };
}

test("what is both carried and used is opened from the time that it is carried, and what brings it forth", () => {
  const { source, early, late } = seenLater();
  const { leaves, shown } = source.follow();
  assert.deepEqual(leaves.filter((leaf) => early.includes(leaf)), early.slice(2));
  assert.ok(leaves.includes(late));
  assert.deepEqual(shown.get(listOf(box(1))).entries.map(({ leaf }) => leaf).slice(0, 3), early);
});

test("of a container the leaf before its span is taken too, and an event's day before that", () => {
  const source = new Source();
  source.join(1);
  const handled = (at) => source.put(1, event({ ids: [["object", box(1)]], time: at * HOUR }), { time: at * HOUR });
  const leaves = [10, 40, 75, 76, 77].map(handled);
  source.put(1, packs(box(1), ITEM, 100 * HOUR), { time: 100 * HOUR });
  const { opened } = source.follow();
  // A block at hour 76 may hold what happened at hour 100; the one before shows that nothing was left out.
  assert.deepEqual(leaves.filter((leaf) => opened.has(leaf)), leaves.slice(2));
  assert.deepEqual([isBeforeSpan(76 * HOUR, 100 * HOUR), isBeforeSpan(76 * HOUR - 1, 100 * HOUR)], [false, true]);
});

test("an answer about a container that was followed from an earlier time takes the earlier", () => {
  const source = new Source();
  source.join(1);
  const handled = source.put(1, event({ ids: [["object", box(9)]], time: 40 * HOUR }), { time: 40 * HOUR });
  source.put(1, [packs(box(1), ITEM, 30 * HOUR), packs(box(5), ITEM, 200 * HOUR)], { time: 200 * HOUR });
  // Box 9 is found by box 5 first, and a step later by box 2, which is in box 1.
  source.put(1, [packs(box(2), box(1), 35 * HOUR), packs(box(9), box(5), 210 * HOUR), packs(box(9), box(2), 38 * HOUR)], { time: 210 * HOUR });
  const asked = [];
  const { startOfSpan } = source;
  source.startOfSpan = (entries, since) => {
    if (entries.some(({ leaf }) => leaf === handled)) asked.push(since / HOUR);
    return startOfSpan(entries, since);
  };
  const { leaves } = source.follow();
  assert.ok(leaves.includes(handled));
  assert.deepEqual(asked, [210, 38]);
});

test("what a container was packed into before it was filled is followed from its filling", () => {
  const source = new Source();
  source.join(1);
  source.put(1, packs(box(2), box(1), 38 * HOUR), { time: 38 * HOUR });
  source.put(1, packs(box(1), ITEM, 50 * HOUR), { time: 50 * HOUR });
  const asked = [];
  source.startOfSpan = (_, since) => asked.push(since / HOUR) && 0;
  source.follow();
  assert.deepEqual([...new Set(asked)], [50]);
});

test("what it was made from is followed, and not what was made from it or what another says under the same tie", () => {
  const source = new Source();
  source.join(1, { gs1CompanyPrefixes: ["9506000"] });
  source.join(2);
  source.put(1, makes(ITEM, [box(1)], "urn:x:tie"));
  source.put(1, makes(item(2), [box(2)], "urn:x:tie"));
  source.put(2, makes(item(3), [box(3)], "urn:x:tie"));
  source.put(1, makes(item(4), [ITEM, box(4)], "urn:x:other"));
  const { shown } = source.follow();
  const followed = [1, 2, 3, 4].map((number) => shown.has(listOf(box(number))));
  assert.deepEqual(followed, [true, true, false, false]);
  assert.ok(!shown.has("transformation urn:x:other"));
});

// --- Limits

/** A source with the holder of the prefix, and what `fill` put on it. */
function filled(fill) {
  const source = new Source();
  source.join(1, { gs1CompanyPrefixes: ["9506000"] });
  fill(source);
  return source;
}

test("a thousand statements, twelve MiB, ten thousand events are taken", () => {
  const statements = (count) => filled((source) => { for (let at = 0; at < count; at++) source.put(1, event({ time: at })); });
  assert.deepEqual([statements(1000).follow().limitReached, statements(1000).follow().leaves.length], [false, 1000]);
  const { limitReached, leaves, shown } = statements(1001).follow();
  assert.deepEqual([limitReached, leaves.length, shown.get(listOf(ITEM)).entries.length, shown.get(listOf(ITEM)).count], [true, 1000, 1001, 1001]);
  const MiB = 1024 * 1024;
  const bytes = (...sizes) => filled((source) => { for (const size of sizes) source.put(1, event({}), { bytes: size }); }).follow();
  assert.deepEqual([bytes(4 * MiB, 4 * MiB, 4 * MiB).limitReached, bytes(12 * MiB - 1, 1).limitReached], [false, false]);
  assert.deepEqual([bytes(12 * MiB, 1).limitReached, bytes(12 * MiB - 1, 1, 1).limitReached, bytes(12 * MiB - 1, 1, 1).leaves.length], [true, true, 2]);
  const events = (...counts) => filled((source) => { for (const count of counts) source.put(1, Array.from({ length: count }, () => event({}))); }).follow();
  assert.deepEqual([events(9999, 1), events(10000), events(10000, 1), events(9999, 1, 1)].map((trail) => trail.limitReached), [false, false, true, true]);
  assert.equal(events(10000, 1).leaves.length, 10000);
});

// --- Who takes how much

const PREFIX = { gs1CompanyPrefixes: ["9506000"] };
const held = (members = {}) => event({ readPoint: place(1), ...members });

test("of a signer that is no party leaves with acts are opened in turn, and what is not counts by its acts", () => {
  const source = new Source();
  for (const number of [1, 2, 3]) source.join(number, number === 1 ? PREFIX : {});
  source.put(1, event({ action: "ADD" }));
  const silent = source.put(2, event({}));
  const long = source.put(2, held(), { bytes: 64 * 1024 + 1 });
  const just = source.put(2, held(), { bytes: 64 * 1024 });
  const packing = source.put(3, [packs(box(1), ITEM)], { bytes: 70000 });
  const { opened, unopened, shown, limitReached } = source.follow();
  assert.deepEqual([silent, long, just, packing].map((leaf) => opened.has(leaf)), [false, false, true, false]);
  assert.deepEqual([unopened, limitReached], [[{ leaf: long, signer: uuid(2) }], false]);
  assert.ok(shown.has(`party ${uuid(3)}`) && !shown.has(listOf(box(1))));
});

test("of all that are no parties 32 leaves and 256 KiB are opened, of 16 signers, and 64 leaves are tried", () => {
  const strangers = (count, each, bytes = 100) => {
    const source = new Source();
    source.join(1, PREFIX);
    source.put(1, event({ action: "ADD" }));
    for (let number = 2; number < count + 2; number++) source.join(number);
    for (let number = 2; number < count + 2; number++) for (let at = 0; at < each; at++) source.put(number, held(), { bytes });
    const { opened, unopened, limitReached } = source.follow();
    return [opened.size - 1, unopened.length, limitReached];
  };
  assert.deepEqual(strangers(16, 2), [32, 0, false]);
  assert.deepEqual(strangers(2, 20), [32, 8, false]);
  assert.deepEqual(strangers(17, 1), [16, 0, true]);
  assert.deepEqual(strangers(1, 5, 64 * 1024), [4, 1, false]);
  assert.deepEqual(strangers(1, 70, 70000), [0, 70, false]);
});

test("no signer takes more than its share while another has something left", () => {
  const source = new Source();
  source.join(1, PREFIX);
  source.join(2, { glns: [gln(0)] });
  source.put(1, event({ action: "ADD", destinations: [parseUri(`https://id.gs1.org/417/${gln(0)}`)] }));
  const boxes = Array.from({ length: 101 }, (_, at) => packs(box(at), ITEM));
  source.put(2, boxes);
  for (let at = 0; at < 3; at++) source.put(2, Array.from({ length: 5000 }, () => event({})), { bytes: 4 * 1024 * 1024 });
  source.put(1, packs(box(999), ITEM));
  const last = source.put(1, event({ disposition: "stolen" }));
  const { leaves, shown, limitReached } = source.follow();
  assert.ok(limitReached && leaves.includes(last) && shown.has(listOf(box(999))));
  assert.ok(leaves.length <= 10000);
  // Of one signer and id sixteen containers are followed.
  assert.equal([...shown.keys()].filter((key) => key.startsWith("id urn:x:box")).length, 17);
});

test("what a signer floods before another is found leaves that one its share", () => {
  const source = new Source();
  source.join(1, PREFIX);
  source.join(2, { glns: [gln(0)] });
  source.join(3, { glns: [gln(1)] });
  const to = (number) => [parseUri(`https://id.gs1.org/417/${gln(number)}`)];
  source.put(1, event({ action: "ADD", destinations: to(0) }));
  source.put(1, packs(box(1), ITEM));
  for (let at = 0; at < 4; at++) source.put(2, event({}), { bytes: 4 * 1024 * 1024 });
  // Who has it is named by what the box says, which is found with the flood.
  source.put(1, event({ ids: [["object", box(1)]], destinations: to(1) }));
  const last = source.put(3, event({ disposition: "stolen" }));
  const { leaves, limitReached } = source.follow();
  assert.ok(limitReached && leaves.includes(last));
});

test("of a list longer than ten thousand the last five thousand are shown", () => {
  const source = new Source();
  source.join(1, PREFIX);
  source.join(2);
  source.put(1, event({ action: "ADD" }));
  const key = listOf(ITEM);
  const entries = Array.from({ length: 9999 }, (_, at) => ({ leaf: 100 + at, signer: uuid(2), acts: 0 }));
  source.lists.set(key, [...source.lists.get(key), ...entries]);
  assert.equal(source.follow().shown.get(key).entries.length, 10000);
  const more = source.put(1, event({}));
  source.lists.set(key, source.lists.get(key).map((entry) => (entry.leaf === more ? { ...entry, leaf: 20000 } : entry)));
  source.captures.set(20000, source.captures.get(more));
  const { shown, limitReached } = source.follow();
  assert.deepEqual([shown.get(key).first, shown.get(key).entries.length, limitReached], [5001, 5000, true]);
});

test("only events that name what is followed are counted and shown", () => {
  const source = filled((one) => {
    one.put(1, [...Array.from({ length: 10000 }, () => event({ ids: [["object", item(2)]] })), event({})]);
    one.put(1, event({}));
  });
  const { limitReached, leaves } = source.follow();
  assert.deepEqual([limitReached, leaves], [false, [2, 3]]);
});

test("a hundred further ids are followed, the first in the order of their text", () => {
  const inputs = (count) => filled((source) => source.put(1, makes(ITEM, Array.from({ length: count }, (_, at) => box(count - at))))).follow();
  assert.equal(inputs(100).limitReached, false);
  const { limitReached, shown } = inputs(101);
  assert.deepEqual([limitReached, shown.has(listOf(box(100))), shown.has(listOf(box(101)))], [true, true, false]);
});

test("sixteen destinations of an event and a hundred in all are asked for", () => {
  const sent = (...counts) => {
    let number = 0;
    return filled((source) => {
      for (const count of counts) source.put(1, event({ destinations: Array.from({ length: count }, () => parseUri(`https://id.gs1.org/417/${gln(number++)}`)) }));
    }).follow();
  };
  const prefixes = ({ shown }) => [...shown.keys()].filter((key) => /^prefix [0-9]{13}$/.test(key)).length;
  assert.deepEqual([prefixes(sent(16)), prefixes(sent(17)), sent(17).limitReached], [16, 16, false]);
  const [hundred, more] = [sent(...Array(6).fill(16), 4), sent(...Array(6).fill(16), 5)];
  assert.deepEqual([prefixes(hundred), hundred.limitReached, prefixes(more), more.limitReached], [100, false, 100, true]);
});

function gln(number) {
  const digits = String(952100000000 + number);
  const sum = [...digits].reduce((total, digit, at) => total + Number(digit) * (at % 2 === 0 ? 1 : 3), 0);
  return digits + ((10 - (sum % 10)) % 10);
}

test("eight lots are looked at, the first in the order of their text", () => {
  const of = (count) => filled((source) => {
    for (let at = count; at > 0; at--) source.put(1, event({ action: "ADD", ilmd: new Map([["e:lotNumber", `L${100 + at}`]]) }));
  }).follow();
  const lots = ({ shown }) => [...shown.keys()].filter((key) => /^recall https.*\/10\//.test(key)).map((key) => key.split("/").at(-1));
  assert.deepEqual(lots(of(8)).length, 8);
  assert.deepEqual(lots(of(9)).sort(), ["L101", "L102", "L103", "L104", "L105", "L106", "L107", "L108"]);
  // A lot counts where the event brings the item forth.
  const seen = filled((source) => source.put(1, event({ ilmd: new Map([["e:lotNumber", "L1"]]) }))).follow();
  assert.deepEqual(lots(seen), []);
});

test("of a holder's recalls the last hundred are opened, and a budget of their own bounds them", () => {
  const of = (count, options) => filled((source) => {
    for (let at = 0; at < count; at++) source.put(1, event({ ids: [["object", parseId(CLASS), true]], disposition: "recalled" }), options);
  }).follow();
  const list = ({ shown }) => shown.get(`recall ${uuid(1)} ${CLASS}`);
  assert.deepEqual([list(of(100)).first, list(of(100)).entries.length, of(100).limitReached], [0, 100, false]);
  assert.deepEqual([list(of(101)).first, list(of(101)).entries.length, of(101).limitReached], [1, 100, true]);
  // From the last back, so that the newest are seen in any case.
  const large = of(4, { bytes: 6 * 1024 * 1024 });
  assert.deepEqual([large.opened, large.limitReached], [new Set([5, 4]), true]);
});

test("of others' recalls the last sixteen are told, as far as others' leaves are opened", () => {
  const source = filled((one) => {
    one.join(2);
    for (let at = 0; at < 17; at++) one.put(2, event({ ids: [["object", parseId(CLASS), true]], disposition: "recalled" }));
    one.put(2, event({ ids: [["object", parseId(CLASS), true]], disposition: "recalled" }), { bytes: 70000 });
  });
  const { opened, limitReached, shown } = source.follow();
  assert.deepEqual([opened.size, limitReached, shown.get(`recall ${CLASS}`).entries.length], [15, false, 18]);
});

test("records that spend their budget leave recalls theirs", () => {
  const source = filled((one) => {
    for (let at = 0; at < 1000; at++) one.put(1, event({ time: at }));
    one.put(1, event({ ids: [["object", parseId(CLASS), true]], disposition: "recalled" }));
  });
  const { limitReached, opened } = source.follow();
  assert.deepEqual([limitReached, opened.has(1002)], [false, true]);
});

test("the holders' own recalls are taken before anybody's, whatever the order of their texts", () => {
  const holder = "ffffffff-0000-4000-8000-000000000001";
  const source = new Source();
  source.join(holder, { namespaces: ["acct:a:"] });
  const id = parseUri("acct:a:1");
  source.put(holder, event({ ids: [["object", id]] }));
  source.follow(id);
  const recalls = source.asked.map(([key]) => key).filter((key) => key.startsWith("recall"));
  assert.deepEqual(recalls, [`recall ${holder} acct:a:1`, "recall acct:a:1"]);
});

test("who holds the prefix is asked of every prefix that could cover an id, and its recalls come first", () => {
  const source = new Source();
  source.join(1, { gs1CompanyPrefixes: ["9506000"] });
  source.join(2);
  source.put(2, event({}));
  source.follow();
  const asked = source.asked.map(([key]) => key);
  assert.deepEqual(asked.filter((key) => key.startsWith("prefix")).map((key) => key.slice(7).length), [4, 5, 6, 7, 8, 9, 10, 11, 12]);
  const recalls = asked.filter((key) => key.startsWith("recall"));
  assert.deepEqual(recalls, [`recall ${uuid(1)} ${CLASS}`, `recall ${uuid(1)} ${ITEM.text}`, `recall ${CLASS}`, `recall ${ITEM.text}`]);
});
