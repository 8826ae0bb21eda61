//! A plain site: `index.html` at the top, described by its own head.

use html5gum::{Spanned, Token, Tokenizer, emitters::default::DefaultEmitter};

use crate::packages::{
    bounds::{DESCRIPTION_CHARS, PAGE_BYTES, TITLE_CHARS},
    package::{Package, PackageKind},
    search::Search,
    words::{cleaned, language, licence},
};

const START_PAGES: [&str; 2] = ["index.html", "index.htm"];

/// Reads a site, if there is one.
pub(crate) fn read(search: &mut Search<'_>) -> Option<Package> {
    let page = START_PAGES.iter().map(|name| format!("{}{name}", search.root)).find(|name| search.files.has(name))?;
    let mut package = Package { start_page: Some(page.clone()), ..Package::new(PackageKind::Site) };
    if let Some(bytes) = search.content(&page, PAGE_BYTES) {
        describe(&mut package, &String::from_utf8_lossy(&bytes));
    }
    Some(package)
}

/// The language, the title and what the head says of them; nothing behind the head is looked at.
fn describe(package: &mut Package, page: &str) {
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    let mut title: Option<String> = None;
    let mut in_title = false;
    for token in Tokenizer::new_with_emitter(page, emitter) {
        let Ok(token) = token;
        match token {
            Token::StartTag(tag) => {
                let attribute = |name: &[u8]| {
                    tag.attributes.iter().find(|(key, _)| key.as_slice() == name).map(|(_, value)| lossy(value))
                };
                match tag.name.as_slice() {
                    b"html" => package.language = attribute(b"lang").and_then(|tag| language(&tag)),
                    b"title" if title.is_none() => in_title = true,
                    b"meta" => {
                        let name = attribute(b"name").unwrap_or_default().to_ascii_lowercase();
                        let content = attribute(b"content").unwrap_or_default();
                        match name.as_str() {
                            "description" | "dcterms.description" if package.description.is_none() => {
                                package.description = cleaned(&content, DESCRIPTION_CHARS);
                            }
                            "dcterms.license" | "dc.rights" | "license" if package.licence.is_none() => {
                                package.licence = licence(&content);
                            }
                            _ => {}
                        }
                    }
                    b"link" if attribute(b"rel").is_some_and(|rel| rel.trim().eq_ignore_ascii_case("license")) => {
                        package.licence = attribute(b"href").and_then(|href| licence(&href));
                    }
                    b"body" => break,
                    _ => {}
                }
            }
            Token::String(text) if in_title => {
                title.get_or_insert_default().push_str(&String::from_utf8_lossy(&text));
            }
            Token::EndTag(tag) => match tag.name.as_slice() {
                b"title" => in_title = false,
                b"head" => break,
                _ => {}
            },
            _ => {}
        }
    }
    package.title = title.and_then(|title| cleaned(&title, TITLE_CHARS));
}

fn lossy<S: html5gum::SpanBound>(value: &Spanned<html5gum::HtmlString, S>) -> String {
    String::from_utf8_lossy(value).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_describes_the_page() {
        let mut package = Package::new(PackageKind::Site);
        describe(
            &mut package,
            "<!DOCTYPE html><HTML lang='de-at'><head><title>Kräuter &amp; <b>Gewürze</b></title>\
             <meta name=Description content='Ein Kurs'><link rel=license href='https://creativecommons.org/licenses/by/4.0/'>\
             </head><body><title>Nicht</title><meta name=description content=nicht>",
        );
        assert_eq!(package.title.as_deref(), Some("Kräuter & <b>Gewürze</b>"));
        assert_eq!(package.language.as_deref(), Some("de-AT"));
        assert_eq!(package.description.as_deref(), Some("Ein Kurs"));
        assert_eq!(package.licence.as_deref(), Some("https://creativecommons.org/licenses/by/4.0/"));
    }
}
