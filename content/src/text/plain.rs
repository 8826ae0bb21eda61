//! Bytes to text, and text without its format.

use std::{io, sync::LazyLock};

use encoding_rs::{Encoding, ISO_2022_JP, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use encoding_rs_io::{DecodeReaderBytes, DecodeReaderBytesBuilder};
use regex::bytes::Regex;

use crate::entries::fill;

/// How much of a file tells its encoding, in bytes.
pub const HEAD: u64 = 1 << 20;
/// Where pages and XML documents declare an encoding (HTML, section 13.2.3.2), in bytes.
const DECLARED_WITHIN: usize = 1024;
/// Text comes in pieces of at most this many bytes.
const PIECE: usize = 256 << 10;

static DECLARED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?i-u)(?:<meta[^>]{0,200}charset|<\?xml[^>]{0,100}encoding)\s*=\s*["']?\s*([a-z0-9_:.-]{1,40})"#)
        .expect("a pattern in the source compiles")
});

/// The encoding of a text that begins so: a byte order mark, UTF-8 if it is valid, what the document declares, else
/// Windows-1252, which every sequence of bytes is.
fn encoding(head: &[u8]) -> &'static Encoding {
    if let Some((marked, _)) = Encoding::for_bom(head) {
        return marked;
    }
    match head {
        [b'<', 0, ..] => return UTF_16LE,
        [0, b'<', ..] => return UTF_16BE,
        _ => {}
    }
    let declared = declared(head);
    // Valid UTF-8 is UTF-8 whatever it declares, except where ASCII means something else.
    if declared == Some(ISO_2022_JP) {
        return ISO_2022_JP;
    }
    match std::str::from_utf8(head) {
        Ok(_) => UTF_8,
        // A cap cut a character in half: that is still UTF-8.
        Err(error) if error.error_len().is_none() => UTF_8,
        Err(_) => declared.filter(|declared| *declared != UTF_8).unwrap_or(WINDOWS_1252),
    }
}

fn declared(head: &[u8]) -> Option<&'static Encoding> {
    let start = &head[..head.len().min(DECLARED_WITHIN)];
    let label = DECLARED.captures(start)?;
    Encoding::for_label(&label[1]).map(Encoding::output_encoding)
}

/// Decodes a text file that is in memory as a whole.
pub fn decode(bytes: &[u8]) -> String {
    let (text, _, _) = encoding(bytes).decode(bytes);
    // What a cap cut in half.
    text.trim_end_matches('\u{fffd}').to_owned()
}

/// A text file as UTF-8, read piece by piece. `head`: its first bytes, as many as [`HEAD`].
pub fn utf8<R: io::Read>(source: R, head: &[u8]) -> DecodeReaderBytes<R, Vec<u8>> {
    let mut builder = DecodeReaderBytesBuilder::new();
    builder.encoding(Some(encoding(head))).bom_override(true).strip_bom(true).build(source)
}

/// Hands UTF-8 to `each` in pieces that end between characters; stops when `each` says so.
pub fn pieces(mut source: impl io::Read, each: &mut dyn FnMut(&str) -> bool) -> io::Result<()> {
    let mut buffer = vec![0; PIECE];
    let mut kept = 0;
    loop {
        let read = fill(&mut source, &mut buffer[kept..])?;
        let bytes = &buffer[..kept + read];
        let whole = match std::str::from_utf8(bytes) {
            Ok(text) => text.len(),
            Err(error) => error.valid_up_to(),
        };
        if whole == 0 {
            return Ok(());
        }
        if !each(&String::from_utf8_lossy(&bytes[..whole])) {
            return Ok(());
        }
        kept = bytes.len() - whole;
        buffer.copy_within(whole..whole + kept, 0);
    }
}

/// What is spoken in WebVTT or SubRip subtitles: no times, numbers, notes, styles or tags.
pub fn subtitles(text: &str) -> String {
    let mut spoken = String::new();
    for block in text.replace("\r\n", "\n").split("\n\n") {
        let mut lines = block.lines().filter(|line| !line.trim().is_empty()).peekable();
        let is_comment = lines
            .peek()
            .is_some_and(|first| ["WEBVTT", "NOTE", "STYLE", "REGION"].iter().any(|word| first.starts_with(word)));
        if is_comment && !block.contains("-->") {
            continue;
        }
        // Everything up to the line with the times is an identifier.
        let lines: Vec<&str> = lines.collect();
        let start = lines.iter().position(|line| line.contains("-->")).map_or(0, |times| times + 1);
        for line in &lines[start..] {
            spoken.push_str(&crate::html::text::text(line, crate::html::Syntax::Xml));
            spoken.push('\n');
        }
    }
    spoken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_what_windows_writes() {
        assert_eq!(decode("\u{feff}Größe".as_bytes()), "Größe");
        assert_eq!(decode(b"Gr\xF6\xDFe \x80 \x84x\x93"), "Größe € „x“");
        assert_eq!(decode(b"\xFF\xFEG\0r\0\xF6\0"), "Grö");
        assert_eq!(decode(b"\xFE\xFF\0G\0r\0\xF6"), "Grö");
        assert_eq!(decode(&"Größe".as_bytes()[..3]), "Gr");
        assert_eq!(decode(b""), "");
    }

    #[test]
    fn decodes_what_pages_declare() {
        assert_eq!(decode(b"<meta charset=windows-1251>\xCF\xF0"), "<meta charset=windows-1251>Пр");
        assert_eq!(
            decode(b"<?xml version='1.0' encoding='ISO-8859-2'?>\xB9"),
            "<?xml version='1.0' encoding='ISO-8859-2'?>š"
        );
        assert_eq!(decode("<meta charset=latin1>Größe".as_bytes()), "<meta charset=latin1>Größe");
        assert_eq!(decode(b"<meta charset=utf-8>Gr\xF6\xDFe"), "<meta charset=utf-8>Größe");
        // In this encoding `<!--` may be one letter of two bytes and another half.
        let hidden = decode(b"<meta charset=iso-2022-jp>\x1b$B<!--\x1b(B<script>");
        assert!(hidden.ends_with("<script>") && !hidden.contains("<!--"), "{hidden}");
    }

    #[test]
    fn pieces_are_the_whole() {
        let text = "Größe ".repeat(PIECE / 5);
        let (legacy, _, _) = WINDOWS_1252.encode(&text);
        let marked: Vec<u8> = [0xFF, 0xFE].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
        for bytes in [text.as_bytes(), &legacy, &marked] {
            let mut read = String::new();
            let source = utf8(bytes, &bytes[..bytes.len().min(HEAD as usize)]);
            pieces(source, &mut |piece| {
                read.push_str(piece);
                true
            })
            .unwrap();
            assert_eq!(read.len(), text.len());
            assert!(read == text);
        }
    }

    #[test]
    fn subtitles_are_what_is_spoken() {
        let vtt = "WEBVTT\n\nNOTE nichts\n\nintro\n00:00.000 --> 00:02.000 align:start\n<v Anna>Hallo <i>Welt</i>\nzwei Zeilen\n\n2\n00:03.000 --> 00:04.000\nEnde\n";
        assert_eq!(subtitles(vtt), "Hallo Welt\nzwei Zeilen\nEnde\n");
        let srt = "1\r\n00:00:00,000 --> 00:00:02,000\r\nGuten Tag\r\n\r\n2\r\n00:00:03,000 --> 00:00:04,000\r\n2001 war gut\r\n";
        assert_eq!(subtitles(srt), "Guten Tag\n2001 war gut\n");
    }
}
