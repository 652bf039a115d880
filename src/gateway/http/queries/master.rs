//! `GET /vocabularies`: the master data that was captured (EPCIS 2.0 §8.2.7.2), as the header of an EPCISDocument has it.

use std::sync::Arc;

use actix_web::http::header::{CACHE_CONTROL, ContentType};
use actix_web::{HttpRequest, HttpResponse, web};

use super::answer::Ended;
use super::asked::AskedQuery;
use super::{answer, ask, side};
use crate::gateway::http::Served;
use crate::gateway::query::store::{KnownPage, MasterFilter, PageEnd};
use crate::http::master_data::document;
use crate::http::parameters::bad;
use crate::http::problem::{Code, Problem};
use sealane_core::epcis::query::canonical;
use sealane_core::epcis::vocabulary_name;
use sealane_core::hash::Hash;

const KNOWN: [&str; 5] = ["type", "id", "attribute", "sealane:by", "perPage"];

/// Between the vocabulary and the id where a page ended: neither has it.
const BETWEEN: char = '\n';

pub async fn list(request: HttpRequest, served: web::Data<Served>) -> Result<HttpResponse, Problem> {
    let (client, side) = side(&request, &served).await?;
    let asked = AskedQuery::of_page(&request)?;
    if let Some(name) = asked.names().find(|name| !KNOWN.contains(name)) {
        let detail =
            format!("the parameter {name:?} is unknown here; known are {} and nextPageToken", KNOWN.join(", "));
        return Err(Problem::new(Code::UnknownParameter, detail).with("parameter", name));
    }
    let by = asked.values("sealane:by").first().map(|text| text.parse()).transpose();
    let filter = MasterFilter {
        vocabularies: asked.values("type").iter().map(|name| vocabulary_name(name)).collect(),
        ids: asked.values("id").iter().map(|text| canonical(text)).collect(),
        attributes: asked.values("attribute"),
        by: by.map_err(|_| bad("sealane:by", "it is a participant's id"))?,
        after: None,
        limit: asked.per_page,
    };
    let digest = Hash::of(format!("{filter:?}").as_bytes());
    let token = asked.page(&served, digest)?;
    let told = token.as_ref().map_or(0, |token| token.told);
    let after = token.and_then(|token| {
        let last = token.end.into_text()?;
        let (vocabulary, id) = last.split_once(BETWEEN)?;
        Some((vocabulary.to_owned(), id.to_owned()))
    });
    let store = Arc::clone(&side.store);
    let found = ask(&client, move || Ok(store.master_data(&MasterFilter { after, ..filter })?)).await?;
    let KnownPage { elements, has_more } = found;
    let next = elements.last().filter(|_| has_more).map(|last| format!("{}{BETWEEN}{}", last.vocabulary, last.id));
    let told = told + elements.len() as u64;
    let body = document(elements, &served.gateway.now().to_string()).to_string();
    let mut answer =
        HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-cache")).content_type(ContentType::json()).body(body);
    if let Some(next) = next {
        let ended = Ended { digest, size: side.cursor.size, end: PageEnd::of_text(next), told };
        answer::lead_on(&mut answer, &request, &served, &asked, &ended);
    }
    Ok(answer)
}
