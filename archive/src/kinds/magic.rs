//! Magic bytes: whether the beginning of a file fits the type that its name says.

use crate::{
    format::u32_at,
    kinds::{kind::Kind, second::root_element},
};

impl Kind {
    /// The beginning of the file fits the type. `head` holds the first 4 KiB, or all of a shorter file.
    /// Text types are judged by their whole content elsewhere.
    pub(crate) fn fits(self, head: &[u8]) -> bool {
        match self {
            Kind::Pdf => head.starts_with(b"%PDF-"),
            Kind::Png => head.starts_with(b"\x89PNG\r\n\x1a\n"),
            Kind::Jpeg => head.starts_with(b"\xff\xd8\xff"),
            Kind::Gif => head.starts_with(b"GIF87a") || head.starts_with(b"GIF89a"),
            Kind::Webp => is_riff(head, b"WEBP"),
            Kind::Bmp => is_bmp(head),
            Kind::Tiff => head.starts_with(b"II*\0") || head.starts_with(b"MM\0*"),
            // The second version is the one in use (Khronos, glTF 2.0, section 4.4).
            Kind::Glb => head.len() >= 12 && head.starts_with(b"glTF") && matches!(u32_at(head, 4), 1 | 2),
            Kind::Wav => is_riff(head, b"WAVE"),
            Kind::Ogg => head.starts_with(b"OggS\0"),
            Kind::Woff => head.starts_with(b"wOFF"),
            Kind::Woff2 => head.starts_with(b"wOF2"),
            // Either outline goes by either name.
            Kind::Ttf | Kind::Otf => [&b"\0\x01\0\0"[..], b"OTTO", b"true"].iter().any(|mark| head.starts_with(mark)),
            // Version behind two lengths, and a mark behind the weight.
            Kind::Eot => {
                head.get(34..36) == Some(b"LP") && matches!(head[8..12], [0, 0, 1, 0] | [1, 0, 2, 0] | [2, 0, 2, 0])
            }
            Kind::Wasm => head.starts_with(b"\0asm\x01\0\0\0"),
            Kind::Webm => is_webm(head),
            Kind::Mp3 => is_mp3(head),
            Kind::Mp4 => has_brand(head, MP4_BRANDS),
            Kind::M4a => has_brand(head, M4A_BRANDS),
            Kind::Json => is_json(head),
            Kind::Svg => root_element(head).is_some_and(|name| name == b"svg" || name.ends_with(b":svg")),
            Kind::Xml => root_element(head).is_some() || without_bom(head).trim_ascii_start().starts_with(b"<?xml "),
            Kind::Xsd => root_element(head).is_some_and(|name| name == b"schema" || name.ends_with(b":schema")),
            Kind::Vtt => without_bom(head).starts_with(b"WEBVTT"),
            Kind::Txt | Kind::Md | Kind::Html | Kind::Css | Kind::Csv | Kind::Srt | Kind::Js => true,
            Kind::Dtd | Kind::Source => true,
            Kind::Docx | Kind::Xlsx | Kind::Pptx | Kind::Odt | Kind::Ods | Kind::Odp | Kind::Epub => {
                head.starts_with(b"PK\x03\x04")
            }
        }
    }
}

fn is_riff(head: &[u8], form: &[u8; 4]) -> bool {
    head.starts_with(b"RIFF") && head.get(8..12) == Some(form)
}

/// Behind the file's header stands another one, whose length says of which version it is.
fn is_bmp(head: &[u8]) -> bool {
    head.len() >= 26 && head.starts_with(b"BM") && matches!(u32_at(head, 14), 12 | 16 | 40 | 52 | 56 | 64 | 108 | 124)
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
        let mut bmp = b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0".to_vec();
        assert!(!Kind::Bmp.fits(&bmp));
        bmp.resize(58, 0);
        assert!(Kind::Bmp.fits(&bmp) && !Kind::Bmp.fits(&[b"BM", &[b' '; 60][..]].concat()));
        assert!(Kind::Tiff.fits(b"II*\0\x08\0\0\0") && Kind::Tiff.fits(b"MM\0*") && !Kind::Tiff.fits(b"MM*\0"));
        assert!(Kind::Glb.fits(b"glTF\x02\0\0\0\x0c\0\0\0") && !Kind::Glb.fits(b"glTF\x03\0\0\0\x0c\0\0\0"));
        assert!(Kind::Webp.fits(b"RIFF\0\0\0\0WEBP") && !Kind::Webp.fits(b"RIFF\0\0\0\0WAVE"));
        assert!(Kind::Json.fits(b"\xef\xbb\xbf \n{") && Kind::Json.fits(b"null"));
        assert!(!Kind::Json.fits(b"<html>") && !Kind::Json.fits(b"name: value"));
        assert!(Kind::Woff.fits(b"wOFF\0\x01") && !Kind::Woff.fits(b"wOF2"));
        assert!(Kind::Ttf.fits(b"\0\x01\0\0\0") && Kind::Otf.fits(b"OTTO\0") && !Kind::Ttf.fits(b"wOFF"));
        let mut eot = [0; 40];
        eot[8..12].copy_from_slice(&[1, 0, 2, 0]);
        assert!(!Kind::Eot.fits(&eot) && !Kind::Eot.fits(b"") && !Kind::Eot.fits(&eot[..35]));
        eot[34..36].copy_from_slice(b"LP");
        assert!(Kind::Eot.fits(&eot));
        assert!(Kind::Xml.fits(b"<?xml version=\"1.0\"?><manifest/>") && Kind::Xml.fits(b"<manifest>"));
        assert!(!Kind::Xml.fits(b"name: value") && !Kind::Xml.fits(b""));
        assert!(Kind::Xsd.fits(b"<xs:schema/>") && !Kind::Xsd.fits(b"<html/>"));
        assert!(Kind::Svg.fits(b"<?xml version=\"1.0\"?><svg/>") && !Kind::Svg.fits(b"<html><svg/></html>"));
    }
}
