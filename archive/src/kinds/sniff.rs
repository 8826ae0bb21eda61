//! Judging a file's type by its content while it streams past (rule 13).

use std::collections::BTreeSet;

use crate::{
    findings::code::Code,
    format::{END_SEARCH, ZIP64_LOCATOR_SIZE},
    kinds::{content_types::MacroSearch, kind::Kind, second, text::TextCheck},
};

/// How much of a file's beginning is kept: every signature we know, tar's at 257 included, lies in it.
const HEAD: usize = 4096;
/// How much of its end: what the search for a ZIP's end record reads.
const TAIL: u64 = END_SEARCH + ZIP64_LOCATOR_SIZE as u64;

/// Text that names the program to run it with, and text that a web server runs.
const SCRIPT: &str = "script";
const PHP: &str = "PHP";

/// What the sniffer holds a file to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// A file of the upload: it must be of this type.
    Kind(Kind),
    /// A part of an office document: anything but a program or an archive.
    Part,
    /// The part that names the document's type.
    Mimetype(Kind),
    /// The part that lists the types of all parts.
    ContentTypes,
    /// Left out of the canonical archive, so its type does not matter.
    Anything,
}

/// Sees all of a file's content, keeps only its beginning and its end. One serves file after file.
pub(crate) struct Sniffer {
    expected: Expected,
    size: u64,
    seen: u64,
    ends: Ends,
    text: Option<TextCheck>,
    macros: MacroSearch,
}

/// The first and the last bytes of a file.
#[derive(Default)]
pub(crate) struct Ends {
    pub head: Vec<u8>,
    /// Empty for texts without control characters of their own.
    pub tail: Vec<u8>,
}

/// Something wrong, or worth a note, about a file's type.
pub(crate) type Verdict = (Code, Option<String>);

impl Sniffer {
    pub(crate) fn new() -> Self {
        Self {
            expected: Expected::Anything,
            size: 0,
            seen: 0,
            ends: Ends::default(),
            text: None,
            macros: MacroSearch::default(),
        }
    }

    /// Starts a file that states to be of `size` bytes.
    pub(crate) fn begin(&mut self, expected: Expected, size: u64) {
        (self.expected, self.size, self.seen) = (expected, size, 0);
        self.ends.head.clear();
        self.ends.tail.clear();
        self.text = match expected {
            Expected::Kind(kind) if kind.is_text() => Some(TextCheck::default()),
            _ => None,
        };
    }

    /// For the list of types of a document with parts of these extensions.
    pub(crate) fn among(&mut self, extensions: BTreeSet<String>) {
        self.macros = MacroSearch::among(extensions);
    }

    pub(crate) fn feed(&mut self, chunk: &[u8]) {
        let missing = HEAD - self.ends.head.len();
        self.ends.head.extend_from_slice(&chunk[..chunk.len().min(missing)]);
        // Only the stated end is copied: a file that is longer than stated is refused anyway.
        let tail_start = self.size.saturating_sub(TAIL);
        let skip = tail_start.saturating_sub(self.seen);
        if self.wants_tail() && skip < chunk.len() as u64 {
            let room = (TAIL as usize).saturating_sub(self.ends.tail.len());
            let part = &chunk[skip as usize..];
            self.ends.tail.extend(&part[..part.len().min(room)]);
        }
        self.seen += chunk.len() as u64;
        if let Some(text) = &mut self.text {
            text.feed(chunk);
        }
        if self.expected == Expected::ContentTypes {
            self.macros.feed(chunk);
        }
    }

    /// Archives are appended to pictures, media and PDF files, and a document is read from its end; text is judged as
    /// a whole.
    fn wants_tail(&self) -> bool {
        matches!(self.expected, Expected::Kind(kind) if !kind.is_text() || kind.may_hold_controls())
    }

    /// The picture that a file with another picture's ending is.
    pub(crate) fn instead(&self) -> Option<Kind> {
        match self.expected {
            Expected::Kind(kind) if kind.is_picture() && !kind.fits(&self.ends.head) => {
                [Kind::Png, Kind::Jpeg, Kind::Webp, Kind::Gif].into_iter().find(|kind| kind.fits(&self.ends.head))
            }
            _ => None,
        }
    }

    /// The first and the last bytes of the file, which it no longer has then.
    pub(crate) fn take_ends(&mut self) -> Ends {
        std::mem::take(&mut self.ends)
    }

