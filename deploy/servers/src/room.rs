//! Room on the disk, asked for before it is needed: on a full one builds break with strange errors and databases wait for ever.

use std::path::Path;

use anyhow::{Context, Result, bail};

const MB: u64 = 1_000_000;

/// An error that names the folder and what to do when its file system has fewer than `bytes` free.
pub fn require(folder: &Path, bytes: u64, what: &str) -> Result<()> {
    let space = rustix::fs::statvfs(folder).with_context(|| format!("cannot look at {}", folder.display()))?;
    let free = space.f_bavail * space.f_frsize;
    if free < bytes {
        bail!(
            "only {} MB are free at {}, and {what} takes {} MB; make room, for example with `cargo clean`, or put TMPDIR on \
             another disk",
            free / MB,
            folder.display(),
            bytes / MB
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_little_room_is_said_with_figures_and_a_cure() {
        let dir = tempfile::tempdir().unwrap();
        require(dir.path(), 1, "nothing").unwrap();
        let error = require(dir.path(), u64::MAX, "everything").unwrap_err().to_string();
        assert!(error.contains("everything takes") && error.contains("cargo clean"), "{error}");
        assert!(require(&dir.path().join("missing"), 1, "nothing").is_err());
    }
}
