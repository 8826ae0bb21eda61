//! One run of one job, away from the fleet but through the same runner: what a job author's tests call.

use std::{convert::Infallible, sync::Arc, time::Duration};

use domain::ids::{JobId, WorkerId};
use infra::db::{
    DbError,
    jobs::{self, Claimed},
    workers,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{completer::Completer, held::Held, meters::Meters, runner::Runner, span::run_span};
use crate::{Context, Queue, Registry};

const HEARTBEAT: Duration = Duration::from_secs(1);

/// Claims the job and runs it once, settling its outcome as the fleet would: the next run of a job that failed is
/// another call. False when the job is not available (it waits, runs elsewhere, or has ended).
///
/// Takes part in the fleet as an incarnation of its own for this one run, so it may stand beside workers.
pub async fn run_one(registry: &Registry, context: &Context, job: JobId) -> Result<bool, DbError> {
    let worker = workers::NewWorker {
        id: WorkerId(Uuid::now_v7()),
        name: format!("one run, process {}", std::process::id()),
        version: env!("CARGO_PKG_VERSION").into(),
        // Should this process die, its job is looked for in these.
        queues: Queue::ALL.map(Queue::as_str).join(","),
        slots: 1,
    };
    workers::register(&context.db, &worker).await?;
    let claimed = jobs::claim(&context.db, worker.id, vec![job]).await?.pop();
    if let Some(claimed) = &claimed {
        let lost = CancellationToken::new();
        let (completer, completing) = Completer::start(context.db.clone(), lost.clone());
        let completing = tokio::spawn(completing);
        let runner = Runner {
            registry: registry.clone(),
            context: context.clone(),
            held: Arc::new(Held::default()),
            completer,
            meters: Meters::new(env!("CARGO_PKG_VERSION")),
            lost: lost.clone(),
            children: None,
        };
        tokio::select! {
            () = run(&runner, claimed) => {}
            never = renew(context, worker.id, &lost) => match never {},
        }
        completing.abort();
        runner.meters.finish(&context.db).await;
    }
    workers::stop(&context.db, worker.id).await?;
    Ok(claimed.is_some())
}

async fn run(runner: &Runner, job: &Claimed) {
    use tracing::Instrument;
    runner.run(job).instrument(run_span(job)).await;
}

/// Renews the lease while the job runs; a lease that is gone ends the run.
async fn renew(context: &Context, worker: WorkerId, lost: &CancellationToken) -> Infallible {
    loop {
        tokio::time::sleep(HEARTBEAT).await;
        if let Ok(false) = workers::heartbeat(&context.db, worker, None).await {
            lost.cancel();
        }
    }
}
