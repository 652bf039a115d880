//! `GET /members`: who keeps the ledger, how far each member is as this node sees it, and whether they can agree.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, web};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::app::council::{Council, MemberStanding};
use crate::app::joining::WaitingJoin;
use crate::http::Node;
use crate::http::following::FollowingBody;
use crate::http::members::newcomers::{CandidateBody, JoinRequestBody, SignedAddressBody};
use sealane_core::block::{Member, MemberSet};

/// The members in force, as this node sees them.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Members)]
pub struct MembersBody {
    members: Vec<MemberBody>,
    /// How many of them must agree on a block.
    quorum: usize,
    /// How many can be reached, this node's own among them. An observer meets no member, and leaves it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    reachable: Option<usize>,
    /// Those who would come in by open proposals.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    candidates: Vec<CandidateBody>,
    /// Those who ask this node's member to be admitted.
    requests: Vec<JoinRequestBody>,
    /// Why nothing is recorded now: too few members can be reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    no_quorum: Option<String>,
    /// Why this node signs nothing. Other members may go on without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_signing: Option<String>,
    /// The terms that participants accept when they register, if the members have decided on some.
    #[serde(skip_serializing_if = "Option::is_none")]
    terms: Option<TermsBody>,
    /// How this node stands to those that it follows, if it is an observer.
    #[serde(skip_serializing_if = "Option::is_none")]
    following: Option<FollowingBody>,
}

/// The terms for participants, by the policy `terms`.
#[derive(Serialize, ToSchema)]
#[schema(as = Terms)]
pub struct TermsBody {
    uri: String,
    /// SHA-256 of the text, base64url.
    sha256: String,
}

/// A member. What this node does not know is left out.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Member)]
pub struct MemberBody {
    kid: String,
    name: String,
    #[schema(value_type = Object)]
    jwk: Value,
    note_key: String,
    /// It is the member whose node answers.
    #[serde(rename = "self")]
    is_self: bool,
    /// Its node's status was heard within 3 s. An observer leaves it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    reachable: Option<bool>,
    /// Where its node is found, by its own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// The same with HOST:PORT for members' nodes, signed by its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<SignedAddressBody>,
    /// Its last block, by its own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<u64>,
    /// The root of its tree at that block.
    #[serde(skip_serializing_if = "Option::is_none")]
    root: Option<String>,
    /// How many blocks it is behind the member that is furthest.
    #[serde(skip_serializing_if = "Option::is_none")]
    lag: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connected_since: Option<String>,
    /// When it was heard last.
    #[serde(skip_serializing_if = "Option::is_none")]
    heard: Option<String>,
    /// How long the last ping took there and back, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    round_trip_ms: Option<f64>,
    /// How far its clock is ahead of this node's, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    clock_offset_ms: Option<i64>,
    /// Why it cannot be reached, as far as this node knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<String>,
    /// Proofs that it has signed two things in one place; `/ledger/faults` shows them. An observer leaves it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    faults: Option<usize>,
}

impl MembersBody {
    /// `url` is where this node is found.
    fn new(
        members: &MemberSet,
        council: &Council,
        requests: &[WaitingJoin],
        not_signing: Option<String>,
        url: &str,
    ) -> Self {
        let body = |member: &Member| {
            let standing = council.members.iter().find(|one| one.kid == member.kid());
            MemberBody::new(member, standing, standing.and_then(|one| council.lag(one)), url)
        };
        Self {
            members: members.members().map(body).collect(),
            quorum: members.quorum(),
            reachable: Some(council.reachable()),
            candidates: council.candidates.iter().map(CandidateBody::from).collect(),
            requests: requests.iter().map(JoinRequestBody::from).collect(),
            no_quorum: council.no_quorum().map(|lost| lost.shortage()),
            not_signing,
            terms: None,
            following: None,
        }
    }

    /// What an observer knows: who the members are, by the ledger that it has, and nothing of their nodes. One that a proposal
    /// would admit knows the other candidates.
    fn by_the_ledger(members: &MemberSet, council: &Council, following: FollowingBody) -> Self {
        Self {
            members: members.members().map(|member| MemberBody::new(member, None, None, "")).collect(),
            quorum: members.quorum(),
            reachable: None,
            candidates: council.candidates.iter().map(CandidateBody::from).collect(),
            requests: Vec::new(),
            no_quorum: None,
            not_signing: None,
            terms: None,
            following: Some(following),
        }
    }
}

