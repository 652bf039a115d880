//! `follows`: which lists of the index an answer about an id rests on, and which leaves in them are opened.
//!
//! Leaves are opened by who signed them, never by what they are worth: those of the parties to the product's journey whole, in
//! rounds, until a round finds nothing (`rounds`); and a few of the others' (`others`). An entry of theirs that is not opened counts
//! by its signer and its acts, which the index proves.
//!
//! The node that makes evidence and the verifier that checks it run the same steps, each over its own [`Source`]; a verdict
//! looks at nothing that was not found here. `docs/FORMATS.md` specifies it, since a change is a new version of the index.

mod limits;
mod others;
mod recalls;
mod rounds;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::consortium::{ChangeProposal, ParticipantId, Place, ProposedChange, Registry};
use crate::epcis::Event;
use crate::gs1::{Id, Question};
use crate::hash::Hash;
use crate::index::{ListEntry, Subject, SubjectKind, names};
use crate::limits::EVENT_TIME_AHEAD_MS_MAX;
use crate::merkle::LeafIndex;
use crate::provenance::history::{CapturedEvent, Record, Unopened};
use crate::statement::StatementId;
use crate::time::Timestamp;

pub use limits::FollowLimits;

use limits::Meter;
use rounds::Role;

/// Where lists and statements come from.
pub trait Source {
    type Error;

    /// The consortium, with at least the participants that the lists lead to.
    fn registry(&self) -> &Registry;

    /// A subject's list, from the position that `wanted` begins at as far as it is known.
    fn list(&mut self, subject: &Subject, wanted: WantedList) -> Result<List, Self::Error>;

    /// Of entries of one list, the number of the last one whose block is too early for a span ([`is_before_span`]); 0 if none is.
    fn start_of_span(&mut self, entries: &[ListEntry], since: Timestamp) -> Result<usize, Self::Error>;

    /// Says which leaves will be asked for next.
    fn expect(&mut self, _leaves: Vec<LeafIndex>) {}

    /// The capture at a leaf of a subject's list, with all of its events that stand under the subject.
    fn capture(&mut self, leaf: LeafIndex, subject: &Subject) -> Result<Arc<Capture>, Self::Error>;

    /// The same, if its statement has no more than these bytes. A verifier has those only that it was shown, and cannot tell why it
    /// was not shown another.
    fn capture_within(
        &mut self,
        leaf: LeafIndex,
        subject: &Subject,
        bytes: usize,
    ) -> Result<Option<Arc<Capture>>, Self::Error> {
        let capture = self.capture(leaf, subject)?;
        Ok((capture.bytes <= bytes).then_some(capture))
    }

    fn fault(&self, fault: FollowFault) -> Self::Error;
}

/// From where on a list is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WantedList {
    Whole,
    /// Whole, if it has no more entries than `whole`, else the `last` ones.
    Long {
        whole: usize,
        last: usize,
    },
    /// The last entries.
    Last(usize),
}

impl WantedList {
    /// The first position that is wanted of a list with so many entries.
    pub const fn first(self, count: u64) -> u64 {
        match self {
            Self::Whole => 0,
            Self::Long { whole, .. } if count <= whole as u64 => 0,
            Self::Long { last, .. } | Self::Last(last) => count.saturating_sub(last as u64),
        }
    }
}

/// A contiguous part of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct List {
    /// Entries in the whole list.
    pub count: u64,
    /// The position of the first of `entries`.
    pub first: u64,
    pub entries: Vec<ListEntry>,
}

impl List {
    pub fn leaves(&self) -> impl Iterator<Item = LeafIndex> + '_ {
        self.entries.iter().map(|entry| entry.leaf)
    }
}

/// A source that does not hold what the lists lead to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FollowFault {
    #[error("the list of {subject} goes on where it is no longer shown")]
    CutShort { subject: Subject },
    #[error("leaf {leaf}, in the list of {subject}, registers nobody")]
    NoRegistration { subject: Subject, leaf: LeafIndex },
    #[error("leaf {leaf}, which a member signed in the list of {subject}, proposes nothing")]
    NoProposal { subject: Subject, leaf: LeafIndex },
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
    /// The leaves whose captures were read.
    pub opened: BTreeSet<LeafIndex>,
    /// Entries of the id's own list that were not opened, by signers that are no parties, and say to have had it.
    pub unopened: Vec<Unopened>,
    /// The participants about whom everything is shown.
    pub known: BTreeSet<ParticipantId>,
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
    follow_within(asked, source, FollowLimits::OF_FORMAT)
}

