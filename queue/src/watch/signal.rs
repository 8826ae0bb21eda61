//! The scaling signal: how much waits in each queue, for how long, and who is there to take it. Measured for the whole fleet by
//! the worker that rescues and, so that a fleet can start from nothing, by the scheduler that keeps the watch.

use std::{
    collections::{HashMap, HashSet},
    time::SystemTime,
};

use db::{Db, DbError};

use crate::ledger::{State, stats::backlog};

/// Off a job's straight way.
const LISTED: [State; 6] =
    [State::Scheduled, State::Retryable, State::Waiting, State::Blocked, State::Discarded, State::Quarantined];

/// One queue, as it was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueSignal {
    pub queue: String,
    /// Jobs that a worker could take: available ones, those that have come due, and those that dead workers have left behind
    /// when none that has the queue lives. Each sort is counted to 10,000.
    pub backlog: u64,
    /// Counted to 10,000.
    pub running: u64,
    /// Alive, and taking jobs of the queue.
    pub workers: u64,
    /// How long the oldest job that could be taken has waited.
    pub oldest_seconds: Option<f64>,
}

/// Measures again and again, and remembers which series it has told.
#[derive(Debug, Default)]
pub(crate) struct ScalingSignal {
    kinds: HashSet<(String, String)>,
}

impl ScalingSignal {
    /// Measures the queues and sets the gauges.
    pub(crate) async fn measure(&mut self, db: &Db, queues: &[&str]) -> Result<Vec<QueueSignal>, DbError> {
        let signals = queues_of(db, queues).await?;
        for signal in &signals {
            let queue = [("queue", signal.queue.clone())];
            metrics::gauge!("queue_oldest_job_age_seconds", &queue).set(signal.oldest_seconds.unwrap_or(0.0));
            metrics::gauge!("queue_backlog_jobs", &queue).set(signal.backlog as f64);
            metrics::gauge!("queue_running_jobs", &queue).set(signal.running as f64);
            metrics::gauge!("queue_workers", &queue).set(signal.workers as f64);
            metrics::gauge!("queue_backlog_jobs_per_worker", &queue)
                .set(signal.backlog as f64 / signal.workers.max(1) as f64);
        }
        let mut ages: HashMap<(String, String), f64> = self.kinds.drain().map(|kind| (kind, 0.0)).collect();
        for (queue, kind, age) in backlog::oldest_by_kind(db, queues).await? {
            self.kinds.insert((queue.clone(), kind.clone()));
            ages.insert((queue, kind), age);
        }
        for ((queue, kind), age) in ages {
            metrics::gauge!("job_oldest_age_seconds", "queue" => queue, "kind" => kind).set(age);
        }
        for (state, jobs) in backlog::listed(db, &LISTED).await? {
            metrics::gauge!("ledger_jobs", "state" => state.as_str()).set(jobs as f64);
        }
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        metrics::gauge!("queue_signal_timestamp_seconds").set(now.as_secs_f64());
        Ok(signals)
    }
}

async fn queues_of(db: &Db, queues: &[&str]) -> Result<Vec<QueueSignal>, DbError> {
    // Of each queue: who takes its jobs, and who has some of them and takes no more.
    let mut living: HashMap<String, (u64, u64)> = HashMap::new();
    for worker in backlog::living_workers(db).await? {
        for queue in worker.queues.split(',') {
            let (take, leave) = living.entry(queue.to_owned()).or_default();
            *if worker.takes_jobs { take } else { leave } += 1;
        }
    }
    let overdue: HashMap<String, backlog::Due> =
        backlog::overdue(db).await?.into_iter().map(|due| (due.queue.clone(), due)).collect();
    let signals = backlog::backlogs(db, queues).await?.into_iter().map(|backlog| {
        let (workers, leaving) = living.get(&backlog.queue).copied().unwrap_or_default();
        let due = overdue.get(&backlog.queue);
        let left_behind = if workers + leaving == 0 { backlog.running } else { 0 };
        let ages = [backlog.oldest_seconds, due.map(|due| due.oldest_seconds)];
        QueueSignal {
            backlog: backlog.available + due.map_or(0, |due| due.jobs) + left_behind,
            running: backlog.running,
            workers,
            oldest_seconds: ages.into_iter().flatten().reduce(f64::max),
            queue: backlog.queue,
        }
    });
    Ok(signals.collect())
}
