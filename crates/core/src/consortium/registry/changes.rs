//! What the changes of a proposal come to, and whether they can be made.

use std::collections::{BTreeMap, BTreeSet};

use crate::block::{Member, MemberSet, MemberSetError, Origin};
use crate::consortium::admin::{PolicyChange, PolicyName, PolicyValue, ProposedChange, RulesChange, Succession};
use crate::consortium::claims::ParticipantId;
use crate::consortium::registry::proposals::LedgerProposal;
use crate::consortium::registry::refusal::{ChangeRefusal, ProposalRefusal};
use crate::consortium::registry::{Decision, Registry};
use crate::hash::Hash;
use crate::index::SignerTag;
use crate::statement::{Signature, SignatureVerifier, StatementId};
use crate::time::Timestamp;

/// The rules by which blocks are made, and those that the members have decided on for later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecidedRules {
    /// In force, unless `next` is by now.
    pub number: u32,
    pub next: Option<NextRules>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextRules {
    pub number: u32,
    /// They are in force from the first block after the enacting one whose time is not before this.
    pub not_before: Timestamp,
}

impl DecidedRules {
    /// The number of the rules for a block of this time, which comes after all that were taken.
    pub fn at(&self, time: Timestamp) -> u32 {
        self.next.filter(|next| next.not_before <= time).map_or(self.number, |next| next.number)
    }
}

/// The bytes over which a new member's key signs, as the proof of an `admit` or a `replace`: 82 bytes.
///
/// "sealane/member/v1" 0x00 ‖ SHA-256(origin) ‖ SHA-256(JSON of its member entry).
pub fn member_proof_bytes(origin: &Origin, member: &Member) -> Vec<u8> {
    let mut bytes = b"sealane/member/v1\0".to_vec();
    bytes.extend_from_slice(origin.hash().as_bytes());
    bytes.extend_from_slice(Hash::of(&member.to_json()).as_bytes());
    bytes
}

/// The members after a proposal's changes, if it changes them, with each key that is replaced and the one in its place.
pub(super) struct ChangeOutcome {
    members: Option<MemberSet>,
    replaced: Vec<(Hash, Hash)>,
}

impl Registry {
    /// Says what the changes come to if they are made now, or which of them cannot be made. Proofs are for
    /// [`Self::check_proofs`]: they hold once and for ever.
    pub(super) fn outcome_of(
        &self,
        changes: &[ProposedChange],
        now: Timestamp,
    ) -> Result<ChangeOutcome, ProposalRefusal> {
        let mut made = Made::new(self, now);
        for (at, change) in changes.iter().enumerate() {
            made.take(change).map_err(|error| ProposalRefusal::Change { at, error })?;
        }
        // Of the set as a whole no single change is at fault: the last one is named.
        let last = changes.len().saturating_sub(1);
        made.finish().map_err(|error| ProposalRefusal::Change { at: last, error })
    }

    /// Checks that a member could be admitted as of now: its name is free, and neither of its keys was ever used.
    pub fn check_admission(&self, member: &Member, now: Timestamp) -> Result<(), ChangeRefusal> {
        let mut made = Made::new(self, now);
        made.admit(member.clone())?;
        made.finish().map(drop)
    }

    /// The members after a proposal's changes, if they are made now; `None` if the proposal changes no member, or cannot be made.
    pub fn members_after(&self, proposal: &LedgerProposal, now: Timestamp) -> Option<MemberSet> {
        self.outcome_of(&proposal.content.changes, now).ok()?.members
    }

    /// Checks that each key that comes in agrees to its entry.
    pub(super) fn check_proofs(
        &self,
        changes: &[ProposedChange],
        verifier: &dyn SignatureVerifier,
    ) -> Result<(), ProposalRefusal> {
        for (at, change) in changes.iter().enumerate() {
            let Some((member, proof)) = self.entry_of(change) else { continue };
            let bytes = member_proof_bytes(&self.origin, &member);
            if verifier.verify(member.key(), &bytes, proof).is_err() {
                return Err(ProposalRefusal::Change { at, error: ChangeRefusal::Proof { kid: member.kid() } });
            }
        }
        Ok(())
    }

