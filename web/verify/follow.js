// `follows` (docs/FORMATS.md): which lists an answer rests on, and which leaves in them are opened: by who signed them, never by what they
// are worth.

import { BRINGS_FORTH, HAVING, LETS_GO, NOT_KNOWN, actsIn } from "./acts.js";
import { byBytes } from "./bytes.js";
import { packedInto } from "./contents.js";
import { names } from "./epcis.js";
import { byText, classOf, glnOf, isClassLevel, isLoad, wholeOf } from "./gs1.js";
import { LIMITS, Meter, level } from "./limits.js";
import { lotsIn } from "./master_data.js";
import { covers } from "./registry.js";
import { lotOfLabel } from "./rules/label.js";
import { bringsForth, bySubject, containerIn, inputsOf, prefixesOf, speaksOfRecall, subject } from "./subjects.js";

const DAY_MS = 24 * 60 * 60 * 1000;
const DESTINATIONS_MAX = 16;

/** The acts by which an entry that is not opened counts as a claim. */
const CLAIMING = BRINGS_FORTH | HAVING | NOT_KNOWN;

/** True where a block is too early to hold an event of a span that begins at `since`. */
export const isBeforeSpan = (time, since) => since - time > DAY_MS;

/** The first position that is wanted of a list; `wanted` is `{last}`, `{whole, last}` of a list that may be long, or nothing. */
export function firstWanted(wanted, count) {
  if (!wanted || count <= (wanted.whole ?? -1)) return 0;
  return Math.max(count - wanted.last, 0);
}

/**
 * Follows everything that an answer about `id`, with its `label` if it has one, rests on, through a source with
 * `registry`, `registeredAt(leaf)`, `capture(leaf)`, `captureWithin(leaf, bytes)`, `startOfSpan(entries, since)`, `cutShort(subject)`,
 * `noRegistration(subject, leaf)`, `noProposal(subject, leaf)` and `list(subject, wanted)` that gives `{count, first, entries}`, each
 * entry `{leaf, signer, acts}` with the id of a participant, or none of a member.
 *
 * Gives `{records, shown, opened, unopened, known, proposed, limitReached}`: `shown` maps subjects to `{count, first, entries}`, `opened` has
 * the leaves whose captures were read, `unopened` those that count by their acts, `{leaf, signer}`, `proposed` the leaves in lists of recalls
 * that are proposals to lift one.
 */
export function follow(id, source, label, limits = LIMITS) {
  const follower = new Follower({ id, label }, source, limits);
  follower.followJourney();
  follower.followOthers();
  follower.followDecided();
  follower.followRecalls();
  follower.followKnown();
  const records = follower.records();
  const { shown, opened, unopened, known, proposed, limitReached } = follower;
  return { records, shown, opened, unopened, known, proposed, limitReached };
}

const inTheirOrder = (a, b) => a.leaf - b.leaf || byBytes(a.kind, b.kind) || byBytes(a.text, b.text);

/** The signers of the entries that have some of these acts, in the order of their first ones, each once. */
function signersOf(entries, acts) {
  const speaking = entries.filter((entry) => entry.signer !== undefined && (acts === undefined || entry.acts & acts));
  return [...new Set(speaking.map(({ signer }) => signer))];
}

/** Of several texts' ids, each once, in order of text. */
const inOrder = (ids) => [...new Map(ids.map((id) => [id.text, id])).values()].sort(byText);

class Follower {
  shown = new Map();
  opened = new Set();
  unopened = [];
  proposed = new Set();
  limitReached = false;
  ids = new Map();
  /** Each transformation with the signers whose events count, and what of it was opened. */
  ties = new Map();
  /** Whose leaves are opened whole. */
  parties = new Set();
  /** Whose the destinations are that were looked up. */
  owners = new Map();
  found = new Map();
  captures = new Map();
  /** Those about whom everything is to be shown. */
  known = new Set();
  /** The proposals that verdicts read: those in lists of recalls, and those of authorities and policies. */
  proposals = new Set();
  /** All whom a proposal would make, or has made, an authority. */
  authorities = new Set();

