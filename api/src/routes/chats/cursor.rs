//! The cursor of a list of chats: when was written last in the last one of the page, and its id. Opaque to clients.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use domain::ids::ChatId;
use infra::db::chat_lists::Behind;
use uuid::Uuid;

use crate::reply::{Code, Error};

const VERSION: u8 = 1;
/// Version, microseconds, id.
const BYTES: usize = 1 + 8 + 16;
/// The end of the year 9999: later is nothing that a column holds.
const LATEST: i64 = 253_402_300_800_000_000;

pub fn write(behind: Behind) -> String {
    let mut bytes = Vec::with_capacity(BYTES);
    bytes.push(VERSION);
    bytes.extend_from_slice(&behind.active_at.timestamp_micros().to_be_bytes());
    bytes.extend_from_slice(behind.id.0.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

pub fn read(text: &str) -> Result<Behind, Error> {
    parse(text).ok_or_else(|| Error::new(Code::CursorInvalid))
}

fn parse(text: &str) -> Option<Behind> {
    let bytes: [u8; BYTES] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
    let [VERSION, rest @ ..] = bytes else { return None };
    let (micros, id) = rest.split_first_chunk::<8>()?;
    let micros = Some(i64::from_be_bytes(*micros)).filter(|micros| (0..LATEST).contains(micros))?;
    let active_at = DateTime::<Utc>::from_timestamp_micros(micros)?;
    Some(Behind { active_at, id: ChatId(Uuid::from_slice(id).ok()?) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_text_and_nothing_else_is_one() {
        let active_at = DateTime::from_timestamp_micros(1_796_000_000_123_000).unwrap();
        let behind = Behind { active_at, id: ChatId::new() };
        let text = write(behind);
        assert_eq!(parse(&text), Some(behind));
        let far = write(Behind { active_at: DateTime::from_timestamp_micros(LATEST).unwrap(), id: behind.id });
        for bad in ["", "%", "AAAA", &text[1..], &format!("{text}AA"), &format!("Ag{}", &text[2..]), &far] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
