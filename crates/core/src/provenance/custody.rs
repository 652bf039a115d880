//! Custody: what the account of a product leaves open, and what stands against it.

use std::collections::{BTreeMap, BTreeSet};

use crate::consortium::ParticipantId;
use crate::epcis::event::{Action, What};
use crate::index::Acts;
use crate::merkle::LeafIndex;
use crate::provenance::account::{HAVING, Outcome};
use crate::provenance::candidates::Contest;
use crate::provenance::case::{self, Case};
use crate::provenance::containment::Notice;
use crate::provenance::finding::Findings;
use crate::provenance::passage::{self, Passage};
use crate::provenance::phrase::Phrase;
use crate::provenance::reading::{self, Act};
use crate::provenance::records::Records;
use crate::provenance::rule::Rule;
use crate::provenance::rules::upheld;
use crate::provenance::sentences::Wording;
use crate::provenance::unopened;
use crate::provenance::walk::{Standpoint, Walk};
use crate::provenance::wording;

/// Reports what the account leaves open and what is against it, and says whether every hand-over is known.
pub(super) fn check(case: &Case<'_>, findings: &mut Findings) -> bool {
    let mut is_whole = true;
    notices(case, findings, &mut is_whole);
    voids(case, findings);
    too_late(case, findings);
    for at in case.account.contradictions.iter().copied().filter(|at| !case.brings_forth(*at)) {
        contradicts(case, at, findings);
        is_whole = false;
    }
    let more_is_claimed = unopened::check(case, findings);
    is_whole &= !more_is_claimed;
    let upheld = upheld::check(case, findings);
    let others: Vec<usize> = case.account.claims.iter().copied().filter(|at| !upheld.contains(at)).collect();
    if !others.is_empty() {
        claims(case, &others, more_is_claimed, findings);
    }
    is_whole &= case.account.claims.is_empty();
    dismissed(case, findings);
    containers(case, findings);
    unnamed_carriers(case, findings);
    unannounced(case, findings);
    late(case, findings);
    left(case, findings);
    if case.account.is_cut {
        findings.add(Rule::LimitReached { what: Phrase::LimitOfAccount.into() }, &[]);
    }
    is_whole
}

fn notices(case: &Case<'_>, findings: &mut Findings, is_whole: &mut bool) {
    for (at, notice) in case.account.notices.iter().copied() {
        let (who, day) = (case.who(at), case.day(at));
        let shown = |container| wording::id(container).into();
        let found = match notice {
            Notice::Elsewhere(former) => Rule::PackedElsewhere { who, day, container: shown(former) },
            Notice::NotInside(container) => Rule::UnpackedWithoutPacking { who, day, container: shown(container) },
            Notice::Cycle(container) => {
                *is_whole = false;
                Rule::ContainerCycle { who, day, container: shown(container) }
            }
        };
        findings.add(found, &[case.leaf(at)]);
    }
}

fn voids(case: &Case<'_>, findings: &mut Findings) {
    for at in case.told.iter().copied() {
        let lies_aside = matches!(case.account.outcome(at), Some(Outcome::Accepted | Outcome::Aside));
        if !lies_aside || reading::act(case, at) != Act::VoidsShipping || case.account.too_late.contains(&at) {
            continue;
        }
        findings.add(Rule::VoidWithoutShipping { who: case.who(at), day: case.day(at) }, &[case.leaf(at)]);
    }
}

/// Notes what its signer would have taken back after others had built on it.
fn too_late(case: &Case<'_>, findings: &mut Findings) {
    for at in case.account.too_late.iter().copied() {
        findings.add(Rule::WithdrawnTooLate { who: case.who(at), day: case.day(at) }, &[case.leaf(at)]);
    }
}

