//! The links of one id: as a linkset (RFC 9264) in both of its forms, as a `Link` header (RFC 8288), and one by its type.

use actix_web::http::StatusCode;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Map, Value, json};

use crate::app::master_data::KnownElement;
use crate::http::accept::{LanguageRanges, media_type_rating};
use crate::http::pages::Language;
use crate::http::parameters::encode;
use crate::http::problem::Problem;
use sealane_core::epcis::shown::{self, MasterLink};
use sealane_core::gs1::{Id, Question};

/// The GS1 Web Vocabulary, which names the link types.
pub const VOCABULARY: &str = "https://ref.gs1.org/voc/";

/// Other ways to write a link type of the vocabulary; without any it is the type's bare name.
const PREFIXES: [&str; 5] =
    [VOCABULARY, "gs1:", "https://gs1.org/voc/", "http://gs1.org/voc/", "https://www.gs1.org/voc/"];

/// Where a link leads if nothing else is asked for: one link, which says no more than where and what.
const DEFAULT: &str = "defaultLink";

/// The same for each language and media type.
const DEFAULT_MULTI: &str = "defaultLinkMulti";

/// Makes JSON-LD of a linkset.
const CONTEXT_LINK: &str = "<https://ref.gs1.org/standards/resolver/linkset-context>; \
                            rel=\"http://www.w3.org/ns/json-ld#context\"; type=\"application/ld+json\"";

/// The linkset as JSON (RFC 9264 §4.2).
pub const LINKSET_JSON: &str = "application/linkset+json";

/// The linkset in the form of a `Link` header (RFC 9264 §4.1).
pub const LINKSET_TEXT: &str = "application/linkset";

/// Evidence by a type of its own, which tells it from the verdict, another `application/json` of the same link type.
pub const EVIDENCE_JSON: &str = "application/vnd.sealane.evidence+json";

/// Links that one holder gives of one id, in one vocabulary.
const LINKS_OF_HOLDER_MAX: usize = 100;

const MEDIA_TYPES_OF_MASTER_DATA: [&str; 2] = ["application/json", "application/ld+json"];

/// Where the links of an id lead.
pub struct Links {
    /// The id first, then what it is one of: a lot, a class.
    levels: Vec<Level>,
    canonical: String,
}

/// The links of an id, or of what it is one of.
struct Level {
    id: String,
    /// The id as a Digital Link of this node.
    anchor: String,
    description: String,
    links: Vec<Link>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Link {
    /// Its name in the vocabulary.
    link_type: String,
    href: String,
    title: String,
    media_type: Option<String>,
    languages: Vec<String>,
}

/// What `linkType` asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Wanted {
    Linkset,
    /// The address to be led to.
    Link(String),
    /// Several links that nothing tells apart (GS1-Conformant resolver standard §4.7), as a linkset of these.
    Choice(Value),
}

/// The form of a linkset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinksetForm {
    Json,
    Text,
}

impl Links {
    /// The links under a node's address.
    pub fn under(root: &str, asked: &Question) -> Self {
        let levels = asked.levels().iter().map(|id| Level::of(root, id)).collect();
        Self { levels, canonical: asked.id.as_str().to_owned() }
    }

    /// The ids whose holders may give links.
    pub fn ids(&self) -> Vec<String> {
        self.levels.iter().map(|level| level.id.clone()).collect()
    }

    /// Adds the links that holders give of these ids, and under a node's address one to all that they say.
    pub fn with_holders(mut self, root: &str, said: &[KnownElement]) -> Self {
        for level in &mut self.levels {
            let mut own = said.iter().filter(|element| element.id == level.id).peekable();
            if own.peek().is_some() {
                level.links.extend(level.of_master_data(root));
            }
            for element in own {
                let attributes = element.attributes.iter().map(|one| (one.name.as_str(), &one.value));
                level.links.extend(shown::links(attributes).into_iter().take(LINKS_OF_HOLDER_MAX).map(Link::from));
            }
        }
        self
    }

    /// The address where the id leads if no link type is asked for.
    pub fn default_link(&self) -> &str {
        let links = self.levels.first().map(|level| level.links.as_slice()).unwrap_or_default();
        links.iter().find(|link| link.link_type == DEFAULT).map_or("", |link| link.href.as_str())
    }

