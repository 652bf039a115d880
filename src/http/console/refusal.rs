//! Why the console shows nothing, as a page that says what to do.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use maud::html;

use crate::http::console::door::Shut;
use crate::http::console::page::{ConsolePage, answer};
use crate::http::pages::Visitor;
use sealane_core::consortium::WordError;

/// Why nothing is shown.
#[derive(Debug)]
pub enum ConsoleRefusal {
    /// The request is for a host of another name.
    OtherHost,
    /// A page of another site sent it.
    OtherSite,
    /// The browser is in no session, or in one that ended.
    NoSession,
    /// The link is not this member's, or no longer good.
    Link(WordError),
    /// The link's signature holds, and it opens nothing.
    Shut(Shut),
    /// Too many links were tried within a minute.
    TooMany,
    /// There is no such page.
    Nowhere,
}

impl ConsoleRefusal {
    const fn status(&self) -> StatusCode {
        match self {
            Self::TooMany | Self::Shut(Shut::Crowded) => StatusCode::TOO_MANY_REQUESTS,
            Self::Nowhere => StatusCode::NOT_FOUND,
            _ => StatusCode::FORBIDDEN,
        }
    }

    const fn key(&self) -> &'static str {
        match self {
            Self::OtherHost => "console.other-host",
            Self::OtherSite => "console.other-site",
            Self::NoSession => "console.no-session",
            Self::Link(_) => "console.bad-link",
            Self::Shut(Shut::Used) => "console.used-link",
            Self::TooMany | Self::Shut(Shut::Crowded) => "console.too-many",
            Self::Nowhere => "console.nowhere",
        }
    }
}

/// Says why, and what to run.
pub fn refusal_page(request: &HttpRequest, refusal: &ConsoleRefusal) -> HttpResponse {
    let visitor = Visitor::of(request);
    let title = visitor.say("console.shut");
    let main = html! {
        section.narrow aria-labelledby="shut" {
            p.eyebrow { (refusal.status().as_u16()) }
            h1 id="shut" { (title) }
            p.lead { (visitor.say(refusal.key())) }
            @if let ConsoleRefusal::Link(why) = refusal {
                p.quiet.detail lang="en" { (why) }
            }
            p { (visitor.say("console.again")) }
            p.run { code { "sealane console" } }
        }
    };
    answer(refusal.status(), &visitor, ConsolePage { title: title.to_owned(), is_live: false, main })
}
