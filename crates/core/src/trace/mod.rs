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

/// Events of each kind that are looked at for one thing.
pub const EVENTS_OF_ONE_MAX: usize = 500;

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

/// The records that a trace goes over.
pub trait TraceSource {
    type Error;

    /// The first events of the ledger that answer a question, `limit` and one more at the most.
    fn events(&mut self, question: &TraceQuestion, limit: usize) -> Result<Vec<RecordedEvent>, Self::Error>;
}

/// Follows what ties an id to others.
///
/// # Errors
///
/// What the source fails by.
pub fn trace<S: TraceSource>(source: &mut S, id: &Id, direction: Direction, depth_max: u32) -> Result<Trace, S::Error> {
    let mut tracer =
        Tracer { source, direction, trace: Trace::default(), ties: BTreeSet::new(), transformations: BTreeMap::new() };
    let mut seen = BTreeSet::from([id.clone()]);
    let mut waiting = VecDeque::from([(id.clone(), 0)]);
    while let Some((id, depth)) = waiting.pop_front() {
        let (participants, ties) = tracer.look_at(&id)?;
        let ends: Vec<Id> = ties.iter().map(|tie| tracer.end_of(tie).clone()).collect();
        tracer.trace.things.push(TracedThing { id: id.clone(), depth, participants });
        if depth >= depth_max.min(DEPTH_MAX) {
            if !ends.is_empty() {
                tracer.stop(&id, TraceStop::Depth);
            }
            continue;
        }
        for (tie, end) in ties.into_iter().zip(ends) {
            let is_new = !seen.contains(&end);
            if is_new && seen.len() >= TRACED_MAX || tracer.ties.len() >= TIES_MAX {
                tracer.stop(&id, TraceStop::Limit);
                break;
            }
            if tracer.ties.insert(tie.clone()) {
                tracer.trace.ties.push(tie);
            }
            if is_new {
                seen.insert(end.clone());
                waiting.push_back((end, depth + 1));
            }
        }
    }
    Ok(tracer.trace)
}

struct Tracer<'a, S> {
    source: &'a mut S,
    direction: Direction,
    trace: Trace,
    ties: BTreeSet<Tie>,
    /// The events of transformations that are told in several.
    transformations: BTreeMap<Id, Vec<RecordedEvent>>,
}

