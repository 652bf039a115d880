//! A job: what one accepted capture has become so far. Pure.
//!
//! The events of a job are sent in one or more *pieces*, which are ranges of its events. A piece goes through the states of
//! [`PieceState`]. A job of `rollback` has one piece. A job of `proceed` is cut in halves when a node refuses it, so that the
//! events that can be recorded are. Several small jobs of one client can share one statement: then each has a piece in it.

use std::fmt;

use serde_json::{Value, json};

use sealane_core::hash::Hash;
use sealane_core::time::Timestamp;

/// A job's id: a UUID of version 7 (RFC 9562 §5.7), so that ids sort by the time at which they were given.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(String);

impl JobId {
    /// Makes an id from the time and 10 random bytes.
    pub fn new(now: Timestamp, random: [u8; 10]) -> Self {
        let millis = u64::try_from(now.millis()).unwrap_or_default();
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid().hyphenated().to_string())
    }

    /// Reads an id as a path or a row has it.
    pub fn parse(text: &str) -> Option<Self> {
        let id = uuid::Uuid::try_parse(text).ok().filter(|_| text.len() == uuid::fmt::Hyphenated::LENGTH)?;
        Some(Self(id.hyphenated().to_string()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is done with a document of which some events cannot be recorded (EPCIS 2.0 §8.2.7.1.2, `GS1-Capture-Error-Behaviour`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// Nothing of it is recorded.
    Rollback,
    /// The others are recorded.
    Proceed,
}

impl Behaviour {
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Rollback, Self::Proceed].into_iter().find(|one| one.as_str() == text)
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rollback => "rollback",
            Self::Proceed => "proceed",
        }
    }
}

/// How far a piece has come, and with it a job.
///
/// | state | what is on the disk |
/// |---|---|
/// | queued | the document |
/// | signed | the statement too; it may have been posted |
/// | sent | a node had it, and has not answered with a receipt |
/// | final | the receipt, which was verified |
/// | failed | why nothing more is done |
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PieceState {
    Queued,
    Signed,
    Sent,
    Final,
    Failed,
}

impl PieceState {
    pub const ALL: [Self; 5] = [Self::Queued, Self::Signed, Self::Sent, Self::Final, Self::Failed];

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == text)
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Signed => "signed",
            Self::Sent => "sent",
            Self::Final => "final",
            Self::Failed => "failed",
        }
    }

    /// Tells whether something is still to be done.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::Signed | Self::Sent)
    }

    /// The states that may follow.
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            // Dropped by the operator.
            Self::Queued => matches!(next, Self::Signed | Self::Failed),
            // TakenCapture apart again when the node refuses what was joined, or signed anew.
            Self::Signed | Self::Sent => {
                matches!(next, Self::Queued | Self::Signed | Self::Sent | Self::Final | Self::Failed)
            }
            Self::Final => false,
            // By `sealane gateway retry`.
            Self::Failed => matches!(next, Self::Queued),
        }
    }
}

/// The state of a job with pieces in these states: the least that any open one has reached; if none is open, `final` if a piece is,
/// since `errors` then names the events that are not.
pub fn state_of(pieces: impl IntoIterator<Item = PieceState>, behaviour: Behaviour) -> PieceState {
    let (mut open, mut is_final, mut has_failed) = (None, false, false);
    for piece in pieces {
        match piece {
            PieceState::Final => is_final = true,
            PieceState::Failed => has_failed = true,
            state => open = Some(open.map_or(state, |least: PieceState| least.min(state))),
        }
    }
    match (open, behaviour) {
        (Some(state), _) => state,
        (None, Behaviour::Proceed) if is_final => PieceState::Final,
        (None, _) if has_failed => PieceState::Failed,
        (None, _) => PieceState::Final,
    }
}

/// A piece that is still to be sent, as the lane of its client reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenPiece {
    pub job: i64,
    pub first: usize,
    pub count: usize,
    pub state: PieceState,
    /// It was refused together with others, and is sent by itself.
    pub alone: bool,
    pub statement: Option<String>,
    pub behaviour: Behaviour,
    pub received_at: Timestamp,
    /// What its document has in common with those that it may be joined with; `None` if it stands alone.
    pub joint: Option<Hash>,
}

/// Events of a joint statement: enough that signatures cost little, and few enough for a short block.
pub const JOINT_EVENTS_MAX: usize = 500;

/// Events of a job that may be joined with others. A longer document is worth a statement of its own.
pub const JOINABLE_EVENTS_MAX: usize = 64;

