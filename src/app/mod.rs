//! The use cases: what Sealane does, over the ports.
//!
//! A statement flows one way. `capture` and `registration` take bytes from outside to a verified statement with checked
//! content; `orderer` gives it a place; `receipt`, `evidence` and `verdict` prove what stands there; `audit` does all of it
//! again from the leaves and compares.

mod admission;
pub mod answer;
pub mod audit;
pub mod block_clock;
pub mod capture;
pub mod copy;
pub mod events;
pub mod evidence;
pub mod genesis;
mod head;
mod ledger;
mod lookup;
pub mod orderer;
mod prefetch;
pub mod receipt;
pub mod registration;
mod signing;
mod write_gate;

pub use admission::{PROMISE_MAX, Promise, Ticket, may_wait};
pub use head::{Head, LoadError, mark_of};
pub use ledger::{Ledger, LedgerError, View};
pub use write_gate::WriteGate;
