//! The port's contract, one call after another.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use sealane::bft::MalachiteAgreement;
use sealane::ports::{Act, Agreement, AgreementError, MemberSigner, Patience};
use sealane_core::agreement::{
    Justification, Logged, LoggedValue, RoundCertificate, RoundProposal, RoundSignature, Said, Timer, TimerKind,
    ValueId, Vote, VoteKind, proposer_of,
};
use sealane_core::block::{Height, MemberSet};
use sealane_core::hash::Hash;
use sealane_core::statement::Signature;

use crate::keys::{KeyedHashes, ORIGIN, SimulatedKey, consortium};

const PREVOTE: VoteKind = VoteKind::Prevote;
const PRECOMMIT: VoteKind = VoteKind::Precommit;

/// Four members, of which one is looked at; height 4 is the turn of member 0 in round 0.
struct Four {
    keys: Vec<Arc<SimulatedKey>>,
    members: MemberSet,
    one: MalachiteAgreement,
}

fn height(height: u64) -> Height {
    Height::new(height).unwrap()
}

fn value(byte: u8) -> ValueId {
    ValueId::from_hash(Hash::of(&[byte]))
}

impl Four {
    /// Looks at a member, which stands on block 3.
    fn at(number: usize) -> Self {
        let (keys, members) = consortium(4);
        let signer: Arc<dyn MemberSigner> = keys[number].clone();
        let verifier = Arc::new(KeyedHashes::new(false));
        let mut one = MalachiteAgreement::new(ORIGIN.clone(), signer, verifier, Patience::default());
        assert_eq!(one.stand(height(3), &members), []);
        Self { keys, members, one }
    }

    fn begin(&mut self, replay: Vec<Logged>) -> Result<Vec<Act>, AgreementError> {
        self.one.begin(height(4), &self.members, replay)
    }

    fn vote(&self, by: usize, kind: VoteKind, at: u64, round: u32, value: Option<ValueId>) -> Vote {
        let (signer, signature) = (self.keys[by].kid(), Signature::from_bytes([0; 64]));
        let mut vote = Vote { kind, height: height(at), round, value, signer, signature };
        vote.signature = self.keys[by].sign(&vote.signed_bytes(&ORIGIN));
        vote
    }

    fn proposal(&self, by: usize, round: u32, value: ValueId) -> RoundProposal {
        let (signer, signature) = (self.keys[by].kid(), Signature::from_bytes([0; 64]));
        let mut proposal = RoundProposal { height: height(4), round, pol_round: None, value, signer, signature };
        proposal.signature = self.keys[by].sign(&proposal.signed_bytes(&ORIGIN));
        proposal
    }

    fn hear(&mut self, from: usize, said: Said) -> Vec<Act> {
        let from = self.keys[from].kid();
        self.one.hear(from, said).unwrap()
    }
}

/// The votes that acts say.
fn votes(acts: &[Act]) -> Vec<(VoteKind, u32, Option<ValueId>)> {
    let vote = |act: &Act| match act {
        Act::Say(Said::Vote(vote)) => Some((vote.kind, vote.round, vote.value)),
        _ => None,
    };
    acts.iter().filter_map(vote).collect()
}

fn wake(acts: &[Act], kind: TimerKind) -> Option<(u32, Duration)> {
    acts.iter().rev().find_map(|act| match act {
        Act::Wake(timer, after) if timer.kind == kind => Some((timer.round, *after)),
        _ => None,
    })
}

#[test]
fn the_turn_is_the_same_for_the_library() {
    for number in 0..4 {
        for at in 4..8 {
            let mut four = Four::at(number);
            let acts = four.one.begin(height(at), &four.members, Vec::new()).unwrap();
            let mine = proposer_of(&four.members, height(at), 0).kid() == four.keys[number].kid();
            assert_eq!(acts.contains(&Act::Build { round: 0 }), mine, "member {number} at height {at}");
        }
    }
}

