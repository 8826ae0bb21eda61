//! Signing in and out. `registration.rs` has accounts and their mail links.

use axum::{extract::State, response::IntoResponse};
use domain::user::Email;
use http::{HeaderMap, StatusCode, header};
use infra::db::{audit_log, refresh_tokens, users};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::session::{self, Exchange, Tokens};
use crate::{
    reply::{Code, Envelope, Error, RateLimit, Reply},
    request::{
        ClientInfo, CurrentUser, Json, MaybeJson,
        fields::{self, Fields, Input},
        served,
    },
    state::AppState,
    views::Me,
    write::transaction,
};

#[derive(ToSchema)]
pub struct Login {
    #[schema(value_type = String, example = "ada@example.org")]
    email: Option<Email>,
    #[schema(example = "correct horse battery")]
    password: String,
    /// Keep the refresh token in an HttpOnly cookie instead of sending it in the answer.
    #[schema(required = false)]
    cookie: bool,
}

impl Input for Login {
    fn read(fields: &mut Fields) -> Option<Self> {
        let email = fields.required("email", fields::text);
        let password = fields.required("password", fields::text);
        let cookie = fields.optional("cookie", fields::boolean);
        // An address that cannot exist fails like one that does not.
        Some(Self { email: email?.parse().ok(), password: password?, cookie: cookie.unwrap_or(false) })
    }
}

/// Tokens for a client.
#[derive(Serialize, ToSchema)]
pub struct TokenPair {
    pub access_token: String,
    #[schema(example = "Bearer")]
    pub token_type: &'static str,
    /// Seconds until the access token expires.
    pub expires_in: i64,
    /// Absent when it went into a cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// Seconds until the refresh token expires.
    pub refresh_expires_in: i64,
}

fn answer(state: &AppState, tokens: &Tokens, as_cookie: bool) -> Reply<TokenPair> {
    let pair = TokenPair {
        access_token: tokens.access.clone(),
        token_type: "Bearer",
        expires_in: tokens.expires_in,
        refresh_token: (!as_cookie).then(|| tokens.refresh.reveal()),
        refresh_expires_in: tokens.refresh_expires_in,
    };
    let reply = Reply::ok(pair).header(header::CACHE_CONTROL, "no-store");
    if as_cookie {
        let secure = state.settings.public_url.scheme() == "https";
        let cookie = session::set_cookie(&tokens.refresh, tokens.refresh_expires_in, secure);
        reply.header(header::SET_COOKIE, &cookie)
    } else {
        reply
    }
}

/// Signs in with email and password.
#[utoipa::path(post, path = "/auth/login", tag = "auth", request_body = Login,
    responses((status = 200, description = "Signed in", body = Envelope<TokenPair>)),
    extensions(("x-errors" = json!([
        Code::ValidationFailed, Code::InvalidCredentials, Code::AccountNotActive, Code::TooManyAttempts
    ])), ("x-permission" = json!("open"))))]
pub async fn login(
    State(state): State<AppState>,
    client: ClientInfo,
    Json(login): Json<Login>,
) -> Result<Reply<TokenPair>, Error> {
    let (quota, window) = (state.settings.login_failures, state.settings.login_window);
    let by_account = login.email.as_ref().map(|email| format!("login:account:{}", digest(email.as_str())));
    let by_client = format!("login:client:{}", client.limit_key());
    let user = match &login.email {
        Some(email) => users::find_by_email(&state.db, email.as_str()).await?,
        None => None,
    };
    for key in by_account.iter().chain([&by_client]) {
        let so_far = state.cache.peek(key, quota, window).await;
        RateLimit { policy: "login", quota, window, state: so_far }.check(Code::TooManyAttempts)?;
    }
    let stored = user.as_ref().map(|user| user.password_hash.clone());
    let fits = state.passwords.verify(login.password, stored).await?;
    let now = state.clock.now();
    let Some(user) = user.filter(|_| fits) else {
        for key in by_account.iter().chain([&by_client]) {
            state.cache.hit(key, quota, window).await;
        }
        metrics::counter!("logins_total", "result" => "failed").increment(1);
        return Err(Error::new(Code::InvalidCredentials));
    };
    served(user.status)?;
    let device = client.user_agent.clone().unwrap_or_default();
    let tokens = transaction!(state.db, |tx| {
        let tokens = session::open(&state, tx, user.id, user.role, &device, now).await?;
        users::touch_login(tx, user.id, now).await?;
        let entry = client.audit("auth.login", Some(user.id), ("user", Some(user.id.0)), json!({}), now);
        audit_log::append(tx, &entry).await?;
        Ok(tokens)
    })?;
    if let Some(key) = &by_account {
        state.cache.reset(key).await;
    }
    metrics::counter!("logins_total", "result" => "ok").increment(1);
    Ok(answer(&state, &tokens, login.cookie))
}

