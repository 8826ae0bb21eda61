//! An hour at half the peak, with a transaction that stays open for ten minutes of it and readers that hold their snapshots:
//! what grows, and whether the end is as quick as the beginning.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::ensure;
use db::{Db, clock::Clock};
use queue::{LedgerDays, ids::JobId, ledger};
use sqlx::AssertSqlSafe;
use tokio::{
    task::JoinSet,
    time::{interval, sleep, sleep_until},
};
use uuid::Uuid;

use super::{Bench, figure, load};
use crate::{
    jobs::{Filler, Sleep},
    report::{Goal, Results, Table, progress},
    stage::Stage,
    stats::percentile,
};

/// Sizes of the soak.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// How long it lasts.
    #[arg(long, default_value_t = 60)]
    minutes: u64,
    /// How long the transaction and the readers' snapshots stay open, from the end of the first third on.
    #[arg(long, default_value_t = 10)]
    held_minutes: u64,
    /// Jobs a second; by default half of what the first seconds show to be the peak.
    #[arg(long)]
    rate: Option<u64>,
    /// How long the peak is looked for.
    #[arg(long, default_value_t = 20)]
    peak_seconds: u64,
    /// Jobs a second whose wait is measured, among the others.
    #[arg(long, default_value_t = 50)]
    probes: u64,
    /// Jobs enqueued in one transaction.
    #[arg(long, default_value_t = 100)]
    batch: u64,
    /// Readers with snapshots.
    #[arg(long, default_value_t = 4)]
    readers: u64,
}

/// Who deletes what has completed: as many as keep up with half the peak, each at the pace of the job `prune_ledger`.
const PRUNERS: usize = 4;
/// Jobs that wait while the peak is looked for, at most.
const BACKLOG: i64 = 20_000;
/// Transactions of the load under way.
const AT_ONCE: usize = 8;

pub async fn run(bench: &Bench, args: &Args) -> anyhow::Result<Results> {
    let stage = &bench.stage;
    let machine = stage.machine().await?;
    stage.clear().await?;
    let mut worker = stage.worker(bench.size, true).await?;
    let (rate, peak) = match args.rate {
        Some(rate) => (rate, f64::NAN),
        None => {
            let peak = peak(stage, args).await?;
            ((peak / 2.0) as u64, peak)
        }
    };
    progress(&format!("soak: {} minutes at {} jobs/s", args.minutes, figure(rate as f64)));

    let quarter = Duration::from_secs(args.minutes * 60) / 4;
    let stop = Arc::new(AtomicBool::new(false));
    let filled = Arc::new(AtomicU64::new(0));
    let mut beside = JoinSet::new();
    beside.spawn(fill(stage.db.clone(), args.clone(), rate, stop.clone(), filled.clone()));
    for _ in 0..PRUNERS {
        beside.spawn(prune(stage.db.clone(), stop.clone()));
    }
    for reader in 0..=args.readers {
        beside.spawn(hold(stage.db.clone(), reader, quarter * 4 / 3, Duration::from_secs(args.held_minutes * 60)));
    }

    let (mut quarters, mut committed) = (Vec::new(), Vec::new());
    let per_quarter = args.probes * quarter.as_secs();
    for number in 0..4 {
        let (before, began) = (filled.load(Ordering::Relaxed), Instant::now());
        let probes = load::steady(&stage.db, args.probes as f64, number * per_quarter, per_quarter, |n| Sleep {
            n,
            ms: 0,
            first_ms: None,
        });
        let (probes, longest) = tokio::try_join!(probes, watched(stage, quarter))?;
        let jobs = (filled.load(Ordering::Relaxed) - before) as f64 / began.elapsed().as_secs_f64();
        quarters.push(Quarter { jobs, longest, history: history(stage).await?, mib: mib(stage).await? });
        committed.push(probes);
        progress(&format!("soak, quarter {} of 4: history list {}", number + 1, quarters[number as usize].history));
    }
    stop.store(true, Ordering::Relaxed);
    while let Some(ended) = beside.join_next().await {
        ended??;
    }
    stage.wait_completed(Duration::from_secs(300)).await?;
    worker.stop().await?;
    let starts = worker.journal.starts();
    let waits = committed.iter().map(|probes| waits(probes, &starts)).collect::<anyhow::Result<Vec<_>>>()?;

    let title = format!("{} minutes at {} jobs/s (peak {})", args.minutes, figure(rate as f64), figure(peak));
    let columns = ["quarter", "jobs/s", "p50 ms", "p99 ms", "worst ms", "history list", "at most", "tables MiB"];
    let mut table = Table::new(title, &columns);
    for (number, (quarter, waits)) in quarters.iter().zip(&waits).enumerate() {
        let ms = |p| figure(percentile(waits, p) / 1e3);
        table.row([
            (number + 1).to_string(),
            figure(quarter.jobs),
            ms(50.0),
            ms(99.0),
            ms(100.0),
            figure(quarter.history as f64),
            figure(quarter.longest as f64),
            figure(quarter.mib),
        ]);
    }
    let p99: Vec<f64> = waits.iter().map(|waits| percentile(waits, 99.0) / 1e3).collect();
    let ratio = p99[3] / p99[0];
    let (first, last) = (&quarters[0], &quarters[3]);
    let grown = last.mib / quarters[2].mib;
    let goals = vec![
        Goal::new("p99 of the last quarter <= 1.2 x the first", format!("{ratio:.2} x"), ratio <= 1.2),
        Goal::new(
            "the history list is as long as before the transaction",
            format!("{} after the first quarter, {} after the last", first.history, last.history),
            last.history <= (2 * first.history).max(10_000),
        ),
        Goal::new("the tables do not grow", format!("{grown:.2} x from the third quarter to the last"), grown <= 1.1),
        Goal::new(
            "the load kept its pace",
            format!("{} jobs/s", figure(last.jobs)),
            quarters.iter().all(|quarter| quarter.jobs >= rate as f64 * 0.95),
        ),
    ];
    let samples = [("p99 ms of each quarter".to_owned(), p99)].into();
    Ok(Results { command: String::new(), machine, tables: vec![table], goals, samples })
}

