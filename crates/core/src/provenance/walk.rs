//! A walk through records in the order of custody: who has the product and what it is in, record by record.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::consortium::ParticipantId;
use crate::gs1::Id;
use crate::provenance::containment::{Containment, Notice, Turn};
use crate::provenance::passage::{Fit, Passage, Transfer};
use crate::provenance::reading::{self, Act, End};
use crate::provenance::records::Records;

/// After what time of block times what is recorded of the time before others' records opens no container. Within a day records come in
/// any order.
const LATE_MS: i64 = 24 * 60 * 60 * 1000;

/// How things stand at one moment of a walk.
#[derive(Debug, Clone, Default)]
pub(super) struct Standpoint<'a> {
    pub passage: Passage<'a>,
    /// The last entry that fits: where a participant last had the product.
    pub last: Option<usize>,
    pub inside: Containment<'a>,
    /// The last entry by which it arrived from where it was sent.
    arrived: Option<usize>,
    /// If given, nothing that this candidate records after taking over moves anything.
    contested: Option<Contested<'a>>,
    is_taken_over: bool,
}

/// Open goods that more than one participant says to have received: the entry that let them go, and who took them over first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Contested<'a> {
    pub since: usize,
    pub by: &'a ParticipantId,
}

/// An entry that does not fit, where its turn came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Misfit;

/// What came of an entry at its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken<'a> {
    /// It names neither the product nor what the product is in then.
    Elsewhere,
    Aside,
    Fits(Option<Notice<'a>>),
}

impl<'a> Standpoint<'a> {
    pub fn new(records: &Records<'a>) -> Self {
        Self { inside: Containment::new(&records.history.id), ..Self::default() }
    }

    /// The beginning, with what is contested.
    pub fn within(records: &Records<'a>, contested: Option<Contested<'a>>) -> Self {
        Self { contested, ..Self::new(records) }
    }

