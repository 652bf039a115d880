//! Where long statements wait for the writer.
//!
//! A short statement that finds no room is refused at once: it costs little to send it again. A long one would have crossed
//! the network for nothing. So it asks for a place here by its declared length, before its body is read. With a place, its
//! body is read and then waits for its turn; without one, nothing of it is kept. Nothing of the writer's limit is held for a
//! body that is still coming: a slow sender holds a place here alone, for [`PROMISE_MAX`], and out of its own address's share.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::app::admission::{Ticket, WriterLoad, units};
use crate::app::answer::{ClientAddress, FairQueue, QueueLimits};

/// Longest statement that does not wait, in bytes: one of a few events.
const SHORT_BYTES_MAX: usize = 8 * 1024;

/// Times the writer's limit that may have a place: what the writer does in a second.
const ROOM_IN_LIMITS: usize = 55;

/// Part of the room that one client may have.
const CLIENT_SHARE: usize = 2;

/// Part of the writer's limit that long statements leave to short ones.
const KEPT_FOR_SHORT: usize = 8;

/// How long a statement whose body is there waits for its turn: ten times what all places take, since the writer is not all
/// that may be slow.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// How long a place is kept for a body that is coming: 4 MiB at 2 MiB a second.
pub const PROMISE_MAX: Duration = Duration::from_secs(2);

/// Tells whether a statement of so many bytes waits for its turn instead of being refused.
pub const fn may_wait(bytes: usize) -> bool {
    bytes > SHORT_BYTES_MAX
}

/// The places that were given, and who waits with one.
#[derive(Debug)]
pub struct Promises {
    state: Mutex<PromiseState>,
    /// Statements that wait, so that most need not look for the lock.
    waiting: AtomicUsize,
    refused: AtomicU64,
}

#[derive(Debug)]
struct PromiseState {
    units: usize,
    by_client: HashMap<ClientAddress, usize>,
    queue: FairQueue<ClientAddress, Waiter>,
}

#[derive(Debug)]
struct Waiter {
    units: usize,
    ticket: oneshot::Sender<Ticket>,
}

/// The place of a statement until it has its turn.
#[derive(Debug)]
pub struct Promise {
    load: Arc<WriterLoad>,
    client: ClientAddress,
    units: usize,
}

/// A waiter's number in the queue, which it leaves when its request goes.
struct InQueue<'a> {
    promise: &'a Promise,
    number: u64,
}

impl Promises {
    pub fn new() -> Self {
        // The room limits how many wait, and the writer's limit how many have a ticket.
        let limits = QueueLimits {
            waiting_max: usize::MAX,
            waiting_per_client_max: usize::MAX,
            running_per_client_max: usize::MAX,
        };
        let state = PromiseState { units: 0, by_client: HashMap::new(), queue: FairQueue::new(limits) };
        Self { state: Mutex::new(state), waiting: AtomicUsize::new(0), refused: AtomicU64::new(0) }
    }

    fn lock(&self) -> MutexGuard<'_, PromiseState> {
        // Each change is whole before anything in it can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WriterLoad {
    /// Gives a place to a long statement, unless the room or its client's share of it is full. If there is room at all there is
    /// room for any length, as in [`WriterLoad::try_acquire`].
    pub fn promise(self: &Arc<Self>, client: ClientAddress, bytes: usize) -> Option<Promise> {
        let room = self.limit() * ROOM_IN_LIMITS;
        let units = units(bytes);
        let mut state = self.promises.lock();
        let own = state.by_client.get(&client).copied().unwrap_or_default();
        if state.units >= room || own >= room / CLIENT_SHARE {
            drop(state);
            self.promises.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        state.units += units;
        state.by_client.insert(client, own + units);
        Some(Promise { load: Arc::clone(self), client, units })
    }

    /// Statements that wait for their turn.
    pub fn waiting(&self) -> usize {
        self.promises.waiting.load(Ordering::Relaxed)
    }

    /// Long statements that found no place, or waited for too long.
    pub fn refused_promises(&self) -> u64 {
        self.promises.refused.load(Ordering::Relaxed)
    }

    /// Gives tickets to waiters, as far as the limit goes.
    pub(super) fn grant(self: &Arc<Self>) {
        // A waiter that joins the queue calls this after it has joined, so none is overlooked between the two.
        if self.promises.waiting.load(Ordering::SeqCst) == 0 {
            return;
        }
        let mut granted = Vec::new();
        let mut state = self.promises.lock();
        while self.under_way() < self.limit() - self.limit() / KEPT_FOR_SHORT {
            let Some((client, waiter)) = state.queue.start_next() else { break };
            state.queue.finish(&client);
            granted.push((waiter.ticket, self.ticket(waiter.units)));
        }
        self.promises.waiting.store(state.queue.waiting(), Ordering::SeqCst);
        drop(state);
        for (waiter, ticket) in granted {
            // Of a waiter that has gone the ticket goes too, to the next one.
            let _ = waiter.send(ticket);
        }
    }
}

impl Promise {
    /// Waits for the statement's turn; `None` after `WAIT_MAX`.
    pub async fn into_ticket(self) -> Option<Ticket> {
        let (ticket, mut granted) = oneshot::channel();
        let place = self.join(ticket);
        self.load.grant();
        let in_time = tokio::time::timeout(WAIT_MAX, &mut granted).await;
        drop(place);
        match in_time {
            Ok(ticket) => ticket.ok(),
            // It may have come between the two.
            Err(_) => granted.try_recv().ok().or_else(|| {
                self.load.promises.refused.fetch_add(1, Ordering::Relaxed);
                None
            }),
        }
    }

