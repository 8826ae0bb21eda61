//! Files that are not what their extension says (rule 13).

use crate::{
    findings::code::Code::{self, EmptyEntry, TextNotUtf8, TypeMismatch},
    hostile::{
        Case, case,
        plan::{EntryPlan, Plan},
        sample::{HTML, JPEG, PDF, PNG, TEXT},
    },
};

pub(crate) fn cases() -> Vec<Case> {
    [binary(), named(), text(), minified(), encodings(), empty()].concat()
}

type File<'a> = (&'static str, &'a str, &'a [u8], Code);

fn files(files: &[File<'_>]) -> Vec<Case> {
    files
        .iter()
        .map(|(name, entry, content, code)| case(name, Plan::of([EntryPlan::deflated(entry, content)]).build(), *code))
        .collect()
}

fn binary() -> Vec<Case> {
    let html = HTML.as_bytes();
    let mut quicktime = b"\0\0\0\x18ftypqt  \0\0\x02\0qt  qt  ".to_vec();
    quicktime.resize(64, 0);
    files(&[
        ("html called a picture", "photo.jpg", html, TypeMismatch),
        ("html called a pdf", "page.pdf", html, TypeMismatch),
        ("text called a film", "film.webm", TEXT.as_bytes(), TypeMismatch),
        ("picture called a pdf", "page.pdf", PNG, TypeMismatch),
        ("pdf called a picture", "page.png", PDF, TypeMismatch),
        ("pdf behind other bytes", "page.pdf", b"\n%PDF-1.4\n", TypeMismatch),
        ("jpeg and archive called png", "photo.png", &[JPEG, b"Rar!\x1a\x07\x01\0"].concat(), Code::TwoTypes),
        ("gif and script called png", "photo.png", b"GIF89a/*\0\0\0*/=1;alert(1)", Code::TwoTypes),
        ("png without its line ends", "photo.png", b"\x89PNG\n\x1a\n\0\0\0\rIHDR", TypeMismatch),
        ("first two bytes of a jpeg", "photo.jpg", b"\xff\xd8", TypeMismatch),
        ("gif of no version", "a.gif", b"GIF88a\x01\0\x01\0", TypeMismatch),
        ("bitmap called gif", "a.gif", b"BM\x3a\0\0\0\0\0\0\0", TypeMismatch),
        ("tiff called jpeg", "a.jpg", b"II*\0\x08\0\0\0", TypeMismatch),
        ("photoshop called png", "a.png", b"8BPS\0\x01\0\0\0\0", TypeMismatch),
        ("wave called webp", "a.webp", b"RIFF\x24\0\0\0WAVEfmt ", TypeMismatch),
        ("webp called wave", "a.wav", b"RIFF\x1a\0\0\0WEBPVP8L", TypeMismatch),
        ("avi called wave", "a.wav", b"RIFF\x1a\0\0\0AVI LIST", TypeMismatch),
        ("quicktime called mp4", "film.mp4", &quicktime, TypeMismatch),
        ("heif called mp4", "film.mp4", b"\0\0\0\x18ftypheic\0\0\0\0heicmif1", TypeMismatch),
        ("brand beyond its box", "film.mp4", b"\0\0\0\x10ftypqt  \0\0\0\0isom", TypeMismatch),
        ("film called m4a", "a.m4a", b"\0\0\0\x14ftypavc1\0\0\x02\0avc1", TypeMismatch),
        ("matroska called webm", "a.webm", b"\x1a\x45\xdf\xa3\x8bB\x82\x88matroska", TypeMismatch),
        ("webm without its type", "a.webm", b"\x1a\x45\xdf\xa3\x8bB\x86\x81\x01", TypeMismatch),
        ("flac called ogg", "a.ogg", b"fLaC\0\0\0\x22", TypeMismatch),
        ("aac called mp3", "a.mp3", b"\xff\xf1\x50\x80\x02\x1f\xfc\0", TypeMismatch),
        ("mp2 called mp3", "a.mp3", b"\xff\xfd\x90\x64\0\0\0\0", TypeMismatch),
        ("midi called mp3", "a.mp3", b"MThd\0\0\0\x06\0\x01\0\x02", TypeMismatch),
        ("woff called woff2", "a.woff2", b"wOFF\0\x01\0\0\0\0\0\0", TypeMismatch),
        ("truetype called woff2", "a.woff2", b"\0\x01\0\0\0\x0a\0\x80", TypeMismatch),
        ("flash called a film", "a.mp4", b"FWS\x0a\0\0\0\0", TypeMismatch),
        (
            "old word file called docx",
            "letter.docx",
            &[&b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"[..], &[0; 504]].concat(),
            TypeMismatch,
        ),
        ("rtf called docx", "letter.docx", b"{\\rtf1\\ansi}", TypeMismatch),
    ])
}

/// A wrong picture ending is corrected only where nothing relies on it.
fn named() -> Vec<Case> {
    let beside = |name, picture: &str, file: &str, text: &str| {
        let files = [EntryPlan::deflated(picture, JPEG), EntryPlan::deflated(file, text.as_bytes())];
        case(name, Plan::of(files).build(), TypeMismatch)
    };
    vec![
        beside("jpeg called png, shown by a page", "a/photo.png", "index.html", "<img src=a/photo.png>"),
        beside("jpeg called png, shown by a page in another case", "photo.png", "index.html", "<img src=PHOTO.png>"),
        beside("jpeg called png, shown by an escaped address", "für 1.png", "index.html", "<img src=f%C3%BCr%201.png>"),
        beside("jpeg called png, in a style sheet", "photo.png", "a.css", "a{background:url(photo.png)}"),
        beside("jpeg called png, in a json", "ü.png", "a.json", "{\"a\":\"\\u00fc.png\"}"),
        beside("jpeg called png, in a markdown", "photo.png", "a.md", "![](photo.png)"),
        beside("jpeg called png, in a drawing", "photo.png", "a.svg", "<svg><image href=\"photo.png\"/></svg>"),
        case(
            "jpeg called png beside the jpeg of its name",
            Plan::of([EntryPlan::deflated("photo.png", JPEG), EntryPlan::deflated("Photo.jpg", JPEG)]).build(),
            TypeMismatch,
        ),
    ]
}

/// Control characters pass in scripts, but only in what can be nothing else.
fn minified() -> Vec<Case> {
    let many = [&b"/* a script */ var a = '"[..], &[1; 40], &[b'x'; 200]].concat();
    let filling = [&b"/* a script */ "[..], &b"x = 1;\n".repeat(200)].concat();
    let behind = |more: &[u8]| [&filling, more, b"\x01"].concat();
    let mut zip = filling.clone();
    zip.extend(Plan::of([EntryPlan::stored("b.txt", b"x")]).build());
    files(&[
        ("page of mostly control characters", "a.html", &many, TypeMismatch),
        (
            "style sheet that begins with control characters",
            "a.css",
            &[b"\0\0\0\x01", &filling[..]].concat(),
            TypeMismatch,
        ),
        ("archive behind a style sheet", "a.css", &zip, TypeMismatch),
        ("rar behind a page", "a.html", &behind(b"Rar!\x1a\x07\x01\0"), TypeMismatch),
        ("database called a page", "a.html", &[b"SQLite format 3\0", &filling[..]].concat(), TypeMismatch),
        ("bitmap called a style sheet", "a.css", &[b"BM\x3a\x01", &filling[..]].concat(), TypeMismatch),
    ])
}

fn text() -> Vec<Case> {
    let html = HTML.as_bytes();
    files(&[
        ("binary called a text", "data.csv", b"1;2\0\x01\x02", TypeMismatch),
        ("picture called a text", "notes.txt", PNG, TypeMismatch),
        (
            "one control byte after a megabyte of text",
            "notes.md",
            &[&b"text\n".repeat(200_000)[..], b"\x07"].concat(),
            TypeMismatch,
        ),
        ("terminal sequences in a text", "notes.txt", b"\x1b]0;title\x07\x1b[2J", TypeMismatch),
        ("database called json", "data.json", b"SQLite format 3\0\x10\0", TypeMismatch),
        ("html called json", "data.json", html, TypeMismatch),
        ("settings called json", "data.json", b"name: value\n", TypeMismatch),
        ("script called json", "data.json", b"function f() {}", TypeMismatch),
        ("html called a style sheet", "style.css", html, TypeMismatch),
        ("html called svg", "drawing.svg", html, TypeMismatch),
        (
            "html around a drawing",
            "drawing.svg",
            b"<!doctype html><html><script>alert(1)</script><svg/></html>",
            TypeMismatch,
        ),
        ("text in front of a drawing", "drawing.svg", b"alert(1)/*<svg/>*/", TypeMismatch),
        ("drawing in a comment", "drawing.svg", b"<!-- <svg/> --><html/>", TypeMismatch),
        ("other xml called svg", "drawing.svg", b"<?xml version=\"1.0\"?><rss><svg/></rss>", TypeMismatch),
        ("no subtitles in vtt", "film.vtt", b"1\n00:00:00,000 --> 00:00:01,000\n", TypeMismatch),
        ("pdf called a text", "page.txt", PDF, TypeMismatch),
        ("pdf called html", "page.html", PDF, TypeMismatch),
        ("rtf called a text", "letter.txt", b"{\\rtf1\\ansi{\\object\\objocx}}", TypeMismatch),
        ("postscript called a text", "page.txt", b"%!PS-Adobe-3.0\n(file) run\n", TypeMismatch),
        ("gif and script called a text", "a.txt", b"GIF89a=1;alert(1)", TypeMismatch),
    ])
}

fn encodings() -> Vec<Case> {
    let utf16 = |text: &str| [vec![0xff, 0xfe], text.encode_utf16().flat_map(u16::to_le_bytes).collect()].concat();
    let big: Vec<u8> = [vec![0xfe, 0xff], "Hallo".encode_utf16().flat_map(u16::to_be_bytes).collect()].concat();
    files(&[
        ("json in latin-1", "data.json", b"{\"a\":\"\xfc\"}", TextNotUtf8),
        ("drawing in latin-1", "a.svg", b"<svg><text>\xfc</text></svg>", TextNotUtf8),
        ("subtitles in latin-1", "a.vtt", b"WEBVTT\n\n00:00.000 --> 00:01.000\nGr\xfc\xdfe\n", TextNotUtf8),
        ("text in utf-16", "notes.txt", &utf16("Hallo"), TextNotUtf8),
        ("text in utf-16, high bytes first", "notes.txt", &big, TextNotUtf8),
        ("text in utf-16 without mark", "notes.txt", &utf16("Hallo")[2..], TypeMismatch),
        ("page in utf-16", "index.html", &utf16(HTML), TextNotUtf8),
        ("text in utf-32", "notes.txt", b"\0\0\xfe\xff\0\0\0H", TypeMismatch),
        ("json with an overlong quote", "data.json", b"{\"a\":\"\xc0\xa2\"}", TextNotUtf8),
        ("json with a surrogate", "data.json", b"{\"a\":\"\xed\xa0\x80\"}", TextNotUtf8),
    ])
}

fn empty() -> Vec<Case> {
    files(&[
        ("empty picture", "photo.png", b"", EmptyEntry),
        ("empty pdf", "page.pdf", b"", EmptyEntry),
        ("empty film", "film.mp4", b"", EmptyEntry),
        ("empty json", "data.json", b"", EmptyEntry),
        ("empty drawing", "drawing.svg", b"", EmptyEntry),
        ("empty document", "letter.docx", b"", EmptyEntry),
    ])
}
