//! The manufacturers of a bench: registered over HTTP as everybody, then signing as fast as this machine can.

use std::path::Path;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use p256::pkcs8::EncodePrivateKey;
use serde_json::json;
use tempfile::TempDir;

use crate::cli::arguments::Global;
use crate::cli::certificate;
use crate::cli::client::Client;
use crate::cli::decisions::Desk;
use crate::cli::failure::{Failure, with_causes};
use crate::cli::identity::{CERTIFICATE_FILE, KEY_FILE};
use crate::cli::node::now;
use crate::cli::register::{self, RegisterOptions};
use crate::pki::{Certificate, PrivateKey};
use sealane_core::consortium::{Admin, ChangeProposal, ParticipantId, PolicyChange, PolicyName, ProposedChange, Role};
use sealane_core::gs1::check_digit;
use sealane_core::hash::Hash;
use sealane_core::limits::POLICY_COUNT_MAX;
use sealane_core::statement::{Draft, Header, Signature};
use sealane_core::time::Timestamp;

/// Signers are told apart by three digits of their company prefixes.
pub const SIGNERS_MAX: usize = 1_000;

/// A manufacturer of the bench.
pub struct Signer {
    key: EcdsaKeyPair,
    certificate: Hash,
    /// The class of its products.
    pub gtin: String,
    /// Where it is.
    pub gln: String,
}

impl Signer {
    /// Signs a document, as `Identity` does, but with aws-lc-rs: in a third of the time.
    pub fn sign(&self, payload: &[u8], origin: &str, at: Timestamp) -> Result<String, Failure> {
        let header = Header::epcis(self.certificate, origin, at);
        let draft = Draft::new(header, payload).map_err(Failure::wrong_use)?;
        let signature = self.key.sign(&SystemRandom::new(), draft.signing_input().as_bytes()).ok();
        let signature = signature.and_then(|signature| Signature::from_slice(signature.as_ref()));
        let signature = signature.ok_or_else(|| Failure::unreachable("aws-lc-rs did not sign"))?;
        Ok(draft.with_signature(signature).compact().to_owned())
    }
}

/// Registers manufacturers of this run, and approves them with the member's key in `--data`.
pub fn register_all(global: &Global, client: &Client, count: usize) -> Result<Vec<Signer>, Failure> {
    let desk = Desk::open(global)?;
    let dir = TempDir::new().map_err(|error| Failure::unreachable(format!("cannot make a directory: {error}")))?;
    // Prefixes of a run differ from those of another on the same ledger by their middle digits.
    let run = (now().millis() / 100).rem_euclid(10_000_000);
    let one = |number| register(&desk, client, &dir.path().join(format!("{number}")), &format!("9{run:07}{number:03}"));
    (0..count).map(one).collect()
}

/// Sets the quotas of a ledger of the bench's own as high as they go: what is measured is the node.
pub fn lift_quotas(global: &Global) -> Result<(), Failure> {
    let policy = |name| {
        let change = PolicyChange::new(name, &json!(POLICY_COUNT_MAX), None).map_err(Failure::wrong_use)?;
        Ok(ProposedChange::Policy(change))
    };
    let names =
        [PolicyName::NewIdsPerDay, PolicyName::NewIdsInAll, PolicyName::ContactsPerDay, PolicyName::SubjectsMax];
    let changes = names.into_iter().map(policy).collect::<Result<Vec<_>, Failure>>()?;
    let proposal = ChangeProposal { changes, expires: now().plus_millis(60 * 60 * 1000) };
    Desk::open(global)?.say(&Admin::Proposal(proposal)).map(drop)
}

fn register(desk: &Desk, client: &Client, out: &Path, prefix: &str) -> Result<Signer, Failure> {
    let request = RegisterOptions {
        organization: format!("Bench {prefix}").parse().map_err(Failure::wrong_use)?,
        role: vec![Role::Manufacturer],
        gln: Vec::new(),
        gs1_prefix: vec![prefix.parse().map_err(|error| Failure::wrong_use(format!("{prefix}: {error}")))?],
        gs1_key: Vec::new(),
        namespace: Vec::new(),
        contact: None,
        lei: None,
        accept_terms: false,
        csr: None,
        out: Some(out.to_owned()),
        invitation: None,
        wait: false,
    };
    let id = register::request(client, &request)?.id;
    let participant: ParticipantId = id.parse().map_err(Failure::unreachable)?;
    let asked = desk.asked(&participant)?;
    desk.decide(&participant, &desk.approval(&participant, &asked)?)?;
    certificate::fetch(client, &id, &out.join(CERTIFICATE_FILE))?;
    let with_check = |digits: String| format!("{digits}{}", check_digit(&digits).unwrap_or('0'));
    Ok(Signer {
        key: signing_key(&out.join(KEY_FILE))?,
        certificate: thumbprint(&out.join(CERTIFICATE_FILE))?,
        gtin: with_check(format!("0{prefix}1")),
        gln: with_check(format!("{prefix}1")),
    })
}

fn signing_key(path: &Path) -> Result<EcdsaKeyPair, Failure> {
    let key = PrivateKey::read(path).map_err(|error| Failure::unreachable(with_causes(&error)))?;
    let der = key.signing_key().to_pkcs8_der().map_err(Failure::unreachable)?;
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.as_bytes()).map_err(Failure::unreachable)
}

fn thumbprint(path: &Path) -> Result<Hash, Failure> {
    let text = std::fs::read_to_string(path).map_err(Failure::unreachable)?;
    let chain = Certificate::parse_chain_pem(&text).map_err(|error| Failure::unreachable(with_causes(&error)))?;
    let own = chain.first().ok_or_else(|| Failure::unreachable("the node's chain holds no certificate"))?;
    Ok(own.thumbprint())
}
