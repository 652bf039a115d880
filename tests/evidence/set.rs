//! The shared set: documents about many ids of many random ledgers, good, changed and hidden in, each with what this
//! program says of it. It is made once, and written as files for the other verifiers.

use sealane::signatures::AwsLc;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;

use sealane::app::evidence::{gather, verdict};
use sealane::ports::LedgerStore;
use sealane_core::evidence::{Anchor, Evidence, EvidenceError, check};
use sealane_core::gs1::{Id, IdKind, Question};
use sealane_core::provenance::{Policy, Sentences, Verdict, judge, stale};
use sealane_core::time::Timestamp;
use serde_json::{Value, json};

use crate::book::Book;
use crate::dice::Dice;
use crate::tampering::variant;
use crate::world::World;
use crate::{commits, handing_over, hiding, odd, tampering, texts, voting};

const SEEDS: std::ops::Range<u64> = 1..9;

/// Changed documents of one ledger in the set; the tests of changes try all.
const CHANGED_PER_LAND: usize = 70;

/// Documents of one ledger in the set in which something is hidden; the test of hiding tries all.
const HIDDEN_PER_LAND: usize = 25;

/// Turned bits of each ledger's documents.
const FLIPPED_PER_LAND: usize = 12;

/// What stands on labels: lots of which some are recorded or recalled, the expiry that some things were made with, and others.
const LABELS: [&str; 9] = [
    "10=L0&17=261231",
    "10=L1",
    "10=L2&17=261200&22=2A",
    "10=L9",
    "17=290101&7003=2901011200",
    "7003=2612312359&11=260301",
    "15=260228&16=250101",
    "22=2A&235=T1",
    "10=L0&17=250228",
];

/// Labels with which each id is asked about.
const LABELS_PER_ID: usize = 2;

const WORDS: [&str; 8] = ["unknown", "recalled", "suspect", "ended", "disputed", "incomplete", "traced", "authentic"];

/// A world that has been asked.
pub struct Land {
    pub book: Book,
    pub told: BTreeMap<&'static str, usize>,
    pub answers: Vec<Answer>,
    pub labelled: Vec<Labelled>,
    /// The node's clock when it was asked.
    pub now: Timestamp,
}

/// What a node says of an id.
pub struct Answer {
    pub id: Id,
    pub height: usize,
    pub gathered: Evidence,
    /// Its own verdict, at the last block alone.
    pub verdict: Option<Verdict>,
}

/// What a node says of an id with a label.
pub struct Labelled {
    pub asked: Question,
    pub gathered: Evidence,
    pub verdict: Verdict,
}

/// A document, and what this program says of it.
pub struct Case {
    pub name: String,
    pub anchor: Value,
    pub asked: Question,
    pub now: Timestamp,
    pub text: String,
    /// A verdict that the server claims, and that the document does not bear out.
    pub claimed: Option<&'static str>,
    pub outcome: Result<Verdict, String>,
}

/// Reads, checks and judges, as whoever holds the document does.
pub fn examine(text: &[u8], asked: impl Into<Question>, anchor: &Anchor) -> Result<Verdict, EvidenceError> {
    let checked = check(&Evidence::parse(text)?, asked, anchor, &AwsLc)?;
    Ok(judge(&checked.history, &Policy::default()))
}

/// The verdict of somebody with a clock.
pub fn at(verdict: Verdict, now: Timestamp) -> Verdict {
    match stale(verdict.as_of, now, &Policy::default()) {
        Some(reason) => verdict.with(reason),
        None => verdict,
    }
}

pub fn lands() -> &'static [Land] {
    static LANDS: OnceLock<Vec<Land>> = OnceLock::new();
    LANDS.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        SEEDS.map(|seed| runtime.block_on(land(seed))).collect()
    })
}

async fn land(seed: u64) -> Land {
    let World { mut node, book, ids, told } = World::make(seed).await;
    let last = book.blocks.len() - 1;
    let (mut answers, mut labelled) = (Vec::new(), Vec::new());
    for (number, id) in worth_asking(&book, ids.iter().map(|id| Id::parse(id).unwrap())).into_iter().enumerate() {
        let ledger = node.ledger.clone();
        let gathered = node.drive(gather(&ledger, &id, None)).await.unwrap();
        let (said, _) = node.drive(verdict(&ledger, &id, &Policy::default())).await.unwrap();
        answers.push(Answer { id: id.clone(), height: last, gathered, verdict: Some(said) });
        for at in 0..LABELS_PER_ID {
            let label = LABELS[(number * LABELS_PER_ID + at + seed as usize) % LABELS.len()];
            // A lot has no further lot, and what has no GTIN no label.
            let asked = Question::parse(&format!("{id}?{label}")).unwrap_or_else(|_| (&id).into());
            if !asked.label.is_empty() {
                let gathered = node.drive(gather(&ledger, &asked, None)).await.unwrap();
                let (verdict, _) = node.drive(verdict(&ledger, &asked, &Policy::default())).await.unwrap();
                labelled.push(Labelled { asked, gathered, verdict });
            }
        }
        if number.is_multiple_of(3) {
            let height = last * (2 + number % 4) / 6;
            let block = node.store.block(book.blocks[height].seal.height).await.unwrap();
            let gathered = node.drive(gather(&ledger, &id, block)).await.unwrap();
            answers.push(Answer { id, height, gathered, verdict: None });
        }
    }
    Land { book, told, answers, labelled, now: node.now() }
}

