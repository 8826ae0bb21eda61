//! A survey of a PDF that does not trust its structure: the names in its objects and the sizes of its streams.
//!
//! A PDF reader follows the cross-reference table; a hostile file shows different readers different things. So this
//! looks at *all* bytes: every name in the file, and every name in every stream that inflates, whether or not the
//! tables mention it. What inflates is also handed to the scan's rules. Memory stays flat (windows of [`WINDOW`] bytes),
//! output is counted and bounded, so it also tells whether a PDF may be handed to a renderer that inflates without limits.
//! (PDF 1.7: 7.3.5 names, 7.3.8 streams, 7.5.7 object streams.)

use std::{
    collections::BTreeSet,
    io::{self, BufReader, Read, Seek, SeekFrom},
};

use memchr::{memchr_iter, memmem};

use crate::{
    entries::fill,
    pdf::{
        filter::{self, Filter},
        link,
    },
};

/// Bytes looked at at once.
const WINDOW: usize = 256 << 10;
/// Bytes of one window seen again in the next, so that nothing hides on the border.
const OVERLAP: usize = LOOK_BACK + 256;
/// The same for windows of inflated bytes: escaped names are up to three times as long as they mean, and links longer.
const INFLATED_OVERLAP: usize = 2 * link::LENGTH_MAX;
/// How far before the word `stream` its dictionary may begin.
const LOOK_BACK: usize = 4 << 10;
/// Longest name (PDF 1.7, annex C).
const NAME_MAX: usize = 127;
/// Streams of one PDF, at most. A thousand-page book has some ten thousand.
const STREAMS_MAX: usize = 200_000;
/// Inflated bytes of one stream and of all streams.
const STREAM_BYTES_MAX: u64 = filter::BYTES_MAX;
const TOTAL_BYTES_MAX: u64 = 512 << 20;
/// A mesh of colours takes some four bytes for a patch that the renderer spends hundreds on, a drawing three for a point.
/// Real ones have a tenth of this.
const MESH_BYTES_MAX: u64 = 1 << 20;
pub const DRAWING_BYTES_MAX: u64 = 16 << 20;

/// Names worth knowing about, wherever they stand.
const WATCHED: [&str; 11] = [
    "JavaScript",
    "Launch",
    "EmbeddedFile",
    "EmbeddedFiles",
    "RichMedia",
    "SubmitForm",
    "ImportData",
    "GoToE",
    "XFA",
    "Encrypt",
    "OpenAction",
];

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct PdfFacts {
    /// Which of the watched names occur.
    pub names: BTreeSet<&'static str>,
    pub streams: usize,
    /// Bytes that came out of all compressed streams.
    pub inflated: u64,
    /// Object streams that could not be looked into.
    pub opaque: usize,
    /// Compression in a way that only hand-made files use (twice, or LZW and run-length, whose output cannot be
    /// bounded cheaply).
    pub unusual: bool,
    /// More streams or more output than the limits above.
    pub excessive: bool,
    /// A mesh or a drawing larger than the limits above: it inflates, but drawing it takes too much memory.
    pub heavy: bool,
    /// The addresses that links lead to.
    pub links: BTreeSet<String>,
    /// Most pixels that an image claims.
    pub image_pixels: u64,
}

