//! A whole document: what its element at the top is, its header, and the list of its events.

use sealane_core::json::Json;

use super::convert::Conversion;
use super::fault::FaultAt;
use super::namespace::Space;
use super::placed::{Placed, PlacedMembers};
use super::prefixes::Prefixes;
use super::table::{EVENT, EVENT_TYPES, HEADER, MASTER_DATA, WRAPPERS};
use super::tree::{Element, Tree};

/// The context of EPCIS 2.0, which gives the standard's names their meaning.
pub(super) const CONTEXT: &str = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld";

/// A document in JSON, with the places of its values in the XML.
pub(super) struct ConvertedTree<'n> {
    pub(super) document: Placed,
    pub(super) conversion: Conversion<'n>,
    /// What the XML was, in words that go on "was XML of".
    pub(super) was: String,
    /// The answer of a query.
    pub(super) was_query: bool,
    /// Attributes that an event alone has no member for.
    pub(super) left_out: bool,
}

/// What stands in a document beside its events.
#[derive(Default)]
struct Beside {
    header: PlacedMembers,
    /// Members of the document.
    extensions: PlacedMembers,
}

/// Converts a document, or an event alone.
pub(super) fn convert<'n>(tree: &'n Tree<'_>) -> Result<ConvertedTree<'n>, FaultAt> {
    let conversion = Conversion {
        namespaces: &tree.namespaces,
        prefixes: Prefixes::of(tree),
        event: None,
        objections: Vec::new(),
        more: false,
    };
    let root = &tree.root;
    let uri = tree.namespaces.uri(root.name.namespace);
    let is_epcis = root.name.space == Space::Epcis;
    match root.name.local {
        "EPCISDocument" | "EPCISQueryDocument" | "EPCISMasterDataDocument" if is_epcis => {
            document(conversion, root, uri)
        }
        local if root.name.is_standard() && EVENT_TYPES.contains(&local) => Ok(event_alone(conversion, root)),
        local => {
            let message = format!(
                "<{local}>{} is none of what is taken: an EPCISDocument, EPCISQueryDocument or EPCISMasterDataDocument of EPCIS 1.1, 1.2 or 2.0 in its \
                 namespace, such as urn:epcglobal:epcis:xsd:1, or one event",
                if uri.is_empty() { " without a namespace".to_owned() } else { format!(" of {uri}") }
            );
            Err(FaultAt::new(root.at, message))
        }
    }
}

fn event_alone<'n>(mut conversion: Conversion<'n>, root: &Element<'_>) -> ConvertedTree<'n> {
    // Published events have these two of the document that they are from.
    let is_of_document = |name: &str| root.attribute(name).is_some();
    let left_out = is_of_document("schemaVersion") || is_of_document("creationDate");
    let mut event = conversion.event(root);
    if let super::placed::PlacedValue::Object(members) = &mut event.value {
        let context = conversion.prefixes.context(CONTEXT, conversion.namespaces);
        members.put_first("@context", Placed::scalar(root.at, context));
    }
    ConvertedTree { document: event, conversion, was: "EPCIS".to_owned(), was_query: false, left_out }
}

fn document<'n>(mut conversion: Conversion<'n>, root: &Element<'_>, uri: &str) -> Result<ConvertedTree<'n>, FaultAt> {
    let mut frame = PlacedMembers::default();
    frame.put("type", Placed::text(root.at, "EPCISDocument"));
    let version = frame_attributes(&mut conversion, root, &mut frame)?;
    let mut beside = Beside::default();
    let mut body = None;
    conversion.no_text(root, root.name.local);
    for child in &root.children {
        match child.name.local {
            "EPCISHeader" if child.name.is_standard() => conversion.header(child, &mut beside.header),
            "EPCISBody" if child.name.is_standard() && body.is_none() => body = Some(child),
            local if child.name.is_standard() && !WRAPPERS.contains(&local) => {
                return Err(FaultAt::new(child.at, format!("`{local}` is no element of {}", root.name.local)));
            }
            _ if child.name.is_standard() => conversion.wrapped(child, &mut beside.extensions),
            _ => conversion.extension(child, &mut beside.extensions),
        }
    }
    let Some(body) = body else {
        return Err(FaultAt::new(root.at, "`EPCISBody` is missing; it holds the events in `EventList`"));
    };
    let was_query = root.name.local == "EPCISQueryDocument";
    let list = conversion.body(body, &mut beside)?;
    let Beside { header, extensions } = beside;
    if !header.is_empty() {
        frame.put("epcisHeader", Placed::object(root.at, header));
    }
    let mut held = PlacedMembers::default();
    held.put("eventList", list);
    frame.put("epcisBody", Placed::object(body.at, held));
    for (name, value) in extensions.into_iter() {
        if !frame.put(&*name, value) {
            conversion.object_to(root.at, format!("`{name}` stands twice in {}", root.name.local));
        }
    }
    let context = conversion.prefixes.context(CONTEXT, conversion.namespaces);
    frame.put_first("@context", Placed::scalar(root.at, context));
    let version = version.unwrap_or_else(|| if uri.ends_with(":1") { "1" } else { "2.0" }.to_owned());
    Ok(ConvertedTree {
        document: Placed::object(root.at, frame),
        conversion,
        was: format!("EPCIS {version}"),
        was_query,
        left_out: false,
    })
}

