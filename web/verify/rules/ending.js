// Ends: what is sold, dispensed, taken out of use, destroyed or used up, and a logistic unit that is empty.

import { endWord } from "../case.js";
import { ENDS, endOf, mayBeReturned } from "../reading.js";

/** Within what time of its record a seller may withdraw a sale without a trace in the word. */
const SALE_MISTAKEN_MS = 24 * 60 * 60 * 1000;

/** Reports how the product ended, if it did. */
export function checkEnding(one, findings) {
  if (one.subject === "paper") return paper(one, findings);
  const { is, end, by } = one.account.end.passage;
  if (is === "ended") findings.add(ENDS[end], [one.leaf(by)], one.signed(by));
  else usedUp(one, findings);
  if (one.history.id.kind === "logistic-unit") unpacked(one, findings);
  withdrawn(one, findings);
}

/** A paper has no custodian: the word of the holder of its prefix ends it. */
function paper(one, findings) {
  const isEnd = (at) => one.byPrefixHolder(at) && ["decommissioned", "destroyed"].includes(ENDS[endOf(one, at)]);
  const at = one.order.find(isEnd);
  if (at !== undefined) findings.add(ENDS[endOf(one, at)], [one.leaf(at)], one.signed(at));
}

/** What went into something else is used up, unless the same participant recorded it again: a drum of cable is cut and stored. */
function usedUp(one, findings) {
  const at = one.fitting.findLast((entry) => one.plays(entry, "input"));
  if (at === undefined || one.fitting.some((later) => one.isBefore(at, later) && one.signer(later) === one.signer(at))) return;
  findings.add("used-up", [one.leaf(at)], one.signed(at));
}

/** A logistic unit out of which all was taken stands for nothing any more. */
function unpacked(one, findings) {
  const { emptied } = one.contents;
  if (emptied !== undefined) findings.add("unpacked", [one.leaf(emptied)], one.signed(emptied));
}

/**
 * An end that was withdrawn leaves a gap, unless it was a sale by mistake: the first that this participant withdraws, within a day, and
 * it still has the product. The holder of the prefix may confirm that the product lives by any later record of it.
 */
function withdrawn(one, findings) {
  const { takenBack, withdrawnEnds, end: { passage } } = one.account;
  const signers = new Set();
  for (const at of takenBack) {
    const { is, of: by } = one.entries[at].standing;
    const end = is === "withdrawn" && withdrawnEnds.has(at) ? endOf(one, at) : undefined;
    if (end === undefined) continue;
    const signer = one.signer(at);
    const isFirst = !signers.has(signer);
    signers.add(signer);
    const time = (entry) => one.entries[entry].record.place.time;
    const isPrompt = time(by) - time(at) <= SALE_MISTAKEN_MS;
    const isThere = passage.is === "held" && passage.by === signer;
    if (mayBeReturned(end) && isFirst && isPrompt && isThere) continue;
    if (one.order.some((later) => one.byPrefixHolder(later) && one.leaf(later) > one.leaf(by))) continue;
    const again = one.declared(by) ?? one.day(by);
    const params = { ...one.signed(at), end: endWord(end), again };
    findings.add("end-withdrawn", one.leaves([at, by]), params);
  }
}
