//! Our side of the benchmarks: a worker process, built like the product's, that knows only the jobs of the benchmarks.

use std::{path::PathBuf, time::Duration};

use db::{Db, clock::Clock};
use queue::{Queue, QueueContext, Queues, Registry, Worker, WorkerSettings, ready};
use tokio_util::sync::CancellationToken;

use crate::jobs::{Filler, Noop, Owned, QUEUE, QUEUES, Sleep, Write};

/// How a bench worker is run.
#[derive(Debug, Clone, clap::Args)]
pub struct WorkerArgs {
    /// The database of the benchmark.
    #[arg(long)]
    pub database: String,
    /// The queue's Redis.
    #[arg(long)]
    pub redis: String,
    /// Jobs at a time.
    #[arg(long)]
    pub concurrency: usize,
    /// Database connections.
    #[arg(long)]
    pub pool: u32,
    /// Seconds running jobs get after a SIGTERM.
    #[arg(long)]
    pub drain: u64,
    /// Where it writes its journal and its scratch files.
    #[arg(long)]
    pub folder: PathBuf,
    /// Write down when each handler began.
    #[arg(long)]
    pub starts: bool,
    /// Work for as many queues as the product's worker does by default, with that many slots in each.
    #[arg(long)]
    pub every_queue: bool,
}

/// Runs jobs until `shutdown`.
pub async fn run(args: WorkerArgs, shutdown: CancellationToken) -> anyhow::Result<()> {
    let db = Db::connect_worker(&args.database, args.pool).await?;
    let list = ready::connect(&args.redis, "bench:").await?;
    list.push_after_commits(&db);
    let all: &[Queue] = if args.every_queue { &QUEUES } else { &[QUEUE] };
    let worker = Worker {
        settings: WorkerSettings {
            queues: all.iter().map(|queue| (*queue, args.concurrency)).collect(),
            name: format!("bench:{}", std::process::id()),
            version: env!("CARGO_PKG_VERSION").into(),
            database_url: args.database.clone(),
            drain: Duration::from_secs(args.drain),
            alive_file: args.folder.join("alive"),
            // None of these jobs reads anything from outside.
            child: None,
            reader: None,
            run_journal: None,
        },
        registry: Registry::new(Queues { all, heavy: None })
            .with::<Filler>()
            .with::<Noop>()
            .with::<Sleep>()
            .with::<Owned>()
            .with::<Write>(),
        context: Bench { db, clock: Clock::System },
        ready: list,
    };
    worker.run(shutdown).await
}

/// What the jobs of the benchmarks use: the least that the queue needs.
#[derive(Clone)]
pub struct Bench {
    db: Db,
    clock: Clock,
}

impl QueueContext for Bench {
    fn db(&self) -> &Db {
        &self.db
    }

    fn clock(&self) -> &Clock {
        &self.clock
    }
}
