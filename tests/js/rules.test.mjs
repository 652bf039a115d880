// Single rules by the nearest records that break them: theft, recalls, signers, ends, travel.

import assert from "node:assert/strict";
import { test } from "node:test";

import { INPUT, ITEM, LOT, World, at, begin, hour, lasting, nowhere, rules, step, to } from "./builders/world.mjs";

const CASE = "https://id.gs1.org/00/095060001343520000";
const stolen = lasting({ set: ["stolen"] });
const found = lasting({ unset: ["stolen"] });
const recalled = { disposition: "recalled" };
const lifted = lasting({ unset: ["recalled"] });

function judged(records) {
  const world = new World();
  world.say(world.acme, 0, begin);
  records(world);
  const verdict = world.judge();
  return [verdict.verdict, rules(verdict)];
}

const atSeoul = (w) => [w.say(w.acme, 1, to(w.seoul)), w.say(w.seoul, 2, step("receiving"))];
/** What was said with the item in nobody else's hands: no place, so that it says nothing about custody. */
const says = (w, who, when, members) => w.say(w[who], when, { ...members, ...nowhere });

test("who had to do with it reports it stolen, and another's word is a claim", () => {
  for (const who of ["acme", "seoul"]) assert.deepEqual(judged((w) => [...atSeoul(w), says(w, who, 3, stolen)]), ["suspect", ["reported-stolen"]], who);
  assert.deepEqual(judged((w) => [...atSeoul(w), says(w, "lisbon", 3, stolen)]), ["authentic", ["stolen-claimed"]]);
  // To be announced is to have to do with it.
  assert.deepEqual(judged((w) => [w.say(w.acme, 1, to(w.seoul)), says(w, "seoul", 3, stolen)]), ["suspect", ["reported-stolen"]]);
  assert.deepEqual(judged((w) => [says(w, "seoul", 1, stolen), w.say(w.acme, 2, to(w.seoul))]), ["authentic", ["stolen-claimed"]]);
});

test("who reported the theft, or holds the prefix, says that it was found, and nobody else", () => {
  const after = (reporter, finder) => judged((w) => [...atSeoul(w), says(w, reporter, 3, stolen), says(w, finder, 4, found)]);
  assert.deepEqual(after("seoul", "seoul"), ["authentic", []]);
  assert.deepEqual(after("seoul", "acme"), ["authentic", []]);
  assert.deepEqual(after("acme", "acme"), ["authentic", []]);
  // Seoul has it and had to do with it: as the thief would.
  assert.deepEqual(after("acme", "seoul"), ["suspect", ["reported-stolen"]]);
  for (const stranger of ["lisbon", "swift", "other"]) assert.deepEqual(after("seoul", stranger), ["suspect", ["reported-stolen"]], stranger);
});

test("what was found may be stolen again, and the first report stands until it is found", () => {
  assert.deepEqual(judged((w) => [...atSeoul(w), says(w, "seoul", 3, stolen), says(w, "seoul", 4, found), says(w, "seoul", 5, stolen)]), [
    "suspect", ["reported-stolen"],
  ]);
  // Seoul's second report does not become its own to take back: Acme's came first.
  assert.deepEqual(judged((w) => [...atSeoul(w), says(w, "acme", 3, stolen), says(w, "seoul", 4, stolen), says(w, "seoul", 5, found)]), [
    "suspect", ["reported-stolen"],
  ]);
  assert.deepEqual(judged((w) => [...atSeoul(w), says(w, "seoul", 3, found), says(w, "seoul", 4, stolen)]), ["suspect", ["reported-stolen"]]);
});

test("the thief's word about where it is moves nothing", () => {
  const [, reasons] = judged((w) => [...atSeoul(w), w.say(w.lisbon, 3, step("storing")), says(w, "lisbon", 4, stolen)]);
  assert.deepEqual(reasons, ["custody-gap", "stolen-claimed"]);
});

test("a stolen container's contents are stolen", () => {
  assert.deepEqual(judged((w) => [w.pack(w.acme, 1, CASE, [ITEM]), w.say(w.acme, 2, { ...stolen, epcList: [CASE] })]), ["suspect", ["reported-stolen"]]);
});

// --- Recalls

