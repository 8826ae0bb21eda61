//! Signing in and out. `registration.rs` has accounts and their mail links.

use axum::{extract::State, response::IntoResponse};
use chrono::{DateTime, TimeDelta, Utc};
use domain::user::Email;
use http::{HeaderMap, StatusCode, header};
use infra::db::{
    audit_log, refresh_tokens, second_factors,
    users::{self, User},
};
use jobs::Notice;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{
    cookie, password,
    session::{self, Exchange, Tokens},
};
use crate::{
    auth::{
        attempts::{self, Account, Attempt},
        jwt::Browser,
        passkeys::PasskeyAnswer,
        second_factor::{Factors, Proof, Sent, Shown, take},
    },
    reply::{Code, Envelope, Error, Reply},
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
    /// Where the account has a second factor: six digits from the app, or a recovery code.
    #[schema(required = false, example = "287082")]
    code: Option<String>,
    /// Instead of a code: a passkey's answer to `/auth/passkeys/challenge`.
    #[schema(required = false)]
    passkey: Option<PasskeyAnswer>,
}

impl Input for Login {
    fn read(fields: &mut Fields) -> Option<Self> {
        let email = fields.required("email", fields::text);
        let password = fields.required("password", fields::text);
        let cookie = fields.optional("cookie", fields::boolean);
        let code = fields.optional("code", fields::text);
        let passkey = fields.maybe_nested("passkey");
        // An address that cannot exist fails like one that does not.
        Some(Self { email: email?.parse().ok(), password: password?, cookie: cookie.unwrap_or(false), code, passkey })
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

pub(super) fn answer(state: &AppState, tokens: &Tokens, as_cookie: bool) -> Reply<TokenPair> {
    let pair = TokenPair {
        access_token: tokens.access.clone(),
        token_type: "Bearer",
        expires_in: tokens.expires_in,
        refresh_token: (!as_cookie).then(|| tokens.refresh.reveal()),
        refresh_expires_in: tokens.refresh_expires_in,
    };
    let reply = Reply::ok(pair).header(header::CACHE_CONTROL, "no-store");
    if as_cookie {
        let cookie = cookie::REFRESH.set(&tokens.refresh.reveal(), tokens.refresh_expires_in, has_tls(state));
        reply.header(header::SET_COOKIE, &cookie)
    } else {
        reply
    }
}

fn has_tls(state: &AppState) -> bool {
    state.settings.public_url.scheme() == "https"
}

/// How long a browser is known after it was used to sign in.
const BROWSER_LIFETIME: TimeDelta = TimeDelta::days(365);

/// The browser of these headers, if it has signed in to this account before.
fn known_browser(state: &AppState, headers: &HeaderMap, user: Option<&User>, now: DateTime<Utc>) -> Option<Browser> {
    let token = cookie::BROWSER.find(headers, has_tls(state))?;
    let browser = state.keys.known_browser(token, now)?;
    user.is_some_and(|user| user.id == browser.owner).then_some(browser)
}

/// Signs in with email and password. Wrong passwords are limited for each account and address, for each address, and for
/// each account; a browser that keeps cookies and has signed in before is counted by itself. Where the account has a second
/// factor, a right password is answered with `SECOND_FACTOR_REQUIRED`, whose details have the `methods`: send the same again, with
/// `code` or `passkey`. A wrong code counts like a wrong password. `/auth/passkeys/login` needs no password.
#[utoipa::path(post, path = "/auth/login", tag = "auth", request_body = Login,
    responses((status = 200, description = "Signed in", body = Envelope<TokenPair>)),
    extensions(("x-errors" = json!([
        Code::ValidationFailed, Code::InvalidCredentials, Code::SecondFactorRequired, Code::SecondFactorInvalid,
        Code::PasskeysUnavailable, Code::AccountNotActive, Code::TooManyAttempts, Code::RateLimited
    ])), ("x-permission" = json!("open"))))]
