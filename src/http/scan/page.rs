//! The page to scan with, and the pages about photos that lead nowhere.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use maud::{Markup, html};

use crate::http::pages::{Page, Visitor, answer, id_form};
use crate::http::scan::outcome::{Outcome, shortened, target};
use sealane_core::gs1::Id;

/// Shows camera, photo and typing. Without a script there is no camera.
pub fn form(visitor: &Visitor, origin: &str) -> HttpResponse {
    let title = visitor.say("scan.title");
    let main = html! {
        section.narrow.scan id="scan" data-lang=(visitor.language.tag()) {
            h1 { (title) }
            div.camera id="camera" hidden {
                p.lead { (visitor.say("scan.lead")) }
                div.finder { video id="view" aria-label=(visitor.say("scan.view")) muted playsinline {} }
                button.wide type="button" id="start" { (visitor.say("scan.start")) }
            }
            p.status id="status" role="status" aria-live="polite" {}
            section.card aria-labelledby="photo-title" {
                h2 id="photo-title" { (visitor.say("scan.photo")) }
                (photo_form(visitor))
            }
            section.card aria-labelledby="type-title" {
                h2 id="type-title" { (visitor.say("scan.type")) }
                (id_form(visitor, ""))
            }
        }
    };
    let page = Page { title: title.to_owned(), script: Some("scan.js"), origin: Some(origin.to_owned()), main };
    answer(StatusCode::OK, visitor, page)
}

fn photo_form(visitor: &Visitor) -> Markup {
    html! {
        form.photo action=(visitor.link("/scan")) method="post" enctype="multipart/form-data" {
            label for="photo" { (visitor.say("scan.photo.label")) }
            input id="photo" name="photo" type="file" accept="image/jpeg,image/png,image/webp" required
                aria-describedby="photo-note";
            p.hint id="photo-note" { (visitor.say("scan.photo.note")) }
            button type="submit" { (visitor.say("scan.photo.send")) }
        }
    }
}

/// Says what a photo came to, with a way on.
pub fn outcome(visitor: &Visitor, origin: &str, outcome: &Outcome) -> HttpResponse {
    let title = visitor.say("photo.title");
    let codes = match outcome {
        Outcome::Many { codes } | Outcome::Other { codes } => shortened(codes),
        _ => Vec::new(),
    };
    let main = html! {
        section.narrow aria-labelledby="outcome" {
            h1 id="outcome" { (title) }
            p.lead { (visitor.say(outcome.message_key())) }
            @if !codes.is_empty() {
                ul.codes { @for text in &codes { li { (code(visitor, text)) } } }
            }
            section.card aria-labelledby="again" {
                h2 id="again" { (visitor.say("photo.again")) }
                (photo_form(visitor))
            }
            section.card aria-labelledby="type-title" {
                h2 id="type-title" { (visitor.say("scan.type")) }
                (id_form(visitor, ""))
            }
        }
    };
    let page = Page { title: title.to_owned(), script: None, origin: Some(origin.to_owned()), main };
    answer(status(outcome), visitor, page)
}

/// A code's text; a link to its page here where it is an identifier. A foreign address never becomes a link to follow.
fn code(visitor: &Visitor, text: &str) -> Markup {
    match Id::parse(text) {
        Ok(id) => html! { a href=(visitor.link(&target(&id, text))) { code { (text) } } },
        Err(_) => html! { code { (text) } },
    }
}

fn status(outcome: &Outcome) -> StatusCode {
    match outcome {
        Outcome::MissingPhoto => StatusCode::BAD_REQUEST,
        Outcome::NotAnImage => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Outcome::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}
