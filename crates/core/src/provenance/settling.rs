//! Settling the account: which records of the parties are accepted, which wait, and which retractions have an effect.

use std::collections::{BTreeMap, BTreeSet};

use crate::consortium::ParticipantId;
use crate::limits::{ACCOUNT_STEPS_MAX, ACCOUNT_WALKS_MAX, ACCOUNT_WALKS_OF_RUNS_MAX};
use crate::provenance::corrections::{self, Standing};
use crate::provenance::records::Records;
use crate::provenance::walk::{Standpoint, Taken, Walk};

/// A record that its signer takes back, and the record that does so.
#[derive(Debug, Clone, Copy)]
struct Retraction {
    of: usize,
    by: usize,
}

/// What the account is made of.
#[derive(Debug)]
pub(super) struct Settled {
    /// The entries that count: those that nobody took back, or too late.
    pub live: BTreeSet<usize>,
    /// Those of them that the account accepts.
    pub accepted: BTreeSet<usize>,
    /// Where the product's life begins, in the order of custody: normally one.
    pub origins: Vec<usize>,
    /// The one of them that the account builds on.
    pub origin: Option<usize>,
    /// Entries that would have taken back what others have built on since.
    pub too_late: Vec<usize>,
    /// More records wait than are looked at.
    pub is_cut: bool,
}

/// What one offering comes to.
struct Offered {
    accepted: BTreeSet<usize>,
    is_cut: bool,
}

/// What building the accounts of one product may still cost.
struct Budget {
    walks: usize,
    steps: usize,
}

/// The entries that count unless they are taken back.
pub(super) fn counting<'b>(records: &'b Records<'_>) -> impl Iterator<Item = usize> + 'b {
    let counts = |standing| matches!(standing, Standing::Counts | Standing::WithdrawnBy(_));
    (0..records.entries.len()).filter(move |at| counts(records.entries[*at].standing))
}

/// What the signers of entries take back, in the order in which they do.
fn retractions(records: &Records<'_>) -> Vec<Retraction> {
    let withdrawn = records.entries.iter().enumerate().filter_map(|(of, entry)| match entry.standing {
        Standing::WithdrawnBy(by) => Some(Retraction { of, by }),
        _ => None,
    });
    let voided = corrections::voided_shippings(records).into_iter().map(|(of, by)| Retraction { of, by });
    let mut all: Vec<Retraction> = withdrawn.chain(voided).collect();
    all.sort_by_key(|one| one.by);
    all
}

impl Settled {
    /// Settles the account, and which retractions have an effect: those without which the account still accepts all that others
    /// recorded and it had accepted.
    pub fn new<'a>(records: &Records<'a>, parties: &BTreeSet<&'a ParticipantId>) -> Self {
        let retractions = retractions(records);
        let all: BTreeSet<usize> = counting(records).collect();
        let mut settled = Self::untried(records, parties, without(&all, &retractions));
        if !records.subject.has_custodian() {
            return settled;
        }
        let offered = |live: &BTreeSet<usize>| -> BTreeSet<usize> {
            live.iter().copied().filter(|at| parties.contains(records.signer(*at))).collect()
        };
        let whole = offered(&settled.live);
        if Walk::new(records, settled.origin).run(&records.by_time, |at| whole.contains(&at), |_, _| {}).is_ok() {
            settled.accepted = whole;
            return settled;
        }
        let mut budget = Budget { walks: ACCOUNT_WALKS_MAX, steps: ACCOUNT_STEPS_MAX };
        let offer = |live: &BTreeSet<usize>, budget: &mut Budget| {
            let origin = origin(records, &origins(records, parties, live));
            Offered::new(records, origin, &offered(live), budget)
        };
        let mut too_late = Vec::new();
        // What no party said is no part of the account.
        let (of_parties, of_others): (Vec<Retraction>, Vec<Retraction>) =
            retractions.iter().partition(|one| parties.contains(records.signer(one.of)));
        let mut live = without(&all, &of_others);
        for retraction in &of_parties {
            if budget.is_spent() {
                too_late.push(retraction.by);
                continue;
            }
            // What others recorded after it, they recorded in spite of it.
            let until_then = |live: &BTreeSet<usize>| live.range(..retraction.by).copied().collect::<BTreeSet<usize>>();
            let before = offer(&until_then(&live), &mut budget);
            let rest = without(&live, &[*retraction]);
            let then = offer(&until_then(&rest), &mut budget);
            let signer = records.signer(retraction.of);
            let mut others = before.accepted.iter().filter(|at| records.signer(**at) != signer);
            if !then.is_cut && others.all(|at| then.accepted.contains(at)) {
                live = rest;
            } else {
                too_late.push(retraction.by);
            }
        }
        let Offered { accepted, is_cut } = offer(&live, &mut budget);
        Self { accepted, too_late, is_cut: is_cut || budget.is_spent(), ..Self::untried(records, parties, live) }
    }

    /// Finds where the product's life begins, and accepts nothing yet.
    fn untried<'a>(records: &Records<'a>, parties: &BTreeSet<&'a ParticipantId>, live: BTreeSet<usize>) -> Self {
        let origins = origins(records, parties, &live);
        let origin = origin(records, &origins);
        Self { live, accepted: BTreeSet::new(), origins, origin, too_late: Vec::new(), is_cut: false }
    }
}

