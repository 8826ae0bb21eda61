//! Abusive words, from our own short German and English lists (`content/wordlists`).
//!
//! Words are compared after undoing what people do to slip through (`spelling`), and also letter by letter where
//! they are spaced out or divided by signs. The list's own word is reported, not the writer's spelling. A rude word in
//! disguise counts like a grave one: nobody writes `sh1t` about ducks.

use std::sync::LazyLock;

use crate::scan::{
    finding::{self, Findings, Rule},
    spelling::{self, SIGNS, is_invisible},
    words::{Entry, Lists, Phrase, Verdict},
};

static LISTS: LazyLock<Lists> = LazyLock::new(|| {
    Lists::new(&[include_str!("../../wordlists/profanity.de.txt"), include_str!("../../wordlists/profanity.en.txt")])
});

/// Letters in a row that make a word spaced out, at least.
const SPACED_MIN: usize = 4;
/// Longest word and row of letters that is looked at, in bytes: no word is that long.
const LENGTH_MAX: usize = 200;

/// Looks through a text in `language` (`de`, `en`, …; `None` if unknown).
pub fn inspect(entry: &str, text: &str, language: Option<&str>, findings: &mut Findings) {
    let mut reader = Reader {
        lists: &LISTS,
        language,
        entry,
        findings,
        row: Row::default(),
        before: String::new(),
        phrases: Vec::new(),
    };
    let (mut start, mut separator_start) = (None, 0);
    for (at, char) in text.char_indices().chain([(text.len(), ' ')]) {
        if char.is_alphanumeric() || SIGNS.contains(&char) || is_combining(char) || is_invisible(char) {
            if start.is_none() {
                start = Some(at);
            }
        } else if let Some(begun) = start.take() {
            reader.word(&text[separator_start..begun], &text[begun..at]);
            separator_start = at;
        }
    }
    reader.end_row();
}

/// Accents that stand for themselves belong to the letter before them.
fn is_combining(char: char) -> bool {
    matches!(char, '\u{300}'..='\u{36f}')
}

/// Single letters, one after the other, with the same separator between them.
#[derive(Debug, Default)]
struct Row {
    letters: String,
    count: usize,
    separator: String,
}

struct Reader<'a> {
    lists: &'static Lists,
    language: Option<&'a str>,
    entry: &'a str,
    findings: &'a mut Findings,
    row: Row,
    /// The word before, while only a sign without blanks follows it.
    before: String,
    /// Phrases that have begun, and how many of their words were there.
    phrases: Vec<(&'static Phrase, usize)>,
}

