//! Extra fields of a header (rules 3 and 8). None of them is kept; some could change what an entry is.

use crate::{
    findings::code::Code,
    format::{CentralHeader, u16_at, u32_at, u64_at},
    names::name,
};

const ZIP64: u16 = 0x0001;
/// Info-ZIP's Unicode path, which programs for one code page write beside the name in it (APPNOTE 4.6.9).
const UNICODE_PATH: u16 = 0x7075;
/// Names and comments besides the header's own: Info-ZIP's comment, Xceed's Unicode names, the file name ZipIt keeps for
/// a Macintosh, and the code pages of PKWARE and ALZip, which change how the name reads.
const SECOND_NAMES: [u16; 6] = [0x6375, 0x554e, 0x2605, 0x2705, 0x0008, 0xe57a];
/// Certificates of encrypted archives, strong encryption, recipients, Smartcrypt's keys, and AES of WinZip.
const ENCRYPTION: [u16; 8] = [0x0014, 0x0015, 0x0016, 0x0017, 0x0019, 0x0022, 0x0023, 0x9901];
/// What can make something else of a file: PKWARE's and ASi's Unix fields hold the target of a link, 0x000e announces
/// forks, 0x000f a patch, and libarchive takes file mode and comment of its own field when it reads from a pipe.
const CHANGING: [u16; 5] = [0x000d, 0x756e, 0x000e, 0x000f, 0x6c78];

/// Which of an entry's two headers the fields belong to, and what those that repeat its other statements must say.
pub(crate) struct Around<'a> {
    pub local: bool,
    /// The numbers and flags of the directory: the local ones are held to them anyway.
    pub header: &'a CentralHeader,
    pub raw_name: &'a [u8],
    /// The Unicode path of the directory's header, when it has one.
    pub unicode: Option<&'a str>,
}

/// Everything wrong with the extra fields of one header.
pub(crate) fn problems(extra: &[u8], around: &Around<'_>) -> Vec<(Code, String)> {
    let mut found = Vec::new();
    let mut rest = extra;
    if rest.is_empty() {
        return found;
    }
    // One bit for each id: 64 KiB of empty fields must not be compared with each other.
    let mut met = [0u64; 1024];
    while !rest.is_empty() {
        let Some((id, data, next)) = first(rest) else {
            found.push((Code::ExtraMalformed, format!("{} bytes left", rest.len())));
            break;
        };
        let code = match id {
            _ if met[usize::from(id >> 6)] & (1 << (id & 63)) != 0 => Some(Code::ExtraDuplicate),
            ZIP64 => (!repeats_sizes(data, around)).then_some(Code::Zip64),
            UNICODE_PATH => (!repeats_name(data, around)).then_some(Code::UnicodeExtra),
            _ if ENCRYPTION.contains(&id) => Some(Code::Encrypted),
            _ if SECOND_NAMES.contains(&id) => Some(Code::UnicodeExtra),
            _ if CHANGING.contains(&id) => Some(Code::ExtraForbidden),
            _ => (!has_its_length(id, data)).then_some(Code::ExtraMalformed),
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

/// The name in the first Unicode path field, when it belongs to this raw name: version 1, its check sum fits, UTF-8.
pub(crate) fn unicode_path<'a>(extra: &'a [u8], raw_name: &[u8]) -> Option<&'a str> {
    let mut rest = extra;
    while let Some((id, data, next)) = first(rest) {
        if id == UNICODE_PATH {
            return path_of(data, raw_name);
        }
        rest = next;
    }
    None
}

/// Id, content and what follows, when the whole field is there.
fn first(rest: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    if rest.len() < 4 {
        return None;
    }
    let end = 4 + usize::from(u16_at(rest, 2));
    Some((u16_at(rest, 0), rest.get(4..end)?, &rest[end..]))
}

fn path_of<'a>(data: &'a [u8], raw_name: &[u8]) -> Option<&'a str> {
    let (start, name) = data.split_at_checked(5)?;
    let ours = start[0] == 1 && u32_at(start, 1) == crc32fast::hash(raw_name);
    if ours { std::str::from_utf8(name).ok() } else { None }
}