    /// Reads a `linkType`, and picks by media type and language where there are several; one that nothing here is of is not
    /// found.
    pub fn wanted(&self, request: &HttpRequest, link_type: &str) -> Result<Wanted, Problem> {
        if matches!(link_type, "linkset" | "all") {
            return Ok(Wanted::Linkset);
        }
        let name = PREFIXES.iter().find_map(|prefix| link_type.strip_prefix(prefix)).unwrap_or(link_type);
        // What stands at the id itself counts before what stands at its class.
        let of_type = |level: &Level| level.links.iter().filter(|link| link.link_type == name).cloned().collect();
        let mut of_levels = self.levels.iter().map(|level| (level, of_type(level)));
        let found: Option<(&Level, Vec<Link>)> = of_levels.find(|(_, links): &(_, Vec<Link>)| !links.is_empty());
        let Some((level, links)) = found else { return Err(self.none_of(link_type)) };
        let best = best_of(request, &links);
        match &best[..] {
            [one] => Ok(Wanted::Link(one.href.clone())),
            several => Ok(Wanted::Choice(json!({"linkset": [level.to_json(several.iter().copied())]}))),
        }
    }

    fn none_of(&self, link_type: &str) -> Problem {
        let shown: String = link_type.chars().take(80).collect();
        let mut types: Vec<String> = Vec::new();
        for link in self.levels.iter().flat_map(|level| &level.links) {
            let name = format!("gs1:{}", link.link_type);
            if !types.contains(&name) {
                types.push(name);
            }
        }
        Problem::not_found(format!(
            "nothing about this id is of the link type {shown:?}; there are {}, and linkset for all of them",
            types.join(", ")
        ))
    }

    /// Answers with all links.
    pub fn answer(&self, form: LinksetForm) -> HttpResponse {
        let (media_type, body) = match form {
            LinksetForm::Json => (LINKSET_JSON, self.to_json().to_string()),
            LinksetForm::Text => (LINKSET_TEXT, self.to_text()),
        };
        HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-cache")).content_type(media_type).body(body)
    }

    /// Answers with links that nothing tells apart.
    pub fn answer_choice(choice: &Value) -> HttpResponse {
        let mut answer = HttpResponse::build(StatusCode::MULTIPLE_CHOICES);
        answer.insert_header((CACHE_CONTROL, "no-cache")).content_type(LINKSET_JSON).body(choice.to_string())
    }

    fn to_json(&self) -> Value {
        json!({"linkset": self.levels.iter().map(|level| level.to_json(&level.links)).collect::<Vec<_>>()})
    }

    fn to_text(&self) -> String {
        let of_level = |level: &Level| level.links.iter().map(|link| link.to_text(&level.anchor)).collect::<Vec<_>>();
        let links: Vec<String> = self.levels.iter().flat_map(of_level).collect();
        format!("{}\n", links.join(",\n"))
    }

    /// The one `Link` header of every answer about the id: where the linkset is, the id's own name, and for a linkset what makes
    /// JSON-LD of it. Some clients see one line of a header that is sent in several.
    pub fn header(&self, media_type: Option<&str>) -> String {
        let anchor = self.levels.first().map(|level| level.anchor.as_str()).unwrap_or_default();
        let linkset = format!(
            "<{anchor}?linkType=linkset>; rel=\"linkset\"; type=\"{LINKSET_JSON}\", <{}>; rel=\"owl:sameAs\"",
            self.canonical
        );
        let is_linkset = media_type.is_some_and(|found| found.starts_with(LINKSET_JSON));
        if is_linkset { format!("{CONTEXT_LINK}, {linkset}") } else { linkset }
    }
}

impl Level {
    fn of(root: &str, id: &Id) -> Self {
        let encoded = encode(id.as_str()).to_string();
        let page = format!("{root}/verify?id={encoded}");
        let question = "Is it genuine? The verdict and the journey";
        let languages: Vec<String> = Language::ALL.iter().map(|language| language.tag().to_owned()).collect();
        let link = |link_type: &str, href: &str, title: &str| Link {
            link_type: link_type.to_owned(),
            href: href.to_owned(),
            title: title.to_owned(),
            media_type: None,
            languages: Vec::new(),
        };
        let html = |link: Link| Link { media_type: Some("text/html".to_owned()), languages: languages.clone(), ..link };
        let of_type = |link: Link, media_type: &str| Link { media_type: Some(media_type.to_owned()), ..link };
        let links = vec![
            link(DEFAULT, &page, question),
            html(link(DEFAULT_MULTI, &page, question)),
            of_type(link(DEFAULT_MULTI, &page, "The verdict"), "application/json"),
            html(link("traceability", &page, question)),
            of_type(link("traceability", &page, "The verdict"), "application/json"),
            of_type(
                link(
                    "traceability",
                    &format!("{root}/evidence?id={encoded}"),
                    "The evidence, to be checked without this node's word",
                ),
                EVIDENCE_JSON,
            ),
            of_type(link("epcis", &format!("{root}/epcis"), "The EPCIS repository"), "application/json"),
        ];
        Self {
            id: id.as_str().to_owned(),
            anchor: format!("{root}{}", id.path().unwrap_or_default()),
            description: id.element_string().unwrap_or_default(),
            links,
        }
    }

