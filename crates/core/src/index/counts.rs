//! What the quotas count of a subject that a capture names: one byte beside each name, in the record alone.
//!
//! It follows from the subject and its signer's claims, which never change. So it is found once, where the events are read, and
//! not again when the statement gets its place, nor when a ledger is loaded.

use std::collections::BTreeMap;

use crate::consortium::{Claims, Role};
use crate::epcis::Event;
use crate::gs1::{Id, IdKind};
use crate::index::{Subject, SubjectKind};

/// What the quotas count of a subject, a bit for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts(u8);

impl Counts {
    pub const NOTHING: Self = Self(0);
    /// It counts among the new ids if no leaf has named it before: an id, a transformation or a business transaction. The
    /// subjects of a recall count nothing, so that no quota stands in the way of a large recall.
    pub const NEW: Self = Self(0x01);
    /// An id that is not under the signer's own claims.
    pub const FOREIGN: Self = Self(0x02);
    /// A piece or a load, not a lot, a class or something else that many share.
    pub const PIECE: Self = Self(0x04);
    /// An id that an authority names: it counts among the ids of the day, whoever named it last.
    pub const BY_AUTHORITY: Self = Self(0x08);

    /// Takes a byte as a record holds it.
    pub const fn from_byte(byte: u8) -> Self {
        Self(byte)
    }

    pub const fn byte(self) -> u8 {
        self.0
    }

    /// Tells whether all bits of `other` are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    const fn and(self, other: Self, holds: bool) -> Self {
        if holds { Self(self.0 | other.0) } else { self }
    }

    /// Of an id that a participant with these claims names.
    fn of_id(id: &Id, claims: &Claims) -> Self {
        Self::NEW
            .and(Self::FOREIGN, !claims.cover(id))
            .and(Self::PIECE, is_piece_or_load(id))
            .and(Self::BY_AUTHORITY, claims.roles.contains(&Role::Authority))
    }

    /// Of another subject than an id.
    const fn of_other(kind: SubjectKind) -> Self {
        match kind {
            SubjectKind::Transformation | SubjectKind::Transaction => Self::NEW,
            _ => Self::NOTHING,
        }
    }
}

/// Tells whether an id is of one thing that moves. An id that is not GS1's does not say, and counts as one that many share.
fn is_piece_or_load(id: &Id) -> bool {
    let is_one = match id.kind() {
        IdKind::Item
        | IdKind::LogisticUnit
        | IdKind::ReturnableAsset
        | IdKind::IndividualAsset
        | IdKind::Document
        | IdKind::Coupon
        | IdKind::Component
        | IdKind::Piece
        | IdKind::Consignment
        | IdKind::Shipment => true,
        IdKind::Class
        | IdKind::Lot
        | IdKind::Location
        | IdKind::Party
        | IdKind::ServiceRelation
        | IdKind::PaymentSlip
        | IdKind::Model
        | IdKind::Other => false,
    };
    is_one && !id.is_class_level()
}

/// What the quotas count of the subjects of one event.
pub struct EventCounts<'a>(BTreeMap<&'a str, Counts>, Vec<(Id, Counts)>);

impl<'a> EventCounts<'a> {
    pub fn of(event: &'a Event, claims: &Claims) -> Self {
        let ids = event.ids().map(|(_, id)| (id.as_str(), Counts::of_id(id, claims))).collect();
        // A recall names the class of each id too.
        let classes = event.declares("recalled").then(|| event.ids().filter_map(|(_, id)| id.class()));
        let is_authority = claims.roles.contains(&Role::Authority);
        let classes = classes.into_iter().flatten().map(|id| {
            // An authority has named the ids, and not the class.
            let counts = if is_authority { Counts::NEW } else { Counts::of_id(&id, claims) };
            (id, counts)
        });
        let mut classes: Vec<(Id, Counts)> = classes.collect();
        classes.sort_by(|(one, _), (other, _)| one.cmp(other));
        classes.dedup_by(|(one, _), (other, _)| one == other);
        Self(ids, classes)
    }

    pub fn get(&self, subject: &Subject) -> Counts {
        if subject.kind() != SubjectKind::Id {
            return Counts::of_other(subject.kind());
        }
        let Self(ids, classes) = self;
        let of_class = || {
            let at = classes.binary_search_by(|(id, _)| id.as_str().cmp(subject.text())).ok()?;
            classes.get(at).map(|(_, counts)| *counts)
        };
        ids.get(subject.text()).copied().or_else(of_class).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::epcis::{Reader, read};
    use crate::index::names;

    fn claims(role: &str, prefixes: &[&str]) -> Claims {
        serde_json::from_value(json!({"organization": "One", "roles": [role], "glns": [],
            "gs1CompanyPrefixes": prefixes, "namespaces": ["http://a.example/"]}))
        .unwrap()
    }

    #[test]
    fn claims_and_the_kind_of_an_id_decide() {
        let piece = [
            "(01)09506000134352(21)A1",
            "(00)195060001343500016",
            "(8003)09506000134352K1",
            "(8006)095060001343520102(21)A1",
        ];
        let shared = ["(01)09506000134352", "(01)09506000134352(10)L1", "(8003)09506000134352", "(414)9506000134369"];
        let (own, other) = (claims("manufacturer", &["9506000"]), claims("shipper", &["8000000"]));
        for text in piece.iter().chain(&shared) {
            let id = Id::parse(text).unwrap();
            let of_piece = Counts::NEW.and(Counts::PIECE, piece.contains(text));
            assert_eq!(Counts::of_id(&id, &own), of_piece, "{text}");
            assert_eq!(Counts::of_id(&id, &other), of_piece.and(Counts::FOREIGN, true), "{text}");
        }
        let uri = |text| Counts::of_id(&Id::parse(text).unwrap(), &own);
        assert_eq!((uri("https://a.example/1"), uri("urn:x:1")), (Counts::NEW, Counts::NEW.and(Counts::FOREIGN, true)));
        let by_authority = Counts::of_id(&Id::parse(piece[0]).unwrap(), &claims("authority", &[]));
        assert!(by_authority.contains(Counts::BY_AUTHORITY));
    }

    #[test]
    fn a_recall_counts_no_more_than_the_ids_that_it_names() {
        let event = json!({
            "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"], "type": "ObjectEvent",
            "eventTime": "2026-03-01T08:00:00Z", "eventTimeZoneOffset": "+00:00", "action": "OBSERVE",
            "epcList": ["https://id.gs1.org/01/09506000134352/21/A1"], "disposition": "recalled",
            "bizTransactionList": [{"type": "po", "bizTransaction": "urn:x:po"}],
        });
        let document = read(event.to_string().as_bytes(), Reader::Strict).unwrap();
        let event = &document.events[0];
        let claims = claims("shipper", &[]);
        let counts = EventCounts::of(event, &claims);
        let signer = "00000000-0000-4000-8000-000000000001".parse().unwrap();
        let found: Vec<(SubjectKind, u8)> = names::of_event(event, &signer)
            .keys()
            .map(|subject| (subject.kind(), counts.get(subject).byte()))
            .collect();
        let (id, recall) = (SubjectKind::Id, SubjectKind::Recall);
        assert_eq!(found, [(id, 3), (id, 7), (recall, 0), (recall, 0), (SubjectKind::Transaction, 1)]);
    }
}
