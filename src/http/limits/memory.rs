//! What bodies that are read and answers that are sent hold in memory: over all connections, and of each client.

use std::sync::Arc;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, web};

use crate::app::LedgerError;
use crate::app::answer::{MemoryBudget, MemoryLease};
use crate::http::limits::long_answer::{IsCounted, LongAnswer};
use crate::http::limits::{Guard, client_of};
use crate::http::problem::{Code, Problem};

/// Bytes of request bodies held at a time: 64 of the longest statements, or two seconds of a fast network.
const BODIES_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Of these, of one client: 16 of the longest statements.
const BODIES_PER_CLIENT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Bytes of long answers held at a time, while they are made and for clients that are slow to take them: four of the
/// longest evidence documents, or a thousand usual ones.
const ANSWERS_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Of these, of one client. One answer alone may be longer.
const ANSWERS_PER_CLIENT_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Longest answer that is not counted. As much as a connection's buffers have anyway.
const SHORT_ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Beginnings of the paths whose answers may be long. A client that holds its share is refused there before an answer is made.
const LONG_AT: [&str; 3] = ["/evidence", "/epcis/e", "/ledger/"];

/// What is left of the memory for bodies and answers.
pub struct Memory {
    bodies: Arc<MemoryBudget>,
    answers: Arc<MemoryBudget>,
}

impl Memory {
    pub fn new() -> Self {
        Self {
            bodies: Arc::new(MemoryBudget::new(BODIES_BYTES_MAX, BODIES_PER_CLIENT_BYTES_MAX)),
            answers: Arc::new(MemoryBudget::new(ANSWERS_BYTES_MAX, ANSWERS_PER_CLIENT_BYTES_MAX)),
        }
    }

    pub const fn bodies(&self) -> &Arc<MemoryBudget> {
        &self.bodies
    }

    pub const fn answers(&self) -> &Arc<MemoryBudget> {
        &self.answers
    }
}

/// The memory that one body holds while it is read, and until its request is answered.
#[derive(Default)]
pub struct HeldBytes(Option<MemoryLease>);

impl HeldBytes {
    /// Nothing yet, of the memory of the node that the request came to.
    pub fn for_body_of(request: &HttpRequest) -> Self {
        let guard = request.app_data::<web::Data<Guard>>();
        Self(guard.map(|guard| guard.memory.bodies.lease(client_of(request))))
    }

    /// Grows to at least `bytes`, or says that the node has no more.
    pub fn grow_to(&mut self, bytes: usize) -> Result<(), Problem> {
        if self.0.as_mut().is_none_or(|lease| lease.grow_to(bytes)) {
            return Ok(());
        }
        let detail = "this address, or all together, send as many bytes of bodies at a time as the node may hold; come back in \
                      a moment";
        Err(Problem::new(Code::Busy, detail))
    }

    /// Keeps the memory taken until the request is answered and gone.
    pub fn keep_with(self, request: &HttpRequest) {
        if let Some(lease) = self.0 {
            request.extensions_mut().insert(lease);
        }
    }
}

/// Counts a long answer until it is sent, or refuses to send it while its client, or all together, hold too many. A client
/// that holds its share already is refused before the answer is made.
pub async fn count_answer(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let guard = request.app_data::<web::Data<Guard>>().cloned();
    if let Some(guard) = &guard
        && request.method() == Method::GET
        && LONG_AT.iter().any(|beginning| request.path().starts_with(beginning))
        && guard.memory.answers.is_spent_by(&client_of(request.request()))
    {
        guard.memory.answers.count_refusal();
        return Ok(request.error_response(Problem::from(LedgerError::AnswersHeld)).map_into_boxed_body());
    }
    let answer = next.call(request).await?;
    let BodySize::Sized(length) = answer.response().body().size() else { return Ok(answer.map_into_boxed_body()) };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let is_counted = answer.response().extensions().contains::<IsCounted>();
    let Some(guard) = guard.filter(|_| length > SHORT_ANSWER_BYTES_MAX && !is_counted) else {
        return Ok(answer.map_into_boxed_body());
    };
    let mut lease = guard.memory.answers.lease(client_of(answer.request()));
    if !lease.grow_to(length) {
        return Ok(answer.error_response(Problem::from(LedgerError::AnswersHeld)));
    }
    Ok(answer.map_body(|_, body| match body.try_into_bytes() {
        Ok(bytes) => LongAnswer::of_bytes(bytes, lease).boxed(),
        Err(body) => body.boxed(),
    }))
}

#[cfg(test)]
mod tests {
    use actix_web::App;
    use actix_web::body::to_bytes;
    use actix_web::http::StatusCode;
    use actix_web::middleware::from_fn;
    use actix_web::test::{TestRequest, call_service, init_service};

    use super::*;
    use crate::http::limits::Limits;

    #[actix_web::test]
    async fn a_long_answer_is_counted_until_it_is_gone() {
        let guard = web::Data::new(Guard::new(&Limits::default()));
        let long = vec![7_u8; ANSWERS_PER_CLIENT_BYTES_MAX / 2 + 1];
        let (asked, all) = (long.clone(), long.len());
        let app = App::new()
            .app_data(guard.clone())
            .route("/long", web::get().to(move || std::future::ready(asked.clone())))
            .route("/short", web::get().to(|| std::future::ready("short")))
            .wrap(from_fn(count_answer));
        let app = init_service(app).await;
        let get = |path| call_service(&app, TestRequest::get().uri(path).to_request());
        let first = get("/long").await;
        assert_eq!((first.status(), first.response().body().size()), (StatusCode::OK, BodySize::Sized(all as u64)));
        assert_eq!(get("/long").await.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(get("/short").await.status(), StatusCode::OK);
        assert_eq!(to_bytes(first.into_body()).await.unwrap(), long);
        assert_eq!(get("/long").await.status(), StatusCode::OK);
    }

    #[actix_web::test]
    async fn bodies_share_what_there_is_and_give_it_back() {
        let guard = web::Data::new(Guard::new(&Limits::default()));
        let request = || TestRequest::post().app_data(guard.clone()).to_http_request();
        let (one, other) = (request(), request());
        let mut held = HeldBytes::for_body_of(&one);
        assert!(held.grow_to(1).is_ok() && held.grow_to(BODIES_PER_CLIENT_BYTES_MAX).is_ok());
        let refused = HeldBytes::for_body_of(&other).grow_to(1).map_err(|problem| problem.code());
        assert_eq!(refused, Err(Code::Busy));
        held.keep_with(&one);
        assert!(HeldBytes::for_body_of(&other).grow_to(1).is_err(), "until the request is gone");
        drop(one);
        assert!(HeldBytes::for_body_of(&other).grow_to(1).is_ok());
    }
}
