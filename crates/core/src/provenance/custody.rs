//! Custody: the walk through a product's events in the order of custody, and what does not fit together.
//!
//! A missing record and a copied label look alike at first: a participant has the product, and no record gives it
//! to them. That alone is a gap. It becomes a contradiction when the account that it broke goes on as though nothing
//! had happened: both accounts are kept, and an event that fits only the older one shows two custodians.

use std::collections::{BTreeMap, BTreeSet};

use crate::consortium::ParticipantId;
use crate::gs1::Id;
use crate::limits::CUSTODY_ACCOUNTS_MAX;
use crate::merkle::LeafIndex;
use crate::provenance::case::{Case, Subject};
use crate::provenance::containment::{Containment, Notice, Turn};
use crate::provenance::corrections::Standing;
use crate::provenance::finding::{Findings, Severity};
use crate::provenance::passage::{self, Fit, Passage};
use crate::provenance::reading::{self, Act};
use crate::provenance::wording::{self, sentence_case};

/// What the walk came to.
#[derive(Debug)]
pub(super) struct Custody<'a> {
    pub passage: Passage<'a>,
    /// The last entry that fits the account: where a participant last had the product.
    pub last: Option<usize>,
    pub unbroken: bool,
    /// The entries that fit an account: their signers had to do with the product.
    pub fitting: BTreeSet<usize>,
    /// What the product is in at the end.
    pub container: Option<&'a Id>,
}

/// Which records are the product's journey.
#[derive(Debug, Default)]
pub(super) struct Journey<'a> {
    /// The entries that count, in the order of custody.
    pub order: Vec<usize>,
    /// The container by which an entry belongs to the journey, counting or not, where it does not name the product.
    pub via: BTreeMap<usize, &'a Id>,
    /// What was signed with a key in other hands, by one who had nothing to do with the product at that point.
    ///
    /// A thief of any key can name any number. Only where the key's owner had the product, was to have it, or holds its
    /// prefix does anything else rest on what that key says.
    pub disregarded: BTreeSet<usize>,
}

/// Finds the journey by walking it once: what a record packs counts only from one who has the product.
pub(super) fn journey<'a>(case: &Case<'a>) -> Journey<'a> {
    let mut unheard = Findings::default();
    let mut walk = Walk::new(case, &mut unheard);
    let mut journey = Journey::default();
    while let Some(turn) = walk.inside.next() {
        let at = turn.at;
        journey.via.extend(turn.via.map(|container| (at, container)));
        if is_suspect(case, at) && walk.is_stranger(at) {
            journey.disregarded.insert(at);
        } else if case.entries[at].standing == Standing::Counts {
            journey.order.push(at);
            walk.entry(&turn);
        }
    }
    journey
}

/// Tells whether a thief may have said this. What a thief said and took back again is a thief's too; to take back what
/// the key's owner had said before is another matter.
fn is_suspect(case: &Case<'_>, at: usize) -> bool {
    if !matches!(case.entries[at].standing, Standing::Counts | Standing::Withdraws(_)) {
        return false;
    }
    let said_before =
        |standing| matches!(standing, Standing::Withdraws(event) if case.compromised_since(event).is_none());
    case.compromised_since(at).is_some() && !said_before(case.entries[at].standing)
}

/// Follows the product from hand to hand along its journey.
pub(super) fn walk<'a>(case: &Case<'a>, findings: &mut Findings) -> Custody<'a> {
    let mut walk = Walk::new(case, findings);
    while let Some(turn) = walk.inside.next() {
        if case.counts(turn.at) {
            walk.entry(&turn);
        }
    }
    walk.end();
    let container = walk.inside.container();
    Custody { passage: walk.passage, last: walk.last, unbroken: walk.unbroken, fitting: walk.fitting, container }
}

/// An account that a later event broke, and may still go on.
struct Account<'a> {
    passage: Passage<'a>,
    /// The last entry of this account.
    last: Option<usize>,
    /// The entry that broke it.
    broken_by: usize,
}

struct Walk<'a, 'b> {
    case: &'b Case<'a>,
    findings: &'b mut Findings,
    voided: BTreeSet<usize>,
    fitting: BTreeSet<usize>,
    passage: Passage<'a>,
    others: Vec<Account<'a>>,
    inside: Containment<'a, 'b>,
    last: Option<usize>,
    unbroken: bool,
}

