//! One run of one job, as its handler sees it.

use std::{
    any::Any,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use db::{Tx, clock::Clock};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{
    JobError, QueueContext, Queues, Registry, class,
    ids::JobId,
    ledger::{
        self, Claimed, Fence, Fenced, flow_members,
        history::{
            checkpoints::{self, POSITION_LIMIT},
            logs::Level,
        },
    },
    reader::{Reader, Reading, Supplies},
    run_log::RunLog,
};

/// Which run this is, whether it should stop, and where to say how far it is. What time it is, is
/// [`QueueContext::clock`]'s business, so that tests can move it.
#[derive(Clone)]
pub struct Run {
    fence: Fence,
    failures: u32,
    /// Of the arguments, in this build.
    version: u16,
    cancel: CancellationToken,
    progress: Arc<Progress>,
    log: RunLog,
    registry: Arc<dyn Any + Send + Sync>,
    scratch: Option<Arc<Path>>,
    reading: Option<RunReading>,
}

/// How this run reads hostile files.
#[derive(Clone)]
struct RunReading {
    reading: Arc<Reading>,
    /// In the queue for what needs more memory.
    heavy: bool,
    /// Earlier crashes of the job.
    crashes: u32,
}

impl Run {
    pub(crate) fn new(
        fence: Fence,
        failures: u32,
        version: u16,
        cancel: CancellationToken,
        clock: Clock,
        registry: Arc<dyn Any + Send + Sync>,
    ) -> Self {
        let (progress, log) = (Arc::default(), RunLog::new(clock));
        Self { fence, failures, version, cancel, progress, log, registry, scratch: None, reading: None }
    }

    /// Every kind that this worker knows: for the queue's own jobs, which act on others.
    pub(crate) fn registry<C: QueueContext>(&self) -> Result<&Registry<C>, JobError> {
        let registry = self.registry.downcast_ref();
        registry.ok_or_else(|| JobError::failed(anyhow::anyhow!("the registry is of another context than the job")))
    }

    /// The same with a folder for its files.
    pub(crate) fn with_scratch(mut self, folder: Option<Arc<Path>>) -> Self {
        self.scratch = folder;
        self
    }

    pub(crate) fn with_reading(mut self, reading: Arc<Reading>, job: &Claimed, queues: &Queues) -> Self {
        let heavy = queues.heavy.is_some_and(|heavy| heavy.as_str() == job.queue);
        self.reading = Some(RunReading { reading, heavy, crashes: job.crashes });
        self
    }

    /// In a child process: the folder for this run's files, which is removed however the child ends.
    pub fn scratch(&self) -> Option<&Path> {
        self.scratch.as_deref()
    }

    pub fn job(&self) -> JobId {
        self.fence.job
    }

    /// How many times the job was claimed, this run included.
    pub fn number(&self) -> u32 {
        self.fence.run
    }

    /// Earlier failures that burnt an attempt.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Cancelled when somebody cancels the job, at shutdown, when the lease is lost, and at the timeout. Long work looks
    /// here often.
    pub fn cancelled(&self) -> &CancellationToken {
        &self.cancel
    }

    /// Says how far the work is; call it as often as you like, it is stored at most once a second.
    pub fn progress(&self, done: u64, total: Option<u64>, note: &str) {
        self.progress.set(done, total, note);
    }

    pub(crate) fn progress_cell(&self) -> Arc<Progress> {
        self.progress.clone()
    }

    /// Leaves a line for the operators, kept with the job: at most 200 lines of a run and 1 KiB a line, of the job's
    /// last five runs. Stored at most once a second and at the end of the run, however it ends; a line that cannot be
    /// stored never fails the job. It also goes to the process' log, so do not call `tracing` for the same thing.
    ///
    /// No personal data and no tokens: operators of every rank read it.
    pub fn log(&self, level: Level, message: &str, fields: &[(&str, Value)]) {
        self.log.add(level, message, fields);
    }

    pub(crate) fn log_lines(&self) -> &RunLog {
        &self.log
    }

    /// A transaction for writes in the middle of the run. It holds the job's row, which proves that this run still
    /// owns its job and that nobody takes it away before the commit: keep it short, and enqueue or write to the
    /// domain's rows after this call, never before.
    ///
    /// # Errors
    /// [`JobError::Lost`] when the job was given to others meanwhile: hand it on with `?`, the run ends quietly.
    pub async fn transaction<C: QueueContext>(&self, context: &C) -> Result<Tx, JobError> {
        let mut tx = context.db().begin().await?;
        match ledger::hold(&mut tx, &self.fence).await {
            Ok(()) => Ok(tx),
            Err(Fenced::Lost) => Err(JobError::Lost),
            Err(Fenced::Db(error)) => Err(error.into()),
        }
    }

    /// Keeps how far the work is, at most 4 KiB of JSON: the job's next attempt finds it with [`Run::resume`], after a
    /// deployment, a crash or a failure. Call it after a step whose effects are there; a step that was done and not yet kept
    /// is done again.
    ///
    /// # Errors
    /// [`JobError::Lost`] when the job was given to others meanwhile: hand it on with `?`.
    pub async fn checkpoint<C: QueueContext>(&self, context: &C, position: &impl Serialize) -> Result<(), JobError> {
        let mut tx = context.db().begin().await?;
        self.checkpoint_in(&mut tx, position).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The same in a transaction of [`Run::transaction`]: the position is kept if and only if its writes are.
    pub async fn checkpoint_in(&self, tx: &mut Tx, position: &impl Serialize) -> Result<(), JobError> {
        let position = serde_json::to_value(position).map_err(JobError::failed)?;
        let size = position.to_string().len();
        if size > POSITION_LIMIT {
            let text =
                format!("a checkpoint of {size} bytes; at most {POSITION_LIMIT} are kept: a position, not a result");
            return Err(JobError::failed(anyhow::anyhow!(text)));
        }
        match checkpoints::write(tx, &self.fence, self.version, &position).await {
            Ok(()) => Ok(()),
            Err(Fenced::Lost) => Err(JobError::Lost),
            Err(Fenced::Db(error)) => Err(error.into()),
        }
    }

    /// Where an earlier attempt stopped; `None` for the first, for a job that was asked for again since, and when the kept
    /// position is of another version of the arguments or cannot be read as a `T`.
    pub async fn resume<T: DeserializeOwned, C: QueueContext>(&self, context: &C) -> Result<Option<T>, JobError> {
        let position = checkpoints::read(context.db(), self.fence.job, self.version).await?;
        Ok(position.and_then(|position| serde_json::from_value(position).ok()))
    }

    /// The jobs that this one waited for and that were given up, where its flow goes on without them
    /// ([`OnGivenUp::Continue`](crate::OnGivenUp)).
    pub async fn given_up_children<C: QueueContext>(&self, context: &C) -> Result<Vec<JobId>, JobError> {
        Ok(flow_members::given_up_children(context.db(), self.fence.job).await?)
    }

    /// Reads bytes from outside, in a process that holds nothing worth stealing.
    ///
    /// # Errors
    /// [`JobError::Crashed`] when that process died: hand it on with `?`, and it counts as the job's crash. A fault of this
    /// machine is [`JobError::Transient`].
    pub async fn read<R: Reader>(&self, task: &R::Task, supplies: Supplies<'_>) -> Result<R::Answer, JobError> {
        let Some(own) = &self.reading else {
            return Err(JobError::failed(anyhow::anyhow!("this run has no readers")));
        };
        own.reading.read::<R>(self, own.heavy, task, supplies).await
    }

    /// True where a crash of a reader has no further remedy that is worth the wait: it has crashed before, or it ran out
    /// of memory where there is most of it.
    pub fn crashed_for_good(&self, error: &JobError) -> bool {
        let own = self.reading.as_ref();
        match error {
            JobError::Crashed { out_of_memory: true, .. } => own.is_none_or(|own| own.heavy || own.crashes > 0),
            JobError::Crashed { .. } => own.is_none_or(|own| own.crashes > 0),
            _ => false,
        }
    }

    /// Runs CPU-bound work on a blocking thread. It is told to stop by the token it is given.
    pub async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Run) -> T + Send + 'static,
    ) -> Result<T, JobError> {
        let run = self.clone();
        let span = tracing::Span::current();
        match tokio::task::spawn_blocking(move || span.in_scope(|| work(&run))).await {
            Ok(value) => Ok(value),
            Err(error) => Err(JobError::failed_as(class::PANIC, anyhow::anyhow!("the work panicked: {error}"))),
        }
    }
}

/// The newest progress that was not stored yet.
#[derive(Default)]
pub(crate) struct Progress {
    latest: Mutex<Option<(u64, Option<u64>, String)>>,
    changed: Notify,
}

impl Progress {
    fn set(&self, done: u64, total: Option<u64>, note: &str) {
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some((done, total, note.to_owned()));
        self.changed.notify_one();
    }

    /// Waits for news.
    pub(crate) async fn next(&self) -> (u64, Option<u64>, String) {
        loop {
            if let Some(latest) = self.latest.lock().unwrap_or_else(PoisonError::into_inner).take() {
                return latest;
            }
            self.changed.notified().await;
        }
    }
}
