use std::{io::Write, path::PathBuf, process::ExitCode, sync::LazyLock};

use chrono::{DateTime, Utc};
use clap::{Parser, Subcommand};
use db::Db;
use infra::{
    env::{DatabaseArgs, Problems, RedisArgs, TelemetryArgs},
    telemetry,
};
use queue::{
    ready,
    schedule::{Scheduler, table::Entry},
};
use scheduler::settings::TableArgs;
use secrecy::ExposeSecret;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Turns the cron table into jobs. Run two for availability: each tick still fires once.
#[derive(Parser)]
#[command(version, long_version = LONG_VERSION.as_str(), about)]
struct Cli {
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    redis: RedisArgs,
    #[command(flatten)]
    telemetry: TelemetryArgs,
    #[command(flatten)]
    table: TableArgs,
    /// Touched at each look at the clock; `scheduler healthcheck` looks at it.
    #[arg(
        long,
        env = "SCHEDULER_ALIVE_FILE",
        value_name = "FILE",
        default_value = "/tmp/nano-scheduler-alive",
        global = true
    )]
    alive_file: PathBuf,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Exit 0 when the scheduler of this container looked at the clock within 30 s.
    Healthcheck,
    /// Check the table, with the changes of CRON_TABLE, and print it with each entry's next five ticks. Needs no
    /// database. Exit status 2: the table makes no sense.
    #[command(alias = "list")]
    Check {
        /// The ticks after this time instead of now. Example: 2027-03-27T12:00:00Z
        #[arg(long, value_name = "TIME")]
        after: Option<DateTime<Utc>>,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut problems = Problems::default();
    match &cli.command {
        Some(Command::Healthcheck) => return exit(queue::alive::check(&cli.alive_file).map_err(Into::into)),
        Some(Command::Check { after }) => {
            let entries = cli.table.check(&mut problems);
            return match (problems.exit_code(), entries) {
                (None, Some(entries)) => exit(print(&entries, after.unwrap_or_else(Utc::now)).map_err(Into::into)),
                (code, _) => code.unwrap_or(ExitCode::from(2)),
            };
        }
        None => {}
    }
    let database = cli.database.check(&mut problems);
    let redis = cli.redis.check(&mut problems);
    let telemetry = cli.telemetry.check(&mut problems);
    let entries = cli.table.check(&mut problems);
    if let Some(code) = problems.exit_code() {
        return code;
    }
    let (Some(database), Some(redis), Some(telemetry), Some(entries)) = (database, redis, telemetry, entries) else {
        return ExitCode::from(2);
    };
    let running = async {
        infra::tls::install();
        let telemetry = telemetry::init(&telemetry, "nano-scheduler")?;
        let db = Db::connect_scheduler(database.url.expose_secret(), database.scheduler_pool()).await?;
        let connections = db.connections();
        tracing::info!(connections, "database connections: at most {connections} here");
        db.require_schema().await?;
        ready::connect(redis.queue_url.expose_secret(), &redis.prefix).await?.push_after_commits(&db);
        let shutdown = CancellationToken::new();
        let (signalled, mut terminate) = (shutdown.clone(), signal(SignalKind::terminate())?);
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            signalled.cancel();
        });
        for entry in &entries {
            let zone = entry.times.zone();
            tracing::info!(entry = entry.name, expression = entry.expression, %zone, enabled = entry.enabled, "scheduled");
        }
        let name = format!("{}:{}", infra::host::name(), std::process::id());
        let ended = tokio::select! {
            () = Scheduler::new(db.clone(), entries, name).run(&cli.alive_file, shutdown) => Ok(()),
            misfit = db.until_misfit() => Err(misfit),
        };
        telemetry.finish().await;
        anyhow::Ok(ended?)
    };
    exit(running.await)
}

/// The build, and the clocks it goes by.
static LONG_VERSION: LazyLock<String> = LazyLock::new(|| {
    format!("{} (time zone database {})", env!("CARGO_PKG_VERSION"), queue::schedule::zone::database())
});

fn print(entries: &[Entry], after: DateTime<Utc>) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for entry in entries {
        let (zone, state) = (entry.times.zone(), if entry.enabled { "" } else { "  (off)" });
        writeln!(out, "{}{state}", entry.name)?;
        writeln!(
            out,
            "  {}  {zone}  jitter {} s  missed ticks: {}",
            entry.expression,
            entry.jitter.as_secs(),
            entry.catch_up
        )?;
        for tick in entry.times.after(after).take(5).filter(|_| entry.enabled) {
            let local = zone.wall(tick).format("%a %F %T");
            writeln!(out, "    {}  {local} {}", tick.format("%FT%TZ"), zone.abbreviation(tick))?;
        }
    }
    Ok(())
}

fn exit(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "scheduler: {error:#}");
            ExitCode::FAILURE
        }
    }
}
