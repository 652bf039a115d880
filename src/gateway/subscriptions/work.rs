//! One turn of work for one subscription: everything that its subscriber does not know is told.

use std::panic::{self, AssertUnwindSafe};

use serde_json::json;

use sealane_core::time::Timestamp;

use super::notice::{Notice, NoticeAnswer, NoticeOf};
use super::scan::{Scan, ScanError};
use super::subscription::{DeliveryTrouble, SubscriptionId, SubscriptionState, Timing, ToldPlace};
use super::{IsAllowed, Live, Subscriptions};
use crate::app::query_document::QueryResults;
use crate::gateway::pauses::Pauses;
use crate::gateway::query::QuerySide;
use crate::gateway::query::store::FoundEvent;

/// Events in one notice. A page of the store has fewer if they are long.
pub const BATCH_MAX: u32 = 1_000;

/// The pauses after a notice that was not taken.
const PAUSES: Pauses = Pauses { first_ms: 10_000, longest_ms: 60 * 60 * 1_000 };

/// How long a subscriber may fail until its subscription is suspended, in milliseconds.
const FAILING_MS_MAX: i64 = 7 * 24 * 60 * 60 * 1_000;

/// Leaves without an event of a query after which the place is noted too, so that a start does not look at more of them again.
const LEAVES_UNNOTED_MAX: u64 = 10_000;

const JSON: &str = "application/json";
const PROBLEM_JSON: &str = "application/problem+json";

/// How a turn ended, if not with everything told.
enum Broken {
    /// The subscription is over, or the gateway stops.
    Over,
    /// In words, what stands in the way.
    Failed(String),
}

impl From<ScanError> for Broken {
    fn from(error: ScanError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// One turn.
struct Turn<'a> {
    engine: &'a Subscriptions,
    live: Live,
    side: QuerySide,
    now: Timestamp,
}

impl Subscriptions {
    /// Does the work of one turn; whatever happens in it, the subscription is not at work any more.
    pub(super) fn work_or_give_back(&self, id: &SubscriptionId, side: QuerySide, is_allowed: &IsAllowed) {
        let worked = panic::catch_unwind(AssertUnwindSafe(|| self.work(id, side, is_allowed)));
        if worked.is_err() {
            tracing::error!(subscription = %id, "telling a subscriber failed by a defect; it is tried again");
            let now = self.parts.clock.now();
            if let Some(live) = self.lock().get_mut(id) {
                live.is_at_work = false;
                let (why, next_at) = ("a defect of the gateway's".to_owned(), now.plus_millis(PAUSES.longest_ms));
                live.state.trouble = Some(DeliveryTrouble { since: now, attempts: 1, next_at, why });
            }
        }
    }

    /// Tells a subscriber all that it does not know. Blocks its thread, for as long as the subscriber takes.
    fn work(&self, id: &SubscriptionId, side: QuerySide, is_allowed: &IsAllowed) {
        let Some(live) = self.lock().get(id).cloned() else { return };
        let (size, now) = (side.cursor.size, self.parts.clock.now());
        let mut turn = Turn { engine: self, live, side, now };
        let ended = match is_allowed(&turn.live.subscription.client) {
            Ok(true) => turn.tell(),
            Ok(false) => {
                turn.live.state.is_suspended = true;
                Err(Broken::Failed("the client is not there any more, or has not the scope subscribe".to_owned()))
            }
            Err(error) => Err(Broken::Failed(error.to_string())),
        };
        let kept = turn.live.kept;
        turn.end(&ended);
        let Turn { mut live, .. } = turn;
        if matches!(ended, Ok(())) {
            live.level = Some(size);
        }
        let is_to_be_kept = !matches!(ended, Err(Broken::Over)) && live.is_to_be_kept(kept);
        if is_to_be_kept {
            match self.parts.keeper.note_state(id, &live.state) {
                Ok(()) => live.kept = live.state.told,
                Err(error) => {
                    tracing::warn!(%error, subscription = %id, "how far a subscription is could not be noted")
                }
            }
        }
        live.is_at_work = false;
        live.plan();
        // One that was ended meanwhile stays so.
        if let Some(there) = self.lock().get_mut(id) {
            *there = live;
        }
    }