#[test]
fn a_word_is_logged_before_it_is_said() {
    let mut four = Four::at(0);
    four.begin(Vec::new()).unwrap();
    let acts = four.one.propose(0, value(1)).unwrap();
    let logged: Vec<usize> = (0..acts.len()).filter(|at| matches!(acts[*at], Act::Log(_))).collect();
    assert_eq!(logged.len(), 3, "a value, a proposal and a vote: {acts:?}");
    for (at, act) in acts.iter().enumerate() {
        let Act::Say(said) = act else { continue };
        let entry = match said {
            Said::Vote(vote) => Logged::Vote(*vote),
            Said::Proposal(proposal) => Logged::Proposal(*proposal),
            _ => panic!("{said:?}"),
        };
        assert!(acts[..at].contains(&Act::Log(entry)), "{acts:?}");
    }
    assert!(acts.contains(&Act::Show { to: None, value: value(1) }));
    assert_eq!(votes(&acts), [(PREVOTE, 0, Some(value(1)))]);
}

#[test]
fn a_block_is_wanted_and_its_vote_follows_what_is_found() {
    for (valid, expected) in [(true, Some(value(1))), (false, None)] {
        let mut four = Four::at(1);
        four.begin(Vec::new()).unwrap();
        let proposal = four.proposal(0, 0, value(1));
        let acts = four.hear(2, Said::Proposal(proposal));
        let wanted: Vec<_> =
            acts.iter().filter_map(|act| if let Act::Want(one) = act { Some(one) } else { None }).collect();
        assert_eq!(wanted.len(), 1, "{acts:?}");
        assert_eq!((wanted[0].value, wanted[0].round, &wanted[0].holders), (value(1), 0, &vec![four.keys[0].kid()]));
        let acts = four.one.check(0, value(1), valid).unwrap();
        assert_eq!(votes(&acts), [(PREVOTE, 0, expected)]);
    }
}

#[test]
fn what_does_not_hold_is_dropped() {
    let mut four = Four::at(1);
    four.begin(Vec::new()).unwrap();
    let good = four.vote(2, PREVOTE, 4, 0, None);
    let others_turn = four.proposal(2, 0, value(1));
    let forged = RoundProposal { value: value(2), ..four.proposal(0, 0, value(1)) };
    for junk in [
        Said::Vote(Vote { signature: Signature::from_bytes([1; 64]), ..good }),
        Said::Vote(Vote { signer: four.keys[3].kid(), ..good }),
        Said::Vote(Vote { signer: Hash::of(b"stranger"), ..good }),
        Said::Vote(four.vote(2, PREVOTE, 4, 11, None)),
        Said::Vote(four.vote(2, PREVOTE, 3, 0, None)),
        Said::Proposal(others_turn),
        Said::Proposal(forged),
    ] {
        assert_eq!(four.hear(2, junk.clone()), [], "{junk:?}");
    }
    assert_eq!(four.one.words(), 0);
    assert_eq!(four.hear(2, Said::Vote(good)), [Act::Log(Logged::Vote(good))]);
    assert_eq!(four.hear(3, Said::Vote(good)), [], "each once");
    assert_eq!(four.one.words(), 1);
}

#[test]
fn two_words_of_one_member_are_told_at_once() {
    let mut four = Four::at(1);
    four.begin(Vec::new()).unwrap();
    let pair = [None, Some(value(1))].map(|voted| four.vote(2, PREVOTE, 4, 0, voted));
    four.hear(2, Said::Vote(pair[0]));
    let acts = four.hear(3, Said::Vote(pair[1]));
    let faults: Vec<_> = acts.iter().filter(|act| matches!(act, Act::Faults(_))).collect();
    assert_eq!(faults.len(), 1, "{acts:?}");
    let third = four.vote(2, PREVOTE, 4, 0, Some(value(2)));
    assert_eq!(four.hear(3, Said::Vote(third)), [], "a third shows nothing more");
}

