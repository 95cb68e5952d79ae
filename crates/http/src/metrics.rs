//! Counts and times of each operation, kept in atomics and shown as JSON and to Prometheus.

use std::{
    fmt::Write,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

/// Upper bounds of the histogram in seconds.
const BOUNDS: [f64; 10] = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];

/// What happened to one operation.
#[derive(Default)]
pub struct OperationCounts {
    name: String,
    by_class: [AtomicU64; 5],
    buckets: [AtomicU64; BOUNDS.len() + 1],
    microseconds: AtomicU64,
}

impl OperationCounts {
    pub(crate) fn new(name: String) -> Self {
        Self { name, ..Self::default() }
    }

    pub(crate) fn count(&self, status: u16, took: Duration) {
        let class = usize::from(status / 100).clamp(1, 5) - 1;
        self.by_class[class].fetch_add(1, Ordering::Relaxed);
        let seconds = took.as_secs_f64();
        let bucket = BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(BOUNDS.len());
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        let microseconds = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.microseconds.fetch_add(microseconds, Ordering::Relaxed);
    }

    fn total(&self) -> u64 {
        self.by_class.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }
}

/// The counts of all operations of a running server.
pub struct Metrics {
    pub(crate) operations: Vec<std::sync::Arc<OperationCounts>>,
    started: Instant,
}

impl Metrics {
    pub(crate) fn new(operations: Vec<std::sync::Arc<OperationCounts>>) -> Self {
        Self { operations, started: Instant::now() }
    }

    /// Seconds since the start.
    pub fn uptime_seconds(&self) -> u64 {
        self.started.elapsed().as_secs()
    }

    /// Totals and the operations that were used, as JSON.
    #[expect(clippy::cast_precision_loss, reason = "an average is shown to people")]
    pub fn to_json(&self) -> Value {
        let used: Vec<_> = self.operations.iter().filter(|one| one.total() > 0).collect();
        let class = |class: usize| -> u64 {
            used.iter().map(|one| one.by_class[class].load(Ordering::Relaxed)).sum()
        };
        let operations: Vec<Value> = used
            .iter()
            .map(|one| {
                let total = one.total();
                let mean = one.microseconds.load(Ordering::Relaxed) as f64 / total as f64 / 1000.0;
                json!({ "operation": one.name, "requests": total, "meanMilliseconds": mean })
            })
            .collect();
        json!({
            "uptimeSeconds": self.uptime_seconds(),
            "requests": { "total": used.iter().map(|one| one.total()).sum::<u64>(),
                "succeeded": class(1), "redirected": class(2), "refused": class(3), "failed": class(4) },
            "memory": memory(),
            "operations": operations,
        })
    }

    /// The same in the text format of Prometheus.
    pub fn to_prometheus(&self) -> String {
        let mut text = String::from("# TYPE kith_requests_total counter\n");
        for one in self.operations.iter().filter(|one| one.total() > 0) {
            for (class, count) in one.by_class.iter().enumerate() {
                let count = count.load(Ordering::Relaxed);
                if count > 0 {
                    let name = &one.name;
                    // Writing into a String does not fail.
                    writeln!(
                        text,
                        "kith_requests_total{{operation=\"{name}\",status=\"{}xx\"}} {count}",
                        class + 1
                    )
                    .ok();
                }
            }
        }
        text.push_str("# TYPE kith_request_seconds histogram\n");
        for one in self.operations.iter().filter(|one| one.total() > 0) {
            histogram(&mut text, one);
        }
        let resident = memory()["residentBytes"].as_u64().unwrap_or(0);
        writeln!(
            text,
            "# TYPE kith_uptime_seconds gauge\nkith_uptime_seconds {}",
            self.uptime_seconds()
        )
        .ok();
        writeln!(
            text,
            "# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes {resident}"
        )
        .ok();
        text
    }
}

#[expect(clippy::cast_precision_loss, reason = "seconds are shown to people and graphs")]
fn histogram(text: &mut String, one: &OperationCounts) {
    let name = &one.name;
    let mut below = 0;
    for (bound, bucket) in BOUNDS.iter().zip(&one.buckets) {
        below += bucket.load(Ordering::Relaxed);
        writeln!(
            text,
            "kith_request_seconds_bucket{{operation=\"{name}\",le=\"{bound}\"}} {below}"
        )
        .ok();
    }
    let total = one.total();
    let sum = one.microseconds.load(Ordering::Relaxed) as f64 / 1e6;
    writeln!(text, "kith_request_seconds_bucket{{operation=\"{name}\",le=\"+Inf\"}} {total}").ok();
    writeln!(text, "kith_request_seconds_sum{{operation=\"{name}\"}} {sum}").ok();
    writeln!(text, "kith_request_seconds_count{{operation=\"{name}\"}} {total}").ok();
}

/// What this process holds in memory, where the system tells (Linux).
fn memory() -> Value {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let bytes = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
    };
    json!({ "residentBytes": bytes("VmRSS:"), "peakResidentBytes": bytes("VmHWM:") })
}
