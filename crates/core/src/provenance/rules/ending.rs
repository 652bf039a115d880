//! Ends: what is sold, dispensed, taken out of use, destroyed or used up, and a logistic unit that is empty.

use std::collections::BTreeSet;

use crate::epcis::event::Part;
use crate::gs1::IdKind;
use crate::merkle::LeafIndex;
use crate::provenance::case::{self, Case};
use crate::provenance::corrections::Standing;
use crate::provenance::finding::Findings;
use crate::provenance::passage::Passage;
use crate::provenance::reading::{self, End};
use crate::provenance::records::Subject;
use crate::provenance::rule::Rule;

/// Within what time of its record a seller may withdraw a sale without a trace in the word.
const SALE_MISTAKEN_MS: i64 = 24 * 60 * 60 * 1000;

/// Reports how the product ended, if it did.
pub(in crate::provenance) fn check(case: &Case<'_>, findings: &mut Findings) {
    if case.subject == Subject::Paper {
        return paper(case, findings);
    }
    match &case.account.end.passage {
        Passage::Ended(ending) => ended(case, ending.end, ending.by, findings),
        _ => used_up(case, findings),
    }
    unpacked(case, findings);
    withdrawn(case, findings);
}

fn ended(case: &Case<'_>, end: End, at: usize, findings: &mut Findings) {
    let (who, day) = (case.who(at), case.day(at));
    let found = match end {
        End::Sold => Rule::Sold { who, day },
        End::Dispensed => Rule::Dispensed { who, day },
        End::Decommissioned => Rule::Decommissioned { who, day },
        End::Destroyed => Rule::Destroyed { who, day },
    };
    findings.add(found, &[case.leaf(at)]);
}

/// A paper has no custodian: the word of the holder of its prefix ends it.
fn paper(case: &Case<'_>, findings: &mut Findings) {
    let end = |at: usize| reading::end(case, at).filter(|end| matches!(end, End::Decommissioned | End::Destroyed));
    let by_holder = case.order().filter(|at| case.signed_by_prefix_holder(*at));
    if let Some((end, at)) = by_holder.filter_map(|at| end(at).map(|end| (end, at))).next() {
        ended(case, end, at, findings);
    }
}

/// What went into something else is used up, unless the same participant recorded it again: a drum of cable is cut and stored.
fn used_up(case: &Case<'_>, findings: &mut Findings) {
    let fitting = || case.order().filter(|at| case.account.fitting.contains(at));
    let Some(at) = fitting().filter(|at| case.plays(*at, Part::Input)).last() else { return };
    let goes_on = |one: usize| case.moment(one) > case.moment(at) && case.signer(one) == case.signer(at);
    if fitting().any(goes_on) {
        return;
    }
    findings.add(Rule::UsedUp { who: case.who(at), day: case.day(at) }, &[case.leaf(at)]);
}

/// A logistic unit out of which all was taken stands for nothing any more.
fn unpacked(case: &Case<'_>, findings: &mut Findings) {
    if case.history.id.kind() != IdKind::LogisticUnit {
        return;
    }
    if let Some(at) = case.contents.emptied {
        findings.add(Rule::Unpacked { who: case.who(at), day: case.day(at) }, &[case.leaf(at)]);
    }
}

/// An end that was withdrawn leaves a gap, unless it was a sale by mistake: the first that this participant withdraws, within a day, and
/// it still has the product. The holder of the prefix may confirm that the product lives by any later record of it.
fn withdrawn(case: &Case<'_>, findings: &mut Findings) {
    let mut signers = BTreeSet::new();
    for at in case.account.taken_back.iter().copied() {
        let Standing::WithdrawnBy(by) = case.entries[at].standing else { continue };
        let Some(end) = reading::end(case, at).filter(|_| case.account.withdrawn_ends.contains(&at)) else { continue };
        let is_first = signers.insert(case.signer(at));
        let place = |at: usize| case.entries[at].record.place;
        let is_prompt = place(by).time.millis_since(place(at).time) <= SALE_MISTAKEN_MS;
        let still_there = matches!(&case.account.end.passage, Passage::Held(holder) if *holder == case.signer(at));
        let confirms = |one: usize| case.signed_by_prefix_holder(one) && case.leaf(one) > case.leaf(by);
        if end.may_be_returned() && is_first && is_prompt && still_there || case.order().any(confirms) {
            continue;
        }
        let again = case.declared(by).unwrap_or_else(|| case.day(by));
        let (who, day) = (case.who(at), case.day(at));
        let leaves: [LeafIndex; 2] = [case.leaf(at), case.leaf(by)];
        findings.add(Rule::EndWithdrawn { who, day, end: case::ended(end), again }, &leaves);
    }
}
