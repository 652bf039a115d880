//! The records of a history, and what each says by itself: who signed it, with what right, and what it names.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::consortium::{Dismissal, Participant, ParticipantId};
use crate::epcis::event::{Action, Event, Part, What};
use crate::gs1::{Id, IdKind};
use crate::index::Acts;
use crate::merkle::LeafIndex;
use crate::provenance::containment::{self, Mention};
use crate::provenance::corrections::{self, Standing};
use crate::provenance::history::{History, Record};
use crate::provenance::parts::Parts;
use crate::provenance::policy::Policy;
use crate::provenance::reading::{self, Act};
use crate::provenance::sentences::Wording;
use crate::provenance::wording;
use crate::time::Timestamp;

/// One record of the history.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub record: &'a Record,
    /// The parts that the product plays in the event; none where it does not name the product.
    pub parts: Parts,
    /// The signer as it is registered.
    pub participant: Option<&'a Participant>,
    pub standing: Standing,
}

/// What an id stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// One object: only this can be authentic.
    One,
    /// A logistic unit or a returnable asset: many things travel under its number, one after the other.
    Load,
    /// A document, a coupon or a relation of service: nobody is asked where it is.
    Paper,
    /// A lot: many objects share it, and it has an origin.
    Lot,
    /// A class: all objects of a kind share it.
    Kind,
    /// A location or a party.
    Place,
}

impl Subject {
    /// Tells whether somebody has it, and one participant at a time.
    pub const fn has_custodian(self) -> bool {
        matches!(self, Subject::One | Subject::Load)
    }
}

/// The records of a history, with what the account and the rules ask of each.
#[derive(Debug)]
pub(super) struct Records<'a> {
    pub history: &'a History,
    pub policy: &'a Policy,
    /// All records, in ledger order: an entry's number says which of two came first.
    pub entries: Vec<Entry<'a>>,
    /// The entries that name the product, whatever they are worth, in ledger order.
    pub own: Vec<usize>,
    /// All entries in the order of custody: event time, then place in the ledger.
    pub by_time: Vec<usize>,
    pub subject: Subject,
    mentions: Vec<Vec<Mention<'a>>>,
    /// All whose company prefix or namespace covers the product, revoked or not.
    pub holders: Vec<&'a Participant>,
    /// Whose the places are that were asked about: an account asks about each again and again.
    owned: RefCell<BTreeMap<Id, Owners<'a>>>,
}

/// All to whom a place or party belongs.
type Owners<'a> = Rc<[&'a Participant]>;

impl<'a> Records<'a> {
    pub fn new(history: &'a History, policy: &'a Policy) -> Self {
        let entries = entries(history);
        let own: Vec<usize> = (0..entries.len()).filter(|at| !entries[*at].parts.is_empty()).collect();
        let mentions = containment::mentions(&history.id, &entries);
        let by_time = in_order_of_custody(&entries);
        let holders = history.registry.holders(&history.id);
        let subject = subject(&history.id, &entries, &own, &holders);
        let owned = RefCell::default();
        Self { history, policy, entries, own, by_time, subject, mentions, holders, owned }
    }

    /// What the entry says of the product, and of whatever something was packed into.
    pub fn mentions(&self, at: usize) -> &[Mention<'a>] {
        &self.mentions[at]
    }

    /// An entry's place in the order of custody: event time, then place in the ledger.
    pub fn moment(&self, at: usize) -> (Timestamp, usize) {
        (self.event(at).event_time, at)
    }

    /// Tells whether two entries are no further apart than clocks are: by the policy's tolerance, or by a day if one of them gives the
    /// day alone, as midnight.
    pub fn are_within_tolerance(&self, one: usize, other: usize) -> bool {
        let is_day = is_midnight(self.event(one)) || is_midnight(self.event(other));
        let tolerance = if is_day { DAY_MS } else { self.policy.clock_tolerance_ms };
        self.apart_ms(one, other) <= tolerance
    }

    /// Tells whether two entries are near enough for any tolerance.
    pub fn may_be_within_tolerance(&self, one: usize, other: usize) -> bool {
        self.apart_ms(one, other) <= DAY_MS.max(self.policy.clock_tolerance_ms)
    }

    fn apart_ms(&self, one: usize, other: usize) -> i64 {
        self.event(other).event_time.millis_since(self.event(one).event_time).abs()
    }

