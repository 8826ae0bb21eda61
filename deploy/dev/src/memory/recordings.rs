//! One large honest archive for measurements: field recordings (WAV) of noise, stored, beside a text and a picture.

use std::{
    fs::File,
    io::{BufWriter, Cursor, Seek, Write},
    path::Path,
};

use anyhow::{Context, Result};
use rand::{RngCore, SeedableRng, rngs::StdRng};
use zip::{CompressionMethod, ZipWriter};

use crate::seed::archives::options;

const MIB: u64 = 1 << 20;
/// At most; every entry stays far below 1 GiB.
const RECORDING: u64 = 192 * MIB;
/// The whole file stays this far below the size asked for, its directory included.
const SLACK: u64 = 64 * 1024;
/// Names and headers of one entry, generously.
const HEADERS: u64 = 512;

const README: &str = "# Wind on the dyke: an archive of noise

Recordings of wind are close to white noise. Each file is 16-bit stereo at 48,000 Hz and plays in any player.
The recordings differ in nothing but their random seed; they are here to be large.

*Nano demo content, CC0.*
";

/// Writes just under `size_mib` MiB to `path`; holds about one MiB in memory.
pub fn write(path: &Path, size_mib: u32) -> Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut writer = ZipWriter::new(BufWriter::new(file));
    let stored = options(CompressionMethod::Stored)?;
    let mut left = (u64::from(size_mib) * MIB).saturating_sub(SLACK);
    for (name, content) in [("README.md", README.as_bytes()), ("cover.png", &picture()?)] {
        writer.start_file(name, stored)?;
        writer.write_all(content)?;
        left = left.saturating_sub(content.len() as u64 + HEADERS);
    }
    let mut number = 0;
    while left > MIB / 2 {
        number += 1;
        writer.start_file(format!("aufnahmen/wind-{number:02}.wav"), stored)?;
        let size = record(&mut writer, number, left.min(RECORDING))?;
        left = left.saturating_sub(size + HEADERS);
    }
    writer.finish()?.flush()?;
    Ok(())
}

/// Streams one recording of at most `room` bytes and returns its size.
fn record<W: Write + Seek>(out: &mut ZipWriter<W>, number: u64, room: u64) -> Result<u64> {
    let samples = (room - HEADERS) / 4 * 4;
    let header = wav_header(u32::try_from(samples)?);
    out.write_all(&header)?;
    let mut noise = StdRng::seed_from_u64(number);
    let mut block = vec![0; MIB as usize];
    let mut left = samples;
    while left > 0 {
        let take = usize::try_from(left.min(MIB))?;
        noise.fill_bytes(&mut block[..take]);
        out.write_all(&block[..take])?;
        left -= take as u64;
    }
    Ok(samples + header.len() as u64)
}

/// RIFF header for `size` bytes of 16-bit stereo PCM at 48 kHz.
fn wav_header(size: u32) -> Vec<u8> {
    let mut header = b"RIFF".to_vec();
    header.extend_from_slice(&(36 + size).to_le_bytes());
    header.extend_from_slice(b"WAVEfmt ");
    header.extend_from_slice(&16u32.to_le_bytes());
    // PCM, two channels.
    header.extend_from_slice(&1u16.to_le_bytes());
    header.extend_from_slice(&2u16.to_le_bytes());
    header.extend_from_slice(&48_000u32.to_le_bytes());
    header.extend_from_slice(&192_000u32.to_le_bytes());
    header.extend_from_slice(&4u16.to_le_bytes());
    header.extend_from_slice(&16u16.to_le_bytes());
    header.extend_from_slice(b"data");
    header.extend_from_slice(&size.to_le_bytes());
    header
}

/// A PNG of 1280 x 720, evening colours fading into each other.
fn picture() -> Result<Vec<u8>> {
    let image = image::RgbImage::from_fn(1280, 720, |_, y| {
        let shade = |from: f32, range: f32| (from + range * y as f32 / 719.0).round() as u8;
        image::Rgb([shade(24.0, 200.0), shade(40.0, 90.0), shade(90.0, 10.0)])
    });
    let mut png = Cursor::new(Vec::new());
    image.write_to(&mut png, image::ImageFormat::Png)?;
    Ok(png.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_archive_is_as_large_as_asked_and_its_recordings_are_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("demo/big.zip");
        write(&path, 3).unwrap();
        let size = path.metadata().unwrap().len();
        assert!(size <= 3 * MIB && size > 3 * MIB - 2 * SLACK, "{size}");
        let mut archive = zip::ZipArchive::new(File::open(&path).unwrap()).unwrap();
        let mut recording = archive.by_name("aufnahmen/wind-01.wav").unwrap();
        let mut bytes = Vec::new();
        std::io::copy(&mut recording, &mut bytes).unwrap();
        let samples = u32::from_le_bytes(bytes[40..44].try_into().unwrap());
        assert_eq!(samples as usize, bytes.len() - 44);
    }
}
