//! GS1 Digital Link paths: what a scanned label leads to, by the GS1-Conformant resolver standard.
//!
//! A Digital Link leads to the id's default link, the page and verdict at `/verify?id=`, whatever the client accepts; `?linkType=` leads
//! to another one. A client that asks for it gets the set of all links here.

mod description;
mod linkset;

use actix_web::http::Method;
use actix_web::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, LINK, LOCATION, VARY};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};

use crate::app::master_data::master_data;
use crate::http::Node;
use crate::http::accept::{Form, preferred};
use crate::http::parameters::{decoded, query_value, query_values};
use crate::http::problem::Problem;
use crate::http::verify;
use sealane_core::gs1::ai::Ai;
use sealane_core::gs1::{IdError, Label, Question, compressed};

pub use description::{__path_get_resolver_description, get_resolver_description};
pub use linkset::EVIDENCE_JSON;
use linkset::{Links, LinksetForm, Wanted, led_to};

/// First segments that are a GS1 key: its AI, or the word that early Digital Links had for it.
pub const PATH: &str =
    "/{ai:[0-9]{2,4}|gtin|sscc|gln|party|payTo|grai|giai|gdti|gcn|gsrnp|gsrn|cpid|itip|ginc|gsin|gmn}/{value:.+}";

/// What is taken of a Digital Link.
const METHODS: &str = "GET, HEAD, OPTIONS";

/// What a redirect does not take along: it was followed, or is what the target asks about.
const NOT_PASSED_ON: [&str; 2] = ["linkType", "id"];

/// Leads to the page and verdict of what a GS1 Digital Link names by its path, such as `/01/09506000134352/21/A1`.
#[utoipa::path(get, path = "/{ai}/{value}", tag = "products",
    params(
        ("ai" = String, Path, description = "Application identifier of a GS1 key: 01, 00, 414, 8003, 8004 and so on"),
        ("value" = String, Path, description = "The key's value, then its qualifiers, as in `09506000134352/21/A1`"),
        ("linkType" = Option<String>, Query,
            description = "`linkset` for every link; `gs1:traceability`, `gs1:epcis` and so on, with or without `gs1:`, to be led there"),
    ),
    responses(
        (status = 200, description = "With `linkType=linkset`, or `Accept: application/linkset+json` or `application/linkset`: the \
            links (RFC 9264)", content((Object = "application/linkset+json"), (String = "application/linkset"))),
        (status = 300, description = "Several links of the `linkType` that nothing tells apart: a linkset of these",
            content((Object = "application/linkset+json"))),
        (status = 307, description = "To the default link, or to the one that `linkType` names, with the other parameters"),
        (status = 308, description = "From a word such as `gtin` to the application identifier"),
        (status = 400, description = "The path names a GS1 key wrongly"),
        (status = 404, description = "No GS1 key has this application identifier, or nothing here is of the `linkType`"),
    ))]
pub async fn get_product(request: HttpRequest, node: web::Data<Node>) -> Result<HttpResponse, Problem> {
    verify::refuse_long(&request)?;
    let asked = asked(&request)?;
    if starts_with_a_word(&request) && query_value(request.query_string(), "linkType").is_none() {
        let numeric = redirect(HttpResponse::PermanentRedirect(), &numeric(&request, &asked));
        return Ok(with_links(numeric, &Links::under(&node.public_url, &asked)));
    }
    answer(&request, &node, &asked).await
}

/// Answers a path that is a compressed Digital Link as that one; `None` for any other path.
pub async fn get_compressed(request: &HttpRequest, node: &Node) -> Option<Result<HttpResponse, Problem>> {
    let path = request.uri().path();
    let segment = path.strip_prefix('/').map(|rest| rest.strip_suffix('/').unwrap_or(rest))?;
    if !compressed::is_likely(segment) {
        return None;
    }
    let read = verify::refuse_long(request).and_then(|()| Ok(with_attributes(request, compressed::read(segment)?)?));
    let asked = match read {
        Ok(asked) => asked,
        Err(problem) => return Some(Err(problem)),
    };
    Some(match *request.method() {
        Method::GET | Method::HEAD => answer(request, node, &asked).await,
        Method::OPTIONS => Ok(with_links(allowed().finish(), &Links::under(&node.public_url, &asked))),
        _ => Err(Problem::method_not_allowed(request.method(), METHODS)),
    })
}

async fn answer(request: &HttpRequest, node: &Node, asked: &Question) -> Result<HttpResponse, Problem> {
    let mut links = Links::under(&node.public_url, asked);
    // Where nobody asks for a link, the default one is enough, which is the node's own.
    if query_value(request.query_string(), "linkType").is_some() || linkset_form(request).is_some() {
        let said = master_data(&node.ledger_for(request), links.ids()).await?;
        links = links.with_holders(&node.public_url, &said);
    }
    Ok(with_links(resolve(request, node, &links, asked)?, &links))
}

/// Adds what all answers about an id have.
fn with_links(mut answer: HttpResponse, links: &Links) -> HttpResponse {
    let headers = answer.headers_mut();
    headers.append(VARY, HeaderValue::from_static("accept, accept-language"));
    let media_type = headers.get(CONTENT_TYPE).and_then(|found| found.to_str().ok()).map(str::to_owned);
    if let Ok(link) = HeaderValue::from_str(&links.header(media_type.as_deref())) {
        headers.insert(LINK, link);
    }
    answer
}

fn allowed() -> HttpResponseBuilder {
    let mut answer = HttpResponse::NoContent();
    answer.insert_header((ALLOW, METHODS));
    answer
}

