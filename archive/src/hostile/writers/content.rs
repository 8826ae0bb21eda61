//! The sets of files that every writer packs.

use crate::hostile::sample::{HTML, JPEG, PDF, PNG, TEXT};

/// One file, or a folder when its name ends in `/`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item {
    pub name: &'static str,
    pub content: &'static [u8],
}

/// What is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    Plain,
    Umlauts,
    Emoji,
    Empty,
    Nested,
    /// What operating systems and office programs leave in folders.
    Junk,
}

const fn item(name: &'static str, content: &'static [u8]) -> Item {
    Item { name, content }
}

impl Set {
    pub const ALL: &[Set] = &[Set::Plain, Set::Umlauts, Set::Emoji, Set::Empty, Set::Nested, Set::Junk];

    pub(crate) fn items(self) -> &'static [Item] {
        const TEXT_BYTES: &[u8] = TEXT.as_bytes();
        const HTML_BYTES: &[u8] = HTML.as_bytes();
        match self {
            Self::Plain => {
                const {
                    &[
                        item("index.html", HTML_BYTES),
                        item("notes.txt", TEXT_BYTES),
                        item("picture.png", PNG),
                        item("paper.pdf", PDF),
                    ]
                }
            }
            Self::Umlauts => {
                const {
                    &[
                        item("Größe.html", HTML_BYTES),
                        item("Lektion 1/", b""),
                        item("Lektion 1/Übung für Anfänger.txt", TEXT_BYTES),
                        item("Lektion 1/Öl & Äpfel.jpg", JPEG),
                    ]
                }
            }
            Self::Emoji => const { &[item("🎓 Start.txt", TEXT_BYTES), item("👩\u{200d}🏫/❤\u{fe0f}.png", PNG)] },
            Self::Empty => const { &[item("leer/", b""), item("leer.txt", b""), item("voll.txt", TEXT_BYTES)] },
            Self::Nested => {
                const {
                    &[
                        item("a/", b""),
                        item("a/b/", b""),
                        item("a/b/c/", b""),
                        item("a/b/c/text.md", TEXT_BYTES),
                        item("a/picture.png", PNG),
                    ]
                }
            }
            Self::Junk => {
                const {
                    &[
                        item(".DS_Store", b"\0\0\0\x01Bud1"),
                        item("Thumbs.db", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
                        item("Bilder/", b""),
                        item("Bilder/desktop.ini", b"[.ShellClassInfo]\r\n"),
                        item("Bilder/picture.png", PNG),
                        item("Bilder/._picture.png", b"\0\x05\x16\x07\0\x02\0\0"),
                        item("~$Brief.docx", b"\x05Clara"),
                        item(".~lock.Brief.odt#", b",clara,"),
                        item("__MACOSX/", b""),
                        item("__MACOSX/._notes.txt", b"\0\x05\x16\x07\0\x02\0\0"),
                        item("notes.txt", TEXT_BYTES),
                    ]
                }
            }
        }
    }

    /// The names that must come out.
    pub(crate) fn names(self) -> Vec<&'static str> {
        let kept = |name: &&str| match self {
            Self::Junk => matches!(*name, "Bilder/picture.png" | "notes.txt"),
            _ => !name.ends_with('/'),
        };
        self.items().iter().map(|item| item.name).filter(kept).collect()
    }
}
