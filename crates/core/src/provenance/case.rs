//! What the rules judge: the records of a history, and the account that they come to.

use std::ops::Deref;

use crate::consortium::ParticipantId;
use crate::gs1::Id;
use crate::provenance::account::Account;
use crate::provenance::corrections::Standing;
use crate::provenance::history::History;
use crate::provenance::passage::{Passage, Transfer};
use crate::provenance::policy::Policy;
use crate::provenance::reading;
use crate::provenance::records::Records;
use crate::provenance::wording;

/// A product's records, and its account.
#[derive(Debug)]
pub(super) struct Case<'a> {
    pub records: Records<'a>,
    pub account: Account<'a>,
    /// The entries that name the product, and those of its containers that are part of its journey, in ledger order.
    pub told: Vec<usize>,
}

impl<'a> Deref for Case<'a> {
    type Target = Records<'a>;

    fn deref(&self) -> &Records<'a> {
        &self.records
    }
}

impl<'a> Case<'a> {
    pub fn new(history: &'a History, policy: &'a Policy) -> Self {
        let records = Records::new(history, policy);
        let account = Account::new(&records);
        let mut told: Vec<usize> = records.own.iter().chain(account.via.keys()).copied().collect();
        told.sort_unstable();
        told.dedup();
        Self { records, account, told }
    }

    /// The journey: the accepted entries, in the order of custody.
    pub fn order(&self) -> impl Iterator<Item = usize> + '_ {
        self.account.order.iter().copied()
    }

    /// The container whose entry this is, where the product is not named itself.
    pub fn via(&self, at: usize) -> Option<&'a Id> {
        self.account.via.get(&at).copied()
    }

    /// The day of the event in UTC, for sentences, and in what the product was then if the event names only that.
    pub fn day(&self, at: usize) -> String {
        let day = wording::day(self.event(at).event_time);
        match self.via(at) {
            Some(container) => format!("{day} in the container {}", wording::id(container)),
            None => day,
        }
    }

    /// Where an entry says that it was, as a clause.
    pub fn placed(&self, at: usize) -> String {
        reading::location(self.event(at)).map(|id| format!(" at {}", wording::place(id))).unwrap_or_default()
    }

    /// Tells whether an entry counts.
    pub fn counts(&self, at: usize) -> bool {
        self.account.counts(&self.records, at)
    }

    /// Tells whether an entry counts, or would if a key in other hands had not withdrawn it.
    pub fn stands(&self, at: usize) -> bool {
        let by_thief = |by: usize| self.compromised_since(by).is_some();
        self.counts(at) || matches!(self.entries[at].standing, Standing::WithdrawnBy(by) if by_thief(by))
    }

    /// Who has the product by a passage, as a clause: "Acme had it, last seen there on …, and recorded no hand-over".
    pub fn holder(&self, passage: &Passage<'a>, last: Option<usize>) -> String {
        match passage {
            Passage::Held(by) => {
                let since = last.map(|at| format!(", last seen there on {},", self.day(at))).unwrap_or_default();
                format!("{} had it{since} and recorded no hand-over", self.name(by))
            }
            Passage::Moving(transfer) => {
                let (from, day) = (self.name(transfer.from), self.day(transfer.since));
                match self.announced(transfer) {
                    Some(to) => format!("{from} had sent it to {to} on {day}"),
                    None => format!("{from} had sent it off on {day}"),
                }
            }
            Passage::Ended(ending) => {
                format!("{} had recorded it as {} on {}", self.who(ending.by), ending.end.word(), self.day(ending.by))
            }
            Passage::Unknown => "nobody is known to have had it".to_owned(),
        }
    }

    /// The announced destinations by name, those outside the consortium as one.
    pub fn announced(&self, transfer: &Transfer<'_>) -> Option<String> {
        let mut owners: Vec<&ParticipantId> = transfer.to.iter().filter_map(|id| self.owner(id)).collect();
        owners.sort_unstable();
        owners.dedup();
        let names: Vec<String> = owners.into_iter().map(|owner| self.name(owner)).collect();
        match (names.is_empty(), transfer.to.is_empty()) {
            (_, true) => None,
            (true, false) => Some("somebody who is not registered here".to_owned()),
            (false, false) => Some(names.join(" and ")),
        }
    }
}
