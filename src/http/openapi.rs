//! `GET /openapi.json`: the description of this interface, generated from its code.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use serde_json::Value;
use utoipa::openapi::{ContentBuilder, Object, Ref, RefOr, Response, ResponseBuilder, Type};
use utoipa::{Modify, OpenApi};

use crate::http::problem::{FaultSchema, PROBLEM_JSON, ProblemSchema};
use crate::http::{
    assets, capture, docs, epcis, events, evidence, front, health, ledger, master_data, members, metrics, participants,
    product, scan, trust, verify,
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
        members::get::get_members,
        members::join::create_join_request,
        members::decide::post_member_decision,
        members::proposals::list_proposals,
        members::proposal::get_proposal,
        participants::create::create_participant,
        participants::list::list_participants,
        participants::get::get_participant,
        participants::certificate::get_certificate,
        participants::decide::post_decision,
        participants::renew::post_renewal,
        epcis::get_collection,
        epcis::options_collection,
        capture::post::post_capture,
        capture::options::options_capture,
        capture::get::get_capture,
        events::list::list_events,
        events::get::get_event,
        events::of_epc::list_events_of_epc,
        master_data::get_vocabularies,
        verify::get_verdict,
        evidence::get_evidence,
        trust::get_trust,
        ledger::checkpoint::get_checkpoint,
        ledger::tile::get_tile,
        ledger::blocks::get_block,
        ledger::handovers::get_handovers,
        ledger::leaves::get_leaf,
        ledger::statements::get_statement,
        ledger::audit::get_audit,
        ledger::faults::get_faults,
        ledger::proofs::get_inclusion_proof,
        ledger::proofs::get_consistency_proof,
        product::get_resolver_description,
        product::get_product,
        product::options_product,
        scan::get_scan,
        scan::post_scan,
        scan::get_list,
        assets::get_asset,
    ),
    components(schemas(ProblemSchema, FaultSchema)),
    tags(
        (name = "members", description = "The members that agree on blocks"),
        (name = "participants", description = "Registration of organisations and their certificates"),
        (name = "epcis", description = "EPCIS 2.0 capture and query"),
        (name = "products", description = "Verdicts, evidence and the trust anchor"),
        (name = "ledger", description = "Checkpoints, tiles, blocks and proofs"),
        (name = "operations", description = "For those who run the node"),
    ),
    modifiers(&EveryRefusal),
)]
struct Description;

/// Adds to each operation the refusals that may come to any like it, and to all refusals that they are problems.
struct EveryRefusal;

/// Refusals of every operation.
pub const ANY: [(&str, &str); 5] = [
    ("400", "The request, a parameter or a header cannot be read; `code` says why"),
    ("414", "Path and query are longer than `limit` bytes"),
    ("429", "Come back after `Retry-After` seconds"),
    ("500", "The fault is the node's; its log has the rest"),
    ("503", "The store cannot be reached, or the node is stopping"),
];

/// Refusals of every operation with something in its path.
const NAMED: [(&str, &str); 1] = [("404", "There is nothing with this name")];

/// Refusals of every operation of EPCIS.
const EPCIS: [(&str, &str); 1] = [("406", "`Accept` or a GS1 header asks for a form or version that is not given")];

/// Refusals of every operation that takes a body.
const WITH_BODY: [(&str, &str); 3] = [
    ("408", "The body came too slowly"),
    ("413", "The body, or what is in it, is more than is taken; `limit` says how much is"),
    ("415", "The body is of a type that is not taken"),
];

impl Modify for EveryRefusal {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        for (path, item) in &mut openapi.paths.paths {
            for operation in [&mut item.get, &mut item.post, &mut item.options].into_iter().flatten() {
                let named: &[_] = if path.contains('{') { &NAMED } else { &[] };
                let epcis: &[_] = if crate::http::epcis::is_at(path) { &EPCIS } else { &[] };
                let with_body: &[_] = if operation.request_body.is_some() { &WITH_BODY } else { &[] };
                let responses = &mut operation.responses.responses;
                for (status, description) in ANY.iter().chain(named).chain(epcis).chain(with_body) {
                    let refusal = || RefOr::T(ResponseBuilder::new().description(*description).build());
                    responses.entry((*status).to_owned()).or_insert_with(refusal);
                }
                responses.iter_mut().for_each(|(status, response)| describe(status, response));
            }
        }
    }
}

/// Says of a refusal that it is a problem, and of bytes that they are bytes.
fn describe(status: &str, response: &mut RefOr<Response>) {
    let RefOr::T(response) = response else { return };
    if let Some(RefOr::T(octets)) = response.content.get_mut("application/octet-stream") {
        // Bytes are no JSON, whatever their Rust type: no schema describes them (OpenAPI 3.1, "Considerations for File Uploads").
        octets.schema = None;
    }
    if response.content.is_empty() && (status.starts_with('4') || status.starts_with('5')) {
        let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        response.content.insert(PROBLEM_JSON.to_owned(), RefOr::T(problem));
        let page = ContentBuilder::new().schema(Some(Object::with_type(Type::String))).build();
        response.content.insert("text/html".to_owned(), RefOr::T(page));
    }
}

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::to_value(Description::openapi()).unwrap_or_default());

static TEXT: LazyLock<String> = LazyLock::new(|| DOCUMENT.to_string());

/// The description, as JSON.
pub fn document() -> &'static Value {
    &DOCUMENT
}

/// Describes this interface.
#[utoipa::path(get, path = "/openapi.json", tag = "operations",
    responses((status = 200, description = "OpenAPI document", body = Object)))]
pub async fn get_openapi() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(TEXT.as_str())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::http::routes;

    #[test]
    fn describes_every_route_and_no_other() {
        let document = document();
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
    fn every_refusal_is_listed_as_a_problem() {
        let document = document();
        let statuses = |path: &str, method: &str| -> Vec<String> {
            let responses = &document["paths"][path][method]["responses"];
            responses.as_object().unwrap().keys().cloned().collect()
        };
        assert_eq!(statuses("/trust", "get"), ["200", "400", "404", "414", "429", "500", "503"]);
        assert_eq!(
            statuses("/participants/{id}/renewals", "post"),
            ["202", "400", "404", "408", "409", "413", "414", "415", "429", "500", "503"]
        );
        let leaf = &document["paths"]["/ledger/leaves/{index}"]["get"]["responses"]["200"]["content"];
        let page = serde_json::json!({"schema": {"type": "string"}});
        assert_eq!(leaf, &serde_json::json!({"application/octet-stream": {}, "text/html": page}));
        let problem = "#/components/schemas/Problem";
        for item in document["paths"].as_object().unwrap().values() {
            for operation in item.as_object().unwrap().values() {
                for (status, response) in operation["responses"].as_object().unwrap() {
                    let content = &response["content"];
                    let described = content[PROBLEM_JSON]["schema"]["$ref"] == problem;
                    // What is not ready says which part is not.
                    let own = content["application/json"].is_object() && status == "503";
                    assert!(status.as_str() < "400" || described || own, "{status} {response}");
                }
            }
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document();
        let mut references = BTreeSet::new();
        let mut ids = Vec::new();
        collect(document, &mut references, &mut ids);
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
