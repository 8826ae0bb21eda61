//! PDFs: the first page as a picture, the number of pages, and their text.
//!
//! The renderer (hayro, pure Rust) inflates and draws without a limit of its own, so a PDF is measured first
//! (`stream`) and refused if it would grow beyond bounds, or if what is in it cannot be measured; a page is weighed
//! before it is drawn (`weight`). Everything here may panic or take long on hostile input: call it through `guard`.

pub mod active;
mod filter;
mod lines;
mod link;
mod picture;
pub mod stream;
mod weight;

use std::{
    any::Any,
    io::Cursor,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    time::{Duration, Instant},
};

use hayro::{
    PixmapSettings, RenderCache, RenderSettings,
    hayro_interpret::{Context, Device, InterpreterCache, InterpreterSettings, RectExt, interpret_page},
    hayro_syntax::{LoadPdfError, Pdf, page::Page},
    kurbo::{Affine, Rect},
    vello_cpu::color::palette::css::WHITE,
};

use crate::{
    image::{decode::PixelLimits, raster::Raster},
    pdf::{
        lines::{Lines, Stop, rejoined},
        weight::{TooHeavy, Weight},
    },
};

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
    /// Drawing it would take too much memory or time.
    #[error("{0}")]
    TooComplex(&'static str),
    #[error("{0}")]
    Broken(&'static str),
}

impl PdfError {
    /// The code of the note.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Encrypted => "pdf_encrypted",
            Self::Refused(_) => "pdf_refused",
            Self::TooComplex(_) => "pdf_too_complex",
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

fn open(bytes: Vec<u8>) -> Result<Pdf, PdfError> {
    let facts = stream::inspect(Cursor::new(&bytes), &mut |_| {}, &|| false)
        .map_err(|_| PdfError::Broken("the PDF ends in the middle"))?;
    if facts.names.contains("Encrypt") {
        return Err(PdfError::Encrypted);
    }
    if facts.excessive {
        return Err(PdfError::Refused("the PDF inflates to too much data"));
    }
    if facts.heavy {
        return Err(PdfError::TooComplex("a drawing or a colour mesh in the PDF is too large"));
    }
    if facts.unusual || facts.opaque > 0 {
        return Err(PdfError::Refused("the PDF is compressed in an unusual way"));
    }
    Pdf::new(bytes).map_err(|error| match error {
        LoadPdfError::Decryption(_) => PdfError::Encrypted,
        LoadPdfError::Invalid => PdfError::Broken("not a readable PDF"),
    })
}

/// What the interpreter holds at once for a page of this many bytes is too much.
fn is_long(page: &Page<'_>) -> bool {
    page.page_stream().is_some_and(|content| content.len() as u64 > stream::DRAWING_BYTES_MAX)
}

/// Interprets a page into a device. Gives back what the device, or a fault of the interpreter, ended it with.
fn interpreted<'a>(
    page: &'a Page<'a>,
    transform: Affine,
    bounds: Rect,
    cache: &InterpreterCache<'a>,
    device: &mut impl Device<'a>,
) -> Result<(), Box<dyn Any + Send>> {
    let mut context = Context::new(transform, bounds, cache, page.xref(), InterpreterSettings::default());
    catch_unwind(AssertUnwindSafe(|| interpret_page(page, &mut context, device)))
}

/// Draws the first page on white, `width` pixels wide (narrower if it is more than four times as tall).
pub fn first_page(bytes: Vec<u8>, width: u32, limits: PixelLimits) -> Result<Raster, PdfError> {
    let pdf = open(bytes)?;
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
    weigh(page, limits)?;
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

/// Refuses a page that takes too much to draw.
fn weigh(page: &Page<'_>, limits: PixelLimits) -> Result<(), PdfError> {
    if is_long(page) {
        return Err(PdfError::TooComplex("the page has too many shapes"));
    }
    let bounds = page.intersected_crop_box().to_kurbo();
    let mut weight = Weight::new(limits);
    interpreted(page, Affine::IDENTITY, bounds, &InterpreterCache::new(), &mut weight).or_else(|ended| {
        match ended.downcast::<TooHeavy>() {
            Ok(heavy) => Err(PdfError::TooComplex(heavy.0)),
            Err(fault) => resume_unwind(fault),
        }
    })
}

/// Page count and text; stops after `text_max` bytes of text or `time`. A page that cannot be interpreted costs its own
/// text alone.
pub fn read(bytes: Vec<u8>, text_max: usize, time: Duration) -> Result<PdfText, PdfError> {
    let pdf = open(bytes)?;
    let pages = pdf.pages();
    let cache = InterpreterCache::new();
    let mut lines = Lines::new(text_max, Instant::now() + time);
    for page in pages.iter() {
        if lines.is_done() {
            break;
        }
        if is_long(page) {
            continue;
        }
        let bounds = page.intersected_crop_box().to_kurbo();
        if let Err(ended) = interpreted(page, Affine::IDENTITY, bounds, &cache, &mut lines)
            && ended.is::<Stop>()
        {
            break;
        }
        lines.end_line();
    }
    Ok(PdfText { pages: pages.len() as u32, text: rejoined(&lines.text) })
}

#[cfg(test)]
pub mod tests {
    use std::io::Write;

    use super::*;
    use crate::pdf::picture::tests::jbig2_claiming;

    pub const LIMITS: PixelLimits = PixelLimits { pixels: 40_000_000, shrunk_pixels: 400_000_000, memory: 192 << 20 };

    /// A PDF with one page per text, in Helvetica, each on a coloured rectangle; `catalog` goes into the catalog.
    pub fn pdf_of(pages: &[&str], catalog: &str) -> Vec<u8> {
        let contents: Vec<Vec<u8>> = pages
            .iter()
            .map(|text| {
                let lines: String = text.lines().map(|line| format!("({line}) Tj T* ")).collect();
                format!("0.1 0.4 0.8 rg 0 0 300 50 re f 0 g BT /F 18 Tf 22 TL 20 160 Td {lines}ET").into_bytes()
            })
            .collect();
        pdf_with(&contents, catalog, "", &[])
    }

    /// A PDF whose pages have these content streams, `resources` beside the font `F`, and further objects, the first of
    /// which is number 4.
    pub fn pdf_with(contents: &[Vec<u8>], catalog: &str, resources: &str, more: &[Vec<u8>]) -> Vec<u8> {
        let first = 4 + more.len();
        let kids: Vec<String> = (0..contents.len()).map(|page| format!("{} 0 R", first + 2 * page)).collect();
        let mut objects = vec![
            format!("<< /Type /Catalog /Pages 2 0 R {catalog} >>").into_bytes(),
            format!("<< /Type /Pages /Kids [{}] /Count {} >>", kids.join(" "), contents.len()).into_bytes(),
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_vec(),
        ];
        objects.extend_from_slice(more);
        for (page, content) in contents.iter().enumerate() {
            let contents = first + 2 * page + 1;
            objects.push(
                format!(
                    "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Contents {contents} 0 R \
                     /Resources << /Font << /F 3 0 R >> {resources} >> >>"
                )
                .into_bytes(),
            );
            objects.push(stream_of("", content));
        }
        let mut pdf = b"%PDF-1.4\n".to_vec();
        let mut offsets = Vec::new();
        for (index, object) in objects.iter().enumerate() {
            offsets.push(pdf.len());
            pdf.extend(format!("{} 0 obj\n", index + 1).into_bytes());
            pdf.extend(object);
            pdf.extend(b"\nendobj\n");
        }
        let table = pdf.len();
        pdf.extend(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).into_bytes());
        offsets.iter().for_each(|offset| pdf.extend(format!("{offset:010} 00000 n \n").into_bytes()));
        let trailer = format!("trailer << /Size {} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n", objects.len() + 1);
        pdf.extend(trailer.into_bytes());
        pdf
    }

    /// A stream object; long content is deflated.
    pub fn stream_of(dictionary: &str, content: &[u8]) -> Vec<u8> {
        let (filter, content) = if content.len() > 10_000 {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(content).unwrap();
            ("/Filter /FlateDecode", encoder.finish().unwrap())
        } else {
            ("", content.to_vec())
        };
        let head = format!("<< {dictionary} {filter} /Length {} >>\nstream\n", content.len());
        [head.as_bytes(), &content, b"\nendstream"].concat()
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
        let read = read(pdf, 10_000, Duration::from_secs(5)).unwrap();
        assert_eq!(read, PdfText { pages: 2, text: "Erste Zeile\nnoch eine\nSecond page\n".into() });
    }

    #[test]
    fn refuses_what_it_cannot_bound() {
        let read = |pdf| super::read(pdf, 100, Duration::from_secs(5));
        assert_eq!(read(b"%PDF-1.4 nothing".to_vec()), Err(PdfError::Broken("not a readable PDF")));
        assert_eq!(read(pdf_of(&["x"], "/Encrypt 9 0 R")), Err(PdfError::Encrypted));
        let unknown =
            pdf_of(&["x"], ">>\nendobj\n9 0 obj << /Filter /Unheard >>\nstream\nxx\nendstream endobj 8 0 obj <<");
        assert!(matches!(read(unknown), Err(PdfError::Refused(_))));
    }

    fn drawn(content: impl Into<Vec<u8>>, resources: &str, more: &[Vec<u8>]) -> Result<Raster, PdfError> {
        first_page(pdf_with(&[content.into()], "", resources, more), 1280, LIMITS)
    }

    fn is_too_complex(result: Result<Raster, PdfError>, reason: &str) {
        match result {
            Err(PdfError::TooComplex(said)) => assert!(said.contains(reason), "{said}"),
            other => panic!("{reason}: {:?}", other.map(|raster| (raster.width, raster.height))),
        }
    }

    #[test]
    fn tiny_dashes_are_refused() {
        is_too_complex(drawn("[0.0001] 0 d 0 0 m 300 200 l S", "", &[]), "dashes");
        is_too_complex(drawn("[0.0001] 0 d 10 10 100 100 re S", "", &[]), "dashes");
        is_too_complex(drawn("[1] 0 d 0 0 m 99999999999999 0 l S", "", &[]), "dashes");
        is_too_complex(drawn("[0.0001] 0 d 1 Tr BT /F 18 Tf 20 160 Td (Hallo) Tj ET", "", &[]), "dashes");
        drawn("[3 2] 0 d 0 0 m 300 200 l S", "", &[]).unwrap();
    }

    #[test]
    fn huge_inline_images_are_refused() {
        let image = "q 300 0 0 200 0 0 cm BI /W 100000 /H 100000 /BPC 8 /CS /G ID x EI Q";
        is_too_complex(drawn(image, "", &[]), "image");
        drawn("q 300 0 0 200 0 0 cm BI /W 1 /H 1 /BPC 8 /CS /G ID x EI Q", "", &[]).unwrap();
    }

    #[test]
    fn what_an_image_says_itself_counts() {
        let page = "q 300 0 0 200 0 0 cm /I Do Q";
        let image = |width, height| {
            let dictionary = "/Type /XObject /Subtype /Image /Width 8 /Height 8 /BitsPerComponent 1 \
                /ColorSpace /DeviceGray /Filter /JBIG2Decode";
            stream_of(dictionary, &jbig2_claiming(width, height))
        };
        is_too_complex(drawn(page, "/XObject << /I 4 0 R >>", &[image(60_000, 60_000)]), "image");
        drawn(page, "/XObject << /I 4 0 R >>", &[image(8, 8)]).unwrap();
    }

    #[test]
    fn meshes_of_many_patches_are_refused() {
        let mesh = |patches: usize| {
            let dictionary = "/ShadingType 6 /ColorSpace /DeviceGray /BitsPerCoordinate 8 /BitsPerComponent 8 \
                /BitsPerFlag 8 /Decode [0 300 0 200 0 1]";
            let mut patch = vec![0];
            patch.extend((0..24).map(|at| at * 10));
            patch.extend([0, 100, 200, 255]);
            stream_of(dictionary, &patch.repeat(patches))
        };
        let resources = "/Shading << /S 4 0 R >>";
        is_too_complex(drawn("/S sh", resources, &[mesh(5000)]), "mesh");
        is_too_complex(drawn("/S sh", resources, &[mesh(200_000)]), "mesh");
        drawn("/S sh", resources, &[mesh(2)]).unwrap();
    }

    #[test]
    fn millions_of_shapes_are_refused() {
        is_too_complex(drawn("0 0 1 1 re f\n".repeat(1_000_000), "", &[]), "shapes");
        is_too_complex(drawn("0 0 1 1 re f\n".repeat(3_000_000), "", &[]), "shapes");
        drawn("0 0 1 1 re f\n".repeat(10_000), "", &[]).unwrap();
        // A drawing in a drawing in a drawing: ten times ten times ten, and so on.
        let form = |next: usize| {
            let resources = format!("/Resources << /XObject << /N {next} 0 R >> >>");
            let dictionary = format!("/Type /XObject /Subtype /Form /BBox [0 0 300 200] {resources}");
            stream_of(&dictionary, "/N Do ".repeat(10).as_bytes())
        };
        let mut forms: Vec<Vec<u8>> = (5..13).map(form).collect();
        forms.push(stream_of("/Type /XObject /Subtype /Form /BBox [0 0 300 200]", b"0 0 1 1 re f"));
        is_too_complex(drawn("/N Do", "/XObject << /N 4 0 R >>", &forms), "shapes");
    }

    #[test]
    fn patterns_that_overlap_are_refused() {
        let pattern = |step: &str| {
            let dictionary = format!(
                "/PatternType 1 /PaintType 1 /TilingType 1 /BBox [0 0 300 200] /XStep {step} /YStep {step} /Resources << >>"
            );
            stream_of(&dictionary, b"0 0 1 1 re f")
        };
        let page = "/Pattern cs /P scn 0 0 300 200 re f";
        is_too_complex(drawn(page, "/Pattern << /P 4 0 R >>", &[pattern("0.01")]), "pattern");
        drawn(page, "/Pattern << /P 4 0 R >>", &[pattern("100")]).unwrap();
    }

    fn text_of(content: &str) -> String {
        read(pdf_with(&[content.into()], "", "", &[]), 10_000, Duration::from_secs(5)).unwrap().text
    }

    #[test]
    fn turned_text_stays_words() {
        let turned = |matrix: &str| text_of(&format!("BT /F 12 Tf {matrix} Tm (Guten Tag) Tj 14 TL T* (Welt) Tj ET"));
        for matrix in
            ["1 0 0 1 20 100", "0 1 -1 0 100 20", "0 -1 1 0 100 180", "-1 0 0 -1 200 100", "0.8 0.6 -0.6 0.8 50 50"]
        {
            assert_eq!(turned(matrix), "Guten Tag\nWelt\n", "{matrix}");
        }
    }

    #[test]
    fn divided_words_are_joined() {
        let pdf = pdf_of(&["Der Igel ist nacht-\naktiv. Vor-\nund Nachteile, Goethe-\nSchule"], "");
        let read = read(pdf, 10_000, Duration::from_secs(5)).unwrap();
        assert_eq!(read.text, "Der Igel ist nachtaktiv. Vor-\nund Nachteile, Goethe-\nSchule\n");
    }

    #[test]
    fn objects_after_other_white_space_are_read() {
        let pdf = String::from_utf8(pdf_of(&["Hallo Welt"], "")).unwrap().replace(" obj\n", "\nobj\n");
        let read = read(pdf.into_bytes(), 10_000, Duration::from_secs(5)).unwrap();
        assert_eq!(read.text, "Hallo Welt\n");
    }
}
