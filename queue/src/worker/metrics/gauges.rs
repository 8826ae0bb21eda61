//! The gauges: of this worker every second, and of the whole fleet every 5 s from the worker that rescues.
//!
//! If that worker dies, another takes its lease over a few seconds later and goes on. The dead one is not scraped any
//! more; the fleet's gauges of a worker that only lost its lease disappear 15 s later.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use db::DbError;

use crate::{
    Queue, QueueContext,
    watch::ScalingSignal,
    worker::{leases::Leases, metrics::meters::Meters},
};

const TICK: Duration = Duration::from_secs(1);
/// The scaling signal is never older than this and a scrape interval.
const SIGNAL: Duration = Duration::from_secs(5);

pub(in crate::worker) struct Gauges<C> {
    pub(in crate::worker) context: C,
    pub(in crate::worker) queues: &'static [Queue],
    pub(in crate::worker) leases: Arc<Leases>,
    pub(in crate::worker) meters: Arc<Meters>,
    pub(in crate::worker) looked: Arc<LastLook>,
    /// Of each queue: how many of its jobs run here at a time.
    pub(in crate::worker) slots: Vec<(Queue, usize)>,
}

/// When the dispatcher last looked at the ledger.
pub(in crate::worker) struct LastLook {
    began: Instant,
    milliseconds: AtomicU64,
}

impl Default for LastLook {
    fn default() -> Self {
        Self { began: Instant::now(), milliseconds: AtomicU64::new(0) }
    }
}

impl LastLook {
    pub(in crate::worker) fn now(&self) {
        let since = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.milliseconds.store(since, Ordering::Relaxed);
    }

    fn lag(&self) -> Duration {
        self.began.elapsed().saturating_sub(Duration::from_millis(self.milliseconds.load(Ordering::Relaxed)))
    }
}

impl<C: QueueContext> Gauges<C> {
    /// Until it is aborted.
    pub(in crate::worker) async fn run(self) {
        let mut measured: Option<Instant> = None;
        let mut signal = ScalingSignal::default();
        loop {
            self.own();
            if self.leases.rescues() && measured.is_none_or(|at| at.elapsed() >= SIGNAL) {
                // A measurement that takes long must not follow upon itself.
                measured = Some(Instant::now());
                if let Err(error) = self.fleet(&mut signal).await {
                    tracing::debug!(%error, "the scaling signal was not measured");
                }
            }
            tokio::time::sleep(TICK).await;
        }
    }

    fn own(&self) {
        let running = self.meters.running();
        for (queue, slots) in &self.slots {
            let queue = queue.as_str();
            let taken: u64 = running.iter().filter(|(of, ..)| of == queue).map(|(.., running)| running).sum();
            metrics::gauge!("worker_slots", "queue" => queue).set(*slots as f64);
            metrics::gauge!("worker_slots_free", "queue" => queue).set((*slots as u64).saturating_sub(taken) as f64);
        }
        for (queue, kind, running) in running {
            metrics::gauge!("jobs_running", "queue" => queue, "kind" => kind).set(running as f64);
        }
        if self.slots.iter().any(|(queue, _)| self.leases.dispatches(*queue)) {
            metrics::gauge!("queue_feeder_lag_seconds").set(self.looked.lag().as_secs_f64());
        }
    }

    async fn fleet(&self, signal: &mut ScalingSignal) -> Result<(), DbError> {
        let queues: Vec<&str> = self.queues.iter().map(|queue| queue.as_str()).collect();
        signal.measure(self.context.db(), &queues).await?;
        self.context.measure().await
    }
}
