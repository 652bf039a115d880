//! The answers to what the library asks for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use arc_malachitebft_core_consensus::{
    Effect, Input, LivenessMsg, MisbehaviorEvidence, Resumable, Resume, SignedConsensusMsg, VoteExtensionError,
};
use arc_malachitebft_core_types::{CommitCertificate, SignedMessage};
use sealane_core::agreement::{
    Equivocation, Logged, RoundProposal, Said, Timer, TimerKind, ValueId, Vote, VoteKind, proposal_bytes, proposer_of,
    vote_bytes,
};
use sealane_core::block::{Commit, CommitSignature, Height, MemberSet, Origin};
use sealane_core::hash::Hash;
use sealane_core::statement::Signature;

use crate::bft::context::{self, Ctx, RawSignature};
use crate::bft::heard::Heard;
use crate::ports::{Act, AgreementError, MemberSigner, Patience};

/// Where a member signs at most one thing: the kind of its vote, or none for a proposal, and the round.
pub(super) type Place = (Option<VoteKind>, u32);

/// What it signs there: a value, and the earlier round that a proposal rests on.
pub(super) type Word = (Option<ValueId>, Option<u32>);

/// All of a height but the library's own state.
///
/// It never answers with an error: the library's macro would log it and go on. What must stop is kept in `failed`, and the
/// acts of that call are thrown away.
pub(super) struct Host {
    pub origin: Origin,
    pub signer: Arc<dyn MemberSigner>,
    pub me: Hash,
    pub height: Height,
    pub members: MemberSet,
    pub patience: Patience,
    /// Which members can be reached; `None` until it is known.
    pub reachable: Option<BTreeSet<Hash>>,
    pub heard: Heard,
    pub acts: Vec<Act>,
    pub failed: Option<AgreementError>,
    /// The entries of the log while it is replayed: what is in it is not logged again.
    pub replaying: Option<BTreeSet<Vec<u8>>>,
    /// What this member has signed in each place.
    pub signed: BTreeMap<Place, Word>,
    /// Timers that run, with what they were set to.
    pub timers: BTreeMap<Timer, Duration>,
    /// The round for which this member was asked to build a block, and was not given one.
    pub to_build: Option<u32>,
    /// The round after 0 in which this member gave its last vote to a block, until that was told with all that led to it.
    pub locked: Option<(u32, ValueId)>,
    /// The decision, which is told after all else of its call: others need this member's last vote as soon as it can be had.
    decision: Option<Act>,
}

impl Host {
    pub fn new(
        origin: Origin,
        signer: Arc<dyn MemberSigner>,
        height: Height,
        members: MemberSet,
        patience: Patience,
        reachable: Option<BTreeSet<Hash>>,
    ) -> Self {
        Self {
            origin,
            me: signer.public_key().thumbprint(),
            signer,
            height,
            members,
            patience,
            reachable,
            heard: Heard::default(),
            acts: Vec::new(),
            failed: None,
            replaying: None,
            signed: BTreeMap::new(),
            timers: BTreeMap::new(),
            to_build: None,
            locked: None,
            decision: None,
        }
    }

    /// Whether there is no other member: then nothing is said, and so nothing has to be kept.
    pub fn is_alone(&self) -> bool {
        self.members.members().len() == 1
    }

    pub const fn is_decided(&self) -> bool {
        self.decision.is_some()
    }

    /// The acts so far, and the decision at their end.
    pub fn take_acts(&mut self) -> Vec<Act> {
        let mut acts = std::mem::take(&mut self.acts);
        if let Some(decision) = &self.decision {
            // Timers of a height that is over.
            acts.retain(|act| !matches!(act, Act::Wake(..)));
            acts.push(decision.clone());
        }
        acts
    }

