//! From a product's history to a verdict: one pure function, [`judge`], and the rules it is made of.
//!
//! The way of a history through this folder: `case` takes the records that name the product and says which of them
//! count (`corrections`) and in what order; `reading` says what each event means for custody and for the product's
//! end; the `rules` and the `custody` walk turn that into findings; `judge` weighs them. `docs/VERDICT.md` is the same
//! for readers of verdicts, with every rule.
//!
//! Not here: proofs and signatures, which were checked before a history was made; other subjects than the product
//! itself (containers, lots, classes), whose one place will be `case`; the clock, for which [`stale`] takes a
//! parameter.

mod case;
mod corrections;
mod custody;
mod finding;
mod history;
mod judge;
mod passage;
mod policy;
mod reading;
mod rules;
mod timeline;
mod verdict;
mod wording;

#[cfg(test)]
mod scenario;
#[cfg(test)]
mod tests;

pub use finding::{RULES, Reason, Severity};
pub use history::{History, Record};
pub use judge::judge;
pub use policy::{Policy, limit_reached, stale};
pub use timeline::Step;
pub use verdict::{Party, State, Verdict, Word};
