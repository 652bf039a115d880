//! `demo`: the whole of Sealane in one command, over the same HTTP interface that everyone uses.

use std::path::{Path, PathBuf};

use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use serde_json::{Value, json};

use crate::cli::arguments::{DemoOptions, Global, RegisterOptions};
use crate::cli::certificate;
use crate::cli::client::Client;
use crate::cli::data_dir::DataDir;
use crate::cli::decisions::Desk;
use crate::cli::failure::{CommandOutcome, Failure};
use crate::cli::identity::{CERTIFICATE_FILE, Identity};
use crate::cli::init;
use crate::cli::node::{OpenNode, listen, now, runtime, stop_signal};
use crate::cli::output::Output;
use crate::cli::register;
use crate::cli::tls;
use crate::cli::trust;
use crate::cli::verify::{VerifyAnswer, judge_now};
use crate::config::PeerSettings;
use crate::telemetry;
use sealane_core::consortium::{Organization, ParticipantId};
use sealane_core::gs1::Id;
use sealane_core::time::Timestamp;

mod journey;

use journey::{ACTORS, CLONED, DemoActor, GENUINE, JourneyStep, steps};

pub const DEFAULT_DATA: &str = "data-demo";

const MEMBER: &str = "Demo Consortium";

pub fn run(global: &Global, options: &DemoOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    telemetry::start(false, "warn");
    let path = global.data();
    let fresh = DataDir::open_if_there(&path)?.is_none();
    let data = if fresh { begin(global, &path, output)? } else { DataDir::open(&path)?.with_database(global)? };
    let _lock = data.lock()?;
    let tls = tls::server_config(&options.tls)?;
    let listener = listen(&options.listen)?;
    let address = listener.local_addr().map_err(Failure::unreachable)?;
    let url = format!("{}://{address}", tls::scheme(tls.as_ref()));
    // Its own certificate is one to trust, unless another authority was named.
    let tls_ca = global.tls_ca.clone().or_else(|| options.tls.tls_cert.clone());
    let (database_url, database_ca) = (global.database_url.clone(), global.database_ca.clone());
    let global = Global { url: vec![url], data: Some(path), tls_ca, database_url, database_ca, ..*global };
    let runtime = runtime()?;
    let node = runtime.block_on(OpenNode::open(&data, None, Some(now()), &PeerSettings::default()))?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let public_url = global.url();
    let serving = runtime.spawn_blocking(move || {
        // The server is not Send, so it gets a thread with a runtime of its own.
        let local = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::unreachable)?;
        local.block_on(node.serve(listener, tls, public_url, async {
            let _ = stopped.await;
        }))
    });
    let shown = show(&global, fresh, output);
    if shown.is_ok() && !options.no_serve {
        runtime.block_on(async {
            let asked = stop_signal()?;
            tell_what_next(&global, output);
            asked.await;
            Ok::<(), Failure>(())
        })?;
    }
    let _ = stop.send(());
    let served = runtime.block_on(serving).map_err(Failure::unreachable)?;
    shown?;
    served?;
    Ok(CommandOutcome::Done)
}

fn begin(global: &Global, path: &Path, output: &Output) -> Result<DataDir, Failure> {
    let name: Organization = MEMBER.parse().map_err(Failure::wrong_use)?;
    let data = DataDir::create(path)?.with_database(global)?;
    let origin = init::create(&data, &name, None)?;
    output.say("1. A member begins a ledger: its keys, its certificate authority, the first block.");
    output.say(format!("   {MEMBER} begins {origin} in {}.\n", path.display()));
    Ok(data)
}

/// Plays the journey where it has not been played, and judges both products.
fn show(global: &Global, fresh: bool, output: &Output) -> Result<(), Failure> {
    let client = Client::new(global)?;
    if fresh {
        let actors = register_all(global, &client, output)?;
        play(&client, &actors, output)?;
    } else {
        output.say(format!("The demo was played before; this is what is in {}.\n", global.data().display()));
    }
    judge_both(global, &client, output)
}

/// An organisation of the journey with what it signs with.
struct Registered {
    actor: &'static DemoActor,
    identity: Identity,
}

