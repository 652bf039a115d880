// The list for hand scanners: many codes in a row, one line each. Each line's word is reached on this device, from the evidence, as
// on the page of a product.

import { Failed, askJson, encoded } from "./ask.js";
import { Tampered, check, titleOf } from "./check.js";
import { pageOf, peopleText, readScanned, uriOf } from "./codes.js";
import { csv } from "./csv.js";
import { button, element } from "./elements.js";
import { sentenceOfFault, tamperedText } from "./faults.js";
import { fill, find, say } from "./messages.js";
import { SENTENCES } from "./texts.js";

/** Products that are checked at once: a few, so that one list does not take the node from others. */
const AT_ONCE_MAX = 3;

/** Lines of one list: some pallets of a delivery. */
const LINES_MAX = 1000;

/** How often a product is asked about while the node is busy, and how long is waited before the second time. */
const TRIES_MAX = 5;
const WAIT_MS = 1000;

/** What a scanner sends for the separator of a GS1 code: as a key it is Ctrl and this. */
const SEPARATOR_KEY = "]";
const SEPARATOR = "\x1d";

const $ = (id) => document.getElementById(id);
const field = $("code");
const lines = [];
/** Verdicts by what was asked: a code that is scanned again is not fetched again. */
const checks = new Map();
const waiting = [];
let running = 0;

$("list").hidden = false;
if (!window.isSecureContext || !globalThis.crypto?.subtle) {
  announce(say("check.insecure"));
} else {
  $("entry").addEventListener("submit", (event) => {
    event.preventDefault();
    take(field.value);
  });
  field.addEventListener("keydown", keepSeparator);
  field.addEventListener("paste", takePasted);
  $("export").addEventListener("click", save);
  $("clear").addEventListener("click", clear);
  // A scanner types where the focus is: what it types elsewhere is meant for the field.
  document.addEventListener("keydown", (event) => {
    const isText = event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey && event.key !== " ";
    if (isText && ["BODY", "MAIN", "BUTTON"].includes(document.activeElement.tagName)) field.focus();
  });
  field.disabled = false;
  field.focus();
  $("list").dataset.ready = "";
}

function keepSeparator(event) {
  if (!event.ctrlKey || event.key !== SEPARATOR_KEY) return;
  event.preventDefault();
  field.setRangeText(SEPARATOR, field.selectionStart, field.selectionEnd, "end");
}

/** Several lines that are pasted are several codes. */
function takePasted(event) {
  const pasted = (event.clipboardData?.getData("text") ?? "").split(/[\r\n]+/).filter((line) => line.trim() !== "");
  if (pasted.length < 2) return;
  event.preventDefault();
  pasted.forEach(take);
}

function take(text) {
  field.value = "";
  field.focus();
  if (text.trim() === "") return;
  if (lines.length >= LINES_MAX) return announce(fill("list.full", { max: LINES_MAX }));
  const line = { number: lines.length + 1, time: new Date(), code: "", light: "", word: "", note: "" };
  lines.push(line);
  const { asked, rule, values, isMistyped } = readScanned(text);
  if (asked) {
    Object.assign(line, { id: asked.id.text, uri: uriOf(asked), code: peopleText(asked), word: say("list.checking"), isBusy: true });
    line.repeats = lines.find((other) => other !== line && other.id === line.id)?.number;
    if (asked.orLot) line.reading = fill("list.as-serial", { value: asked.id.qualifier[1], lot: peopleText({ id: asked.orLot, label: new Map() }) });
  } else {
    // What is no product's code may be a secret: it is neither shown nor kept.
    Object.assign(line, { word: say(isMistyped ? "list.mistyped" : "list.foreign"), note: fill(`refused.${rule}`, values) });
  }
  line.row = element("li", { value: String(line.number) });
  $("lines").prepend(line.row);
  show(line);
  if (!asked) announceLine(line);
  else if (line.repeats) announce(fill("list.again", { line: line.number, first: line.repeats }));
  if (asked) follow(line);
}

/** Checks lines that could not be checked; of those with one code once. */
function checkAgain(unchecked) {
  for (const { uri } of unchecked) checks.delete(uri);
  for (const line of unchecked) {
    Object.assign(line, { isUnchecked: false, isBusy: true, word: say("list.checking"), note: "" });
    show(line);
    follow(line);
  }
}

