// Signers: registered and in force at the record's place, within their rights, with a key that was in no other hands.

import { breach } from "../registry.js";
import { day, minute } from "../days.js";
import { shown } from "../sentences.js";

/** Judges who signed the records and with what right. */
export function checkSigners(one, findings) {
  const { disregarded, order } = one.account;
  for (const at of [...disregarded].sort((a, b) => a - b)) {
    const since = one.compromisedSince(at);
    if (since !== undefined) findings.add("compromised-stranger", [one.leaf(at)], { ...one.signed(at), since: minute(since) });
  }
  let sound = true;
  for (const at of one.told) {
    const { is } = one.entries[at].standing;
    // The entries of the account and those that contradict it, and the declarations that withdraw others: those act too.
    if (is !== "withdraws" && !["accepted", "contradiction"].includes(one.account.outcomes.get(at))) continue;
    const faults = [notInForce(one, at), is === "counts" ? outsideRights(one, at) : undefined, afterCompromise(one, at)];
    for (const fault of faults) {
      if (!fault) continue;
      sound = false;
      findings.add(fault.rule, [one.leaf(at)], { ...one.signed(at), ...fault.params });
    }
  }
  if (!sound || order.length === 0) return;
  const signers = [...new Set(order.map((at) => one.signer(at)))].sort();
  const named = signers.slice(0, 5).map((id) => one.name(id));
  const more = signers.length - named.length;
  const names = more > 0 ? { key: "more", params: { names: named, count: more } } : named;
  findings.add("signers-registered", one.leaves(order), { names });
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
  if (broken.rule !== "role-step" && one.account.isOrigin(at) && !one.byPrefixHolder(at)) return undefined;
  const { step } = broken.params;
  const params = { ...broken.params, step: step && shown(step) };
  const key = broken.key === "end" && params.by === "action" ? "rights.end-action" : `rights.${broken.key}`;
  return { rule: "signer-outside-rights", params: { why: { key, params } } };
}

function afterCompromise(one, at) {
  const since = one.account.disregarded.has(at) ? undefined : one.compromisedSince(at);
  return since === undefined ? undefined : { rule: "signed-after-compromise", params: { since: minute(since) } };
}
