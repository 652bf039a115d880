//! Queries for events, for the resources in them, and for master data (EPCIS 2.0 §8.2.7, §12.5 to §12.8).
//!
//! A request's way: `asked` reads what it asks for and in which form; the store finds a page; `answer` writes it, with a sealed link to
//! the next one (`token`). The gateway's rows stand still between the pages of one query: each is of the ledger of the first.

mod answer;
mod asked;
pub mod collections;
pub mod events;
pub mod master;
pub mod named;
mod stream;
pub mod subscriptions;
mod token;
pub mod trace;

use std::sync::{Arc, LazyLock};

use actix_web::{HttpRequest, HttpResponse, web};

pub use token::PageSeal;

use crate::app::answer::{AnswerPool, Urgency};
use crate::gateway::clients::{ClientName, Scope};
use crate::gateway::http::Served;
use crate::gateway::http::auth::enter;
use crate::gateway::query::store::{FindError, QueryStore, QueryStoreError};
use crate::gateway::query::{QueryObstacle, QuerySide, RowsOf};
use crate::http::problem::{Code, Problem};
use sealane_core::epcis::query::{EventQuery, ResolveError};

/// For questions to the rows, each of which may take a processor for seconds. The store has a reader more than these threads, so that the
/// indexer always finds one.
static ROWS: LazyLock<AnswerPool<ClientName>> = LazyLock::new(|| AnswerPool::new("rows", 3, Urgency::Low));

/// Lets a client in that may query, and gives the rows.
async fn side(request: &HttpRequest, served: &web::Data<Served>) -> Result<(ClientName, QuerySide), Problem> {
    let client = enter(request, served, Scope::Query).await?;
    let side = served.gateway.query_of(&client.name).await?;
    Ok((client.name, side))
}

/// Asks the store on a thread that may wait for a disk, in the client's turn: a client that asks for much waits for itself.
async fn ask<T: Send + 'static>(
    client: &ClientName,
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    ROWS.run(client.clone(), move || Ok(work())).await?
}

fn resolved(query: EventQuery, store: &Arc<dyn QueryStore>) -> Result<EventQuery, Problem> {
    query.resolve(&RowsOf(&**store)).map_err(|error| match error {
        ResolveError::MasterData(error) => error.into(),
        ResolveError::TooMany { .. } => {
            Problem::new(Code::QueryTooComplex, format!("{error}: name a smaller place, or the places themselves"))
        }
    })
}

impl From<QueryObstacle> for Problem {
    fn from(obstacle: QueryObstacle) -> Self {
        match obstacle {
            QueryObstacle::Off => Self::not_found(obstacle.to_string()),
            _ => Self::new(Code::QueriesUnready, obstacle.to_string()),
        }
    }
}

impl From<FindError> for Problem {
    fn from(error: FindError) -> Self {
        match error {
            FindError::TooComplex(_) => Self::new(Code::QueryTooComplex, error.to_string()),
            FindError::Store(error) => error.into(),
        }
    }
}

impl From<QueryStoreError> for Problem {
    fn from(error: QueryStoreError) -> Self {
        Self::new(Code::QueriesUnready, "the gateway's query store cannot be read now; ask again later")
            .caused_by(error)
    }
}

/// The collection at the top (EPCIS 2.0 §12.2).
pub async fn get_top(request: HttpRequest, served: web::Data<Served>) -> Result<HttpResponse, Problem> {
    enter(&request, &served, Scope::Query).await?;
    asked::check_type(&request)?;
    let resources = [
        "events",
        "eventTypes",
        "epcs",
        "bizSteps",
        "bizLocations",
        "readPoints",
        "dispositions",
        "capture",
        "queries",
    ];
    Ok(answer::collection(resources.map(str::to_owned).to_vec()))
}
