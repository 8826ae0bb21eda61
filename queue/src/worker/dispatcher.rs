//! The dispatcher: fills the ready list from the ledger's head. It marks no row: a job that stays available goes onto
//! the list again, as often as it takes.

use std::{
    collections::BTreeSet,
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
    ledger::{self, Head},
    ready::{ReadyList, ReadyListError},
    worker::{controls::KnownControls, leases::Leases, metrics::gauges::LastLook, progress::Loop},
};

/// Between two looks while there is work, and while there is none. A commit puts its ticket on the ready list by itself;
/// these bound what a lost ticket costs.
const BUSY: Duration = Duration::from_millis(100);
const IDLE: Duration = Duration::from_millis(500);
/// After a look that the database did not answer.
const FAILED: Duration = Duration::from_secs(1);
/// How often a worker looks at a queue that another one dispatches, in case that one does not.
const BACKSTOP: Duration = Duration::from_secs(5);
/// After a look that found more than it was to find while the list ran empty: the fleet is faster than the looks.
const STARVING: Duration = Duration::from_millis(10);
/// How long Redis is left alone once it is away: asking costs up to half a second, for each queue.
const REDIS_PAUSE: Duration = Duration::from_secs(1);
/// A look that takes longer passes over what a long transaction keeps in the index: the next ones do not ask which of it
/// they may see ([`Db::looks`]). For so long, and for so many times what the dear look took: then it is tried again, since
/// looks that ask find nothing that never commits.
const DEAR: Duration = Duration::from_millis(50);
const DEAREST: Duration = Duration::from_secs(7);
const DEAR_FOR: Duration = Duration::from_secs(10);
const DEAR_TIMES: u32 = 20;
/// How many times longer than it looked a dispatcher rests, unless the fleet waits for it.
const REST: u32 = 2;
/// No ready list is filled beyond this, whatever the backlog and the throughput.
const DEEPEST: u32 = 8_192;

pub(super) struct Dispatcher {
    pub(super) db: Db,
    pub(super) ready: ReadyList,
    pub(super) leases: Arc<Leases>,
    pub(super) queues: Vec<DispatchedQueue>,
    pub(super) controls: Arc<KnownControls>,
    pub(super) looked: Arc<LastLook>,
    pub(super) progress: Arc<Loop>,
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
    /// How many tenants the last look found: what it takes of each follows from that.
    tenants: u32,
    /// When the ready list was last filled.
    filled: Option<Instant>,
    /// Until when looks pass over what others may not see yet, because looks that do not are dear.
    passes_over: Option<Instant>,
    /// The last look found nothing: the next ones only ask whether there is anything, for all such queues at once.
    empty: bool,
}

impl DispatchedQueue {
    pub(super) fn new(name: Queue, slots: usize, direct: mpsc::Sender<Vec<JobId>>) -> Self {
        let shallowest = u32::try_from(slots * 2 + 32).unwrap_or(DEEPEST).min(DEEPEST);
        let (cursor, depth) = (Uuid::nil(), shallowest);
        Self {
            name,
            direct,
            shallowest,
            depth,
            cursor,
            looked: None,
            tenants: 1,
            filled: None,
            passes_over: None,
            empty: false,
        }
    }

    /// Follows the throughput: a ready list found nearly empty with more behind it was too short, one found nearly full
    /// is longer than it need be.
    fn adapt(&mut self, lying: usize, found: usize) {
        let starving = self.is_starving(lying, found);
        let (lying, depth) = (lying as u64, u64::from(self.depth));
        if starving {
            self.depth = (self.depth * 2).min(DEEPEST);
        } else if lying > depth / 4 * 3 {
            self.depth = (self.depth - self.depth / 8).max(self.shallowest);
        }
    }

    /// Whether the ready list can wait for another look: it was filled a moment ago and is half full still. Who comes
    /// meanwhile puts a ticket onto it with the commit.
    fn has_enough(&self, lying: usize) -> bool {
        lying >= self.depth as usize / 2 && self.filled.is_some_and(|filled| filled.elapsed() < IDLE)
    }

    /// Whether the list ran empty although there was more than a look was to find.
    fn is_starving(&self, lying: usize, found: usize) -> bool {
        found as u64 >= u64::from(self.depth) && (lying as u64) < u64::from(self.depth) / 8
    }

    /// Which look the next one is.
    fn passes_over(&self) -> bool {
        self.passes_over.is_some_and(|until| until > Instant::now())
    }

