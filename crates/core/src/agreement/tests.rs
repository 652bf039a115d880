//! Bytes that round-trip and no others, and signatures in which every field counts.

use p256::ecdsa::SigningKey;
use proptest::prelude::*;

use super::*;
use crate::binary::{BinaryFault, Malformed};
use crate::block::{
    Checkpoint, Commit, CommitSignature, FinalCheckpoint, Member, NoteSigningKey, Origin, Seal, quorum,
};
use crate::consortium::Admin;
use crate::hash::Hash;
use crate::limits::{BLOCK_STATEMENTS_MAX, MEMBERS_MAX, ROUND_MAX, TREE_SIZE_MAX};
use crate::merkle::TreeSize;
use crate::statement::{P256, PublicKey, Signature};

fn key(byte: u8) -> SigningKey {
    SigningKey::from_slice(&[byte; 32]).unwrap()
}

fn kid(byte: u8) -> Hash {
    PublicKey::from(key(byte).verifying_key()).thumbprint()
}

fn members(count: u8) -> MemberSet {
    let member = |byte| {
        let note_key = NoteSigningKey::from_seed(&[byte; 32]).public();
        Member::new(format!("Member {byte}"), PublicKey::from(key(byte).verifying_key()), note_key).unwrap()
    };
    MemberSet::new((1..=count).map(member).collect()).unwrap()
}

fn origin() -> Origin {
    "ledger.example/test".parse().unwrap()
}

fn height(height: u64) -> Height {
    Height::new(height).unwrap()
}

fn value(byte: u8) -> ValueId {
    ValueId::from_hash(Hash::of(&[byte]))
}

fn vote(by: u8, kind: VoteKind, round: u32, value: Option<ValueId>) -> Vote {
    let signature = Signature::sign(&key(by), &vote_bytes(&origin(), kind, height(7), round, value));
    Vote { kind, height: height(7), round, value, signer: kid(by), signature }
}

fn proposal(by: u8, round: u32, pol_round: Option<u32>, value: ValueId) -> RoundProposal {
    let signature = Signature::sign(&key(by), &proposal_bytes(&origin(), height(7), round, pol_round, value));
    RoundProposal { height: height(7), round, pol_round, value, signer: kid(by), signature }
}

fn polka(signers: &[u8]) -> PolkaCertificate {
    let of = |by: &u8| vote(*by, VoteKind::Prevote, 2, Some(value(1)));
    let mut votes: Vec<Vote> = signers.iter().map(of).collect();
    votes.sort_by_key(|vote| vote.signer);
    let signatures = votes.iter().map(|vote| PolkaSignature { kid: vote.signer, signature: vote.signature }).collect();
    PolkaCertificate { height: height(7), round: 2, value: value(1), signatures }
}

fn round_certificate(justifies: Justification, votes: &[(u8, VoteKind, Option<ValueId>)]) -> RoundCertificate {
    let of = |(by, kind, value): &(u8, VoteKind, Option<ValueId>)| vote(*by, *kind, 2, *value);
    let mut votes: Vec<Vote> = votes.iter().map(of).collect();
    votes.sort_by_key(|vote| vote.signer);
    let signature = |vote: &Vote| RoundSignature {
        kind: vote.kind,
        value: vote.value,
        kid: vote.signer,
        signature: vote.signature,
    };
    RoundCertificate { height: height(7), round: 2, justifies, signatures: votes.iter().map(signature).collect() }
}

fn outline() -> BlockOutline {
    let seal = Seal {
        height: height(3),
        time: "2026-11-21T09:30:00.000Z".parse().unwrap(),
        previous_size: TreeSize::new(7).unwrap(),
        previous_root: Hash::of(b"before"),
        index_root: Hash::of(b"index"),
        members_hash: Hash::of(b"members"),
        next_members_hash: Hash::of(b"members"),
        rules: 1,
        enacted: Vec::new(),
    };
    BlockOutline { seal, leaves: vec![Hash::of(b"one"), Hash::of(b"two")] }
}

