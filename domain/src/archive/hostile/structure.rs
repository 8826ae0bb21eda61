//! Lies about where entries are, what they are and how many (rules 4 to 6, 8, 11, 12).

use super::{
    Case, case,
    ends::two,
    plan::{EntryPlan, Plan, field},
    sample::TEXT,
};
use crate::archive::{
    code::Code,
    format::{CENTRAL_SIGNATURE, FLAG_DESCRIPTOR},
};

pub(super) fn cases() -> Vec<Case> {
    [layout(), mismatches(), formats(), extras(), attributes(), budgets()].concat()
}

fn layout() -> Vec<Case> {
    let text = TEXT.as_bytes();
    let overlapping = {
        // Every entry's content is the whole rest of the archive (Fifield's quoted overlap, without the quoting).
        let mut plan = Plan::of((0..20).map(|n| EntryPlan::stored(format!("{n}.txt"), &[b'a'; 500])));
        for entry in &mut plan.entries {
            entry.sizes(5_000, 5_000);
        }
        plan.build()
    };
    let shared = {
        let mut second = EntryPlan::stored("b.txt", b"shared\n");
        second.directory_only = true;
        second.offset = Some(0);
        Plan::of([EntryPlan::stored("a.txt", b"shared\n"), second]).build()
    };
    let nested = {
        // The second local header lies in the first one's stored content.
        let inner = Plan::of([EntryPlan::stored("in.txt", b"inside")]).build();
        let local = &inner[..30 + 6 + 6];
        let outer = EntryPlan::stored("a.txt", local);
        let mut second = EntryPlan::stored("in.txt", b"inside");
        second.directory_only = true;
        second.offset = Some(30 + 5);
        Plan::of([outer, second]).build()
    };
    vec![
        case("overlapping entries", overlapping, Code::EntriesOverlap),
        case("two names for the same bytes", shared, Code::EntriesOverlap),
        case("an entry inside another's content", nested, Code::EntriesOverlap),
        case(
            "content that reaches into the directory",
            Plan::one(|e| {
                e.method(0);
                e.sizes(2_000, 2_000);
            })
            .build(),
            Code::EntriesOverlap,
        ),
        case(
            "local name longer than in the directory",
            Plan::one(|e| e.local_name.extend(b".bak")).build(),
            Code::HeaderMismatch,
        ),
        case("directory in reverse order", Plan { reversed: true, ..two() }.build(), Code::EntriesOutOfOrder),
        case(
            "entry that is not in the directory",
            {
                let mut hidden = EntryPlan::stored("hidden.txt", text);
                hidden.before = Vec::new();
                let whole = Plan::of([hidden]).build();
                let at = whole.windows(4).position(|w| w == CENTRAL_SIGNATURE.to_le_bytes());
                let mut plan = two();
                plan.entries[1].before = whole[..at.unwrap_or(0)].to_vec();
                plan.build()
            },
            Code::HiddenData,
        ),
        case(
            "bytes between two entries",
            {
                let mut plan = two();
                plan.entries[1].before = vec![0; 100];
                plan.build()
            },
            Code::HiddenData,
        ),
        case(
            "a megabyte between two entries",
            {
                let mut plan = two();
                plan.entries[1].before = vec![0; 1 << 20];
                plan.build()
            },
            Code::HiddenData,
        ),
        case(
            "bytes in front of the directory",
            Plan { before_directory: b"PK\x06\x08\x04\0\0\0\0\0\0\0".to_vec(), ..two() }.build(),
            Code::HiddenData,
        ),
        case(
            "no local header at the stated place",
            {
                let plan = two();
                let mut bytes = plan.build();
                bytes[30 + 5 + plan.entries[0].packed.len()] = b'p';
                bytes
            },
            Code::LocalHeaderMissing,
        ),
        case("offset beyond the archive", Plan::one(|e| e.offset = Some(1 << 30)).build(), Code::EntriesOverlap),
    ]
}

