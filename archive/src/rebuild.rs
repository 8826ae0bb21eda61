//! The canonical archive: what is stored for download, written by us from the checked content.
//!
//! The `zip` crate's raw copy does not fit here: it keeps extras and flags of the original, needs a seekable target
//! or writes descriptors, and would parse the hostile directory a second time. It serves as the second, independent
//! reader instead ([`cross_check`]).

use std::io::{self, Read, Seek, SeekFrom, Write};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    content::Progress,
    error::CheckError,
    findings::report::{ManifestEntry, Method, Report},
    format::{CentralHeader, DEFLATE, EndRecord, FLAG_UTF8, LocalHeader, STORED},
    source::{ReadAt, Stream},
};

/// 1 January 1980, 00:00: the zero of DOS time.
const DATE: u16 = (1 << 5) | 1;
/// Unix, version 2.0 of the specification.
const MADE_BY: u16 = (3 << 8) | 20;
/// A regular file everybody may read.
const ATTRIBUTES: u32 = 0o100_644 << 16;

/// A finished canonical archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rebuilt {
    /// Bytes written.
    pub size: u64,
    pub sha256: [u8; 32],
    /// Its manifest: sorted by name, with offsets in the canonical archive.
    pub entries: Vec<ManifestEntry>,
}

/// Writes the canonical archive of an accepted upload: the same files, packed to the same bytes, always give the same
/// archive, whatever their names, dates, order and attributes were written by.
///
/// Entries are sorted by name, dated 1980-01-01, named in UTF-8 with the flag that says so, without extras,
/// descriptors, folders and system files. Packed bytes are copied as they are. Memory is one buffer whatever the
/// size; progress counts the bytes to be written.
///
/// Errors: [`CheckError::NotAccepted`] for a report that refuses, [`CheckError::SourceChanged`] when `source` is not
/// the upload the report is about, [`CheckError::Io`] and [`CheckError::Cancelled`].
pub fn rebuild(
    source: &dyn ReadAt,
    report: &Report,
    out: impl Write,
    progress: &mut Progress<'_>,
) -> Result<Rebuilt, CheckError> {
    if !report.accepted {
        return Err(CheckError::NotAccepted);
    }
    if source.len() != report.upload_size {
        let (found, checked) = (source.len(), report.upload_size);
        return Err(CheckError::SourceChanged(format!("{found} bytes instead of {checked}")));
    }
    let mut entries: Vec<&ManifestEntry> = report.entries.iter().collect();
    entries.sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
    let names: u64 = entries.iter().map(|entry| entry.name.len() as u64).sum();
    let packed: u64 = entries.iter().map(|entry| entry.compressed_size).sum();
    let total = packed + 2 * names + (30 + 46) * entries.len() as u64 + 22;
    if total > u64::from(u32::MAX) || entries.len() >= usize::from(u16::MAX) {
        return Err(CheckError::TooLarge);
    }

    let mut target = Target { out, hash: Sha256::new(), written: 0 };
    let mut directory = Vec::new();
    let mut manifest = Vec::with_capacity(entries.len());
    let mut header = Vec::new();
    for entry in &entries {
        let local = local(entry)?;
        let offset = small(target.written)?;
        header.clear();
        local.write(&mut header);
        header.extend(entry.name.as_bytes());
        target.write(&header)?;
        let data_offset = target.written;
        copy(source, entry, &mut target, total, progress)?;
        central(&local, offset).write(&mut directory);
        directory.extend(entry.name.as_bytes());
        manifest.push(ManifestEntry { renamed: false, data_offset, ..(*entry).clone() });
    }
    let end = EndRecord {
        entries_here: entries.len() as u16,
        entries: entries.len() as u16,
        directory_size: small(directory.len() as u64)?,
        directory_offset: small(target.written)?,
        ..EndRecord::default()
    };
    end.write(&mut directory);
    target.write(&directory)?;
    target.out.flush()?;
    tell(progress, target.written, total)?;
    Ok(Rebuilt { size: target.written, sha256: target.hash.finalize().into(), entries: manifest })
}

