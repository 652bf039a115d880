//! Registration: requests from organisations, decisions by members, and who is registered.

mod waiting;

use crate::app::deciding::{self, ArrivedDecision, DecisionError};
use crate::app::ledger::{Ledger, LedgerError, View};
use crate::app::lookalikes::{self, Lookalike};
use crate::app::orderer::OrderError;
use crate::app::whole_domains;
use crate::ports::{Admission, Entrance, PendingRequest, RequestBody, RequestFilter, StoreError, WaitingRoom};
use sealane_core::consortium::{
    Admin, AdminError, CertificateReader, CertificateRecord, Claims, Conflict, Invitation, InvitationError, Namespace,
    Organization, Participant, ParticipantId, RequestedKey, Standing, check_record, renewal_consent,
};
use sealane_core::hash::Hash;
use sealane_core::ledger::{Candidate, PlaceRefusal, Placed};
use sealane_core::statement::{Signature, SignatureVerifier, SubmittedStatement};
use sealane_core::time::Timestamp;

pub use waiting::{WaitingRequests, waiting};

/// Requests that may wait for a decision, registrations and renewals each. An applicant is unknown.
pub const PENDING_REQUESTS_MAX: u64 = 1_000;

/// Bytes of the requests that may wait, of each kind: 16 KiB for each. An ordinary one has under 2 KiB.
pub const PENDING_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Requests of strangers from one address that may wait: an office behind one address has few organisations in it. A
/// member invites more.
pub const PENDING_PER_ADDRESS_MAX: u64 = 16;

/// Bytes of these: room for 16 of 32 KiB, and for one of the longest that is taken.
pub const PENDING_PER_ADDRESS_BYTES_MAX: u64 = 512 * 1024;

/// How long a request is kept, whether it waits or was rejected, in milliseconds: 30 days.
pub const REQUEST_AGE_MS_MAX: i64 = 30 * 24 * 60 * 60 * 1000;

/// Participants on one page of the list.
pub const PAGE_PARTICIPANTS_MAX: u32 = 1_000;

/// Participants on a page if the reader asks for no number.
pub const PAGE_PARTICIPANTS: u32 = 100;

/// Bytes of claims and certificates on one page, about: strangers write a quarter of a megabyte into one request.
pub const PAGE_BYTES_MAX: usize = 512 * 1024;

/// Requests that are read at once for a page.
pub(super) const REQUESTS_AT_ONCE: u32 = 32;

