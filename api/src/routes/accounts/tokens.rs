//! Personal access tokens, for scripts and other systems.

use axum::extract::State;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    ids::TokenId,
    token::{Scope, SecretToken},
};
use http::{StatusCode, header};
use infra::db::{
    audit_log,
    personal_tokens::{self, NewPersonalToken, PersonalToken},
    users,
};
use jobs::Notice;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{password, second_factor};
use crate::{
    auth::{passkeys::PasskeyAnswer, second_factor::Sent},
    reply::{Code, Envelope, Error, Reply, maybe_time, time},
    request::{
        ClientInfo, CurrentUser, Json, Path,
        fields::{self, Fields, Input},
    },
    state::AppState,
    views::words,
    write::transaction,
};

/// Live ones of one person.
const AT_MOST: u64 = 50;

/// A personal access token, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenView {
    pub id: Uuid,
    #[schema(example = "build server")]
    pub name: String,
    #[schema(schema_with = words::scopes)]
    pub scopes: Vec<Scope>,
    #[serde(serialize_with = "time")]
    pub created_at: DateTime<Utc>,
    #[serde(serialize_with = "time")]
    pub expires_at: DateTime<Utc>,
    /// To the minute.
    #[serde(serialize_with = "maybe_time")]
    pub last_used_at: Option<DateTime<Utc>>,
}

impl From<PersonalToken> for TokenView {
    fn from(token: PersonalToken) -> Self {
        Self {
            id: token.id.0,
            name: token.name,
            scopes: token.scopes.0,
            created_at: token.created_at,
            expires_at: token.expires_at,
            last_used_at: token.last_used_at,
        }
    }
}

/// Your personal access tokens, the newest first.
#[utoipa::path(get, path = "/auth/tokens", tag = "auth", security(("bearer" = [])),
    responses((status = 200, description = "Those that are live", body = Envelope<Vec<TokenView>>)),
    extensions(("x-errors" = json!([])), ("x-permission" = json!("signed_in"))))]
pub async fn list(State(state): State<AppState>, user: CurrentUser) -> Result<Reply<Vec<TokenView>>, Error> {
    let live = personal_tokens::live_of(&state.db, user.id, state.clock.now()).await?;
    let shown = live.into_iter().map(TokenView::from).collect();
    Ok(Reply::ok(shown).header(header::CACHE_CONTROL, "no-store"))
}

#[derive(ToSchema)]
pub struct NewToken {
    /// What it is for.
    #[schema(min_length = 1, max_length = 100, example = "build server")]
    name: String,
    /// What it may do, within what you may do.
    #[schema(schema_with = words::scopes)]
    scopes: Vec<Scope>,
    #[schema(minimum = 1, maximum = 365, example = 90)]
    expires_in_days: u64,
    password: String,
    /// Where the account has a second factor: six digits from the app, or a recovery code.
    #[schema(required = false, example = "287082")]
    code: Option<String>,
    /// Instead of a code: a passkey's answer to `/auth/passkeys/challenge`.
    #[schema(required = false)]
    passkey: Option<PasskeyAnswer>,
}

impl Input for NewToken {
    fn read(fields: &mut Fields) -> Option<Self> {
        let name = fields.required("name", fields::line(100));
        let scopes = fields.required("scopes", fields::words);
        let expires_in_days = fields.required("expires_in_days", fields::whole(1, 365));
        let password = fields.required("password", fields::text);
        let code = fields.optional("code", fields::text);
        let passkey = fields.maybe_nested("passkey");
        Some(Self {
            name: name?,
            scopes: scopes?,
            expires_in_days: expires_in_days?,
            password: password?,
            code,
            passkey,
        })
    }
}

/// A personal access token with its secret.
#[derive(Serialize, ToSchema)]
pub struct MadeToken {
    /// For `Authorization: Bearer`. Shown once; only its hash is kept.
    #[schema(example = "nano_pat_0707070707070707070707070707070707070707070707070707070707070707")]
    pub secret: String,
    pub token: TokenView,
}

