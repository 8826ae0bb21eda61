//! Notes: what a step saw that cost something (a thumbnail, a few words of text) but not the upload.

use serde::{Deserialize, Serialize};

/// One remark about one entry, stored with the version and shown to its creator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Full name of the entry in the archive.
    pub entry: String,
    /// Stable; [`hint`] says in German and English what to do about it.
    pub code: String,
    /// What the decoder said, in English, for people who want to know exactly. Never names a path of this machine.
    pub message: String,
}

/// A note as it is shown to its creator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownNote {
    pub entry: String,
    pub code: String,
    pub message: String,
    /// What to do about it.
    #[serde(flatten)]
    pub hint: Hint,
}

impl Note {
    pub fn new(entry: &str, code: &'static str, message: impl Into<String>) -> Self {
        Self { entry: entry.to_owned(), code: code.to_owned(), message: message.into() }
    }

    /// With its hint; a code of another version of this program has a general one.
    pub fn shown(&self) -> ShownNote {
        let Self { entry, code, message } = self.clone();
        let hint = hint(&code).unwrap_or(Hint {
            de: "Zu dieser Datei gibt es eine Anmerkung; das Nano ist davon nicht betroffen.",
            en: "There is a remark about this file; the nano is not affected.",
        });
        ShownNote { entry, code, message, hint }
    }
}

/// What to do about a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Hint {
    pub de: &'static str,
    pub en: &'static str,
}

/// The hint for a note's code; `None` for a code of another version of this program.
pub fn hint(code: &str) -> Option<Hint> {
    HINTS.iter().find(|(known, _)| *known == code).map(|(_, hint)| *hint)
}

