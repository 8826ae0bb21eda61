//! What an entry is, by its extension. The archive check has already compared extension and magic bytes, but decoders
//! look at the bytes again.

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
        match extension(name).as_str() {
            "pdf" => Self::Pdf,
            "txt" => Self::Text,
            "md" => Self::Markdown,
            "html" | "htm" | "xhtml" => Self::Html,
            "css" => Self::Css,
            "json" | "csv" => Self::Data,
            "js" | "mjs" => Self::Script,
            "png" | "jpg" | "jpeg" | "webp" | "gif" => Self::Image,
            "svg" => Self::Svg,
            "mp4" | "m4v" => Self::Mp4,
            "webm" => Self::WebM,
            "mp3" | "m4a" | "ogg" | "wav" => Self::Audio,
            "vtt" | "srt" => Self::Subtitles,
            "docx" | "xlsx" | "pptx" | "odt" | "ods" | "odp" | "epub" => Self::Office,
            _ => Self::Other,
        }
    }
}

/// The extension in lower case, empty if there is none.
pub fn extension(name: &str) -> String {
    let file = name.rsplit('/').next().unwrap_or(name);
    match file.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => extension.to_ascii_lowercase(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_ignore_case_and_folders() {
        assert_eq!(extension("a.b/Bild.JPG"), "jpg");
        assert_eq!(extension("a.b/README"), "");
        assert_eq!(extension(".hidden"), "");
        assert_eq!(Kind::of("Folien/Kapitel 1.PDF"), Kind::Pdf);
        assert_eq!(Kind::of("x.tar"), Kind::Other);
    }
}