    /// Fits an entry in, with `origin` as the one that the product begins with.
    pub fn fit(&self, records: &Records<'a>, origin: Option<usize>, at: usize) -> Option<Fit<'a>> {
        if origin == Some(at) {
            return match self.passage {
                Passage::Unknown if records.brings_forth(at) => Some(Fit::Fits(Passage::Held(records.signer(at)))),
                Passage::Unknown => self.passage.follow(records, at),
                _ => None,
            };
        }
        if records.compromised_since(at).is_some() && self.is_stranger(records, at) {
            return None;
        }
        if let Some(origin) = origin {
            if records.brings_forth(at) {
                return (!records.contradicts_as_origin(origin, at)).then_some(Fit::Aside);
            }
            // A code is printed or written to its tag before it is given to anything.
            if self.passage == Passage::Unknown && records.step(at) == "encoding" {
                return Some(Fit::Aside);
            }
        }
        self.passage.follow(records, at)
    }

    /// Takes an entry at its turn.
    pub fn take(&mut self, records: &Records<'a>, origin: Option<usize>, at: usize) -> Result<Taken<'a>, Misfit> {
        let Some(turn) = self.inside.turn(records, at) else { return Ok(Taken::Elsewhere) };
        match self.fit(records, origin, at) {
            None => Err(Misfit),
            Some(Fit::Aside) => Ok(Taken::Aside),
            Some(Fit::Fits(_)) if self.is_frozen(records, at) => Ok(Taken::Aside),
            Some(Fit::Fits(next)) => {
                let takes_over = |contested: Contested<'a>| {
                    let is_that =
                        matches!(&self.passage, Passage::Moving(transfer) if transfer.since == contested.since);
                    is_that && contested.by == records.signer(at)
                };
                self.is_taken_over |= self.contested.is_some_and(takes_over);
                Ok(Taken::Fits(self.go_on(records, &turn, next)))
            }
        }
    }

    /// Tells whether an entry moves nothing, since who has the product is contested. The holder of its prefix still speaks from afar.
    fn is_frozen(&self, records: &Records<'a>, at: usize) -> bool {
        let sells = reading::end(records, at).is_some_and(End::may_be_returned);
        let is_makers = reading::act(records, at) == Act::FromAfar && records.signed_by_prefix_holder(at);
        self.is_taken_over && (sells || !is_makers)
    }

    /// Goes on from an entry that fits. Only such an entry can have packed or unpacked the product: what is said aside is said by
    /// a participant that could not.
    fn go_on(&mut self, records: &Records<'a>, turn: &Turn<'a>, next: Passage<'a>) -> Option<Notice<'a>> {
        if matches!(self.passage, Passage::Moving(_)) && !matches!(next, Passage::Moving(_)) {
            self.arrived = Some(turn.at);
        }
        self.passage = next;
        self.last = Some(turn.at);
        self.inside.take_up(records, turn)
    }

    /// Tells whether an entry is a carrier's and the product arrived within the tolerance of clocks of it.
    pub fn has_just_arrived(&self, records: &Records<'a>, at: usize) -> bool {
        is_carriers(records, at) && self.arrived.is_some_and(|arrived| records.are_within_tolerance(arrived, at))
    }

    /// Tells whether the entry's signer neither has the product, nor is to have it, nor holds its prefix.
    ///
    /// A thief of any key can name any number. Only where the key's owner had to do with the product does anything rest on what that
    /// key says.
    pub fn is_stranger(&self, records: &Records<'a>, at: usize) -> bool {
        !records.signed_by_prefix_holder(at) && !self.passage.concerns(records, at)
    }
}

/// Tells whether an entry is a carrier's and ends nothing.
pub(super) fn is_carriers(records: &Records<'_>, at: usize) -> bool {
    records.is_carrier(records.signer(at)) && reading::end(records, at).is_none()
}

/// The records that a walk takes, and what they tell of the way.
#[derive(Debug, Default)]
pub(super) struct Journey<'a> {
    /// The entries that were taken, those of the product and those of what it was in, in the order in which they were.
    pub order: Vec<usize>,
    /// Those of them that carry the account on: their signers had the product then.
    pub fitting: BTreeSet<usize>,
    /// Carriers' entries that lie aside since it was on its way within the tolerance of clocks of them.
    pub near_transit: BTreeSet<usize>,
    /// The container by which an entry belongs to the journey, where it does not name the product.
    pub via: BTreeMap<usize, &'a Id>,
    pub notices: Vec<(usize, Notice<'a>)>,
    /// Those after which it is no longer in something that it was in.
    pub taken_out: BTreeSet<usize>,
    /// The entries that took over what was let go to nobody in particular, and the transfer that they ended.
    pub unannounced: Vec<(usize, Transfer<'a>)>,
    /// Those by who had it then that name a business transaction.
    pub by_custodian: BTreeSet<usize>,
    /// The reports of theft by those whom it concerned then.
    pub thefts: Vec<usize>,
    /// The entries from which on it was on its way, each with the one by which it arrived, if it did.
    pub on_the_way: Vec<(usize, Option<usize>)>,
}

/// A walk through all that is accepted, to its end.
#[derive(Debug, Default)]
pub(super) struct Walked<'a> {
    /// How things stand at the end.
    pub end: Standpoint<'a>,
    pub journey: Journey<'a>,
    /// How things stood at each entry that was passed by and names the product or what it was in then.
    pub passed: BTreeMap<usize, Standpoint<'a>>,
}

impl<'a> Walked<'a> {
    /// Walks through those of all entries that are accepted, if they fit.
    pub fn new(
        records: &Records<'a>,
        origin: Option<usize>,
        contested: Option<Contested<'a>>,
        accepted: &BTreeSet<usize>,
    ) -> Result<Self, Misfit> {
        let mut passed = BTreeMap::new();
        let pass_by = |here: &Standpoint<'a>, at: usize| {
            if here.inside.turn(records, at).is_some() {
                passed.insert(at, here.clone());
            }
        };
        let walk = Walk::new(records, origin, contested);
        let Walk { here: end, journey, .. } = walk.run(&records.by_time, |at| accepted.contains(&at), pass_by)?;
        Ok(Self { end, journey, passed })
    }
}

/// A walk from its beginning.
#[derive(Debug)]
pub(super) struct Walk<'a, 'b> {
    records: &'b Records<'a>,
    origin: Option<usize>,
    may_be_left_out: BTreeSet<usize>,
    pub here: Standpoint<'a>,
    pub journey: Journey<'a>,
}

impl<'a, 'b> Walk<'a, 'b> {
    pub fn new(records: &'b Records<'a>, origin: Option<usize>, contested: Option<Contested<'a>>) -> Self {
        let here = Standpoint::within(records, contested);
        Self { records, origin, may_be_left_out: BTreeSet::new(), here, journey: Journey::default() }
    }

