//! The reader of XML manifests: no document type, no entities but the five of XML itself, nothing fetched, and bounds
//! on all that a document can make a reader spend.
//!
//! `roxmltree` builds the tree. What it does not bound itself (nesting, attributes of one element, their lengths,
//! lists of namespaces) is counted by [`outline`] beforehand.

use std::borrow::Cow;

use memchr::memmem;
use roxmltree::{Document, Node, ParsingOptions};

use crate::{
    findings::code::Code,
    packages::bounds::{
        MANIFEST_BYTES, XML_ATTRIBUTES, XML_ATTRIBUTES_TOTAL, XML_DEPTH, XML_NAMESPACES_TOTAL, XML_NODES,
        XML_VALUE_BYTES,
    },
};

/// Why a document is refused, with figures.
pub(crate) type Refusal = (Code, String);

const XINCLUDE: &str = "http://www.w3.org/2001/XInclude";

/// The document's text. UTF-8 without a declaration, or one of the encodings that manifests are written in.
pub(crate) fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, Refusal> {
    let unreadable = |detail: &str| (Code::PackageManifestUnreadable, detail.to_owned());
    if bytes.len() > MANIFEST_BYTES {
        return Err((Code::PackageManifestTooLarge, format!("more than {MANIFEST_BYTES} bytes")));
    }
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") || bytes.iter().take(4).any(|byte| *byte == 0) {
        return Err(unreadable("UTF-16"));
    }
    let marked = bytes.starts_with(b"\xef\xbb\xbf");
    let bytes = if marked { &bytes[3..] } else { bytes };
    let declared = declared_encoding(bytes)?.unwrap_or_else(|| "utf-8".into());
    match declared.as_str() {
        "utf-8" | "utf8" | "us-ascii" | "ascii" => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Cow::Borrowed(text)),
            Err(error) => Err(unreadable(&format!("not UTF-8 at byte {}", error.valid_up_to()))),
        },
        "iso-8859-1" | "iso-8859-15" | "latin1" | "windows-1252" | "cp1252" if !marked => {
            match std::str::from_utf8(bytes) {
                // Many programs keep the declaration of a template and write UTF-8.
                Ok(text) => Ok(Cow::Borrowed(text)),
                Err(_) => Ok(Cow::Owned(bytes.iter().map(|byte| western(*byte, declared == "iso-8859-15")).collect())),
            }
        }
        // Written by .NET into files that are UTF-8 after all; strict readers fail on it.
        other => Err(unreadable(&format!("encoding {other}"))),
    }
}

/// The encoding that the XML declaration states, in lower case.
fn declared_encoding(bytes: &[u8]) -> Result<Option<String>, Refusal> {
    if !bytes.starts_with(b"<?xml") {
        return Ok(None);
    }
    let unreadable = || (Code::PackageManifestUnreadable, "XML declaration".to_owned());
    let end = memmem::find(&bytes[..bytes.len().min(1024)], b"?>").ok_or_else(unreadable)?;
    let declaration = std::str::from_utf8(&bytes[..end]).map_err(|_| unreadable())?;
    let Some((_, rest)) = declaration.split_once("encoding") else {
        return Ok(None);
    };
    let value = rest.trim_start().strip_prefix('=').ok_or_else(unreadable)?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\'')).ok_or_else(unreadable)?;
    let (name, _) = value[1..].split_once(quote).ok_or_else(unreadable)?;
    Ok(Some(name.to_ascii_lowercase()))
}

