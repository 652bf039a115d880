//! The real binary over real sockets, as its users meet it.

mod support;
