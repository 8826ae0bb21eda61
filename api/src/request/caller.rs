//! The caller: a signed-in person, and the right that a handler demands in its signature.

use std::marker::PhantomData;

use axum::extract::{FromRequestParts, MatchedPath, OptionalFromRequestParts};
use chrono::{DateTime, Utc};
use db::DbError;
use domain::{
    ids::{TokenId, UserId},
    nano::Status,
    token::SecretToken,
    user::{Permission, Role, UserStatus},
};
use http::{HeaderMap, header, request::Parts};
use infra::db::{
    nanos::Nano,
    personal_tokens::{self, PersonalToken},
    users::{self, Access},
};
use uuid::Uuid;

use crate::{
    auth::{
        consents,
        jwt::{Claims, TokenError},
        scopes, second_factor,
    },
    reply::{Code, Error},
    state::AppState,
};

/// The signed-in person, checked against the database: role and status as they are now, session not ended.
#[derive(Clone, Copy, Debug)]
pub struct CurrentUser {
    pub id: UserId,
    pub role: Role,
    /// Nil where a personal access token is used; what needs a session refuses those.
    pub session: Uuid,
    pub email_verified: bool,
    /// The personal access token that is used instead of a session.
    pub token: Option<TokenId>,
}

impl CurrentUser {
    /// What they are now.
    pub async fn access(&self, state: &AppState) -> Result<Option<Access>, DbError> {
        match self.token {
            None => users::access(&state.db, self.id, self.session).await,
            Some(token) => users::access_by_token(&state.db, self.id, token, state.clock.now()).await,
        }
    }

    /// Somebody whose credential is good, as the database knows them now.
    async fn now(state: &AppState, id: UserId, session: Uuid, token: Option<TokenId>) -> Result<(Self, Access), Error> {
        let nobody = Self { id, role: Role::Consumer, session, email_verified: false, token };
        let access = nobody.access(state).await?.ok_or_else(unauthorized)?;
        served(access.status)?;
        if !access.session_live {
            return Err(Error::new(Code::SessionEnded));
        }
        Ok((Self { role: access.role, email_verified: access.email_verified, ..nobody }, access))
    }

    /// Who shows an access token otherwise than in a header, and until when it is good. No personal access token is taken.
    pub async fn shown(state: &AppState, token: &str) -> Result<(Self, DateTime<Utc>), Error> {
        if SecretToken::personal(token).is_some() {
            return Err(Error::new(Code::SessionRequired));
        }
        let claims = state.keys.verify(token, state.clock.now()).map_err(|error| Error::from(Bad::Token(error)))?;
        let (user, access) = Self::now(state, claims.sub, claims.sid, None).await?;
        if second_factor::is_missing(state, &access) {
            return Err(Error::new(Code::SecondFactorSetupRequired));
        }
        Ok((user, DateTime::from_timestamp(claims.exp, 0).unwrap_or_default()))
    }

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

/// What somebody shows to be let in.
#[derive(Clone, Debug)]
enum Credential {
    /// An access token of a session.
    Session(Claims),
    Personal(Box<PersonalToken>),
}

/// Why nobody is let in.
#[derive(Clone, Debug)]
enum Bad {
    Token(TokenError),
    /// Nobody can say.
    Unknown(String),
}

impl From<TokenError> for Bad {
    fn from(error: TokenError) -> Self {
        Self::Token(error)
    }
}

impl From<Bad> for Error {
    fn from(bad: Bad) -> Self {
        match bad {
            Bad::Token(TokenError::Invalid) => unauthorized(),
            Bad::Token(TokenError::Expired) => Self::new(Code::TokenExpired),
            Bad::Unknown(error) => Self::Unavailable(error),
        }
    }
}

/// What the bearer token of a request says, once it has been checked: everything but whether its session and its person are
/// still served.
#[derive(Clone, Debug)]
pub struct Verified(Result<Option<Credential>, Bad>);

impl Verified {
    pub async fn of(headers: &HeaderMap, state: &AppState) -> Self {
        Self(Self::credential(headers, state).await)
    }

