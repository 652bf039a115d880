//! `verify`: evidence is checked here, and the verdict is reached here. The node's own verdict is not asked for.

use std::fmt::Display;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cli::arguments::{Global, VerifyOptions};
use crate::cli::client::Client;
use crate::cli::evidence;
use crate::cli::failure::{CommandOutcome, Failure};
use crate::cli::node::now;
use crate::cli::output::{Output, excerpt};
use crate::cli::provider::provider;
use crate::cli::seen::{self, Seen};
use crate::cli::trust::{self, Trusted};
use sealane_core::block::{Checkpoint, Origin};
use sealane_core::evidence::{Anchor, Checked, Evidence, check};
use sealane_core::gs1::{Id, IdError, Question, Reading};
use sealane_core::limits::EVIDENCE_BYTES_MAX;
use sealane_core::merkle::{ConsistencyProof, verify_consistency};
use sealane_core::provenance::{Policy, Severity, Verdict, Word, judge, stale};

/// How long a member's node may be behind what another one has shown. Blocks reach all members within a second or two.
const LEVEL_WITHIN: Duration = Duration::from_secs(5);

/// How long such a node is left alone before it is asked again.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(200);

pub fn run(global: &Global, options: &VerifyOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    let answers = match &options.evidence {
        Some(file) => vec![offline(global, options, file)?],
        None => online(global, options, output)?,
    };
    let is_accepted = |word: Word| word == Word::Authentic || options.accept.iter().any(|one| one == word.as_str());
    let accepted = answers.iter().all(|answer| is_accepted(answer.verdict.word));
    let values: Vec<Value> = answers.iter().map(VerifyAnswer::to_json).collect();
    let text = answers.iter().map(VerifyAnswer::to_text).collect::<Vec<_>>().join("\n\n");
    match values.as_slice() {
        [one] => output.result(one, text),
        many => output.result(&many, text),
    }
    Ok(if accepted { CommandOutcome::Done } else { CommandOutcome::OtherVerdict })
}

/// A verdict reached here, and what it stands on.
pub struct VerifyAnswer {
    pub verdict: Verdict,
    pub checked: Checked,
    pub first_contact: bool,
    /// The lot that is meant if the second of two typed numbers is no serial.
    or_lot: Option<Id>,
    /// The same number in other letters, where something is recorded under it. Only who asks a node online looks.
    other_cases: Vec<Id>,
    /// What reading, checking and judging took, without the way there and back.
    took: Duration,
}

fn online(global: &Global, options: &VerifyOptions, output: &Output) -> Result<Vec<VerifyAnswer>, Failure> {
    let ids = options.ids.iter().map(|text| read_labelled(text, options)).collect::<Result<Vec<Reading>, _>>()?;
    let client = Client::of_any(global)?;
    let trusted = trust::choose(global, options.trust.as_deref(), &client, output)?;
    let judged = |Reading { asked, or_lot }| {
        let answer = judge_now(&client, &asked, &trusted)?;
        let other_cases = match answer.verdict.word {
            Word::Unknown => recorded(&client, asked.id.other_cases(), &trusted)?,
            _ => Vec::new(),
        };
        Ok(VerifyAnswer { or_lot, other_cases, ..answer })
    };
    ids.into_iter().map(judged).collect()
}

/// Those of some ids of which a node shows that something is recorded.
fn recorded(client: &Client, ids: Vec<Id>, trusted: &Trusted) -> Result<Vec<Id>, Failure> {
    let mut found = Vec::new();
    for id in ids {
        if judge_now(client, &id, trusted)?.verdict.word != Word::Unknown {
            found.push(id);
        }
    }
    Ok(found)
}

/// Reads an id with what its text and the options say of its label.
fn read_labelled(text: &str, options: &VerifyOptions) -> Result<Reading, Failure> {
    let Reading { asked, or_lot } = Reading::of(text).map_err(Failure::wrong_use)?;
    let asked = options.on_label().try_fold(asked, |asked, (option, ai, value)| {
        if asked.id.gtin().is_none() {
            return Err(Failure::wrong_use(format!(
                "{option} {value}: {} has no GTIN, and only what has one has a lot and an expiry date",
                asked.id
            )));
        }
        asked.with(ai, value).map_err(|error| match error {
            IdError::Repeated { first, .. } => {
                Failure::wrong_use(format!("{option} {value} contradicts the id {text:?}, which says ({ai}){first}"))
            }
            error => Failure::wrong_use(format!("{option}: {error}")),
        })
    })?;
    Ok(Reading { asked, or_lot })
}

