//! What the agreement says is to be done.

use std::collections::VecDeque;

use tokio::time::Instant;

use crate::app::head::mark_of;
use crate::app::orderer::bodies::UnderWay;
use crate::app::orderer::job::answer_all;
use crate::app::orderer::{OrderError, Orderer};
use crate::ports::{Act, AgreementError, To, VoteLogError};
use sealane_core::agreement::{LastSaid, Logged, Message};
use sealane_core::block::{Height, MemberSet};

impl Orderer {
    /// Takes up the height that was under way at the last stop: this member says again what it said then. Not before enough
    /// others have told it what it has signed, and not before it has caught up with its own log.
    pub(super) async fn take_up(&mut self) {
        let Some(head) = &self.head else { return };
        let (tip, registry, next) = (mark_of(&head.tip), head.registry.clone(), head.state.next_height());
        let is_behind = self.log.height().is_some_and(|logged| logged > next);
        if !self.may_vote() || (is_behind && !self.is_alone()) {
            return;
        }
        let Some(entries) = self.recovered.take() else { return };
        // Of a height that is final since, nothing is said any more.
        let entries = if self.log.height() == Some(next) { entries } else { Vec::new() };
        if let Err(error) = self.log.begin(tip) {
            return self.fall_silent(&error.to_string());
        }
        let acts = if entries.is_empty() {
            Ok(self.agreement.stand(tip.height, registry.members()))
        } else {
            self.begin_with(next, registry.members(), entries)
        };
        self.carry_out(acts).await;
    }

    /// Begins a height of which the log may have something.
    fn begin_with(
        &mut self,
        height: Height,
        members: &MemberSet,
        entries: Vec<Logged>,
    ) -> Result<Vec<Act>, AgreementError> {
        let mut under_way = UnderWay::at(height);
        for entry in &entries {
            if let Logged::Body { value, bytes } = entry {
                self.recover_body(&mut under_way, *value, bytes);
            }
            under_way.remember(entry);
        }
        self.under_way = Some(under_way);
        self.agreement.begin(height, members, entries)
    }

    /// Does what there is to do now: begins a height if something waits for it, or builds the block that is due.
    pub(super) async fn advance(&mut self) {
        self.let_go_if_abstaining();
        if let Some(reason) = self.silence() {
            return self.refuse_clients(&OrderError::Silent(reason));
        }
        if self.recovered.is_some() {
            self.take_up().await;
        }
        if !self.may_vote() || self.recovered.is_some() {
            return;
        }
        let round = match &self.under_way {
            None => None,
            Some(height) => match height.to_build {
                None => return,
                round => round,
            },
        };
        if !self.has_reason(round) || (round.is_none() && !self.is_called() && self.rests_until().is_some()) {
            return;
        }
        let acts = match round {
            Some(round) => self.build(round).await,
            None => match self.begin().await {
                Some(acts) => acts,
                None => return,
            },
        };
        self.carry_out(acts).await;
    }

    /// Begins the next height. `None` if the ledger cannot be taken up, which the clients are told.
    async fn begin(&mut self) -> Option<Result<Vec<Act>, AgreementError>> {
        // After a failed write the state is loaded anew, which `build` tells its senders about.
        if self.head.is_none()
            && let Err(refusal) = self.permit().await
        {
            self.refuse_clients(&refusal);
            return None;
        }
        let head = self.head.as_ref()?;
        let (height, registry) = (head.state.next_height(), head.registry.clone());
        if self.is_alone() {
            // Nothing is said to anyone before the block is written.
            self.has_failed = false;
            return Some(self.begin_with(height, registry.members(), Vec::new()));
        }
        let flushed = match self.log.begin(mark_of(&head.tip)) {
            // What was logged and not flushed belongs to what is replayed.
            Ok(()) if self.log.height() == Some(height) && self.has_failed => self.log.flush().await,
            begun => begun,
        };
        self.has_failed = false;
        if let Err(error) = flushed {
            self.fall_silent(&error.to_string());
            return None;
        }
        // After a write that failed, the log has what was said of this very height.
        let entries = match self.log.entries().await {
            Ok(entries) => entries,
            Err(error) => {
                self.fall_silent(&error.to_string());
                return None;
            }
        };
        self.called = None;
        self.begun_at = Some(Instant::now());
        Some(self.begin_with(height, registry.members(), entries))
    }

