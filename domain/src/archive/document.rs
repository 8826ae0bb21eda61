//! Office documents and e-books: ZIP archives inside the archive, read under the same budget (rules 12 and 13).

use std::{
    cell::RefCell,
    io::{self, Read},
};

use super::{
    code::Code,
    content::{self, Run},
    directory,
    error::CheckError,
    kind::Kind,
    report::Finding,
    scope::Scope,
    source::ReadAt,
    unpack::{EntryReader, Stated},
};

/// Checks a document's own directory and content. `scope` is the document's.
pub(super) fn check(source: &dyn ReadAt, kind: Kind, scope: &Scope, run: &mut Run<'_>) -> Result<(), CheckError> {
    let Some(parts) = directory::read(source, scope, run.options, &mut run.budget, &mut run.findings)? else {
        return Ok(());
    };
    let has = |test: &dyn Fn(&str) -> bool| parts.entries.iter().any(|part| test(&part.name.text));
    let complete = match main_folder(kind) {
        Some(folder) => has(&|name| name == "[Content_Types].xml") && has(&|name| name.starts_with(folder)),
        None => has(&|name| name == "mimetype"),
    };
    if !complete {
        run.findings.add(scope.apply(Finding::new(Code::OfficeIncomplete)));
    }
    content::read(source, &parts, scope, run)?;
    Ok(())
}

/// Where Office Open XML keeps a document's main part; OpenDocument and EPUB name their type in `mimetype` instead.
fn main_folder(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Docx => Some("word/"),
        Kind::Xlsx => Some("xl/"),
        Kind::Pptx => Some("ppt/"),
        _ => None,
    }
}

/// Looks for words in a stream, across its chunks.
#[derive(Default)]
pub(super) struct MacroSearch {
    carry: Vec<u8>,
    pub found: bool,
}

/// Content types that only documents with macros have (ECMA-376 part 2, and Microsoft's extensions to it).
const MACRO_TYPES: [&[u8]; 2] = [b"macroEnabled", b"vbaProject"];

impl MacroSearch {
    pub(super) fn feed(&mut self, chunk: &[u8]) {
        if self.found {
            return;
        }
        const KEEP: usize = 11;
        self.carry.extend(chunk.iter().take(KEEP));
        self.found = has_macro_type(&self.carry) || has_macro_type(chunk);
        if chunk.len() >= KEEP {
            self.carry.clear();
            self.carry.extend(&chunk[chunk.len() - KEEP..]);
        } else {
            let surplus = self.carry.len().saturating_sub(KEEP);
            self.carry.drain(..surplus);
        }
    }
}

fn has_macro_type(bytes: &[u8]) -> bool {
    MACRO_TYPES.iter().any(|&word| bytes.windows(word.len()).any(|window| window == word))
}

/// Random access to the content of a deflated entry that is too large for memory: it is expanded again from its
/// start whenever an earlier place is asked for. The checker asks for the end, the directory and then the content
/// from front to back, so a document is expanded three or four times, never more often.
pub(super) struct Expanded<'a> {
    source: &'a dyn ReadAt,
    data_offset: u64,
    stated: Stated,
    state: RefCell<State<'a>>,
}

struct State<'a> {
    reader: EntryReader<'a>,
    position: u64,
    /// The end, as read first; most directories lie in it.
    tail: Vec<u8>,
}

/// The largest end that is kept: that of the search for the end record.
const TAIL: usize = 70_000;

impl<'a> Expanded<'a> {
    pub(super) fn new(source: &'a dyn ReadAt, data_offset: u64, stated: Stated) -> Self {
        Self {
            source,
            data_offset,
            stated,
            state: RefCell::new(State {
                reader: EntryReader::of(source, data_offset, stated),
                position: 0,
                tail: Vec::new(),
            }),
        }
    }
}

impl ReadAt for Expanded<'_> {
    fn len(&self) -> u64 {
        self.stated.size
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let end = offset + buf.len() as u64;
        if end > self.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut state = self.state.borrow_mut();
        if let Some(at) = offset.checked_sub(self.len() - state.tail.len() as u64) {
            let at = at as usize;
            buf.copy_from_slice(&state.tail[at..at + buf.len()]);
            return Ok(());
        }
        if offset < state.position {
            state.reader = EntryReader::of(self.source, self.data_offset, self.stated);
            state.position = 0;
        }
        let skip = offset - state.position;
        if io::copy(&mut state.reader.by_ref().take(skip), &mut io::sink())? < skip {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        state.reader.read_exact(buf)?;
        state.position = end;
        if end == self.len() && buf.len() <= TAIL {
            state.tail = buf.to_vec();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::DeflateEncoder};

    use super::*;
    use crate::archive::report::Method;

    #[test]
    fn a_macro_type_is_found_across_chunks() {
        let text = b"<Default ContentType=\"application/vnd.ms-word.document.macroEnabled.main+xml\"/>";
        for size in 1..text.len() {
            let mut search = MacroSearch::default();
            text.chunks(size).for_each(|chunk| search.feed(chunk));
            assert!(search.found, "{size}");
            let mut search = MacroSearch::default();
            text.chunks(size).filter(|chunk| !chunk.contains(&b'E')).for_each(|chunk| search.feed(chunk));
            assert!(!search.found, "{size}");
        }
    }

    #[test]
    fn an_expanded_entry_can_be_read_anywhere() {
        let content: Vec<u8> = (0..1_000_000u32).map(|n| (n % 253) as u8).collect();
        let mut packed = DeflateEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(&content).unwrap();
        let packed = packed.finish().unwrap();
        let stated = Stated {
            method: Method::Deflate,
            compressed: packed.len() as u64,
            size: content.len() as u64,
            crc32: crc32fast::hash(&content),
        };
        let expanded = Expanded::new(&packed, 0, stated);
        for (offset, size) in [(990_000, 10_000), (995_000, 10), (5, 100), (500_000, 300_000), (0, 4), (999_999, 1)] {
            let mut buf = vec![0; size];
            expanded.read_at(offset as u64, &mut buf).unwrap();
            assert_eq!(buf, content[offset..offset + size]);
        }
        assert!(expanded.read_at(999_999, &mut [0; 2]).is_err());
    }
}
