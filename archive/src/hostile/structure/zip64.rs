//! ZIP64 in every place it can stand (rule 3): readers differ in which of the two sets of numbers they believe.

use crate::{
    findings::code::Code,
    format::{CENTRAL_SIGNATURE, EndRecord, u32_at},
    hostile::{
        Case, case,
        plan::{EntryPlan, Plan, field},
        sample::TEXT,
        structure::ends::two,
    },
};

pub(crate) fn cases() -> Vec<Case> {
    [ends(), entries()].concat()
}

/// The ZIP64 end record about a directory (APPNOTE 4.3.14), and the locator that leads to it (4.3.15).
fn records(entries: u64, directory: u64, size: u64, place: u64) -> Vec<u8> {
    let mut out = b"PK\x06\x06".to_vec();
    out.extend(44u64.to_le_bytes());
    out.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    for field in [entries, entries, size, directory] {
        out.extend(field.to_le_bytes());
    }
    out.extend(locator(place));
    out
}

fn locator(place: u64) -> Vec<u8> {
    let mut out = b"PK\x06\x07\0\0\0\0".to_vec();
    out.extend(place.to_le_bytes());
    out.extend(1u32.to_le_bytes());
    out
}

fn ends() -> Vec<Case> {
    let honest = two().build();
    let end = honest.len() - 22;
    let directory = u32_at(&honest, end + 16) as usize;
    let before_end =
        |bytes: Vec<u8>, change: &dyn Fn(&mut EndRecord)| Plan { after_directory: bytes, ..two() }.build_with(change);
    let (place, size) = (end as u64, (end - directory) as u64);
    let honest_records = || records(2, directory as u64, size, place);
    let sentinels = |end: &mut EndRecord| {
        (end.entries_here, end.entries) = (u16::MAX, u16::MAX);
        (end.directory_size, end.directory_offset) = (u32::MAX, u32::MAX);
    };
    let other = {
        // Two directories: the classic end record leads to the second, the other one to the first.
        let hidden = Plan::of([EntryPlan::stored("a.txt", TEXT.as_bytes())]).build();
        let first = hidden.windows(4).position(|window| window == CENTRAL_SIGNATURE.to_le_bytes()).unwrap_or(0);
        let listed = &hidden[first..hidden.len() - 22];
        let mut plan = two();
        plan.before_directory = listed.to_vec();
        plan.after_directory = records(1, directory as u64, listed.len() as u64, (end + listed.len()) as u64);
        plan.build()
    };
    let field = |name, change: fn(&mut EndRecord), code| case(name, two().build_with(change), code);
    vec![
        case("complete zip64 ends", before_end(honest_records(), &sentinels), Code::Zip64),
        case("zip64 ends beside an ordinary one", before_end(honest_records(), &|_| {}), Code::Zip64),
        case("zip64 ends that lead to another directory", other, Code::Zip64),
        case("zip64 locator that leads nowhere", before_end(locator(u64::MAX), &|_| {}), Code::Zip64),
        case(
            "zip64 locator within the directory's size",
            before_end(locator(0), &|end| end.directory_size += 20),
            Code::Zip64,
        ),
        case(
            "zip64 locator hidden in an extra field",
            Plan::one(|e| e.central_extra = crate::hostile::plan::field(0x4242, &locator(0))).build(),
            Code::Zip64,
        ),
        case(
            "zip64 end record without locator",
            before_end(honest_records()[..56].to_vec(), &|_| {}),
            Code::DirectoryMisplaced,
        ),
        case(
            "zip64 end record in front of the directory",
            Plan { before_directory: honest_records(), ..two() }.build(),
            Code::HiddenData,
        ),
        field(
            "zip64 marker for the entries",
            |end| (end.entries, end.entries_here) = (u16::MAX, u16::MAX),
            Code::Zip64,
        ),
        field("zip64 marker for the entries of this disk", |end| end.entries_here = u16::MAX, Code::EntryCountMismatch),
        field("zip64 marker for the directory's size", |end| end.directory_size = u32::MAX, Code::Zip64),
        field("zip64 marker for the directory's place", |end| end.directory_offset = u32::MAX, Code::Zip64),
        field("zip64 marker for the disk", |end| end.disk = u16::MAX, Code::MultiDisk),
        field("zip64 marker for the directory's disk", |end| end.directory_disk = u16::MAX, Code::MultiDisk),
    ]
}

