//! "Something happened to this nano", "there is something new in this chat": hints that let a waiting event stream or socket
//! look at once instead of at its next poll. What happened is in rows; a lost hint only costs time.

use std::{sync::Arc, time::Duration};

use db::Db;
use domain::ids::{ChatId, NanoId};
use futures::StreamExt;
use redis::{AsyncCommands, Client, RedisResult};
use tokio::{sync::broadcast, time::timeout};
use tokio_util::task::AbortOnDropHandle;

use super::Cache;
use crate::db::{chat_sessions::ChatChanged, nano_events::NanoEventAppended};

/// Hints a slow receiver may be behind before it is told to look at everything.
const BUFFER: usize = 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// A silent connection is asked for a sign of life this often; a dead one is noticed that late.
const PING_EVERY: Duration = Duration::from_secs(15);
const PING_TIMEOUT: Duration = Duration::from_secs(3);
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const MAX_BACKOFF: Duration = Duration::from_secs(5);

/// What a receiver gets. A `Lagged` error of the channel means the same as [`Hint::Resync`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hint {
    /// There may be new events of this nano.
    Nano(NanoId),
    /// There is something new in this chat, which has this revision now.
    Chat(ChatId, u32),
    /// Hints were or may have been lost (Redis was away): look at everything you wait for.
    Resync,
}

impl Hint {
    /// Reads a message. A nano's is its id alone, as earlier builds send it; they pass over what else there is.
    fn read(text: &str) -> Option<Self> {
        let Some(chat) = text.strip_prefix(CHAT) else { return text.parse().ok().map(Self::Nano) };
        let (chat, revision) = chat.split_once(':')?;
        Some(Self::Chat(chat.parse().ok()?, revision.parse().ok()?))
    }
}

/// What messages about chats begin with.
const CHAT: &str = "chat:";

/// The process's one subscription. Cheap to clone; the connection ends with the last clone.
#[derive(Clone)]
pub struct EventHints {
    hints: broadcast::Sender<Hint>,
    _listener: Arc<AbortOnDropHandle<()>>,
}

impl EventHints {
    /// Hints from now on. Subscribe first, then read the rows, and nothing falls between.
    pub fn subscribe(&self) -> broadcast::Receiver<Hint> {
        self.hints.subscribe()
    }
}

impl Cache {
    /// Tells every process to look at `nano`. Fire and forget; call it after the commit.
    pub async fn publish_event_hint(&self, nano: NanoId) {
        self.publish(nano.to_string()).await;
    }

    async fn publish(&self, hint: String) {
        let channel = self.hint_channel();
        self.run(async |redis| redis.publish::<_, _, ()>(&channel, hint).await).await;
    }

    /// Tells every process of the events and the changes of chats that this program's transactions have committed.
    pub fn publish_event_hints_of(&self, db: &Db) {
        let cache = self.clone();
        db.listen(move |NanoEventAppended(nano)| {
            let cache = cache.clone();
            tokio::spawn(async move { cache.publish_event_hint(nano).await });
        });
        let cache = self.clone();
        db.listen(move |ChatChanged { chat, revision }| {
            let cache = cache.clone();
            tokio::spawn(async move { cache.publish(format!("{CHAT}{chat}:{revision}")).await });
        });
    }

    /// Starts the task that receives hints, with its own connection and its own reconnects. Call it once per process
    /// and share the result. Needs a tokio runtime.
    pub fn event_hints(&self) -> EventHints {
        let (sender, _) = broadcast::channel(BUFFER);
        let listener = tokio::spawn(listen(self.0.client.clone(), self.hint_channel(), sender.clone()));
        EventHints { hints: sender, _listener: Arc::new(AbortOnDropHandle::new(listener)) }
    }

    fn hint_channel(&self) -> String {
        format!("{}hints", self.0.prefix)
    }
}

async fn listen(client: Client, channel: String, hints: broadcast::Sender<Hint>) {
    let mut backoff = FIRST_BACKOFF;
    loop {
        let mut connected = false;
        if let Err(error) = receive(&client, &channel, &hints, &mut connected).await {
            tracing::debug!(%error, "event hints are interrupted");
        }
        backoff = if connected { FIRST_BACKOFF } else { (backoff * 2).min(MAX_BACKOFF) };
        // Jitter, so that a restarted Redis does not meet every process in the same moment.
        tokio::time::sleep(backoff.mul_f64(rand::random_range(0.5..1.0))).await;
    }
}

/// Receives until the connection fails; never returns `Ok`.
async fn receive(
    client: &Client,
    channel: &str,
    hints: &broadcast::Sender<Hint>,
    connected: &mut bool,
) -> RedisResult<()> {
    let (mut commands, mut messages) =
        timeout(CONNECT_TIMEOUT, client.get_async_pubsub()).await.map_err(|_| silent())??.split();
    timeout(CONNECT_TIMEOUT, commands.subscribe(channel)).await.map_err(|_| silent())??;
    *connected = true;
    // Nobody receiving is fine: the send then has no effect.
    let _ = hints.send(Hint::Resync);
    loop {
        match timeout(PING_EVERY, messages.next()).await {
            Ok(Some(message)) => {
                if let Some(hint) = Hint::read(&message.get_payload::<String>()?) {
                    let _ = hints.send(hint);
                }
            }
            Ok(None) => return Err(silent()),
            Err(_) => timeout(PING_TIMEOUT, commands.ping::<redis::Value>()).await.map_err(|_| silent())?.map(drop)?,
        }
    }
}

fn silent() -> redis::RedisError {
    redis::RedisError::from((redis::ErrorKind::Io, "no answer"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_are_read_as_they_are_written() {
        let (nano, chat) = (NanoId::new(), ChatId::new());
        assert_eq!(Hint::read(&nano.to_string()), Some(Hint::Nano(nano)));
        assert_eq!(Hint::read(&format!("{CHAT}{chat}:7")), Some(Hint::Chat(chat, 7)));
        for strange in ["", "chat:", "chat:7", &format!("{CHAT}{chat}"), &format!("{CHAT}{chat}:-1"), "list:7"] {
            assert_eq!(Hint::read(strange), None, "{strange}");
        }
    }
}