/// Looks through a PDF. `inflated` is given what comes out of its compressed streams, piece by piece and stream by stream;
/// `cancelled` stops it early with what it has.
pub fn inspect<R: Read + Seek>(
    source: R,
    inflated: &mut dyn FnMut(&[u8]),
    cancelled: &dyn Fn() -> bool,
) -> io::Result<PdfFacts> {
    let mut facts = PdfFacts::default();
    let mut source = BufReader::with_capacity(32 << 10, source);
    let streams = survey(&mut source, &mut facts, cancelled)?;
    facts.streams = streams.len();
    for stream in streams {
        if cancelled() || facts.excessive {
            break;
        }
        look_into(&mut source, &stream, inflated, &mut facts)?;
    }
    Ok(facts)
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Stream {
    /// First byte of the data.
    offset: u64,
    filters: Vec<Filter>,
    /// A filter is given, but not by a name that is known.
    unknown_filter: bool,
    is_object_stream: bool,
    has_predictor: bool,
    /// A mesh of colours; a drawing that pages use.
    is_mesh: bool,
    is_form: bool,
}

/// First pass: all names, and where streams begin.
fn survey(source: &mut impl Read, facts: &mut PdfFacts, cancelled: &dyn Fn() -> bool) -> io::Result<Vec<Stream>> {
    let mut streams = Vec::new();
    let mut window = vec![0; WINDOW + OVERLAP];
    let (mut kept, mut base, mut seen) = (0, 0u64, 0u64);
    loop {
        let read = fill(source, &mut window[kept..])?;
        let bytes = &window[..kept + read];
        watch_names(bytes, facts);
        for found in memmem::find_iter(bytes, b"stream") {
            let Some(data) = data_start(bytes, found) else { continue };
            let offset = base + data as u64;
            // What ends within the overlap was seen in the window before.
            if offset <= seen {
                continue;
            }
            if streams.len() == STREAMS_MAX {
                facts.excessive = true;
                return Ok(streams);
            }
            seen = offset;
            streams.push(dictionary(&bytes[found.saturating_sub(LOOK_BACK)..found], offset, facts));
        }
        if read == 0 || cancelled() {
            return Ok(streams);
        }
        let keep = bytes.len().min(OVERLAP);
        let cut = bytes.len() - keep;
        base += cut as u64;
        window.copy_within(cut..cut + keep, 0);
        kept = keep;
    }
}

/// Where the data begins after the keyword `stream` at `found`, unless it is part of `endstream` or of a text.
fn data_start(bytes: &[u8], found: usize) -> Option<usize> {
    if found > 0 && bytes[found - 1].is_ascii_alphanumeric() {
        return None;
    }
    let end = found + b"stream".len();
    match (bytes.get(end)?, bytes.get(end + 1)) {
        (b'\r', Some(b'\n')) => Some(end + 2),
        // At the end of a window it is not known yet what follows `\r`; the next window sees it again.
        (b'\n', _) | (b'\r', Some(_)) => Some(end + 1),
        _ => None,
    }
}

/// Reads the dictionary that ends right before `stream`.
fn dictionary(before: &[u8], offset: u64, facts: &mut PdfFacts) -> Stream {
    let start = object_start(before);
    let mut stream = Stream { offset, ..Stream::default() };
    let (mut has_filter, mut early, mut width, mut height) = (false, true, 0, 0);
    for (name, end) in names(&before[start..]) {
        match name.as_slice() {
            b"Filter" => has_filter = true,
            b"ObjStm" => stream.is_object_stream = true,
            b"Predictor" => stream.has_predictor = true,
            b"ShadingType" => stream.is_mesh = true,
            b"Form" => stream.is_form = true,
            b"Width" => width = number(&before[start + end..]),
            b"Height" => height = number(&before[start + end..]),
            b"EarlyChange" => early &= !is_zero(&before[start + end..]),
            other => stream.filters.extend(Filter::named(other)),
        }
    }
    for filter in &mut stream.filters {
        if let Filter::Lzw { .. } = filter {
            *filter = Filter::Lzw { early };
        }
    }
    facts.image_pixels = facts.image_pixels.max(width.saturating_mul(height));
    stream.unknown_filter = has_filter && stream.filters.is_empty();
    stream
}

/// Behind the last `obj` that stands for itself, after any white space (7.2.2); 0 if there is none.
fn object_start(before: &[u8]) -> usize {
    let mut end = before.len();
    while let Some(found) = memmem::rfind(&before[..end], b"obj") {
        if found > 0 && matches!(before[found - 1], b'\0' | b'\t' | b'\n' | b'\x0c' | b'\r' | b' ') {
            return found;
        }
        end = found;
    }
    0
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().first() == Some(&b'0')
}

fn number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .skip_while(|byte| byte.is_ascii_whitespace())
        .take_while(|byte| byte.is_ascii_digit())
        .fold(0u64, |value, digit| value.saturating_mul(10).saturating_add(u64::from(digit - b'0')))
}

/// All names in the bytes with `#xx` resolved, and where each ends.
fn names(bytes: &[u8]) -> impl Iterator<Item = (Vec<u8>, usize)> {
    memchr_iter(b'/', bytes).map(move |slash| {
        let mut name = Vec::new();
        let mut at = slash + 1;
        while let Some(&byte) = bytes.get(at) {
            let hex = || {
                let digits = std::str::from_utf8(bytes.get(at + 1..at + 3)?).ok()?;
                u8::from_str_radix(digits, 16).ok()
            };
            if name.len() == NAME_MAX || byte.is_ascii_whitespace() || byte == 0 || b"()<>[]{}/%".contains(&byte) {
                break;
            }
            match (byte, hex()) {
                (b'#', Some(decoded)) => {
                    name.push(decoded);
                    at += 3;
                }
                _ => {
                    name.push(byte);
                    at += 1;
                }
            }
        }
        (name, at)
    })
}

