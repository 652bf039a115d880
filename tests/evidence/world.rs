//! A ledger from a seed: what happens in it is drawn by lot, and always something that a node would take.

use std::collections::{BTreeMap, BTreeSet};

use sealane_core::gs1::check_digit;
use sealane_core::time::Timestamp;
use serde_json::{Value, json};

use crate::book::Book;
use crate::dice::Dice;
use crate::node::Node;
use crate::parties::Party;
use crate::story::{Name, Thing, event, lot_id, withdrawn};

/// Rounds of a world, of one block each.
const ROUNDS: usize = 34;

/// Text that makes its statement too long for a leaf (65,535 bytes), once it is base64.
const LONG_NOTE_BYTES: usize = 60_000;

const HOUR_MS: i64 = 60 * 60 * 1000;

pub struct World {
    pub node: Node,
    pub book: Book,
    /// What is worth asking about: products, containers, lots, classes, places, and what nobody recorded.
    pub ids: BTreeSet<String>,
    /// How often each kind of thing happened.
    pub told: BTreeMap<&'static str, usize>,
}

/// Statements of one signer, before they are signed.
type Said = (usize, Vec<Value>);

struct Maker {
    dice: Dice,
    node: Node,
    parties: Vec<Party>,
    things: Vec<Thing>,
    /// What was said, by whom, to be withdrawn one day.
    past: Vec<(usize, Value)>,
    recalls: Vec<(usize, Vec<String>, bool)>,
    told: BTreeMap<&'static str, usize>,
    serial: usize,
}

const ACME: usize = 0;
const FARM: usize = 1;
const WORKS: usize = 2;
const LATE: usize = 6;
const HEIR: usize = 7;

fn parties(seed: u64) -> Vec<Party> {
    let farm = ["https://farm.example/", "urn:farm:batch:"];
    vec![
        Party::new("Acme Pharma", "manufacturer", Some("9506000"), &[], Some("950600099001"), seed),
        Party::new("Blue Farm", "manufacturer", None, &farm, None, seed),
        Party::new("Old Works", "manufacturer", Some("4012345"), &[], Some("401234500001"), seed),
        Party::new("Swift Freight", "shipper", None, &[], Some("952100000001"), seed),
        Party::new("Seoul Medical", "distributor", None, &[], Some("952100000002"), seed),
        Party::new("Lisbon Trade", "distributor", Some("9521567"), &["https://lisbon.example/"], None, seed),
        Party::new("Late Stores", "distributor", None, &[], Some("952100000004"), seed),
        Party::new("New Works", "manufacturer", Some("40123"), &[], None, seed),
    ]
}

/// A place that no registration names, though its first digits may be somebody's company prefix.
fn gln(digits: &str) -> String {
    format!("https://id.gs1.org/414/{digits}{}", check_digit(digits).unwrap())
}

impl World {
    pub async fn make(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let mut node = Node::begin(seed).await;
        node.advance(10);
        let mut parties = parties(seed);
        for party in &mut parties[..LATE] {
            party.register(&mut node).await;
            node.advance(dice.below(60) as i64 + 1);
        }
        let mut maker = Maker {
            dice,
            node,
            parties,
            things: Vec::new(),
            past: Vec::new(),
            recalls: Vec::new(),
            told: BTreeMap::new(),
            serial: 1,
        };
        for round in 0..ROUNDS {
            maker.node.advance(20 + maker.dice.below(16 * 60) as i64);
            maker.round(round).await;
        }
        maker.finish().await
    }
}

impl Maker {
    async fn round(&mut self, round: usize) {
        self.registrations(round).await;
        let mut said: Vec<Said> = Vec::new();
        for _ in 0..=self.dice.below(3) {
            said.extend(self.something(round));
        }
        // Of one signer's events some go into one statement.
        let mut together: Vec<Said> = Vec::new();
        for (signer, events) in said {
            match together.last_mut() {
                Some((last, all)) if *last == signer && self.dice.percent(70) => all.extend(events),
                _ => together.push((signer, events)),
            }
        }
        let now = self.node.now();
        let mut statements = Vec::new();
        for (signer, events) in together {
            if events.len() > 1 {
                self.tell("several events in a statement");
            }
            let back = self.dice.below(600) as i64 * 1000;
            statements.push(self.parties[signer].sign(&self.node, &events, now.plus_millis(-back)));
            self.past.extend(events.into_iter().map(|event| (signer, event)));
        }
        if statements.len() > 1 {
            self.tell("several statements in a block");
        }
        self.node.capture_all(statements).await;
    }

