//! The visible text of a page, and the addresses of its links.

use crate::{
    html::{Syntax, Token, tokens},
    scan::pieces::Pieces,
};

/// Elements that begin a new line of text. Office formats: paragraphs, rows, breaks.
const BLOCKS: [&str; 38] = [
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "br",
    "caption",
    "dd",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "header",
    "hr",
    "html",
    "li",
    "main",
    "nav",
    "ol",
    "option",
    "p",
    "pre",
    "section",
    "table",
    "title",
    "tr",
    "ul",
];
const OFFICE_BLOCKS: [&str; 10] =
    ["w:p", "w:br", "a:p", "a:br", "si", "text:p", "text:h", "text:line-break", "table:table-row", "text"];

/// The visible text: blocks on lines of their own, white space collapsed, images by their `alt`.
pub fn text(document: &str, syntax: Syntax) -> String {
    let mut visible = Visible::new(syntax);
    tokens(document, syntax).for_each(|token| visible.token(&token));
    let mut text = visible.pieces.text;
    text.truncate(text.trim_end().len());
    text
}

/// What of a page is seen, token by token.
#[derive(Debug)]
pub struct Visible {
    pub pieces: Pieces,
    syntax: Syntax,
    /// Open elements whose content is not shown.
    hidden: u32,
}

impl Visible {
    pub fn new(syntax: Syntax) -> Self {
        Self { pieces: Pieces::default(), syntax, hidden: 0 }
    }

    pub fn token(&mut self, token: &Token) {
        match token {
            Token::Text { text, .. } if self.hidden == 0 => push_collapsed(&mut self.pieces.text, text),
            Token::Start { name, attributes, empty, .. } => {
                self.hidden += u32::from(!empty && is_hidden(name, self.syntax));
                if is_block(name) {
                    break_line(&mut self.pieces.text);
                } else if matches!(name.as_str(), "td" | "th" | "w:tab" | "text:tab" | "text:s") {
                    push_collapsed(&mut self.pieces.text, " ");
                }
                for (key, value) in attributes {
                    if matches!(key.as_str(), "alt" | "aria-label") {
                        push_collapsed(&mut self.pieces.text, &format!(" {value} "));
                    }
                }
            }
            Token::End { name } => {
                self.hidden = self.hidden.saturating_sub(u32::from(is_hidden(name, self.syntax)));
                if is_block(name) {
                    break_line(&mut self.pieces.text);
                }
            }
            Token::Text { .. } | Token::Raw { .. } => {}
        }
    }
}

/// The addresses in a tag's attributes: links, sources, targets of forms.
pub fn addresses(token: &Token) -> impl Iterator<Item = &str> {
    let attributes = match token {
        Token::Start { attributes, .. } => attributes.as_slice(),
        _ => &[],
    };
    attributes.iter().filter(|(key, _)| is_address(key)).map(|(_, value)| value.as_str())
}

fn is_address(key: &str) -> bool {
    matches!(key, "href" | "src" | "action" | "formaction" | "xlink:href" | "data" | "poster")
}

fn is_block(name: &str) -> bool {
    BLOCKS.binary_search(&name).is_ok() || OFFICE_BLOCKS.contains(&name)
}

/// SVG and XHTML carry scripts and styles as plain elements.
fn is_hidden(name: &str, syntax: Syntax) -> bool {
    syntax == Syntax::Xml && matches!(name, "script" | "style")
}

fn break_line(text: &mut String) {
    text.truncate(text.trim_end_matches(' ').len());
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
}

fn push_collapsed(text: &mut String, piece: &str) {
    for char in piece.chars() {
        if !char.is_whitespace() {
            text.push(char);
        } else if !text.is_empty() && !text.ends_with([' ', '\n']) {
            text.push(' ');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_what_a_reader_sees() {
        let page = "<!doctype html><html><head><title>Über&nbsp;Igel</title><style>p{color:red}</style></head>\
            <body><h1>Igel</h1><p>Der <b>Igel</b>\n  ist&#32;nacht&shy;aktiv.<br>Ja.</p><!-- no --><script>var x = '<p>no</p>';</script>\
            <table><tr><td>a</td><td>b</td></tr></table><img src=x alt='Ein Igel'> 1 < 2 &amp; 3</body></html>";
        let lines = "Über Igel\nIgel\nDer Igel ist nacht\u{ad}aktiv.\nJa.\na b\nEin Igel 1 < 2 & 3";
        assert_eq!(text(page, Syntax::Html), lines);
    }

    #[test]
    fn office_runs_are_one_word() {
        let document = "<w:p><w:r><w:t>Hal</w:t></w:r><w:r><w:t>lo</w:t></w:r></w:p><w:p><w:t>Welt</w:t></w:p>";
        assert_eq!(text(document, Syntax::Xml), "Hallo\nWelt");
    }

    #[test]
    fn lists_are_sorted() {
        assert!(BLOCKS.is_sorted());
    }
}
