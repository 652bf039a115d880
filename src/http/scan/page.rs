//! The page to scan with, and the pages about photos that lead nowhere.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, HeaderValue};
use maud::{Markup, html};

use crate::http::assets::{DECODER_MEGABYTES, Script};
use crate::http::pages::{HtmlPage, Visitor, answer, id_form, policy_with, technical};
use crate::http::scan::outcome::{ScanOutcome, fault_of, shortened, target};
use sealane_core::gs1::Question;

/// The policy of all pages, and WebAssembly: without it the page could not run its decoder of codes. Scripts still come
/// from this site alone, and no text becomes a script.
static SCAN_POLICY: LazyLock<Option<HeaderValue>> =
    LazyLock::new(|| HeaderValue::try_from(policy_with(" 'wasm-unsafe-eval'")).ok());

/// Shows camera, photo and typing. The page's script decodes pictures on the visitor's device; without it there is no
/// camera, and a photo is read only if this node decodes pictures.
pub fn form(visitor: &Visitor, origin: &str, node_decodes: bool) -> HttpResponse {
    let title = visitor.say("scan.title");
    let main = html! {
        section.narrow.scan id="scan" data-megabytes=(DECODER_MEGABYTES) {
            h1 { (title) }
            div.camera id="camera" hidden {
                p.lead { (visitor.say("scan.lead")) }
                div.finder { video id="view" aria-label=(visitor.say("scan.view")) muted playsinline {} }
                button.wide type="button" id="start" { (visitor.say("scan.start")) }
                p.hint id="loads" hidden { (visitor.fill("scan.loads", &[("size", DECODER_MEGABYTES)])) }
            }
            p.status id="status" role="status" aria-live="polite" {}
            ul.codes id="codes" hidden {}
            @if !node_decodes { noscript { p { (visitor.say("scan.no-script")) } } }
            section.card id="photo-part" aria-labelledby="photo-title" hidden[!node_decodes] {
                h2 id="photo-title" { (visitor.say("scan.photo")) }
                @if node_decodes {
                    form.photo action=(visitor.link("/scan")) method="post" enctype="multipart/form-data" {
                        (photo_input(visitor, true))
                        div.photo id="send" {
                            p.hint { (visitor.say("scan.photo.server")) }
                            button type="submit" { (visitor.say("scan.photo.send")) }
                        }
                    }
                } @else {
                    div.photo { (photo_input(visitor, false)) }
                }
            }
            section.card aria-labelledby="type-title" {
                h2 id="type-title" { (visitor.say("scan.type")) }
                (id_form(visitor, ""))
            }
            p { a href=(visitor.link("/scan/list")) { (visitor.say("list.many")) } }
        }
    };
    let mut shown = answer(StatusCode::OK, visitor, HtmlPage::new(title, Some(origin), main).with_script(Script::Scan));
    if let Some(policy) = SCAN_POLICY.clone() {
        shown.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
    shown
}

/// The field to choose a photo with. That it stays on the device is true with a script only, which shows the note.
fn photo_input(visitor: &Visitor, node_decodes: bool) -> Markup {
    html! {
        label for="photo" { (visitor.say("scan.photo.label")) }
        input id="photo" name="photo" type="file" accept="image/*" required
            aria-describedby="photo-note";
        p.hint id="photo-note" hidden[node_decodes] { (visitor.say("scan.photo.note")) }
    }
}

/// Says what a photo came to, with a way on.
pub fn outcome(visitor: &Visitor, origin: &str, outcome: &ScanOutcome) -> HttpResponse {
    let title = visitor.say("photo.title");
    let codes = match outcome {
        ScanOutcome::Many { codes } | ScanOutcome::Other { codes } => shortened(codes),
        _ => Vec::new(),
    };
    let fault = if let ScanOutcome::Other { codes } = outcome { fault_of(codes) } else { None };
    let main = html! {
        section.narrow aria-labelledby="outcome" {
            h1 id="outcome" { (title) }
            p.lead { (visitor.say(outcome.message_key())) }
            @if !codes.is_empty() {
                ul.codes { @for text in &codes { li { (code(visitor, text)) } } }
            }
            @if let Some(fault) = fault {
                (technical(visitor, &fault.to_string()))
            }
            p { a.button.second href=(visitor.link("/scan")) { (visitor.say("photo.again")) } }
            section.card aria-labelledby="type-title" {
                h2 id="type-title" { (visitor.say("scan.type")) }
                (id_form(visitor, ""))
            }
        }
    };
    answer(status(outcome), visitor, HtmlPage::new(title, Some(origin), main).with_script(Script::Lookup))
}

/// A code's text; a link to its page here where it is an identifier. A foreign address never becomes a link to follow.
fn code(visitor: &Visitor, text: &str) -> Markup {
    match Question::parse(text) {
        Ok(asked) => html! { a href=(visitor.link(&target(&asked, text))) { code { (text) } } },
        Err(_) => html! { code { (text) } },
    }
}

fn status(outcome: &ScanOutcome) -> StatusCode {
    match outcome {
        ScanOutcome::MissingPhoto => StatusCode::BAD_REQUEST,
        ScanOutcome::DecoderOff => StatusCode::FORBIDDEN,
        ScanOutcome::NotAnImage => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ScanOutcome::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}
