//! From the commit of a cancel to the end of the run it stopped.

use std::time::{Duration, Instant};

use queue::ledger::{self, Action, By, State};

use super::{Bench, figure, load};
use crate::{
    jobs::Sleep,
    report::{Goal, Results, Table, progress},
    stats,
};

/// Sizes of the scenario.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Running jobs that are cancelled, one after the other.
    #[arg(long, default_value_t = 100)]
    jobs: u64,
}

pub async fn run(bench: &Bench, args: &Args) -> anyhow::Result<Results> {
    let stage = &bench.stage;
    let machine = stage.machine().await?;
    let mut table =
        Table::new("Cancelling running jobs: commit to `cancelled`", &["run", "p50 ms", "p99 ms", "worst ms"]);
    let mut p99s = Vec::new();
    for run in 1..=bench.runs {
        progress(&format!("cancel, run {run} of {}", bench.runs));
        stage.clear().await?;
        let mut worker = stage.worker(bench.size, false).await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        load::bulk(&stage.db, args.jobs, 100, |n| Sleep { n, ms: 600_000, first_ms: None }).await?;
        let ids = loop {
            let unfinished = ledger::unfinished(&stage.db).await?;
            if unfinished.iter().all(|job| job.state == State::Running) {
                break unfinished.into_iter().map(|job| job.id);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        let mut took = Vec::new();
        for id in ids {
            let mut tx = stage.db.begin().await?;
            ledger::operate(&mut tx, id, Action::Cancel, &By::system("a benchmark")).await?;
            tx.commit().await?;
            let asked = Instant::now();
            while ledger::get(&stage.db, id).await?.is_some_and(|job| job.state != State::Cancelled) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            took.push(asked.elapsed().as_secs_f64() * 1e3);
        }
        worker.stop().await?;
        p99s.push(stats::percentile(&took, 99.0));
        let cells = [50.0, 99.0, 100.0].map(|p| figure(stats::percentile(&took, p)));
        table.row(std::iter::once(run.to_string()).chain(cells));
    }
    let p99 = stats::median(&p99s);
    let goal = Goal::new("cancelling: the handler is told within 1 s at p99", format!("{p99:.0} ms"), p99 <= 1e3);
    Ok(Results {
        command: String::new(),
        machine,
        tables: vec![table],
        goals: vec![goal],
        samples: [("p99 ms".to_owned(), p99s)].into(),
    })
}
