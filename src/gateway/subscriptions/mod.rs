//! Named queries, and subscriptions to them (EPCIS 2.0 §8.2.5, §12.7): a client that asked for it is told their events, as they are recorded or
//! on a schedule.
//!
//! A subscription's way: [`subscription`] reads what is asked for, [`dest`] where it goes, and [`schedule`] when; the [`keeper`] has it on the
//! disk. [`Subscriptions`] looks at what is due, and `work` tells one subscriber what it does not know: `scan` goes over the rows from the
//! place that is noted, [`notice`] signs what is sent, and the place is noted anew when the subscriber has it. So an event may be told
//! twice after a crash, and none is left out.

pub mod dest;
pub mod keeper;
pub mod named;
pub mod notice;
pub mod scan;
pub mod schedule;
pub mod subscription;
mod work;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, watch};

use sealane_core::json::Json;
use sealane_core::merkle::TreeSize;
use sealane_core::time::Timestamp;

use super::clients::ClientName;
use super::keeper::KeeperError;
use super::query::QuerySide;
use super::query::indexer::Progress;
use crate::ports::Clock;
use dest::{Dest, DestRules};
use keeper::{AddOutcome, DefinitionsPage, PageRoom, SubscriptionKeeper};
use named::{NamedQuery, QUERIES_MAX, QUERIES_OF_CLIENT_MAX, QueryName};
use notice::{Notice, NoticeAnswer};
use subscription::{
    SUBSCRIPTIONS_MAX, SUBSCRIPTIONS_OF_CLIENT_MAX, Subscription, SubscriptionId, SubscriptionState, Timing, ToldPlace,
};
use work::BATCH_MAX;

/// Subscribers that are told something at a time, and those of one client: one that answers slowly keeps no other client waiting.
const AT_WORK_MAX: usize = 16;
const AT_WORK_OF_CLIENT_MAX: usize = 4;

/// Those of them that failed the last time: a receiver that hangs keeps a place for as long as it may take to answer.
const FAILING_AT_WORK_MAX: usize = 8;

/// How long it takes at most until what is due is looked for again.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A subscriber over HTTP.
pub trait SubscriberDoor: Send + Sync {
    /// Posts, to no address that the operator does not allow. Blocks its thread until the subscriber has answered or the time for that is
    /// over.
    fn post(&self, dest: &Dest, notice: &Notice) -> NoticeAnswer;
}

/// What subscriptions are made of.
pub struct SubscriptionParts {
    pub keeper: Arc<dyn SubscriptionKeeper>,
    pub door: Arc<dyn SubscriberDoor>,
    pub clock: Arc<dyn Clock>,
    pub rules: DestRules,
}

