//! Good evidence, changed in every way that somebody could who has the whole genuine tree and no key.

use std::collections::BTreeSet;

use sealane_core::evidence::{Evidence, EvidenceError, Handover, PlacedText};
use sealane_core::gs1::Id;
use sealane_core::hash::Hash;
use sealane_core::index::{Acts, OtherKey, SignerList, SignerTag, Subject, SubjectEntry, SubjectKind};
use sealane_core::merkle::{InclusionProof, LeafIndex, MultiProof};
use sealane_core::statement::PublicKey;

use crate::book::{Edition, Said, leaf};
use crate::node::signing_key;

/// A changed document, and the errors one of which refuses it.
pub struct Tampered {
    pub what: String,
    pub evidence: Evidence,
    pub refusals: &'static [&'static str],
}

/// The name of an error's variant.
pub fn variant(error: &EvidenceError) -> String {
    let text = format!("{error:?}");
    text.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default().to_owned()
}

struct Changes<'a> {
    edition: &'a Edition<'a>,
    id: Id,
    sound: Evidence,
    /// The entries of the sound document with signers numbered as the edition does.
    index: Vec<SubjectEntry>,
    all: Vec<Tampered>,
}

/// Every change of the evidence about `id`. `older` is an earlier edition of the same ledger, `foreign` evidence of another.
pub fn changed(edition: &Edition<'_>, older: &Edition<'_>, foreign: &Evidence, id: &Id) -> Vec<Tampered> {
    let sound = edition.honest(id);
    let mut wide = sound.clone();
    edition.widen_signers(&mut wide);
    let mut changes = Changes { edition, id: id.clone(), sound, index: wide.index, all: Vec::new() };
    changes.statements();
    changes.registrations();
    changes.seals();
    changes.order();
    changes.entries(older);
    changes.lists();
    changes.signers_and_acts();
    changes.absence();
    changes.commit(older, foreign);
    changes.proof();
    changes.all
}

