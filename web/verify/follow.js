// `names` and `follows` (docs/FORMATS.md): under which subjects a leaf is indexed, and which lists an answer rests on.

import { byBytes } from "./bytes.js";
import { declares, names, plays } from "./epcis.js";
import { byText, claimDigits, classOf, glnOf, parseUri } from "./gs1.js";
import { lotOfLabel } from "./rules/label.js";
import { lotsIn } from "./master_data.js";
import { broughtIntoBeing, covers, namespaceCandidates, plainHttp } from "./registry.js";
import { kindByte } from "./tree.js";

const DAY_MS = 24 * 60 * 60 * 1000;
const STATEMENTS_MAX = 1000;
const BYTES_MAX = 3 * 4 * 1024 * 1024;
const EVENTS_MAX = 10000;
const IDS_MAX = 100;
const PLACES_MAX = 100;
const DESTINATIONS_MAX = 16;
const LOTS_MAX = 8;
const RECALLS_MAX = 100;

/** A subject as one text, by which maps are keyed: its kind, a space, and its own text. */
export const subject = (kind, text) => `${kind} ${text}`;
export const kindOf = (key) => key.slice(0, key.indexOf(" "));
export const textOf = (key) => key.slice(key.indexOf(" ") + 1);
export const bySubject = (a, b) => kindByte(kindOf(a)) - kindByte(kindOf(b)) || byBytes(textOf(a), textOf(b));
export const holdsCaptures = (kind) => ["id", "transformation", "recall", "transaction"].includes(kind);

/** The subjects of one event by its signer. */
export function namesOfEvent(event, signer) {
  const subjects = new Set();
  const ids = event.ids.map(([, id]) => id);
  for (const id of ids) subjects.add(subject("id", id.text));
  if (event.transformationId) subjects.add(subject("transformation", event.transformationId.text));
  for (const transaction of event.transactions) subjects.add(subject("transaction", transaction));
  if (declares(event, "recalled")) {
    for (const id of ids) if (classOf(id)) subjects.add(subject("id", classOf(id).text));
  }
  if (speaksOfRecall(event)) {
    for (const id of ids) subjects.add(subject("recall", id.text)).add(subject("recall", `${signer} ${id.text}`));
  }
  return subjects;
}

export const speaksOfRecall = (event) => declares(event, "recalled") || event.unset.includes("recalled");

/** The subjects of an admin statement; of a proposal those that evidence can have. It has its statement's `id`. */
export function namesOfAdmin(admin) {
  if (admin.type === "genesis") return new Set(admin.members.map(({ kid }) => subject("party", kid)));
  if (admin.type === "proposal") return new Set([subject("proposal", admin.id), ...admin.names.map(([kind, text]) => subject(kind, text))]);
  const subjects = new Set([subject("party", admin.participant)]);
  if (admin.type === "registration") {
    const { gs1CompanyPrefixes, gs1Keys = [], glns, namespaces } = admin.claims;
    const keys = gs1Keys.map((key) => claimDigits(parseUri(key)).at(-1));
    for (const text of [...gs1CompanyPrefixes, ...keys, ...glns, ...namespaces.map(plainHttp)]) subjects.add(subject("prefix", text));
  }
  return subjects;
}

/** The container that an event puts `child` into (EPCIS 2.0 §7.4.3). */
export function containerIn(event, child) {
  const packs = event.type === "AggregationEvent" && event.action === "ADD" && event.parent;
  return packs && plays(event, child, "child") ? event.parent : undefined;
}

export const inputsOf = (event) => event.ids.filter(([part]) => part === "input").map(([, id]) => id);

/** True where an event brings the id into being. */
export const bringsForth = (event, text) => broughtIntoBeing(event).some((id) => id.text === text);

/** Every prefix that could cover an id, held or not. */
export function prefixesOf(id) {
  return id.key ? claimDigits(id) : namespaceCandidates(id.text);
}

/** True where a block is too early to hold an event of a span that begins at `since`. */
export const isBeforeSpan = (time, since) => since - time > DAY_MS;

class Budget {
  statements = 0;
  bytes = 0;
  events = 0;

