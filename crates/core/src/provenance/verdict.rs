//! The verdict: one word, the reasons for it, and what is known of the product's state.

use serde::Serialize;

use crate::consortium::{Organization, ParticipantId};
use crate::gs1::{Id, Label};
use crate::merkle::TreeSize;
use crate::provenance::finding::Reason;
use crate::provenance::phrase::Phrase;
use crate::provenance::rule::{Rule, Severity};
use crate::provenance::sentences::{Sentences, Wording};
use crate::provenance::timeline::TimelineStep;
use crate::time::Timestamp;

/// What the records say about one id. Never an error: whatever they hold, there is a verdict.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    pub id: Id,
    /// What the code that was asked about says beside the id.
    #[serde(skip_serializing_if = "Label::is_empty")]
    pub label: Label,
    #[serde(rename = "verdict")]
    pub word: Word,
    pub light: Light,
    /// One plain sentence for a person in a shop, in English.
    pub summary: String,
    #[serde(skip)]
    pub(super) summary_said: Wording,
    /// The weightiest first.
    pub reasons: Vec<Reason>,
    pub state: ProductState,
    /// By event time, then place in the ledger.
    pub timeline: Vec<TimelineStep>,
    /// The time of the last seal that this takes into account.
    pub as_of: Timestamp,
    pub tree_size: TreeSize,
    /// The word without a reason against it.
    #[serde(skip)]
    pub(super) best: Word,
}

/// The verdict in one word. The first that applies, from the top.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Word {
    Unknown,
    Recalled,
    Suspect,
    /// It is no more, or has reached its end as it should.
    Ended,
    /// A participant without a part in its journey says to have had it.
    Disputed,
    Incomplete,
    /// What many share: its origin, its hands and its recalls are on record.
    Traced,
    Authentic,
}

/// What to do at a glance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Light {
    Red,
    Amber,
    Grey,
    Green,
}

/// Where the product is and what became of it, beside the verdict: "sold" or "expired" is not "suspect".
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProductState {
    /// Who has it: its holder, or the carrier that moves it; none once it is sold or no more.
    pub custodian: Option<Party>,
    /// Where it was last recorded.
    pub location: Option<String>,
    /// The disposition that was recorded last: a CBV word or a URI.
    pub disposition: Option<String>,
    /// `sold`, `dispensed`, `decommissioned`, `destroyed`, `consumed`, `expired` or `unpacked`.
    pub end: Option<&'static str>,
    /// The expiry or sell-by date that it was commissioned with, `YYYY-MM-DD`.
    pub expiry: Option<String>,
    pub in_transit: bool,
    /// What it is in: the id of the innermost container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
}

/// A participant as verdicts name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Party {
    pub id: ParticipantId,
    /// Its name as registered; none if it is not.
    pub organization: Option<Organization>,
}

impl Word {
    pub const fn as_str(self) -> &'static str {
        match self {
            Word::Unknown => "unknown",
            Word::Recalled => "recalled",
            Word::Suspect => "suspect",
            Word::Ended => "ended",
            Word::Disputed => "disputed",
            Word::Incomplete => "incomplete",
            Word::Traced => "traced",
            Word::Authentic => "authentic",
        }
    }

    /// The word that reasons amount to, for an id of which something is recorded; `best` if nothing is against it.
    pub(super) fn weigh(reasons: &[Reason], best: Word) -> Self {
        match reasons.iter().map(|reason| reason.severity).min() {
            Some(Severity::Recall) => Word::Recalled,
            Some(Severity::Fails) => Word::Suspect,
            Some(Severity::Ended | Severity::Past) => Word::Ended,
            Some(Severity::Disputes) => Word::Disputed,
            Some(Severity::Gap) => Word::Incomplete,
            Some(Severity::Note | Severity::Holds) | None => best,
        }
    }

    /// The light of this word, for these reasons.
    pub(super) fn light(self, reasons: &[Reason]) -> Light {
        match self {
            Word::Recalled | Word::Suspect => Light::Red,
            Word::Ended if reasons.iter().any(|reason| reason.severity == Severity::Ended) => Light::Red,
            Word::Unknown | Word::Ended | Word::Disputed | Word::Incomplete => Light::Amber,
            Word::Traced => Light::Grey,
            Word::Authentic => Light::Green,
        }
    }
}

impl Verdict {
    /// Adds a reason that comes from outside the history, such as its age, and weighs again.
    ///
    /// What is unknown stays so: there is nothing that a further reason could change about it.
    pub fn with(mut self, reason: Reason) -> Self {
        let at = self.reasons.partition_point(|one| one.severity <= reason.severity);
        self.reasons.insert(at, reason);
        let word = Word::weigh(&self.reasons, self.best);
        if self.word != Word::Unknown && word != self.word {
            (self.word, self.light) = (word, word.light(&self.reasons));
            self.summary_said = summary(word, &self.reasons);
            self.summary = Sentences::english().say(&self.summary_said);
        }
        self
    }

    /// The summary in a language.
    pub fn summary_text(&self, sentences: &Sentences) -> String {
        sentences.say(&self.summary_said)
    }
}

/// The sentence for a verdict that is not authentic: its first reason, after what it means for the one who holds the product.
pub(super) fn summary(word: Word, reasons: &[Reason]) -> Wording {
    let first = reasons.first().map_or(Wording::NOTHING, |reason| Wording::Rule(Box::new(reason.found.clone())));
    match word {
        Word::Unknown => Phrase::SummaryUnknown.into(),
        Word::Recalled => Phrase::SummaryRecalled { first }.into(),
        Word::Suspect => Phrase::SummarySuspect { first }.into(),
        Word::Ended => match reasons.first().map(|reason| &reason.found) {
            Some(Rule::Destroyed { .. }) => Phrase::SummaryDestroyed { first }.into(),
            Some(Rule::Decommissioned { .. }) => Phrase::SummaryDecommissioned { first }.into(),
            Some(Rule::Expired { .. }) => Phrase::SummaryExpired { first }.into(),
            Some(Rule::UsedUp { .. }) => Phrase::SummaryUsedUp { first }.into(),
            Some(Rule::Unpacked { .. }) => Phrase::SummaryUnpacked { first }.into(),
            _ => first,
        },
        Word::Disputed => first,
        Word::Incomplete => Phrase::SummaryIncomplete { first }.into(),
        Word::Traced => Phrase::SummaryTraced.into(),
        Word::Authentic => Phrase::SummaryAuthentic.into(),
    }
}
