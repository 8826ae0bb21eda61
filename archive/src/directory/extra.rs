//! Extra fields of a header (rule 8). None of them is kept; some could change what an entry is.

use crate::{findings::code::Code, format::u16_at};

const ZIP64: u16 = 0x0001;
/// Names and comments besides the header's own: Info-ZIP's comment and path, Xceed's Unicode names, the file name ZipIt
/// keeps for a Macintosh, and the code pages of PKWARE and ALZip, which change how the name reads.
const SECOND_NAMES: [u16; 7] = [0x6375, 0x7075, 0x554e, 0x2605, 0x2705, 0x0008, 0xe57a];
/// Certificates of encrypted archives, strong encryption, recipients, Smartcrypt's keys, and AES of WinZip.
const ENCRYPTION: [u16; 8] = [0x0014, 0x0015, 0x0016, 0x0017, 0x0019, 0x0022, 0x0023, 0x9901];
/// What can make something else of a file: PKWARE's and ASi's Unix fields hold the target of a link, 0x000e announces
/// forks, 0x000f a patch, and libarchive takes file mode and comment of its own field when it reads from a pipe.
const CHANGING: [u16; 5] = [0x000d, 0x756e, 0x000e, 0x000f, 0x6c78];

/// Everything wrong with the extra fields of one header.
pub(crate) fn problems(extra: &[u8]) -> Vec<(Code, String)> {
    let mut found = Vec::new();
    let mut rest = extra;
    if rest.is_empty() {
        return found;
    }
    // One bit for each id: 64 KiB of empty fields must not be compared with each other.
    let mut met = [0u64; 1024];
    while !rest.is_empty() {
        let length = if rest.len() >= 4 { usize::from(u16_at(rest, 2)) } else { usize::MAX };
        let Some(next) = length.checked_add(4).and_then(|end| rest.get(end..)) else {
            found.push((Code::ExtraMalformed, format!("{} bytes left", rest.len())));
            break;
        };
        let id = u16_at(rest, 0);
        let code = match id {
            _ if met[usize::from(id >> 6)] & (1 << (id & 63)) != 0 => Some(Code::ExtraDuplicate),
            ZIP64 => Some(Code::Zip64),
            _ if ENCRYPTION.contains(&id) => Some(Code::Encrypted),
            _ if SECOND_NAMES.contains(&id) => Some(Code::UnicodeExtra),
            _ if CHANGING.contains(&id) => Some(Code::ExtraForbidden),
            _ => None,
        };
        if let Some(code) = code {
            found.push((code, format!("0x{id:04x}")));
            if code == Code::ExtraDuplicate {
                // One is enough.
                break;
            }
        }
        met[usize::from(id >> 6)] |= 1 << (id & 63);
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

    #[test]
    fn thousands_of_fields_are_told_apart() {
        let field = |id: u16| [id.to_le_bytes(), [0, 0]].concat();
        // Above every id that is refused.
        let mut many: Vec<u8> = (0xea60..=0xffffu16).flat_map(field).collect();
        assert_eq!(codes(&many), []);
        many.extend(field(0xffff));
        assert_eq!(codes(&many), [Code::ExtraDuplicate]);
    }
}
