//! Spans of requests: whose trace a span belongs to, and what it says beside its fields. All of it does nothing in a process without [`super::init`], such as most tests.

use std::{borrow::Cow, cell::Cell};

use opentelemetry::{
    KeyValue, Value,
    trace::{SpanId, Status, TraceContextExt, TraceId},
};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::context;

pub use super::context::{Caller, TRACEPARENT};

/// Makes the span, which nobody has entered yet, go on with its caller's trace. Without a caller it begins one.
pub fn begin(span: &Span, caller: Option<Caller>) {
    match caller {
        Some(Caller::Span(parent)) => {
            // Fails where there is no tracing, and for a span that has begun already.
            let _ = span.set_parent(context::remote(parent));
        }
        Some(Caller::Trace(trace)) => {
            GIVEN_TRACE.set(Some(trace));
            // Begins it, here and now.
            let _ = span.context();
            GIVEN_TRACE.set(None);
        }
        None => {}
    }
}

/// A span as a `traceparent`.
pub fn trace_parent_of(span: &Span) -> Option<String> {
    if span.is_disabled() {
        return None;
    }
    context::format(span.context().span().span_context())
}

/// Names the span and adds to its fields what only the trace needs; costs next to nothing when it is not exported.
pub fn describe<const N: usize>(span: &Span, about: impl FnOnce() -> (Cow<'static, str>, [(&'static str, Value); N])) {
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
pub fn set(span: &Span, key: &'static str, value: impl Into<Value>) {
    let context = span.context();
    let span = context.span();
    if span.is_recording() {
        span.set_attribute(KeyValue::new(key, value));
    }
}

/// Marks the span as failed.
pub fn fail(span: &Span, why: impl Into<Cow<'static, str>>) {
    let context = span.context();
    let span = context.span();
    if span.is_recording() {
        span.set_status(Status::error(why));
    }
}

thread_local! {
    /// The trace that the next root span of this thread belongs to.
    static GIVEN_TRACE: Cell<Option<TraceId>> = const { Cell::new(None) };
}

/// Random ids, unless a load balancer has given the trace one.
#[derive(Debug, Default)]
pub(super) struct Ids(RandomIdGenerator);

impl IdGenerator for Ids {
    fn new_trace_id(&self) -> TraceId {
        GIVEN_TRACE.take().unwrap_or_else(|| self.0.new_trace_id())
    }

    fn new_span_id(&self) -> SpanId {
        self.0.new_span_id()
    }
}