    fn is_there(&self, id: &SubscriptionId) -> bool {
        self.lock().contains_key(id)
    }
}

impl Live {
    /// Whether the disk has to know of the state, of which it has the place `kept`.
    fn is_to_be_kept(&self, kept: Option<ToldPlace>) -> bool {
        let leaf = |place: Option<ToldPlace>| place.map_or(0, |place| place.leaf.get());
        let is_far = leaf(self.state.told).saturating_sub(leaf(kept)) > LEAVES_UNNOTED_MAX;
        let is_scheduled = matches!(self.subscription.controls.timing, Timing::Schedule(_));
        is_far || is_scheduled || self.state.trouble.is_some()
    }
}

impl Turn<'_> {
    fn tell(&mut self) -> Result<(), Broken> {
        let Live { subscription, query, .. } = &self.live;
        let query = query.query().map_err(|fault| Broken::Failed(fault.to_string()))?;
        let query = subscription.controls.run_of(query).map_err(|fault| Broken::Failed(fault.to_string()))?;
        let size = self.side.cursor.size;
        let scan = Scan::new(self.side.store.clone(), query, size);
        let checked = scan.and_then(|scan| scan.check_count(self.live.state.told).map(|()| scan));
        let scan = match checked {
            Ok(scan) => scan,
            // Nothing is passed over: the client that made the query decides how it goes on.
            Err(error @ ScanError::TooMany(_)) => {
                self.tell_problem("QueryTooLargeException", &error.to_string())?;
                self.live.state.is_suspended = true;
                return Err(error.into());
            }
            Err(ScanError::TooComplex(why)) => {
                if self.live.state.trouble.is_none() {
                    self.tell_problem("QueryTooComplexException", &why)?;
                }
                return Err(Broken::Failed(why));
            }
            Err(error) => return Err(error.into()),
        };
        let mut has_told = false;
        loop {
            let found = scan.next(self.live.state.told, self.live.batch)?;
            if found.events.is_empty() {
                self.live.state.told = found.told;
                break;
            }
            let count = found.events.len();
            let about = NoticeOf::Events(self.live.state.told, found.told);
            if self.tell_events(found.events, about)? {
                self.note_told(found.told)?;
                has_told = true;
            } else if count == 1 {
                return Err(Broken::Failed("the subscriber answered 413 to a single event".to_owned()));
            } else {
                self.live.batch = u32::try_from(count / 2).unwrap_or(1).max(1);
            }
        }
        let controls = &self.live.subscription.controls;
        let is_scheduled = matches!(controls.timing, Timing::Schedule(_));
        if !has_told
            && is_scheduled
            && controls.reports_if_empty
            && self.tell_events(Vec::new(), NoticeOf::Moment(self.now))?
        {
            self.live.state.last_notified_at = Some(self.now);
        }
        Ok(())
    }

    /// Sends events; false if they are more than the subscriber takes at a time.
    fn tell_events(&self, mut events: Vec<FoundEvent>, about: NoticeOf) -> Result<bool, Broken> {
        let subscription = &self.live.subscription;
        let form = subscription.controls.form;
        form.write_events(&mut events, &self.side.prefixes(form));
        let results = QueryResults {
            query: subscription.query.to_string(),
            subscription: Some(subscription.id.to_string()),
            events,
        };
        self.send(about, JSON, results.to_document(self.engine.parts.clock.now()).into_bytes())
    }

    /// Sends an error of the query's, as its answer would be (EPCIS 2.0 §12.7).
    fn tell_problem(&self, exception: &str, detail: &str) -> Result<(), Broken> {
        let subscription = &self.live.subscription;
        let problem = json!({
            "type": format!("epcisException:{exception}"),
            "title": "The query was not run for its subscription",
            "status": 413,
            "detail": detail,
            "queryName": subscription.query.as_str(),
            "subscriptionID": subscription.id.as_str(),
        });
        self.send(NoticeOf::Moment(self.now), PROBLEM_JSON, problem.to_string().into_bytes()).map(drop)
    }

    fn send(&self, about: NoticeOf, content_type: &'static str, body: Vec<u8>) -> Result<bool, Broken> {
        let (engine, subscription) = (self.engine, &self.live.subscription);
        if engine.is_stopping() || !engine.is_there(&subscription.id) {
            return Err(Broken::Over);
        }
        let now = engine.parts.clock.now();
        let notice = Notice::new(subscription, about, content_type, body, now);
        let answer = engine.parts.door.post(&subscription.dest, &notice);
        (engine.count)(answer.as_str());
        match answer {
            NoticeAnswer::Taken => Ok(true),
            NoticeAnswer::TooLarge => Ok(false),
            NoticeAnswer::Failed(why) => Err(Broken::Failed(why)),
            NoticeAnswer::Gone => {
                tracing::info!(subscription = %subscription.id, "the subscriber answered 410: its subscription is removed");
                let removed = engine.remove(&subscription.id);
                removed.map_err(|error| Broken::Failed(error.to_string()))?;
                Err(Broken::Over)
            }
        }
    }

    /// Notes that the subscriber has everything up to a place.
    fn note_told(&mut self, told: Option<ToldPlace>) -> Result<(), Broken> {
        let state = &mut self.live.state;
        *state = SubscriptionState {
            told,
            last_notified_at: Some(self.engine.parts.clock.now()),
            trouble: None,
            ..state.clone()
        };
        let noted = self.engine.parts.keeper.note_state(&self.live.subscription.id, state);
        noted.map_err(|error| Broken::Failed(error.to_string()))?;
        self.live.kept = told;
        Ok(())
    }

    /// Notes how the turn ended.
    fn end(&mut self, ended: &Result<(), Broken>) {
        let state = &mut self.live.state;
        match ended {
            Ok(()) => {
                state.trouble = None;
                state.last_run_at = Some(self.now);
            }
            Err(Broken::Over) => {}
            Err(Broken::Failed(why)) => {
                let now = self.engine.parts.clock.now();
                let before = state.trouble.take();
                let since = before.as_ref().map_or(now, |trouble| trouble.since);
                let attempts = before.map_or(0, |trouble| trouble.attempts);
                let next_at = now.plus_millis(PAUSES.after(attempts, fastrand::f64()));
                state.is_suspended |= now.millis_since(since) >= FAILING_MS_MAX;
                tracing::warn!(subscription = %self.live.subscription.id, why, "a subscriber was not told what is due");
                state.trouble =
                    Some(DeliveryTrouble { since, attempts: attempts.saturating_add(1), next_at, why: why.clone() });
            }
        }
    }
}
