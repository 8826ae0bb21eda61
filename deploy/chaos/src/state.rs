//! The progress of a run, kept in a file so that an interrupted run goes on where it stopped.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// A seed that ended without a finding.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Finished {
    pub uploads: usize,
    pub faults: usize,
    pub ambiguous: usize,
    pub seconds: u64,
    /// Its table, to be shown again.
    pub report: String,
}

/// The file: valid for one size of run and one build of the programs.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Contents {
    /// Uploads and kills asked for, and the programs' sizes and times of change.
    of: String,
    finished: BTreeMap<u64, Finished>,
    /// The seed under way, and the list of what it has uploaded.
    running: Option<(u64, PathBuf)>,
}

pub struct State {
    path: PathBuf,
    contents: Contents,
}

impl State {
    /// Reads the file. One of another run is begun anew.
    pub fn open(path: &Path, of: &str) -> Result<Self> {
        let read = std::fs::read(path).ok().and_then(|bytes| serde_json::from_slice::<Contents>(&bytes).ok());
        let contents = read.filter(|contents| contents.of == of);
        let contents = contents.unwrap_or_else(|| Contents { of: of.to_owned(), ..Contents::default() });
        Ok(Self { path: path.to_owned(), contents })
    }

    pub fn finished(&self, seed: u64) -> Option<&Finished> {
        self.contents.finished.get(&seed)
    }

    /// The seed that was under way when the last run ended early.
    pub fn interrupted(&self) -> Option<u64> {
        self.contents.running.as_ref().map(|(seed, _)| *seed)
    }

    pub fn begin(&mut self, seed: u64, uploaded: &Path) -> Result<()> {
        self.contents.running = Some((seed, uploaded.to_owned()));
        self.write()
    }

    pub fn finish(&mut self, seed: u64, finished: Finished) -> Result<()> {
        self.contents.running = None;
        self.contents.finished.insert(seed, finished);
        self.write()
    }

    /// Everything is done: the next run begins anew.
    pub fn remove(self) -> Result<()> {
        std::fs::remove_file(&self.path).with_context(|| format!("cannot remove {}", self.path.display()))
    }

    /// Written beside and moved into place: an interruption leaves the old one.
    fn write(&self) -> Result<()> {
        let beside = self.path.with_extension("tmp");
        if let Some(parent) = self.path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(&beside, serde_json::to_vec_pretty(&self.contents)?)?;
        std::fs::rename(&beside, &self.path).with_context(|| format!("cannot write {}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupted_run_goes_on_and_another_size_begins_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("chaos/state.json");
        let done = Finished { uploads: 10, faults: 5, ambiguous: 1, seconds: 9, report: "table".into() };
        let mut state = State::open(&path, "10/2").unwrap();
        state.begin(1, Path::new("a")).unwrap();
        state.finish(1, done).unwrap();
        state.begin(2, Path::new("b")).unwrap();
        let state = State::open(&path, "10/2").unwrap();
        assert_eq!(state.finished(1).unwrap().ambiguous, 1);
        assert!(state.finished(2).is_none());
        assert_eq!(state.interrupted(), Some(2));
        assert!(State::open(&path, "20/2").unwrap().finished(1).is_none());
        state.remove().unwrap();
        assert!(State::open(&path, "10/2").unwrap().finished(1).is_none());
    }
}
