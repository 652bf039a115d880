// Days and times as sentences and pages tell them: each names its zone, and UTC stands beside another one. Core has the same
// (crates/core/src/provenance/wording.rs).

/** The times that there are, of the years 0000 to 9999 in UTC. */
export const TIME_MIN = -62167219200000;
export const TIME_MAX = 253402300799999;

/** RFC 3339 in UTC with three digits of a second. */
export const timeText = (millis) => new Date(millis).toISOString();

/** The calendar day in UTC as labels and master data write days, which name no zone. */
export const date = (time) => timeText(time).slice(0, 10);
const clock = (time) => timeText(time).slice(11, 16);

export const day = (time) => `${date(time)} UTC`;
export const minute = (time) => `${date(time)} ${clock(time)} UTC`;

/** The day as calendars showed it at an offset from UTC such as "+09:00", and the day in UTC beside it if that is another one. */
export function dayAt(time, offset) {
  const there = atOffset(time, offset);
  if (there === undefined) return day(time);
  return date(there) === date(time) ? `${date(there)} ${offset}` : `${date(there)} ${offset} (${day(time)})`;
}

/** The minute as clocks showed it at an offset from UTC, and in UTC beside it: "2026-03-02 17:00 +09:00 (08:00 UTC)". */
export function minuteAt(time, offset) {
  const there = atOffset(time, offset);
  if (there === undefined) return minute(time);
  const utc = date(there) === date(time) ? `${clock(time)} UTC` : minute(time);
  return `${date(there)} ${clock(there)} ${offset} (${utc})`;
}

/** What clocks showed at an offset, as if it were a time in UTC; `undefined` if they showed UTC, or the offset is none. */
function atOffset(time, offset) {
  const [, sign, hours, minutes] = /^([+-])(\d\d):(\d\d)$/.exec(offset ?? "") ?? [];
  const away = (Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * (sign === "-" ? -1 : 1);
  return away === 0 ? undefined : Math.min(Math.max(time + away * 60_000, TIME_MIN), TIME_MAX);
}

/** A sentence in parts, every other one a day such as "2026-03-02 +09:00", which is not broken over two lines. */
export const aroundDays = (text) => text.split(/(?<![^\s(])(\d{4}-\d{2}-\d{2}(?: (?:[+-]\d\d:\d\d|UTC))?)/);