impl<'a, 'b> Walk<'a, 'b> {
    fn new(case: &'b Case<'a>, findings: &'b mut Findings) -> Self {
        Self {
            case,
            findings,
            voided: voided_shippings(case),
            fitting: BTreeSet::new(),
            passage: Passage::Unknown,
            others: Vec::new(),
            inside: Containment::new(case),
            last: None,
            unbroken: true,
        }
    }

    /// Tells whether the entry's signer neither has the product by any account, nor is to have it, nor made it.
    fn is_stranger(&self, at: usize) -> bool {
        let (case, signer) = (self.case, self.case.signer(at));
        let concerns = |passage: &Passage<'_>| match passage {
            Passage::Unknown => false,
            Passage::Held(by) => *by == signer,
            Passage::Ended(ending) => case.signer(ending.since) == signer,
            Passage::Moving(transfer) => {
                transfer.from == signer
                    || transfer.carrier == Some(signer)
                    || transfer.to.iter().any(|id| case.owns(signer, id))
            }
        };
        let mut accounts = self.others.iter().map(|account| &account.passage).chain([&self.passage]);
        case.origin != Some(at) && !case.signed_by_prefix_holder(at) && !accounts.any(concerns)
    }

    fn entry(&mut self, turn: &Turn<'a>) {
        let at = turn.at;
        if self.case.is_origin(at) {
            return self.origin(turn);
        }
        let act = if self.voided.contains(&at) { Act::FromAfar } else { reading::act(self.case, at) };
        if act == Act::VoidsShipping {
            return self.void(at);
        }
        let (fit, next) = passage::follow(self.case, &self.passage, at, act);
        match fit {
            Fit::Fits => self.carry_on(turn, next),
            Fit::Aside => self.passage = next,
            _ if self.rival_goes_on(turn, act) => {}
            _ => self.misfit(turn, act, fit, next),
        }
    }

    fn origin(&mut self, turn: &Turn<'a>) {
        // A second origin is another rule's finding; custody follows the one that counts.
        if self.case.origin == Some(turn.at) {
            self.carry_on(turn, Passage::Held(self.case.signer(turn.at)));
        }
    }

    fn void(&mut self, at: usize) {
        if !self.voided.contains(&at) {
            let sentence = format!(
                "{} took back a shipment on {} that it had not recorded: this changes nothing.",
                sentence_case(&self.case.who(at)),
                self.case.day(at)
            );
            self.findings.add("void-without-shipping", Severity::Note, &[self.case.leaf(at)], sentence);
        }
    }

    fn carry_on(&mut self, turn: &Turn<'a>, next: Passage<'a>) {
        self.fitting.insert(turn.at);
        self.take_up(turn, next);
    }

    /// Goes on from an entry with the account after it. Only such an entry can have packed or unpacked the product: what
    /// is said aside, or against the account, is said by a participant that could not.
    fn take_up(&mut self, turn: &Turn<'a>, next: Passage<'a>) {
        self.passage = next;
        self.last = Some(turn.at);
        // Of a lot or a class only some may be in a container.
        if self.case.subject != Subject::One {
            return;
        }
        if let Some(notice) = self.inside.take_up(turn) {
            self.notice(turn, notice);
        }
    }

    fn notice(&mut self, turn: &Turn<'a>, notice: Notice<'a>) {
        let case = self.case;
        let (who, day) = (sentence_case(&case.who(turn.at)), case.day(turn.at));
        let leaves = [case.leaf(turn.at)];
        match notice {
            Notice::Elsewhere(former) => {
                let sentence = format!(
                    "{who} packed it into something else on {day}, and no record says that it was taken out of {}.",
                    wording::id(former)
                );
                self.findings.add("packed-elsewhere", Severity::Note, &leaves, sentence);
            }
            Notice::NotInside(container) => {
                let sentence = format!(
                    "{who} took it out of {} on {day}, into which nobody who had it is recorded to have packed it.",
                    wording::id(container)
                );
                self.findings.add("unpacked-without-packing", Severity::Note, &leaves, sentence);
            }
            Notice::Cycle(container) => {
                let sentence = format!(
                    "{who} recorded on {day} that it was packed into {}, which is itself inside it: where it was \
                     cannot be followed.",
                    wording::id(container)
                );
                self.break_with("container-cycle", Severity::Gap, &leaves, sentence);
            }
        }
    }

    /// Takes an event that misfits the present account as the continuation of a broken one, if it is that.
    fn rival_goes_on(&mut self, turn: &Turn<'a>, act: Act) -> bool {
        let (case, at) = (self.case, turn.at);
        let going_on = self.others.iter().enumerate().rev().find_map(|(index, account)| {
            let (fit, next) = passage::follow(case, &account.passage, at, act);
            (fit == Fit::Fits).then_some((index, next))
        });
        let Some((index, next)) = going_on else { return false };
        let broken = self.others.swap_remove(index);
        self.two_custodians(broken.broken_by, broken.last, at);
        let present = Account { passage: self.passage.clone(), last: self.last, broken_by: at };
        self.remember(present);
        self.carry_on(turn, next);
        true
    }

    fn two_custodians(&mut self, claim: usize, before: Option<usize>, after: usize) {
        let case = self.case;
        let sentence = format!(
            "Two at once had it: {} recorded having it on {}, while {} recorded it as its own on {}, and neither \
             recorded passing it to the other.",
            case.who(claim),
            case.day(claim),
            case.who(after),
            case.day(after),
        );
        let mut leaves = vec![case.leaf(claim), case.leaf(after)];
        leaves.extend(before.map(|at| case.leaf(at)));
        self.break_with("two-custodians", Severity::Fails, &leaves, sentence);
    }

    fn misfit(&mut self, turn: &Turn<'a>, act: Act, fit: Fit, next: Passage<'a>) {
        let mut next = next;
        match self.inside.apart(turn) {
            // That it was taken out, and came here, may only not be on record: nothing contradicts it.
            Some(container) if fit != Fit::ReturnedElsewhere => {
                self.inside_container(container, turn.at);
                if !matches!(next, Passage::Ended(_)) {
                    next = passage::taken_up(self.case, turn.at, act);
                }
            }
            _ => self.report(turn.at, fit),
        }
        if next != self.passage {
            let account = Account { passage: self.passage.clone(), last: self.last, broken_by: turn.at };
            self.remember(account);
            self.take_up(turn, next);
        }
    }

    fn remember(&mut self, account: Account<'a>) {
        if self.others.len() >= CUSTODY_ACCOUNTS_MAX {
            self.others.remove(0);
        }
        self.others.push(account);
    }

    fn report(&mut self, at: usize, fit: Fit) {
        let case = self.case;
        let (who, day) = (case.who(at), case.day(at));
        let leaves = self.leaves_with(at);
        let holder = self.holder();
        let (rule, severity, sentence) = match fit {
            Fit::ReceivedByAnother => (
                "received-by-another",
                Severity::Fails,
                format!("{} recorded receiving it on {day}, though {holder}.", sentence_case(&who)),
            ),
            Fit::ShippedByNonCustodian => (
                "shipped-by-non-custodian",
                Severity::Fails,
                format!("{} recorded sending it off on {day}, though {holder}.", sentence_case(&who)),
            ),
            Fit::ShippedTwice => (
                "shipped-twice",
                Severity::Fails,
                format!("{} sent it off again on {day}, to another destination: {holder}.", sentence_case(&who)),
            ),
            Fit::TwoCustodians => (
                "two-custodians",
                Severity::Fails,
                format!("Two at once had it: {who} recorded it as its own on {day}, though {holder}."),
            ),
            Fit::ReturnedElsewhere => (
                "returned-elsewhere",
                Severity::Gap,
                format!("{} recorded on {day} that it was brought back, though {holder}.", sentence_case(&who)),
            ),
            Fit::Gap | Fit::Fits | Fit::Aside => (
                "custody-gap",
                Severity::Gap,
                format!("No record says how it came to {who}, where it was on {day}: {holder}."),
            ),
        };
        self.break_with(rule, severity, &leaves, sentence);
    }

    fn inside_container(&mut self, container: &Id, at: usize) {
        let case = self.case;
        let sentence = format!(
            "{} recorded it on {} outside of {}, into which it was packed, and nobody recorded taking it out: {}.",
            sentence_case(&case.who(at)),
            case.day(at),
            wording::id(container),
            self.holder()
        );
        let leaves = self.leaves_with(at);
        self.break_with("inside-container", Severity::Gap, &leaves, sentence);
    }

    fn end(&mut self) {
        if let Passage::Moving(transfer) = self.passage.clone() {
            let (since, case) = (transfer.since, self.case);
            if !transfer.released {
                let sentence = format!(
                    "{} took it away on {}, and {} never recorded handing it over.",
                    sentence_case(&transfer.carrier.map_or_else(|| case.who(since), |carrier| case.name(carrier))),
                    case.day(since),
                    case.name(transfer.from)
                );
                self.break_with("custody-gap", Severity::Gap, &[case.leaf(since)], sentence);
            } else if !transfer.to.is_empty() && transfer.to.iter().all(|id| case.owner(id).is_none()) {
                let sentence = format!(
                    "{} sent it on {} to somebody who is not registered here: what happened since is not recorded.",
                    sentence_case(&case.name(transfer.from)),
                    case.day(since)
                );
                self.findings.add("left-consortium", Severity::Note, &[case.leaf(since)], sentence);
            }
        }
    }

    fn break_with(&mut self, rule: &'static str, severity: Severity, leaves: &[LeafIndex], sentence: String) {
        self.unbroken = false;
        self.findings.add(rule, severity, leaves, sentence);
    }

    fn leaves_with(&self, at: usize) -> Vec<LeafIndex> {
        [Some(at), self.last].into_iter().flatten().map(|at| self.case.leaf(at)).collect()
    }

    /// Who has the product as far as is known, as a clause: "Acme, which had it, never recorded …".
    fn holder(&self) -> String {
        let case = self.case;
        match &self.passage {
            Passage::Held(by) => format!("{} had it{} and recorded no hand-over", case.name(by), self.since()),
            Passage::Moving(transfer) if !transfer.released => {
                let carrier = transfer.carrier.map_or_else(|| "a carrier".to_owned(), |one| case.name(one));
                format!("{carrier} had taken it away on {}", case.day(transfer.since))
            }
            Passage::Moving(transfer) => {
                let (from, day) = (case.name(transfer.from), case.day(transfer.since));
                match announced(case, transfer) {
                    Some(to) => format!("{from} had sent it to {to} on {day}"),
                    None => format!("{from} had sent it off on {day}"),
                }
            }
            Passage::Ended(ending) => {
                format!(
                    "{} had recorded it as {} on {}",
                    case.who(ending.since),
                    ending.end.word(),
                    case.day(ending.since)
                )
            }
            Passage::Unknown => "nobody is known to have had it".to_owned(),
        }
    }

    fn since(&self) -> String {
        self.last.map(|at| format!(", last seen there on {},", self.case.day(at))).unwrap_or_default()
    }
}

