use std::{
    io::Cursor,
    process::{Command, Stdio},
};

use image::{DynamicImage, ImageEncoder, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage, codecs::jpeg::JpegEncoder};

use super::*;
use crate::entries::tests::archive_of;

/// Red on the left, blue on the right, with some texture. Built from whole rows: tests run unoptimised.
fn picture(width: u32, height: u32) -> DynamicImage {
    let row = |texture: u8| -> Vec<u8> {
        let pixel = |x| if x < width / 2 { [230, texture, texture] } else { [texture, texture, 230] };
        (0..width).flat_map(pixel).collect()
    };
    let rows: Vec<Vec<u8>> = (0..16).map(row).collect();
    let pixels = (0..height as usize).flat_map(|y| rows[y / 8 % 16].iter().copied()).collect();
    RgbImage::from_raw(width, height, pixels).unwrap().into()
}

fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A JPEG with an EXIF block that holds the orientation and nothing else.
fn jpeg_with_orientation(image: &DynamicImage, orientation: u8) -> Vec<u8> {
    let mut exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    exif.extend_from_slice(&[orientation, 0, 0, 0, 0, 0, 0]);
    let jpeg = encoded(image, ImageFormat::Jpeg);
    let mut bytes = jpeg[..2].to_vec();
    bytes.extend_from_slice(&[0xFF, 0xE1]);
    bytes.extend_from_slice(&(exif.len() as u16 + 2).to_be_bytes());
    bytes.extend_from_slice(&exif);
    bytes.extend_from_slice(&jpeg[2..]);
    bytes
}

/// A PNG that claims a size and has hardly any data.
fn png_claiming(width: u32, height: u32) -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut chunk = |name: &[u8], data: &[u8]| {
        let mut crc = flate2::Crc::new();
        crc.update(name);
        crc.update(data);
        png.extend_from_slice(&(data.len() as u32).to_be_bytes());
        png.extend_from_slice(name);
        png.extend_from_slice(data);
        png.extend_from_slice(&crc.sum().to_be_bytes());
    };
    chunk(b"IHDR", &[&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 6, 0, 0, 0]].concat());
    chunk(b"IDAT", &[0x78, 0x9c, 0x63, 0x60, 0x60, 0x60, 0x00, 0x00, 0x00, 0x04, 0x00, 0x01]);
    chunk(b"IEND", b"");
    png
}

fn made(entries: &[(&str, &[u8])]) -> Thumbnails {
    let (folder, path) = archive_of(entries);
    let result = make(&path, folder.path(), &ImageLimits::default(), &|| false).unwrap();
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "something was left in scratch");
    result
}

fn sizes(thumbnails: &Thumbnails) -> Vec<(u32, u32)> {
    thumbnails.images.iter().map(|image| (image.width, image.height)).collect()
}

fn codes(thumbnails: &Thumbnails) -> Vec<(&str, &str)> {
    thumbnails.notes.iter().map(|note| (note.entry.as_str(), note.code.as_str())).collect()
}

fn pixels(thumbnail: &Thumbnail) -> RgbaImage {
    let image = image::load_from_memory_with_format(&thumbnail.bytes, ImageFormat::WebP).unwrap();
    assert_eq!((image.width(), image.height()), (thumbnail.width, thumbnail.height));
    image.to_rgba8()
}

fn is_red(pixel: &Rgba<u8>) -> bool {
    pixel[0] > 180 && pixel[2] < 80
}

#[test]
fn three_widths_from_each_format() {
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif] {
        let image = encoded(&picture(1350, 900), format);
        let thumbnails = made(&[("a.png", &image)]);
        assert_eq!(sizes(&thumbnails), [(320, 213), (640, 427), (1280, 853)], "{format:?}");
        assert_eq!(thumbnails.source_entry.as_deref(), Some("a.png"));
        assert!(thumbnails.notes.is_empty(), "{:?}", thumbnails.notes);
        let small = pixels(&thumbnails.images[0]);
        assert!(is_red(small.get_pixel(40, 100)) && !is_red(small.get_pixel(280, 100)), "{format:?}");
    }
}

#[test]
fn large_sources_shrink_while_decoding() {
    let wide = [(320, 38), (640, 75), (1280, 150)];
    for (format, width, height, expected) in
        [(ImageFormat::Jpeg, 2560, 300, wide), (ImageFormat::Png, 5300, 300, [(320, 18), (640, 36), (1280, 72)])]
    {
        let thumbnails = made(&[("a.png", &encoded(&picture(width, height), format))]);
        assert_eq!(sizes(&thumbnails), expected, "{format:?}");
        let large = pixels(&thumbnails.images[2]);
        assert!(is_red(large.get_pixel(630, 50)) && !is_red(large.get_pixel(650, 50)), "{format:?}");
    }
}

