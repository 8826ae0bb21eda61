//! One tenant with a backlog of 100,000 jobs: how long another tenant's job waits beside it.

use std::time::Duration;

use rand::Rng;
use uuid::Uuid;

use super::{Bench, figure, load};
use crate::{
    jobs::Owned,
    report::{Goal, Results, Table, progress},
    stage::WorkerSize,
    stats,
};

/// Sizes of the scenario.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Jobs of the tenant with the backlog.
    #[arg(long, default_value_t = 100_000)]
    backlog: u64,
    /// Single jobs of the other tenant, with pauses.
    #[arg(long, default_value_t = 200)]
    jobs: u64,
    /// How long each job takes, of either tenant.
    #[arg(long, default_value_t = 50)]
    ms: u64,
    /// Jobs at a time.
    #[arg(long, default_value_t = 8)]
    slots: usize,
}

pub async fn run(bench: &Bench, args: &Args) -> anyhow::Result<Results> {
    let machine = bench.stage.machine().await?;
    let mut table = Table::new(
        format!(
            "Single jobs of {} ms beside {} of another tenant, {} slots",
            args.ms,
            figure(args.backlog as f64),
            args.slots
        ),
        &["run", "idle p50 ms", "idle p99 ms", "beside p50 ms", "beside p99 ms", "a job's ms", "backlog left"],
    );
    let (mut idle_p99, mut beside_p99, mut job_ms) = (Vec::new(), Vec::new(), Vec::new());
    for run in 1..=bench.runs {
        progress(&format!("fairness, run {run} of {}", bench.runs));
        let Waits { of: idle, .. } = waits(bench, args, 0).await?;
        let Waits { of: beside, left, job } = waits(bench, args, args.backlog).await?;
        job_ms.push(job);
        let ms = |waits: &[f64], p| stats::percentile(waits, p) / 1e3;
        idle_p99.push(ms(&idle, 99.0));
        beside_p99.push(ms(&beside, 99.0));
        table.row([
            run.to_string(),
            figure(ms(&idle, 50.0)),
            figure(ms(&idle, 99.0)),
            figure(ms(&beside, 50.0)),
            figure(ms(&beside, 99.0)),
            figure(job),
            figure(left as f64),
        ]);
    }
    let (idle, beside, job) = (stats::median(&idle_p99), stats::median(&beside_p99), stats::median(&job_ms));
    let goal = Goal::new(
        "beside a backlog of 100,000 another tenant's job waits at most idle p99 + one job",
        format!("p99 {beside:.1} ms beside it, {idle:.1} ms idle, one job {job:.1} ms (medians)"),
        beside <= idle + job,
    );
    let samples = [("idle p99 ms".to_owned(), idle_p99), ("beside p99 ms".to_owned(), beside_p99)].into();
    Ok(Results { command: String::new(), machine, tables: vec![table], goals: vec![goal], samples })
}

struct Waits {
    /// Commit to handler of the modest tenant's jobs, in microseconds.
    of: Vec<f64>,
    /// What was left of the backlog then.
    left: i64,
    /// How long one job holds its slot, its outcome's commit included: the mean over all while none was free, in
    /// milliseconds.
    job: f64,
}

async fn waits(bench: &Bench, args: &Args, backlog: u64) -> anyhow::Result<Waits> {
    let stage = &bench.stage;
    stage.clear().await?;
    let (greedy, modest) = (Uuid::now_v7(), Uuid::now_v7());
    load::bulk(&stage.db, backlog, 1000, |n| Owned { n: 1_000_000 + n, ms: args.ms, tenant: greedy }).await?;
    let mut worker = stage.worker(WorkerSize { concurrency: args.slots, ..bench.size }, true).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let mut committed = Vec::new();
    for n in 0..args.jobs {
        let at = load::one(&stage.db, &Owned { n, ms: args.ms, tenant: modest }).await?;
        committed.push((n, at));
        let pause = rand::rng().random_range(args.ms..=args.ms * 3);
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let left = stage.unfinished().await?;
    worker.stop().await?;
    let starts = worker.journal.starts();
    let waits = committed
        .into_iter()
        .map(|(n, at)| match starts.get(&(n, 1)) {
            Some(start) => Ok(start.saturating_sub(at) as f64),
            None => anyhow::bail!("job {n} did not start within 2 s of the last"),
        })
        .collect::<anyhow::Result<_>>()?;
    let first = starts.values().min().copied().unwrap_or_default();
    let busy = starts.values().max().map_or(0, |last| last - first) as f64 / 1e3;
    let job = busy * args.slots as f64 / starts.len().saturating_sub(args.slots).max(1) as f64;
    Ok(Waits { of: waits, left, job })
}