/// `bytes` with those from `at` on overwritten.
fn with(bytes: &[u8], at: usize, new: &[u8]) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    changed[at..at + new.len()].copy_from_slice(new);
    changed
}

const PREVOTE: VoteKind = VoteKind::Prevote;
const PRECOMMIT: VoteKind = VoteKind::Precommit;

#[test]
fn a_quorum_of_precommits_is_the_commit() {
    let checkpoint = Checkpoint { origin: origin(), size: TreeSize::new(9).unwrap(), root: Hash::of(b"root") };
    let voted = Some(ValueId::of(&checkpoint));
    let entry = |by| {
        let vote = vote(by, PRECOMMIT, 4, voted);
        CommitSignature::es256(vote.signer, vote.signature)
    };
    let commit = Commit { height: height(7), round: 4, signatures: vec![entry(1), entry(2), entry(3)] };
    FinalCheckpoint::verify(checkpoint, commit, &members(4), &P256).unwrap();
}

#[test]
fn every_field_of_a_vote_is_signed() {
    let set = members(4);
    let good = [
        vote(1, PREVOTE, 5, Some(value(1))),
        vote(1, PREVOTE, 5, None),
        vote(1, PRECOMMIT, 5, Some(value(1))),
        vote(1, PRECOMMIT, 5, None),
    ];
    let lengths: Vec<usize> = good.iter().map(|vote| vote.signed_bytes(&origin()).len()).collect();
    assert_eq!(lengths, [94; 4]);
    for vote in good {
        assert_eq!(vote.verify(&origin(), &set, &P256), Ok(()));
        let other = if vote.kind == PREVOTE { PRECOMMIT } else { PREVOTE };
        let zero = Some(ValueId::from_hash(Hash::from_bytes([0; 32])));
        for wrong in [
            Vote { kind: other, ..vote },
            Vote { height: height(8), ..vote },
            Vote { round: 6, ..vote },
            Vote { round: 5 << 8, ..vote },
            Vote { value: Some(value(2)), ..vote },
            Vote { value: zero, ..vote },
            Vote { value: if vote.value.is_some() { None } else { Some(value(1)) }, ..vote },
            Vote { signer: kid(2), ..vote },
            Vote { signature: Signature::from_bytes([1; 64]), ..vote },
        ] {
            let fault = SaidError::BadSignature { kid: wrong.signer };
            assert_eq!(wrong.verify(&origin(), &set, &P256), Err(fault), "{wrong:?}");
        }
        let elsewhere = "ledger.example/other".parse().unwrap();
        assert!(vote.verify(&elsewhere, &set, &P256).is_err());
        let fault = SaidError::UnknownMember { kid: kid(5) };
        assert_eq!(Vote { signer: kid(5), ..vote }.verify(&origin(), &set, &P256), Err(fault));
    }
}

#[test]
fn every_field_of_a_proposal_is_signed() {
    let set = members(4);
    for good in [proposal(1, 5, None, value(1)), proposal(1, 5, Some(0), value(1))] {
        assert_eq!(good.signed_bytes(&origin()).len(), 104);
        assert_eq!(good.verify(&origin(), &set, &P256), Ok(()));
        for wrong in [
            RoundProposal { height: height(8), ..good },
            RoundProposal { round: 6, ..good },
            RoundProposal { pol_round: if good.pol_round.is_some() { None } else { Some(0) }, ..good },
            RoundProposal { pol_round: Some(1), ..good },
            RoundProposal { value: value(2), ..good },
            RoundProposal { signer: kid(2), ..good },
            RoundProposal { signature: Signature::from_bytes([1; 64]), ..good },
        ] {
            let fault = SaidError::BadSignature { kid: wrong.signer };
            assert_eq!(wrong.verify(&origin(), &set, &P256), Err(fault), "{wrong:?}");
        }
        let elsewhere = "ledger.example/other".parse().unwrap();
        assert!(good.verify(&elsewhere, &set, &P256).is_err());
        assert!(RoundProposal { signer: kid(5), ..good }.verify(&origin(), &set, &P256).is_err());
    }
}

