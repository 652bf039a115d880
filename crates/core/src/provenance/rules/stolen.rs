//! Theft: reported by a participant that has to do with the product; the report of any other is shown as a claim.

use std::collections::BTreeSet;

use crate::consortium::ParticipantId;
use crate::provenance::case::Case;
use crate::provenance::custody::Custody;
use crate::provenance::finding::{Findings, Severity};
use crate::provenance::passage;
use crate::provenance::reading::{self, Act};
use crate::provenance::wording::sentence_case;

/// Judges reports of theft. Who reported it, or the prefix's holder, may say that it was found.
pub(in crate::provenance) fn check(case: &Case<'_>, custody: &Custody<'_>, findings: &mut Findings) {
    let mut reported: Option<usize> = None;
    let mut concerned = Concerned::default();
    for at in case.order.iter().copied() {
        let event = case.event(at);
        if event.declares("stolen") {
            if case.signed_by_prefix_holder(at) || concerned.participants.contains(case.signer(at)) {
                reported = reported.or(Some(at));
            } else {
                claimed(case, at, findings);
            }
        } else if reading::unsets(event, "stolen") {
            reported.take_if(|report| case.signer(at) == case.signer(*report) || case.signed_by_prefix_holder(at));
        }
        if custody.fitting.contains(&at) {
            concerned.add(case, at);
        }
    }
    if let Some(at) = reported {
        let sentence = format!("{} reported it stolen on {}.", sentence_case(&case.who(at)), case.day(at));
        findings.add("reported-stolen", Severity::Fails, &[case.leaf(at)], sentence);
    }
}

/// Those who by the account so far have had the product, or were to be sent it.
///
/// What does not fit the account makes nobody concerned, and nothing does after the report: that anybody can record.
#[derive(Default)]
struct Concerned<'a> {
    participants: BTreeSet<&'a ParticipantId>,
    destinations: BTreeSet<&'a str>,
}

impl<'a> Concerned<'a> {
    fn add(&mut self, case: &Case<'a>, at: usize) {
        self.participants.insert(case.signer(at));
        if reading::act(case, at) == Act::Ships {
            for id in passage::destinations(case, at) {
                if self.destinations.insert(id.as_str()) {
                    self.participants.extend(case.owners(id));
                }
            }
        }
    }
}

fn claimed(case: &Case<'_>, at: usize, findings: &mut Findings) {
    let sentence = format!(
        "{} said on {} that it was stolen; by the records it never had it.",
        sentence_case(&case.who(at)),
        case.day(at)
    );
    findings.add("stolen-claimed", Severity::Note, &[case.leaf(at)], sentence);
}