    pub fn on(&mut self, effect: Effect<Ctx>) -> Resume<Ctx> {
        match effect {
            Effect::CancelAllTimeouts(resume) => {
                self.timers.clear();
                self.acts.push(Act::CancelAll);
                resume.resume_with(())
            }
            Effect::CancelTimeout(timeout, resume) => {
                // What was said is said again for as long as the height lasts, also where the library thinks that it needs
                // not be: words are lost.
                if let Some(timer) = context::timer_of(timeout)
                    && timer.kind != TimerKind::Rebroadcast
                    && self.timers.remove(&timer).is_some()
                {
                    self.acts.push(Act::Cancel(timer));
                }
                resume.resume_with(())
            }
            Effect::ScheduleTimeout(timeout, resume) => {
                if let Some(timer) = context::timer_of(timeout) {
                    self.wake(timer);
                }
                resume.resume_with(())
            }
            Effect::StartRound(_, round, _, _, resume) => {
                self.to_build = None;
                self.heard.forget_before(context::number_of(round));
                resume.resume_with(())
            }
            Effect::GetValue(_, round, _, resume) => {
                self.to_build = Some(context::number_of(round));
                resume.resume_with(())
            }
            Effect::SignVote(vote, resume) => {
                let unsigned = context::vote_of(&vote, RawSignature([0; 64]));
                let signature = self.sign_vote(&unsigned);
                resume.resume_with(SignedMessage::new(vote, signature))
            }
            Effect::SignProposal(proposal, resume) => {
                let unsigned = context::proposal_of(&proposal, RawSignature([0; 64]));
                let signature = self.sign_proposal(&unsigned);
                resume.resume_with(SignedMessage::new(proposal, signature))
            }
            Effect::PublishConsensusMsg(message, resume) => {
                self.publish(message);
                resume.resume_with(())
            }
            Effect::PublishLivenessMsg(message, resume) => {
                self.repeat(
                    None,
                    match message {
                        LivenessMsg::Vote(vote) => Said::Vote(context::vote_of(&vote.message, vote.signature)),
                        LivenessMsg::PolkaCertificate(polka) => Said::Polka(context::polka_of(&polka)),
                        LivenessMsg::SkipRoundCertificate(certificate) => {
                            Said::Round(context::round_certificate_of(&certificate))
                        }
                    },
                );
                resume.resume_with(())
            }
            // Whenever the library says these again, more than these is said again: `UnderWay::say_on`.
            Effect::RepublishVote(_, resume) | Effect::RepublishRoundCertificate(_, resume) => resume.resume_with(()),
            Effect::RestreamProposal(_, _, _, _, value, resume) => {
                self.show(None, value.0);
                resume.resume_with(())
            }
            Effect::WalAppend(_, input, resume) => {
                self.log(&input);
                resume.resume_with(())
            }
            Effect::Decide(certificate, _, resume) => {
                self.decide(&certificate);
                resume.resume_with(())
            }
            Effect::Finalize(_, _, evidence, resume) => {
                self.tell_faults(&evidence);
                resume.resume_with(())
            }
            // Nothing comes to the library before its signatures were verified: `UnderWay::hear`. Its own words and those
            // of the log were made here.
            Effect::VerifySignature(_, _, resume) => resume.resume_with(true),
            Effect::VerifyCommitCertificate(_, _, _, resume) => resume.resume_with(Ok(())),
            Effect::VerifyPolkaCertificate(_, _, _, resume) => resume.resume_with(Ok(())),
            Effect::VerifyRoundCertificate(_, _, _, resume) => resume.resume_with(Ok(())),
            // Final blocks come by other ways, and votes carry nothing but votes: the library asks for none of these.
            Effect::VerifyExtendedCommitCertificate(_, _, _, _, resume) => {
                self.unexpected("a certificate with more than votes");
                resume.resume_with(Ok(()))
            }
            Effect::CertVerifiedSyncValue(_, _, resume) => {
                self.unexpected("a block by the library's own catch-up");
                resume.resume_with(())
            }
            Effect::CertRejectedSyncValue(_, _, _, resume) => {
                self.unexpected("a block by the library's own catch-up");
                resume.resume_with(())
            }
            Effect::ExtendVote(_, _, _, _, resume) => {
                self.unexpected("more than a vote in a vote");
                resume.resume_with(None)
            }
            Effect::VerifyVoteExtension(_, _, _, _, _, _, resume) => {
                self.unexpected("more than a vote in a vote");
                resume.resume_with(Err(VoteExtensionError::InvalidVoteExtension))
            }
        }
    }

