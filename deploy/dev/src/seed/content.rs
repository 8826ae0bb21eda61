//! The learning units of `deploy/demo-content`, packed into ZIP files.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::seed::archives::Source;

/// Where the units are, seen from the root of the repository.
const HOME: &str = "deploy/demo-content";
/// In the state folder.
const ARCHIVES: &str = "demo";

/// What should become of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expectation {
    Published,
    Rejected,
}

/// One archive with what its creator would say about it.
#[derive(Debug, Clone, Deserialize)]
pub struct Unit {
    file: String,
    source: Option<Source>,
    pub title: String,
    description: String,
    pub language: String,
    level: u8,
    format: String,
    license: String,
    duration_minutes: u32,
    categories: Vec<String>,
    pub expect: Expectation,
    #[serde(skip)]
    pub path: PathBuf,
}

impl Unit {
    /// An archive that is uploaded for its size.
    pub fn measured(path: &Path) -> Self {
        Self {
            file: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            source: None,
            title: "Measured".into(),
            description: "An upload of a given size.".into(),
            language: "en".into(),
            level: 1,
            format: "mixed".into(),
            license: "CC0".into(),
            duration_minutes: 1,
            categories: vec!["audio".into()],
            expect: Expectation::Published,
            path: path.to_owned(),
        }
    }

    /// The body of `POST /nanos`.
    pub fn metadata(&self) -> Value {
        json!({
            "title": self.title,
            "description": self.description,
            "language": self.language,
            "level": self.level,
            "format": self.format,
            "license": self.license,
            "duration_minutes": self.duration_minutes,
            "categories": self.categories,
        })
    }

    /// Short enough for a table.
    pub fn name(&self) -> &str {
        self.file.trim_end_matches(".zip")
    }
}

pub struct Content {
    pub good: Vec<Unit>,
    pub bad: Vec<Unit>,
}

impl Content {
    /// Packs every archive anew into the state folder, which takes less than a second; a person may upload them by
    /// hand from there.
    pub fn pack(dir: &Path) -> Result<Self> {
        Self::pack_from(Path::new(HOME), &dir.join(ARCHIVES))
    }

    fn pack_from(home: &Path, out: &Path) -> Result<Self> {
        let list = home.join("units.json");
        let text = std::fs::read_to_string(&list)
            .with_context(|| format!("{} is missing; start in the root of the repository", list.display()))?;
        let mut units: Vec<Unit> =
            serde_json::from_str(&text).with_context(|| format!("{} is not as expected", list.display()))?;
        std::fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))?;
        for unit in &mut units {
            let source = unit.source.as_ref().with_context(|| format!("{} has no source", unit.file))?;
            let archive = source.pack(&home.join("units")).with_context(|| format!("cannot pack {}", unit.file))?;
            unit.path = out.join(&unit.file);
            std::fs::write(&unit.path, archive).with_context(|| format!("cannot write {}", unit.path.display()))?;
        }
        let (good, bad) = units.into_iter().partition(|unit| unit.expect == Expectation::Published);
        Ok(Self { good, bad })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_packed_and_no_folder_forgotten() {
        let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("../demo-content");
        let out = tempfile::tempdir().unwrap();
        let content = Content::pack_from(&home, out.path()).unwrap();
        assert_eq!((content.good.len(), content.bad.len()), (6, 2));
        let mut packed: Vec<&str> = content.good.iter().map(Unit::name).collect();
        packed.sort();
        let entries = std::fs::read_dir(home.join("units")).unwrap().map(Result::unwrap);
        let folders = entries.filter(|entry| entry.file_type().unwrap().is_dir());
        let mut folders: Vec<String> =
            folders.map(|folder| folder.file_name().to_string_lossy().into_owned()).collect();
        folders.sort();
        assert_eq!(packed, folders);
        let german = content.good.iter().filter(|unit| unit.language == "de").count();
        assert_eq!(german, 3);
        for unit in content.good.iter().chain(&content.bad) {
            assert!(unit.path.metadata().unwrap().len() > 50_000, "{}", unit.name());
        }
    }
}
