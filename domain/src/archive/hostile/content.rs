//! Content that is damaged, lies about itself or must not be there (rules 7, 12 and 13).

use super::{
    Case, case,
    plan::{EntryPlan, Plan, deflate},
    sample::{self, HTML, PDF, PNG, TEXT},
};
use crate::archive::{code::Code, format::EndRecord};

pub(super) fn cases() -> Vec<Case> {
    [streams(), types(), documents()].concat()
}

fn streams() -> Vec<Case> {
    let packed = |name, change: fn(&mut EntryPlan), expected| case(name, Plan::one(change).build(), expected);
    vec![
        packed("wrong check sum", |e| e.crc32(e.local.crc32 ^ 1), Code::CrcMismatch),
        case(
            "wrong check sum of a stored file",
            {
                let mut entry = EntryPlan::stored("a.txt", TEXT.as_bytes());
                entry.packed[3] ^= 1;
                Plan::of([entry]).build()
            },
            Code::CrcMismatch,
        ),
        packed("larger than stated", |e| e.sizes(e.local.compressed, e.local.size - 1), Code::LargerThanStated),
        packed("smaller than stated", |e| e.sizes(e.local.compressed, e.local.size + 1), Code::SmallerThanStated),
        packed("stated as empty", |e| e.sizes(e.local.compressed, 0), Code::LargerThanStated),
        case(
            "16 MiB of zeros, stated as a kilobyte",
            Plan::of([{
                let mut entry = EntryPlan::deflated("zeros.txt", &vec![b'0'; 16 << 20]);
                entry.sizes(entry.local.compressed, 1_000);
                entry
            }])
            .build(),
            Code::LargerThanStated,
        ),
        packed(
            "bytes after the end of the stream",
            |e| {
                e.packed.extend(b"hidden");
                e.sizes(e.local.compressed + 6, e.local.size);
            },
            Code::DataAfterStream,
        ),
        packed(
            "second stream after the first",
            |e| {
                let more = deflate(b"second");
                let size = e.local.compressed + more.len() as u32;
                e.packed.extend(more);
                e.sizes(size, e.local.size);
            },
            Code::DataAfterStream,
        ),
        packed(
            "stream cut short",
            |e| {
                e.packed.truncate(e.packed.len() - 2);
                e.sizes(e.local.compressed - 2, e.local.size);
            },
            Code::DeflateTruncated,
        ),
        packed("reserved block type", |e| e.packed[0] |= 0b110, Code::DeflateCorrupt),
        case(
            "distance before the start",
            // A fixed block: a literal, then a match three bytes back.
            Plan::of([bits_entry(&[(1, 1), (1, 2), (0b1000_1110, 8), (0b000_0001, 7), (0b00010, 5), (0, 7)])]).build(),
            Code::DeflateCorrupt,
        ),
        packed(
            "zlib header in front of the stream",
            |e| {
                e.packed.splice(0..0, [0x78, 0x9c]);
                e.sizes(e.local.compressed + 2, e.local.size);
            },
            Code::DeflateCorrupt,
        ),
        case(
            "deflate with no bytes at all",
            Plan::one(|e| {
                e.packed.clear();
                e.sizes(0, 0);
                e.crc32(0);
            })
            .build(),
            Code::DeflateTruncated,
        ),
    ]
}

/// An entry whose stream is written bit by bit. Huffman codes go in with their highest bit first.
fn bits_entry(fields: &[(u32, u32)]) -> EntryPlan {
    let (mut out, mut used) = (vec![0u8], 0);
    for &(value, count) in fields {
        for bit in 0..count {
            // The block header is no Huffman code: its lowest bit goes first.
            let shift = if count <= 2 { bit } else { count - 1 - bit };
            if used == 8 {
                out.push(0);
                used = 0;
            }
            if let Some(last) = out.last_mut() {
                *last |= ((value >> shift & 1) as u8) << used;
            }
            used += 1;
        }
    }
    let mut entry = EntryPlan::deflated("a.txt", b"abcd");
    entry.sizes(out.len() as u32, 4);
    entry.packed = out;
    entry
}

