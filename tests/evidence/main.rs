//! Evidence over many random ledgers: that honest evidence holds and gives the node's own verdict, that nothing that was
//! changed, left out or put together from other evidence does, and that three verifiers agree about all of it.
//!
//! `world` makes a ledger from a seed, by way of a real store and orderer (`node`). `book` is a second, naive model of the
//! same ledger: the whole genuine tree and index in memory, and no key. A thief who has exactly that makes the documents
//! of `tampering` and of `hiding`. `odd` has small ledgers of what hardly ever happens, `handing_over` one whose members change ten times,
//! `voting` one whose members vote on ends of registrations. `set` puts all of them together, and
//! hands them to the other verifiers as files. `seafood` does the same with chains of custody that others wrote down, and
//! with one of its own.

mod book;
mod commits;
mod dice;
mod handing_over;
mod hiding;
mod honest;
mod node;
mod odd;
mod others;
mod parties;
mod seafood;
mod seeds;
mod set;
mod story;
mod tampering;
mod texts;
mod voting;
mod world;
