//! The packages of MySQL: fetched from Debian with sources, lists and a status of our own, and unpacked into a folder under
//! `.dev/tools`. Nothing is installed, no root is needed, and from then on no network. Removing the folder fetches anew.

use std::{
    fs::File,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use crate::processes::Launch;

const PACKAGE: &str = "mysql-server-core";
/// Debian's releases have MariaDB alone. The suite moves on, and with it the version, which each run prints.
const SOURCE: &str = "http://deb.debian.org/debian unstable main";
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
const FETCHED_WITHIN: Duration = Duration::from_secs(10 * 60);

/// Where Debian keeps the libraries, and its dynamic linker there.
#[cfg(target_arch = "aarch64")]
pub(super) const LIBRARIES: &str = "usr/lib/aarch64-linux-gnu";
#[cfg(target_arch = "aarch64")]
pub(super) const LINKER: &str = "ld-linux-aarch64.so.1";
#[cfg(not(target_arch = "aarch64"))]
pub(super) const LIBRARIES: &str = "usr/lib/x86_64-linux-gnu";
#[cfg(not(target_arch = "aarch64"))]
pub(super) const LINKER: &str = "ld-linux-x86-64.so.2";

/// MySQL cannot be had on this machine, or not now.
#[derive(Debug, thiserror::Error)]
#[error("MySQL cannot be had here: {0:#}")]
pub struct NotToBeHad(anyhow::Error);

/// Fetches the packages unless they are here already.
pub async fn fetch_mysql() -> Result<(), NotToBeHad> {
    root().await.map(drop).map_err(NotToBeHad)
}

/// The folder with the unpacked packages.
pub(super) async fn root() -> Result<PathBuf> {
    let dir = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../.dev/tools")).to_owned();
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let dir = dir.canonicalize()?.join("mysql");
    let root = dir.join("root");
    if root.exists() {
        return Ok(root);
    }
    std::fs::create_dir_all(&dir)?;
    // Whoever comes second finds what the first has fetched.
    let lock = File::create(dir.join("lock"))?;
    let lock = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock)).await??;
    if !root.exists() {
        tokio::time::timeout(FETCHED_WITHIN, fetch(&dir, &root)).await.context("fetching it takes too long")??;
    }
    drop(lock);
    Ok(root)
}

async fn fetch(dir: &Path, root: &Path) -> Result<()> {
    ensure!(cfg!(target_os = "linux"), "it is taken from Debian's packages, which run on Linux");
    ensure!(Path::new(KEYRING).exists(), "Debian's keys are missing (package debian-archive-keyring)");
    let work = dir.join("fetch");
    if work.exists() {
        std::fs::remove_dir_all(&work)?;
    }
    for folder in ["lists/partial", "cache/archives/partial", "root"] {
        std::fs::create_dir_all(work.join(folder))?;
    }
    std::fs::write(work.join("sources.list"), format!("deb [signed-by={KEYRING}] {SOURCE}\n"))?;
    // No package counts as installed, so that all of its libraries come along.
    std::fs::write(work.join("status"), "")?;
    let log = dir.join("fetch.log");
    let apt = |args: &[&str]| {
        let setting = |name: &str, value: String| ["-o".to_owned(), format!("{name}={value}")];
        let path = |name: &str, path: &str| setting(name, work.join(path).display().to_string());
        Launch::new("apt-get", "apt-get", &log)
            .arg("-q")
            .args(path("Dir::Etc::SourceList", "sources.list"))
            .args(setting("Dir::Etc::SourceParts", "/dev/null".to_owned()))
            .args(path("Dir::State", ""))
            .args(path("Dir::State::Lists", "lists"))
            .args(path("Dir::State::status", "status"))
            .args(path("Dir::Cache", "cache"))
            .args(["-o", "APT::Sandbox::User=root", "-o", "Acquire::Languages=none", "-o", "Acquire::Retries=3"])
            .args(args)
    };
    // Without this, lists that cannot be fetched are a warning, and the package is merely unknown.
    apt(&["-o", "APT::Update::Error-Mode=any", "update"]).run().await?;
    apt(&["--yes", "--download-only", "--no-install-recommends", "install", PACKAGE]).run().await?;
    let unpacked = work.join("root");
    for entry in std::fs::read_dir(work.join("cache/archives"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "deb") {
            Launch::new("dpkg", "dpkg", &log).arg("--extract").args([&path, &unpacked]).run().await?;
        }
    }
    let server = unpacked.join("usr/sbin/mysqld");
    ensure!(server.exists(), "the package {PACKAGE} has no mysqld");
    std::fs::rename(&unpacked, root)?;
    std::fs::remove_dir_all(&work)?;
    Ok(())
}
