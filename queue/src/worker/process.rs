//! A worker process: it registers, works until it is asked to stop, and registers anew when its lease is lost.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context as _;
use apalis::prelude::{Monitor, ParallelizeExt, WorkerBuilder};
use db::Db;
use tokio::{
    sync::{Semaphore, mpsc},
    task::{JoinHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    backend::LedgerBackend,
    child::{ChildProgram, Children},
    claimer::{BatchClaimer, Claimer, Direct},
    completer::Completer,
    controls::KnownControls,
    dispatcher::{DispatchedQueue, Dispatcher},
    executor::{Executor, handle},
    heartbeat,
    journal::RunJournal,
    leases::Leases,
    metrics::{
        gauges::{Gauges, LastLook},
        meters::{LAST_WRITE, Meters},
    },
    progress::Loops,
    rescuer::Rescuer,
    running::RunningJobs,
};
use crate::{
    Queue, QueueContext, Registry,
    control::act::rescue_jobs_of,
    ids::WorkerId,
    ledger::{self, Claimant, workers},
    reader::{ReaderProgram, Reading},
    ready::ReadyList,
};

/// How this process takes part.
#[derive(Clone, Debug)]
pub struct WorkerSettings {
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
    /// How what handlers read of hostile files gets a process of its own; without it they read in this process.
    pub reader: Option<ReaderProgram>,
    /// A line is appended here when a run begins and when it ends.
    pub run_journal: Option<PathBuf>,
}

impl WorkerSettings {
    /// A worker of this process: 100 s to finish what runs, an alive file in the system's folder for temporary files, and
    /// no child processes.
    pub fn new(name: &str, database_url: String, queues: Vec<(Queue, usize)>) -> Self {
        Self {
            queues,
            name: format!("{name}:{}", std::process::id()),
            version: env!("CARGO_PKG_VERSION").into(),
            database_url,
            drain: Duration::from_secs(100),
            alive_file: std::env::temp_dir().join(format!("{name}-alive")),
            child: None,
            reader: None,
            run_journal: None,
        }
    }
}

/// How long a claim under way is waited for at a shutdown. What comes later is rescued.
const CLAIM_PATIENCE: Duration = Duration::from_secs(2);

/// A worker process.
pub struct Worker<C> {
    pub settings: WorkerSettings,
    pub registry: Registry<C>,
    pub context: C,
    pub ready: ReadyList,
}

/// Why a registration ended.
enum Ended {
    Shutdown,
    LeaseLost,
}

/// What the tasks of one registration share, and the tokens that end them.
struct Registration {
    id: WorkerId,
    /// Cancelled when the process shall end.
    shutdown: CancellationToken,
    /// Cancelled with the shutdown or the lease: nothing is claimed any more.
    claiming: CancellationToken,
    /// Cancelled when the lease is gone: nothing may be written any more.
    lost: CancellationToken,
    /// Cancelled when the last job has ended: heartbeat and rescuer outlive the jobs.
    ended: CancellationToken,
    running: Arc<RunningJobs>,
    leases: Arc<Leases>,
    controls: Arc<KnownControls>,
    meters: Arc<Meters>,
    looked: Arc<LastLook>,
    loops: Arc<Loops>,
}

/// The tasks of one registration, by how they end.
struct Tasks {
    heartbeat: std::thread::JoinHandle<()>,
    /// End by themselves once `claiming` is cancelled and no claim is under way.
    claimers: JoinSet<()>,
    /// Lets go of the leases once `claiming` is cancelled.
    leases: JoinHandle<()>,
    /// Writes the last statistics once `ended` is cancelled.
    statistics: JoinHandle<()>,
    /// Aborted at the end.
    others: JoinSet<()>,
    apalis: JoinHandle<()>,
}

/// Says what holds this worker's readers: in the log, in a metric, and in its row.
async fn tell_confinement(reading: Arc<Reading>, db: Db, worker: WorkerId) {
    let gaps = match reading.confinement().await {
        Ok(None) => return,
        Ok(Some(confined)) if confined.is_whole() => {
            tracing::info!(landlock = confined.landlock, "readers of hostile files are confined");
            String::new()
        }
        Ok(Some(confined)) => confined.gaps().join("; "),
        Err(error) => error.to_string(),
    };
    if !gaps.is_empty() {
        tracing::warn!(gaps, "readers of hostile files are not wholly confined on this machine");
    }
    while let Err(error) = workers::set_unconfined(&db, worker, &gaps).await {
        tracing::debug!(%error, "what holds the readers is written later");
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}

impl<C: QueueContext> Worker<C> {
    /// Runs until `shutdown`; returns once every job is finished or handed back.
    pub async fn run(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        while let Some(worker) = self.register(&shutdown).await {
            match self.live(worker, &shutdown).await? {
                Ended::Shutdown => break,
                Ended::LeaseLost => metrics::counter!("queue_incarnations_lost_total").increment(1),
            }
        }
        Ok(())
    }

    /// A new row in `workers`, waiting for the database if it must; `None` when asked to stop meanwhile.
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
            let kinds = ledger::announced(self.registry.kinds());
            match workers::register_knowing(self.context.db(), &worker, Some(&kinds)).await {
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

    /// One registration: start, wait for its end, let jobs finish or hand them back, sign off.
    async fn live(&self, worker: WorkerId, shutdown: &CancellationToken) -> anyhow::Result<Ended> {
        let life = Registration {
            id: worker,
            shutdown: shutdown.clone(),
            claiming: shutdown.child_token(),
            lost: CancellationToken::new(),
            ended: CancellationToken::new(),
            running: Arc::default(),
            leases: Arc::default(),
            controls: Arc::default(),
            meters: Meters::new(self.settings.version.clone()),
            looked: Arc::default(),
            loops: Arc::default(),
        };
        let tasks = self.start(&life)?;
        let why = tokio::select! {
            () = shutdown.cancelled() => Ended::Shutdown,
            () = life.lost.cancelled() => Ended::LeaseLost,
        };
        self.stop(&life, tasks, matches!(why, Ended::Shutdown)).await;
        if matches!(why, Ended::Shutdown) {
            self.sign_off(worker).await;
        }
        Ok(why)
    }

    fn start(&self, life: &Registration) -> anyhow::Result<Tasks> {
        let heartbeat = heartbeat::start(
            life.id,
            self.settings.database_url.clone(),
            self.settings.alive_file.clone(),
            life.loops.clone(),
            life.running.clone(),
            life.lost.clone(),
            life.ended.clone(),
        )?;
        let mut others = JoinSet::new();
        let (completer, completing) =
            Completer::start(self.context.db().clone(), life.loops.get("completer"), life.lost.clone());
        others.spawn(completing);
        let executor = Arc::new(Executor {
            registry: Arc::new(self.registry.clone()),
            context: self.context.clone(),
            running: life.running.clone(),
            completer,
            meters: life.meters.clone(),
            journal: RunJournal::open(self.settings.run_journal.as_deref())
                .context("the run journal cannot be opened")?,
            lost: life.lost.clone(),
            children: self.children(life.claiming.clone())?,
            reading: Reading::new(
                self.registry.readers().clone(),
                self.settings.reader.clone(),
                life.claiming.clone(),
            )?,
            scratch: None,
        });
        others.spawn(tell_confinement(executor.reading.clone(), self.context.db().clone(), life.id));
        let (claimers, queues, apalis) = self.start_queues(life, &executor);
        others.spawn(
            Dispatcher {
                db: self.context.db().clone(),
                ready: self.ready.clone(),
                leases: life.leases.clone(),
                queues,
                controls: life.controls.clone(),
                looked: life.looked.clone(),
                progress: life.loops.get("dispatcher"),
                stop: life.claiming.clone(),
            }
            .run(),
        );
        self.start_upkeep(life, &mut others);
        let (leases, statistics) = (self.start_leases(life), self.start_statistics(life));
        Ok(Tasks { heartbeat, claimers, leases, statistics, others, apalis })
    }

    /// A claimer and an apalis worker for each queue, and what the dispatcher knows of it.
    fn start_queues(
        &self,
        life: &Registration,
        executor: &Arc<Executor<C>>,
    ) -> (JoinSet<()>, Vec<DispatchedQueue>, JoinHandle<()>) {
        let (mut monitor, mut claimers, mut queues) = (Monitor::new(), JoinSet::new(), Vec::new());
        for &(queue, size) in &self.settings.queues {
            let (direct_sender, direct) = mpsc::channel(1);
            let (assignments, claimed) = mpsc::channel(size.max(1));
            queues.push(DispatchedQueue::new(queue, size, direct_sender));
            let batches = BatchClaimer {
                queue,
                claimant: Arc::new(Claimant::of_known(life.id, self.registry.kinds(), self.registry.queues(), queue)),
                db: self.context.db().clone(),
                assignments,
                running: life.running.clone(),
                controls: life.controls.clone(),
                progress: life.loops.get(format!("claimer of {}", queue.as_str())),
                stop: life.claiming.clone(),
            };
            let slots = Arc::new(Semaphore::new(size));
            claimers.spawn(Claimer { slots, ready: self.ready.clone(), direct: Direct::new(direct), batches }.run());
            let (backend, executor) = (std::sync::Mutex::new(Some(LedgerBackend::new(claimed))), executor.clone());
            let worker = life.id;
            monitor = monitor.register(move |_| {
                // Our backend never errs, so apalis never asks for a second worker of the same queue.
                let backend = backend.lock().ok().and_then(|mut backend| backend.take());
                WorkerBuilder::new(format!("{}-{worker}", queue.as_str()))
                    .backend(backend.unwrap_or_else(|| LedgerBackend::new(mpsc::channel(1).1)))
                    .data(executor.clone())
                    .parallelize(tokio::spawn)
                    .build(handle::<C>)
            });
        }
        let stop = life.ended.clone();
        let apalis = tokio::spawn(async move {
            let stopped = monitor.run_with_signal(async move {
                stop.cancelled().await;
                Ok(())
            });
            if let Err(error) = stopped.await {
                tracing::error!(%error, "apalis ended");
            }
        });
        (claimers, queues, apalis)
    }

    /// What keeps this worker and the ledger in order beside the jobs.
    fn start_upkeep(&self, life: &Registration, tasks: &mut JoinSet<()>) {
        // Asked to drain, the whole process ends: whatever runs it starts another one.
        let (controls, db, running) = (life.controls.clone(), self.context.db().clone(), life.running.clone());
        let (worker, drain, stop) = (life.id, life.shutdown.clone(), life.ended.clone());
        let progress = life.loops.get("controls");
        tasks.spawn(async move { controls.follow(&db, worker, &running, &progress, &drain, &stop).await });
        let gauges = Gauges {
            context: self.context.clone(),
            queues: self.registry.queues().all,
            leases: life.leases.clone(),
            meters: life.meters.clone(),
            looked: life.looked.clone(),
            slots: self.settings.queues.clone(),
        };
        tasks.spawn(gauges.run());
        let rescuer = Rescuer {
            db: self.context.db().clone(),
            kinds: self.registry.kinds().clone(),
            queues: self.registry.queues().all,
            worker: life.id,
            running: life.running.clone(),
            leases: life.leases.clone(),
            progress: life.loops.get("rescuer"),
            stop: life.ended.clone(),
        };
        tasks.spawn(rescuer.run());
    }

    fn start_leases(&self, life: &Registration) -> JoinHandle<()> {
        let queues: Vec<Queue> = self.settings.queues.iter().map(|(queue, _)| *queue).collect();
        let (leases, db, stop) = (life.leases.clone(), self.context.db().clone(), life.claiming.clone());
        let (worker, running) = (life.id, life.running.clone());
        tokio::spawn(async move { leases.keep(db, worker, &queues, &running, stop).await })
    }

    fn start_statistics(&self, life: &Registration) -> JoinHandle<()> {
        let (meters, db, stop) = (life.meters.clone(), self.context.db().clone(), life.ended.clone());
        tokio::spawn(async move { meters.keep(&db, &stop).await })
    }

    async fn stop(&self, life: &Registration, mut tasks: Tasks, drain: bool) {
        life.claiming.cancel();
        // A claim under way is waited for: what it took goes back at once, or is known to run.
        let claimed = async { while tasks.claimers.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(CLAIM_PATIENCE, claimed).await;
        if drain {
            self.drain(life).await;
        }
        life.running.cancel_all();
        let _ = tokio::time::timeout(Duration::from_secs(5), life.running.empty()).await;
        life.ended.cancel();
        // The leases were let go of when the claiming stopped; where the database is away they run out.
        let _ = tokio::time::timeout(Duration::from_secs(1), tasks.leases).await;
        if tokio::time::timeout(LAST_WRITE, &mut tasks.statistics).await.is_err() {
            tracing::debug!("the last statistics were not written in time");
            tasks.statistics.abort();
        }
        tasks.others.shutdown().await;
        tasks.apalis.abort();
        let _ = tokio::task::spawn_blocking(move || tasks.heartbeat.join()).await;
    }

    async fn sign_off(&self, worker: WorkerId) {
        if let Err(error) = workers::stop(self.context.db(), worker).await {
            tracing::warn!(%error, "the worker could not sign off; its lease will run out");
        }
        // What a cancelled job could not hand back itself goes back with the worker's name.
        let _ = rescue_jobs_of(self.context.db(), self.registry.kinds(), worker).await;
    }

    /// Processes for jobs that need one of their own; a spare one waits where such jobs are expected.
    fn children(&self, stop: CancellationToken) -> std::io::Result<Option<Arc<Children>>> {
        let Some(program) = self.settings.child.clone() else { return Ok(None) };
        let keep_spare = self.settings.queues.iter().any(|&(queue, _)| self.registry.isolates_in(queue));
        Children::new(program, self.registry.queues().heavy, keep_spare, stop).map(Some)
    }

    /// Lets running jobs finish within the drain time.
    async fn drain(&self, life: &Registration) {
        let running = &life.running;
        tracing::info!(running = running.len(), "draining: no new jobs, running ones get {:?}", self.settings.drain);
        if let Err(error) = workers::drain(self.context.db(), life.id).await {
            tracing::debug!(%error, "draining is not announced");
        }
        tokio::select! {
            () = running.empty() => {}
            () = life.lost.cancelled() => {}
            () = tokio::time::sleep(self.settings.drain) => {
                tracing::warn!(running = running.len(), "the drain time is over; handing the rest back");
            }
        }
    }
}
