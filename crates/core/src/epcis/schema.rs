//! The members of an EPCIS 2.0 document as tables: what EPCIS 2.0.1's JSON schema says, plus which URIs are ids.
//!
//! What depends on more than one member (actions, children, inputs and outputs) is in `rules`.

use std::collections::HashSet;
use std::sync::LazyLock;

use crate::epcis::vocabulary::{
    BIZ_STEPS, BIZ_TRANSACTION_TYPES, COMPONENTS, DISPOSITIONS, ERROR_REASONS, MEASUREMENT_TYPES, SENSOR_ALERTS,
    SOURCE_DEST_TYPES, Vocabulary,
};

/// What a value must be.
#[derive(Debug)]
pub(super) enum Shape {
    Text,
    Number,
    Boolean,
    Uri,
    /// A URI whose GS1 keys have right check digits, and that an index can hold.
    Id,
    Time,
    Offset,
    Hex,
    Uom,
    Action,
    Version,
    /// One exact word: a document's own type.
    Exactly(&'static str),
    Word(&'static Vocabulary),
    /// A URI or a list of them.
    UriOrUris,
    List(List),
    Object(&'static Members),
    Context,
    /// An object, a string or a number: the value of a master data attribute.
    AttributeValue,
}

/// A list: its items, the least number of them, and whether each may stand once only.
#[derive(Debug)]
pub(super) struct List {
    pub(super) item: &'static Shape,
    pub(super) min: usize,
    pub(super) unique: bool,
}

/// The members of one kind of object.
#[derive(Debug)]
pub(super) struct Members {
    /// What the object is, as messages name it.
    pub(super) title: &'static str,
    pub(super) parts: &'static [&'static [Member]],
    pub(super) others: Others,
}

#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: &'static str,
    pub(super) need: Need,
    pub(super) shape: Shape,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    Optional,
    Required,
    /// Required, but a normalising reader lets the named member stand in for it.
    RequiredOr(&'static str),
}

/// What the standard says of members that its table does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Others {
    Refused,
    /// Extensions: the name is a URI or carries a namespace prefix.
    Extensions,
    Anything,
}

impl Members {
    pub(super) fn all(&self) -> impl Iterator<Item = &'static Member> {
        self.parts.iter().flat_map(|part| part.iter())
    }

    pub(super) fn named(&self, name: &str) -> Option<&'static Member> {
        self.all().find(|member| member.name == name)
    }

    /// Adds the names in this table and in the tables of its parts.
    fn collect_names(&self, names: &mut HashSet<&'static str>) {
        for member in self.all() {
            names.insert(member.name);
            member.shape.collect_names(names);
        }
    }
}

impl Shape {
    fn collect_names(&self, names: &mut HashSet<&'static str>) {
        match self {
            Self::Object(members) => members.collect_names(names),
            Self::List(list) => list.item.collect_names(names),
            _ => {}
        }
    }

    /// What a value of this shape is, in words that follow "must be" or "as".
    pub(super) fn wanted(&self) -> String {
        match self {
            Self::Text => "a string".into(),
            Self::Number => "a number".into(),
            Self::Boolean => "true or false".into(),
            Self::Uri | Self::Id => "an absolute URI (RFC 3986)".into(),
            Self::Time => "an RFC 3339 date-time with its zone, such as 2026-11-21T09:30:00.000Z".into(),
            Self::Offset => "an offset from UTC within 14 hours, such as +09:00".into(),
            Self::Hex => "hexadecimal digits".into(),
            Self::Uom => "a UN/CEFACT Recommendation 20 code of two or three characters, such as KGM".into(),
            Self::Action => "ADD, OBSERVE or DELETE".into(),
            Self::Version => "a version in a string, such as \"2.0\"".into(),
            Self::Exactly(word) => format!("{word:?}"),
            Self::Word(list) => format!("a {} of CBV 2.0 as a bare word, or a URI of another vocabulary", list.title),
            Self::UriOrUris => "an absolute URI or a list of them".into(),
            Self::List(List { min: 0, .. }) => "a list".into(),
            Self::List(List { min, .. }) => format!("a list of at least {min}"),
            Self::Object(members) => format!("an object: {}", members.title),
            Self::Context => "a context's URI, a context object, or a list of them".into(),
            Self::AttributeValue => "a string, a number or an object".into(),
        }
    }
}

