//! A subscription to a named query (EPCIS 2.0 §8.2.5, §12.7): to whom, when and in which form its events are told, and how far they are.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use sealane_core::epcis::query::{Condition, CountLimit, EventQuery, Field, Key, KeyRange, OrderBy};
use sealane_core::merkle::LeafIndex;
use sealane_core::time::Timestamp;

use super::dest::Dest;
use super::named::QueryName;
use super::schedule::{QuerySchedule, ScheduleFault};
use crate::gateway::clients::ClientName;
use crate::gateway::query::form::IdForm;

/// Subscriptions of a gateway, and of one client.
pub const SUBSCRIPTIONS_MAX: usize = 1_000;
pub const SUBSCRIPTIONS_OF_CLIENT_MAX: usize = 200;

/// Characters of a `signatureToken`: less than the least could be guessed by a forger.
const TOKEN_CHARS_MIN: usize = 16;
const TOKEN_CHARS_MAX: usize = 512;

/// A subscription's id: a UUID of version 4.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriptionId(String);

impl SubscriptionId {
    pub fn new() -> Self {
        Self(uuid::Uuid::new_v4().hyphenated().to_string())
    }

    /// Reads an id as a path or a row has it.
    pub fn parse(text: &str) -> Option<Self> {
        let id = uuid::Uuid::try_parse(text).ok().filter(|_| text.len() == uuid::fmt::Hyphenated::LENGTH)?;
        Some(Self(id.hyphenated().to_string()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for SubscriptionId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for SubscriptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// When a query is run for a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Timing {
    /// As soon as events are recorded.
    Stream,
    Schedule(QuerySchedule),
}

impl Timing {
    /// When a schedule has the query run next, after a time; `None` for a stream, and if the schedule has no such time.
    pub fn next_run(&self, after: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Stream => None,
            Self::Schedule(schedule) => schedule.next(after),
        }
    }
}

/// What a subscription asks for beside its query and its way, by webhook or WebSocket (EPCIS 2.0 §8.2.5.1, `SubscriptionControls`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionControls {
    pub timing: Timing,
    /// Tell too that nothing was found, each time by schedule.
    pub reports_if_empty: bool,
    /// Events that were recorded from this time on are told; `None` for those that come.
    pub initial_record_time: Option<Timestamp>,
    pub form: IdForm,
}

/// SubscriptionControls that do not fit together (`SubscriptionControlsException`), and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlsFault {
    #[error(
        "give stream: true, or a schedule such as {{\"hour\": \"1\", \"minute\": \"5\"}}: a subscription without either is never told anything"
    )]
    Neither,
    #[error("give stream or a schedule, not both: a stream is told at once, and a schedule at its times")]
    Both,
    #[error("{0}")]
    Schedule(ScheduleFault),
    #[error("the member {name}: {wanted}")]
    Member { name: String, wanted: String },
    #[error(
        "the query has {0}: a subscription tells every event once, in the order of the ledger, so its query has neither an order nor an eventCountLimit"
    )]
    Order(&'static str),
}

impl From<ScheduleFault> for ControlsFault {
    fn from(fault: ScheduleFault) -> Self {
        Self::Schedule(fault)
    }
}

impl SubscriptionControls {
    /// Puts together what was read; `schedule` is empty if none was given.
    pub fn new<'a>(
        stream: Option<bool>,
        schedule: Option<Vec<(&'a str, &'a str)>>,
        reports_if_empty: bool,
        initial_record_time: Option<Timestamp>,
        form: IdForm,
    ) -> Result<Self, ControlsFault> {
        let timing = match (stream, schedule) {
            (Some(true), None) => Timing::Stream,
            (Some(true), Some(_)) => return Err(ControlsFault::Both),
            (_, Some(fields)) => Timing::Schedule(QuerySchedule::read(fields)?),
            (_, None) => return Err(ControlsFault::Neither),
        };
        Ok(Self { timing, reports_if_empty, initial_record_time, form })
    }

    /// As the body of a subscription has them, so that [`controls_from_json`] reads them again.
    pub fn to_json(&self) -> Map<String, Value> {
        let (name, value) = match &self.timing {
            Timing::Stream => ("stream", json!(true)),
            Timing::Schedule(schedule) => ("schedule", schedule.to_json()),
        };
        let mut members =
            Map::from_iter([(name.to_owned(), value), ("reportIfEmpty".to_owned(), json!(self.reports_if_empty))]);
        if let Some(time) = self.initial_record_time {
            members.insert("initialRecordTime".to_owned(), json!(time));
        }
        members
    }

    /// The query as a subscription runs it: all its events in the order of the ledger.
    ///
    /// # Errors
    ///
    /// A query that is about another order, or the first few events alone.
    pub fn run_of(&self, mut query: EventQuery) -> Result<EventQuery, ControlsFault> {
        if query.order != OrderBy::Recorded || query.is_descending {
            return Err(ControlsFault::Order("orderBy"));
        }
        if matches!(query.count, CountLimit::First(_)) {
            return Err(ControlsFault::Order("eventCountLimit"));
        }
        if let Some(time) = self.initial_record_time {
            query.conditions.push(Condition::new(Field::RECORD_TIME, vec![KeyRange::from(&Key::moment(time))]));
        }
        Ok(query)
    }
}

