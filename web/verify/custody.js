// Custody: what the account of a product leaves open, and what stands against it.

import { HAVING, TAKES } from "./acts.js";
import { against } from "./against.js";
import { endWord, idText, placed } from "./case.js";
import { declares } from "./epcis.js";
import { destinations } from "./passage.js";
import { actOf } from "./reading.js";
import { checkUpheld } from "./rules/upheld.js";
import { day } from "./days.js";
import { quoted } from "./sentences.js";
import { checkUnopened, noteUnopened } from "./unopened.js";
import { Walk, containerOf } from "./walk.js";

/** Reports what the account leaves open and what is against it, and says whether every hand-over is known. */
export function checkCustody(one, findings) {
  const { account } = one;
  const hasCycle = checkNotices(one, findings);
  checkTakenBack(one, findings);
  const contradictions = account.contradictions.filter((at) => !one.bringsForth(at));
  for (const at of contradictions) contradicts(one, at, findings);
  const moreIsClaimed = checkUnopened(one, findings);
  const upheld = checkUpheld(one, findings);
  const claims = account.claims.filter((at) => !upheld.has(at));
  if (claims.length > 0) checkClaims(one, claims, moreIsClaimed, findings);
  checkDismissed(one, findings);
  checkContainers(one, findings);
  unnamedCarriers(one, findings);
  for (const [at, { from }] of account.unannounced) {
    findings.add("unannounced", [one.leaf(at)], { ...one.signed(at), from: one.name(from) });
  }
  checkLate(one, findings);
  checkLeft(one, findings);
  if (account.isCut) findings.add("limit-reached", [], { what: { key: "limit.account" } });
  return !hasCycle && contradictions.length === 0 && account.claims.length === 0 && !moreIsClaimed;
}

function checkNotices(one, findings) {
  const rules = { elsewhere: "packed-elsewhere", "not-inside": "unpacked-without-packing", cycle: "container-cycle" };
  for (const [at, { is, id }] of one.account.notices) {
    const params = { ...one.signed(at), container: idText(id) };
    findings.add(rules[is], [one.leaf(at)], params);
  }
  return one.account.notices.some(([, { is }]) => is === "cycle");
}

/** Notes what was taken back and had not been recorded, and what after others had built on it. */
function checkTakenBack(one, findings) {
  const { outcomes, tooLate } = one.account;
  const note = (rule, at) => findings.add(rule, [one.leaf(at)], one.signed(at));
  for (const at of one.told) {
    const liesAside = ["accepted", "aside"].includes(outcomes.get(at));
    if (liesAside && actOf(one, at) === "voids" && !tooLate.includes(at)) note("void-without-shipping", at);
  }
  for (const at of tooLate) note("withdrawn-too-late", at);
}

/** Reports a record by one whom the account binds. */
function contradicts(one, at, findings) {
  const here = one.account.passed.get(at);
  if (!here) return;
  const { passage } = here;
  if (passage.is === "ended") {
    const { end, by } = passage;
    const params = { ...one.signed(at), end: endWord(end), ended: one.day(by), by: one.who(by) };
    findings.add("event-after-terminal", one.leaves([by, at]), params);
    return;
  }
  const rule = passage.is === "moving" && actOf(one, at) === "ships" ? "shipped-twice" : "contradicts-itself";
  findings.add(rule, leavesWith(one, at, here), { ...one.signed(at), holder: one.holder(here) });
}

const leavesWith = (one, at, { last }) => one.leaves(last === undefined ? [at] : [at, last]);

/** Reports the claims: as a gap if a hand-over that is missing explains them all, else as what they are. */
function checkClaims(one, claims, moreIsClaimed, findings) {
  const { passed, contest, contests } = one.account;
  const carries = (at) => one.isCarrier(one.signer(at));
  const onlyCarriers = claims.every(carries);
  const isAsked = (at) => onlyCarriers || !carries(at);
  const first = claims.find(isAsked);
  const here = passed.get(first);
  const isOne = contests.length === 0 && !moreIsClaimed;
  if (here && isOne && explains(one, claims.filter(isAsked), here)) return gap(one, first, here, findings);
  const all = [...bySigner(one, claims).values()].sort(([a], [b]) => a - b);
  const signers = contest ? contest.others.map((at) => one.signer(at)) : [];
  const isCandidate = ([at]) => signers.includes(one.signer(at));
  if (contest) contested(one, contest, all.filter(isCandidate), findings);
  for (const ofSigner of all.filter((claimed) => !isCandidate(claimed))) claimed(one, ofSigner, findings);
}

/** Reports the candidates, none of whom is believed before the others. */
function contested(one, { from, first, others }, claims, findings) {
  const told = [first, ...others].map((at) => ({ key: "claimed.candidate", params: placed(one, at) }));
  const says = { key: "claimed.candidates", params: { told: { key: "and-list", params: { items: told } }, from: one.name(from) } };
  findings.add("claimed", one.leaves([first, ...claims.flat()]), { own: "", says, warning: "" });
}

function bySigner(one, ats) {
  const groups = new Map();
  for (const at of ats) {
    if (!groups.has(one.signer(at))) groups.set(one.signer(at), []);
    groups.get(one.signer(at)).push(at);
  }
  return groups;
}

/**
 * True where one missing record, of how the product came to the signer of the first claim, explains all the claims: from there they
 * make one account with all that was accepted later. Or the claim says itself from whom it came.
 */
