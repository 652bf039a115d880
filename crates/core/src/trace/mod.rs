//! From one thing to what it was made of, and to what became of it: through transformations, packing, fitting and lots.
//!
//! A trace is a walk over records and no verdict: it tells what each tie rests on and who signed that, and its reader decides whom to believe. A
//! claim of a stranger's is a tie with the stranger's name. What its signer has declared an error (EPCIS 2.0 §7.4.1.2) ties nothing.
//!
//! | event | tie, from what was there before |
//! |---|---|
//! | TransformationEvent, or several with one transformationID | each input to each output |
//! | AggregationEvent with action ADD | each child to its parent |
//! | AssociationEvent with action ADD | each child to its parent |
//! | an event that brings an item forth and names its lot | the lot to the item |

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::consortium::ParticipantId;
use crate::epcis::Event;
use crate::epcis::event::{Action, Part, What};
use crate::gs1::{Id, IdKind};
use crate::merkle::LeafIndex;
use crate::provenance::master_data;

/// Things in one trace.
pub const TRACED_MAX: usize = 1_000;

/// Ties in one trace.
pub const TIES_MAX: usize = 5_000;

/// Events that answer one question about one thing: each signer's first ones, in equal shares.
pub const EVENTS_OF_ONE_MAX: usize = 1_000;

/// Events that are read for one question, so that many of one signer push out none of another's.
pub const EVENTS_READ_MAX: usize = 5_000;

/// Bytes of events that one trace reads, each time that it reads one.
pub const BYTES_READ_MAX: usize = 16 * 1024 * 1024;

/// Things that one signer's ties add while there are others' to follow: what is above this comes last.
pub const SHARE_OF_SIGNER: usize = 250;

/// How far a trace goes if nothing is said, and at the most: ties in a row.
pub const DEPTH: u32 = 20;
pub const DEPTH_MAX: u32 = 100;

/// Which way a trace goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// To what it was made of.
    Up,
    /// To what became of it.
    Down,
}

/// What ties two things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TieKind {
    Transformation,
    Aggregation,
    Association,
    /// The second is a piece of the first.
    Lot,
}

impl TieKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transformation => "transformation",
            Self::Aggregation => "aggregation",
            Self::Association => "association",
            Self::Lot => "lot",
        }
    }
}

/// An event, where it stands, and who signed it.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedEvent {
    pub leaf: LeafIndex,
    pub position: u32,
    pub participant: ParticipantId,
    pub event: Event,
    /// Length of its JSON.
    pub bytes: usize,
}

/// One tie: `from` was there before `to`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tie {
    pub from: Id,
    pub to: Id,
    pub kind: TieKind,
    pub leaf: LeafIndex,
    pub position: u32,
    /// Who says so.
    pub participant: ParticipantId,
}

/// Why a trace does not go on at a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TraceStop {
    /// It is as far away as was asked for.
    Depth,
    /// There is more than a trace takes in.
    Limit,
    /// No event names it.
    NotRecorded,
}

impl TraceStop {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Depth => "depth",
            Self::Limit => "limit",
            Self::NotRecorded => "not-recorded",
        }
    }
}

/// A thing, and how far it is from the one that was asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TracedThing {
    pub id: Id,
    pub depth: u32,
    /// All who recorded something of it.
    pub participants: BTreeSet<ParticipantId>,
}

/// What was found, nearest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    pub things: Vec<TracedThing>,
    pub ties: Vec<Tie>,
    pub stops: Vec<(Id, TraceStop)>,
}

/// What is asked of the records. Questions are about ties by what an event does with a thing, so that nobody hides one behind events
/// that tie nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TraceQuestion {
    /// Events that name an id in what they are about.
    Naming(Id),
    /// TransformationEvents that made it, and those that used it.
    Made(Id),
    Used(Id),
    /// Aggregation- and AssociationEvents with action ADD that put something into it, and those that put it into something.
    Filled(Id),
    Packed(Id),
    /// ObjectEvents with action ADD that brought it forth.
    Begun(Id),
    /// Events of one transformation (EPCIS 2.0 §7.4.5).
    Transformation(Id),
    /// Events that may bring items of a lot forth.
    OfLot(Id),
}

