//! What happens at any number of members: organisations register, goods move, two boxes are scanned.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::cli::arguments::Global;
use crate::cli::certificate;
use crate::cli::client::Client;
use crate::cli::decisions::Desk;
use crate::cli::demo::journey::{ACTORS, CLONED, DemoActor, GENUINE, JourneyStep};
use crate::cli::failure::Failure;
use crate::cli::identity::{CERTIFICATE_FILE, Identity};
use crate::cli::node::now;
use crate::cli::output::Output;
use crate::cli::provider::provider;
use crate::cli::register::{self, RegisterOptions};
use crate::cli::trust::Trusted;
use crate::cli::verify::{VerifyAnswer, judge_now};
use sealane_core::consortium::{Admin, Endorsement, ParticipantId};
use sealane_core::evidence::{Anchor, MemberChain, Receipt};
use sealane_core::gs1::Id;
use sealane_core::statement::SubmittedStatement;
use sealane_core::time::Timestamp;

/// An organisation of the journey with what it signs with.
pub struct RegisteredActor {
    pub actor: &'static DemoActor,
    participant: ParticipantId,
    identity: Identity,
}

/// Registers the organisations at the member that `global` is about. Their keys go into directories below `home`.
pub fn register_all(
    global: &Global,
    client: &Client,
    home: &Path,
    output: &Output,
) -> Result<Vec<RegisteredActor>, Failure> {
    let desk = Desk::open(global)?;
    let mut registered = Vec::new();
    for actor in &ACTORS {
        let dir = home.join("participants").join(actor.directory);
        let options = request_of(actor, dir.clone())?;
        let id = register::request(client, &options)?.id;
        let participant: ParticipantId = id.parse().map_err(Failure::unreachable)?;
        let asked = desk.asked(&participant)?;
        desk.decide(&participant, &desk.approval(&participant, &asked)?)?;
        certificate::fetch(client, &id, &dir.join(CERTIFICATE_FILE))?;
        let claims = if actor.prefix.is_empty() { String::new() } else { format!(", company prefix {}", actor.prefix) };
        output.say(format!("   {:22} {} in {}{claims}", actor.name, actor.role, actor.city));
        registered.push(RegisteredActor { actor, participant, identity: Identity::read_dir(&dir)? });
    }
    output.say("");
    Ok(registered)
}

/// Has another member, which `global` is about, endorse each registration: where four members or more keep a ledger, one alone
/// registers nobody.
pub fn endorse_all(global: &Global, actors: &[RegisteredActor]) -> Result<(), Failure> {
    let desk = Desk::open(global)?;
    for one in actors {
        let endorsement = Endorsement { registration: one.participant };
        desk.decide(&one.participant, &Admin::Endorsement(endorsement))?;
    }
    Ok(())
}

fn request_of(actor: &DemoActor, out: PathBuf) -> Result<RegisterOptions, Failure> {
    let fault = |error: &dyn std::fmt::Display| Failure::wrong_use(error);
    let prefix = (!actor.prefix.is_empty()).then(|| actor.prefix.parse()).transpose();
    Ok(RegisterOptions {
        organization: actor.name.parse().map_err(|error| fault(&error))?,
        role: vec![actor.role.parse().map_err(|error| fault(&error))?],
        gln: vec![actor.gln.parse().map_err(|error| fault(&error))?],
        gs1_prefix: prefix.map_err(|error| fault(&error))?.into_iter().collect(),
        gs1_key: Vec::new(),
        namespace: Vec::new(),
        contact: None,
        lei: None,
        accept_terms: false,
        csr: None,
        out: Some(out),
        invitation: None,
        wait: false,
    })
}

/// A step of the journey that its actor has signed.
pub struct SignedStep {
    pub actor: &'static DemoActor,
    /// The day of the step.
    pub day: String,
    statement: SubmittedStatement,
}

/// Has the actor of a step sign it for the ledger of `anchor`.
pub fn sign(
    step: &JourneyStep,
    actors: &[RegisteredActor],
    anchor: &Anchor,
    today: Timestamp,
) -> Result<SignedStep, Failure> {
    let who = actors.iter().find(|one| one.actor.directory == step.actor);
    let who = who.ok_or_else(|| Failure::wrong_use(format!("nobody is registered as {}", step.actor)))?;
    let document = step.document(who.actor, today);
    let origin = anchor.genesis().origin.as_str();
    let statement = who.identity.sign(document.to_string().as_bytes(), origin, now())?;
    let day = step.time(today).to_string().get(..10).unwrap_or_default().to_owned();
    Ok(SignedStep { actor: who.actor, day, statement })
}

impl SignedStep {
    /// Posts the step, waits until it is final, and checks its receipt.
    pub fn post(&self, client: &Client, anchor: &Anchor) -> Result<Receipt, Failure> {
        let compact = self.compact();
        let answer = client.post("/epcis/capture", "application/jose", compact.as_bytes())?;
        let receipt = answer.get("receipt").cloned().unwrap_or_default();
        let receipt: Receipt = serde_json::from_value(receipt)
            .map_err(|error| Failure::unreachable(format!("{} answered without a receipt: {error}", client.url())))?;
        let unproven =
            |what: &dyn std::fmt::Display| Failure::unproven(format!("the receipt of {}: {what}", client.url()));
        receipt.verify(&MemberChain::new(anchor.clone()), provider().signatures).map_err(|error| unproven(&error))?;
        if !receipt.is_for(compact) {
            return Err(unproven(&"it is for another statement"));
        }
        Ok(receipt)
    }

    pub fn compact(&self) -> &str {
        self.statement.compact()
    }
}

/// Judges both boxes with what a node shows; `root` is the URL that their labels begin with.
pub fn judge_both(client: &Client, trusted: &Trusted, root: &str, output: &Output) -> Result<Vec<Value>, Failure> {
    let mut products = Vec::new();
    for text in [GENUINE, CLONED] {
        let id = Id::parse(text).map_err(Failure::wrong_use)?;
        let answer = judge_now(client, &id, trusted)?;
        let url = format!("{root}{}", id.path().unwrap_or_default());
        output.say(answer.to_text());
        output.say("");
        products.push(product(&answer, &id, &url));
    }
    Ok(products)
}

fn product(answer: &VerifyAnswer, id: &Id, url: &str) -> Value {
    json!({"id": id, "url": url, "verdict": answer.verdict.word, "reasons": answer.verdict.reasons})
}