    /// Who comes, changes keys and goes.
    async fn registrations(&mut self, round: usize) {
        match round {
            8 if self.dice.percent(60) => self.parties[ACME].renew(&mut self.node).await,
            12 => {
                let one = *self.dice.pick(&[ACME, FARM, WORKS, 3, 4, 5]);
                let is_withdrawn = self.dice.percent(50);
                self.tell(if is_withdrawn { "revocation withdrawn" } else { "revocation proposed" });
                self.parties[one].propose_in_vain(&mut self.node, is_withdrawn).await;
            }
            14 => self.parties[LATE].register(&mut self.node).await,
            18 => {
                let gone = *self.dice.pick(&[WORKS, WORKS, 3, 4, 5, FARM]);
                let back = self.dice.below(100) as i64 * HOUR_MS;
                let compromised = self.dice.percent(60).then(|| self.node.now().plus_millis(-back));
                self.tell(if compromised.is_some() { "revoked since" } else { "revoked" });
                if self.dice.percent(50) {
                    self.tell("revoked by vote");
                    self.parties[gone].revoke_by_vote(&mut self.node, compromised).await;
                } else {
                    self.parties[gone].revoke(&mut self.node, compromised).await;
                }
            }
            22 if self.parties[WORKS].is_revoked => {
                self.tell("prefix inherited");
                self.parties[HEIR].register(&mut self.node).await;
            }
            26 => {
                let active: Vec<usize> = (0..self.parties.len()).filter(|one| self.parties[*one].is_active()).collect();
                let one = *self.dice.pick(&active);
                self.parties[one].renew(&mut self.node).await;
            }
            _ => return,
        }
        self.node.advance(1);
    }

    fn something(&mut self, round: usize) -> Vec<Said> {
        if round == 3 {
            return self.commission(Some("long"));
        }
        if round < 4 {
            return self.commission(None);
        }
        match self.dice.below(100) {
            0..10 => self.commission(None),
            10..30 => self.pack(),
            30..43 => self.ship(),
            43..56 => self.receive(),
            56..65 => self.unpack(),
            65..72 => self.transform(),
            72..77 => self.recall(),
            77..80 => self.lift(),
            80..83 => self.steal(),
            83..87 => self.correct(),
            87..89 => self.clone_one(),
            89..91 => self.sell(),
            91..96 => self.wash(),
            _ => self.observe(),
        }
    }

    fn tell(&mut self, what: &'static str) {
        *self.told.entry(what).or_default() += 1;
    }

    /// A time not long before now, and sometimes shortly after.
    fn time(&mut self) -> Timestamp {
        let ahead = if self.dice.percent(3) { 20 * HOUR_MS } else { 0 };
        let back = self.dice.below(40) as i64 * 60_000 + self.dice.below(1000) as i64;
        self.node.now().plus_millis(ahead - back)
    }

    fn say(&mut self, kind: &str, members: Value) -> Value {
        let time = self.time();
        event(&mut self.dice, kind, time, members)
    }

    fn place(&self, party: usize) -> Value {
        self.parties[party].place.as_ref().map_or(Value::Null, |place| json!({"id": place}))
    }

    fn new_serial(&mut self) -> usize {
        self.serial += 1;
        self.serial
    }

    fn an_active(&mut self, among: &[usize]) -> Option<usize> {
        let active: Vec<usize> = among.iter().copied().filter(|one| self.parties[*one].is_active()).collect();
        (!active.is_empty()).then(|| *self.dice.pick(&active))
    }

    fn name(&mut self, maker: usize) -> Name {
        let serial = self.new_serial();
        match (self.parties[maker].prefix, maker) {
            (Some("40123"), _) => Name::Item("4012345", "00007".to_owned(), format!("N{serial}")),
            (Some(prefix), _) => Name::Item(prefix, "01343".to_owned(), format!("S{serial}")),
            (None, _) if serial.is_multiple_of(2) => Name::Uri(format!("https://farm.example/item/{serial}")),
            (None, _) => Name::Uri(format!("urn:farm:batch:{serial}")),
        }
    }