/// An answer to a question.
#[derive(Debug, Clone, Default)]
pub struct AnsweredEvents {
    pub events: Vec<Arc<RecordedEvent>>,
    pub has_more: bool,
}

/// The records that a trace goes over.
pub trait TraceSource {
    type Error;

    /// The first events of the ledger that answer a question: `limit` and one more at the most, and none behind those that have `bytes`
    /// together. Also says whether there are more.
    fn events(&mut self, question: &TraceQuestion, limit: usize, bytes: usize) -> Result<AnsweredEvents, Self::Error>;
}

/// Follows what ties an id to others.
///
/// # Errors
///
/// What the source fails by.
pub fn trace<S: TraceSource>(source: &mut S, id: &Id, direction: Direction, depth_max: u32) -> Result<Trace, S::Error> {
    let mut tracer = Tracer {
        source,
        direction,
        depth_max: depth_max.min(DEPTH_MAX),
        trace: Trace::default(),
        ties: BTreeSet::new(),
        seen: BTreeSet::from([id.clone()]),
        waiting: VecDeque::from([(id.clone(), 0)]),
        shares: BTreeMap::new(),
        later: VecDeque::new(),
        transformations: BTreeMap::new(),
        bytes: 0,
    };
    loop {
        if let Some((id, depth)) = tracer.waiting.pop_front() {
            tracer.look_at(&id, depth)?;
        } else if let Some((tie, depth)) = tracer.later.pop_front() {
            tracer.take(tie, depth, false);
        } else {
            return Ok(tracer.trace);
        }
    }
}

struct Tracer<'a, S> {
    source: &'a mut S,
    direction: Direction,
    depth_max: u32,
    trace: Trace,
    ties: BTreeSet<Tie>,
    seen: BTreeSet<Id>,
    waiting: VecDeque<(Id, u32)>,
    /// How many things the ties of each signer have added.
    shares: BTreeMap<ParticipantId, usize>,
    /// Ties beyond their signers' shares, with the depth at which they lead on.
    later: VecDeque<(Tie, u32)>,
    /// The events of transformations that are told in several, and whether there are more.
    transformations: BTreeMap<Id, (Vec<Arc<RecordedEvent>>, bool)>,
    /// Bytes of events that were read.
    bytes: usize,
}

