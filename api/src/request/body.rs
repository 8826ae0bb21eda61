//! JSON bodies, read within a size and a time.

use std::time::Duration;

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
};
use http::header;
use serde_json::Value;

use super::fields::{Fields, Input};
use crate::reply::{Code, Error};

/// Most bytes of a JSON body.
pub const JSON_LIMIT: usize = 64 * 1024;
/// How long a JSON body may take as a whole.
const JSON_PATIENCE: Duration = Duration::from_secs(15);

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

/// A request that needs no body: one that comes all the same is left alone.
pub struct NoBody;

impl<S: Send + Sync> FromRequest<S> for NoBody {
    type Rejection = Error;

    async fn from_request(_: Request, _: &S) -> Result<Self, Error> {
        Ok(Self)
    }
}

/// The bytes of a JSON body.
pub(super) async fn body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Error> {
    let read = tokio::time::timeout(JSON_PATIENCE, Bytes::from_request(request, state)).await;
    read.map_err(|_| Error::new(Code::BodyInterrupted))?.map_err(|rejection| {
        if rejection.status() == http::StatusCode::PAYLOAD_TOO_LARGE {
            Error::with(Code::BodyTooLarge, serde_json::json!({"limit": JSON_LIMIT}))
        } else {
            Error::new(Code::BodyInterrupted)
        }
    })
}

pub fn read<T: Input>(body: &[u8]) -> Result<T, Error> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(map)) => Fields::json(map).finish().map_err(Error::Fields),
        Ok(_) => Err(Error::new(Code::MalformedJson)),
        Err(error) => {
            let place = serde_json::json!({"line": error.line(), "column": error.column()});
            Err(Error::with(Code::MalformedJson, place))
        }
    }
}
