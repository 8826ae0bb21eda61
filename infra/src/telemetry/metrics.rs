//! The table of all metrics, named by Prometheus' conventions, and the port that Prometheus reads them from.
//!
//! Every metric is in [`METRICS`]; `docs/metrics.md` says what each means. `deploy/checks/metrics.py` compares the
//! table with the source and the page. Labels are bounded: queues, kinds of jobs, outcomes, routes.

use std::{
    future::Future,
    net::{SocketAddr, TcpListener},
    pin::Pin,
    time::Duration,
};

use metrics::Unit;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder};
use metrics_util::MetricKindMask;

use super::TelemetryError;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// As it is now.
    Gauge,
    /// How values are spread.
    Histogram,
}

/// One metric. Its name says its unit.
#[derive(Debug)]
pub struct Metric {
    pub name: &'static str,
    pub kind: Kind,
    pub labels: &'static [&'static str],
    pub help: &'static str,
}

/// Whether a series of this name is one of ours.
pub fn is_ours(name: &str) -> bool {
    METRICS.iter().any(|metric| metric.name == name)
}

const fn counter(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Counter, labels, help }
}

const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Gauge, labels, help }
}

const fn histogram(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Histogram, labels, help }
}

/// All there are.
pub const METRICS: &[Metric] = &[
    // The API.
    counter("http_requests_total", &["method", "route", "status"], "Requests answered"),
    histogram("http_request_duration_seconds", &["method", "route"], "Time until the answer began"),
    gauge("http_connections", &[], "Connections that are open"),
    gauge("http_connections_limit", &[], "Connections that may be open"),
    counter("http_connections_refused_total", &["reason"], "Connections beyond the limit"),
    counter("http_connections_cut_total", &["reason"], "Connections closed because their client was too slow"),
    counter("logins_total", &["result"], "Attempts to log in"),
    counter("requests_limited_total", &["policy"], "Requests refused because their sender has asked too much"),
    counter("requests_replayed_total", &[], "Repeated requests answered as before, by their Idempotency-Key"),
    counter("requests_in_maintenance_total", &[], "Changes refused because of maintenance"),
    counter("deprecated_requests_total", &["method", "route"], "Requests to what will be taken away"),
    counter("logins_slowed_total", &[], "Attempts to log in to an account that is slowed down"),
    counter(
        "refresh_tokens_reused_total",
        &[],
        "Refresh tokens that were used twice: stolen, or a client that retries",
    ),
    gauge("chat_sockets", &[], "Chat sockets that are open"),
    counter("chat_sockets_closed_total", &["reason"], "Chat sockets that ended"),
    counter("chat_messages_total", &["way"], "Chat messages sent"),
    counter("chat_late_hints_total", &[], "Changes of open chats that were found before a hint told of them"),
    counter("upload_bytes_total", &[], "Bytes of uploads that were received whole"),
    counter("answer_cache_lookups_total", &["kind", "result"], "Looks for an answer that is the same for everybody"),
    counter("answer_cache_errors_total", &[], "Commands of the answers' cache that Redis did not answer in time"),
    counter("search_degraded_total", &[], "Searches answered without the search index"),
    counter(
        "db_connections_given_up_total",
        &[],
        "Database connections closed because they did not answer in time, or their server no longer writes",
    ),
    counter("db_replica_reads_total", &["result"], "Plain reads by where they went; only with a replica"),
    gauge(
        "db_replica_in_use",
        &[],
        "1 while reads go to the replica, 0 while it is away or behind; only with a replica",
    ),
    counter("db_transaction_retries_total", &[], "Transactions of requests tried again after losing a lock race"),
    // Jobs, by the worker that runs them.
    counter("jobs_enqueued_total", &["queue", "kind"], "Jobs enqueued in transactions that committed"),
    histogram("job_wait_seconds", &["queue", "kind"], "From ready to claimed"),
    histogram("job_run_seconds", &["queue", "kind"], "From claimed to the end of the handler"),
    counter("job_outcomes_total", &["queue", "kind", "outcome"], "Runs by how they ended"),
    counter("job_failures_total", &["queue", "kind", "class"], "Runs that failed, by the class of the failure"),
    counter("job_crashes_total", &["queue", "kind", "class"], "Readers and child processes that died under a job"),
    counter(
        "job_late_writes_refused_total",
        &["queue", "kind"],
        "Outcomes refused because the job was given to others",
    ),
    gauge("reader_confined", &["layer"], "What holds readers of hostile files: a version of Landlock, or 1"),
    histogram("reader_confine_seconds", &[], "Confining a reader's process"),
    gauge("jobs_running", &["queue", "kind"], "Runs under way in this process"),
    gauge("worker_slots", &["queue"], "Jobs that this process may run at a time"),
    gauge("worker_slots_free", &["queue"], "Of these, how many are free"),
    counter("webhook_attempts_total", &["result"], "Attempts to tell a webhook something"),
    histogram("webhook_attempt_seconds", &[], "One attempt to tell a webhook something"),
    counter("webhooks_disabled_total", &[], "Webhooks switched off because they have failed for days"),
    // The queue's machinery.
    histogram("queue_claim_seconds", &[], "One claim of up to 512 jobs"),
    histogram("queue_completion_batch_jobs", &[], "Jobs completed by one statement"),
    counter("queue_looks_total", &["queue", "reads"], "Looks of the dispatcher at the head of a queue"),
    histogram("queue_feed_seconds", &[], "One look of the dispatcher at its queues"),
    gauge("queue_feeder_lag_seconds", &[], "Since the dispatcher last looked; from the worker that dispatches"),
    gauge("queue_belt_tickets", &["queue"], "Tickets on the ready list in Redis; from the worker that dispatches"),
    gauge("queue_redis_up", &[], "1 while the queue's Redis answers this process, else 0"),
    gauge("queue_database_up", &[], "1 while heartbeats reach the database, else 0"),
    counter("queue_workers_died_total", &[], "Workers found dead"),
    counter("queue_breaker_pauses_total", &["kind"], "Kinds paused because a service is away"),
    counter(
        "queue_loops_stood_still_total",
        &[],
        "Times a loop of this worker did no work while the database answered",
    ),
    counter("queue_jobs_lost_total", &[], "Running jobs taken back from dead workers"),
    counter("queue_jobs_handed_back_total", &["reason"], "Claimed jobs given back before they ran"),
    counter("queue_incarnations_lost_total", &[], "Times this process lost its lease and registered anew"),
    counter("job_stats_lost_total", &["table"], "Writes of statistics that failed for good"),
    // The scaling signal, from the scheduler that has the watch and from the worker that rescues.
    gauge(
        "queue_oldest_job_age_seconds",
        &["queue"],
        "How long the oldest job that a worker could take has waited; 0 without one",
    ),
    gauge("queue_backlog_jobs", &["queue"], "Jobs that a worker could take, counted to 10000"),
    gauge("queue_running_jobs", &["queue"], "Running jobs of the whole fleet, counted to 10000"),
    gauge("queue_workers", &["queue"], "Workers that take jobs of the queue"),
    gauge(
        "queue_backlog_jobs_per_worker",
        &["queue"],
        "Jobs that a worker could take by workers of the queue, or by one when there is none",
    ),
    gauge(
        "job_oldest_age_seconds",
        &["queue", "kind"],
        "The same by kind, among the first 1000 available jobs of a queue",
    ),
    gauge("ledger_jobs", &["state"], "Jobs in the states that wait or have failed, counted to 10000"),
    gauge("queue_signal_timestamp_seconds", &[], "When this process last measured the scaling signal, Unix time"),
    // Services.
    gauge("cache_up", &[], "1 while the cache's Redis answers this process, else 0; absent while it is not used"),
    counter("storage_throttled_total", &[], "Calls that the object store asked to make later"),
    histogram("storage_request_seconds", &["operation", "outcome"], "Requests to the object store"),
    histogram("search_request_seconds", &["operation", "outcome"], "Requests to the search index"),
    histogram("mail_send_seconds", &["outcome"], "Exchanges with the mail server"),
    counter("emails_ambiguous_total", &[], "Mails of which nobody can tell whether they left"),
    // Telemetry itself.
    counter(
        "trace_spans_exported_total",
        &["outcome"],
        "Spans sent to the collector, or lost because it did not answer",
    ),
    counter(
        "trace_exports_dropped_total",
        &[],
        "Exports of child processes' spans dropped because too many were under way",
    ),
    // The scheduler.
    counter("cron_ticks_total", &["entry", "outcome"], "Ticks that this process took care of"),
    histogram("cron_tick_lateness_seconds", &["entry"], "From when a tick was due to when its job was enqueued"),
    gauge("cron_entry_last_tick_timestamp_seconds", &["entry"], "When the entry's last tick was due, Unix time"),
    gauge("cron_entry_last_success_timestamp_seconds", &["entry"], "When a job of the entry last completed, Unix time"),
    gauge(
        "cron_entry_success_due_timestamp_seconds",
        &["entry"],
        "When the next success of the entry is due at the latest, Unix time",
    ),
    gauge("alerts_firing", &["condition"], "Alerts that people were told of and that last"),
    gauge("alert_notices_waiting", &["channel"], "Notices of alerts that could not be delivered yet"),
    counter("alert_notices_total", &["channel", "outcome"], "Attempts to deliver notices of alerts"),
    // Periodic work.
    gauge("storage_objects", &[], "Objects found in the store by the newest comparison with the rows"),
    gauge("storage_bytes", &[], "Their size"),
    gauge("storage_orphan_objects", &[], "Objects that no row names and that are still there"),
    gauge("storage_unknown_objects", &[], "Objects with names that are none of ours"),
    gauge("storage_missing_objects", &[], "Objects that rows name and that are not there"),
    counter("storage_orphans_removed_total", &[], "Objects removed because no row names them"),
    counter(
        "people_erased_total",
        &[],
        "People of whom nothing is left because they asked for it, or nobody used the account",
    ),
    counter("totals_mended_total", &[], "Counts of ratings, votes and favourites that were wrong"),
    counter("audit_rows_exported_total", &[], "Rows of the audit log that were exported and sealed"),
    counter("audit_chain_broken_total", &[], "Exports refused because the audit log does not hold together"),
    // The process.
    gauge("build_info", &["version"], "Always 1"),
    gauge("process_resident_memory_bytes", &[], "Resident memory"),
    counter("process_cpu_seconds_total", &[], "Processor time used"),
    gauge("process_open_fds", &[], "Open file descriptors"),
    gauge("process_start_time_seconds", &[], "When the process started, Unix time"),
];

