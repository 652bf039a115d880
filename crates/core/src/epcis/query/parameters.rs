//! From the names and values of a request to a query (EPCIS 2.0 §8.2.7.1, and `query-schema.json` 2.0.1).
//!
//! Beside what the standard has, `LE_` and `GT_` are taken of every time, and `GE_errorDeclaration_Time` is
//! `GE_errorDeclarationTime`: the OpenAPI and the schema of the standard differ there.

use std::str::FromStr;

use super::facts::{EXTENSION, INNER, SENSOR_NUMBERS, sensor_text, values_of};
use super::{
    Condition, CountLimit, EventQuery, Field, Key, KeyRange, MasterCondition, MasterQuestion, OrderBy, canonical,
};
use crate::epcis::context::Prefixes;
use crate::epcis::event::Action;
use crate::epcis::schema::EVENT_TYPES;
use crate::epcis::uri::is_absolute_uri;
use crate::epcis::vocabulary::{
    BIZ_STEPS, BIZ_TRANSACTION_TYPES, BizStep, DISPOSITIONS, Disposition, ERROR_REASONS, SOURCE_DEST_TYPES, Vocabulary,
};
use crate::gs1::{EpcPattern, Id, Reach};
use crate::json::{Decimal, Json};
use crate::time::Timestamp;

/// Parameters in one query.
pub const PARAMETERS_MAX: usize = 100;

/// Values of one parameter.
pub const VALUES_MAX: usize = 1_000;

/// The parameters whose names the standard fixes.
pub const KNOWN: &[&str] = &[
    "eventType",
    "GE_eventTime",
    "LT_eventTime",
    "GE_recordTime",
    "LT_recordTime",
    "EQ_action",
    "EQ_bizStep",
    "EQ_disposition",
    "EQ_persistentDisposition_set",
    "EQ_persistentDisposition_unset",
    "EQ_readPoint",
    "WD_readPoint",
    "EQ_bizLocation",
    "WD_bizLocation",
    "EQ_transformationID",
    "MATCH_epc",
    "MATCH_parentID",
    "MATCH_inputEPC",
    "MATCH_outputEPC",
    "MATCH_anyEPC",
    "MATCH_epcClass",
    "MATCH_inputEPCClass",
    "MATCH_outputEPCClass",
    "MATCH_anyEPCClass",
    "EQ_quantity",
    "GT_quantity",
    "GE_quantity",
    "LT_quantity",
    "LE_quantity",
    "EQ_eventID",
    "EXISTS_errorDeclaration",
    "GE_errorDeclarationTime",
    "LT_errorDeclarationTime",
    "EQ_errorReason",
    "EQ_correctiveEventID",
    "orderBy",
    "orderDirection",
    "eventCountLimit",
    "maxEventCount",
    "EXISTS_sensorElementList",
    "GE_time",
    "LT_time",
    "GE_startTime",
    "LT_startTime",
    "GE_endTime",
    "LT_endTime",
    "EQ_type",
    "EQ_deviceID",
    "EQ_dataProcessingMethod",
    "EQ_microorganism",
    "EQ_chemicalSubstance",
    "EQ_bizRules",
    "EQ_stringValue",
    "EQ_booleanValue",
    "EQ_hexBinaryValue",
    "EQ_uriValue",
    "GE_percRank",
    "LT_percRank",
    "GT_percRank",
    "LE_percRank",
];

/// Where each query for ids looks, and whether in lists of classes.
const MATCHES: [(&str, bool, &[&str]); 9] = [
    ("anyEPC", false, &["epc", "parentID", "inputEPC", "outputEPC"]),
    ("epc", false, &["epc"]),
    ("parentID", false, &["parentID"]),
    ("inputEPC", false, &["inputEPC"]),
    ("outputEPC", false, &["outputEPC"]),
    ("anyEPCClass", true, &["epcClass", "inputEPCClass", "outputEPCClass"]),
    ("epcClass", true, &["epcClass"]),
    ("inputEPCClass", true, &["inputEPCClass"]),
    ("outputEPCClass", true, &["outputEPCClass"]),
];

