//! The ready list: one sorted set per queue. It may be wiped, lost or away at any time; the dispatcher fills it again from
//! the ledger.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use db::Db;
use redis::{
    AsyncCommands, Script,
    aio::{ConnectionManager, MultiplexedConnection},
};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::{Available, Ticket};
use crate::ids::JobId;

/// How long a push after a commit may take before it is given up; the dispatcher will find the job anyway.
const PUSH_TIMEOUT: Duration = Duration::from_millis(50);
/// How long any other command may take before Redis counts as away.
const COMMAND_TIMEOUT: Duration = Duration::from_millis(500);
/// Committed work is pushed at once only while a ready list is shorter than this; beyond, the dispatcher keeps the order.
const LOW: usize = 64;

/// On a longer ready list, one job of each tenant in this time goes straight to the front all the same: somebody with
/// one job does not wait for the dispatcher to see it behind somebody else's hundred thousand.
const EXPRESS: Duration = Duration::from_millis(200);

/// KEYS: the ready list. ARGV: how long is long, the express' time in ms, then tenant, score and member of each ticket.
static PUSH_IF_LOW: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local low = redis.call('ZCARD', KEYS[1]) < tonumber(ARGV[1])
         for i = 3, #ARGV, 3 do
           if low or redis.call('SET', KEYS[1] .. ':express:' .. ARGV[i], '', 'NX', 'PX', ARGV[2]) then
             redis.call('ZADD', KEYS[1], 'NX', ARGV[i + 1], ARGV[i + 2])
           end
         end",
    )
});

#[derive(Debug, thiserror::Error)]
pub enum ReadyListError {
    #[error("the queue's Redis is away: {0}")]
    Unavailable(#[from] redis::RedisError),
    #[error("the queue's Redis did not answer within {0:?}")]
    Timeout(Duration),
}

/// Pushes and counts tickets. Cheap to clone.
#[derive(Clone)]
pub struct ReadyList {
    client: redis::Client,
    connection: Arc<tokio::sync::Mutex<Option<ConnectionManager>>>,
    away: Arc<AtomicBool>,
    key: Arc<dyn Fn(&str) -> String + Send + Sync>,
}

impl ReadyList {
    /// `key` names the sorted set of a queue. Connects when first used, and again after a loss.
    pub fn new(url: &str, key: impl Fn(&str) -> String + Send + Sync + 'static) -> Result<Self, ReadyListError> {
        Ok(Self {
            client: redis::Client::open(url)?,
            connection: Arc::default(),
            away: Arc::default(),
            key: Arc::new(key),
        })
    }

    /// Starts with a connection that was made elsewhere.
    #[must_use]
    pub fn with_connection(self, connection: ConnectionManager) -> Self {
        Self { connection: Arc::new(tokio::sync::Mutex::new(Some(connection))), ..self }
    }

    /// False after a command failed, until one succeeds.
    pub fn is_up(&self) -> bool {
        !self.away.load(Ordering::Relaxed)
    }

    /// Remembers how the last command went.
    fn note<T>(&self, result: Result<T, ReadyListError>) -> Result<T, ReadyListError> {
        self.away.store(result.is_err(), Ordering::Relaxed);
        result
    }

    async fn connection(&self) -> Result<ConnectionManager, ReadyListError> {
        self.note(self.connect().await)
    }

    async fn connect(&self) -> Result<ConnectionManager, ReadyListError> {
        let mut slot = self.connection.lock().await;
        if let Some(connection) = slot.as_ref() {
            return Ok(connection.clone());
        }
        let config = redis::aio::ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_connection_timeout(Some(COMMAND_TIMEOUT))
            .set_response_timeout(Some(COMMAND_TIMEOUT));
        let connecting = self.client.get_connection_manager_with_config(config);
        let connection = tokio::time::timeout(COMMAND_TIMEOUT, connecting)
            .await
            .map_err(|_| ReadyListError::Timeout(COMMAND_TIMEOUT))??;
        Ok(slot.insert(connection).clone())
    }

    /// Puts tickets on the ready list. One that is there already gets its new place: the dispatcher ranks the head of the ledger
    /// anew each time, so that nobody is overtaken for ever.
    pub async fn push(&self, queue: &str, tickets: &[Ticket]) -> Result<(), ReadyListError> {
        if tickets.is_empty() {
            return Ok(());
        }
        let mut connection = self.connection().await?;
        let mut command = redis::cmd("ZADD");
        command.arg((self.key)(queue));
        for ticket in tickets {
            command.arg(ticket.score()).arg(ticket.job.0.as_bytes());
        }
        self.note(limited(command.query_async::<()>(&mut connection)).await)
    }

