//! What drawing a page would cost, told before it is drawn.
//!
//! The renderer does whatever a page says: a dash of a ten-thousandth of a point, a picture whose header claims ten
//! thousand million pixels, a mesh of a million patches, three million rectangles. So the page is interpreted once for
//! nothing, by the renderer's own interpreter and into a device that only adds up, and what exceeds a limit ends it. The
//! limits are far above what pages for reading need; memory behind them is some hundreds of MiB at worst.

use std::panic::resume_unwind;

use hayro::{
    hayro_interpret::{
        BlendMode, ClipPath, Device, DrawMode, DrawProps, Image, ImageDrawProps, Paint, SoftMask, StrokeProps,
        font::{Glyph, GlyphRun},
        pattern::Pattern,
        shading::ShadingType,
    },
    hayro_syntax::object::{Dict, Stream},
    kurbo::{Affine, BezPath, PathEl, Point, Rect, Shape},
};

use crate::{image::decode::PixelLimits, pdf::picture};

/// Calls to the renderer, and points of all its paths.
const CALLS_MAX: u64 = 500_000;
const POINTS_MAX: u64 = 4_000_000;
/// Dashes of all lines.
const DASHES_MAX: u64 = 400_000;
/// Patches of one mesh, each of which becomes 722 triangles, and triangles.
const PATCHES_MAX: usize = 1_000;
const TRIANGLES_MAX: usize = 400_000;
/// Meshes, patterns and masks are drawn as pictures of their own.
const AREAS_MAX: u64 = 2_000;
/// Copies of the cell of one pattern.
const COPIES_MAX: f64 = 10_000.0;
/// Groups and clips inside one another.
const NESTED_MAX: u32 = 200;
/// All images together, in images of the largest size.
const IMAGES_MAX: u64 = 10;

/// Why a page is not drawn; travels through the interpreter as a panic that is caught outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooHeavy(pub &'static str);

/// A device that draws nothing and counts.
pub struct Weight {
    limits: PixelLimits,
    calls: u64,
    points: u64,
    dashes: u64,
    areas: u64,
    pixels: u64,
    nested: u32,
    /// What is counted now happens so many times.
    times: u64,
}

impl Weight {
    pub fn new(limits: PixelLimits) -> Self {
        Self { limits, calls: 0, points: 0, dashes: 0, areas: 0, pixels: 0, nested: 0, times: 1 }
    }

    fn call(&mut self, points: usize) {
        self.calls = self.calls.saturating_add(self.times);
        self.points = self.points.saturating_add(self.times.saturating_mul(points as u64));
        if self.calls > CALLS_MAX || self.points > POINTS_MAX {
            stop("the page has too many shapes");
        }
    }

    fn area(&mut self) {
        self.areas = self.areas.saturating_add(self.times);
        if self.areas > AREAS_MAX {
            stop("the page has too many patterns");
        }
    }

    fn nest(&mut self) {
        self.nested += 1;
        if self.nested > NESTED_MAX {
            stop("the page is nested too deep");
        }
    }

    fn stroke(&mut self, length: impl FnOnce() -> f64, stroke: &StrokeProps) {
        if stroke.dash_array.is_empty() {
            return;
        }
        let period: f64 = stroke.dash_array.iter().map(|dash| f64::from(*dash)).sum();
        let dashes = length() / period * stroke.dash_array.len() as f64;
        // Nothing, a negative dash, and what is no number, count as too many.
        if !(period > 0.0 && dashes >= 0.0 && dashes <= DASHES_MAX as f64) {
            stop("the page has lines of too many dashes");
        }
        self.dashes = self.dashes.saturating_add(self.times.saturating_mul(dashes as u64));
        if self.dashes > DASHES_MAX {
            stop("the page has lines of too many dashes");
        }
    }