/// A Unicode path that is the header's own name, so that whoever ignores it and whoever follows it read the same.
fn repeats_name(data: &[u8], around: &Around<'_>) -> bool {
    let Some(path) = path_of(data, around.raw_name) else {
        return false;
    };
    match around.unicode {
        Some(known) => known == path,
        None => name::says(around.raw_name, around.header.flags, around.header.host(), path),
    }
}

/// A ZIP64 field that nothing asks for and that says what the 32-bit fields say (APPNOTE 4.5.3): a program that reads
/// it regardless learns nothing else. Behind a descriptor's flag it would double the descriptor's width for some.
fn repeats_sizes(data: &[u8], around: &Around<'_>) -> bool {
    let header = around.header;
    let numbers = [header.size, header.compressed, header.offset];
    // In front of the content both sizes are mandatory; the directory may have more or less.
    let complete = if around.local { data.len() == 16 } else { matches!(data.len(), 8 | 16 | 24 | 28) };
    complete
        && !header.has_descriptor()
        && !numbers.contains(&u32::MAX)
        && numbers.iter().zip(data.as_chunks::<8>().0).all(|(&number, field)| u64_at(field, 0) == u64::from(number))
        && data.get(24..28).is_none_or(|disk| u32_at(disk, 0) == 0)
}

