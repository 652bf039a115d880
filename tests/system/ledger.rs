//! The ledger as an outsider reads it: tiles, entries, checkpoint, blocks and proofs, each checked and none believed.

use sealane_core::statement::P256;
use std::process::Command;

use sealane_core::block::{Checkpoint, Commit, FinalBlock, FinalCheckpoint, Leaf, Note, Seal};
use sealane_core::evidence::{Anchor, note_keys};
use sealane_core::hash::Hash;
use sealane_core::merkle::{
    self, BundleId, ConsistencyProof, InclusionProof, LeafIndex, TileId, TilePath, Tiles, TreeSize, decode_entries,
    decode_hashes,
};
use serde_json::Value;

use crate::signer::{Signer, captured};
use crate::support::{Node, document, object_event, run, text};

const IMMUTABLE: &str = "public, max-age=31536000, immutable";

fn manufacturer(node: &Node) -> Signer {
    node.participant("maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    Signer::of(node, "maker")
}

fn statement(maker: &Signer, serial: &str, items: usize) -> String {
    let items: Vec<String> =
        (0..items).map(|n| format!("https://id.gs1.org/01/09506000134352/21/{serial}x{n}")).collect();
    let items: Vec<&str> = items.iter().map(String::as_str).collect();
    maker.statement(&document(vec![object_event("ADD", "commissioning", &items, "2026-03-01T08:00:00.000Z")]))
}

/// A ledger of more than 256 leaves, one of them standing for a long statement, so that tiles have two levels.
fn long_ledger() -> Node {
    let node = Node::start();
    let maker = manufacturer(&node);
    captured(&node, statement(&maker, "long", 1_200));
    std::thread::scope(|scope| {
        for first in 0..8 {
            let (node, maker) = (&node, &maker);
            scope.spawn(move || {
                (first..300).step_by(8).for_each(|n| drop(captured(node, statement(maker, &format!("n{n}"), 1))))
            });
        }
    });
    node
}

fn size(number: u64) -> TreeSize {
    TreeSize::new(number).unwrap()
}

fn fetch(node: &Node, path: TilePath) -> Vec<u8> {
    let answer = node.get(&format!("/ledger/{path}"));
    assert_eq!(answer.status, 200, "{path}");
    assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
    answer.body
}

fn tile(node: &Node, id: TileId) -> Vec<Hash> {
    decode_hashes(&fetch(node, TilePath::Hashes(id)), id.width()).unwrap()
}

/// All leaves' bytes, from the entry bundles.
fn entries(node: &Node, tree: TreeSize) -> Vec<Vec<u8>> {
    let mut leaves = Vec::new();
    for index in 0..tree.get().div_ceil(256) {
        let width = u16::try_from((tree.get() - index * 256).min(256)).unwrap();
        let bundle = fetch(node, TilePath::Entries(BundleId::new(index, width).unwrap()));
        leaves.extend(decode_entries(&bundle, width).unwrap().into_iter().map(<[u8]>::to_vec));
    }
    leaves
}

#[test]
fn an_outsider_rebuilds_the_tree_and_checks_seal_and_commit() {
    let node = long_ledger();
    let anchor = Anchor::parse(&node.get("/trust").body, &P256).unwrap();
    let members = &anchor.genesis().members;
    let note = node.get("/ledger/checkpoint");
    assert_eq!(note.header("content-type"), Some("text/plain; charset=utf-8"));
    let note = Note::parse(&note.body).unwrap();
    let checkpoint: Checkpoint = note.text().parse().unwrap();
    let keys = note_keys(&checkpoint.origin, members);
    assert_eq!(note.verify(&keys, &P256).unwrap().len(), 2, "one line by ECDSA, one by Ed25519");
    assert_eq!(note.signatures().len(), 2);
    assert!(checkpoint.size.get() > 256, "the tree has a second level of tiles");

    // From the leaves up, each tile is what lies below it gives.
    let leaves = entries(&node, checkpoint.size);
    let hashes: Vec<Hash> = leaves.iter().map(|leaf| merkle::leaf_hash(leaf)).collect();
    assert_eq!(merkle::root(&hashes), checkpoint.root);
    for index in 0..checkpoint.size.get().div_ceil(256) {
        let id = TileId::in_tree(0, index, checkpoint.size).unwrap();
        let held: Vec<Hash> = id.positions().map(|at| hashes[usize::try_from(at).unwrap()]).collect();
        assert_eq!(tile(&node, id), held);
    }
    let upper = TileId::in_tree(1, 0, checkpoint.size).unwrap();
    let perfect: Vec<Hash> = hashes.chunks_exact(256).map(merkle::root).collect();
    assert_eq!(tile(&node, upper), perfect);

    // Seal and commit.
    let block = node.get("/ledger/blocks/latest").json();
    assert_eq!(block["checkpoint"], checkpoint.to_text());
    assert_eq!(block["to"], checkpoint.size.get());
    let seal = Seal::parse(block["seal"].as_str().unwrap().as_bytes()).unwrap();
    assert_eq!(Leaf::Seal(seal.clone()).encode(), *leaves.last().unwrap());
    let commit: Commit = serde_json::from_value(block["commit"].clone()).unwrap();
    FinalBlock::verify(seal, checkpoint, commit, members, &P256).unwrap();

    // One leaf at a time is the same.
    for index in [0, 1, 255, 256, leaves.len() - 1] {
        let leaf = node.get(&format!("/ledger/leaves/{index}"));
        assert_eq!(leaf.header("cache-control"), Some(IMMUTABLE));
        assert_eq!(leaf.body, leaves[index]);
    }
    // A long statement stands beside its leaf, under the hash that the leaf holds.
    let long = leaves.iter().find_map(|leaf| match Leaf::decode(leaf).unwrap() {
        Leaf::LongStatement { hash, .. } => Some(hash),
        _ => None,
    });
    let hash = long.expect("a long statement");
    let beside = node.get(&format!("/ledger/statements/{hash}"));
    assert_eq!((Hash::of(&beside.body), beside.header("cache-control")), (hash, Some(IMMUTABLE)));
    assert_eq!(beside.header("content-type"), Some("application/jose"));

    replay(&node);
    every_proof_holds(&node, &hashes);
}

/// The same by a program that shares no code with this one.
fn replay(node: &Node) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/replay.py");
    let output = Command::new("/usr/bin/python3").args([script, &node.url]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("give the root; seal and commit of block"), "{}", text(&output.stdout));
}

