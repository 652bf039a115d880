//! `bench`: how many statements a node takes, from outside, over HTTP.
//!
//! Statements are signed before the clock starts, each about a product of its own. Each connection sends its next one
//! when the last is final; with `--rate` it sends on schedule, and latency counts from the scheduled time, so that a node
//! that falls behind cannot hide it. Only final receipts count.

use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cli::arguments::{BenchOptions, Global, RegisterOptions};
use crate::cli::certificate;
use crate::cli::client::Client;
use crate::cli::data_dir::DataDir;
use crate::cli::decisions::Desk;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::identity::{CERTIFICATE_FILE, Identity};
use crate::cli::init;
use crate::cli::node::{OpenNode, listen, now, runtime};
use crate::cli::output::Output;
use crate::cli::register;
use crate::domain::consortium::{Organization, ParticipantId, Role};
use crate::domain::gs1::check_digit;
use crate::domain::statement::Signature;
use crate::pki::PrivateKey;

mod connection;

use connection::Connection;

/// Statements signed in advance for each second of a closed loop: more than a node of two cores takes.
const SIGNED_PER_SECOND: f64 = 12_000.0;

/// What single-core verification is measured over.
const VERIFY_SPAN: Duration = Duration::from_millis(500);

/// Signers are told apart by three digits of their company prefixes.
const SIGNERS_MAX: usize = 1_000;

pub fn run(global: &Global, options: &BenchOptions, output: &Output) -> Result<Outcome, Failure> {
    if options.connections == 0 || options.events_per_statement == 0 || !(1..=SIGNERS_MAX).contains(&options.signers) {
        let message = format!("give at least one connection and one event, and 1 to {SIGNERS_MAX} signers");
        return Err(Failure::wrong_use(message));
    }
    match &global.url {
        Some(url) if url.starts_with("https://") => {
            return Err(Failure::wrong_use(format!(
                "--url {url}: what is measured is a node, without TLS: give http://"
            )));
        }
        Some(_) => measure(global, options, output)?,
        None => on_own_node(global, options, output)?,
    }
    Ok(Outcome::Done)
}

/// Makes a member with a new store on disk, serves it in this process, and measures that.
fn on_own_node(global: &Global, options: &BenchOptions, output: &Output) -> Result<(), Failure> {
    let dir =
        TempDir::new_in(".").map_err(|error| Failure::unreachable(format!("cannot make a directory here: {error}")))?;
    let data = DataDir::create(&dir.path().join("data"))?;
    let name: Organization = "Bench".parse().map_err(Failure::wrong_use)?;
    init::create(&data, &name, None)?;
    let listener = listen("127.0.0.1:0")?;
    let url = format!("http://{}", listener.local_addr().map_err(Failure::unreachable)?);
    let global = Global { url: Some(url.clone()), data: Some(data.path().to_owned()), tls_ca: None, ..*global };
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let served = std::thread::spawn(move || {
        runtime()?.block_on(async {
            OpenNode::open(&data)
                .await?
                .serve(listener, None, url, async {
                    let _ = stopped.await;
                })
                .await
        })
    });
    let measured = measure(&global, options, output);
    let _ = stop.send(());
    match served.join() {
        Ok(served) => measured.and(served),
        Err(_) => Err(Failure::unreachable("the node that was measured panicked")),
    }
}

