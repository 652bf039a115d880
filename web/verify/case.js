// What the rules judge: the records of a history, and the account that they come to.

import { Account } from "./account.js";
import { byBytes } from "./bytes.js";
import { contentsOf } from "./contents.js";
import { dayAt } from "./days.js";
import { glnOf } from "./gs1.js";
import { ENDS, locationOf } from "./reading.js";
import { Records } from "./records.js";
import { holdsLocation } from "./registry.js";
import { shown } from "./sentences.js";

export class Case extends Records {
  constructor(history, policy) {
    super(history, policy);
    this.account = new Account(this);
    /** The entries that name the product, and those of its containers that are part of its journey, in ledger order. */
    this.told = [...new Set([...this.own, ...this.account.via.keys()])].sort((a, b) => a - b);
    /** What the product holds, if it is a load. */
    this.contents = contentsOf(this);
  }

  /** The journey: the accepted entries, in the order of custody. */
  get order() {
    return this.account.order;
  }

  /** The leaves of entries. */
  leaves(ats) {
    return ats.map((at) => this.leaf(at));
  }

  /** The accepted entries that carry the account on. */
  get fitting() {
    return this.order.filter((at) => this.account.fitting.has(at));
  }

  /** The container whose entry this is, where the product is not named itself. */
  via(at) {
    return this.account.via.get(at);
  }

  /** The day of an event where it was recorded, and in what the product was then if the event names only that. */
  day(at) {
    const container = this.via(at);
    const own = this.ownDay(at);
    return container ? { key: "in-container", params: { day: own, container: idText(container) } } : own;
  }

  /** The day of an event by the offset of its record. */
  ownDay(at) {
    return this.#dayOf(at, this.event(at).time);
  }

  /** The day on which a record was declared wrong, by the offset of the record that says so; `undefined` if it declares nothing. */
  declared(at) {
    const { declaration } = this.event(at);
    return declaration && this.#dayOf(at, declaration.time);
  }

  #dayOf(at, time) {
    return dayAt(time, this.event(at).offset);
  }

  /** Who recorded an entry, and of which day, as most sentences tell it. */
  signed(at) {
    return { who: this.who(at), day: this.day(at) };
  }

  counts(at) {
    return this.account.counts(this, at);
  }

  /** True where an entry counts, or would if a key in other hands had not withdrawn it. */
  stands(at) {
    const { is, of } = this.entries[at].standing;
    return this.counts(at) || (is === "withdrawn" && this.compromisedSince(of) !== undefined);
  }

  /** Who has the product as things stand, as a clause. */
  holder({ passage, last }) {
    const clause = (key, params) => ({ key: `holder.${key}`, params });
    if (passage.is === "held") {
      const since = last === undefined ? "" : clause("since", { day: this.day(last) });
      return clause("held", { who: this.name(passage.by), since });
    }
    if (passage.is === "moving") {
      const to = this.announced(passage);
      return clause(to ? "sent-to" : "sent", { who: this.name(passage.from), to, day: this.day(passage.since) });
    }
    if (passage.is === "unknown") return clause("nobody", {});
    return clause("ended", { ...this.signed(passage.by), end: endWord(passage.end) });
  }

  /** The announced destinations by name, those outside the consortium as one. */
  announced({ to }) {
    if (to.length === 0) return undefined;
    const owners = [...new Set(to.map((id) => this.owner(id)).filter((owner) => owner !== undefined))].sort(byBytes);
    return owners.length === 0 ? { key: "outsider" } : { key: "and-list", params: { items: owners.map((id) => this.name(id)) } };
  }

  /** To whom the place of an entry belongs, if that is another participant than its signer. */
  locationOwner(at) {
    const id = locationOf(this.event(at));
    const owner = id && this.owner(id);
    return owner === this.signer(at) ? undefined : owner;
  }

  /** Where an entry was recorded, to stand in a sentence that names its signer: with the owner's name if that is another participant. */
  place(at) {
    const id = locationOf(this.event(at));
    if (!id) return undefined;
    const owner = this.locationOwner(at);
    const place = placeText(id);
    return owner === undefined ? place : { key: "place.of", params: { place, owner: this.name(owner) } };
  }

  /**
   * The signer of an entry, by its name and by a number that it did not choose: its first company prefix, else its first GLN, unless
   * that is the place which the sentence names anyway.
   */
  known(at) {
    const id = locationOf(this.event(at));
    return this.#numbered(this.signer(at), (claims) => id && glnOf(id) !== undefined && holdsLocation(claims, id));
  }

  /** A participant by its name and by such a number, whatever else a sentence tells. */
  knownByNumber(participant) {
    return this.#numbered(participant, () => false);
  }

  #numbered(participant, isTold) {
    const [name, claims] = [this.name(participant), this.registry.participant(participant)?.claims];
    const { gs1CompanyPrefixes: [prefix] = [], glns: [gln] = [] } = claims ?? {};
    if (prefix !== undefined) return { key: "known.prefix", params: { name, prefix } };
    return gln === undefined || isTold(claims) ? name : { key: "known.gln", params: { name, gln } };
  }
}

/** An id as sentences show it: bracketed as on a label where it is GS1's, else the URI. */
export function idText({ key, value, qualifier, text }) {
  const bracket = (ai, of) => `(${ai})${of.replaceAll("(", "\\(")}`;
  return shown(key ? bracket(key.ai, value) + (qualifier ? bracket(...qualifier) : "") : text);
}

/** A place as a person reads it: by its GLN where it is one. */
const placeText = (id) => (glnOf(id) === undefined ? idText(id) : `GLN ${glnOf(id)}`);

export const endWord = (end) => ({ key: `end.${ENDS[end]}` });

/** Who recorded an entry, where and when. */
export function placed(one, at) {
  const place = one.place(at);
  return { who: one.known(at), day: one.day(at), place: place ? { key: "at-place", params: { place } } : "" };
}
