//! Files that are two types at once (rule 13): each of them passes for what its name says.

use crate::{
    findings::code::Code::{NestedArchive, Program, TwoTypes},
    format::EndRecord,
    hostile::{
        Case, case,
        plan::{EntryPlan, Plan},
        sample::{self, HTML, JPEG, PDF, PNG, TEXT},
    },
};

pub(crate) fn cases() -> Vec<Case> {
    [archives(), scripts(), documents()].concat()
}

fn file(name: &'static str, entry: &str, content: &[&[u8]]) -> Case {
    case(name, Plan::of([EntryPlan::deflated(entry, &content.concat())]).build(), TwoTypes)
}

/// More of a file than the checker keeps of its beginning or its end; noise, so that it is no bomb.
fn long(size: usize) -> Vec<u8> {
    (0..size as u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8 | 0x80).collect()
}

fn archives() -> Vec<Case> {
    const MP3: &[u8] = b"ID3\x04\0\0\0\0\0\0\xff\xfb\x90\0";
    const MP4: &[u8] = b"\0\0\0\x18ftypisom\0\0\x02\0isommp41";
    const WEBM: &[u8] = b"\x1a\x45\xdf\xa3\x8bB\x82\x84webm";
    const FONT: &[u8] = b"wOF2\0\x01\0\0";
    let zip = Plan::of([EntryPlan::stored("inner.txt", TEXT.as_bytes())]).build();
    let commented = Plan { comment: b"\xff\xd9".to_vec(), ..Plan::of([EntryPlan::stored("a.txt", b"a")]) }.build();
    let mut empty = Vec::new();
    EndRecord::default().write(&mut empty);
    let mut tar = JPEG.to_vec();
    tar.resize(257, 0);
    tar.extend(b"ustar\x0000");
    let mut pdf_tar = PDF.to_vec();
    pdf_tar.resize(257, b' ');
    pdf_tar.extend(b"ustar\x0000");
    let rar = b"Rar!\x1a\x07\x01\0\x33\x92\xb5\xe5";
    vec![
        file("picture with an empty archive behind it", "photo.png", &[PNG, &empty]),
        file("picture with an archive behind it", "photo.jpg", &[JPEG, &zip]),
        file("large picture with an archive behind it", "photo.jpg", &[JPEG, &long(100_000), &zip]),
        file("picture with an archive in a comment of its own", "photo.jpg", &[JPEG, &commented]),
        file("picture with an archive and more behind it", "photo.gif", &[b"GIF89a\x01\0\x01\0\0\0\0;", &zip, b"more"]),
        file("pdf with an archive behind it", "page.pdf", &[PDF, &zip]),
        file("pdf between an archive and its end", "page.pdf", &[PDF, &zip, b"\n%%EOF\n"]),
        file("sound with an archive behind it", "a.mp3", &[MP3, &zip]),
        file("wave with an archive behind it", "a.wav", &[b"RIFF\x24\0\0\0WAVEfmt ", &zip]),
        file("ogg with an archive behind it", "a.ogg", &[b"OggS\0\x02\0\0\0\0", &zip]),
        file("film with an archive behind it", "a.mp4", &[MP4, &zip]),
        file("webm with an archive behind it", "a.webm", &[WEBM, &zip]),
        file("font with an archive behind it", "a.woff2", &[FONT, &zip]),
        file("picture with a rar archive behind it", "photo.jpg", &[JPEG, rar]),
        file(
            "large picture with a large rar archive behind it",
            "photo.jpg",
            &[JPEG, &long(9_000), rar, &long(70_000), b"\x1d\x77\x56\x51\x03\x05\x04\0"],
        ),
        file(
            "large picture with an old rar archive behind it",
            "photo.jpg",
            &[JPEG, &long(9_000), b"Rar!\x1a\x07\0", &long(70_000), b"\xc4\x3d\x7b\0\x40\x07\0"],
        ),
        file("picture with a 7z archive behind it", "photo.png", &[PNG, b"7z\xbc\xaf\x27\x1c\0\x04"]),
        file("picture with a cabinet behind it", "photo.png", &[PNG, b"MSCF\0\0\0\0\x2c\0\0\0"]),
        file("picture that is a file name of tar", "photo.jpg", &[&tar]),
        case(
            "pdf that is a file name of tar",
            Plan::of([EntryPlan::deflated("page.pdf", &pdf_tar)]).build(),
            NestedArchive,
        ),
        file("picture with an archive of php", "photo.jpg", &[JPEG, b"<?php __HALT_COMPILER(); ?>\r\n"]),
    ]
}

fn scripts() -> Vec<Case> {
    vec![
        file("picture that is also html", "photo.gif", &[b"GIF89a/*\0\0*/<script>alert(1)</script>"]),
        file("picture that is also html in capitals", "photo.png", &[PNG, b"<HTML><BODY ONLOAD=alert(1)>"]),
        file("picture with html in its comment", "photo.jpg", &[b"\xff\xd8\xff\xfe\0\x20<!DOCTYPE HTML><p>", JPEG]),
        file("picture with php in its comment", "photo.jpg", &[b"\xff\xd8\xff\xfe\0\x20<?php system('id') ?>", JPEG]),
        file("picture that is a script behind a comment", "a.gif", &[b"GIF89a/*\x01\x01\0\0;*/=1;alert(1)//"]),
        file("picture that is a script in plain letters", "a.gif", &[b"GIF87a=1;alert(document.cookie)//;"]),
        file("jpeg that is a script", "a.jpg", &[b"\xff\xd8\xff\xe0/*JFIF\0*/=alert(1)/*", JPEG]),
        file("webp that is a script", "a.webp", &[b"RIFF/*\0\0WEBPVP8L*/=alert(1)"]),
        file("wave that is a script", "a.wav", &[b"RIFF/*\0\0WAVEfmt */=alert(1)"]),
    ]
}

fn documents() -> Vec<Case> {
    let mut late = PNG.to_vec();
    late.resize(1_019, 0);
    vec![
        file("picture that is also a pdf", "photo.png", &[PNG, PDF]),
        file("picture with a pdf at the last place readers look", "photo.png", &[&late, b"%PDF-1.4\n"]),
        file("sound that is also a pdf", "a.mp3", &[b"ID3\x04\0\0\0\0\0\0", PDF]),
        file("film that is also a pdf", "a.mp4", &[b"\0\0\0\x18ftypisom\0\0\x02\0isommp41", PDF]),
        file("pdf that is also html", "page.pdf", &[b"%PDF-1.4\n", HTML.as_bytes(), PDF]),
        file("pdf that is also a script of a page", "page.pdf", &[b"%PDF-1.4\n<script>alert(1)</script>\n", PDF]),
        file("html that is also a pdf", "page.html", &[b"<!--\n", PDF, b"-->", HTML.as_bytes()]),
        file("text that is also a pdf", "page.txt", &[b"Hello.\n", PDF]),
        file("table that is also a pdf", "data.csv", &[b"1;2\n", PDF]),
        case(
            "pdf and program",
            Plan::of([EntryPlan::deflated("page.pdf", &[&sample::exe(), PDF].concat())]).build(),
            Program,
        ),
    ]
}
