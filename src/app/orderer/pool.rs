//! Statements that wait for a place: those of this node's clients, and those that other members have sent.
//!
//! A statement is known by the hash of its leaf, which is over all of its bytes. By its id alone, a liar could put a known
//! statement with a broken signature in the place of the verified one.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use crate::app::orderer::job::{JobReply, OrderError, answer_all};
use sealane_core::hash::Hash;
use sealane_core::ledger::Candidate;
use sealane_core::statement::StatementId;

/// Statements that may wait of one source, so that no source takes the place of another.
pub const POOL_STATEMENTS_MAX: usize = 4_096;

/// Bytes of statements that may wait of one source.
pub const POOL_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Forms of one statement that may wait: the signature of a signing input can be made anew without end.
const FORMS_MAX: usize = 4;

/// How long a statement waits that no client of this node waits for. The member whose client does says it again.
pub const FOREIGN_FOR: Duration = Duration::from_secs(60);

/// Places of a queue that may be empty, beside as many as are taken, before they are cleared away.
const ORDER_SLACK: usize = 64;

/// Who brought a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BroughtBy {
    /// A client of this node.
    Client,
    /// The member with this `kid`.
    Member(Hash),
}

/// The statements that wait, in turn from each source.
#[derive(Debug, Default)]
pub struct Pool {
    /// In an order that is the same in each run, since what is said to others follows it.
    waiting: BTreeMap<Hash, Waiting>,
    forms: HashMap<StatementId, Vec<Hash>>,
    queues: BTreeMap<BroughtBy, Queue>,
    /// The source whose turn is next.
    turn: Option<BroughtBy>,
}

#[derive(Debug)]
struct Waiting {
    candidate: Candidate,
    source: BroughtBy,
    since: Instant,
    senders: Vec<JobReply>,
}

#[derive(Debug, Default)]
struct Queue {
    /// In the order of arrival. Those that are gone from `waiting` are skipped.
    order: VecDeque<Hash>,
    statements: usize,
    bytes: usize,
}

impl Pool {
    /// Statements that wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Bytes of the statements that wait.
    pub fn bytes(&self) -> usize {
        self.queues.values().map(|queue| queue.bytes).sum()
    }

    /// Tells whether a source may bring no more.
    pub fn is_full_for(&self, source: BroughtBy) -> bool {
        self.queues.get(&source).is_some_and(Queue::is_full)
    }

    /// The statement with a leaf, if it waits.
    pub fn get(&self, leaf: &Hash) -> Option<&Candidate> {
        self.waiting.get(leaf).map(|waiting| &waiting.candidate)
    }

    /// Takes a statement, and who waits for it. If its source has as many waiting as it may, or as many forms of it wait as may,
    /// it is not taken, and its sender is told so.
    pub fn add(&mut self, candidate: Candidate, source: BroughtBy, sender: Option<JobReply>, now: Instant) {
        let leaf = candidate.leaf_hash();
        if let Some(waiting) = self.waiting.get_mut(&leaf) {
            // It is this node's own now: it is kept as long as its client waits, and said again.
            return waiting.senders.extend(sender);
        }
        let waiting_forms = self.forms.get(&candidate.id()).map_or(0, Vec::len);
        if waiting_forms >= FORMS_MAX || self.is_full_for(source) {
            return answer_all(sender.into_iter().collect(), &Err(OrderError::Busy));
        }
        let forms = self.forms.entry(candidate.id()).or_default();
        forms.push(leaf);
        let queue = self.queues.entry(source).or_default();
        queue.order.push_back(leaf);
        queue.statements += 1;
        queue.bytes += bytes_of(&candidate);
        self.waiting.insert(leaf, Waiting { candidate, source, since: now, senders: sender.into_iter().collect() });
    }