    fn of_master_data(&self, root: &str) -> [Link; 2] {
        let href = format!("{root}/epcis/vocabularies?id={}", encode(&self.id));
        MEDIA_TYPES_OF_MASTER_DATA.map(|media_type| Link {
            link_type: "masterData".to_owned(),
            href: href.clone(),
            title: "What its holder says of it".to_owned(),
            media_type: Some(media_type.to_owned()),
            languages: Vec::new(),
        })
    }

    fn to_json<'a>(&self, links: impl IntoIterator<Item = &'a Link>) -> Value {
        let mut context = Map::new();
        context.insert("anchor".to_owned(), json!(self.anchor));
        context.insert("itemDescription".to_owned(), json!(self.description));
        for link in links {
            let of_type = context.entry(format!("{VOCABULARY}{}", link.link_type)).or_insert_with(|| json!([]));
            if let Some(targets) = of_type.as_array_mut() {
                targets.push(link.to_json());
            }
        }
        Value::Object(context)
    }
}

impl From<MasterLink> for Link {
    fn from(link: MasterLink) -> Self {
        let MasterLink { link_type, href, title, media_type, language } = link;
        let title = title.unwrap_or_else(|| link_type.to_owned());
        Self { link_type: link_type.to_owned(), href, title, media_type, languages: language.into_iter().collect() }
    }
}

impl Link {
    fn to_json(&self) -> Value {
        let mut target = json!({"href": self.href, "title": self.title});
        if let Some(media_type) = &self.media_type {
            target["type"] = json!(media_type);
        }
        if !self.languages.is_empty() {
            target["hreflang"] = json!(self.languages);
        }
        target
    }

    /// The link as RFC 8288 §3 writes it, at its anchor.
    fn to_text(&self, anchor: &str) -> String {
        let mut text = format!("<{}>; rel=\"{VOCABULARY}{}\"; anchor=\"{anchor}\"", self.href, self.link_type);
        if let Some(media_type) = &self.media_type {
            text.push_str(&format!("; type=\"{media_type}\""));
        }
        self.languages.iter().for_each(|language| text.push_str(&format!("; hreflang=\"{language}\"")));
        // What is no ASCII has a form of its own (RFC 8187).
        match self.title.is_ascii() {
            true => text.push_str(&format!("; title=\"{}\"", self.title.replace(['\\', '"'], "'"))),
            false => text.push_str(&format!("; title*=UTF-8''{}", encode(&self.title))),
        }
        text
    }

    /// Tells whether nothing that a client may ask for tells two links apart.
    fn is_like(&self, other: &Self) -> bool {
        self.media_type == other.media_type && self.languages == other.languages
    }
}

/// The links that a client would rather have, by their media types and then by their languages. Of links that it would have alike the
/// first counts, and those that are like it in all: one, or several among which it has to choose.
fn best_of<'a>(request: &HttpRequest, links: &'a [Link]) -> Vec<&'a Link> {
    let languages = LanguageRanges::of(request);
    let rating = |link: &Link| {
        let of_type = link.media_type.as_deref().map_or(0, |media_type| media_type_rating(request, media_type));
        (of_type, languages.rating(&link.languages))
    };
    let highest = links.iter().map(rating).max();
    let mut best = links.iter().filter(|link| Some(rating(link)) == highest);
    let Some(first) = best.next() else { return Vec::new() };
    [first].into_iter().chain(best.filter(|link| link.is_like(first) && link.href != first.href)).collect()
}