    /// Puts tickets on the ready list while it is short, in one round trip: what a commit made available. A long ready list is
    /// left to the dispatcher, which keeps the order and the ready list's length, but for one ticket of each tenant in a while.
    async fn push_if_low(&self, queue: &str, tickets: &[(Ticket, Uuid)]) -> Result<(), ReadyListError> {
        let mut connection = self.connection().await?;
        let mut call = PUSH_IF_LOW.prepare_invoke();
        call.key((self.key)(queue)).arg(LOW).arg(EXPRESS.as_millis() as u64);
        for (ticket, tenant) in tickets {
            call.arg(tenant.as_bytes()).arg(ticket.score()).arg(ticket.job.0.as_bytes());
        }
        self.note(limited(call.invoke_async::<()>(&mut connection)).await)
    }

    /// How many tickets lie on the ready list.
    pub async fn depth(&self, queue: &str) -> Result<usize, ReadyListError> {
        let mut connection = self.connection().await?;
        self.note(limited(connection.zcard((self.key)(queue))).await)
    }

    /// Asks Redis whether it answers.
    pub async fn ping(&self) -> Result<(), ReadyListError> {
        let mut connection = self.connection().await?;
        self.note(limited(redis::cmd("PING").query_async::<()>(&mut connection)).await)
    }

    /// A connection of its own for one consumer, since its pop blocks.
    pub async fn popper(&self, queue: &str) -> Result<Popper, ReadyListError> {
        let config = redis::AsyncConnectionConfig::new()
            .set_connection_timeout(Some(COMMAND_TIMEOUT))
            .set_response_timeout(Some(Popper::PATIENCE + COMMAND_TIMEOUT));
        let connecting = self.client.get_multiplexed_async_connection_with_config(&config);
        let connection = self.note(limited(connecting).await)?;
        Ok(Popper { connection, list: self.clone(), key: (self.key)(queue) })
    }
}

async fn limited<T>(command: impl Future<Output = Result<T, redis::RedisError>>) -> Result<T, ReadyListError> {
    match tokio::time::timeout(COMMAND_TIMEOUT, command).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(ReadyListError::Timeout(COMMAND_TIMEOUT)),
    }
}

/// Takes tickets off one ready list.
pub struct Popper {
    connection: MultiplexedConnection,
    list: ReadyList,
    key: String,
}

impl Popper {
    /// How long one pop waits for the first ticket.
    const PATIENCE: Duration = Duration::from_secs(1);

    /// Waits up to a second for tickets and takes what is there, at most `most`.
    pub async fn pop(&mut self, most: usize) -> Result<Vec<JobId>, ReadyListError> {
        let popped = redis::cmd("BZMPOP")
            .arg(Self::PATIENCE.as_secs_f64())
            .arg(1)
            .arg(&self.key)
            .arg("MIN")
            .arg("COUNT")
            .arg(most.max(1))
            .query_async(&mut self.connection)
            .await
            .map_err(ReadyListError::from);
        let popped: Popped = self.list.note(popped)?;
        let Some((_, tickets)) = popped else { return Ok(Vec::new()) };
        Ok(tickets.iter().filter_map(|(member, _)| job_id(member)).collect())
    }
}

/// The ready list's key, then members with their scores.
type Popped = Option<(String, Vec<(Vec<u8>, f64)>)>;

/// A member that is no job id was not put there by us; it is dropped.
fn job_id(member: &[u8]) -> Option<JobId> {
    Uuid::from_slice(member).ok().map(JobId)
}

impl ReadyList {
    /// Pushes the tickets of this program's committed transactions, fire and forget, while the list is short. What gathers
    /// during one push goes with the next.
    pub fn push_after_commits(&self, db: &Db) {
        let (sender, mut receiver) = mpsc::channel::<Available>(1024);
        let list = self.clone();
        tokio::spawn(async move {
            let mut gathered = Vec::new();
            while receiver.recv_many(&mut gathered, 256).await > 0 {
                let mut by_queue: BTreeMap<String, Vec<(Ticket, Uuid)>> = BTreeMap::new();
                for Available { queue, ticket, tenant } in gathered.drain(..) {
                    by_queue.entry(queue).or_default().push((ticket, tenant));
                }
                for (queue, tickets) in by_queue {
                    // Whatever goes wrong here, the dispatcher finds the job at its next tick.
                    let _ = tokio::time::timeout(PUSH_TIMEOUT, list.push_if_low(&queue, &tickets)).await;
                }
            }
        });
        db.listen(move |available| {
            let _ = sender.try_send(available);
        });
    }
}
