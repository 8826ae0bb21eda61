//! The end of central directory record (rules 1 to 3): exactly one, at the very end, about one disk, without ZIP64.

use std::io;

use crate::{
    findings::{code::Code, report::Finding},
    format::{
        CENTRAL_SIGNATURE, END_SEARCH, END_SIGNATURE, END_SIZE, EndRecord, LOCAL_SIGNATURE, ZIP64_LOCATOR_SIGNATURE,
        ZIP64_LOCATOR_SIZE, signature_in, u32_at,
    },
    limits::Limits,
    source::ReadAt,
};

/// Where the central directory lies, and how many entries it is said to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub directory: u64,
    /// Where the directory ends and the end record starts.
    pub end: u64,
    pub entries: u16,
}

/// Finds the end record by reading the first four bytes and the last 64 KiB.
///
/// Without a place where a directory could be read the archive is beyond a closer look, and `None` is returned.
/// `document` is true for a document inside the upload.
pub(crate) fn find(
    source: &dyn ReadAt,
    limits: &Limits,
    document: bool,
    add: &mut dyn FnMut(Finding),
) -> io::Result<Option<Found>> {
    let len = source.len();
    if len == 0 {
        add(Finding::new(Code::EmptyFile));
        return Ok(None);
    }
    if len > limits.upload {
        add(Finding::new(Code::UploadTooLarge).detail(format!("{len} > {}", limits.upload)));
        return Ok(None);
    }
    let mut first = [0; 4];
    let known = len.min(4) as usize;
    source.read_at(0, &mut first[..known])?;
    let begins = u32::from_le_bytes(first);

    let mut tail = vec![0; len.min(END_SEARCH + ZIP64_LOCATOR_SIZE as u64) as usize];
    let tail_start = len - tail.len() as u64;
    source.read_at(tail_start, &mut tail)?;
    let candidates = candidates(&tail);
    let Some(&(at, end)) = candidates.first() else {
        add(Finding::new(if begins == LOCAL_SIGNATURE { Code::Truncated } else { Code::NotAZip }));
        return Ok(None);
    };
    let place = tail_start + at as u64;

    let rest = tail.len() - at - END_SIZE;
    let comment = usize::from(end.comment_len);
    // Said first and alone: beside ZIP64's records the fields of this one are placeholders, or a second truth.
    let locator = at.checked_sub(ZIP64_LOCATOR_SIZE).is_some_and(|at| u32_at(&tail, at) == ZIP64_LOCATOR_SIGNATURE);
    if locator || end.entries == u16::MAX || end.directory_size == u32::MAX || end.directory_offset == u32::MAX {
        add(Finding::new(Code::Zip64).offset(place));
        return Ok(None);
    }
    let behind = &tail[at + END_SIZE..];
    if comment > rest {
        add(Finding::new(Code::Truncated).offset(place));
    } else if comment < rest && !(document && is_padding(&behind[comment..])) {
        add(Finding::new(Code::TrailingData)
            .offset(place + (END_SIZE + comment) as u64)
            .detail(format!("{} bytes", rest - comment)));
    }
    // A signature can begin in the last field, the comment's length. With none in it, every reader finds this same
    // record, whichever way it searches.
    if comment > 0 && signature_in(&tail[at + END_SIZE - 3..]).is_some() {
        add(Finding::new(Code::ArchiveComment).offset(place + END_SIZE as u64));
    }
    if end.disk != 0 || end.directory_disk != 0 {
        add(Finding::new(Code::MultiDisk).offset(place));
        return Ok(None);
    }
    if end.entries_here != end.entries {
        add(Finding::new(Code::EntryCountMismatch)
            .offset(place)
            .detail(format!("{} / {}", end.entries_here, end.entries)));
    }
    if u64::from(end.entries) > limits.entries {
        add(Finding::new(Code::TooManyEntries).offset(place).detail(format!("{} > {}", end.entries, limits.entries)));
        return Ok(None);
    }

    let (offset, size) = (u64::from(end.directory_offset), u64::from(end.directory_size));
    let reaches = offset + size;
    for &(other, end) in &candidates[1..] {
        // Inside file content the letters may occur by chance, or belong to a document that is a ZIP itself; then
        // they end before the archive does, and no reader goes for them. Inside the directory nothing explains them.
        let to_the_end = other + END_SIZE + usize::from(end.comment_len) == tail.len();
        let other = tail_start + other as u64;
        if to_the_end || (reaches == place && other + 4 > offset) {
            add(Finding::new(Code::AmbiguousEndRecord).offset(other));
            return Ok(None);
        }
    }
    if begins != LOCAL_SIGNATURE && place != 0 {
        add(Finding::new(Code::PrependedData).offset(0));
    }
    if reaches != place {
        let code = if reaches > place {
            Code::Truncated
        } else if starts_with(source, place.saturating_sub(size), CENTRAL_SIGNATURE)? {
            // All offsets are too small by the same amount: something was put in front.
            Code::PrependedData
        } else {
            Code::DirectoryMisplaced
        };
        add(Finding::new(code).offset(place).detail(format!("{offset} + {size} != {place}")));
        return Ok(None);
    }
    if size > limits.directory {
        add(Finding::new(Code::DirectoryTooLarge).offset(offset).detail(format!("{size} > {}", limits.directory)));
        return Ok(None);
    }
    Ok(Some(Found { directory: offset, end: place, entries: end.entries }))
}

