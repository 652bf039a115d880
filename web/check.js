// The check on this device: from the site's evidence to a verdict of its own, or to what does not hold.

import { recall, remember } from "./memory.js";

/** The words that there are. */
export const WORDS = ["unknown", "recalled", "suspect", "ended", "disputed", "incomplete", "traced", "authentic"];

/** What does not hold. `key` names the message, `values` fill it, or what the verifier says is wrong, its `fault`, `{code, message}`. */
export class Tampered extends Error {
  constructor(key, values, fault) {
    super(key);
    this.key = key;
    this.values = values;
    this.fault = fault;
  }
}

/** What could not be fetched or carried out, which proves nothing against any party. */
export class Failed extends Error {}

/** The message with the word for a verdict: of what has ended, how it did. */
export function titleOf({ verdict, reasons }) {
  const word = WORDS.includes(verdict) ? verdict : "unknown";
  return word === "ended" ? `end.${reasons[0].rule}` : `word.${word}`;
}

/**
 * Longest evidence that is read, in bytes: what a document may have (docs/FORMATS.md, "Evidence"). The verifier refuses a longer
 * one anyhow, so a phone need not hold it first.
 */
const EVIDENCE_BYTES_MAX = 64 * 1024 * 1024;

/**
 * Fetches the latest evidence about `id`, checks and judges it, and tells it in a language: `{verdict, checkpoint, ms, firstContact, since, fingerprint,
 * newer, proven}`. `progress` hears how far evidence has come, `{read, bytes, statements}`, the last two as far as the node says
 * them, and `undefined` once all is read. `newer` is the size of the ledger that this device has seen before, where the answer is from an
 * earlier one. `proven` is the verdict that the server should have given at `size` records, where its `claim` was another
 * one.
 */
export async function check({ id, claim, size, language, progress = () => {} }) {
  const { EvidenceError, verify, verifyConsistency } = await import("./verify.js");
  // Read before anything is asked for: whatever is answered from here on must be at least as new.
  const held = recall();
  const loaded = [get("/trust"), getEvidence(evidenceOf(id), progress), get(`/assets/sentences.${language}.json`)];
  const [trust, evidence, told] = await Promise.all(loaded);
  const sentences = JSON.parse(told);
  const anchor = held?.anchor ?? trust;
  if (held && !isOfOneLedger(held.anchor, trust)) {
    throw new Tampered("tampered.anchor", { before: fingerprint(held.anchor), now: fingerprint(trust) });
  }
  const judged = ({ bytes, isCut }) => holds(EvidenceError, isCut, () => verify(bytes, { anchor, id, now: Date.now(), sentences }));
  const began = performance.now();
  const verdict = await judged(evidence);
  const { checkpoint } = verdict;
  const last = await newest(held?.last, checkpoint, verifyConsistency);
  const ms = Math.max(1, Math.round(performance.now() - began));
  // The ledger may have grown since the server wrote its page: its word is held against the records that it had. A node keeps
  // the index of its last blocks alone; past them only the verdict of now can be shown.
  const hasGrown = isOther(verdict, claim) && checkpoint.size !== size;
  const earlier = hasGrown ? await getEvidence(evidenceOf(id, size), progress, true) : undefined;
  const then = earlier === undefined ? verdict : await judged(earlier);
  const proven = isOther(then, claim) && !(hasGrown && earlier === undefined) ? then.verdict : undefined;
  const since = held?.since ?? Date.now();
  remember(anchor, since, last);
  const newer = last.size > checkpoint.size ? last.size : undefined;
  return { verdict, checkpoint, ms, firstContact: !held, since, fingerprint: fingerprint(anchor), newer, proven };
}

const evidenceOf = (id, size) => `/evidence?id=${encodeURIComponent(id)}${size === undefined ? "" : `&size=${size}`}`;

/**
 * Tells whether a verdict is not what was claimed. A device's clock may make an answer too old that the server holds for
 * fresh: that is no lie of the server's.
 */
