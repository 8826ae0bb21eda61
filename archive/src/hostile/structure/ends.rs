//! Lies about where the archive starts and ends (rules 1 to 3).

use crate::{
    findings::code::Code,
    format::{END_SIGNATURE, EndRecord},
    hostile::{
        Case, case,
        plan::{EntryPlan, Plan},
        sample::{self, TEXT},
    },
};

/// Two honest files.
pub(crate) fn two() -> Plan {
    Plan::of([EntryPlan::deflated("a.txt", TEXT.as_bytes()), EntryPlan::stored("b.txt", b"second file\n")])
}

pub(crate) fn cases() -> Vec<Case> {
    [files(), surroundings(), comments(), fields()].concat()
}

fn files() -> Vec<Case> {
    let honest = two().build();
    let len = honest.len();
    vec![
        case("zero bytes", Vec::new(), Code::EmptyFile),
        case("one byte", vec![b'P'], Code::NotAZip),
        case("text instead of an archive", TEXT.into(), Code::NotAZip),
        case("picture instead of an archive", sample::PNG.to_vec(), Code::NotAZip),
        case("rar instead of an archive", b"Rar!\x1a\x07\x01\0and so on".to_vec(), Code::NotAZip),
        case("7z instead of an archive", b"7z\xbc\xaf\x27\x1c\0\x04and so on".to_vec(), Code::NotAZip),
        case("megabyte of zeros", vec![0; 1 << 20], Code::NotAZip),
        case("nothing but a local signature", b"PK\x03\x04".to_vec(), Code::Truncated),
        case("nothing but an end signature", b"PK\x05\x06".to_vec(), Code::NotAZip),
        case("truncated in the content", honest[..40].to_vec(), Code::Truncated),
        case("truncated in the directory", honest[..len - 60].to_vec(), Code::Truncated),
        case("truncated in the end record", honest[..len - 1].to_vec(), Code::Truncated),
        case("truncated at the front", honest[10..].to_vec(), Code::PrependedData),
        case("bytes missing in the middle", [&honest[..60], &honest[70..]].concat(), Code::Truncated),
        case("bytes doubled in the middle", [&honest[..70], &honest[60..]].concat(), Code::PrependedData),
        case("empty archive", Plan::default().build(), Code::NoContent),
        case("folders only", Plan::of([EntryPlan::folder("a/")]).build(), Code::NoContent),
        case(
            "system files only",
            Plan::of([EntryPlan::stored("__MACOSX/._a.txt", b"\0\x05\x16\x07")]).build(),
            Code::NoContent,
        ),
        case(
            "directory in front of the files",
            {
                let at = honest.len() - 22 - 2 * (46 + 5);
                [&honest[at..honest.len() - 22], &honest[..at], &honest[honest.len() - 22..]].concat()
            },
            Code::DirectoryMalformed,
        ),
    ]
}

/// Other bytes in front of the archive and behind it.
fn surroundings() -> Vec<Case> {
    let honest = two().build();
    let prefixed = |prefix: &[u8]| Plan { prefix: prefix.to_vec(), ..two() }.build();
    let trailing = |trailing: &[u8]| Plan { trailing: trailing.to_vec(), ..two() }.build();
    let shifted = |prefix: &[u8]| [prefix, &honest].concat();
    vec![
        case("prepended, offsets not shifted", shifted(b"hello"), Code::PrependedData),
        case("self-extracting program", shifted(&sample::exe()), Code::PrependedData),
        case("shell script in front", shifted(b"#!/bin/sh\nunzip \"$0\"; exit\n"), Code::PrependedData),
        case("picture in front, offsets shifted", prefixed(sample::PNG), Code::PrependedData),
        case("pdf in front, offsets shifted", prefixed(sample::PDF), Code::PrependedData),
        case("html in front, offsets shifted", prefixed(b"<script>alert(1)</script><!--"), Code::PrependedData),
        case("one byte in front, offsets shifted", prefixed(b"\0"), Code::PrependedData),
        case("mark of a split archive in front", prefixed(b"PK\x07\x08"), Code::PrependedData),
        case("mark of a split archive that was not split", prefixed(b"PK00"), Code::PrependedData),
        case("tar archive in front", shifted(&sample::tar()), Code::PrependedData),
        case("two archives joined", [honest.clone(), honest.clone()].concat(), Code::PrependedData),
        case(
            "two archives joined, offsets shifted",
            Plan { prefix: inner_archive(), ..two() }.build(),
            Code::HiddenData,
        ),
        case("one byte after the end", trailing(b"\0"), Code::TrailingData),
        case("zeros up to a tape's block", trailing(&[0; 10_240]), Code::TrailingData),
        case("64 KiB after the end", trailing(&[b'x'; 65_000]), Code::TrailingData),
        case("more after the end than any comment", trailing(&[b'x'; 70_000]), Code::Truncated),
        case("signed after the end", trailing(b"-----BEGIN PGP SIGNATURE-----\n"), Code::TrailingData),
        case("second end record, the same", trailing(&honest[honest.len() - 22..]), Code::DirectoryMisplaced),
        case("cut end record after the end", trailing(&honest[honest.len() - 22..][..18]), Code::AmbiguousEndRecord),
        case(
            "digital signature after the directory",
            Plan { after_directory: b"PK\x05\x05\x02\0ok".to_vec(), ..two() }.build_with(|end| end.directory_size += 8),
            Code::DirectoryMalformed,
        ),
        case(
            "bytes between directory and end record",
            Plan { after_directory: vec![0; 30], ..two() }.build(),
            Code::DirectoryMisplaced,
        ),
    ]
}

