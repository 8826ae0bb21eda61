//! The file types an archive may hold (rule 13), by extension and by magic bytes.

use crate::kinds::second::root_element;

/// An allowed file type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
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
    Woff2,
    Wasm,
    Docx,
    Xlsx,
    Pptx,
    Odt,
    Ods,
    Odp,
    Epub,
}

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
    "ps1", "psd1", "psm1", "py", "pyc", "rb", "reg", "run", "scf", "scr", "sct", "sh", "so", "sys", "url", "vb", "vbe",
    "vbs", "workflow", "ws", "wsc", "wsf", "wsh", "zsh",
];
const MACROS: &[&str] =
    &["docm", "dotm", "potm", "ppam", "ppsm", "pptm", "sldm", "xlam", "xll", "xlsb", "xlsm", "xltm"];

/// The extension in lower case; empty without one.
pub(crate) fn extension(name: &str) -> String {
    let file = name.rsplit('/').next().unwrap_or_default();
    match file.rsplit_once('.') {
        Some((_, extension)) => extension.to_ascii_lowercase(),
        None => String::new(),
    }
}

pub(crate) fn by_name(name: &str) -> ByName {
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

/// Left out of the canonical archive: what macOS and Windows add by themselves.
pub(crate) fn is_junk(name: &str) -> bool {
    let path = name.strip_suffix('/').unwrap_or(name);
    let file = path.rsplit('/').next().unwrap_or_default();
    path == "__MACOSX" || path.starts_with("__MACOSX/") || file == ".DS_Store" || file.eq_ignore_ascii_case("thumbs.db")
}

impl Kind {
    fn from_extension(extension: &str) -> Option<Self> {
        Some(match extension {
            "pdf" => Kind::Pdf,
            "txt" => Kind::Txt,
            "md" => Kind::Md,
            "html" | "htm" => Kind::Html,
            "css" => Kind::Css,
            "json" => Kind::Json,
            "csv" => Kind::Csv,
            "vtt" => Kind::Vtt,
            "srt" => Kind::Srt,
            "svg" => Kind::Svg,
            "js" => Kind::Js,
            "png" => Kind::Png,
            "jpg" | "jpeg" => Kind::Jpeg,
            "webp" => Kind::Webp,
            "gif" => Kind::Gif,
            "mp4" => Kind::Mp4,
            "webm" => Kind::Webm,
            "mp3" => Kind::Mp3,
            "m4a" => Kind::M4a,
            "ogg" => Kind::Ogg,
            "wav" => Kind::Wav,
            "woff2" => Kind::Woff2,
            "wasm" => Kind::Wasm,
            "docx" => Kind::Docx,
            "xlsx" => Kind::Xlsx,
            "pptx" => Kind::Pptx,
            "odt" => Kind::Odt,
            "ods" => Kind::Ods,
            "odp" => Kind::Odp,
            "epub" => Kind::Epub,
            _ => return None,
        })
    }

    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Kind::Pdf => "application/pdf",
            Kind::Txt => "text/plain",
            Kind::Md => "text/markdown",
            Kind::Html => "text/html",
            Kind::Css => "text/css",
            Kind::Json => "application/json",
            Kind::Csv => "text/csv",
            Kind::Vtt => "text/vtt",
            Kind::Srt => "application/x-subrip",
            Kind::Svg => "image/svg+xml",
            Kind::Js => "text/javascript",
            Kind::Png => "image/png",
            Kind::Jpeg => "image/jpeg",
            Kind::Webp => "image/webp",
            Kind::Gif => "image/gif",
            Kind::Mp4 => "video/mp4",
            Kind::Webm => "video/webm",
            Kind::Mp3 => "audio/mpeg",
            Kind::M4a => "audio/mp4",
            Kind::Ogg => "audio/ogg",
            Kind::Wav => "audio/wav",
            Kind::Woff2 => "font/woff2",
            Kind::Wasm => "application/wasm",
            Kind::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            Kind::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Kind::Pptx => "application/vnd.openxmlformats-officedocument.presentationml.presentation",
            Kind::Odt => "application/vnd.oasis.opendocument.text",
            Kind::Ods => "application/vnd.oasis.opendocument.spreadsheet",
            Kind::Odp => "application/vnd.oasis.opendocument.presentation",
            Kind::Epub => "application/epub+zip",
        }
    }

    pub(crate) fn is_text(self) -> bool {
        use Kind::*;
        matches!(self, Txt | Md | Html | Css | Json | Csv | Vtt | Srt | Svg | Js)
    }

    /// Text that old programs still write in Windows-1252, and that readers cope with.
    pub(crate) fn may_be_legacy_text(self) -> bool {
        use Kind::*;
        matches!(self, Txt | Md | Html | Css | Csv | Srt)
    }

    /// A document that is itself a ZIP archive.
    pub(crate) fn is_document(self) -> bool {
        use Kind::*;
        matches!(self, Docx | Xlsx | Pptx | Odt | Ods | Odp | Epub)
    }

    pub(crate) fn is_script(self) -> bool {
        matches!(self, Kind::Js | Kind::Wasm)
    }

    pub(crate) fn is_picture(self) -> bool {
        matches!(self, Kind::Png | Kind::Jpeg | Kind::Webp | Kind::Gif)
    }

    /// The beginning of the file fits the type. `head` holds the first 4 KiB, or all of a shorter file.
    /// Text types are judged by their whole content elsewhere.
    pub(crate) fn fits(self, head: &[u8]) -> bool {
        match self {
            Kind::Pdf => head.starts_with(b"%PDF-"),
            Kind::Png => head.starts_with(b"\x89PNG\r\n\x1a\n"),
            Kind::Jpeg => head.starts_with(b"\xff\xd8\xff"),
            Kind::Gif => head.starts_with(b"GIF87a") || head.starts_with(b"GIF89a"),
            Kind::Webp => is_riff(head, b"WEBP"),
            Kind::Wav => is_riff(head, b"WAVE"),
            Kind::Ogg => head.starts_with(b"OggS\0"),
            Kind::Woff2 => head.starts_with(b"wOF2"),
            Kind::Wasm => head.starts_with(b"\0asm\x01\0\0\0"),
            Kind::Webm => is_webm(head),
            Kind::Mp3 => is_mp3(head),
            Kind::Mp4 => has_brand(head, MP4_BRANDS),
            Kind::M4a => has_brand(head, M4A_BRANDS),
            Kind::Json => is_json(head),
            Kind::Svg => root_element(head).is_some_and(|name| name == b"svg" || name.ends_with(b":svg")),
            Kind::Vtt => without_bom(head).starts_with(b"WEBVTT"),
            Kind::Txt | Kind::Md | Kind::Html | Kind::Css | Kind::Csv | Kind::Srt | Kind::Js => true,
            Kind::Docx | Kind::Xlsx | Kind::Pptx | Kind::Odt | Kind::Ods | Kind::Odp | Kind::Epub => {
                head.starts_with(b"PK\x03\x04")
            }
        }
    }
}