struct Quarter {
    jobs: f64,
    /// The history list at its longest, and at the end.
    longest: i64,
    history: i64,
    mib: f64,
}

/// Jobs a second that are enqueued and completed at once, with as much waiting as the worker can take.
async fn peak(stage: &Stage, args: &Args) -> anyhow::Result<f64> {
    progress(&format!("soak: looking for the peak, {} s", args.peak_seconds));
    let began = Instant::now();
    let mut pushes = JoinSet::new();
    while began.elapsed() < Duration::from_secs(args.peak_seconds) {
        while pushes.len() >= AT_ONCE {
            if let Some(pushed) = pushes.join_next().await {
                pushed??;
            }
        }
        if stage.unfinished().await? < BACKLOG {
            for _ in 0..AT_ONCE {
                pushes.spawn(push(stage.db.clone(), 500));
            }
        } else {
            sleep(Duration::from_millis(20)).await;
        }
    }
    let done = stage.count("SELECT COUNT(*) FROM jobs WHERE state = 'completed'").await?;
    let peak = done as f64 / began.elapsed().as_secs_f64();
    while let Some(pushed) = pushes.join_next().await {
        pushed??;
    }
    stage.wait_completed(Duration::from_secs(120)).await?;
    Ok(peak)
}

async fn push(db: Db, jobs: u64) -> anyhow::Result<()> {
    let jobs: Vec<Filler> = (0..jobs).map(|n| Filler { n }).collect();
    let mut tx = db.begin().await?;
    queue::enqueue_all(&mut tx, &jobs).await?;
    tx.commit().await?;
    Ok(())
}

/// The load, in even batches.
async fn fill(db: Db, args: Args, rate: u64, stop: Arc<AtomicBool>, filled: Arc<AtomicU64>) -> anyhow::Result<()> {
    let began = tokio::time::Instant::now();
    let mut pushes = JoinSet::new();
    for batch in 0_u64.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        sleep_until(began + Duration::from_secs_f64((batch * args.batch) as f64 / rate as f64)).await;
        while pushes.len() >= AT_ONCE {
            if let Some(pushed) = pushes.join_next().await {
                pushed??;
            }
        }
        pushes.spawn(push(db.clone(), args.batch));
        filled.fetch_add(args.batch, Ordering::Relaxed);
    }
    while let Some(pushed) = pushes.join_next().await {
        pushed??;
    }
    Ok(())
}

