//! Query parameters of EPCIS 2.0 §8.2.7.1, as filters.

use std::fmt::Display;
use std::time::Duration;

use tokio::time::Instant;

use crate::app::Ledger;
use crate::app::events::{EventFilter, NamedFilter, PAGE_EVENTS_DEFAULT, PAGE_EVENTS_MAX, TransactionFilter, list_as};
use crate::app::query_document::QueryResults;
use crate::http::parameters::{Parameters, bad};
use crate::http::problem::{Code, Problem};
use sealane_core::epcis::vocabulary::{BizStep, Disposition};
use sealane_core::epcis::{Part, is_absolute_uri};
use sealane_core::gs1::{Id, IdError};
use sealane_core::merkle::{LeafIndex, TreeSize};

/// The parameters of every query for events.
pub const KNOWN: &[&str] = &[
    "eventType",
    "GE_eventTime",
    "LT_eventTime",
    "GE_recordTime",
    "LT_recordTime",
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
    "EQ_transformationID",
    "MATCH_anyEPC",
    "MATCH_epc",
    "MATCH_parentID",
    "MATCH_inputEPC",
    "MATCH_outputEPC",
    "MATCH_anyEPCClass",
    "MATCH_epcClass",
    "MATCH_inputEPCClass",
    "MATCH_outputEPCClass",
    "perPage",
    "nextPageToken",
];

/// Parameters with one value; each other one is a list, whose values stand behind `|` or in parameters of the same name.
pub const ONCE: &[&str] =
    &["GE_eventTime", "LT_eventTime", "GE_recordTime", "LT_recordTime", "perPage", "nextPageToken"];

/// Where each query for ids looks (EPCIS 2.0 §8.2.7.1): in the lists of classes or those of single objects, and at which parts.
const MATCHES: [(&str, bool, &[Part]); 9] = [
    ("MATCH_anyEPC", false, &[Part::Object, Part::Parent, Part::Child, Part::Input, Part::Output]),
    ("MATCH_epc", false, &[Part::Object, Part::Child]),
    ("MATCH_parentID", false, &[Part::Parent]),
    ("MATCH_inputEPC", false, &[Part::Input]),
    ("MATCH_outputEPC", false, &[Part::Output]),
    ("MATCH_anyEPCClass", true, &[Part::Object, Part::Child, Part::Input, Part::Output]),
    ("MATCH_epcClass", true, &[Part::Object, Part::Child]),
    ("MATCH_inputEPCClass", true, &[Part::Input]),
    ("MATCH_outputEPCClass", true, &[Part::Output]),
];

const EVENT_TYPES: [&str; 5] =
    ["ObjectEvent", "AggregationEvent", "TransactionEvent", "TransformationEvent", "AssociationEvent"];

const ACTIONS: [&str; 3] = ["ADD", "OBSERVE", "DELETE"];

/// What the names of the queries for business transactions begin with (EPCIS 2.0 §8.2.7.1).
const BIZ_TRANSACTION: &str = "EQ_bizTransaction";

/// Business transactions in one parameter: each is a list of its own that is read.
const TRANSACTIONS_MAX: usize = 100;

/// Ids, transformations or eventIDs in one parameter: each is a list of its own that is read.
const VALUES_MAX: usize = 64;

/// Between two looks for what a client waits for: so many find it soon enough, and a ledger of many blocks is not searched at each.
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

/// What a pattern of EPCs begins with (EPCIS 2.0 §8.2.7.1.1).
const PATTERN: &str = "urn:epc:idpat:";

/// A query that was read.
#[derive(Debug)]
pub struct Query {
    filter: EventFilter,
}

impl Query {
    /// Reads the parameters. `id` is the identifier in the path, if it has one.
    pub fn of(parameters: &Parameters, id: Option<Id>) -> Result<Self, Problem> {
        let filter = EventFilter {
            event_ids: values(parameters, "EQ_eventID", |text| Ok::<_, String>(text.to_owned()))?,
            id,
            named: named(parameters)?,
            transformations: values(parameters, "EQ_transformationID", Id::parse_uri)?,
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
            recorded_from: parameters.time("GE_recordTime")?,
            recorded_before: parameters.time("LT_recordTime")?,
            after: token(parameters)?,
            limit: per_page(parameters)?,
        };
        Ok(Self { filter })
    }

    /// Everything recorded under one eventID.
    pub fn of_event(event_id: String) -> Self {
        let filter = EventFilter { event_ids: vec![event_id], limit: PAGE_EVENTS_MAX, ..EventFilter::default() };
        Self { filter }
    }