/// The fields that usual programs write have lengths they can have; libarchive gives up an archive over some that do not.
fn has_its_length(id: u16, data: &[u8]) -> bool {
    let length = data.len();
    match id {
        // Info-ZIP's times: flags, then up to three of four bytes. The directory may leave out all but the first.
        0x5455 => {
            let Some(&flags) = data.first() else {
                return false;
            };
            let most = 1 + 4 * (flags & 0b111).count_ones() as usize;
            length % 4 == 1 && length <= most && (flags & 1 == 0 || length >= 5)
        }
        // Info-ZIP's older Unix fields: times, with or without owner; owner.
        0x5855 => matches!(length, 8 | 12),
        0x7855 => matches!(length, 0 | 4),
        // Its newer one: version, then user and group, each behind its width.
        0x7875 => {
            let user = data.get(1).map(|&width| usize::from(width));
            let group = user.and_then(|user| data.get(2 + user)).map(|&width| usize::from(width));
            length == 0 || user.zip(group).is_some_and(|(user, group)| length == 3 + user + group)
        }
        // Times of NTFS: four unused bytes, then fields with a length of their own.
        0x000a => {
            let Some(mut rest) = data.get(4..) else {
                return false;
            };
            while let Some((_, _, next)) = first(rest) {
                rest = next;
            }
            rest.is_empty()
        }
        // The mark of Java's archives.
        0xcafe => length == 0,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{FLAG_DESCRIPTOR, FLAG_UTF8};

    fn header() -> CentralHeader {
        CentralHeader { size: 7, compressed: 5, offset: 3, ..CentralHeader::default() }
    }

    fn around<'a>(local: bool, header: &'a CentralHeader, raw_name: &'a [u8]) -> Around<'a> {
        Around { local, header, raw_name, unicode: None }
    }

    fn codes(extra: &[u8]) -> Vec<Code> {
        problems(extra, &around(false, &header(), b"a")).into_iter().map(|(code, _)| code).collect()
    }

    fn field(id: u16, data: &[u8]) -> Vec<u8> {
        [&id.to_le_bytes()[..], &(data.len() as u16).to_le_bytes(), data].concat()
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
    fn known_fields_have_their_lengths() {
        for (id, data, good) in [
            (0x5455, &b"\x07aaaabbbbcccc"[..], true),
            (0x5455, b"\x07aaaa", true),
            (0x5455, b"\x06aaaabbbb", true),
            (0x5455, b"\x00", true),
            (0x5455, b"", false),
            (0x5455, b"\x01", false),
            (0x5455, b"\x01aaaabbbb", false),
            (0x5455, b"\x03aaaabb", false),
            (0x7875, b"\x01\x04aaaa\x04bbbb", true),
            (0x7875, b"\x01\x04aaaa\x04bbb", false),
            (0x7875, b"\x01", false),
            (0x5855, b"12345678", true),
            (0x5855, b"1234567", false),
            (0x000a, b"\0\0\0\0\x01\0\x02\0ab", true),
            (0x000a, b"\0\0\0\0\x01\0\x03\0ab", false),
            (0xcafe, b"", true),
            (0xcafe, b"x", false),
            (0x4242, b"whatever", true),
        ] {
            assert_eq!(codes(&field(id, data)).is_empty(), good, "{id:04x} {data:?}");
        }
    }

    #[test]
    fn zip64_may_only_repeat() {
        let say = |numbers: &[u64]| numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>();
        let good = |local: bool, header: &CentralHeader, data: &[u8]| {
            problems(&field(ZIP64, data), &around(local, header, b"a")).is_empty()
        };
        let plain = header();
        assert!(good(true, &plain, &say(&[7, 5])));
        assert!(good(false, &plain, &say(&[7])) && good(false, &plain, &say(&[7, 5, 3])));
        assert!(good(false, &plain, &[say(&[7, 5, 3]), vec![0; 4]].concat()));
        assert!(!good(false, &plain, &[say(&[7, 5, 3]), vec![1, 0, 0, 0]].concat()));
        for numbers in [&[5, 7][..], &[7 | 1 << 32, 5], &[7, 5 | 1 << 63], &[0, 0], &[7], &[7, 5, 3]] {
            assert!(!good(true, &plain, &say(numbers)), "{numbers:?}");
        }
        assert!(!good(false, &plain, &say(&[7, 5, 4])));
        assert!(!good(true, &CentralHeader { flags: FLAG_DESCRIPTOR, ..plain }, &say(&[7, 5])));
        let marked = CentralHeader { offset: u32::MAX, ..plain };
        assert!(!good(false, &marked, &say(&[7, 5, u64::from(u32::MAX)])));
    }

    #[test]
    fn a_unicode_path_may_only_repeat() {
        let field = |version: u8, raw: &[u8], name: &[u8]| {
            field(UNICODE_PATH, &[&[version][..], &crc32fast::hash(raw).to_le_bytes(), name].concat())
        };
        let with = |flags: u16, raw: &[u8], extra: &[u8], unicode: Option<&str>| {
            let header = CentralHeader { flags, ..header() };
            problems(extra, &Around { local: false, header: &header, raw_name: raw, unicode }).is_empty()
        };
        let umlaut = "ü.txt".as_bytes();
        assert!(with(FLAG_UTF8, umlaut, &field(1, umlaut, umlaut), None));
        assert!(with(0, b"\x81.txt", &field(1, b"\x81.txt", umlaut), None));
        assert!(with(0, b"a.txt", &field(1, b"a.txt", b"a.txt"), None));
        // 0x9d is a yen sign in one code page and an O with stroke in the other; each is one of the two readings.
        assert!(with(0, b"\x9d", &field(1, b"\x9d", "¥".as_bytes()), None));
        assert!(with(0, b"\x9d", &field(1, b"\x9d", "Ø".as_bytes()), None));
        assert!(!with(0, b"\x9d", &field(1, b"\x9d", "Ø".as_bytes()), Some("¥")));
        assert!(!with(0, b"\x9d\x9b", &field(1, b"\x9d\x9b", "Ø¢".as_bytes()), None), "a letter of each");
        assert!(!with(FLAG_UTF8, umlaut, &field(2, umlaut, umlaut), None));
        assert!(!with(FLAG_UTF8, umlaut, &field(1, b"x", umlaut), None));
        assert!(!with(FLAG_UTF8, umlaut, &field(1, umlaut, b"u.txt"), None));
        assert!(!with(0, b"\x81.txt", &field(1, b"\x81.txt", "ä.txt".as_bytes()), None));
        assert!(!with(0, b"__.txt", &field(1, b"__.txt", "日本.txt".as_bytes()), None));
        assert!(!with(FLAG_UTF8, umlaut, &field(1, umlaut, b"\xff"), None));
        assert_eq!(unicode_path(&field(1, b"\x81", umlaut), b"\x81"), Some("ü.txt"));
        assert_eq!(unicode_path(&field(1, b"\x81", umlaut), b"\x82"), None);
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
