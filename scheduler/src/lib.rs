//! The scheduler: turns the cron table into jobs, each tick once, however many replicas run.

pub mod table;

use std::{path::Path, time::Duration};

use chrono::{DateTime, Utc};
use infra::db::{Db, cron};
use jobs::EnqueueError;
use table::Entry;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// Between two looks at the clock: the most a tick is late by.
const LOOK: Duration = Duration::from_secs(1);

/// Fires until `shutdown`, touching `alive_file` at each look. Without a database it waits; what came due meanwhile fires once it is back.
pub async fn run(db: &Db, entries: &[Entry], alive_file: &Path, shutdown: CancellationToken) {
    let mut away = false;
    while !shutdown.is_cancelled() {
        infra::alive::touch(alive_file);
        match fire_due(db, entries).await {
            Ok(_) => away = false,
            Err(error) => {
                if !away {
                    tracing::warn!(%error, "the scheduler waits for the database");
                }
                away = true;
            }
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// Looks once; returns how many ticks this replica fired.
pub async fn fire_due(db: &Db, entries: &[Entry]) -> Result<usize, EnqueueError> {
    let now = cron::now(db).await?;
    let mut fired = 0;
    for entry in entries {
        let last = cron::last_due(db, entry.name, now).await?;
        if let Some(due) = entry.due(last, now) {
            fired += usize::from(fire(db, entry, last, due).await?);
        }
    }
    Ok(fired)
}

/// One tick, which begins a trace.
async fn fire(db: &Db, entry: &Entry, last: DateTime<Utc>, due: DateTime<Utc>) -> Result<bool, EnqueueError> {
    let span = tracing::info_span!("tick", entry = entry.name, %due);
    fire_tick(db, entry, last, due).instrument(span).await
}

/// The tick, its job and the entry's memory commit together; false when another replica was faster.
async fn fire_tick(db: &Db, entry: &Entry, last: DateTime<Utc>, due: DateTime<Utc>) -> Result<bool, EnqueueError> {
    let mut tx = db.begin().await?;
    let job = entry.enqueue(&mut tx).await?;
    if !cron::take_tick(&mut tx, entry.name, last, due, job).await? {
        tx.rollback().await?;
        return Ok(false);
    }
    tx.commit().await?;
    tracing::info!(%job, "fired");
    metrics::counter!("cron_ticks_total", "entry" => entry.name).increment(1);
    Ok(true)
}
