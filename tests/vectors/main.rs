//! Test vectors written by others. They are not part of the project: each test finds them in the folder that
//! `SEALANE_VECTORS` names, or beside the checkout, and says that it was skipped when they are not there.

use std::path::PathBuf;

mod epcis;
mod event_hash;
mod gs1;
mod jws;
mod master_data;
mod merkle;
mod notes;
mod tiles;
mod wycheproof;
mod x509;
mod xml;

/// The folder of one set of vectors; `None`, with a line that says so, when it is missing.
pub fn folder(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("SEALANE_VECTORS")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/vectors")), PathBuf::from);
    let folder = root.join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no vectors at {}", folder.display());
    None
}
