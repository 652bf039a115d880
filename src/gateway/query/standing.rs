//! How far the rows are, and why queries cannot be answered.

use std::sync::{Arc, PoisonError};

use serde_json::{Value, json};

use sealane_core::block::Height;
use sealane_core::merkle::TreeSize;
use sealane_core::time::Timestamp;

use super::indexer::Progress;
use super::{NotOpened, Queries, QuerySide};
use crate::app::Ledger;
use crate::app::follower::{Following, Stop};

/// Why queries cannot be answered now. Captures go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryObstacle {
    #[error("this gateway only captures: it was started with --no-query")]
    Off,
    #[error("the ledger is not here yet: no node has been reached, or the gateway has just begun")]
    NoLedger,
    #[error(transparent)]
    NotOpened(NotOpened),
    #[error("no block of the ledger has been read yet")]
    NothingIndexed,
    /// The rows were made from a longer copy of the ledger.
    #[error(
        "the query store has been brought up to block {rows}, and the gateway's copy of the ledger is at {copy} and catches up"
    )]
    Ahead { rows: Height, copy: Height },
    /// The rows have not had all that nodes have since this start. An answer would leave out what is missing, and say nothing of it.
    #[error("the gateway catches up with the ledger, and is at block {rows} of {tip}")]
    CatchingUp { rows: Height, tip: Height },
    #[error(transparent)]
    Stopped(Stop),
    /// Every node has shown a block that does not stand, and none has shown a good one since.
    #[error("block {height}, as {url} shows it, does not stand, and no other node has shown a good one since: {fault}")]
    FalseBlock { url: String, height: Height, fault: String },
}

/// How the side of a gateway stands that answers queries.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QueryStanding {
    /// The last block of the gateway's copy of the ledger.
    pub ledger_height: Option<Height>,
    /// The last block whose events can be asked for, and the leaves up to its end.
    pub indexed_height: Option<Height>,
    pub indexed_size: Option<TreeSize>,
    /// For how long the rows are not known to have all that nodes have.
    pub lag_seconds: Option<u64>,
    pub obstacle: Option<QueryObstacle>,
    /// What fails and is tried again, while queries are answered.
    pub trouble: Option<String>,
}

impl Queries {
    /// The rows, or why they cannot be asked now.
    pub fn side(&self) -> Result<QuerySide, QueryObstacle> {
        let (Some(store), Some(ledger)) = (self.store.get(), self.ledger.get()) else {
            let not_opened = self.not_opened.lock().unwrap_or_else(PoisonError::into_inner).clone();
            return Err(not_opened.map_or(QueryObstacle::NoLedger, QueryObstacle::NotOpened));
        };
        if let Some(obstacle) = ledger.following().and_then(|following| obstacle_of(&following)) {
            return Err(obstacle);
        }
        let progress = self.progress();
        if let Some(rows) = progress.ahead {
            return Err(QueryObstacle::Ahead { rows, copy: ledger.view().tip.seal.height });
        }
        let cursor = progress.cursor.ok_or(QueryObstacle::NothingIndexed)?;
        let own = ledger.view().tip.seal.height;
        let of_nodes = ledger.following().map_or(Ok(own), |following| first_tip(&following, own))?;
        if progress.level_at.is_none() && cursor.height < own || cursor.height < of_nodes {
            return Err(QueryObstacle::CatchingUp { rows: cursor.height, tip: own.max(of_nodes) });
        }
        Ok(QuerySide { store: Arc::clone(store), cursor, registry: Arc::clone(&ledger.view().registry) })
    }

    pub fn standing(&self, now: Timestamp) -> QueryStanding {
        let (ledger, progress) = (self.ledger.get(), self.progress());
        QueryStanding {
            ledger_height: ledger.map(|ledger| ledger.view().tip.seal.height),
            indexed_height: progress.cursor.map(|cursor| cursor.height),
            indexed_size: progress.cursor.map(|cursor| cursor.size),
            lag_seconds: ledger.and_then(|ledger| lag(ledger, &progress, now)),
            obstacle: self.side().err(),
            trouble: progress.trouble,
        }
    }
}

/// Why nothing more comes of the nodes, if what they have shown is wrong.
fn obstacle_of(following: &Following) -> Option<QueryObstacle> {
    if let Some(stop) = &following.stopped {
        return Some(QueryObstacle::Stopped(stop.clone()));
    }
    let mut last = None;
    for node in &following.nodes {
        let false_block = node.false_block.as_ref()?;
        if following.level_at.is_some_and(|level_at| level_at >= false_block.at) {
            return None;
        }
        last = Some((node, false_block));
    }
    last.map(|(node, false_block)| QueryObstacle::FalseBlock {
        url: node.url.clone(),
        height: false_block.height,
        fault: false_block.fault.clone(),
    })
}

