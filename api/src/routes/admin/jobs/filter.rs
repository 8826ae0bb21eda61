//! The filter of jobs, in a query and in a body.

use jobs::QUEUES;
use queue::{
    Queue,
    ledger::list::{Filter, Fingerprint},
};
use uuid::Uuid;

use crate::{
    reply::Issue,
    request::fields::{self, Fields, Raw, instant, parsed},
};

/// How an id looks.
const ID: &str = "01930000-0000-7000-8000-000000000001";

/// Reads a filter from a query or a body.
pub(super) fn filter(fields: &mut Fields) -> Filter {
    Filter {
        states: fields.optional("state", fields::words).unwrap_or_default(),
        kind: fields.optional("kind", kind),
        queue: fields.optional("queue", queue).map(str::to_owned),
        tenant: fields.optional("tenant", tenant),
        reference: fields.optional("reference", reference),
        fingerprint: fields.optional("fingerprint", fingerprint),
        since: fields.optional("since", instant),
        until: fields.optional("until", instant),
        ids: Vec::new(),
    }
}

pub(super) fn kind(raw: Raw) -> Result<String, Issue> {
    let like = "send_email";
    let name = fields::name(48, like)(raw)?;
    let fits = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if fits { Ok(name.into()) } else { Err(Issue::Format(like)) }
}

pub(super) fn queue(raw: Raw) -> Result<&'static str, Issue> {
    let text = fields::text(raw)?;
    QUEUES.parse(&text).map(Queue::as_str).map_err(|error| Issue::NoSuch(error.to_string()))
}

fn tenant(raw: Raw) -> Result<Uuid, Issue> {
    let text = fields::text(raw)?;
    if text == "system" {
        return Ok(Uuid::nil());
    }
    text.parse().map_err(|_| Issue::Format(ID))
}

fn reference(raw: Raw) -> Result<(String, Uuid), Issue> {
    let like = Issue::Format("nano:01930000-0000-7000-8000-000000000001");
    let text = fields::text(raw)?;
    let Some((kind, id)) = text.split_once(':') else { return Err(like) };
    match id.parse() {
        Ok(id) if ["nano", "version", "upload", "user"].contains(&kind) => Ok((kind.to_owned(), id)),
        _ => Err(like),
    }
}

pub(super) fn fingerprint(raw: Raw) -> Result<Fingerprint, Issue> {
    parsed("0123456789abcdef0123456789abcdef")(raw)
}