/// Keys in the cache do not spell out addresses.
fn digest(email: &str) -> String {
    use sha2::{Digest, Sha256};
    hex::encode(&Sha256::digest(email)[..12])
}

#[derive(ToSchema)]
pub struct Refresh {
    #[schema(required = false)]
    refresh_token: Option<String>,
}

impl Input for Refresh {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self { refresh_token: fields.optional("refresh_token", fields::text) })
    }
}

/// Exchanges a refresh token for new tokens. It comes in the `Authorization` header, in the body, or as the cookie;
/// the new one goes back the same way. Each works once: a second use ends the session for everybody.
#[utoipa::path(post, path = "/auth/refresh-token", tag = "auth", request_body(content = Option<Refresh>),
    responses((status = 200, description = "New tokens", body = Envelope<TokenPair>)),
    extensions(("x-errors" = json!([
        Code::ValidationFailed, Code::InvalidRefreshToken, Code::AccountNotActive
    ])), ("x-permission" = json!("open"))))]
pub async fn refresh_token(
    State(state): State<AppState>,
    client: ClientInfo,
    headers: HeaderMap,
    MaybeJson(body): MaybeJson<Refresh>,
) -> Result<Reply<TokenPair>, Error> {
    let invalid = || Error::new(Code::InvalidRefreshToken);
    let from_body = body.and_then(|body| body.refresh_token);
    let token = session::find_token(&headers, from_body.as_deref()).ok_or_else(invalid)?;
    let as_cookie = session::cookie(&headers).is_some_and(|cookie| cookie == token.reveal());
    let now = state.clock.now();
    let exchanged = transaction!(state.db, |tx| {
        let exchanged = session::exchange(&state, tx, &token, now).await?;
        if let Exchange::Reused(user) = &exchanged {
            let entry = client.audit("auth.refresh_reused", Some(*user), ("user", Some(user.0)), json!({}), now);
            audit_log::append(tx, &entry).await?;
        }
        Ok(exchanged)
    })?;
    match exchanged {
        Exchange::Fresh(tokens) => Ok(answer(&state, &tokens, as_cookie)),
        Exchange::Reused(user) => {
            tracing::warn!(%user, "a refresh token was used twice; the session is ended");
            metrics::counter!("refresh_tokens_reused_total").increment(1);
            Err(invalid())
        }
    }
}

/// Ends this session: its refresh tokens and access tokens stop working at once.
#[utoipa::path(post, path = "/auth/logout", tag = "auth", security(("bearer" = [])),
    responses((status = 204, description = "Signed out")), extensions(("x-errors" = json!([])), ("x-permission" = json!("signed_in"))))]
pub async fn logout(
    State(state): State<AppState>,
    client: ClientInfo,
    user: CurrentUser,
) -> Result<impl IntoResponse, Error> {
    let now = state.clock.now();
    transaction!(state.db, |tx| {
        refresh_tokens::revoke_family(tx, user.session, now).await?;
        let entry = client.audit("auth.logout", Some(user.id), ("user", Some(user.id.0)), json!({}), now);
        audit_log::append(tx, &entry).await?;
        Ok(())
    })?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, session::clear_cookie())]))
}

/// The signed-in person.
#[utoipa::path(get, path = "/auth/me", tag = "auth", security(("bearer" = [])),
    responses((status = 200, description = "You", body = Envelope<Me>)), extensions(("x-errors" = json!([]))))]
pub async fn me(State(state): State<AppState>, user: CurrentUser) -> Result<Reply<Me>, Error> {
    let user = users::get(&state.db, user.id).await?.ok_or_else(Error::not_found)?;
    Ok(Reply::ok(Me::from(user)).header(header::CACHE_CONTROL, "private, no-cache"))
}
