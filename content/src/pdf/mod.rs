//! PDFs: the first page as a picture, the number of pages, and their text.
//!
//! The renderer (hayro, pure Rust) inflates streams without a limit of its own, so a PDF is measured first
//! (`stream`) and refused if it would grow beyond bounds, or if what is in it cannot be measured. Everything here
//! may panic or take long on hostile input: call it through `guard`.

pub mod active;
mod filter;
pub mod stream;

use std::{
    io::Cursor,
    time::{Duration, Instant},
};

use hayro::{
    PixmapSettings, RenderCache, RenderSettings,
    hayro_interpret::{
        BlendMode, ClipPath, Context, Device, DrawMode, DrawProps, Image, ImageDrawProps, InterpreterCache,
        InterpreterSettings, RectExt, SoftMask,
        font::{Glyph, GlyphRun},
        hayro_cmap::BfString,
        interpret_page,
    },
    hayro_syntax::{LoadPdfError, Pdf},
    kurbo::{Affine, BezPath},
    vello_cpu::color::palette::css::WHITE,
};

use crate::image::{decode::PixelLimits, raster::Raster};

/// Largest PDF that is held in memory, in bytes. Larger ones are only looked through (`stream`).
pub const PDF_MAX: u64 = 32 << 20;
/// Pages are at most this many times as tall as wide when drawn.
const TALLEST: f32 = 4.0;

/// Why a PDF gives neither picture nor text.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PdfError {
    #[error("the PDF is encrypted")]
    Encrypted,
    #[error("{0}")]
    Refused(&'static str),
    #[error("{0}")]
    Broken(&'static str),
}

impl PdfError {
    /// The code of the note.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Encrypted => "pdf_encrypted",
            Self::Refused(_) => "pdf_refused",
            Self::Broken(_) => "pdf_broken",
        }
    }
}

/// Text of the first pages, in drawing order.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct PdfText {
    /// Pages of the whole document.
    pub pages: u32,
    pub text: String,
}

fn open(bytes: Vec<u8>, limits: PixelLimits) -> Result<Pdf, PdfError> {
    let facts =
        stream::inspect(Cursor::new(&bytes), &|| false).map_err(|_| PdfError::Broken("the PDF ends in the middle"))?;
    if facts.names.contains("Encrypt") {
        return Err(PdfError::Encrypted);
    }
    if facts.excessive {
        return Err(PdfError::Refused("the PDF inflates to too much data"));
    }
    if facts.unusual || facts.opaque > 0 {
        return Err(PdfError::Refused("the PDF is compressed in an unusual way"));
    }
    if facts.image_pixels > limits.pixels {
        return Err(PdfError::Refused("an image in the PDF is too large"));
    }
    Pdf::new(bytes).map_err(|error| match error {
        LoadPdfError::Decryption(_) => PdfError::Encrypted,
        LoadPdfError::Invalid => PdfError::Broken("not a readable PDF"),
    })
}

/// Draws the first page on white, `width` pixels wide (narrower if it is more than four times as tall).
pub fn first_page(bytes: Vec<u8>, width: u32, limits: PixelLimits) -> Result<Raster, PdfError> {
    let pdf = open(bytes, limits)?;
    let page = pdf.pages().first().ok_or(PdfError::Broken("the PDF has no pages"))?;
    let (page_width, page_height) = page.render_dimensions();
    if !(page_width >= 1.0 && page_height >= 1.0 && page_width.is_finite() && page_height.is_finite()) {
        return Err(PdfError::Broken("the first page has no size"));
    }
    // The renderer cuts off fractions of pixels: the margin keeps 1280 from becoming 1279.
    let scale = (width as f32 + 0.01) / page_width.max(page_height / TALLEST);
    if page_width * scale < 1.0 || page_height * scale < 1.0 {
        return Err(PdfError::Broken("the first page is a line"));
    }
    let pixmap = hayro::render(
        page,
        &RenderCache::new(),
        &InterpreterSettings::default(),
        &RenderSettings::default(),
        &PixmapSettings { x_scale: scale, y_scale: scale, bg_color: WHITE },
    );
    // On a white ground every pixel is opaque, so premultiplied is plain.
    let pixels = pixmap.data_as_u8_slice().chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
    Ok(Raster { width: pixmap.width().into(), height: pixmap.height().into(), alpha: false, pixels })
}

/// Page count and text; stops after `text_max` bytes of text or `time`, between pages.
pub fn read(bytes: Vec<u8>, text_max: usize, time: Duration, limits: PixelLimits) -> Result<PdfText, PdfError> {
    let pdf = open(bytes, limits)?;
    let pages = pdf.pages();
    let cache = InterpreterCache::new();
    let mut lines = Lines::new(text_max);
    let started = Instant::now();
    for page in pages.iter() {
        if lines.full() || started.elapsed() >= time {
            break;
        }
        let bounds = page.intersected_crop_box().to_kurbo();
        let mut context = Context::new(Affine::IDENTITY, bounds, &cache, page.xref(), InterpreterSettings::default());
        interpret_page(page, &mut context, &mut lines);
        lines.end_line();
    }
    Ok(PdfText { pages: pages.len() as u32, text: lines.text })
}

/// Collects glyphs as text: a new line where the baseline moves, a space where there is a gap.
struct Lines {
    text: String,
    max: usize,
    /// Where the last glyph ended, and its size.
    last: Option<(f64, f64)>,
}

impl Lines {
    fn new(max: usize) -> Self {
        Self { text: String::new(), max, last: None }
    }

    fn full(&self) -> bool {
        self.text.len() >= self.max
    }

