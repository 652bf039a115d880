// A history made ready for the rules: what each record is worth, what it says about having the product, and which
// records are the product's journey, its own and, while it is in a container, the container's.

import { firstWhere } from "./bytes.js";
import { declares } from "./epcis.js";
import { isClassLevel } from "./gs1.js";
import { covers, hasRole, holdsLocation } from "./registry.js";
import { day, shown } from "./sentences.js";

// --- Which records count. A standing is `{is, of}`, `of` the number of another record.

const isDeclaration = ({ event }) => event.declaration !== undefined;
const identity = ({ signer, event }) => `${signer} ${event.content} ${event.eventId}`;

/** Says of each record, given in ledger order, what it is worth. */
function classify(records) {
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

// --- Case

export class Case {
  constructor(history, policy) {
    Object.assign(this, { history, policy, registry: history.registry });
    const records = [...history.records].sort((a, b) => a.place.leaf - b.place.leaf || a.position - b.position);
    const standings = classify(records);
    const partsOf = ({ event }) => event.ids.filter(([, id]) => id.text === history.id.text).map(([part]) => part);
    /** All records, in ledger order. */
    this.entries = records.map((record, at) => ({ record, standing: standings[at], parts: partsOf(record) }));
    /** Those that name the product, whatever they are worth. */
    this.own = [...this.entries.keys()].filter((at) => this.entries[at].parts.length > 0);
    this.holders = new Map();
    this.mentions = mentionsOf(this);
    this.subject = subjectOf(this);
    /** The journey: the entries that count, in the order of custody. */
    this.order = [];
    /** The container by which an entry belongs to the journey, counting or not, where it does not name the product. */
    this.via = new Map();
    /** What a key in other hands said although its owner had nothing to do with the product then. */
    this.disregarded = new Set();
    this.setOrigins();
  }

  /** Takes up the journey that the first walk found. */
  setJourney({ order, via, disregarded }) {
    Object.assign(this, { order, via, disregarded });
    this.setOrigins();
  }

  setOrigins() {
    const order = this.mentionsOf(this.history.id.text).map(({ at }) => at).filter((at) => this.counts(at));
    this.origins = order.filter((at) => this.bringsForth(at));
    if (this.origins.length === 0) {
      // A catch may be reported in several events; the first of them is the origin and none contradicts it. What goes into a
      // harvest, such as fry and feed, does not begin with it.
      const begins = (at) => this.plays(at, "object") && this.policy.originSteps.includes(this.step(at));
      this.origins = order.filter(begins).slice(0, 1);
    }
    this.origin = this.origins.find((at) => this.byPrefixHolder(at)) ?? this.origins[0];
  }

  event(at) {
    return this.entries[at].record.event;
  }

  signer(at) {
    return this.entries[at].record.signer;
  }

  leaf(at) {
    return this.entries[at].record.place.leaf;
  }

  step(at) {
    return this.event(at).step;
  }

  /** The entries in the order of custody: event time, then place in the ledger. */
  inOrder(ats) {
    return [...ats].sort((a, b) => this.event(a).time - this.event(b).time || a - b);
  }

  isBefore(one, other) {
    return this.event(one).time < this.event(other).time || (this.event(one).time === this.event(other).time && one < other);
  }

  /** The product's own entries and those of its containers that are part of its journey, in ledger order. */
  told() {
    return [...new Set([...this.own, ...this.via.keys()])].sort((a, b) => a - b);
  }

  /** The entries that name an id, the product or what something was packed into: `{at, parts}` in the order of custody. */
  mentionsOf(text) {
    return this.mentions.get(text) ?? [];
  }

  plays(at, part) {
    return this.entries[at].parts.includes(part);
  }

  counts(at) {
    return this.entries[at].standing.is === "counts" && !this.disregarded.has(at);
  }

  /** True where an entry counts, or would if a key in other hands had not withdrawn it. */
  stands(at) {
    const { is, of } = this.entries[at].standing;
    return this.counts(at) || (is === "withdrawn" && this.compromisedSince(of) !== undefined);
  }

  commissions(at) {
    const { type, action } = this.event(at);
    return this.plays(at, "object") && type === "ObjectEvent" && action === "ADD";
  }

  /** True where an entry commissions the product or brings it forth (EPCIS 2.0 §7.4.2, §7.4.5). */
  bringsForth(at) {
    return this.commissions(at) || this.plays(at, "output");
  }

  isOrigin(at) {
    const [first] = this.origins;
    if (first !== undefined && this.bringsForth(first)) return this.counts(at) && this.bringsForth(at);
    return first === at;
  }

  who(at) {
    return this.name(this.signer(at));
  }

  name(id) {
    const participant = this.registry.participant(id);
    return participant ? shown(participant.claims.organization) : { key: "unregistered" };
  }

  /** The day of an event, and in what the product was then if the event names only that. */
  day(at) {
    const container = this.via.get(at);
    const own = day(this.event(at).time);
    return container ? { key: "in-container", params: { day: own, id: idText(container) } } : own;
  }

  isCarrier(id) {
    return hasRole(this.registry.participant(id), "shipper");
  }

  /** The participant whose company prefix or namespace governed an id at a leaf. */
  holderOf(id, leaf) {
    const key = `${leaf} ${id.text}`;
    if (!this.holders.has(key)) this.holders.set(key, this.registry.holderAt(id, leaf));
    return this.holders.get(key);
  }

  prefixHolder(leaf) {
    return this.holderOf(this.history.id, leaf);
  }

  byHolderOf(id, at) {
    return this.holderOf(id, this.leaf(at))?.id === this.signer(at);
  }

  byPrefixHolder(at) {
    return this.byHolderOf(this.history.id, at);
  }

  /** When the key of an entry's signer came into other hands, if the entry was signed or accepted after that. */
  compromisedSince(at) {
    const { signer, signedAt, place } = this.entries[at].record;
    const since = this.registry.participant(signer)?.revoked?.compromisedSince;
    return since !== undefined && (signedAt >= since || place.time >= since) ? since : undefined;
  }

  /** All to whom a location or party belongs, or belonged before they registered anew, in the order of their ids. */
  owners(location) {
    const key = `owners ${location.text}`;
    if (!this.holders.has(key)) {
      const owns = ({ claims }) => holdsLocation(claims, location) || covers(claims, location);
      this.holders.set(key, this.registry.participants.filter(owns).map(({ id }) => id));
    }
    return this.holders.get(key);
  }

  /** One that registered the GLN itself comes before one whose prefix covers it: evidence may not show the second. */
  owner(location) {
    const owners = this.owners(location);
    return owners.find((id) => holdsLocation(this.registry.participant(id).claims, location)) ?? owners[0];
  }

  owns(participant, location) {
    return this.owners(location).includes(participant);
  }
}

/** An id as sentences show it: bracketed as on a label where it is GS1's, else the URI. */
export function idText({ key, value, qualifier, text }) {
  const bracket = (ai, of) => `(${ai})${of.replaceAll("(", "\\(")}`;
  return shown(key ? bracket(key.ai, value) + (qualifier ? bracket(...qualifier) : "") : text);
}

/** One object, many of them (a lot, or all of a kind), or a place or party. */
function subjectOf({ history: { id }, own, entries }) {
  if (id.kind === "location" || id.kind === "party") return "place";
  if (id.kind === "lot") return "lot";
  if (isClassLevel(id)) return "kind";
  if (id.key) return "one";
  // Ids of classes and lots by the GDST's standard for seafood say so, whatever list they stand in; others by the list.
  const gdst = /^urn:gdst:[^:]*:product:(lot:)?class:/.exec(id.text);
  if (gdst) return gdst[1] ? "lot" : "kind";
  const inQuantities = (at) => !entries[at].record.event.ids.some(([, found, quantity]) => found.text === id.text && !quantity);
  return own.length > 0 && own.every(inQuantities) ? "lot" : "one";
}

/**
 * The records that matter to a journey, by id: of the product, and of whatever something was packed into. What was withdrawn,
 * and what withdraws it, are among them: they count for nothing, and are told.
 */
function mentionsOf({ history: { id }, entries }) {
  const mentions = new Map([[id.text, []]]);
  for (const { record: { event } } of entries) {
    if (event.type === "AggregationEvent" && event.action === "ADD" && event.parent) mentions.set(event.parent.text, []);
  }
  const order = [...entries.keys()].sort((a, b) => entries[a].record.event.time - entries[b].record.event.time || a - b);
  for (const at of order) {
    const { record, standing } = entries[at];
    if (standing.is === "repeats" || standing.is === "withdraws-nothing") continue;
    for (const [part, named] of record.event.ids) {
      const list = mentions.get(named.text);
      if (!list) continue;
      if (list.at(-1)?.at === at) list.at(-1).parts.push(part);
      else list.push({ at, parts: [part] });
    }
  }
  return mentions;
}

// --- Reading: what an event says about having the product and about its end (CBV 2.0)

/** What a business step says about having the product. */
export const STEP_ACTS = new Map([
  ["shipping", "ships"], ["consigning", "ships"], ["departing", "ships"], ["receiving", "receives"],
  ["accepting", "receives"], ["void_shipping", "voids"], ["sensor_reporting", "afar"], ["reserving", "afar"],
]);

/** `ships`, `receives`, `voids`, `handles` or `afar`. */
export function actOf(one, at) {
  const event = one.event(at);
  if (STEP_ACTS.has(event.step)) return STEP_ACTS.get(event.step);
  if (declares(event, "stolen")) return "afar";
  const holders = event.step === "decommissioning" || declares(event, "recalled");
  if (holders && one.byPrefixHolder(at)) return "afar";
  return event.type === "TransactionEvent" ? "afar" : "handles";
}

/** How a product's life ends, the more final the later. */
export const ENDS = ["sold", "dispensed", "decommissioned", "destroyed"];
const AFTER_SALE = `collecting decommissioning destroying disassembling inspecting installing killing removing repairing
replacing sampling`.split(/\s+/);
const MAY_FOLLOW = [AFTER_SALE, AFTER_SALE, ["collecting", "destroying", "disassembling"], []];

export const permits = (end, step) => MAY_FOLLOW[end].includes(step);
export const mayBeReturned = (end) => end <= 1;

/** The end that an entry puts to what it names itself, as a number into `ENDS`. */
export const recordedEnd = (one, at) => endIn(one.event(at));

/** The end that an event puts to what it names, as a number into `ENDS`. */
export function endIn(event) {
  if (event.step === "destroying" || declares(event, "destroyed") || declares(event, "disposed")) return 3;
  if (event.step === "retail_selling" || declares(event, "retail_sold")) return 0;
  if (declares(event, "partially_dispensed")) return undefined;
  if (event.step === "dispensing" || declares(event, "dispensed")) return 1;
  const deleted = event.type === "ObjectEvent" && event.action === "DELETE";
  return event.step === "decommissioning" || declares(event, "inactive") || deleted ? 2 : undefined;
}

/** The end that an entry puts to the product: a container's decommissioning ends nothing that was in it. */
export function endOf(one, at) {
  const end = recordedEnd(one, at);
  return one.via.has(at) && end === 2 ? undefined : end;
}

/** True where an entry brings the product back that `seller` sold. */
export const returns = (one, at, seller) =>
  declares(one.event(at), "returned") && (actOf(one, at) !== "afar" || takesBack(one, at, seller));
export const takesBack = (one, at, seller) => one.signer(at) === seller || one.byPrefixHolder(at);
export const locationOf = (event) => event.bizLocation ?? event.readPoint;

// --- Containment: what the product is in, what that is in, and so whose records tell of it

/**
 * The chain at one moment of a walk: the product, its container, the container's, … Each member has a cursor into its
 * records; a container's begins after the record that packed it. No id stands in it twice.
 */
export class Containment {
  constructor(one) {
    this.one = one;
    this.members = [{ id: one.history.id, since: undefined, cursor: 0 }];
  }

  get container() {
    return this.members[1]?.id;
  }

  /** Takes the earliest record that names a member: `{at, named: [[member, parts]], via}`. */
  next() {
    const ahead = ({ id, cursor }) => this.one.mentionsOf(id.text)[cursor];
    let at;
    for (const member of this.members) {
      const mention = ahead(member);
      if (mention && (at === undefined || this.one.isBefore(mention.at, at))) at = mention.at;
    }
    if (at === undefined) return undefined;
    const named = [];
    this.members.forEach((member, index) => {
      const mention = ahead(member);
      if (mention?.at !== at) return;
      named.push([index, mention.parts]);
      member.cursor++;
    });
    const innermost = named[0][0];
    return { at, named, via: innermost > 0 ? this.members[innermost].id : undefined };
  }

  /** The container in which the outermost member that the record names should be, where it is named without. */
  apart({ at, named }) {
    const [index, parts] = named.at(-1);
    const container = this.members[index + 1];
    const itself = parts.some((part) => part === "object" || part === "input" || part === "child");
    const later = container && this.one.event(at).time > this.one.event(container.since).time;
    return itself && later ? container.id : undefined;
  }

  /** Goes on from a record by somebody who has the product: `{is, id}` where that gives cause to say something. */
  takeUp(turn) {
    const event = this.one.event(turn.at);
    const child = turn.named.findLast(([, parts]) => parts.includes("child"))?.[0];
    const aggregates = event.type === "AggregationEvent" && event.parent;
    if (aggregates && event.action === "ADD" && child !== undefined) return this.#pack(turn.at, child, event.parent);
    if (aggregates && event.action === "DELETE" && child !== undefined) return this.#unpack(child, event.parent);
    const children = event.ids.some(([part]) => part === "child");
    if (aggregates && event.action === "DELETE" && !children) this.#empty(event.parent);
    else this.#seen(turn);
    return undefined;
  }

  #position({ text }) {
    return this.members.findIndex(({ id }) => id.text === text);
  }

  #pack(at, child, parent) {
    const position = this.#position(parent);
    if (position >= 0) return position <= child ? { is: "cycle", id: parent } : undefined;
    const former = this.members[child + 1]?.id;
    this.members.length = child + 1;
    const mentions = this.one.mentionsOf(parent.text);
    const cursor = firstWhere(mentions.length, (next) => this.one.isBefore(at, mentions[next].at));
    this.members.push({ id: parent, since: at, cursor });
    return former && { is: "elsewhere", id: former };
  }

  #unpack(child, parent) {
    const inside = this.#position(parent) > child;
    this.members.length = child + 1;
    return inside ? undefined : { is: "not-inside", id: parent };
  }

  #empty(parent) {
    const position = this.#position(parent);
    if (position > 0) this.members.length = position;
  }

  #seen(turn) {
    const { type } = this.one.event(turn.at);
    const aggregates = type === "AggregationEvent" || type === "AssociationEvent";
    if (!aggregates && this.apart(turn)) this.members.length = turn.named.at(-1)[0] + 1;
    const innermost = turn.named[0][0];
    if (innermost > 0 && recordedEnd(this.one, turn.at) === 2) this.members.length = innermost;
  }
}

