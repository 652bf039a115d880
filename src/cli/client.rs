//! A node's HTTP interface, as commands use it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::cli::arguments::{DEFAULT_URL, Global};
use crate::cli::failure::Failure;
use crate::cli::output::printable;
use crate::cli::proxy;
use crate::cli::tls;
use crate::http::{MEMBER_QUESTION, PassedAnswer, PassedRequest};
use sealane_core::limits::EVIDENCE_BYTES_MAX;

/// The longest answer that is read: evidence about a product with many long statements.
const ANSWER_BYTES_MAX: u64 = EVIDENCE_BYTES_MAX as u64;

/// How long a node may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// The longest answer to what is passed on: a receipt, or a problem with its faults.
const PASSED_ON_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// How long it may take to connect to a node, before the next one is asked.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// One node by its URL, or several of one ledger that are asked in turn.
///
/// The next node is asked if one cannot be reached, or answers 429 or 5xx. A client stays with the node that answered last, so
/// that what belongs together comes from one node. What is posted may reach several: each takes the same bytes once.
#[derive(Debug, Clone)]
pub struct Client {
    /// Goes by the proxy that the environment names, if it names one.
    agent: ureq::Agent,
    /// For nodes on this machine, which no proxy reaches.
    direct: ureq::Agent,
    /// One at least.
    urls: Vec<String>,
    /// Which of them is asked first.
    at: Arc<AtomicUsize>,
}

