//! What the other nodes have done and nobody has looked at yet.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::limits::{INBOX_BYTES_MAX, INBOX_MESSAGES_MAX, MESSAGE_OVERHEAD_BYTES};
use crate::ports::PeerEvent;
use sealane_core::hash::Hash;

/// Events by node. Nodes take turns, so that none keeps the others waiting.
#[derive(Default)]
pub(super) struct Inbox {
    state: Mutex<Arrived>,
    arrived: Notify,
    room: Notify,
}

#[derive(Default)]
struct Arrived {
    queues: BTreeMap<Hash, Queue>,
    /// Nodes of which something waits, the next one first.
    turns: VecDeque<Hash>,
}

#[derive(Default)]
struct Queue {
    events: VecDeque<(usize, PeerEvent)>,
    bytes: usize,
}

impl Queue {
    fn has_room(&self, bytes: usize) -> bool {
        self.bytes == 0 || (self.bytes + bytes <= INBOX_BYTES_MAX && self.events.len() < INBOX_MESSAGES_MAX)
    }
}

impl Arrived {
    fn push(&mut self, from: Hash, bytes: usize, event: PeerEvent) {
        let queue = self.queues.entry(from).or_default();
        if queue.events.is_empty() {
            self.turns.push_back(from);
        }
        queue.bytes += bytes;
        queue.events.push_back((bytes, event));
    }
}

impl Inbox {
    fn lock(&self) -> MutexGuard<'_, Arrived> {
        // Queue and turn are changed together by short code that does not panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is room for a message of so many bytes, and puts it in. To be dropped at any time.
    pub async fn put_message(&self, from: Hash, bytes: usize, event: PeerEvent) {
        let bytes = bytes + MESSAGE_OVERHEAD_BYTES;
        let mut event = Some(event);
        loop {
            let mut room = std::pin::pin!(self.room.notified());
            // Before the look, so that room which is made in between is not missed.
            room.as_mut().enable();
            {
                let mut arrived = self.lock();
                if arrived.queues.get(&from).is_none_or(|queue| queue.has_room(bytes)) {
                    if let Some(event) = event.take() {
                        arrived.push(from, bytes, event);
                    }
                    drop(arrived);
                    self.arrived.notify_one();
                    return;
                }
            }
            room.await;
        }
    }

    /// Puts in that a node connected, disconnected or has a twin, without waiting.
    ///
    /// A node that connects and disconnects without a word takes no more room than one that did so once.
    pub fn put_event(&self, from: Hash, event: PeerEvent) {
        let mut arrived = self.lock();
        if let Some(queue) = arrived.queues.get_mut(&from) {
            let mut last = queue.events.iter().rev().map(|(_, event)| event);
            let is_repeated = match &event {
                PeerEvent::Connected { .. } => {
                    matches!(last.next(), Some(PeerEvent::Disconnected { .. }))
                        && matches!(last.next(), Some(PeerEvent::Connected { .. }))
                }
                PeerEvent::Twins { .. } => {
                    if queue.events.iter().any(|(_, known)| *known == event) {
                        return;
                    }
                    false
                }
                _ => false,
            };
            if is_repeated {
                queue.events.truncate(queue.events.len().saturating_sub(2));
                if queue.events.is_empty() {
                    arrived.turns.retain(|turn| *turn != from);
                }
            }
        }
        arrived.push(from, 0, event);
        drop(arrived);
        self.arrived.notify_one();
    }

    /// Forgets what a node said, since it may not say anything any more.
    pub fn forget(&self, from: &Hash) {
        let mut arrived = self.lock();
        arrived.queues.remove(from);
        arrived.turns.retain(|turn| turn != from);
        drop(arrived);
        self.room.notify_waiters();
    }

    pub async fn next(&self) -> PeerEvent {
        loop {
            if let Some(event) = self.try_next() {
                return event;
            }
            self.arrived.notified().await;
        }
    }

    fn try_next(&self) -> Option<PeerEvent> {
        let mut arrived = self.lock();
        let from = arrived.turns.pop_front()?;
        let queue = arrived.queues.get_mut(&from)?;
        let (bytes, event) = queue.events.pop_front()?;
        queue.bytes -= bytes;
        match queue.events.is_empty() {
            true => drop(arrived.queues.remove(&from)),
            false => arrived.turns.push_back(from),
        }
        let more = !arrived.turns.is_empty();
        drop(arrived);
        self.room.notify_waiters();
        if more {
            // There may be several readers, and one permit.
            self.arrived.notify_one();
        }
        Some(event)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Poll;

    use super::*;
    use sealane_core::agreement::{Hello, Message};

    fn node(name: &str) -> Hash {
        Hash::of(name.as_bytes())
    }

    fn said(from: Hash, number: u64) -> PeerEvent {
        PeerEvent::Said { from, message: Message::Ping(number) }
    }

    fn connected(from: Hash, run: u64) -> PeerEvent {
        let hello = Hello { version: 1, origin: "a.example".parse().unwrap(), rules: 1, run, last: None };
        PeerEvent::Connected { from, hello }
    }

    #[tokio::test]
    async fn nodes_take_turns_and_each_keeps_its_order() {
        let (inbox, a, b) = (Inbox::default(), node("a"), node("b"));
        for number in 0..3 {
            inbox.put_message(a, 10, said(a, number)).await;
        }
        inbox.put_message(b, 10, said(b, 0)).await;
        let mut order = Vec::new();
        for _ in 0..4 {
            order.push(inbox.next().await);
        }
        assert_eq!(order, [said(a, 0), said(b, 0), said(a, 1), said(a, 2)]);
        assert!(inbox.lock().queues.is_empty() && inbox.lock().turns.is_empty());
    }

    #[tokio::test]
    async fn a_node_that_says_too_much_waits_alone() {
        let (inbox, a, b) = (Inbox::default(), node("a"), node("b"));
        inbox.put_message(a, INBOX_BYTES_MAX, said(a, 0)).await;
        let mut second = std::pin::pin!(inbox.put_message(a, 10, said(a, 1)));
        let waits = poll_fn(|cx| Poll::Ready(second.as_mut().poll(cx).is_pending())).await;
        assert!(waits);
        inbox.put_message(b, 10, said(b, 0)).await;
        assert_eq!(inbox.next().await, said(a, 0));
        second.await;
        assert_eq!(inbox.next().await, said(b, 0));
        assert_eq!(inbox.next().await, said(a, 1));
    }

    #[tokio::test]
    async fn connections_without_a_word_take_no_room() {
        let (inbox, a) = (Inbox::default(), node("a"));
        for run in 0..1_000 {
            inbox.put_event(a, connected(a, run));
            inbox.put_event(a, PeerEvent::Disconnected { from: a });
            inbox.put_event(a, PeerEvent::Twins { kid: a, tls_keys: [a, a], told_by: None });
        }
        assert!(inbox.lock().queues[&a].events.len() <= 5, "{}", inbox.lock().queues[&a].events.len());
        inbox.forget(&a);
        assert!(inbox.try_next().is_none());
    }
}