function explains(one, claims, here) {
  const [first] = claims;
  const { outcomes } = one.account;
  // What one says of itself explains nothing of what others say.
  const isAlone = claims.every((at) => one.signer(at) === one.signer(first));
  if (isAlone && namesWhoHasIt(one, first, here.passage)) return true;
  const asked = new Set(claims);
  const wasInside = containerOf(here) !== undefined;
  const [all, mayBeLeftOut] = [new Set(), new Set()];
  for (const at of one.byTime.filter((entry) => !one.isBefore(entry, first))) {
    const isAccepted = outcomes.get(at) === "accepted";
    // It may have gone on in something else, and what it was in by the account without it.
    const mayBeElsewhere = !one.namesIt(at) && one.counts(at) && (!isAccepted || wasInside);
    if (asked.has(at) || isAccepted || mayBeElsewhere) all.add(at);
    if (mayBeElsewhere || (isAccepted && one.areWithinTolerance(first, at))) mayBeLeftOut.add(at);
  }
  return new Walk(one, undefined, undefined, mayBeLeftOut).run(one.byTime, (at) => all.has(at));
}

/** True where a record of taking names as its source one who has the product, or who let it go. */
function namesWhoHasIt(one, at, { is, by, from }) {
  const who = is === "held" ? by : is === "moving" ? from : undefined;
  return (one.acts(at) & TAKES) !== 0 && one.event(at).sources.some((id) => one.owns(who, id));
}

function gap(one, at, here, findings) {
  const container = containerOf(here);
  const isReturned = here.passage.is === "ended" && declares(one.event(at), "returned");
  const rule = isReturned ? "returned-elsewhere" : container ? "inside-container" : "custody-gap";
  const params = { ...one.signed(at), container: container && idText(container), holder: one.holder(here) };
  const { type, action } = one.event(at);
  const isUnpacked = type === "AggregationEvent" && action === "DELETE";
  const told = rule === "inside-container" ? { told: { key: `inside-container.${isUnpacked ? "late" : "seen"}`, params } } : params;
  findings.add(rule, leavesWith(one, at, here), told);
}

/** Reports what one participant says against the account. */
function claimed(one, claims, findings) {
  const [first] = claims;
  const isParty = one.order.some((at) => one.signer(at) === one.signer(first));
  const says = { key: isParty ? "claimed.by-party" : "claimed.by-stranger", params: placed(one, first) };
  findings.add("claimed", one.leaves(claims), against(one, one.signer(first), says));
}

/** Notes which claims the members have dismissed, and why. */
function checkDismissed(one, findings) {
  for (const [, claims] of [...bySigner(one, one.account.dismissed)].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const { at, reason } = one.dismissal(claims[0]);
    const says = { key: "dismissed.on", params: one.signed(claims[0]) };
    const params = { says, decided: day(at.time), reason: quoted(reason) };
    findings.add("dismissed", one.leaves(claims), params);
  }
}

/** Notes who says to have had some of a lot without being named by anybody that had. */
export function noteClaims(one, findings) {
  checkDismissed(one, findings);
  noteUnopened(one, findings);
  for (const [at] of bySigner(one, one.account.claims).values()) {
    findings.add("lot-claimed", [one.leaf(at)], { says: { key: "lot-claimed.on", params: one.signed(at) } });
  }
}

/** Notes what others say of what the product was in. */
function checkContainers(one, findings) {
  for (const at of one.account.aboutContainer) {
    const container = one.via(at);
    if (!container || !(one.actsOnAny(at) & HAVING)) continue;
    const params = { who: one.who(at), container: idText(container), day: one.ownDay(at) };
    findings.add("container-disputed", [one.leaf(at)], params);
  }
}

/** Notes who carried it without being named. */
function unnamedCarriers(one, findings) {
  const { aside, fitting } = one.account;
  const letsGo = one.order.filter((at) => actOf(one, at) === "ships");
  const named = new Set(letsGo.flatMap((at) => destinations(one, at)).map((id) => one.owner(id)));
  const isUnnamed = (at) => one.isCarrier(one.signer(at)) && !named.has(one.signer(at));
  const liesAside = (at) => !fitting.has(at) && isUnnamed(at) && one.actsOnAny(at) & HAVING;
  const told = bySigner(one, [...aside, ...one.order].filter(liesAside));
  for (const [, carried] of [...told].sort(([a], [b]) => (a < b ? -1 : 1))) {
    findings.add("unnamed-carrier", one.leaves(carried), one.signed(carried[0]));
  }
}

/** Notes what was recorded after the next had gone on. */
function checkLate(one, findings) {
  // Of each signer, the earliest leaf of what comes later.
  const later = new Map();
  for (const at of [...one.order].reverse()) {
    const leaf = one.leaf(at);
    const isOvertaken = [...later].some(([signer, earliest]) => signer !== one.signer(at) && earliest < leaf);
    if (isOvertaken) findings.add("late", [leaf], one.signed(at));
    later.set(one.signer(at), Math.min(later.get(one.signer(at)) ?? leaf, leaf));
  }
}

function checkLeft(one, findings) {
  const { is, from, to, since } = one.account.end.passage;
  if (is !== "moving" || to.length === 0 || to.some((id) => one.owner(id) !== undefined)) return;
  findings.add("left-consortium", [one.leaf(since)], { who: one.name(from), day: one.day(since) });
}
