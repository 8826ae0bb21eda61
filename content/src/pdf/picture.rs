//! The sizes that images in a PDF claim in their own headers, which decoders believe whatever the PDF says about them.
//!
//! JPEG: the frame header (ITU-T T.81, B.2.2). JPEG 2000: the SIZ segment (T.800, A.5.1). JBIG2: page, regions and patterns
//! (T.88, 7.4). Fax: its parameters in the PDF (7.4.6).

use std::io::Read;

use hayro::hayro_syntax::object::{Dict, Name, Object, Stream};

use crate::pdf::filter::{self, Filter};

/// An image is read up to this many bytes for its headers; the PDF itself has no more.
const READ_MAX: u64 = 32 << 20;
/// Tiles of one JPEG 2000 image, and segments of a JBIG2 one.
const TILES_MAX: u64 = 20_000;
const SEGMENTS_MAX: usize = 10_000;

const UNUSUAL: &str = "an image on the page is packed in an unusual way";
const TOO_LARGE: &str = "an image on the page is too large";

/// Pixels that decoding takes by the image's own header; 0 if it has none.
pub fn pixels(stream: &Stream<'_>) -> Result<u64, &'static str> {
    let names = filters(stream.dict());
    let filters: Vec<Filter> = names.iter().filter_map(|name| Filter::named(name)).collect();
    let Some(codec) = filters.iter().position(|filter| *filter == Filter::Image) else { return Ok(0) };
    if codec + 1 < filters.len() || filters.len() > filter::CHAIN_MAX || filters.len() < names.len() {
        return Err(UNUSUAL);
    }
    let raw = stream.raw_data();
    let mut data = Vec::new();
    let mut source: &[u8] = &raw;
    // What is damaged behind its header has been read up to there.
    let _ = filter::chain(&mut source, &filters).take(READ_MAX).read_to_end(&mut data);
    match names[codec].as_slice() {
        b"DCTDecode" | b"DCT" => Ok(jpeg(&data)),
        b"JPXDecode" => jpeg_2000(&data),
        b"JBIG2Decode" => {
            let globals = parameters(stream).and_then(|dict| dict.get::<Stream<'_>>(b"JBIG2Globals"));
            let globals = globals.and_then(|globals| globals.decoded_data().ok());
            let shared = globals.map_or(Ok(0), |globals| jbig2(&globals))?;
            Ok(shared.saturating_add(jbig2(&data)?))
        }
        _ => {
            let side = |key: &[u8], usual: u64| {
                parameters(stream).and_then(|dict| dict.get::<u32>(key)).map_or(usual, u64::from)
            };
            Ok(side(b"Columns", 1728).saturating_mul(side(b"Rows", 1)))
        }
    }
}

/// The names of the filters, in both spellings.
fn filters(dict: &Dict<'_>) -> Vec<Vec<u8>> {
    match dict.get::<Object<'_>>(b"Filter").or_else(|| dict.get::<Object<'_>>(b"F")) {
        Some(Object::Name(name)) => vec![name.as_ref().to_vec()],
        Some(Object::Array(list)) => list.iter::<Name<'_>>().map(|name| name.as_ref().to_vec()).collect(),
        _ => Vec::new(),
    }
}

/// The last filter's parameters.
fn parameters<'a>(stream: &Stream<'a>) -> Option<Dict<'a>> {
    let dict = stream.dict();
    let given = dict.get::<Object<'_>>(b"DecodeParms").or_else(|| dict.get::<Object<'_>>(b"DP"))?;
    match given {
        Object::Dict(parameters) => Some(parameters),
        Object::Array(list) => list.iter::<Object<'_>>().last()?.into_dict(),
        _ => None,
    }
}

fn two(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?)))
}

fn four(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?)))
}

/// The largest of all frames; any of them may be the one that a decoder takes.
fn jpeg(data: &[u8]) -> u64 {
    let frames = data.windows(9).filter(|window| {
        window[0] == 0xFF && matches!(window[1], 0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF)
    });
    // Between markers such bytes are followed by anything; a frame header is 8 bytes and 3 for each component long.
    let sizes = frames.filter_map(|frame| {
        let is_header = matches!(two(frame, 2)?, 11 | 14 | 17 | 20) && matches!(frame[4], 8 | 12);
        is_header.then_some(two(frame, 5)? * two(frame, 7)?)
    });
    sizes.max().unwrap_or(0)
}

fn jpeg_2000(data: &[u8]) -> Result<u64, &'static str> {
    let mut most = 0;
    for start in memchr::memmem::find_iter(data, b"\xFF\x4F\xFF\x51") {
        let field = |index: usize| four(data, start + 8 + 4 * index);
        let all = (field(0), field(1), field(2), field(3), field(4), field(5), two(data, start + 40));
        let (Some(x), Some(y), Some(left), Some(top), Some(tile_x), Some(tile_y), Some(components)) = all else {
            return Err(UNUSUAL);
        };
        let (width, height) = (x.saturating_sub(left), y.saturating_sub(top));
        let tiles = x.div_ceil(tile_x.max(1)).saturating_mul(y.div_ceil(tile_y.max(1)));
        if tiles > TILES_MAX {
            return Err(UNUSUAL);
        }
        // Decoders hold each component as numbers of four bytes: two thirds of a picture in colour on top.
        most = most.max(width.saturating_mul(height).saturating_mul(components.max(3)) / 2);
    }
    Ok(most)
}

