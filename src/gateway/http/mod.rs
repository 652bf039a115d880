//! The gateway's own HTTP interface: EPCIS capture for the participant's systems, and what its operator looks at.
//!
//! Every path is served twice: at the root and under `/epcis`. Around each request is what is around a node's: sockets, slow
//! clients, limits, problems ([`crate::http`]).

mod auth;
mod capture;
mod events;
mod health;
mod inflate;
mod jobs;
mod problems;
mod queries;

use std::io;
use std::net::TcpListener;
use std::pin::pin;
use std::sync::Arc;

use actix_web::http::Method;
use actix_web::http::header::ALLOW;
use actix_web::middleware::{Next, from_fn};
use actix_web::{Error, HttpRequest, HttpResponse, Resource, Route, body::MessageBody, dev, guard, web};
use rustls::ServerConfig;

use crate::gateway::Gateway;
use crate::gateway::keeper::KeeperError;
use crate::http::Limits;
use crate::http::epcis::SaidAlways;
use crate::http::exchange::EpcisThroughout;
use crate::http::limits::Guard;
use crate::http::problem::Problem;
use crate::http::server::start_app;

/// Reads the names in a client's certificate: its common name and alternative names.
pub type NamesOf = fn(&[u8]) -> Vec<String>;

use queries::{PageSeal, collections, events as queried, master, named, subscriptions, trace};

pub use jobs::to_json as job_to_json;

/// What every answer says beside the versions of EPCIS (EPCIS 2.0 §12.3).
const SAID_ALWAYS: &[SaidAlways] = &[
    // The limits of a capture (a test compares).
    ("gs1-epcis-capture-limit", "10000"),
    ("gs1-epcis-capture-file-size-limit", "3141564"),
    ("gs1-capture-error-behaviour", "rollback, proceed"),
];

/// What each handler gets.
#[derive(Clone)]
struct Served {
    gateway: Arc<Gateway>,
    names_of: NamesOf,
    /// Makes the tokens of next pages.
    seal: Arc<PageSeal>,
    /// It listens on an address that only this machine reaches.
    is_local: bool,
}

/// Serves on a bound socket until `shutdown` completes; then takes no more requests and finishes those in flight.
pub async fn serve(
    gateway: Arc<Gateway>,
    listener: TcpListener,
    tls: Option<ServerConfig>,
    limits: Limits,
    names_of: NamesOf,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let is_local = listener.local_addr()?.ip().is_loopback();
    let seal = Arc::new(PageSeal::new()?);
    let served = Served { gateway: Arc::clone(&gateway), names_of, seal, is_local };
    let limited = web::Data::new(Guard::new(&limits));
    let configure = move |config: &mut web::ServiceConfig| configure(config, &served);
    let server = start_app(limited, configure, listener, tls, limits.connections)?;
    let stop = server.handle();
    let mut server = pin!(server);
    tokio::select! {
        ended = &mut server => ended,
        () = shutdown => {
            gateway.stop();
            let ((), ended) = tokio::join!(stop.stop(true), &mut server);
            ended
        }
    }
}

