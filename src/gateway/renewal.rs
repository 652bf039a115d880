//! The participant's next certificate: asked for in time, and taken up when a member has issued it.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::gateway::Gateway;

/// How long before its end a certificate is renewed, in milliseconds. A member has a month to decide.
pub const RENEW_BEFORE_MS: i64 = 30 * 24 * 60 * 60 * 1_000;

/// How often it is looked whether it is time.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// How often the nodes are asked for a certificate that was asked for.
const ASK_EVERY: Duration = Duration::from_secs(5);

/// What a step of the renewal came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    NotYet,
    Waits,
    TakenUp,
}

pub fn run(gateway: &Arc<Gateway>) {
    loop {
        let pause = match step(gateway) {
            Ok(Step::NotYet) => LOOK_EVERY,
            Ok(Step::Waits) => ASK_EVERY,
            Ok(Step::TakenUp) => {
                gateway.lanes.wake_all();
                LOOK_EVERY
            }
            Err(why) => {
                tracing::warn!(why, "the certificate could not be renewed yet");
                ASK_EVERY
            }
        };
        thread::sleep(pause);
    }
}

fn step(gateway: &Gateway) -> Result<Step, String> {
    let left = gateway.identities.current().not_after().millis_since(gateway.clock.now());
    let Some(proof) = gateway.proof.get() else { return Ok(Step::Waits) };
    if left > RENEW_BEFORE_MS {
        return Ok(Step::NotYet);
    }
    let id = gateway.identities.participant();
    let request = gateway.identities.request_renewal(proof.origin().as_str())?;
    let body = json!({"csr": request.csr_pem, "consent": request.consent}).to_string();
    let mut last = Err("no node is known".to_owned());
    for door in gateway.nodes.all() {
        let chain = door.get(&format!("/participants/{id}/certificate"));
        if let Ok(chain) = chain
            && chain.status == 200
            && gateway.identities.take_up(&String::from_utf8_lossy(&chain.body))?
        {
            tracing::info!(participant = %id, "the renewed certificate is in use");
            return Ok(Step::TakenUp);
        }
        let answer = door.post(&format!("/participants/{id}/renewals"), "application/json", false, body.as_bytes());
        let answer = answer.and_then(|answer| match answer.status {
            200..300 => Ok(Step::Waits),
            status => {
                let told: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
                let text = |name: &str| told.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
                match text("code").as_str() {
                    // It was asked for before, and a member has not decided.
                    "request-waits" => Ok(Step::Waits),
                    _ => Err(format!("{} answered a renewal with status {status}: {}", door.url(), text("detail"))),
                }
            }
        });
        match answer {
            Ok(step) => return Ok(step),
            Err(why) => last = Err(why),
        }
    }
    last
}
