//! Snapshots for the live pages: made once per process and shared by everybody who listens, and only while somebody does.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use db::{Db, clock::Clock};
use domain::words;
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use crate::{
    reply::Error,
    views::{ErrorGroup, QueuesView, WorkerView},
};

/// Between two looks; longer when a look takes long, so that looking is at most a fifth of the time.
const EVERY: Duration = Duration::from_secs(2);
const REST: u32 = 4;
/// Groups of failures in a snapshot, last seen first.
const GROUPS: u32 = 20;
/// A worker's memory is news in steps of this many bytes.
const MEMORY_STEP: u64 = 16 << 20;

words! {
    /// What can be followed.
    pub enum Topic ("topic") {
        Queues = "queues",
        Workers = "workers",
        Errors = "errors",
    }
}

/// One topic as it stood at a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Says what the snapshot shows: the same in every process, another one when something changed.
    pub mark: Mark,
    /// JSON.
    pub data: Arc<str>,
}

pub type Mark = [u8; 4];

/// Every topic, in the order of [`Topic::ALL`]; none before its first look.
pub type Snapshots = [Option<Snapshot>; Topic::ALL.len()];

/// Looks while somebody listens.
pub struct Live {
    sender: watch::Sender<Snapshots>,
    /// Whether somebody looks; also held while that changes.
    looking: Mutex<bool>,
}

impl Default for Live {
    fn default() -> Self {
        Self { sender: watch::Sender::new(Snapshots::default()), looking: Mutex::new(false) }
    }
}

impl Live {
    /// Everything as it changes, until the receiver is dropped.
    pub fn listen(self: &Arc<Self>, db: &Db, clock: &Clock) -> watch::Receiver<Snapshots> {
        let mut looking = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        if !*looking {
            *looking = true;
            // What it was when the last listener left is old.
            self.sender.send_replace(Snapshots::default());
            tokio::spawn(self.clone().look(db.clone(), clock.clone()));
        }
        self.sender.subscribe()
    }

    async fn look(self: Arc<Self>, db: Db, clock: Clock) {
        loop {
            let began = Instant::now();
            for (place, topic) in Topic::ALL.iter().enumerate() {
                match view(*topic, &db, clock.now()).await {
                    Ok((shown, marked)) => self.show(place, &shown, &marked),
                    // The page stays as it is until the database answers again.
                    Err(error) => tracing::warn!(%error, %topic, "a live view could not be made"),
                }
            }
            let rest = (began.elapsed() * REST).max(EVERY);
            tokio::select! {
                () = tokio::time::sleep(rest) => {}
                () = self.sender.closed() => {}
            }
            let mut looking = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
            if self.sender.is_closed() {
                *looking = false;
                return;
            }
        }
    }

    /// Tells the listeners, if `marked` is not what it was.
    fn show(&self, place: usize, shown: &str, marked: &str) {
        let hash = Sha256::digest(marked);
        let mark = [hash[0], hash[1], hash[2], hash[3]];
        self.sender.send_if_modified(|snapshots| {
            let changed = snapshots[place].as_ref().is_none_or(|snapshot| snapshot.mark != mark);
            if changed {
                snapshots[place] = Some(Snapshot { mark, data: shown.into() });
            }
            changed
        });
    }
}

/// A look at one topic: what is shown, and that part of it whose change is news.
async fn view(topic: Topic, db: &Db, now: DateTime<Utc>) -> Result<(String, String), Error> {
    match topic {
        Topic::Queues => {
            let shown = json(&QueuesView::of(db, now, QueuesView::WINDOW).await?)?;
            Ok((shown.clone(), shown))
        }
        Topic::Workers => {
            let mut workers = WorkerView::list(db, false).await?;
            let shown = json(&workers)?;
            // A sign of life each second is no news.
            for worker in &mut workers {
                worker.seen_at = worker.started_at;
                worker.memory_bytes = worker.memory_bytes.map(|bytes| bytes / MEMORY_STEP);
            }
            Ok((shown, json(&workers)?))
        }
        Topic::Errors => {
            let shown = json(&ErrorGroup::newest(db, GROUPS).await?)?;
            Ok((shown.clone(), shown))
        }
    }
}

fn json<T: serde::Serialize>(value: &T) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| Error::Internal(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_are_told_what_changed_and_nothing_else() {
        let live = Live::default();
        let mut listener = live.sender.subscribe();
        live.show(0, "[1]", "1");
        assert!(listener.has_changed().unwrap());
        let first = listener.borrow_and_update()[0].clone().unwrap();
        live.show(0, "[1, \"seen a second later\"]", "1");
        assert!(!listener.has_changed().unwrap());
        live.show(1, "[2]", "2");
        let snapshots = listener.borrow_and_update().clone();
        assert_eq!(snapshots[0].as_ref(), Some(&first));
        assert_eq!(&*snapshots[1].as_ref().unwrap().data, "[2]");
        live.show(0, "[3]", "3");
        assert_ne!(listener.borrow_and_update()[0].as_ref().unwrap().mark, first.mark);
    }
}
