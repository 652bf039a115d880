//! Upheld claims: what somebody claims, and one who has a say in it confirms.

use std::collections::BTreeSet;

use crate::provenance::case::Case;
use crate::provenance::finding::Findings;
use crate::provenance::rule::Rule;

/// Reports the claims that are upheld: there is more than one thing with this number. Gives them.
pub(in crate::provenance) fn check(case: &Case<'_>, findings: &mut Findings) -> BTreeSet<usize> {
    let mut upheld = BTreeSet::new();
    for at in case.account.claims.iter().copied() {
        let record = case.entries[at].record;
        let name = format!("ni:///sha-256;{}#{}", record.event.capture().statement, record.position);
        let names_it = |other: &usize| case.event(*other).biz_transactions.iter().any(|one| one.id == name);
        let Some(by) = case.own.iter().copied().find(|other| names_it(other) && may_say(case, *other, at)) else {
            continue;
        };
        upheld.insert(at);
        let (who, place, day) = (case.known(at), case.placed(at), case.day(at));
        let found = Rule::ClaimUpheld { who, place, day, by: case.who(by), upheld: case.day(by) };
        findings.add(found, &[case.leaf(at), case.leaf(by)]);
    }
    upheld
}

/// Tells whether an entry's signer has a say in another's claim: the holder of the prefix, an authority, who had it then, or a candidate.
fn may_say(case: &Case<'_>, at: usize, claim: usize) -> bool {
    let signer = case.signer(at);
    if signer == case.signer(claim) || !case.counts(at) || case.compromised_since(at).is_some() {
        return false;
    }
    let is_candidate = case
        .account
        .contests
        .iter()
        .any(|contest| contest.by == signer || contest.others.iter().any(|other| case.signer(*other) == signer));
    case.signed_by_prefix_holder(at)
        || case.is_by_authority(at)
        || case.account.is_by_custodian(case, at)
        || is_candidate
}
