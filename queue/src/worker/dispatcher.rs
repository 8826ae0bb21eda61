//! The dispatcher: fills the ready list from the ledger's head. It marks no row: a job that stays available goes onto
//! the list again, as often as it takes.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use db::{Db, DbError};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    Queue,
    ids::JobId,
    ledger,
    ready::{ReadyList, ReadyListError},
    worker::{controls::KnownControls, leases::Leases, metrics::gauges::LastLook},
};

/// Between two looks while there is work, and while there is none. A commit puts its ticket on the ready list by itself;
/// these bound what a lost ticket costs.
const BUSY: Duration = Duration::from_millis(100);
const IDLE: Duration = Duration::from_millis(500);
/// After a look that the database did not answer.
const FAILED: Duration = Duration::from_secs(1);
/// How often a worker looks at a queue that another one dispatches, in case that one does not.
const BACKSTOP: Duration = Duration::from_secs(5);
/// How long Redis is left alone once it is away: asking costs up to half a second, for each queue.
const REDIS_PAUSE: Duration = Duration::from_secs(1);
/// Tenants looked at per queue and tick; the next tick goes on behind them.
const TENANTS: u32 = 64;
/// No ready list is filled beyond this, whatever the backlog and the throughput.
const DEEPEST: u32 = 8_192;

pub(super) struct Dispatcher {
    pub(super) db: Db,
    pub(super) ready: ReadyList,
    pub(super) leases: Arc<Leases>,
    pub(super) queues: Vec<DispatchedQueue>,
    pub(super) controls: Arc<KnownControls>,
    pub(super) looked: Arc<LastLook>,
    pub(super) stop: CancellationToken,
}

/// What the dispatcher knows of one of its queues.
pub(super) struct DispatchedQueue {
    name: Queue,
    /// To this process' own claimer, for when Redis is away.
    direct: mpsc::Sender<Vec<JobId>>,
    shallowest: u32,
    /// How many tickets the ready list should hold: enough for what the fleet takes between two looks.
    depth: u32,
    /// The tenant the next look begins with.
    cursor: Uuid,
    looked: Option<Instant>,
    /// The tenants whose jobs the ready list was last filled with, and when.
    filled: Option<(Vec<Uuid>, Instant)>,
}

impl DispatchedQueue {
    pub(super) fn new(name: Queue, slots: usize, direct: mpsc::Sender<Vec<JobId>>) -> Self {
        let shallowest = u32::try_from(slots * 2 + 32).unwrap_or(DEEPEST).min(DEEPEST);
        Self { name, direct, shallowest, depth: shallowest, cursor: Uuid::nil(), looked: None, filled: None }
    }

    /// Follows the throughput: a ready list found nearly empty with more behind it was too short, one found nearly full
    /// is longer than it need be.
    fn adapt(&mut self, lying: usize, found: usize) {
        let (lying, depth) = (lying as u64, u64::from(self.depth));
        if found as u64 >= depth && lying < depth / 8 {
            self.depth = (self.depth * 2).min(DEEPEST);
        } else if lying > depth / 4 * 3 {
            self.depth = (self.depth - self.depth / 8).max(self.shallowest);
        }
    }

    /// Whether the ready list can wait for another look: it is half full still, of jobs of the same tenants. Reading the head
    /// of the ledger again would bring the same tickets.
    fn has_enough(&self, lying: usize, tenants: &[Uuid]) -> bool {
        lying >= self.depth as usize / 2
            && self.filled.as_ref().is_some_and(|(filled, at)| filled == tenants && at.elapsed() < IDLE)
    }

    fn is_due(&self) -> bool {
        self.looked.is_none_or(|looked| looked.elapsed() >= BACKSTOP)
    }
}

/// How the ready list's Redis is, as far as the dispatcher knows.
#[derive(Default)]
struct Redis {
    away: bool,
    asked: Option<Instant>,
}

impl Redis {
    /// Always while it is there, and now and then while it is not.
    fn may_be_asked(&self) -> bool {
        !self.away || self.asked.is_none_or(|asked| asked.elapsed() >= REDIS_PAUSE)
    }

    fn answered(&mut self, error: Option<&ReadyListError>) {
        match error {
            None if self.away => tracing::info!("the queue's Redis is back"),
            Some(error) if !self.away => {
                tracing::warn!(%error, "the queue's Redis is away; this worker takes jobs straight from the ledger");
            }
            _ => {}
        }
        self.away = error.is_some();
        self.asked = Some(Instant::now());
        metrics::gauge!("queue_redis_up").set(if self.away { 0.0 } else { 1.0 });
    }
}

