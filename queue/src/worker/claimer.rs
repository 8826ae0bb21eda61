//! The claimer: takes tickets from the ready list into free slots only, claims their rows, and hands them to apalis.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use db::{Db, DbError, Races};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use crate::{
    Queue,
    ids::JobId,
    ledger::{self, Claimant, Claimed},
    ready::{Popper, ReadyList},
    worker::{backend::Assignment, controls::KnownControls, progress::Loop, running::RunningJobs},
};

/// Jobs claimed in one statement.
const BATCH: usize = 512;
/// How long to leave Redis alone after it failed.
const REDIS_PAUSE: Duration = Duration::from_millis(300);

/// Between two looks at a queue that is paused.
const PAUSED: Duration = Duration::from_millis(100);

/// Full batches under way at a time, so that a busy worker does not wait for one claim's commit before it begins the
/// next. A batch that is not full is all there was on the list, and is waited for.
const AT_ONCE: usize = 3;

pub(super) struct Claimer {
    pub(super) slots: Arc<Semaphore>,
    pub(super) ready: ReadyList,
    pub(super) direct: Direct,
    pub(super) batches: BatchClaimer,
}

/// Claims the rows of one batch of tickets and hands them to apalis.
#[derive(Clone)]
pub(super) struct BatchClaimer {
    pub(super) queue: Queue,
    pub(super) claimant: Arc<Claimant>,
    pub(super) db: Db,
    pub(super) assignments: mpsc::Sender<Assignment>,
    pub(super) running: Arc<RunningJobs>,
    pub(super) controls: Arc<KnownControls>,
    pub(super) progress: Arc<Loop>,
    pub(super) stop: CancellationToken,
}

/// Ids straight from the dispatcher, while Redis is away.
pub(super) struct Direct {
    dispatcher: mpsc::Receiver<Vec<JobId>>,
    /// What the last look at the ledger found and no slot was free for.
    left: Vec<JobId>,
}

impl Direct {
    pub(super) const fn new(dispatcher: mpsc::Receiver<Vec<JobId>>) -> Self {
        Self { dispatcher, left: Vec::new() }
    }

    /// At most `most` ids, in the ledger's order; the others stay for the next free slots, until a newer look replaces
    /// them. Cancel safe.
    async fn take(&mut self, most: usize) -> Vec<JobId> {
        if let Ok(newer) = self.dispatcher.try_recv() {
            self.left = newer;
        }
        while self.left.is_empty() {
            match self.dispatcher.recv().await {
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
            let stop = self.batches.stop.clone();
            if self.batches.controls.is_paused(self.batches.queue.as_str()) {
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
            let batches = self.batches.clone();
            under_way.spawn(async move { batches.claim_and_assign(tickets, slots).await });
            while under_way.len() >= if full { AT_ONCE } else { 1 } {
                under_way.join_next().await;
            }
        }
        while under_way.join_next().await.is_some() {}
    }

    /// Waits for a free slot and takes what there is, up to a batch; `None` once the worker stops.
    async fn free_slots(&self) -> Option<Vec<OwnedSemaphorePermit>> {
        let first = tokio::select! {
            () = self.batches.stop.cancelled() => return None,
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
            mut popped = pop(&self.ready, self.batches.queue, popper, most) => {
                popped.truncate(most);
                popped
            }
        }
    }
}

impl BatchClaimer {
    async fn claim_and_assign(&self, tickets: Vec<JobId>, slots: Vec<OwnedSemaphorePermit>) {
        let began = Instant::now();
        let round = self.progress.begin();
        let mut races = Races::default();
        let claimed = loop {
            match self.claim(tickets.clone()).await {
                Ok(claimed) => break Ok(claimed),
                Err(error) => {
                    // Of the kinds that are judged one by one, some may have been claimed before.
                    self.running.doubt();
                    if let Err(error) = races.pause_or_give_up(error).await {
                        break Err(error);
                    }
                }
            }
        };
        round.ended(&claimed);
        metrics::histogram!("queue_claim_seconds").record(began.elapsed().as_secs_f64());
        match claimed {
            Ok(claimed) => self.assign(claimed, slots).await,
            // The tickets come again: the rows are still available. A claim whose answer was lost is found by
            // the rescuer.
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
        let controls = self.controls.restrictions();
        let claimed = ledger::claim_within(&self.db, &self.claimant, tickets.clone(), &controls).await?;
        // Nothing at all may mean that the pauses and limits changed a moment ago.
        if claimed.is_empty() && self.controls.refresh(&self.db).await? {
            let controls = self.controls.restrictions();
            return ledger::claim_within(&self.db, &self.claimant, tickets, &controls).await;
        }
        if claimed.is_empty() {
            // Others were faster, mostly; what nobody knows would come again and again.
            let blocked = ledger::set_aside_unknown(&self.db, &self.claimant, &tickets).await?;
            if blocked > 0 {
                tracing::warn!(blocked, "jobs of a kind or version that no living worker knows wait for one that does");
            }
        }
        Ok(claimed)
    }

    /// Hands claimed jobs to apalis. Once the worker stops, those that have not begun go back.
    async fn assign(&self, claimed: Vec<Claimed>, slots: Vec<OwnedSemaphorePermit>) {
        // Known before the first is sent: the rescuer asks which of our rows we know of.
        for job in &claimed {
            self.running.insert(&job.fence, CancellationToken::new());
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
        match ledger::hand_back_unstarted(&self.db, &unstarted).await {
            Ok(_) => metrics::counter!("queue_jobs_handed_back_total", "reason" => "stopping")
                .increment(unstarted.len() as u64),
            Err(error) => {
                self.running.doubt();
                tracing::warn!(%error, jobs = unstarted.len(), "jobs could not be handed back; the rescuer will do it");
            }
        }
        for fence in unstarted {
            self.running.remove(&fence);
        }
    }
}

async fn pop(ready: &ReadyList, queue: Queue, popper: &mut Option<Popper>, most: usize) -> Vec<JobId> {
    let popped = async {
        if popper.is_none() {
            *popper = Some(ready.popper(queue.as_str()).await?);
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
    async fn what_the_dispatcher_found_lasts_for_several_slots_until_it_looks_again() {
        let (dispatcher, direct) = mpsc::channel(1);
        let mut direct = Direct::new(direct);
        let ids: Vec<JobId> = (0..5).map(|_| JobId::new()).collect();
        dispatcher.send(ids.clone()).await.unwrap();
        assert_eq!(direct.take(1).await, ids[..1]);
        assert_eq!(direct.take(3).await, ids[1..4], "the rest is not thrown away");
        let newer = vec![JobId::new(), ids[4]];
        dispatcher.send(newer.clone()).await.unwrap();
        assert_eq!(direct.take(9).await, newer, "a newer look replaces an older one");
        let waiting = tokio::time::timeout(Duration::from_millis(50), direct.take(1)).await;
        assert!(waiting.is_err(), "nothing is found twice");
    }
}
