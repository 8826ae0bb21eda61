//! Settle: turns how a handler came back into rows, fenced, so that a run that lost its job writes nothing.

use std::{panic::AssertUnwindSafe, time::Duration};

use db::{DbError, Tx};
use futures::FutureExt;

use super::{
    child::ticket_again,
    completer::Completed,
    executor::{Executor, Finished, panic_text},
};
use crate::{
    EnqueueError, JobError, Outcome, QueueContext, RetryPolicy,
    control::act::tell_flow,
    job::transient_delay,
    ledger::{
        self, Claimed, Ending, Fenced, Next,
        controls::limits,
        history::attempts::{self, Outcome as Attempt},
        stats::cause::fingerprint,
    },
    registry::Handler,
};

/// A job of a kind or version this build does not know is looked at again after this long, by whichever worker.
const PARKED: Duration = Duration::from_secs(30);

/// Why an outcome was not written.
enum Unwritten {
    Fenced(Fenced),
    /// The hook of the job that is given up failed for good.
    Hook(String),
}

impl<E: Into<Fenced>> From<E> for Unwritten {
    fn from(error: E) -> Self {
        Self::Fenced(error.into())
    }
}

impl Ending {
    /// An end that is nobody's failure.
    fn plain(outcome: Attempt, reason: Option<String>, next: Next) -> Self {
        Self { outcome, class: None, error: reason, fingerprint: None, next }
    }
}

