//! The five event types of EPCIS 2.0 §7.4 as typed values, after normalisation.

use crate::epcis::coordinates::Coordinates;
use crate::epcis::vocabulary::{BizStep, Disposition};
use crate::gs1::Id;
use crate::hash::Hash;
use crate::json::Json;
use crate::time::Timestamp;

/// One EPCIS event. Made only by reading a document, so that what the standard requires of it holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The document's `eventID`, or the CBV 2.0 event hash id where it gives none.
    pub event_id: EventId,
    pub event_time: Timestamp,
    /// As written, such as `+09:00`.
    pub event_time_zone_offset: String,
    pub what: What,
    pub biz_step: Option<BizStep>,
    pub disposition: Option<Disposition>,
    pub persistent_disposition: PersistentDisposition,
    /// Where the event took place: a GLN or another URI.
    pub read_point: Option<Id>,
    /// Where the objects are afterwards: a GLN or another URI.
    pub biz_location: Option<Id>,
    /// Where on the globe that was, if the event says so: by its readPoint, or else by its bizLocation.
    pub coordinates: Option<Coordinates>,
    pub biz_transactions: Vec<BizTransaction>,
    pub sources: Vec<SourceDest>,
    pub destinations: Vec<SourceDest>,
    pub error_declaration: Option<ErrorDeclaration>,
    /// The lots that stood beside the serials that this event brings forth, in the order of their list.
    pub written_lots: Vec<WrittenLot>,
    /// SHA-256 of the event's pre-hash string (CBV 2.0 §8.9.2), which its hash id has in digits: equal for two statements
    /// of one fact, whatever eventIDs they give it.
    pub content_hash: Hash,
}

/// An event's identifier: an absolute URI, unique together with its participant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId {
    pub uri: String,
    /// False where the document gave none and this is the CBV 2.0 event hash id.
    pub given: bool,
}

/// The "what" of an event, with its action where the event type has one (EPCIS 2.0 §7.4.2 to §7.4.6).
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    Object {
        action: Action,
        epcs: Vec<Id>,
        quantities: Vec<Quantity>,
        ilmd: Option<Json>,
    },
    Aggregation {
        action: Action,
        parent: Option<Id>,
        child_epcs: Vec<Id>,
        child_quantities: Vec<Quantity>,
    },
    Transaction {
        action: Action,
        parent: Option<Id>,
        epcs: Vec<Id>,
        quantities: Vec<Quantity>,
    },
    Transformation {
        transformation_id: Option<Id>,
        input_epcs: Vec<Id>,
        input_quantities: Vec<Quantity>,
        output_epcs: Vec<Id>,
        output_quantities: Vec<Quantity>,
        ilmd: Option<Json>,
    },
    Association {
        action: Action,
        parent: Option<Id>,
        child_epcs: Vec<Id>,
        child_quantities: Vec<Quantity>,
    },
}

/// EPCIS 2.0 §7.3.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Add,
    Observe,
    Delete,
}

/// A class or lot of objects and how many or how much of it (EPCIS 2.0 §7.3.3.3).
#[derive(Debug, Clone, PartialEq)]
pub struct Quantity {
    pub epc_class: Id,
    /// The number as a decimal, without an exponent, such as `12.5`; `None` for an unspecified quantity.
    pub quantity: Option<String>,
    /// UN/CEFACT Recommendation 20 code; `None` when counting instances.
    pub uom: Option<String>,
}

/// The lot in an EPC as it was signed: `L8` of `…/10/L8/21/S8`. The id itself is without it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenLot {
    /// The EPC's place in the `epcList`, or of a transformation in the `outputEPCList`, from 0.
    pub place: u32,
    pub number: String,
}

/// EPCIS 2.0 §7.3.5.4 and CBV 2.0 §7.3: what is a party to a business transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceDest {
    /// `owning_party`, `possessing_party`, `location`, or another URI.
    pub kind: String,
    pub id: Id,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BizTransaction {
    /// `po`, `desadv` and so on, or another URI; `None` when not said.
    pub kind: Option<String>,
    pub id: String,
}

/// EPCIS 2.0 §7.4.1.3: dispositions that hold until they are unset.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PersistentDisposition {
    pub set: Vec<Disposition>,
    pub unset: Vec<Disposition>,
}

/// EPCIS 2.0 §7.4.1.2: this event's eventID names an earlier event that its own signer declares wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorDeclaration {
    pub declaration_time: Timestamp,
    pub reason: Option<String>,
    pub corrective_event_ids: Vec<String>,
}

/// How an event touches an id (EPCIS 2.0 §7.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// In `epcList` or `quantityList`.
    Object,
    Parent,
    Child,
    Input,
    Output,
}

impl Action {
    /// The standard's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Action::Add => "ADD",
            Action::Observe => "OBSERVE",
            Action::Delete => "DELETE",
        }
    }
}

