// `judge`: every rule over a history, weighed into one verdict (docs/VERDICT.md). Pure: no clock, no network.

import { byUnits, timeText } from "./bytes.js";
import { Case, ENDS, actOf, endOf, idText, locationOf, mayBeReturned, permits, returns, reusedIds } from "./case.js";
import { announced, destinations, journeyOf, walkCustody } from "./custody.js";
import { declares } from "./epcis.js";
import { inputsOf } from "./follow.js";
import { byText, classOf } from "./gs1.js";
import { doubleOf, isMap, isNumber, isText } from "./json.js";
import { checkLabel, expiryOf, lotOfLabel } from "./label.js";
import { lotsIn, masterData } from "./master_data.js";
import { breach } from "./registry.js";
import { day, minute, say, shown } from "./sentences.js";

const REASONS_PER_RULE_MAX = 10;
const LOTS_MAX = 8;
export const SEVERITIES = ["recall", "fails", "gap", "note", "holds"];

/** The choices behind a verdict. */
export const DEFAULT_POLICY = {
  maxAgeMs: 60 * 60 * 1000,
  originSteps: ["urn:gdst:bizStep:fishingEvent", "urn:gdst:bizStep:hatching", "urn:gdst:bizStep:farmHarvest"],
  maxSpeedKmh: 1200,
};

/** Findings as they come, with no more of one rule than anybody reads. */
class Findings {
  reasons = [];
  #ofRule = new Map();

  add(rule, severity, leaves, params = {}, variant = undefined) {
    const earlier = this.#ofRule.get(rule) ?? [];
    if (earlier.length >= REASONS_PER_RULE_MAX) {
      // The rest add no sentence; their leaves still say where to look.
      for (const leaf of leaves) earlier.at(-1).leaves.push(leaf);
      return;
    }
    const reason = reasonOf(rule, severity, [...leaves], params, variant);
    this.#ofRule.set(rule, [...earlier, reason]);
    this.reasons.push(reason);
  }

  has(...severities) {
    return this.reasons.some(({ severity }) => severities.includes(severity));
  }

  /** The weightiest first, then in ledger order. */
  sorted() {
    for (const reason of this.reasons) reason.leaves = [...new Set(reason.leaves)].sort((a, b) => a - b);
    const order = (a, b) => weight(a) - weight(b) || byLeaves(a.leaves, b.leaves) || byUnits(a.rule, b.rule);
    return this.reasons.sort(order);
  }
}

const weight = ({ severity }) => SEVERITIES.indexOf(severity);

function byLeaves(a, b) {
  for (let at = 0; at < a.length && at < b.length; at++) if (a[at] !== b[at]) return a[at] - b[at];
  return a.length - b.length;
}

function reasonOf(rule, severity, leaves, params, variant) {
  const key = variant === undefined ? rule : `${rule}.${variant}`;
  return { rule, severity, leaves, key, params, text: say({ key, params }) };
}

/**
 * Judges a history, `{id, label, asOf, treeSize, records, limitReached, registry}`:
 * `{id, label, verdict, summary, summarySentence, reasons, state, timeline, asOf, treeSize}`.
 */
export function judge(history, policy = DEFAULT_POLICY) {
  const one = new Case(history, { ...DEFAULT_POLICY, ...policy });
  one.setJourney(journeyOf(one));
  const known = history.records.length > 0 && (one.own.length > 0 || one.subject !== "one");
  const findings = new Findings();
  let [state, genuine] = [{ ...NO_STATE }, undefined];
  if (known) {
    if (history.limitReached) findings.add("limit-reached", "gap", []);
    [state, genuine] = one.subject === "one" ? judgeOne(one, findings) : [judgeMany(one, findings), undefined];
  } else {
    notSerialised(one, findings);
  }
  const reasons = findings.sorted();
  const word = known ? weigh(reasons) : "unknown";
  const label = history.label?.size ? { label: Object.fromEntries(history.label) } : {};
  const verdict = { id: history.id.text, ...label, verdict: word, summary: "", summarySentence: undefined, reasons, state };
  summarise(verdict, word === "authentic" ? genuine : undefined);
  const timeline = known ? timelineOf(one) : [];
  return { ...verdict, timeline, asOf: timeText(history.asOf), treeSize: history.treeSize };
}

const NO_STATE = { custodian: null, location: null, disposition: null, end: null, expiry: null, inTransit: false };

