//! Answers: the envelope around every JSON answer (success, data, meta, timestamp), and errors.

mod code;
pub mod compression;
mod error;
mod issue;
pub mod links;
mod rate_limit;
mod request_id;
pub mod tag;

use axum::response::{IntoResponse, Response};
use chrono::{DateTime, SecondsFormat, Utc};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;

pub use code::{Code, page as error_page};
pub use error::{Error, render};
pub use issue::{FieldError, Issue};
pub use rate_limit::RateLimit;
pub use request_id::{RequestId, observe};

use crate::request::keyed::REPLAYED;

/// A time on the wire: RFC 3339 in UTC, to the millisecond, with `Z`.
pub fn time<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true))
}

/// The same for a time that may be missing.
pub fn maybe_time<S: Serializer>(time: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => self::time(time, serializer),
        None => serializer.serialize_none(),
    }
}

/// Which part of a list this is.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Meta {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u64>,
    /// How many there are in all; when `total_capped`, there may be more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_page: Option<u64>,
    /// Only this many were counted: 10,000, or those among the entries that one request looks at.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub total_capped: bool,
    /// Where the next page begins: send it as `cursor`. Absent at the end of the list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// The page is not full, because one request looks at a bounded number of entries: the search goes on at
    /// `next_cursor`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// A service is away; this is a simpler answer than usual.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub degraded: bool,
}

/// The form of every successful JSON answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct Envelope<T> {
    /// Always true here; errors have the same field with false.
    pub success: bool,
    pub data: T,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meta: Option<Meta>,
    #[serde(serialize_with = "time")]
    pub timestamp: DateTime<Utc>,
}

/// That an answer has an entity tag.
struct Tag {
    /// What `If-Match` compares.
    revision: Option<String>,
}

/// An answer under construction.
pub struct Reply<T> {
    status: StatusCode,
    data: T,
    meta: Option<Meta>,
    tag: Option<Tag>,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
}

impl<T: Serialize> Reply<T> {
    pub fn ok(data: T) -> Self {
        Self::with_status(StatusCode::OK, data)
    }

    pub fn with_status(status: StatusCode, data: T) -> Self {
        Self { status, data, meta: None, tag: None, headers: Vec::new() }
    }

    pub fn created(data: T, location: &str) -> Self {
        Self::with_status(StatusCode::CREATED, data).header(header::LOCATION, location)
    }

    /// The work goes on in a job at `location`.
    pub fn accepted(data: T, location: &str) -> Self {
        Self::with_status(StatusCode::ACCEPTED, data).header(header::LOCATION, location)
    }

    pub fn meta(mut self, meta: Meta) -> Self {
        self.meta = Some(meta);
        self
    }

    /// Gives the answer an entity tag made of its data: who has read it already is answered 304.
    pub fn tagged(mut self) -> Self {
        self.tag = Some(Tag { revision: None });
        self
    }

    /// The same, for what people edit: `revision` is what edits name in `If-Match`.
    pub fn revised(mut self, revision: impl ToString) -> Self {
        self.tag = Some(Tag { revision: Some(revision.to_string()) });
        self
    }

    /// Adds a header; a value that no header can hold is left out.
    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }
}

impl<T: Serialize> Reply<T> {
    /// The answer as it goes out.
    pub fn write(self) -> Result<Written, Error> {
        let meta = self.meta.clone();
        let envelope = Envelope { success: true, data: self.data, meta: self.meta, timestamp: Utc::now() };
        let body = serde_json::to_vec(&envelope).map_err(|error| Error::Internal(error.to_string()))?;
        let mut headers = self.headers;
        if let Some(tag) = self.tag {
            headers.push((header::ETAG, tag::header_value(tag.revision.as_deref(), &tag::hash(said(&body)))));
        }
        Ok(Written { status: self.status, headers, body, meta })
    }
}

/// What comes before the timestamp, an envelope's last field.
const LAST: &[u8] = b",\"timestamp\":";

/// The body without its timestamp.
fn said(body: &[u8]) -> &[u8] {
    body.windows(LAST.len()).rposition(|part| part == LAST).map_or(body, |end| &body[..end])
}

impl<T: Serialize> IntoResponse for Reply<T> {
    fn into_response(self) -> Response {
        self.write().into_response()
    }
}

/// An answer whose body is written.
pub struct Written {
    pub status: StatusCode,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: Vec<u8>,
    /// For the links of a list.
    pub meta: Option<Meta>,
}

impl Written {
    /// An answer that was given before.
    pub fn again(status: u16, location: Option<&str>, body: Vec<u8>) -> Result<Self, Error> {
        let stored = |error: &dyn std::fmt::Display| Error::Internal(format!("a stored answer: {error}"));
        let status = StatusCode::from_u16(status).map_err(|error| stored(&error))?;
        let mut headers = vec![(REPLAYED, HeaderValue::from_static("true"))];
        if let Some(location) = location {
            headers.push((header::LOCATION, HeaderValue::from_str(location).map_err(|error| stored(&error))?));
        }
        Ok(Self { status, headers, body, meta: None })
    }

    /// What was [said](Self::said) before, now.
    pub fn said_again(
        status: StatusCode,
        headers: Vec<(HeaderName, HeaderValue)>,
        said: &[u8],
        meta: Option<Meta>,
    ) -> Self {
        let now = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
        let body = [said, LAST, b"\"", now.as_bytes(), b"\"}"].concat();
        Self { status, headers, body, meta }
    }

    /// The body without its timestamp.
    pub fn said(&self) -> &[u8] {
        said(&self.body)
    }

    pub fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).and_then(|(_, value)| value.to_str().ok())
    }
}

impl IntoResponse for Written {
    fn into_response(self) -> Response {
        let json = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        let mut response = (self.status, json, self.body).into_response();
        if let Some(meta) = self.meta {
            response.extensions_mut().insert(meta);
        }
        for (name, value) in self.headers {
            response.headers_mut().append(name, value);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_is_that_of_what_is_said_not_of_when() {
        let tag = |reply: Reply<&str>| reply.write().ok().unwrap().header(&header::ETAG).unwrap().to_owned();
        let first = tag(Reply::ok("word").tagged());
        std::thread::sleep(std::time::Duration::from_millis(2));
        assert_eq!(first, tag(Reply::ok("word").tagged()));
        assert_ne!(first, tag(Reply::ok("other").tagged()));
        assert_ne!(first, tag(Reply::ok("word").meta(Meta { total: Some(1), ..Meta::default() }).tagged()));
        assert_eq!(tag(Reply::ok("word").revised(7)), first.replace("W/\"", "W/\"7."));
        assert_eq!(said(br#"{"a":{},"timestamp":1,"data":2,"timestamp":"x"}"#), br#"{"a":{},"timestamp":1,"data":2"#);
    }
}