#[test]
fn no_bytes_are_signed_as_two_things() {
    // Where two of them had the same bytes, one signature would be two votes.
    let mut all = Vec::new();
    for kind in [PREVOTE, PRECOMMIT] {
        for voted in [None, Some(value(1)), Some(ValueId::from_hash(Hash::from_bytes([0; 32])))] {
            all.push(vote_bytes(&origin(), kind, height(1), 0, voted));
        }
    }
    all.push(proposal_bytes(&origin(), height(1), 0, None, value(1)));
    all.push(proposal_bytes(&origin(), height(1), 1, Some(0), value(1)));
    let count = all.len();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), count);
    assert!(all.iter().all(|bytes| bytes.starts_with(b"sealane/")));
}

#[test]
fn the_turn_goes_round() {
    let set = members(4);
    let kids: Vec<Hash> = set.members().map(Member::kid).collect();
    let turn = |at, round| proposer_of(&set, height(at), round).kid();
    for (at, round, expected) in [(4, 0, 0), (4, 1, 1), (5, 0, 1), (6, 1, 3), (7, 1, 0), (TREE_SIZE_MAX, 2, 1)] {
        assert_eq!(turn(at, round), kids[expected], "height {at}, round {round}");
    }
    assert_eq!(proposer_of(&members(1), height(9), 3).kid(), kid(1));
}

#[test]
fn one_honest_member_is_among_more_than_a_third() {
    assert_eq!((1..=10).map(honest_one).collect::<Vec<_>>(), [1, 1, 2, 2, 2, 3, 3, 3, 4, 4]);
    for count in 1..=MEMBERS_MAX {
        assert!(3 * honest_one(count) > count && 3 * (honest_one(count) - 1) <= count);
    }
}

#[test]
fn a_polka_is_a_quorum_of_prevotes_for_one_block() {
    let (set, origin) = (members(4), origin());
    let check = |certificate: &PolkaCertificate| certificate.verify(&origin, &set, &P256);
    assert_eq!(check(&polka(&[1, 2, 3])), Ok(()));
    assert_eq!(check(&polka(&[1, 2])), Err(CertificateFault::TooFew { found: 2, needed: quorum(4), members: 4 }));
    assert_eq!(check(&polka(&[1, 2, 3, 5])), Err(CertificateFault::Said(SaidError::UnknownMember { kid: kid(5) })));
    let mut twice = polka(&[1, 2]);
    twice.signatures.insert(1, twice.signatures[0]);
    assert_eq!(check(&twice), Err(CertificateFault::Twice { kid: twice.signatures[0].kid }));
    for wrong in [
        PolkaCertificate { height: height(8), ..polka(&[1, 2, 3]) },
        PolkaCertificate { round: 3, ..polka(&[1, 2, 3]) },
        PolkaCertificate { value: value(2), ..polka(&[1, 2, 3]) },
    ] {
        assert!(matches!(check(&wrong), Err(CertificateFault::Said(SaidError::BadSignature { .. }))), "{wrong:?}");
    }
    // Precommits for the block are no prevotes for it.
    let mut other = polka(&[1, 2, 3, 4]);
    let at = other.signatures.iter().position(|one| one.kid == kid(4)).unwrap();
    other.signatures[at].signature = vote(4, PRECOMMIT, 2, Some(value(1))).signature;
    assert!(matches!(check(&other), Err(CertificateFault::Said(SaidError::BadSignature { .. }))));
}

