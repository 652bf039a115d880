//! Upheld claims: a participant claims to have had the product, and another, which has a say in it, confirms that.

use std::collections::{BTreeMap, BTreeSet};

use crate::provenance::case::Case;
use crate::provenance::finding::Findings;
use crate::provenance::rule::Rule;

/// How the name of a statement begins, as a business transaction (RFC 6920).
const STATEMENT: &str = "ni:///sha-256;";

/// Reports the claims that are upheld: there is more than one thing with this number. Gives them.
pub(in crate::provenance) fn check(case: &Case<'_>, findings: &mut Findings) -> BTreeSet<usize> {
    let mut upheld = BTreeSet::new();
    let mut naming: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for at in case.own.iter().copied() {
        let names = case.event(at).biz_transactions.iter().map(|one| one.id.as_str());
        names.filter(|name| name.starts_with(STATEMENT)).for_each(|name| naming.entry(name).or_default().push(at));
    }
    if naming.is_empty() {
        return upheld;
    }
    for at in case.account.claims.iter().copied() {
        let record = case.entries[at].record;
        let name = format!("{STATEMENT}{}#{}", record.event.capture().statement, record.position);
        let by = naming.get(name.as_str()).and_then(|all| all.iter().copied().find(|by| may_say(case, *by, at)));
        let Some(by) = by else { continue };
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