#[test]
fn others_at_a_height_wake_this_member() {
    let mut four = Four::at(1);
    let first = four.vote(2, PREVOTE, 4, 0, None);
    let second = four.vote(3, PREVOTE, 4, 0, None);
    assert_eq!(four.hear(2, Said::Vote(first)), [], "one may lie");
    assert_eq!(four.hear(2, Said::Vote(second)), [], "and speak for others");
    assert_eq!(four.hear(3, Said::Vote(second)), [Act::Begin(height(4))]);
    let acts = four.begin(Vec::new()).unwrap();
    let heard = [first, second].map(|vote| Act::Log(Logged::Vote(vote)));
    assert!(heard.iter().all(|act| acts.contains(act)), "what was kept is taken: {acts:?}");
}

#[test]
fn others_at_a_height_under_way_are_told_of_once() {
    let mut four = Four::at(1);
    assert!(!four.begin(Vec::new()).unwrap().contains(&Act::Begin(height(4))));
    let own = four.one.time_out(Timer { kind: TimerKind::Propose, round: 0 }).unwrap();
    assert!(!own.contains(&Act::Begin(height(4))), "its own vote is no other's");
    let told = [2, 3, 0].map(|by| {
        let vote = four.vote(by, PREVOTE, 4, 0, None);
        four.hear(by, Said::Vote(vote)).contains(&Act::Begin(height(4)))
    });
    assert_eq!(told, [false, true, false]);
}

#[test]
fn what_was_said_is_said_again_until_the_end() {
    let mut four = Four::at(1);
    let acts = four.begin(Vec::new()).unwrap();
    let patience = Patience::default();
    assert_eq!(wake(&acts, TimerKind::Rebroadcast), Some((0, patience.rebroadcast)));
    let own = four.one.time_out(Timer { kind: TimerKind::Propose, round: 0 }).unwrap();
    let Some(Act::Say(vote)) = own.iter().find(|act| matches!(act, Act::Say(_))) else { panic!("{own:?}") };
    for _ in 0..3 {
        let acts = four.one.time_out(Timer { kind: TimerKind::Rebroadcast, round: 0 }).unwrap();
        assert!(acts.contains(&Act::Repeat { to: None, said: vote.clone() }), "{acts:?}");
        assert_eq!(wake(&acts, TimerKind::Rebroadcast), Some((0, patience.rebroadcast)));
    }
    // One that was not set does nothing.
    assert_eq!(four.one.time_out(Timer { kind: TimerKind::Rebroadcast, round: 1 }), Ok(Vec::new()));
}

#[test]
fn a_certificate_moves_a_member_that_is_far_behind() {
    let mut four = Four::at(1);
    four.begin(Vec::new()).unwrap();
    let entry = |by: usize| {
        let vote = four.vote(by, PRECOMMIT, 4, 49, None);
        RoundSignature { kind: PRECOMMIT, value: None, kid: vote.signer, signature: vote.signature }
    };
    let signatures = vec![entry(0), entry(2), entry(3)];
    let certificate = RoundCertificate { height: height(4), round: 49, justifies: Justification::Leave, signatures };
    let mut few = certificate.clone();
    few.signatures.pop();
    assert_eq!(four.hear(2, Said::Round(few)), []);
    let acts = four.hear(2, Said::Round(certificate));
    assert_eq!(wake(&acts, TimerKind::Precommit).map(|(round, _)| round), Some(49), "{acts:?}");
    let acts = four.one.time_out(Timer { kind: TimerKind::Precommit, round: 49 }).unwrap();
    assert_eq!(wake(&acts, TimerKind::Propose).map(|(round, _)| round), Some(50), "{acts:?}");
}