/// Reports a record by one whom the account binds.
fn contradicts(case: &Case<'_>, at: usize, findings: &mut Findings) {
    let Some(here) = case.account.passed.get(&at) else { return };
    let (who, day, leaves) = (case.who(at), case.day(at), leaves_with(case, at, here));
    match &here.passage {
        Passage::Ended(ending) => {
            let (end, ended, by) = (case::ended(ending.end), case.day(ending.by), case.who(ending.by));
            let found = Rule::EventAfterTerminal { who, day, end, ended, by };
            findings.add(found, &[case.leaf(ending.by), case.leaf(at)]);
        }
        Passage::Moving(_) if reading::act(case, at) == Act::Ships => {
            let holder = case.holder(&here.passage, here.last);
            findings.add(Rule::ShippedTwice { who, day, holder }, &leaves);
        }
        _ => {
            let holder = case.holder(&here.passage, here.last);
            findings.add(Rule::ContradictsItself { who, day, holder }, &leaves);
        }
    }
}

/// Reports the claims: as a gap if a hand-over that is missing explains them all, else as what they are.
fn claims(case: &Case<'_>, claims: &[usize], more_is_claimed: bool, findings: &mut Findings) {
    // What a carrier carries needs no explanation of its own.
    let mut asked: Vec<usize> = claims.iter().copied().filter(|at| !carries(case, *at)).collect();
    if asked.is_empty() {
        asked = claims.to_vec();
    }
    if let Some(first) = asked.first().copied()
        && let Some(here) = case.account.passed.get(&first)
        && case.account.contests.is_empty()
        && !more_is_claimed
        && explains(case, &asked, here)
    {
        return gap(case, first, here, findings);
    }
    let mut by_signer: BTreeMap<&ParticipantId, Vec<usize>> = BTreeMap::new();
    for at in claims.iter().copied() {
        by_signer.entry(case.signer(at)).or_default().push(at);
    }
    let mut by_signer: Vec<Vec<usize>> = by_signer.into_values().collect();
    by_signer.sort_by_key(|claims| claims[0]);
    if let Some(contest) = case.account.contest() {
        let is_candidate =
            |claims: &Vec<usize>| contest.others.iter().any(|at| case.signer(*at) == case.signer(claims[0]));
        let of_candidates: Vec<Vec<usize>> = by_signer.extract_if(.., |claims| is_candidate(claims)).collect();
        contested(case, contest, &of_candidates.concat(), findings);
    }
    for claims in by_signer {
        claimed(case, &claims, findings);
    }
}

/// Reports the candidates, none of whom is believed before the others.
fn contested(case: &Case<'_>, contest: &Contest<'_>, claims: &[usize], findings: &mut Findings) {
    let all = [&[contest.first], &contest.others[..]].concat();
    let candidate = |at| Phrase::ClaimedCandidate { who: case.known(at), place: case.placed(at), day: case.day(at) };
    let told = Wording::All(all.into_iter().map(|at| candidate(at).into()).collect());
    let says = Phrase::ClaimedByCandidates { told, from: case.name(contest.from) }.into();
    let leaves: Vec<LeafIndex> = [contest.first].iter().chain(claims).map(|at| case.leaf(*at)).collect();
    findings.add(Rule::Claimed { own: Wording::NOTHING, says, warning: Wording::NOTHING }, &leaves);
}

/// Tells whether one missing record, of how the product came to the signer of the first claim, explains all the claims: from there
/// they make one account with all that was accepted later. Or the claim says itself from whom it came.
fn explains(case: &Case<'_>, claims: &[usize], here: &Standpoint<'_>) -> bool {
    let account = &case.account;
    let first = claims[0];
    // What one says of itself explains nothing of what others say.
    let is_alone = claims.iter().all(|at| case.signer(*at) == case.signer(first));
    if is_alone && names_who_has_it(case, first, &here.passage) {
        return true;
    }
    let asked: BTreeSet<usize> = claims.iter().copied().collect();
    let was_inside = here.inside.container().is_some();
    let (mut all, mut may_be_left_out) = (BTreeSet::new(), BTreeSet::new());
    for at in case.by_time.iter().copied().filter(|at| case.moment(*at) >= case.moment(first)) {
        let is_own = !case.entries[at].parts.is_empty();
        let is_accepted = account.outcome(at) == Some(Outcome::Accepted);
        // It may have gone on in something else, and what it was in by the account without it.
        let may_be_elsewhere = !is_own && case.counts(at) && (!is_accepted || was_inside);
        if asked.contains(&at) || is_accepted || may_be_elsewhere {
            all.insert(at);
        }
        if may_be_elsewhere || is_accepted && case.are_within_tolerance(first, at) {
            may_be_left_out.insert(at);
        }
    }
    let second = Walk::new(case, None, None).leaving_out(may_be_left_out);
    second.run(&case.by_time, |at| all.contains(&at), |_, _| {}).is_ok()
}

