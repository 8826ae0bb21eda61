//! Pictures with another picture's ending: put right in the manifest where no text of the archive names them (rule 13).

use std::{
    collections::{BTreeSet, HashSet},
    io::Read,
};

use memchr::memmem;
use unicode_normalization::UnicodeNormalization;

use crate::{
    content::{Run, unpack::EntryReader},
    error::CheckError,
    findings::{
        code::Code,
        report::{Finding, ManifestEntry},
    },
    kinds::kind::{Kind, extension},
    limits::Limits,
    names::unique::Names,
    source::ReadAt,
};

/// A picture that is whole, but not of the type its ending says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Misnamed {
    /// Its place in the manifest.
    pub at: usize,
    pub kind: Kind,
}

/// How much text is looked through, in one file and in all. Beyond it a picture counts as named.
const TEXT_MOST: u64 = 16 << 20;
const TEXTS_MOST: u64 = 64 << 20;
/// How often a name is compared with a place in a text.
const LOOKUPS_MOST: u64 = 20_000_000;

/// Gives pictures the ending they should have, and says so; or refuses those whose name a text relies on.
pub(crate) fn correct(
    source: &dyn ReadAt,
    manifest: &mut [ManifestEntry],
    misnamed: &[Misnamed],
    run: &mut Run<'_>,
) -> Result<(), CheckError> {
    if misnamed.is_empty() {
        return Ok(());
    }
    let names = misnamed.iter().map(|picture| manifest[picture.at].name.as_str());
    let named = References::to(names).within(source, manifest, run)?;
    let mut known = Names::default();
    for entry in manifest.iter() {
        known.add(&entry.name);
    }
    for &Misnamed { at, kind } in misnamed {
        let entry = &mut manifest[at];
        let right = with_ending(&entry.name, kind);
        let about = |code| {
            Finding::new(code).entry(&entry.name).offset(entry.data_offset).detail(format!(
                "{} -> {}",
                file_name(&entry.name),
                file_name(&right)
            ))
        };
        let free = !named.contains(file_name(&entry.name)) && fits(&right, &run.options.limits);
        if free && known.add(&right).is_none() {
            run.findings.add(about(Code::PictureRenamed));
            entry.name = right;
            entry.renamed = true;
            entry.media_type = kind.media_type().into();
        } else {
            let ending = extension(&right).to_ascii_uppercase();
            run.findings.add(about(Code::TypeMismatch).hints(
                format!("Das Bild selbst ist in Ordnung, es ist ein {ending}: Benennen Sie es so um, auch dort, wo Ihre Seiten es nennen."),
                format!("The picture itself is fine, it is a {ending}: rename it so, also where your pages name it."),
            ));
        }
    }
    Ok(())
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

fn with_ending(name: &str, kind: Kind) -> String {
    let ending = match kind {
        Kind::Jpeg => "jpg",
        Kind::Webp => "webp",
        Kind::Gif => "gif",
        _ => "png",
    };
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    format!("{stem}.{ending}")
}

fn fits(name: &str, limits: &Limits) -> bool {
    name.encode_utf16().count() <= limits.path && file_name(name).len() <= limits.segment
}

/// The search for names in texts. Letters are compared without regard to ASCII case.
struct References<'a> {
    /// As texts may spell them, in lower case, each with the name it is a spelling of.
    spellings: HashSet<Vec<u8>>,
    names: Vec<&'a str>,
    lengths: BTreeSet<usize>,
    lookups: u64,
}

/// Names that a text relies on; all of them when the search had to end early.
enum Named {
    These(HashSet<Vec<u8>>),
    All,
}

impl Named {
    fn contains(&self, name: &str) -> bool {
        match self {
            Self::These(found) => spellings(name).any(|spelling| found.contains(&spelling)),
            Self::All => true,
        }
    }
}

/// A name as composed and as decomposed, in lower case.
fn spellings(name: &str) -> impl Iterator<Item = Vec<u8>> {
    [name.to_owned(), name.nfd().collect()].into_iter().map(|name: String| name.to_ascii_lowercase().into_bytes())
}

impl<'a> References<'a> {
    fn to(paths: impl Iterator<Item = &'a str>) -> Self {
        let names: Vec<&str> = paths.map(file_name).collect();
        let spellings: HashSet<Vec<u8>> = names.iter().copied().flat_map(spellings).collect();
        let lengths = spellings.iter().map(Vec::len).collect();
        Self { spellings, names, lengths, lookups: 0 }
    }

