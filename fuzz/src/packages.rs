//! The readers of learning packages' manifests, without an archive around them.

use archive::{
    Severity,
    packages::{Package, bounds, recognise},
};

/// The manifests, by the number that a seed begins with.
pub const MANIFESTS: [&str; 6] =
    ["imsmanifest.xml", "cmi5.xml", "h5p.json", "META-INF/container.xml", "OEBPS/content.opf", "index.html"];

/// Files that references of the seeds lead to.
const FILES: [&str; 12] = [
    "start.html",
    "index.html",
    "a.html",
    "shared/launchpage.html",
    "inhalt/teil1/seite.html",
    "content/content.json",
    "H5P.MultiChoice-1.16/library.json",
    "H5P.Blanks-1.14/library.json",
    "OEBPS/content.opf",
    "OEBPS/a.html",
    "OEBPS/Text/Section 0001.xhtml",
    "lom.xml",
];

const CONTAINER: &[u8] = b"<container><rootfiles><rootfile full-path=\"OEBPS/content.opf\"/></rootfiles></container>";

/// One manifest. The first byte picks which one, and by its highest bit whether it lies in a folder.
pub fn packages(bytes: &[u8]) {
    let Some((&choice, manifest)) = bytes.split_first() else { return };
    let name = MANIFESTS[usize::from(choice & 0x7f) % MANIFESTS.len()];
    let folder = if choice & 0x80 != 0 { "Kurs/" } else { "" };
    let book = name == "OEBPS/content.opf";
    let mut names: Vec<String> = FILES.iter().map(|file| format!("{folder}{file}")).collect();
    names.push(format!("{folder}{name}"));
    if book {
        names.push(format!("{folder}META-INF/container.xml"));
    }
    names.sort();
    names.dedup();
    let mut read = |entry: &str, most: usize| {
        let entry = entry.strip_prefix(folder).expect("an entry of the archive is read");
        let content = match entry {
            "META-INF/container.xml" if book => CONTAINER,
            "content/content.json" => b"{}",
            // Metadata in a file of their own are read like the manifest.
            _ if entry == name || entry == "lom.xml" => manifest,
            _ => b"<html><title>x</title>",
        };
        Some(content[..content.len().min(most)].to_vec())
    };
    let recognition = recognise(names.iter().map(String::as_str), &mut read);
    let refused = recognition.findings.iter().any(|finding| finding.severity == Severity::Reject);
    assert!(recognition.findings.len() < 20, "few findings about one package");
    for finding in &recognition.findings {
        for text in [&finding.entry, &finding.detail].into_iter().flatten() {
            assert!(!text.contains(char::is_control), "{finding:?}");
        }
    }
    if let Some(package) = &recognition.package {
        assert!(!refused, "a package that is refused is not described");
        bounded(package, &names);
    }
}

fn bounded(package: &Package, names: &[String]) {
    for entry in [&package.start_page, &package.manifest].into_iter().flatten() {
        assert!(names.contains(entry), "{entry} is an entry");
    }
    let texts = [
        (&package.title, bounds::TITLE_CHARS),
        (&package.description, bounds::DESCRIPTION_CHARS),
        (&package.licence, bounds::LICENCE_CHARS),
        (&package.version, bounds::VERSION_CHARS),
        (&package.language, bounds::LANGUAGE_BYTES),
        (&package.start_query, bounds::QUERY_CHARS),
        (&package.start_fragment, bounds::QUERY_CHARS),
    ];
    let fits =
        |text: &str, most: usize| !text.is_empty() && text.chars().count() <= most && !text.contains(char::is_control);
    for (text, most) in texts {
        assert!(text.as_deref().is_none_or(|text| fits(text, most)), "{text:?}");
    }
    assert!(package.objectives.len() <= bounds::OBJECTIVES);
    assert!(package.objectives.iter().all(|text| fits(text, bounds::OBJECTIVE_CHARS)));
    assert!(package.duration_minutes.is_none_or(|minutes| (1..=bounds::DURATION_MINUTES).contains(&minutes)));
}