    /// Makes things of a lot, one to three at once.
    fn commission(&mut self, note: Option<&str>) -> Vec<Said> {
        let Some(maker) = self.an_active(&[ACME, FARM, WORKS, HEIR]) else { return Vec::new() };
        let names: Vec<Name> = (0..=self.dice.below(3)).map(|_| self.name(maker)).collect();
        let lot = self.dice.percent(70).then(|| format!("L{}", self.dice.below(3)));
        let mut spelled: Vec<String> = names.iter().map(|name| name.spelled(&mut self.dice)).collect();
        let ilmd = lot.as_ref().map_or(Value::Null, |lot| match self.things.len() % 5 {
            0 => json!({"cbvmda:lotNumber": lot, "cbvmda:itemExpirationDate": "2026-12-31"}),
            1 => json!({"gs1:Product": {"gs1:hasBatchLotNumber": lot, "gs1:expirationDate": "2026-12-31"}}),
            2 => {
                // The lot stands in the EPCs as they are signed, and nowhere else.
                let beside = |name: &Name| name.canonical().replace("/21/", &format!("/10/{lot}/21/"));
                spelled = names.iter().map(beside).collect();
                json!({"cbvmda:sellByDate": "2026-02-28", "cbvmda:bestBeforeDate": "soon"})
            }
            3 => json!({"cbvmda:lotNumber": 7, "https://ref.gs1.org/voc/hasBatchLotNumber": [{"@value": lot}]}),
            _ => json!({"cbvmda:lotNumber": lot}),
        });
        let note = note.map_or(Value::Null, |_| json!("x".repeat(LONG_NOTE_BYTES)));
        let class = names[0].class().filter(|_| self.dice.percent(20));
        let quantity = match (&class, &lot) {
            (Some(class), Some(lot)) => json!([{"epcClass": lot_id(class, lot), "quantity": 5}]),
            _ => Value::Null,
        };
        let members = json!({
            "action": "ADD", "bizStep": "commissioning", "disposition": "active", "epcList": spelled,
            "quantityList": quantity, "ilmd": ilmd, "readPoint": self.place(maker), "example:note": note,
        });
        let said = self.say("ObjectEvent", members);
        self.things.extend(names.into_iter().map(|name| Thing {
            name,
            lot: lot.clone(),
            holder: maker,
            inside: None,
            is_container: false,
            is_gone: false,
            sent_to: None,
        }));
        self.tell("commissioned");
        vec![(maker, vec![said])]
    }

    /// A thing that an active party has, lying in nothing and not on its way.
    fn at_hand(&mut self, wanted: impl Fn(&Thing) -> bool) -> Option<usize> {
        let found: Vec<usize> = (0..self.things.len())
            .filter(|at| {
                let thing = &self.things[*at];
                let free = thing.inside.is_none() && thing.sent_to.is_none() && !thing.is_gone;
                free && self.parties[thing.holder].is_active() && wanted(thing)
            })
            .collect();
        (!found.is_empty()).then(|| *self.dice.pick(&found))
    }

    fn pack(&mut self) -> Vec<Said> {
        let Some(child) = self.at_hand(|_| true) else { return Vec::new() };
        let holder = self.things[child].holder;
        let reused = self.at_hand(|thing| thing.is_container && thing.holder == holder);
        let parent = match reused.filter(|parent| *parent != child) {
            Some(parent) if self.dice.percent(85) => parent,
            _ => {
                let serial = self.new_serial();
                self.things.push(Thing {
                    name: Name::Sscc("9521567", format!("{serial:09}")),
                    lot: None,
                    holder,
                    inside: None,
                    is_container: true,
                    is_gone: false,
                    sent_to: None,
                });
                self.things.len() - 1
            }
        };
        let (parent_id, child_id) = (self.spell(parent), self.spell(child));
        let members = json!({
            "action": "ADD", "parentID": parent_id, "childEPCs": [child_id], "bizStep": "packing",
            "readPoint": self.place(holder),
        });
        let said = self.say("AggregationEvent", members);
        // Now and then somebody packs a thing twice, or a container into what lies in it.
        if !self.dice.percent(6) {
            self.things[child].inside = Some(parent);
        } else {
            self.tell("packed and kept");
        }
        self.tell("packed");
        vec![(holder, vec![said])]
    }

