//! `GET /verify`: the node's own verdict about a product, and where its evidence is.

use actix_web::http::header::{CACHE_CONTROL, ContentType, HeaderValue, VARY};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::evidence::verdict;
use crate::app::recorded::recorded;
use crate::http::Node;
use crate::http::accept::is_for_people;
use crate::http::pages::product::Beside;
use crate::http::pages::{self, Visitor};
use crate::http::parameters::{Parameters, encode};
use crate::http::problem::{Code, Problem};
use sealane_core::gs1::{Id, Question, Reading};
use sealane_core::provenance::{Verdict, Word};

/// Bytes of path and query: a label's code with every attribute that it may have stays well below.
const URI_BYTES_MAX: usize = 8 * 1024;

/// Bytes that hold most verdicts apart from their timelines, and most steps of one, so that an answer is seldom moved while
/// it is written.
const VERDICT_BYTES: usize = 2 * 1024;
const STEP_BYTES: usize = 640;

/// A verdict with what it can be checked by.
#[derive(Serialize)]
struct VerdictBody {
    #[serde(flatten)]
    verdict: Verdict,
    /// Where the evidence is.
    evidence: String,
    checkpoint: String,
}

/// What the OpenAPI document says of a verdict; `docs/VERDICT.md` says the rest.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Verdict)]
pub struct VerdictSchema {
    /// The canonical id.
    id: String,
    /// What the code says beside the id, by application identifier; left out where it says nothing.
    #[schema(value_type = Object)]
    label: Option<serde_json::Value>,
    /// `unknown`, `recalled`, `suspect`, `ended`, `disputed`, `incomplete`, `traced` or `authentic`.
    verdict: String,
    /// `red`, `amber`, `grey` or `green`. More words may come; these four stay.
    light: String,
    /// One plain sentence.
    summary: String,
    /// Each with `rule`, `severity`, `leaves` and `text`; the weightiest first.
    reasons: Vec<serde_json::Value>,
    /// Custodian, location, disposition and so on, as last recorded.
    #[schema(value_type = Object)]
    state: serde_json::Value,
    /// Every event that names the id.
    timeline: Vec<serde_json::Value>,
    /// The time of the last block that was looked at.
    as_of: String,
    tree_size: u64,
    /// URL of the evidence.
    evidence: String,
    /// C2SP tlog-checkpoint text.
    checkpoint: String,
}

/// Judges a product by what is on this node's ledger. The answer is the node's word; its evidence is the proof. A browser
/// gets a page, which checks that evidence.
#[utoipa::path(get, path = "/verify", tag = "products",
    params(
        ("id" = String, Query, min_length = 1, max_length = 1024,
            description = "Digital Link URI, EPC URN, `(01)…(21)…` or another absolute URI; lot and dates beside it are its label"),
        ("10" = Option<String>, Query, description = "Lot on the label. So also `11`, `15`, `16`, `17`, `22`, `235`, `7003`"),
        ("lang" = Option<String>, Query, description = "Language of the page: `en` or `ko`"),
    ),
    responses(
        (status = 200, description = "The verdict; `unknown` for what nobody has recorded", content(
            (VerdictSchema = "application/json"), (String = "text/html"))),
        (status = 400, description = "The id, or an attribute of the label, is malformed"),
    ))]
pub async fn get_verdict(request: HttpRequest, node: web::Data<Node>) -> Result<HttpResponse, Problem> {
    refuse_long(&request)?;
    let parameters = Parameters::among_others(&request, &Parameters::with_label(&["id", "lang"]))?;
    let asked = parameters.question()?;
    if is_for_people(&request) {
        let text = parameters.required("id")?;
        let elsewhere = elsewhere(&request, &node, &asked.id, text);
        let or_lot = Reading::of(text).ok().and_then(|reading| reading.or_lot);
        let beside = Beside { elsewhere: elsewhere.as_deref(), or_lot, ..Beside::default() };
        return answer_page(&request, &node, &asked, beside).await;
    }
    answer(&request, &node, &asked).await
}

