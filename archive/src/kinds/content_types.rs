//! The list of types in an Office document: does it name macros (rule 13)?

use memchr::memmem;

/// Looks for words in the stream of a document's `[Content_Types].xml`, across its chunks.
#[derive(Default)]
pub(crate) struct MacroSearch {
    /// The end of what was seen, in lower case and without zero bytes.
    recent: Vec<u8>,
    seen: u64,
    found: Option<&'static str>,
}

/// What only documents with macros, Excel 4 sheets or ActiveX name (ECMA-376 part 2, and Microsoft's extensions to it),
/// and what can spell it otherwise: an honest list has no character references, and ECMA-376 forbids the DTD.
const WORDS: [(&[u8], &str); 7] = [
    (b"macroenabled", "macroEnabled"),
    (b"vbaproject", "vbaProject"),
    (b"ms-excel.macrosheet", "macrosheet"),
    (b"ms-excel.intlmacrosheet", "macrosheet"),
    (b"ms-office.activex", "activeX"),
    (b"&#", "character reference"),
    (b"<!doctype", "DTD"),
];
/// One less than the longest word.
const KEEP: usize = 22;
/// No document within the limit of entries lists more than this many bytes of types.
const MOST: u64 = 1 << 20;

impl MacroSearch {
    pub(crate) fn feed(&mut self, chunk: &[u8]) {
        self.seen += chunk.len() as u64;
        if self.found.is_some() || self.too_long() {
            return;
        }
        // Media types are told apart without regard to case, and XML may be UTF-16.
        self.recent.extend(chunk.iter().filter(|byte| **byte != 0).map(u8::to_ascii_lowercase));
        let named = |word: &[u8]| memmem::find(&self.recent, word).is_some();
        self.found = WORDS.iter().find(|(word, _)| named(word)).map(|(_, name)| *name);
        let surplus = self.recent.len().saturating_sub(KEEP);
        self.recent.drain(..surplus);
    }

    /// The word that gives the macros away.
    pub(crate) fn found(&self) -> Option<&'static str> {
        self.found
    }

    /// Longer than an honest list, and so not searched to its end.
    pub(crate) fn too_long(&self) -> bool {
        self.seen > MOST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "<Default ContentType=\"application/vnd.ms-word.document.macroEnabled.main+xml\"/>";

    fn found(text: &[u8], size: usize) -> Option<&'static str> {
        let mut search = MacroSearch::default();
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
            for (word, name) in WORDS {
                assert!(word.len() <= KEEP + 1);
                assert_eq!(found(&[b"<x/>", word, b"<x/>"].concat(), size), Some(name));
            }
        }
    }

    #[test]
    fn an_endless_list_is_not_searched() {
        let mut search = MacroSearch::default();
        for _ in 0..20 {
            search.feed(&[b' '; 100_000]);
        }
        assert!(search.too_long() && search.recent.len() <= KEEP + 100_000);
    }
}
