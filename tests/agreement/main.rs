//! Consensus under simulation: 4 to 10 nodes on one thread, in virtual time. One number decides the order of all things,
//! what is lost, late or doubled, who dies when, who posts what where, and who lies.
//!
//! Of the product there are the agreement (`bft`), the rules of the ledger (`State`, `propose`, `validate`, with the way back from
//! a block that was not decided), and the pool of statements. In the place of the rest of the writer stands `node`, in that of
//! store, log of votes and connections `ledger`, `log` and `world`. `mutations` takes out one rule after the other.
//!
//! `SEALANE_SEEDS` says how many numbers are tried, and `SEALANE_FIRST_SEED` with which to begin; `scripts/simulate` sets
//! them. A number that fails is a test: see `found.rs`.

mod base;
mod found;
mod keys;
mod ledger;
mod liar;
mod log;
mod mutation;
mod mutations;
mod node;
mod plan;
mod port;
mod seeds;
mod situations;
mod statements;
mod world;
