// Which records count: withdrawals, repeats, one eventID for two events, and keys in other hands.

import assert from "node:assert/strict";
import { test } from "node:test";

import { World, at, begin, declaredWrong, hour, rules, step, to } from "./builders/world.mjs";

const named = { eventID: "urn:x:1" };

/** A world in which Acme made the item at hour 0. */
function made() {
  const world = new World();
  world.say(world.acme, 0, begin);
  return world;
}

const reason = (verdict, rule) => verdict.reasons.find((one) => one.rule === rule);

test("only its own signer withdraws a record, though another says the very same", () => {
  const world = made();
  const { acme, other } = world;
  // The same event to the letter, place and all: but for its signer nothing tells the two apart.
  const event = { ...step("storing"), ...at(acme) };
  const recorded = world.say(acme, 1, { ...event, ...named });
  const declared = world.say(other, 1, { ...event, ...declaredWrong("urn:x:1") }, { accepted: 2 });
  const verdict = world.judge();
  const [first, second] = world.records.slice(1).map(({ event: { content } }) => content);
  assert.equal(first, second, "the contents are equal: otherwise this would show nothing");
  assert.deepEqual([verdict.verdict, rules(verdict)], ["authentic", ["correction-without-effect"]]);
  assert.deepEqual(reason(verdict, "correction-without-effect").leaves, [declared]);
  const step1 = verdict.timeline.find(({ leaf }) => leaf === recorded);
  assert.deepEqual([step1.correctedBy, step1.note], [undefined, undefined]);
});

test("an origin is not withdrawn by a competitor", () => {
  const world = new World();
  const { acme, other } = world;
  world.say(acme, 0, { ...begin, ...named });
  world.say(other, 0, { ...begin, ...at(acme), ...declaredWrong("urn:x:1") }, { accepted: 1 });
  assert.deepEqual([world.judge().verdict, rules(world.judge())], ["authentic", ["correction-without-effect"]]);
});

test("its own signer withdraws a record, and both stay in the timeline", () => {
  const world = made();
  const recorded = world.say(world.acme, 1, { ...step("storing"), ...named });
  const declared = world.say(world.acme, 1, { ...step("storing"), ...declaredWrong("urn:x:1") }, { accepted: 2 });
  const verdict = world.judge();
  assert.deepEqual(rules(verdict), ["corrected"]);
  assert.deepEqual(reason(verdict, "corrected").leaves, [recorded, declared]);
  const told = verdict.timeline.slice(1).map(({ leaf, correctedBy, corrects }) => [leaf, correctedBy, corrects]);
  assert.deepEqual(told, [[recorded, declared, undefined], [declared, undefined, recorded]]);
});

test("a declaration over another content or another eventID withdraws nothing, nor one that comes before its record", () => {
  const of = (records) => {
    const world = made();
    records(world);
    return rules(world.judge());
  };
  const recorded = (w) => w.say(w.acme, 1, { ...step("storing"), ...named });
  assert.deepEqual(of((w) => [recorded(w), w.say(w.acme, 1, { ...step("holding"), ...declaredWrong("urn:x:1") }, { accepted: 2 })]), ["correction-without-effect"]);
  assert.deepEqual(of((w) => [recorded(w), w.say(w.acme, 1, { ...step("storing"), ...declaredWrong("urn:x:2") }, { accepted: 2 })]), ["correction-without-effect"]);
  assert.deepEqual(of((w) => [w.say(w.acme, 1, { ...step("storing"), ...declaredWrong("urn:x:1") }), recorded(w)]), ["correction-without-effect"]);
});

test("what was withdrawn counts for nothing", () => {
  const world = made();
  world.say(world.acme, 1, { ...step("retail_selling"), ...named });
  world.say(world.acme, 1, { ...step("retail_selling"), ...declaredWrong("urn:x:1") }, { accepted: 2 });
  world.say(world.acme, 3, step("storing"));
  const verdict = world.judge();
  assert.deepEqual([rules(verdict), verdict.state.end], [["corrected"], null]);
});

