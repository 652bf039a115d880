//! The core of Sealane, as pure functions over typed values: no clock, no randomness, no I/O, no async, no SQL, no HTTP.
//!
//! A holder of evidence, a receipt or a proof of a fork checks it with this crate alone, against a trust anchor:
//!
//! ```
//! use sealane_core::evidence::{Anchor, Evidence, check};
//! use sealane_core::gs1::Id;
//! use sealane_core::provenance::{Policy, Word, judge};
//! use sealane_core::statement::P256;
//!
//! # let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/seeds/");
//! # let read = |name: &str| std::fs::read(format!("{dir}{name}")).unwrap();
//! # let (anchor, evidence) = (read("anchor.json"), read("evidence/absent.json"));
//! // `anchor` is what `GET /trust` gave, compared with a member's own; `evidence` is what `GET /evidence?id=…` gave.
//! let anchor = Anchor::parse(&anchor, &P256)?;
//! let evidence = Evidence::parse(&evidence)?;
//! let id = Id::parse(&evidence.id)?;
//! let checked = check(&evidence, &id, &anchor, &P256)?;
//! let verdict = judge(&checked.history, &Policy::default());
//! assert_eq!(verdict.word, Word::Unknown);
//!
//! // Another id than the one that was asked about is refused.
//! let other = Id::parse("https://id.gs1.org/01/09506000134352/21/another")?;
//! assert!(check(&evidence, &other, &anchor, &P256).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A receipt is checked by [`evidence::Receipt::verify`], a proof of a fork by [`evidence::Fork::verify`]. The rules of the
//! ledger, by which blocks are made and held against, are in [`ledger`].

pub mod agreement;
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
mod text;
pub mod time;
pub mod trace;
