//! Entry names (rule 9): decoded to one clear meaning, composed, and safe on every system they are unpacked on.

use unicode_normalization::{UnicodeNormalization, is_nfc};

use crate::{
    findings::code::Code,
    format::FLAG_UTF8,
    limits::Limits,
    names::{codepage, joiners},
};

/// Systems of the "made by" field (APPNOTE 4.4.2.2) whose programs write names as UTF-8, flag or not.
const UNIX_HOSTS: [u8; 2] = [3, 19];
/// FAT, OS/2, NTFS (Info-ZIP's and PKWARE's number), VFAT: names without the flag are in a DOS code page.
const DOS_HOSTS: [u8; 5] = [0, 6, 10, 11, 14];

/// A name as it will stand in the canonical archive, and what is wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Name {
    /// Composed, with the trailing `/` of a folder. Only for display when there are problems.
    pub text: String,
    pub folder: bool,
    /// The stored form did not say it is UTF-8.
    pub reencoded: bool,
    pub recomposed: bool,
    pub problems: Vec<(Code, Option<String>)>,
}

/// `unicode` is the name in the header's Unicode path, when that belongs to `raw`; it decides where the raw name is in a
/// code page, and [`says`] whether it may.
pub(crate) fn read(raw: &[u8], flags: u16, host: u8, unicode: Option<&str>, limits: &Limits) -> Name {
    let mut name = Name::default();
    if raw.is_empty() {
        name.problems.push((Code::NameEmpty, None));
        return name;
    }
    // Composing can shorten a name, but not to a sixteenth.
    let most = 16 * limits.path;
    if raw.len() > most {
        name.text = String::from_utf8_lossy(&raw[..limits.path]).into_owned();
        name.folder = raw.ends_with(b"/");
        name.problems.push((Code::PathTooLong, Some(format!("{} > {}", raw.len(), limits.path))));
        return name;
    }
    match decode(raw, flags, host, unicode) {
        Ok(text) => name.text = text,
        Err(code) => {
            name.text = String::from_utf8_lossy(raw).into_owned();
            name.folder = raw.ends_with(b"/");
            name.problems.push((code, None));
            return name;
        }
    }
    name.reencoded = !raw.is_ascii() && flags & FLAG_UTF8 == 0;
    name.problems = problems(&name.text, limits);
    if !name.text.is_ascii() && !is_nfc(&name.text) {
        let composed: String = name.text.nfc().collect();
        // A `<` can be composed away, and decomposed characters count towards a length they do not have.
        name.problems.retain(|(code, _)| *code != Code::PathTooLong);
        for problem in problems(&composed, limits) {
            if name.problems.iter().all(|(known, _)| *known != problem.0) {
                name.problems.push(problem);
            }
        }
        name.text = composed;
        name.recomposed = true;
    }
    name.folder = name.text.ends_with('/');
    name
}

fn decode(raw: &[u8], flags: u16, host: u8, unicode: Option<&str>) -> Result<String, Code> {
    let utf8 = std::str::from_utf8(raw).map(str::to_owned);
    if is_utf8(raw, flags, host) {
        return utf8.map_err(|_| Code::NameEncoding);
    }
    if let Some(text) = unicode.filter(|text| says(raw, flags, host, text)) {
        return Ok(text.to_owned());
    }
    if DOS_HOSTS.contains(&host) {
        match utf8 {
            // Some programs of Windows write UTF-8 and do not say so.
            Ok(text) if codepage::is_nonsense(raw) => return Ok(text),
            Ok(_) => {}
            Err(_) => return codepage::decode(raw).ok_or(Code::NameAmbiguous),
        }
    }
    Err(Code::NameAmbiguous)
}

fn is_utf8(raw: &[u8], flags: u16, host: u8) -> bool {
    flags & FLAG_UTF8 != 0 || raw.is_ascii() || UNIX_HOSTS.contains(&host)
}

/// The raw name says this: its own bytes where it is UTF-8, otherwise what one of the DOS code pages reads in it.
pub(crate) fn says(raw: &[u8], flags: u16, host: u8, text: &str) -> bool {
    raw == text.as_bytes() || (!is_utf8(raw, flags, host) && codepage::reads(raw, text))
}

