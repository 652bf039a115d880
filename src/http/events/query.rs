//! Query parameters of EPCIS 2.0 §8.2.7.1, as filters.

use crate::app::Ledger;
use crate::app::events::{EventFilter, FoundEvent, PAGE_EVENTS_DEFAULT, PAGE_EVENTS_MAX, TransactionFilter, list_as};
use crate::http::events::document;
use crate::http::parameters::{Parameters, bad};
use crate::http::problem::{Code, Problem};
use sealane_core::epcis::is_absolute_uri;
use sealane_core::epcis::vocabulary::{BizStep, Disposition};
use sealane_core::gs1::{Id, IdError};
use sealane_core::json::Json;
use sealane_core::merkle::LeafIndex;

/// The parameters of every query for events.
pub const KNOWN: &[&str] = &[
    "eventType",
    "GE_eventTime",
    "LT_eventTime",
    "EQ_action",
    "EQ_bizStep",
    "EQ_disposition",
    "EQ_readPoint",
    "EQ_bizLocation",
    "EQ_eventID",
    "EQ_bizTransaction",
    "EQ_bizTransaction_bol",
    "EQ_bizTransaction_cert",
    "EQ_bizTransaction_desadv",
    "EQ_bizTransaction_inv",
    "EQ_bizTransaction_pedigree",
    "EQ_bizTransaction_po",
    "EQ_bizTransaction_poc",
    "EQ_bizTransaction_prodorder",
    "EQ_bizTransaction_recadv",
    "EQ_bizTransaction_rma",
    "EQ_bizTransaction_testprd",
    "EQ_bizTransaction_testres",
    "EQ_bizTransaction_upevt",
    "MATCH_anyEPC",
    "MATCH_epc",
    "perPage",
    "nextPageToken",
];

const EVENT_TYPES: [&str; 5] =
    ["ObjectEvent", "AggregationEvent", "TransactionEvent", "TransformationEvent", "AssociationEvent"];

const ACTIONS: [&str; 3] = ["ADD", "OBSERVE", "DELETE"];

/// What the names of the queries for business transactions begin with (EPCIS 2.0 §8.2.7.1).
const BIZ_TRANSACTION: &str = "EQ_bizTransaction";

/// Business transactions in one parameter: each is a list of its own that is read.
const TRANSACTIONS_MAX: usize = 100;

/// Lists where `MATCH_epc` looks; `MATCH_anyEPC` looks everywhere.
const OBJECT_LISTS: [&str; 2] = ["epcList", "childEPCs"];

/// A query that was read.
#[derive(Debug)]
pub struct Query {
    filter: EventFilter,
    /// The id counts only among the objects.
    objects_only: bool,
}

impl Query {
    /// Reads the parameters. `id` is the identifier in the path, if it has one.
    pub fn of(parameters: &Parameters, id: Option<Id>) -> Result<Self, Problem> {
        let any = one(parameters, "MATCH_anyEPC")?;
        let object = one(parameters, "MATCH_epc")?;
        let objects_only = object.is_some();
        let mut ids = [id, any, object].into_iter().flatten();
        let id = ids.next();
        if ids.any(|other| Some(&other) != id.as_ref()) {
            return Err(bad("MATCH_anyEPC", "one query is about one identifier here"));
        }
        let filter = EventFilter {
            event_id: one_event_id(parameters)?,
            id,
            event_types: parameters.each("eventType", |text| one_of(text, &EVENT_TYPES))?,
            actions: parameters.each("EQ_action", |text| one_of(text, &ACTIONS))?,
            biz_steps: parameters
                .each("EQ_bizStep", |text| text.parse().map(|step: BizStep| step.as_str().to_owned()))?,
            dispositions: parameters
                .each("EQ_disposition", |text| text.parse().map(|one: Disposition| one.as_str().to_owned()))?,
            read_points: parameters.each("EQ_readPoint", canonical)?,
            biz_locations: parameters.each("EQ_bizLocation", canonical)?,
            transactions: transactions(parameters)?,
            event_time_from: parameters.time("GE_eventTime")?,
            event_time_before: parameters.time("LT_eventTime")?,
            after: token(parameters)?,
            limit: per_page(parameters)?,
        };
        Ok(Self { filter, objects_only })
    }