/// The ids whose answers rest on most, and some of every other kind.
fn worth_asking(book: &Book, ids: impl Iterator<Item = Id>) -> Vec<Id> {
    let edition = book.last();
    let mut all: Vec<(usize, Id)> = ids.map(|id| (edition.trail(&id).shown.len(), id)).collect();
    all.sort_by(|one, other| other.cmp(one));
    let known = |id: &Id| !edition.list(&sealane_core::index::Subject::id(id.as_str())).is_empty();
    let group = |id: &Id| match (known(id), id.kind()) {
        (false, IdKind::Location) => 0,
        (false, _) => 1,
        (_, IdKind::LogisticUnit) => 2,
        (_, IdKind::Lot) => 3,
        (_, IdKind::Class) => 4,
        (_, IdKind::Other) => 5,
        _ => 6,
    };
    let most = [1, 1, 2, 1, 1, 2, 5];
    let mut chosen = Vec::new();
    let mut taken = [0; 7];
    // Every other product, so that plain ones are asked about too.
    let (first, second): (Vec<_>, Vec<_>) = all.into_iter().enumerate().partition(|(at, _)| *at < 8 || at % 5 == 0);
    for (_, (_, id)) in first.into_iter().chain(second) {
        let group = group(&id);
        if taken[group] < most[group] {
            taken[group] += 1;
            chosen.push(id);
        }
    }
    chosen
}

pub fn cases() -> &'static [Case] {
    static CASES: OnceLock<Vec<Case>> = OnceLock::new();
    CASES.get_or_init(|| {
        let lands = lands();
        let mut cases = Vec::new();
        for (number, land) in lands.iter().enumerate() {
            let foreign = &lands[(number + 1) % lands.len()].answers[0].gathered;
            Making { number, land, cases: &mut cases }.all(foreign);
        }
        let council = commits::council();
        let anchor = council.book.anchor.to_json();
        for one in commits::cases(&council) {
            let text = serde_json::to_string(&one.evidence).unwrap();
            let said = examine(text.as_bytes(), &council.id, &council.book.anchor);
            let now = council.book.blocks[council.book.blocks.len() - 1].seal.time;
            let outcome = said.map(|verdict| at(verdict, now)).map_err(|error| variant(&error));
            let (name, anchor, asked) = (format!("council: {}", one.what), anchor.clone(), (&council.id).into());
            cases.push(Case { name, anchor, asked, now, text, claimed: None, outcome });
        }
        for one in odd::cases() {
            let text = serde_json::to_string(&one.evidence).unwrap();
            let said = examine(text.as_bytes(), &one.id, &council.book.anchor);
            let outcome = said.map(|verdict| at(verdict, one.now)).map_err(|error| variant(&error));
            let (name, anchor) = (format!("odd: {}", one.what), anchor.clone());
            cases.push(Case { name, anchor, asked: one.id.into(), now: one.now, text, claimed: None, outcome });
        }
        let relay = handing_over::Relay::run();
        for one in handing_over::cases(&relay) {
            let text = serde_json::to_string(&one.evidence).unwrap();
            let said = examine(text.as_bytes(), &relay.id, &one.anchor);
            let now = "2026-03-20T00:00:00Z".parse().unwrap();
            let outcome = said.map(|verdict| at(verdict, now)).map_err(|error| variant(&error));
            let (name, anchor) = (format!("handing over: {}", one.what), one.anchor.to_json());
            cases.push(Case { name, anchor, asked: (&relay.id).into(), now, text, claimed: None, outcome });
        }
        let votes = voting::Votes::run();
        for one in voting::cases(&votes) {
            let text = serde_json::to_string(&one.evidence).unwrap();
            let said = examine(text.as_bytes(), &votes.id, &votes.book.anchor);
            let now = "2026-03-20T00:00:00Z".parse().unwrap();
            let outcome = said.map(|verdict| at(verdict, now)).map_err(|error| variant(&error));
            let (name, anchor) = (format!("voting: {}", one.what), votes.book.anchor.to_json());
            cases.push(Case { name, anchor, asked: (&votes.id).into(), now, text, claimed: None, outcome });
        }
        cases
    })
}

struct Making<'a> {
    number: usize,
    land: &'a Land,
    cases: &'a mut Vec<Case>,
}