/// The same with other limits than those of the format.
pub fn follow_within<S: Source>(
    asked: impl Into<Question>,
    source: &mut S,
    limits: FollowLimits,
) -> Result<Trail, S::Error> {
    let mut follower = Follower::new(asked.into(), source, limits);
    follower.journey()?;
    follower.others()?;
    follower.decided()?;
    follower.recalls()?;
    follower.known()?;
    Ok(follower.into_trail())
}

struct Follower<'a, S> {
    asked: Question,
    source: &'a mut S,
    limits: FollowLimits,
    meter: Meter,
    ids: BTreeMap<Id, Role>,
    /// The transformations that tell of one making, each with the signers whose events count, and the inputs by these signers.
    ties: BTreeMap<Id, rounds::Tie>,
    /// Whose leaves are opened whole.
    parties: BTreeSet<ParticipantId>,
    /// Who ever held a prefix that covers an id that was looked up.
    held: BTreeMap<Id, BTreeSet<ParticipantId>>,
    /// Whose the destinations are that were looked up.
    owners: BTreeMap<Id, BTreeSet<ParticipantId>>,
    /// Events that name what is followed, in the order in which they were found, some of them repeatedly.
    found: Vec<CapturedEvent>,
    /// Those about whom everything is to be shown.
    known: BTreeSet<ParticipantId>,
    /// The proposals that verdicts read: those in lists of recalls, and those of authorities and policies.
    proposals: BTreeSet<Subject>,
    /// All whom a proposal would make, or has made, an authority.
    authorities: BTreeSet<ParticipantId>,
    trail: Trail,
}

impl<'a, S: Source> Follower<'a, S> {
    fn new(asked: Question, source: &'a mut S, limits: FollowLimits) -> Self {
        Self {
            asked,
            source,
            limits,
            meter: Meter::new(limits),
            ids: BTreeMap::new(),
            ties: BTreeMap::new(),
            parties: BTreeSet::new(),
            held: BTreeMap::new(),
            owners: BTreeMap::new(),
            found: Vec::new(),
            known: BTreeSet::new(),
            proposals: BTreeSet::new(),
            authorities: BTreeSet::new(),
            trail: Trail::default(),
        }
    }

    /// Takes what is wanted of a list, unless it was taken already.
    fn take_list(&mut self, subject: &Subject, wanted: WantedList) -> Result<&List, S::Error> {
        match self.trail.shown.entry(subject.clone()) {
            Entry::Occupied(list) => Ok(list.into_mut()),
            Entry::Vacant(place) => {
                let list = self.source.list(subject, wanted)?;
                let end = list.first.checked_add(list.entries.len() as u64);
                if list.first != wanted.first(list.count) || end != Some(list.count) {
                    return Err(self.source.fault(FollowFault::CutShort { subject: subject.clone() }));
                }
                Ok(place.insert(list))
            }
        }
    }

    /// Takes a list that may be long, and says how its entries are.
    fn take_long(&mut self, subject: &Subject) -> Result<Vec<ListEntry>, S::Error> {
        let FollowLimits { list: whole, list_end: last, .. } = self.limits;
        let list = self.take_list(subject, WantedList::Long { whole, last })?;
        let (entries, is_cut) = (list.entries.clone(), list.first > 0);
        self.trail.limit_reached |= is_cut;
        Ok(entries)
    }

    /// Takes the events of a capture that name what is followed.
    fn take(&mut self, capture: &Arc<Capture>, names: &dyn Fn(&Event) -> bool) {
        let named = capture.events.iter().enumerate().filter(|(_, (_, event))| names(event));
        self.found.extend(named.filter_map(|(index, _)| CapturedEvent::new(Arc::clone(capture), index)));
        self.known.insert(capture.signer);
        self.trail.opened.insert(capture.place.leaf);
    }

    /// The participants that ever held a prefix that covers the id.
    fn holders(&mut self, id: &Id) -> Result<BTreeSet<ParticipantId>, S::Error> {
        if let Some(holders) = self.held.get(id) {
            return Ok(holders.clone());
        }
        let mut holders = BTreeSet::new();
        for subject in names::prefixes_of(id) {
            holders.extend(self.take_prefix(subject)?);
        }
        let registry = self.source.registry();
        holders.retain(|holder| registry.participant(holder).is_some_and(|one| one.claims.cover(id)));
        self.held.insert(id.clone(), holders.clone());
        Ok(holders)
    }

    /// The participants that a registration names with this prefix.
    fn take_prefix(&mut self, subject: Subject) -> Result<Vec<ParticipantId>, S::Error> {
        let leaves: Vec<LeafIndex> = self.take_list(&subject, WantedList::Whole)?.leaves().collect();
        let mut registered = Vec::with_capacity(leaves.len());
        for leaf in leaves {
            match self.source.registry().registered_at(leaf) {
                Some(participant) => registered.push(participant.id),
                None => return Err(self.source.fault(FollowFault::NoRegistration { subject, leaf })),
            }
        }
        self.known.extend(registered.iter().cloned());
        Ok(registered)
    }