    /// What a look cost, however it ended.
    fn took(&mut self, took: Duration) {
        if took > DEAR && !self.passes_over() {
            self.passes_over = Some(Instant::now() + DEAR_FOR.max(took * DEAR_TIMES));
        }
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

    /// What others of this process found out: who asks for tickets knows it also while no queue has any.
    fn seen(&mut self, up: bool) {
        if up && self.away {
            self.answered(None);
        }
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

/// What a look at the ledger found.
enum Found {
    Nothing,
    Work,
    /// More than the list was to hold, and the list was nearly empty.
    TooLittle,
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
            redis.seen(self.ready.is_up());
            // Without Redis no commit brings a ticket: looking is all there is.
            pause = if redis.away { BUSY } else { IDLE };
            let began = Instant::now();
            let mut due: Vec<&mut DispatchedQueue> = Vec::new();
            for queue in &mut queues {
                // Without Redis there is no ready list to share, and every worker dispatches to itself.
                let ours = self.leases.dispatches(queue.name) || !self.ready.is_up() || queue.is_due();
                if ours && !self.controls.is_paused(queue.name.as_str()) {
                    queue.looked = Some(began);
                    due.push(queue);
                }
            }
            let round = self.progress.begin();
            let waiting = self.waiting(&due).await;
            round.ended(&waiting);
            if let Err(error) = &waiting {
                tracing::warn!(%error, "the dispatcher waits for the database");
                pause = FAILED;
                due.clear();
            }
            let waiting = waiting.unwrap_or_default();
            for queue in due.into_iter().filter(|queue| !queue.empty || waiting.contains(queue.name.as_str())) {
                let round = self.progress.begin();
                let found = self.dispatch(queue, &mut redis).await;
                round.ended(&found);
                queue.empty = matches!(found, Ok(Found::Nothing));
                match found {
                    Ok(Found::Nothing) => {}
                    Ok(Found::Work) => pause = pause.min(BUSY),
                    Ok(Found::TooLittle) => pause = STARVING,
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
            if pause > STARVING {
                pause = pause.max(began.elapsed() * REST);
            }
        }
    }

    /// Those of the queues that were empty in which something waits by now.
    async fn waiting(&self, due: &[&mut DispatchedQueue]) -> Result<BTreeSet<&'static str>, DbError> {
        let empty: Vec<&'static str> =
            due.iter().filter(|queue| queue.empty).map(|queue| queue.name.as_str()).collect();
        ledger::waiting_in(&self.db, &empty).await
    }

    async fn look(&self, queue: &mut DispatchedQueue, after: Uuid, each: u32) -> Result<Head, DbError> {
        let passes_over = queue.passes_over();
        let pool = if passes_over { self.db.looks() } else { self.db.pool() };
        let began = Instant::now();
        let head = ledger::head(pool, queue.name.as_str(), after, each, queue.depth).await;
        // One that failed says so only when the server was at work on it until the end.
        if head.is_ok() || began.elapsed() >= DEAREST {
            queue.took(began.elapsed());
        }
        let kind = if passes_over { "uncommitted" } else { "committed" };
        metrics::counter!("queue_looks_total", "queue" => queue.name.as_str(), "reads" => kind).increment(1);
        head
    }

    /// Fills one ready list up.
    async fn dispatch(&self, queue: &mut DispatchedQueue, redis: &mut Redis) -> Result<Found, DbError> {
        let name = queue.name.as_str();
        let lying = if redis.may_be_asked() { Some(self.ready.depth(name).await) } else { None };
        if let Some(Ok(lying)) = lying
            && queue.has_enough(lying)
        {
            return Ok(Found::Work);
        }
        let each = (queue.depth / queue.tenants.max(1)).max(1);
        let mut head = self.look(queue, queue.cursor, each).await?;
        if head.tickets.is_empty() && !queue.cursor.is_nil() {
            head = self.look(queue, Uuid::nil(), each).await?;
        }
        (queue.cursor, queue.tenants) = (head.next.unwrap_or_default(), head.tenants);
        let mut tickets = head.tickets;
        let mut found = if tickets.is_empty() { Found::Nothing } else { Found::Work };

        let pushed = match lying {
            Some(Ok(lying)) => {
                metrics::gauge!("queue_belt_tickets", "queue" => name).set(lying as f64);
                if queue.is_starving(lying, tickets.len()) {
                    found = Found::TooLittle;
                }
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
        queue.filled = (!redis.away).then(Instant::now);
        if redis.away && !tickets.is_empty() {
            tickets.sort_by_key(|ticket| (ticket.priority, ticket.rank));
            // A full channel means the claimer has enough for now.
            let _ = queue.direct.try_send(tickets.iter().map(|ticket| ticket.job).collect());
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UPLOADS: Queue = Queue::named("uploads");

    #[test]
    fn a_half_full_list_waits_until_time_passes() {
        let mut queue = DispatchedQueue::new(UPLOADS, 2, mpsc::channel(1).0);
        assert!(!queue.has_enough(36), "nothing was pushed yet");
        queue.filled = Some(Instant::now());
        assert!(queue.has_enough(18));
        assert!(!queue.has_enough(17), "less than half");
        queue.filled = Instant::now().checked_sub(IDLE);
        assert!(!queue.has_enough(36), "its order may be out of date by now");
    }

    #[test]
    fn a_dear_look_is_followed_by_some_that_pass_over() {
        let mut queue = DispatchedQueue::new(UPLOADS, 2, mpsc::channel(1).0);
        queue.took(DEAR);
        assert!(!queue.passes_over());
        queue.took(DEAR * 2);
        assert!(queue.passes_over());
        let until = queue.passes_over;
        queue.took(DEAR * 100);
        assert_eq!(queue.passes_over, until, "looks that pass over say nothing of those that do not");
        queue.passes_over = Instant::now().checked_sub(Duration::from_millis(1));
        assert!(!queue.passes_over(), "it is tried again");
        queue.took(Duration::from_secs(8));
        assert!(queue.passes_over.unwrap() > Instant::now() + Duration::from_secs(150), "the dearer, the later");
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