    fn spell(&mut self, thing: usize) -> String {
        self.things[thing].name.spelled(&mut self.dice)
    }

    fn unpack(&mut self) -> Vec<Said> {
        let inside = |at: &usize| self.things[*at].inside.is_some();
        let packed: Vec<usize> = (0..self.things.len()).filter(inside).collect();
        if packed.is_empty() {
            return Vec::new();
        }
        let child = *self.dice.pick(&packed);
        let Some(parent) = self.things[child].inside else { return Vec::new() };
        let holder = self.outermost(parent).holder;
        if !self.parties[holder].is_active() {
            return Vec::new();
        }
        let all = self.dice.percent(30);
        let (parent_id, child_id) = (self.spell(parent), self.spell(child));
        let children = if all { Value::Null } else { json!([child_id]) };
        let members = json!({
            "action": "DELETE", "parentID": parent_id, "childEPCs": children, "bizStep": "unpacking",
            "readPoint": self.place(holder),
        });
        for at in packed {
            if self.things[at].inside == Some(parent) && (all || at == child) {
                self.things[at].inside = None;
                self.things[at].holder = holder;
            }
        }
        self.tell("unpacked");
        vec![(holder, vec![self.say("AggregationEvent", members)])]
    }

    fn outermost(&self, mut at: usize) -> &Thing {
        for _ in 0..self.things.len() {
            match self.things[at].inside {
                Some(parent) => at = parent,
                None => break,
            }
        }
        &self.things[at]
    }

    fn ship(&mut self) -> Vec<Said> {
        let Some(thing) = self.at_hand(|_| true) else { return Vec::new() };
        let holder = self.things[thing].holder;
        let to = *self.dice.pick(&[ACME, WORKS, 3, 4, 4, 5, LATE]);
        let destination = match (&self.parties[to].place, self.dice.below(10)) {
            (_, 0) => gln("952100099999"),
            (_, 1) => gln("950600011111"),
            (Some(place), 2..6) => place.replace("/414/", "/417/"),
            (Some(place), _) => place.clone(),
            (None, _) => "https://lisbon.example/dock/4".to_owned(),
        };
        let kind = if destination.contains("/417/") { "possessing_party" } else { "location" };
        let destinations = json!([{"type": kind, "destination": destination}]);
        let destinations = if self.dice.percent(15) { Value::Null } else { destinations };
        let id = self.spell(thing);
        let members = json!({
            "action": "OBSERVE", "epcList": [id], "bizStep": "shipping", "disposition": "in_transit",
            "destinationList": destinations, "readPoint": self.place(holder),
        });
        self.things[thing].sent_to = Some(to);
        self.tell("shipped");
        vec![(holder, vec![self.say("ObjectEvent", members)])]
    }

    fn receive(&mut self) -> Vec<Said> {
        let travels = |at: &usize| self.things[*at].sent_to.is_some_and(|to| self.parties[to].is_active());
        let travelling: Vec<usize> = (0..self.things.len()).filter(travels).collect();
        if travelling.is_empty() {
            return Vec::new();
        }
        let thing = *self.dice.pick(&travelling);
        let Some(to) = self.things[thing].sent_to else { return Vec::new() };
        let by = if self.dice.percent(90) { to } else { self.an_active(&[3, 4, 5, LATE]).unwrap_or(to) };
        let id = self.spell(thing);
        let place = self.place(by);
        let members = json!({
            "action": "OBSERVE", "epcList": [id], "bizStep": "receiving", "disposition": "in_progress",
            "readPoint": place, "bizLocation": place,
        });
        self.things[thing].holder = by;
        self.things[thing].sent_to = None;
        self.tell("received");
        vec![(by, vec![self.say("ObjectEvent", members)])]
    }

