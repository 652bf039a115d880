//! Quotas: how much one participant may put on the ledger, so that no single registrant fills it, or throws doubt on whatever it
//! likes.
//!
//! They are counted by the UTC day of the block's time, over whole statements in the order of their places: a statement that one
//! of its ids takes over a limit is refused whole. Of each subject that a statement names the index is looked at once.

use crate::consortium::{Participant, PolicyName, QuotaLimits};
use crate::epcis::Event;
use crate::index::{Counts, SignerTag, Subject, SubjectIndex, SubjectKey};
use crate::ledger::known::{Knowledge, Prefetched};
use crate::ledger::usage::{Day, Usage, UsageAdded, UseTally};
use crate::merkle::{LeafIndex, TreeSize};
use crate::record::LeafRecord;
use crate::time::Timestamp;

/// A statement that takes its signer, or the ledger, over a limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", message(self))]
pub struct QuotaRefusal {
    /// The policy that sets the limit.
    pub policy: PolicyName,
    pub limit: u64,
    /// What counts towards it already, and what the statement asks for.
    pub used: u64,
    pub asked: u64,
    /// The id whose list has as many leaves of this signer as it may, for the policies about lists.
    pub id: Option<String>,
    /// Whether a day is counted, or all of them.
    pub is_of_a_day: bool,
    /// When there is room for it: the next UTC day. `None` if that brings none.
    pub room_from: Option<Timestamp>,
}

fn message(refusal: &QuotaRefusal) -> String {
    let QuotaRefusal { policy, limit, used, asked, id, .. } = refusal;
    let what = match (policy, id) {
        (PolicyName::ContactsPerDay, _) => format!(
            "a participant takes up at most {limit} ids of others in a UTC day; this one has taken up {used} today, and the statement \
             names {asked} more"
        ),
        (PolicyName::NewIdsPerDay, _) => format!(
            "a participant names at most {limit} new ids in a UTC day; this one has named {used} today, and the statement names \
             {asked} more"
        ),
        (PolicyName::NewIdsInAll, _) => format!(
            "a participant names at most {limit} new ids in all; this one has named {used}, and the statement names {asked} more"
        ),
        (PolicyName::SubjectsMax, _) => {
            format!(
                "the ledger takes at most {limit} subjects; it has {used}, and the statement names {asked} new ones"
            )
        }
        (_, Some(id)) => format!(
            "a participant says something of {id}, which is not under its claims, in at most {limit} statements {}; this one has in \
             {used}. All events of one statement count as one",
            if refusal.is_of_a_day { "of a UTC day" } else { "in all" }
        ),
        (_, None) => format!("the limit is {limit}, and {used} are used"),
    };
    let room = match refusal.room_from {
        Some(time) => format!("There is room again from {time} on, by the time of blocks"),
        None if asked > limit && refusal.is_of_a_day => {
            "It is more than one day has room for: split the statement".to_owned()
        }
        None => "There is no room again by itself".to_owned(),
    };
    let raise = match policy {
        PolicyName::SubjectsMax => format!("the members raise it by `sealane policy {}`", policy.as_str()),
        _ => format!("the members raise it by `sealane policy {} NUMBER --participant ID`", policy.as_str()),
    };
    format!("{}: {what}. {room}; {raise}", policy.as_str())
}

/// The state of the ledger as of a statement's place.
#[derive(Clone, Copy)]
pub(super) struct QuotaState<'a> {
    pub index: &'a SubjectIndex,
    pub usage: &'a Usage,
    /// Of the statements before it in its own block.
    pub added: &'a UsageAdded,
    pub final_ones: &'a dyn Knowledge,
    pub block: &'a Prefetched,
}

