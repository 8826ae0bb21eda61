//! A file system of limited size for a database's data, held in memory: a real full disk, on a machine whose disk is not.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

/// While it is not full. Only what is used takes memory.
const ROOMY: &str = "size=4g";

pub struct SmallDisk {
    folder: PathBuf,
}

impl SmallDisk {
    /// Mounts it at `folder`, which is made. `None` where only an administrator may mount, or it is not Linux.
    pub async fn mount(folder: &Path) -> Result<Option<Self>> {
        if !cfg!(target_os = "linux") || !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let folder = folder.canonicalize()?;
        // A container may have an administrator who may not mount.
        if let Err(error) = mount(&["-t", "tmpfs", "-o", ROOMY, "tmpfs"], &folder).await {
            tracing::debug!(%error, "no file system of limited size");
            return Ok(None);
        }
        Ok(Some(Self { folder }))
    }

    /// Lets go of one that an interrupted run has left behind.
    pub fn release(folder: &Path) {
        if cfg!(target_os = "linux") && folder.exists() {
            unmount(folder);
        }
    }

    /// From now on no file grows.
    pub async fn fill(&self) -> Result<()> {
        let used = rustix::fs::statvfs(&self.folder)?;
        let bytes = (used.f_blocks - used.f_bfree) * used.f_frsize;
        mount(&["-o", &format!("remount,size={bytes}")], &self.folder).await
    }

    pub async fn make_room(&self) -> Result<()> {
        mount(&["-o", &format!("remount,{ROOMY}")], &self.folder).await
    }
}

/// What is on it stays in the folder, for somebody who wants to look; the server has ended before.
impl Drop for SmallDisk {
    fn drop(&mut self) {
        let kept = self.folder.with_extension("kept");
        let copied = std::process::Command::new("cp").arg("--archive").args([&self.folder, &kept]).status();
        unmount(&self.folder);
        if copied.is_ok_and(|status| status.success()) && std::fs::remove_dir(&self.folder).is_ok() {
            let _ = std::fs::rename(kept, &self.folder);
        }
    }
}

async fn mount(args: &[&str], folder: &Path) -> Result<()> {
    let output = Command::new("mount").args(args).arg(folder).stdin(Stdio::null()).output().await?;
    ensure!(output.status.success(), "mount: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}

/// At once for everybody who looks from now on; for the server's open files when it has ended.
fn unmount(folder: &Path) {
    let _ = std::process::Command::new("umount").arg("--lazy").arg(folder).stderr(Stdio::null()).status();
}
