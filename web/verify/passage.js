// Who has a product: one account of it, and whether a further event fits.
//
// A passage is `{is: "unknown"}`, `{is: "held", by}`, `{is: "moving", from, to, since, carrier}` or `{is: "ended", since, end, by}`:
// `since` is the entry that began it, `by` of an end the entry that put it. A passage never changes.

import { byText } from "./gs1.js";
import { actOf, endOf, mayBeReturned, permits, takesBack } from "./reading.js";

const DESTINATIONS_MAX = 16;

/** The fit of an entry that neither needs the product in hand nor denies the account. */
export const ASIDE = "aside";

/** Fits an entry into an account: the passage after it, or `ASIDE`; `undefined` if it is against the account. */
export function followPassage(records, passage, at) {
  const [act, end] = [actOf(records, at), endOf(records, at)];
  if (passage.is === "ended") return fromEnded(records, passage, at, act, end);
  if (act === "afar" || act === "voids") {
    if (end === undefined) return ASIDE;
    // From afar only the holder of the prefix takes it out of use: anybody else must have it to end it.
    const may = (end === 2 && records.byPrefixHolder(at)) || mayEnd(records, passage, at, end);
    return may ? ended(at, end) : undefined;
  }
  if (passage.is === "unknown") return taken(records, at, act, end);
  return passage.is === "held" ? fromHeld(records, passage.by, at, act, end) : fromMoving(records, passage, at, act, end);
}

/** Who has the product: the carrier while one is known to carry it. */
export const custodianOf = ({ is, by, carrier }) => (is === "held" ? by : is === "moving" ? carrier : undefined);

/** True where an entry's signer has the product, or has just let go of it. */
export function concernsHolder(records, { is, by, from, since }, at) {
  if (is === "ended") return records.isBy(at, records.signer(since));
  return (is === "held" && records.isBy(at, by)) || (is === "moving" && records.isBy(at, from));
}

/** True where an entry's signer has the product, has just let go of it, or is named to carry or to have it. */
export function concerns(records, passage, at) {
  return concernsHolder(records, passage, at) || (passage.is === "moving" && isNamed(records, passage, at));
}

const held = (by) => ({ is: "held", by });
const ended = (at, end) => ({ is: "ended", since: at, end, by: at });

const isNamed = (records, { to }, at) => to.some((id) => records.ownsAt(at, id));

/** True where an entry's signer is announced as one that is to have it: carriers only move it. */
const isFor = (records, transfer, at) => isNamed(records, transfer, at) && !records.isCarrier(records.signer(at));

const ownersOf = (records, to) => to.map((id) => records.owner(id)).filter((owner) => owner !== undefined);

/** True where goods were let go to nobody in particular: only carriers are announced. */
export const isOpen = (records, { to }) => areCarriers(records, to);

/** True where only carriers are announced. A destination of no registered participant is no carrier's. */
const areCarriers = (records, to) => to.every((id) => records.owner(id) !== undefined && records.isCarrier(records.owner(id)));

/** True where the sender's sale may follow: it sent it to a customer, or to nobody in particular. */
const endsBySale = (records, { to }, end) => mayBeReturned(end) && ownersOf(records, to).length === 0;

function mayEnd(records, passage, at, end) {
  if (passage.is !== "moving") return passage.is === "unknown" || records.isBy(at, passage.by);
  return records.isBy(at, passage.from) ? endsBySale(records, passage, end) : isFor(records, passage, at);
}

/** The account in which an entry's signer has the product, has just sent it off, or has ended it. */
function taken(records, at, act, end) {
  if (end !== undefined) return ended(at, end);
  if (act !== "ships") return held(records.signer(at));
  return { is: "moving", from: records.signer(at), to: destinations(records, at), since: at, carrier: undefined };
}

/** After an end nothing fits but what it permits. Events of one moment are one occasion. */
function fromEnded(records, ending, at, act, end) {
  const [seller, signer] = [records.signer(ending.since), records.signer(at)];
  const event = records.event(at);
  const isReturned = event.disposition === "returned" || event.set.includes("returned");
  if (mayBeReturned(ending.end) && isReturned && takesBack(records, at, seller)) return held(signer);
  // What was sold may be destroyed at last, by who sold it or made it.
  if (end > ending.end) return takesBack(records, at, seller) ? { ...ending, end, by: at } : undefined;
  // The holder of the prefix may take it out of use from afar though it is no more.
  const isHolders = end === 2 && records.byPrefixHolder(at);
  const isAfar = (act === "afar" || act === "voids") && (end === undefined || isHolders);
  const sameOccasion = event.time <= records.event(ending.by).time && signer === records.signer(ending.by);
  return isAfar || sameOccasion || (end === undefined && permits(ending.end, event.step)) ? ASIDE : undefined;
}

function fromHeld(records, by, at, act, end) {
  if (records.isBy(at, by)) return taken(records, at, act, end);
  return act === "handles" && end === undefined && isAt(records, [by], at) ? ASIDE : undefined;
}

function fromMoving(records, transfer, at, act, end) {
  if (records.isBy(at, transfer.from)) return bySender(records, transfer, at, act, end);
  if (isFor(records, transfer, at)) return taken(records, at, act, end);
  if (end !== undefined) return undefined;
  if (records.isCarrier(records.signer(at))) return isNamed(records, transfer, at) ? carriedOn(records, transfer, at, act) : ASIDE;
  const hosts = [...ownersOf(records, transfer.to), transfer.from, transfer.carrier];
  if (act === "handles" && isAt(records, hosts, at)) return ASIDE;
  const takes = act === "handles" || act === "receives";
  return takes && isOpen(records, transfer) ? taken(records, at, act, end) : undefined;
}

function bySender(records, transfer, at, act, end) {
  if (end !== undefined) return endsBySale(records, transfer, end) ? ended(at, end) : undefined;
  if (act === "ships") {
    const to = destinations(records, at);
    if (diverge(records, transfer.to, to)) return undefined;
    // Carriers alone are added to those who are to have it.
    return { ...transfer, to: areCarriers(records, to) ? eachOnce([...transfer.to, ...to]) : to };
  }
  // What was sent off and could not be delivered is taken back by its sender.
  return act === "receives" ? held(records.signer(at)) : ASIDE;
}

/** A carrier that was named has it. If it ships on, it may name the next; whoever is to have it stays announced. */
function carriedOn(records, transfer, at, act) {
  const next = { ...transfer, carrier: records.signer(at) };
  if (act !== "ships") return next;
  const open = isOpen(records, transfer);
  const mayName = (id) => open || records.owner(id) === undefined || records.isCarrier(records.owner(id));
  return { ...next, to: eachOnce([...transfer.to, ...destinations(records, at).filter(mayName)]) };
}

/** The destinations that an event names, each once, and no more than a limit. */
export const destinations = (records, at) => eachOnce(records.event(at).destinations.slice(0, DESTINATIONS_MAX));

const eachOnce = (ids) => [...new Map(ids.map((id) => [id.text, id])).values()].sort(byText);

/** True where two announcements name different participants and none in common. */
function diverge(records, here, there) {
  const [a, b] = [here, there].map((to) => ownersOf(records, to).filter((owner) => !records.isCarrier(owner)));
  return a.length > 0 && b.length > 0 && !a.some((owner) => b.includes(owner));
}

/** True where an event took place at one of the hosts' own places, or says no place at all. */
function isAt(records, hosts, at) {
  const { readPoint, bizLocation } = records.event(at);
  const place = readPoint ?? bizLocation;
  return place === undefined || hosts.some((host) => records.owns(host, place));
}
