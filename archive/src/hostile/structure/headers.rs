//! Headers that disagree with each other or with what lies behind them (rules 4 and 6).

use crate::{
    findings::code::Code,
    format::{FLAG_DESCRIPTOR, FLAG_UTF8},
    hostile::{
        Case, case,
        plan::{EntryPlan, Plan, field},
        sample::TEXT,
        structure::ends::two,
    },
};

pub(crate) fn cases() -> Vec<Case> {
    [local(), central(), lengths(), descriptors()].concat()
}

type Change = fn(&mut EntryPlan);

/// One text with a descriptor, changed.
fn described(change: Change) -> Vec<u8> {
    let mut entry = EntryPlan::deflated("a.txt", TEXT.as_bytes()).with_descriptor();
    change(&mut entry);
    Plan::of([entry]).build()
}

fn local() -> Vec<Case> {
    let changes: [(&'static str, Change); 18] = [
        ("other name in front of the content", |e| e.local_name = b"lesson.exe".to_vec()),
        ("name differs in case only", |e| e.local_name = b"Lesson.txt".to_vec()),
        ("local name longer than in the directory", |e| e.local_name.extend(b".bak")),
        ("zero byte behind the local name", |e| e.local_name.push(0)),
        ("local name leads out of the folder", |e| e.local_name = b"../son.txt".to_vec()),
        ("local name of a folder", |e| e.local_name = b"lesson.tx/".to_vec()),
        ("other flags in front of the content", |e| e.local.flags |= 0b10),
        ("encryption only in front of the content", |e| e.local.flags |= 1),
        ("patch data only in front of the content", |e| e.local.flags |= 1 << 5),
        ("utf-8 only in front of the content", |e| e.local.flags |= FLAG_UTF8),
        ("descriptor announced only in front of the content", |e| e.local.flags |= FLAG_DESCRIPTOR),
        ("other method in front of the content", |e| e.local.method = 0),
        ("method deflate64 only in front of the content", |e| e.local.method = 9),
        ("other time and other check sum in front of the content", |e| {
            e.local.time ^= 1;
            e.local.crc32 ^= 1;
        }),
        ("other version and other size in front of the content", |e| {
            e.local.needed = 10;
            e.local.size += 1;
        }),
        ("other check sum in front of the content", |e| e.local.crc32 ^= 1),
        ("other size in front of the content", |e| e.local.size += 1),
        ("other packed size in front of the content", |e| e.local.compressed += 1),
    ];
    let mut cases: Vec<Case> =
        changes.into_iter().map(|(name, change)| case(name, Plan::one(change).build(), Code::HeaderMismatch)).collect();
    let composed = |local: &str, central: &str| {
        let mut entry = EntryPlan::deflated(central, TEXT.as_bytes());
        entry.local_name = local.into();
        Plan::of([entry]).build()
    };
    cases.extend([
        case(
            "version 6.3 only in front of the content",
            Plan::one(|e| e.local.needed = 63).build(),
            Code::VersionUnsupported,
        ),
        case(
            "version 5.1 of another system only in front of the content",
            Plan::one(|e| e.local.needed = 0x0333).build(),
            Code::VersionUnsupported,
        ),
        // The directory's name, and with it the content, would reach into what follows.
        case(
            "local name shorter than in the directory",
            Plan::one(|e| e.local_name.truncate(6)).build(),
            Code::EntriesOverlap,
        ),
        case("no local name", Plan::one(|e| e.local_name.clear()).build(), Code::EntriesOverlap),
        case(
            "no sizes and no descriptor",
            Plan::one(|e| (e.local.compressed, e.local.size) = (0, 0)).build(),
            Code::HeaderMismatch,
        ),
        case("composed and decomposed name of one entry", composed("u\u{308}.txt", "\u{fc}.txt"), Code::HeaderMismatch),
        case("name in two encodings", composed("a\u{fc}.txt", "\u{fc}a.txt"), Code::HeaderMismatch),
    ]);
    cases
}

fn central() -> Vec<Case> {
    let changes: [(&'static str, Change, Code); 9] = [
        ("utf-8 only in the directory", |e| e.central.flags |= FLAG_UTF8, Code::HeaderMismatch),
        ("speed of the packer only in the directory", |e| e.central.flags |= 0b110, Code::HeaderMismatch),
        (
            "stored in the directory, deflated in front of the content",
            |e| e.central.method = 0,
            Code::StoredSizeMismatch,
        ),
        ("version 6.3 only in the directory", |e| e.central.needed = 63, Code::VersionUnsupported),
        (
            "version 6.2 of another system only in the directory",
            |e| e.central.needed = 0x033e,
            Code::VersionUnsupported,
        ),
        ("other check sum in the directory", |e| e.central.crc32 = 0, Code::HeaderMismatch),
        ("shorter content in the directory", |e| e.central.size -= 1, Code::LargerThanStated),
        ("longer content in the directory", |e| e.central.size += 1, Code::SmallerThanStated),
        ("fewer packed bytes in the directory", |e| e.central.compressed -= 1, Code::DeflateTruncated),
    ];
    changes.into_iter().map(|(name, change, code)| case(name, Plan::one(change).build(), code)).collect()
}

/// Lengths of names, extras and comments, written over in the finished archive.
fn lengths() -> Vec<Case> {
    let honest = two().build();
    let directory = u32::from_le_bytes([16, 17, 18, 19].map(|at| honest[honest.len() - 22 + at])) as usize;
    let with = |at: usize, length: u16| {
        let mut bytes = honest.clone();
        bytes[at..at + 2].copy_from_slice(&length.to_le_bytes());
        bytes
    };
    let next = 46 + 5;
    vec![
        case("local name beyond the archive", with(26, u16::MAX), Code::LocalHeaderMissing),
        case("local extra beyond the archive", with(28, u16::MAX), Code::LocalHeaderMissing),
        case("local name that reaches into the content", with(26, 9), Code::HeaderMismatch),
        case("local extra that is content", with(28, 6), Code::ExtraMalformed),
        case("name beyond the directory", with(directory + 28, 1_000), Code::DirectoryMalformed),
        case("extra beyond the directory", with(directory + 30, 1_000), Code::DirectoryMalformed),
        case("comment beyond the directory", with(directory + 32, 1_000), Code::DirectoryMalformed),
        case("name one byte too short", with(directory + 28, 4), Code::DirectoryMalformed),
        case("header hidden in another's name", with(directory + 28, 5 + next as u16), Code::EntryCountMismatch),
        case("header hidden in another's comment", with(directory + 32, next as u16), Code::EntryComment),
        case(
            "header hidden in another's extra",
            {
                let hidden = &honest[directory + next..directory + 2 * next];
                Plan::one(|e| e.central_extra = field(0x4242, hidden))
                    .build_with(|end| (end.entries, end.entries_here) = (2, 2))
            },
            Code::EntryCountMismatch,
        ),
        case("entry number in the place of the signature", with(directory + next, 1), Code::DirectoryMalformed),
    ]
}

const PNG_START: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

fn descriptors() -> Vec<Case> {
    let wide = |e: &mut EntryPlan| {
        let (packed, size) = (u64::from(e.central.compressed), u64::from(e.central.size));
        e.descriptor.truncate(8);
        e.descriptor.extend(packed.to_le_bytes());
        e.descriptor.extend(size.to_le_bytes());
    };
    let changes: [(&'static str, Change, Code); 16] = [
        ("descriptor flag in the directory only", |e| e.local.flags &= !FLAG_DESCRIPTOR, Code::HeaderMismatch),
        ("descriptor flag in front of the content only", |e| e.central.flags &= !FLAG_DESCRIPTOR, Code::HeaderMismatch),
        ("wrong size before a descriptor", |e| e.local.size = 7, Code::HeaderMismatch),
        ("wrong packed size before a descriptor", |e| e.local.compressed = 7, Code::HeaderMismatch),
        ("wrong check sum before a descriptor", |e| e.local.crc32 = 7, Code::HeaderMismatch),
        ("descriptor without signature", |e| drop(e.descriptor.drain(..4)), Code::DescriptorInvalid),
        ("descriptor with another signature", |e| e.descriptor[3] = 9, Code::DescriptorInvalid),
        ("descriptor with another check sum", |e| e.descriptor[4] ^= 1, Code::DescriptorInvalid),
        ("descriptor with another packed size", |e| e.descriptor[8] ^= 1, Code::DescriptorInvalid),
        ("descriptor with another size", |e| e.descriptor[12] ^= 1, Code::DescriptorInvalid),
        ("descriptor with exchanged sizes", |e| e.descriptor[8..].rotate_left(4), Code::DescriptorInvalid),
        ("descriptor of zeros", |e| e.descriptor[4..].fill(0), Code::DescriptorInvalid),
        ("descriptor missing", |e| e.descriptor.clear(), Code::DescriptorInvalid),
        ("descriptor cut short", |e| e.descriptor.truncate(12), Code::DescriptorInvalid),
        ("two descriptors", |e| e.descriptor.extend_from_within(..), Code::HiddenData),
        ("one byte in front of the descriptor", |e| e.descriptor.insert(0, 0), Code::DescriptorInvalid),
    ];
    let mut cases: Vec<Case> =
        changes.into_iter().map(|(name, change, code)| case(name, described(change), code)).collect();
    let plan = |change: &dyn Fn(&mut EntryPlan)| {
        let mut entry = EntryPlan::deflated("a.txt", TEXT.as_bytes()).with_descriptor();
        change(&mut entry);
        Plan::of([entry]).build()
    };
    cases.extend([
        case("descriptor of zip64", plan(&wide), Code::DescriptorInvalid),
        case(
            "descriptor of zip64 without signature",
            plan(&|e| {
                wide(e);
                e.descriptor.drain(..4);
            }),
            Code::DescriptorInvalid,
        ),
        case(
            "document stored with descriptor",
            Plan::of([EntryPlan::stored("a.docx", &crate::hostile::sample::docx([])).with_descriptor()]).build(),
            Code::DescriptorNotAllowed,
        ),
        case(
            "stored with a descriptor of another size",
            {
                let mut entry = EntryPlan::stored("a.txt", TEXT.as_bytes()).with_descriptor();
                entry.descriptor[12] ^= 1;
                Plan::of([entry]).build()
            },
            Code::DescriptorInvalid,
        ),
        case(
            "stored with a descriptor of zeros",
            {
                let mut entry = EntryPlan::stored("a.txt", TEXT.as_bytes()).with_descriptor();
                entry.descriptor[4..].fill(0);
                Plan::of([entry]).build()
            },
            Code::DescriptorInvalid,
        ),
        case(
            "stored with a descriptor without signature",
            {
                let mut entry = EntryPlan::stored("a.txt", TEXT.as_bytes()).with_descriptor();
                entry.descriptor.drain(..4);
                Plan::of([entry]).build()
            },
            Code::DescriptorInvalid,
        ),
        case(
            "empty, with a descriptor of some size",
            {
                let mut entry = EntryPlan::stored("a.txt", b"").with_descriptor();
                entry.descriptor[8] = 5;
                Plan::of([entry, EntryPlan::stored("b.txt", b"x")]).build()
            },
            Code::DescriptorInvalid,
        ),
        case(
            // A reader that scans for the next descriptor ends the file in its middle.
            "stored content that holds a descriptor",
            {
                let inner = EntryPlan::deflated("b.txt", b"x").with_descriptor();
                Plan::of(
                    [EntryPlan::stored("a.txt", &[b"begin".to_vec(), inner.descriptor].concat()).with_descriptor()],
                )
                .build()
            },
            Code::DescriptorNotAllowed,
        ),
        case(
            "folder without the descriptor it announces",
            {
                let mut folder = EntryPlan::folder("a/").with_descriptor();
                folder.descriptor.clear();
                Plan::of([folder, EntryPlan::stored("a/b.txt", b"x")]).build()
            },
            Code::DescriptorInvalid,
        ),
    ]);
    let signatures: [(&'static str, &[u8]); 6] = [
        ("stored with descriptor, local header inside", b"PK\x03\x04"),
        ("stored with descriptor, central header inside", b"PK\x01\x02"),
        ("stored with descriptor, end record inside", b"PK\x05\x06"),
        ("stored with descriptor, signature of a descriptor inside", b"PK\x07\x08"),
        ("stored with descriptor, zip64 end record inside", b"PK\x06\x06"),
        ("stored with descriptor, zip64 locator inside", b"PK\x06\x07"),
    ];
    for (name, signature) in signatures {
        // Deep inside, where only the whole content's pass sees it.
        let content = [&PNG_START[..], &vec![7; 262_120], signature, &[7; 300_000]].concat();
        let entry = EntryPlan::stored("a.png", &content).with_descriptor();
        cases.push(case(name, Plan::of([entry]).build(), Code::DescriptorNotAllowed));
    }
    cases
}