    /// Everything recorded under one eventID.
    pub fn of_event(event_id: String) -> Self {
        let filter = EventFilter { event_id: Some(event_id), limit: PAGE_EVENTS_MAX, ..EventFilter::default() };
        Self { filter, objects_only: false }
    }

    /// Carries the query out.
    pub async fn page(self, ledger: &Ledger) -> Result<WrittenPage, Problem> {
        let object = self.filter.id.clone().filter(|_| self.objects_only);
        let now = ledger.now();
        let page = list_as(ledger, self.filter, move |mut page| {
            if let Some(id) = object {
                page.events.retain(|event| is_object(event, &id));
            }
            let (is_empty, next) = (page.events.is_empty(), page.next);
            WrittenPage { document: document::write(page.events, now), is_empty, next }
        });
        Ok(page.await?)
    }
}

/// A page as it is sent.
#[derive(Debug)]
pub struct WrittenPage {
    pub document: String,
    pub is_empty: bool,
    /// After which leaf and position the next page begins.
    pub next: Option<(LeafIndex, u32)>,
}

/// The token of the page that begins after a leaf and position.
pub fn token_of((leaf, position): (LeafIndex, u32)) -> String {
    format!("{leaf}-{position}")
}

fn token(parameters: &Parameters) -> Result<Option<(LeafIndex, u32)>, Problem> {
    let Some(text) = parameters.get("nextPageToken") else { return Ok(None) };
    let read = || {
        let (leaf, position) = text.split_once('-')?;
        Some((LeafIndex::new(leaf.parse().ok()?).ok()?, position.parse().ok()?))
    };
    read().map(Some).ok_or_else(|| bad("nextPageToken", "take it from the Link header of the page before"))
}

fn per_page(parameters: &Parameters) -> Result<u32, Problem> {
    let number = parameters.parse("perPage")?.unwrap_or(PAGE_EVENTS_DEFAULT);
    if (1..=PAGE_EVENTS_MAX).contains(&number) {
        return Ok(number);
    }
    Err(bad("perPage", &format!("it is 1 to {PAGE_EVENTS_MAX}")).with("limit", PAGE_EVENTS_MAX))
}

fn one(parameters: &Parameters, name: &str) -> Result<Option<Id>, Problem> {
    let mut ids = parameters.each(name, Id::parse_uri)?;
    if ids.len() > 1 {
        return Err(bad(name, "one query is about one identifier here; ask for each"));
    }
    Ok(ids.pop())
}

fn one_event_id(parameters: &Parameters) -> Result<Option<String>, Problem> {
    match parameters.get("EQ_eventID") {
        Some(text) if text.contains('|') => Err(bad("EQ_eventID", "one query takes one eventID here; ask for each")),
        other => Ok(other.map(str::to_owned)),
    }
}

/// The queries for business transactions: `EQ_bizTransaction` of any type, `EQ_bizTransaction_<type>` of that one.
fn transactions(parameters: &Parameters) -> Result<Vec<TransactionFilter>, Problem> {
    let mut filters = Vec::new();
    for name in KNOWN.iter().filter(|name| name.starts_with(BIZ_TRANSACTION)) {
        let kind = name.strip_prefix(BIZ_TRANSACTION).and_then(|rest| rest.strip_prefix('_')).map(str::to_owned);
        let uris = parameters.each(name, |text| match is_absolute_uri(text) {
            true => Ok(text.to_owned()),
            false => Err(format!("{text:?} is no absolute URI, as every bizTransaction is")),
        })?;
        if uris.len() > TRANSACTIONS_MAX {
            return Err(bad(name, &format!("one query takes up to {TRANSACTIONS_MAX} of them")));
        }
        if !uris.is_empty() {
            filters.push(TransactionFilter { kind, uris });
        }
    }
    Ok(filters)
}

fn one_of(text: &str, known: &[&str]) -> Result<String, String> {
    let found = known.iter().find(|known| **known == text);
    found.map(|known| (*known).to_owned()).ok_or_else(|| format!("{text:?} is none of {}", known.join(", ")))
}

fn canonical(text: &str) -> Result<String, IdError> {
    Id::parse_uri(text).map(|id| id.as_str().to_owned())
}

fn is_object(event: &FoundEvent, id: &Id) -> bool {
    let lists = OBJECT_LISTS.iter().filter_map(|name| event.json.get(name)?.as_array());
    lists.flatten().filter_map(Json::as_str).any(|text| Id::parse_uri(text).is_ok_and(|found| found == *id))
}

