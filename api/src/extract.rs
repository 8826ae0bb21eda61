//! What handlers ask for in their signatures: a signed-in person, a right, a checked body, a page.

use std::{marker::PhantomData, time::Duration};

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, OptionalFromRequestParts, Request},
};
use domain::{
    ids::UserId,
    nano::Status,
    user::{Permission, Role},
};
use http::{HeaderMap, header, request::Parts};
use infra::db::{nano_lists::COUNT_CAP, nanos::Nano, users};
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use crate::{
    auth::{jwt::TokenError, session},
    code::Code,
    error::Error,
    fields::{Fields, Input, whole},
    reply::Meta,
    state::AppState,
};

/// Most bytes of a JSON body.
pub const JSON_LIMIT: usize = 64 * 1024;
/// How long a JSON body may take as a whole.
const JSON_PATIENCE: Duration = Duration::from_secs(15);

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

impl OptionalFromRequestParts<AppState> for CurrentUser {
    type Rejection = Error;

    /// `None` without a token; a token that is no good is an error, not a guest.
    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Option<Self>, Error> {
        let Some(token) = bearer(&parts.headers)? else { return Ok(None) };
        let claims = state.keys.verify(token, state.clock.now()).map_err(|error| match error {
            TokenError::Invalid => unauthorized(),
            TokenError::Expired => Error::new(Code::TokenExpired),
        })?;
        let access = users::access(&state.db, claims.sub, claims.sid).await?.ok_or_else(unauthorized)?;
        session::served(access.status)?;
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

/// A JSON body, read and checked field by field.
pub struct Json<T>(pub T);

impl<T: Input, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_json = kind.is_some_and(|kind| {
            kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
        });
        if !is_json {
            return Err(Error::new(Code::UnsupportedMediaType));
        }
        let body = body(request, state).await?;
        read(&body).map(Self)
    }
}

/// A JSON body that may be left out altogether.
pub struct MaybeJson<T>(pub Option<T>);

impl<T: Input, S: Send + Sync> FromRequest<S> for MaybeJson<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let body = body(request, state).await?;
        if body.is_empty() { Ok(Self(None)) } else { read(&body).map(Some).map(Self) }
    }
}

async fn body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Error> {
    let read = tokio::time::timeout(JSON_PATIENCE, Bytes::from_request(request, state)).await;
    read.map_err(|_| Error::new(Code::BodyInterrupted))?.map_err(|rejection| {
        if rejection.status() == http::StatusCode::PAYLOAD_TOO_LARGE {
            Error::with(Code::BodyTooLarge, serde_json::json!({"limit": JSON_LIMIT}))
        } else {
            Error::new(Code::BodyInterrupted)
        }
    })
}

fn read<T: Input>(body: &[u8]) -> Result<T, Error> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(map)) => Fields::json(map).finish().map_err(Error::Fields),
        Ok(_) => Err(Error::new(Code::MalformedJson)),
        Err(error) => {
            let place = serde_json::json!({"line": error.line(), "column": error.column()});
            Err(Error::with(Code::MalformedJson, place))
        }
    }
}

/// The query string, read and checked field by field.
pub struct Query<T>(pub T);

impl<T: Input, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        Fields::query(parts.uri.query().unwrap_or_default()).finish().map(Self).map_err(Error::Fields)
    }
}

/// The same, and nothing in it may be overlooked: unknown names are refused. For pages where a mistyped filter would
/// mean everything.
pub struct StrictQuery<T>(pub T);

impl<T: Input, S: Send + Sync> FromRequestParts<S> for StrictQuery<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        Fields::strict_query(parts.uri.query().unwrap_or_default()).finish().map(Self).map_err(Error::Fields)
    }
}

/// Ids from the path. What does not even look like an id is not found.
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        match <axum::extract::Path<T> as FromRequestParts<S>>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(_) => Err(Error::not_found()),
        }
    }
}

/// `page` (from 1) and `limit` (1–100, by default 20) of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    pub page: u64,
    pub limit: u32,
}

impl Page {
    /// Reads both from a query.
    pub fn read(fields: &mut Fields) -> Self {
        let page = fields.optional("page", whole(1, COUNT_CAP)).unwrap_or(1);
        let limit = fields.optional("limit", whole(1, 100)).and_then(|limit| u32::try_from(limit).ok());
        Self { page, limit: limit.unwrap_or(20) }
    }

    pub const fn offset(self) -> u64 {
        (self.page - 1) * self.limit as u64
    }

    /// What the answer says about its place in the list. `total` beyond [`COUNT_CAP`] was not counted.
    pub fn meta(self, total: u64) -> Meta {
        Meta {
            page: Some(self.page),
            total: Some(total.min(COUNT_CAP)),
            per_page: Some(self.limit.into()),
            total_capped: total > COUNT_CAP,
            ..Meta::default()
        }
    }
}

impl Input for Page {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self::read(fields))
    }
}