function weigh(reasons) {
  const word = { recall: "recalled", fails: "suspect", note: "authentic", holds: "authentic" };
  const least = Math.min(...reasons.map(weight));
  return word[SEVERITIES[least]] ?? "incomplete";
}

function summarise(verdict, sentence) {
  const first = verdict.reasons[0];
  const params = { first: first ? { key: first.key, params: first.params } : "" };
  verdict.summarySentence = sentence ?? { key: `summary.${verdict.verdict}`, params };
  verdict.summary = say(verdict.summarySentence);
}

/** The verdict with a reason more, which whoever has a clock adds. */
export function withReason(verdict, reason) {
  const after = verdict.reasons.findIndex((one) => weight(one) > weight(reason));
  const at = after < 0 ? verdict.reasons.length : after;
  const more = { ...verdict, reasons: [...verdict.reasons.slice(0, at), reason, ...verdict.reasons.slice(at)] };
  const word = weigh(more.reasons);
  if (verdict.verdict !== "unknown" && word !== verdict.verdict) {
    more.verdict = word;
    summarise(more);
  }
  return more;
}

/** The reason for an answer whose last seal is further from `now` than the policy allows, in either direction. */
export function stale(asOf, now, policy = DEFAULT_POLICY) {
  if (Math.abs(now - asOf) <= (policy.maxAgeMs ?? DEFAULT_POLICY.maxAgeMs)) return undefined;
  return reasonOf("answer-too-old", "gap", [], { asOf: minute(asOf), now: minute(now) });
}

/** One product: every rule. Gives its state, and the summary should it turn out authentic. */
function judgeOne(one, findings) {
  checkCorrections(one, findings);
  checkSigners(one, findings);
  checkOrigin(one, findings);
  checkRecalls(one, findings);
  const end = checkEnding(one, findings);
  const custody = walkCustody(one, findings);
  checkStolen(one, custody, findings);
  checkTravel(one, findings);
  checkLabel(one, findings);
  const whereabouts = whereaboutsOf(one, custody, end);
  if (custody.unbroken && one.origin !== undefined) {
    findings.add("custody-unbroken", "holds", one.order.map((at) => one.leaf(at)), { whereabouts });
  }
  if (!findings.has("recall", "fails", "gap")) findings.add("code-can-be-copied", "note", []);
  const genuine = one.origin !== undefined && {
    key: "summary.genuine",
    params: { who: one.who(one.origin), day: one.day(one.origin), whereabouts },
  };
  return [stateOf(one, custody, end, expiryOf(one)), genuine || undefined];
}

/** A class, a lot or a place: what is known of it, and never that it is authentic. */
function judgeMany(one, findings) {
  checkCorrections(one, findings);
  if (one.subject === "lot") checkLotOrigin(one, findings);
  checkRecalls(one, findings);
  checkLabel(one, findings);
  notSerialised(one, findings);
  return { ...NO_STATE, expiry: expiryOf(one) ?? null };
}

function notSerialised(one, findings) {
  if (one.subject === "one") return;
  findings.add("not-serialised", "gap", [], {}, one.subject === "kind" ? undefined : one.subject);
}

function stateOf(one, { passage, last, container }, end, expiry) {
  const custodian = passage.is === "held" ? passage.by : passage.is === "moving" ? passage.carrier : undefined;
  const disposition = one.order.map((at) => one.event(at).disposition).findLast((word) => word !== undefined);
  const location = last === undefined ? undefined : locationOf(one.event(last));
  return {
    custodian: custodian === undefined ? null : partyOf(one, custodian),
    location: location?.text ?? null,
    disposition: disposition ?? null,
    end: end === undefined ? null : ENDS[end[0]],
    expiry: expiry ?? null,
    inTransit: passage.is === "moving",
    ...(container && { container: container.text }),
  };
}

const partyOf = (one, id) => ({ id, organization: one.registry.participant(id)?.claims.organization ?? null });

/** Where the product is, as a clause. */
function whereaboutsOf(one, { passage, container }, end) {
  const clause = (key, params) =>
    container
      ? { key: `where.${key}-inside`, params: { ...params, container: idText(container) } }
      : { key: `where.${key}`, params };
  if (passage.is === "ended" && end) {
    return { key: "where.ended", params: { end: { key: ENDS[end[0]] }, day: one.day(end[1]) } };
  }
  if (passage.is === "held") return clause("held", { who: one.name(passage.by) });
  if (passage.is === "moving") {
    const to = announced(one, passage);
    return clause(to ? "moving-to" : "moving", { who: one.name(passage.from), to });
  }
  return { key: "where.unknown", params: {} };
}

