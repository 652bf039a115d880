// `judge`: every rule over a history, weighed into one verdict (docs/VERDICT.md). Pure: no clock, no network.

import { Case, endWord, idText } from "./case.js";
import { checkCustody, noteClaims } from "./custody.js";
import { minute, timeText } from "./days.js";
import { Findings, heaviest, reasonOf, weight } from "./finding.js";
import { locationOf } from "./reading.js";
import { custodianOf } from "./passage.js";
import { checkCorrections } from "./rules/corrected.js";
import { checkEnding } from "./rules/ending.js";
import { checkLabel, expiryOf } from "./rules/label.js";
import { checkLotOrigin, checkOrigin } from "./rules/origin.js";
import { checkRecalls } from "./rules/recall.js";
import { checkSigners } from "./rules/signers.js";
import { checkStolen } from "./rules/stolen.js";
import { checkTravel } from "./rules/travel.js";
import { partyOf, timelineOf } from "./timeline.js";
import { containerOf } from "./walk.js";

/** The choices behind a verdict. */
export const DEFAULT_POLICY = {
  maxAgeMs: 60 * 60 * 1000,
  originSteps: ["urn:gdst:bizStep:fishingEvent", "urn:gdst:bizStep:hatching", "urn:gdst:bizStep:farmHarvest"],
  maxSpeedKmh: 1200,
  clockToleranceMs: 60 * 60 * 1000,
};

/**
 * Judges a history, `{id, label, asOf, treeSize, records, limitReached, registry}`:
 * `{id, label, verdict, light, summarySentence, reasons, state, timeline, asOf, treeSize}`. `tell` says it in a language.
 */
export function judge(history, policy = DEFAULT_POLICY) {
  const one = new Case(history, { ...DEFAULT_POLICY, ...policy, ...decided(history.registry) });
  const isKnown = history.records.length > 0 && (one.own.length > 0 || !one.hasCustodian);
  const findings = new Findings();
  let [state, whereabouts] = [{ ...NO_STATE }, undefined];
  if (isKnown) {
    if (history.limitReached) findings.add("limit-reached", [], { what: { key: "limit.followed" } });
    if (["one", "load", "paper"].includes(one.subject)) [state, whereabouts] = judgeOne(one, findings);
    else state = judgeMany(one, findings);
  } else {
    notSerialised(one, findings);
  }
  const reasons = findings.sorted();
  state.end = reasons.map(({ rule }) => ENDED[rule]).find(Boolean) ?? null;
  if (reasons.some(({ rule }) => rule === "used-up")) state.custodian = null;
  const best = one.subject === "one" || one.subject === "paper" ? "authentic" : "traced";
  const { id, ...verdict } = weighed(history.id.text, isKnown ? weigh(reasons, best) : "unknown", reasons, genuine(one, whereabouts));
  const label = history.label?.size ? { label: Object.fromEntries(history.label) } : {};
  const timeline = isKnown ? timelineOf(one) : [];
  return { id, ...label, ...verdict, state, timeline, asOf: timeText(history.asOf), treeSize: history.treeSize };
}

const NO_STATE = { custodian: null, location: null, disposition: null, end: null, expiry: null, inTransit: false };

/** The words of `state.end` for the rules that find an end. */
const ENDED = {
  sold: "sold", dispensed: "dispensed", decommissioned: "decommissioned", destroyed: "destroyed", "used-up": "consumed", expired: "expired", unpacked: "unpacked",
};

/** The word that reasons amount to; `best` if nothing is against it. */
function weigh(reasons, best) {
  const words = { recall: "recalled", fails: "suspect", ended: "ended", disputes: "disputed", gap: "incomplete", past: "ended" };
  return words[heaviest(reasons)] ?? best;
}

const LIGHTS = { recalled: "red", suspect: "red", traced: "grey", authentic: "green" };

/** The ends of which the summary says first what they mean for the one who holds the product. */
const ADVISED_ENDS = ["destroyed", "decommissioned", "expired", "used-up", "unpacked"];

/** A verdict as far as its word and its reasons make it; `sentence` is its summary if nothing is against it. */
function weighed(id, word, reasons, sentence) {
  const [first] = reasons;
  const isNoMore = word === "ended" && reasons.some(({ severity }) => severity === "ended");
  const isSound = word === "authentic" || word === "traced";
  const told = first && { key: first.rule, params: first.params };
  const isAdvised = word === "ended" && ADVISED_ENDS.includes(first.rule);
  const isItself = !isAdvised && (word === "ended" || word === "disputed");
  const advice = { key: `summary.${isAdvised ? first.rule : word}`, params: { first: told } };
  const summarySentence = (isSound && sentence) || (isItself && told) || advice;
  const light = isNoMore ? "red" : (LIGHTS[word] ?? "amber");
  return { id, verdict: word, light, summarySentence, reasons };
}

