//! The account of a product: which records it rests on, and which stand beside it.
//!
//! The account is built in ledger order. A record is accepted if all accepted ones and it fit in one walk in the order of
//! custody; else it waits for one that explains it. What is accepted is never displaced by what is posted later, so a record that was
//! missing can close a gap, and a record that contradicts what stands changes nothing that stands.
//!
//! A record that waits at the end contradicts the account, if its signer is bound by the account there; else it is a claim.

use std::collections::{BTreeMap, BTreeSet};

use crate::consortium::{ParticipantId, Role};
use crate::gs1::Id;
use crate::index::Acts;
use crate::limits::{ACCOUNT_STEPS_MAX, ACCOUNT_WALKS_MAX, ACCOUNT_WALKS_OF_RUNS_MAX};
use crate::merkle::LeafIndex;
use crate::provenance::containment::Notice;
use crate::provenance::corrections::{self, Standing};
use crate::provenance::parties;
use crate::provenance::passage::Fit;
use crate::provenance::reading;
use crate::provenance::records::Records;
use crate::provenance::walk::{Standpoint, Taken, Walk};

/// The acts of who has a product, had it or lets go of it.
pub(super) const HAVING: Acts = Acts::LETS_GO.with(Acts::TAKES).with(Acts::HAS_IN_HAND).with(Acts::ENDS);

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Accepted,
    Contradiction,
    Claim,
    Aside,
}

