//! What a participant has recorded in some leaves, and which of it the node takes for claims: shown before the members are asked
//! to dismiss it.
//!
//! It is the word of the node that is asked, which nothing proves: the members' key signs the ranges, not this.

use std::collections::{BTreeMap, BTreeSet};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::cli::client::Client;
use crate::cli::failure::Failure;
use crate::cli::proposals::leaves_text;
use sealane_core::consortium::{LeafRange, ParticipantId};
use sealane_core::provenance::Sentences;

/// Pages of events that are read of all ranges together, of 1,000 events at the most.
const PAGES_MAX: usize = 50;

/// Ids whose verdicts are asked for.
const VERDICTS_MAX: usize = 100;

/// Members of an event that name ids, one or several.
const ID_MEMBERS: [&str; 5] = ["epcList", "childEPCs", "parentID", "inputEPCList", "outputEPCList"];

/// Members of an event that name ids with a quantity.
const QUANTITY_MEMBERS: [&str; 4] = ["quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList"];

/// What a participant has recorded in ranges of leaves.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct RecordedThere {
    /// Its leaves there, each with the ids that the events name.
    leaves: BTreeMap<u64, BTreeSet<String>>,
    events: usize,
    /// The leaves that the verdict on some id takes for a claim.
    claims: BTreeSet<u64>,
    /// Not all was read, or not all ids were asked about.
    cut: bool,
}

impl RecordedThere {
    /// Asks a node for the events in the ranges and for the verdicts on what they name.
    ///
    /// # Errors
    ///
    /// The node cannot be reached, or refuses.
    pub fn ask(client: &Client, participant: &ParticipantId, ranges: &[LeafRange]) -> Result<Self, Failure> {
        let mut there = Self::default();
        let mut pages = 0;
        for range in ranges {
            let after = range.from.get().checked_sub(1).map(|leaf| format!("&nextPageToken={leaf}-{}", u32::MAX));
            let mut next = Some(format!("/epcis/events?perPage=1000{}", after.unwrap_or_default()));
            while let Some(path) = next {
                if pages == PAGES_MAX {
                    there.cut = true;
                    break;
                }
                pages += 1;
                let (page, following) = client.get_page(&path, None)?;
                let is_through = there.add(&page, participant, range);
                next = following.filter(|_| !is_through);
            }
        }
        let ids: BTreeSet<String> = there.leaves.values().flatten().cloned().collect();
        there.cut |= ids.len() > VERDICTS_MAX;
        let note = claim_note();
        for id in ids.iter().take(VERDICTS_MAX) {
            let verdict = client.get_json(&format!("/verify?id={}", utf8_percent_encode(id, NON_ALPHANUMERIC)))?;
            let claims = claims_of(&verdict, participant, &note);
            there.claims.extend(claims.into_iter().filter(|leaf| there.leaves.contains_key(leaf)));
        }
        Ok(there)
    }

    /// Takes the participant's events of a page that lie in the range. True once the page goes beyond it.
    fn add(&mut self, page: &Value, participant: &ParticipantId, range: &LeafRange) -> bool {
        let list = page.pointer("/epcisBody/queryResults/resultsBody/eventList").and_then(Value::as_array);
        let participant = participant.to_string();
        for event in list.into_iter().flatten() {
            let Some(leaf) = event.get("sealane:leafIndex").and_then(Value::as_u64) else { continue };
            if leaf > range.to.get() {
                return true;
            }
            let is_its = event.get("sealane:participant").and_then(Value::as_str) == Some(participant.as_str());
            if is_its && leaf >= range.from.get() {
                self.events += 1;
                self.leaves.entry(leaf).or_default().extend(ids_of(event));
            }
        }
        false
    }

    /// Tells whether it recorded something in a range. Unknown where not all was read, which counts as yes.
    pub fn has_some_in(&self, range: &LeafRange) -> bool {
        self.cut || self.leaves.range(range.from.get()..=range.to.get()).next().is_some()
    }

    /// True where no leaf of it is known to be a claim.
    pub fn has_no_claim(&self) -> bool {
        self.claims.is_empty()
    }

    /// What it recorded there, for people.
    pub fn to_text(&self, participant: &ParticipantId) -> String {
        let ids: BTreeSet<&String> = self.leaves.values().flatten().collect();
        let count = |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
        let (events, ids) = (count(self.events, "event"), count(ids.len(), "id"));
        let recorded = match self.leaves.len() {
            0 => "nothing there".to_owned(),
            _ => format!("{events} in {}, about {ids}", leaves_text(runs(self.leaves.keys()))),
        };
        let in_claims = leaves_text(runs(self.claims.iter()));
        let claims = match self.claims.len() {
            0 => "none of it is a claim, so nothing loses effect".to_owned(),
            1 => format!("what {in_claims} claims loses effect"),
            many => format!("what {many} of them claim loses effect: {in_claims}"),
        };
        let cut = if self.cut { " There is more than was looked at." } else { "" };
        format!("Participant {participant} recorded {recorded}. By the verdicts of this node, {claims}.{cut}")
    }
}

