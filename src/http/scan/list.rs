//! The page for hand scanners: many codes in a row, one line each.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use maud::html;

use crate::http::assets::Script;
use crate::http::pages::{HtmlPage, Visitor, answer};

/// Shows the field to scan into, and the list, which only a script can fill: each line's word is reached on the visitor's
/// device.
pub fn page(visitor: &Visitor, origin: &str) -> HttpResponse {
    let title = visitor.say("list.title");
    let main = html! {
        section.narrow.scan {
            h1 { (title) }
            p.lead { (visitor.say("list.lead")) }
            noscript { p { (visitor.say("list.no-script")) } }
            div.entry id="list" hidden {
                form.lookup id="entry" {
                    label for="code" { (visitor.say("list.code")) }
                    div.field {
                        input id="code" disabled maxlength="1024" autocomplete="off" autocapitalize="off" spellcheck="false"
                            enterkeyhint="done" aria-describedby="code-hint";
                        button type="submit" { (visitor.say("list.add")) }
                    }
                    p.hint id="code-hint" { (visitor.say("list.hint")) }
                }
                p.status id="status" role="status" aria-live="polite" {}
                p.hint id="tally" {}
                p.actions {
                    button type="button" id="export" disabled { (visitor.say("list.export")) }
                    button.second type="button" id="clear" disabled { (visitor.say("list.clear")) }
                }
                ol.list id="lines" reversed aria-label=(visitor.say("list.lines")) {}
            }
            p { a href=(visitor.link("/scan")) { (visitor.say("list.single")) } }
        }
    };
    answer(StatusCode::OK, visitor, HtmlPage::new(title, Some(origin), main).with_script(Script::List))
}
