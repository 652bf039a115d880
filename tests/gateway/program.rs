//! A gateway of its own for each test.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Answer, Node, document, object_event, path, request, sealane, text};

/// How long something may take that has to happen.
const WITHIN: Duration = Duration::from_secs(60);

/// A running gateway.
pub struct Gateway {
    pub dir: TempDir,
    pub url: String,
    pub started: Value,
    identity: PathBuf,
    nodes: Vec<String>,
    further: Vec<String>,
    child: Child,
}

impl Gateway {
    /// Starts a gateway of a node's participant, which sends to these URLs.
    pub fn start(identity: &Path, nodes: &[&str], further: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), identity, nodes, further)
    }

    pub fn start_in(dir: TempDir, identity: &Path, nodes: &[&str], further: &[&str]) -> Self {
        let mut arguments = vec!["--listen", "127.0.0.1:0", "--as", path(identity)];
        nodes.iter().for_each(|node| arguments.extend(["--node", node]));
        arguments.extend(further);
        let mut gateway = Self::spawn(dir, identity, &arguments);
        let owned = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect();
        (gateway.nodes, gateway.further) = (owned(nodes), owned(further));
        gateway
    }

    pub fn node_url(&self) -> String {
        self.nodes.first().cloned().unwrap_or_default()
    }

    pub fn identity(&self) -> PathBuf {
        self.identity.clone()
    }

    /// One whose settings are in the file of its directory.
    pub fn start_from(dir: TempDir, identity: &Path) -> Self {
        Self::spawn(dir, identity, &[])
    }

    fn spawn(dir: TempDir, identity: &Path, arguments: &[&str]) -> Self {
        let arguments = [&["gateway", "--json", "--data", path(dir.path())], arguments].concat();
        let mut child = sealane(&arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let started: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("gateway printed {line:?}"));
        Self {
            url: started["url"].as_str().unwrap().to_owned(),
            started,
            dir,
            identity: identity.to_owned(),
            nodes: Vec::new(),
            further: Vec::new(),
            child,
        }
    }

    /// A maker with the prefix 9506000 at a node of its own, and its gateway.
    pub fn of_maker(further: &[&str]) -> (Node, Self) {
        let node = Node::start();
        node.participant("Maker", "manufacturer", &["--gs1-prefix", "9506000"]);
        let gateway = Self::start(&node.identity("Maker"), &[&node.url], further);
        (node, gateway)
    }

    pub fn host(&self) -> &str {
        self.url.split("://").nth(1).unwrap()
    }

    pub fn get(&self, path: &str) -> Answer {
        request(self.host(), "GET", path, &[], b"")
    }

    pub fn post(&self, document: &Value) -> Answer {
        self.post_with(&[], document)
    }

    pub fn post_with(&self, headers: &[(&str, &str)], document: &Value) -> Answer {
        let all = [&[("Content-Type", "application/json")], headers].concat();
        request(self.host(), "POST", "/capture", &all, document.to_string().as_bytes())
    }

    /// Posts a document that must be taken; returns the job's id.
    #[track_caller]
    pub fn take(&self, document: &Value) -> String {
        id_of(&self.post(document))
    }

    pub fn job(&self, id: &str) -> Value {
        self.get(&format!("/capture/{id}")).json()
    }

    /// Waits until a job is as it should be.
    #[track_caller]
    pub fn until(&self, id: &str, holds: impl Fn(&Value) -> bool) -> Value {
        until(|| Some(self.job(id)).filter(&holds), || self.job(id).to_string())
    }

    /// Waits until a job is final, and returns it.
    #[track_caller]
    pub fn until_final(&self, id: &str) -> Value {
        let job = self.until(id, |job| job["running"] == false);
        assert_eq!(job["sealane:state"], "final", "{job}");
        job
    }

    /// Kills the gateway as a crash would; returns its directory.
    pub fn kill(mut self) -> TempDir {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        std::mem::replace(&mut self.dir, tempfile::tempdir().unwrap())
    }

    /// Kills the gateway and starts it again.
    pub fn crash(self) -> Self {
        let (identity, nodes, further) = (self.identity.clone(), self.nodes.clone(), self.further.clone());
        let refs = |all: &[String]| {
            all.iter().map(String::as_str).collect::<Vec<_>>().into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        let (nodes, further) = (refs(&nodes), refs(&further));
        let dir = self.kill();
        let nodes: Vec<&str> = nodes.iter().map(String::as_str).collect();
        let further: Vec<&str> = further.iter().map(String::as_str).collect();
        Self::start_in(dir, &identity, &nodes, &further)
    }

    /// Runs a command of the gateway on its directory.
    pub fn command(&self, arguments: &[&str]) -> Output {
        command(self.dir.path(), arguments)
    }

    #[track_caller]
    pub fn command_ok(&self, arguments: &[&str]) -> Value {
        let output = self.command(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The number of a counter without labels, or with these.
    pub fn metric(&self, name: &str) -> f64 {
        let told = text(&self.get("/metrics").body);
        let line = told.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).map(str::to_owned);
        line.map_or(0.0, |number| number.parse().unwrap())
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // One that was killed is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn command(data: &Path, arguments: &[&str]) -> Output {
    let all = [&["gateway"], arguments, &["--json", "--data", path(data)]].concat();
    sealane(&all).output().unwrap()
}

/// The id of a capture that was taken.
#[track_caller]
pub fn id_of(answer: &Answer) -> String {
    assert_eq!(answer.status, 202, "{}", text(&answer.body));
    let id = answer.json()["captureID"].as_str().unwrap().to_owned();
    assert_eq!(answer.header("Location"), Some(format!("/capture/{id}").as_str()));
    id
}

/// Waits until something is there.
#[track_caller]
pub fn until<T>(look: impl Fn() -> Option<T>, otherwise: impl Fn() -> String) -> T {
    let began = Instant::now();
    loop {
        match look() {
            Some(found) => return found,
            None if began.elapsed() > WITHIN => panic!("it did not happen within {WITHIN:?}: {}", otherwise()),
            None => thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// The id of a product of the maker.
pub fn product(serial: &str) -> String {
    format!("https://id.gs1.org/01/09506000134352/21/{serial}")
}

/// A document that brings products of the maker into being, in an event each.
pub fn commissioning(serials: &[&str]) -> Value {
    let event = |serial: &&str| object_event("ADD", "commissioning", &[&product(serial)], "2026-03-01T08:00:00.000Z");
    document(serials.iter().map(event).collect())
}

/// How often each product of the maker was recorded, by the events that a node returns about it.
pub fn times_recorded(node: &Node, serial: &str) -> usize {
    let path = format!("/epcis/events?MATCH_anyEPC={}", product(serial));
    let found = node.get(&path).json();
    let list = found.pointer("/epcisBody/queryResults/resultsBody/eventList").and_then(Value::as_array).cloned();
    let list = list.unwrap_or_else(|| panic!("{found}"));
    list.iter().map(|event| 1 + event["sealane:repeatedAt"].as_array().map_or(0, Vec::len)).sum()
}

/// A problem as it was answered.
#[track_caller]
pub fn refused(answer: &Answer, status: u16, code: &str, exception: &str, words: &str) -> Value {
    let problem = answer.json();
    assert_eq!((answer.status, problem["code"].as_str()), (status, Some(code)), "{problem}");
    assert_eq!(answer.header("Content-Type"), Some("application/problem+json"));
    assert_eq!(problem["type"], json!(format!("epcisException:{exception}")), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains(words), "{problem}");
    problem
}
