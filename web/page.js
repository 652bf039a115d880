// The page of a product: what the server wrote stands until this device has reached a verdict of its own.

import { Failed } from "./ask.js";
import { Tampered, WORDS, check, titleOf } from "./check.js";
import { around, button, element, link, number, timeElement } from "./elements.js";
import { detailOfFault, sentenceOfFault, tamperedText } from "./faults.js";
import { keep, startWorker } from "./kept.js";
import { forget } from "./memory.js";
import { fill, find, say } from "./messages.js";
import { nowNodes } from "./now.js";
import { drawing } from "./route.js";
import { SENTENCES } from "./texts.js";
import { aroundDays, minute } from "./verify/days.js";
import { quoted } from "./verify/sentences.js";

const SIGNS = { recall: "!", fails: "✕", ended: "–", disputes: "!", gap: "…", past: "–", note: "i", holds: "✓" };

/** Kinds of number under which nothing is recorded as a rule: that nothing is would mislead as a verdict. */
const SHARED = ["lot", "class", "place", "party"];

/** From when on a load is told of: after a second, or if it is longer than a megabyte. How often it says how far it is. */
const TOLD_AFTER_MS = 1000;
const TOLD_FROM_BYTES = 1_000_000;
const TOLD_EVERY_MS = 500;

const $ = (id) => document.getElementById(id);
const product = $("product");
const claimed = product.dataset.verdict;
const { kind } = product.dataset;

if (navigator.share) {
  $("share").hidden = false;
  // A visitor who thinks better of it has done nothing wrong.
  $("share").addEventListener("click", () => navigator.share({ title: document.title, url: $("here").textContent }).catch(() => {}));
}
$("print").hidden = false;
$("print").addEventListener("click", () => print());

if (!window.isSecureContext || !globalThis.crypto?.subtle) {
  tell(say("check.insecure"), "alarm");
} else {
  await run();
}

async function run() {
  tell(say("check.running"), "busy");
  const { progress, end } = loading();
  try {
    const { id, size } = product.dataset;
    const checked = await check({ id, claim: claimed, size: Number(size), sentences: SENTENCES, progress });
    end();
    show(checked);
    if (checked.kept === undefined && checked.proven === undefined && checked.newer === undefined) store({ id, ...checked });
  } catch (error) {
    end();
    if (error instanceof Tampered) {
      alarm(tamperedText(error, { say, fill }), error);
    } else {
      failed(error);
    }
  }
}

/** Keeps what held, for when there is no network. A device that keeps nothing has lost nothing. */
function store(checked) {
  Promise.all([keep(checked), startWorker()]).catch(() => {});
}

/** Tells of a load that takes long: `progress` hears how far it is, `end` that it is over. */
function loading() {
  let began;
  let last;
  let told = -Infinity;
  const tellOf = () => {
    if (last === undefined || performance.now() - told < TOLD_EVERY_MS) return;
    told = performance.now();
    const { read, bytes, statements } = last;
    const what = statements === undefined ? say("load.records") : fill("load.of", { statements: count("load.statements", statements) });
    const unit = Math.max(read, bytes ?? 0) >= TOLD_FROM_BYTES ? "MB" : "kB";
    const size = (of) => number(of / (unit === "MB" ? 1e6 : 1e3), { fraction: unit === "MB" ? 1 : 0 });
    const far = bytes === undefined ? fill("load.so.far", { read: size(read), unit }) : fill("load.far", { read: size(read), all: size(bytes), unit });
    if (!$("status-text").textContent.startsWith(what)) {
      tell(what, "busy");
      // What it says is read out once, not each time that it has come further.
      $("status-text").append(" ", element("span", { id: "load", "aria-live": "off" }));
    }
    $("load").textContent = far;
  };
  const timer = setInterval(() => {
    if (performance.now() - began >= TOLD_AFTER_MS) tellOf();
  }, TOLD_EVERY_MS);
  const progress = (now) => {
    // From when the evidence was asked for: before that the scripts are loaded that check it.
    began ??= performance.now();
    last = now;
    if (now === undefined) {
      // Of what is read, nothing is known until it is checked.
      if ($("load")) tell(say("check.running"), "busy");
    } else if (Math.max(now.read, now.bytes ?? 0) > TOLD_FROM_BYTES) {
      tellOf();
    }
  };
  return { progress, end: () => clearInterval(timer) };
}

