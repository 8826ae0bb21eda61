use std::{io::Write, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use infra::{
    db::Db,
    env::{DatabaseArgs, Problems, RedisArgs, TelemetryArgs},
    queue, telemetry,
};
use secrecy::ExposeSecret;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Turns the cron table into jobs. Run two for availability: each tick still fires once.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    redis: RedisArgs,
    #[command(flatten)]
    telemetry: TelemetryArgs,
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
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Some(Command::Healthcheck) = cli.command {
        return exit(infra::alive::check(&cli.alive_file).map_err(Into::into));
    }
    let mut problems = Problems::default();
    let database = cli.database.check(&mut problems);
    let redis = cli.redis.check(&mut problems);
    let telemetry = cli.telemetry.check(&mut problems);
    if let Some(code) = problems.exit_code() {
        return code;
    }
    let (Some(database), Some(redis), Some(telemetry)) = (database, redis, telemetry) else {
        return ExitCode::from(2);
    };
    let running = async {
        infra::tls::install();
        let telemetry = telemetry::init(&telemetry, "nano-scheduler")?;
        let entries = scheduler::table::entries()?;
        let db = Db::connect(database.url.expose_secret(), database.pool_size.min(4)).await?;
        let belt = jobs::connect_belt(redis.queue_url.expose_secret(), &redis.prefix).await?;
        db.set_hint_sink(queue::hint_sink(belt, |_| {}));
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
            tracing::info!(entry = entry.name, expression = entry.expression, zone = %entry.zone, "scheduled");
        }
        scheduler::run(&db, &entries, &cli.alive_file, shutdown).await;
        telemetry.finish().await;
        anyhow::Ok(())
    };
    exit(running.await)
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