fn is_riff(head: &[u8], form: &[u8; 4]) -> bool {
    head.starts_with(b"RIFF") && head.get(8..12) == Some(form)
}

pub(crate) fn without_bom(head: &[u8]) -> &[u8] {
    head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head)
}

fn is_json(head: &[u8]) -> bool {
    let text = without_bom(head).trim_ascii_start();
    matches!(text.first(), Some(b'{' | b'[' | b'"' | b'-' | b'0'..=b'9'))
        || [&b"true"[..], b"false", b"null"].iter().any(|word| text.starts_with(word))
}

/// EBML whose DocType (element 0x4282, RFC 8794) is "webm".
fn is_webm(head: &[u8]) -> bool {
    head.starts_with(&[0x1a, 0x45, 0xdf, 0xa3])
        && head.windows(7).take(512).any(|part| part[..2] == [0x42, 0x82] && part[3..] == *b"webm")
}

/// An ID3v2 tag, or a valid frame header of MPEG audio layer III.
fn is_mp3(head: &[u8]) -> bool {
    if head.starts_with(b"ID3") {
        return true;
    }
    let &[first, second, third, ..] = head else {
        return false;
    };
    first == 0xff
        && second & 0xe0 == 0xe0
        && second & 0x18 != 0x08
        && second & 0x06 == 0x02
        && third & 0xf0 != 0xf0
        && third & 0x0c != 0x0c
}

const MP4_BRANDS: &[&[u8; 4]] = &[
    b"isom", b"iso2", b"iso3", b"iso4", b"iso5", b"iso6", b"iso7", b"iso8", b"iso9", b"mp41", b"mp42", b"mp71",
    b"avc1", b"hvc1", b"hev1", b"av01", b"dash", b"M4V ", b"M4VH", b"M4VP", b"MSNV", b"mp4v", b"f4v ", b"3gp4",
    b"3gp5", b"3gp6",
];
const M4A_BRANDS: &[&[u8; 4]] = &[b"M4A ", b"M4B ", b"mp41", b"mp42", b"isom", b"iso2", b"iso5", b"iso6", b"dash"];

/// An ISO media file (ISO/IEC 14496-12) whose major or compatible brands name one of `brands`.
fn has_brand(head: &[u8], brands: &[&[u8; 4]]) -> bool {
    if head.get(4..8) != Some(b"ftyp") {
        return false;
    }
    let size = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
    let listed = &head[8..size.clamp(8, head.len())];
    // Major brand, minor version, compatible brands.
    let (words, _) = listed.as_chunks::<4>();
    words.iter().enumerate().any(|(at, word)| at != 1 && brands.contains(&word))
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
        assert!(!is_junk("x/__MACOSX/a") && !is_junk("a.txt"));
        for list in [ARCHIVES, PROGRAMS, MACROS] {
            assert!(list.iter().all(|extension| Kind::from_extension(extension).is_none()));
        }
    }

    #[test]
    fn magic() {
        assert!(Kind::Mp4.fits(b"\0\0\0\x18ftypisom\0\0\x02\0isomiso2"));
        assert!(Kind::Mp4.fits(b"\0\0\0\x14ftypxxxx\0\0\x02\0mp42"));
        assert!(!Kind::Mp4.fits(b"\0\0\0\x14ftypqt  \0\0\x02\0qt  "));
        assert!(!Kind::Mp4.fits(b"\0\0\0\x00ftyp"));
        assert!(Kind::M4a.fits(b"\0\0\0\x14ftypM4A \0\0\x02\0isom"));
        assert!(Kind::Mp3.fits(b"\xff\xfb\x90\x00") && Kind::Mp3.fits(b"ID3\x04"));
        assert!(!Kind::Mp3.fits(b"\xff\xff\xff\xff") && !Kind::Mp3.fits(b"\xff"));
        assert!(Kind::Webm.fits(b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm"));
        assert!(!Kind::Webm.fits(b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\x82\x88matroska"));
        assert!(Kind::Webp.fits(b"RIFF\0\0\0\0WEBP") && !Kind::Webp.fits(b"RIFF\0\0\0\0WAVE"));
        assert!(Kind::Json.fits(b"\xef\xbb\xbf \n{") && Kind::Json.fits(b"null"));
        assert!(!Kind::Json.fits(b"<html>") && !Kind::Json.fits(b"name: value"));
        assert!(Kind::Svg.fits(b"<?xml version=\"1.0\"?><svg/>") && !Kind::Svg.fits(b"<html><svg/></html>"));
    }
}