// --- Corrections

function checkCorrections(one, findings) {
  for (const at of one.told()) {
    const { record, standing } = one.entries[at];
    const params = { who: one.who(at), declared: record.event.declaration && day(record.event.declaration.time) };
    if (standing.is === "withdraws") {
      findings.add("corrected", "note", [one.leaf(standing.of), one.leaf(at)], { ...params, day: one.day(standing.of) });
    } else if (standing.is === "withdraws-nothing") {
      findings.add("correction-without-effect", "note", [one.leaf(at)], params);
    }
  }
  for (const [first, second] of reusedIds(one.entries, one.told())) {
    const params = { who: one.who(second), day: one.day(first), again: one.day(second) };
    findings.add("event-id-reused", "fails", [one.leaf(first), one.leaf(second)], params);
  }
}

// --- Signers

function checkSigners(one, findings) {
  for (const at of [...one.disregarded].sort((a, b) => a - b)) {
    const params = { who: one.who(at), day: one.day(at), since: minute(one.compromisedSince(at)) };
    findings.add("compromised-stranger", "note", [one.leaf(at)], params);
  }
  let sound = true;
  for (const at of one.told()) {
    const { is } = one.entries[at].standing;
    // The entries that count, and the declarations that withdraw others: those act too.
    if (is !== "counts" && is !== "withdraws") continue;
    const faults = [notInForce(one, at), is === "counts" ? outsideRights(one, at) : undefined, afterCompromise(one, at)];
    for (const fault of faults) {
      if (!fault) continue;
      sound = false;
      findings.add(fault.rule, "fails", [one.leaf(at)], { who: one.who(at), day: one.day(at), ...fault.params });
    }
  }
  if (!sound || one.order.length === 0) return;
  const signers = [...new Set(one.order.map((at) => one.signer(at)))].sort();
  const named = signers.slice(0, 5).map((id) => one.name(id));
  const more = signers.length - named.length;
  const names = more > 0 ? { key: "more", params: { names: named, count: more } } : named;
  findings.add("signers-registered", "holds", one.order.map((at) => one.leaf(at)), { names });
}

function notInForce(one, at) {
  const { certificate, place, signer } = one.entries[at].record;
  const { participant, refusal, time } = one.registry.signerAt(certificate, place);
  if (participant?.id === signer) return undefined;
  const why = participant
    ? { key: "not-in-force.other", params: { other: one.name(participant.id) } }
    : { key: `not-in-force.${refusal}`, params: { since: time === undefined ? "" : day(time) } };
  return { rule: "signer-not-in-force", params: { why } };
}

function outsideRights(one, at) {
  const signer = one.registry.participant(one.signer(at));
  const broken = signer && breach(signer, one.event(at));
  if (!broken) return undefined;
  // Bringing this very product into being without authority has a rule of its own.
  if (broken.rule !== "role-step" && one.isOrigin(at) && !one.byPrefixHolder(at)) return undefined;
  const { step } = broken.params;
  const params = { ...broken.params, step: step && shown(step) };
  const key = broken.key === "end" && params.by === "action" ? "rights.end-action" : `rights.${broken.key}`;
  return { rule: "signer-outside-rights", params: { why: { key, params } } };
}

function afterCompromise(one, at) {
  const since = one.disregarded.has(at) ? undefined : one.compromisedSince(at);
  return since === undefined ? undefined : { rule: "signed-after-compromise", params: { since: minute(since) } };
}

// --- Origin

const verbOf = (one, at) => (one.commissions(at) ? undefined : one.plays(at, "output") ? "made" : "first");

function checkOrigin(one, findings) {
  const { origin, origins } = one;
  if (origin === undefined) return noOrigin(one, findings);
  // A commissioning may go well with the transformation that counts, and not with another commissioning.
  const sound = [origin];
  const rivals = [];
  for (const at of origins.filter((other) => other !== origin)) {
    (sound.some((other) => areTwo(one, at, other)) ? rivals : sound).push(at);
  }
  if (rivals.length > 0) madeTwice(one, rivals, findings);
  for (const at of origins.filter((other) => !one.byPrefixHolder(other))) withoutAuthority(one, at, findings);
  beforeOrigin(one, findings);
  if (rivals.length === 0 && one.byPrefixHolder(origin)) {
    const params = { who: one.who(origin), day: one.day(origin) };
    findings.add("commissioned-by-prefix-holder", "holds", [one.leaf(origin)], params, verbOf(one, origin));
  }
  return undefined;
}

