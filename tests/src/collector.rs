//! A collector of traces: an HTTP endpoint that takes OTLP as protobuf, as the real ones do.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{Router, body::Bytes, extract::State, http::StatusCode, routing::post};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
    trace::v1::{Span as Encoded, span::SpanKind},
};
use prost::Message;
use tokio_util::sync::CancellationToken;

/// A span as it was received. Ids are lower-case hexadecimal digits.
#[derive(Clone, Debug)]
pub struct Span {
    pub trace: String,
    pub id: String,
    /// Empty for the first of a trace.
    pub parent: String,
    pub name: String,
    pub kind: SpanKind,
    /// Of the span and of its process, as text.
    pub attributes: HashMap<String, String>,
    pub failed: bool,
    pub state: String,
    /// Nanoseconds since 1970.
    pub start: u64,
    pub end: u64,
    pub events: Vec<String>,
}

impl Span {
    pub fn attribute(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }
}

/// Listens until it is dropped.
pub struct Collector {
    pub url: String,
    received: Received,
    stop: CancellationToken,
}

type Received = Arc<Mutex<Vec<Span>>>;

impl Collector {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (received, stop) = (Received::default(), CancellationToken::new());
        let router = Router::new().route("/v1/traces", post(take)).with_state(received.clone());
        let serving = axum::serve(listener, router).with_graceful_shutdown(stop.clone().cancelled_owned());
        tokio::spawn(serving.into_future());
        Self { url, received, stop }
    }

    /// Everything so far, in the order of their beginnings.
    pub fn spans(&self) -> Vec<Span> {
        let mut spans = lock(&self.received).clone();
        spans.sort_by_key(|span| span.start);
        spans
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn lock(received: &Received) -> MutexGuard<'_, Vec<Span>> {
    received.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn take(State(received): State<Received>, body: Bytes) -> StatusCode {
    let Ok(request) = ExportTraceServiceRequest::decode(body) else { return StatusCode::BAD_REQUEST };
    let mut spans = lock(&received);
    for process in request.resource_spans {
        let of_process = process.resource.map(|resource| resource.attributes).unwrap_or_default();
        let encoded = process.scope_spans.into_iter().flat_map(|scope| scope.spans);
        spans.extend(encoded.map(|encoded| decoded(encoded, &of_process)));
    }
    StatusCode::OK
}

fn decoded(span: Encoded, of_process: &[KeyValue]) -> Span {
    let attributes = of_process.iter().chain(&span.attributes).map(|one| (one.key.clone(), text(one))).collect();
    Span {
        trace: hex::encode(&span.trace_id),
        id: hex::encode(&span.span_id),
        parent: hex::encode(&span.parent_span_id),
        kind: span.kind(),
        attributes,
        failed: span.status.as_ref().is_some_and(|status| status.code == 2),
        name: span.name,
        state: span.trace_state,
        start: span.start_time_unix_nano,
        end: span.end_time_unix_nano,
        events: span.events.into_iter().map(|event| event.name).collect(),
    }
}

fn text(attribute: &KeyValue) -> String {
    match attribute.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::DoubleValue(number)) => number.to_string(),
        Some(Value::BoolValue(yes)) => yes.to_string(),
        other => format!("{other:?}"),
    }
}
