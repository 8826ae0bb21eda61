//! The bounds of reading a manifest: what it may cost, and how much of its texts is kept.

/// Bytes of a manifest. One that lists 5,000 files, with metadata for each, takes about 3 MiB.
pub const MANIFEST_BYTES: usize = 4 << 20;
/// Bytes of a site's start page that are looked at for its title.
pub const PAGE_BYTES: usize = 64 << 10;
/// Bytes of an e-book that lies in the archive as a single file; a larger one is recognised without its fields.
pub const BOOK_BYTES: usize = 16 << 20;

/// Elements within each other.
pub const XML_DEPTH: usize = 64;
/// Elements, texts and comments together.
pub const XML_NODES: u32 = 250_000;
/// Attributes of one element, declarations of namespaces included.
pub const XML_ATTRIBUTES: usize = 64;
/// Attributes of the whole document.
pub const XML_ATTRIBUTES_TOTAL: usize = 400_000;
/// Bytes of one attribute's value; a list of schemas takes some two thousand.
pub const XML_VALUE_BYTES: usize = 16 << 10;
/// Namespaces in force, summed over the elements that declare one: each of those keeps a list of its own.
pub const XML_NAMESPACES_TOTAL: usize = 2_000_000;

/// Characters of a title; what a nano's may have.
pub const TITLE_CHARS: usize = 255;
/// Characters of a description; what a nano's may have.
pub const DESCRIPTION_CHARS: usize = 1_000;
pub const LICENCE_CHARS: usize = 500;
pub const OBJECTIVE_CHARS: usize = 500;
pub const OBJECTIVES: usize = 50;
pub const VERSION_CHARS: usize = 100;
/// Bytes of a language tag (RFC 5646 recommends to allow 35).
pub const LANGUAGE_BYTES: usize = 35;
/// Characters of a start page's query or fragment.
pub const QUERY_CHARS: usize = 1_000;
/// The longest duration that is believed: a thousand hours.
pub const DURATION_MINUTES: u32 = 60_000;
/// Characters of a reference to a file.
pub const REFERENCE_CHARS: usize = 2_000;
/// Bytes of the folder that a manifest's references start from.
pub const BASE_BYTES: usize = 1_000;
/// References to files in one manifest; the same file may be listed by many resources.
pub const REFERENCES: usize = 100_000;
/// Libraries that an H5P package names.
pub const LIBRARIES: usize = 1_000;
/// How many examples a finding about several files gives.
pub const EXAMPLES: usize = 3;