    async fn credential(headers: &HeaderMap, state: &AppState) -> Result<Option<Credential>, Bad> {
        let Some(token) = bearer(headers).map_err(|_| TokenError::Invalid)? else { return Ok(None) };
        let now = state.clock.now();
        let Some(secret) = SecretToken::personal(token) else {
            return Ok(Some(Credential::Session(state.keys.verify(token, now)?)));
        };
        let hash = secret.map_err(|_| TokenError::Invalid)?.hash();
        let found = personal_tokens::find(&state.db, &hash, now).await;
        let found = found.map_err(|error| Bad::Unknown(error.to_string()))?.ok_or(TokenError::Invalid)?;
        Ok(Some(Credential::Personal(Box::new(found))))
    }

    /// Whether the request has what looks like a personal token: only the database knows whether it is one.
    pub fn asks_the_database(headers: &HeaderMap) -> bool {
        bearer(headers).ok().flatten().is_some_and(|token| SecretToken::personal(token).is_some())
    }

    /// Who asks, whatever they ask with.
    pub fn person(&self) -> Option<UserId> {
        match self.0.as_ref().ok()?.as_ref()? {
            Credential::Session(claims) => Some(claims.sub),
            Credential::Personal(token) => Some(token.user_id),
        }
    }

    /// Whose quota the request counts against: the person's, or the personal token's own, so that whoever has found a token cannot
    /// keep its owner from revoking it.
    pub fn counts_for(&self) -> Option<String> {
        match self.0.as_ref().ok()?.as_ref()? {
            Credential::Session(claims) => Some(claims.sub.to_string()),
            Credential::Personal(token) => Some(format!("token:{}", token.id)),
        }
    }
}

/// Whether the token has the scope that this operation asks for.
fn in_scope(token: &PersonalToken, parts: &Parts) -> Result<(), Error> {
    let path = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
    match scopes::needed(&parts.method, path) {
        None => Err(Error::new(Code::SessionRequired)),
        Some(scope) if token.scopes.contains(&scope) => Ok(()),
        Some(scope) => Err(Error::with(Code::ScopeMissing, serde_json::json!({"scope": scope}))),
    }
}

/// Whom a handler has let in by asking for [`CurrentUser`]: a mark on its request, for what it asks for next.
#[derive(Clone, Copy)]
pub struct SignedIn(pub UserId);

/// Routes below it are about the caller's own account. Whoever has to set up a second factor may use nothing else.
pub const OWN_ACCOUNT: &str = "/api/v1/auth/";

fn about_own_account(parts: &Parts) -> bool {
    parts.extensions.get::<MatchedPath>().is_some_and(|path| path.as_str().starts_with(OWN_ACCOUNT))
}

impl OptionalFromRequestParts<AppState> for CurrentUser {
    type Rejection = Error;

    /// `None` without a token; a token that is no good is an error, not a guest.
    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Option<Self>, Error> {
        let Verified(credential) = match parts.extensions.get::<Verified>() {
            Some(verified) => verified.clone(),
            None => Verified::of(&parts.headers, state).await,
        };
        let credential = credential?;
        let Some(credential) = credential else { return Ok(None) };
        let (id, session, token) = match &credential {
            Credential::Session(claims) => (claims.sub, claims.sid, None),
            Credential::Personal(token) => (token.user_id, Uuid::nil(), Some(token.id)),
        };
        let (user, access) = Self::now(state, id, session, token).await?;
        if second_factor::is_missing(state, &access) && !about_own_account(parts) {
            return Err(Error::new(Code::SecondFactorSetupRequired));
        }
        let path = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
        if consents::are_needed(&parts.method, path)
            && let Some(missing) = consents::missing(state, id).await?
        {
            return Err(Error::with(Code::ConsentRequired, missing));
        }
        if let Credential::Personal(token) = &credential {
            in_scope(token, parts)?;
            // When it was used last is worth no refusal.
            if state.maintenance.current(&state.db).await.is_none()
                && let Err(error) = personal_tokens::touch(&state.db, token, state.clock.now()).await
            {
                tracing::warn!(%error, "the last use of a token was not written down");
            }
        }
        tracing::Span::current().record("user", tracing::field::display(id));
        parts.extensions.insert(SignedIn(id));
        Ok(Some(user))
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
rights!(NanosCreate, ModerationDecide, AuditRead, JobsRead, JobsOperate, UsersManage, ChatsClose);

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