/// Why a request or a decision was refused. Nothing was written, but for [`OrderError::Unwritten`] and a
/// [`StoreError`] that does not say so: then this is unknown.
#[derive(Debug, thiserror::Error)]
pub enum RegistrationError {
    #[error("csr: {0}")]
    Request(String),
    #[error(transparent)]
    Claims(#[from] AdminError),
    #[error(transparent)]
    Conflict(#[from] Conflict),
    #[error("a request with the same key or of the same participant waits already, as participant {waiting}")]
    Waiting { waiting: ParticipantId },
    #[error(
        "as many requests wait as may; come back when a member has decided some, or ask a member for an invitation"
    )]
    Crowded,
    #[error(
        "as many requests of this address wait as may ({PENDING_PER_ADDRESS_MAX}, or {PENDING_PER_ADDRESS_BYTES_MAX} bytes); \
         come back when a member has decided some, or ask a member for an invitation"
    )]
    AddressCrowded,
    #[error(transparent)]
    Invitation(#[from] InvitationError),
    #[error("participant {id} has a certificate for this key already; a renewal is for a new key")]
    Certified { id: ParticipantId },
    #[error("no participant and no request has the id {id}")]
    Unknown { id: ParticipantId },
    #[error("participant {id} has no request that waits for a decision")]
    NothingWaits { id: ParticipantId },
    #[error("participant {id} is {status}; only an active participant renews")]
    NotActive { id: ParticipantId, status: &'static str },
    #[error("{field}: {detail}")]
    Renewal { field: &'static str, detail: String },
    #[error(transparent)]
    Decision(DecisionError),
    #[error(transparent)]
    Refused(#[from] PlaceRefusal),
    #[error("the decision is about participant {found}, and was posted for {expected}")]
    OtherParticipant { expected: ParticipantId, found: String },
    #[error("the decision holds another {what} than the request that waits; decide on what was asked")]
    OtherRequest { what: &'static str },
    #[error("the namespace {} is no organisation's own: {reason}", namespace.as_str())]
    Namespace { at: usize, namespace: Namespace, reason: String },
    #[error("the decision's certificate: {0}")]
    Certificate(String),
    #[error(
        "{:?} looks like the name of {}; if it is another organisation, approve it with --allow-similar, which is recorded",
        organization.as_str(), similar.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    )]
    Similar { organization: Organization, similar: Vec<Lookalike> },
    #[error(transparent)]
    Order(#[from] OrderError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl From<StoreError> for RegistrationError {
    fn from(error: StoreError) -> Self {
        Self::Ledger(error.into())
    }
}

impl From<DecisionError> for RegistrationError {
    fn from(error: DecisionError) -> Self {
        match error {
            DecisionError::Content(error) => Self::Claims(error),
            DecisionError::Refused(refusal) => Self::Refused(refusal),
            DecisionError::Order(error) => Self::Order(error),
            DecisionError::Ledger(error) => Self::Ledger(error),
            error @ (DecisionError::WrongType { .. } | DecisionError::OtherDecision { .. }) => Self::Decision(error),
        }
    }
}

/// A participant or a request, as of a view.
#[derive(Debug, Clone)]
pub struct Listed {
    pub id: ParticipantId,
    pub status: Status,
    /// On the ledger; `None` while it waits or was rejected.
    pub participant: Option<Participant>,
    /// The request that waits or was rejected; of an active participant, a renewal that waits.
    pub request: Option<PendingRequest>,
}

/// How far a registration has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Pending,
    Active,
    Rejected,
    Revoked,
    Expired,
}

impl Status {
    pub const ALL: [Status; 5] = [Status::Pending, Status::Active, Status::Rejected, Status::Revoked, Status::Expired];

    pub const fn as_str(self) -> &'static str {
        match self {
            Status::Pending => "pending",
            Status::Active => "active",
            Status::Rejected => "rejected",
            Status::Revoked => "revoked",
            Status::Expired => "expired",
        }
    }
}

impl Listed {
    /// What the organisation says of itself.
    pub fn claims(&self) -> Option<&Claims> {
        let requested = self.request.as_ref().and_then(|request| match &request.body {
            RequestBody::Registration { claims, .. } => Some(claims),
            RequestBody::Renewal { .. } => None,
        });
        self.participant.as_ref().map(|participant| &participant.claims).or(requested)
    }
}

/// Who asks to be registered.
pub struct Arrival<'a> {
    /// The token that it sends, if any.
    pub invitation: Option<&'a str>,
    /// Its client address as limits count it, if known.
    pub address: Option<String>,
}

/// Checks an arrival's invitation, which it must have if `invited_only`. A wrong one is refused also if none is needed: who
/// sends it believes to have a place. Returns the participant's id if the invitation has one.
pub fn admit_arrival(
    ledger: &Ledger,
    arrival: Arrival<'_>,
    invited_only: bool,
) -> Result<(Entrance, Option<ParticipantId>), InvitationError> {
    match arrival.invitation {
        Some(token) => {
            let invitation = Invitation::read(token, &ledger.view().registry, ledger.now(), &*ledger.verifier)?;
            Ok((Entrance::Invited, Some(*invitation.participant())))
        }
        None if invited_only => Err(InvitationError::Missing),
        None => Ok((Entrance::Open { address: arrival.address }, None)),
    }
}

/// Takes a request to register. The id is the invitation's, or else the caller's choice, at random.
pub async fn request(
    ledger: &Ledger,
    reader: &dyn CertificateReader,
    id: ParticipantId,
    claims: Claims,
    csr: &str,
    entrance: Entrance,
) -> Result<PendingRequest, RegistrationError> {
    ledger.may_write()?;
    claims.check()?;
    let beyond =
        |(at, namespace)| whole_domains::reach_beyond_one(namespace).map(|reason| (at, namespace.clone(), reason));
    if let Some((at, namespace, reason)) = claims.namespaces.iter().enumerate().find_map(beyond) {
        return Err(RegistrationError::Namespace { at, namespace, reason });
    }
    let requested = reader.request(csr).map_err(RegistrationError::Request)?;
    let view = ledger.view();
    if entrance == Entrance::Invited && view.registry.participant(&id).is_some() {
        return Err(InvitationError::Used { participant: id }.into());
    }
    let conflict = view.registry.key_conflict(&requested.key, None).or_else(|| view.registry.claim_conflict(&claims));
    if let Some(conflict) = conflict {
        return Err(conflict.into());
    }
    let key = requested.key.thumbprint();
    let body = RequestBody::Registration { claims, csr: requested.pem, key, entrance };
    add(ledger, id, body).await
}