/// Proofs over HTTP, each verified and each refused where it was not made for.
fn every_proof_holds(node: &Node, hashes: &[Hash]) {
    let latest = hashes.len() as u64;
    let root = |at: u64| merkle::root(&hashes[..usize::try_from(at).unwrap()]);
    for at in [1, 2, 3, 7, 255, 256, 257, latest] {
        for leaf in [0, at / 2, at - 1] {
            let answer = node.get(&format!("/ledger/proofs/inclusion?leaf={leaf}&size={at}")).json();
            let proof: InclusionProof = serde_json::from_value(answer["proof"].clone()).unwrap();
            let index = LeafIndex::new(leaf).unwrap();
            let hash = hashes[usize::try_from(leaf).unwrap()];
            assert_eq!((&answer["leafIndex"], &answer["treeSize"]), (&leaf.into(), &at.into()));
            assert_eq!(answer["leafHash"], hash.to_string());
            merkle::verify_inclusion(index, size(at), hash, &proof, root(at)).unwrap();
            assert!(merkle::verify_inclusion(index, size(at), Hash::of(b"other"), &proof, root(at)).is_err());
        }
        let answer = node.get(&format!("/ledger/proofs/consistency?from={at}")).json();
        let proof: ConsistencyProof = serde_json::from_value(answer["proof"].clone()).unwrap();
        assert_eq!((&answer["from"], &answer["to"]), (&at.into(), &latest.into()));
        merkle::verify_consistency(size(at), root(at), size(latest), root(latest), &proof).unwrap();
        assert!(merkle::verify_consistency(size(at), Hash::of(b"other"), size(latest), root(latest), &proof).is_err());
    }
}

