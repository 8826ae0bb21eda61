//! Reading HTML and XML loosely, the way a browser forgives: tags with their attributes, text between them. Never
//! fails, works in one pass, and looks at no byte twice for long.

pub mod active;
pub mod text;

use std::borrow::Cow;

/// How strictly names and scripts are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// Names in lower case; the content of `script` and `style` is not markup.
    Html,
    /// SVG, office documents, EPUB: every tag is a tag.
    Xml,
}

/// A piece of the document.
#[derive(Debug, PartialEq, Eq)]
pub enum Token<'a> {
    /// Text with entities resolved.
    Text(Cow<'a, str>),
    /// A start tag, name in lower case; `empty` if it ends in `/>`.
    Start { name: String, attributes: Vec<(String, String)>, empty: bool },
    /// An end tag, name in lower case.
    End { name: String },
    /// What stands inside `script` or `style`.
    Raw(&'a str),
}

/// Attributes of one tag that are looked at, at most.
const ATTRIBUTES_MAX: usize = 200;

/// Cuts a document into tokens.
pub fn tokens(document: &str, syntax: Syntax) -> Tokens<'_> {
    Tokens { rest: document, syntax, raw: None }
}

pub struct Tokens<'a> {
    rest: &'a str,
    syntax: Syntax,
    /// The element whose content is not markup.
    raw: Option<&'static str>,
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            if self.rest.is_empty() {
                return None;
            }
            if let Some(element) = self.raw.take() {
                let end = find_end(self.rest, element);
                let (content, rest) = self.rest.split_at(end);
                self.rest = rest;
                if !content.is_empty() {
                    return Some(Token::Raw(content));
                }
                continue;
            }
            let Some(after) = self.rest.strip_prefix('<') else {
                let end = self.rest.find('<').unwrap_or(self.rest.len());
                return Some(self.text(end));
            };
            match after.as_bytes() {
                [b'!', b'-', b'-', ..] => {
                    // "<!-->" is an empty comment.
                    let end = after[1..].find("-->").map_or(after.len(), |end| end + 4);
                    self.rest = &after[end.min(after.len())..];
                }
                [b'!', b'[', b'C', b'D', b'A', b'T', b'A', b'[', ..] if self.syntax == Syntax::Xml => {
                    let end = after.find("]]>").unwrap_or(after.len());
                    let text = &after[8.min(end)..end];
                    self.rest = after.get(end + 3..).unwrap_or("");
                    return Some(Token::Text(Cow::Borrowed(text)));
                }
                [b'!' | b'?', ..] => self.rest = after.find('>').map_or("", |end| &after[end + 1..]),
                [b'/', letter, ..] if letter.is_ascii_alphabetic() => {
                    let end = after.find('>').unwrap_or(after.len());
                    let name = tag_name(&after[1..end]).to_ascii_lowercase();
                    self.rest = after.get(end + 1..).unwrap_or("");
                    return Some(Token::End { name });
                }
                [letter, ..] if letter.is_ascii_alphabetic() => return Some(self.start(after)),
                _ => {
                    let end = self.rest[1..].find('<').map_or(self.rest.len(), |end| end + 1);
                    return Some(self.text(end));
                }
            }
        }
    }
}

impl<'a> Tokens<'a> {
    fn text(&mut self, end: usize) -> Token<'a> {
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        Token::Text(resolve(text))
    }

    fn start(&mut self, after: &'a str) -> Token<'a> {
        let name = tag_name(after);
        let mut rest = &after[name.len()..];
        let name = name.to_ascii_lowercase();
        let mut attributes: Vec<(String, String)> = Vec::new();
        let mut empty = false;
        while !rest.is_empty() {
            let trimmed = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
            empty = rest[..rest.len() - trimmed.len()].ends_with('/');
            rest = trimmed;
            if let Some(after) = rest.strip_prefix('>') {
                rest = after;
                break;
            }
            if rest.is_empty() {
                break;
            }
            // A name may begin with '=', so that this always gets on.
            let end = rest
                .char_indices()
                .skip(1)
                .find(|(_, c)| c.is_whitespace() || matches!(c, '/' | '>' | '='))
                .map_or(rest.len(), |(at, _)| at);
            let (key, after) = rest.split_at(end);
            rest = after;
            let mut value = "";
            if let Some(after) = rest.trim_start().strip_prefix('=') {
                (value, rest) = attribute_value(after.trim_start());
            }
            let key = key.to_ascii_lowercase();
            if attributes.len() < ATTRIBUTES_MAX && attributes.iter().all(|(known, _)| *known != key) {
                attributes.push((key, resolve(value).into_owned()));
            }
        }
        self.rest = rest;
        // In HTML, `<script/>` opens all the same.
        if self.syntax == Syntax::Html {
            self.raw = ["script", "style"].into_iter().find(|element| *element == name);
        }
        Token::Start { name, attributes, empty }
    }
}

