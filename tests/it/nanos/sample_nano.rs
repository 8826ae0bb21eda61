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