#[test]
fn a_round_is_entered_behind_an_honest_member_and_left_by_a_quorum() {
    let (set, origin) = (members(4), origin());
    let check = |certificate: &RoundCertificate| certificate.verify(&origin, &set, &P256);
    let mixed = [(1, PREVOTE, None), (2, PRECOMMIT, Some(value(1)))];
    assert_eq!(check(&round_certificate(Justification::Enter, &mixed)), Ok(()));
    let few = CertificateFault::TooFew { found: 1, needed: 2, members: 4 };
    assert_eq!(check(&round_certificate(Justification::Enter, &mixed[..1])), Err(few));
    let precommits = [(1, PRECOMMIT, None), (2, PRECOMMIT, Some(value(1))), (3, PRECOMMIT, Some(value(2)))];
    let good = round_certificate(Justification::Leave, &precommits);
    assert_eq!(check(&good), Ok(()));
    let few = CertificateFault::TooFew { found: 2, needed: 3, members: 4 };
    assert_eq!(check(&round_certificate(Justification::Leave, &precommits[..2])), Err(few));
    let mut prevote = precommits;
    prevote[1].1 = PREVOTE;
    let fault = CertificateFault::NoPrecommit { kid: kid(2) };
    assert_eq!(check(&round_certificate(Justification::Leave, &prevote)), Err(fault));
    let mut twice = round_certificate(Justification::Enter, &mixed[..1]);
    twice.signatures.push(twice.signatures[0]);
    assert_eq!(check(&twice), Err(CertificateFault::Twice { kid: kid(1) }));
    for wrong in [
        RoundCertificate { height: height(8), ..good.clone() },
        RoundCertificate { round: 3, ..good.clone() },
        RoundCertificate {
            signatures: good.signatures.iter().map(|one| RoundSignature { value: None, ..*one }).collect(),
            ..good.clone()
        },
    ] {
        assert!(matches!(check(&wrong), Err(CertificateFault::Said(SaidError::BadSignature { .. }))), "{wrong:?}");
    }
}

#[test]
fn two_votes_of_one_place_convict_who_signed_both() {
    let (set, origin) = (members(4), origin());
    let check = |pair: &Equivocation| pair.verify(&origin, &set, &P256);
    let pairs = [
        Equivocation::Votes(vote(1, PREVOTE, 2, Some(value(1))), vote(1, PREVOTE, 2, Some(value(2)))),
        Equivocation::Votes(vote(1, PREVOTE, 2, None), vote(1, PREVOTE, 2, Some(value(2)))),
        Equivocation::Votes(vote(1, PRECOMMIT, 2, Some(value(1))), vote(1, PRECOMMIT, 2, None)),
        Equivocation::Proposals(proposal(1, 2, None, value(1)), proposal(1, 2, None, value(2))),
        Equivocation::Proposals(proposal(1, 2, None, value(1)), proposal(1, 2, Some(1), value(1))),
    ];
    for pair in pairs {
        assert_eq!(check(&pair), Ok(()), "{pair:?}");
        assert_eq!((pair.signer(), pair.height(), pair.round()), (kid(1), height(7), 2));
        let proof = pair.to_fault();
        assert_eq!(Equivocation::of_fault(&proof), Ok(pair));
        // The ledger's own reader takes it too.
        let json = serde_json::to_vec(&Admin::Fault(Box::new(proof.clone()))).unwrap();
        assert_eq!(Admin::parse(&json).unwrap(), Admin::Fault(Box::new(proof)));
    }
    let (one, other) = (vote(1, PREVOTE, 2, Some(value(1))), vote(1, PREVOTE, 2, Some(value(2))));
    for apart in [
        Equivocation::Votes(one, vote(2, PREVOTE, 2, Some(value(2)))),
        Equivocation::Votes(one, vote(1, PREVOTE, 3, Some(value(2)))),
        Equivocation::Votes(one, vote(1, PRECOMMIT, 2, Some(value(2)))),
        Equivocation::Votes(one, Vote { height: height(8), ..other }),
        Equivocation::Proposals(proposal(1, 2, None, value(1)), proposal(1, 3, None, value(2))),
        Equivocation::Proposals(proposal(1, 2, None, value(1)), proposal(2, 2, None, value(2))),
    ] {
        assert_eq!(check(&apart), Err(EquivocationError::Apart), "{apart:?}");
    }
    assert_eq!(check(&Equivocation::Votes(one, one)), Err(EquivocationError::Same));
    let twice = proposal(1, 2, None, value(1));
    assert_eq!(check(&Equivocation::Proposals(twice, twice)), Err(EquivocationError::Same));
    let forged = Vote { signature: one.signature, ..other };
    let fault = EquivocationError::Said(SaidError::BadSignature { kid: kid(1) });
    assert_eq!(check(&Equivocation::Votes(one, forged)), Err(fault.clone()));
    assert_eq!(check(&Equivocation::Votes(forged, one)), Err(fault.clone()));
    let said = proposal(1, 2, None, value(1));
    let forged = RoundProposal { value: value(2), ..said };
    assert_eq!(check(&Equivocation::Proposals(said, forged)), Err(fault.clone()));
    assert_eq!(check(&Equivocation::Proposals(forged, said)), Err(fault));
}