impl<S: TraceSource> Tracer<'_, S> {
    fn stop(&mut self, id: &Id, why: TraceStop) {
        let stop = (id.clone(), why);
        if !self.trace.stops.contains(&stop) {
            self.trace.stops.push(stop);
        }
    }

    /// Looks at a thing, and takes what ties it to others.
    fn look_at(&mut self, id: &Id, depth: u32) -> Result<(), S::Error> {
        let naming = self.read(&TraceQuestion::Naming(id.clone()))?;
        let participants: BTreeSet<ParticipantId> = naming.events.iter().map(|one| one.participant).collect();
        if participants.is_empty() && id.kind() != IdKind::Lot {
            self.stop(id, TraceStop::NotRecorded);
        }
        let ties = self.ties_at(id)?;
        self.trace.things.push(TracedThing { id: id.clone(), depth, participants });
        if depth >= self.depth_max {
            if !ties.is_empty() {
                self.stop(id, TraceStop::Depth);
            }
            return Ok(());
        }
        for tie in in_turn(ties) {
            self.take(tie, depth + 1, true);
        }
        Ok(())
    }

    /// Takes a tie, and has what it leads to looked at.
    fn take(&mut self, tie: Tie, depth: u32, within_share: bool) {
        let (near, end) = match self.direction {
            Direction::Up => (tie.to.clone(), tie.from.clone()),
            Direction::Down => (tie.from.clone(), tie.to.clone()),
        };
        let is_new = !self.seen.contains(&end);
        let share = self.shares.entry(tie.participant).or_default();
        if within_share && is_new && *share >= SHARE_OF_SIGNER {
            if self.later.len() < TIES_MAX {
                self.later.push_back((tie, depth));
            } else {
                self.stop(&near, TraceStop::Limit);
            }
            return;
        }
        if is_new && self.seen.len() >= TRACED_MAX || self.ties.len() >= TIES_MAX {
            self.stop(&near, TraceStop::Limit);
            return;
        }
        if is_new {
            *share += 1;
            self.seen.insert(end.clone());
            self.waiting.push_back((end, depth));
        }
        if self.ties.insert(tie.clone()) {
            self.trace.ties.push(tie);
        }
    }

    /// Reads what answers a question, as far as the trace may read.
    fn read(&mut self, question: &TraceQuestion) -> Result<AnsweredEvents, S::Error> {
        let room = BYTES_READ_MAX.saturating_sub(self.bytes);
        if room == 0 {
            return Ok(AnsweredEvents { events: Vec::new(), has_more: true });
        }
        let mut answered = self.source.events(question, EVENTS_READ_MAX, room)?;
        self.bytes += answered.events.iter().map(|one| one.bytes).sum::<usize>();
        answered.has_more |= answered.events.len() > EVENTS_READ_MAX;
        Ok(answered)
    }

    /// The events that count, in equal shares of their signers, without those that these declared errors.
    fn events(&mut self, of: &Id, question: &TraceQuestion) -> Result<Vec<Arc<RecordedEvent>>, S::Error> {
        let (events, is_cut) = self.shared_out(question)?;
        if is_cut {
            self.stop(of, TraceStop::Limit);
        }
        Ok(events)
    }

    /// The same, and whether some are left out.
    fn shared_out(&mut self, question: &TraceQuestion) -> Result<(Vec<Arc<RecordedEvent>>, bool), S::Error> {
        let AnsweredEvents { mut events, has_more } = self.read(question)?;
        let name = |one: &RecordedEvent| (one.participant, one.event.event_id.uri.clone());
        let errors = events.iter().filter(|one| one.event.error_declaration.is_some());
        let errors: BTreeSet<_> = errors.map(|one| name(one)).collect();
        events.retain(|one| !errors.contains(&name(one)));
        let mut turns: Vec<(usize, Arc<RecordedEvent>)> = Vec::with_capacity(events.len());
        let mut counts: BTreeMap<ParticipantId, usize> = BTreeMap::new();
        for one in events {
            let count = counts.entry(one.participant).or_default();
            turns.push((*count, one));
            *count += 1;
        }
        turns.sort_by_key(|(turn, one)| (*turn, one.leaf, one.position));
        let is_cut = has_more || turns.len() > EVENTS_OF_ONE_MAX;
        Ok((turns.into_iter().take(EVENTS_OF_ONE_MAX).map(|(_, one)| one).collect(), is_cut))
    }

    /// What ties an id to others this way, in the order of the ledger.
    fn ties_at(&mut self, id: &Id) -> Result<Vec<Tie>, S::Error> {
        let questions: &[fn(Id) -> TraceQuestion] = match self.direction {
            Direction::Up => &[TraceQuestion::Made, TraceQuestion::Filled, TraceQuestion::Begun],
            Direction::Down => &[TraceQuestion::Used, TraceQuestion::Packed],
        };
        let mut ties = BTreeSet::new();
        let mut makings: BTreeSet<(Id, ParticipantId)> = BTreeSet::new();
        for question in questions {
            for one in self.events(id, &question(id.clone()))? {
                self.ties_of(id, &one, &mut ties);
                makings.extend(one.event.transformation_id().map(|making| (making.clone(), one.participant)));
            }
        }
        for (making, participant) in makings {
            for one in self.of_transformation(id, &making)? {
                // Of another's transformation that has the same id by chance or by malice nothing is taken.
                if one.participant == participant {
                    add(&mut ties, of_making(self.direction, id, &one));
                }
            }
        }
        if self.direction == Direction::Down && id.kind() == IdKind::Lot {
            for one in self.events(id, &TraceQuestion::OfLot(id.clone()))? {
                let items = one.event.ids().map(|(_, item)| item);
                let of_lot = items.filter(|item| master_data::lots(&one.event, item).contains(id));
                add(&mut ties, of_lot.map(|item| tie(id, item, TieKind::Lot, &one)));
            }
        }
        if ties.len() >= TIES_MAX {
            self.stop(id, TraceStop::Limit);
        }
        let mut ties: Vec<Tie> = ties.into_iter().collect();
        ties.sort_by_key(|tie| (tie.leaf, tie.position));
        Ok(ties)
    }

    /// The events of a transformation that is told in several.
    fn of_transformation(&mut self, of: &Id, making: &Id) -> Result<Vec<Arc<RecordedEvent>>, S::Error> {
        let (events, is_cut) = match self.transformations.get(making) {
            Some(known) => known.clone(),
            None => {
                let read = self.shared_out(&TraceQuestion::Transformation(making.clone()))?;
                self.transformations.insert(making.clone(), read.clone());
                read
            }
        };
        if is_cut {
            self.stop(of, TraceStop::Limit);
        }
        Ok(events)
    }

    fn ties_of(&self, id: &Id, one: &RecordedEvent, ties: &mut BTreeSet<Tie>) {
        match (self.direction, &one.event.what) {
            (way, What::Transformation { .. }) => add(ties, of_making(way, id, one)),
            (way, What::Aggregation { action: Action::Add, parent: Some(parent), .. }) => {
                add(ties, of_parent(way, id, parent, TieKind::Aggregation, one));
            }
            (way, What::Association { action: Action::Add, parent: Some(parent), .. }) => {
                add(ties, of_parent(way, id, parent, TieKind::Association, one));
            }
            _ => {}
        }
        if self.direction == Direction::Up {
            add(ties, master_data::lots(&one.event, id).iter().map(|lot| tie(lot, id, TieKind::Lot, one)));
        }
    }
}