/// Refuses what is longer than any label's code.
pub fn refuse_long(request: &HttpRequest) -> Result<(), Problem> {
    let length = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if length <= URI_BYTES_MAX {
        return Ok(());
    }
    let detail = format!("path and query have {length} bytes; at most {URI_BYTES_MAX} are taken where an id stands");
    Err(Problem::new(Code::UriTooLong, detail).with("limit", URI_BYTES_MAX))
}

/// The host that a scanned Digital Link leads to, where that is neither this node nor GS1's own resolver.
fn elsewhere(request: &HttpRequest, node: &Node, id: &Id, text: &str) -> Option<String> {
    let host = host_of(text.trim()).or_else(|| host_without_scheme(text.trim())).filter(|_| id.is_gs1())?;
    let own = host_of(&node.public_url);
    let asked = request.connection_info().host().to_ascii_lowercase();
    let known = host == "id.gs1.org" || Some(&host) == own.as_ref() || host == asked;
    (!known).then_some(host)
}

/// The host and port of a link that was typed without its scheme, in lower case.
fn host_without_scheme(text: &str) -> Option<String> {
    let (authority, _) = text.trim_start_matches('/').split_once('/')?;
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-:".contains(&byte);
    (authority.contains('.') && authority.bytes().all(is_host)).then(|| authority.to_ascii_lowercase())
}

/// The host and port of an http URI, in lower case.
pub fn host_of(uri: &str) -> Option<String> {
    let (scheme, rest) = uri.split_once("://")?;
    if !(scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")) {
        return None;
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    Some(authority.rsplit('@').next().unwrap_or(authority).to_ascii_lowercase())
}

/// Shows the verdict about what was asked to a person.
pub async fn answer_page(
    request: &HttpRequest,
    node: &Node,
    asked: &Question,
    beside: Beside<'_>,
) -> Result<HttpResponse, Problem> {
    let ledger = node.ledger_for(request);
    let (verdict, block) = verdict(&ledger, asked, &node.policy).await?;
    let about = pages::about::gather(&ledger, &asked.id, &node.policy).await?;
    let other_cases = match verdict.word {
        Word::Unknown => recorded(&ledger, asked.id.other_cases()),
        _ => Vec::new(),
    };
    let registry = &ledger.view().registry;
    let visitor = Visitor::of(request);
    let names = pages::names::gather(&ledger, &verdict, visitor.language.tag()).await?;
    let beside = Beside { about, other_cases, names, ..beside };
    Ok(pages::product::show(&visitor, &verdict, &block, registry, &beside))
}

/// Writes the verdict about what was asked.
pub async fn answer(request: &HttpRequest, node: &Node, asked: &Question) -> Result<HttpResponse, Problem> {
    let (verdict, block) = verdict(&node.ledger_for(request), asked, &node.policy).await?;
    let evidence = format!("{}/evidence?id={}", node.public_url, encode(&asked.to_uri()));
    let mut json = Vec::with_capacity(VERDICT_BYTES + STEP_BYTES * verdict.timeline.len());
    let body = VerdictBody { verdict, evidence, checkpoint: block.checkpoint.to_text() };
    serde_json::to_writer(&mut json, &body).map_err(|error| Problem::internal(&error))?;
    let mut answer = HttpResponse::Ok();
    answer.insert_header((CACHE_CONTROL, HeaderValue::from_static("no-cache")));
    answer.insert_header((VARY, HeaderValue::from_static("accept")));
    Ok(answer.content_type(ContentType::json()).body(json))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_found_behind_what_hides_it() {
        assert_eq!(host_of("HTTPS://Shop.example:8443/01/1").as_deref(), Some("shop.example:8443"));
        assert_eq!(host_of("https://good.example@bad.example/01/1").as_deref(), Some("bad.example"));
        assert_eq!(host_of("https://good.example?@x").as_deref(), Some("good.example"));
        assert_eq!(host_of("urn:epc:id:sgtin:1.2.3"), None);
        assert_eq!(host_without_scheme("Shop.example:8443/01/1").as_deref(), Some("shop.example:8443"));
        for none in ["/01/09506000134352/21/A1", "01/0/21/A.1", "(01)09506000134352(21)A.1/2", "9506000134352/A.1"] {
            assert_eq!(host_without_scheme(none), None, "{none}");
        }
    }
}