test("the prefix's holder recalls it and takes the recall back, and nobody else does either", () => {
  assert.deepEqual(judged((w) => says(w, "acme", 1, recalled)), ["recalled", ["recalled"]]);
  assert.deepEqual(judged((w) => [says(w, "acme", 1, recalled), says(w, "acme", 2, lifted)]), ["authentic", ["recall-lifted"]]);
  for (const who of ["seoul", "other", "swift"]) {
    assert.deepEqual(judged((w) => says(w, who, 1, recalled)), ["authentic", ["recall-claimed"]], who);
    assert.deepEqual(judged((w) => [says(w, "acme", 1, recalled), says(w, who, 2, lifted)]), ["recalled", ["recalled"]], who);
  }
  assert.deepEqual(judged((w) => [says(w, "acme", 1, lifted), says(w, "acme", 2, recalled)]), ["recalled", ["recalled"]]);
});

test("a stolen key takes no recall back", () => {
  for (const what of [{}, { epcList: undefined, quantityList: [{ epcClass: "https://id.gs1.org/01/09506000134352" }] }]) {
    const [verdict, reasons] = judged((w) => {
      says(w, "acme", 1, { ...recalled, ...what });
      says(w, "acme", 6, { ...lifted, ...what });
      w.revoke(w.acme, 9, hour(5));
    });
    assert.equal(verdict, "recalled");
    assert.ok(!reasons.includes("recall-lifted"), reasons);
  }
});

test("a stolen key withdraws no recall", () => {
  const world = new World();
  world.say(world.acme, 0, begin);
  const of = { epcList: undefined, quantityList: [{ epcClass: "https://id.gs1.org/01/09506000134352" }], ...recalled, eventID: "urn:x:1" };
  world.say(world.acme, 1, of);
  const withdrawn = (more) => ({ ...of, errorDeclaration: { declarationTime: "2026-03-09T00:00:00Z" }, ...more });
  world.say(world.acme, 1, withdrawn(), { accepted: 6, signedAt: 6 });
  assert.deepEqual([world.judge().verdict, rules(world.judge())], ["authentic", []]);
  world.revoke(world.acme, 9, hour(5));
  assert.equal(world.judge().verdict, "recalled");
});

test("a lot's recall reaches what its own maker said is of that lot", () => {
  const ilmd = { "cbvmda:lotNumber": "L7" };
  const of = (maker) => {
    const world = new World();
    world.say(world.acme, 0, begin);
    world.make(world[maker], 1, { inputEPCList: [INPUT], outputEPCList: [ITEM], ilmd });
    world.say(world.acme, 2, { epcList: [LOT], ...recalled });
    return rules(world.judge());
  };
  assert.ok(of("acme").includes("recalled"));
  assert.ok(!of("other").includes("recalled"));
});

test("an input's recall counts from its own prefix's holder", () => {
  const of = (who, lifter) => {
    const world = new World();
    world.make(world.acme, 1, { inputEPCList: [INPUT], outputEPCList: [ITEM] });
    world.say(world[who], 2, { epcList: [INPUT], ...recalled });
    if (lifter) world.say(world[lifter], 3, { epcList: [INPUT], ...lifted });
    return rules(world.judge());
  };
  assert.deepEqual(of("other"), ["recalled-input"]);
  assert.deepEqual(of("acme"), []);
  assert.deepEqual(of("other", "other"), []);
  assert.deepEqual(of("other", "acme"), ["recalled-input"]);
});

test("what somebody else says it was made from is not followed", () => {
  const world = new World();
  world.say(world.acme, 0, begin);
  world.make(world.seoul, 1, { inputEPCList: [INPUT], outputEPCList: [ITEM] });
  world.say(world.other, 2, { epcList: [INPUT], ...recalled });
  assert.ok(!rules(world.judge()).includes("recalled-input"));
});

// --- Signers

test("each record is judged by the registration in force where it stands", () => {
  const world = new World();
  world.say(world.acme, 0, begin);
  world.say(world.acme, 1, to(world.seoul));
  world.revoke(world.seoul, 2);
  world.say(world.seoul, 3, step("receiving"));
  assert.deepEqual(rules(world.judge()), ["signer-not-in-force"]);
  const borrowed = new World();
  borrowed.say(borrowed.acme, 0, begin);
  borrowed.say({ ...borrowed.acme, certificate: borrowed.other.certificate }, 1, step("storing"));
  assert.deepEqual(rules(borrowed.judge()), ["signer-not-in-force"]);
  const unknown = new World();
  unknown.say(unknown.acme, 0, begin);
  unknown.say({ ...unknown.acme, certificate: "nobody's" }, 1, step("storing"));
  assert.deepEqual(rules(unknown.judge()), ["signer-not-in-force"]);
});

