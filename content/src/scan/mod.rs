//! Looking for what must not reach a reader, and for what a person should see first.
//!
//! Every byte of every entry goes past the YARA rules, in windows of 8 MiB that overlap by 64 KiB, so memory stays flat
//! at any size. On top of that, by kind:
//!
//! | kind | what else |
//! | --- | --- |
//! | text, Markdown, data, subtitles | words, contacts, links |
//! | HTML, SVG, CSS | active content, sites loaded from outside; words, contacts, links |
//! | PDF | names of active objects, also in compressed ones; words, contacts, links of the text |
//! | office documents, EPUB | each part past the rules, one level deep; words, contacts, links of the text |
//!
//! Text rules read the first 4 MiB of a text and 1 MiB of a PDF's or a document's text.

mod contact;
pub(crate) mod finding;
pub(crate) mod lazy_scanner;
pub(crate) mod links;
mod profanity;
mod rules;

use std::{
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    time::Duration,
};

use domain::{nano::Format, review::ScanAction};
use serde::{Deserialize, Serialize};

use crate::{
    entries::{ArchiveError, Entry, FileArchive, fill},
    error::ContentError,
    guard::{self, Stopped},
    html::{self, Syntax},
    image::decode::PixelLimits,
    kind::{Kind, extension},
    office, pdf,
    scan::{
        finding::Findings,
        rules::{Place, Rules},
    },
    text::{language, plain},
};

pub use finding::{Finding, Severity};
pub use rules::RulesError;

/// Bytes that go past the rules at once.
const WINDOW: usize = 8 << 20;
/// Bytes of a window that are seen again in the next.
const OVERLAP: usize = 64 << 10;
/// Text looked at by the text rules, in bytes: of a text file, and of a PDF or office document.
const TEXT_MAX: usize = 4 << 20;
const DOCUMENT_TEXT_MAX: usize = 1 << 20;
/// Findings of one rule that are reported, at most.
const PER_RULE: usize = 50;
/// Time for the text of one PDF.
const PDF_TIME: Duration = Duration::from_secs(20);
/// Reading text decodes no images, but the limits apply all the same.
const PDF_LIMITS: PixelLimits = PixelLimits { pixels: 200_000_000, memory: 64 << 20 };

/// What a scan needs to know about the nano.
#[derive(Clone, Debug)]
pub struct ScanOptions {
    pub format: Format,
    /// The nano's language as its creator stated it (`de`, `en`, …); for entries too short to tell.
    pub language: Option<String>,
    /// A folder for unpacked documents; nothing stays in it.
    pub scratch: PathBuf,
}

/// How far a scan is, in bytes of unpacked content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    pub done: u64,
    pub total: u64,
}

/// What a scan found; stored with the version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanReport {
    /// Which engine looked.
    pub engine: String,
    /// Fingerprint of the rule set, so that it can be told who was scanned with what.
    pub rules_version: String,
    /// Entries and unpacked bytes that went past the rules.
    pub entries: u32,
    pub bytes: u64,
    /// The gravest first; at most 50 per rule.
    pub findings: Vec<Finding>,
    /// Findings beyond that.
    pub left_out: u32,
}

impl ScanReport {
    /// The gravest action that any finding asks for.
    pub fn gravest(&self) -> Option<ScanAction> {
        self.findings.iter().map(|finding| finding.action).max()
    }
}

/// Compiled rules, ready to scan. Made once, shared by all jobs; made anew when rules change.
#[derive(Debug)]
pub struct Scanner {
    rules: Rules,
}

impl Scanner {
    /// Compiles our own rules and those in `rules_dir`. Takes some milliseconds.
    pub fn new(rules_dir: Option<&Path>) -> Result<Self, RulesError> {
        Ok(Self { rules: Rules::load(rules_dir)? })
    }

    /// Changes when any rule does.
    pub fn rules_version(&self) -> &str {
        &self.rules.version
    }