    /// Makes a new thing out of one or two, told in one event or in two that a transformationID ties.
    fn transform(&mut self) -> Vec<Said> {
        let makers = |thing: &Thing| [ACME, FARM, WORKS, HEIR].contains(&thing.holder) && !thing.is_container;
        let Some(first) = self.at_hand(makers) else { return Vec::new() };
        let maker = self.things[first].holder;
        let second = self.at_hand(|thing| thing.holder == maker && !thing.is_container);
        let inputs: BTreeSet<usize> = [Some(first), second].into_iter().flatten().collect();
        let used: Vec<String> = inputs.iter().map(|at| self.things[*at].name.spelled(&mut self.dice)).collect();
        let name = self.name(maker);
        let output = name.spelled(&mut self.dice);
        for at in inputs {
            self.things[at].is_gone = self.dice.percent(80);
        }
        self.things.push(Thing {
            name,
            lot: None,
            holder: maker,
            inside: None,
            is_container: false,
            is_gone: false,
            sent_to: None,
        });
        self.tell("transformed");
        let id = format!("urn:transformation:{}", self.new_serial());
        if self.dice.percent(50) {
            let tie = if self.dice.percent(50) { json!(id) } else { Value::Null };
            let members = json!({"inputEPCList": used, "outputEPCList": [output], "transformationID": tie});
            return vec![(maker, vec![self.say("TransformationEvent", members)])];
        }
        self.tell("transformed in parts");
        let part = json!({"inputEPCList": used, "transformationID": id});
        let inputs = self.say("TransformationEvent", part);
        let outputs = self.say("TransformationEvent", json!({"outputEPCList": [output], "transformationID": id}));
        let mut said = vec![(maker, vec![inputs]), (maker, vec![outputs])];
        if let Some(stranger) = self.an_active(&[3, 4, 5]).filter(|_| self.dice.percent(30)) {
            let members = json!({"inputEPCList": ["https://foreign.example/thing"], "transformationID": id});
            said.push((stranger, vec![self.say("TransformationEvent", members)]));
        }
        said
    }

    /// Recalls a product, its lot or its class, by its maker or by somebody else.
    fn recall(&mut self) -> Vec<Said> {
        let products: Vec<usize> = (0..self.things.len()).filter(|at| !self.things[*at].is_container).collect();
        if products.is_empty() {
            return Vec::new();
        }
        let thing = self.things[*self.dice.pick(&products)].clone();
        let maker = match &thing.name {
            Name::Item("9506000", ..) => ACME,
            Name::Item(..) if self.parties[WORKS].is_revoked => HEIR,
            Name::Item(..) => WORKS,
            _ => FARM,
        };
        let by = if self.dice.percent(70) { Some(maker) } else { self.an_active(&[4, 5, LATE, WORKS]) };
        let Some(by) = by.filter(|by| self.parties[*by].is_active()) else { return Vec::new() };
        let (id, is_class) = match (thing.name.class(), &thing.lot, self.dice.below(3)) {
            (Some(class), Some(lot), 1) => (lot_id(&class, lot), true),
            (Some(class), _, 2) => (class, true),
            _ => (thing.name.spelled(&mut self.dice), false),
        };
        self.tell(match (by == maker, is_class) {
            (true, true) => "lot or class recalled by its maker",
            (true, false) => "item recalled by its maker",
            (false, _) => "recalled by a stranger",
        });
        let persistent = self.dice.percent(40);
        self.recalls.push((by, vec![id.clone()], is_class));
        vec![(by, vec![self.recalling(&id, is_class, persistent.then_some("set"))])]
    }

    fn recalling(&mut self, id: &str, is_class: bool, persistent: Option<&str>) -> Value {
        let mut members = match is_class {
            true => json!({"quantityList": [{"epcClass": id}]}),
            false => json!({"epcList": [id]}),
        };
        members["action"] = json!("OBSERVE");
        match persistent {
            Some(change) => members["persistentDisposition"] = json!({change: ["recalled"]}),
            None => members["disposition"] = json!("recalled"),
        }
        self.say("ObjectEvent", members)
    }

    fn lift(&mut self) -> Vec<Said> {
        let Some(at) = (!self.recalls.is_empty()).then(|| self.dice.below(self.recalls.len())) else {
            return Vec::new();
        };
        let (by, ids, is_class) = self.recalls.swap_remove(at);
        if !self.parties[by].is_active() {
            return Vec::new();
        }
        self.tell("recall lifted");
        vec![(by, ids.iter().map(|id| self.recalling(id, is_class, Some("unset"))).collect())]
    }

