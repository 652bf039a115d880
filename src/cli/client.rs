//! A node's HTTP interface, as commands use it.

use std::time::Duration;

use serde_json::Value;

use crate::cli::arguments::{DEFAULT_URL, Global};
use crate::cli::failure::Failure;
use crate::cli::tls;
use sealane_core::limits::EVIDENCE_BYTES_MAX;

/// The longest answer that is read: evidence about a product with many long statements.
const ANSWER_BYTES_MAX: u64 = EVIDENCE_BYTES_MAX as u64;

/// How long a node may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// One node, by its URL.
#[derive(Debug, Clone)]
pub struct Client {
    agent: ureq::Agent,
    url: String,
}

/// An answer of any status.
pub struct HttpAnswer {
    pub status: u16,
    pub body: Vec<u8>,
}

/// Why nothing was fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("{0}")]
    NoAnswer(String),
    #[error("its answer goes on past {bytes_max} bytes, which is more than there can be")]
    TooLong { bytes_max: usize },
}

impl Client {
    /// Talks to the node that `--url` names, over https to one whose certificate is trusted.
    pub fn new(global: &Global) -> Result<Self, Failure> {
        let url = global.url();
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(Failure::wrong_use(format!(
                "--url {url}: give an http:// or https:// URL such as {DEFAULT_URL}"
            )));
        }
        let agent = ureq::Agent::config_builder()
            .tls_config(tls::client_config(global.tls_ca.as_deref())?)
            .http_status_as_error(false)
            .timeout_global(Some(ANSWER_TIMEOUT))
            // The node that is asked answers itself: a redirect would let one node speak for another.
            .max_redirects(0)
            .user_agent(concat!("sealane/", env!("CARGO_PKG_VERSION")))
            .build()
            .into();
        Ok(Self { agent, url: url.trim_end_matches('/').to_owned() })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Fetches JSON; an answer that is not 200 is a failure that says what the node said.
    pub fn get_json(&self, path: &str) -> Result<Value, Failure> {
        let bytes = self.get(path)?;
        serde_json::from_slice(&bytes).map_err(|error| self.unexpected(path, &error.to_string()))
    }

    /// Fetches one page of a list, and the path of the next one, if the node names it.
    pub fn get_page(&self, path: &str) -> Result<(Value, Option<String>), Failure> {
        let answer = self.agent.get(format!("{}{path}", self.url)).call();
        let links = answer.as_ref().ok().map(|answer| answer.headers().get_all("link"));
        let links = links.into_iter().flatten().filter_map(|link| link.to_str().ok());
        let next = links.filter_map(next_of).next();
        let bytes = self.expect_success(path, self.take(path, answer)?)?;
        let page = serde_json::from_slice(&bytes).map_err(|error| self.unexpected(path, &error.to_string()))?;
        // The link is by the node's public URL; the client goes on where it is.
        let own = path.split('?').next().unwrap_or_default();
        Ok((page, next.map(|query| format!("{own}?{query}"))))
    }

    pub fn get(&self, path: &str) -> Result<Vec<u8>, Failure> {
        let answer = self.agent.get(format!("{}{path}", self.url)).call();
        self.expect_success(path, self.take(path, answer)?)
    }

    /// Fetches what has at most `bytes_max` bytes; `None` where the node says that it is not there.
    pub fn fetch(&self, path: &str, bytes_max: usize) -> Result<Option<Vec<u8>>, FetchError> {
        let no_answer = |error: ureq::Error| FetchError::NoAnswer(format!("{}{path}: {error}", self.url));
        let mut answer = self.agent.get(format!("{}{path}", self.url)).call().map_err(no_answer)?;
        match answer.status().as_u16() {
            200 => {}
            404 => return Ok(None),
            status @ 300..400 => {
                let said = format!("{}{path} was answered with status {status}; redirects are not followed", self.url);
                return Err(FetchError::NoAnswer(said));
            }
            status => {
                let said = format!("{}{path} was answered with status {status}", self.url);
                return Err(FetchError::NoAnswer(said));
            }
        }
        // One more than is taken, since the reader gives up where its limit is reached.
        match answer.body_mut().with_config().limit(bytes_max as u64 + 1).read_to_vec() {
            Ok(body) if body.len() <= bytes_max => Ok(Some(body)),
            Ok(_) | Err(ureq::Error::BodyExceedsLimit(_)) => Err(FetchError::TooLong { bytes_max }),
            Err(error) => Err(no_answer(error)),
        }
    }

