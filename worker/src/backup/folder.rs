//! A folder of backups:
//!
//! ```text
//! backups/20261201T023000.123Z/manifest    what is in this backup: sizes and hashes
//! backups/20261201T023000.123Z/database    the dump
//! objects/ab/abcd…                         the bytes with this SHA-256, once for all backups
//! ```
//!
//! All files are sealed ([`infra::sealed_file`]). What stands open are times, sizes and hashes.

use std::{
    fs::{self, File, TryLockError},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};
use chrono::{DateTime, Utc};
use infra::sealed_file::{FileKey, Opening, Sealing};
use serde::{Deserialize, Serialize};

/// Of the manifest.
const FORMAT: u32 = 1;
/// What a backup is called until it is whole.
const UNFINISHED: &str = ".unfinished";
/// What a file is called whose hash is not known yet begins with this.
pub(super) const PART_OF: &str = ".part-";
/// What the sealed files are for.
pub(super) const DATABASE: &str = "database";
pub(super) const OBJECT: &str = "object";

/// What a backup has.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    format: u32,
    pub(super) name: String,
    /// The rows are those of this moment or later, of before the bucket was looked at.
    pub(super) began_at: DateTime<Utc>,
    pub(super) finished_at: DateTime<Utc>,
    /// The worker's version.
    pub(super) version: String,
    pub(super) database: Dump,
    /// By key.
    pub(super) objects: Vec<Object>,
}

/// The database, as statements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Dump {
    /// What the program that made it says of itself.
    pub(super) by: String,
    /// In bytes, before it was compressed.
    pub(super) size: u64,
    pub(super) sha256: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Object {
    pub(super) key: String,
    pub(super) size: u64,
    pub(super) etag: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) sha256: String,
}

impl Manifest {
    pub(super) fn new(name: String, began_at: DateTime<Utc>, database: Dump, objects: Vec<Object>) -> Self {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Self { format: FORMAT, name, began_at, finished_at: Utc::now(), version, database, objects }
    }

    /// Bytes of all objects.
    pub(super) fn bytes(&self) -> u64 {
        self.objects.iter().map(|object| object.size).sum()
    }
}

#[derive(Clone)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// For a new backup; made where it is not there. Nobody else makes one in it while the file is open.
    pub(super) fn for_writing(root: &Path) -> anyhow::Result<(Self, File)> {
        let folder = Self(root.to_owned());
        for part in [folder.backups(), folder.objects()] {
            fs::create_dir_all(&part).with_context(|| format!("cannot make {}", part.display()))?;
        }
        let path = root.join("lock");
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let file = file.with_context(|| format!("cannot open {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok((folder, file)),
            Err(TryLockError::WouldBlock) => bail!("another backup is being made in {}", root.display()),
            Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("cannot lock {}", path.display())),
        }
    }

    pub(super) fn for_reading(root: &Path) -> anyhow::Result<Self> {
        let folder = Self(root.to_owned());
        ensure!(folder.backups().is_dir(), "{} is no folder of backups", root.display());
        Ok(folder)
    }

    fn backups(&self) -> PathBuf {
        self.0.join("backups")
    }

    pub(super) fn objects(&self) -> PathBuf {
        self.0.join("objects")
    }

    /// Where the bytes with this hash are.
    pub(super) fn object(&self, sha256: &str) -> PathBuf {
        self.objects().join(sha256.get(..2).unwrap_or_default()).join(sha256)
    }

    /// The dump of a backup.
    pub(super) fn dump(&self, name: &str) -> PathBuf {
        self.backups().join(name).join("database")
    }

    /// The whole backups, oldest first.
    pub(super) fn names(&self) -> anyhow::Result<Vec<String>> {
        let mut names = self.all()?;
        names.retain(|name| !name.ends_with(UNFINISHED));
        Ok(names)
    }

    fn all(&self) -> anyhow::Result<Vec<String>> {
        let path = self.backups();
        let listed = fs::read_dir(&path).with_context(|| format!("cannot list {}", path.display()))?;
        let mut names = Vec::new();
        for entry in listed {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort_unstable();
        Ok(names)
    }

    /// The manifest of this backup, or of the newest.
    pub(super) fn manifest(&self, name: Option<&str>, key: &FileKey) -> anyhow::Result<Manifest> {
        let names = self.names()?;
        let name = match name {
            Some(name) if names.iter().any(|known| known == name) => name,
            Some(name) => bail!("there is no backup {name}; there are: {}", names.join(", ")),
            None => names.last().map(String::as_str).context("there is no backup in it")?,
        };
        let path = self.backups().join(name).join("manifest");
        let read = || -> anyhow::Result<Manifest> {
            let opening = Opening::begin(File::open(&path)?, key, &purpose(name))?;
            let manifest: Manifest = serde_json::from_reader(std::io::BufReader::new(opening))?;
            ensure!(manifest.format == FORMAT, "it was made by a newer release ({})", manifest.version);
            Ok(manifest)
        };
        read().with_context(|| path.display().to_string())
    }

    /// Begins a backup: what others did not finish is removed.
    pub(super) fn begin(&self, name: &str) -> anyhow::Result<Unfinished> {
        for left in self.all()?.iter().filter(|name| name.ends_with(UNFINISHED)) {
            fs::remove_dir_all(self.backups().join(left))?;
        }
        for entry in fs::read_dir(self.objects())? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(PART_OF) {
                fs::remove_file(entry.path())?;
            }
        }
        ensure!(!self.backups().join(name).exists(), "there is a backup {name} already");
        let path = self.backups().join(format!("{name}{UNFINISHED}"));
        fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Unfinished { path, whole: self.backups().join(name) })
    }
}

/// A backup that is being made.
pub(super) struct Unfinished {
    path: PathBuf,
    whole: PathBuf,
}

impl Unfinished {
    pub(super) fn dump(&self) -> anyhow::Result<File> {
        Ok(File::create_new(self.path.join("database"))?)
    }

    /// Writes the manifest, and from then on it is a backup.
    pub(super) fn finish(self, manifest: &Manifest, key: &FileKey) -> anyhow::Result<()> {
        let file = File::create_new(self.path.join("manifest"))?;
        let mut sealing = Sealing::begin(BufWriter::new(file), key, &purpose(&manifest.name))?;
        sealing.write_all(&serde_json::to_vec(manifest)?)?;
        let file = sealing.finish()?.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        file.sync_all()?;
        fs::rename(&self.path, &self.whole)?;
        File::open(self.whole.parent().unwrap_or(&self.whole))?.sync_all()?;
        Ok(())
    }
}

/// A manifest is that of its backup: under another name it does not open.
fn purpose(name: &str) -> String {
    format!("manifest {name}")
}
