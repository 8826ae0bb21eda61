//! Property tests over honest archives: their files come out as they went in, whatever program packed them.

use std::{
    collections::BTreeMap,
    io::{Cursor, Read},
    ops::ControlFlow,
};

use proptest::prelude::*;
use unicode_normalization::UnicodeNormalization;

use crate::{
    Options, Report, check, cross_check,
    format::FLAG_UTF8,
    hostile::{
        plan::{EntryPlan, Plan, field},
        sample::{HTML, JPEG, PDF, PNG},
    },
    rebuild,
};

/// Paths, composed, and contents.
type Tree = BTreeMap<String, Vec<u8>>;

/// Letters of a few scripts, decomposing and not; numbers keep the names apart and safe.
fn word() -> impl Strategy<Value = String> {
    let letters = "abcXYZäöüÄÖÜßéñçøÅ日本語한국어абвΩψ🎓❤-_ ()&+";
    prop::collection::vec(prop::sample::select(letters.chars().collect::<Vec<_>>()), 0..10)
        .prop_map(|letters| letters.into_iter().collect())
}

/// A file: an extension, and content that fits it.
fn file() -> impl Strategy<Value = (&'static str, Vec<u8>)> {
    let text = "[ -~äöüß€日🎓\r\n\t]{0,400}".prop_map(|text| format!("T {text}").into_bytes());
    let noise = prop::collection::vec(any::<u8>(), 0..2_000);
    prop_oneof![
        4 => (prop::sample::select(vec!["txt", "md", "csv", "TXT"]), text),
        1 => any::<(u32, bool)>().prop_map(|data| ("json", format!("{data:?}").replace('(', "[").replace(')', "]").into_bytes())),
        1 => (Just("html"), Just(HTML.into())),
        1 => (Just("txt"), Just(Vec::new())),
        3 => (prop::sample::select(vec![("png", PNG), ("jpg", JPEG), ("pdf", PDF)]), noise)
            .prop_map(|((extension, start), noise)| (extension, [start, &noise].concat())),
    ]
}

fn tree() -> impl Strategy<Value = Tree> {
    let folders = prop::collection::vec((word(), any::<prop::sample::Index>()), 0..4);
    let files = prop::collection::vec((word(), any::<prop::sample::Index>(), file()), 1..8);
    (folders, files).prop_map(|(words, files)| {
        let mut folders = vec![String::new()];
        for (n, (word, parent)) in words.into_iter().enumerate() {
            let parent = &folders[parent.index(folders.len())];
            folders.push(format!("{parent}{n}{word}x/"));
        }
        files
            .into_iter()
            .enumerate()
            .map(|(n, (word, parent, (extension, content)))| {
                let parent = &folders[parent.index(folders.len())];
                (format!("{parent}f{n}{word}.{extension}").nfc().collect(), content)
            })
            .collect()
    })
}

/// How a program packs.
#[derive(Clone, Copy, Debug)]
enum Style {
    /// Info-ZIP: UTF-8 without the flag, times and owners.
    Unix,
    /// Finder: decomposed, descriptors, system files.
    Mac,
    /// .NET: from FAT, with the flag.
    Windows,
    /// Java: the flag everywhere, descriptors.
    Java,
}

fn style() -> impl Strategy<Value = Style> {
    prop::sample::select(vec![Style::Unix, Style::Mac, Style::Windows, Style::Java])
}

