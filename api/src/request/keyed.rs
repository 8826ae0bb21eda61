//! Requests that may be repeated: under the same `Idempotency-Key` the same caller gets the same answer.
//!
//! The key is taken in the transaction that makes what was asked for, and the answer is written down in it
//! (`infra::db::idempotency_keys`): a process that dies in between has done both or neither. A refused request has made nothing,
//! so nothing is kept of it, and asking again is judged anew. An answer that is kept is given again before anything else is looked
//! at ([`Keyed`]).

use axum::{
    body::Body,
    extract::{FromRequest, Request},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use db::{Hash, Tx};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderName, HeaderValue, header};
use infra::db::idempotency_keys::{self, Answer, Claim, Keyed as Row};
use serde::Serialize;
use sha2::Sha256;

use super::{body::body, caller::SignedIn};
use crate::{
    reply::{Code, Error, FieldError, Issue, Reply, Written},
    state::AppState,
};

pub const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// In answers that were given before.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// Bytes of a key. Those of a UUID are enough; with fewer, what is stored would say too much (see [`row`]).
pub const SHORTEST: usize = 16;
pub const LONGEST: usize = 128;

/// A body, and the key under which the request may be repeated. It is the last thing that a handler asks for, so that the caller
/// and their rights are known; and what was answered before is answered here, before the handler looks at anything: by now its
/// limits may be used up and its things gone.
pub struct Keyed<B>(pub B, pub Key);

/// What is answered without asking the handler.
pub enum Instead {
    /// The same as before.
    Answered(Box<Written>),
    Refused(Error),
}

impl From<Error> for Instead {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl IntoResponse for Instead {
    fn into_response(self) -> Response {
        match self {
            Self::Answered(written) => written.into_response(),
            Self::Refused(error) => error.into_response(),
        }
    }
}

/// Whose keys those are that come without a token: everybody's, since whoever repeats a request may have another address by then.
/// Nobody learns anything from a key that they do not know, or under which they ask for something else.
const ANYBODY: &str = "anybody";

impl<B: FromRequest<AppState, Rejection = Error>> FromRequest<AppState> for Keyed<B> {
    type Rejection = Instead;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Instead> {
        let mut keys = request.headers().get_all(HEADER).iter();
        let key = match (keys.next(), keys.next()) {
            (None, _) => return Ok(Self(B::from_request(request, state).await?, Key(None))),
            (Some(key), None) if is_key(key) => key.as_bytes().to_vec(),
            _ => {
                let issue = Issue::Format("16 to 128 visible ASCII characters, such as a new UUID");
                return Err(Error::Fields(vec![FieldError::new("Idempotency-Key", issue)]).into());
            }
        };
        let (parts, rest) = request.into_parts();
        let target = parts.uri.path_and_query().map_or(parts.uri.path(), |target| target.as_str());
        let mut same = format!("{} {target}\n", parts.method).into_bytes();
        let bytes = body(Request::from_parts(parts.clone(), rest), state).await?;
        same.extend_from_slice(&bytes);
        let caller = parts.extensions.get::<SignedIn>().map(|SignedIn(id)| id.to_string());
        let row = row(&key, caller.as_deref().unwrap_or(ANYBODY), &same);
        let known = idempotency_keys::find(&state.db, &row, state.clock.now()).await.map_err(Error::from)?;
        if let Some(written) = answered(known)? {
            return Err(Instead::Answered(Box::new(written)));
        }
        let form = B::from_request(Request::from_parts(parts, Body::from(bytes)), state).await?;
        Ok(Self(form, Key(Some(row))))
    }
}

fn is_key(value: &HeaderValue) -> bool {
    let bytes = value.as_bytes();
    (SHORTEST..=LONGEST).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
}

/// The key of this caller: keys of others are others, however they are spelled.
///
/// Stored are two hashes that nobody can try guesses against without the key itself, which is not stored: a body may hold a
/// password.
fn row(key: &[u8], caller: &str, same: &[u8]) -> Row {
    Row {
        id: hash(key, &[b"caller ", caller.as_bytes()].concat()),
        fingerprint: hash(key, &[b"request ", same].concat()),
    }
}

fn hash(key: &[u8], text: &[u8]) -> Hash {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length is one");
    mac.update(text);
    Hash(mac.finalize().into_bytes().into())
}

/// A caller's key; none when none was sent.
pub struct Key(Option<Row>);

/// The answer that was given before, if one was.
fn answered(claim: Claim) -> Result<Option<Written>, Error> {
    match claim {
        Claim::First => Ok(None),
        Claim::Answered(answer) => {
            metrics::counter!("requests_replayed_total").increment(1);
            Ok(Some(Written::again(answer.status, answer.location.as_deref(), answer.body)?))
        }
        Claim::Other => Err(Error::new(Code::IdempotencyKeyReused)),
        Claim::UnderWay => Err(Error::soon(Code::IdempotencyKeyInUse)),
    }
}

impl Key {
    /// The answer that was given meanwhile, or nothing: then the key is taken with this transaction.
    pub async fn claim(&self, tx: &mut Tx, now: DateTime<Utc>) -> Result<Option<Written>, Error> {
        let Some(row) = &self.0 else { return Ok(None) };
        answered(idempotency_keys::claim(tx, row, now).await?)
    }

    /// Writes the answer down, and is it.
    pub async fn settle<T: Serialize>(&self, tx: &mut Tx, reply: Reply<T>) -> Result<Written, Error> {
        let written = reply.write()?;
        if let Some(row) = &self.0 {
            let location = written.header(&header::LOCATION).map(str::to_owned);
            let answer = Answer { status: written.status.as_u16(), location, body: written.body.clone() };
            idempotency_keys::settle(tx, row, &answer).await?;
        }
        Ok(written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_long_enough_and_plain() {
        for (key, good) in [
            ("0193f2a0-0000-7000-8000-000000000001", true),
            ("\"8e03978e-40d5-43e8-bc93-6894a57f9324\"", true),
            ("too-short-so-far", true),
            ("too-short", false),
            ("with a space inside", false),
            (&"k".repeat(LONGEST), true),
            (&"k".repeat(LONGEST + 1), false),
        ] {
            assert_eq!(is_key(&HeaderValue::from_str(key).unwrap()), good, "{key}");
        }
        assert!(!is_key(&HeaderValue::from_bytes("schlüssel-schlüssel".as_bytes()).unwrap()));
    }

    #[test]
    fn a_key_is_its_callers_and_a_request_is_its_whole() {
        let row = |key: &str, caller: &str, same: &str| row(key.as_bytes(), caller, same.as_bytes());
        let first = row("a-key-of-somebody", "ada", "POST /nanos\n{}");
        let again = row("a-key-of-somebody", "ada", "POST /nanos\n{}");
        assert_eq!((first.id, first.fingerprint), (again.id, again.fingerprint));
        assert_ne!(first.id, row("a-key-of-somebody", "bert", "POST /nanos\n{}").id);
        let other = row("a-key-of-somebody", "ada", "POST /nanos\n{ }");
        assert_eq!(first.id, other.id);
        assert_ne!(first.fingerprint, other.fingerprint);
    }
}
