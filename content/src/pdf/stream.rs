//! A survey of a PDF that does not trust its structure: the names in its objects and the sizes of its streams.
//!
//! A PDF reader follows the cross-reference table; a hostile file shows different readers different things. So this
//! looks at *all* bytes: every name in the file, and every name in every stream that inflates, whether or not the
//! tables mention it. Memory stays flat (windows of [`WINDOW`] bytes), output is counted and bounded, so it also tells
//! whether a PDF may be handed to a renderer that inflates without limits. (PDF 1.7: 7.3.5 names, 7.3.8 streams,
//! 7.5.7 object streams.)

use std::{
    collections::BTreeSet,
    io::{self, BufReader, Read, Seek, SeekFrom},
};

use flate2::bufread::ZlibDecoder;
use memchr::{memchr_iter, memmem};

use crate::{
    entries::fill,
    pdf::filter::{Ascii85, AsciiHex},
};

/// Bytes looked at at once.
const WINDOW: usize = 256 << 10;
/// Bytes of one window seen again in the next, so that nothing hides on the border.
const OVERLAP: usize = LOOK_BACK + 256;
/// How far before the word `stream` its dictionary may begin.
const LOOK_BACK: usize = 4 << 10;
/// Longest name (PDF 1.7, annex C).
const NAME_MAX: usize = 127;
/// Streams of one PDF, at most. A thousand-page book has some ten thousand.
const STREAMS_MAX: usize = 200_000;
/// Inflated bytes of one stream and of all streams.
const STREAM_BYTES_MAX: u64 = 64 << 20;
const TOTAL_BYTES_MAX: u64 = 512 << 20;

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
    /// Most pixels that an image claims.
    pub image_pixels: u64,
}

/// Looks through a PDF. `cancelled` stops it early with what it has.
pub fn inspect<R: Read + Seek>(source: R, cancelled: &dyn Fn() -> bool) -> io::Result<PdfFacts> {
    let mut facts = PdfFacts::default();
    let mut source = BufReader::with_capacity(32 << 10, source);
    let streams = survey(&mut source, &mut facts, cancelled)?;
    facts.streams = streams.len();
    for stream in streams {
        if cancelled() || facts.excessive {
            break;
        }
        look_into(&mut source, &stream, &mut facts)?;
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
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Filter {
    Flate,
    Ascii85,
    AsciiHex,
    /// LZW and run-length.
    Rare,
    /// Image codecs: their bytes are not objects.
    Image,
}

impl Filter {
    fn named(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"FlateDecode" | b"Fl" => Self::Flate,
            b"ASCII85Decode" | b"A85" => Self::Ascii85,
            b"ASCIIHexDecode" | b"AHx" => Self::AsciiHex,
            b"LZWDecode" | b"LZW" | b"RunLengthDecode" | b"RL" => Self::Rare,
            b"DCTDecode" | b"DCT" | b"CCITTFaxDecode" | b"CCF" | b"JBIG2Decode" | b"JPXDecode" => Self::Image,
            _ => return None,
        })
    }
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
    let start = memmem::rfind(before, b" obj").unwrap_or(0);
    let mut stream = Stream { offset, ..Stream::default() };
    let (mut has_filter, mut width, mut height) = (false, 0, 0);
    for (name, end) in names(&before[start..]) {
        match name.as_slice() {
            b"Filter" => has_filter = true,
            b"ObjStm" => stream.is_object_stream = true,
            b"Predictor" => stream.has_predictor = true,
            b"Width" => width = number(&before[start + end..]),
            b"Height" => height = number(&before[start + end..]),
            other => stream.filters.extend(Filter::named(other)),
        }
    }
    facts.image_pixels = facts.image_pixels.max(width.saturating_mul(height));
    stream.unknown_filter = has_filter && stream.filters.is_empty();
    stream
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
    for (name, _) in names(bytes) {
        if let Some(watched) = WATCHED.iter().find(|watched| watched.as_bytes() == name) {
            facts.names.insert(watched);
        }
    }
}

/// Second pass, one stream: inflates it, counts, and looks for names.
fn look_into<R: Read + Seek>(source: &mut BufReader<R>, stream: &Stream, facts: &mut PdfFacts) -> io::Result<()> {
    use Filter as F;
    source.seek(SeekFrom::Start(stream.offset))?;
    let outcome = match stream.filters.as_slice() {
        [] if stream.unknown_filter => {
            facts.unusual = true;
            None
        }
        // Not compressed: its names were seen in the first pass.
        [] => Some(()),
        [F::Flate] | [F::Flate, F::Image] => inflate(ZlibDecoder::new(source), facts),
        [F::Ascii85, F::Flate] => inflate(ZlibDecoder::new(BufReader::new(Ascii85::new(source))), facts),
        [F::AsciiHex, F::Flate] => inflate(ZlibDecoder::new(BufReader::new(AsciiHex(source))), facts),
        [F::Image] | [F::Ascii85 | F::AsciiHex, F::Image] => Some(()),
        _ => {
            facts.unusual = true;
            None
        }
    };
    if stream.is_object_stream && (outcome.is_none() || stream.has_predictor) {
        facts.opaque += 1;
    }
    Ok(())
}

