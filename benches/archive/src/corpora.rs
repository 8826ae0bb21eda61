//! The archives the check is measured on, made of nothing: the same on every machine.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Corpus {
    /// One short text: what a process costs that checks next to nothing.
    Tiny,
    /// 40 texts, 524 MB, deflated to 89 MB.
    Text,
    /// 20,000 texts of half a KB to 4 KB.
    Small,
    /// 100 MB of pictures and films, stored.
    Media,
    /// As much as an upload may have: films, pictures and texts.
    Large,
}

const MB: usize = 1_000_000;

pub fn write(corpus: Corpus, path: &Path) -> anyhow::Result<()> {
    let mut out = Packer(ZipWriter::new(BufWriter::with_capacity(1 << 20, File::create(path)?)));
    match corpus {
        Corpus::Tiny => out.text("text.txt", 1, 1_000)?,
        Corpus::Text => {
            for number in 0..40 {
                out.text(&format!("texts/{number:02}.html"), number, 13_100_000)?;
            }
        }
        Corpus::Small => {
            for number in 0..20_000_u64 {
                let kind = ["txt", "html", "md", "css"][number as usize % 4];
                let size = 500 + (number * 7919 % 3500) as usize;
                out.text(&format!("cards/{:03}/{number:05}.{kind}", number / 100), number, size)?;
            }
        }
        Corpus::Media => {
            for number in 0..4 {
                out.film(&format!("films/{number}.mp4"), number, 20 * MB)?;
            }
            for number in 0..20 {
                out.picture(&format!("pictures/{number:02}.jpg"), 100 + number, MB)?;
            }
        }
        Corpus::Large => {
            for number in 0..20 {
                out.film(&format!("films/{number:02}.mp4"), number, 48 * MB)?;
                out.picture(&format!("pictures/{number:02}.jpg"), 100 + number, MB)?;
            }
            for number in 0..20 {
                out.text(&format!("texts/{number:02}.html"), number, 13_100_000)?;
            }
        }
    }
    out.0.finish()?.flush()?;
    Ok(())
}

struct Packer<W: Write + std::io::Seek>(ZipWriter<W>);

impl<W: Write + std::io::Seek> Packer<W> {
    fn start(&mut self, name: &str, method: CompressionMethod) -> anyhow::Result<()> {
        Ok(self.0.start_file(name, SimpleFileOptions::default().compression_method(method))?)
    }

    fn text(&mut self, name: &str, seed: u64, size: usize) -> anyhow::Result<()> {
        self.start(name, CompressionMethod::Deflated)?;
        Ok(self.0.write_all(text(seed, size, name.ends_with(".html")).as_bytes())?)
    }

    fn film(&mut self, name: &str, seed: u64, size: usize) -> anyhow::Result<()> {
        self.media(name, b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41\0\0\0\x08free", seed, size)
    }

    fn picture(&mut self, name: &str, seed: u64, size: usize) -> anyhow::Result<()> {
        self.media(name, b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0", seed, size)
    }

    fn media(&mut self, name: &str, head: &[u8], seed: u64, size: usize) -> anyhow::Result<()> {
        self.start(name, CompressionMethod::Stored)?;
        self.0.write_all(head)?;
        let mut noise = Noise::new(seed);
        let mut block = [0; 1 << 16];
        let mut left = size - head.len();
        while left > 0 {
            for word in block.chunks_exact_mut(8) {
                word.copy_from_slice(&noise.next().to_le_bytes());
            }
            let part = left.min(block.len());
            self.0.write_all(&block[..part])?;
            left -= part;
        }
        Ok(())
    }
}

/// splitmix64.
struct Noise(u64);

impl Noise {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

const SYLLABLES: [&str; 40] = [
    "an", "be", "chen", "da", "ein", "fort", "ge", "heit", "in", "ja", "keit", "ler", "mit", "nen", "ord", "pro",
    "qua", "re", "sch", "ter", "un", "ver", "wer", "zeit", "bau", "ung", "lich", "ö", "ü", "wiss", "lehr", "stück",
    "al", "con", "tion", "ing", "ly", "the", "and", "er",
];

/// About five times what it deflates to, as lessons are: frequent words, whole phrases again, some markup.
fn text(seed: u64, size: usize, markup: bool) -> String {
    let mut noise = Noise::new(seed);
    let words: Vec<String> =
        (0..600).map(|_| (0..1 + noise.below(4)).map(|_| SYLLABLES[noise.below(SYLLABLES.len())]).collect()).collect();
    let phrases: Vec<String> = (0..600)
        .map(|_| {
            let length = 4 + noise.below(9);
            (0..length).map(|_| words[noise.below(words.len())].as_str()).collect::<Vec<_>>().join(" ")
        })
        .collect();
    let mut out = String::with_capacity(size + 200);
    if markup {
        out += "<!doctype html><html lang=\"de\"><title>Lektion</title>\n<p class=\"text\">";
    }
    let mut sentence = 0;
    while out.len() < size {
        if noise.below(100) < 36 {
            out += &phrases[noise.below(phrases.len())];
        } else {
            // Small numbers are much more frequent than large ones.
            let rank = noise.below(words.len()) * noise.below(words.len()) / words.len();
            out += &words[rank];
        }
        sentence += 1;
        if sentence % 9 != 0 {
            out.push(' ');
        } else if !markup || sentence % 36 != 0 {
            out += ". ";
        } else {
            out += ".</p>\n<p class=\"text\">";
        }
    }
    let end = (0..=size).rev().find(|&end| out.is_char_boundary(end)).unwrap_or(0);
    out.truncate(end);
    out
}
