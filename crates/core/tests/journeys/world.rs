//! How a story becomes records, and what the verdict says of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use p256::ecdsa::SigningKey;
use sealane_core::block::{Height, Member, MemberSet, NotePublicKey};
use sealane_core::consortium::{
    Admin, CertificateRecord, Claims, Decision, Genesis, Participant, ParticipantId, Place, Registration, Registry,
    rights,
};
use sealane_core::epcis::{self, Event, Reader};
use sealane_core::gs1::{Question, check_digit};
use sealane_core::hash::Hash;
use sealane_core::merkle::{LeafIndex, TreeSize};
use sealane_core::provenance::{Capture, CapturedEvent, History, Policy, Record, Verdict, judge};
use sealane_core::statement::{P256, PublicKey, StatementId};
use sealane_core::time::Timestamp;
use serde_json::{Value, json};

use crate::story::{REGISTERED, Say, Story, Who, moment};

const ITEM: &str = "https://id.gs1.org/01/09506000134352/21/S1";
/// The leaf of the first record: genesis and the registrations stand before it.
const FIRST_LEAF: u64 = 100;

/// A participant: its certificate, its GLN, itself.
struct Actor {
    id: ParticipantId,
    certificate: Hash,
    gln: String,
}

/// The consortium of all stories.
pub struct World {
    registry: Arc<Registry>,
    actors: BTreeMap<Who, Actor>,
}

impl World {
    pub fn new() -> Self {
        // The base point of Ed25519: a key that signs nothing.
        let mut note_key = [0x66; 32];
        note_key[0] = 0x58;
        let member = Member::new("Member", key(200), NotePublicKey::from_bytes(&note_key).unwrap()).unwrap();
        let kid = member.kid();
        let members = MemberSet::new(vec![member]).unwrap();
        let origin = "ledger.example/test".parse().unwrap();
        let mut registry = Registry::new(&Genesis::new(origin, members, Vec::new(), time(2026, "01-01T09:00")));
        let actors = (1_u8..).zip(REGISTERED).map(|(at, who)| (who, join(&mut registry, kid, at, who))).collect();
        Self { registry: Arc::new(registry), actors }
    }

    pub fn participant(&self, who: Who) -> &Participant {
        self.registry.participant(&self.actors[&who].id).unwrap()
    }

    /// Whose id this is.
    pub fn who(&self, id: &ParticipantId) -> Who {
        *self.actors.iter().find(|(_, actor)| actor.id == *id).unwrap().0
    }

    fn gln(&self, who: Who) -> String {
        self.actors.get(&who).map_or_else(|| "9521999000006".to_owned(), |actor| actor.gln.clone())
    }

    /// The event of a record, as it would be captured.
    fn event(&self, story: &Story, at: usize) -> Event {
        let say = &story.0[at];
        let first = say.withdraws.unwrap_or(at);
        let mut all = json!({
            "@context": "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
            "type": "ObjectEvent", "action": if say.adds { "ADD" } else { "OBSERVE" }, "epcList": [ITEM],
            "eventTime": time(2026, &moment(say.time)).to_string(), "eventTimeZoneOffset": "+00:00",
            "bizStep": say.step, "eventID": format!("urn:example:{first}"),
        });
        self.place_and_parties(say, &mut all);
        if say.trades {
            all["type"] = json!("TransactionEvent");
            all["bizTransactionList"] = json!([{"bizTransaction": "urn:example:invoice"}]);
        }
        if say.withdraws.is_some() {
            all["errorDeclaration"] = json!({"declarationTime": time(2026, &moment(say.posted)).to_string()});
        }
        read(&all)
    }

    fn place_and_parties(&self, say: &Say, all: &mut Value) {
        if let Some(place) = say.place {
            all["readPoint"] = json!({"id": format!("https://id.gs1.org/414/{}", self.gln(place))});
        }
        let party = |who: Who| format!("https://id.gs1.org/417/{}", self.gln(who));
        if !say.to.is_empty() {
            let to = say.to.iter().map(|who| json!({"type": "possessing_party", "destination": party(*who)}));
            all["destinationList"] = to.collect();
        }
        if let Some(from) = say.from {
            all["sourceList"] = json!([{"type": "possessing_party", "source": party(from)}]);
        }
        if let Some(disposition) = say.disposition {
            all["disposition"] = json!(disposition);
        }
    }

