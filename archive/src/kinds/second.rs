//! Files of two types at once (rule 13): what another program could take a file for, whose own type fits.

use std::sync::LazyLock;

use memchr::memmem::{self, Finder};

use crate::{
    format::{CENTRAL_SIGNATURE, END_SIGNATURE, END_SIZE, EndRecord, u32_at},
    kinds::{kind::Kind, magic::without_bom},
};

/// Every text is searched for it, and a search takes longer to begin than to end.
static PDF_MARK: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"%PDF-"));

const ZIP: &str = "application/zip";
const PDF: &str = "application/pdf";
const HTML: &str = "text/html";
const SCRIPT: &str = "text/javascript";

/// Marks that lie anywhere in an archive's own beginning, searched for in the ends of files of other types. WinRAR and
/// 7-Zip skip whatever stands in front of them.
const ARCHIVES: [(&[u8], &str); 3] = [
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"MSCF\0\0\0\0", "application/vnd.ms-cab-compressed"),
];

/// How RAR archives of version 4 and 5 end: the mark in front may lie in the part of a file that is not kept.
const RAR_ENDS: [&[u8]; 2] = [b"\xc4\x3d\x7b\0\x40\x07\0", b"\x1d\x77\x56\x51\x03\x05\x04\0"];

/// A second type of a picture, a film, a sound, a font or a PDF. `head` holds the first 4 KiB, `tail` the last 64.
pub(crate) fn of_binary(kind: Kind, size: u64, head: &[u8], tail: &[u8]) -> Option<&'static str> {
    if ends_as_zip(tail) {
        return Some(ZIP);
    }
    if RAR_ENDS.iter().any(|end| tail.ends_with(end)) {
        return Some("application/vnd.rar");
    }
    if let Some((_, name)) = ARCHIVES.iter().find(|(mark, _)| contains(head, mark) || contains(tail, mark)) {
        return Some(name);
    }
    // A tar archive's first field is a file name; that name can be the beginning of a picture or a PDF.
    if head.get(257..262) == Some(b"ustar") {
        return Some("application/x-tar");
    }
    // PDF readers look for their signature in the first KiB.
    let early = &head[..head.len().min(1024)];
    if kind != Kind::Pdf && contains(early, b"%PDF-") {
        return Some(PDF);
    }
    if as_script(kind, size, head) {
        return Some(SCRIPT);
    }
    let lower = head.to_ascii_lowercase();
    if contains(&lower, b"__halt_compiler") {
        return Some("application/x-php");
    }
    let markup: [&[u8]; 4] = [b"<script", b"<html", b"<!doctype html", b"<?php"];
    let early = &lower[..early.len()];
    let seen = kind.is_picture() || matches!(kind, Kind::Bmp | Kind::Tiff | Kind::Pdf);
    if seen && markup.iter().any(|mark| contains(early, mark)) {
        return Some(HTML);
    }
    None
}

/// A second type of a text: a PDF whose source is readable. A text about PDF quotes its signature, but no object behind.
pub(crate) fn of_text(head: &[u8]) -> Option<&'static str> {
    let early = &head[..head.len().min(1024)];
    let at = PDF_MARK.find(early)?;
    let object = |window: &[u8]| window.starts_with(b" obj") && matches!(window[4], b'<' | b'\r' | b'\n' | b' ');
    head[at..].windows(5).any(object).then_some(PDF)
}

/// What a text of this kind is instead of it, when it begins as something else.
pub(crate) fn instead_of_text(kind: Kind, head: &[u8]) -> Option<&'static str> {
    let text = without_bom(head).trim_ascii_start();
    let begins = |mark: &[u8]| text.get(..mark.len()).is_some_and(|start| start.eq_ignore_ascii_case(mark));
    let found = [
        (&b"%PDF-"[..], PDF),
        (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"),
        (b"{\\rtf", "application/rtf"),
        (b"%!PS", "application/postscript"),
    ];
    if let Some((_, name)) = found.iter().find(|(mark, _)| begins(mark)) {
        return Some(name);
    }
    // Scripts and style sheets may stand in an old comment of HTML, but never begin with an element.
    let element = text.first() == Some(&b'<') && !text.starts_with(b"<!--");
    (matches!(kind, Kind::Css | Kind::Js) && element).then_some(HTML)
}

