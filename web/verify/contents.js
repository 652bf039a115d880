// What a load holds, by the records that the account accepts.

import { byText, isLoad } from "./gs1.js";

/** What an event puts into a load: the children of an AggregationEvent with action ADD. */
export function packedInto(event, load) {
  const isPacking = event.type === "AggregationEvent" && event.action === "ADD" && event.ids.some(([part, { text }]) => part === "parent" && text === load);
  return isPacking ? childrenOf(event) : [];
}

/** What is in a load after all, `{inside, emptied}`: ids in order of text, and the entry that took the last out, if none has packed since. */
export function contentsOf(one) {
  const inside = new Map();
  let emptied;
  if (!isLoad(one.history.id)) return { inside: [], emptied };
  for (const at of one.fitting) {
    const event = one.event(at);
    if (event.type !== "AggregationEvent" || event.action === "OBSERVE" || !one.plays(at, "parent")) continue;
    const children = childrenOf(event);
    if (event.action === "ADD") children.forEach((child) => inside.set(child.text, child));
    else if (children.length === 0) inside.clear();
    else children.forEach(({ text }) => inside.delete(text));
    emptied = event.action === "DELETE" && inside.size === 0 ? at : undefined;
  }
  return { inside: [...inside.values()].sort(byText), emptied };
}

const childrenOf = (event) => event.ids.filter(([part]) => part === "child").map(([, id]) => id);
