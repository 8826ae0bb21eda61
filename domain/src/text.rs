//! Rules for text people type: lengths are counted in characters, and characters that change how their
//! neighbours are shown are refused.

use unicode_normalization::UnicodeNormalization;

/// Why a text is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    #[error("the text is empty")]
    Empty,
    #[error("the text has {have} characters; at most {most} are allowed")]
    TooLong { have: usize, most: usize },
    #[error("the text contains a control or direction-changing character")]
    Character,
}

/// True for characters that have no place in titles, names and descriptions: controls (other than line breaks and
/// tabs), bidirectional overrides and isolates, zero-width spaces and the byte order mark.
pub fn is_unfit(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
        || matches!(c, '\u{200B}' | '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}

/// One line: trimmed, inner white space folded to single spaces, 1 to `most` characters.
pub fn line(text: &str, most: usize) -> Result<String, TextError> {
    let folded = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if folded.is_empty() {
        return Err(TextError::Empty);
    }
    bounded(folded, most)
}

/// Several lines: trimmed, line ends as `\n`, 0 to `most` characters.
pub fn paragraphs(text: &str, most: usize) -> Result<String, TextError> {
    bounded(text.trim().replace("\r\n", "\n"), most)
}

fn bounded(text: String, most: usize) -> Result<String, TextError> {
    if text.chars().any(is_unfit) {
        return Err(TextError::Character);
    }
    let have = text.chars().count();
    if have > most { Err(TextError::TooLong { have, most }) } else { Ok(text) }
}

/// Endings that mail programs and chats turn into links without being asked.
const ENDINGS: &str = " ai app at be biz cc ch cl click cn co com de dev es eu fr gg info io it link live ly me mobi net nl online \
                       org page pl ru shop site store su tk to top tv uk us vip web xn xyz ";

/// True when the text has something that a reader could follow: `http`, `www.`, a domain before a path, or one with a common
/// ending. Abbreviations (`Dr.Ada`, `B.Sc.`) are none.
pub fn has_link(text: &str) -> bool {
    let text = text.nfkc().collect::<String>().to_lowercase();
    let apart = |c: char| c.is_whitespace() || "()[]<>{},;|\"'„“”".contains(c);
    text.contains("http") || text.contains("://") || text.contains("www.") || text.split(apart).any(is_address)
}

/// `name.tld`, alone, after an `@`, or before `/`, `:`, `?` or `#`.
fn is_address(word: &str) -> bool {
    let word = word.rsplit('@').next().unwrap_or_default();
    let host = word.split(['/', ':', '?', '#']).next().unwrap_or_default();
    let goes_on = host.len() + 1 < word.len();
    let Some((name, ending)) = host.trim_matches(['.', '!', '-', '_']).rsplit_once('.') else { return false };
    let is_ending = ending.chars().count() >= 2 && ending.chars().all(|c| c.is_alphanumeric() || c == '-');
    let is_common = ending.starts_with("xn--") || ENDINGS.contains(&format!(" {ending} "));
    !name.is_empty() && is_ending && (goes_on || is_common)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_folded_and_counted_in_characters() {
        assert_eq!(line("  Excel \t für\nAnfänger ", 20).as_deref(), Ok("Excel für Anfänger"));
        assert_eq!(line(" \n ", 20), Err(TextError::Empty));
        assert_eq!(line("äöü", 2), Err(TextError::TooLong { have: 3, most: 2 }));
    }

    #[test]
    fn direction_tricks_are_refused() {
        assert_eq!(line("abc\u{202E}gpj.exe", 100), Err(TextError::Character));
        assert_eq!(paragraphs("a\u{0000}b", 100), Err(TextError::Character));
        assert_eq!(paragraphs("a\r\nb\t", 100).as_deref(), Ok("a\nb"));
        // Joiners inside emoji and Indic scripts carry meaning.
        assert!(line("👩\u{200D}💻 Code", 100).is_ok());
    }

    #[test]
    fn what_can_be_followed_is_a_link() {
        for link in [
            "Visit HTTPS://evil.example now",
            "hxxp http evil",
            "www.evil.example",
            "Ada evil.example/win",
            "evil.com",
            "Ada (evil.com)",
            "ｅｖｉｌ．ｃｏｍ",
            "win@evil.de",
            "evil.example:8080",
            "get.rich.xyz!",
        ] {
            assert!(has_link(link), "{link}");
        }
        for name in [
            "Ada",
            "Dr.Ada Lovelace",
            "J. R. R. Tolkien",
            "Ada B.Sc.",
            "Ada/Grace",
            "St.Pauli",
            "O'Neil: 3.5",
            "A.-M. .",
        ] {
            assert!(!has_link(name), "{name}");
        }
    }
}
