//! `register`: an organisation asks a member to be registered.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::{Value, json};

use crate::cli::arguments::Global;
use crate::cli::certificate;
use crate::cli::client::Client;
use crate::cli::failure::{CommandOutcome, Failure, with_causes};
use crate::cli::identity::{CERTIFICATE_FILE, KEY_FILE, REQUEST_FILE};
use crate::cli::keygen;
use crate::cli::output::Output;
use crate::config::Secret;
use crate::pki::CertificateRequest;
use sealane_core::consortium::{Contact, Lei, Namespace, Organization, Role};
use sealane_core::gs1::{CompanyPrefix, Gln, Gs1Key};
use sealane_core::hash::Hash;

/// How often `--wait` asks, and for how long: a member may have to come back from lunch.
const WAIT_STEP: Duration = Duration::from_secs(1);
const WAIT_MAX: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Debug, Args)]
pub struct RegisterOptions {
    #[arg(long)]
    pub organization: Organization,
    /// manufacturer, shipper (or carrier), distributor; authority, which stands alone
    #[arg(long, required = true, num_args = 1..)]
    pub role: Vec<Role>,
    /// Global Location Numbers of the organisation's places
    #[arg(long, num_args = 1..)]
    pub gln: Vec<Gln>,
    /// GS1 company prefixes that the organisation holds
    #[arg(long, num_args = 1.., value_name = "PREFIX")]
    pub gs1_prefix: Vec<CompanyPrefix>,
    /// GTINs and GLNs that GS1 gave the organisation one by one: 96385074, 9506000134352, "(414)9506000134369"
    #[arg(long, num_args = 1.., value_name = "KEY")]
    pub gs1_key: Vec<Gs1Key>,
    /// URIs that begin ids of the organisation's own
    #[arg(long, num_args = 1.., value_name = "URI")]
    pub namespace: Vec<Namespace>,
    /// Where a person who scans a product can reach the organisation: https://…, mailto:… or tel:…
    #[arg(long, value_name = "URI")]
    pub contact: Option<Contact>,
    /// Its Legal Entity Identifier (ISO 17442)
    #[arg(long)]
    pub lei: Option<Lei>,
    /// Accept the consortium's terms, which `sealane members` names: their hash is recorded
    #[arg(long)]
    pub accept_terms: bool,
    /// A PKCS#10 request in PEM; without it, key and request are made in --out, or the request there is taken
    #[arg(long, value_name = "FILE", required_unless_present = "out")]
    pub csr: Option<PathBuf>,
    /// Directory of key.pem and request.pem, and of certificate.pem with --wait
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// A member's invitation, as `sealane invite` printed it
    #[arg(long, env = "SEALANE_INVITATION", hide_env_values = true, value_name = "TOKEN")]
    pub invitation: Option<Secret>,
    /// Wait for the member's decision, and write the certificate into --out
    #[arg(long, requires = "out")]
    pub wait: bool,
}

pub fn run(global: &Global, options: &RegisterOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    let client = Client::new(global)?;
    let Asked { id, fingerprint } = request(&client, options)?;
    if !options.wait {
        let text = format!(
            "Asked to register {} as participant {id}.\n\
             The key's fingerprint, for the member to compare: {fingerprint}\n\
             A member decides: sealane approve {id}",
            options.organization
        );
        output.result(&json!({"id": id, "status": "pending", "keyFingerprint": fingerprint}), text);
        return Ok(CommandOutcome::Done);
    }
    output.say(format!(
        "Asked to register as participant {id}, with the key {fingerprint}.\nWaiting for a member: sealane approve {id}"
    ));
    wait(&client, &id)?;
    let Some(dir) = &options.out else { return Ok(CommandOutcome::Done) };
    let path = dir.join(CERTIFICATE_FILE);
    certificate::fetch(&client, &id, &path)?;
    output.result(
        &json!({"id": id, "status": "active", "certificate": path}),
        format!("Registered as participant {id}; the certificate is in {}.", path.display()),
    );
    Ok(CommandOutcome::Done)
}

/// A request that was taken.
pub struct Asked {
    /// The participant's id.
    pub id: String,
    /// Thumbprint of the key that the certificate is to be for.
    pub fingerprint: Hash,
}

/// Posts the request.
pub fn request(client: &Client, options: &RegisterOptions) -> Result<Asked, Failure> {
    let csr = csr(options)?;
    let mut body = json!({
        "organization": options.organization,
        "roles": options.role,
        "glns": options.gln,
        "gs1CompanyPrefixes": options.gs1_prefix,
        "namespaces": options.namespace,
        "csr": csr.to_pem(),
    });
    if !options.gs1_key.is_empty() {
        body["gs1Keys"] = json!(options.gs1_key);
    }
    if let Some(contact) = &options.contact {
        body["contact"] = contact.as_str().into();
    }
    if let Some(lei) = &options.lei {
        body["lei"] = lei.as_str().into();
    }
    if options.accept_terms {
        body["terms"] = terms(client)?.into();
    }
    if let Some(invitation) = &options.invitation {
        body["invitation"] = invitation.reveal().trim().into();
    }
    let answer = client.post("/participants", "application/json", body.to_string().as_bytes())?;
    let id = answer.get("id").and_then(Value::as_str);
    let id = id.ok_or_else(|| Failure::unreachable("the node's answer names no participant id"))?;
    Ok(Asked { id: id.to_owned(), fingerprint: csr.public_key().thumbprint() })
}

/// The hash of the terms that the members have put in force.
fn terms(client: &Client) -> Result<String, Failure> {
    let council = client.get_json("/members")?;
    let hash = council.pointer("/terms/sha256").and_then(Value::as_str);
    let none = || Failure::wrong_use("the members of this ledger have decided on no terms: leave out --accept-terms");
    Ok(hash.ok_or_else(none)?.to_owned())
}

/// The request given, or found beside the key in `--out`, or made there.
fn csr(options: &RegisterOptions) -> Result<CertificateRequest, Failure> {
    let read = |path: &Path| {
        let fault = |error: &(dyn std::error::Error + 'static)| {
            Failure::wrong_use(format!("{}: {}", path.display(), with_causes(error)))
        };
        let text = fs::read_to_string(path).map_err(|error| fault(&error))?;
        CertificateRequest::parse_pem(&text).map_err(|error| fault(&error))
    };
    match (&options.csr, &options.out) {
        (Some(path), _) => read(path),
        (None, Some(dir)) if dir.join(KEY_FILE).exists() => read(&dir.join(REQUEST_FILE)),
        (None, Some(dir)) => keygen::make(dir, &options.organization),
        (None, None) => Err(Failure::wrong_use("give --csr FILE or --out DIR")),
    }
}

fn wait(client: &Client, id: &str) -> Result<(), Failure> {
    let began = Instant::now();
    while began.elapsed() < WAIT_MAX {
        let participant = client.get_json(&format!("/participants/{id}"))?;
        let member = |name: &str| participant.get(name).and_then(Value::as_str).unwrap_or_default();
        match member("status") {
            "pending" => std::thread::sleep(WAIT_STEP),
            "active" => return Ok(()),
            status => return Err(Failure::unreachable(format!("participant {id} is {status}: {}", member("reason")))),
        }
    }
    Err(Failure::unreachable(format!("nobody decided on participant {id} within a day; fetch its certificate later")))
}
