//! The smallest contents that are what they claim to be.

use crate::hostile::plan::{EntryPlan, Plan};

pub(crate) const TEXT: &str = "Lernziel: Nach dieser Einheit erklären Sie, wie ein Archiv aufgebaut ist.\n\
    Goal: after this unit you can explain how an archive is built.\n";

pub(crate) const HTML: &str = "<!doctype html><html lang=\"de\"><title>Lektion</title><p>Grüße</p></html>\n";

pub(crate) const PDF: &[u8] = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n\
    2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n";

/// One transparent pixel.
pub(crate) const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\
    \0\0\0\rIDATx\x9cc\xf8\xff\xff?\0\x05\xfe\x02\xfe\xa75\x81\x84\0\0\0\0IEND\xaeB`\x82";

pub(crate) const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xd9";

/// One black pixel.
pub(crate) const BMP: &[u8] = b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\x18\0\0\0\0\0\
    \x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// A DOS header that leads to a Windows one.
pub(crate) fn exe() -> Vec<u8> {
    let mut out = b"MZ\x90\0\x03\0\0\0".to_vec();
    out.resize(0x3c, 0);
    out.extend(0x80u32.to_le_bytes());
    out.resize(0x80, 0);
    out.extend(b"PE\0\0\x64\x86\x01\0");
    out.resize(0x200, 0);
    out
}

pub(crate) fn elf() -> Vec<u8> {
    let mut out = b"\x7fELF\x02\x01\x01\0".to_vec();
    out.resize(64, 0);
    out
}

/// A tar archive of one empty file.
pub(crate) fn tar() -> Vec<u8> {
    let mut out = vec![0; 1024];
    out[..5].copy_from_slice(b"a.txt");
    out[257..265].copy_from_slice(b"ustar\x0000");
    out
}

/// The list of types of a Word document.
pub(crate) const TYPES: &str = "<?xml version=\"1.0\"?><Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\">\
    <Override PartName=\"/word/document.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.\
    wordprocessingml.document.main+xml\"/></Types>";

/// A Word document as Word packs it, with further parts.
pub(crate) fn docx(more: impl IntoIterator<Item = EntryPlan>) -> Vec<u8> {
    ooxml(TYPES.as_bytes(), "word/document.xml", more)
}

/// A Word document with another list of types.
pub(crate) fn docx_with_types(types: &[u8]) -> Vec<u8> {
    ooxml(types, "word/document.xml", [])
}

pub(crate) fn xlsx(more: impl IntoIterator<Item = EntryPlan>) -> Vec<u8> {
    ooxml(TYPES.as_bytes(), "xl/workbook.xml", more)
}

pub(crate) fn pptx(more: impl IntoIterator<Item = EntryPlan>) -> Vec<u8> {
    ooxml(TYPES.as_bytes(), "ppt/presentation.xml", more)
}

fn ooxml(types: &[u8], main: &str, more: impl IntoIterator<Item = EntryPlan>) -> Vec<u8> {
    let mut first = EntryPlan::deflated("[Content_Types].xml", types);
    // Word leaves room for the list to grow, in an extra field of its own.
    first.local_extra = crate::hostile::plan::field(0xa220, &[0; 32]);
    let mut entries =
        vec![first, EntryPlan::deflated("_rels/.rels", b"<Relationships/>"), EntryPlan::deflated(main, b"<document/>")];
    entries.extend(more);
    for entry in &mut entries {
        // Word's packer marks its streams as "super fast", and comes from FAT.
        entry.flags(|flags| flags | 0b110);
        entry.central.made_by = 45;
        if entry.central.external == 0o100644 << 16 {
            entry.central.external = 0;
        }
    }
    Plan::of(entries).build()
}

/// An OpenDocument text as LibreOffice packs it.
pub(crate) fn odt(more: impl IntoIterator<Item = EntryPlan>) -> Vec<u8> {
    let mut entries = vec![EntryPlan::stored("mimetype", b"application/vnd.oasis.opendocument.text")];
    entries.push(EntryPlan::folder("Configurations2/images/Bitmaps/"));
    entries.extend(
        ["content.xml", "META-INF/manifest.xml"].map(|name| EntryPlan::deflated(name, b"<xml/>").with_descriptor()),
    );
    entries.extend(more);
    for entry in &mut entries {
        entry.flags(|flags| flags | 0x0800);
        entry.central.made_by = 20;
        entry.central.external = 0;
    }
    Plan::of(entries).build()
}

pub(crate) fn epub(more: impl IntoIterator<Item = EntryPlan>) -> Vec<u8> {
    let mut entries = vec![
        EntryPlan::stored("mimetype", b"application/epub+zip"),
        EntryPlan::deflated("META-INF/container.xml", b"<container/>"),
        EntryPlan::deflated("OEBPS/text.xhtml", b"<html/>"),
    ];
    entries.extend(more);
    Plan::of(entries).build()
}