/// Makes a personal access token. It works wherever an operation names a scope that it has, as long as your account does; it opens
/// nothing of what guards an account. A mail tells you of it. Where you have a second factor it asks for a code or a passkey. A wrong password or
/// code counts as a failed login.
#[utoipa::path(post, path = "/auth/tokens", tag = "auth", request_body = NewToken, security(("bearer" = [])),
    responses((status = 201, description = "Made", body = Envelope<MadeToken>)),
    extensions(("x-errors" = json!([
        Code::ValidationFailed, Code::InvalidCredentials, Code::SecondFactorRequired, Code::SecondFactorInvalid,
        Code::PasskeysUnavailable, Code::TooManyAttempts, Code::TooManyTokens
    ])), ("x-permission" = json!("signed_in"))))]
pub async fn make(
    State(state): State<AppState>,
    client: ClientInfo,
    user: CurrentUser,
    Json(form): Json<NewToken>,
) -> Result<Reply<MadeToken>, Error> {
    let account = users::get(&state.db, user.id).await?.ok_or_else(Error::not_found)?;
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
    let days = i64::try_from(form.expires_in_days).unwrap_or_default();
    let secret = SecretToken::from_random(rand::random());
    let hash = secret.hash();
    let new = NewPersonalToken {
        id: TokenId::new(),
        user_id: user.id,
        name: &form.name,
        hash: &hash,
        scopes: &form.scopes,
        expires_at: now + TimeDelta::days(days),
    };
    transaction!(state.db, |tx| {
        // Of two requests at once the second counts what the first has made.
        password::still(tx, &account).await?;
        if personal_tokens::count(tx, user.id, now).await? >= AT_MOST {
            return Err(Error::new(Code::TooManyTokens));
        }
        personal_tokens::insert(tx, &new, now).await?;
        let details = json!({"scopes": form.scopes, "days": form.expires_in_days});
        let entry = client.audit("auth.token_make", Some(user.id), ("token", Some(new.id.0)), details, now);
        audit_log::append(tx, &entry).await?;
        jobs::queue_notice(tx, &account, Notice::TokenMade, now).await?;
        Ok(())
    })?;
    let token = TokenView {
        id: new.id.0,
        name: form.name.clone(),
        scopes: form.scopes.clone(),
        created_at: now,
        expires_at: new.expires_at,
        last_used_at: None,
    };
    let made = MadeToken { secret: secret.reveal_personal(), token };
    Ok(Reply::with_status(StatusCode::CREATED, made).header(header::CACHE_CONTROL, "no-store"))
}

/// Revokes one of your personal access tokens: it stops working at once.
#[utoipa::path(delete, path = "/auth/tokens/{id}", tag = "auth", params(("id" = Uuid, Path,)),
    security(("bearer" = [])), responses((status = 204, description = "Revoked")),
    extensions(("x-errors" = json!([Code::NotFound])), ("x-permission" = json!("signed_in"))))]
pub async fn revoke(
    State(state): State<AppState>,
    client: ClientInfo,
    user: CurrentUser,
    Path(id): Path<TokenId>,
) -> Result<StatusCode, Error> {
    let now = state.clock.now();
    transaction!(state.db, |tx| {
        if !personal_tokens::revoke(tx, user.id, id, now).await? {
            return Err(Error::not_found());
        }
        let entry = client.audit("auth.token_revoke", Some(user.id), ("token", Some(id.0)), json!({}), now);
        audit_log::append(tx, &entry).await?;
        Ok(())
    })?;
    Ok(StatusCode::NO_CONTENT)
}

/// Revokes all of your personal access tokens. Ending sessions, or another password, leaves them: scripts go on until you say so.
#[utoipa::path(delete, path = "/auth/tokens", tag = "auth", security(("bearer" = [])),
    responses((status = 204, description = "None is left")),
    extensions(("x-errors" = json!([])), ("x-permission" = json!("signed_in"))))]
pub async fn revoke_all(
    State(state): State<AppState>,
    client: ClientInfo,
    user: CurrentUser,
) -> Result<StatusCode, Error> {
    let now = state.clock.now();
    transaction!(state.db, |tx| {
        // One that is being made is there by then, or its password is asked for again.
        users::lock(tx, user.id).await?.ok_or_else(Error::not_found)?;
        let details = json!({"revoked_tokens": personal_tokens::revoke_all(tx, user.id, now).await?});
        let entry = client.audit("auth.tokens_revoke", Some(user.id), ("user", Some(user.id.0)), details, now);
        audit_log::append(tx, &entry).await?;
        Ok(())
    })?;
    Ok(StatusCode::NO_CONTENT)
}