    pub fn event(&self, at: usize) -> &'a Event {
        &self.entries[at].record.event
    }

    pub fn signer(&self, at: usize) -> &'a ParticipantId {
        &self.entries[at].record.signer
    }

    pub fn leaf(&self, at: usize) -> LeafIndex {
        self.entries[at].record.place.leaf
    }

    /// Tells whether the entry's signer is the participant, or goes on for it by a decision of the members.
    pub fn is_by(&self, at: usize, participant: &ParticipantId) -> bool {
        let signer = self.signer(at);
        signer == participant || self.history.registry.custodian_at(participant, self.leaf(at)) == signer
    }

    /// Tells whether the members had made the entry's signer an authority.
    pub fn is_by_authority(&self, at: usize) -> bool {
        self.history.registry.is_authority_at(self.signer(at), self.leaf(at))
    }

    /// The entry's business step: a bare CBV word or a URI; empty when it has none.
    pub fn step(&self, at: usize) -> &'a str {
        self.event(at).biz_step.as_ref().map_or("", |step| step.as_str())
    }

    /// Tells whether the product plays `part` in the entry.
    pub fn plays(&self, at: usize, part: Part) -> bool {
        self.entries[at].parts.contains(part)
    }

    /// The signer's name, for sentences.
    pub fn who(&self, at: usize) -> Wording {
        self.name(self.signer(at))
    }

    pub fn name(&self, participant: &ParticipantId) -> Wording {
        wording::name(&self.history.registry, participant)
    }

    /// Tells whether a participant is a carrier: it moves goods, and does nothing else. Who has another role too takes goods over.
    pub fn is_carrier(&self, participant: &ParticipantId) -> bool {
        self.history.registry.participant(participant).is_some_and(Participant::is_carrier)
    }

    /// The participant whose company prefix or namespace governed the product at `leaf`.
    pub fn prefix_holder(&self, leaf: LeafIndex) -> Option<&'a Participant> {
        self.holders.iter().copied().find(|one| one.in_force_at(leaf))
    }

    /// Tells whether the entry's signer held the product's company prefix or namespace at the entry's place.
    pub fn signed_by_prefix_holder(&self, at: usize) -> bool {
        self.prefix_holder(self.leaf(at)).is_some_and(|holder| holder.id == *self.signer(at))
    }

    /// Tells whether the entry's signer held the company prefix or namespace of `id` at the entry's place.
    pub fn signed_by_holder_of(&self, id: &Id, at: usize) -> bool {
        self.history.registry.holder_at(id, self.leaf(at)).is_some_and(|holder| holder.id == *self.signer(at))
    }

    /// When the key of the entry's signer came into other hands, if the entry was signed after that.
    ///
    /// The signer's clock (`iat`) is what a thief would set back, so a record that the ledger accepted only after that
    /// moment counts as signed after it, whatever it says.
    pub fn compromised_since(&self, at: usize) -> Option<Timestamp> {
        let Entry { record, participant, .. } = &self.entries[at];
        let revoked = participant.as_ref()?.revoked.as_ref()?;
        revoked.compromised_since.filter(|since| record.signed_at >= *since || record.place.time >= *since)
    }

    /// The members' decision that what the entry's signer claimed there counts no more.
    pub fn dismissal(&self, at: usize) -> Option<&'a Dismissal> {
        self.history.registry.is_dismissed(self.signer(at), self.leaf(at))
    }

    /// Tells whether `location` (a location or a party) is the participant's: by its GLNs, or under its prefix.
    pub fn owns(&self, participant: &ParticipantId, location: &Id) -> bool {
        self.history.registry.participant(participant).is_some_and(|one| one.claims.own(location))
    }

    /// Tells whether `location` is the entry's signer's, or of one for whom the signer goes on.
    pub fn owns_at(&self, at: usize, location: &Id) -> bool {
        self.owners(location).iter().any(|owner| self.is_by(at, &owner.id))
    }

    /// The participant to whom a location or party belongs, if any: revoked or not, since goods do go there. One that registered
    /// the GLN itself comes before one whose prefix covers it: evidence shows the second only where no participant registered it.
    pub fn owner(&self, location: &Id) -> Option<&'a ParticipantId> {
        let owners = self.owners(location);
        let named = owners.iter().find(|one| one.claims.holds_location(location));
        named.or(owners.first()).map(|one| &one.id)
    }

    /// All to whom a location or party belongs, or belonged before they registered anew.
    pub fn owners(&self, location: &Id) -> Owners<'a> {
        if let Some(owners) = self.owned.borrow().get(location) {
            return Rc::clone(owners);
        }
        let owners = self.history.registry.owners(location).into_iter();
        let owners: Owners<'a> = owners.filter(|one| self.is_known(&one.id)).collect();
        self.owned.borrow_mut().insert(location.clone(), Rc::clone(&owners));
        owners
    }

    /// Tells whether evidence shows the participant, so that a verifier asks about the same ones as a node.
    fn is_known(&self, participant: &ParticipantId) -> bool {
        self.history.known.as_ref().is_none_or(|known| known.contains(participant))
    }

    /// Tells whether an entry commissions the product or brings it forth (EPCIS 2.0 §7.4.2, §7.4.5).
    pub fn brings_forth(&self, at: usize) -> bool {
        self.commissions(at) || self.plays(at, Part::Output)
    }

    pub fn commissions(&self, at: usize) -> bool {
        self.plays(at, Part::Object) && matches!(self.event(at).what, What::Object { action: Action::Add, .. })
    }

    /// Tells whether an entry packs something into something.
    pub fn packs(&self, at: usize) -> bool {
        matches!(self.event(at).what, What::Aggregation { action: Action::Add, .. })
    }

    /// Tells whether the product begins with the entry where nothing brings it forth. A catch may be reported in several events, and the
    /// first of them is the origin; what goes into a harvest, such as fry and feed, does not begin with it. A logistic unit begins when
    /// the holder of its prefix packs it or sends it off.
    pub fn begins(&self, at: usize) -> bool {
        let is_caught =
            || self.plays(at, Part::Object) && self.policy.origin_steps.iter().any(|step| step == self.step(at));
        let is_unit = self.history.id.kind() == IdKind::LogisticUnit && self.signed_by_prefix_holder(at);
        is_caught()
            || is_unit && (self.plays(at, Part::Parent) && self.packs(at) || reading::act(self, at) == Act::Ships)
    }

    /// Tells whether two origins cannot both be true.
    ///
    /// One participant may commission a serial and also name it as the output of a transformation, or tell one
    /// transformation in several events under its transformationID (EPCIS 2.0 §7.4.5): that is one origin.
    pub fn contradicts_as_origin(&self, one: usize, other: usize) -> bool {
        if one == other {
            return false;
        }
        if self.signer(one) != self.signer(other) {
            return true;
        }
        let tie = |at: usize| self.event(at).transformation_id();
        let same_transformation = tie(one).is_some() && tie(one) == tie(other);
        self.commissions(one) == self.commissions(other) && !same_transformation
    }

    /// What the entry says to have done with the product, or with what something was packed into.
    pub fn acts_on_any(&self, at: usize) -> Acts {
        let mentions = self.mentions(at).iter();
        mentions.map(|mention| Acts::of(self.event(at), mention.id)).fold(Acts::NONE, Acts::with)
    }

    /// What the entry says to have done with the product itself.
    pub fn acts(&self, at: usize) -> Acts {
        Acts::of(self.event(at), &self.history.id)
    }
}

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Tells whether an event's time is exactly midnight at its own offset: who writes that gives a day.
fn is_midnight(event: &Event) -> bool {
    let offset = event.event_time_zone_offset.as_str();
    let minutes = |range: std::ops::Range<usize>| offset.get(range).and_then(|text| text.parse::<i64>().ok());
    let (Some(hours), Some(minutes)) = (minutes(1..3), minutes(4..6)) else { return false };
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    let local = event.event_time.millis() + sign * (hours * 60 + minutes) * 60_000;
    local.rem_euclid(DAY_MS) == 0
}

