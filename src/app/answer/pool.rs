//! Pools of threads for answers that take a processor's time, so that they do not block request threads, and so that one
//! kind of answer does not wait for another.

use std::any::Any;
use std::hash::Hash;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::app::answer::client::ClientAddress;
use crate::app::answer::fair_queue::{FairQueue, QueueLimits};
use crate::app::ledger::LedgerError;
use crate::ports::StoreError;

/// How long an answer waits for a thread, before the client is told to come back.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// Answers of one pool that may wait. A closure of some hundred bytes each.
const WAITING_MAX: usize = 4_096;

/// Answers that may wait for one client: an office behind one address has dozens of people, and each may open a page that
/// asks twice.
const WAITING_PER_CLIENT_MAX: usize = 128;

/// By how much the threads of a pool may be less urgent than those that serve requests (nice(2)). They still get a tenth of a
/// busy processor, so that a lock which one of them holds is not held for long.
const LESS_URGENT: i32 = 10;

/// For verdicts and evidence. Four threads are twice the cores of a small machine, since each waits for the store now and
/// then. Each may hold 16 MiB of statements and the events in them.
pub static VERDICTS: LazyLock<AnswerPool<ClientAddress>> =
    LazyLock::new(|| AnswerPool::new("verdicts", 4, Urgency::Usual));

/// For EPCIS queries. One may read 8 MiB of records, where a verdict reads some kB: one at a time, and less urgent than
/// anything else, leaves a small machine a core for verdicts.
pub static QUERIES: LazyLock<AnswerPool<ClientAddress>> = LazyLock::new(|| AnswerPool::new("queries", 1, Urgency::Low));

/// How urgent the threads of a pool are to the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    Usual,
    Low,
}

/// How many of a pool's threads may work for one client: all but one, so that another client finds one free.
const fn threads_of_a_client(threads: usize) -> usize {
    if threads > 1 { threads - 1 } else { 1 }
}

/// Threads that work on answers of one kind, in turns that are fair to clients, each of which is told apart by a `K`.
pub struct AnswerPool<K> {
    name: &'static str,
    threads: usize,
    urgency: Urgency,
    state: Mutex<State<K>>,
    has_turn: Condvar,
    refused: AtomicU64,
}

struct State<K> {
    queue: FairQueue<K, Job>,
    /// Threads that were started.
    started: usize,
}

type Job = Box<dyn FnOnce() + Send>;

impl AnswerPool<ClientAddress> {
    /// The pools of this process, which they are for, as its processors are.
    pub fn all() -> [&'static Self; 2] {
        [&VERDICTS, &QUERIES]
    }
}