impl Reader<'_> {
    /// The next word, and what stands between it and the one before.
    fn word(&mut self, separator: &str, written: &str) {
        let written = written.trim_matches(|char: char| SIGNS.contains(&char) && !matches!(char, '@' | '$'));
        if written.is_empty() || written.len() > LENGTH_MAX {
            self.before.clear();
            return;
        }
        let word = spelling::folded(written);
        let found = self.look(&word);
        self.phrase(&word);
        self.letter(separator, &word);
        // `Arsch-loch`, and a word divided at the end of a line.
        let joins =
            matches!(separator.trim_end_matches(['\n', '\r']), "-" | "." | "_" | "·" | "/" | "\u{2010}" | "\u{2011}");
        if joins && !self.before.is_empty() && !found && word.chars().count() > 1 {
            let joined = format!("{}{word}", self.before);
            self.look(&joined);
        }
        self.before = if found { String::new() } else { word };
    }

    /// Whether the word is an entry, plain or in disguise.
    fn look(&mut self, word: &str) -> bool {
        let plain = word.trim_matches(|char| SIGNS.contains(&char));
        if let Some(entry) = self.lists.find(plain, self.language) {
            self.add(entry, false);
            return true;
        }
        let mut disguised = spelling::readings(word).into_iter().map(|reading| reading.replace('*', ""));
        let mut found = disguised.find_map(|reading| self.lists.find(&reading, self.language));
        if found.is_none() && word.contains('*') {
            found = self.lists.find_masked(word, self.language);
        }
        if let Some(entry) = found {
            // Umlauts in two letters are no disguise.
            let spelled = word.chars().all(char::is_alphabetic);
            self.add(entry, !spelled);
        }
        found.is_some()
    }

    fn phrase(&mut self, word: &str) {
        let readings = if word.chars().all(char::is_alphabetic) { Vec::new() } else { spelling::readings(word) };
        let is_at = |phrase: &Phrase, place| {
            phrase.is_at(place, word) || readings.iter().any(|reading| phrase.is_at(place, reading))
        };
        let lists = self.lists;
        let begun = std::mem::take(&mut self.phrases);
        let starts = readings.iter().map(String::as_str).chain([word]).flat_map(|reading| lists.phrases(reading));
        let going_on = begun.into_iter().chain(starts.map(|phrase| (phrase, 0)));
        let mut complete = Vec::new();
        for (phrase, place) in going_on.filter(|(phrase, place)| is_at(phrase, *place)) {
            if phrase.is_complete(place + 1) {
                complete.push(phrase);
            } else {
                self.phrases.push((phrase, place + 1));
            }
        }
        complete.into_iter().for_each(|phrase| self.add(&phrase.entry, false));
    }

    /// A single letter goes on with the row, or begins one.
    fn letter(&mut self, separator: &str, word: &str) {
        let is_letter = word.chars().count() == 1;
        let same = self.row.count == 1 || self.row.separator == separator;
        if !is_letter || self.row.count > 0 && !same || self.row.letters.len() > LENGTH_MAX || separator.len() > 4 {
            self.end_row();
        }
        if is_letter {
            if self.row.count == 1 {
                separator.clone_into(&mut self.row.separator);
            }
            self.row.letters.push_str(word);
            self.row.count += 1;
        }
    }

    fn end_row(&mut self) {
        let row = std::mem::take(&mut self.row);
        if row.count < SPACED_MIN {
            return;
        }
        let readings = spelling::readings(&row.letters);
        let found = [row.letters.as_str()]
            .into_iter()
            .chain(readings.iter().map(String::as_str))
            .find_map(|letters| self.lists.find_inside(letters, self.language));
        if let Some(entry) = found {
            self.add(entry, true);
        }
    }

    fn add(&mut self, entry: &Entry, disguised: bool) {
        let rule: &Rule = match entry.verdict {
            Verdict::Found(_) if disguised => &finding::PROFANITY,
            Verdict::Found(rule) => rule,
            Verdict::Honest => return,
        };
        self.findings.add(rule, self.entry, 1, Some(entry.word.clone()));
    }
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
        assert!(lists.entries().len() > 120 && !lists.phrases("du").is_empty());
        for entry in lists.entries() {
            assert!(entry.word.chars().all(char::is_alphabetic), "{}", entry.word);
            assert!(entry.word.chars().count() >= 3, "{}", entry.word);
        }
    }

    #[test]
    fn finds_words_however_they_are_written() {
        for text in [
            "Du Arschloch!",
            "ARSCHLÖCHER",
            "arsch\u{200b}loch",
            "4rschl0ch",
            "so ein ａｒｓｃｈｌｏｃｈ.",
            "Arschloecher",
            "Arsch-\nloch",
            "a r s c h l o c h",
            "A.r.s.c.h.l.o.c.h",
            "Riesenarschlöcher",
            "arsch-loch",
            "аrsсhloch",
            "A\u{300}rschlo\u{308}ch",
            "arschl*ch",
            "**Arschloch**",
        ] {
            assert_eq!(rules(text, Some("de"))[0].0, "profanity", "{text}");
        }
        assert_eq!(rules("fucking, Fuck", None), [("profanity".into(), 2, "fuck".into())]);
        assert_eq!(rules("So eine Scheiße", Some("de")), [("profanity_mild".into(), 1, "scheisse".into())]);
        assert_eq!(rules("5ch3i55e!", Some("de"))[0].0, "profanity");
    }

    #[test]
    fn phrases_need_all_their_words() {
        assert_eq!(rules("Leck mich, am   ARSCH", Some("de"))[0].2, "leck mich am arsch");
        assert_eq!(rules("f1ck dich", Some("de"))[0].2, "fick dich");
        assert_eq!(rules("You retarded thing", Some("en"))[0].0, "profanity");
        assert_eq!(rules("Adolf Fick lehrte in Zürich.", Some("de")), []);
        assert_eq!(rules("bring mich, dann dich um", Some("de")), []);
    }

    #[test]
    fn some_words_are_ordinary_in_one_language() {
        assert_eq!(rules("bellend", Some("de")), []);
        assert_eq!(rules("bellend", Some("en"))[0].0, "profanity");
    }

    #[test]
    fn leaves_ordinary_words_alone() {
        let german = "Der dicke Arbeitschlitten war schlampig gebaut. Fick'sches Gesetz, Marschlochplatte, Assistentin. \
            Nigeria und Niger, Spastik, Analyse, 1500 m, 5. Klasse, Fotzelschnitte, a b c d e f g, x * y * z * w";
        assert_eq!(rules(german, Some("de")), []);
        let english = "The class assessed Scunthorpe, cockpit, Dickens and a shitake mushroom in assembly; MongoDB too. \
             Schüler*innen, w.r.t., e.g., f(u, c, k), **bold** and __init__, snake_case_name, a-b-c-d";
        assert_eq!(rules(english, Some("en")), []);
    }
}