    /// What members proposed of that which each verdict reads: policies, and who is an authority.
    fn decided(&mut self) -> Result<(), S::Error> {
        let subject = Subject::policies_of_verdict();
        for ListEntry { leaf, .. } in self.take_long(&subject)? {
            let proposal = self.take_proposal(&subject, leaf)?;
            let granted = proposal.changes.iter().filter_map(|change| match change {
                ProposedChange::Authority(grant) => Some(grant.registration),
                _ => None,
            });
            self.authorities.extend(granted);
        }
        Ok(())
    }

    /// Takes a proposal that verdicts read, from a list that holds it.
    fn take_proposal(&mut self, subject: &Subject, leaf: LeafIndex) -> Result<Arc<ChangeProposal>, S::Error> {
        let Some(proposed) = self.source.registry().proposed_at(leaf) else {
            return Err(self.source.fault(FollowFault::NoProposal { subject: subject.clone(), leaf }));
        };
        let (end, content) = (Subject::proposal(&proposed.id), Arc::clone(&proposed.content));
        self.proposals.insert(end);
        Ok(content)
    }

    /// Everything about those that spoke, those that say to have had it and those that hold, and how each proposal about one of them
    /// or a recall came out.
    fn known(&mut self) -> Result<(), S::Error> {
        let mut proposals = std::mem::take(&mut self.proposals);
        self.known.extend(self.parties.iter().cloned());
        let known = std::mem::take(&mut self.known);
        for party in &known {
            let list = self.take_list(&Subject::party(*party), WantedList::Whole)?;
            let leaves: Vec<LeafIndex> = list.leaves().collect();
            let registry = self.source.registry();
            let proposed = leaves.iter().filter_map(|leaf| registry.proposed_at(*leaf));
            let deciding = proposed.filter(|one| one.content.decides_about(party));
            proposals.extend(deciding.map(|one| Subject::proposal(&one.id)));
        }
        self.trail.known = known;
        proposals.into_iter().try_for_each(|proposal| self.take_end(proposal))
    }

    /// Takes the last leaf of a proposal's list. If the proposal was enacted, it was by the statement there, since nothing is said
    /// to it after that; so the seal of that block tells whether it was.
    fn take_end(&mut self, proposal: Subject) -> Result<(), S::Error> {
        let list = self.take_list(&proposal, WantedList::Last(1))?;
        if list.entries.is_empty() {
            return Err(self.source.fault(FollowFault::CutShort { subject: proposal }));
        }
        Ok(())
    }

    fn into_trail(self) -> Trail {
        let Self { mut found, mut trail, limits, .. } = self;
        found.sort_unstable_by_key(CapturedEvent::place);
        found.dedup_by_key(|event| event.place());
        // Of too many events each signer keeps its first ones.
        let mut counts: BTreeMap<ParticipantId, usize> = BTreeMap::new();
        for event in &found {
            *counts.entry(event.capture().signer).or_default() += 1;
        }
        let most = limits::level(limits.events, &counts.values().copied().collect::<Vec<usize>>());
        trail.limit_reached |= counts.values().any(|count| *count > most);
        let mut kept: BTreeMap<ParticipantId, usize> = BTreeMap::new();
        found.retain(|event| {
            let kept = kept.entry(event.capture().signer).or_default();
            *kept += 1;
            *kept <= most
        });
        let records = found.into_iter().map(|event| {
            let (capture, (_, position)) = (event.capture(), event.place());
            Record {
                place: capture.place,
                position,
                signer: capture.signer,
                certificate: capture.certificate,
                signed_at: capture.signed_at,
                event,
            }
        });
        trail.records = records.collect();
        trail
    }
}

impl Trail {
    /// The leaves of the captures that were opened, and of the admin statements.
    pub fn leaves(&self) -> (BTreeSet<LeafIndex>, BTreeSet<LeafIndex>) {
        let admin = |kind| !holds_captures(kind) && !is_of_proposal(kind);
        let lists = self.shown.iter().filter(|(subject, _)| admin(subject.kind()));
        let admins = lists.flat_map(|(_, list)| list.leaves()).chain(self.proposed.iter().copied());
        (self.opened.clone(), admins.collect())
    }

    /// The last leaves about proposals. Their statements are not needed, but the seals of their blocks.
    pub fn ends(&self) -> BTreeSet<LeafIndex> {
        let proposals = self.shown.iter().filter(|(subject, _)| is_of_proposal(subject.kind()));
        proposals.flat_map(|(_, list)| list.leaves()).collect()
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
