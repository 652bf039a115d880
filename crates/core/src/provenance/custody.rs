//! Custody: what the account of a product leaves open, and what stands against it.

use std::collections::{BTreeMap, BTreeSet};

use crate::consortium::{ParticipantId, Role};
use crate::index::Acts;
use crate::merkle::LeafIndex;
use crate::provenance::account::{HAVING, Outcome};
use crate::provenance::case::Case;
use crate::provenance::containment::Notice;
use crate::provenance::finding::{Findings, Severity};
use crate::provenance::passage::Passage;
use crate::provenance::reading::{self, Act};
use crate::provenance::records::Records;
use crate::provenance::unopened;
use crate::provenance::walk::Standpoint;
use crate::provenance::wording::{self, sentence_case};

/// Within what time of block times a second receiver of the same goods, let go to nobody in particular, is one.
const SECOND_RECEIVER_MS: i64 = 7 * 24 * 60 * 60 * 1000;

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
    if !case.account.claims.is_empty() {
        claims(case, more_is_claimed, findings);
        is_whole = false;
    }
    dismissed(case, findings);
    containers(case, findings);
    unnamed_carriers(case, findings);
    unannounced(case, findings);
    late(case, findings);
    left(case, findings);
    if case.account.is_cut {
        let sentence = "More records are against the account of it than are compared with it.";
        findings.add("limit-reached", Severity::Gap, &[], sentence.to_owned());
    }
    is_whole
}

fn notices(case: &Case<'_>, findings: &mut Findings, is_whole: &mut bool) {
    for (at, notice) in case.account.notices.iter().copied() {
        let (who, day) = (sentence_case(&case.who(at)), case.day(at));
        let leaves = [case.leaf(at)];
        match notice {
            Notice::Elsewhere(former) => {
                let sentence = format!(
                    "{who} packed it into something else on {day}, and no record says that it was taken out of {}.",
                    wording::id(former)
                );
                findings.add("packed-elsewhere", Severity::Note, &leaves, sentence);
            }
            Notice::NotInside(container) => {
                let sentence = format!(
                    "{who} took it out of {} on {day}, into which nobody who had it is recorded to have packed it.",
                    wording::id(container)
                );
                findings.add("unpacked-without-packing", Severity::Note, &leaves, sentence);
            }
            Notice::Cycle(container) => {
                let sentence = format!(
                    "{who} recorded on {day} that it was packed into {}, which is itself inside it: where it was \
                     cannot be followed.",
                    wording::id(container)
                );
                *is_whole = false;
                findings.add("container-cycle", Severity::Gap, &leaves, sentence);
            }
        }
    }
}

fn voids(case: &Case<'_>, findings: &mut Findings) {
    for at in case.told.iter().copied() {
        let lies_aside = matches!(case.account.outcome(at), Some(Outcome::Accepted | Outcome::Aside));
        if !lies_aside || reading::act(case, at) != Act::VoidsShipping || case.account.too_late.contains(&at) {
            continue;
        }
        let sentence = format!(
            "{} took back a shipment on {} that it had not recorded: this changes nothing.",
            sentence_case(&case.who(at)),
            case.day(at)
        );
        findings.add("void-without-shipping", Severity::Note, &[case.leaf(at)], sentence);
    }
}

/// Notes what its signer would have taken back after others had built on it.
fn too_late(case: &Case<'_>, findings: &mut Findings) {
    for at in case.account.too_late.iter().copied() {
        let sentence = format!(
            "{} would take back on {} what it had recorded before; others have gone on from that since, so this changes nothing.",
            sentence_case(&case.who(at)),
            case.day(at)
        );
        findings.add("withdrawn-too-late", Severity::Note, &[case.leaf(at)], sentence);
    }
}

