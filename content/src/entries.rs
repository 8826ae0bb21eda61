//! Reading entries of a ZIP with caps: whole ones up to a limit, the head only, or unpacked to scratch.

use std::{
    cmp::Ordering,
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom, Write},
    path::Path,
    sync::Arc,
};

use tempfile::{NamedTempFile, SpooledTempFile};
use zip::{CompressionMethod, ZipArchive, read::ZipFile, result::ZipError};

use crate::kind::Kind;

/// Up to this many bytes an unpacked entry stays in memory instead of going to the scratch folder.
const SPOOL_MEMORY: usize = 1 << 20;
/// How many bytes are copied between two looks at the cancel flag.
const COPY_STEP: usize = 256 << 10;

/// Why an archive or an entry could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The disk failed or the file is gone: not the creator's fault.
    #[error("the archive cannot be read: {0}")]
    Io(#[source] io::Error),
    /// The archive's structure is not what the archive check promised.
    #[error("the archive is damaged: {0}")]
    Damaged(String),
    /// The entry is larger than the step looks at.
    #[error("{size} bytes; this step reads at most {limit}")]
    TooLarge { size: u64, limit: u64 },
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
}

/// The same error without the name of the file in scratch, which temporary files put into it: what fails here is told to
/// creators and operators, and folders of this machine are nobody's business.
fn pathless(error: io::Error) -> ArchiveError {
    let has_code = error.raw_os_error().is_some();
    ArchiveError::Io(if has_code { error } else { io::Error::from(error.kind()) })
}

impl From<ZipError> for ArchiveError {
    fn from(error: ZipError) -> Self {
        match error {
            ZipError::Io(error) => error.into(),
            other => Self::Damaged(other.to_string()),
        }
    }
}

impl From<io::Error> for ArchiveError {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind as Kind;
        match error.kind() {
            Kind::InvalidData | Kind::InvalidInput | Kind::UnexpectedEof | Kind::Other => {
                Self::Damaged(error.to_string())
            }
            _ => pathless(error),
        }
    }
}

/// One file of an archive; folders are left out.
#[derive(Clone, Debug)]
pub struct Entry {
    pub index: usize,
    pub name: String,
    pub kind: Kind,
    /// Size of the content in bytes, as the directory states it. Readers stop there.
    pub size: u64,
}

/// An open archive: the nano's, or an office document inside it.
pub struct Archive<R> {
    zip: ZipArchive<R>,
    entries: Arc<[Entry]>,
}

/// The nano's own archive.
pub type FileArchive = Archive<BufReader<File>>;

impl FileArchive {
    pub fn open(path: &Path) -> Result<Self, ArchiveError> {
        let file = File::open(path).map_err(ArchiveError::Io)?;
        Self::new(BufReader::with_capacity(64 << 10, file))
    }
}

impl<R: Read + Seek> Archive<R> {
    pub fn new(reader: R) -> Result<Self, ArchiveError> {
        let mut zip = ZipArchive::new(reader)?;
        let mut entries = Vec::with_capacity(zip.len());
        for index in 0..zip.len() {
            let file = zip.by_index_raw(index)?;
            let name = file.name()?.into_owned();
            if !file.is_dir() {
                let kind = Kind::of(&name);
                entries.push(Entry { index, name, kind, size: file.size() });
            }
        }
        Ok(Self { zip, entries: entries.into() })
    }

    /// All files, in the order of the archive.
    pub fn entries(&self) -> Arc<[Entry]> {
        self.entries.clone()
    }

