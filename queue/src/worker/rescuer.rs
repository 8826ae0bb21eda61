//! The rescuer: returns jobs of dead workers to their queues, promotes jobs that are due, and hands back what this worker
//! holds without knowing.

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

use db::{Db, DbError};
use tokio_util::sync::CancellationToken;

use crate::{
    EnqueueError, Kinds, Queue,
    control::act,
    ids::WorkerId,
    ledger::{
        self, Fence, StrandedCancel,
        controls::{limits, pauses},
        workers,
    },
    worker::{leases::Leases, progress::Loop, running::RunningJobs},
};

const TICK: Duration = Duration::from_millis(250);
/// Rows per step.
const STEP: u32 = 500;
/// Ticks after which a worker rescues although another holds the lease: a minute. A rescuer that stands still costs its worker
/// the lease.
const BACKSTOP: u64 = 240;
/// Ticks after which a worker asks what the ledger says it runs although nothing points to a lost answer: it reads all that
/// runs in its queues, whichever worker has it.
const RECKONING: u64 = 120;
/// How many times longer than it took to count what runs under limits nobody counts again: while a long transaction keeps
/// what is over in the index, it takes seconds, and claims of those kinds wait for it.
const RECOUNT_REST: u32 = 20;
/// How long a tick spends on what has come due, or is let go: jobs of dead workers wait for nobody's hundred thousand.
const PATIENCE: Duration = Duration::from_millis(500);

pub(super) struct Rescuer {
    pub(super) db: Db,
    pub(super) kinds: Arc<Kinds>,
    pub(super) queues: &'static [Queue],
    pub(super) worker: WorkerId,
    pub(super) running: Arc<RunningJobs>,
    pub(super) leases: Arc<Leases>,
    pub(super) progress: Arc<Loop>,
    pub(super) stop: CancellationToken,
}

impl Rescuer {
    pub(super) async fn run(self) {
        let (mut suspects, mut recount_from) = (HashSet::new(), Instant::now());
        let mut away = false;
        for tick in 0_u64.. {
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(if away { TICK * 4 } else { TICK }) => {}
            }
            let round = self.progress.begin();
            let result = self.round(tick, &mut suspects, &mut recount_from).await;
            match &result {
                Err(DbError::Deadlock(_)) => round.went_well(),
                result => round.ended(result),
            }
            match result {
                Ok(()) => away = false,
                // Another worker was faster; the next tick looks again.
                Err(DbError::Deadlock(_)) => {}
                Err(error) => {
                    if !away {
                        tracing::warn!(%error, "the rescuer waits for the database");
                    }
                    away = true;
                }
            }
        }
    }

    /// `recount_from`: when what runs under limits is to be counted again.
    async fn round(&self, tick: u64, suspects: &mut HashSet<Fence>, recount_from: &mut Instant) -> Result<(), DbError> {
        // One worker does this for all; the others look now and then, in case it does not.
        let leads = self.leases.rescues() || tick.is_multiple_of(BACKSTOP);
        if leads && tick.is_multiple_of(4) {
            // Who runs nothing leaves the clock to this one.
            workers::tick(&self.db).await?;
            let died = workers::mark_dead(&self.db).await?;
            if died > 0 {
                tracing::warn!(workers = died, "workers died; their jobs go to others");
                metrics::counter!("queue_workers_died_total").increment(died);
            }
            let began = Instant::now();
            for dead in workers::dead_with_jobs(&self.db).await? {
                while began.elapsed() < PATIENCE {
                    let rescued = act::rescue_jobs_of(&self.db, &self.kinds, dead).await?;
                    metrics::counter!("queue_jobs_lost_total").increment(rescued);
                    if rescued == 0 {
                        break;
                    }
                }
            }
        }
        if leads {
            let began = Instant::now();
            while ledger::promote(&self.db, STEP).await? == u64::from(STEP) && began.elapsed() < PATIENCE {}
            let began = Instant::now();
            while limits::settle(&self.db).await? >= u64::from(STEP) && began.elapsed() < PATIENCE {}
        }
        if self.leases.rescues() && tick.is_multiple_of(4) {
            pauses::expire(&self.db).await?;
            self.settle_cancels().await?;
            if *recount_from <= Instant::now() {
                let began = Instant::now();
                let counted = limits::recount(&self.db, self.queues).await;
                *recount_from = Instant::now() + began.elapsed() * RECOUNT_REST;
                counted?;
            }
        }
        if tick.is_multiple_of(8)
            && (!suspects.is_empty() || self.running.is_in_doubt() || tick.is_multiple_of(RECKONING))
        {
            *suspects = self.hand_back_unknown(suspects).await?;
        }
        Ok(())
    }

    /// A job that was asked to stop while it ran, but came back instead (it failed, or its worker died), is cancelled
    /// where it lies; one that has ended needs nothing more.
    async fn settle_cancels(&self) -> Result<(), DbError> {
        for StrandedCancel { job, reason, actor, runs_again } in ledger::stranded_cancels(&self.db).await? {
            if runs_again {
                ledger::carry_cancel(&self.db, job).await?;
                continue;
            }
            let mut tx = self.db.begin().await?;
            match act::operate(&mut tx, &self.kinds, job, act::Action::Cancel, &act::By { actor, reason: &reason })
                .await
            {
                Ok(Some(_)) => {}
                Ok(None) => ledger::forget_cancel(&mut tx, job).await?,
                Err(EnqueueError::Db(error)) => return Err(error),
                Err(error) => tracing::error!(%error, %job, "no hook was enqueued for a cancelled job"),
            }
            tx.commit().await?;
        }
        Ok(())
    }

    /// Jobs the ledger says we run, but we do not: claims whose answer was lost. Seen twice in a row, so that a claim
    /// under way is not mistaken for one.
    async fn hand_back_unknown(&self, suspects: &HashSet<Fence>) -> Result<HashSet<Fence>, DbError> {
        let mut unknown = HashSet::new();
        for fence in ledger::owned_by(&self.db, self.worker).await? {
            if self.running.contains(&fence) {
                continue;
            }
            if suspects.contains(&fence) {
                tracing::warn!(job = %fence.job, "handing back a job claimed without our knowing");
                if ledger::hand_back(&self.db, &fence).await.is_ok() {
                    metrics::counter!("queue_jobs_handed_back_total", "reason" => "unknown").increment(1);
                }
            } else {
                unknown.insert(fence);
            }
        }
        Ok(unknown)
    }
}
