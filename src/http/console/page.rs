//! The console's page: what waits, how the node is, and the last hour. It is whole without a script.

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_LANGUAGE, VARY};
use actix_web::{HttpResponse, HttpResponseBuilder};
use maud::{Markup, html};

use crate::http::console::EndOf;
use crate::http::console::chart;
use crate::http::console::figures::{Figures, LISTED_MAX, Taken};
use crate::http::console::history::{MINUTES, Minute};
use crate::http::console::wants::{Want, wants};
use crate::http::pages::members::state;
use crate::http::pages::timeline::time;
use crate::http::pages::{Parts, Visitor, document, grouped};
use crate::http::problem::Code;

/// Reasons of refusals that are listed.
const REASONS_SHOWN: usize = 15;

/// A page of the console without its frame.
pub struct ConsolePage {
    pub title: String,
    /// It shows what changes, and brings itself up to date.
    pub is_live: bool,
    pub main: Markup,
}

/// Answers with a page.
pub fn answer(status: StatusCode, visitor: &Visitor, page: ConsolePage) -> HttpResponse {
    HttpResponseBuilder::new(status)
        .insert_header((CONTENT_LANGUAGE, visitor.language.tag()))
        .insert_header((VARY, "accept-language, cookie"))
        .content_type("text/html; charset=utf-8")
        .body(frame(visitor, page).into_string())
}

fn frame(visitor: &Visitor, page: ConsolePage) -> Markup {
    let head = html! {
        link rel="stylesheet" href="/assets/console.css";
        @if page.is_live { script type="module" src="/assets/console.js" {} }
    };
    let nav = html! { a href=(visitor.link("/")) { (visitor.say("console.reload")) } };
    let foot = html! { p { (visitor.say("console.about")) } };
    document(visitor, &page.title, Parts { first: html! {}, head, nav, notice: html! {}, main: page.main, foot })
}

/// The whole page.
pub fn console_page(visitor: &Visitor, figures: &Figures) -> HttpResponse {
    let title = visitor.fill("console.title", &[("name", &figures.name)]);
    let at = time(figures.now);
    let main = html! {
        div.console-head {
            div {
                p.eyebrow { (visitor.say("console.eyebrow")) }
                h1 { (figures.name) }
            }
            button.second id="live" type="button" hidden data-stopped=(visitor.say("console.live")) { (visitor.say("console.pause")) }
        }
        div.console id="figures" {
            p.quiet { (visitor.say("console.as-of")) " " (at) }
            (wanted(visitor, &wants(visitor, figures)))
            (health(visitor, figures))
            (charts(visitor, &figures.minutes))
            (members(visitor, figures))
            (room(visitor, &figures.taken, figures.machine.ledger_bytes))
            (refusals(visitor, &figures.refusals))
            (ends(visitor, figures))
        }
    };
    answer(StatusCode::OK, visitor, ConsolePage { title, is_live: true, main })
}

fn wanted(visitor: &Visitor, wants: &[Want]) -> Markup {
    html! {
        section.wants aria-labelledby="wants" {
            h2 id="wants" { (visitor.say("console.wants")) }
            @if wants.is_empty() {
                p.calm { (visitor.say("console.nothing")) }
            } @else {
                ul {
                    @for want in wants {
                        li.wrong[want.is_wrong] {
                            p {
                                strong.tag { (visitor.say(if want.is_wrong { "console.wrong" } else { "console.waits" })) }
                                " " bdi { (want.text) }
                            }
                            @if let Some(detail) = &want.detail {
                                p.meta lang=[want.is_wrong.then_some("en")] { (detail) }
                            }
                            @for command in &want.commands { p.run { code { (command) } } }
                        }
                    }
                }
            }
        }
    }
}