fn types() -> Vec<Case> {
    let file = |name, entry: &str, content: &[u8], expected| {
        case(name, Plan::of([EntryPlan::deflated(entry, content)]).build(), expected)
    };
    let inner = Plan::of([EntryPlan::stored("inner.txt", TEXT.as_bytes())]).build();
    let with_end = |content: &[u8]| {
        let mut out = content.to_vec();
        EndRecord::default().write(&mut out);
        out
    };
    let mut tar = vec![0; 1024];
    tar[..5].copy_from_slice(b"a.txt");
    tar[257..265].copy_from_slice(b"ustar\x0000");
    let mut mp4 = b"\0\0\0\x18ftypqt  \0\0\x02\0qt  qt  ".to_vec();
    mp4.resize(64, 0);
    vec![
        file("windows program", "setup.exe", &sample::exe(), Code::Program),
        file("windows program called a text", "readme.txt", &sample::exe(), Code::Program),
        file("windows program called a picture", "photo.png", &sample::exe(), Code::Program),
        file("linux program", "tool.txt", &sample::elf(), Code::Program),
        file("linux program without extension", "tool", &sample::elf(), Code::Program),
        file("mac program", "tool.pdf", b"\xcf\xfa\xed\xfe\x07\0\0\x01\x03\0\0\0", Code::Program),
        file("java class", "Main.jpg", b"\xca\xfe\xba\xbe\0\0\0\x34\0\x1d", Code::Program),
        file("shell script", "install.sh", b"#!/bin/sh\nrm -rf ~\n", Code::Program),
        file("shell script called a text", "install.txt", b"#!/bin/sh\nrm -rf ~\n", Code::Program),
        file("shell script behind a byte order mark", "a.md", b"\xef\xbb\xbf#!/bin/sh\n", Code::Program),
        file("windows batch", "start.bat", b"@echo off\r\n", Code::Program),
        file("powershell", "start.ps1", b"Get-Process\r\n", Code::Program),
        file("windows shortcut", "start.lnk", b"L\0\0\0\x01\x14\x02\0\0\0\0\0", Code::Program),
        file("php in html", "index.html", b"<?php system($_GET['c']);", Code::Program),
        file("script", "quiz.js", b"alert(1);\n", Code::ScriptNotAllowed),
        file("webassembly", "quiz.wasm", b"\0asm\x01\0\0\0", Code::ScriptNotAllowed),
        file("webassembly called a font", "quiz.woff2", b"\0asm\x01\0\0\0", Code::Program),
        file("unknown type", "model.blend", b"BLENDER-v300", Code::TypeNotAllowed),
        file("no extension", "LICENSE", TEXT.as_bytes(), Code::TypeNotAllowed),
        file("zip in the zip", "more.zip", &inner, Code::NestedArchive),
        file("zip called a picture", "more.jpg", &inner, Code::NestedArchive),
        file("rar", "more.rar", b"Rar!\x1a\x07\x01\0", Code::NestedArchive),
        file("7z called a pdf", "more.pdf", b"7z\xbc\xaf\x27\x1c\0\x04", Code::NestedArchive),
        file("gzip called a video", "more.mp4", b"\x1f\x8b\x08\0\0\0\0\0\0\x03", Code::NestedArchive),
        file("tar called an audio file", "more.mp3", &tar, Code::NestedArchive),
        file("html called a picture", "photo.jpg", HTML.as_bytes(), Code::TypeMismatch),
        file("picture called a pdf", "page.pdf", PNG, Code::TypeMismatch),
        file("quicktime called mp4", "film.mp4", &mp4, Code::TypeMismatch),
        file("binary called a text", "data.csv", b"1;2\0\x01\x02", Code::TypeMismatch),
        file("json that is none", "data.json", HTML.as_bytes(), Code::TypeMismatch),
        file("svg that is none", "drawing.svg", HTML.as_bytes(), Code::TypeMismatch),
        file("empty picture", "photo.png", b"", Code::EmptyEntry),
        file("json in latin-1", "data.json", b"{\"a\":\"\xfc\"}", Code::TextNotUtf8),
        file("text in utf-16", "notes.txt", b"\xff\xfeH\0i\0", Code::TextNotUtf8),
        file("picture with an archive behind it", "photo.png", &with_end(PNG), Code::TwoTypes),
        file("pdf with an archive behind it", "page.pdf", &with_end(PDF), Code::TwoTypes),
        file("picture that is also a pdf", "photo.png", &[PNG, PDF].concat(), Code::TwoTypes),
        file("picture that is also html", "photo.gif", b"GIF89a/*\0\0*/<script>alert(1)</script>", Code::TwoTypes),
    ]
}

