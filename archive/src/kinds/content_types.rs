//! The list of types in an Office document: does it name macros (rule 13)?

use std::collections::BTreeSet;

use memchr::memmem;

/// Collects the stream of a document's `[Content_Types].xml`, and judges it as a whole.
#[derive(Default)]
pub(crate) struct MacroSearch {
    /// What was seen, in lower case and without zero bytes.
    list: Vec<u8>,
    seen: u64,
    /// The extensions of the document's parts, in lower case.
    extensions: BTreeSet<String>,
}

/// What only documents with macros, Excel 4 sheets or ActiveX name (ECMA-376 part 2, and Microsoft's extensions to it).
const WORDS: [(&[u8], &str); 5] = [
    (b"macroenabled", "macroEnabled"),
    (b"vbaproject", "vbaProject"),
    (b"ms-excel.macrosheet", "macrosheet"),
    (b"ms-excel.intlmacrosheet", "macrosheet"),
    (b"ms-office.activex", "activeX"),
];
/// What can spell it otherwise: an honest list has no character references, and ECMA-376 forbids the DTD.
const DISGUISES: [(&[u8], &str); 2] = [(b"&#", "character reference"), (b"<!doctype", "DTD")];
/// No document within the limit of entries lists more than this many bytes of types.
const MOST: u64 = 1 << 20;

impl MacroSearch {
    /// For a document with parts of these extensions.
    pub(crate) fn among(extensions: BTreeSet<String>) -> Self {
        Self { extensions, ..Self::default() }
    }

    pub(crate) fn feed(&mut self, chunk: &[u8]) {
        self.seen += chunk.len() as u64;
        if !self.too_long() {
            // Media types are told apart without regard to case, and XML may be UTF-16.
            self.list.extend(chunk.iter().filter(|byte| **byte != 0).map(u8::to_ascii_lowercase));
        }
    }

    /// The word that gives the macros away.
    pub(crate) fn found(&self) -> Option<&'static str> {
        if self.too_long() {
            return None;
        }
        let disguise = DISGUISES.iter().find(|(word, _)| memmem::find(&self.list, word).is_some());
        let named = |word: &[u8]| memmem::find_iter(&self.list, word).any(|at| !self.is_idle(at));
        disguise.or_else(|| WORDS.iter().find(|(word, _)| named(word))).map(|(_, name)| *name)
    }

    /// The word at this place stands in a default for an extension that no part has: SheetJS lists one for binary sheets
    /// in every workbook. What cannot be told to be that counts.
    fn is_idle(&self, at: usize) -> bool {
        // No `<` stands in a tag, so this is where the one around the word begins.
        let Some(start) = self.list[..at].iter().rposition(|byte| *byte == b'<') else {
            return false;
        };
        let end = self.list[at..].iter().position(|byte| *byte == b'>').map_or(self.list.len(), |end| at + end);
        let tag = &self.list[start + 1..end];
        if tag.contains(&b'&') || !tag.starts_with(b"default") || !tag.get(7).is_some_and(u8::is_ascii_whitespace) {
            return false;
        }
        let mut places = memmem::find_iter(tag, b"extension");
        let (Some(place), None) = (places.next(), places.next()) else {
            return false;
        };
        let value = &tag[place + b"extension".len()..];
        let value = value.trim_ascii_start().strip_prefix(b"=").map(<[u8]>::trim_ascii_start);
        let Some([quote @ (b'"' | b'\''), value @ ..]) = value else {
            return false;
        };
        let Some(length) = value.iter().position(|byte| byte == quote) else {
            return false;
        };
        let value = &value[..length];
        tag[place - 1].is_ascii_whitespace()
            && !value.is_empty()
            && value.iter().all(u8::is_ascii_alphanumeric)
            && !self.extensions.iter().any(|known| known.as_bytes() == value)
    }

    /// Longer than an honest list, and so not searched.
    pub(crate) fn too_long(&self) -> bool {
        self.seen > MOST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "<Override ContentType=\"application/vnd.ms-word.document.macroEnabled.main+xml\"/>";

    fn found(text: &[u8], size: usize) -> Option<&'static str> {
        let mut search = MacroSearch::among(["xml".to_owned(), "bin".to_owned()].into());
        text.chunks(size).for_each(|chunk| search.feed(chunk));
        search.found()
    }

    #[test]
    fn a_macro_type_is_found_across_chunks() {
        let utf16: Vec<u8> = TYPE.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for size in 1..TYPE.len() {
            for text in [TYPE.as_bytes(), TYPE.to_uppercase().as_bytes(), &utf16] {
                assert_eq!(found(text, size), Some("macroEnabled"), "{size}");
            }
            assert_eq!(found(TYPE.replace("macro", "").as_bytes(), size), None, "{size}");
            for (word, name) in WORDS.into_iter().chain(DISGUISES) {
                assert_eq!(found(&[b"<x/>", word, b"<x/>"].concat(), size), Some(name));
            }
        }
    }

    #[test]
    fn a_default_counts_when_a_part_has_its_extension() {
        let list = |tag: &str| found(tag.as_bytes(), 1_000).is_some();
        let with =
            |extension: &str| list(&format!("<Types><Default {extension} ContentType=\"x.macroEnabled.main\"/>"));
        assert!(!with("Extension=\"vba\"") && !with("Extension = 'vba'"));
        assert!(with("Extension=\"bin\"") && with("Extension='BIN'"));
        // Whatever a parser might understand otherwise counts.
        for unclear in [
            "",
            "Extension=vba",
            "Extension=\"\"",
            "Extension=\"b&amp;n\"",
            "Extension=\"vba\" Extension=\"bin\"",
            "x:Extension=\"vba\"",
            "y=\"Extension='vba'\"",
            "Extension=\".vba\"",
        ] {
            assert!(with(unclear), "{unclear}");
        }
        assert!(list("<Defaults Extension=\"vba\" ContentType=\"macroEnabled\"/>"));
        assert!(list("<Default Extension=\"vba\"/><Override PartName=\"/a\" ContentType=\"macroEnabled\"/>"));
        assert!(list("macroEnabled"));
    }

    #[test]
    fn an_endless_list_is_not_kept() {
        let mut search = MacroSearch::default();
        for _ in 0..20 {
            search.feed(&[b' '; 100_000]);
        }
        assert!(search.too_long() && search.list.len() <= MOST as usize && search.found().is_none());
    }
}
