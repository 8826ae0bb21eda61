use std::cell::Cell;

use super::*;
use crate::{
    entries::tests::{archive_of, zip_of},
    pdf::tests::pdf_of,
};

fn scanned_as(entries: &[(&str, &[u8])], format: Format) -> ScanReport {
    let (folder, path) = archive_of(entries);
    let options = ScanOptions { format, language: Some("de".into()), scratch: folder.path().to_owned() };
    let report = Scanner::new(None).unwrap().scan(&path, &options, &mut |_| {}, &|| false).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "something was left in scratch");
    assert_eq!(report.entries as usize, entries.len());
    report
}

fn rules(entries: &[(&str, &[u8])]) -> Vec<(String, String)> {
    let report = scanned_as(entries, Format::Text);
    report.findings.into_iter().map(|finding| (finding.entry, finding.rule)).collect()
}

fn pair(entry: &str, rule: &str) -> (String, String) {
    (entry.to_owned(), rule.to_owned())
}

fn eicar() -> String {
    ["X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR", "-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"].concat()
}

const GERMAN: &str = "Der Igel ist ein nachtaktives Säugetier. Im Winter hält er einen langen Schlaf, und im \
    Frühling sucht er Käfer, Würmer und Schnecken. Mehr steht auf https://de.wikipedia.org/wiki/Igel.";

#[test]
fn a_clean_nano_has_a_note_at_most() {
    let page = format!("<!doctype html><title>Igel</title><h1>Igel</h1><p>{GERMAN}</p><img src=igel.png>");
    let report = scanned_as(
        &[
            ("index.html", page.as_bytes()),
            ("text.md", GERMAN.as_bytes()),
            ("blatt.pdf", &pdf_of(&["Der Igel"], "")),
            ("stil.css", b"p { background: url(igel.png) }"),
            ("igel.vtt", b"WEBVTT\n\n00:00.000 --> 00:02.000\nDer Igel\n"),
            ("leer.txt", b""),
        ],
        Format::Text,
    );
    assert!(report.findings.iter().all(|finding| finding.rule == "link_external"), "{:?}", report.findings);
    assert_eq!(report.gravest(), Some(ScanAction::Note));
    assert_eq!(scanned_as(&[("a.txt", b"Der Igel")], Format::Text).findings, []);
    assert!(!report.rules_version.is_empty() && report.engine == "boreal" && report.bytes > 500);
}

#[test]
fn malware_is_quarantined_wherever_it_is() {
    let eicar = eicar();
    for name in ["a.txt", "b/a.png", "c.pdf"] {
        let report = scanned_as(&[("x.txt", b"x"), (name, eicar.as_bytes())], Format::Text);
        assert_eq!(report.gravest(), Some(ScanAction::Quarantine), "{name}");
        assert_eq!((report.findings[0].rule.as_str(), report.findings[0].entry.as_str()), ("eicar_test_file", name));
        assert_eq!(report.findings[0].severity, Severity::High);
    }
    let docx = zip_of(&[("word/document.xml", b"<w:p/>"), ("word/media/x.bin", eicar.as_bytes())]);
    let report = scanned_as(&[("a.docx", &docx)], Format::Text);
    assert_eq!(report.findings[0].entry, "a.docx!word/media/x.bin");
    assert_eq!(report.gravest(), Some(ScanAction::Quarantine));
}

#[test]
fn nothing_hides_in_large_entries() {
    let mut large = vec![b'.'; WINDOW + 1000];
    for place in [WINDOW - OVERLAP - 30, WINDOW - 30, WINDOW + 900] {
        let eicar = eicar();
        large[place..place + eicar.len()].copy_from_slice(eicar.as_bytes());
        assert_eq!(rules(&[("film.mp4", &large)]), [pair("film.mp4", "eicar_test_file")], "{place}");
        large[place..place + eicar.len()].fill(b'.');
    }
    assert_eq!(rules(&[("film.mp4", &large)]), []);
}

