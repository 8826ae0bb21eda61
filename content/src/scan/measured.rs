//! How often the word rules are wrong, measured by sentences of our own (`wordlists/measured.txt`).

use domain::review::ScanAction;

use crate::scan::fields;

/// Share of sentences that may be judged wrong, of each kind and language.
const WRONG_MAX: f64 = 0.10;

struct Sentence {
    held: bool,
    language: &'static str,
    text: &'static str,
}

fn sentences() -> Vec<Sentence> {
    let lines =
        include_str!("../../wordlists/measured.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let mut parts = line.splitn(3, ' ');
            let mut part = || parts.next().unwrap();
            Sentence { held: part() == "held", language: part(), text: part() }
        })
        .collect()
}

fn is_held(sentence: &Sentence) -> bool {
    let found = fields::text(&[("text", sentence.text)], Some(sentence.language));
    found.iter().any(|finding| finding.action >= ScanAction::Review)
}

#[test]
fn honest_sentences_pass_and_offending_ones_are_held() {
    let sentences = sentences();
    assert!(sentences.len() >= 200);
    for held in [false, true] {
        for language in ["de", "en"] {
            let all = || sentences.iter().filter(|sentence| sentence.held == held && sentence.language == language);
            let wrong: Vec<&str> =
                all().filter(|sentence| is_held(sentence) != held).map(|sentence| sentence.text).collect();
            let count = all().count();
            assert!(count >= 50, "{count} sentences");
            assert!(
                wrong.len() as f64 <= WRONG_MAX * count as f64,
                "{} of {count} wrong (held: {held}, {language}): {wrong:#?}",
                wrong.len()
            );
        }
    }
}