#[test]
fn never_larger_than_the_source() {
    assert_eq!(sizes(&made(&[("a.png", &encoded(&picture(500, 250), ImageFormat::Png))])), [(320, 160), (500, 250)]);
    assert_eq!(sizes(&made(&[("a.png", &encoded(&picture(640, 64), ImageFormat::Png))])), [(320, 32), (640, 64)]);
    let small = made(&[("a.png", &encoded(&picture(200, 100), ImageFormat::Png))]);
    assert_eq!(sizes(&small), [(200, 100)]);
    assert_eq!(codes(&small), [("a.png", "image_too_small")]);
    let tall = made(&[("a.png", &encoded(&picture(400, 4800), ImageFormat::Png))]);
    assert_eq!(sizes(&tall), [(107, 1280), (213, 2560), (400, 4800)]);
}

#[test]
fn the_cover_comes_first_then_reading_order() {
    let image = encoded(&picture(400, 300), ImageFormat::Png);
    let source = |names: &[&str]| {
        let entries: Vec<(&str, &[u8])> = names.iter().map(|name| (*name, image.as_slice())).collect();
        made(&entries).source_entry.unwrap()
    };
    assert_eq!(source(&["1.png", "Unit/Cover.JPG", "a/b/cover.png"]), "Unit/Cover.JPG");
    assert_eq!(source(&["Unit/cover.png", "cover.webp", "1.png"]), "cover.webp");
    assert_eq!(source(&["b/slide10.png", "b/slide9.png"]), "b/slide9.png");
}

#[test]
fn icons_are_a_last_resort() {
    let icon = encoded(&picture(32, 32), ImageFormat::Png);
    let photo = encoded(&picture(400, 300), ImageFormat::Png);
    assert_eq!(made(&[("a.png", &icon), ("b.png", &photo)]).source_entry.as_deref(), Some("b.png"));
    let alone = made(&[("a.png", &icon)]);
    assert_eq!(sizes(&alone), [(32, 32)]);
    assert_eq!(codes(&alone), [("a.png", "image_too_small")]);
}

#[test]
fn exif_orientation_is_applied_and_dropped() {
    // 6: the camera was held so that the picture must be turned right; its left side comes to the top.
    let lying = picture(2000, 1000);
    let thumbnails = made(&[("photo.jpg", &jpeg_with_orientation(&lying, 6))]);
    assert_eq!(sizes(&thumbnails), [(320, 640), (640, 1280), (1000, 2000)]);
    let upright = pixels(&thumbnails.images[0]);
    assert!(is_red(upright.get_pixel(160, 100)) && !is_red(upright.get_pixel(160, 540)));
    let turned = pixels(&made(&[("photo.jpg", &jpeg_with_orientation(&lying, 3))]).images[0]);
    assert!(!is_red(turned.get_pixel(50, 80)) && is_red(turned.get_pixel(270, 80)));
    for thumbnail in &thumbnails.images {
        for chunk in [&b"EXIF"[..], b"ICCP", b"XMP "] {
            assert!(!thumbnail.bytes.windows(4).any(|bytes| bytes == chunk));
        }
    }
}

#[test]
fn color_profiles_are_converted() {
    let flat: DynamicImage = RgbImage::from_pixel(400, 400, Rgb([200, 100, 50])).into();
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 95);
    encoder.set_icc_profile(crate::image::color::tests::display_p3()).unwrap();
    encoder.encode_image(&flat).unwrap();
    let wide = pixels(&made(&[("p3.jpg", &bytes)]).images[0]);
    let plain = pixels(&made(&[("p3.jpg", &encoded(&flat, ImageFormat::Jpeg))]).images[0]);
    assert!(wide.get_pixel(100, 100)[0] > plain.get_pixel(100, 100)[0] + 5);
}

#[test]
fn transparency_is_kept() {
    let half: DynamicImage =
        RgbaImage::from_fn(800, 400, |x, _| Rgba([10, 200, 10, if x < 400 { 255 } else { 0 }])).into();
    let thumbnail = &made(&[("a.png", &encoded(&half, ImageFormat::Png))]).images[0];
    let image = pixels(thumbnail);
    assert_eq!((image.get_pixel(50, 80)[3], image.get_pixel(280, 80)[3]), (255, 0));
}

#[test]
fn grey_and_sixteen_bit_images_work() {
    let grey = DynamicImage::from(picture(400, 300).to_luma8());
    let deep = DynamicImage::from(picture(400, 300).to_rgba16());
    for bytes in [encoded(&grey, ImageFormat::Jpeg), encoded(&grey, ImageFormat::Png), encoded(&deep, ImageFormat::Png)]
    {
        assert_eq!(sizes(&made(&[("a.png", &bytes)])), [(320, 240), (400, 300)]);
    }
}

