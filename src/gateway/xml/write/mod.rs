//! From the answer of a query in JSON to the same in XML of EPCIS 2.0. Pure.
//!
//! Members of the standard become elements and attributes by the tables that read them; `extension` has the rules for the rest. All that
//! JSON says is in the XML: what XML has no form for is marked in our own namespace, and [`super::read`] makes the same JSON of it.

mod extension;
mod tags;

#[cfg(test)]
mod tests;

use sealane_core::epcis::NameScope;
use sealane_core::epcis::vocabulary::{COMPONENTS, Vocabulary};
use sealane_core::json::Json;

use super::characters::is_char;
use super::namespace::QUERY_2;
use super::table::{Content, EVENT, ElementTable, Shape, words};
use tags::Tags;

/// How standard words are written (EPCIS 2.0 §12.6.5): JSON has them bare, and XML as URIs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WordForm {
    WebUri,
    /// The URNs of CBV 1.2; what CBV 2.0 gave no URN stays a Web URI.
    Urn,
}

impl WordForm {
    /// The value of `GS1-CBV-XML-Format` for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WebUri => "Always_Web_URI",
            Self::Urn => "Always_URN",
        }
    }
}

/// Writes an EPCISQueryDocument. What its frame says beside its events and its date is not looked at.
pub fn write(document: &Json, words: WordForm) -> String {
    let results = document.get("epcisBody").and_then(|body| body.get("queryResults"));
    let name = results.and_then(|results| results.get("queryName")).and_then(Json::as_str);
    let list = results.and_then(|results| results.get("resultsBody")).and_then(|body| body.get("eventList"));
    let date = document.get("creationDate").and_then(Json::as_str).unwrap_or_default();
    let scope = NameScope::default().within(document);
    let mut writer = Writer { tags: Tags::new(), words };
    for event in list.and_then(Json::as_array).into_iter().flatten() {
        writer.event(event, &scope);
    }
    let (declarations, events) = writer.tags.finish();
    let name = tags::escaped(name.unwrap_or("SimpleEventQuery"));
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<epcisq:EPCISQueryDocument xmlns:epcisq=\"{QUERY_2}\"{declarations} schemaVersion=\"2.0\" \
         creationDate=\"{}\"><EPCISBody><epcisq:QueryResults><queryName>{name}</queryName><resultsBody><EventList>{events}</EventList>\
         </resultsBody></epcisq:QueryResults></EPCISBody></epcisq:EPCISQueryDocument>\n",
        tags::escaped(date)
    )
}

/// A document under way.
struct Writer {
    tags: Tags,
    words: WordForm,
}

impl Writer {
    fn event(&mut self, event: &Json, outer: &NameScope) {
        let kind = event.get("type").and_then(Json::as_str).unwrap_or_default();
        let scope = outer.within(event);
        self.tags.open(kind);
        self.elements(event, &EVENT, &scope, &["type"]);
        if let Some(context) = event.get("@context").filter(|context| says_more(context)) {
            let text = Json::from(context.to_string());
            self.own_member("context", &text, &scope);
        }
        self.tags.close();
    }

    /// Writes the members of an object that the table has elements for, in its order, then all others but those that are written.
    fn elements(&mut self, object: &Json, table: &'static ElementTable, scope: &NameScope, written: &[&str]) {
        for (element, member, shape) in table.elements {
            if let Some(value) = object.get(member) {
                self.member(element, member, shape, value, table, scope);
            }
        }
        for (name, value) in object.as_object().into_iter().flatten() {
            let is_of_table = table.elements.iter().any(|(_, member, _)| member == name);
            if !is_of_table && name != "@context" && !written.contains(&name.as_str()) {
                self.extension_member(name, value, scope, false);
            }
        }
    }

