//! One run of one job, away from the fleet but through the same executor: what a job author's tests call.

use std::{convert::Infallible, sync::Arc, time::Duration};

use db::DbError;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    QueueContext, Registry,
    ids::{JobId, WorkerId},
    ledger::{self, Claimed, workers},
    reader::Reading,
    worker::{
        completer::Completer, executor::Executor, journal::RunJournal, metrics::meters::Meters, running::RunningJobs,
        span::run_span,
    },
};

const HEARTBEAT: Duration = Duration::from_secs(1);

/// Claims the job and runs it once, settling its outcome as the fleet would: the next run of a job that failed is
/// another call. False when the job is not available (it waits, runs elsewhere, or has ended).
///
/// Takes part in the fleet under a registration of its own for this one run, so it may stand beside workers.
pub async fn run_one<C: QueueContext>(registry: &Registry<C>, context: &C, job: JobId) -> Result<bool, DbError> {
    let worker = workers::NewWorker {
        id: WorkerId(Uuid::now_v7()),
        name: format!("one run, process {}", std::process::id()),
        version: env!("CARGO_PKG_VERSION").into(),
        // Should this process die, its job is looked for in these.
        queues: registry.queues().names().join(","),
        slots: 1,
    };
    workers::register(context.db(), &worker).await?;
    let claimed = ledger::claim(context.db(), worker.id, vec![job]).await?.pop();
    if let Some(claimed) = &claimed {
        let lost = CancellationToken::new();
        let (completer, completing) = Completer::start(context.db().clone(), Arc::default(), lost.clone());
        let completing = tokio::spawn(completing);
        let executor = Executor {
            registry: Arc::new(registry.clone()),
            context: context.clone(),
            running: Arc::new(RunningJobs::default()),
            completer,
            meters: Meters::new(env!("CARGO_PKG_VERSION")),
            journal: RunJournal::default(),
            lost: lost.clone(),
            children: None,
            // In this process: whoever tests a handler wants to look into it.
            reading: Reading::here(registry.readers().clone()),
            scratch: None,
        };
        tokio::select! {
            () = run(&executor, claimed) => {}
            never = renew(context, worker.id, &lost) => match never {},
        }
        completing.abort();
        executor.meters.finish(context.db()).await;
    }
    workers::stop(context.db(), worker.id).await?;
    Ok(claimed.is_some())
}

async fn run<C: QueueContext>(executor: &Executor<C>, job: &Claimed) {
    use tracing::Instrument;
    executor.run(job).instrument(run_span(job)).await;
}

/// Renews the lease while the job runs; a lease that is gone ends the run.
async fn renew<C: QueueContext>(context: &C, worker: WorkerId, lost: &CancellationToken) -> Infallible {
    loop {
        tokio::time::sleep(HEARTBEAT).await;
        if let Ok(false) = workers::heartbeat(context.db(), worker, None).await {
            lost.cancel();
        }
    }
}