/** Shows this device's verdict in place of the server's. */
function show({ verdict, checkpoint, ms, firstContact, since, fingerprint, newer, proven, kept }) {
  const word = WORDS.includes(verdict.verdict) ? verdict.verdict : "unknown";
  if (proven !== undefined) {
    const name = (of) => find(`word.${of}`) ?? of;
    alarm(fill("tampered.claim", { claimed: name(claimed), proven: name(proven) }));
    // The records themselves hold, and are this device's own reading.
    tellRecords(verdict);
    facts(checkpoint, fingerprint);
    $("check-text").textContent = say("check.own");
    $("check").hidden = false;
    return;
  }
  if (newer !== undefined) {
    older(verdict, newer);
    return;
  }
  const title = titleText(verdict);
  banner(lookOf(word, verdict), title, sentenceOf(word, verdict));
  const shown = { verdict, kind, word: title, number: peopleText(verdict.id), checkpoint };
  const todo = nowNodes(shown, { say, fill });
  $("now").replaceChildren(...todo);
  $("now").hidden = todo.length === 0;
  if (todo.length > 0) $("now").setAttribute("aria-labelledby", "now-title");
  else $("now").removeAttribute("aria-labelledby");
  tellRecords(verdict);
  tell(fill("check.done", { signatures: count("check.signatures", verdict.checks?.signatures), proofs: count("check.proofs", verdict.checks?.proofs), ms: number(ms) }), "checked");
  if (kept !== undefined) {
    $("status").append(element("p", { id: "kept" }, fill("check.kept", { time: minute(kept) })), button(say("check.again"), () => location.reload()));
  }
  facts(checkpoint, fingerprint);
  $("check-text").textContent = say("check.own");
  const known = firstContact ? say("check.first") : fill("check.known", { date: minute(since) });
  $("check-text").after(element("p", {}, known));
}

function isNone(word) {
  return word === "unknown" && SHARED.includes(kind);
}

/** The word; of what has ended, how it did; of a number that many share, that nothing is recorded under it. */
function titleText(verdict) {
  return say(isNone(verdict.verdict) ? `none.${kind}` : titleOf(verdict));
}

/** The classes of the banner: whose symbol it has, and its colour. */
function lookOf(word, { light }) {
  return isNone(word) && kind !== "lot" ? "none grey" : `${word} ${light}`;
}

/** The sentence below the word. Two words say themselves what the summary begins with; below them stands its reason alone. */
function sentenceOf(word, { summary, reasons }) {
  if (isNone(word)) return say(`none.${kind}.sentence`);
  return ["suspect", "incomplete"].includes(word) && reasons.length > 0 ? reasons[0].text : summary;
}

/** Shows what this device read in the records, in place of what the server wrote. */
function tellRecords({ reasons, timeline, state }) {
  $("column").hidden = false;
  const told = new Set(timeline.map(({ leaf }) => leaf));
  $("reasons").replaceChildren(...reasons.map((reason) => reasonItem(reason, told)));
  $("why").hidden = reasons.length === 0;
  $("route").replaceChildren(...drawing(timeline, fill, nameOf));
  const isFirst = (step, at) => timeline.findIndex(({ leaf }) => leaf === step.leaf) === at;
  $("timeline").replaceChildren(...timeline.map((step, at) => stepItem(step, isFirst(step, at))));
  $("state").replaceChildren(...stateRows(state));
  $("journey").hidden = false;
}

function count(what, n = 0) {
  return n === 1 ? say(`${what}.one`) : fill(`${what}.many`, { n: number(n) });
}

