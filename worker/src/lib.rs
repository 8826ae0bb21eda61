//! The worker: runs the jobs of the queues it is given.

pub mod admin;
pub mod audit;
pub mod backup;
pub mod check;
pub mod commands;
pub mod periodic;
pub mod reader;
pub mod run_one;
pub mod scratch;
pub mod settings;

use std::{ffi::OsString, path::PathBuf};

use anyhow::Context as _;
use content::scan::Scanner;
use db::{Db, clock::Clock};
use infra::{cache::Cache, mail::Mailer, search::SearchBackend, storage::Storage, telemetry, webhook::WebhookSender};
use queue::{Queue, Worker, WorkerSettings, child::ChildProgram};
use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;

use settings::RunSettings;

/// Builds everything and runs jobs until `shutdown`; returns once they are finished or handed back.
pub async fn run(settings: RunSettings, shutdown: CancellationToken) -> anyhow::Result<()> {
    infra::tls::install();
    let database_url = settings.database.url.expose_secret().to_owned();
    let slots = settings.queues.iter().map(|(_, slots)| slots).sum();
    let db = Db::connect_worker(&database_url, settings.database.worker_pool(slots)).await?;
    tell_connections(&db, &settings.queues);
    db.require_schema().await?;
    jobs::check_data_key(&db, &settings.data_keys, Clock::System.now()).await?;
    let ready = queue::ready::connect(settings.redis.queue_url.expose_secret(), &settings.redis.prefix).await?;
    let cache = Cache::connect(&settings.redis)?;
    ready.push_after_commits(&db);
    cache.publish_event_hints_of(&db);
    cache.forget_after_commits(&db);
    let scratch = scratch::prepare(&settings.scratch_dir)?;
    // Our own rules are tested with the program; others should be known to be wrong before the first upload comes.
    if let Some(rules) = settings.rules_dir.clone() {
        tokio::task::spawn_blocking(move || Scanner::new(Some(&rules)).map(drop))
            .await?
            .context("the scan rules do not compile")?;
    }
    let folder = scratch.path().to_owned();
    let reader = reader::program(&settings)?;
    let context = context(&settings, db.clone(), cache, folder.clone()).await?;
    let worker = Worker {
        settings: WorkerSettings {
            queues: settings.queues,
            name: format!("{}:{}", infra::host::name(), std::process::id()),
            version: env!("CARGO_PKG_VERSION").into(),
            database_url,
            drain: settings.drain,
            alive_file: settings.alive_file,
            child: Some(ChildProgram {
                program: own_program()?,
                args: run_one_arguments(std::env::args_os()),
                envs: Vec::new(),
                limits: settings.child_limits,
                heavy_memory: settings.heavy_memory,
                scratch: folder,
                known_metric: telemetry::metrics::is_ours,
                pass_spans: telemetry::pass_on,
            }),
            reader: Some(reader),
            run_journal: settings.run_journal,
        },
        registry: jobs::registry(),
        context,
        ready,
    };
    tokio::select! {
        ended = worker.run(shutdown) => ended,
        misfit = db.until_misfit() => Err(misfit.into()),
    }
}

/// Says how many connections to the database this worker and its child processes have open at most.
fn tell_connections(db: &Db, queues: &[(Queue, usize)]) {
    const HEARTBEAT: u32 = 1;
    let isolated = |queue: Queue| jobs::KINDS.iter().any(|kind| kind.isolated && kind.queue == queue);
    let children: usize = queues.iter().filter(|(queue, _)| isolated(*queue)).map(|(_, slots)| slots).sum();
    let own = db.connections() + HEARTBEAT;
    let of_children = u32::try_from(children).unwrap_or(u32::MAX).saturating_mul(run_one::CONNECTIONS);
    let connections = own.saturating_add(of_children);
    tracing::info!(
        connections,
        own,
        of_children,
        "database connections: at most {connections} here, and {} for each job that runs in a child process because it was \
         lost twice",
        run_one::CONNECTIONS
    );
}

/// What the handlers get, in a worker and in its child processes alike.
async fn context(settings: &RunSettings, db: Db, cache: Cache, scratch: PathBuf) -> anyhow::Result<jobs::Context> {
    Ok(jobs::Context {
        db,
        storage: Storage::connect(&settings.storage).await?,
        search: SearchBackend::connect(&settings.search).await?,
        cache,
        mailer: Mailer::connect(&settings.mail)?,
        webhooks: WebhookSender::new(settings.webhook_targets.clone())?,
        data_keys: settings.data_keys.clone(),
        clock: Clock::System,
        settings: jobs::Settings {
            review_policy: settings.review_policy,
            archive_limits: settings.archive_limits.clone(),
            scratch,
            rules: settings.rules_dir.clone(),
            public_url: settings.mail.public_url.to_string(),
            ledger_days: settings.ledger_days,
            periodic: settings.periodic.clone(),
        }
        .into(),
    })
}

/// This very program, also when a deployment has put another in its place meanwhile.
pub(crate) fn own_program() -> anyhow::Result<PathBuf> {
    let running = PathBuf::from("/proc/self/exe");
    if cfg!(target_os = "linux") && running.exists() {
        return Ok(running);
    }
    std::env::current_exe().context("this program cannot find itself, to start jobs in child processes")
}

/// The settings given as flags go to the children; those in the environment they inherit.
fn run_one_arguments(own: impl Iterator<Item = OsString>) -> Vec<OsString> {
    std::iter::once("run-one".into()).chain(own.skip(2)).collect()
}
