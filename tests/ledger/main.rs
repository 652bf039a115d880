//! The use cases over a real store, without HTTP but for `crowds`: what depends on the order of things, and what survives a stop.

mod candidates;
mod clocks;
mod consortium;
mod council;
mod crashes;
mod crowds;
mod equivocator;
mod faults;
mod following;
mod indexing;
mod joining;
mod marks;
mod member;
mod ordering;
mod proposing;
mod querying;
mod quotas;
mod readiness;
mod requests;
mod resuming;
mod rows;
mod rules;
mod silence;
mod torn;