  constructor(asked, source, limits) {
    Object.assign(this, { asked, source, limits, meter: new Meter(limits) });
  }

  /** Takes what is wanted of a list, unless it was taken already. */
  takeList(key, wanted) {
    if (!this.shown.has(key)) {
      const list = this.source.list(key, wanted);
      const { count, first, entries } = list;
      if (first !== firstWanted(wanted, count) || first + entries.length !== count) this.source.cutShort(key);
      this.shown.set(key, list);
    }
    return this.shown.get(key);
  }

  /** The entries of a list that may be long. */
  takeLong(key) {
    const { first, entries } = this.takeList(key, { whole: this.limits.list, last: this.limits.listEnd });
    this.limitReached ||= first > 0;
    return entries;
  }

  /** Takes the events of a capture that speak of what is followed. */
  take(leaf, capture, speaks) {
    const found = this.found.get(leaf) ?? new Set();
    capture.events.forEach((event, position) => {
      if (speaks(event)) found.add(position);
    });
    this.found.set(leaf, found);
    this.captures.set(leaf, capture);
    this.opened.add(leaf);
    this.known.add(capture.signer);
  }

  /** The participants that ever held a prefix that covers the id. */
  holders(id) {
    const holders = new Map(prefixesOf(id).flatMap((text) => this.takePrefix(text)).map((one) => [one.id, one]));
    return [...holders.values()].filter((one) => covers(one.claims, id));
  }

  /** The participants that a registration names with this prefix. */
  takePrefix(text) {
    const key = subject("prefix", text);
    const registered = this.takeList(key).entries.map(({ leaf }) => this.source.registeredAt(leaf) ?? this.source.noRegistration(key, leaf));
    for (const { id } of registered) this.known.add(id);
    return registered;
  }

  // The journey

  followJourney() {
    const { id } = this.asked;
    this.holding = new Set(this.holders(id).map((one) => one.id));
    Object.assign(this.addId(id), { carries: -Infinity, isUsed: true });
    this.begin();
    while (this.round(true) || this.round(false));
    const isLeft = (queues) => [...queues.values()].some((queue) => queue.length > 0);
    this.limitReached ||= isLeft(this.findIds().fresh) || isLeft(this.duePlaces()) || isLeft(this.dueLeaves());
  }

  get own() {
    return this.shown.get(subject("id", this.asked.id.text)).entries;
  }

  /**
   * The first parties: all that ever held the prefix, and all that brought it forth; if none of them says to have had it, the first who
   * do; and if there is no one, the first who name it.
   */
  begin() {
    const { own, parties, limits: { havers } } = this;
    const add = (signers) => signers.forEach((signer) => parties.add(signer));
    const spoke = (acts) => signersOf(own, acts).some((signer) => parties.has(signer));
    add(this.holding);
    add(signersOf(own, BRINGS_FORTH));
    if (!spoke(HAVING | BRINGS_FORTH)) add(signersOf(own, HAVING).slice(0, havers));
    if (!spoke()) add(signersOf(own).slice(0, havers));
  }

  /** Does what is due, within the shares or beyond them; true where there was anything. */
  round(withinShare) {
    if (this.lookUp(this.duePlaces(), withinShare) && !withinShare) return true;
    let hasFound = this.findParties();
    const { fresh, isNew } = this.findIds();
    hasFound = isNew || hasFound;
    if (this.admit(fresh, withinShare)) {
      if (!withinShare) return true;
      hasFound = true;
    }
    hasFound = this.findIds().isNew || hasFound;
    return this.open(this.dueLeaves(), withinShare) || hasFound;
  }

  /** Gives things in turn, each to the signer that has had least of a good, as long as any may have more. */
  *turns(queues, good, withinShare) {
    for (;;) {
      let next;
      for (const [signer, queue] of queues) {
        if (queue.length === 0 || !this.meter.may(signer, good, withinShare)) continue;
        const had = this.meter.had(signer, good);
        if (!next || had < next.had || (had === next.had && byBytes(signer, next.signer) < 0)) next = { signer, queue, had };
      }
      if (!next) return;
      yield [next.signer, next.queue.shift()];
    }
  }

