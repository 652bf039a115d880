//! `GET /ledger/faults`: proofs that members have signed two things in one place.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, web};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::app::faults::KnownFaults;
use crate::http::Node;
use crate::http::ledger::NO_CACHE;
use sealane_core::agreement::Equivocation;
use sealane_core::block::MemberSet;
use sealane_core::consortium::{FaultProof, MemberFault};

/// Proofs in one answer: the last ones that the node learnt of. One takes some 800 bytes.
const SHOWN_MAX: usize = 1_000;

/// The proofs that this node has.
#[derive(Serialize, ToSchema)]
#[schema(as = Faults)]
pub struct FaultsBody {
    /// In the order in which this node learnt of them: the last 1,000.
    faults: Vec<MemberFaultBody>,
    /// Those that stand on the ledger, in its order: the last 1,000. An observer has no others.
    recorded: Vec<RecordedFaultBody>,
}

/// A proof on the ledger: the statement in its leaf has the two signatures.
#[derive(Serialize, ToSchema)]
#[schema(as = RecordedFault)]
pub struct RecordedFaultBody {
    kid: String,
    /// Of a member in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    height: u64,
    round: u32,
    leaf: u64,
}

/// Proof that a member has signed two things of which an honest one signs one at most.
#[derive(Serialize, ToSchema)]
#[schema(as = MemberFault)]
pub struct MemberFaultBody {
    kid: String,
    /// Of a member in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    height: u64,
    round: u32,
    /// `proposal`, `prevote` or `precommit`.
    #[schema(value_type = String)]
    kind: Value,
    /// What it signed, and what it signed as well: as in the ledger's `fault` statement.
    #[schema(value_type = Object)]
    first: Value,
    #[schema(value_type = Object)]
    second: Value,
}

impl FaultsBody {
    fn new(known: &KnownFaults, recorded: &[MemberFault], members: &MemberSet) -> Self {
        let faults = last_of(known.pairs()).iter().map(|pair| MemberFaultBody::new(pair, members)).collect();
        let recorded = last_of(recorded).iter().map(|fault| RecordedFaultBody::new(fault, members)).collect();
        Self { faults, recorded }
    }
}

/// As many as are shown.
fn last_of<T>(all: &[T]) -> &[T] {
    &all[all.len().saturating_sub(SHOWN_MAX)..]
}

impl RecordedFaultBody {
    fn new(fault: &MemberFault, members: &MemberSet) -> Self {
        Self {
            kid: fault.kid.to_string(),
            name: members.get(&fault.kid).map(|member| member.name().to_owned()),
            height: fault.height.get(),
            round: fault.round,
            leaf: fault.place.leaf.get(),
        }
    }
}

impl MemberFaultBody {
    fn new(pair: &Equivocation, members: &MemberSet) -> Self {
        let FaultProof { first, second } = pair.to_fault();
        // Only maps with keys that are no strings cannot be JSON, and there are none.
        let json = |value: Result<Value, serde_json::Error>| value.unwrap_or_default();
        Self {
            kid: pair.signer().to_string(),
            name: members.get(&pair.signer()).map(|member| member.name().to_owned()),
            height: pair.height().get(),
            round: pair.round(),
            kind: json(serde_json::to_value(first.kind)),
            first: json(serde_json::to_value(&first)),
            second: json(serde_json::to_value(&second)),
        }
    }
}

/// Shows the proofs that this node has against members. Each was verified here, and a client that has the trust anchor can verify
/// it again.
#[utoipa::path(get, path = "/ledger/faults", tag = "ledger",
    responses((status = 200, description = "The proofs; none if no member was caught", body = FaultsBody)))]
pub async fn get_faults(node: web::Data<Node>) -> HttpResponse {
    let view = node.ledger.view();
    let body = FaultsBody::new(&node.ledger.faults(), view.registry.faults(), view.registry.members());
    HttpResponse::Ok().insert_header((CACHE_CONTROL, NO_CACHE)).json(body)
}

#[cfg(test)]
mod tests {
    use p256::ecdsa::SigningKey;
    use sealane_core::agreement::{ValueId, Vote, VoteKind};
    use sealane_core::block::{Height, Member, NoteSigningKey};
    use sealane_core::consortium::Place;
    use sealane_core::hash::Hash;
    use sealane_core::merkle::LeafIndex;
    use sealane_core::statement::{PublicKey, Signature};
    use serde_json::json;

    use super::*;

    #[test]
    fn a_proof_is_shown_as_it_stands_on_the_ledger() {
        let key = PublicKey::from(SigningKey::from_slice(&[7; 32]).unwrap().verifying_key());
        let member = Member::new("Mill", key, NoteSigningKey::from_seed(&[7; 32]).public()).unwrap();
        let (kid, value) = (member.kid(), Hash::of(b"block"));
        let signature = Signature::from_bytes([1; 64]);
        let vote = |height, value| Vote {
            kind: VoteKind::Precommit,
            height: Height::new(height).unwrap(),
            round: 2,
            value,
            signer: kid,
            signature,
        };
        let mut known = KnownFaults::default();
        assert!(known.add(Equivocation::Votes(vote(9, None), vote(9, Some(ValueId::from_hash(value))))));
        let members = MemberSet::new(vec![member]).unwrap();
        let place = Place { leaf: LeafIndex::new(70).unwrap(), time: "2026-11-21T10:00:00Z".parse().unwrap() };
        let recorded = [MemberFault { kid, height: Height::new(9).unwrap(), round: 2, place }];
        let shown = |known: &KnownFaults, recorded: &[MemberFault]| {
            serde_json::to_value(FaultsBody::new(known, recorded, &members)).unwrap()
        };
        let said = |value: Value| json!({"kid": kid, "kind": "precommit", "height": 9, "round": 2, "value": value, "signature": signature});
        assert_eq!(
            shown(&known, &recorded),
            json!({"faults": [{
                "kid": kid, "name": "Mill", "height": 9, "round": 2, "kind": "precommit",
                "first": said(Value::Null), "second": said(json!(value)),
            }], "recorded": [{"kid": kid, "name": "Mill", "height": 9, "round": 2, "leaf": 70}]})
        );
        assert_eq!(shown(&KnownFaults::default(), &[]), json!({"faults": [], "recorded": []}));
    }
}