    fn steal(&mut self) -> Vec<Said> {
        let Some(thing) = self.at_hand(|thing| !thing.is_container) else { return Vec::new() };
        let holder = self.things[thing].holder;
        let by = if self.dice.percent(60) { holder } else { self.an_active(&[3, 4, 5]).unwrap_or(holder) };
        let id = self.spell(thing);
        self.tell("stolen");
        let said = self.say("ObjectEvent", json!({"action": "OBSERVE", "epcList": [id], "disposition": "stolen"}));
        vec![(by, vec![said])]
    }

    fn correct(&mut self) -> Vec<Said> {
        let mine = |at: &usize| {
            let (signer, event) = &self.past[*at];
            self.parties[*signer].is_active() && event.get("eventID").is_some()
        };
        let possible: Vec<usize> = (0..self.past.len()).filter(mine).collect();
        if possible.is_empty() {
            return Vec::new();
        }
        let at = *self.dice.pick(&possible);
        let (signer, event) = self.past.swap_remove(at);
        if event.get("errorDeclaration").is_some() {
            return Vec::new();
        }
        self.tell("corrected");
        vec![(signer, vec![withdrawn(&event, self.node.now())])]
    }

    /// A second commissioning of what there is already.
    fn clone_one(&mut self) -> Vec<Said> {
        let made = |at: &usize| !self.things[*at].is_container;
        let products: Vec<usize> = (0..self.things.len()).filter(made).collect();
        if products.is_empty() {
            return Vec::new();
        }
        let thing = *self.dice.pick(&products);
        let maker = match &self.things[thing].name {
            Name::Item("9506000", ..) => ACME,
            Name::Item(..) => WORKS,
            _ => FARM,
        };
        if !self.parties[maker].is_active() {
            return Vec::new();
        }
        let id = self.spell(thing);
        self.tell("cloned");
        let members = json!({"action": "ADD", "epcList": [id], "bizStep": "commissioning"});
        vec![(maker, vec![self.say("ObjectEvent", members)])]
    }

    fn sell(&mut self) -> Vec<Said> {
        let sellers = [4, 5, LATE];
        let Some(thing) = self.at_hand(|thing| sellers.contains(&thing.holder)) else { return Vec::new() };
        let holder = self.things[thing].holder;
        let id = self.spell(thing);
        self.things[thing].is_gone = true;
        self.tell("sold");
        let members = json!({
            "action": "OBSERVE", "epcList": [id], "bizStep": "retail_selling", "disposition": "retail_sold",
            "bizLocation": self.place(holder),
        });
        vec![(holder, vec![self.say("ObjectEvent", members)])]
    }

    fn observe(&mut self) -> Vec<Said> {
        let Some(thing) = self.at_hand(|_| true) else { return Vec::new() };
        let holder = self.things[thing].holder;
        let by = if self.dice.percent(80) { holder } else { self.an_active(&[3, 4, 5, LATE]).unwrap_or(holder) };
        let id = self.spell(thing);
        let members = json!({
            "action": "OBSERVE", "epcList": [id], "bizStep": "inspecting", "bizLocation": self.place(by),
        });
        vec![(by, vec![self.say("ObjectEvent", members)])]
    }

    /// A container has a life of its own.
    fn wash(&mut self) -> Vec<Said> {
        let Some(container) = self.at_hand(|thing| thing.is_container) else { return Vec::new() };
        let holder = self.things[container].holder;
        let id = self.spell(container);
        let said = self.say("ObjectEvent", json!({"action": "OBSERVE", "epcList": [id], "bizStep": "holding"}));
        vec![(holder, vec![said])]
    }

    async fn finish(self) -> World {
        let mut ids: BTreeSet<String> = self.things.iter().map(|thing| thing.name.canonical()).collect();
        for thing in &self.things {
            if let Some(class) = thing.name.class() {
                ids.extend(thing.lot.as_ref().map(|lot| lot_id(&class, lot)));
                ids.insert(format!("{class}/21/NONE"));
                ids.insert(class);
            }
        }
        ids.extend(self.parties.iter().filter_map(|party| party.place.clone()));
        ids.extend(["https://farm.example/item/none", "https://nobody.example/at/all", "urn:x-none:1"].map(Into::into));
        let book = Book::read(&self.node).await;
        World { node: self.node, book, ids, told: self.told }
    }
}
