//! What the index is keyed by.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::consortium::ParticipantId;
use crate::hash::Hash;
use crate::statement::StatementId;

/// Opens the bytes that a key is the digest of. A new index version changes the number.
const KEY_DOMAIN: &[u8] = b"sealane/index/v2\0";

/// The kinds of subject. One text under two kinds is two subjects.
///
/// A reserved kind has its word and its byte, and no statement names a subject of it yet. The order is that of the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SubjectKind {
    /// A product, lot, class, logistic unit, or any URI that an event names.
    Id,
    /// A participant: its registrations, renewals and revocations.
    Party,
    /// A company prefix, GLN or namespace: who held it.
    Prefix,
    /// A transformationID, which ties the parts of one transformation together.
    Transformation,
    Policy,
    /// An id that events recall, or whose recall they take back; with a participant before it, those of its own.
    Recall,
    /// Reserved: what a sealed event names.
    Blind,
    /// Reserved: who is acted for, and who acts.
    Mandate,
    /// Reserved: an id, or a pseudonym, that owners act on.
    Owner,
    /// Reserved: a document, or an id that documents are about.
    Document,
    /// A business transaction: an order, an invoice, a despatch advice.
    Transaction,
    /// Reserved: a participant, for its keys to encrypt to.
    Key,
    /// Reserved.
    Contract,
    /// Reserved: an id that outcomes and strikes are about.
    Notice,
    /// Reserved: the hash of what was erased.
    Erasure,
    /// A proposal, with its withdrawal, ballots and readiness.
    Proposal,
    /// A member that signed two things of one height and round.
    Fault,
}

/// Something that leaves are about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    kind: SubjectKind,
    text: String,
}

/// A subject's key: SHA-256("sealane/index/v2" ‖ 0x00 ‖ kind ‖ text). Its bits, most significant first, are the way
/// from the map's root to the subject; 0 is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SubjectKey(Hash);

impl SubjectKind {
    /// Every kind, in the order of their bytes.
    pub const ALL: [Self; 17] = [
        Self::Id,
        Self::Party,
        Self::Prefix,
        Self::Transformation,
        Self::Policy,
        Self::Recall,
        Self::Blind,
        Self::Mandate,
        Self::Owner,
        Self::Document,
        Self::Transaction,
        Self::Key,
        Self::Contract,
        Self::Notice,
        Self::Erasure,
        Self::Proposal,
        Self::Fault,
    ];

    /// The byte that stands for the kind in a key.
    pub const fn byte(self) -> u8 {
        match self {
            Self::Id => 0x01,
            Self::Party => 0x02,
            Self::Prefix => 0x03,
            Self::Transformation => 0x04,
            Self::Policy => 0x05,
            Self::Recall => 0x06,
            Self::Blind => 0x07,
            Self::Mandate => 0x08,
            Self::Owner => 0x09,
            Self::Document => 0x0a,
            Self::Transaction => 0x0b,
            Self::Key => 0x0c,
            Self::Contract => 0x0d,
            Self::Notice => 0x0e,
            Self::Erasure => 0x0f,
            Self::Proposal => 0x10,
            Self::Fault => 0x11,
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Party => "party",
            Self::Prefix => "prefix",
            Self::Transformation => "transformation",
            Self::Policy => "policy",
            Self::Recall => "recall",
            Self::Blind => "blind",
            Self::Mandate => "mandate",
            Self::Owner => "owner",
            Self::Document => "document",
            Self::Transaction => "transaction",
            Self::Key => "key",
            Self::Contract => "contract",
            Self::Notice => "notice",
            Self::Erasure => "erasure",
            Self::Proposal => "proposal",
            Self::Fault => "fault",
        }
    }
}

impl Subject {
    pub fn new(kind: SubjectKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }

    /// Takes a canonical id: a GS1 Digital Link URI or another absolute URI.
    pub fn id(text: impl Into<String>) -> Self {
        Self::new(SubjectKind::Id, text)
    }

    pub fn party(text: impl Into<String>) -> Self {
        Self::new(SubjectKind::Party, text)
    }

    /// All that is said about a proposal, and itself.
    pub fn proposal(id: &StatementId) -> Self {
        Self::new(SubjectKind::Proposal, id.to_string())
    }