/// One byte of Windows-1252, which differs from Latin-1 in the control characters only, or of its successor Latin-9.
fn western(byte: u8, latin_9: bool) -> char {
    const NINE: [(u8, char); 8] =
        [(0xa4, '€'), (0xa6, 'Š'), (0xa8, 'š'), (0xb4, 'Ž'), (0xb8, 'ž'), (0xbc, 'Œ'), (0xbd, 'œ'), (0xbe, 'Ÿ')];
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘',
        '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    if latin_9 && let Some((_, letter)) = NINE.iter().find(|(nine, _)| *nine == byte) {
        return *letter;
    }
    match byte {
        0x80..=0x9f => HIGH[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

/// The tree of a document that keeps within the bounds.
pub(crate) fn parse(text: &str) -> Result<Document<'_>, Refusal> {
    outline(text.as_bytes())?;
    let options = ParsingOptions { allow_dtd: false, nodes_limit: XML_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options).map_err(|error| match error {
        roxmltree::Error::DtdDetected => (Code::PackageManifestEntities, "DOCTYPE".to_owned()),
        roxmltree::Error::UnknownEntityReference(name, _) => (Code::PackageManifestEntities, format!("&{name};")),
        roxmltree::Error::NodesLimitReached => {
            (Code::PackageManifestTooLarge, format!("more than {XML_NODES} elements and texts"))
        }
        error => (Code::PackageManifestUnreadable, error.to_string()),
    })?;
    refers_outside(&document)?;
    Ok(document)
}

/// A style sheet of another host, or parts that other programs would include.
fn refers_outside(document: &Document<'_>) -> Result<(), Refusal> {
    for node in document.descendants() {
        let found = match node.pi() {
            Some(instruction) if instruction.target.eq_ignore_ascii_case("xml-stylesheet") => {
                let value = instruction.value.unwrap_or_default();
                let local = pseudo_attribute(value, "href").is_some_and(|href| {
                    !href.contains(':') && !href.contains("..") && !href.starts_with(['/', '\\']) && !href.contains('&')
                });
                (!local).then_some("xml-stylesheet")
            }
            Some(instruction) if instruction.target.eq_ignore_ascii_case("php") => Some("php"),
            _ => (node.tag_name().namespace() == Some(XINCLUDE)).then_some("XInclude"),
        };
        if let Some(found) = found {
            return Err((Code::PackageManifestOutside, found.to_owned()));
        }
    }
    Ok(())
}

/// `href="…"` in the text of a processing instruction.
fn pseudo_attribute<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(name)?;
    let value = rest.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    Some(value[1..].split_once(quote)?.0)
}

/// Counts what a document opens, without judging whether it is well-formed: up to the place where it is not, this
/// reads the same marks as the tree's builder, which stops there.
fn outline(text: &[u8]) -> Result<(), Refusal> {
    let too_large = |detail: String| Err((Code::PackageManifestTooLarge, detail));
    // For each open element the namespaces in force.
    let mut open: Vec<usize> = Vec::new();
    let (mut attributes, mut namespaces) = (0, 0);
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'<', rest) {
        rest = &rest[at..];
        let skipped: Option<(&[u8], usize)> = match rest {
            [b'<', b'!', b'-', b'-', ..] => Some((b"-->", 4)),
            [b'<', b'!', b'[', b'C', b'D', b'A', b'T', b'A', b'[', ..] => Some((b"]]>", 9)),
            [b'<', b'?', ..] => Some((b"?>", 2)),
            _ => None,
        };
        if let Some((end, from)) = skipped {
            let Some(length) = memmem::find(&rest[from..], end) else {
                return Ok(());
            };
            rest = &rest[from + length + end.len()..];
            continue;
        }
        match rest.get(1) {
            Some(b'!') => {
                let word: String = rest[2..].iter().take(7).map(|byte| char::from(*byte)).collect();
                return Err(match word.to_ascii_uppercase().as_str() {
                    word @ ("DOCTYPE" | "ENTITY " | "ELEMENT" | "ATTLIST") => {
                        (Code::PackageManifestEntities, word.trim_end().to_owned())
                    }
                    _ => (Code::PackageManifestUnreadable, "<!".to_owned()),
                });
            }
            Some(b'/') => {
                open.pop();
                rest = &rest[2..];
            }
            _ => {
                let tag = start_tag(&rest[1..])?;
                attributes += tag.attributes;
                if tag.attributes > XML_ATTRIBUTES || attributes > XML_ATTRIBUTES_TOTAL {
                    return too_large(format!("{} attributes of one element, {attributes} in all", tag.attributes));
                }
                let in_force = open.last().copied().unwrap_or(1) + tag.namespaces;
                if tag.namespaces > 0 {
                    namespaces += in_force;
                }
                if namespaces > XML_NAMESPACES_TOTAL {
                    return too_large("namespaces".to_owned());
                }
                if !tag.empty {
                    open.push(in_force);
                }
                if open.len() > XML_DEPTH {
                    return too_large(format!("more than {XML_DEPTH} elements within each other"));
                }
                rest = &rest[1 + tag.length..];
            }
        }
    }
    Ok(())
}

