//! The page of a product: the verdict for a person in a shop, and what a script needs to check it.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use maud::{Markup, html};

use crate::http::assets::Script;
use crate::http::pages::about::About;
use crate::http::pages::ids::kind_key;
use crate::http::pages::names::{self, HolderNames};
use crate::http::pages::{
    HtmlPage, Visitor, about, answer, grouped, now, page_of, people_text, reasons, route, timeline,
};
use crate::http::parameters::encode;
use crate::ports::StoredBlock;
use sealane_core::consortium::Registry;
use sealane_core::gs1::{Id, IdKind, Question};
use sealane_core::provenance::{Verdict, Word};

/// What a page shows beside the verdict.
#[derive(Default)]
pub struct Beside<'a> {
    /// The host that the scanned code leads to, if that is another one than this site.
    pub elsewhere: Option<&'a str>,
    /// What the number stands for, if that is no single product.
    pub about: Option<About>,
    /// The lot that is meant if the second of two typed numbers is no serial.
    pub or_lot: Option<Id>,
    /// The same number in other letters, where something is recorded under it.
    pub other_cases: Vec<Id>,
    /// What the number and the places of its journey are called by their holders.
    pub names: HolderNames,
}

/// Shows a verdict at a block, by the registry at that block or a later one.
pub fn show(
    visitor: &Visitor,
    verdict: &Verdict,
    block: &StoredBlock,
    registry: &Registry,
    beside: &Beside<'_>,
) -> HttpResponse {
    let asked = Question { id: verdict.id.clone(), label: verdict.label.clone() };
    let number = people_text(&verdict.id);
    let word = reasons::word(visitor, verdict);
    let title = visitor.fill("product.title", &[("word", word), ("id", &number)]);
    let main = html! {
        (reasons::sprite())
        div.product id="product" data-id=(asked.to_uri()) data-verdict=(verdict.word.as_str())
            data-kind=(kind_key(verdict.id.kind()).trim_start_matches("kind.")) data-size=(block.size().get()) {
            (head(visitor, verdict, &number, beside))
            (banner(visitor, verdict))
            div.column id="column" {
                (now::section(visitor, verdict, block, registry))
                @if let Some(about) = &beside.about { (about::section(visitor, &verdict.id, about)) }
                section.reason-list id="why" aria-labelledby="reasons-title" hidden[verdict.reasons.is_empty()] {
                    h2 id="reasons-title" { (visitor.say("reasons.title")) }
                    p.hint { (visitor.say("reasons.days")) }
                    (reasons::list(visitor, verdict))
                }
                section.journey id="journey" aria-labelledby="journey-title" {
                    h2 id="journey-title" { (visitor.say("journey.title")) }
                    (timeline::state(visitor, &verdict.state))
                    div id="route" {
                        (route::drawing(visitor, &verdict.timeline))
                    }
                    (timeline::list(visitor, &verdict.timeline))
                    (names::of_places(visitor, &beside.names))
                }
            }
            aside.beside {
                (code(visitor))
                (check(visitor, verdict, block))
                (more(visitor, &asked))
            }
            p.on-paper { (visitor.say("product.paper")) " " span.mono id="here" { (visitor.outside_link(&page_of(&asked)).unwrap_or_default()) } }
        }
    };
    let asks = ["/trust".to_owned(), format!("/evidence?id={}", encode(&asked.to_uri()))];
    let page = HtmlPage::new(title, Some(block.checkpoint.origin.as_str()), main).with_script(Script::Product);
    let description = visitor.fill("product.description", &[("id", &number)]);
    answer(StatusCode::OK, visitor, page.asking(asks).at(page_of(&asked), description))
}

fn head(visitor: &Visitor, verdict: &Verdict, number: &str, beside: &Beside<'_>) -> Markup {
    let id = &verdict.id;
    html! {
        div.head {
            p.eyebrow { (visitor.say(kind_key(id.kind()))) }
            h1.number { @for part in number.split(' ') { span.part { (part) } " " } }
            (names::own(visitor, &beside.names))
            (label(visitor, verdict))
            @if matches!(id.kind(), IdKind::Class | IdKind::Lot) && verdict.word != Word::Unknown {
                p.elsewhere role="note" { (visitor.say("product.shared")) }
            }
            @if let Some(lot) = &beside.or_lot { (as_serial(visitor, id, lot)) }
            (other_cases(visitor, &beside.other_cases))
            @if let Some(host) = beside.elsewhere {
                p.elsewhere role="note" { (visitor.fill("product.elsewhere", &[("host", host)])) }
            }
        }
    }
}