/// Adds ties, as many as a trace has.
fn add(ties: &mut BTreeSet<Tie>, more: impl IntoIterator<Item = Tie>) {
    for tie in more {
        if ties.len() >= TIES_MAX {
            return;
        }
        ties.insert(tie);
    }
}

/// Ties in the turns of their signers, so that no number of one signer's comes before the first of another.
fn in_turn(ties: Vec<Tie>) -> Vec<Tie> {
    let mut counts: BTreeMap<ParticipantId, usize> = BTreeMap::new();
    let turn = |tie: Tie| {
        let count = counts.entry(tie.participant).or_default();
        *count += 1;
        (*count, tie)
    };
    let mut turns: Vec<(usize, Tie)> = ties.into_iter().map(turn).collect();
    turns.sort_by_key(|(turn, _)| *turn);
    turns.into_iter().map(|(_, tie)| tie).collect()
}

/// What one event of a transformation ties to an id that it, or another event of the same transformation, names.
fn of_making<'e>(way: Direction, id: &'e Id, one: &'e RecordedEvent) -> impl Iterator<Item = Tie> + 'e {
    let wanted = match way {
        Direction::Up => Part::Input,
        Direction::Down => Part::Output,
    };
    let others = one.event.ids().filter(move |(part, _)| *part == wanted).map(|(_, other)| other);
    others.map(move |other| match way {
        Direction::Up => tie(other, id, TieKind::Transformation, one),
        Direction::Down => tie(id, other, TieKind::Transformation, one),
    })
}

/// The ties between a parent and its children, of one of which is asked.
fn of_parent<'e>(
    way: Direction,
    id: &'e Id,
    parent: &'e Id,
    kind: TieKind,
    one: &'e RecordedEvent,
) -> Box<dyn Iterator<Item = Tie> + 'e> {
    let children = || one.event.ids().filter(|(part, _)| *part == Part::Child).map(|(_, child)| child);
    match way {
        Direction::Up if parent == id => Box::new(children().map(move |child| tie(child, id, kind, one))),
        Direction::Down if children().any(|child| child == id) => Box::new(std::iter::once(tie(id, parent, kind, one))),
        _ => Box::new(std::iter::empty()),
    }
}

fn tie(from: &Id, to: &Id, kind: TieKind, one: &RecordedEvent) -> Tie {
    let RecordedEvent { leaf, position, participant, .. } = one;
    Tie { from: from.clone(), to: to.clone(), kind, leaf: *leaf, position: *position, participant: *participant }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Up => "up",
            Self::Down => "down",
        })
    }
}

impl FromStr for Direction {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Up, Self::Down]
            .into_iter()
            .find(|one| one.to_string() == text)
            .ok_or_else(|| format!("it is up or down, not {text:?}"))
    }
}