/** A lot may be brought into being in several events, each of them by the one whose number it has. */
function checkLotOrigin(one, findings) {
  const { origin, origins } = one;
  if (origin === undefined) {
    // Who speaks of a lot from afar, as in a recall, may mean pieces that were each commissioned.
    const first = one.order.find((at) => actOf(one, at) !== "afar");
    if (first === undefined) return;
    findings.add("no-origin", "gap", [one.leaf(first)], { who: one.who(first), day: one.day(first) }, "lot");
    return;
  }
  const strangers = origins.filter((at) => !one.byPrefixHolder(at));
  for (const at of strangers) withoutAuthority(one, at, findings);
  if (strangers.length > 0) return;
  const count = origins.length - 1;
  const again = count === 0 ? "" : { key: count === 1 ? "once-more" : "times-more", params: { count } };
  const variant = ["lot", verbOf(one, origin)].filter((word) => word).join("-");
  const params = { who: one.who(origin), day: one.day(origin), again };
  findings.add("commissioned-by-prefix-holder", "holds", origins.map((at) => one.leaf(at)), params, variant);
}

function withoutAuthority(one, at, findings) {
  const holder = one.prefixHolder(one.leaf(at));
  const variant = [verbOf(one, at), holder ? undefined : "nobody"].filter((word) => word).join("-") || undefined;
  const params = { who: one.who(at), day: one.day(at), holder: holder && one.name(holder.id) };
  findings.add("commissioned-without-authority", "fails", [one.leaf(at)], params, variant);
}

function noOrigin(one, findings) {
  const [first] = one.order;
  if (first === undefined) return findings.add("no-origin", "gap", one.own.map((at) => one.leaf(at)), {}, "nothing");
  return findings.add("no-origin", "gap", [one.leaf(first)], { who: one.who(first), day: one.day(first) });
}

/** True where two origins cannot both be true. */
function areTwo(one, first, second) {
  if (first === second) return false;
  if (one.signer(first) !== one.signer(second)) return true;
  const [a, b] = [first, second].map((at) => one.event(at).transformationId?.text);
  return one.commissions(first) === one.commissions(second) && !(a !== undefined && a === b);
}

function madeTwice(one, rivals, findings) {
  const isEarlier = (at) => one.isBefore(at, one.origin);
  const all = [...rivals.filter(isEarlier), one.origin, ...rivals.filter((at) => !isEarlier(at))];
  const told = all.map((at) => ({ key: "by-on", params: { who: one.who(at), day: one.day(at) } }));
  const made = all.every((at) => one.commissions(at)) ? "" : "made";
  const variant = [made, all.length === 2 ? "" : "many"].filter((word) => word).join("-") || undefined;
  const list = all.length > 4 ? { key: "more", params: { names: told.slice(0, 4), count: all.length - 4 } } : told;
  const params = { first: told[0], second: told[1], count: all.length, told: list };
  findings.add("commissioned-twice", "fails", all.map((at) => one.leaf(at)), params, variant);
}

function beforeOrigin(one, findings) {
  const { origin } = one;
  const began = one.event(origin).time;
  for (const at of one.order) {
    if (one.event(at).time >= began) break;
    // A code is printed or written to its tag before it is given to anything.
    const harmless = one.via.has(at) || one.isOrigin(at) || one.step(at) === "encoding" || actOf(one, at) === "afar";
    if (harmless) continue;
    const params = { who: one.who(at), minute: minute(one.event(at).time), began: minute(began) };
    const variant = one.plays(origin, "output") ? "made" : undefined;
    findings.add("before-commissioning", "fails", [one.leaf(at), one.leaf(origin)], params, variant);
  }
}

// --- Recalls: of the product, its lots, its class, and of what it was made from

class Recalls {
  all = new Set();
  #byId = new Map();