fn carries(case: &Case<'_>, at: usize) -> bool {
    case.is_carrier(case.signer(at))
}

/// Tells whether a record of taking names as its source one who has the product, or who let it go.
fn names_who_has_it(case: &Case<'_>, at: usize, passage: &Passage<'_>) -> bool {
    let from = match passage {
        Passage::Held(by) => by,
        Passage::Moving(transfer) => transfer.from,
        Passage::Unknown | Passage::Ended(_) => return false,
    };
    case.acts(at).contains(Acts::TAKES) && case.event(at).sources.iter().any(|source| case.owns(from, &source.id))
}

fn gap<'a>(case: &Case<'a>, at: usize, here: &Standpoint<'a>, findings: &mut Findings) {
    let (who, day, leaves) = (case.who(at), case.day(at), leaves_with(case, at, here));
    let holder = case.holder(&here.passage, here.last);
    if matches!(here.passage, Passage::Ended(_)) && case.event(at).declares("returned") {
        return findings.add(Rule::ReturnedElsewhere { who, day, holder }, &leaves);
    }
    if let Some(container) = here.inside.container() {
        let container = wording::id(container).into();
        let told = match case.event(at).what {
            What::Aggregation { action: Action::Delete, .. } => Phrase::UnpackedLate { who, day, container },
            _ => Phrase::SeenOutside { who, day, container, holder },
        };
        return findings.add(Rule::InsideContainer { told: told.into() }, &leaves);
    }
    findings.add(Rule::CustodyGap { who, day, holder }, &leaves);
}

/// Reports what one participant says against the account.
fn claimed(case: &Case<'_>, claims: &[usize], findings: &mut Findings) {
    let first = claims[0];
    let (who, place, day) = (case.known(first), case.placed(first), case.day(first));
    let is_party = case.order().any(|at| case.signer(at) == case.signer(first));
    let says = if is_party {
        Phrase::ClaimedByParty { who, place, day }.into()
    } else {
        Phrase::ClaimedByStranger { who, place, day }.into()
    };
    let found = against(case, case.signer(first), says);
    let leaves: Vec<LeafIndex> = claims.iter().map(|at| case.leaf(*at)).collect();
    findings.add(found, &leaves);
}

/// What a participant says, beside where the product is by its own records.
pub(super) fn against(case: &Case<'_>, signer: &ParticipantId, says: Wording) -> Rule {
    let last = case.account.end.last;
    let own = last.map(|at| Phrase::ClaimedOwn { who: case.known(at), place: case.placed(at), day: case.day(at) });
    let other = last.filter(|at| case.signer(*at) != signer);
    let warning = other.map(|at| Phrase::ClaimedWarning { who: case.who(at) });
    Rule::Claimed { own: own.into(), says, warning: warning.into() }
}

/// Notes which claims the members have dismissed, and why.
fn dismissed(case: &Case<'_>, findings: &mut Findings) {
    let mut by_signer: BTreeMap<&ParticipantId, Vec<usize>> = BTreeMap::new();
    for at in case.account.dismissed.iter().copied() {
        by_signer.entry(case.signer(at)).or_default().push(at);
    }
    for claims in by_signer.into_values() {
        let Some(dismissal) = case.dismissal(claims[0]) else { continue };
        let found = Rule::Dismissed {
            says: Phrase::DismissedOn { who: case.who(claims[0]), day: case.day(claims[0]) }.into(),
            decided: wording::day(dismissal.at.time).into(),
            reason: wording::quoted(&dismissal.reason).into(),
        };
        let leaves: Vec<LeafIndex> = claims.iter().map(|at| case.leaf(*at)).collect();
        findings.add(found, &leaves);
    }
}

