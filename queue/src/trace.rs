//! Traces through the queue: a job's row keeps the span that enqueued it as a W3C `traceparent`, and each run is a child of
//! it. All of it does nothing in a process that has no tracing.

use std::{borrow::Cow, collections::HashMap};

use opentelemetry::{
    Context, KeyValue, Value,
    propagation::TextMapPropagator,
    trace::{Status, TraceContextExt},
};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

const TRACEPARENT: &str = "traceparent";

/// Makes the span, which nobody has entered yet, go on with a stored trace; one that cannot be read counts as none.
pub(crate) fn continue_from(span: &Span, trace_parent: Option<&str>) {
    let Some(parent) = trace_parent else { return };
    let carrier = HashMap::from([(TRACEPARENT.to_owned(), parent.to_owned())]);
    let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &carrier);
    if context.span().span_context().is_valid() {
        // Fails where there is no tracing, and for a span that has begun already.
        let _ = span.set_parent(context);
    }
}

/// The current span as a `traceparent`, at most 55 characters: what work for later is stored with.
pub(crate) fn trace_parent() -> Option<String> {
    let span = Span::current();
    if span.is_disabled() {
        return None;
    }
    let mut carrier = HashMap::new();
    TraceContextPropagator::new().inject_context(&span.context(), &mut carrier);
    carrier.remove(TRACEPARENT)
}

/// Names the span and adds to its fields what only the trace needs; costs next to nothing when it is not exported.
pub(crate) fn describe<const N: usize>(
    span: &Span,
    about: impl FnOnce() -> (Cow<'static, str>, [(&'static str, Value); N]),
) {
    let context = span.context();
    let span = context.span();
    if span.is_recording() {
        let (name, attributes) = about();
        span.update_name(name);
        for (key, value) in attributes {
            span.set_attribute(KeyValue::new(key, value));
        }
    }
}

/// One more attribute, for the trace alone.
pub(crate) fn set(span: &Span, key: &'static str, value: impl Into<Value>) {
    let context = span.context();
    let span = context.span();
    if span.is_recording() {
        span.set_attribute(KeyValue::new(key, value));
    }
}

/// Marks the span as failed.
pub(crate) fn fail(span: &Span, why: impl Into<Cow<'static, str>>) {
    let context = span.context();
    let span = context.span();
    if span.is_recording() {
        span.set_status(Status::error(why));
    }
}
