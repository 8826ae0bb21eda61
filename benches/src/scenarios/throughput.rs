//! Jobs a second: enqueueing in batches, draining no-op jobs, draining jobs that write.

use std::time::Duration;

use super::{Bench, figure, load};
use crate::{
    jobs::{Noop, Write},
    peers::{Measured, Peer},
    report::{Goal, Results, Table, progress},
    stats,
};

const INNODB: &str = "InnoDB, fsync at each commit";
const AOF: &str = "Redis AOF, fsync each second";

/// Sizes of the throughput scenarios.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Jobs a run.
    #[arg(long, default_value_t = 50_000)]
    jobs: u64,
    /// Jobs a run for Celery, which takes a minute for 50,000.
    #[arg(long, default_value_t = 5_000)]
    celery_jobs: u64,
    /// Jobs that write, a run.
    #[arg(long, default_value_t = 20_000)]
    write_jobs: u64,
    /// Jobs a transaction, an addBulk or a push.
    #[arg(long, default_value_t = 1_000)]
    batch: usize,
    /// Jobs BullMQ's worker runs at a time.
    #[arg(long, default_value_t = 100)]
    bullmq_concurrency: u32,
    /// Celery's pool.
    #[arg(long, default_value = "prefork")]
    celery_pool: String,
    #[arg(long, default_value_t = 2)]
    celery_concurrency: u32,
    /// Connections of the bare SQL loop.
    #[arg(long, default_value_t = 2)]
    sql_connections: u32,
    /// Leave the peers out.
    #[arg(long)]
    ours_only: bool,
    /// Only these: enqueue, drain, write.
    #[arg(long, value_delimiter = ',', default_value = "enqueue,drain,write")]
    only: Vec<String>,
}

/// One side of a comparison.
#[derive(Clone, Default)]
struct Side {
    name: String,
    durability: &'static str,
    note: String,
    jobs: u64,
    rates: Vec<f64>,
}

impl Side {
    fn median(&self) -> f64 {
        stats::median(&self.rates)
    }
}

#[derive(Clone)]
enum Who {
    Ours,
    Peer(Peer, &'static str, Vec<String>, &'static str),
}

pub async fn run(bench: &Bench, args: &Args) -> anyhow::Result<Results> {
    let machine = bench.stage.machine().await?;
    let wanted = |name: &str| args.only.iter().any(|only| only == name);
    let mut results = Results { command: String::new(), machine, tables: vec![], goals: vec![], samples: [].into() };
    if wanted("enqueue") {
        let sides = compare(bench, args, "enqueue", enqueue_sides(args)).await?;
        results.tables.push(table(&format!("Enqueue, batches of {}", args.batch), &sides));
        if let Some(ratio) = ratio(&sides, "BullMQ") {
            let measured = format!("{ratio:.2} x");
            results.goals.push(Goal::new("batched enqueue >= 1.5 x BullMQ's addBulk", measured, ratio >= 1.5));
        }
        keep(&mut results, "enqueue", &sides);
    }
    if wanted("drain") {
        let sides = compare(bench, args, "drain", drain_sides(args)).await?;
        results.tables.push(table("Drain of no-op jobs, one worker process", &sides));
        if let Some(ratio) = ratio(&sides, "bare SQL, writes alone") {
            let measured = format!("{:.0} %", ratio * 100.0);
            results.goals.push(Goal::new("drain >= 80 % of bare SQL doing the same writes", measured, ratio >= 0.8));
        }
        if let Some(ratio) = ratio(&sides, "BullMQ") {
            results.goals.push(Goal::new("drain >= BullMQ", format!("{ratio:.2} x"), ratio >= 1.0));
        }
        keep(&mut results, "drain", &sides);
    }
    if wanted("write") {
        let sides = compare(bench, args, "write", write_sides(args)).await?;
        results.tables.push(table("Drain of jobs with one writing transaction each, one worker process", &sides));
        if let Some(ratio) = ratio(&sides, "Celery") {
            let measured = format!("{ratio:.1} x");
            results.goals.push(Goal::new("one writing transaction a job >= 3 x Celery", measured, ratio >= 3.0));
        }
        keep(&mut results, "write", &sides);
    }
    Ok(results)
}

fn strings(args: &[&str]) -> Vec<String> {
    args.iter().map(|&arg| arg.to_owned()).collect()
}

fn enqueue_sides(args: &Args) -> Vec<Who> {
    let (jobs, batch, few) = (args.jobs.to_string(), args.batch.to_string(), args.celery_jobs.to_string());
    let sized = strings(&["--jobs", &jobs, "--batch", &batch]);
    vec![
        Who::Ours,
        Who::Peer(Peer::Sql, "enqueue", sized.clone(), INNODB),
        Who::Peer(Peer::BullMq, "enqueue", sized.clone(), AOF),
        Who::Peer(Peer::Apalis, "enqueue", sized, AOF),
        Who::Peer(Peer::Celery, "enqueue", strings(&["--jobs", &few]), AOF),
    ]
}

fn drain_sides(args: &Args) -> Vec<Who> {
    let (jobs, few, connections) =
        (args.jobs.to_string(), args.celery_jobs.to_string(), args.sql_connections.to_string());
    let sql = strings(&["--jobs", &jobs, "--connections", &connections, "--batch", "500"]);
    let bullmq = strings(&["--jobs", &jobs, "--concurrency", &args.bullmq_concurrency.to_string()]);
    vec![
        Who::Ours,
        Who::Peer(Peer::Sql, "drain", sql.clone(), INNODB),
        Who::Peer(Peer::Sql, "find-and-drain", sql, INNODB),
        Who::Peer(Peer::BullMq, "drain", bullmq, AOF),
        Who::Peer(Peer::Apalis, "drain", strings(&["--jobs", &jobs]), AOF),
        Who::Peer(Peer::Celery, "drain", celery(args, &few), AOF),
    ]
}

