// Corrections: what was withdrawn stays visible, and a declaration without effect is named as one.

import { reusedIds } from "../corrections.js";

export function checkCorrections(one, findings) {
  for (const at of one.told) {
    const { standing } = one.entries[at];
    const params = { who: one.who(at), declared: one.declared(at) };
    if (standing.is === "withdraws") {
      findings.add("corrected", one.leaves([standing.of, at]), { ...params, day: one.day(standing.of) });
    } else if (standing.is === "withdraws-nothing") {
      findings.add("correction-without-effect", [one.leaf(at)], params);
    }
  }
  for (const [first, second] of reusedIds(one.entries, one.told)) {
    const params = { who: one.who(second), day: one.day(first), again: one.day(second) };
    findings.add("event-id-reused", one.leaves([first, second]), params);
  }
}
