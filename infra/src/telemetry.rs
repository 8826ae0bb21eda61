//! Logs to standard output, metrics to Prometheus on a port of their own.

use std::{
    future::Future,
    net::{SocketAddr, TcpListener},
    pin::Pin,
    time::Duration,
};

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder};
use tracing_subscriber::{EnvFilter, fmt, fmt::writer::BoxMakeWriter};

use crate::env::{LogFormat, TelemetrySettings};

/// Upper bounds in seconds for everything named `…_seconds`: from a database call to a large upload.
const SECONDS_BUCKETS: [f64; 16] =
    [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0];

/// How often histograms fold their samples in while nobody scrapes.
const UPKEEP: Duration = Duration::from_secs(5);

/// Why logs or metrics could not be started.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error("METRICS_ADDR={address} cannot be listened on ({cause}): another process may have the port")]
    Port { address: SocketAddr, cause: String },
    #[error("the metrics exporter cannot start: {0}")]
    Exporter(String),
    #[error("RUST_LOG is not a filter: {0}")]
    Filter(String),
    #[error("logging was started twice")]
    Twice,
}

/// Starts logging for the whole process and, when an address is configured, the exporter as a task of the current
/// tokio runtime. Call once, first thing in `main`; everything logged before is lost.
///
/// # Errors
/// A taken port, named as such; nothing panics and no log line is needed to see it.
pub fn init(settings: &TelemetrySettings) -> Result<(), TelemetryError> {
    let ansi = std::io::IsTerminal::is_terminal(&std::io::stdout());
    init_logs(settings, BoxMakeWriter::new(std::io::stdout), ansi)?;
    if let Some(address) = settings.metrics {
        serve_metrics(address)?;
    }
    Ok(())
}

/// Starts logging alone, to standard error: for a process that speaks a protocol on its standard output.
pub fn init_on_stderr(settings: &TelemetrySettings) -> Result<(), TelemetryError> {
    init_logs(settings, BoxMakeWriter::new(std::io::stderr), false)
}

fn init_logs(settings: &TelemetrySettings, out: BoxMakeWriter, ansi: bool) -> Result<(), TelemetryError> {
    let filter = EnvFilter::try_new(&settings.filter).map_err(|error| TelemetryError::Filter(error.to_string()))?;
    let started = match settings.format {
        LogFormat::Pretty => {
            fmt().with_writer(out).with_env_filter(filter).with_ansi(ansi).with_target(false).try_init()
        }
        LogFormat::Json => {
            fmt().json().flatten_event(true).with_current_span(true).with_writer(out).with_env_filter(filter).try_init()
        }
    };
    started.map_err(|_| TelemetryError::Twice)
}

fn serve_metrics(address: SocketAddr) -> Result<(), TelemetryError> {
    let exporter = exporter(address)?;
    tokio::spawn(async move {
        if let Err(reason) = exporter.await {
            tracing::error!(%address, reason, "the metrics exporter stopped");
        }
    });
    tracing::info!(%address, "metrics at /metrics");
    Ok(())
}

type Exporter = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

fn exporter(address: SocketAddr) -> Result<Exporter, TelemetryError> {
    // Bound once here first, so that a taken port is told from every other failure.
    drop(TcpListener::bind(address).map_err(|error| TelemetryError::Port { address, cause: error.to_string() })?);
    let failed = |error: BuildError| TelemetryError::Exporter(error.to_string());
    let (recorder, listening) = PrometheusBuilder::new()
        .with_http_listener(address)
        .upkeep_timeout(UPKEEP)
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS_BUCKETS)
        .map_err(failed)?
        .build()
        .map_err(failed)?;
    metrics::set_global_recorder(recorder).map_err(|error| TelemetryError::Exporter(error.to_string()))?;
    Ok(Box::pin(async move { listening.await.map_err(|error| format!("{error:?}")) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_taken_port_is_named() {
        let holder = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = holder.local_addr().expect("its address");
        let error = exporter(address).err().expect("the port is taken");
        let text = error.to_string();
        assert!(matches!(error, TelemetryError::Port { .. }), "{text}");
        assert!(text.contains(&format!("METRICS_ADDR={address}")), "{text}");
    }
}
