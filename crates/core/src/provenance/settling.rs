//! Settling the account: which records of the parties are accepted, which wait, and which retractions have an effect.

use std::collections::{BTreeMap, BTreeSet};

use crate::consortium::ParticipantId;
use crate::limits::{ACCOUNT_STEPS_MAX, ACCOUNT_WALKS_MAX, ACCOUNT_WALKS_OF_RUNS_MAX};
use crate::provenance::candidates::Contest;
use crate::provenance::corrections::{self, Standing};
use crate::provenance::reading::{self, Act};
use crate::provenance::records::Records;
use crate::provenance::walk::{Contested, Journey, Standpoint, Taken, Walk, Walked};

/// A record that its signer takes back, and the record that does so.
#[derive(Debug, Clone, Copy)]
struct Retraction {
    of: usize,
    by: usize,
}

/// What the account is made of.
#[derive(Debug)]
pub(super) struct Settled<'a> {
    /// The entries that count: those that no signer took back in time.
    pub live: BTreeSet<usize>,
    /// The walk through those of them that the account accepts.
    pub walked: Walked<'a>,
    /// Where the product's life begins, in the order of custody: normally one.
    pub origins: Vec<usize>,
    /// The one of them that the account builds on.
    pub origin: Option<usize>,
    /// Contests about who received what was let go to nobody in particular. At most the last is open.
    pub contests: Vec<Contest<'a>>,
    /// Entries that would have taken back what others have built on since.
    pub too_late: Vec<usize>,
    /// Withdrawn entries by which the account had the product ended until then.
    pub withdrawn_ends: BTreeSet<usize>,
    /// More records wait than are looked at.
    pub is_cut: bool,
}

/// What one offering comes to.
struct Offered {
    kept: Kept,
    is_cut: bool,
}

/// The entries that are accepted.
#[derive(Debug, Default)]
struct Kept {
    accepted: BTreeSet<usize>,
    /// Those of them that carry the account on.
    fitting: BTreeSet<usize>,
    /// Those of them that lie aside by the tolerance of clocks.
    near_transit: BTreeSet<usize>,
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

impl<'a> Settled<'a> {
    /// Settles the account, and which retractions have an effect: those without which the account still accepts all that others
    /// recorded and it had accepted.
    pub fn new(records: &Records<'a>, parties: &BTreeSet<&'a ParticipantId>) -> Self {
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
        // What no party said is no part of the account.
        let (of_parties, of_others): (Vec<Retraction>, Vec<Retraction>) =
            retractions.iter().partition(|one| parties.contains(records.signer(one.of)));
        let walked = Walked::new(records, settled.origin, None, &whole).ok();
        let walked = walked.filter(|walked| !is_rewritten(records, &walked.journey, &whole, &of_parties));
        let is_whole = walked.is_some();
        let mut budget = Budget { walks: ACCOUNT_WALKS_MAX, steps: ACCOUNT_STEPS_MAX };
        let offer =
            |live: &BTreeSet<usize>, contested: Option<Contested<'a>>, late: &BTreeSet<usize>, budget: &mut Budget| {
                let origin = origin(records, &origins(records, parties, live));
                let all = offered(live);
                if contested.is_none() && late.is_empty() {
                    budget.spend(all.len());
                    if let Some(kept) = in_one_walk(records, origin, &all) {
                        return Offered { kept, is_cut: false };
                    }
                }
                let (late, in_time): (Vec<usize>, Vec<usize>) = all.into_iter().partition(|at| late.contains(at));
                Offered::new(records, origin, contested, &[in_time, late].concat(), budget)
            };
        let none = BTreeSet::new();
        let mut too_late = Vec::new();
        let mut live = without(&all, &of_others);
        for retraction in &of_parties {
            let ends = reading::end(records, retraction.of).is_some();
            let rest = without(&live, &[*retraction]);
            if is_whole && !ends {
                live = rest;
                continue;
            }
            if budget.is_spent() && !is_whole {
                too_late.push(retraction.by);
                continue;
            }
            // What others recorded after it, they recorded in spite of it.
            let until_then = |live: &BTreeSet<usize>| live.range(..retraction.by).copied().collect::<BTreeSet<usize>>();
            let before = offer(&until_then(&live), None, &none, &mut budget);
            if ends && (before.is_cut || before.kept.fitting.contains(&retraction.of)) {
                settled.withdrawn_ends.insert(retraction.of);
            }
            if !is_whole {
                let then = offer(&until_then(&rest), None, &none, &mut budget);
                let signer = records.signer(retraction.of);
                if then.is_cut || !keeps_others(records, signer, &before.kept, &then.kept, &none) {
                    too_late.push(retraction.by);
                    continue;
                }
            }
            live = rest;
        }
        if let Some(walked) = walked {
            settled.walked = walked;
            return settled;
        }
        let base = Self::untried(records, parties, live);
        let mut last = offer(&base.live, None, &none, &mut budget);
        let (mut contests, mut contested, mut late) = (Vec::new(), None, BTreeSet::new());
        // Each contest that is settled may uncover another.
        while contested.is_none() && !budget.is_spent() {
            let is_accepted = |at: usize| last.kept.accepted.contains(&at);
            let walk = Walk::new(records, base.origin, None).run(&records.by_time, is_accepted, |_, _| {});
            let Ok(walk) = walk else { break };
            let found = Contest::find(records, &walk.journey, &offered(&base.live), &contests);
            let Some(contest) = found else { break };
            let (by, since, receiver) = (contest.by, contest.since, contest.settled.map(|(_, receiver)| receiver));
            contests.push(contest);
            if receiver == Some(by) {
                continue;
            }
            if receiver.is_none() {
                contested = Some(Contested { since, by });
            } else {
                // What the one that was not named recorded since is offered after all others.
                let is_later = |at: &usize| records.signer(*at) == by && records.moment(*at) > records.moment(since);
                late.extend(base.live.iter().copied().filter(is_later));
            }
            last = offer(&base.live, contested, &late, &mut budget);
        }
        let Offered { kept, is_cut } = last;
        let (is_cut, withdrawn_ends) = (is_cut || budget.is_spent(), settled.withdrawn_ends);
        // What was accepted fits: that is how it was accepted.
        let walked = Walked::new(records, base.origin, contested, &kept.accepted).unwrap_or(base.walked);
        Self { walked, contests, too_late, withdrawn_ends, is_cut, ..base }
    }

