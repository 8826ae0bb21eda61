//! Changing one's password, and showing that one knows it.

use axum::extract::State;
use db::Tx;
use domain::password;
use http::StatusCode;
use infra::db::{
    audit_log, email_changes, email_tokens, personal_tokens, refresh_tokens, second_factors,
    users::{self, User},
};
use jobs::Notice;
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    auth::attempts::{Account, Attempt},
    reply::{Code, Error, FieldError},
    request::{
        ClientInfo, CurrentUser, Json,
        fields::{self, Fields, Input},
    },
    state::AppState,
    write::transaction,
};

#[derive(ToSchema)]
pub struct PasswordChange {
    current_password: String,
    /// At least 10 characters, and not one of the common ones.
    #[schema(min_length = 10, example = "correct horse battery")]
    new_password: String,
    /// Revoke your personal access tokens too. They stay otherwise: scripts need not know that you have another password.
    #[schema(required = false)]
    revoke_tokens: bool,
}

impl Input for PasswordChange {
    fn read(fields: &mut Fields) -> Option<Self> {
        let current_password = fields.required("current_password", fields::text);
        let new_password = fields.required("new_password", fields::text);
        // Once more with the account's names, which are not known here.
        if let Some(Err(error)) = new_password.as_ref().map(|new| password::check(new, "", "")) {
            fields.error("new_password", error.into());
        }
        let revoke_tokens = fields.optional("revoke_tokens", fields::boolean).unwrap_or(false);
        Some(Self { current_password: current_password?, new_password: new_password?, revoke_tokens })
    }
}

/// Changes your password. Every other session of yours ends, with `revoke_tokens` your personal access tokens too, and a mail tells you
/// of it. A wrong current password counts as a failed login.
#[utoipa::path(post, path = "/auth/change-password", tag = "auth", request_body = PasswordChange,
    security(("bearer" = [])), responses((status = 204, description = "Changed; this session goes on")),
    extensions(("x-errors" = json!([
        Code::ValidationFailed, Code::InvalidCredentials, Code::TooManyAttempts
    ])), ("x-permission" = json!("signed_in"))))]
pub async fn change(
    State(state): State<AppState>,
    client: ClientInfo,
    user: CurrentUser,
    Json(form): Json<PasswordChange>,
) -> Result<StatusCode, Error> {
    let row = users::get(&state.db, user.id).await?.ok_or_else(Error::not_found)?;
    if let Err(error) = password::check(&form.new_password, &row.email, &row.username) {
        return Err(Error::Fields(vec![FieldError::new("new_password", error.into())]));
    }
    confirm(&state, &client, &user, &row, form.current_password).await?;
    let now = state.clock.now();
    let hash = state.passwords.hash(&client.limit_key(), form.new_password).await?;
    transaction!(state.db, |tx| {
        still(tx, &row).await?;
        users::set_password_hash(tx, user.id, &hash, now).await?;
        // Whoever knew the old one may have asked for another address, or begun to set up a second factor.
        email_changes::remove(tx, user.id).await?;
        second_factors::give_up(tx, user.id).await?;
        email_tokens::spend_all(tx, user.id, now).await?;
        let ended = refresh_tokens::revoke_others(tx, user.id, user.session, now).await?;
        let mut details = json!({"ended_sessions": ended});
        if form.revoke_tokens {
            details["revoked_tokens"] = json!(personal_tokens::revoke_all(tx, user.id, now).await?);
        }
        let entry = client.audit("auth.change_password", Some(user.id), ("user", Some(user.id.0)), details, now);
        audit_log::append(tx, &entry).await?;
        jobs::queue_notice(tx, &row, Notice::PasswordChanged, now).await?;
        Ok(())
    })?;
    Ok(StatusCode::NO_CONTENT)
}

/// Locks the account whose password was right a moment ago, and looks whether it still is: hashing takes its time, and what an old
/// password opens must not outlive the reset that was to end it.
pub(super) async fn still(tx: &mut Tx, account: &User) -> Result<User, Error> {
    let locked = users::lock(tx, account.id).await?;
    let same = |now: &User| now.password_hash == account.password_hash && now.status.may_sign_in();
    locked.filter(same).ok_or_else(|| Error::new(Code::InvalidCredentials))
}

/// Whether the person at this session knows the password of the account. Whoever found an open session may not guess on: a wrong
/// one counts as a failed login.
pub(super) async fn confirm(
    state: &AppState,
    client: &ClientInfo,
    user: &CurrentUser,
    account: &User,
    password: String,
) -> Result<(), Error> {
    attempt(state, client, user, account, password).await?.succeeded(state).await;
    Ok(())
}

/// The same, where something else has to be right as well: the attempt still holds its places, and has failed until it is told
/// otherwise.
pub(super) async fn attempt(
    state: &AppState,
    client: &ClientInfo,
    user: &CurrentUser,
    account: &User,
    password: String,
) -> Result<Attempt, Error> {
    let mut attempt = Attempt::begin(state, client, Account::Known(user.id), Some(user.session)).await?;
    let stored = Some(account.password_hash.clone());
    let fits = match state.passwords.verify(&client.limit_key(), password, stored).await {
        Ok(fits) => fits,
        Err(error) => {
            attempt.give_back(state).await;
            return Err(error);
        }
    };
    if !fits {
        attempt.failed(state, client, Some(user.id), state.clock.now()).await?;
        return Err(Error::new(Code::InvalidCredentials));
    }
    Ok(attempt)
}
