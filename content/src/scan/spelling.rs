//! How words are spelled to slip through, undone: capitals, accents, letters of other scripts that look the same, digits
//! and signs for letters, stretched letters, umlauts in two letters.

use std::borrow::Cow;

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Signs that stand for letters inside words. Behind and in front of a word they are punctuation.
pub const SIGNS: [char; 5] = ['@', '$', '!', '€', '*'];

/// Lower case without accents, umlauts as their bare letters, `ß` as `ss`.
pub fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.nfkd().filter(|char| !is_combining_mark(*char) && !is_invisible(*char)) {
        match char {
            'ß' | 'ẞ' => out.push_str("ss"),
            'ø' | 'Ø' => out.push('o'),
            'ł' | 'Ł' => out.push('l'),
            'æ' | 'Æ' => out.push_str("ae"),
            'ı' => out.push('i'),
            _ => out.extend(char.to_lowercase()),
        }
    }
    let latin = out.bytes().any(|byte| byte.is_ascii_alphabetic());
    if latin && !out.is_ascii() { out.chars().map(look_alike).collect() } else { out }
}

pub fn is_invisible(char: char) -> bool {
    matches!(char, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

/// Cyrillic and Greek letters that look like Latin ones.
fn look_alike(char: char) -> char {
    match char {
        'а' | 'α' => 'a',
        'в' | 'β' => 'b',
        'с' => 'c',
        'е' | 'ё' | 'ε' => 'e',
        'н' => 'h',
        'і' | 'ι' => 'i',
        'ј' => 'j',
        'к' | 'κ' => 'k',
        'м' => 'm',
        'о' | 'ο' => 'o',
        'р' | 'ρ' => 'p',
        'ѕ' => 's',
        'т' | 'τ' => 't',
        'υ' | 'ц' => 'u',
        'х' | 'χ' => 'x',
        'у' => 'y',
        other => other,
    }
}

/// Readings of a word that is spelled on purpose, after the plain one; most words have none.
pub fn readings(word: &str) -> Vec<String> {
    let mut readings: Vec<String> = Vec::new();
    let mut add = |reading: Cow<'_, str>| {
        if reading != word && !readings.iter().any(|known| *known == reading) {
            readings.push(reading.into_owned());
        }
    };
    let has_letters = word.contains(char::is_alphabetic);
    if has_letters && word.contains(|char: char| !char.is_alphabetic()) {
        for one in ['i', 'l'] {
            let letters = letters(word, one);
            add(single(&letters).into());
            add(letters.into());
        }
    }
    if has_letters && is_stretched(word) {
        add(single(word).into());
        add(double(word).into());
    }
    for (spelled, meant) in [("ae", "a"), ("oe", "o"), ("ue", "u"), ("ph", "f"), ("v", "u")] {
        if word.contains(spelled) {
            add(word.replace(spelled, meant).into());
        }
    }
    readings
}

/// Digits and signs that stand for letters, as letters.
fn letters(word: &str, one: char) -> String {
    word.chars()
        .map(|char| match char {
            '0' => 'o',
            '1' | '!' => one,
            '3' | '€' => 'e',
            '4' | '@' => 'a',
            '5' | '$' => 's',
            '6' | '9' => 'g',
            '7' => 't',
            '8' => 'b',
            other => other,
        })
        .collect()
}

fn is_stretched(word: &str) -> bool {
    let letters: Vec<char> = word.chars().collect();
    letters.windows(3).any(|three| three[0] == three[1] && three[1] == three[2])
}

/// Letters repeated three times and more once, or twice.
fn single(word: &str) -> String {
    squeezed(word, 1)
}

fn double(word: &str) -> String {
    squeezed(word, 2)
}

fn squeezed(word: &str, keep: usize) -> String {
    let letters: Vec<char> = word.chars().collect();
    let runs = letters.chunk_by(|a, b| a == b);
    runs.flat_map(|run| run.iter().take(if run.len() > 2 { keep } else { run.len() })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds() {
        assert_eq!(folded("Größe ÀÉÎ ａｂｃ ẞ"), "grosse aei abc ss");
        assert_eq!(folded("аrsсh"), "arsch");
        assert_eq!(folded("Москва"), "москва");
        assert_eq!(folded("a\u{200b}b\u{ad}c"), "abc");
    }

    #[test]
    fn reads_what_is_meant() {
        for (word, meant) in [
            ("4rschl0ch", "arschloch"),
            ("s1ut", "slut"),
            ("f1ck", "fick"),
            ("fuuuuck", "fuck"),
            ("arrrsch", "arsch"),
            ("arschloecher", "arschlocher"),
            ("phuck", "fuck"),
            ("cvnt", "cunt"),
            ("b!tch", "bitch"),
        ] {
            assert!(readings(word).iter().any(|reading| reading == meant), "{word}: {:?}", readings(word));
        }
        for plain in ["igel", "1989", "schifffahrt"] {
            assert!(readings(plain).len() <= 2, "{plain}");
        }
    }
}
