//! The two ways to expand an entry say the same about any stream, honest, damaged or made to be read in two ways.

use std::io::Write;

use flate2::{Compression, Decompress, FlushDecompress, Status, write::DeflateEncoder};
use proptest::prelude::*;

use crate::{
    content::{
        block,
        unpack::{Stated, Step, Unpacker},
        whole::libdeflate::Decompressor,
    },
    findings::{code::Code, report::Method},
    hostile::dynamic_block,
    source::Stream,
};

/// What comes out of a stream, and what is said of it in the end.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    content: Vec<u8>,
    bad: Option<Code>,
    counts: (u64, u64),
    crc32: u32,
}

/// Of the stream at the beginning of `bytes`.
fn outcome(mut unpacker: Unpacker, bytes: &[u8], stated: Stated) -> Outcome {
    let mut input = Stream::new(&bytes, 0, u64::MAX);
    unpacker.begin(stated);
    let mut content = Vec::new();
    let bad = loop {
        match unpacker.next(&mut input).unwrap() {
            Step::Content(piece) => content.extend_from_slice(piece),
            Step::Done => break None,
            Step::Bad(code) => break Some(code),
        }
    };
    Outcome { content, bad, counts: unpacker.counts(), crc32: unpacker.crc32() }
}

const ROOM: usize = 1 << 17;

/// How far each of the two reads and writes, and what; none when it is broken or larger than there is room.
fn by_zlib(packed: &[u8]) -> Option<(u64, Vec<u8>)> {
    let mut content = vec![0; ROOM];
    let mut zlib = Decompress::new(false);
    let ended = matches!(zlib.decompress(packed, &mut content, FlushDecompress::Finish), Ok(Status::StreamEnd));
    content.truncate(zlib.total_out() as usize);
    ended.then_some((zlib.total_in(), content))
}

fn by_libdeflate(packed: &[u8]) -> Option<(u64, Vec<u8>)> {
    let mut content = vec![0; ROOM];
    let (used, written) = Decompressor::new().unwrap().expand(packed, &mut content)?;
    content.truncate(written);
    Some((used as u64, content))
}

/// Compares the decoders where the first block shows that they must agree, and the readers everywhere.
fn compare(packed: &[u8], behind: &[u8], stated: Stated) -> Result<Option<Code>, TestCaseError> {
    if block::is_plain(packed) {
        prop_assert_eq!(by_libdeflate(packed), by_zlib(packed), "one is a valid stream for one decoder only");
    }
    let bytes = [packed, behind].concat();
    let (ours, streamed) = (outcome(Unpacker::new(), &bytes, stated), outcome(Unpacker::streaming(), &bytes, stated));
    prop_assert_eq!(&ours, &streamed);
    if ours.bad.is_none() {
        prop_assert_eq!(by_zlib(packed), Some((stated.compressed, ours.content)));
    }
    Ok(ours.bad)
}

fn deflate(content: &[u8], level: u32) -> Vec<u8> {
    let mut out = DeflateEncoder::new(Vec::new(), Compression::new(level));
    out.write_all(content).unwrap();
    out.finish().unwrap()
}

/// Text, noise, long runs, and what is left of each.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let word = prop::sample::select(vec!["Bruch ", "Nenner ", "Zähler, ", "<p>", "</p>\n", "1/2 ", "aaaaaaaa", "\0"]);
    prop_oneof![
        4 => prop::collection::vec(word, 0..600).prop_map(|words| words.concat().into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..3_000),
        1 => (any::<u8>(), 0..70_000usize).prop_map(|(byte, count)| vec![byte; count]),
    ]
}

#[derive(Clone, Debug)]
enum Damage {
    None,
    /// One bit, most often of the first block's header, where the codes are.
    Bit(prop::sample::Index, bool),
    Byte(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Behind(Vec<u8>),
    Insert(prop::sample::Index, u8),
}

fn damage() -> impl Strategy<Value = Damage> {
    use prop::sample::Index;
    prop_oneof![
        1 => Just(Damage::None),
        4 => (any::<Index>(), any::<bool>()).prop_map(|(at, early)| Damage::Bit(at, early)),
        2 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Damage::Byte(at, byte)),
        1 => any::<Index>().prop_map(Damage::Cut),
        1 => prop::collection::vec(any::<u8>(), 1..40).prop_map(Damage::Behind),
        1 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Damage::Insert(at, byte)),
    ]
}

impl Damage {
    fn apply(&self, packed: &mut Vec<u8>) {
        if packed.is_empty() {
            return;
        }
        let length = packed.len();
        match self {
            Self::None => {}
            Self::Bit(at, early) => {
                let bit = at.index(8 * if *early { length.min(60) } else { length });
                packed[bit / 8] ^= 1 << (bit % 8);
            }
            Self::Byte(at, byte) => packed[at.index(length)] = *byte,
            Self::Cut(at) => packed.truncate(at.index(length)),
            Self::Behind(more) => packed.extend(more),
            Self::Insert(at, byte) => packed.insert(at.index(length), *byte),
        }
    }
}