#[test]
fn a_receipt_proves_where_its_statement_went() {
    let node = Node::start();
    let maker = manufacturer(&node);
    let anchor = Anchor::parse(&node.get("/trust").body, &P256).unwrap();
    for (serial, items) in [("R", 1), ("S", 1_200)] {
        let statement = statement(&maker, serial, items);
        let receipt = captured(&node, &statement);
        let leaf: LeafIndex = serde_json::from_value(receipt["leafIndex"].clone()).unwrap();
        let tree: TreeSize = serde_json::from_value(receipt["treeSize"].clone()).unwrap();
        let hash: Hash = serde_json::from_value(receipt["leafHash"].clone()).unwrap();
        assert_eq!(merkle::leaf_hash(&Leaf::of_statement(&statement).encode()), hash);
        let checkpoint: Checkpoint = receipt["checkpoint"].as_str().unwrap().parse().unwrap();
        let commit: Commit = serde_json::from_value(receipt["commit"].clone()).unwrap();
        let checkpoint = FinalCheckpoint::verify(checkpoint, commit, &anchor.genesis().members, &P256).unwrap();
        let root = checkpoint.checkpoint().root;
        assert_eq!(checkpoint.checkpoint().size, tree);
        let proof: InclusionProof = serde_json::from_value(receipt["inclusionProof"].clone()).unwrap();
        merkle::verify_inclusion(leaf, tree, hash, &proof, root).unwrap();
        let seal = Seal::parse(receipt["seal"].as_str().unwrap().as_bytes()).unwrap();
        let seal = merkle::leaf_hash(&Leaf::Seal(seal).encode());
        let proof: InclusionProof = serde_json::from_value(receipt["sealInclusionProof"].clone()).unwrap();
        merkle::verify_inclusion(tree.last_index().unwrap(), tree, seal, &proof, root).unwrap();
    }
}

#[test]
fn every_checkpoint_is_consistent_with_the_next() {
    let node = Node::start();
    let maker = manufacturer(&node);
    for n in 0..6 {
        captured(&node, statement(&maker, &format!("c{n}"), 1));
    }
    let checkpoint = |height: u64| -> Checkpoint {
        let block = node.get(&format!("/ledger/blocks/{height}"));
        assert_eq!(block.header("cache-control"), Some(IMMUTABLE));
        block.json()["checkpoint"].as_str().unwrap().parse().unwrap()
    };
    let last = node.get("/ledger/blocks/latest").json()["height"].as_u64().unwrap();
    assert_eq!(last, 7);
    let checkpoints: Vec<Checkpoint> = (0..=last).map(checkpoint).collect();
    for pair in checkpoints.windows(2) {
        let (from, to) = (pair[0].size, pair[1].size);
        let answer = node.get(&format!("/ledger/proofs/consistency?from={from}&to={to}")).json();
        let proof = serde_json::from_value(answer["proof"].clone()).unwrap();
        merkle::verify_consistency(from, pair[0].root, to, pair[1].root, &proof).unwrap();
    }
}

#[test]
fn tiles_can_be_joined_into_proofs_by_whoever_reads_them() {
    let node = Node::start();
    let maker = manufacturer(&node);
    (0..3).for_each(|n| drop(captured(&node, statement(&maker, &format!("t{n}"), 1))));
    let tree = size(node.tree_size());
    let leaf = LeafIndex::new(4).unwrap();
    let mut tiles = Tiles::new();
    for id in merkle::tiles_for_inclusion(leaf, tree) {
        tiles.insert(id, tile(&node, id)).unwrap();
    }
    let mine = merkle::inclusion_proof(&tiles, leaf, tree).unwrap();
    let theirs = node.get(&format!("/ledger/proofs/inclusion?leaf={leaf}")).json();
    assert_eq!(serde_json::to_value(mine).unwrap(), theirs["proof"]);
}

