//! The records of a ZIP file as they lie on disk (PKWARE APPNOTE 6.3.10, sections 4.3.7, 4.3.9, 4.3.12, 4.3.16).

use memchr::memmem;

pub(crate) const LOCAL_SIGNATURE: u32 = 0x0403_4b50;
pub(crate) const CENTRAL_SIGNATURE: u32 = 0x0201_4b50;
pub(crate) const END_SIGNATURE: u32 = 0x0605_4b50;
pub(crate) const ZIP64_LOCATOR_SIGNATURE: u32 = 0x0706_4b50;
pub(crate) const DESCRIPTOR_SIGNATURE: u32 = 0x0807_4b50;

/// The last two bytes of every record's signature, behind the letters `PK` (APPNOTE 4.3): local header, central header,
/// end, descriptor, ZIP64's end and its locator, digital signature, extra data of an encrypted directory.
const SIGNATURES: [[u8; 2]; 8] = [[3, 4], [1, 2], [5, 6], [7, 8], [6, 6], [6, 7], [5, 5], [6, 8]];

pub(crate) const LOCAL_SIZE: usize = 30;
pub(crate) const CENTRAL_SIZE: usize = 46;
pub(crate) const END_SIZE: usize = 22;
pub(crate) const ZIP64_LOCATOR_SIZE: usize = 20;
/// With signature; the form without one is not accepted (rule 6).
pub(crate) const DESCRIPTOR_SIZE: usize = 16;
/// An archive comment's length is 16 bits, so no end record starts before this many bytes from the end.
pub(crate) const END_SEARCH: u64 = END_SIZE as u64 + 0xffff;

pub(crate) const STORED: u16 = 0;
pub(crate) const DEFLATE: u16 = 8;

pub(crate) const FLAG_ENCRYPTED: u16 = 1;
pub(crate) const FLAG_DESCRIPTOR: u16 = 1 << 3;
pub(crate) const FLAG_PATCH: u16 = 1 << 5;
pub(crate) const FLAG_STRONG_ENCRYPTION: u16 = 1 << 6;
pub(crate) const FLAG_UTF8: u16 = 1 << 11;
pub(crate) const FLAG_MASKED_HEADERS: u16 = 1 << 13;
/// Bits 1 and 2 tell how hard the packer tried, 3 announces a descriptor, 11 says the name is UTF-8.
pub(crate) const FLAGS_ALLOWED: u16 = 0b110 | FLAG_DESCRIPTOR | FLAG_UTF8;

/// Where the first signature of a record stands in these bytes.
pub(crate) fn signature_in(bytes: &[u8]) -> Option<usize> {
    memmem::find_iter(bytes, b"PK")
        .find(|at| bytes.get(at + 2..at + 4).is_some_and(|rest| SIGNATURES.iter().any(|known| rest == known)))
}

/// Looks for signatures in a stream, across its chunks.
#[derive(Default)]
pub(crate) struct SignatureSearch {
    seen: u64,
    /// The last three bytes of what was seen.
    recent: Vec<u8>,
    found: Option<u64>,
}

impl SignatureSearch {
    pub(crate) fn feed(&mut self, chunk: &[u8]) {
        if self.found.is_none() {
            let kept = self.recent.len() as u64;
            self.recent.extend(&chunk[..chunk.len().min(3)]);
            let across = signature_in(&self.recent).map(|at| self.seen - kept + at as u64);
            self.found = across.or_else(|| signature_in(chunk).map(|at| self.seen + at as u64));
            if chunk.len() >= 3 {
                self.recent.clear();
                self.recent.extend(&chunk[chunk.len() - 3..]);
            } else {
                let surplus = self.recent.len().saturating_sub(3);
                self.recent.drain(..surplus);
            }
        }
        self.seen += chunk.len() as u64;
    }

    /// Where the first one stands.
    pub(crate) fn found(&self) -> Option<u64> {
        self.found
    }
}

pub(crate) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

/// The header in front of a file's content, without signature, name and extra.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LocalHeader {
    pub needed: u16,
    pub flags: u16,
    pub method: u16,
    pub time: u16,
    pub date: u16,
    pub crc32: u32,
    pub compressed: u32,
    pub size: u32,
    pub name_len: u16,
    pub extra_len: u16,
}

impl LocalHeader {
    /// None without the signature.
    pub(crate) fn parse(bytes: &[u8; LOCAL_SIZE]) -> Option<Self> {
        (u32_at(bytes, 0) == LOCAL_SIGNATURE).then(|| Self {
            needed: u16_at(bytes, 4),
            flags: u16_at(bytes, 6),
            method: u16_at(bytes, 8),
            time: u16_at(bytes, 10),
            date: u16_at(bytes, 12),
            crc32: u32_at(bytes, 14),
            compressed: u32_at(bytes, 18),
            size: u32_at(bytes, 22),
            name_len: u16_at(bytes, 26),
            extra_len: u16_at(bytes, 28),
        })
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend(LOCAL_SIGNATURE.to_le_bytes());
        for field in [self.needed, self.flags, self.method, self.time, self.date] {
            out.extend(field.to_le_bytes());
        }
        for field in [self.crc32, self.compressed, self.size] {
            out.extend(field.to_le_bytes());
        }
        out.extend(self.name_len.to_le_bytes());
        out.extend(self.extra_len.to_le_bytes());
    }
}

