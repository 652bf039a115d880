//! EPCIS capture: signed documents in, receipts out.

pub mod get;
mod job;
pub mod options;
pub mod post;
pub mod prefer;

use sealane_core::limits::{HEADER_BYTES_MAX, STATEMENT_BYTES_MAX};

pub use get::get_capture;
pub use job::ReceiptDescription;
pub use options::options_capture;
pub use post::post_capture;

/// Longest document, in bytes: what fits a statement in base64url beside the longest header, a signature of 86
/// characters and two dots.
pub const DOCUMENT_BYTES_MAX: usize = (STATEMENT_BYTES_MAX - HEADER_BYTES_MAX.div_ceil(3) * 4 - 86 - 2) / 4 * 3;
