//! Master data: what is said of ids in the headers of documents, given back as the header of one (EPCIS 2.0 §8.2.7.2, §9.6.2).

use actix_web::http::header::{CACHE_CONTROL, ContentType};
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use crate::app::master_data::{KnownElement, master_data};
use crate::app::query_document::CONTEXT;
use crate::http::Node;
use crate::http::parameters::{Parameters, bad};
use crate::http::problem::Problem;
use sealane_core::epcis::query::canonical;
use sealane_core::epcis::{LEDGER_NAMESPACE, LEDGER_PREFIX, vocabulary_name};
use sealane_core::json::{Json, Object};

/// Ids that one question names at most.
pub const VOCABULARY_IDS_MAX: usize = 20;

const KNOWN: [&str; 3] = ["id", "type", "attribute"];

/// Gives what the holders of some ids say of them: of each attribute the newest word of a participant in force.
#[utoipa::path(get, path = "/epcis/vocabularies", tag = "epcis",
    params(
        ("id" = String, Query, description = "Ids, up to 20, with `|` between or each as a parameter of its own"),
        ("type" = Option<String>, Query, description = "A vocabulary, such as `urn:epcglobal:epcis:vtype:EPCClass`"),
        ("attribute" = Option<String>, Query, description = "The name of an attribute: elements that have it"),
    ),
    responses((status = 200, description = "An EPCISDocument with master data in its header. Each attribute has the leaf that says it, \
        `sealane:leafIndex`, and who signed that, `sealane:participant`", body = Object)))]
pub async fn get_vocabularies(request: HttpRequest, node: web::Data<Node>) -> Result<HttpResponse, Problem> {
    let parameters = Parameters::with_alternatives(&request, &KNOWN, &[])?;
    let texts = parameters.required("id")?.split('|').filter(|text| !text.is_empty());
    let ids: Vec<String> = texts.map(canonical).collect();
    if ids.is_empty() || ids.len() > VOCABULARY_IDS_MAX {
        let found = ids.len();
        return Err(bad("id", &format!("it names 1 to {VOCABULARY_IDS_MAX} ids; this names {found}")));
    }
    let each = |name: &str| parameters.get(name).map(|text| text.split('|').map(str::to_owned).collect::<Vec<_>>());
    let vocabularies: Option<Vec<String>> =
        each("type").map(|names| names.iter().map(|name| vocabulary_name(name)).collect());
    let attributes = each("attribute");
    let ledger = node.ledger_for(&request);
    let mut elements = master_data(&ledger, ids).await?;
    elements.retain(|element| {
        let has = |names: &Vec<String>| element.attributes.iter().any(|one| names.contains(&one.name));
        vocabularies.as_ref().is_none_or(|names| names.contains(&element.vocabulary))
            && attributes.as_ref().is_none_or(has)
    });
    elements.sort_by(|a, b| a.vocabulary.cmp(&b.vocabulary));
    let now = ledger.view().tip.seal.time.to_string();
    let body = document(elements, &now).to_string();
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-cache")).content_type(ContentType::json()).body(body))
}

/// The elements by vocabulary. Each attribute says whose word it is, and whether its signer held the id.
pub fn document(elements: Vec<KnownElement>, now: &str) -> Json {
    let mut vocabularies: Vec<(String, Vec<Json>)> = Vec::new();
    for element in elements {
        let written = written(&element);
        match vocabularies.last_mut().filter(|(name, _)| *name == element.vocabulary) {
            Some((_, list)) => list.push(written),
            None => vocabularies.push((element.vocabulary, vec![written])),
        }
    }
    let list = vocabularies.into_iter().map(|(name, elements)| {
        let mut vocabulary = Object::new();
        vocabulary.insert("type".to_owned(), name.into());
        vocabulary.insert("vocabularyElementList".to_owned(), Json::Array(elements));
        Json::Object(vocabulary)
    });
    let mut document = Json::from(json!({
        "@context": [CONTEXT, {LEDGER_PREFIX: LEDGER_NAMESPACE}],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": now,
        "epcisHeader": {"epcisMasterData": {"vocabularyList": []}},
        "epcisBody": {"eventList": []},
    }));
    let place = ["epcisHeader", "epcisMasterData", "vocabularyList"];
    if let Some(at) = place.into_iter().try_fold(&mut document, |below, name| below.get_mut(name)) {
        *at = Json::Array(list.collect());
    }
    document
}

fn written(element: &KnownElement) -> Json {
    let attributes = element.attributes.iter().map(|one| {
        let mut attribute = Object::new();
        attribute.insert("id".to_owned(), one.name.clone().into());
        attribute.insert("attribute".to_owned(), one.value.clone());
        attribute.insert("sealane:participant".to_owned(), json!(one.participant).into());
        attribute.insert("sealane:isHolder".to_owned(), Json::Bool(one.is_holder));
        attribute.insert("sealane:leafIndex".to_owned(), json!(one.leaf).into());
        Json::Object(attribute)
    });
    let mut written = Object::new();
    written.insert("id".to_owned(), element.id.clone().into());
    written.insert("attributes".to_owned(), Json::Array(attributes.collect()));
    if !element.children.is_empty() {
        let children = element.children.iter().map(|child| child.clone().into());
        written.insert("children".to_owned(), Json::Array(children.collect()));
    }
    Json::Object(written)
}
