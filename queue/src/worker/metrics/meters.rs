//! Counts and durations of this process' runs: metrics for Prometheus, and the statistics that the ledger keeps.
//!
//! Statistics are counted here and written as one delta every 2 s and at the end. A write that fails loses statistics,
//! never jobs.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use db::{Db, DbError};
use metrics::{Counter, Histogram};
use tokio_util::sync::CancellationToken;

use crate::{
    ledger::{
        Claimed, Ending,
        controls::pauses,
        list::Fingerprint,
        stats::{
            counts::{self, Durations, Outcomes, What},
            errors::{self, Failures, Groups},
            histogram::{self, BUCKETS},
        },
    },
    worker::metrics::breaker::{Breaker, Trip},
};

/// Between two writes.
pub(in crate::worker) const INTERVAL: Duration = Duration::from_secs(2);
/// How long the end of a process waits for its last write: longer than a busy database takes for it, short beside the time in
/// which running jobs may finish.
pub(in crate::worker) const LAST_WRITE: Duration = Duration::from_secs(8);
/// Causes of failures kept between two writes; what is more is counted in the metrics alone.
const CAUSES: usize = 1_000;

/// How runs end, as metrics and statistics name it. A child process names its own: what is none of these is `other`.
const OUTCOMES: [&str; 10] =
    ["completed", "retry", "snoozed", "cancelled", "discarded", "handed_back", "parked", "crashed", "lost", "other"];

/// The runs of one process, or of one registration of a worker.
#[derive(Default)]
pub(in crate::worker) struct Meters {
    queues: RwLock<HashMap<String, HashMap<String, Arc<Meter>>>>,
    causes: Mutex<Groups>,
    breaker: Mutex<Breaker>,
    version: String,
}

/// The runs of one kind in one queue. Kinds and queues are few, so each is found by its name once a run and then only
/// counted.
pub(in crate::worker) struct Meter {
    queue: String,
    kind: String,
    running: AtomicU64,
    wait: Timed,
    run: Timed,
    outcomes: [(AtomicU64, Counter); OUTCOMES.len()],
    refused: Counter,
}

struct Timed {
    histogram: Histogram,
    buckets: [AtomicU64; BUCKETS],
}

/// A run under way.
pub(in crate::worker) struct Running(Arc<Meter>);

impl Meters {
    /// `version`: of this worker, for the first and last of a failure's.
    pub(in crate::worker) fn new(version: impl Into<String>) -> Arc<Self> {
        Arc::new(Self { version: version.into(), ..Self::default() })
    }

    /// A run begins.
    pub(in crate::worker) fn begin(&self, job: &Claimed) -> Running {
        let meter = self.meter(&job.queue, &job.kind);
        meter.wait.record(job.waited);
        meter.running.fetch_add(1, Ordering::Relaxed);
        Running(meter)
    }

    /// A run's failure was written. What cancels, snoozes or hands back is none.
    pub(in crate::worker) fn failed(&self, job: &Claimed, ending: &Ending) {
        let (Some(fingerprint), Some(class)) = (ending.fingerprint, ending.class) else { return };
        let labels = [("queue", job.queue.clone()), ("kind", job.kind.clone()), ("class", class.to_owned())];
        metrics::counter!("job_failures_total", &labels).increment(1);
        let message = ending.error.clone().unwrap_or_default();
        let cause =
            Failures { kind: job.kind.clone(), class: class.to_owned(), message, failures: 1, last_job: job.id };
        self.add_causes([(fingerprint, cause)]);
    }

    /// Failures that a child process has written.
    pub(in crate::worker) fn add_causes(&self, causes: impl IntoIterator<Item = (Fingerprint, Failures)>) {
        let mut known = self.causes();
        for (fingerprint, new) in causes {
            if known.len() >= CAUSES && !known.contains_key(&fingerprint) {
                continue;
            }
            match known.entry(fingerprint) {
                std::collections::btree_map::Entry::Vacant(place) => {
                    place.insert(new);
                }
                std::collections::btree_map::Entry::Occupied(mut old) => {
                    let failures = old.get().failures.saturating_add(new.failures);
                    old.insert(Failures { failures, ..new });
                }
            }
        }
    }

    /// For a child process, which leaves writing them to its worker.
    pub(in crate::worker) fn take_causes(&self) -> Groups {
        std::mem::take(&mut *self.causes())
    }

    /// How many runs are under way, by queue and kind. Kinds that ran before are named with 0.
    pub(in crate::worker) fn running(&self) -> Vec<(String, String, u64)> {
        let queues = self.queues.read().unwrap_or_else(PoisonError::into_inner);
        let meters = queues.values().flat_map(HashMap::values);
        meters.map(|meter| (meter.queue.clone(), meter.kind.clone(), meter.running.load(Ordering::Relaxed))).collect()
    }