/// The block that the copy has to reach before its rows can be asked: until it was level with a node the first time, the last one that any
/// of them has. A node that cannot be reached holds up nothing.
fn first_tip(following: &Following, own: Height) -> Result<Height, QueryObstacle> {
    if following.level_at.is_some() || following.is_idle {
        return Ok(Height::GENESIS);
    }
    let is_asked = following.nodes.iter().any(|node| node.trouble.is_some());
    if following.heard().is_none() && !is_asked && !following.nodes.is_empty() {
        return Err(QueryObstacle::NoLedger);
    }
    Ok(following.nodes.iter().filter_map(|node| node.tip).max().map_or(own, |tip| tip.max(own)))
}

/// Seconds since the rows had all that nodes have; before they had it the first time, since their last block was made.
fn lag(ledger: &Ledger, progress: &Progress, now: Timestamp) -> Option<u64> {
    let since = |time: Timestamp| now.millis_since(time).max(0).unsigned_abs() / 1_000;
    let cursor = progress.cursor?;
    let tip = ledger.view().tip.seal.height;
    let of_copy = ledger.following().and_then(|following| following.behind_seconds(tip, now));
    let of_rows = if cursor.height >= tip { Some(0) } else { progress.level_at.map(since) };
    Some(of_copy.zip(of_rows).map_or_else(|| since(cursor.time), |(of_copy, of_rows)| of_copy.max(of_rows)))
}

impl QueryStanding {
    /// How a gateway stands that answers no queries.
    pub fn off() -> Self {
        Self { obstacle: Some(QueryObstacle::Off), ..Self::default() }
    }

    /// Tells whether what nodes have shown keeps queries from being answered.
    pub fn is_stopped(&self) -> bool {
        matches!(self.obstacle, Some(QueryObstacle::Stopped(_) | QueryObstacle::FalseBlock { .. }))
    }

    pub fn to_json(&self) -> Value {
        let status = match &self.obstacle {
            None => "ready",
            Some(QueryObstacle::Off) => "off",
            Some(_) => "not ready",
        };
        json!({
            "status": status,
            "ledgerHeight": self.ledger_height,
            "indexedHeight": self.indexed_height,
            "indexedSize": self.indexed_size,
            "lagSeconds": self.lag_seconds,
            "obstacle": self.obstacle.as_ref().map(ToString::to_string),
            "trouble": self.trouble,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::follower::{FalseBlock, FollowedNode};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn liar(met: &str) -> FollowedNode {
        let false_block = FalseBlock { height: Height::new(7).unwrap(), fault: "a wrong root".to_owned(), at: at(met) };
        FollowedNode {
            url: "https://liar.example".to_owned(),
            false_block: Some(false_block),
            ..FollowedNode::default()
        }
    }

    #[test]
    fn false_blocks_are_an_obstacle_once_every_node_has_shown_one() {
        let honest = FollowedNode::default();
        let mut following = Following { nodes: vec![liar("2026-03-01T08:00:00Z"), honest], ..Following::default() };
        assert_eq!(obstacle_of(&following), None);
        following.nodes.pop();
        let obstacle = obstacle_of(&following).unwrap();
        assert!(
            obstacle.to_string().contains("block 7, as https://liar.example shows it, does not stand"),
            "{obstacle}"
        );
        following.level_at = Some(at("2026-03-01T07:00:00Z"));
        assert_eq!(obstacle_of(&following), Some(obstacle));
        following.level_at = Some(at("2026-03-01T08:00:01Z"));
        assert_eq!(obstacle_of(&following), None, "it has shown good ones since");
        assert_eq!(obstacle_of(&Following::default()), None);
    }

    #[test]
    fn a_copy_that_was_never_level_is_an_obstacle_while_a_node_has_more() {
        let height = |number: u64| Height::new(number).unwrap();
        let node = |tip: Option<u64>, trouble: Option<&str>| FollowedNode {
            tip: tip.map(height),
            heard: tip.map(|_| at("2026-03-01T08:00:00Z")),
            trouble: trouble.map(str::to_owned),
            ..FollowedNode::default()
        };
        let tip = |nodes: Vec<FollowedNode>, level_at: Option<&str>| {
            first_tip(&Following { nodes, level_at: level_at.map(at), ..Following::default() }, height(7))
        };
        assert_eq!(tip(vec![node(None, None)], None), Err(QueryObstacle::NoLedger), "it has just begun");
        assert_eq!(tip(vec![node(Some(90), None)], None), Ok(height(90)));
        assert_eq!(tip(vec![node(Some(7), None), node(Some(9), None)], None), Ok(height(9)));
        assert_eq!(tip(vec![node(None, Some("refused"))], None), Ok(height(7)), "what is here is answered");
        assert_eq!(tip(vec![node(Some(90), None)], Some("2026-03-01T08:00:00Z")), Ok(Height::GENESIS));
        assert_eq!(tip(Vec::new(), None), Ok(height(7)));
    }

    #[test]
    fn a_fork_is_an_obstacle() {
        let stop = Stop::Forked { height: Height::GENESIS, url: "https://a.example".to_owned() };
        let following = Following { stopped: Some(stop.clone()), ..Following::default() };
        assert_eq!(obstacle_of(&following), Some(QueryObstacle::Stopped(stop)));
    }
}
