//! Containment: what the product is in, what that is in, and so whose records tell of it.
//!
//! The product is the first member of a chain; each further member is the container of the one before it. A record that names a
//! member when its turn comes is one of the journey. The chain has no id twice, which is what makes cycles and depth harmless.

use std::collections::BTreeSet;

use crate::epcis::event::{Action, Part, What};
use crate::gs1::Id;
use crate::provenance::corrections::Standing;
use crate::provenance::parts::Parts;
use crate::provenance::reading::{self, End};
use crate::provenance::records::{Entry, Records};

/// An id that a record names, and the parts that it plays there.
#[derive(Debug)]
pub(super) struct Mention<'a> {
    pub id: &'a Id,
    pub parts: Parts,
}

/// The next record of the journey, and which members of the chain it names, the innermost first.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    pub at: usize,
    /// Each member by its place in the chain, and the parts that it plays.
    pub named: Vec<(usize, Parts)>,
    /// The container that the record names where it does not name the product itself.
    pub via: Option<&'a Id>,
}

/// What a packing or unpacking gives cause to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notice<'a> {
    /// Packed into something else while in this container.
    Elsewhere(&'a Id),
    /// Taken out of this, in which it was not.
    NotInside(&'a Id),
    /// A container was packed into this, which is inside it.
    Cycle(&'a Id),
}

#[derive(Debug, Clone, Copy)]
struct Member<'a> {
    id: &'a Id,
    /// The entry that packed the member before it into this one; for the product no entry.
    since: Option<usize>,
}

/// The chain at one moment of a walk.
#[derive(Debug, Clone, Default)]
pub(super) struct Containment<'a> {
    members: Vec<Member<'a>>,
}

impl<'a> Containment<'a> {
    pub fn new(product: &'a Id) -> Self {
        Self { members: vec![Member { id: product, since: None }] }
    }

    /// What the product is in.
    pub fn container(&self) -> Option<&'a Id> {
        self.members.get(1).map(|member| member.id)
    }

    /// How many things it is in, one in the other.
    pub fn depth(&self) -> usize {
        self.members.len().saturating_sub(1)
    }

    /// The entry by which what is in the outermost container was packed into it.
    pub fn packed_last(&self) -> Option<usize> {
        self.members.last().and_then(|member| member.since)
    }

    /// The entry's part in the journey now: none if it names no member.
    pub fn turn(&self, records: &Records<'a>, at: usize) -> Option<Turn<'a>> {
        let mentions = records.mentions(at);
        let named: Vec<(usize, Parts)> = self
            .members
            .iter()
            .enumerate()
            .filter_map(|(index, member)| {
                let mention = mentions.iter().find(|mention| mention.id == member.id)?;
                Some((index, mention.parts))
            })
            .collect();
        let innermost = named.first()?.0;
        let via = (innermost > 0).then(|| self.members[innermost].id);
        Some(Turn { at, named, via })
    }

    /// The container in which the outermost member that the record names should be, where the record names it without.
    ///
    /// Events of one moment are one occasion: what is recorded of a product as it is packed leaves it packed.
    pub fn apart(&self, records: &Records<'a>, turn: &Turn<'a>) -> Option<&'a Id> {
        let (index, parts) = turn.named.last()?;
        let container = self.members.get(index + 1)?;
        let itself = [Part::Object, Part::Input, Part::Child].into_iter().any(|part| parts.contains(part));
        let later =
            container.since.is_some_and(|since| records.event(turn.at).event_time > records.event(since).event_time);
        (itself && later).then_some(container.id)
    }

    /// Goes on from a record by the participant that has the product: only that one packs and unpacks.
    pub fn take_up(&mut self, records: &Records<'a>, turn: &Turn<'a>) -> Option<Notice<'a>> {
        let child = turn.named.iter().rev().find(|(_, parts)| parts.contains(Part::Child)).map(|(index, _)| *index);
        match (&records.event(turn.at).what, child) {
            (What::Aggregation { action: Action::Add, parent: Some(parent), .. }, Some(child)) => {
                self.pack(turn.at, child, parent)
            }
            (What::Aggregation { action: Action::Delete, parent: Some(parent), .. }, Some(child)) => {
                self.unpack(child, parent)
            }
            (
                What::Aggregation { action: Action::Delete, parent: Some(parent), child_epcs, child_quantities },
                None,
            ) if child_epcs.is_empty() && child_quantities.is_empty() => {
                self.empty(parent);
                None
            }
            _ => {
                self.seen(records, turn);
                None
            }
        }
    }

    fn position(&self, id: &Id) -> Option<usize> {
        self.members.iter().position(|member| member.id == id)
    }

    fn pack(&mut self, at: usize, child: usize, parent: &'a Id) -> Option<Notice<'a>> {
        match self.position(parent) {
            Some(position) if position <= child => return Some(Notice::Cycle(parent)),
            // Already in it, if only by what it is in.
            Some(_) => return None,
            None => {}
        }
        let former = self.members.get(child + 1).map(|member| member.id);
        self.members.truncate(child + 1);
        self.members.push(Member { id: parent, since: Some(at) });
        former.map(Notice::Elsewhere)
    }

    fn unpack(&mut self, child: usize, parent: &'a Id) -> Option<Notice<'a>> {
        let inside = self.position(parent).is_some_and(|position| position > child);
        self.members.truncate(child + 1);
        (!inside).then_some(Notice::NotInside(parent))
    }

    /// A disaggregation without children takes out all of them (EPCIS 2.0 §7.4.3).
    fn empty(&mut self, parent: &Id) {
        if let Some(position) = self.position(parent).filter(|position| *position > 0) {
            self.members.truncate(position);
        }
    }

    /// What is seen without its container is out of it; and what was in a container that is no longer one is out too.
    fn seen(&mut self, records: &Records<'a>, turn: &Turn<'a>) {
        let outermost = turn.named.last().map_or(0, |(index, _)| *index);
        let in_aggregation = matches!(records.event(turn.at).what, What::Aggregation { .. } | What::Association { .. });
        if !in_aggregation && self.apart(records, turn).is_some() {
            self.members.truncate(outermost + 1);
        }
        let innermost = turn.named.first().map_or(0, |(index, _)| *index);
        if innermost > 0 && reading::recorded_end(records, turn.at) == Some(End::Decommissioned) {
            self.members.truncate(innermost);
        }
    }
}

/// What each entry says of the product, and of whatever something was packed into. What was withdrawn, and what withdraws it,
/// is among them: it counts for nothing, and is told.
pub(super) fn mentions<'a>(product: &'a Id, entries: &[Entry<'a>]) -> Vec<Vec<Mention<'a>>> {
    let parents = entries.iter().filter_map(|entry| match &entry.record.event.what {
        What::Aggregation { action: Action::Add, parent: Some(parent), .. } => Some(parent),
        _ => None,
    });
    let followed: BTreeSet<&Id> = parents.chain([product]).collect();
    let of = |entry: &Entry<'a>| {
        let mut mentions: Vec<Mention<'a>> = Vec::new();
        if matches!(entry.standing, Standing::Repeats(_) | Standing::WithdrawsNothing) {
            return mentions;
        }
        for (part, id) in entry.record.event.ids() {
            let Some(id) = followed.get(id) else { continue };
            match mentions.iter_mut().find(|mention| mention.id == *id) {
                Some(mention) => mention.parts.insert(part),
                None => mentions.push(Mention { id, parts: Parts::from_iter([part]) }),
            }
        }
        mentions
    };
    entries.iter().map(of).collect()
}
