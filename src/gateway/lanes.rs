//! Lanes: one for each client, which sends its jobs in the order in which they were taken.
//!
//! A lane has a thread of its own and keeps nothing in memory: each step begins with what the store says. So a start after a crash
//! is no other than the next step, and what another process wrote (`sealane gateway retry`) is seen.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use sealane_core::consortium::{EventFact, EventKey};
use sealane_core::epcis::{self, Reader};
use sealane_core::evidence::Receipt;
use sealane_core::hash::Hash;
use sealane_core::statement::SubmittedStatement;
use sealane_core::time::Timestamp;

use crate::gateway::Gateway;
use crate::gateway::clients::ClientName;
use crate::gateway::delivery::{Delivery, pause_ms, read};
use crate::gateway::document::{DocumentParts, join};
use crate::gateway::intake::place_of;
use crate::gateway::job::{Behaviour, JOINT_EVENTS_MAX, Next, OpenPiece, event_error, halves, next_step};
use crate::gateway::keeper::{Attempt, KeeperError, Landing, NewStatement, OpenStatement};
use crate::gateway::nodes::NodeDoor;
use crate::gateway::proof::{BadReceipt, Proof};

/// How often an idle lane looks into the store for what another process has queued.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long a lane pauses when the store fails.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// How long a lane pauses after an answer that no certificate in force would get, in milliseconds.
const STOPPED_PAUSE_MS: i64 = 10_000;

/// The age of a statement at which it is signed anew, in milliseconds: a day before no node takes it any more.
const STATEMENT_AGE_MS_MAX: i64 = 6 * 24 * 60 * 60 * 1_000;

/// The lanes at work, and how they are woken.
#[derive(Default)]
pub struct Lanes {
    lanes: Mutex<HashMap<ClientName, Arc<Wake>>>,
}

/// Wakes one lane.
#[derive(Default)]
struct Wake {
    state: Mutex<Woken>,
    changed: Condvar,
}

#[derive(Default, Clone, Copy)]
struct Woken {
    has_more: bool,
    hurries: bool,
    stops: bool,
}

/// When a lane goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    Nothing,
    /// When there is more, or at the latest after so long.
    More(Duration),
    /// After so long, however much comes meanwhile.
    Time(Duration),
}

impl Wake {
    fn tell(&self, tell: impl FnOnce(&mut Woken)) {
        tell(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }

    /// Waits until the lane goes on. False if it ends.
    fn wait(&self, after: After) -> bool {
        let (for_long, hears_more) = match after {
            After::Nothing => (Duration::ZERO, false),
            After::More(for_long) => (for_long, true),
            After::Time(for_long) => (for_long, false),
        };
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_quiet = |woken: &mut Woken| !(woken.stops || woken.hurries || (hears_more && woken.has_more));
        let waited = self.changed.wait_timeout_while(state, for_long, is_quiet);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        (state.has_more, state.hurries) = (false, false);
        !state.stops
    }
}

impl Lanes {
    /// Tells a client's lane that there is more, and starts it if there is none.
    pub fn wake(&self, gateway: &Arc<Gateway>, client: &ClientName) {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(wake) = lanes.get(client) {
            return wake.tell(|woken| woken.has_more = true);
        }
        let wake = Arc::new(Wake::default());
        let (lane, gateway, name) = (Arc::clone(&wake), Arc::clone(gateway), client.clone());
        let started = thread::Builder::new().name("lane".to_owned()).spawn(move || run(&gateway, &name, &lane));
        match started {
            Ok(_) => drop(lanes.insert(client.clone(), wake)),
            // The next capture, or the next look, tries again.
            Err(error) => tracing::error!(%error, %client, "a lane could not be started"),
        }
    }

    /// Wakes every lane, since something has changed that they wait for.
    pub fn wake_all(&self) {
        let lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.values().for_each(|wake| wake.tell(|woken| woken.hurries = true));
    }

