//! Encoded images to pixels, with limits, shrinking on the way where the format allows it.
//!
//! JPEG is decoded at 1/2, 1/4 or 1/8 of its size straight from the DCT coefficients, PNG is averaged row by row;
//! WebP and GIF are decoded whole. The format is taken from the first bytes, not from the name.

use std::io::Cursor;

use image::{
    ImageDecoder, Limits,
    codecs::{gif::GifDecoder, webp::WebPDecoder},
    metadata::Orientation,
};
use jpeg_decoder::{CodingProcess, PixelFormat};

use crate::image::{
    color,
    raster::{Raster, RasterError, fit},
    shrink::Shrinker,
};

/// Pictures are brought to at most this many pixels of width, the widest thumbnail.
pub const BASE_WIDTH: u32 = 1280;

/// Bounds for one picture.
#[derive(Clone, Copy, Debug)]
pub struct PixelLimits {
    /// Width times height of a source that is decoded whole.
    pub pixels: u64,
    /// The same of one that shrinks while it is decoded (JPEG, PNG): it costs time, but hardly memory.
    pub shrunk_pixels: u64,
    /// Bytes of decoded data held at once, roughly.
    pub memory: u64,
}

/// A picture at no more than [`BASE_WIDTH`], upright and in sRGB.
#[derive(Debug)]
pub struct Picture {
    pub raster: Raster,
    /// Size of the source, upright.
    pub source: (u32, u32),
    /// It was CMYK.
    pub from_cmyk: bool,
}

/// Why an image gives no picture.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("{width} x {height} pixels; at most {limit} pixels are decoded")]
    TooManyPixels { width: u32, height: u32, limit: u64 },
    #[error("decoding takes more than {limit} bytes of memory")]
    TooMuchMemory { limit: u64 },
    #[error("not a JPEG, PNG, WebP or GIF image")]
    UnknownFormat,
    #[error("{0}")]
    Unsupported(String),
    #[error("{0}")]
    Broken(String),
}

impl DecodeError {
    /// The code of the note.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooManyPixels { .. } | Self::TooMuchMemory { .. } => "image_too_large",
            Self::UnknownFormat | Self::Broken(_) => "image_broken",
            Self::Unsupported(_) => "image_unsupported",
        }
    }
}

impl From<RasterError> for DecodeError {
    fn from(error: RasterError) -> Self {
        Self::Broken(error.to_string())
    }
}

/// What a format's decoder found.
struct Decoded {
    raster: Raster,
    width: u32,
    height: u32,
    orientation: Orientation,
    profile: Option<Vec<u8>>,
    from_cmyk: bool,
}

/// Decodes one image file. May panic on hostile input, as any decoder: call it through `guard`.
pub fn decode(bytes: &[u8], limits: PixelLimits) -> Result<Picture, DecodeError> {
    let decoded = match bytes {
        [0xFF, 0xD8, 0xFF, ..] => jpeg(bytes, limits)?,
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => png(bytes, limits)?,
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => {
            let decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(broken)?;
            // Lossy WebP keeps a YUV copy beside the RGB output.
            whole(decoder, limits, 6)?
        }
        [b'G', b'I', b'F', b'8', ..] => whole(GifDecoder::new(Cursor::new(bytes)).map_err(broken)?, limits, 5)?,
        _ => return Err(DecodeError::UnknownFormat),
    };
    upright(decoded)
}

/// Resizes first and turns and converts the small picture then.
fn upright(decoded: Decoded) -> Result<Picture, DecodeError> {
    let source = turned(decoded.orientation, decoded.width, decoded.height);
    let (width, height) = fit(source.0, source.1, BASE_WIDTH);
    let (width, height) = turned(decoded.orientation, width, height);
    let raster = decoded.raster;
    let raster = if raster.width > width || raster.height > height { raster.resize(width, height)? } else { raster };
    let mut raster = raster.oriented(decoded.orientation)?;
    if let Some(profile) = decoded.profile {
        color::to_srgb(&mut raster, &profile);
    }
    Ok(Picture { raster, source, from_cmyk: decoded.from_cmyk })
}

/// Width and height as they are after (or before) turning.
fn turned(orientation: Orientation, width: u32, height: u32) -> (u32, u32) {
    use Orientation as O;
    match orientation {
        O::Rotate90 | O::Rotate270 | O::Rotate90FlipH | O::Rotate270FlipH => (height, width),
        O::NoTransforms | O::Rotate180 | O::FlipHorizontal | O::FlipVertical => (width, height),
    }
}

fn orientation(exif: Option<&[u8]>) -> Orientation {
    exif.and_then(Orientation::from_exif_chunk).unwrap_or(Orientation::NoTransforms)
}

