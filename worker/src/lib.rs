//! The worker: runs the jobs of the queues it is given.

pub mod admin;
pub mod check;
pub mod scratch;
pub mod settings;

use anyhow::Context as _;
use infra::{
    cache::Cache,
    clock::Clock,
    db::{Db, Hint},
    mail::Mailer,
    queue,
    search::SearchBackend,
    storage::Storage,
};
use jobs::{Fleet, FleetSettings, Registry, content::scan::Scanner};
use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;

use settings::RunSettings;

/// Builds everything and runs jobs until `shutdown`; returns once they are finished or handed back.
pub async fn run(settings: RunSettings, shutdown: CancellationToken) -> anyhow::Result<()> {
    infra::tls::install();
    let database_url = settings.database.url.expose_secret().to_owned();
    let db = Db::connect_worker(&database_url, settings.database.pool_size).await?;
    let belt = jobs::connect_belt(settings.redis.queue_url.expose_secret(), &settings.redis.prefix).await?;
    let cache = Cache::connect(&settings.redis)?;
    let events = cache.clone();
    db.set_hint_sink(queue::hint_sink(belt.clone(), move |hint| {
        if let Hint::NanoEvent(nano) = hint {
            let events = events.clone();
            tokio::spawn(async move { events.publish_event_hint(nano).await });
        }
    }));
    let search = SearchBackend::connect(&settings.search).await?;
    let scratch = scratch::prepare(&settings.scratch_dir)?;
    let rules = settings.rules_dir.clone();
    let scanner = tokio::task::spawn_blocking(move || Scanner::new(rules.as_deref()))
        .await?
        .context("the scan rules do not compile")?;
    let context = jobs::Context {
        db,
        storage: Storage::connect(&settings.storage).await?,
        search,
        cache,
        mailer: Mailer::connect(&settings.mail)?,
        scanner: scanner.into(),
        clock: Clock::System,
        settings: jobs::Settings {
            review_policy: settings.review_policy,
            archive_limits: settings.archive_limits,
            scratch: scratch.path().to_owned(),
            public_url: settings.mail.public_url.to_string(),
            ledger_days: settings.ledger_days,
        }
        .into(),
    };
    let fleet = Fleet {
        settings: FleetSettings {
            queues: settings.queues,
            name: format!("{}:{}", hostname(), std::process::id()),
            version: env!("CARGO_PKG_VERSION").into(),
            database_url,
            drain: settings.drain,
            alive_file: settings.alive_file,
        },
        registry: Registry::all(),
        context,
        belt,
    };
    fleet.run(shutdown).await
}

fn hostname() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("HOSTNAME").ok())
        .map_or_else(|| "worker".into(), |name| name.trim().to_owned())
}
