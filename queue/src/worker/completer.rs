//! Completes runs whose handlers wrote nothing, many in one statement.
//!
//! The first goes at once; what arrives while it is under way is the next batch, which goes beside it only once it is
//! full. There is no timer, so a lonely job waits for nobody, and the busier the worker, the cheaper each completion.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use db::{Db, DbError};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use crate::{
    ledger::{Claimed, Fence, Incomplete, complete_all, complete_limited, controls::limits},
    worker::progress::Loop,
};

/// Completions in one statement.
const BATCH: usize = 512;
/// Statements under way at a time, so that a busy worker does not wait for one commit before it begins the next.
const AT_ONCE: usize = 3;

struct Completion {
    fence: Fence,
    /// The kind of a run that counts against limits.
    limited: Option<String>,
    written: oneshot::Sender<Completed>,
}

/// What became of a completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Completed {
    Done,
    /// The job had been taken away, or the lease is gone.
    Lost,
    /// It does not go with others: the job was asked for again, or somebody has its row locked.
    Alone,
}

/// Hands completions over. Cheap to clone.
#[derive(Clone)]
pub(super) struct Completer(mpsc::Sender<Completion>);

impl Completer {
    /// The task runs until every clone is gone, or the lease is lost: then everything waiting is refused.
    pub(super) fn start(db: Db, progress: Arc<Loop>, lost: CancellationToken) -> (Self, impl Future<Output = ()>) {
        let (sender, receiver) = mpsc::channel(BATCH * 2);
        let writer = Writer { db, progress, lost };
        (Self(sender), run(writer, receiver))
    }

    /// Marks the run completed; waits for the database as long as the lease lasts.
    pub(super) async fn complete(&self, job: &Claimed) -> Completed {
        let (written, answer) = oneshot::channel();
        let limited = job.limited.then(|| job.kind.clone());
        if self.0.send(Completion { fence: job.fence, limited, written }).await.is_err() {
            return Completed::Lost;
        }
        answer.await.unwrap_or(Completed::Lost)
    }
}

/// Writes batches.
#[derive(Clone)]
struct Writer {
    db: Db,
    progress: Arc<Loop>,
    /// Cancelled when the lease is gone.
    lost: CancellationToken,
}

async fn run(writer: Writer, mut receiver: mpsc::Receiver<Completion>) {
    let mut batch = Vec::with_capacity(BATCH);
    let mut under_way = JoinSet::new();
    loop {
        // While a statement is under way only a full batch goes beside it.
        let go = !batch.is_empty() && (under_way.is_empty() || (batch.len() >= BATCH && under_way.len() < AT_ONCE));
        if go {
            let writer = writer.clone();
            let completions = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
            under_way.spawn(async move { writer.write_and_answer(completions).await });
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
                    writer.write_and_answer(std::mem::take(&mut batch)).await;
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

impl Writer {
    async fn write_and_answer(&self, completions: Vec<Completion>) {
        metrics::histogram!("queue_completion_batch_jobs").record(completions.len() as f64);
        let mut plain: Vec<Fence> = Vec::with_capacity(completions.len());
        let mut limited: BTreeMap<String, Vec<Fence>> = BTreeMap::new();
        for completion in &completions {
            match &completion.limited {
                None => plain.push(completion.fence),
                Some(kind) => limited.entry(kind.clone()).or_default().push(completion.fence),
            }
        }
        let mut incomplete = self.until_lost(plain.len(), || complete_all(&self.db, &plain)).await;
        for (kind, runs) in &limited {
            let more = self.until_lost(runs.len(), || complete_limited(&self.db, kind, runs)).await;
            incomplete = incomplete.zip(more).map(|(mut all, more)| {
                all.refused.extend(more.refused);
                all.left.extend(more.left);
                all
            });
        }
        for completion in completions {
            let completed = match &incomplete {
                Some(incomplete) if incomplete.left.contains(&completion.fence) => Completed::Alone,
                Some(incomplete) if !incomplete.refused.contains(&completion.fence) => Completed::Done,
                _ => Completed::Lost,
            };
            // A run that was dropped meanwhile needs no answer.
            let _ = completion.written.send(completed);
        }
        for (kind, runs) in limited {
            let ended = u32::try_from(runs.len()).unwrap_or(u32::MAX);
            if let Err(error) = limits::release_next(&self.db, &kind, ended).await {
                tracing::debug!(%error, kind, "the next jobs of a limited kind wait for the rescuer");
            }
        }
    }

    /// Writes again and again while the database is away; `None` once the lease is gone.
    async fn until_lost<F>(&self, completions: usize, write: impl Fn() -> F) -> Option<Incomplete>
    where
        F: Future<Output = Result<Incomplete, DbError>>,
    {
        let mut pause = Duration::from_millis(50);
        loop {
            let round = self.progress.begin();
            let written = write().await;
            round.ended(&written);
            match written {
                Ok(incomplete) => return Some(incomplete),
                Err(error) => {
                    tracing::warn!(%error, completions, "completions wait for the database");
                    tokio::select! {
                        () = self.lost.cancelled() => return None,
                        () = tokio::time::sleep(pause) => {}
                    }
                    pause = (pause * 2).min(Duration::from_secs(2));
                }
            }
        }
    }
}
