//! Response times of the operators' pages on a ledger of millions, while jobs are enqueued, claimed and completed
//! beside them, and while old ones are pruned.

mod ledger;
mod looks;

use std::{
    collections::BTreeMap,
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
    ledger::{list, workers},
};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use self::looks::Look;
use super::figure;
use crate::{
    jobs::Noop,
    report::{Goal, Results, Table, progress},
    stage::Stage,
    stats::{micros, percentile},
};

/// Sizes of the ledger and of the load.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Jobs in the ledger; it is kept for the next run.
    #[arg(long, default_value_t = 1_000_000)]
    jobs: u64,
    /// Times each page is looked at in each phase.
    #[arg(long, default_value_t = 100)]
    looks: usize,
    /// Jobs a second that are enqueued, claimed and completed meanwhile.
    #[arg(long, default_value_t = 200)]
    rate: u64,
    /// Memory of the database for its pages, in MiB.
    #[arg(long, default_value_t = 1024)]
    buffer_pool: u64,
}

/// Jobs of one claim of the load.
const BATCH: u64 = 20;
/// Jobs older than this are pruned in the second phase.
const PRUNE_DAYS: u32 = 13;

pub async fn run(stage: &Stage, args: &Args) -> anyhow::Result<Results> {
    let schema = format!("nano_bench_admin_{}", args.jobs);
    let create = format!("CREATE DATABASE IF NOT EXISTS {schema} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci");
    let buffer_pool = format!("SET GLOBAL innodb_buffer_pool_size = {}", args.buffer_pool << 20);
    stage.database.query(&format!("{buffer_pool}; {create}")).await?;
    // What a database of this memory is given; with the default of 96 MiB it flushes most of the time. Before MariaDB
    // 10.9 it could not be changed while it runs.
    let redo_log = format!("SET GLOBAL innodb_log_file_size = {}", args.buffer_pool << 18);
    if let Err(error) = stage.database.query(&redo_log).await {
        progress(&format!("  the redo log keeps its size: {error}"));
    }
    let machine = stage.machine().await?;
    let url = stage.database.url_of(&schema);
    let mut db = Db::connect(&url, 20).await?;
    if let Err(error) = db.migrate().await {
        progress(&format!("  the ledger that was kept does not fit ({error}); making another"));
        db.close().await;
        stage.database.query(&format!("DROP DATABASE {schema}; {create}")).await?;
        db = Db::connect(&url, 20).await?;
        db.migrate().await?;
    }
    progress(&format!("admin: a ledger of {} jobs", args.jobs));
    ledger::fill(&db, args.jobs).await?;
    progress("  the pages against plain counts");
    looks::verify(&db).await?;
    let looks = looks::all(&db).await?;

    let title = |phase: &str| format!("The operators' pages on {} jobs, {phase}", figure(args.jobs as f64));
    let columns = ["page", "p50 ms", "p99 ms", "worst ms"];
    let (mut tables, mut samples) = (Vec::new(), BTreeMap::new());
    let (mut worst, mut slowest) = (0.0, String::new());
    for (pruning, phase) in [(false, "beside a load"), (true, "beside a load and pruning")] {
        progress(&format!("  {phase}"));
        let beside = Beside::start(&db, args.rate, pruning);
        let measured = measure(&db, &looks, args.looks).await?;
        let (ran, pruned) = beside.stop().await?;
        let mut table = Table::new(
            format!("{}: {} jobs ran, {} were pruned", title(phase), figure(ran as f64), figure(pruned as f64)),
            &columns,
        );
        for (look, times) in looks.iter().zip(measured) {
            let p99 = percentile(&times, 99.0);
            if p99 > worst {
                (worst, slowest) = (p99, format!("{} {phase}", look.name));
            }
            table.row([
                look.name.to_owned(),
                figure(percentile(&times, 50.0)),
                figure(p99),
                figure(percentile(&times, 100.0)),
            ]);
            samples.insert(format!("{}, {phase}, ms", look.name), times);
        }
        tables.push(table);
    }
    db.close().await;
    let limit = if args.jobs <= 1_000_000 { 100.0 } else { 200.0 };
    let goal = Goal::new(
        format!("every page's p99 <= {limit} ms on {} jobs, under load and pruning", figure(args.jobs as f64)),
        format!("{} ms at worst ({slowest})", figure(worst)),
        worst <= limit,
    );
    Ok(Results { command: String::new(), machine, tables, goals: vec![goal], samples })
}

