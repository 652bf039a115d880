//! Rows of the gateway's tables, and what they stand for.

use std::collections::BTreeSet;
use std::str::FromStr;

use diesel::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use sealane_core::hash::Hash;
use sealane_core::time::Timestamp;

use super::schema::{clients, jobs, pieces, statements};
use crate::gateway::clients::{Allowed, GatewayClient, Scope};
use crate::gateway::job::{Behaviour, JobId, OpenPiece, PieceState};
use crate::gateway::keeper::{KeeperError, KeptJob, KeptPiece};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = clients)]
pub struct ClientRow {
    name: String,
    key_id: String,
    key_hash: String,
    scopes: String,
    steps: String,
    locations: String,
    per_second: Option<i64>,
    created_at: i64,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = jobs)]
pub struct JobRow {
    pub seq: i64,
    id: String,
    client: String,
    received_at: i64,
    finished_at: Option<i64>,
    digest: Vec<u8>,
    behaviour: String,
    state: String,
    told: String,
}

/// What a job tells of itself beside its state, as one column of JSON.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct JobTold {
    pub errors: Vec<Value>,
    pub changed: Value,
    pub repeated: Vec<Value>,
    pub reason: Option<String>,
}

impl JobTold {
    pub fn to_text(&self) -> String {
        // It is made of JSON that was read, which can always be written.
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = pieces)]
pub struct PieceRow {
    pub job: i64,
    pub first: i64,
    pub count: i64,
    pub state: String,
    pub alone: bool,
    pub statement: Option<String>,
    pub at: i64,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = statements)]
pub struct StandingRow {
    receipt: Option<String>,
    node: Option<String>,
    attempts: i64,
    next_at: Option<i64>,
    trouble: Option<String>,
}

pub fn corrupt(what: impl ToString) -> KeeperError {
    KeeperError::Corrupt(what.to_string())
}

pub fn time(millis: i64) -> Result<Timestamp, KeeperError> {
    Timestamp::from_millis(millis).ok_or_else(|| corrupt(format!("{millis} is no time")))
}

pub fn number(value: i64) -> Result<usize, KeeperError> {
    usize::try_from(value).map_err(corrupt)
}

pub fn hash(bytes: &[u8]) -> Result<Hash, KeeperError> {
    Hash::from_slice(bytes).ok_or_else(|| corrupt("a digest that has not 32 bytes"))
}

pub fn row_number(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub fn json<T: DeserializeOwned>(text: &str) -> Result<T, KeeperError> {
    serde_json::from_str(text).map_err(corrupt)
}

pub fn text<T: FromStr<Err = String>>(text: &str) -> Result<T, KeeperError> {
    text.parse().map_err(corrupt)
}

pub fn state(text: &str) -> Result<PieceState, KeeperError> {
    PieceState::parse(text).ok_or_else(|| corrupt(format!("{text:?} is no state")))
}

pub fn behaviour(text: &str) -> Result<Behaviour, KeeperError> {
    Behaviour::parse(text).ok_or_else(|| corrupt(format!("{text:?} is no behaviour")))
}

/// A text that every database takes: PostgreSQL has no NUL in a text, and a node's answer may have one.
pub fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').filter(|word| !word.is_empty())
}

fn joined(all: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    all.into_iter().map(|one| one.as_ref().to_owned()).collect::<Vec<_>>().join(",")
}

impl ClientRow {
    pub fn of(client: &GatewayClient) -> Self {
        Self {
            name: client.name.as_str().to_owned(),
            key_id: client.key_id.clone(),
            key_hash: client.key_hash.clone(),
            scopes: joined(client.scopes.iter().map(|scope| scope.as_str())),
            steps: joined(&client.allowed.steps),
            locations: joined(&client.allowed.locations),
            per_second: client.per_second.map(i64::from),
            created_at: client.created_at.millis(),
        }
    }

    pub fn into_client(self) -> Result<GatewayClient, KeeperError> {
        let scopes: Result<BTreeSet<Scope>, KeeperError> = words(&self.scopes).map(text).collect();
        let set = |list: &str| words(list).map(str::to_owned).collect();
        Ok(GatewayClient {
            name: text(&self.name)?,
            key_id: self.key_id,
            key_hash: self.key_hash,
            scopes: scopes?,
            allowed: Allowed { steps: set(&self.steps), locations: set(&self.locations) },
            per_second: self.per_second.map(u32::try_from).transpose().map_err(corrupt)?,
            created_at: time(self.created_at)?,
        })
    }
}

impl JobRow {
    pub fn into_job(self, pieces: Vec<KeptPiece>) -> Result<KeptJob, KeeperError> {
        let told: JobTold = json(&self.told)?;
        Ok(KeptJob {
            seq: self.seq,
            id: JobId::parse(&self.id).ok_or_else(|| corrupt(format!("{:?} is no job's id", self.id)))?,
            client: text(&self.client)?,
            received_at: time(self.received_at)?,
            finished_at: self.finished_at.map(time).transpose()?,
            behaviour: behaviour(&self.behaviour)?,
            state: state(&self.state)?,
            events: pieces.iter().map(|piece| piece.count).sum(),
            digest: hash(&self.digest)?,
            errors: told.errors,
            changed: told.changed,
            repeated: told.repeated,
            reason: told.reason,
            pieces,
        })
    }
}

impl PieceRow {
    pub fn into_piece(self, standing: Option<StandingRow>) -> Result<KeptPiece, KeeperError> {
        let piece = KeptPiece {
            first: number(self.first)?,
            count: number(self.count)?,
            state: state(&self.state)?,
            statement: self.statement,
            at: number(self.at)?,
            receipt: None,
            node: None,
            attempts: 0,
            next_at: None,
            trouble: None,
        };
        let Some(standing) = standing else { return Ok(piece) };
        Ok(KeptPiece {
            receipt: standing.receipt.as_deref().map(json).transpose()?,
            node: standing.node,
            attempts: u32::try_from(standing.attempts).unwrap_or(u32::MAX),
            next_at: standing.next_at.map(time).transpose()?,
            trouble: standing.trouble,
            ..piece
        })
    }

    pub fn into_open(self, of_job: &str, received_at: i64, joint: Option<Vec<u8>>) -> Result<OpenPiece, KeeperError> {
        Ok(OpenPiece {
            job: self.job,
            first: number(self.first)?,
            count: number(self.count)?,
            state: state(&self.state)?,
            alone: self.alone,
            statement: self.statement,
            behaviour: behaviour(of_job)?,
            received_at: time(received_at)?,
            joint: joint.as_deref().map(hash).transpose()?,
        })
    }
}
