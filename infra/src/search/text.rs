//! Words: of queries, and of the texts they are looked for in.

use std::collections::{BTreeMap, BTreeSet};

use strsim::osa_distance;
use tantivy::tokenizer::{
    AsciiFoldingFilter, Language, LowerCaser, RemoveLongFilter, SimpleTokenizer, Stemmer, TextAnalyzer, Token,
    TokenFilter, TokenStream, Tokenizer, TokenizerManager,
};

/// Words of a query beyond these are ignored.
const MAX_WORDS: usize = 12;
/// Longer words are noise (base64, checksums) and would fill the index.
const MAX_WORD_BYTES: usize = 64;

/// Names of the analyzers, as registered with the index.
pub(super) const GERMAN: &str = "de";
pub(super) const ENGLISH: &str = "en";
/// Folded, not stemmed: for typos and beginnings of words.
pub(super) const PLAIN: &str = "plain";

/// Words that may be missing from a document that has all the others.
const STOP_WORDS: &[&str] = &[
    "a", "als", "am", "an", "and", "are", "at", "auf", "aus", "bei", "by", "das", "dem", "den", "der", "des", "die",
    "ein", "eine", "einem", "einen", "einer", "eines", "for", "from", "fur", "fuer", "für", "im", "in", "ins", "is",
    "ist", "mit", "of", "on", "or", "sind", "the", "to", "und", "von", "vom", "was", "wie", "with", "zu", "zum", "zur",
    "what", "how",
];

/// One word of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// Lower case.
    pub text: String,
    /// A stop word beside others that are not.
    pub optional: bool,
    /// How many letters may be wrong when nothing else is found.
    pub max_edits: u8,
}

/// The words of what a person typed.
pub(super) fn words(text: &str) -> Vec<Word> {
    let mut seen = BTreeSet::new();
    let mut words: Vec<Word> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty() && word.len() <= MAX_WORD_BYTES)
        .map(str::to_lowercase)
        .filter(|word| seen.insert(word.clone()))
        .take(MAX_WORDS)
        .map(|text| {
            let max_edits = match text.chars().count() {
                0..=3 => 0,
                4..=7 => 1,
                _ => 2,
            };
            Word { optional: STOP_WORDS.contains(&text.as_str()), text, max_edits }
        })
        .collect();
    // "to be": with nothing but stop words, they are what is looked for.
    if words.iter().all(|word| word.optional) {
        words.iter_mut().for_each(|word| word.optional = false);
    }
    words
}

/// How many of `required` words must match when typos are allowed: from three on, one may be missing altogether.
pub(super) fn enough(required: usize) -> usize {
    if required >= 3 { required - 1 } else { required }
}

/// The analyzers under their names.
pub(super) fn analyzers() -> TokenizerManager {
    let manager = TokenizerManager::default();
    let folded = || {
        TextAnalyzer::builder(SimpleTokenizer::default())
            .filter(RemoveLongFilter::limit(MAX_WORD_BYTES))
            .filter(LowerCaser)
            .filter(AsciiFoldingFilter)
    };
    manager.register(PLAIN, folded().filter(GermanVowels).build());
    manager.register(GERMAN, folded().filter(GermanVowels).filter(Stemmer::new(Language::German)).build());
    manager.register(ENGLISH, folded().filter(Stemmer::new(Language::English)).build());
    manager
}

/// What `analyzer` makes of one text.
pub(super) fn terms(analyzer: &mut TextAnalyzer, text: &str) -> Vec<String> {
    let mut terms = Vec::new();
    analyzer.token_stream(text).process(&mut |token| terms.push(token.text.clone()));
    terms
}

/// Finds which words of a text a query means, whatever found the text: inflection, beginning or typo.
pub(super) struct Matcher {
    plain: TextAnalyzer,
    german: TextAnalyzer,
    english: TextAnalyzer,
    words: Vec<Wanted>,
    with_typos: bool,
}

/// A word of the query in every analysis.
struct Wanted {
    plain: String,
    german: String,
    english: String,
    max_edits: usize,
    optional: bool,
}

impl Matcher {
    /// `None` when an analyzer is missing, which would be a fault of ours.
    pub(super) fn new(manager: &TokenizerManager, words: &[Word], with_typos: bool) -> Option<Self> {
        let [mut plain, mut german, mut english] = [manager.get(PLAIN)?, manager.get(GERMAN)?, manager.get(ENGLISH)?];
        let words = words
            .iter()
            .map(|word| Wanted {
                plain: term(&mut plain, &word.text),
                german: term(&mut german, &word.text),
                english: term(&mut english, &word.text),
                max_edits: word.max_edits.into(),
                optional: word.optional,
            })
            .collect();
        Some(Self { plain, german, english, words, with_typos })
    }

    /// The plain terms of `text` that match, in the form a snippet generator wants.
    pub(super) fn matching(&mut self, text: &str) -> BTreeMap<String, f32> {
        let mut spellings: BTreeMap<String, &str> = BTreeMap::new();
        self.plain.token_stream(text).process(&mut |token: &Token| {
            spellings.entry(token.text.clone()).or_insert(&text[token.offset_from..token.offset_to]);
        });
        spellings.retain(|plain, spelling| self.is_match(plain, spelling));
        spellings.into_keys().map(|plain| (plain, 1.0)).collect()
    }