/// Takes a participant's request for a further certificate, agreed to by its current key.
pub async fn request_renewal(
    ledger: &Ledger,
    reader: &dyn CertificateReader,
    id: &ParticipantId,
    csr: &str,
    consent: &str,
) -> Result<PendingRequest, RegistrationError> {
    ledger.may_write()?;
    let view = ledger.view();
    let participant = view.registry.participant(id).ok_or(RegistrationError::Unknown { id: *id })?;
    let status = status_of(participant, ledger.now());
    if status != Status::Active {
        return Err(RegistrationError::NotActive { id: *id, status: status.as_str() });
    }
    let requested = reader.request(csr).map_err(RegistrationError::Request)?;
    let current = agreeing_certificate(&view, participant, &requested, consent, ledger.now(), &*ledger.verifier)?;
    if let Some(conflict) = view.registry.key_conflict(&requested.key, Some(id)) {
        return Err(conflict.into());
    }
    let key = requested.key.thumbprint();
    if participant.certificates.iter().any(|one| one.key.thumbprint() == key) {
        return Err(RegistrationError::Certified { id: *id });
    }
    if ledger.store().request(id).await?.is_some_and(|request| is_answered(&view, &request)) {
        // The node stopped between the approval and forgetting what it approved.
        ledger.store().forget_request(id).await?;
    }
    let body = RequestBody::Renewal { csr: requested.pem, key, current, consent: consent.to_owned() };
    add(ledger, *id, body).await
}

/// Carries out a member's decision about `id`: an admin statement that it signed.
pub async fn decide(
    ledger: &Ledger,
    reader: &dyn CertificateReader,
    id: &ParticipantId,
    submitted: SubmittedStatement,
) -> Result<Option<Placed>, RegistrationError> {
    let view = ledger.view();
    let ArrivedDecision { statement, admin, placed } = deciding::arrive(ledger, &view, submitted).await?;
    if placed.is_some() {
        return Ok(placed);
    }
    if admin.participant() != Some(id) {
        let found = admin.participant().map_or("nobody".to_owned(), ToString::to_string);
        return Err(RegistrationError::OtherParticipant { expected: *id, found });
    }
    check_against_request(ledger, reader, &view, id, &admin).await?;
    if let Admin::Registration(registration) = &admin {
        let similar = lookalikes::unnamed(ledger, &view, registration).await?;
        if !similar.is_empty() {
            return Err(RegistrationError::Similar { organization: registration.claims.organization.clone(), similar });
        }
    }
    if let Admin::Rejection(rejection) = &admin {
        ledger.gate.note(ledger.store().reject_request(id, rejection.reason.clone()).await)?;
        return Ok(None);
    }
    let candidate = Candidate::admin(statement, reader, ledger.place_now(&view))?;
    let ordered = ledger.order(candidate).await?;
    if let Err(error) = ledger.store().forget_request(id).await {
        // The decision stands; its request is passed over from now on, and ages.
        tracing::warn!(%error, participant = %id, "a request that was answered could not be removed");
    }
    Ok(Some(ordered.placed))
}

/// Some of those who are registered or wait, and where the next ones begin.
#[derive(Debug)]
pub struct ParticipantPage {
    pub listed: Vec<Listed>,
    /// The id to go on after, while there may be more.
    pub next: Option<ParticipantId>,
}

