//! The real binary over real sockets, as its users meet it.

mod audit;
mod capture;
mod data_directory;
mod ledger;
mod member;
mod operations;
mod outsider;
mod participants;
mod refusal;
mod signer;
mod support;
mod verifiers;
mod verify;
