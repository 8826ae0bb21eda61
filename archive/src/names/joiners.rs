//! The zero-width joiner and non-joiner where a script or an emoji needs them (rule 9); elsewhere they only hide.

/// The joiner `c` stands between two characters that it changes the look of: parts of one emoji, or letters of one
/// script that joins its letters.
pub(crate) fn is_needed(before: Option<char>, c: char, after: Option<char>) -> bool {
    let (Some(before), Some(after)) = (before, after) else {
        return false;
    };
    let emoji = c == '\u{200d}' && (is_emoji(before) || before == '\u{fe0f}') && is_emoji(after);
    emoji || script(before).is_some_and(|found| script(after) == Some(found))
}

/// The symbols that sequences with joiners are made of, and the skin tones between them (UTS #51, emoji-zwj-sequences).
fn is_emoji(c: char) -> bool {
    matches!(c, '\u{2194}'..='\u{2199}' | '\u{2600}'..='\u{27bf}' | '\u{2b00}'..='\u{2bff}' | '\u{1f300}'..='\u{1faff}')
}

/// Scripts whose letters join, or whose conjuncts depend on joiners (RFC 5892, appendix A): by the first character of
/// their block. Digits and punctuation of these blocks need none.
fn script(c: char) -> Option<char> {
    if !(c.is_alphabetic() || is_mark(c)) {
        return None;
    }
    Some(match c {
        // Arabic with its supplements, Syriac.
        '\u{600}'..='\u{6ff}' | '\u{750}'..='\u{77f}' | '\u{870}'..='\u{8ff}' => '\u{600}',
        '\u{700}'..='\u{74f}' => '\u{700}',
        // Devanagari to Sinhala, each block of 128.
        '\u{900}'..='\u{dff}' => char::from_u32(u32::from(c) & !0x7f)?,
        _ => return None,
    })
}

/// Viramas and nuktas, which are no letters, but stand between them.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{64b}'..='\u{65f}')
        || (('\u{900}'..='\u{dff}').contains(&c) && matches!(u32::from(c) & 0x7f, 0x3c | 0x4d | 0x4a))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn between_what() {
        let zwj = '\u{200d}';
        assert!(is_needed(Some('👩'), zwj, Some('🏫')) && is_needed(Some('\u{fe0f}'), zwj, Some('🔥')));
        assert!(is_needed(Some('ی'), '\u{200c}', Some('خ')));
        assert!(is_needed(Some('\u{94d}'), zwj, Some('ष')) && is_needed(Some('\u{dca}'), zwj, Some('ර')));
        assert!(!is_needed(Some('a'), zwj, Some('b')) && !is_needed(Some('1'), zwj, Some('2')));
        assert!(!is_needed(Some('ی'), zwj, Some('x')) && !is_needed(Some('क'), zwj, Some('ක')));
        assert!(!is_needed(Some('\u{fe0f}'), zwj, Some('b')) && !is_needed(None, zwj, Some('🏫')));
        assert!(!is_needed(Some('٣'), '\u{200c}', Some('٤')), "digits");
    }
}