#[test]
fn the_votes_of_a_certificate_count_where_it_moves_nobody() {
    // A certificate to enter round 0, which is under way: its votes are votes all the same.
    let mut four = Four::at(1);
    four.begin(Vec::new()).unwrap();
    four.one.time_out(Timer { kind: TimerKind::Propose, round: 0 }).unwrap();
    let entry = |by: usize| {
        let vote = four.vote(by, PREVOTE, 4, 0, None);
        RoundSignature { kind: PREVOTE, value: None, kid: vote.signer, signature: vote.signature }
    };
    let signatures = vec![entry(2), entry(3)];
    let certificate = RoundCertificate { height: height(4), round: 0, justifies: Justification::Enter, signatures };
    let acts = four.hear(2, Said::Round(certificate));
    assert_eq!(votes(&acts), [(PRECOMMIT, 0, None)], "with its own a quorum: {acts:?}");
}

#[test]
fn a_proposer_that_is_away_is_not_waited_for_long() {
    let mut four = Four::at(1);
    let patience = Patience::default();
    let acts = four.begin(Vec::new()).unwrap();
    assert_eq!(wake(&acts, TimerKind::Propose), Some((0, patience.propose)));
    // It goes while it is waited for.
    let others: BTreeSet<Hash> = [2, 3].map(|other| four.keys[other].kid()).into();
    let acts = four.one.reach(others).unwrap();
    assert_eq!(wake(&acts, TimerKind::Propose), Some((0, patience.away)), "{acts:?}");
    let acts = four.begin(Vec::new()).unwrap();
    assert_eq!(wake(&acts, TimerKind::Propose), Some((0, patience.away)));
    // Whoever hears its words by way of others: after a turn of all, there is time for that.
    let mut members = consortium(4).1;
    std::mem::swap(&mut members, &mut four.members);
    let all: BTreeSet<Hash> = members.members().map(|member| member.kid()).collect();
    let acts = four.one.reach(all).unwrap();
    assert_eq!(acts, [], "longer is not waited than was begun");
}

#[test]
fn what_was_said_is_said_again_after_a_crash_and_nothing_else() {
    let mut four = Four::at(0);
    four.begin(Vec::new()).unwrap();
    let acts = four.one.propose(0, value(1)).unwrap();
    let log: Vec<Logged> =
        acts.iter().filter_map(|act| if let Act::Log(entry) = act { Some(entry.clone()) } else { None }).collect();
    let said: Vec<Act> = acts.into_iter().filter(|act| matches!(act, Act::Say(_))).collect();
    // Whatever beginning of the log is left, the same is said or nothing; never is a block asked for anew once one is logged.
    for kept in 1..=log.len() {
        let mut again = Four::at(0);
        let acts = again.begin(log[..kept].to_vec()).unwrap();
        assert!(!acts.iter().any(|act| matches!(act, Act::Build { .. })), "{acts:?}");
        let repeated: Vec<&Act> = acts.iter().filter(|act| matches!(act, Act::Say(_))).collect();
        assert!(repeated.iter().all(|act| said.contains(act)), "{repeated:?}");
        let logged_again = acts.iter().any(|act| matches!(act, Act::Log(entry) if log[..kept].contains(entry)));
        assert!(!logged_again || kept < log.len(), "{acts:?}");
    }
}

#[test]
fn a_log_that_does_not_fit_stops_it() {
    let mut four = Four::at(1);
    // It says that this member voted for a block of which it has nothing, where a timer makes it vote for none.
    let voted = Logged::Vote(four.vote(1, PREVOTE, 4, 0, Some(value(1))));
    let timer = Logged::Timeout(Timer { kind: TimerKind::Propose, round: 0 });
    let failed = four.begin(vec![timer, voted]).unwrap_err();
    let expected = AgreementError::SecondSignature { height: height(4), round: 0, what: "prevote" };
    assert_eq!(failed, expected);
    let vote = Said::Vote(four.vote(2, PREVOTE, 4, 0, None));
    assert_eq!(four.one.time_out(Timer { kind: TimerKind::Propose, round: 0 }), Err(expected.clone()));
    assert_eq!(four.one.hear(four.keys[2].kid(), vote), Err(expected));
    // Another height is another beginning.
    let foreign = Logged::Vote(four.vote(2, PREVOTE, 5, 0, None));
    let expected = AgreementError::ForeignEntry { height: height(4), found: height(5) };
    assert_eq!(four.begin(vec![foreign]), Err(expected));
    assert!(four.begin(Vec::new()).is_ok());
}