    fn is_match(&mut self, plain: &str, spelling: &str) -> bool {
        let (german, english) = (term(&mut self.german, spelling), term(&mut self.english, spelling));
        self.words.iter().any(|word| {
            let inflected = word.german == german || word.english == english;
            if word.optional {
                return inflected;
            }
            let begun = word.plain.chars().count() >= 3 && plain.starts_with(&word.plain);
            let near = |a: &str, b: &str| osa_distance(a, b) <= word.max_edits;
            let similar =
                self.with_typos && word.max_edits > 0 && (near(&word.plain, plain) || near(&word.german, &german));
            inflected || begun || similar
        })
    }
}

/// The one term of a single word; empty when the analyzer drops it.
fn term(analyzer: &mut TextAnalyzer, word: &str) -> String {
    terms(analyzer, word).pop().unwrap_or_default()
}

/// `ae`, `oe` and `ue` become what the folding makes of `ä`, `ö` and `ü`; the same rule as Lucene's
/// `GermanNormalizationFilter`, so that both backends agree. After a vowel or q, `ue` stays (neue, Quelle).
fn fold_vowels(word: &str) -> Option<String> {
    if !["ae", "oe", "ue"].iter().any(|pair| word.contains(pair)) {
        return None;
    }
    let mut folded = String::with_capacity(word.len());
    let (mut before, mut last) = (' ', ' ');
    for c in word.chars() {
        let umlaut = c == 'e' && (matches!(last, 'a' | 'o') || (last == 'u' && !"aeiouyq".contains(before)));
        if !umlaut {
            folded.push(c);
        }
        (before, last) = (last, c);
    }
    Some(folded)
}

/// Applies [`fold_vowels`] to every token.
#[derive(Clone)]
struct GermanVowels;

#[derive(Clone)]
struct GermanVowelsTokenizer<T>(T);

struct GermanVowelsStream<S>(S);

impl TokenFilter for GermanVowels {
    type Tokenizer<T: Tokenizer> = GermanVowelsTokenizer<T>;

    fn transform<T: Tokenizer>(self, tokenizer: T) -> GermanVowelsTokenizer<T> {
        GermanVowelsTokenizer(tokenizer)
    }
}

impl<T: Tokenizer> Tokenizer for GermanVowelsTokenizer<T> {
    type TokenStream<'a> = GermanVowelsStream<T::TokenStream<'a>>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Self::TokenStream<'a> {
        GermanVowelsStream(self.0.token_stream(text))
    }
}

impl<S: TokenStream> TokenStream for GermanVowelsStream<S> {
    fn advance(&mut self) -> bool {
        if !self.0.advance() {
            return false;
        }
        if let Some(folded) = fold_vowels(&self.0.token().text) {
            self.0.token_mut().text = folded;
        }
        true
    }

    fn token(&self) -> &Token {
        self.0.token()
    }

    fn token_mut(&mut self) -> &mut Token {
        self.0.token_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn analyzed(name: &str, text: &str) -> Vec<String> {
        terms(&mut analyzers().get(name).expect("registered"), text)
    }

    #[test]
    fn spellings_of_a_word_meet() {
        for name in [PLAIN, GERMAN] {
            assert_eq!(analyzed(name, "Führung"), analyzed(name, "FUEHRUNG"), "{name}");
            assert_eq!(analyzed(name, "Größe"), analyzed(name, "groesse"), "{name}");
        }
        assert_eq!(analyzed(GERMAN, "Häuser"), analyzed(GERMAN, "Haus"));
        assert_eq!(analyzed(GERMAN, "Führungen"), analyzed(GERMAN, "fuehrung"));
        assert_eq!(analyzed(ENGLISH, "running"), analyzed(ENGLISH, "runs"));
        assert_eq!(analyzed(PLAIN, "Quelle neue"), ["quelle", "neue"]);
    }

    #[test]
    fn stop_words_are_optional_unless_alone() {
        let optional = |text| words(text).into_iter().map(|word| (word.text, word.optional)).collect::<Vec<_>>();
        assert_eq!(optional("Die Optik, die OPTIK!"), [("die".to_owned(), true), ("optik".to_owned(), false)]);
        assert_eq!(optional("the"), [("the".to_owned(), false)]);
        assert!(words(" ?! ").is_empty());
        assert_eq!(words(&"wort ".repeat(50)).len(), 1);
        let many: String = (0..50).map(|n| format!("w{n} ")).collect();
        assert_eq!(words(&many).len(), MAX_WORDS);
    }

    #[test]
    fn distances_count_swaps_once() {
        assert_eq!(osa_distance("optik", "optik"), 0);
        assert_eq!(osa_distance("optik", "opitk"), 1);
        assert_eq!(osa_distance("fotografie", "fotografe"), 1);
        assert_eq!(osa_distance("fotografie", "potografi"), 2);
        assert!(osa_distance("kurz", "wesentlich") > 2);
    }
}
