//! The learning units of `deploy/demo-content`, built into ZIP files with a list beside them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};

const LIST: &str = "demo/metadata.json";

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
    /// Reads the list under the state folder.
    pub fn read(dir: &Path) -> Result<Self> {
        let list = dir.join(LIST);
        let text = std::fs::read_to_string(&list)
            .with_context(|| format!("{} is missing; run: make demo-content", list.display()))?;
        let mut units: Vec<Unit> =
            serde_json::from_str(&text).with_context(|| format!("{} is not as expected", list.display()))?;
        for unit in &mut units {
            unit.path = list.with_file_name(&unit.file);
        }
        let (good, bad) = units.into_iter().partition(|unit| unit.expect == Expectation::Published);
        Ok(Self { good, bad })
    }
}
