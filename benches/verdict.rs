//! Verdicts: following, judging and writing, apart and together, over lists and captures that are in memory already.

use sealane_core::statement::P256;
use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use p256::ecdsa::SigningKey;
use sealane_core::block::{Height, Member, MemberSet, NoteSigningKey};
use sealane_core::consortium::{
    Admin, CertificateRecord, Decision, Genesis, ParticipantId, Place, Registration, Registry,
};
use sealane_core::epcis::{self, Reader};
use sealane_core::gs1::{Id, Label, check_digit};
use sealane_core::hash::Hash;
use sealane_core::index::names::{self, Names};
use sealane_core::index::{ListEntry, SignerTag, Subject, SubjectKey};
use sealane_core::merkle::{LeafIndex, TreeSize};
use sealane_core::provenance::{
    Capture, FollowFault, History, List, Policy, Source, Trail, Verdict, WantedList, Word, follow, is_before_span,
    judge,
};
use sealane_core::statement::{PublicKey, StatementId};
use sealane_core::time::Timestamp;
use serde_json::{Value, json};

/// As the server allocates.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Distinct products, so that nothing learns one of them by heart.
const PRODUCTS: u64 = 64;

/// Participants, three of which have to do with the products.
const PARTICIPANTS: u8 = 50;

const MAKER: u8 = 1;
const CARRIER: u8 = 2;
const TRADER: u8 = 3;

/// A ledger in memory: lists by the key of their subject, and captures that were read.
struct Memory {
    registry: Arc<Registry>,
    lists: HashMap<SubjectKey, Vec<ListEntry>>,
    captures: HashMap<LeafIndex, Arc<Capture>>,
    next_leaf: u64,
    kid: Hash,
}

impl Source for &Memory {
    type Error = FollowFault;

    fn registry(&self) -> &Registry {
        &self.registry
    }

    fn list(&mut self, subject: &Subject, wanted: WantedList) -> Result<List, FollowFault> {
        let list = self.lists.get(&subject.key()).map(Vec::as_slice).unwrap_or_default();
        let first = wanted.first(list.len() as u64);
        Ok(List { count: list.len() as u64, first, entries: list[first as usize..].to_vec() })
    }

    fn start_of_span(&mut self, entries: &[ListEntry], since: Timestamp) -> Result<usize, FollowFault> {
        let is_early = |entry: &ListEntry| is_before_span(self.captures[&entry.leaf].place.time, since);
        Ok(entries.iter().rposition(is_early).unwrap_or(0))
    }

    fn capture(&mut self, leaf: LeafIndex, _subject: &Subject) -> Result<Arc<Capture>, FollowFault> {
        Ok(Arc::clone(&self.captures[&leaf]))
    }

    fn fault(&self, fault: FollowFault) -> FollowFault {
        fault
    }
}

impl Memory {
    fn new() -> Self {
        let member = Member::new("Member", key(200), NoteSigningKey::from_seed(&[200; 32]).public()).unwrap();
        let kid = member.kid();
        let origin = "ledger.example/bench".parse().unwrap();
        let members = MemberSet::new(vec![member]).unwrap();
        let genesis = Genesis::new(origin, members, Vec::new(), time(0));
        let registry = Arc::new(Registry::new(&genesis));
        let mut memory = Self { registry, lists: HashMap::new(), captures: HashMap::new(), next_leaf: 1, kid };
        for number in 1..=PARTICIPANTS {
            memory.register(number);
        }
        memory
    }

    fn register(&mut self, number: u8) {
        let role = match number % 3 {
            1 => "manufacturer",
            2 => "shipper",
            _ => "distributor",
        };
        let claims = json!({
            "organization": format!("Organisation {number} of the Trade, Ltd."), "roles": [role],
            "glns": [gln(number)], "gs1CompanyPrefixes": [prefix(number)], "namespaces": [],
        });
        let certificate =
            CertificateRecord { x509: vec![number; 8], jwk: key(number), not_before: time(0), not_after: time(10_000) };
        let registration = Registration {
            participant: participant(number),
            claims: serde_json::from_value(claims).unwrap(),
            request: Vec::new(),
            certificate,
            evidence: Vec::new(),
            similar_to: Vec::new(),
        };
        let admin = Admin::Registration(Box::new(registration));
        let id = StatementId::from_hash(Hash::of(&admin.to_payload()));
        let leaf = self.list_under(names::of_admin(&admin, id), SignerTag::of_member(&self.kid));
        let place = Place { leaf, time: time(1) };
        let decision = Decision { id, admin: &admin, kid: self.kid, place, height: Height::GENESIS };
        Arc::make_mut(&mut self.registry).apply_shown(&decision, &P256).unwrap();
    }

