//! The stories of `tests/verdicts`, which the verifier in JavaScript is told too; and all business steps by those who have no part.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::consortium::rights;
use crate::epcis::vocabulary::BizStep;
use crate::provenance::scenario::{Actor, CASE, ITEM, PALLET, Scenario, rules};
use crate::provenance::{Verdict, Word};

const STORIES: &str = include_str!("../../../../../tests/verdicts/stories.json");
const LOT: &str = "https://id.gs1.org/01/09506000134352/10/L7";
const CRATE: &str = "https://id.gs1.org/8003/095060000000221234";
const COUPON: &str = "https://id.gs1.org/255/9506000000022123";
const INPUT: &str = "https://id.gs1.org/01/09521567000018/21/I1";
const OUTSIDE: &str = "https://id.gs1.org/417/9521999000006";

#[derive(Deserialize)]
struct Stories {
    stories: Vec<Story>,
}

#[derive(Deserialize)]
struct Story {
    name: String,
    #[serde(flatten)]
    first: Part,
    #[serde(default)]
    then: Vec<Part>,
}

#[derive(Deserialize)]
struct Part {
    events: Vec<String>,
    asks: Option<String>,
    word: String,
    light: Option<String>,
    rules: Vec<String>,
}

/// Those who act in the stories, and what they have said so far.
struct Teller {
    ledger: Scenario,
    cast: Vec<(&'static str, Actor)>,
    said: Vec<(Actor, String, Value)>,
}

impl Teller {
    fn new() -> Self {
        let (mut ledger, cast) = Scenario::with_cast();
        let quick = ledger.join("Quick Freight", "shipper", &[], "952100000004");
        let busan = ledger.join("Busan Medical", "distributor", &[], "952100000005");
        let agency = ledger.join("Food Agency", "authority", &[], "952100000006");
        let depot = ledger.join("Depot Services", "shipper+distributor", &[], "952100000007");
        let cast = vec![
            ("agency", agency),
            ("depot", depot),
            ("acme", cast.acme),
            ("swift", cast.swift),
            ("seoul", cast.seoul),
            ("lisbon", cast.lisbon),
            ("other", cast.other),
            ("quick", quick),
            ("busan", busan),
        ];
        Self { ledger, cast, said: Vec::new() }
    }

    fn actor(&self, name: &str) -> Actor {
        self.cast.iter().find(|(one, _)| *one == name).unwrap_or_else(|| panic!("nobody is called {name}")).1.clone()
    }

    fn say(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let [when, who, verb, rest @ ..] = &words[..] else { panic!("{line}") };
        let after = |word: &str| rest.iter().position(|one| *one == word).and_then(|at| rest.get(at + 1)).copied();
        if *who == "members" {
            return self.decide(&moment(when), verb, &self.actor(rest[0]), after("by").or(after("since")));
        }
        let actor = self.actor(who);
        if *verb == "withdraws" {
            let at: usize = rest[0].parse().unwrap();
            let (actor, first, mut members) = self.said[at - 1].clone();
            members["errorDeclaration"] = json!({"declarationTime": moment(when)});
            self.ledger.say_at(&actor, &first, &moment(when), members.clone());
            self.said.push((actor, first, members));
            return;
        }
        if *verb == "upholds" {
            let at: usize = rest[0].parse().unwrap();
            let record = &self.ledger.records[at - 1];
            let claim = format!("ni:///sha-256;{}#{}", record.event.capture().statement, record.position);
            let members = json!({"type": "TransactionEvent", "action": "ADD", "bizStep": "inspecting",
                "bizTransactionList": [{"bizTransaction": claim}]});
            self.ledger.say(&actor, &moment(when), members.clone());
            self.said.push((actor, moment(when), members));
            return;
        }
        let of = after("of").map_or(ITEM, thing);
        let mut members = if of == LOT {
            json!({"epcList": null, "quantityList": [{"epcClass": LOT, "quantity": 10}]})
        } else {
            json!({"epcList": [of]})
        };
        let (step, more) = match *verb {
            "commissions" => ("commissioning", json!({"action": "ADD", "disposition": "active"})),
            "ships" => ("shipping", json!({"disposition": "in_transit"})),
            "receives" => ("receiving", json!({"disposition": "in_progress"})),
            "takes-back" => ("receiving", json!({"disposition": "returned"})),
            "reports-stolen" => ("inspecting", json!({"disposition": "stolen"})),
            "recalls" => ("holding", json!({"disposition": "recalled"})),
            "lifts" => ("holding", json!({"persistentDisposition": {"unset": ["recalled"]}})),
            "packs" | "unpacks" => {
                let (action, step) = if *verb == "packs" { ("ADD", "packing") } else { ("DELETE", "unpacking") };
                let children: Vec<&str> = rest[0].split(',').map(thing).collect();
                let container = thing(rest[2]);
                let all = json!({"type": "AggregationEvent", "action": action, "epcList": null, "parentID": container, "childEPCs": children});
                (step, all)
            }
            "makes" => {
                let made: Vec<&str> = rest[0].split(',').map(thing).collect();
                let all = json!({"type": "TransformationEvent", "action": null, "epcList": null,
                    "inputEPCList": [thing(rest[2])], "outputEPCList": made});
                ("creating_class_instance", all)
            }
            step => (step, json!({})),
        };
        members["bizStep"] = json!(step);
        members.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        if let Some(names) = after("to") {
            let party = |name: &str| if name == "outside" { OUTSIDE.to_owned() } else { self.actor(name).party };
            let to: Vec<Value> =
                names.split(',').map(|name| json!({"type": "possessing_party", "destination": party(name)})).collect();
            members["destinationList"] = json!(to);
        }
        if let Some(name) = after("from").filter(|_| *verb == "receives") {
            members["sourceList"] = json!([{"type": "possessing_party", "source": self.actor(name).party}]);
        }
        if rest.contains(&"nowhere") {
            (members["readPoint"], members["bizLocation"]) = (json!(null), json!(null));
        } else if let Some(host) = after("at") {
            let place = json!({"id": self.actor(host).place});
            (members["readPoint"], members["bizLocation"]) = (place.clone(), place);
        }
        // What is withdrawn is named by its eventID.
        members["eventID"] = json!(format!("urn:example:{}", self.said.len() + 1));
        match after("posted") {
            Some(day) => self.ledger.say_at(&actor, &moment(when), &moment(day), members.clone()),
            None => self.ledger.say(&actor, &moment(when), members.clone()),
        };
        self.said.push((actor, moment(when), members));
    }

