// What does not hold, for people: one sentence in the page's language, and below it the verifier's own words, which are English.

import { element, number } from "./elements.js";

/** The verifier's codes, by the message that tells what they mean together; all others tell that a statement is written wrongly. */
export const FAULTS = {
  form: ["json", "shape", "checkpoint", "block", "note", "receipt", "id"],
  version: ["version"],
  "too-long": ["too-long"],
  question: ["other-id", "other-label"],
  ledger: ["other-origin", "wrong-audience"],
  anchor: ["anchor", "below-anchor", "other-tree"],
  members: ["handovers", "seal-members", "former-members"],
  commit: ["commit"],
  seal: ["seal", "seal-place", "no-seal"],
  proof: ["inclusion"],
  history: ["consistency", "fork", "older-than-seen"],
  signature: ["bad-signature", "signature", "signature-length", "signer"],
  decision: ["admin", "refused"],
  "left-out": ["statement-missing", "subject-missing", "capture-missing", "cut-short", "no-registration", "no-proposal", "not-indexed", "other-leaves"],
  index: ["index", "not-named", "other-signer", "other-acts"],
  unneeded: ["order", "leaf-twice", "signers-order", "index-order", "seal-unneeded", "subject-unneeded", "signer-unneeded", "unrelated"],
};

/** The sentence about an error of the verifier's; of any other one, which has no code, that the check itself went wrong. */
export function sentenceOfFault({ code }, { say }) {
  if (code === undefined) return say("fault.own");
  const [name] = Object.entries(FAULTS).find(([, codes]) => codes.includes(code)) ?? ["statement"];
  return say(`fault.${name}`);
}

/** The words of an error as a paragraph of technical detail. */
export function detailOfFault({ code, message }) {
  return element("p", { class: "detail" }, element("code", { lang: "en" }, code === undefined ? String(message) : `${message} [${code}]`));
}

/** What was tampered with, as a sentence: `{key, values, fault}` of `check`. */
export function tamperedText({ key, values, fault }, { say, fill }) {
  if (fault) return fill(key, { why: sentenceOfFault(fault, { say }) });
  const written = ([name, value]) => [name, typeof value === "number" ? number(value) : value];
  return fill(key, Object.fromEntries(Object.entries(values).map(written)));
}
