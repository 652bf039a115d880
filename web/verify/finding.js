// What the rules find, and how much of it is kept.

import { byUnits } from "./bytes.js";
import { say } from "./sentences.js";

const REASONS_PER_RULE_MAX = 10;

/** What a finding means for the verdict, the weightiest first. */
export const SEVERITIES = ["recall", "fails", "ended", "disputes", "gap", "past", "note", "holds"];

export const weight = ({ severity }) => SEVERITIES.indexOf(severity);

/** The severity that weighs most; `undefined` without reasons. */
export const heaviest = (reasons) => SEVERITIES[Math.min(...reasons.map(weight))];

/** Findings as they come, with no more of one rule than anybody reads. */
export class Findings {
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

  /** The weightiest first, then in ledger order. */
  sorted() {
    for (const reason of this.reasons) reason.leaves = [...new Set(reason.leaves)].sort((a, b) => a - b);
    const order = (a, b) => weight(a) - weight(b) || byLeaves(a.leaves, b.leaves) || byUnits(a.rule, b.rule);
    return this.reasons.sort(order);
  }
}

function byLeaves(a, b) {
  for (let at = 0; at < a.length && at < b.length; at++) if (a[at] !== b[at]) return a[at] - b[at];
  return a.length - b.length;
}

export function reasonOf(rule, severity, leaves, params, variant) {
  const key = variant === undefined ? rule : `${rule}.${variant}`;
  return { rule, severity, leaves, key, params, text: say({ key, params }) };
}
