//! Sealane: signed supply-chain events on a Merkle ledger, and a verdict that proves itself.
//!
//! The map, from the inside out; a module may use those before it and none after it (`docs/ARCHITECTURE.md` has all of it):
//!
//! - The crate [`sealane_core`] is pure: GS1 identifiers, EPCIS events, statements, the tree and the index, blocks, the
//!   consortium, evidence and verdicts.
//! - [`ports`] are the traits by which the use cases reach the world.
//! - [`app`] are the use cases: register, capture, order, prove, verify, audit, copy.
//! - [`store`], [`pki`], [`signatures`], [`bft`], [`net`], [`http`], [`config`] and [`telemetry`] are the edges. None knows another.
//! - [`gateway`] is the participant's own program: it uses the edge [`http`] for its requests, and nodes through its traits.
//! - [`cli`] puts them together.
//!
//! An event's way: bytes from outside become a `SubmittedStatement`; its signature makes it a `VerifiedStatement`;
//! its content, read and held against the signer's rights, makes it a [`Candidate`](sealane_core::ledger::Candidate); the one
//! writer gives it a leaf in a block; a receipt proves the leaf; evidence proves every leaf that a verdict rests on.

pub mod app;
pub mod bft;
pub mod cli;
pub mod config;
pub mod gateway;
pub mod http;
pub mod net;
pub mod pki;
pub mod ports;
pub mod signatures;
pub mod store;
pub mod telemetry;
