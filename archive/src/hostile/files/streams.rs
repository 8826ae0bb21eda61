//! Content that is damaged or lies about itself (rule 7).

use crate::{
    findings::code::Code,
    hostile::{
        Case, case,
        plan::{EntryPlan, Plan, deflate},
        sample::TEXT,
    },
};

pub(crate) fn cases() -> Vec<Case> {
    [statements(), ends(), damaged(), bits(), lenient()].concat()
}

fn one(name: &'static str, change: fn(&mut EntryPlan), expected: Code) -> Case {
    case(name, Plan::one(change).build(), expected)
}

/// Replaces the packed bytes, and states as many.
fn pack(e: &mut EntryPlan, packed: Vec<u8>) {
    e.sizes(packed.len() as u32, e.local.size);
    e.packed = packed;
}

fn statements() -> Vec<Case> {
    let stored = |change: fn(&mut EntryPlan)| {
        let mut entry = EntryPlan::stored("a.txt", TEXT.as_bytes());
        change(&mut entry);
        Plan::of([entry]).build()
    };
    vec![
        one("wrong check sum", |e| e.crc32(e.local.crc32 ^ 1), Code::CrcMismatch),
        one("check sum of zero", |e| e.crc32(0), Code::CrcMismatch),
        one("check sum with its bytes turned round", |e| e.crc32(e.local.crc32.swap_bytes()), Code::CrcMismatch),
        one("check sum of the packed bytes", |e| e.crc32(crc32fast::hash(&e.packed)), Code::CrcMismatch),
        case("wrong check sum of a stored file", stored(|e| e.packed[3] ^= 1), Code::CrcMismatch),
        case("check sum of zero for a stored file", stored(|e| e.crc32(0)), Code::CrcMismatch),
        case(
            "deflated, called stored",
            stored(|e| {
                let packed = deflate(TEXT.as_bytes());
                e.sizes(packed.len() as u32, packed.len() as u32);
                e.packed = packed;
            }),
            Code::CrcMismatch,
        ),
        case(
            "stored, called deflated",
            stored(|e| {
                e.method(8);
                e.needed(20);
            }),
            Code::DeflateCorrupt,
        ),
        one("larger than stated", |e| e.sizes(e.local.compressed, e.local.size - 1), Code::LargerThanStated),
        one("smaller than stated", |e| e.sizes(e.local.compressed, e.local.size + 1), Code::SmallerThanStated),
        one("stated as empty", |e| e.sizes(e.local.compressed, 0), Code::LargerThanStated),
        case(
            "nothing packed, stated as a kilobyte",
            Plan::of([{
                let mut entry = EntryPlan::deflated("a.txt", b"");
                entry.sizes(entry.local.compressed, 1_000);
                entry
            }])
            .build(),
            Code::SmallerThanStated,
        ),
        case(
            "16 MiB of zeros, stated as a kilobyte",
            Plan::of([{
                let mut entry = EntryPlan::deflated("zeros.txt", &vec![b'0'; 16 << 20]);
                entry.sizes(entry.local.compressed, 1_000);
                entry
            }])
            .build(),
            Code::LargerThanStated,
        ),
        case(
            "16 MiB of zeros before a descriptor that states a kilobyte",
            Plan::of([{
                let mut entry = EntryPlan::deflated("zeros.txt", &vec![b'0'; 16 << 20]).with_descriptor();
                entry.central.size = 1_000;
                entry.descriptor[12..].copy_from_slice(&1_000u32.to_le_bytes());
                entry
            }])
            .build(),
            Code::LargerThanStated,
        ),
    ]
}

