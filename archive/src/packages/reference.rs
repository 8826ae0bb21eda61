//! References from a manifest to a file: where they lead, in whatever spelling.
//!
//! They are URI references (RFC 3986), joined with every `xml:base` around them, and read as browsers do: white space
//! at the ends is dropped, `\` separates folders too. A reference that leaves the package in any reading that some
//! program might have (decoded once more, with full-width dots, with path parameters) is outside.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

use crate::packages::{
    bounds::{BASE_BYTES, QUERY_CHARS, REFERENCE_CHARS},
    files::Files,
    words::cleaned,
};

/// A file of the archive, and what is passed to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// The entry's name.
    pub entry: String,
    pub query: Option<String>,
    pub fragment: Option<String>,
}

/// Where a reference leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reference {
    Found(Target),
    /// To an entry that is not there; its name.
    Missing(String),
    /// To a folder of the archive.
    Folder(String),
    /// Above the package's folder, or to an absolute path.
    Outside,
    /// To another address, or to a script or data in the reference itself.
    Remote,
    /// Nowhere: empty, or a fragment only.
    Empty,
}

/// The folder that references start from, below the package's: empty, or with its `/`.
pub(crate) type Base = Result<String, Reference>;

/// The base within another one, by an `xml:base`. Worked out once for all references that share it.
pub(crate) fn within(outer: &Base, part: Option<&str>) -> Base {
    let outer = outer.as_ref().map_err(Clone::clone)?;
    let Some(part) = part else {
        return Ok(outer.clone());
    };
    let path = joined(outer, part)?;
    if path.len() > BASE_BYTES {
        return Err(Reference::Outside);
    }
    // A base is a folder; some programs leave out its last slash.
    Ok(if path.is_empty() || path.ends_with('/') { path } else { path + "/" })
}

/// Follows `href` from `base` in the folder `root` (empty, or with its `/`).
pub(crate) fn resolve(files: &Files<'_>, root: &str, base: &Base, href: &str) -> Reference {
    let base = match base {
        Ok(base) => base,
        Err(reference) => return reference.clone(),
    };
    let href = trimmed(href);
    let (rest, fragment) = divided(href, '#');
    let (path, query) = divided(rest, '?');
    // Before the test for emptiness: a script has neither of them.
    let path = match joined(base, path) {
        Ok(_) if path.is_empty() => return Reference::Empty,
        Ok(path) => path,
        Err(reference) => return reference,
    };
    let kept = |part: Option<&str>| part.and_then(|part| cleaned(part, QUERY_CHARS));
    let decoded = decoded(&path).unwrap_or(Cow::Borrowed(&path));
    // A server decodes the reference; a few programs write names with "%20" into the archive as well.
    for path in [&*decoded, path.as_str()] {
        let Some(walked) = walked(path) else {
            return Reference::Outside;
        };
        let name = format!("{root}{walked}");
        if !walked.is_empty()
            && !path.ends_with('/')
            && let Some(entry) = files.find(&name)
        {
            return Reference::Found(Target { entry: entry.to_owned(), query: kept(query), fragment: kept(fragment) });
        }
    }
    let name = format!("{root}{}", walked(&decoded).unwrap_or_default());
    if name.is_empty() || name.ends_with('/') || decoded.ends_with('/') || files.has_folder(&name) {
        return Reference::Folder(name);
    }
    Reference::Missing(name)
}

/// White space and control characters at the ends, as browsers drop them. XML has made spaces of raw line breaks.
fn trimmed(href: &str) -> &str {
    href.trim_matches(|c: char| c.is_ascii_whitespace())
}

fn divided(text: &str, mark: char) -> (&str, Option<&str>) {
    match text.split_once(mark) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

/// `path` behind `base`, if it stays inside in all readings.
fn joined(base: &str, path: &str) -> Result<String, Reference> {
    let path = trimmed(path);
    if path.chars().count() > REFERENCE_CHARS {
        return Err(Reference::Outside);
    }
    let mut reading = Cow::Borrowed(path);
    // Decoded again and again until nothing changes: "%252e" is a dot to whoever decodes twice.
    for _ in 0..5 {
        if let Some(problem) = leaves(base, &reading) {
            return Err(problem);
        }
        match decoded(&reading) {
            None => return Err(Reference::Outside),
            Some(next) if next == reading => return Ok(format!("{base}{}", path.replace('\\', "/"))),
            Some(next) => reading = Cow::Owned(next.into_owned()),
        }
    }
    // Encoded more often than anybody does in good faith.
    Err(Reference::Outside)
}

fn leaves(base: &str, path: &str) -> Option<Reference> {
    // Full-width letters, and one-character dots, become what they look like.
    let plain: String = path.nfkc().collect::<String>().replace(['\\', '\u{2215}', '\u{2044}', '\u{29f8}'], "/");
    if path.chars().any(char::is_control) {
        return Some(Reference::Outside);
    }
    if plain.starts_with("//") {
        return Some(Reference::Remote);
    }
    if plain.starts_with('/') {
        return Some(Reference::Outside);
    }
    if let Some((scheme, _)) = plain.split_once(':') {
        let scheme = scheme.trim();
        let drive = scheme.len() == 1;
        let letters = scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
        if !scheme.is_empty() && letters {
            return Some(if drive { Reference::Outside } else { Reference::Remote });
        }
    }
    walked(&format!("{base}{plain}")).is_none().then_some(Reference::Outside)
}

/// The path without `.`, `..` and empty segments; None when it climbs above where it began.
fn walked(path: &str) -> Option<String> {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        // Some servers cut parameters off: "..;x=1" is ".." to them.
        let name = segment.split(';').next().unwrap_or_default().trim();
        match name {
            ".." => {
                segments.pop()?;
            }
            "." => {}
            _ if segment.is_empty() => {}
            _ => segments.push(segment),
        }
    }
    Some(segments.join("/"))
}

