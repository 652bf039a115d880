//! The journey: the leaves of its parties, in rounds until a round finds nothing.
//!
//! Each round looks up whose the destinations are, finds parties, containers and inputs, and opens the leaves that are due. What it
//! does is charged to the signer that leads there, and signers take turns. Only if nothing else is left, a round gives signers more
//! than their share.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::consortium::{Participant, ParticipantId};
use crate::gs1::Id;
use crate::index::{Acts, ListEntry, Subject};
use crate::limits::DESTINATIONS_MAX;
use crate::merkle::LeafIndex;
use crate::provenance::account::HAVING;
use crate::provenance::follow::limits::Good;
use crate::provenance::follow::{Capture, Follower, Source};
use crate::provenance::{links, master_data};
use crate::time::Timestamp;

/// Where following an id begins. The beginning comes before any time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Start {
    Beginning,
    At(Timestamp),
}

impl Start {
    fn no_earlier_than(self, time: Timestamp) -> Self {
        match self {
            Start::Beginning => Start::At(time),
            Start::At(start) => Start::At(start.max(time)),
        }
    }
}

/// Why and from where an id is followed, and what was found of it.
#[derive(Debug)]
pub(super) struct Role {
    /// The id as the index names it.
    pub subject: Subject,
    /// As the id itself or a container of it.
    pub carries: Option<Start>,
    /// As the id itself or an input.
    pub is_used: bool,
    /// The entries of its list, by their signers.
    by_signer: BTreeMap<ParticipantId, Vec<ListEntry>>,
    /// Where in a signer's entries the span begins from which the id is carried.
    starts: BTreeMap<ParticipantId, (Timestamp, usize)>,
    pub opened: BTreeMap<LeafIndex, Opened>,
}

/// What a leaf that was opened leads to.
#[derive(Debug)]
pub(super) struct Opened {
    pub signer: ParticipantId,
    pub said: Vec<Said>,
    /// The lots of which its events say that the id is of them.
    pub lots: BTreeSet<Id>,
}

/// What one event that names the id leads to.
#[derive(Debug)]
pub(super) struct Said {
    container: Option<(Id, Timestamp)>,
    /// What the id was made of, and the transformation of which this event tells a part.
    inputs: Vec<Id>,
    tie: Option<Id>,
    destinations: Vec<Id>,
    lets_go: bool,
}

/// A transformation that is told in several events.
#[derive(Debug, Default)]
pub(super) struct Tie {
    /// Those whose events count: they signed the event that led here.
    signers: BTreeSet<ParticipantId>,
    entries: Option<Vec<ListEntry>>,
    opened: BTreeSet<LeafIndex>,
    inputs: Vec<(ParticipantId, Id)>,
}

/// What is to be opened, in its order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    /// The leaf of a signer that lies before the span from which the id is carried. Which it is, only that leaf shows.
    Start(Id),
    Leaf(LeafIndex, Of),
}

/// Of what a leaf is opened.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Of {
    Id(Id),
    Tie(Id),
}

/// What a round came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Something,
    /// There is more than the limits take in.
    Nothing,
    NothingLeft,
}

/// What each signer leads to, in its order.
type Queues<T> = BTreeMap<ParticipantId, VecDeque<T>>;

