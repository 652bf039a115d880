//! What convicts a member, and what does not: one table for the core, the command and the verifier in JavaScript.
//!
//! `tests/js/faults.json` has the cases as they are made here; `tests/js/fault.test.mjs` reads the same file.

use std::path::Path;
use std::process::Command;

use p256::ecdsa::SigningKey;
use sealane_core::agreement::{
    Equivocation, EquivocationError, SaidError, ValueId, VoteKind, proposal_bytes, vote_bytes,
};
use sealane_core::block::{Height, Member, MemberSet, NoteSigningKey, Origin};
use sealane_core::consortium::{Admin, FaultProof, Founder, Genesis, SignedKind, SignedVote, founder_bytes};
use sealane_core::evidence::Anchor;
use sealane_core::hash::Hash;
use sealane_core::statement::{Draft, Header, P256, PublicKey, Signature, sign};
use serde_json::{Value, json};

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/js/faults.json");

fn key(byte: u8) -> SigningKey {
    SigningKey::from_slice(&[byte; 32]).unwrap()
}

fn kid(byte: u8) -> Hash {
    PublicKey::from(key(byte).verifying_key()).thumbprint()
}

fn origin() -> Origin {
    "ledger.example/faults".parse().unwrap()
}

/// Four members, whose keys everybody can make.
fn anchor() -> Anchor {
    let member = |byte: u8| {
        let note_key = NoteSigningKey::from_seed(&[byte; 32]).public();
        Member::new(format!("Member {byte}"), PublicKey::from(key(byte).verifying_key()), note_key).unwrap()
    };
    let members = MemberSet::new((1..=4).map(member).collect()).unwrap();
    let key_of =
        |kid: Hash| (1..=4).map(key).find(|key| PublicKey::from(key.verifying_key()).thumbprint() == kid).unwrap();
    let consent = |member: &Member| Founder {
        kid: member.kid(),
        signature: Signature::sign(&key_of(member.kid()), &founder_bytes(&origin(), member)),
    };
    let founders = members.members().map(consent).collect();
    let created = "2026-11-21T09:00:00Z".parse().unwrap();
    let first = members.members().next().unwrap().kid();
    let genesis = Admin::Genesis(Genesis::new(origin(), members, founders, created));
    let header = Header::admin(first, origin().as_str(), created);
    let statement = sign(Draft::new(header, &genesis.to_payload()).unwrap(), &key_of(first));
    Anchor::of_genesis(statement.compact().as_bytes(), &P256).unwrap()
}

/// What the member of a key says.
#[derive(Clone, Copy)]
struct Word {
    by: u8,
    kind: SignedKind,
    height: u64,
    round: u32,
    pol_round: Option<u32>,
    value: Option<u8>,
}

impl Word {
    const fn vote(kind: SignedKind, round: u32, value: Option<u8>) -> Self {
        Self { by: 2, kind, height: 7, round, pol_round: None, value }
    }

    const fn proposal(round: u32, pol_round: Option<u32>, value: u8) -> Self {
        Self { by: 2, kind: SignedKind::Proposal, height: 7, round, pol_round, value: Some(value) }
    }

    fn signed(self) -> SignedVote {
        self.signed_for(&origin())
    }

    fn signed_for(self, origin: &Origin) -> SignedVote {
        let Self { by, kind, height, round, pol_round, value } = self;
        let (height, value) = (Height::new(height).unwrap(), value.map(|byte| Hash::of(&[byte])));
        let id = value.map(ValueId::from_hash);
        let bytes = match kind {
            SignedKind::Proposal => proposal_bytes(origin, height, round, pol_round, id.unwrap()),
            SignedKind::Prevote => vote_bytes(origin, VoteKind::Prevote, height, round, id),
            SignedKind::Precommit => vote_bytes(origin, VoteKind::Precommit, height, round, id),
        };
        SignedVote { kid: kid(by), kind, height, round, pol_round, value, signature: Signature::sign(&key(by), &bytes) }
    }
}

/// A proof, and why it proves nothing; nothing if it convicts member 2.
struct Case {
    name: &'static str,
    proof: Value,
    reason: Option<&'static str>,
}

