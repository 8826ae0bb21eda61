//! The limits of an upload: sizes, numbers of entries, nesting, and the work of checking it. All are configuration.

use serde::{Deserialize, Serialize};

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;

/// Budgets of one upload. Sizes are bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// The uploaded file itself.
    pub upload: u64,
    /// All content after expansion, that of office documents included.
    pub expanded: u64,
    /// One entry after expansion.
    pub entry: u64,
    /// Entries, folders and the parts of office documents included.
    pub entries: u64,
    /// Expanded size per packed byte of the whole archive, once it expands beyond [`ratio_from`](Self::ratio_from).
    pub ratio: u64,
    pub ratio_from: u64,
    /// Expanded size per packed byte of one entry, once it expands beyond [`entry_ratio_from`](Self::entry_ratio_from):
    /// a small file of blanks compresses a thousandfold and harms nobody.
    pub entry_ratio: u64,
    pub entry_ratio_from: u64,
    /// The central directory, which is read into memory as a whole; together with those of all documents.
    pub directory: u64,
    /// A whole path, in UTF-16 units, because Windows counts those (260 with the folder it is unpacked into).
    pub path: usize,
    /// One segment of a path, in bytes of UTF-8.
    pub segment: usize,
    /// Segments of a path.
    pub depth: usize,
    /// How deep documents may nest: 1 is a document in the archive, 2 also the workbook behind a chart in it,
    /// which PowerPoint and Word embed by themselves.
    pub document_depth: u8,
    /// A document up to this size is kept in memory while it is looked into. A larger one is expanded again from the
    /// upload; one embedded in another document is refused.
    pub document_memory: u64,
    /// Findings in a report; the rest is counted.
    pub findings: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            upload: GIB,
            expanded: 2 * GIB,
            entry: GIB,
            entries: 5_000,
            ratio: 50,
            ratio_from: 64 * MIB,
            entry_ratio: 200,
            entry_ratio_from: MIB,
            directory: 4 * MIB,
            path: 240,
            segment: 255,
            depth: 16,
            document_depth: 2,
            document_memory: 16 * MIB,
            findings: 100,
        }
    }
}

/// How one archive is checked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    pub limits: Limits,
    /// JavaScript and WebAssembly may be inside: true for nanos of the formats `interactive` and `quiz`.
    pub scripts_allowed: bool,
}
