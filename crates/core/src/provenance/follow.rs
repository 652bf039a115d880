//! `follows`: which lists of the index an answer about an id rests on, and which leaves of each.
//!
//! The node that makes evidence and the verifier that checks it run the same steps, each over its own [`Source`]; a verdict
//! looks at nothing that was not found here. `docs/FORMATS.md` specifies it, since a change is a new version of the index.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use crate::consortium::{ParticipantId, Place, Registry};
use crate::epcis::Event;
use crate::gs1::{Id, Question};
use crate::hash::Hash;
use crate::index::{Subject, SubjectKind, names};
use crate::limits::{
    DESTINATIONS_MAX, EVENT_TIME_AHEAD_MS_MAX, FOLLOWED_BYTES_MAX, FOLLOWED_EVENTS_MAX, FOLLOWED_IDS_MAX,
    FOLLOWED_LOTS_MAX, FOLLOWED_PLACES_MAX, FOLLOWED_RECALLS_MAX, FOLLOWED_STATEMENTS_MAX,
};
use crate::merkle::LeafIndex;
use crate::provenance::history::{CapturedEvent, Record};
use crate::provenance::{links, master_data};
use crate::statement::StatementId;
use crate::time::Timestamp;

/// Where lists and statements come from.
pub trait Source {
    type Error;

    /// The consortium, with at least the participants that the lists lead to.
    fn registry(&self) -> &Registry;

    /// A subject's list, from the position that `wanted` begins at as far as it is known.
    fn list(&mut self, subject: &Subject, wanted: WantedList) -> Result<Known, Self::Error>;

    /// The capture at a leaf of a subject's list, with all of its events that stand under the subject.
    fn capture(&mut self, leaf: LeafIndex, subject: &Subject) -> Result<Arc<Capture>, Self::Error>;

    fn fault(&self, fault: FollowFault) -> Self::Error;
}

/// From where on a list is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WantedList {
    Whole,
    /// From the last leaf on whose block's time is more than a day before this ([`is_before_span`]); else whole.
    Since(Timestamp),
    /// The last leaves.
    Last(usize),
}

/// A contiguous part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// Leaves in the whole list.
    pub count: u64,
    /// The position of the first of `leaves`.
    pub first: u64,
    pub leaves: Vec<LeafIndex>,
}

/// A list from where it is wanted, as far as a source has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    pub list: List,
    /// It begins where it is wanted, and not later.
    pub reaches_back: bool,
}

/// A source that does not hold what the lists lead to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FollowFault {
    #[error("the list of {subject} goes on where it is no longer shown")]
    CutShort { subject: Subject },
    #[error("leaf {leaf}, in the list of {subject}, registers nobody")]
    NoRegistration { subject: Subject, leaf: LeafIndex },
}

/// A capture that was read, with its place and signer.
#[derive(Debug, Clone)]
pub struct Capture {
    pub place: Place,
    pub statement: StatementId,
    pub signer: ParticipantId,
    /// `x5t#S256` of the certificate that the statement names.
    pub certificate: Hash,
    pub signed_at: Timestamp,
    /// Length of the statement in compact form.
    pub bytes: usize,
    /// Events with their places in the document, from 0, ascending. Those that were not asked for may be left out.
    pub events: Vec<(u32, Event)>,
}

impl Capture {
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.events.iter().map(|(_, event)| event)
    }
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Trail {
    /// Each event that names what was followed once, in ledger order.
    pub records: Vec<Record>,
    /// What was taken of each list.
    pub shown: BTreeMap<Subject, List>,
    /// The leaves in lists of recalls that are proposals to lift one.
    pub proposed: BTreeSet<LeafIndex>,
    /// More is recorded than was followed.
    pub limit_reached: bool,
}

/// Tells whether a block is too early to hold an event of a span that begins at `since`.
pub fn is_before_span(block: Timestamp, since: Timestamp) -> bool {
    since.millis_since(block) > EVENT_TIME_AHEAD_MS_MAX
}

