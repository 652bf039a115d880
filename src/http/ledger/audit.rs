//! `GET /ledger/audit`: what the node's last check of itself came to.

use std::sync::PoisonError;

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::audit::Report;
use crate::http::ledger::NO_CACHE;
use crate::http::{AuditResult, Node};

/// The last check, or that there was none yet.
#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Audit)]
pub struct AuditBody {
    /// When it ended; `null` until the first one is through.
    at: Option<String>,
    passed: Option<bool>,
    /// Leaves before this one were covered by the checks before, and not read again; 0 for a whole check.
    from: Option<u64>,
    /// When the last whole check ended.
    whole_at: Option<String>,
    /// What was gone through without a fault.
    #[schema(value_type = Option<Object>)]
    report: Option<Report>,
    fault: Option<FaultBody>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = AuditFault)]
pub struct FaultBody {
    /// The first leaf at fault, where it shows in one.
    leaf: Option<u64>,
    what: String,
}

impl From<AuditResult> for AuditBody {
    fn from(AuditResult { at, from, whole_at, result }: AuditResult) -> Self {
        let passed = Some(result.is_ok());
        let (report, fault) = match result {
            Ok(report) => (Some(report), None),
            Err(fault) => (None, Some(FaultBody { leaf: fault.leaf.map(|leaf| leaf.get()), what: fault.what })),
        };
        let whole_at = whole_at.map(|at| at.to_string());
        Self { at: Some(at.to_string()), passed, from: Some(from.get()), whole_at, report, fault }
    }
}

/// Tells the result and the time of the node's last check of itself, and from which leaf on it read the ledger.
#[utoipa::path(get, path = "/ledger/audit", tag = "ledger",
    responses((status = 200, description = "The last check", body = AuditBody)))]
pub async fn get_audit(node: web::Data<Node>) -> HttpResponse {
    let last = node.audit.read().unwrap_or_else(PoisonError::into_inner).clone();
    let body = last.map(AuditBody::from).unwrap_or_default();
    HttpResponse::Ok().insert_header((CACHE_CONTROL, NO_CACHE)).json(body)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::app::audit::Fault;
    use sealane_core::merkle::TreeSize;
    use sealane_core::time::Timestamp;

    #[test]
    fn says_what_came_of_it() {
        assert_eq!(
            serde_json::to_value(AuditBody::default()).unwrap(),
            json!({"at": null, "passed": null, "from": null, "wholeAt": null, "report": null, "fault": null})
        );
        let at: Timestamp = "2026-11-21T09:30:00.000Z".parse().unwrap();
        let fault = Fault { block: None, leaf: None, what: "the ledger is empty".to_owned() };
        let result = AuditResult { at, from: TreeSize::new(7).unwrap(), whole_at: Some(at), result: Err(fault) };
        assert_eq!(
            serde_json::to_value(AuditBody::from(result)).unwrap(),
            json!({
                "at": "2026-11-21T09:30:00.000Z",
                "passed": false,
                "from": 7,
                "wholeAt": "2026-11-21T09:30:00.000Z",
                "report": null,
                "fault": {"leaf": null, "what": "the ledger is empty"},
            })
        );
    }
}
