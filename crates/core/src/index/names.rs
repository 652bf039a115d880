//! `names`: the subjects under which a leaf is indexed, and the prefixes under which the holder of an id is looked for.
//! Part of the ledger's format: a change is a new index version.

use std::collections::BTreeMap;

use crate::consortium::{Admin, Namespace, ParticipantId};
use crate::epcis::Event;
use crate::gs1::Id;
use crate::index::{Acts, Subject, acts, decisions};
use crate::statement::StatementId;

/// The subjects of a leaf, each with what the leaf says to have done with it.
pub type Names = BTreeMap<Subject, Acts>;

/// The subjects of one event by its signer: every id in its "what", its transformationID, its business transactions, for a
/// recall the class of each item and lot, and for a recall, or one taken back, each id as recalled by anybody and by the
/// signer.
pub fn of_event(event: &Event, signer: &ParticipantId) -> Names {
    let acts = acts::of_event(event);
    let mut names = Names::new();
    if event.declares("recalled") {
        let classes = acts.keys().filter_map(|id| id.class());
        names.extend(classes.map(|id| (Subject::id(id.as_str()), acts::error_declaration(event))));
    }
    if event.declares("recalled") || event.takes_back("recalled") {
        for id in acts.keys() {
            names.insert(Subject::recall(id.as_str()), Acts::NONE);
            names.insert(Subject::recall_by(*signer, id.as_str()), Acts::NONE);
        }
    }
    names.extend(event.transformation_id().map(|id| (Subject::transformation(id.as_str()), Acts::NONE)));
    names.extend(event.biz_transactions.iter().map(|one| (of_transaction(&one.id), Acts::NONE)));
    // After the classes: the event may name one of them in a field too, and then does with it what it says.
    names.extend(acts.into_iter().map(|(id, acts)| (Subject::id(id.as_str()), acts)));
    names
}

/// The subjects of a capture: what any of its events names, with the acts of them all.
pub fn of_capture<'a>(events: impl IntoIterator<Item = &'a Event>, signer: &ParticipantId) -> Names {
    let mut names = Names::new();
    for (subject, acts) in events.into_iter().flat_map(|event| of_event(event, signer)) {
        *names.entry(subject).or_default() |= acts;
    }
    names
}

/// The subject of a business transaction. An id has its canonical form; what no id may look like stands as it is.
pub fn of_transaction(uri: &str) -> Subject {
    Id::parse_uri(uri).map_or_else(|_| Subject::transaction(uri), |id| Subject::transaction(id.as_str()))
}

/// The subjects of an admin statement, by its content and its id.
pub fn of_admin(admin: &Admin, id: StatementId) -> Names {
    let decided = decisions::of_decision(admin, id);
    subjects_of_admin(admin).into_iter().chain(decided).map(|subject| (subject, Acts::NONE)).collect()
}

fn subjects_of_admin(admin: &Admin) -> Vec<Subject> {
    match admin {
        Admin::Genesis(genesis) => {
            genesis.members.members().map(|member| Subject::party(member.kid().to_string())).collect()
        }
        Admin::Registration(registration) => {
            let claims = &registration.claims;
            let mut subjects = vec![Subject::party(registration.participant)];
            subjects.extend(claims.gs1_company_prefixes.iter().map(|prefix| Subject::prefix(prefix.as_str())));
            subjects.extend(claims.gs1_keys.iter().map(|key| Subject::prefix(key.claim_digits())));
            subjects.extend(claims.namespaces.iter().map(of_namespace));
            subjects.extend(claims.glns.iter().map(|gln| Subject::prefix(gln.to_string())));
            subjects
        }
        Admin::Renewal(_) | Admin::Revocation(_) | Admin::Rejection(_) => {
            admin.participant().map(|id| Subject::party(*id)).into_iter().collect()
        }
        // Named by `decisions`.
        Admin::Proposal(_)
        | Admin::Withdrawal(_)
        | Admin::Ballot(_)
        | Admin::Ready(_)
        | Admin::Fault(_)
        | Admin::Endorsement(_) => Default::default(),
    }
}

/// The subject of a namespace, with `http` and `https` as one.
fn of_namespace(namespace: &Namespace) -> Subject {
    Subject::prefix(namespace.without_tls())
}

/// Every prefix that could cover an id, held or not: company prefixes of 4 to 12 digits for GS1's ids, the last of which a
/// single key is named by too, and namespaces for others.
pub fn prefixes_of(id: &Id) -> Vec<Subject> {
    if id.is_gs1() {
        return id.claim_digits().into_iter().map(Subject::prefix).collect();
    }
    Namespace::candidates(id.as_str()).into_iter().map(Subject::prefix).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::NAMESPACE_DEPTH_MAX;

    fn texts(id: &str) -> Vec<String> {
        prefixes_of(&Id::parse(id).unwrap()).iter().map(|subject| subject.text().to_owned()).collect()
    }

    #[test]
    fn prefixes_of_gs1_ids_are_the_beginnings_of_their_digits() {
        let item = texts("https://id.gs1.org/01/19506000134359/21/A");
        assert_eq!(item.len(), 9);
        assert_eq!((item[0].as_str(), item[8].as_str()), ("9506", "950600013435"));
        assert_eq!(texts("https://id.gs1.org/01/00000096385074/21/A"), ["000009638507"], "a GTIN-8 is a key by itself");
        assert_eq!(texts("https://id.gs1.org/8004/9506AB12"), ["9506"], "they end with the digits");
    }

    #[test]
    fn prefixes_of_other_uris_end_with_a_delimiter() {
        assert_eq!(
            texts("https://a.example/x/y=z"),
            ["http://a.example/", "http://a.example/x/", "http://a.example/x/y="]
        );
        assert_eq!(
            texts("urn:gdst:example.org:product:lot:class:a.b"),
            [
                "urn:gdst:",
                "urn:gdst:example.",
                "urn:gdst:example.org:",
                "urn:gdst:example.org:product:",
                "urn:gdst:example.org:product:lot:",
                "urn:gdst:example.org:product:lot:class:",
                "urn:gdst:example.org:product:lot:class:a."
            ]
        );
        assert_eq!(texts(&format!("https://a.example/{}", "b/".repeat(40))).len(), NAMESPACE_DEPTH_MAX);
    }
}
