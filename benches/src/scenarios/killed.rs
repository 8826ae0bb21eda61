//! SIGKILL of a worker with running jobs: how long until another one runs them again.

use std::time::Duration;

use super::{Bench, figure, load};
use crate::{
    jobs::Sleep,
    report::{Goal, Results, Table, progress},
    stage::WorkerSize,
    stats::{now_micros, percentile},
};

/// Sizes of the killed worker.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Workers killed.
    #[arg(long, default_value_t = 5)]
    kills: u64,
    /// Jobs each of them runs when it is killed.
    #[arg(long, default_value_t = 40)]
    jobs: u64,
}

pub async fn run(bench: &Bench, args: &Args) -> anyhow::Result<Results> {
    let stage = &bench.stage;
    let machine = stage.machine().await?;
    let limit = Duration::from_secs(60);
    let mut seconds = Vec::new();
    let mut burnt = 0;
    for kill in 1..=args.kills {
        progress(&format!("kill {kill} of {}", args.kills));
        stage.clear().await?;
        load::bulk(&stage.db, args.jobs, 1000, |n| Sleep { n, ms: 0, first_ms: Some(120_000) }).await?;
        let size = WorkerSize { concurrency: usize::try_from(args.jobs)?, ..bench.size };
        let mut killed = stage.worker(size, false).await?;
        let journal = killed.journal.clone();
        killed.process.wait_until(limit, || async { journal.begun() >= args.jobs }).await?;
        let mut other = stage.worker(size, true).await?;
        tokio::time::sleep(Duration::from_millis(500 + 173 * kill)).await;
        let at = now_micros();
        killed.process.kill().await?;
        stage.wait_completed(limit).await?;
        other.stop().await?;
        let starts = other.journal.starts();
        for n in 0..args.jobs {
            let start =
                starts.get(&(n, 2)).ok_or_else(|| anyhow::anyhow!("job {n} has no second run in the journal"))?;
            seconds.push(start.saturating_sub(at) as f64 / 1e6);
        }
        burnt += stage.count("SELECT CAST(SUM(failures) AS SIGNED) FROM jobs").await?;
    }
    let (p50, p99) = (percentile(&seconds, 50.0), percentile(&seconds, 99.0));
    let mut table = Table::new(
        "SIGKILL of a worker: until its jobs run again",
        &["p50 s", "p99 s", "worst s", "jobs", "attempts burnt"],
    );
    table.row([
        figure(p50),
        figure(p99),
        figure(percentile(&seconds, 100.0)),
        seconds.len().to_string(),
        burnt.to_string(),
    ]);
    let goals = vec![
        Goal::new("killed process: rerun p99 <= 15 s", format!("p50 {p50:.1} s, p99 {p99:.1} s"), p99 <= 15.0),
        Goal::new(
            "a job that merely ran in a killed process burns nothing",
            format!("{burnt} attempts burnt"),
            burnt == 0,
        ),
    ];
    let samples = [("rerun after SIGKILL, s".to_owned(), seconds)];
    Ok(Results { command: String::new(), machine, tables: vec![table], goals, samples: samples.into() })
}