/// Upper bounds in seconds for everything named `…_seconds`: from a database call to a large upload.
const SECONDS_BUCKETS: [f64; 16] =
    [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0];
/// A job may wait for hours.
const WAIT_BUCKETS: [f64; 16] =
    [0.002, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0];
const BATCH_BUCKETS: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// How often histograms fold their samples in while nobody scrapes.
const UPKEEP: Duration = Duration::from_secs(5);
/// A gauge nobody has set for so long disappears: what a worker said of the whole fleet must not stay once another
/// says it. Whoever sets a gauge does so at least every 5 s.
const GAUGE_LASTS: Duration = Duration::from_secs(15);
const PROCESS_EVERY: Duration = Duration::from_secs(5);

/// Starts the exporter, and what it says of this process, as tasks of the current tokio runtime.
pub(super) fn serve(address: SocketAddr) -> Result<(), TelemetryError> {
    let exporter = exporter(address)?;
    tokio::spawn(async move {
        if let Err(reason) = exporter.await {
            tracing::error!(%address, reason, "the metrics exporter stopped");
        }
    });
    tokio::spawn(async {
        loop {
            process::measure();
            tokio::time::sleep(PROCESS_EVERY).await;
        }
    });
    tracing::info!(%address, "metrics at /metrics");
    Ok(())
}