/// A subscription by webhook.
#[derive(Clone, PartialEq, Eq)]
pub struct Subscription {
    pub id: SubscriptionId,
    pub query: QueryName,
    /// Whose it is.
    pub client: ClientName,
    pub created_at: Timestamp,
    pub dest: Dest,
    /// What deliveries are signed with. No answer has it.
    pub signature_token: Option<Zeroizing<String>>,
    pub controls: SubscriptionControls,
}

/// Up to which event a subscriber knows everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ToldPlace {
    pub leaf: LeafIndex,
    pub position: u32,
}

/// What stands in the way of a subscription's deliveries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryTrouble {
    pub since: Timestamp,
    pub attempts: u32,
    pub next_at: Timestamp,
    pub why: String,
}

/// How far a subscription is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SubscriptionState {
    /// `None` if the first event of the ledger may be the next one.
    pub told: Option<ToldPlace>,
    /// The last time at which the subscriber said that it has what it was sent.
    pub last_notified_at: Option<Timestamp>,
    /// The last time at which the query was run by its schedule.
    pub last_run_at: Option<Timestamp>,
    pub trouble: Option<DeliveryTrouble>,
    /// Nothing is sent until its client resumes it.
    pub is_suspended: bool,
}

impl fmt::Debug for Subscription {
    /// Without the token, so that no log has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, query, client, dest, controls, .. } = self;
        let mut shown = f.debug_struct("Subscription");
        shown
            .field("id", id)
            .field("query", query)
            .field("client", client)
            .field("dest", dest)
            .field("controls", controls);
        shown.finish_non_exhaustive()
    }
}

impl Subscription {
    /// As it is shown to its client, without the token (EPCIS 2.0 §12.7).
    pub fn to_json(&self, state: &SubscriptionState) -> Value {
        let mut shown = Map::new();
        let mut say = |name: &str, value: Value| drop(shown.insert(name.to_owned(), value));
        say("subscriptionID", json!(self.id.as_str()));
        say("queryName", json!(self.query.as_str()));
        say("dest", json!(self.dest.as_str()));
        say("createdAt", json!(self.created_at));
        for (name, value) in self.controls.to_json() {
            say(&name, value);
        }
        say("minRecordTime", json!(state.last_run_at.or(self.controls.initial_record_time).unwrap_or(self.created_at)));
        if let Some(time) = state.last_notified_at {
            say("lastNotifiedAt", json!(time));
        }
        say("epcFormat", json!(self.controls.form.as_str()));
        say("sealane:signed", json!(self.signature_token.is_some()));
        let word = match (state.is_suspended, &state.trouble) {
            (true, _) => "suspended",
            (false, Some(_)) => "failing",
            (false, None) => "active",
        };
        say("sealane:state", json!(word));
        if let Some(trouble) = &state.trouble {
            let next = (!state.is_suspended).then_some(trouble.next_at);
            let told =
                json!({"since": trouble.since, "attempts": trouble.attempts, "nextAt": next, "why": trouble.why});
            say("sealane:trouble", told);
        }
        Value::Object(shown)
    }
}

/// What `POST /queries/{name}/subscriptions` asks for.
pub struct AskedSubscription {
    pub dest: String,
    pub signature_token: Option<Zeroizing<String>>,
    pub controls: SubscriptionControls,
}

