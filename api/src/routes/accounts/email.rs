//! Changing the address of one's account.

use axum::extract::State;
use chrono::TimeDelta;
use domain::{token::SecretToken, user::Email};
use http::StatusCode;
use infra::db::{
    audit_log, email_changes,
    email_tokens::{self, Purpose},
    registrations, users, verification_pauses,
};
use jobs::Notice;
use serde_json::json;
use utoipa::ToSchema;

use super::{
    password,
    registration::{MailSent, Verification, limit_mails},
    second_factor,
};
use crate::{
    auth::{passkeys::PasskeyAnswer, second_factor::Sent},
    reply::{Code, Envelope, Error, FieldError, Issue, Reply},
    request::{
        ClientInfo, CurrentUser, Json,
        fields::{self, Fields, Input},
    },
    state::AppState,
    write::transaction,
};

#[derive(ToSchema)]
pub struct EmailChange {
    /// The new address.
    #[schema(value_type = String, example = "ada@example.org")]
    email: Email,
    password: String,
    /// Where the account has a second factor: six digits from the app, or a recovery code.
    #[schema(required = false, example = "287082")]
    code: Option<String>,
    /// Instead of a code: a passkey's answer to `/auth/passkeys/challenge`.
    #[schema(required = false)]
    passkey: Option<PasskeyAnswer>,
}

impl Input for EmailChange {
    fn read(fields: &mut Fields) -> Option<Self> {
        let email: Option<Email> = fields.required("email", fields::parsed("ada@example.org"));
        if let Some(Err(error)) = email.as_ref().map(Email::check_deliverable) {
            fields.error("email", Issue::Undeliverable(error));
        }
        let password = fields.required("password", fields::text);
        let code = fields.optional("code", fields::text);
        let passkey = fields.maybe_nested("passkey");
        Some(Self { email: email?, password: password?, code, passkey })
    }
}

/// Asks for another address. A link is mailed there, at most one a minute; until it is followed the old address stays. The answer
/// is the same, and so is the work, whether or not somebody else has the address: the mail tells its owner. The old address is
/// told. Where you have a second factor it asks for a code or a passkey. A wrong password or code counts as a failed login.
#[utoipa::path(post, path = "/auth/change-email", tag = "auth", request_body = EmailChange, security(("bearer" = [])),
    responses((status = 202, description = "A mail is on its way to the new address", body = Envelope<MailSent>)),
    extensions(("x-errors" = json!([
        Code::ValidationFailed, Code::InvalidCredentials, Code::SecondFactorRequired, Code::SecondFactorInvalid,
        Code::PasskeysUnavailable, Code::TooManyAttempts, Code::RateLimited
    ])), ("x-permission" = json!("signed_in"))))]
pub async fn change_email(
    State(state): State<AppState>,
    client: ClientInfo,
    user: CurrentUser,
    Json(form): Json<EmailChange>,
) -> Result<Reply<MailSent>, Error> {
    let account = users::get(&state.db, user.id).await?.ok_or_else(Error::not_found)?;
    if account.email == form.email.as_str() {
        return Err(Error::Fields(vec![FieldError::new("email", Issue::Unchanged)]));
    }
    let limit = limit_mails(&state, &client).await?;
    second_factor::prove(
        &state,
        &client,
        &user,
        &account,
        form.password,
        Sent { code: form.code, passkey: form.passkey },
    )
    .await?;
    let now = state.clock.now();
    transaction!(state.db, |tx| {
        password::still(tx, &account).await?;
        let address = form.email.as_str();
        let before = email_changes::lock(tx, user.id).await?;
        email_changes::ask(tx, user.id, address, now).await?;
        // A link to an address that is no longer wished for is worth nothing; one to this address stays good, since another mail
        // may have to wait.
        if before.as_deref() != Some(address) {
            email_tokens::spend(tx, user.id, Purpose::ChangeEmail, now).await?;
        }
        if verification_pauses::take(tx, Purpose::ChangeEmail, address, TimeDelta::zero(), now).await? {
            jobs::queue_email_change(tx, &form.email, user.id, account.language, now).await?;
        }
        if account.email_verified_at.is_some() {
            jobs::queue_notice(tx, &account, Notice::EmailChangeAsked, now).await?;
        }
        let entry = client.audit("auth.ask_email_change", Some(user.id), ("user", Some(user.id.0)), json!({}), now);
        audit_log::append(tx, &entry).await?;
        Ok(())
    })?;
    let sent = MailSent { email: form.email.shown(), next: "confirm_email" };
    Ok(Reply::with_status(StatusCode::ACCEPTED, sent).limit(limit))
}

/// Makes the new address yours with the token from the mail's link, which works once and for 24 hours. It works only at a session
/// of the account that asked: who is sent a stranger's link confirms nothing by following it. The old address is told.
#[utoipa::path(post, path = "/auth/confirm-email", tag = "auth", request_body = Verification, security(("bearer" = [])),
    responses((status = 204, description = "It is yours; sign in with it from now on")),
    extensions(("x-errors" = json!([Code::ValidationFailed, Code::LinkInvalid])), ("x-permission" = json!("signed_in"))))]
pub async fn confirm_email(
    State(state): State<AppState>,
    client: ClientInfo,
    user: CurrentUser,
    Json(form): Json<Verification>,
) -> Result<StatusCode, Error> {
    let invalid = || Error::new(Code::LinkInvalid);
    let link = form.token.trim().parse::<SecretToken>().map_err(|_| invalid())?.hash();
    let now = state.clock.now();
    let owner = email_tokens::owner(&state.db, &link, Purpose::ChangeEmail, now).await?;
    if owner != Some(user.id) {
        return Err(invalid());
    }
    transaction!(state.db, |tx| {
        let email = email_changes::lock(tx, user.id).await?.ok_or_else(invalid)?;
        let before = users::get_in(tx, user.id).await?.ok_or_else(invalid)?;
        email_tokens::take(tx, &link, Purpose::ChangeEmail, now).await?.ok_or_else(invalid)?;
        let closed = registrations::readdress(tx, user.id, &email, now).await?.ok_or_else(invalid)?;
        email_changes::remove(tx, user.id).await?;
        let entry = client.audit("auth.change_email", Some(user.id), ("user", Some(user.id.0)), json!({}), now);
        audit_log::append(tx, &entry).await?;
        for other in closed {
            let by = json!({ "confirmed_by": user.id });
            let entry = client.audit("auth.registration_replaced", Some(user.id), ("user", Some(other.0)), by, now);
            audit_log::append(tx, &entry).await?;
        }
        if before.email_verified_at.is_some() {
            jobs::queue_notice(tx, &before, Notice::EmailChanged, now).await?;
        }
        Ok(())
    })?;
    Ok(StatusCode::NO_CONTENT)
}
