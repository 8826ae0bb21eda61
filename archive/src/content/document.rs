//! Office documents and e-books: ZIP archives inside the archive, read under the same budget (rules 12 and 13).

use std::{
    cell::RefCell,
    io::{self, Read},
};

use crate::{
    budget::Budget,
    content::{
        self, Run, stated,
        unpack::{EntryReader, Stated},
    },
    directory::{self, Directory},
    error::CheckError,
    findings::{
        code::Code,
        report::{Finding, Findings},
    },
    format::{LOCAL_SIZE, LocalHeader},
    kinds::{kind::Kind, scope::Scope, sniff::Ends},
    limits::Options,
    source::ReadAt,
};

/// Checks a document's own directory and content. `scope` is the document's.
pub(crate) fn check(source: &dyn ReadAt, kind: Kind, scope: &Scope, run: &mut Run<'_>) -> Result<(), CheckError> {
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

/// The parts of a document that was accepted already, by name.
pub(crate) struct Parts<'a> {
    source: &'a dyn ReadAt,
    directory: Directory,
}

impl<'a> Parts<'a> {
    /// None when the directory cannot be followed.
    pub(crate) fn of(source: &'a dyn ReadAt, name: &str, kind: Kind) -> Option<Self> {
        let (scope, options) = (Scope::default().document(name, kind), Options::default());
        let (mut budget, mut findings) = (Budget::default(), Findings::new(&options.limits));
        let directory = directory::read(source, &scope, &options, &mut budget, &mut findings).ok()??;
        Some(Self { source, directory })
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.directory.files()
    }

    /// At most so many bytes of a part's content.
    pub(crate) fn read(&self, name: &str, most: usize) -> Option<Vec<u8>> {
        let entry = self.directory.entries.iter().find(|entry| entry.readable && entry.name.text == name)?;
        let start = u64::from(entry.header.offset);
        let mut header = [0; LOCAL_SIZE];
        self.source.read_at(start, &mut header).ok()?;
        let local = LocalHeader::parse(&header)?;
        let between = LOCAL_SIZE as u64 + u64::from(local.name_len) + u64::from(local.extra_len);
        let mut content = Vec::new();
        let reader = EntryReader::of(self.source, start + between, stated(&entry.header));
        reader.take(most as u64).read_to_end(&mut content).ok()?;
        Some(content)
    }
}

/// Random access to the content of a deflated entry that is too large for memory: it is expanded again from its
/// start whenever an earlier place is asked for. Its ends are known from the first pass, so a bomb in it is told
/// without; then the checker asks for the content from front to back, and before that for a directory that is larger
/// than the known end. So a document is expanded once or twice more, never more often.
pub(crate) struct Expanded<'a> {
    source: &'a dyn ReadAt,
    data_offset: u64,
    stated: Stated,
    ends: Ends,
    state: RefCell<State<'a>>,
}

struct State<'a> {
    reader: EntryReader<'a>,
    position: u64,
}

impl<'a> Expanded<'a> {
    /// `ends` are the first and the last bytes of the content.
    pub(crate) fn new(source: &'a dyn ReadAt, data_offset: u64, stated: Stated, ends: Ends) -> Self {
        let reader = EntryReader::of(source, data_offset, stated);
        Self { source, data_offset, stated, ends, state: RefCell::new(State { reader, position: 0 }) }
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
        let Ends { head, tail } = &self.ends;
        let known = match offset.checked_sub(self.len().saturating_sub(tail.len() as u64)) {
            Some(at) => tail.get(at as usize..at as usize + buf.len()),
            None if end <= head.len() as u64 => head.get(offset as usize..end as usize),
            None => None,
        };
        if let Some(known) = known {
            buf.copy_from_slice(known);
            return Ok(());
        }
        let mut state = self.state.borrow_mut();
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
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::DeflateEncoder};

    use super::*;
    use crate::findings::report::Method;

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
        let ends = Ends { head: content[..4096].to_vec(), tail: content[940_000..].to_vec() };
        let expanded = Expanded::new(&packed, 0, stated, ends);
        for (offset, size) in
            [(990_000, 10_000), (995_000, 10), (5, 100), (500_000, 300_000), (0, 4), (4_000, 200), (999_999, 1)]
        {
            let mut buf = vec![0; size];
            expanded.read_at(offset as u64, &mut buf).unwrap();
            assert_eq!(buf, content[offset..offset + size]);
        }
        assert!(expanded.read_at(999_999, &mut [0; 2]).is_err());
    }
}