/// The entries that remain if retractions have their effect.
fn without(live: &BTreeSet<usize>, retractions: &[Retraction]) -> BTreeSet<usize> {
    let gone: BTreeSet<usize> = retractions.iter().flat_map(|one| [one.of, one.by]).collect();
    live.difference(&gone).copied().collect()
}

impl Budget {
    const fn is_spent(&self) -> bool {
        self.walks == 0 || self.steps == 0
    }

    fn append(&mut self) {
        self.steps = self.steps.saturating_sub(1);
    }

    fn spend(&mut self, steps: usize) {
        self.walks = self.walks.saturating_sub(1);
        self.steps = self.steps.saturating_sub(steps);
    }
}

impl Offered {
    /// Offers the entries in ledger order, the origin before all.
    fn new(records: &Records<'_>, origin: Option<usize>, offered: &BTreeSet<usize>, budget: &mut Budget) -> Self {
        let end = Standpoint::new(records);
        let (accepted, waiting, runs) = (Vec::new(), Vec::new(), BTreeMap::new());
        let mut builder = Builder { records, origin, accepted, waiting, runs, end, budget };
        for at in origin.into_iter().chain(offered.iter().copied().filter(|at| origin != Some(*at))) {
            builder.offer(at);
        }
        let Builder { accepted, waiting, .. } = builder;
        Self { accepted: accepted.into_iter().collect(), is_cut: budget.is_spent() && !waiting.is_empty() }
    }
}

/// The account while it is built.
struct Builder<'a, 'b, 'c> {
    records: &'b Records<'a>,
    origin: Option<usize>,
    /// In the order of custody.
    accepted: Vec<usize>,
    /// In ledger order.
    waiting: Vec<usize>,
    /// The walks that looking for runs of each signer took.
    runs: BTreeMap<&'a ParticipantId, usize>,
    /// How things stand after what is accepted.
    end: Standpoint<'a>,
    budget: &'c mut Budget,
}

impl<'a> Builder<'a, '_, '_> {
    fn offer(&mut self, at: usize) {
        if self.accepted.last().is_none_or(|last| self.records.moment(*last) < self.records.moment(at)) {
            // At the end of the walk, no other walk is needed.
            self.budget.append();
            let mut then = self.end.clone();
            if matches!(then.take(self.records, self.origin, at), Ok(Taken::Aside | Taken::Fits(_))) {
                self.end = then;
                self.accepted.push(at);
                if self.waiting.iter().any(|waiting| self.may_now_fit(*waiting, at)) {
                    self.accept_what_waits();
                }
                return;
            }
            self.waiting.push(at);
        } else {
            self.waiting.push(at);
            if self.accept(&[at]) {
                return self.accept_what_waits();
            }
        }
        // Nothing else that waits has changed, but the runs of this signer.
        if self.accept_run_of(self.records.signer(at)) {
            self.accept_what_waits();
        }
    }