/// Follows everything that an answer about an id, with its label if it has one, rests on.
pub fn follow<S: Source>(asked: impl Into<Question>, source: &mut S) -> Result<Trail, S::Error> {
    let mut follower = Follower::new(asked.into(), source);
    follower.ids()?;
    follower.places()?;
    follower.recalls()?;
    follower.parties()?;
    Ok(follower.into_trail())
}

/// Where following an id begins. The beginning comes before any time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Start {
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

/// Why and from where an id is followed.
#[derive(Debug)]
struct Role {
    /// The id as the index names it.
    subject: Subject,
    /// As the id itself or a container of it.
    carries: Option<Start>,
    /// As the id itself or an input.
    is_used: bool,
    /// From where its list was taken.
    taken: Option<Start>,
}

impl Role {
    fn new(id: &Id) -> Self {
        Self { subject: Subject::id(id.as_str()), carries: None, is_used: false, taken: None }
    }

    fn start(&self) -> Start {
        if self.is_used { Start::Beginning } else { self.carries.unwrap_or(Start::Beginning) }
    }
}

/// What may still be taken.
struct Budget {
    statements: usize,
    bytes: usize,
    events: usize,
}

impl Budget {
    const fn new() -> Self {
        Self { statements: 0, bytes: 0, events: 0 }
    }

    const fn is_spent(&self) -> bool {
        self.statements >= FOLLOWED_STATEMENTS_MAX
            || self.bytes >= FOLLOWED_BYTES_MAX
            || self.events >= FOLLOWED_EVENTS_MAX
    }

    const fn spend(&mut self, cost: Cost) {
        self.statements += 1;
        self.bytes += cost.bytes;
        self.events += cost.events;
    }
}

/// What one statement takes of a budget.
struct Cost {
    bytes: usize,
    events: usize,
}

struct Follower<'a, S> {
    asked: Question,
    source: &'a mut S,
    budget: Budget,
    ids: BTreeMap<Id, Role>,
    transformations: BTreeMap<Id, bool>,
    /// What was taken of each list.
    captures: BTreeMap<Subject, BTreeMap<LeafIndex, Arc<Capture>>>,
    /// Events that name what is followed, in the order in which they were found, some of them repeatedly.
    found: Vec<CapturedEvent>,
    parties: BTreeSet<ParticipantId>,
    /// The proposals that stand in lists of recalls.
    proposals: BTreeSet<Subject>,
    trail: Trail,
}

impl<'a, S: Source> Follower<'a, S> {
    fn new(asked: Question, source: &'a mut S) -> Self {
        let itself = Role { carries: Some(Start::Beginning), is_used: true, ..Role::new(&asked.id) };
        Self {
            ids: BTreeMap::from([(asked.id.clone(), itself)]),
            asked,
            source,
            budget: Budget::new(),
            transformations: BTreeMap::new(),
            captures: BTreeMap::new(),
            found: Vec::new(),
            parties: BTreeSet::new(),
            proposals: BTreeSet::new(),
            trail: Trail::default(),
        }
    }

    /// The id, its containers and inputs, round by round until a round finds nothing: not even that an id that is taken
    /// already is a container too, or one from an earlier time, since its own containers hang on that.
    fn ids(&mut self) -> Result<(), S::Error> {
        let mut has_found = true;
        while has_found {
            let due = self.ids.iter().filter(|(_, role)| role.taken.is_none_or(|taken| role.start() < taken));
            let ids: Vec<(Id, Start)> = due.map(|(id, role)| (id.clone(), role.start())).collect();
            let due = self.transformations.iter_mut().filter(|(_, taken)| !**taken);
            let transformations: Vec<Id> = due
                .map(|(id, taken)| {
                    *taken = true;
                    id.clone()
                })
                .collect();
            for (id, start) in ids {
                self.take_id(&id, start)?;
            }
            for id in transformations {
                let ties = |event: &Event| event.transformation_id() == Some(&id);
                self.take_on(Subject::transformation(id.as_str()), WantedList::Whole, &ties)?;
            }
            has_found = self.find_links();
        }
        Ok(())
    }

