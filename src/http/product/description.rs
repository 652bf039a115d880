//! `GET /.well-known/gs1resolver`: what this resolver is (GS1-Conformant resolver standard, resolver description file).

use actix_web::{HttpResponse, web};
use serde_json::{Value, json};

use crate::http::Node;
use crate::http::product::linkset::VOCABULARY;

/// The keys whose Digital Links are read here. Four more of GS1's (410 to 413) name a place only as one of a shipment.
const KEYS: [&str; 16] = [
    "00", "01", "253", "255", "401", "402", "414", "415", "417", "8003", "8004", "8006", "8010", "8013", "8017", "8018",
];

/// Describes this node as a resolver of GS1 Digital Links.
#[utoipa::path(get, path = "/.well-known/gs1resolver", tag = "products",
    responses((status = 200, description = "`{name, resolverRoot, supportedPrimaryKeys[], …}`", body = Object)))]
pub async fn get_resolver_description(node: web::Data<Node>) -> HttpResponse {
    let origin = node.ledger.origin().as_str().to_owned();
    HttpResponse::Ok().json(description(&node.public_url, &origin))
}

fn description(public_url: &str, origin: &str) -> Value {
    json!({
        "name": format!("Sealane node of the ledger {origin}"),
        "resolverRoot": public_url,
        "supportedPrimaryKeys": KEYS,
        "supportedLinkType": [{"namespace": VOCABULARY, "prefix": "gs1:"}],
        "linkTypeDefaultCanBeLinkset": false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealane_core::gs1::Id;
    use sealane_core::gs1::IdError;

    #[test]
    fn every_key_that_is_named_is_read_and_no_other() {
        for ai in (0..10_000).flat_map(|n| [format!("{n:02}"), format!("{n:03}"), format!("{n:04}")]) {
            let read = Id::parse_uri(&format!("https://id.gs1.org/{ai}/x"));
            let unknown = matches!(read, Err(IdError::NoKey { .. }));
            assert_eq!(unknown, !KEYS.contains(&ai.as_str()), "{ai}");
        }
        assert_eq!(description("https://node.example", "o.example/x")["resolverRoot"], "https://node.example");
    }
}
