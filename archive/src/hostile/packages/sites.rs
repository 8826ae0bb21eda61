//! Plain sites, as people and site generators write them.

use crate::{
    findings::code::Code,
    hostile::packages::{Files, Honest, is, noted, package},
    packages::{Package, PackageKind},
};

fn site(start: &str, title: &str, language: &str) -> Package {
    Package {
        language: (!language.is_empty()).then(|| language.to_owned()),
        ..is(PackageKind::Site, "", "", start, title)
    }
}

/// A course with a chart library, its tables and their map: scripts and data repeat themselves more than anything else
/// that people upload.
fn charts() -> Files {
    let library: String =
        (0..40_000).map(|n| format!("function f{}(t,e){{return t.x[{}]=e}}", n % 977, n % 31)).collect();
    let table: String = (0..60_000).map(|n| format!("[0,0,0,0,0,0,{}],", n % 97)).collect();
    let map: String = (0u32..90_000)
        .map(|n| ["AAAA,CAAC,IAAI,", "AAAA,CAAC,MAAM,", "AACA,GAAG,IAAI;"][(n.wrapping_mul(n) >> 7) as usize % 3])
        .collect();
    Files::default()
        .pages(&["index.html"])
        .with("js/charts.min.js", format!("!function(){{{library}}}();"))
        .with("daten/messwerte.json", format!("[{}[]]", table))
        .with("daten/karte.json", format!("{{\"version\":3,\"mappings\":\"{map}\"}}"))
}

pub(crate) fn packages() -> Vec<Honest> {
    let mkdocs = "<!doctype html><html lang=en class=no-js><head><meta charset=utf-8><meta name=description content=\"All about trees\">\
        <title>Trees &mdash; Handbook</title><link rel=license href=https://creativecommons.org/licenses/by/4.0/></head><body><h1>Trees</h1></body></html>";
    let tin_can = "<?xml version=\"1.0\" encoding=\"utf-8\"?><tincan xmlns=\"http://projecttincan.com/tincan.xsd\"><activities/></tincan>";
    let packaged = "<?xml version=\"1.0\"?><manifest identifier=\"m\" xmlns=\"http://www.imsglobal.org/xsd/imscp_v1p1\"><metadata><schema>IMS Content</schema>\
        <schemaversion>1.1.3</schemaversion></metadata><organizations/><resources/></manifest>";
    vec![
        package(
            "a site",
            Files::default().pages(&["index.html", "weiter.html"]).parts(&["js/app.js"]),
            site("index.html", "Lektion", "de"),
        ),
        noted(
            "a site in the only folder",
            Files::default().pages(&["kurs/index.html"]).parts(&["kurs/bild.png"]),
            site("kurs/index.html", "Lektion", "de"),
            &[Code::PackageInFolder],
        ),
        package(
            "a site of MkDocs",
            Files::default().with("index.html", mkdocs).parts(&[
                "assets/main.js",
                "search/search_index.json",
                "sitemap.xml",
            ]),
            Package {
                description: Some("All about trees".into()),
                licence: Some("https://creativecommons.org/licenses/by/4.0/".into()),
                ..site("index.html", "Trees — Handbook", "en")
            },
        ),
        package("a course with a chart library", charts(), site("index.html", "Lektion", "de")),
        package(
            "a site of 1998",
            Files::default().with("index.htm", "<HTML><BODY>Hallo</BODY></HTML>").pages(&["seite2.htm"]),
            site("index.htm", "", ""),
        ),
        package(
            "xAPI of Articulate Storyline",
            Files::default().with("tincan.xml", tin_can).pages(&["index.html", "story.html", "index_lms.html"]),
            site("index.html", "Lektion", "de"),
        ),
        noted(
            "IMS Content Packaging without SCORM, with a site",
            Files::default().with("imsmanifest.xml", packaged).pages(&["index.html"]),
            site("index.html", "Lektion", "de"),
            &[Code::PackageNotRecognised],
        ),
        noted(
            "a site with a package below",
            Files::default().pages(&["index.html"]).with("scorm/a/imsmanifest.xml", packaged),
            site("index.html", "Lektion", "de"),
            &[Code::PackageMisplaced],
        ),
    ]
}
