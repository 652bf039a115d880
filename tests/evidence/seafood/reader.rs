//! What a reader of a chain's documents expects to be told, worked out from their JSON alone: a second, simpler account.
//!
//! It knows who posted what and whose the places are, and nothing of how Sealane reads events or follows custody.

use std::collections::{BTreeMap, BTreeSet};

use sealane_core::gs1::{Id, IdKind};
use sealane_core::merkle::LeafIndex;
use serde_json::Value;

use super::chain::{Claimed, Mention, brought_forth, destinations, mentions, places, time};
use super::ledger::{Landed, Posted};

/// What the reader expects.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Expected {
    pub word: &'static str,
    /// Rules that speak against it, each with why.
    pub against: BTreeMap<&'static str, &'static str>,
    /// The leaves by which it came into being, each by whom it belongs to.
    pub origins: Vec<LeafIndex>,
}

/// Steps that begin a fish's life in the trade.
const BEGINNINGS: [&str; 3] =
    ["urn:gdst:bizStep:fishingEvent", "urn:gdst:bizStep:hatching", "urn:gdst:bizStep:farmHarvest"];

/// Reads what was posted of an id.
pub fn expect(landed: &Landed, id: &Id) -> Expected {
    let own: Vec<&Posted> = landed.posted.iter().filter(|one| !mentions_of(one, id).is_empty()).collect();
    let says = |what: &str| id.as_str().starts_with("urn:gdst:") && id.as_str().contains(what);
    if own.is_empty() && !id.is_class_level() {
        return Expected { word: "unknown", ..Expected::default() };
    }
    let counted = own.iter().flat_map(|one| mentions_of(one, id)).all(|mention| mention.is_quantity());
    let is_lot = id.kind() == IdKind::Lot || says(":product:lot:class:") || !id.is_gs1() && counted;
    let is_shared = is_lot || says(":product:class:") || id.is_class_level();
    let is_unit = id.kind() == IdKind::LogisticUnit;
    let word = if is_shared || is_unit { "traced" } else { "authentic" };
    let mut expected = Expected { word, origins: origins(&own, id), ..Expected::default() };
    if is_unit && expected.origins.is_empty() {
        expected.origins.extend(packed(landed, &own, id));
    }
    let is_origin = |one: &&&Posted| expected.origins.contains(&one.leaf);
    let today = landed.answers.iter().find(|(one, _)| one == id).map(|(_, verdict)| verdict.as_of.to_string());
    let is_past = |day: String| today.as_ref().is_some_and(|today| day.as_str() < &today[..10]);
    let has_expired = own.iter().filter(is_origin).any(|one| expiries(&one.event["ilmd"]).any(is_past));
    if expected.origins.is_empty() {
        expected.gap("no-origin", "nobody tells where it comes from");
    }
    if !is_shared {
        let makers: BTreeSet<&str> =
            own.iter().filter(|one| expected.origins.contains(&one.leaf)).map(|one| one.by.as_str()).collect();
        let times = |object: bool| {
            let made = own.iter().filter(|one| forth(one, id) && (one.event["type"] == "ObjectEvent") == object);
            made.map(|one| &one.event["transformationID"]).collect::<Vec<_>>()
        };
        // What is commissioned may be told as made, too, and one transformation in several events.
        let (added, made) = (times(true), times(false));
        if added.len() > 1 || made.len() > 1 && made.iter().any(|tie| tie.is_null() || *tie != made[0]) {
            expected.fails("commissioned-twice", "one piece comes into being once");
        }
        assert!(makers.len() < 2, "{id}: the reader has no word for pieces of several makers");
        let last = custody(landed, id, &mut expected);
        let is_input = |one: &&&Posted| mentions_of(one, id).iter().any(|mention| mention.field.starts_with("input"));
        let used = own.iter().rfind(is_input);
        let again = |used: &Posted| own.iter().any(|one| one.by == used.by && time(&one.event) > time(&used.event));
        let empties = |one: &&Posted| one.event["action"] == "DELETE" && last == Where::With(one.by.clone());
        let is_unpacked = is_unit && own.iter().any(empties);
        if is_unpacked || used.is_some_and(|used| !again(used)) {
            expected.ended();
        }
    }
    if has_expired {
        expected.ended();
    }
    expected
}

/// The days of expiry in master data, whatever its prefixes.
fn expiries(ilmd: &Value) -> impl Iterator<Item = String> {
    let named = |name: &str| name.ends_with("itemExpirationDate") || name.ends_with("expirationDate");
    let members = ilmd.as_object().into_iter().flatten();
    members.filter(move |(name, _)| named(name)).filter_map(|(_, value)| Some(value.as_str()?.get(..10)?.to_owned()))
}

impl Expected {
    fn gap(&mut self, rule: &'static str, why: &'static str) {
        if ["authentic", "traced"].contains(&self.word) {
            self.word = "incomplete";
        }
        self.against.insert(rule, why);
    }

    /// What no missing record explains is a claim.
    fn disputed(&mut self, rule: &'static str, why: &'static str) {
        if self.word != "suspect" {
            self.word = "disputed";
        }
        self.against.remove("custody-gap");
        self.against.insert(rule, why);
    }

    fn ended(&mut self) {
        if ["authentic", "traced"].contains(&self.word) {
            self.word = "ended";
        }
    }

    fn fails(&mut self, rule: &'static str, why: &'static str) {
        self.word = "suspect";
        self.against.insert(rule, why);
    }
}

fn mentions_of(posted: &Posted, id: &Id) -> Vec<Mention> {
    mentions(&posted.event).into_iter().filter(|mention| mention.id().as_ref() == Some(id)).collect()
}

