// Settling the account: which records of the parties are accepted, which wait, and which retractions have an effect.

import { firstWhere } from "./bytes.js";
import { contestIn } from "./candidates.js";
import { voidedShippings } from "./corrections.js";
import { actOf, endOf } from "./reading.js";
import { Walk, hasJustArrived, startOf, take } from "./walk.js";

const WALKS_MAX = 5000;
const STEPS_MAX = 1000000;
const WALKS_OF_RUNS_MAX = 250;

/** The entries that count unless they are taken back, in ledger order. */
export const counting = ({ entries }) => [...entries.keys()].filter((at) => ["counts", "withdrawn"].includes(entries[at].standing.is));

/** What the signers of entries take back, `{of, by}`, in the order in which they do. */
function retractionsOf(records) {
  const all = [];
  records.entries.forEach(({ standing: { is, of: by } }, of) => {
    if (is === "withdrawn") all.push({ of, by });
  });
  for (const [of, by] of voidedShippings(records)) all.push({ of, by });
  return all.sort((a, b) => a.by - b.by);
}

/**
 * Settles the account, and which retractions have an effect: those without which the account still accepts all that others recorded
 * and it had accepted. `{live, accepted, origins, origin, contest, contests, tooLate, withdrawnEnds, isCut}`: the entries that count, those of
 * them that are accepted;
 * where the product's life begins, in the order of custody, and the one of them that the rest builds on; the entries that would have
 * taken back what others have built on since; those that were withdrawn and by which the account had the product ended until then; and
 * if more wait than are looked at. Of the contests `contest` is the one that is open.
 */
export function settle(records, parties) {
  const retractions = retractionsOf(records);
  const all = counting(records);
  const untried = (ats) => {
    const origins = originsOf(records, parties, ats);
    return { live: new Set(ats), accepted: new Set(), origins, origin: originOf(records, origins), contests: [], tooLate: [], withdrawnEnds: new Set(), isCut: false };
  };
  const untaken = without(all, retractions);
  const settled = untried(untaken);
  if (!records.hasCustodian) return settled;
  const offered = (ats) => ats.filter((at) => parties.has(records.signer(at)));
  const whole = new Set(offered(untaken));
  // What no party said is no part of the account.
  const isOfParty = ({ of }) => parties.has(records.signer(of));
  const ofParties = retractions.filter(isOfParty);
  const isWhole = inOneWalk(records, settled.origin, whole, ofParties) !== undefined;
  const budget = new Budget();
  const offer = (ats, contest, late = new Set()) => {
    const origin = originOf(records, originsOf(records, parties, ats));
    const all = offered(ats);
    if (contest === undefined && late.size === 0) {
      budget.spend(all.length);
      const kept = inOneWalk(records, origin, new Set(all), []);
      if (kept) return { ...kept, isCut: false };
    }
    const [inTime, deferred] = [false, true].map((isLate) => all.filter((at) => late.has(at) === isLate));
    return new Builder(records, origin, contest, budget).offerAll([...inTime, ...deferred]);
  };
  const { tooLate, withdrawnEnds } = settled;
  let live = without(all, retractions.filter((one) => !isOfParty(one)));
  for (const retraction of ofParties) {
    const ends = endOf(records, retraction.of) !== undefined;
    const rest = without(live, [retraction]);
    if (isWhole && !ends) {
      live = rest;
      continue;
    }
    if (budget.isSpent && !isWhole) {
      tooLate.push(retraction.by);
      continue;
    }
    // What others recorded after it, they recorded in spite of it.
    const before = offer(live.filter((at) => at < retraction.by));
    if (ends && (before.isCut || before.fitting.has(retraction.of))) withdrawnEnds.add(retraction.of);
    const hasEffect = () => {
      const then = offer(rest.filter((at) => at < retraction.by));
      return !then.isCut && keepsOthers(records, records.signer(retraction.of), before, then);
    };
    if (isWhole || hasEffect()) live = rest;
    else tooLate.push(retraction.by);
  }
  if (isWhole) return { ...settled, accepted: whole };
  const base = untried(live);
  let [last, contest, contests, late] = [offer(live), undefined, [], new Set()];
  // Each contest that is settled may uncover another.
  while (!budget.isSpent) {
    const walk = new Walk(records, base.origin, contest);
    walk.run(records.byTime, (at) => last.accepted.has(at));
    const found = contest ? undefined : contestIn(records, walk.journey, offered(live), contests);
    if (!found) break;
    contests.push(found);
    if (found.receiver === found.by) continue;
    if (found.receiver === undefined) contest = found;
    else for (const at of live) if (records.signer(at) === found.by && records.isBefore(found.since, at)) late.add(at);
    last = offer(live, contest, late);
  }
  const { accepted, isCut } = last;
  return { ...base, accepted, contest, contests, tooLate, withdrawnEnds, isCut: isCut || budget.isSpent };
}

