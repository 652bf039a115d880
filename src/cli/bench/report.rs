//! What a bench says at its end: one line of JSON.

use std::time::{Duration, Instant};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use serde_json::{Map, Value, json};

use crate::cli::bench::Target;
use crate::cli::bench::driver::Cost;
use crate::cli::bench::plan::Plan;
use crate::cli::bench::process;
use crate::cli::bench::schedule::Phase;
use crate::cli::bench::session::LoadSession;
use crate::cli::bench::tally::{Tallies, round};
use crate::cli::client::Client;
use crate::cli::failure::Failure;
use crate::pki::PrivateKey;
use sealane_core::statement::Signature;

/// What single-core verification is measured over.
const VERIFY_SPAN: Duration = Duration::from_millis(500);

/// What was counted, and what it cost.
pub struct Measured {
    /// One a phase.
    pub phases: Vec<Tallies>,
    pub first_error: Option<String>,
    cost: Cost,
    /// Of statements alone, without the heads of their requests.
    signed_bytes: u64,
    signed: u64,
}

/// How the node was before the clock started.
pub struct Before {
    tree_size: u64,
    cpu: Option<Duration>,
    disk_bytes: Option<u64>,
    blocks: Blocks,
}

/// The node's own count of its blocks.
#[derive(Debug, Clone, Copy, Default)]
struct Blocks {
    count: f64,
    seconds: f64,
}

impl Measured {
    pub fn new(plan: &Plan) -> Result<Self, Failure> {
        let phases = plan.phases.iter().map(|_| Tallies::new()).collect::<Result<_, _>>()?;
        Ok(Self { phases, first_error: None, cost: Cost::default(), signed_bytes: 0, signed: 0 })
    }

    /// Adds a wave's cost and the requests that were signed for it.
    pub fn add_cost(&mut self, cost: Cost, signed: &[Vec<u8>]) {
        self.cost.elapsed += cost.elapsed;
        self.cost.cpu += cost.cpu;
        let body = |request: &Vec<u8>| {
            let head = request.windows(4).position(|four| four == b"\r\n\r\n").map_or(0, |at| at + 4);
            (request.len() - head) as u64
        };
        self.signed_bytes += signed.iter().map(body).sum::<u64>();
        self.signed += signed.len() as u64;
    }
}

impl Before {
    pub fn read(target: &Target) -> Result<Self, Failure> {
        Ok(Self {
            tree_size: tree_size(&target.client)?,
            cpu: target.pid.and_then(process::cpu_time),
            disk_bytes: target.data().map(process::disk_bytes),
            blocks: Blocks::read(&target.client),
        })
    }
}

impl Blocks {
    /// A node that does not tell has none.
    fn read(client: &Client) -> Self {
        let text = client.get("/metrics").ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
        let value = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line.and_then(|value| value.parse().ok()).unwrap_or(0.0)
        };
        Self { count: value("sealane_block_seconds_count"), seconds: value("sealane_block_seconds_sum") }
    }
}

/// Everything that is told of a run. `verified` is the rate of verification before it.
pub fn describe(
    target: &Target,
    plan: &Plan,
    before: &Before,
    session: &mut LoadSession,
    measured: &Measured,
    verified: f64,
) -> Result<Value, Failure> {
    // The cost is read first: what is asked below costs too.
    let (cpu, memory) = (target.pid.and_then(process::cpu_time), target.pid.and_then(process::memory));
    let disk_bytes = target.data().map(process::disk_bytes);
    let blocks = Blocks::read(&target.client);
    let mut total = Tallies::new()?;
    measured.phases.iter().try_for_each(|phase| total.add(phase))?;
    let mut members = total.describe(measured.cost.elapsed);
    let mut put = |name: &str, value: Value| drop(members.insert(name.to_owned(), value));

    put("tree_size_before", before.tree_size.into());
    put("tree_size_after", tree_size(&target.client)?.into());
    put("generator_cpu_us_per_request", per(measured.cost.cpu.as_secs_f64() * 1e6, total.sent()));
    if let (Some(before), Some(after)) = (before.cpu, cpu) {
        let us = after.saturating_sub(before).as_secs_f64() * 1e6;
        put("node_cpu_us_per_request", per(us, total.sent()));
        put("node_cpu_us_per_statement", per(us, total.captures.done));
        put("node_cores", round(us / 1e6 / measured.cost.elapsed.as_secs_f64().max(f64::EPSILON)).into());
    }
    if let Some(memory) = memory {
        put("node_rss_mb", round(memory.resident_mb).into());
        put("node_rss_peak_mb", round(memory.peak_mb).into());
    }
    if let (Some(before), Some(after), 1..) = (before.disk_bytes, disk_bytes, total.captures.done) {
        put("disk_bytes_per_statement", per(after.saturating_sub(before) as f64, total.captures.done));
    }
    put("statement_bytes", per(measured.signed_bytes as f64, measured.signed));
    let made = blocks.count - before.blocks.count;
    if made > 0.0 {
        put("blocks", made.into());
        put("block_ms", round((blocks.seconds - before.blocks.seconds) * 1000.0 / made).into());
        put("statements_per_block", round(total.captures.done as f64 / made).into());
    }
    put("sample_verdict", session.sample_verdict());
    let verified = verified.max(verify_rate()?);
    put("verify_per_second_one_core", round(verified).into());
    put("ratio_to_verify", round(total.captures.done as f64 / measured.cost.elapsed.as_secs_f64() / verified).into());
    put("first_error", measured.first_error.clone().into());
    put("connections", plan.connections.into());
    put("events_per_statement", plan.events_per_statement.into());
    if let Some(asked) = plan.events_asked {
        put("events_per_statement_asked", asked.into());
    }
    put("signers", plan.signers.into());
    put("products_known", session.ids.count(session.recipe.as_ref()).into());
    if plan.phases.len() > 1 {
        put("phases", plan.phases.iter().zip(&measured.phases).map(phase).collect());
    }
    Ok(members.into())
}

fn phase((phase, tallies): (&Phase, &Tallies)) -> Value {
    let mut members: Map<String, Value> = tallies.describe(phase.span);
    members.insert("rate".to_owned(), json!(phase.rate));
    members.into()
}

fn per(amount: f64, count: u64) -> Value {
    if count == 0 { Value::Null } else { round(amount / count as f64).into() }
}

/// P-256 verifications each second on one core, alone, by aws-lc-rs whatever the node uses.
pub fn verify_rate() -> Result<f64, Failure> {
    let key = PrivateKey::generate().map_err(Failure::unreachable)?;
    let message = [7u8; 1024];
    let signature = Signature::sign(key.signing_key(), &message);
    let parsed = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.public().sec1()).map_err(Failure::unreachable)?;
    let began = Instant::now();
    let mut count = 0u32;
    while began.elapsed() < VERIFY_SPAN {
        parsed.verify_sig(&message, signature.as_bytes()).map_err(Failure::unreachable)?;
        count += 1;
    }
    Ok(f64::from(count) / began.elapsed().as_secs_f64())
}

fn tree_size(client: &Client) -> Result<u64, Failure> {
    let text = String::from_utf8(client.get("/ledger/checkpoint")?).map_err(Failure::unreachable)?;
    let size = text.lines().nth(1).and_then(|line| line.parse().ok());
    size.ok_or_else(|| Failure::unreachable("the node's checkpoint cannot be read"))
}