/// The announced destinations by name, those outside the consortium as one.
pub(super) fn announced(case: &Case<'_>, transfer: &passage::Transfer<'_>) -> Option<String> {
    let mut owners: Vec<&ParticipantId> = transfer.to.iter().filter_map(|id| case.owner(id)).collect();
    owners.sort_unstable();
    owners.dedup();
    let names: Vec<String> = owners.into_iter().map(|owner| case.name(owner)).collect();
    match (names.is_empty(), transfer.to.is_empty()) {
        (_, true) => None,
        (true, false) => Some("somebody who is not registered here".to_owned()),
        (false, false) => Some(names.join(" and ")),
    }
}

/// The shippings that were never made, and the events that say so (CBV 2.0 `void_shipping`): each takes back the latest
/// one before it by the same signer, of the product or of the container that both name. A key in other hands takes back
/// nothing.
fn voided_shippings(case: &Case<'_>) -> BTreeSet<usize> {
    let mut voided = BTreeSet::new();
    if !(0..case.entries.len()).any(|at| reading::act(case, at) == Act::VoidsShipping) {
        return voided;
    }
    for mentions in case.all_mentions() {
        let mut open: BTreeMap<&ParticipantId, Vec<usize>> = BTreeMap::new();
        for at in mentions.iter().map(|mention| mention.at) {
            if case.entries[at].standing != Standing::Counts || case.compromised_since(at).is_some() {
                continue;
            }
            let shippings = open.entry(case.signer(at)).or_default();
            match reading::act(case, at) {
                Act::Ships => shippings.push(at),
                Act::VoidsShipping => voided.extend(shippings.pop().into_iter().flat_map(|shipping| [shipping, at])),
                _ => {}
            }
        }
    }
    voided
}
