//! Shrinking while decoding: rows come in, averaged blocks go out, so a 40-megapixel PNG never lies in memory whole.

use crate::image::raster::Raster;

/// Averages blocks of `factor x factor` pixels. Colours are weighted by alpha, so transparent pixels do not bleed.
pub struct Shrinker {
    channels: usize,
    factor: u32,
    width: u32,
    /// Rows collected in the current block.
    rows: u32,
    /// Per output pixel: three colour sums (times alpha if there is alpha), alpha sum, pixel count.
    sums: Vec<[u64; 5]>,
    out: Raster,
}

impl Shrinker {
    /// For rows of `width` pixels with 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGBA) bytes each.
    pub fn new(width: u32, channels: usize, factor: u32) -> Self {
        let out_width = width.div_ceil(factor);
        let alpha = channels == 2 || channels == 4;
        let out = Raster { width: out_width, height: 0, alpha, pixels: Vec::new() };
        Self { channels, factor, width, rows: 0, sums: vec![[0; 5]; out_width as usize], out }
    }

    /// Takes one row; a short row is a decoder's bug and leaves the rest of the block as it is.
    pub fn push(&mut self, row: &[u8]) {
        let pixels = row.chunks_exact(self.channels).take(self.width as usize);
        if self.factor == 1 {
            for pixel in pixels {
                let [r, g, b, a] = rgba(pixel);
                self.out.pixels.extend_from_slice(&[r, g, b]);
                if self.out.alpha {
                    self.out.pixels.push(a);
                }
            }
            self.out.height += 1;
            return;
        }
        let factor = self.factor as usize;
        for (pixel, column) in pixels.zip(0usize..) {
            let [r, g, b, a] = rgba(pixel).map(u64::from);
            let sum = &mut self.sums[column / factor];
            sum[0] += r * a;
            sum[1] += g * a;
            sum[2] += b * a;
            sum[3] += a;
            sum[4] += 1;
        }
        self.rows += 1;
        if self.rows == self.factor {
            self.flush();
        }
    }

    fn flush(&mut self) {
        for sum in &mut self.sums {
            let weight = sum[3].max(1);
            for colour in &sum[..3] {
                self.out.pixels.push(((colour + weight / 2) / weight) as u8);
            }
            if self.out.alpha {
                self.out.pixels.push((sum[3] / sum[4].max(1)) as u8);
            }
            *sum = [0; 5];
        }
        self.rows = 0;
        self.out.height += 1;
    }

    /// The shrunken picture; a last incomplete block is averaged over the rows it has.
    pub fn finish(mut self) -> Raster {
        if self.rows > 0 {
            self.flush();
        }
        self.out
    }
}

fn rgba(pixel: &[u8]) -> [u8; 4] {
    match *pixel {
        [grey] => [grey, grey, grey, 255],
        [grey, alpha] => [grey, grey, grey, alpha],
        [r, g, b] => [r, g, b, 255],
        [r, g, b, alpha] => [r, g, b, alpha],
        _ => [0, 0, 0, 255],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_blocks_and_edges() {
        let mut shrinker = Shrinker::new(3, 1, 2);
        for row in [[0, 100, 7], [200, 100, 9], [50, 50, 50]] {
            shrinker.push(&row);
        }
        let raster = shrinker.finish();
        assert_eq!((raster.width, raster.height, raster.alpha), (2, 2, false));
        assert_eq!(raster.pixels, [100, 100, 100, 8, 8, 8, 50, 50, 50, 50, 50, 50]);
    }

    #[test]
    fn transparent_pixels_do_not_bleed() {
        let mut shrinker = Shrinker::new(2, 4, 2);
        shrinker.push(&[255, 0, 0, 255, 0, 255, 0, 0]);
        let raster = shrinker.finish();
        assert_eq!(raster.pixels, [255, 0, 0, 127]);
    }
}
