// The check on this device: from the site's evidence to a verdict of its own, or to what does not hold.

import { recall, remember } from "./memory.js";

/** What does not hold. `key` names the message, `values` fill it. */
export class Tampered extends Error {
  constructor(key, values) {
    super(key);
    this.key = key;
    this.values = values;
  }
}

/** What could not be fetched or carried out, which proves nothing against anybody. */
export class Failed extends Error {}

/** Fetches, checks and judges: `{verdict, ms, firstContact, since, fingerprint}`. */
export async function check({ id, size }) {
  const { EvidenceError, verify, verifyConsistency } = await import("./verify.js");
  const [trust, evidence] = await Promise.all([
    get("/trust"),
    get(`/evidence?id=${encodeURIComponent(id)}&size=${size}`),
  ]);
  const held = recall();
  const anchor = held?.anchor ?? trust;
  if (held && held.anchor !== trust) {
    throw new Tampered("tampered.anchor", { before: fingerprint(held.anchor), now: fingerprint(trust) });
  }
  const began = performance.now();
  const verdict = await holds(EvidenceError, () => verify(evidence, { anchor, id, now: Date.now() }));
  const { checkpoint } = verdict;
  const last = await newest(held?.last, checkpoint, verifyConsistency);
  const ms = Math.max(1, Math.round(performance.now() - began));
  const since = held?.since ?? Date.now();
  remember(anchor, since, last);
  return { verdict, checkpoint, ms, firstContact: !held, since, fingerprint: fingerprint(anchor) };
}

/** Turns the verifier's refusal into something to show. Whatever else goes wrong in it is its own failure. */
async function holds(EvidenceError, work) {
  try {
    return await work();
  } catch (error) {
    if (error instanceof EvidenceError) throw new Tampered("tampered.evidence", { why: `${error.message} [${error.code}]` });
    throw error;
  }
}

/**
 * Checks that the tree seen last and the tree seen now are one that has grown, and gives the larger. A page that was kept
 * open shows an earlier tree, which is no fault, as long as the later one begins with it.
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

async function get(path) {
  const answer = await fetched(path);
  if (!answer.ok) throw new Failed(String(answer.status));
  return answer.text();
}

/** The fingerprint that an anchor's text gives itself; the verifier checks that it is its genesis statement's. */
function fingerprint(anchor) {
  try {
    return String(JSON.parse(anchor).fingerprint);
  } catch {
    return "?";
  }
}
