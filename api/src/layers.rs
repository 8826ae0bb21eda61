//! Layers around every route: limits of size and time, errors, headers.

use std::time::Duration;

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue, Method, header};
use tower_http::{
    catch_panic::CatchPanicLayer,
    cors::{AllowOrigin, CorsLayer},
};
use tracing::Instrument;

use crate::{
    answers, maintenance, quota,
    reply::{self, Error},
    request::{JSON_LIMIT, host, keyed},
    routes::deprecations::{self, DEPRECATIONS},
    settings::Settings,
    state::AppState,
};

/// How long an answer may take to begin: no handler waits for anything longer, unless a service hangs.
const DEADLINE: Duration = Duration::from_secs(20);

/// Wraps the routes. The last layer is the outermost.
pub fn wrap(router: Router<AppState>, state: &AppState) -> Router<AppState> {
    let router = router
        .layer(DefaultBodyLimit::max(JSON_LIMIT))
        .layer(middleware::from_fn_with_state(state.clone(), answers::settle))
        .layer(middleware::from_fn(deadline))
        .layer(middleware::from_fn_with_state(state.clone(), maintenance::guard))
        .layer(middleware::from_fn(host::check))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(state.clone(), quota::keep))
        .layer(middleware::from_fn(reply::links::of_lists))
        .layer(middleware::from_fn(|request, next| deprecations::mark(DEPRECATIONS, request, next)))
        .layer(middleware::from_fn(reply::tag::not_modified))
        .layer(middleware::from_fn(reply::render))
        .layer(reply::compression::layer())
        .layer(middleware::from_fn(reply::compression::identity_is_taken))
        .layer(middleware::from_fn(reply::observe));
    let router = match cors(&state.settings) {
        Some(cors) => router.layer(cors),
        None => router,
    };
    router.layer(middleware::from_fn_with_state(state.clone(), secure))
}

/// Gives up on a handler that hangs, so that a silent database or store does not pile up requests. Files on their way
/// in take as long as they take; how slowly they may come is bounded already (`serve::body`).
async fn deadline(request: Request, next: Next) -> Response {
    if request.method() == Method::PUT && request.uri().path().ends_with("/file") {
        return to_its_end(next.run(request)).await;
    }
    match tokio::time::timeout(DEADLINE, to_its_end(next.run(request))).await {
        Ok(response) => response,
        Err(_) => Error::Unavailable("a handler took too long".into()).into_response(),
    }
}

/// Lets the handler finish although nobody waits for it any more: a client that goes away, or the deadline, must not stop
/// it in the middle of a statement, which would cost a database connection (see `infra::db`).
async fn to_its_end(handler: impl Future<Output = Response> + Send + 'static) -> Response {
    match tokio::spawn(handler.in_current_span()).await {
        Ok(response) => response,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => panicked(panic),
            Err(_) => Error::Unavailable("the process ends".into()).into_response(),
        },
    }
}

fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("unknown");
    Error::Internal(format!("a handler panicked: {text}")).into_response()
}

/// Exact origins only; without any there is no cross-origin access.
fn cors(settings: &Settings) -> Option<CorsLayer> {
    if settings.cors_origins.is_empty() {
        return None;
    }
    let name = HeaderName::from_static;
    Some(
        CorsLayer::new()
            .allow_origin(AllowOrigin::list(settings.cors_origins.iter().cloned()))
            .allow_credentials(true)
            .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
            .allow_headers([
                header::AUTHORIZATION,
                header::CONTENT_TYPE,
                header::ACCEPT,
                header::ACCEPT_LANGUAGE,
                header::IF_MATCH,
                header::IF_NONE_MATCH,
                name("last-event-id"),
                name("x-request-id"),
                name("traceparent"),
                name("tracestate"),
                name("x-filename"),
                name("content-digest"),
                keyed::HEADER,
            ])
            .expose_headers([
                header::ETAG,
                header::LOCATION,
                header::LINK,
                header::RETRY_AFTER,
                name("ratelimit"),
                name("ratelimit-policy"),
                name("x-request-id"),
                name("traceresponse"),
                keyed::REPLAYED,
                deprecations::DEPRECATION,
                deprecations::SUNSET,
            ])
            .max_age(Duration::from_secs(3600)),
    )
}

/// Headers that keep browsers from doing anything clever with our answers. A route's own policy stays.
async fn secure(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    if state.settings.public_url.scheme() == "https" {
        let year = HeaderValue::from_static("max-age=31536000; includeSubDomains");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
    response
}
