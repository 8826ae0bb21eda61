//! Abusive words, from our own short German and English lists (`content/wordlists`).
//!
//! Whole words only, after undoing what people do to slip through: capitals, accents on the wrong letters, digits for
//! letters, zero-width characters. The list's own word is reported, not the writer's spelling.

use std::{
    collections::{BTreeMap, HashMap},
    sync::LazyLock,
};

use unicode_normalization::UnicodeNormalization;

use crate::scan::finding::{self, Findings, Rule};

static LISTS: LazyLock<Lists> = LazyLock::new(|| {
    let mut lists = Lists::default();
    lists.add(include_str!("../../wordlists/profanity.de.txt"));
    lists.add(include_str!("../../wordlists/profanity.en.txt"));
    lists
});

#[derive(Debug, Clone, Copy)]
struct Word {
    word: &'static str,
    rule: &'static Rule,
    /// An ordinary word in German text.
    not_in_german: bool,
}

#[derive(Debug, Default)]
struct Lists {
    whole: HashMap<&'static str, Word>,
    /// Words that also count as the beginning of longer ones, sorted.
    beginnings: BTreeMap<&'static str, Word>,
}

impl Lists {
    fn add(&mut self, list: &'static str) {
        let mut rule = &finding::PROFANITY;
        for line in list.lines().map(str::trim) {
            match line {
                "[review]" => rule = &finding::PROFANITY,
                "[note]" => rule = &finding::PROFANITY_MILD,
                "" => {}
                _ if line.starts_with('#') => {}
                _ => {
                    let (word, not_in_german) = match line.strip_suffix("!de") {
                        Some(word) => (word.trim(), true),
                        None => (line, false),
                    };
                    match word.strip_suffix('*') {
                        Some(word) => self.beginnings.insert(word, Word { word, rule, not_in_german }),
                        None => self.whole.insert(word, Word { word, rule, not_in_german }),
                    };
                }
            }
        }
    }

    fn find(&self, token: &str) -> Option<Word> {
        if let Some(word) = self.whole.get(token) {
            return Some(*word);
        }
        // The listed beginning of a token sorts right before it, unless a longer one in between is no beginning of it.
        let range = (std::ops::Bound::Unbounded, std::ops::Bound::Included(token));
        let first = token.chars().next()?;
        self.beginnings
            .range::<str, _>(range)
            .rev()
            .take_while(|(word, _)| word.starts_with(first))
            .find(|(word, _)| token.starts_with(**word))
            .map(|(_, word)| *word)
    }
}

/// Looks through a text in `language` (`de`, `en`, …; `None` if unknown).
pub fn inspect(entry: &str, text: &str, language: Option<&str>, findings: &mut Findings) {
    let lists = &*LISTS;
    let mut check = |token: &str| {
        let word = lists.find(token).filter(|word| !(word.not_in_german && language == Some("de")));
        if let Some(word) = word {
            findings.add(word.rule, entry, 1, Some(word.word.to_owned()));
        }
        word.is_some()
    };
    let mut token = String::new();
    // One blank more ends the last word.
    for char in text.chars().nfkc().chain([' ']) {
        if is_invisible(char) {
            continue;
        }
        if char.is_alphanumeric() || matches!(char, '@' | '$' | '!') {
            fold(char, &mut token);
            continue;
        }
        if !token.is_empty() {
            if !check(token.trim_matches(['@', '$', '!'])) && token.contains(|c: char| !c.is_alphabetic()) {
                check(&letters(&token));
            }
            token.clear();
        }
    }
}

fn is_invisible(char: char) -> bool {
    matches!(char, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

/// Lower case; `ß` as `ss`, as the lists have it.
fn fold(char: char, token: &mut String) {
    match char {
        'ß' | 'ẞ' => token.push_str("ss"),
        _ => token.extend(char.to_lowercase()),
    }
}

/// Digits and signs that stand for letters, as letters. Words of digits alone stay numbers.
fn letters(token: &str) -> String {
    if !token.contains(char::is_alphabetic) {
        return token.to_owned();
    }
    token
        .trim_end_matches('!')
        .chars()
        .map(|char| match char {
            '0' => 'o',
            '1' | '!' => 'i',
            '3' => 'e',
            '4' | '@' => 'a',
            '5' | '$' => 's',
            '7' => 't',
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str, language: Option<&str>) -> Vec<(String, u32, String)> {
        let mut findings = Findings::default();
        inspect("a.txt", text, language, &mut findings);
        let (findings, _) = findings.into_sorted(99);
        findings.into_iter().map(|it| (it.rule, it.count, it.excerpt.unwrap_or_default())).collect()
    }

    #[test]
    fn lists_are_in_the_form_they_are_compared_in() {
        let lists = &*LISTS;
        assert!(lists.whole.len() + lists.beginnings.len() > 80);
        for word in lists.whole.keys().chain(lists.beginnings.keys()) {
            let folded: String = word.nfkc().flat_map(char::to_lowercase).collect();
            assert_eq!(*word, folded);
            assert!(word.chars().all(char::is_alphabetic), "{word}");
        }
    }

    #[test]
    fn finds_words_however_they_are_written() {
        for text in ["Du Arschloch!", "ARSCHLÖCHER", "arsch\u{200b}loch", "4rschl0ch", "so ein ａｒｓｃｈｌｏｃｈ."]
        {
            assert_eq!(rules(text, Some("de"))[0].0, "profanity", "{text}");
        }
        assert_eq!(rules("fucking, Fuck", None), [("profanity".into(), 2, "fuck".into())]);
        assert_eq!(rules("So eine Scheiße", Some("de")), [("profanity_mild".into(), 1, "scheisse".into())]);
    }

    #[test]
    fn leaves_ordinary_words_alone() {
        let german = "Der dicke Arbeitschlitten war schlampig gebaut. Fick'sches Gesetz, Marschlochplatte, Assistentin. \
            Nigeria und Niger, Spastik, Analyse, 1500 m, 5. Klasse";
        assert_eq!(rules(german, Some("de")), []);
        let english =
            "The class assessed Scunthorpe, cockpit, Dickens and a shitake mushroom in assembly; MongoDB too.";
        assert_eq!(rules(english, Some("en")), []);
    }
}