/// What is wrong with a member of a body.
fn wrong(name: &str, wanted: &str) -> ControlsFault {
    ControlsFault::Member { name: name.to_owned(), wanted: wanted.to_owned() }
}

fn text<'a>(body: &'a Map<String, Value>, name: &str, wanted: &str) -> Result<Option<&'a str>, ControlsFault> {
    body.get(name).map(|value| value.as_str().ok_or_else(|| wrong(name, wanted))).transpose()
}

fn boolean(body: &Map<String, Value>, name: &str) -> Result<Option<bool>, ControlsFault> {
    body.get(name).map(|value| value.as_bool().ok_or_else(|| wrong(name, "it is true or false"))).transpose()
}

/// Reads the body of a subscription.
///
/// # Errors
///
/// A member that is unknown or wrong, and controls that do not fit together.
pub fn read(body: &Map<String, Value>, form: IdForm) -> Result<AskedSubscription, ControlsFault> {
    const KNOWN: [&str; 6] = ["dest", "signatureToken", "stream", "schedule", "reportIfEmpty", "initialRecordTime"];
    if let Some(other) = body.keys().find(|name| !KNOWN.contains(&name.as_str())) {
        return Err(wrong(other, &format!("it is unknown; known are {}", KNOWN.join(", "))));
    }
    let dest = text(body, "dest", "it is an https: URL")?;
    let dest = dest.ok_or_else(|| wrong("dest", "it is missing: the URL that events are posted to"))?;
    let wanted = format!(
        "it is a secret text of {TOKEN_CHARS_MIN} to {TOKEN_CHARS_MAX} characters, none of which controls a device"
    );
    let token = text(body, "signatureToken", &wanted)?;
    let is_secret = |token: &str| {
        (TOKEN_CHARS_MIN..=TOKEN_CHARS_MAX).contains(&token.chars().count()) && !token.chars().any(char::is_control)
    };
    if token.is_some_and(|token| !is_secret(token)) {
        return Err(wrong("signatureToken", &wanted));
    }
    Ok(AskedSubscription {
        dest: dest.to_owned(),
        signature_token: token.map(|token| Zeroizing::new(token.to_owned())),
        controls: controls_from_json(body, form)?,
    })
}

/// Reads the members of a body that are controls.
///
/// # Errors
///
/// One that is wrong, and what does not fit together.
pub fn controls_from_json(body: &Map<String, Value>, form: IdForm) -> Result<SubscriptionControls, ControlsFault> {
    let wanted = "it is an RFC 3339 date-time, such as 2026-11-21T09:30:00Z";
    let initial = text(body, "initialRecordTime", wanted)?;
    let initial = initial.map(|text| text.parse().map_err(|_| wrong("initialRecordTime", wanted))).transpose()?;
    let fields = body.get("schedule").map(schedule_fields).transpose()?;
    let fields =
        fields.as_ref().map(|fields| fields.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect());
    let reports_if_empty = boolean(body, "reportIfEmpty")?.unwrap_or_default();
    SubscriptionControls::new(boolean(body, "stream")?, fields, reports_if_empty, initial, form)
}

