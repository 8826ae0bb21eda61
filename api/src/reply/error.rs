//! The one error of the API, and the only place where errors become responses.
//!
//! Handlers return [`Error`]; its response carries the problem as an extension, and [`render`] writes the body once
//! the request's `Accept` and `Accept-Language` are at hand.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use chrono::{SecondsFormat, Utc};
use db::DbError;
use domain::{
    administration::Refusal,
    chat::{self, NotBegun},
    nano::MoveError,
    rating::RatingError,
    review::DecisionError,
    upload::{SizeError, UploadMoveError},
    user::Language,
};
use http::{HeaderMap, HeaderValue, header};
use jobs::NotAdministered;
use queue::ledger::list::CursorError;
use serde::Serialize;
use serde_json::{Value, json};

use super::{Code, FieldError, RateLimit, RequestId};

/// When a busy or absent service is worth another try.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// Why a request is not answered the way it hoped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller can do something about it.
    #[error("{}", .0.code.as_str())]
    Refused(Box<Problem>),
    /// Every bad field of the request.
    #[error("{} bad fields", .0.len())]
    Fields(Vec<FieldError>),
    #[error(transparent)]
    Db(#[from] DbError),
    /// An outside system is away; the text is for the log.
    #[error("{0}")]
    Unavailable(String),
    /// A fault of ours; the text is for the log.
    #[error("{0}")]
    Internal(String),
}

/// What is said to the caller.
#[derive(Clone, Debug)]
pub struct Problem {
    pub code: Code,
    /// Facts for programs; null when there are none.
    pub details: Value,
    pub retry_after: Option<Duration>,
    /// The limit that was reached.
    pub limit: Option<RateLimit>,
    /// Bad fields, whose texts follow the caller's language.
    pub fields: Vec<FieldError>,
}

impl Problem {
    fn new(code: Code, details: Value) -> Self {
        Self { code, details, retry_after: None, limit: None, fields: Vec::new() }
    }
}

impl Error {
    pub fn new(code: Code) -> Self {
        Self::with(code, Value::Null)
    }

    pub fn with(code: Code, details: Value) -> Self {
        Self::Refused(Box::new(Problem::new(code, details)))
    }

    /// 429 with the time to wait.
    pub fn limited(code: Code, limit: RateLimit) -> Self {
        Self::Refused(Box::new(Problem {
            retry_after: Some(limit.state.reset),
            limit: Some(limit),
            ..Problem::new(code, Value::Null)
        }))
    }

    /// Worth another try in a moment.
    pub fn soon(code: Code) -> Self {
        Self::after(code, Value::Null, RETRY_AFTER)
    }

    /// Worth another try after that time.
    pub fn after(code: Code, details: Value, time: Duration) -> Self {
        Self::Refused(Box::new(Problem { retry_after: Some(time), ..Problem::new(code, details) }))
    }

    /// One that several requests have met together.
    pub fn shared(error: Arc<Self>) -> Self {
        Arc::try_unwrap(error).unwrap_or_else(|error| match &*error {
            Self::Refused(problem) => Self::Refused(problem.clone()),
            Self::Fields(fields) => Self::Fields(fields.clone()),
            Self::Db(error) if !error.is_transient() => Self::Internal(error.to_string()),
            Self::Internal(reason) => Self::Internal(reason.clone()),
            Self::Db(_) | Self::Unavailable(_) => Self::Unavailable(error.to_string()),
        })
    }

    pub fn not_found() -> Self {
        Self::new(Code::NotFound)
    }

    /// There is no place for one more connection.
    pub fn too_many_connections() -> Self {
        Self::soon(Code::TooManyConnections)
    }

    /// What an error response says under `error`, for those who are told otherwise; and its code.
    pub fn told(self, language: Language) -> (Code, Value) {
        let problem = self.into_problem();
        let body = ErrorBody {
            code: problem.code,
            message: problem.code.message(language),
            details: details(&problem, language, None),
        };
        (problem.code, json!(body))
    }

