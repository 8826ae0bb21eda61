//! Stock apalis-redis 1.0: its own storage, as its README uses it.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context;
use apalis::prelude::{BackendExt, BoxDynError, Data, ParallelizeExt, TaskSink, WorkerBuilder, WorkerContext};
use apalis_redis::{Config, ConnectionManager, RedisStorage};
use clap::ValueEnum;
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::Measured;
use crate::stats::now_micros;

/// Beyond about 7,990 due tasks its fetch fails for good ("too many results to unpack"): more are drained in turns.
const TURN: u64 = 5_000;
const BATCH: usize = 200;
/// How often an idle worker looks; 10 ms and less make it stall until its next heartbeat.
const POLL: Duration = Duration::from_millis(50);

/// Stock apalis-redis as a peer of the benchmarks.
#[derive(Debug, clap::Args)]
pub struct Args {
    scenario: Scenario,
    /// Port of a Redis server of its own: its database is wiped.
    #[arg(long)]
    redis: u16,
    #[arg(long, default_value_t = 50_000)]
    jobs: u64,
    #[arg(long, default_value_t = 1_000)]
    batch: u64,
    #[arg(long, default_value_t = 20)]
    pause_ms: u64,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Scenario {
    Enqueue,
    Drain,
    Idle,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Noop {
    n: u64,
}

type Storage = RedisStorage<Noop, ConnectionManager>;

#[derive(Default)]
struct Seen {
    begun: AtomicU64,
    wanted: AtomicU64,
    first: Mutex<Option<Instant>>,
    last: Mutex<Option<Instant>>,
    starts: Mutex<Vec<(u64, u64)>>,
    keep_starts: bool,
}

async fn noop(task: Noop, seen: Data<Arc<Seen>>, worker: WorkerContext) -> Result<(), BoxDynError> {
    if seen.keep_starts {
        lock(&seen.starts).push((task.n, now_micros()));
    }
    let begun = seen.begun.fetch_add(1, Ordering::SeqCst) + 1;
    if begun == 1 {
        *lock(&seen.first) = Some(Instant::now());
    }
    if begun == seen.wanted.load(Ordering::SeqCst) {
        *lock(&seen.last) = Some(Instant::now());
        worker.stop()?;
    }
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    let url = format!("redis://127.0.0.1:{}/", args.redis);
    let mut plain = redis::Client::open(url.as_str())?.get_multiplexed_async_connection().await?;
    redis::cmd("FLUSHDB").query_async::<()>(&mut plain).await?;
    let config = Config::default().queue("bench").batch_size(BATCH);
    let storage: Storage = RedisStorage::new(apalis_redis::connect(url.as_str()).await?).with_config(config);
    let mut measured = Measured { peer: "apalis-redis 1.0 (stock)".into(), jobs: args.jobs, ..Measured::default() };
    match args.scenario {
        Scenario::Enqueue => {
            measured.scenario = "enqueue".into();
            measured.seconds = Some(push(storage, 0, args.jobs, args.batch).await?.as_secs_f64());
        }
        Scenario::Drain => {
            measured.scenario = "drain".into();
            let mut seconds = 0.0;
            let mut done = 0;
            while done < args.jobs {
                let turn = TURN.min(args.jobs - done);
                push(storage.clone(), done, turn, args.batch).await?;
                seconds += drain(storage.clone(), turn).await?.as_secs_f64();
                done += turn;
            }
            measured.seconds = Some(seconds);
            measured.note = format!("in turns of {TURN}: more due tasks wedge it; batch_size {BATCH}, parallelize");
        }
        Scenario::Idle => {
            measured.scenario = "idle".into();
            measured.micros = idle(storage, args.jobs, args.pause_ms).await?;
            measured.note = format!("polls every {} ms", POLL.as_millis());
        }
    }
    super::print(&measured)
}

async fn push(mut storage: Storage, first: u64, jobs: u64, batch: u64) -> anyhow::Result<Duration> {
    let started = Instant::now();
    let end = first + jobs;
    for from in (first..end).step_by(usize::try_from(batch)?) {
        let tasks = (from..end.min(from + batch)).map(|n| Noop { n }).collect();
        storage.push_bulk(tasks).await.map_err(|error| anyhow::anyhow!("push: {error}"))?;
    }
    Ok(started.elapsed())
}

/// From the first handler to the last.
async fn drain(storage: Storage, jobs: u64) -> anyhow::Result<Duration> {
    let seen = Arc::new(Seen { wanted: jobs.into(), ..Seen::default() });
    work(storage, seen.clone()).await?;
    let (first, last) = (*lock(&seen.first), *lock(&seen.last));
    Ok(last.context("no job ran")?.duration_since(first.context("no job ran")?))
}

async fn work(storage: Storage, seen: Arc<Seen>) -> anyhow::Result<()> {
    // Restarting under the same name within 30 s is refused.
    WorkerBuilder::new(format!("bench-{}", uuid::Uuid::now_v7()))
        .backend(storage.poll_with_interval(POLL))
        .data(seen)
        .parallelize(tokio::spawn)
        .build(noop)
        .run()
        .await
        .map_err(|error| anyhow::anyhow!("the worker ended: {error}"))
}

async fn idle(storage: Storage, jobs: u64, pause_ms: u64) -> anyhow::Result<Vec<f64>> {
    let seen = Arc::new(Seen { wanted: jobs.into(), keep_starts: true, ..Seen::default() });
    // On a thread of its own: the worker's future is not `Send`.
    let (consumer, noted) = (storage.clone(), seen.clone());
    let worker = std::thread::spawn(move || tokio::runtime::Runtime::new()?.block_on(work(consumer, noted)));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut storage = storage;
    let mut pushed = Vec::new();
    for n in 0..jobs {
        storage.push(Noop { n }).await.map_err(|error| anyhow::anyhow!("push: {error}"))?;
        pushed.push(now_micros());
        let pause = rand::rng().random_range(pause_ms / 2..=pause_ms * 3 / 2);
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
    let ended = tokio::task::spawn_blocking(move || worker.join()).await?;
    ended.map_err(|_| anyhow::anyhow!("the worker panicked"))??;
    let starts = lock(&seen.starts);
    Ok(starts
        .iter()
        .filter_map(|&(n, at)| Some(at.saturating_sub(*pushed.get(usize::try_from(n).ok()?)?) as f64))
        .collect())
}
