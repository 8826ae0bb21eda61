//! XML, read strictly, the way browsers read SVG and XHTML: processing instructions, the declarations of a DOCTYPE, and
//! the entities declared there, which may hold tags and addresses that no loose reader sees.
//!
//! It stops at the first fault, so it stands beside the loose reader and never in its place: what either of them sees
//! counts. (XML 1.0, sections 2.6, 4.1 to 4.4 and 3.3.2.)

use std::{
    collections::HashMap,
    io::{self, BufRead, BufReader, Read},
    sync::LazyLock,
};

use quick_xml::{
    Reader,
    escape::resolve_predefined_entity,
    events::{BytesStart, Event},
};
use regex::Regex;

use crate::{
    html::{Syntax, Token, tokens},
    scan::links::expression,
};

/// Bytes of one tag, text or declaration held at once; a longer one ends the reading.
const EVENT_MAX: usize = 32 << 20;
/// What entities may grow to, in one attribute or text, and how deep they may nest.
const EXPANDED_MAX: usize = 64 << 10;
const NESTED_MAX: u8 = 8;
/// Declarations looked at, at most.
const DECLARATIONS_MAX: usize = 10_000;

static ENTITY: LazyLock<Regex> =
    LazyLock::new(|| expression(r#"(?s)<!ENTITY\s+(%\s+)?([^\s"'<>]+)\s+(?:"([^"]*)"|'([^']*)')"#));
static DEFAULTS: LazyLock<Regex> = LazyLock::new(|| expression(r#"(?s)<!ATTLIST\s+([^\s"'<>]+)\s([^>]*)>"#));
static DEFAULT: LazyLock<Regex> = LazyLock::new(|| {
    expression(r#"(?s)([^\s"'<>()|]+)\s+(?:[A-Z]+|\([^)]*\))\s+(?:#FIXED\s+)?(?:"([^"]*)"|'([^']*)')"#)
});

/// How far the document was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// To its end, or to a fault at which a browser stops too.
    Read,
    /// To something larger than is held in memory, or entities that nest too deep.
    TooMuch,
}

/// Hands all tags to `each`, those that come out of entities and declarations included. Fails if the source does.
pub fn read(source: impl Read, each: &mut dyn FnMut(Token)) -> io::Result<End> {
    let mut reader = Reader::from_reader(Portions { inner: BufReader::new(source), left: EVENT_MAX });
    let config = reader.config_mut();
    (config.check_end_names, config.allow_unmatched_ends, config.allow_dangling_amp) = (false, true, true);
    let mut document = Document { entities: HashMap::new(), too_much: false, each };
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        reader.get_mut().left = EVENT_MAX;
        match reader.read_event_into(&mut buffer) {
            Ok(Event::Start(tag)) => document.tag(&tag, false),
            Ok(Event::Empty(tag)) => document.tag(&tag, true),
            Ok(Event::DocType(declarations)) => document.declarations(&String::from_utf8_lossy(&declarations)),
            Ok(Event::GeneralRef(name)) => document.content(&String::from_utf8_lossy(&name)),
            Ok(Event::PI(instruction)) if instruction.target() == b"xml-stylesheet" => {
                document.style_sheet(&String::from_utf8_lossy(instruction.content()));
            }
            Ok(Event::Eof) => break,
            Ok(_) => {}
            Err(quick_xml::Error::Io(error)) if error.kind() == io::ErrorKind::OutOfMemory => {
                document.too_much = true;
                break;
            }
            Err(quick_xml::Error::Io(error)) => return Err(io::Error::new(error.kind(), error.to_string())),
            Err(_) => break,
        }
    }
    Ok(if document.too_much { End::TooMuch } else { End::Read })
}

/// A source that yields at most `left` more bytes: the reader keeps all of a tag or text in memory.
struct Portions<R> {
    inner: R,
    left: usize,
}

impl<R: BufRead> Read for Portions<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer)
    }
}

impl<R: BufRead> BufRead for Portions<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left == 0 {
            return Err(io::Error::from(io::ErrorKind::OutOfMemory));
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.left = self.left.saturating_sub(amount);
        self.inner.consume(amount);
    }
}

struct Document<'a> {
    entities: HashMap<String, String>,
    too_much: bool,
    each: &'a mut dyn FnMut(Token),
}