function isOther({ verdict, reasons }, claim) {
  return verdict !== claim && !reasons.some((reason) => reason.rule === "answer-too-old");
}

/** Turns the verifier's refusal into something to show. Whatever else goes wrong in it is its own failure. */
async function holds(EvidenceError, isCut, work) {
  try {
    return await work();
  } catch (error) {
    // A document that ends before its end cannot be read, and that is all that it shows.
    if (isCut && error instanceof EvidenceError && error.code === "json") throw new Failed("cut off");
    // Between a page that is kept and a node that was renewed this happens to the honest.
    if (error instanceof EvidenceError && error.code === "version") throw Object.assign(new Error(error.message), { code: error.code });
    if (error instanceof EvidenceError) throw new Tampered("tampered.evidence", {}, error);
    throw error;
  }
}

/**
 * Checks that the tree seen last and the tree seen now are one that has grown, and gives the larger. An earlier tree is no
 * forgery as long as the later one begins with it; but it may hide something.
 */
async function newest(last, now, verifyConsistency) {
  if (!last) return now;
  const [from, to] = last.size <= now.size ? [last, now] : [now, last];
  const rewritten = () => new Tampered("tampered.history", { before: last.size, now: now.size });
  if (last.origin !== now.origin) throw rewritten();
  const sameSize = from.size === to.size;
  const answer = sameSize ? undefined : await fetched(`/ledger/proofs/consistency?from=${from.size}&to=${to.size}`);
  if (answer?.status >= 500 || answer?.status === 429) throw new Failed(String(answer.status));
  try {
    const { proof } = sameSize ? { proof: [] } : await answer.json();
    // Refuses by throwing.
    await verifyConsistency(from, to, proof);
  } catch {
    throw rewritten();
  }
  return to;
}

async function fetched(path) {
  try {
    return await fetch(path, { headers: { accept: "application/json" }, cache: "no-store", credentials: "omit" });
  } catch {
    throw new Failed("offline");
  }
}

/** Evidence, `{bytes, isCut}`; `undefined` if the node keeps no longer what was asked for, where it `mayBeGone`. */
async function getEvidence(path, progress, mayBeGone = false) {
  progress({ read: 0 });
  const answer = await fetched(path);
  if (mayBeGone && answer.status === 410) return undefined;
  if (!answer.ok) throw new Failed(String(answer.status));
  const [told, statements] = ["X-Evidence-Bytes", "X-Evidence-Statements"].map((name) => {
    const text = answer.headers.get(name);
    return /^\d{1,15}$/.test(text ?? "") ? Number(text) : undefined;
  });
  const reader = answer.body.getReader();
  const pieces = [];
  let read = 0;
  for (;;) {
    progress({ read, bytes: told, statements });
    if (Math.max(read, told ?? 0) > EVIDENCE_BYTES_MAX) {
      reader.cancel().catch(() => {});
      throw new Tampered("tampered.evidence", {}, { code: "too-long", message: `the evidence has more than ${EVIDENCE_BYTES_MAX} bytes` });
    }
    const { done, value } = await reader.read().catch(() => {
      throw new Failed("cut off");
    });
    if (done) break;
    pieces.push(value);
    read += value.length;
  }
  progress();
  const bytes = new Uint8Array(read);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return { bytes, isCut: told !== undefined && read < told };
}

async function get(path) {
  const answer = await fetched(path);
  if (!answer.ok) throw new Failed(String(answer.status));
  return answer.text();
}

/**
 * Tells whether two anchors' texts are of one ledger: a node may come to show a later block of it. What is held is believed, so
 * that nothing rests on the other one.
 */
function isOfOneLedger(held, shown) {
  try {
    const [one, other] = [held, shown].map((text) => JSON.parse(text));
    return one.genesis === other.genesis && one.origin === other.origin;
  } catch {
    return held === shown;
  }
}

/** The fingerprint that an anchor's text gives itself; the verifier checks that it is its genesis statement's. */
function fingerprint(anchor) {
  try {
    return String(JSON.parse(anchor).fingerprint);
  } catch {
    return "?";
  }
}