  constructor(one) {
    this.one = one;
    for (const at of one.inOrder(one.entries.keys())) {
      const event = one.event(at);
      if (!one.stands(at) || !(declares(event, "recalled") || event.unset.includes("recalled"))) continue;
      this.all.add(at);
      for (const [, { text }] of event.ids) {
        if (!this.#byId.has(text)) this.#byId.set(text, []);
        const list = this.#byId.get(text);
        if (list.at(-1) !== at) list.push(at);
      }
    }
  }

  of({ text }) {
    return this.#byId.get(text) ?? [];
  }

  /** What entries say, by the word of who held the prefix of `governing` at each entry's place. */
  word(entries, governing) {
    const { one } = this;
    const word = { recalled: undefined, lifted: [], claims: [] };
    for (const at of entries) {
      const holder = one.byHolderOf(governing, at);
      if (declares(one.event(at), "recalled")) {
        if (holder) word.recalled ??= at;
        else word.claims.push(at);
      } else if (holder && one.compromisedSince(at) === undefined && word.recalled !== undefined) {
        // A key in other hands takes nothing back.
        word.lifted.push([word.recalled, at]);
        word.recalled = undefined;
      }
    }
    return word;
  }
}

function checkRecalls(one, findings) {
  const recalls = new Recalls(one);
  const { id } = one.history;
  recallOf(one, recalls.word(one.order.filter((at) => recalls.all.has(at)), id), undefined, findings);
  const broughtForth = one.own.filter((at) => one.bringsForth(at));
  for (const [wider, name] of widerThan(one, id, broughtForth)) {
    recallOf(one, recalls.word(recalls.of(wider), id), name, findings);
  }
  recalledInputs(one, recalls, findings);
}

/** The ids of many objects that `item` is one of: its lots by the entries that bring it forth, the label's, and its class. */
function widerThan(one, item, among) {
  const lots = new Map();
  for (const at of among) {
    const authority = one.stands(at) && one.byHolderOf(item, at);
    for (const lot of lotsIn(one.event(at), item)) {
      lots.set(lot.text, { lot, authority: authority || (lots.get(lot.text)?.authority ?? false) });
    }
  }
  const first = [...lots.values()].sort((a, b) => byText(a.lot, b.lot)).slice(0, LOTS_MAX);
  const found = new Map(first.filter(({ authority }) => authority).map(({ lot }) => [lot.text, lot]));
  const ofLabel = lotOfLabel(one.history, item);
  if (ofLabel) found.set(ofLabel.text, ofLabel);
  const wider = [...found.values()].sort(byText).map((lot) => [lot, { key: "its-lot", params: { lot: idText(lot) } }]);
  const kind = classOf(item);
  return kind ? [...wider, [kind, { key: "its-kind" }]] : wider;
}

/** Reports what is said about a recall of the product, or of its lot or class by that name. */
function recallOf(one, { recalled, lifted, claims }, name = { key: "it" }, findings) {
  for (const [since, at] of lifted) {
    const params = { who: one.who(at), what: name, since: one.day(since), day: one.day(at) };
    findings.add("recall-lifted", "note", [one.leaf(since), one.leaf(at)], params);
  }
  for (const at of claims) {
    const holder = one.prefixHolder(one.leaf(at));
    const params = { who: one.who(at), what: name, day: one.day(at), holder: holder && one.name(holder.id) };
    findings.add("recall-claimed", "note", [one.leaf(at)], params, holder ? undefined : "nobody");
  }
  if (recalled !== undefined) {
    findings.add("recalled", "recall", [one.leaf(recalled)], { who: one.who(recalled), what: name, day: one.day(recalled) });
  }
}

/** Reports the recalls of what the product was made from, through any number of transformations. */
function recalledInputs(one, recalls, findings) {
  const makings = new Makings(one);
  for (const [input, made] of makings.inputsOfProduct()) {
    const wider = widerThan(one, input, makings.broughtForth(input));
    for (const [id, what] of [[input, { key: "it" }], ...wider]) {
      const at = recalls.word(recalls.of(id), input).recalled;
      if (at === undefined) continue;
      const params = { input: idText(input), who: one.who(at), what, day: one.day(at) };
      findings.add("recalled-input", "recall", [one.leaf(at), one.leaf(made)], params);
    }
  }
}

/** What the history says about how things were made. */
class Makings {
  #byOutput = new Map();
  #byTransformation = new Map();
  #expanded = new Set();

