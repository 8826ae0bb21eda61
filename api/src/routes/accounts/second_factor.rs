//! Setting up a second factor, and doing without it again.

use axum::extract::State;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    second_factor::{self, Answer, RECOVERY_BYTES, RECOVERY_CODES, SECRET_BYTES, Secret},
    token::TokenHash,
};
use http::{StatusCode, header};
use infra::{
    db::{
        audit_log, passkeys, refresh_tokens,
        second_factors::{self, SecondFactor},
        users::{self, User},
    },
    seal::Place,
};
use jobs::Notice;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::password;
use crate::{
    auth::{
        attempts::{self, Account, Attempt},
        passkeys::PasskeyAnswer,
        second_factor::{Factors, Sent, check_what_is_left, internal, is_required, secret, take},
    },
    reply::{Code, Envelope, Error, Reply, maybe_time},
    request::{
        ClientInfo, CurrentUser, Json,
        fields::{self, Fields, Input},
    },
    state::AppState,
    write::transaction,
};

/// What authenticator apps call us.
const ISSUER: &str = "Nano";
/// How long a secret waits for its first code.
const SETUP_LIFETIME: TimeDelta = TimeDelta::minutes(15);

/// Somebody's second factor.
#[derive(Serialize, ToSchema)]
pub struct SecondFactorState {
    /// Of the authenticator app; `null` while there is none.
    #[serde(serialize_with = "maybe_time")]
    pub enabled_at: Option<DateTime<Utc>>,
    pub passkeys: usize,
    pub recovery_codes_left: u64,
    /// Whether this installation asks your role to have one.
    pub required: bool,
}

/// Your second factor.
#[utoipa::path(get, path = "/auth/2fa", tag = "auth", security(("bearer" = [])),
    responses((status = 200, description = "Whether it is on", body = Envelope<SecondFactorState>)),
    extensions(("x-errors" = json!([])), ("x-permission" = json!("signed_in"))))]
pub async fn show(State(state): State<AppState>, user: CurrentUser) -> Result<Reply<SecondFactorState>, Error> {
    let factor = second_factors::get(&state.db, user.id).await?;
    let shown = SecondFactorState {
        enabled_at: factor.and_then(|factor| factor.enabled_at),
        passkeys: passkeys::of(&state.db, user.id).await?.len(),
        recovery_codes_left: second_factors::recovery_codes_left(&state.db, user.id).await?,
        required: is_required(&state, user.role),
    };
    Ok(Reply::ok(shown).header(header::CACHE_CONTROL, "no-store"))
}

/// What an authenticator app needs.
#[derive(Serialize, ToSchema)]
pub struct AuthenticatorSecret {
    /// In base 32, for typing it in.
    #[schema(example = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")]
    pub secret: String,
    /// For a QR code.
    #[schema(example = "otpauth://totp/Nano:ada%40example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Nano")]
    pub uri: String,
}

/// Makes a secret for an authenticator app (TOTP, RFC 6238). It counts once a code of it was sent to `/auth/2fa/enable`, which has to be
/// within 15 minutes; asking again makes another one. Whoever has passkeys answers with one of them, or with a recovery
/// code. A wrong password or code counts as a failed login.
#[utoipa::path(post, path = "/auth/2fa/setup", tag = "auth", request_body = SecondFactorProof, security(("bearer" = [])),
    responses((status = 200, description = "Shown once", body = Envelope<AuthenticatorSecret>)),
    extensions(("x-errors" = json!([
        Code::ValidationFailed, Code::InvalidCredentials, Code::TooManyAttempts, Code::SecondFactorRequired,
        Code::SecondFactorInvalid, Code::SecondFactorState, Code::PasskeysUnavailable
    ])), ("x-permission" = json!("signed_in"))))]
pub async fn set_up(
    State(state): State<AppState>,
    client: ClientInfo,
    user: CurrentUser,
    Json(form): Json<SecondFactorProof>,
) -> Result<Reply<AuthenticatorSecret>, Error> {
    let account = users::get(&state.db, user.id).await?.ok_or_else(Error::not_found)?;
    let SecondFactorProof { password, code, passkey } = form;
    if second_factors::get(&state.db, user.id).await?.is_some_and(|factor| factor.is_on()) {
        // Nobody uses a code up to hear that it is on.
        password::confirm(&state, &client, &user, &account, password).await?;
        return Err(Error::new(Code::SecondFactorState));
    }
    prove(&state, &client, &user, &account, password, Sent { code, passkey }).await?;
    let bytes: [u8; SECRET_BYTES] = rand::random();
    let sealed = state.data_keys.seal(Place::SecondFactor(user.id), &bytes).map_err(internal)?;
    let now = state.clock.now();
    transaction!(state.db, |tx| {
        password::still(tx, &account).await?;
        if !second_factors::set_up(tx, user.id, &sealed, now).await? {
            return Err(Error::new(Code::SecondFactorState));
        }
        Ok(())
    })?;
    let secret = Secret::new(&bytes).map_err(internal)?;
    let uri = secret.uri(ISSUER, &account.email).map_err(internal)?;
    let shown = AuthenticatorSecret { secret: secret.base32(), uri };
    Ok(Reply::ok(shown).header(header::CACHE_CONTROL, "no-store"))
}

