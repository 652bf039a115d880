//! Where answers are worked on that take a processor's time: off the threads that serve requests, a few at once.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use crate::app::ledger::LedgerError;
use crate::ports::StoreError;

/// Answers that are worked on at once: twice the cores of a small machine, since each waits for the store now and then. Each
/// may hold 16 MiB of statements and the events in them.
const WORKPLACES: usize = 4;

/// How long work waits for a place, before whoever asks is told to come back.
const WORKPLACE_WAIT: Duration = Duration::from_secs(5);

/// For the process, as its processors are.
static POOL: LazyLock<io::Result<Pool>> = LazyLock::new(Pool::new);

/// Does what takes a processor's time, where requests do not wait for it.
///
/// Work that nobody waits for any more when its turn comes is not done.
///
/// # Errors
///
/// `Busy` when no place is free for `WORKPLACE_WAIT`; the work's own.
pub async fn work<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LedgerError> + Send + 'static,
) -> Result<T, LedgerError> {
    match &*POOL {
        Ok(pool) => pool.work(work).await,
        Err(error) => Err(StoreError::Unavailable(error.to_string()).into()),
    }
}

/// Threads that take the next work themselves once they have done theirs, without a thread that serves requests between
/// the two: a runtime of which nothing but its pool is used.
struct Pool(Runtime);

impl Pool {
    fn new() -> io::Result<Self> {
        Ok(Self(Builder::new_current_thread().max_blocking_threads(WORKPLACES).build()?))
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let wait = Turn::default();
        let turn = Arc::clone(&wait.0);
        let do_it = move || if take(&turn) { work() } else { Err(LedgerError::Busy) };
        let mut answer = self.0.spawn_blocking(do_it);
        let done = match tokio::time::timeout(WORKPLACE_WAIT, &mut answer).await {
            Ok(done) => done,
            Err(_) if take(&wait.0) => return Err(LedgerError::Busy),
            Err(_) => answer.await,
        };
        done.map_err(|error| StoreError::Unavailable(error.to_string()))?
    }
}

/// Whether work has been begun, or given up: whichever comes first. It is given up with whoever waits for it.
#[derive(Default)]
struct Turn(Arc<AtomicBool>);

/// Takes a turn, and tells whether nobody had.
fn take(turn: &AtomicBool) -> bool {
    !turn.swap(true, Ordering::Relaxed)
}

impl Drop for Turn {
    fn drop(&mut self) {
        take(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::sync::mpsc::{Sender, channel};

    use super::*;

    /// Work at every place, which ends when the sender goes.
    fn occupied(pool: &'static Pool) -> Sender<()> {
        let (ends, end) = channel::<()>();
        let end = Arc::new(std::sync::Mutex::new(end));
        let (begun, has_begun) = channel();
        for _ in 0..WORKPLACES {
            let (end, begun) = (Arc::clone(&end), begun.clone());
            tokio::spawn(pool.work(move || {
                begun.send(()).unwrap();
                let _ = end.lock().unwrap().recv();
                Ok(())
            }));
        }
        tokio::task::block_in_place(|| has_begun.iter().take(WORKPLACES).count());
        ends
    }

    fn pool() -> &'static Pool {
        Box::leak(Box::new(Pool::new().unwrap()))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn few_work_at_once_and_all_are_done() {
        let (pool, now, most) = (pool(), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let work = |n: usize| {
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            tokio::spawn(pool.work(move || {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(1));
                now.fetch_sub(1, Ordering::SeqCst);
                Ok(n)
            }))
        };
        let all: Vec<_> = (0..50).map(work).collect();
        for (n, one) in all.into_iter().enumerate() {
            assert_eq!(one.await.unwrap().unwrap(), n);
        }
        assert!((1..=WORKPLACES).contains(&most.load(Ordering::SeqCst)));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn work_that_nobody_waits_for_is_not_done() {
        let pool = pool();
        let ends = occupied(pool);
        let done = Arc::new(AtomicBool::new(false));
        let left = {
            let done = Arc::clone(&done);
            pool.work(move || {
                done.store(true, Ordering::SeqCst);
                Ok(())
            })
        };
        tokio::select! {
            biased;
            _ = left => panic!("every place is taken"),
            () = tokio::task::yield_now() => {}
        }
        drop(ends);
        // What comes after it is done, so its turn has passed.
        for _ in 0..=WORKPLACES {
            pool.work(|| Ok(())).await.unwrap();
        }
        assert!(!done.load(Ordering::SeqCst));
    }

    #[test]
    fn who_waits_too_long_is_told_to_come_back() {
        let outer = Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
        let pool = pool();
        let ends = outer.block_on(async { tokio::spawn(async { occupied(pool) }).await.unwrap() });
        // Here time passes by itself while nothing else happens.
        let paused = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let refused = paused.block_on(pool.work(|| Ok(())));
        assert!(matches!(refused, Err(LedgerError::Busy)), "{refused:?}");
        drop(ends);
        assert!(outer.block_on(pool.work(|| Ok(()))).is_ok());
    }
}
