// Custody: the walk from hand to hand through a product's journey, and what does not fit together.
//
// A passage is one account of who has the product: `{is: "unknown"}`, `{is: "held", by}`,
// `{is: "moving", from, to, since, carrier, released, away}` or `{is: "ended", since, end}`.

import { byBytes } from "./bytes.js";
import { Containment, ENDS, actOf, endOf, idText, mayBeReturned, returns, takesBack } from "./case.js";
import { byText } from "./gs1.js";

const ACCOUNTS_MAX = 8;
const DESTINATIONS_MAX = 16;

/** Fits an entry into an account: `[fit, next]`, the account after it. */
function followPassage(one, passage, at, act) {
  const end = endOf(one, at);
  const [fit, next] = step(one, passage, at, act, end !== undefined);
  if (end === undefined) return [fit, next];
  if (next.is === "ended") return [fit, { ...next, end: Math.max(end, next.end) }];
  return [fit, { is: "ended", since: at, end }];
}

function step(one, passage, at, act, ends) {
  if (passage.is === "ended") return fromEnded(one, passage, at);
  // From afar only the holder of the prefix ends it: anybody else must have it for that.
  if ((act === "afar" || act === "voids") && (!ends || one.byPrefixHolder(at))) return ["aside", passage];
  if (passage.is === "unknown") return ["fits", takenUp(one, at, act)];
  return passage.is === "held" ? fromHeld(one, passage.by, at, act, ends) : fromMoving(one, passage, at, act, ends);
}

function fromEnded(one, ending, at) {
  const seller = one.signer(ending.since);
  if (!mayBeReturned(ending.end) || !returns(one, at, seller)) return ["aside", ending];
  return [takesBack(one, at, seller) ? "fits" : "returned-elsewhere", held(one.signer(at))];
}

const held = (by) => ({ is: "held", by });

/** The account in which an entry's signer has the product, or has just sent it off. */
function takenUp(one, at, act) {
  if (act !== "ships") return held(one.signer(at));
  const to = destinations(one, at);
  return { is: "moving", from: one.signer(at), to, since: at, carrier: undefined, released: true, away: true };
}

function fromHeld(one, by, at, act, ends) {
  const signer = one.signer(at);
  const atHome = isAt(one, [by], at);
  if (signer === by) return ["fits", takenUp(one, at, act)];
  if (act === "handles" && !ends && atHome) return ["aside", held(by)];
  if (one.isCarrier(signer) && !ends) {
    const to = act === "ships" ? destinations(one, at) : [];
    const away = act === "ships" || !atHome;
    return ["fits", { is: "moving", from: by, to, since: at, carrier: signer, released: false, away }];
  }
  return act === "ships" ? ["shipped-by-non-custodian", held(by)] : ["gap", held(signer)];
}

function fromMoving(one, transfer, at, act, ends) {
  const signer = one.signer(at);
  if (signer === transfer.from) return bySender(one, transfer, at, act);
  const announced = transfer.to.some((id) => one.owns(signer, id));
  const forOthers = transfer.to.some((id) => !one.owns(signer, id) && one.owner(id) !== undefined);
  if (one.isCarrier(signer) && !ends && (!announced || forOthers)) return ["fits", carriedOn(one, transfer, at, act)];
  if (announced) return [transfer.released ? "fits" : "gap", takenUp(one, at, act)];
  return byStranger(one, transfer, at, act, ends);
}

function bySender(one, transfer, at, act) {
  if (act === "ships") {
    const to = destinations(one, at);
    const fit = transfer.released && diverge(one, transfer.to, to) ? "shipped-twice" : "fits";
    return [fit, { ...transfer, to: to.length > 0 ? to : transfer.to, released: true }];
  }
  if (!transfer.released && transfer.away) return ["two-custodians", held(transfer.from)];
  // What was sent off and could not be delivered is taken back by its sender.
  return act === "receives" ? ["fits", held(transfer.from)] : ["aside", transfer];
}

