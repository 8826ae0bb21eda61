//! What honest people upload, by the programs they pack with: it passes, under its own names.

use std::io::{Cursor, Read};

use super::{checked, codes, rebuilt, report_of};
use crate::*;

#[test]
fn what_real_programs_write_passes_with_its_names() {
    assert!(hostile::writers() >= 60, "{}", hostile::writers());
    let mut wrong = Vec::new();
    let all = hostile::written();
    for written in &all {
        let (writer, set) = (written.writer, written.set);
        let report = report_of(&written.bytes);
        let rejections: Vec<_> = report.rejections().map(|f| (f.code, f.entry.clone(), f.detail.clone())).collect();
        let names: Vec<_> = report.entries.iter().map(|entry| &entry.name).collect();
        if !report.accepted || names != written.names.iter().collect::<Vec<_>>() {
            wrong.push(format!("{writer}, {set:?}: {rejections:?} {names:?}"));
            continue;
        }
        let (canonical, built) = rebuilt(&written.bytes);
        cross_check(&canonical, &built).unwrap();
        let again = report_of(&canonical);
        // A site in a folder stays in it, and is noted again.
        let clean = again.findings.iter().all(|finding| finding.code == Code::PackageInFolder);
        assert!(again.accepted && clean, "{writer}, {set:?}: {:#?}", again.findings);
        // The content, by the other reader.
        let mut zip = zip::ZipArchive::new(Cursor::new(&canonical)).unwrap();
        assert_eq!(zip.len(), written.names.len(), "{writer}, {set:?}");
        for entry in &report.entries {
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            EntryReader::new(&written.bytes, entry).read_to_end(&mut ours).unwrap();
            zip.by_name(&entry.name).unwrap().read_to_end(&mut theirs).unwrap();
            assert_eq!(ours, theirs, "{writer}, {set:?}: {}", entry.name);
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), all.len(), wrong.join("\n"));
}

#[test]
fn documents_of_other_programs_pass() {
    for hostile::Office { writer, bytes } in hostile::office() {
        let report = report_of(&bytes);
        assert!(report.accepted, "{writer}: {:#?}", report.findings);
        let (canonical, built) = rebuilt(&bytes);
        cross_check(&canonical, &built).unwrap();
    }
}

#[test]
fn a_picture_with_the_wrong_ending_is_put_right() {
    let jpeg = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xd9";
    let bytes = hostile::archive(&[("a/Foto 1.png", jpeg), ("index.html", b"<!doctype html><p>Foto 2.png</p>")]);
    let report = report_of(&bytes);
    assert_eq!(codes(&report), [Code::PictureRenamed]);
    assert_eq!(report.findings[0].detail.as_deref(), Some("Foto 1.png -> Foto 1.jpg"));
    let entry = &report.entries[0];
    assert_eq!((&*entry.name, &*entry.media_type, entry.renamed), ("a/Foto 1.jpg", "image/jpeg", true));
    let (canonical, built) = rebuilt(&bytes);
    cross_check(&canonical, &built).unwrap();
    assert!(report_of(&canonical).findings.is_empty());

    let named = report_of(&hostile::archive(&[("foto.png", jpeg), ("index.html", b"<img src='foto.png'>")]));
    assert_eq!(codes(&named), [Code::TypeMismatch]);
    assert!(named.findings[0].hint(Lang::En).contains("JPG"), "{:?}", named.findings[0]);
}

#[test]
fn sources_of_lessons_are_texts() {
    let bytes = hostile::archive(&[
        ("hallo.py", b"#!/usr/bin/env python3\nprint('hallo')\n"),
        ("Hallo.java", b"class Hallo {}\n"),
        ("a.sql", b"SELECT 1;\n"),
        ("a.ipynb", b"{\"cells\": []}\n"),
        ("a.c", b"int main(void) { return 0; }\n"),
        ("a.cpp", b"int main() {}\n"),
        ("a.sh", b"#!/bin/sh\necho hallo\n"),
        ("skript.txt", b"#!/bin/sh\necho hallo\n"),
    ]);
    let report = report_of(&bytes);
    assert!(report.accepted, "{:#?}", report.findings);
    assert!(report.entries.iter().all(|entry| entry.media_type == "text/plain"));
}

#[test]
fn minified_scripts_and_older_texts_pass() {
    // Two bytes that jszip.min.js holds among 95,000 others.
    let script =
        [&b"!function(e){var t=\"".repeat(40)[..], b"\x01\0\x1f\";}".as_slice(), &b"x();".repeat(100)].concat();
    let latin = b"Pr\xfcfung \x84heute\x93\r\n";
    let bytes = hostile::archive(&[
        ("jszip.min.js", &script),
        ("a.html", &script),
        ("alt.txt", latin),
        ("alt.js", b"alert('Pr\xfcfung');"),
        ("kurs.xml", b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><manifest title=\"\xdcbung\"/>"),
        ("a.ttf", b"\0\x01\0\0\0\x0a\0\x80"),
        ("a.woff", b"wOFF\0\x01\0\0"),
    ]);
    let options = Options { scripts_allowed: true, ..Options::default() };
    let report = checked(&bytes, &options);
    assert!(report.accepted, "{:#?}", report.findings);
    assert_eq!(codes(&report), [Code::TextEncoding]);
    assert_eq!(report.findings[0].examples, ["alt.txt", "alt.js", "kurs.xml"]);
    assert_eq!(codes(&report_of(&bytes)), [Code::ScriptNotAllowed, Code::TextEncoding]);
}

#[test]
fn a_comment_is_dropped() {
    let written = hostile::written();
    let github = written.iter().find(|written| written.writer.starts_with("GitHub")).unwrap();
    assert!(github.bytes.ends_with(b"9fceb02d0ae598e95dc970b74767f19372d61af8"));
    let (canonical, _) = rebuilt(&github.bytes);
    assert!(!canonical.windows(8).any(|window| window == b"9fceb02d"));
}
