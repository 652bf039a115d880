// Sealane's verifier for browsers and Node: checks evidence about a product against a trust anchor, and judges it.
//
//   import { verify } from "./verify.js";
//   const answer = await verify(evidence, { anchor, id, now: Date.now() });
//
// No dependencies, no build step, no network; WebCrypto checks the signatures. What is believed, and in which order it is
// checked, is in docs/FORMATS.md ("Evidence"); what the verdict means, in docs/VERDICT.md. Receipts are checked by
// ./verify/receipt.js, which this does not load.

import { breathe } from "./verify/breathe.js";
import { EvidenceError, fail, fromBase64url, isHash, toBase64url } from "./verify/bytes.js";
import { readJson } from "./verify/document.js";
import { checkEvidence } from "./verify/evidence.js";
import { IdError, parseQuestion } from "./verify/gs1.js";
import { judge, stale, withReason } from "./verify/judge.js";
import { tell } from "./verify/sentences.js";
import { ProofError, verifyConsistency as checkConsistency } from "./verify/tree.js";
import { trustedAnchor } from "./verify/trusted.js";

export { EvidenceError } from "./verify/bytes.js";
export { canonicalId } from "./verify/gs1.js";
export { follow } from "./verify/follow.js";
export { namesOfAdmin, namesOfEvent } from "./verify/subjects.js";
export { DEFAULT_POLICY, judge } from "./verify/judge.js";
export { say, sentencesOf, tell } from "./verify/sentences.js";
export { trustedAnchor } from "./verify/trusted.js";

/**
 * Checks evidence and judges what it shows.
 *
 * - `evidence`: the document, as text, bytes or parsed JSON. As text, a member named twice is found.
 * - `anchor`: the trust anchor's JSON (`GET /trust`), in the same forms: all that is believed beforehand.
 * - `id`: the id that was asked about, in any spelling, with what its code says beside it (an element string, a Digital
 *   Link): the verifier judges with the label of this question, and refuses evidence for another.
 * - `label`: what the label says beside, `{ai: value}`, such as `{"10": "L8", "17": "261231"}`.
 * - `now`: milliseconds since 1970; then an answer that is too old is `incomplete`.
 * - `last`: `{size, root}` of the last checkpoint of this origin that was seen: an older answer and a fork are refused.
 * - `sentences`: the sentences of a language, `{key: sentence}` (`sentencesOf` takes them out of verify/sentences.json): with them the
 *   answer has `summary`, each reason's `text` and the timeline's `note`s. `tell` adds them later, or in another language.
 * - `policy`: see `DEFAULT_POLICY`; what is left out stands as there.
 *
 * Gives `{id, label, verdict, summary, reasons: [{rule, severity, leaves, params, text}], state, timeline, asOf, treeSize,
 * checks: {signatures, proofs, subjects, leaves}, checkpoint: {origin, size, root}, seal, fingerprint, holder}`. The `holder` is the
 * participant to whom the number belongs, `{id, organization, contact}`, the last if it has one; left out if there is none.
 *
 * Throws an `EvidenceError` with a stable `code` for evidence that does not hold: the first fault, in the order of
 * docs/FORMATS.md. Any other error says nothing about the evidence: there is no WebCrypto here.
 */
export async function verify(evidence, { anchor, id, label, now, last, policy, sentences }) {
  const asked = readQuestion(id, label);
  const trusted = await trustedAnchor(anchor);
  const document = readJson(evidence, "json", "the evidence");
  await breathe();
  const { history, checkpoint, seal, checks } = await checkEvidence(document, asked, trusted, last);
  await breathe();
  let verdict = judge(history, policy ?? {});
  await breathe();
  const old = now == null ? undefined : stale(history.asOf, now, policy ?? {});
  if (old) verdict = withReason(verdict, old);
  if (sentences) verdict = tell(verdict, sentences);
  const { origin, size, root } = checkpoint;
  const shown = { origin, size, root: toBase64url(root) };
  const held = history.registry.holderAt(history.id, history.treeSize);
  const holder = held && { id: held.id, organization: held.claims.organization, contact: held.claims.contact };
  return { ...verdict, checks, checkpoint: shown, seal: seal.text, fingerprint: trusted.fingerprint, holder };
}

/**
 * Checks by an RFC 9162 consistency proof (hashes in base64url) that the ledger `to` begins with the ledger `from`, each
 * `{size, root}`.
 */
export function verifyConsistency(from, to, proof) {
  const hash = (text) => (isHash(text) ? fromBase64url(text) : fail("consistency", "a hash is malformed"));
  const tree = ({ size, root }) =>
    Number.isSafeInteger(size) ? { size, root: hash(root) } : fail("consistency", "a size is malformed");
  if (!Array.isArray(proof)) fail("consistency", "the proof is no list of hashes");
  try {
    checkConsistency(tree(from), tree(to), proof.map(hash));
  } catch (error) {
    if (error instanceof ProofError) fail("consistency", error.message);
    throw error;
  }
}

function readQuestion(text, label) {
  try {
    return parseQuestion(String(text), label);
  } catch (error) {
    if (error instanceof IdError) throw new EvidenceError("id", error.message);
    throw error;
  }
}