/// Registers every path; the queries come here too.
fn configure(config: &mut web::ServiceConfig, served: &Served) {
    config.app_data(web::Data::new(served.clone())).app_data(EpcisThroughout(SAID_ALWAYS));
    config
        .service(at("/health/live", vec![(Method::GET, reading().to(health::get_live))]))
        .service(at("/health/ready", vec![(Method::GET, reading().to(health::get_ready))]))
        .service(at("/metrics", vec![(Method::GET, reading().to(health::get_metrics))]));
    for base in ["/epcis", ""] {
        for end in ["", "/"] {
            let capture = vec![
                (Method::GET, reading().to(jobs::list_jobs)),
                (Method::POST, web::post().to(capture::post_capture)),
            ];
            config.service(at(&format!("{base}/capture{end}"), capture));
            // A client in use writes it so.
            let capture = vec![(Method::POST, web::post().to(capture::post_capture))];
            config.service(at(&format!("{base}/Capture{end}"), capture));
            let events = vec![
                (Method::GET, reading().to(queried::list_events)),
                (Method::POST, web::post().to(events::post_event)),
            ];
            config.service(at(&format!("{base}/events{end}"), events));
            for kind in &collections::RESOURCES {
                let list = vec![(Method::GET, reading().to(collections::list))];
                config.service(at(&format!("{base}/{}{end}", kind.path), list));
            }
            let queries = vec![(Method::GET, reading().to(named::list)), (Method::POST, web::post().to(named::post))];
            config.service(at(&format!("{base}/queries{end}"), queries));
            let of_query = vec![
                (Method::GET, reading().to(subscriptions::list)),
                (Method::POST, web::post().to(subscriptions::post)),
            ];
            config.service(at(&format!("{base}/queries/{{queryName}}/subscriptions{end}"), of_query));
            config.service(at(&format!("{base}/trace{end}"), vec![(Method::GET, reading().to(trace::get))]));
            let vocabularies = vec![(Method::GET, reading().to(master::list))];
            config.service(at(&format!("{base}/vocabularies{end}"), vocabularies));
        }
        config.service(at(&format!("{base}/capture/{{captureID}}"), vec![(Method::GET, reading().to(jobs::get_job))]));
        let event = vec![(Method::GET, reading().to(queried::get_event))];
        config.service(at(&format!("{base}/events/{{eventID:.+}}"), event));
        for kind in &collections::RESOURCES {
            let of_one = vec![(Method::GET, reading().to(collections::list_events))];
            config.service(at(&format!("{base}/{}/{{value:.+}}/events", kind.path), of_one));
            let one = vec![(Method::GET, reading().to(collections::get))];
            config.service(at(&format!("{base}/{}/{{value:.+}}", kind.path), one));
        }
        let query = vec![(Method::GET, reading().to(named::get)), (Method::DELETE, web::delete().to(named::delete))];
        config.service(at(&format!("{base}/queries/{{queryName}}"), query));
        let of_query = vec![(Method::GET, reading().to(named::list_events))];
        config.service(at(&format!("{base}/queries/{{queryName}}/events"), of_query));
        let one = "queries/{queryName}/subscriptions/{subscriptionID}";
        let subscription = vec![
            (Method::GET, reading().to(subscriptions::get)),
            (Method::DELETE, web::delete().to(subscriptions::delete)),
        ];
        config.service(at(&format!("{base}/{one}"), subscription));
        let resume = vec![(Method::POST, web::post().to(subscriptions::resume))];
        config.service(at(&format!("{base}/{one}/resume"), resume));
        let token = vec![(Method::DELETE, web::delete().to(collections::give_back))];
        config.service(at(&format!("{base}/nextPageToken/{{token}}"), token));
    }
    for top in ["/", "/epcis", "/epcis/"] {
        config.service(at(top, vec![(Method::GET, reading().to(queries::get_top))]));
    }
    config.default_service(web::to(nothing_here));
}

/// `HEAD` goes with `GET`.
fn reading() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// A path with its methods. Every one answers OPTIONS, and others hear which are taken.
fn at(path: &str, routes: Vec<(Method, Route)>) -> impl dev::HttpServiceFactory + 'static {
    let mut allow: Vec<String> = routes.iter().map(|(method, _)| method.to_string()).collect();
    allow.push("OPTIONS".to_owned());
    if routes.iter().any(|(method, _)| *method == Method::GET) {
        allow.push("HEAD".to_owned());
    }
    allow.sort_unstable();
    let allow = allow.join(", ");
    let others = move |request: HttpRequest| {
        let allow = allow.clone();
        async move {
            if request.method() == Method::OPTIONS {
                // The versions, and how much is taken, stand in the headers of every answer (EPCIS 2.0 §8.2.4).
                return Ok(HttpResponse::NoContent().insert_header((ALLOW, allow)).finish());
            }
            Err(Problem::method_not_allowed(request.method(), &allow))
        }
    };
    let resource = routes.into_iter().fold(web::resource(path), |resource, (_, route)| resource.route(route));
    let resource: Resource = resource.default_service(web::to(others));
    resource.wrap(from_fn(count))
}

/// Counts the answer.
async fn count(
    request: dev::ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<dev::ServiceResponse<impl MessageBody>, Error> {
    let served = request.app_data::<web::Data<Served>>().cloned();
    let answer = next.call(request).await?;
    if let Some(served) = served {
        served.gateway.metrics.requests.with_label_values(&[answer.status().as_str()]).inc();
    }
    Ok(answer)
}

async fn nothing_here() -> Result<HttpResponse, Problem> {
    Err(Problem::not_found("nothing is served at this path; docs/GATEWAY.md lists what is"))
}

/// Runs what may wait for a disk or takes a processor's time on a thread for that.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, KeeperError> + Send + 'static,
) -> Result<T, Problem> {
    let done = web::block(work).await.map_err(Problem::internal)?;
    done.map_err(Problem::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::capture::DOCUMENT_BYTES_MAX;
    use sealane_core::limits::EVENTS_PER_CAPTURE_MAX;

    #[test]
    fn the_limits_that_are_told_are_those_that_hold() {
        let said = |name: &str| SAID_ALWAYS.iter().find(|(said, _)| *said == name).unwrap().1.parse::<usize>();
        assert_eq!(said("gs1-epcis-capture-limit"), Ok(EVENTS_PER_CAPTURE_MAX));
        assert_eq!(said("gs1-epcis-capture-file-size-limit"), Ok(DOCUMENT_BYTES_MAX));
    }
}