/// Counts the notices that were sent, by what became of them.
pub type CountNotice = Arc<dyn Fn(&'static str) + Send + Sync>;

/// One subscription, as it is at work.
#[derive(Clone)]
struct Live {
    subscription: Arc<Subscription>,
    query: Arc<NamedQuery>,
    state: SubscriptionState,
    is_at_work: bool,
    /// The rows in which nothing is left to be told.
    level: Option<TreeSize>,
    /// When its query is run next by its schedule: found once, since a rare day is looked for among thousands.
    next_run: Option<Timestamp>,
    /// Events that its subscriber takes at a time.
    batch: u32,
    /// The place that is noted on the disk.
    kept: Option<ToldPlace>,
}

/// A subscription and how far it is.
pub type Subscribed = (Arc<Subscription>, SubscriptionState);

/// The named queries of a gateway and the subscriptions to them.
pub struct Subscriptions {
    parts: SubscriptionParts,
    count: CountNotice,
    all: Mutex<BTreeMap<SubscriptionId, Live>>,
    /// Something is due that was not.
    changed: Notify,
    is_stopping: AtomicBool,
}

/// Tells whether a client may still subscribe.
pub type IsAllowed = Arc<dyn Fn(&ClientName) -> Result<bool, KeeperError> + Send + Sync>;

impl Subscriptions {
    /// Reads what is kept. Waits for a disk.
    ///
    /// # Errors
    ///
    /// A store that cannot be read.
    pub fn open(parts: SubscriptionParts, count: CountNotice) -> Result<Arc<Self>, KeeperError> {
        let queries: BTreeMap<QueryName, Arc<NamedQuery>> =
            parts.keeper.queries()?.into_iter().map(|query| (query.name.clone(), Arc::new(query))).collect();
        let live = |(subscription, state): (Subscription, SubscriptionState)| {
            let query = Arc::clone(queries.get(&subscription.query)?);
            Some((subscription.id.clone(), Live::new(subscription, query, state)))
        };
        let all = parts.keeper.subscriptions()?.into_iter().filter_map(live).collect();
        Ok(Arc::new(Self {
            parts,
            count,
            all: Mutex::new(all),
            changed: Notify::new(),
            is_stopping: AtomicBool::new(false),
        }))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<SubscriptionId, Live>> {
        // Each change is one call, so a panic elsewhere leaves it whole.
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Named queries behind a name. Waits for a disk, as do all that follow here.
    pub fn definitions(&self, after: Option<&str>, room: PageRoom) -> Result<DefinitionsPage, KeeperError> {
        self.parts.keeper.definitions(after, room)
    }

    pub fn query(&self, name: &QueryName) -> Result<Option<NamedQuery>, KeeperError> {
        self.parts.keeper.query(name)
    }

    /// Gives a query its name.
    pub fn add_query(&self, name: QueryName, definition: Json, client: ClientName) -> Result<AddOutcome, KeeperError> {
        let query = NamedQuery { name, client, created_at: self.parts.clock.now(), definition };
        self.parts.keeper.add_query(&query, (QUERIES_MAX, QUERIES_OF_CLIENT_MAX))
    }

    /// Removes a client's query, and ends every subscription to it.
    pub fn remove_query(&self, name: &QueryName, client: &ClientName) -> Result<bool, KeeperError> {
        let is_removed = self.parts.keeper.remove_query(name, client)?;
        if is_removed {
            self.lock().retain(|_, live| live.subscription.query != *name);
        }
        Ok(is_removed)
    }

    /// What the operator allows of destinations.
    pub const fn rules(&self) -> &DestRules {
        &self.parts.rules
    }

    /// Begins a subscription. Without a time to begin at it tells what comes after the rows that are there.
    pub fn subscribe(&self, subscription: Subscription, rows: Option<TreeSize>) -> Result<AddOutcome, KeeperError> {
        let Some(query) = self.query(&subscription.query)? else { return Ok(AddOutcome::NoQuery) };
        let begins_now = subscription.controls.initial_record_time.is_none();
        let told = rows.and_then(ToldPlace::before).filter(|_| begins_now);
        let state = SubscriptionState { told, ..SubscriptionState::default() };
        let max = (SUBSCRIPTIONS_MAX, SUBSCRIPTIONS_OF_CLIENT_MAX);
        let outcome = self.parts.keeper.add_subscription(&subscription, &state, max)?;
        if outcome == AddOutcome::Done {
            self.lock().insert(subscription.id.clone(), Live::new(subscription, Arc::new(query), state));
            self.changed.notify_one();
        }
        Ok(outcome)
    }

    /// The subscriptions of a client to a query, in the order in which they were made.
    pub fn of_query(&self, name: &QueryName, client: &ClientName) -> Vec<Subscribed> {
        let all = self.lock();
        let own = all.values().filter(|live| live.is_of(name, client));
        let mut shown: Vec<Subscribed> = own.map(Live::shown).collect();
        shown.sort_by_key(|(subscription, _)| (subscription.created_at, subscription.id.clone()));
        shown
    }

    /// One subscription of a client.
    pub fn get(&self, name: &QueryName, id: &SubscriptionId, client: &ClientName) -> Option<Subscribed> {
        self.lock().get(id).filter(|live| live.is_of(name, client)).map(Live::shown)
    }

    /// Ends a subscription.
    pub fn remove(&self, id: &SubscriptionId) -> Result<bool, KeeperError> {
        let is_removed = self.parts.keeper.remove_subscription(id)?;
        self.lock().remove(id);
        Ok(is_removed)
    }

    /// Tries again at once what was suspended or waits for its next try.
    pub fn resume(&self, id: &SubscriptionId) -> Result<(), KeeperError> {
        let state = {
            let mut all = self.lock();
            let Some(live) = all.get_mut(id) else { return Ok(()) };
            live.state.is_suspended = false;
            live.state.trouble = None;
            live.level = None;
            live.state.clone()
        };
        self.parts.keeper.note_state(id, &state)?;
        self.changed.notify_one();
        Ok(())
    }

    /// How many subscriptions there are: those that go on, those that fail and those that are suspended.
    pub fn counts(&self) -> [(&'static str, usize); 3] {
        let all = self.lock();
        let count = |is: fn(&SubscriptionState) -> bool| all.values().filter(|live| is(&live.state)).count();
        [
            ("active", count(|state| !state.is_suspended && state.trouble.is_none())),
            ("failing", count(|state| !state.is_suspended && state.trouble.is_some())),
            ("suspended", count(|state| state.is_suspended)),
        ]
    }

    /// Has the work end between two notices.
    pub fn stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
        self.changed.notify_one();
    }

    /// Tells whether the gateway ends.
    pub fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Relaxed)
    }

    /// Tells subscribers what is due, until the runtime ends. `side` gives the rows, and `grown` tells when there may be more of them.
    pub async fn run(
        self: Arc<Self>,
        side: impl Fn() -> Option<QuerySide> + Send + 'static,
        mut grown: watch::Receiver<Progress>,
        is_allowed: IsAllowed,
    ) {
        let places = Arc::new(Semaphore::new(AT_WORK_MAX));
        while !self.is_stopping() {
            let now = self.parts.clock.now();
            if let Some(side) = side() {
                for id in self.begin(side.cursor.size, now, places.available_permits()) {
                    let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
                    let (engine, side, is_allowed) = (Arc::clone(&self), side.clone(), Arc::clone(&is_allowed));
                    tokio::task::spawn_blocking(move || {
                        engine.work_or_give_back(&id, side, &is_allowed);
                        drop(place);
                        engine.changed.notify_one();
                    });
                }
            }
            tokio::select! {
                () = self.changed.notified() => {}
                _ = grown.changed() => {}
                () = tokio::time::sleep(self.until_due(now)) => {}
            }
        }
    }

    /// Takes what is due into work, as much as there is room for, and of each client as much as it may have.
    fn begin(&self, size: TreeSize, now: Timestamp, room: usize) -> Vec<SubscriptionId> {
        let mut all = self.lock();
        let mut of_clients: BTreeMap<ClientName, usize> = BTreeMap::new();
        for live in all.values().filter(|live| live.is_at_work) {
            *of_clients.entry(live.subscription.client.clone()).or_default() += 1;
        }
        let mut failing = all.values().filter(|live| live.is_at_work && live.state.trouble.is_some()).count();
        let due = all.iter().filter_map(|(id, live)| {
            let since = live.due(size).filter(|since| *since <= now)?;
            Some((live.state.trouble.is_some(), since, id.clone(), live.subscription.client.clone()))
        });
        let mut due: Vec<(bool, Timestamp, SubscriptionId, ClientName)> = due.collect();
        // Those that fail come last, and clients take turns: who has least at work is next.
        due.sort();
        let mut begun = Vec::new();
        while begun.len() < room {
            let at_work = |client: &ClientName| of_clients.get(client).copied().unwrap_or_default();
            let may = due.iter().enumerate().filter(|(_, (fails, _, _, client))| {
                at_work(client) < AT_WORK_OF_CLIENT_MAX && (!fails || failing < FAILING_AT_WORK_MAX)
            });
            let next = may.min_by_key(|(at, (fails, _, _, client))| (*fails, at_work(client), *at)).map(|(at, _)| at);
            let Some(next) = next else { break };
            let (fails, _, id, client) = due.remove(next);
            failing += usize::from(fails);
            *of_clients.entry(client).or_default() += 1;
            if let Some(live) = all.get_mut(&id) {
                live.is_at_work = true;
            }
            begun.push(id);
        }
        begun
    }

    /// How long nothing is due, if nothing changes.
    fn until_due(&self, now: Timestamp) -> Duration {
        // What is due already and has no place is begun when one is free, which is told.
        let next = self.lock().values().filter_map(Live::next_time).filter(|next| *next > now).min();
        let millis = next.map_or(i64::MAX, |next| next.millis_since(now));
        Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX)).min(LOOK_EVERY)
    }
}