  constructor(one) {
    this.one = one;
    const push = (map, key, at) => (map.has(key) ? map.get(key).push(at) : map.set(key, [at]));
    for (const at of one.entries.keys()) {
      const event = one.event(at);
      const commissions = event.type === "ObjectEvent" && event.action === "ADD";
      for (const [part, { text }] of event.ids) if (part === "output" || commissions) push(this.#byOutput, text, at);
      const tie = this.#tie(at);
      if (tie !== undefined && one.stands(at)) push(this.#byTransformation, tie, at);
    }
  }

  #tie(at) {
    const { transformationId } = this.one.event(at);
    return transformationId && `${this.one.signer(at)} ${transformationId.text}`;
  }

  broughtForth({ text }) {
    return this.#byOutput.get(text) ?? [];
  }

  /** Everything that the product was made from, each with the entry that says so: the nearest first, each once. */
  inputsOfProduct() {
    const { one } = this;
    const found = [];
    const seen = new Set([one.history.id.text]);
    const told = new Set();
    for (let next = -1; next < found.length; next++) {
      for (const at of this.#makingsOf(next < 0 ? one.history.id : found[next][0])) {
        if (told.has(at)) continue;
        told.add(at);
        for (const input of inputsOf(one.event(at))) {
          if (seen.has(input.text)) continue;
          seen.add(input.text);
          found.push([input, at]);
        }
      }
    }
    return found;
  }

  /** The entries that say what `output` was made from, by one who may bring it forth. */
  *#makingsOf(output) {
    const { one } = this;
    for (const at of this.broughtForth(output)) {
      const nobodys = output.text !== one.history.id.text && !one.holderOf(output, one.leaf(at));
      if (!one.stands(at) || !(nobodys || one.byHolderOf(output, at))) continue;
      yield at;
      const tie = this.#tie(at);
      if (tie === undefined || this.#expanded.has(tie)) continue;
      this.#expanded.add(tie);
      yield* this.#byTransformation.get(tie) ?? [];
    }
  }
}

// --- Ending

/** Judges what was recorded after the product's end: `[end, at]` where it ended. */
function checkEnding(one, findings) {
  let ended;
  for (const at of one.order) {
    if (ended) {
      const [end, since] = ended;
      // Whether it may come back to this one is for custody.
      if (mayBeReturned(end) && returns(one, at, one.signer(since))) ended = undefined;
      else if (one.event(at).time > one.event(since).time && actOf(one, at) !== "afar" && !permits(end, one.step(at))) {
        const params = {
          who: one.who(at), day: one.day(at), end: { key: ENDS[end] }, ended: one.day(since), by: one.who(since),
        };
        findings.add("event-after-terminal", "fails", [one.leaf(since), one.leaf(at)], params);
      }
    }
    const end = endOf(one, at);
    // What was sold may be destroyed at last, and nothing is sold that was destroyed.
    if (end !== undefined && (!ended || end > ended[0])) ended = [end, at];
  }
  return ended;
}

// --- Theft

/** Judges reports of theft. Who reported it, or the prefix's holder, may say that it was found. */
function checkStolen(one, custody, findings) {
  let reported;
  const concerned = new Set();
  for (const at of one.order) {
    const event = one.event(at);
    const signer = one.signer(at);
    if (declares(event, "stolen")) {
      if (one.byPrefixHolder(at) || concerned.has(signer)) reported ??= at;
      else findings.add("stolen-claimed", "note", [one.leaf(at)], { who: one.who(at), day: one.day(at) });
    } else if (event.unset.includes("stolen") && reported !== undefined) {
      if (signer === one.signer(reported) || one.byPrefixHolder(at)) reported = undefined;
    }
    if (!custody.fitting.has(at)) continue;
    concerned.add(signer);
    if (actOf(one, at) !== "ships") continue;
    for (const id of destinations(one, at)) for (const owner of one.owners(id)) concerned.add(owner);
  }
  if (reported !== undefined) {
    findings.add("reported-stolen", "fails", [one.leaf(reported)], { who: one.who(reported), day: one.day(reported) });
  }
}

// --- Travel

const NEAR_KM = 100;
const SLACK_HOURS = 1;
const EARTH_RADIUS_KM = 6371.0088;

/** Nothing moves faster than the policy says between two places whose coordinates are known. */
function checkTravel(one, findings) {
  let before;
  for (const at of one.order) {
    if (!["ships", "receives", "handles"].includes(actOf(one, at))) continue;
    const place = coordinatesOf(one.event(at));
    if (!place) continue;
    if (before) checkWay(one, before.at, at, distanceKm(before.place, place), findings);
    before = { at, place };
  }
}

function checkWay(one, from, to, km, findings) {
  const millis = one.event(to).time - one.event(from).time;
  const hours = millis / 3600000;
  if (km <= NEAR_KM || km <= one.policy.maxSpeedKmh * (hours + SLACK_HOURS)) return;
  const params = {
    km: Math.round(km), minutes: Math.trunc(millis / 60000), speed: Math.round(km / hours), who: one.who(from), day: one.day(from),
    other: one.who(to), again: one.day(to),
  };
  findings.add("impossible-travel", "fails", [one.leaf(from), one.leaf(to)], params, millis > 0 ? "speed" : undefined);
}

/** Where an event says that its place is: `{latitude, longitude}` in degrees. */
function coordinatesOf({ readPoint, bizLocation, readPointMembers, bizLocationMembers }) {
  return ofUri(readPoint) ?? ofMembers(readPointMembers) ?? ofUri(bizLocation) ?? ofMembers(bizLocationMembers);
}

function ofUri(id) {
  if (!id?.text.startsWith("geo:")) return undefined;
  const [latitude, longitude] = id.text.slice(4).split(";")[0].split(",");
  return onEarth(decimal(latitude), decimal(longitude));
}

function ofMembers(place) {
  const number = (name) => {
    const value = masterData(place, name);
    return isNumber(value) ? doubleOf(value) : isText(value) ? decimal(value) : undefined;
  };
  return isMap(place) ? onEarth(number("latitude"), number("longitude")) : undefined;
}

const decimal = (text = "") => (/^-?[0-9]+(\.[0-9]+)?$/.test(text) ? Number(text) : undefined);

function onEarth(latitude, longitude) {
  const held = latitude !== undefined && longitude !== undefined && Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180;
  // 0, 0 is what people write who have no coordinates.
  return held && !(latitude === 0 && longitude === 0) ? { latitude, longitude } : undefined;
}

/** Kilometres along the surface, by the haversine formula. */
export function distanceKm(one, other) {
  const radians = (degrees) => (degrees * Math.PI) / 180;
  const [latitude, otherLatitude] = [radians(one.latitude), radians(other.latitude)];
  const north = Math.sin((otherLatitude - latitude) / 2);
  const east = Math.sin(radians(other.longitude - one.longitude) / 2);
  const a = Math.min(north * north + Math.cos(latitude) * Math.cos(otherLatitude) * east * east, 1);
  return 2 * EARTH_RADIUS_KM * Math.atan2(Math.sqrt(a), Math.sqrt(1 - a));
}

// --- Timeline

function timelineOf(one) {
  return one.inOrder(one.told()).map((at) => {
    const { record, standing } = one.entries[at];
    const { event, place, position, signer } = record;
    const note = noteOf(one, at);
    const optional = {
      action: event.action,
      bizStep: event.step === "" ? undefined : event.step,
      disposition: event.disposition,
      location: locationOf(event)?.text,
      ...coordinatesOf(event),
      via: one.via.get(at)?.text,
      correctedBy: standing.is === "withdrawn" ? one.leaf(standing.of) : undefined,
      corrects: standing.is === "withdraws" ? one.leaf(standing.of) : undefined,
      note: note && say(note),
      noteSentence: note,
    };
    return {
      leaf: place.leaf,
      position,
      eventId: event.eventId,
      eventTime: timeText(event.time),
      accepted: timeText(place.time),
      type: event.type,
      signer: partyOf(one, signer),
      ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
    };
  });
}

function noteOf(one, at) {
  const { record, standing } = one.entries[at];
  const note = (key, params = {}) => ({ key: `note.${key}`, params });
  switch (standing.is) {
    case "counts":
      return one.disregarded.has(at) ? note("disregarded") : undefined;
    case "repeats":
      return note("repeats", { leaf: one.leaf(standing.of) });
    case "withdrawn":
      return note("withdrawn");
    case "withdraws": {
      const { reason } = record.event.declaration;
      return reason === undefined ? note("withdraws") : note("withdraws-for", { reason: shown(reason) });
    }
    default:
      return note("withdraws-nothing");
  }
}