/// `None` if nothing came out.
fn inflate(mut decoder: impl Read, facts: &mut PdfFacts) -> Option<()> {
    // Escaped names are up to three times as long as they mean.
    const KEEP: usize = 3 * NAME_MAX;
    let mut window = vec![0; (32 << 10) + KEEP];
    let (mut kept, mut total) = (0, 0u64);
    loop {
        // Damaged streams are common and readers show what came before the damage: so does this.
        let read = decoder.read(&mut window[kept..]).unwrap_or(0);
        if read == 0 {
            return (total > 0).then_some(());
        }
        total += read as u64;
        facts.inflated += read as u64;
        let bytes = &window[..kept + read];
        watch_names(bytes, facts);
        if total > STREAM_BYTES_MAX || facts.inflated > TOTAL_BYTES_MAX {
            facts.excessive = true;
            return Some(());
        }
        let keep = bytes.len().min(KEEP);
        let cut = bytes.len() - keep;
        window.copy_within(cut..cut + keep, 0);
        kept = keep;
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use flate2::{Compression, write::ZlibEncoder};

    use super::*;

    fn zlib(content: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn object(dictionary: &str, data: &[u8]) -> Vec<u8> {
        let mut pdf = format!("%PDF-1.7\n7 0 obj\n<< {dictionary} >>\nstream\n").into_bytes();
        pdf.extend_from_slice(data);
        pdf.extend_from_slice(b"\nendstream\nendobj\n");
        pdf
    }

    fn facts(pdf: Vec<u8>) -> PdfFacts {
        inspect(Cursor::new(pdf), &|| false).unwrap()
    }

    #[test]
    fn sees_names_plain_escaped_and_compressed() {
        let plain = facts(b"1 0 obj << /S /JavaScript /JS (x) >> endobj".to_vec());
        assert!(plain.names.contains("JavaScript"));
        let escaped = facts(b"1 0 obj << /S /L#61unch >> endobj".to_vec());
        assert!(escaped.names.contains("Launch"));
        let hidden = facts(object("/Type /ObjStm /N 1 /First 4 /Filter /FlateDecode", &zlib(b"5 0 << /S /Launch >>")));
        assert!(hidden.names.contains("Launch"));
        assert_eq!((hidden.streams, hidden.opaque), (1, 0));
    }

    #[test]
    fn sees_through_ascii_filters() {
        // "/JavaScript " inflated from its hexadecimal form.
        let hex: String = zlib(b"<< /S /JavaScript >>").iter().map(|byte| format!("{byte:02x}")).collect();
        let found = facts(object("/Type /ObjStm /Filter [/ASCIIHexDecode /FlateDecode]", format!("{hex}>").as_bytes()));
        assert!(found.names.contains("JavaScript"));
        let mut ascii = String::new();
        for group in zlib(b"<< /S /JavaScript >>").chunks(4) {
            let mut bytes = [0; 4];
            bytes[..group.len()].copy_from_slice(group);
            let mut value = u32::from_be_bytes(bytes);
            let mut digits = [0; 5];
            for digit in digits.iter_mut().rev() {
                *digit = (value % 85) as u8 + b'!';
                value /= 85;
            }
            ascii.push_str(std::str::from_utf8(&digits[..=group.len()]).unwrap());
        }
        ascii.push_str("~>");
        let found = facts(object("/Type /ObjStm /Filter [/A85 /Fl]", ascii.as_bytes()));
        assert!(found.names.contains("JavaScript"));
    }

    #[test]
    fn counts_what_it_cannot_see_and_what_is_too_much() {
        let opaque = facts(object("/Type /ObjStm /Filter /FlateDecode", b"not zlib"));
        assert_eq!(opaque.opaque, 1);
        let rare = facts(object("/Filter /LZWDecode", b"x"));
        assert!(rare.unusual && rare.opaque == 0);
        let bomb = facts(object("/Filter /FlateDecode", &zlib(&vec![0; (STREAM_BYTES_MAX + 1) as usize])));
        assert!(bomb.excessive && bomb.inflated <= STREAM_BYTES_MAX + (64 << 10));
        let large = facts(object("/Subtype /Image /Width 100000 /Height 100000 /Filter /DCTDecode", b"x"));
        assert_eq!(large.image_pixels, 10_000_000_000);
    }

    #[test]
    fn nothing_hides_on_the_border_of_windows() {
        for shift in 0..40 {
            let mut pdf = vec![b' '; WINDOW + OVERLAP - 20 + shift];
            pdf.extend(object("/Type /ObjStm /Filter /FlateDecode", &zlib(b"<< /S /Launch >>")));
            let found = facts(pdf);
            assert!(found.names.contains("Launch"), "{shift}");
            assert_eq!(found.streams, 1, "{shift}");
        }
    }
}
