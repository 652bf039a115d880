//! `copy`: moves a ledger from one store into another, and audits each block on the way.

use indicatif::ProgressBar;
use serde_json::json;

use crate::app::copy::{self, CopyError};
use crate::cli::arguments::{CopyOptions, Global};
use crate::cli::audit::style;
use crate::cli::failure::{CommandOutcome, Failure};
use crate::cli::node::runtime;
use crate::cli::output::Output;
use crate::cli::provider::provider;

pub fn run(global: &Global, options: &CopyOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    if options.from.is(&options.to) {
        return Err(Failure::wrong_use("--from and --to name the same store"));
    }
    let bar = if output.shows_progress() { ProgressBar::new(0).with_style(style()) } else { ProgressBar::hidden() };
    let mut progress = |done, of| {
        bar.set_length(of);
        bar.set_position(done);
    };
    let authorities = global.database_ca.as_deref();
    let copied = runtime()?.block_on(async {
        // The source first: a name mistyped makes no target.
        let from = options.from.read(authorities).await?;
        let (to, _lock) = options.to.write(authorities).await?;
        copy::copy(&*from, &*to, provider(), &mut progress).await.map_err(failure)
    });
    bar.finish_and_clear();
    let copied = copied?;
    let (height, size, root) = (copied.tip.seal.height, copied.tip.size(), copied.tip.checkpoint.root);
    let result = json!({
        "origin": copied.tip.checkpoint.origin,
        "height": height,
        "treeSize": size,
        "root": root,
        "blocks": copied.blocks,
        "leaves": copied.leaves,
        "requests": copied.requests,
    });
    let text = format!(
        "Copied {} blocks with {} leaves. Both stores end at block {height} with {size} leaves, root {root}.",
        copied.blocks, copied.leaves
    );
    output.result(&result, text);
    Ok(CommandOutcome::Done)
}

fn failure(error: CopyError) -> Failure {
    match error {
        CopyError::Source { .. } | CopyError::Differs { .. } => Failure::unproven(error),
        CopyError::Unreadable(_) | CopyError::Target(_) | CopyError::OtherLedger { .. } | CopyError::Ahead { .. } => {
            Failure::unreachable(error)
        }
    }
}
