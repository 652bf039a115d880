//! `judge`: every rule over a history, weighed into one verdict.

use crate::provenance::case::{self, Case};
use crate::provenance::custody;
use crate::provenance::finding::Findings;
use crate::provenance::history::History;
use crate::provenance::passage::Passage;
use crate::provenance::phrase::Phrase;
use crate::provenance::policy::Policy;
use crate::provenance::reading;
use crate::provenance::records::Subject;
use crate::provenance::rule::{Rule, Severity};
use crate::provenance::rules::{corrected, ending, label, origin, recall, signers, stolen, travel};
use crate::provenance::sentences::{Sentences, Wording};
use crate::provenance::timeline;
use crate::provenance::verdict::{self, Light, ProductState, Verdict, Word};
use crate::provenance::wording;

/// Judges a history. Pure and total: the same history and policy give the same verdict, whatever they hold.
pub fn judge(history: &History, policy: &Policy) -> Verdict {
    let policy = policy.decided(history.registry.policies());
    let case = Case::new(history, &policy);
    if history.records.is_empty() || (case.own.is_empty() && case.subject.has_custodian()) {
        return unknown(&case);
    }
    let mut findings = Findings::default();
    if history.limit_reached {
        findings.add(Rule::LimitReached { what: Phrase::LimitOfFollowing.into() }, &[]);
    }
    let (mut state, whereabouts) = match case.subject {
        Subject::One | Subject::Load | Subject::Paper => one(&case, &mut findings),
        Subject::Lot | Subject::Kind | Subject::Place => (many(&case, &mut findings), Wording::NOTHING),
    };
    let reasons = findings.into_reasons();
    state.end = reasons.iter().find_map(|reason| reason.found.end());
    if reasons.iter().any(|reason| matches!(reason.found, Rule::UsedUp { .. })) {
        state.custodian = None;
    }
    let best = if matches!(case.subject, Subject::One | Subject::Paper) { Word::Authentic } else { Word::Traced };
    let word = Word::weigh(&reasons, best);
    let summary_said = match (word, case.account.origin) {
        (Word::Authentic | Word::Traced, Some(origin)) => genuine(&case, word, origin, whereabouts).into(),
        _ => verdict::summary(word, &reasons),
    };
    Verdict {
        id: history.id.clone(),
        label: history.label.clone(),
        word,
        light: word.light(&reasons),
        summary: Sentences::english().say(&summary_said),
        summary_said,
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
    let summary_said = verdict::summary(Word::Unknown, &[]);
    Verdict {
        id: history.id.clone(),
        label: history.label.clone(),
        word: Word::Unknown,
        light: Light::Amber,
        summary: Sentences::english().say(&summary_said),
        summary_said,
        reasons: findings.into_reasons(),
        state: ProductState::default(),
        timeline: Vec::new(),
        as_of: history.as_of,
        tree_size: history.tree_size,
        best: Word::Unknown,
    }
}

/// One thing: every rule. Gives its state, and where it is as a clause.
fn one(case: &Case<'_>, findings: &mut Findings) -> (ProductState, Wording) {
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
        findings.add(Rule::CustodyUnbroken { whereabouts: whereabouts.clone() }, &leaves);
    }
    if case.subject == Subject::Load {
        findings.add(Rule::Load, &[]);
    } else if findings.heaviest().is_none_or(|heaviest| heaviest >= Severity::Note) {
        findings.add(Rule::CodeCanBeCopied, &[]);
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
    let found = match case.subject {
        Subject::One | Subject::Load | Subject::Paper => return,
        Subject::Place => Rule::NotSerialised,
        Subject::Lot => Rule::SharedNumber { what: Phrase::Lot.into() },
        Subject::Kind => Rule::SharedNumber { what: Phrase::Kind.into() },
    };
    findings.add(found, &[]);
}

fn state(case: &Case<'_>) -> ProductState {
    let end = &case.account.end;
    let custodian = end.passage.custodian();
    // What lies aside, as a carrier's record does, says nothing of how the product is.
    let tells = |at: &usize| !case.subject.has_custodian() || case.account.fitting.contains(at);
    let told = case.account.order.iter().rev().filter(|at| tells(at));
    let disposition = told.filter_map(|at| case.event(*at).disposition.as_ref()).next();
    ProductState {
        custodian: custodian.map(|id| timeline::party(case, id)),
        location: end.last.and_then(|at| reading::location(case.event(at))).map(|id| id.as_str().to_owned()),
        disposition: disposition.map(|disposition| disposition.as_str().to_owned()),
        end: None,
        expiry: label::expiry(case),
        in_transit: matches!(end.passage, Passage::Moving(_)),
        container: end.inside.container().map(|id| id.as_str().to_owned()),
    }
}

/// Where the product is, as a clause.
fn whereabouts(case: &Case<'_>) -> Wording {
    let end = &case.account.end;
    let inside = || end.inside.container().map(|id| Phrase::Inside { container: wording::id(id).into() }).into();
    match &end.passage {
        Passage::Ended(ending) => Phrase::WhereEnded { end: case::ended(ending.end), day: case.day(ending.by) },
        Passage::Held(by) => Phrase::WhereHeld { who: case.name(by), inside: inside() },
        Passage::Moving(transfer) => {
            let to = case.announced(transfer).map(|to| Phrase::WhereMovingTo { to }).into();
            Phrase::WhereMoving { who: case.name(transfer.from), to, inside: inside() }
        }
        Passage::Unknown => Phrase::WhereUnknown,
    }
    .into()
}

fn genuine(case: &Case<'_>, word: Word, origin: usize, whereabouts: Wording) -> Phrase {
    let (who, day) = (case.who(origin), case.day(origin));
    match (word, case.subject) {
        (Word::Authentic, Subject::Paper) => Phrase::GenuinePaper { who, day },
        (Word::Authentic, _) => Phrase::Genuine { who, day, whereabouts },
        (_, Subject::Load) => Phrase::TracedLoad { who, day, whereabouts },
        _ => Phrase::TracedFrom { who, day },
    }
}