/// Fields with ids that master data can be about (EPCIS 2.0 §8.2.7.1, `HASATTR_` and `EQATTR_`).
const WITH_MASTER_DATA: [&str; 13] = [
    "readPoint",
    "bizLocation",
    "epc",
    "parentID",
    "inputEPC",
    "outputEPC",
    "epcClass",
    "inputEPCClass",
    "outputEPCClass",
    "source",
    "destination",
    "bizTransaction",
    "transformationID",
];

/// What stands before the name of an extension, for where it stands in the event.
const KINDS: [&str; 7] =
    ["ILMD_", "ERROR_DECLARATION_", "SENSORELEMENT_", "SENSORMETADATA_", "SENSORREPORT_", "readPoint_", "bizLocation_"];

/// A parameter that cannot be used, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{parameter}: {fault}")]
pub struct QueryFault {
    pub parameter: String,
    pub fault: String,
}

/// The parameters of one query, as they came.
#[derive(Debug, Clone, Default)]
pub struct QueryParameters {
    named: Vec<(String, Vec<String>)>,
    prefixes: Prefixes,
}

impl QueryParameters {
    /// Adds values of a parameter; one that is there gets more.
    ///
    /// # Errors
    ///
    /// More than [`PARAMETERS_MAX`] parameters, or [`VALUES_MAX`] values of one.
    pub fn add(&mut self, name: &str, values: impl IntoIterator<Item = String>) -> Result<(), QueryFault> {
        let at = match self.named.iter().position(|(known, _)| known == name) {
            Some(at) => at,
            None if self.named.len() == PARAMETERS_MAX => {
                return Err(fault(name, format!("a query has at most {PARAMETERS_MAX} parameters")));
            }
            None => {
                self.named.push((name.to_owned(), Vec::new()));
                self.named.len() - 1
            }
        };
        let Some((_, all)) = self.named.get_mut(at) else { return Ok(()) };
        for value in values {
            if all.len() == VALUES_MAX {
                return Err(fault(name, format!("it has at most {VALUES_MAX} values")));
            }
            all.push(value);
        }
        Ok(())
    }

    /// Says what a prefix in names stands for.
    pub fn declare(&mut self, prefix: &str, namespace: &str) {
        self.prefixes.declare(prefix, namespace);
    }

    /// Takes the members of a query in JSON, whose `@context` says what prefixes stand for.
    ///
    /// # Errors
    ///
    /// What is no object, and a member that is neither a value nor a list of some.
    pub fn of_json(query: &Json) -> Result<Self, QueryFault> {
        let members = query.as_object().ok_or_else(|| fault("query", "it is an object of parameters".to_owned()))?;
        let mut parameters = Self::default();
        if let Some(context) = members.get("@context") {
            parameters.prefixes = parameters.prefixes.with(context);
        }
        for (name, value) in members.iter().filter(|(name, _)| *name != "@context") {
            let values = match value {
                Json::Array(items) => items.as_slice(),
                one => std::slice::from_ref(one),
            };
            let texts: Option<Vec<String>> = values.iter().map(text_of).collect();
            let texts =
                texts.ok_or_else(|| fault(name, "a value is a text, a number, true, false or null".to_owned()))?;
            parameters.add(name, texts)?;
        }
        Ok(parameters)
    }

    /// Reads the query.
    ///
    /// # Errors
    ///
    /// The first parameter that is unknown or whose value cannot be used (`QueryParameterException`).
    pub fn read(&self) -> Result<EventQuery, QueryFault> {
        let mut query = EventQuery::default();
        for (name, values) in &self.named {
            let parameter = Parameter { name, values, prefixes: &self.prefixes };
            match parameter.read()? {
                Meaning::Nothing => {}
                Meaning::Condition(condition) => query.conditions.push(condition),
                Meaning::Master(condition) => query.master.push(condition),
            }
        }
        self.read_order(&mut query)?;
        Ok(query)
    }

    fn one(&self, name: &str) -> Result<Option<&str>, QueryFault> {
        let found = self.named.iter().find(|(known, _)| known == name);
        found.map(|(name, values)| only(name, values)).transpose()
    }

