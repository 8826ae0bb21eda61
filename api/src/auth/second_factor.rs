//! Answers to the question for the second factor, and whose account cannot do without one.

use chrono::{DateTime, Utc};
use db::Tx;
use domain::{
    ids::UserId,
    second_factor::{Answer, Secret},
    user::Role,
};
use infra::db::{
    second_factors::{self, SecondFactor},
    users::Access,
};

use super::seal::Place;
use crate::{reply::Error, state::AppState};

/// The secret of somebody's authenticator app.
pub fn secret(state: &AppState, user: UserId, factor: &SecondFactor) -> Result<Secret, Error> {
    let bytes = state.data_keys.open(Place::SecondFactor(user), &factor.secret).map_err(internal)?;
    Secret::new(&bytes).map_err(internal)
}

pub fn internal(error: impl std::fmt::Display) -> Error {
    Error::Internal(error.to_string())
}

/// What somebody has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    App,
    RecoveryCode,
}

impl Shown {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::RecoveryCode => "recovery_code",
        }
    }
}

/// Uses the answer up, if it is right and was not used before. What is not committed was not used.
pub async fn take(
    state: &AppState,
    tx: &mut Tx,
    user: UserId,
    factor: &SecondFactor,
    answer: &Answer,
    now: DateTime<Utc>,
) -> Result<Option<Shown>, Error> {
    match answer {
        Answer::Code(code) => {
            let Some(step) = secret(state, user, factor)?.step(code, now, factor.last_step) else { return Ok(None) };
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
        Answer::Recovery(code) => {
            let used = second_factors::use_recovery_code(tx, user, code, now).await?;
            Ok(used.then_some(Shown::RecoveryCode))
        }
    }
}

/// Whether this person has to set up a second factor before anything else (`REQUIRE_ADMIN_2FA`).
pub fn is_missing(state: &AppState, access: &Access) -> bool {
    state.settings.require_admin_2fa && access.role == Role::Admin && !access.second_factor
}
