//! Thumbnails of a nano: 320, 640 and 1280 pixels wide, WebP, at the source's aspect ratio.
//!
//! The source is the nano's own cover (`cover.jpg`, `.jpeg`, `.png`, `.webp` at the top or in a folder there), else
//! the first image, else the first page of the first PDF, else a frame of the first video; "first" is the order a
//! reader would page through. What cannot be decoded leaves a note and the next candidate gets its turn.
//!
//! A picture is never enlarged: a source 500 pixels wide gives 320 and 500, one of 200 gives 200 alone. Pictures more
//! than four times as tall as wide fit into a box of that shape, so their thumbnails are narrower than their class.
//! Orientation is applied, colours are brought to sRGB (`color`), transparency is kept, all metadata is gone.

use std::{ffi::OsString, path::Path, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    entries::{ArchiveError, Entry, FileArchive, reading_order},
    error::{ContentError, Miss},
    guard,
    image::{
        decode::{self, BASE_WIDTH, Picture, PixelLimits},
        raster::{Raster, fit},
    },
    kind::Kind,
    note::Note,
    pdf,
    video::{self, Tools},
};

/// The width classes, ascending.
pub const WIDTHS: [u32; 3] = [320, 640, BASE_WIDTH];
/// Images smaller than this on a side (icons, bullets) are used only if there is nothing else.
const ICON: u32 = 64;
/// How many candidates are tried before giving up, so that a thousand broken images cost seconds, not hours.
const TRIES: usize = 12;

/// Bounds of the work; the defaults are the ones in production.
#[derive(Clone, Debug)]
pub struct ImageLimits {
    /// Width times height of a source image that is decoded whole (WebP, GIF, images in a PDF), in pixels.
    pub pixels: u64,
    /// The same of one that shrinks while it is decoded (JPEG, PNG).
    pub shrunk_pixels: u64,
    /// Decoded data held at once, in bytes, roughly.
    pub memory: u64,
    /// Encoded size of a source image, in bytes.
    pub image_bytes: u64,
    /// Size of a PDF, in bytes.
    pub pdf_bytes: u64,
    /// Size of a video, in bytes.
    pub video_bytes: u64,
    /// Time for one candidate.
    pub time: Duration,
    /// WebP quality, 0 to 100.
    pub quality: f32,
    /// The programs for videos, by name or path.
    pub ffmpeg: OsString,
    pub ffprobe: OsString,
}

impl Default for ImageLimits {
    fn default() -> Self {
        Self {
            pixels: 40_000_000,
            shrunk_pixels: 400_000_000,
            memory: 192 << 20,
            image_bytes: 32 << 20,
            pdf_bytes: pdf::PDF_MAX,
            video_bytes: 1 << 30,
            time: Duration::from_secs(20),
            quality: 80.0,
            ffmpeg: "ffmpeg".into(),
            ffprobe: "ffprobe".into(),
        }
    }
}

impl ImageLimits {
    pub(crate) fn pixel_limits(&self) -> PixelLimits {
        PixelLimits { pixels: self.pixels, shrunk_pixels: self.shrunk_pixels, memory: self.memory }
    }

    pub(crate) fn tools(&self) -> Tools<'_> {
        Tools { ffmpeg: &self.ffmpeg, ffprobe: &self.ffprobe, time: self.time }
    }
}

/// One WebP file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Thumbnail {
    /// In pixels. Distinct among the thumbnails of a nano, so it can name the file.
    pub width: u32,
    pub height: u32,
    /// The file; not serialized.
    #[serde(skip)]
    pub bytes: Vec<u8>,
}

/// What came of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Thumbnails {
    /// The entry that was pictured; `None` if there was none to picture.
    pub source_entry: Option<String>,
    /// Ascending by width; at most three, none without a source.
    pub images: Vec<Thumbnail>,
    pub notes: Vec<Note>,
}

/// Makes the thumbnails of the nano in `archive`. `scratch` is a folder for unpacked videos; nothing stays in it.
/// `cancelled` is asked often and from this thread only.
pub fn make(
    archive: &Path,
    scratch: &Path,
    limits: &ImageLimits,
    cancelled: &dyn Fn() -> bool,
) -> Result<Thumbnails, ContentError> {
    let mut maker = Maker { archive: FileArchive::open(archive)?, path: archive, scratch, limits, cancelled };
    let mut result = Thumbnails::default();
    let mut icon = None;
    for (entry, role) in candidates(&maker.archive.entries()).into_iter().take(TRIES) {
        if cancelled() {
            return Err(ContentError::Cancelled);
        }
        let picture = match maker.picture(&entry) {
            Ok(picture) => picture,
            Err(Miss::Note(code, message)) => {
                result.notes.push(Note::new(&entry.name, code, message));
                continue;
            }
            Err(Miss::Fault(error)) => return Err(error),
        };
        if picture.from_cmyk {
            result.notes.push(Note::new(&entry.name, "colors_approximate", "CMYK converted without its profile"));
        }
        let (width, height) = picture.source;
        if role == Role::Image && width.min(height) < ICON {
            icon.get_or_insert((entry, picture.raster));
            continue;
        }
        if picture.raster.width < WIDTHS[0] && role != Role::Page {
            result.notes.push(Note::new(&entry.name, "image_too_small", format!("{width} x {height} pixels")));
        }
        match maker.encode(&picture.raster)? {
            Ok(images) => return Ok(Thumbnails { source_entry: Some(entry.name), images, notes: result.notes }),
            Err(message) => result.notes.push(Note::new(&entry.name, "decoder_failed", message)),
        }
    }
    if let Some((entry, raster)) = icon {
        let size = format!("{} x {} pixels", raster.width, raster.height);
        result.notes.push(Note::new(&entry.name, "image_too_small", size));
        match maker.encode(&raster)? {
            Ok(images) => (result.source_entry, result.images) = (Some(entry.name), images),
            Err(message) => result.notes.push(Note::new(&entry.name, "decoder_failed", message)),
        }
    }
    Ok(result)
}

