//! Making an account, confirming its address, and becoming a creator.

use axum::extract::State;
use chrono::TimeDelta;
use db::DbError;
use domain::{
    consent::Subject,
    ids::UserId,
    password, text,
    user::{Email, Language, Role, Username},
};
use http::StatusCode;
use infra::db::{
    audit_log, consents,
    email_tokens::{self, Purpose},
    registrations,
    users::{self, NewUser},
    verification_pauses,
};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::consents::check_version;
use crate::{
    reply::{Code, Envelope, Error, FieldError, Issue, RateLimit, Reply, Written},
    request::{
        ClientInfo, CurrentUser, Json, Keyed,
        fields::{self, Fields, Input},
    },
    state::AppState,
    views::{Me, words},
    write::{once, transaction},
};

/// Every registration has a mail of its own, so an address may get a few at once. Whoever names the same one again and again
/// gets the same answer, and nothing is sent for a while.
const REGISTRATIONS_AHEAD: TimeDelta = TimeDelta::minutes(5);
const HOUR: std::time::Duration = std::time::Duration::from_secs(3600);

#[derive(ToSchema)]
pub struct Registration {
    #[schema(value_type = String, example = "ada@example.org")]
    email: Email,
    /// 3–32 characters of a-z, 0-9, _ and -.
    #[schema(value_type = String, example = "ada", min_length = 3, max_length = 32, pattern = "^[a-z0-9_-]+$")]
    username: Username,
    /// At least 10 characters, and not one of the common ones.
    #[schema(min_length = 10, example = "correct horse battery")]
    password: String,
    /// Shown to others; the username when left out. Web addresses are refused.
    #[schema(required = false, max_length = 100)]
    name: Option<String>,
    /// Of the mails; by default the request's `Accept-Language`.
    #[schema(required = false, schema_with = words::language)]
    language: Option<Language>,
    /// The version of the terms of use that you have agreed to. What is left out is asked for later.
    #[schema(required = false, max_length = 16, example = "2026-11")]
    terms: Option<String>,
    /// The same of the privacy notice.
    #[schema(required = false, max_length = 16, example = "2026-11")]
    privacy: Option<String>,
    /// The same of mails about news.
    #[schema(required = false, max_length = 16, example = "2026-11")]
    marketing: Option<String>,
}

impl Registration {
    fn agreements(&self) -> impl Iterator<Item = (Subject, &str)> {
        let given = [
            (Subject::Terms, self.terms.as_deref()),
            (Subject::Privacy, self.privacy.as_deref()),
            (Subject::Marketing, self.marketing.as_deref()),
        ];
        given.into_iter().filter_map(|(subject, version)| Some((subject, version?)))
    }
}

impl Input for Registration {
    fn read(fields: &mut Fields) -> Option<Self> {
        let email: Option<Email> = fields.required("email", fields::parsed("ada@example.org"));
        if let Some(Err(error)) = email.as_ref().map(Email::check_deliverable) {
            fields.error("email", Issue::Undeliverable(error));
        }
        let username: Option<Username> = fields.required("username", fields::parsed("ada-99 (3–32 × a-z 0-9 _ -)"));
        let password = fields.required("password", fields::text);
        let name = fields.optional("name", fields::line(100));
        if name.as_deref().is_some_and(text::has_link) {
            fields.error("name", Issue::Link);
        }
        let language = fields.optional("language", fields::word);
        let terms = fields.optional("terms", fields::line(16));
        let privacy = fields.optional("privacy", fields::line(16));
        let marketing = fields.optional("marketing", fields::line(16));
        if let Some(password) = &password {
            let email = email.as_ref().map_or("", Email::as_str);
            let username = username.as_ref().map_or("", Username::as_str);
            if let Err(error) = password::check(password, email, username) {
                fields.error("password", error.into());
            }
        }
        let (email, username, password) = (email?, username?, password?);
        Some(Self { email, username, password, name, language, terms, privacy, marketing })
    }
}

