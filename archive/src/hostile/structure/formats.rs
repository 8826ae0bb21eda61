//! Methods, versions, flags and attributes that ask for more than files and folders (rules 5 and 11).

use crate::{
    findings::code::Code,
    hostile::{
        Case, case,
        plan::{EntryPlan, Plan},
        sample::TEXT,
    },
};

pub(crate) fn cases() -> Vec<Case> {
    [methods(), flags(), attributes()].concat()
}

fn methods() -> Vec<Case> {
    // APPNOTE 4.4.5.
    let methods = [
        ("method shrink", 1),
        ("method reduce", 5),
        ("method implode", 6),
        ("method tokenize", 7),
        ("method deflate64", 9),
        ("method implode of PKWARE's library", 10),
        ("method bzip2", 12),
        ("method lzma", 14),
        ("method terse", 18),
        ("method lz77", 19),
        ("method zstandard, old number", 20),
        ("method zstandard", 93),
        ("method mp3", 94),
        ("method xz", 95),
        ("method jpeg", 96),
        ("method wavpack", 97),
        ("method ppmd", 98),
        ("method that does not exist", 0xffff),
    ];
    let mut cases: Vec<Case> = methods
        .into_iter()
        .map(|(name, method)| case(name, Plan::one(|e| e.method(method)).build(), Code::MethodUnsupported))
        .collect();
    let version = |name, version| case(name, Plan::one(|e| e.needed(version)).build(), Code::VersionUnsupported);
    cases.extend([
        case("method aes", Plan::one(|e| e.method(99)).build(), Code::Encrypted),
        version("version 2.1", 21),
        version("version 4.6", 46),
        version("version 6.3", 63),
        version("version 6.3 of another system", 0x033f),
        version("version 5.1 of another system", 0x0a33),
        case("stored with two sizes", Plan::one(|e| e.method(0)).build(), Code::StoredSizeMismatch),
        case(
            "stored, smaller packed than expanded",
            Plan::of([{
                let mut entry = EntryPlan::stored("a.txt", TEXT.as_bytes());
                entry.sizes(entry.local.compressed, entry.local.size + 1);
                entry
            }])
            .build(),
            Code::StoredSizeMismatch,
        ),
    ]);
    cases
}

fn flags() -> Vec<Case> {
    // APPNOTE 4.4.4.
    [
        ("encrypted", 1, Code::Encrypted),
        ("strong encryption", 1 | 1 << 6, Code::Encrypted),
        ("strong encryption alone", 1 << 6, Code::Encrypted),
        ("masked headers", 1 << 13, Code::Encrypted),
        ("enhanced deflate", 1 << 4, Code::FlagUnsupported),
        ("patch data", 1 << 5, Code::FlagUnsupported),
        ("unused flag 7", 1 << 7, Code::FlagUnsupported),
        ("unused flag 8", 1 << 8, Code::FlagUnsupported),
        ("unused flag 9", 1 << 9, Code::FlagUnsupported),
        ("unused flag 10", 1 << 10, Code::FlagUnsupported),
        ("enhanced compression", 1 << 12, Code::FlagUnsupported),
        ("alternate streams", 1 << 14, Code::FlagUnsupported),
        ("reserved flag", 1 << 15, Code::FlagUnsupported),
    ]
    .into_iter()
    .map(|(name, bits, code)| case(name, Plan::one(|e| e.flags(|flags| flags | bits)).build(), code))
    .collect()
}

fn attributes() -> Vec<Case> {
    let file =
        |name, external: u32, expected| case(name, Plan::one(|e| e.central.external = external).build(), expected);
    let folder = |name, external: u32, expected| {
        let mut folder = EntryPlan::folder("a/");
        folder.central.external = external;
        case(name, Plan::of([folder, EntryPlan::stored("a/b.txt", b"x")]).build(), expected)
    };
    let mode = |mode: u32| mode << 16;
    let link = |host: u16| {
        let mut link = EntryPlan::stored("link.txt", b"../../etc/passwd");
        link.central.external = mode(0o120777);
        link.central.made_by = host << 8 | 20;
        Plan::of([link, EntryPlan::stored("a.txt", b"x")]).build()
    };
    let full = |packed: &[u8], method: u16| {
        let mut full = EntryPlan::stored("a/", b"content of a folder");
        full.method(method);
        full.packed = packed.to_vec();
        full.sizes(packed.len() as u32, 19);
        full.central.external = 0;
        Plan::of([full, EntryPlan::stored("a/b.txt", b"x")]).build()
    };
    vec![
        case("symlink", link(3), Code::Symlink),
        case("symlink that says it comes from Windows", link(0), Code::Symlink),
        case("symlink of a mac", link(19), Code::Symlink),
        file("reparse point of Windows", 0x0420, Code::Symlink),
        file("device by attribute", 0x0040, Code::SpecialFile),
        file("character device", mode(0o020666), Code::SpecialFile),
        file("block device", mode(0o060666), Code::SpecialFile),
        file("named pipe", mode(0o010666), Code::SpecialFile),
        file("socket", mode(0o140666), Code::SpecialFile),
        file("whiteout", mode(0o160000), Code::SpecialFile),
        file("setuid", mode(0o104755), Code::Setuid),
        file("setgid", mode(0o102755), Code::Setuid),
        file("setuid without a type", mode(0o004755), Code::Setuid),
        folder("setuid folder", mode(0o044755), Code::Setuid),
        file("volume label", 0x08, Code::SpecialFile),
        file("folder by mode, file by name", mode(0o040755), Code::FolderMismatch),
        file("folder by attribute, file by name", 0x10, Code::FolderMismatch),
        folder("file by mode, folder by name", mode(0o100644), Code::FolderMismatch),
        folder("symlink by mode, folder by name", mode(0o120777), Code::Symlink),
        folder("junction", 0x0410, Code::Symlink),
        case(
            "root with content",
            {
                let mut root = EntryPlan::stored("/", b"content of the root");
                root.central.external = 0;
                Plan::of([root, EntryPlan::stored("b.txt", b"x")]).build()
            },
            Code::FolderWithContent,
        ),
        case("folder with content", full(b"content of a folder", 0), Code::FolderWithContent),
        case(
            "folder with packed content",
            full(&crate::hostile::plan::deflate(b"content of a folder"), 8),
            Code::FolderWithContent,
        ),
    ]
}
