//! `demo`: the whole of Sealane in one command, over the same HTTP interface that everyone uses.
//!
//! `together` has several members, each with a process of its own, and kills some of them; `alone` has one, in this process.
//! `scenes` is what both play, and `journey` what it is about; `stage` and `outage` need several members.

mod alone;
mod home;
mod journey;
mod members;
mod nodes;
mod outage;
mod ports;
mod scenes;
mod stage;
mod standing;
mod together;

use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;

use crate::cli::arguments::{DemoOptions, Global};
use crate::cli::failure::{CommandOutcome, Failure};
use crate::cli::output::Output;
use crate::telemetry;
use sealane_core::gs1::Id;

use journey::GENUINE;
pub use members::{MEMBERS_DEFAULT, MEMBERS_MAX};

pub const DEFAULT_DATA: &str = "data-demo";

pub fn run(global: &Global, options: &DemoOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    telemetry::start(false, "warn");
    match options.members {
        1 => alone::run(global, options, output),
        _ => together::run(global, options, output),
    }
}

/// This program as it was called here, so that lines can be typed as they stand.
fn program() -> String {
    std::env::args().next().unwrap_or_else(|| "sealane".to_owned())
}

/// The label of the genuine box, whose page is at the node with the URL `root`.
fn label_of(root: &str) -> String {
    let id = Id::parse(GENUINE).ok();
    let url = format!("{root}{}", id.as_ref().and_then(Id::path).unwrap_or_default());
    let code = QrCode::new(&url).map(|code| code.render::<Dense1x2>().quiet_zone(true).build() + "\n");
    format!("{}The label of the genuine box: {url}\n", code.unwrap_or_default())
}
