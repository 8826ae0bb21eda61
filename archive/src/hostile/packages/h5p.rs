//! H5P, after the package definition of h5p.org and exports of H5P.org, Lumi and Moodle.

use crate::{
    findings::code::Code,
    hostile::packages::{Files, Honest, is, noted, package},
    packages::{Package, PackageKind},
};

pub(crate) fn manifest(title: &str, main: &str, more: &str, dependencies: &[(&str, u8, u8)]) -> String {
    let list: Vec<String> = dependencies
        .iter()
        .map(|(name, major, minor)| {
            format!("{{\"machineName\":\"{name}\",\"majorVersion\":\"{major}\",\"minorVersion\":{minor}}}")
        })
        .collect();
    format!(
        "{{\"title\":\"{title}\",\"language\":\"und\",\"mainLibrary\":\"{main}\",\"embedTypes\":[\"div\"],{more}\
         \"preloadedDependencies\":[{}],\"extraTitle\":\"{title}\"}}",
        list.join(",")
    )
}

fn libraries(files: Files, folders: &[&str]) -> Files {
    folders.iter().fold(files, |files, folder| {
        let names = ["library.json", "semantics.json", "js/main.js", "css/main.css", "language/de.json", "icon.svg"];
        names.iter().fold(files, |files, name| files.parts(&[&format!("{folder}/{name}")]))
    })
}

pub(crate) fn multi_choice() -> Files {
    let main = manifest(
        "Arithmetic Quiz",
        "H5P.MultiChoice",
        "\"license\":\"CC BY-SA\",\"licenseVersion\":\"4.0\",\"defaultLanguage\":\"en\",\"authors\":[],",
        &[("H5P.MultiChoice", 1, 16), ("FontAwesome", 4, 5)],
    );
    let files = Files::default()
        .with("h5p.json", main)
        .with("content/content.json", "{\"question\":\"2 + 2?\",\"answers\":[{\"text\":\"4\",\"correct\":true}]}");
    libraries(files, &["H5P.MultiChoice-1.16", "FontAwesome-4.5"]).parts(&[
        "FontAwesome-4.5/fontawesome-webfont.woff",
        "FontAwesome-4.5/fontawesome-webfont.ttf",
        "FontAwesome-4.5/fontawesome-webfont.eot",
    ])
}

fn h5p(version: &str, title: &str) -> Package {
    is(PackageKind::H5p, version, "h5p.json", "", title)
}

pub(crate) fn packages() -> Vec<Honest> {
    let small = |title: &str, main: &str, minor| {
        let files = Files::default()
            .with("h5p.json", manifest(title, main, "", &[(main, 1, minor)]))
            .with("content/content.json", "{}");
        libraries(files, &[&format!("{main}-1.{minor}")])
    };
    let lumi = manifest(
        "Interaktives Video",
        "H5P.InteractiveVideo",
        "\"license\":\"GNU GPL\",\"licenseVersion\":\"v3\",\"metaDescription\":\"Ein Film mit Fragen\",\"defaultLanguage\":\"de\",\"yearFrom\":2024,",
        &[("H5P.InteractiveVideo", 1, 27), ("H5P.Video", 1, 6)],
    );
    let lumi = Files::default()
        .with("h5p.json", lumi)
        .with("content/content.json", "{\"interactiveVideo\":{}}")
        .parts(&["content/videos/files-1.mp4", "content/images/poster.jpg"]);
    let content_only = Files::default()
        .with("h5p.json", manifest("Nur Inhalt", "H5P.Blanks", "", &[("H5P.Blanks", 1, 14)]))
        .with("content/content.json", "{}");
    vec![
        package(
            "H5P of H5P.org, multiple choice",
            multi_choice(),
            Package {
                language: Some("en".into()),
                licence: Some("CC-BY-SA-4.0".into()),
                ..h5p("H5P.MultiChoice 1.16", "Arithmetic Quiz")
            },
        ),
        package(
            "H5P of Lumi, interactive video",
            libraries(lumi, &["H5P.InteractiveVideo-1.27", "H5P.Video-1.6"]),
            Package {
                language: Some("de".into()),
                licence: Some("GPL-3.0".into()),
                description: Some("Ein Film mit Fragen".into()),
                ..h5p("H5P.InteractiveVideo 1.27", "Interaktives Video")
            },
        ),
        package(
            "H5P of Moodle, course presentation",
            small("Folien & Fragen", "H5P.CoursePresentation", 25),
            h5p("H5P.CoursePresentation 1.25", "Folien & Fragen"),
        ),
        package(
            "H5P, library folder with the patch's number",
            libraries(
                Files::default()
                    .with("h5p.json", manifest("Memory", "H5P.MemoryGame", "", &[("H5P.MemoryGame", 1, 3)]))
                    .with("content/content.json", "{}"),
                &["H5P.MemoryGame-1.3.28"],
            ),
            h5p("H5P.MemoryGame 1.3", "Memory"),
        ),
        package(
            "H5P, interactive book",
            small("Buch", "H5P.InteractiveBook", 8),
            h5p("H5P.InteractiveBook 1.8", "Buch"),
        ),
        package(
            "H5P, pictures, models and texts of its core's list",
            small("Rundgang", "H5P.ThreeImage", 5).parts(&[
                "content/images/plan.bmp",
                "content/images/karte.tif",
                "content/images/foto.tiff",
                "content/models/haus.glb",
                "content/models/baum.gltf",
                "content/tracks/film.webvtt",
                "content/texte/hinweis.textile",
                "content/texte/loesung.diff",
                "content/texte/aufgabe.patch",
            ]),
            h5p("H5P.ThreeImage 1.5", "Rundgang"),
        ),
        noted("H5P of content only", content_only, h5p("H5P.Blanks 1.14", "Nur Inhalt"), &[Code::PackageFileMissing]),
        noted(
            "H5P in the only folder",
            small("Quiz", "H5P.QuestionSet", 20).below("quiz"),
            Package { manifest: Some("quiz/h5p.json".into()), ..h5p("H5P.QuestionSet 1.20", "Quiz") },
            &[Code::PackageInFolder],
        ),
    ]
}