#[test]
fn what_the_tree_does_not_have_is_not_found() {
    let node = Node::start();
    assert_eq!(node.tree_size(), 2);
    let good = node.get("/ledger/tile/0/000.p/2");
    assert_eq!((good.status, good.header("cache-control"), good.body.len()), (200, Some("public, max-age=600"), 64));
    assert_eq!(node.get("/ledger/tile/0/000.p/1").body, good.body[..32]);
    assert_eq!(node.get("/ledger/tile/entries/000.p/1").status, 200);
    let none = [
        // Not there yet.
        "tile/0/000",
        "tile/0/000.p/3",
        "tile/0/001",
        "tile/1/000",
        "tile/1/000.p/1",
        "tile/entries/000",
        "tile/entries/001.p/1",
        "tile/0/x001/000",
        "leaves/2",
        "leaves/18446744073709551615",
        "blocks/1",
        "statements/47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU",
        // Never there.
        "tile/0/0",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/2/",
        "tile/0/000.p",
        "tile/0/x000/000",
        "tile/0/x000",
        "tile/64/000",
        "tile/00/000.p/2",
        "tile/-1/000",
        "tile/a/000",
        "tile/entries/",
        "tile/0/..%2f000",
        "tile/0/1000",
        "leaves/-1",
        "leaves/x",
        "leaves/01x",
        "leaves/01",
        "leaves/+1",
        "leaves/%2B1",
        "blocks/-1",
        "blocks/00",
        "blocks/+0",
        "blocks/Latest",
        "statements/short",
    ];
    for path in none {
        let answer = node.get(&format!("/ledger/{path}"));
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{path}");
        assert_eq!(answer.json()["code"], "not-found", "{path}");
        assert!(!answer.header("cache-control").is_some_and(|cache| cache.contains("max-age")), "{path}");
    }
    let wrong = [
        ("proofs/inclusion", "missing-parameter"),
        ("proofs/inclusion?leaf=2", "bad-parameter"),
        ("proofs/inclusion?leaf=x", "bad-parameter"),
        ("proofs/inclusion?leaf=0&size=0", "bad-parameter"),
        ("proofs/inclusion?leaf=0&size=3", "bad-parameter"),
        ("proofs/inclusion?leaf=0&leaf=1", "bad-parameter"),
        ("proofs/inclusion?leaf=0&root=1", "unknown-parameter"),
        ("proofs/consistency", "missing-parameter"),
        ("proofs/consistency?from=0", "bad-parameter"),
        ("proofs/consistency?from=3", "bad-parameter"),
        ("proofs/consistency?from=2&to=1", "bad-parameter"),
        ("proofs/consistency?from=1&to=18446744073709551616", "bad-parameter"),
    ];
    for (path, code) in wrong {
        let answer = node.get(&format!("/ledger/{path}"));
        assert_eq!((answer.status, &answer.json()["code"]), (400, &Value::from(code)), "{path}");
    }
    for path in ["/ledger/checkpoint", "/ledger/blocks/latest", "/ledger/audit"] {
        assert_eq!(node.get(path).header("cache-control"), Some("no-cache"), "{path}");
    }
}

#[test]
fn replaying_a_node_that_is_not_there_or_lies_fails() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/replay.py");
    let python = |url: &str| Command::new("/usr/bin/python3").args([script, url]).output().unwrap();
    assert_eq!(python("http://127.0.0.1:1").status.code(), Some(3));

    // A node whose ledger was tampered with below it serves leaves that no longer give the root.
    use diesel::Connection;
    use diesel::connection::SimpleConnection;
    let node = Node::start();
    manufacturer(&node);
    let file = node.data().join("ledger.sqlite");
    let mut connection = diesel::sqlite::SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    connection
        .batch_execute(
            "DROP TRIGGER leaves_keep_update;
             UPDATE leaves SET bytes = CAST(bytes || '1' AS BLOB) WHERE leaf_index = 2;",
        )
        .unwrap();
    let output = python(&node.url);
    assert_eq!(output.status.code(), Some(4), "{}", text(&output.stderr));
    let audit = run(&["audit", "--data", node.data().to_str().unwrap()]);
    assert_eq!(audit.status.code(), Some(4));
}
