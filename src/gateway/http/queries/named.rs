//! `/queries`: queries that stand under a name, and their events (EPCIS 2.0 §12.7).

use std::sync::Arc;

use actix_web::http::header::{CACHE_CONTROL, ContentType, LOCATION};
use actix_web::{HttpRequest, HttpResponse, web};

use super::answer::Ended;
use super::asked::{AskedQuery, check_type, extensions};
use super::{answer, events, stream};
use crate::gateway::clients::Scope;
use crate::gateway::http::auth::enter;
use crate::gateway::http::capture::base_of;
use crate::gateway::http::{Served, blocking};
use crate::gateway::query::store::{PAGE_BYTES_MAX, PageEnd};
use crate::gateway::subscriptions::keeper::{AddOutcome, PageRoom};
use crate::gateway::subscriptions::named::{
    self, DEFINITION_BYTES_MAX, DefinitionFault, NamedQuery, QUERIES_MAX, QUERIES_OF_CLIENT_MAX, QueryName,
};
use crate::http::body;
use crate::http::problem::{Code, Problem};
use sealane_core::hash::Hash;
use sealane_core::merkle::TreeSize;

/// The name in a path.
pub fn name_of(text: &str) -> Result<QueryName, Problem> {
    text.parse().map_err(|_| no_such(text))
}

fn no_such(name: &str) -> Problem {
    Problem::new(Code::NoSuchQuery, format!("there is no query with the name {name:?}: GET /queries lists them"))
}

/// The query with a name.
pub async fn find(served: &Served, name: &QueryName) -> Result<NamedQuery, Problem> {
    let subscriptions = Arc::clone(served.gateway.subscriptions()?);
    let wanted = name.clone();
    let found = blocking(move || subscriptions.query(&wanted)).await?;
    found.ok_or_else(|| no_such(name.as_str()))
}

/// `GET /queries`: a list of definitions, by name.
pub async fn list(request: HttpRequest, served: web::Data<Served>) -> Result<HttpResponse, Problem> {
    enter(&request, &served, Scope::Query).await?;
    let asked = AskedQuery::of(&request)?;
    asked.takes_no_query()?;
    let digest = Hash::of(b"queries");
    let token = asked.page(&served, digest)?;
    let after = token.and_then(|token| token.end.into_text());
    let subscriptions = Arc::clone(served.gateway.subscriptions()?);
    let room = PageRoom { queries: asked.per_page as usize, bytes: PAGE_BYTES_MAX };
    let page = blocking(move || subscriptions.definitions(after.as_deref(), room)).await?;
    // A name has no character that JSON writes in another way, and a definition was written as JSON when it was kept.
    let members = page.queries.iter().map(|(name, query)| format!("{{\"name\":\"{name}\",\"query\":{query}}}"));
    let mut answer = json(format!("[{}]", members.collect::<Vec<_>>().join(",")));
    if let Some((last, _)) = page.queries.last().filter(|_| page.has_more) {
        let ended = Ended { digest, size: TreeSize::ZERO, end: PageEnd::of_text(last), told: 0 };
        answer::lead_on(&mut answer, &request, &served, &asked, &ended);
    }
    Ok(answer)
}

fn json(text: String) -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-cache")).content_type(ContentType::json()).body(text)
}

/// `POST /queries`: gives a query a name.
pub async fn post(
    request: HttpRequest,
    payload: web::Payload,
    served: web::Data<Served>,
) -> Result<HttpResponse, Problem> {
    let client = enter(&request, &served, Scope::Query).await?;
    let subscriptions = Arc::clone(served.gateway.subscriptions()?);
    let prefixes = extensions(request.headers())?;
    let what = "the query, {\"name\": …, \"query\": {…}},";
    let bytes = body::read_json(&request, payload, what, DEFINITION_BYTES_MAX).await?;
    let (name, definition) = named::read(&bytes, prefixes)?;
    let shown = name.clone();
    match blocking(move || subscriptions.add_query(name, definition, client.name)).await? {
        AddOutcome::Taken => {
            let detail = format!("the name {shown} stands for another query: choose another, or remove that one first");
            return Err(Problem::new(Code::QueryNameTaken, detail));
        }
        AddOutcome::Full => {
            let detail = format!("there are {QUERIES_MAX} named queries: remove one first");
            return Err(Problem::new(Code::TooManyQueries, detail).with("limit", QUERIES_MAX));
        }
        AddOutcome::FullOfClient => {
            let detail = format!("the client has {QUERIES_OF_CLIENT_MAX} named queries: remove one first");
            return Err(Problem::new(Code::TooManyQueries, detail).with("limit", QUERIES_OF_CLIENT_MAX));
        }
        AddOutcome::Done | AddOutcome::NoQuery => {}
    }
    let location = format!("{}/queries/{shown}", base_of(&request));
    Ok(HttpResponse::Created().insert_header((LOCATION, location)).finish())
}

/// `GET /queries/{queryName}`: its definition.
pub async fn get(
    request: HttpRequest,
    name: web::Path<String>,
    served: web::Data<Served>,
) -> Result<HttpResponse, Problem> {
    enter(&request, &served, Scope::Query).await?;
    check_type(&request)?;
    let query = find(&served, &name_of(&name)?).await?;
    Ok(json(query.to_json().to_string()))
}

/// `DELETE /queries/{queryName}`: removes it, and ends every subscription to it.
pub async fn delete(
    request: HttpRequest,
    name: web::Path<String>,
    served: web::Data<Served>,
) -> Result<HttpResponse, Problem> {
    let client = enter(&request, &served, Scope::Query).await?;
    let name = name_of(&name)?;
    let query = find(&served, &name).await?;
    if query.client != client.name {
        let detail = format!("the query {name} is the client {}'s, and it alone removes it", query.client);
        return Err(Problem::new(Code::ClientNotAllowed, detail));
    }
    let subscriptions = Arc::clone(served.gateway.subscriptions()?);
    blocking(move || subscriptions.remove_query(&name, &client.name)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `GET /queries/{queryName}/events`: the events that it finds now; with `Upgrade: websocket`, as they are recorded.
pub async fn list_events(
    request: HttpRequest,
    payload: web::Payload,
    name: web::Path<String>,
    served: web::Data<Served>,
) -> Result<HttpResponse, Problem> {
    let name = name_of(&name)?;
    if stream::is_asked_for(&request) {
        return stream::begin(request, payload, name, served).await;
    }
    let client = enter(&request, &served, Scope::Query).await?;
    let asked = AskedQuery::of_page(&request)?;
    stream::refuse_controls(&asked)?;
    asked.takes_no_query()?;
    let query = find(&served, &name).await?;
    let query = query.query().map_err(|fault| Problem::from(DefinitionFault::Query(fault)))?;
    let side = served.gateway.query_of(&client.name).await?;
    events::page(&request, &served, (client.name, side), &asked, query).await
}

impl From<DefinitionFault> for Problem {
    fn from(fault: DefinitionFault) -> Self {
        let code = match fault {
            DefinitionFault::Json(_) => Code::BadJson,
            DefinitionFault::Member(_) | DefinitionFault::Name(_) | DefinitionFault::Query(_) => Code::BadQuery,
        };
        let problem = Self::new(code, fault.to_string());
        match fault {
            DefinitionFault::Query(fault) => problem.with("parameter", fault.parameter),
            _ => problem,
        }
    }
}
