//! The filters of PDF streams as readers, one behind the other: what deflates, and the two that write bytes as text, which
//! wrap compressed streams in PDFs of some programs. (PDF 1.7, 7.4.)

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::ZlibDecoder;
use weezl::{BitOrder, decode::Decoder};

/// Bytes that come out of one filter, at most; more ends the stream.
pub const BYTES_MAX: u64 = 64 << 20;
/// Filters of one stream, at most.
pub const CHAIN_MAX: usize = 4;

/// What a stream went through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    Flate,
    /// `early`: codes grow one entry early, as almost all do (7.4.4.3).
    Lzw {
        early: bool,
    },
    RunLength,
    Ascii85,
    AsciiHex,
    /// Image codecs: their bytes are not objects.
    Image,
}

impl Filter {
    pub fn named(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"FlateDecode" | b"Fl" => Self::Flate,
            b"ASCII85Decode" | b"A85" => Self::Ascii85,
            b"ASCIIHexDecode" | b"AHx" => Self::AsciiHex,
            b"LZWDecode" | b"LZW" => Self::Lzw { early: true },
            b"RunLengthDecode" | b"RL" => Self::RunLength,
            b"DCTDecode" | b"DCT" | b"CCITTFaxDecode" | b"CCF" | b"JBIG2Decode" | b"JPXDecode" => Self::Image,
            _ => return None,
        })
    }

    pub fn compresses(self) -> bool {
        matches!(self, Self::Flate | Self::Lzw { .. } | Self::RunLength)
    }
}

/// What comes out behind these filters, as far as the first image codec. No filter yields more than [`BYTES_MAX`] and a
/// little, so that one of them can never work for ever while the next one gives nothing.
pub fn chain<'a>(source: &'a mut dyn BufRead, filters: &[Filter]) -> Box<dyn BufRead + 'a> {
    let mut reader: Box<dyn BufRead + 'a> = Box::new(source);
    for filter in filters {
        let next: Box<dyn Read + 'a> = match filter {
            Filter::Flate => Box::new(ZlibDecoder::new(reader)),
            Filter::Lzw { early } => Box::new(Lzw::new(reader, *early)),
            Filter::RunLength => Box::new(RunLength { source: reader, left: 0, repeated: None }),
            Filter::Ascii85 => Box::new(Ascii85::new(reader)),
            Filter::AsciiHex => Box::new(AsciiHex(reader)),
            Filter::Image => return reader,
        };
        reader = Box::new(BufReader::new(next.take(BYTES_MAX + (1 << 20))));
    }
    reader
}

/// LZW (7.4.4).
struct Lzw<R> {
    source: R,
    decoder: Decoder,
}

impl<R: BufRead> Lzw<R> {
    fn new(source: R, early: bool) -> Self {
        let decoder =
            if early { Decoder::with_tiff_size_switch(BitOrder::Msb, 8) } else { Decoder::new(BitOrder::Msb, 8) };
        Self { source, decoder }
    }
}

impl<R: BufRead> Read for Lzw<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let input = self.source.fill_buf()?;
            let ended = input.is_empty();
            let done = self.decoder.decode_bytes(input, buffer);
            self.source.consume(done.consumed_in);
            if done.consumed_out > 0 || ended || done.consumed_in == 0 || done.status.is_err() {
                return Ok(done.consumed_out);
            }
        }
    }
}

/// Run lengths (7.4.5).
struct RunLength<R> {
    source: R,
    left: usize,
    /// The byte that is repeated; else bytes are copied.
    repeated: Option<u8>,
}

impl<R: Read> Read for RunLength<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if self.left == 0 {
            match next(&mut self.source)? {
                None | Some(128) => return Ok(0),
                Some(length @ 0..=127) => (self.left, self.repeated) = (usize::from(length) + 1, None),
                Some(length) => {
                    (self.left, self.repeated) = (257 - usize::from(length), next(&mut self.source)?);
                    if self.repeated.is_none() {
                        return Ok(0);
                    }
                }
            }
        }
        let wanted = self.left.min(buffer.len());
        let written = match self.repeated {
            Some(byte) => {
                buffer[..wanted].fill(byte);
                wanted
            }
            None => self.source.read(&mut buffer[..wanted])?,
        };
        self.left -= written;
        Ok(written)
    }
}

/// ASCII base-85 (PDF 1.7, 7.4.3), up to its `~>`.
pub struct Ascii85<R> {
    source: R,
    pending: Vec<u8>,
    at: usize,
    ended: bool,
}