    /// Scans all entries of the nano in `archive`. `progress` is told after each window; `cancelled` is asked then.
    pub fn scan(
        &self,
        archive: &Path,
        options: &ScanOptions,
        progress: &mut dyn FnMut(Progress),
        cancelled: &dyn Fn() -> bool,
    ) -> Result<ScanReport, ContentError> {
        let mut archive = FileArchive::open(archive)?;
        let entries = archive.entries();
        let mut scan = Scan {
            rules: self.rules.clone(),
            options,
            progress,
            cancelled,
            findings: Findings::default(),
            window: Vec::new(),
            state: Progress { done: 0, total: entries.iter().map(|entry| entry.size).sum() },
            bytes: 0,
        };
        for entry in entries.iter() {
            scan.entry(&mut archive, entry)?;
        }
        let bytes = scan.bytes;
        let (findings, left_out) = scan.findings.into_sorted(PER_RULE);
        Ok(ScanReport {
            engine: "boreal".into(),
            rules_version: self.rules.version.clone(),
            entries: entries.len() as u32,
            bytes,
            findings,
            left_out,
        })
    }
}

struct Scan<'a> {
    rules: Rules,
    options: &'a ScanOptions,
    progress: &'a mut dyn FnMut(Progress),
    cancelled: &'a dyn Fn() -> bool,
    findings: Findings,
    /// One buffer for all windows.
    window: Vec<u8>,
    state: Progress,
    bytes: u64,
}