    /// What is wrong with the file. A picture that is another picture is judged as that one.
    pub(crate) fn finish(&mut self) -> Vec<Verdict> {
        match self.expected {
            Expected::Anything => Vec::new(),
            Expected::Part => self.part(),
            Expected::Mimetype(kind) if self.ends.head.trim_ascii() != kind.media_type().as_bytes() => {
                vec![(Code::OfficeIncomplete, Some("mimetype".into()))]
            }
            Expected::Mimetype(_) => Vec::new(),
            Expected::ContentTypes => match self.macros.found() {
                Some(word) => vec![(Code::Macro, Some(word.into()))],
                None if self.macros.too_long() => vec![(Code::OfficeIncomplete, Some("[Content_Types].xml".into()))],
                None => Vec::new(),
            },
            Expected::Kind(kind) => self.kind(kind),
        }
    }

    fn part(&self) -> Vec<Verdict> {
        let head = &self.ends.head;
        // Obfuscated fonts begin with random bytes, so two letters are not enough here.
        let program = program(head).filter(|name| *name != "MZ" || is_pe(head));
        if let Some(name) = program {
            vec![(Code::Program, Some(name.into()))]
        } else if let Some(name) = archive(head) {
            vec![(Code::NestedArchive, Some(name.into()))]
        } else if is_ole(head) {
            vec![(Code::EmbeddedObject, None)]
        } else {
            Vec::new()
        }
    }

    fn kind(&mut self, kind: Kind) -> Vec<Verdict> {
        if self.seen == 0 {
            return if kind.is_text() && kind.fits(b"") { Vec::new() } else { vec![(Code::EmptyEntry, None)] };
        }
        let text = self.text.take().map(TextCheck::finish);
        let head = &self.ends.head;
        let plain = text.as_ref().is_some_and(|text| text.control.is_none());
        // Text that happens to begin with "MZ" is still text.
        if let Some(name) = program(head)
            .filter(|name| !plain || *name == SCRIPT || *name == PHP)
            .filter(|name| *name != SCRIPT || !kind.may_name_its_interpreter())
            && !(kind == Kind::Wasm && name == "WebAssembly")
        {
            return vec![(Code::Program, Some(name.into()))];
        }
        if !kind.is_document()
            && !plain
            && let Some(name) = archive(head)
        {
            return vec![(Code::NestedArchive, Some(name.into()))];
        }
        let mut found = Vec::new();
        if let Some(text) = text {
            if text.utf16 {
                return vec![(Code::TextNotUtf8, Some("UTF-16".into()))];
            }
            let legible = |_: &u64| kind.may_hold_controls() && self.is_minified(kind, text.controls);
            if let Some(offset) = text.control.filter(|at| !legible(at)) {
                return vec![(Code::TypeMismatch, Some(self.looks_like(&format!("control byte at {offset}"))))];
            }
            if let Some(offset) = text.invalid {
                let legacy = kind.may_be_legacy_text() || (kind.is_xml() && names_its_encoding(head));
                let code = if legacy { Code::TextEncoding } else { Code::TextNotUtf8 };
                found.push((code, Some(format!("byte {offset}"))));
            }
            if let Some(name) = second::instead_of_text(kind, head) {
                found.push((Code::TypeMismatch, Some(name.into())));
                return found;
            }
        }
        let kind = self.instead().unwrap_or(kind);
        if !kind.fits(head) {
            found.push((Code::TypeMismatch, Some(self.looks_like("unknown"))));
            return found;
        }
        let second = if kind.is_text() {
            second::of_text(head)
        } else if kind.is_document() {
            // Looked into as a whole.
            None
        } else {
            second::of_binary(kind, self.size, head, &self.ends.tail)
        };
        found.extend(second.map(|name| (Code::TwoTypes, Some(name.into()))));
        found
    }

    /// A script or page with a few control characters, which is nothing else besides: it begins as text, nothing in it is
    /// known to begin or end another type.
    fn is_minified(&self, kind: Kind, controls: u64) -> bool {
        let Ends { head, tail } = &self.ends;
        let begins = &head[..head.len().min(64)];
        controls <= self.seen / 64
            && !begins.iter().any(|byte| byte.is_ascii_control() && !byte.is_ascii_whitespace())
            && infer::get(head).is_none_or(|found| found.mime_type().starts_with("text/"))
            && second::of_binary(kind, self.size, head, tail).is_none()
    }