fn ends() -> Vec<Case> {
    vec![
        one(
            "bytes after the end of the stream",
            |e| pack(e, [&e.packed[..], b"hidden"].concat()),
            Code::DataAfterStream,
        ),
        one(
            "zero byte after the end of the stream",
            |e| pack(e, [&e.packed[..], b"\0"].concat()),
            Code::DataAfterStream,
        ),
        one(
            "second stream after the first",
            |e| pack(e, [&e.packed[..], &deflate(b"second")].concat()),
            Code::DataAfterStream,
        ),
        one(
            "megabyte after the end of the stream",
            |e| pack(e, [&e.packed[..], &vec![0; 1 << 20]].concat()),
            Code::DataAfterStream,
        ),
        one(
            "local header after the end of the stream",
            |e| pack(e, [e.packed.clone(), e.local_bytes()].concat()),
            Code::DataAfterStream,
        ),
        one("stream cut short", |e| pack(e, e.packed[..e.packed.len() - 2].to_vec()), Code::DeflateTruncated),
        one(
            "stream without its last byte",
            |e| pack(e, e.packed[..e.packed.len() - 1].to_vec()),
            Code::DeflateTruncated,
        ),
        one("stream without its first byte", |e| pack(e, e.packed[1..].to_vec()), Code::DeflateCorrupt),
        one("stream without a last block", |e| pack(e, stored_block(0, TEXT.as_bytes())), Code::DeflateTruncated),
        one("stream that ends in a block's header", |e| pack(e, b"\x01\x05\0".to_vec()), Code::DeflateTruncated),
        one(
            "deflate with no bytes at all",
            |e| {
                e.packed.clear();
                e.sizes(0, 0);
                e.crc32(0);
            },
            Code::DeflateTruncated,
        ),
        one(
            "a stream of empty blocks without end",
            |e| pack(e, stored_block(0, b"").repeat(20_000)),
            Code::DeflateTruncated,
        ),
    ]
}

/// A stored block of RFC 1951; `last` is 1 for the last one.
fn stored_block(last: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len() as u16;
    [&[last][..], &length.to_le_bytes(), &(!length).to_le_bytes(), content].concat()
}

fn damaged() -> Vec<Case> {
    vec![
        one("reserved block type", |e| e.packed[0] |= 0b110, Code::DeflateCorrupt),
        one(
            "stored block whose lengths disagree",
            |e| {
                let mut block = stored_block(1, TEXT.as_bytes());
                block[3] ^= 1;
                pack(e, block);
            },
            Code::DeflateCorrupt,
        ),
        one(
            "zlib header in front of the stream",
            |e| pack(e, [&b"\x78\x9c"[..], &e.packed].concat()),
            Code::DeflateCorrupt,
        ),
        one(
            "gzip header in front of the stream",
            |e| pack(e, [&b"\x1f\x8b\x08\0\0\0\0\0\0\x03"[..], &e.packed].concat()),
            Code::DeflateCorrupt,
        ),
        one(
            "bzip2 called deflate",
            |e| pack(e, b"BZh91AY&SY\x17\x72\x45\x38\x50\x90\0\0\0\0".to_vec()),
            Code::DeflateCorrupt,
        ),
        one(
            "lzma called deflate",
            |e| pack(e, b"\x13\x01\x05\0\x5d\0\0\x01\0\0\x26\x99".to_vec()),
            Code::DeflateCorrupt,
        ),
    ]
}

/// Writes the bits of a stream in deflate's order.
#[derive(Default)]
struct Bits {
    out: Vec<u8>,
    used: u32,
}

impl Bits {
    /// A number: its lowest bit first.
    fn number(mut self, value: u32, count: u32) -> Self {
        for bit in 0..count {
            if self.used.is_multiple_of(8) {
                self.out.push(0);
            }
            if let Some(last) = self.out.last_mut() {
                *last |= ((value >> bit & 1) as u8) << (self.used % 8);
            }
            self.used += 1;
        }
        self
    }

    /// A Huffman code: its highest bit first.
    fn code(self, value: u32, count: u32) -> Self {
        (0..count).rev().fold(self, |bits, bit| bits.number(value >> bit, 1))
    }

