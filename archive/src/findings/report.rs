//! The report of a check: its findings and the manifest of the accepted files.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{
    findings::{
        code::{Code, Lang, Severity},
        figures,
        writer::Writer,
    },
    limits::Limits,
    packages::Package,
};

/// Raised whenever the rules change, so that a stored report tells what it was checked against.
pub const RULES_VERSION: u32 = 3;

/// Longest entry name quoted in a finding, in characters.
const QUOTED: usize = 300;

/// How many entries a finding names.
const EXAMPLES: usize = 3;

/// One kind of thing found in an archive, however often.
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
    /// How often it was found; entry, offset and detail are those of the first time.
    #[serde(default = "once")]
    pub count: u64,
    /// When found more than once: the first three entries concerned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<String>,
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
            count: 1,
            examples: Vec::new(),
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

    /// Found so many times, in these entries among others.
    pub(crate) fn times(mut self, count: u64, examples: &[String]) -> Self {
        self.count = count;
        if count > 1 {
            self.examples = examples.iter().take(EXAMPLES).map(|name| quote(name)).collect();
        }
        self
    }

    /// With other advice than the catalogue's.
    pub(crate) fn hints(mut self, de: impl Into<Cow<'static, str>>, en: impl Into<Cow<'static, str>>) -> Self {
        (self.hint_de, self.hint_en) = (de.into(), en.into());
        self
    }

    /// Says the same as another finding, of another entry at most.
    fn repeats(&self, other: &Self) -> bool {
        self.code == other.code && self.entry.is_some() == other.entry.is_some() && self.hint_en == other.hint_en
    }

    /// Counts a finding that says the same.
    fn again(&mut self, other: &Self) {
        self.count += other.count;
        if self.examples.is_empty() {
            self.examples.extend(self.entry.clone());
        }
        for name in other.examples.iter().chain(&other.entry) {
            if self.examples.len() < EXAMPLES && !self.examples.contains(name) {
                self.examples.push(name.clone());
            }
        }
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

fn once() -> u64 {
    1
}

/// Collects findings, each kind once, up to a bound. When the list is full, what is graver displaces what is less so.
#[derive(Clone, Debug)]
pub(crate) struct Findings {
    list: Vec<Finding>,
    limits: Limits,
    /// Who wrote the archive, where its marks are clear.
    pub writer: Option<Writer>,
    rejected: bool,
    left_out: u64,
}

impl Findings {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { list: Vec::new(), limits: limits.clone(), writer: None, rejected: false, left_out: 0 }
    }

    pub(crate) fn add(&mut self, mut finding: Finding) {
        self.rejected |= finding.severity == Severity::Reject;
        if let Some(known) = self.list.iter_mut().find(|known| known.repeats(&finding)) {
            known.again(&finding);
            return;
        }
        if let Some((de, en)) = figures::causes(finding.code, &self.limits) {
            (finding.message_de, finding.message_en) = (de.into(), en.into());
        }
        if self.list.len() < self.limits.findings {
            self.list.push(finding);
            return;
        }
        self.left_out += 1;
        let least = (0..self.list.len()).max_by_key(|&at| gravity(&self.list[at]));
        if let Some(at) = least.filter(|&at| gravity(&self.list[at]) > gravity(&finding)) {
            self.list[at] = finding;
        }
    }

    /// Puts one finding in place of all those of a code, if there are any.
    pub(crate) fn replace(&mut self, code: Code, finding: Finding) {
        let before = self.list.len();
        self.list.retain(|kept| kept.code != code);
        if self.list.len() < before {
            self.add(finding);
        }
    }

    pub(crate) fn rejected(&self) -> bool {
        self.rejected
    }

    pub(crate) fn to_vec(&self) -> Vec<Finding> {
        let mut list = self.list.clone();
        list.sort_by_key(gravity);
        for finding in &mut list {
            if let Some((de, en)) = self.writer.and_then(|writer| writer.cures(finding.code))
                && finding.hint_en == finding.code.cure(Lang::En)
            {
                (finding.hint_de, finding.hint_en) = (de.into(), en.into());
            }
        }
        if self.left_out > 0 {
            list.push(Finding::new(Code::MoreFindings).detail(self.left_out.to_string()));
        }
        list
    }
}

/// Gravest first: what refuses before what is only worth knowing, what is wrong with the whole archive before what is
/// wrong with an entry, then in the order of the rules.
fn gravity(finding: &Finding) -> (bool, bool, Code) {
    (finding.severity == Severity::Note, finding.entry.is_some(), finding.code)
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
    /// The learning package that the content is, if it is one that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<Package>,
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
        let mut findings = Findings::new(&Limits { findings: 3, ..Limits::default() });
        for code in [Code::JunkIgnored, Code::TextEncoding, Code::NameReencoded, Code::NameRecomposed] {
            findings.add(Finding::new(code).entry("a.txt"));
        }
        assert!(!findings.rejected());
        for code in [Code::Program, Code::TypeMismatch, Code::EmptyEntry] {
            findings.add(Finding::new(code).entry("x.exe"));
        }
        assert!(findings.rejected());
        findings.add(Finding::new(Code::EntryCountMismatch));
        let list = findings.to_vec();
        let codes: Vec<_> = list.iter().map(|finding| finding.code).collect();
        assert_eq!(codes, [Code::EntryCountMismatch, Code::Program, Code::TypeMismatch, Code::MoreFindings]);
        assert_eq!(list[3].detail.as_deref(), Some("5"));
    }

    #[test]
    fn one_kind_is_one_finding_with_examples() {
        let mut findings = Findings::new(&Limits::default());
        for number in 0..120 {
            findings.add(Finding::new(Code::TypeNotAllowed).entry(&format!("{number}.heic")).offset(number));
        }
        findings.add(Finding::new(Code::TooManyEntries));
        findings.add(Finding::new(Code::TypeMismatch).entry("a.png").hints("Anders.", "Otherwise."));
        findings.add(Finding::new(Code::TypeMismatch).entry("b.png"));
        let list = findings.to_vec();
        assert_eq!(list.len(), 4);
        assert_eq!(
            list[0].message(Lang::En),
            "The archive holds more than 5,000 entries (files, folders and the parts of office documents)."
        );
        assert_eq!((list[1].code, list[1].count, list[1].offset), (Code::TypeNotAllowed, 120, Some(0)));
        assert_eq!(list[1].examples, ["0.heic", "1.heic", "2.heic"]);
        assert!(list[2].count == 1 && list[2].examples.is_empty() && list[2].hint(Lang::De) == "Anders.");
    }

    #[test]
    fn a_report_of_older_rules_is_still_read() {
        let json = r#"{"code":"PROGRAM","severity":"reject","entry":"a.exe","message_de":"","message_en":"","hint_de":"","hint_en":""}"#;
        let finding: Finding = serde_json::from_str(json).unwrap();
        assert_eq!((finding.count, finding.examples.len()), (1, 0));
    }

    #[test]
    fn the_likely_writer_changes_the_hint() {
        let mut findings = Findings::new(&Limits::default());
        findings.writer = Some(Writer::InfoZip);
        findings.add(Finding::new(Code::Zip64));
        findings.add(Finding::new(Code::Program).entry("a.exe"));
        let list = findings.to_vec();
        assert!(list[0].hint(Lang::En).contains("zip -r"), "{:?}", list[0]);
        assert_eq!(list[1].hint(Lang::En), Code::Program.cure(Lang::En));
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
