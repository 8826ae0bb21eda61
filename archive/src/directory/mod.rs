//! The central directory (rules 3 to 5 and 8 to 12): everything that can be said before a byte of content is read.

pub mod end;
pub mod extra;

use std::io;

use memchr::memmem;

use crate::{
    budget::Budget,
    directory::extra::Around,
    findings::{
        code::Code,
        report::{Finding, Findings},
        writer::Writer,
    },
    format::{
        CENTRAL_SIZE, CentralHeader, DEFLATE, FLAG_ENCRYPTED, FLAG_MASKED_HEADERS, FLAG_PATCH, FLAG_STRONG_ENCRYPTION,
        FLAGS_ALLOWED, LOCAL_SIZE, STORED,
    },
    kinds::{kind, scope::Scope, sniff::Expected},
    limits::Options,
    names::{
        name::{self, Name},
        unique::Names,
    },
    packages::needs,
    source::ReadAt,
};

/// One entry as the directory states it.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub header: CentralHeader,
    /// None when it is that of `name`, byte for byte.
    raw_name: Option<Box<[u8]>>,
    pub name: Name,
    pub expected: Expected,
    /// Left out of the canonical archive.
    pub junk: bool,
    /// Its content can be read: a known method, not encrypted, stored sizes equal.
    pub readable: bool,
    /// What was found in its extra fields; the same in the local header is not told again.
    pub extra: Vec<Code>,
    /// The name in its Unicode path field.
    pub unicode: Option<Box<str>>,
}

impl Entry {
    /// The name as it is stored.
    pub(crate) fn raw_name(&self) -> &[u8] {
        self.raw_name.as_deref().unwrap_or(self.name.text.as_bytes())
    }

    /// It is kept under another name than the stored one.
    pub(crate) fn is_renamed(&self) -> bool {
        self.raw_name.is_some()
    }
}

/// What a name that is left out may be, and no other.
const TOO_LONG: [Code; 2] = [Code::PathTooLong, Code::PathTooDeep];

/// A directory in which all entries lie one behind the other.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    pub entries: Vec<Entry>,
    /// Where it starts, and the content ends.
    pub offset: u64,
}

impl Directory {
    /// The names of the files that are kept.
    pub(crate) fn files(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().filter(|entry| !entry.junk && !entry.name.folder).map(|entry| entry.name.text.as_str())
    }
}

/// The most bytes a local header and a descriptor can take besides name and content.
const MOST_BETWEEN: u64 = LOCAL_SIZE as u64 + 0xffff + 24;

/// Reads and judges the directory. `None` when the content must not or cannot be read.
pub(crate) fn read(
    source: &dyn ReadAt,
    scope: &Scope,
    options: &Options,
    budget: &mut Budget,
    findings: &mut Findings,
) -> io::Result<Option<Directory>> {
    let mut add = |finding: Finding| findings.add(scope.apply(finding));
    let Some(found) = end::find(source, &options.limits, scope.document.is_some(), &mut add)? else {
        return Ok(None);
    };
    if let Err((code, detail)) = budget.spend_directory(found.end - found.directory, &options.limits) {
        add(Finding::new(code).offset(found.directory).detail(detail));
        return Ok(None);
    }
    // Bounded by `limits.directory`, and all of it is there: `find` compared its place with the source's length.
    let mut bytes = vec![0; (found.end - found.directory) as usize];
    source.read_at(found.directory, &mut bytes)?;

    let mut reader = Reader {
        scope,
        options,
        findings,
        names: Names::default(),
        recomposed: Tally::default(),
        reencoded: Tally::default(),
        junk: Tally::default(),
        h5p: scope.document.is_none() && has_h5p(&bytes),
    };
    let Some(entries) = reader.entries(&bytes, found)? else {
        return Ok(None);
    };
    reader.notes();
    let directory = Directory { entries, offset: found.directory };
    let laid_out = reader.layout(&directory);
    let affordable = reader.budgets(&directory, budget);
    if !directory.entries.iter().any(|entry| !entry.name.folder && !entry.junk) {
        reader.add(Finding::new(Code::NoContent));
    }
    Ok((laid_out && affordable).then_some(directory))
}

/// Counts what is worth one note, not one for each entry.
#[derive(Default)]
struct Tally {
    /// The first few.
    names: Vec<String>,
    count: u64,
}

impl Tally {
    fn add(&mut self, name: &str) {
        if self.names.len() < 3 {
            self.names.push(name.to_owned());
        }
        self.count += 1;
    }
}

