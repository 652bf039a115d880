// The account of a product: which records it rests on, and which stand beside it.
//
// The account is built in ledger order. A record is accepted if all accepted ones and it fit in one walk in the order of
// custody; else it waits for one that explains it. What is accepted is never displaced by what is posted later. A record that waits
// at the end contradicts the account, if its signer is bound by the account there; else it is a claim.

import { BRINGS_FORTH, HAVING } from "./acts.js";
import { turnOf } from "./containment.js";
import { partiesOf } from "./parties.js";
import { ASIDE, concernsHolder } from "./passage.js";
import { endOf } from "./reading.js";
import { counting, originsOf, settleAll } from "./settling.js";
import { Walk, fit, isStranger } from "./walk.js";

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
    } else if (fit(records, here, this.origin, at) === ASIDE || this.#isCarried(records, at)) {
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
    if (wentInside || !concernsHolder(records, passage, signer)) return false;
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

/** True where an entry takes back what its signer said with the same key in other hands: what the owner said before is another matter. */
function takesBackItsOwn(records, at) {
  const { is, of } = records.entries[at].standing;
  return is === "withdraws" && records.compromisedSince(of) !== undefined;
}
