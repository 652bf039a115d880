//! `serve`: runs the node.

use std::pin::pin;

use crate::app::orderer::OrderError;
use crate::cli::arguments::{Global, ServeOptions};
use crate::cli::ca;
use crate::cli::console;
use crate::cli::data_dir::DataDir;
use crate::cli::failure::{CommandOutcome, Failure};
use crate::cli::new_key;
use crate::cli::newcomer::OtherNodes;
use crate::cli::node::{OpenNode, input_end, listen, now, runtime, stop_signal};
use crate::cli::output::Output;
use crate::cli::public_url::checked_root;
use crate::cli::tls;
use crate::config::{LogFormat, PeerSettings};
use crate::telemetry;

pub fn run(global: &Global, options: &ServeOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    telemetry::start(options.log_format == Some(LogFormat::Json), "info");
    let public_url = options.public_url.as_deref().map(checked_root).transpose()?;
    let data = DataDir::open(&global.data())?.with_database(global)?;
    if data.is_observer() {
        return Err(Failure::unreachable(format!(
            "{0} is the directory of an observer: run `sealane follow URL --data {0}`",
            data.path().display()
        )));
    }
    let _lock = data.lock()?;
    let tls = tls::server_config(&options.tls)?;
    let limits = options.limits.limits();
    have_files_for(limits.connections);
    let listener = listen(&options.listen())?;
    let address = listener.local_addr().map_err(Failure::unreachable)?;
    let url = format!("{}://{address}", tls::scheme(tls.as_ref()));
    let console = console::bind(options.console)?;
    let console_address = console.as_ref().map(console::address_of).transpose()?;
    let public_url = public_url.map_or_else(|| url.clone(), str::to_owned);
    let (peer_address, addresses) = (options.peer_address.clone(), options.peer_addresses.clone());
    let peers = PeerSettings::new(options.peer_listen, peer_address, &public_url, addresses);
    let patience = options.agreement.patience().map_err(Failure::wrong_use)?;
    let peers = peers.map_err(Failure::wrong_use)?.waiting(patience);
    let runtime = runtime()?;
    let served = runtime.block_on(async {
        // Before it is told that the node is there: a stop right after that must not cut it off.
        let mut stop = pin!(stop_asked(options.until_stdin_closes)?);
        let node = open(global, options, &data, &peers).await?.within(limits.clone());
        let view = node.ledger.view();
        let mut result = serde_json::json!({"url": url, "origin": node.ledger.origin(), "treeSize": view.size()});
        let mut text = format!("Serving the ledger {} at {url} (Ctrl-C stops it).", node.ledger.origin());
        if let Some(address) = console_address {
            result["console"] = format!("http://{address}").into();
            text.push_str(&format!("\nThe operator's page is at http://{address}: `sealane console` prints a link to it."));
        }
        output.result(&result, text);
        drop(view);
        if let Some(warning) = ca::warning(&data.authority()?, now()) {
            output.warn(warning);
        }
        match node.ledger.obstacle() {
            Some(OrderError::Clock(jump)) => output.warn(format!("this node reads only: {jump}")),
            Some(unsound @ OrderError::Unsound { .. }) => output.warn(format!(
                "{unsound}. It writes again when a check finds no fault; one begins now. `sealane audit` says more, and \
                 \"Audit and rebuild\" in docs/OPERATIONS.md what to do"
            )),
            Some(silent @ OrderError::Silent(_)) => output.warn(silent.to_string()),
            _ => {}
        }
        let mut next = Some(node);
        while let Some(node) = next.take() {
            let (replaced, mut is_replaced) = (node.replaced(), false);
            let (listener, tls) = (listener.try_clone().map_err(Failure::unreachable)?, tls.clone());
            let ended = async {
                tokio::select! { () = &mut stop => {}, () = replaced => is_replaced = true }
            };
            let node = match &console {
                None => node,
                Some(console) => {
                    let setup = console::setup(&data, options.tls.tls_cert.as_deref())?;
                    node.with_console(setup, console.try_clone().map_err(Failure::unreachable)?)
                }
            };
            node.serve(listener, tls, public_url.clone(), ended).await?;
            if is_replaced {
                // The old key is out of force and the new one in: the node is opened again, by that one.
                next = Some(open(global, options, &data, &peers).await?.within(limits.clone()));
            }
        }
        Ok(())
    });
    // A node that is asked at this moment is not waited for.
    runtime.shutdown_background();
    served?;
    output.say("Stopped; everything acknowledged is on disk.");
    Ok(CommandOutcome::Done)
}

/// Opens the node of a member, by its new keys if these are in force.
async fn open(
    global: &Global,
    options: &ServeOptions,
    data: &DataDir,
    peers: &PeerSettings,
) -> Result<OpenNode, Failure> {
    new_key::take_up_if_enacted(data).await?;
    let others = OtherNodes::of(global, data)?;
    let node = OpenNode::open(data, options.write_rate, options.accept_clock, peers, others).await?;
    let node = node.for_invited_only(options.invitations);
    if options.scan_decoder { node.decoding_pictures() } else { Ok(node) }
}

/// Listens, from this call on, for the node being asked to stop: by a signal, or by the end of standard input.
pub fn stop_asked(until_stdin_closes: bool) -> Result<impl Future<Output = ()>, Failure> {
    let asked = stop_signal()?;
    let left = until_stdin_closes.then(input_end).transpose()?;
    Ok(async move {
        match left {
            None => asked.await,
            Some(left) => tokio::select! { () = asked => {}, () = left => {} },
        }
    })
}

/// Files that a node has open beside its connections: the database, its log and the readers of both, keys, standard output.
const OTHER_FILES: u64 = 256;

/// Asks the system for as many open files as there may be connections, and says so where it gives fewer.
pub fn have_files_for(connections: usize) {
    let wanted = connections as u64 + OTHER_FILES;
    match rlimit::increase_nofile_limit(wanted) {
        Ok(files) if files >= wanted => {}
        Ok(files) => tracing::warn!(
            files,
            wanted,
            "the system allows fewer open files than --max-connections needs: lower the one or raise the other (ulimit -n)"
        ),
        Err(error) => tracing::warn!(%error, "cannot ask how many files may be open"),
    }
}
