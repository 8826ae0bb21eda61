//! Office documents and e-books with macros, programs, archives or lies of their own (rules 12 and 13).

use crate::{
    findings::code::Code::{self, Macro, NestedArchive, NestedTooDeep, OfficeIncomplete, Program, ScriptNotAllowed},
    format::FLAG_UTF8,
    hostile::{
        Case, case,
        plan::{EntryPlan, Plan, field},
        sample::{self, PNG},
    },
};

pub(crate) fn cases() -> Vec<Case> {
    [macros(), types(), contents(), structure()].concat()
}

const OLE: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";

fn document(name: &'static str, entry: &str, content: Vec<u8>, expected: Code) -> Case {
    case(name, Plan::of([EntryPlan::deflated(entry, &content)]).build(), expected)
}

fn part(name: &str, content: &[u8]) -> [EntryPlan; 1] {
    [EntryPlan::deflated(name, content)]
}

/// A Word document with this part.
fn letter(name: &str, content: &[u8]) -> Vec<u8> {
    sample::docx(part(name, content))
}

fn macros() -> Vec<Case> {
    let sheet = |name: &str, content: &[u8]| sample::xlsx(part(name, content));
    let deck = |name: &str, content: &[u8]| sample::pptx(part(name, content));
    vec![
        document("macros", "letter.docx", letter("word/vbaProject.bin", OLE), Macro),
        case(
            "macros, stored",
            Plan::of([EntryPlan::stored("letter.docx", &letter("word/vbaProject.bin", OLE))]).build(),
            Macro,
        ),
        document("macros of a workbook", "sheet.xlsx", sheet("xl/vbaProject.bin", OLE), Macro),
        document("macros of a presentation", "deck.pptx", deck("ppt/vbaProject.bin", OLE), Macro),
        document("macros in another folder and case", "letter.docx", letter("custom/VBAPROJECT.BIN", OLE), Macro),
        document("signature of macros", "letter.docx", letter("word/vbaProjectSignature.bin", OLE), Macro),
        document("data of macros", "letter.docx", letter("word/vbaData.xml", b"<x/>"), Macro),
        document("toolbars with macros", "letter.docx", letter("word/attachedToolbars.bin", b"x"), Macro),
        document(
            "macros in an embedded workbook",
            "deck.pptx",
            deck("ppt/embeddings/sheet.xlsx", &sheet("xl/vbaProject.bin", OLE)),
            Macro,
        ),
        document(
            "workbook with macros within a presentation, by name",
            "deck.pptx",
            deck("ppt/embeddings/sheet.xlsm", OLE),
            Macro,
        ),
        document("excel 4 macros", "sheet.xlsx", sheet("xl/macrosheets/sheet1.xml", b"<x/>"), Macro),
        document("dialog of excel 5", "sheet.xlsx", sheet("xl/dialogsheets/sheet1.xml", b"<x/>"), Macro),
        document("activex control", "letter.docx", letter("word/activeX/activeX1.bin", OLE), Macro),
        document(
            "basic in an open document",
            "letter.odt",
            sample::odt(part("Basic/Standard/Module1.xml", b"<x/>")),
            Macro,
        ),
        document(
            "python in an open document",
            "letter.odt",
            sample::odt(part("Scripts/python/a.txt", b"import os")),
            Macro,
        ),
        document("macro document by name", "letter.docm", sample::docx([]), Macro),
        document("macro workbook by name", "sheet.xlsm", sample::xlsx([]), Macro),
        document("binary workbook by name", "sheet.xlsb", sample::xlsx([]), Macro),
        document("macro presentation by name", "deck.pptm", sample::pptx([]), Macro),
        document("template with macros by name", "letter.dotm", sample::docx([]), Macro),
        document("add-in by name", "sheet.xlam", sample::xlsx([]), Macro),
    ]
}