/// Notes who says to have had some of a lot without being named by anybody that had.
pub(super) fn note_claims(case: &Case<'_>, findings: &mut Findings) {
    dismissed(case, findings);
    unopened::note(case, findings);
    let mut told: BTreeSet<&ParticipantId> = BTreeSet::new();
    for at in case.account.claims.iter().copied().filter(|at| told.insert(case.signer(*at))) {
        let says = Phrase::LotClaimedOn { who: case.who(at), day: case.day(at) }.into();
        findings.add(Rule::LotClaimed { says }, &[case.leaf(at)]);
    }
}

/// Notes what others say of what the product was in.
fn containers(case: &Case<'_>, findings: &mut Findings) {
    for at in case.account.about_container.iter().copied() {
        let Some(container) = case.via(at).filter(|_| case.acts_on_any(at).intersects(HAVING)) else { continue };
        let day = case.own_day(at);
        let found = Rule::ContainerDisputed { who: case.who(at), day, container: wording::id(container).into() };
        findings.add(found, &[case.leaf(at)]);
    }
}

/// Notes who carried it without being named.
fn unnamed_carriers(case: &Case<'_>, findings: &mut Findings) {
    let mut told: BTreeMap<&ParticipantId, Vec<usize>> = BTreeMap::new();
    let lets_go = || case.order().filter(|at| reading::act(case, *at) == Act::Ships);
    let named: BTreeSet<&ParticipantId> =
        lets_go().flat_map(|at| passage::destinations(case, at)).filter_map(|id| case.owner(id)).collect();
    let lies_aside = |at: &usize| {
        let signer = case.signer(*at);
        !case.account.fitting.contains(at) && case.is_carrier(signer) && !named.contains(signer)
    };
    for at in case.account.aside.iter().copied().chain(case.order()).filter(lies_aside) {
        if case.acts_on_any(at).intersects(HAVING) {
            told.entry(case.signer(at)).or_default().push(at);
        }
    }
    for carried in told.into_values() {
        let at = carried[0];
        let leaves: Vec<LeafIndex> = carried.iter().map(|at| case.leaf(*at)).collect();
        findings.add(Rule::UnnamedCarrier { who: case.who(at), day: case.day(at) }, &leaves);
    }
}

/// Notes who took over what had been let go to nobody in particular.
fn unannounced(case: &Case<'_>, findings: &mut Findings) {
    for (at, transfer) in &case.account.unannounced {
        let found = Rule::Unannounced { who: case.who(*at), day: case.day(*at), from: case.name(transfer.from) };
        findings.add(found, &[case.leaf(*at)]);
    }
}

/// Notes what was recorded after the next had gone on.
fn late(case: &Case<'_>, findings: &mut Findings) {
    let mut later: Vec<usize> = Vec::new();
    for at in case.order().collect::<Vec<_>>().into_iter().rev() {
        let overtaken = later.iter().any(|one| case.signer(*one) != case.signer(at) && case.leaf(*one) < case.leaf(at));
        if overtaken {
            findings.add(Rule::Late { who: case.who(at), day: case.day(at) }, &[case.leaf(at)]);
        }
        // The earliest leaf of each signer says it all.
        match later.iter_mut().find(|one| case.signer(**one) == case.signer(at)) {
            Some(one) if case.leaf(*one) > case.leaf(at) => *one = at,
            Some(_) => {}
            None => later.push(at),
        }
    }
}

fn left(case: &Case<'_>, findings: &mut Findings) {
    let Passage::Moving(transfer) = &case.account.end.passage else { return };
    if !transfer.to.is_empty() && transfer.to.iter().all(|id| case.owner(id).is_none()) {
        let found = Rule::LeftConsortium { who: case.name(transfer.from), day: case.day(transfer.since) };
        findings.add(found, &[case.leaf(transfer.since)]);
    }
}

fn leaves_with(case: &Records<'_>, at: usize, here: &Standpoint<'_>) -> Vec<LeafIndex> {
    [Some(at), here.last].into_iter().flatten().map(|at| case.leaf(at)).collect()
}