  get isSpent() {
    return this.statements >= STATEMENTS_MAX || this.bytes >= BYTES_MAX || this.events >= EVENTS_MAX;
  }
}

/**
 * Follows everything that an answer about `id`, with its `label` if it has one, rests on, through a source with
 * `registry`, `registeredAt(leaf)`, `capture(leaf)`, `cutShort(subject)`, `noRegistration(subject, leaf)` and
 * `list(subject, wanted)` that gives `{count, first, leaves, reachesBack}`; `wanted` is `{since}`, `{last}` or nothing.
 *
 * Gives `{records, shown, proposed, limitReached}`: `shown` maps subjects to `{count, first, leaves}`, `proposed` has the leaves in lists
 * of recalls that are proposals to lift one.
 */
export function follow(id, source, label) {
  const follower = new Follower({ id, label }, source);
  follower.followIds();
  follower.followPlaces();
  follower.followRecalls();
  follower.followParties();
  const { shown, limitReached } = follower;
  return { records: follower.records(), shown, proposed: new Set(follower.proposals.values()), limitReached };
}

class Follower {
  shown = new Map();
  limitReached = false;
  budget = new Budget();
  captures = new Map();
  found = new Map();
  parties = new Set();
  /** The proposals that stand in lists of recalls, each with its leaf. */
  proposals = new Map();
  transformations = new Map();

  constructor(asked, source) {
    const { id } = asked;
    Object.assign(this, { asked, source });
    // `carries` is the time from which an id is followed as a container, `taken` that from which its list was taken.
    this.ids = new Map([[id.text, { id, carries: -Infinity, isUsed: true, taken: undefined }]]);
  }

  followIds() {
    for (let hasFound = true; hasFound; hasFound = this.findLinks()) {
      const roles = [...this.ids.values()].sort((a, b) => byText(a.id, b.id));
      const due = roles.filter((role) => role.taken === undefined || start(role) < role.taken);
      const ties = [...this.transformations].filter(([, taken]) => !taken).map(([text]) => text).sort(byBytes);
      for (const role of due) this.takeId(role, start(role));
      for (const text of ties) {
        this.transformations.set(text, true);
        this.takeOn(subject("transformation", text), undefined, (event) => event.transformationId?.text === text);
      }
    }
  }

  takeId(role, since) {
    const key = subject("id", role.id.text);
    const wanted = since === -Infinity ? undefined : { since };
    const speaks = (event) => names(event, role.id.text);
    const first = role.taken === undefined;
    role.taken = since;
    if (first) this.takeOn(key, wanted, speaks);
    else this.takeWhatIsBefore(key, wanted, speaks);
  }

  /** Takes a list in order. */
  takeOn(key, wanted, speaks) {
    const { count, first, leaves, reachesBack } = this.source.list(key, wanted);
    if (!reachesBack) this.source.cutShort(key);
    let taken = 0;
    while (first + taken < count && !this.budget.isSpent) {
      if (taken === leaves.length) this.source.cutShort(key);
      this.take(leaves[taken++], speaks, this.budget);
    }
    this.limitReached ||= first + taken < count;
    this.show(key, count, first, leaves.slice(0, taken));
  }

  /** Takes, from the last back, what of a list comes before that which was taken. */
  takeWhatIsBefore(key, wanted, speaks) {
    const shown = this.shown.get(key);
    if (!shown?.leaves.length) return;
    const { count, first, leaves, reachesBack } = this.source.list(key, wanted);
    const missing = Math.max(shown.first - first, 0);
    if (missing > leaves.length) this.source.cutShort(key);
    let from = missing;
    while (from > 0 && !this.budget.isSpent) this.take(leaves[--from], speaks, this.budget);
    if (!reachesBack && !this.budget.isSpent) this.source.cutShort(key);
    this.limitReached ||= from > 0 || !reachesBack;
    this.show(key, count, first + from, [...leaves.slice(from, missing), ...shown.leaves]);
  }

