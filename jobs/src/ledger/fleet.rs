//! A worker process as a member of the fleet: one incarnation after the other until it is told to stop.

use std::{path::PathBuf, sync::Arc, time::Duration};

use apalis::prelude::{Monitor, ParallelizeExt, WorkerBuilder};
use domain::ids::WorkerId;
use infra::{db::workers, queue::Belt};
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    backend::LedgerBackend,
    child::{ChildProgram, Children},
    claimer::{Claimer, Direct, Taker},
    completer::Completer,
    feeder::{Feeder, Lane},
    gauges::{Fed, Gauges},
    held::Held,
    leases::Leases,
    liveness,
    meters::Meters,
    orders::Orders,
    runner::{Runner, handle},
    sweeper::Sweeper,
};
use crate::{Context, Queue, registry::Registry, steer};

/// How this process takes part.
#[derive(Clone, Debug)]
pub struct FleetSettings {
    /// Queues and how many of their jobs run here at a time.
    pub queues: Vec<(Queue, usize)>,
    /// Host and process, for people.
    pub name: String,
    pub version: String,
    pub database_url: String,
    /// How long running jobs may take to finish after a SIGTERM.
    pub drain: Duration,
    /// Touched at each heartbeat.
    pub alive_file: PathBuf,
    /// How jobs that need a process of their own get one; without it they run in this process.
    pub child: Option<ChildProgram>,
}

/// How long a claim under way is waited for at a shutdown. What comes later is put back as lost.
const CLAIM_PATIENCE: Duration = Duration::from_secs(2);

pub struct Fleet {
    pub settings: FleetSettings,
    pub registry: Registry,
    pub context: Context,
    pub belt: Belt,
}

/// Why an incarnation ended.
enum Ended {
    Shutdown,
    LeaseLost,
}

impl Fleet {
    /// Runs until `shutdown`; returns once every job is finished or handed back.
    pub async fn run(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        while let Some(worker) = self.register(&shutdown).await {
            match self.incarnation(worker, &shutdown).await? {
                Ended::Shutdown => break,
                Ended::LeaseLost => metrics::counter!("queue_incarnations_lost_total").increment(1),
            }
        }
        Ok(())
    }

    /// A new row in `workers`, waiting for the database if it must; `None` when told to stop meanwhile.
    async fn register(&self, shutdown: &CancellationToken) -> Option<WorkerId> {
        let mut pause = Duration::from_millis(200);
        while !shutdown.is_cancelled() {
            let queues: Vec<&str> = self.settings.queues.iter().map(|(queue, _)| queue.as_str()).collect();
            let worker = workers::NewWorker {
                id: WorkerId(Uuid::now_v7()),
                name: self.settings.name.clone(),
                version: self.settings.version.clone(),
                queues: queues.join(","),
                slots: self.settings.queues.iter().map(|(_, slots)| u32::try_from(*slots).unwrap_or(u32::MAX)).sum(),
            };
            match workers::register(&self.context.db, &worker).await {
                Ok(()) => {
                    tracing::info!(worker = %worker.id, queues = %worker.queues, "the worker is ready");
                    return Some(worker.id);
                }
                Err(error) => {
                    tracing::warn!(%error, "the worker cannot register; waiting for the database");
                    tokio::select! {
                        () = shutdown.cancelled() => {}
                        () = tokio::time::sleep(pause) => {}
                    }
                    pause = (pause * 2).min(Duration::from_secs(5));
                }
            }
        }
        None
    }