    fn read_order(&self, query: &mut EventQuery) -> Result<(), QueryFault> {
        let order = self.one("orderBy")?;
        query.order = match order {
            None | Some("recordTime") => OrderBy::Recorded,
            Some("eventTime") => OrderBy::EventTime,
            Some(name) => {
                let field = extension_fields("orderBy", name, &self.prefixes)?.into_iter().next();
                OrderBy::Field(field.ok_or_else(|| fault("orderBy", "it names no field".to_owned()))?)
            }
        };
        query.is_descending = match self.one("orderDirection")? {
            None => order.is_some(),
            Some("DESC") => order.is_some(),
            Some("ASC") => false,
            Some(other) => return Err(fault("orderDirection", format!("it is ASC or DESC, not {}", quoted(other)))),
        };
        let count = |name: &str| {
            let number = self.one(name)?.map(|text| text.parse::<u64>().ok().filter(|number| *number > 0));
            number
                .map(|number| number.ok_or_else(|| fault(name, "it is a whole number from 1 on".to_owned())))
                .transpose()
        };
        query.count = match (count("eventCountLimit")?, count("maxEventCount")?) {
            (Some(_), Some(_)) => {
                return Err(fault("eventCountLimit", "it excludes maxEventCount: give one of the two".to_owned()));
            }
            (Some(_), None) if order.is_none() => {
                return Err(fault(
                    "eventCountLimit",
                    "the first events are known only with orderBy: give it too".to_owned(),
                ));
            }
            (Some(first), None) => CountLimit::First(first),
            (None, Some(most)) => CountLimit::AtMost(most),
            (None, None) => CountLimit::None,
        };
        Ok(())
    }
}

/// What one parameter asks for.
enum Meaning {
    Nothing,
    Condition(Condition),
    Master(MasterCondition),
}

/// One parameter with its values.
struct Parameter<'a> {
    name: &'a str,
    values: &'a [String],
    prefixes: &'a Prefixes,
}

/// How a value compares.
#[derive(Clone, Copy)]
enum Comparison {
    Equal,
    Above,
    From,
    Below,
    UpTo,
}

impl Comparison {
    fn of(text: &str) -> Option<Self> {
        Some(match text {
            "EQ" => Self::Equal,
            "GT" => Self::Above,
            "GE" => Self::From,
            "LT" => Self::Below,
            "LE" => Self::UpTo,
            _ => return None,
        })
    }

    fn range(self, key: &Key) -> KeyRange {
        match self {
            Self::Equal => KeyRange::Exactly(key.clone()),
            Self::Above => KeyRange::above(key),
            Self::From => KeyRange::from(key),
            Self::Below => KeyRange::below(key),
            Self::UpTo => KeyRange::up_to(key),
        }
    }
}

