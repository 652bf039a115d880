//! GS1 identifiers: one canonical id out of every spelling that the trade uses.
//!
//! The same item is written as a GS1 Digital Link URI under any domain, as an EPC URN, as a bracketed element
//! string on a label and as a plain one in a scanner. [`Id`] reads them all and holds one text, the GS1 Digital Link
//! URI under `id.gs1.org` with only what identifies: the index, the rights and the verdict compare nothing else.
//!
//! Compressed links are read by a resolver alone (`compressed`): no event has one.
//!
//! Not here: looking ids up at a resolver, the meaning of AIs that do not identify
//! and are no [`Label`]'s (their values are checked and dropped), and the table of company-prefix lengths that GS1 publishes: the lengths
//! that count are those of the prefixes registered on the ledger, see [`CompanyPrefix::covers`].

pub mod ai;
mod ai_table;
mod check_digit;
mod company_prefix;
pub mod compressed;
mod digital_link;
mod element_string;
mod epc;
mod epc_pattern;
mod error;
mod id;
mod key;
mod label;
mod number;
#[cfg(test)]
mod properties;
mod single_key;
mod typed;
mod uri;

pub use check_digit::{check_digit, check_pair};
pub use company_prefix::CompanyPrefix;
pub use element_string::{Element, ElementString};
pub use epc_pattern::{EpcPattern, Reach};
pub use error::IdError;
pub use id::{Id, IdKind};
pub use label::{Label, Question};
pub use number::{Gln, Gtin, Sscc};
pub use single_key::Gs1Key;
pub use typed::{Reading, TypedRefusal};

pub(crate) use ai::days_in;
pub(crate) use label::lot_beside;