    fn take_id(&mut self, id: &Id, start: Start) -> Result<(), S::Error> {
        let wanted = match start {
            Start::Beginning => WantedList::Whole,
            Start::At(time) => WantedList::Since(time),
        };
        let Some(role) = self.ids.get_mut(id) else { return Ok(()) };
        let subject = role.subject.clone();
        match role.taken.replace(start) {
            None => self.take_on(subject, wanted, &|event| event.names(id)),
            Some(_) => self.take_what_is_before(subject, wanted, &|event| event.names(id)),
        }
    }

    /// Takes a list in order.
    fn take_on(
        &mut self,
        subject: Subject,
        wanted: WantedList,
        names: &dyn Fn(&Event) -> bool,
    ) -> Result<(), S::Error> {
        let Known { list: List { count, first, leaves }, reaches_back } = self.source.list(&subject, wanted)?;
        if !reaches_back {
            return Err(cut_short(self.source, subject));
        }
        let mut taken = 0;
        while first + (taken as u64) < count && !self.budget.is_spent() {
            let Some(leaf) = leaves.get(taken) else { return Err(cut_short(self.source, subject)) };
            let spent = self.take(*leaf, &subject, names)?;
            self.budget.spend(spent);
            taken += 1;
        }
        self.trail.limit_reached |= first + (taken as u64) < count;
        self.show(subject, count, first, leaves, 0..taken);
        Ok(())
    }

    /// Takes, from the last back, what of a list comes before that which was taken.
    fn take_what_is_before(
        &mut self,
        subject: Subject,
        wanted: WantedList,
        names: &dyn Fn(&Event) -> bool,
    ) -> Result<(), S::Error> {
        let Some(shown) = self.trail.shown.get(&subject).filter(|shown| !shown.leaves.is_empty()).cloned() else {
            return Ok(());
        };
        let Known { list, reaches_back } = self.source.list(&subject, wanted)?;
        let missing = usize::try_from(shown.first.saturating_sub(list.first)).unwrap_or(usize::MAX);
        let Some(leaves) = list.leaves.get(..missing) else { return Err(cut_short(self.source, subject)) };
        let mut from = missing;
        while from > 0 && !self.budget.is_spent() {
            from -= 1;
            let spent = self.take(leaves[from], &subject, names)?;
            self.budget.spend(spent);
        }
        if !reaches_back && !self.budget.is_spent() {
            return Err(cut_short(self.source, subject));
        }
        self.trail.limit_reached |= from > 0 || !reaches_back;
        let all = [leaves, &shown.leaves].concat();
        let taken = from..all.len();
        self.show(subject, list.count, list.first, all, taken);
        Ok(())
    }

    /// Reads the capture at a leaf, finds the events in it that name what is followed, and says what that costs.
    fn take(&mut self, leaf: LeafIndex, subject: &Subject, names: &dyn Fn(&Event) -> bool) -> Result<Cost, S::Error> {
        let capture = self.source.capture(leaf, subject)?;
        let before = self.found.len();
        let named = capture.events.iter().enumerate().filter(|(_, (_, event))| names(event));
        self.found.extend(named.filter_map(|(index, _)| CapturedEvent::new(Arc::clone(&capture), index)));
        if !self.parties.contains(&capture.signer) {
            self.parties.insert(capture.signer.clone());
        }
        let cost = Cost { bytes: capture.bytes, events: self.found.len() - before };
        match self.captures.get_mut(subject) {
            Some(captures) => captures.insert(leaf, capture),
            None => self.captures.entry(subject.clone()).or_default().insert(leaf, capture),
        };
        Ok(cost)
    }

