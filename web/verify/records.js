// The records of a history, and what each says by itself: who signed it, with what right, and what it names.

import { actsIn } from "./acts.js";
import { mentionsOf } from "./containment.js";
import { classify } from "./corrections.js";
import { isClassLevel } from "./gs1.js";
import { actOf } from "./reading.js";
import { covers, holdsLocation } from "./registry.js";
import { quoted } from "./sentences.js";

const DAY_MS = 24 * 60 * 60 * 1000;

export class Records {
  #held = new Map();
  #owners = new Map();

  constructor(history, policy) {
    Object.assign(this, { history, policy, registry: history.registry });
    const records = [...history.records].sort((a, b) => a.place.leaf - b.place.leaf || a.position - b.position);
    const standings = classify(records);
    const partsOf = ({ event }) => event.ids.filter(([, id]) => id.text === history.id.text).map(([part]) => part);
    /** All records, in ledger order: an entry's number says which of two came first. */
    this.entries = records.map((record, at) => ({ record, standing: standings[at], parts: partsOf(record) }));
    /** Those that name the product, whatever they are worth. */
    this.own = [...this.entries.keys()].filter((at) => this.namesIt(at));
    /** All, in the order of custody: event time, then place in the ledger. */
    this.byTime = this.inOrder(this.entries.keys());
    /** Of each, what it names of the product and of whatever something was packed into: `{id, parts}`. */
    this.mentions = mentionsOf(history.id, this.entries);
    this.subject = subjectOf(this);
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

  /** True where an entry's signer is the participant, or goes on for it by a decision of the members. */
  isBy(at, participant) {
    const signer = this.signer(at);
    return signer === participant || this.registry.custodianAt(participant, this.leaf(at)) === signer;
  }

  /** True where the members had made an entry's signer an authority. */
  isByAuthority(at) {
    return this.registry.isAuthorityAt(this.signer(at), this.leaf(at));
  }

  step(at) {
    return this.event(at).step;
  }

  /** True where somebody has it, and one participant at a time. */
  get hasCustodian() {
    return this.subject === "one" || this.subject === "load";
  }

  inOrder(ats) {
    return [...ats].sort((a, b) => this.event(a).time - this.event(b).time || a - b);
  }

  isBefore(one, other) {
    return this.event(one).time < this.event(other).time || (this.event(one).time === this.event(other).time && one < other);
  }

  /** True where two entries are no further apart than clocks are; a day, if one of them gives the day alone, as midnight. */
  areWithinTolerance(one, other) {
    const isDay = isMidnight(this.event(one)) || isMidnight(this.event(other));
    return this.#apart(one, other) <= (isDay ? DAY_MS : this.policy.clockToleranceMs);
  }

  mayBeWithinTolerance(one, other) {
    return this.#apart(one, other) <= Math.max(DAY_MS, this.policy.clockToleranceMs);
  }

  #apart(one, other) {
    return Math.abs(this.event(other).time - this.event(one).time);
  }

  namesIt(at) {
    return this.entries[at].parts.length > 0;
  }

  plays(at, part) {
    return this.entries[at].parts.includes(part);
  }

  who(at) {
    return this.name(this.signer(at));
  }

  name(id) {
    const participant = this.registry.participant(id);
    return participant ? quoted(participant.claims.organization) : { key: "unregistered" };
  }

  /** True where a participant is a carrier: it moves goods, and does nothing else. Who has another role too takes goods over. */
  isCarrier(id) {
    const roles = this.registry.participant(id)?.claims.roles ?? [];
    return roles.length > 0 && roles.every((role) => role === "shipper");
  }

  /** All whose company prefix or namespace covers the product, revoked or not. */
  get holders() {
    return this.registry.participants.filter(({ claims }) => covers(claims, this.history.id));
  }