/**
 * Says that the answer was altered, and shows none of it; `fault` is what the verifier says of it. Where the ledger itself was replaced
 * there may be a reason, and it can be forgotten.
 */
function alarm(detail, { key, fault } = {}) {
  banner("tampered red", say("word.tampered"), say("tampered.sentence"));
  // The contact and what the number stands for are the server's word too.
  for (const part of ["column", "now", "about", "why", "journey", "check"]) if ($(part)) $(part).hidden = true;
  document.title = `${say("word.tampered")} · Sealane`;
  tell(detail, "alarm");
  $("status").append(...(fault ? [detailOfFault(fault)] : []), element("p", {}, say("tampered.what")));
  if (key === "tampered.anchor" || key === "tampered.history") {
    offer("tampered.forget", () => {
      forget();
      location.reload();
    });
  }
}

/** Says that the answer is from an earlier ledger than this device knows: what came since may be what matters. */
function older(verdict, newer) {
  $("now").hidden = true;
  banner("incomplete amber", say("word.incomplete"), say("older.sentence"));
  tellRecords(verdict);
  tell(fill("older.detail", { now: number(verdict.treeSize), before: number(newer) }), "alarm");
  $("check-text").textContent = say("older.sentence");
  offer("check.again", () => location.reload());
}

function failed(error) {
  const isFetching = error instanceof Failed;
  tell(fill("check.failed", { why: isFetching ? say(`failed.${error.why}`) : sentenceOfFault(error, { say }) }), "alarm");
  if (!isFetching) $("status").append(detailOfFault(error));
  offer("check.again", run);
}

function offer(key, action) {
  $("status").append(button(say(key), action));
}

function banner(look, title, sentence) {
  const section = $("verdict");
  $("claim")?.remove();
  section.className = `verdict ${look}`;
  section.querySelector("use").setAttribute("href", `#symbol-${look.split(" ")[0]}`);
  $("word").textContent = title;
  $("sentence").replaceChildren(...unbrokenDays(sentence));
}

/** Writes the one line of state; a screen reader reads it out. */
function tell(text, look) {
  const status = $("status");
  status.className = `status ${look}`;
  status.replaceChildren(element("p", { id: "status-text" }, text));
}

function facts({ origin, size, root }, fingerprint) {
  const row = (title, value, look) => element("div", {}, element("dt", {}, title), element("dd", { class: look }, value));
  const time = $("check-facts").querySelector("time");
  $("check-facts").replaceChildren(
    row(say("nav.home"), origin, "mono"),
    row(say("check.fingerprint"), element("a", { href: link("/trust") }, fingerprint), "mono"),
    ...(time ? [row(say("check.asof"), timeElement(Date.parse(time.dateTime)))] : []),
    row(say("check.size"), number(size)),
    row(say("check.root"), root, "mono"),
  );
}

function reasonItem({ rule, severity, leaves, text }, steps) {
  const sign = element("span", { class: "sign", "aria-hidden": "true" }, SIGNS[severity] ?? "·");
  const told = element("p", {}, element("span", { class: "severity" }, `${find(`severity.${severity === "past" ? "ended" : severity}`) ?? severity}: `), ...unbrokenDays(text));
  const meta = element("p", { class: "meta" }, element("code", {}, rule));
  if (leaves.length > 0) {
    meta.append(" · ", ...around(say(leaves.length === 1 ? "reason.leaves.one" : "reason.leaves.many"), "leaves", restsOn(leaves, steps)));
  }
  return element("li", { class: `reason ${severity}` }, sign, element("div", {}, told, meta));
}

/** Links to the records that a reason rests on: the step of the journey that a record is, or else the record's own page. */
function restsOn(leaves, told) {
  const links = document.createDocumentFragment();
  leaves.forEach((leaf, at) => {
    const href = told.has(leaf) ? `#leaf-${leaf}` : link(`/ledger/leaves/${leaf}`);
    links.append(at > 0 ? ", " : "", element("a", { href }, String(leaf)));
  });
  return links;
}