    async fn incarnation(&self, worker: WorkerId, shutdown: &CancellationToken) -> anyhow::Result<Ended> {
        let lost = CancellationToken::new();
        let ended = CancellationToken::new();
        // Popping stops at once at a shutdown; the sweeper and the heartbeat outlive the last job.
        let popping = shutdown.child_token();
        let heartbeat = liveness::start(
            worker,
            self.settings.database_url.clone(),
            self.settings.alive_file.clone(),
            lost.clone(),
            ended.clone(),
        )?;
        let held = Arc::new(Held::default());
        let leases = Arc::new(Leases::default());
        let orders = Arc::new(Orders::default());
        let meters = Meters::new(self.settings.version.clone());
        let fed = Arc::new(Fed::default());
        let (completer, completing) = Completer::start(self.context.db.clone(), lost.clone());
        let runner = Arc::new(Runner {
            registry: self.registry.clone(),
            context: self.context.clone(),
            held: held.clone(),
            completer,
            meters: meters.clone(),
            lost: lost.clone(),
            children: self.children(popping.clone())?,
        });
        let (mut tasks, mut claiming) = (JoinSet::new(), JoinSet::new());
        tasks.spawn(completing);
        let (kept, db) = (meters.clone(), self.context.db.clone());
        tasks.spawn(async move { kept.keep(&db).await });
        let queues: Vec<Queue> = self.settings.queues.iter().map(|(queue, _)| *queue).collect();
        let (keeping, db, stop) = (leases.clone(), self.context.db.clone(), popping.clone());
        let keeping = tokio::spawn(async move { keeping.keep(db, worker, &queues, stop).await });
        // Asked to drain, the whole process ends: whatever runs it starts another one.
        let (following, db, held_too) = (orders.clone(), self.context.db.clone(), held.clone());
        let (drain, stop) = (shutdown.clone(), ended.clone());
        tasks.spawn(async move { following.follow(&db, worker, &held_too, &drain, &stop).await });
        let mut monitor = Monitor::new();
        let mut lanes = Vec::new();
        for &(queue, size) in &self.settings.queues {
            let (direct_sender, direct) = mpsc::channel(1);
            let (assignments, claimed) = mpsc::channel(size.max(1));
            lanes.push(Lane::new(queue, size, direct_sender));
            let taker = Taker {
                queue,
                worker,
                db: self.context.db.clone(),
                assignments,
                held: held.clone(),
                orders: orders.clone(),
                stop: popping.clone(),
            };
            let slots = Arc::new(Semaphore::new(size));
            let claimer = Claimer { slots, belt: self.belt.clone(), direct: Direct::new(direct), taker };
            claiming.spawn(claimer.run());
            let (backend, runner) = (std::sync::Mutex::new(Some(LedgerBackend::new(claimed))), runner.clone());
            monitor = monitor.register(move |_| {
                // Our backend never errs, so apalis never asks for a second worker of the same queue.
                let backend = backend.lock().ok().and_then(|mut backend| backend.take());
                WorkerBuilder::new(format!("{}-{worker}", queue.as_str()))
                    .backend(backend.unwrap_or_else(|| LedgerBackend::new(mpsc::channel(1).1)))
                    .data(runner.clone())
                    .parallelize(tokio::spawn)
                    .build(handle)
            });
        }
        let feeder = Feeder {
            db: self.context.db.clone(),
            belt: self.belt.clone(),
            leases: leases.clone(),
            lanes,
            orders,
            fed: fed.clone(),
            stop: popping.clone(),
        };
        tasks.spawn(feeder.run());
        let gauges = Gauges {
            db: self.context.db.clone(),
            leases: leases.clone(),
            meters: meters.clone(),
            fed,
            slots: self.settings.queues.clone(),
        };
        tasks.spawn(gauges.run());
        let sweeper = Sweeper { db: self.context.db.clone(), worker, held: held.clone(), leases, stop: ended.clone() };
        tasks.spawn(sweeper.run());

        let stop_apalis = ended.clone();
        let apalis = tokio::spawn(monitor.run_with_signal(async move {
            stop_apalis.cancelled().await;
            Ok(())
        }));

        let why = tokio::select! {
            () = shutdown.cancelled() => Ended::Shutdown,
            () = lost.cancelled() => Ended::LeaseLost,
        };
        popping.cancel();
        // A claim under way is waited for: what it took goes back at once, or is known to run.
        let _ = tokio::time::timeout(CLAIM_PATIENCE, async { while claiming.join_next().await.is_some() {} }).await;
        if matches!(why, Ended::Shutdown) {
            self.drain(worker, &held, &lost).await;
        }
        held.cancel_all();
        let _ = tokio::time::timeout(Duration::from_secs(5), held.empty()).await;
        ended.cancel();
        // The leases were let go of when the popping stopped; where the database is away they run out.
        let _ = tokio::time::timeout(Duration::from_secs(1), keeping).await;
        tasks.shutdown().await;
        meters.finish(&self.context.db).await;
        apalis.abort();
        let _ = tokio::task::spawn_blocking(move || heartbeat.join()).await;
        if matches!(why, Ended::Shutdown) {
            if let Err(error) = workers::stop(&self.context.db, worker).await {
                tracing::warn!(%error, "the worker could not sign off; its lease will run out");
            }
            // What a cancelled job could not hand back itself goes back with the worker's name.
            let _ = steer::reap_jobs_of(&self.context.db, worker).await;
        }
        Ok(why)
    }

    /// Processes for jobs that need one of their own; a spare one waits where such jobs are expected.
    fn children(&self, stop: CancellationToken) -> std::io::Result<Option<Arc<Children>>> {
        let Some(program) = self.settings.child.clone() else { return Ok(None) };
        let keep_spare = self.settings.queues.iter().any(|&(queue, _)| self.registry.isolates_in(queue));
        Children::new(program, self.context.settings.scratch.clone(), keep_spare, stop).map(Some)
    }

    /// Lets running jobs finish within the drain time.
    async fn drain(&self, worker: WorkerId, held: &Held, lost: &CancellationToken) {
        tracing::info!(running = held.len(), "draining: no new jobs, running ones get {:?}", self.settings.drain);
        if let Err(error) = workers::drain(&self.context.db, worker).await {
            tracing::debug!(%error, "draining is not announced");
        }
        tokio::select! {
            () = held.empty() => {}
            () = lost.cancelled() => {}
            () = tokio::time::sleep(self.settings.drain) => {
                tracing::warn!(running = held.len(), "the drain time is over; handing the rest back");
            }
        }
    }
}
