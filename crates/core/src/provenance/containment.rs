//! Containment: what the product is in, what that is in, and so whose records tell of it.
//!
//! The product is the first member of a chain; each further member is the container of the one before it. Every member
//! has its records in the order of custody and a cursor into them; a container's cursor begins after the record that
//! packed it. The next record of the journey is the earliest under any cursor, so a span follows event time, then place.
//! The chain has no id twice, which is what makes cycles and depth harmless.

use std::collections::BTreeMap;

use crate::epcis::event::{Action, Part, What};
use crate::gs1::Id;
use crate::provenance::case::{Case, Entry};
use crate::provenance::corrections::Standing;
use crate::provenance::parts::Parts;
use crate::provenance::reading::{self, End};

/// A record that names an id, and the parts that the id plays in it.
#[derive(Debug)]
pub(super) struct Mention {
    pub at: usize,
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

#[derive(Debug)]
struct Member<'a, 'b> {
    id: &'a Id,
    list: &'b [Mention],
    /// The entry that packed the member before it into this one; for the product no entry.
    since: Option<usize>,
    cursor: usize,
}

/// The chain at one moment of the walk.
#[derive(Debug)]
pub(super) struct Containment<'a, 'b> {
    case: &'b Case<'a>,
    members: Vec<Member<'a, 'b>>,
}

impl<'a, 'b> Containment<'a, 'b> {
    pub fn new(case: &'b Case<'a>) -> Self {
        let id = &case.history.id;
        Self { case, members: vec![Member { id, list: case.mentions(id), since: None, cursor: 0 }] }
    }

    /// What the product is in.
    pub fn container(&self) -> Option<&'a Id> {
        self.members.get(1).map(|member| member.id)
    }

    /// Takes the earliest record that names a member, and moves past it.
    pub fn next(&mut self) -> Option<Turn<'a>> {
        let ahead = |member: &Member<'_, '_>| member.list.get(member.cursor).map(|mention| mention.at);
        let at = self.members.iter().filter_map(ahead).min_by_key(|at| self.case.moment(*at))?;
        let mut named = Vec::new();
        for (index, member) in self.members.iter_mut().enumerate() {
            if let Some(mention) = member.list.get(member.cursor).filter(|mention| mention.at == at) {
                named.push((index, mention.parts));
                member.cursor += 1;
            }
        }
        let innermost = named.first().map_or(0, |(index, _)| *index);
        let via = (innermost > 0).then(|| self.members[innermost].id);
        Some(Turn { at, named, via })
    }

    /// The container in which the outermost member that the record names should be, where the record names it without.
    ///
    /// Events of one moment are one occasion: what is recorded of a product as it is packed leaves it packed.
    pub fn apart(&self, turn: &Turn<'a>) -> Option<&'a Id> {
        let (index, parts) = turn.named.last()?;
        let container = self.members.get(index + 1)?;
        let itself = [Part::Object, Part::Input, Part::Child].into_iter().any(|part| parts.contains(part));
        let later = container
            .since
            .is_some_and(|since| self.case.event(turn.at).event_time > self.case.event(since).event_time);
        (itself && later).then_some(container.id)
    }

    /// Goes on from a record by the participant that has the product: only that one packs and unpacks.
    pub fn take_up(&mut self, turn: &Turn<'a>) -> Option<Notice<'a>> {
        let child = turn.named.iter().rev().find(|(_, parts)| parts.contains(Part::Child)).map(|(index, _)| *index);
        match (&self.case.event(turn.at).what, child) {
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
                self.seen(turn);
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
        let (case, list) = (self.case, self.case.mentions(parent));
        let cursor = list.partition_point(|mention| case.moment(mention.at) <= case.moment(at));
        self.members.push(Member { id: parent, list, since: Some(at), cursor });
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
    fn seen(&mut self, turn: &Turn<'a>) {
        let outermost = turn.named.last().map_or(0, |(index, _)| *index);
        let in_aggregation =
            matches!(self.case.event(turn.at).what, What::Aggregation { .. } | What::Association { .. });
        if !in_aggregation && self.apart(turn).is_some() {
            self.members.truncate(outermost + 1);
        }
        let innermost = turn.named.first().map_or(0, |(index, _)| *index);
        if innermost > 0 && reading::recorded_end(self.case, turn.at) == Some(End::Decommissioned) {
            self.members.truncate(innermost);
        }
    }
}

/// The records that matter to a journey, by id: those of the product, and of whatever something was packed into, each
/// in the order of custody. What was withdrawn, and what withdraws it, are among them: they count for nothing, and are told.
pub(super) fn mentions<'a>(id: &'a Id, entries: &[Entry<'a>]) -> BTreeMap<&'a Id, Vec<Mention>> {
    let mut mentions: BTreeMap<&Id, Vec<Mention>> = BTreeMap::new();
    mentions.insert(id, Vec::new());
    for entry in entries {
        if let What::Aggregation { action: Action::Add, parent: Some(parent), .. } = &entry.record.event.what {
            mentions.insert(parent, Vec::new());
        }
    }
    for at in super::case::in_order_of_custody(entries) {
        let entry = &entries[at];
        if matches!(entry.standing, Standing::Repeats(_) | Standing::WithdrawsNothing) {
            continue;
        }
        for (part, named) in entry.record.event.ids() {
            let Some(list) = mentions.get_mut(named) else { continue };
            match list.last_mut().filter(|mention| mention.at == at) {
                Some(mention) => mention.parts.insert(part),
                None => list.push(Mention { at, parts: Parts::from_iter([part]) }),
            }
        }
    }
    mentions
}
