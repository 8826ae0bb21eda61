//! What goes through, counted and hashed.

use std::io::{self, Read, Write};

use sha2::{Digest, Sha256};

pub(super) struct Counted<T> {
    inner: T,
    size: u64,
    hash: Sha256,
}

impl<T> Counted<T> {
    pub(super) fn new(inner: T) -> Self {
        Self { inner, size: 0, hash: Sha256::new() }
    }

    /// What was written to or read from, the number of bytes, and their SHA-256 in hexadecimal digits.
    pub(super) fn done(self) -> (T, u64, String) {
        (self.inner, self.size, hex::encode(self.hash.finalize()))
    }

    fn count(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        self.hash.update(bytes);
    }
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.inner.write(bytes)?;
        self.count(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(bytes)?;
        self.count(&bytes[..read]);
        Ok(read)
    }
}
