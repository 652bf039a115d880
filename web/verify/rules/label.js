// The label, and the dates: what the code says beside the serial against what the product was made with
// (docs/VERDICT.md, "The label").

import { daysIn, lotOf } from "../gs1.js";
import { lotsBeside, textsOf } from "../master_data.js";
import { date } from "../days.js";
import { quoted } from "../sentences.js";

const COMPARED = [
  ["lot", ["10"]],
  ["expiry", ["17", "7003"]],
  ["bestBefore", ["15"]],
  ["sellBy", ["16"]],
  ["production", ["11"]],
];

const NAMES = {
  lot: { key: "label.lot" },
  expiry: { key: "label.expiry" },
  bestBefore: { key: "label.best-before" },
  sellBy: { key: "label.sell-by" },
  production: { key: "label.production" },
};

/** A value as sentences tell it: a lot's number is whatever its maker chose. */
const told = (fact, value) => (fact === "lot" ? quoted(value) : value);

/** Judges the label against the records, and its dates and theirs against the last seal's day. */
export function checkLabel(one, findings) {
  if (one.subject === "place") return;
  const label = one.history.label ?? new Map();
  const today = date(one.history.asOf);
  for (const [fact, ais] of COMPARED) {
    const name = NAMES[fact];
    const recorded = recordedOf(one, fact, name, findings);
    const read = (ai) => (fact === "lot" ? label.get(ai) : dayOnLabel(label.get(ai), Number(today.slice(0, 4))));
    const onLabel = ais.filter((ai) => label.has(ai)).map((ai) => [ai, read(ai)]);
    for (const [ai, value] of onLabel) compare(one, fact, { ai, name, value }, recorded, findings);
    if (recorded.length > 0 && onLabel.length === 0 && label.size > 0) {
      const [[value, at]] = recorded;
      findings.add("label-incomplete", [one.leaf(at)], { name, value: told(fact, value) });
    }
    if (fact !== "lot" && fact !== "production") passed(one, fact, name, onLabel.map(([, value]) => value), recorded, today, findings);
  }
}

/** The expiry or sell-by date that the product was made with. */
export function expiryOf(one) {
  for (const at of originsOf(one)) {
    for (const fact of ["expiry", "sellBy"]) {
      const found = textsOf(one.event(at), fact).map(dayOf).find((text) => text !== undefined);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** The lot that the label says `item` is of, if that is what was asked about. */
export function lotOfLabel({ id, label }, item) {
  const number = id.text === item.text ? label?.get("10") : undefined;
  return number === undefined ? undefined : lotOf(item, number);
}

/** The origins by the one who may say what the product is. */
const originsOf = (one) => one.account.origins.filter((at) => one.byPrefixHolder(at));

/** What is on record of a fact, each with the entry that says so; days for dates. Says which date cannot be read. */
function recordedOf(one, fact, name, findings) {
  // Of which lot a lot is, its own id says.
  if (fact === "lot" && one.subject !== "one") return [];
  const recorded = [];
  for (const at of originsOf(one)) {
    const event = one.event(at);
    for (const text of textsOf(event, fact)) {
      const value = fact === "lot" ? text : dayOf(text);
      const params = { name, who: one.who(at), day: one.day(at), text: quoted(text) };
      if (value !== undefined) recorded.push([value, at]);
      else findings.add("expiry-unreadable", [one.leaf(at)], params);
    }
    if (fact === "lot") for (const number of lotsBeside(event, one.history.id.text)) recorded.push([number, at]);
  }
  return recorded;
}

function compare(one, fact, { value, ...named }, recorded, findings) {
  if (recorded.some(([known]) => known === value)) return;
  const params = { ...named, value: told(fact, value) };
  if (recorded.length === 0) return findings.add("label-unconfirmed", [], params);
  const [[known, at]] = recorded;
  const more = { who: one.who(at), recorded: told(fact, known), day: one.day(at) };
  findings.add("label-differs", recorded.map(([, entry]) => one.leaf(entry)), { ...params, ...more });
}

/** Says which date has passed: the earliest of the label's and the recorded ones. */
function passed(one, fact, name, onLabel, recorded, today, findings) {
  const [first] = [...onLabel, ...recorded.map(([value]) => value)].sort();
  if (first === undefined || first >= today) return;
  const leaves = recorded.filter(([known]) => known === first).map(([, at]) => one.leaf(at));
  if (fact === "expiry") findings.add("expired", leaves, { expiry: first });
  else findings.add("date-passed", leaves, { name, date: first });
}

/** YYMMDD for a reader in `year`: within 50 years before and 49 after it; DD 00 is the month's last day. */
function dayOnLabel(digits, year) {
  const [short, month, date] = [0, 2, 4].map((from) => Number(digits.slice(from, from + 2)));
  const first = year - 50;
  const full = first + ((((short - first) % 100) + 100) % 100);
  const padded = (number, length) => String(number).padStart(length, "0");
  return `${padded(full, 4)}-${padded(month, 2)}-${padded(date || daysIn(full, month), 2)}`;
}

/** The day that a recorded text begins with, where it is one. */
function dayOf(text) {
  const found = /^(\d{4})-(\d\d)-(\d\d)/.exec(text)?.map(Number);
  return found && found[3] > 0 && found[3] <= daysIn(found[1], found[2]) ? text.slice(0, 10) : undefined;
}