function carriedOn(one, transfer, at, act) {
  const away = transfer.away || act === "ships" || !isAt(one, [transfer.from], at);
  // The sender's word about the destination stands; a carrier's fills in for one that is missing.
  const to = act === "ships" && transfer.to.length === 0 ? destinations(one, at) : transfer.to;
  return { ...transfer, carrier: one.signer(at), away, to };
}

function byStranger(one, transfer, at, act, ends) {
  const expected = transfer.to.map((id) => one.owner(id)).filter((owner) => owner !== undefined);
  const hosts = [...expected, transfer.from, ...(transfer.carrier === undefined ? [] : [transfer.carrier])];
  if (act === "handles" && !ends && isAt(one, hosts, at)) return ["aside", transfer];
  if (act === "receives" && transfer.to.length === 0 && transfer.released) return ["fits", held(one.signer(at))];
  if (act === "receives" && expected.length > 0) return ["received-by-another", held(one.signer(at))];
  if (act === "ships" && expected.length > 0) return ["shipped-by-non-custodian", transfer];
  return ["gap", takenUp(one, at, act)];
}

/** The destinations that an event names, each once, in the order of their text. */
export function destinations(one, at) {
  const ids = new Map(one.event(at).destinations.slice(0, DESTINATIONS_MAX).map((id) => [id.text, id]));
  return [...ids.values()].sort(byText);
}

/** True where two announcements name different participants and nobody in common. */
function diverge(one, here, there) {
  const owners = (ids) => ids.map((id) => one.owner(id)).filter((owner) => owner !== undefined && !one.isCarrier(owner));
  const [a, b] = [owners(here), owners(there)];
  return a.length > 0 && b.length > 0 && !a.some((owner) => b.includes(owner));
}

/** True where an event took place at one of the hosts' own places, or says no place at all. */
function isAt(one, hosts, at) {
  const { readPoint, bizLocation } = one.event(at);
  const place = readPoint ?? bizLocation;
  return place === undefined || hosts.some((host) => one.owns(host, place));
}

function same(a, b) {
  if (a === b) return true;
  const fields = ["is", "by", "from", "since", "carrier", "released", "away", "end"];
  const texts = ({ to = [] }) => to.map(({ text }) => text);
  return fields.every((name) => a[name] === b[name]) && texts(a).join(" ") === texts(b).join(" ");
}

/** Which records are the product's journey, by one silent walk: what a record packs counts only from who has it. */
export function journeyOf(one) {
  const walk = new Walk(one, { add() {} });
  const [order, via, disregarded] = [[], new Map(), new Set()];
  for (let turn; (turn = walk.inside.next()); ) {
    const { at } = turn;
    if (turn.via) via.set(at, turn.via);
    if (isSuspect(one, at) && walk.isStranger(at)) {
      disregarded.add(at);
    } else if (one.entries[at].standing.is === "counts") {
      order.push(at);
      walk.entry(turn);
    }
  }
  return { order, via, disregarded };
}

/** True where a thief may have said this; to take back what the key's owner had said before is another matter. */
function isSuspect(one, at) {
  const { is, of } = one.entries[at].standing;
  const saidBefore = is === "withdraws" && one.compromisedSince(of) === undefined;
  if (is !== "counts" && is !== "withdraws") return false;
  return one.compromisedSince(at) !== undefined && !saidBefore;
}

/** Follows the product from hand to hand: `{passage, last, unbroken, fitting, container}`. */
export function walkCustody(one, findings) {
  const walk = new Walk(one, findings);
  for (let turn; (turn = walk.inside.next()); ) if (one.counts(turn.at)) walk.entry(turn);
  walk.end();
  const { passage, last, unbroken, fitting, inside } = walk;
  return { passage, last, unbroken, fitting, container: inside.container };
}

class Walk {
  fitting = new Set();
  passage = { is: "unknown" };
  /** Accounts that a later event broke, and may still go on: `{passage, last, brokenBy}`. */
  others = [];
  last = undefined;
  unbroken = true;

