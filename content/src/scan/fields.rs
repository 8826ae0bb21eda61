//! The text rules alone: for what creators write beside their files (title, description) and for the names of files.

use crate::{
    scan::{Finding, PER_RULE, contact, finding::Findings, links, profanity},
    text::language,
};

/// Looks through some texts with the word, contact and link rules. Each part is where it stands (`title`), which becomes
/// the finding's entry, and what it says. `stated`: the language its writer stated, for parts too short to tell.
pub fn text(parts: &[(&str, &str)], stated: Option<&str>) -> Vec<Finding> {
    let mut findings = Findings::default();
    for (place, text) in parts {
        inspect(place, text, language::detect(text).or(stated), &mut findings);
    }
    findings.into_sorted(PER_RULE).0
}

pub(super) fn inspect(entry: &str, text: &str, language: Option<&str>, findings: &mut Findings) {
    profanity::inspect(entry, text, language, findings);
    contact::inspect(entry, text, findings);
    links::inspect(entry, text, findings);
}

/// A name, with the signs that stand for blanks in it as blanks. Its ending is no part of an address.
pub(super) fn inspect_name(name: &str, stated: Option<&str>, findings: &mut Findings) {
    let file = name.rsplit('/').next().unwrap_or(name);
    let stem = match file.rfind('.') {
        Some(dot) if dot > 0 => &name[..name.len() - file.len() + dot],
        _ => name,
    };
    let words: String = stem.chars().map(|char| if matches!(char, '_' | '/') { ' ' } else { char }).collect();
    profanity::inspect(name, &words, stated, findings);
    contact::inspect(name, &words, findings);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_has_its_findings() {
        let found = text(
            &[
                ("title", "Du Arschloch"),
                ("description", "Mehr unter https://bit.ly/3xYz, oder schreib an anna.berg@posteo.de"),
                ("summary", "Der Igel im Winter"),
            ],
            Some("de"),
        );
        let found: Vec<(&str, &str)> = found.iter().map(|it| (it.entry.as_str(), it.rule.as_str())).collect();
        assert_eq!(
            found,
            [
                ("title", "profanity"),
                ("description", "contact_email"),
                ("description", "link_shortened"),
                ("description", "link_external"),
            ]
        );
        assert_eq!(text(&[("title", "")], None), []);
    }

    #[test]
    fn names_are_read() {
        let found = |name: &str| {
            let mut findings = Findings::default();
            inspect_name(name, Some("de"), &mut findings);
            findings.into_sorted(9).0.into_iter().map(|it| it.rule).collect::<Vec<_>>()
        };
        assert_eq!(found("Bilder/du_arschloch.png"), ["profanity"]);
        assert_eq!(found("anna.berg@posteo.de.txt"), ["contact_email"]);
        for honest in
            ["Kapitel 1/Igel_im_Winter.pdf", "icon@2x.png", "2026-11-29_12-30-45.jpg", "IMG_20261129_123456.jpg"]
        {
            assert_eq!(found(honest), Vec::<String>::new(), "{honest}");
        }
    }
}