/// Reports a record by one whom the account binds.
fn contradicts(case: &Case<'_>, at: usize, findings: &mut Findings) {
    let Some(here) = case.account.passed.get(&at) else { return };
    let (who, day, leaves) = (case.who(at), case.day(at), leaves_with(case, at, here));
    match &here.passage {
        Passage::Ended(ending) => {
            let sentence = format!(
                "{} recorded it on {day}, after it was {} on {} by {}.",
                sentence_case(&who),
                ending.end.word(),
                case.day(ending.by),
                case.who(ending.by)
            );
            findings.add("event-after-terminal", Severity::Fails, &[case.leaf(ending.by), case.leaf(at)], sentence);
        }
        Passage::Moving(_) if reading::act(case, at) == Act::Ships => {
            let holder = case.holder(&here.passage, here.last);
            let sentence =
                format!("{} sent it off again on {day}, to another destination: {holder}.", sentence_case(&who));
            findings.add("shipped-twice", Severity::Fails, &leaves, sentence);
        }
        _ => {
            let holder = case.holder(&here.passage, here.last);
            let sentence = format!("{} recorded on {day} what it could no longer do: {holder}.", sentence_case(&who));
            findings.add("contradicts-itself", Severity::Fails, &leaves, sentence);
        }
    }
}

/// Reports the claims: as a gap if a hand-over that is missing explains them all, else as what they are.
fn claims(case: &Case<'_>, more_is_claimed: bool, findings: &mut Findings) {
    let claims = &case.account.claims;
    let only_carriers = claims.iter().all(|at| carries(case, *at));
    let first = claims.iter().copied().find(|at| only_carriers || !carries(case, *at));
    if let Some(first) = first
        && let Some(here) = case.account.passed.get(&first)
        && !more_is_claimed
        && explains(case, first, here, only_carriers)
    {
        return gap(case, first, here, findings);
    }
    let mut by_signer: BTreeMap<&ParticipantId, Vec<usize>> = BTreeMap::new();
    for at in claims.iter().copied() {
        by_signer.entry(case.signer(at)).or_default().push(at);
    }
    let mut by_signer: Vec<Vec<usize>> = by_signer.into_values().collect();
    by_signer.sort_by_key(|claims| claims[0]);
    for claims in by_signer {
        claimed(case, &claims, findings);
    }
}

/// Tells whether one missing record, of how the product came to the signer of the first claim, explains all the claims: from there
/// they make one account with all that was accepted later. Or the claim says itself from whom it came.
fn explains(case: &Case<'_>, first: usize, here: &Standpoint<'_>, only_carriers: bool) -> bool {
    let account = &case.account;
    // What one says of itself explains nothing of what others say.
    let mut asked = account.claims.iter().copied().filter(|at| only_carriers || !carries(case, *at));
    if asked.all(|at| case.signer(at) == case.signer(first)) && names_who_has_it(case, first, &here.passage) {
        return true;
    }
    if is_second_receiver(case, first, &here.passage) {
        return false;
    }
    let was_inside = here.inside.container().is_some();
    let mut second = Standpoint::new(case);
    case.by_time.iter().copied().filter(|at| case.moment(*at) >= case.moment(first)).all(|at| {
        let is_own = !case.entries[at].parts.is_empty();
        let outcome = account.outcome(at);
        let is_claim = outcome == Some(Outcome::Claim) && (only_carriers || !carries(case, at));
        let is_accepted = outcome == Some(Outcome::Accepted);
        // It may have gone on in something else, and what it was in by the account without it.
        let may_be_elsewhere = !is_own && case.counts(at) && (!is_accepted || was_inside);
        let is_asked = is_claim || is_accepted || may_be_elsewhere;
        !is_asked
            || second.take(case, None, at).is_ok()
            || may_be_elsewhere
            || is_accepted && case.are_within_tolerance(first, at)
    })
}

/// Tells whether a claim takes over what somebody else has just taken over that was let go to nobody in particular: no record is
/// missing then, but one of the two has another thing.
fn is_second_receiver(case: &Case<'_>, claim: usize, passage: &Passage<'_>) -> bool {
    let Passage::Held(by) = passage else { return false };
    let is_before = |at: &usize| case.moment(*at) < case.moment(claim);
    let first = case.account.unannounced.iter().map(|(at, _)| *at).rfind(|at| is_before(at) && case.signer(*at) == *by);
    let Some(first) = first else { return false };
    let time = |at: usize| case.entries[at].record.place.time;
    let is_soon = time(claim).millis_since(time(first)).abs() <= SECOND_RECEIVER_MS;
    let has_moved = |at: usize| case.moment(at) > case.moment(first) && is_before(&at) && case.signer(at) != *by;
    let takes = case.acts(claim).intersects(Acts::TAKES.with(Acts::HAS_IN_HAND));
    is_soon && takes && !case.account.fitting.iter().any(|at| has_moved(*at))
}

