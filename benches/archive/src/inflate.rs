//! The limit: what inflating alone costs, by the fastest inflater there is, whole entries from memory to memory.

use std::{fs::File, io::BufReader, path::Path};

use anyhow::{Context, ensure};
use archive::{FileSource, ReadAt};
use zip::CompressionMethod;

/// Inflates all deflated entries. No check sum, no other check but that the sizes are as stated.
pub fn all(path: &Path) -> anyhow::Result<()> {
    let mut archive = zip::ZipArchive::new(BufReader::new(File::open(path)?))?;
    let source = FileSource::open(path)?;
    let mut inflater = libdeflater::Decompressor::new();
    let (mut packed, mut content) = (Vec::new(), Vec::new());
    for at in 0..archive.len() {
        let entry = archive.by_index_raw(at)?;
        if entry.compression() != CompressionMethod::Deflated {
            continue;
        }
        let (start, size) = (entry.data_start().context("no content")?, usize::try_from(entry.size())?);
        packed.resize(usize::try_from(entry.compressed_size())?, 0);
        if content.len() < size {
            content.resize(size, 0);
        }
        source.read_at(start, &mut packed)?;
        let written = inflater.deflate_decompress(&packed, &mut content[..size])?;
        ensure!(written == size, "{}: {written} bytes instead of {size}", at);
    }
    Ok(())
}