fn watch_names(bytes: &[u8], facts: &mut PdfFacts) {
    for (name, end) in names(bytes) {
        if let Some(watched) = WATCHED.iter().find(|watched| watched.as_bytes() == name) {
            facts.names.insert(watched);
        } else if name == b"URI" && facts.links.len() < link::LINKS_MAX {
            facts.links.extend(link::read(&bytes[end..]));
        }
    }
}

/// Second pass, one stream: inflates it, counts, and looks for names.
fn look_into<R: Read + Seek>(
    source: &mut BufReader<R>,
    stream: &Stream,
    inflated: &mut dyn FnMut(&[u8]),
    facts: &mut PdfFacts,
) -> io::Result<()> {
    source.seek(SeekFrom::Start(stream.offset))?;
    let filters = &stream.filters;
    let compressed = filters.iter().filter(|filter| filter.compresses()).count();
    facts.unusual |= stream.unknown_filter || compressed > 1 || filters.len() > filter::CHAIN_MAX;
    let readable = !stream.unknown_filter && compressed <= 2 && filters.len() <= filter::CHAIN_MAX;
    let is_image = compressed == 0 && filters.contains(&Filter::Image);
    let output = match filters.as_slice() {
        _ if !readable => None,
        // Not compressed: its names were seen in the first pass.
        [] => {
            if stream.is_mesh || stream.is_form {
                let size = size_of_plain(source)?;
                facts.heavy |= stream.is_mesh && size > MESH_BYTES_MAX || stream.is_form && size > DRAWING_BYTES_MAX;
            }
            Some(0)
        }
        _ if is_image => Some(0),
        filters => inflate(filter::chain(source, filters), inflated, facts),
    };
    let size = output.unwrap_or(0);
    facts.heavy |= stream.is_mesh && size > MESH_BYTES_MAX || stream.is_form && size > DRAWING_BYTES_MAX;
    if stream.is_object_stream && (output.is_none() || stream.has_predictor) {
        facts.opaque += 1;
    }
    Ok(())
}

/// Bytes up to `endstream`, as far as it matters here.
fn size_of_plain(source: &mut impl Read) -> io::Result<u64> {
    const WORD: &[u8] = b"endstream";
    let mut window = vec![0; WINDOW];
    let (mut kept, mut size) = (0, 0u64);
    loop {
        let read = fill(source, &mut window[kept..])?;
        let bytes = &window[..kept + read];
        if let Some(end) = memmem::find(bytes, WORD) {
            return Ok(size + end as u64);
        }
        let keep = bytes.len().min(WORD.len() - 1);
        size += (bytes.len() - keep) as u64;
        if read == 0 || size > DRAWING_BYTES_MAX {
            return Ok(size);
        }
        let cut = bytes.len() - keep;
        window.copy_within(cut..cut + keep, 0);
        kept = keep;
    }
}

/// How many bytes came out; `None` if nothing did.
fn inflate(mut decoder: impl Read, inflated: &mut dyn FnMut(&[u8]), facts: &mut PdfFacts) -> Option<u64> {
    let mut window = vec![0; (32 << 10) + INFLATED_OVERLAP];
    let (mut kept, mut total) = (0, 0u64);
    // So that nothing is read across the border of two streams.
    inflated(b"\n");
    loop {
        // Damaged streams are common and readers show what came before the damage: so does this.
        let read = decoder.read(&mut window[kept..]).unwrap_or(0);
        if read == 0 {
            return (total > 0).then_some(total);
        }
        total += read as u64;
        facts.inflated += read as u64;
        let bytes = &window[..kept + read];
        inflated(&bytes[kept..]);
        watch_names(bytes, facts);
        if total > STREAM_BYTES_MAX || facts.inflated > TOTAL_BYTES_MAX {
            facts.excessive = true;
            return Some(total);
        }
        let keep = bytes.len().min(INFLATED_OVERLAP);
        let cut = bytes.len() - keep;
        window.copy_within(cut..cut + keep, 0);
        kept = keep;
    }
}

#[cfg(test)]
mod tests;
