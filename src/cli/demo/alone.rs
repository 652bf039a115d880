//! A demonstration of one member, whose node runs in this process.

use std::path::Path;

use serde_json::json;

use crate::cli::arguments::{DemoOptions, Global};
use crate::cli::client::Client;
use crate::cli::data_dir::DataDir;
use crate::cli::demo::journey::{CLONED, GENUINE, steps};
use crate::cli::demo::scenes::{RegisteredActor, judge_both, register_all, sign};
use crate::cli::demo::standing::{MemberTip, NodeTip, wait_until_recent};
use crate::cli::demo::{home, label_of, program};
use crate::cli::failure::{CommandOutcome, Failure};
use crate::cli::init;
use crate::cli::newcomer::OtherNodes;
use crate::cli::node::{OpenNode, listen, now, runtime, stop_signal};
use crate::cli::output::Output;
use crate::cli::tls;
use crate::cli::trust;
use crate::config::PeerSettings;
use sealane_core::consortium::Organization;
use sealane_core::evidence::Anchor;

const MEMBER: &str = "Demo Consortium";

pub fn run(global: &Global, options: &DemoOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    let path = global.data();
    let fresh = home::is_fresh(&path, 1)?;
    let data = if fresh { begin(global, &path, output)? } else { DataDir::open(&path)?.with_database(global)? };
    let _lock = data.lock()?;
    let tls = tls::server_config(&options.tls)?;
    let listener = listen(options.listen())?;
    let address = listener.local_addr().map_err(Failure::unreachable)?;
    let url = format!("{}://{address}", tls::scheme(tls.as_ref()));
    // Its own certificate is one to trust, unless another authority was named.
    let tls_ca = global.tls_ca.clone().or_else(|| options.tls.tls_cert.clone());
    let global = Global { url: vec![url], data: Some(path), tls_ca, ..global.clone() };
    let runtime = runtime()?;
    let node =
        runtime.block_on(OpenNode::open(&data, None, Some(now()), &PeerSettings::default(), OtherNodes::default()))?;
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
    let trusted = trust::choose(global, None, &client, output)?;
    if fresh {
        output.say(
            "2. Organisations register. Each makes its own key; the member vouches for it on the ledger and issues a certificate.",
        );
        let actors = register_all(global, &client, &global.data(), output)?;
        output.say(
            "3. Goods move. Each organisation signs what it did; the ledger seals it in a block within milliseconds.",
        );
        play(&client, &actors, &trusted.anchor, output)?;
    } else {
        output.say(format!("The demo was played before; this is what is in {}.\n", global.data().display()));
        wait_until_recent(&client)?;
    }
    output.say("4. Two boxes are scanned. Signatures, proofs and rules are checked here, not believed.\n");
    let products = judge_both(&client, &trusted, &global.url(), output)?;
    if output.is_json() {
        let tip = NodeTip::of(&client)?;
        let member = MemberTip { name: MEMBER, url: client.url(), tip: &tip }.to_json()?;
        let origin = &trusted.anchor.genesis().origin;
        output.result(&json!({"origin": origin, "members": [member], "products": products}), "");
    }
    Ok(())
}

fn play(client: &Client, actors: &[RegisteredActor], anchor: &Anchor, output: &Output) -> Result<(), Failure> {
    let today = now();
    for step in steps() {
        let signed = sign(&step, actors, anchor, today)?;
        let receipt = signed.post(client, anchor)?;
        let (day, actor) = (&signed.day, signed.actor.name);
        output.say(format!("   {day}  {actor:22} {:58} leaf {}", step.told, receipt.leaf_index));
    }
    output.say("");
    Ok(())
}

fn tell_what_next(global: &Global, output: &Output) {
    let (root, data) = (global.url(), global.data());
    let program = program();
    output.say(label_of(&root));
    output.say(format!(
        "Serving at {root} until Ctrl-C. Open it in a browser, or {root}/scan, and in another terminal try:\n  \
         {program} verify '{GENUINE}' --data {0} --url {root}\n  \
         {program} audit --data {0}\n  \
         curl {root}/ledger/checkpoint\n  \
         curl '{root}/verify?id={CLONED}'",
        data.display()
    ));
}