fn cases() -> Vec<Case> {
    use SignedKind::{Precommit, Prevote};
    let of = |first: SignedVote, second: SignedVote| json!({"first": first, "second": second});
    let pair = |first: Word, second: Word| of(first.signed(), second.signed());
    let case = |name, proof, reason| Case { name, proof, reason };
    let vote = Word::vote(Precommit, 0, Some(1));
    let other = Word::vote(Precommit, 0, Some(2));
    let with = |name: &str, value: Value| {
        let mut proof = pair(vote, other);
        proof["second"][name] = value;
        proof
    };
    let without = |name: &str| {
        let mut proof = pair(vote, other);
        proof["first"].as_object_mut().unwrap().remove(name);
        proof
    };
    let commented = {
        let mut proof = pair(vote, other);
        proof["name"] = json!("Somebody else");
        proof["kid"] = json!(kid(1));
        proof
    };
    let swapped = {
        let (first, second) = (vote.signed(), other.signed());
        of(
            SignedVote { signature: second.signature, ..first.clone() },
            SignedVote { signature: first.signature, ..second },
        )
    };
    vec![
        case("two precommits for two blocks", pair(vote, other), None),
        case(
            "two prevotes for two blocks",
            pair(Word::vote(Prevote, 3, Some(1)), Word::vote(Prevote, 3, Some(2))),
            None,
        ),
        case("a precommit for a block and one for none", pair(vote, Word::vote(Precommit, 0, None)), None),
        case(
            "a prevote for none and one for a block",
            pair(Word::vote(Prevote, 0, None), Word::vote(Prevote, 0, Some(1))),
            None,
        ),
        case("two proposals of two blocks", pair(Word::proposal(1, None, 1), Word::proposal(1, None, 2)), None),
        case(
            "one block proposed on two grounds",
            pair(Word::proposal(2, None, 1), Word::proposal(2, Some(0), 1)),
            None,
        ),
        case(
            "a high height",
            pair(Word { height: (1 << 53) - 1, ..vote }, Word { height: (1 << 53) - 1, ..other }),
            None,
        ),
        case("what people are told beside it is not believed", commented, None),
        case("one signature twice", pair(vote, vote), Some("same")),
        case("two rounds", pair(vote, Word::vote(Precommit, 1, Some(2))), Some("apart")),
        case("nil beside a block in another round", pair(vote, Word::vote(Precommit, 1, None)), Some("apart")),
        case("two heights", pair(vote, Word { height: 8, ..other }), Some("apart")),
        case("two members", pair(vote, Word { by: 3, ..other }), Some("apart")),
        case("a prevote and a precommit", pair(vote, Word::vote(Prevote, 0, Some(2))), Some("apart")),
        case("a vote and a proposal", pair(vote, Word::proposal(0, None, 2)), Some("apart")),
        case(
            "another ledger's vote",
            of(vote.signed(), other.signed_for(&"ledger.example/other".parse().unwrap())),
            Some("bad-signature"),
        ),
        case("the signatures swapped", swapped, Some("bad-signature")),
        case("a stranger", pair(Word { by: 9, ..vote }, Word { by: 9, ..other }), Some("unknown-member")),
        case(
            "another member's name on it",
            {
                let mut proof = pair(vote, other);
                proof["first"]["kid"] = json!(kid(3));
                proof["second"]["kid"] = json!(kid(3));
                proof
            },
            Some("bad-signature"),
        ),
        case("block 0", pair(Word { height: 0, ..vote }, Word { height: 0, ..other }), Some("genesis")),
        case("a vote that rests on a round", with("polRound", json!(0)), Some("no-vote")),
        case(
            "a proposal of no block",
            {
                let mut proof = pair(Word::proposal(1, None, 1), Word::proposal(1, None, 2));
                proof["second"]["value"] = Value::Null;
                proof
            },
            Some("no-proposal"),
        ),
        case(
            "a proposal that rests on its own round",
            {
                let mut proof = pair(Word::proposal(1, None, 1), Word::proposal(1, None, 2));
                proof["second"]["polRound"] = json!(1);
                proof
            },
            Some("no-proposal"),
        ),
        case("no value", without("value"), Some("shape")),
        case("no signature", without("signature"), Some("shape")),
        case("a short signature", with("signature", json!("AAAA")), Some("shape")),
        case("a further member", with("more", json!(1)), Some("shape")),
        case("polRound that is null", with("polRound", Value::Null), Some("shape")),
        case("a kind that there is not", with("kind", json!("Precommit")), Some("shape")),
        case("a height that is text", with("height", json!("7")), Some("shape")),
        case("a round beyond 32 bits", with("round", json!(1_u64 << 32)), Some("shape")),
        case("a kid that is no hash", with("kid", json!("me")), Some("shape")),
        case("one side alone", json!({"first": vote.signed()}), Some("shape")),
    ]
}

