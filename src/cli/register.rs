//! `register`: an organisation asks a member to be registered.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cli::arguments::{Global, RegisterOptions};
use crate::cli::certificate;
use crate::cli::client::Client;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::identity::{CERTIFICATE_FILE, KEY_FILE, REQUEST_FILE};
use crate::cli::keygen;
use crate::cli::output::Output;

/// How often `--wait` asks, and for how long: a member may have to come back from lunch.
const WAIT_STEP: Duration = Duration::from_secs(1);
const WAIT_MAX: Duration = Duration::from_secs(24 * 60 * 60);

pub fn run(global: &Global, options: &RegisterOptions, output: &Output) -> Result<Outcome, Failure> {
    let client = Client::new(&global.url())?;
    let id = request(&client, options)?;
    if !options.wait {
        let text = format!(
            "Asked to register {} as participant {id}.\nA member decides: sealane approve {id}",
            options.organization
        );
        output.result(&json!({"id": id, "status": "pending"}), text);
        return Ok(Outcome::Done);
    }
    output
        .say(format!("Asked to register as participant {id}; waiting for a member to decide (sealane approve {id})."));
    wait(&client, &id)?;
    let Some(dir) = &options.out else { return Ok(Outcome::Done) };
    let path = dir.join(CERTIFICATE_FILE);
    certificate::fetch(&client, &id, &path)?;
    output.result(
        &json!({"id": id, "status": "active", "certificate": path}),
        format!("Registered as participant {id}; the certificate is in {}.", path.display()),
    );
    Ok(Outcome::Done)
}

/// Posts the request; returns the participant's id.
pub fn request(client: &Client, options: &RegisterOptions) -> Result<String, Failure> {
    let body = json!({
        "organization": options.organization,
        "roles": options.role,
        "glns": options.gln,
        "gs1CompanyPrefixes": options.gs1_prefix,
        "namespaces": options.namespace,
        "csr": csr(options)?,
    });
    let answer = client.post("/participants", "application/json", body.to_string().as_bytes())?;
    let id = answer.get("id").and_then(Value::as_str);
    id.map(str::to_owned).ok_or_else(|| Failure::unreachable("the node's answer names no participant id"))
}

/// The request given, or found beside the key in `--out`, or made there.
fn csr(options: &RegisterOptions) -> Result<String, Failure> {
    let read = |path: &std::path::Path| {
        fs::read_to_string(path).map_err(|error| Failure::wrong_use(format!("cannot read {}: {error}", path.display())))
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
