//! Claim times while old rows are deleted.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use db::{Db, clock::Clock};
use queue::{
    LedgerDays,
    ids::{JobId, WorkerId},
    ledger::{self, workers},
};
use uuid::Uuid;

use super::{Bench, figure};
use crate::{
    jobs::Noop,
    report::{Goal, Results, Table, progress},
    stats::{median, micros, percentile},
};

/// Sizes of the prune.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Old rows to be pruned meanwhile.
    #[arg(long, default_value_t = 150_000)]
    rows: u64,
    /// Claims measured in each phase.
    #[arg(long, default_value_t = 600)]
    claims: usize,
    /// Jobs a claim takes.
    #[arg(long, default_value_t = 20)]
    batch: u64,
}

pub async fn run(bench: &Bench, args: &Args) -> anyhow::Result<Results> {
    let stage = &bench.stage;
    let machine = stage.machine().await?;
    let mut table = Table::new(
        format!("Claiming {} jobs while {} old rows are pruned", args.batch, args.rows),
        &["run", "claim p50 ms", "p99 ms", "while pruning: p50 ms", "p99 ms", "ratio of p99", "rows pruned"],
    );
    let mut ratios = Vec::new();
    for run in 1..=bench.runs {
        progress(&format!("prune, run {run} of {}", bench.runs));
        stage.clear().await?;
        old_rows(&stage.db, args.rows).await?;
        let worker = member(&stage.db).await?;
        claims(&stage.db, worker, 50, args.batch).await?;
        let alone = claims(&stage.db, worker, args.claims, args.batch).await?;

        let (stop, pruned) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let pruning = tokio::spawn(prune(stage.db.clone(), stop.clone(), pruned.clone()));
        let beside = claims(&stage.db, worker, args.claims, args.batch).await?;
        stop.store(true, Ordering::SeqCst);
        pruning.await??;
        let ratio = percentile(&beside, 99.0) / percentile(&alone, 99.0);
        ratios.push(ratio);
        let ms = |samples: &[f64], p| figure(percentile(samples, p) / 1e3);
        table.row([
            run.to_string(),
            ms(&alone, 50.0),
            ms(&alone, 99.0),
            ms(&beside, 50.0),
            ms(&beside, 99.0),
            figure(ratio),
            figure(pruned.load(Ordering::SeqCst) as f64),
        ]);
    }
    let ratio = median(&ratios);
    let goal = Goal::new("claim p99 <= 2 x while pruning", format!("{ratio:.2} x (median)"), ratio <= 2.0);
    let samples = [("claim p99 while pruning, ratio".to_owned(), ratios)];
    Ok(Results { command: String::new(), machine, tables: vec![table], goals: vec![goal], samples: samples.into() })
}

/// Completed jobs of a month ago, made by the server itself.
async fn old_rows(db: &Db, rows: u64) -> anyhow::Result<()> {
    let id = "UNHEX(CONCAT(LPAD(HEX(1600000000000 + seq), 12, '0'), '7000', '8000', LPAD(HEX(seq), 12, '0')))";
    let old = "UTC_TIMESTAMP(6) - INTERVAL 30 DAY + INTERVAL seq SECOND";
    let statements = [
        format!(
            "INSERT INTO jobs (id, kind, args_version, queue, priority, tenant, state, runs, max_failures, run_at,
                               created_at, started_at, finished_at)
             SELECT {id}, 'bench_noop', 1, 'uploads', 2, UNHEX(REPEAT('00', 16)), 'completed', 1, 10, {old}, {old}, {old}, {old}
             FROM seq_1_to_{rows}"
        ),
        format!("INSERT INTO job_payloads (job_id, args) SELECT {id}, '{{\"n\":1}}' FROM seq_1_to_{rows}"),
    ];
    for statement in statements {
        sqlx::query(sqlx::AssertSqlSafe(statement)).execute(db.unlimited()).await?;
    }
    Ok(())
}

/// The harness claims as a worker of its own, so that nothing but the claim is timed.
async fn member(db: &Db) -> anyhow::Result<WorkerId> {
    let id = WorkerId(Uuid::now_v7());
    let worker =
        workers::NewWorker { id, name: "bench".into(), version: String::new(), queues: "uploads".into(), slots: 1 };
    workers::register(db, &worker).await?;
    Ok(id)
}

/// Microseconds of each claim.
async fn claims(db: &Db, worker: WorkerId, count: usize, batch: u64) -> anyhow::Result<Vec<f64>> {
    let mut samples = Vec::new();
    for _ in 0..count {
        let fresh: Vec<Noop> = (0..batch).map(|n| Noop { n }).collect();
        let mut tx = db.begin().await?;
        let ids = queue::enqueue_all(&mut tx, &fresh).await?;
        tx.commit().await?;
        let started = Instant::now();
        let claimed = ledger::claim(db, worker, ids).await?;
        samples.push(micros(started.elapsed()) as f64);
        anyhow::ensure!(claimed.len() as u64 == batch, "claimed {} of {batch}", claimed.len());
        let fences: Vec<ledger::Fence> = claimed.iter().map(|job| job.fence).collect();
        let incomplete = ledger::complete_all(db, &fences).await?;
        anyhow::ensure!(incomplete == Default::default(), "some were not completed: {incomplete:?}");
    }
    Ok(samples)
}

/// What the job `prune_ledger` does, at its pace.
async fn prune(db: Db, stop: Arc<AtomicBool>, pruned: Arc<AtomicU64>) -> anyhow::Result<()> {
    let mut last = JobId(Uuid::nil());
    while !stop.load(Ordering::SeqCst) {
        let began = Instant::now();
        match ledger::prune(&db, LedgerDays::of(14), Clock::System.now(), last).await {
            Ok(Some(step)) => {
                last = step.last;
                pruned.fetch_add(step.jobs as u64, Ordering::SeqCst);
            }
            Ok(None) => {}
            Err(error) if error.is_transient() => {}
            Err(error) => return Err(error.into()),
        }
        tokio::time::sleep(began.elapsed().max(Duration::from_millis(10))).await;
    }
    Ok(())
}
