// The check of a product's page, with a node and a device's storage that are objects here.

import assert from "node:assert/strict";
import { test } from "node:test";

import "./webcrypto.mjs";
import { Failed } from "../../web/ask.js";
import { Tampered, check } from "../../web/check.js";
import { VERSIONS } from "./builders/formats.mjs";
import { ENGLISH } from "./builders/sentences.mjs";
import { Actor, ITEM, Ledger, eventAt } from "./ledger.mjs";

function journey() {
  const ledger = new Ledger();
  const acme = new Actor(1, "Acme Pharma", { gs1CompanyPrefixes: ["9506000"] });
  ledger.register(acme);
  ledger.capture(acme, eventAt(60, { epcList: [ITEM], action: "ADD", bizStep: "commissioning" }));
  return ledger;
}

const JSON_TYPE = { "content-type": "application/json" };

/** What the node at this site's address answers, by the path's beginning. */
function site(answers) {
  const kept = new Map();
  globalThis.localStorage = { getItem: (key) => kept.get(key) ?? null, setItem: (key, text) => kept.set(key, text), removeItem: (key) => kept.delete(key) };
  globalThis.fetch = async (path) => {
    const [, text] = Object.entries(answers).find(([start]) => path.startsWith(start)) ?? assert.fail(path);
    if (text instanceof Error) throw text;
    if (text instanceof Response) return text;
    return new Response(typeof text === "number" ? "{}" : text, { status: typeof text === "number" ? text : 200, headers: JSON_TYPE });
  };
  return { answers, kept };
}

const served = (ledger) => ({ "/trust": JSON.stringify(ledger.anchor()), "/evidence": JSON.stringify(ledger.evidence(ITEM)) });
/** The answer is old when this runs, which is no other verdict than the one that is claimed. */
const look = (ledger) => check({ id: ITEM, claim: "authentic", size: ledger.size, sentences: ENGLISH });
const tampered = (key, why = /./) => (error) => error instanceof Tampered && error.key === key && why.test(`${JSON.stringify(error.values)} ${error.fault?.message} [${error.fault?.code}]`);

test("the first visit keeps the ledger's anchor, and a later one believes it alone", async () => {
  const ledger = journey();
  const { answers, kept } = site(served(ledger));
  const first = await look(ledger);
  assert.deepEqual([first.firstContact, first.fingerprint, first.proven], [true, ledger.anchor().fingerprint, undefined]);
  assert.equal(kept.size, 1);
  assert.equal((await look(ledger)).firstContact, false);
  const other = journey();
  Object.assign(answers, served(other));
  await assert.rejects(look(other), tampered("tampered.anchor", new RegExp(other.anchor().fingerprint)));
});

test("a later anchor of the same ledger is no other ledger, and what is held goes on", async () => {
  const ledger = journey();
  const { answers } = site(served(ledger));
  await look(ledger);
  answers["/trust"] = JSON.stringify(ledger.anchor(2));
  const again = await look(ledger);
  assert.deepEqual([again.firstContact, again.fingerprint], [false, ledger.anchor().fingerprint]);
  // Another ledger cannot pass for the one that is held by naming its origin.
  const other = new Ledger();
  answers["/trust"] = JSON.stringify({ ...ledger.anchor(2), genesis: other.genesis });
  await assert.rejects(look(ledger), tampered("tampered.anchor"));
  answers["/trust"] = "{";
  await assert.rejects(look(ledger), tampered("tampered.anchor"));
});

test("evidence that does not hold is tampered with, and evidence of another version is not", async () => {
  const ledger = journey();
  const evidence = ledger.evidence(ITEM);
  const { answers } = site(served(ledger));
  answers["/evidence"] = JSON.stringify({ ...evidence, handovers: [1] });
  await assert.rejects(look(ledger), tampered("tampered.evidence", /this is no evidence.*\[shape\]/));
  answers["/evidence"] = JSON.stringify({ ...evidence, version: VERSIONS.evidence + 1 });
  await assert.rejects(look(ledger), (error) => !(error instanceof Tampered) && /use a newer version of this program/.test(error.message));
  answers["/evidence"] = 503;
  await assert.rejects(look(ledger), (error) => error instanceof Failed && error.message === "busy 503");
});