    fn paint<'a>(&mut self, paint: &Paint<'a>, transform: Affine, bounds: impl FnOnce() -> Rect) {
        let Paint::Pattern(pattern) = paint else { return };
        self.area();
        match &**pattern {
            Pattern::Shading(shading) => match &*shading.shading.shading_type {
                ShadingType::CoonsPatchMesh { patches, .. } => mesh(patches.len(), PATCHES_MAX),
                ShadingType::TensorProductPatchMesh { patches, .. } => mesh(patches.len(), PATCHES_MAX),
                ShadingType::TriangleMesh { triangles, .. } => mesh(triangles.len(), TRIANGLES_MAX),
                _ => {}
            },
            Pattern::Tiling(tiling) => {
                let area = (tiling.matrix.inverse() * transform).transform_rect_bbox(bounds());
                let copies = |cell: f64, step: f32| (cell / f64::from(step.abs())).ceil().max(1.0);
                // A cell larger than its step overlaps itself; a step larger than the area is drawn where it falls.
                let cells =
                    copies(tiling.bbox.width().max(area.width().min(f64::from(tiling.x_step.abs()))), tiling.x_step)
                        * copies(
                            tiling.bbox.height().max(area.height().min(f64::from(tiling.y_step.abs()))),
                            tiling.y_step,
                        );
                if cells > COPIES_MAX || cells.is_nan() {
                    stop("the page has a pattern that overlaps itself too often");
                }
                let times = self.times;
                self.times = times.saturating_mul(cells as u64);
                tiling.interpret(self, tiling.matrix, false);
                self.times = times;
            }
        }
    }

    /// Size of an image, by what the page says and by what its own header says.
    fn image(&mut self, width: u32, height: u32, stream: &Stream<'_>) {
        let stated = u64::from(width) * u64::from(height);
        let pixels = match picture::pixels(stream) {
            Ok(own) => own.max(stated),
            Err(reason) => stop(reason),
        };
        if pixels > self.limits.pixels {
            stop("an image on the page is too large");
        }
        self.pixels = self.pixels.saturating_add(self.times.saturating_mul(pixels));
        if self.pixels > IMAGES_MAX * self.limits.pixels {
            stop("the images on the page are too large together");
        }
        for key in [&b"SMask"[..], b"Mask"] {
            if let Some(mask) = stream.dict().get::<Stream<'_>>(key) {
                let side = |dict: &Dict<'_>, key: &[u8]| dict.get::<u32>(key).unwrap_or(0);
                let (width, height) = (side(mask.dict(), b"Width"), side(mask.dict(), b"Height"));
                let own = picture::pixels(&mask).unwrap_or(u64::MAX);
                if own.max(u64::from(width) * u64::from(height)) > self.limits.pixels {
                    stop("a mask on the page is too large");
                }
            }
        }
    }
}

fn mesh(pieces: usize, max: usize) {
    if pieces > max {
        stop("the page has a colour mesh of too many pieces");
    }
}

fn stop(reason: &'static str) -> ! {
    resume_unwind(Box::new(TooHeavy(reason)))
}

/// At least the length of the path: that of the lines between its control points.
fn length(path: &BezPath) -> f64 {
    let (mut length, mut start, mut last) = (0.0, Point::ZERO, Point::ZERO);
    for element in path.elements() {
        let points: &[Point] = match element {
            PathEl::MoveTo(to) => {
                (start, last) = (*to, *to);
                continue;
            }
            PathEl::LineTo(to) => &[*to],
            PathEl::QuadTo(by, to) => &[*by, *to],
            PathEl::CurveTo(by, and, to) => &[*by, *and, *to],
            PathEl::ClosePath => &[start],
        };
        for point in points {
            length += last.distance(*point);
            last = *point;
        }
    }
    length
}

impl<'a> Device<'a> for Weight {
    fn draw_path(&mut self, path: &BezPath, props: DrawProps<'a>, mode: &DrawMode) {
        self.call(path.elements().len());
        self.paint(&props.paint, props.transform, || path.bounding_box());
        if let DrawMode::Stroke(stroke) | DrawMode::FillAndStroke(_, stroke) = mode {
            self.stroke(|| length(path), stroke);
        }
    }

    fn draw_rect(&mut self, rect: &Rect, props: DrawProps<'a>, mode: &DrawMode) {
        self.call(4);
        self.paint(&props.paint, props.transform, || *rect);
        if let DrawMode::Stroke(stroke) | DrawMode::FillAndStroke(_, stroke) = mode {
            self.stroke(|| rect.perimeter(0.1), stroke);
        }
    }

    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, mode: &DrawMode) {
        for glyph in run.glyphs() {
            // A letter has some thirty points, but is kept once it is drawn.
            self.call(1);
            if let Glyph::Type3(drawn) = &**glyph {
                drawn.interpret(self, props.transform, glyph.transform(), &props.paint);
            }
            if let DrawMode::Stroke(stroke) | DrawMode::FillAndStroke(_, stroke) = mode {
                // An outline is hardly longer than ten times its letter's height.
                let [_, _, c, d, _, _] = glyph.transform().as_coeffs();
                self.stroke(|| 10_000.0 * c.hypot(d), stroke);
            }
        }
        self.paint(&props.paint, props.transform, || Rect::ZERO);
    }

    fn draw_image(&mut self, image: Image<'a, '_>, _: ImageDrawProps<'a>) {
        self.call(4);
        let (width, height) = (image.width(), image.height());
        match &image {
            Image::Raster(raster) => self.image(width, height, raster.stream()),
            Image::Stencil(stencil) => self.image(width, height, stencil.stream()),
        }
    }

    fn push_clip_path(&mut self, clip: &ClipPath) {
        self.call(clip.path.elements().len());
        self.nest();
    }

    fn push_transparency_group(&mut self, _: f32, mask: Option<SoftMask<'a>>, _: BlendMode) {
        self.call(0);
        self.nest();
        if let Some(mask) = mask {
            self.area();
            mask.interpret(self);
        }
    }

    fn pop_clip(&mut self) {
        self.nested = self.nested.saturating_sub(1);
    }

    fn pop_transparency_group(&mut self) {
        self.nested = self.nested.saturating_sub(1);
    }
}