    /// Copies of what waits, in turn from each source: up to so many statements, and no more once so many bytes are reached.
    pub fn offer(&mut self, statements_max: usize, bytes_max: usize) -> Vec<Candidate> {
        let mut offered = Vec::new();
        let mut bytes = 0;
        let sources: Vec<BroughtBy> = self.queues.keys().copied().collect();
        let Some(begin) = sources.iter().position(|source| Some(*source) >= self.turn).or(Some(0)) else {
            return offered;
        };
        let mut cursors: Vec<(BroughtBy, usize)> = Vec::with_capacity(sources.len());
        for at in 0..sources.len() {
            cursors.push((sources[(begin + at) % sources.len()], 0));
        }
        let mut left = cursors.len();
        while left > 0 && offered.len() < statements_max && bytes < bytes_max {
            left = 0;
            for (source, cursor) in &mut cursors {
                let Some(queue) = self.queues.get(source) else { continue };
                let next = queue.order.iter().skip(*cursor).position(|leaf| self.waiting.contains_key(leaf));
                let Some(skipped) = next else {
                    *cursor = queue.order.len();
                    continue;
                };
                let Some(waiting) = queue.order.get(*cursor + skipped).and_then(|leaf| self.waiting.get(leaf)) else {
                    continue;
                };
                *cursor += skipped + 1;
                left += 1;
                bytes += bytes_of(&waiting.candidate);
                offered.push(waiting.candidate.clone());
                if offered.len() >= statements_max || bytes >= bytes_max {
                    break;
                }
            }
        }
        self.turn = sources.get((begin + 1) % sources.len().max(1)).copied();
        offered
    }

    /// Takes a statement out, and hands back who waits for it.
    pub fn remove(&mut self, leaf: &Hash) -> Vec<JobReply> {
        let Some(Waiting { candidate, source, senders, .. }) = self.waiting.remove(leaf) else { return Vec::new() };
        if let Some(forms) = self.forms.get_mut(&candidate.id()) {
            forms.retain(|form| form != leaf);
            if forms.is_empty() {
                self.forms.remove(&candidate.id());
            }
        }
        if let Some(queue) = self.queues.get_mut(&source) {
            queue.statements -= 1;
            queue.bytes -= bytes_of(&candidate);
            while queue.order.front().is_some_and(|front| !self.waiting.contains_key(front)) {
                queue.order.pop_front();
            }
            // One that stays in front must not make the line behind it grow by all that came and went.
            if queue.order.len() > 2 * queue.statements + ORDER_SLACK {
                queue.order.retain(|one| self.waiting.contains_key(one));
            }
            if queue.statements == 0 {
                self.queues.remove(&source);
            }
        }
        senders
    }

    /// Takes every form of a statement out, with who waits for it: of the one with `leaf` first.
    pub fn remove_all(&mut self, id: &StatementId, leaf: &Hash) -> Vec<JobReply> {
        let mut senders = self.remove(leaf);
        for form in self.forms.get(id).cloned().unwrap_or_default() {
            senders.extend(self.remove(&form));
        }
        senders
    }

    /// Takes out what clients of this node have brought, and hands back all who wait.
    pub fn drain_clients(&mut self) -> Vec<JobReply> {
        let own = |waiting: &Waiting| waiting.source == BroughtBy::Client || !waiting.senders.is_empty();
        let gone: Vec<Hash> = self.waiting.iter().filter(|(_, one)| own(one)).map(|(leaf, _)| *leaf).collect();
        gone.iter().flat_map(|leaf| self.remove(leaf)).collect()
    }

    /// Forgets what came long ago and no client of this node waits for any more.
    pub fn forget_old(&mut self, now: Instant) {
        for waiting in self.waiting.values_mut() {
            waiting.senders.retain(|sender| !sender.is_gone());
        }
        let old = |waiting: &Waiting| waiting.senders.is_empty() && now.duration_since(waiting.since) > FOREIGN_FOR;
        let gone: Vec<Hash> = self.waiting.iter().filter(|(_, one)| old(one)).map(|(leaf, _)| *leaf).collect();
        gone.iter().for_each(|leaf| drop(self.remove(leaf)));
    }

    /// All that waits.
    pub fn all(&self) -> impl Iterator<Item = &Candidate> {
        self.waiting.values().map(|one| &one.candidate)
    }

    /// The statements that a client of this node waits for, as it sent them.
    pub fn own(&self) -> impl Iterator<Item = &Candidate> {
        self.waiting.values().filter(|one| !one.senders.is_empty()).map(|one| &one.candidate)
    }
}

impl Queue {
    fn is_full(&self) -> bool {
        self.statements >= POOL_STATEMENTS_MAX || self.bytes >= POOL_BYTES_MAX
    }
}

fn bytes_of(candidate: &Candidate) -> usize {
    candidate.statement().compact().len()
}

#[cfg(test)]
mod tests;
