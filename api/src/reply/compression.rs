//! Which answers are compressed (gzip, Brotli), for clients that take it.
//!
//! Not those that are small, that stream events, or are compressed already. And none that holds a secret: from the lengths of
//! compressed answers, who can add text to them may guess what else is in them (the attack BREACH). That takes a secret and
//! somebody else's words in one answer, and a browser that sends the request with its owner's rights again and again. Here rights
//! come with a header that no other site can send, so there is nothing to guess with; and what hands out secrets (tokens,
//! signed links to files, cookies) says `no-store` or sets a cookie, and is sent as it is.

use http::{Extensions, HeaderMap, StatusCode, Version, header};
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

fn is_no_secret(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    let is_kept = |value: &http::HeaderValue| !value.to_str().unwrap_or("no-store").contains("no-store");
    !headers.contains_key(header::SET_COOKIE) && headers.get_all(header::CACHE_CONTROL).iter().all(is_kept)
}
