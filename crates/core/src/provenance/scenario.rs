//! Small worlds for tests: a registry of a few organisations, and records made of events that the strict reader read.

use std::sync::Arc;

use p256::ecdsa::SigningKey;
use serde_json::{Map, Value, json};

use crate::block::{Height, Member, MemberSet, NoteSigningKey};
use crate::consortium::{
    Admin, CertificateRecord, ChangeProposal, Claims, Decision, Genesis, GrantAuthority, ParticipantId, Place,
    ProposedChange, Registration, Registry, Revocation, Succession,
};
use crate::epcis::{self, Event, Reader};
use crate::gs1::{Question, check_digit};
use crate::hash::Hash;
use crate::merkle::{LeafIndex, TreeSize};
use crate::provenance::{Capture, CapturedEvent, History, Policy, Record, Verdict, judge};
use crate::statement::{P256, PublicKey, StatementId};
use crate::time::Timestamp;

pub const ITEM: &str = "https://id.gs1.org/01/09506000134352/21/S1";
pub const CASE: &str = "https://id.gs1.org/00/095060001343520000";
pub const PALLET: &str = "https://id.gs1.org/00/195060001343520007";

/// An organisation with one certificate and one place of its own.
#[derive(Clone)]
pub struct Actor {
    pub id: ParticipantId,
    pub certificate: Hash,
    /// Its place, as events name it.
    pub place: String,
    /// Itself as a party.
    pub party: String,
}

/// A ledger in the making: each record stands at a leaf of its own, a second after its event.
#[derive(Clone)]
pub struct Scenario {
    pub registry: Registry,
    pub records: Vec<Record>,
    /// The admin statements after genesis, with their leaves.
    pub admins: Vec<(LeafIndex, Admin)>,
    pub policy: Policy,
    pub as_of: Timestamp,
    kid: Hash,
    joined: u8,
    leaf: u64,
}

/// A manufacturer, a carrier, two distributors, and a manufacturer with another company prefix.
pub struct Cast {
    pub acme: Actor,
    pub swift: Actor,
    pub seoul: Actor,
    pub lisbon: Actor,
    pub other: Actor,
}

impl Scenario {
    pub fn new() -> Self {
        let member = Member::new("Member", key(200), NoteSigningKey::from_seed(&[200; 32]).public()).unwrap();
        let kid = member.kid();
        let origin = "ledger.example/test".parse().unwrap();
        let members = MemberSet::new(vec![member]).unwrap();
        let genesis = Genesis::new(origin, members, Vec::new(), time("2026-01-01"));
        Self {
            registry: Registry::new(&genesis),
            records: Vec::new(),
            admins: Vec::new(),
            policy: Policy::default(),
            as_of: time("2026-06-01"),
            kid,
            joined: 0,
            leaf: 1,
        }
    }

    /// Begins with the whole cast registered.
    pub fn with_cast() -> (Self, Cast) {
        let mut scenario = Self::new();
        let cast = Cast {
            acme: scenario.join("Acme Pharma", "manufacturer", &["9506000"], "950600099001"),
            swift: scenario.join("Swift Freight", "shipper", &[], "952100000001"),
            seoul: scenario.join("Seoul Medical", "distributor", &[], "952100000002"),
            lisbon: scenario.join("Lisbon Trade", "distributor", &[], "952100000003"),
            other: scenario.join("Other Works", "manufacturer", &["9521567"], "952156700001"),
        };
        (scenario, cast)
    }

