//! `judge`: every rule over a history, weighed into one verdict.

use crate::provenance::case::Case;
use crate::provenance::custody;
use crate::provenance::finding::{Findings, Severity};
use crate::provenance::history::History;
use crate::provenance::passage::Passage;
use crate::provenance::policy::Policy;
use crate::provenance::reading;
use crate::provenance::records::Subject;
use crate::provenance::rules::{corrected, ending, label, origin, recall, signers, stolen, travel};
use crate::provenance::timeline;
use crate::provenance::verdict::{self, Light, ProductState, Verdict, Word};
use crate::provenance::wording;

/// Judges a history. Pure and total: the same history and policy give the same verdict, whatever they hold.
pub fn judge(history: &History, policy: &Policy) -> Verdict {
    let case = Case::new(history, policy);
    if history.records.is_empty() || (case.own.is_empty() && case.subject.has_custodian()) {
        return unknown(&case);
    }
    let mut findings = Findings::default();
    if history.limit_reached {
        let sentence =
            "More is recorded of it than is followed for one code: what was recorded last was not looked at.";
        findings.add("limit-reached", Severity::Gap, &[], sentence.to_owned());
    }
    let (state, whereabouts) = match case.subject {
        Subject::One | Subject::Load | Subject::Paper => one(&case, &mut findings),
        Subject::Lot | Subject::Kind | Subject::Place => (many(&case, &mut findings), String::new()),
    };
    let reasons = findings.into_reasons();
    let best = if matches!(case.subject, Subject::One | Subject::Paper) { Word::Authentic } else { Word::Traced };
    let word = Word::weigh(&reasons, best);
    let summary = match (word, case.account.origin) {
        (Word::Authentic | Word::Traced, Some(origin)) => genuine(&case, word, origin, &whereabouts),
        _ => verdict::summary(word, &reasons),
    };
    Verdict {
        id: history.id.clone(),
        label: history.label.clone(),
        word,
        light: word.light(&reasons),
        summary,
        reasons,
        state,
        timeline: timeline::of(&case),
        as_of: history.as_of,
        tree_size: history.tree_size,
        best,
    }
}

/// What no participant has recorded. Of a kind of product or a place that is no surprise: single pieces are recorded.
fn unknown(case: &Case<'_>) -> Verdict {
    let history = case.history;
    let mut findings = Findings::default();
    not_serialised(case, &mut findings);
    Verdict {
        id: history.id.clone(),
        label: history.label.clone(),
        word: Word::Unknown,
        light: Light::Amber,
        summary: verdict::summary(Word::Unknown, &[]),
        reasons: findings.into_reasons(),
        state: ProductState::default(),
        timeline: Vec::new(),
        as_of: history.as_of,
        tree_size: history.tree_size,
        best: Word::Unknown,
    }
}

/// One thing: every rule. Gives its state, and where it is as a clause.
fn one(case: &Case<'_>, findings: &mut Findings) -> (ProductState, String) {
    corrected::check(case, findings);
    signers::check(case, findings);
    origin::check(case, findings);
    recall::check(case, findings);
    let is_whole = case.subject == Subject::Paper || custody::check(case, findings);
    ending::check(case, findings);
    stolen::check(case, findings);
    travel::check(case, findings);
    let state = state(case);
    label::check(case, findings);
    let whereabouts = whereabouts(case);
    if is_whole && case.subject.has_custodian() && case.account.origin.is_some() {
        let leaves: Vec<_> = case.order().map(|at| case.leaf(at)).collect();
        let sentence = format!("Every hand-over since is on record; {whereabouts}.");
        findings.add("custody-unbroken", Severity::Holds, &leaves, sentence);
    }
    if case.subject == Subject::Load {
        let sentence = "This code names a load, not what is in it: scan the pieces.";
        findings.add("load", Severity::Note, &[], sentence.to_owned());
    } else if findings.heaviest().is_none_or(|heaviest| heaviest >= Severity::Note) {
        let sentence = "A printed code can be copied: this is the journey of the product with this number, and only \
                        what you see yourself says that it is the one in your hand.";
        findings.add("code-can-be-copied", Severity::Note, &[], sentence.to_owned());
    }
    (state, whereabouts)
}

