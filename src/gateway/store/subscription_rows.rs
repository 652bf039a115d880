//! Rows of named queries and subscriptions, and what they stand for.

use diesel::prelude::*;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use sealane_core::json;
use sealane_core::merkle::LeafIndex;

use super::rows::{corrupt, json as read_json, text, time};
use super::schema::{queries, subscriptions};
use crate::gateway::keeper::KeeperError;
use crate::gateway::query::form::IdForm;
use crate::gateway::subscriptions::dest::Dest;
use crate::gateway::subscriptions::named::NamedQuery;
use crate::gateway::subscriptions::subscription::{
    Subscription, SubscriptionId, SubscriptionState, ToldPlace, controls_from_json,
};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = queries)]
pub struct QueryRow {
    name: String,
    client: String,
    created_at: i64,
    definition: String,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = subscriptions)]
pub struct SubscriptionRow {
    id: String,
    query: String,
    client: String,
    created_at: i64,
    dest: String,
    signature_token: Option<String>,
    controls: String,
    epc_format: String,
    #[diesel(embed)]
    state: StateRow,
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = subscriptions, treat_none_as_null = true)]
pub struct StateRow {
    told_leaf: Option<i64>,
    told_position: Option<i64>,
    last_notified_at: Option<i64>,
    last_run_at: Option<i64>,
    trouble: Option<String>,
    suspended: bool,
}

impl QueryRow {
    pub fn of(query: &NamedQuery) -> Self {
        Self {
            name: query.name.as_str().to_owned(),
            client: query.client.as_str().to_owned(),
            created_at: query.created_at.millis(),
            definition: query.definition.to_string(),
        }
    }

    pub fn into_query(self) -> Result<NamedQuery, KeeperError> {
        Ok(NamedQuery {
            name: text(&self.name)?,
            client: text(&self.client)?,
            created_at: time(self.created_at)?,
            definition: json::read(self.definition.as_bytes()).map_err(corrupt)?,
        })
    }
}

impl SubscriptionRow {
    pub fn of(subscription: &Subscription, state: &SubscriptionState) -> Self {
        Self {
            id: subscription.id.as_str().to_owned(),
            query: subscription.query.as_str().to_owned(),
            client: subscription.client.as_str().to_owned(),
            created_at: subscription.created_at.millis(),
            dest: subscription.dest.as_str().to_owned(),
            signature_token: subscription.signature_token.as_ref().map(|token| token.to_string()),
            controls: Value::Object(subscription.controls.to_json()).to_string(),
            epc_format: subscription.controls.form.as_str().to_owned(),
            state: StateRow::of(state),
        }
    }

    pub fn into_subscription(self) -> Result<(Subscription, SubscriptionState), KeeperError> {
        let form = IdForm::parse(&self.epc_format).ok_or_else(|| corrupt(&self.epc_format))?;
        let controls: Map<String, Value> = read_json(&self.controls)?;
        let subscription = Subscription {
            id: SubscriptionId::parse(&self.id)
                .ok_or_else(|| corrupt(format!("{:?} is no subscription's id", self.id)))?,
            query: text(&self.query)?,
            client: text(&self.client)?,
            created_at: time(self.created_at)?,
            dest: Dest::known(&self.dest).ok_or_else(|| corrupt(format!("{:?} is no URL", self.dest)))?,
            signature_token: self.signature_token.map(Zeroizing::new),
            controls: controls_from_json(&controls, form).map_err(corrupt)?,
        };
        Ok((subscription, self.state.into_state()?))
    }
}

impl StateRow {
    pub fn of(state: &SubscriptionState) -> Self {
        let trouble = state.trouble.as_ref();
        Self {
            told_leaf: state.told.map(|told| i64::try_from(told.leaf.get()).unwrap_or(i64::MAX)),
            told_position: state.told.map(|told| told.position.into()),
            last_notified_at: state.last_notified_at.map(|time| time.millis()),
            last_run_at: state.last_run_at.map(|time| time.millis()),
            trouble: trouble.and_then(|trouble| serde_json::to_string(trouble).ok()),
            suspended: state.is_suspended,
        }
    }

    fn into_state(self) -> Result<SubscriptionState, KeeperError> {
        let told = match (self.told_leaf, self.told_position) {
            (Some(leaf), Some(position)) => Some(ToldPlace {
                leaf: LeafIndex::new(u64::try_from(leaf).map_err(corrupt)?).map_err(corrupt)?,
                position: u32::try_from(position).map_err(corrupt)?,
            }),
            _ => None,
        };
        Ok(SubscriptionState {
            told,
            last_notified_at: self.last_notified_at.map(time).transpose()?,
            last_run_at: self.last_run_at.map(time).transpose()?,
            trouble: self.trouble.as_deref().map(read_json).transpose()?,
            is_suspended: self.suspended,
        })
    }
}
