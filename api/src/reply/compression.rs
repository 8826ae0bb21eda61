//! Which answers are compressed (gzip, Brotli), for clients that take it.
//!
//! Not those that are small, that stream events, or are compressed already. And none that holds a secret: from the lengths of
//! compressed answers, who can add text to them may guess what else is in them (the attack BREACH). That takes a secret and
//! somebody else's words in one answer, and a browser that sends the request with its owner's rights again and again. Here rights
//! come with a header that no other site can send, so there is nothing to guess with; and what hands out secrets (tokens,
//! signed links to files, cookies) says `no-store` or sets a cookie, and is sent as it is.
//!
//! Nobody is refused for taking no answer as it is (`identity;q=0`, `*;q=0`): when that is found out the request has had its effect,
//! and a 406 would say it had none. RFC 9110 (12.5.3) lets a server answer so.

use axum::{extract::Request, middleware::Next, response::Response};
use http::{Extensions, HeaderMap, HeaderValue, StatusCode, Version, header};
use tower_http::compression::{
    CompressionLayer, CompressionLevel, Predicate,
    predicate::{NotForContentType, SizeAbove},
};

/// Bytes below which the work is not worth it: the answer fits into one packet anyway.
const WORTH_IT: u64 = 1024;

pub fn layer() -> CompressionLayer<impl Predicate> {
    let worth = SizeAbove::new(WORTH_IT).and(NotForContentType::SSE).and(NotForContentType::IMAGES).and(is_no_secret);
    CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(worth)
}

/// Takes from `Accept-Encoding` what refuses an answer as it is.
pub async fn identity_is_taken(mut request: Request, next: Next) -> Response {
    let headers = request.headers_mut();
    if headers.contains_key(header::ACCEPT_ENCODING) {
        let wanted = wanted(headers);
        headers.remove(header::ACCEPT_ENCODING);
        if let Some(wanted) = wanted {
            headers.insert(header::ACCEPT_ENCODING, wanted);
        }
    }
    next.run(request).await
}

/// What the client takes, in one line; nothing when nothing is left of it.
fn wanted(headers: &HeaderMap) -> Option<HeaderValue> {
    let lines = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let codings: Vec<&str> =
        lines.flat_map(|line| line.split(',')).map(str::trim).filter(|coding| !refuses_identity(coding)).collect();
    HeaderValue::from_str(&codings.join(", ")).ok().filter(|value| !value.is_empty())
}

fn refuses_identity(coding: &str) -> bool {
    let mut parts = coding.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let is_zero = |part: &str| {
        let weight = part.split_once('=').filter(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
        weight.is_some_and(|(_, weight)| weight.trim().parse::<f32>().is_ok_and(|weight| weight <= 0.0))
    };
    (name == "*" || name.eq_ignore_ascii_case("identity")) && parts.any(is_zero)
}

fn is_no_secret(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    let is_kept = |value: &http::HeaderValue| !value.to_str().unwrap_or("no-store").contains("no-store");
    !headers.contains_key(header::SET_COOKIE) && headers.get_all(header::CACHE_CONTROL).iter().all(is_kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_refuses_an_answer_as_it_is_is_taken_away() {
        for (lines, left) in [
            (&["gzip, br;q=0.5"] as &[&str], Some("gzip, br;q=0.5")),
            (&["gzip;q=0", "br"], Some("gzip;q=0, br")),
            (&["identity;q=0"], None),
            (&["*;q=0"], None),
            (&["gzip, *;q=0"], Some("gzip")),
            (&["Identity ; Q=0.000, *; q=0.0, zstd"], Some("zstd")),
            (&["*;q=0.1, identity;q=1"], Some("*;q=0.1, identity;q=1")),
            (&["*, identity"], Some("*, identity")),
            (&[""], None),
        ] {
            let line = |line: &&str| (header::ACCEPT_ENCODING, HeaderValue::from_str(line).unwrap());
            let headers: HeaderMap = lines.iter().map(line).collect();
            assert_eq!(wanted(&headers).as_ref().map(|value| value.to_str().unwrap()), left, "{lines:?}");
        }
    }
}