    /// Finds where the product's life begins, and accepts nothing yet.
    fn untried(records: &Records<'a>, parties: &BTreeSet<&'a ParticipantId>, live: BTreeSet<usize>) -> Self {
        let origins = origins(records, parties, &live);
        let origin = origin(records, &origins);
        Self {
            live,
            walked: Walked { end: Standpoint::new(records), ..Walked::default() },
            origins,
            origin,
            contests: Vec::new(),
            too_late: Vec::new(),
            withdrawn_ends: BTreeSet::new(),
            is_cut: false,
        }
    }
}

/// What is accepted if all entries fit in one walk, and none lies aside because of what was posted later.
fn in_one_walk(records: &Records<'_>, origin: Option<usize>, whole: &BTreeSet<usize>) -> Option<Kept> {
    let walk = Walk::new(records, origin, None).run(&records.by_time, |at| whole.contains(&at), |_, _| {}).ok()?;
    let is_accepted = !is_rewritten(records, &walk.journey, whole, &[]);
    let Journey { order, fitting, near_transit, .. } = walk.journey;
    is_accepted.then(|| Kept { accepted: order.into_iter().collect(), fitting, near_transit })
}

/// Tells whether records that fit in one walk may not all be accepted: if one carries nothing on that stood on the ledger before another
/// participant recorded of a time before it that it has or had the product, or took out what the product was in, or took
/// something back.
fn is_rewritten(
    records: &Records<'_>,
    journey: &Journey<'_>,
    whole: &BTreeSet<usize>,
    retractions: &[Retraction],
) -> bool {
    // Of each signer, the last by the ledger of what carries the account on, and of what takes the product out of something.
    let mut last_fitting: BTreeMap<&ParticipantId, usize> = BTreeMap::new();
    let mut last_taken_out: BTreeMap<&ParticipantId, usize> = BTreeMap::new();
    let there: BTreeSet<usize> = journey.order.iter().copied().collect();
    for at in records.by_time.iter().copied().filter(|at| whole.contains(at)) {
        let signer = records.signer(at);
        if journey.fitting.contains(&at) {
            let last = last_fitting.entry(signer).or_insert(at);
            *last = at.max(*last);
            if journey.taken_out.contains(&at) {
                let last = last_taken_out.entry(signer).or_insert(at);
                *last = at.max(*last);
            }
            continue;
        }
        let is_there = there.contains(&at);
        let is_afar = || matches!(reading::act(records, at), Act::FromAfar | Act::VoidsShipping);
        if records.mentions(at).is_empty() || is_there && is_afar() && reading::end(records, at).is_none() {
            continue;
        }
        // What is taken back may have kept out what this lies aside for, wherever on the way it stands.
        let is_taken_back = |one: &Retraction| one.by > at && records.signer(one.of) != signer;
        let last = if is_there { &last_fitting } else { &last_taken_out };
        // A carrier's record lies aside whatever was posted late.
        let is_carried = is_there && records.is_carrier(signer);
        let is_dated_back = !is_carried && last.iter().any(|(other, one)| *other != signer && *one > at);
        if is_dated_back || retractions.iter().any(is_taken_back) {
            return true;
        }
    }
    false
}

