//! What the node counts, and `GET /metrics`, which tells it in Prometheus's text format.

mod council;
mod counts;
mod following;

use std::sync::PoisonError;
use std::time::Duration;

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, web};
use prometheus::core::Collector;
use prometheus::proto::MetricFamily;
use prometheus::{
    Encoder, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

use crate::app::answer::AnswerPool;
use crate::app::orderer::{BlockObserver, WriterStanding};
use crate::http::Node;
use crate::http::limits::Guard;
use crate::http::limits::memory::Memory;
use crate::http::problem::{Code, Problem};
use sealane_core::time::Timestamp;

/// How near its end a certificate counts as near expiry: 30 days, in milliseconds.
pub(super) const NEAR_EXPIRY_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// Upper bounds of durations, in seconds: from a cached tile to a block of long statements.
const SECONDS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// The node's counters.
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    request_seconds: HistogramVec,
    captures: IntCounterVec,
    refusals: IntCounterVec,
    pictures: IntCounterVec,
    signature_failures: IntCounter,
    statements: IntCounter,
    events: IntCounter,
    blocks: IntCounter,
    block_seconds: Histogram,
    queue_depth: IntGauge,
    under_way: IntGauge,
    under_way_max: IntGauge,
    tree_size: IntGauge,
    writable: IntGauge,
    sound: IntGauge,
    checked: IntGauge,
    near_expiry: IntGauge,
    authority_end: IntGauge,
    waiting: IntGaugeVec,
    refused: IntCounterVec,
    held_bytes: IntGaugeVec,
    consensus_height: IntGauge,
    rounds: IntCounterVec,
    flush_seconds: Histogram,
    faults: IntCounter,
    pool_statements: IntGauge,
    pool_bytes: IntGauge,
    catching_up: IntGauge,
}

/// What became of a capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaptureOutcome {
    Captured,
    /// It stood on the ledger before.
    Repeated,
    /// The statement is at fault.
    Refused,
    /// The node is.
    Failed,
}

impl CaptureOutcome {
    const fn as_str(self) -> &'static str {
        match self {
            CaptureOutcome::Captured => "captured",
            CaptureOutcome::Repeated => "repeated",
            CaptureOutcome::Refused => "refused",
            CaptureOutcome::Failed => "failed",
        }
    }
}

/// What became of a picture that a child process decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureOutcome {
    /// The child answered, whatever it found.
    Decoded,
    /// It was ended at a limit of time or memory.
    Ended,
    /// The client left, and the child was ended.
    Abandoned,
    /// The child did not do what it should.
    Failed,
}

impl PictureOutcome {
    const fn as_str(self) -> &'static str {
        match self {
            PictureOutcome::Decoded => "decoded",
            PictureOutcome::Ended => "ended",
            PictureOutcome::Abandoned => "abandoned",
            PictureOutcome::Failed => "failed",
        }
    }
}

impl Metrics {
    pub fn new() -> Self {
        let registry = Registry::new();
        let counter = |name: &str, help: &str| registered(&registry, IntCounter::new(name, help));
        let gauge = |name: &str, help: &str| registered(&registry, IntGauge::new(name, help));
        let counters = |name: &str, help: &str, labels: &[&str]| {
            registered(&registry, IntCounterVec::new(Opts::new(name, help), labels))
        };
        let gauges = |name: &str, help: &str, label: &str| {
            registered(&registry, IntGaugeVec::new(Opts::new(name, help), &[label]))
        };
        let times = |name: &str, help: &str| HistogramOpts::new(name, help).buckets(SECONDS.to_vec());
        Self {
            requests: counters("sealane_http_requests_total", "Requests answered.", &["method", "route", "status"]),
            request_seconds: registered(
                &registry,
                HistogramVec::new(times("sealane_http_request_seconds", "Time to answer a request."), &["route"]),
            ),
            captures: counters("sealane_captures_total", "Statements posted for capture.", &["outcome"]),
            refusals: counters("sealane_refusals_total", "Requests answered with a problem, by its code.", &["code"]),
            pictures: counters("sealane_pictures_total", "Pictures given to a process to decode.", &["outcome"]),
            signature_failures: counter(
                "sealane_signature_failures_total",
                "Statements whose signature did not hold, or whose signer is unknown.",
            ),
            statements: counter("sealane_statements_total", "Statements handed to blocks."),
            events: counter("sealane_events_total", "Events in them."),
            blocks: counter("sealane_blocks_total", "Blocks written."),
            block_seconds: registered(
                &registry,
                Histogram::with_opts(times("sealane_block_seconds", "Time to make and write a block.")),
            ),
            queue_depth: gauge("sealane_queue_depth", "Statements that wait for the writer."),
            under_way: gauge(
                "sealane_captures_under_way",
                "Captures that were let in and are not answered yet, in started 2 KiB of each.",
            ),
            under_way_max: gauge(
                "sealane_captures_under_way_max",
                "How much of captures is let in at once, in the same unit.",
            ),
            tree_size: gauge("sealane_tree_size", "Leaves of the ledger."),
            writable: gauge("sealane_writable", "1 while statements are written, 0 while something stands in the way."),
            sound: gauge("sealane_ledger_sound", "0 while the node's last check of its own ledger found a fault."),
            checked: gauge(
                "sealane_self_check_timestamp_seconds",
                "When the node's last check of its own ledger ended, since 1970; 0 before the first.",
            ),
            authority_end: gauge(
                "sealane_authority_end_seconds",
                "When the certificate of the member's authority ends, in seconds since 1970; 0 at an observer",
            ),
            near_expiry: gauge(
                "sealane_certificates_near_expiry",
                "Active participants whose last certificate ends within 30 days.",
            ),
            waiting: gauges("sealane_waiting", "Requests that wait for their turn.", "pool"),
            refused: counters(
                "sealane_busy_refusals_total",
                "Requests refused because too much waits for a pool, or a budget of memory is spent.",
                &["pool"],
            ),
            held_bytes: gauges("sealane_held_bytes", "Bytes of bodies and of long answers that are held.", "pool"),
            consensus_height: gauge("sealane_consensus_height", "The last final block of this node."),
            rounds: counters(
                "sealane_consensus_rounds_total",
                "Blocks by the round in which the members decided on them: 0 is the first, `more` is 3 and later.",
                &["round"],
            ),
            flush_seconds: registered(
                &registry,
                Histogram::with_opts(times(
                    "sealane_consensus_flush_seconds",
                    "Time to make the log of votes durable.",
                )),
            ),
            faults: counter("sealane_faults_total", "Times that a member has signed two things in one place."),
            pool_statements: gauge("sealane_pool_statements", "Statements that wait for a block."),
            pool_bytes: gauge("sealane_pool_bytes", "Bytes of the statements that wait for a block."),
            catching_up: gauge("sealane_catching_up", "1 while this node fetches final blocks that it has missed."),
            registry,
        }
    }