    /// Sets a timer, a short one where it waits for a proposer to whom there is no connection.
    pub fn wake(&mut self, timer: Timer) {
        let after = self.duration_of(timer);
        self.timers.insert(timer, after);
        self.acts.push(Act::Wake(timer, after));
    }

    pub fn duration_of(&self, timer: Timer) -> Duration {
        let Patience { propose, propose_more, vote, vote_more, away, rebroadcast, most } = self.patience;
        let long = match timer.kind {
            TimerKind::Propose => propose.saturating_add(propose_more.saturating_mul(timer.round)),
            TimerKind::Prevote | TimerKind::Precommit => vote.saturating_add(vote_more.saturating_mul(timer.round)),
            TimerKind::Rebroadcast => rebroadcast,
        };
        let waits = matches!(timer.kind, TimerKind::Propose | TimerKind::Precommit);
        if waits && self.is_away(timer.round) { long.min(away).min(most) } else { long.min(most) }
    }

    /// Whether there is no connection to a round's proposer. Once each member had its turn it does not matter any more: then
    /// nobody can be reached by all, and words come by way of others.
    fn is_away(&self, round: u32) -> bool {
        let proposer = proposer_of(&self.members, self.height, round).kid();
        let had_turns = u64::from(round) >= self.members.members().len() as u64;
        proposer != self.me && !had_turns && self.reachable.as_ref().is_some_and(|all| !all.contains(&proposer))
    }

    /// Says again what was said before, or another's word.
    pub fn repeat(&mut self, to: Option<Hash>, said: Said) {
        if !self.is_alone() {
            self.acts.push(Act::Repeat { to, said });
        }
    }

    pub fn show(&mut self, to: Option<Hash>, value: ValueId) {
        if !self.is_alone() {
            self.acts.push(Act::Show { to, value });
        }
    }

    /// Notes what the log says that this member has signed.
    pub fn note_signed(&mut self, entry: &Logged) {
        match entry {
            Logged::Vote(vote) if vote.signer == self.me => {
                self.signed.entry((Some(vote.kind), vote.round)).or_insert((vote.value, None));
            }
            Logged::Proposal(proposal) if proposal.signer == self.me => {
                let said = (Some(proposal.value), proposal.pol_round);
                self.signed.entry((None, proposal.round)).or_insert(said);
            }
            _ => {}
        }
    }

    /// Refuses a word that is signed by this member's key, verified, and was not signed here.
    pub fn check_own_vote(&self, vote: &Vote) -> Result<(), AgreementError> {
        self.check_own(vote.signer, (Some(vote.kind), vote.round), (vote.value, None))
    }

    /// The same of a proposal.
    pub fn check_own_proposal(&self, proposal: &RoundProposal) -> Result<(), AgreementError> {
        let said = (Some(proposal.value), proposal.pol_round);
        self.check_own(proposal.signer, (None, proposal.round), said)
    }

    fn check_own(&self, signer: Hash, place: Place, said: Word) -> Result<(), AgreementError> {
        if signer != self.me || self.signed.get(&place) == Some(&said) {
            return Ok(());
        }
        Err(AgreementError::SignedElsewhere { height: self.height, round: place.1 })
    }

    fn sign_vote(&mut self, vote: &Vote) -> RawSignature {
        let what = match vote.kind {
            VoteKind::Prevote => "prevote",
            VoteKind::Precommit => "precommit",
        };
        let bytes = vote_bytes(&self.origin, vote.kind, vote.height, vote.round, vote.value);
        self.sign((Some(vote.kind), vote.round), (vote.value, None), what, &bytes)
    }

    fn sign_proposal(&mut self, proposal: &RoundProposal) -> RawSignature {
        let RoundProposal { height, round, pol_round, value, .. } = *proposal;
        let bytes = proposal_bytes(&self.origin, height, round, pol_round, value);
        self.sign((None, round), (Some(value), pol_round), "proposal", &bytes)
    }