/** What is accepted if all entries fit in one walk, and none lies aside because of what was posted later or taken back. */
function inOneWalk(records, origin, whole, retractions) {
  const walk = new Walk(records, origin);
  if (!walk.run(records.byTime, (at) => whole.has(at)) || isRewritten(records, walk.journey, whole, retractions)) return undefined;
  const { order, fitting, nearTransit } = walk.journey;
  return { accepted: new Set(order), fitting, nearTransit };
}

/**
 * True where records that fit in one walk may not all be accepted: if one carries nothing on that stood on the ledger before another
 * participant recorded of a time before it that it has or had the product, or took out what the product was in, or took something back.
 */
function isRewritten(records, { fitting, takenOut, order }, whole, retractions) {
  const there = new Set(order);
  // Of each signer, the last by the ledger of what carries the account on, and of what takes the product out of something.
  const [lastFitting, lastTakenOut] = [new Map(), new Map()];
  const isAfter = (last, at) => [...last].some(([signer, one]) => signer !== records.signer(at) && one > at);
  const raise = (last, at) => last.set(records.signer(at), Math.max(at, last.get(records.signer(at)) ?? at));
  for (const at of records.byTime.filter((one) => whole.has(one))) {
    if (fitting.has(at)) {
      raise(lastFitting, at);
      if (takenOut.has(at)) raise(lastTakenOut, at);
      continue;
    }
    const isThere = there.has(at);
    const isAfar = ["afar", "voids"].includes(actOf(records, at)) && endOf(records, at) === undefined;
    if (records.mentions[at].length === 0 || (isThere && isAfar)) continue;
    // What is taken back may have kept out what this lies aside for, wherever on the way it stands.
    const isTakenBack = ({ of, by }) => by > at && records.signer(of) !== records.signer(at);
    // A carrier's record lies aside whatever was posted late.
    const isCarried = isThere && records.isCarrier(records.signer(at));
    const isDatedBack = !isCarried && isAfter(isThere ? lastFitting : lastTakenOut, at);
    if (isDatedBack || retractions.some(isTakenBack)) return true;
  }
  return false;
}

/**
 * True where an account keeps what another has of other participants than `signer`, and what carries it on does so still, or may lie
 * aside.
 */
function keepsOthers(records, signer, { accepted, fitting }, then, mayLieAside = new Set()) {
  const carriesOn = (at) => then.fitting.has(at) || mayLieAside.has(at);
  return [...accepted].every((at) => {
    return records.signer(at) === signer || (then.accepted.has(at) && (!fitting.has(at) || carriesOn(at)));
  });
}

/** The entries that remain if retractions have their effect. */
function without(live, retractions) {
  const gone = new Set(retractions.flatMap(({ of, by }) => [of, by]));
  return live.filter((at) => !gone.has(at));
}

/** What building the accounts of one product may still cost. */
class Budget {
  walks = WALKS_MAX;
  steps = STEPS_MAX;

  get isSpent() {
    return this.walks === 0 || this.steps === 0;
  }

  append() {
    this.steps = Math.max(this.steps - 1, 0);
  }

  spend(steps) {
    this.walks = Math.max(this.walks - 1, 0);
    this.steps = Math.max(this.steps - steps, 0);
  }
}

/** The account while it is built. */
class Builder {
  /** In the order of custody. */
  accepted = [];
  /** Those of them that carry the account on. */
  fitting = new Set();
  /** Those of them that lie aside by the tolerance of clocks. */
  nearTransit = new Set();
  /** In ledger order. */
  waiting = [];
  /** The walks that looking for runs of each signer took. */
  runs = new Map();

  constructor(records, origin, contest, budget) {
    Object.assign(this, { records, origin, contest, budget, end: startOf(records, contest) });
  }

  /** Offers the entries in ledger order, the origin before all: `{accepted, fitting, nearTransit, isCut}`. */
  offerAll(offered) {
    const { origin, budget } = this;
    if (origin !== undefined) this.#offer(origin);
    for (const at of offered) if (at !== origin) this.#offer(at);
    const { fitting, nearTransit } = this;
    return { accepted: new Set(this.accepted), fitting, nearTransit, isCut: budget.isSpent && this.waiting.length > 0 };
  }