/// How long the first job of a joint statement waits for others, in milliseconds: less than a block takes to become final.
pub const JOINT_WAIT_MS: i64 = 50;

/// What a lane does next with its open pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Nothing is open.
    Idle,
    /// More may come for the statement that is being gathered, for so many milliseconds.
    Wait { ms: i64 },
    /// The first so many pieces make the next statement.
    Sign { pieces: usize },
    /// The first pieces have a statement, which is to be sent.
    Send,
}

/// Decides what a lane does next. `pieces` are its open pieces in order, and `joins` is false if the operator wants a statement for
/// each job.
pub fn next_step(pieces: &[OpenPiece], joins: bool, now: Timestamp) -> Next {
    let Some(first) = pieces.first() else { return Next::Idle };
    if first.statement.is_some() {
        return Next::Send;
    }
    if !joins || !is_joinable(first) {
        return Next::Sign { pieces: 1 };
    }
    let mut events = 0;
    let mut taken = 0;
    for piece in pieces {
        let fits = is_joinable(piece) && piece.joint == first.joint && events + piece.count <= JOINT_EVENTS_MAX;
        if !fits {
            // It comes after those that are gathered: nothing more can join them.
            return Next::Sign { pieces: taken };
        }
        events += piece.count;
        taken += 1;
    }
    let waited = now.millis_since(first.received_at);
    // A clock that was set back makes no job wait longer.
    match (0..JOINT_WAIT_MS).contains(&waited) && events < JOINT_EVENTS_MAX {
        true => Next::Wait { ms: JOINT_WAIT_MS - waited },
        false => Next::Sign { pieces: taken },
    }
}

fn is_joinable(piece: &OpenPiece) -> bool {
    piece.joint.is_some()
        && !piece.alone
        && piece.statement.is_none()
        && piece.behaviour == Behaviour::Rollback
        && piece.count <= JOINABLE_EVENTS_MAX
}

/// Rounds in which a refused piece of a `proceed` job is cut in halves: 2^14 is more than the 10,000 events of a capture.
pub const HALVINGS_MAX: u32 = 14;

/// The halves of a refused piece, by their counts; `None` if it cannot be cut.
pub fn halves(count: usize, behaviour: Behaviour) -> Option<(usize, usize)> {
    (behaviour == Behaviour::Proceed && count > 1).then(|| (count.div_ceil(2), count / 2))
}

