//! One claimed job: run its handler, then write what came of it, fenced.

use std::{borrow::Cow, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use apalis_core::{error::BoxDynError, task::data::Data};
use domain::ids::JobId;
use futures::FutureExt;
use infra::db::{
    DbError, Tx, job_attempts, job_limits, job_progress,
    jobs::{self, Claimed, Ending, Fenced},
};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::{
    backend::Assignment,
    child::{Children, ticket_again},
    completer::Completer,
    held::Held,
    meters::{Meters, Running},
    span::{self, run_span},
};
use crate::{
    Context, JobError, Outcome, RetryPolicy,
    job::{class, transient_delay},
    registry::{Handler, Registry},
    run::Run,
};

/// A job of a kind or version this build does not know is looked at again after this long, by whichever worker.
const PARKED: Duration = Duration::from_secs(30);

pub(super) struct Runner {
    pub(super) registry: Registry,
    pub(super) context: Context,
    pub(super) held: Arc<Held>,
    pub(super) completer: Completer,
    pub(super) meters: Arc<Meters>,
    /// Cancelled when the lease is gone: nothing may be written any more.
    pub(super) lost: CancellationToken,
    /// For jobs that need a process of their own; in such a process there are none.
    pub(super) children: Option<Arc<Children>>,
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
pub(super) async fn handle(assignment: Assignment, runner: Data<Arc<Runner>>) -> Result<(), BoxDynError> {
    let Assignment { job, slot } = assignment;
    let span = run_span(&job);
    // Even a panic of ours must not leave a job that we say we run and nobody does.
    let _held = Hold { held: &runner.held, job: job.id };
    runner.run(&job).instrument(span).await;
    drop(slot);
    Ok(())
}

struct Hold<'a> {
    held: &'a Held,
    job: JobId,
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        self.held.remove(self.job);
    }
}

/// Why an outcome was not written.
enum Unwritten {
    Fenced(Fenced),
    /// The handler's `discarded` failed for good.
    Hook(String),
}

impl<E: Into<Fenced>> From<E> for Unwritten {
    fn from(error: E) -> Self {
        Self::Fenced(error.into())
    }
}

impl Runner {
    pub(super) async fn run(&self, job: &Claimed) {
        let running = self.meters.begin(job);
        let outcome = match self.registry.find(&job.kind, job.args_version, &job.args) {
            Some(handler) => self.run_with(handler.as_ref(), job, &running).await,
            None => self.park(job).await.into(),
        };
        running.ended(&outcome);
        span::ended(&tracing::Span::current(), &outcome);
    }

