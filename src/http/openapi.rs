//! `GET /openapi.json`: the description of this interface, generated from its code.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};
use utoipa::{Modify, OpenApi};

use crate::http::problem::{FaultSchema, PROBLEM_JSON, ProblemSchema};
use crate::http::{
    assets, capture, docs, events, evidence, front, health, ledger, metrics, participants, product, scan, trust, verify,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Sealane",
        description = "Signed supply-chain events on a Merkle ledger, and a verdict that proves itself.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    paths(
        front::get_front,
        health::get_live,
        health::get_ready,
        metrics::get_metrics,
        get_openapi,
        docs::get_docs_redirect,
        docs::get_docs,
        participants::create::create_participant,
        participants::list::list_participants,
        participants::get::get_participant,
        participants::certificate::get_certificate,
        participants::decide::post_decision,
        participants::renew::post_renewal,
        capture::post::post_capture,
        capture::options::options_capture,
        capture::get::get_capture,
        events::list::list_events,
        events::get::get_event,
        events::of_epc::list_events_of_epc,
        verify::get_verdict,
        evidence::get_evidence,
        trust::get_trust,
        ledger::checkpoint::get_checkpoint,
        ledger::tile::get_tile,
        ledger::blocks::get_block,
        ledger::leaves::get_leaf,
        ledger::statements::get_statement,
        ledger::audit::get_audit,
        ledger::proofs::get_inclusion_proof,
        ledger::proofs::get_consistency_proof,
        product::get_resolver_description,
        product::get_product,
        scan::get_scan,
        scan::post_scan,
        assets::get_asset,
    ),
    components(schemas(ProblemSchema, FaultSchema)),
    tags(
        (name = "participants", description = "Registration of organisations and their certificates"),
        (name = "epcis", description = "EPCIS 2.0 capture and query"),
        (name = "products", description = "Verdicts, evidence and the trust anchor"),
        (name = "ledger", description = "Checkpoints, tiles, blocks and proofs"),
        (name = "operations", description = "For those who run the node"),
    ),
    modifiers(&EveryRefusal),
)]
struct Description;

/// Adds to each operation that everything else is answered with a problem.
struct EveryRefusal;

impl Modify for EveryRefusal {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        let refusal =
            ResponseBuilder::new().description("Refused; `code` says why").content(PROBLEM_JSON, content).build();
        for item in openapi.paths.paths.values_mut() {
            for operation in [&mut item.get, &mut item.post, &mut item.options].into_iter().flatten() {
                operation.responses.responses.insert("default".to_owned(), RefOr::T(refusal.clone()));
            }
        }
    }
}

static DOCUMENT: LazyLock<String> = LazyLock::new(|| Description::openapi().to_json().unwrap_or_default());

/// Describes this interface.
#[utoipa::path(get, path = "/openapi.json", tag = "operations",
    responses((status = 200, description = "OpenAPI document", body = Object)))]
pub async fn get_openapi() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(DOCUMENT.as_str())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::http::routes;

    #[test]
    fn describes_every_route_and_no_other() {
        let document: Value = serde_json::from_str(&DOCUMENT).unwrap();
        let paths = document["paths"].as_object().unwrap();
        let described: BTreeSet<String> = paths
            .iter()
            .flat_map(|(path, item)| item.as_object().unwrap().keys().map(move |method| format!("{method} {path}")))
            .collect();
        let served: BTreeSet<String> = routes::endpoints()
            .into_iter()
            .flat_map(|endpoint| {
                let path = endpoint.plain_path();
                endpoint.methods.into_iter().map(move |method| format!("{} {path}", method.as_str().to_lowercase()))
            })
            .collect();
        assert_eq!(described, served);
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document: Value = serde_json::from_str(&DOCUMENT).unwrap();
        let mut references = BTreeSet::new();
        let mut ids = Vec::new();
        collect(&document, &mut references, &mut ids);
        for reference in references {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
        let unique: BTreeSet<&String> = ids.iter().collect();
        assert_eq!(unique.len(), ids.len(), "an operationId stands twice");
    }

    fn collect(value: &Value, references: &mut BTreeSet<String>, ids: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                references.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
                ids.extend(members.get("operationId").and_then(Value::as_str).map(str::to_owned));
                members.values().for_each(|value| collect(value, references, ids));
            }
            Value::Array(items) => items.iter().for_each(|value| collect(value, references, ids)),
            _ => {}
        }
    }
}