impl Changes<'_> {
    fn push(&mut self, what: impl Into<String>, refusals: &'static [&'static str], change: impl FnOnce(&mut Evidence)) {
        let mut evidence = self.sound.clone();
        change(&mut evidence);
        if evidence != self.sound {
            self.all.push(Tampered { what: what.into(), evidence, refusals });
        }
    }

    /// The document without some leaves, with every proof that can be made for the rest.
    fn without(&self, leaves: &[LeafIndex], index: Vec<SubjectEntry>) -> Evidence {
        let rest = |texts: &[PlacedText]| -> BTreeSet<LeafIndex> {
            texts.iter().map(|one| one.leaf_index).filter(|leaf| !leaves.contains(leaf)).collect()
        };
        self.edition.document(&self.id, index, &rest(&self.sound.statements), &rest(&self.sound.registrations))
    }

    fn statements(&mut self) {
        for at in 0..self.sound.statements.len() {
            let gone = self.sound.statements[at].leaf_index;
            self.push(format!("statement {gone} removed"), &["Inclusion"], |evidence| {
                evidence.statements.remove(at);
            });
            // What others than the parties say may be left unopened.
            if !self.edition.needs(&self.id, gone) {
                continue;
            }
            let proven = self.without(&[gone], self.index.clone());
            // Where a list is not shown from its first leaf, the time of one that is gone is not known either.
            let refusals: &[&str] = &["CaptureMissing", "Follow"];
            self.push(format!("statement {gone} removed, inclusion proven"), refusals, |evidence| *evidence = proven);
            for keeps_count in [false, true] {
                let index = self.index.iter().map(|entry| shortened(entry, gone, keeps_count)).collect();
                let proven = self.without(&[gone], index);
                let what = format!("statement {gone} removed from all lists, count kept: {keeps_count}");
                self.push(what, &["Index"], |evidence| *evidence = proven);
            }
        }
        self.push("the statements reversed", &["Order"], |evidence| evidence.statements.reverse());
        self.push("two statements in each other's place", &["Inclusion", "LeafTwice"], |evidence| {
            let texts: Vec<String> = evidence.statements.iter().map(|one| one.statement.clone()).rev().collect();
            evidence.statements.iter_mut().zip(texts).for_each(|(one, text)| one.statement = text);
        });
        self.push("a statement twice", &["Order"], |evidence| {
            if let Some(last) = evidence.statements.last().cloned() {
                evidence.statements.push(last);
            }
        });
        self.push("a statement with another signature over the same bytes", &["Inclusion"], |evidence| {
            if let Some(one) = evidence.statements.first_mut() {
                one.statement = malleated(&one.statement);
            }
        });
        self.push("a statement that its signer did not sign", &["Inclusion"], |evidence| {
            if let Some(one) = evidence.statements.first_mut() {
                one.statement = one.statement.replacen('e', "f", 2);
            }
        });
        let unrelated = self.edition.book.statements().iter().find(|(leaf, statement)| {
            let is_capture = matches!(statement.said, Said::Capture(_));
            is_capture && leaf.get() < self.edition.block.size as u64 && !self.shows(**leaf)
        });
        if let Some((leaf, _)) = unrelated {
            let leaf = *leaf;
            let mut captures: BTreeSet<LeafIndex> = self.sound.statements.iter().map(|one| one.leaf_index).collect();
            captures.insert(leaf);
            let admins = self.sound.registrations.iter().map(|one| one.leaf_index).collect();
            let more = self.edition.document(&self.id, self.index.clone(), &captures, &admins);
            self.push("a genuine statement too many", &["Unrelated", "Record"], |evidence| *evidence = more);
        }
        self.push("a capture as a registration", &["Kind"], |evidence| {
            if !evidence.statements.is_empty() {
                let one = evidence.statements.remove(0);
                evidence.registrations.push(one);
                evidence.registrations.sort_by_key(|one| one.leaf_index);
            }
        });
        self.push("a registration as a capture", &["Kind"], |evidence| {
            if let Some(one) = evidence.registrations.pop() {
                evidence.statements.push(one);
                evidence.statements.sort_by_key(|one| one.leaf_index);
            }
        });
        self.push("a leaf as statement and as registration", &["LeafTwice"], |evidence| {
            if let Some(one) = evidence.statements.first().cloned() {
                evidence.registrations.push(one);
                evidence.registrations.sort_by_key(|one| one.leaf_index);
            }
        });
    }

    fn shows(&self, leaf: LeafIndex) -> bool {
        self.sound.statements.iter().chain(&self.sound.registrations).any(|one| one.leaf_index == leaf)
    }

    fn registrations(&mut self) {
        for at in 0..self.sound.registrations.len() {
            let gone = self.sound.registrations[at].leaf_index;
            let Said::Admin(admin) = &self.edition.book.statements()[&gone].said else { continue };
            let kind = admin.type_name();
            let refusals: &[&str] = match kind {
                "registration" => &["Record", "Refused", "Follow"],
                "renewal" => &["Record", "Refused", "StatementMissing"],
                "proposal" => &["Refused", "SealUnneeded", "StatementMissing", "SubjectUnneeded"],
                _ => &["Refused", "StatementMissing"],
            };
            self.push(format!("{kind} {gone} removed"), &["Inclusion"], |evidence| {
                evidence.registrations.remove(at);
            });
            let proven = self.without(&[gone], self.index.clone());
            self.push(format!("{kind} {gone} removed, inclusion proven"), refusals, |evidence| *evidence = proven);
            let index = self.index.iter().map(|entry| shortened(entry, gone, false)).collect();
            let proven = self.without(&[gone], index);
            let what = format!("{kind} {gone} removed from all lists");
            self.push(what, &["Index"], |evidence| *evidence = proven);
        }
        self.push("two registrations exchanged", &["Order"], |evidence| evidence.registrations.reverse());
    }

    fn seals(&mut self) {
        self.push("the seals reversed", &["Order"], |evidence| evidence.seals.reverse());
        for at in [0, self.sound.seals.len().saturating_sub(1)] {
            let edition = self.edition;
            let remove = |evidence: &mut Evidence| {
                if at < evidence.seals.len() {
                    evidence.seals.remove(at);
                    edition.prove(evidence);
                }
            };
            self.push(format!("seal {at} removed, inclusion proven"), &["NoSeal"], remove);
        }
        let needless = self.edition.book.blocks.iter().find(|block| {
            let leaf_index = leaf(block.size - 1);
            block.size < self.edition.block.size && self.sound.seals.iter().all(|one| one.leaf_index != leaf_index)
        });
        if let Some(block) = needless {
            let (edition, placed) = (self.edition, block.placed());
            self.push("a genuine seal too many", &["SealUnneeded"], |evidence| {
                evidence.seals.push(placed);
                evidence.seals.sort_by_key(|one| one.leaf_index);
                edition.prove(evidence);
            });
        }
        self.push("a seal of a later time", &["Inclusion", "LeafTwice"], |evidence| {
            if let Some(one) = evidence.seals.first_mut() {
                one.seal = one.seal.replacen(".000Z", ".001Z", 1);
            }
        });
        self.push("a last seal of a later time", &["Inclusion", "LeafTwice"], |evidence| {
            evidence.seal.seal = evidence.seal.seal.replacen("2026-03", "2026-04", 1);
        });
        self.push("a last seal of another index", &["Inclusion", "LeafTwice"], |evidence| {
            let (start, end) = evidence.seal.seal.split_once("\"indexRoot\":\"").unwrap();
            evidence.seal.seal = format!("{start}\"indexRoot\":\"{}{}", Hash::of(b"index"), &end[43..]);
        });
        self.push("a seal with white space", &["Seal"], |evidence| evidence.seal.seal.push(' '));
    }

    fn order(&mut self) {
        self.push("the index reversed", &["IndexOrder"], |evidence| evidence.index.reverse());
        self.push("a subject twice", &["IndexOrder"], |evidence| {
            let first = evidence.index[0].clone();
            evidence.index.insert(0, first);
        });
        self.push("an older version", &["Version"], |evidence| evidence.version = 2);
        self.push("a later version", &["Version"], |evidence| evidence.version = 4);
        self.push("about another id", &["OtherId"], |evidence| evidence.id.push('X'));
        self.push("about an id that is not canonical", &["OtherId"], |evidence| {
            evidence.id = evidence.id.replacen("https://id.gs1.org/", "https://shop.example/", 1) + "?";
        });
    }

    fn entries(&mut self, older: &Edition<'_>) {
        for at in 0..self.sound.index.len() {
            let subject = self.sound.index[at].subject();
            let kind = subject.kind().as_str();
            let remove = |evidence: &mut Evidence| drop(evidence.index.remove(at));
            let refusals: &[&str] = match subject.kind() {
                // Without its end, another may not take what the participant had.
                SubjectKind::Proposal => &["SubjectMissing", "SignerUnneeded", "SealUnneeded", "Refused"],
                _ => &["SubjectMissing", "SignerUnneeded"],
            };
            self.push(format!("{kind} entry {at} removed"), refusals, remove);
            let beside = self.sound.index[(at + 1) % self.sound.index.len()].clone();
            self.push(format!("{kind} entry {at} with another subject's proof"), &["Index"], |evidence| {
                let entry = &mut evidence.index[at];
                *entry = SubjectEntry { kind: entry.kind, subject: entry.subject.clone(), ..beside };
            });
            let earlier = older.entry(&subject, 0..older.list(&subject).len());
            self.push(format!("{kind} entry {at} of an older block"), &["Index"], |evidence| {
                evidence.index[at] = earlier;
            });
        }
        let mut needless = vec![Subject::id("https://nobody.example/asked"), Subject::policy("default")];
        needless.extend(
            self.edition.lists.keys().find(|one| self.sound.index.iter().all(|e| e.subject() != **one)).cloned(),
        );
        for subject in needless {
            let length = self.edition.list(&subject).len();
            let entry = self.edition.entry(&subject, 0..length);
            let what = format!("a needless {} entry of {length} leaves", subject.kind().as_str());
            let edition = self.edition;
            let refusals: &[&str] = match subject.kind() {
                SubjectKind::Proposal => &["SubjectUnneeded", "NoSeal"],
                _ => &["SubjectUnneeded"],
            };
            self.push(what, refusals, |evidence| {
                edition.widen_signers(evidence);
                evidence.index.push(entry);
                evidence.index.sort_by_key(SubjectEntry::subject);
                edition.shorten_signers(evidence);
            });
        }
    }

    /// Changes of one list with leaves and of its proof.
    fn lists(&mut self) {
        let Some(at) = self.sound.index.iter().position(|entry| entry.leaves.len() > 1 && entry.siblings.len() > 1)
        else {
            return;
        };
        let subject = self.sound.index[at].subject();
        let genuine = self.edition.list(&subject).len();
        let index: &[&str] = &["Index"];
        let other = OtherKey { key: Subject::id("urn:x:other").key(), value: Hash::of(b"x") };
        self.push("a list without its last leaf", index, |e| {
            let _ = e.index[at].leaves.pop();
        });
        self.push("a list without its first leaf", index, |e| {
            let _ = e.index[at].leaves.remove(0);
        });
        self.push("a list with a leaf more", index, |e| {
            e.index[at].leaves.push(leaf(usize::try_from(e.seal.leaf_index.get()).unwrap()));
        });
        self.push("a list out of order", index, |e| e.index[at].leaves.reverse());
        self.push("a count too large", index, |e| e.index[at].count += 1);
        self.push("a count too small", index, |e| e.index[at].count -= 1);
        self.push("a count of nothing", index, |e| e.index[at].count = 0);
        self.push("a part that begins later", index, |e| e.index[at].first += 1);
        self.push("a path that is not needed", index, |e| e.index[at].path.0.push(Hash::of(b"x")));
        self.push("another key beside a present subject", index, |e| e.index[at].other = Some(other));
        self.push("siblings reversed", index, |e| e.index[at].siblings.reverse());
        self.push("siblings cut", index, |e| {
            let _ = e.index[at].siblings.pop();
        });
        self.push("no siblings", index, |e| e.index[at].siblings.clear());
        self.push("siblings extended", index, |e| e.index[at].siblings.push(None));
        self.push("257 siblings", index, |e| e.index[at].siblings.resize(257, None));
        self.push("a sibling taken for empty", index, |e| e.index[at].siblings[0] = None);
        self.push("another sibling", index, |e| e.index[at].siblings[0] = Some(Hash::of(b"x")));
        // Genuine proofs of less than all: the list is then known to go on.
        let parts = [(0..0, "nothing"), (0..genuine - 1, "the beginning"), (1..genuine, "the end")];
        for (part, what) in parts {
            let entry = self.edition.entry(&subject, part.clone());
            // The less one list costs, the more of another is asked for.
            let refusals: &[&str] = &["Follow", "SubjectMissing", "OtherLeaves", "Unrelated", "CaptureMissing"];
            let what = format!("{what} of a list, proven");
            let edition = self.edition;
            self.push(what.clone(), refusals, |evidence| {
                edition.widen_signers(evidence);
                evidence.index[at] = entry.clone();
                edition.shorten_signers(evidence);
            });
            let index = self.index.iter().enumerate();
            let index: Vec<SubjectEntry> =
                index.map(|(n, one)| if n == at { entry.clone() } else { one.clone() }).collect();
            let shown: BTreeSet<LeafIndex> = index.iter().flat_map(|entry| entry.leaves.iter().copied()).collect();
            let all = self.sound.statements.iter().chain(&self.sound.registrations).map(|one| one.leaf_index);
            let gone: Vec<LeafIndex> = all.filter(|leaf| !shown.contains(leaf)).collect();
            let proven = self.without(&gone, index);
            let refusals: &[&str] = &["Follow", "SubjectMissing", "CaptureMissing", "OtherLeaves", "Record", "Refused"];
            self.push(format!("{what}, the rest removed"), refusals, |evidence| *evidence = proven);
        }
    }

    /// Lies about who signed, and about what was done.
    fn signers_and_acts(&mut self) {
        // Last of all, so that the others keep their numbers.
        let stranger = SignerTag::Member([0xff; 16]);
        self.push("a signer that signed nothing", &["SignerUnneeded"], |e| {
            e.signers = SignerList::of(e.signers.as_slice().iter().copied().chain([stranger]));
        });
        self.push("no signers", &["Index"], |e| e.signers = SignerList::default());
        self.push("the signers reversed", &["SignerOrder"], |e| {
            let mut signers = serde_json::to_value(&e.signers).unwrap();
            signers.as_array_mut().unwrap().reverse();
            e.signers = serde_json::from_value(signers).unwrap();
        });
        self.push("a signer twice", &["SignerOrder"], |e| {
            let mut signers = serde_json::to_value(&e.signers).unwrap();
            let list = signers.as_array_mut().unwrap();
            list.extend(list.last().cloned());
            e.signers = serde_json::from_value(signers).unwrap();
        });
        self.push("another signer of all their leaves", &["Index"], |e| {
            let others = e.signers.as_slice().iter().map(|signer| match signer {
                SignerTag::Participant(tag) => SignerTag::Member(*tag),
                SignerTag::Member(tag) => SignerTag::Participant(*tag),
            });
            e.signers = SignerList::of(others);
        });
        for at in 0..self.sound.index.len() {
            let Some(last) = self.sound.index[at].leaves.len().checked_sub(1) else { continue };
            let kind = self.sound.index[at].kind.as_str();
            let signers = u32::try_from(self.sound.signers.as_slice().len()).unwrap();
            self.push(format!("a {kind} leaf {at} by the next signer"), &["Index"], |e| {
                e.index[at].signers[last] = (e.index[at].signers[last] + 1) % signers;
            });
            self.push(format!("a {kind} leaf {at} by no signer"), &["Index"], |e| e.index[at].signers[last] = signers);
            // Another one of the eight for each list.
            let bit = at % 8;
            self.push(format!("a {kind} leaf {at} with act {bit} changed"), &["Index"], |e| {
                let acts = &mut e.index[at].acts[last];
                *acts = Acts::from_byte(acts.byte() ^ 1 << bit);
            });
            self.push(format!("a {kind} list {at} without its last acts"), &["Index"], |e| {
                let _ = e.index[at].acts.pop();
            });
            self.push(format!("a {kind} list {at} with a signer more"), &["Index"], |e| e.index[at].signers.push(0));
        }
        self.push("a label", &["OtherLabel"], |e| drop(e.label.insert("10".to_owned(), "L1".to_owned())));
        let members = self.edition.book.anchor.members().clone();
        self.push("a handover that changes nobody", &["Handover"], |e| {
            let (checkpoint, commit, seal) = (e.checkpoint.clone(), e.commit.clone(), e.seal.seal.clone());
            let seal_inclusion_proof = InclusionProof(Vec::new());
            e.handovers.push(Handover { checkpoint, commit, seal, seal_inclusion_proof, members });
        });
        let stranger = PublicKey::from(signing_key("stranger").verifying_key());
        self.push("a former member", &["FormerUnneeded"], |e| e.former_members.push(stranger));
        let founder = self.edition.book.anchor.members().members().next().unwrap().key().clone();
        self.push("a founder as a former member", &["FormerKnown"], |e| e.former_members.push(founder));
    }

    /// A known subject that is said to be unknown.
    fn absence(&mut self) {
        let own = Subject::id(self.id.as_str());
        let stranger = Subject::id("https://nobody.example/at/all");
        let Some(at) = self.sound.index.iter().position(|entry| entry.subject() == own && entry.count > 0) else {
            return;
        };
        let absent = |entry: &SubjectEntry| SubjectEntry {
            count: 0,
            first: 0,
            leaves: Vec::new(),
            signers: Vec::new(),
            acts: Vec::new(),
            path: MultiProof::default(),
            ..entry.clone()
        };
        let genuine = absent(&self.sound.index[at]);
        let elsewhere = self.edition.entry(&stranger, 0..0);
        let key = own.key();
        let lies = [
            ("an empty place", genuine.clone()),
            ("its own node", SubjectEntry { other: Some(OtherKey { key, value: Hash::of(b"x") }), ..genuine.clone() }),
            ("another's absence", SubjectEntry { subject: own.text().to_owned(), ..elsewhere.clone() }),
            ("another's node", SubjectEntry { other: elsewhere.other, ..genuine.clone() }),
            ("no way at all", SubjectEntry { siblings: Vec::new(), other: elsewhere.other, ..genuine }),
        ];
        for (what, entry) in lies {
            self.push(format!("unknown by {what}"), &["Index"], |evidence| evidence.index[at] = entry);
        }
    }

    fn commit(&mut self, older: &Edition<'_>, foreign: &Evidence) {
        let (edition, earlier) = (self.edition, older.block);
        self.push("no signature", &["Commit"], |e| e.commit.signatures.clear());
        self.push("a signature twice", &["Commit"], |e| {
            let one = e.commit.signatures[0].clone();
            e.commit.signatures.push(one);
        });
        self.push("a commit of another round", &["Commit"], |e| e.commit.round += 1);
        self.push("a commit of another height", &["Commit"], |e| e.commit.height = e.commit.height.next());
        self.push("another algorithm", &["Commit"], |e| e.commit.signatures[0].alg = "ES384".to_owned());
        self.push("a stranger's signature", &["Commit"], |e| e.commit.signatures[0].kid = Hash::of(b"stranger"));
        self.push("an older commit", &["Commit"], |e| e.commit = earlier.commit.clone());
        self.push("an older checkpoint", &["Commit"], |e| e.checkpoint.clone_from(&earlier.checkpoint));
        self.push("an older checkpoint with its commit", &["SealPlace"], |e| {
            e.checkpoint.clone_from(&earlier.checkpoint);
            e.commit = earlier.commit.clone();
        });
        self.push("an older checkpoint with its commit and seal", &["Inclusion"], |e| {
            e.checkpoint.clone_from(&earlier.checkpoint);
            e.commit = earlier.commit.clone();
            e.seal = earlier.placed();
        });
        self.push("an older seal where it stands", &["SealPlace"], |e| {
            e.seal = earlier.placed();
            edition.prove(e);
        });
        self.push("an older seal in the last one's place", &["SealPlace"], |e| e.seal.seal.clone_from(&earlier.json));
        self.push("a checkpoint of another ledger", &["OtherOrigin"], |e| {
            e.checkpoint.clone_from(&foreign.checkpoint);
            e.commit = foreign.commit.clone();
        });
        self.push("another ledger's commit", &["Commit"], |e| e.commit = foreign.commit.clone());
        let id = self.id.as_str().to_owned();
        self.push("evidence of another ledger", &["OtherOrigin"], |e| *e = Evidence { id, ..foreign.clone() });
        self.push("a checkpoint with another line", &["Checkpoint"], |e| e.checkpoint.push_str("more\n"));
        self.push("a checkpoint without its last newline", &["Checkpoint"], |e| {
            let _ = e.checkpoint.pop();
        });
        self.push("a checkpoint of a size with a leading zero", &["Checkpoint"], |e| {
            e.checkpoint = e.checkpoint.replacen('\n', "\n0", 1);
        });
    }

    fn proof(&mut self) {
        let inclusion: &[&str] = &["Inclusion"];
        self.push("an inclusion proof cut", inclusion, |e| {
            let _ = e.inclusion_proof.0.pop();
        });
        self.push("no inclusion proof", inclusion, |e| e.inclusion_proof.0.clear());
        self.push("an inclusion proof extended", inclusion, |e| e.inclusion_proof.0.push(Hash::of(b"x")));
        self.push("an inclusion proof reversed", inclusion, |e| e.inclusion_proof.0.reverse());
        self.push("another hash in the inclusion proof", inclusion, |e| {
            if let Some(first) = e.inclusion_proof.0.first_mut() {
                *first = Hash::of(b"x");
            }
        });
    }
}

/// An entry without one of its leaves.
fn shortened(entry: &SubjectEntry, gone: LeafIndex, keeps_count: bool) -> SubjectEntry {
    let mut entry = entry.clone();
    if let Ok(at) = entry.leaves.binary_search(&gone) {
        let _ = (entry.leaves.remove(at), entry.signers.remove(at), entry.acts.remove(at));
        entry.count -= u64::from(!keeps_count);
    }
    entry
}

/// The statement with n − s for s: as good a signature, over the same bytes, that its signer did not make.
fn malleated(statement: &str) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use p256::ecdsa::Signature;

    let (input, signature) = statement.rsplit_once('.').unwrap();
    let signature = Signature::from_slice(&URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
    let (r, s) = signature.split_scalars();
    let other = Signature::from_scalars(*r.as_ref(), *(-s).as_ref()).unwrap();
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(other.to_bytes()))
}