impl MemberBody {
    fn new(member: &Member, standing: Option<&MemberStanding>, lag: Option<u64>, own_url: &str) -> Self {
        let is_self = standing.is_some_and(|one| one.is_self);
        let said = standing.and_then(|one| one.address.as_ref());
        Self {
            kid: member.kid().to_string(),
            name: member.name().to_owned(),
            jwk: member.key().jwk(),
            note_key: member.note_key().to_string(),
            is_self,
            reachable: standing.map(|one| one.reachable),
            url: if is_self { Some(own_url.to_owned()) } else { said.map(|said| said.address().url().to_owned()) },
            address: said.map(SignedAddressBody::from),
            height: standing.and_then(|one| one.tip).map(|tip| tip.get()),
            root: standing.and_then(|one| one.root).map(|root| root.to_string()),
            lag,
            connected_since: standing.and_then(|one| one.connected_since).map(|at| at.to_string()),
            heard: standing.and_then(|one| one.heard).map(|at| at.to_string()),
            // To the hundredth: in one house a round trip takes less than a millisecond.
            round_trip_ms: standing
                .and_then(|one| one.round_trip)
                .map(|took| (took.as_secs_f64() * 1e5).round() / 100.0),
            clock_offset_ms: standing.and_then(|one| one.clock_offset_ms),
            trouble: standing.and_then(|one| one.trouble.clone()),
            faults: standing.map(|one| one.faults),
        }
    }
}

/// Tells who the members are, how far each is as this node sees it, and whether enough can be reached to agree on blocks.
#[utoipa::path(get, path = "/members", tag = "members",
    responses((status = 200, description = "The members in the order of `kid`", body = MembersBody)))]
