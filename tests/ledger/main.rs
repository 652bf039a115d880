//! The use cases over a real store, without HTTP: what depends on the order of things, and what survives a stop.

mod clocks;
mod crashes;
mod faults;
mod following;
mod marks;
mod member;
mod ordering;
mod requests;
mod torn;