/** How a step is marked that is not simply a part of the journey. */
function markOf({ correctedBy, noteSentence }) {
  if (correctedBy !== undefined && correctedBy !== null) return "withdrawn";
  return { "note.contradicts": "contradicts", "note.claim": "claim" }[noteSentence?.key];
}

function stepItem(step, isFirst) {
  const mark = markOf(step);
  const name = step.bizStep ? (find(`step.${step.bizStep}`) ?? step.bizStep) : (find(`type.${step.type}`) ?? step.type);
  const what = step.disposition === "recalled" ? say("step.disposition.recalled") : name;
  const tag = mark && element("span", { class: "tag" }, say(`journey.${mark}`));
  const leaf = element("a", { href: link(`/ledger/leaves/${step.leaf}`) }, fill("journey.leaf", { leaf: step.leaf }));
  const who = step.signer?.organization ? element("a", { href: link(`/participants/${step.signer.id}`) }, nameOf(step.signer)) : nameOf(step.signer);
  return element(
    "li",
    { class: mark, id: isFirst ? `leaf-${step.leaf}` : undefined },
    element("p", { class: "when" }, timeElement(Date.parse(step.eventTime), step.eventTimeZoneOffset), " · ", leaf),
    element("p", { class: "what" }, what, tag && " ", tag),
    element("p", { class: "who" }, ...around(say("journey.signed"), "who", who)),
    step.location ? element("p", { class: "where" }, placeOf(step)) : undefined,
    step.via ? element("p", { class: "where" }, fill("journey.via", { container: peopleText(step.via) })) : undefined,
    step.note ? element("p", { class: "remark" }, step.note) : undefined,
  );
}

/** A place, and to whom it belongs if that is another participant than who recorded there. */
function placeOf({ location, locationOwner }) {
  const place = placeText(location);
  return locationOwner ? fill("journey.at-of", { place, owner: nameOf(locationOwner) }) : fill("journey.at", { place });
}

function stateRows({ custodian, location, end, expiry, inTransit }) {
  const rows = [];
  if (custodian) rows.push(["state.custodian", nameOf(custodian) + (inTransit ? ` · ${say("state.transit")}` : "")]);
  if (location) rows.push(["state.location", placeText(location)]);
  if (end) rows.push(["state.end", find(`end.${end}`) ?? end]);
  if (expiry) rows.push(["state.expiry", expiry]);
  return rows.map(([key, value]) => element("div", {}, element("dt", {}, say(key)), element("dd", {}, value)));
}

function nameOf(party) {
  return party?.organization ? quoted(party.organization) : say("journey.somebody");
}

/** A sentence whose days are not broken over two lines. */
function unbrokenDays(text) {
  return aroundDays(text).map((part, at) => (at % 2 === 1 ? element("span", { class: "day" }, part) : part));
}

/** A place: degrees of a `geo:` URI (RFC 5870), a GLN by that name, another id as `peopleText`. */
function placeText(uri) {
  const gln = /^https:\/\/id\.gs1\.org\/414\/(\d+)$/.exec(uri);
  if (gln) return `GLN ${gln[1]}`;
  const geo = /^geo:(-?)(\d+(?:\.\d+)?),(-?)(\d+(?:\.\d+)?)(?:[,;].*)?$/.exec(uri);
  return geo ? `${geo[2]}° ${geo[1] ? "S" : "N"}, ${geo[4]}° ${geo[3] ? "W" : "E"}` : peopleText(uri);
}

/** A GS1 id as `(414)…`, another URI as it stands. */
function peopleText(uri) {
  const path = uri.startsWith("https://id.gs1.org/") ? uri.slice("https://id.gs1.org/".length).split("/") : [];
  if (path.length < 2 || path.length % 2 !== 0) return uri.slice(0, 120);
  const pairs = [];
  for (let at = 0; at < path.length; at += 2) pairs.push(`(${path[at]})${decodeURIComponent(path[at + 1])}`);
  return pairs.join(" ");
}
