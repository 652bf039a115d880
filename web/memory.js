// What this device remembers of the ledger behind this site: its trust anchor, and the last checkpoint that it has seen.
//
// Local storage belongs to the site's address, so there is one anchor for an address: a site that turns up with another
// ledger is noticed, whatever name that ledger gives itself.

/** Of the trust anchor's version: one of an earlier version is of a ledger that is read no more. The same stands in first.js. */
const KEY = "sealane.trust.v2";

/** Reads what is remembered: `{anchor, since, last}`, or undefined. */
export function recall() {
  try {
    const early = globalThis.sealane?.held;
    // What was read before the page asked for anything counts once: another check reads anew.
    if (early !== undefined) globalThis.sealane.held = undefined;
    const held = JSON.parse(early === undefined ? localStorage.getItem(KEY) : early);
    return typeof held?.anchor === "string" ? held : undefined;
  } catch {
    // No storage (a private window, a setting): every visit is a first one.
    return undefined;
  }
}

/** Remembers an anchor's text and a checkpoint `{origin, size, root}`. */
export function remember(anchor, since, last) {
  try {
    localStorage.setItem(KEY, JSON.stringify({ anchor, since, last }));
  } catch {
    // As above.
  }
}

/** Forgets the ledger of this site. */
export function forget() {
  try {
    localStorage.removeItem(KEY);
  } catch {
    // As above.
  }
}

/**
 * Tells whether two anchors' texts are of one ledger: a node may come to show a later block of it. What is held is believed, so
 * that nothing rests on the other one.
 */
export function isOfOneLedger(held, shown) {
  try {
    const [one, other] = [held, shown].map((text) => JSON.parse(text));
    return one.genesis === other.genesis && one.origin === other.origin;
  } catch {
    return held === shown;
  }
}