/// All bitmaps that the segments ask for.
fn jbig2(data: &[u8]) -> Result<u64, &'static str> {
    let (mut at, mut pixels) = (0, 0u64);
    for _ in 0..SEGMENTS_MAX {
        let Some(segment) = segment(data, at) else { return Ok(pixels) };
        let content = &data[segment.start.min(data.len())..];
        let claimed = match segment.kind {
            // Text, generic and refinement regions, and the page itself.
            4 | 6 | 7 | 36 | 38 | 39 | 40 | 42 | 43 => area(content, 0),
            48 => match (four(content, 0), four(content, 4)) {
                // A page of unknown height grows with its stripes.
                (Some(width), Some(0xFFFF_FFFF)) => Some(width),
                _ => area(content, 0),
            },
            // Halftone regions: also their grid of grey values.
            20 | 22 | 23 => area(content, 0).and_then(|region| Some(region.saturating_add(area(content, 18)?))),
            // Pattern dictionaries: one bitmap for all grey values.
            16 => content.get(1..3).zip(four(content, 3)).map(|(sides, greys)| {
                u64::from(sides[0]).saturating_mul(u64::from(sides[1])).saturating_mul(greys + 1)
            }),
            _ => Some(0),
        };
        pixels = pixels.saturating_add(claimed.unwrap_or(0));
        match segment.length {
            Some(length) => at = segment.start.saturating_add(length),
            // Where the region ends is only known by decoding it.
            None => return Err(UNUSUAL),
        }
    }
    Err(TOO_LARGE)
}

fn area(content: &[u8], at: usize) -> Option<u64> {
    Some(four(content, at)?.saturating_mul(four(content, at + 4)?))
}

struct Segment {
    kind: u8,
    start: usize,
    length: Option<usize>,
}

/// A segment's header (T.88, 7.2).
fn segment(data: &[u8], at: usize) -> Option<Segment> {
    let number = four(data, at)?;
    let flags = *data.get(at + 4)?;
    let count = *data.get(at + 5)?;
    let (count, mut next) = match count >> 5 {
        7 => {
            let count = usize::try_from(four(data, at + 5)? & 0x1FFF_FFFF).ok()?;
            (count, at + 9 + (count + 8) / 8)
        }
        short => (usize::from(short), at + 6),
    };
    let reference = match number {
        0..=256 => 1,
        257..=65_536 => 2,
        _ => 4,
    };
    next = next.checked_add(count.checked_mul(reference)?)?;
    next += if flags & 0x40 == 0 { 1 } else { 4 };
    let length = four(data, next)?;
    let length = if length == 0xFFFF_FFFF { None } else { usize::try_from(length).ok() };
    Some(Segment { kind: flags & 0x3F, start: next + 4, length })
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A JBIG2 stream whose page information says this size.
    pub fn jbig2_claiming(width: u32, height: u32) -> Vec<u8> {
        let mut data = vec![0, 0, 0, 0, 48, 0, 1, 0, 0, 0, 19];
        data.extend(width.to_be_bytes());
        data.extend(height.to_be_bytes());
        data.extend([0; 11]);
        data
    }

    #[test]
    fn headers_tell_the_size() {
        assert_eq!(jbig2(&jbig2_claiming(60_000, 50_000)), Ok(3_000_000_000));
        let mut region = jbig2_claiming(10, 10);
        region.extend([0, 0, 0, 1, 38, 0, 1, 0, 0, 0, 18, 0, 1, 0, 0, 0, 1, 0, 0]);
        region.extend([0; 10]);
        assert_eq!(jbig2(&region), Ok(100 + 65_536 * 65_536));
        let unknown = [0, 0, 0, 1, 38, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 1, 0, 0, 0, 1];
        assert_eq!(jbig2(&unknown), Err(UNUSUAL));
        let patterns = [0, 0, 0, 1, 16, 0, 1, 0, 0, 0, 7, 0, 200, 200, 0, 1, 0, 0];
        assert_eq!(jbig2(&patterns), Ok(200 * 200 * 65_537));
        assert_eq!(jpeg(b"\xFF\xD8\xFF\xC0\0\x11\x08\x40\0\x20\0\x03"), 0x4000 * 0x2000);
        let mut wide = b"\xFF\x4F\xFF\x51\0\x2f\0\0".to_vec();
        for field in [20_000u32, 10_000, 0, 0, 20_000, 10_000, 0, 0] {
            wide.extend(field.to_be_bytes());
        }
        wide.extend([0, 3]);
        assert_eq!(jpeg_2000(&wide), Ok(300_000_000));
        wide[24..32].copy_from_slice(&[0, 0, 0, 1, 0, 0, 0, 1]);
        assert_eq!(jpeg_2000(&wide), Err(UNUSUAL));
    }
}