struct Reader<'a> {
    scope: &'a Scope,
    options: &'a Options,
    findings: &'a mut Findings,
    names: Names,
    recomposed: Tally,
    reencoded: Tally,
    junk: Tally,
    /// The upload is an H5P package, by a name in its directory.
    h5p: bool,
}

impl Reader<'_> {
    fn add(&mut self, finding: Finding) {
        self.findings.add(self.scope.apply(finding));
    }

    fn entries(&mut self, bytes: &[u8], found: end::Found) -> io::Result<Option<Vec<Entry>>> {
        // As many as are stated, when there is room for them in the bytes that were read.
        let most = usize::from(found.entries).min(bytes.len() / CENTRAL_SIZE);
        let mut entries = Vec::with_capacity(most);
        self.names.reserve(most);
        let mut at = 0;
        while at < bytes.len() {
            let offset = found.directory + at as u64;
            let rest = &bytes[at..];
            let Some((header, size)) =
                CentralHeader::parse(rest).and_then(|header| Some((header, header_size(&header, rest.len())?)))
            else {
                self.add(Finding::new(Code::DirectoryMalformed).offset(offset));
                return Ok(None);
            };
            if entries.len() as u64 >= self.options.limits.entries {
                self.add(
                    Finding::new(Code::TooManyEntries)
                        .offset(offset)
                        .detail(format!("more than {}", self.options.limits.entries)),
                );
                return Ok(None);
            }
            entries.push(self.entry(header, &rest[CENTRAL_SIZE..size], offset));
            at += size;
        }
        if entries.len() != usize::from(found.entries) {
            self.add(Finding::new(Code::EntryCountMismatch).offset(found.end).detail(format!(
                "{} / {}",
                found.entries,
                entries.len()
            )));
        }
        Ok(Some(entries))
    }

    /// One header with the `name`, extra and comment that follow it.
    fn entry(&mut self, header: CentralHeader, after: &[u8], offset: u64) -> Entry {
        let limits = &self.options.limits;
        let (raw_name, after) = after.split_at(usize::from(header.name_len));
        let (extra, comment) = after.split_at(usize::from(header.extra_len));
        if self.scope.document.is_none() {
            let writer = Writer::of(&header, raw_name, extra);
            self.findings.writer = self.findings.writer.or(writer);
        }
        let unicode = extra::unicode_path(extra, raw_name);
        let mut name = name::read(raw_name, header.flags, header.host(), unicode, limits);
        // Dropbox lists the root of what it packs.
        let root = self.scope.document.is_none() && raw_name == b"/";
        if root {
            name.problems.clear();
        }
        let junk = root || (self.scope.document.is_none() && kind::is_junk(&name.text));
        let mut found: Vec<(Code, Option<String>)> = std::mem::take(&mut name.problems);
        let fits = !found.iter().any(|(code, _)| TOO_LONG.contains(code));
        if junk {
            // What macOS adds to a long name (`__MACOSX/`, `._`) is left out, so it may be longer.
            found.retain(|(code, _)| !TOO_LONG.contains(code));
        }
        if found.is_empty()
            && fits
            && !root
            && let Some((code, other)) = self.names.add(&name.text)
        {
            found.push((code, (code != Code::DuplicateName).then_some(other)));
        }
        let readable = format(&header, &mut found);
        attributes(&header, name.folder, &mut found);
        // What ZIP64 is used for is said by the sizes already.
        let around = Around { local: false, header: &header, raw_name, unicode: None };
        let mut extra = extra::problems(extra, &around);
        if found.iter().any(|(code, _)| *code == Code::Zip64) {
            extra.retain(|(code, _)| *code != Code::Zip64);
        }
        found.extend(extra.iter().map(|(code, detail)| (*code, Some(detail.clone()))));
        if !comment.is_empty() {
            found.push((Code::EntryComment, None));
        }
        let expected = if name.folder || junk {
            Expected::Anything
        } else {
            self.scope.expect(&name.text, self.h5p, self.options, &mut found)
        };
        for (code, detail) in found {
            let finding = Finding::new(code).entry(&name.text).offset(offset);
            self.add(match detail {
                Some(detail) => finding.detail(detail),
                None => finding,
            });
        }
        for (changed, tally) in [
            (name.recomposed, &mut self.recomposed),
            (name.reencoded, &mut self.reencoded),
            (junk && !name.folder, &mut self.junk),
        ] {
            if changed {
                tally.add(&name.text);
            }
        }
        Entry {
            header,
            raw_name: (raw_name != name.text.as_bytes()).then(|| raw_name.into()),
            name,
            expected,
            junk,
            readable,
            extra: extra.into_iter().map(|(code, _)| code).collect(),
            unicode: unicode.map(Into::into),
        }
    }

    fn notes(&mut self) {
        if self.scope.document.is_some() {
            return;
        }
        for (code, tally) in [
            (Code::NameRecomposed, std::mem::take(&mut self.recomposed)),
            (Code::NameReencoded, std::mem::take(&mut self.reencoded)),
            (Code::JunkIgnored, std::mem::take(&mut self.junk)),
        ] {
            if let Some(first) = tally.names.first() {
                self.add(
                    Finding::new(code).entry(first).detail(tally.count.to_string()).times(tally.count, &tally.names),
                );
            }
        }
    }

    /// Entries in the order of their offsets, the first one at 0, none reaching into the next, none further away
    /// than a header and a descriptor explain. The exact fit is seen when the local headers are read.
    fn layout(&mut self, directory: &Directory) -> bool {
        let mut ordered: Vec<&Entry> = directory.entries.iter().collect();
        if !ordered.is_sorted_by_key(|entry| entry.header.offset) {
            // Office programs do not care, and pack parts as they come.
            if self.scope.document.is_none() {
                self.add(Finding::new(Code::EntriesOutOfOrder).offset(directory.offset));
            }
            ordered.sort_by_key(|entry| entry.header.offset);
        }
        let mut good = true;
        let mut least_end = 0;
        let mut most_end = 0;
        for entry in ordered {
            let start = u64::from(entry.header.offset);
            let code = if start < least_end {
                good = false;
                Code::EntriesOverlap
            } else if start > most_end {
                Code::HiddenData
            } else {
                (least_end, most_end) = extent(&entry.header);
                continue;
            };
            self.add(Finding::new(code).entry(&entry.name.text).offset(start));
            (least_end, most_end) = extent(&entry.header);
        }
        if least_end > directory.offset {
            good = false;
            self.add(Finding::new(Code::EntriesOverlap).offset(directory.offset));
        } else if most_end < directory.offset {
            self.add(Finding::new(Code::HiddenData).offset(most_end));
        }
        good
    }

    fn budgets(&mut self, directory: &Directory, budget: &mut Budget) -> bool {
        let limits = &self.options.limits;
        let mut good = true;
        // First, so that a thousand small bombs do not hide what they come to.
        let packed = directory.entries.iter().map(|entry| u64::from(entry.header.compressed));
        let size = directory.entries.iter().map(|entry| u64::from(entry.header.size)).sum();
        // Parts of a document lie in its packed bytes, which are counted already.
        let packed = if self.scope.document.is_none() { packed.sum() } else { 0 };
        if let Err((code, detail)) = budget.spend(directory.entries.len() as u64, packed, size, limits) {
            good = false;
            self.add(Finding::new(code).detail(detail));
        }
        for entry in &directory.entries {
            let (packed, size) = (u64::from(entry.header.compressed), u64::from(entry.header.size));
            let code = if size > limits.entry {
                Code::EntryTooLarge
            } else if size > limits.entry_ratio_from && size > packed.saturating_mul(limits.entry_ratio) {
                Code::ZipBombRatio
            } else {
                continue;
            };
            good = false;
            self.add(
                Finding::new(code)
                    .entry(&entry.name.text)
                    .offset(u64::from(entry.header.offset))
                    .detail(format!("{packed} -> {size} bytes")),
            );
        }
        good
    }
}