  constructor(one, findings) {
    Object.assign(this, { one, findings, voided: voidedShippings(one), inside: new Containment(one) });
  }

  /** True where an entry's signer neither has the product by any account, nor is to have it, nor made it. */
  isStranger(at) {
    const { one } = this;
    const signer = one.signer(at);
    const concerns = ({ is, by, since, from, carrier, to }) =>
      (is === "held" && by === signer) ||
      (is === "ended" && one.signer(since) === signer) ||
      (is === "moving" && (from === signer || carrier === signer || to.some((id) => one.owns(signer, id))));
    const accounts = [...this.others.map(({ passage }) => passage), this.passage];
    return one.origin !== at && !one.byPrefixHolder(at) && !accounts.some(concerns);
  }

  entry(turn) {
    const { one } = this;
    const { at } = turn;
    if (one.isOrigin(at)) {
      // A second origin is another rule's finding; custody follows the one that counts.
      if (one.origin === at) this.carryOn(turn, held(one.signer(at)));
      return;
    }
    const act = this.voided.has(at) ? "afar" : actOf(one, at);
    if (act === "voids") {
      this.findings.add("void-without-shipping", "note", [one.leaf(at)], { who: one.who(at), day: one.day(at) });
      return;
    }
    const [fit, next] = followPassage(one, this.passage, at, act);
    if (fit === "fits") this.carryOn(turn, next);
    else if (fit === "aside") this.passage = next;
    else if (!this.rivalGoesOn(turn, act)) this.misfit(turn, act, fit, next);
  }

  carryOn(turn, next) {
    this.fitting.add(turn.at);
    this.takeUp(turn, next);
  }

  /** Goes on from an entry with the account after it: only such an entry can have packed or unpacked the product. */
  takeUp(turn, next) {
    this.passage = next;
    this.last = turn.at;
    // Of a lot or a class only some may be in a container.
    const notice = this.one.subject === "one" ? this.inside.takeUp(turn) : undefined;
    if (!notice) return;
    const { one } = this;
    const params = { who: one.who(turn.at), day: one.day(turn.at), container: idText(notice.id) };
    const leaves = [one.leaf(turn.at)];
    if (notice.is === "elsewhere") this.findings.add("packed-elsewhere", "note", leaves, params);
    else if (notice.is === "not-inside") this.findings.add("unpacked-without-packing", "note", leaves, params);
    else this.breakWith("container-cycle", "gap", leaves, params);
  }

  /** Takes an event that misfits the present account as the continuation of a broken one, if it is that. */
  rivalGoesOn(turn, act) {
    const { one } = this;
    const { at } = turn;
    for (let index = this.others.length - 1; index >= 0; index--) {
      const broken = this.others[index];
      const [fit, next] = followPassage(one, broken.passage, at, act);
      if (fit !== "fits") continue;
      // The last account takes the place of the one that goes on.
      const lastAccount = this.others.pop();
      if (index < this.others.length) this.others[index] = lastAccount;
      this.twoCustodians(broken.brokenBy, broken.last, at);
      this.remember({ passage: this.passage, last: this.last, brokenBy: at });
      this.carryOn(turn, next);
      return true;
    }
    return false;
  }

  twoCustodians(claim, before, after) {
    const { one } = this;
    const leaves = [claim, after, ...(before === undefined ? [] : [before])].map((at) => one.leaf(at));
    const params = { who: one.who(claim), day: one.day(claim), other: one.who(after), again: one.day(after) };
    this.breakWith("two-custodians", "fails", leaves, params);
  }

  misfit(turn, act, fit, next) {
    const { one } = this;
    const { at } = turn;
    const container = this.inside.apart(turn);
    if (container && fit !== "returned-elsewhere") {
      // That it was taken out, and came here, may only not be on record: nothing contradicts it.
      const params = { who: one.who(at), day: one.day(at), container: idText(container), holder: this.holder() };
      this.breakWith("inside-container", "gap", this.leavesWith(at), params);
      if (next.is !== "ended") next = takenUp(one, at, act);
    } else {
      this.report(at, fit);
    }
    if (same(next, this.passage)) return;
    this.remember({ passage: this.passage, last: this.last, brokenBy: at });
    this.takeUp(turn, next);
  }

