//! Statements that other members send, verified on other threads before the writer looks at them.
//!
//! Each member has its own line, so that a member that sends much delays its own statements alone.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::thread;

use tokio::sync::{Semaphore, mpsc};

use crate::app::orderer::peers::candidate_of;
use sealane_core::block::{Leaf, MemberSet};
use sealane_core::consortium::{CertificateReader, Place, Registry};
use sealane_core::hash::Hash;
use sealane_core::ledger::BodyLeaf;
use sealane_core::limits::{MEMBERS_MAX, MESSAGE_BYTES_MAX};
use sealane_core::merkle;
use sealane_core::provider::Provider;
use sealane_core::statement::SignatureVerifier;

/// Groups of one member's statements that are verified at a time.
const GROUPS_MAX: usize = 4;

/// Statements of one group: so few that a long line is verified on several threads.
const GROUP_STATEMENTS_MAX: usize = 128;

/// Bytes of one member's statements that may wait to be verified. What comes beyond that is dropped: the member says it again,
/// and a block that has it asks for it.
const WAITING_BYTES_MAX: usize = 2 * MESSAGE_BYTES_MAX;

/// Groups that may be verified, and not taken by the writer yet: all that there can be.
pub(super) const GROUPS_IN_ALL_MAX: usize = MEMBERS_MAX * GROUPS_MAX;

/// The other members' statements that are being verified.
pub(super) struct Verifying {
    lines: BTreeMap<Hash, Line>,
    ended: mpsc::Sender<Verified>,
    /// So many groups are verified at once as there are cores: more threads would only take time from those that answer readers.
    cores: Arc<Semaphore>,
}

/// What one member has sent.
#[derive(Default)]
struct Line {
    groups: usize,
    waiting: Vec<(Hash, String)>,
    waiting_bytes: usize,
    /// Leaves of all that waits to be verified, or is being verified.
    leaves: HashSet<Hash>,
}

/// A group of a member's statements, verified.
pub(super) struct Verified {
    pub from: Hash,
    pub statements: Vec<(Hash, BodyLeaf)>,
    /// Leaves of the group.
    leaves: Vec<Hash>,
}

/// By what statements are verified.
#[derive(Clone)]
pub(super) struct Means {
    pub registry: Arc<Registry>,
    /// The place that a statement would get now.
    pub at: Place,
    pub verifier: Arc<dyn SignatureVerifier>,
    pub certificates: Arc<dyn CertificateReader>,
}

impl Verifying {
    pub fn new(members: &MemberSet, ended: mpsc::Sender<Verified>) -> Self {
        let lines = members.members().map(|one| (one.kid(), Line::default())).collect();
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self { lines, ended, cores: Arc::new(Semaphore::new(cores)) }
    }

    /// Takes the members in force from now on. What others have sent is dropped.
    pub fn follow(&mut self, members: &MemberSet) {
        self.lines.retain(|kid, _| members.get(kid).is_some());
        for member in members.members() {
            self.lines.entry(member.kid()).or_default();
        }
    }

    /// Tells whether a member has sent the statement with a leaf, and it is not verified yet.
    pub fn is_coming(&self, from: &Hash, leaf: &Hash) -> bool {
        self.lines.get(from).is_some_and(|line| line.leaves.contains(leaf))
    }

    /// Takes statements of a member, but for those that are `known`.
    pub fn add(&mut self, from: Hash, statements: Vec<Vec<u8>>, known: impl Fn(&Hash) -> bool, means: &Means) {
        let Some(line) = self.lines.get_mut(&from) else { return };
        for compact in statements {
            let Ok(compact) = String::from_utf8(compact) else { continue };
            let leaf = leaf_hash_of(&compact);
            if line.waiting_bytes >= WAITING_BYTES_MAX || known(&leaf) || !line.leaves.insert(leaf) {
                continue;
            }
            line.waiting_bytes += compact.len();
            line.waiting.push((leaf, compact));
        }
        self.start(from, means);
    }

    /// Notes that the writer has a group.
    pub fn end(&mut self, verified: &Verified, means: Option<&Means>) {
        let Some(line) = self.lines.get_mut(&verified.from) else { return };
        line.groups = line.groups.saturating_sub(1);
        for leaf in &verified.leaves {
            line.leaves.remove(leaf);
        }
        if let Some(means) = means {
            self.start(verified.from, means);
        }
    }

    fn start(&mut self, from: Hash, means: &Means) {
        let Some(line) = self.lines.get_mut(&from) else { return };
        while line.groups < GROUPS_MAX && !line.waiting.is_empty() {
            let rest = line.waiting.split_off(line.waiting.len().min(GROUP_STATEMENTS_MAX));
            let group = std::mem::replace(&mut line.waiting, rest);
            line.waiting_bytes -= group.iter().map(|(_, compact)| compact.len()).sum::<usize>();
            line.groups += 1;
            let leaves = group.iter().map(|(leaf, _)| *leaf).collect();
            let (means, ended, cores) = (means.clone(), self.ended.clone(), Arc::clone(&self.cores));
            tokio::spawn(async move {
                // It is never closed.
                let core = cores.acquire_owned().await;
                let verify = tokio::task::spawn_blocking(move || group.iter().map(|one| means.read(one)).collect());
                let statements = verify.await.unwrap_or_default();
                drop(core);
                // The writer has ended.
                let _ = ended.send(Verified { from, statements, leaves }).await;
            });
        }
    }
}

impl Means {
    fn provider(&self) -> Provider<'_> {
        Provider { signatures: &*self.verifier, certificates: &*self.certificates }
    }

    fn read(&self, (leaf, compact): &(Hash, String)) -> (Hash, BodyLeaf) {
        (*leaf, read_leaf(compact, &self.registry, self.at, self.provider()))
    }
}

/// The leaf that a statement gets in a block. One that does not stand by itself is left to `validate` to refuse.
pub(super) fn read_leaf(compact: &str, registry: &Registry, at: Place, provider: Provider<'_>) -> BodyLeaf {
    match candidate_of(compact.as_bytes(), registry, at, provider) {
        Ok(candidate) => BodyLeaf::Verified(Box::new(candidate)),
        Err(_) => {
            let leaf = Leaf::of_statement(compact);
            let long = matches!(leaf, Leaf::LongStatement { .. }).then(|| compact.as_bytes().to_vec());
            BodyLeaf::Shown { bytes: leaf.encode(), long }
        }
    }
}

/// The hash of the leaf that a statement gets.
pub(super) fn leaf_hash_of(compact: &str) -> Hash {
    merkle::leaf_hash(&Leaf::of_statement(compact).encode())
}