#[derive(Default)]
struct StartTag {
    length: usize,
    attributes: usize,
    namespaces: usize,
    empty: bool,
}

/// The tag behind its `<`.
fn start_tag(text: &[u8]) -> Result<StartTag, Refusal> {
    let mut tag = StartTag::default();
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' | b'\'' => {
                let Some(length) = memchr::memchr(byte, &text[at + 1..]) else {
                    break;
                };
                if length > XML_VALUE_BYTES {
                    return Err((Code::PackageManifestTooLarge, format!("an attribute of {length} bytes")));
                }
                tag.attributes += 1;
                at += length + 1;
            }
            b'>' => {
                tag.empty = at > 0 && text[at - 1] == b'/';
                tag.length = at + 1;
                return Ok(tag);
            }
            b'<' => break,
            // Other names that contain these letters count too; there are none in manifests.
            b'x' if text[at..].starts_with(b"xmlns") => tag.namespaces += 1,
            _ => {}
        }
        at += 1;
    }
    tag.length = at;
    Ok(tag)
}

/// The first child element of this name, whatever its namespace: manifests differ in theirs, even within one standard.
pub(crate) fn child<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    children(node, name).next()
}

/// All child elements of this name.
pub(crate) fn children<'a, 'i, 'n>(
    node: Node<'a, 'i>,
    name: &'n str,
) -> impl Iterator<Item = Node<'a, 'i>> + use<'a, 'i, 'n> {
    node.children().filter(move |child| is(*child, name))
}

/// An element of this name, upper and lower case alike: the two versions of LOM differ in nothing else.
pub(crate) fn is(node: Node<'_, '_>, name: &str) -> bool {
    node.is_element() && node.tag_name().name().eq_ignore_ascii_case(name)
}

/// The text directly in an element.
pub(crate) fn text<'a>(node: Node<'a, '_>) -> Option<&'a str> {
    node.children()
        .filter_map(|child| if child.is_text() { child.text() } else { None })
        .find(|text| !text.trim().is_empty())
}

/// An attribute by its local name, whatever its namespace and letter case (`adlcp:scormtype`, `adlcp:scormType`).
pub(crate) fn attribute<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    node.attributes().find(|attribute| attribute.name().eq_ignore_ascii_case(name)).map(|attribute| attribute.value())
}

