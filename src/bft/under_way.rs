//! One height: the library's state, and the host that answers it.

use std::collections::{BTreeMap, BTreeSet};

use arc_malachitebft_core_consensus::{Error, Input, LocallyProposedValue, Params, State, process};
use arc_malachitebft_core_types::{Round, ThresholdParams, ValueOrigin, ValuePayload, VoteExtensionPolicy};
use sealane_core::agreement::{
    Logged, LoggedValue, PolkaCertificate, RoundCertificate, RoundProposal, Said, Timer, TimerKind, ValueId, Vote,
    honest_one, proposer_of,
};
use sealane_core::block::Height;
use sealane_core::hash::Hash;
use sealane_core::limits::ROUND_MAX;
use sealane_core::statement::SignatureVerifier;

use crate::bft::context::{self, Ctx, Id, Kid};
use crate::bft::heard::within_reach;
use crate::bft::host::{Host, Place, Word};
use crate::ports::{Act, AgreementError, WantedBlock};

/// The height under way.
pub(super) struct UnderWay {
    core: State<Ctx>,
    host: Host,
    /// What was found of a block, and of which rounds that was asked.
    found: BTreeMap<ValueId, bool>,
    /// Blocks that the caller was asked about, by round, and whether it has answered.
    wanted: BTreeMap<(u32, ValueId), bool>,
    /// The blocks that this member has proposed before a crash, by round.
    proposed: BTreeMap<u32, ValueId>,
    /// Whether the caller knows that others are at this height.
    told: bool,
}

impl UnderWay {
    /// Begins the height of `host`, by what the log has of it.
    pub fn begin(host: Host, replay: Vec<Logged>) -> Result<Self, AgreementError> {
        let voters = context::voters_of(&host.members);
        let params = Params {
            address: Kid(host.me),
            threshold_params: ThresholdParams::default(),
            value_payload: ValuePayload::ProposalAndParts,
            enabled: true,
        };
        let at = context::at(host.height);
        // Nothing of another height reaches the library, so its queue for those has no room.
        let core = State::new(Ctx, at, voters.clone(), params, 0, 0);
        let (found, wanted, proposed) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let mut height = Self { core, host, found, wanted, proposed, told: false };
        let inputs = height.read(&replay)?;
        if !replay.is_empty() {
            height.host.replaying = Some(replay.iter().map(Logged::to_bytes).collect());
            height.core.index_wal_entries(inputs.iter());
        }
        height.feed(Input::StartHeight(at, voters, false, None, VoteExtensionPolicy::Disabled))?;
        for input in inputs {
            height.feed(input)?;
        }
        height.core.reset_entries_index();
        height.host.replaying = None;
        height.settle()?;
        Ok(height)
    }

    /// Reads the entries of a log: what they say, and what the library is to be fed.
    fn read(&mut self, replay: &[Logged]) -> Result<Vec<Input<Ctx>>, AgreementError> {
        let mut inputs = Vec::new();
        for entry in replay {
            self.host.note_signed(entry);
            let (input, found) = match entry {
                Logged::Vote(vote) => {
                    self.host.heard.add_vote(*vote);
                    (Input::Vote(context::their_vote(vote)), Some(vote.height))
                }
                Logged::Proposal(proposal) => {
                    self.host.heard.add_proposal(*proposal);
                    (Input::Proposal(context::their_proposal(proposal)), Some(proposal.height))
                }
                Logged::Polka(polka) => (Input::PolkaCertificate(context::their_polka(polka)), Some(polka.height)),
                Logged::Timeout(timer) => (Input::TimeoutElapsed(context::their_timeout(*timer)), None),
                Logged::Value(value) => {
                    self.note_found(value.round, value.value, value.valid);
                    if value.proposer == self.host.me {
                        self.proposed.insert(value.round, value.value);
                    }
                    let value = context::their_proposed_value(self.host.height, value);
                    (Input::ProposedValue(value, ValueOrigin::Consensus), None)
                }
                Logged::Body { .. } => continue,
            };
            match found {
                Some(found) if found != self.host.height => {
                    return Err(AgreementError::ForeignEntry { height: self.host.height, found });
                }
                _ => inputs.push(input),
            }
        }
        Ok(inputs)
    }

    pub const fn is_decided(&self) -> bool {
        self.host.is_decided()
    }

    /// What this member has signed at this height.
    pub fn into_signed(self) -> (Height, BTreeMap<Place, Word>) {
        (self.host.height, self.host.signed)
    }

    /// The acts so far, and the decision at their end.
    pub fn take_acts(&mut self) -> Vec<Act> {
        self.host.take_acts()
    }

