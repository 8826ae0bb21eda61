//! The findings of a scan, and the rules that are written in Rust.

use std::collections::BTreeMap;

use domain::review::ScanAction;
use serde::{Deserialize, Serialize};

use crate::note::Hint;

/// How bad it is if the finding is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Info,
    Low,
    Medium,
    High,
}

/// One rule that matched in one entry, however often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable name.
    pub rule: String,
    /// Full name of the entry; `outer.docx!word/document.xml` inside an office document.
    pub entry: String,
    pub severity: Severity,
    pub action: ScanAction,
    /// How often it matched, where that is counted; else 1.
    pub count: u32,
    /// What matched, shortened, without personal data: a listed word, a host name.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub excerpt: Option<String>,
    /// The rule in one sentence.
    pub en: String,
    pub de: String,
}

/// A rule written in Rust.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    pub name: &'static str,
    pub severity: Severity,
    pub action: ScanAction,
    pub text: Hint,
}

macro_rules! rules {
    ($($constant:ident $name:literal $severity:ident $action:ident $en:literal $de:literal)*) => {
        $(pub const $constant: Rule = Rule {
            name: $name,
            severity: Severity::$severity,
            action: ScanAction::$action,
            text: Hint { de: $de, en: $en },
        };)*
        /// All of them.
        #[cfg(test)]
        pub const RULES: &[&Rule] = &[$(&$constant),*];
    };
}

rules! {
    CONTACT_EMAIL "contact_email" Low Review
        "Contains e-mail addresses." "Enthält E-Mail-Adressen."
    CONTACT_PHONE "contact_phone" Medium Review
        "Contains phone numbers." "Enthält Telefonnummern."
    CONTACT_MESSENGER "contact_messenger" Medium Review
        "Contains contacts for messengers or social networks." "Enthält Kontakte für Messenger oder soziale Netze."
    CONTACT_PAYMENT "contact_payment" Medium Review
        "Contains bank or payment details." "Enthält Bank- oder Zahlungsdaten."
    PROFANITY "profanity" Medium Review
        "Contains abusive words." "Enthält beleidigende Wörter."
    PROFANITY_MILD "profanity_mild" Info Note
        "Contains rude words." "Enthält derbe Wörter."
    LINK_EXTERNAL "link_external" Info Note
        "Links to other sites." "Verweist auf andere Seiten."
    LINK_SHORTENED "link_shortened" Low Review
        "Uses shortened links that hide their target." "Nutzt Kurz-Links, die ihr Ziel verbergen."
    LINK_ADDRESS "link_address" Medium Review
        "Links to a bare internet address." "Verweist auf eine blanke Internetadresse (IP)."
    LINK_DISGUISED "link_disguised" High Review
        "A link made to look like another one." "Ein Link, der sich als ein anderer ausgibt."
    LINK_PROGRAM "link_program" Medium Review
        "Links to a program to download." "Verweist auf ein Programm zum Herunterladen."
    HTML_SCRIPT "html_script" Medium Review
        "A script, though the nano's format has none." "Ein Skript, obwohl das Format des Nanos keine vorsieht."
    HTML_EXTERNAL_SCRIPT "html_external_script" High Review
        "Loads a script from another site." "Lädt ein Skript von einer anderen Seite."
    HTML_EXTERNAL_FRAME "html_external_frame" Medium Review
        "Shows another site inside the page." "Zeigt eine andere Seite innerhalb der Seite."
    HTML_EXTERNAL_FORM "html_external_form" High Review
        "A form that sends its data to another site." "Ein Formular, das seine Daten an eine andere Seite sendet."
    HTML_PASSWORD_FIELD "html_password_field" High Review
        "Asks for a password." "Fragt nach einem Passwort."
    HTML_FORM "html_form" Info Note
        "Contains a form." "Enthält ein Formular."
    HTML_REFRESH "html_refresh" Medium Review
        "Sends the reader to another page by itself." "Leitet von selbst auf eine andere Seite weiter."
    HTML_BASE "html_base" Medium Review
        "Redirects all links of the page to another site." "Lenkt alle Verweise der Seite auf eine andere Seite um."
    HTML_SCRIPT_LINK "html_script_link" Medium Review
        "A link that runs a script or carries a page inside." "Ein Link, der ein Skript ausführt oder eine Seite enthält."
    HTML_EXTERNAL_RESOURCE "html_external_resource" Low Note
        "Loads images, fonts or styles from other sites." "Lädt Bilder, Schriften oder Stile von anderen Seiten."
    PDF_JAVASCRIPT "pdf_javascript" Medium Review
        "A PDF with scripts." "Ein PDF mit Skripten."
    PDF_LAUNCH "pdf_launch" High Review
        "A PDF that starts programs or opens files." "Ein PDF, das Programme startet oder Dateien öffnet."
    PDF_EMBEDDED_FILE "pdf_embedded_file" Medium Review
        "A PDF with files attached." "Ein PDF mit angehängten Dateien."
    PDF_FORM "pdf_form" Medium Review
        "A PDF form that sends or loads data." "Ein PDF-Formular, das Daten sendet oder lädt."
    PDF_MEDIA "pdf_media" Low Review
        "A PDF with embedded players." "Ein PDF mit eingebetteten Abspielprogrammen."
    PDF_OPAQUE "pdf_opaque" Medium Review
        "A PDF with parts that could not be looked into." "Ein PDF mit Teilen, die sich nicht prüfen ließen."
    PDF_ENCRYPTED "pdf_encrypted" Low Review
        "A protected PDF whose text could not be checked." "Ein geschütztes PDF, dessen Text sich nicht prüfen ließ."
    OFFICE_REMOTE_TEMPLATE "office_remote_template" High Review
        "An office document that loads its template from the internet." "Ein Office-Dokument, das seine Vorlage aus dem Internet lädt."
    OFFICE_REMOTE_OBJECT "office_remote_object" High Review
        "An office document that loads an object from the internet." "Ein Office-Dokument, das ein Objekt aus dem Internet lädt."
    OFFICE_DDE "office_dde" High Review
        "An office document with a DDE field, which can start programs." "Ein Office-Dokument mit einem DDE-Feld; es kann Programme starten."
    OFFICE_PROGRAM_ACTION "office_program_action" High Review
        "A presentation that starts a program or macro at a click." "Eine Präsentation, die auf Klick ein Programm oder Makro startet."
    OFFICE_MACRO_BUTTON "office_macro_button" Low Review
        "An office document with a button that runs a macro." "Ein Office-Dokument mit einer Schaltfläche, die ein Makro ausführt."
    TEXT_NOT_CHECKED "text_not_checked" Info Note
        "Its text could not be read, so its words were not checked." "Der Text ließ sich nicht lesen, die Wörter wurden nicht geprüft."
    NOT_FULLY_SCANNED "not_fully_scanned" Low Review
        "Too large or too slow to be checked completely." "Zu groß oder zu langsam, um vollständig geprüft zu werden."
}

