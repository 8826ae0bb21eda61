//! The archives that are uploaded: small, made here, and each different from every other.

use std::io::{Cursor, Write};

use anyhow::Result;
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

/// Of so many uploads one is hostile.
const HOSTILE: usize = 6;
/// Bytes at the end of an archive: its directory and what says where that is.
const TORN_OFF: usize = 120;

/// What should become of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expectation {
    Published,
    Rejected,
}

/// One thing to upload.
#[derive(Debug, Clone)]
pub struct Parcel {
    /// Stands in title and text of this one alone.
    pub word: String,
    pub title: String,
    pub file: Vec<u8>,
    pub sha256: String,
    pub expect: Expectation,
}

impl Parcel {
    /// The same for the same seed and number.
    pub fn make(seed: u64, number: usize) -> Result<Self> {
        let mut rng = StdRng::seed_from_u64(seed.wrapping_mul(1_000_003).wrapping_add(number as u64));
        // Consonants only: a stemmer finds no ending to take off, and 18^10 words make chance likeness unlikely.
        let word: String = (0..10).map(|_| char::from(b"bcdfghjklmnpqrtvwx"[rng.random_range(0..18)])).collect();
        let hostile = number % HOSTILE == HOSTILE - 1;
        let file = if hostile { hostile_archive(&mut rng, &word, number)? } else { honest_archive(&mut rng, &word)? };
        let sha256 = hex::encode(Sha256::digest(&file));
        let expect = if hostile { Expectation::Rejected } else { Expectation::Published };
        Ok(Self { title: format!("Unit {number} {word}"), word, file, sha256, expect })
    }

    /// The body of `POST /nanos`.
    pub fn metadata(&self) -> Value {
        json!({
            "title": self.title,
            "description": "A unit that is uploaded while things break.",
            "language": "en",
            "level": 1,
            "format": "text",
            "license": "CC0",
            "duration_minutes": 5,
            "categories": ["data"],
        })
    }
}

fn honest_archive(rng: &mut StdRng, word: &str) -> Result<Vec<u8>> {
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><title>{word}</title></head><body><h1>{word}</h1>\
         <p>A fraction is a part of a whole.</p></body></html>"
    );
    // Up to a megabyte: checking and scanning it takes long enough to be hit.
    let lines = rng.random_range(200..20_000);
    let text: String =
        (0..lines).map(|line| format!("Line {line} of {word}: cut a cake into equal pieces.\n")).collect();
    let picture = picture(rng.random())?;
    archive(&[("index.html", page.as_bytes()), ("notes.txt", text.as_bytes()), ("cover.png", &picture)])
}

/// Torn off, climbing out of its folder, or carrying a program.
fn hostile_archive(rng: &mut StdRng, word: &str, number: usize) -> Result<Vec<u8>> {
    match (number / HOSTILE) % 3 {
        0 => {
            let mut file = honest_archive(rng, word)?;
            file.truncate(file.len() - TORN_OFF);
            Ok(file)
        }
        1 => {
            // Written under a name of the same length, then renamed in the bytes: the writer would refuse it.
            let file = archive(&[("index.html", word.as_bytes()), ("aaaclimb.txt", b"out")])?;
            Ok(replaced(file, b"aaaclimb.txt", b"../climb.txt"))
        }
        _ => archive(&[("index.html", word.as_bytes()), ("setup.exe", b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0")]),
    }
}

fn replaced(mut bytes: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    let places: Vec<usize> =
        bytes.windows(from.len()).enumerate().filter(|(_, window)| *window == from).map(|(place, _)| place).collect();
    for place in places {
        bytes[place..place + to.len()].copy_from_slice(to);
    }
    bytes
}

fn archive(files: &[(&str, &[u8])]) -> Result<Vec<u8>> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, content) in files {
        writer.start_file(*name, options)?;
        writer.write_all(content)?;
    }
    Ok(writer.finish()?.into_inner())
}

/// A PNG with a gradient in a colour of its own.
fn picture(colour: [u8; 3]) -> Result<Vec<u8>> {
    let image = image::RgbImage::from_fn(400, 240, |x, y| {
        let [red, green, blue] = colour;
        image::Rgb([red.wrapping_add((x / 2) as u8), green.wrapping_add(y as u8), blue])
    });
    let mut png = Cursor::new(Vec::new());
    image.write_to(&mut png, image::ImageFormat::Png)?;
    Ok(png.into_inner())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn parcels_are_unlike_each_other_and_the_same_again_for_the_same_seed() {
        let parcels: Vec<Parcel> = (0..36).map(|number| Parcel::make(3, number).unwrap()).collect();
        assert_eq!(parcels.iter().map(|parcel| &parcel.sha256).collect::<HashSet<_>>().len(), 36);
        assert_eq!(parcels.iter().map(|parcel| &parcel.word).collect::<HashSet<_>>().len(), 36);
        assert_eq!(parcels.iter().filter(|parcel| parcel.expect == Expectation::Rejected).count(), 6);
        assert_eq!(Parcel::make(3, 7).unwrap().sha256, parcels[7].sha256);
        assert!(parcels[11].file.windows(12).any(|window| window == b"../climb.txt"));
    }
}
