//! Office documents and EPUBs: ZIPs inside the nano's ZIP, and the documents embedded in them.

use std::{path::Path, sync::Arc};

use tempfile::SpooledTempFile;

use crate::{
    entries::{Archive, ArchiveError, Entry},
    html::{self, Syntax},
    kind::{Kind, extension},
    text::plain,
};

/// Files in one document, at most.
const FILES_MAX: usize = 5000;
/// How deep documents lie in one another, at most: a document, and one embedded in it. The archive check says the same.
pub const DEPTH_MAX: u8 = 2;
/// Unpacked bytes of one document and of what is embedded in it, at most; what lies beyond is not read.
pub const BYTES_MAX: u64 = 512 << 20;
/// One text part of a document is read up to this size, in bytes.
const PART_MAX: u64 = 8 << 20;

/// A document, opened.
pub struct Document {
    pub archive: Archive<SpooledTempFile>,
    pub entries: Arc<[Entry]>,
}

impl Document {
    /// Opens a document that was spooled. Fails with `Damaged` if it is no ZIP or has too many files.
    pub fn open(spool: SpooledTempFile) -> Result<Self, ArchiveError> {
        let archive = Archive::new(spool)?;
        let entries = archive.entries();
        if entries.len() > FILES_MAX {
            return Err(ArchiveError::Damaged(format!("{} files; at most {FILES_MAX}", entries.len())));
        }
        Ok(Self { archive, entries })
    }

    /// Its text, part by part, up to `max` bytes.
    pub fn text(&mut self, max: usize) -> Result<String, ArchiveError> {
        let mut parts: Vec<Entry> = self.entries.iter().filter(|entry| is_text_part(&entry.name)).cloned().collect();
        parts.sort_by(crate::entries::reading_order);
        let mut text = String::new();
        for part in parts {
            if text.len() >= max {
                break;
            }
            let xml = plain::decode(&self.archive.head(&part, PART_MAX)?);
            text.push_str(&html::text::text(&xml, Syntax::Xml));
            text.push('\n');
        }
        Ok(text)
    }
}

/// Opens an entry of the nano as a document.
pub fn open<R: std::io::Read + std::io::Seek>(
    archive: &mut Archive<R>,
    entry: &Entry,
    scratch: &Path,
    cancelled: &dyn Fn() -> bool,
) -> Result<Document, ArchiveError> {
    Document::open(archive.spool(entry, scratch, cancelled)?)
}

/// Parts that hold what a reader sees (ECMA-376; OpenDocument 1.3, part 2; EPUB 3).
fn is_text_part(name: &str) -> bool {
    matches!(
        name,
        "word/document.xml" | "word/footnotes.xml" | "word/endnotes.xml" | "xl/sharedStrings.xml" | "content.xml"
    ) || is_in(name, "ppt/slides/")
        || is_in(name, "ppt/notesSlides/")
        || Kind::of(name) == Kind::Html
}

/// Parts that hold words at all: also headers, footers, comments, styles with text, and what the document says of itself.
pub fn has_words(name: &str) -> bool {
    let is_wordy = |folder: &str, beginnings: &[&str]| {
        is_in(name, folder) && beginnings.iter().any(|beginning| name[folder.len()..].starts_with(beginning))
    };
    is_text_part(name)
        || is_wordy("word/", &["header", "footer", "comments", "glossary"])
        || is_wordy("xl/", &["comments"])
        || is_wordy("xl/worksheets/", &["sheet"])
        || ["xl/threadedComments/", "ppt/comments/", "ppt/slideMasters/", "ppt/slideLayouts/", "ppt/notesMasters/"]
            .iter()
            .chain(&["ppt/diagrams/", "word/diagrams/", "xl/drawings/", "ppt/charts/", "word/charts/", "xl/charts/"])
            .any(|folder| is_in(name, folder))
        || matches!(name, "styles.xml" | "meta.xml" | "docProps/core.xml" | "docProps/app.xml" | "docProps/custom.xml")
}

/// Numbers stand between the words of a sheet.
pub fn is_sheet(name: &str) -> bool {
    is_in(name, "xl/worksheets/")
}

fn is_in(name: &str, folder: &str) -> bool {
    name.strip_prefix(folder).is_some_and(|file| file.ends_with(".xml") && !file.contains('/'))
}

/// Parts that are XML, whatever their kind.
pub fn is_xml(name: &str, head: &[u8]) -> bool {
    let named = matches!(extension(name).as_str(), "xml" | "rels" | "vml" | "opf" | "ncx" | "rdf");
    named || head.trim_ascii_start().starts_with(b"<") || head.starts_with(b"\xEF\xBB\xBF<")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entries::tests::archive_of;

    #[test]
    fn words_stand_in_many_parts() {
        for name in [
            "word/header1.xml",
            "word/comments.xml",
            "ppt/notesSlides/notesSlide1.xml",
            "xl/worksheets/sheet1.xml",
            "styles.xml",
        ] {
            assert!(has_words(name), "{name}");
        }
        for name in ["word/styles.xml", "word/_rels/document.xml.rels", "ppt/theme/theme1.xml", "word/media/a.xml"] {
            assert!(!has_words(name), "{name}");
        }
    }

    #[test]
    fn reads_what_a_reader_sees() {
        let docx = crate::entries::tests::zip_of(&[
            ("[Content_Types].xml", b"<Types>no</Types>"),
            ("word/document.xml", "<w:p><w:t>Grüße</w:t></w:p>".as_bytes()),
            ("word/styles.xml", b"<w:style>no</w:style>"),
        ]);
        let pptx = crate::entries::tests::zip_of(&[
            ("ppt/slides/slide10.xml", b"<a:p><a:t>zehn</a:t></a:p>"),
            ("ppt/slides/slide2.xml", b"<a:p><a:t>zwei</a:t></a:p>"),
            ("ppt/slides/_rels/slide2.xml.rels", b"<no>no</no>"),
        ]);
        let (folder, path) = archive_of(&[("a.docx", &docx), ("b.pptx", &pptx), ("c.odt", b"no zip")]);
        let mut archive = crate::entries::FileArchive::open(&path).unwrap();
        let entries = archive.entries();
        let mut text = |index: usize| {
            let mut document = open(&mut archive, &entries[index], folder.path(), &|| false)?;
            document.text(1000)
        };
        assert_eq!(text(0).unwrap(), "Grüße\n");
        assert_eq!(text(1).unwrap(), "zwei\nzehn\n");
        assert!(matches!(text(2), Err(ArchiveError::Damaged(_))));
    }
}
