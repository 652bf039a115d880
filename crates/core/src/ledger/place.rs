//! What must hold of a statement at its place. One function a rule. The page of `ledger` lists them, with the rules that are
//! elsewhere: those for decisions are in `consortium::Registry::check`, those for a block and its seal in `validate`.

use std::collections::HashMap;

use crate::block::{Height, Origin};
use crate::consortium::rights::{self, RightsError};
use crate::consortium::{
    Admin, AdminError, CertificateReader, Certified, ChangeRefusal, Contradiction, Decision, EventFact, EventKey,
    LeafRange, Organization, Participant, ParticipantId, Place, ProposalRefusal, ProposedChange, Readiness, Refusal,
    Registry, Role, SignerRefusal, check_record,
};
use crate::content::{Content, ContentError};
use crate::epcis::{Event, Faults};
use crate::gs1::Id;
use crate::hash::Hash;
use crate::index::{SignerTag, Subject};
use crate::ledger::candidate::{Candidate, CandidateKind};
use crate::ledger::known::{Knowledge, Prefetched};
use crate::ledger::quota::{QuotaRefusal, QuotaState};
use crate::ledger::rules::{Rules, UnknownRules};
use crate::ledger::state::State;
use crate::ledger::usage::{UsageAdded, UseTally};
use crate::limits::{IAT_AGE_SECONDS_MAX, IAT_AHEAD_SECONDS_MAX, READY_MINUTES_MAX};
use crate::merkle::LeafIndex;
use crate::statement::{SignatureVerifier, StatementError, StatementId, SubmittedStatement, VerifiedStatement};
use crate::time::Timestamp;

/// A rule by which a statement may not stand at a place.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PlaceRefusal {
    #[error(transparent)]
    Statement(#[from] StatementError),
    #[error(transparent)]
    Signer(#[from] SignerRefusal),
    #[error(transparent)]
    Epcis(#[from] Faults),
    #[error(transparent)]
    Payload(#[from] AdminError),
    #[error("event {position} ({event_id}) breaks rule {}: {error}{}", error.rule(), held_by(holder.as_deref()))]
    Rights { position: u32, event_id: String, error: RightsError, holder: Option<Box<(ParticipantId, Organization)>> },
    #[error(
        "event {}: the same participant has recorded {} with other content{}; to correct that, repeat its content with an \
         errorDeclaration; another event needs an eventID of its own",
        .0.position, .0.event_id, .0.first.map(|leaf| format!(", in leaf {leaf}")).unwrap_or_default()
    )]
    Conflict(Contradiction),
    #[error(
        "the same participant has recorded {} already, the first of it in leaf {first}: nothing was written. An event counts \
         once, whatever document brings it",
        if *events == 1 { "this event".to_owned() } else { format!("each of these {events} events") }
    )]
    Repeats { events: usize, first: LeafIndex },
    #[error("iat is {iat}, more than {IAT_AHEAD_SECONDS_MAX} seconds ahead of the time of its block ({block_time})")]
    IssuedAhead { iat: Timestamp, block_time: Timestamp },
    #[error(
        "iat is {iat}, more than 7 days before the time of its block ({block_time}): sign the same payload again with \
         the present time"
    )]
    IssuedLongAgo { iat: Timestamp, block_time: Timestamp },
    #[error(
        "event {position}: eventTime {event_time} is more than {} ahead of the time of its block ({block_time})",
        rules.event_time_ahead()
    )]
    EventAhead { position: u32, event_time: Timestamp, block_time: Timestamp, rules: Rules },
    #[error(transparent)]
    Admin(#[from] Refusal),
    #[error("its certificate: {0}")]
    Certificate(String),
    #[error("its payload is of another kind than its typ")]
    Type,
    #[error("it stands before the genesis statement")]
    BeforeGenesis,
    #[error(transparent)]
    Quota(#[from] Box<QuotaRefusal>),
    #[error(
        "participant {participant} is registered as an authority, and the members have not made it one before this leaf: they do \
         by a proposal with the change authority"
    )]
    NotAnAuthority { participant: ParticipantId },
    #[error(transparent)]
    Rules(#[from] UnknownRules),
}

impl From<ContentError> for PlaceRefusal {
    fn from(error: ContentError) -> Self {
        match error {
            ContentError::Epcis(faults) => Self::Epcis(faults),
            ContentError::Admin(error) => Self::Payload(error),
        }
    }
}