fn check(width: u32, height: u32, limit: u64) -> Result<u64, DecodeError> {
    let pixels = u64::from(width) * u64::from(height);
    if pixels == 0 {
        return Err(DecodeError::Broken("the image has no pixels".into()));
    }
    if pixels > limit {
        return Err(DecodeError::TooManyPixels { width, height, limit });
    }
    Ok(pixels)
}

fn fits_memory(bytes: u64, limits: PixelLimits) -> Result<(), DecodeError> {
    if bytes > limits.memory {
        return Err(DecodeError::TooMuchMemory { limit: limits.memory });
    }
    Ok(())
}

fn broken(error: impl std::fmt::Display) -> DecodeError {
    DecodeError::Broken(error.to_string())
}

fn jpeg(bytes: &[u8], limits: PixelLimits) -> Result<Decoded, DecodeError> {
    let fail = |error: jpeg_decoder::Error| match error {
        jpeg_decoder::Error::Unsupported(feature) => DecodeError::Unsupported(format!("JPEG feature {feature:?}")),
        other => broken(other),
    };
    let mut decoder = jpeg_decoder::Decoder::new(bytes);
    decoder.read_info().map_err(fail)?;
    let info = decoder.info().ok_or_else(|| DecodeError::Broken("no JPEG frame".into()))?;
    let (width, height) = (u32::from(info.width), u32::from(info.height));
    check(width, height, limits.shrunk_pixels)?;
    // EXIF stands before the frame header in practice; should it come later, the picture is only a little smaller.
    let first = orientation(decoder.exif_data());
    let (need_width, need_height) = turned(first, width, height);
    let (need_width, need_height) = fit(need_width, need_height, BASE_WIDTH);
    let (need_width, need_height) = turned(first, need_width, need_height);
    let side = |length: u32| u16::try_from(length).unwrap_or(u16::MAX);
    let (scaled_width, scaled_height) = decoder.scale(side(need_width), side(need_height)).map_err(fail)?;
    let (scaled_width, scaled_height) = (u32::from(scaled_width), u32::from(scaled_height));
    let channels = if info.pixel_format == PixelFormat::CMYK32 { 4 } else { 3 };
    let output = u64::from(scaled_width) * u64::from(scaled_height) * channels;
    // A progressive file, and one whose colours come in scans of their own, keeps all its coefficients (two bytes each)
    // until its last scan; a lossless one is not shrunk.
    let kept = match info.coding_process {
        CodingProcess::DctSequential if is_one_scan(bytes) => 0,
        CodingProcess::DctProgressive | CodingProcess::DctSequential => coefficients(bytes) * 2,
        CodingProcess::Lossless => u64::from(width) * u64::from(height) * channels * 2,
    };
    fits_memory(output * 2 + kept, limits)?;
    let pixels = decoder.decode().map_err(fail)?;
    let (pixels, from_cmyk) = match info.pixel_format {
        PixelFormat::RGB24 => (pixels, false),
        PixelFormat::L8 => (grey_to_rgb(pixels.iter().copied()), false),
        // Two bytes in native order; the high one is enough.
        PixelFormat::L16 => {
            let high = pixels.chunks_exact(2).map(|grey| (u16::from_ne_bytes([grey[0], grey[1]]) >> 8) as u8);
            (grey_to_rgb(high), false)
        }
        PixelFormat::CMYK32 => (color::cmyk_to_rgb(&pixels), true),
    };
    let raster = Raster { width: scaled_width, height: scaled_height, alpha: false, pixels };
    let orientation = orientation(decoder.exif_data());
    let profile = if from_cmyk { None } else { decoder.icc_profile() };
    Ok(Decoded { raster, width, height, orientation, profile, from_cmyk })
}

/// Horizontal and vertical, of one component.
type Sampling = (u64, u64);

/// The frame header: width, height, and its components' sampling factors (ITU-T T.81, B.2.2).
fn frame(bytes: &[u8]) -> Option<(u64, u64, Vec<Sampling>)> {
    let mut at = 2;
    loop {
        let marker = *bytes.get(at + 1)?;
        let length = usize::from(u16::from_be_bytes(bytes.get(at + 2..at + 4)?.try_into().ok()?));
        match (*bytes.get(at)?, marker) {
            (0xFF, 0xFF) => at += 1,
            (0xFF, 0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF) => {
                let header = bytes.get(at + 4..at + 2 + length)?;
                let two = |at: usize| Some(u64::from(u16::from_be_bytes(header.get(at..at + 2)?.try_into().ok()?)));
                let factors =
                    header.get(6..)?.chunks_exact(3).map(|one| (u64::from(one[1] >> 4), u64::from(one[1] & 15)));
                return Some((two(3)?, two(1)?, factors.collect()));
            }
            (0xFF, _) => at += 2 + length,
            _ => return None,
        }
    }
}