#[test]
fn a_fault_on_the_ledger_is_two_votes_or_two_proposals() {
    let pair = Equivocation::Votes(vote(1, PREVOTE, 2, None), vote(1, PREVOTE, 2, Some(value(2))));
    let proposals = Equivocation::Proposals(proposal(1, 2, None, value(1)), proposal(1, 2, None, value(2)));
    let (votes, proposals) = (pair.to_fault(), proposals.to_fault());
    let mut mixed = votes.clone();
    mixed.second = proposals.first.clone();
    assert_eq!(Equivocation::of_fault(&mixed), Err(EquivocationError::Apart));
    let mut resting = votes;
    resting.first.pol_round = Some(1);
    assert_eq!(Equivocation::of_fault(&resting), Err(EquivocationError::NoVote));
    let mut empty = proposals.clone();
    empty.second.value = None;
    assert_eq!(Equivocation::of_fault(&empty), Err(EquivocationError::NoProposal));
    let mut later = proposals;
    later.first.pol_round = Some(2);
    assert_eq!(Equivocation::of_fault(&later), Err(EquivocationError::NoProposal));
}

#[test]
fn a_malformed_vote_is_refused() {
    let good = vote(1, PREVOTE, 2, Some(value(1))).to_bytes();
    assert_eq!(good.len(), Vote::LEN);
    let at = |offset, fault| Err(AgreementBytesError::Malformed(Malformed { offset, fault }));
    let unknown = |what, found| BinaryFault::Unknown { what, found };
    assert_eq!(Vote::parse(&good[..141]), at(78, BinaryFault::Short));
    assert_eq!(Vote::parse(&[&good[..], &[0]].concat()), at(142, BinaryFault::Trailing));
    assert_eq!(Vote::parse(&with(&good, 0, &[2])), at(0, unknown("kind of vote", 2)));
    assert_eq!(Vote::parse(&with(&good, 1, &[0; 8])), Err(AgreementBytesError::Genesis));
    let high = with(&good, 1, &(TREE_SIZE_MAX + 1).to_be_bytes());
    assert!(matches!(Vote::parse(&high), Err(AgreementBytesError::Height(_))));
    let late = with(&good, 9, &(ROUND_MAX + 1).to_be_bytes());
    assert_eq!(Vote::parse(&late), Err(AgreementBytesError::Round { found: ROUND_MAX + 1 }));
    assert_eq!(Vote::parse(&with(&good, 13, &[2])), at(13, unknown("value or no value", 2)));
    assert_eq!(Vote::parse(&with(&good, 13, &[0])), Err(AgreementBytesError::NilValue));
}

#[test]
fn a_malformed_proposal_is_refused() {
    let good = proposal(1, 2, Some(1), value(1)).to_bytes();
    assert_eq!(good.len(), RoundProposal::LEN);
    let at = |offset, fault| Err(AgreementBytesError::Malformed(Malformed { offset, fault }));
    assert_eq!(RoundProposal::parse(&good[..147]), at(84, BinaryFault::Short));
    assert_eq!(RoundProposal::parse(&[&good[..], &[0]].concat()), at(148, BinaryFault::Trailing));
    assert_eq!(RoundProposal::parse(&with(&good, 0, &[0; 8])), Err(AgreementBytesError::Genesis));
    let late = with(&good, 8, &u32::MAX.to_be_bytes());
    assert_eq!(RoundProposal::parse(&late), Err(AgreementBytesError::Round { found: u32::MAX }));
    for found in [2_i64, 3, -2, i64::MIN, i64::MAX, 1 << 32] {
        let wrong = with(&good, 12, &found.to_be_bytes());
        assert_eq!(RoundProposal::parse(&wrong), Err(AgreementBytesError::PolRound { found, round: 2 }));
    }
}

