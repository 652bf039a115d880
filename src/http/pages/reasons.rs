//! Verdict words, reasons and their symbols: never colour alone.

use std::collections::BTreeSet;

use maud::{Markup, html};

use crate::http::pages::Visitor;
use crate::http::pages::about::none_key;
use crate::http::pages::timeline::anchor;
use sealane_core::gs1::IdKind;
use sealane_core::merkle::LeafIndex;
use sealane_core::provenance::{Light, Reason, Severity, Verdict, Word};

/// Every verdict a page can show: the words, and what a page says when evidence does not hold.
const SYMBOLS: [(&str, &str); 10] = [
    ("authentic", "M9 17.5 14 22.5 24 11"),
    ("suspect", "M11 11 22 22 M22 11 11 22"),
    ("recalled", "M16.5 9 V18 M16.5 23 V23.2"),
    ("ended", "M10 16.5 H23"),
    ("disputed", "M12 9.5 V19 M12 23.3 V23.5 M21 9.5 V19 M21 23.3 V23.5"),
    ("traced", "M9.5 10.5 H23.5 M9.5 16.5 H23.5 M9.5 22.5 H23.5"),
    ("incomplete", "M10 16.5 H10.2 M16.5 16.5 H16.7 M23 16.5 H23.2"),
    ("unknown", "M12.5 13 C12.5 8.5 20.5 8.5 20.5 13 C20.5 16 16.5 16 16.5 19 M16.5 23.5 V23.7"),
    ("none", "M16.5 10 V10.3 M16.5 15.5 V23"),
    ("tampered", "M18.5 7 11.5 18 H16.5 L14.5 26 21.5 15 H16.5 Z"),
];

/// Outlines that tell the verdicts apart without their colours.
fn outline(word: &str) -> &'static str {
    match word {
        "authentic" => "M16.5 2 A14.5 14.5 0 1 1 16.4 2 Z",
        "suspect" | "tampered" => "M11 2 H22 L31 11 V22 L22 31 H11 L2 22 V11 Z",
        "recalled" => "M16.5 2 L32 30 H1 Z",
        "ended" => "M7 2 H26 A5 5 0 0 1 31 7 V26 A5 5 0 0 1 26 31 H7 A5 5 0 0 1 2 26 V7 A5 5 0 0 1 7 2 Z",
        "traced" => "M2 8 H31 V25 H2 Z",
        "incomplete" | "disputed" => "M16.5 1.5 L31.5 16.5 L16.5 31.5 L1.5 16.5 Z",
        _ => "M4 4 H29 V29 H4 Z",
    }
}

/// The symbols of all verdicts, to be drawn by [`symbol`]; scripts change from one to another.
pub fn sprite() -> Markup {
    html! {
        svg.sprite width="0" height="0" aria-hidden="true" focusable="false" {
            @for (word, path) in SYMBOLS {
                symbol id={ "symbol-" (word) } viewBox="0 0 33 33" {
                    path d=(outline(word)) fill="currentColor" {}
                    path.inner d=(path) fill="none" stroke-width="3" stroke-linecap="round" stroke-linejoin="round" {}
                }
            }
        }
    }
}

/// The symbol of one verdict.
pub fn symbol(word: &str) -> Markup {
    html! {
        svg.symbol width="64" height="64" viewBox="0 0 33 33" aria-hidden="true" focusable="false" {
            use href={ "#symbol-" (word) } {}
        }
    }
}

/// A verdict's word in the visitor's language; of what has ended, how it did.
pub fn word(visitor: &Visitor, verdict: &Verdict) -> &'static str {
    if let Some(key) = none_key(verdict.word, verdict.id.kind()) {
        return visitor.say(key);
    }
    visitor.say(match verdict.word {
        Word::Unknown => "word.unknown",
        Word::Recalled => "word.recalled",
        Word::Suspect => "word.suspect",
        Word::Ended => match verdict.reasons.first().map(|reason| reason.rule) {
            Some("destroyed") => "end.destroyed",
            Some("decommissioned") => "end.decommissioned",
            Some("sold") => "end.sold",
            Some("dispensed") => "end.dispensed",
            Some("used-up") => "end.used-up",
            Some("unpacked") => "end.unpacked",
            _ => "end.expired",
        },
        Word::Disputed => "word.disputed",
        Word::Incomplete => "word.incomplete",
        Word::Traced => "word.traced",
        Word::Authentic => "word.authentic",
    })
}

/// The colour of a verdict as a class: `red`, `amber`, `grey` or `green`.
const fn light(light: Light) -> &'static str {
    match light {
        Light::Red => "red",
        Light::Amber => "amber",
        Light::Grey => "grey",
        Light::Green => "green",
    }
}

/// The sentence below the word, in the visitor's language. Two words say themselves what the summary begins with; below them stands its
/// reason alone.
pub fn sentence(visitor: &Visitor, verdict: &Verdict) -> String {
    if let Some(key) = none_key(verdict.word, verdict.id.kind()) {
        return visitor.say(&format!("{key}.sentence")).to_owned();
    }
    let sentences = visitor.language.sentences();
    match verdict.reasons.first() {
        Some(first) if matches!(verdict.word, Word::Suspect | Word::Incomplete) => first.text(sentences),
        _ => verdict.summary_text(sentences),
    }
}

/// The classes of the banner: whose symbol it has, and its colour. That there is no record of a kind, a place or an organisation itself
/// is no reason for care.
pub fn look(verdict: &Verdict) -> (&'static str, &'static str) {
    let kind = verdict.id.kind();
    if none_key(verdict.word, kind).is_some() && kind != IdKind::Lot {
        return ("none", light(Light::Grey));
    }
    (verdict.word.as_str(), light(verdict.light))
}