    fn into_problem(self) -> Problem {
        let plain = |code| Problem::new(code, Value::Null);
        let unavailable = || Problem { retry_after: Some(RETRY_AFTER), ..plain(Code::Unavailable) };
        match self {
            Self::Refused(problem) => *problem,
            Self::Fields(fields) => Problem { fields, ..plain(Code::ValidationFailed) },
            Self::Db(error @ DbError::TooSlow(_)) => {
                tracing::warn!(%error, "a look-up was stopped");
                Problem { retry_after: Some(RETRY_AFTER), ..plain(Code::QueryTooSlow) }
            }
            Self::Db(error) if error.is_transient() => {
                tracing::warn!(%error, "the database did not answer in time");
                unavailable()
            }
            Self::Db(error) => {
                tracing::error!(%error, "a statement failed");
                plain(Code::Internal)
            }
            Self::Unavailable(reason) => {
                tracing::warn!(reason, "a service is away");
                unavailable()
            }
            Self::Internal(reason) => {
                tracing::error!(reason, "a request failed");
                plain(Code::Internal)
            }
        }
    }
}

impl From<MoveError> for Error {
    fn from(error: MoveError) -> Self {
        match error {
            MoveError::NotFrom { from, action } => {
                Self::with(Code::MoveNotAllowed, json!({"status": from, "action": action}))
            }
            MoveError::VersionOpen(state) => Self::with(Code::VersionInProgress, json!({"version_state": state})),
            MoveError::ArchivedByModerator => {
                Self::with(Code::MoveNotAllowed, json!({"status": "archived", "reason": "archived_by_moderator"}))
            }
        }
    }
}

impl From<RatingError> for Error {
    fn from(error: RatingError) -> Self {
        Self::new(match error {
            RatingError::OwnNano => Code::OwnNano,
            RatingError::OwnRating => Code::OwnRating,
            RatingError::Removed => Code::RatingRemoved,
        })
    }
}

impl From<UploadMoveError> for Error {
    fn from(error: UploadMoveError) -> Self {
        Self::with(Code::UploadClosed, json!({"state": error.from}))
    }
}

impl From<SizeError> for Error {
    fn from(error: SizeError) -> Self {
        match error {
            SizeError::Empty => Self::new(Code::FileEmpty),
            SizeError::TooLarge { have, limit } => {
                Self::with(Code::FileTooLarge, json!({"bytes": have, "limit": limit}))
            }
            SizeError::Mismatch { declared, received } => {
                Self::with(Code::LengthMismatch, json!({"declared": declared, "received": received}))
            }
        }
    }
}

impl From<DecisionError> for Error {
    fn from(error: DecisionError) -> Self {
        match error {
            DecisionError::OwnNano => Self::new(Code::OwnNano),
            DecisionError::Closed | DecisionError::LockedToOther | DecisionError::NewerRelease => {
                Self::with(Code::CaseClosed, json!({"reason": error.to_string()}))
            }
        }
    }
}

impl From<NotAdministered> for Error {
    fn from(error: NotAdministered) -> Self {
        match error {
            NotAdministered::Missing | NotAdministered::NoSuchToken => Self::not_found(),
            NotAdministered::Refused(Refusal::OwnAccount) => Self::new(Code::OwnAccount),
            NotAdministered::Refused(Refusal::LastAdmin) => Self::new(Code::LastAdmin),
            NotAdministered::Refused(Refusal::Status(status)) => {
                Self::with(Code::AccountState, json!({"status": status}))
            }
            NotAdministered::Refused(Refusal::Unconfirmed) => Self::new(Code::AccountUnconfirmed),
            NotAdministered::NoSecondFactor => Self::new(Code::AccountState),
            NotAdministered::Enqueue(error) => error.into(),
            NotAdministered::Db(error) => Self::Db(error),
        }
    }
}

impl From<chat::Closed> for Error {
    fn from(_: chat::Closed) -> Self {
        Self::new(Code::ChatClosed)
    }
}