    /// Number of words that are kept.
    pub fn words(&self) -> usize {
        self.host.heard.len()
    }

    fn round(&self) -> u32 {
        context::number_of(self.core.round())
    }

    /// Runs the library to its end on one input, which was verified, or made here.
    fn feed(&mut self, input: Input<Ctx>) -> Result<(), AgreementError> {
        let Self { core, host, .. } = self;
        let done: Result<(), Error<Ctx>> = process!(
            input: input, state: core, metrics: &(), with: effect => Ok::<_, Error<Ctx>>(host.on(effect))
        );
        if let Some(failed) = self.host.failed.take() {
            return Err(failed);
        }
        done.map_err(|error| {
            let height = self.host.height;
            match error {
                Error::ReplayDivergence(kind, _, round) => {
                    let what = match kind {
                        arc_malachitebft_core_consensus::RecordKind::Prevote => "prevote",
                        arc_malachitebft_core_consensus::RecordKind::Precommit => "precommit",
                        arc_malachitebft_core_consensus::RecordKind::Proposal => "proposal",
                    };
                    AgreementError::SecondSignature { height, round: context::number_of(round), what }
                }
                error => AgreementError::Stopped { height, detail: error.to_string() },
            }
        })
    }

    /// Takes a word of this height, whoever passed it on. What does not hold is dropped.
    pub fn hear(&mut self, said: Said, verifier: &dyn SignatureVerifier) -> Result<(), AgreementError> {
        match said {
            Said::Vote(vote) => self.hear_vote(vote, verifier)?,
            Said::Proposal(proposal) => self.hear_proposal(&proposal, verifier)?,
            Said::Polka(polka) => self.hear_polka(&polka, verifier)?,
            Said::Round(certificate) => self.hear_round_certificate(&certificate, verifier)?,
        }
        self.settle()
    }

    fn hear_vote(&mut self, vote: Vote, verifier: &dyn SignatureVerifier) -> Result<(), AgreementError> {
        if !within_reach(vote.round, self.round()) || self.host.heard.is_idle_vote(&vote) {
            return Ok(());
        }
        if vote.verify(&self.host.origin, &self.host.members, verifier).is_err() {
            return Ok(());
        }
        self.keep_vote(vote)?;
        self.feed(Input::Vote(context::their_vote(&vote)))
    }

    fn hear_proposal(
        &mut self,
        proposal: &RoundProposal,
        verifier: &dyn SignatureVerifier,
    ) -> Result<(), AgreementError> {
        let proposer = proposer_of(&self.host.members, self.host.height, proposal.round).kid();
        if !within_reach(proposal.round, self.round()) || proposal.signer != proposer {
            return Ok(());
        }
        if !self.host.heard.knows_proposal(proposal) {
            if proposal.verify(&self.host.origin, &self.host.members, verifier).is_err() {
                return Ok(());
            }
            self.host.check_own_proposal(proposal)?;
            if let Some(pair) = self.host.heard.add_proposal(*proposal) {
                self.host.acts.push(Act::Faults(vec![pair]));
            }
        }
        // One that is known too: the library takes a third of a round only once it knows of a quorum for it.
        self.feed(Input::Proposal(context::their_proposal(proposal)))
    }

    fn hear_polka(&mut self, polka: &PolkaCertificate, verifier: &dyn SignatureVerifier) -> Result<(), AgreementError> {
        let known = self.core.polka_certificate(Round::new(polka.round), &Id(polka.value)).is_some();
        if known {
            return self.look_for_faults(polka.votes(), verifier);
        }
        if polka.verify(&self.host.origin, &self.host.members, verifier).is_err() {
            return Ok(());
        }
        self.check_own(polka.votes())?;
        self.feed(Input::PolkaCertificate(context::their_polka(polka)))?;
        self.take_votes(polka.votes())
    }

    fn hear_round_certificate(
        &mut self,
        certificate: &RoundCertificate,
        verifier: &dyn SignatureVerifier,
    ) -> Result<(), AgreementError> {
        if certificate.round < self.round() || certificate.votes().all(|vote| self.host.heard.knows_vote(&vote)) {
            return self.look_for_faults(certificate.votes(), verifier);
        }
        if certificate.verify(&self.host.origin, &self.host.members, verifier).is_err() {
            return Ok(());
        }
        self.check_own(certificate.votes())?;
        self.feed(Input::RoundCertificate(context::their_round_certificate(certificate)))?;
        self.take_votes(certificate.votes())
    }