const fn must(name: &'static str, shape: Shape) -> Member {
    Member { name, need: Need::Required, shape }
}

const fn may(name: &'static str, shape: Shape) -> Member {
    Member { name, need: Need::Optional, shape }
}

const fn list(item: &'static Shape, min: usize, unique: bool) -> Shape {
    Shape::List(List { item, min, unique })
}

const fn some(item: &'static Shape) -> Shape {
    list(item, 0, false)
}

const IDS: Shape = some(&Shape::Id);
const UNIQUE_IDS: Shape = list(&Shape::Id, 0, true);
const QUANTITIES: Shape = some(&QUANTITY_ELEMENT);

static QUANTITY_ELEMENT: Shape = Shape::Object(&QUANTITY);

static QUANTITY: Members = Members {
    title: "quantity element",
    parts: &[&[must("epcClass", Shape::Id), may("quantity", Shape::Number), may("uom", Shape::Uom)]],
    others: Others::Refused,
};

static PERSISTENT_DISPOSITION: Members = Members {
    title: "persistentDisposition",
    parts: &[&[
        may("set", list(&Shape::Word(&DISPOSITIONS), 1, true)),
        may("unset", list(&Shape::Word(&DISPOSITIONS), 1, true)),
    ]],
    others: Others::Refused,
};

static BIZ_TRANSACTION: Members = Members {
    title: "business transaction",
    parts: &[&[may("type", Shape::Word(&BIZ_TRANSACTION_TYPES)), must("bizTransaction", Shape::Uri)]],
    others: Others::Refused,
};

static SOURCE: Members = Members {
    title: "source",
    parts: &[&[must("type", Shape::Word(&SOURCE_DEST_TYPES)), must("source", Shape::Id)]],
    others: Others::Refused,
};

static DESTINATION: Members = Members {
    title: "destination",
    parts: &[&[must("type", Shape::Word(&SOURCE_DEST_TYPES)), must("destination", Shape::Id)]],
    others: Others::Refused,
};

static PLACE: Members =
    Members { title: "place with its id", parts: &[&[must("id", Shape::Id)]], others: Others::Anything };

static ERROR_DECLARATION: Members = Members {
    title: "errorDeclaration",
    parts: &[&[
        must("declarationTime", Shape::Time),
        may("reason", Shape::Word(&ERROR_REASONS)),
        may("correctiveEventIDs", some(&Shape::Uri)),
    ]],
    others: Others::Extensions,
};

static ILMD: Members = Members { title: "ilmd", parts: &[], others: Others::Extensions };

static SENSOR_METADATA: Members = Members {
    title: "sensorMetadata",
    parts: &[&[
        may("time", Shape::Time),
        may("startTime", Shape::Time),
        may("endTime", Shape::Time),
        may("deviceID", Shape::Uri),
        may("deviceMetadata", Shape::Uri),
        may("rawData", Shape::Uri),
        may("dataProcessingMethod", Shape::Uri),
        may("bizRules", Shape::Uri),
    ]],
    others: Others::Extensions,
};

static SENSOR_REPORT: Members = Members {
    title: "sensorReport",
    parts: &[&[
        Member { name: "type", need: Need::RequiredOr("exception"), shape: Shape::Word(&MEASUREMENT_TYPES) },
        may("exception", Shape::Word(&SENSOR_ALERTS)),
        may("deviceID", Shape::Uri),
        may("deviceMetadata", Shape::Uri),
        may("rawData", Shape::Uri),
        may("dataProcessingMethod", Shape::Uri),
        may("bizRules", Shape::Uri),
        may("time", Shape::Time),
        may("microorganism", Shape::Uri),
        may("chemicalSubstance", Shape::Uri),
        may("coordinateReferenceSystem", Shape::Uri),
        may("value", Shape::Number),
        may("component", Shape::Word(&COMPONENTS)),
        may("stringValue", Shape::Text),
        may("booleanValue", Shape::Boolean),
        may("hexBinaryValue", Shape::Hex),
        may("uriValue", Shape::Uri),
        may("minValue", Shape::Number),
        may("maxValue", Shape::Number),
        may("meanValue", Shape::Number),
        may("sDev", Shape::Number),
        may("percRank", Shape::Number),
        may("percValue", Shape::Number),
        may("uom", Shape::Text),
    ]],
    others: Others::Extensions,
};