  /** The participant whose company prefix or namespace governed an id at a leaf. */
  holderOf(id, leaf) {
    const key = `${leaf} ${id.text}`;
    if (!this.#held.has(key)) this.#held.set(key, this.registry.holderAt(id, leaf));
    return this.#held.get(key);
  }

  prefixHolder(leaf) {
    return this.holderOf(this.history.id, leaf);
  }

  byHolderOf(id, at) {
    return this.holderOf(id, this.leaf(at))?.id === this.signer(at);
  }

  /** The members' decision that what an entry's signer claimed there counts no more. */
  dismissal(at) {
    return this.registry.dismissalOf(this.signer(at), this.leaf(at));
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
    if (!this.#owners.has(location.text)) {
      const owns = ({ claims }) => holdsLocation(claims, location) || covers(claims, location);
      this.#owners.set(location.text, this.registry.participants.filter(owns).map(({ id }) => id));
    }
    return this.#owners.get(location.text);
  }

  /** One that registered the GLN itself comes before one whose prefix covers it: evidence may not show the second. */
  owner(location) {
    const owners = this.owners(location);
    return owners.find((id) => holdsLocation(this.registry.participant(id).claims, location)) ?? owners[0];
  }

  owns(participant, location) {
    return this.owners(location).includes(participant);
  }

  /** True where a location is an entry's signer's, or of one for whom the signer goes on. */
  ownsAt(at, location) {
    return this.owners(location).some((owner) => this.isBy(at, owner));
  }

  commissions(at) {
    const { type, action } = this.event(at);
    return type === "ObjectEvent" && action === "ADD" && this.plays(at, "object");
  }

  /** True where an entry commissions the product or brings it forth (EPCIS 2.0 §7.4.2, §7.4.5). */
  bringsForth(at) {
    return this.commissions(at) || this.plays(at, "output");
  }

  /**
   * True where the product begins with an entry if nothing brings it forth: with a catch, and not with what goes into it. A logistic
   * unit begins when the holder of its prefix packs it or sends it off.
   */
  begins(at) {
    if (this.plays(at, "object") && this.policy.originSteps.includes(this.step(at))) return true;
    if (this.history.id.kind !== "logistic-unit" || !this.byPrefixHolder(at)) return false;
    const { type, action } = this.event(at);
    return (type === "AggregationEvent" && action === "ADD" && this.plays(at, "parent")) || actOf(this, at) === "ships";
  }

  /** True where two origins cannot both be true. */
  contradictsAsOrigin(one, other) {
    if (one === other) return false;
    if (this.signer(one) !== this.signer(other)) return true;
    const [a, b] = [one, other].map((at) => this.event(at).transformationId?.text);
    return this.commissions(one) === this.commissions(other) && !(a !== undefined && a === b);
  }

  /** What an entry says to have done with the product itself. */
  acts(at) {
    return actsIn(this.event(at), this.history.id.text);
  }

  /** What it says to have done with the product, or with what something was packed into. */
  actsOnAny(at) {
    return this.mentions[at].reduce((acts, { id }) => acts | actsIn(this.event(at), id.text), 0);
  }
}

/** True where an event's time is exactly midnight at its own offset: who writes that gives a day. */
function isMidnight({ time, offset }) {
  const minutes = Number(offset.slice(1, 3)) * 60 + Number(offset.slice(4, 6));
  return (time + (offset.startsWith("-") ? -1 : 1) * minutes * 60000) % DAY_MS === 0;
}

const LOADS = ["logistic-unit", "returnable-asset", "consignment", "shipment"];
const PAPERS = ["document", "coupon", "service-relation", "payment-slip"];

/**
 * What an id stands for: `one` object; a `load`, many things that travel under its number one after the other; a `paper`, of which
 * nobody asks where it is; a `lot` or a `kind`, which many objects share; a `place`, or a party.
 */
function subjectOf(records) {
  const { history: { id }, own, entries, holders } = records;
  if (id.kind === "location" || id.kind === "party") return "place";
  if (id.kind === "lot") return "lot";
  if (isClassLevel(id)) return "kind";
  if (LOADS.includes(id.kind)) return "load";
  if (PAPERS.includes(id.kind)) return "paper";
  if (id.key) return "one";
  // Ids of classes and lots by the GDST's standard for seafood say so, whatever list they stand in; others by the list.
  const gdst = /^urn:gdst:[^:]*:product:(lot:)?class:/.exec(id.text);
  if (gdst) return gdst[1] ? "lot" : "kind";
  const inQuantities = (at) => !entries[at].record.event.ids.some(([, found, quantity]) => found.text === id.text && !quantity);
  // The holder of its namespace knows it best, and then who made it.
  const byHolders = own.filter((at) => holders.some((holder) => holder.id === entries[at].record.signer));
  const byMakers = own.filter((at) => records.bringsForth(at));
  const asked = [byHolders, byMakers, own].find((some) => some.length > 0) ?? [];
  return own.length > 0 && asked.every(inQuantities) ? "lot" : "one";
}
