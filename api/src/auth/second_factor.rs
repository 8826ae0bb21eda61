//! Answers to the question for the second factor, and whose account cannot do without one.

use chrono::{DateTime, Utc};
use db::{Db, Tx};
use domain::{
    ids::{PasskeyId, UserId},
    second_factor::{Answer, Secret},
    user::Role,
};
use infra::{
    db::{
        passkeys,
        second_factors::{self, SecondFactor},
        users::{Access, User},
    },
    seal::Place,
};
use serde_json::json;

use super::passkeys::{PasskeyAnswer, Presented};
use crate::{
    reply::{Code, Error},
    request::ClientInfo,
    state::AppState,
};

/// The secret of somebody's authenticator app.
pub fn secret(state: &AppState, user: UserId, factor: &SecondFactor) -> Result<Secret, Error> {
    let bytes = state.data_keys.open(Place::SecondFactor(user), &factor.secret).map_err(internal)?;
    Secret::new(&bytes).map_err(internal)
}

pub fn internal(error: impl std::fmt::Display) -> Error {
    Error::Internal(error.to_string())
}

/// What second factors somebody has.
pub struct Factors {
    app_since: Option<DateTime<Utc>>,
    passkeys_since: Option<DateTime<Utc>>,
}

impl Factors {
    pub async fn of(db: &Db, user: UserId) -> Result<Self, Error> {
        Ok(Self {
            app_since: second_factors::get(db, user).await?.and_then(|factor| factor.enabled_at),
            passkeys_since: passkeys::since(db, user).await?,
        })
    }

    /// Since when there is any.
    pub fn since(&self) -> Option<DateTime<Utc>> {
        self.app_since.into_iter().chain(self.passkeys_since).min()
    }

    /// 401 that says what may be sent.
    pub fn required(&self) -> Error {
        let app = self.app_since.map(|_| "app");
        let passkey = self.passkeys_since.map(|_| "passkey");
        let methods: Vec<_> = app.into_iter().chain(passkey).chain(["recovery_code"]).collect();
        Error::with(Code::SecondFactorRequired, json!({ "methods": methods }))
    }
}

/// What a form has for the second factor.
pub struct Sent {
    /// Six digits from the app, or a recovery code.
    pub code: Option<String>,
    pub passkey: Option<PasskeyAnswer>,
}

impl Sent {
    /// What it is meant to be; `None` when there is nothing. The challenge that a passkey answers is used up.
    pub async fn proof(self, state: &AppState, now: DateTime<Utc>) -> Result<Option<Proof>, Error> {
        Ok(match (self.passkey, self.code) {
            (Some(answer), _) => Some(Proof::Passkey(Presented::take(state, answer, now).await?.map(Box::new))),
            (None, Some(code)) => Some(Proof::Answer(Answer::read(&code))),
            (None, None) => None,
        })
    }
}

/// What somebody shows, not looked at yet.
pub enum Proof {
    Answer(Answer),
    /// `None` when no challenge waits for this answer.
    Passkey(Option<Box<Presented>>),
}

impl Proof {
    /// Whether somebody may guess it.
    pub const fn is_guessable(&self) -> bool {
        matches!(self, Self::Answer(Answer::Code(_)))
    }
}

/// What somebody has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    App,
    RecoveryCode,
    Passkey(PasskeyId),
}

impl Shown {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::RecoveryCode => "recovery_code",
            Self::Passkey(_) => "passkey",
        }
    }
}

/// Uses the proof up, if it is right and was not used before; the person's row is locked. What is not committed was not used.
pub async fn take(
    state: &AppState,
    client: &ClientInfo,
    tx: &mut Tx,
    user: &User,
    proof: &Proof,
    now: DateTime<Utc>,
) -> Result<Option<Shown>, Error> {
    match proof {
        Proof::Answer(Answer::Code(code)) => take_code(state, tx, user.id, code, now).await,
        Proof::Answer(Answer::Recovery(code)) => {
            let used = second_factors::use_recovery_code(tx, user.id, code, now).await?;
            Ok(used.then_some(Shown::RecoveryCode))
        }
        Proof::Passkey(None) => Ok(None),
        Proof::Passkey(Some(presented)) => Ok(presented.check(state, client, tx, user, now).await?.map(Shown::Passkey)),
    }
}

async fn take_code(
    state: &AppState,
    tx: &mut Tx,
    user: UserId,
    code: &str,
    now: DateTime<Utc>,
) -> Result<Option<Shown>, Error> {
    let factor = second_factors::get_in(tx, user).await?.filter(SecondFactor::is_on);
    let Some(factor) = factor else { return Ok(None) };
    let Some(step) = secret(state, user, &factor)?.step(code, now, factor.last_step) else { return Ok(None) };
    if !second_factors::use_step(tx, user, step).await? {
        return Ok(None);
    }
    if state.data_keys.is_old(&factor.secret) {
        let place = Place::SecondFactor(user);
        let bytes = state.data_keys.open(place, &factor.secret).map_err(internal)?;
        let sealed = state.data_keys.seal(place, &bytes).map_err(internal)?;
        second_factors::reseal(tx, user, &factor.secret, &sealed).await?;
    }
    Ok(Some(Shown::App))
}

/// Whether this installation asks this role to have a second factor (`REQUIRE_ADMIN_2FA`).
pub fn is_required(state: &AppState, role: Role) -> bool {
    state.settings.require_admin_2fa && role == Role::Admin
}

/// Whether this person has to set up a second factor before anything else.
pub fn is_missing(state: &AppState, access: &Access) -> bool {
    is_required(state, access.role) && !access.second_factor
}

/// Refuses to leave somebody without a factor who needs one; called once it is gone, and before the commit. Recovery codes are
/// worth nothing alone, and go with the last one.
pub async fn check_what_is_left(state: &AppState, tx: &mut Tx, user: &User) -> Result<(), Error> {
    if second_factors::since_in(tx, user.id).await?.is_some() {
        return Ok(());
    }
    if is_required(state, user.role) {
        return Err(Error::new(Code::LastSecondFactor));
    }
    Ok(second_factors::forget_recovery_codes(tx, user.id).await?)
}