/// What happens next.
#[derive(Serialize, ToSchema)]
pub struct MailSent {
    /// Where the mail goes.
    pub email: String,
    #[schema(example = "verify_email")]
    pub next: &'static str,
}

/// Makes an account. The answer is the same, and so is the work, whether or not others have registered with the address; the
/// mail tells its owner. Who confirms the address first gets it.
#[utoipa::path(post, path = "/auth/register", tag = "auth", request_body = Registration,
    responses((status = 202, description = "A mail is on its way", body = Envelope<MailSent>)),
    extensions(("x-keyed" = json!(true)), ("x-errors" = json!([Code::ValidationFailed, Code::UsernameTaken, Code::RateLimited])), ("x-permission" = json!("open"))))]
pub async fn register(
    State(state): State<AppState>,
    client: ClientInfo,
    Keyed(Json(form), key): Keyed<Json<Registration>>,
) -> Result<Written, Error> {
    for (subject, version) in form.agreements() {
        check_version(&state, subject.as_str(), subject, version)?;
    }
    let limit = limit_mails(&state, &client).await?;
    let password_hash = state.passwords.hash(&client.limit_key(), form.password.clone()).await?;
    let sent = || MailSent { email: form.email.shown(), next: "verify_email" };
    let language = form.language.unwrap_or(client.language);
    let now = state.clock.now();
    let user = NewUser {
        id: UserId::new(),
        email: form.email.as_str(),
        username: form.username.as_str(),
        password_hash: &password_hash,
        name: form.name.as_deref().unwrap_or(form.username.as_str()),
        role: Role::Consumer,
        language,
        email_verified_at: None,
    };
    let made = once!(state, key, now, |tx| {
        users::insert(tx, &user, now).await?;
        for (subject, version) in form.agreements() {
            consents::give(tx, user.id, subject, version, now).await?;
        }
        if verification_pauses::take(tx, Purpose::VerifyEmail, user.email, REGISTRATIONS_AHEAD, now).await? {
            jobs::queue_verification(tx, &form.email, Some(user.id), language, now).await?;
        }
        let agreed: Vec<_> = form.agreements().map(|(subject, _)| subject).collect();
        let details = if agreed.is_empty() { json!({}) } else { json!({ "agreed": agreed }) };
        let entry = client.audit("auth.register", Some(user.id), ("user", Some(user.id.0)), details, now);
        audit_log::append(tx, &entry).await?;
        Ok(Reply::with_status(StatusCode::ACCEPTED, sent()).limit(limit))
    });
    made.map_err(|error| match error {
        Error::Db(DbError::Conflict { constraint }) if constraint == "users_username" => {
            Error::new(Code::UsernameTaken)
        }
        error => error,
    })
}

/// Registering and asking for a link make us send mails to whomever the client names.
pub(super) async fn limit_mails(state: &AppState, client: &ClientInfo) -> Result<RateLimit, Error> {
    let (quota, window) = (state.settings.registrations_per_hour, HOUR);
    let counted = state.cache.hit(&format!("register:{}", client.limit_key()), quota, window).await;
    RateLimit { policy: "register", quota, window, state: counted }.check(Code::RateLimited)
}

#[derive(ToSchema)]
pub struct Verification {
    /// From the link in the mail.
    pub(super) token: String,
}

impl Input for Verification {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self { token: fields.required("token", fields::text)? })
    }
}

/// Confirms an email address with the token from the mail's link, for the registration that the link belongs to. Sessions opened
/// before end, and access tokens and a second factor from before are gone; other registrations with the address are closed.
#[utoipa::path(post, path = "/auth/verify-email", tag = "auth", request_body = Verification,
    responses((status = 204, description = "Confirmed")),
    extensions(("x-errors" = json!([Code::ValidationFailed, Code::LinkInvalid])), ("x-permission" = json!("open"))))]