#[test]
fn words_and_contacts_ask_for_a_review() {
    let text = format!("{GERMAN}\nSchreib an anna.berg@posteo.de oder ruf an: +49 30 1234567. Du Arschloch!");
    let found = rules(&[("a.txt", text.as_bytes())]);
    let expected = ["contact_phone", "profanity", "contact_email", "link_external"];
    assert_eq!(found, expected.map(|rule| pair("a.txt", rule)));
    let report = scanned_as(&[("a.txt", text.as_bytes())], Format::Text);
    assert_eq!(report.gravest(), Some(ScanAction::Review));
    let stored = serde_json::to_string(&report).unwrap();
    assert!(!stored.contains("posteo") && !stored.contains("1234567"), "personal data in the report: {stored}");
    assert_eq!(serde_json::from_str::<ScanReport>(&stored).unwrap(), report);
}

#[test]
fn text_is_found_in_every_wrapping() {
    let mail = "anna.berg@posteo.de";
    let docx = zip_of(&[("word/document.xml", b"<w:p><w:t>anna.berg@</w:t><w:t>posteo.de</w:t></w:p>")]);
    let vtt = format!("WEBVTT\n\n00:00.000 --> 00:02.000\n{mail}\n");
    let utf16: Vec<u8> = [0xFF, 0xFE].into_iter().chain(mail.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let page = format!("<a href='mailto:{mail}'>Schreib mir</a>");
    let entries: [(&str, &[u8]); 6] = [
        ("a.pdf", &pdf_of(&["eins", mail], "")),
        ("b.docx", &docx),
        ("c.vtt", vtt.as_bytes()),
        ("d.txt", &utf16),
        ("e.html", page.as_bytes()),
        ("f.csv", mail.as_bytes()),
    ];
    assert_eq!(rules(&entries), entries.map(|(name, _)| pair(name, "contact_email")));
}

#[test]
fn active_content_depends_on_the_format() {
    let page: (&str, &[u8]) = ("quiz.html", b"<script>frage()</script><script src=quiz.js></script>");
    assert_eq!(rules(&[page]), [pair("quiz.html", "html_script")]);
    assert_eq!(scanned_as(&[page], Format::Quiz).findings, []);
    let outside: (&str, &[u8]) = ("quiz.html", b"<script src='https://cdn.example.net/x.js'></script>");
    assert_eq!(scanned_as(&[outside], Format::Quiz).findings[0].rule, "html_external_script");
    let svg: (&str, &[u8]) = ("bild.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='x()'><a/></svg>");
    assert_eq!(rules(&[svg]), [pair("bild.svg", "html_script")]);
    let pdf = pdf_of(&["x"], "/OpenAction << /S /JavaScript /JS (1) >>");
    assert_eq!(rules(&[("a.pdf", &pdf)]), [pair("a.pdf", "pdf_javascript")]);
    let epub = zip_of(&[("OEBPS/1.xhtml", b"<p>Text</p><iframe src='https://example.net'/>")]);
    let chapter = "a.epub!OEBPS/1.xhtml";
    let expected = [pair(chapter, "html_external_frame"), pair(chapter, "link_external")];
    assert_eq!(rules(&[("a.epub", &epub)]), expected);
}

#[test]
fn what_cannot_be_opened_is_said() {
    assert_eq!(rules(&[("a.docx", b"no zip at all")]), [pair("a.docx", "not_fully_scanned")]);
    assert_eq!(rules(&[("a.pdf", b"%PDF-1.7 broken")]), [pair("a.pdf", "text_not_checked")]);
    let mut damaged = zip_of(&[("word/document.xml", &[b'x'; 4000])]);
    damaged[60] ^= 0xFF;
    let found = rules(&[("a.docx", &damaged)]);
    assert!(found.contains(&pair("a.docx!word/document.xml", "not_fully_scanned")), "{found:?}");
}

#[test]
fn tells_progress_and_stops_when_cancelled() {
    let (folder, path) = archive_of(&[("a.txt", b"12345"), ("b.mp4", &vec![0; WINDOW + 5])]);
    let options = ScanOptions { format: Format::Video, language: None, scratch: folder.path().to_owned() };
    let scanner = Scanner::new(None).unwrap();
    let mut seen = Vec::new();
    scanner.scan(&path, &options, &mut |progress| seen.push(progress), &|| false).unwrap();
    let total = WINDOW as u64 + 10;
    assert_eq!(seen.iter().map(|it| it.done).collect::<Vec<_>>(), [5, WINDOW as u64 + 5, total]);
    assert!(seen.iter().all(|it| it.total == total));
    let asked = Cell::new(0);
    let stop_later = || {
        asked.set(asked.get() + 1);
        asked.get() > 1
    };
    let stopped = scanner.scan(&path, &options, &mut |_| {}, &stop_later);
    assert!(matches!(stopped, Err(ContentError::Cancelled)));
    let missing = scanner.scan(&folder.path().join("none.zip"), &options, &mut |_| {}, &|| false);
    assert!(matches!(missing, Err(ContentError::Archive(ArchiveError::Io(_)))));
}

#[test]
fn a_damaged_archive_is_an_error_not_a_finding() {
    let (folder, path) = archive_of(&[("a.txt", &[b'x'; 4000])]);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[40] ^= 0xFF;
    std::fs::write(&path, bytes).unwrap();
    let options = ScanOptions { format: Format::Text, language: None, scratch: folder.path().to_owned() };
    let result = Scanner::new(None).unwrap().scan(&path, &options, &mut |_| {}, &|| false);
    assert!(matches!(result, Err(ContentError::Archive(ArchiveError::Damaged(_)))), "{result:?}");
}

#[test]
fn scanners_are_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Scanner>();
}