/// Reads an identifier that stands in a path.
pub fn epc(text: &str) -> Result<Id, Problem> {
    Id::parse_uri(text).map_err(|error| Problem::new(Code::BadId, error.to_string()))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;
    use sealane_core::epcis::vocabulary::BIZ_TRANSACTION_TYPES;

    fn read(query: &str) -> Result<Query, String> {
        let request = TestRequest::with_uri(&format!("/epcis/events?{query}")).to_http_request();
        let query = Parameters::of(&request, KNOWN).and_then(|parameters| Query::of(&parameters, None));
        query.map_err(|problem| problem.detail().to_owned())
    }

    #[test]
    fn reads_each_spelling_into_what_is_stored() {
        let query = read(
            "eventType=ObjectEvent%7CAggregationEvent&EQ_action=ADD&EQ_bizStep=urn:epcglobal:cbv:bizstep:shipping\
             &EQ_disposition=https://ref.gs1.org/cbv/Disp-in_transit&EQ_readPoint=urn:epc:id:sgln:9506000.13436.0\
             &MATCH_anyEPC=urn:epc:id:sgtin:9506000.013435.A1&GE_eventTime=2026-01-01T00:00:00%2B01:00&perPage=5\
             &nextPageToken=17-3",
        )
        .unwrap();
        let filter = query.filter;
        assert_eq!(filter.event_types, ["ObjectEvent", "AggregationEvent"]);
        assert_eq!(
            (filter.biz_steps, filter.dispositions),
            (vec!["shipping".to_owned()], vec!["in_transit".to_owned()])
        );
        assert_eq!(filter.read_points, ["https://id.gs1.org/414/9506000134369"]);
        assert_eq!(filter.id.unwrap().as_str(), "https://id.gs1.org/01/09506000134352/21/A1");
        assert_eq!(filter.event_time_from.unwrap().to_string(), "2025-12-31T23:00:00.000Z");
        assert_eq!((filter.limit, filter.after.map(token_of).as_deref()), (5, Some("17-3")));
        assert_eq!(read("").unwrap().filter.limit, PAGE_EVENTS_DEFAULT);
    }

    #[test]
    fn transactions_are_asked_for_with_and_without_their_type() {
        let query = read("EQ_bizTransaction_po=urn:x:1%7Curn:x:2&EQ_bizTransaction=urn:x:3").unwrap();
        let of = |kind: Option<&str>, uris: &[&str]| TransactionFilter {
            kind: kind.map(str::to_owned),
            uris: uris.iter().map(|uri| (*uri).to_owned()).collect(),
        };
        assert_eq!(query.filter.transactions, [of(None, &["urn:x:3"]), of(Some("po"), &["urn:x:1", "urn:x:2"])]);
        let types = KNOWN.iter().filter_map(|name| name.strip_prefix("EQ_bizTransaction_"));
        assert!(types.eq(BIZ_TRANSACTION_TYPES.words.iter().copied()));
        let many = vec!["urn:x:1"; TRANSACTIONS_MAX + 1].join("%7C");
        let fault = read(&format!("EQ_bizTransaction={many}")).map(drop).unwrap_err();
        assert!(fault.contains("up to 100"), "{fault}");
    }

    #[test]
    fn says_what_is_wrong() {
        for (query, words) in [
            ("EQ_foo=1", "\"EQ_foo\" is unknown here; known are eventType"),
            ("eventType=Event", "\"Event\" is none of ObjectEvent"),
            ("EQ_bizStep=polishing", "\"polishing\" is no business step"),
            ("perPage=0", "1 to 1000"),
            ("perPage=1001", "1 to 1000"),
            ("nextPageToken=x", "Link header"),
            ("MATCH_epc=urn:a:1%7Curn:a:2", "ask for each"),
            ("MATCH_epc=urn:a:1&MATCH_anyEPC=urn:a:2", "one identifier"),
            ("MATCH_anyEPC=https://id.gs1.org/01/09506000134353/21/A", "should be 2"),
            ("GE_eventTime=yesterday", "RFC 3339"),
            ("EQ_bizTransaction=PO-7", "no absolute URI"),
            ("EQ_bizTransaction_bill=urn:x:1", "is unknown here"),
        ] {
            let fault = read(query).map(drop).unwrap_err();
            assert!(fault.contains(words), "{query}: {fault}");
        }
    }
}
