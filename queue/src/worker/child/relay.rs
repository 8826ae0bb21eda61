//! Metrics of a child process on their way to its worker, which is the one that Prometheus asks.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{
        Arc, LazyLock, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use metrics::{
    Counter, CounterFn, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};
use serde::{Deserialize, Serialize};

/// Samples of one histogram that are kept between two reports; what is more is left out.
const SAMPLES: usize = 500;
/// Series that children may add to those of this process, and bytes of a label: a child reads hostile files, and what it
/// says must not make the worker grow.
const SERIES: usize = 1_000;
const LABEL: usize = 64;

/// What was counted and timed in one series since the last report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    pub name: String,
    pub labels: Vec<(String, String)>,
    /// Of a counter.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub count: u64,
    /// Of a histogram.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub samples: Vec<f64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Collects this process' counters and histograms. Gauges say how a process is; a child's are of no use.
#[derive(Clone, Default)]
pub struct Relay(Arc<Mutex<BTreeMap<Key, Series>>>);

#[derive(Clone)]
enum Series {
    Counter(Arc<Count>),
    Histogram(Arc<Samples>),
}

#[derive(Default)]
struct Count(AtomicU64);

#[derive(Default)]
struct Samples(Mutex<Vec<f64>>);

impl Relay {
    /// A relay that receives everything from now on; without effect in a process that has a recorder already.
    pub fn install() -> Self {
        let relay = Self::default();
        let _ = metrics::set_global_recorder(relay.clone());
        relay
    }

    /// What came since the last call.
    pub fn take(&self) -> Vec<Measured> {
        let series = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let measured = series.iter().filter_map(|(key, series)| {
            let (count, samples) = match series {
                Series::Counter(count) => (count.0.swap(0, Ordering::Relaxed), Vec::new()),
                Series::Histogram(samples) => {
                    (0, std::mem::take(&mut *samples.0.lock().unwrap_or_else(PoisonError::into_inner)))
                }
            };
            let labels = key.labels().map(|label| (label.key().to_owned(), label.value().to_owned()));
            (count > 0 || !samples.is_empty()).then(|| Measured {
                name: key.name().to_owned(),
                labels: labels.collect(),
                count,
                samples,
            })
        });
        measured.collect()
    }
}

impl Recorder for Relay {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let mut series = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match series.entry(key.clone()).or_insert_with(|| Series::Counter(Arc::default())) {
            Series::Counter(count) => Counter::from_arc(count.clone()),
            Series::Histogram(_) => Counter::noop(),
        }
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        let mut series = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match series.entry(key.clone()).or_insert_with(|| Series::Histogram(Arc::default())) {
            Series::Histogram(samples) => Histogram::from_arc(samples.clone()),
            Series::Counter(_) => Histogram::noop(),
        }
    }
}

impl CounterFn for Count {
    fn increment(&self, value: u64) {
        self.0.fetch_add(value, Ordering::Relaxed);
    }

    fn absolute(&self, value: u64) {
        self.0.fetch_max(value, Ordering::Relaxed);
    }
}

impl HistogramFn for Samples {
    fn record(&self, value: f64) {
        let mut samples = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if samples.len() < SAMPLES {
            samples.push(value);
        }
    }
}

/// Series by name and labels.
type Names = HashSet<(String, Vec<(String, String)>)>;

/// Adds what a child has measured to this process' metrics. Series whose names are not `known` are left out.
pub fn add(measured: &[Measured], known: fn(&str) -> bool) {
    static SEEN: LazyLock<Mutex<Names>> = LazyLock::new(Mutex::default);
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    for one in measured.iter().filter(|one| is_ours(one, known)) {
        let series = (one.name.clone(), one.labels.clone());
        if seen.len() >= SERIES && !seen.contains(&series) {
            continue;
        }
        seen.insert(series);
        if one.count > 0 {
            metrics::counter!(one.name.clone(), &one.labels).increment(one.count);
        }
        if !one.samples.is_empty() {
            let histogram = metrics::histogram!(one.name.clone(), &one.labels);
            one.samples
                .iter()
                .take(SAMPLES)
                .filter(|sample| sample.is_finite())
                .for_each(|&sample| histogram.record(sample));
        }
    }
}

fn is_ours(measured: &Measured, known: fn(&str) -> bool) -> bool {
    known(&measured.name)
        && measured.labels.len() <= 4
        && measured.labels.iter().all(|(name, value)| name.len() <= LABEL && value.len() <= LABEL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_sent_once() {
        let relay = Relay::default();
        metrics::with_local_recorder(&relay, || {
            metrics::counter!("job_stats_lost_total", "table" => "job_stats").increment(2);
            metrics::counter!("job_stats_lost_total", "table" => "job_stats").increment(1);
            metrics::histogram!("storage_request_seconds").record(0.25);
            metrics::gauge!("queue_redis_up").set(1.0);
            for _ in 0..2_000 {
                metrics::histogram!("mail_send_seconds").record(1.0);
            }
        });
        let sent = relay.take();
        let of = |name: &str| sent.iter().find(|one| one.name == name).unwrap();
        assert_eq!((sent.len(), of("job_stats_lost_total").count), (3, 3));
        assert_eq!(of("storage_request_seconds").samples, [0.25]);
        assert_eq!(of("mail_send_seconds").samples.len(), SAMPLES);
        let line = serde_json::to_string(of("job_stats_lost_total")).unwrap();
        assert_eq!(line, r#"{"name":"job_stats_lost_total","labels":[["table","job_stats"]],"count":3}"#);
        assert_eq!(relay.take(), [], "nothing new");
    }

    #[test]
    fn a_child_cannot_make_up_series() {
        let one = |name: &str, value: &str| Measured {
            name: name.into(),
            labels: vec![("operation".into(), value.into())],
            count: 1,
            samples: Vec::new(),
        };
        let known = |name: &str| name == "storage_request_seconds";
        assert!(is_ours(&one("storage_request_seconds", "get"), known));
        assert!(!is_ours(&one("storage_request_seconds", &"x".repeat(65)), known));
        assert!(!is_ours(&one("made_up_total", "get"), known));
    }
}
