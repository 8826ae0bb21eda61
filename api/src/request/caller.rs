//! The caller: a signed-in person, and the right that a handler demands in its signature.

use std::marker::PhantomData;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use domain::{
    ids::UserId,
    nano::Status,
    user::{Permission, Role, UserStatus},
};
use http::{HeaderMap, header, request::Parts};
use infra::db::{nanos::Nano, users};
use uuid::Uuid;

use crate::{
    auth::jwt::{Claims, TokenError},
    reply::{Code, Error},
    state::AppState,
};

/// The signed-in person, checked against the database: role and status as they are now, session not ended.
#[derive(Clone, Copy, Debug)]
pub struct CurrentUser {
    pub id: UserId,
    pub role: Role,
    pub session: Uuid,
    pub email_verified: bool,
}

impl CurrentUser {
    pub fn allows(&self, permission: Permission) -> bool {
        self.role.allows(permission)
    }

    pub fn require(&self, permission: Permission) -> Result<(), Error> {
        if self.allows(permission) {
            Ok(())
        } else {
            Err(Error::with(Code::Forbidden, serde_json::json!({"permission": permission})))
        }
    }

    pub fn require_verified(&self) -> Result<(), Error> {
        if self.email_verified { Ok(()) } else { Err(Error::new(Code::EmailNotVerified)) }
    }

    /// Whether this person may see a nano as its owner or as somebody who sees all of them.
    pub fn sees_private(&self, nano: &Nano) -> bool {
        nano.status != Status::Deleted && (nano.creator_id == self.id || self.allows(Permission::NanosReadAll))
    }

    /// Whether this person may have a file of it that waits for review: its creator, and those who decide about it.
    pub fn sees_waiting(&self, nano: &Nano) -> bool {
        nano.status != Status::Deleted && (nano.creator_id == self.id || self.allows(Permission::ModerationDecide))
    }

    /// Only the creator of a nano and those who manage all nanos change it; for everybody else it is not there
    /// unless they may see it.
    pub fn require_owner(&self, nano: &Nano) -> Result<(), Error> {
        if nano.status == Status::Deleted {
            Err(Error::not_found())
        } else if nano.creator_id == self.id || self.allows(Permission::NanosManage) {
            Ok(())
        } else if nano.status.is_public() || self.sees_private(nano) {
            Err(Error::new(Code::Forbidden))
        } else {
            Err(Error::not_found())
        }
    }
}

/// The token of an `Authorization: Bearer` header.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Error> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let token = value.to_str().ok().and_then(|text| {
        let (scheme, token) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    token.map(Some).ok_or_else(unauthorized)
}

fn unauthorized() -> Error {
    let expected = serde_json::json!({"field": "Authorization header", "expected": "Bearer <access token>"});
    Error::with(Code::Unauthorized, expected)
}

/// What the bearer token of a request says, once it has been checked: everything but whether its session and its person are
/// still served.
#[derive(Clone, Debug)]
pub struct Verified(Result<Option<Claims>, TokenError>);

impl Verified {
    pub fn of(headers: &HeaderMap, state: &AppState) -> Self {
        Self(match bearer(headers) {
            Ok(None) => Ok(None),
            Err(_) => Err(TokenError::Invalid),
            Ok(Some(token)) => state.keys.verify(token, state.clock.now()).map(Some),
        })
    }

    /// Whose token it is.
    pub fn user(&self) -> Option<UserId> {
        self.0.as_ref().ok()?.as_ref().map(|claims| claims.sub)
    }
}

impl OptionalFromRequestParts<AppState> for CurrentUser {
    type Rejection = Error;

    /// `None` without a token; a token that is no good is an error, not a guest.
    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Option<Self>, Error> {
        let Verified(claims) =
            parts.extensions.get::<Verified>().cloned().unwrap_or_else(|| Verified::of(&parts.headers, state));
        let claims = claims.map_err(|error| match error {
            TokenError::Invalid => unauthorized(),
            TokenError::Expired => Error::new(Code::TokenExpired),
        })?;
        let Some(claims) = claims else { return Ok(None) };
        let access = users::access(&state.db, claims.sub, claims.sid).await?.ok_or_else(unauthorized)?;
        served(access.status)?;
        if !access.session_live {
            return Err(Error::new(Code::SessionEnded));
        }
        tracing::Span::current().record("user", tracing::field::display(claims.sub));
        Ok(Some(Self { id: claims.sub, role: access.role, session: claims.sid, email_verified: access.email_verified }))
    }
}

impl FromRequestParts<AppState> for CurrentUser {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Error> {
        <Self as OptionalFromRequestParts<AppState>>::from_request_parts(parts, state).await?.ok_or_else(unauthorized)
    }
}

/// Refuses accounts that are switched off.
pub fn served(status: UserStatus) -> Result<(), Error> {
    if status.may_sign_in() {
        Ok(())
    } else {
        Err(Error::with(Code::AccountNotActive, serde_json::json!({"status": status})))
    }
}

/// A right as a type, for [`RequirePermission`].
pub trait Right {
    const PERMISSION: Permission;
}

macro_rules! rights {
    ($($name:ident),*) => {$(
        pub struct $name;
        impl Right for $name {
            const PERMISSION: Permission = Permission::$name;
        }
    )*};
}
rights!(NanosCreate, ModerationDecide, AuditRead, JobsRead, JobsOperate);

/// A signed-in person who has the right `R`.
pub struct RequirePermission<R> {
    pub user: CurrentUser,
    right: PhantomData<R>,
}

impl<R: Right + Send> FromRequestParts<AppState> for RequirePermission<R> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Error> {
        let user = <CurrentUser as FromRequestParts<AppState>>::from_request_parts(parts, state).await?;
        user.require(R::PERMISSION)?;
        Ok(Self { user, right: PhantomData })
    }
}