static SENSOR_ELEMENT: Members = Members {
    title: "sensor element",
    parts: &[&[
        may("sensorMetadata", Shape::Object(&SENSOR_METADATA)),
        must("sensorReport", list(&Shape::Object(&SENSOR_REPORT), 1, false)),
    ]],
    others: Others::Extensions,
};

/// EPCIS 2.0 §7.4.1: what every event has.
static EVENT: &[Member] = &[
    may("@context", Shape::Context),
    must("type", Shape::Text),
    may("eventID", Shape::Uri),
    must("eventTime", Shape::Time),
    must("eventTimeZoneOffset", Shape::Offset),
    may("recordTime", Shape::Time),
    may("certificationInfo", Shape::UriOrUris),
    may("errorDeclaration", Shape::Object(&ERROR_DECLARATION)),
];

/// The "why", "where" and "how" that every event type shares.
static SHARED: &[Member] = &[
    may("bizStep", Shape::Word(&BIZ_STEPS)),
    may("disposition", Shape::Word(&DISPOSITIONS)),
    may("persistentDisposition", Shape::Object(&PERSISTENT_DISPOSITION)),
    may("readPoint", Shape::Object(&PLACE)),
    may("bizLocation", Shape::Object(&PLACE)),
    may("sourceList", some(&Shape::Object(&SOURCE))),
    may("destinationList", some(&Shape::Object(&DESTINATION))),
    may("sensorElementList", some(&Shape::Object(&SENSOR_ELEMENT))),
];

static TRANSACTIONS: &[Member] = &[may("bizTransactionList", some(&Shape::Object(&BIZ_TRANSACTION)))];
static CHILDREN: &[Member] = &[may("childEPCs", IDS), may("childQuantityList", QUANTITIES)];
static ACTION: &[Member] = &[must("action", Shape::Action)];
static EVENT_ILMD: &[Member] = &[may("ilmd", Shape::Object(&ILMD))];

/// EPCIS 2.0 §7.4.2.
pub(super) static OBJECT_EVENT: Members = Members {
    title: "ObjectEvent",
    parts: &[
        EVENT,
        ACTION,
        &[may("epcList", UNIQUE_IDS), may("quantityList", QUANTITIES)],
        SHARED,
        TRANSACTIONS,
        EVENT_ILMD,
    ],
    others: Others::Extensions,
};

/// EPCIS 2.0 §7.4.3.
pub(super) static AGGREGATION_EVENT: Members = Members {
    title: "AggregationEvent",
    parts: &[EVENT, ACTION, &[may("parentID", Shape::Id)], CHILDREN, SHARED, TRANSACTIONS],
    others: Others::Extensions,
};

/// EPCIS 2.0 §7.4.4.
pub(super) static TRANSACTION_EVENT: Members = Members {
    title: "TransactionEvent",
    parts: &[
        EVENT,
        ACTION,
        &[
            must("bizTransactionList", list(&Shape::Object(&BIZ_TRANSACTION), 1, false)),
            may("parentID", Shape::Id),
            may("epcList", IDS),
            may("quantityList", QUANTITIES),
        ],
        SHARED,
    ],
    others: Others::Extensions,
};

