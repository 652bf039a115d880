//! The account of a product: which records it rests on, and which stand beside it.
//!
//! The account is built in ledger order. A record is accepted if all accepted ones and it fit in one walk in the order of
//! custody; else it waits for one that explains it. What is accepted is never displaced by what is posted later, so a record that was
//! missing can close a gap, and a record that contradicts what stands changes nothing that stands.
//!
//! A record that waits at the end contradicts the account, if its signer is bound by the account there; else it is a claim.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;

use crate::consortium::ParticipantId;
use crate::index::Acts;
use crate::merkle::LeafIndex;
use crate::provenance::candidates::Contest;
use crate::provenance::corrections::Standing;
use crate::provenance::parties;
use crate::provenance::passage::Fit;
use crate::provenance::records::Records;
use crate::provenance::settling::{Settled, counting};
use crate::provenance::walk::{Journey, Standpoint, Walked, is_carriers};

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
#[derive(Debug, Default)]
pub(super) struct Account<'a> {
    /// The accepted entries, and what they tell; `via` also of those that are not accepted.
    journey: Journey<'a>,
    /// How things stand at the end.
    pub end: Standpoint<'a>,
    /// How things stood at each entry that was passed by.
    pub passed: BTreeMap<usize, Standpoint<'a>>,
    /// Where the product's life begins, in the order of custody: normally one.
    pub origins: Vec<usize>,
    /// The one of them that the rest of the history builds on.
    pub origin: Option<usize>,
    /// Contests about who received what was let go to nobody in particular. At most the last is open.
    pub contests: Vec<Contest<'a>>,
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
    /// Those of them by which the account had the product ended.
    pub withdrawn_ends: BTreeSet<usize>,
    /// Entries that would have taken back what others have built on since.
    pub too_late: Vec<usize>,
    /// Accepted entries that were recorded only after others had gone on from there: they condemn nothing.
    pub overtaken: BTreeSet<usize>,
    /// More records wait than are looked at.
    pub is_cut: bool,
    /// What became of the entries in the lists above.
    outcomes: BTreeMap<usize, Outcome>,
}

impl<'a> Deref for Account<'a> {
    type Target = Journey<'a>;

    fn deref(&self) -> &Journey<'a> {
        &self.journey
    }
}

impl<'a> Account<'a> {
    pub fn new(records: &Records<'a>) -> Self {
        let parties = parties::of(records);
        let settled = Settled::new(records, &parties);
        let account = if records.subject.has_custodian() {
            Self::of_one(records, settled)
        } else {
            Self::of_many(records, settled, &parties)
        };
        account.with_outcomes()
    }

    /// What many share, nobody has: its records are taken as they are.
    fn of_many(records: &Records<'a>, settled: Settled<'a>, parties: &BTreeSet<&ParticipantId>) -> Self {
        let Settled { live, origins, origin, .. } = settled;
        let is_own = |at: &usize| !records.entries[*at].parts.is_empty();
        let by_thief = |at: &usize| {
            let is_holders = origin == Some(*at) || records.signed_by_prefix_holder(*at);
            records.compromised_since(*at).is_some() && !is_holders
        };
        let counting = || records.by_time.iter().copied().filter(|at| live.contains(at) && is_own(at));
        let order: Vec<usize> = counting().filter(|at| !by_thief(at)).collect();
        let is_claim = |at: &usize| records.acts(*at).intersects(HAVING) && !parties.contains(records.signer(*at));
        let is_dismissed = |at: &usize| is_claim(at) && records.dismissal(*at).is_some();
        Self {
            end: Standpoint::new(records),
            origins,
            origin,
            claims: order.iter().copied().filter(|at| is_claim(at) && !is_dismissed(at)).collect(),
            dismissed: order.iter().copied().filter(is_dismissed).collect(),
            disregarded: counting().filter(by_thief).collect(),
            journey: Journey { order, ..Journey::default() },
            ..Self::default()
        }
    }

    fn of_one(records: &Records<'a>, settled: Settled<'a>) -> Self {
        let Settled { live, origins, origin, walked, contests, too_late, withdrawn_ends, is_cut } = settled;
        let Walked { end, mut journey, passed } = walked;
        for (at, here) in &passed {
            let container = here.inside.turn(records, *at).and_then(|turn| turn.via);
            journey.via.extend(container.map(|container| (*at, container)));
        }
        let mut account = Self {
            overtaken: overtaken(records, &journey),
            taken_back: counting(records).filter(|at| !live.contains(at)).collect(),
            journey,
            end,
            passed,
            origins,
            origin,
            contests,
            too_late,
            withdrawn_ends,
            is_cut,
            ..Self::default()
        };
        account.sort_the_rest(records, &live);
        account
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
            } else if self.settles(at)
                || matches!(here.fit(records, self.origin, at), Some(Fit::Aside))
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

    /// Tells whether an entry names which of the candidates received it.
    fn settles(&self, at: usize) -> bool {
        self.contests.iter().any(|contest| contest.settled.is_some_and(|(naming, _)| naming == at))
    }

    /// The contest that is open.
    pub fn contest(&self) -> Option<&Contest<'a>> {
        self.contests.iter().find(|contest| contest.settled.is_none())
    }

    /// Tells whether a carrier recorded carrying it while it was on its way, by clocks that may be apart.
    fn is_carried(&self, records: &Records<'a>, at: usize) -> bool {
        if !is_carriers(records, at) {
            return false;
        }
        self.on_the_way.iter().any(|(from, to)| {
            let began = records.moment(*from) <= records.moment(at) || records.are_within_tolerance(*from, at);
            let ended = |to: usize| records.moment(to) < records.moment(at) && !records.are_within_tolerance(to, at);
            began && !to.is_some_and(ended)
        })
    }

    /// Tells whether an entry that names a business transaction is by who had the product then.
    pub fn is_by_custodian(&self, records: &Records<'a>, at: usize) -> bool {
        let had_it = |here: &Standpoint<'a>| here.passage.custodian() == Some(records.signer(at));
        self.by_custodian.contains(&at) || self.passed.get(&at).is_some_and(had_it)
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

/// Those of the entries after which another signer carries the account on from an earlier leaf.
fn overtaken(records: &Records<'_>, journey: &Journey<'_>) -> BTreeSet<usize> {
    let mut overtaken = BTreeSet::new();
    let mut earliest: BTreeMap<&ParticipantId, LeafIndex> = BTreeMap::new();
    for at in journey.order.iter().rev().copied() {
        let (signer, leaf) = (records.signer(at), records.leaf(at));
        if earliest.iter().any(|(other, first)| *other != signer && *first < leaf) {
            overtaken.insert(at);
        }
        if journey.fitting.contains(&at) {
            let first = earliest.entry(signer).or_insert(leaf);
            *first = leaf.min(*first);
        }
    }
    overtaken
}

/// Tells whether the entry takes back what its signer said, with the same key in other hands. To take back what the key's owner had
/// said before is another matter.
fn takes_back_its_own(records: &Records<'_>, at: usize) -> bool {
    matches!(records.entries[at].standing, Standing::Withdraws(event) if records.compromised_since(event).is_some())
}
