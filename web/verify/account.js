// The account of a product: which records it rests on, and which stand beside it.
//
// The account is built in ledger order. A record is accepted if all accepted ones and it fit in one walk in the order of
// custody; else it waits for one that explains it. What is accepted is never displaced by what is posted later. A record that waits
// at the end contradicts the account, if its signer is bound by the account there; else it is a claim.

import { BRINGS_FORTH, HAVING } from "./acts.js";
import { firstWhere } from "./bytes.js";
import { turnOf } from "./containment.js";
import { voidedShippings } from "./corrections.js";
import { partiesOf } from "./parties.js";
import { ASIDE, concernsHolder } from "./passage.js";
import { endOf } from "./reading.js";
import { Walk, fit, isStranger, startOf, take } from "./walk.js";

const WALKS_MAX = 5000;
const STEPS_MAX = 1000000;
const WALKS_OF_RUNS_MAX = 250;

export class Account {
  constructor(records) {
    /** How things stood at each entry that was passed by. */
    this.passed = new Map();
    /** Entries against the account whose signers are bound by it, those of others, and of these what the members have dismissed. */
    Object.assign(this, { contradictions: [], claims: [], dismissed: [] });
    /** Entries of others about what the product was in then, and those that need not have the product and deny nothing. */
    Object.assign(this, { aboutContainer: [], aside: [] });
    /** What a key in other hands said although its owner had nothing to do with the product then. */
    this.disregarded = new Set();
    /** Entries that count for nothing since their signers took them back. */
    this.takenBack = new Set();
    /** Accepted entries that were recorded only after others had gone on from there: they condemn nothing. */
    this.overtaken = new Set();
    const { live, tooLate, accepted, origin, isCut } = settleAll(records);
    /** Where the product's life begins, in the order of custody, and the one of them that the rest builds on. */
    Object.assign(this, { origins: originsOf(records, live), origin });
    /** Entries that would have taken back what others have built on since; and if more wait than are looked at. */
    Object.assign(this, { tooLate, isCut });
    if (records.hasCustodian) this.#finish(records, live, accepted);
    else this.#ofMany(records, live);
    /** What became of an entry; of what many share, a claim is among what is taken as it is. */
    this.outcomes = new Map();
    for (const [is, ats] of [["accepted", this.order], ["contradiction", this.contradictions], ["aside", this.aside], ["claim", this.claims]]) {
      for (const at of ats) this.outcomes.set(at, is);
    }
  }

  /** What many share, nobody has: its records are taken as they are. */
  #ofMany(records, live) {
    const { order, fitting, via, notices, unannounced, thefts, onTheWay, here } = new Walk(records, undefined);
    Object.assign(this, { fitting, via, notices, unannounced, thefts, onTheWay, end: here });
    const byThief = (at) => records.compromisedSince(at) !== undefined && this.origin !== at && !records.byPrefixHolder(at);
    for (const at of records.byTime.filter((one) => live.has(one) && records.namesIt(one))) {
      if (byThief(at)) this.disregarded.add(at);
      else order.push(at);
    }
    const parties = partiesOf(records);
    this.order = order;
    const claims = order.filter((at) => records.acts(at) & HAVING && !parties.has(records.signer(at)));
    this.claims = claims.filter((at) => records.dismissal(at) === undefined);
    this.dismissed = claims.filter((at) => records.dismissal(at) !== undefined);
  }

  #finish(records, live, accepted) {
    const walk = new Walk(records, this.origin);
    const isWhole = walk.run(records.byTime, (at) => accepted.has(at), (here, at) => {
      if (turnOf(records, here.chain, at)) this.passed.set(at, here);
    });
    // What was accepted fits: that is how it was accepted.
    const { order, fitting, via, notices, unannounced, thefts, onTheWay, here } = isWhole ? walk : new Walk(records, this.origin);
    Object.assign(this, { order, fitting, via, notices, unannounced, thefts, onTheWay, end: here });
    for (const [at, then] of this.passed) {
      const container = turnOf(records, then.chain, at).via;
      if (container) via.set(at, container);
    }
    this.takenBack = new Set(counting(records).filter((at) => !live.has(at)));
    this.overtaken = overtakenOf(records, order, fitting);
    for (const at of records.byTime) if (this.passed.has(at)) this.#sort(records, live, at);
  }

  /** Says of an entry that was passed by what it is. */
  #sort(records, live, at) {
    const here = this.passed.get(at);
    const byThief = records.compromisedSince(at) !== undefined && isStranger(records, here.passage, at);
    if (!live.has(at)) {
      if (byThief && takesBackItsOwn(records, at)) this.disregarded.add(at);
    } else if (fit(records, here, this.origin, at) === ASIDE || this.#isCarried(records, at) || records.isByAuthority(at)) {
      this.aside.push(at);
    } else if (this.#contradicts(records, here, at)) {
      this.contradictions.push(at);
    } else if (byThief) {
      this.disregarded.add(at);
    } else if (records.dismissal(at) !== undefined) {
      this.dismissed.push(at);
    } else if (!records.namesIt(at)) {
      this.aboutContainer.push(at);
    } else if (records.acts(at) & (HAVING | BRINGS_FORTH)) {
      this.claims.push(at);
    }
  }

  /**
   * True where an entry against the account is by one whom the account binds: by whoever brings the thing forth again; else by who
   * has it, or has just let go of it, unless another's record was on the ledger before this one and is accepted after that moment.
   */
  #contradicts(records, { passage, last }, at) {
    if (records.bringsForth(at)) return true;
    const signer = records.signer(at);
    // That it was taken out of what was let go may only not be on record.
    const wentInside = last !== undefined && records.namesIt(at) && !records.namesIt(last);
    if (wentInside || !concernsHolder(records, passage, at)) return false;
    const isOthers = (one) => records.signer(one) !== signer && records.leaf(one) < records.leaf(at);
    return !this.order.some((one) => records.isBefore(at, one) && isOthers(one));
  }

  /** True where a carrier recorded carrying it while it was on its way, by clocks that may be apart. */
  #isCarried(records, at) {
    if (!records.isShipper(records.signer(at)) || endOf(records, at) !== undefined) return false;
    return this.onTheWay.some(([from, to]) => {
      const began = !records.isBefore(at, from) || records.areWithinTolerance(from, at);
      return began && !(to !== undefined && records.isBefore(to, at) && !records.areWithinTolerance(to, at));
    });
  }

  isOrigin(at) {
    return this.origins.includes(at);
  }

  /** True where an entry counts, in the account or against it. */
  counts(records, at) {
    const isOut = this.disregarded.has(at) || this.takenBack.has(at);
    return (records.entries[at].standing.is === "counts" && !isOut) || this.outcomes.get(at) === "accepted";
  }
}