/// The place that a statement may get, in a block of this height and by these rules.
#[derive(Debug, Clone, Copy)]
pub(super) struct NextPlace {
    pub place: Place,
    pub height: Height,
    pub rules: Rules,
}

/// Runs the rules that depend on the place, on a statement of which the others hold. Returns the leaf in which it stands
/// already, if it does.
///
/// `block` has what stands before it in its own block. There is no registry before genesis.
pub(super) fn check_all(
    candidate: &Candidate,
    registry: Option<&Registry>,
    final_ones: &dyn Knowledge,
    block: &Prefetched,
    at: NextPlace,
    verifier: &dyn SignatureVerifier,
) -> Result<Option<LeafIndex>, PlaceRefusal> {
    if let Some(leaf) = first_place(&candidate.id(), final_ones, block) {
        return Ok(Some(leaf));
    }
    let NextPlace { place, height, rules } = at;
    let header = candidate.statement().header();
    check_issued(header.iat(), place.time)?;
    match (&candidate.kind, registry) {
        (CandidateKind::Capture { events, .. }, Some(registry)) => {
            let (participant, _) = check_signer(registry, header.signer().hash(), place)?;
            check_authority(registry, participant, place)?;
            check_event_times(events, place.time, rules)?;
            check_identity(events, final_ones, block)?;
        }
        (CandidateKind::Admin { admin, .. }, Some(registry)) => {
            let (id, kid) = (candidate.id(), *header.signer().hash());
            registry.check(&Decision { id, admin, kid, place, height }, verifier)?;
            check_ready(admin, final_ones, place)?;
            check_subjects_of_changes(admin, final_ones, block)?;
        }
        (CandidateKind::Admin { admin, .. }, None) if matches!(**admin, Admin::Genesis(_)) => {}
        (_, None) => return Err(PlaceRefusal::BeforeGenesis),
    }
    Ok(None)
}

/// Tells whether a statement may stand next on top of the final blocks, without making a block. Returns the leaf in which it
/// stands already, if it does.
///
/// `known` has what the final blocks hold of the statement and its events, and the block that it names. While another block is
/// staged on the state, quotas are not looked at: the index has its statements, and it may never be final.
///
/// # Errors
///
/// The rule that refuses it there; `Rules` if this program does not know those of the next block; `BeforeGenesis`.
pub fn check_next(
    candidate: &Candidate,
    state: &State,
    known: &dyn Knowledge,
    place: Place,
    verifier: &dyn SignatureVerifier,
) -> Result<Option<LeafIndex>, PlaceRefusal> {
    let registry = state.registry().ok_or(PlaceRefusal::BeforeGenesis)?;
    let rules = Rules::of(registry.rules_at(place.time))?;
    let (block, height) = (Prefetched::default(), state.next_height());
    let first = check_all(candidate, Some(registry), known, &block, NextPlace { place, height, rules }, verifier)?;
    if first.is_none() && !state.index.is_open() {
        let (usage, added) = (&state.usage, &UsageAdded::default());
        let quotas = QuotaState { index: &state.index, usage, added, final_ones: known, block: &block };
        check_quotas(candidate, Some(registry), quotas, place)?;
    }
    Ok(first)
}

/// Quotas: a capture keeps its signer and the ledger within the limits in force. Returns what it uses.
pub(super) fn check_quotas(
    candidate: &Candidate,
    registry: Option<&Registry>,
    state: QuotaState<'_>,
    at: Place,
) -> Result<UseTally, PlaceRefusal> {
    let (CandidateKind::Capture { record, .. }, Some(registry)) = (&candidate.kind, registry) else {
        return Ok(UseTally::default());
    };
    let (participant, _) = check_signer(registry, candidate.statement().header().signer().hash(), at)?;
    let limits = registry.policies().quotas(&participant.id, participant.has_role(Role::Authority));
    Ok(state.check(record, participant, &limits, at.time).map_err(Box::new)?)
}

/// Authorities: who is registered as one records something once the members have made it one, on an earlier leaf.
fn check_authority(registry: &Registry, participant: &Participant, at: Place) -> Result<(), PlaceRefusal> {
    if participant.has_role(Role::Authority) && !registry.is_authority_at(&participant.id, at.leaf) {
        return Err(PlaceRefusal::NotAnAuthority { participant: participant.id });
    }
    Ok(())
}