impl<K: Clone + Eq + Hash + Send + 'static> AnswerPool<K> {
    /// A pool with so many threads, which start with the first answer.
    pub fn new(name: &'static str, threads: usize, urgency: Urgency) -> Self {
        let limits = QueueLimits {
            waiting_max: WAITING_MAX,
            waiting_per_client_max: WAITING_PER_CLIENT_MAX,
            running_per_client_max: threads_of_a_client(threads),
        };
        let state = Mutex::new(State { queue: FairQueue::new(limits), started: 0 });
        Self { name, threads, urgency, state, has_turn: Condvar::new(), refused: AtomicU64::new(0) }
    }

    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Answers that wait for a thread.
    pub fn waiting(&self) -> usize {
        self.lock().queue.waiting()
    }

    /// Answers that may wait.
    pub const fn waiting_max(&self) -> usize {
        WAITING_MAX
    }

    /// Answers that got no thread in time, or found no place to wait.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Works on an answer for a client. If the future is dropped before its turn, the work is not done.
    ///
    /// # Errors
    ///
    /// `Busy` when no thread is free for `WAIT_MAX`, or too many answers wait; the work's own.
    pub async fn run<T: Send + 'static>(
        &'static self,
        client: K,
        work: impl FnOnce() -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let (send, mut answer) = oneshot::channel();
        let job: Job = Box::new(move || {
            let answer = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(failure_of(&*panic)));
            // A client that has gone away loses only its answer.
            let _ = send.send(answer);
        });
        let place = self.join(client, job)?;
        let in_time = match tokio::time::timeout(WAIT_MAX, &mut answer).await {
            Ok(answer) => answer,
            Err(_) if place.leave() => return Err(self.refuse()),
            Err(_) => answer.await,
        };
        // A job that was displaced takes its sender with it.
        in_time.unwrap_or_else(|_| Err(self.refuse()))
    }

    fn join(&'static self, client: K, job: Job) -> Result<WaitingPlace<K>, LedgerError> {
        let mut state = self.lock();
        self.start_threads(&mut state).map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let joined = state.queue.join(client.clone(), job).map_err(|_| self.refuse())?;
        drop(state);
        self.has_turn.notify_one();
        // Not before the lock is gone: its client is woken by that.
        drop(joined.displaced);
        Ok(WaitingPlace { pool: self, client, number: joined.number })
    }

    fn start_threads(&'static self, state: &mut State<K>) -> io::Result<()> {
        while state.started < self.threads {
            let name = format!("{}-{}", self.name, state.started);
            thread::Builder::new().name(name).spawn(|| self.work())?;
            state.started += 1;
        }
        Ok(())
    }

    fn work(&self) {
        if self.urgency == Urgency::Low {
            be_less_urgent();
        }
        let mut state = self.lock();
        loop {
            let Some((client, job)) = state.queue.start_next() else {
                state = self.has_turn.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            drop(state);
            job();
            state = self.lock();
            state.queue.finish(&client);
        }
    }

    fn refuse(&self) -> LedgerError {
        self.refused.fetch_add(1, Ordering::Relaxed);
        LedgerError::Busy
    }

    fn lock(&self) -> MutexGuard<'_, State<K>> {
        // Jobs run outside the lock, and catch their own panics.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A job's place in the queue, given up when the future that waits for the answer is dropped.
struct WaitingPlace<K: Clone + Eq + Hash + Send + 'static> {
    pool: &'static AnswerPool<K>,
    client: K,
    number: u64,
}

impl<K: Clone + Eq + Hash + Send + 'static> WaitingPlace<K> {
    /// Gives the place up, and tells whether the job had not begun.
    fn leave(&self) -> bool {
        self.pool.lock().queue.leave(&self.client, self.number).is_some()
    }
}

impl<K: Clone + Eq + Hash + Send + 'static> Drop for WaitingPlace<K> {
    fn drop(&mut self) {
        self.leave();
    }
}

fn failure_of(panic: &(dyn Any + Send)) -> LedgerError {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    StoreError::Unavailable(format!("an answer broke off: {text}")).into()
}

/// Linux has a priority for each thread; elsewhere it would be the whole process's.
#[cfg(target_os = "linux")]
fn be_less_urgent() {
    if let Err(error) = rustix::process::nice(LESS_URGENT) {
        tracing::debug!(%error, "the threads for queries are as urgent as others");
    }
}