test("an origin counts from the one who held the number at its leaf", () => {
  const world = new World();
  world.revoke(world.acme, 0);
  world.say(world.acme, 1, begin);
  assert.ok(rules(world.judge()).includes("commissioned-without-authority"));
  const stranger = new World();
  stranger.say(stranger.other, 0, begin);
  assert.deepEqual([stranger.judge().verdict, rules(stranger.judge())], ["suspect", ["commissioned-without-authority"]]);
});

// --- Ends

test("what may follow an end, and what may not", () => {
  const afterSale = ["collecting", "decommissioning", "destroying", "inspecting", "repairing", "replacing", "sampling", "removing"];
  const ends = {
    retail_selling: afterSale,
    dispensing: afterSale,
    decommissioning: ["collecting", "destroying", "disassembling"],
    destroying: [],
  };
  const steps = ["storing", "shipping", "receiving", "retail_selling", "dispensing", "holding", "repairing", "inspecting", "collecting", "destroying", "removing"];
  for (const [end, permitted] of Object.entries(ends)) {
    for (const next of steps) {
      const [, reasons] = judged((w) => [w.say(w.acme, 1, step(end)), w.say(w.acme, 2, step(next))]);
      // What was sold may be dispensed: that is the more final end.
      const isFurther = end === "retail_selling" && next === "dispensing";
      assert.equal(reasons.includes("event-after-terminal"), !permitted.includes(next) && !isFurther, `${next} after ${end}`);
    }
  }
  assert.deepEqual(judged((w) => [w.say(w.acme, 1, step("retail_selling")), says(w, "acme", 2, recalled)])[1], ["recalled", "sold"], "from afar");
});

test("the more final end stands, and an end in part is none", () => {
  const world = new World();
  world.say(world.acme, 0, begin);
  world.say(world.acme, 1, step("retail_selling"));
  world.say(world.acme, 2, step("destroying"));
  assert.equal(world.judge().state.end, "destroyed");
  assert.deepEqual(judged((w) => [w.say(w.acme, 1, { ...step("dispensing"), disposition: "partially_dispensed" }), w.say(w.acme, 2, step("storing"))]), ["authentic", []]);
});

// --- Travel

test("nothing travels faster than the policy says, with an hour and a hundred kilometres for coarse clocks and places", () => {
  const geo = (text) => step("inspecting", { readPoint: { id: `geo:${text}` } });
  const travel = (from, to, hours) => judged((w) => [w.say(w.acme, 1, geo(from)), w.say(w.acme, 1 + hours, geo(to))])[1];
  // One degree of latitude is 111.195 km.
  assert.deepEqual(travel("10,0.5", "0.001,0.5", 0), [], "1,111.8 km in the hour that clocks may be off");
  assert.deepEqual(travel("11,0.5", "0.001,0.5", 0), ["impossible-travel"], "1,223 km at once");
  assert.deepEqual(travel("21,0.5", "0.001,0.5", 1), [], "2,335 km in two hours");
  assert.deepEqual(travel("22,0.5", "0.001,0.5", 1), ["impossible-travel"], "2,446 km in two hours");
  assert.deepEqual(travel("37,126", "0,0", 0), [], "0,0 is no place");
  for (const place of ["91,0", "-91,5", "10,181", "x,y", "1e1,5", ""]) assert.deepEqual(travel("37,126", place === "" ? "37,126" : place, 0), [], place);
});

test("the place where goods are handled counts, and not the one from which they are spoken of", () => {
  const geo = (text) => ({ readPoint: { id: `geo:${text}` } });
  assert.deepEqual(judged((w) => [w.say(w.acme, 1, step("inspecting", geo("37.5,127"))), w.say(w.acme, 2, step("sensor_reporting", geo("38.7,-9.1")))])[1], []);
  assert.deepEqual(judged((w) => [w.say(w.acme, 1, { ...step("inspecting"), ...geo("37.5,127") }), w.say(w.acme, 2, { ...step("storing"), ...at(w.acme) })])[1], []);
  const sale = { type: "TransactionEvent", bizTransactionList: [{ bizTransaction: "urn:x:t" }], ...step("retail_selling", geo("38.7,-9.1")) };
  assert.deepEqual(judged((w) => [w.say(w.acme, 1, step("inspecting", geo("37.5,127"))), w.say(w.acme, 2, sale)])[1], ["sold"], "by invoice");
});
