//! Archives around the fuzzer's bytes.

/// Every type that may be in an upload, documents twice as often.
pub const EXTENSIONS: [&str; 40] = [
    "docx", "xlsx", "pptx", "odt", "ods", "odp", "epub", "pdf", "txt", "md", "html", "htm", "css", "json", "csv",
    "vtt", "srt", "png", "jpg", "jpeg", "webp", "gif", "svg", "mp4", "webm", "mp3", "m4a", "ogg", "wav", "woff2", "js",
    "wasm", "bin", "xml", "xsd", "dtd", "woff", "ttf", "otf", "eot",
];

/// A stored file of each name, with equal headers. `how`: bit 0 the UTF-8 flag, bit 1 made on DOS, bit 2 on macOS.
pub(crate) fn named<'a>(how: u8, names: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let host: u16 = if how & 2 != 0 {
        0
    } else if how & 4 != 0 {
        19
    } else {
        3
    };
    let (mut out, mut directory, mut count) = (Vec::new(), Vec::new(), 0u16);
    for name in names {
        let name = &name[..name.len().min(4_000)];
        let content: &[u8] = if name.ends_with(b"/") { b"" } else { b"text" };
        let mut common = Vec::new();
        // Flags, method, time, date.
        for field in [u16::from(how & 1) << 11, 0, 0, 0x21] {
            common.extend(field.to_le_bytes());
        }
        for field in [crc32fast::hash(content), content.len() as u32, content.len() as u32] {
            common.extend(field.to_le_bytes());
        }
        common.extend((name.len() as u16).to_le_bytes());
        common.extend([0, 0]);
        directory.extend(b"PK\x01\x02");
        directory.extend(((host << 8) | 20).to_le_bytes());
        directory.extend(20u16.to_le_bytes());
        directory.extend(&common);
        // Comment, disk, internal and external attributes.
        directory.extend([0; 10]);
        directory.extend((out.len() as u32).to_le_bytes());
        directory.extend(name);
        out.extend(b"PK\x03\x04");
        out.extend(20u16.to_le_bytes());
        out.extend(&common);
        out.extend(name);
        out.extend(content);
        count += 1;
    }
    let start = out.len() as u32;
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    for field in [count, count] {
        out.extend(field.to_le_bytes());
    }
    out.extend((directory.len() as u32).to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0, 0]);
    out
}