  #offer(at) {
    const { records, accepted, waiting } = this;
    const isLast = accepted.length === 0 || records.isBefore(accepted.at(-1), at);
    if (isLast && !this.#mayComeBeforeACarriers(at)) {
      // At the end of the walk, no other walk is needed.
      this.budget.append();
      const then = take(records, this.end, this.origin, at);
      const liesAside = then === undefined && hasJustArrived(records, this.end, at);
      if (then?.turn || liesAside) {
        this.end = then?.here ?? this.end;
        accepted.push(at);
        if (liesAside) this.nearTransit.add(at);
        if (then?.fits) this.fitting.add(at);
        const setsAside = this.#maySetACarriersAside(at);
        if (waiting.some((other) => setsAside || this.#mayNowFit(other, at))) this.#acceptWhatWaits();
        return;
      }
      waiting.push(at);
    } else {
      waiting.push(at);
      if (this.#accept([at])) return this.#acceptWhatWaits();
    }
    // Nothing else that waits has changed, but the runs of this signer.
    if (this.#acceptRunOf(records.signer(at))) this.#acceptWhatWaits();
  }

  /** True where a record of letting go may come before a carrier's that lies aside. */
  #mayComeBeforeACarriers(at) {
    return this.#letsGoNear(at, (one) => this.nearTransit.has(one));
  }

  /**
   * True where an entry lets go within the tolerance of a carrier's before it, which may lie aside by that: then what comes before both
   * may fit.
   */
  #maySetACarriersAside(at) {
    return this.#letsGoNear(at, (one) => this.records.isCarrier(this.records.signer(one)));
  }

  #letsGoNear(at, is) {
    const { records, accepted } = this;
    if (actOf(records, at) !== "ships") return false;
    for (let index = accepted.length - 1; index >= 0 && records.mayBeWithinTolerance(accepted[index], at); index--) {
      if (is(accepted[index])) return true;
    }
    return false;
  }

  /** True where what waits may fit after an entry that was accepted at the end: not if the walk comes to it as before. */
  #mayNowFit(waiting, accepted) {
    return this.records.isBefore(accepted, waiting) || this.records.mayBeWithinTolerance(waiting, accepted);
  }

  #acceptWhatWaits() {
    if (this.budget.isSpent) return;
    const acceptOne = () => this.waiting.some((at) => this.#accept([at]));
    const acceptRun = () => [...new Set(this.waiting.map((at) => this.records.signer(at)))].some((id) => this.#acceptRunOf(id));
    while (acceptOne() || acceptRun());
  }

  /** Accepts several entries of one signer that fit together: from the earliest of its waiting ones on, as many as fit. */
  #acceptRunOf(signer) {
    if (this.budget.isSpent) return false;
    const own = this.records.inOrder(this.waiting.filter((at) => this.records.signer(at) === signer));
    for (let from = 0; from + 2 <= own.length; from++) {
      for (let to = own.length; to >= from + 2; to--) {
        // What one signer contradicts leaves enough for what others record late.
        const taken = this.runs.get(signer) ?? 0;
        if (taken >= WALKS_OF_RUNS_MAX) return false;
        this.runs.set(signer, taken + 1);
        if (this.#accept(own.slice(from, to))) return true;
      }
    }
    return false;
  }

  /**
   * Accepts entries of one signer if they fit, together with all that are accepted, and are part of the journey. What others recorded
   * stays in it, and carries the account on if it did. What the signer itself recorded and is out of it now waits.
   */
  #accept(entries) {
    const { records, budget, fitting } = this;
    if (budget.isSpent) return false;
    const queue = [...this.accepted];
    for (const at of entries) queue.splice(firstWhere(queue.length, (place) => !records.isBefore(queue[place], at)), 0, at);
    budget.spend(queue.length);
    const walk = new Walk(records, this.origin, this.contest);
    if (!walk.run(queue, () => true)) return false;
    const { order, fitting: carryingOn, nearTransit } = walk.journey;
    const then = { accepted: new Set(order), fitting: carryingOn, nearTransit };
    const signer = records.signer(entries[0]);
    if (!entries.every((at) => then.accepted.has(at))) return false;
    // A carrier's record may lie aside by the clocks.
    if (!keepsOthers(records, signer, { accepted: this.accepted, fitting }, then, nearTransit)) return false;
    const out = this.accepted.filter((at) => !then.accepted.has(at));
    Object.assign(this, { end: walk.here, fitting: carryingOn, nearTransit, accepted: queue.filter((at) => then.accepted.has(at)) });
    this.waiting = [...this.waiting.filter((at) => !entries.includes(at)), ...out].sort((a, b) => a - b);
    return true;
  }
}

/**
 * The entries that bring the product forth, in the order of custody; else the one with which it begins: the first of the holder of its
 * prefix, else the first of a party.
 */
function originsOf(records, parties, live) {
  const counts = new Set(live);
  const order = records.byTime.filter((at) => counts.has(at) && records.namesIt(at));
  const origins = order.filter((at) => records.bringsForth(at));
  if (origins.length > 0) return origins;
  // What a stranger says to have caught begins nothing.
  const begun = order.filter((at) => records.begins(at));
  const first = begun.find((at) => records.byPrefixHolder(at)) ?? begun.find((at) => parties.has(records.signer(at)));
  return first === undefined ? [] : [first];
}

/** The origin that the account builds on: the first by the ledger that the holder of the prefix recorded, else the first. */
function originOf(records, origins) {
  const byHolders = origins.filter((at) => records.byPrefixHolder(at));
  return byHolders.length > 0 ? Math.min(...byHolders) : origins[0];
}
