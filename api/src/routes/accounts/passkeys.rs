//! Passkeys: adding, naming and removing one's own, and signing in with one.

use axum::extract::State;
use chrono::{DateTime, Utc};
use db::DbError;
use domain::ids::PasskeyId;
use http::{StatusCode, header};
use infra::db::{
    audit_log,
    passkeys::{self, NewPasskey, Passkey},
    refresh_tokens, second_factors, users,
};
use jobs::Notice;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;
use webauthn_rs::prelude::RegisterPublicKeyCredential;

use super::{
    login::{TokenPair, answer},
    password,
    second_factor::{RecoveryCodes, SecondFactorProof, prove, recovery_codes},
    session,
};
use crate::{
    auth::{
        attempts::Attempt,
        passkeys::{self as checks, Challenge, PasskeyAnswer, Presented, ceremony},
        second_factor::{Sent, check_what_is_left},
    },
    reply::{Code, Envelope, Error, Reply, maybe_time, time},
    request::{
        ClientInfo, CurrentUser, Json, Path,
        fields::{self, Fields, Input},
        served,
    },
    state::AppState,
    write::transaction,
};

/// Of one person.
const AT_MOST: u64 = 20;

/// A passkey.
#[derive(Debug, Serialize, ToSchema)]
pub struct PasskeyView {
    pub id: Uuid,
    #[schema(example = "telephone")]
    pub name: String,
    #[serde(serialize_with = "time")]
    pub created_at: DateTime<Utc>,
    #[serde(serialize_with = "maybe_time")]
    pub last_used_at: Option<DateTime<Utc>>,
}

impl From<Passkey> for PasskeyView {
    fn from(passkey: Passkey) -> Self {
        let Passkey { id, name, created_at, last_used_at, .. } = passkey;
        Self { id: id.0, name, created_at, last_used_at }
    }
}

fn private<T: Serialize>(reply: Reply<T>) -> Reply<T> {
    reply.header(header::CACHE_CONTROL, "no-store")
}

/// Your passkeys, the oldest first.
#[utoipa::path(get, path = "/auth/passkeys", tag = "auth", security(("bearer" = [])),
    responses((status = 200, description = "At most 20", body = Envelope<Vec<PasskeyView>>)),
    extensions(("x-errors" = json!([])), ("x-permission" = json!("signed_in"))))]
pub async fn list(State(state): State<AppState>, user: CurrentUser) -> Result<Reply<Vec<PasskeyView>>, Error> {
    let own = passkeys::of(&state.db, user.id).await?;
    Ok(private(Reply::ok(own.into_iter().map(PasskeyView::from).collect())))
}

/// Begins to add a passkey, with your password and, where you have a second factor, a code or another passkey. What an authenticator
/// makes of the options goes to `POST /auth/passkeys` within five minutes. A wrong password or code counts as a failed login.
#[utoipa::path(post, path = "/auth/passkeys/begin", tag = "auth", request_body = SecondFactorProof,
    security(("bearer" = [])),
    responses((status = 200, description = "For an authenticator", body = Envelope<Challenge>)),
    extensions(("x-errors" = json!([
        Code::ValidationFailed, Code::InvalidCredentials, Code::SecondFactorRequired, Code::SecondFactorInvalid,
        Code::TooManyAttempts, Code::PasskeysUnavailable
    ])), ("x-permission" = json!("signed_in"))))]
pub async fn begin(
    State(state): State<AppState>,
    client: ClientInfo,
    user: CurrentUser,
    Json(form): Json<SecondFactorProof>,
) -> Result<Reply<Challenge>, Error> {
    let account = users::get(&state.db, user.id).await?.ok_or_else(Error::not_found)?;
    let SecondFactorProof { password, code, passkey } = form;
    prove(&state, &client, &user, &account, password, Sent { code, passkey }).await?;
    Ok(private(Reply::ok(checks::begin(&state, &account, state.clock.now()).await?)))
}

#[derive(ToSchema)]
pub struct NewPasskeyForm {
    /// Of `POST /auth/passkeys/begin`.
    ceremony: Uuid,
    /// What `navigator.credentials.create` gives, by `toJSON()`.
    #[schema(value_type = Object)]
    credential: RegisterPublicKeyCredential,
    /// By which you know it again.
    #[schema(min_length = 1, max_length = 100, example = "telephone")]
    name: String,
}

impl Input for NewPasskeyForm {
    fn read(fields: &mut Fields) -> Option<Self> {
        let ceremony = fields.required("ceremony", ceremony);
        let credential = fields.required("credential", fields::object("PublicKeyCredential.toJSON()"));
        let name = fields.required("name", fields::line(100));
        Some(Self { ceremony: ceremony?, credential: credential?, name: name? })
    }
}

/// A passkey that was added.
#[derive(Serialize, ToSchema)]
pub struct AddedPasskey {
    pub passkey: PasskeyView,
    /// With your first second factor: codes for whoever has lost it. Shown once; only their hashes are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovery_codes: Option<Vec<String>>,
}

