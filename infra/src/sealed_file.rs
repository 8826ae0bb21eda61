//! Files that only a key opens, of any size and with little memory: those of backups.
//!
//! The construction is STREAM (Hoang, Reyhanitabar, Rogaway, Vizár: "Online Authenticated-Encryption and its Nonce-Reuse
//! Misuse-Resistance", 2015), as age has it, with AES-256-GCM: pieces of 64 KiB, each sealed under its number and a mark of the
//! last one, so that nothing can be changed, left out, put elsewhere or cut off. Each file has a key of its own, which HKDF-SHA-256
//! makes of the key, of random bytes at the file's head and of what the file is for.

use std::io::{self, BufRead, BufReader, Read, Write};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hkdf::{HKDF_SHA256, Salt},
    rand,
};
use base64::{Engine, prelude::BASE64_STANDARD};

use crate::seal::DataKeyError;

const KEY_BYTES: usize = 32;
const SALT_BYTES: usize = 32;
const TAG_BYTES: usize = 16;
/// Of what is sealed in one go.
const PIECE: usize = 64 * 1024;
/// At the head of each file; the last character is the version of all this.
const MAGIC: &[u8; 8] = b"nanosea1";

/// It was sealed with another key or for another purpose, or is not what was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cannot be opened: it was sealed with another key (BACKUP_KEY), or was changed or cut off")]
pub struct NotOpened;

/// The key of all files of a backup.
pub struct FileKey([u8; KEY_BYTES]);

impl FileKey {
    /// 32 bytes in base64.
    pub fn read(text: &str) -> Result<Self, DataKeyError> {
        let bytes = BASE64_STANDARD.decode(text.trim()).map_err(|_| DataKeyError)?;
        bytes.try_into().map(Self).map_err(|_| DataKeyError)
    }

    fn of_file(&self, salt: &[u8], purpose: &str) -> io::Result<LessSafeKey> {
        let extracted = Salt::new(HKDF_SHA256, salt).extract(&self.0);
        let info = [MAGIC.as_slice(), purpose.as_bytes()];
        let made = extracted.expand(&info, &AES_256_GCM).map_err(io::Error::other)?;
        Ok(LessSafeKey::new(UnboundKey::from(made)))
    }
}

/// The number of a piece, and whether it is the last.
fn nonce(piece: u64, last: bool) -> Nonce {
    let mut bytes = [0; NONCE_LEN];
    bytes[3..11].copy_from_slice(&piece.to_be_bytes());
    bytes[11] = u8::from(last);
    Nonce::assume_unique_for_key(bytes)
}

/// Seals what is written to it. Without [`Sealing::finish`] the file is one that was cut off.
pub struct Sealing<W> {
    out: W,
    key: LessSafeKey,
    waiting: Vec<u8>,
    pieces: u64,
}

impl<W: Write> Sealing<W> {
    /// Begins a file; whoever opens it has to know what it is for.
    pub fn begin(mut out: W, key: &FileKey, purpose: &str) -> io::Result<Self> {
        let mut salt = [0; SALT_BYTES];
        rand::fill(&mut salt).map_err(io::Error::other)?;
        out.write_all(MAGIC)?;
        out.write_all(&salt)?;
        let waiting = Vec::with_capacity(PIECE + TAG_BYTES);
        Ok(Self { out, key: key.of_file(&salt, purpose)?, waiting, pieces: 0 })
    }

    fn seal(&mut self, last: bool) -> io::Result<()> {
        let nonce = nonce(self.pieces, last);
        self.key.seal_in_place_append_tag(nonce, Aad::empty(), &mut self.waiting).map_err(io::Error::other)?;
        self.out.write_all(&self.waiting)?;
        self.waiting.clear();
        self.pieces += 1;
        Ok(())
    }

    /// Seals the last piece, and gives back what was written to.
    pub fn finish(mut self) -> io::Result<W> {
        self.seal(true)?;
        self.out.flush()?;
        Ok(self.out)
    }
}

impl<W: Write> Write for Sealing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full piece waits until it is known not to be the last.
        if self.waiting.len() == PIECE && !bytes.is_empty() {
            self.seal(false)?;
        }
        let taken = bytes.len().min(PIECE - self.waiting.len());
        self.waiting.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        // What waits cannot be sealed before its piece is full.
        self.out.flush()
    }
}

