//! Builds archives byte by byte, so that every field can be made to lie.

use std::io::Write;

use flate2::{Compression, write::DeflateEncoder};

use crate::format::{
    CentralHeader, DEFLATE, DESCRIPTOR_SIGNATURE, EndRecord, FLAG_DESCRIPTOR, FLAG_UTF8, LocalHeader, STORED,
};

/// 14 November 2026, 09:30, as DOS writes it.
const DATE: u16 = ((2026 - 1980) << 9) | (11 << 5) | 14;
const TIME: u16 = (9 << 11) | (30 << 5);

/// One entry: honest when made, open to any change afterwards.
#[derive(Clone)]
pub(crate) struct EntryPlan {
    pub local: LocalHeader,
    pub local_name: Vec<u8>,
    pub local_extra: Vec<u8>,
    pub central: CentralHeader,
    pub central_name: Vec<u8>,
    pub central_extra: Vec<u8>,
    pub comment: Vec<u8>,
    /// The bytes between the local header and the next one.
    pub packed: Vec<u8>,
    pub descriptor: Vec<u8>,
    /// Bytes in front of the local header that belong to nothing.
    pub before: Vec<u8>,
    /// Another offset than the true one.
    pub offset: Option<u32>,
    /// Not written in front of the content: an entry that exists in the directory only.
    pub directory_only: bool,
}

impl EntryPlan {
    fn new(name: impl AsRef<[u8]>, content: &[u8], packed: Vec<u8>, method: u16) -> Self {
        let name = name.as_ref();
        let folder = name.ends_with(b"/");
        let needed = if method == DEFLATE || folder { 20 } else { 10 };
        let local = LocalHeader {
            needed,
            flags: if name.is_ascii() { 0 } else { FLAG_UTF8 },
            method,
            time: TIME,
            date: DATE,
            crc32: crc32fast::hash(content),
            compressed: packed.len() as u32,
            size: content.len() as u32,
            ..LocalHeader::default()
        };
        let central = CentralHeader {
            made_by: (3 << 8) | 30,
            needed,
            flags: local.flags,
            method,
            time: local.time,
            date: local.date,
            crc32: local.crc32,
            compressed: local.compressed,
            size: local.size,
            external: if folder { (0o040755 << 16) | 0x10 } else { 0o100644 << 16 },
            ..CentralHeader::default()
        };
        Self {
            local,
            local_name: name.to_vec(),
            local_extra: Vec::new(),
            central,
            central_name: name.to_vec(),
            central_extra: Vec::new(),
            comment: Vec::new(),
            packed,
            descriptor: Vec::new(),
            before: Vec::new(),
            offset: None,
            directory_only: false,
        }
    }

    pub(crate) fn stored(name: impl AsRef<[u8]>, content: &[u8]) -> Self {
        Self::new(name, content, content.to_vec(), STORED)
    }

    pub(crate) fn deflated(name: impl AsRef<[u8]>, content: &[u8]) -> Self {
        Self::new(name, content, deflate(content), DEFLATE)
    }

    pub(crate) fn folder(name: impl AsRef<[u8]>) -> Self {
        Self::stored(name, b"")
    }

    /// The sizes after the content, as a program writes them that does not know them before.
    pub(crate) fn with_descriptor(mut self) -> Self {
        self.flags(|flags| flags | FLAG_DESCRIPTOR);
        let (crc32, compressed, size) = (self.local.crc32, self.local.compressed, self.local.size);
        for field in [DESCRIPTOR_SIGNATURE, crc32, compressed, size] {
            self.descriptor.extend(field.to_le_bytes());
        }
        (self.local.crc32, self.local.compressed, self.local.size) = (0, 0, 0);
        self
    }

    /// The local header with its name and extra, as it is written.
    pub(crate) fn local_bytes(&self) -> Vec<u8> {
        let name_len = self.local_name.len() as u16;
        let extra_len = self.local_extra.len() as u16;
        let mut out = Vec::new();
        LocalHeader { name_len, extra_len, ..self.local }.write(&mut out);
        out.extend(&self.local_name);
        out.extend(&self.local_extra);
        out
    }

    /// Listed at `offset`, but not written: an entry within other bytes.
    pub(crate) fn only_listed(mut self, offset: usize) -> Self {
        self.directory_only = true;
        self.offset = Some(offset as u32);
        self
    }