#[test]
fn nothing_hides_at_the_end_of_long_pages_and_texts() {
    let long = "<p>Der Igel ist ein Tier.</p>\n".repeat(200_000);
    assert!(long.len() > 5 << 20);
    for (name, end, rule) in [
        ("a.html", "<script>x()</script>", "html_script"),
        ("b.svg", "<svg onload='x()'/>", "html_script"),
        ("c.txt", "Du Arschloch", "profanity"),
        ("d.css", "p { background: url(https://example.net/x.png) }", "html_external_resource"),
        ("e.md", "anna.berg@posteo.de", "contact_email"),
        ("f.html", "<a href='https://bit.ly/3xYz'>x</a>", "link_shortened"),
    ] {
        let found = rules(&[(name, format!("{long}{end}").as_bytes())]);
        assert!(found.contains(&pair(name, rule)), "{name}: {found:?}");
        assert_eq!(rules(&[(name, long.as_bytes())]), [], "{name}");
    }
}

#[test]
fn entities_and_encodings_hide_nothing() {
    let utf16 = |page: &str| -> Vec<u8> {
        [0xFF, 0xFE].into_iter().chain(page.encode_utf16().flat_map(u16::to_le_bytes)).collect()
    };
    for (name, page) in [
        ("a.svg", b"<!DOCTYPE svg [<!ENTITY x '&#60;script>x()&#60;/script>'>]><svg>&x;</svg>".to_vec()),
        ("b.svg", b"<!DOCTYPE svg [<!ENTITY a '> <!-- '>]><svg><script>x()</script></svg>".to_vec()),
        ("c.html", utf16("<p onclick='x()'>")),
        ("d.html", b"<meta charset=iso-2022-jp>\x1b$B<!--\x1b(B<script>x()</script>".to_vec()),
        ("e.html", b"<title><!--</title><script>x()</script>-->".to_vec()),
    ] {
        assert_eq!(rules(&[(name, &page)]), [pair(name, "html_script")], "{name}");
    }
    let honest =
        b"<!DOCTYPE svg [<!ENTITY ns_svg 'http://www.w3.org/2000/svg'>]><svg xmlns='&ns_svg;'><path d='M0 0'/></svg>";
    assert_eq!(rules(&[("a.svg", honest)]), []);
}

#[test]
fn malware_is_found_inside_pdfs_and_embedded_documents() {
    use crate::pdf::tests::{pdf_with, stream_of};
    // Long enough to be deflated.
    let hidden = format!("{}{}", " ".repeat(20_000), eicar());
    let pdf = pdf_with(&[b"0 0 1 1 re f".to_vec()], "", "", &[stream_of("/Type /EmbeddedFile", hidden.as_bytes())]);
    assert!(memchr::memmem::find(&pdf, b"EICAR").is_none());
    let report = scanned_as(&[("a.pdf", &pdf)], Format::Text);
    assert_eq!((report.findings[0].rule.as_str(), report.gravest()), ("eicar_test_file", Some(ScanAction::Quarantine)));

    let docx = zip_of(&[("word/document.xml", b"<w:p/>"), ("word/media/x.bin", hidden.as_bytes())]);
    let pptx = zip_of(&[("ppt/slides/slide1.xml", b"<a:p/>"), ("ppt/embeddings/Microsoft_Word_Document.docx", &docx)]);
    let report = scanned_as(&[("a.pptx", &pptx)], Format::Text);
    let entry = "a.pptx!ppt/embeddings/Microsoft_Word_Document.docx!word/media/x.bin";
    assert_eq!((report.findings[0].rule.as_str(), report.findings[0].entry.as_str()), ("eicar_test_file", entry));
    let odp = zip_of(&[("content.xml", b"<x/>"), ("Object 1/a.pdf", &pdf)]);
    assert!(rules(&[("a.odp", &odp)]).contains(&pair("a.odp!Object 1/a.pdf", "eicar_test_file")));
    // Deeper than the archive check lets pass.
    let deeper = zip_of(&[("word/embeddings/a.pptx", &pptx)]);
    let found = rules(&[("a.docx", &deeper)]);
    assert!(found.iter().any(|(_, rule)| rule == "not_fully_scanned"), "{found:?}");
}