/// Everyone who is registered or waits, by id; those of one status when asked. At least 1 on a page, and up to `limit`.
pub async fn list(
    ledger: &Ledger,
    status: Option<Status>,
    after: Option<ParticipantId>,
    limit: u32,
) -> Result<ParticipantPage, LedgerError> {
    let (view, now) = (ledger.view(), ledger.now());
    let limit = limit.clamp(1, PAGE_PARTICIPANTS_MAX);
    let wanted = limit as usize;
    let mut listed = registered_page(&view, now, status, after.as_ref(), wanted);
    let filter = RequestFilter {
        renewals: false,
        rejected: match status {
            Some(Status::Pending) => Some(false),
            Some(Status::Rejected) => Some(true),
            _ => None,
        },
        since: kept_since(ledger),
        after,
        through: None,
        limit: limit + 1,
    };
    if matches!(status, None | Some(Status::Pending | Status::Rejected)) {
        listed.extend(read_requests(ledger, filter.clone()).await?.into_iter().map(requested));
    }
    listed.sort_by_key(|one| one.id);
    let fitting = fitting(&listed).min(wanted);
    let more = listed.len() > fitting;
    listed.truncate(fitting);
    let last = listed.last().map(|one| one.id);
    // Requests that the ledger has answered may be left over.
    listed.retain(|one| one.participant.is_some() || view.registry.participant(&one.id).is_none());
    if last.is_some() {
        let renewals = RequestFilter { renewals: true, rejected: Some(false), through: last, ..filter };
        for request in ledger.store().requests_page(RequestFilter { limit: u32::MAX, ..renewals }).await? {
            let of = listed.binary_search_by(|one| one.id.cmp(&request.participant));
            if let Some(one) = of.ok().and_then(|at| listed.get_mut(at)).filter(|_| !is_answered(&view, &request)) {
                one.request = Some(request);
            }
        }
    }
    Ok(ParticipantPage { listed, next: last.filter(|_| more) })
}

/// Everyone who is registered, by id, as the public knows; those of one status when asked. Nothing is told of requests.
pub fn list_registered(
    ledger: &Ledger,
    status: Option<Status>,
    after: Option<ParticipantId>,
    limit: u32,
) -> ParticipantPage {
    let (view, now) = (ledger.view(), ledger.now());
    let wanted = limit.clamp(1, PAGE_PARTICIPANTS_MAX) as usize;
    let mut listed = registered_page(&view, now, status, after.as_ref(), wanted);
    let fitting = fitting(&listed).min(wanted);
    let more = listed.len() > fitting;
    listed.truncate(fitting);
    let next = listed.last().map(|one| one.id).filter(|_| more);
    ParticipantPage { listed, next }
}

/// The registered ones of a page, and one more if there is a next page.
fn registered_page(
    view: &View,
    now: Timestamp,
    status: Option<Status>,
    after: Option<&ParticipantId>,
    wanted: usize,
) -> Vec<Listed> {
    let participants = view.registry.participants().filter(|one| after.is_none_or(|after| one.id > *after));
    let participants = participants.map(|one| (one, status_of(one, now)));
    participants
        .filter(|(_, found)| status.is_none_or(|status| status == *found))
        // One more than the page tells whether there is a next one.
        .take(wanted + 1)
        .map(|(one, _)| registered(one, now))
        .collect()
}

/// The participant or request with an id.
pub async fn find(ledger: &Ledger, id: &ParticipantId) -> Result<Option<Listed>, LedgerError> {
    let view = ledger.view();
    let request = kept_request(ledger, id).await?.filter(|request| !is_answered(&view, request));
    let Some(participant) = view.registry.participant(id) else { return Ok(request.map(requested)) };
    // A rejected renewal leaves the participant as it was.
    let request = request.filter(|request| request.rejected.is_none());
    Ok(Some(Listed { request, ..registered(participant, ledger.now()) }))
}

/// Requests for a page, read a few at a time: no more than fill it by their number or their bytes.
async fn read_requests(ledger: &Ledger, filter: RequestFilter) -> Result<Vec<PendingRequest>, StoreError> {
    let (mut read, mut bytes, mut after) = (Vec::new(), 0, filter.after);
    loop {
        let missing = filter.limit.saturating_sub(u32::try_from(read.len()).unwrap_or(u32::MAX));
        let limit = missing.min(REQUESTS_AT_ONCE);
        let some = ledger.store().requests_page(RequestFilter { limit, after, ..filter.clone() }).await?;
        let ended = some.len() < limit as usize || limit == missing;
        bytes += some.iter().map(|request| claims_bytes(&request.body)).sum::<usize>();
        after = some.last().map(|request| request.participant);
        read.extend(some);
        if ended || bytes > PAGE_BYTES_MAX {
            return Ok(read);
        }
    }
}