#[test]
fn a_height_that_is_begun_again_without_its_log_gets_no_second_vote() {
    let mut four = Four::at(1);
    four.begin(Vec::new()).unwrap();
    let acts = four.one.time_out(Timer { kind: TimerKind::Propose, round: 0 }).unwrap();
    assert_eq!(votes(&acts), [(PREVOTE, 0, None)]);
    for stands_between in [false, true] {
        if stands_between {
            four.one.stand(height(3), &four.members);
        }
        four.begin(Vec::new()).unwrap();
        let proposal = four.proposal(0, 0, value(1));
        four.hear(0, Said::Proposal(proposal));
        let refused = Err(AgreementError::SecondSignature { height: height(4), round: 0, what: "prevote" });
        assert_eq!(four.one.check(0, value(1), true), refused);
    }
}

#[test]
fn a_key_that_signs_elsewhere_stops_it() {
    for voted in [None, Some(value(1))] {
        let mut four = Four::at(1);
        four.begin(Vec::new()).unwrap();
        let own = four.vote(1, PREVOTE, 4, 0, voted);
        let forged = Said::Vote(Vote { signature: Signature::from_bytes([1; 64]), ..own });
        assert_eq!(four.hear(2, forged), []);
        let stopped = Err(AgreementError::SignedElsewhere { height: height(4), round: 0 });
        assert_eq!(four.one.hear(four.keys[2].kid(), Said::Vote(own)), stopped);
        assert_eq!(four.one.propose(0, value(1)), stopped);
    }
    // Its own proposal, in a certificate too.
    let mut four = Four::at(0);
    four.begin(Vec::new()).unwrap();
    let proposal = Said::Proposal(four.proposal(0, 0, value(1)));
    let stopped = Err(AgreementError::SignedElsewhere { height: height(4), round: 0 });
    assert_eq!(four.one.hear(four.keys[2].kid(), proposal), stopped);
    // What it has said, and hears again, is no other's.
    let mut four = Four::at(0);
    four.begin(Vec::new()).unwrap();
    four.one.propose(0, value(1)).unwrap();
    let again = Said::Vote(four.vote(0, PREVOTE, 4, 0, Some(value(1))));
    assert_eq!(four.hear(2, again), []);
}

#[test]
fn what_was_found_of_a_block_is_not_found_out_again() {
    let mut four = Four::at(1);
    let proposal = four.proposal(0, 0, value(1));
    let found = LoggedValue { round: 0, valid_round: None, proposer: proposal.signer, value: value(1), valid: false };
    let acts = four.begin(vec![Logged::Proposal(proposal), Logged::Value(found)]).unwrap();
    assert_eq!(votes(&acts), [(PREVOTE, 0, None)]);
    assert!(!acts.iter().any(|act| matches!(act, Act::Want(_))), "{acts:?}");
}

#[test]
fn a_member_that_connects_is_told_all() {
    let mut four = Four::at(1);
    four.begin(Vec::new()).unwrap();
    let (vote, proposal) = (four.vote(2, PREVOTE, 4, 0, None), four.proposal(0, 0, value(1)));
    four.hear(2, Said::Vote(vote));
    four.hear(0, Said::Proposal(proposal));
    let peer = four.keys[3].kid();
    let told = four.one.greet(peer).unwrap();
    let expected = [Said::Proposal(proposal), Said::Vote(vote)].map(|said| Act::Repeat { to: Some(peer), said });
    assert_eq!(told, expected);
    assert_eq!(four.one.greet(Hash::of(b"stranger")).unwrap(), []);
    assert_eq!(four.one.greet(four.keys[1].kid()).unwrap(), []);
}
