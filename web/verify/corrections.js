// Which records count: repeats, declarations of error, and what they withdraw. A standing is `{is, of}`, `of` the number of
// another record.

import { actOf } from "./reading.js";

const isDeclaration = ({ event }) => event.declaration !== undefined;
const identity = ({ signer, event }) => `${signer} ${event.content} ${event.eventId}`;

/** Says of each record, given in ledger order, what it is worth. */
export function classify(records) {
  const [events, withdrawn, declared] = [new Map(), new Map(), new Map()];
  records.forEach((record, at) => {
    const own = identity(record);
    if (!isDeclaration(record)) {
      if (!events.has(own)) events.set(own, at);
    } else if (events.has(own)) {
      if (!withdrawn.has(own)) withdrawn.set(own, at);
      declared.set(at, events.get(own));
    }
  });
  const counted = new Map();
  return records.map((record, at) => {
    const fact = `${record.signer} ${record.event.content}`;
    if (isDeclaration(record)) {
      return declared.has(at) ? { is: "withdraws", of: declared.get(at) } : { is: "withdraws-nothing" };
    }
    if (withdrawn.has(identity(record))) return { is: "withdrawn", of: withdrawn.get(identity(record)) };
    if (counted.has(fact)) return { is: "repeats", of: counted.get(fact) };
    counted.set(fact, at);
    return { is: "counts" };
  });
}

/** The pairs of counting entries, of those at `among`, with one identity and different content. */
export function reusedIds(entries, among) {
  const first = new Map();
  const pairs = [];
  for (const at of among) {
    const { record, standing } = entries[at];
    if (standing.is !== "counts") continue;
    const own = `${record.signer} ${record.event.eventId}`;
    if (first.has(own)) pairs.push([first.get(own), at]);
    else first.set(own, at);
  }
  return pairs;
}

/**
 * The shippings that were never made, `[shipping, by]`: the latest one before it by the same signer, of the product or of the
 * container that both name. A key in other hands takes back nothing.
 */
export function voidedShippings(records) {
  const voided = new Map();
  const open = new Map();
  for (const at of records.byTime) {
    if (records.entries[at].standing.is !== "counts" || records.compromisedSince(at) !== undefined) continue;
    const act = actOf(records, at);
    if (act !== "ships" && act !== "voids") continue;
    for (const { id } of records.mentions[at]) {
      const key = `${records.signer(at)} ${id.text}`;
      if (!open.has(key)) open.set(key, []);
      const shippings = open.get(key);
      if (act === "ships") shippings.push(at);
      else if (shippings.length > 0) voided.set(shippings.pop(), at);
    }
  }
  return [...voided].sort(([a], [b]) => a - b);
}
