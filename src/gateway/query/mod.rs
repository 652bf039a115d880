//! What the gateway answers queries for events from: the whole ledger as rows, which it takes from a copy that was audited block by block.
//!
//! [`store`] is the port of those rows. The language itself is the core's ([`sealane_core::epcis::query`]).

pub mod store;
