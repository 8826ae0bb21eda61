//! Rolling restarts under load: nothing lost, nothing done twice, no attempt burnt.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use super::{Bench, figure, load};
use crate::{
    jobs::Write,
    report::{Goal, Results, Table, progress},
    stats::{now_micros, percentile},
};

/// Sizes of the rolling restarts.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Restarts, of two workers in turn.
    #[arg(long, default_value_t = 50)]
    restarts: usize,
    /// Jobs a second meanwhile, each with a writing transaction.
    #[arg(long, default_value_t = 500)]
    rate: u64,
    /// Work of a job before its write.
    #[arg(long, default_value_t = 5)]
    job_ms: u64,
}

/// One SIGTERM.
struct Restart {
    pid: u32,
    at: u64,
    exited: f64,
}

pub async fn run(bench: &Bench, args: &Args) -> anyhow::Result<Results> {
    let stage = &bench.stage;
    let machine = stage.machine().await?;
    stage.clear().await?;
    let mut workers = [stage.worker(bench.size, false).await?, stage.worker(bench.size, false).await?];
    let stop = Arc::new(AtomicBool::new(false));
    let load = tokio::spawn(generate(stage.db.clone(), args.clone(), stop.clone()));
    tokio::time::sleep(Duration::from_secs(2)).await;
    let mut restarts = Vec::new();
    for number in 0..args.restarts {
        let worker = &mut workers[number % 2];
        let (pid, at, started) = (worker.process.pid(), now_micros(), Instant::now());
        let status = worker.process.terminate(Duration::from_secs(110)).await?;
        anyhow::ensure!(status.success(), "a worker ended with {status} after SIGTERM");
        restarts.push(Restart { pid, at, exited: started.elapsed().as_secs_f64() * 1e3 });
        *worker = stage.worker(bench.size, false).await?;
        // The new one takes its share before the next goes.
        tokio::time::sleep(Duration::from_millis(500)).await;
        if (number + 1).is_multiple_of(10) {
            progress(&format!("  {} of {} restarts", number + 1, args.restarts));
        }
    }
    stop.store(true, Ordering::SeqCst);
    let enqueued = load.await??;
    stage.wait_completed(Duration::from_secs(60)).await?;
    for worker in &mut workers {
        worker.process.terminate(Duration::from_secs(110)).await?;
    }

    let mut last_claims = Vec::new();
    for restart in &restarts {
        let pid = restart.pid;
        // The handler's own note: a claim is earlier than the start it leads to.
        let began = stage
            .count(&format!("SELECT CAST(COALESCE(MAX(began), 0) AS SIGNED) FROM bench_writes WHERE pid = {pid}"))
            .await?;
        last_claims.push(u64::try_from(began)?.saturating_sub(restart.at) as f64 / 1e3);
    }
    let rows = stage.count("SELECT COUNT(*) FROM bench_writes").await?;
    let twice = stage
        .count("SELECT COUNT(*) FROM (SELECT n FROM bench_writes GROUP BY n HAVING COUNT(*) > 1) AS twice")
        .await?;
    let missing = i64::try_from(enqueued)? - stage.count("SELECT COUNT(DISTINCT n) FROM bench_writes").await?;
    let failures = stage.count("SELECT CAST(COALESCE(SUM(failures), 0) AS SIGNED) FROM jobs").await?;
    let lost = stage.count("SELECT CAST(COALESCE(SUM(lost), 0) AS SIGNED) FROM jobs").await?;
    // A claim that was handed back before its handler began leaves its mark here.
    let handed_back = stage.count("SELECT CAST(SUM(runs) - COUNT(*) AS SIGNED) FROM jobs").await?;

    let exits: Vec<f64> = restarts.iter().map(|restart| restart.exited).collect();
    let mut table = Table::new(
        format!("{} rolling restarts of two workers at {} jobs/s", args.restarts, args.rate),
        &["after SIGTERM", "p50 ms", "worst ms", "times"],
    );
    for (what, samples) in [("last handler started", &last_claims), ("process ended, all handed back", &exits)] {
        table.row([
            what.to_owned(),
            figure(percentile(samples, 50.0)),
            figure(percentile(samples, 100.0)),
            samples.len().to_string(),
        ]);
    }
    let worst = percentile(&last_claims, 100.0);
    // A worker ends only when all it held is finished or handed back.
    let back = percentile(&exits, 100.0);
    let goals = vec![
        Goal::new(
            format!(
                "{} restarts at {} jobs/s lose nothing, do nothing twice, burn no attempt",
                args.restarts, args.rate
            ),
            format!(
                "{enqueued} jobs: {missing} lost, {twice} done twice, {failures} failures, {lost} reaped, {handed_back} handed back"
            ),
            missing == 0 && twice == 0 && failures == 0 && rows == i64::try_from(enqueued)?,
        ),
        Goal::new("fetching stops within 100 ms of SIGTERM", format!("{worst:.1} ms at worst"), worst <= 100.0),
        Goal::new(
            "unstarted jobs are handed back within 2 s",
            format!("ended after {back:.0} ms at worst"),
            back <= 2000.0,
        ),
    ];
    let samples =
        [("last handler after SIGTERM, ms".to_owned(), last_claims), ("exit after SIGTERM, ms".to_owned(), exits)];
    Ok(Results { command: String::new(), machine, tables: vec![table], goals, samples: samples.into() })
}

/// Jobs at a steady rate until told to stop; returns how many.
async fn generate(db: db::Db, args: Args, stop: Arc<AtomicBool>) -> anyhow::Result<u64> {
    let mut enqueued = 0;
    while !stop.load(Ordering::SeqCst) {
        let job = |n| Write { n, ms: args.job_ms, first_ms: None };
        load::steady(&db, args.rate as f64, enqueued, args.rate, job).await?;
        enqueued += args.rate;
    }
    Ok(enqueued)
}
