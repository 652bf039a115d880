//! A vote log in memory, which loses what was not flushed.

use fastrand::Rng;
use sealane_core::agreement::Logged;
use sealane_core::block::Height;

/// A vote log: what was appended is durable once flushed.
#[derive(Debug, Clone)]
pub struct SimulatedLog {
    /// The height under way, and what was said of it.
    pub height: Height,
    pub entries: Vec<Logged>,
    durable: (Height, Vec<Logged>),
}

impl SimulatedLog {
    pub fn new() -> Self {
        let first = (Height::GENESIS, Vec::new());
        Self { height: first.0, entries: Vec::new(), durable: first }
    }

    pub fn begin(&mut self, height: Height) {
        assert!(height >= self.height, "the log is told to go down");
        if height > self.height {
            self.height = height;
            self.entries.clear();
        }
    }

    pub fn flush(&mut self) {
        self.durable = (self.height, self.entries.clone());
    }

    /// What a crash leaves: all that was flushed, and of the rest nothing, or its beginning.
    pub fn crash(&mut self, dice: &mut Rng) {
        let (height, entries) = &self.durable;
        if *height == self.height {
            let kept = dice.usize(entries.len()..=self.entries.len());
            self.entries.truncate(kept);
        } else if dice.bool() {
            let kept = dice.usize(..=self.entries.len());
            self.entries.truncate(kept);
        } else {
            (self.height, self.entries) = (*height, entries.clone());
        }
        self.flush();
    }

    /// What the mutation leaves in which nothing is ever flushed.
    pub fn crash_without_flush(&mut self) {
        self.entries.clear();
        self.flush();
    }
}