/// One event that is not recorded, as `errors` of a job names it.
pub fn event_error(problem: &Value, index: usize, pointer: &str) -> Value {
    let member = |name: &str, other: Value| problem.get(name).cloned().unwrap_or(other);
    let mut error = json!({
        "type": member("type", "epcisException:ValidationException".into()),
        "title": member("title", "The event is not recorded".into()),
        "status": member("status", 400.into()),
        "detail": member("detail", Value::Null),
        "sealane:event": {"index": index, "pointer": pointer},
    });
    for name in ["code", "faults"] {
        if let Some(value) = problem.get(name) {
            error[name] = value.clone();
        }
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000 + ms).unwrap()
    }

    fn piece(count: usize) -> OpenPiece {
        OpenPiece {
            job: 1,
            first: 0,
            count,
            state: PieceState::Queued,
            alone: false,
            statement: None,
            behaviour: Behaviour::Rollback,
            received_at: at(0),
            joint: Some(Hash::of(b"frame")),
        }
    }

    #[test]
    fn an_id_is_of_version_7_and_sorts_by_time() {
        let (one, two) = (JobId::new(at(0), [0xff; 10]), JobId::new(at(1), [0; 10]));
        assert!(one < two);
        assert_eq!(uuid::Uuid::try_parse(one.as_str()).unwrap().get_version_num(), 7);
        assert_eq!(JobId::parse(one.as_str()), Some(one.clone()));
        for wrong in ["", "x", &one.as_str().replace('-', ""), &format!("{{{one}}}")] {
            assert_eq!(JobId::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn states_have_names_and_only_some_follow_each_other() {
        for state in PieceState::ALL {
            assert_eq!(PieceState::parse(state.as_str()), Some(state));
            assert!(!PieceState::Final.may_become(state));
        }
        assert!(PieceState::Queued.may_become(PieceState::Signed));
        assert!(!PieceState::Queued.may_become(PieceState::Sent), "the statement is stored before it is sent");
        assert!(!PieceState::Queued.may_become(PieceState::Final));
        assert!(PieceState::Failed.may_become(PieceState::Queued));
        assert_eq!(Behaviour::parse("proceed"), Some(Behaviour::Proceed));
        assert_eq!(Behaviour::parse("Proceed"), None);
    }

    #[test]
    fn a_job_is_as_far_as_its_least_piece() {
        use PieceState::{Failed, Final, Queued, Sent, Signed};
        let of = |pieces: &[PieceState], behaviour| state_of(pieces.iter().copied(), behaviour);
        assert_eq!(of(&[Final, Sent, Signed], Behaviour::Proceed), Signed);
        assert_eq!(of(&[Failed, Queued], Behaviour::Rollback), Queued);
        assert_eq!(of(&[Failed, Final], Behaviour::Proceed), Final);
        assert_eq!(of(&[Failed], Behaviour::Proceed), Failed);
        assert_eq!(of(&[Failed], Behaviour::Rollback), Failed);
        assert_eq!(of(&[Final], Behaviour::Rollback), Final);
        assert_eq!(of(&[], Behaviour::Proceed), Final, "every event was recorded before");
    }

    #[test]
    fn small_jobs_wait_a_little_for_each_other() {
        assert_eq!(next_step(&[], true, at(0)), Next::Idle);
        assert_eq!(next_step(&[piece(1)], true, at(0)), Next::Wait { ms: JOINT_WAIT_MS });
        assert_eq!(next_step(&[piece(1), piece(2)], true, at(20)), Next::Wait { ms: 30 });
        assert_eq!(next_step(&[piece(1), piece(2)], true, at(50)), Next::Sign { pieces: 2 });
        assert_eq!(next_step(&[piece(1)], true, at(-1)), Next::Sign { pieces: 1 }, "the clock was set back");
        assert_eq!(next_step(&[piece(1), piece(1)], false, at(0)), Next::Sign { pieces: 1 });
    }

    #[test]
    fn what_cannot_join_ends_the_statement() {
        let long = piece(JOINABLE_EVENTS_MAX + 1);
        let other = OpenPiece { joint: Some(Hash::of(b"other")), ..piece(1) };
        let header = OpenPiece { joint: None, ..piece(1) };
        let alone = OpenPiece { alone: true, ..piece(1) };
        let proceed = OpenPiece { behaviour: Behaviour::Proceed, ..piece(1) };
        for stops in [&long, &other, &header, &alone, &proceed] {
            assert_eq!(next_step(&[piece(1), stops.clone(), piece(1)], true, at(0)), Next::Sign { pieces: 1 });
        }
        for first in [long, header, alone, proceed] {
            assert_eq!(next_step(&[first, piece(1)], true, at(0)), Next::Sign { pieces: 1 });
        }
        let full: Vec<_> = (0..9).map(|_| piece(JOINABLE_EVENTS_MAX)).collect();
        assert_eq!(next_step(&full, true, at(0)), Next::Sign { pieces: JOINT_EVENTS_MAX / JOINABLE_EVENTS_MAX });
    }

    #[test]
    fn what_is_signed_is_sent_first() {
        let signed = OpenPiece { statement: Some("a".into()), state: PieceState::Signed, ..piece(1) };
        assert_eq!(next_step(&[signed, piece(1)], true, at(0)), Next::Send);
    }

    #[test]
    fn a_refused_piece_is_cut_until_one_event_is_left() {
        assert_eq!(halves(5, Behaviour::Proceed), Some((3, 2)));
        assert_eq!(halves(1, Behaviour::Proceed), None);
        assert_eq!(halves(5, Behaviour::Rollback), None);
        let (mut count, mut rounds) = (10_000, 0);
        while let Some((larger, _)) = halves(count, Behaviour::Proceed) {
            (count, rounds) = (larger, rounds + 1);
        }
        assert_eq!(rounds, HALVINGS_MAX);
    }

    #[test]
    fn an_error_names_the_event() {
        let problem = json!({"type": "epcisException:SecurityException", "title": "T", "status": 403, "detail": "D",
            "code": "role-step", "requestId": "r"});
        assert_eq!(
            event_error(&problem, 2, "/epcisBody/eventList/2"),
            json!({
                "type": "epcisException:SecurityException", "title": "T", "status": 403, "detail": "D", "code": "role-step",
                "sealane:event": {"index": 2, "pointer": "/epcisBody/eventList/2"},
            })
        );
        assert_eq!(event_error(&json!({}), 0, "")["status"], 400);
    }
}
