//! The rules of the ledger: each is broken once where a statement comes in and once in a block that somebody else made.

mod audited;
mod blocks;
mod changes;
mod council;
mod decided;
mod endorsed;
mod forks;
mod proposals;
mod proposals_in_a_day;
mod quotas;
mod rules;
mod state;
mod world;
