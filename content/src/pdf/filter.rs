//! The two PDF filters that write bytes as text, as readers: they wrap compressed streams in PDFs of some programs.

use std::io::{self, Read};

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
}