    /// The member entries that changes bring in. A replacement for a member that there is not brings none.
    pub(super) fn incoming(&self, changes: &[ProposedChange]) -> Vec<Member> {
        changes.iter().filter_map(|change| self.entry_of(change)).map(|(member, _)| member).collect()
    }

    fn entry_of<'a>(&self, change: &'a ProposedChange) -> Option<(Member, &'a Signature)> {
        let (name, jwk, note_key, proof) = match change {
            ProposedChange::Admit(one) => (one.name.as_str(), &one.jwk, &one.note_key, &one.proof),
            ProposedChange::Replace(one) => (self.members().get(&one.kid)?.name(), &one.jwk, &one.note_key, &one.proof),
            ProposedChange::Remove(_)
            | ProposedChange::Revoke(_)
            | ProposedChange::Dismiss(_)
            | ProposedChange::Lift(_)
            | ProposedChange::Authority(_)
            | ProposedChange::Succeeds(_)
            | ProposedChange::Policy(_)
            | ProposedChange::Rules(_) => return None,
        };
        Some((Member::new(name, jwk.clone(), note_key.clone()).ok()?, proof))
    }

    /// Makes the changes of a proposal that is enacted.
    pub(super) fn make(
        &mut self,
        proposal: StatementId,
        changes: &[ProposedChange],
        outcome: ChangeOutcome,
        at: &Decision<'_>,
    ) {
        for change in changes {
            match change {
                ProposedChange::Revoke(revocation) => self.end_by_vote(revocation, proposal, at.place),
                ProposedChange::Policy(policy) => self.policies.set(policy, at.place),
                ProposedChange::Rules(rules) => self.decide_rules(rules, at.place.time),
                // Together, below.
                ProposedChange::Admit(_) | ProposedChange::Remove(_) | ProposedChange::Replace(_) => {}
                ProposedChange::Dismiss(dismissal) => self.dismiss(dismissal, proposal, at.place),
                ProposedChange::Lift(lift) => self.lift(lift, proposal, at.place),
                ProposedChange::Authority(grant) => self.grant_authority(&grant.registration, proposal, at.place),
                ProposedChange::Succeeds(succession) => self.succeed(succession, proposal, at.place),
            }
        }
        if let Some(members) = outcome.members {
            self.history.change(at.height.next(), members, outcome.replaced);
        }
    }

    fn decide_rules(&mut self, change: &RulesChange, now: Timestamp) {
        let next = NextRules { number: change.number, not_before: change.not_before };
        self.rules = DecidedRules { number: self.rules.at(now), next: Some(next) };
    }
}

/// Changes, taken one after another.
struct Made<'a> {
    registry: &'a Registry,
    now: Timestamp,
    members: BTreeMap<Hash, Member>,
    /// Members that a change is about.
    touched: BTreeSet<Hash>,
    incoming: Vec<Member>,
    /// The names that are admitted: a replacement keeps the one that its member had.
    new_names: BTreeSet<String>,
    replaced: Vec<(Hash, Hash)>,
    revoked: BTreeSet<&'a ParticipantId>,
    policies: BTreeSet<(PolicyName, Option<&'a ParticipantId>)>,
    /// The limits on new ids that it grants single participants, and on subjects.
    granted: BTreeMap<&'a ParticipantId, u64>,
    subjects: Option<u64>,
    authorities: BTreeSet<&'a ParticipantId>,
    /// Who goes on for whom by this proposal.
    successors: BTreeMap<&'a ParticipantId, &'a ParticipantId>,
    changes_rules: bool,
}

