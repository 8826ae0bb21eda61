//! A worker with the jobs of the benchmarks; `bench` starts it.

use std::{io::Write, process::ExitCode};

use benches::{journal, worker};
use clap::Parser;
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::{EnvFilter, fmt};

/// A fleet member that knows only the jobs of the benchmarks. Started by `bench`.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(flatten)]
    worker: worker::WorkerArgs,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(run(cli.worker)));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "bench-worker: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: worker::WorkerArgs) -> anyhow::Result<()> {
    // The filter a production worker has, so that its cost is in the figures.
    fmt().with_env_filter(EnvFilter::new("info,sqlx=warn")).with_ansi(false).with_target(false).init();
    let metrics = PrometheusBuilder::new().install_recorder()?;
    journal::keep(&args.folder, args.starts, metrics)?;
    let shutdown = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let stop = shutdown.clone();
    tokio::spawn(async move {
        terminate.recv().await;
        stop.cancel();
    });
    worker::run(args, shutdown).await
}