impl<C: QueueContext> Executor<C> {
    /// Writes the outcome, waiting for the database as long as the lease lasts. Returns its name for the metrics.
    pub(super) async fn settle(&self, handler: &dyn Handler<C>, job: &Claimed, finished: Finished) -> &'static str {
        let plain = job.fence.run == 1 && job.failures == 0;
        // Somebody asked for the job not to be done: the domain hears of it, as when it is given up.
        let mut stopped = false;
        let ending = match finished {
            // Nothing else commits with it: it may share its statement with others.
            Finished::Outcome(Outcome::Done) if plain && job.flow.is_none() => match self.completer.complete(job).await
            {
                Completed::Done => return "completed",
                Completed::Lost => return fenced_off(),
                Completed::Alone => None,
            },
            Finished::Outcome(Outcome::Done) => None,
            Finished::Outcome(Outcome::DoneIn(mut tx)) => {
                let written = async {
                    ledger::complete(&mut tx, &job.fence, plain).await?;
                    count_out(&mut tx, job).await?;
                    tx.commit().await.map_err(Fenced::from)
                };
                match written.await {
                    Ok(()) => {
                        self.make_room(job).await;
                        return "completed";
                    }
                    Err(Fenced::Lost) => return fenced_off(),
                    // Rolled back, or committed with the answer lost: in the second case the row is no longer
                    // running and the next write is refused.
                    Err(Fenced::Db(error)) => Some(self.failure(handler, job, &JobError::from(error)).await),
                }
            }
            Finished::Outcome(Outcome::Snooze(delay)) => {
                Some(Ending::plain(Attempt::Snoozed, None, Next::Again { delay, burnt: false }))
            }
            Finished::Outcome(Outcome::Cancel(reason)) => {
                Some(Ending::plain(Attempt::Cancelled, Some(reason), Next::Cancelled))
            }
            Finished::Error(JobError::Lost) => return fenced_off(),
            Finished::Crashed(ending) => Some(ending),
            Finished::Error(error) => Some(self.failure(handler, job, &error).await),
            Finished::Interrupted if self.lost.is_cancelled() => return fenced_off(),
            Finished::Interrupted if let Some(reason) = self.running.asked(&job.fence) => {
                stopped = true;
                Some(Ending::plain(Attempt::Cancelled, Some(reason), Next::Cancelled))
            }
            Finished::Interrupted => {
                let next = Next::Again { delay: Duration::ZERO, burnt: false };
                Some(Ending::plain(Attempt::HandedBack, None, next))
            }
        };
        let given_up = ending.as_ref().is_some_and(|ending| ending.next.is_given_up());
        let hook = (given_up || stopped).then_some(handler);
        self.write_until_lost(hook, job, ending.as_ref(), plain).await
    }

    /// Writes the end of a run, again and again while the database is away and the lease lasts.
    async fn write_until_lost(
        &self,
        mut hook: Option<&dyn Handler<C>>,
        job: &Claimed,
        ending: Option<&Ending>,
        plain: bool,
    ) -> &'static str {
        let mut pause = Duration::from_millis(100);
        loop {
            match self.write(hook, job, ending, plain).await {
                Ok(()) => {
                    self.make_room(job).await;
                    if let Some(ending) = ending {
                        self.meters.failed(job, ending);
                    }
                    return ending.map_or("completed", |ending| ending.outcome.as_str());
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
        hook: Option<&dyn Handler<C>>,
        job: &Claimed,
        ending: Option<&Ending>,
        plain: bool,
    ) -> Result<(), Unwritten> {
        let mut tx = self.context.db().begin().await?;
        match ending {
            None => ledger::complete(&mut tx, &job.fence, plain).await?,
            Some(ending) => {
                // A job that was asked for again meanwhile is not given up: it runs once more.
                if let Some(handler) = hook
                    && !ledger::wanted_again(&mut tx, &job.fence).await?
                {
                    let reason = ending.error.as_deref().unwrap_or_default();
                    let hook = handler.given_up(self.arguments(job), &mut tx, reason);
                    match AssertUnwindSafe(hook).catch_unwind().await {
                        Ok(Ok(())) => {}
                        Ok(Err(error)) if error.is_transient() => return Err(error.into()),
                        Ok(Err(error)) => return Err(Unwritten::Hook(error.to_string())),
                        Err(panic) => return Err(Unwritten::Hook(format!("panicked: {}", panic_text(&*panic)))),
                    }
                }
                ledger::fail(&mut tx, &job.fence, ending).await?;
                if job.flow.is_some()
                    && let Some(kind) = self.registry.kinds().find(&job.kind)
                {
                    match tell_flow(&mut tx, job.id, kind.queue).await {
                        Ok(()) => {}
                        Err(EnqueueError::Db(error)) => return Err(error.into()),
                        Err(error) => tracing::error!(%error, "the flow does not hear of it"),
                    }
                }
                if let Some(available) = ticket_again(job, ending.next) {
                    tx.notify(available);
                }
            }
        }
        count_out(&mut tx, job).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The end of a run lets the next job of a limited kind go. What is missed here, the rescuer lets go.
    async fn make_room(&self, job: &Claimed) {
        if job.limited
            && let Err(error) = limits::release_next(self.context.db(), &job.kind, 1).await
        {
            tracing::debug!(%error, kind = job.kind, "the next job of a limited kind waits for the rescuer");
        }
    }

    /// What a failure means for the job, by its policy for that class of failures.
    async fn failure(&self, handler: &dyn Handler<C>, job: &Claimed, error: &JobError) -> Ending {
        let retry = handler.retry(error.class());
        let text = format!("{error:#}");
        let mut chain = error_chain(error);
        let jitter: f64 = rand::random();
        let (mut outcome, mut next) = match error {
            JobError::Transient(_) | JobError::Lost => {
                let delay = transient_delay(job.fence.run.saturating_sub(job.failures), jitter);
                (Attempt::Retry, Next::Again { delay, burnt: false })
            }
            // The executor makes a crash of what a reader's death is; nobody else comes here with one.
            JobError::Failed(_) | JobError::Crashed { .. }
                if job.failures + 1 < job.max_failures && !self.worn_out(job, error.class(), &retry).await =>
            {
                let delay = retry.delay(job.failures + 1, jitter);
                (Attempt::Retry, Next::Again { delay, burnt: true })
            }
            JobError::Failed(_) | JobError::Crashed { .. } | JobError::Discard(_) => {
                (Attempt::Discarded, Next::Discarded)
            }
        };
        if let Next::Again { delay, .. } = next
            && job.is_too_late(delay)
        {
            chain.push_str(" (not tried again: its deadline will have passed)");
            (outcome, next) = (Attempt::Discarded, Next::Discarded);
        }
        if next == Next::Discarded {
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
        let earlier = attempts::failures_of_class(self.context.db(), job.id, job.failures, class).await;
        earlier.is_ok_and(|earlier| earlier + 1 >= retry.max_failures)
    }

    pub(super) async fn park(&self, job: &Claimed) -> &'static str {
        tracing::warn!(version = job.args_version, "no handler for this kind and version in this build; parked");
        let reason = format!("unknown to {}: {} version {}", env!("CARGO_PKG_VERSION"), job.kind, job.args_version);
        let next = Next::Again { delay: PARKED, burnt: false };
        let ending = Ending::plain(Attempt::Parked, Some(reason), next);
        if let Err(error) = ledger::finish(self.context.db(), &job.fence, Some(&ending), false).await {
            self.running.doubt();
            tracing::warn!(%error, "parking failed; the rescuer will hand the job back");
        }
        "parked"
    }
}

/// The run no longer counts against its kind's limits. Goes last, since others wait for the limit's row.
async fn count_out(tx: &mut Tx, job: &Claimed) -> Result<(), DbError> {
    if job.limited { limits::count_one_out(tx, &job.kind, job.id).await } else { Ok(()) }
}

fn fenced_off() -> &'static str {
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