fn forth(posted: &Posted, id: &Id) -> bool {
    brought_forth(&posted.event).iter().any(|mention| mention.id().as_ref() == Some(id))
}

/// The events that bring it into being, or else the first that tells of its catch, hatching or harvest.
fn origins(own: &[&Posted], id: &Id) -> Vec<LeafIndex> {
    let made: Vec<LeafIndex> = own.iter().filter(|one| forth(one, id)).map(|one| one.leaf).collect();
    let begins = |one: &&&Posted| BEGINNINGS.iter().any(|step| one.event["bizStep"] == **step);
    let begun = own.iter().filter(|one| one.event["type"] == "ObjectEvent").find(begins);
    if made.is_empty() { begun.map(|one| one.leaf).into_iter().collect() } else { made }
}

/// The first event in which whoever holds a unit's prefix packs it or sends it off.
fn packed(landed: &Landed, own: &[&Posted], id: &Id) -> Option<LeafIndex> {
    // The company prefix of an SSCC stands after its extension digit.
    let digits = id.as_str().rsplit('/').next().unwrap_or_default().get(1..).unwrap_or_default().to_owned();
    let is_holder = |one: &&&Posted| {
        let claimed = landed.claims.get(&one.by);
        claimed.is_some_and(|claimed| claimed.prefixes.iter().any(|prefix| digits.starts_with(prefix.as_str())))
    };
    let packs = |one: &Posted| one.event["type"] == "AggregationEvent" && one.event["action"] == "ADD";
    let sends =
        |one: &Posted| ["shipping", "departing", "consigning"].iter().any(|step| one.event["bizStep"] == **step);
    let begins = |one: &&&Posted| {
        let is_parent = mentions_of(one, id).iter().any(|mention| mention.field == "parentID");
        packs(one) && is_parent || sends(one)
    };
    own.iter().filter(is_holder).find(begins).map(|one| one.leaf)
}

/// Where the reader thinks that a piece is.
#[derive(Debug, Clone, PartialEq)]
enum Where {
    Nowhere,
    With(String),
    Sent { by: String, to: BTreeSet<String> },
}

/// Walks through a piece's events and those of what it was packed into, in the order of their times, and says where it is at last.
fn custody(landed: &Landed, id: &Id, expected: &mut Expected) -> Where {
    let (mut now, mut former) = (Where::Nowhere, Vec::<Where>::new());
    for one in journey(landed, id) {
        if forth(one, id) {
            now = Where::With(one.by.clone());
            continue;
        }
        let (step, by) = (one.event["bizStep"].as_str().unwrap_or_default(), one.by.clone());
        let after = match step {
            "shipping" => Where::Sent { by: by.clone(), to: destinations(&one.event) },
            _ => Where::With(by.clone()),
        };
        match fits(&now, &by, step, &one.event, &landed.claims) {
            Some(true) => now = after,
            Some(false) => {}
            // What is said against it of what it is in is about that alone.
            None if mentions_of(one, id).is_empty() => {}
            None => {
                match former.iter().rposition(|other| fits(other, &by, step, &one.event, &landed.claims) == Some(true))
                {
                    Some(at) => {
                        expected.disputed("claimed", "who gave it to nobody has it again");
                        former.remove(at);
                        former.push(std::mem::replace(&mut now, after));
                    }
                    None => {
                        expected.gap("custody-gap", "no record tells how it came to whoever had it next");
                        former.push(std::mem::replace(&mut now, after));
                    }
                }
            }
        }
    }
    now
}

/// Tells whether somebody's event follows on from where a piece was: it does, it changes nothing, or it does not.
fn fits(now: &Where, by: &str, step: &str, event: &Value, claims: &BTreeMap<String, Claimed>) -> Option<bool> {
    let visits = |host: &str| places(event).next().is_none_or(|place| claims[host].own(&place));
    let handles = !["shipping", "receiving"].contains(&step);
    match now {
        Where::Nowhere => Some(true),
        Where::With(holder) if holder == by => Some(true),
        Where::With(holder) => (handles && visits(holder)).then_some(false),
        Where::Sent { by: sender, .. } if sender == by => Some(!handles),
        Where::Sent { to, .. } if to.contains(by) => Some(true),
        Where::Sent { to, .. } if to.is_empty() && step == "receiving" => Some(true),
        Where::Sent { by: sender, to } => {
            (handles && to.iter().chain([sender]).any(|host| visits(host))).then_some(false)
        }
    }
}

/// The events of a piece, and of what it is in while it is in there.
fn journey<'a>(landed: &'a Landed, id: &Id) -> Vec<&'a Posted> {
    let mut inside: Vec<Id> = vec![id.clone()];
    let mut told = Vec::new();
    for one in &landed.posted {
        let names = |id: &Id| !mentions_of(one, id).is_empty();
        if !inside.iter().any(names) {
            continue;
        }
        told.push(one);
        let parent = one.event["parentID"].as_str().and_then(|text| Id::parse_uri(text).ok());
        let holds = |id: &Id| mentions_of(one, id).iter().any(|mention| mention.field == "childEPCs");
        match (parent, one.event["action"].as_str()) {
            (Some(parent), Some("ADD")) if inside.iter().any(holds) && !inside.contains(&parent) => inside.push(parent),
            // What is unpacked is outside of that, and of all that this was in.
            (Some(parent), Some("DELETE")) => {
                if let Some(at) = inside.iter().position(|one| *one == parent).filter(|at| *at > 0) {
                    inside.truncate(at);
                }
            }
            _ => {}
        }
    }
    told.sort_by_key(|one| time(&one.event));
    told
}
