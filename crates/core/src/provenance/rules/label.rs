//! The label, and the dates: what the code says beside the serial against what the product was made with.
//!
//! A copied serial often stands on a label with another lot or a later date. Only records of the one to whom the number
//! belongs are held against it.

use crate::gs1::{Id, days_in};
use crate::merkle::LeafIndex;
use crate::provenance::case::Case;
use crate::provenance::finding::{Findings, Severity};
use crate::provenance::master_data::{Fact, texts};
use crate::provenance::records::Subject;
use crate::provenance::wording::{self, shown};

/// What is compared, by which AIs, and how sentences name it.
const COMPARED: [(Fact, &[&str], &str); 5] = [
    (Fact::Lot, &["10"], "lot"),
    (Fact::Expiry, &["17", "7003"], "expiry date"),
    (Fact::BestBefore, &["15"], "best-before date"),
    (Fact::SellBy, &["16"], "sell-by date"),
    (Fact::Production, &["11"], "production date"),
];

/// A value that is on record, with the entry that says so.
type Recorded = (String, usize);

/// Judges the label against the records, and its dates and theirs against the last seal's day.
pub(in crate::provenance) fn check(case: &Case<'_>, findings: &mut Findings) {
    if case.subject == Subject::Place {
        return;
    }
    let today = wording::day(case.history.as_of);
    let year = today.get(..4).and_then(|year| year.parse().ok()).unwrap_or_default();
    let label = &case.history.label;
    for (fact, ais, name) in COMPARED {
        let recorded = recorded(case, fact, findings);
        let on_label: Vec<(&str, String)> = ais
            .iter()
            .filter_map(|ai| {
                let value = label.get(ai)?;
                let value = if fact == Fact::Lot { value.to_owned() } else { label.day(ai, year)? };
                Some((*ai, value))
            })
            .collect();
        for (ai, value) in &on_label {
            compare(case, name, ai, value, &recorded, findings);
        }
        if let Some((value, at)) = recorded.first()
            && on_label.is_empty()
            && !label.is_empty()
        {
            let sentence = format!("The label does not say its {name}, which is on record as {}.", shown(value));
            findings.add("label-incomplete", Severity::Note, &[case.leaf(*at)], sentence);
        }
        passed(case, fact, name, &on_label, &recorded, &today, findings);
    }
}

/// The expiry or sell-by date that the product was made with, `YYYY-MM-DD`.
pub(in crate::provenance) fn expiry(case: &Case<'_>) -> Option<String> {
    let of = |at: usize, fact| texts(case.event(at), fact).iter().find_map(|text| day_of(text));
    origins(case).find_map(|at| of(at, Fact::Expiry).or_else(|| of(at, Fact::SellBy)))
}

/// The lot that the label says `item` is of, if that is what was asked about.
pub(in crate::provenance) fn lot(case: &Case<'_>, item: &Id) -> Option<Id> {
    item.lot(case.history.label.get("10")?).filter(|_| *item == case.history.id)
}

/// The origins by the one who may say what the product is.
fn origins(case: &Case<'_>) -> impl Iterator<Item = usize> {
    case.account.origins.iter().copied().filter(|at| case.signed_by_prefix_holder(*at))
}

/// What is on record of a fact; days for dates. Says which date cannot be read.
fn recorded(case: &Case<'_>, fact: Fact, findings: &mut Findings) -> Vec<Recorded> {
    let mut recorded = Vec::new();
    if fact == Fact::Lot && case.subject != Subject::One {
        // Of which lot a lot is, its own id says.
        return recorded;
    }
    for at in origins(case) {
        let event = case.event(at);
        for text in texts(event, fact) {
            match day_of(&text) {
                _ if fact == Fact::Lot => recorded.push((text, at)),
                Some(day) => recorded.push((day, at)),
                None => {
                    let sentence = format!(
                        "The {} that {} recorded on {} cannot be read as a day: {}.",
                        COMPARED.iter().find(|(one, ..)| *one == fact).map_or("date", |(.., name)| name),
                        case.who(at),
                        case.day(at),
                        shown(&text)
                    );
                    findings.add("expiry-unreadable", Severity::Note, &[case.leaf(at)], sentence);
                }
            }
        }
        if fact == Fact::Lot {
            recorded.extend(event.lots_written_beside(&case.history.id).map(|number| (number.to_owned(), at)));
        }
    }
    recorded
}

fn compare(case: &Case<'_>, name: &str, ai: &str, value: &str, recorded: &[Recorded], findings: &mut Findings) {
    if recorded.iter().any(|(known, _)| known == value) {
        return;
    }
    let Some((known, at)) = recorded.first() else {
        let sentence = format!("The label says ({ai}) {name} {value}, and no record confirms it.");
        return findings.add("label-unconfirmed", Severity::Note, &[], sentence);
    };
    let sentence = format!(
        "The label says ({ai}) {name} {value}, and {} recorded {} on {}.",
        case.who(*at),
        shown(known),
        case.day(*at)
    );
    let leaves: Vec<LeafIndex> = recorded.iter().map(|(_, at)| case.leaf(*at)).collect();
    findings.add("label-differs", Severity::Fails, &leaves, sentence);
}

/// Says which date has passed: the earliest of the label's and the recorded ones.
fn passed(
    case: &Case<'_>,
    fact: Fact,
    name: &str,
    on_label: &[(&str, String)],
    recorded: &[Recorded],
    today: &str,
    findings: &mut Findings,
) {
    if matches!(fact, Fact::Lot | Fact::Production) {
        return;
    }
    let days = on_label.iter().map(|(_, day)| day).chain(recorded.iter().map(|(day, _)| day));
    let Some(day) = days.min().filter(|day| day.as_str() < today) else { return };
    let leaves: Vec<LeafIndex> =
        recorded.iter().filter(|(known, _)| known == day).map(|(_, at)| case.leaf(*at)).collect();
    if fact == Fact::Expiry {
        findings.add("expired", Severity::Past, &leaves, format!("Its date of expiry, {day}, has passed."));
    } else {
        findings.add("date-passed", Severity::Note, &leaves, format!("Its {name}, {day}, has passed."));
    }
}

/// The day that a recorded text begins with, where it is one.
fn day_of(text: &str) -> Option<String> {
    let day = text.get(..10)?;
    let dashed = |at: usize| at == 4 || at == 7;
    let is_shaped =
        day.bytes().enumerate().all(|(at, byte)| if dashed(at) { byte == b'-' } else { byte.is_ascii_digit() });
    let number = |from: usize, to: usize| day.get(from..to)?.parse::<u16>().ok();
    let (year, month, date) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    (is_shaped && date > 0 && date <= days_in(year, month)).then(|| day.to_owned())
}