/// The least and the most bytes an entry can end at. A descriptor is left to the content's pass, which can tell a
/// missing one from an overlap.
pub(crate) fn extent(header: &CentralHeader) -> (u64, u64) {
    let content = u64::from(header.offset) + u64::from(header.name_len) + u64::from(header.compressed);
    (content + LOCAL_SIZE as u64, content + MOST_BETWEEN)
}

/// A directory that lists the manifest of an H5P package.
fn has_h5p(mut bytes: &[u8]) -> bool {
    // In most there is no such word.
    if memmem::find(bytes, needs::H5P.as_bytes()).is_none() {
        return false;
    }
    while let Some(header) = CentralHeader::parse(bytes)
        && let Some(size) = header_size(&header, bytes.len())
    {
        if needs::is_h5p(&bytes[CENTRAL_SIZE..CENTRAL_SIZE + usize::from(header.name_len)]) {
            return true;
        }
        bytes = &bytes[size..];
    }
    false
}

/// The whole header's size, when that many bytes are there.
fn header_size(header: &CentralHeader, there: usize) -> Option<usize> {
    let size =
        CENTRAL_SIZE + usize::from(header.name_len) + usize::from(header.extra_len) + usize::from(header.comment_len);
    (size <= there).then_some(size)
}

/// A version needed that asks for nothing we refuse: 2.0 is that of deflate and folders, 4.5 that of ZIP64, which some
/// programs write without using it. p7zip puts its system into the upper byte.
pub(crate) fn is_old(needed: u16) -> bool {
    let version = needed & 0xff;
    version <= 20 || version == 45
}