fn mismatches() -> Vec<Case> {
    type Change = fn(&mut EntryPlan);
    let changes: [(&'static str, Change); 10] = [
        ("other name in front of the content", |e| e.local_name = b"lesson.exe".to_vec()),
        ("name differs in case only", |e| e.local_name = b"Lesson.txt".to_vec()),
        ("other version in front of the content", |e| e.local.needed = 10),
        ("other flags in front of the content", |e| e.local.flags |= 0b10),
        ("encryption only in front of the content", |e| e.local.flags |= 1),
        ("other method in front of the content", |e| e.local.method = 0),
        ("other time in front of the content", |e| e.local.time ^= 1),
        ("other date in front of the content", |e| e.local.date ^= 1),
        ("other check sum in front of the content", |e| e.local.crc32 ^= 1),
        ("other size in front of the content", |e| e.local.size += 1),
    ];
    let mut cases: Vec<Case> =
        changes.into_iter().map(|(name, change)| case(name, Plan::one(change).build(), Code::HeaderMismatch)).collect();
    cases.extend([
        case(
            "other packed size in front of the content",
            Plan::one(|e| e.local.compressed += 1).build(),
            Code::HeaderMismatch,
        ),
        case(
            "descriptor flag in the directory only",
            {
                let mut entry = EntryPlan::deflated("a.txt", TEXT.as_bytes()).with_descriptor();
                entry.local.flags &= !FLAG_DESCRIPTOR;
                Plan::of([entry]).build()
            },
            Code::HeaderMismatch,
        ),
        case(
            "wrong size before a descriptor",
            {
                let mut entry = EntryPlan::deflated("a.txt", TEXT.as_bytes()).with_descriptor();
                entry.local.size = 7;
                Plan::of([entry]).build()
            },
            Code::HeaderMismatch,
        ),
    ]);
    cases
}

fn formats() -> Vec<Case> {
    let method = |name, method, expected| case(name, Plan::one(|e| e.method(method)).build(), expected);
    let flag = |name, bit: u16, expected| case(name, Plan::one(|e| e.flags(|f| f | bit)).build(), expected);
    let described = |change: fn(&mut EntryPlan)| {
        let mut entry = EntryPlan::deflated("a.txt", TEXT.as_bytes()).with_descriptor();
        change(&mut entry);
        Plan::of([entry]).build()
    };
    vec![
        method("method shrink", 1, Code::MethodUnsupported),
        method("method deflate64", 9, Code::MethodUnsupported),
        method("method bzip2", 12, Code::MethodUnsupported),
        method("method lzma", 14, Code::MethodUnsupported),
        method("method zstandard", 93, Code::MethodUnsupported),
        method("method xz", 95, Code::MethodUnsupported),
        method("method aes", 99, Code::Encrypted),
        flag("encrypted", 1, Code::Encrypted),
        flag("strong encryption", 1 | 1 << 6, Code::Encrypted),
        flag("masked headers", 1 << 13, Code::Encrypted),
        flag("patch data", 1 << 5, Code::FlagUnsupported),
        flag("reserved flag", 1 << 14, Code::FlagUnsupported),
        case("version 4.5", Plan::one(|e| e.needed(45)).build(), Code::VersionUnsupported),
        case("stored with two sizes", Plan::one(|e| e.method(0)).build(), Code::StoredSizeMismatch),
        case(
            "stored with descriptor",
            Plan::of([EntryPlan::stored("a.txt", TEXT.as_bytes()).with_descriptor()]).build(),
            Code::DescriptorNotAllowed,
        ),
        case(
            "descriptor without signature",
            described(|e| {
                e.descriptor.drain(..4);
            }),
            Code::DescriptorInvalid,
        ),
        case("descriptor with another check sum", described(|e| e.descriptor[4] ^= 1), Code::DescriptorInvalid),
        case("descriptor with another size", described(|e| e.descriptor[12] ^= 1), Code::DescriptorInvalid),
        case("descriptor missing", described(|e| e.descriptor.clear()), Code::DescriptorInvalid),
        case(
            "descriptor of zip64",
            described(|e| {
                let (packed, size) = (u64::from(e.central.compressed), u64::from(e.central.size));
                e.descriptor.truncate(8);
                e.descriptor.extend(packed.to_le_bytes());
                e.descriptor.extend(size.to_le_bytes());
            }),
            Code::DescriptorInvalid,
        ),
        case(
            "zip64 sentinel in an entry",
            Plan::one(|e| {
                e.central.size = u32::MAX;
                e.central_extra = field(1, &7u64.to_le_bytes());
            })
            .build(),
            Code::Zip64,
        ),
    ]
}

fn extras() -> Vec<Case> {
    let extra = |name, extra: &[u8], expected| case(name, Plan::one(|e| e.extra(extra)).build(), expected);
    let mut unicode = vec![1];
    unicode.extend(crc32fast::hash(b"lesson.txt").to_le_bytes());
    unicode.extend(b"../../evil.txt");
    vec![
        extra("zip64 extra without need", &field(1, &[0; 16]), Code::Zip64),
        extra("second name in a unicode path extra", &field(0x7075, &unicode), Code::UnicodeExtra),
        extra("unicode comment extra", &field(0x6375, &[1, 0, 0, 0, 0]), Code::UnicodeExtra),
        extra("aes extra", &field(0x9901, &[2, 0, b'A', b'E', 3, 8, 0]), Code::Encrypted),
        extra("link target in an ASi extra", &field(0x756e, &[0; 14]), Code::ExtraForbidden),
        extra("link target in a PKWARE Unix extra", &field(0x000d, &[0; 20]), Code::ExtraForbidden),
        extra("extra that ends early", b"UT\x09\0\x03abc", Code::ExtraMalformed),
        extra("three bytes of extra", b"abc", Code::ExtraMalformed),
        extra("the same extra twice", &[field(0x5455, &[0]), field(0x5455, &[1])].concat(), Code::ExtraDuplicate),
        case(
            "malformed extra only in front of the content",
            Plan::one(|e| e.local_extra = b"UT\xff\xff".to_vec()).build(),
            Code::ExtraMalformed,
        ),
        case("entry comment", Plan::one(|e| e.comment = b"hello".to_vec()).build(), Code::EntryComment),
    ]
}

fn attributes() -> Vec<Case> {
    let mode = |name, mode: u32, expected| case(name, Plan::one(|e| e.central.external = mode << 16).build(), expected);
    let mut link = EntryPlan::stored("link.txt", b"../../etc/passwd");
    link.central.external = 0o120777 << 16;
    let mut full = EntryPlan::stored("a/", b"content of a folder");
    full.central.external = 0;
    vec![
        case("symlink", Plan::of([link]).build(), Code::Symlink),
        mode("character device", 0o020666, Code::SpecialFile),
        mode("block device", 0o060666, Code::SpecialFile),
        mode("named pipe", 0o010666, Code::SpecialFile),
        mode("socket", 0o140666, Code::SpecialFile),
        mode("setuid", 0o104755, Code::Setuid),
        mode("setgid", 0o102755, Code::Setuid),
        mode("folder by mode, file by name", 0o040755, Code::FolderMismatch),
        case(
            "folder by attribute, file by name",
            Plan::one(|e| e.central.external = 0x10).build(),
            Code::FolderMismatch,
        ),
        case("volume label", Plan::one(|e| e.central.external = 0x08).build(), Code::SpecialFile),
        case("folder with content", Plan::of([full]).build(), Code::FolderWithContent),
    ]
}

fn budgets() -> Vec<Case> {
    let stated = |sizes: &[(u32, u32)]| {
        // Only stated: the directory alone must be enough to refuse these.
        Plan::of(sizes.iter().enumerate().map(|(n, &(packed, size))| {
            let mut entry = EntryPlan::deflated(format!("{n}.txt"), TEXT.as_bytes());
            entry.packed = vec![0; packed as usize];
            entry.sizes(packed, size);
            entry
        }))
        .build()
    };
    const MIB: u32 = 1 << 20;
    vec![
        case(
            "16 MiB of zeros",
            Plan::of([EntryPlan::deflated("zeros.txt", &vec![b'0'; 16 << 20])]).build(),
            Code::ZipBombRatio,
        ),
        case("a gigabyte in a kilobyte, stated", stated(&[(1_000, 1 << 30)]), Code::ZipBombRatio),
        case(
            "many entries that are each just within their ratio",
            stated(&[(100_000, 15 * MIB); 6]),
            Code::ZipBombRatio,
        ),
        case("an entry of two gigabytes", stated(&[(MIB, 2_000 * MIB)]), Code::EntryTooLarge),
        case("three gigabytes in all", stated(&[(100, 1_000 * MIB); 3]), Code::ExpandedTooLarge),
        case(
            "2,001 entries",
            Plan::of((0..2_001).map(|n| EntryPlan::stored(format!("{n}.txt"), b"x"))).build(),
            Code::TooManyEntries,
        ),
        case(
            "2,001 entries, stated as 2,000",
            Plan::of((0..2_001).map(|n| EntryPlan::stored(format!("{n}.txt"), b"x")))
                .build_with(|end| (end.entries, end.entries_here) = (2_000, 2_000)),
            Code::TooManyEntries,
        ),
        case(
            "60,000 entries stated",
            two().build_with(|end| (end.entries, end.entries_here) = (60_000, 60_000)),
            Code::TooManyEntries,
        ),
    ]
}
