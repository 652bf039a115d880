//! Origin: commissioned once, with authority, and nothing before it. A lot may be added to.

use crate::epcis::event::Part;
use crate::provenance::case::Case;
use crate::provenance::finding::{Findings, Severity};
use crate::provenance::reading::{self, Act};
use crate::provenance::records::Subject;

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
        let sentence = format!(
            "{} once, on {}, by {}, to which its number belongs.",
            verb(case, origin),
            case.day(origin),
            case.who(origin)
        );
        findings.add("commissioned-by-prefix-holder", Severity::Holds, &[case.leaf(origin)], sentence);
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
            0 => String::new(),
            1 => " and once more since".to_owned(),
            more => format!(" and {more} times more since"),
        };
        let (verb, day, who) = (verb(case, origin), case.day(origin), case.who(origin));
        let sentence = format!("{verb} on {day}{again} by {who}, to which its number belongs.");
        let leaves: Vec<_> = case.account.origins.iter().map(|at| case.leaf(*at)).collect();
        findings.add("commissioned-by-prefix-holder", Severity::Holds, &leaves, sentence);
    }
}

fn none(case: &Case<'_>, findings: &mut Findings) {
    let Some(first) = case.order().next() else {
        let leaves: Vec<_> = case.own.iter().map(|at| case.leaf(*at)).collect();
        let sentence =
            "Nothing that counts is on record: what was recorded was withdrawn, or signed with a stolen key."
                .to_owned();
        return findings.add("no-origin", Severity::Gap, &leaves, sentence);
    };
    let sentence =
        format!("Nobody recorded making it: the first to record it was {} on {}.", case.who(first), case.day(first));
    findings.add("no-origin", Severity::Gap, &[case.leaf(first)], sentence);
}

/// That nobody made it would be too much to say: its pieces may have been commissioned one by one.
fn lot_without(case: &Case<'_>, findings: &mut Findings) {
    let what = if case.subject == Subject::Kind { "kind of product" } else { "lot" };
    // Who speaks of it from afar, as in a recall, may mean pieces that were each commissioned.
    let first = case.order().find(|at| reading::act(case, *at) != Act::FromAfar);
    let by = first.map(|first| {
        let (who, day) = (case.who(first), case.day(first));
        format!(": the first to record it was {who} on {day}")
    });
    let sentence = format!("No record of this {what} says where it comes from{}.", by.unwrap_or_default());
    let leaves: Vec<_> = first.map(|first| case.leaf(first)).into_iter().collect();
    findings.add("no-origin", Severity::Gap, &leaves, sentence);
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
    let told: Vec<String> = all.iter().map(|at| format!("by {} on {}", case.who(*at), case.day(*at))).collect();
    let verb = if all.iter().all(|at| case.commissions(*at)) { "Commissioned" } else { "Brought into being" };
    let sentence = match told.as_slice() {
        [first, second] => format!("{verb} twice: {first} and again {second}."),
        many => format!("{verb} {} times: {}.", many.len(), listed(many)),
    };
    let leaves: Vec<_> = all.iter().map(|at| case.leaf(*at)).collect();
    findings.add("commissioned-twice", Severity::Fails, &leaves, sentence);
}

/// Tells whether one origin comes before another in the order of custody.
fn is_before(case: &Case<'_>, one: usize, other: usize) -> bool {
    (case.event(one).event_time, one) < (case.event(other).event_time, other)
}

/// The first few, and how many more.
fn listed(told: &[String]) -> String {
    const TOLD: usize = 4;
    match told.len().checked_sub(TOLD) {
        Some(more) if more > 0 => format!("{} and {more} more", told[..TOLD].join(", ")),
        _ => told.join(", "),
    }
}

fn without_authority(case: &Case<'_>, at: usize, findings: &mut Findings) {
    let belongs = match case.prefix_holder(case.leaf(at)) {
        Some(holder) => format!("its number belongs to {}", case.name(&holder.id)),
        None => "its number belonged to nobody registered here".to_owned(),
    };
    let sentence = format!("{} by {} on {}, though {belongs}.", verb(case, at), case.who(at), case.day(at));
    findings.add("commissioned-without-authority", Severity::Fails, &[case.leaf(at)], sentence);
}

fn verb(case: &Case<'_>, at: usize) -> &'static str {
    if case.commissions(at) {
        "Commissioned"
    } else if case.plays(at, Part::Output) {
        "Made"
    } else {
        "First recorded"
    }
}
