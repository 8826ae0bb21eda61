use std::process::Command;

use super::*;
use crate::{
    entries::tests::{archive_of, zip_of},
    pdf::tests::pdf_of,
};

fn extracted(entries: &[(&str, &[u8])], limits: &TextLimits) -> Metadata {
    let (folder, path) = archive_of(entries);
    let metadata = extract(&path, folder.path(), limits, &|| false).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "something was left in scratch");
    metadata
}

fn read(entries: &[(&str, &[u8])]) -> Metadata {
    extracted(entries, &TextLimits::default())
}

#[test]
fn reads_text_in_reading_order() {
    let docx = zip_of(&[("word/document.xml", b"<w:p><w:t>Dokument</w:t></w:p>")]);
    let metadata = read(&[
        ("z/tief.txt", b"tief"),
        ("2.md", b"# zwei\n\n\n\nText"),
        ("10.html", b"<title>zehn</title><p>Ab&shy;satz</p><script>nein</script>"),
        ("3.vtt", b"WEBVTT\n\n00:00.000 --> 00:02.000\ndrei\n"),
        ("4.docx", &docx),
        ("5.pdf", &pdf_of(&["Seite eins", "Seite zwei"], "")),
        ("6.css", b"p {}"),
        ("7.json", b"{}"),
        ("8.txt", b""),
    ]);
    let text = "# zwei\n\nText\n\ndrei\n\nDokument\n\nSeite eins\nSeite zwei\n\nzehn\nAbsatz\n\ntief";
    assert_eq!(metadata.text, text);
    assert_eq!(metadata.pages, Some(2));
    assert_eq!((metadata.duration_seconds, metadata.width), (None, None));
    assert!(metadata.notes.is_empty());
    assert_eq!(serde_json::from_value::<Metadata>(serde_json::to_value(&metadata).unwrap()).unwrap(), metadata);
}

#[test]
fn tells_the_language() {
    let german = "Der Igel ist ein nachtaktives Säugetier, das im Winter einen langen Schlaf hält.";
    assert_eq!(read(&[("a.txt", german.as_bytes())]).language.as_deref(), Some("de"));
    let english = b"The hedgehog is a nocturnal mammal that sleeps through the whole of the winter.";
    assert_eq!(read(&[("a.txt", english)]).language.as_deref(), Some("en"));
    assert_eq!(read(&[("a.png", b"x")]).language, None);
}

#[test]
fn stops_at_the_limit_between_characters() {
    let limits = TextLimits { text: 10, ..TextLimits::default() };
    assert_eq!(extracted(&[("a.txt", "ääääääää".as_bytes()), ("b.txt", b"b")], &limits).text, "äääää");
    assert_eq!(extracted(&[("a.txt", b"12345678"), ("b.txt", b"b")], &limits).text, "12345678");
    let many: Vec<u8> = b"Wort ".repeat(100_000);
    assert!(read(&[("a.txt", &many), ("b.txt", &many)]).text.len() <= 100_000);
}

#[test]
fn what_cannot_be_read_is_noted() {
    let metadata = read(&[
        ("a.pdf", b"%PDF-1.7 broken"),
        ("b.pdf", &pdf_of(&["x"], "/Encrypt 9 0 R")),
        ("c.docx", b"no zip"),
        ("d.txt", b"gut"),
    ]);
    let codes: Vec<_> = metadata.notes.iter().map(|note| (note.entry.as_str(), note.code.as_str())).collect();
    assert_eq!(codes, [("a.pdf", "pdf_broken"), ("b.pdf", "pdf_encrypted"), ("c.docx", "document_broken")]);
    assert!(metadata.notes.iter().all(|note| super::super::hint(&note.code).is_some()));
    assert_eq!(metadata.text, "gut");
}

#[test]
fn measures_media() {
    let folder = tempfile::tempdir().unwrap();
    let make = |name: &str, arguments: &[&str]| {
        let path = folder.path().join(name);
        let made = Command::new("ffmpeg").args(["-nostdin", "-loglevel", "error"]).args(arguments).arg(&path).status();
        made.is_ok_and(|status| status.success()).then(|| std::fs::read(path).unwrap())
    };
    let small = make("a.mp4", &["-f", "lavfi", "-i", "testsrc=size=64x48:duration=2", "-c:v", "mpeg4"]);
    let large = make("b.webm", &["-f", "lavfi", "-i", "testsrc=size=320x240:duration=1", "-c:v", "libvpx"]);
    let sound = make("c.wav", &["-f", "lavfi", "-i", "sine=duration=3"]);
    // Without ffmpeg there is nothing to measure with; the next test says what happens then.
    let (Some(small), Some(large), Some(sound)) = (small, large, sound) else { return };
    let metadata = read(&[("a.mp4", &small), ("b.webm", &large), ("c.wav", &sound), ("d.mp4", b"no video")]);
    let seconds = metadata.duration_seconds.unwrap();
    assert!((seconds - 6.0).abs() < 0.2, "{seconds}");
    assert_eq!((metadata.width, metadata.height), (Some(320), Some(240)));
    assert_eq!(metadata.notes.len(), 1);
    assert_eq!(metadata.notes[0].code, "video_unreadable");
}

#[test]
fn without_ffprobe_there_is_a_note() {
    let limits = TextLimits { ffprobe: "no-ffprobe".into(), ..TextLimits::default() };
    let metadata = extracted(&[("a.mp3", b"x")], &limits);
    assert_eq!(metadata.notes[0].code, "tool_missing");
}

#[test]
fn stops_when_cancelled() {
    let (folder, path) = archive_of(&[("a.txt", b"x")]);
    let stopped = extract(&path, folder.path(), &TextLimits::default(), &|| true);
    assert!(matches!(stopped, Err(ContentError::Cancelled)));
}