#[test]
fn link_targets_in_pdfs_and_documents_are_read() {
    let pdf = pdf_of(&["Der Igel"], "/A << /S /URI /URI (https://bit.ly/3xYz) >>");
    assert!(rules(&[("a.pdf", &pdf)]).contains(&pair("a.pdf", "link_shortened")));
    let relationship = |kind: &str, target: &str| {
        format!(
            "<Relationships><Relationship Type='http://s/{kind}' Target='{target}' TargetMode='External'/></Relationships>"
        )
    };
    let docx = |relationships: &str| {
        zip_of(&[
            ("word/document.xml", b"<w:p><w:t>Der Igel</w:t></w:p>".as_slice()),
            ("word/_rels/document.xml.rels", relationships.as_bytes()),
        ])
    };
    let found = |relationships: &str| rules(&[("a.docx", &docx(relationships))]);
    let shortened = found(&relationship("hyperlink", "https://bit.ly/3xYz"));
    assert_eq!(shortened, [pair("a.docx", "link_shortened"), pair("a.docx", "link_external")]);
    let honest = found(&relationship("hyperlink", "https://de.wikipedia.org/"));
    assert_eq!(honest, [pair("a.docx", "link_external")]);
    let template = found(&relationship("attachedTemplate", "https://example.net/x.dotm"));
    assert!(template.contains(&pair("a.docx!word/_rels/document.xml.rels", "office_remote_template")));
    let program = found(&relationship("hyperlink", "https://example.net/setup.exe"));
    assert!(program.contains(&pair("a.docx", "link_program")));
}

#[test]
fn all_parts_of_documents_are_read() {
    let paragraph = b"<w:p><w:t>Du Arsch</w:t><w:t>loch</w:t></w:p>";
    for part in [
        "word/header1.xml",
        "word/footer2.xml",
        "word/comments.xml",
        "word/footnotes.xml",
        "ppt/notesSlides/notesSlide1.xml",
    ] {
        let docx = zip_of(&[("word/document.xml", b"<w:p/>"), (part, paragraph)]);
        assert_eq!(rules(&[("a.docx", &docx)]), [pair("a.docx", "profanity")], "{part}");
    }
    let sheet = b"<row><c t='inlineStr'><is><t>Du Arschloch</t></is></c><c><v>0170</v></c><c><v>1234567</v></c></row>";
    let xlsx = zip_of(&[("xl/worksheets/sheet1.xml", sheet)]);
    assert_eq!(rules(&[("a.xlsx", &xlsx)]), [pair("a.xlsx", "profanity")]);
    let dde =
        zip_of(&[("word/header1.xml", b"<w:p><w:instrText>DD</w:instrText><w:instrText>E x</w:instrText></w:p>")]);
    assert_eq!(rules(&[("a.docx", &dde)]), [pair("a.docx!word/header1.xml", "office_dde")]);
}

#[test]
fn names_of_entries_are_read() {
    assert_eq!(rules(&[("Bilder/du_arschloch.txt", b"Der Igel")]), [pair("Bilder/du_arschloch.txt", "profanity")]);
    assert_eq!(rules(&[("Kapitel_1/Der Igel.txt", b"Der Igel")]), []);
}

#[test]
fn lesson_sources_are_no_scripts_of_this_machine() {
    let found = scanned_as(&[("a.txt", b"#!/usr/bin/env python3\nprint('Igel')\n")], Format::Text);
    assert_eq!(found.gravest(), Some(ScanAction::Note));
}