    /// Posts and expects an answer of the 200s, in JSON.
    pub fn post(&self, path: &str, content_type: &str, body: &[u8]) -> Result<Value, Failure> {
        let answer = self.post_any(path, content_type, body)?;
        let body = self.expect_success(path, answer)?;
        serde_json::from_slice(&body).map_err(|error| self.unexpected(path, &error.to_string()))
    }

    /// Posts and returns whatever is answered.
    pub fn post_any(&self, path: &str, content_type: &str, body: &[u8]) -> Result<HttpAnswer, Failure> {
        let request = self
            .agent
            .post(format!("{}{path}", self.url))
            .header("content-type", content_type)
            .header("prefer", "wait=60");
        self.take(path, request.send(body))
    }

    fn take(
        &self,
        path: &str,
        answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<HttpAnswer, Failure> {
        let mut answer = answer.map_err(|error| self.unreachable(&error))?;
        let status = answer.status().as_u16();
        let body = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
        Ok(HttpAnswer { status, body: body.map_err(|error| self.unexpected(path, &error.to_string()))? })
    }

    /// Says why a node was not reached, and what may help.
    fn unreachable(&self, error: &ureq::Error) -> Failure {
        let text = error.to_string();
        let next = if text.contains("UnknownIssuer") || text.contains("BadSignature") {
            "its certificate is of an authority that is not trusted here: give that one's certificate with --tls-ca FILE"
        } else if text.contains("NotValidForName") {
            "its certificate names another host: use the name in it as --url"
        } else if text.contains("InvalidContentType") || text.contains("corrupt message") {
            "no TLS is spoken there: try http://"
        } else if text.contains("peer certificate") {
            "its certificate does not hold"
        } else {
            "is `sealane serve` running there?"
        };
        Failure::unreachable(format!("cannot reach {}: {text}; {next}", self.url))
    }

    fn expect_success(&self, path: &str, answer: HttpAnswer) -> Result<Vec<u8>, Failure> {
        if (200..300).contains(&answer.status) {
            return Ok(answer.body);
        }
        Err(Failure::unreachable(
            refusal(&answer).unwrap_or_else(|| format!("{path} was answered with status {}", answer.status)),
        ))
    }

    fn unexpected(&self, path: &str, detail: &str) -> Failure {
        Failure::unreachable(format!("{}{path} did not answer as a Sealane node does: {detail}", self.url))
    }
}

/// The query of a `Link` header's target that is the next page.
fn next_of(link: &str) -> Option<String> {
    let (target, parameters) = link.strip_prefix('<')?.split_once('>')?;
    parameters.contains("rel=\"next\"").then(|| target.split_once('?').map(|(_, query)| query.to_owned()))?
}

/// What a problem+json answer says, with every fault it lists.
pub fn refusal(answer: &HttpAnswer) -> Option<String> {
    let problem: Value = serde_json::from_slice(&answer.body).ok()?;
    let detail = problem.get("detail").or_else(|| problem.get("title"))?.as_str()?;
    let code = problem.get("code").and_then(Value::as_str).map(|code| format!(" [{code}]")).unwrap_or_default();
    let mut text = format!("refused ({}): {detail}{code}", answer.status);
    for fault in problem.get("faults").and_then(Value::as_array).into_iter().flatten() {
        let member = |name: &str| fault.get(name).and_then(Value::as_str).unwrap_or_default();
        let place = Some(member("pointer")).filter(|pointer| !pointer.is_empty()).unwrap_or("the top");
        // The detail tells the first ones itself.
        if !detail.contains(member("message")) {
            text.push_str(&format!("\n  at {place}: {}", member("message")));
        }
    }
    Some(text)
}
