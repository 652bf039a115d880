//! What an event says about having the product and about its end, by the CBV 2.0 business steps and dispositions.
//!
//! | reading | business steps | in the CBV's words, roughly |
//! |---|---|---|
//! | lets go | `shipping`, `consigning`, `departing` | the whole of dispatch; the same with a change of possession; leaving on the way to a destination |
//! | takes | `receiving`, `accepting` | added to the receiver's stock; possession or ownership changes |
//! | takes back | `void_shipping` | what was said to be shipped was not |
//! | says from afar | `sensor_reporting`, `reserving`, every TransactionEvent but those above, a theft reported, a recall or decommissioning by the prefix's holder | true without having the product in hand |
//! | has in hand | everything else, `arriving`, `loading`, `transporting`, `storing` and so on among them | seen, moved or worked on |
//!
//! `arriving` is not `receiving`: a vehicle in the yard is not yet a delivery accepted. Where the one who records it is
//! the destination that the sender announced, it ends the transfer all the same (see `passage`).

use crate::consortium::ParticipantId;
use crate::epcis::event::{Action, Event, What};
use crate::gs1::Id;
use crate::provenance::records::Records;

/// What an event says about who has the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    Ships,
    Receives,
    VoidsShipping,
    Handles,
    FromAfar,
}

/// How a product's life in the chain ends, the more final the later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum End {
    Sold,
    Dispensed,
    Decommissioned,
    Destroyed,
}

impl End {
    /// Tells whether a step may follow this end without contradicting it.
    ///
    /// What was sold is repaired, collected and at last destroyed; what was decommissioned is still disposed of. What is
    /// sold or decommissioned a second time is the mark of a copied label.
    pub fn permits(self, step: &str) -> bool {
        match self {
            End::Sold | End::Dispensed => AFTER_SALE.contains(&step),
            End::Decommissioned => ["collecting", "destroying", "disassembling"].contains(&step),
            End::Destroyed => false,
        }
    }

    /// Tells whether a customer may bring the product back.
    pub const fn may_be_returned(self) -> bool {
        matches!(self, End::Sold | End::Dispensed)
    }
}

const AFTER_SALE: &[&str] = &[
    "collecting",
    "decommissioning",
    "destroying",
    "disassembling",
    "inspecting",
    "installing",
    "killing",
    "removing",
    "repairing",
    "replacing",
    "sampling",
];

/// What the entry says about who has the product.
pub(super) fn act(records: &Records<'_>, at: usize) -> Act {
    let event = records.event(at);
    match records.step(at) {
        "shipping" | "consigning" | "departing" => Act::Ships,
        "receiving" | "accepting" => Act::Receives,
        "void_shipping" => Act::VoidsShipping,
        "sensor_reporting" | "reserving" => Act::FromAfar,
        _ if event.declares("stolen") => Act::FromAfar,
        "decommissioning" if records.signed_by_prefix_holder(at) => Act::FromAfar,
        _ if event.declares("recalled") && records.signed_by_prefix_holder(at) => Act::FromAfar,
        _ if matches!(event.what, What::Transaction { .. }) => Act::FromAfar,
        _ => Act::Handles,
    }
}

/// The end that the entry puts to the product's life, if any.
///
/// An ObjectEvent with action DELETE says that the object is no more (EPCIS 2.0 §7.4.2), whatever its step.
///
/// A container that is decommissioned ends nothing that was in it: its number does, and its contents are out of it.
pub(super) fn end(records: &Records<'_>, at: usize) -> Option<End> {
    let names_it = !records.entries[at].parts.is_empty();
    recorded_end(records, at).filter(|end| names_it || *end != End::Decommissioned)
}

/// The end that the entry puts to what it names itself, the product or the container that the product is in.
pub(super) fn recorded_end(records: &Records<'_>, at: usize) -> Option<End> {
    let event = records.event(at);
    let step = records.step(at);
    let deleted = matches!(event.what, What::Object { action: Action::Delete, .. });
    if step == "destroying" || event.declares("destroyed") || event.declares("disposed") {
        Some(End::Destroyed)
    } else if step == "retail_selling" || event.declares("retail_sold") {
        Some(End::Sold)
    } else if event.declares("partially_dispensed") {
        None
    } else if step == "dispensing" || event.declares("dispensed") {
        Some(End::Dispensed)
    } else if step == "decommissioning" || event.declares("inactive") || deleted {
        Some(End::Decommissioned)
    } else {
        None
    }
}

/// Tells whether the entry's signer is one to whom what `seller` sold comes back with nothing missing on record: the
/// seller, or the holder of the prefix. Every other participant may hold an empty package.
pub(super) fn takes_back(records: &Records<'_>, at: usize, seller: &ParticipantId) -> bool {
    records.is_by(at, seller) || records.signed_by_prefix_holder(at)
}

/// Tells whether the event takes a lasting disposition away (EPCIS 2.0 §7.4.1.3).
pub(super) fn unsets(event: &Event, disposition: &str) -> bool {
    event.persistent_disposition.unset.iter().any(|one| one.as_str() == disposition)
}

/// Where the product is after the event, or else where the event took place.
pub(super) fn location(event: &Event) -> Option<&Id> {
    event.biz_location.as_ref().or(event.read_point.as_ref())
}
