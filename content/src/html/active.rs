//! Active content in HTML and SVG pages: scripts, forms, embedded and remote resources.
//!
//! Pages are served as downloads from an origin of their own under a sandboxing policy, so nothing here breaks out of
//! the browser; but a reader unpacks the nano and opens the page from the disk, where none of that holds.

use crate::{
    html::{Syntax, Token, tokens},
    scan::{
        finding::{self, Findings, Rule},
        links,
    },
};

/// Pages inside pages (`srcdoc`) are read this deep; more of them is a finding by itself.
const NESTED_MAX: u8 = 2;
/// What may be markup or text comes in pieces; this much of one, in bytes, is read again with the next.
const OVERLAP: usize = 4 << 10;

/// One page on the way, token by token. `scripts_allowed`: the nano's format has scripts (`interactive`, `quiz`).
#[derive(Debug)]
pub struct Page<'a> {
    entry: &'a str,
    scripts_allowed: bool,
    depth: u8,
    /// The end of the last piece of a style, and of a text that may be markup.
    style: String,
    ambiguous: String,
    findings: Findings,
}

impl<'a> Page<'a> {
    pub fn new(entry: &'a str, scripts_allowed: bool) -> Self {
        let (style, ambiguous) = (String::new(), String::new());
        Self { entry, scripts_allowed, depth: 0, style, ambiguous, findings: Findings::default() }
    }

    /// What was found.
    pub fn findings(self) -> Findings {
        self.findings
    }

    pub fn token(&mut self, token: &Token) {
        match token {
            Token::Start { name, attributes, cut, .. } => {
                if *cut {
                    self.add(&finding::NOT_FULLY_SCANNED, None);
                }
                self.element(name, attributes);
            }
            Token::End { .. } => {
                self.style.clear();
                self.ambiguous.clear();
            }
            Token::Raw { text, ambiguous } => {
                let style = joined(&mut self.style, text);
                if loads_from_outside(&style) {
                    self.add(&finding::HTML_EXTERNAL_RESOURCE, None);
                }
                if *ambiguous {
                    self.maybe_markup(text);
                }
            }
            Token::Text { text, ambiguous: true } => self.maybe_markup(text),
            Token::Text { .. } => {}
        }
    }

    /// Reads as markup what some browsers take for text.
    fn maybe_markup(&mut self, text: &str) {
        let markup = joined(&mut self.ambiguous, text);
        if markup.contains('<') {
            self.inside(&markup);
        }
    }

    fn inside(&mut self, page: &str) {
        if self.depth == NESTED_MAX {
            self.add(&finding::HTML_SCRIPT_LINK, None);
            return;
        }
        let mut inner = Page { depth: self.depth + 1, ..Page::new(self.entry, self.scripts_allowed) };
        tokens(page, Syntax::Html).for_each(|token| inner.token(&token));
        self.findings.absorb(inner.findings);
    }

    fn add(&mut self, rule: &Rule, excerpt: Option<String>) {
        self.findings.add(rule, self.entry, 1, excerpt);
    }

    fn add_site(&mut self, rule: &Rule, address: &str) {
        self.add(rule, links::host(address));
    }

    fn element(&mut self, name: &str, attributes: &[(String, String)]) {
        let value =
            |key: &str| attributes.iter().find(|(known, _)| known == key).map_or("", |(_, value)| value.as_str());
        // `svg:script` and the like are the same element.
        let name = name.rsplit(':').next().unwrap_or(name);
        let source = ["src", "data", "href", "xlink:href"].into_iter().map(value).find(|it| !it.is_empty());
        let source = source.unwrap_or("");
        match name {
            "script" => self.script(value("type"), source),
            "iframe" | "frame" | "object" | "embed" | "portal" | "foreignobject" if is_outside(source) => {
                self.add_site(&finding::HTML_EXTERNAL_FRAME, source);
            }
            "form" if is_outside(value("action")) => self.add_site(&finding::HTML_EXTERNAL_FORM, value("action")),
            "form" => self.add(&finding::HTML_FORM, None),
            "button" | "input" if is_outside(value("formaction")) => {
                self.add_site(&finding::HTML_EXTERNAL_FORM, value("formaction"));
            }
            "input" if value("type").trim().eq_ignore_ascii_case("password") => {
                self.add(&finding::HTML_PASSWORD_FIELD, None);
            }
            "meta" if value("http-equiv").trim().eq_ignore_ascii_case("refresh") => {
                let target = value("content").split_once('=').map_or("", |(_, target)| target);
                self.add_site(&finding::HTML_REFRESH, target.trim_matches([' ', '\'', '"']));
            }
            "base" if is_outside(value("href")) => self.add_site(&finding::HTML_BASE, value("href")),
            "img" | "image" | "audio" | "video" | "source" | "track" | "link" | "use" | "input" | "body" => {
                let outside = [source, value("srcset"), value("poster"), value("background")]
                    .into_iter()
                    .find(|address| is_outside(address));
                if let Some(address) = outside {
                    self.add_site(&finding::HTML_EXTERNAL_RESOURCE, address);
                }
            }
            _ => {}
        }
        for (key, value) in attributes {
            let is_handler = key.starts_with("on") && key.len() > 3 && !value.trim().is_empty();
            if is_handler && !self.scripts_allowed {
                self.add(&finding::HTML_SCRIPT, None);
            }
            if key == "style" && loads_from_outside(value) {
                self.add(&finding::HTML_EXTERNAL_RESOURCE, None);
            }
            if runs_something(name, key, value, self.scripts_allowed) {
                self.add(&finding::HTML_SCRIPT_LINK, None);
            }
            if key == "srcdoc" {
                self.inside(value);
            }
        }
    }