  take(leaf, speaks, budget) {
    const capture = this.captures.get(leaf) ?? this.source.capture(leaf);
    const found = this.found.get(leaf) ?? new Set();
    let events = 0;
    capture.events.forEach((event, position) => {
      if (!speaks(event)) return;
      found.add(position);
      events++;
    });
    this.found.set(leaf, found);
    this.captures.set(leaf, capture);
    this.parties.add(capture.signer);
    budget.statements += 1;
    budget.bytes += capture.bytes;
    budget.events += events;
  }

  show(key, count, first, leaves) {
    this.shown.set(key, { count, first: leaves.length === 0 ? 0 : first, leaves });
  }

  capturesOf(key) {
    return (this.shown.get(key)?.leaves ?? []).map((leaf) => this.captures.get(leaf));
  }

  /** Finds the further ids that what was taken leads to; true where there is anything new about any. */
  findLinks() {
    const [containers, inputs, tied] = [[], new Map(), new Map()];
    let hasFound = false;
    for (const role of this.ids.values()) {
      const { text } = role.id;
      for (const { events, signer } of this.capturesOf(subject("id", text))) {
        for (const event of events) {
          const container = role.carries === undefined ? undefined : containerIn(event, text);
          if (container) containers.push([container, Math.max(role.carries, event.time)]);
          if (!role.isUsed || !bringsForth(event, text)) continue;
          for (const input of inputsOf(event)) inputs.set(input.text, input);
          if (event.transformationId) tied.set(`${signer} ${event.transformationId.text}`, [signer, event.transformationId.text]);
        }
      }
    }
    for (const [signer, text] of tied.values()) {
      for (const capture of this.capturesOf(subject("transformation", text))) {
        if (capture.signer !== signer) continue;
        const ofTie = capture.events.filter((event) => event.transformationId?.text === text);
        for (const input of ofTie.flatMap(inputsOf)) inputs.set(input.text, input);
      }
    }
    this.admit([...containers.map(([id]) => id), ...inputs.values()]);
    for (const [{ text }, since] of containers) {
      const role = this.ids.get(text);
      if (!role || since >= (role.carries ?? Infinity)) continue;
      role.carries = since;
      hasFound = true;
    }
    for (const text of inputs.keys()) {
      const role = this.ids.get(text);
      if (!role || role.isUsed) continue;
      role.isUsed = true;
      hasFound = true;
    }
    for (const [, text] of tied.values()) {
      if (this.transformations.has(text)) continue;
      this.transformations.set(text, false);
      hasFound = true;
    }
    return hasFound;
  }

  admit(ids) {
    const fresh = new Map(ids.filter(({ text }) => !this.ids.has(text)).map((id) => [id.text, id]));
    const room = IDS_MAX + 1 - this.ids.size;
    this.limitReached ||= fresh.size > room;
    for (const id of [...fresh.values()].sort(byText).slice(0, room)) {
      this.ids.set(id.text, { id, carries: undefined, isUsed: false, taken: undefined });
    }
  }

  /** Whose the destinations are. */
  followPlaces() {
    const places = new Map();
    for (const { id, carries } of this.ids.values()) {
      if (carries === undefined) continue;
      for (const { events } of this.capturesOf(subject("id", id.text))) {
        for (const event of events.filter((one) => names(one, id.text))) {
          for (const place of event.destinations.slice(0, DESTINATIONS_MAX)) places.set(place.text, place);
        }
      }
    }
    this.limitReached ||= places.size > PLACES_MAX;
    for (const place of [...places.values()].sort(byText).slice(0, PLACES_MAX)) {
      const gln = glnOf(place);
      if (gln === undefined || this.takePrefix(gln).length === 0) this.holders(place);
    }
  }

  /** The participants that ever held a prefix that covers the id. */
  holders(id) {
    const holders = new Map(prefixesOf(id).flatMap((text) => this.takePrefix(text)).map((one) => [one.id, one]));
    return [...holders.values()].filter((one) => covers(one.claims, id));
  }

  /** The participants that a registration names with this prefix. */
  takePrefix(text) {
    const key = subject("prefix", text);
    const registered = this.takeWhole(key).map((leaf) => this.source.registeredAt(leaf) ?? this.source.noRegistration(key, leaf));
    for (const { id } of registered) this.parties.add(id);
    return registered;
  }