    /// The same change of the flags in both headers.
    pub(crate) fn flags(&mut self, change: impl Fn(u16) -> u16) {
        self.local.flags = change(self.local.flags);
        self.central.flags = change(self.central.flags);
    }

    pub(crate) fn method(&mut self, method: u16) {
        self.local.method = method;
        self.central.method = method;
    }

    pub(crate) fn needed(&mut self, needed: u16) {
        self.local.needed = needed;
        self.central.needed = needed;
    }

    pub(crate) fn extra(&mut self, extra: &[u8]) {
        self.local_extra = extra.to_vec();
        self.central_extra = extra.to_vec();
    }

    /// The same lie about the sizes in both headers.
    pub(crate) fn sizes(&mut self, compressed: u32, size: u32) {
        (self.local.compressed, self.local.size) = (compressed, size);
        (self.central.compressed, self.central.size) = (compressed, size);
    }

    pub(crate) fn crc32(&mut self, crc32: u32) {
        self.local.crc32 = crc32;
        self.central.crc32 = crc32;
    }
}

/// A whole archive.
#[derive(Clone, Default)]
pub(crate) struct Plan {
    /// Bytes in front; all offsets know of them.
    pub prefix: Vec<u8>,
    pub entries: Vec<EntryPlan>,
    /// Bytes between the last entry and the directory.
    pub before_directory: Vec<u8>,
    /// Bytes between the directory and the end record.
    pub after_directory: Vec<u8>,
    pub comment: Vec<u8>,
    pub trailing: Vec<u8>,
    /// The directory lists the entries backwards.
    pub reversed: bool,
}

impl Plan {
    pub(crate) fn of(entries: impl IntoIterator<Item = EntryPlan>) -> Self {
        Self { entries: entries.into_iter().collect(), ..Self::default() }
    }

    /// One honest text file, changed.
    pub(crate) fn one(change: impl FnOnce(&mut EntryPlan)) -> Self {
        let mut entry = EntryPlan::deflated("lesson.txt", crate::hostile::sample::TEXT.as_bytes());
        change(&mut entry);
        Self::of([entry])
    }

    pub(crate) fn build(&self) -> Vec<u8> {
        self.build_with(|_| {})
    }

    /// Builds, with a last change of the end record.
    pub(crate) fn build_with(&self, change: impl FnOnce(&mut EndRecord)) -> Vec<u8> {
        let mut out = self.prefix.clone();
        let mut headers = Vec::new();
        for entry in &self.entries {
            let mut at = out.len() as u32;
            if !entry.directory_only {
                out.extend(&entry.before);
                at = out.len() as u32;
                out.extend(entry.local_bytes());
                out.extend(&entry.packed);
                out.extend(&entry.descriptor);
            }
            let mut central = entry.central;
            central.name_len = entry.central_name.len() as u16;
            central.extra_len = entry.central_extra.len() as u16;
            central.comment_len = entry.comment.len() as u16;
            central.offset = entry.offset.unwrap_or(at);
            let mut header = Vec::new();
            central.write(&mut header);
            for part in [&entry.central_name, &entry.central_extra, &entry.comment] {
                header.extend(part);
            }
            headers.push(header);
        }
        if self.reversed {
            headers.reverse();
        }
        out.extend(&self.before_directory);
        let directory = out.len();
        out.extend(headers.concat());
        let mut end = EndRecord {
            entries_here: self.entries.len() as u16,
            entries: self.entries.len() as u16,
            directory_size: (out.len() - directory) as u32,
            directory_offset: directory as u32,
            comment_len: self.comment.len() as u16,
            ..EndRecord::default()
        };
        change(&mut end);
        out.extend(&self.after_directory);
        end.write(&mut out);
        out.extend(&self.comment);
        out.extend(&self.trailing);
        out
    }
}

pub(crate) fn deflate(content: &[u8]) -> Vec<u8> {
    let mut out = DeflateEncoder::new(Vec::new(), Compression::best());
    // Writing to memory cannot fail.
    let _ = out.write_all(content);
    out.finish().unwrap_or_default()
}

/// One extra field.
pub(crate) fn field(id: u16, data: &[u8]) -> Vec<u8> {
    let mut out = id.to_le_bytes().to_vec();
    out.extend((data.len() as u16).to_le_bytes());
    out.extend(data);
    out
}
