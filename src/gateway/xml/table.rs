//! EPCIS's elements and attributes, and the members of EPCIS 2.0 JSON that they become (EPCIS 2.0 §9.5, §10.2).
//!
//! All types of event share one table: the strict reader of the JSON says which type has which member. What the tables do not name goes to
//! it under its own name, and is refused there with its place; but where JSON takes anything, the tables are closed.

use sealane_core::epcis::vocabulary::{
    BIZ_STEPS, BIZ_TRANSACTION_TYPES, COMPONENTS, DISPOSITIONS, ERROR_REASONS, MEASUREMENT_TYPES, SENSOR_ALERTS,
    SOURCE_DEST_TYPES, Vocabulary,
};

/// What an element or an attribute becomes.
#[derive(Debug)]
pub(super) enum Shape {
    Text,
    /// The text of a `stringValue`, as it is.
    ExactText,
    Number,
    Boolean,
    /// A list of elements of this name that are texts.
    Texts(&'static str),
    /// A list of elements of this name that are objects.
    Objects(&'static str, &'static ElementTable),
    Object(&'static ElementTable),
    /// One of several elements beside each other, which become a list.
    Each(&'static Shape),
    /// One of several elements that become one text or a list of some.
    EachText,
}

/// What text stands in an element, beside its attributes and other elements.
#[derive(Debug, Clone, Copy)]
pub(super) enum Content {
    /// None.
    Nothing,
    /// A text that is this member.
    Text(&'static str),
    /// Text, or elements of any vocabulary: this member.
    Anything(&'static str),
}

/// The elements and attributes of one kind of element.
#[derive(Debug)]
pub(super) struct ElementTable {
    pub(super) title: &'static str,
    /// The element, the member and its shape.
    pub(super) elements: &'static [(&'static str, &'static str, Shape)],
    pub(super) attributes: &'static [(&'static str, Shape)],
    pub(super) content: Content,
    /// What stands nowhere here is refused here.
    pub(super) is_closed: bool,
}

impl ElementTable {
    pub(super) fn element(&self, name: &str) -> Option<(&'static str, &'static Shape)> {
        self.elements.iter().find(|(element, ..)| *element == name).map(|(_, member, shape)| (*member, shape))
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&'static Shape> {
        self.attributes.iter().find(|(attribute, _)| *attribute == name).map(|(_, shape)| shape)
    }
}

/// The list whose words a member has, of an object that a table describes.
pub(super) fn words(table: &ElementTable, member: &str) -> Option<&'static Vocabulary> {
    match (table.title, member) {
        ("event", "bizStep") => Some(&BIZ_STEPS),
        ("event", "disposition") | ("persistentDisposition", "set" | "unset") => Some(&DISPOSITIONS),
        ("errorDeclaration", "reason") => Some(&ERROR_REASONS),
        ("bizTransaction", "type") => Some(&BIZ_TRANSACTION_TYPES),
        ("source" | "destination", "type") => Some(&SOURCE_DEST_TYPES),
        ("sensorReport", "type") => Some(&MEASUREMENT_TYPES),
        ("sensorReport", "exception") => Some(&SENSOR_ALERTS),
        ("sensorReport", "component") => Some(&COMPONENTS),
        _ => None,
    }
}

/// The event types of EPCIS 2.0.
pub(super) const EVENT_TYPES: [&str; 5] =
    ["ObjectEvent", "AggregationEvent", "TransactionEvent", "TransformationEvent", "AssociationEvent"];

/// The wrappers by which older versions kept old readers working (EPCIS 1.2 §9.1). They say nothing.
pub(super) const WRAPPERS: [&str; 2] = ["extension", "baseExtension"];

/// Numbers and truths among the attributes of a sensor report.
const REPORT: &[(&str, Shape)] = &[
    ("type", Shape::Text),
    ("exception", Shape::Text),
    ("deviceID", Shape::Text),
    ("deviceMetadata", Shape::Text),
    ("rawData", Shape::Text),
    ("dataProcessingMethod", Shape::Text),
    ("bizRules", Shape::Text),
    ("time", Shape::Text),
    ("microorganism", Shape::Text),
    ("chemicalSubstance", Shape::Text),
    ("coordinateReferenceSystem", Shape::Text),
    ("value", Shape::Number),
    ("component", Shape::Text),
    ("stringValue", Shape::ExactText),
    ("booleanValue", Shape::Boolean),
    ("hexBinaryValue", Shape::Text),
    ("uriValue", Shape::Text),
    ("minValue", Shape::Number),
    ("maxValue", Shape::Number),
    ("meanValue", Shape::Number),
    ("sDev", Shape::Number),
    ("percRank", Shape::Number),
    ("percValue", Shape::Number),
    ("uom", Shape::Text),
];

const METADATA: &[(&str, Shape)] = &[
    ("time", Shape::Text),
    ("startTime", Shape::Text),
    ("endTime", Shape::Text),
    ("deviceID", Shape::Text),
    ("deviceMetadata", Shape::Text),
    ("rawData", Shape::Text),
    ("dataProcessingMethod", Shape::Text),
    ("bizRules", Shape::Text),
];

const fn table(title: &'static str, elements: &'static [(&'static str, &'static str, Shape)]) -> ElementTable {
    ElementTable { title, elements, attributes: &[], content: Content::Nothing, is_closed: false }
}

const fn closed(title: &'static str, elements: &'static [(&'static str, &'static str, Shape)]) -> ElementTable {
    ElementTable { title, elements, attributes: &[], content: Content::Nothing, is_closed: true }
}

const fn of_attributes(title: &'static str, attributes: &'static [(&'static str, Shape)]) -> ElementTable {
    ElementTable { title, elements: &[], attributes, content: Content::Nothing, is_closed: false }
}

/// An element with a type, whose text is the member of its own name.
const fn typed(name: &'static str) -> ElementTable {
    ElementTable {
        title: name,
        elements: &[],
        attributes: &[("type", Shape::Text)],
        content: Content::Text(name),
        is_closed: false,
    }
}

static QUANTITY: ElementTable = table(
    "quantityElement",
    &[("epcClass", "epcClass", Shape::Text), ("quantity", "quantity", Shape::Number), ("uom", "uom", Shape::Text)],
);
static BIZ_TRANSACTION: ElementTable = typed("bizTransaction");
static SOURCE: ElementTable = typed("source");
static DESTINATION: ElementTable = typed("destination");
static PLACE: ElementTable = closed("readPoint or bizLocation", &[("id", "id", Shape::Text)]);
static ILMD: ElementTable = table("ilmd", &[]);
static SENSOR_METADATA: ElementTable = of_attributes("sensorMetadata", METADATA);
static SENSOR_REPORT: ElementTable = of_attributes("sensorReport", REPORT);
static REPORT_OBJECT: Shape = Shape::Object(&SENSOR_REPORT);
static ONE_TEXT: Shape = Shape::Text;
static SENSOR_ELEMENT: ElementTable = table(
    "sensorElement",
    &[
        ("sensorMetadata", "sensorMetadata", Shape::Object(&SENSOR_METADATA)),
        ("sensorReport", "sensorReport", Shape::Each(&REPORT_OBJECT)),
    ],
);
static PERSISTENT_DISPOSITION: ElementTable = table(
    "persistentDisposition",
    &[("set", "set", Shape::Each(&ONE_TEXT)), ("unset", "unset", Shape::Each(&ONE_TEXT))],
);
static ERROR_DECLARATION: ElementTable = table(
    "errorDeclaration",
    &[
        ("declarationTime", "declarationTime", Shape::Text),
        ("reason", "reason", Shape::Text),
        ("correctiveEventIDs", "correctiveEventIDs", Shape::Texts("correctiveEventID")),
    ],
);

/// The members of all events, in the order of EPCIS 2.0's XML schema, in which they are written.
pub(super) static EVENT: ElementTable = table(
    "event",
    &[
        ("eventTime", "eventTime", Shape::Text),
        ("recordTime", "recordTime", Shape::Text),
        ("eventTimeZoneOffset", "eventTimeZoneOffset", Shape::Text),
        ("eventID", "eventID", Shape::Text),
        ("errorDeclaration", "errorDeclaration", Shape::Object(&ERROR_DECLARATION)),
        ("certificationInfo", "certificationInfo", Shape::EachText),
        ("parentID", "parentID", Shape::Text),
        ("epcList", "epcList", Shape::Texts("epc")),
        ("childEPCs", "childEPCs", Shape::Texts("epc")),
        ("inputEPCList", "inputEPCList", Shape::Texts("epc")),
        ("inputQuantityList", "inputQuantityList", Shape::Objects("quantityElement", &QUANTITY)),
        ("outputEPCList", "outputEPCList", Shape::Texts("epc")),
        ("outputQuantityList", "outputQuantityList", Shape::Objects("quantityElement", &QUANTITY)),
        ("childQuantityList", "childQuantityList", Shape::Objects("quantityElement", &QUANTITY)),
        ("action", "action", Shape::Text),
        ("transformationID", "transformationID", Shape::Text),
        ("bizStep", "bizStep", Shape::Text),
        ("disposition", "disposition", Shape::Text),
        ("readPoint", "readPoint", Shape::Object(&PLACE)),
        ("bizLocation", "bizLocation", Shape::Object(&PLACE)),
        ("bizTransactionList", "bizTransactionList", Shape::Objects("bizTransaction", &BIZ_TRANSACTION)),
        ("quantityList", "quantityList", Shape::Objects("quantityElement", &QUANTITY)),
        ("sourceList", "sourceList", Shape::Objects("source", &SOURCE)),
        ("destinationList", "destinationList", Shape::Objects("destination", &DESTINATION)),
        ("sensorElementList", "sensorElementList", Shape::Objects("sensorElement", &SENSOR_ELEMENT)),
        ("persistentDisposition", "persistentDisposition", Shape::Object(&PERSISTENT_DISPOSITION)),
        ("ilmd", "ilmd", Shape::Object(&ILMD)),
    ],
);

static MASTER_ATTRIBUTE: ElementTable = ElementTable {
    title: "attribute",
    elements: &[],
    attributes: &[("id", Shape::Text)],
    content: Content::Anything("attribute"),
    is_closed: true,
};
static MASTER_ATTRIBUTE_OBJECT: Shape = Shape::Object(&MASTER_ATTRIBUTE);
static VOCABULARY_ELEMENT: ElementTable = ElementTable {
    title: "VocabularyElement",
    elements: &[
        ("attribute", "attributes", Shape::Each(&MASTER_ATTRIBUTE_OBJECT)),
        ("children", "children", Shape::Texts("id")),
    ],
    attributes: &[("id", Shape::Text)],
    content: Content::Nothing,
    is_closed: true,
};
static VOCABULARY: ElementTable = ElementTable {
    title: "Vocabulary",
    elements: &[(
        "VocabularyElementList",
        "vocabularyElementList",
        Shape::Objects("VocabularyElement", &VOCABULARY_ELEMENT),
    )],
    attributes: &[("type", Shape::Text)],
    content: Content::Nothing,
    is_closed: true,
};

/// Master data in a header (EPCIS 2.0 §9.3), and in the answer of a query for it.
pub(super) static MASTER_DATA: ElementTable =
    closed("EPCISMasterData", &[("VocabularyList", "vocabularyList", Shape::Objects("Vocabulary", &VOCABULARY))]);

pub(super) static HEADER: ElementTable =
    closed("EPCISHeader", &[("EPCISMasterData", "epcisMasterData", Shape::Object(&MASTER_DATA))]);