/// The `xml:base` of an element.
pub(crate) fn base<'a>(node: Node<'a, '_>) -> Option<&'a str> {
    node.attribute((roxmltree::NS_XML_URI, "base")).filter(|base| !base.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> Option<Code> {
        parse(text).err().map(|(code, _)| code)
    }

    #[test]
    fn honest_documents_pass() {
        for text in [
            "<a/>",
            "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\" ?>\n<!-- <!DOCTYPE a [<!ENTITY b 'c'>]> -->\n<a b='&lt;&#65;'/>",
            "<a><![CDATA[<!DOCTYPE x>]]> &amp; </a>",
            "<?xml-stylesheet type=\"text/xsl\" href=\"manifest.xsl\"?><a/>",
            "<a xmlns:x='u' x:b = \"1\" c='>'><x:b/></a>",
        ] {
            assert_eq!(refusal(text), None, "{text}");
        }
    }

    #[test]
    fn tricks_have_their_codes() {
        use Code::*;
        for (text, code) in [
            ("<!DOCTYPE a><a/>", PackageManifestEntities),
            ("<!DOCTYPE a SYSTEM 'http://x/a.dtd'><a/>", PackageManifestEntities),
            ("<!doctype a><a/>", PackageManifestEntities),
            ("<a>&b;</a>", PackageManifestEntities),
            ("<a b='&c;'/>", PackageManifestEntities),
            ("<a><!ENTITY b 'c'></a>", PackageManifestEntities),
            ("<a>&#0;</a>", PackageManifestUnreadable),
            ("<a><b></a></b>", PackageManifestUnreadable),
            ("<a b='1' b='2'/>", PackageManifestUnreadable),
            ("<a/><a/>", PackageManifestUnreadable),
            ("", PackageManifestUnreadable),
            ("<a", PackageManifestUnreadable),
            ("<?xml-stylesheet href='https://x/a.xsl'?><a/>", PackageManifestOutside),
            ("<a xmlns:i='http://www.w3.org/2001/XInclude'><i:include href='b'/></a>", PackageManifestOutside),
        ] {
            assert_eq!(refusal(text), Some(code), "{text}");
        }
    }

    #[test]
    fn bounds_hold() {
        let nested = |depth: usize| "<a>".repeat(depth) + &"</a>".repeat(depth);
        assert_eq!(refusal(&nested(XML_DEPTH)), None);
        assert_eq!(refusal(&nested(XML_DEPTH + 1)), Some(Code::PackageManifestTooLarge));
        let attributes = |count: usize| {
            let list: String = (0..count).map(|n| format!(" a{n}='x'")).collect();
            format!("<a{list}/>")
        };
        assert_eq!(refusal(&attributes(XML_ATTRIBUTES)), None);
        assert_eq!(refusal(&attributes(XML_ATTRIBUTES + 1)), Some(Code::PackageManifestTooLarge));
        assert_eq!(
            refusal(&format!("<a b='{}'/>", "x".repeat(XML_VALUE_BYTES + 1))),
            Some(Code::PackageManifestTooLarge)
        );
        assert_eq!(refusal(&format!("<a>{}</a>", "<b/>".repeat(300_000))), Some(Code::PackageManifestTooLarge));
        // Each level and each leaf declares more: without the bound this would take gigabytes.
        let declared: String = (0..60).map(|n| format!(" xmlns:n{n}='u{n}'")).collect();
        let levels = format!("<a{declared}>").repeat(40) + &"<b xmlns='v'/>".repeat(50_000) + &"</a>".repeat(40);
        assert_eq!(refusal(&levels), Some(Code::PackageManifestTooLarge));
    }

    #[test]
    fn attributes_are_counted_however_they_are_spaced() {
        let tag = start_tag(b"a xmlns = 'u'\n xmlns:b\t=\"v\" c='d'/>rest").unwrap();
        assert_eq!((tag.attributes, tag.namespaces, tag.empty, tag.length), (3, 2, true, 35));
    }

    #[test]
    fn encodings() {
        assert_eq!(decode(b"\xef\xbb\xbf<a/>").unwrap(), "<a/>");
        for (name, text) in [("ISO-8859-1", &b"\xfc\x80"[..]), ("iso-8859-15", b"\xfc\xa4")] {
            let bytes = [format!("<?xml version='1.0' encoding='{name}'?><a>").as_bytes(), text, b"</a>"].concat();
            assert!(decode(&bytes).unwrap().ends_with("ü€</a>"), "{name}");
        }
        assert!(decode("<?xml version='1.0' encoding='iso-8859-1'?><a>ü</a>".as_bytes()).unwrap().ends_with("ü</a>"));
        for bytes in [
            &b"\xff\xfe<\0a\0/\0>\0"[..],
            b"<\0a\0/\0>\0",
            b"<?xml version='1.0' encoding='UTF-7'?><a/>",
            b"<?xml version='1.0' encoding='utf-16'?><a/>",
            b"<?xml version='1.0' encoding='UTF-8'?><a>\xfc</a>",
            b"<a>\xc0\xbc</a>",
            b"\xef\xbb\xbf<?xml version='1.0' encoding='windows-1252'?><a/>",
        ] {
            assert_eq!(decode(bytes).unwrap_err().0, Code::PackageManifestUnreadable, "{bytes:?}");
        }
    }
}
