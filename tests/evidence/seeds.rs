//! The documents that `fuzz/` begins with: they are of no use once they no longer hold.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sealane::ports::LedgerStore as _;
use sealane_core::block::{Checkpoint, Commit, Leaf, Note, Seal};
use sealane_core::evidence::{Anchor, Evidence, PlacedText};
use sealane_core::gs1::Id;
use sealane_core::statement::{P256, StatementType, SubmittedStatement};

use crate::set::examine;
use crate::world::World;

fn seeds() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds")
}

fn seed(name: &str) -> Vec<u8> {
    fs::read(seeds().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Writes the seeds anew, from the same small world and about the same ids, if `SEALANE_SEEDS=write` asks for it: after a change of the
/// format. The tests below say whether they are of use.
#[test]
fn seeds_are_written_anew_if_it_is_asked_for() {
    if std::env::var("SEALANE_SEEDS").as_deref() != Ok("write") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let World { node, book, .. } = runtime.block_on(World::make(1));
    let put = |name: &str, bytes: &[u8]| fs::write(seeds().join(name), bytes).unwrap();
    let mut all = Vec::new();
    for entry in fs::read_dir(seeds().join("evidence")).unwrap() {
        let path = entry.unwrap().path();
        let before = Evidence::parse(&fs::read(&path).unwrap()).unwrap();
        let evidence = book.last().honest(&Id::parse(&before.id).unwrap());
        fs::write(&path, serde_json::to_string(&evidence).unwrap()).unwrap();
        all.push(evidence);
    }
    let last = book.blocks.last().unwrap();
    let block = runtime.block_on(node.store.block(last.seal.height)).unwrap().unwrap();
    put("anchor.json", book.anchor.to_json().to_string().as_bytes());
    put("checkpoint/checkpoint", last.checkpoint.as_bytes());
    put("checkpoint/commit", serde_json::to_string(&last.commit).unwrap().as_bytes());
    put("checkpoint/seal", last.json.as_bytes());
    put("checkpoint/note", block.note.as_bytes());
    put("checkpoint/leaf-seal", &Leaf::Seal(last.seal.clone()).encode());
    let first =
        |of: fn(&Evidence) -> &Vec<PlacedText>| all.iter().find_map(|one| of(one).first()).unwrap().statement.clone();
    for (name, text) in [("capture", first(|one| &one.statements)), ("admin", first(|one| &one.registrations))] {
        let statement = SubmittedStatement::parse(text.as_bytes()).unwrap();
        let header = text.split('.').next().and_then(|part| URL_SAFE_NO_PAD.decode(part).ok()).unwrap();
        put(&format!("jws/{name}.jose"), text.as_bytes());
        put(&format!("jws/{name}-parts"), &[&header, &b"\n"[..], statement.payload()].concat());
        if name == "capture" {
            put("jws/detached", statement.detached().as_bytes());
        }
    }
}

fn all_evidence() -> Vec<Evidence> {
    let files = fs::read_dir(seeds().join("evidence")).unwrap();
    files.map(|file| Evidence::parse(&fs::read(file.unwrap().path()).unwrap()).unwrap()).collect()
}

#[test]
fn the_seeds_of_jws_are_genuine_statements_in_each_of_the_ways_to_send_one() {
    let all = all_evidence();
    for (name, typ) in [("capture", StatementType::Epcis), ("admin", StatementType::Admin)] {
        let text = seed(&format!("jws/{name}.jose"));
        let statement = SubmittedStatement::parse(&text).unwrap();
        assert_eq!(statement.header().typ(), typ);
        let placed = all.iter().flat_map(|one| one.statements.iter().chain(&one.registrations));
        assert!(placed.map(|one| one.statement.as_bytes()).any(|one| one == text), "{name} is on no ledger");
        // As the target makes a statement of them: a header, a line's end, and a payload.
        let parts = seed(&format!("jws/{name}-parts"));
        let end = parts.iter().position(|byte| *byte == b'\n').unwrap();
        assert_eq!(&parts[end + 1..], statement.payload());
        let header: serde_json::Value = serde_json::from_slice(&parts[..end]).unwrap();
        assert_eq!(header["typ"], typ.as_str());
        assert_eq!(header["iat"], statement.header().iat().seconds());
    }
    let capture = SubmittedStatement::parse(&seed("jws/capture.jose")).unwrap();
    assert_eq!(seed("jws/detached"), capture.detached().as_bytes());
}

#[test]
fn the_seeds_of_what_stands_around_a_block_are_read() {
    let text = |name: &str| String::from_utf8(seed(&format!("checkpoint/{name}"))).unwrap();
    let checkpoint: Checkpoint = text("checkpoint").parse().unwrap();
    assert!(all_evidence().iter().all(|one| one.checkpoint == checkpoint.to_text()));
    let commit: Commit = serde_json::from_str(&text("commit")).unwrap();
    let seal = Seal::parse(text("seal").as_bytes()).unwrap();
    assert_eq!((commit.height, checkpoint.size), (seal.height, all_evidence()[0].seal.leaf_index.size_through()));
    assert_eq!(Note::parse(text("note").as_bytes()).unwrap().text(), checkpoint.to_text());
    assert_eq!(Leaf::decode(&seed("checkpoint/leaf-seal")), Ok(Leaf::Seal(seal)));
    assert!(matches!(Leaf::decode(&seed("checkpoint/leaf-statement")), Ok(Leaf::Statement(_))));
    assert!(matches!(Leaf::decode(&seed("checkpoint/leaf-long")), Ok(Leaf::LongStatement { .. })));
}

#[test]
fn the_seeds_of_fuzzing_hold_and_are_of_one_block() {
    let anchor = Anchor::parse(&seed("anchor.json"), &P256).unwrap();
    let (mut checkpoints, mut words) = (BTreeSet::new(), BTreeSet::new());
    for entry in fs::read_dir(seeds().join("evidence")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read(&path).unwrap();
        let evidence = Evidence::parse(&text).unwrap();
        let verdict = examine(&text, Id::parse(&evidence.id).unwrap(), &anchor);
        words.insert(verdict.unwrap_or_else(|error| panic!("{}: {error}", path.display())).word.as_str());
        checkpoints.insert(evidence.checkpoint);
    }
    assert_eq!(checkpoints.len(), 1);
    assert_eq!(words, BTreeSet::from(["authentic", "ended", "recalled", "traced", "unknown"]));
}
