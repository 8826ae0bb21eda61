//! Errors that keep a check or a rebuild from finishing and say nothing about the archive.

use std::io;

/// The check or the rebuild could not be finished. None of these says anything about the archive.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The source or the target failed: infrastructure, worth a retry.
    #[error("reading or writing an archive failed: {0}")]
    Io(#[from] io::Error),
    /// The progress callback asked to stop.
    #[error("the check was cancelled")]
    Cancelled,
    /// Only an accepted archive can be rebuilt.
    #[error("the report does not accept this archive")]
    NotAccepted,
    /// The source is not the one the report is about.
    #[error("the archive changed since it was checked: {0}")]
    SourceChanged(String),
    /// The canonical archive would need ZIP64; unreachable with an upload limit below 4 GiB.
    #[error("the archive is too large to be rebuilt without ZIP64")]
    TooLarge,
}
