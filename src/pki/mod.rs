//! Private keys on disk, certificate requests, certificates and the authority that issues them.
//!
//! The only part of Sealane that opens a private key file, draws randomness for keys and serial numbers, or
//! reads and writes X.509. What a certificate contains is decided by the profiles in `certs/profiles`, which
//! are compiled in. Not here: who may have a certificate, what it permits and whether it is revoked. The ledger
//! says that, and a verifier of evidence never parses X.509.

pub mod ca;
pub mod certificate;
pub mod development;
pub mod key;
pub mod member;
pub mod node_tls;
pub mod note_key;
pub mod profile;
pub mod reader;
pub mod request;
pub mod subject;
pub mod tls;
pub mod validity;

mod algorithm;
mod file;
mod names;
#[cfg(test)]
mod openssl;
mod pem;
mod signer;

pub use ca::{AuthorityError, CertificateAuthority, IssuedCertificate};
pub use certificate::{Certificate, CertificateError, VerifyError};
pub use development::{DevelopmentError, write_development_set};
pub use key::{KeyError, PrivateKey};
pub use member::{MEMBER_KEY_FILE, MemberKey};
pub use names::names_in_certificate;
pub use node_tls::{NODE_TLS_KEY_FILE, NodeTls};
pub use note_key::{NOTE_KEY_FILE, NotePrivateKey};
pub use reader::X509Reader;
pub use request::{CertificateRequest, RequestError};
pub use subject::{ParticipantSubject, SubjectError};
pub use validity::{Validity, ValidityError};