/// The name of an XML document's first element, when it lies in `head`: behind the declaration, comments,
/// instructions and the document type.
pub(crate) fn root_element(head: &[u8]) -> Option<&[u8]> {
    let mut rest = without_bom(head).trim_ascii_start();
    loop {
        let end: &[u8] = match rest {
            [b'<', b'?', ..] => b"?>",
            [b'<', b'!', b'-', b'-', ..] => b"-->",
            // Entities of the document stand in brackets.
            [b'<', b'!', ..] => {
                let plain = rest.iter().position(|byte| matches!(byte, b'>' | b'['))?;
                if rest[plain] == b'[' { b"]" } else { b">" }
            }
            [b'<', name @ ..] => {
                let end = name.iter().position(|byte| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/'))?;
                return Some(&name[..end]);
            }
            _ => return None,
        };
        let at = memmem::find(rest, end)?;
        rest = &rest[at + end.len()..];
        if end == b"]" {
            rest = rest.trim_ascii_start().strip_prefix(b">")?;
        }
        rest = rest.trim_ascii_start();
    }
}

/// A picture or sound whose header is also the beginning of a comment, or of a variable: scripts that pass for one.
fn as_script(kind: Kind, size: u64, head: &[u8]) -> bool {
    match kind {
        // Width and height as text. A real one has a colour index and an aspect ratio of zero behind them.
        Kind::Gif => {
            let text = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
            head.get(6..8) == Some(b"/*") || head.get(6..16).is_some_and(|bytes| bytes.iter().all(text))
        }
        // A first segment of 12,074 bytes where an identification of 16 is usual.
        Kind::Jpeg => head.get(2..6) == Some(b"\xff\xe0/*"),
        // Behind the letters, which then name a variable, the size of the file.
        Kind::Bmp => {
            matches!(head.get(2..4), Some(b"/*" | b"=\"" | b"='" | b"=`")) && u64::from(u32_at(head, 2)) != size
        }
        Kind::Webp | Kind::Wav => head.get(4..6) == Some(b"/*") && u64::from(u32_at(head, 4)) + 8 != size,
        _ => false,
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    memmem::find(bytes, part).is_some()
}

/// The end of a file holds an end record that a ZIP reader would follow: one that reaches to the end, or one with its
/// directory in front, behind which most readers tolerate anything.
fn ends_as_zip(tail: &[u8]) -> bool {
    let Some(last) = tail.len().checked_sub(END_SIZE) else {
        return false;
    };
    let directory = |at: usize, end: &EndRecord| {
        at.checked_sub(end.directory_size as usize).is_some_and(|at| u32_at(tail, at) == CENTRAL_SIGNATURE)
    };
    memmem::find_iter(tail, &END_SIGNATURE.to_le_bytes())
        .take_while(|&at| at <= last)
        .filter_map(|at| EndRecord::parse(&tail[at..]).map(|end| (at, end)))
        .filter(|(_, end)| end.disk == 0)
        .any(|(at, end)| at + END_SIZE + usize::from(end.comment_len) == tail.len() || directory(at, &end))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIF: &[u8] = b"GIF89a\x3d\x01\x01\0\x80\0\0\0\0\0\xff\xff\xff;";
    const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xd9";

    fn second(kind: Kind, content: &[u8]) -> Option<&'static str> {
        of_binary(kind, content.len() as u64, &content[..content.len().min(4096)], content)
    }

    #[test]
    fn honest_files_have_one_type() {
        for (kind, content) in [
            (Kind::Gif, GIF),
            (Kind::Jpeg, JPEG),
            (Kind::Pdf, b"%PDF-1.4\n1 0 obj<<>>endobj"),
            (Kind::Wav, b"RIFF/*\0\0WAVEfmt "),
            (Kind::Mp3, b"ID3\x04\0\0\0\0\0\0<p>About PK\x05\x06, Rar! and 7z</p>"),
        ] {
            let expected = (kind == Kind::Wav).then_some(SCRIPT);
            assert_eq!(second(kind, content), expected, "{kind:?}");
        }
        assert_eq!(of_binary(Kind::Wav, 0x2a2f + 8, b"RIFF/*\0\0WAVE", b""), None, "that size by chance");
    }

    #[test]
    fn each_second_type_is_seen() {
        let behind = |picture: &[u8], more: &[u8]| second(Kind::Jpeg, &[picture, more].concat());
        assert_eq!(behind(JPEG, b"Rar!\x1a\x07\x01\0"), Some("application/vnd.rar"));
        assert_eq!(behind(JPEG, b"\x1d\x77\x56\x51\x03\x05\x04\0"), Some("application/vnd.rar"));
        assert_eq!(behind(JPEG, b"7z\xbc\xaf\x27\x1c\0\x04"), Some("application/x-7z-compressed"));
        assert_eq!(behind(JPEG, b"<?PHP __HALT_COMPILER(); ?>"), Some("application/x-php"));
        let mut tar = JPEG.to_vec();
        tar.resize(257, 0);
        assert_eq!(behind(&tar, b"ustar\x0000"), Some("application/x-tar"));
        assert_eq!(second(Kind::Gif, b"GIF89a/*\0\0\0*/=1;alert(1)"), Some(SCRIPT));
        assert_eq!(second(Kind::Gif, b"GIF89a=1;alert('as text')"), Some(SCRIPT));
        assert_eq!(second(Kind::Jpeg, b"\xff\xd8\xff\xe0/*JFIF"), Some(SCRIPT));
        assert_eq!(second(Kind::Pdf, b"%PDF-1.4\n<HTML><script>"), Some(HTML));

        // An archive with something behind it: its directory tells that it is one.
        let mut zip = JPEG.to_vec();
        zip.extend(CENTRAL_SIGNATURE.to_le_bytes());
        zip.resize(zip.len() + 42, 0);
        let end = EndRecord { directory_size: 46, ..EndRecord::default() };
        end.write(&mut zip);
        assert_eq!(behind(&zip, b"tail"), Some(ZIP));
        zip[JPEG.len()] = b'X';
        assert_eq!(behind(&zip, b"tail"), None);
    }

    #[test]
    fn texts() {
        assert_eq!(of_text(b"A PDF file begins with %PDF-1.4."), None);
        assert_eq!(of_text(b"<!--\n%PDF-1.4\n1 0 obj<</Type/Catalog>>"), Some(PDF));
        assert_eq!(instead_of_text(Kind::Txt, b"\xef\xbb\xbf\n%PDF-1.4"), Some(PDF));
        assert_eq!(instead_of_text(Kind::Md, b"{\\RTF1"), Some("application/rtf"));
        assert_eq!(instead_of_text(Kind::Css, b"<html>"), Some(HTML));
        assert_eq!(instead_of_text(Kind::Js, b"<!-- old browsers\nalert(1)"), None);
        assert_eq!(instead_of_text(Kind::Txt, b"<html> is how a page begins"), None);
    }

    #[test]
    fn the_root_of_an_xml_document() {
        for (text, root) in [
            ("<svg/>", Some("svg")),
            ("\u{feff} <?xml version=\"1.0\"?>\n<!-- <html> -->\n<svg width=\"1\">", Some("svg")),
            ("<!DOCTYPE svg PUBLIC \"-//W3C//DTD SVG 1.1//EN\" \"svg11.dtd\">\n<svg:svg>", Some("svg:svg")),
            ("<!DOCTYPE svg [ <!ENTITY ns \"http://x\"> ] ><svg\n>", Some("svg")),
            ("<!DOCTYPE html><html><svg>", Some("html")),
            ("text <svg>", None),
            ("<!-- no end <svg>", None),
            ("<svg", None),
            ("", None),
        ] {
            assert_eq!(root_element(text.as_bytes()), root.map(str::as_bytes), "{text}");
        }
    }
}
