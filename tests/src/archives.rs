//! Archives to upload.

use std::io::{Cursor, Write};

use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

/// A small honest unit: a page, a text and a picture.
pub fn unit() -> Vec<u8> {
    unit_with(&[])
}

/// The same with further files.
pub fn unit_with(more: &[(&str, &[u8])]) -> Vec<u8> {
    let page = "<!doctype html><html lang=\"en\"><head><title>Fractions</title></head><body><h1>Fractions</h1>\
                <p>A fraction is a part of a whole. Cut a cake into four equal pieces and take three.</p></body></html>";
    let text = "Adding fractions\n\nBring both to the same denominator, then add the numerators.\n";
    let picture = picture(800, 450);
    let mut files: Vec<(&str, &[u8])> =
        vec![("index.html", page.as_bytes()), ("notes.txt", text.as_bytes()), ("cover.png", &picture)];
    files.extend_from_slice(more);
    archive(&files)
}

/// An archive of just these files.
pub fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, content) in files {
        writer.start_file(*name, options).expect("an entry");
        writer.write_all(content).expect("its content");
    }
    writer.finish().expect("an archive").into_inner()
}

/// A PNG with a gradient.
pub fn picture(width: u32, height: u32) -> Vec<u8> {
    let image = image::RgbImage::from_fn(width, height, |x, y| {
        image::Rgb([(x * 255 / width) as u8, (y * 255 / height) as u8, 160])
    });
    let mut png = Cursor::new(Vec::new());
    image.write_to(&mut png, image::ImageFormat::Png).expect("a PNG");
    png.into_inner()
}
