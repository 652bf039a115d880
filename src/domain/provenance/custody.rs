//! Custody: the walk through a product's events in the order of custody, and what does not fit together.
//!
//! A missing record and a copied label look alike at first: somebody has the product, and nobody recorded giving it
//! to them. That alone is a gap. It becomes a contradiction when the account that it broke goes on as though nothing
//! had happened: both accounts are kept, and an event that fits only the older one shows two custodians.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::consortium::ParticipantId;
use crate::domain::limits::CUSTODY_ACCOUNTS_MAX;
use crate::domain::merkle::LeafIndex;
use crate::domain::provenance::case::{Case, Entry, in_order_of_custody};
use crate::domain::provenance::corrections::Standing;
use crate::domain::provenance::finding::{Findings, Severity};
use crate::domain::provenance::passage::{self, Fit, Passage};
use crate::domain::provenance::reading::{self, Act};
use crate::domain::provenance::wording::sentence_case;

/// What the walk came to.
#[derive(Debug)]
pub(super) struct Custody<'a> {
    pub passage: Passage<'a>,
    /// The last entry that fits the account: where the product was last in somebody's hands.
    pub last: Option<usize>,
    pub unbroken: bool,
    /// The entries that fit an account: their signers had to do with the product.
    pub fitting: BTreeSet<usize>,
}

/// Follows the product from hand to hand.
pub(super) fn walk<'a>(case: &Case<'a>, findings: &mut Findings) -> Custody<'a> {
    let mut walk = Walk::new(case, findings);
    for at in case.order.iter().copied() {
        walk.entry(at);
    }
    walk.end();
    Custody { passage: walk.passage, last: walk.last, unbroken: walk.unbroken, fitting: walk.fitting }
}

/// Finds what was signed with a key in other hands, by one who had nothing to do with the product at that point.
///
/// A thief of any key can name any number. Only where the key's owner had the product, was to have it, or holds its
/// prefix does anything else rest on what that key says.
pub(super) fn compromised_strangers(case: &Case<'_>) -> BTreeSet<usize> {
    let suspects = |entry: &Entry<'_>| match entry.standing {
        Standing::Counts => true,
        // What a thief said and took back again; whatever its owner had said before is another matter.
        Standing::Withdraws(event) => case.compromised_since(event).is_some(),
        _ => false,
    };
    let compromised = |at: &usize| case.compromised_since(*at).is_some();
    let mut strangers = BTreeSet::new();
    let order = in_order_of_custody(&case.entries, suspects);
    if !order.iter().any(compromised) {
        return strangers;
    }
    let mut unheard = Findings::default();
    let mut walk = Walk::new(case, &mut unheard);
    for at in order {
        if compromised(&at) && walk.is_stranger(at) {
            strangers.insert(at);
        } else if case.entries[at].standing == Standing::Counts {
            walk.entry(at);
        }
    }
    strangers
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
    /// The entry that put the product into another object.
    packed: Option<usize>,
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
            packed: None,
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

    fn entry(&mut self, at: usize) {
        if self.case.is_origin(at) {
            return self.origin(at);
        }
        let act = if self.voided.contains(&at) { Act::FromAfar } else { reading::act(self.case, at) };
        if act == Act::VoidsShipping {
            return self.void(at);
        }
        let (fit, next) = passage::follow(self.case, &self.passage, at, act);
        match fit {
            Fit::Fits => self.carry_on(at, next),
            Fit::Aside => self.passage = next,
            _ if self.rival_goes_on(at, act) => {}
            _ => self.misfit(at, fit, next),
        }
    }

    fn origin(&mut self, at: usize) {
        // A second origin is another rule's finding; custody follows the one that counts.
        if self.case.origin == Some(at) {
            self.carry_on(at, Passage::Held(self.case.signer(at)));
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

    fn carry_on(&mut self, at: usize, next: Passage<'a>) {
        if !matches!((&self.passage, &next), (Passage::Held(one), Passage::Held(other)) if one == other)
            && matches!(next, Passage::Held(_) | Passage::Ended(_))
        {
            self.packed = None;
        }
        self.fitting.insert(at);
        self.take_up(at, next);
    }

    /// Goes on from an entry with the account after it. Only such an entry can have packed or unpacked the product: what
    /// somebody says aside, or against the account, is not in the hands of anybody who could.
    fn take_up(&mut self, at: usize, next: Passage<'a>) {
        self.passage = next;
        self.last = Some(at);
        if reading::packs(self.case, at) {
            self.packed = Some(at);
        } else if reading::unpacks(self.case, at) {
            self.packed = None;
        }
    }

    /// Takes an event that misfits the present account as the continuation of a broken one, if it is that.
    fn rival_goes_on(&mut self, at: usize, act: Act) -> bool {
        let case = self.case;
        let going_on = self.others.iter().enumerate().rev().find_map(|(index, account)| {
            let (fit, next) = passage::follow(case, &account.passage, at, act);
            (fit == Fit::Fits).then_some((index, next))
        });
        let Some((index, next)) = going_on.filter(|_| self.packed.is_none()) else { return false };
        let broken = self.others.swap_remove(index);
        self.two_custodians(broken.broken_by, broken.last, at);
        let present = Account { passage: self.passage.clone(), last: self.last, broken_by: at };
        self.remember(present);
        self.carry_on(at, next);
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

    fn misfit(&mut self, at: usize, fit: Fit, next: Passage<'a>) {
        // What happened to the container in between is not known here, so nothing contradicts it.
        match self.packed {
            Some(packed) => self.inside_container(packed, Some(at)),
            None => self.report(at, fit),
        }
        if next != self.passage {
            let account = Account { passage: self.passage.clone(), last: self.last, broken_by: at };
            self.remember(account);
            self.packed = None;
            self.take_up(at, next);
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

    fn inside_container(&mut self, packed: usize, seen: Option<usize>) {
        let case = self.case;
        let mut sentence =
            format!("{} packed it into something else on {}", sentence_case(&case.who(packed)), case.day(packed));
        let mut leaves = vec![case.leaf(packed)];
        match seen {
            Some(at) => {
                sentence += &format!(", and the next to record it was {} on {}", case.who(at), case.day(at));
                leaves.push(case.leaf(at));
            }
            None => sentence += ", and nothing was recorded of it since",
        }
        sentence += ": the journey of what it was packed into is not followed here.";
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
        if let Some(packed) = self.packed.filter(|packed| self.last == Some(*packed)) {
            self.inside_container(packed, None);
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
/// one before it by the same signer.
fn voided_shippings(case: &Case<'_>) -> BTreeSet<usize> {
    let mut open: BTreeMap<&ParticipantId, Vec<usize>> = BTreeMap::new();
    let mut voided = BTreeSet::new();
    for at in case.order.iter().copied() {
        let shippings = open.entry(case.signer(at)).or_default();
        match reading::act(case, at) {
            Act::Ships => shippings.push(at),
            Act::VoidsShipping => voided.extend(shippings.pop().into_iter().flat_map(|shipping| [shipping, at])),
            _ => {}
        }
    }
    voided
}