/// Reads the canonical archive's directory with the `zip` crate, so that two programs that share no line agree on
/// what is served: names, methods, sizes, check sums and places.
///
/// A disagreement is our own defect; it is reported as [`CheckError::SourceChanged`] and nothing may be published.
pub fn cross_check(canonical: &dyn ReadAt, rebuilt: &Rebuilt) -> Result<(), CheckError> {
    let differs = |what: &str| CheckError::SourceChanged(format!("a second ZIP reader disagrees: {what}"));
    if canonical.len() != rebuilt.size {
        return Err(differs("size of the archive"));
    }
    let reader = Seekable { source: canonical, position: 0 };
    let mut archive = zip::ZipArchive::new(io::BufReader::new(reader)).map_err(|error| match error {
        zip::result::ZipError::Io(error) => CheckError::Io(error),
        error => differs(&error.to_string()),
    })?;
    if archive.len() != rebuilt.entries.len() {
        return Err(differs("number of entries"));
    }
    for (at, entry) in rebuilt.entries.iter().enumerate() {
        let file = archive.by_index_raw(at).map_err(|error| match error {
            zip::result::ZipError::Io(error) => CheckError::Io(error),
            error => differs(&error.to_string()),
        })?;
        let method = match entry.method {
            Method::Stored => zip::CompressionMethod::Stored,
            Method::Deflate => zip::CompressionMethod::Deflated,
        };
        let same = file.name_raw() == entry.name.as_bytes()
            && file.name().is_ok_and(|name| name == entry.name)
            && file.is_file()
            && file.compression() == method
            && file.size() == entry.size
            && file.compressed_size() == entry.compressed_size
            && file.crc32() == entry.crc32
            && file.data_start() == Some(entry.data_offset);
        if !same {
            return Err(differs(&entry.name));
        }
    }
    Ok(())
}

fn small(value: u64) -> Result<u32, CheckError> {
    u32::try_from(value).map_err(|_| CheckError::TooLarge)
}

fn local(entry: &ManifestEntry) -> Result<LocalHeader, CheckError> {
    let (method, needed) = match entry.method {
        Method::Stored => (STORED, 10),
        Method::Deflate => (DEFLATE, 20),
    };
    Ok(LocalHeader {
        needed,
        flags: FLAG_UTF8,
        method,
        time: 0,
        date: DATE,
        crc32: entry.crc32,
        compressed: small(entry.compressed_size)?,
        size: small(entry.size)?,
        name_len: u16::try_from(entry.name.len()).map_err(|_| CheckError::TooLarge)?,
        extra_len: 0,
    })
}

fn central(local: &LocalHeader, offset: u32) -> CentralHeader {
    CentralHeader {
        made_by: MADE_BY,
        needed: local.needed,
        flags: local.flags,
        method: local.method,
        time: local.time,
        date: local.date,
        crc32: local.crc32,
        compressed: local.compressed,
        size: local.size,
        name_len: local.name_len,
        external: ATTRIBUTES,
        offset,
        ..CentralHeader::default()
    }
}

fn copy<W: Write>(
    source: &dyn ReadAt,
    entry: &ManifestEntry,
    target: &mut Target<W>,
    total: u64,
    progress: &mut Progress<'_>,
) -> Result<(), CheckError> {
    let end = entry.data_offset.saturating_add(entry.compressed_size);
    if end > source.len() {
        return Err(CheckError::SourceChanged(format!("{} ends beyond it", entry.name)));
    }
    let mut stream = Stream::new(source, entry.data_offset, end);
    let mut reported = target.written;
    while stream.left() > 0 {
        let piece = stream.take(u64::MAX)?;
        target.write(piece)?;
        if target.written - reported >= 1 << 20 {
            reported = target.written;
            tell(progress, reported, total)?;
        }
    }
    Ok(())
}

fn tell(progress: &mut Progress<'_>, done: u64, total: u64) -> Result<(), CheckError> {
    if progress(done, total).is_break() {
        return Err(CheckError::Cancelled);
    }
    Ok(())
}

/// Counts and hashes what goes out.
struct Target<W> {
    out: W,
    hash: Sha256,
    written: u64,
}

impl<W: Write> Target<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.hash.update(bytes);
        self.written += bytes.len() as u64;
        Ok(())
    }
}

/// A source as the `zip` crate wants it.
struct Seekable<'a> {
    source: &'a dyn ReadAt,
    position: u64,
}

impl Read for Seekable<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let left = self.source.len().saturating_sub(self.position);
        let count = left.min(buf.len() as u64) as usize;
        self.source.read_at(self.position, &mut buf[..count])?;
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Seekable<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::End(back) => self.source.len().checked_add_signed(back),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        self.position = place.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
