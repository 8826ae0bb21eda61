//! Lists by cursor: the limit they take, and the link to the next page.

use http::header;
use serde::Serialize;

use crate::{
    reply::{Meta, Reply},
    request::fields::{Fields, whole},
};

/// `limit` of a list by cursor.
pub(super) fn limit(fields: &mut Fields) -> u32 {
    fields.optional("limit", whole(1, 100)).and_then(|limit| u32::try_from(limit).ok()).unwrap_or(20)
}

/// What an answer says about its place in a list by cursor, and the link to the page behind it.
pub(super) fn paged<T: Serialize>(reply: Reply<T>, path: &str, query: &str, meta: Meta) -> Reply<T> {
    let link = meta.next_cursor.as_ref().map(|cursor| {
        let mut pairs = url::form_urlencoded::Serializer::new(String::new());
        pairs.extend_pairs(url::form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != "cursor"));
        format!("<{path}?{}>; rel=\"next\"", pairs.append_pair("cursor", cursor).finish())
    });
    let reply = reply.meta(meta).header(header::CACHE_CONTROL, "private, no-store");
    match link {
        Some(link) => reply.header(header::LINK, &link),
        None => reply,
    }
}
