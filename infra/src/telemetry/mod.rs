//! Logs to standard output, metrics to Prometheus on a port of their own, spans to a collector.

mod context;
mod export;
mod logs;
pub mod metrics;
pub mod trace;

use std::{net::SocketAddr, time::Duration};

use opentelemetry::{
    Context, KeyValue,
    trace::{Link, SpanKind, TraceId, TracerProvider},
};
use opentelemetry_sdk::{
    Resource,
    trace::{Sampler, SamplingResult, SdkTracerProvider, ShouldSample, SimpleSpanProcessor},
};
use tracing_subscriber::{
    EnvFilter, Layer, fmt::writer::BoxMakeWriter, layer::SubscriberExt, registry::LookupSpan, util::SubscriberInitExt,
};

use self::{export::Counted, trace::Ids};
use crate::env::{SamplerSettings, TelemetrySettings};

pub use self::export::{Pipe, pass_on};

/// How long the end of a process waits for its last spans.
const LAST_EXPORT: Duration = Duration::from_secs(3);
/// Stands for the address of a child's pipe, which has none.
const NO_ADDRESS: &str = "http://worker.invalid/v1/traces";

/// Why logs, metrics or traces could not be started.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error("METRICS_ADDR={address} cannot be listened on ({cause}): another process may have the port")]
    Port { address: SocketAddr, cause: String },
    #[error("the metrics exporter cannot start: {0}")]
    Exporter(String),
    #[error("spans cannot be exported with these OTEL_… settings: {0}")]
    Traces(String),
    #[error("RUST_LOG is not a filter: {0}")]
    Filter(String),
    #[error("logging was started twice")]
    Twice,
}

/// What runs until the process ends.
#[must_use = "finish it, or the last spans are lost"]
pub struct Telemetry(Option<SdkTracerProvider>);

impl Telemetry {
    /// Exports what is left, within 3 s or not at all. Call it last, on the runtime that called [`init`].
    pub async fn finish(self) {
        if let Some(provider) = self.0 {
            // It waits for its own thread, which waits for this runtime.
            let _ = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(LAST_EXPORT)).await;
        }
    }
}

/// Starts logs and traces for the whole process and, when an address is configured, the exporter of metrics as a task
/// of the current tokio runtime. Call once, first thing in `main`; everything logged before is lost. `service` is the
/// program's name in traces unless the settings have another.
///
/// # Errors
/// A taken port, named as such; nothing panics and no log line is needed to see it.
pub fn init(settings: &TelemetrySettings, service: &str) -> Result<Telemetry, TelemetryError> {
    let ansi = std::io::IsTerminal::is_terminal(&std::io::stdout());
    let address = settings.traces.endpoint.as_ref();
    let exporter = address.map(|address| export::to_collector(&settings.traces, address.as_str())).transpose()?;
    let exports = exporter.is_some();
    let provider = match exporter {
        Some(exporter) => provider(settings, service).with_batch_exporter(exporter).build(),
        None => SdkTracerProvider::builder().with_sampler(Sampler::AlwaysOff).with_id_generator(Ids::default()).build(),
    };
    start(settings, &provider, BoxMakeWriter::new(std::io::stdout), ansi)?;
    if let Some(address) = settings.metrics {
        metrics::serve(address)?;
    }
    Ok(Telemetry(exports.then_some(provider)))
}

/// Starts logs on standard error, and traces and metrics that go to the worker: for a process that speaks a protocol
/// on its standard output. Each span goes into the pipe as it ends.
pub fn init_child(settings: &TelemetrySettings, service: &str, pipe: Pipe) -> Result<(), TelemetryError> {
    let provider = match &settings.traces.endpoint {
        Some(_) => {
            let exporter: Counted = export::to_worker(&settings.traces, NO_ADDRESS, pipe)?;
            provider(settings, service).with_span_processor(SimpleSpanProcessor::new(exporter)).build()
        }
        None => SdkTracerProvider::builder().with_sampler(Sampler::AlwaysOff).with_id_generator(Ids::default()).build(),
    };
    start(settings, &provider, BoxMakeWriter::new(std::io::stderr), false)
}

fn provider(settings: &TelemetrySettings, service: &str) -> opentelemetry_sdk::trace::TracerProviderBuilder {
    let traces = &settings.traces;
    let name = traces.service_name.clone().unwrap_or_else(|| service.to_owned());
    let given = traces.attributes.iter().map(|(name, value)| KeyValue::new(name.clone(), value.clone()));
    let resource = Resource::builder_empty()
        .with_attributes([
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", uuid::Uuid::now_v7().to_string()),
            KeyValue::new("process.pid", i64::from(std::process::id())),
        ])
        .with_attributes(given)
        .with_attribute(KeyValue::new("service.name", name));
    SdkTracerProvider::builder()
        .with_resource(resource.build())
        .with_sampler(Worthwhile(sampler(traces.sampler)))
        .with_id_generator(Ids::default())
}

fn sampler(settings: SamplerSettings) -> Sampler {
    let root = match settings.share {
        all if all >= 1.0 => Sampler::AlwaysOn,
        none if none <= 0.0 => Sampler::AlwaysOff,
        share => Sampler::TraceIdRatioBased(share),
    };
    if settings.parent_based { Sampler::ParentBased(Box::new(root)) } else { root }
}

/// Leaves out what load balancers ask every few seconds.
#[derive(Clone, Debug)]
struct Worthwhile(Sampler);

impl ShouldSample for Worthwhile {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let probed = |path: &str| matches!(path, "/health" | "/ready");
        let probe = *kind == SpanKind::Server
            && attributes.iter().any(|one| one.key.as_str() == "path" && probed(&one.value.as_str()));
        let sampler = if probe { &Sampler::AlwaysOff } else { &self.0 };
        sampler.should_sample(parent, trace, name, kind, attributes, links)
    }
}

fn start(
    settings: &TelemetrySettings,
    provider: &SdkTracerProvider,
    out: BoxMakeWriter,
    ansi: bool,
) -> Result<(), TelemetryError> {
    let filter = EnvFilter::try_new(&settings.filter).map_err(|error| TelemetryError::Filter(error.to_string()))?;
    // Whether a span is exported or not, it has ids, so that logs and jobs of one request can be found.
    let spans = tracing_subscriber::registry().with(span_layer(provider));
    spans.with(logs::log_layer(settings.format, filter, out, ansi)).try_init().map_err(|_| TelemetryError::Twice)
}

/// Our own spans, with the warnings and errors that were logged in them.
fn span_layer<S>(provider: &SdkTracerProvider) -> impl Layer<S> + Send + Sync + use<S>
where
    S: tracing::Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
{
    tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("nano"))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_context_activation(false)
        // A warning in a run that succeeds does not make it a failure.
        .with_error_events_to_status(false)
        .with_filter(logs::Traced)
}