    pub fn join(&mut self, name: &str, role: &str, prefixes: &[&str], gln_digits: &str) -> Actor {
        self.joined += 1;
        let gln = format!("{gln_digits}{}", check_digit(gln_digits).unwrap());
        let claims: Claims = serde_json::from_value(json!({
            "organization": name, "roles": role.split('+').collect::<Vec<_>>(), "glns": [gln], "gs1CompanyPrefixes": prefixes, "namespaces": [],
        }))
        .unwrap();
        let id: ParticipantId = format!("00000000-0000-4000-8000-{:012}", self.joined).parse().unwrap();
        let certificate = CertificateRecord {
            x509: vec![self.joined; 8],
            jwk: key(self.joined),
            not_before: time("2026-01-01"),
            not_after: time("2027-01-01"),
        };
        let thumbprint = certificate.thumbprint();
        let registration = Registration {
            participant: id,
            claims,
            request: Vec::new(),
            certificate,
            evidence: Vec::new(),
            similar_to: Vec::new(),
        };
        self.decide("2026-01-02", Admin::Registration(Box::new(registration)));
        Actor {
            id,
            certificate: thumbprint,
            place: format!("https://id.gs1.org/414/{gln}"),
            party: format!("https://id.gs1.org/417/{gln}"),
        }
    }

    pub fn revoke(&mut self, actor: &Actor, when: &str, compromised_since: Option<&str>) {
        let revocation = Revocation {
            participant: actor.id,
            reason: "it left".to_owned(),
            compromised_since: compromised_since.map(time),
            dismisses_claims: false,
        };
        self.decide(when, Admin::Revocation(revocation));
    }

    /// Lets the members decide a change.
    pub fn resolve(&mut self, when: &str, change: ProposedChange) {
        let proposal = ChangeProposal { changes: vec![change], expires: time("2026-12-31") };
        self.decide(when, Admin::Proposal(proposal));
        let (at, place) = (self.admins.last().unwrap().0, self.next_place(time(when)));
        self.registry.enact_shown(at, place).unwrap();
    }

    pub fn grant_authority(&mut self, actor: &Actor, when: &str) {
        self.resolve(when, ProposedChange::Authority(GrantAuthority { registration: actor.id }));
    }

    pub fn set_policy(&mut self, when: &str, name: &str, value: u64) {
        let change = serde_json::from_value(json!({"type": "policy", "name": name, "value": value})).unwrap();
        self.resolve(when, change);
    }

    pub fn succeed(&mut self, former: &Actor, actor: &Actor, when: &str) {
        let change = Succession { former: former.id, participant: actor.id };
        self.resolve(when, ProposedChange::Succeeds(change));
    }

    /// Revokes a participant, and dismisses what it claimed.
    pub fn dismiss(&mut self, actor: &Actor, when: &str) {
        let revocation = Revocation {
            participant: actor.id,
            reason: "it recorded numbers that it read off the ledger".to_owned(),
            compromised_since: None,
            dismisses_claims: true,
        };
        self.decide(when, Admin::Revocation(revocation));
    }

    fn decide(&mut self, when: &str, admin: Admin) {
        let place = self.next_place(time(when));
        let id = StatementId::from_hash(Hash::of(&admin.to_payload()));
        let decision = Decision { id, admin: &admin, kid: self.kid, place, height: Height::GENESIS };
        self.registry.apply_shown(&decision, &P256).unwrap();
        self.admins.push((place.leaf, admin));
    }

    /// Records an event of `members` over those of an observation of the item at the actor's place.
    pub fn say(&mut self, actor: &Actor, when: &str, members: Value) -> LeafIndex {
        let base = json!({
            "type": "ObjectEvent", "action": "OBSERVE", "epcList": [ITEM],
            "readPoint": {"id": actor.place}, "bizLocation": {"id": actor.place},
        });
        self.say_only(actor, when, merged(base, members))
    }

    /// The same, accepted by a block of another time.
    pub fn say_at(&mut self, actor: &Actor, when: &str, accepted: &str, members: Value) -> LeafIndex {
        let leaf = self.say(actor, when, members);
        self.records.last_mut().unwrap().place.time = time(accepted);
        leaf
    }

