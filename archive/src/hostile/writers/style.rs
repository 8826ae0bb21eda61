//! How a program packs: what the writers have in common.

use unicode_normalization::UnicodeNormalization;

use crate::{
    format::{DEFLATE, FLAG_UTF8},
    hostile::{
        plan::{EntryPlan, Plan, field},
        writers::{
            Written,
            content::{Item, Set},
        },
    },
};

/// A program with its settings.
#[derive(Clone, Copy)]
pub(crate) struct Style {
    name: &'static str,
    entry: fn(&Item) -> EntryPlan,
    /// Its names are in a DOS code page, which holds umlauts and no emoji.
    code_page: bool,
    folders: bool,
    comment: &'static [u8],
    /// Lists the root of what it packs.
    root: bool,
    /// Puts everything into one folder.
    prefix: &'static str,
}

impl Style {
    pub(crate) const fn new(name: &'static str, entry: fn(&Item) -> EntryPlan) -> Self {
        Self { name, entry, code_page: false, folders: true, comment: b"", root: false, prefix: "" }
    }

    pub(crate) const fn in_code_page(self) -> Self {
        Self { code_page: true, ..self }
    }

    pub(crate) const fn without_folders(self) -> Self {
        Self { folders: false, ..self }
    }

    pub(crate) const fn with_comment(self, comment: &'static [u8]) -> Self {
        Self { comment, ..self }
    }

    pub(crate) const fn with_root(self) -> Self {
        Self { root: true, ..self }
    }

    pub(crate) const fn below(self, prefix: &'static str) -> Self {
        Self { prefix, ..self }
    }

    /// The set as this program packs it; none when it cannot.
    pub(crate) fn write(&self, set: Set) -> Option<Written> {
        if self.code_page && set == Set::Emoji {
            return None;
        }
        let mut entries = Vec::new();
        if self.root {
            entries.push((self.entry)(&Item { name: "/", content: b"" }));
        }
        if !self.prefix.is_empty() {
            entries.push((self.entry)(&Item { name: self.prefix, content: b"" }));
        }
        let listed = set.items().iter().filter(|item| self.folders || !item.folder());
        entries.extend(listed.map(|item| {
            let mut entry = (self.entry)(item);
            for name in [&mut entry.local_name, &mut entry.central_name] {
                name.splice(..0, self.prefix.bytes());
            }
            entry
        }));
        // Below a folder of its own nothing of macOS lies at the root.
        let kept = set.names().into_iter();
        let names = kept.map(|name| format!("{}{name}", self.prefix)).collect();
        let plan = Plan { comment: self.comment.to_vec(), ..Plan::of(entries) };
        Some(Written { writer: self.name, set, bytes: plan.build(), names })
    }
}

/// When names carry the flag that says UTF-8.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flag {
    Never,
    NonAscii,
    Always,
}

/// File and folder as Unix programs describe them.
pub(crate) const UNIX: (u32, u32) = (0o100_644 << 16, (0o040_755 << 16) | 0x10);
/// The same without DOS's mark of a folder.
pub(crate) const UNIX_ONLY: (u32, u32) = (0o100_644 << 16, 0o040_755 << 16);
/// As DOS does.
pub(crate) const DOS: (u32, u32) = (0x20, 0x10);
/// Not at all.
pub(crate) const BARE: (u32, u32) = (0, 0);

impl Item {
    pub(crate) fn folder(&self) -> bool {
        self.name.ends_with('/')
    }

    pub(crate) fn stored(&self) -> EntryPlan {
        EntryPlan::stored(self.name, self.content)
    }

    /// Compressed, also when that makes it larger; folders are not.
    pub(crate) fn deflated(&self) -> EntryPlan {
        if self.folder() { self.stored() } else { EntryPlan::deflated(self.name, self.content) }
    }

    /// Compressed unless empty.
    pub(crate) fn deflated_if_any(&self) -> EntryPlan {
        if self.content.is_empty() { self.stored() } else { self.deflated() }
    }

