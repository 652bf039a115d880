//! A member, a node and participants of their own for each test, made with the binary's own commands.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use sealane::pki::PrivateKey;
use sealane_core::block::Origin;
use sealane_core::consortium::{MemberQuestion, signed_word};
use sealane_core::statement::Signature;
use sealane_core::time::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::signer::now;

/// The program under test.
pub fn sealane(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sealane"));
    command.args(arguments).env_remove("SEALANE_DATA").env_remove("SEALANE_URL").env("SEALANE_LOG", "warn");
    command.env_remove("SEALANE_DATABASE_URL").env_remove("SEALANE_DATABASE_CA");
    command
}

/// Runs the program; its output and exit code are the caller's to judge.
pub fn run(arguments: &[&str]) -> Output {
    sealane(arguments).output().unwrap()
}

/// Runs the program, which must end with exit code 0.
pub fn run_ok(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A running node with a data directory of its own.
pub struct Node {
    pub dir: TempDir,
    pub url: String,
    pub origin: String,
    /// What `serve` printed when it began.
    pub started: Value,
    child: Child,
}

/// An answer over HTTP.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", text(&self.body)))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(held, _)| held.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

impl Node {
    /// Makes a member and serves its ledger on a free port.
    pub fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        run_ok(&["init", "--name", "Test Member", "--data", path(&dir.path().join("data"))]);
        Self::serve(dir)
    }

    /// Serves a data directory that is there, on a free port.
    pub fn serve(dir: TempDir) -> Self {
        Self::serve_on(dir, "127.0.0.1:0")
    }

    pub fn serve_on(dir: TempDir, address: &str) -> Self {
        Self::serve_with(dir, address, &[])
    }

    /// Serves a data directory with further arguments of `serve`.
    pub fn serve_with(dir: TempDir, address: &str, further: &[&str]) -> Self {
        let data = dir.path().join("data");
        let mut serve = sealane(&["serve", "--json", "--listen", address, "--data", path(&data)]);
        serve.args(further);
        Self::spawn(dir, serve)
    }

    /// Starts `serve --json` as it was prepared, over the data in `dir`.
    pub fn spawn(dir: TempDir, mut serve: Command) -> Self {
        let mut child = serve.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let started: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("serve printed {line:?}"));
        let member = |name: &str| started[name].as_str().unwrap().to_owned();
        Self { url: member("url"), origin: member("origin"), dir, child, started }
    }

    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Runs a command against this node with this member's data.
    pub fn run(&self, arguments: &[&str]) -> Output {
        let data = self.data();
        let mut all = arguments.to_vec();
        all.extend(["--url", &self.url, "--data", path(&data)]);
        run(&all)
    }

    pub fn run_ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// Registers an organisation and approves it; `claims` are further arguments of `register`. Its directory is
    /// `<dir>/<name>`. Returns the participant's id.
    pub fn participant(&self, name: &str, role: &str, claims: &[&str]) -> String {
        let out = self.identity(name);
        let mut arguments = vec!["register", "--json", "--organization", name, "--role", role, "--out", path(&out)];
        arguments.extend(claims);
        let answer: Value = serde_json::from_str(&self.run_ok(&arguments)).unwrap();
        let id = answer["id"].as_str().unwrap().to_owned();
        self.run_ok(&["approve", "--yes", &id]);
        self.run_ok(&["certificate", &id, "--out", path(&out.join("certificate.pem"))]);
        id
    }

    /// The directory that a participant signs from.
    pub fn identity(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A document signed by a participant, as compact JWS.
    pub fn sign(&self, name: &str, document: &Value) -> String {
        let file = self.dir.path().join("document.json");
        std::fs::write(&file, document.to_string()).unwrap();
        let identity = self.identity(name);
        let signed = run_ok(&["sign", "--as", path(&identity), "--origin", &self.origin, path(&file)]);
        signed.trim_end().to_owned()
    }

    /// Signs and captures a document.
    pub fn capture(&self, name: &str, document: &Value) -> Answer {
        self.post("/epcis/capture", "application/jose", self.sign(name, document).as_bytes())
    }

    pub fn get(&self, path: &str) -> Answer {
        self.request("GET", path, &[], b"")
    }

    /// A GET that goes where a Digital Link leads, at this node, with the same headers.
    pub fn follow(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let answer = self.request("GET", path, headers, b"");
        match answer.header("location").filter(|_| answer.status == 307) {
            Some(target) => self.request("GET", target.strip_prefix(&self.url).unwrap_or(target), headers, b""),
            None => answer,
        }
    }

    /// A GET that this node's member signs.
    pub fn get_as_member(&self, path: &str) -> Answer {
        self.request("GET", path, &[("Sealane-Member", &self.word(path))], b"")
    }

    /// The word of this node's member for a GET of a path.
    pub fn word(&self, target: &str) -> String {
        let key = PrivateKey::read(&self.data().join("member-key.pem")).unwrap();
        word_of(&key, &self.origin, "GET", target, now())
    }

    pub fn post(&self, path: &str, content_type: &str, body: &[u8]) -> Answer {
        self.request("POST", path, &[("Content-Type", content_type)], body)
    }

    /// One HTTP/1.1 request on a connection of its own, byte for byte as given.
    pub fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        request(self.url.strip_prefix("http://").unwrap(), method, path, headers, body)
    }

    /// The process that serves.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Leaves in the ledger now.
    pub fn tree_size(&self) -> u64 {
        let checkpoint = text(&self.get("/ledger/checkpoint").body);
        checkpoint.lines().nth(1).unwrap().parse().unwrap()
    }

    /// Asks the node to stop and waits until it has; returns its directory.
    pub fn stop(mut self) -> TempDir {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
        std::mem::replace(&mut self.dir, tempfile::tempdir().unwrap())
    }

    /// Kills the node as a crash would; returns its directory.
    pub fn kill(mut self) -> TempDir {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        std::mem::replace(&mut self.dir, tempfile::tempdir().unwrap())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // A node that was stopped is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A JWS of which one character of the signature is another one.
pub fn forged(jws: &str) -> String {
    let (before, after) = jws.split_at(jws.len() - 4);
    let other = if before.ends_with('A') { 'B' } else { 'A' };
    format!("{}{other}{after}", &before[..before.len() - 1])
}

/// A member's word for a request, signed with any key at any time.
pub fn word_of(key: &PrivateKey, origin: &str, method: &str, target: &str, at: Timestamp) -> String {
    let origin: Origin = origin.parse().unwrap();
    let signed = MemberQuestion { method, target }.signing_input(key.public().thumbprint(), &origin, at);
    signed_word(&signed, &Signature::sign(key.signing_key(), signed.as_bytes()))
}

pub fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// One HTTP/1.1 request to a host and port, on a connection of its own.
pub fn request(host: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
    if !body.is_empty() {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
    // A server may refuse a long body before it has read it, and close: its answer is what counts.
    let _ = stream.write_all(body);
    let mut answer = Vec::new();
    let mut chunk = [0; 16 * 1024];
    // Not every server closes the connection when it is asked to.
    while !is_whole(&answer) {
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => break,
            Ok(length) => answer.extend_from_slice(&chunk[..length]),
        }
    }
    parse_answer(&answer)
}

/// Whether an answer has come to the end that it announced.
fn is_whole(bytes: &[u8]) -> bool {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let head = text(&bytes[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    length.is_some_and(|length| bytes.len() - end - 4 >= length)
}

fn parse_answer(bytes: &[u8]) -> Answer {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("an HTTP answer");
    let head = text(&bytes[..end]);
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect();
    let chunked =
        headers.iter().any(|(name, value)| name.eq_ignore_ascii_case("transfer-encoding") && value == "chunked");
    let body = &bytes[end + 4..];
    let body = if chunked { dechunk(body) } else { body.to_vec() };
    Answer { status, headers, body }
}

fn dechunk(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = bytes.windows(2).position(|window| window == b"\r\n").expect("a chunk's length");
        let length = usize::from_str_radix(text(&bytes[..end]).trim(), 16).unwrap();
        if length == 0 {
            return body;
        }
        body.extend_from_slice(&bytes[end + 2..end + 2 + length]);
        bytes = &bytes[end + 2 + length + 2..];
    }
}

/// An EPCISDocument of some events.
pub fn document(events: Vec<Value>) -> Value {
    json!({
        "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-03-01T08:00:00.000Z",
        "epcisBody": {"eventList": events},
    })
}

/// An ObjectEvent about some ids at a time.
pub fn object_event(action: &str, step: &str, ids: &[&str], time: &str) -> Value {
    json!({
        "type": "ObjectEvent",
        "eventTime": time,
        "eventTimeZoneOffset": "+00:00",
        "epcList": ids,
        "action": action,
        "bizStep": step,
    })
}
