//! The kind of an entry, by its name: it selects the reader. The archive check has already compared extension and magic
//! bytes, but decoders look at the bytes again.

pub use archive::extension;

/// Kinds of entries that some step treats specially.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Pdf,
    Text,
    Markdown,
    Html,
    Css,
    Data,
    Script,
    Image,
    Svg,
    /// MP4 and its relatives.
    Mp4,
    WebM,
    Audio,
    Subtitles,
    /// DOCX, XLSX, PPTX, OpenDocument, EPUB: ZIPs in themselves.
    Office,
    Other,
}

impl Kind {
    pub fn of(name: &str) -> Self {
        archive::Kind::of(name).map_or(Self::Other, Self::from)
    }
}

impl From<archive::Kind> for Kind {
    fn from(kind: archive::Kind) -> Self {
        use archive::Kind::*;
        match kind {
            Pdf => Self::Pdf,
            Txt => Self::Text,
            Md => Self::Markdown,
            Html => Self::Html,
            Css => Self::Css,
            Json | Csv => Self::Data,
            Js => Self::Script,
            Png | Jpeg | Webp | Gif => Self::Image,
            Svg => Self::Svg,
            Mp4 => Self::Mp4,
            Webm => Self::WebM,
            Mp3 | M4a | Ogg | Wav => Self::Audio,
            Vtt | Srt => Self::Subtitles,
            Docx | Xlsx | Pptx | Odt | Ods | Odp | Epub => Self::Office,
            Woff2 | Wasm => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_ignore_case_and_folders() {
        assert_eq!(Kind::of("Folien/Kapitel 1.PDF"), Kind::Pdf);
        assert_eq!(Kind::of("x.tar"), Kind::Other);
        assert_eq!(Kind::of("OEBPS/1.xhtml"), Kind::Html);
        // A file that is nothing but an extension passes the gate as that type, so it is read as that type.
        assert_eq!(Kind::of(".html"), Kind::Html);
        assert_eq!(Kind::of(".hidden"), Kind::Other);
    }
}
