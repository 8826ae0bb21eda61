//! Lies about where entries are: overlaps, gaps, hidden ones (rules 1 and 4).

use crate::{
    findings::code::Code,
    format::{CENTRAL_SIGNATURE, LOCAL_SIZE},
    hostile::{
        Case, case,
        plan::{EntryPlan, Plan, deflate, field},
        sample::TEXT,
        structure::ends::two,
    },
};

pub(crate) fn cases() -> Vec<Case> {
    [overlaps(), gaps(), places()].concat()
}

/// A small file stored under this name.
fn small(name: &str) -> EntryPlan {
    EntryPlan::stored(name, b"shared\n")
}

fn overlaps() -> Vec<Case> {
    // Every entry's content is the whole rest of the archive.
    let rest = {
        let mut plan = Plan::of((0..20).map(|n| EntryPlan::stored(format!("{n}.txt"), &[b'a'; 500])));
        for entry in &mut plan.entries {
            entry.sizes(5_000, 5_000);
        }
        plan.build()
    };
    let nested = {
        // The second local header lies in the first one's stored content.
        let inner = small("in.txt");
        let outer = EntryPlan::stored("a.txt", &[inner.local_bytes(), inner.packed.clone()].concat());
        let at = LOCAL_SIZE + outer.local_name.len();
        Plan::of([outer, inner.only_listed(at)]).build()
    };
    let in_extra = |content: &[u8]| {
        // Hidden in an extra field, as Fifield's second construction does.
        let inner = EntryPlan::stored("in.txt", content);
        let mut outer = EntryPlan::stored("a.txt", b"");
        outer.local_extra = field(0x4242, &[inner.local_bytes(), inner.packed.clone()].concat());
        let at = LOCAL_SIZE + outer.local_name.len() + 4;
        Plan::of([outer, inner.only_listed(at)]).build()
    };
    let many = {
        let first = small("0.txt");
        Plan::of([first].into_iter().chain((1..42).map(|n| small(&format!("{n}.txt")).only_listed(0)))).build()
    };
    vec![
        case("overlapping entries", rest, Code::EntriesOverlap),
        case("quoted overlap after Fifield", quoted(30), Code::EntriesOverlap),
        case("quoted overlap of two entries", quoted(2), Code::EntriesOverlap),
        case(
            "two names for the same bytes",
            Plan::of([small("a.txt"), small("b.txt").only_listed(0)]).build(),
            Code::EntriesOverlap,
        ),
        case("forty-two names for the same bytes", many, Code::EntriesOverlap),
        case("an entry inside another's content", nested, Code::EntriesOverlap),
        case("an entry inside another's extra field", in_extra(b"shared\n"), Code::EntriesOverlap),
        case("an empty entry inside another's extra field", in_extra(b""), Code::EntriesOverlap),
        case(
            "an entry that begins in the last byte of another",
            {
                let mut plan = two();
                let mut second = plan.entries.remove(1);
                second.offset = Some((LOCAL_SIZE + 5 + plan.entries[0].packed.len() - 1) as u32);
                plan.entries.push(second);
                plan.build()
            },
            Code::EntriesOverlap,
        ),
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
            "content that reaches one byte into the directory",
            Plan::of([{
                let mut entry = small("a.txt");
                entry.sizes(8, 8);
                entry
            }])
            .build(),
            Code::EntriesOverlap,
        ),
        case(
            "the directory as an entry",
            Plan::of([small("a.txt"), small("b.txt").only_listed(42)]).build(),
            Code::EntriesOverlap,
        ),
        case("offset beyond the archive", Plan::one(|e| e.offset = Some(1 << 30)).build(), Code::EntriesOverlap),
        case("offset within the directory", Plan::one(|e| e.offset = Some(190)).build(), Code::EntriesOverlap),
    ]
}

/// Fifield's quoted overlap: each stream begins with a stored block that quotes the next entry's local header, and
/// goes on in the next entry's stream. Every local header is honest, every stream valid.
fn quoted(count: usize) -> Vec<u8> {
    let kernel = vec![b'a'; 10_000];
    let mut entry = EntryPlan::deflated(format!("{count}.txt"), &kernel);
    let mut content = kernel;
    let mut entries = Vec::new();
    let mut depth = Vec::new();
    for n in (1..count).rev() {
        let header = entry.local_bytes();
        let length = header.len() as u16;
        let quote = [&[0][..], &length.to_le_bytes(), &(!length).to_le_bytes(), &header].concat();
        content = [header.clone(), content].concat();
        let mut outer = EntryPlan::deflated(format!("{n}.txt"), &content);
        outer.packed = [quote, entry.packed.clone()].concat();
        outer.sizes(outer.packed.len() as u32, content.len() as u32);
        depth.push(outer.local_bytes().len() + 5);
        entries.push(std::mem::replace(&mut entry, outer));
    }
    // Outermost first; each of the others lies behind the headers and quotes of those around it.
    let mut at = 0;
    let mut plan = Plan::of([entry]);
    for (inner, step) in entries.into_iter().rev().zip(depth.into_iter().rev()) {
        at += step;
        plan.entries.push(inner.only_listed(at));
    }
    plan.build()
}