  *carried() {
    for (const role of this.ids.values()) {
      if (role.carries !== undefined) yield* role.opened.values();
    }
  }

  *ofParties() {
    for (const opened of this.carried()) if (this.parties.has(opened.signer)) yield opened;
  }

  /** The destinations in the events of parties that were not looked up, by whose events name them. */
  duePlaces() {
    const due = new Map();
    for (const { signer, said } of this.ofParties()) {
      const fresh = said.flatMap(({ destinations }) => destinations).filter(({ text }) => !this.owners.has(text));
      if (fresh.length > 0) due.set(signer, [...(due.get(signer) ?? []), ...fresh]);
    }
    return new Map([...due].map(([signer, places]) => [signer, inOrder(places)]));
  }

  lookUp(due, withinShare) {
    let hasFound = false;
    for (const [signer, place] of this.turns(due, "places", withinShare)) {
      if (this.owners.has(place.text)) continue;
      const gln = glnOf(place);
      const byGln = gln === undefined ? [] : this.takePrefix(gln);
      this.owners.set(place.text, byGln.length > 0 ? byGln : this.holders(place));
      this.meter.adds(signer, { places: 1 });
      hasFound = true;
    }
    return hasFound;
  }

  /** Finds parties among the owners of destinations, and among those that say to have had what was let go to no one of them. */
  findParties() {
    const fresh = new Set();
    let isOpen = false;
    for (const { said } of this.ofParties()) {
      for (const { destinations, letsGo } of said) {
        const owners = destinations.flatMap(({ text }) => this.owners.get(text) ?? []);
        isOpen ||= letsGo && owners.every(({ id }) => this.source.registry.participant(id)?.claims.roles.every((role) => role === "shipper") ?? false);
        for (const { id } of owners) fresh.add(id);
      }
    }
    if (isOpen) for (const signer of signersOf(this.own, HAVING).slice(0, this.limits.havers)) fresh.add(signer);
    const before = this.parties.size;
    for (const signer of fresh) this.parties.add(signer);
    // Who goes on for a party is one.
    this.source.registry.addSuccessors(this.parties);
    return this.parties.size > before;
  }

  /** Finds what the opened leaves lead to: ids that are not followed yet, by whose events name them, and if there is more about others. */
  findIds() {
    const [fresh, containers, inputs] = [new Map(), [], []];
    let isNew = false;
    for (const role of [...this.ids.values()].sort((a, b) => byText(a.id, b.id))) {
      const packed = new Map();
      for (const [, { signer, said }] of [...role.opened].sort(([a], [b]) => b - a)) {
        for (const { container, time, inputs: of, tie } of said) {
          if (container && role.carries !== undefined && this.parties.has(signer)) {
            if (!packed.has(signer)) packed.set(signer, new Set());
            const ofSigner = packed.get(signer);
            const mayBe = ofSigner.has(container.text) || ofSigner.size < this.limits.containers;
            if (mayBe) containers.push([signer, container, Math.max(role.carries, time)]);
            else this.limitReached = true;
            ofSigner.add(container.text);
          }
          // Of the id itself only its holder says what it was made of.
          if (!role.isUsed || (role.id.text === this.asked.id.text && !this.holding.has(signer))) continue;
          for (const input of of) inputs.push([signer, input]);
          if (tie === undefined) continue;
          if (!this.ties.has(tie)) this.ties.set(tie, { signers: new Set(), entries: undefined, opened: new Set(), inputs: [] });
          const { signers } = this.ties.get(tie);
          isNew ||= !signers.has(signer);
          signers.add(signer);
        }
      }
    }
    for (const tie of this.ties.values()) inputs.push(...tie.inputs);
    const push = (signer, id) => {
      if (!fresh.has(signer)) fresh.set(signer, []);
      fresh.get(signer).push(id);
    };
    for (const [signer, container, since] of containers) {
      const role = this.ids.get(container.text);
      if (!role) {
        push(signer, container);
      } else if (since < (role.carries ?? Infinity)) {
        role.carries = since;
        isNew = true;
      }
    }
    const each = new Map(inputs.map(([signer, input]) => [`${signer} ${input.text}`, [signer, input]]));
    for (const [signer, input] of [...each.values()].sort((a, b) => byBytes(a[0], b[0]) || byText(a[1], b[1]))) {
      const role = this.ids.get(input.text);
      if (!role) push(signer, input);
      else if (!role.isUsed) role.isUsed = isNew = true;
    }
    return { fresh, isNew };
  }

