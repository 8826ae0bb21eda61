//! Expanding one entry through fixed buffers, counting while it does (rule 7). Small entries are expanded at once where
//! that is faster, others as a stream; what comes out is the same.

use std::io::{self, Read};

use flate2::{Decompress, FlushDecompress, Status};

use crate::{
    content::whole::{self, Whole},
    findings::{
        code::Code,
        report::{ManifestEntry, Method},
    },
    source::{ReadAt, Stream},
};

/// Large enough that zlib's window is not copied too often, and most repetitions are found in what was just written; small
/// enough for the processor's cache.
const BUFFER: usize = 256 * 1024;

/// What an entry states about its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stated {
    pub method: Method,
    pub compressed: u64,
    pub size: u64,
    pub crc32: u32,
}

impl From<&ManifestEntry> for Stated {
    fn from(entry: &ManifestEntry) -> Self {
        Self { method: entry.method, compressed: entry.compressed_size, size: entry.size, crc32: entry.crc32 }
    }
}

pub(crate) enum Step<'a> {
    Content(&'a [u8]),
    /// All content was given out, and everything stated was right.
    Done,
    /// It was not; nothing more comes.
    Bad(Code),
}

/// Expands entries one after the other; its buffers are made once.
pub(crate) struct Unpacker {
    inflate: Decompress,
    /// Of the stream; made for the first one.
    buffer: Box<[u8]>,
    /// None: everything is a stream.
    whole: Option<Whole>,
    stated: Stated,
    /// Packed bytes not read yet.
    left: u64,
    produced: u64,
    crc: crc32fast::Hasher,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing was read of the entry.
    Begun,
    /// All of its content is in the buffer of [`Whole`].
    Whole,
    Stream,
    /// The stream has ended.
    Ended,
}

impl Unpacker {
    pub(crate) fn new() -> Self {
        Self { whole: Some(Whole::default()), ..Self::streaming() }
    }

    /// Expands everything as a stream.
    pub(crate) fn streaming() -> Self {
        Self {
            inflate: Decompress::new(false),
            buffer: Box::default(),
            whole: None,
            stated: Stated { method: Method::Stored, compressed: 0, size: 0, crc32: 0 },
            left: 0,
            produced: 0,
            crc: crc32fast::Hasher::new(),
            state: State::Begun,
        }
    }

    /// Starts the next entry.
    pub(crate) fn begin(&mut self, stated: Stated) {
        self.crc = crc32fast::Hasher::new();
        self.left = stated.compressed;
        self.produced = 0;
        self.state = State::Begun;
        self.stated = stated;
    }

    /// The next piece of content, empty when what was read of the packed bytes expands to nothing. `input` stands at
    /// the first packed byte not read yet.
    pub(crate) fn next<'b>(&'b mut self, input: &'b mut Stream<'_>) -> io::Result<Step<'b>> {
        match self.stated.method {
            Method::Stored => self.copy(input),
            Method::Deflate => {
                if self.state == State::Begun {
                    self.start(input)?;
                }
                match self.state {
                    State::Whole => Ok(self.piece()),
                    _ => self.inflate(input),
                }
            }
        }
    }

    /// Expands the entry at once, or makes ready to stream it.
    fn start(&mut self, input: &mut Stream<'_>) -> io::Result<()> {
        let Stated { size, compressed, .. } = self.stated;
        if let Some(whole) = &mut self.whole
            && size <= whole::MOST
            && input.peek(compressed)?.first().is_some_and(|first| Whole::is_candidate(*first))
            && let Some(ahead) = input.peek_all(compressed)?
            && whole.expand(ahead, compressed as usize, size as usize)
        {
            input.consume(compressed as usize);
            self.left = 0;
            self.state = State::Whole;
            return Ok(());
        }
        if self.buffer.is_empty() {
            self.buffer = vec![0; BUFFER].into_boxed_slice();
        }
        self.inflate.reset(false);
        self.state = State::Stream;
        Ok(())
    }

    /// The next piece of what was expanded at once.
    fn piece(&mut self) -> Step<'_> {
        let end = self.stated.size.min(self.produced + BUFFER as u64);
        match &self.whole {
            Some(whole) if self.produced < end => {
                let content = &whole.content()[self.produced as usize..end as usize];
                self.crc.update(content);
                self.produced = end;
                Step::Content(content)
            }
            _ => self.verdict(),
        }
    }

    fn copy<'b>(&mut self, input: &'b mut Stream<'_>) -> io::Result<Step<'b>> {
        if self.left == 0 {
            return Ok(self.verdict());
        }
        let content = input.take(self.left)?;
        if content.is_empty() {
            return Ok(Step::Bad(Code::Truncated));
        }
        self.left -= content.len() as u64;
        self.produced += content.len() as u64;
        self.crc.update(content);
        Ok(Step::Content(content))
    }

    fn inflate<'b>(&'b mut self, input: &mut Stream<'_>) -> io::Result<Step<'b>> {
        if self.state == State::Ended {
            return Ok(self.verdict());
        }
        let packed = input.peek(self.left)?;
        let offered = packed.len();
        let (total_in, total_out) = (self.inflate.total_in(), self.inflate.total_out());
        let status = self.inflate.decompress(packed, &mut self.buffer, FlushDecompress::None);
        let Ok(status) = status else {
            return Ok(Step::Bad(Code::DeflateCorrupt));
        };
        let read = (self.inflate.total_in() - total_in) as usize;
        let written = (self.inflate.total_out() - total_out) as usize;
        input.consume(read);
        self.left -= read as u64;
        self.produced += written as u64;
        let ended = status == Status::StreamEnd;
        if ended {
            self.state = State::Ended;
        }
        if self.produced > self.stated.size {
            return Ok(Step::Bad(Code::LargerThanStated));
        }
        if written == 0 && read == 0 && !ended {
            return Ok(Step::Bad(if offered == 0 { Code::DeflateTruncated } else { Code::DeflateCorrupt }));
        }
        let content = &self.buffer[..written];
        self.crc.update(content);
        Ok(Step::Content(content))
    }

    fn verdict(&self) -> Step<'static> {
        if self.left > 0 {
            Step::Bad(Code::DataAfterStream)
        } else if self.produced < self.stated.size {
            Step::Bad(Code::SmallerThanStated)
        } else if self.crc.clone().finalize() != self.stated.crc32 {
            Step::Bad(Code::CrcMismatch)
        } else {
            Step::Done
        }
    }

    /// Bytes given out so far, and packed bytes used for them.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.produced, self.stated.compressed - self.left)
    }

    /// The check sum of what was given out.
    pub(crate) fn crc32(&self) -> u32 {
        self.crc.clone().finalize()
    }
}

