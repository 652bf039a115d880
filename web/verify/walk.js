// A walk through records in the order of custody: who has the product and what it is in, record by record.
//
// How things stand at one moment is `{passage, last, arrived, chain, contest, isContested}`: `last` is the last entry that fits, and
// `arrived` the last by which it arrived from where it was sent. It never changes.

import { takeUp, turnOf } from "./containment.js";
import { declares } from "./epcis.js";
import { ASIDE, concerns, custodianOf, followPassage, isOpen } from "./passage.js";
import { actOf, endOf, mayBeReturned } from "./reading.js";

const DAY_MS = 24 * 60 * 60 * 1000;

/** The beginning. If a `contest` is given, nothing that its first candidate records after taking over moves anything. */
export const startOf = ({ history }, contest) => {
  return { passage: { is: "unknown" }, last: undefined, arrived: undefined, chain: [{ id: history.id }], contest, isContested: false };
};

/** What the product is in. */
export const containerOf = ({ chain }) => chain[1]?.id;

/** Fits an entry in, with `origin` as the one that the product begins with, as `followPassage` does. */
export function fit(records, { passage }, origin, at) {
  const isUnknown = passage.is === "unknown";
  if (origin === at) {
    if (!isUnknown) return undefined;
    return records.bringsForth(at) ? { is: "held", by: records.signer(at) } : followPassage(records, passage, at);
  }
  if (records.compromisedSince(at) !== undefined && isStranger(records, passage, at)) return undefined;
  if (origin !== undefined) {
    if (records.bringsForth(at)) return records.contradictsAsOrigin(origin, at) ? undefined : ASIDE;
    // A code is printed or written to its tag before it is given to anything.
    if (isUnknown && records.step(at) === "encoding") return ASIDE;
  }
  return followPassage(records, passage, at);
}

/**
 * Takes an entry at its turn: `{here, turn, fits, notice}`, `here` as things stand after it; `undefined` if it does not fit. Without
 * a `turn` it names neither the product nor what the product is in then.
 */
export function take(records, here, origin, at) {
  const turn = turnOf(records, here.chain, at);
  if (!turn) return { here };
  const passage = fit(records, here, origin, at);
  const isMakers = actOf(records, at) === "afar" && records.byPrefixHolder(at) && !mayBeReturned(endOf(records, at));
  const isFrozen = here.isContested && !isMakers;
  if (passage === undefined || passage === ASIDE || isFrozen) return passage && { here, turn };
  const { contest, passage: { since } } = here;
  const isContested = here.isContested || (contest !== undefined && since === contest.since && records.signer(at) === contest.by);
  // Only such an entry can have packed or unpacked the product: what is said aside is said by a participant that could not.
  const [chain, notice] = takeUp(records, here.chain, turn);
  const hasArrived = here.passage.is === "moving" && passage.is !== "moving";
  const arrived = hasArrived ? at : here.arrived;
  return { here: { passage, last: at, arrived, chain, contest, isContested }, turn, fits: true, notice };
}

/** True where an entry's signer neither has the product, nor is to have it, nor holds its prefix. */
export const isStranger = (records, passage, at) => !records.byPrefixHolder(at) && !concerns(records, passage, at);

/** True where an entry is a carrier's and ends nothing. */
export const isCarriers = (records, at) => records.isCarrier(records.signer(at)) && endOf(records, at) === undefined;

/** True where an entry is a carrier's and the product arrived within the tolerance of clocks of it. */
export function hasJustArrived(records, { arrived }, at) {
  return arrived !== undefined && isCarriers(records, at) && records.areWithinTolerance(arrived, at);
}

/** The records that a walk takes, and what they tell of the way. */
class Journey {
  /** The entries that were taken, those of the product and those of what it was in, in the order in which they were. */
  order = [];
  /** Those of them that carry the account on: their signers had the product then. */
  fitting = new Set();
  /** Carriers' entries that lie aside since it was on its way within the tolerance of clocks of them. */
  nearTransit = new Set();
  /** The container by which an entry belongs to the journey, where it does not name the product. */
  via = new Map();
  /** `[at, notice]` of packing. */
  notices = [];
  /** Those after which it is no longer in something that it was in. */
  takenOut = new Set();
  /** The entries that took over what was let go to nobody in particular, and the passage until then. */
  unannounced = [];
  /** Those by who had it then that name a business transaction. */
  byCustodian = new Set();
  /** The reports of theft by those whom it concerned then. */
  thefts = [];
  /** The entries from which on it was on its way, each with the one by which it arrived, if it did. */
  onTheWay = [];
}

export class Walk {
  journey = new Journey();

  /** The entries of `mayBeLeftOut` are left out if they do not fit. */
  constructor(records, origin, contest, mayBeLeftOut = new Set()) {
    Object.assign(this, { records, origin, mayBeLeftOut, here: startOf(records, contest) });
  }

