//! `/queries/{queryName}/subscriptions`: who is told what a query finds, by webhook (EPCIS 2.0 §12.7).
//!
//! A client sees and ends its own. So no client learns where another one's events go.

use std::sync::Arc;

use actix_web::http::header::{CACHE_CONTROL, LOCATION};
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::Value;

use super::answer::{self, Ended};
use super::asked::{AskedQuery, check_type, form_of};
use super::named::{find, name_of};
use crate::gateway::clients::{ClientName, Scope};
use crate::gateway::http::auth::enter;
use crate::gateway::http::capture::base_of;
use crate::gateway::http::{Served, blocking};
use crate::gateway::query::store::PageEnd;
use crate::gateway::subscriptions::Subscribed;
use crate::gateway::subscriptions::dest::Dest;
use crate::gateway::subscriptions::keeper::AddOutcome;
use crate::gateway::subscriptions::named::QueryName;
use crate::gateway::subscriptions::subscription::{
    self, AskedSubscription, ControlsFault, SUBSCRIPTIONS_MAX, SUBSCRIPTIONS_OF_CLIENT_MAX, Subscription,
    SubscriptionId, SubscriptionState,
};
use crate::http::body::{self, JSON_BYTES_MAX};
use crate::http::problem::{Code, Problem};
use sealane_core::hash::Hash;
use sealane_core::merkle::TreeSize;

/// Lets a client in that may subscribe, and finds the query.
async fn query(
    request: &HttpRequest,
    served: &web::Data<Served>,
    name: &str,
) -> Result<(ClientName, QueryName), Problem> {
    let client = enter(request, served, Scope::Subscribe).await?;
    check_type(request)?;
    let name = name_of(name)?;
    find(served, &name).await?;
    Ok((client.name, name))
}

fn json(mut answer: actix_web::HttpResponseBuilder, value: &Value) -> HttpResponse {
    answer.insert_header((CACHE_CONTROL, "no-cache")).json(value)
}

/// `GET …/subscriptions`: the client's own.
pub async fn list(
    request: HttpRequest,
    name: web::Path<String>,
    served: web::Data<Served>,
) -> Result<HttpResponse, Problem> {
    let (client, name) = query(&request, &served, &name).await?;
    let asked = AskedQuery::of_page(&request)?;
    asked.takes_no_query()?;
    let digest = Hash::of(format!("subscriptions {name} {client}").as_bytes());
    let token = asked.page(&served, digest)?;
    let after = token.and_then(|token| token.end.into_text());
    let all = served.gateway.subscriptions()?.of_query(&name, &client);
    // In the order in which they were made, so that one that is made or ended meanwhile moves none of the others.
    let place = |(one, _): &Subscribed| format!("{} {}", one.created_at, one.id);
    let mut rest = all.iter().filter(|shown| after.as_ref().is_none_or(|after| place(shown) > *after));
    let page: Vec<&Subscribed> = rest.by_ref().take(asked.per_page as usize).collect();
    let has_more = rest.next().is_some();
    let shown: Vec<Value> = page.iter().map(|(one, state)| one.to_json(state)).collect();
    let mut answer = json(HttpResponse::Ok(), &Value::Array(shown));
    if let Some(last) = page.last().filter(|_| has_more) {
        let ended = Ended { digest, size: TreeSize::ZERO, end: PageEnd::of_text(place(last)), told: 0 };
        answer::lead_on(&mut answer, &request, &served, &asked, &ended);
    }
    Ok(answer)
}

