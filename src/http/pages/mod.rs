//! What all pages for people share: their language, their frame, their headers.
//!
//! Pages are written with `maud`, which escapes whatever is put into them. They are whole without a script; scripts
//! and style come from `/assets/`, and nothing comes from anywhere else.

pub mod about;
pub mod anchor;
mod contact;
mod ids;
mod language;
pub mod members;
pub mod names;
mod now;
pub mod participant;
mod problem;
pub mod product;
pub mod proposals;
mod reasons;
pub mod record;
mod route;
pub mod timeline;

use std::sync::LazyLock;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, VARY};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::http::Node;
use crate::http::assets::{FIRST_SCRIPT, Script, style_file};
use crate::http::parameters::encode;
use sealane_core::provenance::minute;
use sealane_core::time::Timestamp;

use sealane_core::hash::Hash;

pub use ids::people_text;
pub use language::Language;
pub use problem::{problem_page, technical};

/// Scripts, style and requests of this site alone, and the one script that stands in every page, by its hash; `data:` for pictures that a
/// script draws; the camera's picture is neither.
static POLICY: LazyLock<String> = LazyLock::new(|| policy_with(""));

/// The policy of pages whose scripts may do one thing more.
pub fn policy_with(more: &str) -> String {
    let first = Hash::of(FIRST_SCRIPT.as_bytes()).to_base64();
    format!(
        "default-src 'none'; script-src 'self' 'sha256-{first}'{more}; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
         manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
}

/// Who looks at a page: in which language, and whether that was chosen on the site.
pub struct Visitor {
    pub language: Language,
    chosen: bool,
    /// The node's check of its own ledger found a fault, which every page says: the node, and when it was found.
    unsound: Option<(String, Option<Timestamp>)>,
    /// What labels and links from outside point to.
    public_url: Option<String>,
    /// The path and query that were asked for, without `lang`.
    here: String,
}

impl Visitor {
    pub fn of(request: &HttpRequest) -> Self {
        let pairs = || request.query_string().split('&').filter(|pair| !pair.is_empty());
        let chosen = pairs().find_map(|pair| Language::find(pair.strip_prefix("lang=")?));
        let others: Vec<&str> = pairs().filter(|pair| !pair.starts_with("lang=")).collect();
        let mark = if others.is_empty() { "" } else { "?" };
        let here = format!("{}{mark}{}", request.uri().path(), others.join("&"));
        let language = chosen.unwrap_or_else(|| Language::accepted(request));
        let node = request.app_data::<web::Data<Node>>();
        let unsound = node.filter(|node| node.ledger.is_unsound());
        let unsound = unsound.map(|node| (node.public_url.clone(), node.checked_at()));
        let public_url = node.map(|node| node.public_url.clone());
        Self { language, chosen: chosen.is_some(), unsound, public_url, here }
    }

    /// A message of the table, in this visitor's language.
    pub fn say(&self, key: &str) -> &'static str {
        self.language.message(key)
    }

    /// A message with `{name}`s filled in.
    pub fn fill(&self, key: &str, values: &[(&str, &str)]) -> String {
        values.iter().fold(self.say(key).to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
    }

    /// A path of this site that keeps the language, where one was chosen.
    pub fn link(&self, path: &str) -> String {
        if self.chosen { with_language(path, self.language) } else { path.to_owned() }
    }

    /// Where a page of this site is, for those who come from outside.
    pub fn outside_link(&self, path: &str) -> Option<String> {
        self.public_url.as_ref().map(|url| format!("{url}{path}"))
    }

    /// The page that is shown, in the other language.
    pub fn other_language(&self) -> (Language, String) {
        let other = self.language.other();
        (other, with_language(&self.here, other))
    }
}

/// A number as both languages write it, with a comma before each three digits.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn with_language(path: &str, language: Language) -> String {
    let mark = if path.contains('?') { '&' } else { '?' };
    format!("{path}{mark}lang={}", language.tag())
}

