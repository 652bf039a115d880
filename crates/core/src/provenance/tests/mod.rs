//! Each rule by events that make it speak, and by the nearest events that do not.

mod acts;
mod attacks;
mod containment;
mod contents;
mod custody;
mod ending;
mod floods;
mod follow;
mod label;
mod lists;
mod origin;
mod papers;
mod properties;
mod recall;
mod signers;
mod stories;
mod travel;
mod whole;
