//! What the rules judge: the records of a history, and the account that they come to.

use std::ops::Deref;

use crate::consortium::{Claims, ParticipantId};
use crate::gs1::Id;
use crate::provenance::account::Account;
use crate::provenance::contents::Contents;
use crate::provenance::corrections::Standing;
use crate::provenance::history::History;
use crate::provenance::passage::{Passage, Transfer};
use crate::provenance::phrase::Phrase;
use crate::provenance::policy::Policy;
use crate::provenance::reading::{self, End};
use crate::provenance::records::Records;
use crate::provenance::sentences::Wording;
use crate::provenance::wording;
use crate::time::Timestamp;

/// A product's records, and its account.
#[derive(Debug)]
pub(super) struct Case<'a> {
    pub records: Records<'a>,
    pub account: Account<'a>,
    /// The entries that name the product, and those of its containers that are part of its journey, in ledger order.
    pub told: Vec<usize>,
    /// What the product holds, if it is a load.
    pub contents: Contents<'a>,
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
        let contents = Contents::of(&records, &account);
        Self { records, account, told, contents }
    }

    /// The journey: the accepted entries, in the order of custody.
    pub fn order(&self) -> impl Iterator<Item = usize> + '_ {
        self.account.order.iter().copied()
    }

    /// The container whose entry this is, where the product is not named itself.
    pub fn via(&self, at: usize) -> Option<&'a Id> {
        self.account.via.get(&at).copied()
    }

    /// The day of the event where it was recorded, for sentences, and in what the product was then if the event names only that.
    pub fn day(&self, at: usize) -> Wording {
        let day = self.own_day(at);
        match self.via(at) {
            Some(container) => Phrase::InContainer { day, container: wording::id(container).into() }.into(),
            None => day,
        }
    }

    /// The day of the event by the offset of its record.
    pub fn own_day(&self, at: usize) -> Wording {
        self.day_of(at, self.event(at).event_time)
    }

    /// The day on which a record was declared wrong, by the offset of the record that says so.
    pub fn declared(&self, at: usize) -> Option<Wording> {
        let declaration = self.event(at).error_declaration.as_ref()?;
        Some(self.day_of(at, declaration.declaration_time))
    }

    fn day_of(&self, at: usize, time: Timestamp) -> Wording {
        wording::day_at(time, &self.event(at).event_time_zone_offset).into()
    }

    /// Where an entry says that it was, as a clause.
    pub fn placed(&self, at: usize) -> Wording {
        self.place(at).map(|place| Phrase::AtPlace { place }).into()
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
    pub fn holder(&self, passage: &Passage<'a>, last: Option<usize>) -> Wording {
        match passage {
            Passage::Held(by) => {
                let since = last.map(|at| Phrase::HolderSince { day: self.day(at) });
                Phrase::HolderHeld { who: self.name(by), since: since.into() }.into()
            }
            Passage::Moving(transfer) => {
                let (who, day) = (self.name(transfer.from), self.day(transfer.since));
                match self.announced(transfer) {
                    Some(to) => Phrase::HolderSentTo { who, to, day }.into(),
                    None => Phrase::HolderSent { who, day }.into(),
                }
            }
            Passage::Ended(ending) => {
                let (who, day) = (self.who(ending.by), self.day(ending.by));
                Phrase::HolderEnded { who, end: ended(ending.end), day }.into()
            }
            Passage::Unknown => Phrase::HolderNobody.into(),
        }
    }

    /// The announced destinations by name, those outside the consortium as one.
    pub fn announced(&self, transfer: &Transfer<'_>) -> Option<Wording> {
        let mut owners: Vec<&ParticipantId> = transfer.to.iter().filter_map(|id| self.owner(id)).collect();
        owners.sort_unstable();
        owners.dedup();
        let names: Vec<Wording> = owners.into_iter().map(|owner| self.name(owner)).collect();
        match (names.is_empty(), transfer.to.is_empty()) {
            (_, true) => None,
            (true, false) => Some(Phrase::Outsider.into()),
            (false, false) => Some(Wording::All(names)),
        }
    }

    /// To whom the place of an entry belongs, if that is another participant than its signer.
    pub fn location_owner(&self, at: usize) -> Option<&'a ParticipantId> {
        let owner = self.owner(reading::location(self.event(at))?)?;
        (owner != self.signer(at)).then_some(owner)
    }

    /// Where an entry was recorded, to stand in a sentence that names its signer: with the owner's name if that is another participant.
    pub fn place(&self, at: usize) -> Option<Wording> {
        let id = reading::location(self.event(at))?;
        let place = Wording::from(wording::place(id));
        Some(match self.location_owner(at) {
            Some(owner) => Phrase::PlaceOf { place, owner: self.name(owner) }.into(),
            None => place,
        })
    }

    /// The signer of an entry, by its name and by a number that it did not choose: its first company prefix, else its first GLN, unless
    /// that is the place which the sentence names anyway.
    pub fn known(&self, at: usize) -> Wording {
        let is_told = |claims: &Claims| {
            reading::location(self.event(at)).is_some_and(|id| id.gln().is_some() && claims.holds_location(id))
        };
        self.numbered(self.signer(at), is_told)
    }

    /// A participant by its name and by such a number, whatever else a sentence tells.
    pub fn known_by_number(&self, participant: &ParticipantId) -> Wording {
        self.numbered(participant, |_| false)
    }

    fn numbered(&self, participant: &ParticipantId, is_told: impl Fn(&Claims) -> bool) -> Wording {
        let name = self.name(participant);
        let Some(registered) = self.history.registry.participant(participant) else { return name };
        let claims = &registered.claims;
        match (claims.gs1_company_prefixes.first(), claims.glns.first()) {
            (Some(prefix), _) => Phrase::KnownByPrefix { name, prefix: prefix.as_str().into() }.into(),
            (None, Some(gln)) if !is_told(claims) => Phrase::KnownByGln { name, gln: gln.to_string().into() }.into(),
            _ => name,
        }
    }
}

/// How something ended, as sentences name it.
pub(super) fn ended(end: End) -> Wording {
    match end {
        End::Sold => Phrase::Sold,
        End::Dispensed => Phrase::Dispensed,
        End::Decommissioned => Phrase::Decommissioned,
        End::Destroyed => Phrase::Destroyed,
    }
    .into()
}