/** Those of the entries, given in the order of custody, after which another signer carries the account on from an earlier leaf. */
function overtakenOf(records, order, fitting) {
  const overtaken = new Set();
  const earliest = new Map();
  for (const at of [...order].reverse()) {
    const [signer, leaf] = [records.signer(at), records.leaf(at)];
    for (const [other, first] of earliest) if (other !== signer && first < leaf) overtaken.add(at);
    if (fitting.has(at)) earliest.set(signer, Math.min(leaf, earliest.get(signer) ?? leaf));
  }
  return overtaken;
}

/** The entries that count unless they are taken back, in ledger order. */
const counting = ({ entries }) => [...entries.keys()].filter((at) => ["counts", "withdrawn"].includes(entries[at].standing.is));

/** True where an entry takes back what its signer said with the same key in other hands: what the owner said before is another matter. */
function takesBackItsOwn(records, at) {
  const { is, of } = records.entries[at].standing;
  return is === "withdraws" && records.compromisedSince(of) !== undefined;
}

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
 * and it had accepted. `{live, tooLate, accepted, origin, isCut}`.
 */
function settleAll(records) {
  const retractions = retractionsOf(records);
  const without = (live, gone) => {
    const out = new Set(gone.flatMap(({ of, by }) => [of, by]));
    return live.filter((at) => !out.has(at));
  };
  let live = counting(records);
  const untaken = without(live, retractions);
  const origin = originOf(records, untaken);
  const settled = { live: new Set(untaken), tooLate: [], accepted: new Set(), origin, isCut: false };
  if (!records.hasCustodian) return settled;
  const parties = partiesOf(records);
  const offered = (ats) => ats.filter((at) => parties.has(records.signer(at)));
  const all = new Set(offered(untaken));
  if (new Walk(records, origin).run(records.byTime, (at) => all.has(at))) return { ...settled, accepted: all };
  const budget = new Budget();
  const settle = (ats) => new Builder(records, ats, budget).settle(offered(ats));
  // What no party said is no part of the account.
  const isOfParty = ({ of }) => parties.has(records.signer(of));
  live = without(live, retractions.filter((one) => !isOfParty(one)));
  for (const retraction of retractions.filter(isOfParty)) {
    if (budget.isSpent) {
      settled.tooLate.push(retraction.by);
      continue;
    }
    // What others recorded after it, they recorded in spite of it.
    const before = settle(live.filter((at) => at < retraction.by));
    const rest = without(live, [retraction]);
    const then = settle(rest.filter((at) => at < retraction.by));
    const signer = records.signer(retraction.of);
    const others = [...before.accepted].filter((at) => records.signer(at) !== signer);
    if (!then.isCut && others.every((at) => then.accepted.has(at))) live = rest;
    else settled.tooLate.push(retraction.by);
  }
  const last = settle(live);
  return { ...settled, ...last, live: new Set(live), isCut: last.isCut || budget.isSpent };
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

  constructor(records, live, budget) {
    Object.assign(this, { records, budget, origin: originOf(records, live), end: startOf(records) });
  }

  /** Offers the entries in ledger order, the origin before all: `{accepted, origin, isCut}`. */
  settle(offered) {
    const { origin, budget } = this;
    if (origin !== undefined) this.#offer(origin);
    for (const at of offered) if (at !== origin) this.#offer(at);
    return { accepted: new Set(this.accepted), origin, isCut: budget.isSpent && this.waiting.length > 0 };
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
    if (!walk.run(queue, () => true) || !entries.every((at) => walk.order.includes(at))) return false;
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
function originsOf(records, live) {
  const counts = new Set(live);
  const order = records.byTime.filter((at) => counts.has(at) && records.namesIt(at));
  const origins = order.filter((at) => records.bringsForth(at));
  if (origins.length > 0) return origins;
  // What a stranger says to have caught begins nothing.
  const begun = order.filter((at) => records.begins(at));
  const first = begun.find((at) => records.byPrefixHolder(at));
  if (first !== undefined || begun.length === 0) return first === undefined ? [] : [first];
  const parties = partiesOf(records);
  return begun.filter((at) => parties.has(records.signer(at))).slice(0, 1);
}

/** The origin that the account builds on: the first by the ledger that the holder of the prefix recorded, else the first. */
function originOf(records, live) {
  const origins = originsOf(records, live);
  const byHolders = origins.filter((at) => records.byPrefixHolder(at));
  return byHolders.length > 0 ? Math.min(...byHolders) : origins[0];
}
