//! Log lines, with the ids of the trace they belong to.

use std::fmt;

use opentelemetry::trace::TraceContextExt;
use tracing::{Event, Level, Metadata, Subscriber, dispatcher};
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::{FilterExt, LevelFilter, filter_fn},
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer, layer, writer::BoxMakeWriter},
    registry::LookupSpan,
};

use crate::env::LogFormat;

/// Our own spans, which every line and every trace is to know, whatever RUST_LOG says about lines.
pub(super) fn is_our_span(metadata: &Metadata<'_>) -> bool {
    const ROOMS: [&str; 5] = ["api", "infra", "jobs", "scheduler", "worker"];
    let room = metadata.target().split("::").next().unwrap_or_default();
    metadata.is_span() && *metadata.level() <= Level::INFO && ROOMS.contains(&room)
}

pub(super) fn log_layer<S>(
    format: LogFormat,
    filter: EnvFilter,
    out: BoxMakeWriter,
    ansi: bool,
) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
{
    let filter = filter.or(filter_fn(is_our_span).with_max_level_hint(LevelFilter::INFO));
    match format {
        LogFormat::Pretty => layer().with_writer(out).with_ansi(ansi).with_target(false).with_filter(filter).boxed(),
        LogFormat::Json => layer()
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_writer(out)
            .map_event_format(WithIds)
            .with_filter(filter)
            .boxed(),
    }
}

/// Adds `trace_id` and `span_id` to a line of JSON.
struct WithIds<F>(F);

impl<S, N, F> FormatEvent<S, N> for WithIds<F>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let Some((trace, span)) = ids(context, event) else {
            return self.0.format_event(context, out, event);
        };
        let mut line = String::with_capacity(512);
        self.0.format_event(context, Writer::new(&mut line), event)?;
        match line.strip_suffix("}\n") {
            Some(open) => writeln!(out, r#"{open},"trace_id":"{trace}","span_id":"{span}"}}"#),
            None => out.write_str(&line),
        }
    }
}

/// Of the innermost span that is part of a trace.
fn ids<S, N>(context: &FmtContext<'_, S, N>, event: &Event<'_>) -> Option<(String, String)>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    // What the exporter says may be said while it holds a span.
    if event.metadata().target().starts_with("opentelemetry") {
        return None;
    }
    dispatcher::get_default(|dispatch| {
        context.event_scope()?.find_map(|span| {
            let known = tracing_opentelemetry::get_otel_context(&span.id(), dispatch)?;
            let known = known.span().span_context().clone();
            known.is_valid().then(|| (known.trace_id().to_string(), known.span_id().to_string()))
        })
    })
}