    fn end_line(&mut self) {
        self.last = None;
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }

    fn glyph(&mut self, glyph: &Glyph<'_>, transform: Affine) {
        if self.full() {
            return;
        }
        let Some(unicode) = glyph.as_unicode() else { return };
        // Glyph space has 1000 units to the em.
        let [a, b, c, d, x, y] = transform.as_coeffs();
        let em = 1000.0 * c.hypot(d);
        if let Some((end, baseline)) = self.last {
            if (y - baseline).abs() > 0.5 * em || end - x > 4.0 * em {
                self.end_line();
            } else if x - end > 0.2 * em && !self.text.ends_with(char::is_whitespace) {
                self.text.push(' ');
            }
        }
        match unicode {
            BfString::Char(char) => self.push(char),
            BfString::String(chars) => chars.chars().for_each(|char| self.push(char)),
        }
        let advance = match glyph {
            Glyph::Outline(outline) => outline.advance_width(),
            Glyph::Type3(glyph) => glyph.advance_width(),
        };
        self.last = Some((x + f64::from(advance.unwrap_or(500.0)) * a.hypot(b), y));
    }

    fn push(&mut self, char: char) {
        if char == ' ' || !char.is_whitespace() && !char.is_control() {
            self.text.push(char);
        } else if !self.text.ends_with(char::is_whitespace) {
            self.text.push(' ');
        }
    }
}

impl<'a> Device<'a> for Lines {
    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, _: &DrawMode) {
        for glyph in run.glyphs() {
            self.glyph(glyph, props.transform * glyph.transform());
        }
    }

    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'a>, _: &DrawMode) {}
    fn push_clip_path(&mut self, _: &ClipPath) {}
    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {}
    fn draw_image(&mut self, _: Image<'a, '_>, _: ImageDrawProps<'a>) {}
    fn pop_clip(&mut self) {}
    fn pop_transparency_group(&mut self) {}
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub const LIMITS: PixelLimits = PixelLimits { pixels: 40_000_000, memory: 192 << 20 };

    /// A PDF with one page per text, in Helvetica, each on a coloured rectangle; `catalog` goes into the catalog.
    pub fn pdf_of(pages: &[&str], catalog: &str) -> Vec<u8> {
        let mut objects = Vec::new();
        let kids: Vec<String> = (0..pages.len()).map(|page| format!("{} 0 R", 4 + 2 * page)).collect();
        objects.push(format!("<< /Type /Catalog /Pages 2 0 R {catalog} >>"));
        objects.push(format!("<< /Type /Pages /Kids [{}] /Count {} >>", kids.join(" "), pages.len()));
        objects.push("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_owned());
        for (page, text) in pages.iter().enumerate() {
            let lines: String = text.lines().map(|line| format!("({line}) Tj T* ")).collect();
            let content = format!("0.1 0.4 0.8 rg 0 0 300 50 re f 0 g BT /F 18 Tf 22 TL 20 160 Td {lines}ET");
            objects.push(format!(
                "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Contents {} 0 R /Resources << /Font << /F 3 0 R >> >> >>",
                5 + 2 * page
            ));
            objects.push(format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len()));
        }
        let mut pdf = String::from("%PDF-1.4\n");
        let mut offsets = Vec::new();
        for (index, object) in objects.iter().enumerate() {
            offsets.push(pdf.len());
            pdf.push_str(&format!("{} 0 obj\n{object}\nendobj\n", index + 1));
        }
        let table = pdf.len();
        pdf.push_str(&format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1));
        offsets.iter().for_each(|offset| pdf.push_str(&format!("{offset:010} 00000 n \n")));
        pdf.push_str(&format!("trailer << /Size {} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n", objects.len() + 1));
        pdf.into_bytes()
    }

    #[test]
    fn draws_the_first_page() {
        let raster = first_page(pdf_of(&["Hallo", "zwei"], ""), 1280, LIMITS).unwrap();
        assert_eq!((raster.width, raster.height, raster.alpha), (1280, 853, false));
        let pixel = |x: u32, y: u32| {
            let at = (y * raster.width + x) as usize * 3;
            [raster.pixels[at], raster.pixels[at + 1], raster.pixels[at + 2]]
        };
        assert_eq!(pixel(1200, 30), [255, 255, 255]);
        let blue = pixel(600, 800);
        assert!(blue[2] > 190 && blue[0] < 40, "{blue:?}");
        let dark = raster.pixels.chunks(3).filter(|pixel| pixel[0] < 60 && pixel[2] < 60).count();
        assert!(dark > 200, "the text is missing: {dark}");
    }

    #[test]
    fn reads_pages_and_text() {
        let pdf = pdf_of(&["Erste Zeile\nnoch eine", "Second page"], "");
        let read = read(pdf, 10_000, Duration::from_secs(5), LIMITS).unwrap();
        assert_eq!(read, PdfText { pages: 2, text: "Erste Zeile\nnoch eine\nSecond page\n".into() });
    }

    #[test]
    fn refuses_what_it_cannot_bound() {
        let read = |pdf| super::read(pdf, 100, Duration::from_secs(5), LIMITS);
        assert_eq!(read(b"%PDF-1.4 nothing".to_vec()), Err(PdfError::Broken("not a readable PDF")));
        assert_eq!(read(pdf_of(&["x"], "/Encrypt 9 0 R")), Err(PdfError::Encrypted));
        let lzw =
            pdf_of(&["x"], ">>\nendobj\n9 0 obj << /Filter /LZWDecode >>\nstream\nxx\nendstream endobj 8 0 obj <<");
        assert!(matches!(read(lzw), Err(PdfError::Refused(_))));
    }
}