/// Says which methods a Digital Link takes, and where its linkset is.
#[utoipa::path(options, path = "/{ai}/{value}", tag = "products",
    params(
        ("ai" = String, Path, description = "Application identifier of a GS1 key"),
        ("value" = String, Path, description = "The key's value, then its qualifiers"),
    ),
    responses((status = 204, description = "Methods, and what pages of other sites may do, are in the headers")))]
pub async fn options_product(request: HttpRequest, node: web::Data<Node>) -> HttpResponse {
    match asked(&request) {
        Ok(asked) => with_links(allowed().finish(), &Links::under(&node.public_url, &asked)),
        Err(_) => allowed().finish(),
    }
}

/// Reads the path as it was sent, where a slash inside a serial stays percent-encoded, and the attributes of the query.
fn asked(request: &HttpRequest) -> Result<Question, Problem> {
    // A slash at the end is taken by `Question`.
    let asked = match Question::parse(&format!("https://id.gs1.org{}", request.uri().path())) {
        Ok(asked) => asked,
        Err(error @ (IdError::NoKey { .. } | IdError::UnknownAi { .. })) => {
            return Err(Problem::not_found(error.to_string()));
        }
        Err(error) => return Err(error.into()),
    };
    Ok(with_attributes(request, asked)?)
}

fn with_attributes(request: &HttpRequest, asked: Question) -> Result<Question, IdError> {
    let mut attributes = query_values(request.query_string()).filter(|(name, _)| Ai::find(name).is_some());
    attributes.try_fold(asked, |asked, (ai, value)| asked.with(&ai, &value))
}

/// The form of a linkset that a client asks for by what it accepts, if it does.
fn linkset_form(request: &HttpRequest) -> Option<LinksetForm> {
    match preferred(request, &[Form::Json, Form::Html, Form::Linkset, Form::LinksetText]) {
        Form::Linkset => Some(LinksetForm::Json),
        Form::LinksetText => Some(LinksetForm::Text),
        Form::Json | Form::Html => None,
    }
}

fn resolve(request: &HttpRequest, node: &Node, links: &Links, asked: &Question) -> Result<HttpResponse, Problem> {
    let link_type = query_value(request.query_string(), "linkType");
    let wanted = link_type.map(|link_type| links.wanted(request, &link_type)).transpose()?;
    let form = linkset_form(request);
    let led = |href: &str| {
        let target = at_same_host(request, &node.public_url, href);
        redirect(HttpResponse::TemporaryRedirect(), &led_to(target, &passed_on(request, asked)))
    };
    Ok(match (wanted, form) {
        (Some(Wanted::Linkset), form) => links.answer(form.unwrap_or(LinksetForm::Json)),
        (Some(Wanted::Link(href)), _) => led(&href),
        (Some(Wanted::Choice(choice)), _) => Links::answer_choice(&choice),
        (None, Some(form)) => links.answer(form),
        (None, None) => led(links.default_link()),
    })
}

/// The address of a link as this client is led to it. One of this node stays at the host that the client asked, where that is another
/// than the public one, or is not known: a browser may have come by a proxy that tells the node a host of its own.
fn at_same_host<'a>(request: &HttpRequest, public_url: &str, href: &'a str) -> &'a str {
    let asked = request.connection_info().host().to_ascii_lowercase();
    let is_public = verify::host_of(public_url) == Some(asked);
    let navigates = request.headers().get("Sec-Fetch-Mode").is_some_and(|mode| mode == "navigate");
    let own = href.strip_prefix(public_url).filter(|rest| rest.starts_with('/'));
    own.filter(|_| navigates || !is_public).unwrap_or(href)
}

/// What a redirect takes along: the label, wherever in the link it stands, and the other parameters as they were sent.
fn passed_on(request: &HttpRequest, asked: &Question) -> String {
    query_with_label(request, asked, |name| !NOT_PASSED_ON.contains(&name))
}

/// The address of a product by numbers alone, with its label, and whatever else the query holds.
fn numeric(request: &HttpRequest, asked: &Question) -> String {
    led_to(asked.id.path().unwrap_or_default(), &query_with_label(request, asked, |_| true))
}

fn query_with_label(request: &HttpRequest, asked: &Question, is_taken: impl Fn(&str) -> bool) -> String {
    let name_of = |pair: &str| decoded(pair.split('=').next().unwrap_or_default());
    let pairs = request.query_string().split('&').filter(|pair| !pair.is_empty());
    // Of a lot the number stands in the id, wherever it stood in the link.
    let is_label = |name: &str| Label::AIS.contains(&name) && (asked.label.get(name).is_some() || is_own(asked, name));
    let others = pairs.filter(|pair| !is_label(&name_of(pair)) && is_taken(&name_of(pair)));
    let label = asked.label.query();
    others.chain([label.as_str()].into_iter().filter(|label| !label.is_empty())).collect::<Vec<_>>().join("&")
}

/// Tells whether an attribute is part of the id.
fn is_own(asked: &Question, ai: &str) -> bool {
    asked.id.path().unwrap_or_default().split('/').skip(1).step_by(2).any(|own| own == ai)
}

fn redirect(mut answer: HttpResponseBuilder, target: &str) -> HttpResponse {
    answer.insert_header((LOCATION, target)).insert_header((CACHE_CONTROL, "no-cache")).finish()
}

fn starts_with_a_word(request: &HttpRequest) -> bool {
    request.uri().path().trim_start_matches('/').starts_with(|c: char| c.is_ascii_alphabetic())
}