fn entries<'a>(history: &'a History) -> Vec<Entry<'a>> {
    let mut records: Vec<&Record> = history.records.iter().collect();
    records.sort_by_key(|record| (record.place.leaf, record.position));
    let standings = corrections::classify(&records);
    let parts = |record: &Record| {
        let ids = record.event.ids();
        ids.filter(|(_, id)| **id == history.id).map(|(part, _)| part).collect()
    };
    let mut former: Option<&Participant> = None;
    let entry = |(record, standing): (&'a Record, Standing)| {
        // Records come in runs of one signer.
        let known = former.filter(|one| one.id == record.signer);
        let participant = known.or_else(|| history.registry.participant(&record.signer));
        former = participant;
        Entry { record, parts: parts(record), participant, standing }
    };
    records.into_iter().zip(standings).map(entry).collect()
}

/// The numbers of the entries by event time, then place.
pub(super) fn in_order_of_custody(entries: &[Entry<'_>]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_by_key(|at| (entries[*at].record.event.event_time, *at));
    order
}

fn subject(id: &Id, entries: &[Entry<'_>], own: &[usize], holders: &[&Participant]) -> Subject {
    let in_quantities = || {
        // The holder of its namespace knows it best, and then who made it.
        let by_holders = |at: &&usize| holders.iter().any(|holder| holder.id == entries[**at].record.signer);
        let by_makers = |at: &&usize| {
            let entry = &entries[**at];
            let is_added = matches!(entry.record.event.what, What::Object { action: Action::Add, .. });
            is_added && entry.parts.contains(Part::Object) || entry.parts.contains(Part::Output)
        };
        let some = |asked: Vec<usize>| (!asked.is_empty()).then_some(asked);
        let asked = some(own.iter().filter(by_holders).copied().collect());
        let asked = asked.or_else(|| some(own.iter().filter(by_makers).copied().collect()));
        asked.unwrap_or_else(|| own.to_vec()).iter().all(|at| is_quantity(id, &entries[*at].record.event))
    };
    match id.kind() {
        IdKind::Location | IdKind::Party => Subject::Place,
        IdKind::Lot => Subject::Lot,
        _ if id.is_class_level() => Subject::Kind,
        IdKind::LogisticUnit | IdKind::ReturnableAsset | IdKind::Consignment | IdKind::Shipment => Subject::Load,
        IdKind::Document | IdKind::Coupon | IdKind::ServiceRelation | IdKind::PaymentSlip => Subject::Paper,
        _ if id.is_gs1() => Subject::One,
        _ => gdst_subject(id).unwrap_or_else(|| {
            // Nothing in another URI says whether it names one object or a kind of them; the lists it stands in do
            // (EPCIS 2.0 §7.3.3).
            if !own.is_empty() && in_quantities() { Subject::Lot } else { Subject::One }
        }),
    }
}

/// What an id of the GDST's standard for seafood stands for, if it is of a class or lot: those say so, whatever list they
/// stand in.
fn gdst_subject(id: &Id) -> Option<Subject> {
    let (_, what) = id.as_str().strip_prefix("urn:gdst:")?.split_once(':')?;
    match what {
        _ if what.starts_with("product:class:") => Some(Subject::Kind),
        _ if what.starts_with("product:lot:class:") => Some(Subject::Lot),
        _ => None,
    }
}

/// Tells whether `id` stands in the event's quantity lists and in none of its lists of instances.
fn is_quantity(id: &Id, event: &Event) -> bool {
    let listed = |ids: &[Id]| ids.contains(id);
    !match &event.what {
        What::Object { epcs, .. } => listed(epcs),
        What::Transaction { parent, epcs, .. } => parent.as_ref() == Some(id) || listed(epcs),
        What::Aggregation { parent, child_epcs, .. } | What::Association { parent, child_epcs, .. } => {
            parent.as_ref() == Some(id) || listed(child_epcs)
        }
        What::Transformation { input_epcs, output_epcs, .. } => listed(input_epcs) || listed(output_epcs),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::provenance::scenario::Scenario;

    /// Whose the id is, nothing in it says.
    const BOX: &str = "https://acme.example/boxes/7";

    fn stands_as_quantity(members: Value) -> bool {
        let (mut ledger, cast) = Scenario::with_cast();
        ledger.say_only(&cast.acme, "2026-03-02", members);
        is_quantity(&Id::parse_uri(BOX).unwrap(), &ledger.records[0].event)
    }

    #[test]
    fn an_id_is_a_quantity_where_no_list_of_objects_has_it() {
        let quantities = json!([{"epcClass": BOX, "quantity": 5}]);
        let order = json!([{"type": "po", "bizTransaction": "urn:example:po:1"}]);
        let both = |members: Value| {
            let mut all = json!({"action": "ADD", "quantityList": quantities});
            all.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
            all
        };
        assert!(stands_as_quantity(both(json!({"type": "ObjectEvent"}))));
        assert!(!stands_as_quantity(both(json!({"type": "ObjectEvent", "epcList": [BOX]}))));
        let transaction = |members: Value| {
            let mut all = both(members);
            all["type"] = json!("TransactionEvent");
            all["bizTransactionList"] = order.clone();
            all
        };
        assert!(stands_as_quantity(transaction(json!({}))));
        assert!(!stands_as_quantity(transaction(json!({"parentID": BOX}))), "the parent is one object");
        assert!(!stands_as_quantity(transaction(json!({"epcList": [BOX]}))));
    }
}