fn gaps() -> Vec<Case> {
    let between = |bytes: Vec<u8>| {
        let mut plan = two();
        plan.entries[1].before = bytes;
        plan.build()
    };
    let first = |bytes: Vec<u8>| {
        let mut plan = two();
        plan.entries[0].before = bytes;
        plan.build()
    };
    let before_directory = |bytes: Vec<u8>| Plan { before_directory: bytes, ..two() }.build();
    // A whole entry that the directory does not list.
    let hidden = || {
        let entry = EntryPlan::stored("hidden.txt", TEXT.as_bytes());
        [entry.local_bytes(), entry.packed].concat()
    };
    let directory = {
        let honest = two().build();
        let at = honest.windows(4).position(|window| window == CENTRAL_SIGNATURE.to_le_bytes()).unwrap_or(0);
        honest[at..honest.len() - 22].to_vec()
    };
    vec![
        case("entry that is not in the directory", between(hidden()), Code::HiddenData),
        case("first entry not in the directory", first(hidden()), Code::HiddenData),
        case("last entry not in the directory", before_directory(hidden()), Code::HiddenData),
        case("one byte between two entries", between(vec![0]), Code::HiddenData),
        case("bytes between two entries", between(vec![0; 100]), Code::HiddenData),
        case("a megabyte between two entries", between(vec![0; 1 << 20]), Code::HiddenData),
        case("one byte in front of the directory", before_directory(vec![0]), Code::HiddenData),
        case("another directory in front of the directory", before_directory(directory), Code::HiddenData),
        case(
            "archive extra data in front of the directory",
            before_directory(b"PK\x06\x08\x04\0\0\0\0\0\0\0".to_vec()),
            Code::HiddenData,
        ),
        case(
            "compressed bytes after a stored entry",
            {
                let mut plan = two();
                plan.entries[1].packed.extend(deflate(TEXT.as_bytes()));
                plan.build()
            },
            Code::HiddenData,
        ),
        case(
            "descriptor that nothing announces",
            {
                let mut plan = two();
                let described = plan.entries[0].clone().with_descriptor();
                plan.entries[0].descriptor = described.descriptor;
                plan.build()
            },
            Code::HiddenData,
        ),
        case(
            "local extra field longer than its header says",
            {
                let mut bytes = Plan::one(|e| e.local_extra = field(0x4242, &[0; 8])).build();
                bytes[28] = 4;
                bytes[30 + 10 + 2] = 0;
                bytes
            },
            Code::HiddenData,
        ),
    ]
}

fn places() -> Vec<Case> {
    let three = || Plan::of(["a.txt", "b.txt", "c.txt"].map(small));
    vec![
        case("directory in reverse order", Plan { reversed: true, ..two() }.build(), Code::EntriesOutOfOrder),
        case(
            "directory in another order",
            {
                let mut plan = three();
                let place = |n: u32| Some(n * (30 + 5 + 7));
                // Written as a, b, c, listed as b, a, c.
                (plan.entries[0].offset, plan.entries[1].offset) = (place(1), place(0));
                for (at, name) in [(0, b"b.txt"), (1, b"a.txt")] {
                    plan.entries[at].central_name = name.to_vec();
                }
                plan.build()
            },
            Code::EntriesOutOfOrder,
        ),
        case(
            "two entries that point at each other's place",
            {
                let mut plan = three();
                (plan.entries[0].offset, plan.entries[1].offset) = (Some(42), Some(0));
                plan.build()
            },
            Code::HeaderMismatch,
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
        case(
            "directory header in place of a local one",
            {
                let mut bytes = three().build();
                bytes[42..46].copy_from_slice(&CENTRAL_SIGNATURE.to_le_bytes());
                bytes
            },
            Code::LocalHeaderMissing,
        ),
        case(
            "descriptor in place of a local header",
            {
                let mut bytes = three().build();
                bytes[42..46].copy_from_slice(b"PK\x07\x08");
                bytes
            },
            Code::LocalHeaderMissing,
        ),
    ]
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::DeflateDecoder;

    use super::*;
    use crate::format::CentralHeader;

    /// A reader that checks everything but the layout would accept it.
    #[test]
    fn the_quoted_overlap_is_honest_in_all_but_its_layout() {
        let bytes = quoted(30);
        let headers: Vec<CentralHeader> =
            (0..bytes.len()).filter_map(|at| CentralHeader::parse(&bytes[at..])).collect();
        assert_eq!(headers.len(), 30);
        for header in &headers {
            let start = header.offset as usize + LOCAL_SIZE + usize::from(header.name_len);
            let mut content = Vec::new();
            DeflateDecoder::new(&bytes[start..start + header.compressed as usize]).read_to_end(&mut content).unwrap();
            assert_eq!((content.len(), crc32fast::hash(&content)), (header.size as usize, header.crc32));
        }
        let expanded: usize = headers.iter().map(|header| header.size as usize).sum();
        assert!(expanded > 60 * bytes.len(), "{expanded}");
    }
}