    /// The same walk, which leaves these out if they do not fit.
    pub fn leaving_out(self, may_be_left_out: BTreeSet<usize>) -> Self {
        Self { may_be_left_out, ..self }
    }

    /// Takes entries in the order of custody, those in `set`; shows where the walk stands at each of the others, which it passes by.
    pub fn run(
        mut self,
        queue: &[usize],
        is_in: impl Fn(usize) -> bool,
        mut pass_by: impl FnMut(&Standpoint<'a>, usize),
    ) -> Result<Self, Misfit> {
        let mut taken_before: BTreeSet<usize> = BTreeSet::new();
        let first: OnceCell<Vec<FirstTwo>> = OnceCell::new();
        for (index, at) in queue.iter().copied().enumerate() {
            if taken_before.contains(&at) {
                continue;
            }
            if !is_in(at) {
                pass_by(&self.here, at);
                continue;
            }
            let comes_first =
                |origin: &usize| is_in(*origin) && !taken_before.contains(origin) && self.comes_first(*origin, at);
            if let Some(origin) = self.origin.filter(comes_first) {
                self.take(origin, |_| false)?;
                taken_before.insert(origin);
            }
            let records = self.records;
            let rest = || {
                let rest = queue[index + 1..].iter().copied();
                rest.filter(|other| is_in(*other) && !taken_before.contains(other))
            };
            let is_overtaken = |one: usize| {
                let first = first.get_or_init(|| first_two(records, queue, &is_in));
                is_overtaken(records, first.get(index + 1), one)
            };
            if self.take(at, is_overtaken).is_ok() {
                continue;
            }
            if let Some(sent) = self.sent_by_a_slow_clock(at, rest()) {
                self.take(sent, is_overtaken)?;
                self.take(at, is_overtaken)?;
                taken_before.insert(sent);
            } else if self.is_near_transit(at, rest()) {
                self.lay_aside(at);
            } else if !self.may_be_left_out.contains(&at) {
                return Err(Misfit);
            }
        }
        Ok(self)
    }

    /// Takes an entry; `is_overtaken` tells whether another participant's entry that comes after it stands on the ledger a day before it.
    fn take(&mut self, at: usize, is_overtaken: impl Fn(usize) -> bool) -> Result<(), Misfit> {
        let records = self.records;
        let via = self.here.inside.turn(records, at).and_then(|turn| turn.via);
        let signer = records.signer(at);
        let concerns = self.here.passage.concerns(records, at);
        let had_it = self.here.passage.custodian().is_some_and(|custodian| records.is_by(at, custodian));
        // Who ended it has it no more.
        let is_over = self.here.is_taken_over || matches!(self.here.passage, Passage::Ended(_));
        let may_report = concerns && !is_over;
        let depth = self.here.inside.depth();
        let open = match &self.here.passage {
            Passage::Moving(transfer) if !concerns && transfer.is_open(records) => Some(transfer.clone()),
            _ => None,
        };
        // Who took over unannounced, and says so late, puts nothing into a container.
        let is_unnamed =
            open.is_some() || self.journey.unannounced.iter().any(|(one, _)| records.signer(*one) == signer);
        let may_be_late = is_unnamed && !records.signed_by_prefix_holder(at) && records.packs(at);
        let before = may_be_late.then(|| self.here.inside.clone());
        match self.here.take(records, self.origin, at)? {
            Taken::Elsewhere => return Ok(()),
            Taken::Aside => {}
            Taken::Fits(notice) => {
                if self.here.inside.packed_last() == Some(at)
                    && let Some(before) = before
                    && is_overtaken(at)
                {
                    self.here.inside = before;
                }
                self.journey.fitting.insert(at);
                if self.here.inside.depth() < depth || matches!(notice, Some(Notice::Elsewhere(_))) {
                    self.journey.taken_out.insert(at);
                }
                self.journey.notices.extend(notice.map(|notice| (at, notice)));
                self.journey.unannounced.extend(open.map(|transfer| (at, transfer)));
                let was_on_the_way = self.journey.on_the_way.last().is_some_and(|(_, to)| to.is_none());
                let is_on_the_way = matches!(self.here.passage, Passage::Moving(_));
                match self.journey.on_the_way.last_mut() {
                    Some((_, to)) if was_on_the_way && !is_on_the_way => *to = Some(at),
                    _ if !was_on_the_way && is_on_the_way => self.journey.on_the_way.push((at, None)),
                    _ => {}
                }
            }
        }
        if records.event(at).declares("stolen") && (may_report || records.signed_by_prefix_holder(at)) {
            self.journey.thefts.push(at);
        }
        let has_it = had_it || self.here.passage.custodian() == Some(signer);
        if has_it && !records.event(at).biz_transactions.is_empty() {
            self.journey.by_custodian.insert(at);
        }
        self.journey.via.extend(via.map(|container| (at, container)));
        self.journey.order.push(at);
        Ok(())
    }

    fn lay_aside(&mut self, at: usize) {
        let via = self.here.inside.turn(self.records, at).and_then(|turn| turn.via);
        self.journey.via.extend(via.map(|container| (at, container)));
        self.journey.near_transit.insert(at);
        self.journey.order.push(at);
    }

    /// Tells whether an entry is a carrier's and the product was on its way within the tolerance of clocks of it.
    fn is_near_transit(&self, at: usize, rest: impl Iterator<Item = usize>) -> bool {
        let records = self.records;
        let leaves = |one: usize| {
            let mut then = self.here.clone();
            let fits = matches!(then.take(records, self.origin, one), Ok(Taken::Fits(_)));
            fits && matches!(then.passage, Passage::Moving(_))
        };
        let mut near = rest.take_while(|one| records.may_be_within_tolerance(at, *one));
        is_carriers(records, at)
            && (self.here.has_just_arrived(records, at)
                || near.any(|one| records.are_within_tolerance(at, one) && leaves(one)))
    }

    /// Tells whether the origin comes before a record that nothing has come before yet: if it is later by no more than clocks are apart.
    fn comes_first(&self, origin: usize, at: usize) -> bool {
        let records = self.records;
        self.here.passage == Passage::Unknown
            && records.moment(at) < records.moment(origin)
            && records.are_within_tolerance(at, origin)
    }

    /// The record of letting go that `late` waits for, if its signer's clock was behind: the first that its signer has yet to take
    /// part with, no later than clocks are apart, that fits now and after which `late` fits.
    fn sent_by_a_slow_clock(&self, late: usize, rest: impl Iterator<Item = usize>) -> Option<usize> {
        let records = self.records;
        let mut seen: BTreeSet<&ParticipantId> = BTreeSet::from([records.signer(late)]);
        for sent in rest.take_while(|at| records.may_be_within_tolerance(late, *at)) {
            if self.here.inside.turn(records, sent).is_none() || !seen.insert(records.signer(sent)) {
                continue;
            }
            if reading::act(records, sent) != Act::Ships || !records.are_within_tolerance(late, sent) {
                continue;
            }
            let mut then = self.here.clone();
            let fits = matches!(then.take(records, self.origin, sent), Ok(Taken::Fits(_)));
            if fits && then.take(records, self.origin, late).is_ok() {
                return Some(sent);
            }
        }
        None
    }
}

/// The first two entries by the ledger, of different signers, of what is left of a queue.
type FirstTwo = [Option<usize>; 2];

/// Finds the first two of what is left from each place of a queue on.
fn first_two(records: &Records<'_>, queue: &[usize], is_in: impl Fn(usize) -> bool) -> Vec<FirstTwo> {
    let mut now: FirstTwo = [None, None];
    let mut from: Vec<FirstTwo> = vec![now];
    for at in queue.iter().copied().rev() {
        if is_in(at) {
            let differ = |one: &usize, other: usize| records.signer(*one) != records.signer(other);
            now = match now {
                [Some(first), second] if at > first => [
                    Some(first),
                    if differ(&at, first) { second.filter(|second| *second < at).or(Some(at)) } else { second },
                ],
                [first, second] => [Some(at), first.filter(|first| differ(first, at)).or(second)],
            };
        }
        from.push(now);
    }
    from.reverse();
    from
}

/// Tells whether another participant's entry among the first of those that come after it stands on the ledger a day before it.
fn is_overtaken(records: &Records<'_>, first: Option<&FirstTwo>, one: usize) -> bool {
    let time = |at: usize| records.entries[at].record.place.time;
    let mut first = first.into_iter().flatten().flatten().copied();
    let other = first.find(|other| records.signer(*other) != records.signer(one));
    other.is_some_and(|other| other < one && time(one).millis_since(time(other)) > LATE_MS)
}
