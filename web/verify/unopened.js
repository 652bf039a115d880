// What others than the parties say in leaves that were not opened: the index proves who signed them and that they say to have had the
// product, and nothing more. No missing hand-over explains that.

import { against } from "./against.js";
import { day } from "./days.js";
import { quoted } from "./sentences.js";

/** Reports what counts as a claim; true where there is any. */
export function checkUnopened(one, findings) {
  const { claims, dismissed } = sorted(one);
  for (const [signer, leaves] of claims) {
    const says = { key: "claimed.unopened", params: { who: one.knownByNumber(signer), told: told(leaves) } };
    findings.add("claimed", leaves, against(one, signer, says));
  }
  noteDismissed(one, dismissed, findings);
  return claims.size > 0;
}

/** Notes the same of a lot or a class, which many have. */
export function noteUnopened(one, findings) {
  const { claims, dismissed } = sorted(one);
  for (const [signer, leaves] of claims) {
    const says = { key: "lot-claimed.unopened", params: { who: one.knownByNumber(signer), told: told(leaves) } };
    findings.add("lot-claimed", leaves, { says });
  }
  noteDismissed(one, dismissed, findings);
}

/** What counts, and what the members have dismissed: the leaves of each signer, in the order of their first ones. */
function sorted(one) {
  const [claims, dismissed] = [new Map(), new Map()];
  for (const { leaf, signer } of one.history.unopened ?? []) {
    const of = one.registry.dismissalOf(signer, leaf) === undefined ? claims : dismissed;
    if (!of.has(signer)) of.set(signer, []);
    of.get(signer).push(leaf);
  }
  return { claims, dismissed };
}

function noteDismissed(one, dismissed, findings) {
  for (const [signer, leaves] of dismissed) {
    const { at, reason } = one.registry.dismissalOf(signer, leaves[0]);
    const says = { key: "dismissed.unopened", params: { who: one.knownByNumber(signer), told: told(leaves) } };
    findings.add("dismissed", leaves, { says, decided: day(at.time), reason: quoted(reason) });
  }
}

/** Where it says so, as a clause. */
const told = ([leaf, ...more]) =>
  more.length === 0 ? { key: "at-leaf", params: { leaf } } : { key: "at-leaves", params: { count: more.length + 1, leaf } };
