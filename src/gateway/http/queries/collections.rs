//! The resources that events name: which there are, whether one is there, and the events of one (EPCIS 2.0 §12.5).

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};

use super::answer::Ended;
use super::asked::AskedQuery;
use super::{answer, ask, events, side};
use crate::gateway::clients::ClientName;
use crate::gateway::http::Served;
use crate::gateway::http::capture::base_of;
use crate::gateway::query::QuerySide;
use crate::gateway::query::store::{PageEnd, PageRequest};
use crate::http::events::identifier;
use crate::http::problem::{Code, Problem};
use sealane_core::epcis::query::{Condition, EventQuery, Field, QueryParameters};
use sealane_core::hash::Hash;

/// A kind of resource: its path, the fields in which it stands, and the parameter that asks for it.
pub struct Resources {
    pub path: &'static str,
    fields: &'static [&'static str],
    parameter: &'static str,
}

/// Every kind. An EPC may be a class or a lot too.
pub const RESOURCES: [Resources; 6] = [
    Resources { path: "eventTypes", fields: &["eventType"], parameter: "eventType" },
    Resources {
        path: "epcs",
        fields: &["epc", "parentID", "inputEPC", "outputEPC", "epcClass", "inputEPCClass", "outputEPCClass"],
        parameter: "MATCH_anyEPC",
    },
    Resources { path: "bizSteps", fields: &["bizStep"], parameter: "EQ_bizStep" },
    Resources { path: "bizLocations", fields: &["bizLocation"], parameter: "EQ_bizLocation" },
    Resources { path: "readPoints", fields: &["readPoint"], parameter: "EQ_readPoint" },
    Resources { path: "dispositions", fields: &["disposition"], parameter: "EQ_disposition" },
];

impl Resources {
    /// The kind of a request's path.
    fn of(request: &HttpRequest) -> Result<&'static Self, Problem> {
        let path = request.path().strip_prefix(base_of(request)).unwrap_or_default();
        let first = path.split('/').nth(1).unwrap_or_default();
        RESOURCES
            .iter()
            .find(|one| one.path == first)
            .ok_or_else(|| Problem::not_found("nothing is served at this path"))
    }

    /// The text in the path, and what finds its events.
    fn named(&'static self, request: &HttpRequest, after: &str) -> Result<EventQuery, Problem> {
        let before = format!("{}/{}/", base_of(request), self.path);
        let text = identifier(request, &before, after)?;
        let mut parameters = QueryParameters::default();
        parameters.add(self.parameter, [text])?;
        let mut query = parameters.read().map_err(|fault| Problem::new(Code::BadId, fault.fault))?;
        for condition in &mut query.conditions {
            condition.fields = self.fields.iter().map(|field| Field::new(*field)).collect();
        }
        Ok(query)
    }
}

/// `GET /epcs` and the like: what stands in events, each once, in its order.
pub async fn list(request: HttpRequest, served: web::Data<Served>) -> Result<HttpResponse, Problem> {
    let (client, side) = side(&request, &served).await?;
    let (resources, asked) = (Resources::of(&request)?, AskedQuery::of(&request)?);
    asked.takes_no_query()?;
    let digest = Hash::of(resources.path.as_bytes());
    let token = asked.page(&served, digest)?;
    let told = token.as_ref().map_or(0, |token| token.told);
    let after = token.and_then(|token| token.end.into_text());
    let (store, limit) = (Arc::clone(&side.store), asked.per_page);
    let fields: Vec<Field> = resources.fields.iter().map(|field| Field::new(*field)).collect();
    let mut values = ask(&client, move || Ok(store.values(&fields, after.as_deref(), limit + 1)?)).await?;
    let has_more = values.len() > limit as usize;
    values.truncate(limit as usize);
    let last = values.last().cloned().filter(|_| has_more);
    let prefixes = side.prefixes(asked.form);
    let told = told + values.len() as u64;
    let mut answer = answer::collection(
        values.iter().map(|value| asked.form.text(value, &prefixes).unwrap_or_else(|| value.clone())).collect(),
    );
    if let Some(last) = last {
        let ended = Ended { digest, size: side.cursor.size, end: PageEnd::of_text(last), told };
        answer::lead_on(&mut answer, &request, &served, &asked, &ended);
    }
    Ok(answer)
}

/// `GET /epcs/{epc}` and the like: that there are events of it.
pub async fn get(request: HttpRequest, served: web::Data<Served>) -> Result<HttpResponse, Problem> {
    let (client, side) = side(&request, &served).await?;
    AskedQuery::of(&request)?.takes_no_query()?;
    let query = Resources::of(&request)?.named(&request, "")?;
    check_seen(&client, &side, query).await?;
    Ok(answer::collection(vec!["events".to_owned()]))
}

/// `GET /epcs/{epc}/events` and the like, with any further parameter of a query.
pub async fn list_events(request: HttpRequest, served: web::Data<Served>) -> Result<HttpResponse, Problem> {
    let (client, side) = side(&request, &served).await?;
    let asked = AskedQuery::of_events(&request)?;
    let named = Resources::of(&request)?.named(&request, "/events")?;
    check_seen(&client, &side, named.clone()).await?;
    let mut query = asked.parameters.read()?;
    query.conditions.extend::<Vec<Condition>>(named.conditions);
    events::page(&request, &served, (client, side), &asked, query).await
}

/// 404 if no event names it.
async fn check_seen(client: &ClientName, side: &QuerySide, query: EventQuery) -> Result<(), Problem> {
    let (store, size) = (Arc::clone(&side.store), side.cursor.size);
    let first = PageRequest { size, after: None, limit: 1 };
    let found = ask(client, move || Ok(store.find(&query, &first)?)).await?;
    if found.events.is_empty() {
        return Err(Problem::not_found("no event on the ledger names this"));
    }
    Ok(())
}

/// `DELETE /nextPageToken/{token}`: the token opens nothing any more.
pub async fn give_back(
    request: HttpRequest,
    token: web::Path<String>,
    served: web::Data<Served>,
) -> Result<HttpResponse, Problem> {
    side(&request, &served).await?;
    served.seal.give_back(&token);
    Ok(HttpResponse::NoContent().finish())
}
