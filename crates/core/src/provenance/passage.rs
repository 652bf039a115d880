//! Who has a product: one account of it, and whether a further event fits.

use crate::consortium::ParticipantId;
use crate::gs1::Id;
use crate::limits::DESTINATIONS_MAX;
use crate::provenance::reading::{self, Act, End};
use crate::provenance::records::Records;

/// Who has the product, as far as the account goes.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) enum Passage<'a> {
    /// No record has been read yet.
    #[default]
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
    /// The entry that put that end to it.
    pub by: usize,
}

/// A product between two holders.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Transfer<'a> {
    pub from: &'a ParticipantId,
    /// The destinations that the sender announced, and those that carriers whom it named announced; empty if nobody named any.
    pub to: Vec<&'a Id>,
    /// The entry that began it.
    pub since: usize,
    /// The named carrier that has it.
    pub carrier: Option<&'a ParticipantId>,
}

/// How an event that is not against an account fits it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Fit<'a> {
    /// It carries the account on.
    Fits(Passage<'a>),
    /// It neither needs the product in hand nor denies the account.
    Aside,
}

impl<'a> Passage<'a> {
    /// Fits an entry into the account; none if it is against it.
    pub fn follow(&self, records: &Records<'a>, at: usize) -> Option<Fit<'a>> {
        let act = reading::act(records, at);
        let end = reading::end(records, at);
        let is_afar = matches!(act, Act::FromAfar | Act::VoidsShipping);
        match self {
            Passage::Ended(ending) => from_ended(records, *ending, at, act, end),
            // From afar only the holder of the prefix takes it out of use: every other participant must have it to end it.
            _ if is_afar => match end {
                None => Some(Fit::Aside),
                Some(End::Decommissioned) if records.signed_by_prefix_holder(at) => {
                    Some(ended(at, End::Decommissioned))
                }
                Some(end) if self.may_end(records, at, end) => Some(ended(at, end)),
                Some(_) => None,
            },
            Passage::Unknown => Some(taken(records, at, act, end)),
            Passage::Held(by) => from_held(records, by, at, act, end),
            Passage::Moving(transfer) => from_moving(records, transfer, at, act, end),
        }
    }

    /// Who has the product: the carrier while one is known to carry it.
    pub fn custodian(&self) -> Option<&'a ParticipantId> {
        match self {
            Passage::Held(by) => Some(by),
            Passage::Moving(transfer) => transfer.carrier,
            Passage::Unknown | Passage::Ended(_) => None,
        }
    }

    /// Tells whether the entry's signer has the product, or has just let go of it.
    pub fn concerns_holder(&self, records: &Records<'a>, at: usize) -> bool {
        match self {
            Passage::Unknown => false,
            Passage::Held(by) => records.is_by(at, by),
            Passage::Moving(transfer) => records.is_by(at, transfer.from),
            Passage::Ended(ending) => records.is_by(at, records.signer(ending.since)),
        }
    }

    /// Tells whether the entry's signer has the product, has just let go of it, or is named to carry or to have it.
    pub fn concerns(&self, records: &Records<'a>, at: usize) -> bool {
        let is_named = matches!(self, Passage::Moving(transfer) if transfer.names(records, at));
        self.concerns_holder(records, at) || is_named
    }

    fn may_end(&self, records: &Records<'a>, at: usize, end: End) -> bool {
        match self {
            Passage::Held(by) => records.is_by(at, by),
            Passage::Moving(transfer) if records.is_by(at, transfer.from) => transfer.ends_by_sale(records, end),
            Passage::Moving(transfer) => transfer.is_for(records, at),
            Passage::Unknown => true,
            Passage::Ended(_) => false,
        }
    }
}

impl<'a> Transfer<'a> {
    /// Tells whether the entry's signer is announced as one that is to have it: carriers only move it.
    fn is_for(&self, records: &Records<'a>, at: usize) -> bool {
        self.names(records, at) && !records.is_carrier(records.signer(at))
    }

    fn names(&self, records: &Records<'a>, at: usize) -> bool {
        self.to.iter().any(|id| records.owns_at(at, id))
    }

    /// Tells whether it was let go to nobody in particular: only carriers are announced.
    pub fn is_open(&self, records: &Records<'a>) -> bool {
        are_carriers(records, &self.to)
    }

    /// Tells whether the sender's sale may follow: it sent it to a customer, or to nobody in particular.
    fn ends_by_sale(&self, records: &Records<'a>, end: End) -> bool {
        end.may_be_returned() && self.to.iter().all(|id| records.owner(id).is_none())
    }
}

fn ended<'a>(at: usize, end: End) -> Fit<'a> {
    Fit::Fits(Passage::Ended(Ending { since: at, end, by: at }))
}

/// The account in which the entry's signer has the product, has just sent it off, or has ended it.
fn taken<'a>(records: &Records<'a>, at: usize, act: Act, end: Option<End>) -> Fit<'a> {
    match (end, act) {
        (Some(end), _) => ended(at, end),
        (None, Act::Ships) => Fit::Fits(Passage::Moving(Transfer {
            from: records.signer(at),
            to: destinations(records, at),
            since: at,
            carrier: None,
        })),
        (None, _) => Fit::Fits(Passage::Held(records.signer(at))),
    }
}