    fn member(
        &mut self,
        element: &'static str,
        member: &'static str,
        shape: &'static Shape,
        value: &Json,
        table: &'static ElementTable,
        scope: &NameScope,
    ) {
        match (shape, value) {
            (Shape::Texts(item), Json::Array(items)) if items.iter().all(is_text) => {
                self.tags.open(element);
                for text in items.iter().filter_map(Json::as_str) {
                    self.leaf(item, text, scope);
                }
                self.tags.close();
            }
            (Shape::Objects(item, of_item), Json::Array(items)) if items.iter().all(Json::is_object) => {
                self.tags.open(element);
                items.iter().for_each(|one| self.object(item, one, of_item, scope));
                self.tags.close();
            }
            (Shape::Object(of_object), Json::Object(_)) => self.object(element, value, of_object, scope),
            (Shape::Each(Shape::Object(of_item)), Json::Array(items)) if items.iter().all(Json::is_object) => {
                items.iter().for_each(|one| self.object(element, one, of_item, scope));
            }
            (Shape::Each(_) | Shape::EachText, Json::Array(items)) if items.iter().all(is_text) => {
                items.iter().filter_map(Json::as_str).for_each(|text| {
                    let text = self.word(table, member, text);
                    self.leaf(element, &text, scope);
                });
            }
            (Shape::Text | Shape::EachText, Json::String(text)) if is_text(value) => {
                let text = self.word(table, member, text);
                self.leaf(element, &text, scope);
            }
            (Shape::Number, Json::Number(number)) => self.leaf(element, &decimal(number), scope),
            // The strict reader lets little else pass.
            _ => self.extension_member(member, value, scope, false),
        }
    }

    fn object(&mut self, element: &str, object: &Json, table: &'static ElementTable, scope: &NameScope) {
        self.tags.open(element);
        let mut written: Vec<&str> = Vec::new();
        for (name, value) in object.as_object().into_iter().flatten() {
            if self.attribute(name, value, table, scope) {
                written.push(name);
            }
        }
        if let Content::Text(member) = table.content
            && let Some(text) = object.get(member).filter(|value| is_text(value)).and_then(Json::as_str)
        {
            self.text(text, scope);
            written.push(member);
        }
        self.elements(object, table, scope, &written);
        self.tags.close();
    }

    /// Writes a member as an attribute, if it is one in XML.
    fn attribute(&mut self, name: &str, value: &Json, table: &'static ElementTable, scope: &NameScope) -> bool {
        if table.attributes.is_empty() {
            return false;
        }
        let text = match (table.attribute(name), value) {
            // What XML does not let stand in an attribute is marked in an element.
            (Some(_), Json::String(text)) if is_text(value) => self.word(table, name, text),
            (Some(_), Json::Number(number)) => decimal(number),
            (Some(_), Json::Bool(truth)) => truth.to_string(),
            // Extensions that are texts are attributes in sensor reports, as they came.
            (None, Json::String(text)) if scope.name(name).is_some() => {
                return self.extension_attribute(name, text, scope);
            }
            _ => return false,
        };
        self.declare_in(&text, scope);
        self.tags.attribute(name, &text);
        true
    }

    /// An element of the standard with a text.
    fn leaf(&mut self, element: &str, text: &str, scope: &NameScope) {
        self.tags.open(element);
        self.text(text, scope);
        self.tags.close();
    }

    fn text(&mut self, text: &str, scope: &NameScope) {
        self.declare_in(text, scope);
        self.tags.text(text);
    }

    /// Declares the prefix that a text begins with: `example:x` says no more without it.
    fn declare_in(&mut self, text: &str, scope: &NameScope) {
        if let Some((prefix, _)) = text.split_once(':')
            && let Some((namespace, _)) = scope.declared(text)
        {
            self.tags.declare(prefix, namespace);
        }
    }

    /// A standard word in the form that was asked for; another text as it is.
    fn word(&self, table: &'static ElementTable, member: &str, text: &str) -> String {
        let Some(list) = words(table, member) else { return text.to_owned() };
        match self.words {
            WordForm::Urn if !std::ptr::eq::<Vocabulary>(list, &raw const COMPONENTS) => list.urn(text),
            _ => list.web_uri(text),
        }
    }
}

/// Tells whether a value is a text that XML can have.
fn is_text(value: &Json) -> bool {
    value.as_str().is_some_and(|text| text.chars().all(is_char))
}

/// A number without an exponent, which a decimal of XML Schema does not have.
fn decimal(number: &sealane_core::json::Decimal) -> String {
    if number.as_str().contains(['e', 'E']) { number.plain() } else { number.as_str().to_owned() }
}

/// Where the standard's own contexts are published: they say what is known here.
const STANDARD_CONTEXTS: [&str; 2] = ["https://ref.gs1.org/standards/epcis/", "https://gs1.github.io/EPCIS/"];

/// Tells whether a context says more than the standard's and which prefixes stand for what.
fn says_more(context: &Json) -> bool {
    match context {
        Json::Array(entries) => entries.iter().any(says_more),
        Json::String(uri) => !STANDARD_CONTEXTS.iter().any(|known| uri.starts_with(known)),
        Json::Object(declared) => declared.iter().any(|(name, value)| name.starts_with('@') || !value.is_string()),
        _ => true,
    }
}