impl Document<'_> {
    fn tag(&mut self, tag: &BytesStart<'_>, empty: bool) {
        let name = String::from_utf8_lossy(tag.name().as_ref()).to_lowercase();
        let mut attributes = Vec::new();
        for attribute in tag.attributes().with_checks(false).flatten() {
            let key = String::from_utf8_lossy(attribute.key.as_ref()).to_lowercase();
            let value = self.expanded(&String::from_utf8_lossy(&attribute.value));
            attributes.push((key, value));
        }
        (self.each)(Token::Start { name, attributes, empty, cut: false });
    }

    /// A style sheet, as the element of HTML that means the same.
    fn style_sheet(&mut self, content: &str) {
        let tag = format!("<link {content}>");
        tokens(&tag, Syntax::Xml).for_each(&mut *self.each);
    }

    /// What an entity in the text stands for: tags, if its value has some.
    fn content(&mut self, name: &str) {
        let markup = self.expanded(&format!("&{name};"));
        if markup.contains('<') {
            tokens(&markup, Syntax::Xml).for_each(&mut *self.each);
        }
    }

    /// Entities and default attributes. A parameter entity declares others, so its value is read the same way.
    fn declarations(&mut self, declarations: &str) {
        let mut texts = vec![declarations.to_owned()];
        let mut seen = 0;
        while let Some(text) = texts.pop() {
            for found in ENTITY.captures_iter(&text) {
                seen += 1;
                if seen > DECLARATIONS_MAX {
                    self.too_much = true;
                    return;
                }
                let value = found.get(3).or(found.get(4)).map_or("", |value| value.as_str());
                // Character references in a value are resolved where it is declared, all others where it is used.
                let value = characters(value);
                if found.get(1).is_some() && value.contains("<!") {
                    texts.push(value.clone());
                }
                // The first declaration binds.
                self.entities.entry(found[2].to_owned()).or_insert(value);
            }
            for found in DEFAULTS.captures_iter(&text) {
                let attributes: Vec<(String, String)> = DEFAULT
                    .captures_iter(&found[2])
                    .map(|default| {
                        let value = default.get(2).or(default.get(3)).map_or("", |value| value.as_str());
                        (default[1].to_lowercase(), self.expanded(value))
                    })
                    .collect();
                let name = found[1].to_lowercase();
                (self.each)(Token::Start { name, attributes, empty: true, cut: false });
            }
        }
    }

    fn expanded(&mut self, text: &str) -> String {
        let mut out = String::new();
        self.expand(text, &mut out, 0);
        out
    }

    fn expand(&mut self, text: &str, out: &mut String, depth: u8) {
        let mut rest = text;
        while let Some(start) = rest.find('&') {
            out.push_str(&rest[..start]);
            let after = &rest[start + 1..];
            if out.len() > EXPANDED_MAX || depth > NESTED_MAX {
                self.too_much = true;
                return;
            }
            let Some((name, behind)) = after.split_once(';') else {
                out.push('&');
                rest = after;
                continue;
            };
            rest = behind;
            if let Some(char) = character(name) {
                out.push(char);
            } else if let Some(known) = resolve_predefined_entity(name) {
                out.push_str(known);
            } else if let Some(value) = self.entities.get(name).cloned() {
                self.expand(&value, out, depth + 1);
            }
        }
        out.push_str(rest);
    }
}

/// The character that `#60` or `#x3c` stands for.
fn character(name: &str) -> Option<char> {
    let number = name.strip_prefix('#')?;
    let code = match number.strip_prefix(['x', 'X']) {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => number.parse(),
    };
    char::from_u32(code.ok()?)
}

fn characters(value: &str) -> String {
    let mut out = String::new();
    let mut rest = value;
    while let Some(start) = rest.find("&#") {
        out.push_str(&rest[..start]);
        let found = rest[start + 1..].split_once(';').and_then(|(name, behind)| Some((character(name)?, behind)));
        match found {
            Some((char, behind)) => {
                out.push(char);
                rest = behind;
            }
            None => {
                out.push_str("&#");
                rest = &rest[start + 2..];
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(document: &str) -> Vec<String> {
        let mut tags = Vec::new();
        let end = read(document.as_bytes(), &mut |token| {
            if let Token::Start { name, attributes, .. } = token {
                let attributes: Vec<String> = attributes.iter().map(|(key, value)| format!("{key}={value}")).collect();
                tags.push([vec![name], attributes].concat().join(" "));
            }
        });
        assert_eq!(end.unwrap(), End::Read, "{document}");
        tags
    }

    #[test]
    fn entities_are_what_they_stand_for() {
        let declared = "<!DOCTYPE svg [ <!ENTITY a 'ja'> <!ENTITY b \"&a;vascript\"> <!ENTITY c '&#60;script/>'> ]>";
        assert_eq!(
            tags(&format!("{declared}<svg><a href='&b;:x()'/>&c;</svg>")),
            ["svg", "a href=javascript:x()", "script"]
        );
        let parameter = "<!DOCTYPE svg [ <!ENTITY % p '<!ENTITY q \"<script/>\">'> %p; ]><svg>&q;</svg>";
        assert_eq!(tags(parameter), ["svg", "script"]);
        let default = "<!DOCTYPE svg [ <!ATTLIST svg onload CDATA 'x()' a (b|c) #IMPLIED> ]><svg/>";
        assert_eq!(tags(default), ["svg onload=x()", "svg"]);
    }

    #[test]
    fn instructions_and_declarations_hide_nothing() {
        assert_eq!(tags("<?x > <!-- ?><svg><script/></svg>"), ["svg", "script"]);
        assert_eq!(tags("<?xml-stylesheet href='a.xsl'?><x/>"), ["link href=a.xsl", "x"]);
        assert_eq!(tags("<!DOCTYPE svg [ <!ENTITY a '> <!-- '> ]><svg><script/></svg>"), ["svg", "script"]);
        assert_eq!(tags("<svg><![CDATA[ > <!-- ]]><script/></svg>"), ["svg", "script"]);
    }

    #[test]
    fn bombs_are_told() {
        let mut bomb =
            String::from("<!DOCTYPE x [ <!ENTITY e0 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'>");
        for level in 1..8 {
            bomb.push_str(&format!("<!ENTITY e{level} '{}'>", format!("&e{};", level - 1).repeat(50)));
        }
        bomb.push_str("]><x a='&e7;'/>");
        assert_eq!(read(bomb.as_bytes(), &mut |_| {}).unwrap(), End::TooMuch);
        let circle = "<!DOCTYPE x [ <!ENTITY a '&b;'> <!ENTITY b '&a;'> ]><x>&a;</x>";
        assert_eq!(read(circle.as_bytes(), &mut |_| {}).unwrap(), End::TooMuch);
        let long = [b"<x a='".as_slice(), &vec![b'a'; EVENT_MAX + (1 << 20)], b"'/>"].concat();
        assert_eq!(read(long.as_slice(), &mut |_| {}).unwrap(), End::TooMuch);
    }
}
