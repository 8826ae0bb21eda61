//! One sorted set per queue. It may be wiped, lost or away at any time: the feeder fills it again from the ledger.

use std::{sync::Arc, time::Duration};

use domain::ids::JobId;
use redis::{AsyncCommands, aio::ConnectionManager, aio::MultiplexedConnection};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::Ticket;
use crate::db::{Hint, HintSink};

/// How long a push after a commit may take before it is given up; the feeder will find the job anyway.
const PUSH_TIMEOUT: Duration = Duration::from_millis(50);
/// How long any other command may take before Redis counts as away.
const COMMAND_TIMEOUT: Duration = Duration::from_millis(500);
/// Committed work is pushed at once only while a belt is shorter than this; beyond, the feeder keeps the order.
const LOW_BELT: usize = 64;

#[derive(Debug, thiserror::Error)]
pub enum BeltError {
    #[error("the queue's Redis is away: {0}")]
    Unavailable(#[from] redis::RedisError),
    #[error("the queue's Redis did not answer within {0:?}")]
    Timeout(Duration),
}

/// Pushes and counts tickets. Cheap to clone.
#[derive(Clone)]
pub struct Belt {
    client: redis::Client,
    connection: Arc<tokio::sync::Mutex<Option<ConnectionManager>>>,
    key: Arc<dyn Fn(&str) -> String + Send + Sync>,
}

impl Belt {
    /// `key` names the sorted set of a queue. Connects when first used, and again after a loss.
    pub fn new(url: &str, key: impl Fn(&str) -> String + Send + Sync + 'static) -> Result<Self, BeltError> {
        Ok(Self { client: redis::Client::open(url)?, connection: Arc::default(), key: Arc::new(key) })
    }

    /// Starts with a connection that was made elsewhere.
    #[must_use]
    pub fn with_connection(self, connection: ConnectionManager) -> Self {
        Self { connection: Arc::new(tokio::sync::Mutex::new(Some(connection))), ..self }
    }

    async fn connection(&self) -> Result<ConnectionManager, BeltError> {
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
            .map_err(|_| BeltError::Timeout(COMMAND_TIMEOUT))??;
        Ok(slot.insert(connection).clone())
    }

    /// Puts tickets on the belt, in their order; a ticket that is there already keeps its place.
    pub async fn push(&self, queue: &str, tickets: &[Ticket]) -> Result<(), BeltError> {
        if tickets.is_empty() {
            return Ok(());
        }
        let mut connection = self.connection().await?;
        let mut command = redis::cmd("ZADD");
        command.arg((self.key)(queue)).arg("NX");
        for ticket in tickets {
            command.arg(ticket.score()).arg(ticket.job.0.as_bytes());
        }
        limited(command.query_async::<()>(&mut connection)).await
    }

    /// How many tickets lie on the belt.
    pub async fn depth(&self, queue: &str) -> Result<usize, BeltError> {
        let mut connection = self.connection().await?;
        limited(connection.zcard((self.key)(queue))).await
    }

    /// Asks Redis whether it answers.
    pub async fn ping(&self) -> Result<(), BeltError> {
        let mut connection = self.connection().await?;
        limited(redis::cmd("PING").query_async::<()>(&mut connection)).await
    }

    /// A connection of its own for one consumer, since its pop blocks.
    pub async fn popper(&self, queue: &str) -> Result<Popper, BeltError> {
        let config = redis::AsyncConnectionConfig::new()
            .set_connection_timeout(Some(COMMAND_TIMEOUT))
            .set_response_timeout(Some(Popper::PATIENCE + COMMAND_TIMEOUT));
        let connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        Ok(Popper { connection, key: (self.key)(queue) })
    }
}

async fn limited<T>(command: impl Future<Output = Result<T, redis::RedisError>>) -> Result<T, BeltError> {
    match tokio::time::timeout(COMMAND_TIMEOUT, command).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(BeltError::Timeout(COMMAND_TIMEOUT)),
    }
}

/// Takes tickets off one belt.
pub struct Popper {
    connection: MultiplexedConnection,
    key: String,
}

impl Popper {
    /// How long one pop waits for the first ticket.
    const PATIENCE: Duration = Duration::from_secs(1);

    /// Waits up to a second for a ticket, then takes as many more as are there, at most `most` in all.
    pub async fn pop(&mut self, most: usize) -> Result<Vec<JobId>, BeltError> {
        let first: Option<(String, Vec<u8>, f64)> = redis::cmd("BZPOPMIN")
            .arg(&self.key)
            .arg(Self::PATIENCE.as_secs_f64())
            .query_async(&mut self.connection)
            .await?;
        let Some((_, first, _)) = first else { return Ok(Vec::new()) };
        let mut jobs: Vec<JobId> = job_id(&first).into_iter().collect();
        if most > 1 {
            let more: Vec<(Vec<u8>, f64)> =
                redis::cmd("ZPOPMIN").arg(&self.key).arg(most - 1).query_async(&mut self.connection).await?;
            jobs.extend(more.iter().filter_map(|(member, _)| job_id(member)));
        }
        Ok(jobs)
    }
}

/// A member that is no job id was not put there by us; it is dropped.
fn job_id(member: &[u8]) -> Option<JobId> {
    Uuid::from_slice(member).ok().map(JobId)
}

/// Pushes the tickets of committed transactions, fire and forget, while the belt is low.
pub fn hint_sink(belt: Belt, other: impl Fn(Hint) + Send + Sync + 'static) -> HintSink {
    let (sender, mut receiver) = mpsc::channel::<(String, Ticket)>(1024);
    tokio::spawn(async move {
        while let Some((queue, ticket)) = receiver.recv().await {
            let pushing = async {
                if belt.depth(&queue).await? < LOW_BELT {
                    belt.push(&queue, &[ticket]).await?;
                }
                Ok::<_, BeltError>(())
            };
            // Whatever goes wrong here, the feeder finds the job at its next tick.
            let _ = tokio::time::timeout(PUSH_TIMEOUT, pushing).await;
        }
    });
    Arc::new(move |hints| {
        for hint in hints {
            match hint {
                Hint::Job { queue, ticket } => {
                    let _ = sender.try_send((queue, ticket));
                }
                hint @ Hint::NanoEvent(_) => other(hint),
            }
        }
    })
}
