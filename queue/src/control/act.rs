//! Retry, cancel and discard of one job, as the API, the command line and bulk actions do it: in a transaction that also
//! holds the audit row.

use db::{Db, DbError, Tx};

use crate::{
    EnqueueError, Kinds, Reference,
    builtin::TellGivenUp,
    enqueue::enqueue_given_up,
    ids::{JobId, WorkerId},
    ledger::{self, State},
};

pub use crate::ledger::{Action, By, Change, Operated};

/// Acts on one job; `None` when there is no such job. A job that is given up without a worker holding it leaves word to
/// the domain all the same: its hook runs in a job of its own.
pub async fn operate(
    tx: &mut Tx,
    kinds: &Kinds,
    id: JobId,
    action: Action,
    by: &By<'_>,
) -> Result<Option<Change>, EnqueueError> {
    let change = ledger::operate(tx, id, action, by).await?;
    if let Some(change) = &change
        && change.result == Operated::Done
        && matches!(change.after, State::Cancelled | State::Discarded)
        && !change.before.is_terminal()
        && let Some(kind) = kinds.find(&change.kind).filter(|kind| kind.given_up_hook)
    {
        let hook = TellGivenUp { job: id, reason: by.reason.to_owned() };
        enqueue_given_up(tx, &hook, kind.queue).await?;
    }
    Ok(change)
}

/// Cancels all jobs about a thing that is gone, parents that would wait for ever included; returns how many had not ended.
/// Running ones are asked to stop.
pub async fn cancel_about(tx: &mut Tx, kinds: &Kinds, about: Reference, by: &By<'_>) -> Result<usize, EnqueueError> {
    let jobs = ledger::unfinished_about(tx, about.kind, about.id).await?;
    for job in &jobs {
        operate(tx, kinds, *job, Action::Cancel, by).await?;
    }
    Ok(jobs.len())
}

/// Puts the jobs of a dead or stopped worker back; returns how many (at most 500). Those set aside because they were lost
/// too often leave word to the domain like any other that is given up.
pub async fn rescue_jobs_of(db: &Db, kinds: &Kinds, worker: WorkerId) -> Result<u64, DbError> {
    let held: Vec<JobId> = ledger::owned_by(db, worker).await?.into_iter().map(|fence| fence.job).collect();
    if held.is_empty() {
        return Ok(0);
    }
    let mut tx = db.begin().await?;
    let rescued = ledger::rescue_jobs(&mut tx, worker, held).await?;
    for (job, kind) in rescued.quarantined {
        tracing::error!(%job, kind, "the job was set aside: too many workers died while they ran it");
        if let Some(kind) = kinds.find(&kind).filter(|kind| kind.given_up_hook) {
            let reason = "too many workers died while they ran it".to_owned();
            match enqueue_given_up(&mut tx, &TellGivenUp { job, reason }, kind.queue).await {
                Ok(_) => {}
                Err(EnqueueError::Db(error)) => return Err(error),
                Err(error) => tracing::error!(%error, %job, "no hook was enqueued for a quarantined job"),
            }
        }
    }
    tx.commit().await?;
    Ok(rescued.jobs)
}
