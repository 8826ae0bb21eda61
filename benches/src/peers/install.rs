//! BullMQ from npm and Celery from PyPI, in the versions their lock files name, on first use.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use servers::processes::Launch;

use super::same;

/// The peers that are there, and why the others are not.
#[derive(Debug)]
pub struct Installed {
    bullmq: Result<PathBuf, String>,
    celery: Result<(PathBuf, PathBuf), String>,
}

impl Installed {
    /// Installs what is missing under `dir`. `sources` is the repository's `benches/peers`. With `must`, a peer that
    /// cannot be installed is an error; else it is skipped, and the tables say why.
    pub async fn ready(dir: &Path, sources: &Path, must: bool) -> anyhow::Result<Self> {
        let bullmq = bullmq(dir, &sources.join("bullmq")).await;
        let celery = celery(dir, &sources.join("celery")).await;
        for (name, error) in [("BullMQ", bullmq.as_ref().err()), ("Celery", celery.as_ref().err())] {
            if let (true, Some(error)) = (must, error) {
                bail!("{name} cannot be installed, and CI is set: {error:#}");
            }
        }
        Ok(Self { bullmq: bullmq.map_err(|e| format!("{e:#}")), celery: celery.map_err(|e| format!("{e:#}")) })
    }

    /// For a command that asks no peer.
    pub fn none() -> Self {
        let reason = || "this command asks no peer".to_owned();
        Self { bullmq: Err(reason()), celery: Err(reason()) }
    }

    pub(super) fn bullmq(&self) -> anyhow::Result<&Path> {
        self.bullmq.as_deref().map_err(|reason| anyhow::anyhow!("skipped: {reason}"))
    }

    pub(super) fn celery(&self) -> anyhow::Result<(&Path, &Path)> {
        let paths = self.celery.as_ref().map_err(|reason| anyhow::anyhow!("skipped: {reason}"))?;
        Ok((&paths.0, &paths.1))
    }
}

async fn bullmq(dir: &Path, source: &Path) -> anyhow::Result<PathBuf> {
    let target = dir.join("bullmq");
    fs::create_dir_all(&target)?;
    for file in ["package.json", "run.mjs"] {
        fs::copy(source.join(file), target.join(file)).with_context(|| format!("{} {file}", source.display()))?;
    }
    // Not `npm ci`: it insists on packages for other systems, which not every mirror of the registry has.
    let (lock, stamp) = (source.join("package-lock.json"), target.join("installed"));
    if !same(&lock, &stamp) {
        fs::copy(&lock, target.join("package-lock.json"))?;
        let npm = servers::programs::installed(&["npm"], "npm")?;
        Launch::new("npm install", npm, dir.join("npm.log"))
            .args(["install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"])
            .current_dir(&target)
            .run()
            .await?;
        fs::copy(&lock, &stamp)?;
    }
    Ok(target.join("run.mjs"))
}

async fn celery(dir: &Path, source: &Path) -> anyhow::Result<(PathBuf, PathBuf)> {
    let target = dir.join("celery");
    let (requirements, stamp) = (source.join("requirements.txt"), target.join("requirements.txt"));
    if !same(&requirements, &stamp) {
        let _ = fs::remove_dir_all(&target);
        let python = servers::programs::installed(&["python3"], "python3")?;
        let log = dir.join("pip.log");
        Launch::new("python3 -m venv", python, &log).args(["-m", "venv"]).arg(&target).run().await?;
        Launch::new("pip install", target.join("bin/pip"), &log)
            .args(["install", "--quiet", "--disable-pip-version-check", "--no-input", "-r"])
            .arg(&requirements)
            .run()
            .await?;
        fs::copy(&requirements, &stamp)?;
    }
    Ok((target.join("bin/python"), source.join("run.py").canonicalize()?))
}