    fn script(&mut self, kind: &str, source: &str) {
        let kind = kind.trim().to_ascii_lowercase();
        // Data blocks and templates do not run.
        let runs = kind.is_empty() || kind == "module" || kind.contains("javascript") || kind.contains("ecmascript");
        if is_outside(source) {
            self.add_site(&finding::HTML_EXTERNAL_SCRIPT, source);
        } else if runs && !self.scripts_allowed {
            self.add(&finding::HTML_SCRIPT, None);
        }
    }
}

/// An address of another site: with a scheme of the web, or `//host`.
fn is_outside(address: &str) -> bool {
    let address = plain(address);
    ["http:", "https:", "//", "\\\\", "/\\", "ftp:", "ws:", "wss:"].iter().any(|start| address.starts_with(start))
}

/// As browsers read addresses: without white space in front and control characters inside, in lower case.
fn plain(address: &str) -> String {
    address.trim().chars().filter(|c| !c.is_control()).take(64).collect::<String>().to_ascii_lowercase()
}

/// `javascript:` and `vbscript:` in any attribute that takes an address; whole pages in `data:` addresses where they
/// would be shown.
fn runs_something(element: &str, key: &str, value: &str, scripts_allowed: bool) -> bool {
    let takes_address = matches!(
        key,
        "href" | "src" | "action" | "formaction" | "data" | "xlink:href" | "from" | "to" | "values" | "content"
    );
    if !takes_address {
        return false;
    }
    let address = plain(value);
    let address =
        if key == "content" { address.split_once("url=").map_or("", |(_, target)| target).to_owned() } else { address };
    // An animation sets several values, one after the other.
    let is_script =
        |address: &str| address.starts_with("javascript:") && !scripts_allowed || address.starts_with("vbscript:");
    let script = is_script(&address) || key == "values" && value.split(';').any(|value| is_script(&plain(value)));
    let page =
        ["data:text/html", "data:application/xhtml", "data:image/svg"].iter().any(|kind| address.starts_with(kind))
            && matches!(element, "a" | "area" | "iframe" | "frame" | "object" | "embed" | "form" | "meta");
    script || page
}

/// A piece behind the end of the one before, of which the end is kept for the next.
fn joined(kept: &mut String, piece: &str) -> String {
    let text = std::mem::take(kept) + piece;
    let start = text.ceil_char_boundary(text.len().saturating_sub(OVERLAP));
    kept.push_str(&text[start..]);
    text
}

/// A style sheet that fetches something from another site.
pub fn inspect_css(entry: &str, style: &str, findings: &mut Findings) {
    if loads_from_outside(style) {
        findings.add(&finding::HTML_EXTERNAL_RESOURCE, entry, 1, None);
    }
}