/// The name of a reason, as JavaScript has it.
fn reason_of(proof: &Value, anchor: &Anchor) -> Option<&'static str> {
    let side = |name: &str| serde_json::from_value::<SignedVote>(proof.get(name)?.clone()).ok();
    let (Some(first), Some(second)) = (side("first"), side("second")) else { return Some("shape") };
    let verify = |pair: Equivocation| pair.verify(&origin(), anchor.members(), &P256);
    Some(match Equivocation::of_fault(&FaultProof { first, second }).and_then(verify) {
        Ok(()) => return None,
        Err(EquivocationError::Apart) => "apart",
        Err(EquivocationError::Same) => "same",
        Err(EquivocationError::NoProposal) => "no-proposal",
        Err(EquivocationError::NoVote) => "no-vote",
        Err(EquivocationError::Genesis) => "genesis",
        Err(EquivocationError::Said(SaidError::UnknownMember { .. })) => "unknown-member",
        Err(EquivocationError::Said(SaidError::BadSignature { .. })) => "bad-signature",
    })
}

#[test]
fn the_core_says_of_each_case_what_it_proves() {
    let anchor = anchor();
    for Case { name, proof, reason } in cases() {
        assert_eq!(reason_of(&proof, &anchor), reason, "{name}");
    }
}

/// The other verifier is tested with what is made here.
#[test]
fn the_file_of_cases_is_what_is_made_here() {
    let cases: Vec<Value> = cases()
        .into_iter()
        .map(|Case { name, proof, reason }| json!({"name": name, "reason": reason, "proof": proof}))
        .collect();
    let document = json!({"anchor": anchor().to_json(), "kid": kid(2), "cases": cases});
    let made = serde_json::to_string_pretty(&document).unwrap() + "\n";
    let found = std::fs::read_to_string(CASES).unwrap_or_default();
    if made != found {
        let beside = Path::new(env!("CARGO_TARGET_TMPDIR")).join("faults.json");
        std::fs::write(&beside, &made).unwrap();
        panic!("{CASES} is not what this test makes; {} is", beside.display());
    }
}

fn check(file: &Path, anchor: &Path) -> (Option<i32>, String, String) {
    let arguments = ["faults", "--check", file.to_str().unwrap(), "--trust", anchor.to_str().unwrap()];
    let output = Command::new(env!("CARGO_BIN_EXE_sealane"))
        .args(arguments)
        .env_remove("SEALANE_DATA")
        // Nothing listens here: nothing is asked for.
        .env("SEALANE_URL", "http://127.0.0.1:1")
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_command_checks_saved_proofs_with_no_network() {
    let dir = tempfile::tempdir().unwrap();
    let anchor_file = dir.path().join("anchor.json");
    std::fs::write(&anchor_file, anchor().to_json().to_string()).unwrap();
    let checked = |document: &Value| {
        let file = dir.path().join("faults.json");
        std::fs::write(&file, document.to_string()).unwrap();
        check(&file, &anchor_file)
    };
    let all = cases();
    let proven: Vec<&Value> = all.iter().filter(|case| case.reason.is_none()).map(|case| &case.proof).collect();
    for document in [json!({"faults": proven}), json!(proven), proven[0].clone()] {
        let (code, out, errors) = checked(&document);
        assert_eq!((code, errors.as_str()), (Some(0), ""), "{out}");
        let convicted =
            format!("Member 2 ({}) is convicted: it signed two precommits at height 7, round 0: for block", kid(2));
        assert!(out.starts_with(&convicted), "{out}");
        assert!(!out.contains("Somebody else") && !out.contains("Member 1"), "{out}");
    }
    let (code, out, _) = checked(&json!({"faults": []}));
    assert_eq!((code, out.as_str()), (Some(0), "No member is known to have signed two things in one place.\n"));
    for Case { name, proof, reason } in all.iter().filter(|case| case.reason.is_some()) {
        let (code, out, errors) = checked(&json!({"faults": [proven[0], proof]}));
        assert_eq!((code, out.as_str()), (Some(4), ""), "{name}: {errors}");
        assert!(
            errors.contains("proof 2 of 2 proves nothing: ") && errors.contains("Member 2"),
            "{name}, {reason:?}: {errors}"
        );
        if *reason == Some("apart") {
            assert!(errors.contains("they are not of one member, kind, height and round"), "{name}: {errors}");
        }
    }
    for junk in [json!({}), json!({"faults": 1}), json!("faults"), json!([7])] {
        let (code, _, errors) = checked(&junk);
        assert_eq!(code, Some(4), "{junk}: {errors}");
    }
    let (code, _, errors) = check(&dir.path().join("none.json"), &anchor_file);
    assert_eq!(code, Some(2), "{errors}");
}
