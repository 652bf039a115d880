//! What bodies that are read and answers that are sent hold in memory, over all connections.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::{self, Bytes};
use actix_web::{Error, HttpMessage, HttpRequest};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::http::limits::Guard;
use crate::http::problem::{Code, Problem};

/// Bytes of request bodies held at a time: 64 of the longest statements, or two seconds of a fast network.
const BODIES_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Bytes of long answers held at a time, for clients that are slow to take them: four of the longest evidence documents.
const ANSWERS_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Longest answer that is not counted. As much as a connection's buffers have anyway.
const SHORT_ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Bytes of a long answer that are handed to the connection at a time.
const CHUNK_BYTES: usize = 64 * 1024;

/// Memory is counted in units of so many bytes.
const UNIT_BYTES: usize = 1024;

/// What is left of the memory for bodies and answers.
pub struct Memory {
    bodies: Arc<Semaphore>,
    answers: Arc<Semaphore>,
}

impl Memory {
    pub fn new() -> Self {
        let of = |bytes: usize| Arc::new(Semaphore::new(bytes / UNIT_BYTES));
        Self { bodies: of(BODIES_BYTES_MAX), answers: of(ANSWERS_BYTES_MAX) }
    }
}

/// The memory that one body holds while it is read, and until its request is answered.
#[derive(Default)]
pub struct Held {
    from: Option<Arc<Semaphore>>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Held {
    /// Nothing yet, of the memory of the node that the request came to.
    pub fn for_body_of(request: &HttpRequest) -> Self {
        let guard = request.app_data::<web::Data<Guard>>();
        Self { from: guard.map(|guard| Arc::clone(&guard.memory.bodies)), permit: None }
    }

    /// Grows to at least `bytes`, or says that the node has no more.
    pub fn grow_to(&mut self, bytes: usize) -> Result<(), Problem> {
        let Some(from) = &self.from else { return Ok(()) };
        let have = self.permit.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let need = bytes.div_ceil(UNIT_BYTES);
        if need <= have {
            return Ok(());
        }
        let more = take(from, need - have)?;
        match &mut self.permit {
            Some(permit) => permit.merge(more),
            None => self.permit = Some(more),
        }
        Ok(())
    }

    /// Keeps the memory taken until the request is answered and gone.
    pub fn keep_with(self, request: &HttpRequest) {
        if let Some(permit) = self.permit {
            request.extensions_mut().insert(permit);
        }
    }
}

fn take(from: &Arc<Semaphore>, units: usize) -> Result<OwnedSemaphorePermit, Problem> {
    let units = u32::try_from(units).unwrap_or(u32::MAX);
    Arc::clone(from).try_acquire_many_owned(units).map_err(|_| {
        let detail = "the node holds as many bytes of bodies and answers as it may; come back in a moment";
        Problem::new(Code::Busy, detail)
    })
}

/// Counts a long answer until it is sent, or refuses to send it while too many are.
pub async fn count_answer(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let answer = next.call(request).await?;
    let BodySize::Sized(length) = answer.response().body().size() else { return Ok(answer.map_into_boxed_body()) };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length <= SHORT_ANSWER_BYTES_MAX {
        return Ok(answer.map_into_boxed_body());
    }
    let Some(guard) = answer.request().app_data::<web::Data<Guard>>().cloned() else {
        return Ok(answer.map_into_boxed_body());
    };
    match take(&guard.memory.answers, length.div_ceil(UNIT_BYTES)) {
        Ok(permit) => Ok(answer.map_body(|_, body| match body.try_into_bytes() {
            Ok(bytes) => LongAnswer { bytes, _permit: permit }.boxed(),
            Err(body) => body.boxed(),
        })),
        Err(problem) => Ok(answer.error_response(problem)),
    }
}

/// An answer that goes out in pieces, so that what is sent is not copied as a whole, and the count lasts as long as it.
struct LongAnswer {
    bytes: Bytes,
    _permit: OwnedSemaphorePermit,
}

impl MessageBody for LongAnswer {
    type Error = std::convert::Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.bytes.len() as u64)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        if self.bytes.is_empty() {
            return Poll::Ready(None);
        }
        let length = self.bytes.len().min(CHUNK_BYTES);
        Poll::Ready(Some(Ok(self.bytes.split_to(length))))
    }
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
        let long = vec![7_u8; ANSWERS_BYTES_MAX / 2 + 1];
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
        let mut held = Held::for_body_of(&one);
        assert!(held.grow_to(1).is_ok() && held.grow_to(BODIES_BYTES_MAX).is_ok());
        let refused = Held::for_body_of(&other).grow_to(1).map_err(|problem| problem.code());
        assert_eq!(refused, Err(Code::Busy));
        held.keep_with(&one);
        assert!(Held::for_body_of(&other).grow_to(1).is_err(), "until the request is gone");
        drop(one);
        assert!(Held::for_body_of(&other).grow_to(1).is_ok());
    }
}
