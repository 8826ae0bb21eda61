//! Looking for what must not reach a reader, and for what a person should see first.
//!
//! Every byte of every entry goes past the YARA rules, in windows of 8 MiB that overlap by 64 KiB, so memory stays flat
//! at any size. On top of that, by kind:
//!
//! | kind | what else |
//! | --- | --- |
//! | text, Markdown, data, subtitles | words, contacts, links |
//! | HTML, SVG, XML, CSS | active content, sites loaded from outside; words, contacts, links |
//! | PDF | names of active objects, also in compressed ones; its streams past the rules; words, contacts, links of the text, targets of links |
//! | office documents, EPUB | each part past the rules, and each part of a document embedded in one; fields, actions, relationships; words, contacts, links of all parts |
//!
//! The names of entries are read like text. Texts are read to their end, in pieces of 1 MiB; of a PDF's text 1 MiB is read.

mod contact;
mod documents;
mod fields;
pub(crate) mod finding;
mod inflated;
pub(crate) mod links;
#[cfg(test)]
mod measured;
mod part;
mod phone;
pub(crate) mod pieces;
mod profanity;
mod rules;
mod spelling;
mod words;

use std::{
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    time::Duration,
};

use domain::{nano::Format, review::ScanAction};
use serde::{Deserialize, Serialize};

use crate::{
    entries::{Archive, ArchiveError, Entry, FileArchive, fill},
    error::ContentError,
    guard::{self, Stopped},
    html::{
        self, Syntax,
        active::Page,
        text::{Visible, addresses},
        tokens_of,
    },
    kind::{Kind, extension},
    office, pdf,
    scan::{
        finding::Findings,
        inflated::Inflated,
        pieces::Pieces,
        rules::{Place, Rules},
    },
    text::{language, plain},
};

pub use fields::text;
pub use finding::{Finding, Severity};
pub use rules::RulesError;

