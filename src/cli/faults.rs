//! `faults`: proofs that members have signed two things in one place. Each is checked here, under the trust anchor.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::{Value, json};

use crate::cli::arguments::{FaultsOptions, Global};
use crate::cli::client::Client;
use crate::cli::failure::{CommandOutcome, Failure};
use crate::cli::output::Output;
use crate::cli::provider::provider;
use crate::cli::trust;
use sealane_core::agreement::Equivocation;
use sealane_core::consortium::{FaultProof, SignedKind, SignedVote};
use sealane_core::evidence::Anchor;

/// Bytes of a file of proofs: some 40,000 of them.
const FILE_BYTES_MAX: u64 = 32 * 1024 * 1024;

pub fn run(global: &Global, options: &FaultsOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    let (bytes, anchor, source) = match &options.check {
        Some(file) => {
            let trust = options.trust.as_deref().ok_or_else(|| Failure::wrong_use("--check needs --trust FILE"))?;
            (read(file)?, trust::read(trust)?, file.display().to_string())
        }
        None => {
            let client = Client::new(global)?;
            let anchor = trust::choose(global, options.trust.as_deref(), &client, output)?.anchor;
            (client.get("/ledger/faults")?, anchor, client.url().to_owned())
        }
    };
    let convictions = check_all(&bytes, &anchor).map_err(|fault| Failure::unproven(format!("{source}: {fault}")))?;
    let text = match convictions.as_slice() {
        [] => "No member is known to have signed two things in one place.".to_owned(),
        all => all.iter().map(Conviction::to_text).collect::<Vec<_>>().join("\n"),
    };
    let faults: Vec<Value> = convictions.iter().map(Conviction::to_json).collect();
    output.result(&json!({"origin": anchor.genesis().origin, "faults": faults}), text);
    Ok(CommandOutcome::Done)
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let cannot = |error: std::io::Error| Failure::wrong_use(format!("cannot read {}: {error}", file.display()));
    let mut bytes = Vec::new();
    File::open(file).and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)).map_err(cannot)?;
    match bytes.len() as u64 > FILE_BYTES_MAX {
        true => Err(Failure::wrong_use(format!("{} is longer than {FILE_BYTES_MAX} bytes", file.display()))),
        false => Ok(bytes),
    }
}

/// A member and what it signed twice.
struct Conviction {
    name: String,
    proof: FaultProof,
}

/// Checks every proof; names each that proves nothing, with the reason.
fn check_all(bytes: &[u8], anchor: &Anchor) -> Result<Vec<Conviction>, String> {
    let proofs = proofs_in(bytes)?;
    let count = proofs.len();
    let (mut convictions, mut idle) = (Vec::new(), Vec::new());
    for (proof, number) in proofs.into_iter().zip(1_usize..) {
        match check(proof, anchor) {
            Ok(conviction) => convictions.push(conviction),
            Err(reason) => idle.push(format!("proof {number} of {count} proves nothing: {reason}")),
        }
    }
    if idle.is_empty() {
        return Ok(convictions);
    }
    idle.extend(convictions.iter().map(Conviction::to_text));
    Err(idle.join("\n"))
}

/// The proofs in a document: a list as `/ledger/faults` gives it, or one proof.
fn proofs_in(bytes: &[u8]) -> Result<Vec<Value>, String> {
    let document = sealane_core::json::parse(bytes).map_err(|error| format!("it is not strict JSON: {error}"))?;
    match document {
        Value::Array(proofs) => Ok(proofs),
        Value::Object(mut members) => match members.remove("faults") {
            Some(Value::Array(proofs)) => Ok(proofs),
            None if members.contains_key("first") => Ok(vec![Value::Object(members)]),
            _ => Err("it has neither a list `faults` nor one proof, `first` and `second`".to_owned()),
        },
        _ => Err("it is neither a list of proofs nor one proof".to_owned()),
    }
}

/// Checks one proof. What it says beside its two signed things is for people, and is not believed.
fn check(proof: Value, anchor: &Anchor) -> Result<Conviction, String> {
    let Value::Object(mut members) = proof else { return Err("it is no object".to_owned()) };
    let mut side = |name: &str| -> Result<SignedVote, String> {
        let side = members.remove(name).ok_or_else(|| format!("it has no {name}"))?;
        serde_json::from_value(side).map_err(|error| format!("its {name}: {error}"))
    };
    let proof = FaultProof { first: side("first")?, second: side("second")? };
    let pair = Equivocation::of_fault(&proof).map_err(|error| error.to_string())?;
    pair.verify(&anchor.genesis().origin, anchor.members(), provider().signatures)
        .map_err(|error| error.to_string())?;
    let name = anchor.members().get(&pair.signer()).map(|member| member.name().to_owned()).unwrap_or_default();
    Ok(Conviction { name, proof })
}

impl Conviction {
    fn to_json(&self) -> Value {
        let FaultProof { first, second } = &self.proof;
        json!({
            "kid": first.kid, "name": self.name, "height": first.height, "round": first.round, "kind": first.kind,
            "first": first, "second": second,
        })
    }

    fn to_text(&self) -> String {
        let FaultProof { first, second } = &self.proof;
        let what = match first.kind {
            SignedKind::Proposal => "proposals",
            SignedKind::Prevote => "prevotes",
            SignedKind::Precommit => "precommits",
        };
        format!(
            "{} ({}) is convicted: it signed two {what} at height {}, round {}: {} and {}.",
            self.name,
            first.kid,
            first.height,
            first.round,
            said(first),
            said(second)
        )
    }
}

fn said(side: &SignedVote) -> String {
    let resting = side.pol_round.map(|round| format!(", resting on round {round}")).unwrap_or_default();
    match &side.value {
        Some(value) => format!("for block {value}{resting}"),
        None => "for no block".to_owned(),
    }
}
