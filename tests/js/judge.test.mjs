// Each rule by records that make it speak, and the nearest that do not. Rust's tests have the same rules by more events.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { tell } from "../../web/verify.js";
import { distanceKm } from "../../web/verify/coordinates.js";
import { stale, withReason } from "../../web/verify/judge.js";
import { SEVERITY_OF } from "../../web/verify/rule.js";
import { ENGLISH, KOREAN } from "./builders/sentences.mjs";
import { INPUT, ITEM, LOT, World, at, begin, hour, lasting, nowhere, rules, step, to } from "./builders/world.mjs";
import { CASE, PALLET } from "./ledger.mjs";

/** `[what it shows, the word, its rules, records: [who, hour, members]]`; the item was commissioned by Acme at hour 0. */
const CASES = [
  ["a whole journey", "authentic", ["unnamed-carrier"], (w) => [[w.acme, 1, to(w.seoul)], [w.swift, 2, step("transporting")], [w.seoul, 3, step("receiving")]]],
  ["a second origin", "suspect", ["commissioned-twice"], (w) => [[w.acme, 9, begin]]],
  ["somebody else's origin", "suspect", ["commissioned-twice", "commissioned-without-authority"], (w) => [[w.other, 9, begin]]],
  ["shortly before its origin", "authentic", [], (w) => [[w.acme, -1, step("inspecting")]]],
  ["long before its origin, elsewhere", "disputed", ["claimed"], (w) => [[w.lisbon, -25, step("inspecting")]]],
  ["printing before its origin", "authentic", [], (w) => [[w.acme, -25, step("encoding")]]],
  ["a step that is not a shipper's", "suspect", ["signer-outside-rights", "unnamed-carrier"], (w) => [[w.acme, 1, step("shipping")], [w.swift, 2, step("repairing")]]],
  ["received by another", "incomplete", ["custody-gap"], (w) => [[w.acme, 1, to(w.seoul)], [w.lisbon, 2, step("receiving")]]],
  ["shipped by a stranger", "incomplete", ["custody-gap"], (w) => [[w.lisbon, 2, step("shipping")]]],
  ["shipped twice", "suspect", ["shipped-twice"], (w) => [[w.acme, 1, to(w.seoul)], [w.acme, 2, to(w.lisbon)]]],
  ["nobody said how it came there", "incomplete", ["custody-gap"], (w) => [[w.lisbon, 2, step("storing")]]],
  ["two accounts that go on", "disputed", ["claimed"], (w) => [[w.lisbon, 2, step("storing")], [w.acme, 4, step("storing")]]],
  ["a carrier took it away", "incomplete", ["custody-gap"], (w) => [[w.swift, 2, step("transporting")]]],
  ["a carrier took it away, and it is still there", "disputed", ["claimed"], (w) => [[w.swift, 2, step("transporting")], [w.acme, 4, step("storing")]]],
  ["its holder goes on with what it sent off", "suspect", ["contradicts-itself"], (w) => [[w.acme, 1, to(w.seoul)], [w.acme, 2, step("retail_selling")]]],
  ["received by another, and by the one it was sent to", "disputed", ["claimed"], (w) => [[w.acme, 1, to(w.seoul)], [w.lisbon, 3, step("receiving")], [w.seoul, 6, step("receiving")]]],
  ["the first to receive what was sent to nobody", "authentic", ["unannounced"], (w) => [[w.acme, 1, step("shipping")], [w.lisbon, 2, step("receiving")]]],
  ["destroyed", "ended", ["destroyed"], (w) => [[w.acme, 1, step("destroying")]]],
  ["sold", "ended", ["sold"], (w) => [[w.acme, 1, step("retail_selling")]]],
  ["recorded late", "authentic", ["late"], (w) => [[w.seoul, 5, step("receiving")], [w.acme, 2, to(w.seoul)]]],
  ["taken back too late", "authentic", ["withdrawn-too-late"], (w) => [[w.acme, 1, to(w.seoul)], [w.seoul, 3, step("receiving")], [w.acme, 4, step("void_shipping")]]],
  ["sold, then sold again", "suspect", ["event-after-terminal", "sold"], (w) => [[w.acme, 1, step("retail_selling")], [w.acme, 2, step("retail_selling")]]],
  ["sold, and brought back", "authentic", [], (w) => [[w.acme, 1, step("retail_selling")], [w.acme, 2, { disposition: "returned" }], [w.acme, 3, step("storing")]]],
  ["sold, and brought back elsewhere", "incomplete", ["returned-elsewhere", "sold"], (w) => [[w.acme, 1, step("retail_selling")], [w.lisbon, 2, { disposition: "returned" }]]],
  ["stolen", "suspect", ["reported-stolen"], (w) => [[w.acme, 1, { disposition: "stolen" }]]],
  ["stolen and found", "authentic", [], (w) => [[w.acme, 1, lasting({ set: ["stolen"] })], [w.acme, 2, lasting({ unset: ["stolen"] })]]],
  ["stolen by hearsay", "authentic", ["stolen-claimed"], (w) => [[w.lisbon, 1, { disposition: "stolen" }]]],
  ["recalled", "recalled", ["recalled"], (w) => [[w.acme, 1, { disposition: "recalled" }]]],
  ["recalled by another", "authentic", ["recall-claimed"], (w) => [[w.seoul, 1, { disposition: "recalled", ...nowhere }]]],
  ["a recall taken back", "authentic", ["recall-lifted"], (w) => [[w.acme, 1, lasting({ set: ["recalled"] })], [w.acme, 2, lasting({ unset: ["recalled"] })]]],
  ["its class recalled", "recalled", ["recalled"], (w) => [[w.acme, 1, { epcList: undefined, quantityList: [{ epcClass: "https://id.gs1.org/01/09506000134352" }], disposition: "recalled" }]]],
  ["a shipping voided", "authentic", [], (w) => [[w.acme, 1, to(w.seoul)], [w.acme, 2, step("void_shipping")], [w.acme, 3, to(w.lisbon)]]],
  ["nothing to void", "authentic", ["void-without-shipping"], (w) => [[w.acme, 2, step("void_shipping")]]],
  ["sent to nobody that is registered", "authentic", ["left-consortium"], (w) => [[w.acme, 1, step("shipping", { destinationList: [{ type: "location", destination: "urn:x:y" }] })]]],
  ["a repeat", "authentic", [], (w) => [[w.acme, 0, begin]]],
  ["one eventID for two events", "suspect", ["event-id-reused"], (w) => [[w.acme, 1, step("storing", { eventID: "urn:x:1" })], [w.acme, 2, step("holding", { eventID: "urn:x:1" })]]],
  ["another's declaration", "authentic", ["correction-without-effect"], (w) => [[w.other, 1, step("storing", { eventID: "urn:x:1", errorDeclaration: { declarationTime: "2026-03-09T00:00:00Z" } })]]],
  ["a correction", "authentic", ["corrected"], (w) => [
    [w.acme, 1, { ...begin, eventID: "urn:x:1" }], [w.acme, 1, { ...begin, eventID: "urn:x:1", errorDeclaration: { declarationTime: "2026-03-09T00:00:00Z" } }],
  ]],
  ["from Seoul to Lisbon in an hour", "suspect", ["impossible-travel"], (w) => [
    [w.acme, 1, step("inspecting", { readPoint: { id: "geo:37.5665,126.978" } })], [w.acme, 2, step("inspecting", { readPoint: { id: "geo:38.7223,-9.1393" } })],
  ]],
];

