//! The chats that people have open in this process, and how they hear of news.
//!
//! What is new is in the database, and each socket reads it from there, from the last message it has sent on. This only says
//! when to look: after a hint of whichever process has changed the chat, and every few seconds for all open chats in one
//! statement, since a hint may be lost.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use db::Db;
use domain::ids::ChatId;
use infra::{
    cache::{EventHints, Hint},
    db::chat_sessions,
};
use tokio::{
    sync::{broadcast::error::RecvError, watch},
    time::MissedTickBehavior,
};
use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};

/// How long a lost hint can delay a message.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// Chats of one statement.
const LOOK_AT: usize = 500;

#[derive(Default)]
pub struct Rooms {
    open: Mutex<Open>,
    /// The sockets, from the handshake to the last byte.
    sockets: TaskTracker,
}

#[derive(Default)]
struct Open {
    /// The newest revision of each open chat that this process has heard of.
    rooms: HashMap<ChatId, watch::Sender<u32>>,
    /// Whether somebody looks and listens.
    looking: bool,
}

/// Somebody who hears of a chat's news until dropped.
pub struct Guest {
    rooms: Arc<Rooms>,
    chat: ChatId,
    news: watch::Receiver<u32>,
}

impl Rooms {
    /// A socket that the end of the process waits for until this is dropped.
    pub fn socket(&self) -> TaskTrackerToken {
        self.sockets.token()
    }

    /// Waits until every socket has ended, at most for `grace`.
    pub async fn emptied(&self, grace: Duration) {
        self.sockets.close();
        if tokio::time::timeout(grace, self.sockets.wait()).await.is_err() {
            tracing::warn!(sockets = self.sockets.len(), "some sockets did not end in time");
        }
    }

    /// Hears of a chat from now on: enter first, then read, and nothing falls between.
    pub fn enter(self: &Arc<Self>, chat: ChatId, db: &Db, hints: &EventHints) -> Guest {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let news = open.rooms.entry(chat).or_default().subscribe();
        if !open.looking {
            open.looking = true;
            let done = CancellationToken::new();
            tokio::spawn(self.clone().listen(hints.clone(), db.clone(), done.clone()));
            tokio::spawn(self.clone().look_often(db.clone(), done));
        }
        Guest { rooms: self.clone(), chat, news }
    }

    /// This chat has this revision, or a newer one. True when that is news.
    fn hear(&self, chat: ChatId, revision: u32) -> bool {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.rooms.get(&chat).is_some_and(|room| {
            room.send_if_modified(|known| {
                let is_news = *known < revision;
                *known = revision.max(*known);
                is_news
            })
        })
    }

    async fn listen(self: Arc<Self>, hints: EventHints, db: Db, done: CancellationToken) {
        let mut hints = hints.subscribe();
        loop {
            let hint = tokio::select! {
                hint = hints.recv() => hint,
                () = done.cancelled() => return,
            };
            match hint {
                Ok(Hint::Chat(chat, revision)) => {
                    self.hear(chat, revision);
                }
                Ok(Hint::Nano(_)) => {}
                Ok(Hint::Resync) | Err(RecvError::Lagged(_)) => {
                    self.look(&db).await;
                }
                // Looking goes on without.
                Err(RecvError::Closed) => return,
            }
        }
    }

    /// Looks until no chat is open.
    async fn look_often(self: Arc<Self>, db: Db, done: CancellationToken) {
        let mut beat = tokio::time::interval(LOOK_EVERY);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Whoever has just entered reads by themselves.
        beat.tick().await;
        loop {
            beat.tick().await;
            metrics::gauge!("chat_sockets").set(self.sockets.len() as f64);
            let late = self.look(&db).await;
            metrics::counter!("chat_late_hints_total").increment(late);
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            if open.rooms.is_empty() {
                open.looking = false;
                done.cancel();
                return;
            }
        }
    }

    /// Asks for the revisions of all open chats; in how many of them there was something that no hint had told.
    async fn look(&self, db: &Db) -> u64 {
        let chats: Vec<ChatId> =
            self.open.lock().unwrap_or_else(PoisonError::into_inner).rooms.keys().copied().collect();
        let mut late = 0;
        for chats in chats.chunks(LOOK_AT) {
            match chat_sessions::revisions(db, chats).await {
                Ok(found) => {
                    late += found.into_iter().map(|(chat, revision)| u64::from(self.hear(chat, revision))).sum::<u64>();
                }
                // The next look may succeed; sockets stay.
                Err(error) => tracing::debug!(%error, "open chats could not be looked at"),
            }
        }
        late
    }
}

impl Guest {
    /// Returns when the chat has a newer revision than this one, which its reader has seen.
    pub async fn newer_than(&mut self, revision: u32) {
        // Fails only without the sender, which stays while there are guests.
        let _ = self.news.wait_for(|known| *known > revision).await;
    }

    /// Its reader has seen this revision.
    pub fn has_seen(&self, revision: u32) {
        self.rooms.hear(self.chat, revision);
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut open = self.rooms.open.lock().unwrap_or_else(PoisonError::into_inner);
        // This guest is still counted.
        if open.rooms.get(&self.chat).is_some_and(|room| room.receiver_count() <= 1) {
            open.rooms.remove(&self.chat);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter(rooms: &Arc<Rooms>, chat: ChatId) -> Guest {
        let mut open = rooms.open.lock().unwrap();
        let news = open.rooms.entry(chat).or_default().subscribe();
        Guest { rooms: rooms.clone(), chat, news }
    }

    #[tokio::test]
    async fn guests_hear_of_newer_revisions_and_empty_rooms_go() {
        let (rooms, chat) = (Arc::new(Rooms::default()), ChatId::new());
        assert!(!rooms.hear(chat, 7), "nobody has it open");
        let (mut ada, mut bea) = (enter(&rooms, chat), enter(&rooms, chat));
        assert!(rooms.hear(chat, 7));
        assert!(!rooms.hear(chat, 6), "an old hint");
        ada.newer_than(6).await;
        bea.has_seen(8);
        ada.newer_than(7).await;
        bea.newer_than(7).await;
        drop(ada);
        assert!(rooms.hear(chat, 9), "one is left");
        drop(bea);
        assert!(rooms.open.lock().unwrap().rooms.is_empty());
    }
}