pub async fn verify_email(
    State(state): State<AppState>,
    client: ClientInfo,
    Json(form): Json<Verification>,
) -> Result<StatusCode, Error> {
    let invalid = || Error::new(Code::LinkInvalid);
    let token: domain::token::SecretToken = form.token.trim().parse().map_err(|_| invalid())?;
    let now = state.clock.now();
    transaction!(state.db, |tx| {
        let user = email_tokens::take(tx, &token.hash(), Purpose::VerifyEmail, now).await?.ok_or_else(invalid)?;
        let closed = registrations::activate(tx, user, now).await?.ok_or_else(invalid)?;
        let entry = client.audit("auth.verify_email", Some(user), ("user", Some(user.0)), json!({}), now);
        audit_log::append(tx, &entry).await?;
        for other in closed {
            let by = json!({ "confirmed_by": user });
            let entry = client.audit("auth.registration_replaced", Some(user), ("user", Some(other.0)), by, now);
            audit_log::append(tx, &entry).await?;
        }
        Ok(())
    })?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(ToSchema)]
pub struct Resend {
    #[schema(value_type = String, example = "ada@example.org")]
    email: Email,
}

impl Input for Resend {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self { email: fields.required("email", fields::parsed("ada@example.org"))? })
    }
}

/// Sends another verification mail, if the address waits for one; at most one a minute. The answer is always the
/// same, and so is the work until then. The mail has a link for each registration that waits.
#[utoipa::path(post, path = "/auth/resend-verification", tag = "auth", request_body = Resend,
    responses((status = 202, description = "A mail is on its way if one is due", body = Envelope<MailSent>)),
    extensions(("x-errors" = json!([Code::ValidationFailed, Code::RateLimited])), ("x-permission" = json!("open"))))]
pub async fn resend_verification(
    State(state): State<AppState>,
    client: ClientInfo,
    Json(form): Json<Resend>,
) -> Result<Reply<MailSent>, Error> {
    let limit = limit_mails(&state, &client).await?;
    let now = state.clock.now();
    transaction!(state.db, |tx| {
        let address = form.email.as_str();
        if verification_pauses::take(tx, Purpose::VerifyEmail, address, TimeDelta::zero(), now).await? {
            jobs::queue_verification(tx, &form.email, None, client.language, now).await?;
        }
        Ok(())
    })?;
    let sent = MailSent { email: form.email.shown(), next: "verify_email" };
    Ok(Reply::with_status(StatusCode::ACCEPTED, sent).limit(limit))
}

#[derive(ToSchema)]
pub struct CreatorTerms {
    /// The version of the terms that was shown.
    #[schema(example = "2026-11")]
    version: String,
}

impl Input for CreatorTerms {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self { version: fields.required("version", fields::line(16))? })
    }
}

/// Accepts the creator terms: a consumer becomes a creator. The new role counts at once, with the same access token.
#[utoipa::path(post, path = "/users/me/creator-terms", tag = "auth", request_body = CreatorTerms,
    security(("bearer" = [])),
    responses((status = 200, description = "You, as a creator", body = Envelope<Me>)),
    extensions(("x-errors" = json!([Code::ValidationFailed])), ("x-permission" = json!("signed_in"))))]
pub async fn accept_creator_terms(
    State(state): State<AppState>,
    client: ClientInfo,
    user: CurrentUser,
    Json(form): Json<CreatorTerms>,
) -> Result<Reply<Me>, Error> {
    let current = &state.settings.creator_terms_version;
    if form.version != *current {
        return Err(Error::Fields(vec![FieldError::new("version", Issue::MustBe(current.clone()))]));
    }
    let now = state.clock.now();
    transaction!(state.db, |tx| {
        let row = users::lock(tx, user.id).await?.ok_or_else(Error::not_found)?;
        users::accept_creator_terms(tx, user.id, row.role.with_creator_terms(), current, now).await?;
        let details = json!({"version": current});
        let entry = client.audit("user.accept_creator_terms", Some(user.id), ("user", Some(user.id.0)), details, now);
        audit_log::append(tx, &entry).await?;
        Ok(())
    })?;
    let user = users::get(&state.db, user.id).await?.ok_or_else(Error::not_found)?;
    Ok(Reply::ok(Me::from(user)))
}