    /// Records an event of exactly these members, and what every event has.
    pub fn say_only(&mut self, actor: &Actor, when: &str, members: Value) -> LeafIndex {
        self.say_many(actor, vec![event(when, members)], 1_000)
    }

    /// Records several events in one statement of so many bytes, which the ledger takes after the last of them.
    pub fn say_many(&mut self, actor: &Actor, events: Vec<Event>, bytes: usize) -> LeafIndex {
        let time = events.iter().map(|event| event.event_time).max().unwrap();
        let place = self.next_place(time.plus_millis(1000));
        let (signer, certificate) = (actor.id, actor.certificate);
        let events = (0..).zip(events).collect();
        let statement = StatementId::from_hash(Hash::of(&place.leaf.get().to_be_bytes()));
        let capture = Arc::new(Capture { place, statement, signer, certificate, signed_at: time, bytes, events });
        for (index, (position, _)) in capture.events.iter().enumerate() {
            self.records.push(Record {
                place,
                position: *position,
                signer: capture.signer,
                certificate,
                signed_at: time,
                event: CapturedEvent::new(Arc::clone(&capture), index).unwrap(),
            });
        }
        place.leaf
    }

    pub fn commission(&mut self, actor: &Actor, when: &str) -> LeafIndex {
        self.say(actor, when, json!({"action": "ADD", "bizStep": "commissioning", "disposition": "active"}))
    }

    pub fn ship(&mut self, actor: &Actor, when: &str, to: Option<&Actor>) -> LeafIndex {
        let mut members = json!({"bizStep": "shipping", "disposition": "in_transit"});
        if let Some(to) = to {
            members["destinationList"] = json!([
                {"type": "possessing_party", "destination": to.party},
                {"type": "location", "destination": to.place},
            ]);
        }
        self.say(actor, when, members)
    }

    pub fn receive(&mut self, actor: &Actor, when: &str) -> LeafIndex {
        self.say(actor, when, json!({"bizStep": "receiving", "disposition": "in_progress"}))
    }

    /// An observation with this step at the actor's place.
    pub fn step(&mut self, actor: &Actor, when: &str, step: &str) -> LeafIndex {
        self.say(actor, when, json!({"bizStep": step}))
    }

    /// An observation of another id with this step at the actor's place.
    pub fn step_of(&mut self, id: &str, actor: &Actor, when: &str, step: &str) -> LeafIndex {
        self.say(actor, when, json!({"epcList": [id], "bizStep": step}))
    }

    pub fn ship_of(&mut self, id: &str, actor: &Actor, when: &str, to: Option<&Actor>) -> LeafIndex {
        let to = to.map(|to| json!([{"type": "possessing_party", "destination": to.party}]));
        self.say(actor, when, json!({"epcList": [id], "bizStep": "shipping", "destinationList": to}))
    }

    pub fn receive_of(&mut self, id: &str, actor: &Actor, when: &str) -> LeafIndex {
        self.step_of(id, actor, when, "receiving")
    }

    pub fn pack(&mut self, actor: &Actor, when: &str, container: &str, children: &[&str]) -> LeafIndex {
        self.aggregate(actor, when, "ADD", "packing", container, children)
    }

    pub fn unpack(&mut self, actor: &Actor, when: &str, container: &str, children: &[&str]) -> LeafIndex {
        self.aggregate(actor, when, "DELETE", "unpacking", container, children)
    }

    fn aggregate(
        &mut self,
        actor: &Actor,
        when: &str,
        action: &str,
        step: &str,
        container: &str,
        children: &[&str],
    ) -> LeafIndex {
        let children = if children.is_empty() { json!(null) } else { json!(children) };
        let members = json!({"type": "AggregationEvent", "action": action, "bizStep": step, "parentID": container,
            "epcList": null, "childEPCs": children});
        self.say(actor, when, members)
    }

