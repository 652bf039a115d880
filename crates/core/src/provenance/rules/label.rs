//! The label, and the dates: what the code says beside the serial against what the product was made with.
//!
//! A copied serial often stands on a label with another lot or a later date. Only records of the one to whom the number
//! belongs are held against it.

use crate::gs1::{Id, days_in};
use crate::merkle::LeafIndex;
use crate::provenance::case::Case;
use crate::provenance::finding::Findings;
use crate::provenance::master_data::{Fact, texts};
use crate::provenance::phrase::Phrase;
use crate::provenance::records::Subject;
use crate::provenance::rule::Rule;
use crate::provenance::sentences::Wording;
use crate::provenance::wording::{self, quoted};

/// What is compared, by which AIs, and how sentences name it.
const COMPARED: [(Fact, &[&str], Phrase); 5] = [
    (Fact::Lot, &["10"], Phrase::LotNumber),
    (Fact::Expiry, &["17", "7003"], Phrase::ExpiryDate),
    (Fact::BestBefore, &["15"], Phrase::BestBeforeDate),
    (Fact::SellBy, &["16"], Phrase::SellByDate),
    (Fact::Production, &["11"], Phrase::ProductionDate),
];

/// A value that is on record, with the entry that says so.
type Recorded = (String, usize);

/// Judges the label against the records, and its dates and theirs against the last seal's day.
pub(in crate::provenance) fn check(case: &Case<'_>, findings: &mut Findings) {
    if case.subject == Subject::Place {
        return;
    }
    let today = wording::date(case.history.as_of);
    let year = today.get(..4).and_then(|year| year.parse().ok()).unwrap_or_default();
    let label = &case.history.label;
    for (fact, ais, name) in COMPARED {
        let name = Wording::from(name);
        let recorded = recorded(case, fact, &name, findings);
        let on_label: Vec<(&str, String)> = ais
            .iter()
            .filter_map(|ai| {
                let value = label.get(ai)?;
                let value = if fact == Fact::Lot { value.to_owned() } else { label.day(ai, year)? };
                Some((*ai, value))
            })
            .collect();
        for (ai, value) in &on_label {
            compare(case, fact, &name, (ai, value), &recorded, findings);
        }
        if let Some((value, at)) = recorded.first()
            && on_label.is_empty()
            && !label.is_empty()
        {
            let value = told(fact, value);
            findings.add(Rule::LabelIncomplete { name: name.clone(), value }, &[case.leaf(*at)]);
        }
        passed(case, fact, &name, &on_label, &recorded, &today, findings);
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
fn recorded(case: &Case<'_>, fact: Fact, name: &Wording, findings: &mut Findings) -> Vec<Recorded> {
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
                    let (who, day, text) = (case.who(at), case.day(at), quoted(&text).into());
                    findings.add(Rule::ExpiryUnreadable { name: name.clone(), who, day, text }, &[case.leaf(at)]);
                }
            }
        }
        if fact == Fact::Lot {
            recorded.extend(event.lots_written_beside(&case.history.id).map(|number| (number.to_owned(), at)));
        }
    }
    recorded
}

/// A value as sentences tell it: a lot's number is whatever its maker chose.
fn told(fact: Fact, value: &str) -> Wording {
    if fact == Fact::Lot { quoted(value).into() } else { value.into() }
}

fn compare(
    case: &Case<'_>,
    fact: Fact,
    name: &Wording,
    (ai, value): (&str, &str),
    recorded: &[Recorded],
    findings: &mut Findings,
) {
    if recorded.iter().any(|(known, _)| known == value) {
        return;
    }
    let (ai, name, value) = (Wording::from(ai), name.clone(), told(fact, value));
    let Some((known, at)) = recorded.first() else {
        return findings.add(Rule::LabelUnconfirmed { ai, name, value }, &[]);
    };
    let (who, recorded_value, day) = (case.who(*at), told(fact, known), case.day(*at));
    let leaves: Vec<LeafIndex> = recorded.iter().map(|(_, at)| case.leaf(*at)).collect();
    findings.add(Rule::LabelDiffers { ai, name, value, who, recorded: recorded_value, day }, &leaves);
}

/// Says which date has passed: the earliest of the label's and the recorded ones.
fn passed(
    case: &Case<'_>,
    fact: Fact,
    name: &Wording,
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
        findings.add(Rule::Expired { expiry: day.as_str().into() }, &leaves);
    } else {
        findings.add(Rule::DatePassed { name: name.clone(), date: day.as_str().into() }, &leaves);
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