/// All codes with their hints.
pub const HINTS: &[(&str, Hint)] = &[
    (
        "colors_approximate",
        Hint {
            de: "Das Bild liegt in CMYK vor; die Farben des Vorschaubilds sind angenähert. RGB sieht besser aus.",
            en: "The image is CMYK; the thumbnail's colours are approximate. RGB looks better.",
        },
    ),
    (
        "decoder_failed",
        Hint {
            de: "Die Datei lässt sich nicht verarbeiten. Bitte mit einem anderen Programm neu speichern.",
            en: "The file cannot be processed. Save it again with another program.",
        },
    ),
    (
        "decoder_timeout",
        Hint {
            de: "Die Verarbeitung der Datei dauerte zu lange. Bitte vereinfachen oder neu speichern.",
            en: "Processing the file took too long. Simplify it or save it again.",
        },
    ),
    (
        "document_broken",
        Hint {
            de: "Das Dokument lässt sich nicht öffnen. Bitte im Office-Programm neu speichern und noch einmal hochladen.",
            en: "The document cannot be opened. Save it again in its office program and upload it once more.",
        },
    ),
    (
        "entry_damaged",
        Hint {
            de: "Die Datei im Archiv ist beschädigt. Bitte das ZIP neu packen.",
            en: "The file inside the archive is damaged. Pack the ZIP again.",
        },
    ),
    (
        "entry_too_large",
        Hint {
            de: "Die Datei ist für diesen Schritt zu groß und wurde übergangen.",
            en: "The file is too large for this step and was passed over.",
        },
    ),
    (
        "image_broken",
        Hint {
            de: "Das Bild ist beschädigt. Bitte neu exportieren; die Datei bleibt im Nano, ergibt aber kein Vorschaubild.",
            en: "The image is damaged. Export it again; the file stays in the nano but gives no thumbnail.",
        },
    ),
    (
        "image_too_large",
        Hint {
            de: "Das Bild hat zu viele Bildpunkte für ein Vorschaubild: JPEG und PNG gehen bis 400 Megapixel, WebP, GIF und manche JPEG bis 40. Bitte verkleinern.",
            en: "The image has too many pixels for a thumbnail: JPEG and PNG work up to 400 megapixels, WebP, GIF and some JPEG up to 40. Make it smaller.",
        },
    ),
    (
        "image_too_small",
        Hint {
            de: "Das Bild ist sehr klein. Eine Datei cover.jpg mit mindestens 1280 Pixel Breite sieht besser aus.",
            en: "The image is very small. A file cover.jpg at least 1280 pixels wide looks better.",
        },
    ),
    (
        "image_unsupported",
        Hint {
            de: "Diese Art Bild lässt sich nicht lesen. JPEG, PNG, WebP und GIF gehen immer.",
            en: "This sort of image cannot be read. JPEG, PNG, WebP and GIF always work.",
        },
    ),
    (
        "pdf_broken",
        Hint { de: "Das PDF ist beschädigt. Bitte neu exportieren.", en: "The PDF is damaged. Export it again." },
    ),
    (
        "pdf_encrypted",
        Hint {
            de: "Das PDF ist geschützt. Ohne Schutz speichern, dann gibt es Vorschaubild und Volltextsuche.",
            en: "The PDF is protected. Save it without protection to get a thumbnail and full-text search.",
        },
    ),
    (
        "pdf_refused",
        Hint {
            de: "Das PDF nutzt ungewöhnliche Kompression. Bitte mit einem üblichen Programm neu exportieren.",
            en: "The PDF uses unusual compression. Export it again with a common program.",
        },
    ),
    (
        "pdf_too_complex",
        Hint {
            de: "Die erste Seite des PDF ist zu aufwendig für ein Vorschaubild. Bitte vereinfachen, oder eine Datei cover.jpg beilegen.",
            en: "The PDF's first page is too complex for a thumbnail. Simplify it, or add a file cover.jpg.",
        },
    ),
    (
        "text_unreadable",
        Hint {
            de: "Der Text der Datei ließ sich nicht lesen und ist nicht auffindbar.",
            en: "The text of the file could not be read and will not be found by search.",
        },
    ),
    (
        "tool_missing",
        Hint {
            de: "Auf diesem Server fehlt das Programm für Videos; am Video ist nichts falsch.",
            en: "The program for videos is missing on this server; nothing is wrong with the video.",
        },
    ),
    (
        "video_unreadable",
        Hint {
            de: "Das Video lässt sich nicht lesen. Bitte als MP4 (H.264) oder WebM neu exportieren.",
            en: "The video cannot be read. Export it again as MP4 (H.264) or WebM.",
        },
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_shown_in_both_languages() {
        let note = Note::new("a/b.pdf", "pdf_broken", "not a readable PDF");
        let shown = serde_json::to_value(note.shown()).unwrap();
        assert_eq!(shown["entry"], "a/b.pdf");
        assert_eq!(shown["code"], "pdf_broken");
        assert_eq!(shown["message"], "not a readable PDF");
        assert_eq!(shown["de"], "Das PDF ist beschädigt. Bitte neu exportieren.");
        assert_eq!(shown["en"], "The PDF is damaged. Export it again.");
        let unknown = Note::new("a.x", "of_tomorrow", "").shown();
        assert!(!unknown.hint.de.is_empty() && !unknown.hint.en.is_empty());
    }

    #[test]
    fn every_code_in_the_source_has_a_hint() {
        let sources = [
            include_str!("error.rs"),
            include_str!("image/decode.rs"),
            include_str!("pdf/mod.rs"),
            include_str!("text/mod.rs"),
            include_str!("thumbnail/mod.rs"),
        ];
        let codes = regex::Regex::new(r#"(?:Note\(|Note::new\(&entry\.name, |=> )"([a-z_]+)""#).unwrap();
        let mut seen = 0;
        for found in sources.iter().flat_map(|source| codes.captures_iter(source)) {
            assert!(hint(&found[1]).is_some(), "{}", &found[1]);
            seen += 1;
        }
        assert!(seen >= HINTS.len(), "{seen}");
    }

    #[test]
    fn hints_for_documents_do_not_talk_of_zip() {
        for (code, hint) in HINTS.iter().filter(|(code, _)| *code != "entry_damaged") {
            assert!(!hint.de.contains("ZIP") && !hint.en.contains("ZIP"), "{code}");
        }
    }
}