    fn list_under(&mut self, names: Names, signer: SignerTag) -> LeafIndex {
        let leaf = LeafIndex::new(self.next_leaf).unwrap();
        self.next_leaf += 1;
        for (subject, acts) in names {
            self.lists.entry(subject.key()).or_default().push(ListEntry { leaf, signer, acts });
        }
        leaf
    }

    /// Records an event of `members` by a participant at its own place, some hours after the ledger began.
    fn say(&mut self, number: u8, hour: i64, members: Value) {
        let place = json!({"id": format!("https://id.gs1.org/414/{}", gln(number))});
        let mut event = json!({
            "@context": "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
            "type": "ObjectEvent", "action": "OBSERVE", "eventTimeZoneOffset": "+00:00",
            "eventID": format!("urn:uuid:00000000-0000-4000-9000-{:012}", self.next_leaf),
            "eventTime": time(hour).to_string(), "readPoint": place, "bizLocation": place,
        });
        event.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        if event["type"] == "AggregationEvent" {
            event.as_object_mut().unwrap().remove("epcList");
        }
        let bytes = event.to_string().into_bytes();
        let events = epcis::read(&bytes, Reader::Strict).unwrap().events;
        let signer = participant(number);
        let named = names::of_capture(&events, &signer);
        let leaf = self.list_under(named, SignerTag::of_participant(&signer));
        let certificate = self.registry.participant(&signer).unwrap().certificates[0].thumbprint;
        let place = Place { leaf, time: time(hour).plus_millis(1_000) };
        let length = bytes.len() * 4 / 3 + 400;
        let events = (0..).zip(events).collect();
        let statement = StatementId::from_hash(Hash::of(&bytes));
        let capture = Capture { place, statement, signer, certificate, signed_at: time(hour), bytes: length, events };
        self.captures.insert(leaf, Arc::new(capture));
    }

    fn commission(&mut self, item: &Id) {
        let lot = json!({"cbvmda:lotNumber": "L7", "cbvmda:itemExpirationDate": "2028-01-31"});
        let members = json!({"epcList": [item], "action": "ADD", "bizStep": "commissioning", "disposition": "active",
            "ilmd": lot});
        self.say(MAKER, 10, members);
    }

    /// Twenty events: ten of the product itself, two of which pack it and take it out, and ten of its case.
    fn travel(&mut self, item: &Id, case: &Id) {
        let step = |id: &Id, step: &str, disposition: &str| json!({"epcList": [id], "bizStep": step, "disposition": disposition});
        let pack = |action: &str, step: &str| {
            json!({"type": "AggregationEvent", "action": action, "parentID": case, "childEPCs": [item],
                "bizStep": step, "disposition": "in_progress"})
        };
        let shipping = |id: &Id, to: u8| {
            json!({"epcList": [id], "bizStep": "shipping", "disposition": "in_transit", "destinationList": [
                {"type": "possessing_party", "destination": format!("https://id.gs1.org/417/{}", gln(to))},
                {"type": "location", "destination": format!("https://id.gs1.org/414/{}", gln(to))},
            ]})
        };
        self.commission(item);
        self.say(MAKER, 11, step(item, "inspecting", "conformant"));
        self.say(MAKER, 12, step(item, "storing", "in_progress"));
        self.say(MAKER, 13, pack("ADD", "packing"));
        self.say(MAKER, 14, step(case, "storing", "in_progress"));
        self.say(MAKER, 15, step(case, "staging_outbound", "in_progress"));
        self.say(MAKER, 16, shipping(case, TRADER));
        self.say(CARRIER, 17, step(case, "loading", "in_transit"));
        self.say(CARRIER, 18, step(case, "departing", "in_transit"));
        self.say(CARRIER, 19, step(case, "transporting", "in_transit"));
        self.say(CARRIER, 20, step(case, "arriving", "in_transit"));
        self.say(TRADER, 21, step(case, "receiving", "in_progress"));
        self.say(TRADER, 22, step(case, "storing", "in_progress"));
        self.say(TRADER, 23, step(case, "inspecting", "in_progress"));
        self.say(TRADER, 24, pack("DELETE", "unpacking"));
        self.say(TRADER, 25, step(item, "inspecting", "in_progress"));
        self.say(TRADER, 26, step(item, "storing", "in_progress"));
        self.say(TRADER, 27, step(item, "stocking", "sellable_accessible"));
        self.say(TRADER, 28, step(item, "cycle_counting", "sellable_accessible"));
        self.say(TRADER, 29, step(item, "stocking", "sellable_accessible"));
    }

