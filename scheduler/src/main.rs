use std::{io::Write, path::PathBuf, process::ExitCode, sync::LazyLock, time::Duration};

use chrono::{DateTime, Utc};
use clap::{Parser, Subcommand};
use db::Db;
use infra::{
    env::{DatabaseArgs, DatabaseSettings, MailArgs, Problems, RedisArgs, TelemetryArgs},
    telemetry,
};
use queue::{
    ledger::alerts::{self, AlertState, Channel},
    ready,
    schedule::{Scheduler, table::Entry},
    watch::Watch,
};
use scheduler::{
    alerts::{AlertArgs, AlertSettings, Channels, deliver},
    settings::TableArgs,
};
use secrecy::ExposeSecret;
use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

/// Turns the cron table into jobs, tells how much waits for workers, and alerts people. Run two for availability: each tick
/// still fires once.
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
    #[command(flatten)]
    mail: MailArgs,
    #[command(flatten)]
    alerts: AlertArgs,
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
    /// Show the alerts that last, and what could not be delivered yet.
    Alert {
        /// Send a test to everybody of ALERT_MAIL_TO and to ALERT_WEBHOOK_URL instead, and say what happened. Needs no database.
        /// Exit status 1: one did not arrive. 2: nobody is told of alerts.
        #[arg(long)]
        test: bool,
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
        Some(Command::Alert { test: true }) => {
            let settings = cli.alerts.check(&cli.mail, &mut problems);
            return match (problems.exit_code(), settings) {
                (None, Some(settings)) => try_out(&settings).await,
                (code, _) => code.unwrap_or(ExitCode::from(2)),
            };
        }
        Some(Command::Alert { test: false }) => {
            let database = cli.database.check(&mut problems);
            return match (problems.exit_code(), database) {
                (None, Some(database)) => exit(show_alerts(&database).await),
                (code, _) => code.unwrap_or(ExitCode::from(2)),
            };
        }
        None => {}
    }
    let database = cli.database.check(&mut problems);
    let redis = cli.redis.check(&mut problems);
    let telemetry = cli.telemetry.check(&mut problems);
    let entries = cli.table.check(&mut problems);
    let alerts = cli.alerts.check(&cli.mail, &mut problems);
    if let Some(code) = problems.exit_code() {
        return code;
    }
    let (Some(database), Some(redis), Some(telemetry), Some(entries), Some(alerts)) =
        (database, redis, telemetry, entries, alerts)
    else {
        return ExitCode::from(2);
    };
    let running = async {
        infra::tls::install();
        let telemetry = telemetry::init(&telemetry, "nano-scheduler")?;
        // The watch has connections of its own, one of them for its looks, so that the ticks never wait for it.
        let url = database.url.expose_secret();
        let for_watch = (database.scheduler_pool() - 1).min(2);
        let db = Db::connect_scheduler(url, database.scheduler_pool() - for_watch).await?;
        let watched = Db::connect_scheduler(url, for_watch).await?;
        let connections = db.connections() + watched.connections();
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
        let channels = Channels::new(&alerts)?;
        let addressees = channels.addressees();
        tracing::info!(addressees = addressees.len(), "alerts go to {} addressees", addressees.len());
        let watch = Watch::new(watched.clone(), jobs::QUEUES.all, entries.clone(), alerts.thresholds, addressees);
        let mut beside = JoinSet::new();
        for channel in Channel::ALL {
            beside.spawn(deliver(channels.clone(), *channel, watched.clone(), watch.leads(), shutdown.clone()));
        }
        beside.spawn(watch.run(shutdown.clone()));
        let name = format!("{}:{}", infra::host::name(), std::process::id());
        let ended = tokio::select! {
            () = Scheduler::new(db.clone(), entries, name).run(&cli.alive_file, shutdown.clone()) => Ok(()),
            misfit = db.until_misfit() => Err(misfit),
        };
        shutdown.cancel();
        // What is being sent may end.
        let _ = tokio::time::timeout(ENDS_WITHIN, beside.join_all()).await;
        telemetry.finish().await;
        anyhow::Ok(ended?)
    };
    exit(running.await)
}

/// The build, and the clocks it goes by.
static LONG_VERSION: LazyLock<String> = LazyLock::new(|| {
    format!("{} (time zone database {})", env!("CARGO_PKG_VERSION"), queue::schedule::zone::database())
});

/// How long deliveries under way may take at the end.
const ENDS_WITHIN: Duration = Duration::from_secs(5);

/// Sends everybody a test, and says what happened.
async fn try_out(settings: &AlertSettings) -> ExitCode {
    let lines = async {
        infra::tls::install();
        anyhow::Ok(Channels::new(settings)?.test().await)
    };
    let lines = match lines.await {
        Ok(lines) => lines,
        Err(error) => return exit(Err(error)),
    };
    if lines.is_empty() {
        let _ =
            writeln!(std::io::stderr(), "scheduler: nobody is told of alerts: set ALERT_MAIL_TO or ALERT_WEBHOOK_URL");
        return ExitCode::from(2);
    }
    let mut code = ExitCode::SUCCESS;
    for (to, result) in lines {
        let (word, what) = match &result {
            Ok(answer) => ("ok", answer),
            Err(why) => ("FAILED", why),
        };
        let _ = writeln!(std::io::stdout(), "{word}  {to}: {what}");
        if result.is_err() {
            code = ExitCode::FAILURE;
        }
    }
    code
}

async fn show_alerts(database: &DatabaseSettings) -> anyhow::Result<()> {
    let db = Db::connect_scheduler(database.url.expose_secret(), 1).await?;
    let mut out = std::io::stdout().lock();
    let alerts = alerts::list(&db).await?;
    for alert in alerts.iter().filter(|alert| alert.state != AlertState::Over) {
        let (state, name, since) = (alert.state, &alert.name, alert.since.format("%F %T UTC"));
        writeln!(out, "{state}  {name}  since {since}: {}", alert.summary)?;
    }
    for waiting in alerts::waiting(&db).await? {
        let error = waiting.error.unwrap_or_else(|| "not tried yet".into());
        writeln!(out, "{} notices wait for the {}: {error}", waiting.notices, waiting.channel)?;
    }
    if alerts.iter().all(|alert| alert.state == AlertState::Over) {
        writeln!(out, "no alerts")?;
    }
    Ok(())
}

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