test("each rule speaks where it should", () => {
  for (const [name, word, expected, records] of CASES) {
    const world = new World();
    world.say(world.acme, 0, begin);
    for (const [actor, at, members] of records(world)) world.say(actor, at, members);
    const verdict = world.judge();
    assert.deepEqual([verdict.verdict, rules(verdict)], [word, expected], `${name}: ${JSON.stringify(verdict.reasons, null, 1)}`);
    for (const { text, leaves } of verdict.reasons) {
      assert.doesNotMatch(text, /undefined|\[object|[{}]/, name);
      assert.deepEqual(leaves, [...new Set(leaves)].sort((a, b) => a - b), name);
    }
  }
});

test("what happens to a container happens to what is in it", () => {
  const world = new World();
  world.say(world.acme, 0, begin);
  world.pack(world.acme, 1, CASE, [ITEM]);
  world.pack(world.acme, 2, PALLET, [CASE]);
  world.say(world.acme, 3, { ...to(world.seoul), epcList: [PALLET] });
  world.say(world.seoul, 4, { ...step("receiving"), epcList: [PALLET] });
  const verdict = world.judge();
  assert.deepEqual([verdict.verdict, verdict.state.container, verdict.state.custodian.id], ["authentic", CASE, world.seoul.id]);
  assert.deepEqual(verdict.timeline.map(({ via }) => via), [undefined, undefined, CASE, PALLET, PALLET]);
  assert.match(verdict.summary, /“Seoul Medical” has it, in the container \(00\)095060001343520000\.$/);
  world.say(world.lisbon, 5, step("storing"));
  assert.deepEqual(rules(world.judge()), ["inside-container"]);
});

test("odd packing is told and followed no further than it can be", () => {
  const packed = (more) => {
    const world = new World();
    world.say(world.acme, 0, begin);
    world.pack(world.acme, 1, CASE, [ITEM]);
    more(world);
    return rules(world.judge());
  };
  assert.deepEqual(packed((w) => w.pack(w.acme, 2, PALLET, [ITEM])), ["packed-elsewhere"]);
  assert.deepEqual(packed((w) => w.pack(w.acme, 2, PALLET, [ITEM], "DELETE")), ["unpacked-without-packing"]);
  assert.deepEqual(packed((w) => w.pack(w.acme, 2, ITEM, [CASE])), ["container-cycle"]);
  assert.deepEqual(packed((w) => w.pack(w.acme, 2, CASE, [ITEM], "DELETE")), []);
  assert.deepEqual(packed((w) => w.pack(w.acme, 2, CASE, undefined, "DELETE")), []);
});

test("recalls reach what was made, by input, lot and class", () => {
  const made = (recall) => {
    const world = new World();
    world.say(world.other, 0, { ...begin, epcList: [INPUT] });
    const ilmd = { "cbvmda:lotNumber": "L7", "cbvmda:itemExpirationDate": "2026-03-02" };
    world.make(world.acme, 1, { inputEPCList: [INPUT], outputEPCList: [ITEM], ilmd });
    recall?.(world);
    return rules(world.judge());
  };
  assert.deepEqual(made(), ["expired"]);
  assert.deepEqual(made((w) => w.say(w.other, 2, { epcList: [INPUT], disposition: "recalled" })), ["recalled-input", "expired"]);
  assert.deepEqual(made((w) => w.say(w.acme, 2, { epcList: [LOT], disposition: "recalled" })), ["recalled", "expired"]);
  assert.deepEqual(made((w) => w.say(w.acme, 2, { epcList: [INPUT], disposition: "recalled" })), ["expired"]);
});

test("keys in other hands and registrations that ended", () => {
  const world = new World();
  world.say(world.acme, 0, begin);
  world.say(world.lisbon, 5, step("storing"));
  world.revoke(world.lisbon, 6, hour(4));
  assert.deepEqual(rules(world.judge()), ["compromised-stranger"]);
  world.revoke(world.acme, 7);
  world.say(world.acme, 8, step("storing"));
  assert.deepEqual(rules(world.judge()), ["signer-not-in-force", "compromised-stranger"]);
  const thief = new World();
  thief.say(thief.acme, 0, begin);
  thief.say(thief.acme, 5, step("storing"));
  thief.revoke(thief.acme, 6, hour(4));
  assert.deepEqual(rules(thief.judge()), ["signed-after-compromise"]);
});

test("what is not one product is never authentic", () => {
  const world = new World();
  assert.deepEqual([world.judge().verdict, world.judge().reasons], ["unknown", []]);
  for (const id of [LOT, "https://id.gs1.org/01/09506000134352", world.acme.place]) {
    assert.deepEqual([world.judge(id).verdict, rules(world.judge(id))], ["unknown", [id === world.acme.place ? "not-serialised" : "shared-number"]], id);
  }
  world.say(world.acme, 0, { ...begin, epcList: undefined, quantityList: [{ epcClass: LOT }] });
  for (const [id, ...expected] of [
    [LOT, "traced", "grey", ["shared-number"]],
    ["https://id.gs1.org/01/09506000134352", "incomplete", "amber", ["no-origin", "shared-number"]],
    [world.acme.place, "incomplete", "amber", ["not-serialised"]],
  ]) {
    assert.deepEqual([world.judge(id).verdict, world.judge(id).light, rules(world.judge(id))], expected, id);
  }
  assert.equal(world.judge().verdict, "unknown");
  world.say(world.seoul, 0, step("storing"));
  assert.deepEqual(rules(world.judge()), ["no-origin"]);
  for (const [what, expected] of [
    ["product:class:farm.trout", ["no-origin", "shared-number"]],
    ["product:lot:class:farm.trout.L1", ["no-origin", "shared-number"]],
    ["product:serial:obj:farm.trout.1", ["no-origin"]],
  ]) {
    const id = `urn:gdst:example.org:${what}`;
    world.say(world.seoul, 0, { ...step("storing"), epcList: [id] });
    assert.deepEqual(rules(world.judge(id)), expected, id);
  }
  assert.deepEqual(rules(world.judge(ITEM, { policy: { originSteps: ["storing"] } })), ["commissioned-without-authority"]);
  assert.deepEqual(rules(world.judge(ITEM, { limitReached: true })), ["limit-reached", "no-origin"]);
});

test("a lot is brought into being in any number of events, by the one whose number it has", () => {
  const of = (members) => ({ epcList: undefined, quantityList: [{ epcClass: LOT }], ...members });
  const world = new World();
  const holds = () => world.judge(LOT).reasons.filter(({ rule }) => rule === "commissioned-by-prefix-holder");
  for (const [times, said] of [[1, ""], [2, " and once more since"], [3, " and 2 times more since"]]) {
    world.say(world.acme, times, of({ action: "ADD", bizStep: "commissioning" }));
    const [{ leaves, text }] = holds();
    assert.deepEqual([leaves.length, text], [times, `Commissioned on 2026-03-01 UTC${said} by “Acme Pharma”, to which its number belongs.`]);
    assert.deepEqual(rules(world.judge(LOT)), ["shared-number"]);
  }
  world.say(world.seoul, 4, of(step("receiving")));
  world.say(world.lisbon, 5, of(step("receiving")));
  world.say(world.seoul, 6, of(step("storing")));
  const { verdict, reasons } = world.judge(LOT);
  assert.deepEqual([verdict, rules({ reasons })], ["traced", ["shared-number", "lot-claimed", "lot-claimed"]]);
  const leaf = world.say(world.other, 7, of({ action: "ADD", bizStep: "commissioning" }));
  assert.deepEqual(rules(world.judge(LOT)), ["commissioned-without-authority", "shared-number", "lot-claimed", "lot-claimed"]);
  assert.deepEqual([world.judge(LOT).reasons[0].leaves, holds()], [[leaf], []]);
});

test("a lot that nobody made has no origin once somebody has it", () => {
  const of = (members) => ({ epcList: undefined, quantityList: [{ epcClass: LOT }], ...members });
  const [afar, world] = [new World(), new World()];
  afar.say(afar.acme, 1, of({ disposition: "recalled" }));
  afar.say(afar.seoul, 2, of(step("reserving")));
  assert.deepEqual(rules(afar.judge(LOT)), ["recalled", "no-origin", "shared-number"]);
  const leaf = world.say(world.seoul, 3, of(step("receiving")));
  const { verdict, reasons } = world.judge(LOT);
  assert.deepEqual([verdict, rules({ reasons }), reasons[0].leaves], ["incomplete", ["no-origin", "shared-number"], [leaf]]);
  assert.match(reasons[0].text, /^No record of this lot says where it comes from: the first to record it was “Seoul Medical” on /);
});

test("commissioned twice after it was made", () => {
  const world = new World();
  const made = { type: "TransformationEvent", action: undefined, epcList: undefined, inputEPCList: [INPUT], outputEPCList: [ITEM] };
  const leaves = [world.say(world.acme, 1, { ...made, bizStep: "assembling" })];
  world.say(world.acme, 2, begin);
  assert.deepEqual(rules(world.judge()), []);
  leaves.push(world.say(world.acme, 3, begin));
  assert.deepEqual(rules(world.judge()), ["commissioned-twice"]);
  assert.deepEqual(world.judge().reasons[0].leaves, leaves);
});

test("what goes into a harvest does not begin with it", () => {
  const world = new World();
  const members = { type: "TransformationEvent", action: undefined, epcList: undefined, bizStep: "urn:gdst:bizStep:farmHarvest" };
  world.say(world.other, 1, { ...members, inputEPCList: [ITEM], outputEPCList: [INPUT] });
  assert.deepEqual([world.judge().verdict, rules(world.judge())], ["incomplete", ["no-origin", "used-up"]]);
  assert.equal(world.judge(INPUT).verdict, "authentic");
});

test("no rule gives more than ten reasons, and none of their leaves is lost", () => {
  const world = new World();
  world.say(world.acme, 0, begin);
  for (let at = 1; at <= 25; at++) world.say(world.lisbon, at, { disposition: "stolen" });
  const claims = world.judge().reasons.filter(({ rule }) => rule === "stolen-claimed");
  assert.equal(claims.length, 10);
  assert.equal(claims.flatMap(({ leaves }) => leaves).length, 25);
});

test("a reason that is added finds its place", () => {
  const world = new World();
  world.say(world.acme, 0, begin);
  const verdict = world.judge();
  assert.equal(stale(0, 3600000), undefined);
  const old = tell(withReason(verdict, stale(hour(2000), hour(2002))), ENGLISH);
  assert.deepEqual([old.verdict, old.reasons[0].rule], ["incomplete", "answer-too-old"]);
  assert.match(old.summary, /^Not enough is on record to call it genuine\. This answer is from/);
  assert.equal(verdict.verdict, "authentic");
});

test("thousands of records are judged in time that grows as they do", () => {
  const world = new World();
  world.say(world.acme, 0, begin);
  for (let at = 1; at <= 3000; at++) {
    world.pack(world.acme, at, CASE, [ITEM]);
    world.pack(world.acme, at, CASE, [ITEM], "DELETE");
  }
  assert.equal(world.judge().timeline.length, 6001);
});

test("distances are those of the globe", () => {
  const place = (latitude, longitude) => ({ latitude, longitude });
  assert.equal(Math.round(distanceKm(place(90, 0), place(-90, 0))), 20015);
  assert.equal(Math.round(distanceKm(place(10, 179.5), place(10, -179.5))), 110);
});

test("the rules are those of the page, each with its severity", () => {
  const page = readFileSync(new URL("../../docs/VERDICT.md", import.meta.url), "utf8");
  const told = [...page.matchAll(/^\| `([\w-]+)` \| (recall|fails|ended|disputes|gap|past|note|holds) \|/gm)].map(([, rule, severity]) => [rule, severity]);
  assert.ok(told.length > 45);
  assert.deepEqual(Object.fromEntries(told), { ...SEVERITY_OF });
  for (const [rule] of told) assert.ok(ENGLISH[rule] && KOREAN[rule], rule);
});

test("a verdict is told in any language", () => {
  const world = new World();
  world.say(world.acme, 0, begin);
  world.say(world.acme, 1, { disposition: "recalled" });
  const korean = tell(world.judge(), KOREAN);
  assert.equal(korean.reasons[0].text, "번호 소유자 “Acme Pharma”이(가) 2026-03-01 UTC에 해당 제품의 회수를 선언했습니다.");
  assert.equal(korean.summary, `사용하지 마십시오. ${korean.reasons[0].text}`);
  assert.deepEqual(tell(korean, ENGLISH), world.judge());
});

test("no sentence can be written by choosing a name", () => {
  for (const [name, shown] of [
    ['X". It is genuine. "Y', "“X'. It is genuine. 'Y”"],
    ["X”. It is genuine. “Y", "“X'. It is genuine. 'Y”"],
    ["{day} $& {Who}", "“{day} $& {Who}”"],
    ["O''Neill ´’ «Sons» ＂", "“O'Neill ' 'Sons' '”"],
    ["x".repeat(200), `“${"x".repeat(80)}…”`],
  ]) {
    const world = new World();
    const liar = world.join(name, "distributor", [], "952100000006");
    world.say(world.acme, 0, begin);
    world.say(world.acme, 1, to(world.seoul));
    world.say(world.seoul, 5, step("receiving"));
    world.say(liar, 9, { ...step("receiving"), ...at(world.acme) });
    world.say(world.seoul, 30, step("storing"));
    world.say(liar, 31, { disposition: "recalled" });
    const { reasons, summary } = world.judge();
    const own = (rule) => reasons.find((reason) => reason.rule === rule).text;
    assert.equal(own("recall-claimed"), `${shown} marked it as recalled on 2026-03-02 UTC; only “Acme Pharma” could recall it.`);
    const place = `GLN ${world.acme.place.slice(-13)} of “Acme Pharma”`;
    assert.ok(summary.includes(`. ${shown} (GLN ${liar.place.slice(-13)}) says it had a product with this number at ${place} on `), summary);
  }
});
