// Containment: what the product is in, what that is in, and so whose records tell of it.
//
// A chain is a list of members, `{id, since}`: the product, its container, the container's, … `since` is the entry that packed the
// member before. No id stands in a chain twice, which is what makes cycles and depth harmless. A chain never changes.

import { endIn } from "./reading.js";

/** Of each entry, what it names of the product and of whatever something was packed into: `{id, parts}`. */
export function mentionsOf(product, entries) {
  const followed = new Set([product.text]);
  for (const { record: { event } } of entries) {
    if (event.type === "AggregationEvent" && event.action === "ADD" && event.parent) followed.add(event.parent.text);
  }
  return entries.map(({ record, standing }) => {
    const mentions = new Map();
    if (standing.is === "repeats" || standing.is === "withdraws-nothing") return [];
    for (const [part, id] of record.event.ids) {
      if (!followed.has(id.text)) continue;
      if (mentions.has(id.text)) mentions.get(id.text).parts.push(part);
      else mentions.set(id.text, { id, parts: [part] });
    }
    return [...mentions.values()];
  });
}

/**
 * An entry's part in the journey, `{at, named: [[member, parts]], via}`; `undefined` if it names no member. `via` is the container
 * that it names where it does not name the product.
 */
export function turnOf(records, chain, at) {
  const named = [];
  chain.forEach(({ id }, index) => {
    const mention = records.mentions[at].find((one) => one.id.text === id.text);
    if (mention) named.push([index, mention.parts]);
  });
  if (named.length === 0) return undefined;
  const innermost = named[0][0];
  return { at, named, via: innermost > 0 ? chain[innermost].id : undefined };
}

/** The chain after a record by who has the product, and what it gives cause to say: `[chain, {is, id}]`. */
export function takeUp(records, chain, turn) {
  const { type, action, parent, ids } = records.event(turn.at);
  const child = turn.named.findLast(([, parts]) => parts.includes("child"))?.[0];
  const aggregates = type === "AggregationEvent" && parent;
  if (aggregates && action === "ADD" && child !== undefined) return pack(chain, turn.at, child, parent);
  if (aggregates && action === "DELETE" && child !== undefined) return unpack(chain, child, parent);
  // A disaggregation without children takes out all of them (EPCIS 2.0 §7.4.3).
  const empties = aggregates && action === "DELETE" && !ids.some(([part]) => part === "child");
  const position = empties ? positionOf(chain, parent) : 0;
  return [empties ? (position > 0 ? chain.slice(0, position) : chain) : seen(records, chain, turn), undefined];
}

const positionOf = (chain, { text }) => chain.findIndex(({ id }) => id.text === text);

function pack(chain, at, child, parent) {
  const position = positionOf(chain, parent);
  if (position >= 0) return [chain, position <= child ? { is: "cycle", id: parent } : undefined];
  const former = chain[child + 1]?.id;
  return [[...chain.slice(0, child + 1), { id: parent, since: at }], former && { is: "elsewhere", id: former }];
}

function unpack(chain, child, parent) {
  const inside = positionOf(chain, parent) > child;
  return [chain.slice(0, child + 1), inside ? undefined : { is: "not-inside", id: parent }];
}

/** What is seen without its container is out of it; and what was in a container that is no longer one is out too. */
function seen(records, chain, turn) {
  const event = records.event(turn.at);
  const [innermost, outermost] = [turn.named[0][0], turn.named.at(-1)[0]];
  const aggregates = event.type === "AggregationEvent" || event.type === "AssociationEvent";
  const left = !aggregates && isApart(records, chain, turn) ? chain.slice(0, outermost + 1) : chain;
  return innermost > 0 && endIn(event) === 2 ? left.slice(0, innermost) : left;
}

/** True where the outermost member that a record names is named without the container in which it should be. */
function isApart(records, chain, { at, named }) {
  const [index, parts] = named.at(-1);
  const container = chain[index + 1];
  const itself = parts.some((part) => part === "object" || part === "input" || part === "child");
  // Events of one moment are one occasion.
  return itself && container !== undefined && records.event(at).time > records.event(container.since).time;
}