/// Blank bytes behind a document's end, as uploads through forms and tapes leave them: they hold nothing, and the end
/// record in front of them is the same to all.
fn is_padding(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, 0 | b'\r' | b'\n' | b' '))
}

/// Every place in the tail where an end record could start, the last one first.
///
/// A signature inside the last record counts too: a reader that searches backwards would meet it first. It is
/// put behind the record it lies in, so that it becomes the second candidate.
fn candidates(tail: &[u8]) -> Vec<(usize, EndRecord)> {
    let mut found: Vec<(usize, EndRecord)> = Vec::new();
    let Some(last) = tail.len().checked_sub(END_SIZE) else {
        return found;
    };
    for at in (0..=last).rev() {
        if tail[at] == b'P'
            && let Some(end) = EndRecord::parse(&tail[at..])
        {
            found.push((at, end));
        }
    }
    if let Some(&(at, _)) = found.first()
        && let Some(inside) =
            (at + 4..tail.len().saturating_sub(3)).find(|&inside| u32_at(tail, inside) == END_SIGNATURE)
    {
        found.push((inside, EndRecord::default()));
    }
    found
}

fn starts_with(source: &dyn ReadAt, offset: u64, signature: u32) -> io::Result<bool> {
    let mut bytes = [0; 4];
    if offset + 4 > source.len() {
        return Ok(false);
    }
    source.read_at(offset, &mut bytes)?;
    Ok(u32::from_le_bytes(bytes) == signature)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(bytes: Vec<u8>) -> Vec<Code> {
        let mut found = Vec::new();
        let _ = find(&bytes, &Limits::default(), false, &mut |finding| found.push(finding.code)).unwrap();
        found
    }

    #[test]
    fn what_is_no_archive() {
        assert_eq!(codes(Vec::new()), [Code::EmptyFile]);
        assert_eq!(codes(b"PK".to_vec()), [Code::NotAZip]);
        assert_eq!(codes(vec![b'x'; 100_000]), [Code::NotAZip]);
        assert_eq!(codes(b"PK\x03\x04 and nothing more".to_vec()), [Code::Truncated]);
    }

    struct Huge;
    impl ReadAt for Huge {
        fn len(&self) -> u64 {
            2 << 30
        }
        fn read_at(&self, _: u64, _: &mut [u8]) -> io::Result<()> {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }

    #[test]
    fn an_upload_beyond_the_limit_is_not_even_read() {
        let mut found = Vec::new();
        let place = find(&Huge, &Limits::default(), false, &mut |finding| found.push(finding.code)).unwrap();
        assert_eq!((place, found), (None, vec![Code::UploadTooLarge]));
    }

    #[test]
    fn a_source_that_fails_is_an_error() {
        let limits = Limits { upload: u64::MAX, ..Limits::default() };
        assert!(find(&Huge, &limits, false, &mut |_| panic!("no finding")).is_err());
    }
}
