//! Who the participant is: its key and certificate, as the gateway uses them.

use std::sync::Arc;

use sealane_core::consortium::ParticipantId;
use sealane_core::hash::Hash;
use sealane_core::statement::SubmittedStatement;
use sealane_core::time::Timestamp;

/// A key with its certificate.
pub trait StatementSigner: Send + Sync {
    /// Signs a document for the ledger with this origin.
    fn sign(&self, payload: &[u8], origin: &str, now: Timestamp) -> Result<SubmittedStatement, String>;

    /// Thumbprint of the certificate.
    fn certificate(&self) -> Hash;

    fn not_after(&self) -> Timestamp;
}

/// A request for a further certificate, agreed to by the key in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenewalRequest {
    pub csr_pem: String,
    pub consent: String,
}

/// The participant's keys. The newest that has a certificate is in use; older ones stay where they are.
pub trait Identities: Send + Sync {
    fn participant(&self) -> &ParticipantId;

    fn current(&self) -> Arc<dyn StatementSigner>;

    /// Makes a new key and a request for it, or finds those that an earlier call has made.
    fn request_renewal(&self, origin: &str) -> Result<RenewalRequest, String>;

    /// Goes on by the new key if this chain's first certificate is for it. False if it is not.
    fn take_up(&self, chain_pem: &str) -> Result<bool, String>;
}