fn documents() -> Vec<Case> {
    let document = |name, entry: &str, content: Vec<u8>, expected| {
        case(name, Plan::of([EntryPlan::deflated(entry, &content)]).build(), expected)
    };
    let stored = |name, entry: &str, content: Vec<u8>, expected| {
        case(name, Plan::of([EntryPlan::stored(entry, &content)]).build(), expected)
    };
    let part = |name: &str, content: &[u8]| [EntryPlan::deflated(name, content)];
    let ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";
    let damaged = {
        let mut damage = EntryPlan::stored("word/media/image1.png", PNG);
        damage.packed[20] ^= 1;
        sample::docx([damage])
    };
    let deep = {
        let inner = sample::xlsx(part("xl/embeddings/again.xlsx", &sample::xlsx([])));
        sample::pptx(part("ppt/embeddings/sheet.xlsx", &inner))
    };
    vec![
        document("macros", "letter.docx", sample::docx(part("word/vbaProject.bin", ole)), Code::Macro),
        stored("macros, stored", "letter.docx", sample::docx(part("word/vbaProject.bin", ole)), Code::Macro),
        document("macros by content type", "letter.docx", sample::docx_with_macro_type(), Code::Macro),
        document(
            "macros in an embedded workbook",
            "deck.pptx",
            sample::pptx(part("ppt/embeddings/sheet.xlsx", &sample::xlsx(part("xl/vbaProject.bin", ole)))),
            Code::Macro,
        ),
        document("excel 4 macros", "sheet.xlsx", sample::xlsx(part("xl/macrosheets/sheet1.xml", b"<x/>")), Code::Macro),
        document(
            "basic in an open document",
            "letter.odt",
            sample::odt(part("Basic/Standard/Module1.xml", b"<x/>")),
            Code::Macro,
        ),
        document("macro document by name", "letter.docm", sample::docx([]), Code::Macro),
        document(
            "program in a document",
            "letter.docx",
            sample::docx(part("word/media/image1.png", &sample::exe())),
            Code::Program,
        ),
        document(
            "program by name in a document",
            "letter.docx",
            sample::docx(part("word/embeddings/a.exe", b"x")),
            Code::Program,
        ),
        document(
            "archive in a document",
            "letter.docx",
            sample::docx(part("word/media/a.zip", b"PK")),
            Code::NestedArchive,
        ),
        document(
            "archive by content in a document",
            "letter.docx",
            sample::docx(part("word/media/image1.png", &sample::docx([]))),
            Code::NestedArchive,
        ),
        document("documents three deep", "deck.pptx", deep, Code::NestedTooDeep),
        document(
            "script in an e-book",
            "book.epub",
            sample::epub(part("OEBPS/a.js", b"alert(1)")),
            Code::ScriptNotAllowed,
        ),
        document("damaged picture in a document", "letter.docx", damaged, Code::CrcMismatch),
        document(
            "bomb in a document",
            "letter.docx",
            sample::docx(part("word/document2.xml", &vec![b' '; 8 << 20])),
            Code::ZipBombRatio,
        ),
        document(
            "parent folder in a document",
            "letter.docx",
            sample::docx(part("../evil.xml", b"<x/>")),
            Code::PathTraversal,
        ),
        document(
            "archive called a document",
            "letter.docx",
            Plan::of([EntryPlan::stored("a.txt", b"a")]).build(),
            Code::OfficeIncomplete,
        ),
        document("e-book called a text", "letter.odt", sample::epub([]), Code::OfficeIncomplete),
        document("old word file called docx", "letter.docx", [&ole[..], &[0; 504]].concat(), Code::TypeMismatch),
        document("truncated document", "letter.docx", sample::docx([])[..200].to_vec(), Code::Truncated),
    ]
}
