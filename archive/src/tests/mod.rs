//! The gate as a whole: hostile archives, honest ones, and what is rebuilt from the good.

mod mutations;
mod packages;
mod writers;

use std::{
    cell::Cell,
    io::{self, Cursor, Read, Write},
    ops::ControlFlow,
};

use crate::*;

fn checked(bytes: &[u8], options: &Options) -> Report {
    check(&bytes, options, &mut |_, _| ControlFlow::Continue(())).unwrap()
}

fn report_of(bytes: &[u8]) -> Report {
    checked(bytes, &Options::default())
}

/// The report when every entry is expanded as a stream.
fn streamed(bytes: &[u8], options: &Options) -> Report {
    let verdict = check_directory(&bytes, options).unwrap();
    read_content(&bytes, verdict, options, &mut |_, _| ControlFlow::Continue(()), true).unwrap()
}

fn codes(report: &Report) -> Vec<Code> {
    report.findings.iter().map(|finding| finding.code).collect()
}

/// The honest archive of this program.
fn honest(program: &str) -> Vec<u8> {
    let found = hostile::honest().into_iter().find(|(name, _)| *name == program);
    found.unwrap().1
}

fn rebuilt(bytes: &[u8]) -> (Vec<u8>, Rebuilt) {
    let mut out = Vec::new();
    let rebuilt = rebuild(&bytes, &report_of(bytes), &mut out, &mut |_, _| ControlFlow::Continue(())).unwrap();
    (out, rebuilt)
}