    /// Keeps a vote that was verified.
    fn keep_vote(&mut self, vote: Vote) -> Result<(), AgreementError> {
        self.host.check_own_vote(&vote)?;
        if let Some(pair) = self.host.heard.add_vote(vote) {
            self.host.acts.push(Act::Faults(vec![pair]));
        }
        Ok(())
    }

    fn check_own(&self, mut votes: impl Iterator<Item = Vote>) -> Result<(), AgreementError> {
        votes.try_for_each(|vote| self.host.check_own_vote(&vote))
    }

    /// Takes the votes of a certificate that was verified, and that the library has seen. It leaves some aside, such as those of
    /// a round that it is in already; but what is kept here it must have too, since it is not taken twice.
    fn take_votes(&mut self, votes: impl Iterator<Item = Vote>) -> Result<(), AgreementError> {
        for vote in votes {
            if self.host.is_decided() {
                break;
            }
            if within_reach(vote.round, self.round()) && !self.host.heard.is_idle_vote(&vote) {
                self.keep_vote(vote)?;
                self.feed(Input::Vote(context::their_vote(&vote)))?;
            }
        }
        Ok(())
    }

    /// Compares the votes of a certificate that is not verified with what was heard.
    fn look_for_faults(
        &mut self,
        votes: impl Iterator<Item = Vote>,
        verifier: &dyn SignatureVerifier,
    ) -> Result<(), AgreementError> {
        for vote in votes {
            let clashes = self.host.heard.would_convict(&vote);
            if clashes && vote.verify(&self.host.origin, &self.host.members, verifier).is_ok() {
                self.keep_vote(vote)?;
                self.feed(Input::Vote(context::their_vote(&vote)))?;
            }
        }
        Ok(())
    }

    pub fn time_out(&mut self, timer: Timer) -> Result<(), AgreementError> {
        if self.host.timers.remove(&timer).is_none() || timer.round != self.round() {
            return Ok(());
        }
        if timer.round >= ROUND_MAX {
            let detail = format!("{ROUND_MAX} rounds have not decided it");
            return Err(AgreementError::Stopped { height: self.host.height, detail });
        }
        self.feed(Input::TimeoutElapsed(context::their_timeout(timer)))?;
        self.settle()?;
        if !self.host.is_decided() {
            self.say_on(None);
            if timer.kind == TimerKind::Rebroadcast {
                self.want_again();
            }
        }
        Ok(())
    }

    pub fn propose(&mut self, round: u32, value: ValueId) -> Result<(), AgreementError> {
        if round != self.round() || !self.is_my_turn(round) {
            return Ok(());
        }
        self.note_found(round, value, true);
        let value = LocallyProposedValue::new(context::at(self.host.height), Round::new(round), Id(value));
        self.feed(Input::Propose(value))?;
        self.settle()
    }

    pub fn check(&mut self, round: u32, value: ValueId, valid: bool) -> Result<(), AgreementError> {
        let Some(proposal) = self.host.heard.proposal(round, value).copied() else { return Ok(()) };
        // The library holds it against a caller that calls invalid what was valid.
        let valid = valid || self.found.get(&value) == Some(&true);
        self.note_found(round, value, valid);
        let logged = LoggedValue { round, valid_round: proposal.pol_round, proposer: proposal.signer, value, valid };
        let value = context::their_proposed_value(self.host.height, &logged);
        self.feed(Input::ProposedValue(value, ValueOrigin::Consensus))?;
        self.settle()
    }

    pub fn greet(&mut self, peer: Hash) {
        if peer != self.host.me && self.host.members.get(&peer).is_some() {
            self.say_on(Some(peer));
        }
    }

    /// Takes who can be reached, and shortens what is being waited for in vain.
    pub fn reach(&mut self, reachable: BTreeSet<Hash>) {
        self.host.reachable = Some(reachable);
        let running: Vec<(Timer, std::time::Duration)> =
            self.host.timers.iter().map(|(timer, after)| (*timer, *after)).collect();
        for (timer, after) in running {
            if timer.round == self.round() && self.host.duration_of(timer) < after {
                self.host.wake(timer);
            }
        }
    }

    fn is_my_turn(&self, round: u32) -> bool {
        proposer_of(&self.host.members, self.host.height, round).kid() == self.host.me
    }

    fn note_found(&mut self, round: u32, value: ValueId, valid: bool) {
        let before = self.found.entry(value).or_insert(valid);
        *before |= valid;
        self.wanted.insert((round, value), true);
    }

