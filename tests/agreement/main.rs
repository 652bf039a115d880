//! Consensus under simulation: 4 to 10 nodes on one thread, in virtual time. One number decides the order of all things,
//! what is lost, late or doubled, who dies when, and who lies.
//!
//! `SEALANE_SEEDS` says how many numbers are tried, and `SEALANE_FIRST_SEED` with which to begin; `scripts/simulate` sets
//! them. A number that fails is a test: see `found.rs`.

mod found;
mod keys;
mod liar;
mod mutation;
mod mutations;
mod node;
mod plan;
mod port;
mod seeds;
mod situations;
mod toys;
mod world;