    /// Has every lane end after what it is doing. What is not done stays in the store.
    pub fn stop(&self) {
        let lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.values().for_each(|wake| wake.tell(|woken| woken.stops = true));
    }
}

fn run(gateway: &Gateway, client: &ClientName, wake: &Wake) {
    loop {
        let after = step(gateway, client).unwrap_or_else(|error| {
            tracing::error!(%error, %client, "a lane cannot go on");
            After::Time(STORE_PAUSE)
        });
        if !wake.wait(after) {
            return;
        }
    }
}

/// Does the next thing of a lane. Returns when the one after it is to be done.
fn step(gateway: &Gateway, client: &ClientName) -> Result<After, KeeperError> {
    let pieces = gateway.keeper.open_pieces(client, JOINT_EVENTS_MAX + 1)?;
    let Some(proof) = gateway.proof.get() else { return Ok(After::Time(LOOK_EVERY)) };
    match next_step(&pieces, gateway.settings.joins, gateway.clock.now()) {
        Next::Idle => Ok(After::More(LOOK_EVERY)),
        Next::Wait { ms } => Ok(After::Time(millis(ms))),
        Next::Sign { pieces: count } => sign(gateway, client, proof, pieces.get(..count).unwrap_or_default()),
        Next::Send => match pieces.iter().find_map(|piece| piece.statement.as_deref()) {
            Some(statement) => send(gateway, client, proof, statement, &pieces),
            None => Ok(After::Time(LOOK_EVERY)),
        },
    }
}

fn millis(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or_default())
}

/// Signs pieces as one statement, and stores it before anything is sent.
fn sign(gateway: &Gateway, client: &ClientName, proof: &Proof, pieces: &[OpenPiece]) -> Result<After, KeeperError> {
    let signer = gateway.identities.current();
    let now = gateway.clock.now();
    if signer.not_after() <= now {
        gateway.stop_lane(client, "certificate-expired", format!("the certificate ended at {}", signer.not_after()));
        return Ok(After::Time(millis(STOPPED_PAUSE_MS)));
    }
    let payload = payload(gateway, pieces)?;
    let origin = proof.origin();
    let signed = match signer.sign(&payload, origin.as_str(), now) {
        Ok(signed) => signed,
        // Together they are too long for a statement.
        Err(_) if pieces.len() > 1 => {
            return sign(gateway, client, proof, pieces.get(..pieces.len().div_ceil(2)).unwrap_or_default());
        }
        Err(error) => return Err(KeeperError::Corrupt(format!("a document cannot be signed: {error}"))),
    };
    let statement = NewStatement {
        id: signed.id().to_string(),
        client: client.clone(),
        compact: signed.compact().as_bytes().to_vec(),
        certificate: signer.certificate(),
        not_after: signer.not_after(),
        iat: now,
    };
    match gateway.keeper.store_statement(statement, pieces)? {
        true => Ok(After::Nothing),
        // In the next second it is another statement.
        false => Ok(After::Time(LOOK_EVERY)),
    }
}

/// The document of some pieces.
fn payload(gateway: &Gateway, pieces: &[OpenPiece]) -> Result<Vec<u8>, KeeperError> {
    let lost = |job: i64| KeeperError::Corrupt(format!("job {job} has no document"));
    let mut parts = Vec::with_capacity(pieces.len());
    for piece in pieces {
        let stored = gateway.keeper.document(piece.job)?.ok_or_else(|| lost(piece.job))?;
        let is_whole = piece.first == 0 && piece.count == stored.indices.len();
        if pieces.len() == 1 && is_whole {
            return Ok(stored.document);
        }
        let part = DocumentParts::read(&stored.document).ok_or_else(|| lost(piece.job))?;
        parts.push((part, piece.first..piece.first + piece.count));
    }
    let joined = match parts.as_slice() {
        [(only, range)] => Some(only.range(range.start, range.len())),
        many => join(many),
    };
    joined.map(|document| document.to_string().into_bytes()).ok_or_else(|| KeeperError::Corrupt("no piece".to_owned()))
}

