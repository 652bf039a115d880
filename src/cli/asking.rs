//! A member's word that goes with a request, for what a node tells members alone.

use crate::cli::data_dir::DataDir;
use crate::cli::failure::Failure;
use crate::cli::node::now;
use crate::cli::trust;
use crate::pki::MemberKey;
use crate::ports::MemberSigner;
use sealane_core::block::Origin;
use sealane_core::consortium::{MemberQuestion, signed_word};

/// Who asks as a member: its key, and the ledger that it keeps.
pub struct Asker {
    key: MemberKey,
    origin: Origin,
}

impl Asker {
    /// The member of a data directory.
    pub fn of(data: &DataDir) -> Result<Self, Failure> {
        Ok(Self { origin: trust::of_data(data)?.genesis().origin.clone(), key: data.member_key()? })
    }

    /// Its word for a GET of this path and query.
    pub fn word(&self, target: &str) -> String {
        word(&self.key, &self.origin, target)
    }
}

/// A member's word for a GET of this path and query, for the next minute.
pub fn word(key: &MemberKey, origin: &Origin, target: &str) -> String {
    let kid = key.public_key().thumbprint();
    let signed = MemberQuestion { method: "GET", target }.signing_input(kid, origin, now());
    signed_word(&signed, &key.sign(signed.as_bytes()))
}
