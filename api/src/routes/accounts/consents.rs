//! What people agree to: the versions of this installation, and what the person at this session has agreed to.

use axum::extract::State;
use chrono::{DateTime, Utc};
use domain::consent::Subject;
use http::{StatusCode, header};
use infra::db::{
    audit_log,
    consents::{self, Consent},
    users,
};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    reply::{Code, Envelope, Error, FieldError, Issue, Reply, maybe_time, time},
    request::{
        ClientInfo, CurrentUser, Json, Name, Path,
        fields::{self, Fields, Input},
    },
    state::AppState,
    views::words,
    write::transaction,
};

/// One agreement.
#[derive(Debug, Serialize, ToSchema)]
pub struct Agreement {
    #[schema(example = "2026-11")]
    pub version: String,
    #[serde(serialize_with = "time")]
    pub given_at: DateTime<Utc>,
    /// `null` while it holds.
    #[serde(serialize_with = "maybe_time")]
    pub withdrawn_at: Option<DateTime<Utc>>,
}

impl From<Consent> for Agreement {
    fn from(consent: Consent) -> Self {
        Self { version: consent.version, given_at: consent.given_at, withdrawn_at: consent.withdrawn_at }
    }
}

/// What may be agreed to, and what of it is.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConsentState {
    #[schema(schema_with = words::consent)]
    pub subject: Subject,
    /// The version in force; `null` where this installation has none, and asks for nothing.
    #[schema(example = "2026-11")]
    pub version: Option<String>,
    /// Where to read it; `null` where this installation does not say.
    #[schema(example = "https://nano.example/legal/terms-2026-11.html")]
    pub url: Option<String>,
    /// Whether you can change anything without it.
    pub required: bool,
    /// Whether you agree to the version in force.
    pub given: bool,
    /// The newest first.
    pub agreements: Vec<Agreement>,
}

/// What you have agreed to, and which versions are in force.
#[utoipa::path(get, path = "/users/me/consents", tag = "auth", security(("bearer" = [])),
    responses((status = 200, description = "Terms, privacy, marketing", body = Envelope<Vec<ConsentState>>)),
    extensions(("x-errors" = json!([])), ("x-permission" = json!("signed_in"))))]
pub async fn list(State(state): State<AppState>, user: CurrentUser) -> Result<Reply<Vec<ConsentState>>, Error> {
    let mut known = consents::of(&state.db, user.id).await?;
    let shown = Subject::ALL.iter().map(|subject| {
        let (own, others) =
            std::mem::take(&mut known).into_iter().partition::<Vec<_>, _>(|one| one.subject == *subject);
        known = others;
        let version = state.settings.consents.version(*subject);
        let holds = |one: &Consent| one.withdrawn_at.is_none() && Some(one.version.as_str()) == version;
        ConsentState {
            subject: *subject,
            version: version.map(str::to_owned),
            url: state.settings.consents.url(*subject),
            required: version.is_some() && subject.is_required(),
            given: own.iter().any(holds),
            agreements: own.into_iter().map(Agreement::from).collect(),
        }
    });
    Ok(Reply::ok(shown.collect()).header(header::CACHE_CONTROL, "no-store"))
}

#[derive(ToSchema)]
pub struct ConsentForm {
    /// The version that was shown.
    #[schema(min_length = 1, max_length = 16, example = "2026-11")]
    version: String,
}

impl Input for ConsentForm {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self { version: fields.required("version", fields::line(16))? })
    }
}

fn subject(text: &str) -> Result<Subject, Error> {
    text.parse().map_err(|_| Error::not_found())
}

/// Agrees to the version in force, which has to be the one that was shown.
#[utoipa::path(put, path = "/users/me/consents/{subject}", tag = "auth",
    params(("subject" = String, Path, description = "terms, privacy or marketing", example = "terms")),
    request_body = ConsentForm, security(("bearer" = [])),
    responses((status = 204, description = "Written down")),
    extensions(("x-errors" = json!([Code::ValidationFailed, Code::NotFound])), ("x-permission" = json!("signed_in"))))]
pub async fn give(
    State(state): State<AppState>,
    client: ClientInfo,
    user: CurrentUser,
    Path(name): Path<Name>,
    Json(form): Json<ConsentForm>,
) -> Result<StatusCode, Error> {
    let subject = subject(&name)?;
    check_version(&state, "version", subject, &form.version)?;
    let now = state.clock.now();
    transaction!(state.db, |tx| {
        users::lock(tx, user.id).await?.ok_or_else(Error::not_found)?;
        if consents::give(tx, user.id, subject, &form.version, now).await? {
            let details = json!({"subject": subject, "version": form.version});
            let entry = client.audit("consent.give", Some(user.id), ("user", Some(user.id.0)), details, now);
            audit_log::append(tx, &entry).await?;
        }
        Ok(())
    })?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whether this is the version in force.
pub fn check_version(state: &AppState, field: &str, subject: Subject, version: &str) -> Result<(), Error> {
    match state.settings.consents.version(subject) {
        Some(current) if current == version => Ok(()),
        current => {
            let issue = Issue::MustBe(current.unwrap_or("left out: there is no such text here").to_owned());
            Err(Error::Fields(vec![FieldError::new(field, issue)]))
        }
    }
}

/// Withdraws your agreement. Without a required one you read on and administer your own account; other changes ask for it again.
#[utoipa::path(delete, path = "/users/me/consents/{subject}", tag = "auth",
    params(("subject" = String, Path, description = "terms, privacy or marketing", example = "marketing")),
    security(("bearer" = [])), responses((status = 204, description = "Withdrawn, or not given")),
    extensions(("x-errors" = json!([Code::NotFound])), ("x-permission" = json!("signed_in"))))]
pub async fn withdraw(
    State(state): State<AppState>,
    client: ClientInfo,
    user: CurrentUser,
    Path(name): Path<Name>,
) -> Result<StatusCode, Error> {
    let subject = subject(&name)?;
    let now = state.clock.now();
    transaction!(state.db, |tx| {
        users::lock(tx, user.id).await?.ok_or_else(Error::not_found)?;
        if consents::withdraw(tx, user.id, subject, now).await? {
            let details = json!({"subject": subject});
            let entry = client.audit("consent.withdraw", Some(user.id), ("user", Some(user.id.0)), details, now);
            audit_log::append(tx, &entry).await?;
        }
        Ok(())
    })?;
    Ok(StatusCode::NO_CONTENT)
}
