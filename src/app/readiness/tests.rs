use p256::ecdsa::SigningKey;

use super::*;
use crate::app::council::CandidateStanding;
use crate::app::council::tests::member;
use crate::ports::StoredBlock;
use sealane_core::block::{Checkpoint, Commit, MemberSet, NoteSigningKey, Origin, Seal};
use sealane_core::consortium::{
    AdmitMember, Ballot, ChangeProposal, Decision, Genesis, Place, Refusal, RulesChange, member_proof_bytes,
};
use sealane_core::ledger::Rules;
use sealane_core::limits::READY_MINUTES_MAX;
use sealane_core::merkle::{LeafIndex, TreeSize};
use sealane_core::statement::{P256, PublicKey, Signature};

const MINUTE_MS: i64 = 60_000;

fn council(tips: &[Option<u64>]) -> Council {
    let member = |(at, tip): (usize, &Option<u64>)| member(&format!("Member {at}"), *tip, None, tip.is_some());
    Council { members: tips.iter().enumerate().map(member).collect(), ..Council::default() }
}

#[test]
fn a_node_is_level_if_a_quorum_is_no_further() {
    let is_level = |tips: &[Option<u64>]| is_level(Height::new(7).unwrap(), &council(tips));
    assert!(is_level(&[Some(7), Some(8), Some(10), Some(6)]));
    assert!(is_level(&[Some(7), Some(7), Some(7), None]), "one is away");
    assert!(is_level(&[Some(7), Some(7), Some(7), Some(1_000_000)]), "one says that it is far ahead");
    assert!(!is_level(&[Some(7), Some(7), Some(11), Some(11)]));
    assert!(!is_level(&[Some(7), Some(7), None, None]));
    assert!(!is_level(&[]));
}

/// A ledger of one member, as the registry has it, that takes what is said at the times of the test.
struct Told {
    registry: Registry,
    now: Timestamp,
    leaves: u64,
}

fn signing_key(seed: u8) -> SigningKey {
    SigningKey::from_slice(&[seed; 32]).unwrap()
}

fn entry(seed: u8) -> Member {
    let key = PublicKey::from(signing_key(seed).verifying_key());
    Member::new(format!("Member {seed}"), key, NoteSigningKey::from_seed(&[seed; 32]).public()).unwrap()
}

fn kid(seed: u8) -> Hash {
    entry(seed).kid()
}

fn origin() -> Origin {
    "test.example/ready".parse().unwrap()
}

impl Told {
    fn new(members: &[u8]) -> Self {
        let now = "2026-03-01T08:00:00.000Z".parse().unwrap();
        let members = MemberSet::new(members.iter().map(|seed| entry(*seed)).collect()).unwrap();
        Self { registry: Registry::new(&Genesis::new(origin(), members, Vec::new(), now)), now, leaves: 1 }
    }

    /// Puts an admin statement on the ledger; hands back what it enacts.
    fn say(&mut self, admin: &Admin, seed: u8) -> Result<Option<StatementId>, Refusal> {
        self.leaves += 1;
        let place = Place { leaf: LeafIndex::new(self.leaves).unwrap(), time: self.now };
        let id = StatementId::from_hash(Hash::of(&self.leaves.to_be_bytes()));
        let height = Height::new(self.leaves).unwrap();
        self.registry.decide(&Decision { id, admin, kid: kid(seed), place, height }, &P256)
    }

    /// Proposes changes, and hands back the proposal's id.
    fn propose(&mut self, changes: Vec<ProposedChange>, seed: u8) -> StatementId {
        let expires = self.now.plus_millis(24 * 60 * MINUTE_MS);
        self.say(&Admin::Proposal(ChangeProposal { changes, expires }), seed).unwrap();
        StatementId::from_hash(Hash::of(&self.leaves.to_be_bytes()))
    }

    fn say_ready(&mut self, proposal: StatementId, seed: u8) -> Option<StatementId> {
        let ready = Readiness { proposal, height: Height::GENESIS, root: Hash::of(b"root") };
        self.say(&Admin::Ready(ready), seed).unwrap()
    }