/// How many of a list's first ones fit on a page by their bytes: one at the least.
fn fitting(listed: &[Listed]) -> usize {
    let mut bytes = 0;
    let fits = |one: &Listed| {
        bytes += listed_bytes(one);
        bytes <= PAGE_BYTES_MAX
    };
    listed.iter().map(fits).take_while(|fits| *fits).count().max(1)
}

/// About what one takes on a page, in bytes.
fn listed_bytes(listed: &Listed) -> usize {
    const BYTES_OF_ANY: usize = 512;
    const BYTES_OF_A_CERTIFICATE: usize = 256;
    let of_request = listed.request.as_ref().map_or(0, |request| claims_bytes(&request.body));
    let of_participant = listed.participant.as_ref().map_or(0, |participant| {
        written_bytes(&participant.claims) + participant.certificates.len() * BYTES_OF_A_CERTIFICATE
    });
    BYTES_OF_ANY + of_request + of_participant
}

fn claims_bytes(body: &RequestBody) -> usize {
    match body {
        RequestBody::Registration { claims, .. } => written_bytes(claims),
        RequestBody::Renewal { .. } => 0,
    }
}

/// About what claims take in JSON, in bytes.
fn written_bytes(claims: &Claims) -> usize {
    const BYTES_OF_A_NUMBER: usize = 18;
    let numbers = claims.roles.len() + claims.glns.len() + claims.gs1_company_prefixes.len();
    let keys = claims.gs1_keys.iter().map(|key| key.as_str().len() + 3).sum::<usize>();
    let namespaces = claims.namespaces.iter().map(|namespace| namespace.to_string().len() + 3).sum::<usize>();
    claims.organization.as_str().len() + numbers * BYTES_OF_A_NUMBER + keys + namespaces
}

/// How far a registered participant has come.
pub fn status_of(participant: &Participant, now: Timestamp) -> Status {
    match participant.standing(now) {
        // Registered, and it may sign nothing before other members have endorsed it.
        Standing::Unendorsed => Status::Pending,
        Standing::Active => Status::Active,
        Standing::Revoked => Status::Revoked,
        Standing::Expired => Status::Expired,
    }
}

fn registered(participant: &Participant, now: Timestamp) -> Listed {
    Listed {
        id: participant.id,
        status: status_of(participant, now),
        participant: Some(participant.clone()),
        request: None,
    }
}

/// An applicant that is not registered.
fn requested(request: PendingRequest) -> Listed {
    let status = if request.rejected.is_some() { Status::Rejected } else { Status::Pending };
    Listed { id: request.participant, status, participant: None, request: Some(request) }
}

/// Tells whether the ledger holds the approval of a request.
fn is_answered(view: &View, request: &PendingRequest) -> bool {
    let Some(participant) = view.registry.participant(&request.participant) else { return false };
    match &request.body {
        RequestBody::Registration { .. } => true,
        RequestBody::Renewal { key, .. } => {
            participant.revoked.is_some() || participant.certificates.iter().any(|one| one.key.thumbprint() == *key)
        }
    }
}

async fn add(ledger: &Ledger, id: ParticipantId, body: RequestBody) -> Result<PendingRequest, RegistrationError> {
    let request = PendingRequest { participant: id, received: ledger.now(), body, rejected: None };
    let mut room = WaitingRoom {
        requests_max: PENDING_REQUESTS_MAX,
        bytes_max: PENDING_BYTES_MAX,
        address_requests_max: PENDING_PER_ADDRESS_MAX,
        address_bytes_max: PENDING_PER_ADDRESS_BYTES_MAX,
        since: kept_since(ledger),
    };
    if request.body.is_invited() {
        // As many as members have invited.
        (room.requests_max, room.bytes_max) = (u64::MAX, u64::MAX);
    }
    match ledger.gate.note(ledger.store().add_request(request.clone(), room).await)? {
        Admission::Waits => Ok(request),
        Admission::Repeats(waiting) if request.body.is_invited() && waiting == request.participant => {
            // Posted again, because no answer came, or by someone else.
            let first = ledger.store().request(&waiting).await?;
            match first.is_some_and(|first| first.rejected.is_none() && first.body.key() == request.body.key()) {
                true => Err(RegistrationError::Waiting { waiting }),
                false => Err(InvitationError::Used { participant: waiting }.into()),
            }
        }
        Admission::Repeats(waiting) => Err(RegistrationError::Waiting { waiting }),
        Admission::Full => Err(RegistrationError::Crowded),
        Admission::AddressFull => Err(RegistrationError::AddressCrowded),
    }
}

