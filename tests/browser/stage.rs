//! A ledger with a product of each verdict, and the browser's driver: made once, and shared by the tests that run at once.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde_json::{Value, json};

use crate::chromium::Driver;
use crate::signer::{Signer, captured};
use crate::support::{Node, document, object_event};

pub const GENUINE: &str = "/01/09506000134352/21/7H3KX9QZ2M";
pub const CLONED: &str = "/01/09506000134352/21/4W8RT5VN6C";
pub const TWICE: &str = "/01/09506000134352/21/2T6YB8DK1F";
pub const RECALLED: &str = "/01/09506000134352/21/9P1LM4SJ7D";
pub const INCOMPLETE: &str = "/01/09506000134352/21/5C2GN7WE3R";
pub const UNKNOWN: &str = "/01/09506000134352/21/8A4UQ6HX0V";
pub const DISPENSED: &str = "/01/09506000134352/21/3D9KM5PB7T";
pub const DESTROYED: &str = "/01/09506000134352/21/6F2QX8RL4H";
pub const EXPIRED: &str = "/01/09506000134352/21/1J7WN3CV9S";
/// A load that has not been opened, and one that has.
pub const LOAD: &str = "/00/095060001000000029";
pub const UNPACKED: &str = "/00/095060001000000012";
/// Numbers that name no single piece.
pub const CLASS: &str = "/01/09506000134352";
pub const PLACE: &str = "/414/9506000134369";
pub const PARTY: &str = "/417/9506000134369";
/// A lot of which nothing is recalled.
pub const TRACED: &str = "/01/09506000134352/10/N2611";

const CASE: &str = "https://id.gs1.org/00/095060001000000012";
const INNER: &str = "https://id.gs1.org/01/09506000134352/21/0L5HT6YG2E";
const LOT: &str = "https://id.gs1.org/01/09506000134352/10/N2608";

/// Where the maker may be reached.
pub const CONTACT: &str = "mailto:quality@nordlys.example";

const MAKER: &str = "Nordlys Pharma";
const CARRIER: &str = "Havvei Logistics";
const SEOUL: &str = "Hansung Medical";
const LISBON: &str = "Costa Farma";

/// Who is registered: name, role, company prefix, GLN, and where.
const ACTORS: [(&str, &str, &str, &str, &str); 4] = [
    (MAKER, "manufacturer", "9506000", "9506000134369", "geo:60.39,5.32"),
    (CARRIER, "shipper", "9521000", "9521000000018", "geo:51.92,4.48"),
    (SEOUL, "distributor", "9522000", "9522000000015", "geo:37.57,126.98"),
    (LISBON, "distributor", "9523000", "9523000000012", "geo:38.72,-9.14"),
];

static SHARED: Mutex<Weak<Stage>> = Mutex::new(Weak::new());

pub struct Stage {
    pub driver: Driver,
    pub node: Node,
}

impl Stage {
    /// The stage that other tests stand on too: nothing is to be added to its ledger. It goes when its last test has ended.
    pub fn shared() -> Arc<Self> {
        let mut held = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        held.upgrade().unwrap_or_else(|| {
            let stage = Arc::new(Self::new());
            *held = Arc::downgrade(&stage);
            stage
        })
    }