test("the same content from the same participant counts once, and from another it counts too", () => {
  const world = made();
  world.say(world.acme, 1, step("inspecting"));
  const repeat = world.say(world.acme, 1, { ...step("inspecting"), eventID: "urn:x:again" }, { accepted: 2 });
  assert.ok(world.judge().timeline.every((step) => step.leaf !== repeat), "it is told once, at its first place");
  // A receiver that says it has it says something, though the sender said the same of itself.
  const shipped = made();
  shipped.say(shipped.acme, 1, to(shipped.seoul));
  const event = { ...step("receiving"), ...at(shipped.seoul) };
  shipped.say(shipped.lisbon, 2, event);
  shipped.say(shipped.seoul, 2, event);
  const verdict = shipped.judge();
  const notes = verdict.timeline.slice(-2).map(({ note }) => note);
  assert.deepEqual(notes, ["It does not fit the journey, and is no part of it.", undefined]);
  assert.deepEqual(rules(verdict), ["custody-gap"]);
});

test("one eventID over two contents is one participant's fault, and two participants may choose the same", () => {
  const world = made();
  const first = world.say(world.acme, 1, { ...step("storing"), ...named });
  world.say(world.other, 2, { ...step("holding"), ...at(world.acme), ...named });
  assert.deepEqual(rules(world.judge()), []);
  const second = world.say(world.acme, 3, { ...step("holding"), ...named });
  const verdict = world.judge();
  assert.deepEqual([verdict.verdict, rules(verdict)], ["suspect", ["event-id-reused"]]);
  assert.deepEqual(reason(verdict, "event-id-reused").leaves, [first, second]);
});

test("a withdrawn record and its replacement under the same eventID are no reuse", () => {
  const world = made();
  world.say(world.acme, 1, { ...step("storing"), ...named });
  world.say(world.acme, 1, { ...step("storing"), ...declaredWrong("urn:x:1") }, { accepted: 2 });
  world.say(world.acme, 2, { ...step("holding"), ...named });
  assert.deepEqual(rules(world.judge()), ["corrected"]);
});

// --- Keys in other hands

test("a thief that sets iat back is found by the block's time", () => {
  const when = (signedAt, accepted) => {
    const world = made();
    world.say(world.acme, 1, step("storing"), { signedAt, accepted });
    world.revoke(world.acme, 10, hour(5));
    return rules(world.judge());
  };
  assert.deepEqual(when(4, 4), []);
  assert.deepEqual(when(4, 6), ["signed-after-compromise"], "iat set back");
  assert.deepEqual(when(6, 4), ["signed-after-compromise"], "iat ahead of its block");
  assert.deepEqual(when(6, 6), ["signed-after-compromise"]);
  assert.deepEqual(when(4, 5), ["signed-after-compromise"], "the block of that very moment");
  assert.deepEqual(when(5, 4), ["signed-after-compromise"], "the iat of that very moment");
});

test("a revocation without a time of compromise casts no doubt on what was signed before", () => {
  const world = made();
  world.say(world.acme, 1, step("storing"));
  world.revoke(world.acme, 10);
  assert.deepEqual(rules(world.judge()), []);
});

/** Lisbon, which never had to do with the item, says that it has it; later its key is stolen. */
function claimed() {
  const world = made();
  const claim = { ...step("storing"), ...named };
  const recorded = world.say(world.lisbon, 1, claim);
  return { world, claim, recorded };
}

test("a thief's withdrawal of what the key's owner had said before is not disregarded", () => {
  const { world, recorded } = claimed();
  assert.deepEqual(rules(world.judge()), ["custody-gap"]);
  // With the stolen key the counterfeiter's trace is to go.
  const withdrawn = world.say(world.lisbon, 1, { ...step("storing"), ...declaredWrong("urn:x:1") }, { accepted: 9, signedAt: 9 });
  world.revoke(world.lisbon, 12, hour(8));
  const verdict = world.judge();
  assert.deepEqual([verdict.verdict, rules(verdict)], ["suspect", ["signed-after-compromise", "corrected"]]);
  assert.deepEqual(reason(verdict, "signed-after-compromise").leaves, [withdrawn]);
  assert.deepEqual(reason(verdict, "corrected").leaves, [recorded, withdrawn]);
});

test("what a thief said and withdrew again is disregarded, both", () => {
  const { world, claim } = claimed();
  world.records.pop();
  world.say(world.lisbon, 9, claim, { accepted: 9 });
  const withdrawn = world.say(world.lisbon, 9, { ...step("storing"), ...declaredWrong("urn:x:1") }, { accepted: 10, signedAt: 10 });
  world.revoke(world.lisbon, 12, hour(8));
  const verdict = world.judge();
  assert.deepEqual([verdict.verdict, rules(verdict)], ["authentic", ["corrected", "compromised-stranger"]]);
  assert.deepEqual(reason(verdict, "compromised-stranger").leaves, [withdrawn]);
});