    pub(super) fn request(&self, method: &str, route: &str, status: u16, took: Duration) {
        // Methods that are not served are one label: a client could make up any number of them.
        let method = if ["GET", "HEAD", "POST", "OPTIONS"].contains(&method) { method } else { "other" };
        self.requests.with_label_values(&[method, route, &status.to_string()]).inc();
        self.request_seconds.with_label_values(&[route]).observe(took.as_secs_f64());
    }

    /// Counts a request that was answered with a problem. There are only so many codes.
    pub(super) fn refusal(&self, code: &'static str) {
        self.refusals.with_label_values(&[code]).inc();
    }

    pub(super) fn capture(&self, outcome: CaptureOutcome) {
        self.captures.with_label_values(&[outcome.as_str()]).inc();
    }

    pub(super) fn picture(&self, outcome: PictureOutcome) {
        self.pictures.with_label_values(&[outcome.as_str()]).inc();
    }

    /// Counts a capture that came to a problem.
    pub(super) fn capture_refused(&self, problem: &Problem) {
        let failed = problem.status().is_server_error() || problem.code() == Code::Busy;
        self.capture(if failed { CaptureOutcome::Failed } else { CaptureOutcome::Refused });
        self.signature_refused(problem);
    }

    /// Counts a problem that is about who signed.
    pub(super) fn signature_refused(&self, problem: &Problem) {
        if matches!(
            problem.code(),
            Code::BadSignature | Code::SignatureLength | Code::UnknownCertificate | Code::NotAMember
        ) {
            self.signature_failures.inc();
        }
    }

    /// Notes when the certificate of the member's authority ends.
    pub fn authority_ends(&self, at: Timestamp) {
        self.authority_end.set(at.seconds());
    }

    fn observe(&self, node: &Node) {
        let ledger = &node.ledger;
        let (view, now) = (ledger.view(), ledger.now());
        let (under_way, most) = ledger.captures_under_way();
        self.queue_depth.set(gauge(ledger.queue_depth() as u64));
        self.under_way.set(gauge(under_way as u64));
        self.under_way_max.set(gauge(most as u64));
        let (waiting, refused) = ledger.captures_waiting();
        self.waiting.with_label_values(&["writer"]).set(gauge(waiting as u64));
        self.set_refused("writer", refused);
        self.tree_size.set(gauge(view.size().get()));
        self.consensus_height.set(gauge(view.tip.seal.height.get()));
        self.sound.set((!ledger.is_unsound()).into());
        let last = node.audit.read().unwrap_or_else(PoisonError::into_inner);
        self.checked.set(last.as_ref().map_or(0, |last| last.at.seconds()));
        self.writable.set(gauge(ledger.is_writable().into()));
        let soon = now.plus_millis(NEAR_EXPIRY_MS);
        let near = view.registry.participants().filter(|one| {
            let last = one.certificates.iter().map(|certificate| certificate.not_after).max();
            one.revoked.is_none() && last.is_some_and(|end| end >= now && end <= soon)
        });
        self.near_expiry.set(gauge(near.count() as u64));
    }

