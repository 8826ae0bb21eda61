//! `If-Match`: an edit of what the caller has read, refused when somebody else has edited it since.
//!
//! Only the tag's revision counts (`crate::reply::tag`). RFC 9110 compares strongly here, so that nobody patches bytes that are
//! not theirs; these edits are about fields, and a tag is sent as it came.

use axum::extract::FromRequestParts;
use http::{header, request::Parts};
use serde_json::json;

use crate::reply::{Code, Error, FieldError, Issue, tag};

/// What the caller has read; nothing when the header is missing.
pub struct IfMatch(Option<Wanted>);

enum Wanted {
    /// `*`: whatever there is.
    Any,
    Revisions(Vec<String>),
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let values: Vec<_> = parts.headers.get_all(header::IF_MATCH).iter().collect();
        if values.is_empty() {
            return Ok(Self(None));
        }
        let bad = || {
            let issue = Issue::Format("the ETag as it came, such as W/\"3.0f5c\"");
            Error::Fields(vec![FieldError::new("If-Match", issue)])
        };
        let mut revisions = Vec::new();
        for value in values {
            let value = value.to_str().map_err(|_| bad())?;
            if value.trim() == "*" {
                return Ok(Self(Some(Wanted::Any)));
            }
            let tags = tag::opaque(value).ok_or_else(bad)?;
            revisions.extend(tags.iter().map(|tag| tag.split('.').next().unwrap_or(tag).to_owned()));
        }
        Ok(Self(Some(Wanted::Revisions(revisions))))
    }
}

impl IfMatch {
    /// Whether the caller says what they have read.
    pub const fn is_given(&self) -> bool {
        self.0.is_some()
    }

    /// Whether this is what the caller has read, or does not say they have.
    pub fn holds(&self, revision: &str) -> bool {
        match &self.0 {
            None | Some(Wanted::Any) => true,
            Some(Wanted::Revisions(known)) => known.iter().any(|known| known == revision),
        }
    }

    /// 412 that names what there is by now, unless it is what the caller has read.
    pub fn check(&self, current: &str) -> Result<(), Error> {
        if self.holds(current) {
            Ok(())
        } else {
            let tag = tag::header_value(Some(current), "current");
            let tag = tag.to_str().unwrap_or_default();
            Err(Error::with(Code::PreconditionFailed, json!({"revision": current, "etag": tag})))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(values: &[&str]) -> Result<IfMatch, Error> {
        let mut request = http::Request::get("/");
        for value in values {
            request = request.header(header::IF_MATCH, *value);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        IfMatch::from_request_parts(&mut parts, &()).await
    }

    #[tokio::test]
    async fn the_revision_counts_and_nothing_else() {
        for (values, holds) in [
            (&[] as &[&str], true),
            (&["*"], true),
            (&["W/\"7.aaaa\""], true),
            (&["\"7\""], true),
            (&["\"6\", \"7.b\""], true),
            (&["\"6\"", "\"7\""], true),
            (&["W/\"70.aaaa\""], false),
            (&["\"6\""], false),
        ] {
            let read = read(values).await.ok().unwrap();
            assert_eq!((read.holds("7"), read.is_given()), (holds, !values.is_empty()), "{values:?}");
            assert_eq!(read.check("7").is_ok(), holds, "{values:?}");
        }
        assert!(read(&["7"]).await.is_err());
        assert!(read(&["\"7"]).await.is_err());
    }
}