/// Reads the expanded content of one entry of a checked archive. Memory stays below 1 MiB whatever the size.
///
/// Content that is not what the manifest states ends in an error of kind `InvalidData`.
pub struct EntryReader<'a> {
    input: Stream<'a>,
    unpacker: Unpacker,
    chunk: Vec<u8>,
    at: usize,
    done: bool,
}

impl<'a> EntryReader<'a> {
    /// `source` is the archive the manifest entry belongs to.
    pub fn new(source: &'a dyn ReadAt, entry: &ManifestEntry) -> Self {
        Self::of(source, entry.data_offset, entry.into())
    }

    pub(crate) fn of(source: &'a dyn ReadAt, data_offset: u64, stated: Stated) -> Self {
        let mut unpacker = Unpacker::new();
        unpacker.begin(stated);
        Self {
            input: Stream::new(source, data_offset, data_offset.saturating_add(stated.compressed)),
            unpacker,
            chunk: Vec::new(),
            at: 0,
            done: false,
        }
    }
}

impl Read for EntryReader<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.at == self.chunk.len() && !self.done && !buf.is_empty() {
            self.chunk.clear();
            self.at = 0;
            match self.unpacker.next(&mut self.input)? {
                Step::Content(content) => self.chunk.extend_from_slice(content),
                Step::Done => self.done = true,
                Step::Bad(code) => return Err(io::Error::new(io::ErrorKind::InvalidData, code.as_str())),
            }
        }
        let ready = &self.chunk[self.at..];
        let count = ready.len().min(buf.len());
        buf[..count].copy_from_slice(&ready[..count]);
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::DeflateEncoder};

    use super::*;

    fn deflate(content: &[u8]) -> Vec<u8> {
        let mut out = DeflateEncoder::new(Vec::new(), Compression::default());
        out.write_all(content).unwrap();
        out.finish().unwrap()
    }

    fn stated(content: &[u8], packed: &[u8]) -> Stated {
        Stated {
            method: Method::Deflate,
            compressed: packed.len() as u64,
            size: content.len() as u64,
            crc32: crc32fast::hash(content),
        }
    }

    fn outcome(packed: &[u8], stated: Stated) -> Result<Vec<u8>, String> {
        let mut out = Vec::new();
        EntryReader::of(&packed, 0, stated).read_to_end(&mut out).map(|_| out).map_err(|error| error.to_string())
    }

    #[test]
    fn content_comes_out_whole() {
        for size in [0, 1, 1_000, BUFFER - 1, BUFFER, BUFFER + 1, 1_000_000] {
            let content: Vec<u8> = (0..size).map(|n| (n * n / 7) as u8).collect();
            let packed = deflate(&content);
            assert_eq!(outcome(&packed, stated(&content, &packed)).as_ref(), Ok(&content));
            let plain = Stated { method: Method::Stored, compressed: size as u64, ..stated(&content, &packed) };
            assert_eq!(outcome(&content, plain).as_ref(), Ok(&content));
        }
    }

    #[test]
    fn blocks_without_content_are_steps_of_their_own() {
        // A megabyte of empty stored blocks, then "a" in a last one: whoever reads must be able to stop in between.
        let mut packed = b"\0\0\0\xff\xff".repeat(200_000);
        packed.extend(b"\x01\x01\0\xfe\xffa");
        let stated = stated(b"a", &packed);
        assert_eq!(outcome(&packed, stated).as_deref(), Ok(&b"a"[..]));
        let mut unpacker = Unpacker::new();
        unpacker.begin(stated);
        let mut input = Stream::new(&packed, 0, u64::MAX);
        let mut steps = 0;
        while matches!(unpacker.next(&mut input).unwrap(), Step::Content(_)) {
            steps += 1;
        }
        assert!(steps > 3, "{steps}");
    }

    #[test]
    fn every_lie_has_its_code() {
        let content = b"to be or not to be, that is the question".repeat(50);
        let packed = deflate(&content);
        let honest = stated(&content, &packed);
        let lie = |change: fn(&mut Stated)| {
            let mut stated = honest;
            change(&mut stated);
            outcome(&packed, stated).unwrap_err()
        };
        assert_eq!(lie(|s| s.size -= 1), "LARGER_THAN_STATED");
        assert_eq!(lie(|s| s.size += 1), "SMALLER_THAN_STATED");
        assert_eq!(lie(|s| s.crc32 ^= 1), "CRC_MISMATCH");
        assert_eq!(lie(|s| s.compressed -= 1), "DEFLATE_TRUNCATED");
        assert_eq!(lie(|s| s.compressed += 1), "DATA_AFTER_STREAM");
        let mut broken = packed.clone();
        broken[0] = 0xff;
        assert_eq!(outcome(&broken, honest).unwrap_err(), "DEFLATE_CORRUPT");
    }
}