/// What a candidate is to the nano.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    Cover,
    Image,
    Page,
    Frame,
}

fn candidates(entries: &[Entry]) -> Vec<(Entry, Role)> {
    let mut candidates: Vec<(Entry, Role)> = entries
        .iter()
        .filter_map(|entry| {
            let role = match entry.kind {
                Kind::Image if is_cover(&entry.name) => Role::Cover,
                Kind::Image => Role::Image,
                Kind::Pdf => Role::Page,
                Kind::Mp4 | Kind::WebM => Role::Frame,
                _ => return None,
            };
            Some((entry.clone(), role))
        })
        .collect();
    candidates.sort_by(|(a, a_role), (b, b_role)| a_role.cmp(b_role).then_with(|| reading_order(a, b)));
    // Each role gets its turn, however many broken ones stand before it.
    let mut turns = std::collections::BTreeMap::new();
    candidates.retain(|(_, role)| {
        let turn = turns.entry(*role).or_insert(0);
        *turn += 1;
        *turn <= TRIES / 4 || *role == Role::Image && *turn <= TRIES / 2
    });
    candidates
}

fn is_cover(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let (folder, file) = name.rsplit_once('/').unwrap_or(("", &name));
    !folder.contains('/') && matches!(file, "cover.jpg" | "cover.jpeg" | "cover.png" | "cover.webp")
}

struct Maker<'a> {
    archive: FileArchive,
    path: &'a Path,
    scratch: &'a Path,
    limits: &'a ImageLimits,
    cancelled: &'a dyn Fn() -> bool,
}

impl Maker<'_> {
    fn picture(&mut self, entry: &Entry) -> Result<Picture, Miss> {
        let pixels = self.limits.pixel_limits();
        match entry.kind {
            Kind::Pdf => {
                let bytes = self.archive.read(entry, self.limits.pdf_bytes)?;
                let drawn =
                    guard::run(self.limits.time, self.cancelled, move || pdf::first_page(bytes, BASE_WIDTH, pixels))?;
                let raster = drawn.map_err(|error| Miss::Note(error.code(), error.to_string()))?;
                Ok(Picture { source: (raster.width, raster.height), raster, from_cmyk: false })
            }
            Kind::Mp4 | Kind::WebM => {
                let limit = self.limits.video_bytes;
                if entry.size > limit {
                    return Err(ArchiveError::TooLarge { size: entry.size, limit }.into());
                }
                let (archive, tools) = (&mut self.archive, self.limits.tools());
                let png = video::frame(archive, self.path, entry, self.scratch, tools, BASE_WIDTH, self.cancelled)?;
                self.decode(png)
            }
            _ => {
                let bytes = self.archive.read(entry, self.limits.image_bytes)?;
                self.decode(bytes)
            }
        }
    }

    fn decode(&self, bytes: Vec<u8>) -> Result<Picture, Miss> {
        let pixels = self.limits.pixel_limits();
        Ok(guard::run(self.limits.time, self.cancelled, move || decode::decode(&bytes, pixels))??)
    }

    /// The three sizes, each made from the next larger one. The inner error is the encoder's.
    fn encode(&self, base: &Raster) -> Result<Result<Vec<Thumbnail>, String>, ContentError> {
        let mut images: Vec<Thumbnail> = Vec::new();
        let mut larger = base.clone();
        for width in WIDTHS.into_iter().rev() {
            if (self.cancelled)() {
                return Err(ContentError::Cancelled);
            }
            let (width, height) = fit(base.width, base.height, width);
            if images.last().is_some_and(|last| last.width == width) {
                // The source is smaller than both classes: the larger one was its own size.
                continue;
            }
            if (width, height) != (larger.width, larger.height) {
                larger = match larger.resize(width, height) {
                    Ok(smaller) => smaller,
                    Err(error) => return Ok(Err(error.to_string())),
                };
            }
            match larger.webp(self.limits.quality) {
                Ok(bytes) => images.push(Thumbnail { width, height, bytes }),
                Err(error) => return Ok(Err(error.to_string())),
            }
        }
        images.reverse();
        Ok(Ok(images))
    }
}

#[cfg(test)]
mod tests;