type Exporter = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

fn exporter(address: SocketAddr) -> Result<Exporter, TelemetryError> {
    // Bound once here first, so that a taken port is told from every other failure.
    drop(TcpListener::bind(address).map_err(|error| TelemetryError::Port { address, cause: error.to_string() })?);
    let failed = |error: BuildError| TelemetryError::Exporter(error.to_string());
    let (recorder, listening) = PrometheusBuilder::new()
        .with_http_listener(address)
        .upkeep_timeout(UPKEEP)
        .idle_timeout(MetricKindMask::GAUGE, Some(GAUGE_LASTS))
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS_BUCKETS)
        .and_then(|builder| builder.set_buckets_for_metric(Matcher::Full("job_wait_seconds".to_owned()), &WAIT_BUCKETS))
        .and_then(|builder| builder.set_buckets_for_metric(Matcher::Suffix("_batch_jobs".to_owned()), &BATCH_BUCKETS))
        .map_err(failed)?
        .build()
        .map_err(failed)?;
    metrics::set_global_recorder(recorder).map_err(|error| TelemetryError::Exporter(error.to_string()))?;
    describe();
    Ok(Box::pin(async move { listening.await.map_err(|error| format!("{error:?}")) }))
}

/// Tells the recorder what each metric is.
fn describe() {
    for metric in METRICS {
        let unit = if metric.name.contains("_seconds") {
            Unit::Seconds
        } else if metric.name.contains("_bytes") {
            Unit::Bytes
        } else {
            Unit::Count
        };
        match metric.kind {
            Kind::Counter => metrics::describe_counter!(metric.name, unit, metric.help),
            Kind::Gauge => metrics::describe_gauge!(metric.name, unit, metric.help),
            Kind::Histogram => metrics::describe_histogram!(metric.name, unit, metric.help),
        }
    }
}