    /// Carries out what follows from the library's new state, once it has run to its end.
    fn settle(&mut self) -> Result<(), AgreementError> {
        if self.host.is_decided() {
            return Ok(());
        }
        if let Some(round) = self.host.to_build.take_if(|round| context::number_of(self.core.round()) == *round)
            && self.core.driver.step_is_propose()
        {
            match self.proposed.get(&round).copied() {
                // The same block as before the crash.
                Some(value) => return self.propose(round, value),
                None => self.host.acts.push(Act::Build { round }),
            }
        }
        let again = Timer { kind: TimerKind::Rebroadcast, round: self.round() };
        if !self.host.timers.contains_key(&again) {
            self.host.wake(again);
        }
        if let Some((round, value)) = self.host.locked.take() {
            self.tell_lock(round, value);
        }
        self.want();
        self.tell_of_others();
        Ok(())
    }

    /// Tells, once, that one honest member beside this one is at this height too.
    fn tell_of_others(&mut self) {
        if self.told {
            return;
        }
        let mut others = self.host.heard.voters();
        others.remove(&self.host.me);
        if others.len() >= honest_one(self.host.members.members().len()) {
            self.told = true;
            self.host.acts.push(Act::Begin(self.host.height));
        }
    }

    /// Tells what made this member give its last vote to a block, so that others can do the same. After round 0 it is likely
    /// that some lack a part of it.
    fn tell_lock(&mut self, round: u32, value: ValueId) {
        if let Some(proposal) = self.host.heard.proposal(round, value).copied() {
            self.host.repeat(None, Said::Proposal(proposal));
        }
        if let Some(polka) = self.core.polka_certificate(Round::new(round), &Id(value)).map(context::polka_of) {
            self.host.repeat(None, Said::Polka(polka));
        }
        self.host.show(None, value);
    }

    /// Asks about blocks that were proposed and are not known to be valid, once a round.
    fn want(&mut self) {
        let unknown = self.host.heard.proposals().filter(|proposal| self.found.get(&proposal.value) != Some(&true));
        let new: Vec<RoundProposal> =
            unknown.filter(|proposal| !self.wanted.contains_key(&(proposal.round, proposal.value))).copied().collect();
        for proposal in new {
            self.wanted.insert((proposal.round, proposal.value), false);
            self.ask(&proposal);
        }
    }

    /// Asks again about what was not answered.
    fn want_again(&mut self) {
        let open: Vec<RoundProposal> = self
            .host
            .heard
            .proposals()
            .filter(|proposal| self.wanted.get(&(proposal.round, proposal.value)) == Some(&false))
            .filter(|proposal| self.found.get(&proposal.value) != Some(&true))
            .copied()
            .collect();
        for proposal in open {
            self.ask(&proposal);
        }
    }

    fn ask(&mut self, proposal: &RoundProposal) {
        let RoundProposal { height, round, pol_round, value, .. } = *proposal;
        let holders = self.host.heard.holders(value).into_iter().filter(|kid| *kid != self.host.me).collect();
        self.host.acts.push(Act::Want(WantedBlock { value, height, round, pol_round, holders }));
    }

    /// Says all that is known of this height, its own and others' words: the way to the round first, then proposals, then
    /// votes. Without it two members whom no connection joins would never agree, though a third reaches both; and who tells
    /// one of them this and the other that would never be found out.
    fn say_on(&mut self, to: Option<Hash>) {
        if self.host.is_alone() {
            return;
        }
        let round = self.round();
        let mut all = Vec::new();
        all.extend(
            self.core.round_certificate().map(|one| context::round_certificate_of(&one.certificate)).map(Said::Round),
        );
        all.extend(self.host.heard.proposals().copied().map(Said::Proposal));
        let mut polkas: Vec<PolkaCertificate> =
            self.core.driver.polka_certificates().iter().map(context::polka_of).collect();
        polkas.sort_by_key(|polka| (polka.round, polka.value));
        polkas.dedup_by_key(|polka| (polka.round, polka.value));
        all.extend(polkas.into_iter().map(Said::Polka));
        all.extend(self.host.heard.votes_to_say(round).copied().map(Said::Vote));
        for said in all {
            self.host.repeat(to, said);
        }
        for value in self.bodies_to_show(round) {
            self.host.show(to, value);
        }
    }

    /// The block that a quorum wanted, and this member's own.
    fn bodies_to_show(&self, round: u32) -> BTreeSet<ValueId> {
        let valid = self.core.driver.valid_value().map(|valid| valid.value.0);
        let own = self.host.heard.proposals_of(round).iter().filter(|one| one.signer == self.host.me);
        own.map(|one| one.value).chain(valid).filter(|value| self.found.get(value) == Some(&true)).collect()
    }
}