impl Making<'_> {
    fn all(&mut self, foreign: &Evidence) {
        let land = self.land;
        let last = land.book.blocks.len() - 1;
        for (number, answer) in land.answers.iter().enumerate() {
            self.add(
                format!("good at block {}", answer.height),
                &answer.id,
                to_text(&answer.gathered),
                land.now,
                number,
            );
        }
        for (number, one) in land.labelled.iter().enumerate() {
            let label = one.asked.label.element_string();
            let text = to_text(&one.gathered);
            self.add(format!("good with the label {label}"), &one.asked, text.clone(), land.now, number);
            if number % 4 == 0 {
                self.add(format!("asked without the label {label}"), &one.asked.id, text, land.now, 0);
                let without = Evidence { label: BTreeMap::new(), ..one.gathered.clone() };
                self.add(format!("the label {label} dropped"), &one.asked, to_text(&without), land.now, 0);
            }
        }
        let edition = land.book.last();
        let older = land.book.edition(last - 1);
        let whole = |answer: &&Answer| answer.height == last && !answer.gathered.statements.is_empty();
        let answer = land.answers.iter().filter(whole).nth(self.number % 3).unwrap();
        let changed = tampering::changed(&edition, &older, foreign, &answer.id);
        for one in self.some(changed, CHANGED_PER_LAND) {
            self.add(one.what, &answer.id, to_text(&one.evidence), land.now, 0);
        }
        for one in texts::changed(&answer.gathered) {
            self.add(one.what.to_owned(), &answer.id, one.text, land.now, 0);
        }
        for lie in self.some(hiding::lies(&edition, &answer.id), HIDDEN_PER_LAND) {
            self.add(lie.what, &answer.id, to_text(&lie.evidence), land.now, 0);
        }
        let mut dice = Dice::new(self.number as u64 + 77);
        for at in 0..FLIPPED_PER_LAND {
            let answer = dice.pick(&land.answers);
            let text = texts::flipped(&answer.gathered, &mut dice);
            self.add(format!("bit {at} turned"), &answer.id, text, land.now, 0);
        }
        if self.number == 0 {
            let answer = &land.answers[0];
            let one = texts::too_long();
            self.add(one.what.to_owned(), &answer.id, one.text, land.now, 0);
            let other = land.answers.iter().find(|other| other.id != answer.id).unwrap();
            self.add("asked about another".to_owned(), &other.id, to_text(&answer.gathered), land.now, 0);
        }
    }

    /// So many of all, spread over them, and others for each ledger.
    fn some<T>(&self, all: Vec<T>, most: usize) -> Vec<T> {
        let every = all.len().div_ceil(most).max(1);
        all.into_iter().skip(self.number % every).step_by(every).collect()
    }

    /// Adds a document. Beside every other good one stands a verdict that it does not bear out.
    fn add(&mut self, what: String, asked: impl Into<Question>, text: String, now: Timestamp, number: usize) {
        let asked = asked.into();
        let said = examine(text.as_bytes(), &asked, &self.land.book.anchor);
        let outcome = said.map(|verdict| at(verdict, now)).map_err(|error| variant(&error));
        let claimed = match &outcome {
            Ok(verdict) if number % 2 == 1 => {
                let at = WORDS.iter().position(|word| *word == verdict.word.as_str()).unwrap();
                Some(WORDS[(at + 1 + number / 2 % 7) % 8])
            }
            _ => None,
        };
        let name = format!("ledger {}: {what}", self.number);
        self.cases.push(Case { name, anchor: self.land.book.anchor.to_json(), asked, now, text, claimed, outcome });
    }
}

fn to_text(evidence: &Evidence) -> String {
    serde_json::to_string(evidence).unwrap()
}

/// What other verifiers are to say of a case.
pub fn expected(case: &Case) -> Value {
    match &case.outcome {
        Ok(verdict) => json!({
            "verdict": verdict.word.as_str(),
            "reasons":
                verdict.reasons.iter().map(|one| json!([one.rule, one.severity, one.leaves, one.sentence])).collect::<Vec<_>>(),
            "told": told(verdict),
        }),
        Err(error) => json!({"refused": true, "error": error}),
    }
}

/// What a verdict tells people apart from its reasons in English.
fn told(verdict: &Verdict) -> Value {
    let korean = Sentences::korean();
    let notes = verdict.timeline.iter().filter_map(|step| step.note.clone());
    let english: Vec<String> = std::iter::once(verdict.summary.clone()).chain(notes).collect();
    let reasons = verdict.reasons.iter().map(|reason| reason.text(korean));
    let notes = verdict.timeline.iter().filter_map(|step| step.note_text(korean));
    let korean: Vec<String> = std::iter::once(verdict.summary_text(korean)).chain(reasons).chain(notes).collect();
    json!({"en": english, "ko": korean})
}

/// Writes the set as files, once, and says where: a file's name is its case's number, and `now` is in milliseconds since 1970.
pub fn directory() -> &'static PathBuf {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| write("evidence-set", cases()))
}

/// Writes cases as files in a folder of their own, and says where.
pub fn write(folder: &str, cases: &[Case]) -> PathBuf {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(folder);
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory).unwrap();
    for (number, case) in cases.iter().enumerate() {
        let mut file = json!({
            "name": number.to_string(), "what": case.name, "anchor": case.anchor, "id": case.asked.to_uri(), "now": case.now.millis(),
            "evidence": case.text, "expect": expected(case),
        });
        if let Some(claimed) = case.claimed {
            file["claimed"] = json!(claimed);
        }
        std::fs::write(directory.join(format!("{number:05}.json")), file.to_string()).unwrap();
    }
    directory
}