/// `url(…)` or `@import` of another site.
fn loads_from_outside(style: &str) -> bool {
    let style = style.to_ascii_lowercase();
    ["url(", "@import", "image-set("].iter().any(|function| {
        style.match_indices(function).any(|(at, _)| {
            let argument = &style[at + function.len()..];
            is_outside(argument.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '(' | '"' | '\'')))
                || function == &"@import" && {
                    let argument = argument.trim_start();
                    argument.strip_prefix("url(").is_some_and(|it| is_outside(it.trim_start_matches(['"', '\''])))
                }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(document: &str, syntax: Syntax, scripts_allowed: bool) -> Vec<String> {
        found(document, syntax, scripts_allowed).into_sorted(99).0.into_iter().map(|finding| finding.rule).collect()
    }

    fn found(document: &str, syntax: Syntax, scripts_allowed: bool) -> Findings {
        let mut page = Page::new("a.html", scripts_allowed);
        tokens(document, syntax).for_each(|token| page.token(&token));
        page.findings()
    }

    fn html(document: &str) -> Vec<String> {
        rules(document, Syntax::Html, false)
    }

    #[test]
    fn a_plain_page_has_no_findings() {
        let page = "<!doctype html><html lang=de><meta charset=utf-8><link rel=stylesheet href=style.css>\
            <script type='application/ld+json'>{}</script><h1>Igel</h1><img src=bilder/igel.jpg alt=Igel>\
            <a href=https://de.wikipedia.org/wiki/Igel>mehr</a><p on=x style='background:url(bild.png)'>";
        assert_eq!(html(page), Vec::<String>::new());
    }

    #[test]
    fn scripts_depend_on_the_format() {
        for page in
            ["<script>x()</script>", "<script src=a.js></script>", "<p onclick='x()'>", "<svg:script>x</svg:script>"]
        {
            assert_eq!(html(page), ["html_script"], "{page}");
            assert_eq!(rules(page, Syntax::Html, true), Vec::<String>::new(), "{page}");
        }
        let outside = "<script src='//cdn.example.net/x.js'></script>";
        assert_eq!(rules(outside, Syntax::Html, true), ["html_external_script"]);
        assert_eq!(rules("<svg onload='x()'/>", Syntax::Xml, false), ["html_script"]);
    }

    #[test]
    fn sites_inside_and_forms() {
        for (page, rule) in [
            ("<iframe src='https://example.net'>", "html_external_frame"),
            ("<object data=' HTTPS://example.net'>", "html_external_frame"),
            ("<form action='https://example.net/x'>", "html_external_form"),
            ("<button formaction='//example.net'>", "html_external_form"),
            ("<form action=''>", "html_form"),
            ("<input type=PASSWORD>", "html_password_field"),
            ("<meta http-equiv=Refresh content='0; url=https://example.net'>", "html_refresh"),
            ("<base href='https://example.net/'>", "html_base"),
            ("<img src='https://example.net/pixel.gif'>", "html_external_resource"),
            ("<link rel=stylesheet href='https://fonts.example.net/x'>", "html_external_resource"),
            ("<style>@import 'https://example.net/x.css'</style>", "html_external_resource"),
            ("<p style='background: url( \"https://example.net/x.png\")'>", "html_external_resource"),
            ("<a href='java\tscript:x()'>", "html_script_link"),
            ("<a href='&#106;avascript&colon;x()'>", "html_script_link"),
            ("<iframe src='data:text/html,<script>x</script>'>", "html_script_link"),
            ("<iframe srcdoc=\"&lt;script src='https://example.net'>&lt;/script>\">", "html_external_script"),
        ] {
            assert_eq!(html(page), [rule], "{page}");
        }
    }

    #[test]
    fn names_the_site_only() {
        let findings = found("<form action='https://user:pw@example.net/path?token=1'>", Syntax::Html, false);
        assert_eq!(findings.into_sorted(9).0[0].excerpt.as_deref(), Some("example.net"));
    }

    #[test]
    fn nothing_hides_behind_text_that_ends_early() {
        for element in ["title", "textarea", "style", "xmp", "iframe", "noembed", "noframes", "noscript"] {
            assert_eq!(
                html(&format!("<{element}><!--</{element}><script>x()</script>-->")),
                ["html_script"],
                "{element}"
            );
        }
        for page in [
            "<!-- --!><script>x()</script> -->",
            "<svg><style><img src=x onerror=x()></style></svg>",
            "<svg><title><!--</title><script>x()</script>",
            "<svg><desc/><![CDATA[ > <!-- ]]><script>x()</script>",
            "<svg><p><![CDATA[ > <script>x()</script> ]]>",
            "<select><xmp><script>x()</script></xmp></select>",
            "<noscript><p title='</noscript><script>x()</script>'>",
            "<animate attributeName=href values='a;javascript:x()'><p onclick=x()>",
        ] {
            assert!(html(page).contains(&"html_script".to_owned()), "{page}: {:?}", html(page));
        }
        for lesson in [
            "<textarea><script>x()</script></textarea>",
            "<title>Was tut <script>?</title>",
            "<xmp><p onclick='x()'></xmp>",
            "<svg><title>Ein Igel</title><text>a &lt; b</text></svg>",
            "<style>p > b { color: red }</style>",
        ] {
            assert_eq!(html(lesson), Vec::<String>::new(), "{lesson}");
        }
    }
}