/// A page without its frame.
pub struct HtmlPage {
    title: String,
    origin: Option<String>,
    main: Markup,
    script: Option<Script>,
    /// What its script checks, which is asked for while the script comes: paths.
    asks: Vec<String>,
    /// Its path, if it is not the one that was asked for.
    path: Option<String>,
    /// What a search engine or a messenger says of it.
    description: Option<String>,
}

impl HtmlPage {
    /// A page about a ledger, if it knows one.
    pub fn new(title: impl Into<String>, origin: Option<&str>, main: Markup) -> Self {
        let (title, origin) = (title.into(), origin.map(str::to_owned));
        Self { title, origin, main, script: None, asks: Vec::new(), path: None, description: None }
    }

    pub fn with_script(self, script: Script) -> Self {
        Self { script: Some(script), ..self }
    }

    pub fn asking(self, paths: impl IntoIterator<Item = String>) -> Self {
        Self { asks: paths.into_iter().collect(), ..self }
    }

    pub fn at(self, path: String, description: String) -> Self {
        Self { path: Some(path), description: Some(description), ..self }
    }
}

/// Answers with a page.
pub fn answer(status: StatusCode, visitor: &Visitor, page: HtmlPage) -> HttpResponse {
    HttpResponseBuilder::new(status)
        .insert_header((CACHE_CONTROL, "no-cache"))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY.as_str()))
        .insert_header((CONTENT_LANGUAGE, visitor.language.tag()))
        .insert_header((VARY, "accept, accept-language"))
        .content_type("text/html; charset=utf-8")
        .body(frame(status, visitor, page).into_string())
}

fn frame(status: StatusCode, visitor: &Visitor, page: HtmlPage) -> Markup {
    let path = page.path.as_deref().unwrap_or(&visitor.here);
    let head = html! {
        meta name="description" content=(page.description.as_deref().unwrap_or(visitor.say("page.description")));
        @if let Some(address) = visitor.outside_link(path).filter(|_| status.is_success()) { link rel="canonical" href=(address); }
        link rel="manifest" href="/assets/sealane.webmanifest";
        @if let Some(script) = page.script {
            script type="module" src={ "/assets/" (script.file(visitor.language)) } {}
        }
    };
    let first = html! {
        @if page.script.is_some() {
            script data-asks=[(!page.asks.is_empty()).then(|| page.asks.join(" "))] { (PreEscaped(FIRST_SCRIPT.as_str())) }
        }
    };
    let nav = html! {
        a href=(visitor.link("/")) { (visitor.say("nav.home")) }
        a href=(visitor.link("/scan")) { (visitor.say("nav.scan")) }
    };
    let notice = html! {
        @if let Some((node, at)) = &visitor.unsound {
            @let time = at.map_or_else(|| "–".to_owned(), minute);
            p.unsound role="alert" {
                strong { (visitor.fill("unsound.title", &[("node", node), ("time", &time)])) } " " (visitor.say("unsound.text"))
            }
        }
        @if page.script.is_some() {
            p.unsound.unloaded-note role="alert" {
                strong { (visitor.say("unloaded.title")) } " " (visitor.say("unloaded.text")) " "
                a href=(visitor.here) { (visitor.say("unloaded.again")) }
            }
        }
    };
    let foot = html! {
        p { (visitor.say("footer.about")) }
        p {
            @if let Some(origin) = &page.origin {
                span.mono { (visitor.fill("footer.ledger", &[("origin", origin)])) } " "
            }
            a href=(visitor.link("/docs")) { (visitor.say("footer.api")) } " "
            a href=(visitor.link("/trust")) { (visitor.say("footer.trust")) }
        }
    };
    document(visitor, &page.title, Parts { first, head, nav, notice, main: page.main, foot })
}

/// What differs from page to page within the frame of all.
pub struct Parts {
    /// A script that runs before the style is there: a browser holds back those that stand behind it.
    pub first: Markup,
    /// Scripts and styles beside the style of all.
    pub head: Markup,
    /// Links beside that to the other language.
    pub nav: Markup,
    /// Above what the page says.
    pub notice: Markup,
    pub main: Markup,
    pub foot: Markup,
}