    /// What the content is instead, for the creator.
    fn looks_like(&self, otherwise: &str) -> String {
        let head = &self.ends.head;
        if is_ole(head) {
            // Not for `infer`: it would parse the whole compound file.
            return "application/x-ole-storage".into();
        }
        infer::get(head).map_or_else(|| otherwise.into(), |found| found.mime_type().into())
    }
}

/// Office's old container, which is also that of macros, installers and embedded objects.
fn is_ole(head: &[u8]) -> bool {
    head.starts_with(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
}

/// An XML document that says it is not in UTF-8.
fn names_its_encoding(head: &[u8]) -> bool {
    let declaration = head.split(|byte| *byte == b'>').next().unwrap_or_default().to_ascii_lowercase();
    declaration.starts_with(b"<?xml ")
        && ["iso-8859-1", "iso-8859-15", "windows-1252"].iter().any(|name| {
            [format!("encoding=\"{name}\""), format!("encoding='{name}'")]
                .iter()
                .any(|said| memchr::memmem::find(&declaration, said.as_bytes()).is_some())
        })
}

/// The head names something a machine would run.
fn program(head: &[u8]) -> Option<&'static str> {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let server = text.trim_ascii_start();
    if text.starts_with(b"#!") {
        return Some(SCRIPT);
    }
    if server.starts_with(b"<?=") || server.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"<?php")) {
        return Some(PHP);
    }
    let four = head.get(..4)?;
    Some(match four {
        b"\x7fELF" => "ELF",
        [b'M', b'Z', ..] => "MZ",
        b"\xfe\xed\xfa\xce" | b"\xfe\xed\xfa\xcf" | b"\xce\xfa\xed\xfe" | b"\xcf\xfa\xed\xfe" => "Mach-O",
        b"\xca\xfe\xba\xbe" => "Mach-O or Java class",
        b"dex\n" | b"dey\n" => "Dalvik",
        b"BC\xc0\xde" => "LLVM bitcode",
        b"\0asm" => "WebAssembly",
        b"L\0\0\0" if head.get(4..8) == Some(b"\x01\x14\x02\0") => "Windows shortcut",
        _ => return None,
    })
}

/// A DOS header that leads to a Windows one.
fn is_pe(head: &[u8]) -> bool {
    let Some(at) = head.get(0x3c..0x40) else {
        return false;
    };
    let at = u32::from_le_bytes([at[0], at[1], at[2], at[3]]) as usize;
    head.get(at..).is_some_and(|rest| rest.starts_with(b"PE\0\0") || rest.starts_with(b"NE"))
}