/// `POST …/subscriptions`: begins one.
pub async fn post(
    request: HttpRequest,
    payload: web::Payload,
    name: web::Path<String>,
    served: web::Data<Served>,
) -> Result<HttpResponse, Problem> {
    let client = enter(&request, &served, Scope::Subscribe).await?;
    let name = name_of(&name)?;
    let query = find(&served, &name).await?;
    let form = form_of(request.headers())?;
    let what = "the subscription, {\"dest\": …, \"stream\": true},";
    let bytes = body::read_json(&request, payload, what, JSON_BYTES_MAX).await?;
    let body = sealane_core::json::parse(&bytes)?;
    let members = body
        .as_object()
        .ok_or_else(|| Problem::new(Code::BadSubscription, "a subscription is an object with a dest"))?;
    let AskedSubscription { dest, signature_token, controls } = subscription::read(members, form)?;
    let of_query = query.query().map_err(|fault| Problem::new(Code::BadSubscription, fault.to_string()))?;
    controls.run_of(of_query)?;
    let subscriptions = Arc::clone(served.gateway.subscriptions()?);
    let dest = Dest::read(&dest, subscriptions.rules());
    let dest = dest.map_err(|why| Problem::new(Code::BadDest, format!("the member dest: {why}")))?;
    // What is told begins behind the rows that are there now.
    let rows = served.gateway.query().ok().map(|side| side.cursor.size);
    let mut new = Subscription {
        id: SubscriptionId::new(),
        query: name,
        client: client.name,
        created_at: served.gateway.now(),
        dest,
        signature_token,
        controls,
    };
    if rows.is_none() {
        // As the standard says: what was recorded from now on.
        new.controls.initial_record_time.get_or_insert(new.created_at);
    }
    let kept = new.clone();
    let outcome = blocking(move || subscriptions.subscribe(kept, rows)).await?;
    check_added(outcome, &new)?;
    let location = format!("{}/queries/{}/subscriptions/{}", base_of(&request), new.query, new.id);
    let mut created = HttpResponse::Created();
    created.insert_header((LOCATION, location));
    Ok(json(created, &new.to_json(&SubscriptionState::default())))
}

fn check_added(outcome: AddOutcome, new: &Subscription) -> Result<(), Problem> {
    let too_many = |whose: &str, limit: usize| {
        let detail = format!("{whose} has {limit} subscriptions: end one first");
        Problem::new(Code::TooManySubscriptions, detail).with("limit", limit)
    };
    match outcome {
        AddOutcome::Done | AddOutcome::Taken => Ok(()),
        AddOutcome::NoQuery => {
            Err(Problem::new(Code::NoSuchQuery, format!("the query {} was just removed", new.query)))
        }
        AddOutcome::Full => Err(too_many("the gateway", SUBSCRIPTIONS_MAX)),
        AddOutcome::FullOfClient => Err(too_many(&format!("the client {}", new.client), SUBSCRIPTIONS_OF_CLIENT_MAX)),
    }
}

/// One of the client's, by its path.
async fn one(
    request: &HttpRequest,
    served: &web::Data<Served>,
    (name, id): &(String, String),
) -> Result<Subscribed, Problem> {
    let (client, name) = query(request, served, name).await?;
    let subscriptions = served.gateway.subscriptions()?;
    let found = SubscriptionId::parse(id).and_then(|id| subscriptions.get(&name, &id, &client));
    found.ok_or_else(|| Problem::not_found("the client has no subscription of this id to this query"))
}

/// `GET …/subscriptions/{subscriptionID}`.
pub async fn get(
    request: HttpRequest,
    path: web::Path<(String, String)>,
    served: web::Data<Served>,
) -> Result<HttpResponse, Problem> {
    let (subscription, state) = one(&request, &served, &path).await?;
    Ok(json(HttpResponse::Ok(), &subscription.to_json(&state)))
}

/// `DELETE …/subscriptions/{subscriptionID}`: ends it.
pub async fn delete(
    request: HttpRequest,
    path: web::Path<(String, String)>,
    served: web::Data<Served>,
) -> Result<HttpResponse, Problem> {
    let (subscription, _) = one(&request, &served, &path).await?;
    let subscriptions = Arc::clone(served.gateway.subscriptions()?);
    blocking(move || subscriptions.remove(&subscription.id)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `POST …/subscriptions/{subscriptionID}/resume`: what was suspended, or waits for its next try, is tried at once.
pub async fn resume(
    request: HttpRequest,
    path: web::Path<(String, String)>,
    served: web::Data<Served>,
) -> Result<HttpResponse, Problem> {
    let (subscription, _) = one(&request, &served, &path).await?;
    let subscriptions = Arc::clone(served.gateway.subscriptions()?);
    blocking(move || subscriptions.resume(&subscription.id)).await?;
    Ok(HttpResponse::NoContent().finish())
}

impl From<ControlsFault> for Problem {
    fn from(fault: ControlsFault) -> Self {
        Self::new(Code::BadSubscription, fault.to_string())
    }
}