/// Findings on the way, one per rule and entry.
#[derive(Debug, Default)]
pub struct Findings {
    found: BTreeMap<(String, String), Finding>,
}

impl Findings {
    /// Adds `count` matches of a rule; the first excerpt stays.
    pub fn add(&mut self, rule: &Rule, entry: &str, count: u32, excerpt: Option<String>) {
        self.insert(Finding {
            rule: rule.name.into(),
            entry: entry.into(),
            severity: rule.severity,
            action: rule.action,
            count,
            excerpt,
            en: rule.text.en.into(),
            de: rule.text.de.into(),
        });
    }

    pub fn insert(&mut self, finding: Finding) {
        let key = (finding.entry.clone(), finding.rule.clone());
        match self.found.get_mut(&key) {
            Some(known) => {
                known.count = known.count.saturating_add(finding.count);
                known.excerpt = known.excerpt.take().or(finding.excerpt);
            }
            None => {
                self.found.insert(key, finding);
            }
        }
    }

    /// Takes over what was found elsewhere.
    pub fn absorb(&mut self, other: Self) {
        other.found.into_values().for_each(|finding| self.insert(finding));
    }

    /// The gravest first, then by entry. At most `per_rule` of each rule: what counts for the verdict is kept, because
    /// all findings of a rule ask for the same. The second value says how many were left out.
    pub fn into_sorted(self, per_rule: usize) -> (Vec<Finding>, u32) {
        let mut findings: Vec<Finding> = self.found.into_values().collect();
        findings.sort_by(|a, b| {
            (b.action, b.severity)
                .cmp(&(a.action, a.severity))
                .then_with(|| (&a.rule, &a.entry).cmp(&(&b.rule, &b.entry)))
        });
        let before = findings.len();
        let mut kept: BTreeMap<String, usize> = BTreeMap::new();
        findings.retain(|finding| {
            let count = kept.entry(finding.rule.clone()).or_insert(0);
            *count += 1;
            *count <= per_rule
        });
        let left_out = (before - findings.len()) as u32;
        (findings, left_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct() {
        let names: std::collections::BTreeSet<&str> = RULES.iter().map(|rule| rule.name).collect();
        assert_eq!(names.len(), RULES.len());
    }

    #[test]
    fn merges_sorts_and_caps() {
        let mut findings = Findings::default();
        findings.add(&LINK_EXTERNAL, "a.txt", 2, None);
        findings.add(&LINK_EXTERNAL, "a.txt", 3, Some("example.org".into()));
        findings.add(&LINK_EXTERNAL, "b.txt", 1, None);
        findings.add(&PDF_LAUNCH, "z.pdf", 1, None);
        let (sorted, left_out) = findings.into_sorted(1);
        let rows: Vec<_> = sorted.iter().map(|finding| (finding.rule.as_str(), finding.count)).collect();
        assert_eq!(rows, [("pdf_launch", 1), ("link_external", 5)]);
        assert_eq!(sorted[1].excerpt.as_deref(), Some("example.org"));
        assert_eq!(left_out, 1);
    }

    #[test]
    fn survives_storage() {
        let mut findings = Findings::default();
        findings.add(&PROFANITY, "a.txt", 1, Some("wort".into()));
        let (findings, _) = findings.into_sorted(9);
        let json = serde_json::to_value(&findings).unwrap();
        assert_eq!(json[0]["action"], "review");
        assert_eq!(json[0]["severity"], "medium");
        assert_eq!(serde_json::from_value::<Vec<Finding>>(json).unwrap(), findings);
    }
}
