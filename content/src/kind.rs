//! The kind of an entry, by its name: it selects the reader. The archive check has already compared extension and magic
//! bytes, but decoders look at the bytes again.

pub use archive::extension;

/// Kinds of entries that some step treats specially.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Pdf,
    /// Plain text, and program sources as lessons show them.
    Text,
    Markdown,
    Html,
    Css,
    Data,
    /// Jupyter: JSON around the cells that people read.
    Notebook,
    Script,
    Xml,
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
        match archive::Kind::of(name) {
            // Served as plain text, so that no browser does anything with it.
            Some(archive::Kind::Source) if extension(name) == "ipynb" => Self::Notebook,
            Some(kind) => Self::of_media(kind.media_type()),
            None => Self::Other,
        }
    }

    /// By media type, so that what the archive check learns to accept has a reader at once: text is read as text, and
    /// one line here is all that another reader takes.
    fn of_media(media_type: &str) -> Self {
        match media_type {
            "application/pdf" => Self::Pdf,
            "text/markdown" => Self::Markdown,
            "text/html" | "application/xhtml+xml" => Self::Html,
            "text/css" => Self::Css,
            "text/csv" | "application/json" => Self::Data,
            "text/javascript" => Self::Script,
            "image/svg+xml" => Self::Svg,
            "image/png" | "image/jpeg" | "image/webp" | "image/gif" => Self::Image,
            "video/mp4" => Self::Mp4,
            "video/webm" => Self::WebM,
            "text/vtt" | "application/x-subrip" => Self::Subtitles,
            "application/epub+zip" => Self::Office,
            "text/xml" | "application/xml" | "application/xml-dtd" => Self::Xml,
            "application/x-ipynb+json" => Self::Notebook,
            "application/sql" | "application/x-sh" | "application/x-shellscript" => Self::Text,
            other => Self::of_family(other),
        }
    }

    fn of_family(media_type: &str) -> Self {
        let is_office = ["application/vnd.openxmlformats-officedocument.", "application/vnd.oasis.opendocument."];
        match media_type {
            other if is_office.iter().any(|family| other.starts_with(family)) => Self::Office,
            other if other.starts_with("audio/") => Self::Audio,
            other if other.ends_with("+xml") => Self::Xml,
            other if other.ends_with("+json") => Self::Data,
            other if other.starts_with("text/") => Self::Text,
            _ => Self::Other,
        }
    }

    /// Kinds whose bytes are text that somebody reads.
    pub fn is_text(self) -> bool {
        use Kind::*;
        match self {
            Text | Markdown | Html | Css | Data | Notebook | Svg | Subtitles | Xml => true,
            Pdf | Script | Image | Mp4 | WebM | Audio | Office | Other => false,
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

    #[test]
    fn every_accepted_type_has_a_reader() {
        for (name, kind) in [
            ("a.txt", Kind::Text),
            ("a.md", Kind::Markdown),
            ("a.csv", Kind::Data),
            ("a.json", Kind::Data),
            ("a.js", Kind::Script),
            ("Notebook.IPYNB", Kind::Notebook),
            ("a.py", Kind::Text),
            ("a.svg", Kind::Svg),
            ("a.jpeg", Kind::Image),
            ("a.m4a", Kind::Audio),
            ("a.srt", Kind::Subtitles),
            ("a.vtt", Kind::Subtitles),
            ("a.docx", Kind::Office),
            ("a.odp", Kind::Office),
            ("a.epub", Kind::Office),
            ("a.wasm", Kind::Other),
            ("a.woff2", Kind::Other),
        ] {
            assert_eq!(Kind::of(name), kind, "{name}");
        }
    }

    #[test]
    fn unknown_text_is_text() {
        for (media_type, kind) in [
            ("text/x-python", Kind::Text),
            ("text/x-java-source", Kind::Text),
            ("application/x-ipynb+json", Kind::Notebook),
            ("application/xml", Kind::Xml),
            ("application/rdf+xml", Kind::Xml),
            ("font/ttf", Kind::Other),
            ("application/vnd.ms-fontobject", Kind::Other),
        ] {
            assert_eq!(Kind::of_media(media_type), kind, "{media_type}");
        }
    }
}