    /// Tells whether the node of a key has to say now that it is ready. It reaches all others.
    fn is_due(&self, proposal: StatementId, seed: u8) -> bool {
        let height = Height::GENESIS;
        let checkpoint = Checkpoint { origin: origin(), size: TreeSize::ZERO, root: Hash::of(b"root") };
        let hash = self.registry.members().hash();
        let seal = Seal {
            height,
            time: self.now,
            previous_size: TreeSize::ZERO,
            previous_root: Hash::of(b""),
            index_root: Hash::of(b""),
            members_hash: hash,
            next_members_hash: hash,
            rules: 1,
            enacted: Vec::new(),
        };
        let commit = Commit { height, round: 0, signatures: Vec::new() };
        let tip = StoredBlock { checkpoint, note: String::new(), commit, seal };
        let proposal = self.registry.proposal(&proposal).unwrap();
        let mut council = council(&vec![Some(0); self.registry.members().members().len()]);
        for (standing, member) in council.members.iter_mut().zip(self.registry.members().members()) {
            standing.kid = member.kid();
        }
        council.candidates = proposal
            .new_members()
            .iter()
            .map(|member| CandidateStanding {
                kid: member.kid(),
                name: member.name().to_owned(),
                is_self: member.kid() == kid(seed),
                reachable: true,
                tip: Some(height),
                address: None,
                trouble: None,
            })
            .collect();
        let view = View { tip, registry: Arc::new(self.registry.clone()) };
        is_due(proposal, kid(seed), kid(seed), &view, &council, self.now)
    }

    fn wait(&mut self, millis: i64) {
        self.now = self.now.plus_millis(millis);
    }
}

fn admit(seed: u8) -> ProposedChange {
    let entry = entry(seed);
    let proof = Signature::sign(&signing_key(seed), &member_proof_bytes(&origin(), &entry));
    let (name, jwk, note_key) = (entry.name().to_owned(), entry.key().clone(), entry.note_key().clone());
    ProposedChange::Admit(Box::new(AdmitMember { name, jwk, note_key, proof }))
}

fn rules(number: u32, not_before: Timestamp) -> ProposedChange {
    ProposedChange::Rules(RulesChange { number, not_before })
}

#[test]
fn a_newcomers_word_that_has_run_out_is_said_again() {
    let mut told = Told::new(&[1]);
    let proposal = told.propose(vec![admit(2), admit(3)], 1);
    assert!(told.is_due(proposal, 2) && told.is_due(proposal, 3));
    assert_eq!(told.say_ready(proposal, 2), None, "the other one is missing");
    // Once is enough for half an hour.
    assert!(!told.is_due(proposal, 2) && told.is_due(proposal, 3));
    told.wait(READY_MINUTES_MAX * MINUTE_MS);
    assert!(!told.is_due(proposal, 2));
    told.wait(1);
    assert!(told.is_due(proposal, 2), "its word has run out");
    // The late one's word alone enacts nothing: both have to be there within half an hour.
    assert_eq!(told.say_ready(proposal, 3), None);
    assert!(told.is_due(proposal, 2) && !told.is_due(proposal, 3));
    told.wait(MINUTE_MS);
    assert_eq!(told.say_ready(proposal, 2), Some(proposal));
    assert_eq!(told.registry.members().members().len(), 3);
}

#[test]
fn a_newcomer_says_nothing_before_enough_have_said_yes() {
    let mut told = Told::new(&[1, 4]);
    let proposal = told.propose(vec![admit(2)], 1);
    assert!(!told.is_due(proposal, 2));
    told.say(&Admin::Ballot(Ballot { proposal, yes: true }), 4).unwrap();
    assert!(told.is_due(proposal, 2));
    assert!(!told.is_due(proposal, 1) && !told.is_due(proposal, 4), "members are not asked");
}

#[test]
fn a_member_says_once_that_its_program_knows_the_rules() {
    let mut told = Told::new(&[1, 4]);
    let (known, unknown) = (Rules::LATEST.number(), Rules::LATEST.number() + 1);
    let proposal = told.propose(vec![rules(known, told.now)], 1);
    let beyond = told.propose(vec![rules(unknown, told.now)], 1);
    // It need not wait for the votes, and a stranger's key says nothing.
    assert!(told.is_due(proposal, 1) && told.is_due(proposal, 4) && !told.is_due(proposal, 2));
    assert!(!told.is_due(beyond, 1) && !told.is_due(beyond, 4));
    assert_eq!(told.say_ready(proposal, 4), None);
    told.wait(2 * READY_MINUTES_MAX * MINUTE_MS);
    assert!(!told.is_due(proposal, 4) && told.is_due(proposal, 1));
    assert_eq!(told.say_ready(proposal, 1), None, "the other one has not voted");
    assert_eq!(told.say(&Admin::Ballot(Ballot { proposal, yes: true }), 4), Ok(Some(proposal)));
}
