//! A new password for whoever has forgotten theirs and reads the mails of the account.

use axum::extract::State;
use chrono::TimeDelta;
use domain::{password, token::SecretToken, user::Email};
use http::StatusCode;
use infra::db::{
    audit_log, email_changes,
    email_tokens::{self, Purpose},
    personal_tokens, refresh_tokens, second_factors, users, verification_pauses,
};
use jobs::Notice;
use serde_json::json;
use utoipa::ToSchema;

use super::registration::{MailSent, limit_mails};
use crate::{
    auth::attempts::{self, Account},
    reply::{Code, Envelope, Error, FieldError, Reply},
    request::{
        ClientInfo, Json,
        fields::{self, Fields, Input},
    },
    state::AppState,
    write::transaction,
};

#[derive(ToSchema)]
pub struct Forgotten {
    #[schema(value_type = String, example = "ada@example.org")]
    email: Email,
}

impl Input for Forgotten {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self { email: fields.required("email", fields::parsed("ada@example.org"))? })
    }
}

/// Sends a link by which the password of the account with this address can be set anew, if there is one and it has confirmed the
/// address; at most one a minute. The answer is always the same, and so is the work until then.
#[utoipa::path(post, path = "/auth/forgot-password", tag = "auth", request_body = Forgotten,
    responses((status = 202, description = "A mail is on its way if there is such an account", body = Envelope<MailSent>)),
    extensions(("x-errors" = json!([Code::ValidationFailed, Code::RateLimited])), ("x-permission" = json!("open"))))]
pub async fn forgot_password(
    State(state): State<AppState>,
    client: ClientInfo,
    Json(form): Json<Forgotten>,
) -> Result<Reply<MailSent>, Error> {
    let limit = limit_mails(&state, &client).await?;
    let now = state.clock.now();
    transaction!(state.db, |tx| {
        let address = form.email.as_str();
        if verification_pauses::take(tx, Purpose::ResetPassword, address, TimeDelta::zero(), now).await? {
            jobs::queue_password_reset(tx, &form.email, client.language, now).await?;
        }
        Ok(())
    })?;
    let sent = MailSent { email: form.email.shown(), next: "reset_password" };
    Ok(Reply::with_status(StatusCode::ACCEPTED, sent).limit(limit))
}

#[derive(ToSchema)]
pub struct PasswordReset {
    /// From the link in the mail.
    token: String,
    /// At least 10 characters, and not one of the common ones.
    #[schema(min_length = 10, example = "correct horse battery")]
    new_password: String,
}

impl Input for PasswordReset {
    fn read(fields: &mut Fields) -> Option<Self> {
        let token = fields.required("token", fields::text);
        let new_password = fields.required("new_password", fields::text);
        // Once more with the account's names, which are not known here.
        if let Some(Err(error)) = new_password.as_ref().map(|new| password::check(new, "", "")) {
            fields.error("new_password", error.into());
        }
        Some(Self { token: token?, new_password: new_password? })
    }
}

/// Sets a new password with the token from the mail's link, which works once and for an hour. Every session and personal
/// access token ends, other links become worthless, and a mail tells the owner.
#[utoipa::path(post, path = "/auth/reset-password", tag = "auth", request_body = PasswordReset,
    responses((status = 204, description = "Set; sign in with it")),
    extensions(("x-errors" = json!([Code::ValidationFailed, Code::LinkInvalid])), ("x-permission" = json!("open"))))]
pub async fn reset_password(
    State(state): State<AppState>,
    client: ClientInfo,
    Json(form): Json<PasswordReset>,
) -> Result<StatusCode, Error> {
    let invalid = || Error::new(Code::LinkInvalid);
    let link = form.token.trim().parse::<SecretToken>().map_err(|_| invalid())?.hash();
    let now = state.clock.now();
    // Whoever has chosen a bad password uses the link again, and nothing is hashed for those who have none.
    let owner = email_tokens::owner(&state.db, &link, Purpose::ResetPassword, now).await?.ok_or_else(invalid)?;
    let account = users::get(&state.db, owner).await?.ok_or_else(invalid)?;
    if let Err(error) = password::check(&form.new_password, &account.email, &account.username) {
        return Err(Error::Fields(vec![FieldError::new("new_password", error.into())]));
    }
    let hash = state.passwords.hash(&client.limit_key(), form.new_password).await?;
    transaction!(state.db, |tx| {
        let account =
            users::lock(tx, owner).await?.filter(|account| account.status.may_sign_in()).ok_or_else(invalid)?;
        email_tokens::take(tx, &link, Purpose::ResetPassword, now).await?.ok_or_else(invalid)?;
        email_tokens::spend_all(tx, owner, now).await?;
        email_changes::remove(tx, owner).await?;
        second_factors::give_up(tx, owner).await?;
        users::set_password_hash(tx, owner, &hash, now).await?;
        let sessions = refresh_tokens::revoke_all(tx, owner, now).await?;
        let tokens = personal_tokens::revoke_all(tx, owner, now).await?;
        let details = json!({"ended_sessions": sessions, "revoked_tokens": tokens});
        let entry = client.audit("auth.reset_password", Some(owner), ("user", Some(owner.0)), details, now);
        audit_log::append(tx, &entry).await?;
        jobs::queue_notice(tx, &account, Notice::PasswordChanged, now).await?;
        Ok(())
    })?;
    // Whoever has guessed until the limit before they asked for the link may sign in now.
    attempts::forget(&state, &client, Account::Known(owner)).await;
    Ok(StatusCode::NO_CONTENT)
}
