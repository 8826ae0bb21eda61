//! Reader: the thumbnails of a canonical archive, each into an output of its own.

use std::{
    fs::File,
    io::{Read, Write},
    path::Path,
};

use bytes::Bytes;
use content::{
    Note,
    thumbnail::{self, ImageLimits},
};
use queue::reader::{Desk, ReadError, Reader};
use serde::{Deserialize, Serialize};

use super::{Unbelievable, believe_notes, believe_text, of_content};

/// Bytes of one picture at most: 1280 pixels wide and four times as tall take a fifth of it.
const PICTURE: u64 = 4 << 20;

pub(crate) struct MakePictures;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Pictures {
    pub(crate) source_entry: Option<String>,
    /// One for each output that was written, ascending by width.
    pub(crate) pictures: Vec<Picture>,
    pub(crate) notes: Vec<Note>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Picture {
    /// In pixels.
    pub(crate) width: u32,
    pub(crate) height: u32,
}

impl Reader for MakePictures {
    const NAME: &'static str = "make_pictures";
    const PROGRAMS: &'static [&'static str] = &["ffmpeg", "ffprobe"];
    type Task = ();
    type Tools = ();
    type Answer = Pictures;

    fn tools((): &()) -> Result<(), ReadError> {
        Ok(())
    }

    fn read((): (), (): (), desk: &Desk<'_>) -> Result<Pictures, ReadError> {
        let mut limits = ImageLimits::default();
        for (name, place) in [("ffmpeg", &mut limits.ffmpeg), ("ffprobe", &mut limits.ffprobe)] {
            if let Some(program) = desk.program(name) {
                *place = program.into();
            }
        }
        let made = thumbnail::make(&desk.input(0)?.path, &desk.folder, &limits, &|| desk.is_cancelled())
            .map_err(of_content)?;
        let mut pictures = Vec::new();
        for (place, image) in made.images.iter().enumerate() {
            desk.output(place)?.write_all(&image.bytes)?;
            pictures.push(Picture { width: image.width, height: image.height });
        }
        Ok(Pictures { source_entry: made.source_entry, pictures, notes: made.notes })
    }
}

impl Pictures {
    /// No pictures, because the process that was to make them died: `how` is for people who want to know exactly.
    pub(crate) fn none(how: &str) -> Self {
        let how: String = how.chars().take(300).collect();
        Self { source_entry: None, pictures: Vec::new(), notes: vec![Note::new("", "decoder_failed", how)] }
    }

    /// Checks what a stranger says, and the files it wrote: WebP of the sizes that a thumbnail may have.
    pub(crate) fn believe(&self, outputs: &[&Path]) -> Result<Vec<(u32, Bytes)>, Unbelievable> {
        believe_notes(&self.notes)?;
        believe_text("an entry's name", self.source_entry.as_deref().unwrap_or_default())?;
        if self.pictures.len() > outputs.len() {
            return Err(Unbelievable::because(format!("{} pictures", self.pictures.len())));
        }
        let widest = thumbnail::WIDTHS[thumbnail::WIDTHS.len() - 1];
        let sizes = self.pictures.iter().map(|picture| picture.width);
        if !sizes.clone().is_sorted()
            || self.pictures.iter().any(|p| p.width == 0 || p.width > widest || p.height == 0 || p.height > 4 * widest)
        {
            return Err(Unbelievable::because(format!("pictures {:?} pixels wide", sizes.collect::<Vec<_>>())));
        }
        sizes.zip(outputs).map(|(width, output)| Ok((width, webp(output)?))).collect()
    }
}

fn webp(path: &Path) -> Result<Bytes, Unbelievable> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(PICTURE + 1).read_to_end(&mut bytes));
    if let Err(error) = read {
        return Err(Unbelievable::because(format!("a picture cannot be read: {error}")));
    }
    let is_webp = bytes.len() as u64 <= PICTURE && bytes.get(..4) == Some(b"RIFF") && bytes.get(8..12) == Some(b"WEBP");
    if is_webp { Ok(bytes.into()) } else { Err(Unbelievable::because("a picture that is none")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pictures_of_the_right_kind_and_size_are_believed() {
        let folder = tempfile::tempdir().unwrap();
        let (good, bad) = (folder.path().join("good"), folder.path().join("bad"));
        std::fs::write(&good, b"RIFF\x04\0\0\0WEBPVP8 ").unwrap();
        std::fs::write(&bad, b"<script>alert(1)</script>").unwrap();
        let of = |widths: &[u32]| Pictures {
            source_entry: None,
            pictures: widths.iter().map(|width| Picture { width: *width, height: 10 }).collect(),
            notes: Vec::new(),
        };
        assert_eq!(of(&[320]).believe(&[&good]).unwrap()[0].0, 320);
        assert!(of(&[320]).believe(&[&bad]).is_err());
        assert!(of(&[0]).believe(&[&good]).is_err());
        assert!(of(&[5_000]).believe(&[&good]).is_err());
        assert!(of(&[640, 320]).believe(&[&good, &good]).is_err());
        assert!(of(&[320, 640]).believe(&[&good]).is_err());
        assert!(Pictures::none(&"x".repeat(9_000)).believe(&[]).is_ok());
    }
}