impl<S: Source> Follower<'_, S> {
    pub(super) fn journey(&mut self) -> Result<(), S::Error> {
        let asked = self.asked.id.clone();
        let holders = self.holders(&asked)?;
        self.add_id(&asked)?;
        if let Some(role) = self.ids.get_mut(&asked) {
            (role.carries, role.is_used) = (Some(Start::Beginning), true);
        }
        self.begin(&holders);
        loop {
            let found = match self.round(&holders, true)? {
                Found::Nothing => self.round(&holders, false)?,
                found => found,
            };
            match found {
                Found::Something => {}
                Found::Nothing => {
                    self.trail.limit_reached = true;
                    return Ok(());
                }
                Found::NothingLeft => return Ok(()),
            }
        }
    }

    /// The first parties: all that ever held the prefix, and all that brought it forth; if none of them says to have had it, the first
    /// who do; and if there is no one, the first who name it.
    fn begin(&mut self, holders: &BTreeSet<ParticipantId>) {
        let entries = self.own_entries();
        self.parties = holders.clone();
        self.parties.extend(signers_of(&entries, Acts::BRINGS_FORTH));
        let spoke = |parties: &BTreeSet<ParticipantId>, acts: Option<Acts>| {
            let mut of = entries.iter().filter(|entry| acts.is_none_or(|acts| entry.acts.intersects(acts)));
            of.any(|entry| entry.signer.participant().is_some_and(|signer| parties.contains(&signer)))
        };
        if !spoke(&self.parties, Some(HAVING.with(Acts::BRINGS_FORTH))) {
            self.parties.extend(signers_of(&entries, HAVING).take(self.limits.havers));
        }
        if !spoke(&self.parties, None) {
            let mut first: Vec<ParticipantId> = Vec::new();
            for signer in entries.iter().filter_map(|entry| entry.signer.participant()) {
                if first.len() < self.limits.havers && !first.contains(&signer) {
                    first.push(signer);
                }
            }
            self.parties.extend(first);
        }
    }

    /// The entries of the list of the id that was asked about, in order.
    pub(super) fn own_entries(&self) -> Vec<ListEntry> {
        let list = self.ids.get(&self.asked.id).and_then(|role| self.trail.shown.get(&role.subject));
        list.map(|list| list.entries.clone()).unwrap_or_default()
    }

    /// Does what is due, within the shares or beyond them, and says whether there was anything.
    fn round(&mut self, holders: &BTreeSet<ParticipantId>, within_share: bool) -> Result<Found, S::Error> {
        let places = self.due_places();
        let mut is_due = !places.is_empty();
        if self.look_up(places, within_share)? && !within_share {
            return Ok(Found::Something);
        }
        let mut has_found = self.find_parties();
        let (ids, is_new) = self.find_ids(holders)?;
        has_found |= is_new;
        is_due |= !ids.is_empty();
        if self.admit(ids, within_share)? {
            if !within_share {
                return Ok(Found::Something);
            }
            has_found = true;
        }
        if has_found {
            self.find_ids(holders)?;
        }
        let due = self.due_leaves()?;
        is_due |= !due.is_empty();
        has_found |= self.open(due, within_share)?;
        Ok(match (has_found, is_due) {
            (true, _) => Found::Something,
            (false, true) => Found::Nothing,
            (false, false) => Found::NothingLeft,
        })
    }

    /// Gives the next thing to the signer that has had least of a good, if any may have more.
    fn next<T>(&self, queues: &mut Queues<T>, good: Good, within_share: bool) -> Option<(ParticipantId, T)> {
        let may = |signer: &&ParticipantId| self.meter.may(signer, good, within_share);
        let signers = queues.iter().filter(|(_, queue)| !queue.is_empty()).map(|(signer, _)| signer);
        let next = *signers.filter(may).min_by_key(|signer| (self.meter.had(signer, good), *signer))?;
        let thing = queues.get_mut(&next)?.pop_front()?;
        Some((next, thing))
    }

    // Destinations

    /// The destinations in the events of parties that were not looked up, by whose events name them.
    fn due_places(&self) -> Queues<Id> {
        let mut due: BTreeMap<ParticipantId, BTreeSet<&Id>> = BTreeMap::new();
        for opened in self.carried().filter(|opened| self.parties.contains(&opened.signer)) {
            let places = opened.said.iter().flat_map(|said| &said.destinations);
            let new: Vec<&Id> = places.filter(|place| !self.owners.contains_key(*place)).collect();
            if !new.is_empty() {
                due.entry(opened.signer).or_default().extend(new);
            }
        }
        due.into_iter().map(|(signer, places)| (signer, places.into_iter().cloned().collect())).collect()
    }

    fn carried(&self) -> impl Iterator<Item = &Opened> {
        let carried = self.ids.values().filter(|role| role.carries.is_some());
        carried.flat_map(|role| role.opened.values())
    }

    fn look_up(&mut self, mut due: Queues<Id>, within_share: bool) -> Result<bool, S::Error> {
        let mut has_found = false;
        while let Some((signer, place)) = self.next(&mut due, Good::Places, within_share) {
            if self.owners.contains_key(&place) {
                continue;
            }
            let by_gln = match place.gln() {
                Some(gln) => self.take_prefix(Subject::prefix(gln))?,
                None => Vec::new(),
            };
            let owners = if by_gln.is_empty() { self.holders(&place)? } else { by_gln.into_iter().collect() };
            self.owners.insert(place, owners);
            self.meter.takes(&signer, Good::Places);
            has_found = true;
        }
        Ok(has_found)
    }

    /// Finds parties among the owners of destinations, among those that say to have had what was let go to no one of them, and among
    /// those that go on for a party.
    fn find_parties(&mut self) -> bool {
        let registry = self.source.registry();
        let mut new: BTreeSet<ParticipantId> = BTreeSet::new();
        let mut is_open = false;
        for opened in self.carried().filter(|opened| self.parties.contains(&opened.signer)) {
            for said in &opened.said {
                let owners = || said.destinations.iter().filter_map(|place| self.owners.get(place)).flatten();
                is_open |= said.lets_go
                    && owners().all(|owner| registry.participant(owner).is_some_and(Participant::is_carrier));
                new.extend(owners().filter(|owner| !self.parties.contains(*owner)).cloned());
            }
        }
        if is_open {
            let havers = signers_of(&self.own_entries(), HAVING).take(self.limits.havers).collect::<Vec<_>>();
            new.extend(havers.into_iter().filter(|signer| !self.parties.contains(signer)));
        }
        // Who goes on for a party is one. Evidence shows it: all that was proposed about a party is shown.
        let parties = self.parties.iter().chain(&new).collect();
        let successors: Vec<ParticipantId> = registry.successors_of(&parties).into_iter().cloned().collect();
        let has_found = !new.is_empty() || !successors.is_empty();
        self.parties.extend(new);
        self.parties.extend(successors);
        has_found
    }

    // Containers and inputs

    /// Finds what the opened leaves lead to. Gives the ids that are not followed yet, by whose events name them, and says whether there
    /// is anything new about the others.
    fn find_ids(&mut self, holders: &BTreeSet<ParticipantId>) -> Result<(Queues<Id>, bool), S::Error> {
        let mut new: Queues<Id> = BTreeMap::new();
        let (mut containers, mut inputs, mut ties) = (Vec::new(), BTreeSet::new(), Vec::new());
        for (id, role) in &self.ids {
            let mut packed: BTreeMap<&ParticipantId, Vec<&Id>> = BTreeMap::new();
            for opened in role.opened.values().rev() {
                let signer = &opened.signer;
                for said in &opened.said {
                    if let Some(start) = role.carries.filter(|_| self.parties.contains(signer))
                        && let Some((container, time)) = &said.container
                    {
                        let of_signer = packed.entry(signer).or_default();
                        if of_signer.contains(&container) || of_signer.len() < self.limits.containers {
                            containers.push((*signer, container.clone(), start.no_earlier_than(*time)));
                        } else {
                            self.trail.limit_reached = true;
                        }
                        if !of_signer.contains(&container) {
                            of_signer.push(container);
                        }
                    }
                    // Of the id itself only its holder says what it was made of.
                    if role.is_used && (*id != self.asked.id || holders.contains(signer)) {
                        inputs.extend(said.inputs.iter().map(|input| (*signer, input.clone())));
                        ties.extend(said.tie.iter().map(|tie| (tie.clone(), *signer)));
                    }
                }
            }
        }
        let mut has_found = false;
        for (tie, signer) in ties {
            let tie = self.ties.entry(tie).or_default();
            has_found |= tie.signers.insert(signer);
        }
        for tie in self.ties.values() {
            inputs.extend(tie.inputs.iter().cloned());
        }
        for (signer, container, start) in containers {
            match self.ids.get_mut(&container) {
                Some(role) if role.carries.is_none_or(|earlier| start < earlier) => {
                    role.carries = Some(start);
                    has_found = true;
                }
                Some(_) => {}
                None => new.entry(signer).or_default().push_back(container),
            }
        }
        for (signer, input) in inputs {
            match self.ids.get_mut(&input) {
                Some(role) => {
                    has_found |= !role.is_used;
                    role.is_used = true;
                }
                None => new.entry(signer).or_default().push_back(input),
            }
        }
        Ok((new, has_found))
    }

    fn admit(&mut self, mut new: Queues<Id>, within_share: bool) -> Result<bool, S::Error> {
        let mut has_found = false;
        while let Some((signer, id)) = self.next(&mut new, Good::Ids, within_share) {
            if self.ids.contains_key(&id) {
                continue;
            }
            self.add_id(&id)?;
            self.meter.takes(&signer, Good::Ids);
            has_found = true;
        }
        Ok(has_found)
    }

    fn add_id(&mut self, id: &Id) -> Result<(), S::Error> {
        let subject = Subject::id(id.as_str());
        let mut by_signer: BTreeMap<ParticipantId, Vec<ListEntry>> = BTreeMap::new();
        for entry in self.take_long(&subject)? {
            if let Some(signer) = entry.signer.participant() {
                by_signer.entry(signer).or_default().push(entry);
            }
        }
        let role = Role {
            subject,
            carries: None,
            is_used: false,
            by_signer,
            starts: BTreeMap::new(),
            opened: BTreeMap::new(),
        };
        self.ids.insert(id.clone(), role);
        Ok(())
    }

    // Leaves

    /// The leaves that are to be opened and are not, by their signers: of what is carried those of parties, of an input those that bring
    /// it forth, of a transformation those of the signers that led there.
    fn due_leaves(&mut self) -> Result<Queues<Due>, S::Error> {
        let mut due: BTreeMap<ParticipantId, BTreeSet<Due>> = BTreeMap::new();
        for (id, role) in &self.ids {
            for (signer, entries) in &role.by_signer {
                let is_party = role.carries.is_some() && self.parties.contains(signer);
                let start = match role.carries {
                    Some(Start::At(since)) if is_party => match role.starts.get(signer) {
                        Some((of, start)) if *of == since => *start,
                        _ => {
                            due.entry(*signer).or_default().insert(Due::Start(id.clone()));
                            usize::MAX
                        }
                    },
                    _ => 0,
                };
                for (at, ListEntry { leaf, acts, .. }) in entries.iter().enumerate() {
                    let brings_forth = role.is_used && acts.intersects(Acts::BRINGS_FORTH);
                    if (is_party && at >= start || brings_forth) && !role.opened.contains_key(leaf) {
                        let one = Due::Leaf(*leaf, Of::Id(id.clone()));
                        due.entry(*signer).or_default().insert(one);
                    }
                }
            }
        }
        let untaken: Vec<Id> =
            self.ties.iter().filter(|(_, tie)| tie.entries.is_none()).map(|(id, _)| id.clone()).collect();
        for id in untaken {
            let entries = self.take_long(&Subject::transformation(id.as_str()))?;
            self.ties.entry(id).or_default().entries = Some(entries);
        }
        for (id, tie) in &self.ties {
            for ListEntry { leaf, signer, .. } in tie.entries.iter().flatten() {
                let signer = signer.participant().filter(|signer| tie.signers.contains(signer));
                if let Some(signer) = signer.filter(|_| !tie.opened.contains(leaf)) {
                    due.entry(signer).or_default().insert(Due::Leaf(*leaf, Of::Tie(id.clone())));
                }
            }
        }
        Ok(due.into_iter().map(|(signer, leaves)| (signer, leaves.into_iter().collect())).collect())
    }

    fn open(&mut self, mut due: Queues<Due>, within_share: bool) -> Result<bool, S::Error> {
        let mut has_found = false;
        let leaf = |one: &Due| if let Due::Leaf(leaf, _) = one { Some(*leaf) } else { None };
        let mut leaves: Vec<LeafIndex> = due.values().flatten().filter_map(leaf).collect();
        leaves.sort_unstable();
        self.source.expect(leaves);
        while let Some((signer, one)) = self.next(&mut due, Good::Leaves, within_share) {
            has_found = true;
            let bytes = match one {
                Due::Leaf(leaf, Of::Id(id)) => self.open_of_id(leaf, &id)?,
                Due::Leaf(leaf, Of::Tie(id)) => self.open_of_tie(leaf, &id)?,
                Due::Start(id) => match self.start(&signer, &id)? {
                    Some(leaf) => self.open_of_id(leaf, &id)?,
                    None => continue,
                },
            };
            self.meter.opens(&signer, bytes);
        }
        Ok(has_found)
    }

    /// Finds where in a signer's entries the span begins, and gives the leaf there if it is not opened yet.
    fn start(&mut self, signer: &ParticipantId, id: &Id) -> Result<Option<LeafIndex>, S::Error> {
        let Some(role) = self.ids.get_mut(id) else { return Ok(None) };
        let (Some(Start::At(since)), Some(entries)) = (role.carries, role.by_signer.get(signer)) else {
            return Ok(None);
        };
        let start = self.source.start_of_span(entries, since)?;
        role.starts.insert(*signer, (since, start));
        let leaf = entries.get(start).map(|entry| entry.leaf);
        Ok(leaf.filter(|leaf| !role.opened.contains_key(leaf)))
    }

    fn open_of_id(&mut self, leaf: LeafIndex, id: &Id) -> Result<usize, S::Error> {
        let capture = self.source.capture(leaf, &Subject::id(id.as_str()))?;
        self.take_of_id(&capture, id);
        Ok(capture.bytes)
    }

    /// Takes the events of a capture that name an id, with what they lead to.
    pub(super) fn take_of_id(&mut self, capture: &Arc<Capture>, id: &Id) {
        self.take(capture, &|event| event.names(id));
        let said = capture.events().filter(|event| event.names(id)).map(|event| {
            let makes = links::brings_forth(event, id);
            Said {
                container: links::container(event, id).map(|container| (container.clone(), event.event_time)),
                inputs: links::inputs(event).filter(|_| makes).cloned().collect(),
                tie: event.transformation_id().filter(|_| makes).cloned(),
                destinations: event.destinations.iter().take(DESTINATIONS_MAX).map(|one| one.id.clone()).collect(),
                lets_go: Acts::of(event, id).intersects(Acts::LETS_GO),
            }
        });
        let opened = Opened {
            signer: capture.signer,
            said: said.collect(),
            lots: capture.events().flat_map(|event| master_data::lots(event, id)).collect(),
        };
        if let Some(role) = self.ids.get_mut(id) {
            role.opened.insert(capture.place.leaf, opened);
        }
    }

    fn open_of_tie(&mut self, leaf: LeafIndex, id: &Id) -> Result<usize, S::Error> {
        let capture = self.source.capture(leaf, &Subject::transformation(id.as_str()))?;
        self.take(&capture, &|event| event.transformation_id() == Some(id));
        if let Some(tie) = self.ties.get_mut(id) {
            tie.opened.insert(leaf);
            let of_tie = capture.events().filter(|event| event.transformation_id() == Some(id));
            tie.inputs.extend(of_tie.flat_map(links::inputs).map(|input| (capture.signer, input.clone())));
        }
        Ok(capture.bytes)
    }
}

/// The signers of the entries that have some of these acts, in the order of their first ones, each once.
pub(super) fn signers_of(entries: &[ListEntry], acts: Acts) -> impl Iterator<Item = ParticipantId> + use<> {
    let mut signers: Vec<ParticipantId> = Vec::new();
    for entry in entries.iter().filter(|entry| entry.acts.intersects(acts)) {
        if let Some(signer) = entry.signer.participant().filter(|signer| !signers.contains(signer)) {
            signers.push(signer);
        }
    }
    signers.into_iter()
}
