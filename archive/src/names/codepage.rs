//! The DOS code pages in which old Windows programs store names: 437 (the ZIP specification's default) and 850
//! (western Europe, what a German Windows uses).

/// Code page 437, bytes 0x80 to 0xFF.
const CP437: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";

/// Code page 850, bytes 0x80 to 0xFF.
const CP850: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u{ad}±‗¾¶§÷¸°¨·¹³²■\u{a0}";

/// The text, when both code pages agree on it and it consists of letters a person would type.
/// A name that is also valid UTF-8 is for the caller to refuse.
pub(crate) fn decode(raw: &[u8]) -> Option<String> {
    raw.iter()
        .map(|&byte| match byte {
            0..=0x7f => Some(byte as char),
            _ => {
                let at = usize::from(byte - 0x80);
                let c = CP437.chars().nth(at)?;
                let same = CP850.chars().nth(at) == Some(c);
                // Box drawing and the like are what Latin-1 or Chinese names look like in a DOS code page.
                (same && (c.is_alphabetic() || "¿¡«»£°".contains(c))).then_some(c)
            }
        })
        .collect()
}

/// The text is what one of the two code pages reads in these bytes, from the first to the last.
pub(crate) fn reads(raw: &[u8], text: &str) -> bool {
    [CP437, CP850].iter().any(|page| {
        let mut letters = text.chars();
        raw.iter().all(|&byte| letters.next() == letter(page, byte)) && letters.next().is_none()
    })
}

/// Either code page reads box drawing, mathematics or a character nobody sees in these bytes: no name of a person's, so
/// they are not in a DOS code page.
pub(crate) fn is_nonsense(raw: &[u8]) -> bool {
    let odd = |c: char| {
        matches!(
            c,
            '\u{2500}'
                ..='\u{259f}'
                    | '⌐'
                    | '¬'
                    | '≡'
                    | '±'
                    | '≥'
                    | '≤'
                    | '⌠'
                    | '⌡'
                    | '÷'
                    | '≈'
                    | '®'
                    | '©'
                    | '¤'
                    | '¦'
                    | '‗'
                    | '\u{ad}'
        )
    };
    [CP437, CP850].iter().all(|page| raw.iter().any(|&byte| letter(page, byte).is_some_and(odd)))
}

fn letter(page: &str, byte: u8) -> Option<char> {
    match byte {
        0..=0x7f => Some(byte as char),
        _ => page.chars().nth(usize::from(byte - 0x80)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_complete() {
        assert_eq!(CP437.chars().count(), 128);
        assert_eq!(CP850.chars().count(), 128);
        // Known positions, from the Unicode consortium's mapping tables.
        for (byte, c) in [(0x81, 'ü'), (0x84, 'ä'), (0x94, 'ö'), (0x8e, 'Ä'), (0x99, 'Ö'), (0x9a, 'Ü'), (0xe1, 'ß')]
        {
            assert_eq!(CP437.chars().nth(byte - 0x80), Some(c));
            assert_eq!(CP850.chars().nth(byte - 0x80), Some(c));
        }
        for (byte, old, western) in [(0x9b, '¢', 'ø'), (0xb5, '╡', 'Á'), (0xd0, '╨', 'ð'), (0xfc, 'ⁿ', '³')]
        {
            assert_eq!(CP437.chars().nth(byte - 0x80), Some(old));
            assert_eq!(CP850.chars().nth(byte - 0x80), Some(western));
        }
    }

    #[test]
    fn utf_8_is_mostly_nonsense_in_a_dos_code_page() {
        for clear in ["Übung", "Größe", "é", "Привет", "שלום", "🎓"] {
            assert!(is_nonsense(clear.as_bytes()), "{clear}");
        }
        for unclear in ["あ", "€"] {
            assert!(!is_nonsense(unclear.as_bytes()), "{unclear}");
        }
        assert!(!is_nonsense(b"\x9abung") && !is_nonsense(b"plain"));
    }

    #[test]
    fn umlauts_are_clear_and_latin_1_is_not() {
        assert_eq!(decode(b"\x9abung \x84\x94\x81\xe1.txt").as_deref(), Some("Übung äöüß.txt"));
        // ä, ö, ü and Ü of Windows-1252 would be something else in a DOS code page.
        for byte in [0xe4u8, 0xf6, 0xfc, 0xdc] {
            assert_eq!(decode(&[b'x', byte]), None, "{byte:x}");
        }
    }
}