/// A ready node has this ledger: the block that it names is final, has the root that it says, and is not old, by the time of
/// the block at hand.
fn check_ready(admin: &Admin, final_ones: &dyn Knowledge, at: Place) -> Result<(), Refusal> {
    let Admin::Ready(Readiness { height, root, .. }) = admin else { return Ok(()) };
    let is_recent = |time: Timestamp| at.time.millis_since(time) <= READY_MINUTES_MAX * 60_000;
    match final_ones.block(*height).filter(|block| is_recent(block.time)) {
        None => Err(ProposalRefusal::ReadyHeight { height: *height }.into()),
        Some(block) if block.root != *root => Err(ProposalRefusal::ReadyRoot { height: *height }.into()),
        Some(_) => Ok(()),
    }
}

/// A dismissal is of captures of its participant, and a recall that is lifted was one of each id, as far as the ledger tells without
/// judging: each range has a capture of that participant, and the recall's leaf stands in the list of recalls of each id.
fn check_subjects_of_changes(admin: &Admin, final_ones: &dyn Knowledge, block: &Prefetched) -> Result<(), Refusal> {
    let Admin::Proposal(proposal) = admin else { return Ok(()) };
    for (at, change) in proposal.changes.iter().enumerate() {
        let error = match change {
            ProposedChange::Dismiss(one) => {
                let signer = SignerTag::of_participant(&one.participant);
                let has_capture = |range: &LeafRange| {
                    let first =
                        final_ones.capture_from(signer, range.from).or_else(|| block.capture_from(signer, range.from));
                    first.is_some_and(|leaf| leaf <= range.to)
                };
                let empty = one.claims.iter().find(|range| !has_capture(range));
                empty.map(|LeafRange { from, to }| {
                    let participant = one.participant;
                    ChangeRefusal::NothingToDismiss { participant, from: *from, to: *to }
                })
            }
            ProposedChange::Lift(one) => {
                let is_recalled = |id: &Id| {
                    let list = Subject::recall(id.as_str()).key();
                    final_ones.names(one.recall, &list) || block.names(one.recall, &list)
                };
                let other = one.ids.iter().find(|id| !is_recalled(id));
                other.map(|id| ChangeRefusal::NoRecall { leaf: one.recall, id: id.clone() })
            }
            _ => None,
        };
        if let Some(error) = error {
            return Err(ProposalRefusal::Change { at, error }.into());
        }
    }
    Ok(())
}

/// Audience: a statement stands on the ledger that it was made for.
pub(super) fn check_audience(statement: &SubmittedStatement, origin: &Origin) -> Result<(), PlaceRefusal> {
    Ok(statement.check_audience(origin.as_str())?)
}

/// Signer in force: a capture's certificate was registered on an earlier leaf, its participant is not revoked, and the
/// block's time lies within its validity.
pub(super) fn check_signer<'a>(
    registry: &'a Registry,
    certificate: &Hash,
    place: Place,
) -> Result<(&'a Participant, &'a Certified), PlaceRefusal> {
    Ok(registry.signer_at(certificate, place)?)
}

/// Strict EPCIS, and strict admin statements: the payload is what its `typ` says.
pub(super) fn read_content(statement: &VerifiedStatement) -> Result<Content, PlaceRefusal> {
    Ok(Content::read(statement)?)
}

/// Rights: the signer's roles and claims allow each event. Claims never change after a registration, so this holds at
/// every place where the signer is in force.
pub(super) fn check_rights(
    participant: &Participant,
    events: &[Event],
    registry: &Registry,
    leaf: LeafIndex,
) -> Result<(), PlaceRefusal> {
    let holder = |error: &RightsError| match error {
        RightsError::Claim { id, .. } => {
            registry.holder_at(id, leaf).map(|holder| Box::new((holder.id, holder.claims.organization.clone())))
        }
        _ => None,
    };
    for (event, position) in events.iter().zip(0..) {
        rights::check(participant, event).map_err(|error| PlaceRefusal::Rights {
            position,
            event_id: event.event_id.uri.clone(),
            holder: holder(&error),
            error,
        })?;
    }
    Ok(())
}

