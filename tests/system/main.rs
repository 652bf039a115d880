//! The real binary over real sockets, as its users meet it.

mod abuse;
mod audit;
mod capture;
mod data_directory;
mod label;
mod ledger;
mod member;
mod operations;
mod outsider;
mod participants;
mod photo;
mod refusal;
mod resolver;
mod signer;
mod support;
mod tls;
mod verifiers;
mod verify;