/** Shows a line as it stands. */
function show(line) {
  const { number, code, word, light, note, repeats, uri, isBusy, isUnchecked } = line;
  const again = repeats && element("span", { class: "tag" }, fill("list.repeat", { first: repeats }));
  const checkThis = () => {
    checkAgain([line]);
    field.focus();
  };
  const retry = isUnchecked && button(say("check.again"), checkThis);
  line.row.className = `line ${light || "none"}${isBusy ? " waits" : ""}`;
  line.row.replaceChildren(
    element("span", { class: "nth" }, String(number)),
    element("div", {}, ...(code ? [element("p", { class: "mono" }, element("a", { href: pageOf(uri) }, ...code.split(" ").flatMap((part) => [element("span", { class: "part" }, part), " "])))] : []), ...(note ? [element("p", { class: "remark" }, note)] : []), ...(retry ? [retry] : [])),
    element("div", { class: "marks" }, element("strong", { class: "lamp" }, word), ...(again ? [again] : [])),
  );
  const count = (test) => lines.filter(test).length;
  // A code that was scanned twice is one product.
  const counted = ["green", "grey", "amber", "red"].map((of) => fill(`list.${of}`, { n: count((each) => each.light === of && !each.repeats) }));
  const others = count((each) => !each.light && !each.isBusy && !each.repeats);
  $("tally").textContent = [fill("list.total", { n: lines.length, repeats: count((each) => each.repeats) }), ...counted, fill("list.others", { n: others })].join(" · ");
  for (const id of ["export", "clear"]) $(id).disabled = lines.length === 0;
}

/** Has a line's product checked, and shows what comes of it. */
async function follow(line) {
  if (!checks.has(line.uri)) checks.set(line.uri, inTurn(() => verdictOf(line.uri)));
  const found = await checks.get(line.uri);
  // The list was cleared meanwhile.
  if (!lines.includes(line)) return;
  Object.assign(line, found, { note: [line.reading, found.note].filter(Boolean).join(" "), isBusy: false });
  show(line);
  if (!line.repeats) announceLine(line);
}

function announceLine({ number, word, code, note }) {
  announce(fill("list.told", { line: number, word, what: code || note }));
}

function announce(text) {
  $("status").textContent = text;
}

/** Carries out some work once fewer than `AT_ONCE_MAX` others are under way. */
function inTurn(work) {
  const next = () => {
    if (running >= AT_ONCE_MAX || waiting.length === 0) return;
    running += 1;
    waiting.shift()().finally(() => {
      running -= 1;
      next();
    });
  };
  return new Promise((done) => {
    waiting.push(() => work().then(done));
    next();
  });
}

/** `{word, light, note}` of a product; it never rejects. */
async function verdictOf(uri) {
  for (let tries = 1; ; tries += 1) {
    try {
      return await judged(uri);
    } catch (error) {
      if (error instanceof Tampered) return { word: say("word.tampered"), light: "red", note: tamperedText(error, { say, fill }) };
      const isBusy = error instanceof Failed && error.why === "busy";
      if (!isBusy || tries === TRIES_MAX) {
        const why = error instanceof Failed ? say(`failed.${error.why}`) : sentenceOfFault(error, { say });
        return { word: say("list.unchecked"), light: "", note: fill("list.failed", { why }), isUnchecked: true };
      }
      await new Promise((done) => setTimeout(done, WAIT_MS * 2 ** (tries - 1)));
    }
  }
}

async function judged(uri) {
  // What the server says is held against the evidence, and not shown.
  const claimed = await askJson(`/verify?id=${encoded(uri)}`);
  const { verdict, newer, proven } = await check({ id: uri, claim: claimed.verdict, size: claimed.treeSize, sentences: SENTENCES });
  const name = (of) => find(`word.${of}`) ?? of;
  if (proven !== undefined) throw new Tampered("tampered.claim", { claimed: name(claimed.verdict), proven: name(proven) });
  if (newer !== undefined) return { word: say("word.incomplete"), light: "amber", note: say("older.sentence") };
  const note = isGlued(verdict) ? `${verdict.summary} ${say("list.separator")}` : verdict.summary;
  return { word: say(titleOf(verdict)), light: verdict.light, note };
}

/** Whether a lot of which nothing is recorded may be a lot and a serial: a scanner that leaves out the separator runs them together. */
const isGlued = ({ verdict, id }) => verdict === "unknown" && /\/10\/[^/]+21[^/]+$/.test(id);

/** With the network back, what could not be checked is checked without a press for each line. */
addEventListener("online", () => checkAgain(lines.filter(({ isUnchecked }) => isUnchecked)));

/** Gives the list as a file. */
function save() {
  const head = ["number", "time", "code", "word", "light", "note", "first"].map((column) => say(`list.column.${column}`));
  const rows = lines.map(({ number, time, code, word, light, note, repeats }) => [number, time.toISOString(), code, word, light && say(`list.light.${light}`), note, repeats ?? ""]);
  const link = element("a", { href: URL.createObjectURL(new Blob([csv([head, ...rows])], { type: "text/csv" })), download: `sealane-${new Date().toISOString().slice(0, 10)}.csv` });
  link.click();
  // The browser has begun to write the file by then.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  announce(fill("list.exported", { n: lines.length }));
  field.focus();
}

/** What is in the list is nowhere else. */
addEventListener("beforeunload", (event) => {
  if (lines.length > 0) event.preventDefault();
});

function clear() {
  // One key too many must not lose a delivery.
  if (!confirm(fill("list.clear.sure", { n: lines.length }))) return field.focus();
  lines.length = 0;
  waiting.length = 0;
  checks.clear();
  $("lines").replaceChildren();
  $("tally").textContent = "";
  for (const id of ["export", "clear"]) $(id).disabled = true;
  announce(say("list.cleared"));
  field.focus();
}
