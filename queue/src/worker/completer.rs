//! Completes runs whose handlers wrote nothing, many in one statement.
//!
//! The first goes at once; what arrives while it is under way is the next batch, which goes beside it only once it is
//! full. There is no timer, so a lonely job waits for nobody, and the busier the worker, the cheaper each completion.

use std::time::Duration;

use db::Db;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use crate::ledger::{Fence, Fenced, complete_all};

/// Completions in one statement.
const BATCH: usize = 512;
/// Statements under way at a time, so that a busy worker does not wait for one commit before it begins the next.
const AT_ONCE: usize = 3;

struct Completion {
    fence: Fence,
    written: oneshot::Sender<Result<(), Fenced>>,
}

/// Hands completions over. Cheap to clone.
#[derive(Clone)]
pub(super) struct Completer(mpsc::Sender<Completion>);

impl Completer {
    /// The task runs until every clone is gone, or the lease is lost: then everything waiting is refused.
    pub(super) fn start(db: Db, lost: CancellationToken) -> (Self, impl Future<Output = ()>) {
        let (sender, receiver) = mpsc::channel(BATCH * 2);
        (Self(sender), run(db, receiver, lost))
    }

    /// Marks the run completed; waits for the database as long as the lease lasts.
    pub(super) async fn complete(&self, fence: Fence) -> Result<(), Fenced> {
        let (written, answer) = oneshot::channel();
        if self.0.send(Completion { fence, written }).await.is_err() {
            return Err(Fenced::Lost);
        }
        answer.await.unwrap_or(Err(Fenced::Lost))
    }
}

async fn run(db: Db, mut receiver: mpsc::Receiver<Completion>, lost: CancellationToken) {
    let mut batch = Vec::with_capacity(BATCH);
    let mut under_way = JoinSet::new();
    loop {
        // While a statement is under way only a full batch goes beside it.
        let go = !batch.is_empty() && (under_way.is_empty() || (batch.len() >= BATCH && under_way.len() < AT_ONCE));
        if go {
            let (db, lost) = (db.clone(), lost.clone());
            let completions = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
            under_way.spawn(async move { write_and_answer(&db, completions, &lost).await });
        }
        let room = BATCH - batch.len();
        tokio::select! {
            Some(_) = under_way.join_next() => {}
            received = receiver.recv_many(&mut batch, room), if room > 0 => {
                if received == 0 && batch.is_empty() {
                    break;
                }
                if received == 0 {
                    // Nobody is left to add to it.
                    write_and_answer(&db, std::mem::take(&mut batch), &lost).await;
                } else if under_way.is_empty() {
                    // Handlers that are about to end go along.
                    tokio::task::yield_now().await;
                    while batch.len() < BATCH && let Ok(completion) = receiver.try_recv() {
                        batch.push(completion);
                    }
                }
            }
        }
    }
    while under_way.join_next().await.is_some() {}
}

async fn write_and_answer(db: &Db, completions: Vec<Completion>, lost: &CancellationToken) {
    metrics::histogram!("queue_completion_batch_jobs").record(completions.len() as f64);
    let fences: Vec<Fence> = completions.iter().map(|completion| completion.fence).collect();
    let refused = write(db, &fences, lost).await;
    for completion in completions {
        let lost = refused.as_ref().is_none_or(|refused| refused.contains(&completion.fence));
        // A run that was dropped meanwhile needs no answer.
        let _ = completion.written.send(if lost { Err(Fenced::Lost) } else { Ok(()) });
    }
}

/// Which were refused; `None` when all were, because the lease is gone.
async fn write(db: &Db, fences: &[Fence], lost: &CancellationToken) -> Option<Vec<Fence>> {
    let mut pause = Duration::from_millis(50);
    loop {
        match complete_all(db, fences).await {
            Ok(refused) => return Some(refused),
            Err(error) => {
                tracing::warn!(%error, completions = fences.len(), "completions wait for the database");
                tokio::select! {
                    () = lost.cancelled() => return None,
                    () = tokio::time::sleep(pause) => {}
                }
                pause = (pause * 2).min(Duration::from_secs(2));
            }
        }
    }
}