/// Fetches the evidence about an id and its label, checks it and judges it by this machine's clock.
pub fn judge_now(client: &Client, asked: impl Into<Question>, trusted: &Trusted) -> Result<VerifyAnswer, Failure> {
    let asked = asked.into();
    let policy = Policy::default();
    let last = if seen::has_a_place() { seen::last(&trusted.anchor)? } else { None };
    let began = Instant::now();
    let mut answer = loop {
        let bytes = evidence::fetch(client, &asked, trusted.anchor.height())?;
        let answer = judged(&ReadEvidence::of(&bytes)?, Some(&asked), &trusted.anchor, &policy)?;
        if began.elapsed() >= LEVEL_WITHIN || !may_be_late(&answer.checked, last.as_ref()) {
            break answer;
        }
        std::thread::sleep(ASK_AGAIN_AFTER);
    };
    hold_against_last_seen(client, &answer.checked, &trusted.anchor, last)?;
    if seen::has_a_place() {
        trusted.renew(&answer.checked.members)?;
    }
    if let Some(reason) = stale(answer.checked.history.as_of, now(), &policy) {
        answer.verdict = answer.verdict.with(reason);
    }
    answer.first_contact = trusted.first_contact;
    Ok(answer)
}

/// Tells whether the node is one of several members' and has not all that another one has shown before.
fn may_be_late(checked: &Checked, last: Option<&Seen>) -> bool {
    let size = checked.checkpoint.checkpoint().size;
    checked.members.last_members().members().len() > 1 && last.is_some_and(|last| size < last.size)
}

/// Refuses a ledger that is older than the one seen before, or does not begin with it; remembers the one shown now.
fn hold_against_last_seen(
    client: &Client,
    checked: &Checked,
    anchor: &Anchor,
    last: Option<Seen>,
) -> Result<(), Failure> {
    if !seen::has_a_place() {
        return Ok(());
    }
    let shown = checked.checkpoint.checkpoint();
    if let Some(last) = last {
        let before = format!("{} leaves, seen at {}", last.size, last.at);
        let fault =
            |what: String| Failure::unproven(format!("the node shows a checkpoint of {} leaves, {what}", shown.size));
        if shown.size < last.size {
            return Err(fault(format!("which is older than one of {before}: it may hide what was recorded since")));
        }
        let proof = if shown.size == last.size {
            ConsistencyProof::default()
        } else {
            let path = format!("/ledger/proofs/consistency?from={}&to={}", last.size, shown.size);
            let answer = client.get_json(&path)?.get_mut("proof").map(Value::take).unwrap_or_default();
            serde_json::from_value(answer)
                .map_err(|error| fault(format!("and no proof of what came before: {error}")))?
        };
        verify_consistency(last.size, last.root, shown.size, shown.root, &proof).map_err(|error| {
            fault(format!(
                "which does not go on from the one of {before}: these are two ledgers, signed by one key. `sealane audit \
                 --url {} --trust FILE` keeps both as a proof ({error})",
                client.url()
            ))
        })?;
    }
    seen::remember(anchor, &Seen::new(shown, checked.checkpoint.commit().clone(), now()))
}

/// Judges saved evidence as of its own time, since it cannot get younger.
fn offline(global: &Global, options: &VerifyOptions, file: &Path) -> Result<VerifyAnswer, Failure> {
    let asked = match options.ids.as_slice() {
        [] => None,
        [one] => Some(read_labelled(one, options)?),
        _ => return Err(Failure::wrong_use("one file of evidence is about one product: give one id or none")),
    };
    let bytes = read_no_more_than_is_taken(file)
        .map_err(|error| Failure::wrong_use(format!("cannot read {}: {error}", file.display())))?;
    // An anchor that cannot be read is said before evidence that cannot.
    let given = options.trust.as_deref().map(trust::read).transpose()?;
    let read = ReadEvidence::of(&bytes)?;
    let anchor = match given {
        Some(anchor) => anchor,
        None => trust::known(global, &read.origin()?)?,
    };
    let answer = judged(&read, asked.as_ref().map(|reading| &reading.asked), &anchor, &Policy::default())?;
    Ok(VerifyAnswer { or_lot: asked.and_then(|reading| reading.or_lot), ..answer })
}

fn unreadable(error: impl Display) -> Failure {
    Failure::unproven(format!("the evidence cannot be read: {}", excerpt(&error.to_string())))
}

/// Evidence that was read, and what that took.
struct ReadEvidence {
    evidence: Evidence,
    took: Duration,
}

