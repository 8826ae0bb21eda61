//! Lists by cursor: the limit they take, and what they say of themselves.

use http::header;
use serde::Serialize;

use crate::{
    reply::{Meta, Reply},
    request::fields::{Fields, whole},
};

/// `limit` of a list by cursor.
pub(in crate::routes::admin) fn limit(fields: &mut Fields) -> u32 {
    fields.optional("limit", whole(1, 100)).and_then(|limit| u32::try_from(limit).ok()).unwrap_or(20)
}

/// What an answer says about its place in a list by cursor.
pub(in crate::routes::admin) fn paged<T: Serialize>(reply: Reply<T>, meta: Meta) -> Reply<T> {
    reply.meta(meta).header(header::CACHE_CONTROL, "private, no-store")
}
