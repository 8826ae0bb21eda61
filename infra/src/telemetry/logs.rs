//! Log lines, with the ids of the trace they belong to.

use std::fmt;

use opentelemetry::trace::TraceContextExt;
use tracing::{Event, Level, Metadata, Subscriber, dispatcher, subscriber::Interest};
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::{FilterExt, LevelFilter, filter_fn},
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer, layer, writer::BoxMakeWriter},
    layer::{Context, Filter},
    registry::LookupSpan,
};

use crate::env::LogFormat;

/// Our own spans, which every line and every trace is to know, whatever RUST_LOG says about lines.
pub(super) fn is_our_span(metadata: &Metadata<'_>) -> bool {
    const ROOMS: [&str; 8] = ["api", "content", "db", "infra", "jobs", "queue", "scheduler", "worker"];
    let room = metadata.target().split("::").next().unwrap_or_default();
    metadata.is_span() && *metadata.level() <= Level::INFO && ROOMS.contains(&room)
}

/// What traces are made of: our spans, and what went wrong in them.
pub(super) struct Traced;

impl Traced {
    fn wants(metadata: &Metadata<'_>) -> bool {
        is_our_span(metadata) || (metadata.is_event() && *metadata.level() <= Level::WARN)
    }
}

impl<S> Filter<S> for Traced {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        Self::wants(metadata)
    }

    /// Never "always". Where all filters say so nobody is asked before a span begins, and the layers go by the answers to
    /// the question before: that of `tracing::enabled!`, say, by which a database client finds out whether to write a
    /// line. Lines then lose their spans.
    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if Self::wants(metadata) { Interest::sometimes() } else { Interest::never() }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::INFO)
    }
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

#[cfg(test)]
mod tests {
    use std::{
        io::{self, Write},
        sync::{Arc, Mutex},
    };

    use opentelemetry_sdk::trace::SdkTracerProvider;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(filter: &str, work: impl FnOnce()) -> String {
        let lines = Lines::default();
        let out = lines.clone();
        let provider = SdkTracerProvider::builder().build();
        let subscriber = tracing_subscriber::registry().with(super::super::span_layer(&provider)).with(log_layer(
            LogFormat::Json,
            EnvFilter::new(filter),
            BoxMakeWriter::new(move || out.clone()),
            false,
        ));
        tracing::subscriber::with_default(subscriber, work);
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_line_keeps_its_span_whatever_was_asked_before() {
        let written = logged("warn,infra=debug", || {
            for _ in 0..3 {
                // As the database client asks before each statement.
                let _ = tracing::enabled!(target: "a_library", Level::DEBUG);
                let span = tracing::info_span!("job", number = 7);
                let _ = tracing::enabled!(target: "a_library", Level::DEBUG);
                span.in_scope(|| tracing::warn!("said"));
            }
        });
        let lines: Vec<&str> = written.lines().collect();
        assert_eq!(lines.len(), 3, "{written}");
        assert!(lines.iter().all(|line| line.contains(r#""number":7"#)), "{written}");
    }

    #[test]
    fn an_error_names_its_job_although_only_errors_are_logged() {
        let written = logged("error", || {
            let span = tracing::info_span!("job", number = 7);
            span.in_scope(|| {
                tracing::warn!("not said");
                tracing::error!("said");
            });
        });
        assert!(written.contains(r#""number":7"#) && written.lines().count() == 1, "{written}");
    }
}