/// Adds a passkey that an authenticator has made. You sign in with it alone from now on, and logins with your password ask for it or
/// another second factor. If it is the first of them, you get recovery codes, and every other session of yours ends. A mail tells you
/// of it.
#[utoipa::path(post, path = "/auth/passkeys", tag = "auth", request_body = NewPasskeyForm, security(("bearer" = [])),
    responses((status = 201, description = "Added", body = Envelope<AddedPasskey>)),
    extensions(("x-errors" = json!([
        Code::ValidationFailed, Code::InvalidCredentials, Code::PasskeyInvalid, Code::PasskeysUnavailable,
        Code::TooManyPasskeys
    ])), ("x-permission" = json!("signed_in"))))]
pub async fn add(
    State(state): State<AppState>,
    client: ClientInfo,
    user: CurrentUser,
    Json(form): Json<NewPasskeyForm>,
) -> Result<Reply<AddedPasskey>, Error> {
    let invalid = || Error::new(Code::PasskeyInvalid);
    let account = users::get(&state.db, user.id).await?.ok_or_else(Error::not_found)?;
    let now = state.clock.now();
    let made = checks::finish(&state, user.id, form.ceremony, &form.credential, now).await?.ok_or_else(invalid)?;
    let new = NewPasskey {
        id: PasskeyId::new(),
        user_id: user.id,
        credential_id: &made.credential_id,
        name: &form.name,
        credential: &made.credential,
    };
    let (RecoveryCodes { recovery_codes }, hashes) = recovery_codes();
    let added = transaction!(state.db, |tx| {
        password::still(tx, &account).await?;
        if passkeys::count(tx, user.id).await? >= AT_MOST {
            return Err(Error::new(Code::TooManyPasskeys));
        }
        let is_first = second_factors::since_in(tx, user.id).await?.is_none();
        passkeys::insert(tx, &new, now).await?;
        let mut details = json!({});
        if is_first {
            second_factors::set_recovery_codes(tx, user.id, &hashes, now).await?;
            details["ended_sessions"] = json!(refresh_tokens::revoke_others(tx, user.id, user.session, now).await?);
        }
        jobs::queue_notice(tx, &account, Notice::PasskeyAdded, now).await?;
        let entry = client.audit("auth.passkey_add", Some(user.id), ("passkey", Some(new.id.0)), details, now);
        audit_log::append(tx, &entry).await?;
        Ok(is_first)
    });
    let is_first = added.map_err(|error| match error {
        // An authenticator makes each only once, so somebody has it already.
        Error::Db(DbError::Conflict { constraint }) if constraint == "passkeys_credential" => invalid(),
        error => error,
    })?;
    let passkey = PasskeyView { id: new.id.0, name: form.name.clone(), created_at: now, last_used_at: None };
    let shown = AddedPasskey { passkey, recovery_codes: is_first.then_some(recovery_codes) };
    Ok(private(Reply::with_status(StatusCode::CREATED, shown)))
}

#[derive(ToSchema)]
pub struct PasskeyName {
    #[schema(min_length = 1, max_length = 100, example = "telephone")]
    name: String,
}

impl Input for PasskeyName {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self { name: fields.required("name", fields::line(100))? })
    }
}

/// Gives one of your passkeys another name.
#[utoipa::path(patch, path = "/auth/passkeys/{id}", tag = "auth", params(("id" = Uuid, Path,)),
    request_body = PasskeyName, security(("bearer" = [])),
    responses((status = 200, description = "Renamed", body = Envelope<PasskeyView>)),
    extensions(("x-errors" = json!([Code::ValidationFailed, Code::NotFound])), ("x-permission" = json!("signed_in"))))]
pub async fn rename(
    State(state): State<AppState>,
    user: CurrentUser,
    Path(id): Path<PasskeyId>,
    Json(form): Json<PasskeyName>,
) -> Result<Reply<PasskeyView>, Error> {
    transaction!(state.db, |tx| { Ok(passkeys::rename(tx, user.id, id, &form.name).await?) })?;
    let passkey = passkeys::get(&state.db, user.id, id).await?.ok_or_else(Error::not_found)?;
    Ok(private(Reply::ok(PasskeyView::from(passkey))))
}

/// Removes one of your passkeys, with your password and a code or passkey, which may be the same one. Without another second factor
/// there is none any more, which admins who need one are refused. A mail tells you of it.
#[utoipa::path(post, path = "/auth/passkeys/{id}/remove", tag = "auth", params(("id" = Uuid, Path,)),
    request_body = SecondFactorProof, security(("bearer" = [])),
    responses((status = 204, description = "Removed")),
    extensions(("x-errors" = json!([
        Code::ValidationFailed, Code::InvalidCredentials, Code::SecondFactorRequired, Code::SecondFactorInvalid,
        Code::TooManyAttempts, Code::PasskeysUnavailable, Code::LastSecondFactor, Code::NotFound
    ])), ("x-permission" = json!("signed_in"))))]