fn register_all(global: &Global, client: &Client, output: &Output) -> Result<Vec<Registered>, Failure> {
    output.say("2. Organisations register. Each makes its own key; the member vouches for it on the ledger and issues a certificate.");
    let desk = Desk::open(global)?;
    let mut registered = Vec::new();
    for actor in &ACTORS {
        let dir = global.data().join("participants").join(actor.directory);
        let options = request_of(actor, dir.clone())?;
        let id = register::request(client, &options)?.id;
        let participant: ParticipantId = id.parse().map_err(Failure::unreachable)?;
        let asked = client.get_json(&format!("/participants/{id}"))?;
        desk.decide(&participant, &desk.approval(&participant, &asked)?)?;
        certificate::fetch(client, &id, &dir.join(CERTIFICATE_FILE))?;
        let claims = if actor.prefix.is_empty() { String::new() } else { format!(", company prefix {}", actor.prefix) };
        output.say(format!("   {:22} {} in {}{claims}", actor.name, actor.role, actor.city));
        registered.push(Registered { actor, identity: Identity::read_dir(&dir)? });
    }
    output.say("");
    Ok(registered)
}

fn request_of(actor: &DemoActor, out: PathBuf) -> Result<RegisterOptions, Failure> {
    let fault = |error: &dyn std::fmt::Display| Failure::wrong_use(error);
    let prefix = (!actor.prefix.is_empty()).then(|| actor.prefix.parse()).transpose();
    Ok(RegisterOptions {
        organization: actor.name.parse().map_err(|error| fault(&error))?,
        role: vec![actor.role.parse().map_err(|error| fault(&error))?],
        gln: vec![actor.gln.parse().map_err(|error| fault(&error))?],
        gs1_prefix: prefix.map_err(|error| fault(&error))?.into_iter().collect(),
        namespace: Vec::new(),
        csr: None,
        out: Some(out),
        invitation: None,
        wait: false,
    })
}

fn play(client: &Client, actors: &[Registered], output: &Output) -> Result<(), Failure> {
    output
        .say("3. Goods move. Each organisation signs what it did; the ledger seals it in a block within milliseconds.");
    let trust = client.get_json("/trust")?;
    let origin = trust.get("origin").and_then(Value::as_str).unwrap_or_default();
    let today = now();
    for step in steps() {
        let who = actors.iter().find(|one| one.actor.directory == step.actor);
        let who = who.ok_or_else(|| Failure::wrong_use(format!("nobody is registered as {}", step.actor)))?;
        let document = step.document(who.actor, today);
        let statement = who.identity.sign(document.to_string().as_bytes(), origin, now())?;
        let answer = client.post("/epcis/capture", "application/jose", statement.compact().as_bytes())?;
        let leaf = answer.pointer("/receipt/leafIndex").map(Value::to_string).unwrap_or_default();
        output.say(line_of(&step, who.actor, today, &leaf));
    }
    output.say("");
    Ok(())
}

fn line_of(step: &JourneyStep, actor: &DemoActor, today: Timestamp, leaf: &str) -> String {
    let day = step.time(today).to_string();
    let day = day.get(..10).unwrap_or_default();
    format!("   {day}  {:22} {:58} leaf {leaf}", actor.name, step.told)
}

fn judge_both(global: &Global, client: &Client, output: &Output) -> Result<(), Failure> {
    output.say("4. Two boxes are scanned. Signatures, proofs and rules are checked here, not believed.\n");
    let trusted = trust::choose(global, None, client, output)?;
    let mut products = Vec::new();
    for text in [GENUINE, CLONED] {
        let id = Id::parse(text).map_err(Failure::wrong_use)?;
        let answer = judge_now(client, &id, &trusted)?;
        let url = format!("{}{}", global.url(), id.path().unwrap_or_default());
        output.say(answer.to_text());
        output.say("");
        products.push(product(&answer, &id, &url));
    }
    if output.is_json() {
        output.result(&json!({"origin": trusted.anchor.genesis().origin, "products": products}), "");
    }
    Ok(())
}

fn product(answer: &VerifyAnswer, id: &Id, url: &str) -> Value {
    json!({"id": id, "url": url, "verdict": answer.verdict.word, "reasons": answer.verdict.reasons})
}

fn tell_what_next(global: &Global, output: &Output) {
    let root = global.url();
    let data = global.data();
    // As it was called here, so that the lines can be typed as they stand.
    let program = std::env::args().next().unwrap_or_else(|| "sealane".to_owned());
    let Ok(id) = Id::parse(GENUINE) else { return };
    let url = format!("{root}{}", id.path().unwrap_or_default());
    if let Ok(code) = QrCode::new(&url) {
        output.say(code.render::<Dense1x2>().quiet_zone(true).build());
    }
    output.say(format!(
        "The label of the genuine box: {url}\n\n\
         Serving at {root} until Ctrl-C. Open it in a browser, or {root}/scan, and in another terminal try:\n  \
         {program} verify '{GENUINE}' --data {0} --url {root}\n  \
         {program} audit --data {0}\n  \
         curl {root}/ledger/checkpoint\n  \
         curl '{root}/verify?id={CLONED}'",
        data.display()
    ));
}