impl From<NotBegun> for Error {
    fn from(error: NotBegun) -> Self {
        match error {
            NotBegun::NotThere => Self::not_found(),
            NotBegun::OwnNano => Self::new(Code::ChatWithOneself),
        }
    }
}

impl From<CursorError> for Error {
    fn from(_: CursorError) -> Self {
        Self::new(Code::CursorInvalid)
    }
}

impl From<queue::EnqueueError> for Error {
    fn from(error: queue::EnqueueError) -> Self {
        match error {
            queue::EnqueueError::Db(error) => Self::Db(error),
            other => Self::Internal(other.to_string()),
        }
    }
}

impl From<queue::control::Refused> for Error {
    fn from(refused: queue::control::Refused) -> Self {
        use queue::control::{FLOW_LIMIT, Refused};
        match refused {
            Refused::Missing => Self::not_found(),
            Refused::State(state) => Self::with(Code::JobState, json!({"state": state})),
            Refused::KeyTaken(live) => Self::with(Code::JobKeyTaken, json!({"job_id": live})),
            Refused::FlowTooLarge => Self::with(Code::FlowTooLarge, json!({"limit": FLOW_LIMIT})),
            Refused::NotPaused => Self::new(Code::NotPaused),
            Refused::Worker(state) => Self::with(Code::WorkerState, json!({"state": state})),
            Refused::UnknownJob => Self::new(Code::ScheduleUnknownJob),
            Refused::Enqueue(error) => Self::Internal(error),
            Refused::Db(error) => Self::Db(error),
        }
    }
}

impl RateLimit {
    /// 429 with `code`, unless there is room.
    pub fn check(self, code: Code) -> Result<Self, Error> {
        if self.state.allowed { Ok(self) } else { Err(Error::limited(code, self)) }
    }
}

/// Rounded up: whoever waits that long has waited long enough.
pub(super) fn whole_seconds(time: Duration) -> u64 {
    (time.as_secs() + u64::from(time.subsec_nanos() > 0)).max(1)
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let problem = self.into_problem();
        let mut response = problem.code.status().into_response();
        if let Some(after) = problem.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(whole_seconds(after)));
        }
        if problem.code.status() == http::StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(limit) = problem.limit {
            response.headers_mut().extend(limit.headers());
        }
        response.extensions_mut().insert(problem);
        response
    }
}

/// Writes the body of every error response: the envelope, or RFC 9457 when `application/problem+json` is accepted.
pub async fn render(request: Request, next: Next) -> Response {
    let language = Language::negotiate(text(request.headers(), &header::ACCEPT_LANGUAGE));
    let rfc9457 = text(request.headers(), &header::ACCEPT).is_some_and(|a| a.contains("application/problem+json"));
    let id = request.extensions().get::<RequestId>().cloned();
    let path = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
    let body = if rfc9457 {
        problem_json(&problem, language, &path, id.as_ref())
    } else {
        envelope(&problem, language, id.as_ref())
    };
    let kind = if rfc9457 { "application/problem+json" } else { "application/json" };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language.as_str()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.remove(header::CONTENT_LENGTH);
    *response.body_mut() = body.into();
    response
}

fn text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn details(problem: &Problem, language: Language, id: Option<&RequestId>) -> Value {
    let mut details = match &problem.details {
        Value::Object(map) => map.clone(),
        _ => serde_json::Map::new(),
    };
    if !problem.fields.is_empty() {
        let fields: Vec<_> = problem.fields.iter().map(|field| field.to_json(language)).collect();
        details.insert("fields".into(), fields.into());
    }
    if problem.code.status().is_server_error()
        && let Some(id) = id
    {
        details.insert("request_id".into(), id.as_str().into());
    }
    if let Some(after) = problem.retry_after {
        details.insert("retry_after_seconds".into(), whole_seconds(after).into());
    }
    Value::Object(details)
}

/// The error form, its fields in this order.
#[derive(Serialize)]
struct ErrorEnvelope {
    success: bool,
    error: ErrorBody,
    timestamp: String,
}

