//! How an observer stands to the nodes that it follows, as JSON: in `GET /members` and `GET /health/ready`.

use serde::Serialize;
use utoipa::ToSchema;

use crate::app::Ledger;
use crate::app::follower::{FollowedNode, Following, Stop};

/// How an observer stands to the nodes that it follows. What it does not know is left out.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Following)]
pub struct FollowingBody {
    /// The node that is asked now.
    url: String,
    /// This node's last block.
    height: u64,
    /// Blocks that a followed node has by its own word, and that are not here.
    behind: u64,
    /// For how many seconds this node is not known to have been level.
    #[serde(skip_serializing_if = "Option::is_none")]
    behind_seconds: Option<u64>,
    /// When any of the nodes answered last.
    #[serde(skip_serializing_if = "Option::is_none")]
    heard: Option<String>,
    /// Why nothing more is taken of any node.
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped: Option<String>,
    /// The number of the rules that this node's program does not know, if it has stopped for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown_rules: Option<u32>,
    /// Every node that is followed, in the order in which they are tried.
    nodes: Vec<FollowedBody>,
}

/// A node that is followed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FollowedNode)]
pub struct FollowedBody {
    url: String,
    /// Its last block, by its own word.
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    heard: Option<String>,
    /// Why nothing comes of it now.
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<String>,
    /// It is not asked for a while, because of a block that does not stand.
    set_aside: bool,
    /// The last block of it that did not stand.
    #[serde(skip_serializing_if = "Option::is_none")]
    false_block: Option<FalseBlockBody>,
}

/// A block that did not stand.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FalseBlock)]
pub struct FalseBlockBody {
    height: u64,
    fault: String,
    /// When it was met.
    at: String,
}

impl FollowingBody {
    pub fn new(following: &Following, ledger: &Ledger) -> Self {
        let own = ledger.view().tip.seal.height;
        let node = following.node();
        Self {
            url: node.map(|node| node.url.clone()).unwrap_or_default(),
            height: own.get(),
            behind: following.behind(own),
            behind_seconds: following.behind_seconds(own, ledger.now()),
            heard: following.heard().map(|heard| heard.to_string()),
            stopped: following.stopped.as_ref().map(ToString::to_string),
            unknown_rules: following.stopped.as_ref().and_then(Stop::unknown_rules),
            nodes: following.nodes.iter().map(FollowedBody::from).collect(),
        }
    }
}

impl From<&FollowedNode> for FollowedBody {
    fn from(node: &FollowedNode) -> Self {
        Self {
            url: node.url.clone(),
            height: node.tip.map(|tip| tip.get()),
            heard: node.heard.map(|heard| heard.to_string()),
            trouble: node.trouble.clone(),
            set_aside: node.is_set_aside,
            false_block: node.false_block.as_ref().map(|one| FalseBlockBody {
                height: one.height.get(),
                fault: one.fault.clone(),
                at: one.at.to_string(),
            }),
        }
    }
}
