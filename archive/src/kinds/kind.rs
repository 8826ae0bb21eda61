//! The table of file kinds (rule 13): their extensions and media types. What reads files after the gate asks it too.

/// An allowed file type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Pdf,
    Txt,
    Md,
    Html,
    Css,
    Json,
    Csv,
    Vtt,
    Srt,
    Svg,
    Js,
    Png,
    Jpeg,
    Webp,
    Gif,
    Mp4,
    Webm,
    Mp3,
    M4a,
    Ogg,
    Wav,
    Woff,
    Woff2,
    Ttf,
    Otf,
    Eot,
    Wasm,
    Xml,
    Xsd,
    Dtd,
    /// Program text of a lesson, which nothing here runs.
    Source,
    Docx,
    Xlsx,
    Pptx,
    Odt,
    Ods,
    Odp,
    Epub,
    Bmp,
    Tiff,
    Glb,
}

/// One kind and the names its files have.
#[derive(Debug)]
struct Row {
    kind: Kind,
    /// Extensions by which the gate accepts it.
    accepted: &'static [&'static str],
    /// Further extensions it has inside documents, where the gate lets parts of any name pass: the pages of an EPUB.
    inside: &'static [&'static str],
    media_type: &'static str,
}

const fn row(
    kind: Kind,
    accepted: &'static [&'static str],
    inside: &'static [&'static str],
    media_type: &'static str,
) -> Row {
    Row { kind, accepted, inside, media_type }
}