/// The fields of a schedule: texts by the standard's schema, and numbers in examples of its interface.
fn schedule_fields(schedule: &Value) -> Result<Vec<(String, String)>, ControlsFault> {
    let wrong = || wrong("schedule", "it is an object of texts, such as {\"hour\": \"1\", \"minute\": \"5\"}");
    let fields = schedule.as_object().ok_or_else(wrong)?.iter().map(|(name, value)| match value {
        Value::String(text) => Ok((name.clone(), text.clone())),
        Value::Number(number) => Ok((name.clone(), number.to_string())),
        _ => Err(wrong()),
    });
    fields.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::subscriptions::dest::DestRules;

    fn asked(body: &Value) -> Result<AskedSubscription, String> {
        read(body.as_object().unwrap(), IdForm::DigitalLink).map_err(|fault| fault.to_string())
    }

    #[test]
    fn the_standards_examples_are_read() {
        let body = json!({"dest": "https://client.example.com/queryCallback", "reportIfEmpty": true,
            "signatureToken": "13df38d8275b13f05704629e5f1cf3d45d6132d5", "schedule": {"hour": "1", "minute": "5"}});
        let asked_for = asked(&body).unwrap();
        assert!(matches!(asked_for.controls.timing, Timing::Schedule(_)) && asked_for.controls.reports_if_empty);
        let stream = asked(&json!({"dest": "https://client.example.com/x", "stream": true,
            "initialRecordTime": "2020-04-04T20:33:31.116-06:00"}));
        let stream = stream.unwrap().controls;
        assert_eq!(stream.timing, Timing::Stream);
        assert_eq!(stream.initial_record_time.unwrap().to_string(), "2020-04-05T02:33:31.116Z");
        assert!(asked(&json!({"dest": "https://x.example", "schedule": {"second": 0}})).is_ok());
    }

    #[test]
    fn what_is_no_subscription_is_said() {
        let dest = "https://client.example.com/x";
        for (body, why) in [
            (json!({"stream": true}), "dest: it is missing"),
            (json!({"dest": 1, "stream": true}), "dest: it is an https: URL"),
            (json!({"dest": dest}), "give stream: true, or a schedule"),
            (json!({"dest": dest, "stream": false}), "give stream: true, or a schedule"),
            (json!({"dest": dest, "stream": true, "schedule": {"hour": "1"}}), "not both"),
            (json!({"dest": dest, "stream": "yes"}), "stream: it is true or false"),
            (json!({"dest": dest, "schedule": "daily"}), "schedule: it is an object"),
            (json!({"dest": dest, "schedule": {"hour": [1]}}), "schedule: it is an object"),
            (json!({"dest": dest, "schedule": {"hour": "24"}}), "hour: it is a list of numbers from 0 to 23"),
            (json!({"dest": dest, "schedule": {}}), "schedule: it has no field"),
            (json!({"dest": dest, "stream": true, "signatureToken": "short"}), "16 to 512 characters"),
            (json!({"dest": dest, "stream": true, "initialRecordTime": "today"}), "RFC 3339"),
            (json!({"dest": dest, "stream": true, "secret": "x"}), "the member secret: it is unknown"),
        ] {
            let said = asked(&body).err().unwrap();
            assert!(said.contains(why), "{body}: {said}");
        }
    }

    #[test]
    fn a_subscription_is_shown_without_its_token() {
        let body =
            json!({"dest": "https://client.example.com/x", "stream": true, "signatureToken": "a secret of many"});
        let AskedSubscription { dest, signature_token, controls } = asked(&body).unwrap();
        let subscription = Subscription {
            id: SubscriptionId::new(),
            query: "q".parse().unwrap(),
            client: ClientName::local(),
            created_at: Timestamp::EPOCH,
            dest: Dest::read(&dest, &DestRules::default()).unwrap(),
            signature_token,
            controls,
        };
        let trouble =
            DeliveryTrouble { since: Timestamp::EPOCH, attempts: 3, next_at: Timestamp::EPOCH, why: "503".to_owned() };
        let state = SubscriptionState { trouble: Some(trouble), ..SubscriptionState::default() };
        let shown = subscription.to_json(&state);
        assert!(!shown.to_string().contains("a secret of many"), "{shown}");
        assert_eq!((&shown["sealane:signed"], &shown["sealane:state"]), (&json!(true), &json!("failing")));
        let suspended = SubscriptionState { is_suspended: true, ..state };
        assert_eq!(subscription.to_json(&suspended)["sealane:trouble"]["nextAt"], Value::Null);
        assert_eq!(SubscriptionId::parse(shown["subscriptionID"].as_str().unwrap()), Some(subscription.id));
    }

    #[test]
    fn a_query_with_an_order_is_not_subscribed_to() {
        let controls =
            asked(&json!({"dest": "https://x.example", "stream": true, "initialRecordTime": "2026-01-01T00:00:00Z"}));
        let controls = controls.unwrap().controls;
        assert_eq!(controls.run_of(EventQuery::default()).unwrap().conditions.len(), 1);
        let ordered = EventQuery { order: OrderBy::EventTime, ..EventQuery::default() };
        assert!(controls.run_of(ordered).unwrap_err().to_string().contains("orderBy"));
        let first = EventQuery { count: CountLimit::First(1), ..EventQuery::default() };
        assert!(controls.run_of(first).is_err());
        let most = EventQuery { count: CountLimit::AtMost(1), ..EventQuery::default() };
        assert!(controls.run_of(most).is_ok());
    }
}
