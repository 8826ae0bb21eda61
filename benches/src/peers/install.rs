//! The peers that are programs of their own: BullMQ from npm, Celery from PyPI, awa and pgqrs from crates.io, in the
//! versions their lock files name, on first use.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use servers::processes::Launch;

use super::{Peer, postgres::PostgresServer};
use crate::report::progress;

/// The peers that are there, and why the others are not.
#[derive(Default)]
pub struct Installed {
    sources: PathBuf,
    programs: BTreeMap<Package, Result<PathBuf, String>>,
    postgres: Option<Result<PostgresServer, String>>,
}

/// What is installed at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Package {
    BullMq,
    Celery,
    Awa,
    Pgqrs,
}

impl Package {
    const fn name(self) -> &'static str {
        match self {
            Self::BullMq => "bullmq",
            Self::Celery => "celery",
            Self::Awa => "awa",
            Self::Pgqrs => "pgqrs",
        }
    }
}

impl Installed {
    /// Installs what `peers` need and is missing under `dir`, and starts a server for those on PostgreSQL. `sources` is
    /// the repository's `benches/peers`. With `must`, a peer that cannot be had is an error; else it is skipped, and the
    /// tables say why.
    pub async fn ready(dir: &Path, sources: &Path, peers: &[Peer], must: bool) -> anyhow::Result<Self> {
        fs::create_dir_all(dir)?;
        let (dir, sources) = (dir.canonicalize()?, sources.canonicalize()?);
        let mut installed = Self { sources: sources.clone(), ..Self::default() };
        for package in peers.iter().filter_map(|peer| peer.package()) {
            if installed.programs.contains_key(&package) {
                continue;
            }
            let (target, source) = (dir.join(package.name()), sources.join(package.name()));
            let program = match package {
                Package::BullMq => bullmq(&target, &source).await,
                Package::Celery => celery(&target, &source).await,
                Package::Awa | Package::Pgqrs => crate_of_its_own(package.name(), &target, &source).await,
            };
            let program = had_or_said(&format!("{package:?}"), program, must)?;
            installed.programs.insert(package, program);
        }
        if peers.iter().any(|peer| peer.is_on_postgres()) {
            let server = PostgresServer::start(&dir).await;
            installed.postgres = Some(had_or_said("PostgreSQL", server, must)?);
        }
        Ok(installed)
    }

    pub(super) fn program(&self, package: Package) -> anyhow::Result<&Path> {
        let program = self.programs.get(&package).context("this command asks no such peer")?;
        program.as_deref().map_err(|reason| anyhow::anyhow!("not run: {reason}"))
    }

    /// The program that Celery's interpreter runs.
    pub(super) fn celery_program(&self) -> PathBuf {
        self.sources.join("celery/run.py")
    }

    pub(super) fn postgres(&self) -> anyhow::Result<&PostgresServer> {
        let server = self.postgres.as_ref().context("this command asks no peer on PostgreSQL")?;
        server.as_ref().map_err(|reason| anyhow::anyhow!("not run: {reason}"))
    }

    /// What the figures of the peers on PostgreSQL depend on; nothing where there is none.
    pub async fn postgres_settings(&self) -> anyhow::Result<String> {
        match &self.postgres {
            Some(Ok(server)) => server.described().await,
            _ => Ok(String::new()),
        }
    }

    pub async fn stop(self) -> anyhow::Result<()> {
        match self.postgres {
            Some(Ok(mut server)) => server.stop().await,
            _ => Ok(()),
        }
    }
}

/// A thing, or why it is not to be had; the latter is an error where it `must` be there.
fn had_or_said<T>(name: &str, thing: anyhow::Result<T>, must: bool) -> anyhow::Result<Result<T, String>> {
    match thing {
        Err(error) if must => bail!("{name} cannot be had, and CI is set: {error:#}"),
        thing => Ok(thing.map_err(|error| format!("{error:#}"))),
    }
}

async fn bullmq(target: &Path, source: &Path) -> anyhow::Result<PathBuf> {
    fs::create_dir_all(target)?;
    for file in ["package.json", "run.mjs"] {
        fs::copy(source.join(file), target.join(file)).with_context(|| format!("{} {file}", source.display()))?;
    }
    // Not `npm ci`: it insists on packages for other systems, which not every mirror of the registry has.
    let (lock, stamp) = (source.join("package-lock.json"), target.join("installed"));
    if !same(&lock, &stamp) {
        fs::copy(&lock, target.join("package-lock.json"))?;
        let npm = servers::programs::installed(&["npm"], "npm")?;
        Launch::new("npm install", npm, target.with_extension("log"))
            .args(["install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"])
            .current_dir(target)
            .run()
            .await?;
        fs::copy(&lock, &stamp)?;
    }
    Ok(target.join("run.mjs"))
}

/// The interpreter of an environment with Celery.
async fn celery(target: &Path, source: &Path) -> anyhow::Result<PathBuf> {
    let (requirements, stamp) = (source.join("requirements.txt"), target.join("requirements.txt"));
    if !same(&requirements, &stamp) {
        let _ = fs::remove_dir_all(target);
        let python = servers::programs::installed(&["python3"], "python3")?;
        let log = target.with_extension("log");
        Launch::new("python3 -m venv", python, &log).args(["-m", "venv"]).arg(target).run().await?;
        Launch::new("pip install", target.join("bin/pip"), &log)
            .args(["install", "--quiet", "--disable-pip-version-check", "--no-input", "-r"])
            .arg(&requirements)
            .run()
            .await?;
        fs::copy(&requirements, &stamp)?;
    }
    Ok(target.join("bin/python"))
}

/// A Rust program outside our workspace, so that its dependencies and their features stay out of our own builds. Cargo
/// itself knows whether there is anything to build.
async fn crate_of_its_own(name: &str, target: &Path, source: &Path) -> anyhow::Result<PathBuf> {
    let program = target.join(format!("release/bench-peer-{name}"));
    if !program.exists() {
        progress(&format!("building {name}; this takes some minutes, once"));
    }
    Launch::new("cargo build", servers::programs::installed(&["cargo"], "cargo")?, target.with_extension("log"))
        .args(["build", "--release", "--locked", "--quiet", "--manifest-path"])
        .arg(source.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(target)
        .run()
        .await?;
    Ok(program)
}

/// Whether `path` has the same bytes as `stamp`.
fn same(path: &Path, stamp: &Path) -> bool {
    fs::read(path).is_ok_and(|wanted| fs::read(stamp).is_ok_and(|there| there == wanted))
}