/// What was received before this is forgotten.
pub(super) fn kept_since(ledger: &Ledger) -> Timestamp {
    ledger.now().plus_millis(-REQUEST_AGE_MS_MAX)
}

async fn kept_request(ledger: &Ledger, id: &ParticipantId) -> Result<Option<PendingRequest>, StoreError> {
    let since = kept_since(ledger);
    Ok(ledger.store().request(id).await?.filter(|request| request.received >= since))
}

/// Finds the certificate whose key signed the consent.
fn agreeing_certificate(
    view: &View,
    participant: &Participant,
    requested: &RequestedKey,
    consent: &str,
    now: Timestamp,
    verifier: &dyn SignatureVerifier,
) -> Result<Hash, RegistrationError> {
    let fault = |detail: &str| RegistrationError::Renewal { field: "consent", detail: detail.to_owned() };
    let signature: Signature =
        consent.parse().map_err(|_| fault("expected an ES256 signature, r and s, as 86 characters of base64url"))?;
    let bytes = renewal_consent(view.registry.origin(), &participant.id, &requested.der);
    participant
        .certificates
        .iter()
        .filter(|one| one.not_after >= now)
        .find(|one| verifier.verify(&one.key, &bytes, &signature).is_ok())
        .map(|one| one.thumbprint)
        .ok_or_else(|| fault("the signature is by none of the participant's current keys over this request"))
}

async fn check_against_request(
    ledger: &Ledger,
    reader: &dyn CertificateReader,
    view: &View,
    id: &ParticipantId,
    admin: &Admin,
) -> Result<(), RegistrationError> {
    let newest = kept_request(ledger, id).await?;
    // A rejected applicant is known, and waits for nothing.
    let known = newest.is_some() || view.registry.participant(id).is_some();
    let waiting = newest.filter(|one| one.rejected.is_none() && !is_answered(view, one));
    let nothing = || match known {
        false => RegistrationError::Unknown { id: *id },
        true => RegistrationError::NothingWaits { id: *id },
    };
    match admin {
        Admin::Registration(registration) => {
            let waiting = waiting.ok_or_else(nothing)?;
            let RequestBody::Registration { claims, csr, .. } = &waiting.body else { return Err(nothing()) };
            if *claims != registration.claims {
                return Err(RegistrationError::OtherRequest { what: "set of claims" });
            }
            check_certificate(reader, id, csr, &registration.request, &registration.certificate)
        }
        Admin::Renewal(renewal) => {
            let waiting = waiting.ok_or_else(nothing)?;
            let RequestBody::Renewal { csr, .. } = &waiting.body else { return Err(nothing()) };
            check_certificate(reader, id, csr, &renewal.request, &renewal.certificate)
        }
        Admin::Rejection(rejection) => match waiting.ok_or_else(nothing)?.body.key() {
            key if *key == rejection.key => Ok(()),
            _ => Err(RegistrationError::OtherRequest { what: "key" }),
        },
        Admin::Revocation(_) | Admin::Genesis(_) => Ok(()),
        // An endorsement answers no request; of the others none is about one participant.
        Admin::Proposal(_)
        | Admin::Withdrawal(_)
        | Admin::Ballot(_)
        | Admin::Ready(_)
        | Admin::Fault(_)
        | Admin::Endorsement(_) => Ok(()),
    }
}

/// Holds a decision's request and certificate against the request that waits.
fn check_certificate(
    reader: &dyn CertificateReader,
    id: &ParticipantId,
    csr: &str,
    request: &[u8],
    record: &CertificateRecord,
) -> Result<(), RegistrationError> {
    let asked = reader.request(csr).map_err(RegistrationError::Request)?;
    if asked.der != request {
        return Err(RegistrationError::OtherRequest { what: "request" });
    }
    check_record(reader, id, &asked, record).map_err(RegistrationError::Certificate)
}
