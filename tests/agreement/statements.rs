//! What simulated clients post: each statement is signed and verified once, and known by its bytes from then on. What members
//! decide is signed as it comes.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use sealane_core::consortium::{Place, Registry};
use sealane_core::hash::Hash;
use sealane_core::ledger::Candidate;
use sealane_core::statement::{
    Draft, Header, Signature, SignatureVerifier, StatementId, StatementType, SubmittedStatement,
};
use serde_json::json;

use crate::base::{self, CERTIFICATES, MAKER, start};
use crate::keys::{KeyedHashes, ORIGIN};

/// Statements that one run may post.
pub const NUMBERS: u32 = 64;

/// A statement in compact form, as it travels.
pub type Compact = Arc<str>;

/// What a client posts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Posted {
    pub number: u32,
    /// Two statements of one number name one eventID; each content is another event.
    pub content: u32,
    /// One statement may have several signatures.
    pub form: Form,
}

/// The signature of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    Good,
    GoodToo,
    /// It does not hold. Only liars show such a one.
    Broken,
}

/// A statement in one of its forms.
struct Signed {
    compact: Compact,
    id: StatementId,
}

static SIGNED: LazyLock<BTreeMap<Posted, Signed>> = LazyLock::new(|| {
    let forms = [Form::Good, Form::GoodToo, Form::Broken];
    let contents =
        |number| [0, 1].into_iter().flat_map(move |content| forms.map(|form| Posted { number, content, form }));
    (0..NUMBERS).flat_map(contents).map(|posted| (posted, posted.sign())).collect()
});

/// What verified once, by its bytes.
static VERIFIED: LazyLock<BTreeMap<Compact, Candidate>> = LazyLock::new(|| {
    let strict = KeyedHashes::new(false);
    let good = SIGNED.iter().filter(|(posted, _)| posted.form != Form::Broken);
    let state = &base::of(4).state;
    let (registry, place) = (state.registry().unwrap(), Place { leaf: state.size().next_index(), time: start() });
    good.map(|(_, one)| (one.compact.clone(), verify(&one.compact, registry, place, &strict).unwrap())).collect()
});

impl Posted {
    pub fn new(number: u32) -> Self {
        Self { number, content: 0, form: Form::Good }
    }

    /// Another event under the same eventID.
    pub fn rival(self) -> Self {
        Self { content: 1 - self.content, ..self }
    }

    pub fn in_form(self, form: Form) -> Self {
        Self { form, ..self }
    }

    pub fn compact(self) -> Compact {
        SIGNED[&self].compact.clone()
    }

    pub fn id(self) -> StatementId {
        SIGNED[&self].id
    }

    fn sign(&self) -> Signed {
        let event = json!({
            "type": "ObjectEvent", "eventID": format!("urn:uuid:1f0c1f6e-6d0b-4a57-9a35-{:012x}", self.number),
            "eventTime": format!("2026-03-01T07:00:0{}.000Z", self.content), "eventTimeZoneOffset": "+00:00",
            "action": "ADD", "bizStep": "commissioning",
            // Few items: lists of the index grow, and blocks touch what blocks before them did.
            "epcList": [format!("https://id.gs1.org/01/09506000134352/21/S{}", self.number % 5)],
        });
        let document = json!({
            "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"], "type": "EPCISDocument",
            "schemaVersion": "2.0", "creationDate": "2026-03-01T07:00:00Z", "epcisBody": {"eventList": [event]},
        });
        let header = Header::epcis(base::certificate().thumbprint(), ORIGIN.as_str(), start());
        let draft = Draft::new(header, document.to_string().as_bytes()).unwrap();
        let mut bytes = MAKER.sign(draft.signing_input().as_bytes());
        match self.form {
            Form::Good => {}
            Form::GoodToo => bytes[63] = 1,
            Form::Broken => bytes[0] ^= 1,
        }
        let submitted = draft.with_signature(Signature::from_bytes(bytes));
        Signed { compact: submitted.compact().into(), id: submitted.id() }
    }
}

/// Verifies a statement by those who may sign, and reads it as of a place; `None` of one that does not stand by itself.
pub fn verify(compact: &str, registry: &Registry, place: Place, verifier: &dyn SignatureVerifier) -> Option<Candidate> {
    let submitted = SubmittedStatement::parse(compact.as_bytes()).ok()?;
    let verified = sealane_core::ledger::verify(submitted, registry, verifier).ok()?;
    Candidate::read(verified, registry, place, &CERTIFICATES).ok()
}

/// The same of bytes that were verified before, and only of them.
pub fn verified(compact: &str) -> Option<Candidate> {
    VERIFIED.get(compact).cloned()
}

/// The same statement with a signature that does not hold.
pub fn broken(compact: &str) -> Option<Compact> {
    if let Some((posted, _)) = SIGNED.iter().find(|(_, one)| &*one.compact == compact) {
        return Some(posted.in_form(Form::Broken).compact());
    }
    // A decision of a member: the first character of its signature is another one.
    let (signed, signature) = compact.rsplit_once('.')?;
    let other = if signature.starts_with('A') { 'B' } else { 'A' };
    Some(format!("{signed}.{other}{}", signature.get(1..)?).into())
}

/// Another event under the eventID of a statement.
pub fn rival(compact: &str) -> Option<Compact> {
    let (posted, _) = SIGNED.iter().find(|(_, one)| &*one.compact == compact)?;
    Some(posted.rival().compact())
}

/// What the id of a statement is, whatever its signature.
pub fn id_of(compact: &str) -> Option<StatementId> {
    Some(SubmittedStatement::parse(compact.as_bytes()).ok()?.id())
}

/// What kind of statement it says it is.
pub fn type_of(compact: &str) -> Option<StatementType> {
    Some(SubmittedStatement::parse(compact.as_bytes()).ok()?.header().typ())
}

/// The hash of the leaf that a statement gets.
pub fn leaf_of(compact: &str) -> Hash {
    sealane_core::merkle::leaf_hash(&sealane_core::block::Leaf::of_statement(compact).encode())
}