/// Takes the attributes of the element at the top. Returns the version that it names.
fn frame_attributes(
    conversion: &mut Conversion<'_>,
    root: &Element<'_>,
    frame: &mut PlacedMembers,
) -> Result<Option<String>, FaultAt> {
    let mut version = None;
    for one in root.said() {
        let local = one.name.local;
        if one.name.space.is_of_extensions() {
            let name = conversion.prefixes.member(conversion.namespaces, one.name.namespace, local);
            frame.gather(name, Placed::text(one.at, &*one.value));
            continue;
        }
        let value = super::characters::trimmed(&one.value);
        if local == "schemaVersion" {
            if !matches!(value.split('.').next(), Some("1" | "2")) {
                let message = format!("schemaVersion {value:?} is none of 1.0, 1.1, 1.2 and 2.0");
                return Err(FaultAt::new(one.at, message));
            }
            version = Some(value.chars().take(8).collect());
            frame.put(local, Placed::text(one.at, "2.0"));
        } else if !frame.put(local, Placed::text(one.at, value)) {
            conversion.object_to(one.at, format!("`{local}` is no attribute of {}", root.name.local));
        }
    }
    Ok(version)
}

impl Conversion<'_> {
    /// The events in a body, and master data that stands there.
    fn body(&mut self, body: &Element<'_>, into: &mut Beside) -> Result<Placed, FaultAt> {
        self.no_text(body, "EPCISBody");
        self.no_attributes(body);
        let [child] = body.children.as_slice() else {
            return Err(FaultAt::new(body.at, "`EPCISBody` holds one element, `EventList` or `QueryResults`"));
        };
        match child.name.local {
            "EventList" if child.name.is_standard() => Ok(self.events(child)),
            "QueryResults" if child.name.is_standard() => self.results(child, into),
            "VocabularyList" if child.name.is_standard() => Ok(self.vocabularies(body, into)),
            local => {
                let message = format!(
                    "`{local}` is nothing that is captured: a document holds its events in `EventList`, the answer of a query in `QueryResults`"
                );
                Err(FaultAt::new(child.at, message))
            }
        }
    }

    /// The answer of a query (EPCIS 2.0 §8.2.7.2): its name and subscription say nothing of the events.
    fn results(&mut self, results: &Element<'_>, into: &mut Beside) -> Result<Placed, FaultAt> {
        self.no_text(results, "QueryResults");
        self.no_attributes(results);
        let mut body = None;
        for child in &results.children {
            match child.name.local {
                "queryName" | "subscriptionID" if child.name.is_standard() => {}
                "resultsBody" if child.name.is_standard() && body.is_none() => body = Some(child),
                local if child.name.is_standard() => {
                    return Err(FaultAt::new(
                        child.at,
                        format!("`{local}` is no element of QueryResults, or stands twice"),
                    ));
                }
                _ => self.extension(child, &mut into.extensions),
            }
        }
        let Some(body) = body else {
            return Err(FaultAt::new(results.at, "`resultsBody` is missing in `QueryResults`"));
        };
        self.no_attributes(body);
        match body.children.as_slice() {
            [] => Ok(Placed::list(body.at, Vec::new())),
            [child] if child.is("EventList") => {
                self.no_text(body, "resultsBody");
                Ok(self.events(child))
            }
            [child] if child.is("VocabularyList") => Ok(self.vocabularies(body, into)),
            [child, ..] => {
                let message = "`resultsBody` holds one element, `EventList` or `VocabularyList`";
                Err(FaultAt::new(child.at, message))
            }
        }
    }

    /// Master data in a body: a document has it in its header. No event is beside it.
    fn vocabularies(&mut self, body: &Element<'_>, into: &mut Beside) -> Placed {
        let mut data = PlacedMembers::default();
        self.elements(body, &MASTER_DATA, &mut data);
        if !into.header.put("epcisMasterData", Placed::object(body.at, data)) {
            self.object_to(body.at, "master data stands twice, in the header and in the body");
        }
        Placed::list(body.at, Vec::new())
    }

    fn events(&mut self, list: &Element<'_>) -> Placed {
        let mut events = Vec::with_capacity(list.children.len());
        self.events_in(list, &mut events);
        Placed::list(list.at, events)
    }

    /// EPCIS 1.1 wraps what 1.0 did not have, and 1.2 wraps it twice.
    fn events_in(&mut self, list: &Element<'_>, events: &mut Vec<Placed>) {
        self.no_text(list, "EventList");
        self.no_attributes(list);
        for child in &list.children {
            if child.name.is_standard() && WRAPPERS.contains(&child.name.local) {
                self.events_in(child, events);
                continue;
            }
            self.event = Some(events.len());
            let event = self.event(child);
            self.event = None;
            events.push(event);
        }
    }

    /// One event, of a type that the strict reader judges.
    fn event(&mut self, element: &Element<'_>) -> Placed {
        let mut members = PlacedMembers::default();
        let local = element.name.local;
        let kind = match element.name.is_standard() {
            true => local.to_owned(),
            false => self.prefixes.member(self.namespaces, element.name.namespace, local),
        };
        if kind == "QuantityEvent" {
            let message =
                "EPCIS 2.0 has no QuantityEvent: write an ObjectEvent with the action OBSERVE and a `quantityList`";
            self.object_to(element.at, message);
        }
        members.put("type", Placed::text(element.at, kind));
        for one in element.said() {
            let name = match one.name.space.is_of_extensions() {
                true => self.prefixes.member(self.namespaces, one.name.namespace, one.name.local),
                false if ["schemaVersion", "creationDate"].contains(&one.name.local) && self.event.is_none() => {
                    continue;
                }
                false => one.name.local.to_owned(),
            };
            if !members.put(&*name, Placed::text(one.at, super::characters::trimmed(&one.value))) {
                self.object_to(one.at, format!("`{name}` is no attribute of {local}"));
            }
        }
        self.elements(element, &EVENT, &mut members);
        Placed::object(element.at, members)
    }

    /// The header: a StandardBusinessDocumentHeader as JSON of older versions has it, master data, and extensions.
    fn header(&mut self, element: &Element<'_>, header: &mut PlacedMembers) {
        self.no_text(element, "EPCISHeader");
        self.no_attributes(element);
        for child in &element.children {
            if child.name.space == Space::Sbdh && child.name.local == "StandardBusinessDocumentHeader" {
                let value = plain(child);
                if !header.put("StandardBusinessDocumentHeader", value) {
                    self.object_to(child.at, "`StandardBusinessDocumentHeader` stands twice");
                }
            } else if child.name.is_standard() && WRAPPERS.contains(&child.name.local) {
                self.header(child, header);
            } else {
                self.header_element(element, child, header);
            }
        }
    }

    fn header_element(&mut self, element: &Element<'_>, child: &Element<'_>, header: &mut PlacedMembers) {
        match HEADER.element(child.name.local).filter(|_| child.name.is_standard()) {
            Some((name, _)) => {
                let data = self.object(child, &MASTER_DATA);
                if !header.put(name, data) {
                    self.object_to(child.at, format!("`{}` stands twice", child.name.local));
                }
            }
            None if child.name.is_standard() => {
                let message = format!("`{}` is no element of {}", child.name.local, element.name.local);
                self.object_to(child.at, message);
            }
            None => self.extension(child, header),
        }
    }

    fn wrapped(&mut self, wrapper: &Element<'_>, into: &mut PlacedMembers) {
        self.no_text(wrapper, wrapper.name.local);
        self.no_attributes(wrapper);
        for child in &wrapper.children {
            self.extension(child, into);
        }
    }
}

/// A StandardBusinessDocumentHeader by its names alone: three of its texts stay (`normalise`).
fn plain(element: &Element<'_>) -> Placed {
    let text = super::characters::trimmed(&element.text);
    if element.children.is_empty() && element.said().next().is_none() {
        return Placed::text(element.at, text);
    }
    let mut members = PlacedMembers::default();
    for one in element.said() {
        members.gather(one.name.local.to_owned(), Placed::text(one.at, &*one.value));
    }
    if !text.is_empty() {
        members.gather(super::extension::TEXT_MEMBER.to_owned(), Placed::scalar(element.at, Json::from(text)));
    }
    for child in &element.children {
        members.gather(child.name.local.to_owned(), plain(child));
    }
    Placed::object(element.at, members)
}
