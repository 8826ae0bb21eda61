//! Detection of a text's language.

use whatlang::Lang;

/// Shorter texts are anybody's guess.
const LETTERS_MIN: usize = 40;
/// More than this does not make the guess better, in bytes.
const SAMPLE: usize = 16 << 10;

/// The ISO 639-1 code if the guess is reliable.
pub fn detect(text: &str) -> Option<&'static str> {
    let mut end = text.len().min(SAMPLE);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let sample = &text[..end];
    if sample.chars().filter(|char| char.is_alphabetic()).take(LETTERS_MIN).count() < LETTERS_MIN {
        return None;
    }
    let info = whatlang::detect(sample)?;
    // Short German and English texts are told apart well; for others, only what the detector is sure of counts.
    (info.is_reliable() || info.confidence() > 0.5).then(|| code(info.lang())).flatten()
}

fn code(language: Lang) -> Option<&'static str> {
    Some(match language {
        Lang::Deu => "de",
        Lang::Eng => "en",
        Lang::Fra => "fr",
        Lang::Spa => "es",
        Lang::Ita => "it",
        Lang::Por => "pt",
        Lang::Nld => "nl",
        Lang::Pol => "pl",
        Lang::Tur => "tr",
        Lang::Rus => "ru",
        Lang::Ukr => "uk",
        Lang::Ces => "cs",
        Lang::Dan => "da",
        Lang::Swe => "sv",
        Lang::Nob => "nb",
        Lang::Fin => "fi",
        Lang::Hun => "hu",
        Lang::Ron => "ro",
        Lang::Ell => "el",
        Lang::Ara => "ar",
        Lang::Heb => "he",
        Lang::Hin => "hi",
        Lang::Cmn => "zh",
        Lang::Jpn => "ja",
        Lang::Kor => "ko",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_german_and_english() {
        let german = "Der Igel ist ein nachtaktives Säugetier, das im Winter einen langen Schlaf hält.";
        let english = "The hedgehog is a nocturnal mammal that sleeps through the whole of the winter.";
        assert_eq!(detect(german), Some("de"));
        assert_eq!(detect(english), Some("en"));
        assert_eq!(detect("Igel"), None);
        assert_eq!(detect(&"ä".repeat(40_000)), detect(&"ä".repeat(SAMPLE)));
    }
}
