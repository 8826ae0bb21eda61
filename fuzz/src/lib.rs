//! The bodies of the fuzz targets. Each panics when the bytes it is given break a promise of the archive gate.
//!
//! The promises: no bytes make the gate fail, hang or take much memory; what it accepts, the `zip` crate reads as the
//! same files; and the canonical archive made of it is accepted again and reads as the same files too.

mod build;
mod packages;
mod repair;

use std::{
    collections::BTreeMap,
    io::{Cursor, Read},
    ops::ControlFlow,
};

use archive::{EntryReader, Finding, Options, Report};

pub use build::EXTENSIONS;
pub use packages::{MANIFESTS, packages};

/// Names to their content.
type Tree = BTreeMap<String, Vec<u8>>;

/// The first stage alone.
pub fn directory(bytes: &[u8]) {
    let verdict = archive::check_directory(&bytes, &Options::default()).expect("bytes in memory can be read");
    let report = verdict.report();
    assert!(!report.accepted, "the directory alone never accepts");
    presentable(&report);
}

/// The whole check.
pub fn check(bytes: &[u8]) {
    accepted(bytes);
}

/// The whole check of an archive whose check sums and sizes were put right first, so that more of the damage is let
/// in; then the rebuild.
pub fn rebuild(bytes: &[u8]) {
    let mut bytes = bytes.to_vec();
    repair::repair(&mut bytes);
    rebuilt(&bytes);
}

/// One file in an honest archive. The first byte picks its extension and, by its highest bit, whether a document's
/// check sums are put right.
pub fn content(bytes: &[u8]) {
    let Some((&choice, content)) = bytes.split_first() else { return };
    let mut content = content.to_vec();
    if choice & 0x80 != 0 {
        repair::repair(&mut content);
    }
    let extension = EXTENSIONS[usize::from(choice & 0x7f) % EXTENSIONS.len()];
    rebuilt(&archive::hostile::archive(&[(&format!("file.{extension}"), &content)]));
}

/// Raw names, one a line, behind a byte for the writing system and the flag that says UTF-8.
pub fn names(bytes: &[u8]) {
    let Some((&how, names)) = bytes.split_first() else { return };
    rebuilt(&build::named(how, names.split(|byte| *byte == b'\n').take(40)));
}

fn report(bytes: &[u8]) -> Report {
    // Scripts are the wider set of types.
    let options = Options { scripts_allowed: true, ..Options::default() };
    let report = archive::check(&bytes, &options, &mut |_, _| ControlFlow::Continue(()));
    report.expect("bytes in memory can be read")
}

/// Checks; what was accepted is read as the same files by another reader.
fn accepted(bytes: &[u8]) -> Option<(Report, Tree)> {
    let report = report(bytes);
    presentable(&report);
    if !report.accepted {
        assert!(report.rejections().next().is_some(), "a refusal says why");
        return None;
    }
    let ours = tree(bytes, &report);
    assert_eq!(ours.len(), report.entries.len(), "names are unique");
    for name in ours.keys() {
        well_named(name);
    }
    let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).expect("what was accepted opens elsewhere");
    let mut met = 0;
    for at in 0..zip.len() {
        let mut file = zip.by_index(at).expect("an entry that was accepted opens elsewhere");
        let Some(entry) = report.entries.iter().find(|entry| Some(entry.data_offset) == file.data_start()) else {
            continue;
        };
        let mut content = Vec::new();
        file.read_to_end(&mut content).expect("content that was accepted reads elsewhere");
        assert_eq!(content, ours[&entry.name], "{}", entry.name);
        met += 1;
    }
    assert_eq!(met, report.entries.len(), "every accepted file is seen elsewhere");
    Some((report, ours))
}

/// What was accepted is written anew, and reads as the same files.
fn rebuilt(bytes: &[u8]) {
    let Some((report, tree)) = accepted(bytes) else { return };
    let mut canonical = Vec::new();
    let rebuilt = archive::rebuild(&bytes, &report, &mut canonical, &mut |_, _| ControlFlow::Continue(()));
    let rebuilt = rebuilt.expect("what was accepted can be rebuilt");
    archive::cross_check(&canonical, &rebuilt).expect("a second reader agrees on the directory");
    assert_eq!(rebuilt.size, canonical.len() as u64);

    let mut elsewhere = Tree::new();
    let mut zip = zip::ZipArchive::new(Cursor::new(&canonical)).expect("our own archive opens");
    for at in 0..zip.len() {
        let mut file = zip.by_index(at).expect("our own entry opens");
        let mut content = Vec::new();
        file.read_to_end(&mut content).expect("our own content reads");
        elsewhere.insert(file.name().expect("a name in UTF-8").into_owned(), content);
    }
    assert_eq!(elsewhere, tree, "the canonical archive holds what the upload held");

    let (again, same) = accepted(&canonical).expect("our own archive is accepted");
    assert_eq!(same, tree);
    assert!(again.entries.iter().all(|entry| !entry.renamed), "canonical names stay");
}

fn tree(bytes: &[u8], report: &Report) -> Tree {
    let read = |entry| {
        let mut content = Vec::new();
        EntryReader::new(&bytes, entry).read_to_end(&mut content).expect("accepted content reads");
        content
    };
    report.entries.iter().map(|entry| (entry.name.clone(), read(entry))).collect()
}

/// Safe below any folder, on any system (rule 9).
fn well_named(name: &str) {
    assert!(name.encode_utf16().count() <= 240 && name.split('/').count() <= 16, "{name:?}");
    for segment in name.split('/') {
        assert!(!segment.is_empty() && segment != "." && segment != "..", "{name:?}");
        assert!(!segment.ends_with(['.', ' ']) && segment.len() <= 255, "{name:?}");
        assert!(!segment.contains(|c: char| c.is_control() || "\\:*?\"<>|".contains(c)), "{name:?}");
    }
}

/// A report is bounded and can be shown on a terminal or a page.
fn presentable(report: &Report) {
    assert!(report.findings.len() <= Options::default().limits.findings + 1);
    let plain = |text: &Option<String>| text.as_ref().is_none_or(|text| !text.contains(char::is_control));
    let safe = |finding: &Finding| plain(&finding.entry) && plain(&finding.detail);
    assert!(report.findings.iter().all(safe), "{:?}", report.findings);
}