impl Parameter<'_> {
    fn fault(&self, what: impl Into<String>) -> QueryFault {
        fault(self.name, what.into())
    }

    fn read(&self) -> Result<Meaning, QueryFault> {
        match self.name {
            "orderBy" | "orderDirection" | "eventCountLimit" | "maxEventCount" => return Ok(Meaning::Nothing),
            "eventType" => return self.texts("eventType", |text| self.event_type(text)),
            _ => {}
        }
        if self.values.is_empty() {
            return Err(self.fault("it has no value"));
        }
        let (operation, field) = self.name.split_once('_').ok_or_else(|| self.unknown())?;
        match operation {
            "MATCH" => self.matching(field),
            "WD" => match field {
                "readPoint" | "bizLocation" => {
                    let places = self.each(|text| self.id(text))?;
                    self.master(vec![Field::new(field)], MasterQuestion::Within(places))
                }
                _ => Err(self.unknown()),
            },
            "EXISTS" => self.existing(field),
            "HASATTR" => {
                let names = self.each(|text| Ok(self.prefixes.name(text)))?;
                self.master(self.with_master_data(field)?, MasterQuestion::HasAttribute(names))
            }
            "EQATTR" => self.attribute(field),
            _ => match (Comparison::of(operation), field.strip_prefix("ATTR_")) {
                (Some(Comparison::Equal), Some(field)) => self.attribute(field),
                (Some(comparison), _) => self.compared(comparison, field),
                (None, _) => Err(self.unknown()),
            },
        }
    }

    fn unknown(&self) -> QueryFault {
        self.fault("no such parameter is known; docs/GATEWAY.md lists them")
    }

    /// A comparison with what stands in a field.
    fn compared(&self, comparison: Comparison, field: &str) -> Result<Meaning, QueryFault> {
        if let Some(meaning) = self.compared_number_or_time(comparison, field)? {
            return Ok(meaning);
        }
        if let Comparison::Equal = comparison
            && let Some(meaning) = self.equal(field)?
        {
            return Ok(meaning);
        }
        let fields = extension_fields(self.name, field, self.prefixes)?;
        let ranges = match comparison {
            Comparison::Equal => self.values.iter().flat_map(|text| values_of(text)).map(KeyRange::Exactly).collect(),
            _ => {
                let text = only(self.name, self.values)?;
                let key = values_of(text).into_iter().nth(1);
                let key = key.ok_or_else(|| self.fault(format!("{} is neither a number nor a time", quoted(text))))?;
                vec![comparison.range(&key)]
            }
        };
        Ok(Meaning::Condition(Condition { fields, ranges }))
    }

    fn compared_number_or_time(&self, comparison: Comparison, field: &str) -> Result<Option<Meaning>, QueryFault> {
        let time = match field {
            "eventTime" | "recordTime" | "errorDeclarationTime" | "time" | "startTime" | "endTime" => field,
            "errorDeclaration_Time" => "errorDeclarationTime",
            _ => "",
        };
        if !time.is_empty() {
            let text = only(self.name, self.values)?;
            let moment: Timestamp = text.parse().map_err(|error| self.fault(format!("{error}")))?;
            return Ok(Some(condition(time, vec![comparison.range(&Key::moment(moment))])));
        }
        let (name, uom) = field.split_once('_').map_or((field, None), |(name, uom)| (name, Some(uom)));
        let is_number = match (name, uom) {
            ("quantity" | "percRank", None) => true,
            ("quantity", Some(uom)) => is_unit(uom),
            (name, Some(uom)) => SENSOR_NUMBERS.contains(&name) && is_unit(uom),
            (_, None) => false,
        };
        if !is_number {
            return Ok(None);
        }
        if !matches!(comparison, Comparison::Equal) {
            only(self.name, self.values)?;
        }
        let range = |text: &String| {
            let number = Decimal::parse(text).ok_or_else(|| self.fault(format!("{} is no number", quoted(text))))?;
            Ok(comparison.range(&Key::number(&number)))
        };
        let ranges = self.values.iter().map(range).collect::<Result<_, _>>()?;
        Ok(Some(condition(field, ranges)))
    }

    /// Equality in a field of the standard; `None` if the field is none.
    fn equal(&self, field: &str) -> Result<Option<Meaning>, QueryFault> {
        let meaning = match field {
            "action" => self.texts(field, |text| {
                let known = [Action::Add, Action::Observe, Action::Delete].map(|action| action.as_str());
                known.contains(&text).then(|| text.to_owned()).ok_or_else(|| self.fault("it is ADD, OBSERVE or DELETE"))
            })?,
            "bizStep" => {
                self.texts(field, |text| self.word::<BizStep>(text, &BIZ_STEPS).map(|step| step.as_str().to_owned()))?
            }
            "disposition" | "persistentDisposition_set" | "persistentDisposition_unset" => self
                .texts(field, |text| {
                    self.word::<Disposition>(text, &DISPOSITIONS).map(|one| one.as_str().to_owned())
                })?,
            "readPoint" | "bizLocation" | "transformationID" => self.texts(field, |text| self.id(text))?,
            "bizTransaction" | "source" | "destination" => self.texts(field, |text| Ok(canonical(text)))?,
            "eventID" | "correctiveEventID" => self.texts(field, |text| Ok(text.to_owned()))?,
            "errorReason" => self.texts(field, |text| Ok(self.of(&ERROR_REASONS, text)))?,
            "type" => self.texts("sensorType", |text| Ok(sensor_text("sensorType", text, self.prefixes)))?,
            "booleanValue" => self.texts(field, |text| match text {
                "true" | "false" => Ok(text.to_owned()),
                _ => Err(self.fault("it is true or false")),
            })?,
            "deviceID"
            | "dataProcessingMethod"
            | "microorganism"
            | "chemicalSubstance"
            | "bizRules"
            | "stringValue"
            | "hexBinaryValue"
            | "uriValue" => self.texts(field, |text| Ok(sensor_text(field, text, self.prefixes)))?,
            _ => return self.equal_of_kind(field),
        };
        Ok(Some(meaning))
    }

    /// Equality of a business transaction, a source or a destination of one type.
    fn equal_of_kind(&self, field: &str) -> Result<Option<Meaning>, QueryFault> {
        for (start, kinds) in [
            ("bizTransaction", &BIZ_TRANSACTION_TYPES),
            ("source", &SOURCE_DEST_TYPES),
            ("destination", &SOURCE_DEST_TYPES),
        ] {
            let kind = field.strip_prefix(start).and_then(|rest| rest.strip_prefix('_'));
            let Some(kind) = kind else { continue };
            let word = self.of(kinds, kind);
            if !kinds.permits(&word) {
                let known = kinds.words.join(", ");
                return Err(self.fault(format!("{} is no {}: one of {known}, or a URI", quoted(kind), kinds.title)));
            }
            return self.texts(format!("{start}_{word}"), |text| Ok(canonical(text))).map(Some);
        }
        Ok(None)
    }

    fn matching(&self, field: &str) -> Result<Meaning, QueryFault> {
        let (_, in_classes, fields) = MATCHES.iter().find(|(name, ..)| *name == field).ok_or_else(|| self.unknown())?;
        let mut ranges = Vec::new();
        for text in self.values {
            if !EpcPattern::is_one(text) {
                ranges.push(KeyRange::Exactly(Key::text(&self.id(text)?)));
                continue;
            }
            let pattern = if *in_classes { EpcPattern::of_classes(text) } else { EpcPattern::of_objects(text) };
            let pattern = pattern.map_err(|error| self.fault(error.to_string()))?;
            ranges.extend(pattern.reaches().iter().map(|reach| match reach {
                Reach::One(id) => KeyRange::Exactly(Key::text(id.as_str())),
                Reach::Beginning { start, inside } => KeyRange::beginning(start, inside),
            }));
        }
        let fields = fields.iter().map(|field| Field::new(*field)).collect();
        Ok(Meaning::Condition(Condition { fields, ranges }))
    }

    fn existing(&self, field: &str) -> Result<Meaning, QueryFault> {
        let is_asked = match only(self.name, self.values)? {
            "" | "true" | "1" | "null" => true,
            "false" | "0" => false,
            other => return Err(self.fault(format!("it is true or false, not {}", quoted(other)))),
        };
        let fields = match field {
            "errorDeclaration" | "sensorElementList" => vec![Field::new(field)],
            _ => extension_fields(self.name, field, self.prefixes)?,
        };
        let there = Condition { fields, ranges: vec![KeyRange::Exactly(Key::present())] };
        Ok(if is_asked { Meaning::Condition(there) } else { Meaning::Nothing })
    }

    fn attribute(&self, field_and_name: &str) -> Result<Meaning, QueryFault> {
        let (field, name) = field_and_name
            .split_once('_')
            .ok_or_else(|| self.fault("it names a field and an attribute, as EQATTR_bizLocation_cbvmda:site does"))?;
        let name = self.prefixes.name(name);
        self.master(self.with_master_data(field)?, MasterQuestion::Attribute { name, values: self.values.to_vec() })
    }

    fn with_master_data(&self, field: &str) -> Result<Vec<Field>, QueryFault> {
        if WITH_MASTER_DATA.contains(&field) {
            return Ok(vec![Field::new(field)]);
        }
        Err(self.fault(format!("{} has no master data: one of {}", quoted(field), WITH_MASTER_DATA.join(", "))))
    }

    fn master(&self, fields: Vec<Field>, question: MasterQuestion) -> Result<Meaning, QueryFault> {
        Ok(Meaning::Master(MasterCondition { parameter: self.name.to_owned(), fields, question }))
    }

    fn each<T>(&self, read: impl Fn(&str) -> Result<T, QueryFault>) -> Result<Vec<T>, QueryFault> {
        self.values.iter().map(|text| read(text)).collect()
    }

    /// One of some texts stands in a field.
    fn texts(
        &self,
        field: impl Into<String>,
        read: impl Fn(&str) -> Result<String, QueryFault>,
    ) -> Result<Meaning, QueryFault> {
        let texts = self.each(read)?;
        Ok(condition(field, texts.iter().map(|text| KeyRange::Exactly(Key::text(text))).collect()))
    }

    fn event_type(&self, text: &str) -> Result<String, QueryFault> {
        let known = EVENT_TYPES.map(|members| members.title);
        if known.contains(&text) || is_absolute_uri(text) {
            return Ok(text.to_owned());
        }
        Err(self.fault(format!("{} is no event type: one of {}", quoted(text), known.join(", "))))
    }

    /// A word of a vocabulary, or the URI of another one.
    fn word<T: FromStr<Err: std::fmt::Display>>(&self, text: &str, vocabulary: &Vocabulary) -> Result<T, QueryFault> {
        self.prefixes.name(text).parse().map_err(|error: T::Err| match vocabulary.nearest(text) {
            Some(meant) => self.fault(format!("{error}; did you mean {meant:?}?")),
            None => self.fault(error.to_string()),
        })
    }

    fn of(&self, vocabulary: &Vocabulary, text: &str) -> String {
        vocabulary.word(text).map_or_else(|| self.prefixes.name(text), str::to_owned)
    }

    fn id(&self, text: &str) -> Result<String, QueryFault> {
        let id = Id::parse_uri(text).map_err(|error| self.fault(error.to_string()))?;
        Ok(id.as_str().to_owned())
    }
}