/// Bytes that go past the rules at once.
const WINDOW: usize = 8 << 20;
/// Bytes of a window that are seen again in the next.
const OVERLAP: usize = 64 << 10;
/// Text of a PDF looked at by the text rules, in bytes.
const PDF_TEXT_MAX: usize = 1 << 20;
/// Findings of one rule that are reported, at most.
const PER_RULE: usize = 50;
/// Time for the text of one PDF.
const PDF_TIME: Duration = Duration::from_secs(20);
/// How many tokens of a page pass between two looks at the cancel flag.
const CANCEL_STEP: usize = 4096;

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
            fields::inspect_name(&entry.name, options.language.as_deref(), &mut scan.findings);
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
                self.past_rules(&mut spool, name, false)?;
                self.pdf(spool, name, entry.size, false)
            }
            Kind::Office => {
                let mut spool = archive.spool(entry, &self.options.scratch, self.cancelled)?;
                self.past_rules(&mut spool, name, false)?;
                spool.seek(SeekFrom::Start(0))?;
                match office::Document::open(spool) {
                    Ok(document) => self.document(document, name),
                    Err(ArchiveError::Damaged(_)) => {
                        self.findings.add(&finding::NOT_FULLY_SCANNED, name, 1, None);
                        Ok(())
                    }
                    Err(error) => Err(error.into()),
                }
            }
            kind => {
                self.past_rules(&mut archive.reader(entry)?, name, false)?;
                match kind {
                    Kind::Html | Kind::Svg | Kind::Xml => self.page(archive, entry, name),
                    kind if kind.is_text() => self.text(archive, entry, name),
                    _ => Ok(()),
                }
            }
        }
    }

    /// Shows everything to the rules, window by window.
    fn past_rules(&mut self, content: &mut impl Read, name: &str, nested: bool) -> Result<(), ContentError> {
        let extension = extension(name);
        let (mut kept, mut window) = (0, 0);
        loop {
            self.go_on()?;
            let read = self.fill_window(content, kept)?;
            if read == 0 && window > 0 {
                return Ok(());
            }
            let bytes = &self.window[..kept + read];
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
                return Ok(());
            }
            self.window.copy_within(WINDOW - OVERLAP..WINDOW, 0);
            (kept, window) = (OVERLAP, window + 1);
        }
    }

    fn go_on(&self) -> Result<(), ContentError> {
        if (self.cancelled)() { Err(ContentError::Cancelled) } else { Ok(()) }
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

    /// A page, an image in SVG or a document in XML: what runs in it and what is read in it.
    fn page<R: Read + Seek>(
        &mut self,
        archive: &mut Archive<R>,
        entry: &Entry,
        name: &str,
    ) -> Result<(), ContentError> {
        let syntax = if entry.kind == Kind::Html { Syntax::Html } else { Syntax::Xml };
        let head = archive.head(entry, plain::HEAD)?;
        let mut page = Page::new(name, self.options.format.allows_script());
        let (mut visible, mut links) = (Visible::new(syntax), Pieces::default());
        for (at, token) in tokens_of(plain::utf8(archive.reader(entry)?, &head), syntax).enumerate() {
            let token = token?;
            if at.is_multiple_of(CANCEL_STEP) {
                self.go_on()?;
            }
            page.token(&token);
            visible.token(&token);
            for address in addresses(&token) {
                links.text.push_str(address);
                links.text.push('\n');
            }
            for piece in [visible.pieces.piece(), links.piece()].into_iter().flatten() {
                self.words(name, &piece);
            }
        }
        if syntax == Syntax::Xml {
            let source = plain::utf8(archive.reader(entry)?, &head);
            if html::xml::read(source, &mut |token| page.token(&token))? == html::xml::End::TooMuch {
                self.findings.add(&finding::NOT_FULLY_SCANNED, name, 1, None);
            }
        }
        self.findings.absorb(page.findings());
        self.words(name, &format!("{}\n{}", visible.pieces.text, links.text));
        Ok(())
    }

    /// A text, to its end.
    fn text(&mut self, archive: &mut FileArchive, entry: &Entry, name: &str) -> Result<(), ContentError> {
        let head = archive.head(entry, plain::HEAD)?;
        let source = plain::utf8(archive.reader(entry)?, &head);
        let (mut pieces, cancelled) = (Pieces::default(), self.cancelled);
        plain::pieces(source, &mut |text| {
            pieces.text.push_str(text);
            if let Some(piece) = pieces.piece() {
                self.text_piece(entry.kind, name, &piece);
            }
            !cancelled()
        })?;
        self.go_on()?;
        self.text_piece(entry.kind, name, &pieces.text);
        Ok(())
    }

    fn text_piece(&mut self, kind: Kind, name: &str, text: &str) {
        match kind {
            Kind::Css => html::active::inspect_css(name, text, &mut self.findings),
            Kind::Subtitles => self.words(name, &plain::subtitles(text)),
            _ => self.words(name, text),
        }
    }

    /// The text rules.
    fn words(&mut self, name: &str, text: &str) {
        let language = language::detect(text).or(self.options.language.as_deref());
        fields::inspect(name, text, language, &mut self.findings);
    }

    fn pdf(&mut self, mut spool: impl Read + Seek, name: &str, size: u64, nested: bool) -> Result<(), ContentError> {
        spool.seek(SeekFrom::Start(0))?;
        let scripts_allowed = self.options.format.allows_script();
        let place = Place { entry: name, extension: "pdf", nested, window: 1, scripts_allowed };
        let mut inflated = Inflated::new(self.rules.clone(), place);
        let facts = pdf::stream::inspect(&mut spool, &mut |bytes| inflated.push(bytes), self.cancelled)?;
        self.go_on()?;
        self.findings.absorb(inflated.finish());
        pdf::active::inspect(name, &facts, &mut self.findings);
        if !facts.names.contains("Encrypt") {
            let links: String = facts.links.iter().flat_map(|link| [link.as_str(), "\n"]).collect();
            self.words(name, &links);
        }
        if size > pdf::PDF_MAX {
            self.findings.add(&finding::TEXT_NOT_CHECKED, name, 1, None);
            return Ok(());
        }
        spool.seek(SeekFrom::Start(0))?;
        let mut bytes = Vec::new();
        spool.take(pdf::PDF_MAX).read_to_end(&mut bytes)?;
        let read = guard::run(PDF_TIME * 2, self.cancelled, move || pdf::read(bytes, PDF_TEXT_MAX, PDF_TIME));
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
}

#[cfg(test)]
mod tests;