/// Sends a stored statement once to each node, until one has it on the ledger.
fn send(
    gateway: &Gateway,
    client: &ClientName,
    proof: &Proof,
    id: &str,
    pieces: &[OpenPiece],
) -> Result<After, KeeperError> {
    let Some(open) = gateway.keeper.open_statement(id)? else {
        return Err(KeeperError::Corrupt(format!("statement {id} is not there")));
    };
    let now = gateway.clock.now();
    let signer = gateway.identities.current();
    let is_old = now.millis_since(open.statement.iat) > STATEMENT_AGE_MS_MAX;
    let has_ended = open.statement.not_after <= now;
    let is_replaced = signer.certificate() != open.statement.certificate;
    let wait = open.next_at.map_or(0, |at| at.millis_since(now));
    // A certificate that has come meanwhile ends the wait for one.
    if wait > 0 && !(is_replaced && gateway.is_stopped(client)) {
        return Ok(After::Time(millis(wait).min(LOOK_EVERY)));
    }
    let needs_another = is_old || (is_replaced && (has_ended || gateway.is_stopped(client)));
    if needs_another && signer.not_after() > now {
        return sign_anew(gateway, client, proof, &open, pieces);
    }
    let compact = String::from_utf8_lossy(&open.statement.compact).into_owned();
    let mut last = Later { why: "every node is left alone after a bad receipt".to_owned(), ..Later::default() };
    let mut stopped = None;
    for (number, door) in gateway.nodes.in_turn(Instant::now()) {
        let answered = door.post("/epcis/capture", "application/jose", true, compact.as_bytes());
        let delivery = match &answered {
            Ok(answer) => read(answer, gateway.clock.now()),
            // The node may have had all of it before the line broke.
            Err(why) => Delivery::Later { why: why.clone(), after_ms: None, was_sent: true },
        };
        match delivery {
            Delivery::Final { receipt, repeated } => {
                match proof.check(&receipt, Some(&compact), |anchor| handovers(&*door, anchor.height().to_string())) {
                    Ok(verified) => {
                        gateway.nodes.stay_with(number);
                        let landing = landing(gateway, client, &*door, receipt, &verified, repeated);
                        return landed(gateway, client, id, &compact, landing);
                    }
                    Err(error) => last.add(distrust(gateway, number, &*door, &error), None, true, door.url()),
                }
            }
            Delivery::Recorded { receipt } if is_alone(id, pieces) => {
                match proof.check(&receipt, None, |anchor| handovers(&*door, anchor.height().to_string())) {
                    Ok(verified) => {
                        gateway.nodes.stay_with(number);
                        let landing = landing(gateway, client, &*door, receipt, &verified, Vec::new());
                        return landed(gateway, client, id, &compact, landing);
                    }
                    Err(error) => last.add(distrust(gateway, number, &*door, &error), None, true, door.url()),
                }
            }
            Delivery::Later { why, after_ms, was_sent } => {
                tracing::warn!(node = door.url(), why, statement = id, "a statement is sent again later");
                gateway.count_statement("later");
                last.add(why, after_ms, was_sent, door.url());
            }
            Delivery::Stops { code, why } => {
                // Another node may know the certificate already, or this one may say what is not so.
                gateway.count_statement("stopped");
                last.add(format!("{code}: {why}"), Some(STOPPED_PAUSE_MS), true, door.url());
                stopped = Some((code, why));
            }
            Delivery::TooOld => return sign_anew(gateway, client, proof, &open, pieces),
            Delivery::Recorded { .. } => {
                // Each of the joined jobs gets the receipt of its own events.
                gateway.keeper.take_back(id, true)?;
                return Ok(After::Nothing);
            }
            Delivery::Refused { problem } => {
                gateway.nodes.stay_with(number);
                gateway.count_statement("refused");
                gateway.start_lane(client);
                refused(gateway, id, pieces, &problem)?;
                return Ok(After::Nothing);
            }
        }
    }
    let pause = match stopped {
        Some((code, why)) => {
            gateway.stop_lane(client, &code, why);
            STOPPED_PAUSE_MS
        }
        None => pause_ms(open.attempts, fastrand::f64(), last.after_ms),
    };
    let next_at = gateway.clock.now().plus_millis(pause);
    let Later { why: trouble, was_sent, node, .. } = last;
    gateway.keeper.note_attempt(id, &Attempt { next_at, node, trouble, was_sent })?;
    Ok(After::Nothing)
}

/// What the nodes have said so far that is not the end.
#[derive(Default)]
struct Later {
    why: String,
    after_ms: Option<i64>,
    was_sent: bool,
    node: String,
}

