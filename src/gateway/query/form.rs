//! In which form ids are given: as they were captured, as GS1 Digital Links, or as EPC URNs (EPCIS 2.0 §12.6.4).

use std::collections::BTreeSet;

use sealane_core::consortium::Registry;
use sealane_core::gs1::{CompanyPrefix, Id};
use sealane_core::json::Json;

use super::store::FoundEvent;

/// The members of an event that hold one id, and those that hold a list of some.
const ONE: [&str; 2] = ["parentID", "transformationID"];
const LISTS: [&str; 4] = ["epcList", "childEPCs", "inputEPCList", "outputEPCList"];

/// Objects, and lists of objects, of which a member is an id.
const WITHIN: [(&str, &str); 9] = [
    ("quantityList", "epcClass"),
    ("childQuantityList", "epcClass"),
    ("inputQuantityList", "epcClass"),
    ("outputQuantityList", "epcClass"),
    ("readPoint", "id"),
    ("bizLocation", "id"),
    ("sourceList", "source"),
    ("destinationList", "destination"),
    ("bizTransactionList", "bizTransaction"),
];

/// The company prefixes that are registered: an EPC URN says how long the prefix in it is.
#[derive(Debug, Clone, Default)]
pub struct Prefixes(BTreeSet<CompanyPrefix>);

impl Prefixes {
    pub fn of(registry: &Registry) -> Self {
        Self(registry.participants().flat_map(|one| one.claims.gs1_company_prefixes.iter().cloned()).collect())
    }

    /// The longest one that the id begins with.
    fn of_id(&self, id: &Id) -> Option<&CompanyPrefix> {
        self.0.iter().filter(|prefix| prefix.covers(id)).max_by_key(|prefix| prefix.as_str().len())
    }
}

/// In which form ids are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdForm {
    AsCaptured,
    DigitalLink,
    /// As URNs, where the prefix is registered.
    Urn,
}

impl IdForm {
    /// The value of `GS1-EPC-Format` for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AsCaptured => "Never_Translates",
            Self::DigitalLink => "Always_GS1_Digital_Link",
            Self::Urn => "Always_EPC_URN",
        }
    }

    /// Reads a value of `GS1-EPC-Format`. Values are compared without case, and `ALWAYS_URN` is what a client in use sends.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text.to_ascii_lowercase().as_str() {
            "always_gs1_digital_link" => Self::DigitalLink,
            "always_epc_urn" | "always_urn" => Self::Urn,
            "never_translates" | "no_preference" => Self::AsCaptured,
            _ => return None,
        })
    }

    /// An id in this form; `None` if it has none in it.
    pub fn text(self, text: &str, prefixes: &Prefixes) -> Option<String> {
        if self == Self::AsCaptured {
            return Some(text.to_owned());
        }
        // What is no key of GS1 has one form.
        let Some(id) = Id::parse_uri(text).ok().filter(Id::is_gs1) else { return Some(text.to_owned()) };
        let is_urn = text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:"));
        match self {
            // A link of another domain stays: it is one.
            Self::DigitalLink if is_urn => Some(id.as_str().to_owned()),
            Self::Urn if !is_urn => prefixes.of_id(&id).and_then(|prefix| id.epc_urn(prefix)),
            _ => Some(text.to_owned()),
        }
    }

    /// Writes the ids of events in this form; false if one has none in it.
    pub fn write_events(self, events: &mut [FoundEvent], prefixes: &Prefixes) -> bool {
        let mut is_whole = true;
        for found in events {
            is_whole &= self.write(&mut found.json, prefixes);
        }
        is_whole
    }

    /// Writes the ids of an event in this form. One that has none in it stays as it is, and false is returned.
    pub fn write(self, event: &mut Json, prefixes: &Prefixes) -> bool {
        let mut is_whole = true;
        let mut change = |value: &mut Json| {
            if let Json::String(text) = value {
                match self.text(text, prefixes) {
                    Some(changed) => *text = changed,
                    None => is_whole = false,
                }
            }
        };
        for name in ONE {
            event.get_mut(name).into_iter().for_each(&mut change);
        }
        for name in LISTS {
            let list = event.get_mut(name).and_then(Json::as_array_mut);
            list.into_iter().flatten().for_each(&mut change);
        }
        for (name, member) in WITHIN {
            match event.get_mut(name) {
                Some(Json::Array(items)) => {
                    items.iter_mut().filter_map(|item| item.get_mut(member)).for_each(&mut change);
                }
                Some(object) => object.get_mut(member).into_iter().for_each(&mut change),
                None => {}
            }
        }
        is_whole
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event() -> Json {
        Json::from(json!({
            "epcList": ["urn:epc:id:sgtin:9506000.013435.A1", "https://id.example.com/01/09506000134352/21/B1", "urn:uuid:1"],
            "quantityList": [{"epcClass": "urn:epc:class:lgtin:9506000.013435.L7", "quantity": 4}],
            "readPoint": {"id": "urn:epc:id:sgln:9506000.13436.0"},
            "sourceList": [{"type": "owning_party", "source": "urn:epc:id:pgln:9506000.13436"}],
            "eventID": "urn:epc:id:gdti:9506000.13437.D1", "example:id": "urn:epc:id:sgtin:9506000.013435.A1",
        }))
    }

    #[test]
    fn ids_are_links_and_nothing_else_changes() {
        let mut written = event();
        assert!(IdForm::DigitalLink.write(&mut written, &Prefixes::default()));
        let expected = json!({
            "epcList": [
                "https://id.gs1.org/01/09506000134352/21/A1", "https://id.example.com/01/09506000134352/21/B1", "urn:uuid:1",
            ],
            "quantityList": [{"epcClass": "https://id.gs1.org/01/09506000134352/10/L7", "quantity": 4}],
            "readPoint": {"id": "https://id.gs1.org/414/9506000134369"},
            "sourceList": [{"type": "owning_party", "source": "https://id.gs1.org/417/9506000134369"}],
            "eventID": "urn:epc:id:gdti:9506000.13437.D1", "example:id": "urn:epc:id:sgtin:9506000.013435.A1",
        });
        assert_eq!(written, Json::from(expected));
        let mut same = event();
        assert!(IdForm::AsCaptured.write(&mut same, &Prefixes::default()));
        assert_eq!(same, event());
    }

    #[test]
    fn ids_are_urns_where_the_prefix_is_known() {
        let mut written = event();
        assert!(!IdForm::Urn.write(&mut written, &Prefixes::default()), "no prefix is known");
        assert_eq!(written, event());
        let known = Prefixes(["950600", "9506000"].map(|prefix| prefix.parse().unwrap()).into());
        assert!(IdForm::Urn.write(&mut written, &known));
        assert_eq!(
            written.get("epcList").unwrap().as_array().unwrap()[1].as_str(),
            Some("urn:epc:id:sgtin:9506000.013435.B1")
        );
    }
}