#[test]
fn every_hostile_archive_is_refused_with_its_code() {
    let cases = hostile::corpus();
    assert!(cases.len() >= 800, "{}", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let report = report_of(&case.bytes);
        if report.accepted || !codes(&report).contains(&case.expected) {
            wrong.push(format!("{}: expected {}, found {:?}", case.name, case.expected, codes(&report)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_corpus_reaches_every_reason_to_refuse_but_the_upload_limit() {
    let cases = [hostile::corpus(), hostile::packages::hostile()].concat();
    let mut names = std::collections::BTreeSet::new();
    for case in &cases {
        assert!(names.insert(case.name), "two cases are called \"{}\"; rename one", case.name);
        assert_eq!(case.expected.severity(), Severity::Reject, "{}", case.name);
    }
    for code in Code::ALL.iter().filter(|code| code.severity() == Severity::Reject) {
        if *code != Code::UploadTooLarge {
            assert!(cases.iter().any(|case| case.expected == *code), "no case for {code}");
        }
    }
}

#[test]
fn hostile_archives_are_small_and_always_the_same() {
    let (first, second) = (hostile::corpus(), hostile::corpus());
    assert!(first.iter().map(|case| case.bytes.len()).sum::<usize>() < 16 << 20);
    assert!(first.iter().zip(&second).all(|(a, b)| a.bytes == b.bytes));
}

#[test]
fn honest_archives_pass() {
    for (name, bytes) in hostile::honest() {
        let report = report_of(&bytes);
        let rejections: Vec<_> = report.rejections().collect();
        assert!(report.accepted, "{name}: {rejections:#?}");
        assert!(report.content_checked && !report.entries.is_empty(), "{name}");
    }
}

#[test]
fn small_entries_expanded_at_once_are_reported_like_streams() {
    let packages = hostile::packages::honest().into_iter().map(|package| package.bytes);
    let honest = hostile::honest().into_iter().map(|(_, bytes)| bytes).chain(packages);
    let written = hostile::written().into_iter().map(|written| written.bytes);
    let documents = hostile::office().into_iter().map(|office| office.bytes);
    let hostile = [hostile::corpus(), hostile::packages::hostile()].concat().into_iter().map(|case| case.bytes);
    for bytes in honest.chain(written).chain(documents).chain(hostile) {
        for scripts_allowed in [false, true] {
            let options = Options { scripts_allowed, ..Options::default() };
            assert_eq!(checked(&bytes, &options), streamed(&bytes, &options));
        }
    }
}

#[test]
fn names_are_decoded_composed_and_noted() {
    for (program, note) in [
        ("macOS Finder", Some(Code::NameRecomposed)),
        ("Windows Explorer, umlauts in the DOS code page", Some(Code::NameReencoded)),
        ("Windows Explorer, umlauts in UTF-8", None),
        ("7-Zip on Windows", Some(Code::NameReencoded)),
        ("Go archive/zip", None),
        ("Info-ZIP", Some(Code::NameReencoded)),
        ("Java jar", None),
    ] {
        let report = report_of(&honest(program));
        let entry = report.entries.iter().find(|entry| entry.name.contains("bung")).unwrap();
        assert_eq!(entry.name, "Lektion 1/Übung für Anfänger.txt", "{program}");
        let noted = codes(&report);
        for code in [Code::NameRecomposed, Code::NameReencoded] {
            let expected = note == Some(code) || (program == "macOS Finder" && code == Code::NameReencoded);
            assert_eq!(noted.contains(&code), expected, "{program} {code}");
        }
    }
}

#[test]
fn system_files_and_folders_are_left_out() {
    let report = report_of(&honest("macOS Finder"));
    assert!(codes(&report).contains(&Code::JunkIgnored));
    let names: Vec<_> = report.entries.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["Lektion 1/Übung für Anfänger.txt", "Lektion 1/bild.png", "Lektion 1/leer.txt"]);
}

/// Archives of the `zip` crate's own writer, which shares no line with ours.
fn by_zip_crate(stream: bool) -> Vec<u8> {
    fn fill<W: Write + io::Seek>(mut zip: zip::ZipWriter<W>) -> W {
        let options = zip::write::SimpleFileOptions::default();
        zip.add_directory("Ordner", options).unwrap();
        zip.start_file("Ordner/Übung.txt", options).unwrap();
        zip.write_all("Grüße\n".repeat(10_000).as_bytes()).unwrap();
        zip.start_file("page.html", options).unwrap();
        zip.write_all(b"<!doctype html><title>x</title>").unwrap();
        zip.finish().unwrap()
    }
    if stream {
        fill(zip::ZipWriter::new_stream(Vec::new())).into_inner()
    } else {
        fill(zip::ZipWriter::new(Cursor::new(Vec::new()))).into_inner()
    }
}

#[test]
fn archives_of_the_zip_crate_pass() {
    for stream in [false, true] {
        let report = report_of(&by_zip_crate(stream));
        assert!(report.accepted, "{stream}: {:#?}", report.findings);
        assert_eq!(report.entries.len(), 2);
    }
}

#[test]
fn scripts_pass_where_the_format_allows_them() {
    let bytes = hostile::archive(&[("a.js", b"alert(1)"), ("b.wasm", b"\0asm\x01\0\0\0")]);
    let options = Options { scripts_allowed: true, ..Options::default() };
    assert!(checked(&bytes, &options).accepted);
    let refused = report_of(&bytes);
    assert_eq!((codes(&refused), refused.findings[0].count), (vec![Code::ScriptNotAllowed], 2));
    let shebang = hostile::archive(&[("a.js", b"#!/usr/bin/env node\n")]);
    assert_eq!(codes(&checked(&shebang, &options)), [Code::Program]);
}

#[test]
fn the_canonical_archive_is_always_the_same_and_passes_itself() {
    let mut good = hostile::honest();
    good.push(("zip crate", by_zip_crate(false)));
    good.push(("zip crate, streamed", by_zip_crate(true)));
    for (name, bytes) in good {
        let (first, built) = rebuilt(&bytes);
        let (again, same) = rebuilt(&bytes);
        assert_eq!((&first, &built), (&again, &same), "{name}");
        assert_eq!(built.size, first.len() as u64);
        assert_eq!(built.sha256[..], <sha2::Sha256 as sha2::Digest>::digest(&first)[..]);
        cross_check(&first, &built).unwrap();

        let report = report_of(&first);
        assert_eq!(
            codes(&report).into_iter().filter(|code| *code != Code::TextEncoding).collect::<Vec<_>>(),
            [],
            "{name}"
        );
        assert!(report.accepted);
        assert_eq!(report.entries, built.entries, "{name}");
        assert!(built.entries.is_sorted_by_key(|entry| &entry.name));
        let (third, _) = rebuilt(&first);
        assert_eq!(third, first, "{name}: rebuilding it changes nothing");

        // The content, read by the other reader, is that of the upload.
        let mut zip = zip::ZipArchive::new(Cursor::new(&first)).unwrap();
        let original = report_of(&bytes);
        for entry in &original.entries {
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            EntryReader::new(&bytes, entry).read_to_end(&mut ours).unwrap();
            zip.by_name(&entry.name).unwrap().read_to_end(&mut theirs).unwrap();
            assert_eq!(ours, theirs, "{name}: {}", entry.name);
        }
    }
}

#[test]
fn only_what_was_accepted_is_rebuilt() {
    let bytes = hostile::archive(&[("a.txt", b"text")]);
    let mut report = report_of(&bytes);
    let mut quiet = |_, _| ControlFlow::Continue(());
    let longer = [bytes.as_slice(), b"x"].concat();
    assert!(matches!(rebuild(&longer, &report, io::sink(), &mut quiet), Err(CheckError::SourceChanged(_))));
    assert!(matches!(
        rebuild(&bytes, &report, io::sink(), &mut |_, _| ControlFlow::Break(())),
        Err(CheckError::Cancelled)
    ));
    report.accepted = false;
    assert!(matches!(rebuild(&bytes, &report, io::sink(), &mut quiet), Err(CheckError::NotAccepted)));
}

#[test]
fn a_second_reader_notices_a_wrong_manifest() {
    let (canonical, built) = rebuilt(&hostile::archive(&[("a.txt", b"text"), ("b.txt", b"more")]));
    let changes: [fn(&mut Rebuilt); 4] = [
        |b| b.entries[0].crc32 ^= 1,
        |b| b.entries[1].name.push('x'),
        |b| b.entries[1].data_offset += 1,
        |b| b.size += 1,
    ];
    for change in changes {
        let mut built = built.clone();
        change(&mut built);
        assert!(cross_check(&canonical, &built).is_err());
    }
}

#[test]
fn reports_are_the_same_each_time_and_survive_json() {
    for case in hostile::corpus().iter().step_by(7) {
        let report = report_of(&case.bytes);
        let json = serde_json::to_string(&report).unwrap();
        assert_eq!(json, serde_json::to_string(&report_of(&case.bytes)).unwrap());
        assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
    }
}

#[test]
fn findings_are_bounded() {
    let names: Vec<String> = (0..500).map(|n| format!("{n}.exe")).collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b"x"[..])).collect();
    let report = report_of(&hostile::archive(&files));
    let [finding] = &report.findings[..] else { panic!("{:#?}", report.findings) };
    assert_eq!((finding.code, finding.count), (Code::Program, 500));
    assert_eq!(finding.examples, ["0.exe", "1.exe", "2.exe"]);
}

#[test]
fn several_findings_are_collected() {
    let bytes = hostile::archive(&[("../a.txt", b"a"), ("b.exe", b"b"), ("c.png", b"no picture"), ("d.txt", b"good")]);
    let report = report_of(&bytes);
    assert_eq!(codes(&report), [Code::PathTraversal, Code::Program, Code::TypeMismatch]);
    let entries: Vec<_> = report.findings.iter().map(|f| f.entry.as_deref().unwrap()).collect();
    assert_eq!(entries, ["../a.txt", "b.exe", "c.png"]);
    assert!(report.findings.iter().all(|finding| finding.offset.is_some()));
}

/// Counts what is read, and fails or refuses when told to.
struct Watched {
    bytes: Vec<u8>,
    reads: Cell<u64>,
    read: Cell<u64>,
    fail_after: u64,
}

impl Watched {
    fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, reads: Cell::new(0), read: Cell::new(0), fail_after: u64::MAX }
    }
}