    fn show(&mut self, subject: Subject, count: u64, first: u64, mut leaves: Vec<LeafIndex>, taken: Range<usize>) {
        let first = if taken.is_empty() { 0 } else { first + taken.start as u64 };
        leaves.truncate(taken.end);
        leaves.drain(..taken.start.min(leaves.len()));
        self.trail.shown.insert(subject, List { count, first, leaves });
    }

    /// The taken captures of a list.
    fn captures_of(&self, subject: &Subject) -> impl Iterator<Item = &Arc<Capture>> {
        self.captures.get(subject).into_iter().flat_map(BTreeMap::values)
    }

    /// Finds the further ids that what was taken leads to, and says whether there is anything new about any.
    fn find_links(&mut self) -> bool {
        let (mut containers, mut inputs, mut tied) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        for (id, role) in &self.ids {
            for capture in self.captures_of(&role.subject) {
                for event in capture.events() {
                    if let (Some(start), Some(container)) = (role.carries, links::container(event, id)) {
                        containers.push((container.clone(), start.no_earlier_than(event.event_time)));
                    }
                    if role.is_used && links::brings_forth(event, id) {
                        inputs.extend(links::inputs(event).cloned());
                        tied.extend(event.transformation_id().map(|tie| (tie.clone(), capture.signer.clone())));
                    }
                }
            }
        }
        for (tie, signer) in &tied {
            for capture in self.captures_of(&Subject::transformation(tie.as_str())) {
                let of_tie = capture.events().filter(|event| event.transformation_id() == Some(tie));
                if capture.signer == *signer {
                    inputs.extend(of_tie.flat_map(links::inputs).cloned());
                }
            }
        }
        let new: BTreeSet<&Id> = containers.iter().map(|(id, _)| id).chain(&inputs).collect();
        let new: Vec<Id> = new.into_iter().filter(|id| !self.ids.contains_key(*id)).cloned().collect();
        let room = (FOLLOWED_IDS_MAX + 1).saturating_sub(self.ids.len());
        self.trail.limit_reached |= new.len() > room;
        let mut has_found = false;
        self.ids.extend(new.into_iter().take(room).map(|id| {
            let role = Role::new(&id);
            (id, role)
        }));
        for (container, start) in containers {
            if let Some(role) = self.ids.get_mut(&container)
                && role.carries.is_none_or(|earlier| start < earlier)
            {
                role.carries = Some(start);
                has_found = true;
            }
        }
        for input in inputs {
            if let Some(role) = self.ids.get_mut(&input) {
                has_found |= !role.is_used;
                role.is_used = true;
            }
        }
        for (tie, _) in tied {
            self.transformations.entry(tie).or_insert_with(|| {
                has_found = true;
                false
            });
        }
        has_found
    }

    /// Whose the destinations are.
    fn places(&mut self) -> Result<(), S::Error> {
        let mut places: BTreeSet<Id> = BTreeSet::new();
        for (id, role) in self.ids.iter().filter(|(_, role)| role.carries.is_some()) {
            for capture in self.captures_of(&role.subject) {
                let events = capture.events().filter(|event| event.names(id));
                let destinations = events.flat_map(|event| event.destinations.iter().take(DESTINATIONS_MAX));
                places.extend(destinations.map(|destination| destination.id.clone()));
            }
        }
        self.trail.limit_reached |= places.len() > FOLLOWED_PLACES_MAX;
        for place in places.iter().take(FOLLOWED_PLACES_MAX) {
            let held = match place.gln() {
                Some(gln) => !self.take_prefix(Subject::prefix(gln))?.is_empty(),
                None => false,
            };
            if !held {
                self.holders(place)?;
            }
        }
        Ok(())
    }

    /// The participants that ever held a prefix that covers the id.
    fn holders(&mut self, id: &Id) -> Result<BTreeSet<ParticipantId>, S::Error> {
        let mut holders = BTreeSet::new();
        for subject in names::prefixes_of(id) {
            holders.extend(self.take_prefix(subject)?);
        }
        let registry = self.source.registry();
        holders.retain(|holder| registry.participant(holder).is_some_and(|one| one.claims.cover(id)));
        Ok(holders)
    }

