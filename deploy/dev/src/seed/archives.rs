//! The demo archives: folders of `deploy/demo-content` packed as ZIP files, and two that must be rejected.

use std::{
    io::{Cursor, Seek, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use zip::{CompressionMethod, DateTime, ZipWriter, write::SimpleFileOptions};

/// Already compressed: deflating them again costs time and gains nothing.
const COMPRESSED: [&str; 7] = ["jpg", "png", "webp", "mp4", "mp3", "xlsx", "pdf"];
/// Beyond 64 MiB, where the ratio of the whole archive counts as well.
const BOMB_MIB: usize = 80;
/// A unit's own style sheet holds only its colours. The one of this name beside the units' folders, which all share, is
/// packed behind it in the same entry.
const STYLE: &str = "style.css";

/// What an archive is made from.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// All files of a unit's folder.
    Folder(String),
    /// The same, cut off after 60 percent, as after an interrupted copy.
    CutOff(String),
    /// Three attacks. All harmless: the entries do nothing even when unpacked.
    Hostile,
}

impl Source {
    /// The same bytes for the same files under `units`.
    pub fn pack(&self, units: &Path) -> Result<Vec<u8>> {
        match self {
            Self::Folder(folder) => pack_folder(units, folder),
            Self::CutOff(folder) => {
                let mut whole = pack_folder(units, folder)?;
                whole.truncate(whole.len() * 6 / 10);
                Ok(whole)
            }
            Self::Hostile => hostile(),
        }
    }
}

/// Options of an entry. One fixed time: equal input gives equal bytes.
pub fn options(method: CompressionMethod) -> Result<SimpleFileOptions> {
    let time = DateTime::from_date_and_time(2025, 1, 15, 9, 0, 0)?;
    Ok(SimpleFileOptions::default().compression_method(method).last_modified_time(time).unix_permissions(0o644))
}

fn pack_folder(units: &Path, folder: &str) -> Result<Vec<u8>> {
    let folder = units.join(folder);
    let mut paths = Vec::new();
    list(&folder, &mut paths)?;
    ensure!(!paths.is_empty(), "{} holds no files", folder.display());
    // Sorted, since folders are listed in another order on every machine.
    paths.sort();
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for path in paths {
        let mut content = read(&path)?;
        let name = path.strip_prefix(&folder)?.to_str().with_context(|| format!("{} is not UTF-8", path.display()))?;
        if name == STYLE {
            content.extend(read(&units.join(STYLE))?);
        }
        add(&mut writer, name, &content)?;
    }
    Ok(writer.finish()?.into_inner())
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Files in `folder` and below. Those that begin with a dot are some program's own.
fn list(folder: &Path, into: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        match entry.file_type()?.is_dir() {
            true => list(&entry.path(), into)?,
            false => into.push(entry.path()),
        }
    }
    Ok(())
}

fn add<W: Write + Seek>(writer: &mut ZipWriter<W>, name: &str, content: &[u8]) -> Result<()> {
    let extension = Path::new(name).extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let options = match COMPRESSED.contains(&extension) {
        true => options(CompressionMethod::Stored)?,
        false => options(CompressionMethod::Deflated)?.compression_level(Some(9)),
    };
    writer.start_file(name, options)?;
    writer.write_all(content)?;
    Ok(())
}

/// An entry that climbs out of its folder, a program and a decompression bomb.
fn hostile() -> Result<Vec<u8>> {
    let page = |title: &str, text: &str| {
        format!(
            "<!doctype html>\n<html lang=\"de\"><head><meta charset=\"utf-8\"><title>{title}</title></head>\
             <body><p>{text}</p></body></html>\n"
        )
    };
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    add(&mut writer, "index.html", page("Harmlos", "Dieser Eintrag ist in Ordnung.").as_bytes())?;
    let outside = page("Ausbruch", "Dieser Eintrag will neben das Zielverzeichnis.");
    // Written under a name of the same length, then renamed in the bytes: the writer refuses to climb.
    add(&mut writer, "aa/evil.html", outside.as_bytes())?;
    add(&mut writer, "werkzeuge/setup.exe", &program())?;
    let bomb = options(CompressionMethod::Deflated)?.compression_level(Some(9));
    writer.start_file("messwerte.txt", bomb)?;
    let line = [[b'0'; 63].as_slice(), b"\n"].concat();
    let chunk = line.repeat((1 << 20) / line.len());
    for _ in 0..BOMB_MIB {
        writer.write_all(&chunk)?;
    }
    Ok(renamed(writer.finish()?.into_inner(), b"aa/evil.html", b"../evil.html"))
}

fn renamed(mut archive: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    let places: Vec<usize> =
        archive.windows(from.len()).enumerate().filter(|(_, window)| *window == from).map(|(at, _)| at).collect();
    for at in places {
        archive[at..at + to.len()].copy_from_slice(to);
    }
    archive
}

/// The first bytes of a DOS program and a sentence; there is no code behind them.
fn program() -> Vec<u8> {
    let mut bytes = b"MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff\x00\x00".to_vec();
    bytes.resize(64, 0);
    bytes.extend_from_slice(b"Only the first bytes look like a program. Nothing here can run.\r\n");
    bytes.resize(512, 0);
    bytes
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, io::Read};

    use zip::ZipArchive;

    use super::*;

    fn names(archive: &[u8]) -> BTreeSet<String> {
        ZipArchive::new(Cursor::new(archive)).unwrap().file_names().map(|name| name.unwrap().into_owned()).collect()
    }

    #[test]
    fn a_folder_becomes_the_same_archive_each_time() {
        let dir = tempfile::tempdir().unwrap();
        let unit = dir.path().join("unit");
        std::fs::create_dir_all(unit.join("übung")).unwrap();
        std::fs::write(unit.join("index.html"), "page ".repeat(100)).unwrap();
        std::fs::write(unit.join("cover.png"), "picture").unwrap();
        std::fs::write(unit.join("übung/Übungsdaten.csv"), "a;b").unwrap();
        std::fs::write(unit.join(STYLE), ":root { --accent: red; }\n").unwrap();
        std::fs::write(dir.path().join(STYLE), "p { margin: 0; }\n").unwrap();
        std::fs::write(unit.join(".DS_Store"), "not ours").unwrap();
        let source = Source::Folder("unit".into());
        let packed = source.pack(dir.path()).unwrap();
        assert_eq!(packed, source.pack(dir.path()).unwrap());
        let wanted = ["cover.png", "index.html", "style.css", "übung/Übungsdaten.csv"];
        assert_eq!(names(&packed), wanted.map(String::from).into());
        let mut archive = ZipArchive::new(Cursor::new(&packed)).unwrap();
        assert_eq!(archive.by_name("cover.png").unwrap().compression(), CompressionMethod::Stored);
        assert_eq!(archive.by_name("index.html").unwrap().compression(), CompressionMethod::Deflated);
        let mut style = String::new();
        archive.by_name(STYLE).unwrap().read_to_string(&mut style).unwrap();
        assert_eq!(style, ":root { --accent: red; }\np { margin: 0; }\n");

        let cut = Source::CutOff("unit".into()).pack(dir.path()).unwrap();
        assert_eq!(cut, packed[..packed.len() * 6 / 10]);
        assert!(Source::Folder("none".into()).pack(dir.path()).is_err());
    }

    #[test]
    fn the_hostile_archive_holds_its_three_attacks() {
        let packed = Source::Hostile.pack(Path::new("")).unwrap();
        let wanted = ["index.html", "../evil.html", "werkzeuge/setup.exe", "messwerte.txt"];
        assert_eq!(names(&packed), wanted.map(String::from).into());
        let mut archive = ZipArchive::new(Cursor::new(&packed)).unwrap();
        let bomb = archive.by_name("messwerte.txt").unwrap();
        assert_eq!(bomb.size(), BOMB_MIB as u64 * 1024 * 1024);
        assert!(bomb.size() > 200 * bomb.compressed_size());
    }
}
