//! The use cases: what Sealane does, over the ports.
//!
//! A statement flows one way. `admission` says how much may be under way. `capture` and `registration` take a
//! `SubmittedStatement`, verify it and check its content; so does `deciding`, for what members decide together, and `proposals`
//! tells how far that is. `founding` and `genesis` begin a ledger. `orderer` gives a statement its place.
//! `receipt` and `evidence` prove what stands there, `handovers` who was in force, and `evidence` has the node's own verdict;
//! `events` lists events, `query_document` writes them, `recent` the last of a participant, `recorded` tells which ids are recorded or recalled, `master_data` what
//! their holders say of ids, `repeats` what was said before, and `faults` which members were caught.
//! `audit` does all of it again from the leaves and compares, and `copy` audits what it copies. `joining` keeps the requests of
//! those who would be members, and `readiness` says when a node could be one. `follower` is in the place of the
//! orderer if the node is no member: it takes the blocks that others have made. [`Ledger`] is the handle that
//! they share; `answer` shares out threads and memory.

mod admission;
pub mod answer;
pub mod audit;
pub mod block_clock;
pub mod capture;
pub mod copy;
pub mod council;
pub mod deciding;
pub mod events;
pub mod evidence;
pub mod faults;
mod final_block;
pub mod follower;
pub mod founding;
pub mod genesis;
pub mod handovers;
mod head;
pub mod joining;
mod ledger;
pub mod lookalikes;
mod lookup;
pub mod master_data;
pub mod orderer;
mod prefetch;
pub mod proposals;
pub mod query_document;
pub mod readiness;
pub mod receipt;
pub mod recent;
pub mod recorded;
pub mod registration;
pub mod repeats;
mod signing;
mod whole_domains;
mod write_gate;

pub use admission::{PROMISE_MAX, Promise, Ticket, may_wait};
pub use head::{Head, LoadError, LoadedLedger, mark_of, statement_text};
pub use ledger::{Ledger, LedgerError, View};
pub use write_gate::WriteGate;