/// Who holds what the signer may not bring into being.
fn held_by(holder: Option<&(ParticipantId, Organization)>) -> String {
    holder.map_or_else(String::new, |(id, name)| {
        format!("; it lies under a claim of {:?}, participant {id}", name.as_str())
    })
}

/// Identity: a statement has one leaf, whatever its signature. Returns the one that it has already.
pub(super) fn first_place(id: &StatementId, final_ones: &dyn Knowledge, block: &Prefetched) -> Option<LeafIndex> {
    final_ones.statement(id).or_else(|| block.statement(id))
}

/// Identity of events: what a participant's eventID stands for is fixed by the first event under it, on the ledger, in this
/// block or in this document. The same again is a repeat, other content a contradiction. A statement of which every event
/// repeats one that stands before it says nothing new, and gets no place.
///
/// An event without an eventID has the name that its content makes, so it repeats and never contradicts. An error
/// declaration sets nothing, contradicts nothing and repeats nothing.
pub(super) fn check_identity(
    events: &[EventFact],
    final_ones: &dyn Knowledge,
    block: &Prefetched,
) -> Result<(), PlaceRefusal> {
    let mut own: HashMap<EventKey, Hash> = HashMap::new();
    let (mut first_repeated, mut is_new) = (None, events.is_empty());
    for (event, position) in events.iter().zip(0..) {
        if event.declaration {
            is_new = true;
            continue;
        }
        let (content, first) = match final_ones.event(&event.key).or_else(|| block.event(&event.key)) {
            Some((content, leaf)) => (content, Some(leaf)),
            None => (*own.entry(event.key).or_insert(event.content), None),
        };
        if content != event.content {
            return Err(PlaceRefusal::Conflict(Contradiction { position, event_id: event.event_id.clone(), first }));
        }
        first_repeated = first_repeated.or(first);
        is_new |= first.is_none();
    }
    match first_repeated {
        Some(first) if !is_new => Err(PlaceRefusal::Repeats { events: events.len(), first }),
        _ => Ok(()),
    }
}

/// `iat`: a statement is at most 7 days old and 5 minutes ahead, by its block's time. Else a statement that its signer
/// gave up could be posted years later by a reader who kept it.
pub(super) fn check_issued(iat: Timestamp, block_time: Timestamp) -> Result<(), PlaceRefusal> {
    let ahead = iat.seconds() - block_time.seconds();
    if ahead > IAT_AHEAD_SECONDS_MAX {
        return Err(PlaceRefusal::IssuedAhead { iat, block_time });
    }
    if -ahead > IAT_AGE_SECONDS_MAX {
        return Err(PlaceRefusal::IssuedLongAgo { iat, block_time });
    }
    Ok(())
}

/// Event times: no event lies more than a day ahead of its block.
pub(super) fn check_event_times(events: &[EventFact], block_time: Timestamp, rules: Rules) -> Result<(), PlaceRefusal> {
    let ahead = |event: &EventFact| event.time.millis_since(block_time) > rules.event_time_ahead_ms_max();
    match events.iter().zip(0..).find(|(event, _)| ahead(event)) {
        Some((event, position)) => {
            Err(PlaceRefusal::EventAhead { position, event_time: event.time, block_time, rules })
        }
        None => Ok(()),
    }
}

/// Certificates: what a registration or a renewal says of a certificate is what the certificate says, and it is for the
/// key that was asked for.
pub(super) fn check_certificate(reader: &dyn CertificateReader, admin: &Admin) -> Result<(), PlaceRefusal> {
    let (request, record, id) = match admin {
        Admin::Registration(one) => (&one.request, &one.certificate, &one.participant),
        Admin::Renewal(one) => (&one.request, &one.certificate, &one.participant),
        // Each type by its name, so that one that comes to bring a certificate is asked about here.
        Admin::Genesis(_)
        | Admin::Revocation(_)
        | Admin::Rejection(_)
        | Admin::Proposal(_)
        | Admin::Withdrawal(_)
        | Admin::Ballot(_)
        | Admin::Ready(_)
        | Admin::Fault(_)
        | Admin::Endorsement(_) => return Ok(()),
    };
    let asked = reader.request_der(request).map_err(PlaceRefusal::Certificate)?;
    check_record(reader, id, &asked, record).map_err(PlaceRefusal::Certificate)
}