  takeWhole(key) {
    if (!this.shown.has(key)) {
      const { count, first, leaves } = this.source.list(key);
      if (leaves.length !== count) this.source.cutShort(key);
      this.shown.set(key, { count, first, leaves });
    }
    return this.shown.get(key).leaves;
  }

  /** Recalls of the id and its inputs, and of their lots and classes: the holders' own first. */
  followRecalls() {
    const [byHolders, byAny] = [new Map(), new Map()];
    for (const { id, isUsed } of [...this.ids.values()].sort((a, b) => byText(a.id, b.id))) {
      if (!isUsed) continue;
      const holders = this.holders(id);
      for (const recalled of [id, classOf(id), ...this.lots(id)]) {
        if (!recalled) continue;
        for (const holder of holders) byHolders.set(subject("recall", `${holder.id} ${recalled.text}`), recalled.text);
        byAny.set(subject("recall", recalled.text), recalled.text);
      }
    }
    const budget = new Budget();
    const inOrder = (lists) => [...lists].sort(([a], [b]) => bySubject(a, b));
    for (const [key, text] of [...inOrder(byHolders), ...inOrder(byAny)]) this.takeLast(key, text, budget);
  }

  /** The lots of which it is said that the id is of them, and the label's. */
  lots(id) {
    const lots = new Map();
    for (const { events } of this.capturesOf(subject("id", id.text))) {
      for (const event of events) {
        for (const lot of lotsIn(event, id)) lots.set(lot.text, lot);
      }
    }
    return [...[...lots.values()].sort(byText).slice(0, LOTS_MAX), lotOfLabel(this.asked, id)];
  }

  /** Takes the end of a list of recalls, from the last back. */
  takeLast(key, text, budget) {
    const { count, first, leaves, reachesBack } = this.source.list(key, { last: RECALLS_MAX });
    if (leaves.length > 0 && first + leaves.length !== count) this.source.cutShort(key);
    const speaks = (event) => names(event, text) && speaksOfRecall(event);
    let from = leaves.length;
    while (from > 0 && !budget.isSpent) {
      const leaf = leaves[--from];
      // The members may have decided to lift a recall: then a proposal stands in its list.
      const proposal = this.source.registry.proposedAt(leaf);
      if (proposal) {
        this.proposals.set(subject("proposal", proposal.id), leaf);
        budget.statements++;
      } else {
        this.take(leaf, speaks, budget);
      }
    }
    if (!reachesBack && !budget.isSpent) this.source.cutShort(key);
    this.limitReached ||= from > 0 || !reachesBack;
    this.show(key, count, first + from, leaves.slice(from));
  }

  /** Everything about those that spoke and those that hold, and how each proposal about one of them or a recall came out. */
  followParties() {
    for (const key of this.proposals.keys()) this.takeEnd(key);
    for (const party of [...this.parties].sort(byBytes)) {
      for (const leaf of this.takeWhole(subject("party", party))) {
        const one = this.source.registry.proposedAt(leaf);
        const isAbout = ({ type, participant, former, registration }) => type !== "policy" && [participant, former, registration].includes(party);
        if (one?.changes.some(isAbout)) this.takeEnd(subject("proposal", one.id));
      }
    }
  }

  /** Takes the last leaf about a proposal: the seal of its block tells whether that enacted it. */
  takeEnd(key) {
    const { count, first, leaves } = this.source.list(key, { last: 1 });
    if (leaves.length !== 1 || first + 1 !== count) this.source.cutShort(key);
    this.show(key, count, first, leaves);
  }

  /** Each event that names what was followed once, in ledger order. */
  records() {
    return [...this.found].sort(([a], [b]) => a - b).flatMap(([leaf, positions]) => {
      const { place, statement, signer, certificate, signedAt, events } = this.captures.get(leaf);
      return [...positions].sort((a, b) => a - b).map((position) => ({
        place, statement, position, signer, certificate, signedAt, event: events[position],
      }));
    });
  }
}

const start = (role) => (role.isUsed ? -Infinity : (role.carries ?? -Infinity));
