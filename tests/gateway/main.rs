//! A participant's gateway: the real binary over sockets, before real nodes and before nodes that fail and lie.

mod capture;
mod clients;
mod crash;
mod documents;
mod failures;
mod fake_node;
mod first_hour;
mod indexing;
mod jobs;
#[path = "../system/mount.rs"]
mod mount;
mod openapi;
mod postgres;
mod proceed;
mod program;
mod queries;
mod renewal;
mod subscriber;
mod subscriptions;
mod trace;
mod websocket;
mod xml;

#[allow(dead_code, reason = "shared with the tests of the ledger's store, which use more of it")]
#[path = "../store/database.rs"]
mod database;
#[allow(dead_code, reason = "shared with the system tests, which use more of it")]
#[path = "../system/member.rs"]
mod member;
#[allow(dead_code, reason = "shared with the system tests, which use more of it")]
#[path = "../system/signer.rs"]
mod signer;
#[allow(dead_code, reason = "shared with the system tests, which use more of it")]
#[path = "../system/support.rs"]
mod support;
