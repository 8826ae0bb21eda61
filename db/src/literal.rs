//! Values written into the text of a statement.
//!
//! The statements of the hot path cover hundreds of rows and change their length each time. As text they take one
//! round trip, and two of them can share it; as prepared statements each new length would cost a round trip to
//! prepare and a place in the cache. Everything goes in as a hexadecimal literal, so nothing can break out of it.

use uuid::Uuid;

/// `x'…'`: binary.
pub fn binary(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2 + 3);
    text.push_str("x'");
    push_hex(&mut text, bytes);
    text.push('\'');
    text
}

/// An id, of whichever type.
pub fn uuid(id: impl Into<Uuid>) -> String {
    binary(id.into().as_bytes())
}

/// `_utf8mb4 x'…'`: text.
pub fn text(value: &str) -> String {
    let mut text = String::with_capacity(value.len() * 2 + 12);
    text.push_str("_utf8mb4 x'");
    push_hex(&mut text, value.as_bytes());
    text.push('\'');
    text
}

/// `x'…',x'…'` of ids, which must not be none.
pub fn ids<T: Copy + Into<Uuid>>(ids: &[T]) -> String {
    let mut list = String::with_capacity(ids.len() * 36);
    for &id in ids {
        if !list.is_empty() {
            list.push(',');
        }
        list.push_str(&uuid(id));
    }
    list
}

fn push_hex(text: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_breaks_out_of_a_literal() {
        assert_eq!(text("a'; DROP"), "_utf8mb4 x'61273b2044524f50'");
        assert_eq!(binary(&[]), "x''");
        assert_eq!(ids(&[Uuid::nil(), Uuid::max()]).len(), 2 * 35 + 1);
    }
}