fn condition(field: impl Into<String>, ranges: Vec<KeyRange>) -> Meaning {
    Meaning::Condition(Condition::new(field, ranges))
}

/// The fields that the name of an extension may mean: `INNER_ILMD_example:lot`, or a whole URI in the place of `example:lot`.
fn extension_fields(parameter: &str, name: &str, prefixes: &Prefixes) -> Result<Vec<Field>, QueryFault> {
    let (inner, rest) = name.strip_prefix(INNER).map_or(("", name), |rest| (INNER, rest));
    let kind = KINDS.into_iter().find(|kind| rest.starts_with(kind)).unwrap_or_default();
    let local = rest.strip_prefix(kind).unwrap_or(rest);
    let (prefix, after) = local.split_once(':').ok_or_else(|| {
        let what = format!(
            "no such parameter is known; the name of an extension is prefix:name or a whole URI, and {} is neither",
            quoted(local)
        );
        fault(parameter, what)
    })?;
    if !prefixes.knows(prefix) && !is_whole(prefix, after) {
        let what = format!(
            "the prefix {} has no meaning here: say what it stands for in the header GS1-Extensions as {prefix}=URI, or write the \
             whole URI",
            quoted(prefix)
        );
        return Err(fault(parameter, what));
    }
    let whole = prefixes.name(local);
    let mut names = vec![whole.clone()];
    // EPCIS 1.2 joins a namespace and a name by #, whatever the namespace ends in.
    names.extend(whole.rsplit_once('#').map(|(namespace, name)| format!("{namespace}{name}")));
    Ok(names.into_iter().map(|name| Field::new(format!("{EXTENSION}{inner}{kind}{name}"))).collect())
}

