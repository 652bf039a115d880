//! How an observer stands to the nodes that it follows, for all who ask.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Notify, watch};

use sealane_core::block::Height;
use sealane_core::ledger::UnknownRules;
use sealane_core::time::Timestamp;

/// The nodes that an observer follows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Following {
    /// In the order in which they are tried.
    pub nodes: Vec<FollowedNode>,
    /// Which of them is asked now.
    pub at: usize,
    /// When this node had every block of the one that it asked.
    pub level_at: Option<Timestamp>,
    /// Why nothing more is taken of any node, if so.
    pub stopped: Option<Stop>,
    /// This node follows none now: its key is a member's.
    pub is_idle: bool,
}

/// Why an observer takes nothing more of any node.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    /// Members have signed two blocks of one height.
    #[error(
        "the ledger is forked at height {height}: {url} shows another block than the one here, and members have signed both. \
         Nothing more is taken from any node; what is here can be read"
    )]
    Forked { height: Height, url: String },
    /// The next block is final, and by rules that this program does not know.
    #[error(
        "the members have decided on other rules, by which the next block is made: {0}, and start it again. Until then nothing \
         more is taken from any node; what is here can be read"
    )]
    Rules(UnknownRules),
}

impl Stop {
    /// The number of the rules that this program lacks, if that is why.
    pub const fn unknown_rules(&self) -> Option<u32> {
        match self {
            Self::Forked { .. } => None,
            Self::Rules(unknown) => Some(unknown.number),
        }
    }
}

/// A node that an observer follows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FollowedNode {
    pub url: String,
    /// Its last block, by its own word.
    pub tip: Option<Height>,
    /// When it answered last.
    pub heard: Option<Timestamp>,
    /// Why nothing comes of it now, if so.
    pub trouble: Option<String>,
    /// It is not asked, because of a block that does not stand.
    pub is_set_aside: bool,
    /// The last block of it that did not stand.
    pub false_block: Option<FalseBlock>,
}

/// A block of another node that does not stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FalseBlock {
    pub height: Height,
    pub fault: String,
    /// When it was met.
    pub at: Timestamp,
}

impl Following {
    /// The node that is asked now.
    pub fn node(&self) -> Option<&FollowedNode> {
        self.nodes.get(self.at)
    }

    /// When any of the nodes answered last.
    pub fn heard(&self) -> Option<Timestamp> {
        self.nodes.iter().filter_map(|node| node.heard).max()
    }

    /// Blocks that a node has by its own word, and that are not here.
    pub fn behind(&self, own: Height) -> u64 {
        let furthest = self.nodes.iter().filter_map(|node| node.tip).max();
        furthest.map_or(0, |tip| tip.get().saturating_sub(own.get()))
    }

    /// For how many seconds this node is not known to have been level; `None` before it was level the first time.
    pub fn behind_seconds(&self, own: Height, now: Timestamp) -> Option<u64> {
        let level_at = self.level_at?;
        let answers = self.node().is_some_and(|node| node.trouble.is_none() && node.heard.is_some());
        if answers && self.behind(own) == 0 {
            return Some(0);
        }
        Some(now.millis_since(level_at).max(0).unsigned_abs() / 1_000)
    }
}

/// An observer's writer, as readers see it.
#[derive(Clone)]
pub(in crate::app) struct Observing {
    pub(super) seen: watch::Receiver<Arc<Following>>,
    pub(super) woken: Arc<Notify>,
    /// How many wait for a block that a followed node has.
    pub(super) awaited: Arc<AtomicUsize>,
}

/// Has a followed node asked for new blocks more often, until this is dropped.
pub(in crate::app) struct Awaited(Arc<AtomicUsize>);

impl Drop for Awaited {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Observing {
    pub fn seen(&self) -> Arc<Following> {
        Arc::clone(&self.seen.borrow())
    }

    /// Has a followed node asked for new blocks now, and then more often than else.
    pub fn await_blocks(&self) -> Awaited {
        self.awaited.fetch_add(1, Ordering::Relaxed);
        self.woken.notify_one();
        Awaited(Arc::clone(&self.awaited))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lag_is_told_in_blocks_and_seconds() {
        let height = |number| Height::new(number).unwrap();
        let now: Timestamp = "2026-11-28T12:03:00.000Z".parse().unwrap();
        let mut following = Following::default();
        assert_eq!((following.behind(height(3)), following.behind_seconds(height(3), now)), (0, None));
        let earlier = now.plus_millis(-60_000);
        let node = FollowedNode { tip: Some(height(9)), heard: Some(now), ..FollowedNode::default() };
        following.nodes =
            vec![node, FollowedNode { tip: Some(height(4)), heard: Some(earlier), ..FollowedNode::default() }];
        assert_eq!(following.heard(), Some(now));
        assert_eq!((following.behind(height(3)), following.behind_seconds(height(3), now)), (6, None));
        following.level_at = Some(now.plus_millis(-7_900));
        assert_eq!(following.behind_seconds(height(3), now), Some(7));
        assert_eq!(following.behind_seconds(height(9), now), Some(0));
        assert_eq!((following.behind(height(11)), following.behind_seconds(height(11), now)), (0, Some(0)));
        // Of a node that does not answer, this one does not know what it has.
        following.nodes[0].trouble = Some("gone".to_owned());
        assert_eq!((following.behind(height(9)), following.behind_seconds(height(9), now)), (0, Some(7)));
    }
}