    /// The participants that a registration names with this prefix.
    fn take_prefix(&mut self, subject: Subject) -> Result<Vec<ParticipantId>, S::Error> {
        let list = take_whole(self.source, &mut self.trail.shown, subject.clone())?;
        let mut registered = Vec::with_capacity(list.leaves.len());
        for leaf in list.leaves.iter().copied() {
            match self.source.registry().registered_at(leaf) {
                Some(participant) => registered.push(participant.id.clone()),
                None => return Err(self.source.fault(FollowFault::NoRegistration { subject, leaf })),
            }
        }
        self.parties.extend(registered.iter().cloned());
        Ok(registered)
    }

    /// Recalls of the id and its inputs, and of their lots and classes: the holders' own first.
    fn recalls(&mut self) -> Result<(), S::Error> {
        let used: Vec<Id> = self.ids.iter().filter(|(_, role)| role.is_used).map(|(id, _)| id.clone()).collect();
        let (mut by_holders, mut by_any) = (BTreeSet::new(), BTreeSet::new());
        for id in used {
            let holders = self.holders(&id)?;
            for recalled in [Some(id.clone()), id.class()].into_iter().flatten().chain(self.lots(&id)) {
                let subjects = holders.iter().map(|holder| Subject::recall_by(holder.as_str(), recalled.as_str()));
                by_holders.extend(subjects.map(|subject| (subject, recalled.clone())));
                by_any.insert((Subject::recall(recalled.as_str()), recalled));
            }
        }
        let mut budget = Budget::new();
        for (subject, id) in by_holders.into_iter().chain(by_any) {
            self.take_last(subject, &id, &mut budget)?;
        }
        Ok(())
    }

    /// The lots of which it is said that the id is of them, and the label's.
    fn lots(&self, id: &Id) -> Vec<Id> {
        let captures = self.ids.get(id).into_iter().flat_map(|role| self.captures_of(&role.subject));
        let lots: BTreeSet<Id> =
            captures.flat_map(|capture| capture.events().flat_map(|event| master_data::lots(event, id))).collect();
        let of_label = self.asked.lot().filter(|_| *id == self.asked.id);
        lots.into_iter().take(FOLLOWED_LOTS_MAX).chain(of_label).collect()
    }

    /// Takes the end of a list of recalls, from the last back.
    fn take_last(&mut self, subject: Subject, id: &Id, budget: &mut Budget) -> Result<(), S::Error> {
        let Known { list, reaches_back } = self.source.list(&subject, WantedList::Last(FOLLOWED_RECALLS_MAX))?;
        let List { count, first, leaves } = list;
        if !leaves.is_empty() && first + leaves.len() as u64 != count {
            return Err(cut_short(self.source, subject));
        }
        let speaks = |event: &Event| event.names(id) && (event.declares("recalled") || event.takes_back("recalled"));
        let mut from = leaves.len();
        while from > 0 && !budget.is_spent() {
            from -= 1;
            let leaf = leaves[from];
            // The members may have decided to lift a recall: then a proposal stands in its list.
            if let Some(proposal) = self.source.registry().proposed_at(leaf) {
                self.proposals.insert(Subject::proposal(&proposal.id));
                self.trail.proposed.insert(leaf);
                budget.spend(Cost { bytes: 0, events: 0 });
            } else {
                budget.spend(self.take(leaf, &subject, &speaks)?);
            }
        }
        if !reaches_back && !budget.is_spent() {
            return Err(cut_short(self.source, subject));
        }
        self.trail.limit_reached |= from > 0 || !reaches_back;
        let taken = from..leaves.len();
        self.show(subject, count, first, leaves, taken);
        Ok(())
    }