    /// A stage of the test's own.
    pub fn new() -> Self {
        let stage = Self { driver: Driver::start(), node: Node::start() };
        for (name, role, prefix, gln, _) in ACTORS {
            let mut options = vec!["--gs1-prefix", prefix, "--gln", gln];
            if name == MAKER {
                options.extend(["--contact", CONTACT]);
            }
            stage.node.participant(name, role, &options);
        }
        stage.play();
        stage
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.node.url)
    }

    /// The path of an actor's page.
    pub fn participant_path(&self, actor: usize) -> String {
        let answer = self.node.get("/participants?status=active").json();
        let found =
            answer["participants"].as_array().unwrap().iter().find(|one| one["organization"] == ACTORS[actor].0);
        format!("/participants/{}", found.unwrap()["id"].as_str().unwrap())
    }

    /// Has a participant record an event. Returns the leaf.
    pub fn say(&self, name: &str, event: Value) -> u64 {
        let statement = Signer::of(&self.node, name).statement(&document(vec![event]));
        captured(&self.node, statement)["leafIndex"].as_u64().unwrap()
    }

    /// The genuine product is looked at once more.
    pub fn inspect_again(&self) {
        self.say(SEOUL, at(SEOUL, object_event("OBSERVE", "inspecting", &[&uri(GENUINE)], "2026-03-20T01:00:00.000Z")));
    }

    /// The genuine product is dispensed in Seoul, half an hour after midnight there.
    pub fn dispense_after_midnight(&self) {
        let mut dispensed = object_event("OBSERVE", "dispensing", &[&uri(GENUINE)], "2026-03-20T00:30:00.000+09:00");
        dispensed["disposition"] = json!("dispensed");
        dispensed["eventTimeZoneOffset"] = json!("+09:00");
        self.say(SEOUL, at(SEOUL, dispensed));
    }

    /// A product turns up where it was not sent.
    pub fn surface_in_lisbon(&self, path: &str) {
        self.say(LISBON, at(LISBON, object_event("OBSERVE", "receiving", &[&uri(path)], "2026-03-19T11:00:00.000Z")));
    }

    fn play(&self) {
        let observed = |step: &str, ids: &[&str], time: &str| object_event("OBSERVE", step, ids, time);
        let [genuine, cloned, twice, recalled, incomplete] = [GENUINE, CLONED, TWICE, RECALLED, INCOMPLETE].map(uri);

        let all = [&genuine, &cloned, &twice, &recalled, &incomplete].map(String::as_str);
        for (lot, ids) in [("N2611", &[all[0], all[1], all[2], all[4]][..]), ("N2608", &[all[3]][..])] {
            let mut made = object_event("ADD", "commissioning", ids, "2026-03-02T08:00:00.000Z");
            made["disposition"] = json!("active");
            made["ilmd"] = json!({"cbvmda:lotNumber": lot, "cbvmda:itemExpirationDate": "2031-11-30"});
            self.say(MAKER, at(MAKER, made));
        }

        // The genuine box travels in a case.
        self.say(MAKER, at(MAKER, packing("ADD", "packing", CASE, &[all[0]], "2026-03-03T09:00:00.000Z")));
        self.say(MAKER, at(MAKER, sent(&[CASE], "2026-03-04T07:00:00.000Z")));
        self.say(CARRIER, at(CARRIER, observed("loading", &[CASE], "2026-03-06T10:00:00.000Z")));
        self.say(SEOUL, at(SEOUL, observed("receiving", &[CASE], "2026-03-17T02:00:00.000Z")));
        self.say(SEOUL, at(SEOUL, packing("DELETE", "unpacking", CASE, &[all[0]], "2026-03-17T05:00:00.000Z")));
        let mut shelved = observed("stocking", &[all[0]], "2026-03-18T01:00:00.000Z");
        shelved["disposition"] = json!("sellable_accessible");
        self.say(SEOUL, at(SEOUL, shelved));

        // One code sits on two boxes, one in Seoul and one in Lisbon.
        self.say(MAKER, at(MAKER, sent(&[all[1], all[3]], "2026-03-04T07:00:00.000Z")));
        self.say(SEOUL, at(SEOUL, observed("receiving", &[all[1], all[3]], "2026-03-12T02:00:00.000Z")));
        self.say(LISBON, at(LISBON, observed("receiving", &[all[1]], "2026-03-15T11:00:00.000Z")));
        self.say(SEOUL, at(SEOUL, observed("stock_taking", &[all[1]], "2026-03-18T01:00:00.000Z")));

        // One number is given out again.
        self.say(MAKER, at(MAKER, object_event("ADD", "commissioning", &[all[2]], "2026-03-09T08:00:00.000Z")));

        let mut recall = observed("holding", &[], "2026-03-19T12:00:00.000Z");
        recall["quantityList"] = json!([{"epcClass": LOT}]);
        recall["disposition"] = json!("recalled");
        self.say(MAKER, recall);

        self.end_and_load();

        // Nobody says how this one came to Lisbon.
        self.say(LISBON, at(LISBON, observed("receiving", &[all[4]], "2026-03-15T11:00:00.000Z")));
    }

    /// Products whose life is over in some way, a load that is under way, and a lot.
    fn end_and_load(&self) {
        let [dispensed, destroyed, expired, load, lot] = [DISPENSED, DESTROYED, EXPIRED, LOAD, TRACED].map(uri);
        for (ids, expiry) in [(&[dispensed.as_str(), &destroyed, INNER][..], "2031-11-30"), (&[&expired], "2026-05-31")]
        {
            let mut made = object_event("ADD", "commissioning", ids, "2026-03-02T08:00:00.000Z");
            made["ilmd"] = json!({"cbvmda:lotNumber": "N2611", "cbvmda:itemExpirationDate": expiry});
            self.say(MAKER, at(MAKER, made));
        }
        let mut lots = object_event("ADD", "commissioning", &[], "2026-03-02T08:00:00.000Z");
        lots["quantityList"] = json!([{"epcClass": lot, "quantity": 5000}]);
        self.say(MAKER, at(MAKER, lots));
        self.say(MAKER, at(MAKER, packing("ADD", "packing", &load, &[INNER], "2026-03-03T09:00:00.000Z")));
        let ids = [dispensed.as_str(), &destroyed, &expired, &load];
        self.say(MAKER, at(MAKER, sent(&ids, "2026-03-04T07:00:00.000Z")));
        self.say(SEOUL, at(SEOUL, object_event("OBSERVE", "receiving", &ids, "2026-03-12T02:00:00.000Z")));
        for (step, id) in [("dispensing", &dispensed), ("destroying", &destroyed)] {
            let mut end = object_event("DELETE", step, &[id], "2026-03-18T03:00:00.000Z");
            end["disposition"] = json!(if step == "dispensing" { "dispensed" } else { "destroyed" });
            if step == "dispensing" {
                end["action"] = json!("OBSERVE");
            }
            self.say(SEOUL, at(SEOUL, end));
        }
    }
}

