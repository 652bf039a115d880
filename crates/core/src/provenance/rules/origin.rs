//! Origin: commissioned once, with authority, and nothing before it. A lot may be added to.

use crate::epcis::event::Part;
use crate::provenance::case::Case;
use crate::provenance::finding::Findings;
use crate::provenance::phrase::Phrase;
use crate::provenance::reading::{self, Act};
use crate::provenance::records::Subject;
use crate::provenance::rule::Rule;
use crate::provenance::sentences::Wording;

/// Judges where the product's life begins.
pub(in crate::provenance) fn check(case: &Case<'_>, findings: &mut Findings) {
    let Some(origin) = case.account.origin else { return none(case, findings) };
    let rivals = rivals(case, origin);
    if !rivals.is_empty() {
        twice(case, origin, &rivals, findings);
    }
    for at in case.account.origins.iter().copied().filter(|at| !case.signed_by_prefix_holder(*at)) {
        without_authority(case, at, findings);
    }
    if rivals.is_empty() && case.signed_by_prefix_holder(origin) {
        let times = Phrase::Once { day: case.day(origin) }.into();
        let found = Rule::CommissionedByPrefixHolder { verb: verb(case, origin), times, who: case.who(origin) };
        findings.add(found, &[case.leaf(origin)]);
    }
}

/// Judges where a lot comes from, which is all that can be said of a catch: it may be brought into being in several
/// events, each of them by the one whose number it has.
pub(in crate::provenance) fn check_lot(case: &Case<'_>, findings: &mut Findings) {
    let Some(origin) = case.account.origin else {
        return lot_without(case, findings);
    };
    let strangers: Vec<usize> =
        case.account.origins.iter().copied().filter(|at| !case.signed_by_prefix_holder(*at)).collect();
    for at in &strangers {
        without_authority(case, *at, findings);
    }
    if strangers.is_empty() {
        let again = match case.account.origins.len() - 1 {
            0 => Wording::NOTHING,
            1 => Phrase::OnceMore.into(),
            more => Phrase::TimesMore { count: more.into() }.into(),
        };
        let times = Phrase::First { day: case.day(origin), again }.into();
        let found = Rule::CommissionedByPrefixHolder { verb: verb(case, origin), times, who: case.who(origin) };
        let leaves: Vec<_> = case.account.origins.iter().map(|at| case.leaf(*at)).collect();
        findings.add(found, &leaves);
    }
}

fn none(case: &Case<'_>, findings: &mut Findings) {
    let Some(first) = case.order().next() else {
        let leaves: Vec<_> = case.own.iter().map(|at| case.leaf(*at)).collect();
        return findings.add(Rule::NoOrigin { what: Phrase::NothingCounts.into() }, &leaves);
    };
    let what = Phrase::NoOriginFirst { who: case.who(first), day: case.day(first) }.into();
    findings.add(Rule::NoOrigin { what }, &[case.leaf(first)]);
}

/// That nobody made it would be too much to say: its pieces may have been commissioned one by one.
fn lot_without(case: &Case<'_>, findings: &mut Findings) {
    let what = if case.subject == Subject::Kind { Phrase::Kind } else { Phrase::Lot }.into();
    // Who speaks of it from afar, as in a recall, may mean pieces that were each commissioned.
    let first = case.order().find(|at| reading::act(case, *at) != Act::FromAfar);
    let by = first.map(|first| Phrase::LotFirstRecorded { who: case.who(first), day: case.day(first) }).into();
    let leaves: Vec<_> = first.map(|first| case.leaf(first)).into_iter().collect();
    findings.add(Rule::NoOrigin { what: Phrase::NoOriginOfLot { what, by }.into() }, &leaves);
}

/// The origins that cannot be true beside the one that counts, or beside another that can.
fn rivals(case: &Case<'_>, origin: usize) -> Vec<usize> {
    let mut sound = vec![origin];
    let mut rivals = Vec::new();
    for at in case.account.origins.iter().copied().filter(|at| *at != origin) {
        let contradicted = sound.iter().any(|other| case.contradicts_as_origin(*other, at));
        if contradicted { rivals.push(at) } else { sound.push(at) }
    }
    rivals
}

fn twice(case: &Case<'_>, origin: usize, rivals: &[usize], findings: &mut Findings) {
    let (earlier, later): (Vec<usize>, Vec<usize>) = rivals.iter().partition(|at| is_before(case, **at, origin));
    let all = [earlier, vec![origin], later].concat();
    let told: Vec<Wording> =
        all.iter().map(|at| Phrase::ByOn { who: case.who(*at), day: case.day(*at) }.into()).collect();
    let is_commissioned = all.iter().all(|at| case.commissions(*at));
    let verb = if is_commissioned { Phrase::Commissioned } else { Phrase::BroughtForth }.into();
    let told = match told.as_slice() {
        [first, second] => Phrase::Twice { first: first.clone(), second: second.clone() },
        many => Phrase::Times { count: many.len().into(), told: listed(many) },
    };
    let leaves: Vec<_> = all.iter().map(|at| case.leaf(*at)).collect();
    findings.add(Rule::CommissionedTwice { verb, told: told.into() }, &leaves);
}

/// Tells whether one origin comes before another in the order of custody.
fn is_before(case: &Case<'_>, one: usize, other: usize) -> bool {
    (case.event(one).event_time, one) < (case.event(other).event_time, other)
}

/// The first few, and how many more.
fn listed(told: &[Wording]) -> Wording {
    const TOLD: usize = 4;
    match told.len().checked_sub(TOLD) {
        Some(more) if more > 0 => {
            Phrase::More { names: Wording::List(told[..TOLD].to_vec()), count: more.into() }.into()
        }
        _ => Wording::List(told.to_vec()),
    }
}

fn without_authority(case: &Case<'_>, at: usize, findings: &mut Findings) {
    let belongs = match case.prefix_holder(case.leaf(at)) {
        Some(holder) => Phrase::BelongsTo { holder: case.name(&holder.id) },
        None => Phrase::BelongsToNobody,
    };
    let (who, day, belongs) = (case.who(at), case.day(at), belongs.into());
    let found = Rule::CommissionedWithoutAuthority { verb: verb(case, at), who, day, belongs };
    findings.add(found, &[case.leaf(at)]);
}

fn verb(case: &Case<'_>, at: usize) -> Wording {
    if case.commissions(at) {
        Phrase::Commissioned.into()
    } else if case.plays(at, Part::Output) {
        Phrase::Made.into()
    } else {
        Phrase::FirstRecorded.into()
    }
}