impl Event {
    /// Every id in the event's "what", with the part it plays, in the order of the standard's tables.
    pub fn ids(&self) -> impl Iterator<Item = (Part, &Id)> {
        let (parent, first, second) = self.listed();
        parent.iter().map(|id| (Part::Parent, id)).chain(first.ids()).chain(second.ids())
    }

    /// The parent, and the lists in which the event's "what" names ids.
    fn listed(&self) -> (&Option<Id>, Listed<'_>, Listed<'_>) {
        let nothing = Listed { part: Part::Object, epcs: &[], quantities: &[] };
        match &self.what {
            What::Object { epcs, quantities, .. } => (&None, Listed { part: Part::Object, epcs, quantities }, nothing),
            What::Transaction { parent, epcs, quantities, .. } => {
                (parent, Listed { part: Part::Object, epcs, quantities }, nothing)
            }
            What::Aggregation { parent, child_epcs, child_quantities, .. }
            | What::Association { parent, child_epcs, child_quantities, .. } => {
                (parent, Listed { part: Part::Child, epcs: child_epcs, quantities: child_quantities }, nothing)
            }
            What::Transformation { input_epcs, input_quantities, output_epcs, output_quantities, .. } => (
                &None,
                Listed { part: Part::Input, epcs: input_epcs, quantities: input_quantities },
                Listed { part: Part::Output, epcs: output_epcs, quantities: output_quantities },
            ),
        }
    }

    /// The ids of single objects in the event's "what", in lists of EPCs or as the parent, with the part that each plays.
    pub fn epcs(&self) -> impl Iterator<Item = (Part, &Id)> {
        let (parent, first, second) = self.listed();
        parent.iter().map(|id| (Part::Parent, id)).chain(first.of_epcs()).chain(second.of_epcs())
    }

    /// The ids of classes and lots in the event's lists of quantities, with the part that each plays.
    pub fn epc_classes(&self) -> impl Iterator<Item = (Part, &Id)> {
        let (_, first, second) = self.listed();
        first.of_classes().chain(second.of_classes())
    }

    /// Tells whether the event's "what" names `id`.
    pub fn names(&self, id: &Id) -> bool {
        self.ids().any(|(_, named)| named == id)
    }

    /// Tells whether the event gives what it names this disposition, by itself or lastingly.
    pub fn declares(&self, disposition: &str) -> bool {
        self.disposition.as_ref().is_some_and(|one| one.as_str() == disposition)
            || self.persistent_disposition.set.iter().any(|one| one.as_str() == disposition)
    }

    /// Tells whether the event takes this lasting disposition away (EPCIS 2.0 §7.4.1.3).
    pub fn takes_back(&self, disposition: &str) -> bool {
        self.persistent_disposition.unset.iter().any(|one| one.as_str() == disposition)
    }

    /// The lots in an id's own EPCs as they were signed, where this event brings it forth.
    pub fn lots_written_beside(&self, id: &Id) -> impl Iterator<Item = &str> {
        let epcs = match &self.what {
            What::Object { epcs, .. } => epcs.as_slice(),
            What::Transformation { output_epcs, .. } => output_epcs,
            What::Aggregation { .. } | What::Transaction { .. } | What::Association { .. } => &[],
        };
        let of_id = move |lot: &&WrittenLot| epcs.get(lot.place as usize) == Some(id);
        self.written_lots.iter().filter(of_id).map(|lot| lot.number.as_str())
    }

    /// What links the parts of a transformation that several events record (EPCIS 2.0 §7.4.5).
    pub fn transformation_id(&self) -> Option<&Id> {
        match &self.what {
            What::Transformation { transformation_id, .. } => transformation_id.as_ref(),
            _ => None,
        }
    }

    /// The action, for the event types that have one.
    pub fn action(&self) -> Option<Action> {
        match &self.what {
            What::Object { action, .. }
            | What::Aggregation { action, .. }
            | What::Transaction { action, .. }
            | What::Association { action, .. } => Some(*action),
            What::Transformation { .. } => None,
        }
    }

    /// The standard's name of the event type, such as `ObjectEvent`.
    pub fn type_name(&self) -> &'static str {
        match self.what {
            What::Object { .. } => "ObjectEvent",
            What::Aggregation { .. } => "AggregationEvent",
            What::Transaction { .. } => "TransactionEvent",
            What::Transformation { .. } => "TransformationEvent",
            What::Association { .. } => "AssociationEvent",
        }
    }
}

/// The lists of an event in which ids play one part.
#[derive(Clone, Copy)]
struct Listed<'a> {
    part: Part,
    epcs: &'a [Id],
    quantities: &'a [Quantity],
}

impl<'a> Listed<'a> {
    fn ids(self) -> impl Iterator<Item = (Part, &'a Id)> {
        self.of_epcs().chain(self.of_classes())
    }

    fn of_epcs(self) -> impl Iterator<Item = (Part, &'a Id)> {
        self.epcs.iter().map(move |id| (self.part, id))
    }

    fn of_classes(self) -> impl Iterator<Item = (Part, &'a Id)> {
        self.quantities.iter().map(move |quantity| (self.part, &quantity.epc_class))
    }
}