#[test]
fn broken_images_cost_a_note_and_the_next_one_is_taken() {
    let photo = encoded(&picture(800, 600), ImageFormat::Jpeg);
    let png = encoded(&picture(800, 600), ImageFormat::Png);
    let thumbnails = made(&[
        ("cover.jpg", b"\xFF\xD8\xFF\xE0 not really"),
        ("1.png", &png[..png.len() / 2]),
        ("2.gif", b""),
        ("3.jpg", &photo),
    ]);
    assert_eq!(thumbnails.source_entry.as_deref(), Some("3.jpg"));
    assert_eq!(
        codes(&thumbnails),
        [("cover.jpg", "image_broken"), ("1.png", "image_broken"), ("2.gif", "image_broken")]
    );
    assert!(thumbnails.notes.iter().all(|note| super::super::hint(&note.code).is_some()));
}

#[test]
fn bombs_are_refused_by_their_header() {
    let thumbnails = made(&[("cover.png", &png_claiming(60_000, 60_000)), ("wide.png", &png_claiming(400_000_000, 1))]);
    assert_eq!(codes(&thumbnails), [("cover.png", "image_too_large"), ("wide.png", "image_too_large")]);
    assert!(thumbnails.images.is_empty() && thumbnails.source_entry.is_none());
    // Just below the limit of pixels, but without the data for them.
    assert_eq!(codes(&made(&[("a.png", &png_claiming(6000, 6000))])), [("a.png", "image_broken")]);
}

