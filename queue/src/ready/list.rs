//! The ready list: one sorted set per queue. It may be wiped, lost or away at any time; the dispatcher fills it again from
//! the ledger.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, LazyLock, Mutex, MutexGuard, PoisonError,
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

/// On a longer ready list, one job of each tenant and band in this time goes straight to the front all the same: somebody
/// with one job does not wait for the dispatcher to see it behind somebody else's hundred thousand, and an urgent job not
/// behind others of its own tenant.
const EXPRESS: Duration = Duration::from_millis(200);

/// Beyond this nothing is pushed after a commit: the queue is paused, or nobody serves it.
const FULL: usize = 20_000;

/// KEYS: the ready list. ARGV: how long is long, how long is full, the express' time in ms, then tenant and band, score and
/// member of each ticket.
static PUSH_IF_LOW: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local lying = redis.call('ZCARD', KEYS[1])
         if lying >= tonumber(ARGV[2]) then return end
         local low = lying < tonumber(ARGV[1])
         for i = 4, #ARGV, 3 do
           if low or redis.call('SET', KEYS[1] .. ':express:' .. ARGV[i], '', 'NX', 'PX', ARGV[3]) then
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
    #[error("the queue's Redis cannot be used: it is {0}; Redis 7 or newer is needed, and no Redis Cluster")]
    Unsupported(String),
}

/// The connection in use, and a number that tells it from the one before.
#[derive(Default)]
struct Slot {
    number: u64,
    connection: Option<ConnectionManager>,
}

/// Pushes and counts tickets. Cheap to clone.
#[derive(Clone)]
pub struct ReadyList {
    client: redis::Client,
    slot: Arc<Mutex<Slot>>,
    away: Arc<AtomicBool>,
    key: Arc<dyn Fn(&str) -> String + Send + Sync>,
}

impl ReadyList {
    /// `key` names the sorted set of a queue. Connects when first used, and again after a loss.
    pub fn new(url: &str, key: impl Fn(&str) -> String + Send + Sync + 'static) -> Result<Self, ReadyListError> {
        Ok(Self { client: redis::Client::open(url)?, slot: Arc::default(), away: Arc::default(), key: Arc::new(key) })
    }

    /// Starts with a connection that was made elsewhere.
    #[must_use]
    pub fn with_connection(self, connection: ConnectionManager) -> Self {
        self.slot().connection = Some(connection);
        self
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// Runs a command. A connection whose command failed is left, whatever the failure: after a failover it may still lead
    /// to the old node, which is read-only now, or answers no more. The next command finds the new one.
    async fn ask<T, F>(&self, command: impl FnOnce(ConnectionManager) -> F) -> Result<T, ReadyListError>
    where
        F: Future<Output = Result<T, redis::RedisError>>,
    {
        let (number, connection) = self.note(self.connect().await)?;
        let answer = limited(command(connection)).await;
        if answer.is_err() {
            let mut slot = self.slot();
            if slot.number == number {
                slot.connection = None;
            }
        }
        self.note(answer)
    }

    async fn connect(&self) -> Result<(u64, ConnectionManager), ReadyListError> {
        {
            let slot = self.slot();
            if let Some(connection) = &slot.connection {
                return Ok((slot.number, connection.clone()));
            }
        }
        let config = redis::aio::ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_connection_timeout(Some(COMMAND_TIMEOUT))
            .set_response_timeout(Some(COMMAND_TIMEOUT));
        let connecting = self.client.get_connection_manager_with_config(config);
        let connection = tokio::time::timeout(COMMAND_TIMEOUT, connecting)
            .await
            .map_err(|_| ReadyListError::Timeout(COMMAND_TIMEOUT))??;
        supported(&mut connection.clone()).await?;
        let mut slot = self.slot();
        slot.number += 1;
        slot.connection = Some(connection.clone());
        Ok((slot.number, connection))
    }

    /// Puts tickets on the ready list. One that is there already gets its new place: the dispatcher ranks the head of the ledger
    /// anew each time, so that nobody is overtaken for ever.
    pub async fn push(&self, queue: &str, tickets: &[Ticket]) -> Result<(), ReadyListError> {
        if tickets.is_empty() {
            return Ok(());
        }
        let mut command = redis::cmd("ZADD");
        command.arg((self.key)(queue));
        for ticket in tickets {
            command.arg(ticket.score()).arg(ticket.job.0.as_bytes());
        }
        self.ask(|mut connection| async move { command.query_async(&mut connection).await }).await
    }

    /// Puts tickets on the ready list while it is short, in one round trip: what a commit made available. A long ready list is
    /// left to the dispatcher, which keeps the order and the ready list's length, but for one ticket of each tenant in a while.
    async fn push_if_low(&self, queue: &str, tickets: &[(Ticket, Uuid)]) -> Result<(), ReadyListError> {
        let mut call = PUSH_IF_LOW.prepare_invoke();
        call.key((self.key)(queue)).arg(LOW).arg(FULL).arg(EXPRESS.as_millis() as u64);
        for (ticket, tenant) in tickets {
            let mut line = tenant.as_bytes().to_vec();
            line.push(ticket.priority);
            call.arg(line).arg(ticket.score()).arg(ticket.job.0.as_bytes());
        }
        self.ask(|mut connection| async move { call.invoke_async(&mut connection).await }).await
    }

    /// How many tickets lie on the ready list.
    pub async fn depth(&self, queue: &str) -> Result<usize, ReadyListError> {
        let key = (self.key)(queue);
        self.ask(|mut connection| async move { connection.zcard(key).await }).await
    }

    /// Asks Redis whether it answers.
    pub async fn ping(&self) -> Result<(), ReadyListError> {
        self.ask(|mut connection| async move { redis::cmd("PING").query_async(&mut connection).await }).await
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

/// Refuses what lacks the commands (`BZMPOP` came with Redis 7) or would spread the keys over several nodes.
pub(super) async fn supported(connection: &mut ConnectionManager) -> Result<(), ReadyListError> {
    // Whoever may not ask is believed.
    let asked = limited(async { redis::cmd("INFO").arg("server").query_async::<String>(connection).await }).await;
    match asked {
        Ok(info) => unsupported(&info).map_or(Ok(()), |what| Err(ReadyListError::Unsupported(what))),
        Err(ReadyListError::Unavailable(error))
            if error.kind() == redis::ErrorKind::Server(redis::ServerErrorKind::NoPerm) =>
        {
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// What the server is, when that is nothing for us.
fn unsupported(info: &str) -> Option<String> {
    let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim);
    if field("redis_mode") == Some("cluster") {
        return Some("a Redis Cluster".to_owned());
    }
    let version = field("redis_version")?;
    let major: u32 = version.split('.').next()?.parse().ok()?;
    (major < 7).then(|| format!("Redis {version}"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_redis_and_a_cluster_are_refused_by_name() {
        assert_eq!(unsupported("# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n"), None);
        assert_eq!(unsupported("redis_version:6.2.14\r\nredis_mode:standalone\r\n").unwrap(), "Redis 6.2.14");
        assert_eq!(unsupported("redis_version:7.4.1\r\nredis_mode:cluster\r\n").unwrap(), "a Redis Cluster");
        assert_eq!(unsupported("something else"), None, "who does not say is believed");
    }
}