/// EPCIS 2.0 §7.4.5.
pub(super) static TRANSFORMATION_EVENT: Members = Members {
    title: "TransformationEvent",
    parts: &[
        EVENT,
        &[
            may("inputEPCList", UNIQUE_IDS),
            may("inputQuantityList", QUANTITIES),
            may("outputEPCList", UNIQUE_IDS),
            may("outputQuantityList", QUANTITIES),
            may("transformationID", Shape::Id),
        ],
        SHARED,
        TRANSACTIONS,
        EVENT_ILMD,
    ],
    others: Others::Extensions,
};

/// EPCIS 2.0 §7.4.6.
pub(super) static ASSOCIATION_EVENT: Members = Members {
    title: "AssociationEvent",
    parts: &[EVENT, ACTION, &[must("parentID", Shape::Id)], CHILDREN, SHARED, TRANSACTIONS],
    others: Others::Extensions,
};

/// The event types that a document may hold.
pub(super) static EVENT_TYPES: [&Members; 5] =
    [&OBJECT_EVENT, &AGGREGATION_EVENT, &TRANSACTION_EVENT, &TRANSFORMATION_EVENT, &ASSOCIATION_EVENT];

/// True for the name of a member or type that EPCIS 2.0 gives a meaning, at any depth of a document.
pub(super) fn is_standard_term(name: &str) -> bool {
    static TERMS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
        let mut terms = HashSet::from(["EPCISDocument", "epcisBody", "eventList"]);
        for members in EVENT_TYPES.into_iter().chain([&DOCUMENT]) {
            terms.insert(members.title);
            members.collect_names(&mut terms);
        }
        terms
    });
    TERMS.contains(name)
}

static ATTRIBUTE: Members = Members {
    title: "master data attribute",
    parts: &[&[must("id", Shape::Uri), may("attribute", Shape::AttributeValue)]],
    others: Others::Anything,
};

static VOCABULARY_ELEMENT: Members = Members {
    title: "vocabulary element",
    parts: &[&[
        must("id", Shape::Uri),
        may("attributes", some(&Shape::Object(&ATTRIBUTE))),
        may("children", some(&Shape::Uri)),
    ]],
    others: Others::Anything,
};

static VOCABULARY: Members = Members {
    title: "vocabulary",
    parts: &[&[must("type", Shape::Uri), may("vocabularyElementList", some(&Shape::Object(&VOCABULARY_ELEMENT)))]],
    others: Others::Anything,
};

static MASTER_DATA: Members = Members {
    title: "epcisMasterData",
    parts: &[&[may("vocabularyList", some(&Shape::Object(&VOCABULARY)))]],
    others: Others::Anything,
};

static HEADER: Members = Members {
    title: "epcisHeader",
    parts: &[&[may("epcisMasterData", Shape::Object(&MASTER_DATA))]],
    others: Others::Extensions,
};

/// EPCIS 2.0 §10.2: the document without its body, whose events are read one by one.
pub(super) static DOCUMENT: Members = Members {
    title: "EPCISDocument",
    parts: &[&[
        must("@context", Shape::Context),
        may("id", Shape::Uri),
        must("type", Shape::Exactly("EPCISDocument")),
        must("schemaVersion", Shape::Version),
        must("creationDate", Shape::Time),
        may("instanceIdentifier", Shape::Text),
        may("sender", Shape::Text),
        may("receiver", Shape::Text),
        may("epcisHeader", Shape::Object(&HEADER)),
    ]],
    others: Others::Extensions,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_the_names_at_every_depth() {
        for term in
            ["ObjectEvent", "epcisBody", "eventTime", "epcClass", "sensorReport", "hexBinaryValue", "creationDate"]
        {
            assert!(is_standard_term(term), "{term}");
        }
        assert!(!is_standard_term("example") && !is_standard_term("commissioning"));
    }

    #[test]
    fn no_table_names_a_member_twice() {
        for members in EVENT_TYPES.into_iter().chain([&DOCUMENT, &SENSOR_REPORT, &SENSOR_METADATA]) {
            let mut names: Vec<_> = members.all().map(|member| member.name).collect();
            names.sort_unstable();
            let count = names.len();
            names.dedup();
            assert_eq!(names.len(), count, "{}", members.title);
        }
    }
}
