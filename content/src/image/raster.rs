//! Decoded pictures: 8-bit RGB or RGBA, the sizes they are brought to, and their WebP form.

use fast_image_resize::{
    FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer,
    images::{TypedImage, TypedImageRef},
    pixels::{U8x3, U8x4},
};
use image::{DynamicImage, RgbImage, RgbaImage, metadata::Orientation};
use webp::{Encoder, PixelLayout};

/// Pictures are at most this many times as tall as their width class, so that a long infographic stays a thumbnail
/// (and below WebP's 16,383 pixels). Taller ones become narrower.
const TALLEST: u32 = 4;

/// A picture in memory, rows from top to bottom, alpha not premultiplied.
#[derive(Clone, Debug)]
pub struct Raster {
    pub width: u32,
    pub height: u32,
    pub alpha: bool,
    pub pixels: Vec<u8>,
}

/// A step on a picture failed; says which and why.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct RasterError(String);

/// The size that fits `width x height` into `target` pixels of width and [`TALLEST`] times that of height, keeping
/// the aspect ratio. Never larger than the picture itself, never 0.
pub fn fit(width: u32, height: u32, target: u32) -> (u32, u32) {
    let scale = (f64::from(target) / f64::from(width.max(1)))
        .min(f64::from(target) * f64::from(TALLEST) / f64::from(height.max(1)))
        .min(1.0);
    let side = |length: u32| ((f64::from(length) * scale).round() as u32).max(1);
    (side(width), side(height))
}

impl Raster {
    pub fn channels(&self) -> usize {
        if self.alpha { 4 } else { 3 }
    }

    /// A resampled copy (Lanczos3; colours of transparent pixels do not bleed).
    pub fn resize(&self, width: u32, height: u32) -> Result<Self, RasterError> {
        if self.alpha { self.resampled::<U8x4>(width, height) } else { self.resampled::<U8x3>(width, height) }
    }

    /// Of the kind of pixels that it has. The library's own choice among all kinds would be compiled here for each of them, which
    /// takes minutes.
    fn resampled<P: PixelTrait>(&self, width: u32, height: u32) -> Result<Self, RasterError> {
        let fail = |error: &dyn std::fmt::Display| RasterError(format!("resizing: {error}"));
        let mut pixels = vec![0; width as usize * height as usize * self.channels()];
        let source =
            TypedImageRef::<P>::from_buffer(self.width, self.height, &self.pixels).map_err(|error| fail(&error))?;
        let mut target = TypedImage::<P>::from_buffer(width, height, &mut pixels).map_err(|error| fail(&error))?;
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3));
        Resizer::new().resize_typed(&source, &mut target, &options).map_err(|error| fail(&error))?;
        Ok(Self { width, height, alpha: self.alpha, pixels })
    }

    /// Turned and mirrored as EXIF says.
    pub fn oriented(self, orientation: Orientation) -> Result<Self, RasterError> {
        if orientation == Orientation::NoTransforms {
            return Ok(self);
        }
        let (width, height, alpha) = (self.width, self.height, self.alpha);
        let mut image = if alpha {
            RgbaImage::from_raw(width, height, self.pixels).map(DynamicImage::from)
        } else {
            RgbImage::from_raw(width, height, self.pixels).map(DynamicImage::from)
        }
        .ok_or_else(|| RasterError("turning: size and pixels disagree".into()))?;
        image.apply_orientation(orientation);
        Ok(Self { width: image.width(), height: image.height(), alpha, pixels: image.into_bytes() })
    }

    /// Lossy WebP without any metadata; `quality` from 0 to 100.
    pub fn webp(&self, quality: f32) -> Result<Vec<u8>, RasterError> {
        let layout = if self.alpha { PixelLayout::Rgba } else { PixelLayout::Rgb };
        let encoded = Encoder::new(&self.pixels, layout, self.width, self.height)
            .encode_simple(false, quality)
            .map_err(|error| RasterError(format!("encoding: {error:?}")))?;
        Ok(encoded.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fits_without_enlarging() {
        assert_eq!(fit(6000, 4000, 1280), (1280, 853));
        assert_eq!(fit(500, 300, 1280), (500, 300));
        assert_eq!(fit(20_000, 10, 320), (320, 1));
        assert_eq!(fit(800, 8000, 320), (128, 1280));
        assert_eq!(fit(1, 1, 320), (1, 1));
    }

    #[test]
    fn turns_as_exif_says() {
        let raster = Raster { width: 2, height: 1, alpha: false, pixels: vec![255, 0, 0, 0, 0, 255] };
        let turned = raster.oriented(Orientation::Rotate90).unwrap();
        assert_eq!((turned.width, turned.height), (1, 2));
        assert_eq!(turned.pixels, [255, 0, 0, 0, 0, 255]);
    }
}
