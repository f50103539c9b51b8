//! Counters and histograms in the text format of Prometheus.

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// A counter with one label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Counter {
    Associations,
    AssociationsRefused,
    AssociationsBroken,
    Echoes,
    Received,
    Refused,
    Results,
    Sent,
    SendingFailed,
    Reloads,
    DeviceReopened,
}

impl Counter {
    const ALL: [Self; 11] = [
        Self::Associations,
        Self::AssociationsRefused,
        Self::AssociationsBroken,
        Self::Echoes,
        Self::Received,
        Self::Refused,
        Self::Results,
        Self::Sent,
        Self::SendingFailed,
        Self::Reloads,
        Self::DeviceReopened,
    ];

    /// Name, label, help text.
    fn describe(self) -> [&'static str; 3] {
        match self {
            Self::Associations => ["associations_total", "end", "Associations that have ended."],
            Self::AssociationsRefused => {
                ["associations_refused_total", "reason", "Associations that were rejected."]
            }
            Self::AssociationsBroken => {
                ["associations_broken_total", "reason", "Associations that were aborted."]
            }
            Self::Echoes => ["echoes_total", "status", "C-ECHO requests."],
            Self::Received => ["images_received_total", "how", "Images answered with success."],
            Self::Refused => ["images_refused_total", "reason", "Images that were rejected."],
            Self::Results => ["results_total", "outcome", "Processed images."],
            Self::Sent => ["objects_sent_total", "destination", "Objects that were delivered."],
            Self::SendingFailed => {
                ["sending_failed_total", "destination", "Failed attempts to send."]
            }
            Self::Reloads => ["packs_reloaded_total", "outcome", "Reloaded model files."],
            Self::DeviceReopened => ["device_reopened_total", "outcome", "Reopened devices."],
        }
    }
}

/// Upper bounds of the histogram buckets, seconds.
const BUCKETS: [f64; 16] =
    [0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0];

/// A histogram of durations.
#[derive(Clone, Debug, Default)]
struct Histogram {
    counts: [u64; BUCKETS.len()],
    count: u64,
    sum_s: f64,
}

/// A measured duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Span {
    /// Decoding and detection, as in `fiducia detect`.
    Detection,
    /// From the image on the disk to its results on the disk, waiting included.
    Result,
    /// From the image on the disk to its results at the last destination.
    Delivery,
}

impl Span {
    const ALL: [Self; 3] = [Self::Detection, Self::Result, Self::Delivery];

    fn describe(self) -> [&'static str; 2] {
        match self {
            Self::Detection => ["detection_seconds", "Image decoding and detection."],
            Self::Result => ["result_seconds", "From the received image to its results."],
            Self::Delivery => {
                ["delivery_seconds", "From the received image to results at all destinations."]
            }
        }
    }
}

/// All counters and histograms.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    counts: Mutex<BTreeMap<(Counter, String), u64>>,
    spans: Mutex<BTreeMap<Span, Histogram>>,
}

impl Metrics {
    /// Increments a counter. Labels are constants of the program and names of the configuration, never data from peers.
    pub(super) fn count(&self, counter: Counter, label: &str) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry((counter, label.to_owned())).or_default() += 1;
    }

    /// The sum of a counter over all labels.
    pub(super) fn total(&self, counter: Counter) -> u64 {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.iter().filter(|((c, _), _)| *c == counter).map(|(_, n)| n).sum()
    }

    /// Records a duration.
    pub(super) fn observe(&self, span: Span, time: Duration) {
        let mut spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        let histogram = spans.entry(span).or_default();
        let seconds = time.as_secs_f64();
        histogram.count += 1;
        histogram.sum_s += seconds;
        for (count, end) in histogram.counts.iter_mut().zip(BUCKETS) {
            *count += u64::from(seconds <= end);
        }
    }

    /// The text for Prometheus; a gauge is its name, labels and value.
    pub(super) fn text(&self, gauges: &[(&str, String, u64)]) -> String {
        let mut out = String::new();
        // Writing to a string cannot fail.
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        for counter in Counter::ALL {
            let [name, label, help] = counter.describe();
            let _ = writeln!(out, "# HELP fiducia_{name} {help}\n# TYPE fiducia_{name} counter");
            for ((_, value), count) in counts.iter().filter(|((c, _), _)| *c == counter) {
                let _ = writeln!(out, "fiducia_{name}{{{label}=\"{value}\"}} {count}");
            }
        }
        let spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        for span in Span::ALL {
            let [name, help] = span.describe();
            let histogram = spans.get(&span).cloned().unwrap_or_default();
            let _ = writeln!(out, "# HELP fiducia_{name} {help}\n# TYPE fiducia_{name} histogram");
            for (count, end) in histogram.counts.iter().zip(BUCKETS) {
                let _ = writeln!(out, "fiducia_{name}_bucket{{le=\"{end}\"}} {count}");
            }
            let Histogram { count, sum_s, .. } = histogram;
            let _ = writeln!(out, "fiducia_{name}_bucket{{le=\"+Inf\"}} {count}");
            let _ = writeln!(out, "fiducia_{name}_sum {sum_s}\nfiducia_{name}_count {count}");
        }
        let mut last = "";
        for (name, labels, value) in gauges {
            if *name != last {
                let _ = writeln!(out, "# TYPE fiducia_{name} gauge");
                last = name;
            }
            let _ = writeln!(out, "fiducia_{name}{labels} {value}");
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative() {
        let metrics = Metrics::default();
        for ms in [10, 60, 60, 700_000] {
            metrics.observe(Span::Result, Duration::from_millis(ms));
        }
        metrics.count(Counter::Refused, "uid");
        metrics.count(Counter::Refused, "uid");
        let text = metrics.text(&[("queue_depth", "{stage=\"received\"}".to_owned(), 3)]);
        for line in [
            "fiducia_result_seconds_bucket{le=\"0.02\"} 1",
            "fiducia_result_seconds_bucket{le=\"0.05\"} 1",
            "fiducia_result_seconds_bucket{le=\"0.1\"} 3",
            "fiducia_result_seconds_bucket{le=\"300\"} 3",
            "fiducia_result_seconds_bucket{le=\"+Inf\"} 4",
            "fiducia_result_seconds_count 4",
            "fiducia_images_refused_total{reason=\"uid\"} 2",
            "fiducia_queue_depth{stage=\"received\"} 3",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
        }
    }
}