impl Later {
    fn add(&mut self, why: String, after_ms: Option<i64>, was_sent: bool, node: &str) {
        // The first node that has room is the next to be asked.
        self.after_ms = match (self.after_ms, after_ms) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        self.was_sent |= was_sent;
        (self.why, self.node) = (why, node.to_owned());
    }
}

fn is_alone(id: &str, pieces: &[OpenPiece]) -> bool {
    pieces.iter().filter(|piece| piece.statement.as_deref() == Some(id)).count() == 1
}

/// Leaves a node alone whose receipt does not hold; says why.
fn distrust(gateway: &Gateway, number: usize, door: &dyn NodeDoor, error: &BadReceipt) -> String {
    if let BadReceipt::NoHandovers(_) = error {
        return error.to_string();
    }
    tracing::error!(node = door.url(), %error, "a node gave a receipt that does not hold; it is left alone for a while");
    gateway.metrics.bad_receipts.inc();
    gateway.count_statement("bad-receipt");
    gateway.nodes.quarantine(number, Instant::now());
    error.to_string()
}

/// What a receipt that holds says of a statement. Its block is awaited, so that the events can be asked for soon.
fn landing(
    gateway: &Gateway,
    client: &ClientName,
    door: &dyn NodeDoor,
    receipt: Value,
    verified: &Receipt,
    repeated: Vec<Value>,
) -> Landing {
    gateway.await_block(client, verified.tree_size);
    let leaf = verified.leaf_index.get();
    Landing { receipt, leaf, node: door.url().to_owned(), at: gateway.clock.now(), repeated }
}

/// Writes that a statement is final.
fn landed(
    gateway: &Gateway,
    client: &ClientName,
    id: &str,
    compact: &str,
    landing: Landing,
) -> Result<After, KeeperError> {
    let facts = facts_of(gateway, compact);
    gateway.metrics.events.inc_by(facts.len() as u64);
    gateway.count_statement("final");
    gateway.start_lane(client);
    gateway.keeper.land(id, landing, facts)?;
    gateway.tell_landed();
    Ok(After::Nothing)
}

/// What the events of a statement are looked up by. An event that declares an error is never a repeat.
fn facts_of(gateway: &Gateway, compact: &str) -> Vec<(EventKey, Hash)> {
    let Ok(statement) = SubmittedStatement::parse(compact.as_bytes()) else { return Vec::new() };
    let Ok(document) = epcis::read(statement.payload(), Reader::Strict) else { return Vec::new() };
    let facts = EventFact::of_all(gateway.identities.participant(), &document.events);
    facts.into_iter().filter(|fact| !fact.declaration).map(|fact| (fact.key, fact.content)).collect()
}

/// Does what follows a refusal: joined jobs are sent one by one, a `proceed` job is cut in halves, and anything else has failed.
fn refused(gateway: &Gateway, id: &str, pieces: &[OpenPiece], problem: &Value) -> Result<(), KeeperError> {
    let of_it: Vec<&OpenPiece> = pieces.iter().filter(|piece| piece.statement.as_deref() == Some(id)).collect();
    let [only] = of_it.as_slice() else { return gateway.keeper.take_back(id, true) };
    if let Some(counts) = halves(only.count, only.behaviour) {
        return gateway.keeper.cut(id, counts);
    }
    let stored = gateway.keeper.document(only.job)?;
    let (indices, was_query) = stored.map_or((Vec::new(), false), |stored| (stored.indices, stored.was_query));
    let index = indices.get(only.first).copied();
    let text = |name: &str| problem.get(name).and_then(Value::as_str).unwrap_or_default();
    tracing::warn!(
        job = only.job,
        statement = id,
        code = text("code"),
        detail = text("detail"),
        "a node refused a capture"
    );
    let error = match (index, only.count) {
        (Some(index), 1) => event_error(problem, index, &place_of(index, was_query)),
        _ => whole_error(problem),
    };
    gateway.count_capture(if only.behaviour == Behaviour::Proceed { "refused-event" } else { "failed" });
    gateway.keeper.refuse(id, vec![error], gateway.clock.now())?;
    gateway.tell_landed();
    Ok(())
}

