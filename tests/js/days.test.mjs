// Days and times in sentences and in the journey: the cases of crates/core/src/provenance/wording.rs.

import assert from "node:assert/strict";
import { test } from "node:test";

import { World, begin } from "./builders/world.mjs";
import { TIME_MAX, TIME_MIN, aroundDays, day, dayAt, minute, minuteAt } from "../../web/verify/days.js";

const NIGHT = Date.parse("2026-03-02T00:30:00+09:00");

test("times name their zone", () => {
  assert.deepEqual([day(NIGHT), minute(NIGHT)], ["2026-03-01 UTC", "2026-03-01 15:30 UTC"]);
  for (const [offset, ownDay, ownMinute] of [
    ["+09:00", "2026-03-02 +09:00 (2026-03-01 UTC)", "2026-03-02 00:30 +09:00 (2026-03-01 15:30 UTC)"],
    ["-03:30", "2026-03-01 -03:30", "2026-03-01 12:00 -03:30 (15:30 UTC)"],
    ["+00:00", "2026-03-01 UTC", "2026-03-01 15:30 UTC"],
    ["-00:00", "2026-03-01 UTC", "2026-03-01 15:30 UTC"],
    ["", "2026-03-01 UTC", "2026-03-01 15:30 UTC"],
    [undefined, "2026-03-01 UTC", "2026-03-01 15:30 UTC"],
  ]) {
    assert.deepEqual([dayAt(NIGHT, offset), minuteAt(NIGHT, offset)], [ownDay, ownMinute], offset);
  }
});

test("a sentence names the day that the journey names", () => {
  const world = new World();
  world.say(world.acme, 24, begin);
  // Half past three in the afternoon by UTC, half an hour after midnight there.
  world.say(world.acme, 6 * 24 + 15.5, { disposition: "recalled", eventTimeZoneOffset: "+09:00" });
  const { reasons, timeline } = world.judge();
  assert.equal(reasons[0].text, "“Acme Pharma”, to which its number belongs, recalled it on 2026-03-08 +09:00 (2026-03-07 UTC).");
  const { eventTime, eventTimeZoneOffset } = timeline.at(-1);
  assert.equal(minuteAt(Date.parse(eventTime), eventTimeZoneOffset), "2026-03-08 00:30 +09:00 (2026-03-07 15:30 UTC)");
});

test("no offset leads out of the years that there are", () => {
  assert.equal(dayAt(TIME_MAX, "+14:00"), "9999-12-31 +14:00");
  assert.equal(dayAt(TIME_MIN, "-14:00"), "0000-01-01 -14:00");
});

test("a day stays whole in its line, with its zone", () => {
  const parts = aroundDays("On 2026-03-02 +09:00 (2026-03-01 UTC), and 2026-03-03에 2026-04-04T1 x2026-03-02.");
  assert.deepEqual(parts.filter((_, at) => at % 2 === 1), ["2026-03-02 +09:00", "2026-03-01 UTC", "2026-03-03", "2026-04-04"]);
  assert.equal(parts.join(""), "On 2026-03-02 +09:00 (2026-03-01 UTC), and 2026-03-03에 2026-04-04T1 x2026-03-02.");
});