/// The `Location` of a redirect to a link, with what else the request's query holds.
pub fn led_to(href: &str, query: &str) -> String {
    if query.is_empty() {
        return href.to_owned();
    }
    let (target, fragment) = href.split_at(href.find('#').unwrap_or(href.len()));
    let mark = if target.contains('?') { "&" } else { "?" };
    format!("{target}{mark}{query}{fragment}")
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn links() -> Links {
        Links::under("https://node.example", &Question::parse("(01)09506000134352(21)A/1").unwrap())
    }

    fn asked(headers: &[(&str, &str)]) -> HttpRequest {
        headers.iter().fold(TestRequest::get(), |request, one| request.insert_header(*one)).to_http_request()
    }

    #[test]
    fn the_linkset_has_a_context_of_each_level() {
        let json = links().to_json();
        let [item, class] = &json["linkset"].as_array().unwrap()[..] else { panic!("{json}") };
        assert_eq!(item["anchor"], "https://node.example/01/09506000134352/21/A%2F1");
        assert_eq!(class["anchor"], "https://node.example/01/09506000134352");
        let page = "https://node.example/verify?id=https%3A%2F%2Fid.gs1.org%2F01%2F09506000134352%2F21%2FA%252F1";
        let default = &item["https://ref.gs1.org/voc/defaultLink"];
        assert_eq!(default, &json!([{"href": page, "title": "Is it genuine? The verdict and the journey"}]));
        assert_eq!(item["https://ref.gs1.org/voc/defaultLinkMulti"][0]["hreflang"], json!(["en", "ko"]));
        assert_eq!(item["https://ref.gs1.org/voc/traceability"][2]["type"], EVIDENCE_JSON);
        assert_eq!(item["https://ref.gs1.org/voc/epcis"][0]["href"], "https://node.example/epcis");
        let of_lot = Links::under("https://n", &Question::parse("(01)09506000134352(10)L(21)A").unwrap());
        let anchors: Vec<&str> = of_lot.levels.iter().map(|level| level.anchor.as_str()).collect();
        let right = ["/01/09506000134352/21/A", "/01/09506000134352/10/L", "/01/09506000134352"];
        assert_eq!(anchors, right.map(|path| format!("https://n{path}")));
        let of_place = Links::under("https://n", &Question::parse("(414)9506000134369(254)B").unwrap());
        assert_eq!(of_place.levels.last().unwrap().anchor, "https://n/414/9506000134369");
    }

    #[test]
    fn the_linkset_is_text_too() {
        let text = links().to_text();
        let anchor = "anchor=\"https://node.example/01/09506000134352/21/A%2F1\"";
        let default = text.lines().next().unwrap();
        assert!(default.ends_with("title=\"Is it genuine? The verdict and the journey\","), "{default}");
        assert!(
            default.contains("rel=\"https://ref.gs1.org/voc/defaultLink\"") && default.contains(anchor),
            "{default}"
        );
        let multi = text.lines().nth(1).unwrap();
        assert!(multi.contains("; type=\"text/html\"; hreflang=\"en\"; hreflang=\"ko\""), "{multi}");
        let link = Link { title: "Prüfung".to_owned(), ..links().levels[0].links[0].clone() };
        assert!(link.to_text("https://n").ends_with("title*=UTF-8''Pr%C3%BCfung"));
    }

    #[test]
    fn a_link_type_has_many_spellings() {
        let links = links();
        let wanted = |link_type: &str| links.wanted(&asked(&[]), link_type);
        for spelling in ["gs1:epcis", "epcis", "https://ref.gs1.org/voc/epcis", "https://gs1.org/voc/epcis"] {
            assert_eq!(wanted(spelling).unwrap(), Wanted::Link("https://node.example/epcis".to_owned()), "{spelling}");
        }
        assert_eq!(wanted("all").unwrap(), Wanted::Linkset);
        assert_eq!(wanted("linkset").unwrap(), Wanted::Linkset);
        for unknown in ["gs1:pip", "", "gs1:", "https://schema.org/epcis"] {
            assert!(wanted(unknown).is_err(), "{unknown}");
        }
    }

    #[test]
    fn of_several_links_the_client_gets_what_it_takes() {
        let links = links();
        let led = |accept: &str| match links.wanted(&asked(&[("Accept", accept)]), "traceability").unwrap() {
            Wanted::Link(href) => href.split('?').next().unwrap().to_owned(),
            other => panic!("{other:?}"),
        };
        for (accept, path) in [
            ("*/*", "/verify"),
            ("text/html", "/verify"),
            ("application/json", "/verify"),
            (EVIDENCE_JSON, "/evidence"),
            ("application/vnd.sealane.evidence+json, */*;q=0.5", "/evidence"),
            ("image/png", "/verify"),
        ] {
            assert_eq!(led(accept), format!("https://node.example{path}"), "{accept}");
        }
    }

    #[test]
    fn links_that_nothing_tells_apart_are_a_choice() {
        let mut links = links();
        let pip = |href: &str, languages: &[&str]| Link {
            link_type: "pip".to_owned(),
            href: href.to_owned(),
            title: href.to_owned(),
            media_type: Some("text/html".to_owned()),
            languages: languages.iter().map(|language| (*language).to_owned()).collect(),
        };
        links.levels[1].links = vec![pip("https://a", &["en"]), pip("https://b", &["de"]), pip("https://c", &["de"])];
        let wanted = |language: &str| links.wanted(&asked(&[("Accept-Language", language)]), "gs1:pip").unwrap();
        assert_eq!(wanted("en-GB,de;q=0.2"), Wanted::Link("https://a".to_owned()));
        let Wanted::Choice(choice) = wanted("de") else { panic!() };
        assert_eq!(choice["linkset"][0]["https://ref.gs1.org/voc/pip"].as_array().unwrap().len(), 2);
        assert_eq!(Links::answer_choice(&choice).status(), StatusCode::MULTIPLE_CHOICES);
    }

    #[test]
    fn a_redirect_takes_the_query_along() {
        assert_eq!(led_to("https://a/b", ""), "https://a/b");
        assert_eq!(led_to("https://a/b", "x=1"), "https://a/b?x=1");
        assert_eq!(led_to("https://a/b?c=d#e", "x=1"), "https://a/b?c=d&x=1#e");
    }
}
