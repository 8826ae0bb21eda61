//! HTML and XML, read loosely, the way a browser forgives: tags with their attributes, text between them. Never fails,
//! works in one pass.
//!
//! html5gum reads as the WHATWG specification says, so that what a browser sees is what is scanned. Ours is what a
//! tokenizer alone cannot know: where scripts and styles begin, and that XML has CDATA sections and no such elements.

pub mod active;
pub mod text;

use html5gum::{
    Emitter, ForwardingEmitter, Span, State, Tokenizer,
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
    /// Text with entities resolved.
    Text(String),
    /// A start tag, name in lower case; `empty` if it ends in `/>`.
    Start { name: String, attributes: Vec<(String, String)>, empty: bool },
    /// An end tag, name in lower case.
    End { name: String },
    /// What stands inside `script` or `style`.
    Raw(String),
}

/// Attributes of one tag that are looked at, at most.
const ATTRIBUTES_MAX: usize = 200;

/// Cuts a document into tokens.
pub fn tokens(document: &str, syntax: Syntax) -> impl Iterator<Item = Token> {
    let builder = Builder { syntax, name: String::new(), attributes: Vec::new(), ignored: false, raw: false };
    let tokenizer = Tokenizer::new_with_emitter(document, Switch { syntax, inner: CallbackEmitter::new(builder) });
    // Text in memory can always be read.
    tokenizer.filter_map(Result::ok)
}

/// What comes after a tag: in HTML the content of scripts and styles, which is not markup.
struct Switch {
    syntax: Syntax,
    inner: CallbackEmitter<Builder, Token>,
}

impl ForwardingEmitter for Switch {
    type Token = Token;

    fn inner(&mut self) -> &mut impl Emitter<Token = Token> {
        &mut self.inner
    }

    fn emit_current_tag(&mut self) -> Option<State> {
        let next = self.inner.emit_current_tag();
        let builder = self.inner.callback_mut();
        match builder.name.as_str() {
            "script" if builder.raw => Some(State::ScriptData),
            "style" if builder.raw => Some(State::RawText),
            _ => next,
        }
    }

    fn should_emit_errors(&mut self) -> bool {
        false
    }

    fn adjusted_current_node_present_but_not_in_html_namespace(&mut self) -> bool {
        self.syntax == Syntax::Xml
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
    /// Inside `script` or `style`.
    raw: bool,
}

impl Callback<Token, ()> for Builder {
    fn handle_event(&mut self, event: CallbackEvent<'_>, _: Span<()>) -> Option<Token> {
        match event {
            CallbackEvent::OpenStartTag { name } => {
                self.name = owned(name);
                self.attributes.clear();
                None
            }
            CallbackEvent::AttributeName { name } => {
                let key = owned(name);
                self.ignored =
                    self.attributes.len() >= ATTRIBUTES_MAX || self.attributes.iter().any(|(known, _)| *known == key);
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
                // In HTML, `<script/>` opens all the same.
                self.raw = self.syntax == Syntax::Html && matches!(self.name.as_str(), "script" | "style");
                let attributes = std::mem::take(&mut self.attributes);
                Some(Token::Start { name: self.name.clone(), attributes, empty: self_closing })
            }
            CallbackEvent::EndTag { name } => {
                self.raw = false;
                Some(Token::End { name: owned(name) })
            }
            CallbackEvent::String { value } => {
                Some(if self.raw { Token::Raw(owned(value)) } else { Token::Text(owned(value)) })
            }
            CallbackEvent::Comment { .. } | CallbackEvent::Doctype { .. } | CallbackEvent::Error(_) => None,
        }
    }
}

/// The document is UTF-8 and cut at ASCII characters only, so nothing is lost.
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
        assert_eq!(text("a&middot;b &notin; ?x=1&lt=2", Syntax::Html), "a·b ∉ ?x=1<=2");
        let cdata = "<p><![CDATA[<b>&amp;]]></p>";
        assert_eq!((text(cdata, Syntax::Xml), text(cdata, Syntax::Html)), ("<b>&amp;".into(), "&]]>".into()));
    }
}