    /// Writes what has come every 2 s, and the rest once `stop` is cancelled. A write under way then is waited for: what it
    /// has taken out of the counts would be lost with it.
    pub(in crate::worker) async fn keep(&self, db: &Db, stop: &CancellationToken) {
        // Workers that were started together do not write together.
        let mut pause = INTERVAL.mul_f64(rand::random());
        while stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_some() {
            self.flush(db).await;
            pause = INTERVAL;
        }
        self.flush(db).await;
    }

    /// Writes the rest, at the end; gives up soon when the database is away.
    pub(in crate::worker) async fn finish(&self, db: &Db) {
        if tokio::time::timeout(LAST_WRITE, self.flush(db)).await.is_err() {
            tracing::debug!("the last statistics were not written in time");
        }
    }

    /// Writes what has come since the last write.
    pub(in crate::worker) async fn flush(&self, db: &Db) {
        let (mut outcomes, mut durations) = self.take();
        let mut causes = self.take_causes();
        let trips = self.breaker.lock().unwrap_or_else(PoisonError::into_inner).look(&outcomes, &causes);
        let written = counts::add_outcomes(db, &mut outcomes).await;
        if keep_for_later("job_stats", written) {
            self.put_back_outcomes(outcomes);
        }
        let written = counts::add_durations(db, &mut durations).await;
        if keep_for_later("job_durations", written) {
            self.put_back_durations(durations);
        }
        let written = errors::add(db, &self.version, &mut causes).await;
        if keep_for_later("job_errors", written) {
            self.put_back_causes(causes);
        }
        for Trip { kind, pause, message } in trips {
            match pauses::pause_for_service(db, &kind, &message, pause).await {
                Ok(true) => {
                    tracing::warn!(
                        kind,
                        ?pause,
                        message,
                        "the kind is paused: its runs wait for a service that is away"
                    );
                    metrics::counter!("queue_breaker_pauses_total", "kind" => kind).increment(1);
                }
                Ok(false) => {}
                Err(error) => tracing::debug!(%error, kind, "the kind was not paused"),
            }
        }
    }

    fn take(&self) -> (Outcomes, Durations) {
        let (mut outcomes, mut durations) = (BTreeMap::new(), BTreeMap::new());
        let queues = self.queues.read().unwrap_or_else(PoisonError::into_inner);
        for meter in queues.values().flat_map(HashMap::values) {
            let key = || (meter.queue.clone(), meter.kind.clone());
            for (name, (count, _)) in OUTCOMES.iter().zip(&meter.outcomes) {
                let (queue, kind) = key();
                match count.swap(0, Ordering::Relaxed) {
                    0 => {}
                    runs => drop(outcomes.insert((queue, kind, (*name).to_owned()), runs)),
                }
            }
            for (what, timed) in [(What::Wait, &meter.wait), (What::Run, &meter.run)] {
                for (bucket, count) in (0..).zip(&timed.buckets) {
                    let runs = count.swap(0, Ordering::Relaxed);
                    if runs > 0 {
                        let (queue, kind) = key();
                        durations.insert((queue, kind, what, bucket), runs);
                    }
                }
            }
        }
        (outcomes, durations)
    }

    fn put_back_outcomes(&self, outcomes: Outcomes) {
        for ((queue, kind, outcome), runs) in outcomes {
            self.meter(&queue, &kind).outcomes[place(&outcome)].0.fetch_add(runs, Ordering::Relaxed);
        }
    }

    fn put_back_durations(&self, durations: Durations) {
        for ((queue, kind, what, bucket), runs) in durations {
            let meter = self.meter(&queue, &kind);
            let timed = if what == What::Wait { &meter.wait } else { &meter.run };
            timed.buckets[usize::from(bucket)].fetch_add(runs, Ordering::Relaxed);
        }
    }

    /// Those that came meanwhile are newer.
    fn put_back_causes(&self, causes: Groups) {
        let newer = self.take_causes();
        self.add_causes(causes);
        self.add_causes(newer);
    }

    fn meter(&self, queue: &str, kind: &str) -> Arc<Meter> {
        let find = |queues: &HashMap<String, HashMap<String, Arc<Meter>>>| queues.get(queue)?.get(kind).cloned();
        if let Some(meter) = find(&self.queues.read().unwrap_or_else(PoisonError::into_inner)) {
            return meter;
        }
        let mut queues = self.queues.write().unwrap_or_else(PoisonError::into_inner);
        let kinds = queues.entry(queue.to_owned()).or_default();
        kinds.entry(kind.to_owned()).or_insert_with(|| Arc::new(Meter::new(queue, kind))).clone()
    }

