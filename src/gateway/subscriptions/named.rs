//! Named queries (EPCIS 2.0 §8.2.5, §12.7): a query that stands at the gateway under a name.

use std::fmt;
use std::str::FromStr;

use sealane_core::epcis::query::{EventQuery, QueryFault, QueryParameters};
use sealane_core::json::{self, Json, Object};
use sealane_core::time::Timestamp;

use crate::gateway::clients::ClientName;

/// Named queries of a gateway, and of one client.
pub const QUERIES_MAX: usize = 1_000;
pub const QUERIES_OF_CLIENT_MAX: usize = 200;

/// Bytes of a query's definition: a thousand ids as values, and more.
pub const DEFINITION_BYTES_MAX: usize = 128 * 1024;

const NAME_CHARS_MAX: usize = 64;

/// Names that the standard gives to queries of its own (EPCIS 2.0 §8.2.7).
const RESERVED: [&str; 2] = ["SimpleEventQuery", "SimpleMasterDataQuery"];

/// The name of a query, which stands in paths as it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueryName(String);

impl QueryName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for QueryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for QueryName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_plain = (1..=NAME_CHARS_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.~-".contains(&byte));
        // A path of dots alone leads elsewhere (RFC 3986 §5.2.4).
        if !is_plain || text.bytes().all(|byte| byte == b'.') {
            return Err(format!(
                "a query's name has 1 to {NAME_CHARS_MAX} of the characters A-Z, a-z, 0-9, _, ., ~ and -, and is more than dots"
            ));
        }
        if RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(text)) {
            return Err(format!("{text} is the standard's own query: GET /events is it"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// A query that was given a name.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedQuery {
    pub name: QueryName,
    /// Who gave it the name, and may remove it.
    pub client: ClientName,
    pub created_at: Timestamp,
    /// The parameters as an object, as they were given; its `@context` says what prefixes stand for.
    pub definition: Json,
}

impl NamedQuery {
    /// Reads the query.
    ///
    /// # Errors
    ///
    /// The first parameter that cannot be used.
    pub fn query(&self) -> Result<EventQuery, QueryFault> {
        QueryParameters::of_json(&self.definition)?.read()
    }

    /// `{"name": …, "query": …}`, as it was made.
    pub fn to_json(&self) -> Json {
        let members = [("name".to_owned(), self.name.as_str().into()), ("query".to_owned(), self.definition.clone())];
        Json::Object(Object::from(members))
    }
}

/// Why a definition is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DefinitionFault {
    #[error("{0}")]
    Json(String),
    #[error("{0}")]
    Member(String),
    #[error("name: {0}")]
    Name(String),
    #[error("query: the parameter {0}")]
    Query(QueryFault),
}

/// Reads `{"name": …, "query": {…}}`. Prefixes that stand beside it, in a header, are kept in the query's `@context`.
///
/// # Errors
///
/// What is wrong, and what would be right.
pub fn read(body: &[u8], prefixes: Vec<(String, String)>) -> Result<(QueryName, Json), DefinitionFault> {
    let document = json::read(body).map_err(|error| DefinitionFault::Json(error.to_string()))?;
    let wanted = || DefinitionFault::Member("a named query is an object with the members name and query".to_owned());
    let members = document.as_object().ok_or_else(wanted)?;
    if let Some(other) = members.keys().find(|name| !["name", "query"].contains(&name.as_str())) {
        return Err(DefinitionFault::Member(format!("the member {other:?} is unknown; it has name and query")));
    }
    let name = members.get("name").and_then(Json::as_str).ok_or_else(wanted)?;
    let name = name.parse().map_err(DefinitionFault::Name)?;
    let mut definition = members.get("query").cloned().ok_or_else(wanted)?;
    if let (Some(members), false) = (definition.as_object_mut(), prefixes.is_empty()) {
        let declared = prefixes.into_iter().map(|(prefix, namespace)| (prefix, namespace.into()));
        let declared = Json::Object(declared.collect());
        let context = match members.shift_remove("@context") {
            None => vec![declared],
            Some(Json::Array(mut list)) => {
                list.push(declared);
                list
            }
            Some(one) => vec![one, declared],
        };
        members.insert("@context".to_owned(), Json::Array(context));
    }
    let parameters = QueryParameters::of_json(&definition).map_err(DefinitionFault::Query)?;
    parameters.read().map_err(DefinitionFault::Query)?;
    Ok((name, definition))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn taken(body: &serde_json::Value, prefixes: &[(&str, &str)]) -> Result<(String, String), String> {
        let prefixes = prefixes.iter().map(|(prefix, uri)| ((*prefix).to_owned(), (*uri).to_owned())).collect();
        let (name, definition) = read(body.to_string().as_bytes(), prefixes).map_err(|fault| fault.to_string())?;
        Ok((name.to_string(), definition.to_string()))
    }

    #[test]
    fn a_definition_is_kept_as_it_was_given() {
        let body = json!({"name": "my.Query-1", "query": {"eventType": ["ObjectEvent"], "EQ_bizStep": "shipping"}});
        let (name, definition) = taken(&body, &[]).unwrap();
        assert_eq!((name.as_str(), definition), ("my.Query-1", body["query"].to_string()));
        let body = json!({"name": "x", "query": {"EQ_ex:lot": "1"}});
        let unresolved = taken(&body, &[]).unwrap_err();
        assert!(unresolved.starts_with("query: the parameter EQ_ex:lot:"), "{unresolved}");
        let (_, definition) = taken(&body, &[("ex", "https://ns.example.com/")]).unwrap();
        assert_eq!(definition, json!({"EQ_ex:lot": "1", "@context": [{"ex": "https://ns.example.com/"}]}).to_string());
        let body = json!({"name": "x", "query": {"@context": {"a": "urn:a:"}, "EQ_ex:lot": "1", "EQ_a:b": "2"}});
        let (_, definition) = taken(&body, &[("ex", "https://ns.example.com/")]).unwrap();
        assert!(definition.contains(r#"[{"a":"urn:a:"},{"ex":"https://ns.example.com/"}]"#), "{definition}");
    }

    #[test]
    fn what_is_no_definition_is_said() {
        for (body, why) in [
            (json!([]), "an object with the members name and query"),
            (json!({"name": "x"}), "an object with the members name and query"),
            (json!({"name": 1, "query": {}}), "an object with the members name and query"),
            (json!({"name": "x", "query": {}, "dest": "y"}), "\"dest\" is unknown"),
            (json!({"name": "a b", "query": {}}), "name: a query's name has 1 to 64"),
            (json!({"name": "..", "query": {}}), "more than dots"),
            (json!({"name": "ü", "query": {}}), "name: a query's name"),
            (json!({"name": "x".repeat(65), "query": {}}), "name: a query's name"),
            (json!({"name": "simpleEventQuery", "query": {}}), "the standard's own query"),
            (json!({"name": "x", "query": []}), "query: the parameter query: it is an object of parameters"),
            (json!({"name": "x", "query": {"EQ_bizStep": {}}}), "query: the parameter EQ_bizStep"),
            (json!({"name": "x", "query": {"nonsense": "1"}}), "query: the parameter nonsense"),
            (json!({"name": "x", "query": {"eventCountLimit": 5}}), "query: the parameter eventCountLimit"),
        ] {
            let said = taken(&body, &[]).unwrap_err();
            assert!(said.contains(why), "{body}: {said}");
        }
        assert!(matches!(read(b"{", Vec::new()), Err(DefinitionFault::Json(_))));
    }
}