    fn within(
        mut self,
        source: &dyn ReadAt,
        manifest: &[ManifestEntry],
        run: &mut Run<'_>,
    ) -> Result<Named, CheckError> {
        use Kind::{Css, Html, Js, Json, Md, Svg, Vtt, Xml};
        let mut found = HashSet::new();
        let mut read = 0;
        let texts = manifest.iter().filter(|entry| {
            Kind::of(&entry.name).is_some_and(|kind| matches!(kind, Html | Css | Js | Json | Md | Svg | Vtt | Xml))
        });
        for text in texts {
            read += text.size;
            if text.size > TEXT_MOST || read > TEXTS_MOST {
                return Ok(Named::All);
            }
            let mut content = Vec::new();
            EntryReader::new(source, text).take(TEXT_MOST).read_to_end(&mut content)?;
            run.worked(2 * text.size)?;
            content.make_ascii_lowercase();
            for content in [plain(&content), content] {
                self.search(&content, &mut found);
            }
            if self.lookups > LOOKUPS_MOST || found.len() == self.names.len() {
                return Ok(if self.lookups > LOOKUPS_MOST { Named::All } else { Named::These(found) });
            }
        }
        Ok(Named::These(found))
    }

    /// Every place where a picture's ending stands is compared with the names that end there.
    fn search(&mut self, text: &[u8], found: &mut HashSet<Vec<u8>>) {
        for ending in ["png", "jpg", "jpeg", "webp", "gif"] {
            for at in memmem::find_iter(text, format!(".{ending}").as_bytes()) {
                let end = at + 1 + ending.len();
                self.lookups += self.lengths.len() as u64;
                if self.lookups > LOOKUPS_MOST {
                    return;
                }
                for length in &self.lengths {
                    if let Some(start) = end.checked_sub(*length)
                        && let Some(spelling) = self.spellings.get(&text[start..end])
                    {
                        found.insert(spelling.clone());
                    }
                }
            }
        }
    }
}

/// The text without the escapes of addresses (`%20`), pages (`&amp;`) and scripts (`\u00fc`, `\/`).
fn plain(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let (decoded, next) = match byte {
            b'%' => {
                (hex(after.get(..2)).and_then(|value| u8::try_from(value).ok()).map(|byte| vec![byte]), after.get(2..))
            }
            b'&' if after.starts_with(b"amp;") => (Some(vec![b'&']), after.get(4..)),
            b'\\' if after.first() == Some(&b'u') => {
                let letter = hex(after.get(1..5)).and_then(char::from_u32);
                (letter.map(|c| c.to_lowercase().to_string().into_bytes()), after.get(5..))
            }
            b'\\' => (Some(Vec::new()), Some(after)),
            _ => (None, None),
        };
        match (decoded, next) {
            (Some(decoded), Some(next)) => {
                out.extend(decoded);
                rest = next;
            }
            _ => {
                out.push(byte);
                rest = after;
            }
        }
    }
    out
}

fn hex(digits: Option<&[u8]>) -> Option<u32> {
    let digits = std::str::from_utf8(digits?).ok()?;
    if digits.bytes().all(|digit| digit.is_ascii_hexdigit()) { u32::from_str_radix(digits, 16).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str, text: &str) -> bool {
        let mut references = References::to([name].into_iter());
        let mut found = HashSet::new();
        let text = text.to_ascii_lowercase().into_bytes();
        references.search(&plain(&text), &mut found);
        references.search(&text, &mut found);
        Named::These(found).contains(file_name(name))
    }

    #[test]
    fn names_are_found_however_they_are_spelled() {
        for text in [
            "<img src=\"bilder/foto 1 & ä.png\">",
            "<img src=\"FOTO%201%20&amp;%20%C3%A4.PNG\">",
            "{\"src\": \"bilder\\/foto 1 & \\u00e4.png\"}",
            "![x](bilder/foto%201%20%26%20a\u{308}.png)",
        ] {
            assert!(named("bilder/Foto 1 & ä.png", text), "{text}");
        }
        assert!(!named("a/foto.png", "foto.jpg foto.pn foto") && !named("foto1.png", "foto.png 1.png"));
        assert!(named("a.png", "%zz %e a.png") && !named("a.png", "%"));
    }

    #[test]
    fn endings() {
        assert_eq!(with_ending("a.b/Foto.PNG", Kind::Jpeg), "a.b/Foto.jpg");
        assert_eq!(with_ending("x.jpg", Kind::Png), "x.png");
    }
}
