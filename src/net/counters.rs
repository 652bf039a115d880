//! What the network has done, in numbers, and what it complains of, in few words.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use super::limits::ONCE_A_MINUTE;
use super::trouble::{TROUBLES, Trouble};

/// Numbers since the start. Each only grows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerCounts {
    pub frames_in: u64,
    pub frames_out: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// Connections on which both sides said hello.
    pub connected: u64,
    /// Connections that were dropped unread, since too many others had not shown who they are.
    pub half_open_refused: u64,
    /// Messages that were dropped for a node that does not keep up.
    pub statements_dropped: u64,
    pub statuses_dropped: u64,
    /// Messages of candidates that only members may send.
    pub candidate_messages_refused: u64,
    /// Addresses whose signature does not hold, or whose signer may not connect.
    pub addresses_refused: u64,
    /// Connections that were not made or came to an end, by the reason's name.
    pub troubles: Vec<(&'static str, u64)>,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub frames_in: AtomicU64,
    pub frames_out: AtomicU64,
    pub bytes_in: AtomicU64,
    pub bytes_out: AtomicU64,
    pub connected: AtomicU64,
    pub half_open_refused: AtomicU64,
    pub statements_dropped: AtomicU64,
    pub statuses_dropped: AtomicU64,
    pub candidate_messages_refused: AtomicU64,
    pub addresses_refused: AtomicU64,
    troubles: [AtomicU64; TROUBLES.len()],
    complaints: Mutex<Complaints>,
}

/// What was not logged yet.
#[derive(Debug, Default)]
struct Complaints {
    logged: Option<Instant>,
    kept_back: u64,
}

pub(super) fn count(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}

impl Counters {
    pub fn read(&self) -> PeerCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        PeerCounts {
            frames_in: read(&self.frames_in),
            frames_out: read(&self.frames_out),
            bytes_in: read(&self.bytes_in),
            bytes_out: read(&self.bytes_out),
            connected: read(&self.connected),
            half_open_refused: read(&self.half_open_refused),
            statements_dropped: read(&self.statements_dropped),
            statuses_dropped: read(&self.statuses_dropped),
            candidate_messages_refused: read(&self.candidate_messages_refused),
            addresses_refused: read(&self.addresses_refused),
            troubles: TROUBLES.iter().zip(&self.troubles).map(|(name, counter)| (*name, read(counter))).collect(),
        }
    }

    /// Counts a trouble. One that is not usual is logged, once a minute at the most, whoever makes how many of them.
    pub fn trouble(&self, trouble: &Trouble, with: &str, address: Option<IpAddr>) {
        if let Some(counter) = self.troubles.get(trouble.number()) {
            count(counter, 1);
        }
        if trouble.is_usual() {
            tracing::debug!(with, ?address, kind = trouble.name(), "{trouble}");
            return;
        }
        if let Some(kept_back) = self.may_log() {
            tracing::warn!(
                with,
                ?address,
                kind = trouble.name(),
                kept_back,
                "a connection between members: {with} {trouble}"
            );
        }
    }

    /// Tells whether a line may be logged now, and how many were not since the last one.
    pub fn may_log(&self) -> Option<u64> {
        let mut complaints = self.complaints.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if complaints.logged.is_some_and(|logged| now.duration_since(logged) < ONCE_A_MINUTE) {
            complaints.kept_back += 1;
            return None;
        }
        complaints.logged = Some(now);
        Some(std::mem::take(&mut complaints.kept_back))
    }
}

impl PeerCounts {
    /// How many connections ended, or were not made, for the reason of a name.
    pub fn trouble(&self, name: &str) -> u64 {
        self.troubles.iter().find(|(known, _)| *known == name).map_or(0, |(_, count)| *count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_thousand_faults_are_counted_and_told_once_a_minute() {
        let counters = Counters::default();
        let told = (0..1_000).filter(|_| counters.may_log().is_some()).count();
        assert_eq!(told, 1);
        tokio::time::advance(ONCE_A_MINUTE).await;
        assert_eq!(counters.may_log(), Some(999));
        (0..5).for_each(|_| counters.trouble(&Trouble::SlowFrame, "somebody", None));
        assert_eq!((counters.read().trouble("slow-frame"), counters.read().trouble("twin")), (5, 0));
    }

    #[test]
    fn each_trouble_has_a_name_of_its_own() {
        let mut names = TROUBLES.to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), TROUBLES.len());
        assert_eq!(Trouble::NoHello.name(), "no-hello");
        assert_eq!(Trouble::Closed(std::io::ErrorKind::Other.into()).name(), "closed");
    }
}
