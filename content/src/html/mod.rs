//! HTML and XML, read loosely, the way a browser forgives: tags with their attributes, text between them. Never fails on
//! content, works in one pass and in bounded memory: a text or an attribute comes in pieces, whatever its length.
//!
//! html5gum reads as the WHATWG specification says, so that what a browser sees is what is scanned. Ours is what a
//! tokenizer alone cannot know: after which tags the content is not markup (section 13.2.5, "raw text" and "RCDATA"), and
//! that XML has CDATA sections and no such elements.
//!
//! In some places only a browser's tree of elements tells whether something is text or markup: in SVG, MathML and lists to
//! select from, and in `noscript`. There it is marked [`ambiguous`](Token::Text), and the scan reads it both ways.
//! [`xml`] is the strict reader beside this loose one, which knows declarations and entities.

pub mod active;
pub mod text;
pub mod xml;

use std::{convert::Infallible, io};

use html5gum::{
    Emitter, ForwardingEmitter, IoReader, Reader, Span, State, Tokenizer,
    emitters::callback::{Callback, CallbackEmitter, CallbackEvent},
};

/// How scripts, styles and CDATA sections are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// The content of `script` and `style` is not markup.
    Html,
    /// SVG, office documents, EPUB: every tag is a tag.
    Xml,
}

/// A piece of the document.
#[derive(Debug, PartialEq, Eq)]
pub enum Token {
    /// Text with entities resolved; `ambiguous` if some browser may read it as markup.
    Text { text: String, ambiguous: bool },
    /// A start tag, name in lower case; `empty` if it ends in `/>`, `cut` if not all of its attributes are kept.
    Start { name: String, attributes: Vec<(String, String)>, empty: bool, cut: bool },
    /// An end tag, name in lower case.
    End { name: String },
    /// What stands inside `script`, `style` and other elements whose content nobody sees.
    Raw { text: String, ambiguous: bool },
}

/// Attributes of one tag that are looked at, at most.
const ATTRIBUTES_MAX: usize = 200;
/// Text comes in pieces of at most about this many bytes, and comments and names beyond it are dropped.
const PIECE: usize = 256 << 10;
/// Longest value of an attribute that is kept, in bytes. Images in `data:` addresses are longer, and cut.
const VALUE_MAX: usize = 1 << 20;
/// Longest name of an element or attribute, in bytes.
const NAME_MAX: usize = 256;

/// Cuts a document in memory into tokens.
pub fn tokens(document: &str, syntax: Syntax) -> impl Iterator<Item = Token> {
    let tokenizer = Tokenizer::new_with_emitter(document, Bounded::new(syntax));
    tokenizer.filter_map(|token: Result<Token, Infallible>| token.ok())
}

/// Cuts a document that is read piece by piece into tokens.
pub fn tokens_of<R: io::Read>(source: R, syntax: Syntax) -> Tokenizer<impl Reader<Error = io::Error>, Bounded> {
    Tokenizer::new_with_emitter(IoReader::new(source), Bounded::new(syntax))
}

/// What comes after a start tag of HTML.
fn content_of(element: &str) -> Option<State> {
    match element {
        "script" => Some(State::ScriptData),
        "style" | "xmp" | "iframe" | "noembed" | "noframes" | "noscript" => Some(State::RawText),
        "title" | "textarea" => Some(State::RcData),
        "plaintext" => Some(State::PlainText),
        _ => None,
    }
}

/// An emitter that never holds more than a piece, and tells the tokenizer what comes after a tag.
pub struct Bounded {
    syntax: Syntax,
    /// Bytes of the current text, attribute value and name.
    text: usize,
    value: usize,
    name: usize,
    inner: CallbackEmitter<Builder, Token>,
}

impl Bounded {
    fn new(syntax: Syntax) -> Self {
        let builder = Builder {
            syntax,
            name: String::new(),
            attributes: Vec::new(),
            ignored: false,
            cut: false,
            raw: None,
            foreign: 0,
            select: 0,
            cdata: false,
        };
        Self { syntax, text: 0, value: 0, name: 0, inner: CallbackEmitter::new(builder) }
    }
}

impl ForwardingEmitter for Bounded {
    type Token = Token;

    fn inner(&mut self) -> &mut impl Emitter<Token = Token> {
        &mut self.inner
    }

