//! Makes the search index anew from the rows: when it was lost, restored from an earlier time, or the database was.
//!
//! Beside everything that is published and taken down meanwhile: each document carries the version of its row, so the newer of
//! two writes stays. An index in OpenSearch is filled beside the one that is searched and then takes its place; whatever was
//! written to the earlier one until then is read from the rows once more. An embedded one is put right where it is.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use domain::ids::NanoId;
use infra::{
    cache::Shelf,
    db::nanos,
    search::{Change, Known, Renewal, SearchBackend, Written},
};
use queue::{Job, JobError, Level, Outcome, Priority, Queue, Run};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Context, queues, steps::index_change};

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Reindex {}

/// Documents compared in one step.
const STEP: usize = 100;
/// The rest between two steps, so that others get at the index.
const PAUSE: Duration = Duration::from_millis(20);
/// A run that has worked for so long makes room for the changes of single nanos, which go first, and goes on in its next run.
const TURN: Duration = Duration::from_secs(10);

/// What is gone through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stage {
    /// The documents of an index that is put right in place: those of nobody are removed.
    Compare,
    /// The rows.
    Fill,
    /// The rows once more, now that the new index has taken the old one's place.
    Settle,
}

/// How far it is; kept after each step.
#[derive(Debug, Serialize, Deserialize)]
struct Position {
    /// Of this attempt, and so of the index that it fills.
    name: String,
    stage: Stage,
    after: NanoId,
    /// Nanos written in this stage.
    written: u64,
    /// Documents removed.
    removed: u64,
}

impl Position {
    fn enter(&mut self, stage: Stage) {
        (self.stage, self.after, self.written) = (stage, NanoId(Uuid::nil()), 0);
    }
}

impl Job<Context> for Reindex {
    const KIND: &'static str = "reindex";
    const QUEUE: Queue = queues::SEARCH;
    const PRIORITY: Priority = Priority::Bulk;

    fn unique_key(&self) -> Option<String> {
        Some(String::new())
    }

    async fn run(&self, context: &Context, run: &Run) -> Result<Outcome, JobError> {
        let began = Instant::now();
        let mut position = match run.resume(context).await? {
            Some(position) => position,
            None => {
                let name = context.clock.now().format("%Y%m%d%H%M%S%3f").to_string();
                Position { name, stage: Stage::Compare, after: NanoId(Uuid::nil()), written: 0, removed: 0 }
            }
        };
        // Before the index of this name is made: whoever goes on finds it.
        run.checkpoint(context, &position).await?;
        let renewal = context.search.renewal(&position.name).await?;
        if let Renewal::Beside { begun: true, .. } = renewal {
            position.enter(Stage::Fill);
        }
        let total = nanos::count_public(&context.db).await?;
        loop {
            let goes_on = match (&renewal, position.stage) {
                (Renewal::InPlace(contents), Stage::Compare) => compare(context, contents, &mut position).await?,
                (Renewal::InPlace(_), Stage::Fill | Stage::Settle) => {
                    fill(context, &context.search, &mut position).await?
                }
                (Renewal::Beside { index, .. }, Stage::Compare | Stage::Fill) => {
                    fill(context, index, &mut position).await?
                }
                (Renewal::Beside { .. }, Stage::Settle) => fill(context, &context.search, &mut position).await?,
            };
            if !goes_on {
                match (&renewal, position.stage) {
                    (Renewal::InPlace(_), Stage::Compare) => position.enter(Stage::Fill),
                    (Renewal::Beside { index, .. }, Stage::Compare | Stage::Fill) => {
                        index.refresh().await?;
                        context.search.take_over(&position.name).await?;
                        position.enter(Stage::Settle);
                    }
                    (_, Stage::Fill | Stage::Settle) => break,
                }
            }
            run.checkpoint(context, &position).await?;
            match position.stage {
                Stage::Compare => run.progress(position.removed, None, "documents of no nano removed"),
                Stage::Fill => run.progress(position.written, Some(total), "nanos indexed"),
                Stage::Settle => run.progress(position.written, Some(total), "nanos indexed, in the new index"),
            }
            if began.elapsed() > TURN {
                return Ok(Outcome::Snooze(Duration::ZERO));
            }
            tokio::time::sleep(PAUSE).await;
        }
        context.search.remove_leftovers().await?;
        context.search.refresh().await?;
        context.cache.is_stale(Shelf::Lists);
        context.cache.told().await;
        run.progress(position.written, Some(position.written), "nanos indexed");
        let fields = [("nanos", position.written.into()), ("removed", position.removed.into())];
        run.log(Level::Info, "the search index is made anew", &fields);
        Ok(Outcome::Done)
    }
}

/// Compares the next documents with their rows. Those of nanos that nobody may read, or that there are not, are removed. A document
/// with a higher version than its row is of a time that the database does not know: the row's version goes above it, or the index
/// would refuse everything that is made from that row. False when there are no more.
async fn compare(context: &Context, contents: &[Known], position: &mut Position) -> Result<bool, JobError> {
    let from = contents.partition_point(|known| known.id <= position.after);
    let step = &contents[from..contents.len().min(from + STEP)];
    let Some(last) = step.last() else { return Ok(false) };
    let ids: Vec<NanoId> = step.iter().map(|known| known.id).collect();
    // Read after the contents: what is written meanwhile has a row of at least that version.
    let rows = nanos::index_versions(&context.db, &ids).await?;
    let rows: HashMap<NanoId, (bool, u64)> =
        rows.into_iter().map(|(id, status, version)| (id, (status.is_public(), version))).collect();
    let mut gone = Vec::new();
    for known in step {
        let (public, mut version) = rows.get(&known.id).copied().unwrap_or((false, known.version));
        if known.version > version {
            version = known.version.saturating_add(1);
            let mut tx = context.db.begin().await?;
            nanos::raise_index_version(&mut tx, known.id, version).await?;
            tx.commit().await?;
        }
        if known.published && !public {
            gone.push(Change::Delete { id: known.id, version });
        }
    }
    if !gone.is_empty() {
        let written = context.search.apply(gone).await?;
        position.removed += written.iter().filter(|written| **written == Written::Applied).count() as u64;
    }
    position.after = last.id;
    Ok(true)
}

/// Writes the next nanos as their rows are now. Of those that are public no more a removal is written: a write of before that comes
/// late does not bring them back. False when there are no more.
async fn fill(context: &Context, index: &SearchBackend, position: &mut Position) -> Result<bool, JobError> {
    let nanos = nanos::once_public(&context.db, position.after).await?;
    let Some(last) = nanos.last().map(|nano| nano.id) else { return Ok(false) };
    let mut changes = Vec::with_capacity(nanos.len());
    let mut public = 0;
    for nano in nanos {
        let change = index_change(context, nano).await?;
        public += u64::from(matches!(change, Change::Upsert { .. }));
        changes.push(change);
    }
    index.apply(changes).await?;
    position.written += public;
    position.after = last;
    Ok(true)
}