fn attribute_value(text: &str) -> (&str, &str) {
    for quote in ['"', '\''] {
        if let Some(inner) = text.strip_prefix(quote) {
            return match inner.find(quote) {
                Some(end) => (&inner[..end], &inner[end + 1..]),
                None => (inner, ""),
            };
        }
    }
    let end = text.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(text.len());
    text.split_at(end)
}

fn tag_name(text: &str) -> &str {
    let end = text.find(|c: char| c.is_whitespace() || matches!(c, '/' | '>')).unwrap_or(text.len());
    &text[..end]
}

/// Where `</element` begins, or the end.
fn find_end(text: &str, element: &str) -> usize {
    let bytes = text.as_bytes();
    memchr::memmem::find_iter(bytes, b"</")
        .find(|at| {
            bytes.get(at + 2..at + 2 + element.len()).is_some_and(|name| name.eq_ignore_ascii_case(element.as_bytes()))
        })
        .unwrap_or(text.len())
}

/// Resolves the entities that occur in practice, and those that hide something in links.
pub fn resolve(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut resolved = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        resolved.push_str(&rest[..at]);
        rest = &rest[at..];
        match entity(rest) {
            Some((char, length)) => {
                resolved.push(char);
                rest = &rest[length..];
            }
            None => {
                resolved.push('&');
                rest = &rest[1..];
            }
        }
    }
    resolved.push_str(rest);
    Cow::Owned(resolved)
}

/// The character and the length of the entity at the start of the text.
fn entity(text: &str) -> Option<(char, usize)> {
    let body = text.strip_prefix('&')?;
    if let Some(number) = body.strip_prefix('#') {
        let (digits, radix, prefix) = match number.strip_prefix(['x', 'X']) {
            Some(digits) => (digits, 16, 3),
            None => (number, 10, 2),
        };
        let length = digits.bytes().take(8).take_while(|digit| (*digit as char).is_digit(radix)).count();
        let char = char::from_u32(u32::from_str_radix(&digits[..length], radix).ok()?)?;
        let semicolon = usize::from(digits[length..].starts_with(';'));
        return Some((char, prefix + length + semicolon));
    }
    let length = body.bytes().take(10).take_while(u8::is_ascii_alphanumeric).count();
    let char = match &body[..length] {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{a0}',
        "shy" => '\u{ad}',
        "auml" => 'ä',
        "ouml" => 'ö',
        "uuml" => 'ü',
        "Auml" => 'Ä',
        "Ouml" => 'Ö',
        "Uuml" => 'Ü',
        "szlig" => 'ß',
        "eacute" => 'é',
        "egrave" => 'è',
        "agrave" => 'à',
        "euro" => '€',
        "ndash" => '–',
        "mdash" => '—',
        "hellip" => '…',
        "bdquo" => '„',
        "ldquo" => '“',
        "rdquo" => '”',
        "lsquo" => '‘',
        "rsquo" => '’',
        "commat" => '@',
        "period" => '.',
        "colon" => ':',
        "sol" => '/',
        "Tab" => '\t',
        "NewLine" => '\n',
        "lpar" => '(',
        "rpar" => ')',
        _ => return None,
    };
    let semicolon = usize::from(body[length..].starts_with(';'));
    Some((char, 1 + length + semicolon))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::text::text;

    #[test]
    fn attributes_in_all_their_forms() {
        let page = "<A HREF=java&#115;cript&colon;x  data-a='1 > 2' checked B=\"q\" href=second / >";
        let Some(Token::Start { name, attributes, .. }) = tokens(page, Syntax::Html).next() else { panic!() };
        let attributes: Vec<(&str, &str)> = attributes.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(name, "a");
        assert_eq!(attributes, [("href", "javascript:x"), ("data-a", "1 > 2"), ("checked", ""), ("b", "q")]);
    }

    #[test]
    fn survives_anything() {
        let broken = [
            "<",
            "</",
            "<a",
            "<a b",
            "<a b=",
            "<a b='",
            "<!--",
            "<!-->x",
            "<!",
            "<?",
            "</a",
            "<script>",
            "<=>",
            "<a =x>",
            "&",
            "&#",
            "&#x",
            "&#xFFFFFFFF;",
            "&zzz;",
            "<![CDATA[",
            "<style></STYLE",
            "<a/ä=ö>",
            "<!--->",
        ];
        for document in broken {
            for syntax in [Syntax::Html, Syntax::Xml] {
                tokens(document, syntax).for_each(drop);
                text(document, syntax);
            }
        }
        assert_eq!(text("<!-->x", Syntax::Html), "x");
        assert_eq!(text("<script>a</script >b", Syntax::Html), "b");
        assert_eq!(text("<svg><style/><text>a</text><style>b</style></svg>", Syntax::Xml), "a");
    }
}
