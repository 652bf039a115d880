//! `audit`: derives everything from the leaves again.

use crate::app::audit::{self, AuditError};
use crate::cli::arguments::{AuditOptions, Global};
use crate::cli::data_dir::DataDir;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::node::runtime;
use crate::cli::output::Output;
use crate::pki::X509Reader;

pub fn run(global: &Global, options: &AuditOptions, output: &Output) -> Result<Outcome, Failure> {
    if global.url_was_typed {
        return Err(Failure::wrong_use("audit reads a data directory (--data); it cannot replay a node by --url yet"));
    }
    let data = DataDir::open(&global.data())?;
    // Reading goes on beside a running node; writing needs the directory alone.
    let _lock = if options.rebuild { Some(data.lock()?) } else { None };
    let mark = data.mark()?;
    let report = runtime()?.block_on(async {
        if options.rebuild {
            audit::rebuild(&data.store()?, &X509Reader).await.map_err(failure)?;
        }
        let store = data.snapshot()?;
        let report = audit::audit(&store, &X509Reader).await.map_err(failure)?;
        if let Some(mark) = mark {
            audit::check_mark(&store, &mark).await.map_err(failure)?;
        }
        Ok(report)
    })?;
    let text = format!(
        "The ledger in {} is sound: {} leaves in {} blocks, {} signatures, {} captures with {} events, {} participants, {} subjects.",
        data.path().display(),
        report.leaves,
        report.blocks,
        report.signatures,
        report.captures,
        report.events,
        report.participants,
        report.subjects
    );
    output.result(&report, text);
    Ok(Outcome::Done)
}

fn failure(error: AuditError) -> Failure {
    match error {
        AuditError::Fault(fault) => Failure::unproven(format!("the ledger is not sound: {fault}")),
        AuditError::Store(error) => Failure::unreachable(error),
    }
}
