//! A node over HTTP, as the gateway calls it.

use std::time::Duration;

use crate::cli::arguments::Global;
use crate::cli::client::Client;
use crate::cli::failure::Failure;
use crate::gateway::nodes::{DoorAnswer, NodeDoor};
use crate::http::PassedRequest;

/// How long a node may take to answer: longer than it was asked to wait for a block.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a node is asked to wait until a statement is final.
const WAIT: &str = "wait=20";

/// A node at a URL.
pub struct HttpDoor(Client);

impl HttpDoor {
    pub fn to(global: &Global, url: &str) -> Result<Self, Failure> {
        Client::within(global, url, ANSWER_TIMEOUT).map(Self)
    }

    fn call(&self, request: &PassedRequest) -> Result<DoorAnswer, String> {
        let answer = self.0.pass_on(request)?;
        let retry = answer.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("retry-after"));
        let retry_after_s = retry.and_then(|(_, value)| value.trim().parse().ok());
        Ok(DoorAnswer { status: answer.status, retry_after_s, body: answer.body })
    }
}

impl NodeDoor for HttpDoor {
    fn url(&self) -> &str {
        self.0.url()
    }

    fn get(&self, path: &str) -> Result<DoorAnswer, String> {
        self.call(&PassedRequest {
            is_post: false,
            target: path.to_owned(),
            headers: vec![("accept", "application/json".to_owned())],
            body: Vec::new().into(),
        })
    }

    fn post(&self, path: &str, content_type: &str, waits: bool, body: &[u8]) -> Result<DoorAnswer, String> {
        let mut headers = vec![("content-type", content_type.to_owned())];
        if waits {
            headers.push(("prefer", WAIT.to_owned()));
        }
        self.call(&PassedRequest { is_post: true, target: path.to_owned(), headers, body: body.to_vec().into() })
    }
}