#[cfg(not(target_os = "linux"))]
fn be_less_urgent() {}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicUsize};
    use std::sync::mpsc::{Sender, channel};

    use tokio::runtime::Builder;

    use super::*;

    const THREADS: usize = 4;

    fn client(last: u8) -> ClientAddress {
        ClientAddress::of(IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)))
    }

    fn pool() -> &'static AnswerPool<ClientAddress> {
        Box::leak(Box::new(AnswerPool::new("tested", THREADS, Urgency::Low)))
    }

    /// Work on every thread that a client can have, which ends when the sender goes.
    fn occupied(pool: &'static AnswerPool<ClientAddress>, by: ClientAddress) -> Sender<()> {
        let (ends, end) = channel::<()>();
        let end = Arc::new(Mutex::new(end));
        let (begun, has_begun) = channel();
        for _ in 0..threads_of_a_client(THREADS) {
            let (end, begun) = (Arc::clone(&end), begun.clone());
            tokio::spawn(pool.run(by, move || {
                begun.send(()).unwrap();
                let _ = end.lock().unwrap().recv();
                Ok(())
            }));
        }
        tokio::task::block_in_place(|| has_begun.iter().take(threads_of_a_client(THREADS)).count());
        ends
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn few_answers_are_worked_on_at_once_and_all_are_given() {
        let (pool, now, most) = (pool(), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let work = |n: u8| {
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            tokio::spawn(pool.run(client(n % 3), move || {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                thread::yield_now();
                now.fetch_sub(1, Ordering::SeqCst);
                Ok(n)
            }))
        };
        let all: Vec<_> = (0..50).map(work).collect();
        for (n, one) in all.into_iter().enumerate() {
            assert_eq!(usize::from(one.await.unwrap().unwrap()), n);
        }
        assert!((1..=THREADS).contains(&most.load(Ordering::SeqCst)));
        assert_eq!((pool.waiting(), pool.refused()), (0, 0));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_client_that_has_its_share_leaves_a_thread_to_others() {
        let pool = pool();
        let ends = occupied(pool, client(1));
        let more: Vec<_> = (1..WAITING_PER_CLIENT_MAX).map(|_| tokio::spawn(pool.run(client(1), || Ok(())))).collect();
        while pool.waiting() < more.len() {
            tokio::task::yield_now().await;
        }
        for _ in 0..20 {
            assert!(pool.run(client(2), || Ok(())).await.is_ok());
        }
        assert_eq!(pool.waiting(), more.len(), "whose turn comes with a thread of their own client");
        let last = tokio::spawn(pool.run(client(1), || Ok(())));
        while pool.waiting() <= more.len() {
            tokio::task::yield_now().await;
        }
        let refused = pool.run(client(1), || Ok(())).await;
        assert!(matches!(refused, Err(LedgerError::Busy)), "{refused:?}");
        assert_eq!(pool.refused(), 1);
        drop(ends);
        for one in more.into_iter().chain([last]) {
            assert!(one.await.unwrap().is_ok());
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn work_that_is_not_waited_for_is_not_done_and_takes_no_place() {
        let pool = pool();
        let ends = occupied(pool, client(1));
        let done = Arc::new(AtomicBool::new(false));
        let left = {
            let done = Arc::clone(&done);
            pool.run(client(1), move || {
                done.store(true, Ordering::SeqCst);
                Ok(())
            })
        };
        tokio::select! {
            biased;
            _ = left => panic!("every thread of this client is taken"),
            () = tokio::task::yield_now() => {}
        }
        assert_eq!(pool.waiting(), 0);
        drop(ends);
        for _ in 0..=THREADS {
            pool.run(client(1), || Ok(())).await.unwrap();
        }
        assert!(!done.load(Ordering::SeqCst));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_answer_that_panics_is_a_failure_and_its_thread_goes_on() {
        let pool = pool();
        for _ in 0..=THREADS {
            let broken: Result<(), _> = pool.run(client(1), || panic!("of its own")).await;
            assert!(broken.unwrap_err().to_string().contains("of its own"));
        }
        assert!(pool.run(client(1), || Ok(())).await.is_ok());
    }

    #[test]
    fn a_client_that_waits_too_long_is_told_to_come_back() {
        let outer = Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
        let pool = pool();
        let ends = outer.block_on(async { tokio::spawn(async { occupied(pool, client(1)) }).await.unwrap() });
        // Here time passes by itself while nothing else happens.
        let paused = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let refused = paused.block_on(pool.run(client(1), || Ok(())));
        assert!(matches!(refused, Err(LedgerError::Busy)), "{refused:?}");
        assert_eq!((pool.refused(), pool.waiting()), (1, 0));
        drop(ends);
        assert!(outer.block_on(pool.run(client(1), || Ok(()))).is_ok());
    }
}