    fn emit_string(&mut self, piece: &[u8]) {
        // Between two characters, never inside one.
        let at_character = piece.first().is_some_and(|byte| byte & 0xC0 != 0x80);
        if self.text > PIECE && at_character {
            // The beginning of a comment is what makes the text before it come out.
            self.inner.init_comment();
            self.text = 0;
        }
        self.text += piece.len();
        self.inner.emit_string(piece);
    }

    fn push_comment(&mut self, _: &[u8]) {}
    fn push_doctype_name(&mut self, _: &[u8]) {}
    fn push_doctype_public_identifier(&mut self, _: &[u8]) {}
    fn push_doctype_system_identifier(&mut self, _: &[u8]) {}

    fn init_start_tag(&mut self) {
        (self.name, self.text) = (0, 0);
        self.inner.init_start_tag();
    }

    fn init_end_tag(&mut self) {
        self.name = 0;
        self.inner.init_end_tag();
    }

    fn push_tag_name(&mut self, piece: &[u8]) {
        if self.name < NAME_MAX {
            self.inner.push_tag_name(piece);
        }
        self.name += piece.len();
    }

    fn init_attribute(&mut self) {
        (self.name, self.value) = (0, 0);
        self.inner.init_attribute();
    }

    fn push_attribute_name(&mut self, piece: &[u8]) {
        if self.name < NAME_MAX {
            self.inner.push_attribute_name(piece);
        }
        self.name += piece.len();
    }

    fn push_attribute_value(&mut self, piece: &[u8]) {
        self.value += piece.len();
        if self.value <= VALUE_MAX {
            self.inner.push_attribute_value(piece);
        } else {
            self.inner.callback_mut().value_cut();
        }
    }

    fn emit_current_tag(&mut self) -> Option<State> {
        let next = self.inner.emit_current_tag();
        self.text = 0;
        self.inner.callback_mut().raw.as_deref().map_or(next, content_of)
    }

    fn should_emit_errors(&mut self) -> bool {
        false
    }

    /// Asked where `<![CDATA[` stands.
    fn adjusted_current_node_present_but_not_in_html_namespace(&mut self) -> bool {
        let builder = self.inner.callback_mut();
        builder.cdata = self.syntax == Syntax::Html;
        self.syntax == Syntax::Xml || builder.foreign > 0
    }
}

/// Tokens from html5gum's events.
struct Builder {
    syntax: Syntax,
    /// The last start tag's.
    name: String,
    attributes: Vec<(String, String)>,
    /// The current attribute is not kept: a second one of its name, or one too many.
    ignored: bool,
    cut: bool,
    /// The element whose content is not markup, while inside.
    raw: Option<String>,
    /// Open elements in whose content the standard depends on the tree: `svg` and `math`; `select`.
    foreign: u32,
    select: u32,
    /// A CDATA section has begun since the last tag.
    cdata: bool,
}

impl Builder {
    /// The current attribute is longer than what is kept. That matters where all of it is read.
    fn value_cut(&mut self) {
        self.cut |= self.attributes.last().is_some_and(|(name, _)| matches!(name.as_str(), "srcdoc" | "style"));
    }

    fn count(&mut self, name: &str, step: i32) {
        let depth = match name {
            "svg" | "math" => &mut self.foreign,
            "select" => &mut self.select,
            _ => return,
        };
        *depth = depth.saturating_add_signed(step);
    }
}

impl Callback<Token, ()> for Builder {
    fn handle_event(&mut self, event: CallbackEvent<'_>, _: Span<()>) -> Option<Token> {
        match event {
            CallbackEvent::OpenStartTag { name } => {
                self.name = owned(name);
                self.attributes.clear();
                self.cut = false;
                None
            }
            CallbackEvent::AttributeName { name } => {
                let key = owned(name);
                let full = self.attributes.len() >= ATTRIBUTES_MAX;
                self.cut |= full;
                self.ignored = full || self.attributes.iter().any(|(known, _)| *known == key);
                if !self.ignored {
                    self.attributes.push((key, String::new()));
                }
                None
            }
            CallbackEvent::AttributeValue { value } => {
                if let Some(attribute) = self.attributes.last_mut().filter(|_| !self.ignored) {
                    attribute.1 = owned(value);
                }
                None
            }
            CallbackEvent::CloseStartTag { self_closing } => {
                let name = std::mem::take(&mut self.name);
                self.cdata = false;
                if self.syntax == Syntax::Html {
                    // In HTML, `<script/>` opens all the same; only in SVG and MathML an element can be empty.
                    if !self_closing || self.foreign == 0 {
                        self.count(&name, 1);
                    }
                    self.raw = content_of(&name).map(|_| name.clone());
                }
                let attributes = std::mem::take(&mut self.attributes);
                Some(Token::Start { name, attributes, empty: self_closing, cut: self.cut })
            }
            CallbackEvent::EndTag { name } => {
                let name = owned(name);
                (self.raw, self.cdata) = (None, false);
                self.count(&name, -1);
                Some(Token::End { name })
            }
            CallbackEvent::String { value } => {
                let text = owned(value);
                let raw = self.raw.as_deref();
                let by_tree = raw.is_some() && (self.foreign > 0 || self.select > 0);
                let ambiguous = by_tree || self.cdata || raw == Some("noscript");
                Some(match raw {
                    Some("title" | "textarea" | "xmp" | "plaintext") | None => Token::Text { text, ambiguous },
                    Some(_) => Token::Raw { text, ambiguous },
                })
            }
            CallbackEvent::Comment { .. } | CallbackEvent::Doctype { .. } | CallbackEvent::Error(_) => None,
        }
    }
}

