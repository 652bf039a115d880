//! What an answer of a node means for the statement that was posted, and when to try again. Pure.

use serde_json::Value;

use sealane_core::time::Timestamp;

use crate::gateway::nodes::DoorAnswer;
use crate::gateway::pauses::Pauses;

/// A node that comes back is found within five minutes.
const PAUSES: Pauses = Pauses { first_ms: 1_000, longest_ms: 5 * 60 * 1_000 };

/// The longest pause that a node may ask for, in milliseconds: a day. A quota has room again by then.
const ASKED_PAUSE_MS_MAX: i64 = 24 * 60 * 60 * 1_000;

/// What an answer to a posted statement means.
#[derive(Debug, Clone, PartialEq)]
pub enum Delivery {
    /// The node says that it is final, with this receipt, which is still to be verified.
    Final { receipt: Value, repeated: Vec<Value> },
    /// Every event was recorded before; the receipt is that of the first.
    Recorded { receipt: Value },
    /// The node cannot take it now. Another one may.
    Later { why: String, after_ms: Option<i64>, was_sent: bool },
    /// No node would take what this certificate signs: the lane waits, and loses nothing.
    Stops { code: String, why: String },
    /// The statement was signed too long ago.
    TooOld,
    /// The statement will never be taken.
    Refused { problem: Value },
}

/// Reads an answer.
pub fn read(answer: &DoorAnswer, now: Timestamp) -> Delivery {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let after_ms = answer.retry_after_s.and_then(|seconds| i64::try_from(seconds).ok()?.checked_mul(1_000));
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let code = text("code");
    let later = |why: String, was_sent| Delivery::Later { why, after_ms, was_sent };
    let said = || match text("detail") {
        detail if detail.is_empty() => format!("the node answered with status {}", answer.status),
        detail => format!("the node answered with status {}: {detail}", answer.status),
    };
    match answer.status {
        200 | 201 => match body.get("receipt") {
            Some(receipt) => {
                let repeated = body.get("sealane:repeated").and_then(Value::as_array).cloned();
                Delivery::Final { receipt: receipt.clone(), repeated: repeated.unwrap_or_default() }
            }
            None => later("the node answered without a receipt".to_owned(), true),
        },
        202 => later("the node has taken it, and it is not final yet".to_owned(), true),
        401 | 403 => match code.as_str() {
            "unknown-certificate"
            | "certificate-expired"
            | "certificate-revoked"
            | "certificate-not-yet-valid"
            | "not-endorsed"
            | "not-an-authority" => Delivery::Stops { why: text("detail"), code },
            "contacts-quota" | "new-ids-quota" | "leaves-quota" | "ledger-full" => {
                let room = body.get("roomFrom").and_then(Value::as_str).and_then(|at| at.parse::<Timestamp>().ok());
                let room = room.map(|at| at.millis_since(now).clamp(0, ASKED_PAUSE_MS_MAX));
                Delivery::Later { why: said(), after_ms: room.or(after_ms), was_sent: true }
            }
            "" => later(said(), false),
            _ => Delivery::Refused { problem: body },
        },
        409 if code == "event-repeated" => match body.get("receipt") {
            Some(receipt) => Delivery::Recorded { receipt: receipt.clone() },
            None => later("the node says that the events are recorded, without a receipt".to_owned(), true),
        },
        400 if code == "iat-too-old" => Delivery::TooOld,
        // One of the two clocks is wrong, or it is another ledger's node: the statement is not at fault.
        400 if ["issued-ahead", "wrong-audience"].contains(&code.as_str()) => later(said(), true),
        408 | 425 | 429 => later(said(), answer.status == 408),
        // What has no code is no answer of a node: of a proxy before it, or at another path.
        400..500 if !code.is_empty() => Delivery::Refused { problem: body },
        status => later(said(), status >= 500),
    }
}

/// The pause before the next attempt, in milliseconds. `random` is from 0 to 1.
pub fn pause_ms(attempts: u32, random: f64, asked_ms: Option<i64>) -> i64 {
    PAUSES.after(attempts, random).max(asked_ms.unwrap_or_default().min(ASKED_PAUSE_MS_MAX))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn now() -> Timestamp {
        "2026-03-01T08:00:00.000Z".parse().unwrap()
    }

    fn answer(status: u16, body: Value) -> DoorAnswer {
        DoorAnswer { status, retry_after_s: None, body: body.to_string().into_bytes() }
    }

    fn kind(status: u16, body: Value) -> &'static str {
        match read(&answer(status, body), now()) {
            Delivery::Final { .. } => "final",
            Delivery::Recorded { .. } => "recorded",
            Delivery::Later { was_sent: true, .. } => "later, sent",
            Delivery::Later { .. } => "later",
            Delivery::Stops { .. } => "stops",
            Delivery::TooOld => "too old",
            Delivery::Refused { .. } => "refused",
        }
    }

    #[test]
    fn each_answer_has_one_meaning() {
        let code = |code: &str| json!({"code": code, "detail": "D", "receipt": {}});
        for (status, body, meaning) in [
            (200, json!({"receipt": {}}), "final"),
            (200, json!({"captureID": "x"}), "later, sent"),
            (202, json!({"running": true}), "later, sent"),
            (302, json!({}), "later"),
            (400, code("epcis-invalid"), "refused"),
            (400, code("iat-too-old"), "too old"),
            (400, code("issued-ahead"), "later, sent"),
            (400, code("wrong-audience"), "later, sent"),
            (400, json!({}), "later"),
            (401, code("unknown-certificate"), "stops"),
            (401, code("bad-signature"), "refused"),
            (401, json!({}), "later"),
            (403, code("certificate-expired"), "stops"),
            (403, code("certificate-revoked"), "stops"),
            (403, code("contacts-quota"), "later, sent"),
            (403, code("role-step"), "refused"),
            (403, json!("forbidden"), "later"),
            (404, json!("no such page"), "later"),
            (408, json!({}), "later, sent"),
            (409, code("event-repeated"), "recorded"),
            (409, json!({"code": "event-repeated"}), "later, sent"),
            (409, code("event-conflict"), "refused"),
            (413, code("capture-limit"), "refused"),
            (429, code("busy"), "later"),
            (500, json!({}), "later, sent"),
            (503, code("unwritten"), "later, sent"),
        ] {
            assert_eq!(kind(status, body.clone()), meaning, "{status} {body}");
        }
        let torn = DoorAnswer { status: 200, retry_after_s: None, body: b"{\"receipt\":".to_vec() };
        assert!(matches!(read(&torn, now()), Delivery::Later { was_sent: true, .. }));
    }

    #[test]
    fn a_quota_is_tried_again_when_there_is_room() {
        let body = json!({"code": "leaves-quota", "detail": "D", "roomFrom": "2026-03-01T08:10:00.000Z"});
        let Delivery::Later { after_ms, .. } = read(&answer(403, body), now()) else { panic!() };
        assert_eq!(after_ms, Some(600_000));
        let busy = DoorAnswer { retry_after_s: Some(7), ..answer(429, json!({})) };
        let Delivery::Later { after_ms, .. } = read(&busy, now()) else { panic!() };
        assert_eq!(after_ms, Some(7_000));
    }

    #[test]
    fn a_node_may_ask_for_a_longer_pause() {
        assert_eq!([pause_ms(3, 0.5, None), pause_ms(3, 0.5, Some(9))], [8_000, 8_000]);
        assert_eq!(pause_ms(0, 0.5, Some(9_000)), 9_000);
        assert_eq!(pause_ms(0, 0.5, Some(i64::MAX)), ASKED_PAUSE_MS_MAX);
    }
}
