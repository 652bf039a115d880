//! Who has a product: one account of it, and what each further event makes of that account.

use crate::consortium::{ParticipantId, Role};
use crate::gs1::Id;
use crate::limits::DESTINATIONS_MAX;
use crate::provenance::case::Case;
use crate::provenance::reading::{self, Act, End};

/// Who has the product, as far as one account of it goes.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Passage<'a> {
    /// No record has been read yet.
    Unknown,
    Held(&'a ParticipantId),
    Moving(Transfer<'a>),
    /// Sold, dispensed, decommissioned or destroyed.
    Ended(Ending),
}

/// The end of a product's life in the chain.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ending {
    /// The entry that ended it first: a customer brings it back to its signer.
    pub since: usize,
    /// The most final end so far.
    pub end: End,
}

/// A product between two holders.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Transfer<'a> {
    pub from: &'a ParticipantId,
    /// The destinations that the sender announced; empty when it announced none.
    pub to: Vec<&'a Id>,
    /// The entry that began it.
    pub since: usize,
    pub carrier: Option<&'a ParticipantId>,
    /// False while only a carrier says so: the sender has not recorded letting go.
    pub released: bool,
    /// True once an unreleased product was seen away from the sender's own place.
    pub away: bool,
}

/// How an event fits an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// It carries the account on.
    Fits,
    /// It neither needs the product in hand nor denies the account.
    Aside,
    /// Some hand-over before it is missing.
    Gap,
    /// Received by another than the announced destination.
    ReceivedByAnother,
    /// Sent off by a participant that does not have it.
    ShippedByNonCustodian,
    /// Sent off again to another participant.
    ShippedTwice,
    /// Still with the sender, though a carrier has taken it away.
    TwoCustodians,
    /// Brought back to another than the one who sold it.
    ReturnedElsewhere,
}

/// Fits the entry into an account: how it fits, and the account after it.
pub(super) fn follow<'a>(case: &Case<'a>, passage: &Passage<'a>, at: usize, act: Act) -> (Fit, Passage<'a>) {
    let end = reading::end(case, at);
    let (fit, next) = match passage {
        Passage::Ended(ending) => from_ended(case, *ending, at),
        // From afar only the holder of the prefix ends it: every other participant must have it for that.
        _ if from_afar(act) && (end.is_none() || case.signed_by_prefix_holder(at)) => (Fit::Aside, passage.clone()),
        Passage::Unknown => (Fit::Fits, taken_up(case, at, act)),
        Passage::Held(by) => from_held(case, by, at, act, end.is_some()),
        Passage::Moving(transfer) => from_moving(case, transfer, at, act, end.is_some()),
    };
    match (end, &next) {
        (None, _) => (fit, next),
        (Some(end), Passage::Ended(former)) => (fit, Passage::Ended(Ending { end: end.max(former.end), ..*former })),
        (Some(end), _) => (fit, Passage::Ended(Ending { since: at, end })),
    }
}

fn from_afar(act: Act) -> bool {
    matches!(act, Act::FromAfar | Act::VoidsShipping)
}

fn from_ended<'a>(case: &Case<'a>, ending: Ending, at: usize) -> (Fit, Passage<'a>) {
    let seller = case.signer(ending.since);
    if !ending.end.may_be_returned() || !reading::returns(case, at, seller) {
        return (Fit::Aside, Passage::Ended(ending));
    }
    let fit = if reading::takes_back(case, at, seller) { Fit::Fits } else { Fit::ReturnedElsewhere };
    (fit, Passage::Held(case.signer(at)))
}

/// The account in which the entry's signer has the product, or has just sent it off.
pub(super) fn taken_up<'a>(case: &Case<'a>, at: usize, act: Act) -> Passage<'a> {
    match act {
        Act::Ships => Passage::Moving(Transfer {
            from: case.signer(at),
            to: destinations(case, at),
            since: at,
            carrier: None,
            released: true,
            away: true,
        }),
        _ => Passage::Held(case.signer(at)),
    }
}

fn from_held<'a>(case: &Case<'a>, by: &'a ParticipantId, at: usize, act: Act, ends: bool) -> (Fit, Passage<'a>) {
    let signer = case.signer(at);
    let at_home = is_at(case, &[by], at);
    if signer == by {
        (Fit::Fits, taken_up(case, at, act))
    } else if act == Act::Handles && !ends && at_home {
        (Fit::Aside, Passage::Held(by))
    } else if is_carrier(case, signer) && !ends {
        let to = if act == Act::Ships { destinations(case, at) } else { Vec::new() };
        let away = act == Act::Ships || !at_home;
        let transfer = Transfer { from: by, to, since: at, carrier: Some(signer), released: false, away };
        (Fit::Fits, Passage::Moving(transfer))
    } else if act == Act::Ships {
        (Fit::ShippedByNonCustodian, Passage::Held(by))
    } else {
        (Fit::Gap, Passage::Held(signer))
    }
}

