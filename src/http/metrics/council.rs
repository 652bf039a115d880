//! How the members stand, as metrics. They are made anew for each answer, so that a member that left is not in the next one.

use std::collections::BTreeMap;

use prometheus::proto::MetricFamily;
use prometheus::{GaugeVec, IntCounterVec, IntGaugeVec, Opts, Registry};

use crate::app::council::{Council, MemberStanding};

/// Characters of a `kid` that tell two members of one name apart.
const KID_CHARS: usize = 8;

/// The metrics of the members, as this node sees them.
pub(super) fn families(council: &Council) -> prometheus::Result<Vec<MetricFamily>> {
    let registry = Registry::new();
    let members = IntGaugeVec::new(
        Opts::new("sealane_consensus_members", "Members that can be reached, this one among them, and others."),
        &["state"],
    )?;
    let lags = IntGaugeVec::new(
        Opts::new("sealane_peer_lag_blocks", "Blocks that a member is behind the one that is furthest."),
        &["member"],
    )?;
    let round_trips = GaugeVec::new(
        Opts::new("sealane_peer_rtt_seconds", "How long a ping to another member took there and back."),
        &["member"],
    )?;
    let offsets = GaugeVec::new(
        Opts::new("sealane_clock_offset_seconds", "How far another member's clock is ahead of this node's."),
        &["member"],
    )?;
    let invalid = IntCounterVec::new(
        Opts::new("sealane_invalid_bodies_total", "Proposed blocks that this node voted against."),
        &["reason"],
    )?;
    registry.register(Box::new(members.clone()))?;
    registry.register(Box::new(lags.clone()))?;
    registry.register(Box::new(round_trips.clone()))?;
    registry.register(Box::new(offsets.clone()))?;
    registry.register(Box::new(invalid.clone()))?;

    let reachable = council.reachable();
    members.with_label_values(&["reachable"]).set(super::gauge(reachable as u64));
    members.with_label_values(&["missing"]).set(super::gauge((council.members.len() - reachable) as u64));
    for (label, member) in labels(&council.members) {
        if let Some(lag) = council.lag(member) {
            lags.with_label_values(&[&label]).set(super::gauge(lag));
        }
        if let Some(round_trip) = member.round_trip {
            round_trips.with_label_values(&[&label]).set(round_trip.as_secs_f64());
        }
        if let Some(offset_ms) = member.clock_offset_ms {
            offsets.with_label_values(&[&label]).set(offset_ms as f64 / 1_000.0);
        }
    }
    for (reason, count) in &council.invalid_bodies {
        invalid.with_label_values(&[reason]).inc_by(*count);
    }
    Ok(registry.gather())
}

/// Each member by its name, with the beginning of its `kid` if another one has that name.
fn labels(members: &[MemberStanding]) -> impl Iterator<Item = (String, &MemberStanding)> {
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    for member in members {
        *names.entry(&member.name).or_default() += 1;
    }
    members.iter().map(move |member| {
        let is_alone = names.get(member.name.as_str()).is_none_or(|count| *count == 1);
        let kid: String = member.kid.to_string().chars().take(KID_CHARS).collect();
        (if is_alone { member.name.clone() } else { format!("{} ({kid})", member.name) }, member)
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use prometheus::{Encoder, TextEncoder};
    use sealane_core::block::Height;
    use sealane_core::hash::Hash;

    use super::*;

    fn member(name: &str, key: &str, tip: u64) -> MemberStanding {
        MemberStanding {
            kid: Hash::of(key.as_bytes()),
            name: name.to_owned(),
            is_self: false,
            reachable: true,
            heard: None,
            connected_since: None,
            address: None,
            tip: Some(Height::new(tip).unwrap()),
            root: None,
            round_trip: Some(Duration::from_millis(20)),
            clock_offset_ms: Some(-250),
            trouble: None,
            faults: 0,
        }
    }

    fn text(council: &Council) -> String {
        let mut text = Vec::new();
        TextEncoder::new().encode(&families(council).unwrap(), &mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[track_caller]
    fn has(text: &str, line: &str) {
        assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
    }

    #[test]
    fn each_member_has_its_own_series() {
        let own = MemberStanding { is_self: true, round_trip: None, clock_offset_ms: None, ..member("A", "a", 9) };
        let gone = MemberStanding {
            reachable: false,
            tip: None,
            round_trip: None,
            clock_offset_ms: None,
            ..member("D", "d", 1)
        };
        let council = Council {
            members: vec![own, member("B", "b", 7), member("B", "c", 9), gone],
            invalid_bodies: BTreeMap::from([("time".to_owned(), 2), ("empty".to_owned(), 1)]),
            ..Council::default()
        };
        let text = text(&council);
        let kid: String = Hash::of(b"b").to_string().chars().take(8).collect();
        for line in [
            r#"sealane_consensus_members{state="reachable"} 3"#,
            r#"sealane_consensus_members{state="missing"} 1"#,
            r#"sealane_peer_lag_blocks{member="A"} 0"#,
            &format!(r#"sealane_peer_lag_blocks{{member="B ({kid})"}} 2"#),
            &format!(r#"sealane_peer_rtt_seconds{{member="B ({kid})"}} 0.02"#),
            &format!(r#"sealane_clock_offset_seconds{{member="B ({kid})"}} -0.25"#),
            r#"sealane_invalid_bodies_total{reason="time"} 2"#,
            r#"sealane_invalid_bodies_total{reason="empty"} 1"#,
        ] {
            has(&text, line);
        }
        // What is not known is not told as zero.
        assert!(!text.contains(r#"member="D""#) && !text.contains(r#"rtt_seconds{member="A""#), "{text}");
    }

    #[test]
    fn one_member_alone_is_reachable() {
        let own = MemberStanding { is_self: true, round_trip: None, clock_offset_ms: None, ..member("A", "a", 9) };
        let text = text(&Council { members: vec![own], ..Council::default() });
        has(&text, r#"sealane_consensus_members{state="reachable"} 1"#);
        has(&text, r#"sealane_consensus_members{state="missing"} 0"#);
        assert!(!text.contains("rtt") && !text.contains("invalid"), "{text}");
    }
}
