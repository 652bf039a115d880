//! Each rule by events that make it speak, and by the nearest events that do not.

mod custody;
mod ending;
mod origin;
mod properties;
mod signers;
mod whole;
