//! `names`: the subjects under which a leaf is indexed. Part of the ledger's format: a change is a new index version.

use std::collections::BTreeSet;

use crate::domain::consortium::Admin;
use crate::domain::epcis::Event;
use crate::domain::index::Subject;

/// The subjects of one event: every id in its "what", its transformationID, and for a recall the class of each item
/// and lot.
pub fn of_event(event: &Event) -> BTreeSet<Subject> {
    let mut subjects: BTreeSet<Subject> = event.ids().into_iter().map(|(_, id)| Subject::id(id.as_str())).collect();
    subjects.extend(event.transformation_id().map(|id| Subject::transformation(id.as_str())));
    if event.declares("recalled") {
        subjects.extend(event.ids().into_iter().filter_map(|(_, id)| id.class()).map(|id| Subject::id(id.as_str())));
    }
    subjects
}

/// The subjects of an admin statement.
pub fn of_admin(admin: &Admin) -> BTreeSet<Subject> {
    match admin {
        Admin::Genesis(genesis) => {
            genesis.members.members().map(|member| Subject::party(member.kid().to_string())).collect()
        }
        Admin::Registration(registration) => {
            let claims = &registration.claims;
            let mut subjects = BTreeSet::from([Subject::party(registration.participant.as_str())]);
            subjects.extend(claims.gs1_company_prefixes.iter().map(|prefix| Subject::prefix(prefix.as_str())));
            subjects.extend(claims.namespaces.iter().map(|namespace| Subject::prefix(namespace.as_str())));
            subjects.extend(claims.glns.iter().map(|gln| Subject::id(gln.id().as_str())));
            subjects
        }
        Admin::Renewal(_) | Admin::Revocation(_) | Admin::Rejection(_) => {
            admin.participant().map(|id| Subject::party(id.as_str())).into_iter().collect()
        }
    }
}