/// Tells whether `then` keeps what `before` has of other participants than `signer`, and what carries the account on does so still, or may
/// lie aside.
fn keeps_others(
    records: &Records<'_>,
    signer: &ParticipantId,
    before: &Kept,
    then: &Kept,
    may_lie_aside: &BTreeSet<usize>,
) -> bool {
    let mut others = before.accepted.iter().filter(|at| records.signer(**at) != signer);
    let carries_on = |at: &usize| then.fitting.contains(at) || may_lie_aside.contains(at);
    others.all(|at| then.accepted.contains(at) && (!before.fitting.contains(at) || carries_on(at)))
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
    /// Offers the entries in their order, the origin before all.
    fn new<'a>(
        records: &Records<'a>,
        origin: Option<usize>,
        contested: Option<Contested<'a>>,
        offered: &[usize],
        budget: &mut Budget,
    ) -> Self {
        let end = Standpoint::within(records, contested);
        let (queue, kept, waiting, runs) = (Vec::new(), Kept::default(), Vec::new(), BTreeMap::new());
        let mut builder = Builder { records, origin, contested, queue, kept, waiting, runs, end, budget };
        for at in origin.into_iter().chain(offered.iter().copied().filter(|at| origin != Some(*at))) {
            builder.offer(at);
        }
        let Builder { kept, waiting, .. } = builder;
        Self { kept, is_cut: budget.is_spent() && !waiting.is_empty() }
    }
}

/// The account while it is built.
struct Builder<'a, 'b, 'c> {
    records: &'b Records<'a>,
    origin: Option<usize>,
    contested: Option<Contested<'a>>,
    /// What is accepted, in the order of custody.
    queue: Vec<usize>,
    kept: Kept,
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
        let is_last = self.queue.last().is_none_or(|last| self.records.moment(*last) < self.records.moment(at));
        if is_last && !self.may_come_before_a_carriers(at) {
            // At the end of the walk, no other walk is needed.
            self.budget.append();
            let mut then = self.end.clone();
            let taken = then.take(self.records, self.origin, at);
            let lies_aside = taken.is_err() && self.end.has_just_arrived(self.records, at);
            if lies_aside || matches!(taken, Ok(Taken::Aside | Taken::Fits(_))) {
                self.end = then;
                self.queue.push(at);
                self.kept.accepted.insert(at);
                if lies_aside {
                    self.kept.near_transit.insert(at);
                }
                if matches!(taken, Ok(Taken::Fits(_))) {
                    self.kept.fitting.insert(at);
                }
                let sets_aside = self.may_set_a_carriers_aside(at);
                if self.waiting.iter().any(|waiting| sets_aside || self.may_now_fit(*waiting, at)) {
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

    /// Tells whether a record of letting go may come before a carrier's that lies aside.
    fn may_come_before_a_carriers(&self, at: usize) -> bool {
        self.lets_go_near(at, |one| self.kept.near_transit.contains(&one))
    }

    /// Tells whether an entry lets go within the tolerance of a carrier's before it, which may lie aside by that: then what comes before
    /// both may fit.
    fn may_set_a_carriers_aside(&self, at: usize) -> bool {
        self.lets_go_near(at, |one| self.records.is_carrier(self.records.signer(one)))
    }

    fn lets_go_near(&self, at: usize, is: impl Fn(usize) -> bool) -> bool {
        let records = self.records;
        let near = || self.queue.iter().rev().take_while(|one| records.may_be_within_tolerance(**one, at));
        reading::act(records, at) == Act::Ships && near().any(|one| is(*one))
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

    /// Accepts entries of one signer if they fit, together with all that are accepted, and are part of the journey. What others recorded
    /// stays in it, and carries the account on if it did. What the signer itself recorded and is out of it now waits.
    fn accept(&mut self, entries: &[usize]) -> bool {
        if self.budget.is_spent() {
            return false;
        }
        let Some(signer) = entries.first().map(|at| self.records.signer(*at)) else { return false };
        let mut queue = self.queue.clone();
        for at in entries {
            let moment = self.records.moment(*at);
            let place = queue.partition_point(|one| self.records.moment(*one) < moment);
            queue.insert(place, *at);
        }
        self.budget.spend(queue.len());
        let Ok(walk) = Walk::new(self.records, self.origin, self.contested).run(&queue, |_| true, |_, _| {}) else {
            return false;
        };
        let Journey { order, fitting, near_transit, .. } = walk.journey;
        let then = Kept { accepted: order.into_iter().collect(), fitting, near_transit };
        let are_there = entries.iter().all(|at| then.accepted.contains(at));
        // A carrier's record may lie aside by the clocks.
        if !are_there || !keeps_others(self.records, signer, &self.kept, &then, &then.near_transit) {
            return false;
        }
        self.waiting.retain(|at| !entries.contains(at));
        let out = self.kept.accepted.difference(&then.accepted);
        self.waiting.extend(out);
        self.waiting.sort_unstable();
        queue.retain(|at| then.accepted.contains(at));
        (self.end, self.queue, self.kept) = (walk.here, queue, then);
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
