//! Snapshots for the live pages: made once per process and shared by everybody who listens, and only while somebody does.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use chrono::DateTime;
use db::Db;
use domain::words;
use queue::{health, ledger::stats::error_groups};
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use crate::{
    reply::Error,
    views::{ErrorGroup, FleetRows, Overview, QueueRows, QueuesView, StatsView, WorkerView},
};

/// Between two looks; longer when a look takes long, so that looking is at most a fifth of the time.
const EVERY: Duration = Duration::from_secs(2);
const REST: u32 = 4;
/// A worker's memory is news in steps of this many bytes.
const MEMORY_STEP: u64 = 16 << 20;

words! {
    /// What can be followed.
    pub enum Topic ("topic") {
        Queues = "queues",
        Workers = "workers",
        Errors = "errors",
        /// How everything is: queues, failures and figures together.
        Overview = "overview",
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

/// Every topic, in the order of [`Topic::ALL`] and of its variants; none before its first look.
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
    pub fn listen(self: &Arc<Self>, db: &Db) -> watch::Receiver<Snapshots> {
        let mut looking = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        if !*looking {
            *looking = true;
            // What it was when the last listener left is old.
            self.sender.send_replace(Snapshots::default());
            tokio::spawn(self.clone().look(db.clone()));
        }
        self.sender.subscribe()
    }

    async fn look(self: Arc<Self>, db: Db) {
        loop {
            let began = Instant::now();
            self.look_once(&db).await;
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

    /// Everything is read once, and the overview made of the same.
    async fn look_once(&self, db: &Db) {
        // The database's time, which the signs of life of the workers are in.
        let now = match db::clock::now(db).await {
            Ok(now) => now,
            // The pages stay as they are until the database answers again.
            Err(error) => return tracing::warn!(%error, "no live view could be made"),
        };
        let queues = QueueRows::load(db, now, QueuesView::WINDOW).await;
        let queues = self.tell(Topic::Queues, queues.map_err(Error::from), |rows| same(&QueuesView::from(rows)));
        let fleet = FleetRows::load(db).await;
        let fleet = self.tell(Topic::Workers, fleet.map_err(Error::from), |fleet| {
            let mut workers = WorkerView::of(fleet, false);
            let shown = json(&workers)?;
            // A sign of life each second is no news.
            for worker in &mut workers {
                worker.seen_at = worker.started_at;
                worker.memory_bytes = worker.memory_bytes.map(|bytes| bytes / MEMORY_STEP);
            }
            Ok((shown, json(&workers)?))
        });
        let causes = error_groups::page(db, &error_groups::Filter::default(), None, health::CAUSES).await;
        let causes = self.tell(Topic::Errors, causes.map_err(Error::from), |(groups, _)| {
            same(&groups.iter().cloned().map(ErrorGroup::from).collect::<Vec<_>>())
        });
        if let (Some(queues), Some(fleet), Some((causes, _))) = (queues, fleet, causes) {
            self.tell(Topic::Overview, StatsView::last_hour(db, now).await, |runs| {
                let mut overview = Overview::made(&queues, &fleet.workers, &causes, runs.clone(), now);
                let shown = json(&overview)?;
                // That time passes is no news.
                (overview.runs.since, overview.runs.until) = (DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH);
                Ok((shown, json(&overview)?))
            });
        }
    }

    /// Tells the listeners what was found of a topic, and hands it on. `view`: what is shown of it, and that part of this whose
    /// change is news.
    fn tell<T>(
        &self,
        topic: Topic,
        found: Result<T, Error>,
        view: impl FnOnce(&T) -> Result<(String, String), Error>,
    ) -> Option<T> {
        let told = found.and_then(|found| {
            let (shown, marked) = view(&found)?;
            self.show(topic as usize, &shown, &marked);
            Ok(found)
        });
        // The page stays as it is until the database answers again.
        told.inspect_err(|error| tracing::warn!(%error, %topic, "a live view could not be made")).ok()
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

/// Whatever changes is news.
fn same<T: serde::Serialize>(value: &T) -> Result<(String, String), Error> {
    let shown = json(value)?;
    Ok((shown.clone(), shown))
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
