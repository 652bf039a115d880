//! A problem as a page, for people who open a link.

use actix_web::web::Query;
use actix_web::{HttpRequest, HttpResponse};
use maud::html;

use crate::http::assets::Script;
use crate::http::pages::{HtmlPage, Language, Visitor, answer, id_form};
use crate::http::problem::{Code, Problem};

/// Characters of what was typed that are put into the box again.
const TYPED_CHARS_MAX: usize = 200;

/// What was typed into the box, to be mended there.
fn typed(request: &HttpRequest) -> String {
    let pairs = Query::<Vec<(String, String)>>::from_query(request.query_string()).map(Query::into_inner);
    let id = pairs.unwrap_or_default().into_iter().find(|(name, _)| name == "id").map(|(_, value)| value);
    id.filter(|id| id.chars().count() <= TYPED_CHARS_MAX).unwrap_or_default()
}

/// What is wrong with an id that was typed, in the visitor's language.
fn about_typed(visitor: &Visitor, problem: &Problem) -> Option<String> {
    let rule = problem.member("rule")?.as_str()?;
    let values = problem.member("values")?.as_object()?;
    let values: Vec<(&str, &str)> =
        values.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_str()?))).collect();
    visitor.language.find_message(&format!("refused.{rule}")).map(|_| visitor.fill(&format!("refused.{rule}"), &values))
}

/// Shows a problem to a person, with a way on.
pub fn problem_page(request: &HttpRequest, problem: &Problem, request_id: &str) -> HttpResponse {
    let visitor = Visitor::of(request);
    let title = visitor.say(match problem.code() {
        Code::BadId => "problem.bad-id",
        Code::NotFound => "problem.not-found",
        Code::UriTooLong => "problem.uri-too-long",
        Code::Busy | Code::DecoderBusy => "problem.busy",
        _ => "problem.title",
    });
    let main = html! {
        section.narrow aria-labelledby="problem" {
            p.eyebrow { (problem.status().as_u16()) }
            h1 id="problem" { (title) }
            @if request.match_pattern().is_none() {
                p.lead { (visitor.say("problem.nowhere")) }
            } @else if let Some(sentence) = about_typed(&visitor, problem) {
                p.lead { (sentence) }
            } @else if visitor.language == Language::English {
                p.lead.detail { (problem.detail()) }
            } @else {
                p.lead { (visitor.say("problem.in-english")) }
                p.detail lang="en" { (problem.detail()) }
            }
            (id_form(&visitor, &typed(request)))
            p { a.button.second href=(visitor.link("/scan")) { (visitor.say("scan.title")) } }
            p.meta { (visitor.fill("problem.id", &[("id", request_id)])) " · " code { (problem.code().as_str()) } }
        }
    };
    let mut shown = answer(problem.status(), &visitor, HtmlPage::new(title, None, main).with_script(Script::Lookup));
    problem.add_headers(shown.headers_mut());
    shown
}
