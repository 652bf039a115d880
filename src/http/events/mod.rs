//! EPCIS 2.0 queries over what was captured.

pub mod document;
pub mod get;
pub mod list;
pub mod of_epc;
mod query;

use actix_web::HttpRequest;
use percent_encoding::percent_decode_str;

use crate::http::problem::{Code, Problem};

pub use get::get_event;
pub use list::list_events;
pub use of_epc::list_events_of_epc;

/// The identifier in a path, between what stands before and after it. A URI may stand there encoded or as it is.
pub fn identifier(request: &HttpRequest, before: &str, after: &str) -> Result<String, Problem> {
    let path = request.uri().path();
    let text = path.strip_prefix(before).and_then(|rest| rest.strip_suffix(after)).unwrap_or_default();
    let decoded = percent_decode_str(text).decode_utf8();
    decoded
        .map(|text| text.into_owned())
        .map_err(|_| Problem::new(Code::BadId, "the path is not percent-encoded UTF-8"))
}