/// A ZIP64 extra of both sizes, as it stands in front of the content.
fn sixteen(size: u32, compressed: u32) -> Vec<u8> {
    field(1, &[size, compressed].map(|number| u64::from(number).to_le_bytes()).concat())
}

fn eight(value: u32) -> Vec<u8> {
    field(1, &u64::from(value).to_le_bytes())
}

fn repeated(name: &'static str, change: fn(&mut EntryPlan)) -> Case {
    case(name, Plan::one(change).build(), Code::Zip64)
}

fn entries() -> Vec<Case> {
    vec![
        case(
            "zip64 size of an entry",
            Plan::one(|e| {
                e.central_extra = eight(e.central.size);
                e.central.size = u32::MAX;
            })
            .build(),
            Code::Zip64,
        ),
        case(
            "zip64 packed size of an entry",
            Plan::one(|e| {
                e.central_extra = eight(e.central.compressed);
                e.central.compressed = u32::MAX;
            })
            .build(),
            Code::Zip64,
        ),
        case(
            "zip64 place of an entry",
            Plan::one(|e| {
                e.central_extra = eight(0);
                e.offset = Some(u32::MAX);
            })
            .build(),
            Code::Zip64,
        ),
        case(
            "zip64 disk of an entry",
            Plan::one(|e| {
                e.central_extra = field(1, &[0; 4]);
                e.central.disk = u16::MAX;
            })
            .build(),
            Code::MultiDisk,
        ),
        case("zip64 marker without an extra field", Plan::one(|e| e.central.size = u32::MAX).build(), Code::Zip64),
        case(
            // As Info-ZIP writes what it reads from a pipe.
            "zip64 sizes only in front of the content",
            Plan::one(|e| {
                e.local_extra = field(1, &[0; 16]);
                (e.local.compressed, e.local.size) = (u32::MAX, u32::MAX);
                e.needed(45);
            })
            .build(),
            Code::Zip64,
        ),
        case(
            "zip64 markers only in front of the content",
            Plan::one(|e| (e.local.compressed, e.local.size) = (u32::MAX, u32::MAX)).build(),
            Code::Zip64,
        ),
        repeated("zip64 extra with another size", |e| {
            e.local_extra = sixteen(e.central.size + 1, e.central.compressed)
        }),
        repeated("zip64 extra with another packed size", |e| e.local_extra = sixteen(e.central.size, 0)),
        repeated("zip64 extra with exchanged sizes", |e| e.local_extra = sixteen(e.central.compressed, e.central.size)),
        repeated("zip64 extra of one size in front of the content", |e| e.local_extra = eight(e.central.size)),
        repeated("zip64 extra with a higher size", |e| {
            e.local_extra = sixteen(e.central.size, e.central.compressed);
            e.local_extra[8] = 1;
        }),
        repeated("zip64 extra with another place", |e| {
            let numbers = [e.central.size, e.central.compressed, 7].map(|number| u64::from(number).to_le_bytes());
            e.central_extra = field(1, &numbers.concat());
        }),
        repeated("zip64 extra with another disk", |e| {
            let numbers = [e.central.size, e.central.compressed, 0].map(|number| u64::from(number).to_le_bytes());
            e.central_extra = field(1, &[&numbers.concat()[..], &[1, 0, 0, 0]].concat());
        }),
        repeated("zip64 extra of an odd length", |e| {
            e.central_extra = field(1, &[&u64::from(e.central.size).to_le_bytes()[..], &[0]].concat());
        }),
        repeated("zip64 extra before a descriptor", |e| {
            *e = e.clone().with_descriptor();
            e.local_extra = sixteen(e.central.size, e.central.compressed);
        }),
        repeated("zip64 extra in the directory before a descriptor", |e| {
            *e = e.clone().with_descriptor();
            e.central_extra = eight(e.central.size);
        }),
        case(
            "zip64 extra that nothing asks for, in the directory",
            Plan::one(|e| e.central_extra = field(1, &[7; 8])).build(),
            Code::Zip64,
        ),
        case(
            "zip64 extra that nothing asks for, in front of the content",
            Plan::one(|e| e.local_extra = field(1, &[7; 16])).build(),
            Code::Zip64,
        ),
    ]
}
