//! Candidates: two or more who say to have received what was let go to nobody in particular. They are equals until the one who let it go
//! names one of them.

use std::collections::BTreeSet;

use crate::consortium::ParticipantId;
use crate::provenance::passage::{self, Fit, Passage, Transfer};
use crate::provenance::reading::{self, Act};
use crate::provenance::records::Records;
use crate::provenance::walk::Journey;

/// Within what time of block times a second receiver of the same goods is one.
const SECOND_RECEIVER_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// One product, and more than one participant that says to have received it.
#[derive(Debug, Clone)]
pub(super) struct Contest<'a> {
    pub from: &'a ParticipantId,
    /// The entry by which it was let go.
    pub since: usize,
    /// The entry by which the first candidate took it over.
    pub first: usize,
    pub by: &'a ParticipantId,
    /// The first entry of each other candidate.
    pub others: Vec<usize>,
    /// The entry by which `from` named one of the candidates, and the one that it named.
    pub settled: Option<(usize, &'a ParticipantId)>,
}

impl<'a> Contest<'a> {
    /// Finds the first contest that a journey leaves open among what was offered and is not in it, beside the `known` ones.
    pub fn find(
        records: &Records<'a>,
        journey: &Journey<'a>,
        offered: &BTreeSet<usize>,
        known: &[Contest<'a>],
    ) -> Option<Self> {
        let order: BTreeSet<usize> = journey.order.iter().copied().collect();
        let waiting: Vec<usize> = offered.difference(&order).copied().collect();
        let new =
            journey.unannounced.iter().filter(|(_, transfer)| known.iter().all(|one| one.since != transfer.since));
        new.map(|(first, transfer)| Self::new(records, journey, *first, transfer, &waiting))
            .find(|contest| !contest.others.is_empty())
    }

    fn new(
        records: &Records<'a>,
        journey: &Journey<'a>,
        first: usize,
        transfer: &Transfer<'a>,
        waiting: &[usize],
    ) -> Self {
        let (by, from, since) = (records.signer(first), transfer.from, transfer.since);
        let others = candidates(records, journey, first, transfer, waiting);
        let all: Vec<&ParticipantId> = others.iter().map(|at| records.signer(*at)).chain([by]).collect();
        let named = |at: usize| -> Vec<&'a ParticipantId> {
            let to = passage::destinations(records, at);
            all.iter().copied().filter(|one| to.iter().any(|id| records.owns(one, id))).collect()
        };
        let settles = |at: usize| match named(at)[..] {
            [receiver] if reading::act(records, at) == Act::Ships => Some((at, receiver)),
            _ => None,
        };
        let is_later = |at: &usize| *at > since && records.moment(*at) > records.moment(since);
        let mut lets_go = waiting.iter().copied().filter(|at| records.signer(*at) == from && is_later(at));
        let settled = lets_go.find_map(settles);
        Self { from, since, first, by, others, settled }
    }
}

/// Of each participant the first entry, by the ledger, by which it would have taken over if the one that did had not.
fn candidates<'a>(
    records: &Records<'a>,
    journey: &Journey<'a>,
    first: usize,
    transfer: &Transfer<'a>,
    waiting: &[usize],
) -> Vec<usize> {
    let by = records.signer(first);
    let rest = journey.order.iter().copied().skip_while(|at| *at != first);
    let since: Vec<usize> = rest.filter(|at| journey.fitting.contains(at)).collect();
    let time = |at: usize| records.entries[at].record.place.time;
    let began = since.iter().copied().filter(|at| records.signer(*at) == by).min().map_or(time(first), time);
    let mut found: Vec<usize> = Vec::new();
    for at in waiting.iter().copied() {
        let signer = records.signer(at);
        let is_other =
            signer != by && signer != transfer.from && found.iter().all(|one| records.signer(*one) != signer);
        let names_it = !records.entries[at].parts.is_empty() && !records.brings_forth(at);
        let is_claim = names_it && records.moment(at) > records.moment(transfer.since);
        if !is_other || !is_claim || records.compromised_since(at).is_some() || records.dismissal(at).is_some() {
            continue;
        }
        let is_soon = time(at).millis_since(began).abs() <= SECOND_RECEIVER_MS;
        // Who goes on from the first vouches for it.
        let mut earlier = since.iter().filter(|one| **one < at).map(|one| records.signer(*one));
        let is_vouched = earlier.any(|other| other != by && other != signer);
        let then = Passage::Moving(transfer.clone()).follow(records, at);
        // Who visits the first takes nothing.
        let is_against = Passage::Held(by).follow(records, at).is_none();
        if is_soon && !is_vouched && is_against && matches!(then, Some(Fit::Fits(Passage::Held(_)))) {
            found.push(at);
        }
    }
    found
}