    fn follow(&self, id: &Id) -> Trail {
        let mut source = self;
        follow(id, &mut source).unwrap()
    }

    fn history(&self, id: &Id) -> History {
        let Trail { records, unopened, known, limit_reached, .. } = self.follow(id);
        History {
            id: id.clone(),
            label: Label::default(),
            as_of: time(40),
            tree_size: TreeSize::new(self.next_leaf).unwrap(),
            records,
            unopened,
            known: Some(known),
            limit_reached,
            registry: Arc::clone(&self.registry),
        }
    }
}

fn time(hours: i64) -> Timestamp {
    Timestamp::from_seconds(1_795_000_000 + hours * 3_600).unwrap()
}

fn key(seed: u8) -> PublicKey {
    PublicKey::from(SigningKey::from_slice(&[seed; 32]).unwrap().verifying_key())
}

fn participant(number: u8) -> ParticipantId {
    format!("00000000-0000-4000-8000-{number:012}").parse().unwrap()
}

fn prefix(number: u8) -> String {
    format!("952{number:04}")
}

fn gln(number: u8) -> String {
    with_check_digit(format!("{}00001", prefix(number)))
}

fn with_check_digit(digits: String) -> String {
    let last = check_digit(&digits).unwrap();
    format!("{digits}{last}")
}

fn item(number: u64) -> Id {
    let gtin = with_check_digit(format!("0{}00001", prefix(MAKER)));
    Id::parse(&format!("https://id.gs1.org/01/{gtin}/21/S{number:06}")).unwrap()
}

fn case(number: u64) -> Id {
    let sscc = with_check_digit(format!("0{}{number:09}", prefix(MAKER)));
    Id::parse(&format!("https://id.gs1.org/00/{sscc}")).unwrap()
}

fn verdicts(criterion: &mut Criterion) {
    let mut memory = Memory::new();
    let travelled: Vec<Id> = (0..PRODUCTS).map(item).collect();
    for (id, number) in travelled.iter().zip(0..) {
        memory.travel(id, &case(number));
    }
    let fresh: Vec<Id> = (PRODUCTS..2 * PRODUCTS).map(item).collect();
    for id in &fresh {
        memory.commission(id);
    }
    let unknown: Vec<Id> = (2 * PRODUCTS..3 * PRODUCTS).map(item).collect();
    measure(criterion, &memory, "20 events", &travelled, (20, Word::Authentic));
    measure(criterion, &memory, "1 event", &fresh, (1, Word::Authentic));
    measure(criterion, &memory, "unknown", &unknown, (0, Word::Unknown));
}

fn measure(criterion: &mut Criterion, memory: &Memory, name: &str, ids: &[Id], expected: (usize, Word)) {
    let policy = Policy::default();
    let histories: Vec<History> = ids.iter().map(|id| memory.history(id)).collect();
    let verdicts: Vec<Verdict> = histories.iter().map(|history| judge(history, &policy)).collect();
    for verdict in &verdicts {
        assert_eq!((verdict.timeline.len(), verdict.word), expected, "{verdict:#?}");
    }
    let mut at = 0;
    let mut next = move || {
        at = (at + 1) % ids.len();
        at
    };
    let mut group = criterion.benchmark_group(format!("verdict/{name}"));
    group.bench_function("follow", |bencher| bencher.iter(|| memory.follow(black_box(&ids[next()]))));
    group.bench_function("judge", |bencher| bencher.iter(|| judge(black_box(&histories[next()]), &policy)));
    group.bench_function("write", |bencher| {
        bencher.iter(|| serde_json::to_vec(black_box(&verdicts[next()])).unwrap());
    });
    group.bench_function("all", |bencher| {
        bencher.iter(|| {
            let history = memory.history(black_box(&ids[next()]));
            serde_json::to_vec(&judge(&history, &policy)).unwrap()
        });
    });
    group.finish();
}

criterion_group!(benches, verdicts);
criterion_main!(benches);
