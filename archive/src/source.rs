//! The sources of an archive's bytes: files and memory, read at any offset, and buffered streams over them.

use std::io;
#[cfg(unix)]
use std::{fs::File, os::unix::fs::FileExt, path::Path};

/// Random access to the bytes of an archive: a file, a buffer, ranged reads of an object store.
///
/// An error means the infrastructure failed; it never becomes a finding about the archive.
pub trait ReadAt {
    /// Length in bytes. It must not change while the archive is read.
    fn len(&self) -> u64;

    /// Fills `buf` from `offset`. The checker never asks beyond [`len`](Self::len).
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()>;

    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl ReadAt for [u8] {
    fn len(&self) -> u64 {
        <[u8]>::len(self) as u64
    }
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        let found =
            start.checked_add(buf.len()).and_then(|end| self.get(start..end)).ok_or(io::ErrorKind::UnexpectedEof)?;
        buf.copy_from_slice(found);
        Ok(())
    }
}

impl ReadAt for &[u8] {
    fn len(&self) -> u64 {
        ReadAt::len(*self)
    }
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        ReadAt::read_at(*self, offset, buf)
    }
}

impl ReadAt for Vec<u8> {
    fn len(&self) -> u64 {
        ReadAt::len(self.as_slice())
    }
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        ReadAt::read_at(self.as_slice(), offset, buf)
    }
}

/// A file on disk, with the length it had when it was opened.
#[cfg(unix)]
#[derive(Debug)]
pub struct FileSource {
    file: File,
    len: u64,
}

#[cfg(unix)]
impl FileSource {
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::new(File::open(path)?)
    }

    pub fn new(file: File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Self { file, len })
    }
}

#[cfg(unix)]
impl ReadAt for FileSource {
    fn len(&self) -> u64 {
        self.len
    }
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(buf, offset)
    }
}

/// A part of another source: an office document that is stored without compression.
pub(crate) struct Part<'a> {
    source: &'a dyn ReadAt,
    start: u64,
    len: u64,
}

impl<'a> Part<'a> {
    pub(crate) fn new(source: &'a dyn ReadAt, start: u64, len: u64) -> Self {
        Self { source, start, len }
    }
}

impl ReadAt for Part<'_> {
    fn len(&self) -> u64 {
        self.len
    }
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        if offset.checked_add(buf.len() as u64).is_none_or(|end| end > self.len) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.source.read_at(self.start + offset, buf)
    }
}

/// Reads a source from front to back through one fixed buffer.
pub(crate) struct Stream<'a> {
    source: &'a dyn ReadAt,
    /// Where `buffer[at]` lies in the source.
    position: u64,
    end: u64,
    buffer: Box<[u8]>,
    at: usize,
    filled: usize,
}

/// Large enough that a ranged read of an object store or a disk is worth its latency.
const BUFFER: usize = 256 * 1024;

impl<'a> Stream<'a> {
    /// Reads `start..end`; `end` is cut to the length of the source.
    pub(crate) fn new(source: &'a dyn ReadAt, start: u64, end: u64) -> Self {
        let end = end.min(source.len());
        let size = end.saturating_sub(start).min(BUFFER as u64) as usize;
        Self { source, position: start, end, buffer: vec![0; size].into_boxed_slice(), at: 0, filled: 0 }
    }

    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Bytes between here and the end.
    pub(crate) fn left(&self) -> u64 {
        self.end.saturating_sub(self.position)
    }

    /// Moves to another place; what the buffer already holds is used again.
    pub(crate) fn seek(&mut self, position: u64) {
        let start = self.position - self.at as u64;
        match position.checked_sub(start) {
            Some(at) if at <= self.filled as u64 => self.at = at as usize,
            _ => (self.at, self.filled) = (0, 0),
        }
        self.position = position;
    }

    /// What lies ahead, at least one byte and at most `max`; empty only at the end or when `max` is 0.
    pub(crate) fn peek(&mut self, max: u64) -> io::Result<&[u8]> {
        if max > 0 && self.at == self.filled {
            let size = self.left().min(self.buffer.len() as u64) as usize;
            self.source.read_at(self.position, &mut self.buffer[..size])?;
            (self.at, self.filled) = (0, size);
        }
        let ahead = &self.buffer[self.at..self.filled];
        Ok(&ahead[..(ahead.len() as u64).min(max) as usize])
    }