impl QuotaState<'_> {
    /// Checks that a capture keeps its signer and the ledger within their limits, in a block of a time. Returns what it uses.
    pub fn check(
        self,
        record: &LeafRecord,
        participant: &Participant,
        limits: &QuotaLimits,
        time: Timestamp,
    ) -> Result<UseTally, QuotaRefusal> {
        let (signer, day) = (SignerTag::of_participant(&participant.id), Day::of(time));
        let (mut tally, mut unnamed) = (UseTally::default(), 0);
        for ((key, _), counts) in record.names().zip(record.counts()) {
            let found = self.index.look(&key);
            tally.count(counts, found.map(|(_, last)| last.signer), signer);
            unnamed += u64::from(found.is_none());
            if let Some((length, _)) = found.filter(|_| counts.contains(Counts::FOREIGN)) {
                let list = ForeignList { key, length, is_of_piece: counts.contains(Counts::PIECE) };
                self.check_list(&list, signer, limits, day).map_err(|refusal| refusal.about(record, &key))?;
            }
        }
        let used = self.added.used(self.usage, signer);
        let refusal = |policy, limit, used: u64, asked| {
            let is_of_a_day = matches!(policy, PolicyName::ContactsPerDay | PolicyName::NewIdsPerDay);
            let room_from = (is_of_a_day && asked <= limit).then(|| day.end());
            let is_over = asked > 0 && used.saturating_add(asked) > limit;
            is_over.then_some(QuotaRefusal { policy, limit, used, asked, id: None, is_of_a_day, room_from })
        };
        // What never has room again comes first, so that no one waits for the next day in vain.
        let refused = refusal(PolicyName::SubjectsMax, limits.subjects, self.index.len() as u64, unnamed)
            .or_else(|| refusal(PolicyName::NewIdsInAll, limits.new_ids_in_all, used.new_in_all, tally.new))
            .or_else(|| refusal(PolicyName::NewIdsPerDay, limits.new_ids_per_day, used.new_of(day), tally.new))
            .or_else(|| {
                let contacts = used.contacts_of(day);
                refusal(PolicyName::ContactsPerDay, limits.contacts_per_day, contacts, tally.contacts)
            });
        refused.map_or(Ok(tally), Err)
    }

    /// Counts the signer's leaves in a list that is as long as the limits, and in no other.
    fn check_list(
        self,
        list: &ForeignList,
        signer: SignerTag,
        limits: &QuotaLimits,
        day: Day,
    ) -> Result<(), QuotaRefusal> {
        let refusal = |policy, limit, used, is_of_a_day: bool| {
            let room_from = is_of_a_day.then(|| day.end());
            Err(QuotaRefusal { policy, limit, used, asked: 1, id: None, is_of_a_day, room_from })
        };
        if list.is_of_piece && list.length >= limits.leaves_per_piece_in_all {
            let (limit, used) =
                (limits.leaves_per_piece_in_all, self.leaves_of(&list.key, signer, TreeSize::ZERO.next_index()));
            if used >= limit {
                return refusal(PolicyName::LeavesPerSubjectInAll, limit, used, false);
            }
        }
        let limit = if list.is_of_piece { limits.leaves_per_piece_per_day } else { limits.leaves_per_lot_per_day };
        let first = self.added.first_of(self.usage, day).filter(|_| list.length >= limit);
        let used = first.map_or(0, |first| self.leaves_of(&list.key, signer, first));
        if used >= limit { refusal(PolicyName::LeavesPerSubjectPerDay, limit, used, true) } else { Ok(()) }
    }

    fn leaves_of(self, subject: &SubjectKey, signer: SignerTag, first: LeafIndex) -> u64 {
        self.final_ones.leaves_of(subject, signer, first) + self.block.leaves_of(subject, signer, first)
    }
}

/// The list of an id that is not under the signer's claims.
struct ForeignList {
    key: SubjectKey,
    length: u64,
    is_of_piece: bool,
}

impl QuotaRefusal {
    /// The same, saying which id it is about.
    fn about(self, record: &LeafRecord, key: &SubjectKey) -> Self {
        let count = u32::try_from(record.event_keys().len()).unwrap_or(u32::MAX);
        let events = (0..count).filter_map(|position| record.event(position).ok().flatten());
        let id = events.filter_map(|event| id_with(&event, key)).next();
        Self { id: Some(id.unwrap_or_else(|| "an id".to_owned())), ..self }
    }
}

/// The id of an event, or the class of one, that has a key.
fn id_with(event: &Event, key: &SubjectKey) -> Option<String> {
    let ids = event.ids().flat_map(|(_, id)| [Some(id.clone()), id.class()]).flatten();
    ids.map(|id| id.as_str().to_owned()).find(|text| Subject::id(text.as_str()).key() == *key)
}