#[test]
fn a_malformed_certificate_is_refused() {
    let good = polka(&[1, 2, 3]).to_bytes();
    assert_eq!(PolkaCertificate::parse(&with(&good, 44, &[0])), Err(AgreementBytesError::Signatures { found: 0 }));
    assert_eq!(PolkaCertificate::parse(&with(&good, 44, &[101])), Err(AgreementBytesError::Signatures { found: 101 }));
    assert!(matches!(PolkaCertificate::parse(&with(&good, 44, &[4])), Err(AgreementBytesError::Malformed(_))));
    assert!(matches!(PolkaCertificate::parse(&with(&good, 44, &[2])), Err(AgreementBytesError::Malformed(_))));
    let mut order = polka(&[1, 2, 3]);
    order.signatures.swap(0, 1);
    let late = order.signatures[1].kid;
    assert_eq!(PolkaCertificate::parse(&order.to_bytes()), Err(AgreementBytesError::Order { kid: late }));
    order.signatures[0] = order.signatures[1];
    assert_eq!(PolkaCertificate::parse(&order.to_bytes()), Err(AgreementBytesError::Order { kid: late }));

    let good = round_certificate(Justification::Leave, &[(1, PRECOMMIT, None), (2, PRECOMMIT, None)]).to_bytes();
    let fault = BinaryFault::Unknown { what: "reason to change the round", found: 2 };
    let fault = AgreementBytesError::Malformed(Malformed { offset: 12, fault });
    assert_eq!(RoundCertificate::parse(&with(&good, 12, &[2])), Err(fault));
    assert_eq!(RoundCertificate::parse(&with(&good, 13, &[0])), Err(AgreementBytesError::Signatures { found: 0 }));
    let prevote = RoundCertificate::parse(&with(&good, 14, &[0]));
    assert!(matches!(prevote, Err(AgreementBytesError::NoPrecommit { .. })));
    // To enter a round a prevote will do.
    RoundCertificate::parse(&with(&with(&good, 14, &[0]), 12, &[0])).unwrap();
    assert_eq!(
        RoundCertificate::parse(&with(&good, 15, &[1])).unwrap().signatures[0].value.unwrap().hash().as_bytes(),
        &[0; 32]
    );
}

#[test]
fn a_malformed_outline_is_refused() {
    let good = outline().to_bytes();
    assert_eq!(BlockOutline::parse(&good), Ok(outline()));
    let seal = outline().seal.to_json().len();
    for found in [0, LEAF_TOO_LONG, u32::MAX] {
        let wrong = with(&good, 0, &found.to_be_bytes());
        assert_eq!(BlockOutline::parse(&wrong), Err(AgreementBytesError::SealLength { found }));
    }
    assert!(matches!(BlockOutline::parse(&with(&good, 4, b"[")), Err(AgreementBytesError::Seal(_))));
    let found = BLOCK_STATEMENTS_MAX as u32 + 1;
    let wrong = with(&good, 4 + seal, &found.to_be_bytes());
    assert_eq!(BlockOutline::parse(&wrong), Err(AgreementBytesError::Leaves { found }));
    for found in [1_u32, 3] {
        let wrong = with(&good, 4 + seal, &found.to_be_bytes());
        assert!(matches!(BlockOutline::parse(&wrong), Err(AgreementBytesError::Malformed(_))), "{found}");
    }
    let mut genesis = outline();
    genesis.seal.height = Height::GENESIS;
    (genesis.seal.previous_size, genesis.seal.previous_root) = (TreeSize::ZERO, Hash::of(b""));
    assert_eq!(BlockOutline::parse(&genesis.to_bytes()), Err(AgreementBytesError::Genesis));
}

const LEAF_TOO_LONG: u32 = crate::limits::LEAF_BYTES_MAX as u32 + 1;

