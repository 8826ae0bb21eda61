//! `worker backup`: database and bucket of one machine or a small installation, sealed, in a folder; read through, and brought
//! back.
//!
//! The database is copied first and the bucket after it, so every object that a row of the copy names is there, unless it was
//! deleted between the two. Objects are written once and never changed: what an earlier backup has of the
//! same key, size and tag is not copied again.

mod counted;
mod database;
mod folder;
mod objects;
mod progress;
mod restore;
mod run;
mod verify;

use std::{io::Write, process::ExitCode};

pub use restore::RestoreArgs;
pub use run::RunArgs;
pub use verify::VerifyArgs;

/// It was not done, or what was read is not whole.
const FAILED: u8 = 1;
/// The call makes no sense, or nothing could be read.
const UNUSABLE: u8 = 2;

#[derive(clap::Subcommand)]
#[command(after_help = "Examples:
  worker backup run --to /mnt/backups
  worker backup verify --from /mnt/backups
  worker backup restore --from /mnt/backups --backup 20261201T023000.123Z

The settings are those of `worker run` (DATABASE_URL, S3_…) and BACKUP_KEY_FILE; the programs mariadb-dump and mariadb, or mysqldump
and mysql, have to be on PATH. docs/restoring.md says what comes after a restore.")]
pub enum BackupCommand {
    /// Copy database and bucket into a folder, while everything runs.
    ///
    /// Rows are those of one moment. Exit status 0: done; 1: not done, with why; 2: unusable call.
    Run(Box<RunArgs>),
    /// Read a backup whole and compare it with what was written down when it was made.
    ///
    /// Needs nothing but the folder and the key. Exit status 0: whole; 1: broken, with what on standard output; 2: nothing could be
    /// read.
    Verify(VerifyArgs),
    /// Bring a backup back into database and bucket. Stop all programs first.
    ///
    /// Refused while the database has tables or the bucket has objects, unless --replace is given. Exit status 0: done, with what to
    /// do next; 1: not done, with why; 2: unusable call.
    Restore(Box<RestoreArgs>),
}

pub async fn backup(command: BackupCommand) -> ExitCode {
    match command {
        BackupCommand::Run(args) => run::run(*args).await,
        BackupCommand::Verify(args) => verify::run(args).await,
        BackupCommand::Restore(args) => restore::run(*args).await,
    }
}

/// Prints what was done, or why it was not.
fn ended(command: &str, done: anyhow::Result<String>) -> ExitCode {
    match done {
        Ok(text) => {
            // A closed pipe is the reader's choice.
            let _ = writeln!(std::io::stdout(), "{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "worker backup {command}: {error:#}");
            FAILED.into()
        }
    }
}

/// A number of bytes as people read it.
fn readable(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}
