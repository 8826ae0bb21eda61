//! awa in the benchmarks: prints one line of JSON, which benches/src/peers reads. The database it is given must be empty.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use awa::{
    Client, InsertOpts, InsertParams, JobArgs, JobResult, QueueConfig, QueueStorage, QueueStorageConfig, migrations,
    model::insert::params_with,
};
use clap::{Parser, ValueEnum};
use serde::{Deserialize, Serialize};
use sqlx::{PgPool, postgres::PgPoolOptions};
use tokio::sync::Notify;

const QUEUE: &str = "bench";

/// awa as a peer of the benchmarks.
#[derive(Parser)]
struct Args {
    scenario: Scenario,
    #[arg(long)]
    postgres: String,
    #[arg(long, default_value_t = 50_000)]
    jobs: u64,
    /// Jobs a COPY.
    #[arg(long, default_value_t = 1_000)]
    batch: u64,
    /// `max_workers` of the queue.
    #[arg(long, default_value_t = 100)]
    concurrency: u32,
    /// Dispatchers of the queue.
    #[arg(long, default_value_t = 1)]
    claimers: u16,
    #[arg(long, default_value_t = 20)]
    connections: u32,
}

#[derive(Clone, Copy, ValueEnum)]
enum Scenario {
    Enqueue,
    Drain,
}

#[derive(Serialize, Deserialize, JobArgs)]
struct Noop {
    n: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let pool = PgPoolOptions::new().max_connections(args.connections).connect(&args.postgres).await?;
    migrations::run(&pool).await?;
    // The engine of awa 0.6. A new installation gets it by itself when its first worker starts, which is too late here.
    let store = QueueStorage::new(QueueStorageConfig::default())?;
    store.install(&pool).await?;
    let enqueued = enqueue(&store, &pool, &args).await?;
    let (scenario, seconds, note) = match args.scenario {
        Scenario::Enqueue => ("enqueue", enqueued, "COPY, one connection".to_owned()),
        Scenario::Drain => {
            let note = format!(
                "max_workers {}, {} claimer(s), no deadline, {} connections at most",
                args.concurrency, args.claimers, args.connections
            );
            ("drain", drain(&store, &pool, &args).await?, note)
        }
    };
    let line = serde_json::json!({
        "peer": format!("awa {}", version().context("Cargo.lock does not name awa")?),
        "scenario": scenario, "jobs": args.jobs, "seconds": seconds, "note": note,
    });
    println!("{line}");
    // What awa does in the background ends with the runtime.
    Ok(())
}

async fn enqueue(store: &QueueStorage, pool: &PgPool, args: &Args) -> anyhow::Result<f64> {
    let mut seconds = 0.0;
    for first in (0..args.jobs).step_by(usize::try_from(args.batch)?) {
        let began = Instant::now();
        let jobs = (first..(first + args.batch).min(args.jobs))
            .map(|n| params_with(&Noop { n }, InsertOpts { queue: QUEUE.into(), ..InsertOpts::default() }))
            .collect::<Result<Vec<InsertParams>, _>>()?;
        let inserted = store.enqueue_params_copy(pool, &jobs).await?;
        seconds += began.elapsed().as_secs_f64();
        ensure!(inserted == jobs.len(), "{inserted} of {} jobs were enqueued", jobs.len());
    }
    Ok(seconds)
}

/// From the first handler's start to the commit of the last completion.
async fn drain(store: &QueueStorage, pool: &PgPool, args: &Args) -> anyhow::Result<f64> {
    let (begun, first, last) =
        (Arc::new(AtomicU64::new(0)), Arc::new(std::sync::OnceLock::new()), Arc::new(Notify::new()));
    let (count, start, all, jobs) = (begun.clone(), first.clone(), last.clone(), args.jobs);
    // As in awa's own benchmark of its throughput: a deadline would take each claim off the short path.
    let queue = QueueConfig {
        max_workers: args.concurrency,
        claimers: args.claimers,
        poll_interval: Duration::from_millis(50),
        deadline_duration: Duration::ZERO,
        ..QueueConfig::default()
    };
    let client = Client::builder(pool.clone())
        .queue(QUEUE, queue)
        .register::<Noop, _, _>(move |_: Noop, _| {
            start.get_or_init(Instant::now);
            if count.fetch_add(1, Ordering::Relaxed) + 1 == jobs {
                all.notify_one();
            }
            async { Ok(JobResult::Completed) }
        })
        .build()?;
    client.start().await?;
    tokio::time::timeout(Duration::from_secs(280), last.notified())
        .await
        .with_context(|| format!("only {} of {jobs} jobs have begun", begun.load(Ordering::Relaxed)))?;
    // Counting takes a while itself: the end is when the count that saw it began.
    loop {
        let now = Instant::now();
        let counts = store.queue_counts(pool, QUEUE).await?;
        if counts.terminal >= i64::try_from(jobs)? {
            let first = first.get().context("no job has begun")?;
            return Ok((now - *first).as_secs_f64());
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// The version that Cargo.lock holds.
fn version() -> Option<&'static str> {
    let (_, package) = include_str!("../Cargo.lock").split_once("name = \"awa\"\nversion = \"")?;
    package.split('"').next()
}
