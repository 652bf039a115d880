//! What named queries and subscriptions need of the gateway's store. The rules of [`crate::gateway::keeper`] hold: what a method wrote is
//! on the disk when it returns, and every method may wait for one.

use super::named::{NamedQuery, QueryName};
use super::subscription::{Subscription, SubscriptionId, SubscriptionState};
use crate::gateway::clients::ClientName;
use crate::gateway::keeper::{Keeper, KeeperError};

/// What became of a query or a subscription that was to be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddOutcome {
    Done,
    /// There is one with this name.
    Taken,
    /// There is no such query.
    NoQuery,
    /// There are as many as there may be.
    Full,
    /// The client has as many as it may have.
    FullOfClient,
}

/// How much one page may hold.
#[derive(Debug, Clone, Copy)]
pub struct PageRoom {
    pub queries: usize,
    pub bytes: usize,
}

/// A page of definitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefinitionsPage {
    /// Names, and the parameters as JSON text.
    pub queries: Vec<(String, String)>,
    pub has_more: bool,
}

/// All that a gateway keeps.
pub trait GatewayStore: Keeper + SubscriptionKeeper {}

impl<T: Keeper + SubscriptionKeeper> GatewayStore for T {}

/// Keeps named queries and subscriptions.
pub trait SubscriptionKeeper: Send + Sync {
    /// All queries, by name.
    fn queries(&self) -> Result<Vec<NamedQuery>, KeeperError>;

    fn query(&self, name: &QueryName) -> Result<Option<NamedQuery>, KeeperError>;

    /// Definitions by name, behind `after`: as many as there is room for, and one at the least if there is one.
    fn definitions(&self, after: Option<&str>, room: PageRoom) -> Result<DefinitionsPage, KeeperError>;

    /// Adds one, unless there are `(in all, of this client)` already.
    fn add_query(&self, query: &NamedQuery, max: (usize, usize)) -> Result<AddOutcome, KeeperError>;

    /// Removes a query with its subscriptions. False if there is none of this name, or it is another client's.
    fn remove_query(&self, name: &QueryName, client: &ClientName) -> Result<bool, KeeperError>;

    /// All subscriptions, in the order in which they were made.
    fn subscriptions(&self) -> Result<Vec<(Subscription, SubscriptionState)>, KeeperError>;

    /// Adds one, unless there are `(in all, of this client)` already.
    fn add_subscription(
        &self,
        subscription: &Subscription,
        state: &SubscriptionState,
        max: (usize, usize),
    ) -> Result<AddOutcome, KeeperError>;

    fn remove_subscription(&self, id: &SubscriptionId) -> Result<bool, KeeperError>;

    /// Notes how far a subscription is. Nothing happens if it is gone.
    fn note_state(&self, id: &SubscriptionId, state: &SubscriptionState) -> Result<(), KeeperError>;
}