/// What the job `prune_ledger` does, of jobs that have just completed.
async fn prune(db: Db, stop: Arc<AtomicBool>) -> anyhow::Result<()> {
    let mut last = JobId(Uuid::nil());
    while !stop.load(Ordering::Relaxed) {
        let began = Instant::now();
        match ledger::prune(&db, LedgerDays::of(0), Clock::System.now(), last).await {
            Ok(Some(step)) => last = step.last,
            Ok(None) => {
                // The job begins anew once a day only.
                sleep(Duration::from_secs(5)).await;
                last = JobId(Uuid::nil());
            }
            Err(error) if error.is_transient() => {}
            Err(error) => return Err(error.into()),
        }
        sleep(began.elapsed().max(Duration::from_millis(10))).await;
    }
    Ok(())
}

/// A snapshot that stays open: the first of them has also written a row, the others read once a second.
async fn hold(db: Db, number: u64, after: Duration, time: Duration) -> anyhow::Result<()> {
    sleep(after).await;
    let mut connection = db.unlimited().acquire().await?;
    for statement in [
        "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "START TRANSACTION WITH CONSISTENT SNAPSHOT",
        if number == 0 { "INSERT INTO bench_writes (n, run, pid, began) VALUES (0, 0, 0, 0)" } else { "DO 0" },
    ] {
        sqlx::raw_sql(statement).execute(&mut *connection).await?;
    }
    let (began, mut ticks) = (Instant::now(), interval(Duration::from_secs(1)));
    while began.elapsed() < time {
        ticks.tick().await;
        // The first one only has to be open; a session that says nothing is closed by the server.
        let statement = if number == 0 { "DO 0" } else { "SELECT id, state FROM jobs ORDER BY id LIMIT 100" };
        sqlx::query(statement).fetch_all(&mut *connection).await?;
    }
    sqlx::raw_sql("ROLLBACK").execute(&mut *connection).await?;
    Ok(())
}

/// The longest the history list becomes within this time.
async fn watched(stage: &Stage, time: Duration) -> anyhow::Result<i64> {
    let (began, mut longest) = (Instant::now(), 0);
    while began.elapsed() < time {
        sleep(Duration::from_secs(5).min(time)).await;
        longest = longest.max(history(stage).await?);
    }
    Ok(longest)
}

async fn history(stage: &Stage) -> anyhow::Result<i64> {
    stage
        .count(
            "SELECT CAST(count AS SIGNED) FROM information_schema.innodb_metrics WHERE name = 'trx_rseg_history_len'",
        )
        .await
}

/// Of the ledger's tables with their indexes, as far as the server has given them pages.
async fn mib(stage: &Stage) -> anyhow::Result<f64> {
    let sql = "SELECT CAST(SUM(data_length + index_length) AS SIGNED) FROM information_schema.tables
               WHERE table_schema = DATABASE() AND table_name LIKE 'job%'";
    for table in ["jobs", "job_payloads"] {
        sqlx::query(AssertSqlSafe(format!("ANALYZE TABLE {table}"))).execute(stage.db.unlimited()).await?;
    }
    Ok(stage.count(sql).await? as f64 / f64::from(1 << 20))
}

/// Commit to handler, in microseconds.
fn waits(committed: &HashMap<u64, u64>, starts: &HashMap<(u64, u32), u64>) -> anyhow::Result<Vec<f64>> {
    ensure!(!committed.is_empty(), "a quarter is too short to measure anything");
    committed
        .iter()
        .map(|(n, at)| match starts.get(&(*n, 1)) {
            Some(start) => Ok(start.saturating_sub(*at) as f64),
            None => anyhow::bail!("job {n} completed, but its start is not in the journal"),
        })
        .collect()
}