mod process {
    //! What Prometheus' client libraries say of every process.

    /// Kernels that run this have counted in hundredths of a second for decades, whatever their own tick.
    const TICKS_PER_SECOND: f64 = 100.0;

    pub(super) fn measure() {
        metrics::gauge!("build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
        if let Some(kibibytes) = field(&read("/proc/self/status"), "VmRSS:") {
            metrics::gauge!("process_resident_memory_bytes").set(kibibytes * 1024.0);
        }
        if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
            metrics::gauge!("process_open_fds").set(open.count() as f64);
        }
        // Behind the name in parentheses, which may hold anything.
        let stat = read("/proc/self/stat");
        let stat: Vec<f64> = stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .map(|number| number.parse().unwrap_or(0.0))
            .collect();
        if let (Some(user), Some(system), Some(started)) = (stat.get(11), stat.get(12), stat.get(19)) {
            // A counter takes whole numbers: less than a second is told with the next one.
            metrics::counter!("process_cpu_seconds_total").absolute(((user + system) / TICKS_PER_SECOND) as u64);
            if let Some(booted) = field(&read("/proc/stat"), "btime") {
                metrics::gauge!("process_start_time_seconds").set(booted + started / TICKS_PER_SECOND);
            }
        }
    }

    fn field(text: &str, name: &str) -> Option<f64> {
        text.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_taken_port_is_named() {
        let holder = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = holder.local_addr().expect("its address");
        let error = exporter(address).err().expect("the port is taken");
        let text = error.to_string();
        assert!(matches!(error, TelemetryError::Port { .. }), "{text}");
        assert!(text.contains(&format!("METRICS_ADDR={address}")), "{text}");
    }

    #[test]
    fn names_follow_the_conventions() {
        let mut names: Vec<&str> = METRICS.iter().map(|metric| metric.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), METRICS.len(), "a name comes twice");
        for metric in METRICS {
            let name = metric.name;
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
            assert_eq!(name.ends_with("_total"), metric.kind == Kind::Counter, "{name}: counters end in _total");
            assert!(!name.contains("milli") && !name.ends_with("_ms"), "{name}: base units");
            assert!(!metric.help.is_empty() && !metric.help.ends_with('.'), "{name}: {}", metric.help);
            assert!(metric.labels.iter().all(|label| *label != "le" && !label.starts_with("__")), "{name}");
        }
    }
}
