// Theft: reported by a participant that the product concerned then; the report of any other is shown as a claim.

import { declares } from "../epcis.js";

/** Judges reports of theft. Who reported it, or the prefix's holder, may say that it was found. */
export function checkStolen(one, findings) {
  // What others have gone on from is reported stolen by the maker alone.
  const ofJourney = () => one.account.thefts.filter((at) => !one.account.overtaken.has(at) || one.byPrefixHolder(at));
  // A paper has no custodian.
  const ofPaper = () => one.order.filter((at) => declares(one.event(at), "stolen") && one.byPrefixHolder(at));
  const thefts = one.subject === "paper" ? ofPaper() : ofJourney();
  let reported;
  for (const at of one.order) {
    if (thefts.includes(at)) reported ??= at;
    else if (reported !== undefined && one.event(at).unset.includes("stolen")) {
      if (one.signer(at) === one.signer(reported) || one.byPrefixHolder(at)) reported = undefined;
    }
  }
  for (const at of one.told) {
    const isClaim = one.counts(at) && declares(one.event(at), "stolen") && !thefts.includes(at);
    if (isClaim) findings.add("stolen-claimed", [one.leaf(at)], one.signed(at));
  }
  if (reported !== undefined) findings.add("reported-stolen", [one.leaf(reported)], one.signed(reported));
}
