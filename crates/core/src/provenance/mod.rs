//! From a product's history to a verdict: one pure function, [`judge`], and the rules it is made of.
//!
//! The way of a history through this folder: `records` says what each record is worth by itself (`corrections`) and what it means for
//! custody and for the product's end (`reading`). `account` builds from the records of the `parties` who has the product: by walks
//! (`walk`) along which each record fits the `passage` so far or not, the product's own records and, while it is in a container, the
//! container's (`containment`). Both together are the `case`. `custody` and the `rules` turn it into findings, each one a `rule` with the
//! parts of its sentence (`phrase`, `wording`); `judge` weighs them, and `sentences` says them in a language.
//! `docs/VERDICT.md` is the same for readers of verdicts, with every rule.
//!
//! Not here: proofs and signatures, which were checked before a history was made; which records a history must hold
//! (`follow`), apart from the words that tie ids together (`links`, `master_data`), which both read; the clock, for which [`stale`]
//! takes a parameter.

mod account;
mod candidates;
mod case;
mod containment;
mod contents;
mod corrections;
mod custody;
mod finding;
mod follow;
mod history;
mod judge;
pub mod links;
pub mod master_data;
mod parties;
mod parts;
mod passage;
mod phrase;
mod policy;
mod reading;
mod records;
mod rule;
mod rules;
mod sentences;
mod settling;
mod timeline;
mod unopened;
mod verdict;
mod walk;
mod wording;

#[cfg(test)]
mod scenario;
#[cfg(test)]
mod tests;

pub use finding::Reason;
pub use follow::{
    Capture, FollowFault, FollowLimits, List, Source, Trail, WantedList, follow, follow_within, holds_captures,
    is_before_span, is_of_proposal,
};
pub use history::{CapturedEvent, History, Record, Unopened};
pub use judge::judge;
pub use policy::{Policy, stale};
pub use rule::{RULES, Severity};
pub use sentences::Sentences;
pub use timeline::{StepMark, TimelineStep};
pub use verdict::{Light, Party, ProductState, Verdict, Word};
pub use wording::{minute, minute_at, quoted};
