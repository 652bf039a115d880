//! GS1 Digital Link paths: what a scanned label leads to, by the GS1-Conformant resolver standard.
//!
//! A Digital Link of this node's is answered here and not by a redirect to somewhere else: people get a page, programs the
//! verdict, and a client that asks for it the set of all links. `?linkType=` redirects to one of these.

mod description;
mod linkset;

use actix_web::http::Method;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue, LINK, LOCATION, VARY};
use actix_web::{HttpRequest, HttpResponse, web};

use crate::http::Node;
use crate::http::accept::{Form, preferred};
use crate::http::parameters::{query_value, query_values};
use crate::http::problem::Problem;
use crate::http::verify::{self, VerdictSchema};
use sealane_core::gs1::ai::Ai;
use sealane_core::gs1::{IdError, Label, Question};

pub use description::{__path_get_resolver_description, get_resolver_description};
use linkset::{Links, Wanted};

/// First segments that are a GS1 key: its AI, or the word that early Digital Links had for it.
pub const PATH: &str =
    "/{ai:[0-9]{2,4}|gtin|sscc|gln|party|payTo|grai|giai|gdti|gcn|gsrnp|gsrn|cpid|itip|ginc|gsin|gmn}/{value:.+}";

/// Judges the product that a GS1 Digital Link names by its path, such as `/01/09506000134352/21/A1`.
#[utoipa::path(get, path = "/{ai}/{value}", tag = "products",
    params(
        ("ai" = String, Path, description = "Application identifier of a GS1 key: 01, 00, 414, 8003, 8004 and so on"),
        ("value" = String, Path, description = "The key's value, then its qualifiers, as in `09506000134352/21/A1`"),
        ("linkType" = Option<String>, Query,
            description = "`linkset` or `all` for every link; `gs1:defaultLink`, `gs1:traceability` or `gs1:epcis` to be led there"),
    ),
    responses(
        (status = 200, description = "By `Accept`: the verdict, as of /verify; a page for people; or, as \
            `application/linkset+json`, the links (RFC 9264)", content(
            (VerdictSchema = "application/json"), (String = "text/html"), (Object = "application/linkset+json"))),
        (status = 307, description = "To the link that `linkType` names"),
        (status = 308, description = "From a word such as `gtin` to the application identifier"),
        (status = 400, description = "The path names a GS1 key wrongly"),
        (status = 404, description = "No GS1 key has this application identifier, or nothing here is of the `linkType`"),
    ))]
pub async fn get_product(request: HttpRequest, node: web::Data<Node>) -> Result<HttpResponse, Problem> {
    verify::refuse_long(&request)?;
    let asked = asked(&request)?;
    let id = asked.id.clone();
    let mut answer = resolve(&request, &node, &asked).await?;
    let headers = answer.headers_mut();
    headers.append(VARY, HeaderValue::from_static("accept"));
    if let Ok(link) = HeaderValue::from_str(&Links::of(&node, &id).header()) {
        headers.append(LINK, link);
    }
    Ok(answer)
}

/// Reads the path as it was sent, where a slash inside a serial stays percent-encoded, and the attributes of the query.
fn asked(request: &HttpRequest) -> Result<Question, Problem> {
    let asked = match Question::parse(&format!("https://id.gs1.org{}", request.uri().path())) {
        Ok(asked) => asked,
        Err(error @ (IdError::NoKey { .. } | IdError::UnknownAi { .. })) => {
            return Err(Problem::not_found(error.to_string()));
        }
        Err(error) => return Err(error.into()),
    };
    let mut attributes = query_values(request.query_string()).filter(|(name, _)| Ai::find(name).is_some());
    Ok(attributes.try_fold(asked, |asked, (ai, value)| asked.with(&ai, &value))?)
}

async fn resolve(request: &HttpRequest, node: &Node, asked: &Question) -> Result<HttpResponse, Problem> {
    let links = Links::of(node, &asked.id);
    let link_type = query_value(request.query_string(), "linkType");
    let wanted = link_type.map(|link_type| links.wanted(&link_type)).transpose()?;
    let form = preferred(request, &[Form::Json, Form::Html, Form::Linkset]);
    match wanted {
        Some(Wanted::Linkset) => Ok(links.answer()),
        Some(Wanted::Link(href)) => Ok(redirect(HttpResponse::TemporaryRedirect(), &href)),
        None if starts_with_a_word(request) => {
            Ok(redirect(HttpResponse::PermanentRedirect(), &numeric(request, asked)))
        }
        None if form == Form::Linkset => Ok(links.answer()),
        None if request.method() == Method::HEAD && form == Form::Json => {
            // What a head says is the same whatever the verdict is: it need not be worked out.
            Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-cache")).content_type("application/json").finish())
        }
        None if form == Form::Html => verify::answer_page(request, node, asked, None).await,
        None => verify::answer(request, node, asked).await,
    }
}

/// The address of a product by numbers alone, with its label, and whatever else the query holds.
fn numeric(request: &HttpRequest, asked: &Question) -> String {
    let is_label = |pair: &&str| Label::AIS.contains(&pair.split('=').next().unwrap_or_default());
    let others = request.query_string().split('&').filter(|pair| !pair.is_empty() && !is_label(pair));
    let label = asked.label.query();
    let query: Vec<&str> = others.chain([label.as_str()].into_iter().filter(|label| !label.is_empty())).collect();
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{}{mark}{}", asked.id.path().unwrap_or_default(), query.join("&"))
}

fn redirect(mut answer: actix_web::HttpResponseBuilder, target: &str) -> HttpResponse {
    answer.insert_header((LOCATION, target)).insert_header((CACHE_CONTROL, "no-cache")).finish()
}

fn starts_with_a_word(request: &HttpRequest) -> bool {
    request.uri().path().trim_start_matches('/').starts_with(|c: char| c.is_ascii_alphabetic())
}