test("past what the node keeps the device's own verdict stands, and the server's word is held against nothing", async (t) => {
  const ledger = journey();
  const { answers } = site(served(ledger));
  // An answer of a moment ago: one that is too old counts as no other verdict.
  t.mock.timers.enable({ apis: ["Date"], now: Date.parse(JSON.parse(ledger.evidence(ITEM).seal.seal).time) + 1_000 });
  const claimed = { id: ITEM, claim: "suspect", size: ledger.size - 1, sentences: ENGLISH };
  // The claim was of an earlier size: `/evidence` with a size is asked first, since its path begins alike.
  const evidence = answers["/evidence"];
  delete answers["/evidence"];
  const sized = `/evidence?id=${encodeURIComponent(ITEM)}&size=`;
  Object.assign(answers, { [sized]: 410, "/evidence": evidence });
  const seen = await check(claimed);
  assert.deepEqual([seen.verdict.verdict === "suspect", seen.proven], [false, undefined]);
  answers[sized] = 404;
  await assert.rejects(check(claimed), (error) => error instanceof Failed && error.message === "refused 404");
  // At the size that was claimed the server's word is another one than what its own evidence gives.
  answers[sized] = evidence;
  assert.notEqual((await check(claimed)).proven, undefined);
});

test("evidence from before the page, or from before what was seen, is asked for once more", async (t) => {
  const ledger = journey();
  const early = JSON.stringify(ledger.evidence(ITEM));
  const size = ledger.size;
  const { answers } = site(served(ledger));
  const acme = new Actor(2, "Other", { gs1CompanyPrefixes: ["9506001"] });
  ledger.register(acme);
  t.mock.timers.enable({ apis: ["Date"], now: Date.parse(JSON.parse(ledger.evidence(ITEM).seal.seal).time) + 1_000 });
  const late = JSON.stringify(ledger.evidence(ITEM));
  let asked = [];
  const answered = (...texts) => {
    asked = [];
    globalThis.fetch = async (path) => {
      if (!path.startsWith("/evidence")) return new Response(answers["/trust"], { headers: JSON_TYPE });
      asked.push(path);
      return new Response(texts.length > 1 ? texts.shift() : texts[0], { headers: JSON_TYPE });
    };
  };
  answered(early, late);
  const ofPage = (at) => check({ id: ITEM, claim: "authentic", size: at, sentences: ENGLISH });
  assert.deepEqual([(await ofPage(ledger.size)).checkpoint.size, asked.length], [ledger.size, 2], "the page was written later");
  answered(early, late);
  assert.deepEqual([(await ofPage(size)).newer, asked.length], [undefined, 2], "another page has seen more");
  answered(late);
  assert.deepEqual([(await ofPage(size)).newer, asked.length], [undefined, 1]);
});

/** An answer of these pieces, after which the connection breaks if it `breaks`. */
function sent(pieces, { breaks = false, ...headers } = {}) {
  const rest = [...pieces];
  const body = new ReadableStream({
    pull(to) {
      if (rest.length > 0) to.enqueue(new TextEncoder().encode(rest.shift()));
      else if (breaks) to.error(new TypeError("network error"));
      else to.close();
    },
  });
  return new Response(body, { headers: { ...JSON_TYPE, ...headers } });
}

test("a load is told of as far as it has come, and then that it is over", async () => {
  const ledger = journey();
  const { answers } = site(served(ledger));
  const text = answers["/evidence"];
  const at = Math.floor(text.length / 3);
  const bytes = new TextEncoder().encode(text).length;
  answers["/evidence"] = sent([text.slice(0, at), text.slice(at)], { "X-Evidence-Bytes": String(bytes), "X-Evidence-Statements": "1" });
  const heard = [];
  await check({ id: ITEM, claim: "authentic", size: ledger.size, sentences: ENGLISH, progress: (now) => heard.push(now) });
  assert.deepEqual([heard.shift(), heard.pop()], [{ read: 0 }, undefined], "before it is answered, and when it is read");
  assert.deepEqual(heard.map(({ read }) => read), [0, new TextEncoder().encode(text.slice(0, at)).length, bytes]);
  assert.ok(heard.every((one) => one.bytes === bytes && one.statements === 1));
  // A node that does not say how long it is.
  heard.length = 0;
  answers["/evidence"] = sent([text], { "X-Evidence-Bytes": "-1" });
  await check({ id: ITEM, claim: "authentic", size: ledger.size, sentences: ENGLISH, progress: (now) => heard.push(now) });
  assert.deepEqual(heard.slice(1), [{ read: 0, bytes: undefined, statements: undefined }, { read: bytes, bytes: undefined, statements: undefined }, undefined]);
});