impl Dispatcher {
    pub(super) async fn run(mut self) {
        let mut queues = std::mem::take(&mut self.queues);
        let mut pause = BUSY;
        let mut redis = Redis::default();
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
            // Without Redis no commit brings a ticket: looking is all there is.
            pause = if redis.away { BUSY } else { IDLE };
            let began = Instant::now();
            for queue in &mut queues {
                // Without Redis there is no ready list to share, and every worker dispatches to itself.
                if !self.leases.dispatches(queue.name) && self.ready.is_up() && !queue.is_due() {
                    continue;
                }
                if self.controls.is_paused(queue.name.as_str()) {
                    continue;
                }
                queue.looked = Some(began);
                match self.dispatch(queue, &mut redis).await {
                    Ok(0) => {}
                    Ok(_) => pause = BUSY,
                    Err(error) => {
                        tracing::warn!(%error, queue = queue.name.as_str(), "the dispatcher waits for the database");
                        pause = FAILED;
                        break;
                    }
                }
            }
            metrics::histogram!("queue_feed_seconds").record(began.elapsed().as_secs_f64());
            if pause < FAILED {
                self.looked.now();
            }
        }
    }

    /// Fills one ready list up; returns how many tickets it found.
    async fn dispatch(&self, queue: &mut DispatchedQueue, redis: &mut Redis) -> Result<usize, DbError> {
        let name = queue.name.as_str();
        let lying = if redis.may_be_asked() { Some(self.ready.depth(name).await) } else { None };
        let mut tenants = ledger::tenants(&self.db, name, queue.cursor, TENANTS).await?;
        if tenants.is_empty() && !queue.cursor.is_nil() {
            queue.cursor = Uuid::nil();
            tenants = ledger::tenants(&self.db, name, queue.cursor, TENANTS).await?;
        }
        if let Some(Ok(lying)) = lying
            && queue.has_enough(lying, &tenants)
        {
            return Ok(lying);
        }
        let full = tenants.len() == TENANTS as usize;
        queue.cursor = tenants.last().filter(|_| full).copied().unwrap_or_default();
        let each = (queue.depth / u32::try_from(tenants.len().max(1)).unwrap_or(u32::MAX)).max(1);
        let mut tickets = ledger::heads(&self.db, name, &tenants, each).await?;

        let pushed = match lying {
            Some(Ok(lying)) => {
                metrics::gauge!("queue_belt_tickets", "queue" => name).set(lying as f64);
                queue.adapt(lying, tickets.len());
                // Each look may bring other tenants: the ready list stays bounded however many there are.
                let full = lying >= queue.depth as usize * 2;
                Some(if full { Ok(()) } else { self.ready.push(name, &tickets).await })
            }
            Some(Err(error)) => Some(Err(error)),
            None => None,
        };
        if let Some(answer) = &pushed {
            redis.answered(answer.as_ref().err());
        }
        queue.filled = (!redis.away).then(|| (tenants, Instant::now()));
        if redis.away && !tickets.is_empty() {
            tickets.sort_by_key(|ticket| (ticket.priority, ticket.rank));
            // A full channel means the claimer has enough for now.
            let _ = queue.direct.try_send(tickets.iter().map(|ticket| ticket.job).collect());
        }
        Ok(tickets.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UPLOADS: Queue = Queue::named("uploads");

    #[test]
    fn a_half_full_list_waits_unless_a_tenant_comes_or_time_passes() {
        let mut queue = DispatchedQueue::new(UPLOADS, 2, mpsc::channel(1).0);
        let tenants = vec![Uuid::from_u128(1)];
        assert!(!queue.has_enough(36, &tenants), "nothing was pushed yet");
        queue.filled = Some((tenants.clone(), Instant::now()));
        assert!(queue.has_enough(18, &tenants));
        assert!(!queue.has_enough(17, &tenants), "less than half");
        assert!(!queue.has_enough(36, &[Uuid::from_u128(1), Uuid::from_u128(2)]), "somebody else came");
        queue.filled = Instant::now().checked_sub(IDLE).map(|long_ago| (tenants.clone(), long_ago));
        assert!(!queue.has_enough(36, &tenants), "its order may be out of date by now");
    }

    #[test]
    fn the_list_follows_the_throughput_within_its_bounds() {
        let mut queue = DispatchedQueue::new(UPLOADS, 2, mpsc::channel(1).0);
        assert_eq!(queue.depth, 36);
        queue.adapt(0, 36);
        assert_eq!(queue.depth, 72, "emptied between two looks");
        queue.adapt(0, 10);
        assert_eq!(queue.depth, 72, "empty because there is no more work");
        for _ in 0..20 {
            queue.adapt(0, usize::MAX);
        }
        assert_eq!(queue.depth, DEEPEST);
        for _ in 0..100 {
            queue.adapt(DEEPEST as usize, 0);
        }
        assert_eq!(queue.depth, 36, "nobody takes tickets");
    }
}
