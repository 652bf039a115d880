//! Chains as their documents tell them: events in JSON, who is named in them, and who would have posted them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use sealane_core::gs1::Id;
use serde_json::{Value, json};

/// Where an event names what it is about, one at a time.
const PIECES: [&str; 5] = ["epcList", "parentID", "childEPCs", "inputEPCList", "outputEPCList"];

/// Where it does so by the quantity.
const QUANTITIES: [&str; 4] = ["quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList"];

/// What a ledger was told, or is to be told, of some goods.
#[derive(Debug, Clone)]
pub struct Chain {
    pub name: String,
    pub context: Value,
    /// In the order of their times; of equal ones in that of the document.
    pub events: Vec<Value>,
}

/// An id as a document spells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    pub field: &'static str,
    pub text: String,
}

impl Mention {
    pub fn is_quantity(&self) -> bool {
        QUANTITIES.contains(&self.field)
    }

    /// The id in its one spelling, if it is one.
    pub fn id(&self) -> Option<Id> {
        Id::parse_uri(&self.text).ok()
    }
}

impl Chain {
    pub fn new(name: &str, context: Value, mut events: Vec<Value>) -> Self {
        events.sort_by_key(time);
        Self { name: name.to_owned(), context, events }
    }

    /// The chain with what is wrong in the form of its ids put right, if anything is: SSCCs that are too short are made long
    /// enough, and an empty transformationID is left out.
    pub fn mended(&self) -> Option<Self> {
        let mut events: Vec<Value> = self.events.iter().map(completed).collect();
        for event in events.iter_mut().filter(|event| event.get("transformationID").is_some_and(|id| id == "")) {
            event.as_object_mut().unwrap().remove("transformationID");
        }
        let name = format!("{}, mended", self.name);
        (events != self.events).then(|| Self { name, context: self.context.clone(), events })
    }

    /// What each company in the chain claims, by its name: its own part of each `urn:gdst` namespace, and the GS1 company
    /// prefixes and locations that it was the first to use.
    pub fn claims(&self) -> BTreeMap<String, Claimed> {
        let mut all: BTreeMap<String, Claimed> = BTreeMap::new();
        for event in &self.events {
            for id in named(event) {
                if let Some((company, namespace)) = company_of(&id) {
                    all.entry(company).or_default().namespaces.insert(namespace);
                }
            }
            let poster = poster(event);
            let of_gs1 = mentions(event).into_iter().filter(|mention| mention.id().is_some_and(|id| id.is_gs1()));
            let prefixes: Vec<String> = of_gs1.filter_map(|mention| urn_prefix(&mention.text)).collect();
            let glns: Vec<String> = places(event).filter_map(|place| gln(&place)).collect();
            let taken =
                |one: &String, of: fn(&Claimed) -> &BTreeSet<String>| all.values().any(|it| of(it).contains(one));
            let prefixes: Vec<_> = prefixes.into_iter().filter(|one| !taken(one, |it| &it.prefixes)).collect();
            let glns: Vec<_> = glns.into_iter().filter(|one| !taken(one, |it| &it.glns)).collect();
            let own = all.entry(poster).or_default();
            own.prefixes.extend(prefixes);
            own.glns.extend(glns);
        }
        for event in &self.events {
            for mention in brought_forth(event) {
                let makers = all.values_mut().filter(|one| one.hold(&mention.text));
                makers.for_each(|maker| maker.makes = true);
            }
        }
        all
    }
}

/// What a company claims.
#[derive(Debug, Clone, Default)]
pub struct Claimed {
    pub namespaces: BTreeSet<String>,
    pub prefixes: BTreeSet<String>,
    pub glns: BTreeSet<String>,
    /// It brings goods into being.
    pub makes: bool,
}

impl Claimed {
    /// Tells whether an id as spelled lies under one of the claims.
    pub fn hold(&self, text: &str) -> bool {
        self.namespaces.iter().any(|namespace| text.starts_with(namespace))
            || urn_prefix(text).is_some_and(|prefix| self.prefixes.contains(&prefix))
    }

    /// Tells whether a place or party as spelled is the company's.
    pub fn own(&self, place: &str) -> bool {
        self.hold(place) || gln(place).is_some_and(|gln| self.glns.contains(&gln))
    }

    pub fn to_json(&self, name: &str) -> Value {
        json!({
            "organization": name, "roles": [if self.makes { "manufacturer" } else { "distributor" }],
            "glns": self.glns, "gs1CompanyPrefixes": self.prefixes, "namespaces": self.namespaces,
        })
    }
}

/// Every document in a folder that tells of goods with `urn:gdst` ids, and those files that are no JSON.
pub fn read_all(root: &Path) -> (Vec<Chain>, Vec<String>) {
    let mut paths = Vec::new();
    files(root, &mut paths);
    paths.sort();
    let (mut chains, mut unread) = (Vec::new(), Vec::new());
    for path in paths {
        let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).unwrap();
        match serde_json::from_str::<Value>(text.trim_start_matches('\u{FEFF}')) {
            Ok(document) => chains.extend(read(&name, &document)),
            Err(error) => unread.push(format!("{name}: {error}")),
        }
    }
    (chains, unread)
}

fn files(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "json" || extension == "jsonld") {
            paths.push(path);
        }
    }
}

fn read(name: &str, document: &Value) -> Option<Chain> {
    let body = &document["epcisBody"];
    let list = match document["type"].as_str()? {
        "EPCISDocument" => &body["eventList"],
        "EPCISQueryDocument" => &body["queryResults"]["resultsBody"]["eventList"],
        _ => return None,
    };
    let events = list
        .as_array()
        .filter(|events| events.iter().flat_map(mentions).any(|mention| mention.text.starts_with("urn:gdst:")))?;
    Some(Chain::new(name, document["@context"].clone(), events.clone()))
}

