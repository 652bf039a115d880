//! A problem as a page, for people who open a link.

use actix_web::{HttpRequest, HttpResponse};
use maud::html;

use crate::http::pages::{Page, Visitor, answer, id_form};
use crate::http::problem::{Code, Problem};

/// Shows a problem to a person, with a way on.
pub fn problem_page(request: &HttpRequest, problem: &Problem, request_id: &str) -> HttpResponse {
    let visitor = Visitor::of(request);
    let title = visitor.say(match problem.code() {
        Code::BadId => "problem.bad-id",
        Code::NotFound => "problem.not-found",
        Code::UriTooLong => "problem.uri-too-long",
        Code::Busy => "problem.busy",
        _ => "problem.title",
    });
    let main = html! {
        section.narrow aria-labelledby="problem" {
            p.eyebrow { (problem.status().as_u16()) }
            h1 id="problem" { (title) }
            p.lead lang="en" { (problem.detail()) }
            (id_form(&visitor, ""))
            p { a.button.second href=(visitor.link("/scan")) { (visitor.say("scan.title")) } }
            p.meta { (visitor.fill("problem.id", &[("id", request_id)])) " · " code { (problem.code().as_str()) } }
        }
    };
    let page = Page { title: title.to_owned(), script: None, origin: None, main };
    let mut shown = answer(problem.status(), &visitor, page);
    problem.add_headers(shown.headers_mut());
    shown
}