    /// Tells whether what waits may fit after an entry that was accepted at the end: not if the walk comes to it as before.
    fn may_now_fit(&self, waiting: usize, accepted: usize) -> bool {
        let records = self.records;
        records.moment(waiting) > records.moment(accepted) || records.may_be_within_tolerance(waiting, accepted)
    }

    fn accept_what_waits(&mut self) {
        if self.budget.is_spent() {
            return;
        }
        while self.accept_one_that_waits() || self.accept_a_run() {}
    }

    fn accept_one_that_waits(&mut self) -> bool {
        (0..self.waiting.len()).any(|index| {
            let at = self.waiting[index];
            self.accept(&[at])
        })
    }

    fn accept_a_run(&mut self) -> bool {
        let mut signers: Vec<&'a ParticipantId> = Vec::new();
        for at in &self.waiting {
            let signer = self.records.signer(*at);
            if !signers.contains(&signer) {
                signers.push(signer);
            }
        }
        signers.into_iter().any(|signer| self.accept_run_of(signer))
    }

    /// Accepts several entries of one signer that fit together: from the earliest of its waiting ones on, as many as fit.
    fn accept_run_of(&mut self, signer: &'a ParticipantId) -> bool {
        if self.budget.is_spent() {
            return false;
        }
        let own = self.waiting.iter().copied().filter(|at| self.records.signer(*at) == signer);
        let mut own: Vec<usize> = own.collect();
        own.sort_by_key(|at| self.records.moment(*at));
        for from in 0..own.len().saturating_sub(1) {
            for to in (from + 2..=own.len()).rev() {
                // What one signer contradicts leaves enough for what others record late.
                let taken = self.runs.entry(signer).or_insert(0);
                if *taken >= ACCOUNT_WALKS_OF_RUNS_MAX {
                    return false;
                }
                *taken += 1;
                if self.accept(&own[from..to]) {
                    return true;
                }
            }
        }
        false
    }

    /// Accepts entries if they fit, together with all that are accepted, and are part of the journey.
    fn accept(&mut self, entries: &[usize]) -> bool {
        if self.budget.is_spent() {
            return false;
        }
        let mut queue = self.accepted.clone();
        for at in entries {
            let moment = self.records.moment(*at);
            let place = queue.partition_point(|one| self.records.moment(*one) < moment);
            queue.insert(place, *at);
        }
        self.budget.spend(queue.len());
        let Ok(walk) = Walk::new(self.records, self.origin).run(&queue, |_| true, |_, _| {}) else { return false };
        if !entries.iter().all(|at| walk.journey.order.contains(at)) {
            return false;
        }
        self.end = walk.here;
        self.accepted = queue;
        self.waiting.retain(|at| !entries.contains(at));
        true
    }
}

/// The entries that bring the product forth, in the order of custody; else the one with which it begins: the first of the holder of its
/// prefix, else the first of a party.
fn origins(records: &Records<'_>, parties: &BTreeSet<&ParticipantId>, live: &BTreeSet<usize>) -> Vec<usize> {
    let order =
        || records.by_time.iter().copied().filter(|at| live.contains(at) && !records.entries[*at].parts.is_empty());
    let brought_forth: Vec<usize> = order().filter(|at| records.brings_forth(*at)).collect();
    if !brought_forth.is_empty() {
        return brought_forth;
    }
    // What a stranger says to have caught begins nothing.
    let begun: Vec<usize> = order().filter(|at| records.begins(*at)).collect();
    let by_holder = begun.iter().copied().find(|at| records.signed_by_prefix_holder(*at));
    let by_party = || begun.iter().copied().find(|at| parties.contains(records.signer(*at)));
    by_holder.or_else(by_party).into_iter().collect()
}

/// The origin that the account builds on: the first by the ledger that the holder of the prefix recorded, else the first.
fn origin(records: &Records<'_>, origins: &[usize]) -> Option<usize> {
    let with_authority = origins.iter().copied().filter(|at| records.signed_by_prefix_holder(*at)).min();
    with_authority.or(origins.first().copied())
}
