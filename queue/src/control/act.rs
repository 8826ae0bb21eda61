//! Retry, rerun, cancel and discard of one job, as the API, the command line and bulk actions do it: in a transaction that also
//! holds the audit row.

use db::{Db, DbError, Tx};

use crate::{
    EnqueueError, Kind, Kinds, Queue, Reference,
    builtin::{CancelFlow, MAINTENANCE, TellGivenUp},
    enqueue::enqueue_into,
    ids::{JobId, WorkerId},
    ledger::{self, State, flows},
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
    {
        follow(tx, kinds.find(&change.kind), id, by.reason).await?;
    }
    Ok(change)
}

/// What follows when a job is given up while no worker holds it: its hook, in a job of its own, and what its flow says. Of a
/// kind that this build does not know, only the latter.
async fn follow(tx: &mut Tx, kind: Option<&Kind>, job: JobId, reason: &str) -> Result<(), EnqueueError> {
    if let Some(kind) = kind.filter(|kind| kind.given_up_hook) {
        enqueue_into(tx, &TellGivenUp { job, reason: reason.to_owned() }, kind.queue).await?;
    }
    tell_flow(tx, job, kind.map_or(MAINTENANCE, |kind| kind.queue)).await
}

/// A child was given up: its flow goes on without it, or is cancelled by a job in `queue`, or holds.
pub(crate) async fn tell_flow(tx: &mut Tx, child: JobId, queue: Queue) -> Result<(), EnqueueError> {
    if let Some(parent) = flows::child_given_up(tx, child).await? {
        enqueue_into(tx, &CancelFlow { parent, child }, queue).await?;
    }
    Ok(())
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
        match follow(&mut tx, kinds.find(&kind), job, "too many workers died while they ran it").await {
            Ok(()) => {}
            Err(EnqueueError::Db(error)) => return Err(error),
            Err(error) => tracing::error!(%error, %job, "nothing follows a quarantined job"),
        }
    }
    tx.commit().await?;
    Ok(rescued.jobs)
}
