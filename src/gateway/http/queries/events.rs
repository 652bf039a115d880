//! Events: by any query, by one eventID, by what a resource names.

use std::sync::Arc;

use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue, VARY};
use actix_web::{HttpRequest, HttpResponse, web};

use super::answer::Ended;
use super::asked::{AskedQuery, Writing};
use super::{answer, ask, resolved, side};
use crate::app::query_document::QueryResults;
use crate::gateway::clients::ClientName;
use crate::gateway::http::Served;
use crate::gateway::query::QuerySide;
use crate::gateway::query::form::{IdForm, Prefixes};
use crate::gateway::query::store::{FoundPage, PageRequest};
use crate::gateway::xml;
use crate::http::events::{document, identifier};
use crate::http::problem::{Code, Problem};
use sealane_core::epcis::query::{Condition, CountLimit, EventQuery, Key, KeyRange};
use sealane_core::merkle::TreeSize;

const EPC_FORMAT: HeaderName = HeaderName::from_static("gs1-epc-format");
const WORD_FORMAT: HeaderName = HeaderName::from_static("gs1-cbv-xml-format");

/// `GET /events`.
pub async fn list_events(request: HttpRequest, served: web::Data<Served>) -> Result<HttpResponse, Problem> {
    let (client, side) = side(&request, &served).await?;
    let asked = AskedQuery::of_events(&request)?;
    let query = asked.parameters.read()?;
    page(&request, &served, (client, side), &asked, query).await
}

/// `GET /events/{eventID}`: each event with this id, since participants choose theirs apart, and an error declaration repeats one.
pub async fn get_event(request: HttpRequest, served: web::Data<Served>) -> Result<HttpResponse, Problem> {
    let (client, side) = side(&request, &served).await?;
    let before = format!("{}/events/", crate::gateway::http::capture::base_of(&request));
    // A CBV event hash id ends in `?ver=CBV2.0`, which stands in the query if it is not encoded.
    let mut event_id = identifier(&request, &before, "")?;
    if request.query_string() == "ver=CBV2.0" {
        event_id = format!("{event_id}?ver=CBV2.0");
    }
    let (form, writing) = AskedQuery::form_alone(&request)?;
    let query = EventQuery {
        conditions: vec![Condition::new("eventID", vec![KeyRange::Exactly(Key::text(&event_id))])],
        ..EventQuery::default()
    };
    let size = side.cursor.size;
    let prefixes = side.prefixes(form);
    let store = Arc::clone(&side.store);
    let request_of = PageRequest { size, after: None, limit: super::asked::PER_PAGE_MAX };
    let found = ask(&client, move || Ok(store.find(&query, &request_of)?)).await?;
    if found.events.is_empty() {
        return Err(Problem::not_found("no event has this eventID"));
    }
    if found.next.is_some() {
        let detail = "the events with this eventID are more than one answer has room for: GET /events?EQ_eventID= gives them page by page";
        return Err(Problem::new(Code::QueryTooLarge, detail));
    }
    Ok(written(&served, found, (form, writing), &prefixes, size))
}

/// A page of the events that a query finds.
pub async fn page(
    request: &HttpRequest,
    served: &web::Data<Served>,
    (client, side): (ClientName, QuerySide),
    asked: &AskedQuery,
    query: EventQuery,
) -> Result<HttpResponse, Problem> {
    let digest = asked.digest(request, &query);
    let token = asked.page(served, digest)?;
    let size = token.as_ref().map_or(side.cursor.size, |token| token.size);
    let told = token.as_ref().map_or(0, |token| token.told);
    let per_page = u64::from(asked.per_page);
    let limit = match query.count {
        CountLimit::First(first) => per_page.min(first.saturating_sub(told)),
        CountLimit::AtMost(_) | CountLimit::None => per_page,
    };
    let is_first = token.is_none();
    let after = token.map(|token| token.end);
    let count = query.count;
    let limit = u32::try_from(limit).unwrap_or(asked.per_page).max(1);
    let prefixes = side.prefixes(asked.form);
    let store = Arc::clone(&side.store);
    let found = ask(&client, move || {
        let query = resolved(query, &store)?;
        if let (CountLimit::AtMost(most), true) = (query.count, is_first) {
            let found = store.count(&query, None, size, most.saturating_add(1))?;
            if found > most {
                let detail = format!("the query finds more events than its maxEventCount of {most}");
                return Err(Problem::new(Code::QueryTooLarge, detail).with("limit", most));
            }
        }
        Ok(store.find(&query, &PageRequest { size, after, limit })?)
    })
    .await?;
    let told = told + found.events.len() as u64;
    let is_over = matches!(count, CountLimit::First(first) if told >= first);
    let next = found.next.clone().filter(|_| !is_over);
    let mut answer = written(served, found, (asked.form, asked.writing), &prefixes, size);
    if let Some(end) = next {
        answer::lead_on(&mut answer, request, served, asked, &Ended { digest, size, end, told });
    }
    Ok(answer)
}

/// Writes a page in a form, and says which form it is.
fn written(
    served: &Served,
    mut page: FoundPage,
    (form, writing): (IdForm, Writing),
    prefixes: &Prefixes,
    size: TreeSize,
) -> HttpResponse {
    let is_whole = form.write_events(&mut page.events, prefixes);
    let form_given = if is_whole { form } else { IdForm::AsCaptured };
    let document = QueryResults::of_events(page.events).compose(served.gateway.now());
    let mut answer = match writing {
        Writing::Json => document::answer(document.to_string(), size, None),
        Writing::Xml { media_type, words } => {
            let mut answer = document::answer(xml::write(&document, words), size, None);
            answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
            answer.headers_mut().insert(WORD_FORMAT, HeaderValue::from_static(words.as_str()));
            answer
        }
    };
    answer.headers_mut().insert(EPC_FORMAT, HeaderValue::from_static(form_given.as_str()));
    answer.headers_mut().append(VARY, HeaderValue::from_static("Accept"));
    answer
}
