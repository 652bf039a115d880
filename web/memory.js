// What this device remembers of the ledger behind this site: its trust anchor, and the last checkpoint that it has seen.
//
// Local storage belongs to the site's address, so there is one anchor for an address: a site that turns up with another
// ledger is noticed, whatever name that ledger gives itself.

/** Of the trust anchor's version: one of an earlier version is of a ledger that is read no more. */
const KEY = "sealane.trust.v2";

/** Reads what is remembered: `{anchor, since, last}`, or undefined. */
export function recall() {
  try {
    const held = JSON.parse(localStorage.getItem(KEY));
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
