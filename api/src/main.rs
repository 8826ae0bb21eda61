//! The API's program: `serve` (default), `openapi`, `errors`, `healthcheck`.

use std::{
    io::{Read, Write},
    net::{IpAddr, SocketAddr, TcpStream},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context;
use api::{ApiArgs, AppState, Parts, Settings, auth::jwt::JwtKeys};
use clap::{Args, Parser, Subcommand};
use db::{Db, Replica, clock::Clock};
use infra::{
    cache::Cache,
    env::{
        DatabaseArgs, DatabaseSettings, Problems, RedisArgs, RedisSettings, SearchArgs, SearchSettings, StorageArgs,
        StorageSettings, TelemetryArgs, TelemetrySettings,
    },
    seal::DataKeys,
    search::SearchBackend,
    storage::Storage,
};
use secrecy::ExposeSecret;

/// The HTTP API of the Nano marketplace.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeArgs,
}

#[derive(Subcommand)]
enum Command {
    /// Serve requests (also the default).
    Serve(Box<ServeArgs>),
    /// Print the OpenAPI document.
    Openapi,
    /// Print the page about its error codes, docs/errors.md.
    Errors,
    /// Ask the API on this machine for /health; exit status 0 when it answers.
    Healthcheck(HealthcheckArgs),
}

#[derive(Args)]
struct HealthcheckArgs {
    /// Where the API listens.
    #[arg(long, env = "API_ADDR", value_name = "IP:PORT", default_value = "127.0.0.1:8000")]
    api_addr: SocketAddr,
}

#[derive(Args)]
struct ServeArgs {
    #[command(flatten)]
    api: ApiArgs,
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    redis: RedisArgs,
    #[command(flatten)]
    storage: StorageArgs,
    #[command(flatten)]
    search: SearchArgs,
    #[command(flatten)]
    telemetry: TelemetryArgs,
}

struct Configuration {
    api: Settings,
    keys: JwtKeys,
    data_keys: DataKeys,
    database: DatabaseSettings,
    redis: RedisSettings,
    storage: StorageSettings,
    search: SearchSettings,
    telemetry: TelemetrySettings,
}

impl ServeArgs {
    /// Every group is checked before any problem is reported.
    fn check(&self, problems: &mut Problems) -> Option<Configuration> {
        let api = self.api.check(problems);
        let database = self.database.check(problems);
        let redis = self.redis.check(problems);
        let storage = self.storage.check(problems);
        let search = self.search.check(problems);
        let telemetry = self.telemetry.check(problems);
        let (api, keys, data_keys) = api?;
        Some(Configuration {
            api,
            keys,
            data_keys,
            database: database?,
            redis: redis?,
            storage: storage?,
            search: search?,
            telemetry: telemetry?,
        })
    }
}

fn main() -> ExitCode {
    infra::tls::install();
    let cli = Cli::parse();
    let started = match cli.command {
        Some(Command::Openapi) => {
            // A closed pipe is the reader's choice.
            let _ = writeln!(std::io::stdout().lock(), "{}", api::document().text);
            return ExitCode::SUCCESS;
        }
        Some(Command::Errors) => {
            let _ = write!(std::io::stdout().lock(), "{}", api::error_page());
            return ExitCode::SUCCESS;
        }
        Some(Command::Healthcheck(args)) if is_healthy(args.api_addr) => return ExitCode::SUCCESS,
        Some(Command::Healthcheck(_)) => return ExitCode::FAILURE,
        Some(Command::Serve(args)) => start(&args),
        None => start(&cli.serve),
    };
    // In a sentence, as the worker and the scheduler do: a backtrace is of no use to whoever starts it.
    started.unwrap_or_else(|error| {
        let _ = writeln!(std::io::stderr(), "api: {error:#}");
        ExitCode::FAILURE
    })
}

/// A plain request over a plain socket: all that a container's health check needs.
fn is_healthy(mut address: SocketAddr) -> bool {
    if address.ip().is_unspecified() {
        address.set_ip(IpAddr::from([127, 0, 0, 1]));
    }
    let patience = Duration::from_secs(3);
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&address, patience)?;
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(patience))?;
        stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.take(1024).read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

fn start(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    let mut problems = Problems::default();
    let configuration = args.check(&mut problems);
    if let Some(code) = problems.exit_code() {
        return Ok(code);
    }
    let configuration = configuration.context("the settings are incomplete")?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run(configuration))?;
    Ok(ExitCode::SUCCESS)
}

async fn run(configuration: Configuration) -> anyhow::Result<()> {
    let Configuration { api: settings, keys, data_keys, database, redis, storage, search, telemetry } = configuration;
    let telemetry = infra::telemetry::init(&telemetry, "nano-api")?;
    api::raise_file_limit();
    let db = Db::connect(database.url.expose_secret(), database.api_pool()).await?;
    let replica = match &database.replica_url {
        Some(url) => Some(Db::connect_replica(url.expose_secret(), database.api_pool()).await?),
        None => None,
    };
    let connections = db.connections();
    tracing::info!(connections, "database connections: at most {connections} here");
    db.require_schema().await?;
    jobs::check_data_key(&db, &data_keys, Clock::System.now()).await?;
    let cache = Cache::connect(&redis)?;
    let ready = queue::ready::connect(redis.queue_url.expose_secret(), &redis.prefix).await?;
    ready.push_after_commits(&db);
    cache.publish_event_hints_of(&db);
    cache.forget_after_commits(&db);
    cache.warm().await;
    let address = settings.address;
    let state = AppState::new(Parts {
        storage: Storage::connect(&storage).await?,
        search: SearchBackend::connect(&search).await?,
        hints: cache.event_hints(),
        clock: Clock::System,
        db: db.clone(),
        replica: replica.map(|replica| Replica::watch(db.clone(), replica)),
        cache,
        ready,
        keys,
        data_keys,
        settings,
    })?;
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .with_context(|| format!("API_ADDR={address} cannot be listened on: another process may have the port"))?;
    tracing::info!(address = %listener.local_addr()?, "the API is listening");
    let (leaving, stopping, notice) = (state.leaving.clone(), state.stopping.clone(), state.settings.shutdown_notice);
    tokio::spawn(async move {
        stop_signal().await;
        leaving.cancel();
        if !notice.is_zero() {
            tracing::info!(seconds = notice.as_secs(), "stopping: /ready says so, requests are served meanwhile");
        }
        // Whoever asks twice is in a hurry.
        tokio::select! {
            () = tokio::time::sleep(notice) => {}
            () = stop_signal() => {}
        }
        stopping.cancel();
    });
    tokio::select! {
        () = api::serve(listener, state) => {}
        misfit = db.until_misfit() => return Err(misfit.into()),
    }
    db.close().await;
    telemetry.finish().await;
    Ok(())
}

/// SIGTERM or Ctrl-C.
async fn stop_signal() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => {
                tokio::select! {
                    _ = interrupt => {}
                    _ = terminate.recv() => {}
                }
            }
            Err(error) => {
                tracing::warn!(%error, "SIGTERM cannot be listened for; only Ctrl-C stops the API cleanly");
                let _ = interrupt.await;
            }
        }
    }
    #[cfg(not(unix))]
    let _ = interrupt.await;
}