    pub fn prefix(text: impl Into<String>) -> Self {
        Self::new(SubjectKind::Prefix, text)
    }

    pub fn transformation(text: impl Into<String>) -> Self {
        Self::new(SubjectKind::Transformation, text)
    }

    pub fn policy(text: impl Into<String>) -> Self {
        Self::new(SubjectKind::Policy, text)
    }

    /// Under which everything stands that members decided and each verdict reads: authorities, and policies of the verdict.
    pub fn policies_of_verdict() -> Self {
        Self::policy("verdict")
    }

    /// Takes a canonical id: who recalled it, or took a recall of it back.
    pub fn recall(id: impl Into<String>) -> Self {
        Self::new(SubjectKind::Recall, id)
    }

    /// Takes a participant's id and a canonical id: the recalls of the one by the other.
    pub fn recall_by(participant: ParticipantId, id: &str) -> Self {
        Self::new(SubjectKind::Recall, format!("{participant} {id}"))
    }

    /// Takes the canonical URI of a business transaction.
    pub fn transaction(uri: impl Into<String>) -> Self {
        Self::new(SubjectKind::Transaction, uri)
    }

    pub const fn kind(&self) -> SubjectKind {
        self.kind
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn key(&self) -> SubjectKey {
        SubjectKey(Hash::of_parts(&[KEY_DOMAIN, &[self.kind.byte()], self.text.as_bytes()]))
    }
}

impl SubjectKey {
    /// Takes a key that was computed before, as a row or a proof holds it.
    pub const fn from_hash(hash: Hash) -> Self {
        Self(hash)
    }

    pub const fn as_hash(&self) -> &Hash {
        &self.0
    }

    /// Tells whether the way turns right at `depth`, which is below 256.
    pub(super) fn turns_right(&self, depth: usize) -> bool {
        self.0.as_bytes()[depth / 8] & (0x80 >> (depth % 8)) != 0
    }

    /// Counts the bits that two keys have in common before the first that differs.
    pub(super) fn shared_depth(&self, other: &Self) -> usize {
        let bytes = self.0.as_bytes().iter().zip(other.0.as_bytes());
        let mut depth = 0;
        for (a, b) in bytes {
            let equal = (a ^ b).leading_zeros() as usize;
            depth += equal;
            if equal < 8 {
                break;
            }
        }
        depth
    }
}

impl fmt::Display for SubjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.text)
    }
}

impl fmt::Display for SubjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_digest_of_domain_kind_and_text() {
        let kinds = [
            (Subject::id("t"), 1),
            (Subject::party("t"), 2),
            (Subject::prefix("t"), 3),
            (Subject::transformation("t"), 4),
            (Subject::policy("t"), 5),
            (Subject::recall("t"), 6),
            (Subject::transaction("t"), 11),
            (Subject::new(SubjectKind::Fault, "t"), 17),
        ];
        for (subject, byte) in kinds {
            let bytes = [b"sealane/index/v2\0", &[byte][..], b"t"].concat();
            assert_eq!(*subject.key().as_hash(), Hash::of(&bytes), "{subject}");
        }
        // Computed once with `printf 'sealane/index/v2\0\001https://id.gs1.org/01/09506000134352' | sha256sum`.
        assert_eq!(
            Subject::id("https://id.gs1.org/01/09506000134352").key().as_hash().to_hex(),
            "2bb2a04aef5d5f2c1cc435f4ba3f8c1ba1188070de4fcd9294296a9b420f3881"
        );
    }

    #[test]
    fn a_kind_is_one_word() {
        for (kind, byte) in SubjectKind::ALL.into_iter().zip(1..) {
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
            assert_eq!(kind.byte(), byte, "{kind}");
        }
        assert!(SubjectKind::ALL.is_sorted());
    }

    #[test]
    fn bits_run_from_the_most_significant() {
        let mut bytes = [0; 32];
        bytes[1] = 0b0010_0000;
        let (zero, key) = (SubjectKey(Hash::from_bytes([0; 32])), SubjectKey(Hash::from_bytes(bytes)));
        assert!(key.turns_right(10) && !key.turns_right(9) && !key.turns_right(11) && !key.turns_right(255));
        assert_eq!(zero.shared_depth(&key), 10);
        assert_eq!(key.shared_depth(&key), 256);
    }
}