/// Everything wrong with a decoded name. A code is listed once, with the first place it applies to.
fn problems(text: &str, limits: &Limits) -> Vec<(Code, Option<String>)> {
    let mut found: Vec<(Code, Option<String>)> = Vec::new();
    let mut add = |code: Code, detail: Option<String>| {
        if found.iter().all(|(known, _)| *known != code) {
            found.push((code, detail));
        }
    };
    let mut before = None;
    let mut letters = if is_plain(text) { "" } else { text }.chars().peekable();
    while let Some(c) = letters.next() {
        let previous = before.replace(c);
        let code = match c {
            '\u{200c}' | '\u{200d}' if joiners::is_needed(previous, c, letters.peek().copied()) => continue,
            '\\' => Code::NameBackslash,
            ':' | '*' | '?' | '"' | '<' | '>' | '|' => Code::NameForbiddenCharacter,
            '\u{2028}' | '\u{2029}' => Code::NameControlCharacter,
            _ if c.is_control() => Code::NameControlCharacter,
            _ if is_invisible(c) => Code::NameInvisibleCharacter,
            _ if is_private(c) => Code::NameAmbiguous,
            // Fraction and division slashes, reverse solidus operators: what older Windows programs store as / and \\.
            '\u{2044}' | '\u{2215}' | '\u{2216}' | '\u{29f5}' | '\u{29f8}' | '\u{29f9}' => Code::NameLookalike,
            _ => continue,
        };
        add(code, Some(format!("U+{:04X}", u32::from(c))));
    }
    let drive = matches!(text.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic());
    if drive || text.starts_with(['/', '\\']) {
        add(Code::PathAbsolute, None);
    }
    // The slash that makes a folder, and the one that makes a path absolute, are not empty segments.
    let path = text.strip_suffix('/').unwrap_or(text);
    let path = path.strip_prefix('/').unwrap_or(path);
    let units = if text.is_ascii() { text.len() } else { text.encode_utf16().count() };
    if units > limits.path {
        add(Code::PathTooLong, Some(format!("{units} > {}", limits.path)));
    }
    let depth = 1 + path.bytes().filter(|byte| *byte == b'/').count();
    if depth > limits.depth {
        add(Code::PathTooDeep, Some(format!("{depth} > {}", limits.depth)));
    }
    let dots = text.contains("..");
    for segment in path.split('/') {
        if segment.len() > limits.segment {
            add(Code::PathTooLong, Some(format!("{} > {}", segment.len(), limits.segment)));
        }
        // A program that takes the backslash for a separator sees further segments.
        if dots && segment.split('\\').any(|part| part == "..") {
            add(Code::PathTraversal, None);
            continue;
        }
        if matches!(segment, "" | ".") {
            add(Code::PathSegment, None);
            continue;
        }
        if segment.ends_with(|c: char| c == '.' || c.is_whitespace()) {
            add(Code::NameTrailingDotOrSpace, None);
        }
        if is_device(segment) {
            add(Code::NameReserved, Some(segment.chars().take(16).collect()));
        }
        // Some systems fold fullwidth and similar forms to the plain characters when they store a name.
        if !segment.is_ascii() && !segment.contains('\\') {
            let plain: String = segment.nfkc().collect();
            if plain.contains(['/', '\\']) || matches!(plain.as_str(), "." | "..") {
                add(Code::NameLookalike, None);
            }
            if is_device(&plain) {
                add(Code::NameReserved, Some(segment.chars().take(16).collect()));
            }
        }
    }
    found
}

/// Most names: printable ASCII without what Windows forbids. Nothing is wrong with a single letter of it.
fn is_plain(text: &str) -> bool {
    let odd = |byte: u8| {
        !matches!(byte, b' '..=b'~') | matches!(byte, b'\\' | b':' | b'*' | b'?' | b'"' | b'<' | b'>' | b'|')
    };
    // Without a branch for each byte.
    !text.bytes().fold(false, |any, byte| any | odd(byte))
}

/// Characters that show nothing or turn the reading direction. Variation selectors are no part of it: emoji need them.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{2800}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e00ff}' | '\u{e01f0}'..='\u{e0fff}')
}

/// Characters without a meaning of their own. Samba, Cygwin and macOS store those that Windows forbids (`:`, `\`, a dot
/// at the end) as private ones, and turn them back elsewhere.
fn is_private(c: char) -> bool {
    let noncharacter = u32::from(c) & 0xfffe == 0xfffe || ('\u{fdd0}'..='\u{fdef}').contains(&c);
    noncharacter || matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}')
}

