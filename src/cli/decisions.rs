//! `approve`, `reject`, `revoke`: the member's decisions, signed with the member's key.

use std::path::{Path, PathBuf};
use std::{fs, io};

use clap::Args;
use serde_json::{Value, json};

use crate::app::genesis::sign_admin;
use crate::cli::arguments::Global;
use crate::cli::asking;
use crate::cli::ballots::missing_text;
use crate::cli::ca;
use crate::cli::client::{Client, HttpAnswer};
use crate::cli::data_dir::DataDir;
use crate::cli::failure::{CommandOutcome, Failure, with_causes};
use crate::cli::node::now;
use crate::cli::output::{Output, ask, printable};
use crate::cli::trust;
use crate::pki::{CertificateRequest, MemberKey, ParticipantSubject};
use crate::ports::MemberSigner;
use sealane_core::block::Origin;
use sealane_core::consortium::{
    Admin, CertificateRecord, Claims, LookedAt, ParticipantId, Registration, Rejection, Renewal, Revocation,
};
use sealane_core::hash::Hash;
use sealane_core::time::Timestamp;

#[derive(Debug, Args)]
pub struct ApproveOptions {
    pub id: ParticipantId,
    /// A file that shows who the organisation is, such as a register's extract: its hash and its name are recorded. Several may
    /// be given
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub evidence: Vec<PathBuf>,
    /// Approve it though its name looks like that of another organisation: which one is recorded
    #[arg(long)]
    pub allow_similar: bool,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
}

#[derive(Debug, Args)]
pub struct RejectOptions {
    pub id: ParticipantId,
    #[arg(long)]
    pub reason: String,
}

#[derive(Debug, Args)]
pub struct RevokeOptions {
    pub id: ParticipantId,
    #[arg(long)]
    pub reason: String,
    /// The key was in other hands from this time on, such as 2026-11-21T09:30:00Z
    #[arg(long, value_name = "TIME")]
    pub compromised_since: Option<Timestamp>,
    /// What it had claimed of goods that it never had counts no more
    #[arg(long)]
    pub dismiss_claims: bool,
    /// Put it to the vote of all members, whichever member made the registration
    #[arg(long)]
    pub by_vote: bool,
    /// Until when the members may vote, such as 2026-11-21T09:30:00Z; 30 days at the most [default: 7 days from now]
    #[arg(long, value_name = "TIME", requires = "by_vote")]
    pub expires: Option<Timestamp>,
    /// Do not ask before it is put to the vote; without --by-vote it does not ask anyway
    #[arg(long, short)]
    pub yes: bool,
}

pub fn approve(global: &Global, options: &ApproveOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    let desk = Desk::open(global)?;
    if let Some(warning) = ca::warning(&desk.data.authority()?, now()) {
        output.warn(warning);
    }
    let asked = desk.asked(&options.id)?;
    let mut admin = desk.approval(&options.id, &asked)?;
    if let Admin::Registration(registration) = &mut admin {
        registration.evidence = options.evidence.iter().map(|path| looked_at(path)).collect::<Result<_, _>>()?;
    } else if !options.evidence.is_empty() {
        return Err(Failure::wrong_use(
            "--evidence belongs to a registration; this request is for a further certificate",
        ));
    }
    if !options.yes {
        confirm(&admin, &asked)?;
    }
    let answer = desk.approve(&options.id, &mut admin, options.allow_similar, output)?;
    let missing = answer.get("endorsementsMissing").and_then(Value::as_u64);
    let mut text = format!(
        "Approved participant {}.\nThe organisation fetches its certificate: sealane certificate {0} --out certificate.pem",
        options.id
    );
    let status = answer.get("status").cloned().unwrap_or_else(|| "active".into());
    let mut result = json!({"id": options.id, "status": status});
    if missing.is_some() {
        text.push_str(&format!("\n{}", missing_text(&options.id, missing)));
        result["endorsementsMissing"] = missing.into();
    }
    output.result(&result, text);
    Ok(CommandOutcome::Done)
}

pub fn reject(global: &Global, options: &RejectOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    let desk = Desk::open(global)?;
    let asked = desk.asked(&options.id)?;
    let rejection = Rejection { participant: options.id, key: waiting_key(&asked)?, reason: options.reason.clone() };
    let answer = desk.decide(&options.id, &Admin::Rejection(rejection))?;
    output.result(&answer, format!("Rejected the request of participant {}.", options.id));
    Ok(CommandOutcome::Done)
}

pub fn revoke(global: &Global, options: &RevokeOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    let desk = Desk::open(global)?;
    let revocation = Revocation {
        participant: options.id,
        reason: options.reason.clone(),
        compromised_since: options.compromised_since,
        dismisses_claims: options.dismiss_claims,
    };
    let answer = desk.decide(&options.id, &Admin::Revocation(revocation))?;
    let stays = if options.dismiss_claims {
        "what it signed stays, and what it claimed of goods that it never had counts no more"
    } else {
        "what it signed stays"
    };
    output.result(&answer, format!("Revoked participant {}: it signs nothing more; {stays}.", options.id));
    Ok(CommandOutcome::Done)
}