  remember(account) {
    if (this.others.length >= ACCOUNTS_MAX) this.others.shift();
    this.others.push(account);
  }

  report(at, fit) {
    const { one } = this;
    const params = { who: one.who(at), day: one.day(at), holder: this.holder() };
    if (fit === "gap") return this.breakWith("custody-gap", "gap", this.leavesWith(at), params);
    const severity = fit === "returned-elsewhere" ? "gap" : "fails";
    const variant = fit === "two-custodians" ? "taken-away" : undefined;
    return this.breakWith(fit, severity, this.leavesWith(at), params, variant);
  }

  end() {
    const { one, passage } = this;
    if (passage.is !== "moving") return;
    const { since, from, to, carrier, released } = passage;
    const leaves = [one.leaf(since)];
    if (!released) {
      const who = carrier === undefined ? one.who(since) : one.name(carrier);
      this.breakWith("custody-gap", "gap", leaves, { who, day: one.day(since), from: one.name(from) }, "taken-away");
    } else if (to.length > 0 && to.every((id) => one.owner(id) === undefined)) {
      this.findings.add("left-consortium", "note", leaves, { who: one.name(from), day: one.day(since) });
    }
  }

  breakWith(rule, severity, leaves, params, variant) {
    this.unbroken = false;
    this.findings.add(rule, severity, leaves, params, variant);
  }

  leavesWith(at) {
    return [at, ...(this.last === undefined ? [] : [this.last])].map((one) => this.one.leaf(one));
  }

  /** Who has the product as far as is known, as a clause. */
  holder() {
    const { one, passage, last } = this;
    const clause = (key, params) => ({ key: `holder.${key}`, params });
    switch (passage.is) {
      case "held": {
        const who = one.name(passage.by);
        return last === undefined ? clause("held", { who }) : clause("held-since", { who, day: one.day(last) });
      }
      case "moving": {
        const since = one.day(passage.since);
        if (!passage.released) {
          const who = passage.carrier === undefined ? { key: "a-carrier" } : one.name(passage.carrier);
          return clause("taken-away", { who, day: since });
        }
        const to = announced(one, passage);
        return clause(to ? "sent-to" : "sent", { who: one.name(passage.from), to, day: since });
      }
      case "ended":
        return clause("ended", { who: one.who(passage.since), end: { key: ENDS[passage.end] }, day: one.day(passage.since) });
      default:
        return clause("nobody", {});
    }
  }
}

/** The announced destinations by name, those outside the consortium as one. */
export function announced(one, { to }) {
  if (to.length === 0) return undefined;
  const owners = [...new Set(to.map((id) => one.owner(id)).filter((owner) => owner !== undefined))].sort(byBytes);
  return owners.length === 0 ? { key: "outsider" } : { key: "and-list", params: { items: owners.map((id) => one.name(id)) } };
}

/**
 * The shippings that were never made, and the events that say so: each takes back the latest one before it by the same
 * signer, of the product or of the container that both name. A key in other hands takes back nothing.
 */
function voidedShippings(one) {
  const voided = new Set();
  for (const mentions of one.mentions.values()) {
    const open = new Map();
    for (const { at } of mentions) {
      if (one.entries[at].standing.is !== "counts" || one.compromisedSince(at) !== undefined) continue;
      const act = actOf(one, at);
      const signer = one.signer(at);
      if (!open.has(signer)) open.set(signer, []);
      const shipping = act === "voids" ? open.get(signer).pop() : undefined;
      if (act === "ships") open.get(signer).push(at);
      if (shipping !== undefined) voided.add(shipping).add(at);
    }
  }
  return voided;
}
