//! The links of one id: as a linkset (RFC 9264), as a `Link` header (RFC 8288), and one by its type.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, LINK};
use serde_json::{Map, Value, json};

use crate::http::Node;
use crate::http::pages::Language;
use crate::http::parameters::encode;
use crate::http::problem::Problem;
use sealane_core::gs1::Id;

/// The GS1 Web Vocabulary, which names the link types.
pub const VOCABULARY: &str = "https://ref.gs1.org/voc/";

/// Other ways to write a link type of the vocabulary.
const PREFIXES: [&str; 4] = [VOCABULARY, "gs1:", "https://gs1.org/voc/", "http://gs1.org/voc/"];

/// Makes JSON-LD of a linkset.
const CONTEXT_LINK: &str = "<https://ref.gs1.org/standards/resolver/linkset-context>; \
                            rel=\"http://www.w3.org/ns/json-ld#context\"; type=\"application/ld+json\"";

const LINKSET_JSON: &str = "application/linkset+json";

/// Where the links of an id lead.
pub struct Links {
    /// The id as a Digital Link of this node.
    anchor: String,
    canonical: String,
    description: String,
    links: Vec<Link>,
}

struct Link {
    /// Its name in the vocabulary.
    link_type: &'static str,
    href: String,
    title: &'static str,
    media_type: &'static str,
}

/// What `linkType` asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Wanted {
    Linkset,
    /// The address to be led to.
    Link(String),
}

impl Links {
    pub fn of(node: &Node, id: &Id) -> Self {
        Self::under(&node.public_url, id)
    }

    fn under(root: &str, id: &Id) -> Self {
        let encoded = encode(id.as_str()).to_string();
        let page = format!("{root}/verify?id={encoded}");
        let link =
            |link_type, href: &str, title, media_type| Link { link_type, href: href.to_owned(), title, media_type };
        let links = vec![
            link("defaultLink", &page, "Is it genuine? The verdict and the journey", "text/html"),
            link("traceability", &page, "Is it genuine? The verdict and the journey", "text/html"),
            link("traceability", &page, "The verdict", "application/json"),
            link(
                "traceability",
                &format!("{root}/evidence?id={encoded}"),
                "The evidence, to be checked without this node's word",
                "application/json",
            ),
            link("epcis", &format!("{root}/epcis/epcs/{encoded}/events"), "EPCIS events", "application/json"),
        ];
        Self {
            anchor: format!("{root}{}", id.path().unwrap_or_default()),
            canonical: id.as_str().to_owned(),
            description: id.element_string().unwrap_or_default(),
            links,
        }
    }

    /// Reads a `linkType`; one that nothing here is of is not found.
    pub fn wanted(&self, link_type: &str) -> Result<Wanted, Problem> {
        if matches!(link_type, "linkset" | "all") {
            return Ok(Wanted::Linkset);
        }
        let name = PREFIXES.iter().find_map(|prefix| link_type.strip_prefix(prefix));
        let found = self.links.iter().find(|link| Some(link.link_type) == name);
        found.map(|link| Wanted::Link(link.href.clone())).ok_or_else(|| {
            let shown: String = link_type.chars().take(80).collect();
            Problem::not_found(format!(
                "nothing about this id is of the link type {shown:?}; there are gs1:defaultLink, gs1:traceability and \
                 gs1:epcis, and linkset for all of them"
            ))
        })
    }

    /// Answers with all links.
    pub fn answer(&self) -> HttpResponse {
        HttpResponse::Ok()
            .insert_header((CACHE_CONTROL, "no-cache"))
            .insert_header((LINK, CONTEXT_LINK))
            .content_type(LINKSET_JSON)
            .body(self.to_json().to_string())
    }

    fn to_json(&self) -> Value {
        let mut context = Map::new();
        context.insert("anchor".to_owned(), json!(self.anchor));
        context.insert("description".to_owned(), json!(self.description));
        for link in &self.links {
            let mut target = json!({"href": link.href, "title": link.title, "type": link.media_type});
            if link.media_type == "text/html" {
                let tags: Vec<&str> = Language::ALL.iter().map(|language| language.tag()).collect();
                target["hreflang"] = json!(tags);
            }
            let of_type = context.entry(format!("{VOCABULARY}{}", link.link_type)).or_insert_with(|| json!([]));
            if let Some(targets) = of_type.as_array_mut() {
                targets.push(target);
            }
        }
        json!({"linkset": [context]})
    }

    /// The `Link` header of every answer about the id: where the linkset is, and the id's own name.
    pub fn header(&self) -> String {
        format!(
            "<{}?linkType=linkset>; rel=\"linkset\"; type=\"{LINKSET_JSON}\", <{}>; rel=\"owl:sameAs\"",
            self.anchor, self.canonical
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links() -> Links {
        Links::under("https://node.example", &Id::parse("(01)09506000134352(21)A/1").unwrap())
    }

    #[test]
    fn the_linkset_has_an_anchor_and_a_target_of_each_type() {
        let json = links().to_json();
        let context = &json["linkset"][0];
        assert_eq!(context["anchor"], "https://node.example/01/09506000134352/21/A%2F1");
        let page = "https://node.example/verify?id=https%3A%2F%2Fid.gs1.org%2F01%2F09506000134352%2F21%2FA%252F1";
        assert_eq!(context["https://ref.gs1.org/voc/defaultLink"][0]["href"], page);
        assert_eq!(context["https://ref.gs1.org/voc/traceability"].as_array().unwrap().len(), 3);
        assert_eq!(context["https://ref.gs1.org/voc/epcis"][0]["type"], "application/json");
    }

    #[test]
    fn a_link_type_has_many_spellings() {
        let links = links();
        for spelling in ["gs1:epcis", "https://ref.gs1.org/voc/epcis", "https://gs1.org/voc/epcis"] {
            let Wanted::Link(href) = links.wanted(spelling).unwrap() else { panic!("{spelling}") };
            assert!(href.ends_with("/events"), "{href}");
        }
        assert_eq!(links.wanted("all").unwrap(), Wanted::Linkset);
        assert_eq!(links.wanted("linkset").unwrap(), Wanted::Linkset);
        for unknown in ["gs1:pip", "", "epcis", "gs1:", "https://schema.org/epcis"] {
            assert!(links.wanted(unknown).is_err(), "{unknown}");
        }
    }
}
