//! The cursor of a list: the place where its next page begins, opaque to clients.

use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::ledger::list::{Filter, Total};

const VERSION: u8 = 1;
/// Version, mark of the filter, id, total, and whether it was capped.
const BYTES: usize = 1 + 4 + 16 + 2 + 1;

/// A place in the list of one filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub(super) last: Uuid,
    /// Counted once, at the first page.
    pub(super) total: Total,
    pub(super) filter: [u8; 4],
}

/// Not what an earlier page gave out for this filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor of this list; begin again without one")]
pub struct CursorError;

impl Cursor {
    /// Reads a cursor, which must have been given out for the same filter.
    pub fn read(text: &str, filter: &Filter) -> Result<Self, CursorError> {
        let cursor: Self = text.parse()?;
        if cursor.filter == mark(filter) { Ok(cursor) } else { Err(CursorError) }
    }
}

/// Tells filters apart.
pub(super) fn mark(filter: &Filter) -> [u8; 4] {
    let text = serde_json::to_string(filter).unwrap_or_default();
    let hash = Sha256::digest(text);
    [hash[0], hash[1], hash[2], hash[3]]
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = Vec::with_capacity(BYTES);
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.filter);
        bytes.extend_from_slice(self.last.as_bytes());
        bytes.extend_from_slice(&u16::try_from(self.total.count).unwrap_or(u16::MAX).to_be_bytes());
        bytes.push(self.total.capped.into());
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for Cursor {
    type Err = CursorError;
    fn from_str(text: &str) -> Result<Self, CursorError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| CursorError)?;
        let bytes: [u8; BYTES] = bytes.try_into().map_err(|_| CursorError)?;
        let [VERSION, rest @ ..] = bytes else { return Err(CursorError) };
        let (filter, rest) = rest.split_first_chunk::<4>().ok_or(CursorError)?;
        let (last, rest) = rest.split_first_chunk::<16>().ok_or(CursorError)?;
        let [high, low, capped @ (0 | 1)] = *rest else { return Err(CursorError) };
        let total = Total { count: u16::from_be_bytes([high, low]).into(), capped: capped == 1 };
        Ok(Self { last: Uuid::from_bytes(*last), total, filter: *filter })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_text_and_belongs_to_its_filter() {
        let filter = Filter { kind: Some("send_email".into()), ..Filter::default() };
        let total = Total { count: 10_000, capped: true };
        let cursor = Cursor { last: Uuid::now_v7(), total, filter: mark(&filter) };
        let text = cursor.to_string();
        assert_eq!(Cursor::read(&text, &filter), Ok(cursor));
        assert_eq!(Cursor::read(&text, &Filter::default()), Err(CursorError));
    }

    #[test]
    fn anything_else_is_refused() {
        let good = Cursor { last: Uuid::nil(), total: Total { count: 1, capped: false }, filter: [0; 4] }.to_string();
        let newer = format!("Ag{}", &good[2..]);
        for bad in ["", "%", "AAAA", &good[1..], &format!("{good}AA"), &newer] {
            assert_eq!(bad.parse::<Cursor>(), Err(CursorError), "{bad}");
        }
    }
}