#[derive(ToSchema)]
pub struct SecondFactorCode {
    /// Six digits from the app.
    #[schema(example = "287082")]
    code: String,
}

impl Input for SecondFactorCode {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self { code: fields.required("code", fields::text)? })
    }
}

/// Codes for whoever has lost the app, each good for one login.
#[derive(Serialize, ToSchema)]
pub struct RecoveryCodes {
    /// Shown once; only their hashes are kept.
    pub recovery_codes: Vec<String>,
}

pub(super) fn recovery_codes() -> (RecoveryCodes, Vec<TokenHash>) {
    let codes: Vec<String> =
        (0..RECOVERY_CODES).map(|_| second_factor::recovery_code(rand::random::<[u8; RECOVERY_BYTES]>())).collect();
    let hashes = codes.iter().filter_map(|code| match Answer::read(code) {
        Answer::Recovery(hash) => Some(hash),
        Answer::Code(_) => None,
    });
    let hashes = hashes.collect();
    (RecoveryCodes { recovery_codes: codes }, hashes)
}

/// Switches the second factor on with a code of the app, at most 15 minutes after it was set up, and gives recovery codes. From now on
/// logins ask for a code. Every other session of yours ends, and a mail tells you of it. A wrong code counts as a failed login.
#[utoipa::path(post, path = "/auth/2fa/enable", tag = "auth", request_body = SecondFactorCode, security(("bearer" = [])),
    responses((status = 200, description = "It is on; keep these codes", body = Envelope<RecoveryCodes>)),
    extensions(("x-errors" = json!([
        Code::ValidationFailed, Code::SecondFactorInvalid, Code::TooManyAttempts, Code::SecondFactorState
    ])), ("x-permission" = json!("signed_in"))))]
pub async fn enable(
    State(state): State<AppState>,
    client: ClientInfo,
    user: CurrentUser,
    Json(form): Json<SecondFactorCode>,
) -> Result<Reply<RecoveryCodes>, Error> {
    let wrong_state = || Error::new(Code::SecondFactorState);
    let account = users::get(&state.db, user.id).await?.ok_or_else(Error::not_found)?;
    let factor = second_factors::get(&state.db, user.id).await?;
    let now = state.clock.now();
    let begun = |factor: &SecondFactor| !factor.is_on() && now - factor.created_at < SETUP_LIFETIME;
    let factor = factor.filter(begun).ok_or_else(wrong_state)?;
    let secret = secret(&state, user.id, &factor)?;
    let mut attempt = Attempt::begin(&state, &client, Account::Known(user.id), Some(user.session)).await?;
    let step = match Answer::read(&form.code) {
        Answer::Code(code) => secret.step(&code, now, None),
        Answer::Recovery(_) => None,
    };
    let Some(step) = step else {
        attempt.failed(&state, &client, Some(user.id), now).await?;
        return Err(Error::new(Code::SecondFactorInvalid));
    };
    // No password was right here: what failed before is not forgotten.
    attempt.give_back(&state).await;
    let (shown, hashes) = recovery_codes();
    transaction!(state.db, |tx| {
        password::still(tx, &account).await?;
        if !second_factors::enable(tx, user.id, &factor.secret, step, now).await? {
            return Err(wrong_state());
        }
        second_factors::set_recovery_codes(tx, user.id, &hashes, now).await?;
        let details = json!({"ended_sessions": refresh_tokens::revoke_others(tx, user.id, user.session, now).await?});
        let entry = client.audit("auth.2fa_enable", Some(user.id), ("user", Some(user.id.0)), details, now);
        audit_log::append(tx, &entry).await?;
        jobs::queue_notice(tx, &account, Notice::SecondFactorOn, now).await?;
        Ok(())
    })?;
    Ok(Reply::ok(shown).header(header::CACHE_CONTROL, "no-store"))
}

#[derive(ToSchema)]
pub struct SecondFactorProof {
    pub(super) password: String,
    /// Six digits from the app, or a recovery code.
    #[schema(required = false, example = "287082")]
    pub(super) code: Option<String>,
    /// Instead of a code: a passkey's answer to `/auth/passkeys/challenge`.
    #[schema(required = false)]
    pub(super) passkey: Option<PasskeyAnswer>,
}

impl Input for SecondFactorProof {
    fn read(fields: &mut Fields) -> Option<Self> {
        let password = fields.required("password", fields::text);
        let code = fields.optional("code", fields::text);
        let passkey = fields.maybe_nested("passkey");
        Some(Self { password: password?, code, passkey })
    }
}

