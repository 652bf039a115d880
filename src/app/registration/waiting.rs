//! What waits for a member's decision at this node, for its operator.

use super::{is_answered, kept_since};
use crate::app::ledger::{Ledger, LedgerError};
use crate::ports::{PendingRequest, RequestFilter};

/// Requests that wait for a decision: some of them, and whether there are more.
#[derive(Debug, Default)]
pub struct WaitingRequests {
    /// Of organisations that are not registered.
    pub registrations: Vec<PendingRequest>,
    /// Of participants that ask for a further certificate.
    pub renewals: Vec<PendingRequest>,
    pub more: bool,
}

/// The requests that wait, at most `limit` of each kind.
pub async fn waiting(ledger: &Ledger, limit: u32) -> Result<WaitingRequests, LedgerError> {
    let view = ledger.view();
    let mut waiting = WaitingRequests::default();
    for renewals in [false, true] {
        let filter = RequestFilter {
            renewals,
            rejected: Some(false),
            since: kept_since(ledger),
            after: None,
            through: None,
            // One more tells whether there are more.
            limit: limit.saturating_add(1),
        };
        let mut found = ledger.store().requests_page(filter).await?;
        found.retain(|request| !is_answered(&view, request));
        waiting.more |= found.len() > limit as usize;
        found.truncate(limit as usize);
        *(if renewals { &mut waiting.renewals } else { &mut waiting.registrations }) = found;
    }
    Ok(waiting)
}