/// Comments, and end records in places where a reader meets them first.
fn comments() -> Vec<Case> {
    let commented = |comment: &[u8]| Plan { comment: comment.to_vec(), ..two() }.build();
    let stated = |comment: &[u8], length: u16| {
        Plan { comment: comment.to_vec(), ..two() }.build_with(|end| end.comment_len = length)
    };
    // The last file's content holds an end record whose comment is the rest of the archive.
    let in_content = {
        let with = |length: u16| {
            let mut record = Vec::new();
            EndRecord { comment_len: length, ..EndRecord::default() }.write(&mut record);
            Plan::of([EntryPlan::stored("a.txt", &record)]).build()
        };
        with((with(0).len() - 30 - 5 - 22) as u16)
    };
    vec![
        case("local header in the comment", commented(b"hello PK\x03\x04 world"), Code::ArchiveComment),
        case("central header in the comment", commented(b"PK\x01\x02"), Code::ArchiveComment),
        case("descriptor in the comment", commented(b"PK\x07\x08 and so on"), Code::ArchiveComment),
        case("zip64 end record in the comment", commented(b"PK\x06\x06"), Code::ArchiveComment),
        case("zip64 locator in the comment", commented(b"--PK\x06\x07"), Code::ArchiveComment),
        case(
            "longest archive comment, with a header at its end",
            commented(&[&[b'c'; 65_531][..], b"PK\x01\x02"].concat()),
            Code::ArchiveComment,
        ),
        case(
            "signature that begins in the comment's length",
            commented(&[&b"\x03\x04"[..], &[b'c'; 0x4b50 - 2]].concat()),
            Code::ArchiveComment,
        ),
        case("end signature alone in the comment", commented(b"a PK\x05\x06"), Code::AmbiguousEndRecord),
        case(
            "comment and a byte behind it",
            Plan { comment: b"hello".to_vec(), trailing: vec![b'!'], ..two() }.build(),
            Code::TrailingData,
        ),
        case("comment longer than stated", stated(b"hello", 2), Code::TrailingData),
        case("comment shorter than stated", stated(b"hello", 9), Code::Truncated),
        case("comment that is stated only", stated(b"", 5), Code::Truncated),
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
        case("end record in a file's content, up to the end", in_content, Code::AmbiguousEndRecord),
        case(
            "end record in an extra field of the directory",
            Plan::one(|e| e.central_extra = crate::hostile::plan::field(0x4242, &end_record())).build(),
            Code::AmbiguousEndRecord,
        ),
        case("end record in a name", Plan::one(|e| e.central_name = end_record()).build(), Code::AmbiguousEndRecord),
        case(
            "end record in an entry's comment",
            Plan::one(|e| e.comment = end_record()).build(),
            Code::AmbiguousEndRecord,
        ),
        case(
            "end signature as the directory's place",
            two().build_with(|end| end.directory_offset = END_SIGNATURE),
            Code::Truncated,
        ),
        case(
            "end signature across two fields",
            two().build_with(|end| (end.entries_here, end.entries) = (0x4b50, 0x0605)),
            Code::AmbiguousEndRecord,
        ),
    ]
}

/// Each field of the end record.
fn fields() -> Vec<Case> {
    let with = |name, change: fn(&mut EndRecord), expected| case(name, two().build_with(change), expected);
    vec![
        with("other disk", |end| end.disk = 1, Code::MultiDisk),
        with("directory on another disk", |end| end.directory_disk = 1, Code::MultiDisk),
        case("entry on another disk", Plan::one(|e| e.central.disk = 1).build(), Code::MultiDisk),
        with("one entry more than stated", |end| (end.entries, end.entries_here) = (1, 1), Code::EntryCountMismatch),
        with("one entry less than stated", |end| (end.entries, end.entries_here) = (3, 3), Code::EntryCountMismatch),
        with("no entries stated", |end| (end.entries, end.entries_here) = (0, 0), Code::EntryCountMismatch),
        with("two different counts", |end| end.entries_here = 1, Code::EntryCountMismatch),
        with("directory smaller than stated", |end| end.directory_size += 1, Code::Truncated),
        with("directory larger than stated", |end| end.directory_size -= 46, Code::DirectoryMisplaced),
        with("directory without a size", |end| end.directory_size = 0, Code::DirectoryMisplaced),
        with("directory one byte earlier", |end| end.directory_offset -= 1, Code::PrependedData),
        with("directory one byte later", |end| end.directory_offset += 1, Code::Truncated),
        with("directory behind the end", |end| end.directory_offset = 1 << 31, Code::Truncated),
        with(
            "directory offset of a hidden second directory",
            |end| (end.directory_offset, end.directory_size) = (0, 46),
            Code::DirectoryMisplaced,
        ),
        with(
            "directory that starts in an entry",
            |end| {
                end.directory_offset -= 7;
                end.directory_size += 7;
            },
            Code::DirectoryMalformed,
        ),
        with(
            "directory without its first entry",
            |end| {
                end.directory_offset += 46 + 5;
                end.directory_size -= 46 + 5;
                (end.entries, end.entries_here) = (1, 1);
            },
            Code::HiddenData,
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