pub async fn login(
    State(state): State<AppState>,
    client: ClientInfo,
    headers: HeaderMap,
    Json(login): Json<Login>,
) -> Result<Reply<TokenPair>, Error> {
    // An unconfirmed registration can be signed in to beside the account of whoever has confirmed the address: were it
    // otherwise, registering and signing in would tell whether there is such an account.
    let mut candidates = match &login.email {
        Some(email) => users::sign_in_candidates(&state.db, email.as_str()).await?,
        None => Vec::new(),
    };
    let user = candidates.first();
    let account = match (user, &login.email) {
        (Some(user), _) => Account::Known(user.id),
        (None, email) => Account::Unknown(email.as_ref().map_or("", Email::as_str)),
    };
    let now = state.clock.now();
    let browser = known_browser(&state, &headers, user, now);
    let mut attempt = Attempt::begin(&state, &client, account, browser.map(|browser| browser.id)).await?;
    let owner = user.map(|user| user.id);
    let stored = [0, 1].map(|place| candidates.get(place).map(|user| user.password_hash.clone()));
    let whose = match state.passwords.whose(&client.limit_key(), login.password, stored).await {
        Ok(whose) => whose,
        Err(error) => {
            attempt.give_back(&state).await;
            return Err(error);
        }
    };
    let Some(place) = whose else {
        attempt.failed(&state, &client, owner, now).await?;
        return Err(Error::new(Code::InvalidCredentials));
    };
    let user = candidates.swap_remove(place);
    let sent = Sent { code: login.code, passkey: login.passkey };
    let factor = second_factor(&state, &client, &mut attempt, &user, sent, browser).await;
    let (proof, browser) = match factor {
        Ok(found) => found,
        Err(error) => {
            attempt.give_back(&state).await;
            return Err(error);
        }
    };
    let device = client.user_agent.clone().unwrap_or_default();
    let opened = transaction!(state.db, |tx| {
        let user = password::still(tx, &user).await?;
        let mut details = json!({});
        if second_factors::since_in(tx, user.id).await?.is_some() {
            // Without a proof it was switched on since we looked.
            let proof = proof.as_ref().ok_or_else(|| Error::new(Code::SecondFactorRequired))?;
            let Some(shown) = take(&state, &client, tx, &user, proof, now).await? else { return Ok(None) };
            details["second_factor"] = json!(shown.as_str());
            if shown == Shown::RecoveryCode {
                jobs::queue_notice(tx, &user, Notice::RecoveryCodeUsed, now).await?;
            }
        }
        let tokens = session::open(&state, tx, user.id, user.role, &device, now).await?;
        users::touch_login(tx, user.id, now).await?;
        let entry = client.audit("auth.login", Some(user.id), ("user", Some(user.id.0)), details, now);
        audit_log::append(tx, &entry).await?;
        Ok(Some(tokens))
    });
    let tokens = match opened {
        Ok(Some(tokens)) => tokens,
        Ok(None) => {
            attempt.failed(&state, &client, Some(user.id), now).await?;
            return Err(Error::new(Code::SecondFactorInvalid));
        }
        Err(error) => {
            attempt.give_back(&state).await;
            return Err(error);
        }
    };
    // Signing in to a registration of one's own must not clear the failures at somebody else's account.
    if place == 0 {
        attempt.succeeded(&state).await;
    } else {
        attempt.give_back(&state).await;
    }
    metrics::counter!("logins_total", "result" => "ok").increment(1);
    let reply = answer(&state, &tokens, login.cookie);
    if !login.cookie || browser.is_some() {
        return Ok(reply);
    }
    let token = state.keys.issue_for_browser(user.id, BROWSER_LIFETIME, now);
    let token = token.map_err(|error| Error::Internal(format!("signing: {error}")))?;
    let cookie = cookie::BROWSER.set(&token, BROWSER_LIFETIME.num_seconds(), has_tls(&state));
    Ok(reply.header(header::SET_COOKIE, &cookie))
}

/// What a person whose password was right shows as second factor; `None` without one. A right password forgets no failures yet:
/// codes would be guessed at without end. And the browser, if it is known still: one that has signed in before there was a second factor
/// has shown no code yet, and may be anybody's who knew the password then.
async fn second_factor(
    state: &AppState,
    client: &ClientInfo,
    attempt: &mut Attempt,
    user: &User,
    sent: Sent,
    browser: Option<Browser>,
) -> Result<(Option<Proof>, Option<Browser>), Error> {
    served(user.status)?;
    let factors = Factors::of(&state.db, user.id).await?;
    let Some(since) = factors.since() else { return Ok((None, browser)) };
    let now = state.clock.now();
    let Some(proof) = sent.proof(state, now).await? else {
        attempts::asked_for_second_factor(state, client, user.id, now).await?;
        return Err(factors.required());
    };
    let browser = browser.filter(|browser| browser.owner == user.id && browser.known_since >= since);
    attempt.also_code(state, user.id, &proof, browser.map(|browser| browser.id)).await?;
    Ok((Some(proof), browser))
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
/// the new one goes back the same way. Each works once: a second use ends the session for everybody. Only when the answer
/// was lost on its way may the same client use it once more, 1 to 60 s later.
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
    let cookie = cookie::REFRESH.find(&headers, has_tls(&state));
    let token = session::find_token(&headers, from_body.as_deref(), cookie).ok_or_else(invalid)?;
    let as_cookie = cookie.is_some_and(|cookie| cookie == token.reveal());
    let device = client.user_agent.as_deref().unwrap_or_default();
    let now = state.clock.now();
    let exchanged = transaction!(state.db, |tx| {
        let exchanged = session::exchange(&state, tx, &token, device, now).await?;
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
        // An exchange of refresh tokens that is under way has made its new one by then, or makes none.
        users::lock(tx, user.id).await?.ok_or_else(Error::not_found)?;
        refresh_tokens::revoke_family(tx, user.session, now).await?;
        let entry = client.audit("auth.logout", Some(user.id), ("user", Some(user.id.0)), json!({}), now);
        audit_log::append(tx, &entry).await?;
        Ok(())
    })?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie::REFRESH.clear(has_tls(&state)))]))
}

/// The signed-in person.
#[utoipa::path(get, path = "/auth/me", tag = "auth", security(("bearer" = [])),
    responses((status = 200, description = "You", body = Envelope<Me>)), extensions(("x-tagged" = json!(true)), ("x-errors" = json!([]))))]
pub async fn me(State(state): State<AppState>, user: CurrentUser) -> Result<Reply<Me>, Error> {
    let user = users::get(&state.db, user.id).await?.ok_or_else(Error::not_found)?;
    Ok(Reply::ok(Me::from(user)).header(header::CACHE_CONTROL, "private, no-cache").tagged())
}