impl Live {
    fn new(subscription: Subscription, query: Arc<NamedQuery>, state: SubscriptionState) -> Self {
        let kept = state.told;
        let subscription = Arc::new(subscription);
        let mut live =
            Self { subscription, query, state, is_at_work: false, level: None, next_run: None, batch: BATCH_MAX, kept };
        live.plan();
        live
    }

    /// Finds when its query is run next by its schedule.
    fn plan(&mut self) {
        let last = self.state.last_run_at.unwrap_or(self.subscription.created_at);
        self.next_run = self.subscription.controls.timing.next_run(last);
    }

    fn is_of(&self, name: &QueryName, client: &ClientName) -> bool {
        self.subscription.query == *name && self.subscription.client == *client
    }

    fn shown(&self) -> Subscribed {
        (Arc::clone(&self.subscription), self.state.clone())
    }

    /// Since when something is to be done; `None` if nothing is.
    fn due(&self, size: TreeSize) -> Option<Timestamp> {
        if self.is_at_work || self.state.is_suspended {
            return None;
        }
        match (&self.state.trouble, &self.subscription.controls.timing) {
            (None, Timing::Stream) => {
                let is_level = self.level.is_some_and(|level| level >= size);
                (!is_level).then(|| self.state.last_notified_at.unwrap_or(self.subscription.created_at))
            }
            _ => self.next_time(),
        }
    }

    /// The time at which something is to be done whatever is recorded.
    fn next_time(&self) -> Option<Timestamp> {
        if self.is_at_work || self.state.is_suspended {
            return None;
        }
        match &self.state.trouble {
            Some(trouble) => Some(trouble.next_at),
            None => self.next_run,
        }
    }
}