test("what is cut off is not fetched, and what is whole is judged whatever its head says", async () => {
  const ledger = journey();
  const { answers } = site(served(ledger));
  const text = answers["/evidence"];
  const half = text.slice(0, text.length / 2);
  const said = { "X-Evidence-Bytes": String(new TextEncoder().encode(text).length) };
  const isFailed = (error) => error instanceof Failed && error.message === "cut";
  answers["/evidence"] = sent([half], { ...said, breaks: true });
  await assert.rejects(look(ledger), isFailed);
  answers["/evidence"] = sent([half], { breaks: true });
  await assert.rejects(look(ledger), isFailed);
  // A connection that ends without a word.
  answers["/evidence"] = sent([half], said);
  await assert.rejects(look(ledger), isFailed);
  // Shorter than it said, and whole: another document stands in its place.
  const other = ledger.evidence(ITEM);
  answers["/evidence"] = sent([JSON.stringify({ ...other, statements: [] })], said);
  await assert.rejects(look(ledger), tampered("tampered.evidence"));
  answers["/evidence"] = sent([half, "}"], { "X-Evidence-Bytes": "10" });
  await assert.rejects(look(ledger), tampered("tampered.evidence", /\[json\]/));
});

test("no more is read than evidence may have", async () => {
  const ledger = journey();
  const { answers } = site(served(ledger));
  const tooLong = tampered("tampered.evidence", /more than 67108864 bytes \[too-long\]/);
  answers["/evidence"] = sent(["{}"], { "X-Evidence-Bytes": "67108865" });
  await assert.rejects(look(ledger), tooLong);
  let pieces = 0;
  const endless = new ReadableStream({
    pull(to) {
      pieces += 1;
      to.enqueue(new Uint8Array(1024 * 1024));
    },
  });
  answers["/evidence"] = new Response(endless, { headers: JSON_TYPE });
  await assert.rejects(look(ledger), tooLong);
  assert.ok(pieces < 70, `${pieces} megabytes`);
});

test("whatever stands in the way of an answer has its name, and proves nothing against any party", async (t) => {
  const ledger = journey();
  const good = served(ledger);
  const { answers } = site(good);
  const portal = (status, type) => new Response("<h1>Welcome to our Wi-Fi</h1>", { status, headers: { "content-type": type } });
  for (const [why, answer] of [
    ["foreign", () => portal(200, "text/html; charset=utf-8")],
    ["foreign", () => portal(511, "application/json")],
    ["foreign", () => portal(404, "text/html")],
    ["foreign", () => new Response("{}")],
    ["busy", () => 429],
    ["broken", () => 500],
    ["refused", () => 400],
    ["offline", () => new TypeError("Failed to fetch")],
  ]) {
    for (const path of ["/evidence", "/trust"]) {
      Object.assign(answers, { "/trust": JSON.stringify(ledger.anchor()), "/evidence": JSON.stringify(ledger.evidence(ITEM)) });
      answers[path] = answer();
      await assert.rejects(look(ledger), (error) => error instanceof Failed && error.why === why, `${why} at ${path}`);
    }
  }
  // A node that takes the question and is silent.
  t.mock.timers.enable({ apis: ["setTimeout"] });
  globalThis.fetch = () => new Promise(() => {});
  const waiting = look(ledger);
  t.mock.timers.tick(20_000);
  await assert.rejects(waiting, (error) => error instanceof Failed && error.why === "late");
});

test("what the page asked for before its script came is taken once", async () => {
  const ledger = journey();
  const { answers } = site(served(ledger));
  const early = { answer: Promise.resolve(new Response(answers["/trust"], { headers: JSON_TYPE })), stop: new AbortController() };
  globalThis.sealane = { asked: new Map([["/trust", early]]) };
  delete answers["/trust"];
  assert.equal((await look(ledger)).firstContact, true);
  assert.equal(globalThis.sealane.asked.size, 0);
  delete globalThis.sealane;
});

test("what was kept is checked again if nothing is reached, and only then", async () => {
  const ledger = journey();
  const { answers, kept } = site(served(ledger));
  const first = await look(ledger);
  const stored = JSON.stringify({ anchor: first.anchor, evidence: new TextDecoder().decode(first.evidence) });
  globalThis.caches = { match: async () => new Response(stored, { headers: { "x-kept-at": "1767225600000" } }) };
  answers["/evidence"] = new TypeError("Failed to fetch");
  const before = kept.get("sealane.trust.v2");
  const again = await look(ledger);
  assert.deepEqual([again.kept, again.proven, again.verdict.id], [1767225600000, undefined, ITEM]);
  assert.equal(kept.get("sealane.trust.v2"), before, "it is no news");
  // What another party put there does not hold.
  globalThis.caches = { match: async () => new Response(JSON.stringify({ anchor: first.anchor, evidence: JSON.stringify({ ...ledger.evidence(ITEM), handovers: [1] }) })) };
  await assert.rejects(look(ledger), tampered("tampered.evidence"));
  answers["/evidence"] = 503;
  await assert.rejects(look(ledger), (error) => error.why === "busy");
  delete globalThis.caches;
});