/// After an end nothing fits but what it permits. Events of one moment are one occasion.
fn from_ended<'a>(records: &Records<'a>, ending: Ending, at: usize, act: Act, end: Option<End>) -> Option<Fit<'a>> {
    let (seller, signer) = (records.signer(ending.since), records.signer(at));
    if ending.end.may_be_returned()
        && records.event(at).declares("returned")
        && reading::takes_back(records, at, seller)
    {
        return Some(Fit::Fits(Passage::Held(signer)));
    }
    if let Some(end) = end.filter(|end| *end > ending.end) {
        // What was sold may be destroyed at last, by who sold it or made it.
        let may = reading::takes_back(records, at, seller);
        return may.then_some(Fit::Fits(Passage::Ended(Ending { end, by: at, ..ending })));
    }
    let is_later = records.event(at).event_time > records.event(ending.by).event_time;
    // The holder of the prefix may take it out of use from afar though it is no more.
    let is_holders = || end == Some(End::Decommissioned) && records.signed_by_prefix_holder(at);
    let is_afar = matches!(act, Act::FromAfar | Act::VoidsShipping) && (end.is_none() || is_holders());
    let same_occasion = !is_later && signer == records.signer(ending.by);
    (is_afar || same_occasion || end.is_none() && ending.end.permits(records.step(at))).then_some(Fit::Aside)
}

fn from_held<'a>(records: &Records<'a>, by: &ParticipantId, at: usize, act: Act, end: Option<End>) -> Option<Fit<'a>> {
    if records.is_by(at, by) {
        return Some(taken(records, at, act, end));
    }
    let visits = act == Act::Handles && end.is_none() && is_at(records, &[by], at);
    visits.then_some(Fit::Aside)
}

fn from_moving<'a>(
    records: &Records<'a>,
    transfer: &Transfer<'a>,
    at: usize,
    act: Act,
    end: Option<End>,
) -> Option<Fit<'a>> {
    if records.is_by(at, transfer.from) {
        return by_sender(records, transfer, at, act, end);
    }
    if transfer.is_for(records, at) {
        return Some(taken(records, at, act, end));
    }
    if end.is_some() {
        return None;
    }
    if records.is_carrier(records.signer(at)) {
        let is_named = transfer.names(records, at);
        return Some(if is_named { carried_on(records, transfer, at, act) } else { Fit::Aside });
    }
    let expected = transfer.to.iter().filter_map(|id| records.owner(id));
    let hosts: Vec<&ParticipantId> = expected.chain([transfer.from]).chain(transfer.carrier).collect();
    match act {
        Act::Handles if is_at(records, &hosts, at) => Some(Fit::Aside),
        Act::Handles | Act::Receives if transfer.is_open(records) => Some(taken(records, at, act, end)),
        _ => None,
    }
}

fn by_sender<'a>(
    records: &Records<'a>,
    transfer: &Transfer<'a>,
    at: usize,
    act: Act,
    end: Option<End>,
) -> Option<Fit<'a>> {
    match (act, end) {
        (_, Some(end)) => transfer.ends_by_sale(records, end).then_some(ended(at, end)),
        (Act::Ships, None) => {
            let to = destinations(records, at);
            if diverge(records, &transfer.to, &to) {
                return None;
            }
            // Carriers alone are added to those who are to have it.
            let to = if are_carriers(records, &to) { each_once([&transfer.to[..], &to].concat()) } else { to };
            Some(Fit::Fits(Passage::Moving(Transfer { to, ..transfer.clone() })))
        }
        // What was sent off and could not be delivered is taken back by its sender.
        (Act::Receives, None) => Some(Fit::Fits(Passage::Held(records.signer(at)))),
        _ => Some(Fit::Aside),
    }
}

/// A carrier that was named has it. If it ships on, it may name the next; whoever is to have it stays announced.
fn carried_on<'a>(records: &Records<'a>, transfer: &Transfer<'a>, at: usize, act: Act) -> Fit<'a> {
    let mut next = transfer.clone();
    next.carrier = Some(records.signer(at));
    if act == Act::Ships {
        let is_open = transfer.is_open(records);
        let named = destinations(records, at).into_iter();
        let may_name = |id: &&Id| is_open || records.owner(id).is_none_or(|owner| records.is_carrier(owner));
        next.to.extend(named.filter(may_name));
        next.to = each_once(next.to);
    }
    Fit::Fits(Passage::Moving(next))
}

/// The destinations that an event names: parties and locations (CBV 2.0 §7.4.2), each once, and no more than a limit.
pub(super) fn destinations<'a>(records: &Records<'a>, at: usize) -> Vec<&'a Id> {
    let destinations = records.event(at).destinations.iter().take(DESTINATIONS_MAX);
    each_once(destinations.map(|destination| &destination.id).collect())
}

fn each_once(mut ids: Vec<&Id>) -> Vec<&Id> {
    ids.sort_unstable_by_key(|id| id.as_str());
    ids.dedup();
    ids
}

/// Tells whether only carriers are announced. A destination of no registered participant is no carrier's.
fn are_carriers(records: &Records<'_>, to: &[&Id]) -> bool {
    to.iter().all(|id| records.owner(id).is_some_and(|owner| records.is_carrier(owner)))
}

/// Tells whether two announcements name different participants and none in common.
pub(super) fn diverge(records: &Records<'_>, one: &[&Id], other: &[&Id]) -> bool {
    let owners = |ids: &[&Id]| -> Vec<_> {
        let owners = ids.iter().filter_map(|id| records.owner(id));
        owners.filter(|owner| !records.is_carrier(owner)).cloned().collect()
    };
    let (one, other) = (owners(one), owners(other));
    !one.is_empty() && !other.is_empty() && !one.iter().any(|owner| other.contains(owner))
}

/// Tells whether the event took place at one of the hosts' own places, or says no place at all.
fn is_at(records: &Records<'_>, hosts: &[&ParticipantId], at: usize) -> bool {
    let event = records.event(at);
    let place = event.read_point.as_ref().or(event.biz_location.as_ref());
    place.is_none_or(|place| hosts.iter().any(|host| records.owns(host, place)))
}
