//! RFC 9162 proofs and roots, good and corrupted, as other implementations test them.

use std::fs;
use std::path::{Path, PathBuf};

use sealane_core::hash::Hash;
use sealane_core::merkle::{
    ConsistencyProof, Frontier, InclusionProof, LeafIndex, TreeSize, leaf_hash, node_hash, root, verify_consistency,
    verify_inclusion,
};
use serde_json::Value;

/// Why a case is not run.
const SUBTREE_PROOFS: &str = "not ours: proofs over a subtree `[start, end)` are no part of RFC 9162";

#[test]
fn proofs_are_accepted_and_refused_as_the_vectors_say() {
    let Some(folder) = crate::folder("ledger/merkle-proofs") else { return };
    let (mut run, mut left_out, mut wrong) = (0, 0, Vec::new());
    for path in json_files(&folder) {
        let case = read(&path);
        let verdict = if case.get("start").is_some() {
            left_out += 1;
            continue;
        } else if case.get("leafIdx").is_some() {
            inclusion(&case)
        } else if case.get("size1").is_some() {
            consistency(&case)
        } else {
            panic!("{} is neither an inclusion nor a consistency case", path.display())
        };
        run += 1;
        if verdict.is_err() != (case["wantErr"] == true) {
            wrong.push(format!("{}: {verdict:?}, wantErr {}", path.display(), case["wantErr"]));
        }
    }
    assert!(run > 0, "no cases in {}", folder.display());
    assert!(wrong.is_empty(), "{} of {run} cases:\n{}", wrong.len(), wrong.join("\n"));
    println!("{run} cases run, {left_out} left out ({SUBTREE_PROOFS})");
}

#[test]
fn reference_trees_have_the_reference_hashes() {
    let Some(folder) = crate::folder("ledger/merkle-reference") else { return };
    let files = json_files(&folder);
    assert!(!files.is_empty(), "no trees in {}", folder.display());
    for path in files {
        let tree = read(&path);
        let inputs: Vec<Vec<u8>> = texts(&tree["leaf_inputs_hex"]).iter().map(|text| hex(text)).collect();
        let leaves: Vec<Hash> = inputs.iter().map(|data| leaf_hash(data)).collect();
        let mut row = leaves.clone();
        for expected in tree["node_hashes_by_level_hex"].as_array().expect("rows of nodes") {
            let found: Vec<String> = row.iter().map(Hash::to_hex).collect();
            assert_eq!(found, texts(expected), "{}", path.display());
            row = row.chunks_exact(2).map(|pair| node_hash(&pair[0], &pair[1])).collect();
        }
        let mut frontier = Frontier::new();
        for (size, expected) in texts(&tree["root_hash_by_size_hex"]).iter().enumerate() {
            assert_eq!(root(&leaves[..size]).to_hex(), *expected, "size {size} of {}", path.display());
            assert_eq!(frontier.root().to_hex(), *expected, "size {size} of {}", path.display());
            if let Some(leaf) = leaves.get(size) {
                frontier.push(*leaf);
            }
        }
    }
}

fn inclusion(case: &Value) -> Result<(), String> {
    let index = LeafIndex::new(number(&case["leafIdx"])).map_err(text)?;
    let size = TreeSize::new(number(&case["treeSize"])).map_err(text)?;
    let proof = InclusionProof(proof(case)?);
    verify_inclusion(index, size, hash(&case["leafHash"])?, &proof, hash(&case["root"])?).map_err(text)
}

fn consistency(case: &Value) -> Result<(), String> {
    let sizes = [&case["size1"], &case["size2"]].map(|size| TreeSize::new(number(size)));
    let [from, to] = sizes.map(|size| size.map_err(text));
    // Some accepted cases have roots that are no digests, to show that equal sizes compare them as bytes. Our type
    // holds only digests, so a digest stands in for such a root.
    let accepted = case["wantErr"] == false;
    let root = |name: &str| match hash(&case[name]) {
        Err(_) if accepted => Ok(Hash::of(case[name].as_str().unwrap_or_default().as_bytes())),
        other => other,
    };
    let proof = ConsistencyProof(proof(case)?);
    verify_consistency(from?, root("root1")?, to?, root("root2")?, &proof).map_err(text)
}

fn proof(case: &Value) -> Result<Vec<Hash>, String> {
    case["proof"].as_array().map_or(Ok(Vec::new()), |hashes| hashes.iter().map(hash).collect())
}

fn hash(value: &Value) -> Result<Hash, String> {
    Hash::from_base64(value.as_str().unwrap_or_default()).map_err(text)
}

fn number(value: &Value) -> u64 {
    value.as_u64().expect("a size or index is a number")
}

fn text(error: impl std::error::Error) -> String {
    error.to_string()
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().expect("an array").iter().map(|item| item.as_str().expect("a string")).collect()
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal")).collect()
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("a readable file")).expect("a JSON file")
}

fn json_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a folder entry").path();
        if path.is_dir() {
            files.extend(json_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    files.sort();
    files
}