fn from_moving<'a>(case: &Case<'a>, transfer: &Transfer<'a>, at: usize, act: Act, ends: bool) -> (Fit, Passage<'a>) {
    let signer = case.signer(at);
    if signer == transfer.from {
        return by_sender(case, transfer, at, act);
    }
    let announced = transfer.to.iter().any(|id| case.owns(signer, id));
    let for_others = || transfer.to.iter().any(|id| !case.owns(signer, id) && case.owner(id).is_some());
    if is_carrier(case, signer) && !ends && (!announced || for_others()) {
        return (Fit::Fits, Passage::Moving(carried_on(case, transfer, at, act)));
    }
    if announced {
        let fit = if transfer.released { Fit::Fits } else { Fit::Gap };
        return (fit, taken_up(case, at, act));
    }
    by_stranger(case, transfer, at, act, ends)
}

fn by_sender<'a>(case: &Case<'a>, transfer: &Transfer<'a>, at: usize, act: Act) -> (Fit, Passage<'a>) {
    match act {
        Act::Ships => {
            let to = destinations(case, at);
            let fit = if transfer.released && diverge(case, &transfer.to, &to) { Fit::ShippedTwice } else { Fit::Fits };
            let to = if to.is_empty() { transfer.to.clone() } else { to };
            (fit, Passage::Moving(Transfer { to, released: true, ..transfer.clone() }))
        }
        _ if !transfer.released && transfer.away => (Fit::TwoCustodians, Passage::Held(transfer.from)),
        // What was sent off and could not be delivered is taken back by its sender.
        Act::Receives => (Fit::Fits, Passage::Held(transfer.from)),
        _ => (Fit::Aside, Passage::Moving(transfer.clone())),
    }
}

fn carried_on<'a>(case: &Case<'a>, transfer: &Transfer<'a>, at: usize, act: Act) -> Transfer<'a> {
    let mut next = transfer.clone();
    next.carrier = Some(case.signer(at));
    next.away |= act == Act::Ships || !is_at(case, &[transfer.from], at);
    // The sender's word about the destination stands; a carrier's fills in for one that is missing.
    if act == Act::Ships && next.to.is_empty() {
        next.to = destinations(case, at);
    }
    next
}

fn by_stranger<'a>(case: &Case<'a>, transfer: &Transfer<'a>, at: usize, act: Act, ends: bool) -> (Fit, Passage<'a>) {
    let expected: Vec<&ParticipantId> = transfer.to.iter().filter_map(|id| case.owner(id)).collect();
    let mut hosts = expected.clone();
    hosts.push(transfer.from);
    hosts.extend(transfer.carrier);
    match act {
        Act::Handles if !ends && is_at(case, &hosts, at) => (Fit::Aside, Passage::Moving(transfer.clone())),
        Act::Receives if transfer.to.is_empty() && transfer.released => (Fit::Fits, Passage::Held(case.signer(at))),
        Act::Receives if !expected.is_empty() => (Fit::ReceivedByAnother, Passage::Held(case.signer(at))),
        Act::Ships if !expected.is_empty() => (Fit::ShippedByNonCustodian, Passage::Moving(transfer.clone())),
        _ => (Fit::Gap, taken_up(case, at, act)),
    }
}

/// The destinations that an event names: parties and locations (CBV 2.0 §7.4.2), each once, and no more than a limit.
pub(super) fn destinations<'a>(case: &Case<'a>, at: usize) -> Vec<&'a Id> {
    let destinations = case.event(at).destinations.iter().take(DESTINATIONS_MAX);
    let mut ids: Vec<&Id> = destinations.map(|destination| &destination.id).collect();
    ids.sort_unstable_by_key(|id| id.as_str());
    ids.dedup();
    ids
}

/// Tells whether two announcements name different participants and none in common.
fn diverge(case: &Case<'_>, one: &[&Id], other: &[&Id]) -> bool {
    let owners = |ids: &[&Id]| -> Vec<_> {
        let owners = ids.iter().filter_map(|id| case.owner(id));
        owners.filter(|owner| !is_carrier(case, owner)).cloned().collect()
    };
    let (one, other) = (owners(one), owners(other));
    !one.is_empty() && !other.is_empty() && !one.iter().any(|owner| other.contains(owner))
}

/// Tells whether the event took place at one of the hosts' own places, or says no place at all.
fn is_at(case: &Case<'_>, hosts: &[&ParticipantId], at: usize) -> bool {
    let event = case.event(at);
    let place = event.read_point.as_ref().or(event.biz_location.as_ref());
    place.is_none_or(|place| hosts.iter().any(|host| case.owns(host, place)))
}

fn is_carrier(case: &Case<'_>, participant: &ParticipantId) -> bool {
    case.has_role(participant, Role::Shipper)
}