fn health(visitor: &Visitor, figures: &Figures) -> Markup {
    let tip = &figures.view.tip;
    let yes_or_no = |is: bool| visitor.say(if is { "console.yes" } else { "console.no" });
    html! {
        section aria-labelledby="health" {
            h2 id="health" { (visitor.say("console.health")) }
            dl.facts {
                div { dt { (visitor.say("console.writes")) } dd id="writes" { (yes_or_no(figures.obstacle.is_none())) } }
                div { dt { (visitor.say("console.store")) } dd { (yes_or_no(figures.store_answers)) } }
                div { dt { (visitor.say("console.leaves")) } dd id="leaves" { (grouped(figures.view.size().get())) } }
                div { dt { (visitor.say("console.block")) } dd { (tip.seal.height) ", " (time(tip.seal.time)) } }
                div {
                    dt { (visitor.say("console.audit")) }
                    dd id="audit" {
                        @match &figures.audit {
                            None => (visitor.say("console.audit-none")),
                            Some(audit) => {
                                (visitor.say(if audit.result.is_ok() { "console.audit-passed" } else { "console.audit-failed" }))
                                ", " (time(audit.at))
                            }
                        }
                    }
                }
                @if let Some(whole) = figures.audit.as_ref().and_then(|audit| audit.whole_at) {
                    div { dt { (visitor.say("console.audit-whole")) } dd { (time(whole)) } }
                }
                div { dt { (visitor.say("console.since")) } dd { (time(figures.since)) } }
            }
        }
    }
}

fn charts(visitor: &Visitor, minutes: &[Option<Minute>; MINUTES]) -> Markup {
    let of = |value: fn(&Minute) -> Option<f64>| minutes.map(|minute| minute.as_ref().and_then(value));
    let statements = of(|minute| Some(minute.statements as f64));
    let requests = of(|minute| Some(minute.requests as f64));
    let captures = of(|minute| minute.capture_ms);
    let count = |value: f64| grouped(value as u64);
    let within = |value: f64| visitor.fill("console.ms", &[("ms", &short(value))]);
    html! {
        section aria-labelledby="hour" {
            h2 id="hour" { (visitor.say("console.hour")) }
            div.charts {
                (chart(visitor, "statements", "console.statements", &statements, &count))
                (chart(visitor, "posts", "console.posts", &captures, &within))
                (chart(visitor, "requests", "console.requests", &requests, &count))
            }
            p.hint { (visitor.say("console.hour-hint")) }
        }
    }
}

fn chart(
    visitor: &Visitor,
    id: &str,
    name: &'static str,
    values: &[Option<f64>; MINUTES],
    text: &dyn Fn(f64) -> String,
) -> Markup {
    let last = values[MINUTES - 1].map_or_else(|| "–".to_owned(), text);
    let most = text(chart::most(values));
    let sum = values.iter().flatten().sum::<f64>();
    let told = visitor.fill("console.chart", &[("name", visitor.say(name)), ("last", &last), ("most", &most)]);
    html! {
        figure.chart id=(id) data-last=[values[MINUTES - 1]] data-sum=(sum) {
            figcaption { (visitor.say(name)) }
            (chart::bars(values, &told))
            p.meta { (visitor.fill("console.last-most", &[("last", &last), ("most", &most)])) }
        }
    }
}

fn members(visitor: &Visitor, figures: &Figures) -> Markup {
    let council = &figures.council;
    let number = |number: Option<u64>| number.map_or_else(|| "–".to_owned(), grouped);
    html! {
        section aria-labelledby="members" {
            h2 id="members" { (visitor.say("front.members")) }
            (wide_table(visitor, "members", &["members.member", "members.height", "members.lag", "console.ping", "members.state"], html! {
                @for member in &council.members {
                    tr data-kid=(member.kid) {
                        th scope="row" { (member.name) }
                        td { (number(member.tip.map(|tip| tip.get()))) }
                        td { (number(council.lag(member))) }
                        td { @if let Some(ping) = member.round_trip { (short(ping.as_secs_f64() * 1e3)) " ms" } @else { "–" } }
                        td { (state(visitor, member)) }
                    }
                }
            }))
        }
    }
}