/// Percent-decoded once; None when that is not UTF-8. A "%" without two digits stays.
fn decoded(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'%'
            && let (Some(high), Some(low)) = (digit(bytes.get(at + 1)), digit(bytes.get(at + 2)))
        {
            out.push((high * 16 + low) as u8);
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8(out).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(bases: &[&str], href: &str) -> Reference {
        let files = Files::new(["Kurs/index.html", "Kurs/a/b c.html", "Kurs/a/100%.html", "Kurs/Übung.html", "x.html"]);
        let mut base = Ok(String::new());
        for part in bases {
            base = within(&base, Some(part));
        }
        resolve(&files, "Kurs/", &base, href)
    }

    fn entry(bases: &[&str], href: &str) -> Option<String> {
        match from(bases, href) {
            Reference::Found(target) => Some(target.entry),
            _ => None,
        }
    }

    #[test]
    fn honest_references_are_found() {
        for (href, name) in [
            ("index.html", "Kurs/index.html"),
            (" ./index.html ", "Kurs/index.html"),
            ("a/b%20c.html", "Kurs/a/b c.html"),
            ("a/b c.html", "Kurs/a/b c.html"),
            ("a\\b c.html", "Kurs/a/b c.html"),
            ("a/../index.html", "Kurs/index.html"),
            ("a/100%.html", "Kurs/a/100%.html"),
            ("a/100%25.html", "Kurs/a/100%.html"),
            ("%C3%9Cbung.html", "Kurs/Übung.html"),
            ("U\u{308}bung.html", "Kurs/Übung.html"),
        ] {
            assert_eq!(entry(&[], href).as_deref(), Some(name), "{href}");
        }
        assert_eq!(entry(&["a/"], "b%20c.html").as_deref(), Some("Kurs/a/b c.html"));
        assert_eq!(entry(&["a"], "b c.html").as_deref(), Some("Kurs/a/b c.html"));
        assert_eq!(entry(&["a/", "../"], "index.html").as_deref(), Some("Kurs/index.html"));
        let Reference::Found(target) = from(&[], "index.html?a=1&b=%20#start") else { panic!("not found") };
        assert_eq!((target.query.as_deref(), target.fragment.as_deref()), (Some("a=1&b=%20"), Some("start")));
    }

    #[test]
    fn no_spelling_leads_outside() {
        for href in [
            "../x.html",
            "..\\x.html",
            "a/../../x.html",
            "%2e%2e/x.html",
            ".%2E/x.html",
            "..%2fx.html",
            "..%5Cx.html",
            "%252e%252e%252fx.html",
            "%25252e./x.html",
            "..;/x.html",
            "．．/x.html",
            "‥/x.html",
            "%c0%ae%c0%ae/x.html",
            "%ff.html",
            "/x.html",
            "\\x.html",
            "%2fetc/passwd",
            "C:\\x.html",
            "c:/x.html",
            "in\u{1}dex.html",
            "index.html%00.png",
            ".. /x.html",
            "%2525252525252e",
        ] {
            assert_eq!(from(&[], href), Reference::Outside, "{href}");
        }
        assert_eq!(from(&["../"], "x.html"), Reference::Outside);
        assert_eq!(from(&["a/", "../../"], "x.html"), Reference::Outside);
        assert_eq!(from(&["/"], "x.html"), Reference::Outside);
        assert_eq!(from(&[], &"a".repeat(3_000)), Reference::Outside);
        assert_eq!(from(&["a/".repeat(1_000).as_str()], "x.html"), Reference::Outside);
    }

    #[test]
    fn remote_references_are_told_apart() {
        for href in [
            "http://x.example/a.html",
            "HTTPS://x.example",
            "//x.example/a",
            "\\\\x.example\\a",
            "/\\x.example",
            " javascript:alert(1)",
            "javascript%3aalert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "ｈttp://x.example",
        ] {
            assert_eq!(from(&[], href), Reference::Remote, "{href}");
        }
        assert_eq!(from(&["https://x.example/"], "index.html"), Reference::Remote);
    }

    #[test]
    fn what_is_not_a_file() {
        assert_eq!(from(&[], ""), Reference::Empty);
        assert_eq!(from(&[], "#top"), Reference::Empty);
        assert_eq!(from(&[], "a"), Reference::Folder("Kurs/a".into()));
        assert_eq!(from(&[], "a/"), Reference::Folder("Kurs/a".into()));
        assert_eq!(from(&[], "."), Reference::Folder("Kurs/".into()));
        assert_eq!(from(&[], "Index.html"), Reference::Missing("Kurs/Index.html".into()));
        assert_eq!(from(&[], "index.html/"), Reference::Folder("Kurs/index.html".into()));
    }
}
