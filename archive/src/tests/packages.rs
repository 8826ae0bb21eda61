//! Learning packages through the whole gate.

use std::collections::BTreeSet;

use crate::{hostile::packages, packages::PackageKind, *};

use super::{checked, codes, report_of};

fn scripts() -> Options {
    Options { scripts_allowed: true, ..Options::default() }
}

#[test]
fn honest_packages_are_accepted_and_named() {
    let packages = packages::honest();
    assert!(packages.len() >= 50, "{}", packages.len());
    let mut wrong = Vec::new();
    for package in &packages {
        let report = checked(&package.bytes, &scripts());
        if !report.accepted || report.package.as_ref() != Some(&package.expected) || codes(&report) != package.notes {
            wrong.push(format!("{}: {:#?}\n{:?}", package.name, report.package, report.findings));
        }
        if let Some(start) = report.package.as_ref().and_then(|package| package.start_page.as_ref()) {
            assert!(report.entries.iter().any(|entry| entry.name == *start), "{start}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let names: BTreeSet<_> = packages.iter().map(|package| package.name).collect();
    assert_eq!(names.len(), packages.len(), "names are unique");
    use PackageKind::*;
    for kind in [Scorm12, Scorm2004, Cmi5, CommonCartridge, H5p, Epub, Site] {
        assert!(packages.iter().filter(|package| package.expected.kind == kind).count() >= 5, "{kind}");
    }
}

#[test]
fn hostile_manifests_are_refused_with_their_code() {
    let cases = packages::hostile();
    assert!(cases.len() >= 120, "{}", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let report = checked(&case.bytes, &scripts());
        let rejections: Vec<Code> = report.rejections().map(|finding| finding.code).collect();
        if report.accepted || report.package.is_some() || rejections != [case.expected] {
            wrong.push(format!("{}: expected {}, found {:?}", case.name, case.expected, report.findings));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_package_in_another_format_has_one_finding() {
    for case in packages::in_other_formats() {
        assert_eq!(codes(&report_of(&case.bytes)), [Code::PackageNeedsScripts], "{}", case.name);
        assert!(checked(&case.bytes, &scripts()).accepted, "{}", case.name);
    }
    // Without a manifest it is about scripts.
    let plain = hostile::archive(&[("index.html", b"<p>"), ("a.js", b"1"), ("b.xml", b"<b/>")]);
    let report = report_of(&plain);
    assert_eq!(codes(&report), [Code::ScriptNotAllowed]);
    assert_eq!(report.findings[0].count, 2);
}

/// That these pass stands in the list of honest packages; this says that they come near what bombs are refused for.
#[test]
fn honest_content_that_tries_the_limits() {
    let (limits, book) = (Limits::default(), super::honest("an e-book of 2,020 parts"));
    let report = report_of(&book);
    assert!(report.accepted && limits.entries > 2_021, "{:#?}", report.findings);
    let few = Options { limits: Limits { entries: 2_020, ..limits.clone() }, ..Options::default() };
    assert_eq!(codes(&checked(&book, &few)), [Code::TooManyEntries]);

    let course =
        packages::honest().into_iter().find(|package| package.name == "a course with a chart library").unwrap();
    let report = checked(&course.bytes, &scripts());
    let ratios: Vec<u64> = report.entries.iter().map(|entry| entry.size / entry.compressed_size).collect();
    let most = ratios.iter().max().copied().unwrap();
    assert!(most > 20 && report.entries.iter().any(|entry| entry.size > limits.entry_ratio_from), "{ratios:?}");
}

#[test]
fn what_only_h5p_may_hold() {
    let manifest = b"{\"mainLibrary\":\"H5P.A\",\"preloadedDependencies\":\
        [{\"machineName\":\"H5P.A\",\"majorVersion\":1,\"minorVersion\":0}]}";
    let found = |files: &[(&str, &[u8])]| codes(&checked(&hostile::archive(files), &scripts()));
    for name in ["a.bmp", "a.tif", "a.tiff", "a.glb", "a.gltf", "a.webvtt", "a.diff", "a.patch", "a.textile"] {
        assert_eq!(found(&[(name, b"x"), ("index.html", b"<p>")]), [Code::TypeNotAllowed], "{name}");
        assert_eq!(found(&[(name, b"x"), ("a/b/h5p.json", manifest)])[0], Code::TypeNotAllowed, "{name}");
    }
    let with =
        |name: &str, content: &[u8]| found(&[("h5p.json", manifest), ("content/content.json", b"{}"), (name, content)]);
    let fits: Vec<Code> = with("content/a.txt", b"x");
    assert!(fits.iter().all(|code| code.severity() == Severity::Note), "{fits:?}");
    for name in ["a.bmp", "a.tif", "a.glb", "a.gltf", "a.webvtt"] {
        assert_eq!(with(name, b"no such thing"), [Code::TypeMismatch], "{name}");
        assert_eq!(with(name, b"MZ\x90\0\x03\0\0\0\x04\0\0\0"), [Code::Program], "{name}");
    }
    for name in ["a.doc", "a.xls", "a.ppt", "a.rtf", "a.swf"] {
        assert_eq!(with(name, b"x"), [Code::TypeNotAllowed], "{name}");
    }
    let bmp: Vec<u8> = [b"BM/*\0\0", &[0; 8][..], &40u32.to_le_bytes(), &[0; 40], b"*/=1;alert(1)"].concat();
    assert_eq!(with("a.bmp", &bmp), [Code::TwoTypes]);
}

#[test]
fn the_package_stands_in_the_report_and_older_reports_still_parse() {
    let package = &packages::honest()[0];
    let report = checked(&package.bytes, &scripts());
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["package"]["kind"], "scorm_1_2");
    assert_eq!(json["package"]["start_page"], "start.html");
    assert_eq!(serde_json::from_value::<Report>(json.clone()).unwrap(), report);
    let mut older = json;
    older.as_object_mut().unwrap().remove("package");
    assert_eq!(serde_json::from_value::<Report>(older).unwrap().package, None);
    for kind in [PackageKind::Scorm12, PackageKind::Scorm2004, PackageKind::CommonCartridge, PackageKind::Site] {
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
    }
}

#[test]
fn texts_are_bounded_and_without_control_characters() {
    let long = "Sehr lang \u{202e}\u{200b} ".repeat(2_000);
    let manifest = format!(
        "{{\"title\":\"{long}\\u0007\",\"metaDescription\":\"{long}\",\"license\":\"{long}\",\"mainLibrary\":\"H5P.A\",\
        \"preloadedDependencies\":[{{\"machineName\":\"H5P.A\",\"majorVersion\":1,\"minorVersion\":0}}]}}"
    );
    let bytes = hostile::archive(&[("h5p.json", manifest.as_bytes()), ("content/content.json", b"{}")]);
    let package = checked(&bytes, &scripts()).package.unwrap();
    for (text, most) in [(package.title, 255), (package.description, 1_000), (package.licence, 500)] {
        let text = text.unwrap();
        assert_eq!(text.chars().count(), most);
        assert!(!text.contains(|c: char| c.is_control() || matches!(c, '\u{202e}' | '\u{200b}')));
    }
}

#[test]
fn a_source_that_fails_while_a_manifest_is_read_is_no_finding() {
    let package = &packages::honest()[0];
    let mut source = super::Watched::new(package.bytes.clone());
    check(&source, &scripts(), &mut |_, _| std::ops::ControlFlow::Continue(())).unwrap();
    for fail_after in 0..source.reads.replace(0) {
        source.fail_after = fail_after;
        let outcome = check(&source, &scripts(), &mut |_, _| std::ops::ControlFlow::Continue(()));
        assert!(matches!(outcome, Err(CheckError::Io(_))), "{fail_after}");
        source.reads.set(0);
    }
}