    /// Tells whether there is something for a block to hold, or a block is due by itself.
    pub(super) fn has_reason(&self, to_build: Option<u32>) -> bool {
        let is_called = to_build.is_none() && self.is_called();
        !self.pool.is_empty()
            || self.is_due
            || is_called
            || to_build.is_some_and(|round| self.is_empty_block_due(round))
    }

    /// Tells whether others have begun the next height.
    fn is_called(&self) -> bool {
        let next = self.head.as_ref().map(|head| head.state.next_height());
        self.called.is_some() && self.called == next
    }

    /// Carries out acts in their order, and what follows from each after those that were there before. A member that signs
    /// nothing does none of them: who comes and goes would set its timers again, and a timer ends in a vote.
    pub(super) async fn carry_out(&mut self, acts: Result<Vec<Act>, AgreementError>) {
        if self.silent.is_some() || self.abstention().is_some() {
            return;
        }
        let mut waiting: VecDeque<Act> = match acts {
            Ok(acts) => acts.into(),
            Err(error) => return self.fall_silent(&error.to_string()),
        };
        while let Some(act) = waiting.pop_front() {
            let more = match act {
                Act::Log(entry) => {
                    self.note(&entry);
                    Ok(Vec::new())
                }
                Act::Say(said) => {
                    // Before anything leaves: what a restart does not know of, it could contradict.
                    if !self.is_alone()
                        && let Err(error) = self.flush_log().await
                    {
                        return self.fall_silent(&error.to_string());
                    }
                    self.peers.say(To::All, &Message::Said(said));
                    Ok(Vec::new())
                }
                Act::Repeat { to, said } => {
                    self.peers.say(to.map_or(To::All, To::One), &Message::Said(said));
                    Ok(Vec::new())
                }
                Act::Show { to, value } => {
                    self.show(to.map_or(To::All, To::One), value);
                    Ok(Vec::new())
                }
                Act::Build { round } => self.build(round).await,
                Act::Want(wanted) => self.want(wanted).await,
                Act::Wake(timer, after) => {
                    self.timers.insert(timer, Instant::now() + after);
                    Ok(Vec::new())
                }
                Act::Cancel(timer) => {
                    self.timers.remove(&timer);
                    Ok(Vec::new())
                }
                Act::CancelAll => {
                    self.timers.clear();
                    Ok(Vec::new())
                }
                Act::Begin(height) => {
                    self.called = Some(height);
                    Ok(Vec::new())
                }
                Act::Decide { value, commit } => Ok(self.finish(value, commit).await),
                Act::Faults(faults) => {
                    for fault in faults {
                        self.observer.member_at_fault();
                        tracing::error!(member = %fault.signer(), "a member has signed two things in one place: {fault:?}");
                    }
                    Ok(Vec::new())
                }
            };
            match more {
                Ok(more) => waiting.extend(more),
                Err(error) => return self.fall_silent(&error.to_string()),
            }
        }
    }

    /// Makes the log of votes durable.
    pub(super) async fn flush_log(&mut self) -> Result<(), VoteLogError> {
        let began = Instant::now();
        self.log.flush().await?;
        self.observer.log_flushed(began.elapsed());
        Ok(())
    }

    /// Adds an entry to the log of what this member knows and says at the height under way.
    pub(super) fn note(&mut self, entry: &Logged) {
        if !self.is_alone() {
            self.log.append(entry);
        }
        if let Some(said) = LastSaid::of_logged(entry) {
            self.words.learn(said);
        }
        if let Some(under_way) = &mut self.under_way {
            under_way.remember(entry);
        }
    }

    /// Signs nothing more, until the node is started again. Reading goes on.
    pub(super) fn fall_silent(&mut self, reason: &str) {
        tracing::error!(reason, "this member signs nothing more until the node is started again");
        self.silent = Some(reason.to_owned());
        self.timers.clear();
        self.under_way = None;
        self.refuse_clients(&OrderError::Silent(reason.to_owned()));
        self.publish_council();
    }

    /// Tells every client that waits why its statement is not recorded. With one member it is forgotten; with several, others
    /// may have it.
    pub(super) fn refuse_clients(&mut self, refusal: &OrderError) {
        answer_all(self.pool.drain_clients(), &Err(refusal.clone()));
    }
}
