//! A worker that is stopped (SIGSTOP) beyond its lease and wakes up (SIGCONT) with jobs it no longer holds: none of
//! their late writes may come through.

use std::time::Duration;

use super::{Bench, load};
use crate::{
    jobs::Write,
    report::{Goal, Results, Table, progress},
    stage::WorkerSize,
};

/// Sizes of the paused worker.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Jobs the worker holds when it is stopped.
    #[arg(long, default_value_t = 500)]
    jobs: u64,
    /// How long each of them works before it wants to write.
    #[arg(long, default_value_t = 3_000)]
    hold_ms: u64,
}

pub async fn run(bench: &Bench, args: &Args) -> anyhow::Result<Results> {
    use rustix::process::Signal;
    let stage = &bench.stage;
    let machine = stage.machine().await?;
    let limit = Duration::from_secs(60);
    let mut table = Table::new(
        format!("SIGSTOP past the lease: {} jobs that each want to write late", args.jobs),
        &["run", "late writes refused", "late writes committed", "jobs done once by the other worker"],
    );
    let wanted = i64::try_from(args.jobs)?;
    let mut all = true;
    for run in 1..=bench.runs {
        progress(&format!("paused, run {run} of {}", bench.runs));
        stage.clear().await?;
        let job = |n| Write { n, ms: 0, first_ms: Some(args.hold_ms) };
        load::bulk(&stage.db, args.jobs, 1000, job).await?;
        let size = WorkerSize { concurrency: usize::try_from(args.jobs)?, ..bench.size };
        let mut paused = stage.worker(size, false).await?;
        let journal = paused.journal.clone();
        paused.process.wait_until(limit, || async { journal.begun() >= args.jobs }).await?;
        anyhow::ensure!(
            stage.count("SELECT COUNT(*) FROM bench_writes").await? == 0,
            "a job wrote before the stop: raise --hold-ms"
        );
        paused.process.signal(Signal::STOP)?;

        let mut other = stage.worker(bench.size, false).await?;
        stage.wait_completed(limit).await?;
        paused.process.signal(Signal::CONT)?;
        let refused = || journal.counter("queue_late_writes_refused_total");
        let all_refused = paused.process.wait_until(limit, || async { refused() >= args.jobs }).await;
        let late =
            stage.count(&format!("SELECT COUNT(*) FROM bench_writes WHERE pid = {}", paused.process.pid())).await?;
        let once = stage
            .count("SELECT COUNT(*) FROM (SELECT n FROM bench_writes GROUP BY n HAVING COUNT(*) = 1) AS once")
            .await?;
        all &= all_refused.is_ok() && late == 0 && once == wanted;
        table.row([
            run.to_string(),
            format!("{} of {wanted}", refused()),
            late.to_string(),
            format!("{once} of {wanted}"),
        ]);
        for worker in [&mut paused, &mut other] {
            worker.process.terminate(Duration::from_secs(20)).await?;
        }
    }
    let goal = Goal::new(
        "worker paused past its lease: every late write refused",
        if all { format!("{wanted} of {wanted} in each run") } else { "see the table".into() },
        all,
    );
    Ok(Results { command: String::new(), machine, tables: vec![table], goals: vec![goal], samples: [].into() })
}
