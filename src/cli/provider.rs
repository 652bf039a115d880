//! What the core asks of this program: fast signatures, and a reader of certificates.

use std::sync::LazyLock;

use crate::pki::X509Reader;
use crate::signatures::KnownSigners;
use sealane_core::provider::Provider;

/// For the process: tables of signers serve every check in it.
static SIGNERS: LazyLock<KnownSigners> = LazyLock::new(KnownSigners::default);

/// The implementations that every command checks statements with.
pub fn provider() -> Provider<'static> {
    Provider { signatures: &*SIGNERS, certificates: &X509Reader }
}

/// The same verifier, for those who keep it.
pub fn known_signers() -> KnownSigners {
    SIGNERS.clone()
}
