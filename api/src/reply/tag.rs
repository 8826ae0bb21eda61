//! Entity tags (RFC 9110, 8.8.3): what an answer says, in a few letters. Whoever has it already is answered 304.
//!
//! `W/"REVISION.HASH"`, or without a revision `W/"HASH"`. The hash is that of the data; the revision is what `If-Match` compares
//! (`crate::request::IfMatch`): edits raise it, and what happens to a thing meanwhile, such as a download, does not. Tags are
//! weak, because answers with the same data differ in their timestamp and their compression.

use axum::{
    body::Body,
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// The tag of a text: 96 bits, since nobody is to be deceived by it.
pub fn hash(bytes: &[u8]) -> String {
    hex::encode(&Sha256::digest(bytes)[..12])
}

/// The revision of what has no number for it: the hash of what people edit of it.
pub fn revision_of<T: Serialize>(edited: &T) -> String {
    hash(&serde_json::to_vec(edited).unwrap_or_default())
}

/// The header's value.
pub fn header_value(revision: Option<&str>, hash: &str) -> HeaderValue {
    let text = match revision {
        Some(revision) => format!("W/\"{revision}.{hash}\""),
        None => format!("W/\"{hash}\""),
    };
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("W/\"\""))
}

/// The opaque parts of the tags in a header, strong and weak alike; `None` when it is no list of tags.
pub fn opaque(value: &str) -> Option<Vec<&str>> {
    let mut rest = value.trim();
    let mut tags = Vec::new();
    while !rest.is_empty() {
        let quoted = rest.strip_prefix("W/").unwrap_or(rest).strip_prefix('"')?;
        let (tag, after) = quoted.split_once('"')?;
        tags.push(tag);
        rest = after.trim_start();
        if let Some(more) = rest.strip_prefix(',') {
            rest = more.trim_start();
        } else if !rest.is_empty() {
            return None;
        }
    }
    (!tags.is_empty()).then_some(tags)
}

/// Whether the request has what the answer says.
fn is_known(request: &HeaderMap, answer: &HeaderMap) -> bool {
    let Some(own) = answer.get(header::ETAG).and_then(|tag| tag.to_str().ok()).and_then(opaque) else { return false };
    request
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.trim() == "*" || opaque(value).is_some_and(|tags| tags.iter().any(|tag| own.contains(tag))))
}

/// Answers 304, without a body, to whoever has read it already.
pub async fn not_modified(request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if !reads || !request.headers().contains_key(header::IF_NONE_MATCH) {
        return next.run(request).await;
    }
    let asked = request.headers().clone();
    let response = next.run(request).await;
    if response.status() != StatusCode::OK || !is_known(&asked, response.headers()) {
        return response;
    }
    let mut known = (StatusCode::NOT_MODIFIED, Body::empty()).into_response();
    let headers = known.headers_mut();
    headers.clear();
    for (name, value) in response.headers() {
        // Those that describe the body that is left out.
        if ![header::CONTENT_TYPE, header::CONTENT_LENGTH, header::CONTENT_LANGUAGE].contains(name) {
            headers.append(name.clone(), value.clone());
        }
    }
    // As with the body, which may have been compressed: a cache takes what stands here for the whole of it.
    headers.append(header::VARY, header::HeaderValue::from_static("accept-encoding"));
    known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_from_lists_and_nothing_else_is() {
        assert_eq!(opaque("\"a\""), Some(vec!["a"]));
        assert_eq!(opaque(" W/\"a\" , \"b,c\",W/\"\""), Some(vec!["a", "b,c", ""]));
        for bad in ["", "a", "\"a", "\"a\" \"b\"", "w/\"a\"", "*"] {
            assert_eq!(opaque(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_known_is_told_by_weak_comparison() {
        let headers = |name: header::HeaderName, values: &[&str]| {
            values.iter().map(|value| (name.clone(), HeaderValue::from_str(value).unwrap())).collect::<HeaderMap>()
        };
        let answer = headers(header::ETAG, &["W/\"7.aa\""]);
        for (asked, known) in [
            (&["W/\"7.aa\""] as &[&str], true),
            (&["\"7.aa\""], true),
            (&["*"], true),
            (&["\"x\"", "\"y\", W/\"7.aa\""], true),
            (&["\"7\""], false),
            (&["7.aa"], false),
            (&[], false),
        ] {
            assert_eq!(is_known(&headers(header::IF_NONE_MATCH, asked), &answer), known, "{asked:?}");
        }
        assert!(!is_known(&headers(header::IF_NONE_MATCH, &["*"]), &HeaderMap::new()), "there is no tag to compare");
    }
}
