//! Members' nodes that talk to each other over loopback sockets, and others that should not.
//!
//! Each test waits for what has to happen, and for no longer than [`consortium::PATIENCE`].

mod addresses;
mod consortium;
mod hostile;
mod impostor;
mod meeting;
mod members;
mod strangers;
mod twins;
mod witness;
