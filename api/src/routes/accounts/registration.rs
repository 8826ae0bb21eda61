//! Making an account, confirming its address, and becoming a creator.

use axum::extract::State;
use chrono::{DateTime, TimeDelta, Utc};
use db::{DbError, Tx};
use domain::{
    ids::UserId,
    password,
    user::{Email, Language, Role, Username},
};
use http::StatusCode;
use infra::db::{
    audit_log,
    email_tokens::{self, Purpose},
    users::{self, NewUser, User},
};
use jobs::NewMail;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::session::new_secret;
use crate::{
    reply::{Code, Envelope, Error, FieldError, Issue, RateLimit, Reply},
    request::{
        ClientInfo, CurrentUser, Json,
        fields::{self, Fields, Input},
    },
    state::AppState,
    views::{Me, words},
    write::transaction,
};

/// How long a verification link works.
const LINK_LIFETIME: TimeDelta = TimeDelta::hours(24);
/// Between two verification mails to the same person.
const RESEND_PAUSE: TimeDelta = TimeDelta::seconds(60);
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
    /// Shown to others; the username when left out.
    #[schema(required = false, max_length = 100)]
    name: Option<String>,
    /// Of the mails; by default the request's `Accept-Language`.
    #[schema(required = false, schema_with = words::language)]
    language: Option<Language>,
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
        let language = fields.optional("language", fields::word);
        if let Some(password) = &password {
            let email = email.as_ref().map_or("", Email::as_str);
            let username = username.as_ref().map_or("", Username::as_str);
            if let Err(error) = password::check(password, email, username) {
                fields.error("password", error.into());
            }
        }
        Some(Self { email: email?, username: username?, password: password?, name, language })
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

/// Makes an account. The answer is the same whether or not the address has one already; the mail tells its owner.
#[utoipa::path(post, path = "/auth/register", tag = "auth", request_body = Registration,
    responses((status = 202, description = "A mail is on its way", body = Envelope<MailSent>)),
    extensions(("x-errors" = json!([Code::ValidationFailed, Code::UsernameTaken, Code::RateLimited])), ("x-permission" = json!("open"))))]
pub async fn register(
    State(state): State<AppState>,
    client: ClientInfo,
    Json(form): Json<Registration>,
) -> Result<Reply<MailSent>, Error> {
    let limit = limit_mails(&state, &client).await?;
    let password_hash = state.passwords.hash(form.password).await?;
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
    let made = transaction!(state.db, |tx| {
        users::insert(tx, &user, now).await?;
        send_link(&state, tx, user.id, user.email, user.name, language, now).await?;
        let entry = client.audit("auth.register", Some(user.id), ("user", Some(user.id.0)), json!({}), now);
        audit_log::append(tx, &entry).await?;
        Ok(())
    });
    match made {
        Ok(()) => {}
        Err(Error::Db(DbError::Conflict { constraint })) if constraint == "users_username" => {
            return Err(Error::new(Code::UsernameTaken));
        }
        Err(Error::Db(DbError::Conflict { constraint })) if constraint == "users_email" => {
            tell_owner(&state, &form.email, &form.username, now).await?;
        }
        Err(error) => return Err(error),
    }
    let sent = MailSent { email: form.email.to_string(), next: "verify_email" };
    Ok(Reply::with_status(StatusCode::ACCEPTED, sent).limit(limit))
}

/// The address has an account: its owner gets a mail about that, at most one an hour. An account that was never
/// confirmed gets another link instead.
async fn tell_owner(state: &AppState, email: &Email, username: &Username, now: DateTime<Utc>) -> Result<(), Error> {
    let Some(owner) = users::find_by_email(&state.db, email.as_str()).await? else { return Ok(()) };
    // Which key collided first is the database's choice; a taken name is told in either case.
    if users::username_taken(&state.db, username.as_str()).await? {
        return Err(Error::new(Code::UsernameTaken));
    }
    if owner.email_verified_at.is_none() {
        return resend(state, &owner, now).await;
    }
    transaction!(state.db, |tx| {
        let mail = NewMail {
            key: &format!("already_registered:{}:{}", owner.id, now.timestamp() / 3600),
            template: "already_registered",
            language: owner.language,
            user_id: Some(owner.id),
            recipient: &owner.email,
            params: json!({}),
            now,
        };
        Ok(jobs::queue_mail(tx, mail).await?)
    })
}

/// Makes a link, replaces every earlier one, and queues the mail with it.
async fn send_link(
    state: &AppState,
    tx: &mut Tx,
    user: UserId,
    email: &str,
    name: &str,
    language: Language,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let secret = new_secret();
    email_tokens::replace(tx, user, Purpose::VerifyEmail, &secret.hash(), now + LINK_LIFETIME, now).await?;
    let mail = NewMail {
        key: &format!("verify_email:{}", hex::encode(&secret.hash()[..16])),
        template: "verify_email",
        language,
        user_id: Some(user),
        recipient: email,
        params: json!({
            "name": name,
            "link": state.settings.link(&format!("/verify-email?token={}", secret.reveal())),
        }),
        now,
    };
    Ok(jobs::queue_mail(tx, mail).await?)
}

/// Registering and resending make us send mails to whomever the client names.
async fn limit_mails(state: &AppState, client: &ClientInfo) -> Result<RateLimit, Error> {
    let (quota, window) = (state.settings.registrations_per_hour, HOUR);
    let counted = state.cache.hit(&format!("register:{}", client.limit_key()), quota, window).await;
    RateLimit { policy: "register", quota, window, state: counted }.check(Code::RateLimited)
}

#[derive(ToSchema)]
pub struct Verification {
    /// From the link in the mail.
    token: String,
}

impl Input for Verification {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self { token: fields.required("token", fields::text)? })
    }
}

/// Confirms an email address with the token from the mail's link.
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
        users::set_email_verified(tx, user, now).await?;
        let entry = client.audit("auth.verify_email", Some(user), ("user", Some(user.0)), json!({}), now);
        audit_log::append(tx, &entry).await?;
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
/// same.
#[utoipa::path(post, path = "/auth/resend-verification", tag = "auth", request_body = Resend,
    responses((status = 202, description = "A mail is on its way if one is due", body = Envelope<MailSent>)),
    extensions(("x-errors" = json!([Code::ValidationFailed, Code::RateLimited])), ("x-permission" = json!("open"))))]
pub async fn resend_verification(
    State(state): State<AppState>,
    client: ClientInfo,
    Json(form): Json<Resend>,
) -> Result<Reply<MailSent>, Error> {
    let limit = limit_mails(&state, &client).await?;
    if let Some(user) = users::find_by_email(&state.db, form.email.as_str()).await?
        && user.email_verified_at.is_none()
        && user.status.may_sign_in()
    {
        resend(&state, &user, state.clock.now()).await?;
    }
    let sent = MailSent { email: form.email.to_string(), next: "verify_email" };
    Ok(Reply::with_status(StatusCode::ACCEPTED, sent).limit(limit))
}

async fn resend(state: &AppState, user: &User, now: DateTime<Utc>) -> Result<(), Error> {
    let last = email_tokens::last_made(&state.db, user.id, Purpose::VerifyEmail).await?;
    if last.is_some_and(|last| last + RESEND_PAUSE > now) {
        return Ok(());
    }
    transaction!(state.db, |tx| { send_link(state, tx, user.id, &user.email, &user.name, user.language, now).await })
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
