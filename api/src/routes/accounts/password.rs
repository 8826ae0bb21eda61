//! Changing one's password.

use axum::extract::State;
use domain::password;
use http::StatusCode;
use infra::db::{audit_log, refresh_tokens, users};
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
}

impl Input for PasswordChange {
    fn read(fields: &mut Fields) -> Option<Self> {
        let current_password = fields.required("current_password", fields::text);
        let new_password = fields.required("new_password", fields::text);
        // Once more with the account's names, which are not known here.
        if let Some(Err(error)) = new_password.as_ref().map(|new| password::check(new, "", "")) {
            fields.error("new_password", error.into());
        }
        Some(Self { current_password: current_password?, new_password: new_password? })
    }
}

/// Changes your password. Every other session of yours ends. A wrong current password counts as a failed login.
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
    // Whoever found an open session may not guess on here.
    let mut attempt = Attempt::begin(&state, &client, Account::Known(user.id), Some(user.session)).await?;
    let line = client.limit_key();
    let fits = match state.passwords.verify(&line, form.current_password, Some(row.password_hash)).await {
        Ok(fits) => fits,
        Err(error) => {
            attempt.give_back(&state).await;
            return Err(error);
        }
    };
    let now = state.clock.now();
    if !fits {
        attempt.failed(&state, &client, Some(user.id), now).await?;
        return Err(Error::new(Code::InvalidCredentials));
    }
    attempt.succeeded(&state).await;
    let hash = state.passwords.hash(&line, form.new_password).await?;
    transaction!(state.db, |tx| {
        users::set_password_hash(tx, user.id, &hash, now).await?;
        let ended = refresh_tokens::revoke_others(tx, user.id, user.session, now).await?;
        let details = json!({"ended_sessions": ended});
        let entry = client.audit("auth.change_password", Some(user.id), ("user", Some(user.id.0)), details, now);
        audit_log::append(tx, &entry).await?;
        Ok(())
    })?;
    Ok(StatusCode::NO_CONTENT)
}
