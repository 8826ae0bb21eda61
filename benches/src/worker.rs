//! Our side of the benchmarks: a worker process, built like the product's, that knows only the jobs of the benchmarks.

use std::{path::PathBuf, time::Duration};

use archive::Limits;
use content::LazyScanner;
use domain::review::ReviewPolicy;
use infra::{
    cache::Cache,
    clock::Clock,
    db::Db,
    env::{MailSettings, RedisSettings, SearchSettings, SmtpTls, StorageSettings},
    mail::Mailer,
    queue,
    search::SearchBackend,
    storage::Storage,
};
use jobs::{Fleet, FleetSettings, Registry};
use tokio_util::sync::CancellationToken;

use crate::jobs::{Noop, Owned, QUEUE, Sleep, Write};

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
}

/// Runs jobs until `shutdown`.
pub async fn run(args: WorkerArgs, shutdown: CancellationToken) -> anyhow::Result<()> {
    infra::tls::install();
    let db = Db::connect_worker(&args.database, args.pool).await?;
    let belt = jobs::connect_belt(&args.redis, "bench:").await?;
    db.set_hint_sink(queue::hint_sink(belt.clone(), |_| {}));
    let fleet = Fleet {
        settings: FleetSettings {
            queues: vec![(QUEUE, args.concurrency)],
            name: format!("bench:{}", std::process::id()),
            version: env!("CARGO_PKG_VERSION").into(),
            database_url: args.database.clone(),
            drain: Duration::from_secs(args.drain),
            alive_file: args.folder.join("alive"),
            // None of these jobs reads anything from outside.
            child: None,
        },
        registry: Registry::default().with::<Noop>().with::<Sleep>().with::<Owned>().with::<Write>(),
        context: context(db, &args).await?,
        belt,
    };
    fleet.run(shutdown).await
}

/// The jobs of the benchmarks use nothing of it but the database; none of the others connects before it is used.
async fn context(db: Db, args: &WorkerArgs) -> anyhow::Result<jobs::Context> {
    let nowhere = "http://127.0.0.1:9/";
    let search = SearchSettings::OpenSearch { url: nowhere.parse()?, login: None, index: "bench".into() };
    let storage = StorageSettings {
        endpoint: Some(nowhere.parse()?),
        public_endpoint: None,
        bucket: "bench".into(),
        region: "eu-central-1".into(),
        path_style: true,
        prefix: String::new(),
    };
    let redis = RedisSettings {
        queue_url: args.redis.clone().into(),
        cache_url: args.redis.clone().into(),
        prefix: "bench:".into(),
    };
    let mail = MailSettings {
        host: "localhost".into(),
        port: 9,
        tls: SmtpTls::Never,
        login: None,
        ca_file: None,
        from: "Nano <no-reply@nano.test>".parse()?,
        public_url: nowhere.parse()?,
    };
    Ok(jobs::Context {
        db,
        storage: Storage::connect(&storage).await?,
        search: SearchBackend::connect(&search).await?,
        cache: Cache::connect(&redis)?,
        mailer: Mailer::connect(&mail)?,
        scanner: LazyScanner::default().into(),
        clock: Clock::System,
        settings: jobs::Settings {
            review_policy: ReviewPolicy::FlaggedOnly,
            archive_limits: Limits::default(),
            scratch: args.folder.clone(),
            public_url: nowhere.into(),
            ledger_days: 14,
            periodic: jobs::PeriodicSettings::default(),
        }
        .into(),
    })
}