    /// What lies ahead, at least `count` bytes of it in one piece. None when the buffer is too small for them, or fewer
    /// are left.
    pub(crate) fn peek_all(&mut self, count: u64) -> io::Result<Option<&[u8]>> {
        if count > self.left().min(self.buffer.len() as u64) {
            return Ok(None);
        }
        let count = count as usize;
        if self.filled - self.at < count {
            self.buffer.copy_within(self.at..self.filled, 0);
            (self.at, self.filled) = (0, self.filled - self.at);
            let more = (self.left() - self.filled as u64).min((self.buffer.len() - self.filled) as u64) as usize;
            let place = self.position + self.filled as u64;
            self.source.read_at(place, &mut self.buffer[self.filled..self.filled + more])?;
            self.filled += more;
        }
        Ok(Some(&self.buffer[self.at..self.filled]))
    }

    /// Like [`peek`](Self::peek), and moves behind what it returns.
    pub(crate) fn take(&mut self, max: u64) -> io::Result<&[u8]> {
        let size = self.peek(max)?.len();
        let start = self.at;
        self.consume(size);
        Ok(&self.buffer[start..start + size])
    }

    pub(crate) fn consume(&mut self, count: usize) {
        debug_assert!(count <= self.filled - self.at);
        self.at += count;
        self.position += count as u64;
    }

    /// Fills `target`; false when the end comes first.
    pub(crate) fn fill(&mut self, target: &mut [u8]) -> io::Result<bool> {
        if self.left() < target.len() as u64 {
            return Ok(false);
        }
        let mut done = 0;
        while done < target.len() {
            let found = self.take((target.len() - done) as u64)?;
            target[done..done + found.len()].copy_from_slice(found);
            done += found.len();
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_reads_across_its_buffer_and_back() {
        let bytes: Vec<u8> = (0..600_000u32).map(|n| (n % 251) as u8).collect();
        let mut stream = Stream::new(&bytes, 10, u64::MAX);
        let mut part = vec![0; 300_000];
        assert!(stream.fill(&mut part).unwrap());
        assert_eq!(part, bytes[10..300_010]);
        assert_eq!(stream.position(), 300_010);
        stream.seek(300_000);
        assert_eq!(stream.peek(3).unwrap(), &bytes[300_000..300_003]);
        stream.seek(5);
        assert_eq!(stream.take(2).unwrap(), &bytes[5..7]);
        stream.seek(200_000);
        assert_eq!(stream.take(9).unwrap(), &bytes[200_000..200_009]);
        assert_eq!(stream.peek_all(10).unwrap().unwrap().len(), 5 + BUFFER - 200_009);
        assert_eq!(stream.peek_all(BUFFER as u64).unwrap().unwrap(), &bytes[200_009..200_009 + BUFFER]);
        assert_eq!(stream.peek_all(BUFFER as u64 + 1).unwrap(), None);
        assert_eq!((stream.position(), stream.take(3).unwrap()), (200_009, &bytes[200_009..200_012]));
        stream.seek(599_000);
        assert_eq!(stream.peek_all(1_000).unwrap().unwrap(), &bytes[599_000..]);
        assert_eq!(stream.peek_all(1_001).unwrap(), None);
        stream.seek(599_999);
        assert_eq!(stream.take(9).unwrap(), &bytes[599_999..]);
        assert!(stream.peek(9).unwrap().is_empty());
        assert!(!stream.fill(&mut [0]).unwrap());
    }

    #[test]
    fn reading_beyond_the_end_is_an_error_not_a_panic() {
        let bytes = vec![1u8, 2, 3];
        assert!(bytes.read_at(2, &mut [0; 2]).is_err());
        assert!(bytes.read_at(u64::MAX, &mut [0; 2]).is_err());
        assert!(Part::new(&bytes, 1, 2).read_at(1, &mut [0; 2]).is_err());
    }
}