    /// The header of a last block: 1 is fixed, 2 is dynamic.
    fn block(kind: u32) -> Self {
        Self::default().number(1, 1).number(kind, 2)
    }

    /// The lengths of the code for code lengths, in their order (RFC 1951, 3.2.7).
    fn lengths(self, literals: u32, distances: u32, lengths: &[u32]) -> Self {
        let counted = self.number(literals - 257, 5).number(distances - 1, 5).number(lengths.len() as u32 - 4, 4);
        lengths.iter().fold(counted, |bits, length| bits.number(*length, 3))
    }

    /// The header of a last, dynamic block with words of these lengths, none longer than three bits.
    fn dynamic(literals: &[u32], distances: &[u32]) -> Self {
        // Words for the lengths 0 to 3 and, for 11 zeros and more, 18: 00, 01, 10, 110 and 111.
        let lengths = [0, 0, 3, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 2, 0, 2];
        let mut bits = Self::block(2).lengths(literals.len() as u32, distances.len() as u32, &lengths);
        let mut rest = [literals, distances].concat();
        while let Some(&first) = rest.first() {
            let run = rest.iter().take_while(|length| **length == 0).count().min(138);
            bits = match first {
                0 if run >= 11 => bits.code(0b111, 3).number(run as u32 - 11, 7),
                3 => bits.code(0b110, 3),
                length => bits.code(length, 2),
            };
            rest.drain(..if run >= 11 { run } else { 1 });
        }
        bits
    }

    fn case(self, name: &'static str) -> Case {
        let mut entry = EntryPlan::deflated("a.txt", b"abcd");
        // Something to read after the trick, so that the stream does not simply end.
        let packed = [self.out, vec![0; 64]].concat();
        pack(&mut entry, packed);
        case(name, Plan::of([entry]).build(), Code::DeflateCorrupt)
    }
}

/// Streams that are valid up to one forbidden symbol. Lenient decoders read on.
fn bits() -> Vec<Case> {
    const A: (u32, u32) = (0b1001_0001, 8);
    vec![
        Bits::block(1).code(0b1000_1110, 8).code(1, 7).code(2, 5).code(0, 7).case("distance before the start"),
        Bits::block(1).code(A.0, A.1).code(0b1100_0110, 8).case("length symbol 286"),
        Bits::block(1).code(A.0, A.1).code(0b1100_0111, 8).case("length symbol 287"),
        Bits::block(1).code(A.0, A.1).code(1, 7).code(30, 5).case("distance symbol 30"),
        Bits::block(1).code(A.0, A.1).code(1, 7).code(31, 5).case("distance symbol 31"),
        Bits::block(2).lengths(287, 1, &[1, 0, 0, 1]).case("287 length symbols"),
        Bits::block(2).lengths(257, 31, &[1, 0, 0, 1]).case("31 distance symbols"),
        Bits::block(2).lengths(257, 1, &[1, 1, 1, 1]).case("more codes than fit"),
        Bits::block(2).lengths(257, 1, &[0, 0, 0, 2]).case("fewer codes than there must be"),
        Bits::block(2).lengths(257, 1, &[0, 0, 0, 0]).case("no codes at all"),
        // Symbols 0 and 16: the first one asks for the length before it.
        Bits::block(2).lengths(257, 1, &[1, 0, 0, 1]).code(1, 1).number(3, 2).case("repeats what was not there"),
        // Symbols 0 and 18: 276 zeros where 258 lengths are due.
        Bits::block(2)
            .lengths(257, 1, &[0, 0, 1, 1])
            .code(1, 1)
            .number(127, 7)
            .code(1, 1)
            .number(127, 7)
            .case("repeats more than there are"),
        // Symbols 1 and 18: two literals, then zeros up to the end, the end of the block among them.
        Bits::block(2)
            .lengths(257, 1, &[0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])
            .code(0, 2)
            .code(1, 1)
            .number(127, 7)
            .code(1, 1)
            .number(107, 7)
            .case("block that cannot end"),
    ]
}