/// The list of types says what parts are, whatever they are called.
fn types() -> Vec<Case> {
    const MAIN: &str = "vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml";
    const WITH_MACROS: &str = "vnd.ms-word.document.macroEnabled.main+xml";
    let listed = |types: &[u8]| sample::docx_with_types(types);
    let types = |from: &str, to: &str| sample::TYPES.replace(from, to);
    let with = |name, to: &str| document(name, "letter.docx", listed(types(MAIN, to).as_bytes()), Macro);
    let utf16: Vec<u8> = types(MAIN, WITH_MACROS).encode_utf16().flat_map(u16::to_le_bytes).collect();
    // Uneven padding, so that the list is no bomb.
    let padding: String = (0..135_000u32).map(|n| format!("{:08x}", n.wrapping_mul(2_654_435_761))).collect();
    let padded = types("<Types", &format!("<!--{padding}--><Types"));
    vec![
        with("macros by content type", WITH_MACROS),
        with("macros by content type in capitals", &WITH_MACROS.to_uppercase()),
        with("macros by content type behind a reference", "vnd.ms-word.document.macro&#69;nabled.main+xml"),
        with("renamed macros by content type", "vnd.ms-office.vbaProject"),
        with("excel 4 macros by content type", "vnd.ms-excel.macrosheet+xml"),
        with("excel 4 macros of another language by content type", "vnd.ms-excel.intlmacrosheet+xml"),
        with("activex by content type", "vnd.ms-office.activeX+xml"),
        document(
            "macros by the type of an extension that a part has",
            "letter.docx",
            listed(
                types(
                    "<Override",
                    "<Default Extension=\"XML\" ContentType=\"application/x.macroEnabled.main\"/><Override",
                )
                .as_bytes(),
            ),
            Macro,
        ),
        document(
            "macros by the type of an extension spelled with a reference",
            "letter.docx",
            listed(
                types(
                    "<Override",
                    "<Default Extension=\"xm&amp;\" ContentType=\"application/x.macroEnabled.main\"/><Override",
                )
                .as_bytes(),
            ),
            Macro,
        ),
        document(
            "macros by content type behind an entity",
            "letter.docx",
            listed(types("<Types", "<!DOCTYPE Types [<!ENTITY e \"macro\">]><Types").as_bytes()),
            Macro,
        ),
        document(
            "macros by content type in utf-16",
            "letter.docx",
            listed(&[&b"\xff\xfe"[..], &utf16].concat()),
            Macro,
        ),
        document(
            "macros by content type behind a megabyte",
            "letter.docx",
            listed(padded.as_bytes()),
            OfficeIncomplete,
        ),
    ]
}

fn contents() -> Vec<Case> {
    let three_deep = {
        let inner = sample::xlsx(part("xl/embeddings/again.xlsx", &sample::xlsx([])));
        sample::pptx(part("ppt/embeddings/sheet.xlsx", &inner))
    };
    let embedded = |content: Vec<u8>| sample::pptx(part("ppt/embeddings/sheet.xlsx", &content));
    vec![
        document("program in a document", "letter.docx", letter("word/media/image1.png", &sample::exe()), Program),
        document(
            "linux program in a document",
            "letter.docx",
            letter("word/embeddings/a.bin", &sample::elf()),
            Program,
        ),
        document("program by name in a document", "letter.docx", letter("word/embeddings/a.exe", b"x"), Program),
        document("script by name in a document", "letter.docx", letter("word/embeddings/a.vbs", b"x"), Program),
        document("shell script in a document", "letter.docx", letter("word/media/image1.png", b"#!/bin/sh\n"), Program),
        document(
            "program in an embedded workbook",
            "deck.pptx",
            embedded(sample::xlsx(part("xl/media/image1.png", &sample::exe()))),
            Program,
        ),
        document("archive in a document", "letter.docx", letter("word/media/a.zip", b"PK"), NestedArchive),
        document(
            "java archive in an open document",
            "letter.odt",
            sample::odt(part("java/a.jar", b"PK")),
            NestedArchive,
        ),
        document(
            "archive by content in a document",
            "letter.docx",
            letter("word/media/image1.png", &sample::docx([])),
            NestedArchive,
        ),
        document(
            "rar by content in a document",
            "letter.docx",
            letter("word/media/image1.png", b"Rar!\x1a\x07\x01\0"),
            NestedArchive,
        ),
        document(
            "document in the media of a document",
            "letter.docx",
            letter("word/media/a.docx", &sample::docx([])),
            NestedArchive,
        ),
        document("documents three deep", "deck.pptx", three_deep, NestedTooDeep),
        document("script in an e-book", "book.epub", sample::epub(part("OEBPS/a.js", b"alert(1)")), ScriptNotAllowed),
        document(
            "webassembly in an e-book",
            "book.epub",
            sample::epub(part("OEBPS/a.wasm", b"\0asm\x01\0\0\0")),
            ScriptNotAllowed,
        ),
        document(
            "webassembly called a picture in an e-book",
            "book.epub",
            sample::epub(part("OEBPS/a.png", b"\0asm\x01\0\0\0")),
            Program,
        ),
        document(
            "archive called a document",
            "letter.docx",
            Plan::of([EntryPlan::stored("a.txt", b"a")]).build(),
            OfficeIncomplete,
        ),
        document("workbook called a letter", "letter.docx", sample::xlsx([]), OfficeIncomplete),
        document(
            "document without a list of types",
            "letter.docx",
            Plan::of(part("word/document.xml", b"<x/>")).build(),
            OfficeIncomplete,
        ),
        document("e-book called a text", "letter.odt", sample::epub([]), OfficeIncomplete),
        document(
            "open document without its type",
            "letter.odt",
            Plan::of(part("content.xml", b"<x/>")).build(),
            OfficeIncomplete,
        ),
        document("open document of another type", "table.ods", sample::odt([]), OfficeIncomplete),
        document("truncated document", "letter.docx", sample::docx([])[..200].to_vec(), Code::Truncated),
    ]
}

