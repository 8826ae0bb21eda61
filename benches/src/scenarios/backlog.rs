//! The memory of Redis while a long backlog lies in the ledger.

use std::time::Duration;

use super::{Bench, figure, load};
use crate::{
    jobs::Sleep,
    report::{Goal, Results, Table, progress},
    stage::WorkerSize,
};

/// Redis may grow by this much over an empty queue, whatever the backlog.
const BOUND: u64 = 4 * 1024 * 1024;

/// Sizes of the backlog.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Backlogs, in jobs.
    #[arg(long, value_delimiter = ',', default_value = "100000,1000000")]
    backlogs: Vec<u64>,
}

pub async fn run(bench: &Bench, args: &Args) -> anyhow::Result<Results> {
    let stage = &bench.stage;
    let machine = stage.machine().await?;
    stage.clear().await?;
    // Its slots stay taken, so that the backlog stays.
    let mut worker = stage.worker(WorkerSize { concurrency: 8, ..bench.size }, false).await?;
    let empty = stage.redis_memory().await?;
    let mut table =
        Table::new("Redis memory with a backlog of available jobs", &["backlog", "used_memory KiB", "above empty KiB"]);
    table.row(["0".to_owned(), figure(empty as f64 / 1024.0), "0".into()]);
    let (mut enqueued, mut most) = (0, 0);
    for &backlog in &args.backlogs {
        progress(&format!("  enqueueing up to {backlog}"));
        let first = enqueued;
        load::bulk(&stage.db, backlog.saturating_sub(enqueued), 1000, |n| Sleep {
            n: first + n,
            ms: 600_000,
            first_ms: None,
        })
        .await?;
        enqueued = enqueued.max(backlog);
        // Several rounds of the dispatcher.
        let mut used = 0;
        for _ in 0..10 {
            tokio::time::sleep(Duration::from_millis(500)).await;
            used = used.max(stage.redis_memory().await?);
        }
        let above = used.saturating_sub(empty);
        most = most.max(above);
        table.row([figure(backlog as f64), figure(used as f64 / 1024.0), figure(above as f64 / 1024.0)]);
    }
    worker.process.kill().await?;
    stage.clear().await?;
    let goal = Goal::new(
        "Redis memory bounded whatever the backlog",
        format!("{} KiB above empty at most", figure(most as f64 / 1024.0)),
        most <= BOUND,
    );
    Ok(Results { command: String::new(), machine, tables: vec![table], goals: vec![goal], samples: [].into() })
}