/// What the event is about, in every field that names such.
pub fn mentions(event: &Value) -> Vec<Mention> {
    let texts = |value: &Value, quantity: bool| -> Vec<String> {
        let one = |value: &Value| if quantity { value["epcClass"].as_str() } else { value.as_str() }.map(str::to_owned);
        match value.as_array() {
            Some(all) => all.iter().filter_map(one).collect(),
            None => one(value).into_iter().collect(),
        }
    };
    let fields = PIECES.iter().map(|field| (*field, false)).chain(QUANTITIES.iter().map(|field| (*field, true)));
    fields
        .flat_map(|(field, many)| texts(&event[field], many).into_iter().map(move |text| Mention { field, text }))
        .collect()
}

/// What the event says has come into being.
pub fn brought_forth(event: &Value) -> Vec<Mention> {
    let adds = event["type"] == "ObjectEvent" && event["action"] == "ADD";
    let forth = |mention: &Mention| match mention.field {
        "epcList" | "quantityList" => adds,
        field => field.starts_with("output"),
    };
    mentions(event).into_iter().filter(forth).collect()
}

/// Everybody and everything that the event names.
fn named(event: &Value) -> Vec<String> {
    let ends = ["source", "destination"].into_iter().flat_map(|end| {
        let list = event[format!("{end}List")].as_array().cloned().unwrap_or_default();
        list.into_iter().filter_map(move |one| one[end].as_str().map(str::to_owned))
    });
    let parties = ["informationProvider", "productOwner"].into_iter().filter_map(|name| member(event, name));
    let what = mentions(event).into_iter().map(|mention| mention.text);
    ends.chain(parties).chain(what).chain(places(event)).collect()
}

pub fn places(event: &Value) -> impl Iterator<Item = String> {
    ["readPoint", "bizLocation"].into_iter().filter_map(|field| event[field]["id"].as_str().map(str::to_owned))
}

/// The companies to whom the event says that the goods go.
pub fn destinations(event: &Value) -> BTreeSet<String> {
    let list = event["destinationList"].as_array().cloned().unwrap_or_default();
    list.iter().filter_map(|one| one["destination"].as_str().and_then(company_of)).map(|(company, _)| company).collect()
}

/// The member with this local name.
fn member(event: &Value, name: &str) -> Option<String> {
    let all = event.as_object()?;
    let found = all.iter().find(|(key, _)| key.rsplit(':').next() == Some(name))?;
    found.1.as_str().map(str::to_owned)
}

/// Who would have posted the event: who provides the information, else whose the goods, the place or the number is.
pub fn poster(event: &Value) -> String {
    let parties = ["informationProvider", "productOwner"].into_iter().filter_map(|name| member(event, name));
    let what = mentions(event).into_iter().map(|mention| mention.text);
    let all = parties.chain(places(event)).chain(what);
    all.filter_map(|id| company_of(&id)).map(|(company, _)| company).next().unwrap_or_else(|| "nobody".to_owned())
}

/// Whose the event says that the goods are.
pub fn owner(event: &Value) -> Option<String> {
    member(event, "productOwner").and_then(|id| company_of(&id)).map(|(company, _)| company)
}

/// The company that a `urn:gdst` id is of, and the namespace that is its own: `urn:gdst:<domain>:<kinds>:<company>.`
fn company_of(id: &str) -> Option<(String, String)> {
    let rest = id.strip_prefix("urn:gdst:")?;
    let domain = rest.split(':').next()?;
    let start = id.rfind(':')? + 1;
    let dot = start + id.get(start..)?.find('.')?;
    (!domain.is_empty() && dot > start).then(|| (format!("{} of {domain}", &id[start..dot]), id[..=dot].to_owned()))
}

/// The GS1 company prefix of an EPC URN.
fn urn_prefix(text: &str) -> Option<String> {
    let rest = text.strip_prefix("urn:epc:id:").or_else(|| text.strip_prefix("urn:epc:class:"))?;
    rest.split_once(':')?.1.split_once('.').map(|(prefix, _)| prefix.to_owned())
}

fn gln(place: &str) -> Option<String> {
    Id::parse_uri(place).ok()?.gln().map(str::to_owned)
}

/// The event's time as a number: its documents write more digits of a second than a `Timestamp` has.
pub fn time(event: &Value) -> i64 {
    let text = event["eventTime"].as_str().unwrap_or_default();
    let (date, rest) = text.split_at(text.len().min(19));
    let fraction: String = rest.chars().skip(1).take_while(char::is_ascii_digit).collect();
    let offset = rest.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    let whole: sealane_core::time::Timestamp =
        format!("{date}{offset}").parse().unwrap_or_else(|error| panic!("{text}: {error}"));
    whole.millis() * 10_000 + format!("{fraction:0<7}")[..7].parse::<i64>().unwrap()
}

/// The same event with SSCCs of 17 digits before their check digit: zeros after the extension digit make up for what is missing.
fn completed(event: &Value) -> Value {
    match event {
        Value::String(text) => {
            let parts = text.strip_prefix("urn:epc:id:sscc:").and_then(|rest| rest.split_once('.'));
            match parts.filter(|(prefix, serial)| prefix.len() + serial.len() < 17 && !serial.is_empty()) {
                Some((prefix, serial)) => {
                    let zeros = "0".repeat(17 - prefix.len() - serial.len());
                    json!(format!("urn:epc:id:sscc:{prefix}.{}{zeros}{}", &serial[..1], &serial[1..]))
                }
                None => event.clone(),
            }
        }
        Value::Array(all) => all.iter().map(completed).collect(),
        Value::Object(all) => all.iter().map(|(name, value)| (name.clone(), completed(value))).collect(),
        _ => event.clone(),
    }
}
