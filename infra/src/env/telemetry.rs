use std::{net::SocketAddr, time::Duration};

use serde::{Deserialize, Serialize};
use url::Url;

use super::{Problems, SamplerSettings, TraceArgs, TraceSettings, optional};

// Raw settings of logs and metrics.
#[derive(clap::Args)]
#[command(next_help_heading = "Logs and metrics")]
pub struct TelemetryArgs {
    /// pretty: for people. json: one object a line, for collectors.
    #[arg(long, env = "LOG_FORMAT", value_name = "pretty|json", default_value = "pretty")]
    log_format: String,
    /// Which log lines to keep, as target=level pairs. Example: info,sqlx=warn,queue=debug
    #[arg(long, env = "RUST_LOG", value_name = "FILTER", default_value = DEFAULT_FILTER)]
    rust_log: String,
    /// Where Prometheus reads /metrics: an internal address, never the public one. Without it there is no exporter. Example: 0.0.0.0:9464
    #[arg(long, env = "METRICS_ADDR", value_name = "IP:PORT")]
    metrics_addr: Option<String>,
    #[command(flatten)]
    traces: TraceArgs,
}

/// Clients log every retry and connection at info; ours say once what it means.
pub(super) const DEFAULT_FILTER: &str = "info,sqlx=warn,tantivy=warn,aws_config=warn,aws_smithy_runtime=warn,hyper=warn,h2=warn,rustls=warn,\
     opentelemetry=warn";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    Pretty,
    Json,
}

#[derive(Debug, Clone)]
pub struct TelemetrySettings {
    pub format: LogFormat,
    /// In the form of `tracing_subscriber::EnvFilter`; checked.
    pub filter: String,
    pub metrics: Option<SocketAddr>,
    pub traces: TraceSettings,
}

/// What a process that gets no environment needs to know of it: no address and no key, since all that it says goes to the
/// process that started it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChildTelemetry {
    format: LogFormat,
    filter: String,
    traces: bool,
    service_name: Option<String>,
    attributes: Vec<(String, String)>,
    sampler: SamplerSettings,
}

impl ChildTelemetry {
    pub fn of(settings: &TelemetrySettings) -> Self {
        Self {
            format: settings.format,
            filter: settings.filter.clone(),
            traces: settings.traces.endpoint.is_some(),
            service_name: settings.traces.service_name.clone(),
            attributes: settings.traces.attributes.clone(),
            sampler: settings.traces.sampler,
        }
    }
}

impl From<ChildTelemetry> for TelemetrySettings {
    fn from(child: ChildTelemetry) -> Self {
        // Spans go through a pipe; the address only says that they are wanted.
        let pipe = child.traces.then(|| Url::parse("http://pipe.invalid").ok()).flatten();
        let traces = TraceSettings {
            endpoint: pipe,
            headers: Vec::new(),
            timeout: Duration::from_secs(1),
            service_name: child.service_name,
            attributes: child.attributes,
            sampler: child.sampler,
        };
        Self { format: child.format, filter: child.filter, metrics: None, traces }
    }
}

impl TelemetryArgs {
    pub fn check(&self, problems: &mut Problems) -> Option<TelemetrySettings> {
        let formats = [("pretty", LogFormat::Pretty), ("json", LogFormat::Json)];
        let format = problems.choice("LOG_FORMAT", &self.log_format, &formats, "json");
        let traces = self.traces.check(problems);
        let given = self.rust_log.trim();
        let filter = if given.is_empty() { DEFAULT_FILTER } else { given };
        if let Err(error) = tracing_subscriber::EnvFilter::try_new(filter) {
            problems.add("RUST_LOG", format!("is not a filter ({error})"), "info,sqlx=warn,queue=debug");
            return None;
        }
        let metrics = match optional(&self.metrics_addr) {
            Some(text) => Some(problems.socket("METRICS_ADDR", text, "0.0.0.0:9464")?),
            None => None,
        };
        Some(TelemetrySettings { format: format?, filter: filter.to_owned(), metrics, traces: traces? })
    }
}