/// How a number was read of which nothing said what it is, and the other reading.
fn as_serial(visitor: &Visitor, id: &Id, lot: &Id) -> Markup {
    let value = id.qualifier().map_or("", |(_, value)| value);
    html! {
        p.elsewhere id="or-lot" role="note" {
            (visitor.fill("product.as-serial", &[("value", value)])) " "
            a href=(visitor.link(&page_of(&Question::from(lot)))) { (people_text(lot)) }
        }
    }
}

/// The same number in capitals or in small letters, which is another product's: people mistype it, and scanners too.
fn other_cases(visitor: &Visitor, recorded: &[Id]) -> Markup {
    html! {
        @for other in recorded {
            p.elsewhere id="other-case" role="note" {
                (visitor.say("product.case")) " "
                a href=(visitor.link(&page_of(&Question::from(other)))) { (people_text(other)) }
            }
        }
    }
}

/// What the code says beside the number: days as such, everything else as it stands.
fn label(visitor: &Visitor, verdict: &Verdict) -> Markup {
    let year = verdict.as_of.to_string().get(..4).and_then(|year| year.parse().ok()).unwrap_or_default();
    html! {
        @if !verdict.label.is_empty() {
            dl.facts.label id="label" aria-label=(visitor.say("label.title")) {
                @for (ai, value) in verdict.label.iter() {
                    div {
                        dt { (visitor.say(&format!("label.{ai}"))) " (" (ai) ")" }
                        dd.mono { (verdict.label.day(ai, year).unwrap_or_else(|| value.to_owned())) }
                    }
                }
            }
        }
    }
}

fn banner(visitor: &Visitor, verdict: &Verdict) -> Markup {
    let (word, light) = reasons::look(verdict);
    html! {
        section.verdict.unchecked.{ (word) }.{ (light) } id="verdict" aria-labelledby="word" {
            (reasons::symbol(word))
            div.told {
                p.claim id="claim" { (visitor.say("check.claim")) }
                h2.word id="word" { (reasons::word(visitor, verdict)) }
                p.sentence id="sentence" { (reasons::unbroken_days(&reasons::sentence(visitor, verdict))) }
            }
            div.status id="status" role="status" aria-live="polite" {
                p id="status-text" { (visitor.say("check.server")) }
                noscript { p { (visitor.say("check.script")) } }
            }
        }
    }
}

fn code(visitor: &Visitor) -> Markup {
    html! {
        section.card aria-labelledby="code-title" {
            h2 id="code-title" { (visitor.say("code.title")) }
            p { (visitor.say("code.text")) }
        }
    }
}

fn check(visitor: &Visitor, verdict: &Verdict, block: &StoredBlock) -> Markup {
    html! {
        section.card id="check" aria-labelledby="check-title" {
            h2 id="check-title" { (visitor.say("check.title")) }
            p id="check-text" { (visitor.say("check.server")) }
            dl.facts.small id="check-facts" {
                div { dt { (visitor.say("check.asof")) } dd { (timeline::time(verdict.as_of)) } }
                div { dt { (visitor.say("check.size")) } dd { (grouped(block.size().get())) } }
                div { dt { (visitor.say("check.root")) } dd.mono { (block.checkpoint.root) } }
            }
        }
    }
}

fn more(visitor: &Visitor, asked: &Question) -> Markup {
    let (id, encoded) = (&asked.id, encode(&asked.to_uri()).to_string());
    html! {
        section.card aria-labelledby="more-title" {
            h2 id="more-title" { (visitor.say("more.title")) }
            ul.links {
                li { a href={ "/evidence?id=" (encoded) } download="evidence.json" { (visitor.say("more.evidence")) } }
                @if let Some(path) = id.path() {
                    li { a href={ (path) "?linkType=linkset" } { (visitor.say("more.linkset")) } }
                }
                li { a href=(visitor.link("/scan")) { (visitor.say("more.another")) } }
            }
            p.actions {
                button.second type="button" id="share" hidden { (visitor.say("more.share")) }
                button.second type="button" id="print" hidden { (visitor.say("more.print")) }
            }
        }
    }
}
