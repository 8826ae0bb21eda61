//! The sample for creators is what its generator writes, and is accepted without a word.

use std::{ops::ControlFlow, path::Path, process::Command};

use archive::Options;
use tests::{fleet::worker_program, sample_nano};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/sample-nano.zip");

#[test]
fn the_sample_is_what_its_generator_writes() {
    let made = sample_nano::archive();
    if std::env::var_os("UPDATE_DOCS").is_some_and(|on| on == "1") {
        std::fs::write(FILE, &made).expect("the sample can be written");
    }
    let kept = std::fs::read(FILE).unwrap_or_default();
    assert!(kept == made, "docs/sample-nano.zip is out of date; renew it: UPDATE_DOCS=1 make test ARGS=sample_nano");
    assert!(made.len() < 30_000, "{} bytes", made.len());

    let report = archive::check(&made, &Options::default(), &mut |_, _| ControlFlow::Continue(())).expect("in memory");
    assert!(report.accepted && report.findings.is_empty(), "{:#?}", report.findings);
    let names: Vec<&str> = report.entries.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["index.html", "cover.png", "exercises/Übung 1.md", "exercises/measurements.csv"]);
}

/// As the authoring guide has creators call it.
#[test]
fn the_local_check_accepts_the_sample_and_refuses_the_guide() {
    let check = |file: &Path| Command::new(worker_program()).arg("check").arg(file).output().expect("it starts");
    let sample = check(Path::new(FILE));
    let said = String::from_utf8_lossy(&sample.stdout).into_owned();
    assert_eq!(sample.status.code(), Some(0), "{said}");
    let guide = Path::new(FILE).with_file_name("authoring-guide.md");
    let text = std::fs::read_to_string(&guide).expect("the guide");
    assert!(text.contains(said.trim()), "the guide shows another output than: {said}");

    let refused = check(&guide);
    assert_eq!(refused.status.code(), Some(1));
    assert!(!refused.stdout.is_empty());
    assert_eq!(check(Path::new("/nowhere/at-all.zip")).status.code(), Some(2));
}

#[test]
fn the_local_check_tells_what_a_learning_package_says_of_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("course.zip");
    for package in archive::hostile::packages::honest() {
        std::fs::write(&file, &package.bytes).expect("a file");
        let checked = Command::new(worker_program()).arg("check").arg(&file).args(["--format", "interactive"]).output();
        let checked = checked.expect("it starts");
        let said = String::from_utf8_lossy(&checked.stdout);
        assert_eq!(checked.status.code(), Some(0), "{}: {said}", package.name);
        assert!(said.contains(&format!("package {}", package.expected.kind)), "{}: {said}", package.name);
        for told in [&package.expected.start_page, &package.expected.title, &package.expected.licence] {
            assert!(told.as_ref().is_none_or(|told| said.contains(told)), "{}: {told:?} in {said}", package.name);
        }
    }
}

/// What is no file would be waited for, or read without end; a language it does not speak would be taken for English.
#[test]
fn the_local_check_refuses_calls_that_make_no_sense() {
    let folder = tempfile::tempdir().expect("a folder");
    let pipe = folder.path().join("pipe.zip");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo starts").success());
    // `timeout` ends with status 124 when it has to end the check.
    let check = |arguments: &[&str]| {
        let mut command = Command::new("timeout");
        command.arg("20").arg(worker_program()).arg("check").args(arguments).output().expect("it starts")
    };
    let pipe = pipe.to_str().expect("a path in UTF-8");
    let kept = folder.path().to_str().expect("a path in UTF-8");
    for (arguments, word) in [
        (&[pipe][..], "pipe"),
        (&[kept], "folder"),
        (&["/dev/zero"], "device"),
        (&[FILE, "--language", "fr"], "--language"),
        (&[FILE, "--language", "fr", "--json"], "--language"),
        (&[FILE, "--format", "film"], "--format"),
    ] {
        let refused = check(arguments);
        let said = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(word), "{arguments:?}: {said}");
    }
    assert_eq!(check(&[FILE, "--language", "de"]).status.code(), Some(0));
}
