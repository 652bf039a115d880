//! `GET /vocabularies`: the master data that was captured (EPCIS 2.0 §8.2.7.2), as the header of an EPCISDocument has it.

use std::sync::Arc;

use actix_web::http::header::{CACHE_CONTROL, ContentType};
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use super::asked::Asked;
use super::{answer, ask, side};
use crate::gateway::http::Served;
use crate::gateway::query::store::{KnownElement, MasterFilter, PageEnd};
use crate::http::epcis::CONTEXT;
use crate::http::parameters::bad;
use crate::http::problem::{Code, Problem};
use sealane_core::epcis::query::Key;
use sealane_core::gs1::Id;
use sealane_core::hash::Hash;
use sealane_core::json::{Json, Object};
use sealane_core::merkle::TreeSize;

const KNOWN: [&str; 5] = ["type", "id", "attribute", "sealane:by", "perPage"];

/// Between the vocabulary and the id where a page ended: neither has it.
const BETWEEN: char = '\n';

pub async fn list(request: HttpRequest, served: web::Data<Served>) -> Result<HttpResponse, Problem> {
    let side = side(&request, &served).await?;
    let asked = Asked::of_page(&request)?;
    if let Some(name) = asked.names().find(|name| !KNOWN.contains(name)) {
        let detail =
            format!("the parameter {name:?} is unknown here; known are {} and nextPageToken", KNOWN.join(", "));
        return Err(Problem::new(Code::UnknownParameter, detail).with("parameter", name));
    }
    let by = asked.values("sealane:by").first().map(|text| text.parse()).transpose();
    let filter = MasterFilter {
        vocabularies: asked.values("type"),
        ids: asked.values("id").iter().map(|text| canonical(text)).collect(),
        attributes: asked.values("attribute"),
        by: by.map_err(|_| bad("sealane:by", "it is a participant's id"))?,
        after: None,
        limit: asked.per_page + 1,
    };
    let digest = Hash::of(format!("{filter:?}").as_bytes());
    let token = asked.page(&served, digest)?;
    let told = token.as_ref().map_or(0, |token| token.told);
    let after = token.and_then(|token| {
        let (vocabulary, id) = token.end.key.as_ref()?.as_text()?.split_once(BETWEEN)?;
        Some((vocabulary.to_owned(), id.to_owned()))
    });
    let store = Arc::clone(&side.store);
    let mut elements = ask(move || Ok(store.master_data(&MasterFilter { after, ..filter })?)).await?;
    let has_more = elements.len() > asked.per_page as usize;
    elements.truncate(asked.per_page as usize);
    let next = elements.last().filter(|_| has_more).map(|last| format!("{}{BETWEEN}{}", last.vocabulary, last.id));
    let told = told + elements.len() as u64;
    let body = document(elements, &served.gateway.now().to_string()).to_string();
    let mut answer =
        HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-cache")).content_type(ContentType::json()).body(body);
    if let Some(next) = next {
        let end = PageEnd { key: Some(Key::text(&next)), leaf: TreeSize::ZERO.next_index(), position: 0 };
        let (token, expires) = served.seal.seal(digest, side.cursor.size, &end, told, served.gateway.now());
        answer::lead_on(&mut answer, request.uri().path(), &asked.next_query(&token), expires);
    }
    Ok(answer)
}

fn canonical(text: &str) -> String {
    Id::parse_uri(text).map_or_else(|_| text.to_owned(), |id| id.as_str().to_owned())
}

/// The elements by vocabulary. Each attribute says whose word it is, and whether its signer held the id.
fn document(elements: Vec<KnownElement>, now: &str) -> Json {
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
        "@context": [CONTEXT, {"sealane": "urn:sealane:epcis:"}],
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