    /// Signs one thing in each place, whatever the library asks for.
    fn sign(&mut self, place: Place, said: Word, what: &'static str, bytes: &[u8]) -> RawSignature {
        if *self.signed.entry(place).or_insert(said) != said {
            let (height, round) = (self.height, place.1);
            self.failed.get_or_insert(AgreementError::SecondSignature { height, round, what });
            return RawSignature([0; 64]);
        }
        // A member that decides alone shows no more than the commit.
        if self.is_alone() && place.0 != Some(VoteKind::Precommit) {
            return RawSignature([0; 64]);
        }
        RawSignature(*self.signer.sign(bytes).as_bytes())
    }

    fn publish(&mut self, message: SignedConsensusMsg<Ctx>) {
        let said = match message {
            SignedConsensusMsg::Vote(vote) => {
                let vote = context::vote_of(&vote.message, vote.signature);
                if let (VoteKind::Precommit, Some(value), 1..) = (vote.kind, vote.value, vote.round) {
                    self.locked = Some((vote.round, value));
                }
                self.heard.add_vote(vote);
                Said::Vote(vote)
            }
            SignedConsensusMsg::Proposal(proposal) => {
                let proposal = context::proposal_of(&proposal.message, proposal.signature);
                self.heard.add_proposal(proposal);
                Said::Proposal(proposal)
            }
        };
        if self.is_alone() {
            return;
        }
        let shown = match &said {
            Said::Proposal(proposal) => Some(proposal.value),
            _ => None,
        };
        self.acts.push(Act::Say(said));
        if let Some(value) = shown {
            self.show(None, value);
        }
    }

    fn log(&mut self, input: &Input<Ctx>) {
        let entry = match input {
            Input::Vote(vote) => Logged::Vote(context::vote_of(&vote.message, vote.signature)),
            Input::Proposal(proposal) => Logged::Proposal(context::proposal_of(&proposal.message, proposal.signature)),
            Input::PolkaCertificate(polka) => Logged::Polka(context::polka_of(polka)),
            Input::ProposedValue(value, _) => Logged::Value(context::logged_value_of(value)),
            Input::TimeoutElapsed(timeout) => match context::timer_of(*timeout) {
                Some(timer) => Logged::Timeout(timer),
                None => return self.unexpected("a timer without a round"),
            },
            _ => return self.unexpected("something in the log that it never reads again"),
        };
        let known = self.replaying.as_ref().is_some_and(|entries| entries.contains(&entry.to_bytes()));
        if !known && !self.is_alone() {
            self.acts.push(Act::Log(entry));
        }
    }

    fn decide(&mut self, certificate: &CommitCertificate<Ctx>) {
        let mut signatures: Vec<CommitSignature> = Vec::new();
        for one in &certificate.commit_signatures {
            signatures.push(CommitSignature::es256(one.address.0, Signature::from_bytes(one.signature.0)));
        }
        // In one order, since they come in that of arrival.
        signatures.sort_by_key(|one| one.kid);
        let commit = Commit { height: self.height, round: context::number_of(certificate.round), signatures };
        self.decision = Some(Act::Decide { value: certificate.value_id.0, commit });
    }

    fn tell_faults(&mut self, evidence: &MisbehaviorEvidence<Ctx>) {
        let mut pairs = Vec::new();
        for (first, second) in evidence.votes.iter().flat_map(|(_, pairs)| pairs) {
            let vote = |signed: &arc_malachitebft_core_types::SignedVote<Ctx>| {
                context::vote_of(&signed.message, signed.signature)
            };
            pairs.push(Equivocation::Votes(vote(first), vote(second)));
        }
        for (first, second) in evidence.proposals.iter().flat_map(|(_, pairs)| pairs) {
            let proposal = |signed: &arc_malachitebft_core_types::SignedProposal<Ctx>| {
                context::proposal_of(&signed.message, signed.signature)
            };
            pairs.push(Equivocation::Proposals(proposal(first), proposal(second)));
        }
        pairs.retain(|pair| self.heard.convict(pair));
        if !pairs.is_empty() {
            self.acts.push(Act::Faults(pairs));
        }
    }

    fn unexpected(&mut self, what: &str) {
        let detail = format!("the library asks for {what}, which it is not set to do");
        self.failed.get_or_insert(AgreementError::Stopped { height: self.height, detail });
    }
}