pub async fn remove(
    State(state): State<AppState>,
    client: ClientInfo,
    user: CurrentUser,
    Path(id): Path<PasskeyId>,
    Json(form): Json<SecondFactorProof>,
) -> Result<StatusCode, Error> {
    let account = users::get(&state.db, user.id).await?.ok_or_else(Error::not_found)?;
    passkeys::get(&state.db, user.id, id).await?.ok_or_else(Error::not_found)?;
    let SecondFactorProof { password, code, passkey } = form;
    prove(&state, &client, &user, &account, password, Sent { code, passkey }).await?;
    let now = state.clock.now();
    transaction!(state.db, |tx| {
        let account = password::still(tx, &account).await?;
        if !passkeys::remove(tx, user.id, id).await? {
            return Err(Error::not_found());
        }
        check_what_is_left(&state, tx, &account).await?;
        jobs::queue_notice(tx, &account, Notice::PasskeyRemoved, now).await?;
        let entry = client.audit("auth.passkey_remove", Some(user.id), ("passkey", Some(id.0)), json!({}), now);
        audit_log::append(tx, &entry).await?;
        Ok(())
    })?;
    Ok(StatusCode::NO_CONTENT)
}

/// Asks for a passkey, whoever's: for `/auth/passkeys/login`, and wherever a form takes a `passkey`.
#[utoipa::path(post, path = "/auth/passkeys/challenge", tag = "auth",
    responses((status = 200, description = "For an authenticator", body = Envelope<Challenge>)),
    extensions(("x-errors" = json!([Code::PasskeysUnavailable])), ("x-permission" = json!("open"))))]
pub async fn challenge(State(state): State<AppState>) -> Result<Reply<Challenge>, Error> {
    Ok(private(Reply::ok(checks::challenge(&state, state.clock.now()).await?)))
}

#[derive(ToSchema)]
pub struct PasskeyLogin {
    /// Of `POST /auth/passkeys/challenge`.
    ceremony: Uuid,
    /// What `navigator.credentials.get` gives, by `toJSON()`.
    #[schema(value_type = Object)]
    credential: webauthn_rs::prelude::PublicKeyCredential,
    /// Keep the refresh token in an HttpOnly cookie instead of sending it in the answer.
    #[schema(required = false)]
    cookie: bool,
}

impl Input for PasskeyLogin {
    fn read(fields: &mut Fields) -> Option<Self> {
        let ceremony = fields.required("ceremony", ceremony);
        let credential = fields.required("credential", fields::object("PublicKeyCredential.toJSON()"));
        let cookie = fields.optional("cookie", fields::boolean);
        Some(Self { ceremony: ceremony?, credential: credential?, cookie: cookie.unwrap_or(false) })
    }
}

/// Signs in with a passkey, which says whose it is: the authenticator has verified its owner, so neither a password nor a second
/// factor is asked for. What is refused counts for the address, like failed logins.
#[utoipa::path(post, path = "/auth/passkeys/login", tag = "auth", request_body = PasskeyLogin,
    responses((status = 200, description = "Signed in", body = Envelope<TokenPair>)),
    extensions(("x-errors" = json!([
        Code::ValidationFailed, Code::PasskeyInvalid, Code::PasskeysUnavailable, Code::AccountNotActive,
        Code::TooManyAttempts
    ])), ("x-permission" = json!("open"))))]
pub async fn login(
    State(state): State<AppState>,
    client: ClientInfo,
    Json(form): Json<PasskeyLogin>,
) -> Result<Reply<TokenPair>, Error> {
    let now = state.clock.now();
    let mut attempt = Attempt::begin_with_passkey(&state, &client).await?;
    let sent = PasskeyAnswer { ceremony: form.ceremony, credential: form.credential };
    let device = client.user_agent.clone().unwrap_or_default();
    let signed_in = async {
        let Some(presented) = Presented::take(&state, sent, now).await? else { return Ok((None, None)) };
        let Some(owner) = presented.owner(&state).await? else { return Ok((None, None)) };
        let tokens = transaction!(state.db, |tx| {
            let Some(user) = users::lock(tx, owner).await? else { return Ok(None) };
            let Some(passkey) = presented.check(&state, &client, tx, &user, now).await? else { return Ok(None) };
            served(user.status)?;
            let tokens = session::open(&state, tx, user.id, user.role, &device, now).await?;
            users::touch_login(tx, user.id, now).await?;
            let details = json!({"passkey": passkey});
            let entry = client.audit("auth.login", Some(user.id), ("user", Some(user.id.0)), details, now);
            audit_log::append(tx, &entry).await?;
            Ok(Some(tokens))
        })?;
        Ok::<_, Error>((tokens, Some(owner)))
    };
    match signed_in.await {
        Ok((Some(tokens), _)) => {
            attempt.give_back(&state).await;
            metrics::counter!("logins_total", "result" => "ok").increment(1);
            Ok(answer(&state, &tokens, form.cookie))
        }
        Ok((None, owner)) => {
            attempt.failed(&state, &client, owner, now).await?;
            Err(Error::new(Code::PasskeyInvalid))
        }
        Err(error) => {
            attempt.give_back(&state).await;
            Err(error)
        }
    }
}