    fn join(&self, ticket: oneshot::Sender<Ticket>) -> Option<InQueue<'_>> {
        let mut state = self.load.promises.lock();
        let joined = state.queue.join(self.client, Waiter { units: self.units, ticket }).ok()?;
        self.load.promises.waiting.store(state.queue.waiting(), Ordering::SeqCst);
        Some(InQueue { promise: self, number: joined.number })
    }
}

impl Drop for InQueue<'_> {
    fn drop(&mut self) {
        let promises = &self.promise.load.promises;
        let mut state = promises.lock();
        let left = state.queue.leave(&self.promise.client, self.number);
        promises.waiting.store(state.queue.waiting(), Ordering::SeqCst);
        drop(state);
        drop(left);
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        let mut state = self.load.promises.lock();
        state.units = state.units.saturating_sub(self.units);
        match state.by_client.get_mut(&self.client) {
            Some(own) if *own > self.units => *own -= self.units,
            _ => drop(state.by_client.remove(&self.client)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::app::admission::{UNDER_WAY_MIN, UNIT_BYTES};

    fn client(last: u8) -> ClientAddress {
        ClientAddress::of(IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)))
    }

    /// A load whose limit is the least.
    fn load() -> Arc<WriterLoad> {
        let load = Arc::new(WriterLoad::new());
        load.limit.store(UNDER_WAY_MIN, Ordering::Relaxed);
        load
    }

    const ROOM: usize = UNDER_WAY_MIN * ROOM_IN_LIMITS;

    #[test]
    fn a_client_has_half_of_the_room_and_gives_it_back() {
        let load = load();
        let place = |of: u8, units: usize| load.promise(client(of), units * UNIT_BYTES);
        let half = place(1, ROOM / 2).unwrap();
        assert!(place(1, 1).is_none(), "its share is full");
        let other = place(2, 1).unwrap();
        let beyond = place(2, ROOM).unwrap();
        assert!(place(3, 1).is_none(), "the room is full");
        assert_eq!(load.refused_promises(), 2);
        assert_eq!(load.under_way(), 0, "a place in the room takes nothing of the writer's limit");
        drop((half, other, beyond));
        assert!(place(3, 1).is_some());
        let state = load.promises.lock();
        assert_eq!((state.units, state.by_client.len()), (0, 0));
    }

    #[tokio::test]
    async fn who_waits_has_its_turn_as_tickets_go_and_clients_alternate() {
        let load = load();
        let full = load.try_acquire(UNDER_WAY_MIN * UNIT_BYTES).unwrap();
        let (sender, mut order) = tokio::sync::mpsc::unbounded_channel();
        let mut waiting = 0;
        for (of, count) in [(1, 4), (2, 2)] {
            for _ in 0..count {
                // As long as the limit: each is alone.
                let promise = load.promise(client(of), UNDER_WAY_MIN * UNIT_BYTES).unwrap();
                let sender = sender.clone();
                tokio::spawn(async move {
                    let ticket = promise.into_ticket().await.unwrap();
                    sender.send((of, ticket)).unwrap();
                });
                waiting += 1;
                while load.waiting() < waiting {
                    tokio::task::yield_now().await;
                }
            }
        }
        assert_eq!(load.under_way(), UNDER_WAY_MIN);
        drop(full);
        let mut turns = Vec::new();
        for _ in 0..waiting {
            let (of, ticket) = order.recv().await.unwrap();
            turns.push(of);
            assert_eq!(load.under_way(), UNDER_WAY_MIN, "one at a time");
            drop(ticket);
        }
        assert_eq!(turns, [1, 2, 1, 2, 1, 1]);
        assert_eq!((load.under_way(), load.waiting(), load.coming()), (0, 0, 0));
        assert_eq!(load.promises.lock().units, 0);
    }

    #[tokio::test]
    async fn long_statements_leave_room_to_short_ones() {
        let load = load();
        let most = UNDER_WAY_MIN - UNDER_WAY_MIN / KEPT_FOR_SHORT;
        let _tickets = load.try_acquire(most * UNIT_BYTES).unwrap();
        let promise = load.promise(client(1), 10 * UNIT_BYTES).unwrap();
        let mut turn = Box::pin(promise.into_ticket());
        tokio::select! {
            biased;
            _ = &mut turn => panic!("it waits"),
            () = tokio::task::yield_now() => {}
        }
        assert!(load.try_acquire(1).is_some());
        drop(turn);
        assert_eq!(load.waiting(), 0, "who goes away waits no longer");
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_waits_for_ever() {
        let load = load();
        let full = load.try_acquire(UNDER_WAY_MIN * UNIT_BYTES).unwrap();
        let began = tokio::time::Instant::now();
        assert!(load.promise(client(1), UNIT_BYTES).unwrap().into_ticket().await.is_none());
        assert_eq!((began.elapsed(), load.waiting(), load.refused_promises()), (WAIT_MAX, 0, 1));
        drop(full);
        assert!(load.promise(client(1), UNIT_BYTES).unwrap().into_ticket().await.is_some());
        assert_eq!(load.under_way(), 0);
    }
}