  admit(fresh, withinShare) {
    let hasFound = false;
    for (const [signer, id] of this.turns(fresh, "ids", withinShare)) {
      if (this.ids.has(id.text)) continue;
      this.addId(id);
      this.meter.adds(signer, { ids: 1 });
      hasFound = true;
    }
    return hasFound;
  }

  addId(id) {
    const bySigner = new Map();
    for (const entry of this.takeLong(subject("id", id.text))) {
      if (entry.signer === undefined) continue;
      if (!bySigner.has(entry.signer)) bySigner.set(entry.signer, []);
      bySigner.get(entry.signer).push(entry);
    }
    // `carries` is the time from which an id is followed as a container.
    const role = { id, carries: undefined, isUsed: false, bySigner, starts: new Map(), opened: new Map() };
    this.ids.set(id.text, role);
    return role;
  }

  /**
   * The leaves that are to be opened and are not, by their signers: of what is carried those of parties, of an input those that bring it
   * forth, of a transformation those of the signers that led there.
   */
  dueLeaves() {
    const due = new Map();
    const push = (signer, one) => {
      if (!due.has(signer)) due.set(signer, []);
      due.get(signer).push(one);
    };
    for (const role of this.ids.values()) {
      const { text } = role.id;
      for (const [signer, entries] of role.bySigner) {
        const isParty = role.carries !== undefined && this.parties.has(signer);
        let start = 0;
        if (isParty && role.carries !== -Infinity) {
          const known = role.starts.get(signer);
          start = known?.since === role.carries ? known.start : Infinity;
          // The leaf before the span from which it is carried comes first. Which it is, only that leaf shows.
          if (start === Infinity) push(signer, { leaf: -1, kind: "start", text });
        }
        entries.forEach(({ leaf, acts }, at) => {
          const isAsked = (isParty && at >= start) || (role.isUsed && acts & BRINGS_FORTH);
          if (isAsked && !role.opened.has(leaf)) push(signer, { leaf, kind: "id", text });
        });
      }
    }
    for (const text of [...this.ties.keys()].sort(byBytes)) {
      const tie = this.ties.get(text);
      tie.entries ??= this.takeLong(subject("transformation", text));
      for (const { leaf, signer } of tie.entries) {
        if (tie.signers.has(signer) && !tie.opened.has(leaf)) push(signer, { leaf, kind: "tie", text });
      }
    }
    for (const leaves of due.values()) leaves.sort(inTheirOrder);
    return due;
  }

  /** Finds where in a signer's entries the span begins, and gives the leaf there if it is not opened yet. */
  start(signer, { carries, bySigner, starts, opened }) {
    const entries = bySigner.get(signer);
    const start = this.source.startOfSpan(entries, carries);
    starts.set(signer, { since: carries, start });
    return opened.has(entries[start].leaf) ? undefined : entries[start].leaf;
  }

  open(due, withinShare) {
    let hasFound = false;
    for (const [signer, { leaf: listed, kind, text }] of this.turns(due, "leaves", withinShare)) {
      hasFound = true;
      const leaf = kind === "start" ? this.start(signer, this.ids.get(text)) : listed;
      if (leaf === undefined) continue;
      const capture = this.source.capture(leaf);
      if (kind === "tie") this.takeOfTie(leaf, capture, text);
      else this.takeOfId(leaf, capture, this.ids.get(text));
      this.meter.adds(signer, { statements: 1, bytes: capture.bytes });
    }
    return hasFound;
  }

