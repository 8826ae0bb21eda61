//! Lies about where the archive starts and ends (rules 1 to 3).

use super::{
    Case, case,
    plan::{EntryPlan, Plan, field},
    sample::{self, TEXT},
};
use crate::archive::{code::Code, format::EndRecord};

/// Two honest files.
pub(super) fn two() -> Plan {
    Plan::of([EntryPlan::deflated("a.txt", TEXT.as_bytes()), EntryPlan::stored("b.txt", b"second file\n")])
}

pub(super) fn cases() -> Vec<Case> {
    let honest = two().build();
    let len = honest.len();
    let commented = |comment: &[u8]| Plan { comment: comment.to_vec(), ..two() }.build();
    let trailing = |trailing: &[u8]| Plan { trailing: trailing.to_vec(), ..two() }.build();
    let mut zip64_locator = b"PK\x06\x07".to_vec();
    zip64_locator.resize(20, 0);
    vec![
        case("zero bytes", Vec::new(), Code::EmptyFile),
        case("one byte", vec![b'P'], Code::NotAZip),
        case("text instead of an archive", TEXT.into(), Code::NotAZip),
        case("picture instead of an archive", sample::PNG.to_vec(), Code::NotAZip),
        case("rar instead of an archive", b"Rar!\x1a\x07\x01\0and so on".to_vec(), Code::NotAZip),
        case("megabyte of zeros", vec![0; 1 << 20], Code::NotAZip),
        case("truncated in the content", honest[..40].to_vec(), Code::Truncated),
        case("truncated in the directory", honest[..len - 60].to_vec(), Code::Truncated),
        case("truncated in the end record", honest[..len - 1].to_vec(), Code::Truncated),
        case("truncated at the front", honest[10..].to_vec(), Code::PrependedData),
        case("empty archive", Plan::default().build(), Code::NoContent),
        case("folders only", Plan::of([EntryPlan::folder("a/")]).build(), Code::NoContent),
        case(
            "system files only",
            Plan::of([EntryPlan::stored("__MACOSX/._a.txt", b"\0\x05\x16\x07")]).build(),
            Code::NoContent,
        ),
        case("prepended, offsets not shifted", [b"hello".as_slice(), &honest].concat(), Code::PrependedData),
        case("self-extracting program", [sample::exe(), honest.clone()].concat(), Code::PrependedData),
        case(
            "picture in front, offsets shifted",
            Plan { prefix: sample::PNG.to_vec(), ..two() }.build(),
            Code::PrependedData,
        ),
        case(
            "html in front, offsets shifted",
            Plan { prefix: b"<script>alert(1)</script><!--".to_vec(), ..two() }.build(),
            Code::PrependedData,
        ),
        case("two archives joined", [honest.clone(), honest.clone()].concat(), Code::PrependedData),
        case("one byte after the end", trailing(b"\0"), Code::TrailingData),
        case("64 KiB after the end", trailing(&[b'x'; 65_000]), Code::TrailingData),
        case("archive comment", commented(b"hello"), Code::ArchiveComment),
        case("html in the comment", commented(b"--><script>alert(1)</script>"), Code::ArchiveComment),
        case("end record in the comment", commented(&end_record()), Code::AmbiguousEndRecord),
        case("second directory and end record in the comment", commented(&inner_archive()), Code::AmbiguousEndRecord),
        case(
            "second end record with a comment up to the end",
            Plan {
                after_directory: {
                    let mut out = Vec::new();
                    EndRecord { comment_len: 22, ..EndRecord::default() }.write(&mut out);
                    out
                },
                ..two()
            }
            .build(),
            Code::AmbiguousEndRecord,
        ),
        case(
            "end record in an extra field of the directory",
            Plan::one(|e| e.central_extra = field(0x4242, &end_record())).build(),
            Code::AmbiguousEndRecord,
        ),
        case("other disk", two().build_with(|end| end.disk = 1), Code::MultiDisk),
        case("directory on another disk", two().build_with(|end| end.directory_disk = 1), Code::MultiDisk),
        case("entry on another disk", Plan::one(|e| e.central.disk = 1).build(), Code::MultiDisk),
        case(
            "one entry more than stated",
            two().build_with(|end| (end.entries, end.entries_here) = (1, 1)),
            Code::EntryCountMismatch,
        ),
        case(
            "one entry less than stated",
            two().build_with(|end| (end.entries, end.entries_here) = (3, 3)),
            Code::EntryCountMismatch,
        ),
        case("two different counts", two().build_with(|end| end.entries_here = 1), Code::EntryCountMismatch),
        case("directory smaller than stated", two().build_with(|end| end.directory_size += 1), Code::Truncated),
        case(
            "directory larger than stated",
            two().build_with(|end| end.directory_size -= 46),
            Code::DirectoryMisplaced,
        ),
        case(
            "directory offset of a hidden second directory",
            two().build_with(|end| (end.directory_offset, end.directory_size) = (0, 46)),
            Code::DirectoryMisplaced,
        ),
        case(
            "directory that starts in an entry",
            two().build_with(|end| {
                end.directory_offset -= 7;
                end.directory_size += 7;
            }),
            Code::DirectoryMalformed,
        ),
        case(
            "digital signature after the directory",
            Plan { after_directory: b"PK\x05\x05\x02\0ok".to_vec(), ..two() }.build_with(|end| end.directory_size += 8),
            Code::DirectoryMalformed,
        ),
        case(
            "zip64 locator",
            Plan { after_directory: zip64_locator.clone(), ..two() }.build_with(|end| end.directory_size += 20),
            Code::Zip64,
        ),
        case(
            "zip64 locator hidden in an extra field",
            Plan::one(|e| e.central_extra = field(0x4242, &zip64_locator)).build(),
            Code::Zip64,
        ),
        case(
            "zip64 sentinels in the end record",
            two().build_with(|end| {
                end.entries = u16::MAX;
                end.entries_here = u16::MAX;
                end.directory_offset = u32::MAX;
            }),
            Code::Zip64,
        ),
        case(
            "directory of more than 4 MiB",
            Plan::of((0..70).map(|n| {
                let mut entry = EntryPlan::stored(format!("{n}.txt"), b"x");
                entry.central_extra = field(0x4242, &[0; 65_000]);
                entry
            }))
            .build(),
            Code::DirectoryTooLarge,
        ),
    ]
}

fn end_record() -> Vec<u8> {
    let mut out = Vec::new();
    EndRecord::default().write(&mut out);
    out
}

/// An archive that names other files, complete with directory.
fn inner_archive() -> Vec<u8> {
    Plan::of([EntryPlan::stored("other.txt", b"what the other program sees")]).build()
}