impl ReadAt for Watched {
    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.reads.set(self.reads.get() + 1);
        self.read.set(self.read.get() + buf.len() as u64);
        if self.reads.get() > self.fail_after {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        self.bytes.read_at(offset, buf)
    }
}

/// Bytes that do not compress, always the same.
fn noise() -> impl Iterator<Item = u8> {
    let mut noise = 1u32;
    std::iter::repeat_with(move || {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (noise >> 24) as u8
    })
}

fn eight_megabytes() -> Vec<u8> {
    let letters = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+/";
    let content: Vec<u8> = noise().map(|byte| letters[usize::from(byte >> 2)]).take(8 << 20).collect();
    hostile::archive(&[("a.txt", &content), ("b.txt", b"end")])
}

#[test]
fn the_first_verdict_reads_only_the_end() {
    let source = Watched::new(eight_megabytes());
    let verdict = check_directory(&source, &Options::default()).unwrap();
    assert!(!verdict.rejected() && verdict.readable() && verdict.entries() == 2);
    assert!(!verdict.report().accepted, "the directory alone never accepts");
    assert!(source.read.get() < 70_000 && source.reads.get() <= 4);

    // The second stage reads everything once, in large pieces.
    source.read.set(0);
    source.reads.set(0);
    let report = check_content(&source, verdict, &Options::default(), &mut |_, _| ControlFlow::Continue(())).unwrap();
    assert!(report.accepted);
    assert!(source.read.get() <= source.len() && source.reads.get() < source.len() / 200_000);
}

#[test]
fn a_failing_source_is_never_a_finding() {
    let mut source = Watched::new(honest("documents, stored"));
    let options = Options::default();
    check(&source, &options, &mut |_, _| ControlFlow::Continue(())).unwrap();
    for fail_after in 0..source.reads.replace(0) {
        source.fail_after = fail_after;
        let outcome = check(&source, &options, &mut |_, _| ControlFlow::Continue(()));
        assert!(matches!(outcome, Err(CheckError::Io(_))), "{fail_after}");
        source.reads.set(0);
    }
}

