//! `judge`: every rule over a history, weighed into one verdict.

use crate::provenance::case::{Case, Subject};
use crate::provenance::custody::{self, Custody};
use crate::provenance::finding::{Findings, Severity};
use crate::provenance::history::History;
use crate::provenance::passage::Passage;
use crate::provenance::policy::Policy;
use crate::provenance::reading::{self, End};
use crate::provenance::rules::{corrected, ending, label, origin, recall, signers, stolen, travel};
use crate::provenance::verdict::{self, ProductState, Verdict, Word};
use crate::provenance::{timeline, wording};

/// Judges a history. Pure and total: the same history and policy give the same verdict, whatever they hold.
pub fn judge(history: &History, policy: &Policy) -> Verdict {
    let case = Case::new(history, policy);
    if history.records.is_empty() || (case.own.is_empty() && case.subject == Subject::One) {
        return unknown(&case);
    }
    let mut findings = Findings::default();
    if history.limit_reached {
        let sentence =
            "More is recorded of it than is followed for one code: what was recorded last was not looked at.";
        findings.add("limit-reached", Severity::Gap, &[], sentence.to_owned());
    }
    let (state, genuine) = match case.subject {
        Subject::One => one(&case, &mut findings),
        Subject::Lot | Subject::Kind | Subject::Place => (many(&case, &mut findings), String::new()),
    };
    let reasons = findings.into_reasons();
    let word = Word::weigh(&reasons);
    let summary = if word == Word::Authentic { genuine } else { verdict::summary(word, &reasons) };
    Verdict {
        id: history.id.clone(),
        label: history.label.clone(),
        word,
        summary,
        reasons,
        state,
        timeline: timeline::of(&case),
        as_of: history.as_of,
        tree_size: history.tree_size,
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
        summary: verdict::summary(Word::Unknown, &[]),
        reasons: findings.into_reasons(),
        state: ProductState::default(),
        timeline: Vec::new(),
        as_of: history.as_of,
        tree_size: history.tree_size,
    }
}

/// One product: every rule. Gives its state, and the summary should it turn out authentic.
fn one(case: &Case<'_>, findings: &mut Findings) -> (ProductState, String) {
    corrected::check(case, findings);
    signers::check(case, findings);
    origin::check(case, findings);
    recall::check(case, findings);
    let end = ending::check(case, findings);
    let custody = custody::walk(case, findings);
    stolen::check(case, &custody, findings);
    travel::check(case, findings);
    let state = state(case, &custody, end);
    label::check(case, findings);
    let whereabouts = whereabouts(case, &custody, end);
    if custody.unbroken && case.origin.is_some() {
        let leaves: Vec<_> = case.order.iter().map(|at| case.leaf(*at)).collect();
        let sentence = format!("Every hand-over since is on record; {whereabouts}.");
        findings.add("custody-unbroken", Severity::Holds, &leaves, sentence);
    }
    if ![Severity::Recall, Severity::Fails, Severity::Gap].into_iter().any(|severity| findings.has(severity)) {
        let sentence = "A printed code can be copied: this is the journey of the product with this number, and only \
                        what you see yourself says that it is the one in your hand.";
        findings.add("code-can-be-copied", Severity::Note, &[], sentence.to_owned());
    }
    (state, genuine(case, &whereabouts))
}

/// A class, a lot or a place: what is known of it, and never that it is authentic.
fn many(case: &Case<'_>, findings: &mut Findings) -> ProductState {
    corrected::check(case, findings);
    if case.subject == Subject::Lot {
        origin::check_lot(case, findings);
    }
    recall::check(case, findings);
    label::check(case, findings);
    not_serialised(case, findings);
    ProductState { expiry: label::expiry(case), ..ProductState::default() }
}

fn not_serialised(case: &Case<'_>, findings: &mut Findings) {
    let sentence = match case.subject {
        Subject::One => return,
        Subject::Place => "This code names a place or an organisation, not a product.",
        Subject::Lot => {
            "This code names a lot, which many pieces share: only one with a serial number can be followed."
        }
        Subject::Kind => {
            "This code names a kind of product, which many pieces share: only one with a serial number can be followed."
        }
    };
    findings.add("not-serialised", Severity::Gap, &[], sentence.to_owned());
}

fn state(case: &Case<'_>, custody: &Custody<'_>, end: Option<(End, usize)>) -> ProductState {
    let custodian = match &custody.passage {
        Passage::Held(by) => Some(*by),
        Passage::Moving(transfer) => transfer.carrier,
        Passage::Unknown | Passage::Ended(_) => None,
    };
    let disposition = case.order.iter().rev().find_map(|at| case.event(*at).disposition.as_ref());
    ProductState {
        custodian: custodian.map(|id| timeline::party(case, id)),
        location: custody.last.and_then(|at| reading::location(case.event(at))).map(|id| id.as_str().to_owned()),
        disposition: disposition.map(|disposition| disposition.as_str().to_owned()),
        end: end.map(|(end, _)| end.word()),
        expiry: label::expiry(case),
        in_transit: matches!(custody.passage, Passage::Moving(_)),
        container: custody.container.map(|id| id.as_str().to_owned()),
    }
}

/// Where the product is, as a clause.
fn whereabouts(case: &Case<'_>, custody: &Custody<'_>, end: Option<(End, usize)>) -> String {
    let inside = custody.container.map(|id| format!(", in the container {}", wording::id(id))).unwrap_or_default();
    match (&custody.passage, end) {
        (Passage::Ended(_), Some((end, at))) => format!("it was {} on {}", end.word(), case.day(at)),
        (Passage::Held(by), _) => format!("{} has it{inside}", case.name(by)),
        (Passage::Moving(transfer), _) => {
            let to = custody::announced(case, transfer).map(|to| format!(" to {to}")).unwrap_or_default();
            format!("it is on its way from {}{to}{inside}", case.name(transfer.from))
        }
        (Passage::Unknown | Passage::Ended(_), _) => "nobody is recorded as having it now".to_owned(),
    }
}

fn genuine(case: &Case<'_>, whereabouts: &str) -> String {
    let Some(origin) = case.origin else { return verdict::summary(Word::Authentic, &[]) };
    format!(
        "Genuine by the records: it comes from {}, of {}, and every hand-over since is known; {whereabouts}.",
        case.who(origin),
        case.day(origin)
    )
}