impl<'a> Made<'a> {
    fn new(registry: &'a Registry, now: Timestamp) -> Self {
        Self {
            registry,
            now,
            members: registry.members().members().map(|member| (member.kid(), member.clone())).collect(),
            touched: BTreeSet::new(),
            incoming: Vec::new(),
            new_names: BTreeSet::new(),
            replaced: Vec::new(),
            revoked: BTreeSet::new(),
            policies: BTreeSet::new(),
            granted: BTreeMap::new(),
            subjects: None,
            authorities: BTreeSet::new(),
            successors: BTreeMap::new(),
            changes_rules: false,
        }
    }

    fn take(&mut self, change: &'a ProposedChange) -> Result<(), ChangeRefusal> {
        match change {
            ProposedChange::Admit(one) => {
                let member = Member::new(one.name.as_str(), one.jwk.clone(), one.note_key.clone());
                self.admit(member.map_err(ChangeRefusal::Members)?)
            }
            ProposedChange::Remove(one) => self.take_out(one.kid).map(drop),
            ProposedChange::Replace(one) => {
                let former = self.take_out(one.kid)?;
                let member = Member::new(former.name(), one.jwk.clone(), one.note_key.clone());
                let member = member.map_err(ChangeRefusal::Members)?;
                self.replaced.push((one.kid, member.kid()));
                self.bring_in(member)
            }
            ProposedChange::Revoke(one) => {
                let participant = self.known(&one.participant)?;
                if self.registry.participant(participant).is_some_and(|one| one.revoked.is_some())
                    || !self.revoked.insert(participant)
                {
                    return Err(ChangeRefusal::RevokedAlready { participant: *participant });
                }
                Ok(())
            }
            ProposedChange::Policy(one) => {
                let participant = one.participant().map(|id| self.known(id)).transpose()?;
                if !self.policies.insert((one.name(), participant)) {
                    return Err(ChangeRefusal::PolicyTwice { name: one.name().as_str() });
                }
                self.grant(one, participant)
            }
            ProposedChange::Rules(one) => {
                let (number, in_force) = (one.number, self.registry.rules.at(self.now));
                if std::mem::replace(&mut self.changes_rules, true) {
                    return Err(ChangeRefusal::RulesTwice);
                }
                if number > in_force { Ok(()) } else { Err(ChangeRefusal::RulesNotLater { number, in_force }) }
            }
            ProposedChange::Dismiss(one) => self.known(&one.participant).map(drop),
            // That its leaf recalls these ids is looked at where it is proposed, and stays so.
            ProposedChange::Lift(_) => Ok(()),
            ProposedChange::Authority(one) => {
                self.registry.check_authority(&one.registration)?;
                let participant = &one.registration;
                let is_first = self.authorities.insert(participant);
                if is_first { Ok(()) } else { Err(ChangeRefusal::AuthorityAlready { participant: *participant }) }
            }
            ProposedChange::Succeeds(one) => {
                self.known(&one.former)?;
                self.known(&one.participant)?;
                self.registry.check_succession(one)?;
                self.succeed(one)
            }
        }
    }

    /// Holds what single participants are granted against the room of the ledger: ten of them could else fill it for all others.
    fn grant(&mut self, change: &PolicyChange, participant: Option<&'a ParticipantId>) -> Result<(), ChangeRefusal> {
        match (change.name(), participant, change.value()) {
            (PolicyName::NewIdsInAll, Some(participant), PolicyValue::Whole(number)) => {
                self.granted.insert(participant, *number);
            }
            (PolicyName::SubjectsMax, _, PolicyValue::Whole(number)) => self.subjects = Some(*number),
            _ => return Ok(()),
        }
        let policies = &self.registry.policies;
        let set = policies.granted().filter(|(participant, _)| {
            let ended = self.registry.participant(participant).is_some_and(|one| one.revoked.is_some());
            !ended && !self.granted.contains_key(participant)
        });
        let granted = set.map(|(_, number)| number).chain(self.granted.values().copied()).fold(0, u64::saturating_add);
        let most = self.subjects.unwrap_or_else(|| policies.subjects_max());
        if granted > most { Err(ChangeRefusal::GrantedTooMuch { granted, most }) } else { Ok(()) }
    }

