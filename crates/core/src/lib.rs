//! The core of Sealane, as pure functions over typed values: no clock, no randomness, no I/O, no async, no SQL, no HTTP.

pub mod binary;
pub mod block;
pub mod consortium;
pub mod content;
pub mod epcis;
pub mod evidence;
pub mod gs1;
pub mod hash;
pub mod index;
pub mod json;
pub mod ledger;
pub mod limits;
pub mod merkle;
pub mod provenance;
pub mod provider;
pub mod record;
pub mod statement;
pub mod time;
