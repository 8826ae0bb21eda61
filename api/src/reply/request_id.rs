//! One id per request, from the caller or made here: in the log lines, the answer, the audit log. And its place in the
//! caller's trace, or the beginning of one.

use axum::{extract::Request, middleware::Next, response::Response};
use http::{HeaderName, HeaderValue, Method};
use infra::telemetry::trace::{self, Caller};
use tracing::Instrument;
use uuid::Uuid;

const HEADER: HeaderName = HeaderName::from_static("x-request-id");
/// The trace and span of the answer, in the form of `traceparent`: what a person who reports a problem can name. Of the
/// W3C's draft for responses.
const TRACE_RESPONSE: HeaderName = HeaderName::from_static("traceresponse");

/// At most 64 characters out of letters, digits, `-`, `_`, `.`, `:`, `=`.
#[derive(Clone, Debug)]
pub struct RequestId(String);

impl RequestId {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn accept(value: &HeaderValue) -> Option<Self> {
        let text = value.to_str().ok()?;
        let fit =
            (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:=".contains(&b));
        fit.then(|| Self(text.to_owned()))
    }
}

/// Gives the request its id and its span, measures it, and logs it once when it is answered.
pub async fn observe(mut request: Request, next: Next) -> Response {
    let id = request
        .headers()
        .get(HEADER)
        .and_then(RequestId::accept)
        .unwrap_or_else(|| RequestId(Uuid::now_v7().to_string()));
    request.extensions_mut().insert(id.clone());
    let span = tracing::info_span!(
        "request",
        otel.kind = "server",
        method = %request.method(),
        path = request.uri().path(),
        request_id = id.as_str(),
        user = tracing::field::Empty,
    );
    let route = request
        .extensions()
        .get::<axum::extract::MatchedPath>()
        .map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned());
    let method = known(request.method());
    trace::begin(&span, Caller::of(request.headers()));
    trace::describe(&span, || {
        let attributes = [
            ("http.request.method", method.into()),
            ("http.route", route.clone().into()),
            ("url.path", request.uri().path().to_owned().into()),
        ];
        (format!("{method} {route}").into(), attributes)
    });
    let start = std::time::Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    let (elapsed, status) = (start.elapsed(), response.status());
    metrics::counter!("http_requests_total", "method" => method, "route" => route.clone(),
        "status" => status.as_str().to_owned())
    .increment(1);
    metrics::histogram!("http_request_duration_seconds", "method" => method, "route" => route)
        .record(elapsed.as_secs_f64());
    trace::set(&span, "http.response.status_code", i64::from(status.as_u16()));
    if status.is_server_error() {
        trace::fail(&span, status.as_str().to_owned());
    }
    span.in_scope(|| {
        let milliseconds = elapsed.as_secs_f64() * 1000.0;
        if status.is_server_error() {
            tracing::warn!(status = status.as_u16(), milliseconds, "answered");
        } else {
            tracing::debug!(status = status.as_u16(), milliseconds, "answered");
        }
    });
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(HEADER, value);
    }
    if let Some(Ok(value)) = trace::trace_parent_of(&span).map(HeaderValue::try_from) {
        response.headers_mut().insert(TRACE_RESPONSE, value);
    }
    response
}

/// A method as a label: callers must not make up series.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "_OTHER",
    }
}