impl<S: TraceSource> Tracer<'_, S> {
    fn end_of<'t>(&self, tie: &'t Tie) -> &'t Id {
        match self.direction {
            Direction::Up => &tie.from,
            Direction::Down => &tie.to,
        }
    }

    fn stop(&mut self, id: &Id, why: TraceStop) {
        let stop = (id.clone(), why);
        if !self.trace.stops.contains(&stop) {
            self.trace.stops.push(stop);
        }
    }

    /// The events that count, without those that their signers declared errors.
    fn events(&mut self, of: &Id, question: &TraceQuestion) -> Result<Vec<RecordedEvent>, S::Error> {
        let mut events = self.source.events(question, EVENTS_OF_ONE_MAX)?;
        if events.len() > EVENTS_OF_ONE_MAX {
            events.truncate(EVENTS_OF_ONE_MAX);
            self.stop(of, TraceStop::Limit);
        }
        let name = |one: &RecordedEvent| (one.participant.clone(), one.event.event_id.uri.clone());
        let errors: BTreeSet<_> = events.iter().filter(|one| one.event.error_declaration.is_some()).map(name).collect();
        events.retain(|one| !errors.contains(&name(one)));
        Ok(events)
    }

    /// Who recorded something of an id, and what ties it to others this way.
    fn look_at(&mut self, id: &Id) -> Result<(BTreeSet<ParticipantId>, Vec<Tie>), S::Error> {
        let naming = self.source.events(&TraceQuestion::Naming(id.clone()), EVENTS_OF_ONE_MAX)?;
        let participants = naming.into_iter().map(|one| one.participant).collect::<BTreeSet<_>>();
        if participants.is_empty() && id.kind() != IdKind::Lot {
            self.stop(id, TraceStop::NotRecorded);
        }
        let questions: &[fn(Id) -> TraceQuestion] = match self.direction {
            Direction::Up => &[TraceQuestion::Made, TraceQuestion::Filled, TraceQuestion::Begun],
            Direction::Down => &[TraceQuestion::Used, TraceQuestion::Packed],
        };
        let mut ties = Vec::new();
        for question in questions {
            for one in self.events(id, &question(id.clone()))? {
                self.ties_of(id, &one, &mut ties)?;
            }
        }
        if self.direction == Direction::Down && id.kind() == IdKind::Lot {
            for one in self.events(id, &TraceQuestion::OfLot(id.clone()))? {
                let items = one.event.ids().map(|(_, item)| item);
                let of_lot = items.filter(|item| master_data::lots(&one.event, item).contains(id));
                ties.extend(of_lot.map(|item| tie(id, item, TieKind::Lot, &one)));
            }
        }
        ties.sort_by_key(|tie| (tie.leaf, tie.position));
        Ok((participants, ties))
    }

    fn ties_of(&mut self, id: &Id, one: &RecordedEvent, ties: &mut Vec<Tie>) -> Result<(), S::Error> {
        let event = &one.event;
        let plays = |part: Part| event.ids().any(|(found, named)| found == part && named == id);
        match (self.direction, &event.what) {
            (Direction::Up, What::Transformation { .. }) if plays(Part::Output) => {
                for (part, input, other) in self.of_making(id, one)? {
                    if part == Part::Input {
                        ties.push(tie(&input, id, TieKind::Transformation, &other));
                    }
                }
            }
            (Direction::Down, What::Transformation { .. }) if plays(Part::Input) => {
                for (part, output, other) in self.of_making(id, one)? {
                    if part == Part::Output {
                        ties.push(tie(id, &output, TieKind::Transformation, &other));
                    }
                }
            }
            (way, What::Aggregation { action: Action::Add, parent: Some(parent), .. }) => {
                ties.extend(of_parent(way, id, parent, TieKind::Aggregation, one));
            }
            (way, What::Association { action: Action::Add, parent: Some(parent), .. }) => {
                ties.extend(of_parent(way, id, parent, TieKind::Association, one));
            }
            _ => {}
        }
        if self.direction == Direction::Up {
            ties.extend(master_data::lots(event, id).iter().map(|lot| tie(lot, id, TieKind::Lot, one)));
        }
        Ok(())
    }

    /// The parts of a transformation, told in this event or in several of one transformationID.
    fn of_making(&mut self, of: &Id, one: &RecordedEvent) -> Result<Vec<(Part, Id, RecordedEvent)>, S::Error> {
        let parts = |event: &RecordedEvent| -> Vec<(Part, Id, RecordedEvent)> {
            event.event.ids().map(|(part, id)| (part, id.clone(), event.clone())).collect()
        };
        let Some(id) = one.event.transformation_id() else { return Ok(parts(one)) };
        if !self.transformations.contains_key(id) {
            let events = self.events(of, &TraceQuestion::Transformation(id.clone()))?;
            self.transformations.insert(id.clone(), events);
        }
        // Of another's transformation that has the same id by chance or by malice nothing is taken.
        let told = self.transformations.get(id).into_iter().flatten();
        Ok(told.filter(|other| other.participant == one.participant).flat_map(parts).collect())
    }
}

/// The ties between a parent and its children, of one of which is asked.
fn of_parent(way: Direction, id: &Id, parent: &Id, kind: TieKind, one: &RecordedEvent) -> Vec<Tie> {
    let children = || one.event.ids().filter(|(part, _)| *part == Part::Child).map(|(_, child)| child);
    match way {
        Direction::Up if parent == id => children().map(|child| tie(child, id, kind, one)).collect(),
        Direction::Down if children().any(|child| child == id) => vec![tie(id, parent, kind, one)],
        _ => Vec::new(),
    }
}

fn tie(from: &Id, to: &Id, kind: TieKind, one: &RecordedEvent) -> Tie {
    let RecordedEvent { leaf, position, participant, .. } = one;
    Tie { from: from.clone(), to: to.clone(), kind, leaf: *leaf, position: *position, participant: participant.clone() }
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
