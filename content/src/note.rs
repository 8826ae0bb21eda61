//! Notes: what a step saw that cost something (a thumbnail, a few words of text) but not the upload.

use serde::{Deserialize, Serialize};

/// One remark about one entry, stored with the version and shown to its creator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Full name of the entry in the archive.
    pub entry: String,
    /// Stable; [`hint`] says in German and English what to do about it.
    pub code: String,
    /// What the decoder said, in English, for people who want to know exactly.
    pub message: String,
}

impl Note {
    pub fn new(entry: &str, code: &'static str, message: impl Into<String>) -> Self {
        Self { entry: entry.to_owned(), code: code.to_owned(), message: message.into() }
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
    let (de, en) = match code {
        "image_broken" => (
            "Das Bild ist beschädigt. Bitte neu exportieren; die Datei bleibt im Nano, ergibt aber kein Vorschaubild.",
            "The image is damaged. Export it again; the file stays in the nano but gives no thumbnail.",
        ),
        "image_too_large" => (
            "Das Bild hat zu viele Bildpunkte für ein Vorschaubild. Bitte verkleinern.",
            "The image has too many pixels for a thumbnail. Make it smaller.",
        ),
        "image_too_small" => (
            "Das Bild ist sehr klein. Eine Datei cover.jpg mit mindestens 1280 Pixel Breite sieht besser aus.",
            "The image is very small. A file cover.jpg at least 1280 pixels wide looks better.",
        ),
        "image_unsupported" => (
            "Diese Art Bild lässt sich nicht lesen. JPEG, PNG, WebP und GIF gehen immer.",
            "This sort of image cannot be read. JPEG, PNG, WebP and GIF always work.",
        ),
        "entry_too_large" => (
            "Die Datei ist für diesen Schritt zu groß und wurde übergangen.",
            "The file is too large for this step and was passed over.",
        ),
        "entry_damaged" => (
            "Die Datei im Archiv ist beschädigt. Bitte das ZIP neu packen.",
            "The file inside the archive is damaged. Pack the ZIP again.",
        ),
        "decoder_failed" => (
            "Die Datei lässt sich nicht verarbeiten. Bitte mit einem anderen Programm neu speichern.",
            "The file cannot be processed. Save it again with another program.",
        ),
        "decoder_timeout" => (
            "Die Verarbeitung der Datei dauerte zu lange. Bitte vereinfachen oder neu speichern.",
            "Processing the file took too long. Simplify it or save it again.",
        ),
        "pdf_broken" => ("Das PDF ist beschädigt. Bitte neu exportieren.", "The PDF is damaged. Export it again."),
        "pdf_encrypted" => (
            "Das PDF ist geschützt. Ohne Schutz speichern, dann gibt es Vorschaubild und Volltextsuche.",
            "The PDF is protected. Save it without protection to get a thumbnail and full-text search.",
        ),
        "pdf_refused" => (
            "Das PDF nutzt ungewöhnliche Kompression. Bitte mit einem üblichen Programm neu exportieren.",
            "The PDF uses unusual compression. Export it again with a common program.",
        ),
        "video_unreadable" => (
            "Das Video lässt sich nicht lesen. Bitte als MP4 (H.264) oder WebM neu exportieren.",
            "The video cannot be read. Export it again as MP4 (H.264) or WebM.",
        ),
        "tool_missing" => (
            "Auf diesem Server fehlt das Programm für Videos; am Video ist nichts falsch.",
            "The program for videos is missing on this server; nothing is wrong with the video.",
        ),
        "text_unreadable" => (
            "Der Text der Datei ließ sich nicht lesen und ist nicht auffindbar.",
            "The text of the file could not be read and will not be found by search.",
        ),
        "colors_approximate" => (
            "Das Bild liegt in CMYK vor; die Farben des Vorschaubilds sind angenähert. RGB sieht besser aus.",
            "The image is CMYK; the thumbnail's colours are approximate. RGB looks better.",
        ),
        _ => return None,
    };
    Some(Hint { de, en })
}