/// Where a member decides: its keys, its authority, and a node.
pub struct Desk {
    client: Client,
    data: DataDir,
    key: MemberKey,
    origin: Origin,
}

impl Desk {
    pub fn open(global: &Global) -> Result<Self, Failure> {
        let data = DataDir::open(&global.data())?.with_database(global)?;
        let client = Client::new(global)?;
        // What is signed is for the member's own ledger, whatever node is at the other end.
        let origin = trust::of_data(&data)?.genesis().origin.clone();
        Ok(Self { key: data.member_key()?, client, data, origin })
    }

    pub const fn client(&self) -> &Client {
        &self.client
    }

    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// What is known of a participant or a request, and the certificate request that waits, which a node tells members alone.
    pub fn asked(&self, id: &ParticipantId) -> Result<Value, Failure> {
        let path = format!("/participants/{id}");
        self.client.get_json_as(&path, &asking::word(&self.key, &self.origin, &path))
    }

    /// Issues the certificate that a waiting request asks for.
    pub fn approval(&self, id: &ParticipantId, asked: &Value) -> Result<Admin, Failure> {
        let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let renewal = asked.get("renewal").filter(|renewal| !renewal.is_null());
        let csr = renewal.map_or_else(|| text(asked, "csr"), |renewal| text(renewal, "csr"));
        let csr = csr.ok_or_else(|| nothing_waits(asked))?;
        let request = CertificateRequest::parse_pem(&csr).map_err(|error| Failure::unreachable(with_causes(&error)))?;
        let organization = text(asked, "organization").unwrap_or_default();
        let certificate = self.issue(id, &organization, &request)?;
        let request = request.der().to_vec();
        let Some(renewal) = renewal else {
            let claims = claims_of(asked)?;
            let registration = Registration {
                participant: *id,
                claims,
                request,
                certificate,
                evidence: Vec::new(),
                similar_to: Vec::new(),
            };
            return Ok(Admin::Registration(Box::new(registration)));
        };
        let unreadable = || Failure::unreachable("the renewal that waits cannot be read");
        let current = text(renewal, "current").and_then(|text| text.parse().ok()).ok_or_else(unreadable)?;
        let consent = text(renewal, "consent").and_then(|text| text.parse().ok()).ok_or_else(unreadable)?;
        Ok(Admin::Renewal(Box::new(Renewal { participant: *id, request, current, consent, certificate })))
    }

