//! The nodes that an observer follows, over HTTPS: as sources of blocks, and as those that take what is posted.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::app::follower::SourceNode;
use crate::cli::arguments::Global;
use crate::cli::client::Client;
use crate::cli::failure::Failure;
use crate::cli::remote::Remote;
use crate::http::{PassOn, PassedAnswer, PassedRequest};
use sealane_core::evidence::Fork;

/// How long a node may take to answer what is passed on: a client may wait a minute until its statement is final, and each of
/// three further observers in a row 5 s for the block.
const PASSED_ON_TIMEOUT: Duration = Duration::from_secs(85);

/// How long it may take for a block, or for 256 leaves of 64 KiB, before another node is asked.
const SOURCE_TIMEOUT: Duration = Duration::from_secs(30);

/// Nodes of one ledger, in the order in which they are tried.
pub struct FollowedNodes {
    clients: Vec<Client>,
    /// Which one took the last request.
    at: AtomicUsize,
}

impl FollowedNodes {
    pub fn at(global: &Global, urls: &[String]) -> Result<Self, Failure> {
        let clients: Result<Vec<Client>, Failure> =
            urls.iter().map(|url| Client::within(global, url, PASSED_ON_TIMEOUT)).collect();
        Ok(Self { clients: clients?, at: AtomicUsize::new(0) })
    }
}

impl PassOn for FollowedNodes {
    fn pass_on(&self, request: &PassedRequest) -> Result<PassedAnswer, String> {
        let (first, count) = (self.at.load(Ordering::Relaxed), self.clients.len());
        let mut last = Err("no node is followed".to_owned());
        for at in (0..count).map(|step| (first + step) % count) {
            let Some(client) = self.clients.get(at) else { continue };
            match client.pass_on(request) {
                Ok(answer) if !matches!(answer.status, 429 | 500..600) => {
                    self.at.store(at, Ordering::Relaxed);
                    return Ok(answer);
                }
                // What one has said is more than that another cannot be reached.
                Ok(answer) => last = Ok(answer),
                Err(trouble) => {
                    tracing::warn!(trouble, "a followed node does not take what is posted");
                    last = last.or(Err(trouble));
                }
            }
        }
        last
    }
}

/// The same nodes as sources of blocks.
pub fn sources(global: &Global, urls: &[String]) -> Result<Vec<SourceNode>, Failure> {
    let source = |url: &String| {
        let client = Client::within(global, url, SOURCE_TIMEOUT)?;
        Ok(SourceNode { url: client.url().to_owned(), node: Arc::new(Remote::new(client)) })
    };
    urls.iter().map(source).collect()
}

/// Writes the proof of a fork into an observer's directory, and says where.
pub fn keep_fork(dir: &Path, fork: &Fork) -> String {
    let path = dir.join(format!("fork-{}.json", fork.height()));
    let text = serde_json::to_string_pretty(fork).map_err(|error| error.to_string());
    match text.and_then(|text| fs::write(&path, text + "\n").map_err(|error| error.to_string())) {
        Ok(()) => format!(
            "The proof is in {}; `sealane audit --fork FILE --trust FILE` checks it for anybody",
            path.display()
        ),
        Err(error) => {
            tracing::error!(
                error,
                proof = serde_json::json!(fork).to_string(),
                "the proof of a fork could not be saved"
            );
            format!("The proof could not be saved ({error}); the log has it")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use clap::Parser;

    use super::*;
    use crate::cli::arguments::Arguments;

    /// A node that gives each request one answer, and its address.
    fn node(status: u16) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                let (mut asked, mut byte) = (Vec::new(), [0]);
                while !asked.ends_with(b"\r\n\r\n{}") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
                    asked.push(byte[0]);
                }
                let body = format!("{{\"status\":{status}}}");
                let head = format!("HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nConnection: close\r\n");
                let _ = stream.write_all(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
            }
        });
        url
    }

    fn nobody() -> String {
        format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap())
    }

    fn passed_on(urls: &[String]) -> Result<u16, String> {
        let global = Arguments::try_parse_from(["sealane", "members"]).unwrap().global;
        let nodes = FollowedNodes::at(&global, urls).unwrap();
        let headers = vec![("content-type", "application/json".to_owned())];
        let request = PassedRequest { is_post: true, target: "/participants".to_owned(), headers, body: "{}".into() };
        nodes.pass_on(&request).map(|answer| answer.status)
    }

    #[test]
    fn the_next_node_is_asked_and_a_refusal_is_final() {
        let (gone, busy, sick, well, refusing) = (nobody(), node(429), node(503), node(202), node(403));
        let of = |urls: &[&String]| passed_on(&urls.iter().map(|url| (*url).clone()).collect::<Vec<_>>());
        assert_eq!(of(&[&gone, &busy, &sick, &well]), Ok(202));
        assert_eq!(of(&[&refusing, &well]), Ok(403));
        assert_eq!(of(&[&sick, &gone]), Ok(503));
        assert_eq!(of(&[&gone, &sick]), Ok(503));
        assert!(of(&[&gone]).unwrap_err().contains(&gone));
    }
}
