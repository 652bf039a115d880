//! What each role may record. This file is the table; everything else asks it.
//!
//! | role | may record |
//! |---|---|
//! | manufacturer | every business step; brings objects into being, under its own company prefix, single key or namespace only |
//! | shipper | moving, holding and observing what it is given: the steps of `MOVING` |
//! | distributor | those of `MOVING`, and trading, selling and ending what it holds: the steps of `TRADING` |
//! | authority | looking after what others hold: the steps of `WATCHING`. The members vote on who is one |
//!
//! An event that ends the life of what it names by its action or disposition (`ENDS`) needs the right to the step that
//! does so, whatever step it names itself. Apart from that, every participant may observe what it holds: an event without a
//! business step, or with one outside the CBV, needs no role. Whether a signer really held the goods is for the verdict: a
//! suspicious event is recorded, and judged.

use std::fmt;

use crate::consortium::claims::Role;
use crate::consortium::participant::{Claims, Participant};
use crate::epcis::{Action, Event, What};
use crate::gs1::Id;

/// Steps of every participant that carries, stores or inspects goods (CBV 2.0 §7.1).
const MOVING: &[&str] = &[
    "accepting",
    "arriving",
    "collecting",
    "consigning",
    "cycle_counting",
    "departing",
    "entering_exiting",
    "holding",
    "inspecting",
    "loading",
    "other",
    "packing",
    "picking",
    "receiving",
    "sampling",
    "sensor_reporting",
    "shipping",
    "staging_outbound",
    "stock_taking",
    "storing",
    "transporting",
    "unloading",
    "unpacking",
    "void_shipping",
];

/// The steps of an authority, which watches over goods and has none.
const WATCHING: &[&str] = &["holding", "inspecting", "sampling"];

/// Further steps of those who trade in goods.
const TRADING: &[&str] = &[
    "decommissioning",
    "destroying",
    "dispensing",
    "removing",
    "repairing",
    "replacing",
    "reserving",
    "retail_selling",
    "stocking",
];

/// Dispositions that end a product's life in the chain, and the step whose right each needs (CBV 2.0 §7.1, §7.2). What
/// the verdict takes as an end is read in `provenance::reading`; a test there holds it against this table.
const ENDS: &[(&str, &str)] = &[
    ("destroyed", "destroying"),
    ("dispensed", "dispensing"),
    ("disposed", "destroying"),
    ("inactive", "decommissioning"),
    ("retail_sold", "retail_selling"),
];

/// A rule of the table that an event breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RightsError {
    #[error("the business step {step} is not for a {roles}")]
    Step { step: String, roles: String },
    #[error("{by} means what the business step {step} means, which is not for a {roles}")]
    End { by: EndedBy, step: &'static str, roles: String },
    #[error("{id} is brought into being here, which only a manufacturer may record; the signer is a {roles}")]
    Commission { id: Id, roles: String },
    #[error("{id} is brought into being here, and lies under none of the signer's claims: {claims}")]
    Claim { id: Id, claims: String },
}

/// What in an event, apart from its step, ends the life of what it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndedBy {
    /// The action DELETE of an ObjectEvent.
    Delete,
    Disposition(&'static str),
}

impl fmt::Display for EndedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delete => f.write_str("action DELETE of an ObjectEvent"),
            Self::Disposition(disposition) => write!(f, "the disposition {disposition}"),
        }
    }
}

impl RightsError {
    /// The rule's stable id.
    pub const fn rule(&self) -> &'static str {
        match self {
            RightsError::Step { .. } | RightsError::End { .. } => "role-step",
            RightsError::Commission { .. } => "role-commission",
            RightsError::Claim { .. } => "own-claim",
        }
    }
}

/// Says whether `participant` may record `event`.
pub fn check(participant: &Participant, event: &Event) -> Result<(), RightsError> {
    check_claims(&participant.claims, event)
}

/// Says whether a participant with these claims may record `event`.
pub fn check_claims(claims: &Claims, event: &Event) -> Result<(), RightsError> {
    let roles = || claims.roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(" and ");
    let may = |step: &str| claims.roles.iter().any(|role| may_record(*role, step));
    if let Some(step) = event.biz_step.as_ref().map(|step| step.as_str()) {
        let standard = !step.contains(':');
        if standard && !may(step) {
            return Err(RightsError::Step { step: step.to_owned(), roles: roles() });
        }
    }
    if let Some((by, step)) = ends(event).find(|(_, step)| !may(step)) {
        return Err(RightsError::End { by, step, roles: roles() });
    }
    for id in brought_into_being(event) {
        if !claims.roles.contains(&Role::Manufacturer) {
            return Err(RightsError::Commission { id: id.clone(), roles: roles() });
        }
        if !claims.cover(id) {
            return Err(RightsError::Claim { id: id.clone(), claims: list(claims) });
        }
    }
    Ok(())
}

/// What in `event`, apart from its step, ends the life of what it names, and the step that means the same. An
/// ObjectEvent with action DELETE says that the objects are no more (EPCIS 2.0 §7.4.2).
fn ends(event: &Event) -> impl Iterator<Item = (EndedBy, &'static str)> {
    let deletes = matches!(event.what, What::Object { action: Action::Delete, .. });
    let by_action = deletes.then_some((EndedBy::Delete, "decommissioning"));
    let declared = ENDS.iter().filter(|(disposition, _)| event.declares(disposition));
    by_action.into_iter().chain(declared.map(|(disposition, step)| (EndedBy::Disposition(disposition), *step)))
}

/// The ids that `event` brings into being: those of an ObjectEvent with action ADD (EPCIS 2.0 §7.4.2), and the outputs
/// of a transformation (§7.4.5).
pub fn brought_into_being(event: &Event) -> impl Iterator<Item = &Id> {
    let (epcs, quantities) = match &event.what {
        What::Object { action: Action::Add, epcs, quantities, .. } => (epcs.as_slice(), quantities.as_slice()),
        What::Transformation { output_epcs, output_quantities, .. } => {
            (output_epcs.as_slice(), output_quantities.as_slice())
        }
        _ => (&[][..], &[][..]),
    };
    epcs.iter().chain(quantities.iter().map(|quantity| &quantity.epc_class))
}

fn may_record(role: Role, step: &str) -> bool {
    match role {
        Role::Manufacturer => true,
        Role::Shipper => MOVING.contains(&step),
        Role::Distributor => MOVING.contains(&step) || TRADING.contains(&step),
        Role::Authority => WATCHING.contains(&step),
    }
}

fn list(claims: &Claims) -> String {
    let prefixes = claims.gs1_company_prefixes.iter().map(ToString::to_string);
    let prefixes = prefixes.chain(claims.gs1_keys.iter().map(ToString::to_string));
    let all: Vec<String> = prefixes.chain(claims.namespaces.iter().map(ToString::to_string)).collect();
    if all.is_empty() { "it has none".to_owned() } else { all.join(", ") }
}