    fn issue(
        &self,
        id: &ParticipantId,
        organization: &str,
        request: &CertificateRequest,
    ) -> Result<CertificateRecord, Failure> {
        let authority = self.data.authority()?;
        let fault = |error: &(dyn std::error::Error + 'static)| Failure::unreachable(with_causes(error));
        let subject = ParticipantSubject::new(&id.to_string(), organization).map_err(|error| fault(&error))?;
        let validity = authority.participant_validity(now()).map_err(|error| fault(&error))?;
        let issued = authority.issue(request, &subject, validity).map_err(|error| fault(&error))?;
        Ok(CertificateRecord {
            x509: issued.der().to_vec(),
            jwk: request.public_key().clone(),
            not_before: issued.not_before(),
            not_after: issued.not_after(),
        })
    }

    /// Signs a registration or a renewal and posts it; if it may be, once more with the look-alike names that the node tells.
    fn approve(
        &self,
        id: &ParticipantId,
        admin: &mut Admin,
        allow_similar: bool,
        output: &Output,
    ) -> Result<Value, Failure> {
        let path = format!("/participants/{id}/decisions");
        let answer = self.send(&path, admin)?;
        let similar = similar_names(&answer);
        if similar.is_empty() || !allow_similar {
            return self.client.success(&path, answer);
        }
        if let Admin::Registration(registration) = admin {
            for (other, organization) in similar {
                output.say(format!("Its name looks like that of {} ({other}): recorded.", printable(&organization)));
                registration.similar_to.push(other);
            }
            registration.similar_to.sort_unstable();
        }
        self.post(&path, admin)
    }

    /// Signs a decision about a participant and posts it.
    pub fn decide(&self, id: &ParticipantId, admin: &Admin) -> Result<Value, Failure> {
        self.post(&format!("/participants/{id}/decisions"), admin)
    }

    /// Signs what this member says to the others and posts it.
    pub fn say(&self, admin: &Admin) -> Result<Value, Failure> {
        self.post("/members/decisions", admin)
    }

    fn post(&self, path: &str, admin: &Admin) -> Result<Value, Failure> {
        let answer = self.send(path, admin)?;
        self.client.success(path, answer)
    }

    fn send(&self, path: &str, admin: &Admin) -> Result<HttpAnswer, Failure> {
        let statement = sign_admin(admin, &self.origin, &self.key as &dyn MemberSigner, now());
        let statement = statement.map_err(Failure::wrong_use)?;
        self.client.post_any(path, "application/jose", statement.compact().as_bytes())
    }
}

/// The organisations whose names look the same, if a node refuses an approval for them.
fn similar_names(answer: &HttpAnswer) -> Vec<(ParticipantId, String)> {
    let problem: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    if problem.get("code").and_then(Value::as_str) != Some("similar-name") {
        return Vec::new();
    }
    let similar = problem.get("similar").and_then(Value::as_array).into_iter().flatten();
    let read = |one: &Value| {
        let text = |name: &str| one.get(name).and_then(Value::as_str);
        Some((text("id")?.parse().ok()?, text("organization")?.to_owned()))
    };
    similar.filter_map(read).collect()
}

/// What a registration says of a file that its approver looked at.
fn looked_at(path: &Path) -> Result<LookedAt, Failure> {
    let unreadable = |error: io::Error| Failure::wrong_use(format!("{}: {error}", path.display()));
    let sha256 = Hash::of(&fs::read(path).map_err(unreadable)?);
    let media_type = mime_guess::from_path(path).first_or_octet_stream().essence_str().to_owned();
    let title = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(LookedAt { media_type, sha256, title })
}

/// The key of the request that waits.
fn waiting_key(asked: &Value) -> Result<Hash, Failure> {
    let request = asked.get("renewal").filter(|renewal| !renewal.is_null()).unwrap_or(asked);
    let csr = request.get("csr").and_then(Value::as_str);
    let csr = csr.ok_or_else(|| nothing_waits(asked))?;
    let request = CertificateRequest::parse_pem(csr).map_err(|error| Failure::unreachable(with_causes(&error)))?;
    Ok(request.public_key().thumbprint())
}

fn nothing_waits(asked: &Value) -> Failure {
    let text = |name: &str| asked.get(name).and_then(Value::as_str).unwrap_or_default();
    let (id, status) = (text("id"), text("status"));
    Failure::unreachable(format!("participant {id} has no request that waits for a decision; it is {status}"))
}

fn claims_of(asked: &Value) -> Result<Claims, Failure> {
    let member = |name: &str| asked.get(name).cloned().unwrap_or(Value::Null);
    let mut claims = json!({
        "organization": member("organization"),
        "roles": member("roles"),
        "glns": member("glns"),
        "gs1CompanyPrefixes": member("gs1CompanyPrefixes"),
        "namespaces": member("namespaces"),
    });
    for name in ["gs1Keys", "lei", "contact", "terms"] {
        if let Some(value) = asked.get(name) {
            claims[name] = value.clone();
        }
    }
    serde_json::from_value(claims).map_err(|error| Failure::unreachable(format!("the request cannot be read: {error}")))
}

/// Shows what is about to be signed and asks the person at the terminal. The fingerprint is that of the key in the
/// request itself, not what the node says of it.
fn confirm(admin: &Admin, asked: &Value) -> Result<(), Failure> {
    let list = |items: &mut dyn Iterator<Item = String>| items.collect::<Vec<_>>().join(" ");
    let show = |name: &str, value: &str| eprintln!("{name:>20}  {}", printable(value));
    match admin {
        Admin::Registration(one) => {
            let claims = &one.claims;
            show("asks for", "a registration");
            show("organization", claims.organization.as_str());
            show("roles", &list(&mut claims.roles.iter().map(ToString::to_string)));
            show("GLNs", &list(&mut claims.glns.iter().map(ToString::to_string)));
            show("company prefixes", &list(&mut claims.gs1_company_prefixes.iter().map(ToString::to_string)));
            if !claims.gs1_keys.is_empty() {
                show("GS1 keys", &list(&mut claims.gs1_keys.iter().map(ToString::to_string)));
            }
            show("namespaces", &list(&mut claims.namespaces.iter().map(ToString::to_string)));
            let beside = [
                ("LEI", claims.lei.as_ref().map(ToString::to_string)),
                ("contact", claims.contact.as_ref().map(ToString::to_string)),
                ("accepted terms", claims.terms.map(|terms| terms.to_string())),
            ];
            for (name, value) in beside {
                value.iter().for_each(|value| show(name, value));
            }
            for file in &one.evidence {
                show("evidence", &format!("{} ({}, SHA-256 {})", file.title, file.media_type, file.sha256));
            }
            show("key fingerprint", &one.certificate.jwk.thumbprint().to_string());
        }
        Admin::Renewal(one) => {
            show("asks for", "a further certificate");
            show("organization", asked.get("organization").and_then(Value::as_str).unwrap_or_default());
            show("new key fingerprint", &one.certificate.jwk.thumbprint().to_string());
        }
        Admin::Genesis(_)
        | Admin::Revocation(_)
        | Admin::Rejection(_)
        | Admin::Proposal(_)
        | Admin::Withdrawal(_)
        | Admin::Ballot(_)
        | Admin::Ready(_)
        | Admin::Fault(_)
        | Admin::Endorsement(_) => {}
    }
    ask(
        "Approve? Compare the fingerprint with the organisation's own first. [y/N] ",
        "give --yes to approve without asking",
        "not approved",
    )
}
