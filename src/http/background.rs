//! Captures whose sender stopped waiting: they are carried through all the same, and can be asked about.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use sealane_core::statement::StatementId;

/// Captures that are remembered after their sender stopped waiting. Those that succeed are on the ledger and forgotten
/// here; past this number the refused ones are forgotten too.
const LATE_CAPTURES_MAX: usize = 10_000;

/// What is known of a capture that its sender did not wait for.
#[derive(Debug, Clone, PartialEq)]
pub enum Late {
    Running,
    /// The problem that it came to, as JSON.
    Refused(Value),
}

/// Where work goes on after its request is answered.
pub struct Background {
    runtime: Handle,
    late: Mutex<HashMap<StatementId, Late>>,
    alive: mpsc::Sender<()>,
}

/// Waits for what is still going on.
pub struct Unfinished(mpsc::Receiver<()>);

impl Background {
    /// Work will run on the runtime that this is called from, which outlives the server's own threads.
    pub fn new() -> (Self, Unfinished) {
        let (alive, ended) = mpsc::channel(1);
        (Self { runtime: Handle::current(), late: Mutex::default(), alive }, Unfinished(ended))
    }

    /// Carries a capture through. Its outcome is the problem it came to, if any.
    pub fn carry_on(
        self: std::sync::Arc<Self>,
        id: StatementId,
        work: impl Future<Output = Option<Value>> + Send + 'static,
    ) {
        let runtime = self.runtime.clone();
        let alive = self.alive.clone();
        self.note(id, Late::Running);
        let this = std::sync::Arc::downgrade(&self);
        drop(self);
        runtime.spawn(async move {
            let refused = work.await;
            if let Some(background) = this.upgrade() {
                match refused {
                    Some(problem) => background.note(id, Late::Refused(problem)),
                    None => drop(background.lock().remove(&id)),
                }
            }
            drop(alive);
        });
    }

    /// What is known of a capture that is not on the ledger.
    pub fn find(&self, id: StatementId) -> Option<Late> {
        self.lock().get(&id).cloned()
    }

    fn note(&self, id: StatementId, late: Late) {
        let mut known = self.lock();
        if known.len() >= LATE_CAPTURES_MAX {
            known.retain(|_, late| *late == Late::Running);
        }
        known.insert(id, late);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<StatementId, Late>> {
        // Each change is one call on the map, so a panic elsewhere leaves it whole.
        self.late.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Unfinished {
    /// Completes when nothing is going on and nothing more can begin.
    pub async fn finish(mut self) {
        while self.0.recv().await.is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use sealane_core::hash::Hash;

    #[actix_web::test]
    async fn finishing_waits_for_what_is_going_on() {
        let (background, unfinished) = Background::new();
        let background = Arc::new(background);
        let (open, gate) = tokio::sync::oneshot::channel::<()>();
        let (refused, taken) = (StatementId::from_hash(Hash::of(b"1")), StatementId::from_hash(Hash::of(b"2")));
        Arc::clone(&background).carry_on(refused, async move {
            let _ = gate.await;
            Some(json!({"code": "role-step"}))
        });
        Arc::clone(&background).carry_on(taken, async { None });
        assert_eq!(background.find(refused), Some(Late::Running));
        let _ = open.send(());
        while background.find(refused) == Some(Late::Running) || background.find(taken).is_some() {
            tokio::task::yield_now().await;
        }
        assert_eq!(background.find(refused), Some(Late::Refused(json!({"code": "role-step"}))));
        drop(background);
        unfinished.finish().await;
    }
}