fn carries(case: &Case<'_>, at: usize) -> bool {
    case.has_role(case.signer(at), Role::Shipper)
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

fn gap(case: &Case<'_>, at: usize, here: &Standpoint<'_>, findings: &mut Findings) {
    let (who, day, leaves) = (case.who(at), case.day(at), leaves_with(case, at, here));
    let holder = case.holder(&here.passage, here.last);
    if matches!(here.passage, Passage::Ended(_)) && case.event(at).declares("returned") {
        let sentence = format!("{} recorded on {day} that it was brought back, though {holder}.", sentence_case(&who));
        return findings.add("returned-elsewhere", Severity::Gap, &leaves, sentence);
    }
    if let Some(container) = here.inside.container() {
        let sentence = format!(
            "{} recorded it on {day} outside of {}, into which it was packed, and nobody recorded taking it out: {holder}.",
            sentence_case(&who),
            wording::id(container)
        );
        return findings.add("inside-container", Severity::Gap, &leaves, sentence);
    }
    let sentence = format!("No record says how it came to {who}, where it was on {day}: {holder}.");
    findings.add("custody-gap", Severity::Gap, &leaves, sentence);
}

/// Reports what one participant says against the account.
fn claimed(case: &Case<'_>, claims: &[usize], findings: &mut Findings) {
    let first = claims[0];
    let who = case.who(first);
    let place = placed(case, first);
    let is_party = case.order().any(|at| case.signer(at) == case.signer(first));
    let says = if is_party {
        format!(
            "{} also says it had it{place} on {}, which does not fit its journey.",
            sentence_case(&who),
            case.day(first)
        )
    } else {
        format!(
            "{} says it had a product with this number{place} on {}, and has no part in its journey.",
            sentence_case(&who),
            case.day(first)
        )
    };
    let sentence = against(case, case.signer(first), &says);
    let leaves: Vec<LeafIndex> = claims.iter().map(|at| case.leaf(*at)).collect();
    findings.add("claimed", Severity::Disputes, &leaves, sentence);
}

/// Where an entry was recorded, as a clause.
fn placed(case: &Case<'_>, at: usize) -> String {
    reading::location(case.event(at)).map(|id| format!(" at {}", wording::place(id))).unwrap_or_default()
}

/// What a participant says, beside where the product is by its own records.
pub(super) fn against(case: &Case<'_>, signer: &ParticipantId, says: &str) -> String {
    let Some(last) = case.account.end.last else { return says.to_owned() };
    let (who, place, day) = (case.who(last), placed(case, last), case.day(last));
    let warning = if case.signer(last) == signer {
        String::new()
    } else {
        format!(" If yours did not come from {who}, do not trust it.")
    };
    format!("By its own records it was with {who}{place} on {day}. {says}{warning}")
}

/// Notes which claims the members have dismissed, and why.
fn dismissed(case: &Case<'_>, findings: &mut Findings) {
    let mut by_signer: BTreeMap<&ParticipantId, Vec<usize>> = BTreeMap::new();
    for at in case.account.dismissed.iter().copied() {
        by_signer.entry(case.signer(at)).or_default().push(at);
    }
    for claims in by_signer.into_values() {
        let Some(dismissal) = case.dismissal(claims[0]) else { continue };
        let sentence = format!(
            "{} says it had it on {}. The members of this ledger decided on {} that this counts for nothing: {}",
            sentence_case(&case.who(claims[0])),
            case.day(claims[0]),
            wording::day(dismissal.at.time),
            wording::stop(&wording::shown(&dismissal.reason))
        );
        let leaves: Vec<LeafIndex> = claims.iter().map(|at| case.leaf(*at)).collect();
        findings.add("dismissed", Severity::Note, &leaves, sentence);
    }
}

/// Notes who says to have had some of a lot without being named by anybody that had.
pub(super) fn note_claims(case: &Case<'_>, findings: &mut Findings) {
    dismissed(case, findings);
    unopened::note(case, findings);
    let mut told: BTreeSet<&ParticipantId> = BTreeSet::new();
    for at in case.account.claims.iter().copied().filter(|at| told.insert(case.signer(*at))) {
        let sentence = format!(
            "{} says it had some of it on {}; nobody that had it recorded sending it there.",
            sentence_case(&case.who(at)),
            case.day(at)
        );
        findings.add("lot-claimed", Severity::Note, &[case.leaf(at)], sentence);
    }
}

/// Notes what others say of what the product was in.
fn containers(case: &Case<'_>, findings: &mut Findings) {
    for at in case.account.about_container.iter().copied() {
        let Some(container) = case.via(at).filter(|_| case.acts_on_any(at).intersects(HAVING)) else { continue };
        let sentence = format!(
            "{} says it had {} on {}, in which this was then, and has no part in its journey.",
            sentence_case(&case.who(at)),
            wording::id(container),
            wording::day(case.event(at).event_time)
        );
        findings.add("container-disputed", Severity::Note, &[case.leaf(at)], sentence);
    }
}

/// Notes who carried it without being named.
fn unnamed_carriers(case: &Case<'_>, findings: &mut Findings) {
    let mut told: BTreeMap<&ParticipantId, Vec<usize>> = BTreeMap::new();
    let lies_aside = |at: &usize| !case.account.fitting.contains(at) && case.has_role(case.signer(*at), Role::Shipper);
    for at in case.account.aside.iter().copied().chain(case.order()).filter(lies_aside) {
        if case.acts_on_any(at).intersects(HAVING) {
            told.entry(case.signer(at)).or_default().push(at);
        }
    }
    for carried in told.into_values() {
        let at = carried[0];
        let sentence = format!(
            "{} carried it on {}; whoever sent it off did not name it as a carrier.",
            sentence_case(&case.who(at)),
            case.day(at)
        );
        let leaves: Vec<LeafIndex> = carried.iter().map(|at| case.leaf(*at)).collect();
        findings.add("unnamed-carrier", Severity::Note, &leaves, sentence);
    }
}

/// Notes who took over what had been let go to nobody in particular.
fn unannounced(case: &Case<'_>, findings: &mut Findings) {
    for (at, from) in case.account.unannounced.iter().copied() {
        let sentence = format!(
            "{} recorded taking it over on {}; {}, which had let it go, had named nobody.",
            sentence_case(&case.who(at)),
            case.day(at),
            case.name(from)
        );
        findings.add("unannounced", Severity::Note, &[case.leaf(at)], sentence);
    }
}

/// Notes what was recorded after the next had gone on.
fn late(case: &Case<'_>, findings: &mut Findings) {
    let mut later: Vec<usize> = Vec::new();
    for at in case.order().collect::<Vec<_>>().into_iter().rev() {
        let overtaken = later.iter().any(|one| case.signer(*one) != case.signer(at) && case.leaf(*one) < case.leaf(at));
        if overtaken {
            let sentence = format!(
                "{} recorded what was on {} only after others had recorded what came later.",
                sentence_case(&case.who(at)),
                case.day(at)
            );
            findings.add("late", Severity::Note, &[case.leaf(at)], sentence);
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
        let sentence = format!(
            "{} sent it on {} to somebody who is not registered here: what happened since is not recorded.",
            sentence_case(&case.name(transfer.from)),
            case.day(transfer.since)
        );
        findings.add("left-consortium", Severity::Note, &[case.leaf(transfer.since)], sentence);
    }
}

fn leaves_with(case: &Records<'_>, at: usize, here: &Standpoint<'_>) -> Vec<LeafIndex> {
    [Some(at), here.last].into_iter().flatten().map(|at| case.leaf(at)).collect()
}