/// The document's own ZIP is held to the same rules.
fn structure() -> Vec<Case> {
    let changed = |change: fn(&mut EntryPlan)| {
        let mut entry = EntryPlan::stored("word/media/image1.png", PNG);
        change(&mut entry);
        sample::docx([entry])
    };
    let docx = |name, content, expected| document(name, "letter.docx", content, expected);
    let one = |name, change: fn(&mut EntryPlan), expected| docx(name, changed(change), expected);
    let honest = sample::docx([]);
    vec![
        one("damaged picture in a document", |e| e.packed[20] ^= 1, Code::CrcMismatch),
        one("encrypted part of a document", |e| e.flags(|flags| flags | 1), Code::Encrypted),
        one("part of a document with another name in front", |e| e.local_name[0] = b'W', Code::HeaderMismatch),
        one("part of a document with a second name", |e| e.extra(&field(0x7075, &[1; 12])), Code::UnicodeExtra),
        one("zip64 in a document", |e| e.extra(&field(1, &[0; 16])), Code::Zip64),
        one("link in a document", |e| e.central.external = 0o120777 << 16, Code::Symlink),
        one("hidden bytes in a document", |e| e.before = vec![0; 9], Code::HiddenData),
        one("part of a document packed by lzma", |e| e.method(14), Code::MethodUnsupported),
        one(
            "part of a document twice",
            |e| {
                e.local_name = b"word/document.xml".to_vec();
                e.central_name = e.local_name.clone();
            },
            Code::DuplicateName,
        ),
        one(
            "name in broken utf-8 in a document",
            |e| {
                e.flags(|flags| flags | FLAG_UTF8);
                e.local_name = b"word/\xff.png".to_vec();
                e.central_name = e.local_name.clone();
            },
            Code::NameEncoding,
        ),
        docx("parent folder in a document", letter("../evil.xml", b"<x/>"), Code::PathTraversal),
        docx("absolute path in a document", letter("/evil.xml", b"<x/>"), Code::PathAbsolute),
        docx("turned name in a document", letter("word/\u{202e}gnp.exe.xml", b"<x/>"), Code::NameInvisibleCharacter),
        docx("names that collide in a document", letter("WORD/document.xml", b"<x/>"), Code::NamesCollide),
        docx("archive behind a document's end", [&honest[..], b"\r\n", &honest[..]].concat(), Code::PrependedData),
        one("other check sum in front of a part", |e| e.local.crc32 ^= 1, Code::HeaderMismatch),
        one("other method in front of a part", |e| e.local.method = 8, Code::HeaderMismatch),
        docx("bytes behind a document's end", [&honest[..], b"hidden"].concat(), Code::TrailingData),
        docx(
            "end record doubled in a document",
            {
                let mut plan = honest.clone();
                let at = plan.len() - 2;
                plan[at] = 22;
                plan.extend_from_within(plan.len() - 22..);
                plan
            },
            Code::AmbiguousEndRecord,
        ),
    ]
}
