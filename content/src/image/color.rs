//! Bringing pictures to sRGB.
//!
//! - RGB pictures with an ICC profile (phones write Display P3, cameras Adobe RGB) are converted with it, after
//!   resizing, where it costs next to nothing.
//! - Without a profile, with one that cannot be parsed or is larger than [`PROFILE_MAX`], pixels are taken as sRGB.
//! - Grey pictures are taken as sRGB grey; CMYK is converted by the plain formula, profile ignored (a note says so).

use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};

use crate::image::raster::Raster;

/// Largest ICC profile looked at, in bytes. Display profiles have a few KiB, press profiles up to 2 MiB.
const PROFILE_MAX: usize = 1 << 20;

/// Converts in place; leaves the picture as it is if the profile does not fit.
pub fn to_srgb(raster: &mut Raster, profile: &[u8]) {
    if profile.len() > PROFILE_MAX {
        return;
    }
    let Ok(source) = ColorProfile::new_from_slice(profile) else { return };
    if source.color_space != DataColorSpace::Rgb {
        return;
    }
    let layout = if raster.alpha { Layout::Rgba } else { Layout::Rgb };
    let target = ColorProfile::new_srgb();
    let Ok(transform) = source.create_transform_8bit(layout, &target, layout, TransformOptions::default()) else {
        return;
    };
    let row = raster.width as usize * raster.channels();
    let mut converted = vec![0; raster.pixels.len()];
    for (from, to) in raster.pixels.chunks_exact(row).zip(converted.chunks_exact_mut(row)) {
        if transform.transform(from, to).is_err() {
            return;
        }
    }
    raster.pixels = converted;
}

/// Ink amounts (0 none, 255 full) to RGB.
pub fn cmyk_to_rgb(cmyk: &[u8]) -> Vec<u8> {
    let mut rgb = Vec::with_capacity(cmyk.len() / 4 * 3);
    for ink in cmyk.chunks_exact(4) {
        let light = |colour: u8| (u16::from(255 - colour) * u16::from(255 - ink[3]) / 255) as u8;
        rgb.extend_from_slice(&[light(ink[0]), light(ink[1]), light(ink[2])]);
    }
    rgb
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A Display P3 profile, as phones embed it.
    pub fn display_p3() -> Vec<u8> {
        ColorProfile::new_display_p3().encode().unwrap()
    }

    #[test]
    fn display_p3_becomes_srgb() {
        let mut raster = Raster { width: 1, height: 1, alpha: false, pixels: vec![200, 100, 50] };
        to_srgb(&mut raster, &display_p3());
        // The same colour has more extreme numbers in the smaller space.
        assert!(raster.pixels[0] > 205 && raster.pixels[2] < 45, "{:?}", raster.pixels);
    }

    #[test]
    fn a_broken_profile_changes_nothing() {
        let mut raster = Raster { width: 1, height: 1, alpha: true, pixels: vec![200, 100, 50, 9] };
        to_srgb(&mut raster, b"not a profile");
        assert_eq!(raster.pixels, [200, 100, 50, 9]);
    }

    #[test]
    fn ink_darkens() {
        assert_eq!(cmyk_to_rgb(&[0, 0, 0, 0, 255, 0, 0, 0, 0, 0, 0, 255]), [255, 255, 255, 0, 255, 255, 0, 0, 0]);
    }
}
