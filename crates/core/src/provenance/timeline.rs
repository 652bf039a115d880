//! The timeline: every record of the product and of what it was in, for people to follow.

use serde::Serialize;

use crate::epcis::Coordinates;
use crate::epcis::event::Action;
use crate::gs1::Id;
use crate::merkle::LeafIndex;
use crate::provenance::account::Outcome;
use crate::provenance::case::Case;
use crate::provenance::corrections::Standing;
use crate::provenance::phrase::Phrase;
use crate::provenance::reading;
use crate::provenance::sentences::Sentences;
use crate::provenance::verdict::Party;
use crate::provenance::wording::quoted;
use crate::time::Timestamp;

/// One record of the product's journey.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TimelineStep {
    pub leaf: LeafIndex,
    /// The event's place within its statement, from 0.
    pub position: u32,
    pub event_id: String,
    pub event_time: Timestamp,
    /// What clocks showed there beside UTC, as the event has it: such as `+09:00`.
    pub event_time_zone_offset: String,
    /// The time of the block that accepted it.
    pub accepted: Timestamp,
    /// The event type, such as `ObjectEvent`.
    #[serde(rename = "type")]
    pub event_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub biz_step: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disposition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Id>,
    /// To whom the location belongs, if that is another participant than the signer.
    #[serde(skip)]
    pub location_owner: Option<Party>,
    /// Degrees north of the equator and east of Greenwich, where the event gives its place by coordinates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latitude: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longitude: Option<f64>,
    pub signer: Party,
    /// The container that the record names, and the product was in, where it does not name the product itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via: Option<Id>,
    /// The leaf that withdraws this record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corrected_by: Option<LeafIndex>,
    /// The leaf of the record that this withdraws.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corrects: Option<LeafIndex>,
    /// What to know when this record does not count as it stands, in English.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    #[serde(skip)]
    note_said: Option<Phrase>,
}

/// How a step stands to the journey, if it is not simply a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepMark {
    None,
    /// It cannot be true together with the journey.
    Contradicts,
    /// Its signer has no part in the journey.
    Claim,
}

impl TimelineStep {
    /// How a page marks this step.
    pub const fn mark(&self) -> StepMark {
        match self.note_said {
            Some(Phrase::NoteContradicts) => StepMark::Contradicts,
            Some(Phrase::NoteClaim) => StepMark::Claim,
            _ => StepMark::None,
        }
    }

    /// The note in a language.
    pub fn note_text(&self, sentences: &Sentences) -> Option<String> {
        self.note_said.clone().map(|note| sentences.say(&note.into()))
    }
}

/// Tells all that is recorded of the product and of its containers, what was withdrawn too. A repeat is told at its first place
/// alone.
pub(super) fn of(case: &Case<'_>) -> Vec<TimelineStep> {
    let mut told = case.told.clone();
    told.sort_by_key(|at| case.moment(*at));
    told.into_iter()
        .filter(|at| !matches!(case.entries[*at].standing, Standing::Repeats(_)))
        .map(|at| step(case, at))
        .collect()
}

/// A participant by id and name.
pub(super) fn party(case: &Case<'_>, id: &crate::consortium::ParticipantId) -> Party {
    let participant = case.history.registry.participant(id);
    Party { id: *id, organization: participant.map(|one| one.claims.organization.clone()) }
}

fn step(case: &Case<'_>, at: usize) -> TimelineStep {
    let entry = &case.entries[at];
    let (record, event) = (entry.record, &entry.record.event);
    let (corrected_by, corrects) = match entry.standing {
        Standing::WithdrawnBy(by) => (Some(case.leaf(by)), None),
        Standing::Withdraws(event) => (None, Some(case.leaf(event))),
        _ => (None, None),
    };
    let note_said = note(case, at);
    TimelineStep {
        leaf: record.place.leaf,
        position: record.position,
        event_id: event.event_id.uri.clone(),
        event_time: event.event_time,
        event_time_zone_offset: event.event_time_zone_offset.clone(),
        accepted: record.place.time,
        event_type: event.type_name(),
        action: event.action().map(word),
        biz_step: event.biz_step.as_ref().map(|step| step.as_str().to_owned()),
        disposition: event.disposition.as_ref().map(|disposition| disposition.as_str().to_owned()),
        location: reading::location(event).cloned(),
        location_owner: case.location_owner(at).map(|owner| party(case, owner)),
        latitude: event.coordinates.map(Coordinates::latitude),
        longitude: event.coordinates.map(Coordinates::longitude),
        signer: Party { id: record.signer, organization: entry.participant.map(|one| one.claims.organization.clone()) },
        via: case.via(at).cloned(),
        corrected_by,
        corrects,
        note: note_said.clone().map(|note| Sentences::english().say(&note.into())),
        note_said,
    }
}

fn note(case: &Case<'_>, at: usize) -> Option<Phrase> {
    match case.entries[at].standing {
        Standing::Counts if case.account.disregarded.contains(&at) => Some(Phrase::NoteDisregarded),
        Standing::Counts if case.account.taken_back.contains(&at) => Some(Phrase::NoteTakenBack),
        Standing::Counts => match case.account.outcome(at) {
            Some(Outcome::Contradiction) => Some(Phrase::NoteContradicts),
            Some(Outcome::Claim) => Some(Phrase::NoteClaim),
            _ => None,
        },
        Standing::Repeats(_) => None,
        Standing::WithdrawnBy(_) => Some(Phrase::NoteWithdrawn),
        Standing::Withdraws(_) => {
            let declaration = case.event(at).error_declaration.as_ref();
            let reason = declaration.and_then(|declaration| declaration.reason.as_deref());
            Some(match reason {
                Some(reason) => Phrase::NoteWithdrawsFor { reason: quoted(reason).into() },
                None => Phrase::NoteWithdraws,
            })
        }
        Standing::WithdrawsNothing => Some(Phrase::NoteWithdrawsNothing),
    }
}

const fn word(action: Action) -> &'static str {
    match action {
        Action::Add => "ADD",
        Action::Observe => "OBSERVE",
        Action::Delete => "DELETE",
    }
}