    /// Carries the query out. If nothing is found up to the end of the ledger, it waits up to `wait` for something to be recorded.
    pub async fn page(self, ledger: &Ledger, wait: Option<Duration>) -> Result<WrittenPage, Problem> {
        let end = Instant::now() + wait.unwrap_or_default();
        let mut filter = self.filter;
        loop {
            let page = self::page(ledger, filter.clone()).await?;
            let (size, left) = (page.size, end.saturating_duration_since(Instant::now()));
            let is_there = !page.is_empty || page.next.is_some() || page.is_closed || left.is_zero();
            if is_there || !ledger.grows_past(size, left).await {
                return Ok(page);
            }
            filter.after = page.goes_on_at.or(filter.after);
            // More may be recorded meanwhile: a busy ledger is not searched at each of its blocks.
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    }
}

async fn page(ledger: &Ledger, filter: EventFilter) -> Result<WrittenPage, Problem> {
    let (now, after) = (ledger.now(), filter.after);
    let page = list_as(ledger, filter, move |page| WrittenPage {
        is_empty: page.events.is_empty(),
        next: page.next,
        goes_on_at: page.goes_on_at(after),
        is_closed: page.is_closed,
        size: page.size,
        document: QueryResults::of_events(page.events).to_document(now),
    });
    Ok(page.await?)
}

/// A page as it is sent.
#[derive(Debug)]
pub struct WrittenPage {
    pub document: String,
    pub is_empty: bool,
    /// After which leaf and position the next page begins; `None` on the last one.
    pub next: Option<(LeafIndex, u32)>,
    /// The same, also on the last page: what is recorded later stands there. `None` if nothing can.
    pub goes_on_at: Option<(LeafIndex, u32)>,
    is_closed: bool,
    /// The ledger that was looked at.
    pub size: TreeSize,
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

/// Reads a list, of which each value is looked up by itself.
fn values<T, E: Display>(
    parameters: &Parameters,
    name: &str,
    read: impl Fn(&str) -> Result<T, E>,
) -> Result<Vec<T>, Problem> {
    let values = parameters.each(name, read)?;
    if values.len() > VALUES_MAX {
        let detail = format!("it has {} values, and one query takes up to {VALUES_MAX}; ask in several", values.len());
        return Err(bad(name, &detail).with("limit", VALUES_MAX));
    }
    Ok(values)
}

fn named(parameters: &Parameters) -> Result<Vec<NamedFilter>, Problem> {
    let asked = MATCHES.iter().filter(|(name, ..)| parameters.get(name).is_some());
    let read = |(name, in_classes, parts): &(&str, bool, &[Part])| {
        let ids = values(parameters, name, one_id)?;
        Ok(NamedFilter { ids, in_classes: *in_classes, parts: parts.to_vec() })
    };
    asked.map(read).collect()
}

/// Reads one identifier. A pattern stands for many, which no list of the index has.
fn one_id(text: &str) -> Result<Id, String> {
    if text.get(..PATTERN.len()).is_some_and(|start| start.eq_ignore_ascii_case(PATTERN)) {
        return Err(format!(
            "{text:?} is a pattern, which stands for many identifiers, and a node looks up one at a time: give each \
             identifier, or ask a participant's `sealane gateway`"
        ));
    }
    Id::parse_uri(text).map_err(|error| error.to_string())
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

/// Reads an identifier that stands in a path.
pub fn epc(text: &str) -> Result<Id, Problem> {
    one_id(text).map_err(|detail| {
        let is_pattern = Id::parse_uri(text).is_ok();
        Problem::new(if is_pattern { Code::BadParameter } else { Code::BadId }, detail)
    })
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;
    use sealane_core::epcis::vocabulary::BIZ_TRANSACTION_TYPES;

    fn read(query: &str) -> Result<Query, String> {
        let request = TestRequest::with_uri(&format!("/epcis/events?{query}")).to_http_request();
        let query =
            Parameters::with_alternatives(&request, KNOWN, ONCE).and_then(|parameters| Query::of(&parameters, None));
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
        assert_eq!(filter.named[0].ids[0].as_str(), "https://id.gs1.org/01/09506000134352/21/A1");
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
    fn values_stand_behind_a_bar_or_in_further_parameters() {
        let filter = read(
            "MATCH_anyEPC=urn:a:1%7Curn:a:2&MATCH_anyEPC=urn:a:3&MATCH_epcClass=urn:a:4&EQ_eventID=urn:e:1&EQ_eventID=urn:e:2\
             &EQ_action=ADD&EQ_action=DELETE",
        )
        .unwrap()
        .filter;
        let ids = |at: usize| filter.named[at].ids.iter().map(Id::as_str).collect::<Vec<_>>();
        assert_eq!((ids(0), ids(1)), (vec!["urn:a:1", "urn:a:2", "urn:a:3"], vec!["urn:a:4"]));
        assert_eq!((filter.named[0].in_classes, filter.named[1].in_classes), (false, true));
        assert_eq!((filter.event_ids.len(), filter.actions.len()), (2, 2));
        let of = |count: usize| read(&format!("MATCH_epc={}", vec!["urn:a:1"; count].join("%7C"))).map(drop);
        assert!(of(VALUES_MAX).is_ok());
        assert!(of(VALUES_MAX + 1).unwrap_err().contains("up to 64"));
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
            ("MATCH_epc=urn:epc:idpat:sgtin:9506000.013435.*", "is a pattern"),
            ("MATCH_anyEPCClass=URN:EPC:IDPAT:lgtin:9506000.013435.*", "is a pattern"),
            ("MATCH_epc=urn:a:1%7Curn:epc:idpat:sscc:9506000.*", "is a pattern"),
            ("GE_recordTime=2026-01-01T00:00:00Z&GE_recordTime=2026-01-01T00:00:00Z", "given twice"),
            ("LT_recordTime=soon", "RFC 3339"),
            ("EQ_transformationID=T7", "\"EQ_transformationID\""),
            ("EQ_action=ADD&EQ_action=MOVE", "\"MOVE\" is none of"),
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