/// The head is that of an archive, a compressed file or a disk image.
fn archive(head: &[u8]) -> Option<&'static str> {
    const ARCHIVES: &[&str] = &[
        "application/zip",
        "application/x-tar",
        "application/vnd.rar",
        "application/gzip",
        "application/x-bzip2",
        "application/vnd.bzip3",
        "application/x-7z-compressed",
        "application/x-xz",
        "application/vnd.ms-cab-compressed",
        "application/vnd.debian.binary-package",
        "application/x-unix-archive",
        "application/x-compress",
        "application/x-lzip",
        "application/x-rpm",
        "application/zstd",
        "application/x-lz4",
        "application/x-cpio",
        "application/x-google-chrome-extension",
        "application/x-par2",
    ];
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        return Some("application/zip");
    }
    if is_ole(head) {
        return None;
    }
    let found = infer::get(head)?.mime_type();
    ARCHIVES.iter().find(|known| **known == found).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::EndRecord;

    fn verdict(kind: Kind, content: &[u8]) -> Vec<Code> {
        let mut sniffer = Sniffer::new();
        // What was seen before makes no difference.
        sniffer.begin(Expected::ContentTypes, 9);
        sniffer.feed(b"\0macroEnabled");
        sniffer.begin(Expected::Kind(kind), content.len() as u64);
        for chunk in content.chunks(7) {
            sniffer.feed(chunk);
        }
        sniffer.finish().into_iter().map(|(code, _)| code).collect()
    }

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

    #[test]
    fn honest_files_pass() {
        assert_eq!(verdict(Kind::Png, PNG), []);
        assert_eq!(verdict(Kind::Txt, "Grüße\n".as_bytes()), []);
        assert_eq!(verdict(Kind::Txt, b""), []);
        assert_eq!(verdict(Kind::Txt, b"MZ is the sign of a DOS program."), []);
        assert_eq!(verdict(Kind::Md, b"PK\tis how ZIP archives begin"), []);
        assert_eq!(verdict(Kind::Wasm, b"\0asm\x01\0\0\0rest"), []);
        assert_eq!(verdict(Kind::Json, b" {\"a\": 1}"), []);
    }

    #[test]
    fn programs_and_archives_are_seen_whatever_they_are_called() {
        let mut exe = b"MZ\x90\0".to_vec();
        exe.resize(300, 0);
        for content in [
            &exe[..],
            b"\x7fELF\x02\x01\x01\0rest",
            b"\xcf\xfa\xed\xfe\0\0\0\0",
            b"<?php system('id');",
            b"\xca\xfe\xba\xbe\0\0\0\x34",
        ] {
            for kind in [Kind::Txt, Kind::Png, Kind::Pdf] {
                assert_eq!(verdict(kind, content), [Code::Program], "{kind:?} {content:?}");
            }
        }
        for kind in [Kind::Md, Kind::Html, Kind::Js, Kind::Csv, Kind::Png, Kind::Pdf] {
            assert_eq!(verdict(kind, b"#!/bin/sh\n"), [Code::Program], "{kind:?}");
        }
        for kind in [Kind::Txt, Kind::Source] {
            assert_eq!(verdict(kind, b"#!/bin/sh\n"), [], "{kind:?}");
        }
        let mut tar = vec![0; 512];
        tar[257..262].copy_from_slice(b"ustar");
        for content in [
            &b"PK\x03\x04\x14\0\0\0"[..],
            b"Rar!\x1a\x07\x01\0",
            b"7z\xbc\xaf\x27\x1c\0\0",
            b"\x1f\x8b\x08\0\0\0",
            &tar,
        ] {
            assert_eq!(verdict(Kind::Jpeg, content), [Code::NestedArchive], "{content:?}");
        }
    }

    #[test]
    fn wrong_and_double_types() {
        // Another picture is told apart from no picture; whether its name can be put right is decided elsewhere.
        let mut picture = Sniffer::new();
        picture.begin(Expected::Kind(Kind::Jpeg), PNG.len() as u64);
        picture.feed(PNG);
        assert_eq!((picture.instead(), verdict(Kind::Jpeg, PNG)), (Some(Kind::Png), vec![]));
        assert_eq!(verdict(Kind::Jpeg, b"BM\x3a\0\0\0"), [Code::TypeMismatch]);
        assert_eq!(verdict(Kind::Txt, PNG), [Code::TypeMismatch]);
        assert_eq!(verdict(Kind::Pdf, b""), [Code::EmptyEntry]);
        assert_eq!(verdict(Kind::Docx, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), [Code::TypeMismatch]);
        assert_eq!(verdict(Kind::Txt, b"Gr\xfc\xdfe"), [Code::TextEncoding]);
        assert_eq!(verdict(Kind::Json, b"{\"a\": \"\xfc\"}"), [Code::TextNotUtf8]);
        assert_eq!(verdict(Kind::Txt, b"\xff\xfea\0b\0"), [Code::TextNotUtf8]);

        let mut both = PNG.to_vec();
        EndRecord::default().write(&mut both);
        assert_eq!(verdict(Kind::Png, &both), [Code::TwoTypes]);
        let mut both = PNG.to_vec();
        both.extend(b"%PDF-1.7");
        assert_eq!(verdict(Kind::Png, &both), [Code::TwoTypes]);
        assert_eq!(verdict(Kind::Gif, b"GIF89a/*<script>alert(1)"), [Code::TwoTypes]);
    }

    #[test]
    fn the_end_of_a_long_file_is_kept_and_bounded() {
        let mut content = PNG.to_vec();
        content.resize(300_000, 7);
        EndRecord { comment_len: 5, ..EndRecord::default() }.write(&mut content);
        content.extend(b"hello");
        assert_eq!(verdict(Kind::Png, &content), [Code::TwoTypes]);

        let mut sniffer = Sniffer::new();
        sniffer.begin(Expected::Kind(Kind::Png), 10);
        for _ in 0..100 {
            sniffer.feed(&[0; 4096]);
        }
        assert!(sniffer.ends.tail.len() as u64 <= TAIL && sniffer.ends.head.len() <= HEAD);
    }
}
