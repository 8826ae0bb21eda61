//! Office documents and EPUBs: every part past the rules, and what each kind of part is looked at for.

use std::io::{Read, Seek};

use crate::{
    entries::{Archive, ArchiveError, Entry},
    error::ContentError,
    html::{Syntax, Token, text::Visible, tokens_of},
    kind::Kind,
    office::{self, Document},
    scan::{CANCEL_STEP, Scan, finding, part::Part, pieces::Pieces},
    text::plain,
};

/// Bytes of a part that tell what it is.
const MAGIC: u64 = 16;

/// How deep a document lies, and how much of its contents may still be read.
struct Level {
    depth: u8,
    left: u64,
}

impl Scan<'_> {
    /// A document of the nano.
    pub(super) fn document(&mut self, document: Document, outer: &str) -> Result<(), ContentError> {
        let mut level = Level { depth: 1, left: office::BYTES_MAX };
        self.parts(document, outer, &mut level)
    }

    fn parts(&mut self, mut document: Document, outer: &str, level: &mut Level) -> Result<(), ContentError> {
        let mut words = Pieces::default();
        for entry in document.entries.clone().iter() {
            let Some(left) = level.left.checked_sub(entry.size) else {
                self.findings.add(&finding::NOT_FULLY_SCANNED, outer, 1, None);
                break;
            };
            level.left = left;
            let name = format!("{outer}!{}", entry.name);
            match self.part(&mut document.archive, entry, &name, &mut words, level) {
                Ok(()) => {}
                // The archive check does not look this deep.
                Err(ContentError::Archive(ArchiveError::Damaged(_))) => {
                    self.findings.add(&finding::NOT_FULLY_SCANNED, &name, 1, None);
                }
                Err(error) => return Err(error),
            }
            if let Some(piece) = words.piece() {
                self.words(outer, &piece);
            }
        }
        self.words(outer, &words.text);
        Ok(())
    }

    fn part<R: Read + Seek>(
        &mut self,
        archive: &mut Archive<R>,
        entry: &Entry,
        name: &str,
        words: &mut Pieces,
        level: &mut Level,
    ) -> Result<(), ContentError> {
        self.past_rules(&mut archive.reader(entry)?, name, true)?;
        let head = archive.head(entry, MAGIC)?;
        match entry.kind {
            _ if head.starts_with(b"PK\x03\x04") => self.embedded(archive, entry, name, level),
            _ if head.starts_with(b"%PDF-") => {
                let spool = archive.spool(entry, &self.options.scratch, self.cancelled)?;
                self.pdf(spool, name, entry.size, true)
            }
            // EPUB chapters are pages, and images in documents may be SVG.
            Kind::Html | Kind::Svg => self.page(archive, entry, name),
            _ if office::is_xml(&entry.name, &head) => self.xml_part(archive, entry, name, words),
            _ => Ok(()),
        }
    }

    /// A document in the document: a sheet behind a chart, a text in a presentation.
    fn embedded<R: Read + Seek>(
        &mut self,
        archive: &mut Archive<R>,
        entry: &Entry,
        name: &str,
        level: &mut Level,
    ) -> Result<(), ContentError> {
        if level.depth == office::DEPTH_MAX {
            self.findings.add(&finding::NOT_FULLY_SCANNED, name, 1, None);
            return Ok(());
        }
        let document = office::open(archive, entry, &self.options.scratch, self.cancelled)?;
        level.depth += 1;
        let done = self.parts(document, name, level);
        level.depth -= 1;
        done
    }

    /// Fields, actions, relationships and words of one part.
    fn xml_part<R: Read + Seek>(
        &mut self,
        archive: &mut Archive<R>,
        entry: &Entry,
        name: &str,
        words: &mut Pieces,
    ) -> Result<(), ContentError> {
        let head = archive.head(entry, plain::HEAD)?;
        let has_words = office::has_words(&entry.name);
        let is_sheet = office::is_sheet(&entry.name);
        let mut part = Part::new(name);
        let (mut visible, mut in_text) = (Visible::new(Syntax::Xml), false);
        for (at, token) in tokens_of(plain::utf8(archive.reader(entry)?, &head), Syntax::Xml).enumerate() {
            let token = token?;
            if at.is_multiple_of(CANCEL_STEP) {
                self.go_on()?;
            }
            part.token(&token);
            match &token {
                Token::Start { name, .. } if name == "t" => in_text = true,
                Token::End { name } if name == "t" => in_text = false,
                _ => {}
            }
            if has_words && (!is_sheet || in_text || !matches!(token, Token::Text { .. })) {
                visible.token(&token);
            }
            if let Some(piece) = visible.pieces.piece() {
                words.text.push_str(&piece);
            }
            words.text.push_str(&std::mem::take(&mut part.links));
            if let Some(piece) = words.piece() {
                self.words(name, &piece);
            }
        }
        self.findings.absorb(part.findings);
        words.text.push_str(&visible.pieces.text);
        words.text.push('\n');
        Ok(())
    }
}