/// What the timeline notes of a claim, in English, as the node writes it.
fn claim_note() -> String {
    let table: Value = serde_json::from_str(&Sentences::english().to_json()).unwrap_or_default();
    table.get("note.claim").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The leaves of a participant that a verdict takes for claims: of its timeline, and of its reasons where a claim was not opened.
fn claims_of(verdict: &Value, participant: &ParticipantId, note: &str) -> BTreeSet<u64> {
    let list = |name: &str| verdict.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let participant = participant.to_string();
    let is_claim = |step: &Value| {
        step.pointer("/signer/id").and_then(Value::as_str) == Some(participant.as_str())
            && step.get("note").and_then(Value::as_str) == Some(note)
    };
    let steps = list("timeline");
    let of_steps = steps.iter().filter(|step| is_claim(step)).filter_map(|step| step.get("leaf")?.as_u64());
    let reasons = list("reasons");
    let claimed = reasons.iter().filter(|reason| reason.get("rule").and_then(Value::as_str) == Some("claimed"));
    let of_reasons = claimed.filter_map(|reason| reason.get("leaves")?.as_array()).flatten().filter_map(Value::as_u64);
    of_steps.chain(of_reasons).collect()
}

/// The ids that an event names.
fn ids_of(event: &Value) -> BTreeSet<String> {
    let named = ID_MEMBERS.iter().filter_map(|name| event.get(name)).flat_map(|member| match member {
        Value::Array(list) => list.iter().collect::<Vec<_>>(),
        one => vec![one],
    });
    let lists = QUANTITY_MEMBERS.iter().filter_map(|name| event.get(name)?.as_array()).flatten();
    let quantities = lists.filter_map(|quantity| quantity.get("epcClass"));
    named.chain(quantities).filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Leaves as ranges: those that follow each other are one.
fn runs<'a>(leaves: impl Iterator<Item = &'a u64>) -> Vec<(u64, u64)> {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for leaf in leaves {
        match runs.last_mut() {
            Some((_, to)) if *to + 1 == *leaf => *to = *leaf,
            _ => runs.push((*leaf, *leaf)),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use sealane_core::merkle::LeafIndex;
    use serde_json::json;

    use super::*;

    const SHOP: &str = "0199aaaa-0000-4000-8000-000000000001";

    fn range(from: u64, to: u64) -> LeafRange {
        LeafRange { from: LeafIndex::new(from).unwrap(), to: LeafIndex::new(to).unwrap() }
    }

    fn event(leaf: u64, participant: &str, members: Value) -> Value {
        let mut event = json!({"sealane:leafIndex": leaf, "sealane:participant": participant});
        event.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        event
    }

    fn there(events: Vec<Value>, range: &LeafRange) -> (RecordedThere, bool) {
        let page = json!({"epcisBody": {"queryResults": {"resultsBody": {"eventList": events}}}});
        let mut there = RecordedThere::default();
        let is_through = there.add(&page, &SHOP.parse().unwrap(), range);
        (there, is_through)
    }

    #[test]
    fn events_of_the_participant_in_the_range_are_counted_with_their_ids() {
        let list = vec![
            event(3, SHOP, json!({"epcList": ["urn:a:1", "urn:a:2"]})),
            event(3, SHOP, json!({"parentID": "urn:a:3", "childQuantityList": [{"epcClass": "urn:a:4"}]})),
            event(4, "0199aaaa-0000-4000-8000-000000000002", json!({"epcList": ["urn:a:5"]})),
            event(5, SHOP, json!({"epcList": ["urn:a:1"]})),
            event(9, SHOP, json!({"epcList": ["urn:a:6"]})),
        ];
        let (found, is_through) = there(list.clone(), &range(3, 8));
        assert!(is_through && found.has_some_in(&range(5, 8)) && !found.has_some_in(&range(6, 8)));
        let id = SHOP.parse().unwrap();
        assert_eq!(
            found.to_text(&id),
            format!(
                "Participant {SHOP} recorded 3 events in the leaves 3, 5, about 4 ids. By the verdicts of this node, none of \
                 it is a claim, so nothing loses effect."
            )
        );
        let (mut found, is_through) = there(list, &range(4, 20));
        assert!(!is_through);
        found.claims.insert(9);
        assert!(found.to_text(&id).ends_with("By the verdicts of this node, what leaf 9 claims loses effect."));
        found.claims.insert(5);
        found.cut = true;
        let text = found.to_text(&id);
        assert!(
            text.ends_with("what 2 of them claim loses effect: the leaves 5, 9. There is more than was looked at.")
        );
        assert!(found.has_some_in(&range(100, 200)), "it may be in what was not read");
    }

    #[test]
    fn a_claim_is_known_by_its_note_or_by_the_reason() {
        let note = claim_note();
        assert!(!note.is_empty());
        let verdict = json!({
            "timeline": [
                {"leaf": 1, "signer": {"id": SHOP}, "note": note},
                {"leaf": 2, "signer": {"id": SHOP}},
                {"leaf": 3, "signer": {"id": "another"}, "note": note},
                {"leaf": 4, "signer": {"id": SHOP}, "note": "Contradicts the journey."},
            ],
            "reasons": [{"rule": "claimed", "leaves": [7, 3]}, {"rule": "sold", "leaves": [2]}],
        });
        let claims: Vec<u64> = claims_of(&verdict, &SHOP.parse().unwrap(), &note).into_iter().collect();
        assert_eq!(claims, [1, 3, 7]);
        assert!(claims_of(&json!({}), &SHOP.parse().unwrap(), &note).is_empty());
    }
}
