//! What is counted, as Prometheus reads it.

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// Something that is counted by one label.
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

    /// Name, label, what it counts.
    fn about(self) -> [&'static str; 3] {
        match self {
            Self::Associations => ["associations_total", "end", "Associations that have ended."],
            Self::AssociationsRefused => {
                ["associations_refused_total", "reason", "Requests that were turned away."]
            }
            Self::AssociationsBroken => {
                ["associations_broken_total", "reason", "Connections that were ended early."]
            }
            Self::Echoes => ["echoes_total", "status", "C-ECHO."],
            Self::Received => ["images_received_total", "how", "Images answered with success."],
            Self::Refused => ["images_refused_total", "reason", "Images that were not taken."],
            Self::Results => ["results_total", "outcome", "What became of images."],
            Self::Sent => ["objects_sent_total", "destination", "Objects that arrived."],
            Self::SendingFailed => {
                ["sending_failed_total", "destination", "Tries to send that failed."]
            }
            Self::Reloads => ["packs_reloaded_total", "outcome", "Packs read anew."],
            Self::DeviceReopened => ["device_reopened_total", "outcome", "Devices opened anew."],
        }
    }
}

/// Upper ends, seconds.
const BUCKETS: [f64; 16] =
    [0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0];

/// How long something took, by bucket.
#[derive(Clone, Debug, Default)]
struct Histogram {
    counts: [u64; BUCKETS.len()],
    count: u64,
    sum_s: f64,
}

/// Something whose duration is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Span {
    /// Decoding and detection, what `fiducia detect` does for an image.
    Detection,
    /// From the image on the disk to its results on the disk, waiting included.
    Result,
    /// From the image on the disk to the last destination that has its results.
    Delivery,
}

impl Span {
    const ALL: [Self; 3] = [Self::Detection, Self::Result, Self::Delivery];

    fn about(self) -> [&'static str; 2] {
        match self {
            Self::Detection => ["detection_seconds", "Decoding an image and detection."],
            Self::Result => ["result_seconds", "From the received image to its results."],
            Self::Delivery => {
                ["delivery_seconds", "From the received image to results at all destinations."]
            }
        }
    }
}

/// Everything that is counted.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    counts: Mutex<BTreeMap<(Counter, String), u64>>,
    spans: Mutex<BTreeMap<Span, Histogram>>,
}

impl Metrics {
    /// One more. Labels are words of the program and names of the configuration, never what a peer sends.
    pub(super) fn count(&self, counter: Counter, label: &str) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry((counter, label.to_owned())).or_default() += 1;
    }

    /// How often it was counted under all labels.
    pub(super) fn total(&self, counter: Counter) -> u64 {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.iter().filter(|((c, _), _)| *c == counter).map(|(_, n)| n).sum()
    }

    /// Something took so long.
    pub(super) fn took(&self, span: Span, time: Duration) {
        let mut spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        let histogram = spans.entry(span).or_default();
        let seconds = time.as_secs_f64();
        histogram.count += 1;
        histogram.sum_s += seconds;
        for (count, end) in histogram.counts.iter_mut().zip(BUCKETS) {
            *count += u64::from(seconds <= end);
        }
    }

    /// The text for Prometheus; gauges are name, labels, value.
    pub(super) fn text(&self, gauges: &[(&str, String, u64)]) -> String {
        let mut out = String::new();
        // Writing to a string cannot fail.
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        for counter in Counter::ALL {
            let [name, label, help] = counter.about();
            let _ = writeln!(out, "# HELP fiducia_{name} {help}\n# TYPE fiducia_{name} counter");
            for ((_, value), count) in counts.iter().filter(|((c, _), _)| *c == counter) {
                let _ = writeln!(out, "fiducia_{name}{{{label}=\"{value}\"}} {count}");
            }
        }
        let spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        for span in Span::ALL {
            let [name, help] = span.about();
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
    fn buckets_hold_all_that_is_not_longer() {
        let metrics = Metrics::default();
        for ms in [10, 60, 60, 700_000] {
            metrics.took(Span::Result, Duration::from_millis(ms));
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