fn room(visitor: &Visitor, taken: &[Taken], ledger_bytes: Option<u64>) -> Markup {
    let amount = |one: &Taken, number: u64| if one.in_bytes { bytes(number) } else { grouped(number) };
    html! {
        section aria-labelledby="room" {
            h2 id="room" { (visitor.say("console.room")) }
            (wide_table(visitor, "room", &["console.what", "console.used", "console.of", "console.share"], html! {
                @for one in taken {
                    tr {
                        th scope="row" { (visitor.say(one.name)) }
                        td { (amount(one, one.used)) }
                        td { (amount(one, one.of)) }
                        td { (percent(one.used, one.of)) }
                    }
                }
            }))
            @if let Some(ledger) = ledger_bytes {
                p.hint { (visitor.fill("console.ledger-bytes", &[("bytes", &bytes(ledger))])) }
            }
        }
    }
}

fn refusals(visitor: &Visitor, refusals: &[(String, u64)]) -> Markup {
    let rest: u64 = refusals.iter().skip(REASONS_SHOWN).map(|(_, count)| count).sum();
    html! {
        section aria-labelledby="refusals" {
            h2 id="refusals" { (visitor.say("console.refusals")) }
            @if refusals.is_empty() {
                p.quiet { (visitor.say("console.no-refusals")) }
            } @else {
                (wide_table(visitor, "refusals", &["console.reason", "console.count"], html! {
                    @for (code, count) in refusals.iter().take(REASONS_SHOWN) {
                        tr data-code=(code) {
                            th scope="row" {
                                code { (code) }
                                @if let Some(code) = Code::find(code) { br; span.meta { (visitor.say(&format!("problem.code.{}", code.as_str()))) } }
                            }
                            td { (grouped(*count)) }
                        }
                    }
                    @if rest > 0 {
                        tr { th scope="row" { (visitor.say("console.others")) } td { (grouped(rest)) } }
                    }
                }))
            }
        }
    }
}

/// A table that a narrow screen scrolls sideways, under the heading of this id, with these messages over its columns.
fn wide_table(visitor: &Visitor, heading: &str, columns: &[&str], rows: Markup) -> Markup {
    html! {
        div.wide-table tabindex="0" role="group" aria-labelledby=(heading) {
            table {
                thead { tr { @for column in columns { th scope="col" { (visitor.say(column)) } } } }
                tbody { (rows) }
            }
        }
    }
}

fn ends(visitor: &Visitor, figures: &Figures) -> Markup {
    let beyond = figures.ending_count.saturating_sub(LISTED_MAX);
    html! {
        section aria-labelledby="ends" {
            h2 id="ends" { (visitor.say("console.ends")) }
            dl.facts {
                @for own in &figures.own_ends {
                    div {
                        dt { (visitor.say(if own.of == EndOf::Authority { "console.authority" } else { "console.https" })) }
                        dd { (time(own.end)) }
                    }
                }
                div {
                    dt { (visitor.say("console.near-end")) }
                    dd id="near-end" { (figures.ending_count) }
                }
            }
            @if beyond > 0 { p.hint { (visitor.fill("console.beyond", &[("count", &beyond.to_string())])) } }
        }
    }
}

/// Bytes in the largest unit of which there is one.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let (mut amount, mut unit) = (bytes as f64, 0);
    while amount >= 1024.0 && unit + 1 < UNITS.len() {
        amount /= 1024.0;
        unit += 1;
    }
    let digits = usize::from(unit > 0 && amount < 100.0);
    format!("{amount:.digits$} {}", UNITS.get(unit).copied().unwrap_or_default())
}

/// A number without a useless fraction.
fn short(value: f64) -> String {
    let digits = usize::from(value < 10.0 && value.fract() > 0.0);
    format!("{value:.digits$}")
}

fn percent(used: u64, of: u64) -> String {
    if of == 0 { "–".to_owned() } else { format!("{:.0} %", used as f64 / of as f64 * 100.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_for_people() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [0, 1_023, 1_536, 200 << 20, 3 << 40].map(bytes),
            ["0 B", "1023 B", "1.5 KiB", "200 MiB", "3.0 TiB"]
        );
        assert_eq!([0.5, 2.0, 2.5, 250.0].map(short), ["0.5", "2", "2.5", "250"]);
        assert_eq!((percent(1, 3), percent(0, 0)), ("33 %".to_owned(), "–".to_owned()));
    }
}
