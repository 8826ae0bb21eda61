//! Archives as the usual programs write them, field by field. All of them must pass.

use crate::{
    format::{FLAG_DESCRIPTOR, FLAG_UTF8},
    hostile::{
        plan::{EntryPlan, Plan, field},
        sample::{self, HTML, JPEG, PDF, PNG, TEXT},
    },
};

/// A plain archive of these files, as a careful program would write it. Names that end in `/` become folders.
pub fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    Plan::of(files.iter().map(|(name, content)| {
        if name.ends_with('/') { EntryPlan::folder(name) } else { EntryPlan::deflated(name, content) }
    }))
    .build()
}

/// Honest archives by the name of the program that writes such ones.
pub fn honest() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("macOS Finder until 10.14", finder_old().build()),
        ("macOS Finder", finder().build()),
        ("bsdtar", bsdtar().build()),
        ("Windows Explorer, umlauts in the DOS code page", explorer(OEM_NAME, 0).build()),
        ("Windows Explorer, umlauts in UTF-8", explorer(NAME.as_bytes(), FLAG_UTF8).build()),
        (".NET", dotnet().build()),
        ("7-Zip", seven_zip().build()),
        ("Info-ZIP", info_zip().build()),
        ("7-Zip on Windows", seven_zip_windows().build()),
        ("Go archive/zip", go().build()),
        ("Python zipfile", python().build()),
        ("macOS Finder, longest names", long_names()),
        ("Java jar", java().build()),
        ("a file of each type", every_type()),
        ("documents, deflated", documents(EntryPlan::deflated)),
        ("documents, stored", documents(EntryPlan::stored)),
        ("an e-book of 2,020 parts", long_book()),
    ]
}

const NAME: &str = "Lektion 1/Übung für Anfänger.txt";
const OEM_NAME: &[u8] = b"Lektion 1/\x9abung f\x81r Anf\x84nger.txt";
/// The same with decomposed letters, as Apple's file systems keep it.
const DECOMPOSED: &str = "Lektion 1/U\u{308}bung fu\u{308}r Anfa\u{308}nger.txt";

/// Sets what a program writes the same way into every entry.
fn program(plan: &mut Plan, change: impl Fn(&mut EntryPlan)) {
    plan.entries.iter_mut().for_each(change);
}

fn finder_old() -> Plan {
    let mut plan = Plan::of([
        EntryPlan::folder("Lektion 1/"),
        EntryPlan::deflated(DECOMPOSED, TEXT.as_bytes()).with_descriptor(),
        EntryPlan::deflated("Lektion 1/bild.png", PNG).with_descriptor(),
        EntryPlan::stored("Lektion 1/leer.txt", b""),
        EntryPlan::deflated("Lektion 1/.DS_Store", b"\0\0\0\x01Bud1").with_descriptor(),
        EntryPlan::folder("__MACOSX/"),
        EntryPlan::folder("__MACOSX/Lektion 1/"),
        EntryPlan::deflated("__MACOSX/Lektion 1/._bild.png", b"\0\x05\x16\x07\0\x02\0\0").with_descriptor(),
    ]);
    program(&mut plan, |entry| {
        entry.central.made_by = (3 << 8) | 21;
        entry.flags(|flags| flags & FLAG_DESCRIPTOR);
        entry.needed(if entry.local.method == 8 { 20 } else { 10 });
        entry.central.external |= 0x4000;
        entry.local_extra = field(0x5855, &[7; 12]);
        entry.central_extra = field(0x5855, &[7; 8]);
    });
    plan
}

fn finder() -> Plan {
    let mut plan = finder_old();
    program(&mut plan, |entry| {
        entry.needed(20);
        entry.central.external &= !0x4010;
        entry.extra(&[field(0x5455, &[7; 13]), field(0x7875, &[1, 4, 1, 1, 1, 1, 4, 1, 1, 1, 1])].concat());
    });
    plan
}

fn bsdtar() -> Plan {
    let mut plan = Plan::of([
        EntryPlan::deflated("leer.txt", b"").with_descriptor(),
        EntryPlan::folder("Lektion 1/"),
        EntryPlan::deflated(NAME, TEXT.as_bytes()).with_descriptor(),
    ]);
    program(&mut plan, |entry| {
        entry.central.made_by = (3 << 8) | 20;
        entry.needed(20);
        // It knows the size already, only not the packed one.
        entry.local.size = entry.central.size;
        entry.extra(&[field(0x5455, &[7; 13]), field(0x7875, &[1, 4, 1, 1, 1, 1, 4, 1, 1, 1, 1])].concat());
    });
    plan
}