    /// Compressed where that makes it smaller.
    pub(crate) fn smaller(&self) -> EntryPlan {
        let packed = self.deflated();
        if packed.packed.len() < self.content.len() { packed } else { self.stored() }
    }
}

impl EntryPlan {
    pub(crate) fn is_folder(&self) -> bool {
        self.central_name.ends_with(b"/")
    }

    /// "Made by", version needed for what is deflated and for what is stored, attributes of files and of folders.
    pub(crate) fn headers(mut self, made_by: u16, needed: (u16, u16), external: (u32, u32)) -> Self {
        self.central.made_by = made_by;
        self.needed(if self.local.method == DEFLATE { needed.0 } else { needed.1 });
        self.central.external = if self.is_folder() { external.1 } else { external.0 };
        self
    }

    pub(crate) fn named(mut self, flag: Flag) -> Self {
        let ascii = self.central_name.is_ascii();
        let set = flag == Flag::Always || (flag == Flag::NonAscii && !ascii);
        self.flags(|flags| if set { flags | FLAG_UTF8 } else { flags & !FLAG_UTF8 });
        self
    }

    pub(crate) fn extras(mut self, local: &[Vec<u8>], central: &[Vec<u8>]) -> Self {
        self.local_extra = local.concat();
        self.central_extra = central.concat();
        self
    }

    /// Sizes behind the content of files.
    pub(crate) fn streamed(self) -> Self {
        if self.is_folder() { self } else { self.with_descriptor() }
    }

    /// Decomposed letters, as Apple's file systems keep them.
    pub(crate) fn decomposed(mut self) -> Self {
        let name: String = String::from_utf8_lossy(&self.central_name).nfd().collect();
        (self.local_name, self.central_name) = (name.clone().into_bytes(), name.into_bytes());
        self
    }

    /// The name in the DOS code page of western Europe, without the flag.
    pub(crate) fn in_code_page(mut self) -> Self {
        let name = String::from_utf8_lossy(&self.central_name).into_owned();
        let raw: Vec<u8> = name
            .chars()
            .map(|c| match c {
                'ä' => 0x84,
                'ö' => 0x94,
                'ü' => 0x81,
                'Ä' => 0x8e,
                'Ö' => 0x99,
                'Ü' => 0x9a,
                'ß' => 0xe1,
                c => c as u8,
            })
            .collect();
        (self.local_name, self.central_name) = (raw.clone(), raw);
        self.named(Flag::Never)
    }
}

/// Info-ZIP's times: `flags` and as many times as `count` says.
pub(crate) fn times(flags: u8, count: usize) -> Vec<u8> {
    let mut data = vec![flags];
    for _ in 0..count {
        data.extend(1_794_648_600u32.to_le_bytes());
    }
    field(0x5455, &data)
}

/// Info-ZIP's owner: user and group 1000, four bytes each.
pub(crate) fn owner() -> Vec<u8> {
    field(0x7875, &[1, 4, 0xe8, 3, 0, 0, 4, 0xe8, 3, 0, 0])
}

/// Times of NTFS.
pub(crate) fn ntfs_times() -> Vec<u8> {
    let mut data = vec![0, 0, 0, 0, 1, 0, 24, 0];
    for _ in 0..3 {
        data.extend(134_080_000_000_000_000u64.to_le_bytes());
    }
    field(0x000a, &data)
}

/// The Unicode path beside this raw name.
pub(crate) fn unicode_path(raw: &[u8], name: &str) -> Vec<u8> {
    field(0x7075, &[&[1][..], &crc32fast::hash(raw).to_le_bytes(), name.as_bytes()].concat())
}

/// ZIP64's field with both sizes.
pub(crate) fn zip64_sizes(entry: &EntryPlan) -> Vec<u8> {
    let sizes = [entry.central.size, entry.central.compressed].map(|number| u64::from(number).to_le_bytes());
    field(1, &sizes.concat())
}
