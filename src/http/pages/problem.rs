//! A problem as a page, for people who open a link.

use actix_web::web::Query;
use actix_web::{HttpRequest, HttpResponse};
use maud::{Markup, html};

use crate::http::assets::Script;
use crate::http::pages::{HtmlPage, Visitor, answer, id_form};
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

/// The message that says what to do about a problem.
const fn way_on(code: Code) -> &'static str {
    match code.status() {
        401 | 403 => "problem.way.refused",
        404 | 410 => "problem.way.missing",
        409 => "problem.way.conflict",
        429 => "problem.way.busy",
        500.. => "problem.way.node",
        _ => "problem.way.request",
    }
}

/// What went wrong in the words of the interface, which are English, below the page's own.
pub fn technical(visitor: &Visitor, detail: &str) -> Markup {
    html! {
        p.hint { (visitor.say("problem.detail")) }
        p.detail lang="en" { (detail) }
    }
}

/// Shows a problem to a person, with a way on.
pub fn problem_page(request: &HttpRequest, problem: &Problem, request_id: &str) -> HttpResponse {
    let visitor = Visitor::of(request);
    let code = problem.code();
    let title = visitor.say(&format!("problem.code.{}", code.as_str()));
    let main = html! {
        section.narrow aria-labelledby="problem" {
            p.eyebrow { (problem.status().as_u16()) }
            h1 id="problem" { (title) }
            @if request.match_pattern().is_none() {
                p.lead { (visitor.say("problem.nowhere")) }
            } @else if let Some(sentence) = about_typed(&visitor, problem) {
                p.lead { (sentence) }
            } @else {
                p.lead { (visitor.say(way_on(code))) }
                (technical(&visitor, problem.detail()))
            }
            (id_form(&visitor, &typed(request)))
            p { a.button.second href=(visitor.link("/scan")) { (visitor.say("scan.title")) } }
            p.meta { (visitor.fill("problem.id", &[("id", request_id)])) " · " code { (code.as_str()) } }
        }
    };
    let mut shown = answer(problem.status(), &visitor, HtmlPage::new(title, None, main).with_script(Script::Lookup));
    problem.add_headers(shown.headers_mut());
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::pages::Language;

    #[test]
    fn every_problem_has_its_title_in_every_language() {
        for (code, language) in Code::ALL.iter().flat_map(|code| Language::ALL.iter().map(move |one| (code, one))) {
            let key = format!("problem.code.{}", code.as_str());
            assert!(language.find_message(&key).is_some(), "{key} in {}", language.tag());
            assert!(language.find_message(way_on(*code)).is_some(), "{key}");
        }
    }
}