fn explorer(name: &[u8], flags: u16) -> Plan {
    let mut plan = Plan::of([
        EntryPlan::deflated(name, TEXT.as_bytes()),
        EntryPlan::deflated("Lektion 1/seite.html", HTML.as_bytes()),
        EntryPlan::stored("Lektion 1/leer.txt", b""),
        EntryPlan::folder("Lektion 1/Bilder/"),
        EntryPlan::stored("Lektion 1/Thumbs.db", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
    ]);
    program(&mut plan, |entry| {
        entry.central.made_by = 20;
        entry.needed(20);
        let ascii = entry.local_name.is_ascii();
        entry.flags(|_| if ascii { 0 } else { flags });
        entry.central.external = if entry.local_name.ends_with(b"/") { 0x10 } else { 0x20 };
    });
    plan
}

fn dotnet() -> Plan {
    let mut plan =
        Plan::of([EntryPlan::deflated(NAME, TEXT.as_bytes()), EntryPlan::deflated("Lektion 1/leer.txt", b"")]);
    program(&mut plan, |entry| {
        entry.central.made_by = 20;
        entry.needed(20);
        entry.central.external = 0;
    });
    plan
}

fn seven_zip() -> Plan {
    let mut plan = Plan::of([
        EntryPlan::stored("leer.txt", b""),
        EntryPlan::folder("Lektion 1/"),
        EntryPlan::deflated(NAME, TEXT.as_bytes()),
    ]);
    program(&mut plan, |entry| {
        entry.central.made_by = (3 << 8) | 63;
        entry.central.external |= 0x8020;
        entry.central_extra = field(0x000a, &[0; 32]);
        if entry.local_name.ends_with(b"/") {
            entry.central.external = (0o040755 << 16) | 0x8010;
        }
    });
    plan
}

fn info_zip() -> Plan {
    let mut plan = Plan::of([
        EntryPlan::folder("Lektion 1/"),
        EntryPlan::deflated(NAME, TEXT.as_bytes()),
        EntryPlan::stored("Lektion 1/leer.txt", b""),
    ]);
    program(&mut plan, |entry| {
        entry.needed(if entry.local.method == 8 { 20 } else { 10 });
        entry.flags(|_| 0);
        entry.central.internal = 1;
        let owner = field(0x7875, &[1, 4, 1, 1, 1, 1, 4, 1, 1, 1, 1]);
        entry.local_extra = [field(0x5455, &[3; 9]), owner.clone()].concat();
        entry.central_extra = [field(0x5455, &[3; 5]), owner].concat();
    });
    plan
}

fn seven_zip_windows() -> Plan {
    let mut plan = Plan::of([
        EntryPlan::folder("Lektion 1/"),
        EntryPlan::deflated(OEM_NAME, TEXT.as_bytes()),
        EntryPlan::deflated("Lektion 1/日本語.txt", TEXT.as_bytes()),
    ]);
    program(&mut plan, |entry| {
        let folder = entry.local_name.ends_with(b"/");
        entry.central.made_by = 63;
        entry.needed(if folder { 20 } else { entry.local.needed });
        // Only the name that the code page cannot hold is in UTF-8. Compressed by NTFS, and pinned by OneDrive.
        let oem = std::str::from_utf8(&entry.local_name).is_err();
        entry.flags(|flags| if oem { 0 } else { flags });
        entry.central.external = if folder { 0x0008_0010 } else { 0x0008_0820 };
        entry.central_extra = field(0x000a, &[0; 32]);
    });
    plan
}

fn go() -> Plan {
    let mut plan = Plan::of([
        EntryPlan::folder("Lektion 1/"),
        EntryPlan::deflated(NAME, TEXT.as_bytes()).with_descriptor(),
        EntryPlan::deflated("Lektion 1/leer.txt", b"").with_descriptor(),
    ]);
    program(&mut plan, |entry| {
        entry.needed(20);
        entry.central.made_by = 20;
        entry.central.external = 0;
        entry.extra(&field(0x5455, &[1; 5]));
    });
    plan
}

/// The companion of a file whose path is as long and as deep as it may be is longer and deeper still.
fn long_names() -> Vec<u8> {
    let folders = "d/".repeat(15);
    let file = format!("{}.txt", "n".repeat(240 - folders.len() - 4));
    let companion =
        EntryPlan::deflated(format!("__MACOSX/{folders}._{file}"), b"\0\x05\x16\x07\0\x02\0\0").with_descriptor();
    Plan::of([EntryPlan::deflated(format!("{folders}{file}"), TEXT.as_bytes()).with_descriptor(), companion]).build()
}

fn python() -> Plan {
    let mut plan = Plan::of([
        EntryPlan::stored(NAME, TEXT.as_bytes()),
        EntryPlan::folder("leer/"),
        EntryPlan::deflated("leer.txt", b""),
    ]);
    program(&mut plan, |entry| {
        entry.central.made_by = (3 << 8) | 20;
        entry.needed(20);
    });
    plan
}

fn java() -> Plan {
    let mut plan = Plan::of([
        EntryPlan::stored("leer.txt", b""),
        EntryPlan::folder("Lektion 1/"),
        EntryPlan::deflated(NAME, TEXT.as_bytes()).with_descriptor(),
    ]);
    program(&mut plan, |entry| {
        entry.needed(if entry.local.method == 8 { 20 } else { 10 });
        entry.central.made_by = entry.central.needed;
        entry.flags(|flags| flags | FLAG_UTF8);
        entry.central.external = 0;
    });
    plan.entries[0].extra(&field(0xcafe, b""));
    plan
}

fn every_type() -> Vec<u8> {
    let mut mp4 = b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41".to_vec();
    mp4.extend(b"\0\0\0\x08mdat");
    let webm = b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08\x42\x82\x84webm";
    archive(&[
        ("index.html", HTML.as_bytes()),
        ("alt.htm", b"Nur Text, kein Element."),
        ("style.css", b"body { color: #123 }\n"),
        ("daten.json", b"\xef\xbb\xbf{\"a\": [1, 2]}"),
        ("daten.csv", "Name;Größe\r\nA;1\r\n".as_bytes()),
        ("alt.csv", b"Name;Gr\xf6\xdfe\r\n"),
        ("LIESMICH.MD", "# Überschrift\n".as_bytes()),
        ("film.vtt", b"WEBVTT\n\n00:00.000 --> 00:01.000\nHallo\n"),
        ("film.srt", b"1\n00:00:00,000 --> 00:00:01,000\nHallo\n"),
        ("zeichnung.svg", b"<?xml version=\"1.0\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\"/>"),
        ("seite.pdf", PDF),
        ("bild.png", PNG),
        ("foto.JPG", JPEG),
        ("foto.jpeg", JPEG),
        ("bild.gif", b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff;"),
        ("bild.webp", b"RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f"),
        ("film.mp4", &mp4),
        ("film.webm", webm),
        ("ton.mp3", b"ID3\x04\0\0\0\0\0\0\xff\xfb\x90\0"),
        ("ton2.mp3", b"\xff\xfb\x90\x64\0\0\0\0"),
        ("ton.m4a", b"\0\0\0\x18ftypM4A \0\0\x02\0isomiso2"),
        ("ton.ogg", b"OggS\0\x02\0\0\0\0"),
        ("ton.wav", b"RIFF\x24\0\0\0WAVEfmt "),
        ("schrift.woff2", b"wOF2\0\x01\0\0"),
    ])
}

/// As large as a reader of a whole school year: each lesson and each picture a part of its own.
fn long_book() -> Vec<u8> {
    let parts = (1..=2_017).map(|number| match number % 3 {
        0 => EntryPlan::stored(format!("OEBPS/Images/{number:04}.png"), PNG),
        _ => EntryPlan::deflated(
            format!("OEBPS/Text/{number:04}.xhtml"),
            format!("<html><body><p>Lektion {number}</p></body></html>").as_bytes(),
        ),
    });
    Plan::of([EntryPlan::stored("schuljahr.epub", &sample::epub(parts))]).build()
}

fn documents(pack: fn(&'static str, &[u8]) -> EntryPlan) -> Vec<u8> {
    let sheet = sample::xlsx([EntryPlan::deflated("xl/printerSettings/printerSettings1.bin", &[7; 40])]);
    let deck = sample::pptx([
        EntryPlan::deflated("ppt/embeddings/Microsoft_Excel_Sheet1.xlsx", &sheet),
        EntryPlan::stored("ppt/media/image1.png", PNG),
    ]);
    Plan::of([
        pack("brief.docx", &sample::docx([])),
        pack("tabelle.xlsx", &sheet),
        pack("folien.pptx", &deck),
        pack("text.odt", &sample::odt([])),
        pack("buch.epub", &sample::epub([])),
    ])
    .build()
}
