//! The executor: runs the handler of one claimed job, in this process or in a child of its own.

use std::{borrow::Cow, panic::AssertUnwindSafe, path::Path, sync::Arc, time::Duration};

use apalis_core::{error::BoxDynError, task::data::Data};
use futures::FutureExt;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::{
    backend::Assignment,
    child::{Children, crash::Crash},
    completer::Completer,
    journal::{JournalEntry, RunJournal},
    metrics::meters::{Meters, Running},
    running::RunningJobs,
    span::{self, run_span},
};
use crate::{
    JobError, Outcome, QueueContext, Registry, Run, class,
    ledger::{Claimed, Ending, Fence, history::progress},
    reader::Reading,
    registry::{Call, Handler},
};

/// What all runs of a registration, or of a child process, share.
pub(super) struct Executor<C> {
    pub(super) registry: Arc<Registry<C>>,
    pub(super) context: C,
    pub(super) running: Arc<RunningJobs>,
    pub(super) completer: Completer,
    pub(super) meters: Arc<Meters>,
    pub(super) journal: RunJournal,
    /// Cancelled when the lease is gone: nothing may be written any more.
    pub(super) lost: CancellationToken,
    /// For jobs that need a process of their own; in such a process there are none.
    pub(super) children: Option<Arc<Children>>,
    /// For what handlers read of hostile files.
    pub(super) reading: Arc<Reading>,
    /// In a child process: the folder for the run's files.
    pub(super) scratch: Option<Arc<Path>>,
}

/// How the handler came back.
pub(super) enum Finished {
    Outcome(Outcome),
    Error(JobError),
    /// Stopped by a shutdown or a lost lease.
    Interrupted,
    /// Its child process died.
    Crashed(Ending),
}

/// The apalis handler: never an error, since every outcome is in the ledger.
pub(super) async fn handle<C: QueueContext>(
    assignment: Assignment,
    executor: Data<Arc<Executor<C>>>,
) -> Result<(), BoxDynError> {
    let Assignment { job, slot } = assignment;
    let span = run_span(&job);
    // Even a panic of ours must not leave a job that we say we run and nobody does.
    let _known = Known { running: &executor.running, fence: job.fence };
    executor.run(&job).instrument(span).await;
    drop(slot);
    Ok(())
}

struct Known<'a> {
    running: &'a RunningJobs,
    fence: Fence,
}

impl Drop for Known<'_> {
    fn drop(&mut self) {
        self.running.remove(&self.fence);
    }
}

impl<C: QueueContext> Executor<C> {
    pub(super) async fn run(&self, job: &Claimed) {
        let running = self.meters.begin(job);
        let entry = self.journal.begin(job);
        let outcome = match self.registry.find(&job.kind, job.args_version, &job.args) {
            Some(handler) if job.is_too_late(Duration::ZERO) => {
                let text = "it was too late to begin: the job's deadline had passed";
                let late = JobError::discard_as(class::DEADLINE, anyhow::anyhow!(text));
                self.settle(handler.as_ref(), job, Finished::Error(late)).await.into()
            }
            Some(handler) => self.run_with(handler.as_ref(), job, &running, &entry).await,
            None => self.park(job).await.into(),
        };
        running.ended(&outcome);
        span::ended(&tracing::Span::current(), &outcome);
    }

    async fn run_with(
        &self,
        handler: &dyn Handler<C>,
        job: &Claimed,
        running: &Running,
        entry: &JournalEntry<'_>,
    ) -> Cow<'static, str> {
        let started = std::time::Instant::now();
        let record = || running.ran(started.elapsed());
        match self.child_for(handler, job) {
            Some(children) => {
                let outcome = self.run_in_child(children, handler, job, entry).await;
                record();
                outcome
            }
            None => self
                .run_here(handler, job, |finished| {
                    record();
                    entry.end();
                    Some(finished)
                })
                .await
                .into(),
        }
    }

    /// Runs the handler in this process. `returned` gets how the handler came back; the outcome is written unless it
    /// answers `None`. Returns the outcome's name.
    pub(super) async fn run_here(
        &self,
        handler: &dyn Handler<C>,
        job: &Claimed,
        returned: impl FnOnce(Finished) -> Option<Finished>,
    ) -> &'static str {
        let cancel = self.lost.child_token();
        self.running.insert(&job.fence, cancel.clone());
        let (clock, registry) = (self.context.clock().clone(), self.registry.clone());
        let run = Run::new(job.fence, job.failures, handler.version(), cancel.clone(), clock, registry)
            .with_scratch(self.scratch.clone())
            .with_reading(self.reading.clone(), job, self.registry.queues());
        let finished = match self.call(handler, job, &run, &cancel).await {
            Finished::Error(JobError::Crashed { how, out_of_memory }) => {
                Finished::Crashed(self.crashed(handler, job, Crash { how, out_of_memory }).await)
            }
            finished => finished,
        };
        let finished = returned(finished);
        let settling = async {
            match finished {
                Some(finished) => self.settle(handler, job, finished).await,
                None => "",
            }
        };
        // Side by side: the outcome may come with an open transaction, which must not wait for log lines.
        let (outcome, ()) = tokio::join!(settling, run.log_lines().finish(self.context.db(), &job.fence));
        outcome
    }

    /// What the job's handler is called with.
    pub(super) fn arguments(&self, job: &Claimed) -> Call<'_, C> {
        Call { context: &self.context, version: job.args_version, args: job.args.clone() }
    }

    /// Runs the handler until it comes back, takes too long or is stopped; stores its progress and lines meanwhile.
    async fn call(&self, handler: &dyn Handler<C>, job: &Claimed, run: &Run, cancel: &CancellationToken) -> Finished {
        let work = handler.run(self.arguments(job), run);
        let work = AssertUnwindSafe(work).catch_unwind();
        let work = tokio::time::timeout(handler.timeout(), work);
        tokio::pin!(work);
        let lines = run.log_lines().keep(self.context.db(), &job.fence);
        let reporting = async { tokio::join!(self.report_progress(job, run), lines) };
        tokio::pin!(reporting);
        let result = tokio::select! {
            biased;
            () = cancel.cancelled() => return Finished::Interrupted,
            result = &mut work => result,
            _ = &mut reporting => return Finished::Interrupted,
        };
        // Whatever the handler left running on a blocking thread stops at its next look.
        cancel.cancel();
        match result {
            Ok(Ok(Ok(outcome))) => Finished::Outcome(outcome),
            Ok(Ok(Err(error))) => Finished::Error(error),
            Ok(Err(panic)) => {
                let text = format!("panicked: {}", panic_text(&*panic));
                Finished::Error(JobError::failed_as(class::PANIC, anyhow::anyhow!(text)))
            }
            Err(_) => {
                let text = format!("took longer than {:?}", handler.timeout());
                Finished::Error(JobError::failed_as(class::TIMEOUT, anyhow::anyhow!(text)))
            }
        }
    }

    /// Stores progress at most once a second; never returns.
    async fn report_progress(&self, job: &Claimed, run: &Run) {
        let newest = run.progress_cell();
        loop {
            let (done, total, note) = newest.next().await;
            if let Err(error) = progress::write(self.context.db(), job.id, done, total, &note).await {
                tracing::debug!(%error, "progress was not stored");
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

pub(super) fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("?")
}
