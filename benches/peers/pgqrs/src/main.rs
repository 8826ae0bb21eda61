//! pgqrs in the benchmarks: prints one line of JSON, which benches/src/peers reads. The database it is given must be empty.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use anyhow::{Context, ensure};
use clap::{Parser, ValueEnum};
use pgqrs::{
    Config, Store,
    store::AnyStore,
    types::QueueMessage,
    workers::{Consumer, Producer},
};
use serde_json::json;
use tokio::{sync::Barrier, task::JoinSet};

const QUEUE: &str = "bench";

/// pgqrs as a peer of the benchmarks.
#[derive(Parser)]
struct Args {
    scenario: Scenario,
    #[arg(long)]
    postgres: String,
    #[arg(long, default_value_t = 50_000)]
    jobs: u64,
    /// Jobs enqueued by one statement.
    #[arg(long, default_value_t = 1_000)]
    batch: u64,
    #[arg(long, default_value_t = 4)]
    consumers: u32,
    /// Jobs a consumer takes and archives by one statement each.
    #[arg(long, default_value_t = 50)]
    dequeue: usize,
}

#[derive(Clone, Copy, ValueEnum)]
enum Scenario {
    Enqueue,
    Drain,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let mut config = Config::from_dsn(args.postgres.as_str());
    // Else it refuses more than 1,000 enqueues a second.
    config.validation_config.max_enqueue_per_second = None;
    config.validation_config.max_enqueue_burst = None;
    let store = pgqrs::connect_with_config(&config).await?;
    pgqrs::admin(&store).install().await?;
    store.queue(QUEUE).await?;
    let producer = pgqrs::producer("producer", QUEUE).create(&store).await?;
    let enqueued = enqueue(&producer, &args).await?;
    let (scenario, seconds, note) = match args.scenario {
        Scenario::Enqueue => ("enqueue", enqueued, "one connection".to_owned()),
        Scenario::Drain => {
            let note = format!("{} consumers, batches of {}", args.consumers, args.dequeue);
            ("drain", drain(&store, &args).await?, note)
        }
    };
    let line = json!({
        "peer": format!("pgqrs {}", version().context("Cargo.lock does not name pgqrs")?),
        "scenario": scenario, "jobs": args.jobs, "seconds": seconds, "note": note,
    });
    println!("{line}");
    Ok(())
}

async fn enqueue(producer: &Producer, args: &Args) -> anyhow::Result<f64> {
    let began = Instant::now();
    for first in (0..args.jobs).step_by(usize::try_from(args.batch)?) {
        let jobs: Vec<_> = (first..(first + args.batch).min(args.jobs)).map(|n| json!({ "n": n })).collect();
        producer.batch_enqueue(&jobs).await?;
    }
    Ok(began.elapsed().as_secs_f64())
}

/// From the first dequeue to the last archive's commit.
async fn drain(store: &AnyStore, args: &Args) -> anyhow::Result<f64> {
    let left = Arc::new(AtomicU64::new(args.jobs));
    let together = Arc::new(Barrier::new(args.consumers as usize + 1));
    let mut consumers = JoinSet::new();
    for number in 0..args.consumers {
        let consumer = pgqrs::consumer(&format!("consumer-{number}"), QUEUE).create(store).await?;
        let (left, together, batch) = (left.clone(), together.clone(), args.dequeue);
        consumers.spawn(async move {
            together.wait().await;
            consume(&consumer, batch, &left).await
        });
    }
    together.wait().await;
    let began = Instant::now();
    while let Some(ended) = consumers.join_next().await {
        ended??;
    }
    Ok(began.elapsed().as_secs_f64())
}

/// The loop of pgqrs' own guide to batches.
async fn consume(consumer: &Consumer, batch: usize, left: &AtomicU64) -> anyhow::Result<()> {
    while left.load(Ordering::Relaxed) > 0 {
        let messages = consumer.dequeue_many(batch).await?;
        if messages.is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            continue;
        }
        let ids: Vec<i64> = messages.iter().map(|message| message.id).collect();
        for message in messages {
            handle(message).await?;
        }
        let archived = consumer.archive_many(ids).await?;
        ensure!(archived.iter().all(|archived| *archived), "a job was not this consumer's any more");
        left.fetch_sub(archived.len() as u64, Ordering::Relaxed);
    }
    Ok(())
}

async fn handle(message: QueueMessage) -> anyhow::Result<()> {
    message.payload.get("n").and_then(serde_json::Value::as_u64).context("not a job of ours")?;
    Ok(())
}

/// The version that Cargo.lock holds.
fn version() -> Option<&'static str> {
    let (_, package) = include_str!("../Cargo.lock").split_once("name = \"pgqrs\"\nversion = \"")?;
    package.split('"').next()
}