/// Names Windows gives to devices, in any folder and with any extension.
fn is_device(segment: &str) -> bool {
    // Few names begin as one of them.
    if !segment.bytes().next().is_some_and(|first| b"acnlpACNLP".contains(&first)) {
        return false;
    }
    let stem = segment.split('.').next().unwrap_or_default().trim_end_matches(' ');
    if !(3..=7).contains(&stem.len()) {
        return false;
    }
    let stem = stem.to_ascii_uppercase();
    if matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$" | "CLOCK$") {
        return true;
    }
    let number = stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT"));
    number.is_some_and(|rest| {
        let mut chars = rest.chars();
        // Windows counts the superscript digits of Latin-1 as digits here.
        matches!((chars.next(), chars.next()), (Some('0'..='9' | '¹' | '²' | '³'), None))
    })
}

/// Adds what two names must not share: compatibility forms and case are folded, joiners and variation selectors dropped.
pub(crate) fn fold_onto(key: &mut String, name: &str) {
    // Most names; there the rest comes to the same.
    if name.is_ascii() {
        let start = key.len();
        key.push_str(name);
        key[start..].make_ascii_lowercase();
    } else {
        key.push_str(&fold_any(name));
    }
}

fn fold_any(name: &str) -> String {
    let folded: String = name
        .nfkc()
        .filter(
            |c| !matches!(c, '\u{34f}' | '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}'),
        )
        // Lower, upper, lower: the way to full case folding with what the standard library has (ẞ and ß to ss).
        .flat_map(char::to_lowercase)
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .collect();
    folded.nfkc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const UTF8: u16 = FLAG_UTF8;

    fn codes(name: &str) -> Vec<Code> {
        problems(name, &Limits::default()).into_iter().map(|(code, _)| code).collect()
    }

    fn name(raw: &[u8], flags: u16, host: u8) -> Name {
        read(raw, flags, host, None, &Limits::default())
    }

    #[test]
    fn ordinary_names_pass() {
        for good in [
            "a.txt",
            "Kapitel 1/Übung ä.pdf",
            "日本/テスト.html",
            "x/",
            "Einführung….pdf",
            "❤\u{fe0f}.png",
            "a (1).jpg",
            "com10.txt",
            "console.log.txt",
            " leading.txt",
            "½ Tasse.txt",
            "[Content_Types].xml",
            "👩\u{200d}🏫 Lehrerin.txt",
            "❤\u{fe0f}\u{200d}🔥.png",
            "می\u{200c}خواهم.txt",
            "क\u{94d}\u{200d}ष.txt",
        ] {
            assert_eq!(codes(good), [], "{good}");
        }
    }

    #[test]
    fn each_trick_has_its_code() {
        for (bad, code) in [
            ("../a.txt", Code::PathTraversal),
            ("a/../../b.txt", Code::PathTraversal),
            ("a\\..\\b.txt", Code::PathTraversal),
            ("/etc/passwd.txt", Code::PathAbsolute),
            ("C:/a.txt", Code::PathAbsolute),
            ("a//b.txt", Code::PathSegment),
            ("./a.txt", Code::PathSegment),
            ("/", Code::PathSegment),
            ("a\\b.txt", Code::NameBackslash),
            ("a?.txt", Code::NameForbiddenCharacter),
            ("a\nb.txt", Code::NameControlCharacter),
            ("a\u{85}b.txt", Code::NameControlCharacter),
            ("a\u{202e}txt.exe", Code::NameInvisibleCharacter),
            ("a\u{200b}.txt", Code::NameInvisibleCharacter),
            ("a\u{200d}b.txt", Code::NameInvisibleCharacter),
            ("👩\u{200d}.txt", Code::NameInvisibleCharacter),
            ("\u{200d}👩.txt", Code::NameInvisibleCharacter),
            ("👩\u{200d}\u{200d}🏫.txt", Code::NameInvisibleCharacter),
            ("👩\u{200c}🏫.txt", Code::NameInvisibleCharacter),
            ("م\u{200c}.txt", Code::NameInvisibleCharacter),
            ("a\u{ff0f}b.txt", Code::NameLookalike),
            ("\u{2025}/b.txt", Code::NameLookalike),
            ("a\u{2215}b.txt", Code::NameLookalike),
            ("a\u{f03a}b.txt", Code::NameAmbiguous),
            ("a\u{1ffff}.txt", Code::NameAmbiguous),
            ("a\u{34f}.txt", Code::NameInvisibleCharacter),
            ("ＡＵＸ.txt", Code::NameReserved),
            ("aux", Code::NameReserved),
            ("x/NUL.txt", Code::NameReserved),
            ("COM¹.txt", Code::NameReserved),
            ("con .txt", Code::NameReserved),
            ("conout$.txt", Code::NameReserved),
            ("LPT3", Code::NameReserved),
            ("a./b.txt", Code::NameTrailingDotOrSpace),
            ("a.txt ", Code::NameTrailingDotOrSpace),
        ] {
            assert!(codes(bad).contains(&code), "{bad}: {:?}", codes(bad));
        }
        assert_eq!(codes(&"x".repeat(241)), [Code::PathTooLong]);
        assert_eq!(codes(&"ü".repeat(128)), [Code::PathTooLong]);
        assert_eq!(codes(&["x"; 17].join("/")), [Code::PathTooDeep]);
    }

    #[test]
    fn what_is_plain_has_no_letter_that_is_wrong() {
        for byte in 0..0x80u8 {
            let wrong = codes(&format!("a{}b", char::from(byte)));
            assert_eq!(is_plain(&char::from(byte).to_string()), wrong.is_empty(), "{byte:02x} {wrong:?}");
        }
        assert!(!is_plain("ä"));
    }

    #[test]
    fn encodings() {
        let mac = name("U\u{308}bung.txt".as_bytes(), 0, 3);
        assert_eq!(mac.text, "Übung.txt");
        assert!(mac.recomposed && mac.reencoded && mac.problems.is_empty());

        // What composing hides is still told, and what it shortens is not too long.
        let hidden = name("a<\u{338}.txt".as_bytes(), UTF8, 3);
        assert_eq!(hidden.problems, [(Code::NameForbiddenCharacter, Some("U+003C".into()))]);
        assert_eq!(name(format!("{}.txt", "u\u{308}".repeat(120)).as_bytes(), UTF8, 3).problems, []);
        assert_eq!(name(&[b'x'; 60_000], UTF8, 3).text.len(), 240);

        let flagged = name("Übung.txt".as_bytes(), UTF8, 0);
        assert!(!flagged.recomposed && !flagged.reencoded && flagged.problems.is_empty());

        let unflagged = name("Übung.txt".as_bytes(), 0, 0);
        assert!(unflagged.text == "Übung.txt" && unflagged.reencoded && unflagged.problems.is_empty());
        let told = read(b"\x9d.txt", 0, 0, Some("Ø.txt"), &Limits::default());
        assert!(told.text == "Ø.txt" && told.reencoded && told.problems.is_empty());
        assert_eq!(read(b"\x9d.txt", 0, 0, Some("x.txt"), &Limits::default()).problems, [(Code::NameAmbiguous, None)]);

        let explorer = name(b"\x9abung.txt", 0, 0);
        assert_eq!(explorer.text, "Übung.txt");
        assert!(explorer.reencoded && explorer.problems.is_empty());

        for (raw, flags, host, code) in [
            (&b"\xff.txt"[..], UTF8, 0, Code::NameEncoding),
            (b"\xdcbung.txt", 0, 3, Code::NameEncoding),
            (b"\xdcbung.txt", 0, 0, Code::NameAmbiguous),
            ("あ.txt".as_bytes(), 0, 0, Code::NameAmbiguous),
            ("Übung.txt".as_bytes(), 0, 7, Code::NameAmbiguous),
            (b"", UTF8, 3, Code::NameEmpty),
        ] {
            let found = name(raw, flags, host).problems;
            assert_eq!(found.iter().map(|(code, _)| *code).collect::<Vec<_>>(), [code], "{raw:?}");
        }
    }

    fn fold(name: &str) -> String {
        let mut key = String::new();
        fold_onto(&mut key, name);
        key
    }

    #[test]
    fn folding() {
        for (a, b) in [
            ("Straße", "STRASSE"),
            ("Straẞe", "strasse"),
            ("ﬁle", "FILE"),
            ("Ａ", "a"),
            ("ΣΑΣ", "σας"),
            ("K", "k"),
            ("❤\u{fe0f}", "❤"),
            ("می\u{200c}خواهم", "میخواهم"),
        ] {
            assert_eq!(fold(a), fold(b), "{a} {b}");
        }
        assert_ne!(fold("a"), fold("ä"));
        let ascii: String = (0..128u8).map(char::from).collect();
        assert_eq!(fold(&ascii), fold_any(&ascii));
    }
}