    /// The content as a stream, never longer than the stated size.
    pub fn reader(&mut self, entry: &Entry) -> Result<io::Take<ZipFile<'_, R>>, ArchiveError> {
        Ok(self.zip.by_index(entry.index)?.take(entry.size))
    }

    /// The whole content, if it is at most `limit` bytes.
    pub fn read(&mut self, entry: &Entry, limit: u64) -> Result<Vec<u8>, ArchiveError> {
        if entry.size > limit {
            return Err(ArchiveError::TooLarge { size: entry.size, limit });
        }
        self.head(entry, limit)
    }

    /// The first `limit` bytes, or all if there are fewer. Grows with what arrives, not with what the header claims.
    pub fn head(&mut self, entry: &Entry, limit: u64) -> Result<Vec<u8>, ArchiveError> {
        let mut content = Vec::new();
        self.reader(entry)?.take(limit).read_to_end(&mut content)?;
        Ok(content)
    }

    /// The content as something seekable: in memory if small, else in an unnamed file in `scratch`.
    pub fn spool(
        &mut self,
        entry: &Entry,
        scratch: &Path,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<SpooledTempFile, ArchiveError> {
        let mut spool = tempfile::spooled_tempfile_in(SPOOL_MEMORY, scratch);
        copy(&mut self.reader(entry)?, &mut spool, cancelled)?;
        spool.seek(SeekFrom::Start(0)).map_err(pathless)?;
        Ok(spool)
    }

    /// The content as a named file in `scratch`, for programs that want a path. Removed when dropped.
    pub fn unpack(
        &mut self,
        entry: &Entry,
        scratch: &Path,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<NamedTempFile, ArchiveError> {
        let mut file = NamedTempFile::new_in(scratch).map_err(pathless)?;
        copy(&mut self.reader(entry)?, &mut file, cancelled)?;
        Ok(file)
    }

    /// Where a stored (not compressed) entry lies in the archive: first byte and end.
    pub fn stored_range(&mut self, entry: &Entry) -> Result<Option<(u64, u64)>, ArchiveError> {
        let file = self.zip.by_index_raw(entry.index)?;
        if file.compression() != CompressionMethod::Stored || file.encrypted() {
            return Ok(None);
        }
        Ok(file.data_start().map(|start| (start, start + file.compressed_size())))
    }
}

fn copy(from: &mut impl Read, to: &mut impl Write, cancelled: &dyn Fn() -> bool) -> Result<(), ArchiveError> {
    let mut buffer = vec![0; COPY_STEP];
    loop {
        if cancelled() {
            return Err(ArchiveError::Cancelled);
        }
        let read = fill(from, &mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        to.write_all(&buffer[..read]).map_err(pathless)?;
    }
}

/// Reads until the buffer is full or the input ends.
pub fn fill(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match from.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// How a person would page through the files: shallow folders first, then by name with numbers by value, so that
/// `slide-2` comes before `slide-10`. The order inside a ZIP depends on the program that wrote it.
pub fn reading_order(a: &Entry, b: &Entry) -> Ordering {
    let depth = |entry: &Entry| entry.name.matches('/').count();
    depth(a).cmp(&depth(b)).then_with(|| natural(&a.name, &b.name)).then_with(|| a.name.cmp(&b.name))
}

fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.chars().peekable(), b.chars().peekable());
    loop {
        match (a.peek().copied(), b.peek().copied()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let order = number(&mut a).cmp(&number(&mut b));
                if order != Ordering::Equal {
                    return order;
                }
            }
            (Some(x), Some(y)) => {
                let order = x.to_lowercase().cmp(y.to_lowercase());
                if order != Ordering::Equal {
                    return order;
                }
                a.next();
                b.next();
            }
        }
    }
}

/// A run of digits as (length without leading zeros, digits): compares by value at any length.
fn number(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> (usize, String) {
    let mut digits = String::new();
    while let Some(digit) = chars.next_if(char::is_ascii_digit) {
        digits.push(digit);
    }
    let value = digits.trim_start_matches('0').to_owned();
    (value.len(), value)
}

#[cfg(test)]
pub mod tests {
    use std::io::Cursor;

    use zip::{ZipWriter, write::SimpleFileOptions};

    use super::*;

    /// A ZIP of these entries; names ending in a media extension are stored, others deflated, as the canonical
    /// archive does it.
    pub fn zip_of(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in entries {
            let method = match Kind::of(name) {
                Kind::Image | Kind::Mp4 | Kind::WebM | Kind::Audio => CompressionMethod::Stored,
                _ => CompressionMethod::Deflated,
            };
            zip.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
            zip.write_all(content).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    /// The same as a file in a folder of its own, which serves as scratch too.
    pub fn archive_of(entries: &[(&str, &[u8])]) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("nano.zip");
        std::fs::write(&path, zip_of(entries)).unwrap();
        (folder, path)
    }

    #[test]
    fn orders_like_a_reader() {
        let entry = |name: &str| Entry { index: 0, name: name.into(), kind: Kind::Other, size: 0 };
        let mut entries: Vec<Entry> =
            ["b/slide-10.png", "b/Slide-2.png", "z.png", "a/b/1.png", "A.png"].map(entry).to_vec();
        entries.sort_by(reading_order);
        let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, ["A.png", "z.png", "b/Slide-2.png", "b/slide-10.png", "a/b/1.png"]);
    }

    #[test]
    fn reads_with_a_limit() {
        let (_folder, path) = archive_of(&[("a.txt", b"0123456789"), ("b.png", b"xyz")]);
        let mut archive = FileArchive::open(&path).unwrap();
        let entries = archive.entries();
        assert_eq!(archive.read(&entries[0], 10).unwrap(), b"0123456789");
        assert!(matches!(archive.read(&entries[0], 9), Err(ArchiveError::TooLarge { size: 10, limit: 9 })));
        assert_eq!(archive.head(&entries[0], 4).unwrap(), b"0123");
        assert_eq!(archive.stored_range(&entries[0]).unwrap(), None);
        let (start, end) = archive.stored_range(&entries[1]).unwrap().unwrap();
        assert_eq!(&std::fs::read(&path).unwrap()[start as usize..end as usize], b"xyz");
    }

    #[test]
    fn no_error_names_a_path() {
        let (folder, path) = archive_of(&[("a.txt", &[b'x'; 2 * SPOOL_MEMORY])]);
        let mut archive = FileArchive::open(&path).unwrap();
        let entry = archive.entries()[0].clone();
        let gone = folder.path().join("gone");
        for error in [
            archive.unpack(&entry, &gone, &|| false).err().unwrap(),
            archive.spool(&entry, &gone, &|| false).err().unwrap(),
            FileArchive::open(&gone).err().unwrap(),
        ] {
            let said = format!("{error} {error:?}");
            assert!(!said.contains('/') && !said.contains("gone"), "{said}");
        }
    }

    #[test]
    fn a_missing_file_is_not_a_bad_file() {
        let error = FileArchive::open(Path::new("/nonexistent/nano.zip")).err().unwrap();
        assert!(matches!(error, ArchiveError::Io(_)));
    }
}