/// A grey baseline JPEG of this size, all of one shade: each block is the same two codes.
fn flat_jpeg(width: u16, height: u16) -> Vec<u8> {
    let mut jpeg = b"\xFF\xD8\xFF\xDB\0\x43\0".to_vec();
    jpeg.extend([1; 64]);
    jpeg.extend(b"\xFF\xC0\0\x0b\x08");
    jpeg.extend(height.to_be_bytes());
    jpeg.extend(width.to_be_bytes());
    jpeg.extend(b"\x01\x01\x11\0");
    for class in [0x00, 0x10] {
        // One code of one bit, `0`: no difference to the block before; no further coefficients.
        jpeg.extend([0xFF, 0xC4, 0, 20, class, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    }
    jpeg.extend(b"\xFF\xDA\0\x08\x01\x01\0\0\x3f\0");
    let blocks = usize::from(width).div_ceil(8) * usize::from(height).div_ceil(8);
    jpeg.extend(vec![0; (blocks * 2).div_ceil(8)]);
    jpeg.extend(b"\xFF\xD9");
    jpeg
}

#[test]
fn photos_of_many_megapixels_are_pictured() {
    // 96 megapixels, as medium-format cameras take them, and a panorama.
    for (width, height, largest) in [(12_000, 8_000, (1280, 853)), (40_000, 3_000, (1280, 96))] {
        let thumbnails = made(&[("photo.jpg", &flat_jpeg(width, height))]);
        assert_eq!(sizes(&thumbnails).last(), Some(&largest), "{:?}", thumbnails.notes);
    }
    assert_eq!(codes(&made(&[("photo.jpg", &flat_jpeg(60_000, 60_000)[..1000])])), [("photo.jpg", "image_too_large")]);
}

#[test]
fn what_cannot_shrink_while_decoding_gets_a_note() {
    let mut webp = b"RIFF\x20\0\0\0WEBPVP8L\x14\0\0\0\x2f".to_vec();
    // 16,000 x 16,000: fourteen bits each, less one.
    webp.extend((15_999u32 | 15_999 << 14).to_le_bytes());
    webp.extend([0; 15]);
    assert_eq!(codes(&made(&[("a.webp", &webp)])), [("a.webp", "image_too_large")]);
}

#[test]
fn tall_images_stay_small_in_memory() {
    // 100 megapixels in a strip: it becomes 20 pixels wide before it is in memory.
    let mut strip = Vec::new();
    let mut encoder = png::Encoder::new(&mut strip, 400, 250_000);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_compression(png::Compression::Fastest);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&vec![90; 400 * 250_000]).unwrap();
    writer.finish().unwrap();
    let thumbnails = made(&[("a.png", &strip)]);
    assert!(!thumbnails.images.is_empty(), "{:?}", thumbnails.notes);
}

#[test]
fn large_files_are_passed_over() {
    let (folder, path) = archive_of(&[("a.png", &encoded(&picture(800, 600), ImageFormat::Png))]);
    let limits = ImageLimits { image_bytes: 100, ..ImageLimits::default() };
    let thumbnails = make(&path, folder.path(), &limits, &|| false).unwrap();
    assert_eq!(codes(&thumbnails), [("a.png", "entry_too_large")]);
}

#[test]
fn a_pdf_page_when_there_is_no_image() {
    let pdf = crate::pdf::tests::pdf_of(&["Hallo Welt"], "");
    let thumbnails = made(&[("broken.png", b"x"), ("b.pdf", &pdf), ("a.txt", b"text")]);
    assert_eq!(thumbnails.source_entry.as_deref(), Some("b.pdf"));
    assert_eq!(sizes(&thumbnails), [(320, 213), (640, 427), (1280, 853)]);
    assert_eq!(codes(&made(&[("b.pdf", b"%PDF-1.7 broken")])), [("b.pdf", "pdf_broken")]);
}

fn has_ffmpeg() -> bool {
    let status = Command::new("ffmpeg").arg("-version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Two seconds: half a second of black, then a test picture, 480 x 270, in this container.
fn video(folder: &Path, container: &str) -> Vec<u8> {
    let path = folder.join(format!("video.{container}"));
    let codec = if container == "webm" { "libvpx" } else { "mpeg4" };
    let filter = "testsrc=size=480x270:duration=2,drawbox=color=black:t=fill:enable='lt(t,0.15)'";
    let done = Command::new("ffmpeg")
        .args(["-nostdin", "-loglevel", "error", "-f", "lavfi", "-i", filter, "-pix_fmt", "yuv420p", "-c:v", codec])
        .arg(&path)
        .status()
        .unwrap();
    assert!(done.success());
    let bytes = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    bytes
}

#[test]
fn a_frame_when_there_is_only_a_video() {
    if !has_ffmpeg() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for container in ["mp4", "webm"] {
        let name = format!("film.{container}");
        let thumbnails = made(&[(&name, &video(folder.path(), container))]);
        assert_eq!(sizes(&thumbnails), [(320, 180), (480, 270)], "{:?}", thumbnails.notes);
        let bright = pixels(&thumbnails.images[0]).pixels().filter(|pixel| pixel[0] > 100).count();
        assert!(bright > 5000, "the black start was taken: {bright}");
    }
    let playlist = b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n";
    assert_eq!(codes(&made(&[("film.mp4", playlist)])), [("film.mp4", "video_unreadable")]);
}

#[test]
fn without_ffmpeg_there_is_a_note() {
    let (folder, path) = archive_of(&[("film.mp4", b"\0\0\0\x18ftypmp42")]);
    let limits = ImageLimits { ffmpeg: "no-ffmpeg".into(), ffprobe: "no-ffprobe".into(), ..ImageLimits::default() };
    let thumbnails = make(&path, folder.path(), &limits, &|| false).unwrap();
    assert_eq!(codes(&thumbnails), [("film.mp4", "tool_missing")]);
}

#[test]
fn notes_name_no_paths() {
    let (folder, path) = archive_of(&[("film.mp4", b"no video"), ("a.webm", b"\x1a\x45\xdf\xa3")]);
    let thumbnails = make(&path, folder.path(), &ImageLimits::default(), &|| false).unwrap();
    assert_eq!(thumbnails.notes.len(), 2);
    for note in &thumbnails.notes {
        assert!(!note.message.contains('/') && !note.message.contains("nano.zip"), "{note:?}");
    }
}

#[test]
fn a_pdf_that_runs_away_costs_the_thumbnail_only() {
    let photo = encoded(&picture(800, 600), ImageFormat::Jpeg);
    let dashes = crate::pdf::tests::pdf_with(&[b"[0.0001] 0 d 0 0 m 300 200 l S".to_vec()], "", "", &[]);
    let alone = made(&[("a.pdf", &dashes)]);
    assert_eq!(codes(&alone), [("a.pdf", "pdf_too_complex")]);
    assert!(alone.images.is_empty());
    let page = crate::pdf::tests::pdf_of(&["Hallo"], "");
    assert_eq!(made(&[("a.pdf", &dashes), ("b.pdf", &page)]).source_entry.as_deref(), Some("b.pdf"));
    assert_eq!(made(&[("a.pdf", &dashes), ("b.jpg", &photo)]).source_entry.as_deref(), Some("b.jpg"));
}

#[test]
fn nothing_to_picture_is_fine() {
    let nothing = made(&[("a.txt", b"text")]);
    assert!(nothing.images.is_empty() && nothing.notes.is_empty() && nothing.source_entry.is_none());
}

#[test]
fn stops_when_cancelled() {
    let (folder, path) = archive_of(&[("a.png", &encoded(&picture(64, 64), ImageFormat::Png))]);
    let stopped = make(&path, folder.path(), &ImageLimits::default(), &|| true);
    assert!(matches!(stopped, Err(ContentError::Cancelled)));
    let missing = make(&folder.path().join("none.zip"), folder.path(), &ImageLimits::default(), &|| false);
    assert!(matches!(missing, Err(ContentError::Archive(ArchiveError::Io(_)))));
}
