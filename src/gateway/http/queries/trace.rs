//! `GET /trace`: what a thing was made of, and what became of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse, web};

use super::asked::check_type;
use super::{ask, side};
use crate::app::evidence::verdict;
use crate::gateway::http::Served;
use crate::gateway::trace::{TraceRequest, directions, follow, held, to_json};
use crate::http::parameters::{Parameters, bad};
use crate::http::problem::Problem;
use sealane_core::gs1::{Id, Question};
use sealane_core::provenance::{Policy, Verdict};
use sealane_core::trace::DEPTH_MAX;

const KNOWN: [&str; 4] = ["id", "direction", "depth", "holders"];

pub async fn get(request: HttpRequest, served: web::Data<Served>) -> Result<HttpResponse, Problem> {
    let (client, side) = side(&request, &served).await?;
    check_type(&request)?;
    let parameters = Parameters::of(&request, &KNOWN)?;
    let id = Question::read_typed(parameters.required("id")?)?.id;
    let mut asked = TraceRequest::of(id);
    if let Some(text) = parameters.get("direction") {
        asked.directions = directions(text).map_err(|why| bad("direction", &why))?;
    }
    if let Some(depth) = parameters.number("depth")? {
        let depth = u32::try_from(depth).ok().filter(|depth| *depth <= DEPTH_MAX);
        asked.depth = depth.ok_or_else(|| bad("depth", &format!("it is a whole number up to {DEPTH_MAX}")))?;
    }
    let with_holders = match parameters.get("holders") {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(bad("holders", "it is true or false")),
    };
    let (store, size, question) = (Arc::clone(&side.store), side.cursor.size, asked.clone());
    let traces = ask(&client, move || Ok(follow(&store, size, &question)?)).await?;
    let mut verdicts: BTreeMap<Id, Verdict> = BTreeMap::new();
    if let Some(ledger) = served.gateway.ledger().filter(|_| with_holders) {
        for id in held(&traces) {
            let (verdict, _) = verdict(&ledger, id.clone(), &Policy::default()).await?;
            verdicts.insert(id, verdict);
        }
    }
    let body = to_json(&asked, size, &traces, &verdicts, side.registry());
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-cache")).json(body))
}