impl ReadEvidence {
    fn of(bytes: &[u8]) -> Result<Self, Failure> {
        let began = Instant::now();
        let evidence = Evidence::parse(bytes).map_err(unreadable)?;
        Ok(Self { evidence, took: began.elapsed() })
    }

    /// The ledger that it says it is of: by it an anchor is found, against which all is checked.
    fn origin(&self) -> Result<Origin, Failure> {
        let checkpoint = self.evidence.checkpoint.parse::<Checkpoint>();
        checkpoint.map(|checkpoint| checkpoint.origin).map_err(unreadable)
    }
}

/// Checks evidence and judges what it shows.
fn judged(
    read: &ReadEvidence,
    asked: Option<&Question>,
    anchor: &Anchor,
    policy: &Policy,
) -> Result<VerifyAnswer, Failure> {
    let began = Instant::now();
    let checked = checked(&read.evidence, asked, anchor)?;
    let verdict = judge(&checked.history, policy);
    let took = read.took + began.elapsed();
    Ok(VerifyAnswer { verdict, checked, first_contact: false, or_lot: None, other_cases: Vec::new(), took })
}

/// Reads a file as far as the first byte that makes it too long.
fn read_no_more_than_is_taken(file: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?.take(EVIDENCE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn checked(evidence: &Evidence, asked: Option<&Question>, anchor: &Anchor) -> Result<Checked, Failure> {
    let asked = match asked {
        Some(asked) => asked.clone(),
        None => {
            let id = Id::parse_uri(&evidence.id).map_err(unreadable)?;
            Question::of_document(id, &evidence.label).map_err(unreadable)?
        }
    };
    let unsound = |error: String| Failure::unproven(format!("the evidence does not hold: {}", excerpt(&error)));
    check(evidence, asked, anchor, provider().signatures).map_err(|error| unsound(error.to_string()))
}

/// A mark before each reason, so that the eye finds what weighs.
const fn symbol(severity: Severity) -> char {
    match severity {
        Severity::Recall | Severity::Fails | Severity::Ended => '✗',
        Severity::Disputes => '!',
        Severity::Gap => '?',
        Severity::Past => '–',
        Severity::Note => '·',
        Severity::Holds => '✓',
    }
}

impl VerifyAnswer {
    pub fn to_json(&self) -> Value {
        let mut value = serde_json::to_value(&self.verdict).unwrap_or_default();
        let checkpoint = self.checked.checkpoint.checkpoint();
        value["checked"] = json!({
            "signatures": self.checked.signatures,
            "inclusionProofs": self.checked.leaves,
            "indexProofs": self.checked.subjects,
            "treeSize": checkpoint.size,
            "root": checkpoint.root,
            "milliseconds": self.milliseconds(),
            "complete": !self.checked.history.limit_reached,
        });
        if self.first_contact {
            value["firstContact"] = json!(true);
        }
        value
    }

    /// To the tenth.
    fn milliseconds(&self) -> f64 {
        (self.took.as_secs_f64() * 10_000.0).round() / 10.0
    }

    pub fn to_text(&self) -> String {
        let verdict = &self.verdict;
        let label = verdict.label.element_string();
        let label = if label.is_empty() { label } else { format!("  {label}") };
        let mut lines = vec![format!("{}  {}{label}", verdict.word.as_str().to_uppercase(), verdict.id)];
        lines.push(format!("  {}", verdict.summary));
        if let Some(lot) = self.or_lot.as_ref().and_then(Id::element_string) {
            lines.push(format!(
                "  The second number was read as a serial, for nothing said what it is. If it is a lot, type {lot}"
            ));
        }
        let others = self.other_cases.iter().filter_map(Id::element_string);
        lines.extend(others.map(|other| {
            format!(
                "  Capital and small letters make different numbers. There are records of this one. Is it yours? {other}"
            )
        }));
        for reason in &verdict.reasons {
            let leaves: Vec<String> = reason.leaves.iter().map(ToString::to_string).collect();
            let leaves = match leaves.as_slice() {
                [] => String::new(),
                [one] => format!(" (leaf {one})"),
                many => format!(" (leaves {})", many.join(", ")),
            };
            lines.push(format!("  {} {}: {}{leaves}", symbol(reason.severity), reason.rule, reason.sentence));
        }
        lines.push(format!(
            "  Checked here in {} ms: {} signatures, {} leaves in the tree and {} subjects in the index, so that nothing \
             was left out, at {} leaves, as of {}.",
            self.milliseconds(),
            self.checked.signatures,
            self.checked.leaves,
            self.checked.subjects,
            self.checked.history.tree_size,
            verdict.as_of
        ));
        lines.join("\n")
    }
}