    /// Copies what the pools of the process and this node's memory count themselves.
    fn observe_pools(&self, memory: &Memory) {
        for pool in AnswerPool::all() {
            self.waiting.with_label_values(&[pool.name()]).set(gauge(pool.waiting() as u64));
            self.set_refused(pool.name(), pool.refused());
        }
        for (name, budget) in [("answers", memory.answers()), ("bodies", memory.bodies())] {
            self.held_bytes.with_label_values(&[name]).set(gauge(budget.held_bytes() as u64));
            self.set_refused(name, budget.refused());
        }
    }

    fn set_refused(&self, pool: &str, refused: u64) {
        let counter = self.refused.with_label_values(&[pool]);
        counter.inc_by(refused.saturating_sub(counter.get()));
    }

    /// All that was counted, and how other nodes stand.
    fn to_text(&self, others: &[MetricFamily]) -> Result<Vec<u8>, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        TextEncoder::new().encode(others, &mut text)?;
        Ok(text)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl BlockObserver for Metrics {
    fn block_written(&self, statements: usize, events: usize, took: Duration) {
        self.blocks.inc();
        self.statements.inc_by(statements as u64);
        self.events.inc_by(events as u64);
        self.block_seconds.observe(took.as_secs_f64());
    }

    fn block_agreed(&self, round: u32) {
        // As many labels as tell something: members that take this many rounds have a trouble.
        let round = ["0", "1", "2"].get(round as usize).unwrap_or(&"more");
        self.rounds.with_label_values(&[round]).inc();
    }

    fn log_flushed(&self, took: Duration) {
        self.flush_seconds.observe(took.as_secs_f64());
    }

    fn member_at_fault(&self) {
        self.faults.inc();
    }

    fn writer_stands(&self, standing: WriterStanding) {
        self.pool_statements.set(gauge(standing.pool_statements as u64));
        self.pool_bytes.set(gauge(standing.pool_bytes as u64));
        self.catching_up.set(standing.is_catching_up.into());
    }
}

/// A number as gauges have them.
fn gauge(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Adds a collector. It fails only for a name that is malformed or used twice, and the names stand above.
fn registered<C: Collector + Clone + 'static>(registry: &Registry, collector: prometheus::Result<C>) -> C {
    let collector = collector.expect("the names and labels of metrics are well formed");
    registry.register(Box::new(collector.clone())).expect("each metric has a name of its own");
    collector
}

/// Tells the node's metrics.
#[utoipa::path(get, path = "/metrics", tag = "operations",
    responses((status = 200, description = "Prometheus text format", content_type = "text/plain", body = String)))]
pub async fn get_metrics(node: web::Data<Node>, guard: web::Data<Guard>) -> Result<HttpResponse, Problem> {
    node.metrics.observe(&node);
    node.metrics.observe_pools(&guard.memory);
    let ledger = &node.ledger;
    let others = match ledger.following() {
        Some(following) => following::families(&following, ledger.view().tip.seal.height, ledger.now()),
        None => council::families(&ledger.council_now()),
    };
    let text = others.and_then(|others| node.metrics.to_text(&others)).map_err(Problem::internal)?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-cache")).content_type(prometheus::TEXT_FORMAT).body(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_what_was_counted() {
        let metrics = Metrics::new();
        metrics.request("GET", "/verify", 200, Duration::from_millis(3));
        metrics.request("BREW", "none", 404, Duration::ZERO);
        metrics.capture(CaptureOutcome::Captured);
        metrics.capture_refused(&Problem::new(Code::BadSignature, ""));
        metrics.capture_refused(&Problem::new(Code::Busy, ""));
        metrics.block_written(2, 7, Duration::from_millis(4));
        metrics.log_flushed(Duration::from_millis(1));
        metrics.member_at_fault();
        [0, 0, 2, 3, 40].into_iter().for_each(|round| metrics.block_agreed(round));
        metrics.writer_stands(WriterStanding { pool_statements: 3, pool_bytes: 1_800, is_catching_up: true });
        let text = String::from_utf8(metrics.to_text(&[]).unwrap()).unwrap();
        for line in [
            r#"sealane_http_requests_total{method="GET",route="/verify",status="200"} 1"#,
            r#"sealane_http_requests_total{method="other",route="none",status="404"} 1"#,
            r#"sealane_captures_total{outcome="captured"} 1"#,
            r#"sealane_captures_total{outcome="refused"} 1"#,
            r#"sealane_captures_total{outcome="failed"} 1"#,
            "sealane_signature_failures_total 1",
            "sealane_events_total 7",
            "sealane_block_seconds_count 1",
            r#"sealane_consensus_rounds_total{round="0"} 2"#,
            r#"sealane_consensus_rounds_total{round="2"} 1"#,
            r#"sealane_consensus_rounds_total{round="more"} 2"#,
            "sealane_consensus_flush_seconds_count 1",
            "sealane_faults_total 1",
            "sealane_pool_statements 3",
            "sealane_pool_bytes 1800",
            "sealane_catching_up 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
    }
}