    fn record(&self, story: &Story, at: usize) -> Record {
        let (say, event) = (&story.0[at], self.event(story, at));
        let place = Place { leaf: leaf(at), time: time(2026, &moment(say.posted)) };
        let actor = &self.actors[&say.who];
        let (signer, certificate, signed_at) = (actor.id, actor.certificate, event.event_time);
        let statement = StatementId::from_hash(Hash::of(&at.to_be_bytes()));
        let events = vec![(0, event)];
        let capture = Capture { place, statement, signer, certificate, signed_at, bytes: 0, events };
        let event = CapturedEvent::new(Arc::new(capture), 0).unwrap();
        Record { place, position: 0, signer, certificate, signed_at, event }
    }

    /// Whether the ledger takes the record from its signer.
    pub fn allows(&self, story: &Story, at: usize) -> bool {
        rights::check(self.participant(story.0[at].who), &self.event(story, at)).is_ok()
    }

    pub fn judge(&self, story: &Story) -> Verdict {
        let Question { id, label } = Question::parse(ITEM).unwrap();
        let records: Vec<Record> = (0..story.0.len()).map(|at| self.record(story, at)).collect();
        let tree_size = TreeSize::new(FIRST_LEAF + u64::try_from(records.len()).unwrap()).unwrap();
        let as_of = time(2026, "06-01T09:00");
        let registry = Arc::clone(&self.registry);
        let history = History {
            id,
            label,
            as_of,
            tree_size,
            records,
            unopened: Vec::new(),
            known: None,
            limit_reached: false,
            registry,
        };
        judge(&history, &Policy::default())
    }

    /// The places in the story of the records that the timeline marks so.
    pub fn marked(verdict: &Verdict, note: &str) -> BTreeSet<usize> {
        let marked =
            verdict.timeline.iter().filter(|step| step.note.as_deref().is_some_and(|one| one.starts_with(note)));
        marked.map(|step| usize::try_from(step.leaf.get() - FIRST_LEAF).unwrap()).collect()
    }
}

fn join(registry: &mut Registry, kid: Hash, at: u8, who: Who) -> Actor {
    let role = match who {
        Who::Acme | Who::Other | Who::Lisbon => "manufacturer",
        Who::Swift | Who::Quick => "shipper",
        _ => "distributor",
    };
    let (prefixes, digits) = match who {
        Who::Acme => (vec!["9506000"], "950600099001".to_owned()),
        Who::Other => (vec!["9521567"], "952156700001".to_owned()),
        Who::Lisbon => (vec!["9531234"], format!("9521000000{at:02}")),
        _ => (Vec::new(), format!("9521000000{at:02}")),
    };
    let gln = format!("{digits}{}", check_digit(&digits).unwrap());
    let claims: Claims = serde_json::from_value(json!({
        "organization": who.name(), "roles": [role], "glns": [gln], "gs1CompanyPrefixes": prefixes, "namespaces": [],
    }))
    .unwrap();
    let participant: ParticipantId = format!("00000000-0000-4000-8000-{at:012}").parse().unwrap();
    let (not_before, not_after) = (time(2026, "01-01T09:00"), time(2027, "01-01T09:00"));
    let certificate = CertificateRecord { x509: vec![at; 8], jwk: key(at), not_before, not_after };
    let actor = Actor { id: participant, certificate: certificate.thumbprint(), gln };
    let (request, evidence, similar_to) = (Vec::new(), Vec::new(), Vec::new());
    let registration = Registration { participant, claims, request, certificate, evidence, similar_to };
    let admin = Admin::Registration(Box::new(registration));
    let id = StatementId::from_hash(Hash::of(&admin.to_payload()));
    let place = Place { leaf: LeafIndex::new(at.into()).unwrap(), time: time(2026, "01-02T09:00") };
    let decision = Decision { id, admin: &admin, kid, place, height: Height::GENESIS };
    registry.apply_shown(&decision, &P256).unwrap();
    actor
}

fn leaf(at: usize) -> LeafIndex {
    LeafIndex::new(FIRST_LEAF + u64::try_from(at).unwrap()).unwrap()
}

fn time(year: i64, text: &str) -> Timestamp {
    format!("{year}-{text}:00.000Z").parse().unwrap()
}

fn key(seed: u8) -> PublicKey {
    PublicKey::from(SigningKey::from_slice(&[seed; 32]).unwrap().verifying_key())
}

fn read(event: &Value) -> Event {
    let bytes = serde_json::to_vec(event).unwrap();
    match epcis::read(&bytes, Reader::Strict) {
        Ok(document) => document.events.into_iter().next().unwrap(),
        Err(faults) => panic!("{faults:?} in {event}"),
    }
}