/// Whether the person at this session has the password and, where it is on, the second factor. Wrong ones count as failed logins.
pub(super) async fn prove(
    state: &AppState,
    client: &ClientInfo,
    user: &CurrentUser,
    account: &User,
    password: String,
    sent: Sent,
) -> Result<(), Error> {
    let factors = Factors::of(&state.db, user.id).await?;
    let mut attempt = password::attempt(state, client, user, account, password).await?;
    if factors.since().is_none() {
        attempt.succeeded(state).await;
        return Ok(());
    }
    let now = state.clock.now();
    let proof = match sent.proof(state, now).await {
        Ok(Some(proof)) => proof,
        Ok(None) => {
            attempt.give_back(state).await;
            attempts::asked_for_second_factor(state, client, user.id, now).await?;
            return Err(factors.required());
        }
        Err(error) => {
            attempt.give_back(state).await;
            return Err(error);
        }
    };
    // A right password forgets what failed at this session, here and wherever else it is asked for: what bounds the guesses at
    // codes is the limit of a day.
    attempt.also_code(state, user.id, &proof, None).await?;
    let shown = transaction!(state.db, |tx| {
        let account = password::still(tx, account).await?;
        take(state, client, tx, &account, &proof, now).await
    });
    match shown {
        Ok(Some(_)) => {
            attempt.succeeded(state).await;
            Ok(())
        }
        Ok(None) => {
            attempt.failed(state, client, Some(user.id), now).await?;
            Err(Error::new(Code::SecondFactorInvalid))
        }
        Err(error) => {
            attempt.give_back(state).await;
            Err(error)
        }
    }
}

/// Switches the authenticator app off, with the password and a code or passkey. Passkeys stay; without any there is no second factor
/// any more, which admins who need one are refused. A mail tells you of it.
#[utoipa::path(post, path = "/auth/2fa/disable", tag = "auth", request_body = SecondFactorProof,
    security(("bearer" = [])), responses((status = 204, description = "It is off")),
    extensions(("x-errors" = json!([
        Code::ValidationFailed, Code::InvalidCredentials, Code::TooManyAttempts, Code::SecondFactorRequired,
        Code::SecondFactorInvalid, Code::SecondFactorState, Code::LastSecondFactor, Code::PasskeysUnavailable
    ])), ("x-permission" = json!("signed_in"))))]
pub async fn disable(
    State(state): State<AppState>,
    client: ClientInfo,
    user: CurrentUser,
    Json(form): Json<SecondFactorProof>,
) -> Result<StatusCode, Error> {
    let account = users::get(&state.db, user.id).await?.ok_or_else(Error::not_found)?;
    let app = second_factors::get(&state.db, user.id).await?;
    app.filter(SecondFactor::is_on).ok_or_else(|| Error::new(Code::SecondFactorState))?;
    let SecondFactorProof { password, code, passkey } = form;
    prove(&state, &client, &user, &account, password, Sent { code, passkey }).await?;
    let now = state.clock.now();
    transaction!(state.db, |tx| {
        let account = password::still(tx, &account).await?;
        second_factors::remove_app(tx, user.id).await?;
        check_what_is_left(&state, tx, &account).await?;
        jobs::queue_notice(tx, &account, Notice::SecondFactorOff, now).await?;
        let entry = client.audit("auth.2fa_disable", Some(user.id), ("user", Some(user.id.0)), json!({}), now);
        audit_log::append(tx, &entry).await?;
        Ok(())
    })?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives new recovery codes, with the password and a code or passkey; those before are worth nothing. A mail tells you of it.
#[utoipa::path(post, path = "/auth/2fa/recovery-codes", tag = "auth", request_body = SecondFactorProof,
    security(("bearer" = [])), responses((status = 200, description = "Keep them", body = Envelope<RecoveryCodes>)),
    extensions(("x-errors" = json!([
        Code::ValidationFailed, Code::InvalidCredentials, Code::TooManyAttempts, Code::SecondFactorRequired,
        Code::SecondFactorInvalid, Code::SecondFactorState, Code::PasskeysUnavailable
    ])), ("x-permission" = json!("signed_in"))))]
pub async fn renew_recovery_codes(
    State(state): State<AppState>,
    client: ClientInfo,
    user: CurrentUser,
    Json(form): Json<SecondFactorProof>,
) -> Result<Reply<RecoveryCodes>, Error> {
    let account = users::get(&state.db, user.id).await?.ok_or_else(Error::not_found)?;
    Factors::of(&state.db, user.id).await?.since().ok_or_else(|| Error::new(Code::SecondFactorState))?;
    let SecondFactorProof { password, code, passkey } = form;
    prove(&state, &client, &user, &account, password, Sent { code, passkey }).await?;
    let (shown, hashes) = recovery_codes();
    let now = state.clock.now();
    transaction!(state.db, |tx| {
        password::still(tx, &account).await?;
        second_factors::set_recovery_codes(tx, user.id, &hashes, now).await?;
        let entry = client.audit("auth.2fa_recovery_codes", Some(user.id), ("user", Some(user.id.0)), json!({}), now);
        audit_log::append(tx, &entry).await?;
        jobs::queue_notice(tx, &account, Notice::RecoveryCodesRenewed, now).await?;
        Ok(())
    })?;
    Ok(Reply::ok(shown).header(header::CACHE_CONTROL, "no-store"))
}
