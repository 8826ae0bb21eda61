//! What people do to jobs, as the API, the command line and bulk actions do it: in a transaction that also holds the
//! audit row.

use domain::ids::{JobId, WorkerId};
pub use infra::db::jobs::{Action, By, Change, Operated};
use infra::db::{
    Db, DbError, Tx,
    jobs::{self, State},
};

use crate::{
    EnqueueError, Job, bulk_action::BulkAction, enqueue, pipeline, send_email::SendEmail, tell_given_up::TellGivenUp,
};

/// Acts on one job; `None` when there is no such job. A job that is given up without a worker holding it leaves word to
/// the domain all the same: its `discarded` runs in a job of its own.
pub async fn operate(tx: &mut Tx, id: JobId, action: Action, by: &By<'_>) -> Result<Option<Change>, EnqueueError> {
    let change = jobs::operate(tx, id, action, by).await?;
    if let Some(change) = &change
        && change.result == Operated::Done
        && matches!(change.after, State::Cancelled | State::Discarded)
        && !change.before.is_terminal()
        && tells(&change.kind)
    {
        enqueue(tx, &TellGivenUp { job: id, reason: by.reason.to_owned() }).await?;
    }
    Ok(change)
}

/// Puts the jobs of a dead or stopped worker back; returns how many (at most 500). Those set aside because they were lost
/// too often leave word to the domain like any other that is given up.
pub async fn reap_jobs_of(db: &Db, worker: WorkerId) -> Result<u64, DbError> {
    let held: Vec<JobId> = jobs::owned_by(db, worker).await?.into_iter().map(|fence| fence.job).collect();
    if held.is_empty() {
        return Ok(0);
    }
    let mut tx = db.begin().await?;
    let reaped = jobs::reap(&mut tx, worker, held).await?;
    for (job, kind) in reaped.quarantined {
        tracing::error!(%job, kind, "the job was set aside: too many workers died while they ran it");
        if tells(&kind) {
            let reason = "too many workers died while they ran it".to_owned();
            match enqueue(&mut tx, &TellGivenUp { job, reason }).await {
                Ok(_) => {}
                Err(EnqueueError::Db(error)) => return Err(error),
                Err(error) => tracing::error!(%error, %job, "nobody will be told that the job was set aside"),
            }
        }
    }
    tx.commit().await?;
    Ok(reaped.jobs)
}

/// Kinds with a [`Job::discarded`] of their own. A list, because the API enqueues without the handlers' code.
fn tells(kind: &str) -> bool {
    pipeline::STEPS.contains(&kind) || [SendEmail::KIND, BulkAction::KIND].contains(&kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_job_that_has_something_to_say_is_on_the_list() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut jobs = 0;
        for file in std::fs::read_dir(folder).unwrap() {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap_or_default();
            let Some((_, kind)) = text.split_once("const KIND: &'static str = \"") else { continue };
            let kind = kind.split('"').next().unwrap();
            assert_eq!(tells(kind), text.contains("async fn discarded("), "{kind}");
            jobs += 1;
        }
        assert!(jobs >= 10, "only {jobs} jobs were found");
    }
}
