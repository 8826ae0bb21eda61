//! The folder for running jobs' files. Each process has its own below the configured one and holds a lock on it;
//! what has no living holder was left by a crash and is removed.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use anyhow::Context;

const LOCK: &str = "lock";

/// This process' own folder; removed when dropped.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    _lock: File,
}

impl Scratch {
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Makes this process' folder and removes those of processes that died.
pub fn prepare(base: &Path) -> anyhow::Result<Scratch> {
    let failed = || format!("SCRATCH_DIR={} cannot be used", base.display());
    fs::create_dir_all(base).with_context(failed)?;
    // One at a time: workers that start together would take each other's new folders for orphans, and trip over each
    // other while they remove the same one. Dropping the file gives the turn on.
    let turn = File::create(base.join(LOCK)).with_context(failed)?;
    turn.lock().with_context(failed)?;
    let path = base.join(format!("worker-{}", uuid::Uuid::now_v7()));
    fs::create_dir(&path).with_context(failed)?;
    let lock = File::create(path.join(LOCK)).with_context(failed)?;
    lock.lock().with_context(failed)?;
    for entry in fs::read_dir(base).with_context(failed)?.flatten() {
        let old = entry.path();
        if old != path && entry.file_name().to_string_lossy().starts_with("worker-") && is_orphan(&old) {
            tracing::info!(folder = %old.display(), "removing what a crashed worker left");
            fs::remove_dir_all(&old).with_context(failed)?;
        }
    }
    Ok(Scratch { path, _lock: lock })
}

/// True when nobody holds the folder's lock.
fn is_orphan(folder: &Path) -> bool {
    match File::open(folder.join(LOCK)) {
        Ok(file) => !matches!(file.try_lock(), Err(TryLockError::WouldBlock)),
        // No lock yet: it is being made right now, unless it is old.
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::metadata(folder)
            .and_then(|metadata| metadata.modified())
            .is_ok_and(|modified| modified.elapsed().is_ok_and(|age| age.as_secs() > 60)),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_without_a_living_holder_are_removed() {
        let base = tempfile::tempdir().unwrap();
        let first = prepare(base.path()).unwrap();
        let crashed = base.path().join("worker-crashed");
        fs::create_dir(&crashed).unwrap();
        File::create(crashed.join(LOCK)).unwrap();
        let second = prepare(base.path()).unwrap();
        assert!(first.path().exists() && second.path().exists());
        assert!(!crashed.exists());
        let gone = second.path().to_owned();
        drop(second);
        assert!(!gone.exists());
    }

    /// As when all workers of a machine are killed and started again at once.
    #[test]
    fn workers_that_start_together_do_not_take_each_others_folders_or_fail() {
        let base = tempfile::tempdir().unwrap();
        for round in 0..50 {
            for number in 0..4 {
                let crashed = base.path().join(format!("worker-crashed-{round}-{number}"));
                fs::create_dir(&crashed).unwrap();
                File::create(crashed.join(LOCK)).unwrap();
            }
            std::thread::scope(|scope| {
                let starting: Vec<_> = (0..4).map(|_| scope.spawn(|| prepare(base.path()))).collect();
                let started: Vec<Scratch> =
                    starting.into_iter().map(|worker| worker.join().unwrap().expect("it starts")).collect();
                assert!(started.iter().all(|scratch| scratch.path().join(LOCK).exists()), "round {round}");
            });
        }
    }
}