/// Milliseconds of each look, page by page in turns, so that none has the caches to itself.
async fn measure(db: &Db, looks: &[Look], times: usize) -> anyhow::Result<Vec<Vec<f64>>> {
    let mut measured = vec![Vec::with_capacity(times); looks.len()];
    for round in 0..=times {
        for (look, samples) in looks.iter().zip(&mut measured) {
            let began = Instant::now();
            (look.at)(db.clone(), round).await?;
            // The first round opens connections.
            if round > 0 {
                samples.push(micros(began.elapsed()) as f64 / 1e3);
            }
        }
    }
    Ok(measured)
}

/// What goes on meanwhile.
struct Beside {
    stop: Arc<AtomicBool>,
    ran: Arc<AtomicU64>,
    pruned: Arc<AtomicU64>,
    tasks: Vec<tokio::task::JoinHandle<anyhow::Result<()>>>,
}

impl Beside {
    fn start(db: &Db, rate: u64, pruning: bool) -> Self {
        let (stop, ran, pruned) =
            (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let mut tasks = vec![tokio::spawn(load(db.clone(), rate, stop.clone(), ran.clone()))];
        if pruning {
            tasks.push(tokio::spawn(prune(db.clone(), stop.clone(), pruned.clone())));
        }
        Self { stop, ran, pruned, tasks }
    }

    async fn stop(self) -> anyhow::Result<(u64, u64)> {
        self.stop.store(true, Ordering::SeqCst);
        for task in self.tasks {
            task.await??;
        }
        Ok((self.ran.load(Ordering::SeqCst), self.pruned.load(Ordering::SeqCst)))
    }
}

/// Enqueues, claims and completes, as a worker would.
async fn load(db: Db, rate: u64, stop: Arc<AtomicBool>, ran: Arc<AtomicU64>) -> anyhow::Result<()> {
    let worker = WorkerId(Uuid::now_v7());
    let member = workers::NewWorker {
        id: worker,
        name: "bench".into(),
        version: String::new(),
        queues: "uploads".into(),
        slots: 1,
    };
    workers::register(&db, &member).await?;
    let mut turn = tokio::time::interval(Duration::from_secs_f64(BATCH as f64 / rate.max(1) as f64));
    while !stop.load(Ordering::SeqCst) {
        turn.tick().await;
        let fresh: Vec<Noop> = (0..BATCH).map(|n| Noop { n }).collect();
        let mut tx = db.begin().await?;
        let ids = queue::enqueue_all(&mut tx, &fresh).await?;
        tx.commit().await?;
        let claimed = queue::ledger::claim(&db, worker, ids).await?;
        let fences: Vec<queue::ledger::Fence> = claimed.iter().map(|job| job.fence).collect();
        queue::ledger::complete_all(&db, &fences).await?;
        ran.fetch_add(fences.len() as u64, Ordering::SeqCst);
    }
    workers::stop(&db, worker).await?;
    Ok(())
}

/// What the job `prune_ledger` does, at its pace.
async fn prune(db: Db, stop: Arc<AtomicBool>, pruned: Arc<AtomicU64>) -> anyhow::Result<()> {
    let mut last = JobId(Uuid::nil());
    while !stop.load(Ordering::SeqCst) {
        let began = Instant::now();
        match queue::ledger::prune(&db, LedgerDays::of(PRUNE_DAYS), Clock::System.now(), last).await {
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

/// A number from the ledger.
async fn number(db: &Db, sql: String) -> anyhow::Result<u64> {
    let number: i64 = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(db.unlimited()).await?;
    Ok(number.unsigned_abs())
}

/// How many jobs a walk over all pages of a list finds.
async fn walk(db: &Db, filter: &list::Filter) -> anyhow::Result<(u64, list::Total)> {
    let (mut found, mut cursor, mut total) = (0, None, None);
    loop {
        let page = list::page(db, filter, cursor.as_ref(), 100).await?;
        found += page.jobs.len() as u64;
        total = total.or(Some(page.total));
        match page.next {
            Some(next) => cursor = Some(next),
            None => return Ok((found, total.unwrap_or(list::Total { count: 0, capped: false }))),
        }
    }
}
