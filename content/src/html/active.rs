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

/// Looks through one page. `scripts_allowed`: the nano's format has scripts (`interactive`, `quiz`).
pub fn inspect(entry: &str, document: &str, syntax: Syntax, scripts_allowed: bool, findings: &mut Findings) {
    let mut page = Page { entry, scripts_allowed, findings };
    for token in tokens(document, syntax) {
        match token {
            Token::Start { name, attributes, .. } => page.element(&name, &attributes),
            Token::Raw(style) if loads_from_outside(&style) => page.add(&finding::HTML_EXTERNAL_RESOURCE, None),
            _ => {}
        }
    }
}

/// A style sheet that fetches something from another site.
pub fn inspect_css(entry: &str, style: &str, findings: &mut Findings) {
    if loads_from_outside(style) {
        findings.add(&finding::HTML_EXTERNAL_RESOURCE, entry, 1, None);
    }
}

struct Page<'a> {
    entry: &'a str,
    scripts_allowed: bool,
    findings: &'a mut Findings,
}

impl Page<'_> {
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
                let mut inner = Vec::new();
                tokens(value, Syntax::Html).for_each(|token| {
                    if let Token::Start { name, attributes, .. } = token {
                        inner.push((name, attributes));
                    }
                });
                // One level is enough: a page inside a page inside a page is a finding anyway.
                for (name, attributes) in inner {
                    if attributes.iter().any(|(key, _)| key == "srcdoc") {
                        self.add(&finding::HTML_SCRIPT_LINK, None);
                    } else {
                        self.element(&name, &attributes);
                    }
                }
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
    let script = address.starts_with("javascript:") && !scripts_allowed || address.starts_with("vbscript:");
    let page =
        ["data:text/html", "data:application/xhtml", "data:image/svg"].iter().any(|kind| address.starts_with(kind))
            && matches!(element, "a" | "area" | "iframe" | "frame" | "object" | "embed" | "form" | "meta");
    script || page
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
        let mut findings = Findings::default();
        inspect("a.html", document, syntax, scripts_allowed, &mut findings);
        findings.into_sorted(99).0.into_iter().map(|finding| finding.rule).collect()
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
        let mut findings = Findings::default();
        let page = "<form action='https://user:pw@example.net/path?token=1'>";
        inspect("a.html", page, Syntax::Html, false, &mut findings);
        assert_eq!(findings.into_sorted(9).0[0].excerpt.as_deref(), Some("example.net"));
    }
}
