// The check on this device: from the site's evidence to a verdict of its own, or to what does not hold.

import { Failed, askBytes, askJson, askText, encoded } from "./ask.js";
import { recallEvidence } from "./kept.js";
import { isOfOneLedger, recall, remember } from "./memory.js";
import { EvidenceError, verify, verifyConsistency } from "./verify.js";

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
 * Fetches the latest evidence about `id`, checks and judges it, and tells it by the sentences of a language: `{verdict, checkpoint, ms,
 * firstContact, since, fingerprint, newer, proven, kept, evidence, anchor}`. `progress` hears how far evidence has come, `{read, bytes,
 * statements}`, the last two as far as the node says them, and `undefined` once all is read. `newer` is the size of the ledger that this
 * device has seen before, where the answer is from an earlier one. `proven` is the verdict that the server should have given at `size`
 * records, where its `claim` was another one. `kept` is when the evidence was kept on this device, if nothing was reached: it held then,
 * and no claim is held against it.
 */
export async function check({ id, claim, size, sentences, progress = () => {} }) {
  // Read before anything is asked for: whatever is answered from here on must be at least as new.
  const held = recall();
  try {
    const [trust, evidence] = await Promise.all([askText("/trust"), getEvidence(evidenceOf(id), progress)]);
    return await checked({ id, claim, size, sentences, progress, held, trust, evidence });
  } catch (error) {
    const isSilent = error.why === "offline" || error.why === "late";
    const kept = isSilent ? await recallEvidence(id) : undefined;
    if (kept === undefined) throw error;
    return checkedAgain({ id, sentences, held, kept });
  }
}

async function checked({ id, claim, size, sentences, progress, held, trust, evidence }) {
  const anchor = held?.anchor ?? trust;
  if (held && !isOfOneLedger(held.anchor, trust)) {
    throw new Tampered("tampered.anchor", { before: fingerprint(held.anchor), now: fingerprint(trust) });
  }
  const judged = ({ bytes, isCut }) => holds(isCut, () => verify(bytes, { anchor, id, now: Date.now(), sentences }));
  const began = performance.now();
  let verdict = await judged(evidence);
  // The worker asks before the page is there, and another page may see more meanwhile: what is from before either is asked for once more.
  if (verdict.checkpoint.size < Math.max(size, held?.last?.size ?? 0)) {
    evidence = await getEvidence(evidenceOf(id), progress);
    verdict = await judged(evidence);
  }
  const { checkpoint } = verdict;
  const last = await newest(held?.last, checkpoint);
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
  return { verdict, checkpoint, ms, firstContact: !held, since, fingerprint: fingerprint(anchor), newer, proven, evidence: evidence.bytes, anchor };
}

/** Checks what this device kept. It is no news, so that nothing of it is remembered. */
async function checkedAgain({ id, sentences, held, kept }) {
  const anchor = held?.anchor ?? kept.anchor;
  const began = performance.now();
  const verdict = await holds(false, () => verify(kept.evidence, { anchor, id, now: Date.now(), sentences }));
  const ms = Math.max(1, Math.round(performance.now() - began));
  return { verdict, checkpoint: verdict.checkpoint, ms, firstContact: !held, since: held?.since ?? kept.at, fingerprint: fingerprint(anchor), kept: kept.at };
}

const evidenceOf = (id, size) => `/evidence?id=${encoded(id)}${size === undefined ? "" : `&size=${size}`}`;

/**
 * Tells whether a verdict is not what was claimed. A device's clock may make an answer too old that the server holds for
 * fresh: that is no lie of the server's.
 */
function isOther({ verdict, reasons }, claim) {
  return verdict !== claim && !reasons.some((reason) => reason.rule === "answer-too-old");
}

/** Turns the verifier's refusal into something to show. Whatever else goes wrong in it is its own failure. */
async function holds(isCut, work) {
  try {
    return await work();
  } catch (error) {
    // A document that ends before its end cannot be read, and that is all that it shows.
    if (isCut && error instanceof EvidenceError && error.code === "json") throw new Failed("cut");
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
async function newest(last, now) {
  if (!last) return now;
  const [from, to] = last.size <= now.size ? [last, now] : [now, last];
  const rewritten = () => new Tampered("tampered.history", { before: last.size, now: now.size });
  if (last.origin !== now.origin) throw rewritten();
  try {
    const { proof } = from.size === to.size ? { proof: [] } : await askJson(`/ledger/proofs/consistency?from=${from.size}&to=${to.size}`);
    // Refuses by throwing.
    await verifyConsistency(from, to, proof);
  } catch (error) {
    // A node that does not give the proof has none.
    if (error instanceof Failed && error.why !== "refused") throw error;
    throw rewritten();
  }
  return to;
}

/** Evidence, `{bytes, isCut}`; `undefined` if the node keeps no longer what was asked for, where it `mayBeGone`. */
function getEvidence(path, progress, mayBeGone = false) {
  const bounded = (now) => {
    progress(now);
    if (Math.max(now?.read ?? 0, now?.bytes ?? 0) > EVIDENCE_BYTES_MAX) {
      throw new Tampered("tampered.evidence", {}, { code: "too-long", message: `the evidence has more than ${EVIDENCE_BYTES_MAX} bytes` });
    }
  };
  return askBytes(path, { gone: mayBeGone ? 410 : undefined, progress: bounded });
}

/** The fingerprint that an anchor's text gives itself; the verifier checks that it is its genesis statement's. */
function fingerprint(anchor) {
  try {
    return String(JSON.parse(anchor).fingerprint);
  } catch {
    return "?";
  }
}