/// A last, dynamic block with words of these lengths, and what follows its header.
#[cfg(test)]
pub(crate) fn dynamic_block(literals: &[u32], distances: &[u32], then: &[u8]) -> Vec<u8> {
    then.iter().fold(Bits::dynamic(literals, distances), |bits, byte| bits.number(u32::from(*byte), 8)).out
}

/// Streams that libdeflate expands and zlib refuses, with what libdeflate reads in them: nothing else is wrong.
pub(crate) fn lenient_streams() -> Vec<(&'static str, Vec<u8>, Vec<u8>)> {
    const A: usize = b'a' as usize;
    // Words 0, 10 and 11 for a, the end and a length of 3.
    let literals = |count: usize| {
        let mut lengths = vec![0; count];
        (lengths[A], lengths[256], lengths[257]) = (1, 2, 2);
        lengths
    };
    let only_the_end = [vec![0; 256], vec![1]].concat();
    // a, then three more by the distance in these bits, then the end.
    let again =
        |bits: Bits, distance: u32, count: u32| bits.code(0, 1).code(0b11, 2).code(distance, count).code(0b10, 2).out;
    let four = b"aaaa".to_vec();
    let fixed = || Bits::block(1).code(0b1001_0001, 8);
    // 258 by distance 1, so often that what is farthest lies within.
    let far = |bits: Bits| (0..100).fold(bits, |bits, _| bits.code(0b1100_0101, 8).code(0, 5));
    vec![
        ("other half of a code with one distance", again(Bits::dynamic(&literals(258), &[1]), 1, 1), four.clone()),
        ("distance in a code without any", again(Bits::dynamic(&literals(258), &[0]), 0, 1), four.clone()),
        ("other half of a code with one literal", Bits::dynamic(&only_the_end, &[1]).code(1, 1).out, Vec::new()),
        (
            "287 lengths for literals, the last one unused",
            again(Bits::dynamic(&literals(287), &[1, 1]), 0, 1),
            four.clone(),
        ),
        (
            "288 lengths for literals, the last ones unused",
            again(Bits::dynamic(&literals(288), &[1, 1]), 0, 1),
            four.clone(),
        ),
        (
            "31 lengths for distances, the last one unused",
            again(Bits::dynamic(&literals(258), &[vec![1, 1], vec![0; 29]].concat()), 0, 1),
            four.clone(),
        ),
        (
            "32 lengths for distances, the last ones unused",
            again(Bits::dynamic(&literals(258), &[vec![1, 1], vec![0; 30]].concat()), 0, 1),
            four,
        ),
        ("length symbol 286, taken for 258", fixed().code(0b1100_0110, 8).code(0, 5).code(0, 7).out, vec![b'a'; 259]),
        ("length symbol 287, taken for 258", fixed().code(0b1100_0111, 8).code(0, 5).code(0, 7).out, vec![b'a'; 259]),
        (
            "distance symbol 30, taken for 24,577",
            far(fixed()).code(1, 7).code(30, 5).number(0, 13).code(0, 7).out,
            vec![b'a'; 25_804],
        ),
        (
            "distance symbol 31, taken for 24,577",
            far(fixed()).code(1, 7).code(31, 5).number(0, 13).code(0, 7).out,
            vec![b'a'; 25_804],
        ),
    ]
}

/// What one unzip program reads and another one calls broken.
fn lenient() -> Vec<Case> {
    let case_of = |(name, packed, content): (&'static str, Vec<u8>, Vec<u8>)| {
        let mut entry = EntryPlan::deflated("a.txt", &content);
        pack(&mut entry, packed);
        case(name, Plan::of([entry]).build(), Code::DeflateCorrupt)
    };
    lenient_streams().into_iter().map(case_of).collect()
}