#[test]
fn progress_is_reported_and_can_cancel() {
    let bytes = eight_megabytes();
    let mut calls_seen = Vec::new();
    check(&bytes, &Options::default(), &mut |done, total| {
        calls_seen.push((done, total));
        ControlFlow::Continue(())
    })
    .unwrap();
    let total = bytes.len() as u64;
    assert!(calls_seen.len() > 8 && calls_seen.is_sorted() && calls_seen.iter().all(|call| call.1 == total));
    assert_eq!(calls_seen.last(), Some(&(total, total)));

    let mut calls = 0;
    let outcome = check(&bytes, &Options::default(), &mut |_, _| {
        calls += 1;
        ControlFlow::Break(())
    });
    assert!(matches!(outcome, Err(CheckError::Cancelled)));
    assert_eq!(calls, 1);
}

#[test]
fn documents_too_large_for_memory_are_read_from_the_upload_again() {
    let options = Options { limits: Limits { document_memory: 100, ..Limits::default() }, ..Options::default() };
    for case in hostile::corpus().iter().filter(|case| case.bytes.len() < 20_000) {
        let found = codes(&checked(&case.bytes, &options));
        let embedded = case.name.contains("embedded");
        let expected = if embedded { Code::NestedTooDeep } else { case.expected };
        assert!(found.contains(&expected), "{}: {found:?}", case.name);
    }
    // What is embedded in a document cannot be read again, and is refused.
    for program in ["documents, deflated", "documents, stored"] {
        assert_eq!(codes(&checked(&honest(program), &options)), [Code::NestedTooDeep], "{program}");
    }
}

/// A bomb told by its document's directory, behind more than the checker keeps in memory.
fn bomb_in_a_large_document(stated: u64) -> (Vec<u8>, Options) {
    let noise: Vec<u8> = noise().take(2 << 20).collect();
    let document = hostile::document_with_bomb(&noise, stated as u32);
    let limits = Limits { document_memory: 1 << 20, ..Limits::default() };
    (hostile::archive(&[("a.docx", &document), ("b.png", &noise)]), Options { limits, ..Options::default() })
}

#[test]
fn a_bomb_in_a_large_document_is_told_without_expanding_it_again() {
    let (bytes, options) = bomb_in_a_large_document(900 << 20);
    let source = Watched::new(bytes);
    let report = check(&source, &options, &mut |_, _| ControlFlow::Continue(())).unwrap();
    assert!(codes(&report).contains(&Code::ZipBombRatio) && !report.accepted);
    assert!(source.read.get() < source.len() + 200_000, "{}", source.read.get());
}

#[test]
fn nothing_more_is_read_once_a_budget_ran_out() {
    let (bytes, mut options) = bomb_in_a_large_document(900 << 20);
    options.limits.expanded = 800 << 20;
    let source = Watched::new(bytes);
    let report = check(&source, &options, &mut |_, _| ControlFlow::Continue(())).unwrap();
    assert!(codes(&report).contains(&Code::ExpandedTooLarge) && !report.content_checked);
    // The document comes first, and the picture behind it is as large.
    assert!(source.read.get() < source.len() * 3 / 4, "{} of {}", source.read.get(), source.len());
}

#[test]
fn limits_are_configuration() {
    let bytes = hostile::archive(&[("a.txt", b"hello world"), ("b.txt", b"hello")]);
    let with = |change: fn(&mut Limits)| {
        let mut options = Options::default();
        change(&mut options.limits);
        codes(&checked(&bytes, &options))
    };
    assert_eq!(with(|_| {}), []);
    assert_eq!(with(|limits| limits.upload = 100), [Code::UploadTooLarge]);
    assert_eq!(with(|limits| limits.entries = 1), [Code::TooManyEntries]);
    assert_eq!(with(|limits| limits.entry = 10), [Code::EntryTooLarge]);
    assert_eq!(with(|limits| limits.expanded = 15), [Code::ExpandedTooLarge]);
    assert_eq!(with(|limits| limits.path = 4), [Code::PathTooLong]);
    assert_eq!(serde_json::from_str::<Options>("{}").unwrap(), Options::default());
}

#[test]
fn a_stored_document_at_the_very_end_is_no_second_end_record() {
    // Its own end record lies within the last 64 KiB of the upload.
    let bytes = honest("documents, stored");
    assert!(bytes.windows(4).filter(|window| *window == b"PK\x05\x06").count() > 5);
    assert!(report_of(&bytes).accepted);
}