  /** Takes the events of a capture that name an id, with what they lead to. */
  takeOfId(leaf, capture, role) {
    const { text } = role.id;
    const speaks = (event) => names(event, text);
    this.take(leaf, capture, speaks);
    const said = capture.events.filter(speaks).map((event) => {
      const makes = bringsForth(event, text);
      return {
        container: containerIn(event, text) || undefined,
        time: event.time,
        inputs: makes ? inputsOf(event) : [],
        tie: makes ? event.transformationId?.text : undefined,
        destinations: event.destinations.slice(0, DESTINATIONS_MAX),
        letsGo: Boolean(actsIn(event, text) & LETS_GO),
      };
    });
    const lots = capture.events.flatMap((event) => lotsIn(event, role.id));
    role.opened.set(leaf, { signer: capture.signer, said, lots });
  }

  takeOfTie(leaf, capture, text) {
    const speaks = (event) => event.transformationId?.text === text;
    this.take(leaf, capture, speaks);
    const tie = this.ties.get(text);
    tie.opened.add(leaf);
    for (const input of capture.events.filter(speaks).flatMap(inputsOf)) tie.inputs.push([capture.signer, input]);
  }

  // Those that are no parties

  get allowance() {
    const { otherLeaves, otherLeavesTried, otherBytes } = this.limits;
    return { leaves: otherLeaves, tried: otherLeavesTried, bytes: otherBytes };
  }

  /**
   * Opens leaves with acts in the lists of the id and then of what it was in, signer by signer in turn. What of the id's own list is not
   * opened counts by its acts.
   */
  followOthers() {
    const { allowance, asked: { id: { text } } } = this;
    const signers = new Set();
    const containers = [...this.ids.values()].filter(({ id, carries }) => id.text !== text && carries !== undefined);
    for (const role of [this.ids.get(text), ...containers.sort((a, b) => byText(a.id, b.id))]) {
      for (const leaf of inTurn(this.entriesOfOthers(subject("id", role.id.text), signers))) {
        const capture = this.openOther(leaf, allowance);
        if (capture) this.takeOfId(leaf, capture, role);
      }
    }
    for (const signer of signers) this.known.add(signer);
    for (const { leaf, signer, acts } of this.own) {
      const counts = signer !== undefined && !this.parties.has(signer) && acts & CLAIMING;
      if (!counts || this.ids.get(text).opened.has(leaf)) continue;
      if (signers.has(signer)) this.unopened.push({ leaf, signer });
      else this.limitReached = true;
    }
  }

  /** The leaves with acts of those that are no parties, by signer in the order of their first ones, as far as their number is limited. */
  entriesOfOthers(key, signers) {
    const bySigner = new Map();
    for (const { leaf, signer, acts } of this.shown.get(key).entries) {
      if (signer === undefined || acts === 0 || this.parties.has(signer)) continue;
      if (!signers.has(signer) && signers.size >= this.limits.otherSigners) continue;
      signers.add(signer);
      if (!bySigner.has(signer)) bySigner.set(signer, []);
      bySigner.get(signer).push(leaf);
    }
    return [...bySigner.values()];
  }

  /** Opens a leaf of one that is no party, if there is room for it. */
  openOther(leaf, allowance) {
    if (allowance.leaves === 0 || allowance.tried === 0) return undefined;
    allowance.tried -= 1;
    const capture = this.source.captureWithin(leaf, Math.min(allowance.bytes, this.limits.otherStatementBytes));
    if (capture) {
      allowance.leaves -= 1;
      allowance.bytes -= capture.bytes;
    }
    return capture;
  }

  // Recalls

