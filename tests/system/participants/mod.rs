//! Who is registered, who asks to be, and what members decide.

mod crowd;
mod decide;
mod invite;
mod lifecycle;
mod lookalikes;
mod page;
mod privacy;
mod renew;
mod request;

use sealane::pki::{CertificateRequest, PrivateKey};

use crate::support::Node;

/// A certificate request for a key.
pub fn csr_of(key: &PrivateKey) -> String {
    CertificateRequest::make(key, "Any Organisation").unwrap().to_pem()
}

/// A certificate request for a new key.
pub fn new_csr() -> String {
    csr_of(&PrivateKey::generate().unwrap())
}

/// How many participants and requests there are.
pub fn count(node: &Node) -> usize {
    node.get_as_member("/participants").json()["participants"].as_array().unwrap().len()
}
