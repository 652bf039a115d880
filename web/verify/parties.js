// Who is a party to a product's journey: whose records can be part of its account.

import { BRINGS_FORTH, HAVING } from "./acts.js";
import { destinations } from "./passage.js";
import { actOf } from "./reading.js";

const SIGNERS_OF_OPEN_GOODS_MAX = 16;

/**
 * The participants whose records may be part of the account. It never asks whether a record counts, only who speaks of whom:
 *
 * - all that ever held the product's prefix, and all that brought it forth;
 * - the owners of the first destinations of each event of a party that names the product or what something was packed into;
 * - if such an event lets go and names no destination but carriers', the first who say to have had the product;
 * - these too if no party says to have had it;
 * - the participants that go on for any of them.
 */
export function partiesOf(records) {
  const parties = new Set(records.holders.map(({ id }) => id));
  const add = (ids) => ids.forEach((id) => parties.add(id));
  const named = [...records.entries.keys()].filter((at) => records.mentions[at].length > 0);
  add(named.filter((at) => records.bringsForth(at)).map((at) => records.signer(at)));
  const speaks = (at) => parties.has(records.signer(at)) && records.acts(at) & (HAVING | BRINGS_FORTH);
  if (!records.own.some(speaks)) add(firstHavers(records));
  let havers;
  const read = new Set();
  for (;;) {
    records.registry.addSuccessors(parties);
    const fresh = named.filter((at) => parties.has(records.signer(at)) && !read.has(at));
    if (fresh.length === 0) return parties;
    for (const at of fresh) {
      read.add(at);
      const owners = destinations(records, at).flatMap((id) => records.owners(id));
      if (actOf(records, at) === "ships" && owners.every((owner) => records.isCarrier(owner))) add((havers ??= firstHavers(records)));
      add(owners);
    }
  }
}

/** The first signers, by leaf, who say to have had the product. */
function firstHavers(records) {
  // An authority looks after what others have.
  const signers = records.own.filter((at) => records.acts(at) & HAVING && !records.isByAuthority(at)).map((at) => records.signer(at));
  return [...new Set(signers)].slice(0, SIGNERS_OF_OPEN_GOODS_MAX);
}
