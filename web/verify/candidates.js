// Candidates: two or more who say to have received what was let go to nobody in particular. They are equals until the one who let it go
// names one of them.

import { destinations, followPassage } from "./passage.js";
import { actOf } from "./reading.js";

/** Within what time of block times a second receiver of the same goods is one. */
const SECOND_RECEIVER_MS = 7 * 24 * 60 * 60 * 1000;

/**
 * The first contest that a journey leaves open among what was offered and is not in it, beside the `known` ones:
 * `{from, since, first, by, others, naming, receiver}`. `first` is the entry by which `by` took over what `from` had let go at `since`,
 * `others` are the first entries of the other candidates, and `naming` the entry by which `from` named `receiver`, if it did.
 */
export function contestIn(records, journey, offered, known) {
  const waiting = offered.filter((at) => !journey.order.includes(at));
  for (const [first, transfer] of journey.unannounced) {
    if (known.some(({ since }) => since === transfer.since)) continue;
    const others = candidates(records, journey, first, transfer, waiting);
    if (others.length > 0) return contest(records, first, transfer, others, waiting);
  }
  return undefined;
}

/** Of each participant the first entry, by the ledger, by which it would have taken over if the one that did had not. */
function candidates(records, { order, fitting }, first, transfer, waiting) {
  const by = records.signer(first);
  const since = order.slice(order.indexOf(first)).filter((at) => fitting.has(at));
  const time = (at) => records.entries[at].record.place.time;
  const began = time(Math.min(...since.filter((at) => records.signer(at) === by)));
  const found = new Map();
  for (const at of waiting) {
    const signer = records.signer(at);
    const isOther = signer !== by && signer !== transfer.from && !found.has(signer);
    const isClaim = records.namesIt(at) && !records.bringsForth(at) && records.isBefore(transfer.since, at);
    if (!isOther || !isClaim || records.compromisedSince(at) !== undefined || records.dismissal(at) !== undefined) continue;
    const isSoon = Math.abs(time(at) - began) <= SECOND_RECEIVER_MS;
    // Who goes on from the first vouches for it.
    const isVouched = since.some((one) => one < at && records.signer(one) !== by && records.signer(one) !== signer);
    const { is } = followPassage(records, transfer, at) ?? {};
    // Who visits the first takes nothing.
    const isAgainst = followPassage(records, { is: "held", by }, at) === undefined;
    if (isSoon && !isVouched && is === "held" && isAgainst) found.set(signer, at);
  }
  return [...found.values()];
}

function contest(records, first, { from, since }, others, waiting) {
  const by = records.signer(first);
  const all = [by, ...others.map((at) => records.signer(at))];
  const named = (at) => all.filter((one) => destinations(records, at).some((id) => records.owns(one, id)));
  const lets = waiting.filter((at) => at > since && records.isBefore(since, at) && records.signer(at) === from);
  const naming = lets.find((at) => actOf(records, at) === "ships" && named(at).length === 1);
  return { from, since, first, by, others, naming, receiver: naming === undefined ? undefined : named(naming)[0] };
}
