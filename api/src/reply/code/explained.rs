//! Why each error code is answered, and what to do about it, in German and English; and the page that is made of it,
//! `docs/errors.md`.

mod chats;
mod jobs;
mod moderation;
mod nanos;
mod our_side;
mod requests;
mod signing_in;
mod users;
mod webhooks;

use std::fmt::Write;

use domain::user::Language;

use super::Code;

/// A code's explanation in one language.
pub struct Explained {
    pub cause: &'static str,
    pub cure: &'static str,
}

/// One code in both.
struct Entry {
    code: Code,
    en: Explained,
    de: Explained,
}

/// What belongs together, with its heading in English and German.
struct Section {
    en: &'static str,
    de: &'static str,
    entries: &'static [Entry],
}

const fn entry(
    code: Code,
    cause: &'static str,
    cure: &'static str,
    cause_de: &'static str,
    cure_de: &'static str,
) -> Entry {
    Entry { code, en: Explained { cause, cure }, de: Explained { cause: cause_de, cure: cure_de } }
}

/// In the order of the page.
const SECTIONS: &[Section] = &[
    requests::SECTION,
    signing_in::SECTION,
    users::SECTION,
    nanos::SECTION,
    chats::SECTION,
    webhooks::SECTION,
    moderation::SECTION,
    jobs::SECTION,
    our_side::SECTION,
];

impl Code {
    /// Its cause and its cure.
    pub fn explained(self, language: Language) -> Option<&'static Explained> {
        let mut entries = SECTIONS.iter().flat_map(|section| section.entries);
        let entry = entries.find(|entry| entry.code == self)?;
        Some(match language {
            Language::De => &entry.de,
            Language::En => &entry.en,
        })
    }
}

const HEAD: &str = include_str!("head.md");
const GERMAN: &str = include_str!("german.md");

/// `docs/errors.md`. Writing to a string cannot fail.
pub fn page() -> String {
    let mut page = HEAD.to_owned();
    tables(&mut page, Language::En, "##");
    page.push_str(GERMAN);
    tables(&mut page, Language::De, "###");
    page
}

fn tables(page: &mut String, language: Language, level: &str) {
    for section in SECTIONS {
        let (title, head) = match language {
            Language::De => (section.de, "| Code | Status | Ursache | Abhilfe |"),
            Language::En => (section.en, "| code | status | cause | cure |"),
        };
        let _ = write!(page, "\n{level} {title}\n\n{head}\n| --- | --- | --- | --- |\n");
        for entry in section.entries {
            let Explained { cause, cure } = match language {
                Language::De => &entry.de,
                Language::En => &entry.en,
            };
            let (code, status) = (entry.code.as_str(), entry.code.status().as_u16());
            let _ = writeln!(page, "| `{code}` | {status} | {cause} | {cure} |");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_explained_once_in_both_languages() {
        for code in Code::ALL {
            let entries = SECTIONS.iter().flat_map(|section| section.entries);
            assert_eq!(entries.filter(|entry| entry.code == *code).count(), 1, "{}", code.as_str());
            let (en, de) = (code.explained(Language::En).unwrap(), code.explained(Language::De).unwrap());
            for text in [en.cause, en.cure, de.cause, de.cure] {
                assert!(text.len() > 10 && text.ends_with(['.', ')']) && !text.contains(['|', '\n']), "{text:?}");
            }
            assert_ne!(en.cause, de.cause);
        }
    }

    #[test]
    fn docs_errors_md_is_this_catalogue() {
        if std::env::var_os("UPDATE_DOCS").is_some_and(|on| on == "1") {
            std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/errors.md"), page()).unwrap();
            return;
        }
        assert!(
            include_str!("../../../../docs/errors.md") == page(),
            "docs/errors.md is out of date; renew it: api errors > docs/errors.md"
        );
    }
}