type Answered = Result<ureq::http::Response<ureq::Body>, ureq::Error>;

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
    /// Talks to the one node that `--url` names, over https to one whose certificate is trusted.
    pub fn new(global: &Global) -> Result<Self, Failure> {
        let mut urls = global.urls();
        if global.url_was_typed && urls.len() > 1 {
            return Err(Failure::wrong_use(format!(
                "--url is given {} times, and this command talks to one node: give it once",
                urls.len()
            )));
        }
        // Of several in `sealane.toml` or the environment, the first.
        urls.truncate(1);
        Self::of(global, urls)
    }

    /// Talks to any of the nodes that `--url` names.
    pub fn of_any(global: &Global) -> Result<Self, Failure> {
        Self::of(global, global.urls())
    }

    /// Talks to each of the nodes that `--url` names, by a client of its own.
    pub fn of_each(global: &Global) -> Result<Vec<Self>, Failure> {
        global.urls().into_iter().map(|url| Self::of(global, vec![url])).collect()
    }

    /// Talks to the node at a URL that is known from elsewhere.
    pub fn at(global: &Global, url: &str) -> Result<Self, Failure> {
        Self::of(global, vec![url.to_owned()])
    }

    /// Talks to the node at a URL, which may take so long for an answer.
    pub fn within(global: &Global, url: &str, timeout: Duration) -> Result<Self, Failure> {
        Self::of_within(global, vec![url.to_owned()], timeout)
    }

    fn of(global: &Global, urls: Vec<String>) -> Result<Self, Failure> {
        Self::of_within(global, urls, ANSWER_TIMEOUT)
    }

    fn of_within(global: &Global, urls: Vec<String>, timeout: Duration) -> Result<Self, Failure> {
        if let Some(url) = urls.iter().find(|url| !url.starts_with("http://") && !url.starts_with("https://")) {
            return Err(Failure::wrong_use(format!(
                "--url {url}: give an http:// or https:// URL such as {DEFAULT_URL}"
            )));
        }
        let tls = tls::client_config(global.tls_ca.as_deref())?;
        let config = || {
            ureq::Agent::config_builder()
                .tls_config(tls.clone())
                .http_status_as_error(false)
                .timeout_global(Some(timeout))
                .timeout_connect(Some(CONNECT_TIMEOUT))
                // The node that is asked answers itself: a redirect would let one node speak for another.
                .max_redirects(0)
                .user_agent(concat!("sealane/", env!("CARGO_PKG_VERSION")))
        };
        let (agent, direct) = (config().build().into(), config().proxy(None).build().into());
        let urls = urls.into_iter().map(|url| url.trim_end_matches('/').to_owned()).collect();
        Ok(Self { agent, direct, urls, at: Arc::default() })
    }

    /// The agent that asks a URL.
    fn agent(&self, url: &str) -> &ureq::Agent {
        if proxy::is_loopback(url) { &self.direct } else { &self.agent }
    }

    /// The node that is asked next, which is the one that answered last.
    pub fn url(&self) -> &str {
        self.urls.get(self.at.load(Ordering::Relaxed)).map_or("", String::as_str)
    }

    /// Asks one node after the other, each once at the most, until one answers for itself.
    fn ask(&self, ask: impl Fn(&str) -> Answered) -> Answered {
        let mut answered = ask(self.url());
        for _ in 1..self.urls.len() {
            let Some(trouble) = trouble_of(&answered) else { break };
            let before = self.url();
            let next = (self.at.load(Ordering::Relaxed) + 1) % self.urls.len();
            self.at.store(next, Ordering::Relaxed);
            eprintln!("sealane: {}", printable(&format!("{before}: {trouble}; {} is asked", self.url())));
            answered = ask(self.url());
        }
        answered
    }

    fn ask_for(&self, path: &str) -> Answered {
        self.ask_as(path, None)
    }

    /// Asks with a member's word for this path, if there is one.
    fn ask_as(&self, path: &str, word: Option<&str>) -> Answered {
        self.ask(|url| {
            let get = self.agent(url).get(format!("{url}{path}"));
            match word {
                Some(word) => get.header(MEMBER_QUESTION, word).call(),
                None => get.call(),
            }
        })
    }

    /// Fetches JSON; an answer that is not 200 is a failure that says what the node said.
    pub fn get_json(&self, path: &str) -> Result<Value, Failure> {
        let bytes = self.get(path)?;
        serde_json::from_slice(&bytes).map_err(|error| self.unexpected(path, &error.to_string()))
    }

    /// Fetches JSON that is told to a member alone, by its word for this path.
    pub fn get_json_as(&self, path: &str, word: &str) -> Result<Value, Failure> {
        let bytes = self.expect_success(path, self.take(path, self.ask_as(path, Some(word)))?)?;
        serde_json::from_slice(&bytes).map_err(|error| self.unexpected(path, &error.to_string()))
    }

    /// Fetches one page of a list, and the path of the next one, if the node names it; with a member's word for this path, if
    /// there is one.
    pub fn get_page(&self, path: &str, word: Option<&str>) -> Result<(Value, Option<String>), Failure> {
        let answer = self.ask_as(path, word);
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
        let answer = self.ask_for(path);
        self.expect_success(path, self.take(path, answer)?)
    }

    /// Fetches what has at most `bytes_max` bytes; `None` where the node says that it is not there.
    pub fn fetch(&self, path: &str, bytes_max: usize) -> Result<Option<Vec<u8>>, FetchError> {
        let no_answer = |error: ureq::Error| FetchError::NoAnswer(format!("{}{path}: {error}", self.url()));
        let mut answer = self.ask_for(path).map_err(no_answer)?;
        match answer.status().as_u16() {
            200 => {}
            404 => return Ok(None),
            status @ 300..400 => {
                let said =
                    format!("{}{path} was answered with status {status}; redirects are not followed", self.url());
                return Err(FetchError::NoAnswer(said));
            }
            status => {
                let said = format!("{}{path} was answered with status {status}", self.url());
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

    /// Fetches whatever is answered.
    pub fn get_any(&self, path: &str) -> Result<HttpAnswer, Failure> {
        self.take(path, self.ask_for(path))
    }

    /// Posts and expects an answer of the 200s, in JSON.
    pub fn post(&self, path: &str, content_type: &str, body: &[u8]) -> Result<Value, Failure> {
        let answer = self.post_any(path, content_type, body)?;
        self.success(path, answer)
    }

    /// The JSON of an answer that tells of success.
    pub fn success(&self, path: &str, answer: HttpAnswer) -> Result<Value, Failure> {
        let body = self.expect_success(path, answer)?;
        serde_json::from_slice(&body).map_err(|error| self.unexpected(path, &error.to_string()))
    }

    /// Posts and returns whatever is answered.
    pub fn post_any(&self, path: &str, content_type: &str, body: &[u8]) -> Result<HttpAnswer, Failure> {
        let post = |url: &str| {
            let request = self.agent(url).post(format!("{url}{path}")).header("content-type", content_type);
            request.header("prefer", "wait=60").send(body)
        };
        self.take(path, self.ask(post))
    }

    /// Sends a request as it is and hands back whatever is answered.
    pub fn pass_on(&self, request: &PassedRequest) -> Result<PassedAnswer, String> {
        let url = format!("{}{}", self.url(), request.target);
        let answered = match request.is_post {
            true => {
                let headers = request.headers.iter();
                let post = headers.fold(self.agent(&url).post(&url), |post, (name, value)| post.header(*name, value));
                post.send(&request.body[..])
            }
            false => {
                let headers = request.headers.iter();
                headers.fold(self.agent(&url).get(&url), |get, (name, value)| get.header(*name, value)).call()
            }
        };
        let failed = |error: ureq::Error| format!("{url}: {error}");
        let mut answer = answered.map_err(failed)?;
        let header = |(name, value): (&ureq::http::HeaderName, &ureq::http::HeaderValue)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        };
        let headers = answer.headers().iter().filter_map(header).collect();
        let body = answer.body_mut().with_config().limit(PASSED_ON_BYTES_MAX).read_to_vec().map_err(failed)?;
        Ok(PassedAnswer { status: answer.status().as_u16(), headers, body })
    }

    fn take(&self, path: &str, answer: Answered) -> Result<HttpAnswer, Failure> {
        let mut answer = answer.map_err(|error| self.unreachable(&error))?;
        let status = answer.status().as_u16();
        let body = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
        Ok(HttpAnswer { status, body: body.map_err(|error| self.unexpected(path, &error.to_string()))? })
    }

    /// Says why a node was not reached, and what may help.
    fn unreachable(&self, error: &ureq::Error) -> Failure {
        let text = error.to_string();
        let by_proxy = proxy::in_use(self.url());
        let through = by_proxy.as_ref().map(|proxy| format!(" through {proxy}")).unwrap_or_default();
        let next = if text.contains("UnknownIssuer") || text.contains("BadSignature") {
            "its certificate is of an authority that is not trusted here: give that one's certificate with --tls-ca FILE"
        } else if text.contains("NotValidForName") {
            "its certificate names another host: use the name in it as --url"
        } else if text.contains("InvalidContentType") || text.contains("corrupt message") {
            "no TLS is spoken there: try http://"
        } else if text.contains("peer certificate") {
            "its certificate does not hold"
        } else if by_proxy.is_some() {
            "does the proxy let this program through? NO_PROXY with the node's host goes past it"
        } else {
            "is `sealane serve` running there?"
        };
        Failure::unreachable(format!("cannot reach {}{through}: {text}; {next}", self.url()))
    }

    fn expect_success(&self, path: &str, answer: HttpAnswer) -> Result<Vec<u8>, Failure> {
        if (200..300).contains(&answer.status) {
            return Ok(answer.body);
        }
        Err(Failure::unreachable(refusal(&answer).unwrap_or_else(|| {
            let through = proxy::in_use(self.url()).map(|proxy| format!(" through {proxy}")).unwrap_or_default();
            format!("{path} was answered{through} with status {}", answer.status)
        })))
    }

    fn unexpected(&self, path: &str, detail: &str) -> Failure {
        let through = proxy::in_use(self.url()).map(|proxy| format!(", asked through {proxy},")).unwrap_or_default();
        Failure::unreachable(format!("{}{path}{through} did not answer as a Sealane node does: {detail}", self.url()))
    }
}

/// Why the next node is to be asked, if so.
fn trouble_of(answered: &Answered) -> Option<String> {
    match answered {
        Ok(answer) => match answer.status().as_u16() {
            status @ (429 | 500..600) => Some(format!("it answered with status {status}")),
            _ => None,
        },
        Err(error) => Some(error.to_string()),
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

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;
    use std::thread::JoinHandle;

    use clap::Parser;

    use super::*;
    use crate::cli::arguments::Arguments;

    /// A node that answers so many requests with these statuses, and hands back what it was asked.
    fn node(statuses: &'static [u16]) -> (String, JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answering = std::thread::spawn(move || {
            let mut asked = Vec::new();
            for status in statuses {
                let (mut stream, _) = listener.accept().unwrap();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let (mut first, mut length) = (String::new(), 0);
                reader.read_line(&mut first).unwrap();
                loop {
                    let mut line = String::new();
                    reader.read_line(&mut line).unwrap();
                    if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                    if line.trim().is_empty() {
                        break;
                    }
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                asked.push(format!("{} {}", first.trim_end(), String::from_utf8(body).unwrap()));
                let text = format!("{{\"status\":{status}}}");
                let head =
                    format!("HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", text.len());
                stream.write_all(format!("{head}{text}").as_bytes()).unwrap();
            }
            asked
        });
        (url, answering)
    }

    /// An address at which nothing listens.
    fn nobody() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    }

    fn global(urls: &[&str]) -> Global {
        let mut line = vec!["sealane"];
        urls.iter().for_each(|url| line.extend(["--url", url]));
        line.push("members");
        let mut global = Arguments::try_parse_from(line).unwrap().global;
        global.url_was_typed = true;
        global
    }

    #[test]
    fn the_next_node_is_asked_and_stays() {
        let gone = nobody();
        let (busy, busy_asked) = node(&[429]);
        let (sick, sick_asked) = node(&[503]);
        let (well, well_asked) = node(&[200, 202]);
        let client = Client::of_any(&global(&[&gone, &busy, &sick, &well])).unwrap();
        assert_eq!(client.url(), gone);
        assert_eq!(client.get_json("/trust").unwrap()["status"], 200);
        assert_eq!(client.url(), well);
        assert_eq!(client.post("/epcis/capture", "application/jose", b"a.b.c").unwrap()["status"], 202);
        assert_eq!(busy_asked.join().unwrap(), ["GET /trust HTTP/1.1 "]);
        assert_eq!(sick_asked.join().unwrap(), ["GET /trust HTTP/1.1 "]);
        assert_eq!(well_asked.join().unwrap(), ["GET /trust HTTP/1.1 ", "POST /epcis/capture HTTP/1.1 a.b.c"]);
    }

    #[test]
    fn a_post_goes_on_whole_and_a_refusal_is_final() {
        let (sick, sick_asked) = node(&[503, 503]);
        let (well, well_asked) = node(&[200, 401]);
        let post = |client: &Client| client.post_any("/epcis/capture", "application/jose", b"a.b.c").unwrap().status;
        let global = global(&[&sick, &well]);
        assert_eq!(post(&Client::of_any(&global).unwrap()), 200);
        assert_eq!(post(&Client::of_any(&global).unwrap()), 401);
        let asked = ["POST /epcis/capture HTTP/1.1 a.b.c"; 2];
        assert_eq!(
            (sick_asked.join().unwrap(), well_asked.join().unwrap()),
            (asked.map(str::to_owned).to_vec(), asked.map(str::to_owned).to_vec())
        );
    }

    #[test]
    fn each_node_is_asked_once_at_the_most() {
        let (first, first_asked) = node(&[503]);
        let (second, second_asked) = node(&[500]);
        let client = Client::of_any(&global(&[&first, &second])).unwrap();
        let failure = client.get("/trust").unwrap_err();
        assert_eq!(failure.exit_code(), 3);
        assert!(failure.to_string().contains("status 500"), "{failure}");
        assert_eq!((first_asked.join().unwrap().len(), second_asked.join().unwrap().len()), (1, 1));
    }

    #[test]
    fn a_command_for_one_node_takes_one_url() {
        let failure = Client::new(&global(&["http://a", "http://b"])).unwrap_err();
        assert_eq!(failure.exit_code(), 2);
        assert!(failure.to_string().contains("--url is given 2 times"), "{failure}");
        let configured = Global { url_was_typed: false, ..global(&["http://a/", "http://b"]) };
        assert_eq!(Client::new(&configured).unwrap().url(), "http://a");
        let failure = Client::of_any(&global(&["http://a", "b"])).unwrap_err();
        assert!(failure.to_string().contains("--url b: give an http://"), "{failure}");
    }
}
