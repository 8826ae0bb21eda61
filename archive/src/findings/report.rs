//! The report of a check: its findings and the manifest of the accepted files.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::findings::code::{Code, Lang, Severity};

/// Raised whenever the rules change, so that a stored report tells what it was checked against.
pub const RULES_VERSION: u32 = 2;

/// Longest entry name quoted in a finding, in characters.
const QUOTED: usize = 300;

/// One thing found in an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub code: Code,
    pub severity: Severity,
    /// The entry concerned, safe to display (control and bidirectional characters escaped).
    /// A part of a document stands behind `!/`: `deck.pptx!/ppt/vbaProject.bin`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
    /// Byte offset in the upload, or in the document before the last `!/` when the entry names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// Figures and field names, the same in every language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    pub message_de: Cow<'static, str>,
    pub message_en: Cow<'static, str>,
    pub hint_de: Cow<'static, str>,
    pub hint_en: Cow<'static, str>,
}

impl Finding {
    /// A finding with the catalogue's texts, about the archive as a whole.
    pub fn new(code: Code) -> Self {
        Self {
            code,
            severity: code.severity(),
            entry: None,
            offset: None,
            detail: None,
            message_de: code.cause(Lang::De).into(),
            message_en: code.cause(Lang::En).into(),
            hint_de: code.cure(Lang::De).into(),
            hint_en: code.cure(Lang::En).into(),
        }
    }

    /// About the entry of this name.
    pub fn entry(mut self, name: &str) -> Self {
        self.entry = Some(quote(name));
        self
    }

    pub fn offset(mut self, offset: u64) -> Self {
        self.offset = Some(offset);
        self
    }

    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(quote(&detail.into()));
        self
    }

    /// What is wrong, for the creator.
    pub fn message(&self, lang: Lang) -> &str {
        match lang {
            Lang::De => &self.message_de,
            Lang::En => &self.message_en,
        }
    }

    /// How to put it right.
    pub fn hint(&self, lang: Lang) -> &str {
        match lang {
            Lang::De => &self.hint_de,
            Lang::En => &self.hint_en,
        }
    }
}

/// A name that cannot play tricks on a terminal, a log line or a page.
fn quote(name: &str) -> String {
    let mut quoted = String::new();
    for c in name.chars().take(QUOTED) {
        if c.is_control() || crate::names::name::is_invisible(c) {
            quoted.extend(c.escape_unicode());
        } else {
            quoted.push(c);
        }
    }
    if name.chars().nth(QUOTED).is_some() {
        quoted.push('…');
    }
    quoted
}

/// Collects findings up to a bound. A reason to refuse displaces a note when the list is full.
#[derive(Clone, Debug)]
pub(crate) struct Findings {
    list: Vec<Finding>,
    most: usize,
    rejected: bool,
    left_out: u64,
}

impl Findings {
    pub(crate) fn new(most: usize) -> Self {
        Self { list: Vec::new(), most, rejected: false, left_out: 0 }
    }

    pub(crate) fn add(&mut self, finding: Finding) {
        let reject = finding.severity == Severity::Reject;
        self.rejected |= reject;
        if self.list.len() < self.most {
            self.list.push(finding);
            return;
        }
        self.left_out += 1;
        if reject && let Some(at) = self.list.iter().rposition(|kept| kept.severity == Severity::Note) {
            self.list.remove(at);
            self.list.push(finding);
        }
    }

    pub(crate) fn rejected(&self) -> bool {
        self.rejected
    }

    pub(crate) fn to_vec(&self) -> Vec<Finding> {
        let mut list = self.list.clone();
        if self.left_out > 0 {
            list.push(Finding::new(Code::MoreFindings).detail(self.left_out.to_string()));
        }
        list
    }
}

/// How an entry's bytes are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    Stored,
    Deflate,
}

/// One file of the archive: what the canonical archive is built from.
/// Folders and ignored system files are not listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestEntry {
    /// Path with `/`, UTF-8, composed (NFC).
    pub name: String,
    /// The stored bytes of the name were other ones.
    pub renamed: bool,
    pub media_type: Cow<'static, str>,
    /// Bytes after expansion.
    pub size: u64,
    /// Bytes in the archive.
    pub compressed_size: u64,
    pub crc32: u32,
    pub method: Method,
    /// Where the content starts in the archive this manifest belongs to.
    pub data_offset: u64,
}

/// The outcome of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The version of the rules at the time of the check.
    pub rules: u32,
    /// No finding refuses the archive, and all of its content was read.
    pub accepted: bool,
    /// False when the directory, or a budget that ran out, was reason enough to stop.
    pub content_checked: bool,
    pub findings: Vec<Finding>,
    /// In the order of the archive. Empty unless the content was checked.
    pub entries: Vec<ManifestEntry>,
    /// Bytes of the upload.
    pub upload_size: u64,
    /// Bytes of all entries in packed form, as stated.
    pub compressed_size: u64,
    /// Bytes of all entries after expansion, as stated; the parts of office documents come on top when they were read.
    pub expanded_size: u64,
}

impl Report {
    /// The findings that refuse the archive.
    pub fn rejections(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Reject)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_bounded_and_a_rejection_is_never_lost() {
        let mut findings = Findings::new(3);
        for _ in 0..5 {
            findings.add(Finding::new(Code::JunkIgnored));
        }
        assert!(!findings.rejected());
        findings.add(Finding::new(Code::Program).entry("x.exe"));
        assert!(findings.rejected());
        let list = findings.to_vec();
        assert_eq!(list.len(), 4);
        assert!(list.iter().any(|finding| finding.code == Code::Program));
        assert_eq!(list[3].code, Code::MoreFindings);
        assert_eq!(list[3].detail.as_deref(), Some("3"));
    }

    #[test]
    fn names_are_quoted_safely() {
        let finding = Finding::new(Code::NameInvisibleCharacter).entry("a\u{202e}b\u{1b}[31m");
        assert_eq!(finding.entry.as_deref(), Some("a\\u{202e}b\\u{1b}[31m"));
        assert_eq!(quote(&"x".repeat(1_000)).chars().count(), QUOTED + 1);
        // Details quote extensions and other names.
        assert_eq!(Finding::new(Code::TypeNotAllowed).detail(".\u{1b}c").detail.as_deref(), Some(".\\u{1b}c"));
    }

    #[test]
    fn a_finding_survives_json() {
        let finding = Finding::new(Code::CrcMismatch).entry("a.txt").offset(7).detail("stated 1");
        let json = serde_json::to_string(&finding).unwrap();
        assert_eq!(serde_json::from_str::<Finding>(&json).unwrap(), finding);
    }
}
