//! From the belt to apalis: takes tickets into free slots only, claims their rows, hands them on.

use std::{sync::Arc, time::Duration};

use domain::ids::{JobId, WorkerId};
use infra::{
    db::{Db, jobs},
    queue::{Belt, Popper},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::{backend::Assignment, held::Held};
use crate::job::Queue;

/// How long to leave Redis alone after it failed.
const REDIS_PAUSE: Duration = Duration::from_millis(300);

pub(super) struct Claimer {
    pub(super) queue: Queue,
    pub(super) slots: Arc<Semaphore>,
    pub(super) worker: WorkerId,
    pub(super) db: Db,
    pub(super) belt: Belt,
    /// Ids straight from the feeder, while Redis is away.
    pub(super) direct: mpsc::Receiver<Vec<JobId>>,
    pub(super) assignments: mpsc::Sender<Assignment>,
    pub(super) held: Arc<Held>,
    pub(super) stop: CancellationToken,
}

impl Claimer {
    pub(super) async fn run(mut self) {
        let mut popper = None;
        while let Some(mut slots) = self.free_slots().await {
            let stop = self.stop.clone();
            let tickets = tokio::select! {
                () = stop.cancelled() => return,
                tickets = self.next_tickets(&mut popper, slots.len()) => tickets,
            };
            if tickets.is_empty() {
                continue;
            }
            match jobs::claim(&self.db, self.worker, tickets).await {
                Ok(claimed) => {
                    for job in claimed {
                        let Some(slot) = slots.pop() else { break };
                        if self.assign(Assignment { job, slot }).await.is_err() {
                            return;
                        }
                    }
                }
                // The tickets come again: the rows are still available. A claim whose answer was lost is found by
                // the sweeper.
                Err(error) => {
                    tracing::warn!(%error, queue = self.queue.as_str(), "claiming failed; waiting for the database");
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
            }
        }
    }

    /// Waits for a free slot and takes all there are; `None` once the worker stops.
    async fn free_slots(&self) -> Option<Vec<OwnedSemaphorePermit>> {
        let first = tokio::select! {
            () = self.stop.cancelled() => return None,
            slot = self.slots.clone().acquire_owned() => slot.ok()?,
        };
        let mut slots = vec![first];
        while let Ok(slot) = self.slots.clone().try_acquire_owned() {
            slots.push(slot);
        }
        Some(slots)
    }

    /// The next tickets, at most `most`; none when nothing came for a while.
    async fn next_tickets(&mut self, popper: &mut Option<Popper>, most: usize) -> Vec<JobId> {
        let mut tickets = tokio::select! {
            biased;
            Some(direct) = self.direct.recv() => direct,
            popped = pop(&self.belt, self.queue, popper, most) => popped,
        };
        tickets.truncate(most);
        tickets
    }

    /// Errs once apalis has gone: then the job is handed back.
    async fn assign(&self, assignment: Assignment) -> Result<(), ()> {
        let fence = assignment.job.fence;
        self.held.insert(fence.job, CancellationToken::new());
        let refused = self.stop.is_cancelled() || self.assignments.send(assignment).await.is_err();
        if refused {
            self.held.remove(fence.job);
            if let Err(error) = jobs::hand_back(&self.db, &fence).await {
                tracing::warn!(%error, job = %fence.job, "a job could not be handed back; the reaper will do it");
            }
            return Err(());
        }
        Ok(())
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
