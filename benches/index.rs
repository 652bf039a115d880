//! The whole index in memory: bytes for each product, the time to make it anew, and the cost of a block, at one size and
//! at ten times that size in one run. Not by Criterion: memory is measured once, and the ratios are the result.

use std::fs;
use std::hint::black_box;
use std::time::{Duration, Instant};

use sealane_core::hash::Hash;
use sealane_core::index::{Acts, ListEntry, SignerList, SignerTag, Subject, SubjectEntry, SubjectIndex, SubjectKey};
use sealane_core::merkle::LeafIndex;

/// Products in the smaller index; the larger has ten times as many.
const PRODUCTS: u64 = 100_000;

/// Products that change in one block.
const CHANGED: u64 = 1_000;

/// Leaves of each product before the blocks that are measured.
const LEAVES_EACH: u64 = 3;

const ROUNDS: u32 = 20;

struct Figures {
    products: u64,
    bytes_each: f64,
    rebuild: Duration,
    block: Duration,
    proof: Duration,
    verify: Duration,
}

fn main() {
    // Only `cargo bench` says --bench; as one of the tests it is enough that this runs.
    let products = if std::env::args().any(|argument| argument == "--bench") { PRODUCTS } else { CHANGED };
    let figures = [measure(products), measure(10 * products)];
    for one in &figures {
        println!(
            "{} products: {:.0} bytes each, rebuilt in {:.0?}, a block of {CHANGED} changed products {:.2?}, a proof {:.1?}, \
             its check {:.1?}",
            one.products, one.bytes_each, one.rebuild, one.block, one.proof, one.verify
        );
    }
    let [small, large] = figures;
    println!(
        "ten times the products: rebuild x {:.1}, block x {:.2}, proof x {:.2}",
        ratio(large.rebuild, small.rebuild),
        ratio(large.block, small.block),
        ratio(large.proof, small.proof)
    );
}

fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64()
}

fn measure(products: u64) -> Figures {
    let mut rows: Vec<(SubjectKey, u64)> = Vec::new();
    for n in 0..products {
        rows.extend((0..LEAVES_EACH).map(|round| (key(n), round * products + n)));
    }
    rows.sort_unstable();
    let before = resident_bytes();
    let began = Instant::now();
    let mut index = SubjectIndex::new();
    for (key, leaf) in &rows {
        index.append(*key, entry(*leaf)).expect("the rows ascend");
    }
    black_box(index.root());
    let rebuild = began.elapsed();
    let bytes_each = (resident_bytes() - before) as f64 / products as f64;

    let root = index.root();
    let asked: Vec<u64> = (0..CHANGED).map(|n| (n * 15_485_863) % products).collect();
    let began = Instant::now();
    let proofs: Vec<_> = asked.iter().map(|n| index.prove(&key(*n))).collect();
    let proof = began.elapsed() / u32::try_from(proofs.len()).expect("a few");
    let verify = verified(&asked, &rows, proofs, root);

    let mut next = LEAVES_EACH * products;
    let mut block = Duration::ZERO;
    for round in 0..u64::from(ROUNDS) {
        let changed: Vec<SubjectKey> = (0..CHANGED).map(|n| key((n * 7_919 + round * 104_729) % products)).collect();
        let began = Instant::now();
        for key in changed {
            index.append(key, entry(next)).expect("the leaves ascend");
            next += 1;
        }
        black_box(index.root());
        block += began.elapsed();
    }
    Figures { products, bytes_each, rebuild, block: block / ROUNDS, proof, verify }
}

/// The time to check one proof.
fn verified(
    asked: &[u64],
    rows: &[(SubjectKey, u64)],
    proofs: Vec<sealane_core::index::SubjectProof>,
    root: Hash,
) -> Duration {
    let signers = SignerList::of([entry(0).signer]);
    let mut entries = Vec::new();
    for (n, proof) in asked.iter().zip(proofs) {
        let (subject, key) = (subject(*n), key(*n));
        let at = rows.partition_point(|(other, _)| *other < key);
        let list: Vec<ListEntry> = rows[at..].iter().take_while(|row| row.0 == key).map(|row| entry(row.1)).collect();
        entries.push(SubjectEntry::new(&subject, &list, 0..list.len(), proof, &signers));
    }
    let began = Instant::now();
    let held = entries.iter().filter(|entry| entry.verify(root, &signers).is_ok()).count();
    let each = began.elapsed() / u32::try_from(entries.len()).expect("a few");
    assert_eq!(held, entries.len(), "a proof that does not hold would be timed for nothing");
    each
}

fn subject(n: u64) -> Subject {
    Subject::id(format!("https://id.gs1.org/01/09506000134352/21/{n}"))
}

fn key(n: u64) -> SubjectKey {
    subject(n).key()
}

/// Some signer's, who let it go.
fn entry(index: u64) -> ListEntry {
    let leaf = LeafIndex::new(index).expect("below the limit");
    ListEntry { leaf, signer: SignerTag::Participant([7; 16]), acts: Acts::LETS_GO }
}

/// Memory of this process that is in use, by `/proc`; where there is none, the figure is 0.
fn resident_bytes() -> i64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB")).and_then(|text| text.trim().parse::<i64>().ok());
    kib.unwrap_or_default() * 1024
}
