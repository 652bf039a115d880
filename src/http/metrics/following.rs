//! How an observer stands to the nodes that it follows, as metrics. A member's node has none of them.

use prometheus::proto::MetricFamily;
use prometheus::{IntGauge, Registry};

use crate::app::follower::Following;
use sealane_core::block::Height;
use sealane_core::time::Timestamp;

/// The metrics of an observer whose last block is `own`.
pub(super) fn families(following: &Following, own: Height, now: Timestamp) -> prometheus::Result<Vec<MetricFamily>> {
    let registry = Registry::new();
    let tell = |name: &str, help: &str, value: u64| {
        let gauge = IntGauge::new(name, help)?;
        gauge.set(super::gauge(value));
        registry.register(Box::new(gauge))
    };
    tell(
        "sealane_observer_lag_blocks",
        "Blocks that the followed node has by its own word, and that are not here.",
        following.behind(own),
    )?;
    // What is not known is not told as zero.
    if let Some(seconds) = following.behind_seconds(own, now) {
        tell(
            "sealane_observer_lag_seconds",
            "For how long this node is not known to have been level with the followed one.",
            seconds,
        )?;
    }
    if let Some(heard) = following.heard() {
        let seconds = u64::try_from(heard.seconds()).unwrap_or_default();
        tell("sealane_observer_heard_timestamp_seconds", "When a followed node answered last, since 1970.", seconds)?;
    }
    let aside = following.nodes.iter().filter(|node| node.is_set_aside).count();
    tell("sealane_observer_set_aside", "Followed nodes that have shown a block that does not stand.", aside as u64)?;
    tell(
        "sealane_observer_stopped",
        "1 while nothing is taken of any node: the ledger is forked, or goes on by rules that this program does not know.",
        following.stopped.is_some().into(),
    )?;
    Ok(registry.gather())
}

#[cfg(test)]
mod tests {
    use prometheus::{Encoder, TextEncoder};

    use super::*;
    use crate::app::follower::{FollowedNode, Stop};

    #[test]
    fn lag_is_told_once_it_is_known() {
        let now: Timestamp = "2026-11-28T12:03:00.000Z".parse().unwrap();
        let own = Height::new(4).unwrap();
        let text = |following: &Following| {
            let mut text = Vec::new();
            TextEncoder::new().encode(&families(following, own, now).unwrap(), &mut text).unwrap();
            String::from_utf8(text).unwrap()
        };
        let mut following = Following { nodes: vec![FollowedNode::default()], ..Following::default() };
        let first = text(&following);
        assert!(first.contains("sealane_observer_lag_blocks 0\n") && !first.contains("lag_seconds"), "{first}");
        following.nodes[0].tip = Some(Height::new(7).unwrap());
        following.nodes[0].is_set_aside = true;
        following.level_at = Some(now.plus_millis(-9_000));
        following.stopped = Some(Stop::Forked { height: own, url: "https://a.example".to_owned() });
        let later = text(&following);
        for line in ["lag_blocks 3", "lag_seconds 9", "set_aside 1", "stopped 1"] {
            assert!(later.contains(&format!("\nsealane_observer_{line}\n")), "{line} is missing in {later}");
        }
    }
}