    async fn run_with(&self, handler: &dyn Handler, job: &Claimed, running: &Running) -> Cow<'static, str> {
        let started = std::time::Instant::now();
        let record = || running.ran(started.elapsed());
        match self.child_for(handler, job) {
            Some(children) => {
                let outcome = self.run_in_child(children, handler, job).await;
                record();
                outcome
            }
            None => self
                .run_here(handler, job, |finished| {
                    record();
                    Some(finished)
                })
                .await
                .into(),
        }
    }

    /// Runs the handler in this process and writes its outcome, unless `returned`, told how the handler came back,
    /// keeps that to itself. Returns the outcome's name.
    pub(super) async fn run_here(
        &self,
        handler: &dyn Handler,
        job: &Claimed,
        returned: impl FnOnce(Finished) -> Option<Finished>,
    ) -> &'static str {
        let cancel = self.lost.child_token();
        self.held.insert(job.id, cancel.clone());
        let run = Run::new(job.fence, job.failures, cancel.clone(), self.context.clock.clone());
        let finished = returned(self.call(handler, job, &run, &cancel).await);
        let settling = async {
            match finished {
                Some(finished) => self.settle(handler, job, finished).await,
                None => "",
            }
        };
        // Side by side: the outcome may come with an open transaction, which must not wait for log lines.
        let (outcome, ()) = tokio::join!(settling, run.log_lines().finish(&self.context.db, &job.fence));
        outcome
    }

    /// Runs the handler until it comes back, takes too long or is stopped; stores its progress and lines meanwhile.
    async fn call(&self, handler: &dyn Handler, job: &Claimed, run: &Run, cancel: &CancellationToken) -> Finished {
        let work = handler.run(job.args_version, job.args.clone(), &self.context, run);
        let work = AssertUnwindSafe(work).catch_unwind();
        let work = tokio::time::timeout(handler.timeout(), work);
        tokio::pin!(work);
        let reporting =
            async { tokio::join!(self.report_progress(job, run), run.log_lines().keep(&self.context.db, &job.fence)) };
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
        let progress = run.progress_cell();
        loop {
            let (done, total, note) = progress.next().await;
            if let Err(error) = job_progress::write(&self.context.db, job.id, done, total, &note).await {
                tracing::debug!(%error, "progress was not stored");
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// Writes the outcome, waiting for the database as long as the lease lasts. Returns its name for the metrics.
    pub(super) async fn settle(&self, handler: &dyn Handler, job: &Claimed, finished: Finished) -> &'static str {
        let plain = job.fence.run == 1 && job.failures == 0;
        // Somebody asked for the job not to be done: the domain hears of it, as when it is given up.
        let mut stopped = false;
        let ending = match finished {
            // Nothing else commits with it: it may share its statement with others.
            Finished::Outcome(Outcome::Done) if plain && job.flow.is_none() && !job.limited => {
                return match self.completer.complete(job.fence).await {
                    Ok(()) => "completed",
                    Err(_) => fenced_off(),
                };
            }
            Finished::Outcome(Outcome::Done) => None,
            Finished::Outcome(Outcome::DoneIn(mut tx)) => {
                let written = async {
                    jobs::complete(&mut tx, &job.fence, plain).await?;
                    make_room(&mut tx, job).await?;
                    tx.commit().await.map_err(Fenced::from)
                };
                match written.await {
                    Ok(()) => return "completed",
                    Err(Fenced::Lost) => return fenced_off(),
                    // Rolled back, or committed with the answer lost: in the second case the row is no longer
                    // running and the next write is refused.
                    Err(Fenced::Db(error)) => Some(self.ending(handler, job, &JobError::from(error)).await),
                }
            }
            Finished::Outcome(Outcome::Snooze(delay)) => Some(Ending {
                outcome: job_attempts::Outcome::Snoozed,
                class: None,
                error: None,
                fingerprint: None,
                next: jobs::Next::Again { delay, burnt: false },
            }),
            Finished::Outcome(Outcome::Cancel(reason)) => Some(Ending {
                outcome: job_attempts::Outcome::Cancelled,
                class: None,
                error: Some(reason),
                fingerprint: None,
                next: jobs::Next::Cancelled,
            }),
            Finished::Error(JobError::Lost) => return fenced_off(),
            Finished::Crashed(ending) => Some(ending),
            Finished::Error(error) => Some(self.ending(handler, job, &error).await),
            Finished::Interrupted if self.lost.is_cancelled() => return fenced_off(),
            Finished::Interrupted if let Some(reason) = self.held.asked(job.id) => {
                stopped = true;
                Some(Ending {
                    outcome: job_attempts::Outcome::Cancelled,
                    class: None,
                    error: Some(reason),
                    fingerprint: None,
                    next: jobs::Next::Cancelled,
                })
            }
            Finished::Interrupted => Some(Ending {
                outcome: job_attempts::Outcome::HandedBack,
                class: None,
                error: None,
                fingerprint: None,
                next: jobs::Next::Again { delay: Duration::ZERO, burnt: false },
            }),
        };
        let name = ending.as_ref().map_or("completed", |ending| ending.outcome.as_str());
        let mut pause = Duration::from_millis(100);
        let given_up = ending.as_ref().is_some_and(|ending| ending.next.is_given_up());
        let mut hook = (given_up || stopped).then_some(handler);
        loop {
            match self.write(hook, job, ending.as_ref(), plain).await {
                Ok(()) => {
                    if let Some(ending) = &ending {
                        self.meters.failed(job, ending);
                    }
                    return name;
                }
                Err(Unwritten::Fenced(Fenced::Lost)) => return fenced_off(),
                // What should also have become true is an error for the operators; the job ends all the same.
                Err(Unwritten::Hook(error)) => {
                    tracing::error!(error, "what giving the job up should also have written was not written");
                    hook = None;
                }
                Err(Unwritten::Fenced(Fenced::Db(error))) => {
                    tracing::warn!(%error, "the outcome waits for the database");
                    tokio::select! {
                        () = self.lost.cancelled() => return fenced_off(),
                        () = tokio::time::sleep(pause) => {}
                    }
                    pause = (pause * 2).min(Duration::from_secs(2));
                }
            }
        }
    }

    async fn write(
        &self,
        hook: Option<&dyn Handler>,
        job: &Claimed,
        ending: Option<&Ending>,
        plain: bool,
    ) -> Result<(), Unwritten> {
        let mut tx = self.context.db.begin().await?;
        match ending {
            None => jobs::complete(&mut tx, &job.fence, plain).await?,
            Some(ending) => {
                if let Some(handler) = hook {
                    let reason = ending.error.as_deref().unwrap_or_default();
                    let hook = handler.discarded(job.args_version, job.args.clone(), &self.context, &mut tx, reason);
                    match AssertUnwindSafe(hook).catch_unwind().await {
                        Ok(Ok(())) => {}
                        Ok(Err(error)) if error.is_transient() => return Err(error.into()),
                        Ok(Err(error)) => return Err(Unwritten::Hook(error.to_string())),
                        Err(panic) => return Err(Unwritten::Hook(format!("panicked: {}", panic_text(&*panic)))),
                    }
                }
                jobs::fail(&mut tx, &job.fence, ending).await?;
                if let Some(ticket) = ticket_again(job, ending.next) {
                    tx.hint(ticket);
                }
            }
        }
        make_room(&mut tx, job).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn ending(&self, handler: &dyn Handler, job: &Claimed, error: &JobError) -> Ending {
        let retry = handler.retry(error.class());
        let text = format!("{error:#}");
        let chain = error_chain(error);
        let jitter: f64 = rand::random();
        let (outcome, next) = match error {
            JobError::Transient(_) | JobError::Lost => {
                let delay = transient_delay(job.fence.run.saturating_sub(job.failures), jitter);
                (job_attempts::Outcome::Retry, jobs::Next::Again { delay, burnt: false })
            }
            JobError::Failed(_)
                if job.failures + 1 < job.max_failures && !self.worn_out(job, error.class(), &retry).await =>
            {
                let delay = retry.delay(job.failures + 1, jitter);
                (job_attempts::Outcome::Retry, jobs::Next::Again { delay, burnt: true })
            }
            JobError::Failed(_) | JobError::Discard(_) => (job_attempts::Outcome::Discarded, jobs::Next::Discarded),
        };
        if next == jobs::Next::Discarded {
            tracing::error!(error = %chain, "the job was given up");
        } else {
            tracing::warn!(error = %chain, ?next, "the run failed; the job will run again");
        }
        Ending {
            outcome,
            class: Some(error.class()),
            error: Some(chain),
            fingerprint: Some(fingerprint(&job.kind, error.class(), &text)),
            next,
        }
    }

    /// True when this failure is the last that its class is allowed. Asks the ledger only when it may be; when the
    /// ledger does not answer, the job tries again.
    async fn worn_out(&self, job: &Claimed, class: &str, retry: &RetryPolicy) -> bool {
        if job.failures + 1 < retry.max_failures {
            return false;
        }
        let earlier = job_attempts::failures_of_class(&self.context.db, job.id, job.failures, class).await;
        earlier.is_ok_and(|earlier| earlier + 1 >= retry.max_failures)
    }

    async fn park(&self, job: &Claimed) -> &'static str {
        tracing::warn!(version = job.args_version, "no handler for this kind and version in this build; parked");
        let ending = Ending {
            outcome: job_attempts::Outcome::Parked,
            class: None,
            error: Some(format!("unknown to {}: {} version {}", env!("CARGO_PKG_VERSION"), job.kind, job.args_version)),
            fingerprint: None,
            next: jobs::Next::Again { delay: PARKED, burnt: false },
        };
        if let Err(error) = jobs::finish(&self.context.db, &job.fence, Some(&ending), false).await {
            tracing::warn!(%error, "parking failed; the sweeper will hand the job back");
        }
        "parked"
    }
}

/// The end of a run lets the next job of a limited kind go, in the same transaction.
async fn make_room(tx: &mut Tx, job: &Claimed) -> Result<(), DbError> {
    if job.limited { job_limits::release_one(tx, &job.kind).await } else { Ok(()) }
}

pub(super) fn fenced_off() -> &'static str {
    tracing::warn!("the job was taken away from this run; nothing was written");
    "lost"
}

/// The message with its causes, each once.
fn error_chain(error: &JobError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

/// Groups failures of one cause: digits and ids in the message do not count.
pub(super) fn fingerprint(kind: &str, class: &str, text: &str) -> [u8; 16] {
    let stable: String = text.chars().filter(|c| !c.is_ascii_hexdigit()).take(200).collect();
    let hash = Sha256::new().chain_update(kind).chain_update(class).chain_update(stable).finalize();
    let mut short = [0; 16];
    short.copy_from_slice(&hash[..16]);
    short
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("?")
}