/// A whole page: its head, the line at its top, what it says, and its foot.
pub fn document(visitor: &Visitor, title: &str, parts: Parts) -> Markup {
    let (other, other_link) = visitor.other_language();
    html! {
        (DOCTYPE)
        html lang=(visitor.language.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { (title) " · Sealane" }
                link rel="icon" type="image/svg+xml" href="/assets/icon.svg";
                (parts.first)
                link rel="stylesheet" href={ "/assets/" (style_file()) };
                (parts.head)
            }
            body {
                a.skip href="#main" { (visitor.say("skip")) }
                header.top {
                    a.brand href=(visitor.link("/")) { (mark()) "Sealane" }
                    nav aria-label=(visitor.say("nav.label")) {
                        (parts.nav)
                        a href=(other_link) lang=(other.tag()) hreflang=(other.tag()) { (other.name()) }
                    }
                }
                (parts.notice)
                main id="main" tabindex="-1" { (parts.main) }
                footer.foot { (parts.foot) }
            }
        }
    }
}

/// The mark beside the name: two lanes and a seal between them.
fn mark() -> Markup {
    html! {
        svg.mark viewBox="0 0 32 32" width="26" height="26" aria-hidden="true" focusable="false" {
            path d="M4 25 C10 25 10 7 16 7 S22 25 28 25" fill="none" stroke="currentColor" stroke-width="3" stroke-linecap="round" {}
            circle cx="16" cy="19" r="4.5" fill="currentColor" {}
        }
    }
}

/// The box to type an id into.
pub fn id_form(visitor: &Visitor, value: &str) -> Markup {
    html! {
        form.lookup action="/verify" method="get" role="search" {
            label for="id" { (visitor.say("id.label")) }
            div.field {
                input id="id" name="id" value=(value) required maxlength="1024" autocomplete="off" autocapitalize="off"
                    spellcheck="false" aria-describedby="id-hint";
                button type="submit" { (visitor.say("id.send")) }
            }
            p.hint id="id-hint" { (visitor.say("id.hint")) }
            @if visitor.chosen { input type="hidden" name="lang" value=(visitor.language.tag()); }
        }
    }
}

/// The path of the page about an id and its label.
pub fn page_of(asked: &sealane_core::gs1::Question) -> String {
    let Some(path) = asked.id.path() else { return format!("/verify?id={}", encode(asked.id.as_str())) };
    if asked.label.is_empty() { path.to_owned() } else { format!("{path}?{}", asked.label.query()) }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn the_language_is_chosen_or_accepted_and_links_keep_a_choice() {
        let request = TestRequest::get().uri("/verify?id=a&lang=ko").to_http_request();
        let visitor = Visitor::of(&request);
        assert_eq!(visitor.language, Language::Korean);
        assert_eq!(visitor.link("/scan"), "/scan?lang=ko");
        assert_eq!(visitor.other_language(), (Language::English, "/verify?id=a&lang=en".to_owned()));
        let accepts = |value| TestRequest::get().uri("/").insert_header(("Accept-Language", value)).to_http_request();
        for (value, language) in [
            ("ko-KR,ko;q=0.9,en;q=0.8", Language::Korean),
            ("en-US,en;q=0.9,ko;q=0.8", Language::English),
            ("de, ko;q=0.5", Language::Korean),
            ("fr", Language::English),
            ("*", Language::English),
        ] {
            let visitor = Visitor::of(&accepts(value));
            assert_eq!((visitor.language, visitor.link("/scan").as_str()), (language, "/scan"), "{value}");
        }
    }

    #[test]
    fn numbers_are_written_in_threes() {
        assert_eq!([0, 999, 1_000, 12_345, 1_234_567].map(grouped), ["0", "999", "1,000", "12,345", "1,234,567"]);
    }

    #[test]
    fn markup_in_what_is_shown_stays_text() {
        let visitor = Visitor::of(&TestRequest::get().uri("/").to_http_request());
        let form = id_form(&visitor, "\"><script>alert(1)</script>").into_string();
        assert!(!form.contains("<script>") && form.contains("&lt;script&gt;"), "{form}");
    }
}
