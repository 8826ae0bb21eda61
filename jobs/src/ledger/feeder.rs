//! From the ledger to the belt. It has no cursor and marks nothing as fed: what is available at the head of the
//! ledger goes onto the belt, as often as it takes.

use std::{collections::HashMap, time::Duration};

use domain::ids::JobId;
use infra::{
    db::{Db, DbError, jobs},
    queue::Belt,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::job::Queue;

/// Between two looks while there is work, and while there is none. A commit puts its ticket on the belt by itself;
/// these bound what a lost ticket costs.
const BUSY: Duration = Duration::from_millis(100);
const IDLE: Duration = Duration::from_millis(500);
/// Tenants looked at per queue and tick; the next tick goes on behind them.
const TENANTS: u32 = 64;

pub(super) struct Feeder {
    pub(super) db: Db,
    pub(super) belt: Belt,
    pub(super) queues: Vec<Lane>,
    pub(super) stop: CancellationToken,
}

/// One queue as the feeder sees it.
pub(super) struct Lane {
    pub(super) queue: Queue,
    /// How many tickets the belt should hold.
    pub(super) depth: u32,
    /// To this process' own claimer, for when Redis is away.
    pub(super) direct: mpsc::Sender<Vec<JobId>>,
}

impl Feeder {
    pub(super) async fn run(self) {
        let mut cursors: HashMap<Queue, Uuid> = HashMap::new();
        let mut pause = BUSY;
        let mut redis_away = false;
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
            pause = IDLE;
            for lane in &self.queues {
                let cursor = cursors.entry(lane.queue).or_default();
                match self.feed(lane, cursor, &mut redis_away).await {
                    Ok(0) => {}
                    Ok(_) => pause = BUSY,
                    Err(error) => {
                        tracing::warn!(%error, queue = lane.queue.as_str(), "the feeder waits for the database");
                        pause = Duration::from_secs(1);
                        break;
                    }
                }
            }
        }
    }

    /// Fills one belt up; returns how many tickets it found.
    async fn feed(&self, lane: &Lane, cursor: &mut Uuid, redis_away: &mut bool) -> Result<usize, DbError> {
        let queue = lane.queue.as_str();
        let lying = self.belt.depth(queue).await;
        if lying.as_ref().is_ok_and(|depth| *depth >= lane.depth as usize) {
            return Ok(lane.depth as usize);
        }
        let mut tenants = jobs::tenants(&self.db, queue, *cursor, TENANTS).await?;
        if tenants.is_empty() && !cursor.is_nil() {
            *cursor = Uuid::nil();
            tenants = jobs::tenants(&self.db, queue, *cursor, TENANTS).await?;
        }
        let full = tenants.len() == TENANTS as usize;
        *cursor = tenants.last().filter(|_| full).copied().unwrap_or_default();
        let each = (lane.depth / u32::try_from(tenants.len().max(1)).unwrap_or(u32::MAX)).max(1);
        let tickets = jobs::heads(&self.db, queue, &tenants, each).await?;

        let pushed = match lying {
            Ok(_) => self.belt.push(queue, &tickets).await,
            Err(error) => Err(error),
        };
        if *redis_away && pushed.is_ok() {
            tracing::info!("the queue's Redis is back");
        }
        if let Err(error) = &pushed {
            if !*redis_away {
                tracing::warn!(%error, "the queue's Redis is away; feeding this worker from the ledger");
            }
            if !tickets.is_empty() {
                // A full channel means the claimer has enough for now.
                let _ = lane.direct.try_send(tickets.iter().map(|ticket| ticket.job).collect());
            }
        }
        *redis_away = pushed.is_err();
        metrics::gauge!("queue_redis_up").set(if pushed.is_ok() { 1.0 } else { 0.0 });
        Ok(tickets.len())
    }
}