    /// A transformation of inputs into outputs, all of them instances.
    pub fn make(&mut self, actor: &Actor, when: &str, inputs: &[&str], outputs: &[&str], members: Value) -> LeafIndex {
        let mut all = json!({"type": "TransformationEvent", "action": null, "epcList": null,
            "bizStep": "creating_class_instance", "inputEPCList": inputs, "outputEPCList": outputs});
        for (name, value) in members.as_object().unwrap() {
            all[name] = value.clone();
        }
        self.say(actor, when, all)
    }

    /// A recall of the ids by the actor, from afar.
    pub fn recall(&mut self, actor: &Actor, when: &str, ids: &[&str], classes: &[&str]) -> LeafIndex {
        let quantities: Vec<Value> = classes.iter().map(|class| json!({"epcClass": class})).collect();
        let members = json!({"epcList": ids, "quantityList": quantities, "disposition": "recalled", "readPoint": null,
            "bizLocation": null});
        self.say(actor, when, members)
    }

    /// The same with the recall taken back.
    pub fn lift(&mut self, actor: &Actor, when: &str, ids: &[&str], classes: &[&str]) -> LeafIndex {
        let quantities: Vec<Value> = classes.iter().map(|class| json!({"epcClass": class})).collect();
        let members = json!({"epcList": ids, "quantityList": quantities, "readPoint": null, "bizLocation": null,
            "persistentDisposition": {"unset": ["recalled"]}});
        self.say(actor, when, members)
    }

    pub fn verdict(&self) -> Verdict {
        self.verdict_of(ITEM)
    }

    pub fn verdict_of(&self, id: &str) -> Verdict {
        judge(&self.history(id), &self.policy)
    }

    pub fn history(&self, id: &str) -> History {
        let Question { id, label } = Question::parse(id).unwrap();
        History {
            id,
            label,
            as_of: self.as_of,
            tree_size: TreeSize::new(self.leaf).unwrap(),
            records: self.records.clone(),
            unopened: Vec::new(),
            known: None,
            limit_reached: false,
            registry: self.registry.clone().into(),
        }
    }

    fn next_place(&mut self, time: Timestamp) -> Place {
        let leaf = LeafIndex::new(self.leaf).unwrap();
        self.leaf += 1;
        Place { leaf, time }
    }
}

/// A time written as one, or a day of it at nine in the morning.
pub fn time(text: &str) -> Timestamp {
    let whole = if text.len() == 10 { format!("{text}T09:00:00.000Z") } else { text.to_owned() };
    whole.parse().unwrap()
}

/// Reads one event as it would be captured.
pub fn event(when: &str, members: Value) -> Event {
    let base = json!({
        "@context": "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
        "eventTime": time(when).to_string(), "eventTimeZoneOffset": "+00:00",
    });
    let bytes = serde_json::to_vec(&merged(base, members)).unwrap();
    match epcis::read(&bytes, Reader::Strict) {
        Ok(document) => document.events.into_iter().next().unwrap(),
        Err(faults) => panic!("{faults:?} in {}", String::from_utf8_lossy(&bytes)),
    }
}

/// The ids of the rules that gave reasons, in their order, without those in the product's favour.
pub fn rules(verdict: &Verdict) -> Vec<&'static str> {
    let all = verdict.reasons.iter().map(|reason| reason.rule);
    all.filter(|rule| !["custody-unbroken", "signers-registered", "code-can-be-copied"].contains(rule))
        .filter(|rule| *rule != "commissioned-by-prefix-holder")
        .collect()
}

fn merged(base: Value, members: Value) -> Value {
    let mut all: Map<String, Value> = base.as_object().unwrap().clone();
    // A null takes a member of the base away.
    for (name, value) in members.as_object().unwrap() {
        all.insert(name.clone(), value.clone());
    }
    all.retain(|_, value| !value.is_null());
    Value::Object(all)
}

fn key(seed: u8) -> PublicKey {
    PublicKey::from(SigningKey::from_slice(&[seed; 32]).unwrap().verifying_key())
}
