//! The use cases: what Sealane does, over the ports.
//!
//! A statement flows one way. `capture` and `registration` take bytes from outside to a verified statement with checked
//! content; `orderer` gives it a place; `receipt`, `evidence` and `verdict` prove what stands there; `audit` does all of it
//! again from the leaves and compares.

mod admission;
pub mod audit;
mod block_builder;
pub mod block_clock;
pub mod capture;
pub mod copy;
pub mod events;
pub mod evidence;
pub mod genesis;
pub mod known_signers;
mod ledger;
mod lookup;
pub mod orderer;
pub mod receipt;
mod records;
pub mod registration;
mod state;
pub mod workplace;
mod write_gate;

pub use admission::Ticket;
pub use ledger::{Ledger, LedgerError, View};
pub use state::{LoadError, State, mark_of};
pub use write_gate::WriteGate;