/// A class, a lot or a place: what is known of it, and never that it is authentic.
fn many(case: &Case<'_>, findings: &mut Findings) -> ProductState {
    corrected::check(case, findings);
    if matches!(case.subject, Subject::Lot | Subject::Kind) {
        origin::check_lot(case, findings);
        custody::note_claims(case, findings);
    }
    recall::check(case, findings);
    label::check(case, findings);
    not_serialised(case, findings);
    ProductState { expiry: label::expiry(case), ..ProductState::default() }
}

fn not_serialised(case: &Case<'_>, findings: &mut Findings) {
    let (rule, severity, sentence) = match case.subject {
        Subject::One | Subject::Load | Subject::Paper => return,
        Subject::Place => {
            ("not-serialised", Severity::Gap, "This code names a place or an organisation, not a product.")
        }
        Subject::Lot => (
            "shared-number",
            Severity::Note,
            "This code names a lot, which many pieces share: it cannot single out the one in your hand.",
        ),
        Subject::Kind => (
            "shared-number",
            Severity::Note,
            "This code names a kind of product, which many pieces share: it cannot single out the one in your hand.",
        ),
    };
    findings.add(rule, severity, &[], sentence.to_owned());
}

fn state(case: &Case<'_>) -> ProductState {
    let end = &case.account.end;
    let custodian = end.passage.custodian();
    let ended = match &end.passage {
        Passage::Ended(ending) => Some(ending.end.word()),
        _ => None,
    };
    let disposition = case.account.order.iter().rev().find_map(|at| case.event(*at).disposition.as_ref());
    ProductState {
        custodian: custodian.map(|id| timeline::party(case, id)),
        location: end.last.and_then(|at| reading::location(case.event(at))).map(|id| id.as_str().to_owned()),
        disposition: disposition.map(|disposition| disposition.as_str().to_owned()),
        end: ended,
        expiry: label::expiry(case),
        in_transit: matches!(end.passage, Passage::Moving(_)),
        container: end.inside.container().map(|id| id.as_str().to_owned()),
    }
}

/// Where the product is, as a clause.
fn whereabouts(case: &Case<'_>) -> String {
    let end = &case.account.end;
    let inside = end.inside.container().map(|id| format!(", in the container {}", wording::id(id))).unwrap_or_default();
    match &end.passage {
        Passage::Ended(ending) => format!("it was {} on {}", ending.end.word(), case.day(ending.by)),
        Passage::Held(by) => format!("{} has it{inside}", case.name(by)),
        Passage::Moving(transfer) => {
            let to = case.announced(transfer).map(|to| format!(" to {to}")).unwrap_or_default();
            format!("it is on its way from {}{to}{inside}", case.name(transfer.from))
        }
        Passage::Unknown => "nobody is recorded as having it now".to_owned(),
    }
}

fn genuine(case: &Case<'_>, word: Word, origin: usize, whereabouts: &str) -> String {
    let (who, day) = (case.who(origin), case.day(origin));
    match (word, case.subject) {
        (Word::Authentic, Subject::Paper) => format!("Genuine by the records: it comes from {who}, of {day}."),
        (Word::Authentic, _) => format!(
            "Genuine by the records: it comes from {who}, of {day}, and every hand-over since is known; {whereabouts}."
        ),
        (_, Subject::Load) => format!(
            "Traced: it comes from {who}, of {day}, and every hand-over since is known; {whereabouts}. What is in it has codes of its own."
        ),
        _ => format!(
            "Traced: it comes from {who}, of {day}. Many pieces share this code: it cannot single out the one in your hand."
        ),
    }
}
