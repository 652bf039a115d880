//! Named queries and subscriptions in the words of SQL. As `queue.rs`, this is one text that is compiled for each database.

use diesel::prelude::*;

use super::Queue;
use crate::gateway::clients::ClientName;
use crate::gateway::keeper::KeeperError;
use crate::gateway::store::rows::row_number;
use crate::gateway::store::schema::{queries, subscriptions};
use crate::gateway::store::subscription_rows::{QueryRow, StateRow, SubscriptionRow};
use crate::gateway::subscriptions::keeper::{AddOutcome, DefinitionsPage, PageRoom, SubscriptionKeeper};
use crate::gateway::subscriptions::named::{NamedQuery, QueryName};
use crate::gateway::subscriptions::subscription::{Subscription, SubscriptionId, SubscriptionState};

/// Definitions that one statement reads: each may be long.
const DEFINITIONS_AT_ONCE: usize = 32;

impl SubscriptionKeeper for Queue {
    fn queries(&self) -> Result<Vec<NamedQuery>, KeeperError> {
        let rows: Vec<QueryRow> = self.read(|connection| {
            Ok(queries::table.order(queries::name).select(QueryRow::as_select()).load(connection)?)
        })?;
        rows.into_iter().map(QueryRow::into_query).collect()
    }

    fn query(&self, name: &QueryName) -> Result<Option<NamedQuery>, KeeperError> {
        let row: Option<QueryRow> = self.read(|connection| {
            let found = queries::table.find(name.as_str()).select(QueryRow::as_select());
            Ok(found.first(connection).optional()?)
        })?;
        row.map(QueryRow::into_query).transpose()
    }

    fn definitions(&self, after: Option<&str>, room: PageRoom) -> Result<DefinitionsPage, KeeperError> {
        let (mut found, mut bytes, mut after) = (Vec::new(), 0, after.unwrap_or_default().to_owned());
        loop {
            let some: Vec<(String, String)> = self.read(|connection| {
                let behind = queries::table.filter(queries::name.gt(&after)).order(queries::name);
                let columns = behind.select((queries::name, queries::definition));
                Ok(columns.limit(row_number(DEFINITIONS_AT_ONCE)).load(connection)?)
            })?;
            let is_last = some.len() < DEFINITIONS_AT_ONCE;
            for (name, definition) in some {
                bytes += definition.len();
                if !found.is_empty() && (found.len() >= room.queries || bytes > room.bytes) {
                    return Ok(DefinitionsPage { queries: found, has_more: true });
                }
                after.clone_from(&name);
                found.push((name, definition));
            }
            if is_last {
                return Ok(DefinitionsPage { queries: found, has_more: false });
            }
        }
    }

    fn add_query(&self, query: &NamedQuery, max: (usize, usize)) -> Result<AddOutcome, KeeperError> {
        let (row, client) = (QueryRow::of(query), query.client.as_str().to_owned());
        self.write(move |connection| {
            if queries::table.count().get_result::<i64>(connection)? >= row_number(max.0) {
                return Ok(AddOutcome::Full);
            }
            let own = queries::table.filter(queries::client.eq(&client)).count();
            if own.get_result::<i64>(connection)? >= row_number(max.1) {
                return Ok(AddOutcome::FullOfClient);
            }
            let added =
                diesel::insert_into(queries::table).values(&row).on_conflict_do_nothing().execute(connection)?;
            Ok(if added == 1 { AddOutcome::Done } else { AddOutcome::Taken })
        })
    }

    fn remove_query(&self, name: &QueryName, client: &ClientName) -> Result<bool, KeeperError> {
        let (name, client) = (name.as_str().to_owned(), client.as_str().to_owned());
        self.write(move |connection| {
            let own = queries::table.filter(queries::name.eq(&name).and(queries::client.eq(&client)));
            Ok(diesel::delete(own).execute(connection)? == 1)
        })
    }

    fn subscriptions(&self) -> Result<Vec<(Subscription, SubscriptionState)>, KeeperError> {
        let rows: Vec<SubscriptionRow> = self.read(|connection| {
            let order = (subscriptions::created_at, subscriptions::id);
            Ok(subscriptions::table.order(order).select(SubscriptionRow::as_select()).load(connection)?)
        })?;
        rows.into_iter().map(SubscriptionRow::into_subscription).collect()
    }

    fn add_subscription(
        &self,
        subscription: &Subscription,
        state: &SubscriptionState,
        max: (usize, usize),
    ) -> Result<AddOutcome, KeeperError> {
        let row = SubscriptionRow::of(subscription, state);
        let (query, client) = (subscription.query.as_str().to_owned(), subscription.client.as_str().to_owned());
        self.write(move |connection| {
            if queries::table.find(&query).count().get_result::<i64>(connection)? == 0 {
                return Ok(AddOutcome::NoQuery);
            }
            if subscriptions::table.count().get_result::<i64>(connection)? >= row_number(max.0) {
                return Ok(AddOutcome::Full);
            }
            let of_client = subscriptions::table.filter(subscriptions::client.eq(&client)).count();
            if of_client.get_result::<i64>(connection)? >= row_number(max.1) {
                return Ok(AddOutcome::FullOfClient);
            }
            diesel::insert_into(subscriptions::table).values(&row).execute(connection)?;
            Ok(AddOutcome::Done)
        })
    }

    fn remove_subscription(&self, id: &SubscriptionId) -> Result<bool, KeeperError> {
        let id = id.as_str().to_owned();
        self.write(move |connection| Ok(diesel::delete(subscriptions::table.find(&id)).execute(connection)? == 1))
    }

    fn note_state(&self, id: &SubscriptionId, state: &SubscriptionState) -> Result<(), KeeperError> {
        let (id, row) = (id.as_str().to_owned(), StateRow::of(state));
        self.write(move |connection| {
            diesel::update(subscriptions::table.find(&id)).set(&row).execute(connection)?;
            Ok(())
        })
    }
}
