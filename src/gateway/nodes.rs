//! The nodes that a gateway sends to: in which order they are asked, and which are left alone for a while.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a node is left alone after it gave a receipt that does not verify.
pub const QUARANTINE: Duration = Duration::from_secs(10 * 60);

/// An answer of any status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoorAnswer {
    pub status: u16,
    pub retry_after_s: Option<u64>,
    pub body: Vec<u8>,
}

/// A node over HTTP. Each call blocks its thread until the node has answered or the time for that is over, and fails with words
/// for the log.
pub trait NodeDoor: Send + Sync {
    fn url(&self) -> &str;

    fn get(&self, path: &str) -> Result<DoorAnswer, String>;

    /// Posts, and asks the node to answer only when it has an answer, if `waits`.
    fn post(&self, path: &str, content_type: &str, waits: bool, body: &[u8]) -> Result<DoorAnswer, String>;
}

/// One node, and until when it is left alone.
struct Known {
    door: Arc<dyn NodeDoor>,
    quarantined_until: Mutex<Option<Instant>>,
}

/// The nodes of one ledger.
pub struct Nodes {
    all: Vec<Known>,
    /// Which one is asked first: the one that answered last.
    at: AtomicUsize,
}

impl Nodes {
    pub fn new(doors: Vec<Arc<dyn NodeDoor>>) -> Self {
        let all = doors.into_iter().map(|door| Known { door, quarantined_until: Mutex::new(None) });
        Self { all: all.collect(), at: AtomicUsize::new(0) }
    }

    pub fn all(&self) -> impl Iterator<Item = &Arc<dyn NodeDoor>> {
        self.all.iter().map(|known| &known.door)
    }

    /// The nodes that may be asked now, in the order in which they are, by their numbers.
    pub fn in_turn(&self, now: Instant) -> Vec<(usize, Arc<dyn NodeDoor>)> {
        let (first, count) = (self.at.load(Ordering::Relaxed), self.all.len());
        let order = (0..count).map(|step| (first + step) % count);
        let may = order.filter_map(|number| {
            let known = self.all.get(number)?;
            let until = *known.quarantined_until.lock().unwrap_or_else(PoisonError::into_inner);
            until.is_none_or(|until| until <= now).then(|| (number, Arc::clone(&known.door)))
        });
        may.collect()
    }

    /// Begins with this node the next time.
    pub fn stay_with(&self, number: usize) {
        self.at.store(number, Ordering::Relaxed);
    }

    /// Leaves a node alone for a while.
    pub fn quarantine(&self, number: usize, now: Instant) {
        if let Some(known) = self.all.get(number) {
            *known.quarantined_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(now + QUARANTINE);
        }
    }

    /// URLs of the nodes that are left alone.
    pub fn quarantined(&self, now: Instant) -> Vec<String> {
        let turn: Vec<usize> = self.in_turn(now).into_iter().map(|(number, _)| number).collect();
        let out = self.all.iter().enumerate().filter(|(number, _)| !turn.contains(number));
        out.map(|(_, known)| known.door.url().to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Silent(&'static str);

    impl NodeDoor for Silent {
        fn url(&self) -> &str {
            self.0
        }

        fn get(&self, _: &str) -> Result<DoorAnswer, String> {
            Err("nobody is there".into())
        }

        fn post(&self, _: &str, _: &str, _: bool, _: &[u8]) -> Result<DoorAnswer, String> {
            Err("nobody is there".into())
        }
    }

    #[test]
    fn the_one_that_answered_is_asked_first_and_a_liar_is_left_alone() {
        let nodes = Nodes::new(vec![Arc::new(Silent("a")), Arc::new(Silent("b")), Arc::new(Silent("c"))]);
        let now = Instant::now();
        let turn = |now| nodes.in_turn(now).iter().map(|(_, door)| door.url().to_owned()).collect::<Vec<_>>();
        assert_eq!(turn(now), ["a", "b", "c"]);
        nodes.stay_with(1);
        assert_eq!(turn(now), ["b", "c", "a"]);
        nodes.quarantine(1, now);
        assert_eq!((turn(now), nodes.quarantined(now)), (vec!["c".to_owned(), "a".to_owned()], vec!["b".to_owned()]));
        assert_eq!(turn(now + QUARANTINE), ["b", "c", "a"]);
        assert!(Nodes::new(Vec::new()).in_turn(now).is_empty());
    }
}
