//! How a gateway stands: what waits, and what stands in its way.

use std::sync::PoisonError;
use std::time::Instant;

use serde_json::{Value, json};

use sealane_core::block::Height;
use sealane_core::consortium::Claims;

use crate::gateway::Gateway;
use crate::gateway::keeper::KeeperError;
use crate::gateway::query::QueryStanding;

/// The age of the oldest job at which a gateway is not ready, in milliseconds.
pub const OLDEST_MS_MAX: i64 = 15 * 60 * 1_000;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// How a gateway stands now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayStanding {
    pub jobs: Vec<(&'static str, u64)>,
    pub open_bytes: u64,
    pub oldest_ms: i64,
    pub certificate_days: i64,
    pub quarantined: Vec<String>,
    /// What stands in the way, in sentences; empty if it is ready.
    pub obstacles: Vec<String>,
    pub lanes_stopped: usize,
    pub knows_ledger: bool,
    /// Of the side that answers queries, which is no part of whether the gateway is ready: captures go on without it.
    pub queries: QueryStanding,
    /// Subscriptions by state.
    pub subscriptions: Vec<(&'static str, usize)>,
}

impl Gateway {
    /// Reads how the gateway stands. Blocks its thread.
    pub fn standing(&self) -> Result<GatewayStanding, KeeperError> {
        let depth = self.keeper.depth()?;
        let now = self.clock.now();
        let oldest_ms = depth.oldest_open.map_or(0, |at| now.millis_since(at).max(0));
        let stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut obstacles: Vec<String> = stopped
            .iter()
            .map(|(client, why)| format!("jobs of {client} wait for a certificate in force: {why}"))
            .collect();
        let knows_ledger = self.proof.get().is_some();
        if let Some(why) = self.other_ledger.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            obstacles.push(why);
        } else if !knows_ledger {
            obstacles.push("no node has been reached yet, so that the ledger is not known".to_owned());
        }
        if oldest_ms > OLDEST_MS_MAX {
            obstacles.push(format!("the oldest job has waited for {} minutes", oldest_ms / 60_000));
        }
        let until = self.identities.current().not_after();
        if until <= now {
            obstacles.push(format!("the participant's certificate ended at {until}"));
        }
        let standing = GatewayStanding {
            jobs: depth.jobs.iter().map(|(state, count)| (state.as_str(), *count)).collect(),
            open_bytes: depth.open_bytes,
            oldest_ms,
            certificate_days: until.millis_since(now).div_euclid(DAY_MS),
            quarantined: self.nodes.quarantined(Instant::now()),
            obstacles,
            lanes_stopped: stopped.len(),
            knows_ledger,
            queries: self.query_standing(),
            subscriptions: self.subscriptions.as_ref().map(|all| all.counts().to_vec()).unwrap_or_default(),
        };
        self.observe(&standing);
        Ok(standing)
    }

    fn observe(&self, standing: &GatewayStanding) {
        let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        for (state, count) in &standing.jobs {
            self.metrics.jobs.with_label_values(&[state]).set(number(*count));
        }
        self.metrics.oldest_seconds.set(standing.oldest_ms / 1_000);
        self.metrics.queue_bytes.set(number(standing.open_bytes));
        self.metrics.certificate_days.set(standing.certificate_days);
        self.metrics.lanes_stopped.set(number(standing.lanes_stopped as u64));
        self.metrics.quarantined.set(number(standing.quarantined.len() as u64));
        self.metrics.ready.set(i64::from(standing.obstacles.is_empty()));
        let queries = &standing.queries;
        let height = |height: Option<Height>| height.map_or(-1, |height| number(height.get()));
        self.metrics.ledger_height.set(height(queries.ledger_height));
        self.metrics.indexed_height.set(height(queries.indexed_height));
        self.metrics.query_lag_seconds.set(queries.lag_seconds.map_or(-1, number));
        self.metrics.query_stopped.set(i64::from(queries.is_stopped()));
        self.metrics.query_ready.set(i64::from(queries.obstacle.is_none()));
        for (state, count) in &standing.subscriptions {
            self.metrics.subscriptions.with_label_values(&[state]).set(number(*count as u64));
        }
    }
}

impl GatewayStanding {
    pub fn is_ready(&self) -> bool {
        self.obstacles.is_empty()
    }

    pub fn to_json(&self) -> Value {
        let jobs: serde_json::Map<String, Value> =
            self.jobs.iter().map(|(state, count)| ((*state).to_owned(), json!(count))).collect();
        let subscriptions: serde_json::Map<String, Value> =
            self.subscriptions.iter().map(|(state, count)| ((*state).to_owned(), json!(count))).collect();
        json!({
            "status": if self.is_ready() { "ready" } else { "not ready" },
            "jobs": jobs,
            "queueBytes": self.open_bytes,
            "oldestSeconds": self.oldest_ms / 1_000,
            "certificateDays": self.certificate_days,
            "quarantined": self.quarantined,
            "obstacles": self.obstacles,
            "queries": self.queries.to_json(),
            "subscriptions": subscriptions,
        })
    }
}

/// The claims in a node's description of a participant.
pub(super) fn claims_of(body: &[u8]) -> Option<Claims> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let names = ["organization", "roles", "glns", "gs1CompanyPrefixes", "gs1Keys", "namespaces"];
    let claims: serde_json::Map<String, Value> =
        names.into_iter().filter_map(|name| Some((name.to_owned(), body.get(name)?.clone()))).collect();
    serde_json::from_value(Value::Object(claims)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_read_out_of_a_participant() {
        let body = json!({"id": "x", "status": "active", "organization": "Maker", "roles": ["manufacturer"], "glns": [],
            "gs1CompanyPrefixes": ["9506000"], "namespaces": [], "certificates": []});
        assert_eq!(claims_of(body.to_string().as_bytes()).unwrap().gs1_company_prefixes.len(), 1);
        assert!(claims_of(b"{}").is_none());
    }
}
