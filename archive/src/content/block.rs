//! The codes at the beginning of a deflate stream (RFC 1951, 3.2.7), read before the stream is.
//!
//! libdeflate expands some streams that zlib, and with it most unzip programs, calls broken: it gives both halves of a
//! code with one word to that word, reads distances in a code without any, and has lengths and distances for symbols that
//! the RFC reserves (286, 287, 30, 31). A stream of one dynamic block shows at its beginning that it cannot hold any of
//! these. Where a further block begins is known to those only who expand the first one.

/// Symbols that stand for something.
const LITERALS: u64 = 286;
const DISTANCES: u64 = 30;
/// The code for lengths of codes: its symbols in the order of their lengths, and the longest of these.
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
const LONGEST: u32 = 7;

/// The stream is one dynamic block whose codes have symbols with a meaning only, and at least two words each. That they
/// are neither too full nor too empty is for the decoder to see, as in all else zlib and libdeflate agree.
pub(super) fn is_plain(packed: &[u8]) -> bool {
    let mut bits = Bits { rest: packed, held: 0, count: 0 };
    bits.fill();
    let (last, kind) = (bits.take(1), bits.take(2));
    let (literals, distances) = (257 + bits.take(5), 1 + bits.take(5));
    let listed = 4 + bits.take(4) as usize;
    if last != 1 || kind != 2 || literals > LITERALS || distances > DISTANCES {
        return false;
    }
    let mut lengths = [0; ORDER.len()];
    for symbol in &ORDER[..listed] {
        if bits.count < 3 {
            bits.fill();
        }
        lengths[*symbol] = bits.take(3) as u8;
    }
    let Some(table) = table(&lengths) else {
        return false;
    };
    // Lengths of the words for literals, then those for distances, as if they were one list. No branch depends on a
    // symbol: which one comes next is anybody's guess, and a wrong guess takes longer than all the rest.
    let mut words = [0, 0];
    let (mut at, mut length) = (0, 0);
    while at < literals + distances {
        if bits.count < LONGEST + 7 {
            bits.fill();
        }
        let Run { word, all, least, value } = table[(bits.held & 0x7f) as usize];
        let run = u64::from(least) + (bits.take(all.into()) >> word);
        if value == SAME && at == 0 {
            return false;
        }
        length = if value == SAME { length } else { value };
        let first = run.min(literals.saturating_sub(at));
        let counts = u64::from(length > 0);
        words[0] += counts * first;
        words[1] += counts * (run - first);
        at += run;
    }
    at == literals + distances && words.iter().all(|words| *words >= 2)
}

/// What a word of the code for lengths says: one length some times. Aligned, it is written and read in one go.
#[derive(Clone, Copy, Default)]
#[repr(C, align(4))]
struct Run {
    /// How long the word is, in bits, and how long with the bits behind it that say how many times more than `least`.
    word: u8,
    all: u8,
    least: u8,
    /// A length, or [`SAME`].
    value: u8,
}

/// The length before.
const SAME: u8 = 0xff;

impl Run {
    fn of(symbol: u8, word: u8) -> Self {
        let (more, least, value) = match symbol {
            16 => (2, 3, SAME),
            17 => (3, 3, 0),
            18 => (7, 11, 0),
            length => (0, 1, length),
        };
        Self { word, all: word + more, least, value }
    }
}

/// What each seven bits begin with. None when the lengths make no whole code.
fn table(lengths: &[u8; ORDER.len()]) -> Option<[Run; 1 << LONGEST]> {
    // Words of a length follow each other, and those of the next length follow them.
    let mut next = [0; LONGEST as usize + 2];
    for length in lengths {
        next[usize::from(*length) + 1] += 1 << LONGEST >> length;
    }
    next[1] = 0;
    for length in 1..=LONGEST as usize {
        next[length + 1] += next[length];
    }
    if next[LONGEST as usize + 1] != 1 << LONGEST {
        return None;
    }
    let mut table = [Run::default(); 1 << LONGEST];
    for (symbol, &length) in lengths.iter().enumerate().filter(|(_, length)| **length > 0) {
        // The first bit of a word comes first, which here is the lowest one.
        let place = &mut next[usize::from(length)];
        let word = usize::from((*place as u8).reverse_bits() >> 1);
        *place += 1 << LONGEST >> length;
        let run = Run::of(symbol as u8, length);
        table[word..].iter_mut().step_by(1 << length).for_each(|place| *place = run);
    }
    Some(table)
}

/// Bits, the lowest of each byte first; zeros behind the end, where the decoder will find none.
struct Bits<'a> {
    rest: &'a [u8],
    held: u64,
    count: u32,
}

impl Bits<'_> {
    /// At least 56 bits, more than any step takes.
    fn fill(&mut self) {
        if let Some((eight, _)) = self.rest.split_first_chunk::<8>() {
            self.held |= u64::from_le_bytes(*eight) << self.count;
            self.rest = &self.rest[(63 - self.count as usize) / 8..];
            self.count |= 56;
            return;
        }
        while self.count < 56 {
            if let Some((byte, rest)) = self.rest.split_first() {
                self.held |= u64::from(*byte) << self.count;
                self.rest = rest;
            }
            self.count += 8;
        }
    }

    fn take(&mut self, count: u32) -> u64 {
        let bits = self.held & ((1 << count) - 1);
        self.held >>= count;
        self.count -= count;
        bits
    }
}
