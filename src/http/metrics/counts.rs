//! The counters as numbers, for the operator's page.

use prometheus::core::{Collector, Metric};
use prometheus::{Histogram, IntCounterVec};

use super::Metrics;
use crate::http::console::{CounterReading, Spread};

/// The route of captures, as the metrics have it.
const CAPTURE_ROUTE: &str = "/epcis/capture";

impl Metrics {
    /// What was counted so far.
    pub fn counts(&self) -> CounterReading {
        CounterReading {
            statements: self.statements.get(),
            requests: series(&self.requests).map(|(_, count)| count).sum(),
            captures: spread(&self.request_seconds.with_label_values(&[CAPTURE_ROUTE])),
        }
    }

    /// Answers that were problems so far, by code, the most first.
    pub fn refusals(&self) -> Vec<(String, u64)> {
        let mut refusals: Vec<(String, u64)> = series(&self.refusals).collect();
        refusals.sort_by(|(one, many), (other, more)| more.cmp(many).then_with(|| one.cmp(other)));
        refusals
    }
}

/// Each series of a counter by the value of its first label.
fn series(counter: &IntCounterVec) -> impl Iterator<Item = (String, u64)> {
    let metrics = counter.collect().into_iter().flat_map(|mut family| family.take_metric());
    metrics.map(|metric| {
        let label = metric.get_label().first().map(|label| label.value().to_owned());
        // Counters of whole numbers, which a float holds exactly for as long as a node runs.
        (label.unwrap_or_default(), metric.get_counter().get_value() as u64)
    })
}

fn spread(histogram: &Histogram) -> Spread {
    let metric = histogram.metric();
    let told = metric.get_histogram();
    let up_to = told.get_bucket().iter().map(|bucket| (bucket.upper_bound(), bucket.cumulative_count())).collect();
    Spread { up_to, count: told.get_sample_count() }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn counters_are_read_as_they_were_counted() {
        let metrics = Metrics::new();
        metrics.request("POST", CAPTURE_ROUTE, 200, Duration::from_millis(3));
        metrics.request("POST", CAPTURE_ROUTE, 401, Duration::from_secs(9));
        metrics.request("GET", "/verify", 200, Duration::from_millis(3));
        metrics.refusal("bad-signature");
        metrics.refusal("busy");
        metrics.refusal("busy");
        let counts = metrics.counts();
        assert_eq!((counts.requests, counts.captures.count), (3, 2));
        assert_eq!(counts.captures.up_to.iter().find(|(bound, _)| *bound == 0.005), Some(&(0.005, 1)));
        assert_eq!(metrics.refusals(), [("busy".to_owned(), 2), ("bad-signature".to_owned(), 1)]);
    }
}
