//! Extra fields of a header (rule 8). None of them is kept; some could change what an entry is.

use super::{code::Code, format::u16_at};

const ZIP64: u16 = 0x0001;
/// PKWARE's Unix field: can hold the target of a link.
const PKWARE_UNIX: u16 = 0x000d;
const STRONG_ENCRYPTION: u16 = 0x0017;
const UNICODE_COMMENT: u16 = 0x6375;
const UNICODE_PATH: u16 = 0x7075;
/// ASi's Unix field: mode, owner and the target of a link.
const ASI_UNIX: u16 = 0x756e;
const AES: u16 = 0x9901;

/// Everything wrong with the extra fields of one header.
pub(super) fn problems(extra: &[u8]) -> Vec<(Code, String)> {
    let mut found = Vec::new();
    let mut ids: Vec<u16> = Vec::new();
    let mut rest = extra;
    while !rest.is_empty() {
        let length = if rest.len() >= 4 { usize::from(u16_at(rest, 2)) } else { usize::MAX };
        let Some(next) = length.checked_add(4).and_then(|end| rest.get(end..)) else {
            found.push((Code::ExtraMalformed, format!("{} bytes left", rest.len())));
            break;
        };
        let id = u16_at(rest, 0);
        let code = match id {
            _ if ids.contains(&id) => Some(Code::ExtraDuplicate),
            ZIP64 => Some(Code::Zip64),
            STRONG_ENCRYPTION | AES => Some(Code::Encrypted),
            UNICODE_COMMENT | UNICODE_PATH => Some(Code::UnicodeExtra),
            PKWARE_UNIX | ASI_UNIX => Some(Code::ExtraForbidden),
            _ => None,
        };
        if let Some(code) = code {
            found.push((code, format!("0x{id:04x}")));
            if code == Code::ExtraDuplicate {
                // One is enough, and the list of ids stays short.
                break;
            }
        }
        ids.push(id);
        rest = next;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(extra: &[u8]) -> Vec<Code> {
        problems(extra).into_iter().map(|(code, _)| code).collect()
    }

    #[test]
    fn fields() {
        assert_eq!(codes(b""), []);
        assert_eq!(codes(b"UT\x05\0\x03abcdux\x00\0"), []);
        assert_eq!(codes(b"UT\x05\0\x03abc"), [Code::ExtraMalformed]);
        assert_eq!(codes(b"\0\0\0"), [Code::ExtraMalformed]);
        assert_eq!(codes(b"ux\0\0ux\0\0"), [Code::ExtraDuplicate]);
        assert_eq!(codes(b"\x01\0\0\0"), [Code::Zip64]);
        assert_eq!(codes(b"up\0\0"), [Code::UnicodeExtra]);
        assert_eq!(codes(b"\x01\x99\0\0nu\0\0"), [Code::Encrypted, Code::ExtraForbidden]);
    }
}
