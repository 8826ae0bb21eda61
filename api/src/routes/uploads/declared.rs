//! Announcements about a file in the request's head.

use base64::{Engine, engine::general_purpose::STANDARD};
use domain::upload::clean_filename;
use http::{HeaderMap, HeaderName, header};
use percent_encoding::percent_decode_str;

use crate::reply::{FieldError, Issue};

/// What is known of a file before its first byte.
#[derive(Debug, PartialEq)]
pub struct Declared {
    /// Cleaned.
    pub filename: String,
    pub size: Option<u64>,
    pub sha256: Option<[u8; 32]>,
}

/// Reads `Content-Length`, `Content-Digest` (RFC 9530; other algorithms than sha-256 are ignored), and the name from
/// `?filename=` or `X-Filename` (percent-encoded).
pub fn read(headers: &HeaderMap, query: Option<&str>) -> Result<Declared, Vec<FieldError>> {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("\u{0}"));
    let mut errors = Vec::new();
    let size = text(header::CONTENT_LENGTH).and_then(|value| match value.parse() {
        Ok(size) => Some(size),
        Err(_) => {
            errors.push(FieldError::new("Content-Length", Issue::Type("integer")));
            None
        }
    });
    let sha256 = text(HeaderName::from_static("content-digest")).and_then(|value| match sha256(value) {
        Ok(hash) => hash,
        Err(()) => {
            errors.push(FieldError::new("Content-Digest", Issue::Format("sha-256=:<base64>:")));
            None
        }
    });
    let from_query = query.and_then(|query| {
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.find(|(name, _)| name == "filename").map(|(_, value)| value.into_owned())
    });
    // In a header a plus is a plus, unlike in a query.
    let from_header = || {
        let value = text(HeaderName::from_static("x-filename"))?;
        Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
    };
    let filename = clean_filename(&from_query.or_else(from_header).unwrap_or_default());
    if errors.is_empty() { Ok(Declared { filename, size, sha256 }) } else { Err(errors) }
}

/// The sha-256 member of a digest list, if there is one.
fn sha256(list: &str) -> Result<Option<[u8; 32]>, ()> {
    for member in list.split(',') {
        let Some((name, value)) = member.split_once('=') else { return Err(()) };
        if !name.trim().eq_ignore_ascii_case("sha-256") {
            continue;
        }
        let base64 = value.trim().strip_prefix(':').and_then(|value| value.strip_suffix(':')).ok_or(())?;
        let bytes = STANDARD.decode(base64).map_err(|_| ())?;
        return bytes.try_into().map(Some).map_err(|_| ());
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn nothing_needs_to_be_announced() {
        let none = read(&HeaderMap::new(), None).unwrap();
        assert_eq!(none, Declared { filename: "upload.zip".into(), size: None, sha256: None });
    }

    #[test]
    fn length_digest_and_name_are_read() {
        let digest = format!("sha-512=:xx:, sha-256=:{}:", STANDARD.encode([7; 32]));
        let map =
            headers(&[("content-length", "42"), ("content-digest", &digest), ("x-filename", "C%2B+ %C3%9C=1.zip")]);
        let declared = read(&map, None).unwrap();
        assert_eq!((declared.size, declared.sha256), (Some(42), Some([7; 32])));
        assert_eq!(declared.filename, "C++ Ü=1.zip");
        assert_eq!(read(&map, Some("a=1&filename=Kurs+1.zip")).unwrap().filename, "Kurs 1.zip");
    }

    #[test]
    fn a_digest_that_cannot_be_read_is_not_ignored() {
        for bad in ["sha-256=abc", "sha-256=:abc:", "sha-256", "sha-256=:!!!!:"] {
            assert!(read(&headers(&[("content-digest", bad)]), None).is_err(), "{bad}");
        }
    }
}
