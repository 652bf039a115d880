// Upheld claims: a participant claims to have had the product, and another, which has a say in it, confirms that.

import { placed } from "../case.js";

/** Reports the claims that are upheld: there is more than one thing with this number. Gives them. */
export function checkUpheld(one, findings) {
  const upheld = new Set();
  const naming = new Map();
  for (const at of one.own) {
    for (const name of one.event(at).transactions) {
      if (!naming.has(name)) naming.set(name, []);
      naming.get(name).push(at);
    }
  }
  for (const at of one.account.claims) {
    const { statement, position } = one.entries[at].record;
    const name = `ni:///sha-256;${statement}#${position}`;
    const by = naming.get(name)?.find((other) => maySay(one, other, at));
    if (by === undefined) continue;
    upheld.add(at);
    findings.add("claim-upheld", one.leaves([at, by]), { ...placed(one, at), by: one.who(by), upheld: one.day(by) });
  }
  return upheld;
}

/** True where an entry's signer has a say in another's claim: the holder of the prefix, an authority, who had it then, or a candidate. */
function maySay(one, at, claim) {
  const [signer, { account }] = [one.signer(at), one];
  if (signer === one.signer(claim) || !one.counts(at) || one.compromisedSince(at) !== undefined) return false;
  const isCandidate = ({ by, others }) => by === signer || others.some((other) => one.signer(other) === signer);
  return one.byPrefixHolder(at) || one.isByAuthority(at) || account.isByCustodian(one, at) || account.contests.some(isCandidate);
}