    /// Everything about those that spoke and those that hold, and how each proposal about one of them or a recall came out.
    fn parties(&mut self) -> Result<(), S::Error> {
        let mut proposals = std::mem::take(&mut self.proposals);
        for party in std::mem::take(&mut self.parties) {
            let list = take_whole(self.source, &mut self.trail.shown, Subject::party(party.as_str()))?;
            let registry = self.source.registry();
            let proposed = list.leaves.iter().filter_map(|leaf| registry.proposed_at(*leaf));
            let deciding = proposed.filter(|one| one.content.decides_about(&party));
            proposals.extend(deciding.map(|one| Subject::proposal(&one.id)));
        }
        proposals.into_iter().try_for_each(|proposal| self.take_end(proposal))
    }

    /// Takes the last leaf of a proposal's list. If the proposal was enacted, it was by the statement there, since nothing is said
    /// to it after that; so the seal of that block tells whether it was.
    fn take_end(&mut self, proposal: Subject) -> Result<(), S::Error> {
        let Known { list, .. } = self.source.list(&proposal, WantedList::Last(1))?;
        if list.leaves.len() != 1 || list.first.checked_add(1) != Some(list.count) {
            return Err(cut_short(self.source, proposal));
        }
        self.trail.shown.insert(proposal, list);
        Ok(())
    }

    fn into_trail(self) -> Trail {
        let Self { mut found, mut trail, .. } = self;
        found.sort_unstable_by_key(CapturedEvent::place);
        found.dedup_by_key(|event| event.place());
        let records = found.into_iter().map(|event| {
            let (capture, (_, position)) = (event.capture(), event.place());
            Record {
                place: capture.place,
                position,
                signer: capture.signer.clone(),
                certificate: capture.certificate,
                signed_at: capture.signed_at,
                event,
            }
        });
        trail.records = records.collect();
        trail
    }
}

/// Takes the whole of a list unless it is shown already.
fn take_whole<'s, S: Source>(
    source: &mut S,
    shown: &'s mut BTreeMap<Subject, List>,
    subject: Subject,
) -> Result<&'s List, S::Error> {
    match shown.entry(subject) {
        Entry::Occupied(list) => Ok(list.into_mut()),
        Entry::Vacant(place) => {
            let Known { list, .. } = source.list(place.key(), WantedList::Whole)?;
            if list.leaves.len() as u64 != list.count {
                return Err(cut_short(source, place.into_key()));
            }
            Ok(place.insert(list))
        }
    }
}

fn cut_short<S: Source>(source: &S, subject: Subject) -> S::Error {
    source.fault(FollowFault::CutShort { subject })
}

impl Trail {
    /// The leaves of the captures among what is shown, and of the admin statements.
    pub fn leaves(&self) -> (BTreeSet<LeafIndex>, BTreeSet<LeafIndex>) {
        let (mut captures, mut admin) = (BTreeSet::new(), BTreeSet::new());
        for (subject, list) in self.shown.iter().filter(|(subject, _)| !is_of_proposal(subject.kind())) {
            for leaf in list.leaves.iter().copied() {
                let is_capture = holds_captures(subject.kind()) && !self.proposed.contains(&leaf);
                if is_capture {
                    captures.insert(leaf)
                } else {
                    admin.insert(leaf)
                };
            }
        }
        (captures, admin)
    }

    /// The last leaves about proposals. Their statements are not needed, but the seals of their blocks.
    pub fn ends(&self) -> BTreeSet<LeafIndex> {
        let proposals = self.shown.iter().filter(|(subject, _)| is_of_proposal(subject.kind()));
        proposals.flat_map(|(_, list)| list.leaves.iter().copied()).collect()
    }
}

/// Tells whether the lists of a kind are about proposals. Of such a list the last leaf is shown, and not what stands there.
pub const fn is_of_proposal(kind: SubjectKind) -> bool {
    matches!(kind, SubjectKind::Proposal)
}

/// Tells whether the lists of a kind lead to captures, those of recalls to proposals to lift one too; the others lead to admin
/// statements.
pub const fn holds_captures(kind: SubjectKind) -> bool {
    matches!(kind, SubjectKind::Id | SubjectKind::Transformation | SubjectKind::Recall)
}