/// In the order of [`Kind`].
static TABLE: [Row; 41] = [
    row(Kind::Pdf, &["pdf"], &[], "application/pdf"),
    row(Kind::Txt, &["txt"], &[], "text/plain"),
    row(Kind::Md, &["md"], &[], "text/markdown"),
    row(Kind::Html, &["html", "htm"], &["xhtml"], "text/html"),
    row(Kind::Css, &["css"], &[], "text/css"),
    row(Kind::Json, &["json"], &[], "application/json"),
    row(Kind::Csv, &["csv"], &[], "text/csv"),
    row(Kind::Vtt, &["vtt"], &[], "text/vtt"),
    row(Kind::Srt, &["srt"], &[], "application/x-subrip"),
    row(Kind::Svg, &["svg"], &[], "image/svg+xml"),
    row(Kind::Js, &["js"], &["mjs"], "text/javascript"),
    row(Kind::Png, &["png"], &[], "image/png"),
    row(Kind::Jpeg, &["jpg", "jpeg"], &[], "image/jpeg"),
    row(Kind::Webp, &["webp"], &[], "image/webp"),
    row(Kind::Gif, &["gif"], &[], "image/gif"),
    row(Kind::Mp4, &["mp4"], &["m4v"], "video/mp4"),
    row(Kind::Webm, &["webm"], &[], "video/webm"),
    row(Kind::Mp3, &["mp3"], &[], "audio/mpeg"),
    row(Kind::M4a, &["m4a"], &[], "audio/mp4"),
    row(Kind::Ogg, &["ogg"], &[], "audio/ogg"),
    row(Kind::Wav, &["wav"], &[], "audio/wav"),
    row(Kind::Woff, &["woff"], &[], "font/woff"),
    row(Kind::Woff2, &["woff2"], &[], "font/woff2"),
    row(Kind::Ttf, &["ttf"], &[], "font/ttf"),
    row(Kind::Otf, &["otf"], &[], "font/otf"),
    row(Kind::Eot, &["eot"], &[], "application/vnd.ms-fontobject"),
    row(Kind::Wasm, &["wasm"], &[], "application/wasm"),
    row(Kind::Xml, &["xml"], &[], "application/xml"),
    row(Kind::Xsd, &["xsd"], &[], "application/xml"),
    row(Kind::Dtd, &["dtd"], &[], "application/xml-dtd"),
    row(Kind::Source, &["py", "java", "sql", "ipynb", "c", "cpp", "sh"], &[], "text/plain"),
    row(Kind::Docx, &["docx"], &[], "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    row(Kind::Xlsx, &["xlsx"], &[], "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    row(Kind::Pptx, &["pptx"], &[], "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    row(Kind::Odt, &["odt"], &[], "application/vnd.oasis.opendocument.text"),
    row(Kind::Ods, &["ods"], &[], "application/vnd.oasis.opendocument.spreadsheet"),
    row(Kind::Odp, &["odp"], &[], "application/vnd.oasis.opendocument.presentation"),
    row(Kind::Epub, &["epub"], &[], "application/epub+zip"),
    // In H5P packages only.
    row(Kind::Bmp, &[], &["bmp"], "image/bmp"),
    row(Kind::Tiff, &[], &["tif", "tiff"], "image/tiff"),
    row(Kind::Glb, &[], &["glb"], "model/gltf-binary"),
];

/// What an extension says about a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ByName {
    Allowed(Kind),
    Archive,
    Program,
    /// An office document that may carry macros.
    Macro,
    Unknown,
}

const ARCHIVES: &[&str] = &[
    "7z", "ace", "apk", "arj", "bz2", "cab", "cpio", "deb", "dmg", "ear", "gz", "img", "ipa", "iso", "jar", "lha",
    "lz", "lz4", "lzh", "lzma", "pkg", "rar", "rpm", "tar", "tbz2", "tgz", "txz", "vhd", "vhdx", "war", "wim", "xz",
    "z", "zip", "zipx", "zst",
];
const PROGRAMS: &[&str] = &[
    "app", "appimage", "bash", "bat", "bin", "class", "cmd", "com", "command", "cpl", "csh", "dll", "dylib", "elf",
    "exe", "fish", "gadget", "hta", "inf", "jse", "ksh", "lnk", "msc", "msi", "msp", "o", "ocx", "php", "pif", "pl",
    "ps1", "psd1", "psm1", "pyc", "rb", "reg", "run", "scf", "scr", "sct", "so", "sys", "url", "vb", "vbe", "vbs",
    "workflow", "ws", "wsc", "wsf", "wsh", "zsh",
];
const MACROS: &[&str] =
    &["docm", "dotm", "potm", "ppam", "ppsm", "pptm", "sldm", "xlam", "xll", "xlsb", "xlsm", "xltm"];

/// The extension in lower case, without the dot; empty if there is none.
pub fn extension(name: &str) -> String {
    spelled_extension(name).to_ascii_lowercase()
}

/// The extension as it stands there.
fn spelled_extension(name: &str) -> &str {
    let file = name.rsplit('/').next().unwrap_or_default();
    file.rsplit_once('.').map_or("", |(_, extension)| extension)
}

pub(crate) fn by_name(name: &str) -> ByName {
    // Most are in lower case.
    if let Some(kind) = Kind::from_extension(spelled_extension(name)) {
        return ByName::Allowed(kind);
    }
    let extension = extension(name);
    let extension = extension.as_str();
    if let Some(kind) = Kind::from_extension(extension) {
        ByName::Allowed(kind)
    } else if ARCHIVES.contains(&extension) {
        ByName::Archive
    } else if PROGRAMS.contains(&extension) {
        ByName::Program
    } else if MACROS.contains(&extension) {
        ByName::Macro
    } else {
        ByName::Unknown
    }
}

/// Left out of the canonical archive: what macOS, Windows and office programs add by themselves.
pub(crate) fn is_junk(name: &str) -> bool {
    let path = name.strip_suffix('/').unwrap_or(name);
    let file = path.rsplit('/').next().unwrap_or_default();
    path == "__MACOSX"
        || path.starts_with("__MACOSX/")
        || file == ".DS_Store"
        || ["thumbs.db", "desktop.ini"].iter().any(|name| file.eq_ignore_ascii_case(name))
        // Attributes of Apple's file systems, owners of open documents in Word and in LibreOffice.
        || ["._", "~$", ".~lock."].iter().any(|start| file.starts_with(start))
}

impl Kind {
    fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    fn from_extension(extension: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.accepted.contains(&extension)).map(|row| row.kind)
    }

    /// What a file of this name is taken for by those who read it, wherever it lies; none for other types.
    pub fn of(name: &str) -> Option<Self> {
        let extension = extension(name);
        let extension = extension.as_str();
        let row = TABLE.iter().find(|row| row.accepted.contains(&extension) || row.inside.contains(&extension))?;
        Some(row.kind)
    }

    pub fn media_type(self) -> &'static str {
        self.row().media_type
    }

    pub(crate) fn is_text(self) -> bool {
        use Kind::*;
        matches!(self, Txt | Md | Html | Css | Json | Csv | Vtt | Srt | Svg | Js | Xml | Xsd | Dtd | Source)
    }

    /// Text that old programs still write in Windows-1252, and that readers cope with.
    pub(crate) fn may_be_legacy_text(self) -> bool {
        use Kind::*;
        matches!(self, Txt | Md | Html | Css | Csv | Srt | Js | Xml | Xsd | Dtd | Source)
    }

    pub(crate) fn is_xml(self) -> bool {
        matches!(self, Kind::Svg | Kind::Xml | Kind::Xsd)
    }

    /// A document that is itself a ZIP archive.
    pub(crate) fn is_document(self) -> bool {
        use Kind::*;
        matches!(self, Docx | Xlsx | Pptx | Odt | Ods | Odp | Epub)
    }

    /// Accepted only where scripts are: scripts, and what learning packages with scripts are made of.
    pub(crate) fn needs_scripts(self) -> bool {
        use Kind::*;
        matches!(self, Js | Wasm | Xml | Xsd | Dtd | Eot)
    }

    /// Text in which machines that make scripts smaller leave control characters as they are.
    pub(crate) fn may_hold_controls(self) -> bool {
        use Kind::*;
        matches!(self, Js | Css | Json | Html)
    }

    /// Text that may begin with `#!`: it is read, not run.
    pub(crate) fn may_name_its_interpreter(self) -> bool {
        matches!(self, Kind::Txt | Kind::Source)
    }

    /// A picture that every browser shows, and that may go by the name of another one by mistake.
    pub(crate) fn is_picture(self) -> bool {
        matches!(self, Kind::Png | Kind::Jpeg | Kind::Webp | Kind::Gif)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(by_name("a/B.PDF"), ByName::Allowed(Kind::Pdf));
        assert_eq!(by_name("rechnung.pdf.exe"), ByName::Program);
        assert_eq!(by_name("x.tar.gz"), ByName::Archive);
        assert_eq!(by_name("x.docm"), ByName::Macro);
        assert_eq!(by_name("v1.2/README"), ByName::Unknown);
        assert!(is_junk("__MACOSX/._a.txt") && is_junk("x/.DS_Store") && is_junk("x/THUMBS.DB"));
        for junk in ["x/Desktop.ini", "~$Brief.docx", "x/._bild.png", "a/.~lock.Brief.odt#"] {
            assert!(is_junk(junk), "{junk}");
        }
        assert!(!is_junk("x/__MACOSX/a") && !is_junk("a.txt") && !is_junk("~a.txt") && !is_junk("desktop.ini.txt"));
        for list in [ARCHIVES, PROGRAMS, MACROS] {
            assert!(list.iter().all(|extension| Kind::from_extension(extension).is_none()));
        }
    }

    #[test]
    fn each_extension_is_in_one_row() {
        assert!(TABLE.iter().enumerate().all(|(at, row)| row.kind as usize == at));
        let mut known: Vec<&str> = TABLE.iter().flat_map(|row| [row.accepted, row.inside].concat()).collect();
        known.extend([ARCHIVES, PROGRAMS, MACROS].concat());
        known.sort_unstable();
        assert!(known.is_sorted_by(|a, b| a < b), "{known:?}");
    }

    #[test]
    fn names_inside_documents_are_read_but_not_accepted_by_themselves() {
        for (name, kind) in [("a.xhtml", Kind::Html), ("a.mjs", Kind::Js), ("a.M4V", Kind::Mp4)] {
            assert_eq!(Kind::of(name), Some(kind));
            assert_eq!(by_name(name), ByName::Unknown);
        }
        assert_eq!(Kind::of("a.docx"), Some(Kind::Docx));
        assert_eq!(Kind::of("a.tar"), None);
    }

    #[test]
    fn extensions_ignore_case_and_folders() {
        assert_eq!(extension("a.b/Bild.JPG"), "jpg");
        assert_eq!(extension("a.b/README"), "");
        assert_eq!(extension(".html"), "html");
    }
}
