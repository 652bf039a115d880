//! What a gateway counts, in Prometheus's text format.

use prometheus::{Encoder, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder};

/// The gateway's counters.
pub struct GatewayMetrics {
    registry: Registry,
    pub captures: IntCounterVec,
    pub statements: IntCounterVec,
    pub events: IntCounter,
    pub bad_receipts: IntCounter,
    pub requests: IntCounterVec,
    pub jobs: IntGaugeVec,
    pub oldest_seconds: IntGauge,
    pub queue_bytes: IntGauge,
    pub certificate_days: IntGauge,
    pub lanes_stopped: IntGauge,
    pub quarantined: IntGauge,
    pub ready: IntGauge,
    pub ledger_height: IntGauge,
    pub indexed_height: IntGauge,
    pub query_lag_seconds: IntGauge,
    pub query_stopped: IntGauge,
    pub query_ready: IntGauge,
    pub subscriptions: IntGaugeVec,
    pub notices: IntCounterVec,
    pub lines: IntGauge,
}

impl GatewayMetrics {
    /// Makes the counters, all at 0.
    pub fn new() -> Self {
        let registry = Registry::new();
        let counter = |name: &str, help: &str| registered(&registry, IntCounter::new(name, help));
        let gauge = |name: &str, help: &str| registered(&registry, IntGauge::new(name, help));
        let counters = |name: &str, help: &str, labels: &[&str]| {
            registered(&registry, IntCounterVec::new(Opts::new(name, help), labels))
        };
        let gauges = |name: &str, help: &str, labels: &[&str]| {
            registered(&registry, IntGaugeVec::new(Opts::new(name, help), labels))
        };
        Self {
            captures: counters("sealane_gateway_captures_total", "Captures that clients posted.", &["outcome"]),
            statements: counters("sealane_gateway_statements_total", "Attempts to send a statement.", &["outcome"]),
            events: counter("sealane_gateway_events_total", "Events that became final."),
            bad_receipts: counter("sealane_gateway_bad_receipts_total", "Receipts of nodes that did not verify."),
            requests: counters("sealane_gateway_requests_total", "Requests answered, by status.", &["status"]),
            jobs: gauges("sealane_gateway_jobs", "Jobs by state.", &["state"]),
            oldest_seconds: gauge("sealane_gateway_oldest_job_seconds", "Age of the oldest job that is not final."),
            queue_bytes: gauge("sealane_gateway_queue_bytes", "Bytes of the documents of open jobs."),
            certificate_days: gauge(
                "sealane_gateway_certificate_days",
                "Days until the participant's certificate ends.",
            ),
            lanes_stopped: gauge(
                "sealane_gateway_lanes_stopped",
                "Clients whose jobs wait for a certificate in force.",
            ),
            quarantined: gauge("sealane_gateway_nodes_quarantined", "Nodes that are left alone after a bad receipt."),
            ready: gauge("sealane_gateway_ready", "1 if /health/ready answers 200."),
            ledger_height: gauge(
                "sealane_gateway_ledger_height",
                "Last block of the gateway's copy of the ledger; -1 without one.",
            ),
            indexed_height: gauge(
                "sealane_gateway_indexed_height",
                "Last block whose events can be asked for; -1 if there is none.",
            ),
            query_lag_seconds: gauge(
                "sealane_gateway_query_lag_seconds",
                "Seconds since what can be asked for was level with the nodes; -1 if nothing can.",
            ),
            query_stopped: gauge(
                "sealane_gateway_query_stopped",
                "1 if queries are not answered because of a fork, a false block or unknown rules.",
            ),
            query_ready: gauge("sealane_gateway_query_ready", "1 if queries are answered."),
            subscriptions: gauges("sealane_gateway_subscriptions", "Subscriptions by webhook, by state.", &["state"]),
            notices: counters("sealane_gateway_notices_total", "Notices that were sent to subscribers.", &["outcome"]),
            lines: gauge("sealane_gateway_lines", "WebSockets that are open."),
            registry,
        }
    }

    pub fn to_text(&self) -> String {
        let mut text = Vec::new();
        // It writes into memory, which takes everything.
        let _ = TextEncoder::new().encode(&self.registry.gather(), &mut text);
        String::from_utf8(text).unwrap_or_default()
    }
}

impl Default for GatewayMetrics {
    fn default() -> Self {
        Self::new()
    }
}

/// A counter with a good name, known to the registry. The names stand above, and a test makes them all.
fn registered<C: prometheus::core::Collector + Clone + 'static>(registry: &Registry, made: prometheus::Result<C>) -> C {
    #[expect(clippy::expect_used, reason = "the names are constants, and a test makes every counter")]
    let counter = made.expect("a good name");
    // A second counter of one name would not be told.
    let _ = registry.register(Box::new(counter.clone()));
    counter
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_is_told() {
        let metrics = GatewayMetrics::new();
        metrics.captures.with_label_values(&["taken"]).inc();
        metrics.bad_receipts.inc();
        let text = metrics.to_text();
        assert!(text.contains("sealane_gateway_bad_receipts_total 1"), "{text}");
        assert!(text.contains("sealane_gateway_captures_total{outcome=\"taken\"} 1"), "{text}");
    }
}