/// What a product's records come to.
#[derive(Debug)]
pub(super) struct Account<'a> {
    /// The accepted entries that belong to the journey, the product's own and those of what it was in, in the order of custody.
    pub order: Vec<usize>,
    /// Those of them that carry the account on: their signers had the product then.
    pub fitting: BTreeSet<usize>,
    /// The container by which an entry belongs to the journey, counting or not, where it does not name the product.
    pub via: BTreeMap<usize, &'a Id>,
    pub notices: Vec<(usize, Notice<'a>)>,
    /// The entries that took over what was let go to nobody in particular, and by whom it was let go.
    pub unannounced: Vec<(usize, &'a ParticipantId)>,
    /// The reports of theft by those whom it concerned then.
    pub thefts: Vec<usize>,
    /// The entries from which on it was on its way, each with the one by which it arrived, if it did.
    pub on_the_way: Vec<(usize, Option<usize>)>,
    /// How things stand at the end.
    pub end: Standpoint<'a>,
    /// How things stood at each entry that was passed by.
    pub passed: BTreeMap<usize, Standpoint<'a>>,
    /// Where the product's life begins, in the order of custody: normally one.
    pub origins: Vec<usize>,
    /// The one of them that the rest of the history builds on.
    pub origin: Option<usize>,
    /// Entries against the account whose signers are bound by it.
    pub contradictions: Vec<usize>,
    /// Entries of others against the account, in the order of custody.
    pub claims: Vec<usize>,
    /// Claims that the members have dismissed: they count for nothing.
    pub dismissed: Vec<usize>,
    /// Entries of others about what the product was in then.
    pub about_container: Vec<usize>,
    /// Entries of others that need not have the product and deny nothing.
    pub aside: Vec<usize>,
    /// What a key in other hands said although its owner had nothing to do with the product then.
    pub disregarded: BTreeSet<usize>,
    /// Entries that count for nothing since their signers took them back.
    pub taken_back: BTreeSet<usize>,
    /// Entries that would have taken back what others have built on since.
    pub too_late: Vec<usize>,
    /// Accepted entries that were recorded only after others had gone on from there: they condemn nothing.
    pub overtaken: BTreeSet<usize>,
    /// More records wait than are looked at.
    pub is_cut: bool,
    /// What became of the entries in the lists above.
    outcomes: BTreeMap<usize, Outcome>,
}

/// A record that its signer takes back, and the record that does so.
#[derive(Debug, Clone, Copy)]
struct Retraction {
    of: usize,
    by: usize,
}

/// Which entries of the parties are accepted, and which wait.
struct Settled {
    accepted: BTreeSet<usize>,
    origin: Option<usize>,
    is_cut: bool,
}

/// What building the accounts of one product may still cost.
struct Budget {
    walks: usize,
    steps: usize,
}

impl<'a> Account<'a> {
    pub fn new(records: &Records<'a>) -> Self {
        let retractions = retractions(records);
        let (live, too_late, settled) = settle_all(records, &retractions);
        if records.subject.has_custodian() {
            Self::finish(records, &live, too_late, settled)
        } else {
            Self::of_many(records, &live, settled.origin)
        }
    }

    /// What many share, nobody has: its records are taken as they are.
    fn of_many(records: &Records<'a>, live: &BTreeSet<usize>, origin: Option<usize>) -> Self {
        let is_own = |at: &usize| !records.entries[*at].parts.is_empty();
        let by_thief = |at: &usize| {
            let is_holders = origin == Some(*at) || records.signed_by_prefix_holder(*at);
            records.compromised_since(*at).is_some() && !is_holders
        };
        let counting = || records.by_time.iter().copied().filter(|at| live.contains(at) && is_own(at));
        let order: Vec<usize> = counting().filter(|at| !by_thief(at)).collect();
        let parties = parties::of(records);
        let is_claim = |at: &usize| records.acts(*at).intersects(HAVING) && !parties.contains(records.signer(*at));
        let is_dismissed = |at: &usize| is_claim(at) && records.dismissal(*at).is_some();
        Self {
            fitting: BTreeSet::new(),
            via: BTreeMap::new(),
            notices: Vec::new(),
            unannounced: Vec::new(),
            thefts: Vec::new(),
            on_the_way: Vec::new(),
            end: Standpoint::new(records),
            passed: BTreeMap::new(),
            origins: origins(records, live),
            origin,
            contradictions: Vec::new(),
            claims: order.iter().copied().filter(|at| is_claim(at) && !is_dismissed(at)).collect(),
            dismissed: order.iter().copied().filter(is_dismissed).collect(),
            about_container: Vec::new(),
            aside: Vec::new(),
            disregarded: counting().filter(by_thief).collect(),
            taken_back: BTreeSet::new(),
            too_late: Vec::new(),
            overtaken: BTreeSet::new(),
            is_cut: false,
            order,
            outcomes: BTreeMap::new(),
        }
        .with_outcomes()
    }

    fn finish(records: &Records<'a>, live: &BTreeSet<usize>, too_late: Vec<usize>, settled: Settled) -> Self {
        let Settled { accepted, origin, is_cut } = settled;
        let mut passed = BTreeMap::new();
        let walk = Walk::new(records, origin);
        let walk = walk.run(
            &records.by_time,
            |at| accepted.contains(&at),
            |here, at| {
                if here.inside.turn(records, at).is_some() {
                    passed.insert(at, here.clone());
                }
            },
        );
        // What was accepted fits: that is how it was accepted.
        let walk = walk.unwrap_or_else(|_| Walk::new(records, origin));
        let Walk { here, order, fitting, mut via, notices, unannounced, thefts, on_the_way, .. } = walk;
        for (at, here) in &passed {
            let container = here.inside.turn(records, *at).and_then(|turn| turn.via);
            via.extend(container.map(|container| (*at, container)));
        }
        let overtaken = overtaken(records, &order, &fitting);
        let mut account = Self {
            overtaken,
            order,
            fitting,
            via,
            notices,
            unannounced,
            thefts,
            on_the_way,
            end: here,
            passed,
            origins: origins(records, live),
            origin,
            contradictions: Vec::new(),
            claims: Vec::new(),
            dismissed: Vec::new(),
            about_container: Vec::new(),
            aside: Vec::new(),
            disregarded: BTreeSet::new(),
            taken_back: counting(records).filter(|at| !live.contains(at)).collect(),
            too_late,
            is_cut,
            outcomes: BTreeMap::new(),
        };
        account.sort_the_rest(records, live);
        account.with_outcomes()
    }

    fn with_outcomes(mut self) -> Self {
        let accepted = self.order.iter().map(|at| (*at, Outcome::Accepted));
        let contradictions = self.contradictions.iter().map(|at| (*at, Outcome::Contradiction));
        let aside = self.aside.iter().map(|at| (*at, Outcome::Aside));
        let claims = self.claims.iter().map(|at| (*at, Outcome::Claim));
        // Of what many share, a claim is among what is taken as it is.
        self.outcomes = accepted.chain(contradictions).chain(aside).chain(claims).collect();
        self
    }

    /// What became of an entry, if it is any of this.
    pub fn outcome(&self, at: usize) -> Option<Outcome> {
        self.outcomes.get(&at).copied()
    }

    /// Says of each entry that was passed by what it is.
    fn sort_the_rest(&mut self, records: &Records<'a>, live: &BTreeSet<usize>) {
        let passed = std::mem::take(&mut self.passed);
        for at in records.by_time.iter().copied() {
            let Some(here) = passed.get(&at) else { continue };
            let is_by_thief = records.compromised_since(at).is_some() && here.is_stranger(records, at);
            if !live.contains(&at) {
                if is_by_thief && takes_back_its_own(records, at) {
                    self.disregarded.insert(at);
                }
            } else if matches!(here.fit(records, self.origin, at), Some(Fit::Aside))
                || self.is_carried(records, at)
                || records.is_by_authority(at)
            {
                self.aside.push(at);
            } else if self.contradicts(records, here, at) {
                self.contradictions.push(at);
            } else if is_by_thief {
                self.disregarded.insert(at);
            } else if records.dismissal(at).is_some() {
                self.dismissed.push(at);
            } else if records.entries[at].parts.is_empty() {
                self.about_container.push(at);
            } else if records.acts(at).intersects(HAVING.with(Acts::BRINGS_FORTH)) {
                self.claims.push(at);
            }
        }
        self.passed = passed;
    }

    /// Tells whether an entry against the account is by one whom the account binds: by whoever brings the thing forth again; else by who has
    /// it, or has just let go of it, unless another's record was on the ledger before this one and is
    /// accepted after that moment.
    fn contradicts(&self, records: &Records<'a>, here: &Standpoint<'a>, at: usize) -> bool {
        if records.brings_forth(at) {
            return true;
        }
        let names_it = !records.entries[at].parts.is_empty();
        // That it was taken out of what was let go may only not be on record.
        let went_inside = here.last.is_some_and(|last| names_it && records.entries[last].parts.is_empty());
        let mut later = self.order.iter().copied().filter(|one| records.moment(*one) > records.moment(at));
        !went_inside
            && here.passage.concerns_holder(records, at)
            && !later.any(|one| records.signer(one) != records.signer(at) && records.leaf(one) < records.leaf(at))
    }

    /// Tells whether a carrier recorded carrying it while it was on its way, by clocks that may be apart.
    fn is_carried(&self, records: &Records<'a>, at: usize) -> bool {
        if !records.has_role(records.signer(at), Role::Shipper) || reading::end(records, at).is_some() {
            return false;
        }
        self.on_the_way.iter().any(|(from, to)| {
            let began = records.moment(*from) <= records.moment(at) || records.are_within_tolerance(*from, at);
            let ended = |to: usize| records.moment(to) < records.moment(at) && !records.are_within_tolerance(to, at);
            began && !to.is_some_and(ended)
        })
    }

    /// Tells whether an entry is one of the origins.
    pub fn is_origin(&self, at: usize) -> bool {
        self.origins.contains(&at)
    }

    /// Tells whether an entry counts, in the account or against it.
    pub fn counts(&self, records: &Records<'a>, at: usize) -> bool {
        records.entries[at].standing == Standing::Counts
            && !self.disregarded.contains(&at)
            && !self.taken_back.contains(&at)
            || self.outcome(at) == Some(Outcome::Accepted)
    }
}

/// Those of the entries, given in the order of custody, after which another signer carries the account on from an earlier leaf.
fn overtaken(records: &Records<'_>, order: &[usize], fitting: &BTreeSet<usize>) -> BTreeSet<usize> {
    let mut overtaken = BTreeSet::new();
    let mut earliest: BTreeMap<&ParticipantId, LeafIndex> = BTreeMap::new();
    for at in order.iter().rev().copied() {
        let (signer, leaf) = (records.signer(at), records.leaf(at));
        if earliest.iter().any(|(other, first)| *other != signer && *first < leaf) {
            overtaken.insert(at);
        }
        if fitting.contains(&at) {
            let first = earliest.entry(signer).or_insert(leaf);
            *first = leaf.min(*first);
        }
    }
    overtaken
}

/// The entries that count unless they are taken back.
fn counting<'b>(records: &'b Records<'_>) -> impl Iterator<Item = usize> + 'b {
    let counts = |standing| matches!(standing, Standing::Counts | Standing::WithdrawnBy(_));
    (0..records.entries.len()).filter(move |at| counts(records.entries[*at].standing))
}

/// Tells whether the entry takes back what its signer said, with the same key in other hands. To take back what the key's owner had
/// said before is another matter.
fn takes_back_its_own(records: &Records<'_>, at: usize) -> bool {
    matches!(records.entries[at].standing, Standing::Withdraws(event) if records.compromised_since(event).is_some())
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

/// Settles the account, and which retractions have an effect: those without which the account still accepts all that others recorded
/// and it had accepted.
fn settle_all(records: &Records<'_>, retractions: &[Retraction]) -> (BTreeSet<usize>, Vec<usize>, Settled) {
    let mut live: BTreeSet<usize> = counting(records).collect();
    let without = |live: &BTreeSet<usize>, retractions: &[Retraction]| -> BTreeSet<usize> {
        let gone: BTreeSet<usize> = retractions.iter().flat_map(|one| [one.of, one.by]).collect();
        live.difference(&gone).copied().collect()
    };
    let all_taken_back = without(&live, retractions);
    let origin = origin(records, &all_taken_back);
    if !records.subject.has_custodian() {
        let settled = Settled { accepted: BTreeSet::new(), origin, is_cut: false };
        return (all_taken_back, Vec::new(), settled);
    }
    let parties = parties::of(records);
    let offered = |live: &BTreeSet<usize>| -> BTreeSet<usize> {
        live.iter().copied().filter(|at| parties.contains(records.signer(*at))).collect()
    };
    let all = offered(&all_taken_back);
    if Walk::new(records, origin).run(&records.by_time, |at| all.contains(&at), |_, _| {}).is_ok() {
        let settled = Settled { accepted: all, origin, is_cut: false };
        return (all_taken_back, Vec::new(), settled);
    }
    let mut budget = Budget { walks: ACCOUNT_WALKS_MAX, steps: ACCOUNT_STEPS_MAX };
    let mut too_late = Vec::new();
    // What no party said is no part of the account.
    let (of_parties, of_others): (Vec<Retraction>, Vec<Retraction>) =
        retractions.iter().partition(|one| parties.contains(records.signer(one.of)));
    live = without(&live, &of_others);
    for retraction in &of_parties {
        if budget.is_spent() {
            too_late.push(retraction.by);
            continue;
        }
        // What others recorded after it, they recorded in spite of it.
        let until_then = |live: &BTreeSet<usize>| live.range(..retraction.by).copied().collect::<BTreeSet<usize>>();
        let (with, rest) = (until_then(&live), until_then(&without(&live, &[*retraction])));
        let before = Settled::new(records, &offered(&with), &with, &mut budget);
        let then = Settled::new(records, &offered(&rest), &rest, &mut budget);
        let signer = records.signer(retraction.of);
        let mut others = before.accepted.iter().filter(|at| records.signer(**at) != signer);
        if !then.is_cut && others.all(|at| then.accepted.contains(at)) {
            live = without(&live, &[*retraction]);
        } else {
            too_late.push(retraction.by);
        }
    }
    let mut settled = Settled::new(records, &offered(&live), &live, &mut budget);
    settled.is_cut |= budget.is_spent();
    (live, too_late, settled)
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

impl Settled {
    /// Offers the entries in ledger order, the origin before all.
    fn new(records: &Records<'_>, offered: &BTreeSet<usize>, live: &BTreeSet<usize>, budget: &mut Budget) -> Self {
        let origin = origin(records, live);
        let end = Standpoint::new(records);
        let (accepted, waiting, runs) = (Vec::new(), Vec::new(), BTreeMap::new());
        let mut builder = Builder { records, origin, accepted, waiting, runs, end, budget };
        for at in origin.into_iter().chain(offered.iter().copied().filter(|at| origin != Some(*at))) {
            builder.offer(at);
        }
        let Builder { accepted, waiting, .. } = builder;
        Self { accepted: accepted.into_iter().collect(), origin, is_cut: budget.is_spent() && !waiting.is_empty() }
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
        if !entries.iter().all(|at| walk.order.contains(at)) {
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
fn origins(records: &Records<'_>, live: &BTreeSet<usize>) -> Vec<usize> {
    let order =
        || records.by_time.iter().copied().filter(|at| live.contains(at) && !records.entries[*at].parts.is_empty());
    let brought_forth: Vec<usize> = order().filter(|at| records.brings_forth(*at)).collect();
    if !brought_forth.is_empty() {
        return brought_forth;
    }
    // What a stranger says to have caught begins nothing.
    let begun: Vec<usize> = order().filter(|at| records.begins(*at)).collect();
    let first = begun.iter().copied().find(|at| records.signed_by_prefix_holder(*at));
    if first.is_some() || begun.is_empty() {
        return first.into_iter().collect();
    }
    let parties = parties::of(records);
    begun.into_iter().find(|at| parties.contains(records.signer(*at))).into_iter().collect()
}

/// The origin that the account builds on: the first by the ledger that the holder of the prefix recorded, else the first.
fn origin(records: &Records<'_>, live: &BTreeSet<usize>) -> Option<usize> {
    let origins = origins(records, live);
    let with_authority = origins.iter().copied().filter(|at| records.signed_by_prefix_holder(*at)).min();
    with_authority.or(origins.first().copied())
}
