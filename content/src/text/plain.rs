//! Bytes to text, and text without its format.

/// Decodes a text file: UTF-8, UTF-16 with a byte order mark, else Windows-1252, which every byte sequence is.
pub fn decode(bytes: &[u8]) -> String {
    match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            // A cap cut a character in half: that is still UTF-8.
            Err(error) if error.error_len().is_none() => {
                String::from_utf8_lossy(&bytes[..error.valid_up_to()]).into_owned()
            }
            Err(_) => bytes.iter().map(|byte| windows_1252(*byte)).collect(),
        },
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    char::decode_utf16(units).map(|char| char.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

fn windows_1252(byte: u8) -> char {
    // What Latin-1 leaves to control characters.
    const UPPER: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘',
        '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9F => UPPER[usize::from(byte) - 0x80],
        _ => char::from(byte),
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
    fn subtitles_are_what_is_spoken() {
        let vtt = "WEBVTT\n\nNOTE nichts\n\nintro\n00:00.000 --> 00:02.000 align:start\n<v Anna>Hallo <i>Welt</i>\nzwei Zeilen\n\n2\n00:03.000 --> 00:04.000\nEnde\n";
        assert_eq!(subtitles(vtt), "Hallo Welt\nzwei Zeilen\nEnde\n");
        let srt = "1\r\n00:00:00,000 --> 00:00:02,000\r\nGuten Tag\r\n\r\n2\r\n00:00:03,000 --> 00:00:04,000\r\n2001 war gut\r\n";
        assert_eq!(subtitles(srt), "Guten Tag\n2001 war gut\n");
    }
}
