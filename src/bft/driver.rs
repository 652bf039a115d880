//! The port `Agreement`, over one height after another.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sealane_core::agreement::{Logged, Said, Timer, ValueId, honest_one};
use sealane_core::block::{Height, Member, MemberSet, Origin};
use sealane_core::hash::Hash;
use sealane_core::statement::SignatureVerifier;

use crate::bft::ahead::Ahead;
use crate::bft::host::{Host, Place, Word};
use crate::bft::under_way::UnderWay;
use crate::ports::{Act, Agreement, AgreementError, MemberSigner, Patience};

/// Agreement by Malachite's core crates.
pub struct MalachiteAgreement {
    origin: Origin,
    signer: Arc<dyn MemberSigner>,
    verifier: Arc<dyn SignatureVerifier>,
    patience: Patience,
    reachable: Option<BTreeSet<Hash>>,
    /// The last block that is final; nothing of it or below is listened to.
    tip: Height,
    /// The members after it, once they are known.
    members: Option<BTreeSet<Hash>>,
    ahead: Ahead,
    /// The height for which the caller was told that others have begun it.
    told: Option<Height>,
    under_way: Option<UnderWay>,
    /// What was signed at the height that was under way before. If it is begun again with less than that in the log, nothing
    /// else is signed all the same.
    signed: Option<(Height, BTreeMap<Place, Word>)>,
    /// Why the height under way has stopped.
    failed: Option<AgreementError>,
}

impl MalachiteAgreement {
    /// Makes one for a member's key. No height is under way; [`Agreement::stand`] says after which block it begins.
    pub fn new(
        origin: Origin,
        signer: Arc<dyn MemberSigner>,
        verifier: Arc<dyn SignatureVerifier>,
        patience: Patience,
    ) -> Self {
        Self {
            origin,
            signer,
            verifier,
            patience,
            reachable: None,
            tip: Height::GENESIS,
            members: None,
            ahead: Ahead::default(),
            told: None,
            under_way: None,
            signed: None,
            failed: None,
        }
    }

    /// Number of others' words that are kept: bounded by the number of members, whatever they send.
    pub fn words(&self) -> usize {
        self.ahead.len() + self.under_way.as_ref().map_or(0, UnderWay::words)
    }

    /// Does something at the height under way, if there is one that is not decided.
    fn at(
        &mut self,
        work: impl FnOnce(&mut UnderWay) -> Result<(), AgreementError>,
    ) -> Result<Vec<Act>, AgreementError> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        let Some(height) = self.under_way.as_mut().filter(|height| !height.is_decided()) else { return Ok(Vec::new()) };
        let done = work(height);
        let acts = height.take_acts();
        if let Err(failed) = done {
            // Nothing of such a call is carried out.
            self.failed = Some(failed.clone());
            return Err(failed);
        }
        if height.is_decided() {
            self.decided();
        }
        Ok(acts)
    }

    /// The height under way is final: what follows is of the next one, whose members are not known yet.
    fn decided(&mut self) {
        self.tip = self.tip.next();
        self.members = None;
        self.ahead.forget_to(self.tip, true);
    }

    /// Tells, once a height, that one honest member at least has begun the next one.
    fn told_to_begin(&mut self) -> Vec<Act> {
        let next = self.tip.next();
        let idle = self.under_way.as_ref().is_none_or(UnderWay::is_decided);
        let enough = |members: &BTreeSet<Hash>| self.ahead.speakers(next, members) >= honest_one(members.len());
        let enough = self.members.as_ref().is_some_and(enough);
        if !idle || !enough || self.told == Some(next) {
            return Vec::new();
        }
        self.told = Some(next);
        vec![Act::Begin(next)]
    }
}

impl Agreement for MalachiteAgreement {
    fn stand(&mut self, tip: Height, members: &MemberSet) -> Vec<Act> {
        let before = self.under_way.take();
        let timers = before.is_some().then_some(Act::CancelAll);
        self.signed = before.map(UnderWay::into_signed).or(self.signed.take());
        self.failed = None;
        self.tip = tip;
        self.members = Some(members.members().map(Member::kid).collect());
        self.ahead.forget_to(tip, true);
        timers.into_iter().chain(self.told_to_begin()).collect()
    }

    fn begin(&mut self, height: Height, members: &MemberSet, replay: Vec<Logged>) -> Result<Vec<Act>, AgreementError> {
        let before = Height::new(height.get().saturating_sub(1)).unwrap_or(Height::GENESIS);
        // Told of nothing that it is about to do.
        self.told = Some(height);
        let mut acts = self.stand(before, members);
        let mut host = Host::new(
            self.origin.clone(),
            Arc::clone(&self.signer),
            height,
            members.clone(),
            self.patience,
            self.reachable.clone(),
        );
        // A member that decides alone has shown its signature to no one, if its block was not written.
        let is_alone = members.members().len() == 1;
        if let Some((_, signed)) = self.signed.as_ref().filter(|(at, _)| *at == height && !is_alone) {
            host.signed.clone_from(signed);
        }
        let mut begun = UnderWay::begin(host, replay).inspect_err(|failed| self.failed = Some(failed.clone()))?;
        acts.extend(begun.take_acts());
        let decided = begun.is_decided();
        self.under_way = Some(begun);
        if decided {
            self.decided();
        }
        for (from, said) in self.ahead.take(height) {
            acts.extend(self.hear(from, said)?);
        }
        Ok(acts)
    }

    fn hear(&mut self, from: Hash, said: Said) -> Result<Vec<Act>, AgreementError> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        let here = self.tip.next();
        let under_way = self.under_way.as_ref().is_some_and(|height| !height.is_decided());
        if under_way && said.height() == here {
            let verifier = Arc::clone(&self.verifier);
            return self.at(|height| height.hear(said, verifier.as_ref()));
        }
        self.ahead.keep(self.tip, from, said);
        Ok(self.told_to_begin())
    }

    fn time_out(&mut self, timer: Timer) -> Result<Vec<Act>, AgreementError> {
        self.at(|height| height.time_out(timer))
    }

    fn propose(&mut self, round: u32, value: ValueId) -> Result<Vec<Act>, AgreementError> {
        self.at(|height| height.propose(round, value))
    }

    fn check(&mut self, round: u32, value: ValueId, valid: bool) -> Result<Vec<Act>, AgreementError> {
        self.at(|height| height.check(round, value, valid))
    }

    fn greet(&mut self, peer: Hash) -> Result<Vec<Act>, AgreementError> {
        self.at(|height| {
            height.greet(peer);
            Ok(())
        })
    }

    fn reach(&mut self, reachable: BTreeSet<Hash>) -> Result<Vec<Act>, AgreementError> {
        self.reachable = Some(reachable.clone());
        self.at(|height| {
            height.reach(reachable);
            Ok(())
        })
    }
}