/// Reads what was sealed. Every byte that comes out is as it went in; an error of kind [`io::ErrorKind::InvalidData`] is
/// [`NotOpened`].
pub struct Opening<R> {
    input: BufReader<R>,
    key: LessSafeKey,
    open: Vec<u8>,
    /// Of `open`, what was read already.
    read: usize,
    pieces: u64,
    last: bool,
}

fn not_opened() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, NotOpened)
}

impl<R: Read> Opening<R> {
    pub fn begin(input: R, key: &FileKey, purpose: &str) -> io::Result<Self> {
        let mut input = BufReader::with_capacity(PIECE, input);
        let mut head = [0; MAGIC.len() + SALT_BYTES];
        input.read_exact(&mut head).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => not_opened(),
            _ => error,
        })?;
        let (magic, salt) = head.split_at(MAGIC.len());
        if magic != MAGIC {
            return Err(not_opened());
        }
        let key = key.of_file(salt, purpose)?;
        Ok(Self { input, key, open: Vec::with_capacity(PIECE + TAG_BYTES), read: 0, pieces: 0, last: false })
    }

    fn next(&mut self) -> io::Result<()> {
        self.read = 0;
        self.open.clear();
        self.input.by_ref().take((PIECE + TAG_BYTES) as u64).read_to_end(&mut self.open)?;
        let last = self.input.fill_buf()?.is_empty();
        match self.key.open_in_place(nonce(self.pieces, last), Aad::empty(), &mut self.open).map(|open| open.len()) {
            Ok(length) => self.open.truncate(length),
            Err(_) => {
                self.open.clear();
                return Err(not_opened());
            }
        }
        self.pieces += 1;
        self.last = last;
        Ok(())
    }
}

impl<R: Read> Read for Opening<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        while self.read == self.open.len() {
            if self.last {
                return Ok(0);
            }
            self.next()?;
        }
        let taken = bytes.len().min(self.open.len() - self.read);
        bytes[..taken].copy_from_slice(&self.open[self.read..self.read + taken]);
        self.read += taken;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(fill: u8) -> FileKey {
        FileKey::read(&BASE64_STANDARD.encode([fill; KEY_BYTES])).unwrap()
    }

    fn sealed(content: &[u8]) -> Vec<u8> {
        let mut sealing = Sealing::begin(Vec::new(), &key(1), "test").unwrap();
        for part in content.chunks(10_007) {
            sealing.write_all(part).unwrap();
        }
        sealing.finish().unwrap()
    }

    fn opened(sealed: &[u8], key: &FileKey, purpose: &str) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        Opening::begin(sealed, key, purpose)?.read_to_end(&mut content)?;
        Ok(content)
    }

    #[track_caller]
    fn assert_refused(sealed: &[u8], what: &str) {
        let error = opened(sealed, &key(1), "test").expect_err(what);
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{what}: {error}");
    }

    #[test]
    fn files_of_every_size_come_back() {
        for size in [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 3 * PIECE + 5] {
            let content: Vec<u8> = (0..size).map(|n| (n % 251) as u8).collect();
            let file = sealed(&content);
            assert_eq!(opened(&file, &key(1), "test").unwrap(), content, "{size}");
            let pieces = size.div_ceil(PIECE).max(1);
            assert_eq!(file.len(), MAGIC.len() + SALT_BYTES + size + pieces * TAG_BYTES, "{size}");
            assert!(size < 20 || !file.windows(20).any(|part| part == &content[..20]), "{size}");
        }
        assert_ne!(sealed(b"same"), sealed(b"same"), "never twice the same");
    }

    #[test]
    fn nothing_else_opens() {
        let file = sealed(&vec![7; 2 * PIECE + 100]);
        assert!(opened(&file, &key(2), "test").is_err() && opened(&file, &key(1), "another purpose").is_err());
        let head = MAGIC.len() + SALT_BYTES;
        for at in [0, MAGIC.len(), head, head + PIECE, head + PIECE + TAG_BYTES, file.len() - 1] {
            let mut changed = file.clone();
            changed[at] ^= 1;
            assert_refused(&changed, &format!("byte {at} was changed"));
        }
        let piece = PIECE + TAG_BYTES;
        for cut in [0, 5, head, head + 3, head + piece, head + 2 * piece, file.len() - 1] {
            assert_refused(&file[..cut], &format!("cut off after {cut}"));
        }
        let mut longer = file.clone();
        longer.push(0);
        assert_refused(&longer, "one byte more");
        let mut swapped = file.clone();
        swapped[head..head + 2 * piece].rotate_left(piece);
        assert_refused(&swapped, "two pieces changed places");
    }
}