impl Scan<'_> {
    fn entry(&mut self, archive: &mut FileArchive, entry: &Entry) -> Result<(), ContentError> {
        let name = entry.name.as_str();
        match entry.kind {
            Kind::Pdf => {
                let mut spool = archive.spool(entry, &self.options.scratch, self.cancelled)?;
                self.past_rules(&mut spool, name, false, 0)?;
                spool.seek(SeekFrom::Start(0))?;
                self.pdf(spool, entry)
            }
            Kind::Office => {
                let mut spool = archive.spool(entry, &self.options.scratch, self.cancelled)?;
                self.past_rules(&mut spool, name, false, 0)?;
                spool.seek(SeekFrom::Start(0))?;
                match office::Document::open(spool) {
                    Ok(document) => self.office(document, name),
                    Err(ArchiveError::Damaged(_)) => {
                        self.findings.add(&finding::NOT_FULLY_SCANNED, name, 1, None);
                        Ok(())
                    }
                    Err(error) => Err(error.into()),
                }
            }
            kind => {
                let keep = if is_text(kind) { TEXT_MAX } else { 0 };
                let head = self.past_rules(&mut archive.reader(entry)?, name, false, keep)?;
                self.text_file(kind, name, &head);
                Ok(())
            }
        }
    }

    /// Shows everything to the rules, window by window, and returns the first `keep` bytes.
    fn past_rules(
        &mut self,
        content: &mut impl Read,
        name: &str,
        nested: bool,
        keep: usize,
    ) -> Result<Vec<u8>, ContentError> {
        let extension = extension(name);
        let mut head = Vec::new();
        let (mut kept, mut window) = (0, 0);
        loop {
            if (self.cancelled)() {
                return Err(ContentError::Cancelled);
            }
            let read = self.fill_window(content, kept)?;
            if read == 0 && window > 0 {
                return Ok(head);
            }
            let bytes = &self.window[..kept + read];
            let fresh = &bytes[kept..];
            head.extend_from_slice(&fresh[..fresh.len().min(keep - head.len())]);
            let scripts_allowed = self.options.format.allows_script();
            let place = Place { entry: name, extension: &extension, nested, window, scripts_allowed };
            let (found, timed_out) = self.rules.scan(bytes, place);
            found.into_iter().for_each(|finding| self.findings.insert(finding));
            if timed_out {
                self.findings.add(&finding::NOT_FULLY_SCANNED, name, 1, None);
            }
            self.bytes += read as u64;
            if !nested {
                self.state.done += read as u64;
                (self.progress)(self.state);
            }
            if kept + read < WINDOW {
                return Ok(head);
            }
            self.window.copy_within(WINDOW - OVERLAP..WINDOW, 0);
            (kept, window) = (OVERLAP, window + 1);
        }
    }

    /// Fills the window behind the first `kept` bytes. Grows it step by step: most entries are small, and a header's
    /// claim is not worth an allocation.
    fn fill_window(&mut self, content: &mut impl Read, kept: usize) -> Result<usize, ContentError> {
        let mut filled = kept;
        loop {
            if self.window.len() == filled {
                let larger = (self.window.len() * 2).clamp(256 << 10, WINDOW);
                self.window.resize(larger, 0);
            }
            let read = fill(content, &mut self.window[filled..])?;
            filled += read;
            if filled == WINDOW || filled < self.window.len() {
                return Ok(filled - kept);
            }
        }
    }

    fn text_file(&mut self, kind: Kind, name: &str, bytes: &[u8]) {
        if !is_text(kind) {
            return;
        }
        let document = plain::decode(bytes);
        let scripts_allowed = self.options.format.allows_script();
        let syntax = if kind == Kind::Html { Syntax::Html } else { Syntax::Xml };
        match kind {
            Kind::Html | Kind::Svg => {
                html::active::inspect(name, &document, syntax, scripts_allowed, &mut self.findings);
                let mut text = html::text::text(&document, syntax);
                text.push('\n');
                text.push_str(&html::text::addresses(&document, syntax));
                self.words(name, &text);
            }
            Kind::Css => html::active::inspect_css(name, &document, &mut self.findings),
            Kind::Subtitles => self.words(name, &plain::subtitles(&document)),
            _ => self.words(name, &document),
        }
    }

    /// The text rules.
    fn words(&mut self, name: &str, text: &str) {
        let language = language::detect(text).or(self.options.language.as_deref());
        profanity::inspect(name, text, language, &mut self.findings);
        contact::inspect(name, text, &mut self.findings);
        links::inspect(name, text, &mut self.findings);
    }

    fn pdf(&mut self, mut spool: impl Read + Seek, entry: &Entry) -> Result<(), ContentError> {
        let name = entry.name.as_str();
        let facts = pdf::stream::inspect(&mut spool, self.cancelled)?;
        if (self.cancelled)() {
            return Err(ContentError::Cancelled);
        }
        pdf::active::inspect(name, &facts, &mut self.findings);
        if entry.size > pdf::PDF_MAX {
            self.findings.add(&finding::TEXT_NOT_CHECKED, name, 1, None);
            return Ok(());
        }
        spool.seek(SeekFrom::Start(0))?;
        let mut bytes = Vec::new();
        spool.take(pdf::PDF_MAX).read_to_end(&mut bytes)?;
        let read =
            guard::run(PDF_TIME * 2, self.cancelled, move || pdf::read(bytes, DOCUMENT_TEXT_MAX, PDF_TIME, PDF_LIMITS));
        match read {
            Ok(Ok(read)) => self.words(name, &read.text),
            Ok(Err(_)) | Err(Stopped::Panicked(_) | Stopped::TimedOut(_)) => {
                self.findings.add(&finding::TEXT_NOT_CHECKED, name, 1, None);
            }
            Err(Stopped::Cancelled) => return Err(ContentError::Cancelled),
            Err(Stopped::Thread(error)) => return Err(ContentError::Thread(error)),
        }
        Ok(())
    }

    fn office(&mut self, mut document: office::Document, outer: &str) -> Result<(), ContentError> {
        let mut unpacked = 0;
        for entry in document.entries.clone().iter() {
            unpacked += entry.size;
            if unpacked > office::BYTES_MAX {
                self.findings.add(&finding::NOT_FULLY_SCANNED, outer, 1, None);
                break;
            }
            let name = format!("{outer}!{}", entry.name);
            // EPUB chapters are pages, and images in documents may be SVG.
            let keep = if matches!(entry.kind, Kind::Html | Kind::Svg) { TEXT_MAX } else { 0 };
            let head = match document.archive.reader(entry) {
                Ok(mut content) => self.past_rules(&mut content, &name, true, keep),
                Err(error) => Err(error.into()),
            };
            match head {
                Ok(head) if keep > 0 => {
                    let syntax = if entry.kind == Kind::Html { Syntax::Html } else { Syntax::Xml };
                    let page = plain::decode(&head);
                    html::active::inspect(
                        &name,
                        &page,
                        syntax,
                        self.options.format.allows_script(),
                        &mut self.findings,
                    );
                }
                Ok(_) => {}
                // The archive check does not look this deep.
                Err(ContentError::Archive(ArchiveError::Damaged(_))) => {
                    self.findings.add(&finding::NOT_FULLY_SCANNED, &name, 1, None);
                }
                Err(error) => return Err(error),
            }
        }
        match document.text(DOCUMENT_TEXT_MAX) {
            Ok(text) => self.words(outer, &text),
            Err(ArchiveError::Damaged(_)) => self.findings.add(&finding::TEXT_NOT_CHECKED, outer, 1, None),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}

/// Kinds whose bytes are text that somebody reads.
fn is_text(kind: Kind) -> bool {
    use Kind as K;
    matches!(kind, K::Text | K::Markdown | K::Html | K::Css | K::Data | K::Svg | K::Subtitles)
}

#[cfg(test)]
mod tests;
