// The account of a product: which records it rests on, and which stand beside it.
//
// The account is built in ledger order. A record is accepted if all accepted ones and it fit in one walk in the order of
// custody; else it waits for one that explains it. What is accepted is never displaced by what is posted later. A record that waits
// at the end contradicts the account, if its signer is bound by the account there; else it is a claim.

import { BRINGS_FORTH, HAVING } from "./acts.js";
import { turnOf } from "./containment.js";
import { partiesOf } from "./parties.js";
import { ASIDE, concernsHolder, custodianOf } from "./passage.js";
import { counting, settle } from "./settling.js";
import { Walk, fit, isCarriers, isStranger } from "./walk.js";

export class Account {
  /** How things stood at each entry that was passed by. */
  passed = new Map();
  /** Entries against the account whose signers are bound by it. */
  contradictions = [];
  /** Entries of others against the account, in the order of custody, and those of them that the members have dismissed. */
  claims = [];
  dismissed = [];
  /** Entries of others about what the product was in then. */
  aboutContainer = [];
  /** Entries of others that need not have the product and deny nothing. */
  aside = [];
  /** What a key in other hands said although its owner had nothing to do with the product then. */
  disregarded = new Set();
  /** Entries that count for nothing since their signers took them back. */
  takenBack = new Set();
  /** Accepted entries that were recorded only after others had gone on from there: they condemn nothing. */
  overtaken = new Set();
  /** What became of an entry; of what many share, a claim is among what is taken as it is. */
  outcomes = new Map();

  constructor(records) {
    const parties = partiesOf(records);
    const { live, accepted, origins, origin, contest, contests, tooLate, withdrawnEnds, isCut } = settle(records, parties);
    /** Contests about who received what was let go to nobody in particular, and the one of them that is open. */
    Object.assign(this, { origins, origin, contest, contests, tooLate, withdrawnEnds, isCut });
    if (records.hasCustodian) this.#ofOne(records, live, accepted);
    else this.#ofMany(records, live, parties);
    for (const [is, ats] of [["accepted", this.order], ["contradiction", this.contradictions], ["aside", this.aside], ["claim", this.claims]]) {
      for (const at of ats) this.outcomes.set(at, is);
    }
  }

  /** What many share, nobody has: its records are taken as they are. */
  #ofMany(records, live, parties) {
    const { here, journey } = new Walk(records, undefined);
    Object.assign(this, journey, { end: here });
    const byThief = (at) => records.compromisedSince(at) !== undefined && this.origin !== at && !records.byPrefixHolder(at);
    for (const at of records.byTime.filter((one) => live.has(one) && records.namesIt(one))) {
      if (byThief(at)) this.disregarded.add(at);
      else this.order.push(at);
    }
    const claims = this.order.filter((at) => records.acts(at) & HAVING && !parties.has(records.signer(at)));
    this.claims = claims.filter((at) => records.dismissal(at) === undefined);
    this.dismissed = claims.filter((at) => records.dismissal(at) !== undefined);
  }

  #ofOne(records, live, accepted) {
    const walk = new Walk(records, this.origin, this.contest);
    const isWhole = walk.run(records.byTime, (at) => accepted.has(at), (here, at) => {
      if (turnOf(records, here.chain, at)) this.passed.set(at, here);
    });
    // What was accepted fits: that is how it was accepted.
    const { here, journey } = isWhole ? walk : new Walk(records, this.origin);
    Object.assign(this, journey, { end: here });
    for (const [at, then] of this.passed) {
      const container = turnOf(records, then.chain, at).via;
      if (container) this.via.set(at, container);
    }
    this.takenBack = new Set(counting(records).filter((at) => !live.has(at)));
    this.overtaken = overtakenOf(records, journey);
    for (const at of records.byTime) if (this.passed.has(at)) this.#sort(records, live, at);
  }

  /** Says of an entry that was passed by what it is. */
  #sort(records, live, at) {
    const here = this.passed.get(at);
    const byThief = records.compromisedSince(at) !== undefined && isStranger(records, here.passage, at);
    if (!live.has(at)) {
      if (byThief && takesBackItsOwn(records, at)) this.disregarded.add(at);
    } else if (
      this.#isNaming(at) || fit(records, here, this.origin, at) === ASIDE || this.#isCarried(records, at) || records.isByAuthority(at)
    ) {
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

  /** True where an entry names which of the candidates received it. */
  #isNaming(at) {
    return this.contests.some(({ naming }) => naming === at);
  }

  /** True where a carrier recorded carrying it while it was on its way, by clocks that may be apart. */
  #isCarried(records, at) {
    if (!isCarriers(records, at)) return false;
    return this.onTheWay.some(([from, to]) => {
      const began = !records.isBefore(at, from) || records.areWithinTolerance(from, at);
      return began && !(to !== undefined && records.isBefore(to, at) && !records.areWithinTolerance(to, at));
    });
  }

  /** True where an entry that names a business transaction is by who had the product then. */
  isByCustodian(records, at) {
    const here = this.passed.get(at);
    return this.byCustodian.has(at) || (here !== undefined && custodianOf(here.passage) === records.signer(at));
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

/** Those of the entries after which another signer carries the account on from an earlier leaf. */
function overtakenOf(records, { order, fitting }) {
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