/// Tells whether `scheme:rest` is a URI and no name with a prefix.
fn is_whole(scheme: &str, rest: &str) -> bool {
    rest.starts_with("//") || scheme.eq_ignore_ascii_case("urn")
}

/// UN/CEFACT Recommendation 20 codes have two or three characters, GS1's own four at most.
fn is_unit(text: &str) -> bool {
    (2..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

fn only<'a>(name: &str, values: &'a [String]) -> Result<&'a str, QueryFault> {
    match values {
        [one] => Ok(one),
        [] => Err(fault(name, "it has no value".to_owned())),
        _ => Err(fault(name, "it has one value, and several were given".to_owned())),
    }
}

fn text_of(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.as_str().to_owned()),
        Json::Bool(truth) => Some(truth.to_string()),
        Json::Null => Some("null".to_owned()),
        Json::Array(_) | Json::Object(_) => None,
    }
}

/// Characters of a value that a message repeats.
const QUOTED_CHARS_MAX: usize = 80;

fn quoted(text: &str) -> String {
    format!("{:?}", text.chars().take(QUOTED_CHARS_MAX).collect::<String>())
}

fn fault(parameter: &str, fault: String) -> QueryFault {
    QueryFault { parameter: parameter.chars().take(QUOTED_CHARS_MAX).collect(), fault }
}
