//! EPUB 2.0.1 and 3.3, unpacked and as one file, after the samples of IDPF and books made by Calibre and Sigil.

use crate::{
    findings::code::Code,
    hostile::{
        packages::{Files, Honest, is, noted, package},
        plan::{EntryPlan, Plan},
    },
    packages::{Package, PackageKind},
};

pub(crate) const TYPE: &str = "application/epub+zip";
const XHTML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE html>\n<html xmlns=\"http://www.w3.org/1999/xhtml\"><head><title>x</title></head><body><p>x</p></body></html>";

pub(crate) fn container(path: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>\n<container version=\"1.0\" xmlns=\"urn:oasis:names:tc:opendocument:xmlns:container\"><rootfiles>\
         <rootfile full-path=\"{path}\" media-type=\"application/oebps-package+xml\"/></rootfiles></container>"
    )
}

pub(crate) fn opf(version: &str, metadata: &str, items: &[(&str, &str)], spine: &[&str]) -> String {
    let items: String = items
        .iter()
        .map(|(id, href)| format!("<item id=\"{id}\" href=\"{href}\" media-type=\"application/xhtml+xml\"/>"))
        .collect();
    let spine: String = spine.iter().map(|id| format!("<itemref idref=\"{id}\"/>")).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<package xmlns=\"http://www.idpf.org/2007/opf\" version=\"{version}\" unique-identifier=\"id\">\
         <metadata xmlns:dc=\"http://purl.org/dc/elements/1.1/\" xmlns:opf=\"http://www.idpf.org/2007/opf\">{metadata}</metadata>\
         <manifest>{items}</manifest><spine toc=\"ncx\">{spine}</spine></package>"
    )
}

const WORDS: &str = "<dc:title id=\"t\">Die Verwandlung</dc:title><dc:creator>Franz Kafka</dc:creator><dc:language>de</dc:language>\
    <dc:rights>Public domain</dc:rights><dc:description>Erz\u{e4}hlung.</dc:description>";

/// An unpacked book whose package document is `opf`, in this folder.
pub(crate) fn of(opf: String) -> Files {
    Files::default()
        .with("mimetype", TYPE)
        .with("META-INF/container.xml", container("OEBPS/content.opf"))
        .with("OEBPS/content.opf", opf)
}

pub(crate) fn sigil() -> Files {
    of(opf(
        "3.0",
        WORDS,
        &[("nav", "nav.xhtml"), ("c1", "Text/Section%200001.xhtml"), ("css", "Styles/style.css")],
        &["c1", "nav"],
    ))
    .with("OEBPS/Text/Section 0001.xhtml", XHTML)
    .with("OEBPS/nav.xhtml", XHTML)
    .parts(&["OEBPS/Styles/style.css", "OEBPS/Fonts/a.otf"])
}

fn book(version: &str, manifest: &str, start: &str, title: &str) -> Package {
    is(PackageKind::Epub, version, manifest, start, title)
}

fn kafka(version: &str, manifest: &str, start: &str) -> Package {
    Package {
        language: Some("de".into()),
        licence: Some("Public domain".into()),
        description: Some("Erz\u{e4}hlung.".into()),
        ..book(version, manifest, start, "Die Verwandlung")
    }
}

/// A book as one file in an archive of its own.
fn single(opf: &str) -> Files {
    let parts = [
        ("META-INF/container.xml", container("EPUB/package.opf")),
        ("EPUB/package.opf", opf.to_owned()),
        ("EPUB/s1.xhtml", XHTML.to_owned()),
    ];
    let mut entries = vec![EntryPlan::stored("mimetype", TYPE.as_bytes())];
    entries.extend(parts.iter().map(|(name, content)| EntryPlan::deflated(name, content.as_bytes())));
    Files::default().with("Buch.epub", Plan::of(entries).build())
}

pub(crate) fn packages() -> Vec<Honest> {
    let calibre = opf(
        "2.0",
        &WORDS.replace("<dc:language>de", "<dc:language>deu"),
        &[("html1", "index_split_000.html"), ("ncx", "toc.ncx")],
        &["html1"],
    );
    let calibre = Files::default().with("mimetype", TYPE).with("META-INF/container.xml", container("content.opf")).with("content.opf", calibre)
        .with("toc.ncx", "<?xml version='1.0' encoding='utf-8'?>\n<ncx xmlns=\"http://www.daisy.org/z3986/2005/ncx/\" version=\"2005-1\"/>")
        .pages(&["index_split_000.html", "titlepage.html"]).parts(&["cover.jpg", "stylesheet.css"]);
    let spoken = "<dc:title>Moby-Dick</dc:title><dc:language>en-US</dc:language><meta property=\"media:duration\" refines=\"#s1\">0:10:00</meta>\
        <meta property=\"media:duration\">1:14:43</meta><link rel=\"cc:license\" href=\"http://creativecommons.org/licenses/by-sa/3.0/\"/>\
        <dc:rights>Shared under CC BY-SA</dc:rights>";
    let moby = || Package {
        language: Some("en-US".into()),
        licence: Some("http://creativecommons.org/licenses/by-sa/3.0/".into()),
        duration_minutes: Some(75),
        ..book("3.0", "", "", "Moby-Dick")
    };
    let idpf = of(opf(
        "3.0",
        spoken,
        &[("s1", "../EPUB/s1.xhtml"), ("smil", "../EPUB/s1.smil"), ("far", "https://example.com/sound.mp3")],
        &["s1"],
    ))
    .with("EPUB/s1.xhtml", XHTML)
    .with("EPUB/s1.smil", "<smil xmlns=\"http://www.w3.org/ns/SMIL\" version=\"3.0\"/>")
    .parts(&["EPUB/sound.mp3"]);
    let gap = opf("3.0", WORDS, &[("c1", "a.xhtml"), ("c2", "b.xhtml")], &["c1", "c2"]);
    vec![
        package(
            "EPUB 2 of Calibre, unpacked",
            calibre,
            Package { language: Some("deu".into()), ..kafka("2.0", "content.opf", "index_split_000.html") },
        ),
        package(
            "EPUB 3 of Sigil, unpacked",
            sigil(),
            kafka("3.0", "OEBPS/content.opf", "OEBPS/Text/Section 0001.xhtml"),
        ),
        package(
            "EPUB 3 with overlays (IDPF sample: Moby-Dick)",
            idpf,
            Package { manifest: Some("OEBPS/content.opf".into()), start_page: Some("EPUB/s1.xhtml".into()), ..moby() },
        ),
        noted(
            "EPUB 3, unpacked, in the only folder",
            sigil().below("buch"),
            kafka("3.0", "buch/OEBPS/content.opf", "buch/OEBPS/Text/Section 0001.xhtml"),
            &[Code::PackageInFolder],
        ),
        noted(
            "EPUB 3, unpacked, a chapter missing",
            of(gap).with("OEBPS/a.xhtml", XHTML),
            kafka("3.0", "OEBPS/content.opf", "OEBPS/a.xhtml"),
            &[Code::PackageFileMissing],
        ),
        package(
            "EPUB 3 as one file",
            single(&opf("3.0", spoken, &[("s1", "s1.xhtml")], &["s1"])),
            Package { start_page: Some("Buch.epub".into()), ..moby() },
        ),
        package(
            "EPUB 2 as one file",
            single(&opf("2.0", WORDS, &[("s1", "s1.xhtml")], &["s1"])),
            kafka("2.0", "", "Buch.epub"),
        ),
        package(
            "EPUB as one file, without a spine",
            single(&opf("2.0", WORDS, &[], &[])),
            book("", "", "Buch.epub", ""),
        ),
    ]
}
