//! Word lists (`content/wordlists`): what their lines mean, and finding them in words of a text.

use std::collections::HashMap;

use aho_corasick::{AhoCorasick, Anchored, Input, StartKind};

use crate::scan::{
    finding::{self, Rule},
    spelling,
};

/// What an entry asks for.
#[derive(Debug, Clone, Copy)]
pub enum Verdict {
    Found(&'static Rule),
    /// An ordinary word that looks like another entry.
    Honest,
}

/// One line of a list.
#[derive(Debug, Clone)]
pub struct Entry {
    /// As the list has it, without its signs.
    pub word: String,
    pub verdict: Verdict,
    /// Where the entry is an ordinary word: an ISO 639-1 code.
    ordinary_in: Option<&'static str>,
    /// It may stand behind, or in front of, other letters.
    open_start: bool,
    open_end: bool,
}

/// Several words in a row.
#[derive(Debug)]
pub struct Phrase {
    pub entry: Entry,
    /// Each word, and whether it may go on.
    words: Vec<(String, bool)>,
    /// All of them without blanks.
    letters: String,
}

impl Phrase {
    /// Whether the word at this place of the phrase is this one.
    pub fn is_at(&self, place: usize, word: &str) -> bool {
        let (expected, open) = &self.words[place];
        word == expected || *open && word.starts_with(expected.as_str())
    }

    pub fn is_complete(&self, words: usize) -> bool {
        words == self.words.len()
    }
}

/// All lists, compiled.
#[derive(Debug)]
pub struct Lists {
    entries: Vec<Entry>,
    automaton: AhoCorasick,
    /// By the first letter of their first word.
    phrases: HashMap<char, Vec<Phrase>>,
}

impl Lists {
    pub fn new(sources: &[&'static str]) -> Self {
        let (mut entries, mut phrases) = (Vec::new(), HashMap::<char, Vec<Phrase>>::new());
        for line in sources.iter().flat_map(|source| verdicts(source)) {
            let (line, verdict) = line;
            let (text, ordinary_in) = match line.split_once('!') {
                Some((text, language)) => (text.trim(), Some(language)),
                None => (line, None),
            };
            let entry = |word: &str, open_start, open_end| {
                let word = spelling::folded(word);
                Entry { word, verdict, ordinary_in, open_start, open_end }
            };
            if text.contains(' ') {
                let words = text.split(' ').map(|word| match word.strip_suffix('*') {
                    Some(start) => (spelling::folded(start), true),
                    None => (spelling::folded(word), false),
                });
                let words: Vec<(String, bool)> = words.collect();
                let letters = words.iter().map(|(word, _)| word.as_str()).collect();
                let phrase = Phrase { entry: entry(&text.replace('*', ""), false, false), words, letters };
                phrases.entry(text.chars().next().unwrap_or(' ')).or_default().push(phrase);
            } else {
                entries.push(entry(text.trim_matches('*'), text.starts_with('*'), text.ends_with('*')));
            }
        }
        let automaton = AhoCorasick::builder()
            .start_kind(StartKind::Unanchored)
            .build(entries.iter().map(|entry| &entry.word))
            .expect("the lists are small");
        Self { entries, automaton, phrases }
    }

    /// The gravest entry that the word is, in a text of this language; none if an honest one fits too.
    pub fn find(&self, word: &str, language: Option<&str>) -> Option<&Entry> {
        self.matches(word, |entry, start, end| {
            (start == 0 || entry.open_start) && (end == word.len() || entry.open_end) && entry.applies(language)
        })
    }

    /// The same for letters without blanks between words: an entry of four letters or more, and any phrase, may stand
    /// anywhere.
    pub fn find_inside(&self, letters: &str, language: Option<&str>) -> Option<&Entry> {
        let entry = self.matches(letters, |entry, _, _| entry.word.chars().count() >= 4 && entry.applies(language));
        entry.or_else(|| {
            let mut phrases = self.phrases.values().flatten();
            phrases.find(|phrase| letters.contains(&phrase.letters)).map(|phrase| &phrase.entry)
        })
    }

    fn matches(&self, word: &str, fits: impl Fn(&Entry, usize, usize) -> bool) -> Option<&Entry> {
        let mut best: Option<&Entry> = None;
        for found in self.automaton.find_overlapping_iter(Input::new(word).anchored(Anchored::No)) {
            let entry = &self.entries[found.pattern()];
            if !fits(entry, found.start(), found.end()) {
                continue;
            }
            let Verdict::Found(rule) = entry.verdict else { return None };
            let gravest = best.is_none_or(|best| match best.verdict {
                Verdict::Found(known) => rule.action > known.action,
                Verdict::Honest => true,
            });
            if gravest {
                best = Some(entry);
            }
        }
        best
    }

    /// An entry that fits a word in which `*` stands for one letter each.
    pub fn find_masked(&self, masked: &str, language: Option<&str>) -> Option<&Entry> {
        let masked: Vec<char> = masked.chars().collect();
        let known = masked.iter().filter(|char| **char != '*').count();
        // One letter of two must be there, the first in any case, or it is anybody's guess.
        if masked.len() < 4 || masked[0] == '*' || known * 2 < masked.len() + 1 {
            return None;
        }
        self.entries.iter().find(|entry| {
            let length = entry.word.chars().count();
            let fits = length == masked.len() || entry.open_end && length < masked.len();
            let same = |(a, b): (&char, char)| *a == '*' || *a == b;
            // What stands for letters must be in the entry itself.
            let covers = masked.iter().skip(length).all(|char| *char != '*');
            matches!(entry.verdict, Verdict::Found(_))
                && fits
                && covers
                && masked.iter().zip(entry.word.chars()).all(same)
                && entry.applies(language)
        })
    }

    /// Phrases that may begin with this word.
    pub fn phrases(&self, word: &str) -> &[Phrase] {
        word.chars().next().and_then(|first| self.phrases.get(&first)).map_or(&[], Vec::as_slice)
    }

    #[cfg(test)]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }
}

impl Entry {
    fn applies(&self, language: Option<&str>) -> bool {
        self.ordinary_in.is_none() || self.ordinary_in != language
    }
}

/// The lines of a list that are entries, with what they ask for.
fn verdicts(source: &'static str) -> impl Iterator<Item = (&'static str, Verdict)> {
    let mut verdict = Verdict::Found(&finding::PROFANITY);
    source.lines().map(str::trim).filter_map(move |line| {
        verdict = match line {
            "[review]" => Verdict::Found(&finding::PROFANITY),
            "[note]" => Verdict::Found(&finding::PROFANITY_MILD),
            "[honest]" => Verdict::Honest,
            _ if line.is_empty() || line.starts_with('#') => return None,
            _ => return Some((line, verdict)),
        };
        None
    })
}
