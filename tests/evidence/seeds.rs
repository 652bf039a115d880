//! The documents that `fuzz/` begins with: they are of no use once they no longer hold.

use sealane_core::statement::P256;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use sealane_core::evidence::{Anchor, Evidence};
use sealane_core::gs1::Id;

use crate::set::examine;

#[test]
fn the_seeds_of_fuzzing_hold_and_are_of_one_block() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    let anchor = Anchor::parse(&fs::read(seeds.join("anchor.json")).unwrap(), &P256).unwrap();
    let (mut checkpoints, mut words) = (BTreeSet::new(), BTreeSet::new());
    for entry in fs::read_dir(seeds.join("evidence")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read(&path).unwrap();
        let evidence = Evidence::parse(&text).unwrap();
        let verdict = examine(&text, &Id::parse(&evidence.id).unwrap(), &anchor);
        words.insert(verdict.unwrap_or_else(|error| panic!("{}: {error}", path.display())).word.as_str());
        checkpoints.insert(evidence.checkpoint);
    }
    assert_eq!(checkpoints.len(), 1);
    assert_eq!(words, BTreeSet::from(["authentic", "incomplete", "recalled", "unknown"]));
}