  /**
   * Opens the recalls of all that ever held a prefix, those of the id itself first; then what members decided of recalls, and a few recalls
   * of others, which are told.
   */
  followRecalls() {
    const [byHolders, byAny] = [[new Map(), new Map()], [new Map(), new Map()]];
    const holding = new Set();
    for (const { id, isUsed } of [...this.ids.values()].sort((a, b) => byText(a.id, b.id))) {
      if (!isUsed) continue;
      const which = id.text === this.asked.id.text ? 0 : 1;
      const holders = this.holders(id);
      for (const one of holders) holding.add(one.id);
      for (const recalled of [...withIt(id), ...this.lots(id)]) {
        for (const holder of holders) byHolders[which].set(recallBy(holder.id, recalled.text), recalled.text);
        byAny[which].set(subject("recall", recalled.text), recalled.text);
      }
    }
    const { statements, bytes } = this.limits;
    const budget = { statements, bytes };
    for (const [key, text] of ownFirst(byHolders)) this.takeRecalls(key, text, budget);
    const { allowance } = this;
    for (const [key, text] of ownFirst(byAny)) this.takeAnyRecalls(key, text, holding, budget, allowance);
    this.followContents(budget, allowance);
  }

  /**
   * Opens the recalls of each id that a load holds, by the holders of its prefix; and if there are any, what else is recorded of a recall of
   * it. Of the kinds of what it holds, all is looked up.
   */
  followContents(budget, allowance) {
    const seen = new Set();
    for (const content of this.contents()) {
      const holders = this.holders(content);
      const holding = new Set(holders.map(({ id }) => id));
      for (const recalled of withIt(content)) {
        if (seen.has(recalled.text)) continue;
        seen.add(recalled.text);
        let isRecalled = isClassLevel(recalled);
        for (const holder of inBytes(holding)) {
          const key = recallBy(holder, recalled.text);
          this.takeRecalls(key, recalled.text, budget);
          isRecalled ||= this.shown.get(key).entries.length > 0;
        }
        if (isRecalled) this.takeAnyRecalls(subject("recall", recalled.text), recalled.text, holding, budget, allowance);
      }
    }
  }

  /** What parties say to have packed into the id, if it is a load: the first ones by the ledger, each once. */
  contents() {
    const { id } = this.asked;
    if (!isLoad(id)) return [];
    const contents = new Map();
    for (const [leaf, positions] of [...this.found].sort(([a], [b]) => a - b)) {
      const { signer, events } = this.captures.get(leaf);
      if (!this.parties.has(signer)) continue;
      for (const position of [...positions].sort((a, b) => a - b)) {
        for (const one of packedInto(events[position], id.text)) {
          if (contents.has(one.text)) continue;
          if (contents.size >= this.limits.contents) {
            this.limitReached = true;
            return [...contents.values()];
          }
          contents.set(one.text, one);
        }
      }
    }
    return [...contents.values()];
  }

  /** What members proposed of that which each verdict reads: policies, and who is an authority. */
  followDecided() {
    const key = subject("policy", "verdict");
    for (const { leaf } of this.takeLong(key)) {
      for (const change of this.takeProposal(key, leaf).changes) if (change.type === "authority") this.authorities.add(change.registration);
    }
  }

  /** Takes a proposal that verdicts read, from a list that holds it. */
  takeProposal(key, leaf) {
    const proposal = this.source.registry.proposedAt(leaf) ?? this.source.noProposal(key, leaf);
    this.proposals.add(subject("proposal", proposal.id));
    return proposal;
  }

  /** The lots of which it is said that the id is of them, and the label's. */
  lots(id) {
    const lots = inOrder([...this.ids.get(id.text).opened.values()].flatMap((opened) => opened.lots));
    return [...lots.slice(0, this.limits.lots), lotOfLabel(this.asked, id)].filter(Boolean);
  }

  /** Opens the end of a list of one participant's recalls, from the last back. */
  takeRecalls(key, text, budget) {
    const { first, entries } = this.takeList(key, { last: this.limits.recalls });
    this.limitReached ||= first > 0;
    for (const { leaf } of [...entries].reverse()) {
      if (budget.statements === 0 || budget.bytes === 0) {
        this.limitReached = true;
        return;
      }
      const capture = this.source.capture(leaf);
      this.take(leaf, capture, (event) => names(event, text) && speaksOfRecall(event));
      budget.statements -= 1;
      budget.bytes = Math.max(budget.bytes - capture.bytes, 0);
    }
  }

