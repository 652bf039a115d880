//! What others than the parties say in leaves that were not opened: the index proves who signed them and that they say to have had the
//! product, and nothing more. No missing hand-over explains that.

use std::collections::BTreeMap;

use crate::consortium::ParticipantId;
use crate::merkle::LeafIndex;
use crate::provenance::case::Case;
use crate::provenance::custody;
use crate::provenance::finding::Findings;
use crate::provenance::phrase::Phrase;
use crate::provenance::rule::Rule;
use crate::provenance::sentences::Wording;
use crate::provenance::wording;

/// The leaves of each signer.
type BySigner<'a> = BTreeMap<&'a ParticipantId, Vec<LeafIndex>>;

/// Reports what counts as a claim, and says whether there is any.
pub(super) fn check(case: &Case<'_>, findings: &mut Findings) -> bool {
    let (claims, dismissed) = sorted(case);
    for (signer, leaves) in in_order(&claims) {
        let says = Phrase::ClaimedUnopened { who: case.known_by_number(signer), told: told(leaves) };
        findings.add(custody::against(case, signer, says.into()), leaves);
    }
    note_dismissed(case, &dismissed, findings);
    !claims.is_empty()
}

/// Notes the same of a lot or a class, which many have.
pub(super) fn note(case: &Case<'_>, findings: &mut Findings) {
    let (claims, dismissed) = sorted(case);
    for (signer, leaves) in in_order(&claims) {
        let says = Phrase::LotClaimedUnopened { who: case.known_by_number(signer), told: told(leaves) }.into();
        findings.add(Rule::LotClaimed { says }, leaves);
    }
    note_dismissed(case, &dismissed, findings);
}

/// What counts, and what the members have dismissed.
fn sorted<'a>(case: &Case<'a>) -> (BySigner<'a>, BySigner<'a>) {
    let (mut claims, mut dismissed) = (BySigner::new(), BySigner::new());
    for one in &case.history.unopened {
        let is_dismissed = case.history.registry.is_dismissed(&one.signer, one.leaf).is_some();
        let of = if is_dismissed { &mut dismissed } else { &mut claims };
        of.entry(&one.signer).or_default().push(one.leaf);
    }
    (claims, dismissed)
}

/// The signers in the order of their first leaves.
fn in_order<'b, 'a>(by_signer: &'b BySigner<'a>) -> Vec<(&'a ParticipantId, &'b [LeafIndex])> {
    let mut all: Vec<(&ParticipantId, &[LeafIndex])> =
        by_signer.iter().map(|(signer, leaves)| (*signer, leaves.as_slice())).collect();
    all.sort_by_key(|(_, leaves)| leaves.first().copied());
    all
}

fn note_dismissed(case: &Case<'_>, dismissed: &BySigner<'_>, findings: &mut Findings) {
    for (signer, leaves) in in_order(dismissed) {
        let first = leaves.first().and_then(|leaf| case.history.registry.is_dismissed(signer, *leaf));
        let Some(dismissal) = first else { continue };
        let found = Rule::Dismissed {
            says: Phrase::DismissedUnopened { who: case.known_by_number(signer), told: told(leaves) }.into(),
            decided: wording::day(dismissal.at.time).into(),
            reason: wording::quoted(&dismissal.reason).into(),
        };
        findings.add(found, leaves);
    }
}

/// Where it says so, as a clause.
fn told(leaves: &[LeafIndex]) -> Wording {
    match leaves {
        [leaf] => Phrase::AtLeaf { leaf: leaf.to_string().into() }.into(),
        [leaf, ..] => Phrase::AtLeaves { count: leaves.len().into(), leaf: leaf.to_string().into() }.into(),
        [] => Wording::NOTHING,
    }
}