/** The verdict with a reason more, which whoever has a clock adds. */
export function withReason(verdict, reason) {
  const after = verdict.reasons.findIndex((one) => weight(one) > weight(reason));
  const at = after < 0 ? verdict.reasons.length : after;
  const reasons = [...verdict.reasons.slice(0, at), reason, ...verdict.reasons.slice(at)];
  const word = verdict.verdict === "unknown" ? "unknown" : weigh(reasons, verdict.verdict);
  return word === verdict.verdict ? { ...verdict, reasons } : { ...verdict, ...weighed(verdict.id, word, reasons) };
}

/** What the members have set by vote: their word binds all who ask. */
function decided(registry) {
  const [speed, minutes] = [registry.policy("maxSpeedKmh"), registry.policy("clockToleranceMinutes")];
  return {
    ...(speed === undefined ? {} : { maxSpeedKmh: speed }),
    ...(minutes === undefined ? {} : { clockToleranceMs: minutes * 60 * 1000 }),
  };
}

/** The reason for an answer whose last seal is further from `now` than the policy allows, in either direction. */
export function stale(asOf, now, policy = DEFAULT_POLICY) {
  if (Math.abs(now - asOf) <= (policy.maxAgeMs ?? DEFAULT_POLICY.maxAgeMs)) return undefined;
  return reasonOf("answer-too-old", [], { then: minute(asOf), now: minute(now) });
}

/** One thing: every rule. Gives its state, and where it is as a clause. */
function judgeOne(one, findings) {
  checkCorrections(one, findings);
  checkSigners(one, findings);
  checkOrigin(one, findings);
  checkRecalls(one, findings);
  const isWhole = one.subject === "paper" || checkCustody(one, findings);
  checkEnding(one, findings);
  checkStolen(one, findings);
  checkTravel(one, findings);
  const state = stateOf(one);
  checkLabel(one, findings);
  const whereabouts = whereaboutsOf(one);
  if (isWhole && one.hasCustodian && one.account.origin !== undefined) {
    findings.add("custody-unbroken", one.leaves(one.order), { whereabouts });
  }
  if (one.subject === "load") findings.add("load", []);
  else if (["note", "holds", undefined].includes(heaviest(findings.reasons))) findings.add("code-can-be-copied", []);
  return [state, whereabouts];
}

/** A class, a lot or a place: what is known of it, and never that it is authentic. */
function judgeMany(one, findings) {
  checkCorrections(one, findings);
  if (one.subject !== "place") {
    checkLotOrigin(one, findings);
    noteClaims(one, findings);
  }
  checkRecalls(one, findings);
  checkLabel(one, findings);
  notSerialised(one, findings);
  return { ...NO_STATE, expiry: expiryOf(one) ?? null };
}

function notSerialised({ subject }, findings) {
  if (subject === "place") findings.add("not-serialised", []);
  if (subject === "lot" || subject === "kind") findings.add("shared-number", [], { what: { key: `what.${subject}` } });
}

function stateOf(one) {
  const { passage, last } = one.account.end;
  const custodian = custodianOf(passage);
  const container = containerOf(one.account.end);
  // What lies aside, as a carrier's record does, says nothing of how the product is.
  const told = one.hasCustodian ? one.fitting : one.order;
  const disposition = told.map((at) => one.event(at).disposition).findLast((word) => word !== undefined);
  const location = last === undefined ? undefined : locationOf(one.event(last));
  return {
    custodian: custodian === undefined ? null : partyOf(one, custodian),
    location: location?.text ?? null,
    disposition: disposition ?? null,
    end: null,
    expiry: expiryOf(one) ?? null,
    inTransit: passage.is === "moving",
    ...(container && { container: container.text }),
  };
}

/** Where the product is, as a clause. */
function whereaboutsOf(one) {
  const { passage } = one.account.end;
  const container = containerOf(one.account.end);
  const inside = container && { key: "inside", params: { container: idText(container) } };
  if (passage.is === "ended") return { key: "where.ended", params: { end: endWord(passage.end), day: one.day(passage.by) } };
  if (passage.is === "held") return { key: "where.held", params: { who: one.name(passage.by), inside } };
  if (passage.is === "unknown") return { key: "where.unknown", params: {} };
  const announced = one.announced(passage);
  const to = announced && { key: "where.moving-to", params: { to: announced } };
  return { key: "where.moving", params: { who: one.name(passage.from), to, inside } };
}

/** The summary if nothing is against it. */
function genuine(one, whereabouts) {
  const { subject, account: { origin } } = one;
  const key = { one: "summary.genuine", paper: "summary.genuine-paper", load: "summary.traced-load" }[subject] ?? "summary.traced-from";
  return origin === undefined ? undefined : { key, params: { ...one.signed(origin), whereabouts } };
}
