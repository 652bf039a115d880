// What the rules find, and how much of it is kept.

import { byUnits } from "./bytes.js";
import { SEVERITIES, SEVERITY_OF } from "./rule.js";

const REASONS_PER_RULE_MAX = 10;

export const weight = ({ severity }) => SEVERITIES.indexOf(severity);

/** The severity that weighs most; `undefined` without reasons. */
export const heaviest = (reasons) => SEVERITIES[Math.min(...reasons.map(weight))];

/** Findings as they come, with no more of one rule than anybody reads. */
export class Findings {
  reasons = [];
  #ofRule = new Map();

  /** Adds what a rule has found at `leaves`; `params` are the parts of its sentence. */
  add(rule, leaves, params = {}) {
    const earlier = this.#ofRule.get(rule) ?? [];
    if (earlier.length >= REASONS_PER_RULE_MAX) {
      // The rest add no sentence; their leaves still say where to look.
      for (const leaf of leaves) earlier.at(-1).leaves.push(leaf);
      return;
    }
    const reason = reasonOf(rule, [...leaves], params);
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

export const reasonOf = (rule, leaves, params) => ({ rule, severity: SEVERITY_OF[rule], leaves, params });
