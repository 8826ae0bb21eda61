//! From the belt to apalis: takes tickets into free slots only, claims their rows, hands them on.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use domain::ids::{JobId, WorkerId};
use infra::{
    db::{
        Db, DbError,
        jobs::{self, Claimed},
    },
    queue::{Belt, Popper},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::{backend::Assignment, held::Held, orders::Orders};
use crate::job::Queue;

/// Jobs claimed in one statement.
const BATCH: usize = 512;
/// How long to leave Redis alone after it failed.
const REDIS_PAUSE: Duration = Duration::from_millis(300);

/// Between two looks at a queue that is paused.
const PAUSED: Duration = Duration::from_millis(100);

/// Full batches under way at a time, so that a busy worker does not wait for one claim's commit before it begins the
/// next. A batch that is not full is the last word of the belt, and is waited for.
const AT_ONCE: usize = 3;

pub(super) struct Claimer {
    pub(super) slots: Arc<Semaphore>,
    pub(super) belt: Belt,
    pub(super) direct: Direct,
    pub(super) taker: Taker,
}

/// Takes tickets' rows and hands them on.
#[derive(Clone)]
pub(super) struct Taker {
    pub(super) queue: Queue,
    pub(super) worker: WorkerId,
    pub(super) db: Db,
    pub(super) assignments: mpsc::Sender<Assignment>,
    pub(super) held: Arc<Held>,
    pub(super) orders: Arc<Orders>,
    pub(super) stop: CancellationToken,
}

/// Ids straight from the feeder, while Redis is away.
pub(super) struct Direct {
    feeder: mpsc::Receiver<Vec<JobId>>,
    /// What the last look at the ledger found and no slot was free for.
    left: Vec<JobId>,
}

impl Direct {
    pub(super) const fn new(feeder: mpsc::Receiver<Vec<JobId>>) -> Self {
        Self { feeder, left: Vec::new() }
    }

    /// At most `most` ids, in the ledger's order; the others stay for the next free slots, until a newer look replaces
    /// them. Cancel safe.
    async fn take(&mut self, most: usize) -> Vec<JobId> {
        if let Ok(newer) = self.feeder.try_recv() {
            self.left = newer;
        }
        while self.left.is_empty() {
            match self.feeder.recv().await {
                Some(found) => self.left = found,
                None => std::future::pending().await,
            }
        }
        let rest = self.left.split_off(most.min(self.left.len()));
        std::mem::replace(&mut self.left, rest)
    }
}

impl Claimer {
    /// Until the worker stops; returns when no claim is under way any more.
    pub(super) async fn run(mut self) {
        let mut under_way = JoinSet::new();
        let mut popper = None;
        while let Some(slots) = self.free_slots().await {
            let stop = self.taker.stop.clone();
            if self.taker.orders.is_paused(self.taker.queue.as_str()) {
                tokio::select! {
                    () = stop.cancelled() => break,
                    () = tokio::time::sleep(PAUSED) => continue,
                }
            }
            let tickets = tokio::select! {
                () = stop.cancelled() => break,
                tickets = self.next_tickets(&mut popper, slots.len()) => tickets,
            };
            if tickets.is_empty() {
                continue;
            }
            let full = tickets.len() >= BATCH;
            let taker = self.taker.clone();
            under_way.spawn(async move { taker.take(tickets, slots).await });
            while under_way.len() >= if full { AT_ONCE } else { 1 } {
                under_way.join_next().await;
            }
        }
        while under_way.join_next().await.is_some() {}
    }

    /// Waits for a free slot and takes what there is, up to a batch; `None` once the worker stops.
    async fn free_slots(&self) -> Option<Vec<OwnedSemaphorePermit>> {
        let first = tokio::select! {
            () = self.taker.stop.cancelled() => return None,
            slot = self.slots.clone().acquire_owned() => slot.ok()?,
        };
        let mut slots = vec![first];
        while slots.len() < BATCH {
            let Ok(slot) = self.slots.clone().try_acquire_owned() else { break };
            slots.push(slot);
        }
        Some(slots)
    }

    /// The next tickets, at most `most`; none when nothing came for a while.
    async fn next_tickets(&mut self, popper: &mut Option<Popper>, most: usize) -> Vec<JobId> {
        tokio::select! {
            biased;
            direct = self.direct.take(most) => direct,
            mut popped = pop(&self.belt, self.taker.queue, popper, most) => {
                popped.truncate(most);
                popped
            }
        }
    }
}

impl Taker {
    async fn take(&self, tickets: Vec<JobId>, slots: Vec<OwnedSemaphorePermit>) {
        let began = Instant::now();
        let claimed = self.claim(tickets).await;
        metrics::histogram!("queue_claim_seconds").record(began.elapsed().as_secs_f64());
        match claimed {
            Ok(claimed) => self.assign(claimed, slots).await,
            // The tickets come again: the rows are still available. A claim whose answer was lost is found by
            // the sweeper.
            Err(error) => {
                tracing::warn!(%error, queue = self.queue.as_str(), "claiming failed; waiting for the database");
                tokio::select! {
                    () = self.stop.cancelled() => {}
                    () = tokio::time::sleep(Duration::from_millis(500)) => {}
                }
            }
        }
    }

    /// Takes the rows, within the pauses and limits that are in force.
    async fn claim(&self, tickets: Vec<JobId>) -> Result<Vec<Claimed>, DbError> {
        let claimed = jobs::claim_within(&self.db, self.worker, tickets.clone(), &self.orders.controls()).await?;
        // Nothing at all may mean that the pauses and limits changed a moment ago.
        if claimed.is_empty() && self.orders.refresh(&self.db).await? {
            return jobs::claim_within(&self.db, self.worker, tickets, &self.orders.controls()).await;
        }
        Ok(claimed)
    }

    /// Hands claimed jobs to apalis. Once the worker stops, those that have not begun go back.
    async fn assign(&self, claimed: Vec<Claimed>, slots: Vec<OwnedSemaphorePermit>) {
        // Known before the first is sent: the sweeper asks which of our rows we know of.
        for job in &claimed {
            self.held.insert(job.id, CancellationToken::new());
        }
        let mut unstarted = Vec::new();
        for (job, slot) in claimed.into_iter().zip(slots) {
            let fence = job.fence;
            if self.stop.is_cancelled() || self.assignments.send(Assignment { job, slot }).await.is_err() {
                unstarted.push(fence);
            }
        }
        if unstarted.is_empty() {
            return;
        }
        match jobs::hand_back_unstarted(&self.db, &unstarted).await {
            Ok(_) => metrics::counter!("queue_jobs_handed_back_total", "reason" => "stopping")
                .increment(unstarted.len() as u64),
            Err(error) => {
                tracing::warn!(%error, jobs = unstarted.len(), "jobs could not be handed back; the reaper will do it");
            }
        }
        for fence in unstarted {
            self.held.remove(fence.job);
        }
    }
}

async fn pop(belt: &Belt, queue: Queue, popper: &mut Option<Popper>, most: usize) -> Vec<JobId> {
    let popped = async {
        if popper.is_none() {
            *popper = Some(belt.popper(queue.as_str()).await?);
        }
        match popper {
            Some(popper) => popper.pop(most).await,
            None => Ok(Vec::new()),
        }
    };
    match popped.await {
        Ok(tickets) => tickets,
        Err(error) => {
            tracing::debug!(%error, "no tickets from Redis");
            *popper = None;
            tokio::time::sleep(REDIS_PAUSE).await;
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_the_feeder_found_lasts_for_several_slots_until_it_looks_again() {
        let (feeder, direct) = mpsc::channel(1);
        let mut direct = Direct::new(direct);
        let ids: Vec<JobId> = (0..5).map(|_| JobId::new()).collect();
        feeder.send(ids.clone()).await.unwrap();
        assert_eq!(direct.take(1).await, ids[..1]);
        assert_eq!(direct.take(3).await, ids[1..4], "the rest is not thrown away");
        let newer = vec![JobId::new(), ids[4]];
        feeder.send(newer.clone()).await.unwrap();
        assert_eq!(direct.take(9).await, newer, "a newer look replaces an older one");
        let waiting = tokio::time::timeout(Duration::from_millis(50), direct.take(1)).await;
        assert!(waiting.is_err(), "nothing is found twice");
    }
}