fn measure(global: &Global, options: &BenchOptions, output: &Output) -> Result<(), Failure> {
    let client = Client::new(global)?;
    let signers = Arc::new(register_signers(global, &client, options)?);
    let origin = client.get_json("/trust")?.get("origin").and_then(Value::as_str).unwrap_or_default().to_owned();
    let before = verify_rate()?;
    let tree_size_before = tree_size(&client)?;
    output.say("Signing statements…");
    let barrier = Arc::new(Barrier::new(options.connections));
    let workers: Vec<_> = (0..options.connections)
        .map(|number| {
            let plan = Plan::new(options, number, &origin);
            let (signers, barrier, url) = (Arc::clone(&signers), Arc::clone(&barrier), client.url().to_owned());
            std::thread::spawn(move || plan.run(&signers, &url, &barrier))
        })
        .collect();
    let mut total = Tally::new()?;
    for worker in workers {
        let tally = worker.join().map_err(|_| Failure::unreachable("a connection's thread panicked"))??;
        total.add(&tally)?;
    }
    let elapsed = total.elapsed.as_secs_f64().max(f64::EPSILON);
    let statements_per_second = total.accepted as f64 / elapsed;
    let result = json!({
        "statements_per_second": round(statements_per_second),
        "events_per_second": round(statements_per_second * options.events_per_statement as f64),
        "p50_ms": round(total.latency_us.value_at_quantile(0.50) as f64 / 1000.0),
        "p99_ms": round(total.latency_us.value_at_quantile(0.99) as f64 / 1000.0),
        "errors": total.errors,
        "verify_per_second_one_core": round(before.max(verify_rate()?)),
        "tree_size_before": tree_size_before,
        "tree_size_after": tree_size(&client)?,
        "seconds": round(elapsed),
        "connections": options.connections,
        "events_per_statement": options.events_per_statement,
        "signers": options.signers,
    });
    output.result(&result, result.to_string());
    Ok(())
}

/// What one connection is to send.
struct Plan {
    number: usize,
    count: usize,
    events: usize,
    span: Duration,
    /// Between two sends of this connection; `None` sends as fast as it is answered.
    interval: Option<Duration>,
    origin: String,
    /// Sets this run's products apart from those of earlier runs.
    run: u64,
}

impl Plan {
    fn new(options: &BenchOptions, number: usize, origin: &str) -> Self {
        let connections = options.connections as f64;
        let per_second = options.rate.unwrap_or(SIGNED_PER_SECOND / (options.events_per_statement as f64).sqrt());
        Self {
            number,
            count: (per_second * options.seconds as f64 / connections).ceil() as usize,
            events: options.events_per_statement,
            span: Duration::from_secs(options.seconds),
            interval: options.rate.map(|rate| Duration::from_secs_f64(connections / rate)),
            origin: origin.to_owned(),
            run: now().millis().unsigned_abs() & u64::from(u32::MAX),
        }
    }

    fn run(self, signers: &[Signer], url: &str, barrier: &Barrier) -> Result<Tally, Failure> {
        let signed = (0..self.count).map(|at| self.statement(signers, at)).collect::<Result<Vec<_>, _>>();
        let connection = Connection::open(url);
        // Every thread reaches the barrier, or those that did would wait for ever.
        barrier.wait();
        let (signed, mut connection) = (signed?, connection?);
        let mut tally = Tally::new()?;
        let began = Instant::now();
        for (at, statement) in signed.iter().enumerate() {
            let due = self.interval.map(|interval| began + interval.mul_f64(at as f64));
            if let Some(wait) = due.map(|due| due.saturating_duration_since(Instant::now())) {
                std::thread::sleep(wait);
            }
            if began.elapsed() >= self.span {
                break;
            }
            let sent = due.unwrap_or_else(Instant::now);
            match connection.post_capture(statement.as_bytes()) {
                Ok(true) => tally.accepted += 1,
                Ok(false) => tally.errors += 1,
                Err(_) => {
                    tally.errors += 1;
                    connection = Connection::open(url)?;
                }
            }
            tally.latency_us.record(sent.elapsed().as_micros() as u64).map_err(Failure::unreachable)?;
        }
        tally.elapsed = began.elapsed();
        Ok(tally)
    }

    fn statement(&self, signers: &[Signer], at: usize) -> Result<String, Failure> {
        let signer = &signers[(self.number + at) % signers.len()];
        let events: Vec<Value> = (0..self.events).map(|event| self.event(signer, at, event)).collect();
        let document = json!({
            "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
            "type": "EPCISDocument",
            "schemaVersion": "2.0",
            "creationDate": "2026-01-01T00:00:00.000Z",
            "epcisBody": {"eventList": events},
        });
        let statement = signer.identity.sign(document.to_string().as_bytes(), &self.origin, now())?;
        Ok(statement.compact().to_owned())
    }