pub async fn get_members(node: web::Data<Node>) -> HttpResponse {
    let silence = node.ledger.silence().map(|silence| silence.to_string());
    let view = node.ledger.view();
    let members = view.registry.members();
    let council = node.ledger.council_now();
    let mut body = match node.ledger.following() {
        Some(following) => MembersBody::by_the_ledger(members, &council, FollowingBody::new(&following, &node.ledger)),
        None => {
            let requests = node.joining.waiting(members, node.ledger.now());
            MembersBody::new(members, &council, &requests, silence, &node.public_url)
        }
    };
    let terms = view.registry.policies().terms();
    body.terms = terms.map(|terms| TermsBody { uri: terms.uri.clone(), sha256: terms.sha256.to_string() });
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-cache")).json(body)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use p256::ecdsa::SigningKey;
    use sealane_core::agreement::{NodeAddress, SignedAddress};
    use sealane_core::block::{Height, NoteSigningKey};
    use sealane_core::hash::Hash;
    use sealane_core::statement::{PublicKey, Signature};
    use sealane_core::time::Timestamp;
    use serde_json::json;

    use super::*;

    fn set(names: &[&str]) -> MemberSet {
        let member = |(at, name): (usize, &&str)| {
            let byte = u8::try_from(at).unwrap() + 1;
            let key = PublicKey::from(SigningKey::from_slice(&[byte; 32]).unwrap().verifying_key());
            Member::new(*name, key, NoteSigningKey::from_seed(&[byte; 32]).public()).unwrap()
        };
        MemberSet::new(names.iter().enumerate().map(member).collect()).unwrap()
    }

    fn address(member: &Member) -> SignedAddress {
        let (peer, url) = (format!("{}.example:7443", member.name()), format!("https://{}.example", member.name()));
        SignedAddress::new(NodeAddress::new(member.kid(), peer, url, 3).unwrap(), Signature::from_bytes([7; 64]))
    }

    fn standing(member: &Member, own: &str) -> MemberStanding {
        let at: Timestamp = "2026-11-28T12:03:00.000Z".parse().unwrap();
        MemberStanding {
            kid: member.kid(),
            name: member.name().to_owned(),
            is_self: member.name() == own,
            reachable: true,
            heard: Some(at),
            connected_since: (member.name() != own).then_some(at),
            address: (member.name() != own).then(|| address(member)),
            tip: Some(Height::new(12).unwrap()),
            root: Some(Hash::of(b"root")),
            round_trip: (member.name() != own).then(|| Duration::from_micros(1_234)),
            clock_offset_ms: (member.name() != own).then_some(-17),
            trouble: None,
            faults: 0,
        }
    }

    fn told(members: &MemberSet, council: &Council) -> Value {
        serde_json::to_value(MembersBody::new(members, council, &[], None, "https://own.example")).unwrap()
    }

    fn of<'a>(told: &'a Value, name: &str) -> &'a Value {
        told["members"].as_array().unwrap().iter().find(|one| one["name"] == name).unwrap()
    }

    #[test]
    fn several_members_are_told_as_this_node_sees_them() {
        let members = set(&["a", "b", "c", "d"]);
        let mut council =
            Council { members: members.members().map(|one| standing(one, "a")).collect(), ..Council::default() };
        let b = council.members.iter_mut().find(|one| one.name == "b").unwrap();
        b.tip = Some(Height::new(9).unwrap());
        b.faults = 2;
        let d = council.members.iter_mut().find(|one| one.name == "d").unwrap();
        *d = MemberStanding {
            reachable: false,
            heard: None,
            connected_since: None,
            address: None,
            tip: None,
            root: None,
            round_trip: None,
            clock_offset_ms: None,
            trouble: Some("connection refused".to_owned()),
            ..d.clone()
        };
        let answer = told(&members, &council);
        assert_eq!((&answer["quorum"], &answer["reachable"], &answer["requests"]), (&json!(3), &json!(3), &json!([])));
        assert_eq!((answer.get("noQuorum"), answer.get("notSigning")), (None, None));
        let keys = members.members().find(|one| one.name() == "b").unwrap();
        assert_eq!(
            of(&answer, "b"),
            &json!({
                "kid": keys.kid(), "name": "b", "jwk": keys.key().jwk(), "noteKey": keys.note_key().to_string(), "self": false,
                "reachable": true, "url": "https://b.example", "address": address(keys), "height": 9, "root": Hash::of(b"root"), "lag": 3,
                "connectedSince": "2026-11-28T12:03:00.000Z", "heard": "2026-11-28T12:03:00.000Z", "roundTripMs": 1.23,
                "clockOffsetMs": -17, "faults": 2,
            })
        );
        let keys = members.members().find(|one| one.name() == "d").unwrap();
        assert_eq!(
            of(&answer, "d"),
            &json!({
                "kid": keys.kid(), "name": "d", "jwk": keys.key().jwk(), "noteKey": keys.note_key().to_string(), "self": false,
                "reachable": false, "trouble": "connection refused", "faults": 0,
            })
        );
        let own = of(&answer, "a");
        assert_eq!((&own["self"], &own["url"], &own["lag"]), (&json!(true), &json!("https://own.example"), &json!(0)));
        assert_eq!(own.get("roundTripMs"), None);

        council.members.iter_mut().find(|one| one.name == "c").unwrap().reachable = false;
        let answer = told(&members, &council);
        assert_eq!(answer["reachable"], 2);
        let lost = answer["noQuorum"].as_str().unwrap();
        assert!(lost.starts_with("3 of 4 members must agree and 2 can be reached (missing: "), "{lost}");
        assert!(lost.contains("c, since 2026-11-28T12:03:00.000Z") && lost.contains("d, not heard"), "{lost}");
    }

    #[test]
    fn an_observer_tells_who_the_members_are_and_nothing_of_their_nodes() {
        let members = set(&["a", "b"]);
        let answer =
            serde_json::to_value(MembersBody::by_the_ledger(&members, &Council::default(), FollowingBody::default()))
                .unwrap();
        let keys = members.members().find(|one| one.name() == "b").unwrap();
        assert_eq!(
            of(&answer, "b"),
            &json!({
                "kid": keys.kid(), "name": "b", "jwk": keys.key().jwk(), "noteKey": keys.note_key().to_string(), "self": false,
            })
        );
        assert_eq!((answer.get("reachable"), answer.get("noQuorum"), &answer["quorum"]), (None, None, &json!(2)));
        assert!(answer["following"].is_object());
    }

    #[test]
    fn a_node_that_signs_nothing_says_why() {
        let members = set(&["a"]);
        let council =
            Council { members: members.members().map(|one| standing(one, "a")).collect(), ..Council::default() };
        let answer = MembersBody::new(&members, &council, &[], Some("two nodes run".to_owned()), "https://own.example");
        let answer = serde_json::to_value(answer).unwrap();
        assert_eq!((&answer["quorum"], &answer["reachable"]), (&json!(1), &json!(1)));
        assert_eq!((&answer["notSigning"], answer.get("noQuorum")), (&json!("two nodes run"), None));
    }
}