#[test]
fn a_message_is_of_a_kind_that_is_known() {
    let said = Said::Round(round_certificate(Justification::Enter, &[(1, PREVOTE, None)]));
    assert_eq!((said.height(), said.round()), (height(7), 2));
    let fault = BinaryFault::Unknown { what: "kind of message", found: 4 };
    let fault = Err(AgreementBytesError::Malformed(Malformed { offset: 0, fault }));
    assert_eq!(Said::parse(&with(&said.to_bytes(), 0, &[4])), fault);
    assert!(Said::parse(&[&said.to_bytes()[..], &[0]].concat()).is_err());
    assert!(Said::parse(&[]).is_err());
}

#[test]
fn a_malformed_entry_of_a_log_is_refused() {
    let at = |offset, fault| Err(AgreementBytesError::Malformed(Malformed { offset, fault }));
    let unknown = |what, found| BinaryFault::Unknown { what, found };
    assert_eq!(Logged::parse(&[]), at(0, BinaryFault::Short));
    assert_eq!(Logged::parse(&[6]), at(0, unknown("entry of a vote log", 6)));
    assert_eq!(Logged::parse(&[3, 3, 0, 0, 0, 0]), at(1, unknown("timer that is logged", 3)));
    assert_eq!(Logged::parse(&[3, 0, 0, 0, 0, 0, 0]), at(6, BinaryFault::Trailing));
    let one = LoggedValue { round: 1, valid_round: Some(0), proposer: kid(1), value: value(1), valid: true };
    let good = Logged::Value(one).to_bytes();
    let end = good.len() - 1;
    assert_eq!(Logged::parse(&with(&good, end, &[2])), at(end, unknown("validity", 2)));
    let body = Logged::Body { value: value(1), bytes: vec![7] }.to_bytes();
    assert_eq!(Logged::parse(&body[..33]), Err(AgreementBytesError::Body { found: 0 }));
    let found = crate::limits::LOGGED_BODY_BYTES_MAX + 1;
    let long = Logged::Body { value: value(1), bytes: vec![7; found] }.to_bytes();
    assert_eq!(Logged::parse(&long), Err(AgreementBytesError::Body { found }));
}

fn any_hash() -> impl Strategy<Value = Hash> {
    any::<[u8; 32]>().prop_map(Hash::from_bytes)
}

fn any_value() -> impl Strategy<Value = ValueId> {
    any_hash().prop_map(ValueId::from_hash)
}

fn any_signature() -> impl Strategy<Value = Signature> {
    prop::collection::vec(any::<u8>(), 64).prop_map(|bytes| Signature::from_slice(&bytes).unwrap())
}

fn any_kind() -> impl Strategy<Value = VoteKind> {
    prop_oneof![Just(PREVOTE), Just(PRECOMMIT)]
}

fn any_height() -> impl Strategy<Value = Height> {
    (1..=TREE_SIZE_MAX).prop_map(height)
}

fn any_vote() -> impl Strategy<Value = Vote> {
    let parts = (any_kind(), any_height(), 0..=ROUND_MAX, prop::option::of(any_value()), any_hash(), any_signature());
    parts.prop_map(|(kind, height, round, value, signer, signature)| Vote {
        kind,
        height,
        round,
        value,
        signer,
        signature,
    })
}

fn any_rounds() -> impl Strategy<Value = (u32, Option<u32>)> {
    (1..=ROUND_MAX).prop_flat_map(|round| (Just(round), prop::option::of(0..round)))
}

fn any_proposal() -> impl Strategy<Value = RoundProposal> {
    (any_height(), any_rounds(), any_value(), any_hash(), any_signature()).prop_map(
        |(height, (round, pol_round), value, signer, signature)| RoundProposal {
            height,
            round,
            pol_round,
            value,
            signer,
            signature,
        },
    )
}

fn any_polka() -> impl Strategy<Value = PolkaCertificate> {
    let signatures = prop::collection::btree_map(any_hash(), any_signature(), 1..MEMBERS_MAX);
    (any_height(), 0..=ROUND_MAX, any_value(), signatures).prop_map(|(height, round, value, signatures)| {
        let signature = |(kid, signature)| PolkaSignature { kid, signature };
        PolkaCertificate { height, round, value, signatures: signatures.into_iter().map(signature).collect() }
    })
}