  /** Takes entries in the order of custody, those for which `isIn`; shows the others. True where all fit. */
  run(queue, isIn, passBy) {
    const before = new Set();
    let first;
    for (const [index, at] of queue.entries()) {
      if (before.has(at)) continue;
      if (!isIn(at)) {
        passBy?.(this.here, at);
        continue;
      }
      if (this.origin !== undefined && isIn(this.origin) && !before.has(this.origin) && this.#comesFirst(this.origin, at)) {
        if (!this.#take(this.origin, () => false)) return false;
        before.add(this.origin);
      }
      const isLeft = (other) => isIn(other) && !before.has(other);
      const isOvertaken = (one) => isOvertakenBy(this.records, (first ??= firstTwo(this.records, queue, isIn))[index + 1], one);
      if (this.#take(at, isOvertaken)) continue;
      const sent = this.#sentByASlowClock(at, queue, index + 1, isLeft);
      if (sent !== undefined) {
        if (!this.#take(sent, isOvertaken) || !this.#take(at, isOvertaken)) return false;
        before.add(sent);
      } else if (this.#isNearTransit(at, queue, index + 1, isLeft)) {
        this.#layAside(at);
      } else if (!this.mayBeLeftOut.has(at)) {
        return false;
      }
    }
    return true;
  }

  /** Takes an entry; `isOvertaken` tells if others that come after it were on the ledger a day before. */
  #take(at, isOvertaken) {
    const { records, journey, here: { passage, chain, isContested } } = this;
    const taken = take(records, this.here, this.origin, at);
    if (!taken?.turn) return taken !== undefined;
    const signer = records.signer(at);
    const isConcerned = concerns(records, passage, at);
    // Who took over unannounced, and says so late, puts nothing into a container.
    const isPutAway = taken.here.chain.length > 1 && taken.here.chain.at(-1).since === at;
    const takesOpen = passage.is === "moving" && !isConcerned && isOpen(records, passage);
    const tookOpen = takesOpen || journey.unannounced.some(([one]) => records.signer(one) === signer);
    const isUnnamed = tookOpen && !records.byPrefixHolder(at);
    this.here = isPutAway && isUnnamed && isOvertaken(at) ? { ...taken.here, chain } : taken.here;
    if (taken.fits) {
      journey.fitting.add(at);
      if (taken.notice) journey.notices.push([at, taken.notice]);
      if (this.here.chain.length < chain.length || taken.notice?.is === "elsewhere") journey.takenOut.add(at);
      if (takesOpen) journey.unannounced.push([at, passage]);
      const way = journey.onTheWay.at(-1);
      const [was, is] = [way !== undefined && way[1] === undefined, this.here.passage.is === "moving"];
      if (was && !is) way[1] = at;
      else if (!was && is) journey.onTheWay.push([at, undefined]);
    }
    // Who ended it has it no more.
    const isOver = isContested || passage.is === "ended";
    const mayReport = (isConcerned && !isOver) || records.byPrefixHolder(at);
    if (declares(records.event(at), "stolen") && mayReport) journey.thefts.push(at);
    const hasIt = [passage, this.here.passage].some((then) => records.isBy(at, custodianOf(then)));
    if (hasIt && records.event(at).transactions.length > 0) journey.byCustodian.add(at);
    if (taken.turn.via) journey.via.set(at, taken.turn.via);
    journey.order.push(at);
    return true;
  }

  #layAside(at) {
    const { via } = turnOf(this.records, this.here.chain, at);
    if (via) this.journey.via.set(at, via);
    this.journey.nearTransit.add(at);
    this.journey.order.push(at);
  }

  /** True where an entry is a carrier's and the product was on its way within the tolerance of clocks of it. */
  #isNearTransit(at, queue, from, isLeft) {
    const { records, origin, here } = this;
    if (!isCarriers(records, at)) return false;
    if (hasJustArrived(records, here, at)) return true;
    for (let index = from; index < queue.length; index++) {
      const one = queue[index];
      if (!isLeft(one)) continue;
      if (!records.mayBeWithinTolerance(at, one)) return false;
      if (!records.areWithinTolerance(at, one)) continue;
      const then = take(records, here, origin, one);
      if (then?.fits && then.here.passage.is === "moving") return true;
    }
    return false;
  }

  /** True where the origin comes before a record that nothing has come before yet: if it is later by no more than clocks are apart. */
  #comesFirst(origin, at) {
    const { records, here } = this;
    return here.passage.is === "unknown" && records.isBefore(at, origin) && records.areWithinTolerance(at, origin);
  }

  /**
   * The record of letting go that `late` waits for, if its signer's clock was behind: the first that its signer has yet to take part
   * with, no later than clocks are apart, that fits now and after which `late` fits.
   */
  #sentByASlowClock(late, queue, from, isLeft) {
    const { records, origin, here } = this;
    const seen = new Set([records.signer(late)]);
    for (let index = from; index < queue.length; index++) {
      const sent = queue[index];
      if (!isLeft(sent)) continue;
      if (!records.mayBeWithinTolerance(late, sent)) return undefined;
      if (!turnOf(records, here.chain, sent) || seen.has(records.signer(sent))) continue;
      seen.add(records.signer(sent));
      if (actOf(records, sent) !== "ships" || !records.areWithinTolerance(late, sent)) continue;
      const then = take(records, here, origin, sent);
      if (then?.fits && take(records, then.here, origin, late)) return sent;
    }
    return undefined;
  }
}

/** From each place of a queue on, the first two entries by the ledger, of different signers. */
function firstTwo(records, queue, isIn) {
  let [first, second] = [];
  const from = [[]];
  const differ = (one, other) => one !== undefined && records.signer(one) !== records.signer(other);
  for (const at of [...queue].reverse()) {
    if (isIn(at)) {
      if (first === undefined || at < first) [first, second] = [at, differ(first, at) ? first : second];
      else if (differ(first, at) && (second === undefined || at < second)) second = at;
    }
    from.push([first, second]);
  }
  return from.reverse();
}

/** True where another participant's entry among the first of those that come after one stands on the ledger a day before it. */
function isOvertakenBy(records, first, one) {
  const time = (at) => records.entries[at].record.place.time;
  const other = first.find((at) => at !== undefined && records.signer(at) !== records.signer(one));
  return other !== undefined && other < one && time(one) - time(other) > DAY_MS;
}