/// Packs the tree. What is incompressible, or every second file, is stored.
fn pack(tree: &Tree, style: Style, folders: bool) -> Vec<u8> {
    let mut entries: Vec<EntryPlan> = Vec::new();
    let mut known = std::collections::BTreeSet::new();
    for (n, (path, content)) in tree.iter().enumerate() {
        for (at, _) in path.match_indices('/').filter(|_| folders) {
            if known.insert(&path[..=at]) {
                entries.push(EntryPlan::folder(&path[..=at]));
            }
        }
        let stored = n % 2 == 1 || content.is_empty();
        let entry = if stored { EntryPlan::stored(path, content) } else { EntryPlan::deflated(path, content) };
        let descriptor = !stored && matches!(style, Style::Mac | Style::Java);
        entries.push(if descriptor { entry.with_descriptor() } else { entry });
    }
    if matches!(style, Style::Mac) {
        entries.push(EntryPlan::stored("__MACOSX/._f", b"\0\x05\x16\x07"));
        entries.push(EntryPlan::stored(".DS_Store", b"\0\0\0\x01Bud1"));
    }
    for entry in &mut entries {
        match style {
            Style::Unix => {
                entry.flags(|flags| flags & !FLAG_UTF8);
                entry.local_extra =
                    [field(0x5455, &[3; 9]), field(0x7875, &[1, 4, 1, 1, 1, 1, 4, 1, 1, 1, 1])].concat();
                entry.central_extra =
                    [field(0x5455, &[3; 5]), field(0x7875, &[1, 4, 1, 1, 1, 1, 4, 1, 1, 1, 1])].concat();
            }
            Style::Mac => {
                let path = String::from_utf8(entry.local_name.clone()).unwrap();
                let decomposed: String = path.nfd().collect();
                entry.local_name = decomposed.clone().into();
                entry.central_name = decomposed.into();
                entry.flags(|flags| flags & !FLAG_UTF8);
                entry.extra(&field(0x5455, &[7; 13]));
            }
            Style::Windows => {
                entry.central.made_by = 20;
                entry.central.external = if entry.local_name.ends_with(b"/") { 0x10 } else { 0x20 };
            }
            Style::Java => {
                entry.flags(|flags| flags | FLAG_UTF8);
                entry.central.made_by = 20;
                entry.central.external = 0;
            }
        }
    }
    Plan::of(entries).build()
}

fn report_of(bytes: &[u8]) -> Report {
    check(&bytes, &Options::default(), &mut |_, _| ControlFlow::Continue(())).unwrap()
}

fn canonical(bytes: &[u8], report: &Report) -> Vec<u8> {
    let mut out = Vec::new();
    let rebuilt = rebuild(&bytes, report, &mut out, &mut |_, _| ControlFlow::Continue(())).unwrap();
    cross_check(&out, &rebuilt).unwrap();
    out
}

/// What the `zip` crate, which shares no line with ours, finds in an archive.
fn unpacked(bytes: &[u8]) -> Tree {
    let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    (0..zip.len())
        .map(|at| {
            let mut file = zip.by_index(at).unwrap();
            let mut content = Vec::new();
            file.read_to_end(&mut content).unwrap();
            (String::from_utf8(file.name_raw().to_vec()).unwrap(), content)
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(200), failure_persistence: None, ..ProptestConfig::default() })]

    /// Accepted, and the same tree comes out of the canonical archive.
    #[test]
    fn what_goes_in_comes_out(tree in tree(), style in style(), folders in any::<bool>()) {
        let bytes = pack(&tree, style, folders);
        let report = report_of(&bytes);
        prop_assert!(report.accepted, "{style:?}: {:#?}", report.findings);
        prop_assert_eq!(&unpacked(&canonical(&bytes, &report)), &tree);
    }

    /// Who packed the files, and in which form their names were stored, leaves no trace.
    #[test]
    fn the_packing_program_leaves_no_trace(tree in tree(), one in style(), other in style()) {
        let (one, other) = (pack(&tree, one, true), pack(&tree, other, false));
        prop_assert!(canonical(&one, &report_of(&one)) == canonical(&other, &report_of(&other)));
    }

    /// No changed byte makes other files of an honest archive: it is refused, or was of no importance.
    #[test]
    fn a_changed_byte_is_refused_or_means_nothing(
        tree in tree(),
        style in style(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 1..=255u8), 20),
    ) {
        let honest = pack(&tree, style, true);
        for (at, change) in changes {
            let mut bytes = honest.clone();
            bytes[at.index(honest.len())] ^= change;
            let report = report_of(&bytes);
            if report.accepted {
                prop_assert_eq!(&unpacked(&canonical(&bytes, &report)), &tree);
            }
        }
    }
}