fn any_round_certificate() -> impl Strategy<Value = RoundCertificate> {
    let vote = (any_kind(), prop::option::of(any_value()), any_signature());
    let signatures = prop::collection::btree_map(any_hash(), vote, 1..MEMBERS_MAX);
    (any_height(), 0..=ROUND_MAX, any::<bool>(), signatures).prop_map(|(height, round, leave, signatures)| {
        let of = |(kid, (kind, value, signature))| {
            let kind = if leave { PRECOMMIT } else { kind };
            RoundSignature { kind, value, kid, signature }
        };
        let justifies = if leave { Justification::Leave } else { Justification::Enter };
        RoundCertificate { height, round, justifies, signatures: signatures.into_iter().map(of).collect() }
    })
}

fn any_said() -> impl Strategy<Value = Said> {
    prop_oneof![
        any_vote().prop_map(Said::Vote),
        any_proposal().prop_map(Said::Proposal),
        any_polka().prop_map(Said::Polka),
        any_round_certificate().prop_map(Said::Round),
    ]
}

fn any_logged() -> impl Strategy<Value = Logged> {
    let timer = prop_oneof![Just(TimerKind::Propose), Just(TimerKind::Prevote), Just(TimerKind::Precommit)];
    prop_oneof![
        any_vote().prop_map(Logged::Vote),
        any_proposal().prop_map(Logged::Proposal),
        any_polka().prop_map(Logged::Polka),
        (timer, 0..=ROUND_MAX).prop_map(|(kind, round)| Logged::Timeout(Timer { kind, round })),
        (any_rounds(), any_hash(), any_value(), any::<bool>()).prop_map(
            |((round, valid_round), proposer, value, valid)| {
                Logged::Value(LoggedValue { round, valid_round, proposer, value, valid })
            }
        ),
        (any_value(), prop::collection::vec(any::<u8>(), 1..300))
            .prop_map(|(value, bytes)| Logged::Body { value, bytes }),
    ]
}

proptest! {
    #[test]
    fn what_was_written_is_read(
        vote in any_vote(),
        proposal in any_proposal(),
        polka in any_polka(),
        round in any_round_certificate(),
        logged in any_logged(),
        said in any_said(),
        leaves in prop::collection::vec(any_hash(), 0..50),
    ) {
        prop_assert_eq!(Vote::parse(&vote.to_bytes()), Ok(vote));
        prop_assert_eq!(RoundProposal::parse(&proposal.to_bytes()), Ok(proposal));
        prop_assert_eq!(PolkaCertificate::parse(&polka.to_bytes()), Ok(polka));
        prop_assert_eq!(RoundCertificate::parse(&round.to_bytes()), Ok(round));
        prop_assert_eq!(Logged::parse(&logged.to_bytes()), Ok(logged));
        prop_assert_eq!(Said::parse(&said.to_bytes()), Ok(said));
        let outline = BlockOutline { leaves, ..outline() };
        prop_assert_eq!(BlockOutline::parse(&outline.to_bytes()), Ok(outline));
    }

    /// There is one way to write each thing: bytes that are read are those that would be written.
    #[test]
    fn what_is_read_is_written_so(logged in any_logged(), at: prop::sample::Index, byte: u8) {
        let mut bytes = logged.to_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(read) = Logged::parse(&bytes) {
            prop_assert_eq!(read.to_bytes(), bytes);
        }
    }

    #[test]
    fn what_is_cut_short_is_refused(vote in any_vote(), polka in any_polka(), round in any_round_certificate(), at: prop::sample::Index) {
        let cut = |bytes: Vec<u8>| bytes[..at.index(bytes.len())].to_vec();
        prop_assert!(Vote::parse(&cut(vote.to_bytes())).is_err());
        prop_assert!(PolkaCertificate::parse(&cut(polka.to_bytes())).is_err());
        prop_assert!(RoundCertificate::parse(&cut(round.to_bytes())).is_err());
        prop_assert!(BlockOutline::parse(&cut(outline().to_bytes())).is_err());
    }
}