    /// Takes a succession, of which the registry alone has nothing to say, beside those of the same proposal.
    fn succeed(&mut self, change: &'a Succession) -> Result<(), ChangeRefusal> {
        let Succession { former, participant } = change;
        if let Some(by) = self.successors.insert(former, participant) {
            return Err(ChangeRefusal::SucceededAlready { former: *former, by: *by });
        }
        let mut last = participant;
        loop {
            let decided = self.registry.successor_of(last).map(|one| &one.participant);
            let Some(next) = self.successors.get(last).copied().or(decided) else { return Ok(()) };
            if next == participant || next == former {
                return Err(ChangeRefusal::SuccessionCircle { former: *former, participant: *participant });
            }
            last = next;
        }
    }

    fn admit(&mut self, member: Member) -> Result<(), ChangeRefusal> {
        if !self.new_names.insert(member.name().to_owned()) {
            return Err(ChangeRefusal::NameTaken { name: member.name().to_owned() });
        }
        self.bring_in(member)
    }

    fn known(&self, id: &'a ParticipantId) -> Result<&'a ParticipantId, ChangeRefusal> {
        let unknown = || ChangeRefusal::UnknownParticipant { participant: *id };
        self.registry.participant(id).map(|_| id).ok_or_else(unknown)
    }

    fn take_out(&mut self, kid: Hash) -> Result<Member, ChangeRefusal> {
        if !self.touched.insert(kid) {
            return Err(ChangeRefusal::MemberTwice { kid });
        }
        self.members.remove(&kid).ok_or(ChangeRefusal::NoMember { kid })
    }

    /// Holds a new member against every one that ever was, so that a key means one member for good.
    fn bring_in(&mut self, member: Member) -> Result<(), ChangeRefusal> {
        let (kid, tag) = (member.kid(), SignerTag::of_member(&member.kid()));
        if self.registry.by_key.contains_key(&kid) {
            return Err(ChangeRefusal::KeyUsed { kid });
        }
        for former in self.registry.history.ever() {
            if former.kid() == kid {
                return Err(ChangeRefusal::KeyUsed { kid });
            }
            if SignerTag::of_member(&former.kid()) == tag {
                return Err(ChangeRefusal::Alike { kid, other: former.kid() });
            }
            if former.note_key() == member.note_key() {
                return Err(ChangeRefusal::NoteKeyUsed { note_key: member.note_key().to_string() });
            }
        }
        self.incoming.push(member);
        Ok(())
    }

    fn finish(self) -> Result<ChangeOutcome, ChangeRefusal> {
        if self.incoming.is_empty() && self.touched.is_empty() {
            return Ok(ChangeOutcome { members: None, replaced: Vec::new() });
        }
        // Founders may share a name, and keep it with a new key; a name that is admitted is no other's.
        let is_replacement = |member: &&Member| self.replaced.iter().any(|(_, new)| *new == member.kid());
        let replacements = self.incoming.iter().filter(is_replacement);
        let kept = self.members.values().chain(replacements);
        if let Some(taken) = kept.map(Member::name).find(|name| self.new_names.contains(*name)) {
            return Err(ChangeRefusal::NameTaken { name: taken.to_owned() });
        }
        let members = self.members.into_values().chain(self.incoming).collect();
        match MemberSet::new(members) {
            Ok(members) => Ok(ChangeOutcome { members: Some(members), replaced: self.replaced }),
            Err(MemberSetError::Alike { kid, other }) => Err(ChangeRefusal::Alike { kid, other }),
            Err(error) => Err(ChangeRefusal::Members(error)),
        }
    }
}
