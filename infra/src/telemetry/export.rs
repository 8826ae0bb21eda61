//! Spans on their way out: by OTLP to the collector, or from a child process to its worker, which passes them on.
//!
//! Nothing here makes anybody wait: spans lie in a bounded queue, what does not fit is dropped, and a collector that is
//! away costs spans and one line in the log.

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response, header::CONTENT_TYPE};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{SpanExporter as Otlp, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{SpanData, SpanExporter},
};
use secrecy::ExposeSecret;
use tokio::{runtime::Handle, sync::Semaphore};

use super::TelemetryError;
use crate::env::TraceSettings;

/// Exports of children's spans under way at a time; the next are dropped.
const PASSED_ON_AT_ONCE: usize = 16;
/// Longest answer of a collector that is read, in bytes.
const ANSWER_LIMIT: usize = 64 * 1024;

/// Takes a child's encoded spans to its worker.
pub type Pipe = Arc<dyn Fn(&[u8]) + Send + Sync>;

/// The exporter of a process of its own, and what passes its children's spans on.
pub(super) fn to_collector(settings: &TraceSettings, address: &str) -> Result<Counted, TelemetryError> {
    let collector = Collector::new(settings, address)?;
    let exporter = otlp(settings, address, collector.clone())?;
    let _ = COLLECTOR.set(collector.clone());
    Ok(Counted { exporter, away: collector.away })
}

/// The exporter of a child process.
pub(super) fn to_worker(settings: &TraceSettings, address: &str, pipe: Pipe) -> Result<Counted, TelemetryError> {
    let exporter = otlp(settings, address, Piped(pipe))?;
    Ok(Counted { exporter, away: Arc::default() })
}

/// Sends on what a child process has said of its spans; does nothing where none are exported.
pub fn pass_on(spans: Vec<u8>) {
    if let Some(collector) = COLLECTOR.get() {
        collector.pass_on(spans);
    }
}

/// Of this process. Like the subscriber of `tracing` and the recorder of metrics there is one, set once.
static COLLECTOR: OnceLock<Collector> = OnceLock::new();

fn otlp(settings: &TraceSettings, address: &str, client: impl HttpClient + 'static) -> Result<Otlp, TelemetryError> {
    let headers = settings.headers.iter().map(|(name, value)| (name.clone(), value.expose_secret().to_owned()));
    Otlp::builder()
        .with_http()
        .with_http_client(client)
        .with_endpoint(address)
        .with_timeout(settings.timeout)
        .with_headers(headers.collect())
        .build()
        .map_err(|error| TelemetryError::Traces(error.to_string()))
}

/// Counts what goes out and what is lost, and says so once an outage; the sender never hears of it.
#[derive(Debug)]
pub(super) struct Counted {
    exporter: Otlp,
    away: Arc<AtomicBool>,
}

impl SpanExporter for Counted {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len() as u64;
        let result = self.exporter.export(batch).await.map_err(|error| error.to_string());
        let outcome = if result.is_ok() { "ok" } else { "lost" };
        metrics::counter!("trace_spans_exported_total", "outcome" => outcome).increment(spans);
        log_change(&self.away, result);
        Ok(())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

/// Logs the first failure and the first success after it.
fn log_change(away: &AtomicBool, result: Result<(), String>) {
    match result {
        Ok(()) => {
            if away.swap(false, Ordering::Relaxed) {
                tracing::info!("spans are exported again");
            }
        }
        Err(error) => {
            if !away.swap(true, Ordering::Relaxed) {
                tracing::warn!(error, "spans cannot be exported and are lost until the collector answers");
            }
        }
    }
}

/// The OTLP endpoint. Requests run on the runtime that started the telemetry, wherever they come from.
#[derive(Clone)]
struct Collector {
    client: reqwest::Client,
    runtime: Handle,
    address: String,
    headers: http::HeaderMap,
    passing_on: Arc<Semaphore>,
    away: Arc<AtomicBool>,
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collector").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Collector {
    fn new(settings: &TraceSettings, address: &str) -> Result<Self, TelemetryError> {
        crate::tls::install();
        let client = reqwest::Client::builder()
            .timeout(settings.timeout)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| TelemetryError::Traces(error.to_string()))?;
        let mut headers = http::HeaderMap::new();
        headers.insert(CONTENT_TYPE, http::HeaderValue::from_static("application/x-protobuf"));
        for (name, value) in &settings.headers {
            // Both were checked with the settings.
            if let (Ok(name), Ok(mut value)) =
                (http::HeaderName::from_bytes(name.as_bytes()), http::HeaderValue::from_str(value.expose_secret()))
            {
                value.set_sensitive(true);
                headers.insert(name, value);
            }
        }
        Ok(Self {
            client,
            runtime: Handle::current(),
            address: address.to_owned(),
            headers,
            passing_on: Arc::new(Semaphore::new(PASSED_ON_AT_ONCE)),
            away: Arc::default(),
        })
    }

    fn pass_on(&self, spans: Vec<u8>) {
        let Ok(turn) = self.passing_on.clone().try_acquire_owned() else {
            metrics::counter!("trace_exports_dropped_total").increment(1);
            return;
        };
        let collector = self.clone();
        self.runtime.spawn(async move {
            let sent = collector.client.post(&collector.address).headers(collector.headers.clone()).body(spans).send();
            let result = sent.await.and_then(reqwest::Response::error_for_status);
            log_change(&collector.away, result.map(drop).map_err(|error| error.without_url().to_string()));
            drop(turn);
        });
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let exchange = async move {
            let request = reqwest::Request::try_from(request)?;
            let mut answer = client.execute(request).await.map_err(reqwest::Error::without_url)?;
            let status = answer.status();
            let mut body = Vec::new();
            while let Some(part) = answer.chunk().await? {
                if body.len() + part.len() > ANSWER_LIMIT {
                    return Err("the collector's answer is too long".into());
                }
                body.extend_from_slice(&part);
            }
            Ok(Response::builder().status(status).body(Bytes::from(body))?)
        };
        // The caller is a thread of its own, without a runtime.
        self.runtime.spawn(exchange).await?
    }
}

/// A pipe that looks like a collector.
struct Piped(Pipe);

impl fmt::Debug for Piped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Piped")
    }
}

#[async_trait]
impl HttpClient for Piped {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        (self.0)(request.body());
        Ok(Response::new(Bytes::new()))
    }
}