/// A file's header in the central directory, without signature, name, extra and comment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CentralHeader {
    /// Upper byte: the system the file attributes belong to.
    pub made_by: u16,
    pub needed: u16,
    pub flags: u16,
    pub method: u16,
    pub time: u16,
    pub date: u16,
    pub crc32: u32,
    pub compressed: u32,
    pub size: u32,
    pub name_len: u16,
    pub extra_len: u16,
    pub comment_len: u16,
    pub disk: u16,
    pub internal: u16,
    pub external: u32,
    pub offset: u32,
}

impl CentralHeader {
    /// None when too short or without the signature.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        (bytes.len() >= CENTRAL_SIZE && u32_at(bytes, 0) == CENTRAL_SIGNATURE).then(|| Self {
            made_by: u16_at(bytes, 4),
            needed: u16_at(bytes, 6),
            flags: u16_at(bytes, 8),
            method: u16_at(bytes, 10),
            time: u16_at(bytes, 12),
            date: u16_at(bytes, 14),
            crc32: u32_at(bytes, 16),
            compressed: u32_at(bytes, 20),
            size: u32_at(bytes, 24),
            name_len: u16_at(bytes, 28),
            extra_len: u16_at(bytes, 30),
            comment_len: u16_at(bytes, 32),
            disk: u16_at(bytes, 34),
            internal: u16_at(bytes, 36),
            external: u32_at(bytes, 38),
            offset: u32_at(bytes, 42),
        })
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend(CENTRAL_SIGNATURE.to_le_bytes());
        for field in [self.made_by, self.needed, self.flags, self.method, self.time, self.date] {
            out.extend(field.to_le_bytes());
        }
        for field in [self.crc32, self.compressed, self.size] {
            out.extend(field.to_le_bytes());
        }
        for field in [self.name_len, self.extra_len, self.comment_len, self.disk, self.internal] {
            out.extend(field.to_le_bytes());
        }
        out.extend(self.external.to_le_bytes());
        out.extend(self.offset.to_le_bytes());
    }

    /// The system part of `made_by`.
    pub(crate) fn host(&self) -> u8 {
        (self.made_by >> 8) as u8
    }

    pub(crate) fn has_descriptor(&self) -> bool {
        self.flags & FLAG_DESCRIPTOR != 0
    }
}

/// The end of central directory record, without signature and comment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct EndRecord {
    pub disk: u16,
    pub directory_disk: u16,
    pub entries_here: u16,
    pub entries: u16,
    pub directory_size: u32,
    pub directory_offset: u32,
    pub comment_len: u16,
}

impl EndRecord {
    /// None when too short or without the signature.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        (bytes.len() >= END_SIZE && u32_at(bytes, 0) == END_SIGNATURE).then(|| Self {
            disk: u16_at(bytes, 4),
            directory_disk: u16_at(bytes, 6),
            entries_here: u16_at(bytes, 8),
            entries: u16_at(bytes, 10),
            directory_size: u32_at(bytes, 12),
            directory_offset: u32_at(bytes, 16),
            comment_len: u16_at(bytes, 20),
        })
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend(END_SIGNATURE.to_le_bytes());
        for field in [self.disk, self.directory_disk, self.entries_here, self.entries] {
            out.extend(field.to_le_bytes());
        }
        out.extend(self.directory_size.to_le_bytes());
        out.extend(self.directory_offset.to_le_bytes());
        out.extend(self.comment_len.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_found_across_chunks() {
        for [third, fourth] in SIGNATURES {
            let content = [b"abcPPKx", &b"PK"[..], &[third, fourth], b"defPK"].concat();
            assert_eq!(signature_in(&content), Some(7));
            for size in 1..content.len() {
                let mut search = SignatureSearch::default();
                content.chunks(size).for_each(|chunk| search.feed(chunk));
                assert_eq!(search.found(), Some(7), "{size}");
            }
        }
        let mut search = SignatureSearch::default();
        b"PK is PK\x03\x05 and PK".chunks(2).for_each(|chunk| search.feed(chunk));
        assert_eq!(search.found(), None);
    }

    #[test]
    fn records_survive_writing_and_parsing() {
        let local = LocalHeader {
            needed: 20,
            flags: 0x0808,
            method: 8,
            time: 1,
            date: 2,
            crc32: 3,
            compressed: 4,
            size: 5,
            name_len: 6,
            extra_len: 7,
        };
        let mut out = Vec::new();
        local.write(&mut out);
        assert_eq!(LocalHeader::parse(out.as_slice().try_into().unwrap()), Some(local));

        let central = CentralHeader {
            made_by: 0x0314,
            external: 0o100644 << 16,
            offset: 9,
            disk: 10,
            internal: 11,
            comment_len: 12,
            ..CentralHeader::default()
        };
        out.clear();
        central.write(&mut out);
        assert_eq!(out.len(), CENTRAL_SIZE);
        assert_eq!(CentralHeader::parse(&out), Some(central));
        assert_eq!(central.host(), 3);

        let end = EndRecord {
            disk: 1,
            directory_disk: 2,
            entries_here: 3,
            entries: 4,
            directory_size: 5,
            directory_offset: 6,
            comment_len: 7,
        };
        out.clear();
        end.write(&mut out);
        assert_eq!(out.len(), END_SIZE);
        assert_eq!(EndRecord::parse(&out), Some(end));
    }
}