/// Method, flags, sizes (rules 3 and 5, the directory's side of 6). Whether the content can be read.
fn format(header: &CentralHeader, found: &mut Vec<(Code, Option<String>)>) -> bool {
    let mut readable = true;
    let flags = header.flags;
    if flags & (FLAG_ENCRYPTED | FLAG_STRONG_ENCRYPTION | FLAG_MASKED_HEADERS) != 0 || header.method == 99 {
        found.push((Code::Encrypted, None));
        readable = false;
    } else if !matches!(header.method, STORED | DEFLATE) {
        found.push((Code::MethodUnsupported, Some(header.method.to_string())));
        readable = false;
    }
    let others = flags & !(FLAGS_ALLOWED | FLAG_ENCRYPTED | FLAG_STRONG_ENCRYPTION | FLAG_MASKED_HEADERS);
    if others != 0 {
        found.push((Code::FlagUnsupported, Some(format!("0x{others:04x}"))));
        readable &= flags & FLAG_PATCH == 0;
    }
    if !is_old(header.needed) && readable {
        found.push((Code::VersionUnsupported, Some((header.needed & 0xff).to_string())));
    }
    if header.disk != 0 {
        found.push((Code::MultiDisk, Some(header.disk.to_string())));
    }
    if [header.compressed, header.size, header.offset].contains(&u32::MAX) {
        found.push((Code::Zip64, None));
        readable = false;
    }
    if header.method == STORED && readable && header.compressed != header.size {
        found.push((Code::StoredSizeMismatch, Some(format!("{} / {}", header.compressed, header.size))));
        readable = false;
    }
    readable
}

/// Only files and folders (rule 11), by the Unix mode in the upper half and the DOS attributes in the lower.
fn attributes(header: &CentralHeader, folder: bool, found: &mut Vec<(Code, Option<String>)>) {
    const TYPE: u32 = 0o170000;
    const FILE: u32 = 0o100000;
    const FOLDER: u32 = 0o040000;
    const LINK: u32 = 0o120000;
    const SETUID: u32 = 0o4000;
    const SETGID: u32 = 0o2000;
    const DOS_VOLUME: u32 = 0x08;
    const DOS_FOLDER: u32 = 0x10;
    /// NTFS: a device, and a link or junction, which 7-Zip writes and restores.
    const NTFS_DEVICE: u32 = 0x40;
    const NTFS_REPARSE_POINT: u32 = 0x400;

    let mode = header.external >> 16;
    let shown = || Some(format!("mode {mode:o}"));
    match mode & TYPE {
        0 => {}
        FILE if folder => found.push((Code::FolderMismatch, shown())),
        FOLDER if !folder => found.push((Code::FolderMismatch, shown())),
        FILE | FOLDER => {}
        LINK => found.push((Code::Symlink, shown())),
        _ => found.push((Code::SpecialFile, shown())),
    }
    // A group's folders often carry the setgid right; it only says who owns new files in them.
    if mode & SETUID != 0 || (mode & SETGID != 0 && !folder) {
        found.push((Code::Setuid, shown()));
    }
    let dos = header.external & 0xffff;
    if dos & DOS_VOLUME != 0 {
        found.push((Code::SpecialFile, Some("volume label".into())));
    }
    if dos & NTFS_DEVICE != 0 {
        found.push((Code::SpecialFile, Some("device attribute".into())));
    }
    if dos & NTFS_REPARSE_POINT != 0 {
        found.push((Code::Symlink, Some("reparse point".into())));
    }
    if dos & DOS_FOLDER != 0 && !folder {
        found.push((Code::FolderMismatch, Some("DOS attribute".into())));
    }
    if folder && header.size != 0 {
        found.push((Code::FolderWithContent, Some(format!("{} bytes", header.size))));
    }
}