/// Coefficients of all components, in whole blocks; as if none were subsampled where the header cannot be read.
fn coefficients(bytes: &[u8]) -> u64 {
    let Some((width, height, factors)) = frame(bytes) else { return u64::MAX / 4 };
    let most = |of: fn(&(u64, u64)) -> u64| factors.iter().map(of).max().unwrap_or(1).max(1);
    let (most_across, most_down) = (most(|it| it.0), most(|it| it.1));
    let blocks = |side: u64, most: u64, factor: u64| side.div_ceil(8 * most) * factor * 8;
    factors.iter().map(|it| blocks(width, most_across, it.0) * blocks(height, most_down, it.1)).sum()
}

/// The first scan has all components, so that rows come out as they are read.
fn is_one_scan(bytes: &[u8]) -> bool {
    let Some((_, _, factors)) = frame(bytes) else { return false };
    let mut scans = memchr::memmem::find_iter(bytes, b"\xFF\xDA");
    scans.all(|at| bytes.get(at + 4).is_some_and(|count| usize::from(*count) == factors.len()))
}

fn grey_to_rgb(grey: impl Iterator<Item = u8>) -> Vec<u8> {
    grey.flat_map(|value| [value; 3]).collect()
}

fn png(bytes: &[u8], limits: PixelLimits) -> Result<Decoded, DecodeError> {
    let fail = |error: png::DecodingError| match error {
        png::DecodingError::LimitsExceeded => DecodeError::TooMuchMemory { limit: limits.memory },
        other => broken(other),
    };
    // The decoder itself holds a few rows and the colour profile.
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), png::Limits { bytes: 32 << 20 });
    decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
    decoder.set_ignore_text_chunk(true);
    let header = decoder.read_header_info().map_err(fail)?;
    let (width, height) = (header.width, header.height);
    let pixels = check(width, height, limits.shrunk_pixels)?;
    // A row before and after it is unpacked, at most eight bytes a pixel.
    fits_memory(u64::from(width) * 16, limits)?;
    let mut reader = decoder.read_info().map_err(fail)?;
    let channels = reader.output_color_type().0.samples();
    // A picture far taller than wide becomes narrower than the widest thumbnail.
    let factor = (width / (2 * fit(width, height, BASE_WIDTH).0)).max(1);
    fits_memory(pixels / u64::from(factor).pow(2) * channels.max(3) as u64, limits)?;
    let mut shrinker = Shrinker::new(width, channels, factor);
    if reader.info().interlaced {
        fits_memory(pixels * channels as u64, limits)?;
        let size = reader.output_buffer_size().ok_or(DecodeError::TooMuchMemory { limit: limits.memory })?;
        let mut buffer = vec![0; size];
        let frame = reader.next_frame(&mut buffer).map_err(fail)?;
        buffer.chunks_exact(frame.line_size).for_each(|row| shrinker.push(row));
    } else {
        let mut rows = 0;
        while rows < height {
            let row = reader.next_row().map_err(fail)?;
            shrinker.push(row.ok_or_else(|| DecodeError::Broken("rows are missing".into()))?.data());
            rows += 1;
        }
    }
    let info = reader.info();
    let orientation = orientation(info.exif_metadata.as_deref());
    // An sRGB chunk says that the profile, if any, is sRGB anyway.
    let profile = info.icc_profile.as_ref().filter(|_| info.srgb.is_none()).map(|profile| profile.to_vec());
    Ok(Decoded { raster: shrinker.finish(), width, height, orientation, profile, from_cmyk: false })
}

/// For formats that only decode as a whole; `bytes_per_pixel` is what the decoder needs at its peak.
fn whole<D: ImageDecoder>(mut decoder: D, limits: PixelLimits, bytes_per_pixel: u64) -> Result<Decoded, DecodeError> {
    let (width, height) = decoder.dimensions();
    let pixels = check(width, height, limits.pixels)?;
    fits_memory(pixels * bytes_per_pixel, limits)?;
    let mut bounds = Limits::default();
    bounds.max_alloc = Some(limits.memory);
    decoder.set_limits(bounds).map_err(broken)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let profile = decoder.icc_profile().ok().flatten();
    let channels = usize::from(decoder.color_type().channel_count());
    if usize::from(decoder.color_type().bytes_per_pixel()) != channels {
        return Err(DecodeError::Unsupported("more than 8 bits per channel".into()));
    }
    let size = usize::try_from(decoder.total_bytes()).map_err(broken)?;
    let mut pixels = vec![0; size];
    decoder.read_image(&mut pixels).map_err(broken)?;
    let raster = if channels >= 3 {
        Raster { width, height, alpha: channels == 4, pixels }
    } else {
        let mut shrinker = Shrinker::new(width, channels, 1);
        pixels.chunks_exact(width as usize * channels).for_each(|row| shrinker.push(row));
        shrinker.finish()
    };
    Ok(Decoded { raster, width, height, orientation, profile, from_cmyk: false })
}