/// Pieces end between characters, so nothing is lost where the document is UTF-8.
fn owned(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
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

    #[test]
    fn reads_what_a_browser_reads() {
        let starts = |page: &str| {
            let names = tokens(page, Syntax::Html).filter_map(|token| match token {
                Token::Start { name, .. } => Some(name),
                _ => None,
            });
            names.collect::<Vec<_>>()
        };
        assert_eq!(starts("<!-- --!><b>"), ["b"]);
        assert_eq!(starts("<script>'</scripts>'</script><b>"), ["script", "b"]);
        assert_eq!(starts("<script><!--<script></script><i></script><b>"), ["script", "b"]);
        for element in ["title", "textarea", "style", "xmp", "iframe", "noembed", "noframes", "noscript"] {
            let page = format!("<{element}><!--</{element}><b>-->");
            assert_eq!(starts(&page), [element, "b"]);
        }
        assert_eq!(starts("<plaintext></plaintext><b>"), ["plaintext"]);
        assert_eq!(text("a&middot;b &notin; ?x=1&lt=2", Syntax::Html), "a·b ∉ ?x=1<=2");
        let cdata = "<p><![CDATA[<b>&amp;]]></p>";
        assert_eq!((text(cdata, Syntax::Xml), text(cdata, Syntax::Html)), ("<b>&amp;".into(), "&]]>".into()));
    }

    fn ambiguous(page: &str) -> Vec<String> {
        tokens(page, Syntax::Html)
            .filter_map(|token| match token {
                Token::Text { text, ambiguous: true } | Token::Raw { text, ambiguous: true } => Some(text),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn what_only_the_tree_decides_is_marked() {
        assert_eq!(ambiguous("<svg><title><b></title></svg><title><i></title>"), ["<b>"]);
        assert_eq!(ambiguous("<svg><style><b></style></svg><style>p{}</style>"), ["<b>"]);
        assert_eq!(ambiguous("<select><xmp><b></xmp></select>"), ["<b>"]);
        assert_eq!(ambiguous("<math><![CDATA[<b>]]></math>x"), ["<b>"]);
        assert_eq!(ambiguous("<noscript><b></noscript>"), ["<b>"]);
        assert_eq!(ambiguous("<textarea><b></textarea><script>'<b>'</script>"), Vec::<String>::new());
    }

    #[test]
    fn long_pieces_stay_small_and_lose_nothing() {
        let long = "ä".repeat(PIECE);
        let page = format!("<p title='{}'>{long}<!--{long}--><b>", "x".repeat(2 * VALUE_MAX));
        let mut text = String::new();
        let mut names = Vec::new();
        for token in tokens_of(page.as_bytes(), Syntax::Html) {
            match token.unwrap() {
                Token::Text { text: piece, .. } => {
                    assert!(piece.len() <= PIECE + (64 << 10), "{}", piece.len());
                    text.push_str(&piece);
                }
                Token::Start { name, attributes, cut, .. } => {
                    assert!(!cut && attributes.iter().all(|(_, value)| value.len() <= VALUE_MAX));
                    names.push(name);
                }
                _ => {}
            }
        }
        assert_eq!(text, long);
        assert_eq!(names, ["p", "b"]);
        let many: String = (0..300).map(|at| format!(" a{at}=x")).collect();
        let Some(Token::Start { cut, .. }) = tokens(&format!("<p{many}>"), Syntax::Html).next() else { panic!() };
        assert!(cut);
    }
}