fn write_sides(args: &Args) -> Vec<Who> {
    let few = args.celery_jobs.to_string();
    vec![
        Who::Ours,
        Who::Peer(Peer::Celery, "write", celery(args, &few), "Redis AOF each second; its write InnoDB, fsync"),
    ]
}

fn celery(args: &Args, jobs: &str) -> Vec<String> {
    let concurrency = args.celery_concurrency.to_string();
    strings(&["--jobs", jobs, "--pool", &args.celery_pool, "--concurrency", &concurrency])
}

/// Every side once, as often as asked: what slows the machine for a while slows all of them.
async fn compare(bench: &Bench, args: &Args, scenario: &str, sides: Vec<Who>) -> anyhow::Result<Vec<Side>> {
    let mut table: Vec<Side> = vec![Side::default(); sides.len()];
    for run in 1..=bench.runs {
        progress(&format!("{scenario}, run {run} of {}", bench.runs));
        for (who, side) in sides.iter().zip(&mut table) {
            let measured = match who {
                Who::Ours => ours(bench, args, scenario).await.map(|measured| (measured, INNODB)),
                Who::Peer(..) if args.ours_only => continue,
                Who::Peer(peer, scenario, args, durability) => {
                    let args: Vec<&str> = args.iter().map(String::as_str).collect();
                    bench.peer(peer, scenario, &args).await.map(|measured| (measured, *durability))
                }
            };
            match (measured, who) {
                (Ok((measured, durability)), _) => {
                    let rate = measured.jobs_per_second();
                    progress(&format!("    {}: {} jobs/s", measured.peer, figure(rate)));
                    side.rates.push(rate);
                    *side = Side {
                        name: measured.peer,
                        note: measured.note,
                        jobs: measured.jobs,
                        durability,
                        rates: std::mem::take(&mut side.rates),
                    };
                }
                (Err(error), Who::Peer(peer, ..)) if std::env::var_os("CI").is_none() => {
                    let reason: String = format!("{error:#}").lines().take(2).collect::<Vec<_>>().join(" ");
                    progress(&format!("    {peer:?}: {reason}"));
                    *side = Side { name: format!("{peer:?}"), note: reason, ..side.clone() };
                }
                (Err(error), _) => return Err(error),
            }
        }
    }
    Ok(table)
}

async fn ours(bench: &Bench, args: &Args, scenario: &str) -> anyhow::Result<Measured> {
    let stage = &bench.stage;
    stage.clear().await?;
    let mut measured = Measured { peer: "ours".into(), scenario: scenario.into(), ..Measured::default() };
    progress(&format!("  ours {scenario}"));
    if scenario == "enqueue" {
        measured.jobs = args.jobs;
        measured.seconds = Some(load::bulk(&stage.db, args.jobs, args.batch, |n| Noop { n }).await?);
        measured.note = "one connection".into();
        return Ok(measured);
    }
    if scenario == "write" {
        measured.jobs = args.write_jobs;
        load::bulk(&stage.db, args.write_jobs, args.batch, |n| Write { n, ms: 0, first_ms: None }).await?;
    } else {
        measured.jobs = args.jobs;
        load::bulk(&stage.db, args.jobs, args.batch, |n| Noop { n }).await?;
    }
    let mut worker = stage.worker(bench.size, false).await?;
    let limit = Duration::from_secs(300);
    let (journal, jobs) = (worker.journal.clone(), measured.jobs);
    // The ledger is not asked before the last handler has begun: counting rows would slow what is measured.
    worker.process.wait_until(limit, || async { journal.begun() >= jobs }).await?;
    stage.wait_completed(limit).await?;
    measured.seconds = Some(stage.seconds_of_work().await?);
    measured.note = format!("concurrency {}, {} connections", bench.size.concurrency, bench.size.pool);
    worker.process.terminate(Duration::from_secs(20)).await?;
    if scenario == "write" {
        let rows = stage.count("SELECT COUNT(*) FROM bench_writes").await?;
        anyhow::ensure!(rows == i64::try_from(jobs)?, "{jobs} jobs left {rows} rows");
    }
    Ok(measured)
}

fn table(title: &str, sides: &[Side]) -> Table {
    let mut table =
        Table::new(title, &["who", "jobs/s (median)", "lowest–highest", "ours is", "jobs", "durability", "settings"]);
    let ours = sides.first().map_or(f64::NAN, Side::median);
    for side in sides.iter().filter(|side| !side.name.is_empty()) {
        let (low, high) = (stats::percentile(&side.rates, 0.0), stats::percentile(&side.rates, 100.0));
        let ratio = ours / side.median();
        table.row([
            side.name.clone(),
            figure(side.median()),
            format!("{}–{}", figure(low), figure(high)),
            if ratio.is_nan() { "–".into() } else { format!("{ratio:.2} x") },
            figure(side.jobs as f64),
            side.durability.into(),
            side.note.clone(),
        ]);
    }
    table
}

/// Ours to the peer whose name begins so, by medians.
fn ratio(sides: &[Side], peer: &str) -> Option<f64> {
    let peer = sides.iter().find(|side| side.name.starts_with(peer) && !side.rates.is_empty())?;
    Some(sides.first()?.median() / peer.median())
}

fn keep(results: &mut Results, scenario: &str, sides: &[Side]) {
    for side in sides.iter().filter(|side| !side.rates.is_empty()) {
        results.samples.insert(format!("{scenario}: {}", side.name), side.rates.clone());
    }
}