/// A sentence whose days are not broken over two lines.
pub fn unbroken_days(text: &str) -> Markup {
    html! {
        @for (at, part) in around_days(text).into_iter().enumerate() {
            @if at % 2 == 1 { span.day { (part) } } @else { (part) }
        }
    }
}

/// A sentence in parts, every other one a day such as `2026-03-02 +09:00`. `web/verify/days.js` has the same.
fn around_days(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut from, mut at) = (0, 0);
    while at < text.len() {
        let may_begin = at == 0 || text[..at].ends_with(|before: char| before.is_whitespace() || before == '(');
        match day_length(&text[at..]).filter(|_| may_begin) {
            Some(length) => {
                parts.extend([&text[from..at], &text[at..at + length]]);
                at += length;
                from = at;
            }
            None => at += text[at..].chars().next().map_or(1, char::len_utf8),
        }
    }
    parts.push(&text[from..]);
    parts
}

/// How long the day is, with its zone, that a text begins with.
fn day_length(text: &str) -> Option<usize> {
    const DAY: &str = "0000-00-00";
    const OFFSET: &str = " +00:00";
    let is_like = |text: &str, pattern: &str| {
        text.len() >= pattern.len()
            && text.bytes().zip(pattern.bytes()).all(|(byte, wanted)| match wanted {
                b'0' => byte.is_ascii_digit(),
                b'+' => byte == b'+' || byte == b'-',
                other => byte == other,
            })
    };
    let rest = is_like(text, DAY).then(|| &text[DAY.len()..])?;
    let zone = [OFFSET, " UTC"].into_iter().find(|zone| is_like(rest, zone));
    Some(DAY.len() + zone.map_or(0, str::len))
}

/// The reasons as a list.
pub fn list(visitor: &Visitor, verdict: &Verdict) -> Markup {
    let told: BTreeSet<LeafIndex> = verdict.timeline.iter().map(|step| step.leaf).collect();
    html! {
        ul.reasons id="reasons" {
            @for reason in &verdict.reasons { (item(visitor, reason, &told)) }
        }
    }
}

/// The records that a reason rests on: the step of the journey that a record is, or else the record's own page.
fn rests_on(visitor: &Visitor, leaves: &[LeafIndex], told: &BTreeSet<LeafIndex>) -> Markup {
    let told_of = if leaves.len() == 1 { visitor.say("reason.leaves.one") } else { visitor.say("reason.leaves.many") };
    let (before, after) = told_of.split_once("{leaves}").unwrap_or_default();
    let place = |leaf: LeafIndex| match told.contains(&leaf) {
        true => format!("#{}", anchor(leaf)),
        false => visitor.link(&format!("/ledger/leaves/{leaf}")),
    };
    html! {
        (before)
        @for (at, leaf) in leaves.iter().enumerate() {
            @if at > 0 { ", " }
            a href=(place(*leaf)) { (leaf) }
        }
        (after)
    }
}

fn item(visitor: &Visitor, reason: &Reason, told: &BTreeSet<LeafIndex>) -> Markup {
    let (class, sign, key) = match reason.severity {
        Severity::Recall => ("recall", "!", "severity.recall"),
        Severity::Fails => ("fails", "✕", "severity.fails"),
        Severity::Ended => ("ended", "–", "severity.ended"),
        Severity::Disputes => ("disputes", "!", "severity.disputes"),
        Severity::Gap => ("gap", "…", "severity.gap"),
        Severity::Past => ("past", "–", "severity.ended"),
        Severity::Note => ("note", "i", "severity.note"),
        Severity::Holds => ("holds", "✓", "severity.holds"),
    };
    html! {
        li.{ "reason " (class) } {
            span.sign aria-hidden="true" { (sign) }
            div {
                p {
                    span.severity { (visitor.say(key)) ": " }
                    (unbroken_days(&reason.text(visitor.language.sentences())))
                }
                p.meta {
                    code { (reason.rule) }
                    @if !reason.leaves.is_empty() { " · " (rests_on(visitor, &reason.leaves, told)) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_day_stays_whole_in_its_line_with_its_zone() {
        let text = "On 2026-03-02 +09:00 (2026-03-01 UTC), and 2026-03-03에 2026-04-04T1 x2026-03-02.";
        let parts = around_days(text);
        let days: Vec<&str> = parts.iter().skip(1).step_by(2).copied().collect();
        assert_eq!(days, ["2026-03-02 +09:00", "2026-03-01 UTC", "2026-03-03", "2026-04-04"]);
        assert_eq!(parts.concat(), text);
    }

    #[test]
    fn one_record_and_several_have_their_own_words() {
        let told = |language: &str, leaves: &[u64]| {
            let request = TestRequest::get().uri(&format!("/verify?lang={language}")).to_http_request();
            let leaves: Vec<LeafIndex> = leaves.iter().map(|leaf| LeafIndex::new(*leaf).unwrap()).collect();
            // The links are told apart by their texts here.
            let html = rests_on(&Visitor::of(&request), &leaves, &leaves.iter().copied().collect()).into_string();
            html.split('<').map(|part| part.rsplit('>').next().unwrap_or_default()).collect::<String>()
        };
        assert_eq!((told("en", &[24]).as_str(), told("en", &[24, 26]).as_str()), ("record 24", "records 24, 26"));
        assert_eq!((told("ko", &[24]).as_str(), told("ko", &[24, 26]).as_str()), ("24번 기록", "24, 26번 기록"));
    }
}