    fn event(&self, signer: &Signer, at: usize, event: usize) -> Value {
        // At most the 20 characters of a serial number, with up to a million statements of 256 events a connection.
        let serial = format!("{:x}.{:x}.{at:x}.{event:x}", self.run, self.number);
        json!({
            "type": "ObjectEvent",
            "eventID": format!("urn:sealane-bench:{serial}"),
            "eventTime": "2026-01-01T00:00:00.000Z",
            "eventTimeZoneOffset": "+00:00",
            "epcList": [format!("https://id.gs1.org/01/{}/21/{serial}", signer.gtin)],
            "action": "ADD",
            "bizStep": "commissioning",
            "disposition": "active",
            "readPoint": {"id": format!("https://id.gs1.org/414/{}", signer.gln)},
        })
    }
}

/// What came of it.
struct Tally {
    accepted: u64,
    errors: u64,
    latency_us: Histogram<u64>,
    elapsed: Duration,
}

impl Tally {
    fn new() -> Result<Self, Failure> {
        let latency_us = Histogram::new(3).map_err(Failure::unreachable)?;
        Ok(Self { accepted: 0, errors: 0, latency_us, elapsed: Duration::ZERO })
    }

    fn add(&mut self, other: &Self) -> Result<(), Failure> {
        self.accepted += other.accepted;
        self.errors += other.errors;
        self.elapsed = self.elapsed.max(other.elapsed);
        self.latency_us.add(&other.latency_us).map_err(Failure::unreachable)
    }
}

/// A manufacturer of the bench.
struct Signer {
    identity: Identity,
    gtin: String,
    gln: String,
}

fn register_signers(global: &Global, client: &Client, options: &BenchOptions) -> Result<Vec<Signer>, Failure> {
    let desk = Desk::open(global)?;
    let dir = TempDir::new().map_err(|error| Failure::unreachable(format!("cannot make a directory: {error}")))?;
    (0..options.signers).map(|number| register_signer(&desk, client, dir.path(), number)).collect()
}

fn register_signer(desk: &Desk, client: &Client, dir: &std::path::Path, number: usize) -> Result<Signer, Failure> {
    let out = dir.join(number.to_string());
    // Prefixes of a run differ from those of another on the same ledger by their middle digits.
    let prefix = format!("9{:07}{number:03}", now().seconds().rem_euclid(10_000_000));
    let parse = |text: &str| text.parse().map_err(|error| Failure::wrong_use(format!("{text}: {error}")));
    let request = RegisterOptions {
        organization: format!("Bench {number}").parse().map_err(Failure::wrong_use)?,
        role: vec![Role::Manufacturer],
        gln: Vec::new(),
        gs1_prefix: vec![parse(&prefix)?],
        namespace: Vec::new(),
        csr: None,
        out: Some(out.clone()),
        wait: false,
    };
    let id = register::request(client, &request)?.id;
    let participant: ParticipantId = id.parse().map_err(Failure::unreachable)?;
    let asked = client.get_json(&format!("/participants/{id}"))?;
    desk.decide(&participant, &desk.approval(&participant, &asked)?)?;
    certificate::fetch(client, &id, &out.join(CERTIFICATE_FILE))?;
    let with_check = |digits: String| format!("{digits}{}", check_digit(&digits).unwrap_or('0'));
    Ok(Signer {
        identity: Identity::read_dir(&out)?,
        gtin: with_check(format!("0{prefix}1")),
        gln: with_check(format!("{prefix}1")),
    })
}

/// P-256 verifications each second on one core, alone.
fn verify_rate() -> Result<f64, Failure> {
    let key = PrivateKey::generate().map_err(Failure::unreachable)?;
    let message = [7u8; 1024];
    let signature = Signature::sign(key.signing_key(), &message);
    let began = Instant::now();
    let mut count = 0u32;
    while began.elapsed() < VERIFY_SPAN {
        key.public().verify(&message, &signature).map_err(Failure::unreachable)?;
        count += 1;
    }
    Ok(f64::from(count) / began.elapsed().as_secs_f64())
}

fn tree_size(client: &Client) -> Result<u64, Failure> {
    let text = String::from_utf8(client.get("/ledger/checkpoint")?).map_err(Failure::unreachable)?;
    let size = text.lines().nth(1).and_then(|line| line.parse().ok());
    size.ok_or_else(|| Failure::unreachable("the node's checkpoint cannot be read"))
}

fn round(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}