    fn decide(&mut self, when: &str, verb: &str, about: &Actor, more: Option<&str>) {
        match verb {
            "authorise" => self.ledger.grant_authority(about, when),
            "replace" => self.ledger.succeed(about, &self.actor(more.unwrap()), when),
            "revoke" => self.ledger.revoke(about, when, more.map(moment).as_deref()),
            other => panic!("members do not {other}"),
        }
        let last = self.said.last().unwrap().clone();
        // Lines are counted.
        self.said.push(last);
    }

    fn told(&mut self, lines: &[&str]) -> Verdict {
        lines.iter().for_each(|line| self.say(line));
        self.ledger.verdict()
    }
}

fn thing(name: &str) -> &'static str {
    match name {
        "item" => ITEM,
        "case" => CASE,
        "pallet" => PALLET,
        "lot" => LOT,
        "crate" => CRATE,
        "coupon" => COUPON,
        "input" => INPUT,
        other => panic!("nothing is called {other}"),
    }
}

/// `MM-DD`, at nine, or with the time that is given.
fn moment(text: &str) -> String {
    let (day, time) = text.split_once('T').unwrap_or((text, "09:00"));
    let seconds = if time.len() == 5 { ":00" } else { "" };
    format!("2026-{day}T{time}{seconds}Z")
}

#[test]
fn each_story_has_its_word() {
    let stories: Stories = serde_json::from_str(STORIES).unwrap();
    let mut wrong = Vec::new();
    for story in &stories.stories {
        let mut teller = Teller::new();
        for part in [&story.first].into_iter().chain(&story.then) {
            part.events.iter().for_each(|line| teller.say(line));
            let asked = part.asks.as_deref().or(story.first.asks.as_deref()).map_or(ITEM, thing);
            let verdict = teller.ledger.verdict_of(asked);
            let found = (verdict.word.as_str(), rules(&verdict));
            let light = serde_json::to_value(verdict.light).unwrap();
            let is_right = found.0 == part.word
                && found.1 == part.rules
                && part.light.as_ref().is_none_or(|expected| *expected == light);
            if !is_right {
                let reasons: Vec<&str> = verdict.reasons.iter().map(|reason| reason.sentence.as_str()).collect();
                wrong.push(format!(
                    "{}: {found:?} {light}, not {} {:?}: {reasons:#?}",
                    story.name, part.word, part.rules
                ));
            }
        }
    }
    assert!(stories.stories.len() > 20 && wrong.is_empty(), "{}", wrong.join("\n"));
}

/// One by one, a stranger's, an unnamed carrier's and a former holder's record with each step of the CBV: none makes a product that is
/// held, on its way or sold red, recalled or unknown, and none changes who has it or how it ended.
#[test]
fn no_step_of_those_who_have_no_part_condemns_it() {
    let chain =
        ["03-02 acme commissions", "03-03 acme ships to busan", "03-04 busan receives", "03-05 busan ships to seoul"];
    let held = ["03-07 seoul receives"];
    let sold = ["03-07 seoul receives", "03-08 seoul retail_selling"];
    for (standing, more) in [("on its way", &[][..]), ("held", &held[..]), ("sold", &sold[..])] {
        let mut before = Teller::new();
        let lines = [&chain[..], more].concat();
        let expected = before.told(&lines);
        for step in BizStep::STANDARD {
            for who in ["lisbon", "swift", "busan"] {
                let mut teller = Teller::new();
                teller.told(&lines);
                let verdict = teller.told(&[&format!("03-09 {who} {}", step.as_str())]);
                let participant = teller.ledger.registry.participant(&teller.actor(who).id).unwrap();
                if rights::check(participant, &teller.ledger.records.last().unwrap().event).is_err() {
                    // The ledger does not take it.
                    continue;
                }
                let place = format!("{standing}, {who} {}: {:#?}", step.as_str(), verdict.reasons);
                let is_red = matches!(verdict.word, Word::Suspect | Word::Recalled | Word::Unknown);
                assert!(!is_red || who == "busan" && standing == "on its way", "{place}");
                assert!(verdict.word != Word::Recalled && verdict.word != Word::Unknown, "{place}");
                if who != "busan" || standing != "on its way" {
                    assert_eq!(verdict.state.custodian, expected.state.custodian, "{place}");
                    assert_eq!(verdict.state.end, expected.state.end, "{place}");
                    assert_eq!(verdict.state.in_transit, expected.state.in_transit, "{place}");
                }
            }
        }
    }
}