/// One dynamic block: the lengths of its words for literals and for distances, then bits at random.
fn block() -> impl Strategy<Value = Vec<u8>> {
    let distances = prop::sample::select(vec![
        vec![0],
        vec![1],
        vec![2],
        vec![0, 1],
        vec![1, 1],
        vec![1, 2],
        vec![1, 2, 2],
        vec![2, 2, 2, 2],
        vec![1, 1, 1],
        vec![3, 3, 2, 2, 2],
        [vec![1], vec![0; 28], vec![1]].concat(),
        [vec![1], vec![0; 29], vec![1]].concat(),
        [vec![1, 1], vec![0; 30]].concat(),
    ]);
    // Which symbols have words, beside the end: a shape that fits, does not fill or overfills the code.
    let literals = prop::sample::select(vec![
        vec![(256, 1)],
        vec![(256, 2)],
        vec![(97, 1), (256, 1)],
        vec![(97, 1), (256, 2), (257, 2)],
        vec![(97, 2), (98, 2), (256, 2), (264, 2)],
        vec![(97, 1), (256, 3), (257, 3), (285, 2)],
        vec![(97, 1), (256, 2), (286, 2)],
        vec![(97, 1), (256, 2), (287, 2)],
        vec![(97, 1), (98, 1), (256, 1)],
        vec![(97, 1), (256, 3)],
        vec![(97, 1), (257, 1)],
    ]);
    let more = prop::sample::select(vec![257, 258, 270, 286, 287, 288]);
    (literals, more, distances, prop::collection::vec(any::<u8>(), 0..24)).prop_map(
        |(literals, count, distances, bits)| {
            let count = literals.iter().map(|(symbol, _)| symbol + 1).fold(count, usize::max);
            let mut lengths = vec![0; count];
            literals.iter().for_each(|(symbol, length)| lengths[*symbol] = *length);
            dynamic_block(&lengths, &distances, &bits)
        },
    )
}

fn cases(least: u32) -> ProptestConfig {
    let config = ProptestConfig::default();
    ProptestConfig { cases: config.cases.max(least), failure_persistence: None, ..config }
}

proptest! {
    #![proptest_config(cases(3_000))]

    /// What compressors write, damaged, and statements about it that are right or nearly so.
    #[test]
    fn damaged_streams_have_one_verdict(
        content in content(),
        level in 0..10u32,
        damages in prop::collection::vec(damage(), 0..3),
        behind in prop::collection::vec(any::<u8>(), 0..80),
        lie in prop::sample::select(vec![0i64, 0, 0, 0, 1, -1, 100, -100]),
        wrong_sum in prop::sample::select(vec![0, 0, 0, 1]),
    ) {
        let mut packed = deflate(&content, level);
        for damage in &damages {
            damage.apply(&mut packed);
        }
        let stated = Stated {
            method: Method::Deflate,
            compressed: packed.len() as u64,
            size: (content.len() as u64).saturating_add_signed(lie),
            crc32: crc32fast::hash(&content) ^ wrong_sum,
        };
        let bad = compare(&packed, &behind, stated)?;
        if matches!(damages[..], [] | [Damage::None]) && lie == 0 && wrong_sum == 0 {
            prop_assert_eq!(bad, None);
        }
    }

    /// Codes of every shape. What either decoder understands in them is stated, so that nothing but the codes is wrong.
    #[test]
    fn odd_codes_have_one_verdict(packed in block(), behind in prop::collection::vec(any::<u8>(), 0..80)) {
        let understood = by_libdeflate(&packed).or_else(|| by_zlib(&packed)).unwrap_or_default();
        let (used, content) = understood;
        let packed = &packed[..if used > 0 { used as usize } else { packed.len() }];
        let stated = Stated {
            method: Method::Deflate,
            compressed: packed.len() as u64,
            size: content.len() as u64,
            crc32: crc32fast::hash(&content),
        };
        compare(packed, &behind, stated)?;
    }

    /// Any bytes behind a header that says: dynamic, and last.
    #[test]
    fn noise_has_one_verdict(mut packed in prop::collection::vec(any::<u8>(), 1..400), size in 0..3_000u64) {
        packed[0] = packed[0] & !0b111 | 0b101;
        let stated = Stated { method: Method::Deflate, compressed: packed.len() as u64, size, crc32: 0 };
        compare(&packed, &[], stated)?;
    }
}

/// The reason for looking at the block's header: each of these, libdeflate expands and zlib refuses. When one of the two
/// changes its mind, this tells.
#[test]
fn the_decoders_disagree_about_streams_that_are_not_plain() {
    let streams = crate::hostile::lenient_streams();
    assert!(streams.len() >= 9);
    for (name, packed, content) in streams {
        assert_eq!(by_libdeflate(&packed), Some((packed.len() as u64, content.clone())), "{name}");
        assert_eq!(by_zlib(&packed), None, "{name}");
        assert!(!block::is_plain(&packed), "{name}");
        let stated = Stated {
            method: Method::Deflate,
            compressed: packed.len() as u64,
            size: content.len() as u64,
            crc32: crc32fast::hash(&content),
        };
        assert_eq!(compare(&packed, &[], stated).unwrap(), Some(Code::DeflateCorrupt), "{name}");
    }
}

/// A faster way that is never taken would pass all the other tests.
#[test]
fn most_small_entries_are_plain() {
    for size in [30, 200, 1_000, 4_000, 20_000] {
        let words = ["Lektion ", "und ", "Pruefung ", "ein ", "Bruch, ", "der ", "Nenner. ", "heißt "];
        let mut text = String::new();
        let mut noise = 1u32;
        while text.len() < size {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            text += words[noise as usize >> 29];
        }
        let text = text.into_bytes();
        for level in 4..10 {
            let packed = deflate(&text, level);
            // What is shortest by the fixed code is left to the stream.
            assert!(block::is_plain(&packed) || packed[0] & 0b111 == 0b011, "{size} {level} {:x}", packed[0]);
            assert!(size < 1_000 || block::is_plain(&packed), "{size} {level}");
        }
    }
}