/// The page to which a Digital Link's path leads.
pub fn page_of(path: &str) -> String {
    format!("/verify?id=https%3A%2F%2Fid.gs1.org{}", path.replace('/', "%2F"))
}

/// The id of a product's path.
pub fn uri(path: &str) -> String {
    format!("https://id.gs1.org{path}")
}

/// An event at a participant's own place, with its coordinates.
fn at(name: &str, mut event: Value) -> Value {
    let (.., gln, place) = ACTORS.iter().find(|(actor, ..)| *actor == name).unwrap();
    event["readPoint"] = json!({"id": place});
    if !["shipping", "loading"].contains(&event["bizStep"].as_str().unwrap()) {
        event["bizLocation"] = json!({"id": format!("https://id.gs1.org/414/{gln}")});
    }
    event
}

/// The maker sends something to Seoul.
fn sent(ids: &[&str], time: &str) -> Value {
    let mut event = object_event("OBSERVE", "shipping", ids, time);
    event["disposition"] = json!("in_transit");
    event["sourceList"] = json!([{"type": "possessing_party", "source": "https://id.gs1.org/417/9506000134369"}]);
    event["destinationList"] =
        json!([{"type": "possessing_party", "destination": "https://id.gs1.org/417/9522000000015"}]);
    event
}

fn packing(action: &str, step: &str, parent: &str, children: &[&str], time: &str) -> Value {
    json!({
        "type": "AggregationEvent",
        "eventTime": time,
        "eventTimeZoneOffset": "+00:00",
        "parentID": parent,
        "childEPCs": children,
        "action": action,
        "bizStep": step,
    })
}