/// A node's problem without what was of that request alone.
fn whole_error(problem: &Value) -> Value {
    let mut error = problem.clone();
    if let Some(members) = error.as_object_mut() {
        members.shift_remove("requestId");
    }
    error
}

/// Takes a statement back that no node will take any more, if it stands on no ledger: then its events are signed anew.
///
/// Another statement has another id, so without this look the events could be recorded twice. A node that shows a block after the
/// end of the certificate, and then has no such statement, will never have it: no block after that end takes it.
fn sign_anew(
    gateway: &Gateway,
    client: &ClientName,
    proof: &Proof,
    open: &OpenStatement,
    pieces: &[OpenPiece],
) -> Result<After, KeeperError> {
    let id = &open.statement.id;
    let has_ended = open.statement.not_after <= gateway.clock.now();
    let mut trouble = None;
    for (number, door) in gateway.nodes.all().enumerate() {
        match look_for(&**door, id, has_ended.then_some(open.statement.not_after)) {
            Ok(None) => {}
            Ok(Some(receipt)) => {
                let compact = String::from_utf8_lossy(&open.statement.compact).into_owned();
                match proof.check(&receipt, Some(&compact), |anchor| handovers(&**door, anchor.height().to_string())) {
                    Ok(verified) => {
                        let landing = landing(gateway, client, &**door, receipt, &verified, Vec::new());
                        return landed(gateway, client, id, &compact, landing);
                    }
                    Err(error) => trouble = Some((door.url(), distrust(gateway, number, &**door, &error))),
                }
            }
            Err(why) => trouble = Some((door.url(), why)),
        }
    }
    if let Some((node, why)) = trouble {
        let trouble =
            format!("the statement cannot be signed anew before every node says that it has not the old one: {why}");
        let pause = pause_ms(open.attempts, fastrand::f64(), None);
        let next_at = gateway.clock.now().plus_millis(pause);
        gateway.keeper.note_attempt(id, &Attempt { next_at, node: node.to_owned(), trouble, was_sent: false })?;
        return Ok(After::Time(millis(pause)));
    }
    tracing::info!(statement = id, events = pieces.len(), "a statement stands on no ledger and is signed anew");
    gateway.start_lane(client);
    gateway.keeper.take_back(id, false)?;
    // If a clock is wrong the next one is too old as well: no faster than this.
    Ok(After::Time(LOOK_EVERY))
}

/// Asks a node for a statement: its receipt, or `None` if the node has it not, and shows a block after `ended` if that is given.
fn look_for(door: &dyn NodeDoor, id: &str, ended: Option<Timestamp>) -> Result<Option<Value>, String> {
    if let Some(ended) = ended {
        let answer = door.get("/ledger/blocks/latest")?;
        let block: Value = serde_json::from_slice(&answer.body).map_err(|error| error.to_string())?;
        let seal = block.get("seal").and_then(Value::as_str).unwrap_or_default();
        let seal: Value = serde_json::from_str(seal).map_err(|error| format!("its last block: {error}"))?;
        let time = seal.get("time").and_then(Value::as_str).and_then(|time| time.parse::<Timestamp>().ok());
        if time.is_none_or(|time| time <= ended) {
            return Err(format!("it shows no block after {ended} yet"));
        }
    }
    let answer = door.get(&format!("/epcis/capture/{id}"))?;
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let code = body.get("code").and_then(Value::as_str);
    match (answer.status, body.get("receipt")) {
        (200, Some(receipt)) => Ok(Some(receipt.clone())),
        (404, _) if code == Some("not-found") => Ok(None),
        (status, _) => Err(format!("{} answered with status {status}", door.url())),
    }
}

/// Fetches the changes of members after a height from a node.
fn handovers(door: &dyn NodeDoor, height: String) -> Result<Vec<sealane_core::evidence::Handover>, String> {
    let answer = door.get(&format!("/ledger/handovers?from={height}"))?;
    match answer.status {
        200 => serde_json::from_slice(&answer.body).map_err(|error| error.to_string()),
        status => Err(format!("{} answered with status {status}", door.url())),
    }
}