impl<R: Read> Ascii85<R> {
    pub fn new(source: R) -> Self {
        Self { source, pending: Vec::with_capacity(4), at: 0, ended: false }
    }

    fn group(&mut self) -> io::Result<()> {
        self.pending.clear();
        self.at = 0;
        let mut digits = [84u8; 5];
        let mut count = 0;
        while count < 5 {
            match next(&mut self.source)? {
                Some(b'z') if count == 0 => {
                    self.pending.extend_from_slice(&[0; 4]);
                    return Ok(());
                }
                Some(byte @ b'!'..=b'u') => {
                    digits[count] = byte - b'!';
                    count += 1;
                }
                Some(byte) if byte.is_ascii_whitespace() || byte == 0 => {}
                _ => {
                    self.ended = true;
                    break;
                }
            }
        }
        if count >= 2 {
            let value = digits.iter().fold(0u32, |sum, digit| sum.wrapping_mul(85).wrapping_add(u32::from(*digit)));
            self.pending.extend_from_slice(&value.to_be_bytes()[..count - 1]);
        }
        Ok(())
    }
}

impl<R: Read> Read for Ascii85<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut written = 0;
        while written < buffer.len() {
            if let Some(byte) = self.pending.get(self.at) {
                buffer[written] = *byte;
                written += 1;
                self.at += 1;
            } else if self.ended {
                break;
            } else {
                self.group()?;
            }
        }
        Ok(written)
    }
}

/// Hexadecimal digits (PDF 1.7, 7.4.2), up to `>`.
pub struct AsciiHex<R>(pub R);

impl<R: Read> AsciiHex<R> {
    fn digit(&mut self) -> io::Result<Option<u8>> {
        loop {
            match next(&mut self.0)? {
                Some(byte) if byte.is_ascii_whitespace() || byte == 0 => {}
                Some(byte) => return Ok((byte as char).to_digit(16).map(|digit| digit as u8)),
                None => return Ok(None),
            }
        }
    }
}

impl<R: Read> Read for AsciiHex<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut written = 0;
        while written < buffer.len() {
            let Some(high) = self.digit()? else { break };
            buffer[written] = high << 4 | self.digit()?.unwrap_or(0);
            written += 1;
        }
        Ok(written)
    }
}

fn next(source: &mut impl Read) -> io::Result<Option<u8>> {
    let mut byte = [0];
    Ok((source.read(&mut byte)? == 1).then_some(byte[0]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mut source: impl Read) -> Vec<u8> {
        let mut bytes = Vec::new();
        source.read_to_end(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn base_85() {
        assert_eq!(read(Ascii85::new(&b"87cUR D]i,\"Ebo80~>rest"[..])), b"Hello World!");
        assert_eq!(read(Ascii85::new(&b"z87c~>"[..])), b"\0\0\0\0He");
        assert_eq!(read(Ascii85::new(&b"~>"[..])), b"");
        assert_eq!(read(Ascii85::new(&b"8"[..])), b"");
    }

    #[test]
    fn hexadecimal() {
        assert_eq!(read(AsciiHex(&b"48 65\n6C6c6F7>zz"[..])), b"Hellop");
        assert_eq!(read(AsciiHex(&b""[..])), b"");
    }

    #[test]
    fn run_lengths() {
        let source = [2, b'a', b'b', b'c', 254, b'x', 128, b'y'];
        assert_eq!(read(RunLength { source: &source[..], left: 0, repeated: None }), b"abcxxx");
    }

    #[test]
    fn lzw() {
        let mut packed = Vec::new();
        let mut encoder = weezl::encode::Encoder::with_tiff_size_switch(BitOrder::Msb, 8);
        encoder.into_vec(&mut packed).encode_all(&b"to be or not to be ".repeat(500)).status.unwrap();
        assert!(packed.len() < 3000);
        assert_eq!(read(Lzw::new(&packed[..], true)), b"to be or not to be ".repeat(500));
    }

    #[test]
    fn one_behind_the_other() {
        let hex: String = [2u8, b'a', b'b', b'c', 128].iter().map(|byte| format!("{byte:02x}")).collect();
        let hex = format!("{hex}>");
        assert_eq!(read(chain(&mut hex.as_bytes(), &[Filter::AsciiHex, Filter::RunLength])), b"abc");
        assert_eq!(read(chain(&mut &b"raw"[..], &[Filter::Image, Filter::Flate])), b"raw");
    }
}
