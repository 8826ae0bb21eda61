//! Archives inside the archive, by name and by content (rule 12).

use crate::{
    findings::code::Code::NestedArchive,
    hostile::{
        Case, case,
        plan::{EntryPlan, Plan},
        sample::{self, TEXT},
    },
};

pub(crate) fn cases() -> Vec<Case> {
    let file = |name: &'static str, entry: &str, content: &[u8]| {
        case(name, Plan::of([EntryPlan::deflated(entry, content)]).build(), NestedArchive)
    };
    let inner = Plan::of([EntryPlan::stored("inner.txt", TEXT.as_bytes())]).build();
    let mut deep = inner.clone();
    for level in 0..5 {
        deep = Plan::of([EntryPlan::stored(format!("{level}.zip"), &deep)]).build();
    }
    let mut rpm = b"\xed\xab\xee\xdb\x03".to_vec();
    rpm.resize(100, 0);
    let contents: &[(&'static str, &str, &[u8])] = &[
        ("zip called a picture", "more.jpg", &inner),
        ("zip without extension", "more", &inner),
        ("empty zip called a font", "more.woff2", b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
        ("rar called a picture", "more.png", b"Rar!\x1a\x07\x01\0"),
        ("old rar called a picture", "more.gif", b"Rar!\x1a\x07\0\xcf\x90\x73"),
        ("7z called a pdf", "more.pdf", b"7z\xbc\xaf\x27\x1c\0\x04"),
        ("gzip called a video", "more.mp4", b"\x1f\x8b\x08\0\0\0\0\0\0\x03"),
        ("bzip2 called a video", "more.webm", b"BZh91AY&SY\x01\x02\0\0"),
        ("xz called a picture", "more.webp", b"\xfd7zXZ\0\0\x04\xe6\xd6\xb4\x46"),
        ("zstandard called a sound", "more.ogg", b"\x28\xb5\x2f\xfd\x04\0\x01\0\0"),
        ("lz4 called a sound", "more.wav", b"\x04\x22\x4d\x18\x64\x40\xa7\0"),
        ("lzip called a sound", "more.m4a", b"LZIP\x01\x0c\0\0\0\0"),
        ("compress called a picture", "more.jpeg", b"\x1f\x9d\x90\0\0\0"),
        ("tar called an audio file", "more.mp3", &sample::tar()),
        ("tar called a text", "more.txt", &sample::tar()),
        ("cabinet called a picture", "more.jpg", b"MSCF\0\0\0\0\x2c\0\0\0"),
        ("debian package called a pdf", "more.pdf", b"!<arch>\ndebian-binary   \0\0\0\0"),
        ("rpm called a pdf", "more.pdf", &rpm),
        ("browser extension called a picture", "more.png", b"Cr24\x02\0\0\0"),
        ("document called a pdf", "more.pdf", &sample::docx([])),
        ("e-book called a picture", "more.png", &sample::epub([])),
        ("zip called a text", "more.txt", &inner),
        ("zip called a page", "more.html", &inner),
        ("gzip of an unknown type", "more.dat", b"\x1f\x8b\x08\0\0\0\0\0\0\x03"),
    ];
    let mut cases: Vec<Case> = contents.iter().map(|(name, entry, content)| file(name, entry, content)).collect();
    cases.extend([
        file("zip in the zip", "more.zip", &inner),
        file("five zips in each other", "more.zip", &deep),
        file("zip in capitals", "MORE.ZIP", &inner),
        file("zip that is none", "more.zip", TEXT.as_bytes()),
        file("empty file called zip", "more.zip", b""),
        file("packed tar by name", "more.tar.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\x03"),
        file("rar", "more.rar", b"Rar!\x1a\x07\x01\0"),
        file("7z", "more.7z", b"7z\xbc\xaf\x27\x1c\0\x04"),
        file("java archive", "more.jar", &inner),
        file("android package", "more.apk", &inner),
        file("disk image", "more.iso", &[0; 64]),
        file("mac disk image", "more.dmg", &[0; 64]),
        file("windows image", "more.wim", b"MSWIM\0\0\0"),
        file("debian package", "more.deb", b"!<arch>\n"),
        case("zip in the zip, stored", Plan::of([EntryPlan::stored("more.zip", &inner)]).build(), NestedArchive),
        case(
            "zip in the zip, with a descriptor",
            Plan::of([EntryPlan::deflated("more.zip", &inner).with_descriptor()]).build(),
            NestedArchive,
        ),
    ]);
    cases
}