  /**
   * Opens what authorities recalled, if one that holds no prefix recalled anything; what members signed in a list of recalls by anyone; and a
   * few of the last entries of others.
   */
  takeAnyRecalls(key, text, holding, budget, allowance) {
    const entries = this.takeLong(key);
    // What strangers record hides nothing that an authority has recorded.
    if (entries.some(({ signer }) => signer !== undefined && !holding.has(signer))) {
      const authorities = [...this.authorities].filter((one) => !holding.has(one));
      for (const one of inBytes(authorities)) this.takeRecalls(recallBy(one, text), text, budget);
    }
    let room = this.limits.otherRecalls;
    for (const { leaf, signer } of [...entries].reverse()) {
      if (signer === undefined) {
        // The members may have decided to lift a recall: then a proposal stands in its list.
        if (budget.statements === 0) {
          this.limitReached = true;
          continue;
        }
        budget.statements -= 1;
        this.takeProposal(key, leaf);
        this.proposed.add(leaf);
      } else if (room > 0 && !holding.has(signer) && !this.authorities.has(signer)) {
        // What holders and authorities recall stands in lists of their own.
        room -= 1;
        const capture = this.openOther(leaf, allowance);
        if (capture) this.take(leaf, capture, (event) => names(event, text) && speaksOfRecall(event));
      }
    }
  }

  /**
   * Everything about those that spoke, those that say to have had it and those that hold, and how each proposal about one of them or a
   * recall came out.
   */
  followKnown() {
    for (const party of this.parties) this.known.add(party);
    for (const key of this.proposals) this.takeEnd(key);
    for (const party of [...this.known].sort(byBytes)) {
      for (const { leaf } of this.takeList(subject("party", party)).entries) {
        const one = this.source.registry.proposedAt(leaf);
        const isAbout = ({ type, participant, former, registration }) => type !== "policy" && [participant, former, registration].includes(party);
        if (one?.changes.some(isAbout)) this.takeEnd(subject("proposal", one.id));
      }
    }
  }

  /** Takes the last leaf about a proposal: the seal of its block tells whether that enacted it. */
  takeEnd(key) {
    if (this.takeList(key, { last: 1 }).entries.length === 0) this.source.cutShort(key);
  }

  /** Each event that names what was followed once, in ledger order. Of too many each signer keeps its first ones. */
  records() {
    const all = [...this.found].sort(([a], [b]) => a - b).flatMap(([leaf, positions]) => {
      const { place, statement, signer, certificate, signedAt, events } = this.captures.get(leaf);
      return [...positions].sort((a, b) => a - b).map((position) => ({
        place, statement, position, signer, certificate, signedAt, event: events[position],
      }));
    });
    const counts = new Map();
    for (const { signer } of all) counts.set(signer, (counts.get(signer) ?? 0) + 1);
    const most = level(this.limits.events, [...counts.values()]);
    this.limitReached ||= [...counts.values()].some((count) => count > most);
    const kept = new Map();
    return all.filter(({ signer }) => {
      kept.set(signer, (kept.get(signer) ?? 0) + 1);
      return kept.get(signer) <= most;
    });
  }
}

/** The leaves of signers in turn: of each the last, then the first, the second last, and so on. */
function inTurn(queues) {
  const all = [];
  for (let isLast = true; queues.some((queue) => queue.length > 0); isLast = !isLast) {
    for (const queue of queues) if (queue.length > 0) all.push(isLast ? queue.pop() : queue.shift());
  }
  return all;
}

/** What is recalled with a recall of which an id is: itself, the whole that it is a piece of, and its class. */
const withIt = (id) => [id, wholeOf(id), classOf(id)].filter(Boolean);

/** The list of what a participant recorded of a recall of an id. */
const recallBy = (participant, text) => subject("recall", `${participant} ${text}`);

const inBytes = (texts) => [...texts].sort(byBytes);

/** Lists of the id itself and then those of its inputs, each in order. */
function ownFirst([own, ofInputs]) {
  const sorted = (lists) => [...lists].sort(([a], [b]) => bySubject(a, b));
  return [...sorted(own), ...sorted(ofInputs).filter(([key]) => !own.has(key))];
}
