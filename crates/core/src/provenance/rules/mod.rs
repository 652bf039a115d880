//! The rules apart from custody, one topic a file. Each takes the case and adds what it finds.

pub mod corrected;
pub mod ending;
pub mod label;
pub mod origin;
pub mod recall;
pub mod signers;
pub mod stolen;
pub mod travel;
pub mod upheld;
