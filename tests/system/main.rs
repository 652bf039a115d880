//! The real binary over real sockets, as its users meet it.

mod abuse;
mod audit;
mod backup;
mod bench;
mod capture;
mod clock;
mod copy;
mod crash;
mod cross_origin;
mod data_directory;
#[path = "../store/database.rs"]
mod database;
mod founders;
mod label;
mod ledger;
mod load;
mod member;
mod members;
mod mount;
mod operations;
mod outsider;
mod participants;
mod photo;
mod photo_load;
mod postgres;
mod readiness;
mod refusal;
mod resolver;
mod restore;
mod self_check;
mod signer;
mod support;
mod tls;
mod trust;
mod verifiers;
mod verify;
