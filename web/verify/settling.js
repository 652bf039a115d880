// Settling the account: which records of the parties are accepted, which wait, and which retractions have an effect.

import { firstWhere } from "./bytes.js";
import { voidedShippings } from "./corrections.js";
import { Walk, startOf, take } from "./walk.js";

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
 * and it had accepted. `{live, accepted, origins, origin, tooLate, isCut}`: the entries that count, those of them that are accepted;
 * where the product's life begins, in the order of custody, and the one of them that the rest builds on; the entries that would have
 * taken back what others have built on since; and if more wait than are looked at.
 */
export function settle(records, parties) {
  const retractions = retractionsOf(records);
  const all = counting(records);
  const untried = (ats) => {
    const origins = originsOf(records, parties, ats);
    return { live: new Set(ats), accepted: new Set(), origins, origin: originOf(records, origins), tooLate: [], isCut: false };
  };
  const untaken = without(all, retractions);
  const settled = untried(untaken);
  if (!records.hasCustodian) return settled;
  const offered = (ats) => ats.filter((at) => parties.has(records.signer(at)));
  const whole = new Set(offered(untaken));
  if (new Walk(records, settled.origin).run(records.byTime, (at) => whole.has(at))) return { ...settled, accepted: whole };
  const budget = new Budget();
  const offer = (ats) => new Builder(records, originOf(records, originsOf(records, parties, ats)), budget).offerAll(offered(ats));
  const tooLate = [];
  // What no party said is no part of the account.
  const isOfParty = ({ of }) => parties.has(records.signer(of));
  let live = without(all, retractions.filter((one) => !isOfParty(one)));
  for (const retraction of retractions.filter(isOfParty)) {
    if (budget.isSpent) {
      tooLate.push(retraction.by);
      continue;
    }
    // What others recorded after it, they recorded in spite of it.
    const before = offer(live.filter((at) => at < retraction.by));
    const rest = without(live, [retraction]);
    const then = offer(rest.filter((at) => at < retraction.by));
    const signer = records.signer(retraction.of);
    const others = [...before.accepted].filter((at) => records.signer(at) !== signer);
    if (!then.isCut && others.every((at) => then.accepted.has(at))) live = rest;
    else tooLate.push(retraction.by);
  }
  const { accepted, isCut } = offer(live);
  return { ...untried(live), accepted, tooLate, isCut: isCut || budget.isSpent };
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
  /** In ledger order. */
  waiting = [];
  /** The walks that looking for runs of each signer took. */
  runs = new Map();

  constructor(records, origin, budget) {
    Object.assign(this, { records, origin, budget, end: startOf(records) });
  }

  /** Offers the entries in ledger order, the origin before all: `{accepted, isCut}`. */
  offerAll(offered) {
    const { origin, budget } = this;
    if (origin !== undefined) this.#offer(origin);
    for (const at of offered) if (at !== origin) this.#offer(at);
    return { accepted: new Set(this.accepted), isCut: budget.isSpent && this.waiting.length > 0 };
  }

  #offer(at) {
    const { records, accepted, waiting } = this;
    if (accepted.length === 0 || records.isBefore(accepted.at(-1), at)) {
      // At the end of the walk, no other walk is needed.
      this.budget.append();
      const then = take(records, this.end, this.origin, at);
      if (then?.turn) {
        this.end = then.here;
        accepted.push(at);
        if (waiting.some((other) => this.#mayNowFit(other, at))) this.#acceptWhatWaits();
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

  /** Accepts entries if they fit, together with all that are accepted, and are part of the journey. */
  #accept(entries) {
    const { records, budget } = this;
    if (budget.isSpent) return false;
    const queue = [...this.accepted];
    for (const at of entries) queue.splice(firstWhere(queue.length, (place) => !records.isBefore(queue[place], at)), 0, at);
    budget.spend(queue.length);
    const walk = new Walk(records, this.origin);
    if (!walk.run(queue, () => true) || !entries.every((at) => walk.journey.order.includes(at))) return false;
    this.end = walk.here;
    this.accepted = queue;
    this.waiting = this.waiting.filter((at) => !entries.includes(at));
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
