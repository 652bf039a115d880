// Travel: nothing moves faster than the policy says between two places whose coordinates are known.

import { coordinatesOf, distanceKm } from "../coordinates.js";
import { actOf } from "../reading.js";

const NEAR_KM = 100;
const SLACK_HOURS = 1;

/**
 * Judges the way from each place to the next, by the events that need the goods in hand. What is recorded only after others have gone on
 * condemns nothing.
 */
export function checkTravel(one, findings) {
  let before;
  for (const at of one.fitting) {
    if (one.account.overtaken.has(at)) continue;
    if (!["ships", "receives", "handles"].includes(actOf(one, at))) continue;
    const place = coordinatesOf(one.event(at));
    if (!place) continue;
    if (before) checkWay(one, before.at, at, distanceKm(before.place, place), findings);
    before = { at, place };
  }
}

function checkWay(one, from, to, km, findings) {
  const millis = one.event(to).time - one.event(from).time;
  const hours = millis / 3600000;
  if (km <= NEAR_KM || km <= one.policy.maxSpeedKmh * (hours + SLACK_HOURS)) return;
  const speed = millis > 0 ? { key: "impossible-travel.speed", params: { speed: Math.round(km / hours) } } : "";
  const params = {
    km: Math.round(km), minutes: Math.trunc(millis / 60000), speed, ...one.signed(from), other: one.who(to), again: one.day(to),
  };
  findings.add("impossible-travel", one.leaves([from, to]), params);
}