#[derive(Serialize)]
struct ErrorBody {
    code: Code,
    message: &'static str,
    details: Value,
}

fn envelope(problem: &Problem, language: Language, id: Option<&RequestId>) -> String {
    let body = ErrorEnvelope {
        success: false,
        error: ErrorBody {
            code: problem.code,
            message: problem.code.message(language),
            details: details(problem, language, id),
        },
        timestamp: Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true),
    };
    serde_json::to_string(&body).unwrap_or_default()
}

fn problem_json(problem: &Problem, language: Language, path: &str, id: Option<&RequestId>) -> String {
    json!({
        "type": format!("/docs#{}", problem.code.as_str()),
        "title": problem.code.message(language),
        "status": problem.code.status().as_u16(),
        "instance": path,
        "code": problem.code,
        "details": details(problem, language, id),
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, routing::get};
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;
    use crate::reply::Issue;

    async fn answer(error: fn() -> Error, accept: &str, language: &str) -> (Response<()>, Value) {
        let app: Router = Router::new()
            .route("/x", get(move || async move { Err::<(), _>(error()) }))
            .layer(axum::middleware::from_fn(render));
        let request = Request::get("/x").header("accept", accept).header("accept-language", language);
        let response = app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = serde_json::from_slice(&body.collect().await.unwrap().to_bytes()).unwrap();
        (Response::from_parts(parts, ()), body)
    }

    #[tokio::test]
    async fn the_envelope_speaks_the_callers_language() {
        let (response, body) = answer(Error::not_found, "*/*", "en").await;
        assert_eq!(response.status(), 404);
        assert_eq!(body["success"], false);
        assert_eq!(body["error"]["code"], "NOT_FOUND");
        assert_eq!(body["error"]["message"], "There is nothing here, or nothing you may see.");
        assert!(body["timestamp"].as_str().unwrap().ends_with('Z'));
        let (response, body) = answer(Error::not_found, "*/*", "de").await;
        assert_eq!(response.headers()["content-language"], "de");
        assert!(body["error"]["message"].as_str().unwrap().starts_with("Hier"));
    }

    #[tokio::test]
    async fn problem_json_is_answered_when_asked_for() {
        let (response, body) = answer(Error::not_found, "application/problem+json", "en").await;
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert_eq!((&body["status"], &body["instance"]), (&json!(404), &json!("/x")));
    }

    #[tokio::test]
    async fn every_bad_field_is_named() {
        let error = || {
            Error::Fields(vec![
                FieldError { field: "title".into(), issue: Issue::Missing },
                FieldError { field: "colour".into(), issue: Issue::Unknown },
            ])
        };
        let (response, body) = answer(error, "*/*", "en").await;
        assert_eq!(response.status(), 422);
        let fields: Vec<_> =
            body["error"]["details"]["fields"].as_array().unwrap().iter().map(|f| f["field"].clone()).collect();
        assert_eq!(fields, ["title", "colour"]);
    }

    #[tokio::test]
    async fn header_and_body_name_a_time_that_is_long_enough() {
        let error = || Error::after(Code::RateLimited, Value::Null, Duration::from_millis(2100));
        let (response, body) = answer(error, "*/*", "en").await;
        assert_eq!(response.headers()["retry-after"], HeaderValue::from(3));
        assert_eq!(body["error"]["details"]["retry_after_seconds"], 3);
    }

    #[tokio::test]
    async fn internals_stay_inside() {
        let (response, body) = answer(|| Error::Internal("password=hunter2".into()), "*/*", "en").await;
        assert_eq!(response.status(), 500);
        assert!(!body.to_string().contains("hunter2"));
        let (response, body) = answer(|| Error::Db(DbError::Busy), "*/*", "en").await;
        assert_eq!((response.status().as_u16(), &response.headers()["retry-after"]), (503, &HeaderValue::from(2)));
        assert_eq!(body["error"]["code"], "UNAVAILABLE");
    }
}