    fn causes(&self) -> MutexGuard<'_, Groups> {
        self.causes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether what was not written is worth another try: only when nobody can have counted it already.
fn keep_for_later(table: &'static str, written: Result<(), DbError>) -> bool {
    match written {
        Ok(()) => false,
        Err(error) if error.is_undone() => true,
        Err(error) => {
            tracing::debug!(%error, table, "statistics were not written");
            metrics::counter!("job_stats_lost_total", "table" => table).increment(1);
            false
        }
    }
}

fn place(outcome: &str) -> usize {
    OUTCOMES.iter().position(|name| *name == outcome).unwrap_or(OUTCOMES.len() - 1)
}

impl Meter {
    fn new(queue: &str, kind: &str) -> Self {
        let labels = [("queue", queue.to_owned()), ("kind", kind.to_owned())];
        let outcome = |name: &'static str| {
            let [queue, kind] = labels.clone();
            let labels = [queue, kind, ("outcome", name.to_owned())];
            metrics::counter!("job_outcomes_total", &labels)
        };
        Self {
            queue: queue.to_owned(),
            kind: kind.to_owned(),
            running: AtomicU64::new(0),
            wait: Timed::new(metrics::histogram!("job_wait_seconds", &labels)),
            run: Timed::new(metrics::histogram!("job_run_seconds", &labels)),
            outcomes: OUTCOMES.map(|name| (AtomicU64::new(0), outcome(name))),
            refused: metrics::counter!("job_late_writes_refused_total", &labels),
        }
    }
}

impl Timed {
    fn new(histogram: Histogram) -> Self {
        Self { histogram, buckets: std::array::from_fn(|_| AtomicU64::new(0)) }
    }

    fn record(&self, duration: Duration) {
        self.histogram.record(duration.as_secs_f64());
        self.buckets[usize::from(histogram::bucket(duration))].fetch_add(1, Ordering::Relaxed);
    }
}

impl Running {
    /// The handler came back after this long.
    pub(in crate::worker) fn ran(&self, took: Duration) {
        self.0.run.record(took);
    }

    /// The run is over, and this is written; `lost`: refused, because the job was given to others.
    pub(in crate::worker) fn ended(&self, outcome: &str) {
        let (count, counter) = &self.0.outcomes[place(outcome)];
        count.fetch_add(1, Ordering::Relaxed);
        counter.increment(1);
        if outcome == "lost" {
            self.0.refused.increment(1);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use crate::ids::JobId;

    use super::*;

    fn cause(failures: u64, message: &str) -> Failures {
        Failures { kind: "k".into(), class: "failed".into(), message: message.into(), failures, last_job: JobId::new() }
    }

    #[test]
    fn what_is_taken_is_taken_once_and_can_be_put_back() {
        let meters = Meters::new("1");
        let meter = meters.meter("mail", "send_email");
        let running = Running(meter.clone());
        meter.running.fetch_add(1, Ordering::Relaxed);
        meter.wait.record(Duration::from_millis(3));
        running.ran(Duration::from_millis(40));
        running.ended("completed");
        running.ended("something a child made up");
        assert_eq!(meters.running(), [("mail".into(), "send_email".into(), 1)]);
        drop(running);
        assert_eq!(meters.running()[0].2, 0);

        let (outcomes, durations) = meters.take();
        let key = |outcome: &str| ("mail".to_owned(), "send_email".to_owned(), outcome.to_owned());
        assert_eq!(outcomes, BTreeMap::from([(key("completed"), 1), (key("other"), 1)]));
        assert_eq!(durations.len(), 2);
        assert_eq!(meters.take(), (BTreeMap::new(), BTreeMap::new()));
        meters.put_back_outcomes(outcomes.clone());
        meters.put_back_durations(durations.clone());
        assert_eq!(meters.take(), (outcomes, durations));
    }

    #[test]
    fn failures_of_one_cause_are_one_group_with_the_newest_message() {
        let meters = Meters::new("1");
        meters.add_causes([(Fingerprint([1; 16]), cause(2, "older")), (Fingerprint([2; 16]), cause(1, "other"))]);
        let taken = meters.take_causes();
        meters.add_causes([(Fingerprint([1; 16]), cause(1, "newer"))]);
        meters.put_back_causes(taken);
        let groups = meters.take_causes();
        let first = &groups[&Fingerprint([1; 16])];
        assert_eq!((groups.len(), first.failures, first.message.as_str()), (2, 3, "newer"));
        for n in 0..2 * CAUSES as u128 {
            meters.add_causes([(Fingerprint(n.to_be_bytes()), cause(1, "many"))]);
        }
        assert_eq!(meters.take_causes().len(), CAUSES);
    }
}
